/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xdm_rls_index.c - all services of resource lists in one document (see xdm_claims.h)
 *
 * Who has services is known from their claims; what they are, from the users' documents. A service
 * brings the namespaces along that its own document declared around it.
 */
#include "xdms/xdm_claims.h"

#include <stdlib.h>

#include <libxml/tree.h>

#include "xdms/auid_priv.h"

#define NAME "x/rls-services/index"

enum { AT_ONCE = 500 };

/* The index in the making. */
struct index {
	struct xdm_store *store;
	struct arena *arena;
	xmlDoc *doc;
	xmlNode *root;
	uint64_t version;
};

static int add_service(struct index *index, const struct xcap_spot *spot)
{
	xmlNode *elem, *copy;
	xmlDoc *tree;

	if (xcap_valid_tree(spot, index->arena, &tree, &elem) < 0)
		return -1;
	copy = xmlDocCopyNode(elem, index->doc, 1);
	if (copy && !xmlAddChild(index->root, copy)) {
		xmlFreeNode(copy);
		copy = NULL;
	}
	xmlFreeDoc(tree);
	return copy ? 0 : -1;
}

static int add_services(struct index *index, const struct xcap_doc *doc)
{
	const struct xcap_name name = { STRV(NS_RLS_SERVICES), STRV("service") };
	struct xcap_spot whole, root, spot;

	xcap_doc_spot(doc, &whole);
	if (!xcap_child_nth(&whole, NULL, 1, &root))
		return 0;
	for (unsigned i = 1; xcap_child_nth(&root, &name, i, &spot); i++)
		if (add_service(index, &spot) < 0)
			return -1;
	return 0;
}

static enum kv_status add_owner(struct index *index, struct strv owner)
{
	struct xdm_doc *doc;
	enum kv_status status = xdm_find_sync(index->store, owner, STRV(NAME), &doc);

	if (status != KV_DONE)
		return status;
	/* Of a document that went: of the commit that took it, or later. */
	if (doc->value.version > index->version)
		index->version = doc->value.version;
	if (doc->doc && add_services(index, doc->doc) < 0)
		status = KV_BUSY;
	xdm_doc_drop(&doc);
	return status;
}

static int by_text(const void *a, const void *b)
{
	const struct strv *x = a, *y = b;
	int order = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

	return order ? order : (x->n > y->n) - (x->n < y->n);
}

/* All who have claims, each once, in order. */
static enum kv_status read_owners(struct index *index, struct strv **owner_out, size_t *n_out)
{
	struct strv after = { NULL, 0 }, *all = NULL, *some, *more;
	enum kv_status status;
	size_t n = 0, kept = 0;
	uint64_t version;
	unsigned n_some;

	do {
		status = xdm_claims_owners_sync(index->store, STRV(NAME), after, AT_ONCE,
						index->arena, &some, &n_some, &after, &version);
		more = status == KV_DONE ? realloc(all, (n + n_some + 1) * sizeof(*all)) : NULL;
		if (!more) {
			free(all);
			return status == KV_DONE ? KV_BUSY : status;
		}
		all = more;
		memcpy(all + n, some, n_some * sizeof(*all));
		n += n_some;
		if (version > index->version)
			index->version = version;
	} while (after.n);
	qsort(all, n, sizeof(*all), by_text);
	for (size_t i = 0; i < n; i++)
		if (!kept || by_text(&all[kept - 1], &all[i]) != 0)
			all[kept++] = all[i];
	*owner_out = all;
	*n_out = kept;
	return KV_DONE;
}

static enum kv_status add_all(struct index *index)
{
	struct strv *owner = NULL;
	size_t n = 0;
	enum kv_status status = read_owners(index, &owner, &n);

	if (status != KV_DONE)
		return status;
	for (size_t i = 0; i < n && status == KV_DONE; i++)
		status = add_owner(index, owner[i]);
	free(owner);
	return status;
}

static int begin(struct index *index)
{
	xmlNs *ns;

	index->doc = xmlNewDoc(BAD_CAST "1.0");
	index->root =
		index->doc ? xmlNewDocNode(index->doc, NULL, BAD_CAST "rls-services", NULL) : NULL;
	if (!index->root)
		return -1;
	xmlDocSetRootElement(index->doc, index->root);
	ns = xmlNewNs(index->root, BAD_CAST NS_RLS_SERVICES, NULL);
	xmlSetNs(index->root, ns);
	return ns ? 0 : -1;
}

static enum kv_status print(struct index *index, struct strv *text_out)
{
	xmlChar *text = NULL;
	int n = 0;

	xmlDocDumpMemoryEnc(index->doc, &text, &n, "UTF-8");
	if (!text)
		return KV_BUSY;
	*text_out = strv_mem((const char *)text, (size_t)n);
	text_out->p = arena_strdup(index->arena, *text_out);
	xmlFree(text);
	return text_out->p ? KV_DONE : KV_BUSY;
}

static enum kv_status make(void *arg, struct xdm_store *store, struct strv owner,
			   struct arena *arena, struct strv *text_out, uint64_t *version_out)
{
	struct index index = { .store = store, .arena = arena, .version = 1 };
	enum kv_status status = KV_BUSY;

	(void)arg;
	(void)owner;
	if (begin(&index) == 0)
		status = add_all(&index);
	if (status == KV_DONE)
		status = print(&index, text_out);
	*version_out = index.version;
	xmlFreeDoc(index.doc);
	return status;
}

int xdm_rls_index_serve(struct xdm_store *store, struct err *err)
{
	const struct xdm_maker maker = { .owner = STRV(XDM_GLOBAL_OWNER),
					 .name = STRV(NAME),
					 .needs = STRV(NAME),
					 .make = make };

	return xdm_store_maker(store, &maker, err);
}
