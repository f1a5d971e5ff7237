/* SPDX-License-Identifier: Apache-2.0 */
/* tests/admin/test_jobs.c - the operator's jobs: order, progress, cancelling, remembering, files */
#include "admin/admin_jobs.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/log.h"
#include "base/metrics.h"
#include "tests/gate.h"

static struct gate entered = GATE_INIT, hold = GATE_INIT, left = GATE_INIT;
static struct admin_jobs *jobs;

static int setup(void **state)
{
	(void)state;
	log_set_levels(LOG_ERROR);
	log_set_level(LOG_ADMIN, LOG_ERROR);
	entered.count = hold.count = left.count = 0;
	return admin_jobs_new(&jobs, NULL);
}

static int teardown(void **state)
{
	(void)state;
	admin_jobs_free(&jobs);
	return jobs != NULL;
}

static int work_quick(struct admin_job *job, void *arg, json_t **result_out, struct err *err)
{
	(void)err;
	(void)arg;
	admin_job_progress(job, 7, 9);
	*result_out = json_pack("{s:s%}", "of", admin_job_object(job).p, admin_job_object(job).n);
	gate_raise(&left);
	return 0;
}

static int work_failing(struct admin_job *job, void *arg, json_t **result_out, struct err *err)
{
	(void)job;
	(void)arg;
	(void)result_out;
	return err_set(err, ERR_SPACE, "no room for %s", "it");
}

/* Goes on until it is told to stop. */
static int work_endless(struct admin_job *job, void *arg, json_t **result_out, struct err *err)
{
	(void)arg;
	(void)result_out;
	gate_raise(&entered);
	for (uint64_t i = 0; !admin_job_progress(job, i, 0); i++)
		usleep(1000);
	return err_set(err, ERR_IO, "whatever the store says when it is stopped");
}

/* Waits for the test, and never asks whether to stop. */
static int work_held(struct admin_job *job, void *arg, json_t **result_out, struct err *err)
{
	(void)job;
	(void)arg;
	(void)result_out;
	(void)err;
	gate_raise(&entered);
	return gate_wait(&hold, 1) ? 0 : -1;
}

static uint64_t add(const char *object, admin_work_fn *work)
{
	uint64_t id = admin_jobs_add(jobs, "test", strv_of(object), work, NULL, NULL);

	assert_int_not_equal(id, 0);
	return id;
}

/* The job once it is in STATE. */
static json_t *wait_state(uint64_t id, const char *state)
{
	for (unsigned i = 0; i < 60000; i++) {
		json_t *job = admin_jobs_show(jobs, id);

		assert_non_null(job);
		if (strcmp(json_string_value(json_object_get(job, "state")), state) == 0)
			return job;
		json_decref(job);
		usleep(1000);
	}
	fail_msg("job %d is never %s", (int)id, state);
	return NULL;
}

static int64_t number(const json_t *json, const char *name)
{
	return json_integer_value(json_object_get(json, name));
}

