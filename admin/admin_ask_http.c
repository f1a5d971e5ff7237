/* SPDX-License-Identifier: Apache-2.0 */
/* admin/admin_ask_http.c - the verbs that are answered at once: see admin_call.h */
#include <stdio.h>
#include <stdlib.h>

#include "admin/admin_call.h"
#include "admin/admin_err.h"
#include "admin/admin_export.h"
#include "admin/admin_path.h"
#include "admin/admin_show.h"
#include "base/conf.h"
#include "base/log.h"
#include "http/http.h"

enum { PAGE_MAX = 10000, PAGE_USUAL = 1000, DIRECT_EXPORT_MAX = 16 << 20 };

/* ---- status, statistics ---- */

/* The store looks at its folder and file system for them: not on a worker. */
static void run_status(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;

	call->json = admin_show_status(call->admin);
}

void admin_status_verb(struct admin_call *call)
{
	admin_call_on_pool(call, run_status, admin_call_answer);
}

static void run_stats(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;

	call->json = admin_show_stats(call->admin);
}

void admin_stats_verb(struct admin_call *call)
{
	admin_call_on_pool(call, run_stats, admin_call_answer);
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
	json_array_append_new(fault->is_warning ? reload->warnings : reload->faults, json);
}

static void run_reload(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;
	const struct admin_ops *ops = call->admin->ops;
	struct admin_reload *reload = &call->reload;

	reload->changed = json_array();
	reload->restart = json_array();
	reload->faults = json_array();
	reload->warnings = json_array();
	if (ops->reload(ops->arg, reload, &call->err) == 0)
		call->err.code = ERR_NONE;
}

/* A refused reload says all faults beside the error; what had been put in force stands there too.
 */
static void reload_done(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;
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
	if (json_array_size(reload->warnings))
		json_object_set(json, "warnings", reload->warnings);
	json_decref(reload->warnings);
	json_decref(reload->faults);
	admin_answer_json(call->req, status, json);
}

void admin_reload_verb(struct admin_call *call)
{
	admin_call_on_pool(call, run_reload, reload_done);
}

/* ---- log levels ---- */

void admin_log_get_verb(struct admin_call *call)
{
	admin_answer_json(call->req, 200, admin_show_log());
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
void admin_log_put_verb(struct admin_call *call)
{
	struct strv category = { NULL, 0 }, level = { NULL, 0 };
	const struct json_member members[] = {
		{ "level", JSON_KIND_STR, 1, &level, 1, 64 },
		{ "category", JSON_KIND_STR, 0, &category, 1, 64 },
	};
	json_t *body = json_parse(http_req_body(call->req), ADMIN_DEPTH_MAX, &call->err);

	if (!body || json_members(body, members, 2, &call->err) < 0 ||
	    set_levels(category, level, &call->err) < 0) {
		json_decref(body);
		admin_answer_err(call->req, &call->err);
		return;
	}
	log_info(LOG_ADMIN, "log-level", L_SV("level", level),
		 L_SV("category", category.p ? category : STRV("all")),
		 L_ID(http_req_trace(call->req)));
	json_decref(body);
	admin_log_get_verb(call);
}

/* ---- owners and exports ---- */

static void run_owners(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;

	call->json =
		admin_show_owners(call->admin->kv, call->after, (unsigned)call->max, &call->err);
}

int admin_call_read_page(struct admin_call *call, size_t after_max)
{
	struct arena *arena = http_req_arena(call->req);
	struct strv query = http_req_query(call->req), name, value;
	int more;

	call->max = PAGE_USUAL;
	while ((more = admin_query_next(&query, arena, &name, &value, &call->err)) > 0) {
		if (strv_eq(name, STRV("after")))
			call->after = value;
		else if (!strv_eq(name, STRV("max")))
			return err_set(&call->err, ERR_SYNTAX,
				       "unknown parameter \"%.*s\"; known: after, max",
				       STRV_ARG(name));
		else if (strv_u64(value, PAGE_MAX, &call->max) < 0 || call->max == 0)
			return err_set(&call->err, ERR_RANGE, "max must be from 1 to %d", PAGE_MAX);
	}
	if (more == 0 && call->after.n > after_max)
		return err_set(&call->err, ERR_RANGE, "after has more than %zu octets", after_max);
	return more;
}

void admin_owners_verb(struct admin_call *call)
{
	if (admin_call_read_page(call, KV_OWNER_MAX) < 0)
		admin_answer_err(call->req, &call->err);
	else
		admin_call_on_pool(call, run_owners, admin_call_answer);
}

int admin_call_owner_is_sound(struct admin_call *call)
{
	if (call->part.n >= 1 && call->part.n <= KV_OWNER_MAX)
		return 1;
	err_set(&call->err, ERR_RANGE, "an owner has 1 to %d octets", KV_OWNER_MAX);
	admin_answer_err(call->req, &call->err);
	return 0;
}

static void run_export(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;
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
	struct admin_call *call = (struct admin_call *)(void *)job;
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
	admin_answer_err(call->req, &call->err);
}

void admin_export_verb(struct admin_call *call)
{
	if (admin_call_owner_is_sound(call))
		admin_call_on_pool(call, run_export, export_done);
}
