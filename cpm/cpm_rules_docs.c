/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/cpm_rules_docs.c - the documents of a flight, and where references lead
 *
 * See cpm_rules_priv.h. References are written as documents have them: absolute (external-list
 * anc, external anchor) or below the XCAP root (entry-ref). Only lists and groups of the served
 * owner and of the global tree are followed; those of other people are theirs to read, and count as
 * lists that cannot be had. The operator's policy may lead everywhere.
 */
#include <stdlib.h>

#include "base/xml.h"
#include "cpm/cpm_rules_priv.h"
#include "xdms/xcap_uri.h"
#include "xdms/xdm_store.h"

#define NS_RESOURCE_LISTS "urn:ietf:params:xml:ns:resource-lists"
#define NS_GROUPS	  "urn:oma:xml:poc:list-service"

enum { REF_ARENA_BYTES = 64 << 10 };

/* As large as the usages let them be. */
static const struct xml_limits limits = {
	.bytes = 4 << 20,
	.value_bytes = 64 << 10,
	.depth = 64,
	.attributes = 64,
	.namespaces = 128,
	.nodes = 200000,
};

/* ---- documents ---- */

struct flight_doc *flight_want(struct flight *f, struct strv owner, struct strv name)
{
	struct flight_doc *doc = f->docs;
	int own = f->kind == VALUE_USER && strv_eq(owner, flight_id(f));

	while (doc && (!strv_eq(doc->name, name) || !strv_eq(doc->owner, owner)))
		doc = doc->next;
	if (doc || f->n_docs == RULES_DOCS_MAX)
		return doc;
	doc = calloc(1, sizeof(*doc) + owner.n + name.n);
	if (!doc) {
		f->failed = 1;
		return NULL;
	}
	memcpy(doc->text, owner.p, owner.n);
	memcpy(doc->text + owner.n, name.p, name.n);
	doc->owner = strv_mem(doc->text, owner.n);
	doc->name = strv_mem(doc->text + owner.n, name.n);
	doc->flight = f;
	/* From before it is read: a change from now on is told. Of the documents that every user
	 * has that is known without. */
	if (!own || rules_own_doc(name) < 0) {
		struct dep *dep = deps_add(&f->rules->deps, owner, name, strv_mem(f->key, f->n));

		if (!dep) {
			free(doc);
			f->failed = 1;
			return NULL;
		}
		dep->next_of_value = f->deps;
		f->deps = dep;
	}
	doc->next = f->docs;
	f->docs = doc;
	f->n_docs++;
	f->wants = 1;
	return doc;
}

void flight_forget_docs(struct flight *f)
{
	while (f->lists) {
		struct flight_list *list = f->lists;

		f->lists = list->next;
		pol_set_drop(&list->set);
		free(list);
	}
	while (f->docs) {
		struct flight_doc *doc = f->docs;

		f->docs = doc->next;
		xmlFreeDoc(doc->xml);
		pol_doc_drop(&doc->code);
		free(doc->bytes);
		free(doc);
	}
	while (f->homes) {
		struct flight_home *home = f->homes;

		f->homes = home->next;
		free(home);
	}
}

const xmlDoc *flight_xml(struct flight_doc *doc)
{
	struct err err;

	if (!doc->xml && !doc->is_broken &&
	    xml_parse(strv_mem(doc->bytes, doc->n_bytes), &limits, &doc->xml, NULL, &err) < 0) {
		if (err.code == ERR_NOMEM)
			doc->flight->failed = 1;
		else
			doc->is_broken = 1;
	}
	return doc->xml;
}

/* One answer is there. */
static void arrived(struct flight *f)
{
	if (atomic_fetch_sub_explicit(&f->pending, 1, memory_order_acq_rel) == 1)
		flight_landed(f);
}

static void on_got(void *arg, enum cpm_got got, struct strv bytes, uint64_t version)
{
	struct flight_doc *doc = arg;

	doc->known = 1;
	doc->got = got;
	doc->version = version;
	if (got == CPM_GOT_DOC) {
		doc->bytes = malloc(bytes.n + 1);
		if (doc->bytes) {
			memcpy(doc->bytes, bytes.p, bytes.n);
			doc->n_bytes = bytes.n;
		} else {
			doc->got = CPM_GOT_BUSY;
		}
	}
	arrived(doc->flight);
}

static void on_home(void *arg, int found, struct strv home)
{
	struct flight_home *asked = arg;

	asked->found = home.n > sizeof(asked->home) ? -1 : found;
	if (asked->found == 1) {
		memcpy(asked->home, home.p, home.n);
		asked->n_home = home.n;
	}
	arrived(asked->flight);
}

