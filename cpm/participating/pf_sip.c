/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/participating/pf_sip.c - MESSAGE in, requests and answers out
 *
 *	a user of ours		one request a device, of our own (pf_act.c)
 *	a group or a list	the controlling function
 *	everybody else		the core's relay, with what the sender's side has changed
 *
 * The relay also carries what it alone can do: to one device by GRUU, by a plain client's wishes
 * (RFC 3841), and back to an IMS core, whose Route is kept (cpm.md 2.13).
 */
#include "cpm/participating/pf_sip.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/auth_check.h"
#include "base/log.h"
#include "cpm/participating/pf_sip_priv.h"
#include "sip/core/core_message.h"
#include "sip/core/gruu.h"
#include "sip/core/loc.h"
#include "sip/core/peers.h"

struct pf_sip {
	struct pf_sip_options options;
	struct pf_net net;
	struct pf *pf;
};

/* One MESSAGE that was taken over, until it is answered or the relay has it. */
struct pf_job {
	struct pf_sip *sip;
	struct sip_worker *w;
	uint64_t stx_id;
	struct core_req req;	     /* who and msg: valid while the transaction waits */
	struct pf_request *request;  /* the same */
	struct cpm_message *message; /* held; NULL: not made yet */
	struct pf_verdict decided;   /* for the recipient, when the relay carries it */
	int is_orig, is_term;	     /* sides that are here */
	int is_isc;
	size_t home_n;
	char home[AUTH_IDENTITY_BYTES]; /* of the recipient, once known */
};

static struct sip_stx *stx_of(const struct pf_job *job)
{
	return sip_stx_find(job->w->txns, job->stx_id);
}

/* ---- the answer ---- */

static void job_end(struct pf_job *job)
{
	cpm_message_drop(&job->message);
	free(job);
}

/* cpm.md 2.14, with a Warning that helps. */
static void answer(const struct pf_job *job, unsigned status, const char *why,
		   struct strv unsupported)
{
	struct sip_stx *stx = stx_of(job);
	struct sip_msg *msg = stx ? sip_stx_request(stx) : NULL;
	struct strv domain = job->sip->options.domains.name[0], lines[3];
	struct sip_reply reply = { .status = status, .lines = lines };
	const char *line;

	if (!msg)
		return;
	if (why &&
	    (line = arena_printf(msg->arena, "Warning: 399 %.*s \"%s\"", STRV_ARG(domain), why)))
		lines[reply.n_lines++] = strv_of(line);
	if (status == 503)
		lines[reply.n_lines++] = STRV("Retry-After: 5");
	if (status == 420 && unsupported.n &&
	    (line = arena_printf(msg->arena, "Unsupported: %.*s", STRV_ARG(unsupported))))
		lines[reply.n_lines++] = strv_of(line);
	if (sip_stx_reply(stx, &reply) < 0)
		sip_stx_drop(stx);
}

static void refuse(struct pf_job *job, unsigned status, const char *why)
{
	answer(job, status, why, STRV(""));
	job_end(job);
}

static void on_done(void *arg, const struct pf_result *result)
{
	struct pf_job *job = arg;

	if (!job->sip->pf->is_stopping)
		answer(job, result->status, result->why, result->unsupported);
	job_end(job);
}

/* ---- what it says ---- */

static struct strv joined(struct sip_msg *msg, enum sip_h h)
{
	struct strv list = sip_msg_list(msg, h);

	return list.p ? list : STRV("");
}

static struct strv named(struct sip_msg *msg, const char *name)
{
	struct strv value = sip_msg_named(msg, name, 0);

	return value.p ? value : STRV("");
}

static void read_said(const struct core_req *req, struct pf_said *said)
{
	struct sip_msg *msg = req->msg;
	const struct peer *peer = req->who->peer;
	int is_trusted = peer && peer->trusted;

	said->service = joined(msg, is_trusted && sip_msg_raw(msg, SIP_H_P_ASSERTED_SERVICE).p
					    ? SIP_H_P_ASSERTED_SERVICE
					    : SIP_H_P_PREFERRED_SERVICE);
	said->accept_contact = joined(msg, SIP_H_ACCEPT_CONTACT);
	said->conversation_id = named(msg, "Conversation-ID");
	said->contribution_id = named(msg, "Contribution-ID");
	said->in_reply_to = named(msg, "InReplyTo-Contribution-ID");
	said->content_type = sip_msg_value(msg, SIP_H_CONTENT_TYPE, 0);
	said->encoding = named(msg, "Content-Encoding");
	said->body = msg->body;
	said->is_of_us = !is_trusted;
	if (!said->content_type.p)
		said->content_type = STRV("");
}

