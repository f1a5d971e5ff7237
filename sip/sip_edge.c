/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_edge.c - from a datagram or a framed message to the service whose request it is
 *
 * See sip.h. What the fence or the parser refuses is answered from what is legible, without any
 * state; what belongs to another worker is posted there once it has been read.
 */
#include "sip/sip.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/trace.h"
#include "sip/sip_edge_priv.h"
#include "sip/sip_trace.h"

void sip_options_init(struct sip_options *options)
{
	*options = (struct sip_options){
		.server = "opencpm",
		.allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, MESSAGE, SUBSCRIBE, NOTIFY, "
			 "PUBLISH, REFER, INFO, UPDATE, PRACK",
		.accept = "application/sdp, message/cpim, text/plain",
		.supported = "path, gruu, outbound, pref, timer",
	};
	sip_tp_options_init(&options->tp);
	sip_timers_init(&options->timers);
}

static struct sip_edge *edge_self(struct sip *sip)
{
	struct worker *worker = worker_self();
	unsigned i;

	if (!worker)
		return NULL;
	i = worker_index(worker);
	return i < sip->n_edges && sip->edge[i].w.worker == worker ? &sip->edge[i] : NULL;
}

struct sip_worker *sip_self(struct sip *sip)
{
	struct sip_edge *edge = edge_self(sip);

	return edge ? &edge->w : NULL;
}

struct sip_worker *sip_worker_at(struct sip *sip, unsigned index)
{
	return index < sip->n_edges ? &sip->edge[index].w : NULL;
}

/* ---- seen ---- */

static void tell_seen(struct sip *sip, int outgoing, enum sip_proto proto,
		      const struct sip_addr *local, const struct sip_addr *remote,
		      struct strv bytes, const struct trace_id *trace)
{
	if (sip_trace_on())
		sip_trace_message(outgoing, proto, local, remote, bytes, trace);
	if (sip->options.hooks.seen)
		sip->options.hooks.seen(sip->options.hooks.arg, outgoing, proto, local, remote,
					bytes, trace);
}

static void on_sent(void *arg, enum sip_proto proto, const struct sip_addr *local,
		    const struct sip_addr *remote, struct sip_buf *buf)
{
	struct sip *sip = arg;
	struct trace_id trace;

	if (sip->options.hooks.seen || sip_trace_on())
		tell_seen(sip, 1, proto, local, remote, sip_buf_bytes(buf),
			  sip_buf_trace(buf, &trace) ? &trace : NULL);
}

/* By the transactions: only they know which request a response belongs to. */
static void on_seen(void *arg, const struct sip_msg *msg, const struct trace_id *trace)
{
	const struct sip_edge *edge = arg;

	tell_seen(edge->sip, 0, msg->proto, &msg->local, &msg->source, msg->bytes, trace);
}

/* What gets no further than here. */
static void seen_refused(struct sip_edge *edge, const struct sip_rx *rx)
{
	tell_seen(edge->sip, 0, rx->proto, &rx->local, &rx->source, rx->bytes, NULL);
}

/* ---- received ---- */

static void send_refusal(struct sip_edge *edge, const struct sip_rx *rx, unsigned status,
			 const char *why)
{
	struct sip_dest dest;
	struct sip_buf *buf;

	buf = sip_reply_refused(&edge->fence, &rx->source, status, why);
	if (!buf)
		return;
	dest.proto = rx->proto;
	dest.addr = rx->source;
	dest.flow = rx->flow;
	dest.home = rx->home;
	dest.flow_only = rx->flow != 0;
	dest.name[0] = '\0';
	sip_tp_send(edge->w.tp, &dest, buf, 0);
	sip_buf_drop(&buf);
}

