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
	const char *reason; /* NULL: the standard phrase */
	struct strv to_tag; /* when To has none; p NULL: none for 100, else one that is made of
			     * the request, always the same for the same request (s8.2.7) */
	const struct strv *lines; /* "Name: value", no CRLF */
	unsigned n_lines;
	struct strv content_type, body;
	int record_route; /* copy Record-Route: dialog-forming */
};

/* NULL: no memory. What is given goes into it as it is: none of the texts has CR, LF or another
 * control octet but the body. */
struct sip_buf *sip_reply_make(struct sip_msg *request, const struct sip_reply *reply);

/* The answer to what the fence or the parser refused, from legible lines alone; NULL: nothing may
 * be sent (a response or ACK, no Via, more than twice what came, no memory). WHY, of ours, is the
 * reason phrase; NULL: the standard one. SOURCE is where it came from and, over UDP, where the
 * answer goes. */
struct sip_buf *sip_reply_refused(const struct sip_fence *fence, const struct sip_addr *source,
				  unsigned status, const char *why);

const char *sip_reason(unsigned status); /* "Not Found"; "" when unknown */

/* Where the answer goes: RFC 3261 s18.2.2, RFC 3581 s4: over the connection it came by; for UDP the
 * source with rport, else the source's address and the sent-by port. A maddr is not followed: it
 * would let anybody have our answers sent to somebody else. */
void sip_reply_dest(const struct sip_msg *request, struct sip_dest *dest_out);

#endif
