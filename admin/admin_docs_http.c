/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/admin_docs_http.c - the verbs about documents: see admin_call.h, xdms/xdm_docs.h
 *
 * The store is asked on the job pool. What is changed is logged in the document with the name of
 * the user of this host who is at the other end of the socket. A document comes and goes as it is,
 * everything else is JSON.
 */
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin/admin_call.h"
#include "admin/admin_path.h"
#include "base/log.h"
#include "http/http.h"
#include "xdms/xcap_cond.h"
#include "xdms/xdm_docs.h"

enum { DOCS_USUAL = 100, DOCS_MAX = 1000, PASSWD_BYTES = 4096 };

/* ---- asking ---- */

static int find_home(void *arg, struct strv identity, struct arena *arena, struct strv *home_out,
		     struct err *err)
{
	const struct admin *admin = arg;
	struct auth_user *user = arena_alloc(arena, sizeof(*user));

	if (!user)
		return err_set(err, ERR_NOMEM, "no memory for a user record");
	if (users_get_sync(admin->users, identity, arena, user, err) < 0)
		return -1;
	*home_out = user->identity[0];
	return 0;
}

/* "operator:" and the name of whoever asks, or the number when there is no name. */
static struct strv who_asks(const struct admin_call *call, struct arena *arena)
{
	char buf[PASSWD_BYTES], *text;
	struct passwd entry, *found = NULL;

	if (!call->has_uid)
		return STRV("operator");
	if (getpwuid_r(call->uid, &entry, buf, sizeof(buf), &found) == 0 && found)
		text = arena_printf(arena, "operator:%s", found->pw_name);
	else
		text = arena_printf(arena, "operator:%u", call->uid);
	return strv_of(text);
}

/* ARENA is freed by whoever got it here. 0; -1 with the call's error. */
int admin_docs_begin(struct admin_call *call, struct xdm_ask *ask)
{
	struct timespec now;
	struct arena *arena = arena_new(0);

	clock_gettime(CLOCK_REALTIME, &now);
	*ask = (struct xdm_ask){ .doc = call->part,
				 .time_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000,
				 .arena = arena,
				 .home = find_home,
				 .home_arg = call->admin };
	if (arena)
		ask->who = who_asks(call, arena);
	if (!ask->who.n)
		err_set(&call->err, ERR_NOMEM, "no memory for the request");
	else if (!call->admin->docs)
		err_set(&call->err, ERR_ABSENT, "this server holds no documents");
	else
		return 0;
	arena_free(&ask->arena);
	return -1;
}

void admin_docs_on_pool(struct admin_call *call, void (*run)(struct job *job),
			void (*done)(struct job *job))
{
	call->has_uid = http_req_peer_uid(call->req, &call->uid) == 0;
	admin_call_on_pool(call, run, done);
}

/* ---- answering ---- */

static const char *remedy(const struct xdm_refusal *refusal)
{
	if (strcmp(refusal->cause, "touched") == 0)
		return "undo the later change first, or put what is wanted";
	if (strcmp(refusal->cause, "not-kept") == 0)
		return "put what is wanted; a larger xcap.log-size keeps more in future";
	switch (refusal->status) {
	case 404:
		return "\"cpmctl doc list USER\" and \"cpmctl doc log DOC\" show what there is";
	case 409:
		return "correct the document: clients are told the same";
	case 413:
		return "make the document smaller";
	default:
		return "name it as resource-lists/users/sip:ana@example.com/index, "
		       "percent-encoded where a URI needs it";
	}
}

static void set_text(json_t *json, const char *name, struct strv s)
{
	json_set_octets(json, name, s);
}

/* RET of a function of xdm_docs.h as the call's outcome. 1 when it was done. */
int admin_docs_outcome(struct admin_call *call, int ret, const struct xdm_refusal *refusal)
{
	if (ret < 0)
		return 0;
	call->err.code = ERR_NONE;
	if (ret == 0)
		return 1;
	call->max = refusal->status;
	call->json = json_object();
	json_object_set_new(call->json, "error", json_string(refusal->cause));
	set_text(call->json, "message", refusal->why);
	json_object_set_new(call->json, "remedy", json_string(remedy(refusal)));
	return 0;
}

