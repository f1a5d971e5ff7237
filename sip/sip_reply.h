/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_reply.h - responses made of the request they answer (RFC 3261 s8.2.6)
 *
 * Via, From, To, Call-ID, CSeq and, in dialog-forming answers, Record-Route are copied; received
 * and rport are filled in (RFC 3261 s18.2.1, RFC 3581); To gets a tag when it has none.
 */
#ifndef SIP_SIP_REPLY_H
#define SIP_SIP_REPLY_H

#include "base/strv.h"
#include "sip/sip_buf.h"
#include "sip/sip_msg.h"

struct sip_reply {
	unsigned status;
	const char *reason;	  /* NULL: the standard phrase */
	struct strv to_tag;	  /* p NULL: none is added for 100; made from the request otherwise,
				   * always the same for the same request (s8.2.7) */
	const struct strv *lines; /* "Name: value", no CRLF */
	unsigned n_lines;
	struct strv content_type, body;
	int record_route; /* copy Record-Route: dialog-forming */
};

/* NULL: no memory. */
struct sip_buf *sip_reply_make(struct sip_msg *request, const struct sip_reply *reply);

/* The answer to what the fence or the parser refused, from legible lines alone; NULL: nothing may
 * be sent (ACK, no legible Via, no memory). SOURCE is where it came from. */
struct sip_buf *sip_reply_refused(const struct sip_fence *fence, const struct sip_addr *source,
				  unsigned status, const char *why);

const char *sip_reason(unsigned status); /* "Not Found"; "" when unknown */

/* Where the answer goes: RFC 3261 s18.2.2, RFC 3581 s4: over the connection it came by; for UDP the
 * source with rport, else the sent-by port. */
void sip_reply_dest(const struct sip_msg *request, struct sip_dest *dest_out);

#endif
