/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/deferred/deferred_user.c - the table of a worker's users
 *
 * A user is in the table while something waits for them or their queue is in memory. Queues are
 * read when there is something to do with them, so many at a time, and forgotten again when they
 * have not been used for the longest. Nobody else writes a user's records, so that what was read in
 * several pieces fits together. Cursors and deletions are written behind, one batch at a time.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cpm/deferred/deferred_priv.h"

struct load {
	struct kv_read read; /* first: the callback casts */
	struct kv_item item[2];
	struct dfr_user *user;
	struct arena *arena;
	char from[KV_NAME_MAX + 1];
	unsigned damaged;
};

static struct dfr_user *of_timer(struct wheel_timer *timer, size_t at)
{
	return (struct dfr_user *)(void *)((char *)timer - at);
}

/* ---- the table ---- */

struct dfr_user *dfr_user_find(struct dfr_worker *dw, uint64_t hash, struct strv owner)
{
	struct dfr_user *user = dw->chain[hash / 64 % dw->n_chains];

	while (user && (user->hash != hash || !strv_eq(dfr_user_owner(user), owner)))
		user = user->next;
	return user;
}

static void grow_table(struct dfr_worker *dw)
{
	size_t n = dw->n_chains * 2;
	struct dfr_user **chain = calloc(n, sizeof(struct dfr_user *));

	if (!chain)
		return; /* longer chains will do */
	for (size_t i = 0; i < dw->n_chains; i++)
		while (dw->chain[i]) {
			struct dfr_user *user = dw->chain[i];

			dw->chain[i] = user->next;
			user->next = chain[user->hash / 64 % n];
			chain[user->hash / 64 % n] = user;
		}
	free(dw->chain);
	dw->chain = chain;
	dw->n_chains = n;
}

static struct dfr_user *user_add(struct dfr_worker *dw, uint64_t hash, struct strv owner)
{
	struct dfr_user *user;

	if (owner.n > KV_OWNER_MAX)
		return NULL;
	user = calloc(1, sizeof(*user) + owner.n);
	if (!user)
		return NULL;
	if (dw->n_users >= 2 * dw->n_chains)
		grow_table(dw);
	memcpy(user->owner, owner.p, owner.n);
	user->owner_n = (uint16_t)owner.n;
	user->hash = hash;
	user->dw = dw;
	user->last_op = &user->ops;
	user->next_expiry_us = INT64_MAX;
	dq_init(&user->q, dw->deferred->seed);
	user->next = dw->chain[hash / 64 % dw->n_chains];
	dw->chain[hash / 64 % dw->n_chains] = user;
	dw->n_users++;
	return user;
}

static void user_free(struct dfr_user *user)
{
	struct dfr_worker *dw = user->dw;
	struct dfr_user **at = &dw->chain[user->hash / 64 % dw->n_chains];

	while (*at != user)
		at = &(*at)->next;
	*at = user->next;
	dw->n_users--;
	worker_timer_clear(dw->worker, &user->write_timer);
	worker_timer_clear(dw->worker, &user->later_timer);
	dq_fini(&user->q);
	free(user);
}

/* ---- those in memory, by last use ---- */

static void unlink_used(struct dfr_user *user)
{
	struct dfr_worker *dw = user->dw;

	if (user->newer)
		user->newer->older = user->older;
	else
		dw->newest = user->older;
	if (user->older)
		user->older->newer = user->newer;
	else
		dw->oldest = user->newer;
	user->newer = user->older = NULL;
}

static void link_used(struct dfr_user *user)
{
	struct dfr_worker *dw = user->dw;

	user->older = dw->newest;
	if (dw->newest)
		dw->newest->newer = user;
	else
		dw->oldest = user;
	dw->newest = user;
}