void flight_fetch(struct flight *f)
{
	const struct cpm_rules_options *options = &f->rules->options;
	unsigned n = 1;

	f->wants = 0;
	for (struct flight_doc *doc = f->docs; doc; doc = doc->next)
		n += !doc->asked;
	for (struct flight_home *home = f->homes; home; home = home->next)
		n += !home->asked;
	/* The last one is ours: nobody goes on while we walk through the lists. */
	atomic_store_explicit(&f->pending, n, memory_order_release);
	for (struct flight_doc *doc = f->docs; doc; doc = doc->next)
		if (!doc->asked) {
			doc->asked = 1;
			options->source.get(options->source.arg, doc->owner, doc->name, on_got,
					    doc);
		}
	for (struct flight_home *home = f->homes; home; home = home->next)
		if (!home->asked) {
			home->asked = 1;
			options->home(options->home_arg, strv_mem(home->id, home->n), on_home,
				      home);
		}
	arrived(f);
}

/* ---- references ---- */

/* Host and port of an absolute URI, without a port that http and https imply; empty: none. */
static struct strv authority_of(struct strv uri)
{
	const char *at = uri.n ? memmem(uri.p, uri.n, "://", 3) : NULL;
	struct strv rest, authority;

	if (!at)
		return strv_mem(NULL, 0);
	rest = strv_mem(at + 3, uri.n - (size_t)(at + 3 - uri.p));
	strv_cut(&rest, '/', &authority);
	if (authority.n > 3 && memcmp(authority.p + authority.n - 3, ":80", 3) == 0)
		authority.n -= 3;
	else if (authority.n > 4 && memcmp(authority.p + authority.n - 4, ":443", 4) == 0)
		authority.n -= 4;
	return authority;
}

/* REF, absolute or below the root, taken apart: 1; 0 there can be no such list here; -1 it is
 * elsewhere, or no memory. */
static int take_apart(const struct flight *f, struct strv ref, struct arena *arena,
		      struct xcap_uri *uri_out)
{
	const struct cpm_rules_options *options = &f->rules->options;
	struct strv authority = authority_of(ref), ours = authority_of(options->root_uri);
	struct err err;

	if (authority.n && ours.n && !strv_caseeq(authority, ours))
		return -1;
	if (!authority.n) {
		const char *full =
			arena_printf(arena, "%.*s/%.*s", STRV_ARG(options->root), STRV_ARG(ref));

		if (!full)
			return -1;
		ref = strv_of(full);
	}
	if (xcap_uri_parse(ref, options->root, arena, uri_out, &err) == 0)
		return 1;
	return err.code == ERR_NOMEM || (authority.n && !ours.n) ? -1 : 0;
}

/* Whose lists are those of the identity XUI: 1 and OWNER_OUT; 0 nobody's; -1 not known (yet). */
static int owner_of(struct flight *f, struct strv xui, struct strv *owner_out, struct arena *arena)
{
	struct auth_identity identity;
	struct flight_home *home = f->homes;
	struct strv text;
	struct err err;

	if (auth_identity_parse(xui, &f->rules->options.domains, &identity, &err) < 0)
		return 0;
	text = auth_identity_text(&identity);
	*owner_out = strv_mem(arena_strdup(arena, text), text.n);
	if (!owner_out->p)
		return -1;
	if (strv_eq(text, f->owner) || !f->rules->options.home)
		return 1;
	while (home && !strv_eq(strv_mem(home->id, home->n), text))
		home = home->next;
	if (home && home->asked) {
		*owner_out = strv_mem(home->home, home->n_home);
		f->busy |= home->found < 0;
		return home->found;
	}
	if (!home) {
		home = calloc(1, sizeof(*home) + text.n);
		if (!home) {
			f->failed = 1;
			return -1;
		}
		home->flight = f;
		home->n = text.n;
		memcpy(home->id, text.p, text.n);
		home->next = f->homes;
		f->homes = home;
	}
	f->wants = 1;
	return -1;
}

/* ---- one element of a document ---- */

static int is_named(const xmlChar *local, const xmlNs *ns, const struct xcap_name *name)
{
	return strv_eq(strv_of((const char *)local), name->local) &&
	       strv_eq(ns ? strv_of((const char *)ns->href) : strv_mem(NULL, 0), name->ns);
}

