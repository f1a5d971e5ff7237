/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_local_trim.c - where the journal begins and ends, and its trimming
 *
 * The last entry is never trimmed: it is the record of the last sequence number. Trimming rides on
 * the groups, a few entries more than each adds, so that it costs no sync of its own and never
 * holds a commit up. With the entry that emptied an owner goes the owner's version, so that nothing
 * of somebody who was erased outlives the journal's retention.
 */
#include "kv/kv_local.h"

#include "base/log.h"

static struct strv seq_key(uint8_t key[KV_SEQ_BYTES], uint64_t seq)
{
	kv_be_put(key, seq, KV_SEQ_BYTES);
	return strv_mem(key, KV_SEQ_BYTES);
}

/* ---- start ---- */

struct ends {
	struct kv_local *local; /* whose ENTRY gets the owner of the last */
	int found, damaged, nomem;
	uint64_t seq;
};

static int on_first(void *arg, struct strv key, struct strv data)
{
	struct ends *ends = arg;

	(void)data;
	ends->found = 1;
	ends->damaged = key.n != KV_SEQ_BYTES;
	ends->seq = ends->damaged ? 0 : kv_be_get(key.p, KV_SEQ_BYTES);
	return 1;
}

static int on_last(void *arg, struct strv key, struct strv data)
{
	struct ends *ends = arg;
	struct kv_local *local = ends->local;
	struct kv_change change;

	ends->found = 1;
	ends->damaged = kv_entry_decode(key, data, local->arena, &change, &local->group) < 0;
	if (ends->damaged)
		return 1;
	ends->seq = change.seq;
	local->time_us = change.time_us;
	local->entry.n = 0;
	ends->nomem = kv_buf_append(&local->entry, change.owner.p, change.owner.n) < 0;
	return 1;
}

/* One end of the journal. Returns 1 found, 0 the journal is empty, -1 with ERR. */
static int find_end(struct kv_local *local, int last, uint64_t *seq_out, struct err *err)
{
	struct ends ends = { .local = local };
	struct strv all = { NULL, 0 };
	int fault;

	fault = local->map->ops->scan(local->map, 0, KV_JOURNAL, all, all, last, 1,
				      last ? on_last : on_first, &ends);
	if (fault < 0)
		return kv_local_fault(fault, "the journal's end", err);
	if (ends.damaged || ends.nomem)
		return kv_local_fault(ends.nomem ? KV_MAP_NOMEM : KV_MAP_CORRUPT,
				      "the journal's end", err);
	*seq_out = ends.seq;
	return ends.found;
}

static int on_owner(void *arg, struct strv key, struct strv data)
{
	struct ends *ends = arg;

	(void)data;
	ends->found |= !strv_eq(key, kv_meta_key);
	return ends->found;
}

/* Both tables are written in one transaction and the last entry is never trimmed: its owner is at
 * its number, and a store without entries has no owners. Numbers would be given out twice else.
 * Returns 0, or -1 with ERR. */
static int ends_agree(struct kv_local *local, uint64_t last, struct err *err)
{
	struct ends ends = { .local = local };
	struct strv all = { NULL, 0 };
	uint64_t version = 0;
	int fault;

	if (last > 0)
		fault = kv_owner_version(local, strv_mem(local->entry.p, local->entry.n),
					 &local->buf, &version);
	else
		fault = local->map->ops->scan(local->map, 0, KV_RECORDS, all, all, 0, 2, on_owner,
					      &ends);
	if (fault < 0)
		return kv_local_fault(fault, "the newest record", err);
	if (version == last && !ends.found)
		return 0;
	return err_set(err, ERR_CORRUPT,
		       "records and journal do not end with the same commit: a part of the store "
		       "is missing; restore a backup: cpmctl restore BACKUP");
}

int kv_local_start(struct kv_local *local, struct kv_map *map, struct err *err)
{
	uint64_t first = 0, last = 0;
	int found;

	local->map = map;
	local->arena = arena_new(0);
	if (!local->arena)
		return kv_local_fault(KV_MAP_NOMEM, "open", err);
	found = find_end(local, 1, &last, err);
	if (found == 1)
		found = find_end(local, 0, &first, err);
	if (found < 0 || ends_agree(local, last, err) < 0)
		return -1;
	local->engine.seq = last;
	local->engine.journal_first = found ? first : last + 1;
	return 0;
}

void kv_local_fini(struct kv_local *local)
{
	kv_buf_fini(&local->buf);
	kv_buf_fini(&local->entry);
	arena_free(&local->arena);
}

/* ---- trimming ---- */

/* Entries at the journal's head that may go, and the owners that they may have emptied. */
struct head {
	struct kv_local *local;
	uint64_t upto;	       /* entries from here on are kept by their number */
	int64_t before_us;     /* and from here on by their age */
	uint64_t first;	       /* out: the first to be kept */
	struct kv_buf emptied; /* one octet of length, the owner, eight octets of seq, repeated */
	int nomem;
};

