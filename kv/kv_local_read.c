/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_local_read.c - reading one owner at one moment, and lists of owners
 *
 * Ranges are read in chunks with the map's cursor closed in between, so that a long read never
 * holds up a commit. That all of it is of one moment is seen by the owner's version, read before
 * and after: each commit of the owner changes it. What was read is gathered outside the caller's
 * arena and moved there when it is known to be good, so repeating costs the arena nothing.
 */
#include "kv/kv_local.h"

#include <stdlib.h>

enum { CHUNK = 32, TRIES = 4, DEADLOCKS_MAX = 1000 };

/* ---- walks ---- */

struct step {
	struct kv_walk *walk;
	struct kv_buf *last;
	uint64_t seen;
	int nomem;
};

static int on_entry(void *arg, struct strv key, struct strv data)
{
	struct step *step = arg;
	struct kv_walk *walk = step->walk;

	step->last->n = 0;
	step->nomem = kv_buf_append(step->last, key.p, key.n) < 0;
	if (step->nomem)
		return 1;
	step->seen++;
	walk->stopped = walk->fn(walk->arg, key, data);
	return walk->stopped;
}

/* Go on behind the last key: its successor is the key with one NUL more. */
static int advance(struct kv_walk *walk, const struct kv_buf *last)
{
	struct kv_buf *edge = walk->reverse ? &walk->to : &walk->from;

	edge->n = 0;
	if (kv_buf_append(edge, last->p, last->n) < 0)
		return KV_MAP_NOMEM;
	return walk->reverse || kv_buf_append(edge, "\0", 1) == 0 ? 0 : KV_MAP_NOMEM;
}

/* One chunk of at most MAX. Returns 0 the end, 1 stopped, 2 there may be more, or a fault. */
static int walk_chunk(struct kv_walk *walk, struct step *step, unsigned max)
{
	uint64_t before = step->seen;
	int got;

	got = walk->map->ops->scan(walk->map, 0, walk->table, strv_mem(walk->from.p, walk->from.n),
				   strv_mem(walk->to.p, walk->to.n), walk->reverse, max, on_entry,
				   step);
	if (step->nomem)
		return KV_MAP_NOMEM;
	if (walk->stopped)
		return 1;
	if (got < 0 && got != KV_MAP_RETRY)
		return got;
	if (got == KV_MAP_RETRY && walk->retries)
		++*walk->retries;
	if (step->seen > before && advance(walk, step->last) < 0)
		return KV_MAP_NOMEM;
	return got == KV_MAP_RETRY || (unsigned)got == max ? 2 : 0;
}

int kv_walk_run(struct kv_walk *walk, struct strv from, struct strv to, uint64_t max)
{
	struct kv_buf last = { NULL, 0, 0 };
	struct step step = { walk, &last, 0, 0 };
	int got = 2;

	walk->from = (struct kv_buf){ NULL, 0, 0 };
	walk->to = (struct kv_buf){ NULL, 0, 0 };
	if (kv_buf_append(&walk->from, from.p, from.n) < 0 ||
	    kv_buf_append(&walk->to, to.p, to.n) < 0)
		got = KV_MAP_NOMEM;
	while (got == 2) {
		uint64_t left = max ? max - step.seen : CHUNK;

		got = left ? walk_chunk(walk, &step, left < CHUNK ? (unsigned)left : CHUNK) : 1;
	}
	kv_buf_fini(&walk->from);
	kv_buf_fini(&walk->to);
	kv_buf_fini(&last);
	return got;
}

int kv_owner_version(struct kv_local *local, struct strv owner, struct kv_buf *buf,
		     uint64_t *version_out)
{
	int found = KV_MAP_RETRY;

	for (unsigned i = 0; found == KV_MAP_RETRY && i < DEADLOCKS_MAX; i++)
		found = local->map->ops->get(local->map, 0, KV_RECORDS, owner, buf);
	*version_out = 0;
	if (found <= 0)
		return found;
	return kv_owner_decode(owner, strv_mem(buf->p, buf->n), version_out) < 0 ? KV_MAP_CORRUPT
										 : 0;
}

/* ---- gathering ---- */

