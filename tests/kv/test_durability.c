/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/kv/test_durability.c - nothing is seen before it is on disk, and what a disk that fails
 * does
 *
 * The hook stands in place of the engines' sync: it holds it, counts it, fails it. The rules are
 * those of kv.h: one sync a group, callers, readers and subscribers after it, a failed sync is
 * final.
 */
#include "tests/kv/kvtest.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kv/kv_hook.h"

static struct kvtest t;
static const char *engine;

/* ---- the disk ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static int holding; /* syncs wait */
static _Atomic int arrived, syncs;
static _Atomic int fail_next; /* errno of the next sync, once */
static _Atomic int failed_now;

static int on_sync(int fd)
{
	int error;

	arrived++;
	pthread_mutex_lock(&lock);
	while (holding)
		pthread_cond_wait(&moved, &lock);
	pthread_mutex_unlock(&lock);
	syncs++;
	error = fail_next;
	fail_next = 0;
	if (error) {
		failed_now = 1;
		errno = error;
		return -1;
	}
	return fd >= 0 ? fdatasync(fd) : 0;
}

static void hold(int on)
{
	pthread_mutex_lock(&lock);
	holding = on;
	pthread_cond_broadcast(&moved);
	pthread_mutex_unlock(&lock);
}

/* ---- callers ---- */

enum { CALLS = 64 };

struct call {
	_Atomic int done;
	struct kv_commit_result result;
	int order;
};

static struct call calls[CALLS];
static _Atomic int completed;

static void on_done(void *arg, const struct kv_commit_result *result)
{
	struct call *call = arg;

	call->result = *result;
	call->order = completed++;
	call->done = 1;
}

static void commit(unsigned i, const char *owner, const char *name, const char *value)
{
	struct kv_batch *batch = kvtest_batch(owner);

	kvtest_put(batch, name, value);
	kv_commit(t.kv, batch, on_done, &calls[i]);
}

/* ---- subscribers ---- */

static _Atomic int published;
static uint64_t last_seq;
static int completed_at_publish;

static void on_change(void *arg, const struct kv_change *change)
{
	(void)arg;
	/* In order, without a gap. */
	assert_int_equal(change->seq, last_seq + 1);
	last_seq = change->seq;
	completed_at_publish = completed;
	published++;
}

/* ---- the engine's end ---- */

static _Atomic int ended;
static int done_at_end;

static void on_fatal(void *arg, const char *why)
{
	(void)arg;
	assert_true(strlen(why) > 0);
	done_at_end = completed;
	ended++;
}

