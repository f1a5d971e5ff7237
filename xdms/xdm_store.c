/* SPDX-License-Identifier: Apache-2.0 */
/* xdms/xdm_store.c - see xdm_store.h */
#include "xdms/xdm_store.h"

#include <stdlib.h>

#include "base/log.h"
#include "xdms/xcap_record.h"

enum {
	FIND_ARENA_BYTES = 0, /* a document is as large as the store lets it be */
	HOOKS_MAX = 8,
	MAKERS_MAX = 4,
	NODES_MAX = 4000000, /* of a stored document */
	ID_BYTES = 4,	     /* of a chunk's number in its name */
	KEY_MAX = KV_OWNER_MAX + 1 + KV_NAME_MAX
};

struct xdm_store {
	struct kv *kv;
	struct jobs *jobs;
	struct cache *cache;
	uint64_t epoch;
	struct xdm_log_keep keep;
	struct xdm_hook hook[HOOKS_MAX];
	unsigned n_hooks;
	struct xdm_maker maker[MAKERS_MAX];
	unsigned n_makers;
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
	free((char *)doc->log.p);
	free(doc);
}

/* Takes DOC over, also when memory is short (NULL then). LOG is copied. */
static struct xdm_doc *doc_new(struct xcap_doc *doc, uint64_t version, struct strv log,
			       uint64_t log_version)
{
	struct xdm_doc *made = malloc(sizeof(*made));
	char *copy = log.n ? strv_dup(log) : NULL;

	if (!made || (log.n && !copy)) {
		free(made);
		free(copy);
		xcap_doc_drop(&doc);
		return NULL;
	}
	/* An index takes about as much as the octets that it is of. */
	cache_value_init(&made->value, version,
			 sizeof(*made) + log.n + (doc ? 2 * xcap_doc_octets(doc) : 0), destroy);
	made->doc = doc;
	made->log = strv_mem(copy, log.n);
	made->log_version = log_version;
	return made;
}

void xdm_doc_drop(struct xdm_doc **doc)
{
	struct cache_value *value = *doc ? &(*doc)->value : NULL;

	*doc = NULL;
	cache_value_drop(&value);
}

/* ---- changes ---- */

/* 1 when NAME is not that of a document: a chunk's or a log entry's, or where a range of those
 * begins. What they belong to changes with its head. */
static int is_of_parts(struct strv name)
{
	return (strv_starts(name, STRV("x/")) || strv_starts(name, STRV("p/"))) &&
	       memchr(name.p, '\0', name.n) != NULL;
}

static void tell_changed(struct xdm_store *store, struct strv owner, struct strv name, uint64_t seq)
{
	for (unsigned i = 0; i < store->n_hooks; i++)
		if (store->hook[i].changed)
			store->hook[i].changed(store->hook[i].arg, owner, name, seq);
}

/* OWNER's document NAME (empty: each of them) has changed: what is made of it is void. */
static void forget_made(struct xdm_store *store, struct strv owner, struct strv name, uint64_t seq)
{
	char buf[KEY_MAX];

	for (unsigned i = 0; i < store->n_makers; i++) {
		const struct xdm_maker *maker = &store->maker[i];

		if (!name.n || strv_starts(name, maker->needs))
			cache_forget(store->cache,
				     cache_key(maker->owner.n ? maker->owner : owner, maker->name,
					       buf),
				     seq);
	}
}

static void on_change(void *arg, const struct kv_change *change)
{
	struct xdm_store *store = arg;
	char buf[KEY_MAX];

	for (unsigned i = 0; i < change->n_ops; i++) {
		const struct kv_op *op = &change->ops[i];

		if (is_of_parts(op->name))
			continue;
		if (op->kind == KV_OP_DEL_RANGE) {
			cache_forget_all(store->cache, cache_key(change->owner, STRV(""), buf),
					 change->seq);
			forget_made(store, change->owner, STRV(""), change->seq);
			tell_changed(store, change->owner, STRV(""), change->seq);
		} else if (strv_starts(op->name, STRV("x/"))) {
			cache_forget(store->cache, cache_key(change->owner, op->name, buf),
				     change->seq);
			forget_made(store, change->owner, op->name, change->seq);
			tell_changed(store, change->owner, op->name, change->seq);
		}
	}
}

int xdm_store_new(struct kv *kv, struct jobs *jobs, size_t cache_bytes,
		  const struct xdm_log_keep *log_keep, struct xdm_store **store_out,
		  struct err *err)
{
	struct xdm_store *store = calloc(1, sizeof(*store));

