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
	/* Asserted (RFC 3325 s9.1): URIs, canonical, the second one of the other scheme; empty:
	 * none. */
	struct strv identity, identity2;
	int anonymous;	     /* identities stay inside the trust domain; Privacy is among LINES */
	struct strv service; /* asserted (RFC 6050), inside the trust domain; empty: none */
	struct strv lines;   /* further header lines, each with CRLF, but Content-Type, -Length,
			      * Max-Forwards, Via, Route */
	struct strv content_type, body;
	unsigned hops; /* Max-Forwards; 0: 70 */
	uint64_t loop; /* from core_message_check; 0: it is no request passed on */
};
/* One reference, the caller's. NULL: no memory or too large. Everything is copied; what is given
 * goes out as it is. */
struct core_message *core_message_new(const struct core_message_new *draft);
struct core_message *core_message_hold(struct core_message *message);
void core_message_drop(struct core_message **message); /* takes the address, accepts NULL */

/* A request that is taken over has to be what the relay would pass on: 0 and the mark that its
 * copies carry against loops; else the status to refuse it with, 482 (RFC 5393) or 500 (RFC 3323
 * s5), and the reason (NULL: the standard one). */
unsigned core_message_check(const struct core_req *req, uint64_t *loop_out, const char **why_out);

/* What is on its way. Of no use any more once ANSWERED has been called. */
struct core_sent {
	uint64_t id; /* 0: it has ended */
};

/* To the device of BINDING (valid during the call), Request-URI its contact, with LINES (header
 * lines with CRLF, for this copy alone; empty: none). ANSWERED once, with the final status and the
 * response as in sip_answered_fn: 408 no answer, 430 its connection is gone (RFC 5626 s11.5), 503
 * not reached, these without a response; maybe before this returns. -1: no memory, not called. */
int core_message_to_device(struct core *core, struct sip_worker *w,
			   const struct loc_binding *binding, struct core_message *message,
			   struct strv lines, const struct trace_id *trace,
			   sip_answered_fn *answered, void *arg, struct core_sent *sent_out);

/* To URI, of another domain or a number that is no user of ours: 404 when nobody has it, 400 when
 * it is no URI; else as above. */
int core_message_to_uri(struct core *core, struct sip_worker *w, struct strv uri,
			struct core_message *message, const struct trace_id *trace,
			sip_answered_fn *answered, void *arg, struct core_sent *sent_out);

/* What has not been answered when the core is freed ends with 503, on the thread that frees it.
 *
 * ANSWERED is not called any more; what is on its way stays so. */
void core_sent_forget(struct core *core, struct sip_worker *w, struct core_sent *sent);

#endif
