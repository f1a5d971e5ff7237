/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/deferred/deferred_store.c - a message comes, is shown, revoked, deleted
 *
 * Each message is a commit of its own, which is on disk before anybody hears of it; only then is it
 * in the queue and can be pushed. The same message again, while it is being committed, shares that
 * commit's fate.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/trace.h"
#include "cpm/deferred/deferred_priv.h"

static void refused(struct dfr_op *op, enum deferred_stored why)
{
	struct deferred *d = op->deferred;

	atomic_fetch_sub(dfr_hint(d, op->hash), 1);
	if (why == DEFERRED_FULL) {
		atomic_fetch_add(&d->refused_full, 1);
		metric_add(d->m_full, 1);
	}
	dfr_op_end(op, (int)why);
}

/* ---- a message ---- */

static void unlink_storing(struct dfr_user *user, const struct dfr_op *op)
{
	struct dfr_op **at = &user->storing;

	while (*at != op)
		at = &(*at)->next;
	*at = op->next;
	user->n_storing--;
	user->storing_bytes -= op->slot.entry->bytes;
}

static struct dfr_op *find_storing(const struct dfr_user *user, struct dq_key key)
{
	struct dfr_op *op = user->storing;

	while (op && (op->slot.key.a != key.a || op->slot.key.b != key.b))
		op = op->next;
	return op;
}

/* It is on disk: into the queue, where a device that is being pushed to comes to it. */
static int enter(struct dfr_user *user, struct dfr_op *op)
{
	struct dfr_worker *dw = user->dw;
	struct deferred *d = dw->deferred;
	int i;

	if (dq_add(&user->q, &op->slot) < 0)
		return -1;
	i = dq_find_at(&user->q, op->slot.at_us);
	if (op->slot.entry->expires_us < user->next_expiry_us)
		user->next_expiry_us = op->slot.entry->expires_us;
	op->slot.entry = NULL; /* the queue's */
	user->counted++;
	atomic_fetch_add(&d->waiting, 1);
	atomic_fetch_add(&d->stored, 1);
	metric_add(d->m_stored, 1);
	if (dw->held < DFR_HELD_BYTES)
		dq_attach(&user->q, i, op->message);
	for (struct dq_device *device = user->q.devices; device; device = device->next)
		device->is_notified = 0;
	dfr_user_settle(user);
	dfr_user_tell(user);
	return 0;
}

static void on_stored(void *arg, const struct kv_commit_result *result)
{
	struct dfr_op *op = arg, *twin = op->twins;
	struct dfr_user *user = op->owner;
	enum deferred_stored stored = DEFERRED_BUSY;

	dfr_came_back(user->dw);
	unlink_storing(user, op);
	op->twins = NULL;
	if (result->status == KV_NO_SPACE)
		stored = DEFERRED_FULL;
	else if (result->status == KV_DONE)
		/* Without memory for its slot it is found when the queue is read again; the sender
		 * may hear "try later" of what was stored, never the other way round. */
		stored = enter(user, op) == 0 ? DEFERRED_STORED : DEFERRED_BUSY;
	while (twin) {
		struct dfr_op *next = twin->next;

		if (twin->kind == DFR_HAD) {
			dfr_had(user, twin);
		} else {
			atomic_fetch_sub(dfr_hint(twin->deferred, twin->hash), 1);
			dfr_op_end(twin, (int)stored);
		}
		twin = next;
	}
	if (stored == DEFERRED_STORED)
		dfr_op_end(op, (int)stored);
	else
		refused(op, stored);
}

static int64_t expiry(const struct deferred *d, const struct cpm_message_draft *message,
		      int64_t now_us)
{
	int64_t wait_s = message->expires_s < 0 ? d->options.default_s : message->expires_s;

	return now_us + (wait_s < d->options.max_s ? wait_s : d->options.max_s) * 1000000;
}

static int is_full(const struct dfr_user *user, size_t more)
{
	const struct deferred_options *options = &user->dw->deferred->options;

	return dq_count(&user->q) + user->n_storing >= options->max_messages ||
	       user->q.bytes + user->storing_bytes + more > options->max_bytes;
}

/* Devices that are registered are known: what they have not got waits for them. */
static void on_device(void *arg, const struct deferred_device *found)
{
	struct strv device = found->id;
	struct dfr_user *user = arg;

	if (!device.n)
		user->pins--;
	else
		dq_device_seen(&user->q, device, strv_starts(device, STRV("urn:")),
			       dfr_now_us(user->dw->deferred));
}

static struct kv_batch *make_batch(struct dfr_user *user, struct dfr_op *op)
{
	struct kv_batch *batch = kv_batch_new(dfr_user_owner(user));
	int64_t now_us = dfr_now_us(op->deferred);
	int64_t expires_us = expiry(op->deferred, cpm_message_of(op->message), now_us);
	char name[DQ_NAME_BYTES + 1];
	struct strv record;
	uint32_t salt = (uint32_t)trace_random();

