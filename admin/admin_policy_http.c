/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/admin_policy_http.c - the verbs about policy: see admin_call.h, admin_policy.h
 *
 * All run on the job pool. Parameters stand in the query; a draft is the body, as it is.
 */
#include <time.h>

#include "admin/admin_call.h"
#include "admin/admin_path.h"
#include "admin/admin_policy.h"
#include "http/http.h"

enum { DECISIONS_USUAL = 50, DECISIONS_MAX = 10000, NAME_MAX_BYTES = 1024 };

/* ---- the query ---- */

/* One parameter. */
struct param {
	const char *name;
	struct strv *text; /* one of the three */
	int64_t *number;
	int *flag;
};

static int take_param(const struct param *param, struct strv value, struct err *err)
{
	uint64_t number;

	if (param->text) {
		if (value.n > NAME_MAX_BYTES)
			return err_set(err, ERR_RANGE, "%s has more than %d octets", param->name,
				       NAME_MAX_BYTES);
		*param->text = value;
		return 0;
	}
	if (strv_u64(value, INT64_MAX / 1000000, &number) < 0 || (param->flag && number > 1))
		return err_set(err, ERR_RANGE, "%s is %s", param->name,
			       param->flag ? "0 or 1" : "a number");
	if (param->flag)
		*param->flag = (int)number;
	else
		*param->number = (int64_t)number;
	return 0;
}

static int read_query(struct admin_call *call, const struct param *params, size_t n)
{
	struct strv query = http_req_query(call->req), name, value;
	int more;

	while ((more = admin_query_next(&query, http_req_arena(call->req), &name, &value,
					&call->err)) > 0) {
		size_t i = 0;

		while (i < n && !strv_eq(name, strv_of(params[i].name)))
			i++;
		if (i == n)
			return err_set(&call->err, ERR_SYNTAX, "unknown parameter \"%.*s\"",
				       STRV_ARG(name));
		if (take_param(&params[i], value, &call->err) < 0)
			return -1;
	}
	return more;
}

/* Seconds ago as Unix time in microseconds; 0 stays. */
static int64_t since_us(int64_t ago_s)
{
	return ago_s ? ((int64_t)time(NULL) - ago_s) * 1000000 : 0;
}

static void take(struct admin_call *call, json_t *json)
{
	call->json = json;
	if (json)
		call->err.code = ERR_NONE;
	else if (!call->err.code)
		err_set(&call->err, ERR_NOMEM, "no memory for the answer");
}

static void on_pool(struct admin_call *call, void (*run)(struct job *job))
{
	if (call->admin->rules) {
		admin_call_on_pool(call, run, admin_call_answer);
		return;
	}
	err_set(&call->err, ERR_ABSENT, "this server has no rules in force");
	admin_answer_err(call->req, &call->err);
}

/* ---- explain ---- */

static void run_explain(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;
	struct admin_explain ask = { .size_bytes = -1 };
	const struct param params[] = {
		{ .name = "user", .text = &ask.user },
		{ .name = "peer", .text = &ask.peer },
		{ .name = "service", .text = &ask.service },
		{ .name = "group", .text = &ask.group },
		{ .name = "size", .number = &ask.size_bytes },
		{ .name = "time", .number = &ask.time_s },
		{ .name = "originating", .flag = &ask.originating },
		{ .name = "anonymous", .flag = &ask.anonymous },
	};

	if (read_query(call, params, sizeof(params) / sizeof(params[0])) < 0)
		return;
	if (!ask.user.n || !ask.peer.n)
		err_set(&call->err, ERR_SYNTAX, "user and peer are needed");
	else
		take(call, admin_policy_explain(call->admin, &ask, &call->err));
}

void admin_policy_explain_verb(struct admin_call *call)
{
	on_pool(call, run_explain);
}

/* ---- what if ---- */

static void run_what_if(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;
	struct admin_what_if ask = { .draft = http_req_body(call->req) };
	int64_t ago_s = 0;
	const struct param params[] = {
		{ .name = "user", .text = &ask.user },
		{ .name = "since", .number = &ago_s },
	};

	if (read_query(call, params, sizeof(params) / sizeof(params[0])) < 0)
		return;
	ask.since_us = since_us(ago_s);
	take(call, admin_policy_what_if(call->admin, &ask, &call->err));
}

void admin_policy_what_if_verb(struct admin_call *call)
{
	on_pool(call, run_what_if);
}

/* ---- decisions, what is in force ---- */

static void run_decisions(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;
	int64_t ago_s = 0, max = DECISIONS_USUAL;
	struct strv user = { NULL, 0 };
	const struct param params[] = {
		{ .name = "user", .text = &user },
		{ .name = "since", .number = &ago_s },
		{ .name = "max", .number = &max },
	};

	if (read_query(call, params, sizeof(params) / sizeof(params[0])) < 0)
		return;
	if (max < 1 || max > DECISIONS_MAX)
		err_set(&call->err, ERR_RANGE, "max must be from 1 to %d", DECISIONS_MAX);
	else
		take(call, admin_policy_decisions(call->admin, user, since_us(ago_s), (unsigned)max,
						  &call->err));
}

void admin_policy_decisions_verb(struct admin_call *call)
{
	on_pool(call, run_decisions);
}

static void run_show(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;

	take(call, admin_policy_show(call->admin));
}

void admin_policy_verb(struct admin_call *call)
{
	on_pool(call, run_show);
}
