/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/kv/kvtest.c - see kvtest.h
 */
#include "tests/kv/kvtest.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

void kvtest_begin(struct kvtest *t, const char *engine)
{
	memset(t, 0, sizeof(*t));
	t->engine = engine;
	snprintf(t->root, sizeof(t->root), "kvtest-XXXXXX");
	assert_non_null(mkdtemp(t->root));
	snprintf(t->dir, sizeof(t->dir), "%s/store", t->root);
	kv_options_init(&t->options, t->dir);
	t->options.engine = engine;
	t->options.cache_bytes = 4 << 20;
	t->options.min_free_bytes = 0;
	t->options.reserve_bytes = 0;
}

void kvtest_open(struct kvtest *t, struct jobs *jobs)
{
	struct err err = { ERR_NONE, "" };

	if (kv_open(&t->options, jobs, &t->kv, &err) < 0)
		fail_msg("open: %s", err.text);
}

void kvtest_close(struct kvtest *t)
{
	kv_close(&t->kv);
	assert_null(t->kv);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void kvtest_remove(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void kvtest_end(struct kvtest *t)
{
	if (t->kv)
		kvtest_close(t);
	kvtest_remove(t->root);
}

const char *kvtest_path(struct kvtest *t, const char *name)
{
	static char path[2][160];
	static unsigned turn;

	turn ^= 1;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", t->root, name);
	return path[turn];
}

struct kv_batch *kvtest_batch(const char *owner)
{
	struct kv_batch *batch = kv_batch_new(strv_of(owner));

	assert_non_null(batch);
	return batch;
}

void kvtest_put(struct kv_batch *batch, const char *name, const char *value)
{
	assert_int_equal(kv_batch_put(batch, strv_of(name), strv_of(value)), 0);
}

enum kv_status kvtest_commit(struct kv *kv, struct kv_batch *batch, uint64_t *seq_out)
{
	struct kv_commit_result result = kv_commit_sync(kv, batch);

	if (seq_out)
		*seq_out = result.seq;
	return result.status;
}

uint64_t kvtest_put1(struct kv *kv, const char *owner, const char *name, const char *value)
{
	struct kv_batch *batch = kvtest_batch(owner);
	uint64_t seq;

	kvtest_put(batch, name, value);
	assert_int_equal(kvtest_commit(kv, batch, &seq), KV_DONE);
	return seq;
}

const char *kvtest_get(struct kv *kv, const char *owner, const char *name, uint64_t *version_out)
{
	static char text[2][4096];
	static unsigned turn;
	struct arena *arena = arena_new(0);
	struct kv_item item = { .kind = KV_GET, .from = strv_of(name) };
	struct kv_read read = {
		.owner = strv_of(owner), .items = &item, .n_items = 1, .arena = arena
	};

	turn ^= 1;
	assert_int_equal(kv_read_sync(kv, &read), KV_DONE);
	if (version_out)
		*version_out = item.n_records ? item.records[0].version : 0;
	if (item.n_records)
		snprintf(text[turn], sizeof(text[turn]), "%.*s", STRV_ARG(item.records[0].value));
	arena_free(&arena);
	return item.n_records ? text[turn] : NULL;
}

const char *kvtest_list(struct kv *kv, const char *owner)
{
	static char text[2][65536];
	static unsigned turn;
	struct arena *arena = arena_new(0);
	struct kv_item item = { .kind = KV_RANGE };
	struct kv_read read = {
		.owner = strv_of(owner), .items = &item, .n_items = 1, .arena = arena
	};
	size_t n = 0;

	turn ^= 1;
	text[turn][0] = '\0';
	assert_int_equal(kv_read_sync(kv, &read), KV_DONE);
	for (unsigned i = 0; i < item.n_records; i++)
		n += (size_t)snprintf(text[turn] + n, sizeof(text[turn]) - n, "%s%.*s=%.*s@%llu",
				      i ? " " : "", STRV_ARG(item.records[i].name),
				      STRV_ARG(item.records[i].value),
				      (unsigned long long)item.records[i].version);
	arena_free(&arena);
	return text[turn];
}

void kvtest_wait(const _Atomic int *flag, int value)
{
	struct timespec pause = { 0, 1000000 };

	for (int i = 0; *flag < value; i++) {
		if (i > 60000)
			fail_msg("waited for %d, still at %d", value, *flag);
		nanosleep(&pause, NULL);
	}
}

void kvtest_verify(struct kv *kv)
{
	struct kv_verify_report report;
	struct err err = { ERR_NONE, "" };

	if (kv_verify_sync(kv, NULL, NULL, &report, &err) < 0)
		fail_msg("verify: %s", err.text);
	if (report.faults)
		fail_msg("verify: %llu faults, first %s", (unsigned long long)report.faults,
			 report.first_fault);
}
