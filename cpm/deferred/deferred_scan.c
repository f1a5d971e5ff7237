/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/deferred/deferred_scan.c - what has expired; what a former process left
 *
 * Each worker walks over its users now and then and looks at those of whom something has expired.
 * After a start the owners in the store are gone through once, in the background; those who have
 * messages are read in, pushed to if they are registered, and only then is it known of anybody that
 * nothing waits.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cpm/deferred/deferred_priv.h"

enum { CHAINS_A_TURN = 1024, TURN_MS = 10, OWNERS_A_JOB = 256 };

/* ---- what has expired ---- */

void dfr_expire(struct dfr_user *user)
{
	struct deferred *d = user->dw->deferred;
	int64_t now_us = dfr_now_us(d);
	struct dq_entry *entry;
	int i;

	while ((i = dq_find_expired(&user->q, now_us, &user->next_expiry_us)) >= 0) {
		entry = user->q.slot[i].entry;
		if (dfr_is_pushed(user, user->q.slot[i].at_us))
			return; /* the next round knows what has become of it */
		if (!entry->was_taken && !entry->message) {
			user->is_expiring = 1;
			dfr_fetch(user, user->q.slot[i].at_us);
			return;
		}
		if (!entry->was_taken)
			dfr_report(d, entry->message);
		atomic_fetch_add(&d->expired, 1);
		metric_add(d->m_expired, 1);
		dq_remove(&user->q, i);
	}
	dfr_user_settle(user);
}

static int is_due(const struct dfr_user *user, int64_t now_us)
{
	return user->state == DFR_LOADED || user->state == DFR_COLD
		       ? user->next_expiry_us <= now_us || !user->is_counted
		       : 0;
}

/* Users may leave the table while they are looked at: whom to look at is noted first. */
static struct dfr_op *find_due(struct dfr_worker *dw, size_t from, size_t to)
{
	int64_t now_us = dfr_now_us(dw->deferred);
	struct dfr_op *due = NULL, *op;

	for (size_t i = from; i < to; i++)
		for (struct dfr_user *user = dw->chain[i]; user; user = user->next) {
			if (!is_due(user, now_us))
				continue;
			op = dfr_op_new(dw->deferred, DFR_LOOK, dfr_user_owner(user), STRV(""),
					STRV(""), NULL, 0);
			if (!op)
				return due; /* the next round will see */
			op->next = due;
			due = op;
		}
	return due;
}

static void look(struct dfr_op *due)
{
	while (due) {
		struct dfr_op *next = due->next;

		dfr_op_send(due);
		due = next;
	}
}

void dfr_scan_round(struct dfr_worker *dw)
{
	look(find_due(dw, 0, dw->n_chains));
}

static void on_scan_timer(struct wheel_timer *timer)
{
	struct dfr_worker *dw =
		(struct dfr_worker *)(void *)((char *)timer -
					      offsetof(struct dfr_worker, scan_timer));
	size_t from = dw->scan_at < dw->n_chains ? dw->scan_at : 0, to = from + CHAINS_A_TURN;
	int is_last = to >= dw->n_chains;

	if (dw->is_stopping)
		return;
	dw->scan_at = is_last ? 0 : to;
	worker_timer_set(dw->worker, &dw->scan_timer,
			 is_last ? dw->deferred->options.scan_ms : TURN_MS, on_scan_timer);
	look(find_due(dw, from, is_last ? dw->n_chains : to));
}

void dfr_scan_begin(struct dfr_worker *dw)
{
	worker_timer_set(dw->worker, &dw->scan_timer, dw->deferred->options.scan_ms, on_scan_timer);
}

/* ---- what a former process left ---- */

struct dfr_scan {
	struct job job; /* first: the callbacks cast */
	struct deferred *deferred;
	char after[KV_OWNER_MAX];
	size_t after_n;
	int is_done;
	uint64_t users;
	struct told {
		struct post post; /* first: the callback casts */
		struct dfr_worker *dw;
	} * told;
};