static const char *text(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

static int64_t ended(const char *labels)
{
	return metric_value(metric_counter("opencpm_admin_jobs_total",
					   "Operator's jobs that have ended.", labels));
}

static void test_done(void **state)
{
	int64_t before = ended("verb=\"test\",state=\"done\"");
	uint64_t id = add("thing", work_quick);
	json_t *job = wait_state(id, "done");

	(void)state;
	assert_int_equal(id, 1);
	assert_string_equal(text(job, "verb"), "test");
	assert_string_equal(text(job, "object"), "thing");
	assert_string_equal(text(json_object_get(job, "result"), "of"), "thing");
	assert_int_equal(number(job, "done"), 7);
	assert_int_equal(number(job, "total"), 9);
	assert_true(number(job, "queued_ms") > 0);
	assert_true(number(job, "started_ms") >= number(job, "queued_ms"));
	assert_true(number(job, "ended_ms") >= number(job, "started_ms"));
	assert_null(json_object_get(job, "failure"));
	json_decref(job);
	assert_int_equal(ended("verb=\"test\",state=\"done\""), before + 1);
}

static void test_failed(void **state)
{
	int64_t before = ended("verb=\"test\",state=\"failed\"");
	json_t *job, *failure;

	(void)state;
	log_output(open("/dev/null", O_WRONLY), LOG_TEXT);
	job = wait_state(add("", work_failing), "failed");
	failure = json_object_get(job, "failure");
	assert_string_equal(text(failure, "error"), "no-space");
	assert_string_equal(text(failure, "message"), "no room for it");
	assert_non_null(text(failure, "remedy"));
	assert_null(json_object_get(job, "result"));
	json_decref(job);
	assert_int_equal(ended("verb=\"test\",state=\"failed\""), before + 1);
}

static void test_one_after_another(void **state)
{
	uint64_t held, waiting;

	(void)state;
	held = add("a", work_held);
	waiting = add("b", work_quick);
	assert_true(gate_wait(&entered, 1));
	json_decref(wait_state(held, "running"));
	json_decref(wait_state(waiting, "queued"));
	assert_int_equal(gate_count(&left), 0);
	gate_raise(&hold);
	json_decref(wait_state(waiting, "done"));
	json_decref(wait_state(held, "done"));
}

static void test_cancel_running(void **state)
{
	enum admin_job_state was;
	uint64_t id = add("", work_endless);
	json_t *job;

	(void)state;
	assert_true(gate_wait(&entered, 1));
	assert_int_equal(admin_jobs_cancel(jobs, id, &was), 0);
	assert_int_equal(was, ADMIN_JOB_RUNNING);
	job = wait_state(id, "cancelled");
	assert_string_equal(text(json_object_get(job, "failure"), "message"), "test was cancelled");
	json_decref(job);
}

static void test_cancel_waiting(void **state)
{
	enum admin_job_state was;
	uint64_t held = add("", work_held), waiting = add("", work_quick);

	(void)state;
	assert_true(gate_wait(&entered, 1));
	assert_int_equal(admin_jobs_cancel(jobs, waiting, &was), 0);
	assert_int_equal(was, ADMIN_JOB_QUEUED);
	gate_raise(&hold);
	json_decref(wait_state(waiting, "cancelled"));
	assert_int_equal(gate_count(&left), 0); /* it never ran */
	json_decref(wait_state(held, "done"));
}

static void test_cancel_too_late_for_the_work(void **state)
{
	enum admin_job_state was;
	uint64_t id = add("", work_held);

	(void)state;
	assert_true(gate_wait(&entered, 1));
	assert_int_equal(admin_jobs_cancel(jobs, id, &was), 0);
	gate_raise(&hold);
	/* It was not told in time and did all of its work: that is the truth to tell. */
	json_decref(wait_state(id, "done"));
}

static void test_forget(void **state)
{
	enum admin_job_state was;
	uint64_t id = add("", work_quick);

	(void)state;
	json_decref(wait_state(id, "done"));
	assert_int_equal(admin_jobs_cancel(jobs, id, &was), 0);
	assert_int_equal(was, ADMIN_JOB_DONE);
	assert_null(admin_jobs_show(jobs, id));
	assert_int_equal(admin_jobs_cancel(jobs, id, &was), -1);
	assert_int_equal(admin_jobs_cancel(jobs, 0, &was), -1);
	assert_int_equal(admin_jobs_cancel(jobs, 4711, &was), -1);
}

static void test_old_ones_are_forgotten(void **state)
{
	json_t *list;
	size_t i;
	json_t *job;
	uint64_t expected = 11;

	(void)state;
	for (unsigned n = 0; n < ADMIN_JOBS_MAX + 10; n++)
		json_decref(wait_state(add("", work_quick), "done"));
	list = admin_jobs_list(jobs);
	assert_int_equal(json_array_size(list), ADMIN_JOBS_MAX);
	json_array_foreach(list, i, job)
	{
		assert_int_equal(number(job, "id"), expected);
		expected++;
	}
	json_decref(list);
	assert_null(admin_jobs_show(jobs, 10));
}

static void test_too_many_wait(void **state)
{
	struct err err = { 0 };

	(void)state;
	for (unsigned n = 0; n < ADMIN_JOBS_MAX; n++)
		add("", work_held);
	assert_int_equal(admin_jobs_add(jobs, "test", STRV("x"), work_quick, NULL, &err), 0);
	assert_int_equal(err.code, ERR_BUSY);
	gate_raise(&hold);
}

static int work_with_file(struct admin_job *job, void *arg, json_t **result_out, struct err *err)
{
	char name[] = "/tmp/test-jobs-XXXXXX";
	int fd = mkstemp(name);

	(void)arg;
	(void)result_out;
	(void)err;
	unlink(name);
	if (write(fd, "content", 7) != 7)
		return -1;
	admin_job_keep_file(job, fd, 7);
	return gate_wait(&hold, 1) ? 0 : -1;
}

static void test_file(void **state)
{
	uint64_t plain = add("", work_quick), id = add("", work_with_file), bytes = 0;
	enum admin_job_state was;
	struct err err = { 0 };
	char buf[16];
	json_t *job;
	int fd;

	(void)state;
	json_decref(wait_state(id, "running"));
	assert_int_equal(admin_jobs_open_file(jobs, id, &bytes, &err), -1);
	assert_int_equal(err.code, ERR_BUSY);
	gate_raise(&hold);
	job = wait_state(id, "done");
	assert_int_equal(number(job, "file_bytes"), 7);
	json_decref(job);
	fd = admin_jobs_open_file(jobs, id, &bytes, &err);
	assert_true(fd >= 0);
	assert_int_equal(bytes, 7);
	/* What was opened outlives the job. */
	assert_int_equal(admin_jobs_cancel(jobs, id, &was), 0);
	assert_int_equal(pread(fd, buf, sizeof(buf), 0), 7);
	assert_memory_equal(buf, "content", 7);
	close(fd);
	assert_int_equal(admin_jobs_open_file(jobs, id, &bytes, &err), -1);
	assert_int_equal(err.code, ERR_ABSENT);
	assert_int_equal(admin_jobs_open_file(jobs, plain, &bytes, &err), -1);
	assert_int_equal(err.code, ERR_ABSENT);
}

static void test_stop(void **state)
{
	uint64_t running = add("", work_endless), waiting = add("", work_quick);
	struct err err = { 0 };

	(void)state;
	assert_true(gate_wait(&entered, 1));
	admin_jobs_stop(jobs); /* returns: the endless one was told */
	json_decref(wait_state(running, "cancelled"));
	json_decref(wait_state(waiting, "cancelled"));
	assert_int_equal(gate_count(&left), 0);
	assert_int_equal(admin_jobs_add(jobs, "test", STRV("x"), work_quick, NULL, &err), 0);
	assert_int_equal(err.code, ERR_STOPPING);
	admin_jobs_stop(jobs);
}

static void test_owner_that_is_no_text(void **state)
{
	uint64_t id = admin_jobs_add(jobs, "test", STRV("\xff\xfe"), work_failing, NULL, NULL);
	json_t *job;

	(void)state;
	log_output(open("/dev/null", O_WRONLY), LOG_TEXT);
	job = wait_state(id, "failed");
	assert_string_equal(text(job, "object64"), "//4=");
	json_decref(job);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_done, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_after_another, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel_running, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel_waiting, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel_too_late_for_the_work, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forget, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_ones_are_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_owner_that_is_no_text, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