static void refused(struct sip_edge *edge, const struct sip_rx *rx, enum sip_drop_cause cause,
		    unsigned status, const char *why, int answer)
{
	char source[SIP_ADDR_TEXT];

	seen_refused(edge, rx);
	sip_count_drop(edge->count, cause);
	/* Anybody can make these by the thousand: a line each is for who looks closely. */
	log_debug(LOG_SIP, "refused", L_INT("status", answer ? status : 0),
		  L_STR("cause", why ? why : "-"), L_STR("proto", sip_proto_name(rx->proto)),
		  L_STR("peer", sip_addr_print(&rx->source, source)),
		  L_INT("bytes", (int64_t)rx->bytes.n));
	if (answer)
		send_refusal(edge, rx, status, why);
}

/* The worker whose transaction, dialog or subscription the message is about; -1: whoever has it. */
static int worker_of(const struct sip_msg *msg)
{
	if (!msg->is_request)
		return sip_branch_worker(msg->via.branch);
	if (msg->to_tag.p)
		return sip_tag_worker(msg->to_tag);
	return msg->uri.user.p ? sip_tag_worker(msg->uri.user) : -1;
}

static void on_handed(struct post *post)
{
	struct sip_handed *handed = (struct sip_handed *)post;

	sip_txns_input(handed->edge->w.txns, handed->msg);
}

static void hand_on(struct sip_edge *edge, struct sip_msg *msg)
{
	int index = worker_of(msg);
	struct sip_edge *to =
		index < 0 ? edge : &edge->sip->edge[(unsigned)index % edge->sip->n_edges];
	struct sip_handed *handed;
	struct arena *arena = msg->arena;

	if (to == edge) {
		sip_txns_input(edge->w.txns, msg);
		return;
	}
	handed = arena_alloc(arena, sizeof(*handed));
	if (!handed) {
		sip_count_drop(edge->count, SIP_DROP_OVERLOAD);
		sip_txns_arena_done(edge->w.txns, &arena);
		return;
	}
	*handed = (struct sip_handed){ .post.run = on_handed, .edge = to, .msg = msg };
	worker_post(to->w.worker, &handed->post);
}

static struct sip_msg *parse(struct sip_edge *edge, const struct sip_rx *rx)
{
	struct arena *arena = sip_txns_arena(edge->w.txns);
	struct sip_msg *msg = NULL;
	struct err err = { ERR_NOMEM, "no memory" };

	if (!arena || sip_msg_parse(arena, rx->bytes, &edge->fence, &msg, &err) < 0) {
		int answer = edge->fence.is_request && !strv_eq(edge->fence.method, STRV("ACK"));

		refused(edge, rx, err.code == ERR_NOMEM ? SIP_DROP_OVERLOAD : SIP_DROP_PARSE,
			err.code == ERR_NOMEM ? 500 : 400, err.text, answer);
		sip_txns_arena_done(edge->w.txns, &arena);
		return NULL;
	}
	msg->proto = rx->proto;
	msg->source = rx->source;
	msg->local = rx->local;
	msg->flow = rx->flow;
	/* Without memory the peer is nobody. */
	msg->tls_name = rx->tls_name ? arena_strdup(arena, strv_of(rx->tls_name)) : NULL;
	msg->home = rx->home;
	msg->received_us = (int64_t)worker_now_ms(edge->w.worker) * 1000;
	return msg;
}

/* RFC 5923 s4: a peer of the trust domain wants requests to it over the connection that it opened,
 * and its certificate says that it may. */
static void note_alias(struct sip_edge *edge, const struct sip_msg *msg)
{
	struct strv value;
	unsigned port = msg->via.port ? msg->via.port : sip_proto_port(msg->proto);

	if (msg->is_request && msg->is_peer && msg->tls_name && msg->proto == SIP_TLS &&
	    sip_param(msg->via.params, "alias", &value))
		sip_tp_alias(edge->w.tp, msg->flow, port);
}

