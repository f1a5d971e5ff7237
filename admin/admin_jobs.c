/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/admin_jobs.c - see admin_jobs.h
 *
 * A table of ADMIN_JOBS_MAX places. A job's place is reused only when it has ended, the oldest
 * first; so the thread may work on a place without the lock, which guards what others look at.
 */
#include "admin/admin_jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "admin/admin_err.h"
#include "base/log.h"
#include "base/metrics.h"

struct admin_job {
	uint64_t id; /* 0: the place is free */
	const char *verb;
	struct strv object; /* our copy */
	enum admin_job_state state;
	admin_work_fn *work;
	void *arg;
	_Atomic int cancel, stopped; /* asked to; has been told */
	_Atomic uint64_t done, total;
	int64_t queued_ms, started_ms, ended_ms; /* Unix time; 0: not yet */
	json_t *result;
	struct err err;
	int fd; /* of the kept file; -1: none */
	uint64_t file_bytes;
};

struct admin_jobs {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
	int has_thread, stopping;
	uint64_t last_id;
	struct admin_job job[ADMIN_JOBS_MAX];
};

static const char *const state_names[] = { "queued", "running", "done", "failed", "cancelled" };

const char *admin_job_state_name(enum admin_job_state state)
{
	return state_names[state];
}

static int64_t unix_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int has_ended(const struct admin_job *job)
{
	return job->state > ADMIN_JOB_RUNNING;
}

static void clear(struct admin_job *job)
{
	if (job->id && job->fd >= 0)
		close(job->fd);
	json_decref(job->result);
	free((char *)(uintptr_t)job->object.p);
	memset(job, 0, sizeof(*job));
	job->fd = -1;
}

/* ---- the thread ---- */

static struct admin_job *next_queued(struct admin_jobs *jobs)
{
	struct admin_job *next = NULL;

	for (unsigned i = 0; i < ADMIN_JOBS_MAX; i++) {
		struct admin_job *job = &jobs->job[i];

		if (job->id && job->state == ADMIN_JOB_QUEUED && (!next || job->id < next->id))
			next = job;
	}
	return next;
}

static void log_end(const struct admin_job *job)
{
	const char *state = admin_job_state_name(job->state);
	int64_t ms = job->ended_ms - job->started_ms;

	if (job->state == ADMIN_JOB_FAILED)
		log_error(LOG_ADMIN, "job", L_STR("verb", job->verb), L_STR("state", state),
			  L_INT("job", (int64_t)job->id), L_INT("ms", ms), L_ERR(&job->err));
	else
		log_info(LOG_ADMIN, "job", L_STR("verb", job->verb), L_STR("state", state),
			 L_INT("job", (int64_t)job->id), L_INT("ms", ms));
}

static void count_end(const struct admin_job *job)
{
	char labels[64];

	snprintf(labels, sizeof(labels), "verb=\"%s\",state=\"%s\"", job->verb,
		 admin_job_state_name(job->state));
	metric_add(metric_counter("opencpm_admin_jobs_total", "Operator's jobs that have ended.",
				  labels),
		   1);
}

static void end(struct admin_job *job, int failed)
{
	job->state = job->stopped ? ADMIN_JOB_CANCELLED
		     : failed	  ? ADMIN_JOB_FAILED
				  : ADMIN_JOB_DONE;
	job->ended_ms = unix_ms();
	if (job->state == ADMIN_JOB_CANCELLED)
		err_set(&job->err, ERR_STOPPING, "%s was cancelled", job->verb);
	count_end(job);
	log_end(job);
}

static void run(struct admin_jobs *jobs, struct admin_job *job)
{
	json_t *result = NULL;
	struct err err = { 0 };
	int failed;

	job->state = ADMIN_JOB_RUNNING;
	job->started_ms = unix_ms();
	pthread_mutex_unlock(&jobs->lock);
	failed = job->work(job, job->arg, &result, &err);
	pthread_mutex_lock(&jobs->lock);
	job->result = result;
	job->err = err;
	end(job, failed);
}

static void *jobs_main(void *arg)
{
	struct admin_jobs *jobs = arg;
	struct admin_job *job;

	pthread_setname_np(pthread_self(), "admin-job");
	pthread_mutex_lock(&jobs->lock);
	for (;;) {
		job = next_queued(jobs);
		if (job && (job->cancel || jobs->stopping)) {
			job->stopped = 1;
			job->started_ms = unix_ms();
			end(job, 1);
		} else if (job) {
			run(jobs, job);
		} else if (jobs->stopping) {
			break;
		} else {
			pthread_cond_wait(&jobs->wake, &jobs->lock);
		}
	}
	pthread_mutex_unlock(&jobs->lock);
	return NULL;
}

