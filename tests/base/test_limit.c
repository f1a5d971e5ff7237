/* SPDX-License-Identifier: Apache-2.0 */
/* tests/base/test_limit.c - limits per source: what one source is, counting, buckets, bounds */
#include "base/limit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>
#include <cmocka.h>

union addr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

/* A socket address from text: with a slash a Unix path, with a colon IPv6, else IPv4. */
static union addr addr_of(const char *text)
{
	union addr a;

	memset(&a, 0, sizeof(a));
	if (strchr(text, '/')) {
		a.un.sun_family = AF_UNIX;
		strcpy(a.un.sun_path, text);
	} else if (strchr(text, ':')) {
		a.in6.sin6_family = AF_INET6;
		a.in6.sin6_port = htons(4711);
		assert_int_equal(inet_pton(AF_INET6, text, &a.in6.sin6_addr), 1);
	} else {
		a.in.sin_family = AF_INET;
		a.in.sin_port = htons(815);
		assert_int_equal(inet_pton(AF_INET, text, &a.in.sin_addr), 1);
	}
	return a;
}

static int conn_open(struct limits *limits, const char *text)
{
	union addr a = addr_of(text);

	return limit_conn_open(limits, &a.sa);
}

static void conn_close(struct limits *limits, const char *text)
{
	union addr a = addr_of(text);

	limit_conn_close(limits, &a.sa);
}

static int request(struct limits *limits, const char *text, uint64_t now_ms)
{
	union addr a = addr_of(text);

	return limit_request(limits, &a.sa, now_ms);
}

static void test_what_one_source_is(void **state)
{
	static const struct {
		const char *why, *a, *b;
		int same;
	} rows[] = {
		{ "an IPv4 address", "192.0.2.1", "192.0.2.1", 1 },
		{ "its neighbour is another", "192.0.2.1", "192.0.2.2", 0 },
		{ "IPv4 mapped into IPv6", "192.0.2.1", "::ffff:192.0.2.1", 1 },
		{ "two mapped ones", "::ffff:192.0.2.1", "::ffff:192.0.2.2", 0 },
		{ "one IPv6 /64", "2001:db8:1:2::1", "2001:db8:1:2:ffff::9", 1 },
		{ "the next /64", "2001:db8:1:2::1", "2001:db8:1:3::1", 0 },
		{ "the loopback and mapped addresses differ", "::1", "::ffff:0.0.0.0", 0 },
		{ "a Unix peer is not limited", "/tmp/s", "/tmp/s", 0 },
	};
	const struct limit_options options = { .max_sources = 1000, .conns = 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct limits *limits = limits_new(&options);

		assert_non_null(limits);
		assert_int_equal(conn_open(limits, rows[i].a), 1);
		if (conn_open(limits, rows[i].b) == rows[i].same)
			fail_msg("%s: %s and %s", rows[i].why, rows[i].a, rows[i].b);
		limits_free(&limits);
		assert_null(limits);
		limits_free(&limits);
	}
}

static void test_unknown_families_pass(void **state)
{
	const struct limit_options options = { 10, 1, 1, 1 };
	struct limits *limits = limits_new(&options);
	struct sockaddr odd = { .sa_family = AF_APPLETALK };

	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(limit_conn_open(limits, &odd), 1);
		assert_int_equal(limit_conn_open(limits, NULL), 1);
		assert_int_equal(limit_request(limits, NULL, 0), 1);
	}
	limit_conn_close(limits, NULL);
	limit_conn_close(limits, &odd);
	assert_int_equal(limits_sources(limits), 0);
	limits_free(&limits);
}

