/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/admin_http.c - the operator's REST verbs below /v1: which there are, and how they answer
 *
 * One table says method, path, parameters and handler. What blocks for a moment runs on the job
 * pool, what takes long becomes a job of admin_jobs.h and is answered 202 with its number.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "admin/admin_err.h"
#include "admin/admin_export.h"
#include "admin/admin_path.h"
#include "admin/admin_priv.h"
#include "admin/admin_show.h"
#include "admin/admin_work.h"
#include "base/conf.h"
#include "base/log.h"
#include "http/http.h"

enum { BODY_MAX = 64 << 10, DEPTH_MAX = 16, OWNERS_MAX = 10000, DIRECT_EXPORT_MAX = 16 << 20 };

struct call {
	struct job job; /* first: the pool's callbacks cast */
	struct admin *admin;
	struct http_req *req;
	const struct verb *verb;
	struct strv part; /* what stands for "*" in the verb's path, decoded */
	/* Of what runs on the pool. */
	struct err err;
	json_t *json;
	struct admin_reload reload;
	struct strv after;
	uint64_t max;
	char *text;
	size_t bytes;
};

struct verb {
	const char *method, *path;
	void (*handle)(struct call *call);
	int takes_query;
	admin_work_fn *work; /* of those that are jobs */
	const char *name;
};

/* ---- answers ---- */

static const struct http_header json_headers[] = {
	{ "Content-Type", { "application/json", 16 } },
	{ "Cache-Control", { "no-store", 8 } },
	{ "Allow", { NULL, 0 } }, /* where it is used, filled in a copy */
};

/* Answer with JSON, which is given up. */
static void answer_json(struct http_req *req, unsigned status, json_t *json)
{
	struct http_answer answer = { .status = status, .headers = json_headers, .n_headers = 2 };
	size_t bytes = 0;
	char *text = json_print(json, &bytes);

	json_decref(json);
	if (!text) {
		http_answer_text(req, 503, "no memory for the answer");
		return;
	}
	answer.body = strv_mem(text, bytes);
	http_answer(req, &answer);
	free(text);
}

static void answer_err(struct http_req *req, const struct err *err)
{
	http_req_note(req, "error", strv_of(err_code_name(err->code)));
	answer_json(req, admin_err_status(err->code), admin_err_json(err));
}

static void on_unmapped(void *arg)
{
	struct strv *map = arg;

	munmap((void *)(uintptr_t)map->p, map->n);
	free(map);
}

/* Answer with BYTES octets of the file FD, which is closed. */
static void answer_file(struct http_req *req, int fd, uint64_t bytes)
{
	static const struct http_header type = { "Content-Type", { "application/x-ndjson", 20 } };
	struct strv *map = malloc(sizeof(*map));
	struct http_piece piece;
	struct http_answer answer = { .status = 200,
				      .headers = &type,
				      .n_headers = 1,
				      .pieces = &piece,
				      .n_pieces = 1,
				      .release = on_unmapped,
				      .release_arg = map };
	void *p = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0);

	close(fd);
	if (!map || p == MAP_FAILED) {
		if (p != MAP_FAILED)
			munmap(p, bytes);
		free(map);
		http_answer_text(req, 503, "no memory for the file");
		return;
	}
	*map = strv_mem(p, bytes);
	piece.bytes = *map;
	http_answer(req, &answer);
}

/* ---- on the pool ---- */

static void on_pool_done(struct job *job)
{
	struct call *call = (struct call *)(void *)job;

	if (call->err.code)
		answer_err(call->req, &call->err);
	else
		answer_json(call->req, 200, call->json);
}

static void run_on_pool(struct call *call, void (*run)(struct job *job),
			void (*done)(struct job *job))
{
	call->job.run = run;
	call->job.done = done;
	if (jobs_submit(call->admin->pool, &call->job) < 0) {
		err_set(&call->err, ERR_BUSY, "the job pool is full");
		answer_err(call->req, &call->err);
	}
}

/* ---- status, statistics ---- */

/* The store looks at its folder and file system for them: not on a worker. */
static void run_status(struct job *job)
{
	struct call *call = (struct call *)(void *)job;

	call->json = admin_show_status(call->admin);
}

