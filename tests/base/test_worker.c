/* SPDX-License-Identifier: Apache-2.0 */
/* tests/base/test_worker.c - workers: order and bundling of posts, timers, heartbeat, the end */
#include "base/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>
#include <cmocka.h>

#include "tests/gate.h"

enum { MANY = 20000, BUNDLE = 100 };

static struct gate done = GATE_INIT, entered = GATE_INIT, hold = GATE_INIT;
static struct workers *workers;

static void start(unsigned n)
{
	done.count = entered.count = hold.count = 0;
	assert_int_equal(workers_new(n, &workers, NULL), 0);
	assert_int_equal(workers_start(workers, NULL), 0);
}

static void stop(void)
{
	workers_stop(workers);
	workers_free(&workers);
	assert_null(workers);
}

static void test_bounds(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(workers_new(0, &workers, &err), -1);
	assert_int_equal(err.code, ERR_RANGE);
	assert_string_equal(err.text, "0 workers: from 1 to 64 can be had");
	assert_int_equal(workers_new(65, &workers, &err), -1);
	assert_int_equal(workers_new(64, &workers, &err), 0);
	assert_int_equal(workers_count(workers), 64);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(worker_index(workers_at(workers, i)), i);
	assert_null(worker_self());
	workers_stop(workers); /* never started: harmless */
	workers_free(&workers);
	workers_free(&workers);
}

struct note {
	struct post post; /* first: the callbacks cast */
	unsigned number;
};

struct seen {
	struct worker *on;
	unsigned next, wrong;
};

static struct seen seen;

static void check_order(struct post *post)
{
	struct note *note = (struct note *)post;

	seen.wrong += note->number != seen.next++;
	seen.on = worker_self();
	gate_raise(&done);
}

static struct note *notes_new(unsigned n, void (*run)(struct post *post))
{
	struct note *notes = calloc(n, sizeof(*notes));

	assert_non_null(notes);
	for (unsigned i = 0; i < n; i++) {
		notes[i].post.run = run;
		notes[i].number = i;
	}
	return notes;
}

static void test_foreign_posts_keep_order(void **state)
{
	struct note *notes = notes_new(MANY, check_order);

	(void)state;
	memset(&seen, 0, sizeof(seen));
	start(2);
	for (unsigned i = 0; i < MANY; i++)
		worker_post(workers_at(workers, 1), &notes[i].post);
	assert_true(gate_wait(&done, MANY));
	assert_int_equal(seen.wrong, 0);
	assert_ptr_equal(seen.on, workers_at(workers, 1));
	stop();
	free(notes);
}

static void test_a_list_arrives_whole_and_in_order(void **state)
{
	struct note *notes = notes_new(BUNDLE, check_order);

	(void)state;
	memset(&seen, 0, sizeof(seen));
	start(1);
	for (unsigned i = 0; i + 1 < BUNDLE; i++)
		notes[i].post.next = &notes[i + 1].post;
	worker_post_list(workers_at(workers, 0), &notes[0].post, &notes[BUNDLE - 1].post);
	assert_true(gate_wait(&done, BUNDLE));
	assert_int_equal(seen.wrong, 0);
	stop();
	free(notes);
}

struct burst {
	struct post post; /* first */
	struct worker *to;
	struct note *notes;
	unsigned n;
};

static void post_burst(struct post *post)
{
	struct burst *burst = (struct burst *)post;

	for (unsigned i = 0; i < burst->n; i++)
		worker_post(burst->to, &burst->notes[i].post);
}

static void test_worker_posts_keep_order(void **state)
{
	struct note *notes = notes_new(MANY, check_order);
	struct burst bursts[MANY / BUNDLE];

	(void)state;
	memset(&seen, 0, sizeof(seen));
	start(3);
	for (unsigned i = 0; i < MANY / BUNDLE; i++) {
		bursts[i] = (struct burst){
			{ NULL, post_burst }, workers_at(workers, 2), notes + i * BUNDLE, BUNDLE
		};
		worker_post(workers_at(workers, 0), &bursts[i].post);
	}
	assert_true(gate_wait(&done, MANY));
	assert_int_equal(seen.wrong, 0);
	assert_ptr_equal(seen.on, workers_at(workers, 2));
	stop();
	free(notes);
}

