/* SPDX-License-Identifier: Apache-2.0 */
/* tests/base/test_cache.c - what a cache may and may not show, its bounds, and many threads */
#include "base/cache.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static _Atomic int alive;

static void destroy(struct cache_value *value)
{
	alive--;
	free(value);
}

static struct cache_value *make(uint64_t version, size_t bytes)
{
	struct cache_value *value = malloc(sizeof(*value));

	assert_non_null(value);
	cache_value_init(value, version, bytes, destroy);
	alive++;
	return value;
}

/* The version that KEY shows; 0: none. */
static uint64_t seen(struct cache *cache, struct strv key, uint64_t *ticket_out)
{
	struct cache_value *value = cache_get(cache, key, ticket_out);
	uint64_t version = value ? value->version : 0;

	cache_value_drop(&value);
	return version;
}

static void fill(struct cache *cache, struct strv key, uint64_t version, uint64_t ticket)
{
	struct cache_value *value = make(version, 10);

	cache_fill(cache, key, value, ticket);
	cache_value_drop(&value);
}

static void publish(struct cache *cache, struct strv key, uint64_t version)
{
	struct cache_value *value = make(version, 10);

	cache_publish(cache, key, value);
	cache_value_drop(&value);
}

static void test_filled_and_found(void **state)
{
	struct cache *cache = cache_new(1 << 20);
	uint64_t ticket;

	(void)state;
	assert_int_equal(seen(cache, STRV("k"), &ticket), 0);
	fill(cache, STRV("k"), 3, ticket);
	assert_int_equal(seen(cache, STRV("k"), &ticket), 3);
	assert_int_equal(seen(cache, STRV("other"), &ticket), 0);
	cache_free(&cache);
	assert_int_equal(alive, 0);
}

/* A reader that was overtaken by a change must not bring the old value back. */
static void test_overtaken_reader(void **state)
{
	struct cache *cache = cache_new(1 << 20);
	uint64_t ticket, later;

	(void)state;
	assert_int_equal(seen(cache, STRV("k"), &ticket), 0);
	cache_forget(cache, STRV("k"), 5);
	fill(cache, STRV("k"), 4, ticket);
	assert_int_equal(seen(cache, STRV("k"), &later), 0);
	fill(cache, STRV("k"), 5, later);
	assert_int_equal(seen(cache, STRV("k"), &later), 5);
	cache_free(&cache);
}

/* Nor may a writer whose news are late. */
static void test_late_publisher(void **state)
{
	struct cache *cache = cache_new(1 << 20);
	uint64_t ticket;

	(void)state;
	cache_forget(cache, STRV("k"), 5);
	cache_forget(cache, STRV("k"), 6);
	publish(cache, STRV("k"), 5);
	assert_int_equal(seen(cache, STRV("k"), &ticket), 0);
	publish(cache, STRV("k"), 6);
	assert_int_equal(seen(cache, STRV("k"), &ticket), 6);
	publish(cache, STRV("k"), 5);
	assert_int_equal(seen(cache, STRV("k"), &ticket), 6);
	cache_forget(cache, STRV("k"), 6); /* its own change, told after it was published */
	assert_int_equal(seen(cache, STRV("k"), &ticket), 6);
	cache_free(&cache);
}

static void test_forget_all(void **state)
{
	struct cache *cache = cache_new(1 << 20);
	char key[16];
	uint64_t ticket;

	(void)state;
	for (int i = 0; i < 200; i++) {
		snprintf(key, sizeof(key), "%c/%d", i % 2 ? 'a' : 'b', i);
		publish(cache, strv_of(key), 1);
	}
	cache_forget_all(cache, STRV("a/"), 2);
	for (int i = 0; i < 200; i++) {
		snprintf(key, sizeof(key), "%c/%d", i % 2 ? 'a' : 'b', i);
		assert_int_equal(seen(cache, strv_of(key), &ticket), i % 2 ? 0 : 1);
	}
	cache_free(&cache);
	assert_int_equal(alive, 0);
}

static void test_bounded(void **state)
{
	struct cache *cache = cache_new(64 << 10);
	char key[16];
	uint64_t ticket;
	int found = 0;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		struct cache_value *value = make(1, 200);

		snprintf(key, sizeof(key), "%d", i);
		cache_publish(cache, strv_of(key), value);
		cache_value_drop(&value);
		assert_int_equal(seen(cache, STRV("0"), &ticket), 1); /* in use: stays */
		assert_true(cache_bytes(cache) <= 64 << 10);
	}
	for (int i = 0; i < 10000; i++) {
		snprintf(key, sizeof(key), "%d", i);
		found += seen(cache, strv_of(key), &ticket) == 1;
	}
	assert_true(found > 50 && found < 1000);
	cache_free(&cache);
	assert_int_equal(alive, 0);
}

/* Large values need no luck with their neighbours: the bound is one for all, and who was used
 * longest ago goes. */
static void test_large_values(void **state)
{
	struct cache *cache = cache_new(64 << 10);
	char key[16];
	uint64_t ticket;

	(void)state;
	for (int i = 0; i < 13; i++) {
		struct cache_value *value = make(1, 6 << 10);

		snprintf(key, sizeof(key), "%d", i);
		cache_publish(cache, strv_of(key), value);
		cache_value_drop(&value);
		if (i == 9) {
			assert_true(cache_bytes(cache) > 60 << 10); /* no one had to go */
			assert_int_equal(seen(cache, STRV("1"), &ticket), 1);
		}
	}
	for (int i = 0; i < 13; i++) {
		snprintf(key, sizeof(key), "%d", i);
		assert_int_equal(seen(cache, strv_of(key), &ticket), i != 0 && i != 2 && i != 3);
	}
	cache_free(&cache);
	assert_int_equal(alive, 0);
}

enum { THREADS = 4, ROUNDS = 20000, KEYS = 32 };

static struct cache *shared;
static _Atomic uint64_t latest[KEYS];

/* Each thread changes keys as a committer would, and nobody ever sees a key go back. */
static void *use(void *arg)
{
	uint64_t last[KEYS] = { 0 }, ticket, version;
	unsigned seed = *(unsigned *)arg;
	char key[16];

	for (int i = 0; i < ROUNDS; i++) {
		unsigned k = (unsigned)rand_r(&seed) % KEYS;

		snprintf(key, sizeof(key), "%u", k);
		if (i % 4 == 0) {
			version = atomic_fetch_add(&latest[k], 1) + 1;
			cache_forget(shared, strv_of(key), version);
			publish(shared, strv_of(key), version);
			continue;
		}
		version = seen(shared, strv_of(key), &ticket);
		assert_true(version == 0 || version >= last[k]);
		if (version)
			last[k] = version;
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t thread[THREADS];
	unsigned seed[THREADS];

	(void)state;
	shared = cache_new(1 << 20);
	for (unsigned i = 0; i < THREADS; i++) {
		seed[i] = i + 1;
		assert_int_equal(pthread_create(&thread[i], NULL, use, &seed[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	cache_free(&shared);
	assert_int_equal(alive, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filled_and_found), cmocka_unit_test(test_overtaken_reader),
		cmocka_unit_test(test_late_publisher),	 cmocka_unit_test(test_forget_all),
		cmocka_unit_test(test_bounded),		 cmocka_unit_test(test_large_values),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
