/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_stx.c - server transactions: RFC 3261 s17.2 (figures 7 and 8), RFC 6026 s7.1 and s8.5,
 * RFC 4320 s4
 *
 *	state		timer		ends it			repeats
 *	INVITE
 *	  proceeding	trying 200 ms	2*C since the last answer: 408	the last provisional answer
 *	  completed	G, H		H (64*T1): no ACK	the answer
 *	  accepted	L		L (64*T1)		nothing: 2xx are the TU's to repeat
 *	  confirmed	I		a struct txn_done, silent for T4
 *	others
 *	  trying	trying 3.5 s	F's twin (64*T1)	nothing
 *	  proceeding	-		the same		100
 *	  completed	J		a struct txn_done
 *
 * Each state is one function of the events that can come in it.
 */
#include "sip/sip_txn.h"

#include <stdlib.h>

#include "base/log.h"
#include "sip/sip_txn_priv.h"

enum stx_event {
	EV_AGAIN,	/* the request once more */
	EV_ACK,		/* with the branch of the INVITE */
	EV_PROVISIONAL, /* the TU answers */
	EV_SUCCESS,
	EV_FAILURE,
	EV_TIMER, /* trying, or G */
	EV_END,	  /* H, L, F's twin */
};

enum stx_state {
	INVITE_PROCEEDING,
	INVITE_COMPLETED,
	INVITE_ACCEPTED,
	OTHER_TRYING,
	OTHER_PROCEEDING,
	STX_STATES
};

struct sip_stx {
	struct txn_head head;
	unsigned char state; /* enum stx_state */
	unsigned char method;
	unsigned short status; /* of what was answered last; 0: nothing yet */
	struct sip_txns *txns;
	uint64_t id;
	struct sip_msg *msg; /* NULL once finally answered */
	struct sip_buf *last;
	struct txn_hop hop;
	struct wheel_timer timer, end;
	unsigned interval_ms; /* of G */
	int64_t received_us;
	void *user;
	void (*drop)(void *user);
	const void *taker;
	const char *by; /* the taker's name for the log */
	struct trace_id trace;
};

/* What an event brings with it, and what came of it. */
struct stx_step {
	enum stx_event event;
	unsigned status;     /* EV_PROVISIONAL .. EV_FAILURE */
	struct sip_buf *buf; /* the answer */
	int refused;	     /* it was not sent: there is no place for it in this state */
	int once;	     /* it is sent, and that is all */
};

typedef void stx_state_fn(struct sip_stx *stx, struct stx_step *step);
static stx_state_fn invite_proceeding, invite_completed, invite_accepted, other_trying,
	other_proceeding;

static const struct {
	const char *name;
	stx_state_fn *fn;
} states[STX_STATES] = {
	[INVITE_PROCEEDING] = { "proceeding", invite_proceeding },
	[INVITE_COMPLETED] = { "completed", invite_completed },
	[INVITE_ACCEPTED] = { "accepted", invite_accepted },
	[OTHER_TRYING] = { "trying", other_trying },
	[OTHER_PROCEEDING] = { "proceeding", other_proceeding },
};

enum { TRYING_INVITE_MS = 200 }; /* RFC 3261 s17.2.1 */

static void run(struct sip_stx *stx, struct stx_step *step)
{
	states[stx->state].fn(stx, step);
}

static void on_timer(struct wheel_timer *timer)
{
	struct sip_stx *stx =
		(struct sip_stx *)(void *)((char *)timer - offsetof(struct sip_stx, timer));

	run(stx, &(struct stx_step){ .event = EV_TIMER });
}

static void on_end(struct wheel_timer *timer)
{
	struct sip_stx *stx =
		(struct sip_stx *)(void *)((char *)timer - offsetof(struct sip_stx, end));

	run(stx, &(struct stx_step){ .event = EV_END });
}

static void set_timer(struct sip_stx *stx, unsigned delay_ms)
{
	txn_timer_set(stx->txns, &stx->timer, delay_ms, on_timer);
}

