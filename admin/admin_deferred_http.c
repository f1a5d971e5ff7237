/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/admin_deferred_http.c - the verbs about messages that wait: see admin_call.h
 *
 * What operators see of a message is what its headers say, never what is in it. All run on the job
 * pool; deleting waits there for the queue's worker.
 */
#include <stdlib.h>

#include "admin/admin_call.h"
#include "admin/admin_err.h"
#include "admin/admin_path.h"
#include "admin/admin_show.h"
#include "base/log.h"
#include "cpm/deferred/deferred.h"
#include "http/http.h"

static void on_pool(struct admin_call *call, void (*run)(struct job *job),
		    void (*done)(struct job *job))
{
	if (call->admin->deferred) {
		admin_call_on_pool(call, run, done);
		return;
	}
	err_set(&call->err, ERR_ABSENT, "this server keeps no messages for users");
	admin_answer_err(call->req, &call->err);
}

static void take(struct admin_call *call, json_t *json)
{
	call->json = json;
	if (json)
		call->err.code = ERR_NONE;
	else if (!call->err.code)
		err_set(&call->err, ERR_NOMEM, "no memory for the answer");
}

/* The home identity of whoever has the one in the path, in ARENA. 0 or -1. */
static int find_home(struct admin_call *call, struct arena *arena, struct strv *home_out)
{
	struct auth_user *user = arena ? arena_alloc(arena, sizeof(*user)) : NULL;

	if (!user)
		return err_set(&call->err, ERR_NOMEM, "no memory for a user record");
	if (users_get_sync(call->admin->users, call->part, arena, user, &call->err) < 0)
		return -1;
	*home_out = user->identity[0];
	return 0;
}

/* ---- list ---- */

struct listing {
	json_t *list;
	struct strv after; /* the last shown */
	char name[64];
	unsigned n, max;
	int more;
};

static json_t *text(struct strv s)
{
	return s.n ? json_stringn_nocheck(s.p, s.n) : NULL;
}

static void set(json_t *json, const char *name, json_t *value)
{
	if (value)
		json_object_set_new(json, name, value);
}

static int add(void *arg, const struct deferred_entry *entry)
{
	const struct cpm_message_draft *message = entry->message;
	struct listing *listing = arg;
	json_t *one;

	if (listing->n == listing->max) {
		listing->more = 1;
		return 1;
	}
	one = json_object();
	set(one, "name", text(entry->name));
	set(one, "message_id", text(message->message_id));
	set(one, "from", message->n_sender ? text(message->sender[0]) : NULL);
	set(one, "group", text(message->group));
	set(one, "type", text(message->content_type));
	set(one, "report", message->is_report ? json_true() : NULL);
	set(one, "bytes", json_integer((json_int_t)message->body.n));
	set(one, "arrival_ms", json_integer(message->arrival_us / 1000));
	set(one, "expires_ms", json_integer(entry->expires_us / 1000));
	json_array_append_new(listing->list, one);
	listing->n++;
	if (entry->name.n < sizeof(listing->name)) {
		memcpy(listing->name, entry->name.p, entry->name.n);
		listing->after = strv_mem(listing->name, entry->name.n);
	}
	return 0;
}

static void run_list(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;
	struct deferred *deferred = call->admin->deferred;
	struct arena *arena = arena_new(0);
	struct listing listing = { .list = json_array(), .max = (unsigned)call->max };
	unsigned waiting, fresh;
	struct strv home;
	json_t *json;

	if (find_home(call, arena, &home) == 0 &&
	    deferred_list_sync(deferred, home, call->after, listing.max + 1, add, &listing,
			       &call->err) == 0) {
		json = json_object();
		set(json, "user", text(home));
		if (deferred_counts(deferred, home, &waiting, &fresh) == 0) {
			set(json, "waiting", json_integer(waiting));
			set(json, "new", json_integer(fresh));
		}
		set(json, "messages", json_incref(listing.list));
		if (listing.more)
			set(json, "next", admin_show_encoded(listing.after));
		take(call, json);
	}
	json_decref(listing.list);
	arena_free(&arena);
}

void admin_deferred_list_verb(struct admin_call *call)
{
	if (admin_call_read_page(call, 64) < 0)
		admin_answer_err(call->req, &call->err);
	else
		on_pool(call, run_list, admin_call_answer);
}

/* ---- delete ---- */

static void run_delete(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;
	struct arena *arena = arena_new(0);
	struct strv home;
	json_t *json;

	if (find_home(call, arena, &home) == 0 &&
	    deferred_delete_sync(call->admin->deferred, home, call->after, &call->err) == 0) {
		json = json_object();
		set(json, "user", text(home));
		take(call, json);
	}
	arena_free(&arena);
}

static void deleted(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;

	if (!call->err.code)
		log_info(LOG_ADMIN, call->verb->name, L_SV("user", call->part),
			 L_SV("message", call->after), L_ID(http_req_trace(call->req)));
	admin_call_answer(job);
}

/* ?name=NAME: that one; else all. */
static int read_name(struct admin_call *call)
{
	struct arena *arena = http_req_arena(call->req);
	struct strv query = http_req_query(call->req), name, value;
	int more;

	while ((more = admin_query_next(&query, arena, &name, &value, &call->err)) > 0) {
		if (!strv_eq(name, STRV("name")))
			return err_set(&call->err, ERR_SYNTAX,
				       "unknown parameter \"%.*s\"; known: name", STRV_ARG(name));
		if (!value.n)
			return err_set(&call->err, ERR_SYNTAX, "name is empty");
		call->after = value;
	}
	return more;
}

void admin_deferred_delete_verb(struct admin_call *call)
{
	if (read_name(call) < 0)
		admin_answer_err(call->req, &call->err);
	else
		on_pool(call, run_delete, deleted);
}

/* ---- all of them ---- */

json_t *admin_show_deferred(struct deferred *deferred)
{
	struct deferred_stats stats;

	deferred_stats(deferred, &stats);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "waiting",
			 (json_int_t)stats.waiting, "stored", (json_int_t)stats.stored, "pushed",
			 (json_int_t)stats.pushed, "expired", (json_int_t)stats.expired, "refused",
			 (json_int_t)stats.refused_full, "displayed", (json_int_t)stats.displayed,
			 "revoked", (json_int_t)stats.revoked);
}
