/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_below.h - what transactions, dialogs and subscriptions stand on: sockets, timers, a clock
 *
 * In the daemon these are one worker's transport and timer wheel (sip_below_worker); in tests a
 * list of what was sent and a wheel turned by hand, so that every timer of the specifications is
 * tried without waiting and without a socket.
 */
#ifndef SIP_SIP_BELOW_H
#define SIP_SIP_BELOW_H

#include <stdint.h>

#include "base/wheel.h"
#include "base/worker.h"
#include "sip/sip_addr.h"
#include "sip/sip_buf.h"
#include "sip/sip_resolve.h"
#include "sip/sip_tp.h"

struct sip_below {
	/* As sip_tp_send, sip_tp_local. */
	void (*send)(const struct sip_below *below, const struct sip_dest *dest,
		     struct sip_buf *buf, uint64_t cookie);
	int (*local)(const struct sip_below *below, const struct sip_dest *dest,
		     struct sip_addr *local_out);
	int (*flow_alive)(const struct sip_below *below, uint64_t flow);
	/* As sip_resolve, sip_resolve_cancel. */
	uint64_t (*resolve)(const struct sip_below *below, const struct sip_uri *uri,
			    sip_resolved_fn *done, void *arg);
	/* As sip_resolve_via; NULL: nothing is resolved. */
	uint64_t (*resolve_via)(const struct sip_below *below, const struct sip_via *via,
				sip_resolved_fn *done, void *arg);
	void (*resolve_cancel)(const struct sip_below *below, uint64_t id);
	/* As worker_timer_set, worker_timer_clear, worker_now_ms. */
	void (*timer_set)(const struct sip_below *below, struct wheel_timer *timer,
			  uint64_t delay_ms, void (*fn)(struct wheel_timer *timer));
	void (*timer_clear)(const struct sip_below *below, struct wheel_timer *timer);
	uint64_t (*now_ms)(const struct sip_below *below);
	int64_t (*unix_us)(const struct sip_below *below); /* time of day */
	unsigned index;					   /* of the worker */
	void *arg;					   /* of a test */
	struct worker *worker;				   /* of the daemon */
	struct sip_tp *tp;
	struct sip_resolver *const *resolver; /* where it stands once there is one */
};

/* RESOLVER may point to NULL for a while: then numeric hosts only are found. */
void sip_below_worker(struct sip_below *below, struct worker *worker, struct sip_tp *tp,
		      struct sip_resolver *const *resolver);

#endif
