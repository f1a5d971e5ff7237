/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xdm_watch_read.c - what watches read from the store: entries of logs, and what was missed
 *
 * On the thread of the watches, which may block. See xdm_watch.h.
 */
#include <stdlib.h>

#include "base/log.h"
#include "xdms/xdm_watch_priv.h"

enum { JOURNAL_CHUNK = 256 };

/* ---- changes ---- */

/* Lives in its own arena. */
struct change {
	struct xdm_change change;
	_Atomic unsigned refs;
	struct arena *arena;
};

struct xdm_change *xdm_change_hold(const struct xdm_change *change)
{
	struct change *held = (struct change *)(uintptr_t)change;

	atomic_fetch_add_explicit(&held->refs, 1, memory_order_relaxed);
	return &held->change;
}

void xdm_change_drop(struct xdm_change **change)
{
	struct change *held = (struct change *)*change;
	struct arena *arena;

	*change = NULL;
	if (!held || atomic_fetch_sub_explicit(&held->refs, 1, memory_order_acq_rel) != 1)
		return;
	arena = held->arena; /* HELD is in it */
	arena_free(&arena);
}

static struct xdm_change *change_new(struct strv owner, struct strv name, uint64_t seq, int gone)
{
	struct arena *arena = arena_new(0);
	struct change *c = arena ? arena_zalloc(arena, 1, sizeof(*c)) : NULL;
	char *copy = c ? arena_alloc(arena, owner.n + name.n + 1) : NULL;

	if (!copy) {
		arena_free(&arena);
		return NULL;
	}
	memcpy(copy, owner.p, owner.n);
	if (name.n)
		memcpy(copy + owner.n, name.p, name.n);
	atomic_init(&c->refs, 1);
	c->arena = arena;
	c->change.seq = seq;
	c->change.version = gone ? 0 : seq;
	c->change.owner = strv_mem(copy, owner.n);
	c->change.name = strv_mem(copy + owner.n, name.n);
	return &c->change;
}

/* VALUE is the entry of commit VERSION; it lives as long as the change's arena. */
static void take_entry(struct xdm_change *change, struct strv value, uint64_t number)
{
	struct change *c = (struct change *)change;
	struct xdm_log_entry *entry = arena_alloc(c->arena, sizeof(*entry));
	struct err err;

	if (!entry)
		return;
	if (xdm_log_decode(value, c->arena, entry, &err) < 0) {
		if (err.code == ERR_CORRUPT)
			log_error(LOG_KV, "a document's log is damaged",
				  L_SV("owner", change->owner), L_SV("name", change->name),
				  L_ERR(&err));
		return;
	}
	entry->number = number;
	entry->version = change->seq;
	change->old_version = entry->old_version;
	change->entry = entry;
}

struct xdm_change *xdm_change_read(struct xdm_watches *watches, const struct xdm_raw *raw)
{
	struct xdm_change *change = change_new(raw->owner, raw->name, raw->seq, raw->gone);
	struct kv_item item = { .kind = KV_GET };
	struct kv_read read = { .owner = raw->owner, .items = &item, .n_items = 1 };

	if (!change || !raw->number)
		return change;
	read.arena = ((struct change *)change)->arena;
	item.from = xdm_log_entry_name(raw->name, raw->number, read.arena);
	if (item.from.n && kv_read_sync(watches->kv, &read) == KV_DONE && item.n_records &&
	    item.records[0].version == raw->seq)
		take_entry(change, item.records[0].value, raw->number);
	return change;
}

/* ---- commits ---- */

static int is_head(struct strv name)
{
	return strv_starts(name, STRV("x/")) && !memchr(name.p, '\0', name.n);
}

/* The number of the entry that CHANGE writes into the log of document NAME. */
static uint64_t number_in(const struct kv_change *change, struct strv name)
{
	for (unsigned i = 0; i < change->n_ops; i++) {
		const struct kv_op *op = &change->ops[i];
		uint64_t number = op->kind == KV_OP_PUT ? xdm_log_number(op->name) : 0;

		if (number && op->name.n > name.n &&
		    memcmp(op->name.p + 1, name.p + 1, name.n - 1) == 0 &&
		    op->name.p[name.n] == '\0')
			return number;
	}
	return 0;
}

/* A range that is not within one document's parts. */
static int takes_documents(const struct kv_op *op)
{
	return op->kind == KV_OP_DEL_RANGE &&
	       !memchr(op->name.p ? op->name.p : "", '\0', op->name.n) &&
	       strv_cmp(op->name, STRV("x0")) < 0 &&
	       (!op->to.n || strv_cmp(STRV("x/"), op->to) < 0);
}

void xdm_raw_each(const struct kv_change *change, void (*fn)(void *arg, const struct xdm_raw *raw),
		  void *arg)
{
	for (unsigned i = 0; i < change->n_ops; i++) {
		const struct kv_op *op = &change->ops[i];
		struct xdm_raw raw = { .seq = change->seq, .owner = change->owner };

		if (takes_documents(op)) {
			raw.gone = 1;
			fn(arg, &raw);
		} else if (op->kind != KV_OP_DEL_RANGE && is_head(op->name)) {
			raw.name = op->name;
			raw.gone = op->kind == KV_OP_DEL;
			raw.number = number_in(change, op->name);
			fn(arg, &raw);
		}
	}
}