static void set_end(struct sip_stx *stx, unsigned delay_ms)
{
	txn_timer_set(stx->txns, &stx->end, delay_ms, on_end);
}

static void enter(struct sip_stx *stx, enum stx_state state)
{
	log_debug(LOG_SIP, "server transaction", L_STR("method", sip_method_name(stx->method)),
		  L_STR("from", states[stx->state].name), L_STR("to", states[state].name),
		  L_ID(&stx->trace));
	stx->state = (unsigned char)state;
}

/* ---- beginning and end ---- */

static unsigned reliable(const struct sip_stx *stx)
{
	return sip_proto_is_reliable((enum sip_proto)stx->hop.proto);
}

/* How long until a client's Timer E is reset to T2: 100 may not be sent earlier over UDP and must
 * be sent then (RFC 4320 s4.1). */
static unsigned trying_other_ms(const struct sip_timers *timers)
{
	unsigned sum = 0;

	for (unsigned e = timers->t1_ms; e && e < timers->t2_ms; e *= 2)
		sum += e;
	return sum;
}

/* The TU's things end where nothing can be answered any more. */
static void drop_user(struct sip_stx *stx)
{
	void (*drop)(void *user) = stx->drop;

	stx->drop = NULL;
	if (drop)
		drop(stx->user);
}

void stx_free(struct sip_stx **at)
{
	struct sip_stx *stx = *at;

	*at = NULL;
	txn_timer_clear(stx->txns, &stx->timer);
	txn_timer_clear(stx->txns, &stx->end);
	sip_slots_remove(&stx->txns->stxs, stx->id);
	stx->txns->stats.server--;
	sip_count_live(stx->txns->count, SIP_LIVE_SERVER, -1);
	sip_buf_drop(&stx->last);
	txn_msg_done(stx->txns, &stx->msg);
	drop_user(stx);
	free(stx);
}

/* The end without anything that waits. */
static void stop(struct sip_stx *stx)
{
	txn_forget(stx->txns, &stx->head);
	stx_free(&stx);
}

static void log_outcome(struct sip_stx *stx, unsigned status)
{
	char source[SIP_ADDR_TEXT];
	int64_t us = stx->received_us ? (int64_t)stx->txns->below.now_ms(&stx->txns->below) -
						stx->received_us / 1000
				      : 0;

	log_info(LOG_SIP, "request", L_STR("method", sip_method_name(stx->method)),
		 L_INT("status", status), L_STR("by", stx->by ? stx->by : "-"),
		 L_STR("proto", sip_proto_name((enum sip_proto)stx->hop.proto)),
		 L_STR("peer", sip_addr_print(&stx->hop.addr, source)),
		 L_INT("ms", us < 0 ? 0 : us), L_ID(&stx->trace));
}

const struct trace_id *stx_trace(const struct sip_stx *stx)
{
	return &stx->trace;
}

/* ---- states ---- */

static void repeat_last(struct sip_stx *stx)
{
	if (!stx->last)
		return;
	sip_count_retransmission(stx->txns->count, SIP_OUT);
	txn_hop_send(stx->txns, &stx->hop, NULL, stx->last, 0);
}

/* 1: STEP's answer goes by another connection, for the request's own has ended. Nothing is worth
 * that to somebody who has shown nothing of themselves (sip_stx_reply_once). */
static int answer_late(struct sip_stx *stx, const struct stx_step *step)
{
	const struct sip_below *below = &stx->txns->below;

	return stx->hop.flow && step->status >= 200 && stx->msg && !step->once &&
	       !below->flow_alive(below, stx->hop.flow) &&
	       late_answer(stx->txns, stx->msg, &stx->trace, step->buf) == 0;
}

static void send_answer(struct sip_stx *stx, struct stx_step *step)
{
	sip_buf_set_trace(step->buf, &stx->trace);
	sip_buf_drop(&stx->last);
	stx->last = sip_buf_hold(step->buf);
	stx->status = (unsigned short)step->status;
	sip_count_response(stx->txns->count, SIP_OUT, stx->method, step->status,
			   (enum sip_proto)stx->hop.proto);
	if (!answer_late(stx, step))
		txn_hop_send(stx->txns, &stx->hop, NULL, step->buf, 0);
}

