/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/base/test_wheel.c - the timer wheel against an oracle that looks at every timer
 *
 * Random sets, moves, clears and advances over all levels; each timer must fire once, at its own
 * millisecond, in order, and no other. Time is handed in.
 */
#include "base/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { TIMERS = 300, STEPS = 4000, SEEDS = 12 };

static const uint64_t DELAY_MAX_MS = UINT64_C(1) << 32;

static uint64_t rnd_state;

static uint64_t rnd(void)
{
	uint64_t z = (rnd_state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* A number whose size is as random as its digits, so that every level is used. */
static uint64_t rnd_upto(uint64_t max)
{
	uint64_t n = rnd() >> (rnd() % 64);

	return n > max ? n % (max + 1) : n;
}

struct item {
	struct wheel_timer timer; /* first: the callback casts */
	uint64_t due_ms;	  /* by the oracle; 0: not set */
};

static struct wheel wheel;
static struct item items[TIMERS];
static uint64_t last_fired_ms;
static unsigned n_fired;

static void on_fire(struct wheel_timer *timer)
{
	struct item *item = (struct item *)timer;

	assert_int_equal(item->due_ms, wheel.now_ms);
	assert_true(last_fired_ms <= item->due_ms);
	assert_false(wheel_timer_is_set(timer));
	last_fired_ms = item->due_ms;
	item->due_ms = 0;
	n_fired++;
}

static void set_item(struct item *item, uint64_t delay_ms)
{
	wheel_set(&wheel, &item->timer, delay_ms, on_fire);
	delay_ms = delay_ms < 1 ? 1 : delay_ms > DELAY_MAX_MS ? DELAY_MAX_MS : delay_ms;
	item->due_ms = wheel.now_ms + delay_ms;
}

/* What the oracle says: how many are set, and the earliest of them. */
static unsigned count_set(uint64_t *first_ms_out)
{
	unsigned n = 0;

	*first_ms_out = UINT64_MAX;
	for (unsigned i = 0; i < TIMERS; i++) {
		if (!items[i].due_ms)
			continue;
		n++;
		if (items[i].due_ms < *first_ms_out)
			*first_ms_out = items[i].due_ms;
	}
	return n;
}

static void check_against_oracle(void)
{
	uint64_t first_ms;
	unsigned n = count_set(&first_ms);

	assert_int_equal(wheel.live, n);
	for (unsigned i = 0; i < TIMERS; i++)
		assert_int_equal(wheel_timer_is_set(&items[i].timer), items[i].due_ms != 0);
	if (!n) {
		assert_true(wheel_next_ms(&wheel) == UINT64_MAX);
	} else {
		assert_true(wheel_next_ms(&wheel) >= 1);
		assert_true(wheel.now_ms + wheel_next_ms(&wheel) <= first_ms);
	}
}

static void advance(uint64_t to_ms)
{
	unsigned expected = 0;

	for (unsigned i = 0; i < TIMERS; i++)
		expected += items[i].due_ms && items[i].due_ms <= to_ms;
	n_fired = 0;
	wheel_advance(&wheel, to_ms);
	assert_int_equal(n_fired, expected);
	assert_int_equal(wheel.now_ms, to_ms);
}

static void random_step(void)
{
	struct item *item = &items[rnd() % TIMERS];

	switch (rnd() % 8) {
	case 0:
		wheel_clear(&wheel, &item->timer);
		item->due_ms = 0;
		break;
	case 1:
		advance(wheel.now_ms + rnd_upto(UINT64_C(1) << (rnd() % 27)));
		break;
	case 2: /* exactly to where the wheel says that it has work */
		if (wheel_next_ms(&wheel) < DELAY_MAX_MS / 256)
			advance(wheel.now_ms + wheel_next_ms(&wheel));
		break;
	case 3: /* to the end of a slot and over it */
		advance((wheel.now_ms | 0xff) + rnd() % 2);
		break;
	default:
		set_item(item, rnd_upto(DELAY_MAX_MS + 5));
	}
	check_against_oracle();
}

static void random_run_from(uint64_t seed, uint64_t start_ms)
{
	rnd_state = seed;
	memset(items, 0, sizeof(items));
	last_fired_ms = 0;
	wheel_init(&wheel, start_ms);
	for (unsigned step = 0; step < STEPS; step++)
		random_step();
	advance(wheel.now_ms + DELAY_MAX_MS);
	assert_int_equal(wheel.live, 0);
}

static void test_random_against_oracle(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		random_run_from(seed, seed % 3 ? rnd() >> 27 : 0);
}

static void test_carry_over_all_levels(void **state)
{
	(void)state;
	/* The last milliseconds before every octet of now turns over at once. */
	for (uint64_t seed = 100; seed < 104; seed++)
		random_run_from(seed, (UINT64_C(1) << 39) - 1 - seed % 3);
}

static void test_bounds_of_a_delay(void **state)
{
	static const struct {
		const char *why;
		uint64_t delay_ms, after_ms;
	} rows[] = {
		{ "none is one millisecond: never within the call", 0, 1 },
		{ "the least", 1, 1 },
		{ "the last slot of the lowest level", 255, 255 },
		{ "the first slot above it", 256, 256 },
		{ "the most", UINT64_C(1) << 32, UINT64_C(1) << 32 },
		{ "more is the most", (UINT64_C(1) << 32) + 1, UINT64_C(1) << 32 },
		{ "no overflow", UINT64_MAX, UINT64_C(1) << 32 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(items, 0, sizeof(items));
		last_fired_ms = 0;
		wheel_init(&wheel, 77);
		wheel_set(&wheel, &items[0].timer, rows[i].delay_ms, on_fire);
		items[0].due_ms = 77 + rows[i].after_ms;
		n_fired = 0;
		wheel_advance(&wheel, 77 + rows[i].after_ms - 1);
		if (n_fired)
			fail_msg("%s: fired early", rows[i].why);
		wheel_advance(&wheel, 77 + rows[i].after_ms);
		if (n_fired != 1)
			fail_msg("%s: did not fire", rows[i].why);
	}
}

static void test_clock_going_back_is_ignored(void **state)
{
	(void)state;
	memset(items, 0, sizeof(items));
	last_fired_ms = 0;
	wheel_init(&wheel, 5000);
	set_item(&items[0], 10);
	n_fired = 0;
	wheel_advance(&wheel, 4000);
	assert_int_equal(wheel.now_ms, 5000);
	set_item(&items[1], 10);
	wheel_advance(&wheel, 5009);
	assert_int_equal(n_fired, 0);
	wheel_advance(&wheel, 5010);
	assert_int_equal(n_fired, 2);
}

static void test_moving_a_set_timer(void **state)
{
	(void)state;
	memset(items, 0, sizeof(items));
	last_fired_ms = 0;
	wheel_init(&wheel, 0);
	set_item(&items[0], 10);
	set_item(&items[0], 100000);
	assert_int_equal(wheel.live, 1);
	advance(99999);
	assert_int_equal(n_fired, 0);
	set_item(&items[0], 3);
	advance(100002);
	assert_int_equal(n_fired, 1);
}

static void test_clear_of_what_is_not_set(void **state)
{
	(void)state;
	memset(items, 0, sizeof(items));
	wheel_init(&wheel, 0);
	wheel_clear(&wheel, &items[0].timer);
	set_item(&items[0], 5);
	wheel_clear(&wheel, &items[0].timer);
	wheel_clear(&wheel, &items[0].timer);
	assert_int_equal(wheel.live, 0);
	assert_true(wheel_next_ms(&wheel) == UINT64_MAX);
}

static unsigned rounds;

static void set_again(struct wheel_timer *timer)
{
	rounds++;
	wheel_set(&wheel, timer, 7, set_again);
}

static void test_callback_sets_itself(void **state)
{
	struct wheel_timer timer = { 0 };

	(void)state;
	wheel_init(&wheel, 0);
	rounds = 0;
	wheel_set(&wheel, &timer, 7, set_again);
	/* One big step fires it each time that it came due on the way. */
	wheel_advance(&wheel, 7 * 1000 + 6);
	assert_int_equal(rounds, 1000);
	wheel_clear(&wheel, &timer);
}

static struct wheel_timer trio[3];
static unsigned trio_fired;

/* Whichever fires first takes both others away, though they are due in the same millisecond. */
static void clear_others(struct wheel_timer *timer)
{
	trio_fired++;
	for (unsigned i = 0; i < 3; i++)
		if (&trio[i] != timer)
			wheel_clear(&wheel, &trio[i]);
}

static void test_callback_clears_its_neighbours(void **state)
{
	(void)state;
	wheel_init(&wheel, 0);
	memset(trio, 0, sizeof(trio));
	trio_fired = 0;
	for (unsigned i = 0; i < 3; i++)
		wheel_set(&wheel, &trio[i], 300, clear_others);
	wheel_advance(&wheel, 300);
	assert_int_equal(trio_fired, 1);
	assert_int_equal(wheel.live, 0);
}

/* Whichever fires first moves both others to a later time. */
static void move_others(struct wheel_timer *timer)
{
	trio_fired++;
	for (unsigned i = 0; i < 3; i++)
		if (&trio[i] != timer && wheel_timer_is_set(&trio[i]))
			wheel_set(&wheel, &trio[i], 1000, move_others);
}

static void test_callback_moves_its_neighbours(void **state)
{
	(void)state;
	wheel_init(&wheel, 0);
	memset(trio, 0, sizeof(trio));
	trio_fired = 0;
	for (unsigned i = 0; i < 3; i++)
		wheel_set(&wheel, &trio[i], 300, move_others);
	wheel_advance(&wheel, 1299);
	assert_int_equal(trio_fired, 1);
	wheel_advance(&wheel, 1300);
	assert_int_equal(trio_fired, 2);
	wheel_advance(&wheel, 2300);
	assert_int_equal(trio_fired, 3);
}

enum { MANY = 1000000 };

static uint64_t many_sum;

static void on_one_of_many(struct wheel_timer *timer)
{
	assert_int_equal(timer->due_ms, wheel.now_ms);
	many_sum += timer->due_ms;
	n_fired++;
}

static void test_a_million_live(void **state)
{
	struct wheel_timer *many = calloc(MANY, sizeof(*many));
	uint64_t expected = 0;

	(void)state;
	assert_non_null(many);
	rnd_state = 4711;
	wheel_init(&wheel, 12345);
	for (unsigned i = 0; i < MANY; i++)
		wheel_set(&wheel, &many[i], 1 + rnd() % 3600000, on_one_of_many);
	assert_int_equal(wheel.live, MANY);
	for (unsigned i = 0; i < MANY; i++) {
		if (i % 4 == 0)
			wheel_clear(&wheel, &many[i]);
		else if (i % 4 == 1)
			wheel_set(&wheel, &many[i], 1 + rnd() % 3600000, on_one_of_many);
		expected += i % 4 ? many[i].due_ms : 0;
	}
	assert_int_equal(wheel.live, MANY / 4 * 3);
	n_fired = 0;
	many_sum = 0;
	for (uint64_t t = 12345; t < 12345 + 3600000; t += 997)
		wheel_advance(&wheel, t);
	wheel_advance(&wheel, 12345 + 3600000);
	assert_int_equal(n_fired, MANY / 4 * 3);
	assert_int_equal(many_sum, expected);
	assert_int_equal(wheel.live, 0);
	free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_against_oracle),
		cmocka_unit_test(test_carry_over_all_levels),
		cmocka_unit_test(test_bounds_of_a_delay),
		cmocka_unit_test(test_clock_going_back_is_ignored),
		cmocka_unit_test(test_moving_a_set_timer),
		cmocka_unit_test(test_clear_of_what_is_not_set),
		cmocka_unit_test(test_callback_sets_itself),
		cmocka_unit_test(test_callback_clears_its_neighbours),
		cmocka_unit_test(test_callback_moves_its_neighbours),
		cmocka_unit_test(test_a_million_live),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