static void on_received(void *arg, const struct sip_rx *rx)
{
	struct sip *sip = arg;
	struct sip_edge *edge = edge_self(sip);
	const struct sip_hooks *hooks = &sip->options.hooks;
	int is_peer = hooks->is_peer && hooks->is_peer(hooks->arg, rx) == 1;
	enum sip_fence_result result;
	struct sip_msg *msg;

	if (!is_peer && sip->options.tp.limits &&
	    !limit_request(sip->options.tp.limits, &rx->source.any,
			   worker_now_ms(edge->w.worker))) {
		sip_count_drop(edge->count, SIP_DROP_LIMIT);
		seen_refused(edge, rx);
		return;
	}
	result = sip_fence_check(rx->bytes, rx->flow != 0 && !sip_edge_is_ws(rx->proto),
				 &edge->fence);
	if (rx->broken) {
		/* The stream cannot be cut any further: whatever the fence says of what is legible,
		 * it is no message. */
		refused(edge, rx, SIP_DROP_FENCE, rx->broken, rx->broken_why,
			edge->fence.is_request && !strv_eq(edge->fence.method, STRV("ACK")));
		return;
	}
	if (result != SIP_FENCE_PASS) {
		refused(edge, rx, SIP_DROP_FENCE, edge->fence.refuse, edge->fence.why,
			result == SIP_FENCE_REFUSE);
		return;
	}
	msg = parse(edge, rx);
	if (!msg)
		return;
	msg->is_peer = is_peer;
	note_alias(edge, msg);
	if (msg->is_request)
		trace_new(&msg->trace);
	hand_on(edge, msg);
}

static void on_failed(void *arg, uint64_t cookie)
{
	struct sip_edge *edge = edge_self(arg);

	if (cookie)
		sip_txns_failed(edge->w.txns, cookie);
}

static void on_flow_closed(void *arg, uint64_t flow)
{
	struct sip *sip = arg;

	if (sip->options.hooks.flow_closed)
		sip->options.hooks.flow_closed(sip->options.hooks.arg, flow);
}

/* ---- dispatched ---- */

static void on_request(void *arg, struct sip_stx *stx, struct sip_msg *msg)
{
	struct sip_edge *edge = arg;
	struct sip *sip = edge->sip;

	if (stx && !msg->to_tag.p && atomic_load_explicit(&sip->draining, memory_order_relaxed)) {
		sip_refuse_draining(stx);
		return;
	}
	for (unsigned i = 0; i < sip->options.n_services; i++) {
		const struct sip_service *service = &sip->options.services[i];

		/* Before the call, for the answer may be given, and STX gone, when it returns. */
		if (stx)
			sip_stx_set_taker(stx, service, service->name);
		if (service->request(service->arg, &edge->w, stx, msg))
			return;
	}
	if (!stx) {
		sip_count_drop(edge->count, SIP_DROP_STRAY);
		return;
	}
	sip_stx_set_taker(stx, NULL, "nobody");
	sip_refuse_unclaimed(sip, stx);
}

static void on_cancel(void *arg, struct sip_stx *stx)
{
	struct sip_edge *edge = arg;
	const struct sip_service *service = sip_stx_taker(stx);

	if (service && service->cancel)
		service->cancel(service->arg, &edge->w, stx);
	else
		sip_stx_reply_status(stx, 487, NULL);
}

static void on_stray(void *arg, struct sip_msg *msg)
{
	struct sip_edge *edge = arg;
	const struct sip_hooks *hooks = &edge->sip->options.hooks;

	if (hooks->stray)
		hooks->stray(hooks->arg, &edge->w, msg);
}

/* ---- open and close ---- */

static int edge_init(struct sip_edge *edge, struct sip *sip, unsigned index, struct err *err)
{
	const struct sip_tu tu = { .request = on_request,
				   .cancel = on_cancel,
				   .stray = on_stray,
				   .seen = on_seen,
				   .arg = edge };
	struct sip_below below;

	edge->sip = sip;
	edge->w.sip = sip;
	edge->w.worker = workers_at(sip->workers, index);
	edge->w.tp = sip->tp;
	edge->count = sip_count_new(index);
	if (!edge->count)
		return err_set(err, ERR_NOMEM, "no memory for SIP's counters");
	sip_below_worker(&below, edge->w.worker, sip->tp, &edge->w.resolver);
	return sip_txns_new(&below, &sip->options.timers, &tu, edge->count, &edge->w.txns, err);
}