static int on_head(void *arg, struct strv key, struct strv data)
{
	struct head *head = arg;
	struct kv_change change;
	uint64_t group;
	uint8_t owner_bytes, seq[8];

	if (key.n != KV_SEQ_BYTES || kv_be_get(key.p, KV_SEQ_BYTES) >= head->upto)
		return 1;
	arena_reset(head->local->arena);
	if (kv_entry_decode(key, data, head->local->arena, &change, &group) < 0) {
		/* Damage in the journal's head ends with the entry. */
		head->first = kv_be_get(key.p, KV_SEQ_BYTES) + 1;
		return 0;
	}
	if (change.time_us >= head->before_us) {
		head->local->head_us = change.time_us;
		return 1;
	}
	head->first = change.seq + 1;
	if (!change.n_ops || change.ops[change.n_ops - 1].kind == KV_OP_PUT)
		return 0;
	owner_bytes = (uint8_t)change.owner.n;
	kv_be_put(seq, change.seq, sizeof(seq));
	head->nomem = kv_buf_append(&head->emptied, &owner_bytes, 1) < 0 ||
		      kv_buf_append(&head->emptied, change.owner.p, change.owner.n) < 0 ||
		      kv_buf_append(&head->emptied, seq, sizeof(seq)) < 0;
	return head->nomem;
}

static int on_any(void *arg, struct strv key, struct strv data)
{
	(void)arg;
	(void)key;
	(void)data;
	return 1;
}

/* Forget OWNER's version when it is still SEQ and there is no record. Returns 0 or a fault. */
static int forget_owner(struct kv_local *local, struct strv owner, uint64_t seq)
{
	const struct kv_map_ops *ops = local->map->ops;
	struct kv_buf from = { NULL, 0, 0 }, to = { NULL, 0, 0 };
	struct strv none = { NULL, 0 };
	uint64_t version;
	int fault;

	fault = ops->get(local->map, 1, KV_RECORDS, owner, &local->buf);
	if (fault <= 0)
		return fault;
	if (kv_owner_decode(owner, strv_mem(local->buf.p, local->buf.n), &version) < 0 ||
	    version != seq)
		return 0;
	if (kv_key_make(&from, owner, &none) < 0 || kv_key_make(&to, owner, NULL) < 0)
		fault = KV_MAP_NOMEM;
	else
		fault = ops->scan(local->map, 1, KV_RECORDS, strv_mem(from.p, from.n),
				  strv_mem(to.p, to.n), 0, 1, on_any, NULL);
	if (fault == 0)
		fault = ops->del(local->map, KV_RECORDS, owner);
	kv_buf_fini(&from);
	kv_buf_fini(&to);
	return fault < 0 ? fault : 0;
}

static int forget_owners(struct kv_local *local, const struct kv_buf *emptied)
{
	for (size_t at = 0; at < emptied->n;) {
		size_t owner_bytes = (uint8_t)emptied->p[at];
		struct strv owner = strv_mem(emptied->p + at + 1, owner_bytes);
		int fault;

		at += 1 + owner_bytes;
		fault = forget_owner(local, owner, kv_be_get(emptied->p + at, 8));
		if (fault < 0)
			return fault;
		at += 8;
	}
	return 0;
}

/* The first entry that its number keeps, when LAST is the last commit. */
static uint64_t kept_from(const struct kv_local *local, uint64_t last)
{
	uint64_t keep = local->engine.options->journal_keep;

	keep = keep ? keep : 1;
	return last >= keep ? last - keep + 1 : 1;
}

static int64_t kept_since_us(const struct kv_local *local, int64_t now_us)
{
	return now_us - (int64_t)local->engine.options->journal_keep_s * 1000000;
}

int kv_local_wants_idle(struct kv_engine *engine)
{
	struct kv_local *local = (struct kv_local *)engine;

	return engine->journal_first < kept_from(local, engine->seq) &&
	       local->head_us < kept_since_us(local, kv_unix_us());
}

int kv_local_trim(struct kv_local *local, uint64_t last, int64_t now_us, unsigned budget,
		  uint64_t *first)
{
	struct head head = { local,  kept_from(local, last), kept_since_us(local, now_us),
			     *first, { NULL, 0, 0 },	     0 };
	uint8_t key[KV_SEQ_BYTES], to_key[KV_SEQ_BYTES];
	int fault;

	if (*first >= head.upto || local->head_us >= head.before_us)
		return 0;
	fault = local->map->ops->scan(local->map, 1, KV_JOURNAL, seq_key(key, *first),
				      strv_mem(NULL, 0), 0, budget, on_head, &head);
	if (head.nomem)
		fault = KV_MAP_NOMEM;
	if (fault >= 0 && head.first > *first)
		fault = local->map->ops->del_range(local->map, KV_JOURNAL, seq_key(key, *first),
						   seq_key(to_key, head.first), 0);
	if (fault >= 0)
		fault = forget_owners(local, &head.emptied);
	kv_buf_fini(&head.emptied);
	if (fault < 0)
		return fault;
	fault = head.first > *first;
	*first = head.first;
	return fault;
}