int admin_jobs_new(struct admin_jobs **jobs_out, struct err *err)
{
	struct admin_jobs *jobs = calloc(1, sizeof(*jobs));
	int failed;

	if (!jobs)
		return err_set(err, ERR_NOMEM, "no memory for the operator's jobs");
	pthread_mutex_init(&jobs->lock, NULL);
	pthread_cond_init(&jobs->wake, NULL);
	for (unsigned i = 0; i < ADMIN_JOBS_MAX; i++)
		jobs->job[i].fd = -1;
	failed = pthread_create(&jobs->thread, NULL, jobs_main, jobs);
	if (failed) {
		admin_jobs_free(&jobs);
		return err_sys(err, ERR_IO, failed, "cannot start the thread of operator's jobs");
	}
	jobs->has_thread = 1;
	*jobs_out = jobs;
	return 0;
}

void admin_jobs_stop(struct admin_jobs *jobs)
{
	pthread_mutex_lock(&jobs->lock);
	jobs->stopping = 1;
	for (unsigned i = 0; i < ADMIN_JOBS_MAX; i++)
		jobs->job[i].cancel = 1;
	pthread_cond_signal(&jobs->wake);
	pthread_mutex_unlock(&jobs->lock);
	if (jobs->has_thread)
		pthread_join(jobs->thread, NULL);
	jobs->has_thread = 0;
}

void admin_jobs_free(struct admin_jobs **jobs_at)
{
	struct admin_jobs *jobs = *jobs_at;

	*jobs_at = NULL;
	if (!jobs)
		return;
	admin_jobs_stop(jobs);
	for (unsigned i = 0; i < ADMIN_JOBS_MAX; i++)
		clear(&jobs->job[i]);
	pthread_cond_destroy(&jobs->wake);
	pthread_mutex_destroy(&jobs->lock);
	free(jobs);
}

/* ---- others, under the lock ---- */

static struct admin_job *find(struct admin_jobs *jobs, uint64_t id)
{
	for (unsigned i = 0; id && i < ADMIN_JOBS_MAX; i++)
		if (jobs->job[i].id == id)
			return &jobs->job[i];
	return NULL;
}

/* A place for one more: a free one, else that of the oldest that has ended. */
static struct admin_job *place(struct admin_jobs *jobs)
{
	struct admin_job *oldest = NULL;

	for (unsigned i = 0; i < ADMIN_JOBS_MAX; i++) {
		struct admin_job *job = &jobs->job[i];

		if (!job->id)
			return job;
		if (has_ended(job) && (!oldest || job->id < oldest->id))
			oldest = job;
	}
	return oldest;
}

static uint64_t add(struct admin_jobs *jobs, const char *verb, struct strv object,
		    admin_work_fn *work, void *arg, struct err *err)
{
	struct admin_job *job = place(jobs);
	char *copy;

	if (jobs->stopping) {
		err_set(err, ERR_STOPPING, "the server is going down");
		return 0;
	}
	if (!job) {
		err_set(err, ERR_BUSY, "%d jobs wait already", ADMIN_JOBS_MAX);
		return 0;
	}
	copy = strv_dup(object);
	if (!copy) {
		err_set(err, ERR_NOMEM, "no memory for a job");
		return 0;
	}
	clear(job);
	job->id = ++jobs->last_id;
	job->verb = verb;
	job->object = strv_mem(copy, object.n);
	job->state = ADMIN_JOB_QUEUED;
	job->work = work;
	job->arg = arg;
	job->queued_ms = unix_ms();
	pthread_cond_signal(&jobs->wake);
	return job->id;
}

uint64_t admin_jobs_add(struct admin_jobs *jobs, const char *verb, struct strv object,
			admin_work_fn *work, void *arg, struct err *err)
{
	uint64_t id;

	pthread_mutex_lock(&jobs->lock);
	id = add(jobs, verb, object, work, arg, err);
	pthread_mutex_unlock(&jobs->lock);
	return id;
}