json_t *admin_docs_state(const struct xdm_state *state)
{
	json_t *json = json_object();

	set_text(json, "doc", state->doc);
	if (state->etag[0])
		json_object_set_new(json, "etag", json_string(state->etag));
	return json;
}

void admin_docs_done(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;

	if (call->err.code)
		admin_answer_err(call->req, &call->err);
	else
		admin_answer_json(call->req, (unsigned)call->max, call->json);
}

void admin_docs_done_change(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;

	if (!call->err.code)
		log_info(LOG_ADMIN, "doc", L_SV("method", http_req_method(call->req)),
			 L_SV("doc", call->part), L_INT("status", (int64_t)call->max),
			 L_ID(http_req_trace(call->req)));
	admin_docs_done(job);
}

/* ---- get ---- */

static void run_get(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;
	struct xdm_refusal refusal;
	struct xdm_state state;
	struct strv content;
	struct xdm_ask ask;
	const char *type;

	if (admin_docs_begin(call, &ask) < 0)
		return;
	if (admin_docs_outcome(call,
			       xdm_docs_get_sync(call->admin->docs, &ask, &content, &type, &state,
						 &refusal, &call->err),
			       &refusal)) {
		call->text = strv_dup(content);
		call->bytes = content.n;
		call->json = json_pack("{s:s, s:s}", "type", type, "etag", state.etag);
		if (!call->text || !call->json)
			err_set(&call->err, ERR_NOMEM, "no memory for a document");
	}
	arena_free(&ask.arena);
}

static void done_get(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;
	struct http_piece piece = { strv_mem(call->text, call->bytes) };
	struct http_header headers[3];
	struct http_answer answer = { .status = 200,
				      .headers = headers,
				      .n_headers = 3,
				      .pieces = &piece,
				      .n_pieces = 1,
				      .release = free,
				      .release_arg = call->text };

	if (call->err.code || !call->text) {
		free(call->text);
		if (call->err.code)
			json_decref(call->json);
		admin_docs_done(job);
		return;
	}
	headers[0] = (struct http_header){
		"Content-Type", strv_of(json_string_value(json_object_get(call->json, "type")))
	};
	headers[1] = (struct http_header){ "ETag", strv_of(json_string_value(
							   json_object_get(call->json, "etag"))) };
	headers[2] = (struct http_header){ "Cache-Control", STRV("no-store") };
	http_answer(call->req, &answer);
	json_decref(call->json);
}

void admin_doc_get_verb(struct admin_call *call)
{
	admin_docs_on_pool(call, run_get, done_get);
}

/* ---- put and delete ---- */

static void change(struct admin_call *call, struct strv body)
{
	struct xdm_refusal refusal;
	struct xdm_state state;
	struct xdm_ask ask;

	if (admin_docs_begin(call, &ask) < 0)
		return;
	if (admin_docs_outcome(call,
			       xdm_docs_put_sync(call->admin->docs, &ask, body, &state, &refusal,
						 &call->err),
			       &refusal)) {
		call->max = state.created ? 201 : 200;
		call->json = admin_docs_state(&state);
	}
	arena_free(&ask.arena);
}

static void run_put(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;
	struct strv body = http_req_body(call->req);

	change(call, body.n ? body : STRV(""));
}

static void run_delete(struct job *job)
{
	change((struct admin_call *)(void *)job, strv_mem(NULL, 0));
}

void admin_doc_put_verb(struct admin_call *call)
{
	admin_docs_on_pool(call, run_put, admin_docs_done_change);
}

void admin_doc_delete_verb(struct admin_call *call)
{
	admin_docs_on_pool(call, run_delete, admin_docs_done_change);
}

/* ---- access ---- */

static json_t *access_json(enum xdm_op op, const struct xdm_access *access)
{
	json_t *json =
		json_pack("{s:s, s:b, s:s, s:s}", "op", xdm_op_name(op), "allowed", access->allowed,
			  "role", xdm_role_name(access->role), "why", access->why);

	if (access->rule.n)
		set_text(json, "rule", access->rule);
	return json;
}

