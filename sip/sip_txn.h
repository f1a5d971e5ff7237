/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_txn.h - transactions: the state machines of RFC 3261 s17 and RFC 6026
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
#include "base/worker.h"
#include "sip/sip_buf.h"
#include "sip/sip_msg.h"
#include "sip/sip_reply.h"
#include "sip/sip_tp.h"

struct sip_txns; /* of one worker */
struct sip_stx;	 /* server transaction */
struct sip_ctx;	 /* client transaction */

/* RFC 3261 s17.1.1.1; milliseconds. */
struct sip_timers {
	unsigned t1_ms, t2_ms, t4_ms;
	unsigned d_ms; /* 32 s */
	unsigned c_ms; /* a proxied INVITE: over 3 min (s16.6 step 11) */
};
void sip_timers_init(struct sip_timers *timers); /* 500, 4000, 5000, 32000, 181000 */

struct sip_tu {
	/* A new request. STX is NULL for ACK (of a 2xx). Ownership of MSG stays with STX until it
	 * is finished; without STX it is valid during the call. */
	void (*request)(void *arg, struct sip_stx *stx, struct sip_msg *msg);
	/* The request of STX is cancelled (RFC 3261 s9.2); its CANCEL has been answered. */
	void (*cancel)(void *arg, struct sip_stx *stx);
	/* A response that belongs to no transaction (a 2xx to INVITE repeated); may be NULL. */
	void (*stray)(void *arg, struct sip_msg *msg);
	void *arg;
};

int sip_txns_new(struct worker *worker, struct sip_tp *tp, const struct sip_timers *timers,
		 const struct sip_tu *tu, struct sip_txns **txns_out, struct err *err);
void sip_txns_free(struct sip_txns **txns); /* on no thread but its worker's, or after it ended */

/* A parsed message, from sip_edge: requests and responses; matched, absorbed or handed to the TU.
 * MSG and its arena belong to the layer from now on. */
void sip_txns_input(struct sip_txns *txns, struct sip_msg *msg);
void sip_txns_failed(struct sip_txns *txns, uint64_t cookie); /* sip_tp_ops.failed */

/* ---- server ---- */

struct sip_msg *sip_stx_request(struct sip_stx *stx); /* valid until the final answer was given */
/* Answer. Any number of provisional ones, then one final; a second final is ignored (0 answers, -1
 * not: no memory, or already answered). */
int sip_stx_reply(struct sip_stx *stx, const struct sip_reply *reply);
int sip_stx_reply_status(struct sip_stx *stx, unsigned status, const char *reason);
/* The same with octets that somebody made (a relayed response); STATUS as in them. */
int sip_stx_reply_buf(struct sip_stx *stx, unsigned status, struct sip_buf *buf);
/* Somewhere for the TU to keep what it knows of STX; DROP is called when the transaction ends. */
void sip_stx_set_user(struct sip_stx *stx, void *user, void (*drop)(void *user));
void *sip_stx_user(const struct sip_stx *stx);
/* A handler that must go on later holds the transaction; with sip_stx_find it is found again only
 * when it still lives. */
uint64_t sip_stx_id(const struct sip_stx *stx);
struct sip_stx *sip_stx_find(struct sip_txns *txns, uint64_t id);

/* ---- client ---- */

enum { SIP_BRANCH_BYTES = 48 };
/* A new branch for a request of this worker, terminated. */
void sip_branch_make(struct sip_txns *txns, char branch[SIP_BRANCH_BYTES]);
/* The worker a branch of ours belongs to; -1: not ours. */
int sip_branch_worker(struct strv branch);

/* RESPONSE is NULL when the timer ran out (STATUS 408) or it could not be sent (STATUS 503); valid
 * during the call otherwise. Called for each response until a final one; for INVITE for each 2xx.
 */
typedef void sip_answered_fn(void *arg, unsigned status, struct sip_msg *response);

struct sip_send {
	enum sip_method method;
	char branch[SIP_BRANCH_BYTES]; /* of its top Via, from sip_branch_make */
	struct sip_buf *buf;	       /* the whole request; held */
	struct sip_dest dest;
	const struct trace_id *trace; /* copied */
	sip_answered_fn *answered;
	void *arg;
};
/* Send it. NULL: no memory (ANSWERED is not called). */
struct sip_ctx *sip_ctx_send(struct sip_txns *txns, const struct sip_send *send);
uint64_t sip_ctx_id(const struct sip_ctx *ctx);
struct sip_ctx *sip_ctx_find(struct sip_txns *txns, uint64_t id);
/* INVITE: send CANCEL as soon as that is allowed (RFC 3261 s9.1). */
void sip_ctx_cancel(struct sip_ctx *ctx);
/* ANSWERED is not called any more. */
void sip_ctx_forget(struct sip_ctx *ctx);

/* Live ones, for metrics and cpmctl. */
struct sip_txn_stats {
	uint64_t server, client, finished;
	uint64_t retransmitted, timed_out;
};
void sip_txns_stats(const struct sip_txns *txns, struct sip_txn_stats *stats_out);

#endif