static void on_status(struct call *call)
{
	run_on_pool(call, run_status, on_pool_done);
}

static void run_stats(struct job *job)
{
	struct call *call = (struct call *)(void *)job;

	call->json = admin_show_stats(call->admin);
}

static void on_stats(struct call *call)
{
	run_on_pool(call, run_stats, on_pool_done);
}

/* ---- reload ---- */

void admin_reload_add_change(struct admin_reload *reload, const char *name, const char *old_text,
			     const char *new_text, int restart)
{
	json_t *change = json_pack("{s:s}", "name", name);

	json_set_octets(change, "old", strv_of(old_text));
	json_set_octets(change, "new", strv_of(new_text));
	json_array_append_new(restart ? reload->restart : reload->changed, change);
}

void admin_reload_add_fault(struct admin_reload *reload, const struct conf_fault *fault)
{
	json_t *json = json_object();

	json_set_octets(json, "file", strv_of(fault->file));
	json_object_set_new(json, "line", json_integer(fault->line));
	json_object_set_new(json, "column", json_integer(fault->column));
	json_set_octets(json, "text", strv_of(fault->text));
	json_array_append_new(reload->faults, json);
}

static void run_reload(struct job *job)
{
	struct call *call = (struct call *)(void *)job;
	const struct admin_ops *ops = call->admin->ops;
	struct admin_reload *reload = &call->reload;

	reload->changed = json_array();
	reload->restart = json_array();
	reload->faults = json_array();
	if (ops->reload(ops->arg, reload, &call->err) == 0)
		call->err.code = ERR_NONE;
}

/* A refused reload says all faults beside the error; what had been put in force stands there too.
 */
static void reload_done(struct job *job)
{
	struct call *call = (struct call *)(void *)job;
	struct admin_reload *reload = &call->reload;
	json_t *json = call->err.code ? admin_err_json(&call->err) : json_object();
	unsigned status = call->err.code ? 422 : 200;

	log_info(LOG_ADMIN, "reload", L_STR("result", call->err.code ? "refused" : "done"),
		 L_ID(http_req_trace(call->req)));
	if (call->err.code) {
		http_req_note(call->req, "error", strv_of(err_code_name(call->err.code)));
		json_object_set_new(
			json, "remedy",
			json_string("correct what is named; \"cpmd --check\" tries it first"));
		json_object_set(json, "faults", reload->faults);
	}
	json_object_set_new(json, "changed", reload->changed);
	json_object_set_new(json, "restart", reload->restart);
	json_decref(reload->faults);
	answer_json(call->req, status, json);
}

static void on_reload(struct call *call)
{
	run_on_pool(call, run_reload, reload_done);
}

/* ---- log levels ---- */

static void on_log_get(struct call *call)
{
	answer_json(call->req, 200, admin_show_log());
}

static int set_levels(struct strv category, struct strv level, struct err *err)
{
	enum log_level to;
	enum log_cat cat;

	if (log_level_find(level, &to) < 0)
		return err_set(err, ERR_RANGE,
			       "no log level \"%.*s\"; there are error, warn, info, debug",
			       STRV_ARG(level));
	if (!category.p) {
		log_set_levels(to);
		return 0;
	}
	if (log_cat_find(category, &cat) < 0)
		return err_set(err, ERR_RANGE, "no log category \"%.*s\"; GET /v1/log lists them",
			       STRV_ARG(category));
	log_set_level(cat, to);
	return 0;
}

/* {"level": LEVEL, "category": CATEGORY}; without a category all of them. */
static void on_log_put(struct call *call)
{
	struct strv category = { NULL, 0 }, level = { NULL, 0 };
	const struct json_member members[] = {
		{ "level", JSON_KIND_STR, 1, &level, 1, 64 },
		{ "category", JSON_KIND_STR, 0, &category, 1, 64 },
	};
	json_t *body = json_parse(http_req_body(call->req), DEPTH_MAX, &call->err);

	if (!body || json_members(body, members, 2, &call->err) < 0 ||
	    set_levels(category, level, &call->err) < 0) {
		json_decref(body);
		answer_err(call->req, &call->err);
		return;
	}
	log_info(LOG_ADMIN, "log-level", L_SV("level", level),
		 L_SV("category", category.p ? category : STRV("all")),
		 L_ID(http_req_trace(call->req)));
	json_decref(body);
	on_log_get(call);
}