static int has_attr(const xmlNode *node, const struct xcap_step *step)
{
	for (const xmlAttr *attr = node->properties; attr; attr = attr->next)
		if (is_named(attr->name, attr->ns, &step->attr)) {
			xmlChar *text = xmlNodeGetContent((const xmlNode *)(const void *)attr);
			int same = text && strv_eq(strv_of((const char *)text), step->value);

			xmlFree(text);
			return same;
		}
	return 0;
}

/* The element that STEP selects from FIRST on along its siblings (RFC 4825 s6.3). */
static const xmlNode *take_step(const xmlNode *first, const struct xcap_step *step)
{
	uint32_t pos = 0;

	for (const xmlNode *node = first; node; node = node->next) {
		if (node->type != XML_ELEMENT_NODE ||
		    (!step->any && !is_named(node->name, node->ns, &step->name)))
			continue;
		pos++;
		if ((step->pos == XCAP_POS_NONE || step->pos == pos) &&
		    (!step->has_attr || has_attr(node, step)))
			return node;
	}
	return NULL;
}

static const xmlNode *select_node(const xmlDoc *xml, const struct xcap_uri *uri, const char *ns,
				  struct arena *arena)
{
	const xmlNode *node = NULL;
	struct xcap_sel sel;
	struct err err;

	if (!uri->has_node)
		return xmlDocGetRootElement(xml);
	if (xcap_sel_parse(uri->node, uri->query, strv_of(ns), arena, &sel, &err) < 0 ||
	    sel.kind != XCAP_SEL_ELEMENT)
		return NULL;
	for (unsigned i = 0; i < sel.n_steps; i++) {
		node = take_step(i ? node->children : xml->children, &sel.step[i]);
		if (!node)
			return NULL;
	}
	return node;
}

/* ---- following ---- */

static enum pol_list_outcome look_in(struct flight_doc *doc, const struct xcap_uri *uri,
				     const char *ns, struct arena *arena, const xmlNode **elem_out)
{
	const xmlDoc *xml;

	if (!doc || !doc->known)
		return POL_LIST_MISSING;
	if (doc->got == CPM_GOT_ABSENT)
		return POL_LIST_GONE;
	if (doc->got == CPM_GOT_BUSY) {
		doc->flight->busy = 1;
		return POL_LIST_MISSING;
	}
	xml = flight_xml(doc);
	if (!xml)
		return POL_LIST_MISSING;
	*elem_out = select_node(xml, uri, ns, arena);
	return *elem_out ? POL_LIST_FOUND : POL_LIST_GONE;
}

static int is_of_operator(const struct flight *f)
{
	return f->kind == VALUE_OPERATOR ||
	       (f->kind == VALUE_DRAFT && f->draft->kind == POL_OPERATOR);
}

static enum pol_list_outcome follow(struct flight *f, struct strv ref, struct arena *arena,
				    const xmlNode **elem_out)
{
	struct strv owner = STRV(XDM_GLOBAL_OWNER), name;
	struct xcap_uri uri;
	const char *ns;
	int ret = take_apart(f, ref, arena, &uri);

	if (ret <= 0)
		return ret < 0 ? POL_LIST_MISSING : POL_LIST_GONE;
	if (strv_eq(uri.auid, STRV("resource-lists")))
		ns = NS_RESOURCE_LISTS;
	else if (strv_eq(uri.auid, STRV("org.openmobilealliance.groups")))
		ns = NS_GROUPS;
	else
		return POL_LIST_GONE;
	if (uri.tree == XCAP_USERS) {
		ret = owner_of(f, uri.xui, &owner, arena);
		if (ret <= 0)
			return ret < 0 ? POL_LIST_MISSING : POL_LIST_GONE;
		if (!is_of_operator(f) && !strv_eq(owner, f->owner))
			return POL_LIST_MISSING;
	}
	name = xdm_name(uri.auid, uri.segment, uri.n_segments, arena);
	if (!name.n || owner.n > RULES_OWNER_MAX)
		return POL_LIST_GONE;
	return look_in(flight_want(f, owner, name), &uri, ns, arena, elem_out);
}

enum pol_list_outcome flight_follow(struct flight *f, struct strv ref, const xmlNode **elem_out)
{
	struct arena *arena = arena_new(REF_ARENA_BYTES);
	enum pol_list_outcome outcome;

	if (!arena) {
		f->failed = 1;
		return POL_LIST_MISSING;
	}
	outcome = follow(f, ref, arena, elem_out);
	arena_free(&arena);
	return outcome;
}
