/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/kv/test_restart.c - opening again: after a clean end, after none, with files damaged or
 * gone
 */
#include "tests/kv/kvtest.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct kvtest t;

static int begin(void **state)
{
	(void)state;
	kvtest_begin(&t, "bdb");
	return 0;
}

static int end(void **state)
{
	(void)state;
	kvtest_end(&t);
	return 0;
}

static void fill(unsigned from, unsigned n)
{
	char owner[16];

	for (unsigned i = from; i < from + n; i++) {
		snprintf(owner, sizeof(owner), "u%05u", i);
		kvtest_put1(t.kv, owner, "a", "value");
	}
}

static void in_store(const char *name, char path[300])
{
	snprintf(path, 300, "%s/%s", t.dir, name);
}

/* The child commits N, tells it, and is killed in whatever it does. */
static void killed_after(unsigned from, unsigned n)
{
	int pipes[2], status;
	char done;
	pid_t child;

	assert_int_equal(pipe(pipes), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		kvtest_open(&t, NULL);
		fill(from, n);
		if (write(pipes[1], "d", 1) != 1)
			_exit(1);
		for (unsigned i = 0;; i++)
			kvtest_put1(t.kv, "more", "b", "after");
	}
	close(pipes[1]);
	assert_int_equal(read(pipes[0], &done, 1), 1);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	close(pipes[0]);
}

/* ---- tests ---- */

static void everything_is_there_again(void **state)
{
	uint64_t epoch, seq, first;
	char before[256];

	(void)state;
	kvtest_open(&t, NULL);
	fill(0, 50);
	snprintf(before, sizeof(before), "%s", kvtest_list(t.kv, "u00020"));
	epoch = kv_epoch(t.kv);
	seq = kv_seq(t.kv);
	first = kv_journal_first(t.kv);
	kvtest_close(&t);
	kvtest_open(&t, NULL);
	assert_int_equal(kv_epoch(t.kv), epoch);
	assert_int_equal(kv_seq(t.kv), seq);
	assert_int_equal(kv_journal_first(t.kv), first);
	assert_string_equal(kvtest_list(t.kv, "u00020"), before);
	assert_int_equal(kvtest_put1(t.kv, "a", "x", "1"), seq + 1);
}

static void killed_store_has_what_was_acknowledged(void **state)
{
	char owner[16];

	(void)state;
	for (unsigned round = 0; round < 4; round++) {
		killed_after(round * 30, 30);
		kvtest_open(&t, NULL);
		for (unsigned i = 0; i < (round + 1) * 30; i++) {
			snprintf(owner, sizeof(owner), "u%05u", i);
			assert_non_null(kvtest_get(t.kv, owner, "a", NULL));
		}
		kvtest_verify(t.kv);
		kvtest_close(&t);
	}
}

/* Turn an octet round in the middle of the newest log. */
static void damage_log(void)
{
	char path[300], newest[64] = "";
	DIR *dir = opendir(t.dir);
	struct dirent *entry;
	struct stat st;
	unsigned char octet;
	int fd;

	while ((entry = readdir(dir)))
		if (strncmp(entry->d_name, "log.", 4) == 0 && strcmp(entry->d_name, newest) > 0)
			snprintf(newest, sizeof(newest), "%.60s", entry->d_name);
	closedir(dir);
	in_store(newest, path);
	fd = open(path, O_RDWR);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	/* The file is as large as all logs are from the start; what was written is far shorter. */
	for (off_t at = 8192;; at++) {
		assert_int_equal(pread(fd, &octet, 1, at), 1);
		if (octet)
			break;
	}
	octet ^= 0xff;
	for (off_t at = 8192; at < 8192 + 512; at++)
		assert_int_equal(pwrite(fd, &octet, 1, at), 1);
	close(fd);
}

