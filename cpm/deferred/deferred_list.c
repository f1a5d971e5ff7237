/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/deferred/deferred_list.c - what waits for a user, as operators see and delete it
 *
 * Listing reads the store, some records at a time, and leaves the queue alone. Deleting is the
 * queue's work; whoever asked waits for it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cpm/deferred/deferred_priv.h"

static int show(const struct kv_record *record,
		int (*fn)(void *arg, const struct deferred_entry *entry), void *arg,
		struct err *err)
{
	struct strv taken[DQ_TAKEN_MAX];
	struct deferred_entry entry = { .name = record->name };
	struct cpm_message *message;
	int ret;

	if (dq_record_decode(record->value, &message, &entry.expires_us, taken, &entry.taken, err) <
	    0)
		return -1;
	entry.message = cpm_message_of(message);
	ret = fn(arg, &entry);
	cpm_message_drop(&message);
	return ret;
}

int deferred_list_sync(struct deferred *d, struct strv user, struct strv after, unsigned max,
		       int (*fn)(void *arg, const struct deferred_entry *entry), void *arg,
		       struct err *err)
{
	struct arena *arena = arena_new(0);
	struct kv_item item = { .kind = KV_RANGE, .to = STRV("dm0") };
	struct kv_read read = { .owner = user, .items = &item, .n_items = 1, .arena = arena };
	char from[DQ_NAME_BYTES + 1];
	int ret = 0;

	if (!arena)
		return err_set(err, ERR_NOMEM, "no memory to list deferred messages");
	item.from = DQ_MESSAGES;
	if (after.n == DQ_NAME_BYTES) {
		memcpy(from, after.p, DQ_NAME_BYTES);
		from[DQ_NAME_BYTES] = '\0';
		item.from = strv_mem(from, sizeof(from));
	}
	do {
		item.limit = max < DFR_READ_RECORDS ? max : DFR_READ_RECORDS;
		arena_reset(arena);
		if (max && kv_read_sync(d->options.kv, &read) != KV_DONE)
			ret = err_set(err, ERR_BUSY, "deferred messages cannot be read now");
		for (unsigned i = 0; ret == 0 && max && i < item.n_records; i++)
			ret = show(&item.records[i], fn, arg, err);
		if (ret || !max || !item.more)
			break;
		max -= item.n_records;
		memcpy(from, item.records[item.n_records - 1].name.p, DQ_NAME_BYTES);
		from[DQ_NAME_BYTES] = '\0';
		item.from = strv_mem(from, sizeof(from));
	} while (max);
	arena_free(&arena);
	return ret < 0 ? -1 : 0;
}

struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	int is_done, result;
};

static void on_deleted(struct dfr_op *op)
{
	struct waiter *waiter = op->arg;

	pthread_mutex_lock(&waiter->lock);
	waiter->is_done = 1;
	waiter->result = op->result;
	pthread_cond_broadcast(&waiter->moved);
	pthread_mutex_unlock(&waiter->lock);
}

int deferred_delete_sync(struct deferred *d, struct strv user, struct strv name, struct err *err)
{
	struct waiter waiter = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0 };
	struct dfr_op *op = dfr_op_new(d, DFR_DELETE, user, name, STRV(""), NULL, 0);

	if (!op)
		return err_set(err, ERR_NOMEM, "no memory to delete deferred messages");
	op->finish = on_deleted;
	op->arg = &waiter;
	dfr_op_send(op);
	pthread_mutex_lock(&waiter.lock);
	while (!waiter.is_done)
		pthread_cond_wait(&waiter.moved, &waiter.lock);
	pthread_mutex_unlock(&waiter.lock);
	pthread_mutex_destroy(&waiter.lock);
	pthread_cond_destroy(&waiter.moved);
	if (waiter.result < 0)
		return err_set(err, ERR_BUSY, "the store is busy or full: try again later");
	if (waiter.result > 0)
		return err_set(err, ERR_ABSENT, "no message %.*s waits for that user",
			       STRV_ARG(name));
	return 0;
}
