/* SPDX-License-Identifier: Apache-2.0 */
/* xdms/xdm_store.c - see xdm_store.h */
#include "xdms/xdm_store.h"

#include <stdlib.h>

enum {
	FORMAT = 1,	      /* first octet of a record; the document's octets follow */
	FIND_ARENA_BYTES = 0, /* a document is as large as the store lets it be */
	KEY_MAX = KV_OWNER_MAX + 1 + KV_NAME_MAX
};

struct xdm_store {
	struct kv *kv;
	struct jobs *jobs;
	struct cache *cache;
};

/* ---- keys ---- */

struct strv xdm_name(struct strv auid, const struct strv *segment, unsigned n, struct arena *arena)
{
	size_t bytes = 2 + auid.n;
	char *name, *at;

	for (unsigned i = 0; i < n; i++)
		bytes += 1 + segment[i].n;
	name = bytes <= XDM_NAME_MAX ? arena_alloc(arena, bytes) : NULL;
	if (!name)
		return (struct strv){ NULL, 0 };
	memcpy(name, "x/", 2);
	memcpy(name + 2, auid.p, auid.n);
	at = name + 2 + auid.n;
	for (unsigned i = 0; i < n; i++) {
		*at++ = '/';
		memcpy(at, segment[i].p, segment[i].n);
		at += segment[i].n;
	}
	return strv_mem(name, bytes);
}

/* OWNER and NAME as one key of the cache. */
static struct strv cache_key(struct strv owner, struct strv name, char buf[KEY_MAX])
{
	memcpy(buf, owner.p, owner.n);
	buf[owner.n] = '\0';
	if (name.n)
		memcpy(buf + owner.n + 1, name.p, name.n);
	return strv_mem(buf, owner.n + 1 + name.n);
}

/* ---- values ---- */

static void destroy(struct cache_value *value)
{
	struct xdm_doc *doc = (struct xdm_doc *)(void *)value;

	xcap_doc_drop(&doc->doc);
	free(doc);
}

/* Takes DOC over, also when memory is short (NULL then). */
static struct xdm_doc *doc_new(struct xcap_doc *doc, uint64_t version)
{
	struct xdm_doc *made = malloc(sizeof(*made));

	if (!made) {
		xcap_doc_drop(&doc);
		return NULL;
	}
	/* An index takes about as much as the octets that it is of. */
	cache_value_init(&made->value, version,
			 sizeof(*made) + (doc ? 2 * xcap_doc_octets(doc) : 0), destroy);
	made->doc = doc;
	return made;
}

/* ---- changes ---- */

static void on_change(void *arg, const struct kv_change *change)
{
	struct xdm_store *store = arg;
	char buf[KEY_MAX];

	for (unsigned i = 0; i < change->n_ops; i++) {
		const struct kv_op *op = &change->ops[i];

		if (op->kind == KV_OP_DEL_RANGE)
			cache_forget_all(store->cache, cache_key(change->owner, STRV(""), buf),
					 change->seq);
		else if (strv_starts(op->name, STRV("x/")))
			cache_forget(store->cache, cache_key(change->owner, op->name, buf),
				     change->seq);
	}
}

int xdm_store_new(struct kv *kv, struct jobs *jobs, size_t cache_bytes,
		  struct xdm_store **store_out, struct err *err)
{
	struct xdm_store *store = calloc(1, sizeof(*store));

	if (!store)
		return err_set(err, ERR_NOMEM, "no memory for the document store");
	store->kv = kv;
	store->jobs = jobs;
	store->cache = cache_new(cache_bytes);
	if (!store->cache) {
		free(store);
		return err_set(err, ERR_NOMEM, "no memory for the cache of documents");
	}
	if (kv_subscribe(kv, on_change, store, err) < 0) {
		xdm_store_free(&store);
		return -1;
	}
	*store_out = store;
	return 0;
}

void xdm_store_free(struct xdm_store **store_at)
{
	struct xdm_store *store = *store_at;

	*store_at = NULL;
	if (!store)
		return;
	cache_free(&store->cache);
	free(store);
}

struct jobs *xdm_store_jobs(const struct xdm_store *store)
{
	return store->jobs;
}

uint64_t xdm_store_epoch(const struct xdm_store *store)
{
	return kv_epoch(store->kv);
}

