/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/kv/test_migration.c - the schema number and bringing a store forward, also through crashes
 */
#include "tests/kv/kvtest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct kvtest t;

enum { OWNERS = 40, RECORDS = 30 }; /* several pieces of a step */

/* ---- steps ---- */

static unsigned asked;
static unsigned die_at;	 /* _exit at this call, as a crash would; 0: never */
static unsigned fail_at; /* fail at this call */

static int append(struct strv value, const char *what, struct arena *arena, struct strv *value_out,
		  struct err *err)
{
	char *text;

	asked++;
	if (die_at && asked == die_at)
		_exit(77);
	if (fail_at && asked == fail_at)
		return err_set(err, ERR_SYNTAX, "not of a known form");
	text = arena_printf(arena, "%.*s%s", STRV_ARG(value), what);
	*value_out = strv_of(text);
	return 0;
}

static int step_one(struct strv owner, struct strv name, struct strv value, struct arena *arena,
		    struct strv *value_out, int *drop_out, struct err *err)
{
	(void)owner;
	(void)drop_out;
	if (strv_eq(name, STRV("keep")))
		return 0;
	return append(value, "+1", arena, value_out, err);
}

static int step_two(struct strv owner, struct strv name, struct strv value, struct arena *arena,
		    struct strv *value_out, int *drop_out, struct err *err)
{
	(void)owner;
	if (strv_eq(name, STRV("r00"))) {
		*drop_out = 1;
		return 0;
	}
	return append(value, "+2", arena, value_out, err);
}

static const struct kv_migration steps[] = {
	{ "one is added", step_one },
	{ "two is added, r00 goes", step_two },
};

static void set_format(unsigned n)
{
	t.options.migrations = steps;
	t.options.n_migrations = n;
	asked = 0;
}

static unsigned format(void)
{
	struct kv_stats stats;

	kv_stats(t.kv, &stats);
	return stats.format;
}

static void fill(void)
{
	char owner[16], name[16];

	for (unsigned o = 0; o < OWNERS; o++) {
		struct kv_batch *batch;

		snprintf(owner, sizeof(owner), "u%02u", o);
		batch = kvtest_batch(owner);
		kvtest_put(batch, "keep", "as it is");
		for (unsigned r = 0; r < RECORDS; r++) {
			snprintf(name, sizeof(name), "r%02u", r);
			kvtest_put(batch, name, "v");
		}
		assert_int_equal(kvtest_commit(t.kv, batch, NULL), KV_DONE);
	}
}

/* Every record went through every step once, versions as they were. */
static void check(unsigned steps_done)
{
	char owner[16], name[16];

	for (unsigned o = 0; o < OWNERS; o++) {
		snprintf(owner, sizeof(owner), "u%02u", o);
		for (unsigned r = 0; r < RECORDS; r++) {
			uint64_t version;
			const char *value;

			snprintf(name, sizeof(name), "r%02u", r);
			value = kvtest_get(t.kv, owner, name, &version);
			if (r == 0 && steps_done == 2) {
				assert_null(value);
				continue;
			}
			assert_string_equal(value, steps_done == 2 ? "v+1+2" : "v+1");
			assert_int_equal(version, o + 1);
		}
		assert_string_equal(kvtest_get(t.kv, owner, "keep", NULL),
				    steps_done == 2 ? "as it is+2" : "as it is");
	}
	kvtest_verify(t.kv);
}

static int begin(void **state)
{
	(void)state;
	die_at = fail_at = 0;
	kvtest_begin(&t, "bdb");
	return 0;
}

static int end(void **state)
{
	(void)state;
	kvtest_end(&t);
	return 0;
}

/* ---- tests ---- */

static void fresh_store_has_the_newest_format(void **state)
{
	(void)state;
	set_format(2);
	kvtest_open(&t, NULL);
	assert_int_equal(format(), 2);
	kvtest_put1(t.kv, "a", "r00", "v");
	kvtest_close(&t);
	kvtest_open(&t, NULL);
	assert_int_equal(format(), 2);
	assert_int_equal(asked, 0);
	assert_string_equal(kvtest_list(t.kv, "a"), "r00=v@1");
}

static void steps_run_once_in_order(void **state)
{
	(void)state;
	set_format(0);
	kvtest_open(&t, NULL);
	fill();
	kvtest_close(&t);
	set_format(1);
	kvtest_open(&t, NULL);
	assert_int_equal(format(), 1);
	check(1);
	assert_int_equal(asked, OWNERS * RECORDS);
	kvtest_close(&t);
	set_format(2);
	kvtest_open(&t, NULL);
	assert_int_equal(format(), 2);
	check(2);
	kvtest_close(&t);
	asked = 0;
	kvtest_open(&t, NULL);
	assert_int_equal(asked, 0);
}

static void later_format_is_refused(void **state)
{
	struct err err = { ERR_NONE, "" };

	(void)state;
	set_format(2);
	kvtest_open(&t, NULL);
	kvtest_close(&t);
	set_format(1);
	assert_int_equal(kv_open(&t.options, NULL, &t.kv, &err), -1);
	assert_int_equal(err.code, ERR_RANGE);
	assert_non_null(strstr(err.text, "format 2"));
	set_format(2);
	kvtest_open(&t, NULL);
}

/* The process ends in the middle of a step, at one record after the other. */
static void crash_at_any_record_is_resumed(void **state)
{
	static const unsigned at[] = { 1, 2, 255, 256, 257, 700, 1199, 1200, 1201, 1900, 2399 };

	(void)state;
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		unsigned crashes = 0;
		int status = 0;
		pid_t child;

		set_format(0);
		kvtest_open(&t, NULL);
		fill();
		kvtest_close(&t);
		for (;;) {
			set_format(2);
			child = fork();
			assert_true(child >= 0);
			if (child == 0) {
				struct err err;

				/* The first attempts die, each after as many records. */
				die_at = crashes < 2 ? at[i] : 0;
				if (kv_open(&t.options, NULL, &t.kv, &err) < 0)
					_exit(1);
				kv_close(&t.kv);
				_exit(0);
			}
			assert_int_equal(waitpid(child, &status, 0), child);
			assert_true(WIFEXITED(status));
			if (WEXITSTATUS(status) != 77)
				break;
			crashes++;
		}
		assert_int_equal(WEXITSTATUS(status), 0);
		assert_true(crashes > 0);
		set_format(2);
		kvtest_open(&t, NULL);
		assert_int_equal(asked, 0);
		check(2);
		kvtest_close(&t);
		kvtest_remove(t.dir);
	}
}

static void failing_step_names_the_record(void **state)
{
	struct err err = { ERR_NONE, "" };

	(void)state;
	set_format(0);
	kvtest_open(&t, NULL);
	fill();
	kvtest_close(&t);
	set_format(1);
	fail_at = 600;
	assert_int_equal(kv_open(&t.options, NULL, &t.kv, &err), -1);
	assert_non_null(strstr(err.text, "migration from format 0"));
	assert_non_null(strstr(err.text, "u19"));
	assert_non_null(strstr(err.text, "not of a known form"));
	/* A better program goes on where it stopped. */
	fail_at = 0;
	asked = 0;
	kvtest_open(&t, NULL);
	check(1);
	assert_true(asked < OWNERS * RECORDS);
}

int main(void)
{
#define ROW(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		ROW(fresh_store_has_the_newest_format), ROW(steps_run_once_in_order),
		ROW(later_format_is_refused),		ROW(crash_at_any_record_is_resumed),
		ROW(failing_step_names_the_record),
	};
#undef ROW

	return cmocka_run_group_tests(tests, NULL, NULL);
}
