/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/worker.c - workers on libuv loops, inboxes, bundled posts, timers
 *
 * See worker.h. Posts made on a worker are collected in one list a target and handed over when the
 * loop has polled and again before it blocks, so a turn costs one lock and at most one wake-up a
 * target; a target whose inbox already holds something has been woken and is not woken again.
 */
#include "base/worker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "base/log.h"

enum { WORKERS_MAX = 64, HEARTBEAT_MS = 1000 };

struct post_list {
	struct post *first, *last;
};

struct worker {
	struct workers *all;
	unsigned index;
	int has_loop;
	pthread_t thread;
	uv_loop_t loop;
	uv_async_t wake;
	uv_prepare_t before_poll;
	uv_check_t after_poll;
	uv_timer_t tick;
	uint64_t tick_ms; /* loop time that tick is armed for */
	struct wheel wheel;
	_Atomic uint64_t heartbeat_ms;
	struct post stop;
	struct post_list *out; /* one a target */
	uint64_t out_busy;     /* a bit a target whose list is not empty */
	pthread_mutex_t lock;  /* of in */
	struct post_list in;
};

struct workers {
	unsigned n;
	int running;
	struct worker *worker;
};

static __thread struct worker *self;

static void list_append(struct post_list *list, struct post *first, struct post *last)
{
	last->next = NULL;
	if (list->last)
		list->last->next = first;
	else
		list->first = first;
	list->last = last;
}

void worker_post_list(struct worker *to, struct post *first, struct post *last)
{
	int was_empty;

	pthread_mutex_lock(&to->lock);
	was_empty = !to->in.first;
	list_append(&to->in, first, last);
	pthread_mutex_unlock(&to->lock);
	if (was_empty)
		uv_async_send(&to->wake);
}

void worker_post(struct worker *to, struct post *post)
{
	if (!self || self->all != to->all) {
		worker_post_list(to, post, post);
		return;
	}
	list_append(&self->out[to->index], post, post);
	self->out_busy |= UINT64_C(1) << to->index;
}

static void flush(struct worker *worker)
{
	while (worker->out_busy) {
		unsigned target = (unsigned)__builtin_ctzll(worker->out_busy);
		struct post_list list = worker->out[target];

		worker->out_busy &= worker->out_busy - 1;
		worker->out[target] = (struct post_list){ NULL, NULL };
		worker_post_list(&worker->all->worker[target], list.first, list.last);
	}
}

/* Run what is in the inbox now, not what arrives meanwhile: a worker that posts to itself without
 * end still gets to its sockets. */
static void run_inbox(struct worker *worker)
{
	struct post *post, *next;

	pthread_mutex_lock(&worker->lock);
	post = worker->in.first;
	worker->in = (struct post_list){ NULL, NULL };
	pthread_mutex_unlock(&worker->lock);
	for (; post; post = next) {
		next = post->next;
		post->run(post);
	}
}

static void on_wake(uv_async_t *wake)
{
	run_inbox(wake->data);
}

static void on_tick(uv_timer_t *tick)
{
	struct worker *worker = tick->data;

	worker->tick_ms = 0;
	wheel_advance(&worker->wheel, uv_now(&worker->loop));
}

/* Arm the loop's one timer for the wheel's next work, at least once a heartbeat. */
static void arm_tick(struct worker *worker)
{
	uint64_t now = uv_now(&worker->loop), next = wheel_next_ms(&worker->wheel), at;

	at = next > UINT64_MAX / 2 ? UINT64_MAX : worker->wheel.now_ms + next;
	if (at > now + HEARTBEAT_MS)
		at = now + HEARTBEAT_MS;
	if (worker->tick_ms && worker->tick_ms <= at)
		return;
	worker->tick_ms = at;
	uv_timer_start(&worker->tick, on_tick, at > now ? at - now : 0, 0);
}

static void beat(struct worker *worker)
{
	atomic_store_explicit(&worker->heartbeat_ms, uv_now(&worker->loop), memory_order_relaxed);
	flush(worker);
}

static void on_before_poll(uv_prepare_t *prepare)
{
	beat(prepare->data);
	arm_tick(prepare->data);
	log_flush();
}

static void on_after_poll(uv_check_t *check)
{
	beat(check->data);
}

static void on_stop(struct post *post)
{
	(void)post;
	uv_stop(&self->loop);
}

/* Handles that a room left open end here, so that a worker can always be freed. */
static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void *worker_main(void *arg)
{
	struct worker *worker = arg;
	char name[16];

	self = worker;
	snprintf(name, sizeof(name), "worker-%u", worker->index);
	pthread_setname_np(pthread_self(), name);
	log_gather();
	uv_run(&worker->loop, UV_RUN_DEFAULT);
	flush(worker);
	log_gather_end();
	self = NULL;
	return NULL;
}

