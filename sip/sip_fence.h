/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_fence.h - what a message must be before the parser sees it
 *
 * libosip2 takes time that is quadratic in the parts of a line, wraps its integers and takes bare
 * CR and LF as line ends; so everything is checked here first, in one pass over the octets, which
 * also finds the header fields. What the fence refuses is answered from its index alone
 * (sip_reply_refused); the grammar cited is RFC 3261 s25.
 */
#ifndef SIP_SIP_FENCE_H
#define SIP_SIP_FENCE_H

#include <stddef.h>

#include "base/strv.h"

enum {
	SIP_LINES_MAX = 128,	 /* header fields */
	SIP_HEAD_MAX = 16384,	 /* octets before the body */
	SIP_LINE_MAX = 8192,	 /* octets of one header field, folding included */
	SIP_LINE_PARTS_MAX = 64, /* commas, and semicolons, outside quotes in one field */
	SIP_DATAGRAM_MAX = 65535,
	SIP_STREAM_MAX = 65536, /* larger content belongs to MSRP */
};

/* Header fields that we know by both their names (RFC 3261 s7.3.3); others are SIP_H_OTHER and are
 * found by name. Order is of no meaning. */
enum sip_h {
	SIP_H_OTHER,
	SIP_H_VIA,
	SIP_H_FROM,
	SIP_H_TO,
	SIP_H_CALL_ID,
	SIP_H_CSEQ,
	SIP_H_MAX_FORWARDS,
	SIP_H_CONTENT_LENGTH,
	SIP_H_CONTENT_TYPE,
	SIP_H_CONTACT,
	SIP_H_ROUTE,
	SIP_H_RECORD_ROUTE,
	SIP_H_EXPIRES,
	SIP_H_MIN_EXPIRES,
	SIP_H_AUTHORIZATION,
	SIP_H_PROXY_AUTHORIZATION,
	SIP_H_REQUIRE,
	SIP_H_PROXY_REQUIRE,
	SIP_H_SUPPORTED,
	SIP_H_UNSUPPORTED,
	SIP_H_EVENT,
	SIP_H_SUBSCRIPTION_STATE,
	SIP_H_SIP_ETAG,
	SIP_H_SIP_IF_MATCH,
	SIP_H_ACCEPT,
	SIP_H_ACCEPT_CONTACT,
	SIP_H_REJECT_CONTACT,
	SIP_H_REQUEST_DISPOSITION,
	SIP_H_PATH,
	SIP_H_SERVICE_ROUTE,
	SIP_H_P_ASSERTED_IDENTITY,
	SIP_H_P_PREFERRED_IDENTITY,
	SIP_H_P_ASSERTED_SERVICE,
	SIP_H_P_PREFERRED_SERVICE,
	SIP_H_P_SERVED_USER,
	SIP_H_P_CHARGING_VECTOR,
	SIP_H_P_CHARGING_FUNCTION_ADDRESSES,
	SIP_H_P_ASSOCIATED_URI,
	SIP_H_PRIVACY,
	SIP_H_SESSION_EXPIRES,
	SIP_H_MIN_SE,
	SIP_H_REASON,
	SIP_H_REFER_TO,
	SIP_H_REFERRED_BY,
	SIP_H_DATE,
	SIP_H_WARNING,
	SIP_H_RETRY_AFTER,
	SIP_H_MAX_BREADTH,
	SIP_H_USER_AGENT,
	SIP_H_COUNT
};

/* One header field as it stands in the message, folding included. */
struct sip_line {
	enum sip_h h;
	unsigned char next; /* 1 + the index of the next line of this h (of one name or not, for
			     * SIP_H_OTHER); 0: none */
	struct strv name;   /* as written */
	struct strv value;  /* trimmed of blanks at both ends; may hold folds (CRLF and blanks) */
	struct strv whole;  /* name to CRLF, CRLF included: what a splice takes out */
};

struct sip_fence {
	int is_request;
	struct strv method, uri; /* of a request */
	unsigned status;	 /* of a response, 100..699 */
	struct strv reason;
	struct strv start_line; /* CRLF included */
	unsigned n_lines;
	unsigned char first[SIP_H_COUNT]; /* 1 + the index of the first line of each; 0: none */
	/* Control octets behind a backslash in a quoted string: legal (RFC 3261 s25.1 quoted-pair),
	 * but not to be seen by anybody: sip_msg_parse makes them blanks in its copy. */
	unsigned n_escaped_controls;
	struct strv body; /* as Content-Length cuts it, or what is there */
	int has_length;	  /* a Content-Length was there */
	/* When refused. */
	unsigned refuse; /* status to answer: 400, 413, 414, 505, 513 */
	const char *why; /* of ours, printable: for the reason phrase and the log */
	struct sip_line lines[SIP_LINES_MAX]; /* last, only n_lines of them are set */
};

enum sip_fence_result {
	SIP_FENCE_PASS,
	SIP_FENCE_REFUSE, /* a request that is to be answered (not an ACK) from what was found */
	SIP_FENCE_DROP,	  /* a response, an ACK, or noise: no answer */
};

/* Check BYTES: one datagram, one WebSocket message, or one message cut out of a stream (IS_STREAM:
 * Content-Length is compulsory and exact). Empty lines before the start line are skipped (RFC 3261
 * s7.5), octets behind the body of a datagram are left out (s18.3). FENCE_OUT borrows BYTES; the
 * legible lines are there also when it is refused. */
enum sip_fence_result sip_fence_check(struct strv bytes, int is_stream,
				      struct sip_fence *fence_out);

/* The known header field with NAME, either form, any case; SIP_H_OTHER: none. */
enum sip_h sip_h_find(struct strv name);
/* "Call-ID"; NULL for SIP_H_OTHER. */
const char *sip_h_name(enum sip_h h);

#endif
