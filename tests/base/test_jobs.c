/* SPDX-License-Identifier: Apache-2.0 */
/* tests/base/test_jobs.c - the job pool: order, bounds, where "done" is called, the end */
#include "base/jobs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/gate.h"

enum { MANY = 2000 };

static struct gate ran = GATE_INIT, finished = GATE_INIT, hold = GATE_INIT;
static unsigned order[MANY], n_order;

static void reset(void)
{
	ran.count = finished.count = hold.count = 0;
	n_order = 0;
}

struct numbered {
	struct job job; /* first: the callbacks cast */
	unsigned number;
	pthread_t ran_on, done_on;
	struct worker *done_self;
};

static void note_order(struct job *job)
{
	struct numbered *n = (struct numbered *)job;

	n->ran_on = pthread_self();
	order[n_order++] = n->number;
	gate_raise(&ran);
}

static void note_done(struct job *job)
{
	struct numbered *n = (struct numbered *)job;

	n->done_on = pthread_self();
	n->done_self = worker_self();
	gate_raise(&finished);
}

static void run_until_released(struct job *job)
{
	(void)job;
	gate_raise(&ran);
	gate_wait(&hold, 1);
}

static void test_bounds_of_threads(void **state)
{
	struct jobs *jobs = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(jobs_new(0, 0, &jobs, &err), -1);
	assert_int_equal(err.code, ERR_RANGE);
	assert_string_equal(err.text, "0 job threads: from 1 to 64 can be had");
	assert_int_equal(jobs_new(65, 0, &jobs, &err), -1);
	assert_null(jobs);
	assert_int_equal(jobs_new(64, 0, &jobs, &err), 0);
	jobs_free(&jobs);
	assert_null(jobs);
	jobs_free(&jobs); /* harmless */
}

static void test_order_is_kept(void **state)
{
	struct numbered *all = calloc(MANY, sizeof(*all));
	struct jobs *jobs;

	(void)state;
	reset();
	assert_int_equal(jobs_new(1, 0, &jobs, NULL), 0);
	for (unsigned i = 0; i < MANY; i++) {
		all[i].job.run = note_order;
		all[i].job.done = note_done;
		all[i].number = i;
		assert_int_equal(jobs_submit(jobs, &all[i].job), 0);
	}
	assert_true(gate_wait(&finished, MANY));
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(order[i], i);
	jobs_free(&jobs);
	free(all);
}

static void test_full_queue_refuses(void **state)
{
	struct numbered busy = { .job = { .run = run_until_released, .done = note_done } };
	struct numbered queued[3];
	struct jobs *jobs;

	(void)state;
	reset();
	assert_int_equal(jobs_new(1, 2, &jobs, NULL), 0);
	assert_int_equal(jobs_submit(jobs, &busy.job), 0);
	assert_true(gate_wait(&ran, 1));
	for (unsigned i = 0; i < 3; i++)
		queued[i] = (struct numbered){ .job = { .run = note_order, .done = note_done },
					       .number = i };
	assert_int_equal(jobs_submit(jobs, &queued[0].job), 0);
	assert_int_equal(jobs_submit(jobs, &queued[1].job), 0);
	assert_int_equal(jobs_queued(jobs), 2);
	assert_int_equal(jobs_submit(jobs, &queued[2].job), -1);
	assert_int_equal(jobs_queued(jobs), 2);
	gate_raise(&hold);
	assert_true(gate_wait(&finished, 3));
	assert_int_equal(jobs_queued(jobs), 0);
	jobs_free(&jobs);
	/* The refused one was neither run nor told. */
	assert_int_equal(gate_count(&finished), 3);
	assert_int_equal(n_order, 2);
}

static void test_done_on_the_pool_for_other_threads(void **state)
{
	struct numbered n = { .job = { .run = note_order, .done = note_done } };
	struct jobs *jobs;

	(void)state;
	reset();
	assert_int_equal(jobs_new(1, 0, &jobs, NULL), 0);
	assert_int_equal(jobs_submit(jobs, &n.job), 0);
	assert_true(gate_wait(&finished, 1));
	assert_null(n.done_self);
	assert_true(pthread_equal(n.ran_on, n.done_on));
	assert_false(pthread_equal(n.done_on, pthread_self()));
	jobs_free(&jobs);
}

