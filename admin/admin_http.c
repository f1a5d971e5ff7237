/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/admin_http.c - the operator's REST below /v1: which verbs there are, and who answers them
 *
 * One table says method, path, parameters and handler. What blocks for a moment runs on the job
 * pool, what takes long becomes a job of admin_jobs.h and is answered 202 with its number.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin_call.h"
#include "admin/admin_path.h"
#include "admin/admin_work.h"
#include "http/http.h"

/* Of documents each usage says less. */
enum { BODY_MAX = 64 << 10, DOC_MAX = 16 << 20, CARDS_MAX = 64 << 20, ROUTES = 8 };

static const struct admin_verb verbs[] = {
	{ "GET", "/v1/status", admin_status_verb, 0, 0, NULL, NULL },
	{ "GET", "/v1/stats", admin_stats_verb, 0, 0, NULL, NULL },
	{ "POST", "/v1/reload", admin_reload_verb, 0, 0, NULL, NULL },
	{ "GET", "/v1/log", admin_log_get_verb, 0, 0, NULL, NULL },
	{ "PUT", "/v1/log", admin_log_put_verb, 0, 1, NULL, NULL },
	{ "POST", "/v1/backup", admin_backup_verb, 0, 1, admin_work_backup, "backup" },
	{ "POST", "/v1/verify", admin_verify_verb, 0, 0, admin_work_verify, "verify" },
	{ "GET", "/v1/owners", admin_owners_verb, 1, 0, NULL, NULL },
	{ "GET", "/v1/export/*", admin_export_verb, 0, 0, NULL, NULL },
	{ "POST", "/v1/export/*", admin_owner_job_verb, 0, 0, admin_work_export, "export" },
	{ "POST", "/v1/erase/*", admin_owner_job_verb, 0, 0, admin_work_erase, "erase" },
	{ "GET", "/v1/users", admin_users_verb, 1, 0, NULL, NULL },
	{ "POST", "/v1/users", admin_user_post_verb, 0, 1, NULL, NULL },
	{ "GET", "/v1/users/*", admin_user_get_verb, 0, 0, NULL, NULL },
	{ "PUT", "/v1/users/*", admin_user_put_verb, 0, 1, NULL, NULL },
	{ "PATCH", "/v1/users/*", admin_user_patch_verb, 0, 1, NULL, NULL },
	{ "DELETE", "/v1/users/*", admin_user_delete_verb, 0, 0, NULL, NULL },
	{ "POST", "/v1/users/*/password", admin_user_password_verb, 0, 1, NULL, NULL },
	{ "POST", "/v1/import", admin_import_verb, 0, 1, NULL, NULL },
	{ "POST", "/v1/cab/*/import", admin_cab_import_verb, 1, 1, NULL, NULL },
	{ "GET", "/v1/cab/*/export", admin_cab_export_verb, 1, 0, NULL, NULL },
	{ "GET", "/v1/cab/*/duplicates", admin_cab_duplicates_verb, 1, 0, NULL, NULL },
	{ "POST", "/v1/cab/*/merge", admin_cab_merge_verb, 0, 1, NULL, NULL },
	{ "GET", "/v1/docs", admin_docs_verb, 1, 0, NULL, NULL },
	{ "GET", "/v1/docs/*", admin_doc_get_verb, 0, 0, NULL, NULL },
	{ "PUT", "/v1/docs/*", admin_doc_put_verb, 0, 1, NULL, NULL },
	{ "DELETE", "/v1/docs/*", admin_doc_delete_verb, 0, 0, NULL, NULL },
	{ "GET", "/v1/docs/*/access", admin_doc_access_verb, 1, 0, NULL, NULL },
	{ "GET", "/v1/docs/*/log", admin_doc_log_verb, 0, 0, NULL, NULL },
	{ "POST", "/v1/docs/*/undo", admin_doc_undo_verb, 0, 1, NULL, NULL },
	{ "GET", "/v1/groups/*", admin_group_verb, 0, 0, NULL, NULL },
	{ "GET", "/v1/policy", admin_policy_verb, 0, 0, NULL, NULL },
	{ "GET", "/v1/policy/explain", admin_policy_explain_verb, 1, 0, NULL, NULL },
	{ "POST", "/v1/policy/what-if", admin_policy_what_if_verb, 1, 1, NULL, NULL },
	{ "GET", "/v1/policy/decisions", admin_policy_decisions_verb, 1, 0, NULL, NULL },
	{ "GET", "/v1/sip/registrations", admin_sip_registrations_verb, 1, 0, NULL, NULL },
	{ "GET", "/v1/sip/registrations/*", admin_sip_registration_verb, 0, 0, NULL, NULL },
	{ "DELETE", "/v1/sip/registrations/*", admin_sip_drop_verb, 0, 0, NULL, "sip-drop" },
	{ "GET", "/v1/sip/peers", admin_sip_peers_verb, 0, 0, NULL, NULL },
	{ "GET", "/v1/sip/transactions", admin_sip_transactions_verb, 0, 0, NULL, NULL },
	{ "GET", "/v1/sip/trace", admin_sip_traced_verb, 0, 0, NULL, NULL },
	{ "PUT", "/v1/sip/trace/*", admin_sip_trace_verb, 0, 0, NULL, "sip-trace" },
	{ "DELETE", "/v1/sip/trace/*", admin_sip_trace_verb, 0, 0, NULL, "sip-trace" },
	{ "GET", "/v1/deferred/*", admin_deferred_list_verb, 1, 0, NULL, NULL },
	{ "DELETE", "/v1/deferred/*", admin_deferred_delete_verb, 1, 0, NULL, "deferred-delete" },
	{ "GET", "/v1/jobs", admin_jobs_verb, 0, 0, NULL, NULL },
	{ "GET", "/v1/jobs/*", admin_job_verb, 0, 0, NULL, NULL },
	{ "DELETE", "/v1/jobs/*", admin_job_delete_verb, 0, 0, NULL, NULL },
	{ "GET", "/v1/jobs/*/file", admin_job_file_verb, 0, 0, NULL, NULL },
};
enum { N_VERBS = sizeof(verbs) / sizeof(verbs[0]) };

