/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_hep.h - a copy of every message for a capture server, in HEPv3
 *
 * One datagram a message: addresses, time, the message, and its trace id as correlation id, so that
 * Homer and the like show a flow whole. What the collector does not take in time is dropped and
 * counted; serving is never held up.
 */
#ifndef SIP_SIP_HEP_H
#define SIP_SIP_HEP_H

#include "base/err.h"
#include "base/trace.h"
#include "sip/sip_addr.h"

struct sip_hep; /* of one worker */

struct sip_hep_options {
	const char *address; /* numeric, of the collector */
	uint16_t port;
	uint32_t capture_id;
	const char *password; /* "" or NULL: none */
};

int sip_hep_new(const struct sip_hep_options *options, struct sip_hep **hep_out, struct err *err);
void sip_hep_free(struct sip_hep **hep);

struct sip_hep_packet {
	enum sip_proto proto;
	struct sip_addr from, to;
	int64_t time_us;	      /* Unix time */
	const struct trace_id *trace; /* NULL: none */
	struct strv message;	      /* cut at 64,000 octets */
};

/* Send a copy; never blocks, never fails. */
void sip_hep_send(struct sip_hep *hep, const struct sip_hep_packet *packet);

enum { SIP_HEP_MAX = 65507 }; /* octets of a datagram */
/* The datagram of PACKET; its octets. For tests, and what sip_hep_send sends. */
size_t sip_hep_format(const struct sip_hep_options *options, const struct sip_hep_packet *packet,
		      unsigned char out[SIP_HEP_MAX]);

#endif
