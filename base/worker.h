/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/worker.h - equal workers: one event loop, one thread, one inbox each
 *
 * An object with state belongs to one worker for its life; other threads reach it by posting to its
 * worker's inbox and never otherwise. Posts made by a worker within one turn of its loop leave
 * together at the end of the turn: one lock and one wake-up a target. Nothing that runs on a worker
 * may block.
 */
#ifndef BASE_WORKER_H
#define BASE_WORKER_H

#include <stdint.h>

#include "base/err.h"
#include "base/wheel.h"

struct uv_loop_s;
struct worker;
struct workers;

/* One message. It is part of the sender's struct, whose ownership moves with it: RUN gets it on
 * the target's thread and usually frees it. A post is in one inbox at a time. */
struct post {
	struct post *next;
	void (*run)(struct post *post);
};

/* N workers (1..64), not running yet. */
int workers_new(unsigned n, struct workers **workers_out, struct err *err);

/* Start the threads. Rooms open their sockets before (on the loop of worker_loop, which nobody runs
 * yet) or later in a post. */
int workers_start(struct workers *workers, struct err *err);

/* Ask every worker to leave its loop after the posts that are in its inbox, and wait for them.
 * Rooms close their handles before, on the worker's thread. Harmless when not started. */
void workers_stop(struct workers *workers);

/* After workers_stop. Takes the address, accepts NULL. Posts still in an inbox are run here, on
 * the caller's thread, so that they can free themselves. */
void workers_free(struct workers **workers);

unsigned workers_count(const struct workers *workers);
struct worker *workers_at(struct workers *workers, unsigned index);

/* The worker whose thread this is; NULL on any other thread. */
struct worker *worker_self(void);
/* 0 .. count - 1. */
unsigned worker_index(const struct worker *worker);
struct uv_loop_s *worker_loop(struct worker *worker);

/* Post from any thread. From a worker's own thread it leaves at the end of the loop's turn (also
 * when the target is the worker itself: RUN is never called before worker_post returns). Order is
 * kept between one sender and one target. */
void worker_post(struct worker *to, struct post *post);

/* Post FIRST..LAST, linked by next, with one lock and one wake-up: what a thread that is no worker
 * uses for bundles. */
void worker_post_list(struct worker *to, struct post *first, struct post *last);

/* Timers of this worker, on its own thread only; see wheel_set. */
void worker_timer_set(struct worker *worker, struct wheel_timer *timer, uint64_t delay_ms,
		      void (*fn)(struct wheel_timer *timer));
void worker_timer_clear(struct worker *worker, struct wheel_timer *timer);

/* Monotonic milliseconds, as of the beginning of the loop's turn. */
uint64_t worker_now_ms(const struct worker *worker);

/* Monotonic ms of the last finished turn: a watchdog reads it from any thread. A worker turns at
 * least once a second. */
uint64_t worker_heartbeat_ms(const struct worker *worker);

#endif
