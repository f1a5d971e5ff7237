/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_local.c - group commit over an ordered map: preconditions, records, owner version, journal
 *
 * A group is one transaction of the map. Preconditions are read inside it, so a batch sees the
 * batches before it in its group; one whose preconditions fail has written nothing and is simply
 * left out. Reading is kv_local_read.c's, the journal's end and its trimming kv_local_trim.c's.
 */
#include "kv/kv_local.h"

#include "base/log.h"

enum { RETRIES_MAX = 1000 };

int kv_local_fault(int fault, const char *what, struct err *err)
{
	switch (fault) {
	case KV_MAP_SPACE:
		return err_set(err, ERR_SPACE, "%s: no space left on the store's disk", what);
	case KV_MAP_NOMEM:
		return err_set(err, ERR_NOMEM, "%s: no memory", what);
	case KV_MAP_CORRUPT:
		return err_set(err, ERR_CORRUPT,
			       "%s: the store holds damaged records; run \"cpmctl verify\", then "
			       "restore from a backup",
			       what);
	case KV_MAP_RETRY:
		return err_set(err, ERR_BUSY, "%s: deadlocks without end", what);
	default:
		return err_set(err, ERR_IO, "%s: the storage engine failed", what);
	}
}

int kv_key_make(struct kv_buf *buf, struct strv owner, const struct strv *name)
{
	if (kv_buf_append(buf, owner.p, owner.n) < 0 ||
	    kv_buf_append(buf, name ? "\0" : "\1", 1) < 0)
		return -1;
	return name ? kv_buf_append(buf, name->p, name->n) : 0;
}

/* ---- preconditions ---- */

/* 1 holds, 0 does not, or a fault. A record that cannot be read is at no version. */
static int step_holds(struct kv_local *local, const struct kv_step *step)
{
	struct strv value;
	uint64_t version;
	int found;

	found = local->map->ops->get(local->map, 1, KV_RECORDS, step->key, &local->buf);
	if (found < 0)
		return found;
	if (step->kind == KV_ABSENT || !found)
		return step->kind == KV_ABSENT && !found;
	if (kv_record_open(step->key, strv_mem(local->buf.p, local->buf.n), &value, &version) < 0) {
		log_error(LOG_KV, "damaged record", L_SV("key", step->key));
		return 0;
	}
	return version == step->version;
}

static int batch_holds(struct kv_local *local, const struct kv_batch *batch)
{
	for (unsigned i = 0; i < batch->n_steps; i++) {
		int holds =
			batch->steps[i].kind < KV_ABSENT ? 1 : step_holds(local, &batch->steps[i]);

		if (holds != 1)
			return holds;
	}
	return 1;
}

/* ---- writing ---- */

static int write_steps(struct kv_local *local, const struct kv_batch *batch)
{
	const struct kv_map_ops *ops = local->map->ops;

	for (unsigned i = 0; i < batch->n_steps; i++) {
		const struct kv_step *step = &batch->steps[i];
		int fault = 0;

		if (step->kind == KV_PUT) {
			kv_record_seal((void *)(uintptr_t)step->data.p, step->data.n, step->key,
				       batch->result.seq);
			fault = ops->put(local->map, KV_RECORDS, step->key, step->data);
		} else if (step->kind == KV_DEL) {
			fault = ops->del(local->map, KV_RECORDS, step->key);
		} else if (step->kind == KV_DEL_RANGE) {
			fault = ops->del_range(local->map, KV_RECORDS, step->key, step->key_to, 0);
		}
		if (fault < 0)
			return fault;
	}
	return 0;
}

static int write_owner(struct kv_local *local, const struct kv_batch *batch)
{
	uint8_t data[KV_OWNER_BYTES];

	kv_owner_encode(data, batch->owner, batch->result.seq);
	return local->map->ops->put(local->map, KV_RECORDS, batch->owner,
				    strv_mem(data, sizeof(data)));
}

static int write_entry(struct kv_local *local, const struct kv_batch *batch)
{
	uint8_t key[KV_SEQ_BYTES];
	struct kv_change change;
	size_t bytes;

	kv_batch_change(batch, &change);
	bytes = kv_entry_bytes(&change);
	local->entry.n = 0;
	if (kv_buf_reserve(&local->entry, bytes) < 0)
		return KV_MAP_NOMEM;
	kv_entry_encode((uint8_t *)local->entry.p, &change, local->group + 1);
	kv_be_put(key, change.seq, sizeof(key));
	return local->map->ops->put(local->map, KV_JOURNAL, strv_mem(key, sizeof(key)),
				    strv_mem(local->entry.p, bytes));
}

