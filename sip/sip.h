/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip.h - the SIP edge: what the daemon opens, and what functions above it are given
 *
 *	transport (sip_tp) -> fence (sip_fence) -> parse (sip_msg) -> transactions (sip_txn)
 *		-> this room's dispatcher (sip_edge): the services in their order -> nobody's
 *
 * One struct sip for the process, one struct sip_worker a worker. A function (the event framework,
 * the embedded core, the participating function, ...) registers nothing: it is a row of a const
 * table of struct sip_service that the daemon hands in, asked in order.
 *
 * A message whose Via branch, To tag or (of a request without a tag) Request-URI's user part
 *carries the number of another worker is posted to that one before anything is kept of it.
 */
#ifndef SIP_SIP_H
#define SIP_SIP_H

#include "base/err.h"
#include "base/jobs.h"
#include "base/limit.h"
#include "base/worker.h"
#include "sip/sip_msg.h"
#include "sip/sip_resolve.h"
#include "sip/sip_tp.h"
#include "sip/sip_txn.h"

struct sip;

/* What code that runs on a worker has at hand. */
struct sip_worker {
	struct sip *sip;
	struct worker *worker;
	struct sip_tp *tp;
	struct sip_txns *txns;
	struct sip_resolver *resolver; /* NULL until somebody has set it */
	struct sip_dns_worker *dns;    /* the same */
	void *user;		       /* of whoever wired the services */
};

/* A function behind the edge. */
struct sip_service {
	const char *name; /* for the log and metrics */
	/* Is this request yours? 1: yes, and STX (NULL for ACK) is the service's from now on; 0:
	 * ask the next. Nobody's: 404, 405 or 501 as it is. */
	int (*request)(void *arg, struct sip_worker *w, struct sip_stx *stx, struct sip_msg *msg);
	/* What was taken is cancelled; NULL: 487 by itself. */
	void (*cancel)(void *arg, struct sip_worker *w, struct sip_stx *stx);
	void *arg;
};

/* What the edge asks and tells; each may be NULL. On the worker that is concerned. */
struct sip_hooks {
	/* 1 when the source is in the trust domain: sets msg->is_peer, and what it sends is not
	 * limited by source. */
	int (*is_peer)(void *arg, const struct sip_rx *rx);
	/* 1 when URI names this server itself and no user of it ("sip:example.com"), beyond the
	 * addresses that it listens on, which the edge knows. */
	int (*is_us)(void *arg, const struct sip_uri *uri);
	/* A response to no transaction: a 2xx to INVITE that came late or again. */
	void (*stray)(void *arg, struct sip_worker *w, struct sip_msg *msg);
	void (*flow_closed)(void *arg, uint64_t flow); /* as sip_tp_ops */
	/* A message in either direction, and the id of the request that it is part of (NULL: of
	 * none, as what the fence refuses). */
	void (*seen)(void *arg, int outgoing, enum sip_proto proto, const struct sip_addr *local,
		     const struct sip_addr *remote, struct strv bytes,
		     const struct trace_id *trace);
	void *arg;
};

struct sip_options {
	struct sip_tp_options tp; /* ops are the edge's */
	struct sip_timers timers;
	const struct sip_service *services; /* borrowed until sip_free */
	unsigned n_services;
	struct sip_hooks hooks;
	/* Values of header fields in answers to OPTIONS and refusals; literals. */
	const char *server; /* Server */
	const char *allow, *accept, *supported;
};
void sip_options_init(struct sip_options *options);

/* Bind every socket (as root, before workers run); strings but for the tp options are borrowed. */
int sip_new(const struct sip_options *options, struct workers *workers, struct sip **sip_out,
	    struct err *err);
int sip_start(struct sip *sip, struct err *err); /* before workers_start */
/* Requests outside a dialog are refused from now on (503); once what is open has been answered, or
 * TIMEOUT_MS have passed, connections are closed. DRAINED is called once, on a worker. */
void sip_drain(struct sip *sip, unsigned timeout_ms, void (*drained)(void *arg), void *arg);
void sip_free(struct sip **sip); /* workers have stopped */

unsigned sip_port(const struct sip *sip, unsigned listen);
int sip_reload_tls(struct sip *sip, struct err *err);

/* Of the worker that runs; NULL on other threads. */
struct sip_worker *sip_self(struct sip *sip);
struct sip_worker *sip_worker_at(struct sip *sip, unsigned index);

/* ---- for services ---- */

/* 1 when URI is this server itself (a listener's address or hooks.is_us) without a user part. */
int sip_is_us(struct sip *sip, const struct sip_uri *uri);

/* RFC 3261 s8.2.2.3, for a request that ends here: 0 when SUPPORTED (a comma list) holds every
 * option tag of Require; 1: it has been answered 420 with Unsupported. */
int sip_refuse_required(struct sip_stx *stx, const char *supported);
/* RFC 3261 s8.2.2.2, for a request that ends here, once it is known who sent it: 0 when it is the
 * first of its kind in 64*T1, which is kept in mind; 1: it is a copy that came by another way (same
 * Call-ID, From tag and CSeq, another branch), and has been answered 482. Requests within a dialog
 * are never copies. */
int sip_refuse_merged(struct sip_worker *w, struct sip_stx *stx);
/* RFC 3261 s16.3 for a request that is to be passed on: 0 when it may; 1: it has been answered, 416
 * for a scheme that is no SIP, 483 when Max-Forwards is used up, 420 for Proxy-Require. */
int sip_refuse_forward(struct sip_stx *stx, const char *supported);

#endif
