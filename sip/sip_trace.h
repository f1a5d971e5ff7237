/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_trace.h - messages as lines of the log: start line, Call-ID, CSeq, size, where from and
 * to
 *
 * With the category sip at debug every message is one line; users that are named here are traced at
 * any level, and at debug they alone once there is one. Bodies, contacts and credentials are never
 * written. Any thread.
 */
#ifndef SIP_SIP_TRACE_H
#define SIP_SIP_TRACE_H

#include "base/arena.h"
#include "base/strv.h"
#include "base/trace.h"
#include "sip/sip_addr.h"

enum { SIP_TRACE_USERS_MAX = 16 };

/* USER as in a URI without scheme ("alice@example.com", "+15551234"), in any spelling; without a
 * host it is the number, or whoever is called so at any host: messages whose Request-URI, From or
 * To is theirs. 0; -1: there are enough already, no memory, or it is empty. */
int sip_trace_add(struct strv user);
int sip_trace_remove(struct strv user); /* 1 it was traced, 0 not */
/* Copies in ARENA; returns how many. */
unsigned sip_trace_list(struct arena *arena, struct strv users_out[SIP_TRACE_USERS_MAX]);

int sip_trace_on(void); /* 1 when a message may have to be written: cheap */
void sip_trace_message(int outgoing, enum sip_proto proto, const struct sip_addr *local,
		       const struct sip_addr *remote, struct strv bytes,
		       const struct trace_id *trace); /* NULL: of no request that is known */

#endif
