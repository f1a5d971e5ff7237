/* SPDX-License-Identifier: Apache-2.0 */
/* tests/auth/test_throttle.c - guessing becomes slow for the guesser, and for nobody else */
#include "auth/auth_throttle.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { FREE = 10, FIRST = 1000, LONGEST = 900000, FORGET = 3600000, T0 = 5000000 };

static struct auth_throttle *throttle_of(unsigned max_entries)
{
	const struct auth_throttle_options options = { max_entries, FREE, FIRST, LONGEST, FORGET };
	struct auth_throttle *t;

	assert_int_equal(auth_throttle_new(&options, &t, NULL), 0);
	return t;
}

static struct auth_attempt attempt_of(const char *user, uint64_t source)
{
	return (struct auth_attempt){ strv_of(user), { { 0xffff, source } }, 0 };
}

/* Try a wrong password: 1 when the attempt was let through. */
static unsigned guess(struct auth_throttle *t, const struct auth_attempt *a, uint64_t now_ms)
{
	if (auth_throttle_wait(t, a, now_ms))
		return 0;
	auth_throttle_failed(t, a, now_ms);
	return 1;
}

static void test_one_user_from_one_address(void **state)
{
	struct auth_throttle *t = throttle_of(1024);
	struct auth_attempt bad = attempt_of("sip:bob@example.com", 1);
	struct auth_attempt bob = attempt_of("sip:bob@example.com", 2);
	struct auth_attempt neighbour = attempt_of("sip:alice@example.com", 1);
	unsigned through = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		through += guess(t, &bad, T0);
	assert_int_equal(through, FREE);
	assert_int_equal(auth_throttle_wait(t, &bad, T0), FIRST);
	/* The true user is somewhere else; another user at that address has done nothing. */
	assert_int_equal(auth_throttle_wait(t, &bob, T0), 0);
	assert_int_equal(auth_throttle_wait(t, &neighbour, T0), 0);
	auth_throttle_free(&t);
	assert_null(t);
	auth_throttle_free(&t);
}

static void test_many_users_from_one_address(void **state)
{
	struct auth_throttle *t = throttle_of(65536);
	struct auth_attempt good = attempt_of("sip:good@example.com", 1), a;
	struct auth_attempt elsewhere = attempt_of("u500", 2);
	char user[32];
	unsigned through = 0;

	(void)state;
	auth_throttle_passed(t, &good, T0);
	for (int i = 0; i < 1000; i++) {
		snprintf(user, sizeof(user), "u%d", i);
		a = attempt_of(user, 1);
		through += guess(t, &a, T0);
	}
	assert_int_equal(through, FREE);
	/* Who logged in from there before goes on; the others, from elsewhere, too. */
	assert_int_equal(auth_throttle_wait(t, &good, T0), 0);
	assert_int_equal(auth_throttle_wait(t, &elsewhere, T0), 0);
	a = attempt_of("never seen", 1);
	assert_int_equal(auth_throttle_wait(t, &a, T0), FIRST);
	/* A proxy of ours is not held up for its users. */
	a.shared = 1;
	assert_int_equal(auth_throttle_wait(t, &a, T0), 0);
	auth_throttle_free(&t);
}

static void test_back_off_doubles(void **state)
{
	struct auth_throttle *t = throttle_of(1024);
	struct auth_attempt a = attempt_of("u", 1);
	uint64_t now = T0, wait = FIRST;

	(void)state;
	for (int i = 0; i < FREE; i++)
		assert_int_equal(guess(t, &a, now), 1);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(auth_throttle_wait(t, &a, now), wait);
		assert_int_equal(auth_throttle_wait(t, &a, now + wait - 1), 1);
		now += wait;
		assert_int_equal(guess(t, &a, now), 1);
		wait = wait * 2 < LONGEST ? wait * 2 : LONGEST;
	}
	assert_int_equal(wait, LONGEST);
	/* Forgotten after a long pause. */
	now += FORGET;
	for (int i = 0; i < FREE; i++)
		assert_int_equal(guess(t, &a, now), 1);
	assert_int_equal(auth_throttle_wait(t, &a, now), FIRST);
	auth_throttle_free(&t);
}

static void test_success_begins_anew(void **state)
{
	struct auth_throttle *t = throttle_of(1024);
	struct auth_attempt a = attempt_of("u", 1), b;
	char user[32];

	(void)state;
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < FREE - 1; i++)
			assert_int_equal(guess(t, &a, T0), 1);
		assert_int_equal(auth_throttle_wait(t, &a, T0), 0);
		auth_throttle_passed(t, &a, T0);
	}
	/* Who mistypes and then succeeds does not count against his address. */
	for (int i = 0; i < 100; i++) {
		snprintf(user, sizeof(user), "u%d", i);
		b = attempt_of(user, 1);
		assert_int_equal(guess(t, &b, T0), 1);
		auth_throttle_passed(t, &b, T0);
	}
	b = attempt_of("new", 1);
	assert_int_equal(auth_throttle_wait(t, &b, T0), 0);
	auth_throttle_free(&t);
}

