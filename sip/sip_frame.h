/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_frame.h - messages cut out of a stream (RFC 3261 s18.3, s7.5)
 *
 * A message on a stream ends where its Content-Length says, which therefore must be there, once, in
 * digits. What comes out depends on the octets alone, never on how the stream was cut into reads.
 * Whether a message is well-formed otherwise is the fence's work.
 */
#ifndef SIP_SIP_FRAME_H
#define SIP_SIP_FRAME_H

#include <stddef.h>

#include "base/strv.h"

/* What is known about the message that is under way. All zero at the start of a stream. */
struct sip_frame {
	size_t seen;	/* its octets that hold no end of the header section */
	size_t total;	/* its size; 0: not known yet */
	unsigned crlfs; /* line ends since the last message or ping */
};

enum sip_frame_result {
	SIP_FRAME_MORE,	   /* USED octets are done with, the rest must be given again with more */
	SIP_FRAME_MESSAGE, /* BYTES is one message */
	SIP_FRAME_PING,	   /* CRLF CRLF between messages: to be answered (RFC 5626 s4.4.1) */
	SIP_FRAME_BAD,	   /* nothing behind can be cut: BYTES is what is legible, STATUS why */
};

struct sip_framed {
	size_t used;	   /* octets of the input that are done with */
	struct strv bytes; /* in the input */
	unsigned status; /* of BAD: 400, 413 (content too large), 513 (header section too large) */
	const char *why; /* of BAD: a few words */
};

/* Look at IN, which begins where the last call's USED ended. After BAD there is no further call. */
enum sip_frame_result sip_frame_next(struct sip_frame *frame, struct strv in,
				     struct sip_framed *out);

#endif