static void no_answer(struct sip_stx *stx)
{
	stx->txns->stats.timed_out++;
	sip_count_timeout(stx->txns->count, SIP_IN);
	log_outcome(stx, 0);
	stop(stx);
}

static void invite_proceeding(struct sip_stx *stx, struct stx_step *step)
{
	const struct sip_timers *timers = &stx->txns->timers;

	switch (step->event) {
	case EV_AGAIN:
		repeat_last(stx);
		break;
	case EV_TIMER:
		if (!stx->status)
			sip_stx_reply_status(stx, 100, NULL);
		break;
	case EV_PROVISIONAL:
		send_answer(stx, step);
		set_end(stx, 2 * timers->c_ms);
		break;
	case EV_SUCCESS:
		txn_timer_clear(stx->txns, &stx->timer);
		send_answer(stx, step);
		log_outcome(stx, step->status);
		enter(stx, INVITE_ACCEPTED);
		set_end(stx, 64 * timers->t1_ms); /* Timer L */
		txn_msg_done(stx->txns, &stx->msg);
		break;
	case EV_FAILURE:
		txn_timer_clear(stx->txns, &stx->timer);
		send_answer(stx, step);
		log_outcome(stx, step->status);
		enter(stx, INVITE_COMPLETED);
		stx->interval_ms = timers->t1_ms;
		if (!reliable(stx))
			set_timer(stx, stx->interval_ms); /* Timer G */
		set_end(stx, 64 * timers->t1_ms);	  /* Timer H */
		txn_msg_done(stx->txns, &stx->msg);
		drop_user(stx);
		break;
	case EV_END: /* whoever has it has lost it: not for ever */
		if (sip_stx_reply_status(stx, 408, NULL) < 0)
			stop(stx);
		break;
	case EV_ACK: /* of nothing */
		break;
	}
}

static void invite_completed(struct sip_stx *stx, struct stx_step *step)
{
	switch (step->event) {
	case EV_AGAIN:
		repeat_last(stx);
		break;
	case EV_TIMER: /* Timer G */
		repeat_last(stx);
		stx->interval_ms = txn_min(2 * stx->interval_ms, stx->txns->timers.t2_ms);
		set_timer(stx, stx->interval_ms);
		break;
	case EV_ACK:
		if (reliable(stx)) {
			stop(stx);
			break;
		}
		txn_finish(stx->txns, &stx->head, WAIT_I_K, &stx->hop, NULL);
		stx_free(&stx);
		break;
	case EV_END: /* Timer H: the transport's or the peer's failure, and nothing can be done */
		stx->txns->stats.timed_out++;
		sip_count_timeout(stx->txns->count, SIP_IN);
		stop(stx);
		break;
	case EV_PROVISIONAL:
	case EV_SUCCESS:
	case EV_FAILURE:
		step->refused = 1;
		break;
	}
}

/* RFC 6026 s7.1: the INVITE once more is absorbed, further 2xx pass. */
static void invite_accepted(struct sip_stx *stx, struct stx_step *step)
{
	switch (step->event) {
	case EV_SUCCESS:
		send_answer(stx, step);
		break;
	case EV_END: /* Timer L */
		stop(stx);
		break;
	case EV_PROVISIONAL:
	case EV_FAILURE:
		step->refused = 1;
		break;
	case EV_AGAIN:
	case EV_ACK: /* stx_again has given it to the TU */
	case EV_TIMER:
		break;
	}
}

/* The final answer to anything but INVITE: all that stays is what Timer J needs. */
static void finish_other(struct sip_stx *stx, struct stx_step *step)
{
	if (step->status == 408) { /* RFC 4320 s4.2: it would only cost the client more */
		no_answer(stx);
		return;
	}
	send_answer(stx, step);
	log_outcome(stx, step->status);
	if (reliable(stx)) {
		stop(stx);
		return;
	}
	txn_finish(stx->txns, &stx->head, WAIT_J, &stx->hop, step->buf);
	stx_free(&stx);
}