int sip_new(const struct sip_options *options, struct workers *workers, struct sip **sip_out,
	    struct err *err)
{
	struct sip *sip = calloc(1, sizeof(*sip));
	unsigned n = workers_count(workers);

	if (!sip || !(sip->edge = calloc(n, sizeof(*sip->edge))) ||
	    !(sip->merged = sip_merged_new())) {
		if (sip)
			free(sip->edge);
		free(sip);
		return err_set(err, ERR_NOMEM, "no memory for SIP");
	}
	sip->options = *options;
	sip->workers = workers;
	sip->n_edges = n;
	sip->options.tp.ops = (struct sip_tp_ops){ .received = on_received,
						   .failed = on_failed,
						   .flow_closed = on_flow_closed,
						   .sent = on_sent,
						   .arg = sip };
	if (sip_tp_new(&sip->options.tp, workers, &sip->tp, err) < 0) {
		sip_free(&sip);
		return -1;
	}
	for (unsigned i = 0; i < n; i++)
		if (edge_init(&sip->edge[i], sip, i, err) < 0) {
			sip_free(&sip);
			return -1;
		}
	*sip_out = sip;
	return 0;
}

int sip_start(struct sip *sip, struct err *err)
{
	return sip_tp_start(sip->tp, err);
}

void sip_free(struct sip **at)
{
	struct sip *sip = *at;

	*at = NULL;
	if (!sip)
		return;
	for (unsigned i = 0; i < sip->n_edges; i++) {
		/* It may be gone already; who waits for it is not called any more either way. */
		sip->edge[i].w.resolver = NULL;
		sip_txns_free(&sip->edge[i].w.txns);
		sip_count_free(&sip->edge[i].count);
	}
	sip_tp_free(&sip->tp);
	sip_merged_free(&sip->merged);
	free(sip->edge);
	free(sip);
}

unsigned sip_port(const struct sip *sip, unsigned listen)
{
	return sip_tp_port(sip->tp, listen);
}

int sip_reload_tls(struct sip *sip, struct err *err)
{
	return sip_tp_reload_tls(sip->tp, err);
}

/* ---- drain ---- */

enum { DRAIN_LOOK_MS = 20 };

static void drain_look(struct wheel_timer *timer)
{
	struct sip_edge *edge =
		(struct sip_edge *)(void *)((char *)timer - offsetof(struct sip_edge, drain));
	struct sip *sip = edge->sip;
	uint64_t now_ms = worker_now_ms(edge->w.worker);
	struct sip_txn_stats stats;

	sip_txns_stats(edge->w.txns, &stats);
	if (stats.server + stats.client > 0 && now_ms < sip->drain_until_ms) {
		worker_timer_set(edge->w.worker, &edge->drain, DRAIN_LOOK_MS, drain_look);
		return;
	}
	if (atomic_fetch_sub(&sip->n_draining, 1) == 1)
		sip_tp_drain(sip->tp,
			     now_ms < sip->drain_until_ms ? (unsigned)(sip->drain_until_ms - now_ms)
							  : 0,
			     sip->drained, sip->drained_arg);
}

static void drain_begin(struct post *post)
{
	struct sip_edge *edge =
		(struct sip_edge *)(void *)((char *)post - offsetof(struct sip_edge, drain_post));

	drain_look(&edge->drain);
}

void sip_drain(struct sip *sip, unsigned timeout_ms, void (*drained)(void *arg), void *arg)
{
	sip->drained = drained;
	sip->drained_arg = arg;
	sip->drain_until_ms = sip_edge_clock_ms() + timeout_ms;
	atomic_store(&sip->n_draining, sip->n_edges);
	atomic_store(&sip->draining, 1);
	for (unsigned i = 0; i < sip->n_edges; i++) {
		sip->edge[i].drain_post.run = drain_begin;
		worker_post(sip->edge[i].w.worker, &sip->edge[i].drain_post);
	}
}