static int is_busy(const struct dfr_user *user)
{
	if (user->pins || user->ops || user->n_storing || user->n_pushing || user->is_writing ||
	    user->answers || dq_is_dirty(&user->q))
		return 1;
	for (const struct dq_device *device = user->q.devices; device; device = device->next)
		if (device->run != DQ_IDLE)
			return 1;
	return 0;
}

/* USER's queue leaves memory; and the user the table, when nothing waits. */
static void evict(struct dfr_user *user)
{
	struct dfr_worker *dw = user->dw;

	dq_find_expired(&user->q, 0, &user->next_expiry_us);
	unlink_used(user);
	dw->n_loaded--;
	dw->held -= user->held_seen;
	user->held_seen = 0;
	worker_timer_clear(dw->worker, &user->write_timer);
	worker_timer_clear(dw->worker, &user->later_timer);
	dq_fini(&user->q);
	user->state = DFR_COLD;
	if (!user->counted)
		user_free(user);
}

static void make_room(struct dfr_worker *dw)
{
	enum { LOOKS = 8 };
	struct dfr_user *user = dw->oldest;

	for (unsigned i = 0; user && dw->n_loaded > dw->deferred->options.cache_users && i < LOOKS;
	     i++) {
		struct dfr_user *newer = user->newer;

		if (!is_busy(user))
			evict(user);
		user = newer;
	}
}

/* ---- what follows from a change ---- */

void dfr_user_tell(struct dfr_user *user)
{
	struct deferred *d = user->dw->deferred;
	unsigned waiting = dq_count(&user->q), fresh = 0;

	for (unsigned i = user->q.first; i < user->q.end; i++)
		fresh += !user->q.slot[i].entry->was_taken;
	if (waiting == user->told_waiting && fresh == user->told_fresh)
		return;
	user->told_waiting = waiting;
	user->told_fresh = fresh;
	dfr_counts_set(d, user->hash, dfr_user_owner(user), waiting, fresh);
	if (d->options.changed && !user->dw->is_stopping)
		d->options.changed(d->options.told_arg, dfr_user_owner(user), waiting, fresh);
}

static void on_write_timer(struct wheel_timer *timer)
{
	dfr_user_write(of_timer(timer, offsetof(struct dfr_user, write_timer)));
}

void dfr_user_settle(struct dfr_user *user)
{
	struct dfr_worker *dw = user->dw;
	struct deferred *d = dw->deferred;
	unsigned n = dq_count(&user->q);

	if (n < user->counted) {
		atomic_fetch_sub(dfr_hint(d, user->hash), user->counted - n);
		atomic_fetch_sub(&d->waiting, user->counted - n);
		user->counted = n;
	}
	dw->held = dw->held - user->held_seen + user->q.held_bytes;
	user->held_seen = user->q.held_bytes;
	if (user->is_writing)
		return;
	if (user->answers)
		worker_timer_set(dw->worker, &user->write_timer, 1, on_write_timer);
	else if (!wheel_timer_is_set(&user->write_timer) && dq_is_dirty(&user->q))
		worker_timer_set(dw->worker, &user->write_timer, d->options.write_ms,
				 on_write_timer);
}

/* What waited for the write that has ended. */
static void answer(struct dfr_user *user, int is_done)
{
	struct dfr_op *op = user->answers_writing;

	user->answers_writing = NULL;
	while (op) {
		struct dfr_op *next = op->next;

		if (!is_done)
			op->result = op->kind == DFR_REVOKE ? (int)DEFERRED_REVOKE_BUSY : -1;
		dfr_op_end(op, op->result);
		op = next;
	}
}

static void on_written(void *arg, const struct kv_commit_result *result)
{
	struct dfr_user *user = arg;
	struct dfr_worker *dw = user->dw;
	int is_done = result->status == KV_DONE;

	user->is_writing = 0;
	dq_filled(&user->q, is_done);
	user->deletes_only = result->status == KV_NO_SPACE;
	answer(user, is_done);
	if (dw->is_stopping) {
		/* What the store does not take now is lost with the process: at most that a device
		 * gets a message again. */
		if (is_done && dq_is_dirty(&user->q))
			dfr_user_write(user);
		dfr_came_back(dw);
		return;
	}
	dfr_came_back(dw);
	if (is_done)
		dfr_user_settle(user);
	else
		worker_timer_set(dw->worker, &user->write_timer, DFR_RETRY_MS, on_write_timer);
	make_room(dw);
}