static void run_access(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;
	struct xdm_access access[XDM_OPS];
	struct xdm_refusal refusal;
	struct xdm_state state;
	struct xdm_ask ask;
	json_t *list;

	if (admin_docs_begin(call, &ask) < 0)
		return;
	if (admin_docs_outcome(call,
			       xdm_docs_access_sync(call->admin->docs, &ask, call->after, access,
						    &state, &refusal, &call->err),
			       &refusal)) {
		list = json_array();
		for (unsigned op = 0; op < XDM_OPS; op++)
			json_array_append_new(list, access_json((enum xdm_op)op, &access[op]));
		call->max = 200;
		call->json = admin_docs_state(&state);
		set_text(call->json, "of", call->after);
		json_object_set_new(call->json, "access", list);
	}
	arena_free(&ask.arena);
}

/* "of" is the user who would ask. */
void admin_doc_access_verb(struct admin_call *call)
{
	struct arena *arena = http_req_arena(call->req);
	struct strv query = http_req_query(call->req), name, value;
	int more;

	while ((more = admin_query_next(&query, arena, &name, &value, &call->err)) > 0) {
		if (!strv_eq(name, STRV("of"))) {
			err_set(&call->err, ERR_SYNTAX, "unknown parameter \"%.*s\"; known: of",
				STRV_ARG(name));
			more = -1;
			break;
		}
		call->after = value;
	}
	if (more == 0 && !call->after.n) {
		err_set(&call->err, ERR_SYNTAX, "name the user: ?of=sip:ana@example.com");
		more = -1;
	}
	if (more < 0)
		admin_answer_err(call->req, &call->err);
	else
		admin_docs_on_pool(call, run_access, admin_docs_done);
}

/* ---- log ---- */

/* The tag of VERSION as it was given out; nothing for 0. */
static void set_etag(json_t *json, const char *name, uint64_t epoch, uint64_t version)
{
	char etag[XCAP_ETAG_BYTES];

	if (!version)
		return;
	xcap_etag_print(epoch, version, etag);
	json_object_set_new(json, name, json_string(etag));
}

static json_t *entry_json(const struct xdm_log_entry *entry)
{
	json_t *json = json_object();

	json_object_set_new(json, "number", json_integer((json_int_t)entry->number));
	json_object_set_new(json, "time_ms", json_integer(entry->time_us / 1000));
	set_text(json, "who", entry->who);
	json_object_set_new(json, "what", json_string(xdm_log_kind_name(entry->kind)));
	if (entry->selector.n)
		set_text(json, "node", entry->selector);
	if (entry->undoes)
		json_object_set_new(json, "undoes", json_integer((json_int_t)entry->undoes));
	set_etag(json, "old_etag", entry->epoch, entry->old_version);
	set_etag(json, "new_etag", entry->epoch, entry->gone ? 0 : entry->version);
	json_object_set_new(json, "removed_bytes",
			    json_integer((json_int_t)entry->delta.removed.n));
	json_object_set_new(json, "added_bytes", json_integer((json_int_t)entry->delta.inserted_n));
	json_object_set_new(json, "kept", json_boolean(entry->has_removed));
	return json;
}

static void run_log(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;
	struct xdm_log_entry *entry;
	struct xdm_refusal refusal;
	struct xdm_state state;
	struct xdm_ask ask;
	json_t *list;
	unsigned n;

	if (admin_docs_begin(call, &ask) < 0)
		return;
	if (admin_docs_outcome(call,
			       xdm_docs_log_sync(call->admin->docs, &ask, &entry, &n, &state,
						 &refusal, &call->err),
			       &refusal)) {
		list = json_array();
		while (n-- > 0) /* the newest first */
			json_array_append_new(list, entry_json(&entry[n]));
		call->max = 200;
		call->json = admin_docs_state(&state);
		json_object_set_new(call->json, "log", list);
	}
	arena_free(&ask.arena);
}

void admin_doc_log_verb(struct admin_call *call)
{
	admin_docs_on_pool(call, run_log, admin_docs_done);
}

/* ---- undo ---- */

/* {"number": N}, or nothing. */
static int read_number(struct admin_call *call, int64_t *number)
{
	const struct json_member member = { "number", JSON_KIND_INT, 0, number, 1, INT64_MAX };
	struct strv text = http_req_body(call->req);
	json_t *body;
	int ret;

	if (!text.n)
		return 0;
	body = json_parse(text, ADMIN_DEPTH_MAX, &call->err);
	ret = body ? json_members(body, &member, 1, &call->err) : -1;
	json_decref(body);
	return ret;
}

