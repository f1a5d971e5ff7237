/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/core_auth.c - who sent this request: the one place that decides 401 and 407
 *
 * The decision is auth/'s; here header fields become its facts and its verdict an answer. A search
 * for a user's record may outlive the transaction: what it needs is in a block of its own, and the
 * transaction is looked for again by number.
 */
#include <stdlib.h>

#include "base/log.h"
#include "sip/core/core_priv.h"

enum { CREDENTIALS_MAX = 4, ASSERTED_MAX = 4, LINES_MAX = AUTH_CHALLENGES_MAX + 1 };

struct pending {
	struct core *core;
	struct sip_worker *w;
	uint64_t stx_id;
	core_who_fn *next;
	void (*dropped)(void *arg);
	void *arg;
	const struct peer *peer;
	struct strv credentials[CREDENTIALS_MAX];
	struct strv asserted[ASSERTED_MAX];
	struct auth_request request;
	struct auth_check check;
};

/* ---- facts ---- */

static unsigned collect(struct sip_msg *msg, enum sip_h h, struct strv *values, unsigned max)
{
	unsigned n = 0;

	while (n < max && (values[n] = sip_msg_value(msg, h, n)).p)
		n++;
	return n;
}

static void gather_facts(struct pending *pending, struct sip_msg *msg, enum core_place place)
{
	struct auth_request *facts = &pending->request;

	facts->edge = AUTH_SIP;
	facts->as_proxy = place == CORE_PASSES;
	facts->method = msg->method_name;
	facts->target = msg->uri.text;
	facts->domain = msg->from.uri.host;
	facts->credentials = pending->credentials;
	facts->n_credentials =
		collect(msg, facts->as_proxy ? SIP_H_PROXY_AUTHORIZATION : SIP_H_AUTHORIZATION,
			pending->credentials, CREDENTIALS_MAX);
	facts->source = &msg->source.any;
	facts->is_tls = sip_proto_is_secure(msg->proto);
	facts->is_datagram = msg->proto == SIP_UDP;
	facts->is_trusted = pending->peer && pending->peer->trusted;
	facts->asserted = pending->asserted;
	if (facts->is_trusted)
		facts->n_asserted =
			collect(msg, SIP_H_P_ASSERTED_IDENTITY, pending->asserted, ASSERTED_MAX);
	facts->now_ms = worker_now_ms(pending->w->worker);
}

/* ---- answers ---- */

/* The answer with the first N of the challenges. */
static struct sip_buf *make_answer(struct sip_msg *msg, const struct auth_verdict *verdict,
				   unsigned n)
{
	struct strv lines[LINES_MAX];
	struct sip_reply reply = { .status = verdict->status, .lines = lines };

	for (unsigned i = 0; i < n; i++) {
		char *line = arena_printf(msg->arena, "%s: %s", verdict->challenge_field,
					  verdict->challenge[i]);

		if (line)
			lines[reply.n_lines++] = strv_of(line);
	}
	if (verdict->retry_after_s) {
		char *line = arena_printf(msg->arena, "Retry-After: %u", verdict->retry_after_s);

		if (line)
			lines[reply.n_lines++] = strv_of(line);
	}
	return sip_reply_make(msg, &reply);
}

/* Whoever forges a source does not get more than twice as much sent there as he has to send
 * himself: the best challenge alone, or nothing to what is shorter than any real request. */
static struct sip_buf *make_fitting(struct sip_msg *msg, const struct auth_verdict *verdict)
{
	unsigned n = verdict->n_challenges;
	struct sip_buf *buf = make_answer(msg, verdict, n);

	if (msg->proto != SIP_UDP)
		return buf;
	while (buf && sip_buf_size(buf) > 2 * msg->bytes.n) {
		sip_buf_drop(&buf);
		if (n > 1)
			buf = make_answer(msg, verdict, --n);
	}
	return buf;
}

/* Over UDP without a trace: nothing is kept, and nothing repeated, for somebody who has not shown
 * that the address is theirs. */
static void refuse(struct sip_stx *stx, struct sip_msg *msg, const struct auth_verdict *verdict)
{
	struct sip_buf *buf = make_fitting(msg, verdict);

	if (!buf)
		sip_stx_drop(stx);
	else if (msg->proto == SIP_UDP)
		sip_stx_reply_once(stx, verdict->status, buf);
	else
		sip_stx_reply_buf(stx, verdict->status, buf);
	sip_buf_drop(&buf);
}

static void drop(struct pending *pending)
{
	if (pending->dropped)
		pending->dropped(pending->arg);
	free(pending);
}

