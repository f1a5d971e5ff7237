/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/kv/test_backup.c - hot backup, restore, verification of folders, export
 */
#include "tests/kv/kvtest.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct kvtest t;

static int begin(void **state)
{
	(void)state;
	kvtest_begin(&t, "bdb");
	kvtest_open(&t, NULL);
	return 0;
}

static int end(void **state)
{
	(void)state;
	kvtest_end(&t);
	return 0;
}

/* How many entries a folder has; -1 when there is none. */
static int entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	if (!dir)
		return -1;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

static void flip(const char *dir, const char *file, off_t at)
{
	char path[512], octet;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &octet, 1, at), 1);
	octet ^= 4;
	assert_int_equal(pwrite(fd, &octet, 1, at), 1);
	close(fd);
}

static void fill(unsigned owners)
{
	char owner[16], value[400];

	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	for (unsigned i = 0; i < owners; i++) {
		snprintf(owner, sizeof(owner), "u%05u", i);
		kvtest_put1(t.kv, owner, "a", value);
	}
}

static void open_at(const char *dir)
{
	snprintf(t.dir, sizeof(t.dir), "%s", dir);
	kvtest_open(&t, NULL);
}

/* ---- backup and restore ---- */

static void restored_store_is_the_same_in_a_new_epoch(void **state)
{
	struct err err = { ERR_NONE, "" };
	const char *backup = kvtest_path(&t, "backup"), *restored = kvtest_path(&t, "restored");
	struct kv_verify_report report;
	uint64_t epoch = kv_epoch(t.kv), seq;
	char before[256];

	(void)state;
	fill(300);
	kvtest_put1(t.kv, "a", "x", "1");
	seq = kvtest_put1(t.kv, "a", "y", "2");
	snprintf(before, sizeof(before), "%s", kvtest_list(t.kv, "a"));
	assert_int_equal(kv_backup_sync(t.kv, backup, NULL, NULL, &err), 0);
	kvtest_put1(t.kv, "a", "z", "after the backup");
	kvtest_close(&t);

	assert_int_equal(kv_verify_dir(backup, NULL, NULL, &report, &err), 0);
	assert_int_equal(report.faults, 0);
	assert_int_equal(report.owners, 301);
	assert_int_equal(report.records, 302);
	assert_int_equal(report.journal, 302);
	if (kv_restore(backup, restored, NULL, NULL, &err) < 0)
		fail_msg("%s", err.text);
	open_at(restored);
	assert_true(kv_epoch(t.kv) > epoch);
	assert_int_equal(kv_seq(t.kv), seq);
	assert_string_equal(kvtest_list(t.kv, "a"), before);
	assert_int_equal(kvtest_put1(t.kv, "a", "z", "again"), seq + 1);
	kvtest_verify(t.kv);
}

/* The clock of the machine that restores may be behind the one that made the store. */
static void new_epoch_is_greater_whatever_the_clock_says(void **state)
{
	struct err err = { ERR_NONE, "" };
	char backup[160], restored[160];
	uint64_t epoch = kv_epoch(t.kv);

	(void)state;
	snprintf(backup, sizeof(backup), "%s", kvtest_path(&t, "b1"));
	assert_int_equal(kv_backup_sync(t.kv, backup, NULL, NULL, &err), 0);
	kvtest_close(&t);
	for (int i = 0; i < 3; i++) {
		char name[16];

		snprintf(name, sizeof(name), "r%d", i);
		snprintf(restored, sizeof(restored), "%s", kvtest_path(&t, name));
		assert_int_equal(kv_restore(backup, restored, NULL, NULL, &err), 0);
		open_at(restored);
		assert_true(kv_epoch(t.kv) > epoch);
		epoch = kv_epoch(t.kv);
		kvtest_close(&t);
	}
}

struct load {
	struct kv *kv;
	_Atomic int stop;
	_Atomic int commits;
};

static void *load_main(void *arg)
{
	struct load *load = arg;
	char value[500];

	memset(value, 'l', sizeof(value));
	for (int i = 1; !load->stop; i++) {
		struct kv_batch *batch = kv_batch_new(STRV("load"));
		char name[16];

		/* Two records that must stay equal, and one more each time. */
		snprintf(value, sizeof(value), "%d", i);
		snprintf(name, sizeof(name), "n%07d", i);
		kv_batch_put(batch, STRV("first"), strv_of(value));
		kv_batch_put(batch, strv_of(name), strv_mem(value, sizeof(value)));
		kv_batch_put(batch, STRV("second"), strv_of(value));
		if (kv_commit_sync(load->kv, batch).status != KV_DONE)
			break;
		load->commits++;
	}
	return NULL;
}