	arena_reset(user->dw->arena);
	record = dq_record_encode(op->message, expires_us, op->taken, op->n_taken, user->dw->arena);
	if (batch && record.p)
		op->slot.entry =
			dq_entry_new(&user->q, op->taken, op->n_taken, expires_us, salt, record.n);
	if (!op->slot.entry || dq_reserve(&user->q, user->n_storing + 1) < 0) {
		kv_batch_free(&batch);
		return NULL;
	}
	op->slot.at_us = dq_arrival(&user->q, now_us);
	dq_name_print((struct dq_name){ op->slot.at_us, salt }, name);
	if (kv_batch_put(batch, strv_of(name), record) < 0)
		kv_batch_free(&batch);
	return batch;
}

void dfr_store(struct dfr_user *user, struct dfr_op *op)
{
	struct deferred *d = op->deferred;
	struct dfr_op *same;
	struct kv_batch *batch;

	dq_message_keys(&user->q, cpm_message_of(op->message), &op->slot.key, &op->slot.id);
	if (dq_find_key(&user->q, op->slot.key) >= 0) {
		atomic_fetch_sub(dfr_hint(d, op->hash), 1);
		dfr_op_end(op, DEFERRED_STORED);
		return;
	}
	same = find_storing(user, op->slot.key);
	if (same) {
		op->next = same->twins;
		same->twins = op;
		return;
	}
	batch = make_batch(user, op);
	if (!batch) {
		refused(op, DEFERRED_BUSY);
		return;
	}
	if (is_full(user, op->slot.entry->bytes)) {
		kv_batch_free(&batch);
		refused(op, DEFERRED_FULL);
		return;
	}
	if (d->options.devices) {
		user->pins++;
		d->options.devices(d->options.arg, dfr_user_owner(user), on_device, user);
	}
	/* The store knows whom a message waits for before it has the message. */
	if (dq_has_new_device(&user->q))
		dfr_user_write(user);
	op->owner = user;
	op->next = user->storing;
	user->storing = op;
	user->n_storing++;
	user->storing_bytes += op->slot.entry->bytes;
	user->dw->under_way++;
	kv_commit(d->options.kv, batch, on_stored, op);
}

/* Device A has had the message after all. */
void dfr_had(struct dfr_user *user, struct dfr_op *op)
{
	struct dfr_op *same;
	struct dq_device *device;
	struct dq_key key, id;
	int i;

	dq_message_keys(&user->q, cpm_message_of(op->message), &key, &id);
	same = find_storing(user, key);
	if (same) {
		op->next = same->twins;
		same->twins = op;
		return;
	}
	i = dq_find_key(&user->q, key);
	device = dq_device_seen(&user->q, op->a, strv_starts(op->a, STRV("urn:")),
				dfr_now_us(op->deferred));
	if (i >= 0 && device)
		dq_had(&user->q, device, i);
	dfr_op_end(op, 0);
	dfr_user_settle(user);
}

/* ---- away with it ---- */

void dfr_displayed(struct dfr_user *user, struct dfr_op *op)
{
	struct dq_key id = dq_key_of(user->q.seed, &op->a, 1);
	struct deferred *d = op->deferred;
	int i;

	while ((i = dq_find_id(&user->q, id)) >= 0) {
		dq_remove(&user->q, i);
		atomic_fetch_add(&d->displayed, 1);
		metric_add(d->m_displayed, 1);
	}
	dfr_op_end(op, 0);
}

/* OP is answered when the next write is on disk. */
static void answer_later(struct dfr_user *user, struct dfr_op *op, int result)
{
	op->result = result;
	op->next = user->answers;
	user->answers = op;
	dfr_user_settle(user);
}

void dfr_revoke(struct dfr_user *user, struct dfr_op *op)
{
	struct strv part[2] = { op->a, op->b };
	struct dq_key key = dq_key_of(user->q.seed, part, 2);
	struct deferred *d = op->deferred;
	int i = dq_find_key(&user->q, key);

	if (find_storing(user, key)) {
		dfr_op_end(op, DEFERRED_REVOKE_BUSY);
	} else if (i < 0 || user->q.slot[i].entry->was_taken ||
		   dfr_is_pushed(user, user->q.slot[i].at_us)) {
		dfr_op_end(op, DEFERRED_TOO_LATE);
	} else {
		dq_remove(&user->q, i);
		atomic_fetch_add(&d->revoked, 1);
		metric_add(d->m_revoked, 1);
		answer_later(user, op, DEFERRED_REVOKED);
	}
}

/* A: the name of a record, or empty: all. */
void dfr_delete(struct dfr_user *user, struct dfr_op *op)
{
	struct dq_name name;
	int i;

	if (!op->a.n) {
		while (dq_count(&user->q))
			dq_remove(&user->q, (int)user->q.first);
	} else if (dq_name_parse(op->a, &name) < 0 || (i = dq_find_at(&user->q, name.at_us)) < 0 ||
		   user->q.slot[i].entry->salt != name.salt) {
		dfr_op_end(op, 1);
		return;
	} else {
		dq_remove(&user->q, i);
	}
	answer_later(user, op, 0);
}
