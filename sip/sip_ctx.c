/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_ctx.c - client transactions: RFC 3261 s17.1 (figures 5 and 6), RFC 6026 s7.2 and s8.4
 *
 *	state		timer	ends it
 *	INVITE
 *	  calling	A, B	B (64*T1): 408
 *	  proceeding	C	C: CANCEL; 64*T1 after CANCEL: 408
 *	  completed	D	a struct txn_done that repeats the ACK
 *	  accepted	M	M (64*T1)
 *	others
 *	  trying	E, F	F (64*T1): 408
 *	  proceeding	E, F	F: 408
 *	  completed	K	a struct txn_done, silent
 *
 * Each state is one function of the events that can come in it.
 */
#include "sip/sip_txn.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "sip/sip_txn_priv.h"

enum ctx_event {
	EV_PROVISIONAL, /* a response */
	EV_SUCCESS,
	EV_FAILURE,
	EV_TIMER,  /* A, E */
	EV_END,	   /* B, C, F, M */
	EV_BROKEN, /* transport */
};

enum ctx_state {
	INVITE_CALLING,
	INVITE_PROCEEDING,
	INVITE_ACCEPTED,
	OTHER_TRYING,
	OTHER_PROCEEDING,
	CTX_STATES
};

struct sip_ctx {
	struct txn_head head;
	unsigned char state; /* enum ctx_state */
	unsigned char method;
	unsigned char want_cancel; /* as soon as something provisional has come */
	unsigned char cancelled;   /* CANCEL has been sent */
	unsigned interval_ms;	   /* of A, E */
	struct sip_txns *txns;
	uint64_t id;
	struct sip_buf *buf;
	struct sip_buf *cancel_line; /* NULL: none */
	struct txn_hop hop;
	struct wheel_timer timer, end;
	sip_answered_fn *answered;
	void *arg;
	struct trace_id trace;
	char branch[SIP_BRANCH_BYTES];
	char name[]; /* of dest, terminated */
};

typedef void ctx_state_fn(struct sip_ctx *ctx, enum ctx_event event, struct sip_msg *response);
static ctx_state_fn invite_calling, invite_proceeding, invite_accepted, other_trying,
	other_proceeding;

static const struct {
	const char *name;
	ctx_state_fn *fn;
} states[CTX_STATES] = {
	[INVITE_CALLING] = { "calling", invite_calling },
	[INVITE_PROCEEDING] = { "proceeding", invite_proceeding },
	[INVITE_ACCEPTED] = { "accepted", invite_accepted },
	[OTHER_TRYING] = { "trying", other_trying },
	[OTHER_PROCEEDING] = { "proceeding", other_proceeding },
};

static void run(struct sip_ctx *ctx, enum ctx_event event, struct sip_msg *response)
{
	states[ctx->state].fn(ctx, event, response);
}

static void on_timer(struct wheel_timer *timer)
{
	run((struct sip_ctx *)(void *)((char *)timer - offsetof(struct sip_ctx, timer)), EV_TIMER,
	    NULL);
}

static void on_end(struct wheel_timer *timer)
{
	run((struct sip_ctx *)(void *)((char *)timer - offsetof(struct sip_ctx, end)), EV_END,
	    NULL);
}

static void set_timer(struct sip_ctx *ctx, unsigned delay_ms)
{
	ctx->interval_ms = delay_ms;
	txn_timer_set(ctx->txns, &ctx->timer, delay_ms, on_timer);
}

static void set_end(struct sip_ctx *ctx, unsigned delay_ms)
{
	txn_timer_set(ctx->txns, &ctx->end, delay_ms, on_end);
}

static void enter(struct sip_ctx *ctx, enum ctx_state state)
{
	log_debug(LOG_SIP, "client transaction", L_STR("method", sip_method_name(ctx->method)),
		  L_STR("from", states[ctx->state].name), L_STR("to", states[state].name),
		  L_ID(&ctx->trace));
	ctx->state = (unsigned char)state;
}

static int reliable(const struct sip_ctx *ctx)
{
	return sip_proto_is_reliable((enum sip_proto)ctx->hop.proto);
}

static void put(struct sip_ctx *ctx)
{
	txn_hop_send(ctx->txns, &ctx->hop, ctx->name, ctx->buf, ctx->id);
}