/* 1 yes, 0 no, -1 cannot tell. */
static int has_messages(struct deferred *d, struct strv owner, struct arena *arena)
{
	struct kv_item item = {
		.kind = KV_RANGE, .from = DQ_MESSAGES, .to = STRV("dm0"), .limit = 1
	};
	struct kv_read read = { .owner = owner, .items = &item, .n_items = 1, .arena = arena };

	arena_reset(arena);
	return kv_read_sync(d->options.kv, &read) == KV_DONE ? item.n_records > 0 : -1;
}

static void find_owners(struct dfr_scan *scan, struct arena *arena, struct arena *read)
{
	struct deferred *d = scan->deferred;
	struct strv *owners;
	struct dfr_op *op;
	struct err err;
	unsigned n = 0;

	if (kv_owners_sync(d->options.kv, strv_mem(scan->after, scan->after_n), OWNERS_A_JOB, arena,
			   &owners, &n, &err) < 0) {
		log_error(LOG_CPM, "deferred messages cannot be read back", L_ERR(&err));
		scan->is_done = -1;
		return;
	}
	for (unsigned i = 0; i < n && !atomic_load(&d->stopping); i++) {
		if (!has_messages(d, owners[i], read))
			continue;
		op = dfr_op_new(d, DFR_LOOK, owners[i], STRV(""), STRV(""), NULL, 0);
		if (!op) {
			log_error(LOG_CPM, "no memory to read deferred messages back",
				  L_SV("user", owners[i]));
			continue;
		}
		scan->users++;
		dfr_op_send(op);
	}
	if (n) {
		scan->after_n = owners[n - 1].n;
		memcpy(scan->after, owners[n - 1].p, owners[n - 1].n);
	}
	scan->is_done = n == 0;
}

static void run(struct job *job)
{
	struct dfr_scan *scan = (struct dfr_scan *)(void *)job;
	struct arena *arena = arena_new(0), *read = arena_new(0);

	scan->is_done = -1;
	if (atomic_load(&scan->deferred->stopping))
		;
	else if (!arena || !read)
		log_error(LOG_CPM, "no memory to read deferred messages back");
	else
		find_owners(scan, arena, read);
	arena_free(&arena);
	arena_free(&read);
}

static void on_told(struct post *post)
{
	struct told *told = (struct told *)(void *)post;

	told->dw->is_told = 1;
	dfr_users_check_read(told->dw);
}

/* On a thread of the pool, since no worker submitted it. When the store could not be gone through,
 * everything is stored before it is pushed from now on: slower, and nothing is lost by it. */
static void done(struct job *job)
{
	struct dfr_scan *scan = (struct dfr_scan *)(void *)job;
	struct deferred *d = scan->deferred;

	while (!scan->is_done) {
		if (jobs_submit(d->options.jobs, job) == 0)
			return;
		/* The queue is full, or the pool is closing: go on here. */
		run(job);
	}
	if (scan->is_done < 0)
		return;
	log_info(LOG_CPM, "deferred messages found", L_INT("users", (int64_t)scan->users));
	for (unsigned i = 0; i < d->n_workers; i++) {
		scan->told[i].post.run = on_told;
		scan->told[i].dw = &d->worker[i];
		worker_post(d->worker[i].worker, &scan->told[i].post);
	}
}

int dfr_scan_start(struct deferred *d, struct err *err)
{
	d->scan = calloc(1, sizeof(*d->scan));
	if (d->scan)
		d->scan->told = calloc(d->n_workers, sizeof(*d->scan->told));
	if (!d->scan || !d->scan->told)
		return err_set(err, ERR_NOMEM, "no memory for deferred messages");
	d->scan->deferred = d;
	d->scan->job.run = run;
	d->scan->job.done = done;
	if (jobs_submit(d->options.jobs, &d->scan->job) < 0)
		return err_set(err, ERR_BUSY, "too many jobs wait to read deferred messages back");
	return 0;
}

void dfr_scan_free(struct deferred *d)
{
	if (d->scan)
		free(d->scan->told);
	free(d->scan);
	d->scan = NULL;
}
