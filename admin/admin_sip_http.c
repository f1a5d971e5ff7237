/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/admin_sip_http.c - the verbs about SIP: see admin_call.h, admin_sight_sip.h
 *
 * All run on the job pool. A server without SIP listeners says so, whatever is asked.
 */
#include "admin/admin_call.h"
#include "admin/admin_err.h"
#include "admin/admin_sight_sip.h"
#include "base/log.h"
#include "http/http.h"

/* ---- asking and answering ---- */

static void on_pool(struct admin_call *call, void (*run)(struct job *job),
		    void (*done)(struct job *job))
{
	json_t *json;

	if (call->admin->loc) {
		admin_call_on_pool(call, run, done);
		return;
	}
	err_set(&call->err, ERR_ABSENT, "this server has no SIP listeners");
	json = admin_err_json(&call->err);
	json_object_set_new(json, "remedy",
			    json_string("set sip.listen in the configuration and restart cpmd"));
	admin_answer_json(call->req, admin_err_status(ERR_ABSENT), json);
}

static void take(struct admin_call *call, json_t *json)
{
	call->json = json;
	if (json)
		call->err.code = ERR_NONE;
	else if (!call->err.code)
		err_set(&call->err, ERR_NOMEM, "no memory for the answer");
}

/* What was changed is logged. */
static void changed(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;

	if (!call->err.code)
		log_info(LOG_ADMIN, call->verb->name, L_SV("method", http_req_method(call->req)),
			 L_SV("user", call->part), L_ID(http_req_trace(call->req)));
	admin_call_answer(job);
}

/* ---- registrations ---- */

static void run_registrations(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;

	take(call, admin_sip_registrations(call->admin->loc, call->admin->tp, call->after,
					   (unsigned)call->max, &call->err));
}

void admin_sip_registrations_verb(struct admin_call *call)
{
	if (admin_call_read_page(call, ADMIN_SIP_AFTER_MAX) < 0)
		admin_answer_err(call->req, &call->err);
	else
		on_pool(call, run_registrations, admin_call_answer);
}

typedef json_t *user_fn(struct loc *loc, struct sip_tp *tp, struct strv aor, struct err *err);

/* FN for the home identity of whoever has the one in the path. Users of another core are registered
 * here without a record; they are known by their own name alone. */
static void for_user(struct admin_call *call, user_fn *fn)
{
	struct arena *arena = arena_new(0);
	struct auth_user *user = arena ? arena_alloc(arena, sizeof(*user)) : NULL;
	struct auth_identity identity;

	if (!user)
		err_set(&call->err, ERR_NOMEM, "no memory for a user record");
	else if (users_get_sync(call->admin->users, call->part, arena, user, &call->err) == 0)
		take(call, fn(call->admin->loc, call->admin->tp, user->identity[0], &call->err));
	else if (call->err.code == ERR_ABSENT &&
		 auth_identity_parse(call->part, NULL, &identity, NULL) == 0)
		take(call, fn(call->admin->loc, call->admin->tp, auth_identity_text(&identity),
			      &call->err));
	arena_free(&arena);
}

static void run_registration(struct job *job)
{
	for_user((struct admin_call *)(void *)job, admin_sip_registration);
}

void admin_sip_registration_verb(struct admin_call *call)
{
	on_pool(call, run_registration, admin_call_answer);
}

static void run_drop(struct job *job)
{
	for_user((struct admin_call *)(void *)job, admin_sip_drop);
}

void admin_sip_drop_verb(struct admin_call *call)
{
	on_pool(call, run_drop, changed);
}

/* ---- peers, transactions ---- */

static void run_peers(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;

	take(call, admin_sip_peers(call->admin->peers, &call->err));
}

void admin_sip_peers_verb(struct admin_call *call)
{
	on_pool(call, run_peers, admin_call_answer);
}

static void run_transactions(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;

	take(call, admin_sip_transactions(workers_count(call->admin->workers), &call->err));
}

void admin_sip_transactions_verb(struct admin_call *call)
{
	on_pool(call, run_transactions, admin_call_answer);
}

/* ---- trace ---- */

static void run_traced(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;

	take(call, admin_sip_traced(&call->err));
}

void admin_sip_traced_verb(struct admin_call *call)
{
	on_pool(call, run_traced, admin_call_answer);
}

static void run_trace(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;
	int on = strv_eq(http_req_method(call->req), STRV("PUT"));

	if (admin_sip_trace(call->part, on, &call->err) == 0)
		take(call, admin_sip_traced(&call->err));
}

void admin_sip_trace_verb(struct admin_call *call)
{
	on_pool(call, run_trace, changed);
}
