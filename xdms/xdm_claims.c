/* SPDX-License-Identifier: Apache-2.0 */
/* xdms/xdm_claims.c - see xdm_claims.h */
#include "xdms/xdm_claims.h"

#include <inttypes.h>
#include <stdlib.h>

enum { AT_ONCE = 256, TRIES_MAX = 8, ALTS_TRIED = 12 };

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for the URIs of a document");
}

static const struct auid_unique *row_of(const struct auid_ops *usage)
{
	for (const struct auid_unique *row = usage->unique; row && row->attr; row++)
		if (row->scope == AUID_SERVER)
			return row;
	return NULL;
}

static unsigned depth_of(const struct xcap_spot *spot)
{
	struct xcap_spot at = *spot, parent;
	unsigned depth = 0;

	while (at.n_levels) {
		depth++;
		if (!xcap_spot_parent(&at, &parent))
			break;
		at = parent;
	}
	return depth;
}

int xdm_claims_concern(const struct auid_ops *usage, const struct xcap_edit *edit)
{
	/* The elements that have them stand below the root. */
	return row_of(usage) && (!edit || depth_of(&edit->spot) <= 2);
}

/* ---- what a document has ---- */

struct list {
	unsigned n, cap;
	struct xdm_claim *item;
};

static struct strv record_name(const struct xcap_rules *rules, struct strv uri, struct arena *arena)
{
	struct strv canonical;

	if (rules->canonical(rules->arg, uri, arena, &canonical) < 0)
		canonical = uri;
	if (canonical.n > XDM_CLAIM_URI_MAX)
		return strv_mem(NULL, 0);
	return strv_of(arena_printf(arena, "u/%.*s", STRV_ARG(canonical)));
}

static int add(struct list *list, const struct xdm_claim *claim, struct arena *arena)
{
	if (list->n == list->cap) {
		unsigned cap = list->cap ? list->cap * 2 : 16;
		struct xdm_claim *more = arena_zalloc(arena, cap, sizeof(*more));

		if (!more)
			return -1;
		if (list->n)
			memcpy(more, list->item, list->n * sizeof(*more));
		list->item = more;
		list->cap = cap;
	}
	list->item[list->n++] = *claim;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	struct strv x = ((const struct xdm_claim *)a)->name,
		    y = ((const struct xdm_claim *)b)->name;
	int order = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);

	return order ? order : (x.n > y.n) - (x.n < y.n);
}

/* Every URI of DOC (NULL: none), sorted, each once. 0, 1: one is too long, -1. */
static int uris_of(const struct xcap_rules *rules, const struct auid_unique *row,
		   const struct xcap_doc *doc, struct arena *arena, struct list *out)
{
	const struct xcap_name name = { strv_of(row->child.ns), strv_of(row->child.local) };
	const struct xcap_name attr = { STRV(""), strv_of(row->attr) };
	struct xcap_spot whole, root, spot;
	struct xdm_claim claim = { .pos = 0 };
	struct strv raw;
	unsigned n = 0;

	*out = (struct list){ 0 };
	if (!doc)
		return 0;
	xcap_doc_spot(doc, &whole);
	if (!xcap_child_nth(&whole, NULL, 1, &root))
		return 0;
	while (xcap_child_nth(&root, &name, ++claim.pos, &spot)) {
		if (!xcap_spot_attr(&spot, &attr, &raw))
			continue;
		if (xcap_attvalue_decode(raw, arena, &claim.uri) < 0)
			return -1;
		claim.name = record_name(rules, strv_trim(claim.uri), arena);
		if (!claim.name.n)
			return claim.uri.n > XDM_CLAIM_URI_MAX ? 1 : -1;
		if (add(out, &claim, arena) < 0)
			return -1;
	}
	if (out->n)
		qsort(out->item, out->n, sizeof(out->item[0]), by_name);
	for (unsigned i = 0; i < out->n; i++)
		if (n == 0 || by_name(&out->item[n - 1], &out->item[i]) != 0)
			out->item[n++] = out->item[i];
	out->n = n;
	return 0;
}

/* What is in A and not in B. */
static int difference(const struct list *a, const struct list *b, struct arena *arena,
		      struct list *out)
{
	*out = (struct list){ 0 };
	for (unsigned i = 0, k = 0; i < a->n; i++) {
		while (k < b->n && by_name(&b->item[k], &a->item[i]) < 0)
			k++;
		if ((k == b->n || by_name(&b->item[k], &a->item[i]) != 0) &&
		    add(out, &a->item[i], arena) < 0)
			return -1;
	}
	return 0;
}

