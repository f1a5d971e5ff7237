/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_resolve.h - from a URI to where it is served: RFC 3263 with c-ares
 *
 * NAPTR, SRV, A and AAAA, in the order and with the weights of RFC 2782, cached by their time to
 * live, failures too. One resolver a worker over one shared cache of immutable answers. A static
 * table (settings) goes before DNS, per domain.
 */
#ifndef SIP_SIP_RESOLVE_H
#define SIP_SIP_RESOLVE_H

#include "base/err.h"
#include "base/worker.h"
#include "sip/sip_addr.h"
#include "sip/sip_msg.h"

struct sip_resolver; /* of one worker */

enum { SIP_TARGETS_MAX = 16 };

struct sip_targets {
	struct sip_dest dest[SIP_TARGETS_MAX]; /* in the order to be tried */
	unsigned n;
};

/* STATUS 0 and at least one target; else what a request gets: 503 (no answer from DNS), 404 or 480
 * (there is no such place), 400. TARGETS is valid during the call. */
typedef void sip_resolved_fn(void *arg, unsigned status, const struct sip_targets *targets);

/* URI: of a Route or a Request-URI, sip: or sips:. DONE may be called before this returns; exactly
 * once unless cancelled. Returns an id for sip_resolve_cancel; 0 when DONE has been called. */
uint64_t sip_resolve(struct sip_resolver *resolver, const struct sip_uri *uri,
		     sip_resolved_fn *done, void *arg);
void sip_resolve_cancel(struct sip_resolver *resolver, uint64_t id);

/* The same for where a response goes when its connection is gone (RFC 3263 s5). */
uint64_t sip_resolve_via(struct sip_resolver *resolver, const struct sip_via *via,
			 sip_resolved_fn *done, void *arg);

/* A target did not answer: it is tried last for a while (RFC 3263 s4.3). */
void sip_resolve_mark_dead(struct sip_resolver *resolver, const struct sip_dest *dest);

#endif