static void repeat(struct sip_ctx *ctx)
{
	sip_count_retransmission(ctx->txns->count, SIP_OUT);
	ctx->txns->stats.retransmitted++;
	put(ctx);
}

/* ---- the ends ---- */

void ctx_free(struct sip_ctx **at)
{
	struct sip_ctx *ctx = *at;

	*at = NULL;
	txn_timer_clear(ctx->txns, &ctx->timer);
	txn_timer_clear(ctx->txns, &ctx->end);
	sip_slots_remove(&ctx->txns->ctxs, ctx->id);
	ctx->txns->stats.client--;
	sip_count_live(ctx->txns->count, SIP_LIVE_CLIENT, -1);
	sip_buf_drop(&ctx->buf);
	sip_buf_drop(&ctx->cancel_line);
	free(ctx);
}

/* The last word to the TU, which may begin whatever it likes: CTX is gone before. BUF: what is
 * repeated while it waits; for WAITS nothing waits. */
static void conclude(struct sip_ctx *ctx, enum txn_wait wait, struct sip_buf *buf, unsigned status,
		     struct sip_msg *response)
{
	sip_answered_fn *answered = ctx->answered;
	void *arg = ctx->arg;

	if (wait < WAITS)
		txn_finish(ctx->txns, &ctx->head, wait, &ctx->hop, buf);
	else
		txn_forget(ctx->txns, &ctx->head);
	ctx_free(&ctx);
	if (answered)
		answered(arg, status, response);
}

static void fail(struct sip_ctx *ctx, unsigned status)
{
	if (status == 408) {
		ctx->txns->stats.timed_out++;
		sip_count_timeout(ctx->txns->count, SIP_OUT);
	}
	log_debug(LOG_SIP, "no answer", L_STR("method", sip_method_name(ctx->method)),
		  L_INT("status", status), L_ID(&ctx->trace));
	conclude(ctx, WAITS, NULL, status, NULL);
}

/* ---- INVITE ---- */

static void send_cancel(struct sip_ctx *ctx)
{
	struct sip_send send = { .method = SIP_CANCEL, .trace = &ctx->trace };
	struct strv line = ctx->cancel_line ? sip_buf_bytes(ctx->cancel_line) : strv_mem(NULL, 0);

	ctx->want_cancel = 0;
	ctx->cancelled = 1;
	memcpy(send.branch, ctx->branch, sizeof(send.branch));
	send.buf = txn_make_cancel(ctx->buf, line);
	if (send.buf) {
		send.dest.proto = (enum sip_proto)ctx->hop.proto;
		send.dest.addr = ctx->hop.addr;
		send.dest.flow = ctx->hop.flow;
		send.dest.flow_only = ctx->hop.flow_only;
		send.dest.home = ctx->hop.home;
		snprintf(send.dest.name, sizeof(send.dest.name), "%s", ctx->name);
		sip_ctx_send(ctx->txns, &send);
	}
	sip_buf_drop(&send.buf);
	set_end(ctx, 64 * ctx->txns->timers.t1_ms); /* s9.1, last paragraph */
}

static void invite_provisional(struct sip_ctx *ctx, struct sip_msg *response)
{
	sip_answered_fn *answered = ctx->answered;
	void *arg = ctx->arg;

	txn_timer_clear(ctx->txns, &ctx->timer);
	if (ctx->state != INVITE_PROCEEDING) {
		enter(ctx, INVITE_PROCEEDING);
		set_end(ctx, ctx->txns->timers.c_ms);
	} else if (response->status > 100 && !ctx->cancelled) {
		set_end(ctx, ctx->txns->timers.c_ms); /* s16.7 step 2 */
	}
	if (ctx->want_cancel)
		send_cancel(ctx);
	if (answered)
		answered(arg, response->status, response);
}

static void invite_success(struct sip_ctx *ctx, struct sip_msg *response)
{
	sip_answered_fn *answered = ctx->answered;
	void *arg = ctx->arg;

	txn_timer_clear(ctx->txns, &ctx->timer);
	enter(ctx, INVITE_ACCEPTED);
	set_end(ctx, 64 * ctx->txns->timers.t1_ms); /* Timer M */
	sip_buf_drop(&ctx->buf);
	if (answered)
		answered(arg, response->status, response);
}