static int method_is(struct strv method, const char *verb_method)
{
	if (strv_eq(method, STRV("HEAD")))
		method = STRV("GET");
	return strv_eq(method, strv_of(verb_method));
}

/* The verb of this request; NULL when there is none, and ALLOW says which methods the path has. */
static const struct admin_verb *find_verb(struct http_req *req, struct strv *part_out, char *allow,
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

/* What every verb asks of a request: no query and no body where none belongs. */
static int check_request(struct admin_call *call)
{
	json_t *body;
	int ret;

	if (http_req_query(call->req).n && !call->verb->takes_query)
		return err_set(&call->err, ERR_SYNTAX, "%s takes no parameters", call->verb->path);
	if (call->verb->takes_body || !http_req_body(call->req).n)
		return 0;
	body = json_parse(http_req_body(call->req), ADMIN_DEPTH_MAX, &call->err);
	ret = body ? json_members(body, NULL, 0, &call->err) : -1;
	json_decref(body);
	return ret;
}

static void handle(struct http_req *req, void *arg)
{
	struct admin_call *call = arena_zalloc(http_req_arena(req), 1, sizeof(*call));
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
		admin_answer_no_verb(req, allow);
	else if (check_request(call) < 0 ||
		 admin_percent_decode(raw, http_req_arena(req), &call->part, &call->err) < 0)
		admin_answer_err(req, &call->err);
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
	admin->routes = calloc(ROUTES, sizeof(*admin->routes));
	if (!admin->routes)
		return -1;
	admin->routes[admin->n_routes++] = (struct http_route){
		.prefix = "/v1/docs",
		.flags = HTTP_LOCAL,
		.max_body = DOC_MAX,
		.handle = handle,
		.arg = admin,
	};
	admin->routes[admin->n_routes++] = (struct http_route){
		.prefix = "/v1/cab",
		.flags = HTTP_LOCAL,
		.max_body = CARDS_MAX,
		.handle = handle,
		.arg = admin,
	};
	admin->routes[admin->n_routes++] = (struct http_route){
		.prefix = "/v1/import",
		.flags = HTTP_LOCAL,
		.max_body = CARDS_MAX,
		.handle = handle,
		.arg = admin,
	};
	admin->routes[admin->n_routes++] = (struct http_route){
		.prefix = "/v1/policy",
		.flags = HTTP_LOCAL,
		.max_body = DOC_MAX,
		.handle = handle,
		.arg = admin,
	};
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