int xdm_claims_find(const struct xcap_rules *rules, const struct xcap_req *req,
		    const struct xcap_doc *old, const struct xcap_doc *next,
		    struct xdm_claims *claims_out, struct xcap_fault *fault_out, struct err *err)
{
	struct list had, has, added, removed;
	struct arena *arena = req->arena;
	int ret;

	*claims_out = (struct xdm_claims){ .owner = req->owner,
					   .name = req->name,
					   .usage = req->usage,
					   .row = row_of(req->usage) };
	if (!claims_out->row)
		return 0;
	ret = uris_of(rules, claims_out->row, next, arena, &has);
	if (ret > 0)
		return xcap_fault_set(fault_out, XCAP_LOCAL_LIMIT,
				      "a URI is longer than 512 octets", arena);
	if (ret < 0 || uris_of(rules, claims_out->row, old, arena, &had) < 0 ||
	    difference(&has, &had, arena, &added) < 0 ||
	    difference(&had, &has, arena, &removed) < 0)
		return no_memory(err);
	/* They outlive the document that is put. */
	for (unsigned i = 0; i < added.n; i++) {
		struct strv *uri = &added.item[i].uri;

		uri->p = arena_strdup(arena, *uri);
		if (!uri->p)
			return no_memory(err);
	}
	claims_out->added = added.item;
	claims_out->n_added = added.n;
	claims_out->removed = removed.item;
	claims_out->n_removed = removed.n;
	return 0;
}

/* ---- who has it ---- */

struct holder {
	int64_t time_s;
	struct strv owner, name;
};

static int read_holder(struct strv value, struct holder *out)
{
	struct strv time;
	uint64_t time_s;

	if (!strv_cut(&value, ' ', &time) || strv_u64(time, INT64_MAX, &time_s) < 0 ||
	    !strv_cut(&value, '\0', &out->owner))
		return -1;
	out->time_s = (int64_t)time_s;
	out->name = value;
	return 0;
}

/* Does the document that claimed URI (of the record CLAIM_NAME) have it? 1, 0, -1 cannot tell. */
static int still_has(const struct xcap_rules *rules, struct xdm_store *store,
		     const struct holder *holder, struct strv claim_name, struct arena *arena)
{
	struct strv rest = holder->name, auid;
	const struct auid_ops *usage;
	struct xdm_doc *doc;
	struct list list;
	int has = 0;

	strv_cut(&rest, '/', &auid); /* "x" */
	strv_cut(&rest, '/', &auid);
	usage = auid_find(rules->table, auid);
	if (!usage || !row_of(usage))
		return 0;
	if (xdm_find_sync(store, holder->owner, holder->name, &doc) != KV_DONE)
		return -1;
	if (uris_of(rules, row_of(usage), doc->doc, arena, &list) < 0)
		has = -1;
	for (unsigned i = 0; has == 0 && i < list.n; i++)
		has = strv_eq(list.item[i].name, claim_name);
	xdm_doc_drop(&doc);
	return has;
}

static int is_user(const struct xcap_rules *rules, struct strv claim_name)
{
	struct strv uri = strv_mem(claim_name.p + 2, claim_name.n - 2); /* behind "u/" */

	return rules->is_user ? rules->is_user(rules->is_user_arg, uri) : 0;
}

/* Is RECORD of the claims (NULL: there is none) in the way of CLAIMS' document? 1, 0, -1. */
static int is_taken(const struct xcap_rules *rules, struct xdm_store *store,
		    const struct xdm_claims *claims, const struct kv_record *record,
		    struct strv claim_name, int64_t now_s, struct arena *arena)
{
	struct holder holder;

	if (!record || read_holder(record->value, &holder) < 0)
		return 0;
	if (strv_eq(holder.owner, claims->owner) && strv_eq(holder.name, claims->name))
		return 0;
	if (holder.time_s > now_s - XDM_CLAIM_GRACE_S && holder.time_s <= now_s)
		return 1; /* its document may be about to be committed */
	return still_has(rules, store, &holder, claim_name, arena);
}

