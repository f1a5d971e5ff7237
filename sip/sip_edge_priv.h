/* SPDX-License-Identifier: Apache-2.0 */
/* sip/sip_edge_priv.h - what the files of the edge share: sip_edge.c, sip_nobody.c */
#ifndef SIP_SIP_EDGE_PRIV_H
#define SIP_SIP_EDGE_PRIV_H

#include <stdatomic.h>
#include <time.h>

#include "sip/sip.h"
#include "sip/sip_merged.h"

struct sip_edge {
	struct sip_worker w;
	struct sip *sip;
	struct sip_count *count;
	struct post drain_post;
	struct wheel_timer drain;
	struct sip_fence fence; /* of the message that is being looked at */
};

struct sip {
	struct sip_options options;
	struct workers *workers;
	struct sip_tp *tp;
	struct sip_merged *merged;
	struct sip_edge *edge;
	unsigned n_edges;
	_Atomic int draining;
	_Atomic unsigned n_draining;
	uint64_t drain_until_ms;
	void (*drained)(void *arg);
	void *drained_arg;
};

/* On its way to the worker it belongs to; in the message's arena. */
struct sip_handed {
	struct post post;
	struct sip_edge *edge;
	struct sip_msg *msg;
};

static inline int sip_edge_is_ws(enum sip_proto proto)
{
	return proto == SIP_WS || proto == SIP_WSS;
}

/* The clock of worker_now_ms, on any thread. */
static inline uint64_t sip_edge_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* sip_nobody.c */
void sip_refuse_draining(struct sip_stx *stx);
void sip_refuse_unclaimed(struct sip *sip, struct sip_stx *stx);

#endif