	if (!store)
		return err_set(err, ERR_NOMEM, "no memory for the document store");
	store->kv = kv;
	store->jobs = jobs;
	store->epoch = kv_epoch(kv);
	store->keep = *log_keep;
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

int xdm_store_hook(struct xdm_store *store, const struct xdm_hook *hook, struct err *err)
{
	if (store->n_hooks == HOOKS_MAX)
		return err_set(err, ERR_LIMIT, "too many hooks of the document store");
	store->hook[store->n_hooks++] = *hook;
	return 0;
}

int xdm_store_maker(struct xdm_store *store, const struct xdm_maker *maker, struct err *err)
{
	if (store->n_makers == MAKERS_MAX)
		return err_set(err, ERR_LIMIT, "too many documents that the server makes");
	store->maker[store->n_makers++] = *maker;
	return 0;
}

struct jobs *xdm_store_jobs(const struct xdm_store *store)
{
	return store->jobs;
}

struct kv *xdm_store_kv(const struct xdm_store *store)
{
	return store->kv;
}

uint64_t xdm_store_epoch(const struct xdm_store *store)
{
	return store->epoch;
}

/* ---- look-up ---- */

/* The number at the end of a chunk's name; XCAP_RECORD_HEAD when it has none. */
static uint32_t chunk_id(struct strv name, size_t head_bytes)
{
	uint32_t id = 0;

	if (name.n != head_bytes + 1 + ID_BYTES)
		return XCAP_RECORD_HEAD;
	for (size_t i = head_bytes + 1; i < name.n; i++)
		id = id << 8 | (unsigned char)name.p[i];
	return id;
}

/* The document of the records that were read: the head is the first of them, its log's head stands
 * in the second item. */
static enum kv_status decode(const struct xdm_find *find, const struct kv_item *item,
			     uint64_t owner_version, struct arena *arena, struct xdm_doc **doc_out)
{
	struct xcap_record *chunk = arena_zalloc(arena, item->n_records + 1, sizeof(*chunk));
	const struct kv_record none = { .version = 0 };
	const struct kv_record *log = item[1].n_records ? &item[1].records[0] : &none;
	/* What was stored was within the bounds of its usage. */
	struct xcap_limits limits = xcap_limits_default;
	struct xcap_doc *doc = NULL;
	struct err err;

	if (!chunk)
		return KV_BUSY;
	limits.octets = KV_READ_BYTES_MAX;
	limits.nodes = NODES_MAX;
	for (unsigned i = 1; i < item->n_records; i++)
		chunk[i - 1] = (struct xcap_record){ chunk_id(item->records[i].name, find->name.n),
						     item->records[i].value };
	if (item->n_records && xcap_record_load(item->records[0].value, chunk, item->n_records - 1,
						&limits, &doc, &err) < 0) {
		if (err.code == ERR_NOMEM)
			return KV_BUSY;
		log_error(LOG_KV, "a stored document is damaged", L_SV("owner", find->owner),
			  L_SV("name", find->name), L_ERR(&err));
		return KV_FAILED;
	}
	*doc_out = doc_new(doc, item->n_records ? item->records[0].version : owner_version,
			   log->value, log->version);
	return *doc_out ? KV_DONE : KV_BUSY;
}

/* NAME with END behind it, in ARENA; empty when memory is short. */
static struct strv extend(struct strv name, struct strv end, struct arena *arena)
{
	char *text = arena_alloc(arena, name.n + end.n);

	if (!text)
		return (struct strv){ NULL, 0 };
	memcpy(text, name.p, name.n);
	memcpy(text + name.n, end.p, end.n);
	return strv_mem(text, name.n + end.n);
}

static const struct xdm_maker *maker_of(const struct xdm_find *find)
{
	for (unsigned i = 0; i < find->store->n_makers; i++) {
		const struct xdm_maker *maker = &find->store->maker[i];

		if (strv_eq(maker->name, find->name) &&
		    (!maker->owner.n || strv_eq(maker->owner, find->owner)))
			return maker;
	}
	return NULL;
}

static enum kv_status make(const struct xdm_maker *maker, struct xdm_find *find,
			   struct arena *arena)
{
	const struct strv no_log = { NULL, 0 };
	struct xcap_limits limits = xcap_limits_default;
	struct xcap_doc *doc;
	enum kv_status status;
	uint64_t version;
	struct strv text;
	struct err err;