static enum kv_status read_claims(struct xdm_store *store, const struct xdm_claim *claim,
				  unsigned n, struct arena *arena, struct kv_item *item)
{
	struct kv_read read = {
		.owner = STRV(XDM_CLAIMS_OWNER), .items = item, .n_items = n, .arena = arena
	};

	for (unsigned i = 0; i < n; i++)
		item[i] = (struct kv_item){ .kind = KV_GET, .from = claim[i].name };
	return kv_read_sync(xdm_store_kv(store), &read);
}

static const struct kv_record *record_of(const struct kv_item *item)
{
	return item->n_records ? &item->records[0] : NULL;
}

/* ---- the fault ---- */

/* What is free of what could be offered in place of URI. */
static unsigned find_free(const struct xcap_rules *rules, struct xdm_store *store, struct strv uri,
			  struct arena *arena, struct strv *alt)
{
	unsigned n_alt = 0;

	for (unsigned n = 1; n <= ALTS_TRIED && n_alt < AUID_ALT_MAX; n++) {
		struct xdm_claim claim = { .uri = auid_alt_value(uri, n, arena) };
		struct kv_item item;

		if (!claim.uri.n)
			break;
		claim.name = record_name(rules, claim.uri, arena);
		if (claim.name.n && is_user(rules, claim.name) == 0 &&
		    read_claims(store, &claim, 1, arena, &item) == KV_DONE && !item.n_records)
			alt[n_alt++] = claim.uri;
	}
	return n_alt;
}

static int refuse(const struct xcap_rules *rules, struct xdm_store *store,
		  const struct xdm_claims *claims, const struct xdm_claim *claim,
		  struct arena *arena, struct xcap_fault *fault_out, struct err *err)
{
	const struct auid_name *root = &claims->usage->root, *child = &claims->row->child;
	const struct auid_step path[] = {
		{ { strv_of(root->ns), strv_of(root->local) }, 1 },
		{ { strv_of(child->ns), strv_of(child->local) }, claim->pos },
	};
	struct xcap_exists *exists = arena_zalloc(arena, 1, sizeof(*exists));
	struct strv *alt = arena_zalloc(arena, AUID_ALT_MAX, sizeof(*alt));

	if (!exists || !alt)
		return no_memory(err);
	exists->field = auid_field_print(claims->usage, path, 2, claims->row->attr, arena);
	exists->alt = alt;
	exists->n_alt = find_free(rules, store, claim->uri, arena, alt);
	xcap_fault_set(fault_out, XCAP_UNIQUENESS_FAILURE, "the URI is in use", arena);
	fault_out->exists = exists;
	fault_out->n_exists = 1;
	return exists->field.n ? 1 : no_memory(err);
}

/* ---- taking ---- */

static int put_claim(struct kv_batch *batch, const struct xdm_claims *claims,
		     const struct xdm_claim *claim, const struct kv_record *old, int64_t now_s,
		     struct arena *arena)
{
	struct xcap_print print = { .arena = arena };
	struct strv value;

	xcap_print_num(&print, (uint64_t)(now_s > 0 ? now_s : 0));
	xcap_print_str(&print, " ");
	xcap_print(&print, claims->owner);
	xcap_print(&print, strv_mem("", 1));
	xcap_print(&print, claims->name);
	value = xcap_print_end(&print);
	if (!value.n || (old ? kv_batch_require_version(batch, claim->name, old->version)
			     : kv_batch_require_absent(batch, claim->name)) < 0)
		return -1;
	return kv_batch_put(batch, claim->name, value);
}

/* N claims in one commit. 0, 1, -1; 2: others changed them meanwhile. */
static int take_some(const struct xcap_rules *rules, struct xdm_store *store,
		     const struct xdm_claims *claims, const struct xdm_claim *claim, unsigned n,
		     int64_t now_s, struct arena *arena, struct xcap_fault *fault_out,
		     struct err *err)
{
	struct kv_item *item = arena_zalloc(arena, n, sizeof(*item));
	struct kv_batch *batch;
	enum kv_status status;

	if (!item)
		return no_memory(err);
	if (read_claims(store, claim, n, arena, item) != KV_DONE)
		return err_set(err, ERR_BUSY, "URIs cannot be looked up now");
	for (unsigned i = 0; i < n; i++) {
		int taken = is_user(rules, claim[i].name);

		if (taken == 0)
			taken = is_taken(rules, store, claims, record_of(&item[i]), claim[i].name,
					 now_s, arena);

		if (taken > 0)
			return refuse(rules, store, claims, &claim[i], arena, fault_out, err);
		if (taken < 0)
			return err_set(err, ERR_BUSY, "URIs cannot be looked up now");
	}
	batch = kv_batch_new(STRV(XDM_CLAIMS_OWNER));
	for (unsigned i = 0; batch && i < n; i++)
		if (put_claim(batch, claims, &claim[i], record_of(&item[i]), now_s, arena) < 0)
			kv_batch_free(&batch);
	if (!batch)
		return no_memory(err);
	status = kv_commit_sync(xdm_store_kv(store), batch).status;
	if (status == KV_DONE)
		return 0;
	return status == KV_CONFLICT ? 2 : err_set(err, ERR_BUSY, "URIs cannot be claimed now");
}