/* One batch under the number SEQ. Returns 1 written, 0 left out with its result, or a fault. */
static int do_batch(struct kv_local *local, struct kv_batch *batch, uint64_t seq, int64_t now_us,
		    int deletes_only)
{
	int holds, fault;

	batch->result = (struct kv_commit_result){ KV_NO_SPACE, 0 };
	if (deletes_only && batch->puts)
		return 0;
	holds = batch_holds(local, batch);
	if (holds <= 0) {
		batch->result.status = KV_CONFLICT;
		return holds;
	}
	batch->result = (struct kv_commit_result){ KV_DONE, seq };
	batch->time_us = now_us;
	fault = write_steps(local, batch);
	if (fault >= 0)
		fault = write_owner(local, batch);
	if (fault >= 0)
		fault = write_entry(local, batch);
	return fault < 0 ? fault : 1;
}

/* ---- the group ---- */

/* Where the store stands when the group has been written. */
struct outcome {
	uint64_t seq, journal_first;
	int64_t time_us;
};

/* The batches from FIRST on, counted in OUT->seq. Returns 0 or a fault. */
static int write_batches(struct kv_local *local, struct kv_batch *first, int deletes_only,
			 struct outcome *out)
{
	for (struct kv_batch *batch = first; batch; batch = batch->next) {
		int done = do_batch(local, batch, out->seq + 1, out->time_us, deletes_only);

		if (done < 0)
			return done;
		out->seq += (unsigned)done;
	}
	return 0;
}

static int write_group(struct kv_local *local, struct kv_group *group, int deletes_only,
		       struct outcome *out)
{
	int64_t now_us = kv_unix_us();
	struct kv_batch *first = group->first, *last;
	unsigned written;
	int fault;

	out->seq = local->engine.seq;
	out->journal_first = local->engine.journal_first;
	/* The clock may be set back: the journal's times are not. */
	out->time_us = now_us > local->time_us ? now_us : local->time_us;
	do {
		last = group->last;
		fault = write_batches(local, first, deletes_only, out);
		if (fault < 0)
			return fault;
		first = NULL;
		if (last && group->more && group->more(group))
			first = last->next;
	} while (first);
	written = (unsigned)(out->seq - local->engine.seq);
	fault = kv_local_trim(local, out->seq, now_us, written * 2 + (group->n ? 16 : 512),
			      &out->journal_first);
	return fault < 0 ? fault : (int)written + fault;
}

/* One try of the whole group. Returns 0 or a fault, nothing having happened then. */
static int try_group(struct kv_local *local, struct kv_group *group, int deletes_only)
{
	const struct kv_map_ops *ops = local->map->ops;
	struct outcome out;
	int done;

	done = ops->begin(local->map);
	if (done < 0)
		return done;
	done = write_group(local, group, deletes_only, &out);
	if (done <= 0) {
		ops->abort(local->map);
		return done;
	}
	done = ops->commit(local->map);
	if (done < 0)
		return done;
	local->time_us = out.time_us;
	local->group++;
	local->engine.journal_first = out.journal_first;
	local->engine.seq = out.seq;
	return 0;
}

static void refuse(struct kv_group *group, enum kv_status status)
{
	for (struct kv_batch *batch = group->first; batch; batch = batch->next)
		batch->result = (struct kv_commit_result){ status, 0 };
}

int kv_local_commit(struct kv_engine *engine, struct kv_group *group, struct err *err)
{
	struct kv_local *local = (struct kv_local *)engine;
	int deletes_only = local->puts_barred, fault;

	for (unsigned tries = 0;; tries++) {
		fault = try_group(local, group, deletes_only);
		if (fault == KV_MAP_RETRY && tries < RETRIES_MAX) {
			engine->retries++;
			continue;
		}
		if (fault != KV_MAP_SPACE || deletes_only)
			break;
		/* Deletes and acknowledgements still get the room that is kept for them. */
		deletes_only = 1;
		if (local->give_room)
			local->give_room(local);
	}
	if (fault == 0)
		return 0;
	if (fault == KV_MAP_SPACE || fault == KV_MAP_NOMEM) {
		refuse(group, fault == KV_MAP_SPACE ? KV_NO_SPACE : KV_BUSY);
		return 0;
	}
	return kv_local_fault(fault, "commit", err);
}