/* ---- bundling: the target's turns are counted by a prepare handle on its loop ---- */

static uv_prepare_t turn_counter;
static unsigned turns, turn_of_first, n_in_bundle, turns_in_bundle, early;
static struct post marker;

static void count_turn(uv_prepare_t *prepare)
{
	(void)prepare;
	turns++;
}

static void note_turn(struct post *post)
{
	(void)post;
	if (n_in_bundle++ == 0)
		turn_of_first = turns;
	turns_in_bundle = turns - turn_of_first + 1;
	gate_raise(&done);
}

static void note_early(struct post *post)
{
	(void)post;
	early = n_in_bundle;
	gate_raise(&entered);
}

/* Posts half, lets the target run something else, posts the other half, all in one turn. */
static void post_in_halves(struct post *post)
{
	struct burst *burst = (struct burst *)post;

	for (unsigned i = 0; i < burst->n / 2; i++)
		worker_post(burst->to, &burst->notes[i].post);
	worker_post_list(burst->to, &marker, &marker);
	gate_wait(&entered, 1);
	for (unsigned i = burst->n / 2; i < burst->n; i++)
		worker_post(burst->to, &burst->notes[i].post);
}

static void test_posts_of_one_turn_leave_together(void **state)
{
	struct note *notes = notes_new(BUNDLE, note_turn);
	struct burst burst;

	(void)state;
	turns = n_in_bundle = turns_in_bundle = 0;
	early = 1;
	done.count = entered.count = 0;
	marker.run = note_early;
	assert_int_equal(workers_new(2, &workers, NULL), 0);
	uv_prepare_init(worker_loop(workers_at(workers, 1)), &turn_counter);
	uv_prepare_start(&turn_counter, count_turn);
	assert_int_equal(workers_start(workers, NULL), 0);
	burst = (struct burst){ { NULL, post_in_halves }, workers_at(workers, 1), notes, BUNDLE };
	worker_post(workers_at(workers, 0), &burst.post);
	assert_true(gate_wait(&done, BUNDLE));
	stop();
	/* None left before the sender's turn ended, and the target saw them in one of its own. */
	assert_int_equal(early, 0);
	assert_int_equal(turns_in_bundle, 1);
	free(notes);
}

static int inside, ran_inside;

static void note_inside(struct post *post)
{
	(void)post;
	ran_inside = inside;
	gate_raise(&done);
}

static struct post to_myself = { NULL, note_inside };

static void post_to_self(struct post *post)
{
	(void)post;
	inside = 1;
	worker_post(worker_self(), &to_myself);
	inside = 0;
}

static void test_post_to_itself_runs_later(void **state)
{
	struct post post = { NULL, post_to_self };

	(void)state;
	ran_inside = -1;
	start(1);
	worker_post(workers_at(workers, 0), &post);
	assert_true(gate_wait(&done, 1));
	stop();
	assert_int_equal(ran_inside, 0);
}

/* ---- many senders ---- */

enum { SENDERS = 6, EACH = 3000 };

static unsigned next_of[SENDERS], wrong_of[SENDERS];

static void check_sender_order(struct post *post)
{
	struct note *note = (struct note *)post;
	unsigned sender = note->number / EACH;

	wrong_of[sender] += note->number % EACH != next_of[sender]++;
	gate_raise(&done);
}

static void *send_mine(void *arg)
{
	struct note *notes = arg;

	for (unsigned i = 0; i < EACH; i++)
		worker_post(workers_at(workers, 0), &notes[i].post);
	return NULL;
}

static void test_order_per_sender(void **state)
{
	struct note *notes = notes_new(SENDERS * EACH, check_sender_order);
	pthread_t thread[SENDERS];

	(void)state;
	memset(next_of, 0, sizeof(next_of));
	memset(wrong_of, 0, sizeof(wrong_of));
	start(1);
	for (unsigned i = 0; i < SENDERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, send_mine, notes + i * EACH), 0);
	assert_true(gate_wait(&done, SENDERS * EACH));
	for (unsigned i = 0; i < SENDERS; i++) {
		pthread_join(thread[i], NULL);
		assert_int_equal(wrong_of[i], 0);
		assert_int_equal(next_of[i], EACH);
	}
	stop();
	free(notes);
}

/* ---- the end ---- */