int xdm_watch_wants(const struct xdm_watch *watch, struct strv owner, struct strv name)
{
	if (watch->owner.n && !strv_eq(watch->owner, owner))
		return 0;
	if (!name.n)
		return 1;
	return watch->kind == XDM_WATCH_COLLECTION ? strv_starts(name, watch->name)
						   : strv_eq(name, watch->name);
}

/* ---- what was missed ---- */

/* The entries of the document's log that lead from version SINCE to VERSION: the index of the
 * first; -1: they do not go back so far. */
static int64_t find_since(const struct kv_item *log, uint64_t since, struct arena *arena)
{
	struct xdm_log_entry entry;
	struct err err;
	int64_t found = -1;

	/* From the newest back: of a document that was not there, the last time that it came. */
	for (unsigned i = log->n_records; i-- > 0 && found < 0;) {
		if (xdm_log_decode(log->records[i].value, arena, &entry, &err) < 0)
			return -1;
		if (entry.old_version == since)
			found = i;
	}
	return found;
}

static int read_document(struct xdm_watch *watch, struct kv_read *read, struct kv_item item[2])
{
	item[0] = (struct kv_item){ .kind = KV_GET, .from = watch->name };
	item[1] =
		(struct kv_item){ .kind = KV_RANGE,
				  .from = xdm_log_entry_name(watch->name, 0, read->arena),
				  .to = xdm_log_entry_name(watch->name, UINT64_MAX, read->arena) };
	read->owner = watch->owner;
	read->items = item;
	read->n_items = watch->has_since ? 2 : 1;
	return item[1].from.n && item[1].to.n && kv_read_sync(watch->watches->kv, read) == KV_DONE
		       ? 0
		       : -1;
}

static int catch_up_document(struct xdm_watch *watch,
			     void (*fn)(struct xdm_watch *watch, struct xdm_change *change),
			     uint64_t *seen_out, uint64_t *version_out, struct arena *arena)
{
	struct kv_read read = { .arena = arena };
	struct kv_item item[2];
	int64_t first;

	if (read_document(watch, &read, item) < 0)
		return -1;
	*seen_out = read.version;
	*version_out = item[0].n_records ? item[0].records[0].version : 0;
	if (!watch->has_since || watch->since == *version_out)
		return 0;
	first = find_since(&item[1], watch->since, arena);
	if (first < 0)
		return 1;
	for (unsigned i = (unsigned)first; i < item[1].n_records; i++) {
		const struct kv_record *record = &item[1].records[i];
		struct xdm_change *change =
			change_new(watch->owner, watch->name, record->version, 0);
		char *copy = NULL;

		if (change)
			copy = arena_strdup(((struct change *)change)->arena, record->value);
		if (copy)
			take_entry(change, strv_mem(copy, record->value.n),
				   xdm_log_number(record->name));
		if (change && !change->entry)
			xdm_change_drop(&change);
		if (change && change->entry->gone)
			change->version = 0;
		fn(watch, change);
	}
	return 0;
}

struct missed {
	struct xdm_watch *watch;
	void (*fn)(struct xdm_watch *watch, struct xdm_change *change);
};

static void take_missed(void *arg, const struct xdm_raw *raw)
{
	const struct missed *missed = arg;

	if (xdm_watch_wants(missed->watch, raw->owner, raw->name))
		missed->fn(missed->watch, xdm_change_read(missed->watch->watches, raw));
}

static int catch_up_collection(struct xdm_watch *watch,
			       void (*fn)(struct xdm_watch *watch, struct xdm_change *change),
			       uint64_t *seen_out, uint64_t *version_out, struct arena *arena)
{
	struct missed missed = { watch, fn };
	struct kv_change *changes;
	uint64_t at = watch->since;
	unsigned n;
	struct err err;

	*seen_out = *version_out = kv_seq(watch->watches->kv);
	if (!watch->has_since)
		return 0;
	if (at > *seen_out)
		return 1; /* of another life of the store */
	while (at < *seen_out) {
		arena_reset(arena);
		if (kv_journal_sync(watch->watches->kv, at + 1, JOURNAL_CHUNK, arena, &changes, &n,
				    &err) < 0)
			return err.code == ERR_ABSENT ? 1 : -1;
		for (unsigned i = 0; i < n && changes[i].seq <= *seen_out; i++)
			xdm_raw_each(&changes[i], take_missed, &missed);
		if (!n)
			return 1;
		at = changes[n - 1].seq;
	}
	return 0;
}

int xdm_watch_catch_up(struct xdm_watch *watch,
		       void (*fn)(struct xdm_watch *watch, struct xdm_change *change),
		       uint64_t *seen_out, uint64_t *version_out)
{
	struct arena *arena = arena_new(0);
	int ret = -1;

	if (arena)
		ret = (watch->kind == XDM_WATCH_COLLECTION
			       ? catch_up_collection
			       : catch_up_document)(watch, fn, seen_out, version_out, arena);
	arena_free(&arena);
	return ret;
}
