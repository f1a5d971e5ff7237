/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/core_registrar.c - REGISTER in five steps (RFC 3261 s10.3)
 *
 * parse, gather, decide, commit, act stand below in this order. What is decided, and why, is in
 * reg.c. A commit that finds another value than the one decided upon goes back to gather.
 */
#include <limits.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/trace.h"
#include "sip/core/core_priv.h"
#include "sip/core/gruu.h"

enum {
	TRIES_MAX = 1000, /* conflicts of one request; each means that another won */
	LINES_MAX = LOC_BINDINGS_MAX + 8, /* of an answer */
	KEEP_SLACK_MS = 60000, /* a client that refreshes at the last moment finds its connection */
};

/* One request on its way through the steps, in its message's arena: valid while its transaction is
 * found. */
struct run {
	struct core *core;
	struct sip_worker *w;
	uint64_t stx_id;
	struct sip_msg *msg;
	struct strv identities[AUTH_IDENTITIES_MAX]; /* home first */
	const struct reg_rules *rules;
	int is_third_party;
	struct core_isc isc; /* of a third party's */
	unsigned tries;
	struct reg_req req;
	struct reg_result result;
};

/* What a search holds: it may outlive the transaction. */
struct ticket {
	struct sip_worker *w;
	uint64_t stx_id;
	struct run *run;
};

static void gather(struct run *run);
static void decide(struct run *run, const struct loc_user *old);
static void act(struct run *run);

static void refuse(struct run *run, unsigned status, const char *why)
{
	run->result.status = status;
	run->result.why = why;
	act(run);
}

/* ---- parse ---- */

/* The address of record of To, and whoever else is named, must be the user's (RFC 3261 s10.3 step
 * 4). */
static int is_own(const struct core *core, const struct core_who *who, const struct sip_uri *uri)
{
	struct auth_identity identity;

	if (auth_identity_parse(uri->text, &core->policy.domains, &identity, NULL) < 0)
		return 0;
	for (unsigned i = 0; i < who->n_identities; i++)
		if (strv_eq(auth_identity_text(&identity), auth_identity_text(&who->identity[i])))
			return 1;
	return 0;
}

static int copy_identities(struct run *run, const struct core_who *who)
{
	for (unsigned i = 0; i < who->n_identities; i++) {
		char *text = arena_strdup(run->msg->arena, auth_identity_text(&who->identity[i]));

		if (!text)
			return -1;
		run->identities[i] = strv_of(text);
	}
	run->req.identities = run->identities;
	run->req.n_identities = who->n_identities;
	run->req.aor = run->identities[0];
	return who->n_identities ? 0 : -1;
}

static struct run *run_new(struct core *core, struct sip_worker *w, struct sip_stx *stx,
			   struct sip_msg *msg)
{
	struct run *run = arena_zalloc(msg->arena, 1, sizeof(*run));

	if (!run) {
		sip_stx_reply_status(stx, 500, NULL);
		return NULL;
	}
	run->core = core;
	run->w = w;
	run->stx_id = sip_stx_id(stx);
	run->msg = msg;
	run->rules = &core->options.reg;
	return run;
}

static void on_who(void *arg, struct sip_worker *w, struct sip_stx *stx, struct sip_msg *msg,
		   const struct core_who *who)
{
	struct core *core = arg;
	struct run *run;
	const char *why;
	unsigned status;

	if (sip_refuse_merged(w, stx))
		return;
	run = run_new(core, w, stx, msg);
	if (!run)
		return;
	if (!is_own(core, who, &msg->to.uri) ||
	    (msg->uri.user.p && !is_own(core, who, &msg->uri))) {
		metric_add(core->refused_identity, 1);
		refuse(run, 403, NULL);
		return;
	}
	status = copy_identities(run, who) < 0 ? 500 : reg_req_read(msg, &run->req, &why);
	if (status) {
		refuse(run, status, status == 400 ? why : NULL);
		return;
	}
	gather(run);
}

void core_register(struct core *core, struct sip_worker *w, struct sip_stx *stx,
		   struct sip_msg *msg)
{
	(void)msg;
	if (!sip_refuse_required(stx, CORE_SUPPORTED))
		core_authenticate(core, w, stx, CORE_ENDS_HERE, on_who, NULL, core);
}

/* Times are the core's, and it has refused what was too short. */
static const struct reg_rules third_party_rules = { .expires_s = 3600,
						    .expires_max_s = UINT32_MAX,
						    .contacts_max = LOC_BINDINGS_MAX };