static void test_connections_are_counted(void **state)
{
	struct limit_options options = { .max_sources = 1000, .conns = 3 };
	struct limits *limits = limits_new(&options);

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(conn_open(limits, "192.0.2.1"), 1);
	assert_int_equal(conn_open(limits, "192.0.2.1"), 0);
	assert_int_equal(conn_open(limits, "192.0.2.2"), 1);
	conn_close(limits, "192.0.2.1");
	assert_int_equal(conn_open(limits, "192.0.2.1"), 1);
	assert_int_equal(conn_open(limits, "192.0.2.1"), 0);

	/* A reload keeps the count: with four allowed there is room for one more. */
	options.conns = 4;
	limits_set(limits, &options);
	assert_int_equal(conn_open(limits, "192.0.2.1"), 1);
	assert_int_equal(conn_open(limits, "192.0.2.1"), 0);
	options.conns = 0;
	limits_set(limits, &options);
	for (int i = 0; i < 100; i++)
		assert_int_equal(conn_open(limits, "192.0.2.1"), 1);

	/* More closes than opens do no harm. */
	for (int i = 0; i < 300; i++)
		conn_close(limits, "192.0.2.1");
	options.conns = 1;
	limits_set(limits, &options);
	assert_int_equal(conn_open(limits, "192.0.2.1"), 1);
	assert_int_equal(conn_open(limits, "192.0.2.1"), 0);
	conn_close(limits, "198.51.100.9"); /* never seen */
	limits_free(&limits);
}

static void test_bucket(void **state)
{
	const struct limit_options options = { 1000, 0, 10, 5 };
	struct limits *limits = limits_new(&options);
	uint64_t t = 1000000;

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(request(limits, "192.0.2.1", t), 1);
	assert_int_equal(request(limits, "192.0.2.1", t), 0);
	assert_int_equal(request(limits, "192.0.2.1", t + 99), 0);
	assert_int_equal(request(limits, "192.0.2.1", t + 100), 1);
	assert_int_equal(request(limits, "192.0.2.1", t + 100), 0);
	assert_int_equal(request(limits, "192.0.2.2", t + 100), 1); /* has its own */
	/* A long pause fills it to the burst and no further. */
	t += 1000000000;
	for (int i = 0; i < 5; i++)
		assert_int_equal(request(limits, "192.0.2.1", t), 1);
	assert_int_equal(request(limits, "192.0.2.1", t), 0);
	limits_free(&limits);
}

static void test_sustained_rate(void **state)
{
	const struct limit_options options = { 1000, 0, 7, 1 };
	struct limits *limits = limits_new(&options);
	unsigned passed = 0;

	(void)state;
	/* 100 s of knocking each millisecond pass 7 a second. */
	for (uint64_t t = 0; t < 100000; t++)
		passed += (unsigned)request(limits, "2001:db8::1", t + 5);
	assert_in_range(passed, 690, 701);
	limits_free(&limits);
}

static void test_clocks_of_two_workers(void **state)
{
	const struct limit_options options = { 1000, 0, 10, 5 };
	struct limits *limits = limits_new(&options);
	unsigned passed = 0;

	(void)state;
	/* Each worker has the time of its own loop; what one has given out, the other's older time
	 * must not give again. */
	for (int i = 0; i < 1000; i++) {
		passed += (unsigned)request(limits, "192.0.2.1", 50000);
		passed += (unsigned)request(limits, "192.0.2.1", 49000);
	}
	assert_int_equal(passed, 5);
	limits_free(&limits);
}