	status = maker->make(maker->arg, find->store, find->owner, arena, &text, &version);
	if (status != KV_DONE)
		return status;
	limits.octets = KV_READ_BYTES_MAX;
	limits.nodes = NODES_MAX;
	if (xcap_doc_parse(text, &limits, &doc, &err) < 0)
		return KV_BUSY;
	find->found = doc_new(doc, version, no_log, 0);
	return find->found ? KV_DONE : KV_BUSY;
}

static void run_find(struct job *job)
{
	struct xdm_find *find = (struct xdm_find *)(void *)job;
	const struct xdm_maker *maker = maker_of(find);
	struct kv_item item[] = { { .kind = KV_RANGE, .from = find->name }, { .kind = KV_GET } };
	struct kv_read read = { .owner = find->owner, .items = item, .n_items = 2 };

	find->status = KV_BUSY;
	read.arena = arena_new(FIND_ARENA_BYTES);
	if (!read.arena)
		return;
	if (maker) {
		find->status = make(maker, find, read.arena);
		arena_free(&read.arena);
		return;
	}
	item[0].to = extend(find->name, STRV("\1"), read.arena);
	item[1].from = xdm_log_name(find->name, read.arena);
	if (item[0].to.n && item[1].from.n)
		find->status = kv_read_sync(find->store->kv, &read);
	if (find->status == KV_DONE)
		find->status = decode(find, item, read.version, read.arena, &find->found);
	arena_free(&read.arena);
}

static void remember(struct xdm_find *find)
{
	char buf[KEY_MAX];

	if (find->found)
		cache_fill(find->store->cache, cache_key(find->owner, find->name, buf),
			   &find->found->value, find->ticket);
}

static void done_find(struct job *job)
{
	struct xdm_find *find = (struct xdm_find *)(void *)job;

	remember(find);
	find->done(find, find->found, find->status);
}

/* 1 when the cache has it. */
static int find_cached(struct xdm_store *store, struct xdm_find *find)
{
	char buf[KEY_MAX];

	find->store = store;
	find->found = (struct xdm_doc *)(void *)cache_get(store->cache,
							  cache_key(find->owner, find->name, buf),
							  &find->ticket);
	return find->found != NULL;
}

enum kv_status xdm_find_sync(struct xdm_store *store, struct strv owner, struct strv name,
			     struct xdm_doc **doc_out)
{
	struct xdm_find find = { .owner = owner, .name = name, .status = KV_DONE };

	if (!find_cached(store, &find)) {
		run_find(&find.job);
		remember(&find);
	}
	*doc_out = find.found;
	return find.status;
}

void xdm_find(struct xdm_store *store, struct xdm_find *find)
{
	find->job.run = run_find;
	find->job.done = done_find;
	if (find_cached(store, find))
		find->done(find, find->found, KV_DONE);
	else if (jobs_submit(store->jobs, &find->job) < 0)
		find->done(find, NULL, KV_BUSY);
}

/* ---- change ---- */

static struct strv chunk_name(struct strv name, uint32_t id, struct arena *arena)
{
	const char end[1 + ID_BYTES] = { 0, (char)(id >> 24), (char)(id >> 16), (char)(id >> 8),
					 (char)id };