void dfr_user_write(struct dfr_user *user)
{
	struct dfr_worker *dw = user->dw;
	struct kv_batch *batch;

	if (user->is_writing)
		return;
	worker_timer_clear(dw->worker, &user->write_timer);
	if (!dq_is_dirty(&user->q)) {
		user->answers_writing = user->answers;
		user->answers = NULL;
		answer(user, 1);
		return;
	}
	dfr_user_tell(user);
	batch = kv_batch_new(dfr_user_owner(user));
	if (!batch || dq_fill(&user->q, batch, user->deletes_only) < 0) {
		kv_batch_free(&batch);
		dq_filled(&user->q, 0);
		if (!dw->is_stopping)
			worker_timer_set(dw->worker, &user->write_timer, DFR_RETRY_MS,
					 on_write_timer);
		return;
	}
	user->is_writing = 1;
	user->answers_writing = user->answers;
	user->answers = NULL;
	dw->under_way++;
	kv_commit(dw->deferred->options.kv, batch, on_written, user);
}

/* ---- reading ---- */

static void run_ops(struct dfr_user *user)
{
	while (user->ops && user->state == DFR_LOADED) {
		struct dfr_op *op = user->ops;

		user->ops = op->next;
		if (!user->ops)
			user->last_op = &user->ops;
		user->pins++;
		switch (op->kind) {
		case DFR_STORE:
			dfr_store(user, op);
			break;
		case DFR_HAD:
			dfr_had(user, op);
			break;
		case DFR_AVAILABLE:
			dfr_available(user, op);
			break;
		case DFR_DISPLAYED:
			dfr_displayed(user, op);
			break;
		case DFR_REVOKE:
			dfr_revoke(user, op);
			break;
		case DFR_DELETE:
			dfr_delete(user, op);
			break;
		case DFR_LOOK:
			dfr_expire(user);
			dfr_push_all(user);
			dfr_op_end(op, 0);
			break;
		}
		user->pins--;
	}
	dfr_user_settle(user);
}

/* The queue cannot be read: whoever waits for it is told to come again. */
static void refuse_ops(struct dfr_user *user)
{
	while (user->ops) {
		struct dfr_op *op = user->ops;

		user->ops = op->next;
		if (op->kind == DFR_STORE)
			atomic_fetch_sub(dfr_hint(op->deferred, op->hash), 1);
		dfr_op_end(op, op->kind == DFR_STORE	? (int)DEFERRED_BUSY
			       : op->kind == DFR_REVOKE ? (int)DEFERRED_REVOKE_BUSY
							: -1);
	}
	user->last_op = &user->ops;
}

static void next_loads(struct dfr_worker *dw);

static void load_end(struct load *load, int failed)
{
	enum { DAY_S = 86400 };
	struct dfr_user *user = load->user;
	struct dfr_worker *dw = user->dw;
	struct deferred *d = dw->deferred;

	if (load->damaged)
		log_error(LOG_CPM, "deferred messages cannot be read",
			  L_SV("user", dfr_user_owner(user)), L_INT("records", load->damaged));
	arena_free(&load->arena);
	free(load);
	dw->n_loads--;
	dfr_came_back(dw);
	if (failed || user->was_erased || dw->is_stopping) {
		dq_fini(&user->q);
		user->state = DFR_COLD;
		user->was_erased = 0;
		refuse_ops(user);
		if (user->is_counted && !user->counted)
			user_free(user);
		next_loads(dw);
		return;
	}
	user->state = DFR_LOADED;
	dw->n_loaded++;
	link_used(user);
	if (!user->is_counted) {
		user->is_counted = 1;
		user->counted = dq_count(&user->q);
		atomic_fetch_add(dfr_hint(d, user->hash), user->counted);
		atomic_fetch_add(&d->waiting, user->counted);
	}
	dq_prune(&user->q, dfr_now_us(d), d->options.max_s * 1000000, DAY_S * INT64_C(1000000));
	dq_find_expired(&user->q, 0, &user->next_expiry_us);
	user->pins++;
	run_ops(user);
	dfr_user_tell(user);
	user->pins--;
	make_room(dw);
	next_loads(dw);
}