/* A record's place in the gathered octets: the name, then the value. */
struct found {
	size_t at, name_bytes, value_bytes;
	uint64_t version;
};

struct gather {
	struct kv_local *local;
	struct kv_read *read;
	struct kv_buf bytes;
	struct kv_buf found; /* of struct found */
	struct kv_buf key, key_to, data;
	unsigned *counts; /* records of each item */
	int fault;
};

static int add_found(struct gather *gather, struct strv key, struct strv data)
{
	struct strv value, name;
	struct found found;

	if (kv_record_open(key, data, &value, &found.version) < 0)
		return KV_MAP_CORRUPT;
	name = strv_mem(key.p + gather->read->owner.n + 1, key.n - gather->read->owner.n - 1);
	found.at = gather->bytes.n;
	found.name_bytes = name.n;
	found.value_bytes = value.n;
	if (name.n + value.n > KV_READ_BYTES_MAX - gather->bytes.n ||
	    kv_buf_append(&gather->bytes, name.p, name.n) < 0 ||
	    kv_buf_append(&gather->bytes, value.p, value.n) < 0 ||
	    kv_buf_append(&gather->found, &found, sizeof(found)) < 0)
		return KV_MAP_NOMEM;
	return 0;
}

static int on_record(void *arg, struct strv key, struct strv data)
{
	struct gather *gather = arg;

	gather->fault = add_found(gather, key, data);
	return gather->fault < 0;
}

static int gather_get(struct gather *gather, const struct kv_item *item)
{
	const struct kv_map_ops *ops = gather->local->map->ops;
	int got = KV_MAP_RETRY;

	if (item->from.n > KV_NAME_MAX)
		return 0;
	gather->key.n = 0;
	if (kv_key_make(&gather->key, gather->read->owner, &item->from) < 0)
		return KV_MAP_NOMEM;
	for (unsigned i = 0; got == KV_MAP_RETRY && i < DEADLOCKS_MAX; i++)
		got = ops->get(gather->local->map, 0, KV_RECORDS,
			       strv_mem(gather->key.p, gather->key.n), &gather->data);
	if (got <= 0)
		return got;
	return add_found(gather, strv_mem(gather->key.p, gather->key.n),
			 strv_mem(gather->data.p, gather->data.n));
}

static int gather_range(struct gather *gather, const struct kv_item *item)
{
	struct kv_walk walk = { .map = gather->local->map,
				.table = KV_RECORDS,
				.reverse = item->reverse != 0,
				.fn = on_record,
				.arg = gather,
				.retries = &gather->local->engine.retries };
	int got;

	gather->key.n = 0;
	gather->key_to.n = 0;
	if (kv_key_make(&gather->key, gather->read->owner, &item->from) < 0 ||
	    kv_key_make(&gather->key_to, gather->read->owner, item->to.n ? &item->to : NULL) < 0)
		return KV_MAP_NOMEM;
	/* One more than the limit tells whether there is more. */
	got = kv_walk_run(&walk, strv_mem(gather->key.p, gather->key.n),
			  strv_mem(gather->key_to.p, gather->key_to.n),
			  item->limit ? (uint64_t)item->limit + 1 : 0);
	return got < 0 ? got : gather->fault;
}

static int gather_items(struct gather *gather)
{
	struct kv_read *read = gather->read;

	gather->bytes.n = 0;
	gather->found.n = 0;
	for (unsigned i = 0; i < read->n_items; i++) {
		struct kv_item *item = &read->items[i];
		size_t before = gather->found.n;
		int fault = item->kind == KV_GET ? gather_get(gather, item)
						 : gather_range(gather, item);

		if (fault < 0)
			return fault;
		gather->counts[i] = (unsigned)((gather->found.n - before) / sizeof(struct found));
	}
	return 0;
}