static void test_extreme_rates(void **state)
{
	static const struct limit_options rows[] = {
		{ 10, 0, 1, 0 },		   /* a burst of 0 counts as 1 */
		{ 10, 0, UINT32_MAX, UINT32_MAX }, /* no overflow */
		{ 10, 0, UINT32_MAX, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct limits *limits = limits_new(&rows[i]);

		assert_int_equal(request(limits, "192.0.2.1", 1), 1);
		assert_int_equal(request(limits, "192.0.2.1", UINT64_MAX), 1);
		limits_free(&limits);
	}
}

static union addr nth_v4(uint32_t n)
{
	union addr a;

	memset(&a, 0, sizeof(a));
	a.in.sin_family = AF_INET;
	a.in.sin_addr.s_addr = htonl(0x0a000000 + n);
	return a;
}

static void test_memory_is_bounded(void **state)
{
	const struct limit_options options = { 256, 0, 100, 10 };
	struct limits *limits = limits_new(&options);

	(void)state;
	for (uint32_t i = 0; i < 100000; i++) {
		union addr a = nth_v4(i);

		assert_int_equal(limit_request(limits, &a.sa, i), 1);
	}
	assert_in_range(limits_sources(limits), 200, 256);
	limits_free(&limits);
}

static void test_idle_sources_go_first(void **state)
{
	const struct limit_options options = { 64, 2, 100, 10 };
	struct limits *limits = limits_new(&options);
	union addr busy = addr_of("192.0.2.1");

	(void)state;
	assert_int_equal(limit_conn_open(limits, &busy.sa), 1);
	assert_int_equal(limit_conn_open(limits, &busy.sa), 1);
	for (uint32_t i = 0; i < 10000; i++) {
		union addr a = nth_v4(i);

		assert_int_equal(limit_request(limits, &a.sa, i), 1);
	}
	/* The one with open connections was not forgotten: it is still at its limit. */
	assert_int_equal(limit_conn_open(limits, &busy.sa), 0);
	limits_free(&limits);
}

static void test_full_of_busy_sources(void **state)
{
	const struct limit_options options = { 64, 1, 100, 10 };
	struct limits *limits = limits_new(&options);
	uint32_t taken = 0;

	(void)state;
	for (uint32_t i = 0; i < 10000; i++) {
		union addr a = nth_v4(i);

		taken += (uint32_t)limit_conn_open(limits, &a.sa);
	}
	/* Every place is held by an open connection: nobody else gets in, nobody was pushed out. */
	assert_int_equal(taken, 64);
	assert_int_equal(limits_sources(limits), 64);
	for (uint32_t i = 20000; i < 20100; i++) {
		union addr a = nth_v4(i);

		assert_int_equal(limit_conn_open(limits, &a.sa), 0);
		assert_int_equal(limit_request(limits, &a.sa, 5), 0);
	}
	for (uint32_t i = 0; i < 10000; i++) {
		union addr a = nth_v4(i);

		limit_conn_close(limits, &a.sa);
	}
	for (uint32_t i = 20000; i < 20100; i++) {
		union addr a = nth_v4(i);

		assert_int_equal(limit_request(limits, &a.sa, 5), 1);
	}
	limits_free(&limits);
}

enum { THREADS = 6, EACH = 20000 };

static struct limits *shared;
static _Atomic unsigned granted, open_now, most_open;

static void *knock(void *arg)
{
	union addr a = addr_of("192.0.2.77");

	(void)arg;
	for (unsigned i = 0; i < EACH; i++) {
		unsigned now, most;

		granted += (unsigned)limit_request(shared, &a.sa, 1000);
		if (!limit_conn_open(shared, &a.sa))
			continue;
		now = ++open_now;
		most = most_open;
		while (now > most && !atomic_compare_exchange_weak(&most_open, &most, now))
			;
		open_now--;
		limit_conn_close(shared, &a.sa);
	}
	return NULL;
}

static void test_counts_over_all_threads(void **state)
{
	const struct limit_options options = { 100, 2, 1, 777 };
	pthread_t thread[THREADS];
	union addr a = addr_of("192.0.2.77");

	(void)state;
	shared = limits_new(&options);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, knock, NULL), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(granted, 777);
	assert_in_range(most_open, 1, 2);
	/* All were closed again. */
	assert_int_equal(limit_conn_open(shared, &a.sa), 1);
	assert_int_equal(limit_conn_open(shared, &a.sa), 1);
	assert_int_equal(limit_conn_open(shared, &a.sa), 0);
	limits_free(&shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_one_source_is),
		cmocka_unit_test(test_unknown_families_pass),
		cmocka_unit_test(test_connections_are_counted),
		cmocka_unit_test(test_bucket),
		cmocka_unit_test(test_sustained_rate),
		cmocka_unit_test(test_clocks_of_two_workers),
		cmocka_unit_test(test_extreme_rates),
		cmocka_unit_test(test_memory_is_bounded),
		cmocka_unit_test(test_idle_sources_go_first),
		cmocka_unit_test(test_full_of_busy_sources),
		cmocka_unit_test(test_counts_over_all_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
