/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_txn_priv.h - what the files of the transaction layer share: sip_txn.c (table, input, what
 * is finished), sip_stx.c (server), sip_ctx.c (client), sip_ack.c (ACK and CANCEL of a request),
 * sip_late.c (answers whose connection is gone)
 */
#ifndef SIP_SIP_TXN_PRIV_H
#define SIP_SIP_TXN_PRIV_H

#include "base/trace.h"
#include "sip/sip_slots.h"
#include "sip/sip_table.h"
#include "sip/sip_txn.h"

/* Whatever the table holds begins so. */
enum txn_kind {
	TXN_SERVER,	/* struct sip_stx */
	TXN_CLIENT,	/* struct sip_ctx */
	TXN_DONE,	/* struct txn_done: repeats its octets when what it answered comes again */
	TXN_DONE_SILENT /* struct txn_done: absorbs */
};

struct txn_head {
	struct sip_node node;
	unsigned char kind; /* enum txn_kind */
};

/* Where to, without the name that is only needed to open a connection. */
struct txn_hop {
	unsigned char proto; /* enum sip_proto */
	unsigned char flow_only;
	unsigned short home;
	struct sip_addr addr;
	uint64_t flow;
};

void txn_hop_set(struct txn_hop *hop, const struct sip_dest *dest);
void txn_hop_send(struct sip_txns *txns, const struct txn_hop *hop, const char *name,
		  struct sip_buf *buf, uint64_t cookie);

/* A finished transaction. 96 octets; BUF besides. */
struct txn_done {
	struct txn_head head;
	struct txn_hop hop;
	struct txn_done *later; /* in its queue */
	uint64_t due_ms;
	struct sip_buf *buf; /* NULL when silent */
};

/* Those that are kept for the same time stand in a row by themselves: no timer each. */
struct txn_queue {
	struct wheel_timer timer;
	struct sip_txns *txns;
	struct txn_done *first, **end;
	unsigned keep_ms;
};

/* By the timer that ends the wait. */
enum txn_wait { WAIT_J, WAIT_I_K, WAIT_D, WAITS };

struct sip_txns {
	struct sip_below below;
	struct sip_timers timers;
	struct sip_tu tu;
	struct sip_count *count;
	struct sip_table table;
	struct sip_slots stxs, ctxs, outs, lates;
	void (*out_end)(void *out); /* set with the first of outs */
	struct txn_queue queue[WAITS];
	struct sip_txn_stats stats;
	uint64_t branches; /* made so far */
	unsigned n_arenas;
	struct arena *arenas[64];
};

/* Set in cookies of answers that look for another way; in numbers of places it never is. */
#define TXN_COOKIE_LATE UINT64_C(0x80000000)

/* Put a finished one in the place of HEAD, whose memory is the caller's again. BUF (NULL: silent)
 * is held. Without memory the table just forgets it: a repetition is then taken for new. */
void txn_finish(struct sip_txns *txns, struct txn_head *head, enum txn_wait wait,
		const struct txn_hop *hop, struct sip_buf *buf);
void txn_forget(struct sip_txns *txns, struct txn_head *head);

struct txn_head *txn_find_server(struct sip_txns *txns, const struct sip_msg *msg,
				 struct strv method, struct sip_key *key_out);
struct sip_key txn_client_key(struct sip_txns *txns, struct strv branch, struct strv method);
void txn_msg_done(struct sip_txns *txns, struct sip_msg **msg);

static inline void txn_timer_set(struct sip_txns *txns, struct wheel_timer *timer,
				 uint64_t delay_ms, void (*fn)(struct wheel_timer *timer))
{
	txns->below.timer_set(&txns->below, timer, delay_ms, fn);
}
static inline void txn_timer_clear(struct sip_txns *txns, struct wheel_timer *timer)
{
	if (wheel_timer_is_set(timer))
		txns->below.timer_clear(&txns->below, timer);
}
static inline unsigned txn_min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* sip_stx.c */
void stx_input(struct sip_txns *txns, const struct sip_key *key, struct sip_msg *msg);
void stx_again(struct sip_stx *stx, struct sip_msg *msg); /* the request once more, or its ACK */
const struct trace_id *stx_trace(const struct sip_stx *stx);
void stx_cancelled(struct sip_stx *stx);
void stx_free(struct sip_stx **stx); /* the table is not told */

/* sip_ctx.c */
void ctx_input(struct sip_ctx *ctx, struct sip_msg *msg);
const struct trace_id *ctx_trace(const struct sip_ctx *ctx);
void ctx_failed(struct sip_ctx *ctx);
void ctx_free(struct sip_ctx **ctx);
void ctx_set_answered(struct sip_ctx *ctx, sip_answered_fn *answered, void *arg);

/* sip_late.c */
/* Send BUF, the answer to REQUEST whose connection is gone, by another one. 0; -1: there is no way,
 * or no memory. */
int late_answer(struct sip_txns *txns, const struct sip_msg *request, const struct trace_id *trace,
		struct sip_buf *buf);
void late_failed(struct sip_txns *txns, uint64_t cookie);
void late_free(void *late);

/* sip_ack.c: from the octets of the INVITE that was sent. LINE is one more header field ("Name:
 * value"; p NULL: none). NULL: no memory. */
struct sip_buf *txn_make_ack(struct sip_buf *invite, struct strv to);
struct sip_buf *txn_make_cancel(struct sip_buf *invite, struct strv line);

#endif
