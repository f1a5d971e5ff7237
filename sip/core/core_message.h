/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/core_message.h - requests that a function behind the core sends: to a device, to a URI
 *
 * The head and body are made once and sent any number of times, each time with its own Via, route
 * and transaction: to one device of a user by its registration (flow, Path, RFC 5626), or to a URI
 * of elsewhere as the relay would (peers, numbers, RFC 3263), with the trust domain's rules for the
 * identity that goes along.
 */
#ifndef SIP_CORE_CORE_MESSAGE_H
#define SIP_CORE_CORE_MESSAGE_H

#include "base/trace.h"
#include "sip/core/core.h"

struct core_message; /* immutable, counted; any thread */

struct core_message_new {
	enum sip_method method;
	struct strv from, to, call_id; /* values of header fields */
	uint32_t cseq;
	struct strv identity; /* asserted (RFC 3325): URI, canonical; empty: none */
	int anonymous;	      /* IDENTITY stays inside the trust domain */
	struct strv lines;    /* further header lines, each with CRLF */
	struct strv content_type, body;
};
/* One reference, the caller's. NULL: no memory or too large. Everything is copied. */
struct core_message *core_message_new(const struct core_message_new *draft);
struct core_message *core_message_hold(struct core_message *message);
void core_message_drop(struct core_message **message);

/* The answer; RESPONSE as in sip_answered_fn, valid during the call. */
struct core_sent {
	uint64_t id; /* 0: it has ended */
};

/* To the device of BINDING (valid during the call), Request-URI its contact, in front of LINES
 * (header lines with CRLF, for this copy alone; empty: none). ANSWERED once, with the final status:
 * 408 no answer, 430 or 503 not reached; maybe before this returns. -1: no memory, not called. */
int core_message_to_device(struct core *core, struct sip_worker *w,
			   const struct loc_binding *binding, struct core_message *message,
			   struct strv lines, const struct trace_id *trace,
			   sip_answered_fn *answered, void *arg, struct core_sent *sent_out);

/* To URI, of another domain or a number that is no user of ours. */
int core_message_to_uri(struct core *core, struct sip_worker *w, struct strv uri,
			struct core_message *message, const struct trace_id *trace,
			sip_answered_fn *answered, void *arg, struct core_sent *sent_out);

/* ANSWERED is not called any more. */
void core_sent_forget(struct sip_worker *w, struct core_sent *sent);

#endif
