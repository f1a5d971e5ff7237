/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/kv/test_pages.c - pages written twice: a torn page is made whole, and only that
 */
#include "tests/kv/kvtest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kv/kv_bdb_pages.h"
#include "kv/kv_hook.h"

enum { PAGE = 4096, BATCH = 128 };

static struct kvtest t;
static struct bdb_pages *pages;
static int fds[2];

/* What happened to the disk, as letters: b a batch was written, s it was synced, p a page went to
 * its place. */
static char events[4096];
static int fail_sync, fail_batch;

static void event(char what)
{
	size_t n = strlen(events);

	if (n + 1 < sizeof(events) && (!n || events[n - 1] != what || what != 'p'))
		events[n] = what;
}

static int is_table(int fd)
{
	return fd == fds[0] || fd == fds[1];
}

static int on_sync(int fd)
{
	if (fail_sync) {
		errno = EIO;
		return -1;
	}
	event(is_table(fd) ? 't' : 's');
	return fdatasync(fd);
}

static ssize_t on_pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (!is_table(fd) && fail_batch) {
		errno = ENOSPC;
		return -1;
	}
	event(is_table(fd) ? 'p' : 'b');
	/* In two pieces, as a system may: the caller has to go on. */
	return pwrite(fd, p, n > 1000 ? n / 2 : n, at);
}

static void reopen(void)
{
	struct err err = { ERR_NONE, "" };

	bdb_pages_free(&pages);
	if (bdb_pages_restore(t.dir, &err) < 0 ||
	    bdb_pages_new(t.dir, PAGE, on_sync, &pages, &err) < 0)
		fail_msg("%s", err.text);
}

static int begin(void **state)
{
	char path[256];

	(void)state;
	kvtest_begin(&t, "bdb");
	snprintf(t.dir, sizeof(t.dir), "%s", t.root);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", t.dir, i ? "journal.db" : "records.db");
		fds[i] = open(path, O_RDWR | O_CREAT, 0600);
		assert_true(fds[i] >= 0);
	}
	kv_hook_pwrite = on_pwrite;
	fail_sync = fail_batch = 0;
	reopen();
	memset(events, 0, sizeof(events));
	return 0;
}

static int end(void **state)
{
	(void)state;
	bdb_pages_free(&pages);
	kv_hook_pwrite = NULL;
	close(fds[0]);
	close(fds[1]);
	kvtest_end(&t);
	return 0;
}

static const char *page_of(int with)
{
	static char page[PAGE];

	memset(page, with, sizeof(page));
	return page;
}

static void put(unsigned table, unsigned number, int with)
{
	assert_int_equal(bdb_pages_write(pages, table, fds[table], page_of(with), PAGE,
					 (off_t)number * PAGE),
			 PAGE);
}

/* The page as the file has it. */
static void in_file(unsigned table, unsigned number, int with)
{
	char page[PAGE];

	assert_int_equal(pread(fds[table], page, PAGE, (off_t)number * PAGE), PAGE);
	assert_memory_equal(page, page_of(with), PAGE);
}

static void tear(unsigned table, unsigned number, int with)
{
	assert_int_equal(pwrite(fds[table], page_of(with), 512, (off_t)number * PAGE + 1024), 512);
}

static void read_gives_what_was_written(void **state)
{
	char page[PAGE];

	(void)state;
	put(0, 3, 'a');
	put(1, 3, 'b');
	put(0, 3, 'c');
	assert_int_equal(bdb_pages_read(pages, 0, fds[0], page, PAGE, 3 * PAGE), PAGE);
	assert_memory_equal(page, page_of('c'), PAGE);
	assert_int_equal(bdb_pages_read(pages, 1, fds[1], page, PAGE, 3 * PAGE), PAGE);
	assert_memory_equal(page, page_of('b'), PAGE);
	/* Past the end, as of any file. */
	assert_int_equal(bdb_pages_read(pages, 1, fds[1], page, PAGE, 9 * PAGE), 0);
	assert_int_equal(bdb_pages_flush(pages), 0);
	in_file(0, 3, 'c');
	in_file(1, 3, 'b');
	assert_int_equal(bdb_pages_read(pages, 1, fds[1], page, PAGE, 3 * PAGE), PAGE);
	assert_memory_equal(page, page_of('b'), PAGE);
}

static void batch_is_synced_before_any_page_is_in_place(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3 * BATCH; i++)
		put(i % 2, i, 'a');
	assert_int_equal(bdb_pages_sync(pages, 0, fds[0]), 0);
	for (char *at = events; (at = strchr(at, 'p')); at++)
		assert_true(at > events && at[-1] == 's');
	assert_non_null(strchr(events, 'p'));
	/* Two writes a batch: half and half. */
	assert_memory_equal(events, "bb", 2);
	assert_int_equal(events[strlen(events) - 1], 't');
}

static void torn_pages_are_made_whole(void **state)
{
	(void)state;
	put(0, 0, 'a');
	put(1, 5, 'b');
	assert_int_equal(bdb_pages_flush(pages), 0);
	put(0, 0, 'c');
	assert_int_equal(bdb_pages_flush(pages), 0);
	tear(0, 0, 'x');
	tear(1, 5, 'x');
	reopen();
	in_file(0, 0, 'c');
	in_file(1, 5, 'b');
	/* Once: the next opening finds nothing left to do. */
	tear(0, 0, 'x');
	bdb_pages_free(&pages);
	reopen();
	assert_int_not_equal(pread(fds[0], events, 1, 1024), 0);
	assert_int_equal(events[0], 'x');
}

