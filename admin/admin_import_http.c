/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/admin_import_http.c - the verb that imports many users: see admin_import.h
 *
 *     {"dry": false, "users": [{"id": "alice", "user": true, "password": P, "aliases": [ID],
 *       "operator": B, "disabled": B, "docs": [{"name": "AUID/PATH", "content": XML}],
 *       "vcards": TEXT, "csv": TEXT}]}
 *
 * Whoever has more than fits into a request sends several, one after the other.
 */
#include <stdlib.h>

#include "admin/admin_call.h"
#include "admin/admin_import.h"
#include "http/http.h"

enum { ALIASES_MAX = AUTH_IDENTITIES_MAX };

/* ---- reading ---- */

/* The elements of the array NAME of OBJECT; NULL when there is none. -1 when it is another thing.
 */
static int take_array(json_t *object, const char *name, json_t **array_out, struct err *err)
{
	*array_out = json_object_get(object, name);
	if (*array_out && !json_is_array(*array_out))
		return err_set(err, ERR_SYNTAX, "\"%s\" must be an array", name);
	json_incref(*array_out);
	json_object_del(object, name);
	return 0;
}

static int read_docs(json_t *docs, struct admin_import_user *user, struct err *err)
{
	json_t *one;
	size_t i;

	if (json_array_size(docs) > ADMIN_IMPORT_DOCS_MAX)
		return err_set(err, ERR_RANGE, "a user comes with at most %d documents",
			       ADMIN_IMPORT_DOCS_MAX);
	user->n_docs = 0;
	json_array_foreach(docs, i, one)
	{
		struct admin_import_doc *doc = &user->doc[user->n_docs++];
		const struct json_member members[] = {
			{ "name", JSON_KIND_STR, 1, &doc->name, 3, 1024 },
			{ "content", JSON_KIND_STR, 1, &doc->content, 0, INT64_MAX },
		};

		if (json_members(one, members, 2, err) < 0)
			return -1;
	}
	return 0;
}

/* OBJECT, of which "docs" has been taken away. ALIASES is the caller's memory. */
static int read_user(json_t *object, struct admin_import_user *user, struct strv *aliases,
		     struct err *err)
{
	const json_t *names = NULL;
	int is_operator = 0;
	const struct json_member members[] = {
		{ "id", JSON_KIND_STR, 1, &user->identity, 1, AUTH_IDENTITY_TEXT },
		{ "user", JSON_KIND_BOOL, 0, &user->is_user, 0, 0 },
		{ "password", JSON_KIND_STR, 0, &user->change.password, 1, AUTH_IDENTITY_TEXT },
		{ "aliases", JSON_KIND_STRS, 0, &names, 0, ALIASES_MAX },
		{ "operator", JSON_KIND_BOOL, 0, &is_operator, 0, 0 },
		{ "disabled", JSON_KIND_BOOL, 0, &user->change.disabled, 0, 0 },
		{ "vcards", JSON_KIND_STR, 0, &user->vcards, 0, INT64_MAX },
		{ "csv", JSON_KIND_STR, 0, &user->csv, 0, INT64_MAX },
	};
	json_t *name;
	size_t i;

	user->identity = user->vcards = user->csv = strv_mem(NULL, 0);
	user->is_user = 0;
	user->change = (struct users_change){ .roles = 0 };
	if (json_members(object, members, sizeof(members) / sizeof(members[0]), err) < 0)
		return -1;
	user->change.has_disabled = json_object_get(object, "disabled") != NULL;
	user->change.has_roles = json_object_get(object, "operator") != NULL;
	user->change.roles = AUTH_ROLE_USER | (is_operator ? (unsigned)AUTH_ROLE_OPERATOR : 0);
	if (!names)
		return 0;
	user->change.has_aliases = 1;
	user->change.aliases = aliases;
	json_array_foreach((json_t *)(uintptr_t)names, i, name) aliases[user->change.n_aliases++] =
		strv_mem(json_string_value(name), json_string_length(name));
	return 0;
}

/* ---- answering ---- */

static json_t *report_json(const struct admin_import_report *report)
{
	json_t *json =
		json_pack("{s:I, s:I, s:I, s:I, s:I}", "users", (json_int_t)report->users, "known",
			  (json_int_t)report->known, "docs", (json_int_t)report->docs, "contacts",
			  (json_int_t)report->contacts, "left_out", (json_int_t)report->left_out);
	json_t *remarks = json_array();

	for (unsigned i = 0; i < report->n_remarks; i++) {
		json_t *one = json_object();

		json_object_set_new(one, "user", json_integer(report->remark[i].user));
		json_set_octets(one, "what", strv_of(report->remark[i].what));
		json_set_octets(one, "why", strv_of(report->remark[i].why));
		json_array_append_new(remarks, one);
	}
	json_object_set_new(json, "remarks", remarks);
	return json;
}

/* ---- the import ---- */

static int import_all(struct admin_call *call, json_t *users, struct admin_import *import)
{
	struct admin_import_user *user = malloc(sizeof(*user));
	struct strv aliases[ALIASES_MAX];
	json_t *one, *docs = NULL;
	int ret = user ? 0 : err_set(&call->err, ERR_NOMEM, "no memory for the import");
	size_t i;

	json_array_foreach(users, i, one)
	{
		if (ret < 0)
			break;
		ret = take_array(one, "docs", &docs, &call->err);
		if (ret == 0)
			ret = read_docs(docs, user, &call->err);
		if (ret == 0)
			ret = read_user(one, user, aliases, &call->err);
		if (ret < 0)
			err_prefix(&call->err, "user %zu of the request", i);
		else
			ret = admin_import_add(import, user, &call->err);
		json_decref(docs);
		docs = NULL;
	}
	free(user);
	return ret;
}

static int begin(struct admin_call *call, json_t *body, struct admin_import_report *report)
{
	struct admin_import *import;
	struct xdm_ask ask;
	json_t *users = NULL;
	struct err ended;
	int dry = 0, ret;
	const struct json_member member = { "dry", JSON_KIND_BOOL, 0, &dry, 0, 0 };

	if (!json_is_object(body))
		return err_set(&call->err, ERR_SYNTAX, "the body must be an object");
	if (take_array(body, "users", &users, &call->err) < 0)
		return -1;
	if (json_members(body, &member, 1, &call->err) < 0 || admin_docs_begin(call, &ask) < 0) {
		json_decref(users);
		return -1;
	}
	import = admin_import_new(call->admin->users, call->admin->kv, call->admin->docs, ask.who,
				  dry, report);
	ret = import ? import_all(call, users, import)
		     : err_set(&call->err, ERR_NOMEM, "no memory for the import");
	if (import && admin_import_end(&import, &ended) < 0 && ret == 0) {
		call->err = ended;
		ret = -1;
	}
	arena_free(&ask.arena);
	json_decref(users);
	return ret;
}

static void run_import(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;
	struct admin_import_report *report = malloc(sizeof(*report));
	json_t *body = json_parse(http_req_body(call->req), ADMIN_DEPTH_MAX, &call->err);

	if (!report)
		err_set(&call->err, ERR_NOMEM, "no memory for the import");
	else if (body && begin(call, body, report) == 0) {
		call->err.code = ERR_NONE;
		call->max = 200;
		call->json = report_json(report);
	}
	free(report);
	json_decref(body);
}

void admin_import_verb(struct admin_call *call)
{
	admin_docs_on_pool(call, run_import, admin_docs_done);
}