static void take_in(struct load *load, const struct kv_record *record, int is_entry)
{
	struct dfr_user *user = load->user;
	struct dfr_worker *dw = user->dw;
	struct cpm_message *message = NULL;
	struct err err;
	int failed;

	failed = is_entry ? dq_load_entry(&user->q, record->name, record->value, &message, &err)
			  : dq_load_device(&user->q, record->name, record->value, &err);
	if (failed < 0) {
		load->damaged++;
		return;
	}
	if (message && dw->held + user->q.held_bytes < DFR_HELD_BYTES)
		dq_attach(&user->q, (int)user->q.end - 1, message);
	cpm_message_drop(&message);
}

static void on_read(struct kv_read *read, enum kv_status status)
{
	struct load *load = (struct load *)(void *)read;
	struct kv_item *entries = &load->item[0];
	struct strv last;

	if (status != KV_DONE || load->user->dw->is_stopping) {
		load_end(load, 1);
		return;
	}
	/* Devices first: what they have had says what of the entries is a failure. */
	for (unsigned i = 0; read->n_items == 2 && i < load->item[1].n_records; i++)
		take_in(load, &load->item[1].records[i], 0);
	for (unsigned i = 0; i < entries->n_records; i++)
		take_in(load, &entries->records[i], 1);
	if (!entries->more) {
		load_end(load, 0);
		return;
	}
	/* On from the octet behind the last name. */
	last = entries->records[entries->n_records - 1].name;
	memcpy(load->from, last.p, last.n);
	load->from[last.n] = '\0';
	entries->from = strv_mem(load->from, last.n + 1);
	arena_reset(load->arena);
	read->n_items = 1;
	kv_read(load->user->dw->deferred->options.kv, read);
}

static void load_begin(struct dfr_user *user)
{
	struct dfr_worker *dw = user->dw;
	struct load *load = calloc(1, sizeof(*load));

	dw->n_loads++;
	user->state = DFR_LOADING;
	if (load)
		load->arena = arena_new(0);
	if (!load || !load->arena) {
		free(load);
		dw->n_loads--;
		user->state = DFR_COLD;
		refuse_ops(user);
		return;
	}
	load->user = user;
	load->item[0] = (struct kv_item){
		.kind = KV_RANGE, .from = DQ_MESSAGES, .to = STRV("dm0"), .limit = DFR_READ_RECORDS
	};
	load->item[1] = (struct kv_item){ .kind = KV_RANGE, .from = DQ_DEVICES, .to = STRV("dc0") };
	load->read.owner = dfr_user_owner(user);
	load->read.items = load->item;
	load->read.n_items = 2;
	load->read.arena = load->arena;
	load->read.done = on_read;
	dw->under_way++;
	kv_read(dw->deferred->options.kv, &load->read);
}

void dfr_users_check_read(struct dfr_worker *dw)
{
	if (!dw->is_told || dw->is_read || dw->n_loads || dw->wanted)
		return;
	dw->is_read = 1;
	atomic_fetch_sub(&dw->deferred->unread, 1);
}

static void next_loads(struct dfr_worker *dw)
{
	while (dw->wanted && dw->n_loads < DFR_LOADS_MAX && !dw->is_stopping) {
		struct dfr_user *user = dw->wanted;

		dw->wanted = user->next_wanted;
		if (!dw->wanted)
			dw->last_wanted = &dw->wanted;
		user->next_wanted = NULL;
		load_begin(user);
	}
	dfr_users_check_read(dw);
}