static void backup_under_load_is_of_one_moment(void **state)
{
	struct err err = { ERR_NONE, "" };
	struct load load = { t.kv, 0, 0 };
	const char *backup = kvtest_path(&t, "backup"), *restored = kvtest_path(&t, "restored");
	char first[64];
	pthread_t thread;
	int before;

	(void)state;
	fill(100);
	assert_int_equal(pthread_create(&thread, NULL, load_main, &load), 0);
	kvtest_wait(&load.commits, 20);
	before = load.commits;
	if (kv_backup_sync(t.kv, backup, NULL, NULL, &err) < 0)
		fail_msg("%s", err.text);
	/* Commits go on, during it and after it. */
	kvtest_wait(&load.commits, before + 20);
	load.stop = 1;
	pthread_join(thread, NULL);
	kvtest_close(&t);
	if (kv_restore(backup, restored, NULL, NULL, &err) < 0)
		fail_msg("%s", err.text);
	open_at(restored);
	kvtest_verify(t.kv);
	snprintf(first, sizeof(first), "%s", kvtest_get(t.kv, "load", "first", NULL));
	assert_string_equal(first, kvtest_get(t.kv, "load", "second", NULL));
	/* What was acknowledged before the backup began is in it. */
	assert_true(atoi(first) >= before);
	assert_int_equal(kv_seq(t.kv), 100 + atoi(first));
}

static void backup_needs_a_new_folder(void **state)
{
	struct err err = { ERR_NONE, "" };
	const char *backup = kvtest_path(&t, "backup");

	(void)state;
	assert_int_equal(mkdir(backup, 0700), 0);
	assert_int_equal(kv_backup_sync(t.kv, backup, NULL, NULL, &err), -1);
	assert_int_equal(err.code, ERR_EXISTS);
	assert_int_equal(entries(backup), 0);
	assert_int_equal(kv_backup_sync(t.kv, kvtest_path(&t, "no/where"), NULL, NULL, &err), -1);
	assert_int_equal(err.code, ERR_IO);
}

static int cancel(void *arg, uint64_t done, uint64_t total)
{
	int *calls = arg;

	assert_true(done <= total);
	return ++*calls >= 2;
}

static void cancelled_leaves_nothing(void **state)
{
	struct err err = { ERR_NONE, "" };
	const char *backup = kvtest_path(&t, "backup"), *restored = kvtest_path(&t, "restored");
	int calls = 0;

	(void)state;
	fill(300);
	assert_int_equal(kv_backup_sync(t.kv, backup, cancel, &calls, &err), -1);
	assert_int_equal(err.code, ERR_STOPPING);
	assert_int_equal(entries(backup), -1);
	/* And the next one works. */
	if (kv_backup_sync(t.kv, backup, NULL, NULL, &err) < 0)
		fail_msg("%s", err.text);
	calls = 0;
	assert_int_equal(kv_restore(backup, restored, cancel, &calls, &err), -1);
	assert_int_equal(err.code, ERR_STOPPING);
	assert_int_equal(entries(restored), -1);
	assert_int_equal(entries(t.root), 2); /* the store and the backup */
}

static void backup_is_no_store(void **state)
{
	struct err err = { ERR_NONE, "" };
	struct kv_options options;
	struct kv *kv = NULL;
	const char *backup = kvtest_path(&t, "backup");

	(void)state;
	assert_int_equal(kv_backup_sync(t.kv, backup, NULL, NULL, &err), 0);
	kv_options_init(&options, backup);
	assert_int_equal(kv_open(&options, NULL, &kv, &err), -1);
	assert_int_equal(err.code, ERR_EXISTS);
	assert_non_null(strstr(err.text, "restore"));
}