/* Recovery ends at the damage, and what had been acknowledged behind it is gone: that is said. */
static void damage_within_the_log_is_not_silent(void **state)
{
	struct kv_verify_report report;
	struct err err = { ERR_NONE, "" };
	char path[300];

	(void)state;
	killed_after(0, 100);
	damage_log();
	assert_int_equal(kv_verify_dir(t.dir, NULL, NULL, &report, &err), 0);
	assert_true(report.faults > 0);
	assert_int_equal(kv_open(&t.options, NULL, &t.kv, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_non_null(strstr(err.text, "was acknowledged"));
	/* The way out that it names. */
	in_store("acknowledged", path);
	assert_int_equal(unlink(path), 0);
	kvtest_open(&t, NULL);
	kvtest_verify(t.kv);
}

/* A file that is behind, damaged or of another store says nothing. */
static void a_file_that_knows_less_is_no_fault(void **state)
{
	char path[300], old[64];
	ssize_t n;
	int fd;

	(void)state;
	kvtest_open(&t, NULL);
	fill(0, 10);
	in_store("acknowledged", path);
	fd = open(path, O_RDWR);
	n = pread(fd, old, sizeof(old), 0);
	assert_true(n > 16);
	fill(10, 10);
	kvtest_close(&t);
	assert_int_equal(pwrite(fd, old, (size_t)n, 0), n); /* as after a power cut */
	kvtest_open(&t, NULL);
	kvtest_close(&t);
	old[8] ^= 0x7f; /* the number, without its checksum */
	assert_int_equal(pwrite(fd, old, (size_t)n, 0), n);
	close(fd);
	kvtest_open(&t, NULL);
	assert_non_null(kvtest_get(t.kv, "u00019", "a", NULL));
}

static void one_process_at_a_time(void **state)
{
	struct err err = { ERR_NONE, "" };
	struct kv *other = NULL;
	char pid[32];
	int status;
	pid_t child;

	(void)state;
	kvtest_open(&t, NULL);
	snprintf(pid, sizeof(pid), "(%ld)", (long)getpid());
	/* In this process, and in another. */
	assert_int_equal(kv_open(&t.options, NULL, &other, &err), -1);
	assert_int_equal(err.code, ERR_BUSY);
	assert_non_null(strstr(err.text, pid));
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(kv_open(&t.options, NULL, &other, &err) == -1 && err.code == ERR_BUSY &&
				      strstr(err.text, pid)
			      ? 0
			      : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	/* It did not disturb the one who has it. */
	kvtest_put1(t.kv, "a", "x", "1");
	kvtest_close(&t);
	kvtest_open(&t, NULL);
}

static void birth_that_was_cut_short_begins_again(void **state)
{
	char path[300], copy[300];

	(void)state;
	/* As it lies there before the mark is given its name. */
	kvtest_open(&t, NULL);
	fill(0, 3);
	kvtest_close(&t);
	in_store("store", path);
	in_store("birth", copy);
	assert_int_equal(rename(path, copy), 0);
	kvtest_open(&t, NULL);
	assert_int_equal(kv_seq(t.kv), 0);
	fill(0, 3);
	kvtest_verify(t.kv);
}

/* Nothing that is missing or foreign is taken for a new store. */
static void missing_files_are_refused(void **state)
{
	static const char *const names[] = { "store", "records.db", "journal.db",
					     "log.0000000001" };
	char command[700], path[300];

	(void)state;
	kvtest_open(&t, NULL);
	fill(0, 200);
	kvtest_close(&t);
	snprintf(command, sizeof(command), "cp -r '%s' '%s/copy'", t.dir, t.root);
	assert_int_equal(system(command), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct err err = { ERR_NONE, "" };

		in_store(names[i], path);
		assert_int_equal(unlink(path), 0);
		if (kv_open(&t.options, NULL, &t.kv, &err) == 0)
			fail_msg("opened without %s", names[i]);
		if (err.code != ERR_CORRUPT)
			fail_msg("without %s: %s: %s", names[i], err_code_name(err.code), err.text);
		assert_non_null(strstr(err.text, "restore"));
		kvtest_remove(t.dir);
		snprintf(command, sizeof(command), "cp -r '%s/copy' '%s'", t.root, t.dir);
		assert_int_equal(system(command), 0);
	}
	kvtest_open(&t, NULL);
	assert_int_equal(kv_seq(t.kv), 200);
}

static void mark_of_another_store_is_refused(void **state)
{
	struct err err = { ERR_NONE, "" };
	char path[300];
	FILE *file;

	(void)state;
	kvtest_open(&t, NULL);
	kvtest_close(&t);
	in_store("store", path);
	file = fopen(path, "w");
	fputs("opencpm store 1\nepoch 12345\n", file);
	fclose(file);
	assert_int_equal(kv_open(&t.options, NULL, &t.kv, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_non_null(strstr(err.text, "different stores"));
}

static void bad_options_are_refused(void **state)
{
	struct err err = { ERR_NONE, "" };

	(void)state;
	t.options.engine = "none";
	assert_int_equal(kv_open(&t.options, NULL, &t.kv, &err), -1);
	assert_int_equal(err.code, ERR_ABSENT);
	t.options.engine = "bdb";
	t.options.dir = NULL;
	assert_int_equal(kv_open(&t.options, NULL, &t.kv, &err), -1);
	assert_int_equal(err.code, ERR_RANGE);
	t.options.dir = "/proc/no/such/place";
	assert_int_equal(kv_open(&t.options, NULL, &t.kv, &err), -1);
	assert_int_equal(err.code, ERR_IO);
}

/* Checkpoints run by the amount of log, and take old log files away. */
static void checkpoints_bound_the_log(void **state)
{
	static char value[100000];
	struct kv_stats stats;
	struct dirent *entry;
	unsigned logs = 0;
	DIR *dir;

	(void)state;
	t.options.checkpoint_bytes = 4 << 20;
	kvtest_open(&t, NULL);
	for (unsigned i = 0; i < 1500; i++) {
		struct kv_batch *batch = kvtest_batch("a");

		memset(value, (int)('a' + i % 26), sizeof(value));
		kv_batch_put(batch, STRV("x"), strv_mem(value, sizeof(value)));
		assert_int_equal(kvtest_commit(t.kv, batch, NULL), KV_DONE);
	}
	kv_stats(t.kv, &stats);
	assert_true(stats.checkpoints > 0);
	kvtest_close(&t);
	/* On a slow disk the last checkpoint began several files ago; the next life's has only
	 * itself to wait for. */
	kvtest_open(&t, NULL);
	kvtest_verify(t.kv);
	kvtest_close(&t);
	/* 150 MB went through a log of 16 MB files. */
	dir = opendir(t.dir);
	while ((entry = readdir(dir)))
		logs += strncmp(entry->d_name, "log.", 4) == 0;
	closedir(dir);
	assert_true(logs <= 2);
}

int main(void)
{
#define ROW(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		ROW(everything_is_there_again),
		ROW(killed_store_has_what_was_acknowledged),
		ROW(damage_within_the_log_is_not_silent),
		ROW(a_file_that_knows_less_is_no_fault),
		ROW(one_process_at_a_time),
		ROW(birth_that_was_cut_short_begins_again),
		ROW(missing_files_are_refused),
		ROW(mark_of_another_store_is_refused),
		ROW(bad_options_are_refused),
		ROW(checkpoints_bound_the_log),
	};
#undef ROW

	return cmocka_run_group_tests(tests, NULL, NULL);
}