/* One's own account does not buy guesses at others. */
static void test_own_success_does_not_clear_the_address(void **state)
{
	struct auth_throttle *t = throttle_of(65536);
	struct auth_attempt own = attempt_of("own", 1), a;
	char user[32];
	unsigned through = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		guess(t, &own, T0);
		auth_throttle_passed(t, &own, T0);
		snprintf(user, sizeof(user), "u%d", i);
		a = attempt_of(user, 1);
		through += guess(t, &a, T0);
	}
	assert_in_range(through, 1, FREE);
	auth_throttle_free(&t);
}

static void test_memory_is_bounded(void **state)
{
	struct auth_throttle *t = throttle_of(64);
	struct auth_attempt bad = attempt_of("sip:bob@example.com", 1), a;
	char user[32];
	unsigned through = 0;

	(void)state;
	while (through < FREE)
		through += guess(t, &bad, T0);
	/* A flood of other sources does not free the guesser: who is held up is forgotten last. */
	for (unsigned i = 0; i < 100000; i++) {
		snprintf(user, sizeof(user), "u%u", i);
		a = attempt_of(user, 100 + i);
		auth_throttle_failed(t, &a, T0 + 1);
	}
	assert_int_equal(auth_throttle_wait(t, &bad, T0 + 1), FIRST - 1);
	auth_throttle_free(&t);
}

static void test_small_options(void **state)
{
	const struct auth_throttle_options options = { 0, 0, 5, 3, 10 };
	struct auth_throttle *t;
	struct auth_attempt a = attempt_of("", 0);

	(void)state;
	assert_int_equal(auth_throttle_new(&options, &t, NULL), 0);
	assert_int_equal(auth_throttle_wait(t, &a, 0), 0);
	auth_throttle_failed(t, &a, 0);
	assert_int_equal(auth_throttle_wait(t, &a, 0), 3); /* never above the longest */
	assert_int_equal(auth_throttle_wait(t, &a, 3), 0);
	auth_throttle_free(&t);
}

static void test_users_and_sources_are_told_apart(void **state)
{
	static const struct {
		const char *user;
		uint64_t source;
	} others[] = { { "ab", 1 },	   { "abcdefgh", 1 },	{ "abcdefghi", 1 },
		       { "", 1 },	   { "abcdefgi", 1 },	{ "ABCDEFGHJ", 1 },
		       { "abcdefghj", 2 }, { "abcdefghj\1", 1 } };
	struct auth_throttle *t = throttle_of(4096);
	struct auth_attempt a = attempt_of("abcdefghj", 1);

	(void)state;
	for (int i = 0; i < FREE; i++)
		guess(t, &a, T0);
	assert_int_equal(auth_throttle_wait(t, &a, T0), FIRST);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		a = attempt_of(others[i].user, others[i].source);
		assert_int_equal(auth_throttle_wait(t, &a, T0), 0);
	}
	auth_throttle_free(&t);
}

enum { THREADS = 4, TRIES = 5000 };

static struct auth_throttle *shared;
static _Atomic unsigned let_through;

static void *guess_all(void *arg)
{
	struct auth_attempt a = attempt_of("bob", 1), own = attempt_of("own", (uintptr_t)arg);

	for (int i = 0; i < TRIES; i++) {
		let_through += guess(shared, &a, T0);
		auth_throttle_failed(shared, &own, T0);
		auth_throttle_passed(shared, &own, T0);
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t thread[THREADS];
	struct auth_attempt a = attempt_of("bob", 1);

	(void)state;
	shared = throttle_of(1024);
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, guess_all, (void *)(i + 10)), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	/* Between asking and counting each other thread may slip through once. */
	assert_in_range(let_through, FREE, FREE + THREADS - 1);
	assert_true(auth_throttle_wait(shared, &a, T0) >= FIRST);
	auth_throttle_free(&shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_user_from_one_address),
		cmocka_unit_test(test_many_users_from_one_address),
		cmocka_unit_test(test_back_off_doubles),
		cmocka_unit_test(test_success_begins_anew),
		cmocka_unit_test(test_own_success_does_not_clear_the_address),
		cmocka_unit_test(test_memory_is_bounded),
		cmocka_unit_test(test_small_options),
		cmocka_unit_test(test_users_and_sources_are_told_apart),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