static void other_trying(struct sip_stx *stx, struct stx_step *step)
{
	switch (step->event) {
	case EV_TIMER:
		enter(stx, OTHER_PROCEEDING);
		sip_stx_reply_status(stx, 100, NULL);
		break;
	case EV_PROVISIONAL: /* RFC 4320 s4.1 */
		if (step->status != 100 || !reliable(stx))
			break;
		enter(stx, OTHER_PROCEEDING);
		txn_timer_clear(stx->txns, &stx->timer);
		send_answer(stx, step);
		break;
	case EV_SUCCESS:
	case EV_FAILURE:
		finish_other(stx, step);
		break;
	case EV_END:
		no_answer(stx);
		break;
	case EV_AGAIN:
	case EV_ACK:
		break;
	}
}

static void other_proceeding(struct sip_stx *stx, struct stx_step *step)
{
	switch (step->event) {
	case EV_AGAIN:
		repeat_last(stx);
		break;
	case EV_PROVISIONAL:
		if (step->status == 100 && !stx->status)
			send_answer(stx, step);
		break;
	case EV_SUCCESS:
	case EV_FAILURE:
		finish_other(stx, step);
		break;
	case EV_END:
		no_answer(stx);
		break;
	case EV_TIMER:
	case EV_ACK:
		break;
	}
}

/* ---- input ---- */

static struct sip_stx *stx_new(struct sip_txns *txns, const struct sip_key *key,
			       struct sip_msg *msg)
{
	struct sip_stx *stx;
	struct sip_dest dest;

	if (txns->stats.server >= txns->timers.max_live)
		return NULL;
	stx = calloc(1, sizeof(*stx));
	if (!stx)
		return NULL;
	stx->txns = txns;
	stx->id = sip_slots_add(&txns->stxs, stx);
	if (!stx->id) {
		free(stx);
		return NULL;
	}
	txns->stats.server++;
	sip_count_live(txns->count, SIP_LIVE_SERVER, 1);
	stx->head.node.key = *key;
	stx->head.kind = TXN_SERVER;
	stx->state = msg->method == SIP_INVITE ? INVITE_PROCEEDING : OTHER_TRYING;
	stx->method = (unsigned char)msg->method;
	stx->msg = msg;
	stx->received_us = msg->received_us;
	stx->trace = msg->trace;
	sip_reply_dest(msg, &dest);
	txn_hop_set(&stx->hop, &dest);
	sip_table_add(&txns->table, &stx->head.node);
	return stx;
}

/* More than we can hold: told without any state, so that who is served already stays served. */
static void refuse_overload(struct sip_txns *txns, struct sip_msg *msg)
{
	static const struct strv lines[] = { { "Retry-After: 10", 15 } };
	const struct sip_reply reply = { .status = 503, .lines = lines, .n_lines = 1 };
	struct sip_buf *buf = sip_reply_make(msg, &reply);
	struct sip_dest dest;

	sip_count_drop(txns->count, SIP_DROP_OVERLOAD);
	if (buf) {
		sip_buf_set_trace(buf, &msg->trace);
		sip_reply_dest(msg, &dest);
		txns->below.send(&txns->below, &dest, buf, 0);
		sip_buf_drop(&buf);
	}
	txn_msg_done(txns, &msg);
}

/* RFC 3261 s9.2: CANCEL is answered by us, its INVITE's TU hears of it once. */
static void input_cancel(struct sip_txns *txns, struct sip_stx *cancel)
{
	struct sip_key key;
	struct txn_head *head = txn_find_server(txns, cancel->msg, STRV("INVITE"), &key);
	struct sip_stx *invite = head && head->kind == TXN_SERVER ? (struct sip_stx *)head : NULL;

	sip_stx_set_taker(cancel, NULL, "cancel");
	sip_stx_reply_status(cancel, head ? 200 : 481, NULL);
	if (invite && invite->state == INVITE_PROCEEDING)
		txns->tu.cancel(txns->tu.arg, invite);
}