/* What belongs to one hop, one transaction or the servers of a domain. */
static int is_of_hop(enum sip_h h)
{
	static const unsigned char of_hop[SIP_H_COUNT] = {
		[SIP_H_VIA] = 1,
		[SIP_H_FROM] = 1,
		[SIP_H_TO] = 1,
		[SIP_H_CALL_ID] = 1,
		[SIP_H_CSEQ] = 1,
		[SIP_H_MAX_FORWARDS] = 1,
		[SIP_H_CONTENT_LENGTH] = 1,
		[SIP_H_CONTENT_TYPE] = 1,
		[SIP_H_CONTACT] = 1, /* RFC 3428 s4: there is none in MESSAGE */
		[SIP_H_ROUTE] = 1,
		[SIP_H_RECORD_ROUTE] = 1,
		[SIP_H_PATH] = 1,
		[SIP_H_AUTHORIZATION] = 1,
		[SIP_H_PROXY_AUTHORIZATION] = 1,
		[SIP_H_PROXY_REQUIRE] = 1,
		[SIP_H_P_ASSERTED_IDENTITY] = 1,
		[SIP_H_P_PREFERRED_IDENTITY] = 1,
		[SIP_H_P_ASSERTED_SERVICE] = 1,
		[SIP_H_P_PREFERRED_SERVICE] = 1,
		[SIP_H_P_SERVED_USER] = 1,
		[SIP_H_P_CHARGING_VECTOR] = 1,
		[SIP_H_P_CHARGING_FUNCTION_ADDRESSES] = 1,
		[SIP_H_MAX_BREADTH] = 1,
	};

	return of_hop[h];
}

/* The core names neither: Content-Encoding is the packed body's, which goes on unpacked. */
static int is_left_out(const struct sip_line *line, const struct pf_request *request,
		       const struct peer *peer)
{
	if (line->h == SIP_H_OTHER &&
	    (strv_caseeq(line->name, STRV("P-Access-Network-Info")) ||
	     (request->is_unpacked && (strv_caseeq(line->name, STRV("Content-Encoding")) ||
				       strv_caseeq(line->name, STRV("e"))))))
		return 1;
	for (unsigned i = 0; peer && i < peer->n_strip_in; i++)
		if (strv_caseeq(line->name, peer->strip_in[i]))
			return 1;
	return 0;
}

/* Lines that go end to end, in their order, and what was added. p NULL: no memory. */
static struct strv copy_lines(struct sip_msg *msg, const struct pf_request *request,
			      const struct peer *peer)
{
	char *lines = arena_alloc(msg->arena, msg->bytes.n + request->added.n), *at = lines;

	if (!lines)
		return strv_mem(NULL, 0);
	for (unsigned i = 0; i < msg->n_lines; i++) {
		const struct sip_line *line = &msg->lines[i];

		if (!is_of_hop(line->h) && !is_left_out(line, request, peer))
			at = mempcpy(at, line->whole.p, line->whole.n);
	}
	if (request->added.n)
		at = mempcpy(at, request->added.p, request->added.n);
	return strv_mem(lines, (size_t)(at - lines));
}

/* cpm.md 2.12. */
static int is_anonymous(struct sip_msg *msg)
{
	struct strv rest, list, one;

	if (strv_caseeq(msg->from.uri.host, STRV("anonymous.invalid")))
		return 1;
	if (!sip_msg_raw(msg, SIP_H_PRIVACY).p)
		return 0;
	rest = joined(msg, SIP_H_PRIVACY);
	while (rest.n) {
		strv_cut(&rest, ',', &list);
		while (list.n) {
			strv_cut(&list, ';', &one);
			one = strv_trim(one);
			if (strv_caseeq(one, STRV("id")) || strv_caseeq(one, STRV("user")))
				return 1;
		}
	}
	return 0;
}

