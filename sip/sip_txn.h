/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_txn.h - transactions: the state machines of RFC 3261 s17, RFC 4320 and RFC 6026
 *
 * One struct sip_txns a worker; nothing here is shared. Look-up is by hash, timers are the worker's
 * wheel: the cost of one does not depend on how many live. Branches that we make begin with the
 * worker's number, so that an answer which the kernel gave to another worker is posted here.
 *
 * The user of transactions (TU) gets each request once, answers it, and gets each answer to what it
 * sent. A finished server transaction keeps its key, its answer and a deadline only.
 */
#ifndef SIP_SIP_TXN_H
#define SIP_SIP_TXN_H

#include <stdint.h>

#include "base/err.h"
#include "sip/sip_below.h"
#include "sip/sip_buf.h"
#include "sip/sip_count.h"
#include "sip/sip_msg.h"
#include "sip/sip_reply.h"

struct sip_txns; /* of one worker */
struct sip_stx;	 /* server transaction */
struct sip_ctx;	 /* client transaction */

/* RFC 3261 s17.1.1.1; milliseconds. */
struct sip_timers {
	unsigned t1_ms, t2_ms, t4_ms;
	unsigned d_ms;	       /* 32 s */
	unsigned c_ms;	       /* a proxied INVITE: over 3 min (s16.6 step 11) */
	unsigned max_live;     /* transactions of a worker that wait for an answer; a request more
				* gets 503 */
	unsigned max_finished; /* of a worker; one more, and the oldest is forgotten early */
};
/* 500, 4000, 5000, 32000, 181000; 100,000 and 1,000,000 */
void sip_timers_init(struct sip_timers *timers);

struct sip_tu {
	/* A new request. STX is NULL for ACK (of a 2xx). Ownership of MSG stays with STX until it
	 * is answered; without STX it is valid during the call. */
	void (*request)(void *arg, struct sip_stx *stx, struct sip_msg *msg);
	/* The request of STX is cancelled (RFC 3261 s9.2); its CANCEL has been answered. */
	void (*cancel)(void *arg, struct sip_stx *stx);
	/* A response that belongs to no transaction (a 2xx to INVITE repeated); may be NULL. */
	void (*stray)(void *arg, struct sip_msg *msg);
	/* Each message that came in, before anything is made of it, and the id of the request that
	 * it is, repeats, acknowledges or answers (NULL: of none that is known); may be NULL. */
	void (*seen)(void *arg, const struct sip_msg *msg, const struct trace_id *trace);
	void *arg;
};

/* BELOW and COUNT are borrowed until sip_txns_free. */
int sip_txns_new(const struct sip_below *below, const struct sip_timers *timers,
		 const struct sip_tu *tu, struct sip_count *count, struct sip_txns **txns_out,
		 struct err *err);
/* On no thread but its worker's, or after it ended. Nobody is told of what is still live but by the
 * drop functions of sip_stx_set_user. */
void sip_txns_free(struct sip_txns **txns);

const struct sip_below *sip_txns_below(const struct sip_txns *txns);
const struct sip_timers *sip_txns_timers(const struct sip_txns *txns);
struct sip_count *sip_txns_count(const struct sip_txns *txns);

/* An arena for a message to be parsed into, from a small stock; NULL: no memory. It comes back with
 * its message, or, when there was none, by sip_txns_arena_done. */
struct arena *sip_txns_arena(struct sip_txns *txns);
void sip_txns_arena_done(struct sip_txns *txns, struct arena **arena);

/* A parsed message, from sip_edge: requests and responses; matched, absorbed or handed to the TU.
 * MSG and its arena belong to the layer from now on. */
void sip_txns_input(struct sip_txns *txns, struct sip_msg *msg);
void sip_txns_failed(struct sip_txns *txns, uint64_t cookie); /* sip_tp_ops.failed */

/* ---- server ---- */

/* Valid until the final answer was given; NULL then. */
struct sip_msg *sip_stx_request(struct sip_stx *stx);
/* Answer. Any number of provisional ones, then one final (of 2xx to INVITE any number, RFC 6026
 * s7.1); others are ignored. 0, or -1: not answered, for want of memory, or because it has been
 * already. After a final answer STX may be gone: it is not touched any more unless its method is
 * INVITE, and then it is found by sip_stx_find.
 *
 * Not INVITE: 1xx but 100 are not sent, 100 not early over UDP, and 408 never: the transaction ends
 * without an answer (RFC 4320 s4). */
