/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/kv/test_concurrency.c - many at once: one moment for readers, workers' callbacks, the
 * journal's end while it is read
 */
#include "tests/kv/kvtest.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/worker.h"

static struct kvtest t;
static const char *engine;

static int begin(void **state)
{
	(void)state;
	kvtest_begin(&t, engine);
	return 0;
}

static int end(void **state)
{
	(void)state;
	if (t.kv)
		kvtest_verify(t.kv);
	kvtest_end(&t);
	return 0;
}

/* ---- one moment ---- */

enum { RECORDS = 200, ROUNDS = 150 };

/* Every record of the owner is given the same value by each commit. */
static void write_round(unsigned round)
{
	struct kv_batch *batch = kvtest_batch("hot");
	char name[16], value[16];

	snprintf(value, sizeof(value), "%u", round);
	for (unsigned i = 0; i < RECORDS; i++) {
		snprintf(name, sizeof(name), "r%04u", i);
		kvtest_put(batch, name, value);
	}
	if (kv_commit_sync(t.kv, batch).status != KV_DONE)
		abort();
}

struct readers {
	_Atomic int stop;
	_Atomic int reads;
	_Atomic int mixed; /* records of different commits in one read */
	_Atomic int wrong;
};

static void *read_main(void *arg)
{
	struct readers *readers = arg;

	while (!readers->stop) {
		struct arena *arena = arena_new(0);
		struct kv_item items[2] = { { .kind = KV_RANGE },
					    { .kind = KV_GET, .from = STRV("r0000") } };
		struct kv_read read = {
			.owner = STRV("hot"), .items = items, .n_items = 2, .arena = arena
		};

		if (kv_read_sync(t.kv, &read) != KV_DONE || items[0].n_records != RECORDS ||
		    items[1].n_records != 1)
			readers->wrong++;
		else
			for (unsigned i = 0; i < RECORDS; i++)
				if (items[0].records[i].version != read.version ||
				    !strv_eq(items[0].records[i].value, items[1].records[0].value))
					readers->mixed++;
		readers->reads++;
		arena_free(&arena);
	}
	return NULL;
}

struct exported {
	uint64_t version;
	unsigned n;
	int mixed;
};

static int on_export(void *arg, const struct kv_record *record)
{
	struct exported *exported = arg;

	if (exported->n++ == 0)
		exported->version = record->version;
	exported->mixed |= record->version != exported->version;
	return 0;
}

static void reads_are_of_one_moment(void **state)
{
	struct readers readers = { 0, 0, 0, 0 };
	pthread_t threads[3];
	struct err err;

	(void)state;
	kvtest_open(&t, NULL);
	write_round(0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_main, &readers), 0);
	for (unsigned i = 1; i < ROUNDS; i++) {
		write_round(i);
		if (i % 30 == 0) {
			struct exported exported = { 0, 0, 0 };
			uint64_t version;

			assert_int_equal(kv_export_sync(t.kv, STRV("hot"), on_export, &exported,
							&version, &err),
					 0);
			assert_int_equal(exported.n, RECORDS);
			assert_int_equal(exported.mixed, 0);
			assert_int_equal(exported.version, version);
		}
	}
	kvtest_wait(&readers.reads, 10);
	readers.stop = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(readers.mixed, 0);
	assert_int_equal(readers.wrong, 0);
}

/* A counter that is read and written under its version by several: none is lost. */
enum { COUNTERS = 4, ADDS = 25 };

static void *count_main(void *arg)
{
	(void)arg;
	for (unsigned done = 0; done < ADDS;) {
		struct arena *arena = arena_new(0);
		struct kv_item item = { .kind = KV_GET, .from = STRV("n") };
		struct kv_read read = {
			.owner = STRV("counter"), .items = &item, .n_items = 1, .arena = arena
		};
		struct kv_batch *batch = kv_batch_new(STRV("counter"));
		char text[16];

		if (kv_read_sync(t.kv, &read) != KV_DONE)
			abort();
		snprintf(text, sizeof(text), "%d",
			 item.n_records ? atoi(item.records[0].value.p) + 1 : 1);
		if (item.n_records)
			kv_batch_require_version(batch, STRV("n"), item.records[0].version);
		else
			kv_batch_require_absent(batch, STRV("n"));
		/* With its terminator, for atoi. */
		kv_batch_put(batch, STRV("n"), strv_mem(text, strlen(text) + 1));
		done += kv_commit_sync(t.kv, batch).status == KV_DONE;
		arena_free(&arena);
	}
	return NULL;
}

