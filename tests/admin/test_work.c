/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/admin/test_work.c - backup, verify, export and erase as jobs: done, failed and cancelled
 *
 * A job that is to be cancelled is held at its beginning until it has been asked to end.
 */
#include "admin/admin_work.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "admin/admin_priv.h"
#include "base/log.h"
#include "kv/kv_hook.h"
#include "tests/gate.h"

enum { RECORDS = 40, OCTETS = 100000 };

static char dir[] = "/tmp/test-work-XXXXXX", store[64], backup[64];
static struct gate entered = GATE_INIT, hold = GATE_INIT;
static struct admin admin;

static int setup_group(void **state)
{
	struct kv_options options;
	char *value = calloc(1, OCTETS), name[32];

	(void)state;
	log_output(open("/dev/null", O_WRONLY), LOG_TEXT);
	assert_non_null(mkdtemp(dir));
	snprintf(store, sizeof(store), "%s/store", dir);
	snprintf(backup, sizeof(backup), "%s/backup", dir);
	kv_options_init(&options, store);
	options.reserve_bytes = 0;
	assert_int_equal(kv_open(&options, NULL, &admin.kv, NULL), 0);
	for (int i = 0; i < RECORDS; i++) {
		struct kv_batch *batch = kv_batch_new(STRV("sip:a@x"));

		snprintf(name, sizeof(name), "r%d", i);
		assert_int_equal(kv_batch_put(batch, strv_of(name), strv_mem(value, OCTETS)), 0);
		assert_int_equal(kv_commit_sync(admin.kv, batch).status, KV_DONE);
	}
	free(value);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int teardown_group(void **state)
{
	(void)state;
	kv_close(&admin.kv);
	return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int setup(void **state)
{
	(void)state;
	entered.count = hold.count = 0;
	admin.tmp_dir = dir;
	return admin_jobs_new(&admin.jobs, NULL);
}

static int teardown(void **state)
{
	(void)state;
	admin_jobs_free(&admin.jobs);
	return 0;
}

static const char *text(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

static int64_t number(const json_t *json, const char *name)
{
	return json_integer_value(json_object_get(json, name));
}

static json_t *wait_end(uint64_t id)
{
	for (unsigned i = 0; i < 60000; i++) {
		json_t *job = admin_jobs_show(admin.jobs, id);

		if (strcmp(text(job, "state"), "queued") && strcmp(text(job, "state"), "running"))
			return job;
		json_decref(job);
		usleep(1000);
	}
	fail_msg("job %d does not end", (int)id);
	return NULL;
}

static json_t *run(admin_work_fn *work, const char *object)
{
	uint64_t id = admin_jobs_add(admin.jobs, "test", strv_of(object), work, &admin, NULL);

	assert_int_not_equal(id, 0);
	return wait_end(id);
}

static void test_verify(void **state)
{
	json_t *job = run(admin_work_verify, "");
	const json_t *result = json_object_get(job, "result");

	(void)state;
	assert_string_equal(text(job, "state"), "done");
	assert_int_equal(number(result, "faults"), 0);
	assert_int_equal(number(result, "records"), RECORDS);
	assert_true(number(job, "done") > RECORDS * OCTETS);
	json_decref(job);
}

static void test_backup(void **state)
{
	struct kv_verify_report report;
	json_t *job = run(admin_work_backup, backup);

	(void)state;
	assert_string_equal(text(job, "state"), "done");
	assert_string_equal(text(json_object_get(job, "result"), "dir"), backup);
	json_decref(job);
	assert_int_equal(kv_verify_dir(backup, NULL, NULL, &report, NULL), 0);
	assert_int_equal(report.records, RECORDS);
	assert_int_equal(report.faults, 0);
}

static void test_export(void **state)
{
	uint64_t id = admin_jobs_add(admin.jobs, "export", STRV("sip:a@x"), admin_work_export,
				     &admin, NULL);
	json_t *job = wait_end(id);
	uint64_t bytes;
	int fd = admin_jobs_open_file(admin.jobs, id, &bytes, NULL);
	struct stat st;

	(void)state;
	assert_string_equal(text(job, "state"), "done");
	assert_int_equal(number(json_object_get(job, "result"), "records"), RECORDS);
	assert_true(bytes > RECORDS * OCTETS / 3 * 4);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, bytes);
	assert_int_equal(st.st_nlink, 0); /* nothing is left behind whatever happens */
	assert_int_equal(st.st_mode & 0777, 0600);
	close(fd);
	json_decref(job);
}

static void test_export_without_a_place(void **state)
{
	json_t *job;

	(void)state;
	admin.tmp_dir = (char *)(uintptr_t) "/nowhere/at/all";
	job = run(admin_work_export, "sip:a@x");
	assert_string_equal(text(job, "state"), "failed");
	assert_non_null(
		strstr(text(json_object_get(job, "failure"), "message"), "/nowhere/at/all"));
	json_decref(job);
}

/* ---- cancelled ---- */

static admin_work_fn *held_work;

static int work_held(struct admin_job *job, void *arg, json_t **result_out, struct err *err)
{
	gate_raise(&entered);
	gate_wait(&hold, 1);
	return held_work(job, arg, result_out, err);
}

static void test_cancelled(void **state)
{
	static const struct {
		admin_work_fn *work;
		const char *object;
	} rows[] = {
		{ admin_work_verify, "" },
		{ admin_work_export, "sip:a@x" },
		{ admin_work_backup, "/tmp/test-work-cancelled" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum admin_job_state was;
		uint64_t id;
		json_t *job;

		entered.count = hold.count = 0;
		held_work = rows[i].work;
		id = admin_jobs_add(admin.jobs, "test", strv_of(rows[i].object), work_held, &admin,
				    NULL);
		assert_true(gate_wait(&entered, 1));
		assert_int_equal(admin_jobs_cancel(admin.jobs, id, &was), 0);
		gate_raise(&hold);
		job = wait_end(id);
		assert_string_equal(text(job, "state"), "cancelled");
		assert_null(json_object_get(job, "file_bytes"));
		json_decref(job);
	}
	assert_int_equal(access("/tmp/test-work-cancelled", F_OK), -1);
}

/* ---- erase ---- */

static int no_space(const char *path, uint64_t *free_out)
{
	(void)path;
	*free_out = 0;
	return 0;
}

static void test_erase(void **state)
{
	json_t *job;

	(void)state;
	job = run(admin_work_erase, "sip:a@x");
	assert_string_equal(text(job, "state"), "done");
	assert_true(number(json_object_get(job, "result"), "seq") > RECORDS);
	json_decref(job);
	job = run(admin_work_export, "sip:a@x");
	assert_string_equal(text(job, "state"), "failed");
	assert_string_equal(text(json_object_get(job, "failure"), "error"), "absent");
	json_decref(job);
}

static void test_erase_that_is_refused(void **state)
{
	char owner[300];
	json_t *job;

	(void)state;
	kv_hook_free = no_space;
	memset(owner, 'a', sizeof(owner) - 1);
	owner[sizeof(owner) - 1] = '\0';
	job = run(admin_work_erase, owner);
	kv_hook_free = NULL;
	assert_string_equal(text(job, "state"), "failed");
	json_decref(job);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_verify, setup, teardown),
		cmocka_unit_test_setup_teardown(test_backup, setup, teardown),
		cmocka_unit_test_setup_teardown(test_export, setup, teardown),
		cmocka_unit_test_setup_teardown(test_export_without_a_place, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancelled, setup, teardown),
		cmocka_unit_test_setup_teardown(test_erase, setup, teardown),
		cmocka_unit_test_setup_teardown(test_erase_that_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
