/* SPDX-License-Identifier: Apache-2.0 */
/* admin/admin_jobs_http.c - the verbs that make, show and end jobs: see admin_call.h */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "admin/admin_call.h"
#include "base/log.h"
#include "http/http.h"

static void start_job(struct admin_call *call, struct strv object)
{
	uint64_t id = admin_jobs_add(call->admin->jobs, call->verb->name, object, call->verb->work,
				     call->admin, &call->err);

	if (!id) {
		admin_answer_err(call->req, &call->err);
		return;
	}
	log_info(LOG_ADMIN, "job", L_STR("verb", call->verb->name), L_STR("state", "queued"),
		 L_INT("job", (int64_t)id), L_ID(http_req_trace(call->req)));
	admin_answer_json(call->req, 202, admin_jobs_show(call->admin->jobs, id));
}

/* DIR, or below the folder for backups when it is relative; without one, named by the time. */
static int full_dir(struct admin_call *call, struct strv dir, struct strv *full_out)
{
	const struct admin_ops *ops = call->admin->ops;
	char base[ADMIN_OBJECT_MAX] = "", name[40];
	time_t now = time(NULL);
	struct tm tm;
	char *full;

	if (dir.n && dir.p[0] == '/') {
		*full_out = dir;
		return 0;
	}
	if (ops->backup_dir)
		ops->backup_dir(ops->arg, base, sizeof(base));
	if (!base[0])
		return err_set(&call->err, ERR_RANGE,
			       "the backup needs an absolute path: admin.backup-dir is not set");
	strftime(name, sizeof(name), "backup-%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	dir = dir.n ? dir : strv_of(name);
	if (strv_eq(dir, STRV("..")) || memchr(dir.p, '/', dir.n))
		return err_set(&call->err, ERR_RANGE,
			       "\"dir\" must be an absolute path or a name without \"/\"");
	full = arena_printf(http_req_arena(call->req), "%s/%.*s", base, STRV_ARG(dir));
	if (!full)
		return err_set(&call->err, ERR_NOMEM, "no memory for the request");
	*full_out = strv_of(full);
	return 0;
}

/* {"dir": FOLDER} or nothing */
void admin_backup_verb(struct admin_call *call)
{
	struct strv dir = { NULL, 0 }, body_text = http_req_body(call->req), full;
	const struct json_member member = {
		"dir", JSON_KIND_STR, 0, &dir, 1, ADMIN_OBJECT_MAX - 1
	};
	json_t *body =
		json_parse(body_text.n ? body_text : STRV("{}"), ADMIN_DEPTH_MAX, &call->err);

	if (!body || json_members(body, &member, 1, &call->err) < 0 ||
	    full_dir(call, dir, &full) < 0)
		admin_answer_err(call->req, &call->err);
	else
		start_job(call, full);
	json_decref(body);
}

void admin_verify_verb(struct admin_call *call)
{
	start_job(call, STRV(""));
}

void admin_owner_job_verb(struct admin_call *call)
{
	if (admin_call_owner_is_sound(call))
		start_job(call, call->part);
}

void admin_jobs_verb(struct admin_call *call)
{
	admin_answer_json(call->req, 200,
			  json_pack("{s:o}", "jobs", admin_jobs_list(call->admin->jobs)));
}

/* The number in the path; 0 when it names no job. */
static uint64_t job_id(struct admin_call *call)
{
	uint64_t id;

	if (strv_u64(call->part, INT64_MAX, &id) < 0)
		id = 0;
	if (!id) {
		err_set(&call->err, ERR_ABSENT, "no job \"%.*s\"", STRV_ARG(call->part));
		admin_answer_err(call->req, &call->err);
	}
	return id;
}

static void no_such_job(struct admin_call *call, uint64_t id)
{
	err_set(&call->err, ERR_ABSENT, "no job %" PRIu64, id);
	admin_answer_err(call->req, &call->err);
}

void admin_job_verb(struct admin_call *call)
{
	uint64_t id = job_id(call);
	json_t *json = id ? admin_jobs_show(call->admin->jobs, id) : NULL;

	if (json)
		admin_answer_json(call->req, 200, json);
	else if (id)
		no_such_job(call, id);
}

void admin_job_delete_verb(struct admin_call *call)
{
	enum admin_job_state state;
	uint64_t id = job_id(call);

	if (!id)
		return;
	if (admin_jobs_cancel(call->admin->jobs, id, &state) < 0) {
		no_such_job(call, id);
		return;
	}
	admin_answer_json(call->req, state > ADMIN_JOB_RUNNING ? 200 : 202,
			  json_pack("{s:I, s:s, s:b}", "id", (json_int_t)id, "state",
				    admin_job_state_name(state), "forgotten",
				    state > ADMIN_JOB_RUNNING));
}

void admin_job_file_verb(struct admin_call *call)
{
	uint64_t id = job_id(call), bytes;
	int fd;

	if (!id)
		return;
	fd = admin_jobs_open_file(call->admin->jobs, id, &bytes, &call->err);
	if (fd < 0)
		admin_answer_err(call->req, &call->err);
	else
		admin_answer_file(call->req, fd, bytes);
}