static void no_update_is_lost(void **state)
{
	pthread_t threads[COUNTERS];
	struct kv_stats stats;
	char sum[16];

	(void)state;
	kvtest_open(&t, NULL);
	for (int i = 0; i < COUNTERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_main, NULL), 0);
	for (int i = 0; i < COUNTERS; i++)
		pthread_join(threads[i], NULL);
	snprintf(sum, sizeof(sum), "%d", COUNTERS * ADDS);
	assert_string_equal(kvtest_get(t.kv, "counter", "n", NULL), sum);
	kv_stats(t.kv, &stats);
	assert_int_equal(stats.commits, COUNTERS * ADDS);
}

/* ---- workers ---- */

enum { REQUESTS = 200 };

/* A request: it commits, reads what it wrote, and checks where it is called back. */
struct request {
	struct post post;
	struct worker *home;
	unsigned number;
	struct kv_read read;
	struct kv_item item;
	struct arena *arena;
	char owner[16], value[16];
};

static _Atomic int finished, misplaced, misread;

static void on_read(struct kv_read *read, enum kv_status status)
{
	struct request *request =
		(struct request *)(void *)((char *)read - offsetof(struct request, read));

	misplaced += worker_self() != request->home;
	misread += status != KV_DONE || request->item.n_records != 1 ||
		   !strv_eq(request->item.records[0].value, strv_of(request->value));
	finished++;
}

static void on_commit(void *arg, const struct kv_commit_result *result)
{
	struct request *request = arg;

	misplaced += worker_self() != request->home;
	misread += result->status != KV_DONE;
	request->item = (struct kv_item){ .kind = KV_GET, .from = STRV("x") };
	request->read = (struct kv_read){ .owner = strv_of(request->owner),
					  .items = &request->item,
					  .n_items = 1,
					  .arena = request->arena,
					  .done = on_read };
	kv_read(t.kv, &request->read);
}

static void on_begin(struct post *post)
{
	struct request *request = (struct request *)post;
	struct kv_batch *batch = kv_batch_new(strv_of(request->owner));

	request->home = worker_self();
	kv_batch_put(batch, STRV("x"), strv_of(request->value));
	kv_commit(t.kv, batch, on_commit, request);
}

static void callbacks_come_on_the_callers_worker(void **state)
{
	static struct request requests[REQUESTS];
	struct workers *workers;
	struct jobs *jobs;
	struct err err;

	(void)state;
	finished = misplaced = misread = 0;
	assert_int_equal(jobs_new(2, 0, &jobs, &err), 0);
	assert_int_equal(workers_new(3, &workers, &err), 0);
	kvtest_open(&t, jobs);
	assert_int_equal(workers_start(workers, &err), 0);
	for (unsigned i = 0; i < REQUESTS; i++) {
		struct request *request = &requests[i];

		request->post.run = on_begin;
		request->arena = arena_new(0);
		snprintf(request->owner, sizeof(request->owner), "u%u", i);
		snprintf(request->value, sizeof(request->value), "v%u", i);
		worker_post(workers_at(workers, i % 3), &request->post);
	}
	kvtest_wait(&finished, REQUESTS);
	assert_int_equal(misplaced, 0);
	assert_int_equal(misread, 0);
	workers_stop(workers);
	kvtest_verify(t.kv);
	kvtest_close(&t);
	jobs_free(&jobs);
	workers_free(&workers);
	for (unsigned i = 0; i < REQUESTS; i++)
		arena_free(&requests[i].arena);
}

/* ---- subscribers ---- */

static void on_change(void *arg, const struct kv_change *change)
{
	_Atomic int *n = arg;

	(void)change;
	++*n;
}