int admin_job_progress(void *job_at, uint64_t done, uint64_t total)
{
	struct admin_job *job = job_at;

	atomic_store_explicit(&job->done, done, memory_order_relaxed);
	atomic_store_explicit(&job->total, total, memory_order_relaxed);
	if (!job->cancel)
		return 0;
	job->stopped = 1;
	return 1;
}

struct strv admin_job_object(const struct admin_job *job)
{
	return job->object;
}

void admin_job_keep_file(struct admin_job *job, int fd, uint64_t bytes)
{
	job->fd = fd;
	job->file_bytes = bytes;
}

static void set_time(json_t *json, const char *name, int64_t ms)
{
	if (ms)
		json_object_set_new(json, name, json_integer(ms));
}

static json_t *show(const struct admin_job *job)
{
	json_t *json = json_pack("{s:I, s:s, s:s, s:I, s:I}", "id", (json_int_t)job->id, "verb",
				 job->verb, "state", admin_job_state_name(job->state), "done",
				 (json_int_t)job->done, "total", (json_int_t)job->total);

	if (!json)
		return NULL;
	json_set_octets(json, "object", job->object);
	set_time(json, "queued_ms", job->queued_ms);
	set_time(json, "started_ms", job->started_ms);
	set_time(json, "ended_ms", job->ended_ms);
	if (job->state == ADMIN_JOB_DONE && job->fd >= 0)
		json_object_set_new(json, "file_bytes", json_integer((json_int_t)job->file_bytes));
	if (job->state == ADMIN_JOB_DONE && job->result)
		json_object_set_new(json, "result", json_deep_copy(job->result));
	if (job->state == ADMIN_JOB_FAILED || job->state == ADMIN_JOB_CANCELLED)
		json_object_set_new(json, "failure", admin_err_json(&job->err));
	return json;
}

json_t *admin_jobs_show(struct admin_jobs *jobs, uint64_t id)
{
	struct admin_job *job;
	json_t *json = NULL;

	pthread_mutex_lock(&jobs->lock);
	job = find(jobs, id);
	if (job)
		json = show(job);
	pthread_mutex_unlock(&jobs->lock);
	return json;
}

json_t *admin_jobs_list(struct admin_jobs *jobs)
{
	json_t *list = json_array();
	uint64_t last = 0;

	pthread_mutex_lock(&jobs->lock);
	for (;;) {
		struct admin_job *next = NULL;

		for (unsigned i = 0; i < ADMIN_JOBS_MAX; i++) {
			struct admin_job *job = &jobs->job[i];

			if (job->id > last && (!next || job->id < next->id))
				next = job;
		}
		if (!next || json_array_append_new(list, show(next)) < 0)
			break;
		last = next->id;
	}
	pthread_mutex_unlock(&jobs->lock);
	return list;
}

int admin_jobs_cancel(struct admin_jobs *jobs, uint64_t id, enum admin_job_state *state_out)
{
	struct admin_job *job;

	pthread_mutex_lock(&jobs->lock);
	job = find(jobs, id);
	if (job) {
		*state_out = job->state;
		if (has_ended(job))
			clear(job);
		else
			job->cancel = 1;
		pthread_cond_signal(&jobs->wake);
	}
	pthread_mutex_unlock(&jobs->lock);
	return job ? 0 : -1;
}

static int open_file(struct admin_jobs *jobs, uint64_t id, uint64_t *bytes_out, struct err *err)
{
	struct admin_job *job = find(jobs, id);
	int fd;

	if (!job)
		return err_set(err, ERR_ABSENT, "no job %llu", (unsigned long long)id);
	if (!has_ended(job))
		return err_set(err, ERR_BUSY, "job %llu is not done yet", (unsigned long long)id);
	if (job->state != ADMIN_JOB_DONE || job->fd < 0)
		return err_set(err, ERR_ABSENT, "job %llu (%s, %s) has no file",
			       (unsigned long long)id, job->verb, admin_job_state_name(job->state));
	fd = fcntl(job->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(err, ERR_IO, errno, "cannot read the file of job %llu",
			       (unsigned long long)id);
	*bytes_out = job->file_bytes;
	return fd;
}

int admin_jobs_open_file(struct admin_jobs *jobs, uint64_t id, uint64_t *bytes_out, struct err *err)
{
	int fd;

	pthread_mutex_lock(&jobs->lock);
	fd = open_file(jobs, id, bytes_out, err);
	pthread_mutex_unlock(&jobs->lock);
	return fd;
}