static void read_sender(const struct core_who *who, struct cpm_message_draft *draft)
{
	const struct auth_identity *self = who->self.n ? &who->self : &who->home;

	draft->is_claimed = who->means == AUTH_BY_NOTHING;
	if (self->n)
		draft->sender[draft->n_sender++] = auth_identity_text(self);
	/* The others that they are known by: rules may name any of them. */
	for (unsigned i = 0; i < who->n_identities && draft->n_sender < CPM_MESSAGE_IDS_MAX; i++)
		if (!strv_eq(auth_identity_text(&who->identity[i]), auth_identity_text(self)))
			draft->sender[draft->n_sender++] = auth_identity_text(&who->identity[i]);
}

/* The device of HOME that it came from: its binding has the same source. */
static struct strv find_instance(const struct pf_sip *sip, struct sip_msg *msg, struct strv home)
{
	struct loc *loc = core_loc(sip->options.core);
	struct strv instance = STRV("");
	const struct loc_user *user;
	char *copy = NULL;

	if (!loc || loc_peek(loc, home, &user) != LOC_FOUND)
		return instance;
	for (unsigned i = 0; i < user->n_bindings && !copy; i++) {
		const struct loc_binding *b = &user->bindings[i];

		if (b->instance.n && b->proto == msg->proto &&
		    sip_addr_eq(&b->source, &msg->source))
			copy = arena_strdup(msg->arena, b->instance);
	}
	loc_user_drop(&user);
	return copy ? strv_of(copy) : instance;
}