static void up_to_eight_subscribers(void **state)
{
	_Atomic int heard[8] = { 0 }, more = 0;
	struct err err = { ERR_NONE, "" };

	(void)state;
	kvtest_open(&t, NULL);
	for (int i = 0; i < 8; i++)
		assert_int_equal(kv_subscribe(t.kv, on_change, (void *)&heard[i], &err), 0);
	assert_int_equal(kv_subscribe(t.kv, on_change, (void *)&more, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	kvtest_put1(t.kv, "a", "x", "1");
	for (int i = 0; i < 8; i++)
		assert_int_equal(heard[i], 1);
	assert_int_equal(more, 0);
}

/* ---- the journal's end ---- */

static void journal_is_trimmed_by_number_and_age(void **state)
{
	struct arena *arena = arena_new(0);
	struct kv_change *changes;
	struct err err = { ERR_NONE, "" };
	unsigned n;

	(void)state;
	/* By age alone nothing goes: all of it is young. */
	t.options.journal_keep = 10;
	t.options.journal_keep_s = 3600;
	kvtest_open(&t, NULL);
	for (int i = 0; i < 100; i++)
		kvtest_put1(t.kv, "a", "x", "1");
	assert_int_equal(kv_journal_first(t.kv), 1);
	kvtest_close(&t);
	/* By number alone all but the last go, in small pieces. */
	t.options.journal_keep_s = 0;
	kvtest_open(&t, NULL);
	for (int i = 0; i < 100; i++)
		kvtest_put1(t.kv, "a", "x", "1");
	assert_int_equal(kv_journal_first(t.kv), kv_seq(t.kv) - 9);
	assert_int_equal(kv_journal_sync(t.kv, kv_journal_first(t.kv) - 1, 5, arena, &changes, &n,
					 &err),
			 -1);
	assert_int_equal(err.code, ERR_ABSENT);
	assert_int_equal(kv_journal_sync(t.kv, kv_journal_first(t.kv), 100, arena, &changes, &n,
					 &err),
			 0);
	assert_int_equal(n, 10);
	assert_int_equal(changes[9].seq, kv_seq(t.kv));
	arena_free(&arena);
}

/* The last entry is the last number: it stays whatever the retention says. */
static void last_entry_is_never_trimmed(void **state)
{
	uint64_t seq;

	(void)state;
	t.options.journal_keep = 0;
	t.options.journal_keep_s = 0;
	kvtest_open(&t, NULL);
	for (int i = 0; i < 50; i++)
		kvtest_put1(t.kv, "a", "x", "1");
	seq = kv_seq(t.kv);
	assert_int_equal(kv_journal_first(t.kv), seq);
	if (strcmp(engine, "mem") == 0)
		return;
	kvtest_close(&t);
	kvtest_open(&t, NULL);
	assert_int_equal(kv_seq(t.kv), seq);
	assert_int_equal(kvtest_put1(t.kv, "a", "x", "1"), seq + 1);
}

/* What is left of somebody who was erased goes with the journal's entry of it. */
static void erased_owner_is_forgotten_with_the_journal(void **state)
{
	struct arena *arena = arena_new(0);
	struct kv_read read = { .owner = STRV("erased"), .arena = arena };
	struct kv_verify_report report;
	struct err err;

	(void)state;
	t.options.journal_keep = 5;
	t.options.journal_keep_s = 0;
	kvtest_open(&t, NULL);
	kvtest_put1(t.kv, "erased", "x", "1");
	kvtest_put1(t.kv, "emptied", "x", "1");
	assert_int_equal(kv_erase_sync(t.kv, STRV("erased")).status, KV_DONE);
	assert_int_equal(kv_erase_sync(t.kv, STRV("emptied")).status, KV_DONE);
	assert_int_equal(kv_read_sync(t.kv, &read), KV_DONE);
	assert_int_equal(read.version, 3);
	/* Came back: must not be forgotten. */
	kvtest_put1(t.kv, "emptied", "y", "2");
	for (int i = 0; i < 20; i++)
		kvtest_put1(t.kv, "other", "x", "1");
	assert_int_equal(kv_read_sync(t.kv, &read), KV_DONE);
	assert_int_equal(read.version, 0);
	assert_string_equal(kvtest_list(t.kv, "emptied"), "y=2@5");
	assert_int_equal(kv_verify_sync(t.kv, NULL, NULL, &report, &err), 0);
	assert_int_equal(report.owners, 2);
	arena_free(&arena);
}

static int run(const char *name)
{
#define ROW(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		ROW(reads_are_of_one_moment),
		ROW(no_update_is_lost),
		ROW(callbacks_come_on_the_callers_worker),
		ROW(up_to_eight_subscribers),
		ROW(journal_is_trimmed_by_number_and_age),
		ROW(last_entry_is_never_trimmed),
		ROW(erased_owner_is_forgotten_with_the_journal),
	};
#undef ROW

	engine = name;
	return _cmocka_run_group_tests(name, tests, sizeof(tests) / sizeof(tests[0]), NULL, NULL);
}

int main(void)
{
	return run("mem") + run("bdb");
}
