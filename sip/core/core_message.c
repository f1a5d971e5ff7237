/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/core_message.c - requests of functions behind the core; see core_message.h
 *
 * A message is the part of a request that is the same for all who get it: from From to the end of
 * the body, one run of octets. What is in front of it is written for each: start line, Via, Route,
 * and the identities that the next hop may know. Where it goes is found as for a relayed request
 * (core_target.c), and tried the same way: RFC 3263 s4.3, TCP for what is too large for a datagram.
 */
#include "sip/core/core_message.h"

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sip/core/core_relay_priv.h"
#include "sip/sip_out.h"

enum { HOPS_FIRST = 70, FRONT_BYTES = 384, VECTOR_BYTES = 512 };

struct core_message {
	atomic_uint holders;
	enum sip_method method;
	int anonymous;
	unsigned hops;
	uint64_t loop;
	struct strv identity;	/* the line P-Asserted-Identity; empty: none */
	struct strv service;	/* P-Asserted-Service */
	struct strv home;	/* domain of the identity; empty: none */
	struct strv tail;	/* all that is the same for all */
	size_t lines_at, lines; /* within TAIL: the caller's lines */
	char text[];
};

/* One copy on its way. */
struct sent {
	struct core *core;
	struct sip_worker *w;
	struct sip_slots *slots; /* where it is kept: outlives W's transactions */
	uint64_t id, ctx_id, resolve_id;
	struct core_message *message;
	struct strv lines;	   /* of this copy alone */
	struct sip_targets *dests; /* what it was resolved to; NULL: the target's own */
	unsigned n_tried;
	const struct sip_dest *udp; /* TCP is tried for it now; NULL: it is not */
	char *found;		    /* the URI that a number has led to */
	int is_asking;
	struct number_ask ask;
	sip_answered_fn *answered; /* NULL: forgotten */
	void *arg;
	struct trace_id trace;
	struct core_target target; /* its texts are in TEXT or FOUND */
	char text[];
};

/* ---- messages ---- */

static char *put(char *at, struct strv s)
{
	return s.n ? mempcpy(at, s.p, s.n) : at;
}

static char *put_line(char *at, const char *name, struct strv value)
{
	at = put(put(at, strv_of(name)), value);
	return put(at, STRV("\r\n"));
}

/* What stands in front of TAIL: lines that not everybody gets. */
static char *put_asserted(struct core_message *message, char *at,
			  const struct core_message_new *draft)
{
	char *begin = at;

	if (draft->identity.n) {
		at = put(put(at, STRV("P-Asserted-Identity: <")), draft->identity);
		if (draft->identity2.n)
			at = put(put(at, STRV(">, <")), draft->identity2);
		at = put(at, STRV(">\r\n"));
	}
	message->identity = strv_mem(begin, (size_t)(at - begin));
	message->home = draft->identity;
	if (!strv_cut(&message->home, '@', &(struct strv){ 0 }))
		message->home = strv_mem(NULL, 0);
	if (message->home.n) /* the same octets in what is ours */
		message->home.p = begin + 22 + (message->home.p - draft->identity.p);
	begin = at;
	if (draft->service.n)
		at = put_line(at, "P-Asserted-Service: ", draft->service);
	message->service = strv_mem(begin, (size_t)(at - begin));
	return at;
}

static char *put_tail(struct core_message *message, char *at, const struct core_message_new *draft)
{
	char number[64], *begin = at;

	at = put_line(at, "From: ", draft->from);
	at = put_line(at, "To: ", draft->to);
	at = put_line(at, "Call-ID: ", draft->call_id);
	snprintf(number, sizeof(number), "%lu %s", (unsigned long)draft->cseq,
		 sip_method_name(draft->method));
	at = put_line(at, "CSeq: ", strv_of(number));
	message->lines_at = (size_t)(at - begin);
	at = put(at, draft->lines);
	message->lines = draft->lines.n;
	if (draft->content_type.n)
		at = put_line(at, "Content-Type: ", draft->content_type);
	snprintf(number, sizeof(number), "Content-Length: %zu\r\n\r\n", draft->body.n);
	at = put(put(at, strv_of(number)), draft->body);
	message->tail = strv_mem(begin, (size_t)(at - begin));
	return at;
}