int xdm_claims_take_sync(const struct xcap_rules *rules, struct xdm_store *store,
			 const struct xdm_claims *claims, int64_t now_s, struct arena *arena,
			 struct xcap_fault *fault_out, struct err *err)
{
	unsigned done = 0, tries = 0;

	while (done < claims->n_added) {
		unsigned n = claims->n_added - done < AT_ONCE ? claims->n_added - done : AT_ONCE;
		int ret = take_some(rules, store, claims, &claims->added[done], n, now_s, arena,
				    fault_out, err);

		if (ret == 2 && ++tries < TRIES_MAX)
			continue;
		if (ret)
			return ret == 2 ? err_set(err, ERR_BUSY, "URIs cannot be claimed now")
					: ret;
		done += n;
		tries = 0;
	}
	return 0;
}

static void drop_some(struct xdm_store *store, const struct xdm_claims *claims,
		      const struct xdm_claim *claim, unsigned n, struct arena *arena)
{
	struct kv_item *item = arena_zalloc(arena, n, sizeof(*item));
	struct kv_batch *batch = kv_batch_new(STRV(XDM_CLAIMS_OWNER));
	struct holder holder;
	unsigned dropped = 0;

	if (!item || !batch || read_claims(store, claim, n, arena, item) != KV_DONE) {
		kv_batch_free(&batch);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		const struct kv_record *record = record_of(&item[i]);

		if (!record || read_holder(record->value, &holder) < 0 ||
		    !strv_eq(holder.owner, claims->owner) || !strv_eq(holder.name, claims->name))
			continue;
		if (kv_batch_require_version(batch, claim[i].name, record->version) == 0 &&
		    kv_batch_del(batch, claim[i].name) == 0)
			dropped++;
	}
	if (dropped)
		kv_commit_sync(xdm_store_kv(store), batch);
	else
		kv_batch_free(&batch);
}

void xdm_claims_drop_sync(struct xdm_store *store, const struct xdm_claims *claims,
			  struct arena *arena)
{
	for (unsigned done = 0; done < claims->n_removed; done += AT_ONCE)
		drop_some(store, claims, &claims->removed[done],
			  claims->n_removed - done < AT_ONCE ? claims->n_removed - done : AT_ONCE,
			  arena);
}

/* ---- whose there are ---- */

enum kv_status xdm_claims_owners_sync(struct xdm_store *store, struct strv name, struct strv after,
				      unsigned at_most, struct arena *arena,
				      struct strv **owner_out, unsigned *n_out,
				      struct strv *after_out, uint64_t *version_out)
{
	char *from = arena_printf(arena, "%.*s%c", STRV_ARG(after), 0);
	struct kv_item item = { .kind = KV_RANGE,
				.from = after.n ? strv_mem(from, after.n + 1) : STRV("u/"),
				.to = STRV("u0"),
				.limit = at_most };
	struct kv_read read = {
		.owner = STRV(XDM_CLAIMS_OWNER), .items = &item, .n_items = 1, .arena = arena
	};
	enum kv_status status = from ? kv_read_sync(xdm_store_kv(store), &read) : KV_BUSY;
	struct holder holder;

	*n_out = 0;
	*after_out = strv_mem(NULL, 0);
	*version_out = read.version;
	if (status != KV_DONE)
		return status;
	*owner_out = arena_zalloc(arena, item.n_records + 1, sizeof(**owner_out));
	if (!*owner_out)
		return KV_BUSY;
	for (unsigned i = 0; i < item.n_records; i++)
		if (read_holder(item.records[i].value, &holder) == 0 &&
		    strv_eq(holder.name, name) && holder.owner.n)
			(*owner_out)[(*n_out)++] = holder.owner;
	if (item.n_records == at_most)
		*after_out = item.records[at_most - 1].name;
	return KV_DONE;
}