/* Move what was gathered into the caller's arena. Returns 0 or -1. */
static int hand_over(struct gather *gather)
{
	struct kv_read *read = gather->read;
	const struct found *found = (const void *)gather->found.p;
	size_t n = gather->found.n / sizeof(*found);
	char *bytes = arena_alloc(read->arena, gather->bytes.n ? gather->bytes.n : 1);
	struct kv_record *records = arena_zalloc(read->arena, n ? n : 1, sizeof(*records));

	if (!bytes || !records)
		return -1;
	if (gather->bytes.n)
		memcpy(bytes, gather->bytes.p, gather->bytes.n);
	for (size_t i = 0; i < n; i++) {
		const char *at = bytes + found[i].at;

		records[i].name = strv_mem(at, found[i].name_bytes);
		records[i].value = strv_mem(at + found[i].name_bytes, found[i].value_bytes);
		records[i].version = found[i].version;
	}
	for (unsigned i = 0; i < read->n_items; i++) {
		struct kv_item *item = &read->items[i];
		unsigned count = gather->counts[i];

		item->more = item->kind == KV_RANGE && item->limit && count > item->limit;
		item->n_records = item->more ? item->limit : count;
		item->records = records;
		records += count;
	}
	return 0;
}

/* Returns 0 gathered, 1 the owner moved, or a fault. */
static int gather_once(struct gather *gather, int exclusive)
{
	struct kv_read *read = gather->read;
	uint64_t after;
	int fault;

	fault = kv_owner_version(gather->local, read->owner, &gather->data, &read->version);
	if (fault == 0)
		fault = gather_items(gather);
	if (fault < 0 || exclusive)
		return fault;
	fault = kv_owner_version(gather->local, read->owner, &gather->data, &after);
	return fault < 0 ? fault : after != read->version;
}

static int gather_consistent(struct gather *gather, int exclusive)
{
	int got = 1;

	for (unsigned tries = 0; got == 1 && tries < TRIES; tries++) {
		if (tries)
			gather->local->engine.retries++;
		got = gather_once(gather, exclusive);
	}
	return got;
}

static int read_status(struct gather *gather, int got)
{
	switch (got) {
	case 0:
		return hand_over(gather) < 0 ? KV_BUSY : KV_DONE;
	case 1:
	case KV_MAP_RETRY:
		return KV_MOVED;
	case KV_MAP_NOMEM:
		return KV_BUSY;
	default:
		return KV_FAILED;
	}
}

/* An owner that cannot exist has nothing. */
static int owner_possible(struct strv owner)
{
	return owner.n && owner.n <= KV_OWNER_MAX && !memchr(owner.p, '\0', owner.n);
}

int kv_local_read(struct kv_engine *engine, struct kv_read *read, int exclusive)
{
	struct gather gather = { .local = (struct kv_local *)engine, .read = read };
	int status;

	for (unsigned i = 0; i < read->n_items; i++) {
		read->items[i].n_records = 0;
		read->items[i].more = 0;
	}
	read->version = 0;
	if (!owner_possible(read->owner))
		return KV_DONE;
	gather.counts = calloc(read->n_items + 1, sizeof(*gather.counts));
	status = gather.counts ? read_status(&gather, gather_consistent(&gather, exclusive))
			       : KV_BUSY;
	free(gather.counts);
	kv_buf_fini(&gather.bytes);
	kv_buf_fini(&gather.found);
	kv_buf_fini(&gather.key);
	kv_buf_fini(&gather.key_to);
	kv_buf_fini(&gather.data);
	return status;
}

/* ---- owners ---- */

struct owner_at {
	unsigned n;
	char owner[KV_OWNER_MAX];
	size_t owner_bytes;
	int records;
};

/* An owner's version and its first record, or whatever stands there. */
static int on_owner(void *arg, struct strv key, struct strv data)
{
	struct owner_at *at = arg;
	struct strv owner, name;
	int kind = kv_key_split(key, &owner, &name);

	(void)data;
	if (kind < 0)
		return 0;
	if (at->n++ == 0) {
		memcpy(at->owner, owner.p, owner.n);
		at->owner_bytes = owner.n;
	} else if (!strv_eq(owner, strv_mem(at->owner, at->owner_bytes))) {
		return 1;
	}
	at->records |= kind;
	return at->records;
}

int kv_local_owners(struct kv_engine *engine, struct strv after, unsigned max, struct arena *arena,
		    struct strv **owners_out, unsigned *n_out, struct err *err)
{
	struct kv_local *local = (struct kv_local *)engine;
	struct strv *owners = arena_zalloc(arena, max ? max : 1, sizeof(*owners));
	char from[KV_OWNER_MAX + 1];
	size_t from_bytes = after.n + 1;
	unsigned n = 0;

