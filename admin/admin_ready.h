/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/admin_ready.h - is the server of use? a commit and a read through the store
 *
 * The round trip is made on demand, one at a time, and its verdict holds for a second: however
 * often somebody asks, the disk is written once a second at most.
 */
#ifndef ADMIN_ADMIN_READY_H
#define ADMIN_ADMIN_READY_H

#include "admin/admin_calls.h"
#include "base/err.h"
#include "base/worker.h"
#include "kv/kv.h"

enum { ADMIN_READY_HOLD_MS = 1000 };

struct admin_ready;

/* Who asks; part of the caller's memory until FN has been called. */
struct admin_waiter {
	struct post post; /* the room's from here to err */
	struct admin_waiter *next;
	struct worker *worker;
	struct err err;
	/* ERR has code ERR_NONE when the server is ready, else says why not. */
	void (*fn)(struct admin_waiter *waiter, const struct err *err);
};

/* DRAINING (with ARG) says that the server is going down. A round trip is one of CALLS. NULL when
 * memory is short. */
struct admin_ready *admin_ready_new(struct kv *kv, unsigned timeout_ms, struct admin_calls *calls,
				    int (*draining)(void *arg), void *arg);
/* When no worker runs. Takes the address, accepts NULL. */
void admin_ready_free(struct admin_ready **ready);

/* Ask, on a worker. FN is called on the same worker, maybe before this returns: at once with the
 * verdict that holds, else after the round trip, at the latest after the timeout. */
void admin_ready_ask(struct admin_ready *ready, struct admin_waiter *waiter);

#endif
