/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_stun.h - STUN as a keep-alive on a SIP port (RFC 5626 s4.4.2, RFC 8489)
 *
 * A client behind a NAT asks by a Binding request how it is seen, and so holds the NAT's binding
 * open. No credentials, no other methods: those are a STUN server's.
 */
#ifndef SIP_SIP_STUN_H
#define SIP_SIP_STUN_H

#include <stddef.h>

#include "base/strv.h"
#include "sip/sip_addr.h"

enum { SIP_STUN_ANSWER_MAX = 44 };

/* A SIP message begins with a letter; a STUN message of ours with 0 or 1. */
static inline int sip_stun_may_be(struct strv bytes)
{
	return bytes.n && (unsigned char)bytes.p[0] < 2;
}

/* The answer to the request in BYTES from SOURCE: its size; 0: it is none, or cannot be answered.
 * Never more than 2.2 times the request (IPv6; 1.6 times for IPv4). */
size_t sip_stun_answer(struct strv bytes, const struct sip_addr *source,
		       unsigned char answer[SIP_STUN_ANSWER_MAX]);

#endif