	return id == XCAP_RECORD_HEAD ? name : extend(name, strv_mem(end, sizeof(end)), arena);
}

static int del_chunks(struct kv_batch *batch, struct strv name, struct arena *arena)
{
	struct strv from = extend(name, STRV("\0"), arena), to = extend(name, STRV("\1"), arena);

	return from.n && to.n ? kv_batch_del_range(batch, from, to) : -1;
}

static int put_changes(struct kv_batch *batch, struct strv name, const struct xcap_doc *doc,
		       const struct xcap_doc *old, struct arena *arena)
{
	struct xcap_record *record;
	unsigned n;

	if (xcap_record_changes(doc, old, arena, &record, &n) < 0)
		return -1;
	for (unsigned i = 0; i < n; i++) {
		struct strv at = chunk_name(name, record[i].id, arena);

		if (!at.n || (record[i].bytes.n ? kv_batch_put(batch, at, record[i].bytes)
						: kv_batch_del(batch, at)) < 0)
			return -1;
	}
	return 0;
}

/* Fails when OLD is not the current version. The log's head, too: a document may have come and gone
 * since it was seen to be absent. */
static int require(struct kv_batch *batch, const struct xdm_write *write, struct strv log_name)
{
	const struct xdm_doc *old = write->old;

	if ((old->doc ? kv_batch_require_version(batch, write->name, old->value.version)
		      : kv_batch_require_absent(batch, write->name)) < 0)
		return -1;
	return old->log_version ? kv_batch_require_version(batch, log_name, old->log_version)
				: kv_batch_require_absent(batch, log_name);
}

static int write_doc(struct kv_batch *batch, const struct xdm_write *write, struct arena *arena)
{
	if (write->old->doc && !write->edit && del_chunks(batch, write->name, arena) < 0)
		return -1;
	return write->doc ? put_changes(batch, write->name, write->doc,
					write->edit ? write->old->doc : NULL, arena)
			  : kv_batch_del(batch, write->name);
}

/* The entry of WRITE, as octets; empty when memory is short. */
static struct strv make_entry(const struct xdm_store *store, const struct xdm_write *write,
			      struct arena *arena)
{
	const struct xcap_doc *old = write->old->doc;
	struct xdm_log_entry entry = { .kind = write->kind,
				       .epoch = store->epoch,
				       .old_version = old ? write->old->value.version : 0,
				       .gone = !write->doc,
				       .time_us = write->time_us,
				       .undoes = write->undoes,
				       .who = write->who,
				       .selector = write->selector,
				       .has_removed = 1 };

	if (write->edit)
		entry.patch = write->edit->patch;
	if (xcap_delta_find(old, write->doc, write->edit, arena, &entry.delta) < 0)
		return strv_mem(NULL, 0);
	return xdm_log_encode(&entry, store->keep.bytes, arena);
}

/* Delete entries FROM to before TO. */
static int forget(struct kv_batch *batch, struct strv name, uint64_t from, uint64_t to,
		  struct arena *arena)
{
	struct strv first = xdm_log_entry_name(name, from, arena);
	struct strv end = xdm_log_entry_name(name, to, arena);

	if (from == to)
		return 0;
	if (!first.n || !end.n)
		return -1;
	return to - from == 1 ? kv_batch_del(batch, first) : kv_batch_del_range(batch, first, end);
}

static int fill_batch(struct xdm_store *store, struct kv_batch *batch,
		      const struct xdm_write *write, struct arena *arena, struct xdm_log_step *step)
{
	struct strv log_name = xdm_log_name(write->name, arena), entry, name;
	struct err err;

	if (!log_name.n || require(batch, write, log_name) < 0 ||
	    write_doc(batch, write, arena) < 0)
		return -1;
	entry = make_entry(store, write, arena);
	if (!entry.n)
		return -1;
	if (xdm_log_step(write->old->log, entry.n, write->time_us / 1000000, &store->keep, arena,
			 step, &err) < 0) {
		if (err.code != ERR_NOMEM)
			log_error(LOG_KV, "a document's log is damaged",
				  L_SV("owner", write->owner), L_SV("name", write->name),
				  L_ERR(&err));
		return -1;
	}
	name = xdm_log_entry_name(write->name, step->number, arena);
	if (!name.n || kv_batch_put(batch, name, entry) < 0 ||
	    kv_batch_put(batch, log_name, step->head) < 0)
		return -1;
	return forget(batch, write->name, step->gone, step->gone + step->n_gone, arena);
}

int xdm_batch_add(struct xdm_store *store, struct kv_batch *batch, const struct xdm_write *write,
		  struct xdm_doc **next_out)
{
	struct arena *arena = arena_new(FIND_ARENA_BYTES);
	struct xcap_doc *doc = write->doc;
	struct xdm_log_step step;

	*next_out = NULL;
	if (batch && arena && fill_batch(store, batch, write, arena, &step) == 0) {
		*next_out = doc_new(doc, 0, step.head, 0);
		doc = NULL;
	}
	xcap_doc_drop(&doc);
	arena_free(&arena);
	return *next_out ? 0 : -1;
}

struct kv_batch *xdm_batch(struct xdm_store *store, const struct xdm_write *write,
			   struct xdm_doc **next_out)
{
	struct kv_batch *batch = kv_batch_new(write->owner);