static struct jobs *pool;

struct sender {
	struct post post; /* first */
	struct numbered n;
};

static void submit_here(struct post *post)
{
	struct sender *s = (struct sender *)post;

	s->n.job.run = note_order;
	s->n.job.done = note_done;
	if (jobs_submit(pool, &s->n.job) < 0)
		abort();
}

static void test_done_on_the_home_worker(void **state)
{
	struct sender senders[3];
	struct workers *workers;

	(void)state;
	reset();
	memset(senders, 0, sizeof(senders));
	assert_int_equal(jobs_new(1, 0, &pool, NULL), 0);
	assert_int_equal(workers_new(3, &workers, NULL), 0);
	assert_int_equal(workers_start(workers, NULL), 0);
	for (unsigned i = 0; i < 3; i++) {
		senders[i].post.run = submit_here;
		worker_post(workers_at(workers, i), &senders[i].post);
	}
	assert_true(gate_wait(&finished, 3));
	for (unsigned i = 0; i < 3; i++) {
		assert_ptr_equal(senders[i].n.done_self, workers_at(workers, i));
		assert_false(pthread_equal(senders[i].n.ran_on, senders[i].n.done_on));
	}
	jobs_free(&pool);
	workers_stop(workers);
	workers_free(&workers);
}

static void test_free_finishes_what_is_queued(void **state)
{
	struct numbered *all = calloc(100, sizeof(*all));
	struct jobs *jobs;

	(void)state;
	reset();
	assert_int_equal(jobs_new(1, 0, &jobs, NULL), 0);
	for (unsigned i = 0; i < 100; i++) {
		all[i].job.run = note_order;
		all[i].job.done = note_done;
		assert_int_equal(jobs_submit(jobs, &all[i].job), 0);
	}
	jobs_free(&jobs);
	assert_int_equal(gate_count(&finished), 100);
	free(all);
}

static unsigned late_taken, late_refused;

static void do_nothing(struct job *job)
{
	(void)job;
}

static void free_job(struct job *job)
{
	late_taken++;
	free(job);
}

/* Submits until the pool, which is being freed meanwhile, takes no more. */
static void submit_until_refused(struct job *job)
{
	(void)job;
	gate_raise(&ran);
	for (unsigned i = 0; i < 60000 && !late_refused; i++) {
		struct job *late = calloc(1, sizeof(*late));

		late->run = do_nothing;
		late->done = free_job;
		if (jobs_submit(pool, late) < 0) {
			late_refused = 1;
			free(late);
		}
		usleep(1000);
	}
}

static void test_stopping_pool_refuses(void **state)
{
	struct numbered n = { .job = { .run = submit_until_refused, .done = note_done } };
	struct jobs *jobs;

	(void)state;
	reset();
	late_taken = late_refused = 0;
	assert_int_equal(jobs_new(1, 0, &jobs, NULL), 0);
	pool = jobs;
	assert_int_equal(jobs_submit(jobs, &n.job), 0);
	assert_true(gate_wait(&ran, 1));
	jobs_free(&jobs);
	assert_int_equal(late_refused, 1);
	assert_int_equal(gate_count(&finished), 1);
}

static void test_all_threads_work(void **state)
{
	struct numbered held[8];
	struct jobs *jobs;

	(void)state;
	reset();
	assert_int_equal(jobs_new(8, 0, &jobs, NULL), 0);
	for (unsigned i = 0; i < 8; i++) {
		held[i] = (struct numbered){ .job = { .run = run_until_released,
						      .done = note_done } };
		assert_int_equal(jobs_submit(jobs, &held[i].job), 0);
	}
	/* All eight are inside run at one time: none can leave before the gate is raised. */
	assert_true(gate_wait(&ran, 8));
	gate_raise(&hold);
	jobs_free(&jobs);
	assert_int_equal(gate_count(&finished), 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds_of_threads),
		cmocka_unit_test(test_order_is_kept),
		cmocka_unit_test(test_full_queue_refuses),
		cmocka_unit_test(test_done_on_the_pool_for_other_threads),
		cmocka_unit_test(test_done_on_the_home_worker),
		cmocka_unit_test(test_free_finishes_what_is_queued),
		cmocka_unit_test(test_stopping_pool_refuses),
		cmocka_unit_test(test_all_threads_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