struct core_message *core_message_new(const struct core_message_new *draft)
{
	/* Names, line ends, numbers and brackets are less than 256. */
	size_t n = 256 + draft->identity.n + draft->identity2.n + draft->service.n + draft->from.n +
		   draft->to.n + draft->call_id.n + draft->lines.n + draft->content_type.n +
		   draft->body.n;
	struct core_message *message = n > SIP_STREAM_MAX ? NULL : malloc(sizeof(*message) + n);
	char *end;

	if (!message)
		return NULL;
	atomic_init(&message->holders, 1);
	message->method = draft->method;
	message->anonymous = draft->anonymous;
	message->hops = draft->hops ? draft->hops : HOPS_FIRST;
	message->loop = draft->loop;
	end = put_tail(message, put_asserted(message, message->text, draft), draft);
	assert((size_t)(end - message->text) <= n);
	(void)end;
	return message;
}

struct core_message *core_message_hold(struct core_message *message)
{
	atomic_fetch_add_explicit(&message->holders, 1, memory_order_relaxed);
	return message;
}

void core_message_drop(struct core_message **message_at)
{
	struct core_message *message = *message_at;

	*message_at = NULL;
	if (message && atomic_fetch_sub_explicit(&message->holders, 1, memory_order_acq_rel) == 1)
		free(message);
}

unsigned core_message_check(const struct core_req *req, uint64_t *loop_out, const char **why_out)
{
	*why_out = NULL;
	if (core_loop_find(req->core, req->msg, loop_out)) {
		metric_add(req->core->loops, 1);
		return 482;
	}
	return core_trust_privacy(req->msg, why_out);
}

/* ---- as it is sent ---- */

/* RFC 7315 s4.6: a request of a server of ours has a vector of its own. */
static size_t make_vector(const struct sent *sent, const struct sip_addr *local,
			  char vector[VECTOR_BYTES])
{
	const struct strv home = sent->message->home;
	char host[SIP_ADDR_TEXT];
	int n;

	if (sent->target.next != CORE_TO_TRUSTED || !sent->trace.hex[0])
		return 0;
	n = snprintf(vector, VECTOR_BYTES,
		     "P-Charging-Vector: icid-value=%s;icid-generated-at=%s%s%.*s\r\n",
		     sent->trace.hex, sip_addr_print_host(local, 1, host),
		     home.n ? ";orig-ioi=" : "", STRV_ARG(home));
	return n > 0 && n < VECTOR_BYTES ? (size_t)n : 0;
}

static int is_stripped(const struct peer *peer, struct strv line)
{
	struct strv name;

	strv_cut(&line, ':', &name);
	name = strv_trim(name);
	for (unsigned i = 0; i < peer->n_strip_out; i++)
		if (strv_caseeq(name, peer->strip_out[i]))
			return 1;
	return 0;
}

/* The caller's lines, but for those that PEER does not get. */
static char *put_stripped(char *at, struct strv lines, const struct peer *peer)
{
	int is_out = 0;

	while (lines.n) {
		const char *end = memchr(lines.p, '\n', lines.n);
		size_t n = end ? (size_t)(end - lines.p) + 1 : lines.n;
		struct strv line = strv_mem(lines.p, n);

		/* A fold belongs to the line that it continues. */
		if (line.p[0] != ' ' && line.p[0] != '\t')
			is_out = is_stripped(peer, line);
		if (!is_out)
			at = put(at, line);
		lines = strv_mem(lines.p + n, lines.n - n);
	}
	return at;
}

static char *put_rest(const struct sent *sent, char *at)
{
	const struct core_message *message = sent->message;
	const struct peer *peer = sent->target.peer;
	const char *behind = message->tail.p + message->lines_at + message->lines;

	if (!peer || !peer->n_strip_out)
		return put(put(at, sent->lines), message->tail);
	at = put_stripped(at, sent->lines, peer);
	at = put(at, strv_mem(message->tail.p, message->lines_at));
	at = put_stripped(at, strv_mem(message->tail.p + message->lines_at, message->lines), peer);
	return put(at, strv_mem(behind, message->tail.n - (size_t)(behind - message->tail.p)));
}