/* ---- owners and exports ---- */

static void run_owners(struct job *job)
{
	struct call *call = (struct call *)(void *)job;

	call->json =
		admin_show_owners(call->admin->kv, call->after, (unsigned)call->max, &call->err);
}

static int read_owners_query(struct call *call)
{
	struct arena *arena = http_req_arena(call->req);
	struct strv query = http_req_query(call->req), name, value;
	int more;

	while ((more = admin_query_next(&query, arena, &name, &value, &call->err)) > 0) {
		if (strv_eq(name, STRV("after")))
			call->after = value;
		else if (!strv_eq(name, STRV("max")))
			return err_set(&call->err, ERR_SYNTAX,
				       "unknown parameter \"%.*s\"; known: after, max",
				       STRV_ARG(name));
		else if (strv_u64(value, OWNERS_MAX, &call->max) < 0 || call->max == 0)
			return err_set(&call->err, ERR_RANGE, "max must be from 1 to %d",
				       OWNERS_MAX);
	}
	if (more == 0 && call->after.n > KV_OWNER_MAX)
		return err_set(&call->err, ERR_RANGE, "after has more than %d octets",
			       KV_OWNER_MAX);
	return more;
}

static void on_owners(struct call *call)
{
	call->max = 1000;
	if (read_owners_query(call) < 0)
		answer_err(call->req, &call->err);
	else
		run_on_pool(call, run_owners, on_pool_done);
}

static int owner_is_sound(struct call *call)
{
	if (call->part.n >= 1 && call->part.n <= KV_OWNER_MAX)
		return 1;
	err_set(&call->err, ERR_RANGE, "an owner has 1 to %d octets", KV_OWNER_MAX);
	answer_err(call->req, &call->err);
	return 0;
}

static void run_export(struct job *job)
{
	struct call *call = (struct call *)(void *)job;
	struct admin_export export;
	FILE *out = open_memstream(&call->text, &call->bytes);

	if (!out) {
		err_set(&call->err, ERR_NOMEM, "no memory for an export");
		return;
	}
	if (admin_export_write(call->admin->kv, call->part, out, DIRECT_EXPORT_MAX, NULL, NULL,
			       &export, &call->err) == 0)
		call->err.code = ERR_NONE;
	if (fclose(out) != 0 && !call->err.code)
		err_set(&call->err, ERR_NOMEM, "no memory for an export");
}

static void export_done(struct job *job)
{
	static const struct http_header type = { "Content-Type", { "application/x-ndjson", 20 } };
	struct call *call = (struct call *)(void *)job;
	struct http_piece piece = { strv_mem(call->text, call->bytes) };
	struct http_answer answer = { .status = 200,
				      .headers = &type,
				      .n_headers = 1,
				      .pieces = &piece,
				      .n_pieces = 1,
				      .release = free,
				      .release_arg = call->text };

	if (!call->err.code) {
		http_answer(call->req, &answer);
		return;
	}
	free(call->text);
	answer_err(call->req, &call->err);
}

static void on_export(struct call *call)
{
	if (owner_is_sound(call))
		run_on_pool(call, run_export, export_done);
}

/* ---- jobs ---- */

static void start_job(struct call *call, struct strv object)
{
	uint64_t id = admin_jobs_add(call->admin->jobs, call->verb->name, object, call->verb->work,
				     call->admin, &call->err);

	if (!id) {
		answer_err(call->req, &call->err);
		return;
	}
	log_info(LOG_ADMIN, "job", L_STR("verb", call->verb->name), L_STR("state", "queued"),
		 L_INT("job", (int64_t)id), L_ID(http_req_trace(call->req)));
	answer_json(call->req, 202, admin_jobs_show(call->admin->jobs, id));
}

