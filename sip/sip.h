/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip.h - the SIP edge: what the daemon opens, and what functions above it are given
 *
 *	transport (sip_tp) -> fence (sip_fence) -> parse (sip_msg) -> transactions (sip_txn)
 *		-> this room's dispatcher (sip_edge): CANCEL, OPTIONS to us, events, core -> a
 *function
 *
 * One struct sip for the process, one struct sip_worker a worker. A function (the embedded core,
 *the participating function, ...) registers nothing: it is a row of a const table of struct
 *sip_service that the daemon hands in, asked in order.
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
	struct sip_resolver *resolver;
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

struct sip_options {
	struct sip_tp_options tp; /* ops are the edge's */
	struct sip_timers timers;
	const struct sip_service *services; /* borrowed until sip_free */
	unsigned n_services;
	const char *server; /* Server and User-Agent */
};

int sip_new(const struct sip_options *options, struct workers *workers, struct sip **sip_out,
	    struct err *err);
int sip_start(struct sip *sip, struct err *err);
void sip_drain(struct sip *sip, unsigned timeout_ms, void (*drained)(void *arg), void *arg);
void sip_free(struct sip **sip);

unsigned sip_port(const struct sip *sip, unsigned listen);
int sip_reload_tls(struct sip *sip, struct err *err);

/* Of the worker that runs; NULL on other threads. */
struct sip_worker *sip_self(struct sip *sip);

#endif