/* The request as it goes to DEST. NULL: no memory, or no way to send there. */
static struct sip_buf *compose(const struct sent *sent, const struct sip_dest *dest,
			       const char *branch)
{
	const struct sip_below *below = sip_txns_below(sent->w->txns);
	const struct core_message *message = sent->message;
	const struct core_target *target = &sent->target;
	const char *method = sip_method_name(message->method);
	char host[SIP_ADDR_TEXT], front[FRONT_BYTES], vector[VECTOR_BYTES], *at;
	size_t n_front, n_vector;
	struct sip_addr local;
	struct sip_buf *buf;

	if (below->local(below, dest, &local) < 0)
		return NULL;
	n_front =
		(size_t)snprintf(front, sizeof(front),
				 " SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=%s\r\nMax-Forwards: %u\r\n",
				 sip_proto_name(dest->proto), sip_addr_print(&local, host), branch,
				 message->hops);
	n_vector = make_vector(sent, &local, vector);
	buf = sip_buf_new(strlen(method) + 1 + target->uri.n + n_front + 9 + target->path.n +
			  message->identity.n + message->service.n + n_vector + sent->lines.n +
			  message->tail.n);
	if (!buf)
		return NULL;
	at = put(sip_buf_data(buf), strv_of(method));
	*at++ = ' ';
	at = put(put(at, target->uri), strv_mem(front, n_front));
	if (target->path.n)
		at = put_line(at, "Route: ", target->path);
	/* RFC 3325 s5, s7; RFC 6050 s4.1. */
	if (target->next == CORE_TO_TRUSTED || !message->anonymous)
		at = put(at, message->identity);
	if (target->next == CORE_TO_TRUSTED)
		at = put(put(at, message->service), strv_mem(vector, n_vector));
	at = put_rest(sent, at);
	sip_buf_shorten(buf, (size_t)(at - sip_buf_data(buf)));
	return buf;
}

/* ---- on its way ---- */

static struct sip_slots *slots_of(struct core *core, const struct sip_worker *w)
{
	return &core->sents[sip_txns_below(w->txns)->index].slots;
}

static void sent_free(struct sent *sent)
{
	core_message_drop(&sent->message);
	free(sent->dests);
	free(sent->found);
	free(sent);
}

/* SENT is gone before anybody is told. */
static void conclude(struct sent *sent, unsigned status, struct sip_msg *response)
{
	sip_answered_fn *answered = sent->answered;
	void *arg = sent->arg;

	sip_slots_remove(sent->slots, sent->id);
	sent_free(sent);
	if (answered)
		answered(arg, status, response);
}

static void try_next(struct sent *sent);
static int send_over(struct sent *sent, const struct sip_dest *dest, size_t most);

static void on_answered(void *arg, unsigned status, struct sip_msg *response)
{
	struct sent *sent = arg;

	if (status < 200)
		return;
	sent->ctx_id = 0;
	if (!response && status == 503 && sent->udp) {
		const struct sip_dest *udp = sent->udp;

		sent->udp = NULL;
		if (send_over(sent, udp, SIZE_MAX) == 0)
			return;
	}
	if (!response && sent->dests) {
		struct sip_resolver *resolver = sent->w->resolver;

		if (resolver)
			sip_resolve_mark_dead(resolver, &sent->dests->dest[sent->n_tried - 1]);
		if (sent->n_tried < sent->dests->n) {
			try_next(sent); /* RFC 3263 s4.3 */
			return;
		}
	}
	conclude(sent, status, response);
}