/* DIR, or below the folder for backups when it is relative; without one, named by the time. */
static int full_dir(struct call *call, struct strv dir, struct strv *full_out)
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
static void on_backup(struct call *call)
{
	struct strv dir = { NULL, 0 }, body_text = http_req_body(call->req), full;
	const struct json_member member = {
		"dir", JSON_KIND_STR, 0, &dir, 1, ADMIN_OBJECT_MAX - 1
	};
	json_t *body = json_parse(body_text.n ? body_text : STRV("{}"), DEPTH_MAX, &call->err);

	if (!body || json_members(body, &member, 1, &call->err) < 0 ||
	    full_dir(call, dir, &full) < 0)
		answer_err(call->req, &call->err);
	else
		start_job(call, full);
	json_decref(body);
}

static void on_verify(struct call *call)
{
	start_job(call, STRV(""));
}

static void on_owner_job(struct call *call)
{
	if (owner_is_sound(call))
		start_job(call, call->part);
}

static void on_jobs(struct call *call)
{
	answer_json(call->req, 200, json_pack("{s:o}", "jobs", admin_jobs_list(call->admin->jobs)));
}

/* The number in the path; 0 when it names no job. */
static uint64_t job_id(struct call *call)
{
	uint64_t id;

	if (strv_u64(call->part, INT64_MAX, &id) < 0)
		id = 0;
	if (!id) {
		err_set(&call->err, ERR_ABSENT, "no job \"%.*s\"", STRV_ARG(call->part));
		answer_err(call->req, &call->err);
	}
	return id;
}

static void no_such_job(struct call *call, uint64_t id)
{
	err_set(&call->err, ERR_ABSENT, "no job %" PRIu64, id);
	answer_err(call->req, &call->err);
}

static void on_job(struct call *call)
{
	uint64_t id = job_id(call);
	json_t *json = id ? admin_jobs_show(call->admin->jobs, id) : NULL;

	if (json)
		answer_json(call->req, 200, json);
	else if (id)
		no_such_job(call, id);
}

static void on_job_delete(struct call *call)
{
	enum admin_job_state state;
	uint64_t id = job_id(call);

	if (!id)
		return;
	if (admin_jobs_cancel(call->admin->jobs, id, &state) < 0) {
		no_such_job(call, id);
		return;
	}
	answer_json(call->req, state > ADMIN_JOB_RUNNING ? 200 : 202,
		    json_pack("{s:I, s:s, s:b}", "id", (json_int_t)id, "state",
			      admin_job_state_name(state), "forgotten", state > ADMIN_JOB_RUNNING));
}

static void on_job_file(struct call *call)
{
	uint64_t id = job_id(call), bytes;
	int fd;

	if (!id)
		return;
	fd = admin_jobs_open_file(call->admin->jobs, id, &bytes, &call->err);
	if (fd < 0)
		answer_err(call->req, &call->err);
	else
		answer_file(call->req, fd, bytes);
}

/* ---- which verb ---- */

static const struct verb verbs[] = {
	{ "GET", "/v1/status", on_status, 0, NULL, NULL },
	{ "GET", "/v1/stats", on_stats, 0, NULL, NULL },
	{ "POST", "/v1/reload", on_reload, 0, NULL, NULL },
	{ "GET", "/v1/log", on_log_get, 0, NULL, NULL },
	{ "PUT", "/v1/log", on_log_put, 0, NULL, NULL },
	{ "POST", "/v1/backup", on_backup, 0, admin_work_backup, "backup" },
	{ "POST", "/v1/verify", on_verify, 0, admin_work_verify, "verify" },
	{ "GET", "/v1/owners", on_owners, 1, NULL, NULL },
	{ "GET", "/v1/export/*", on_export, 0, NULL, NULL },
	{ "POST", "/v1/export/*", on_owner_job, 0, admin_work_export, "export" },
	{ "POST", "/v1/erase/*", on_owner_job, 0, admin_work_erase, "erase" },
	{ "GET", "/v1/jobs", on_jobs, 0, NULL, NULL },
	{ "GET", "/v1/jobs/*", on_job, 0, NULL, NULL },
	{ "DELETE", "/v1/jobs/*", on_job_delete, 0, NULL, NULL },
	{ "GET", "/v1/jobs/*/file", on_job_file, 0, NULL, NULL },
};
enum { N_VERBS = sizeof(verbs) / sizeof(verbs[0]) };

static int method_is(struct strv method, const char *verb_method)
{
	if (strv_eq(method, STRV("HEAD")))
		method = STRV("GET");
	return strv_eq(method, strv_of(verb_method));
}