static void wait_held(struct post *post)
{
	(void)post;
	gate_raise(&entered);
	gate_wait(&hold, 1);
}

static void *stop_all(void *arg)
{
	(void)arg;
	workers_stop(workers);
	return NULL;
}

static void test_stop_runs_what_is_in_the_inbox(void **state)
{
	struct note *notes = notes_new(BUNDLE, check_order);
	struct post held = { NULL, wait_held };
	pthread_t stopper;

	(void)state;
	memset(&seen, 0, sizeof(seen));
	start(1);
	worker_post(workers_at(workers, 0), &held);
	assert_true(gate_wait(&entered, 1));
	for (unsigned i = 0; i < BUNDLE; i++)
		worker_post(workers_at(workers, 0), &notes[i].post);
	assert_int_equal(pthread_create(&stopper, NULL, stop_all, NULL), 0);
	gate_raise(&hold);
	pthread_join(stopper, NULL);
	assert_int_equal(gate_count(&done), BUNDLE);
	assert_int_equal(seen.wrong, 0);
	workers_stop(workers); /* twice is harmless */
	workers_free(&workers);
	free(notes);
}

static struct burst relay;

static void test_free_runs_what_came_too_late(void **state)
{
	struct note *notes = notes_new(2 * BUNDLE, check_order);

	(void)state;
	memset(&seen, 0, sizeof(seen));
	start(2);
	workers_stop(workers);
	for (unsigned i = 0; i < BUNDLE; i++)
		worker_post(workers_at(workers, 0), &notes[i].post);
	/* A post that posts to a worker whose turn has passed is served as well. */
	relay = (struct burst){
		{ NULL, post_burst }, workers_at(workers, 0), notes + BUNDLE, BUNDLE
	};
	worker_post(workers_at(workers, 1), &relay.post);
	assert_int_equal(gate_count(&done), 0);
	workers_free(&workers);
	assert_int_equal(gate_count(&done), 2 * BUNDLE);
	assert_int_equal(seen.wrong, 0);
	assert_null(seen.on);
	free(notes);
}

/* ---- timers ---- */

enum { TIMERS = 5 };

struct clock_note {
	struct wheel_timer timer; /* first */
	uint64_t set_ms, delay_ms, fired_ms;
	unsigned place;
};

static struct clock_note clocks[TIMERS];
static struct wheel_timer cleared, endless, after;
static unsigned n_clocks, wrong_fires;

static void on_clock(struct wheel_timer *timer)
{
	struct clock_note *c = (struct clock_note *)timer;

	c->fired_ms = worker_now_ms(worker_self());
	c->place = n_clocks++;
	gate_raise(&done);
}

static void on_wrong(struct wheel_timer *timer)
{
	(void)timer;
	wrong_fires++;
}

static void set_timers(struct post *post)
{
	static const uint64_t delays[TIMERS] = { 90, 0, 60, 30, 120 };
	struct worker *worker = worker_self();

	(void)post;
	for (unsigned i = 0; i < TIMERS; i++) {
		clocks[i].set_ms = worker_now_ms(worker);
		clocks[i].delay_ms = delays[i];
		worker_timer_set(worker, &clocks[i].timer, delays[i], on_clock);
	}
	worker_timer_set(worker, &cleared, 10, on_wrong);
	worker_timer_clear(worker, &cleared);
}

static void on_after(struct wheel_timer *timer)
{
	(void)timer;
	gate_raise(&entered);
}

/* With the clock behind by what the loop has turned since the wheel's last advance. */
static void set_endless(struct post *post)
{
	struct worker *worker = worker_self();

	(void)post;
	worker_timer_set(worker, &endless, UINT64_MAX, on_wrong);
	worker_timer_set(worker, &after, 20, on_after);
}

static uint64_t seen_now_ms;

static void look_at_clock(struct post *post)
{
	(void)post;
	seen_now_ms = worker_now_ms(worker_self());
	gate_raise(&done);
}

static void clear_endless(struct post *post)
{
	(void)post;
	worker_timer_clear(worker_self(), &endless);
	gate_raise(&entered);
}