static int64_t unix_us(void *arg)
{
	struct timespec now;

	(void)arg;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t read_expires(struct sip_msg *msg)
{
	uint32_t expires_s;

	return sip_msg_number(msg, SIP_H_EXPIRES, &expires_s) == 1 ? (int64_t)expires_s : -1;
}

enum { HOPS_FIRST = 70 };

/* 0; -1: no memory. */
static int read_draft(const struct pf_job *job, struct cpm_message_draft *draft)
{
	struct sip_msg *msg = job->req.msg;
	const struct core_who *who = job->req.who;
	struct strv uri = msg->uri.text;
	struct auth_identity recipient;
	char *text;

	read_sender(who, draft);
	draft->anonymous = is_anonymous(msg);
	if (core_gruu_user(job->req.core, &msg->uri, &recipient) ||
	    auth_identity_parse(uri, &job->sip->options.domains, &recipient, NULL) == 0)
		uri = auth_identity_text(&recipient);
	text = arena_strdup(msg->arena, uri);
	if (!text)
		return -1;
	draft->recipient = strv_of(text);
	draft->from = sip_msg_value(msg, SIP_H_FROM, 0);
	draft->to = sip_msg_value(msg, SIP_H_TO, 0);
	draft->call_id = msg->call_id;
	draft->cseq = msg->cseq;
	draft->arrival_us = unix_us(NULL);
	draft->expires_s = read_expires(msg);
	draft->hops = msg->max_forwards < 0   ? HOPS_FIRST
		      : msg->max_forwards > 1 ? (unsigned)msg->max_forwards - 1
					      : 1;
	draft->trace = msg->trace;
	if (job->is_orig && draft->service != CPM_PLAIN)
		draft->sender_instance =
			find_instance(job->sip, msg, auth_identity_text(&who->home));
	/* A device that sends is there: it gets what waits for it (cpm.md 2.8.3). */
	if (draft->sender_instance.n && job->sip->pf->net.available)
		job->sip->pf->net.available(job->sip->pf->net.store_arg,
					    auth_identity_text(&who->home), draft->sender_instance);
	return draft->from.p && draft->to.p ? 0 : -1;
}

/* ---- by the relay ---- */

/* What is left of the job while the relay has the request: in its arena. */
struct relayed {
	struct core_relay_edit edit;
	struct pf_job job; /* its message is made again when it has to be kept */
};

/* Nobody was reached: it is kept, as it would be for devices of our own. */
static int on_failed(void *arg, unsigned status)
{
	const struct relayed *relayed = arg;
	struct pf_job *job;

	if (pf_outcome(status) != PF_AWAY || !relayed->job.decided.may_store)
		return 0;
	job = malloc(sizeof(*job));
	if (!job)
		return 0;
	*job = relayed->job;
	job->message = cpm_message_new(&job->request->draft);
	if (!job->message) {
		free(job);
		return 0;
	}
	pf_store(job->sip->pf, job->message, strv_mem(job->home, job->home_n), on_done, job);
	return 1;
}

/* JOB ends. */
static void relay(struct pf_job *job)
{
	struct sip_stx *stx = stx_of(job);
	const struct pf_request *request = job->request;
	struct relayed *relayed = stx ? arena_alloc(job->req.msg->arena, sizeof(*relayed)) : NULL;

	if (!relayed) {
		refuse(job, 500, NULL);
		return;
	}
	memset(&relayed->edit, 0, sizeof(relayed->edit));
	relayed->edit.lines = request->added;
	if (job->decided.is_silent && !request->added.n)
		relayed->edit.lines = STRV("Priority: non-urgent\r\n");
	if (request->is_changed) {
		relayed->edit.type = request->draft.content_type;
		relayed->edit.body = request->draft.body;
	}
	relayed->edit.failed = on_failed;
	relayed->edit.arg = relayed;
	cpm_message_drop(&job->message);
	relayed->job = *job;
	job_end(job);
	core_relay_edited(&relayed->job.req, &relayed->edit);
}

static void on_judged(void *arg, const struct pf_verdict *decided)
{
	struct pf_job *job = arg;

	job->decided = *decided;
	if (!stx_of(job))
		job_end(job);
	else if (decided->status)
		refuse(job, decided->status, decided->why);
	else
		relay(job);
}

/* ---- to whom it is ---- */

static int make_message(struct pf_job *job)
{
	if (!job->message)
		job->message = cpm_message_new(&job->request->draft);
	return job->message ? 0 : -1;
}

/* Copies for the sender's own devices: messages, and what clears their badges (cpm.md 2.7, 2.9.7).
 */
static void copy_to_own(struct pf_job *job)
{
	const struct cpm_message_draft *draft = &job->request->draft;

	if (job->is_orig && job->sip->pf->options.sync_sent && draft->sender_instance.n &&
	    (draft->is_displayed ||
	     (job->request->cpim && !draft->is_report && !draft->is_composing)) &&
	    make_message(job) == 0)
		pf_copy(job->sip->pf, job->message, auth_identity_text(&job->req.who->home));
}

/* What only the relay can do: one device by GRUU, and what plain clients ask for (RFC 3841). */
static int is_for_relay(const struct pf_job *job)
{
	struct sip_msg *msg = job->req.msg;
	struct gruu gruu;

	gruu_read(&msg->uri, &gruu);
	return job->is_isc || gruu.is_gruu ||
	       (job->request->draft.service == CPM_PLAIN &&
		(sip_msg_raw(msg, SIP_H_ACCEPT_CONTACT).p ||
		 sip_msg_raw(msg, SIP_H_REJECT_CONTACT).p ||
		 sip_msg_raw(msg, SIP_H_REQUEST_DISPOSITION).p));
}

/* To HOME, which need not outlive the call. */
static void go_home(struct pf_job *job, struct strv home)
{
	struct pf *pf = job->sip->pf;

	if (home.n >= sizeof(job->home)) {
		refuse(job, 404, NULL);
		return;
	}
	if (make_message(job) < 0) {
		refuse(job, 503, NULL);
		return;
	}
	memmove(job->home, home.p, home.n);
	job->home_n = home.n;
	home = strv_mem(job->home, home.n);
	copy_to_own(job);
	if (!is_for_relay(job))
		pf_terminate_at(pf, job->message, home, on_done, job);
	else if (pf_judge_recipient(pf, job->message, home, on_judged, job) < 0)
		refuse(job, 503, NULL);
}

static void go_to_focus(struct pf_job *job)
{
	const struct pf *pf = job->sip->pf;

	if (!pf->has_focus) {
		refuse(job, 404, NULL);
		return;
	}
	copy_to_own(job); /* the group leaves out who sends */
	if (make_message(job) < 0)
		refuse(job, 503, NULL);
	else
		pf->focus.message(pf->focus.arg, job->message, on_done, job);
}

static int is_number(const struct pf_job *job)
{
	return strv_starts(job->request->draft.recipient, STRV("tel:"));
}

static void on_user(void *context, enum auth_found found, const struct auth_user *user)
{
	struct pf_job *job = context;

	if (!stx_of(job)) {
		job_end(job);
	} else if (found == AUTH_BUSY) {
		refuse(job, 503, NULL);
	} else if (user && user->disabled) {
		refuse(job, 404, NULL);
	} else if (user || job->is_isc) {
		go_home(job, user ? user->identity[0] : strv_mem(job->home, job->home_n));
	} else if (is_number(job)) {
		copy_to_own(job);
		relay(job);
	} else {
		go_to_focus(job);
	}
}

/* 1 when a Route leads on, or the Request-URI is of another domain: not ours to serve. */
static int leads_away(const struct pf_job *job)
{
	struct sip_msg *msg = job->req.msg;
	struct strv rest = sip_msg_list(msg, SIP_H_ROUTE);
	struct sip_name_addr route;
	unsigned foreign = 0;

	while (rest.n && sip_name_addr_next(&rest, &route) == 1)
		foreign += !sip_is_us(job->w->sip, &route.uri) &&
			   !core_is_ours(job->req.core, route.uri.host);
	return foreign ||
	       (sip_uri_is_sip(&msg->uri) && !core_is_ours(job->req.core, msg->uri.host));
}

static void go(struct pf_job *job)
{
	const struct pf *pf = job->sip->pf;
	struct strv recipient = job->request->draft.recipient;

	if (pf->has_focus && !job->is_isc && pf->focus.is_factory(pf->focus.arg, recipient)) {
		go_to_focus(job);
	} else if (job->is_isc ? !job->is_term : leads_away(job)) {
		copy_to_own(job);
		relay(job);
	} else {
		const struct core_users *users = job->sip->options.users;

		users->find(users->arg, job->is_isc ? strv_mem(job->home, job->home_n) : recipient,
			    on_user, job);
	}
}

/* ---- the sender's side ---- */

static unsigned complete(const struct pf_job *job)
{
	struct pf_making making;
	uint64_t *random = (uint64_t *)(void *)making.random;

	for (unsigned i = 0; i < sizeof(making.random) / sizeof(*random); i++)
		random[i] = trace_random();
	making.now_s = job->request->draft.arrival_us / 1000000;
	return pf_request_complete(job->request, &making, job->req.msg->arena) < 0 ? 500 : 0;
}

/* What a report or a sign of typing tells is its sender's to let out. 1: it goes on. */
static int lets_out(const struct pf_job *job, const struct cpm_user_rules *rules)
{
	const struct pf *pf = job->sip->pf;
	const struct cpm_message_draft *draft = &job->request->draft;

	if (!draft->is_report && !draft->is_composing)
		return 1;
	if (draft->is_displayed && draft->about.n && pf->net.displayed)
		pf->net.displayed(pf->net.store_arg, auth_identity_text(&job->req.who->home),
				  draft->about);
	return pf_judge_report(job->sip->pf, draft, rules);
}

static unsigned add_lines(struct pf_job *job)
{
	struct strv lines = copy_lines(job->req.msg, job->request, job->req.who->peer);

	job->request->draft.lines = lines;
	return lines.p ? 0 : 500;
}

/* The sender's rules are there, and with them the operator's as they are now. */
static void on_sender_rules(void *arg, const struct cpm_user_rules *rules)
{
	struct pf_job *job = arg;
	struct pf_verdict decided = { .status = 503 };
	int goes = 1;

	if (!stx_of(job)) {
		cpm_user_rules_drop(&rules);
		job_end(job);
		return;
	}
	if (rules)
		pf_judge_sender(job->sip->pf, &job->request->draft, &decided);
	if (!decided.status)
		decided.status = complete(job);
	if (!decided.status)
		decided.status = add_lines(job);
	if (!decided.status)
		goes = lets_out(job, rules);
	cpm_user_rules_drop(&rules);
	if (decided.status) {
		refuse(job, decided.status, decided.why);
	} else if (goes) {
		go(job);
	} else {
		copy_to_own(job); /* their other devices know all the same */
		refuse(job, 200, NULL);
	}
}

/* ---- in ---- */

/* Which sides are here; 1, or 0: the request names no user that we could serve. */
static int find_sides(struct pf_job *job)
{
	const struct core_who *who = job->req.who;
	struct core_served served;

	job->is_isc = who->peer && who->peer->is_core;
	if (!job->is_isc) {
		job->is_orig = who->known && who->means != AUTH_BY_NOTHING;
		job->is_term = 1;
		return 1;
	}
	if (core_served_user(job->req.core, job->req.msg, &served) < 0)
		return 0;
	/* Who is the core's user needs no record here. */
	memcpy(job->home, served.user.text, served.user.n);
	job->home_n = served.user.n;
	job->is_orig = served.is_orig;
	job->is_term = !served.is_orig;
	return 1;
}

/* 0, or the status to refuse with. */
static unsigned read_request(struct pf_job *job, const char **why)
{
	struct sip_msg *msg = job->req.msg;
	struct pf_request *request = job->request;
	struct pf_said said;
	uint64_t loop;
	unsigned status = core_message_check(&job->req, &loop, why);

	if (status)
		return status;
	read_said(&job->req, &said);
	status = pf_request_read(&said, msg->arena, request, why);
	if (status)
		return status;
	if (request->draft.body.n > job->sip->pf->options.max_message) {
		*why = "The message is too large";
		return 413;
	}
	request->draft.loop = loop;
	if (!find_sides(job))
		return 404;
	return read_draft(job, &request->draft) < 0 ? 500 : 0;
}

static struct core_who *copy_who(struct arena *arena, const struct core_who *who)
{
	struct core_who *copy = arena_alloc(arena, sizeof(*copy));

	if (copy)
		memcpy(copy, who,
		       offsetof(struct core_who, identity) +
			       who->n_identities * sizeof(who->identity[0]));
	return copy;
}

static struct pf_job *job_new(struct pf_sip *sip, const struct core_req *req)
{
	struct pf_job *job = malloc(sizeof(*job));

	if (!job)
		return NULL;
	memset(job, 0, offsetof(struct pf_job, home));
	job->sip = sip;
	job->w = req->w;
	job->stx_id = sip_stx_id(req->stx);
	job->req = *req;
	job->req.who = copy_who(req->msg->arena, req->who);
	job->request = arena_alloc(req->msg->arena, sizeof(*job->request));
	if (job->req.who && job->request)
		return job;
	free(job);
	return NULL;
}

int pf_sip_deliver(void *arg, const struct core_req *req)
{
	struct pf_sip *sip = arg;
	struct pf_job *job;
	const char *why = NULL;
	unsigned status;

	/* With a To tag, too: a tag is no way round the rules. */
	if (req->msg->method != SIP_MESSAGE)
		return 0;
	job = job_new(sip, req);
	if (!job) {
		sip_stx_reply_status(req->stx, 503, NULL);
		return 1;
	}
	status = read_request(job, &why);
	if (status) {
		refuse(job, status, why);
		return 1;
	}
	if (job->is_orig)
		pf_rules(sip->pf, auth_identity_text(&job->req.who->home), on_sender_rules, job);
	else if (add_lines(job))
		refuse(job, 500, NULL);
	else
		go(job);
	return 1;
}

/* ---- set-up ---- */

int pf_sip_new(const struct pf_sip_options *options, struct pf_sip **sip_out, struct err *err)
{
	struct pf_sip *sip = calloc(1, sizeof(*sip));

	*sip_out = sip;
	if (!sip)
		return err_set(err, ERR_NOMEM, "no memory for the participating function");
	sip->options = *options;
	pf_net_sip(sip, &sip->net);
	return 0;
}

void pf_sip_free(struct pf_sip **sip_at)
{
	struct pf_sip *sip = *sip_at;

	*sip_at = NULL;
	free(sip);
}

const struct pf_net *pf_sip_net(struct pf_sip *sip)
{
	return &sip->net;
}

void pf_sip_set(struct pf_sip *sip, struct pf *pf)
{
	sip->pf = pf;
}

struct core *pf_sip_core(const struct pf_sip *sip)
{
	return sip->options.core;
}

struct sip_worker *pf_sip_worker(const struct pf_sip *sip)
{
	return sip_self(sip->options.sip);
}

const struct core_users *pf_sip_users(const struct pf_sip *sip)
{
	return sip->options.users;
}