/* The verb of this request; NULL when there is none, and ALLOW says which methods the path has. */
static const struct verb *find_verb(struct http_req *req, struct strv *part_out, char *allow,
				    size_t allow_bytes)
{
	size_t at = 0;

	allow[0] = '\0';
	for (unsigned i = 0; i < N_VERBS; i++) {
		if (!admin_path_fits(http_req_path(req), verbs[i].path, part_out))
			continue;
		if (method_is(http_req_method(req), verbs[i].method))
			return &verbs[i];
		at += (size_t)snprintf(allow + at, allow_bytes - at, "%s%s%s", at ? ", " : "",
				       verbs[i].method,
				       strcmp(verbs[i].method, "GET") == 0 ? ", HEAD" : "");
	}
	return NULL;
}

static void refuse(struct http_req *req, const char *allow)
{
	struct http_header headers[3] = { json_headers[0],
					  json_headers[1],
					  { "Allow", strv_of(allow) } };
	struct http_answer answer = { .status = allow[0] ? 405 : 404,
				      .headers = headers,
				      .n_headers = allow[0] ? 3 : 2 };
	struct err err;
	size_t bytes = 0;
	json_t *json;
	char *text;

	err_set(&err, ERR_ABSENT, allow[0] ? "this path has no such method" : "no such path");
	json = admin_err_json(&err);
	if (allow[0])
		json_object_set_new(json, "error", json_string("method"));
	json_object_set_new(json, "remedy", json_string("cpmctl(1) lists the verbs"));
	text = json_print(json, &bytes);
	json_decref(json);
	answer.body = strv_mem(text, bytes);
	http_answer(req, &answer);
	free(text);
}

/* What every verb asks of a request: no query and no body where none belongs. */
static int check_request(struct call *call)
{
	int is_json = call->verb->handle == on_log_put || call->verb->handle == on_backup;
	json_t *body;
	int ret;

	if (http_req_query(call->req).n && !call->verb->takes_query)
		return err_set(&call->err, ERR_SYNTAX, "%s takes no parameters", call->verb->path);
	if (is_json || !http_req_body(call->req).n)
		return 0;
	body = json_parse(http_req_body(call->req), DEPTH_MAX, &call->err);
	ret = body ? json_members(body, NULL, 0, &call->err) : -1;
	json_decref(body);
	return ret;
}

static void handle(struct http_req *req, void *arg)
{
	struct call *call = arena_zalloc(http_req_arena(req), 1, sizeof(*call));
	struct strv raw = { NULL, 0 };
	char allow[64];

	if (!call) {
		http_answer_text(req, 503, "no memory for the request");
		return;
	}
	call->admin = arg;
	call->req = req;
	call->verb = find_verb(req, &raw, allow, sizeof(allow));
	if (!call->verb)
		refuse(req, allow);
	else if (check_request(call) < 0 ||
		 admin_percent_decode(raw, http_req_arena(req), &call->part, &call->err) < 0)
		answer_err(req, &call->err);
	else
		call->verb->handle(call);
}

/* Add an open endpoint as far as ACCESS opens it. */
static void add_route(struct admin *admin, enum admin_access access, const char *path,
		      void (*answer)(struct http_req *req, void *admin))
{
	if (access == ADMIN_OFF)
		return;
	admin->routes[admin->n_routes++] = (struct http_route){
		.prefix = path,
		.flags = HTTP_QUIET | (access == ADMIN_SOCKET ? HTTP_LOCAL : 0),
		.handle = answer,
		.arg = admin,
	};
}

int admin_routes_new(struct admin *admin, const struct admin_options *options)
{
	admin->routes = calloc(4, sizeof(*admin->routes));
	if (!admin->routes)
		return -1;
	admin->routes[admin->n_routes++] = (struct http_route){
		.prefix = "/v1",
		.flags = HTTP_LOCAL,
		.max_body = BODY_MAX,
		.handle = handle,
		.arg = admin,
	};
	add_route(admin, options->metrics, "/metrics", admin_metrics_handle);
	add_route(admin, options->health, "/livez", admin_livez_handle);
	add_route(admin, options->health, "/readyz", admin_readyz_handle);
	return 0;
}
