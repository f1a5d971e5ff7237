/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/admin_cab_http.c - the verbs about address books: see admin_call.h, cab/cab_store.h
 *
 * Files come and go as they are, everything else is JSON. Taking a change back is undoing the last
 * change of the document, which has its verb already.
 */
#include <stdlib.h>

#include "admin/admin_call.h"
#include "admin/admin_path.h"
#include "cab/cab_store.h"
#include "http/http.h"

enum { SETS_USUAL = 100, SETS_MAX = 1000 };

/* ---- parameters ---- */

/* What one verb's query may hold. */
struct params {
	struct strv format; /* import: vcard, csv; export: vcard3, vcard4, csv */
	int dry;
	uint64_t max;
};

static int read_params(struct admin_call *call, struct params *params)
{
	struct arena *arena = http_req_arena(call->req);
	struct strv query = http_req_query(call->req), name, value;
	int more;

	*params = (struct params){ .max = SETS_USUAL };
	while ((more = admin_query_next(&query, arena, &name, &value, &call->err)) > 0) {
		if (strv_eq(name, STRV("format")))
			params->format = value;
		else if (strv_eq(name, STRV("dry")))
			params->dry = strv_eq(value, STRV("1"));
		else if (!strv_eq(name, STRV("max")))
			return err_set(&call->err, ERR_SYNTAX,
				       "unknown parameter \"%.*s\"; known: format, dry, max",
				       STRV_ARG(name));
		else if (strv_u64(value, SETS_MAX, &params->max) < 0 || !params->max)
			return err_set(&call->err, ERR_RANGE, "max must be from 1 to %d", SETS_MAX);
	}
	return more;
}

static void begin(struct admin_call *call, void (*run)(struct job *job),
		  void (*done)(struct job *job))
{
	struct params params;

	if (read_params(call, &params) < 0)
		admin_answer_err(call->req, &call->err);
	else
		admin_docs_on_pool(call, run, done);
}

/* ---- import ---- */

static void set_count(json_t *json, const char *name, uint64_t n)
{
	json_object_set_new(json, name, json_integer((json_int_t)n));
}

static json_t *report_json(const struct cab_report *report)
{
	json_t *json = json_object(), *remarks = json_array();

	set_count(json, "cards", report->cards);
	set_count(json, "added", report->added);
	set_count(json, "updated", report->updated);
	set_count(json, "same", report->same);
	set_count(json, "twice", report->twice);
	set_count(json, "groups", report->groups);
	set_count(json, "left_out", report->left_out);
	set_count(json, "faulty", report->faulty);
	set_count(json, "without_picture", report->no_pictures);
	set_count(json, "without_property", report->no_properties);
	for (unsigned i = 0; i < report->n_remarks; i++) {
		json_t *one = json_object();

		set_count(one, "line", report->remark[i].line);
		json_set_octets(one, "why", strv_of(report->remark[i].why));
		json_array_append_new(remarks, one);
	}
	json_object_set_new(json, "remarks", remarks);
	return json;
}

static void run_import(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;
	struct cab_report *report = calloc(1, sizeof(*report));
	struct xdm_refusal refusal;
	struct xdm_state state;
	struct params params;
	struct xdm_ask ask;
	int is_csv;

	if (!report) {
		err_set(&call->err, ERR_NOMEM, "no memory for the import");
		return;
	}
	if (read_params(call, &params) == 0 && admin_docs_begin(call, &ask) == 0) {
		is_csv = strv_eq(params.format, STRV("csv"));
		if (!is_csv && params.format.n && !strv_eq(params.format, STRV("vcard")))
			err_set(&call->err, ERR_RANGE, "format must be vcard or csv");
		else if (admin_docs_outcome(call,
					    cab_store_import(call->admin->docs, &ask,
							     http_req_body(call->req), is_csv,
							     params.dry, report, &state, &refusal,
							     &call->err),
					    &refusal)) {
			call->max = 200;
			call->json = report_json(report);
			if (state.etag[0])
				json_object_set_new(call->json, "etag", json_string(state.etag));
			json_object_set_new(call->json, "dry", json_boolean(params.dry));
		}
		arena_free(&ask.arena);
	}
	free(report);
}

void admin_cab_import_verb(struct admin_call *call)
{
	begin(call, run_import, admin_docs_done_change);
}

/* ---- export ---- */