/* An IMS core registers each of a user's identities; they are kept under the user's home. */
static void on_home(void *context, enum auth_found found, const struct auth_user *user)
{
	struct ticket ticket = *(struct ticket *)context;
	struct run *run = ticket.run;
	unsigned n = user ? user->n_identities : 0;

	free(context);
	if (!sip_stx_find(ticket.w->txns, ticket.stx_id))
		return;
	if (found == AUTH_BUSY) {
		refuse(run, 503, NULL);
		return;
	}
	run->identities[0] = run->isc.aor;
	for (unsigned i = 0; i < n; i++) {
		char *text = arena_strdup(run->msg->arena, user->identity[i]);

		if (!text) {
			refuse(run, 500, NULL);
			return;
		}
		run->identities[i] = strv_of(text);
	}
	run->req.aor = run->identities[0];
	run->req.identities = run->identities;
	run->req.n_identities = n ? n : 1;
	gather(run);
}

static void find_home(struct run *run)
{
	const struct core_users *users = &run->core->options.users;
	struct ticket *ticket = malloc(sizeof(*ticket));

	if (!ticket) {
		refuse(run, 500, NULL);
		return;
	}
	*ticket = (struct ticket){ run->w, run->stx_id, run };
	users->find(users->arg, run->isc.aor, on_home, ticket);
}

void core_register_third(struct core *core, struct sip_worker *w, struct sip_stx *stx,
			 struct sip_msg *msg)
{
	struct run *run;
	const char *why;
	unsigned status;

	if (sip_refuse_merged(w, stx))
		return;
	run = run_new(core, w, stx, msg);
	if (!run)
		return;
	run->is_third_party = 1;
	run->rules = &third_party_rules;
	status = core_isc_read(core, msg, &run->req, &run->isc, &why);
	if (status)
		refuse(run, status, why);
	else
		find_home(run);
}

/* ---- gather ---- */

static void on_found(void *arg, enum loc_found found, const struct loc_user *user)
{
	struct ticket ticket = *(struct ticket *)arg;

	free(arg);
	if (!sip_stx_find(ticket.w->txns, ticket.stx_id))
		;
	else if (found == LOC_BUSY)
		refuse(ticket.run, 503, NULL);
	else
		decide(ticket.run, user);
	loc_user_drop(&user);
}

static void gather(struct run *run)
{
	struct ticket *ticket = malloc(sizeof(*ticket));

	if (!ticket) {
		refuse(run, 500, NULL);
		return;
	}
	*ticket = (struct ticket){ run->w, run->stx_id, run };
	loc_find(run->core->options.loc, run->req.aor, on_found, ticket);
}

/* ---- decide ---- */

static void commit(struct run *run, const struct loc_user *old);

static void decide(struct run *run, const struct loc_user *old)
{
	run->req.now_us = loc_now_us(run->core->options.loc);
	run->req.random = (uint32_t)trace_random();
	if (run->is_third_party)
		core_isc_settle(&run->isc, old, &run->req);
	if (reg_decide(run->rules, &run->req, old, run->msg->arena, &run->result) < 0)
		refuse(run, 500, NULL);
	else if (run->result.status == 200 && run->result.changed)
		commit(run, old);
	else
		act(run);
}

/* ---- commit ---- */

/* How long the connection FLOW may be silent for what USER registered over it; 0: nothing is. What
 * came along a Path uses another's connection, which is not for this user to keep or to give up. */
static unsigned keep_of(const struct run *run, const struct loc_user *user, uint64_t flow)
{
	int64_t left_us = 0, ms;

	for (unsigned i = 0; i < user->n_bindings; i++) {
		const struct loc_binding *b = &user->bindings[i];

		if (b->flow == flow && !b->path.n && b->expires_us - run->req.now_us > left_us)
			left_us = b->expires_us - run->req.now_us;
	}
	ms = left_us ? left_us / 1000 + KEEP_SLACK_MS : 0;
	return ms < UINT_MAX ? (unsigned)ms : UINT_MAX;
}

/* Only clients that do outbound send keep-alives (RFC 5626 s4.4), and there is no other way to one
 * behind a NAT: a connection lives as long as what is registered over it. */
static void keep_flows(const struct run *run, const struct loc_user *old)
{
	const struct loc_user *user = &run->result.user;
	uint64_t flow = run->req.flow;

	if (run->is_third_party)
		return;
	if (flow && keep_of(run, user, flow))
		sip_tp_keep(run->w->tp, flow, keep_of(run, user, flow));
	for (unsigned i = 0; old && i < old->n_bindings; i++) {
		const struct loc_binding *b = &old->bindings[i];

		if (b->flow && !b->flow_lost && !b->path.n && !keep_of(run, user, b->flow))
			sip_tp_keep(run->w->tp, b->flow, 0);
	}
}