static void refuse_and_drop(struct pending *pending, struct sip_stx *stx, unsigned status,
			    const char *why)
{
	sip_stx_reply_status(stx, status, why);
	drop(pending);
}

/* ---- verdicts ---- */

static void fill_who(const struct pending *pending, const struct auth_user *user,
		     struct core_who *who)
{
	const struct auth_verdict *verdict = &pending->check.verdict;

	who->home = verdict->home;
	who->self = verdict->acting;
	who->means = verdict->means;
	who->known = verdict->known;
	who->peer = pending->peer;
	who->n_identities = 0;
	for (unsigned i = 0; user && i < user->n_identities; i++)
		if (auth_identity_parse(user->identity[i], NULL, &who->identity[who->n_identities],
					NULL) == 0)
			who->n_identities++;
	/* Asserted, without a record here. */
	for (unsigned i = 0; !user && i < pending->check.n_named && i < AUTH_IDENTITIES_MAX; i++)
		who->identity[who->n_identities++] = pending->check.named[i];
}

static void conclude(struct pending *pending, const struct auth_user *user)
{
	const struct auth_verdict *verdict = &pending->check.verdict;
	struct sip_stx *stx = sip_stx_find(pending->w->txns, pending->stx_id);
	struct sip_msg *msg = stx ? sip_stx_request(stx) : NULL;
	struct core_who who;
	const char *why;
	unsigned status;

	if (!msg) {
		drop(pending);
		return;
	}
	if (verdict->status) {
		log_debug(LOG_SIP, "not let in", L_STR("why", verdict->reason),
			  L_INT("status", verdict->status), L_ID(&msg->trace));
		refuse(stx, msg, verdict);
		drop(pending);
		return;
	}
	fill_who(pending, user, &who);
	status = core_trust_check(pending->core, msg, &who, &why);
	if (status) {
		log_info(LOG_SIP, "somebody else's identity", L_STR("why", why),
			 L_SV("user", auth_identity_text(&who.home)), L_ID(&msg->trace));
		metric_add(pending->core->refused_identity, 1);
		refuse_and_drop(pending, stx, status, NULL);
		return;
	}
	pending->next(pending->arg, pending->w, stx, msg, &who);
	free(pending);
}

static void on_found(void *context, enum auth_found found, const struct auth_user *user)
{
	struct pending *pending = context;

	if (found == AUTH_BUSY)
		auth_check_give_up(&pending->check);
	else
		auth_check_finish(&pending->check, user);
	conclude(pending, user);
}

/* Somebody of elsewhere, for whom a peer that need not be believed speaks: whatever they are
 * called, not by a name of ours. */
static int is_foreign_word(const struct core *core, const struct pending *pending,
			   const struct sip_msg *msg)
{
	return pending->peer && !pending->request.n_asserted && !pending->request.n_credentials &&
	       msg->from.uri.host.n && !core_is_ours(core, msg->from.uri.host);
}

static void accept_foreign(struct pending *pending, struct sip_stx *stx, struct sip_msg *msg)
{
	struct core_who who;

	memset(&who, 0, sizeof(who));
	who.peer = pending->peer;
	/* Unless it is anonymous; nothing is asserted of it in any case. */
	if (auth_identity_parse(msg->from.uri.text, &pending->core->policy.domains, &who.home,
				NULL) < 0)
		who.home.n = 0;
	pending->next(pending->arg, pending->w, stx, msg, &who);
	free(pending);
}

void core_authenticate(struct core *core, struct sip_worker *w, struct sip_stx *stx,
		       enum core_place place, core_who_fn *next, void (*dropped)(void *arg),
		       void *arg)
{
	struct sip_msg *msg = sip_stx_request(stx);
	struct pending *pending = malloc(sizeof(*pending));

	if (!pending) {
		sip_stx_reply_status(stx, 500, NULL);
		if (dropped)
			dropped(arg);
		return;
	}
	/* The check is large and clears what it reads. */
	memset(pending, 0, offsetof(struct pending, check));
	pending->core = core;
	pending->w = w;
	pending->stx_id = sip_stx_id(stx);
	pending->next = next;
	pending->dropped = dropped;
	pending->arg = arg;
	pending->peer = core->options.peers
				? peers_find(core->options.peers, &msg->source, msg->tls_name)
				: NULL;
	gather_facts(pending, msg, place);
	if (is_foreign_word(core, pending, msg))
		accept_foreign(pending, stx, msg);
	else if (auth_check_begin(&core->policy, &pending->request, &pending->check))
		conclude(pending, NULL);
	else
		core->options.users.find(core->options.users.arg, pending->check.need.identity,
					 on_found, pending);
}