static int worker_init(struct worker *worker, struct workers *all, unsigned index)
{
	worker->all = all;
	worker->index = index;
	worker->stop.run = on_stop;
	pthread_mutex_init(&worker->lock, NULL);
	worker->out = calloc(all->n, sizeof(*worker->out));
	if (!worker->out || uv_loop_init(&worker->loop) != 0)
		return -1;
	worker->has_loop = 1;
	if (uv_async_init(&worker->loop, &worker->wake, on_wake) != 0)
		return -1;
	uv_prepare_init(&worker->loop, &worker->before_poll);
	uv_check_init(&worker->loop, &worker->after_poll);
	uv_timer_init(&worker->loop, &worker->tick);
	worker->wake.data = worker;
	worker->before_poll.data = worker;
	worker->after_poll.data = worker;
	worker->tick.data = worker;
	uv_prepare_start(&worker->before_poll, on_before_poll);
	uv_check_start(&worker->after_poll, on_after_poll);
	wheel_init(&worker->wheel, uv_now(&worker->loop));
	atomic_store(&worker->heartbeat_ms, uv_now(&worker->loop));
	return 0;
}

int workers_new(unsigned n, struct workers **workers_out, struct err *err)
{
	struct workers *workers;

	if (n < 1 || n > WORKERS_MAX)
		return err_set(err, ERR_RANGE, "%u workers: from 1 to %d can be had", n,
			       WORKERS_MAX);
	workers = calloc(1, sizeof(*workers));
	if (!workers)
		return err_set(err, ERR_NOMEM, "no memory for workers");
	workers->worker = calloc(n, sizeof(*workers->worker));
	workers->n = workers->worker ? n : 0;
	for (unsigned i = 0; i < workers->n; i++)
		if (worker_init(&workers->worker[i], workers, i) < 0) {
			workers->n = i + 1;
			workers_free(&workers);
			return err_set(err, ERR_IO, "no event loop for worker %u", i);
		}
	if (!workers->n) {
		workers_free(&workers);
		return err_set(err, ERR_NOMEM, "no memory for workers");
	}
	*workers_out = workers;
	return 0;
}

int workers_start(struct workers *workers, struct err *err)
{
	for (unsigned i = 0; i < workers->n; i++) {
		struct worker *worker = &workers->worker[i];
		int failed = pthread_create(&worker->thread, NULL, worker_main, worker);

		if (failed) {
			err_sys(err, ERR_IO, failed, "cannot start worker %u", i);
			workers->running = (int)i;
			workers_stop(workers);
			return -1;
		}
	}
	workers->running = (int)workers->n;
	return 0;
}

void workers_stop(struct workers *workers)
{
	for (int i = 0; i < workers->running; i++)
		worker_post_list(&workers->worker[i], &workers->worker[i].stop,
				 &workers->worker[i].stop);
	for (int i = 0; i < workers->running; i++)
		pthread_join(workers->worker[i].thread, NULL);
	workers->running = 0;
}

static void worker_fini(struct worker *worker)
{
	if (worker->has_loop) {
		uv_walk(&worker->loop, close_handle, NULL);
		while (uv_run(&worker->loop, UV_RUN_DEFAULT) != 0)
			;
		uv_loop_close(&worker->loop);
	}
	pthread_mutex_destroy(&worker->lock);
	free(worker->out);
}

void workers_free(struct workers **workers_at)
{
	struct workers *workers = *workers_at;

	*workers_at = NULL;
	if (!workers)
		return;
	/* Twice: what the first round posts to a worker that has had its turn runs in the second.
	 */
	for (unsigned i = 0; i < 2 * workers->n; i++)
		run_inbox(&workers->worker[i % workers->n]);
	for (unsigned i = 0; i < workers->n; i++)
		worker_fini(&workers->worker[i]);
	free(workers->worker);
	free(workers);
}

unsigned workers_count(const struct workers *workers)
{
	return workers->n;
}

struct worker *workers_at(struct workers *workers, unsigned index)
{
	return &workers->worker[index];
}

struct worker *worker_self(void)
{
	return self;
}

unsigned worker_index(const struct worker *worker)
{
	return worker->index;
}

struct uv_loop_s *worker_loop(struct worker *worker)
{
	return &worker->loop;
}

void worker_timer_set(struct worker *worker, struct wheel_timer *timer, uint64_t delay_ms,
		      void (*fn)(struct wheel_timer *timer))
{
	/* The wheel stands at its last advance; the delay counts from the loop's now. */
	uint64_t lag_ms = uv_now(&worker->loop) - worker->wheel.now_ms;

	wheel_set(&worker->wheel, timer,
		  delay_ms < UINT64_MAX - lag_ms ? delay_ms + lag_ms : UINT64_MAX, fn);
}

void worker_timer_clear(struct worker *worker, struct wheel_timer *timer)
{
	wheel_clear(&worker->wheel, timer);
}

uint64_t worker_now_ms(const struct worker *worker)
{
	return uv_now(&worker->loop);
}

uint64_t worker_heartbeat_ms(const struct worker *worker)
{
	return atomic_load_explicit(&worker->heartbeat_ms, memory_order_relaxed);
}
