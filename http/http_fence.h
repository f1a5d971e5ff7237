/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/http_fence.h - what a request's head must look like before anything is done with it
 *
 * libmicrohttpd takes far more than HTTP is: bare LF, folded fields, a blank before the colon, two
 * lengths. It splits the head in place, writing NUL over colons and line ends, so that what it
 * took is still legible from the octets between the pieces. The fence judges the pieces and those
 * octets. No I/O, no allocation; a fuzz target.
 */
#ifndef HTTP_HTTP_FENCE_H
#define HTTP_HTTP_FENCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/strv.h"

struct http_field {
	struct strv name, value;
};

/* A head as the library leaves it: all views point into the BYTES octets at P, in this order:
 * method NUL target NUL version NUL NUL, then for each field name NUL blanks value NUL NUL, then
 * NUL NUL. A view that points elsewhere (p NULL) is a field that the library had to put together.
 */
struct http_head {
	const char *p;
	size_t bytes;
	struct strv method, target, version;
	const struct http_field *fields;
	unsigned n_fields;
};

struct http_fence_limits {
	size_t header_bytes, target_bytes;
	unsigned header_fields;
};

/* Why a request is refused; names are in http_fence_cause_name. */
enum http_fence_cause {
	HTTP_FENCE_PASS,
	HTTP_FENCE_TARGET_LONG,
	HTTP_FENCE_HEAD_LONG,
	HTTP_FENCE_LINE,    /* request line: separators, method */
	HTTP_FENCE_TARGET,  /* request target */
	HTTP_FENCE_VERSION, /* neither 1.0 nor 1.1 */
	HTTP_FENCE_FIELD,   /* line end, fold, blank before the colon, barred octet */
	HTTP_FENCE_METHOD,  /* TRACE, CONNECT */
	HTTP_FENCE_HOST,
	HTTP_FENCE_LENGTH,	 /* Content-Length malformed or not single */
	HTTP_FENCE_LENGTH_LARGE, /* well-formed, larger than any body */
	HTTP_FENCE_CODING,	 /* Transfer-Encoding not allowed here */
	HTTP_FENCE_CODING_UNKNOWN,
	HTTP_FENCE_EXPECT,
	HTTP_FENCE_CAUSES
};

struct http_fence_verdict {
	enum http_fence_cause cause;
	unsigned status;  /* of the refusal */
	const char *text; /* one sentence for the peer, nothing of the peer's in it */
	int chunked;	  /* passed: the body is chunked */
	uint64_t length;  /* passed: Content-Length; 0 when there is none */
};

/* Judge HEAD (RFC 9112 s2-7, RFC 9110 s5, s7.2, s8.6, s10.1.1). Returns 0 when it may be handled,
 * -1 when it must be refused and the connection closed; VERDICT_OUT is filled either way. */
int http_fence_check(const struct http_head *head, const struct http_fence_limits *limits,
		     struct http_fence_verdict *verdict_out);

/* As in metrics and logs ("line", "host"); never NULL. */
const char *http_fence_cause_name(enum http_fence_cause cause);

/* The path of a request target: what stands before "?" and, in absolute form, behind the
 * authority ("/" when nothing does). QUERY_OUT is what stands behind "?", p NULL without one. */
struct strv http_target_path(struct strv target, struct strv *query_out);

#endif