void dfr_user_run(struct dfr_worker *dw, struct dfr_op *op)
{
	struct dfr_user *user = dfr_user_find(dw, op->hash, op->user);
	int is_late = dw->is_stopping || atomic_load(&dw->deferred->stopping);

	op->next = NULL;
	if (!user && !is_late)
		user = user_add(dw, op->hash, op->user);
	if (!user || is_late) {
		if (op->kind == DFR_STORE)
			atomic_fetch_sub(dfr_hint(op->deferred, op->hash), 1);
		dfr_op_end(op, op->kind == DFR_STORE	? (int)DEFERRED_BUSY
			       : op->kind == DFR_REVOKE ? (int)DEFERRED_REVOKE_BUSY
							: -1);
		return;
	}
	*user->last_op = op;
	user->last_op = &op->next;
	if (user->state == DFR_LOADED) {
		unlink_used(user);
		link_used(user);
		/* Else it was asked for from within an op of the user's, and comes behind that. */
		if (user->ops == op)
			run_ops(user);
	} else if (user->state == DFR_COLD) {
		user->state = DFR_WANTED;
		*dw->last_wanted = user;
		dw->last_wanted = &user->next_wanted;
		next_loads(dw);
	}
}

/* ---- erased, stopped, freed ---- */

void dfr_user_erased(struct dfr_worker *dw, struct dfr_user *user)
{
	(void)dw;
	if (user->state == DFR_LOADED) {
		while (dq_count(&user->q))
			dq_forget(&user->q, (int)user->q.first);
		for (struct dq_device *device = user->q.devices; device; device = device->next)
			device->is_dirty = device->has_record = 0;
		dfr_user_settle(user);
		dfr_user_tell(user);
	} else if (user->state == DFR_COLD) {
		atomic_fetch_sub(dfr_hint(dw->deferred, user->hash), user->counted);
		atomic_fetch_sub(&dw->deferred->waiting, user->counted);
		user->counted = 0;
		dfr_counts_set(dw->deferred, user->hash, dfr_user_owner(user), 0, 0);
		user_free(user);
	} else {
		user->was_erased = 1; /* what has been read of it is void */
	}
}

void dfr_came_back(struct dfr_worker *dw)
{
	struct deferred *d = dw->deferred;

	if (--dw->under_way || !dw->is_stopping || dw->is_stopped)
		return;
	dw->is_stopped = 1;
	pthread_mutex_lock(&d->lock);
	d->stopped++;
	pthread_cond_broadcast(&d->moved);
	pthread_mutex_unlock(&d->lock);
}

void dfr_users_stop(struct dfr_worker *dw)
{
	dw->under_way++; /* so that it is not over before all have begun */
	for (size_t i = 0; i < dw->n_chains; i++)
		for (struct dfr_user *user = dw->chain[i]; user; user = user->next) {
			worker_timer_clear(dw->worker, &user->write_timer);
			worker_timer_clear(dw->worker, &user->later_timer);
			/* One that is being written goes on by itself. */
			if (user->state == DFR_LOADED)
				dfr_user_write(user);
		}
	dfr_came_back(dw);
}

static void free_ops(struct dfr_op *op)
{
	while (op) {
		struct dfr_op *next = op->next;

		free_ops(op->twins);
		dfr_op_free(&op);
		op = next;
	}
}

void dfr_users_free(struct dfr_worker *dw)
{
	for (size_t i = 0; i < dw->n_chains; i++)
		while (dw->chain[i]) {
			struct dfr_user *user = dw->chain[i];

			dw->chain[i] = user->next;
			free_ops(user->ops);
			free_ops(user->storing);
			free_ops(user->answers);
			free_ops(user->answers_writing);
			dq_fini(&user->q);
			free(user);
		}
}