static int begin(void **state)
{
	struct err err;

	(void)state;
	memset(calls, 0, sizeof(calls));
	completed = published = ended = arrived = syncs = fail_next = failed_now = 0;
	last_seq = 0;
	kvtest_begin(&t, engine);
	t.options.fatal = on_fatal;
	t.options.checkpoint_s = 3600;
	kv_hook_sync = on_sync;
	kvtest_open(&t, NULL);
	assert_int_equal(kv_subscribe(t.kv, on_change, NULL, &err), 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	hold(0);
	kvtest_end(&t);
	kv_hook_sync = NULL;
	return 0;
}

/* ---- one sync a group ---- */

/* The first commit is in its sync; what comes meanwhile has to be one group with one sync. */
static void what_arrives_during_a_sync_is_one_group(void **state)
{
	struct kv_stats stats;
	int before;

	(void)state;
	hold(1);
	before = arrived;
	commit(0, "a", "x", "0");
	kvtest_wait(&arrived, before + 1);
	for (unsigned i = 1; i < CALLS; i++)
		commit(i, i % 2 ? "a" : "b", "x", "1");
	before = syncs;
	hold(0);
	kvtest_wait(&completed, CALLS);
	assert_int_equal(syncs - before, 2);
	kv_stats(t.kv, &stats);
	assert_int_equal(stats.groups, 2);
	assert_int_equal(stats.commits, CALLS);
	/* In the order of the calls, each with its own number. */
	for (unsigned i = 0; i < CALLS; i++) {
		assert_int_equal(calls[i].result.status, KV_DONE);
		assert_int_equal(calls[i].result.seq, i + 1);
		assert_int_equal(calls[i].order, i);
	}
}

/* A batch sees the ones before it in its group; one in conflict is left out, the rest is not. */
static void conflicts_within_a_group(void **state)
{
	int before;

	(void)state;
	hold(1);
	before = arrived;
	commit(0, "a", "first", "0");
	kvtest_wait(&arrived, before + 1);
	for (unsigned i = 1; i <= 4; i++) {
		struct kv_batch *batch = kvtest_batch("a");

		kvtest_put(batch, "only-one", i == 1 ? "winner" : "loser");
		kv_batch_require_absent(batch, strv_of("only-one"));
		kv_commit(t.kv, batch, on_done, &calls[i]);
	}
	commit(5, "a", "other", "1");
	hold(0);
	kvtest_wait(&completed, 6);
	assert_int_equal(calls[1].result.status, KV_DONE);
	for (unsigned i = 2; i <= 4; i++) {
		assert_int_equal(calls[i].result.status, KV_CONFLICT);
		assert_int_equal(calls[i].result.seq, 0);
	}
	assert_int_equal(calls[5].result.status, KV_DONE);
	assert_int_equal(calls[5].result.seq, 3);
	assert_string_equal(kvtest_list(t.kv, "a"), "first=0@1 only-one=winner@2 other=1@3");
	assert_int_equal(published, 3);
}

/* Only conflicts: nothing to write, so nothing to wait for. */
static void conflicts_alone_cost_no_sync(void **state)
{
	struct kv_batch *batch = kvtest_batch("a");
	int before;

	(void)state;
	kvtest_put1(t.kv, "a", "x", "1");
	before = syncs;
	kv_batch_require_absent(batch, strv_of("x"));
	assert_int_equal(kvtest_commit(t.kv, batch, NULL), KV_CONFLICT);
	assert_int_equal(syncs, before);
}

/* ---- nothing is seen before ---- */

struct reader {
	_Atomic int started, done;
	const char *seen;
};

static void *read_main(void *arg)
{
	struct reader *reader = arg;

	reader->started = 1;
	reader->seen = kvtest_get(t.kv, "a", "x", NULL);
	reader->done = 1;
	return NULL;
}

static void nothing_is_seen_before_it_is_on_disk(void **state)
{
	struct reader reader = { 0, 0, NULL };
	pthread_t thread;
	int before;

	(void)state;
	kvtest_put1(t.kv, "a", "x", "old");
	hold(1);
	before = arrived;
	commit(0, "a", "x", "new");
	kvtest_wait(&arrived, before + 1);
	/* The reader may wait, or read what was; it must not read what is to come. */
	assert_int_equal(pthread_create(&thread, NULL, read_main, &reader), 0);
	kvtest_wait(&reader.started, 1);
	for (int i = 0; i < 1000 && !reader.done; i++)
		sched_yield();
	if (reader.done)
		assert_string_equal(reader.seen, "old");
	assert_int_equal(calls[0].done, 0);
	assert_int_equal(published, 1);
	assert_int_equal(kv_seq(t.kv), 1);
	hold(0);
	kvtest_wait(&calls[0].done, 1);
	pthread_join(thread, NULL);
	/* Told to the subscribers first, then to the caller. */
	assert_int_equal(published, 2);
	assert_int_equal(completed_at_publish, 0);
	assert_string_equal(kvtest_get(t.kv, "a", "x", NULL), "new");
}

/* ---- a failed sync is final ---- */

static void failed_sync_ends_the_store(void **state)
{
	struct kv_batch *batch;
	struct arena *arena = arena_new(0);
	struct kv_item item = { .kind = KV_GET, .from = strv_of("x") };
	struct kv_read read = {
		.owner = strv_of("a"), .items = &item, .n_items = 1, .arena = arena
	};
	int before;

	(void)state;
	kvtest_put1(t.kv, "a", "x", "acknowledged");
	hold(1);
	before = arrived;
	commit(0, "a", "x", "never on disk");
	kvtest_wait(&arrived, before + 1);
	commit(1, "b", "x", "waits behind it");
	fail_next = EIO;
	hold(0);
	kvtest_wait(&ended, 1);
	/* Everybody who waited was told before. */
	assert_int_equal(done_at_end, 2);
	assert_int_equal(calls[0].result.status, KV_FAILED);
	assert_int_equal(calls[1].result.status, KV_FAILED);
	assert_int_equal(published, 1);
	/* And so is everybody who comes later, though the disk is well again: the sync was asked
	 * once, whatever the library would like. */
	before = syncs;
	batch = kvtest_batch("a");
	kvtest_put(batch, "y", "1");
	assert_int_equal(kvtest_commit(t.kv, batch, NULL), KV_FAILED);
	assert_int_equal(kv_read_sync(t.kv, &read), KV_FAILED);
	assert_int_equal(syncs, before);
	assert_int_equal(ended, 1);
	arena_free(&arena);
}

/* What was acknowledged is there again; the rest is whole or absent. */
static void store_opens_after_a_failed_sync(void **state)
{
	char list[256];

	(void)state;
	kvtest_put1(t.kv, "a", "x", "acknowledged");
	fail_next = EIO;
	commit(0, "a", "y", "unknown");
	kvtest_wait(&ended, 1);
	kvtest_close(&t);
	if (strcmp(engine, "mem") == 0)
		return;
	kvtest_open(&t, NULL);
	snprintf(list, sizeof(list), "%s", kvtest_list(t.kv, "a"));
	if (strcmp(list, "x=acknowledged@1") != 0)
		assert_string_equal(list, "x=acknowledged@1 y=unknown@2");
	kvtest_verify(t.kv);
	last_seq = kv_seq(t.kv);
	assert_int_equal(kvtest_put1(t.kv, "a", "z", "goes on"), last_seq + 1);
}

/* ---- bounds of the queue, and closing ---- */

static void full_queue_is_busy(void **state)
{
	int before;

	(void)state;
	kvtest_close(&t);
	t.options.queue_max = 4;
	kvtest_open(&t, NULL);
	hold(1);
	before = arrived;
	commit(0, "a", "x", "0");
	kvtest_wait(&arrived, before + 1);
	for (unsigned i = 1; i <= 4; i++)
		commit(i, "a", "x", "1");
	commit(5, "a", "too-much", "1");
	assert_int_equal(calls[5].done, 1);
	assert_int_equal(calls[5].result.status, KV_BUSY);
	hold(0);
	kvtest_wait(&completed, 6);
	for (unsigned i = 0; i <= 4; i++)
		assert_int_equal(calls[i].result.status, KV_DONE);
	assert_null(kvtest_get(t.kv, "a", "too-much", NULL));
}

static void *close_main(void *arg)
{
	(void)arg;
	kv_close(&t.kv);
	return NULL;
}

static void closing_finishes_what_waits(void **state)
{
	pthread_t thread;
	int before;

	(void)state;
	hold(1);
	before = arrived;
	commit(0, "a", "x", "0");
	kvtest_wait(&arrived, before + 1);
	for (unsigned i = 1; i < 10; i++)
		commit(i, "a", "x", "1");
	assert_int_equal(pthread_create(&thread, NULL, close_main, NULL), 0);
	hold(0);
	pthread_join(thread, NULL);
	assert_int_equal(completed, 10);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(calls[i].result.status, KV_DONE);
	if (strcmp(engine, "mem") != 0) {
		kvtest_open(&t, NULL);
		assert_string_equal(kvtest_list(t.kv, "a"), "x=1@10");
	}
}

static int run(const char *name)
{
#define ROW(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		ROW(what_arrives_during_a_sync_is_one_group),
		ROW(conflicts_within_a_group),
		ROW(conflicts_alone_cost_no_sync),
		ROW(nothing_is_seen_before_it_is_on_disk),
		ROW(failed_sync_ends_the_store),
		ROW(store_opens_after_a_failed_sync),
		ROW(full_queue_is_busy),
		ROW(closing_finishes_what_waits),
	};
#undef ROW

	engine = name;
	return _cmocka_run_group_tests(name, tests, sizeof(tests) / sizeof(tests[0]), NULL, NULL);
}

int main(void)
{
	return run("mem") + run("bdb");
}