/* 0; 1: it has more than MOST octets and was not sent; -1: it cannot go there. */
static int send_over(struct sent *sent, const struct sip_dest *dest, size_t most)
{
	struct sip_send send = { .method = sent->message->method,
				 .dest = *dest,
				 .trace = &sent->trace,
				 .answered = on_answered,
				 .arg = sent };
	struct sip_ctx *ctx;
	size_t n;

	sip_branch_make(sent->w->txns, send.branch);
	n = strlen(send.branch);
	if (sent->message->loop)
		snprintf(send.branch + n, sizeof(send.branch) - n, "-%016llx",
			 (unsigned long long)sent->message->loop);
	send.buf = compose(sent, dest, send.branch);
	if (!send.buf)
		return -1;
	if (sip_buf_size(send.buf) > most) {
		sip_buf_drop(&send.buf);
		return 1;
	}
	ctx = sip_ctx_send(sent->w->txns, &send);
	sip_buf_drop(&send.buf);
	if (!ctx)
		return -1;
	sent->ctx_id = sip_ctx_id(ctx);
	metric_add(sent->core->relayed, 1);
	return 0;
}

/* 0; -1: it cannot go there. TCP first when it is too large for a datagram (RFC 3261 s18.1.1). */
static int try_dest(struct sent *sent, const struct sip_dest *dest)
{
	const struct core_target *target = &sent->target;
	struct sip_dest stream;
	struct strv said;
	size_t most = SIZE_MAX;
	int ret;

	sent->udp = NULL;
	if (dest->proto == SIP_UDP && !target->udp_only &&
	    !sip_param(target->hop.params, "transport", &said))
		most = SIP_UDP_REQUEST_MAX;
	ret = send_over(sent, dest, most);
	if (ret <= 0)
		return ret;
	stream = *dest;
	stream.proto = SIP_TCP;
	if (send_over(sent, &stream, SIZE_MAX) < 0)
		return send_over(sent, dest, SIZE_MAX);
	sent->udp = dest;
	return 0;
}

static void try_next(struct sent *sent)
{
	while (sent->dests && sent->n_tried < sent->dests->n)
		if (try_dest(sent, &sent->dests->dest[sent->n_tried++]) == 0)
			return;
	conclude(sent, 503, NULL);
}

static void on_resolved(void *arg, unsigned status, const struct sip_targets *targets)
{
	struct sent *sent = arg;

	sent->resolve_id = 0;
	if (!status && targets->n && (sent->dests = malloc(sizeof(*targets)))) {
		*sent->dests = *targets;
		try_next(sent);
	} else {
		conclude(sent, status ? status : 503, NULL);
	}
}

/* The target is known: begin. SENT may be gone when this returns. */
static void go(struct sent *sent)
{
	const struct sip_below *below = sip_txns_below(sent->w->txns);
	const struct sip_slots *slots = sent->slots;
	uint64_t id = sent->id, resolve_id;

	if (sent->target.has_dest) {
		if (try_dest(sent, &sent->target.dest) < 0)
			conclude(sent, 503, NULL);
		return;
	}
	resolve_id = below->resolve(below, &sent->target.hop, on_resolved, sent);
	if (sip_slots_find(slots, id) && resolve_id)
		sent->resolve_id = resolve_id;
}

static struct sent *sent_new(struct core *core, struct sip_worker *w, struct core_message *message,
			     size_t text, const struct trace_id *trace, sip_answered_fn *answered,
			     void *arg)
{
	struct sent *sent = malloc(sizeof(*sent) + text);

	if (!sent)
		return NULL;
	memset(sent, 0, offsetof(struct sent, ask));
	sent->core = core;
	sent->w = w;
	sent->slots = slots_of(core, w);
	sent->id = sip_slots_add(sent->slots, sent);
	if (!sent->id) {
		free(sent);
		return NULL;
	}
	sent->message = core_message_hold(message);
	sent->answered = answered;
	sent->arg = arg;
	sent->trace = trace ? *trace : (struct trace_id){ "" };
	core_target_init(&sent->target);
	return sent;
}

static struct strv keep(char **at, struct strv s)
{
	struct strv kept = { *at, s.n };

	*at = put(*at, s);
	return kept;
}

/* What is told to who sends: ID is still on its way, or it has ended. */
static void tell(struct core *core, struct sip_worker *w, uint64_t id, struct core_sent *sent_out)
{
	sent_out->id = sip_slots_find(slots_of(core, w), id) ? id : 0;
}