static void invite_failure(struct sip_ctx *ctx, struct sip_msg *response)
{
	struct sip_buf *ack = txn_make_ack(ctx->buf, sip_msg_value(response, SIP_H_TO, 0));
	enum txn_wait wait = reliable(ctx) ? WAITS : WAIT_D;
	struct sip_txns *txns = ctx->txns;

	if (ack) {
		sip_buf_set_trace(ack, &ctx->trace);
		sip_count_request(txns->count, SIP_OUT, SIP_ACK, (enum sip_proto)ctx->hop.proto);
		txn_hop_send(txns, &ctx->hop, ctx->name, ack, 0);
	}
	conclude(ctx, wait, ack, response->status, response);
	sip_buf_drop(&ack);
}

static void invite_calling(struct sip_ctx *ctx, enum ctx_event event, struct sip_msg *response)
{
	switch (event) {
	case EV_TIMER: /* Timer A */
		repeat(ctx);
		set_timer(ctx, 2 * ctx->interval_ms);
		break;
	case EV_PROVISIONAL:
		invite_provisional(ctx, response);
		break;
	case EV_SUCCESS:
		invite_success(ctx, response);
		break;
	case EV_FAILURE:
		invite_failure(ctx, response);
		break;
	case EV_END: /* Timer B */
		fail(ctx, 408);
		break;
	case EV_BROKEN:
		fail(ctx, 503);
		break;
	}
}

static void invite_proceeding(struct sip_ctx *ctx, enum ctx_event event, struct sip_msg *response)
{
	switch (event) {
	case EV_PROVISIONAL:
		invite_provisional(ctx, response);
		break;
	case EV_SUCCESS:
		invite_success(ctx, response);
		break;
	case EV_FAILURE:
		invite_failure(ctx, response);
		break;
	case EV_END: /* Timer C (s16.8), or CANCEL had no effect */
		if (ctx->cancelled)
			fail(ctx, 408);
		else
			send_cancel(ctx);
		break;
	case EV_BROKEN: /* the request has arrived; the answer may come another way */
	case EV_TIMER:
		break;
	}
}

/* RFC 6026 s7.2: every 2xx is the TU's, which sends the ACK. */
static void invite_accepted(struct sip_ctx *ctx, enum ctx_event event, struct sip_msg *response)
{
	switch (event) {
	case EV_SUCCESS:
		if (ctx->answered)
			ctx->answered(ctx->arg, response->status, response);
		break;
	case EV_END: /* Timer M */
		txn_forget(ctx->txns, &ctx->head);
		ctx_free(&ctx);
		break;
	case EV_PROVISIONAL:
	case EV_FAILURE:
	case EV_TIMER:
	case EV_BROKEN:
		break;
	}
}

/* ---- others ---- */

static void other_provisional(struct sip_ctx *ctx, struct sip_msg *response)
{
	sip_answered_fn *answered = ctx->answered;
	void *arg = ctx->arg;

	if (ctx->state != OTHER_PROCEEDING)
		enter(ctx, OTHER_PROCEEDING);
	if (answered)
		answered(arg, response->status, response);
}

static void other_final(struct sip_ctx *ctx, struct sip_msg *response)
{
	conclude(ctx, reliable(ctx) ? WAITS : WAIT_I_K, NULL, response->status, response);
}

static void other_trying(struct sip_ctx *ctx, enum ctx_event event, struct sip_msg *response)
{
	switch (event) {
	case EV_TIMER: /* Timer E */
		repeat(ctx);
		set_timer(ctx, txn_min(2 * ctx->interval_ms, ctx->txns->timers.t2_ms));
		break;
	case EV_PROVISIONAL:
		other_provisional(ctx, response);
		break;
	case EV_SUCCESS:
	case EV_FAILURE:
		other_final(ctx, response);
		break;
	case EV_END: /* Timer F */
		fail(ctx, 408);
		break;
	case EV_BROKEN:
		fail(ctx, 503);
		break;
	}
}

static void other_proceeding(struct sip_ctx *ctx, enum ctx_event event, struct sip_msg *response)
{
	switch (event) {
	case EV_TIMER: /* Timer E */
		repeat(ctx);
		set_timer(ctx, ctx->txns->timers.t2_ms);
		break;
	case EV_PROVISIONAL:
		other_provisional(ctx, response);
		break;
	case EV_SUCCESS:
	case EV_FAILURE:
		other_final(ctx, response);
		break;
	case EV_END: /* Timer F */
		fail(ctx, 408);
		break;
	case EV_BROKEN:
		fail(ctx, 503);
		break;
	}
}

