/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/jobs.h - a small pool of threads for what would stall a loop
 *
 * Storage reads on a cache miss, parsing of large documents. Jobs are taken in order.
 */
#ifndef BASE_JOBS_H
#define BASE_JOBS_H

#include "base/err.h"
#include "base/worker.h"

struct jobs;

/* Part of the caller's struct. RUN is called on a pool thread, then DONE: on the worker that
 * submitted the job, or on the pool thread itself when none did (submitted from another thread).
 * After jobs_submit the struct belongs to the pool until DONE is called. */
struct job {
	struct post post;    /* the pool's */
	struct worker *home; /* the pool's */
	void (*run)(struct job *job);
	void (*done)(struct job *job);
};

/* THREADS from 1 to 64; at most MAX_QUEUED jobs wait (0: no limit). */
int jobs_new(unsigned threads, unsigned max_queued, struct jobs **jobs_out, struct err *err);

/* Returns 0; -1 when the queue is full or the pool is stopping: nothing was queued, DONE is not
 * called, and the caller answers "busy". */
int jobs_submit(struct jobs *jobs, struct job *job);

/* Finish what is queued, then end the threads. While workers still run. Takes the address. */
void jobs_free(struct jobs **jobs);

/* Jobs that wait for a thread. */
unsigned jobs_queued(struct jobs *jobs);

#endif