static void test_timers(void **state)
{
	static const unsigned places[TIMERS] = { 3, 0, 2, 1, 4 };
	struct post post = { NULL, set_timers };

	(void)state;
	n_clocks = wrong_fires = 0;
	start(1);
	worker_post(workers_at(workers, 0), &post);
	assert_true(gate_wait(&done, TIMERS));
	stop();
	assert_int_equal(wrong_fires, 0);
	for (unsigned i = 0; i < TIMERS; i++) {
		assert_int_equal(clocks[i].place, places[i]);
		assert_true(clocks[i].fired_ms >= clocks[i].set_ms + clocks[i].delay_ms);
	}
}

static void test_no_delay_is_too_long(void **state)
{
	struct post set = { NULL, set_endless }, clear = { NULL, clear_endless };
	struct post look = { NULL, look_at_clock };
	uint64_t first_ms = 0;

	(void)state;
	wrong_fires = 0;
	start(1);
	for (unsigned i = 1; !first_ms || seen_now_ms < first_ms + 3; i++) {
		worker_post(workers_at(workers, 0), &look);
		assert_true(gate_wait(&done, i));
		first_ms = first_ms ? first_ms : seen_now_ms;
	}
	worker_post(workers_at(workers, 0), &set);
	assert_true(gate_wait(&entered, 1));
	worker_post(workers_at(workers, 0), &clear);
	assert_true(gate_wait(&entered, 2));
	stop();
	assert_int_equal(wrong_fires, 0);
}

static int spinning;

static void spin(struct post *post)
{
	if (spinning)
		worker_post(worker_self(), post);
	else
		gate_raise(&entered);
}

static void end_spin(struct wheel_timer *timer)
{
	(void)timer;
	spinning = 0;
	gate_raise(&done);
}

static struct wheel_timer spin_timer;
static struct post spin_post = { NULL, spin };

static void start_spin(struct post *post)
{
	(void)post;
	spinning = 1;
	worker_timer_set(worker_self(), &spin_timer, 20, end_spin);
	worker_post(worker_self(), &spin_post);
}

static void test_endless_posts_do_not_starve_timers(void **state)
{
	struct post post = { NULL, start_spin };

	(void)state;
	start(1);
	worker_post(workers_at(workers, 0), &post);
	assert_true(gate_wait(&done, 1));
	assert_true(gate_wait(&entered, 1));
	stop();
}

static void test_heartbeat_of_an_idle_worker(void **state)
{
	uint64_t before;

	(void)state;
	start(1);
	before = worker_heartbeat_ms(workers_at(workers, 0));
	for (unsigned i = 0; i < 6000 && worker_heartbeat_ms(workers_at(workers, 0)) < before + 2;
	     i++) {
		struct timespec tick = { 0, 10000000 };

		nanosleep(&tick, NULL);
	}
	assert_true(worker_heartbeat_ms(workers_at(workers, 0)) >= before + 2);
	stop();
}

static void test_heartbeat_of_a_stuck_worker_stands(void **state)
{
	struct post held = { NULL, wait_held };
	struct note *other = notes_new(1, check_order);
	uint64_t before;

	(void)state;
	start(2);
	worker_post(workers_at(workers, 0), &held);
	assert_true(gate_wait(&entered, 1));
	before = worker_heartbeat_ms(workers_at(workers, 0));
	worker_post(workers_at(workers, 1), &other->post);
	assert_true(gate_wait(&done, 1)); /* the other one lives */
	assert_int_equal(worker_heartbeat_ms(workers_at(workers, 0)), before);
	gate_raise(&hold);
	stop();
	free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_foreign_posts_keep_order),
		cmocka_unit_test(test_a_list_arrives_whole_and_in_order),
		cmocka_unit_test(test_worker_posts_keep_order),
		cmocka_unit_test(test_posts_of_one_turn_leave_together),
		cmocka_unit_test(test_post_to_itself_runs_later),
		cmocka_unit_test(test_order_per_sender),
		cmocka_unit_test(test_stop_runs_what_is_in_the_inbox),
		cmocka_unit_test(test_free_runs_what_came_too_late),
		cmocka_unit_test(test_timers),
		cmocka_unit_test(test_no_delay_is_too_long),
		cmocka_unit_test(test_endless_posts_do_not_starve_timers),
		cmocka_unit_test(test_heartbeat_of_an_idle_worker),
		cmocka_unit_test(test_heartbeat_of_a_stuck_worker_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
