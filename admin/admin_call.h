/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/admin_call.h - one request of an operator, for the files that answer it (*_http.c)
 */
#ifndef ADMIN_ADMIN_CALL_H
#define ADMIN_ADMIN_CALL_H

#include "admin/admin_jobs.h"
#include "admin/admin_priv.h"

struct admin_call;
struct http_req;
struct xdm_state;

/* A row of the table of verbs. */
struct admin_verb {
	const char *method, *path;
	void (*handle)(struct admin_call *call);
	int takes_query, takes_body;
	admin_work_fn *work; /* of those that are jobs */
	const char *name;
};

/* In the request's arena, valid until it is answered. */
struct admin_call {
	struct job job; /* first: the pool's callbacks cast */
	struct admin *admin;
	struct http_req *req;
	const struct admin_verb *verb;
	struct strv part; /* what stands for "*" in the verb's path, decoded */
	/* Of what runs on the pool. */
	void (*run)(struct job *job);
	struct err err;
	json_t *json;
	struct admin_reload reload;
	struct strv after;
	uint64_t max;
	unsigned uid; /* of who asks, with has_uid */
	int has_uid;
	char *text;
	size_t bytes;
};

enum { ADMIN_DEPTH_MAX = 16 }; /* of JSON in a request */

/* ---- answering (admin_answer_http.c) ---- */

/* Answer with JSON, which is given up; NULL: no memory. */
void admin_answer_json(struct http_req *req, unsigned status, json_t *json);
void admin_answer_err(struct http_req *req, const struct err *err);
/* Answer with BYTES octets (at least one) of the file FD, which is closed. */
void admin_answer_file(struct http_req *req, int fd, uint64_t bytes);
/* Answer 404, or 405 when ALLOW names the methods of the path. */
void admin_answer_no_verb(struct http_req *req, const char *allow);

/* Run RUN on the job pool, then DONE on this worker; 503 when the pool is full or the server goes
 * down. */
void admin_call_on_pool(struct admin_call *call, void (*run)(struct job *job),
			void (*done)(struct job *job));
/* A DONE: answer with the call's error, or with its JSON. */
void admin_call_answer(struct job *job);

/* ---- verbs (admin_ask_http.c, admin_jobs_http.c) ---- */

void admin_status_verb(struct admin_call *call);
void admin_stats_verb(struct admin_call *call);
void admin_reload_verb(struct admin_call *call);
void admin_log_get_verb(struct admin_call *call);
void admin_log_put_verb(struct admin_call *call);
void admin_owners_verb(struct admin_call *call);
void admin_export_verb(struct admin_call *call);

void admin_backup_verb(struct admin_call *call);
void admin_verify_verb(struct admin_call *call);
void admin_owner_job_verb(struct admin_call *call);
void admin_jobs_verb(struct admin_call *call);
void admin_job_verb(struct admin_call *call);
void admin_job_delete_verb(struct admin_call *call);
void admin_job_file_verb(struct admin_call *call);

void admin_users_verb(struct admin_call *call); /* and the others: admin_users_http.c */
void admin_user_post_verb(struct admin_call *call);
void admin_user_get_verb(struct admin_call *call);
void admin_user_put_verb(struct admin_call *call);
void admin_user_patch_verb(struct admin_call *call);
void admin_user_delete_verb(struct admin_call *call);
void admin_user_password_verb(struct admin_call *call);

void admin_import_verb(struct admin_call *call); /* admin_import_http.c */

void admin_cab_import_verb(struct admin_call *call); /* and the others: admin_cab_http.c */
void admin_cab_export_verb(struct admin_call *call);
void admin_cab_duplicates_verb(struct admin_call *call);
void admin_cab_merge_verb(struct admin_call *call);

void admin_docs_verb(struct admin_call *call); /* and the others: admin_docs_http.c */
void admin_doc_get_verb(struct admin_call *call);
void admin_doc_put_verb(struct admin_call *call);
void admin_doc_delete_verb(struct admin_call *call);
void admin_doc_access_verb(struct admin_call *call);
void admin_doc_log_verb(struct admin_call *call);
void admin_doc_undo_verb(struct admin_call *call);

void admin_group_verb(struct admin_call *call); /* admin_groups_http.c */

void admin_policy_verb(struct admin_call *call); /* and the others: admin_policy_http.c */
void admin_policy_explain_verb(struct admin_call *call);
void admin_policy_what_if_verb(struct admin_call *call);
void admin_policy_decisions_verb(struct admin_call *call);

void admin_sip_registrations_verb(struct admin_call *call); /* and the others: admin_sip_http.c */
void admin_sip_registration_verb(struct admin_call *call);
void admin_sip_drop_verb(struct admin_call *call);
void admin_sip_peers_verb(struct admin_call *call);
void admin_sip_transactions_verb(struct admin_call *call);
void admin_sip_traced_verb(struct admin_call *call);
void admin_sip_trace_verb(struct admin_call *call);

/* For verbs about documents (admin_docs_http.c): the question of the operator who is at the other
 * end, about the call's part. ASK's arena is to be freed. 0; -1 with the call's error. */
struct xdm_ask;
struct xdm_refusal;
int admin_docs_begin(struct admin_call *call, struct xdm_ask *ask);
/* What a function of xdm_docs.h returned, as the call's outcome. 1 when it was done. */
int admin_docs_outcome(struct admin_call *call, int ret, const struct xdm_refusal *refusal);
/* Run on the pool, then answer with the call's status (max) and JSON, with a line in the log. */
void admin_docs_on_pool(struct admin_call *call, void (*run)(struct job *job),
			void (*done)(struct job *job));
void admin_docs_done_change(struct job *job);
/* Answer with the call's JSON of a question. */
void admin_docs_done(struct job *job);
/* {"doc", "etag"} of a document. */
json_t *admin_docs_state(const struct xdm_state *state);
void admin_deferred_list_verb(struct admin_call *call); /* admin_deferred_http.c */
void admin_deferred_delete_verb(struct admin_call *call);
/* {"waiting", "stored", ...}: counts since the start. */
json_t *admin_show_deferred(struct deferred *deferred);

/* Read "after", of at most AFTER_MAX octets, and "max" of the query. 0; -1 with the call's error
 * filled. (admin_ask_http.c) */
int admin_call_read_page(struct admin_call *call, size_t after_max);

/* 1 when the call's part can be an owner; else it has been answered. (admin_ask_http.c) */
int admin_call_owner_is_sound(struct admin_call *call);

#endif
