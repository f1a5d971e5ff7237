/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_count.h - what a worker's SIP traffic is counted by
 *
 * opencpm_sip_requests_total{direction,method,transport,worker}, opencpm_sip_responses_total with
 * code besides, opencpm_sip_dropped_total{cause,worker}, opencpm_sip_retransmissions_total,
 * opencpm_sip_timeouts_total, and gauges opencpm_sip_live{what,worker}: transactions that wait
 * (server, client), finished ones that are remembered, subscriptions. A series appears with its
 * first count. Label values are ours: methods and codes that we do not know count as OTHER and by
 * their class.
 */
#ifndef SIP_SIP_COUNT_H
#define SIP_SIP_COUNT_H

#include "base/err.h"
#include "sip/sip_addr.h"
#include "sip/sip_msg.h"

struct sip_count;

enum sip_direction { SIP_IN, SIP_OUT };

enum sip_drop_cause {
	SIP_DROP_FENCE,	   /* refused by the fence, answered or not */
	SIP_DROP_PARSE,	   /* by the parser */
	SIP_DROP_LIMIT,	   /* more than its source may send */
	SIP_DROP_OVERLOAD, /* more transactions than allowed, or no memory */
	SIP_DROP_STRAY,	   /* a response, ACK or CANCEL that belongs to nothing */
	SIP_DROP_CAUSES
};

enum sip_live { SIP_LIVE_SERVER, SIP_LIVE_CLIENT, SIP_LIVE_FINISHED, SIP_LIVE_SUBS, SIP_LIVES };

/* Functions accept NULL. For one worker; only it counts. */
struct sip_count *sip_count_new(unsigned worker); /* NULL: no memory */
void sip_count_free(struct sip_count **count);

void sip_count_request(struct sip_count *count, enum sip_direction direction,
		       enum sip_method method, enum sip_proto proto);
void sip_count_response(struct sip_count *count, enum sip_direction direction,
			enum sip_method method, unsigned status, enum sip_proto proto);
void sip_count_drop(struct sip_count *count, enum sip_drop_cause cause);
void sip_count_retransmission(struct sip_count *count, enum sip_direction direction);
void sip_count_timeout(struct sip_count *count, enum sip_direction direction);
void sip_count_live(struct sip_count *count, enum sip_live what, int by);

#endif
