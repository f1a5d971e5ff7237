/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/kv/test_space.c - a disk that is nearly full, full, and has room again
 *
 * The hooks say how much is free and refuse writes; a real small file system is the crash suite's.
 */
#include "tests/kv/kvtest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kv/kv_hook.h"

enum { MIN_FREE = 10 << 20, RESERVE = 1 << 20 };

static struct kvtest t;
static _Atomic uint64_t free_now;
static _Atomic int log_is_full; /* 1: until the reserve is given up; 2: whatever is given up */
static _Atomic int refused;

static off_t reserve_bytes(void)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), "%s/reserve", t.dir);
	return stat(path, &st) < 0 ? -1 : st.st_size;
}

static int on_free(const char *dir, uint64_t *free_out)
{
	(void)dir;
	*free_out = free_now;
	return 0;
}

static ssize_t on_write(int fd, const void *p, size_t n)
{
	if (log_is_full == 2 || (log_is_full && reserve_bytes() >= 0)) {
		refused++;
		errno = ENOSPC;
		return -1;
	}
	return write(fd, p, n);
}

static int begin(void **state)
{
	(void)state;
	kvtest_begin(&t, "bdb");
	t.options.min_free_bytes = MIN_FREE;
	t.options.reserve_bytes = RESERVE;
	free_now = UINT64_C(1) << 30;
	log_is_full = refused = 0;
	kv_hook_free = on_free;
	kv_hook_write = on_write;
	kvtest_open(&t, NULL);
	return 0;
}

static int end(void **state)
{
	(void)state;
	log_is_full = 0;
	kvtest_end(&t);
	kv_hook_free = NULL;
	kv_hook_write = NULL;
	return 0;
}

static enum kv_status put(const char *name, const char *value)
{
	struct kv_batch *batch = kvtest_batch("a");

	kvtest_put(batch, name, value);
	return kvtest_commit(t.kv, batch, NULL);
}

static enum kv_status del(const char *name)
{
	struct kv_batch *batch = kvtest_batch("a");

	kv_batch_del(batch, strv_of(name));
	return kvtest_commit(t.kv, batch, NULL);
}

static int low(void)
{
	struct kv_stats stats;

	kv_stats(t.kv, &stats);
	return stats.low_space;
}

static void low_space_refuses_puts_and_lets_deletes_pass(void **state)
{
	struct kv_stats stats;
	struct kv_batch *batch;

	(void)state;
	assert_int_equal(put("x", "1"), KV_DONE);
	assert_int_equal(put("y", "1"), KV_DONE);
	assert_int_equal(reserve_bytes(), RESERVE);
	free_now = MIN_FREE - 1;
	assert_int_equal(put("z", "1"), KV_NO_SPACE);
	assert_int_equal(low(), 1);
	/* A batch that puts and deletes is refused as a whole. */
	batch = kvtest_batch("a");
	kv_batch_del(batch, strv_of("x"));
	kvtest_put(batch, "z", "1");
	assert_int_equal(kvtest_commit(t.kv, batch, NULL), KV_NO_SPACE);
	assert_int_equal(del("x"), KV_DONE);
	assert_int_equal(kv_erase_sync(t.kv, STRV("b")).status, KV_DONE);
	assert_string_equal(kvtest_list(t.kv, "a"), "y=1@2");
	/* Reading goes on. */
	assert_string_equal(kvtest_get(t.kv, "a", "y", NULL), "1");
	/* A little more is not enough: no coming and going. */
	free_now = MIN_FREE + 1;
	assert_int_equal(put("z", "1"), KV_NO_SPACE);
	free_now = 2 * MIN_FREE;
	assert_int_equal(put("z", "1"), KV_DONE);
	assert_int_equal(low(), 0);
	kv_stats(t.kv, &stats);
	assert_int_equal(stats.no_space, 3);
	assert_int_equal(stats.free_bytes, 2 * MIN_FREE);
	assert_true(stats.disk_bytes > 0);
}

static void reserve_is_given_up_and_taken_again(void **state)
{
	(void)state;
	assert_int_equal(put("x", "1"), KV_DONE);
	assert_int_equal(reserve_bytes(), RESERVE);
	free_now = MIN_FREE / 2 - 1;
	assert_int_equal(put("y", "1"), KV_NO_SPACE);
	assert_int_equal(reserve_bytes(), -1);
	assert_int_equal(del("x"), KV_DONE);
	/* There has to be room for the reserve as well. */
	free_now = MIN_FREE + MIN_FREE / 10 + 1;
	assert_int_equal(put("y", "1"), KV_NO_SPACE);
	free_now = MIN_FREE + MIN_FREE / 10 + RESERVE;
	assert_int_equal(put("y", "1"), KV_DONE);
	/* Not at once, lest it comes and goes; at the latest with the next opening. */
	assert_int_equal(reserve_bytes(), -1);
	kvtest_close(&t);
	kvtest_open(&t, NULL);
	assert_int_equal(reserve_bytes(), RESERVE);
}

/* The write itself finds no room, whatever the file system said: a quota. */
static void full_disk_rolls_the_group_back(void **state)
{
	char big[3000];
	uint64_t seq;

	(void)state;
	memset(big, 'b', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(put("x", "1"), KV_DONE);
	seq = kv_seq(t.kv);
	log_is_full = 1;
	assert_int_equal(put("y", big), KV_NO_SPACE);
	assert_true(refused > 0);
	assert_int_equal(reserve_bytes(), -1);
	assert_int_equal(kv_seq(t.kv), seq);
	assert_null(kvtest_get(t.kv, "a", "y", NULL));
	/* What was given up is room for deletes. */
	assert_int_equal(del("x"), KV_DONE);
	log_is_full = 0;
	/* Service goes on without a restart, and afterwards the store is whole. */
	assert_int_equal(put("y", big), KV_DONE);
	kvtest_verify(t.kv);
	kvtest_close(&t);
	kvtest_open(&t, NULL);
	assert_string_equal(kvtest_get(t.kv, "a", "y", NULL), big);
	assert_null(kvtest_get(t.kv, "a", "x", NULL));
	kvtest_verify(t.kv);
}

/* Not even a delete fits: refused, not failed, and nothing happened. */
static void entirely_full_disk_refuses_everything(void **state)
{
	(void)state;
	assert_int_equal(put("x", "1"), KV_DONE);
	log_is_full = 2;
	assert_int_equal(put("y", "1"), KV_NO_SPACE);
	assert_int_equal(del("x"), KV_NO_SPACE);
	log_is_full = 0;
	assert_string_equal(kvtest_list(t.kv, "a"), "x=1@1");
	assert_int_equal(put("y", "1"), KV_DONE);
	kvtest_verify(t.kv);
}

int main(void)
{
#define ROW(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		ROW(low_space_refuses_puts_and_lets_deletes_pass),
		ROW(reserve_is_given_up_and_taken_again),
		ROW(full_disk_rolls_the_group_back),
		ROW(entirely_full_disk_refuses_everything),
	};
#undef ROW

	return cmocka_run_group_tests(tests, NULL, NULL);
}