static void commit(struct run *run, const struct loc_user *old)
{
	const struct loc_user *made = NULL;

	if (run->result.user.n_bindings && !(made = loc_user_new(&run->result.user))) {
		refuse(run, 500, NULL);
		return;
	}
	switch (loc_put(run->core->options.loc, run->req.aor, old, made)) {
	case LOC_PUT_DONE:
		keep_flows(run, old);
		act(run);
		return;
	case LOC_PUT_NOMEM:
		refuse(run, 500, NULL);
		return;
	case LOC_PUT_CONFLICT:
		break;
	}
	if (++run->tries < TRIES_MAX)
		gather(run);
	else
		refuse(run, 503, NULL);
}

/* ---- act ---- */

struct lines {
	struct strv line[LINES_MAX];
	unsigned n;
	int failed;
};

static void add(struct lines *lines, const char *text)
{
	if (!text || lines->n == LINES_MAX)
		lines->failed = 1;
	else
		lines->line[lines->n++] = strv_of(text);
}

/* What is left of it, rounded up: a client that comes back after so long is not late. */
static long long seconds_left(const struct run *run, const struct loc_binding *b)
{
	return (b->expires_us - run->req.now_us + 999999) / 1000000;
}

static void add_contact(const struct run *run, const struct loc_binding *b, struct lines *lines)
{
	struct arena *arena = run->msg->arena;
	const char *q = "", *gruu = "";

	if (b->q < 1000)
		q = arena_printf(arena, ";q=0.%03u", b->q);
	if (run->req.supports_gruu && b->gruu.n)
		gruu = gruu_params_print(arena, &run->core->gruu_key, run->req.aor, b);
	if (!q || !gruu) {
		lines->failed = 1;
		return;
	}
	add(lines, arena_printf(arena, "Contact: <%.*s>%.*s%s;expires=%lld%s", STRV_ARG(b->uri),
				STRV_ARG(b->params), q, seconds_left(run, b), gruu));
}

static void add_associated(const struct run *run, struct lines *lines)
{
	struct arena *arena = run->msg->arena;
	const char *text = "P-Associated-URI: ";

	for (unsigned i = 0; text && i < run->req.n_identities; i++)
		text = arena_printf(arena, "%s%s<%.*s>", text, i ? ", " : "",
				    STRV_ARG(run->identities[i]));
	add(lines, text);
}

static void add_granted(const struct run *run, struct lines *lines)
{
	const struct core *core = run->core;
	struct arena *arena = run->msg->arena;

	for (unsigned i = 0; i < run->result.user.n_bindings; i++)
		add_contact(run, &run->result.user.bindings[i], lines);
	add_associated(run, lines);
	if (core->service_route[0])
		add(lines, arena_printf(arena, "Service-Route: %s", core->service_route));
	if (run->req.path.n)
		add(lines, arena_printf(arena, "Path: %.*s", STRV_ARG(run->req.path)));
	if (!run->result.uses_outbound)
		return;
	add(lines, "Require: outbound");
	if (core->options.flow_timer_s)
		add(lines, arena_printf(arena, "Flow-Timer: %u", core->options.flow_timer_s));
}

static const char *reason_of(const struct run *run)
{
	return run->result.status == 439 ? "First Hop Lacks Outbound Support" : run->result.why;
}

/* Devices that the core did not tell of are asked for. */
static void watch(struct run *run)
{
	if (run->isc.granted_s && !run->isc.n_told)
		core_watch_begin(run->core, run->w, run->msg, run->req.aor, run->req.path,
				 run->isc.granted_s);
	else
		core_watch_end(run->core, run->w, run->msg, run->req.aor);
}

static void act(struct run *run)
{
	struct sip_stx *stx = sip_stx_find(run->w->txns, run->stx_id);
	struct lines *lines = arena_zalloc(run->msg->arena, 1, sizeof(*lines));
	struct sip_reply reply = { .status = run->result.status, .reason = reason_of(run) };

	if (!stx)
		return;
	if (lines && reply.status == 200 && !run->is_third_party)
		add_granted(run, lines);
	else if (lines && reply.status == 423)
		add(lines,
		    arena_printf(run->msg->arena, "Min-Expires: %u", run->rules->expires_min_s));
	else if (lines && reply.status == 503)
		add(lines, "Retry-After: 5");
	if (!lines || lines->failed) {
		sip_stx_reply_status(stx, 500, NULL);
		return;
	}
	reply.lines = lines->line;
	reply.n_lines = lines->n;
	if (reply.status == 200)
		metric_add(run->core->registered, 1);
	if (reply.status == 200 && run->is_third_party)
		watch(run);
	sip_stx_reply(stx, &reply);
}