static void run_export(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;
	struct xdm_refusal refusal;
	struct cab_buf out = { 0 };
	struct params params;
	struct xdm_ask ask;
	uint64_t contacts;
	int format;

	if (read_params(call, &params) < 0 || admin_docs_begin(call, &ask) < 0)
		return;
	format = params.format.n ? cab_format_find(params.format) : CAB_VCARD4;
	if (format < 0) {
		err_set(&call->err, ERR_RANGE, "format must be vcard3, vcard4 or csv");
	} else if (admin_docs_outcome(call,
				      cab_store_export(call->admin->docs, &ask,
						       (enum cab_format)format, &out, &contacts,
						       &refusal, &call->err),
				      &refusal)) {
		call->text = out.p;
		call->bytes = out.n;
		call->max = (uint64_t)format;
		out.p = NULL;
	}
	cab_buf_fini(&out);
	arena_free(&ask.arena);
}

static void done_export(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;
	struct http_piece piece = { strv_mem(call->text, call->bytes) };
	struct http_header headers[2];
	struct http_answer answer = { .status = 200,
				      .headers = headers,
				      .n_headers = 2,
				      .pieces = &piece,
				      .n_pieces = call->bytes ? 1 : 0,
				      .release = free,
				      .release_arg = call->text };

	if (call->err.code || call->json) {
		free(call->text);
		admin_docs_done(job);
		return;
	}
	headers[0] = (struct http_header){ "Content-Type",
					   strv_of(cab_format_type((enum cab_format)call->max)) };
	headers[1] = (struct http_header){ "Cache-Control", STRV("no-store") };
	http_answer(call->req, &answer);
}

void admin_cab_export_verb(struct admin_call *call)
{
	begin(call, run_export, done_export);
}

/* ---- duplicates ---- */

static json_t *set_json(const struct cab_same *same)
{
	json_t *json = json_object(), *list = json_array();

	for (unsigned i = 0; i < same->n; i++) {
		json_t *one = json_object();

		json_set_octets(one, "id", same->id[i]);
		json_set_octets(one, "name", same->name[i]);
		json_array_append_new(list, one);
	}
	json_object_set_new(json, "same", json_string(same->why ? same->why : ""));
	json_object_set_new(json, "contacts", list);
	return json;
}

static void run_duplicates(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;
	struct cab_duplicates found;
	struct xdm_refusal refusal;
	struct params params;
	struct xdm_ask ask;
	json_t *list;

	if (read_params(call, &params) < 0 || admin_docs_begin(call, &ask) < 0)
		return;
	if (admin_docs_outcome(call,
			       cab_store_duplicates(call->admin->docs, &ask, (unsigned)params.max,
						    &found, &refusal, &call->err),
			       &refusal)) {
		list = json_array();
		for (unsigned i = 0; i < found.n; i++)
			json_array_append_new(list, set_json(&found.same[i]));
		call->max = 200;
		call->json = json_pack("{s:o}", "duplicates", list);
	}
	arena_free(&ask.arena);
}

void admin_cab_duplicates_verb(struct admin_call *call)
{
	begin(call, run_duplicates, admin_docs_done);
}

/* ---- merge ---- */

/* {"keep": ID, "drop": ID} */
static void run_merge(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;
	struct strv keep = { NULL, 0 }, drop = { NULL, 0 };
	const struct json_member members[] = {
		{ "keep", JSON_KIND_STR, 1, &keep, 1, CAB_ID_MAX },
		{ "drop", JSON_KIND_STR, 1, &drop, 1, CAB_ID_MAX },
	};
	json_t *body = json_parse(http_req_body(call->req), ADMIN_DEPTH_MAX, &call->err);
	struct xdm_refusal refusal;
	struct xdm_state state;
	struct xdm_ask ask;

	if (body && json_members(body, members, 2, &call->err) == 0 &&
	    admin_docs_begin(call, &ask) == 0) {
		if (admin_docs_outcome(call,
				       cab_store_merge(call->admin->docs, &ask, keep, drop, &state,
						       &refusal, &call->err),
				       &refusal)) {
			call->max = 200;
			call->json = admin_docs_state(&state);
		}
		arena_free(&ask.arena);
	}
	json_decref(body);
}

void admin_cab_merge_verb(struct admin_call *call)
{
	admin_docs_on_pool(call, run_merge, admin_docs_done_change);
}
