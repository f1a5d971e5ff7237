/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/admin_jobs.h - numbered jobs with progress, result and an end
 *
 * Jobs run one after another on one thread of their own. A finished job is remembered, with its
 * result, until ADMIN_JOBS_MAX newer ones have come or somebody forgets it. Any thread may call.
 */
#ifndef ADMIN_ADMIN_JOBS_H
#define ADMIN_ADMIN_JOBS_H

#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

enum { ADMIN_JOBS_MAX = 32, ADMIN_OBJECT_MAX = 4096 };

enum admin_job_state {
	ADMIN_JOB_QUEUED,
	ADMIN_JOB_RUNNING,
	ADMIN_JOB_DONE,
	ADMIN_JOB_FAILED,
	ADMIN_JOB_CANCELLED,
};
const char *admin_job_state_name(enum admin_job_state state);

struct admin_jobs;
struct admin_job;

/* The work: on the jobs' thread. Returns 0 with an object in RESULT_OUT (may stay NULL), or -1 with
 * ERR filled; when admin_job_progress has said stop, whatever it returns counts as cancelled. */
typedef int admin_work_fn(struct admin_job *job, void *arg, json_t **result_out, struct err *err);

int admin_jobs_new(struct admin_jobs **jobs_out, struct err *err);
/* Cancel and refuse from now on, wait until the thread has ended. Harmless when repeated. */
void admin_jobs_stop(struct admin_jobs *jobs);
void admin_jobs_free(struct admin_jobs **jobs); /* after the stop */

/* Queue a job. VERB lives for ever; OBJECT (a folder, an owner) is copied. Returns its number, from
 * 1; 0 with ERR_BUSY (ADMIN_JOBS_MAX wait or run), ERR_STOPPING or ERR_NOMEM. */
uint64_t admin_jobs_add(struct admin_jobs *jobs, const char *verb, struct strv object,
			admin_work_fn *work, void *arg, struct err *err);

/* From within the work: told how far it is. Other than 0: it must stop. Its type is that of
 * kv_progress_fn, with the job as ARG. */
int admin_job_progress(void *job, uint64_t done, uint64_t total);
/* The octets of the job's object, valid within the work. */
struct strv admin_job_object(const struct admin_job *job);
/* Keep FD as the job's file of BYTES octets: it is closed when the job is forgotten. */
void admin_job_keep_file(struct admin_job *job, int fd, uint64_t bytes);

/* One job, or all (oldest first), as JSON; NULL when there is none of this number, or no memory. */
json_t *admin_jobs_show(struct admin_jobs *jobs, uint64_t id);
json_t *admin_jobs_list(struct admin_jobs *jobs);

/* Ask a job that waits or runs to end; forget one that has ended. Returns its state at the time of
 * the call in STATE_OUT; 0, or -1 when there is no such job. */
int admin_jobs_cancel(struct admin_jobs *jobs, uint64_t id, enum admin_job_state *state_out);

/* A descriptor of the kept file of a job that is done, for the caller to close. -1 with ERR_ABSENT
 * (no such job, or it keeps no file) or ERR_BUSY (not done yet). */
int admin_jobs_open_file(struct admin_jobs *jobs, uint64_t id, uint64_t *bytes_out,
			 struct err *err);

#endif
