/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/admin/test_ready.c - readiness: a real round trip, shared, held for a second, never early
 *
 * The store is the engine in memory; its sync is held or failed through kv's hooks.
 */
#include "admin/admin_ready.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "admin/admin.h"
#include "base/log.h"
#include "kv/kv_hook.h"
#include "tests/gate.h"

enum { ASKERS = 20, TIMEOUT_MS = 60 };

static struct gate told = GATE_INIT, syncing = GATE_INIT, hold = GATE_INIT;
static struct workers *workers;
static struct jobs *jobs;
static struct kv *kv;
static struct admin_ready *ready;
static struct admin_calls calls;
static _Atomic int going_down;
static _Atomic unsigned syncs;
static _Atomic int held;

static int is_draining(void *arg)
{
	(void)arg;
	return going_down;
}

static int count_sync(int fd)
{
	(void)fd;
	syncs++;
	if (held) {
		gate_raise(&syncing);
		gate_wait(&hold, 1);
	}
	return 0;
}

static int setup(void **state)
{
	struct kv_options options;

	(void)state;
	log_set_levels(LOG_ERROR);
	told.count = syncing.count = hold.count = 0;
	going_down = held = 0;
	syncs = 0;
	kv_hook_sync = count_sync;
	kv_options_init(&options, NULL);
	options.engine = "mem";
	assert_int_equal(workers_new(3, &workers, NULL), 0);
	assert_int_equal(jobs_new(1, 0, &jobs, NULL), 0);
	assert_int_equal(kv_open(&options, jobs, &kv, NULL), 0);
	admin_calls_init(&calls);
	ready = admin_ready_new(kv, TIMEOUT_MS, &calls, is_draining, NULL);
	assert_non_null(ready);
	return workers_start(workers, NULL);
}

static int teardown(void **state)
{
	(void)state;
	admin_calls_end(&calls);
	kv_close(&kv);
	jobs_free(&jobs);
	workers_stop(workers);
	workers_free(&workers);
	admin_ready_free(&ready);
	admin_calls_fini(&calls);
	kv_hook_sync = NULL;
	return 0;
}

struct asker {
	struct post post; /* first: the callback casts */
	struct admin_waiter waiter;
	struct worker *asked_on, *told_on;
	struct err err;
	unsigned times;
};

static void on_told(struct admin_waiter *waiter, const struct err *err)
{
	struct asker *asker =
		(struct asker *)(void *)((char *)waiter - offsetof(struct asker, waiter));

	asker->told_on = worker_self();
	asker->err = *err;
	asker->times++;
	gate_raise(&told);
}

static void ask_here(struct post *post)
{
	struct asker *asker = (struct asker *)post;

	asker->asked_on = worker_self();
	asker->waiter.fn = on_told;
	admin_ready_ask(ready, &asker->waiter);
}

static void ask(struct asker *asker, unsigned worker)
{
	memset(asker, 0, sizeof(*asker));
	asker->post.run = ask_here;
	worker_post(workers_at(workers, worker % 3), &asker->post);
}

static void test_ready(void **state)
{
	struct asker asker;
	unsigned before = syncs;

	(void)state;
	ask(&asker, 1);
	assert_true(gate_wait(&told, 1));
	assert_int_equal(asker.err.code, ERR_NONE);
	assert_ptr_equal(asker.told_on, asker.asked_on);
	assert_true(syncs > before); /* it was a real commit */
	assert_int_equal(kv_seq(kv), 1);
}

static void test_many_ask_one_round_trip(void **state)
{
	struct asker askers[ASKERS];

	(void)state;
	held = 1;
	ask(&askers[0], 0);
	assert_true(gate_wait(&syncing, 1));
	for (unsigned i = 1; i < ASKERS; i++)
		ask(&askers[i], i);
	/* Nobody hears anything before the commit is durable. */
	held = 0;
	assert_int_equal(gate_count(&told), 0);
	gate_raise(&hold);
	assert_true(gate_wait(&told, ASKERS));
	for (unsigned i = 0; i < ASKERS; i++) {
		assert_int_equal(askers[i].times, 1);
		assert_ptr_equal(askers[i].told_on, workers_at(workers, i % 3));
	}
	/* All of them within a second: one commit. */
	assert_int_equal(kv_seq(kv), 1);
}

static void test_no_answer_in_time(void **state)
{
	struct asker first, second, third;

	(void)state;
	held = 1;
	ask(&first, 0);
	assert_true(gate_wait(&told, 1));
	assert_int_equal(first.err.code, ERR_BUSY);
	assert_string_equal(first.err.text, "the store has not answered within 60 ms");
	/* While the store still owns the batch nobody starts another. */
	ask(&second, 1);
	assert_true(gate_wait(&told, 2));
	assert_int_equal(second.err.code, ERR_BUSY);
	held = 0;
	gate_raise(&hold);
	/* It recovers by itself. */
	for (unsigned i = 3;; i++) {
		ask(&third, 2);
		assert_true(gate_wait(&told, i));
		if (third.err.code == ERR_NONE)
			break;
		assert_true(i < 60000);
		usleep(1000);
	}
}

static void test_draining(void **state)
{
	struct asker asker;

	(void)state;
	going_down = 1;
	ask(&asker, 0);
	assert_true(gate_wait(&told, 1));
	assert_int_equal(asker.err.code, ERR_STOPPING);
	assert_int_equal(kv_seq(kv), 0); /* the store was not asked */
}

static void *end_calls(void *arg)
{
	admin_calls_end(&calls);
	gate_raise(arg);
	return NULL;
}

/* The end waits for a round trip that nobody waits for any more, and lets none begin. */
static void test_end(void **state)
{
	struct gate ended = GATE_INIT;
	struct asker late, after;
	pthread_t thread;

	(void)state;
	held = 1;
	ask(&late, 0);
	assert_true(gate_wait(&told, 1));
	assert_int_equal(late.err.code, ERR_BUSY);
	assert_int_equal(pthread_create(&thread, NULL, end_calls, &ended), 0);
	held = 0;
	assert_int_equal(gate_count(&ended), 0);
	gate_raise(&hold);
	assert_true(gate_wait(&ended, 1));
	pthread_join(thread, NULL);
	/* The verdict of the late one holds for its second, then there is no other. */
	for (unsigned i = 2;; i++) {
		ask(&after, 1);
		assert_true(gate_wait(&told, i));
		if (after.err.code != ERR_NONE)
			break;
		assert_true(i < 60000);
		usleep(1000);
	}
	assert_int_equal(after.err.code, ERR_STOPPING);
	assert_int_equal(kv_seq(kv), 1);
}

static uint64_t monotonic_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void test_verdict_is_renewed(void **state)
{
	struct asker asker;
	unsigned asked = 0;
	uint64_t began_ms = monotonic_ms();

	(void)state;
	/* The second commit comes, and not before the first one's verdict is a second old. */
	while (kv_seq(kv) < 2) {
		ask(&asker, asked);
		assert_true(gate_wait(&told, ++asked));
		assert_int_equal(asker.err.code, ERR_NONE);
		assert_true(asked < 60000);
		usleep(5000);
	}
	assert_true(monotonic_ms() - began_ms >= ADMIN_READY_HOLD_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ready, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_ask_one_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_answer_in_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_draining, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_verdict_is_renewed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