static void run_undo(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;
	struct xdm_refusal refusal;
	struct xdm_state state;
	struct xdm_ask ask;
	uint64_t undone;
	int64_t number = 0;

	if (read_number(call, &number) < 0 || admin_docs_begin(call, &ask) < 0)
		return;
	if (admin_docs_outcome(call,
			       xdm_docs_undo_sync(call->admin->docs, &ask, (uint64_t)number,
						  &undone, &state, &refusal, &call->err),
			       &refusal)) {
		call->max = 200;
		call->json = admin_docs_state(&state);
		json_object_set_new(call->json, "undone", json_integer((json_int_t)undone));
	}
	arena_free(&ask.arena);
}

void admin_doc_undo_verb(struct admin_call *call)
{
	admin_docs_on_pool(call, run_undo, admin_docs_done_change);
}

/* ---- list ---- */

/* A document of a list. */
static json_t *listed_json(const struct xdm_state *state)
{
	json_t *json = admin_docs_state(state);

	json_object_set_new(json, "size", json_integer((json_int_t)state->octets));
	if (state->time_s)
		json_object_set_new(json, "time_ms", json_integer(state->time_s * 1000));
	return json;
}

static void set_limit(json_t *json, const char *name, uint64_t limit)
{
	if (limit)
		json_object_set_new(json, name, json_integer((json_int_t)limit));
}

/* What the user has, and may have. */
static json_t *used_json(const struct xdm_used *used, const struct xcap_quota *quota)
{
	json_t *json = json_pack("{s:I, s:I}", "documents", (json_int_t)used->documents, "size",
				 (json_int_t)used->octets);

	set_limit(json, "max_documents", quota->documents);
	set_limit(json, "max_of_usage", quota->usage_documents);
	set_limit(json, "max_size", quota->bytes);
	set_limit(json, "max_document_size", quota->document_bytes);
	return json;
}

static void run_list(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;
	unsigned n, max = (unsigned)call->max;
	struct xdm_refusal refusal;
	struct xdm_state *states;
	struct xdm_used used;
	struct xdm_ask ask;
	json_t *list;

	if (admin_docs_begin(call, &ask) < 0)
		return;
	if (admin_docs_outcome(call,
			       xdm_docs_list_sync(call->admin->docs, &ask, call->after, max,
						  &states, &n, &refusal, &call->err),
			       &refusal)) {
		list = json_array();
		for (unsigned i = 0; i < n; i++)
			json_array_append_new(list, listed_json(&states[i]));
		call->max = 200;
		call->json = json_pack("{s:o}", "docs", list);
		if (ask.doc.n &&
		    xdm_docs_used_sync(call->admin->docs, &ask, &used, &refusal, &call->err) == 0)
			json_object_set_new(call->json, "used",
					    used_json(&used, &call->admin->docs->rules->quota));
		call->err.code = ERR_NONE;
		if (n == max)
			set_text(call->json, "next", states[n - 1].doc);
	}
	arena_free(&ask.arena);
}

/* "of" becomes the call's part; without it the global tree is meant. */
static int read_query(struct admin_call *call)
{
	struct arena *arena = http_req_arena(call->req);
	struct strv query = http_req_query(call->req), name, value;
	int more;

	call->max = DOCS_USUAL;
	while ((more = admin_query_next(&query, arena, &name, &value, &call->err)) > 0) {
		if (strv_eq(name, STRV("after")))
			call->after = value;
		else if (strv_eq(name, STRV("of")))
			call->part = value;
		else if (!strv_eq(name, STRV("max")))
			return err_set(&call->err, ERR_SYNTAX,
				       "unknown parameter \"%.*s\"; known: of, after, max",
				       STRV_ARG(name));
		else if (strv_u64(value, DOCS_MAX, &call->max) < 0 || call->max == 0)
			return err_set(&call->err, ERR_RANGE, "max must be from 1 to %d", DOCS_MAX);
	}
	return more;
}

void admin_docs_verb(struct admin_call *call)
{
	if (read_query(call) < 0)
		admin_answer_err(call->req, &call->err);
	else
		admin_docs_on_pool(call, run_list, admin_docs_done);
}