	if (xdm_batch_add(store, batch, write, next_out) < 0)
		kv_batch_free(&batch);
	return batch;
}

void xdm_commit(struct xdm_store *store, struct kv_batch *batch, kv_commit_fn *done, void *arg)
{
	kv_commit(store->kv, batch, done, arg);
}

void xdm_publish(struct xdm_store *store, struct strv owner, struct strv name, struct xdm_doc **doc,
		 uint64_t seq)
{
	char buf[KEY_MAX];

	/* Nobody else can see it yet. */
	(*doc)->value.version = (*doc)->log_version = seq;
	cache_publish(store->cache, cache_key(owner, name, buf), &(*doc)->value);
	for (unsigned i = 0; i < store->n_hooks; i++)
		if (store->hook[i].published)
			store->hook[i].published(store->hook[i].arg, owner, name, *doc);
	xdm_doc_drop(doc);
}

struct kv_commit_result xdm_commit_sync(struct xdm_store *store, struct kv_batch *batch)
{
	return kv_commit_sync(store->kv, batch);
}

enum kv_status xdm_log_read_sync(struct xdm_store *store, struct strv owner, struct strv name,
				 uint64_t from, struct arena *arena, struct kv_item *item_out)
{
	struct kv_read read = { .owner = owner, .items = item_out, .n_items = 1, .arena = arena };

	*item_out = (struct kv_item){ .kind = KV_RANGE,
				      .from = xdm_log_entry_name(name, from, arena),
				      .to = xdm_log_entry_name(name, UINT64_MAX, arena) };
	return item_out->from.n && item_out->to.n ? kv_read_sync(store->kv, &read) : KV_BUSY;
}

enum kv_status xdm_next_sync(struct xdm_store *store, struct strv owner, struct strv after,
			     struct arena *arena, struct strv *name_out, uint64_t *version_out)
{
	/* Its chunks stand behind a head: they are passed over. */
	struct kv_item item = { .kind = KV_RANGE,
				.from = after.n ? extend(after, STRV("\1"), arena) : STRV("x/"),
				.to = STRV("x0"),
				.limit = 1 };
	struct kv_read read = { .owner = owner, .items = &item, .n_items = 1, .arena = arena };
	enum kv_status status = item.from.n ? kv_read_sync(store->kv, &read) : KV_BUSY;

	*name_out = item.n_records ? item.records[0].name : strv_mem(NULL, 0);
	*version_out = item.n_records ? item.records[0].version : 0;
	return status;
}

/* OWNER_VERSION_OUT as xdm_head_sync. */
static enum kv_status next_head(struct xdm_store *store, struct strv owner, struct strv after,
				struct arena *arena, struct xdm_head *head_out,
				uint64_t *owner_version_out)
{
	struct kv_item item = { .kind = KV_RANGE,
				.from = after.n ? extend(after, STRV("\1"), arena) : STRV("x/"),
				.to = STRV("x0"),
				.limit = 1 };
	struct kv_read read = { .owner = owner, .items = &item, .n_items = 1, .arena = arena };
	enum kv_status status = item.from.n ? kv_read_sync(store->kv, &read) : KV_BUSY;

	memset(head_out, 0, sizeof(*head_out));
	*owner_version_out = read.version;
	if (status != KV_DONE || !item.n_records)
		return status;
	head_out->name = item.records[0].name;
	head_out->version = item.records[0].version;
	head_out->octets = xcap_record_octets(item.records[0].value);
	return KV_DONE;
}

enum kv_status xdm_size_sync(struct xdm_store *store, struct strv owner, struct strv after,
			     struct arena *arena, struct xdm_head *head_out)
{
	uint64_t version;

	return next_head(store, owner, after, arena, head_out, &version);
}

enum kv_status xdm_head_sync(struct xdm_store *store, struct strv owner, struct strv after,
			     struct arena *arena, struct xdm_head *head_out,
			     uint64_t *owner_version_out)
{
	enum kv_status status = next_head(store, owner, after, arena, head_out, owner_version_out);
	struct kv_item item = { .kind = KV_GET };
	struct kv_read read = { .owner = owner, .items = &item, .n_items = 1, .arena = arena };

	if (status != KV_DONE || !head_out->name.n)
		return status;
	item.from = xdm_log_name(head_out->name, arena);
	status = item.from.n ? kv_read_sync(store->kv, &read) : KV_BUSY;
	if (status == KV_DONE && read.version != *owner_version_out)
		return KV_CONFLICT;
	if (status == KV_DONE && item.n_records)
		head_out->time_s = xdm_log_time(item.records[0].value);
	return status;
}