	if (!owners)
		return kv_local_fault(KV_MAP_NOMEM, "owners", err);
	if (after.n > KV_OWNER_MAX)
		return err_set(err, ERR_RANGE, "owner of %zu octets: at most %d can be", after.n,
			       KV_OWNER_MAX);
	if (after.n)
		memcpy(from, after.p, after.n);
	from[after.n] = '\1';
	while (n < max) {
		struct owner_at at = { .n = 0 };
		struct kv_walk walk = {
			.map = local->map, .table = KV_RECORDS, .fn = on_owner, .arg = &at
		};
		int got = kv_walk_run(&walk, strv_mem(from, from_bytes), strv_mem(NULL, 0), 2);

		if (got < 0)
			return kv_local_fault(got, "owners", err);
		if (!at.n)
			break;
		if (at.records) {
			char *copy = arena_strdup(arena, strv_mem(at.owner, at.owner_bytes));

			if (!copy)
				return kv_local_fault(KV_MAP_NOMEM, "owners", err);
			owners[n++] = strv_mem(copy, at.owner_bytes);
		}
		memcpy(from, at.owner, at.owner_bytes);
		from[at.owner_bytes] = '\1';
		from_bytes = at.owner_bytes + 1;
	}
	*owners_out = owners;
	*n_out = n;
	return 0;
}

/* ---- journal ---- */

struct entries {
	struct arena *arena;
	struct kv_change *changes;
	unsigned n;
	uint64_t next;
	int fault; /* 1: an entry is missing */
};

static int on_change(void *arg, struct strv key, struct strv data)
{
	struct entries *entries = arg;
	char *copy = arena_alloc(entries->arena, data.n);
	uint64_t group;
	int got;

	if (!copy) {
		entries->fault = KV_MAP_NOMEM;
		return 1;
	}
	memcpy(copy, data.p, data.n);
	got = kv_entry_decode(key, strv_mem(copy, data.n), entries->arena,
			      &entries->changes[entries->n], &group);
	if (got < 0)
		entries->fault = got == -2 ? KV_MAP_NOMEM : KV_MAP_CORRUPT;
	else if (entries->changes[entries->n].seq != entries->next)
		entries->fault = 1;
	if (entries->fault)
		return 1;
	entries->n++;
	entries->next++;
	return 0;
}

int kv_local_journal(struct kv_engine *engine, uint64_t from, unsigned max, struct arena *arena,
		     struct kv_change **changes_out, unsigned *n_out, struct err *err)
{
	struct kv_local *local = (struct kv_local *)engine;
	uint64_t last = engine->seq, left;
	struct entries entries = { arena, NULL, 0, from ? from : 1, 0 };
	struct kv_walk walk = { .map = local->map,
				.table = KV_JOURNAL,
				.fn = on_change,
				.arg = &entries,
				.retries = &engine->retries };
	uint8_t key[KV_SEQ_BYTES];
	unsigned n;
	int got = 0;

	from = entries.next;
	left = from <= last ? last - from + 1 : 0;
	n = left < max ? (unsigned)left : max;
	entries.changes = arena_zalloc(arena, n ? n : 1, sizeof(*entries.changes));
	if (!entries.changes)
		return kv_local_fault(KV_MAP_NOMEM, "journal", err);
	if (from >= engine->journal_first && n) {
		kv_be_put(key, from, sizeof(key));
		got = kv_walk_run(&walk, strv_mem(key, sizeof(key)), strv_mem(NULL, 0), n);
	}
	if (got < 0 || entries.fault < 0)
		return kv_local_fault(got < 0 ? got : entries.fault, "journal", err);
	/* What was trimmed meanwhile is missed only at the front. */
	if (from < engine->journal_first && entries.n < n)
		return err_set(err, ERR_ABSENT, "the journal begins at %llu, not at %llu",
			       (unsigned long long)engine->journal_first, (unsigned long long)from);
	if (entries.n < n)
		return kv_local_fault(KV_MAP_CORRUPT, "journal", err);
	*changes_out = entries.changes;
	*n_out = n;
	return 0;
}
