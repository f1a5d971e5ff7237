/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/kv/test_group.c - a group as an engine gets it: what joins it while it is being written
 *
 * The engines are called without kv.c and its committer between, so that what is "queued meanwhile"
 * is the test's choice.
 */
#include "tests/kv/kvtest.h"

#include <string.h>
#include <unistd.h>

#include "kv/kv_engine.h"
#include "kv/kv_hook.h"

static struct kvtest t;
static const char *name;
static struct kv_engine *engine;
static int syncs;

static int on_sync(int fd)
{
	syncs++;
	return fd >= 0 ? fdatasync(fd) : 0;
}

static int nothing_free(const char *dir, uint64_t *free_out)
{
	(void)dir;
	*free_out = 0;
	return 0;
}

static void on_failed(void *arg, const char *why)
{
	(void)arg;
	fail_msg("the engine failed: %s", why);
}

static int begin(void **state)
{
	const struct kv_engine_ops *ops = strcmp(name, "bdb") == 0 ? &kv_bdb_ops : &kv_mem_ops;
	struct err err;

	(void)state;
	kvtest_begin(&t, name);
	t.options.min_free_bytes = 1 << 20;
	t.options.checkpoint_s = 3600;
	assert_int_equal(ops->open(&t.options, on_failed, NULL, &engine, &err), 0);
	kv_hook_sync = on_sync;
	syncs = 0;
	return 0;
}

static int end(void **state)
{
	(void)state;
	kv_hook_sync = NULL;
	kv_hook_free = NULL;
	engine->ops->close(engine);
	kvtest_end(&t);
	return 0;
}

/* ---- groups ---- */

enum { BATCHES = 4 };

static struct kv_batch *batches[BATCHES];
static unsigned joined; /* batches that the group has so far */

/* A put that wants its name to be new. */
static void make_batch(unsigned i, const char *record)
{
	batches[i] = kvtest_batch("a");
	kvtest_put(batches[i], record, "v");
	kv_batch_require_absent(batches[i], strv_of(record));
	assert_int_equal(kv_batch_seal(batches[i]), 0);
}

static unsigned append(struct kv_group *group, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct kv_batch *batch = batches[joined++];

		if (group->last)
			group->last->next = batch;
		else
			group->first = batch;
		group->last = batch;
		group->n++;
	}
	return n;
}

/* One comes, then two at once, then none. */
static unsigned more(struct kv_group *group)
{
	return append(group, joined == 1 ? 1 : joined == 2 ? 2 : 0);
}

static void free_batches(void)
{
	for (unsigned i = 0; i < BATCHES; i++)
		kv_batch_free(&batches[i]);
}

/* They are in the same transaction: behind the first, with one sync, seeing what is before them. */
static void what_comes_while_it_is_written_joins(void **state)
{
	static const enum kv_status wanted[BATCHES] = { KV_DONE, KV_DONE, KV_CONFLICT, KV_DONE };
	static const uint64_t seqs[BATCHES] = { 1, 2, 0, 3 };
	static const char *const records[BATCHES] = { "x", "y", "x", "z" };
	struct kv_group group = { .more = more };
	struct err err;

	(void)state;
	joined = 0;
	for (unsigned i = 0; i < BATCHES; i++)
		make_batch(i, records[i]);
	append(&group, 1);
	assert_int_equal(engine->ops->commit(engine, &group, &err), 0);
	assert_int_equal(group.n, BATCHES);
	assert_int_equal(syncs, 1);
	for (unsigned i = 0; i < BATCHES; i++) {
		assert_int_equal(batches[i]->result.status, wanted[i]);
		assert_int_equal(batches[i]->result.seq, seqs[i]);
	}
	assert_int_equal(engine->seq, 3);
	free_batches();
}

/* Nobody asks to join a group without a batch: that is the engine's own tidying. */
static unsigned not_called(struct kv_group *group)
{
	(void)group;
	fail_msg("an empty group asked for more");
	return 0;
}

static void an_empty_group_stays_empty(void **state)
{
	struct kv_group group = { .more = not_called };
	struct err err;

	(void)state;
	assert_int_equal(engine->ops->commit(engine, &group, &err), 0);
	assert_int_equal(group.n, 0);
}

/* What is refused as a whole includes those that joined. */
static void a_full_disk_refuses_all_of_it(void **state)
{
	struct kv_group group = { .more = more };
	struct err err;

	(void)state;
	joined = 0;
	for (unsigned i = 0; i < BATCHES; i++)
		make_batch(i, "x");
	append(&group, 1);
	kv_hook_free = nothing_free;
	assert_int_equal(engine->ops->commit(engine, &group, &err), 0);
	assert_int_equal(group.n, BATCHES);
	for (unsigned i = 0; i < BATCHES; i++)
		assert_int_equal(batches[i]->result.status, KV_NO_SPACE);
	assert_int_equal(engine->seq, 0);
	free_batches();
}

#define ROW(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(what_comes_while_it_is_written_joins),
		ROW(an_empty_group_stays_empty),
	};
	const struct CMUnitTest disk_tests[] = {
		ROW(a_full_disk_refuses_all_of_it),
	};
	int failed;

	name = "mem";
	failed = cmocka_run_group_tests_name("mem", tests, NULL, NULL);
	name = "bdb";
	failed += cmocka_run_group_tests_name("bdb", tests, NULL, NULL);
	return failed + cmocka_run_group_tests_name("bdb, disk full", disk_tests, NULL, NULL);
}