/* ---- look-up ---- */

/* The document of a record that was read. */
static enum kv_status decode(const struct kv_item *item, uint64_t owner_version,
			     struct xdm_doc **doc_out)
{
	struct xcap_doc *doc = NULL;
	struct strv value;

	if (item->n_records) {
		value = item->records[0].value;
		if (value.n < 1 || value.p[0] != FORMAT)
			return KV_FAILED;
		value = strv_mem(value.p + 1, value.n - 1);
		if (xcap_doc_parse(value, NULL, &doc, NULL) < 0)
			return KV_FAILED;
	}
	*doc_out = doc_new(doc, item->n_records ? item->records[0].version : owner_version);
	return *doc_out ? KV_DONE : KV_BUSY;
}

static void run_find(struct job *job)
{
	struct xdm_find *find = (struct xdm_find *)(void *)job;
	struct kv_item item = { .kind = KV_GET, .from = find->name };
	struct kv_read read = { .owner = find->owner, .items = &item, .n_items = 1 };

	find->status = KV_BUSY;
	read.arena = arena_new(FIND_ARENA_BYTES);
	if (!read.arena)
		return;
	find->status = kv_read_sync(find->store->kv, &read);
	if (find->status == KV_DONE)
		find->status = decode(&item, read.version, &find->found);
	arena_free(&read.arena);
}

static void done_find(struct job *job)
{
	struct xdm_find *find = (struct xdm_find *)(void *)job;
	char buf[KEY_MAX];

	if (find->found)
		cache_fill(find->store->cache, cache_key(find->owner, find->name, buf),
			   &find->found->value, find->ticket);
	find->done(find, find->found, find->status);
}

void xdm_find(struct xdm_store *store, struct xdm_find *find)
{
	char buf[KEY_MAX];

	find->store = store;
	find->job.run = run_find;
	find->job.done = done_find;
	find->found = (struct xdm_doc *)(void *)cache_get(store->cache,
							  cache_key(find->owner, find->name, buf),
							  &find->ticket);
	if (find->found)
		find->done(find, find->found, KV_DONE);
	else if (jobs_submit(store->jobs, &find->job) < 0)
		find->done(find, NULL, KV_BUSY);
}

/* ---- change ---- */

struct gather {
	char *at;
};

static int copy_piece(void *arg, struct strv piece)
{
	struct gather *gather = arg;

	memcpy(gather->at, piece.p, piece.n);
	gather->at += piece.n;
	return 0;
}

static int put_doc(struct kv_batch *batch, struct strv name, const struct xcap_doc *doc)
{
	size_t bytes = 1 + xcap_doc_octets(doc);
	char *value = malloc(bytes);
	struct gather gather = { value + 1 };
	struct xcap_spot whole;
	int ret;

	if (!value)
		return -1;
	value[0] = FORMAT;
	xcap_doc_spot(doc, &whole);
	xcap_spot_text(&whole, copy_piece, &gather);
	ret = kv_batch_put(batch, name, strv_mem(value, bytes));
	free(value);
	return ret;
}

struct kv_batch *xdm_batch(struct strv owner, struct strv name, const struct xdm_doc *old,
			   const struct xcap_doc *doc)
{
	struct kv_batch *batch = kv_batch_new(owner);

	if (!batch)
		return NULL;
	if ((old->doc ? kv_batch_require_version(batch, name, old->value.version)
		      : kv_batch_require_absent(batch, name)) < 0 ||
	    (doc ? put_doc(batch, name, doc) : kv_batch_del(batch, name)) < 0)
		kv_batch_free(&batch);
	return batch;
}

void xdm_commit(struct xdm_store *store, struct kv_batch *batch, kv_commit_fn *done, void *arg)
{
	kv_commit(store->kv, batch, done, arg);
}

void xdm_publish(struct xdm_store *store, struct strv owner, struct strv name, struct xcap_doc *doc,
		 uint64_t seq)
{
	struct xdm_doc *made = doc_new(doc, seq);
	char buf[KEY_MAX];

	if (!made)
		return; /* the next request reads it from the store */
	cache_publish(store->cache, cache_key(owner, name, buf), &made->value);
	cache_value_drop((struct cache_value **)(void *)&made);
}