/* The cut came while the batch itself was being written: no page had gone to its place. */
static void torn_batch_is_ignored(void **state)
{
	char path[256];
	int fd;

	(void)state;
	put(0, 0, 'a');
	assert_int_equal(bdb_pages_flush(pages), 0);
	put(0, 0, 'b');
	assert_int_equal(bdb_pages_flush(pages), 0);
	snprintf(path, sizeof(path), "%s/pages", t.dir);
	fd = open(path, O_RDWR);
	/* The second batch stands behind the first: a head and a page each. */
	assert_int_equal(pwrite(fd, "?", 1, 3 * PAGE + 100), 1);
	close(fd);
	assert_int_equal(pwrite(fds[0], page_of('a'), PAGE, 0), PAGE);
	reopen();
	in_file(0, 0, 'a');
}

/* What is on disk in its place must never be replaced by what it was before. */
static void nothing_goes_back(void **state)
{
	(void)state;
	for (int round = 0; round < 5; round++) {
		for (unsigned i = 0; i < BATCH; i++)
			put(0, i, 'a' + round);
		put(1, 0, 'a' + round);
		assert_int_equal(bdb_pages_flush(pages), 0);
		assert_int_equal(bdb_pages_sync(pages, 0, fds[0]), 0);
		assert_int_equal(bdb_pages_sync(pages, 1, fds[1]), 0);
	}
	/* A shorter batch at the front leaves older ones lying behind it. */
	put(0, 7, 'z');
	assert_int_equal(bdb_pages_flush(pages), 0);
	reopen();
	in_file(0, 0, 'e');
	in_file(0, 7, 'z');
	in_file(0, BATCH - 1, 'e');
	in_file(1, 0, 'e');
}

static void failing_batch_keeps_pages_off_their_place(void **state)
{
	char page[PAGE];

	(void)state;
	put(0, 1, 'a');
	assert_int_equal(bdb_pages_flush(pages), 0);
	put(0, 1, 'b');
	fail_batch = 1;
	assert_int_equal(bdb_pages_flush(pages), -1);
	assert_int_equal(errno, ENOSPC);
	in_file(0, 1, 'a');
	assert_int_equal(bdb_pages_read(pages, 0, fds[0], page, PAGE, PAGE), PAGE);
	assert_memory_equal(page, page_of('b'), PAGE);
	assert_int_equal(bdb_pages_sync(pages, 0, fds[0]), -1);
	fail_batch = 0;
	fail_sync = 1;
	assert_int_equal(bdb_pages_flush(pages), -1);
	in_file(0, 1, 'a');
	/* Newer than what waits to be tried again. */
	put(0, 1, 'c');
	fail_sync = 0;
	assert_int_equal(bdb_pages_sync(pages, 0, fds[0]), 0);
	in_file(0, 1, 'c');
}

static void full_and_failing_refuses_pages(void **state)
{
	(void)state;
	fail_batch = 1;
	for (unsigned i = 0; i < BATCH; i++)
		put(0, i, 'a');
	/* The first flush took the set away; what could not be written is still held. */
	assert_int_equal(bdb_pages_write(pages, 0, fds[0], page_of('a'), PAGE, 1000 * PAGE), -1);
	fail_batch = 0;
	put(0, 1000, 'a');
	assert_int_equal(bdb_pages_sync(pages, 0, fds[0]), 0);
	in_file(0, BATCH - 1, 'a');
	in_file(0, 1000, 'a');
}

static void direct_pages_are_in_their_file_at_once(void **state)
{
	(void)state;
	put(0, 2, 'a');
	bdb_pages_direct(pages, 1);
	in_file(0, 2, 'a');
	put(0, 3, 'b');
	in_file(0, 3, 'b');
	bdb_pages_direct(pages, 0);
}

/* A table that was cut does not grow again by what was written before. */
static void forgotten_pages_do_not_come_back(void **state)
{
	(void)state;
	put(0, 0, 'a');
	put(0, 9, 'a');
	assert_int_equal(bdb_pages_flush(pages), 0);
	put(0, 8, 'b');
	assert_int_equal(bdb_pages_forget(pages), 0);
	assert_int_equal(ftruncate(fds[0], PAGE), 0);
	reopen();
	assert_int_equal(lseek(fds[0], 0, SEEK_END), PAGE);
	put(0, 0, 'c');
	assert_int_equal(bdb_pages_flush(pages), 0);
	tear(0, 0, 'x');
	reopen();
	in_file(0, 0, 'c');
	assert_int_equal(lseek(fds[0], 0, SEEK_END), PAGE);
}

static void finished_leaves_nothing_to_do(void **state)
{
	char path[256];
	int fd;

	(void)state;
	put(0, 2, 'a');
	bdb_pages_finish(pages);
	in_file(0, 2, 'a');
	snprintf(path, sizeof(path), "%s/pages", t.dir);
	fd = open(path, O_RDONLY);
	assert_int_equal(lseek(fd, 0, SEEK_END), 0);
	close(fd);
}

int main(void)
{
#define ROW(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		ROW(read_gives_what_was_written),
		ROW(batch_is_synced_before_any_page_is_in_place),
		ROW(torn_pages_are_made_whole),
		ROW(torn_batch_is_ignored),
		ROW(nothing_goes_back),
		ROW(failing_batch_keeps_pages_off_their_place),
		ROW(full_and_failing_refuses_pages),
		ROW(direct_pages_are_in_their_file_at_once),
		ROW(forgotten_pages_do_not_come_back),
		ROW(finished_leaves_nothing_to_do),
	};
#undef ROW

	return cmocka_run_group_tests(tests, NULL, NULL);
}