static void restore_refuses(void **state)
{
	struct err err = { ERR_NONE, "" };
	char backup[160], restored[160];

	(void)state;
	snprintf(backup, sizeof(backup), "%s", kvtest_path(&t, "backup"));
	snprintf(restored, sizeof(restored), "%s", kvtest_path(&t, "restored"));
	fill(200);
	assert_int_equal(kv_backup_sync(t.kv, backup, NULL, NULL, &err), 0);
	/* A place that is taken. */
	assert_int_equal(kv_restore(backup, t.dir, NULL, NULL, &err), -1);
	assert_int_equal(err.code, ERR_EXISTS);
	/* What is no backup. */
	assert_int_equal(kv_restore(t.dir, restored, NULL, NULL, &err), -1);
	assert_int_equal(err.code, ERR_ABSENT);
	/* A damaged one: the data, then the text. */
	flip(backup, "records.db", 3 * 4096 + 2000);
	assert_int_equal(kv_restore(backup, restored, NULL, NULL, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	flip(backup, "records.db", 3 * 4096 + 2000);
	flip(backup, "backup", 3);
	assert_int_equal(kv_restore(backup, restored, NULL, NULL, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	flip(backup, "backup", 3);
	assert_int_equal(entries(restored), -1);
	assert_int_equal(entries(t.root), 2);
	/* An empty folder is as good as none. */
	assert_int_equal(mkdir(restored, 0700), 0);
	if (kv_restore(backup, restored, NULL, NULL, &err) < 0)
		fail_msg("%s", err.text);
}

/* ---- verification of folders ---- */

/* The store's folder as a crash would leave it: copied while it is open. */
static void copy_live(const char *to)
{
	char command[400];

	snprintf(command, sizeof(command), "cp -r '%s' '%s'", t.dir, to);
	assert_int_equal(system(command), 0);
}

static void verify_dir_finds_what_was_changed(void **state)
{
	struct kv_verify_report report;
	struct err err = { ERR_NONE, "" };
	char copy[160];

	(void)state;
	snprintf(copy, sizeof(copy), "%s", kvtest_path(&t, "copy"));
	fill(200);
	assert_int_equal(kv_verify_dir(t.dir, NULL, NULL, &report, &err), -1);
	assert_int_equal(err.code, ERR_BUSY);
	copy_live(copy);
	kvtest_close(&t);
	assert_int_equal(kv_verify_dir(t.dir, NULL, NULL, &report, &err), 0);
	assert_int_equal(report.faults, 0);
	assert_int_equal(report.records, 200);
	/* One that needs recovery is verified as it will be, and left as it is. */
	assert_int_equal(kv_verify_dir(copy, NULL, NULL, &report, &err), 0);
	if (report.faults)
		fail_msg("%s", report.first_fault);
	assert_int_equal(report.records, 200);
	assert_int_equal(entries(t.root), 2);
	flip(t.dir, "records.db", 2 * 4096 + 1000);
	if (kv_verify_dir(t.dir, NULL, NULL, &report, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(report.faults > 0);
	assert_true(strlen(report.first_fault) > 0);
	assert_int_equal(kv_verify_dir(t.root, NULL, NULL, &report, &err), -1);
	assert_int_equal(err.code, ERR_ABSENT);
}

static void verify_dir_finds_a_missing_table(void **state)
{
	struct kv_verify_report report;
	struct err err = { ERR_NONE, "" };
	char path[256];

	(void)state;
	fill(10);
	kvtest_close(&t);
	snprintf(path, sizeof(path), "%s/journal.db", t.dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(kv_verify_dir(t.dir, NULL, NULL, &report, &err), 0);
	assert_true(report.faults > 0);
}

/* ---- export ---- */

struct exported {
	unsigned n, stop_at;
	char names[64];
};

static int on_export(void *arg, const struct kv_record *record)
{
	struct exported *exported = arg;

	strncat(exported->names, record->name.p, record->name.n);
	return ++exported->n == exported->stop_at;
}

static void export_gives_all_of_one_owner(void **state)
{
	struct exported exported = { 0, 0, "" }, some = { 0, 2, "" };
	struct err err = { ERR_NONE, "" };
	uint64_t version = 0, seq;

	(void)state;
	kvtest_put1(t.kv, "a", "x", "1");
	kvtest_put1(t.kv, "a", "y", "2");
	seq = kvtest_put1(t.kv, "a", "z", "3");
	kvtest_put1(t.kv, "b", "w", "4");
	assert_int_equal(kv_export_sync(t.kv, STRV("a"), on_export, &exported, &version, &err), 0);
	assert_string_equal(exported.names, "xyz");
	assert_int_equal(version, seq);
	assert_int_equal(kv_export_sync(t.kv, STRV("a"), on_export, &some, &version, &err), -1);
	assert_int_equal(some.n, 2);
	assert_int_equal(err.code, ERR_STOPPING);
	exported.n = 0;
	assert_int_equal(kv_export_sync(t.kv, STRV("none"), on_export, &exported, &version, &err),
			 0);
	assert_int_equal(exported.n, 0);
	assert_int_equal(version, 0);
}

int main(void)
{
#define ROW(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		ROW(restored_store_is_the_same_in_a_new_epoch),
		ROW(new_epoch_is_greater_whatever_the_clock_says),
		ROW(backup_under_load_is_of_one_moment),
		ROW(backup_needs_a_new_folder),
		ROW(cancelled_leaves_nothing),
		ROW(backup_is_no_store),
		ROW(restore_refuses),
		ROW(verify_dir_finds_what_was_changed),
		ROW(verify_dir_finds_a_missing_table),
		ROW(export_gives_all_of_one_owner),
	};
#undef ROW

	return cmocka_run_group_tests(tests, NULL, NULL);
}