/* ---- input ---- */

void ctx_input(struct sip_ctx *ctx, struct sip_msg *msg)
{
	struct sip_txns *txns = ctx->txns;

	msg->trace = ctx->trace;
	sip_count_response(txns->count, SIP_IN, ctx->method, msg->status, msg->proto);
	run(ctx,
	    msg->status < 200	? EV_PROVISIONAL
	    : msg->status < 300 ? EV_SUCCESS
				: EV_FAILURE,
	    msg);
	txn_msg_done(txns, &msg);
}

void ctx_failed(struct sip_ctx *ctx)
{
	run(ctx, EV_BROKEN, NULL);
}

/* ---- the TU's side ---- */

static struct sip_ctx *ctx_new(struct sip_txns *txns, const struct sip_send *send)
{
	size_t n = strnlen(send->dest.name, SIP_NAME_MAX);
	struct sip_ctx *ctx = calloc(1, sizeof(*ctx) + n + 1);

	if (!ctx)
		return NULL;
	ctx->txns = txns;
	ctx->id = sip_slots_add(&txns->ctxs, ctx);
	if (!ctx->id) {
		free(ctx);
		return NULL;
	}
	txns->stats.client++;
	sip_count_live(txns->count, SIP_LIVE_CLIENT, 1);
	ctx->head.kind = TXN_CLIENT;
	ctx->state = send->method == SIP_INVITE ? INVITE_CALLING : OTHER_TRYING;
	ctx->method = (unsigned char)send->method;
	sip_buf_set_trace(send->buf, send->trace);
	ctx->buf = sip_buf_hold(send->buf);
	ctx->answered = send->answered;
	ctx->arg = send->arg;
	if (send->trace)
		ctx->trace = *send->trace;
	memcpy(ctx->branch, send->branch, sizeof(ctx->branch));
	memcpy(ctx->name, send->dest.name, n);
	txn_hop_set(&ctx->hop, &send->dest);
	return ctx;
}

struct sip_ctx *sip_ctx_send(struct sip_txns *txns, const struct sip_send *send)
{
	struct sip_ctx *ctx = ctx_new(txns, send);

	if (!ctx)
		return NULL;
	ctx->head.node.key = txn_client_key(txns, strv_of(ctx->branch),
					    send->method == SIP_OTHER_METHOD
						    ? send->method_name
						    : strv_of(sip_method_name(send->method)));
	sip_table_add(&txns->table, &ctx->head.node);
	sip_count_request(txns->count, SIP_OUT, send->method, send->dest.proto);
	if (!reliable(ctx))
		set_timer(ctx, txns->timers.t1_ms); /* Timer A, E */
	set_end(ctx, 64 * txns->timers.t1_ms);	    /* Timer B, F */
	txns->below.send(&txns->below, &send->dest, ctx->buf, ctx->id);
	return ctx;
}

const struct trace_id *ctx_trace(const struct sip_ctx *ctx)
{
	return ctx->trace.hex[0] ? &ctx->trace : NULL;
}

uint64_t sip_ctx_id(const struct sip_ctx *ctx)
{
	return ctx->id;
}

struct sip_ctx *sip_ctx_find(struct sip_txns *txns, uint64_t id)
{
	return sip_slots_find(&txns->ctxs, id);
}

void sip_ctx_cancel(struct sip_ctx *ctx, struct strv reason)
{
	static const char name[] = "Reason: ";
	enum { NAME_N = sizeof(name) - 1 };

	if (ctx->cancelled || ctx->want_cancel ||
	    (ctx->state != INVITE_CALLING && ctx->state != INVITE_PROCEEDING))
		return;
	if (reason.n && (ctx->cancel_line = sip_buf_new(NAME_N + reason.n))) {
		memcpy(sip_buf_data(ctx->cancel_line), name, NAME_N);
		memcpy(sip_buf_data(ctx->cancel_line) + NAME_N, reason.p, reason.n);
	}
	if (ctx->state == INVITE_PROCEEDING)
		send_cancel(ctx);
	else
		ctx->want_cancel = 1;
}

void sip_ctx_forget(struct sip_ctx *ctx)
{
	ctx->answered = NULL;
}

void ctx_set_answered(struct sip_ctx *ctx, sip_answered_fn *answered, void *arg)
{
	ctx->answered = answered;
	ctx->arg = arg;
}