int core_message_to_device(struct core *core, struct sip_worker *w, const struct loc_binding *b,
			   struct core_message *message, struct strv lines,
			   const struct trace_id *trace, sip_answered_fn *answered, void *arg,
			   struct core_sent *sent_out)
{
	const struct sip_below *below = sip_txns_below(w->txns);
	struct sent *sent =
		sent_new(core, w, message, b->uri.n + b->path.n + lines.n, trace, answered, arg);
	char *at;
	uint64_t id;

	sent_out->id = 0;
	if (!sent)
		return -1;
	id = sent->id;
	at = sent->text;
	sent->target.uri = keep(&at, b->uri);
	sent->target.path = keep(&at, b->path);
	sent->lines = keep(&at, lines);
	sent->target.next = CORE_TO_CLIENT;
	if (core_target_reach(b, b->flow && below->flow_alive(below, b->flow), &sent->target) < 0)
		conclude(sent, 430, NULL);
	else
		go(sent);
	tell(core, w, id, sent_out);
	return 0;
}

/* ---- elsewhere ---- */

static void go_elsewhere(struct sent *sent, struct strv text)
{
	struct sip_uri uri;

	sent->target.uri = text;
	if (sip_uri_parse(text, &uri) < 0 || !sip_uri_is_sip(&uri))
		conclude(sent, 400, NULL);
	else if (core_is_ours(sent->core, uri.host))
		conclude(sent, 404, NULL);
	else if (core_target_elsewhere(sent->core, &uri, &sent->target) < 0)
		conclude(sent, 500, NULL);
	else
		go(sent);
}

static void on_number(struct number_ask *ask, unsigned status, struct strv text)
{
	struct sent *sent = (struct sent *)(void *)((char *)ask - offsetof(struct sent, ask));

	sent->is_asking = 0;
	if (!status && !(sent->found = strv_dup(text)))
		status = 503;
	if (status)
		conclude(sent, status, NULL);
	else
		go_elsewhere(sent, strv_of(sent->found));
}

static void find_number(struct sent *sent, struct strv uri)
{
	const struct numbers *numbers = sent->core->options.numbers;
	struct auth_identity identity;

	if (!numbers ||
	    auth_identity_parse(uri, &sent->core->policy.domains, &identity, NULL) < 0 ||
	    !auth_identity_is_tel(&identity)) {
		conclude(sent, 404, NULL);
		return;
	}
	sent->is_asking = 1;
	sent->ask.found = on_number;
	number_find(numbers, sent->w->dns, auth_identity_user(&identity), &sent->ask);
}

int core_message_to_uri(struct core *core, struct sip_worker *w, struct strv uri,
			struct core_message *message, const struct trace_id *trace,
			sip_answered_fn *answered, void *arg, struct core_sent *sent_out)
{
	struct sent *sent = sent_new(core, w, message, uri.n, trace, answered, arg);
	struct sip_uri read;
	char *at;
	uint64_t id;

	sent_out->id = 0;
	if (!sent)
		return -1;
	id = sent->id;
	at = sent->text;
	uri = keep(&at, uri);
	if (sip_uri_parse(uri, &read) < 0)
		conclude(sent, 400, NULL);
	else if (sip_uri_is_sip(&read) && !core_is_ours(core, read.host))
		go_elsewhere(sent, uri);
	else
		find_number(sent, uri);
	tell(core, w, id, sent_out);
	return 0;
}

/* ---- the end ---- */

void core_sent_forget(struct core *core, struct sip_worker *w, struct core_sent *sent_at)
{
	struct sent *sent = sip_slots_find(slots_of(core, w), sent_at->id);

	sent_at->id = 0;
	if (sent)
		sent->answered = NULL;
}

void core_message_fini(struct core *core)
{
	for (unsigned i = 0; i < CORE_WORKERS_MAX; i++) {
		struct sip_slots *slots = &core->sents[i].slots;

		for (uint32_t k = 0; k < slots->n_used; k++) {
			struct sent *sent = sip_slots_at(slots, k);

			if (sent)
				conclude(sent, 503, NULL);
		}
		sip_slots_fini(slots);
	}
}