int sip_stx_reply(struct sip_stx *stx, const struct sip_reply *reply);
int sip_stx_reply_status(struct sip_stx *stx, unsigned status, const char *reason);
/* The same with octets that somebody made (a relayed response); STATUS as in them. BUF is held as
 * long as needed. */
int sip_stx_reply_buf(struct sip_stx *stx, unsigned status, struct sip_buf *buf);
/* The same for a refusal of which nothing is kept: it is sent once, and the request once more is a
 * new one. For senders who have not shown that their address is theirs. STX is gone. */
void sip_stx_reply_once(struct sip_stx *stx, unsigned status, struct sip_buf *buf);
/* End it without an answer: what may not be known to be here. */
void sip_stx_drop(struct sip_stx *stx);
/* Somewhere for the TU to keep what it knows of STX; DROP is called when the transaction ends, with
 * an answer or without (RFC 4320 s4.1: no answer helps after 64*T1). */
void sip_stx_set_user(struct sip_stx *stx, void *user, void (*drop)(void *user));
void *sip_stx_user(const struct sip_stx *stx);
/* A handler that must go on later keeps the number; with sip_stx_find the transaction is found
 * again only when it still waits for an answer (INVITE: also while more 2xx may follow). */
uint64_t sip_stx_id(const struct sip_stx *stx);
struct sip_stx *sip_stx_find(struct sip_txns *txns, uint64_t id);
struct sip_txns *sip_stx_txns(const struct sip_stx *stx);
/* Who has it, as the edge knows them (CANCEL goes there), and their name for the request's log
 * line; both outlive STX. */
void sip_stx_set_taker(struct sip_stx *stx, const void *taker, const char *name);
const void *sip_stx_taker(const struct sip_stx *stx);

/* ---- client ---- */

enum { SIP_BRANCH_BYTES = 48 };
/* A new branch for a request of this worker, terminated: "z9hG4bKw", two hexadecimal digits for the
 * worker, 17 more octets. Token octets may be appended by the caller (RFC 5393 s4.2.1). */
void sip_branch_make(struct sip_txns *txns, char branch[SIP_BRANCH_BYTES]);
/* The worker a branch of ours belongs to; -1: not ours. */
int sip_branch_worker(struct strv branch);

/* The same for tags and for what stands in a Contact: "w", two digits, a random part. */
enum { SIP_TAG_BYTES = 24 };
void sip_tag_make(struct sip_txns *txns, char tag[SIP_TAG_BYTES]);
int sip_tag_worker(struct strv tag);

/* RESPONSE is NULL when the timer ran out (STATUS 408) or it could not be sent (STATUS 503); valid
 * during the call otherwise. Called for each response until a final one; for INVITE for each 2xx.
 */
typedef void sip_answered_fn(void *arg, unsigned status, struct sip_msg *response);

struct sip_send {
	enum sip_method method;
	struct strv method_name;       /* of SIP_OTHER_METHOD */
	char branch[SIP_BRANCH_BYTES]; /* of its top Via, from sip_branch_make */
	struct sip_buf *buf;	       /* the whole request; held */
	struct sip_dest dest;
	const struct trace_id *trace; /* copied; NULL: none */
	sip_answered_fn *answered;    /* NULL: nobody wants to know */
	void *arg;
};
/* Send it; not for ACK. NULL: no memory (ANSWERED is not called). */
struct sip_ctx *sip_ctx_send(struct sip_txns *txns, const struct sip_send *send);
uint64_t sip_ctx_id(const struct sip_ctx *ctx);
/* NULL once it has been finally answered (INVITE: once no more 2xx are waited for). */
struct sip_ctx *sip_ctx_find(struct sip_txns *txns, uint64_t id);
/* INVITE: send CANCEL as soon as that is allowed (RFC 3261 s9.1); nothing for others, and once
 * there is a final answer. REASON: the value of a Reason header field (RFC 3326 s2), p NULL: none.
 */
void sip_ctx_cancel(struct sip_ctx *ctx, struct strv reason);
/* ANSWERED is not called any more. */
void sip_ctx_forget(struct sip_ctx *ctx);

/* Live ones, for metrics and cpmctl. */
struct sip_txn_stats {
	uint64_t server, client, finished;
	uint64_t retransmitted, timed_out;
};
void sip_txns_stats(const struct sip_txns *txns, struct sip_txn_stats *stats_out);

#endif