void stx_input(struct sip_txns *txns, const struct sip_key *key, struct sip_msg *msg)
{
	struct sip_stx *stx = stx_new(txns, key, msg);

	if (!stx) {
		refuse_overload(txns, msg);
		return;
	}
	if (msg->method == SIP_CANCEL) {
		input_cancel(txns, stx);
		return;
	}
	if (msg->method == SIP_INVITE) {
		set_timer(stx, TRYING_INVITE_MS);
		set_end(stx, 2 * txns->timers.c_ms);
	} else {
		set_timer(stx, trying_other_ms(&txns->timers));
		set_end(stx, 64 * txns->timers.t1_ms);
	}
	txns->tu.request(txns->tu.arg, stx, msg);
}

void stx_again(struct sip_stx *stx, struct sip_msg *msg)
{
	struct sip_txns *txns = stx->txns;
	int is_ack = msg->method == SIP_ACK;

	if (is_ack && stx->state == INVITE_ACCEPTED) {
		sip_count_request(txns->count, SIP_IN, SIP_ACK, msg->proto);
		txns->tu.request(txns->tu.arg, NULL, msg);
		txn_msg_done(txns, &msg);
		return;
	}
	if (!is_ack) {
		txns->stats.retransmitted++;
		sip_count_retransmission(txns->count, SIP_IN);
	}
	txn_msg_done(txns, &msg);
	run(stx, &(struct stx_step){ .event = is_ack ? EV_ACK : EV_AGAIN });
}

/* ---- the TU's side ---- */

struct sip_msg *sip_stx_request(struct sip_stx *stx)
{
	return stx->msg;
}

int sip_stx_reply_buf(struct sip_stx *stx, unsigned status, struct sip_buf *buf)
{
	struct stx_step step = {
		.event = status < 200	? EV_PROVISIONAL
			 : status < 300 ? EV_SUCCESS
					: EV_FAILURE,
		.status = status,
		.buf = buf,
	};

	run(stx, &step);
	return step.refused ? -1 : 0;
}

int sip_stx_reply(struct sip_stx *stx, const struct sip_reply *reply)
{
	struct sip_buf *buf;
	int ret;

	if (!stx->msg)
		return -1;
	buf = sip_reply_make(stx->msg, reply);
	if (!buf)
		return -1;
	ret = sip_stx_reply_buf(stx, reply->status, buf);
	sip_buf_drop(&buf);
	return ret;
}

int sip_stx_reply_status(struct sip_stx *stx, unsigned status, const char *reason)
{
	return sip_stx_reply(stx, &(struct sip_reply){ .status = status, .reason = reason });
}

void sip_stx_reply_once(struct sip_stx *stx, unsigned status, struct sip_buf *buf)
{
	struct stx_step step = { .event = EV_FAILURE, .status = status, .buf = buf, .once = 1 };

	send_answer(stx, &step);
	log_outcome(stx, status);
	stop(stx);
}

void sip_stx_drop(struct sip_stx *stx)
{
	log_outcome(stx, 0);
	stop(stx);
}

void sip_stx_set_user(struct sip_stx *stx, void *user, void (*drop)(void *user))
{
	stx->user = user;
	stx->drop = drop;
}

void *sip_stx_user(const struct sip_stx *stx)
{
	return stx->user;
}

uint64_t sip_stx_id(const struct sip_stx *stx)
{
	return stx->id;
}

struct sip_stx *sip_stx_find(struct sip_txns *txns, uint64_t id)
{
	struct sip_stx *stx = sip_slots_find(&txns->stxs, id);

	return stx && stx->state != INVITE_COMPLETED ? stx : NULL;
}

struct sip_txns *sip_stx_txns(const struct sip_stx *stx)
{
	return stx->txns;
}

void sip_stx_set_taker(struct sip_stx *stx, const void *taker, const char *name)
{
	stx->taker = taker;
	stx->by = name;
}

const void *sip_stx_taker(const struct sip_stx *stx)
{
	return stx->taker;
}
