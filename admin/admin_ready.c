/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/admin_ready.c - see admin_ready.h
 *
 * The first who asks when no verdict holds runs the round trip on its worker; whoever asks
 * meanwhile, on any worker, waits for the same verdict. A round trip that passes its timeout is not
 * abandoned (the store still owns the batch): until it comes back the verdict is "no answer".
 */
#include "admin/admin_ready.h"

#include <inttypes.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "admin/admin.h"
#include "base/trace.h"

struct admin_ready {
	struct kv *kv;
	unsigned timeout_ms;
	struct admin_calls *calls;
	int (*draining)(void *arg);
	void *arg;

	pthread_mutex_t lock; /* of these */
	int running, late;    /* a round trip is under way; it has passed its timeout */
	uint64_t verdict_ms;  /* monotonic; 0: there is no verdict yet */
	struct err verdict;
	struct admin_waiter *waiters;

	/* Of the worker that runs the round trip. */
	struct worker *runner;
	struct wheel_timer timer;
	struct arena *arena;
	struct kv_item item;
	struct kv_read read;
	uint64_t seq;
	char value[24];
};

static const struct strv owner = { ADMIN_HEALTH_OWNER, sizeof(ADMIN_HEALTH_OWNER) - 1 };
static const struct strv name = { "ready", 5 };

struct admin_ready *admin_ready_new(struct kv *kv, unsigned timeout_ms, struct admin_calls *calls,
				    int (*draining)(void *arg), void *arg)
{
	struct admin_ready *ready = calloc(1, sizeof(*ready));

	if (!ready)
		return NULL;
	ready->arena = arena_new(64 << 10);
	if (!ready->arena) {
		free(ready);
		return NULL;
	}
	ready->kv = kv;
	ready->timeout_ms = timeout_ms;
	ready->calls = calls;
	ready->draining = draining;
	ready->arg = arg;
	pthread_mutex_init(&ready->lock, NULL);
	return ready;
}

void admin_ready_free(struct admin_ready **ready_at)
{
	struct admin_ready *ready = *ready_at;

	*ready_at = NULL;
	if (!ready)
		return;
	arena_free(&ready->arena);
	pthread_mutex_destroy(&ready->lock);
	free(ready);
}

static uint64_t monotonic_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- telling ---- */

static void on_told(struct post *post)
{
	struct admin_waiter *waiter =
		(struct admin_waiter *)(void *)((char *)post - offsetof(struct admin_waiter, post));

	waiter->fn(waiter, &waiter->err);
}

/* The verdict from now on, for all who wait. LATE: the round trip is still under way. */
static void settle(struct admin_ready *ready, const struct err *verdict, int late)
{
	struct admin_waiter *waiter, *next;

	pthread_mutex_lock(&ready->lock);
	ready->verdict = *verdict;
	ready->verdict_ms = monotonic_ms();
	ready->late = late;
	ready->running = late;
	waiter = ready->waiters;
	ready->waiters = NULL;
	pthread_mutex_unlock(&ready->lock);
	for (; waiter; waiter = next) {
		next = waiter->next;
		waiter->err = *verdict;
		waiter->post.run = on_told;
		if (waiter->worker == worker_self())
			waiter->fn(waiter, &waiter->err);
		else
			worker_post(waiter->worker, &waiter->post);
	}
}

/* ---- the round trip ---- */

static void finish(struct admin_ready *ready, const struct err *verdict)
{
	struct admin_calls *calls = ready->calls;

	worker_timer_clear(ready->runner, &ready->timer);
	settle(ready, verdict, 0);
	admin_calls_leave(calls);
}

static void on_timeout(struct wheel_timer *timer)
{
	struct admin_ready *ready =
		(struct admin_ready *)(void *)((char *)timer - offsetof(struct admin_ready, timer));
	struct err err;

	err_set(&err, ERR_BUSY, "the store has not answered within %u ms", ready->timeout_ms);
	settle(ready, &err, 1);
}

static void on_read(struct kv_read *read, enum kv_status status)
{
	struct admin_ready *ready =
		(struct admin_ready *)(void *)((char *)read - offsetof(struct admin_ready, read));
	const struct kv_record *record = ready->item.n_records ? ready->item.records : NULL;
	struct err err = { 0 };

	if (status != KV_DONE)
		err_set(&err, ERR_IO, "the store cannot read: %s", kv_status_name(status));
	else if (!record || !strv_eq(record->value, strv_of(ready->value)) ||
		 record->version != ready->seq)
		err_set(&err, ERR_CORRUPT, "the store does not give back what was written");
	finish(ready, &err);
}

static void on_commit(void *arg, const struct kv_commit_result *result)
{
	struct admin_ready *ready = arg;
	struct err err;

	if (result->status != KV_DONE) {
		err_set(&err, result->status == KV_NO_SPACE ? ERR_SPACE : ERR_IO,
			"the store cannot commit: %s", kv_status_name(result->status));
		finish(ready, &err);
		return;
	}
	ready->seq = result->seq;
	arena_reset(ready->arena);
	ready->item = (struct kv_item){ .kind = KV_GET, .from = name };
	ready->read = (struct kv_read){ .owner = owner,
					.items = &ready->item,
					.n_items = 1,
					.arena = ready->arena,
					.done = on_read };
	kv_read(ready->kv, &ready->read);
}

static void begin(struct admin_ready *ready)
{
	struct kv_batch *batch;
	struct err err;

	if (!admin_calls_enter(ready->calls)) {
		err_set(&err, ERR_STOPPING, "the server is going down");
		settle(ready, &err, 0);
		return;
	}
	ready->runner = worker_self();
	worker_timer_set(ready->runner, &ready->timer, ready->timeout_ms, on_timeout);
	batch = kv_batch_new(owner);
	snprintf(ready->value, sizeof(ready->value), "%016" PRIx64, trace_random());
	if (!batch || kv_batch_put(batch, name, strv_of(ready->value)) < 0) {
		kv_batch_free(&batch);
		err_set(&err, ERR_NOMEM, "no memory for a batch");
		finish(ready, &err);
		return;
	}
	kv_commit(ready->kv, batch, on_commit, ready);
}

void admin_ready_ask(struct admin_ready *ready, struct admin_waiter *waiter)
{
	struct err verdict = { 0 };
	int holds, start = 0;

	if (ready->draining(ready->arg)) {
		err_set(&verdict, ERR_STOPPING, "the server is going down");
		waiter->fn(waiter, &verdict);
		return;
	}
	pthread_mutex_lock(&ready->lock);
	holds = ready->late || (ready->verdict_ms && !ready->running &&
				monotonic_ms() - ready->verdict_ms < ADMIN_READY_HOLD_MS);
	if (holds) {
		verdict = ready->verdict;
	} else {
		waiter->worker = worker_self();
		waiter->next = ready->waiters;
		ready->waiters = waiter;
		start = !ready->running;
		ready->running = 1;
	}
	pthread_mutex_unlock(&ready->lock);
	if (holds)
		waiter->fn(waiter, &verdict);
	else if (start)
		begin(ready);
}
