/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/multipart.h - bodies of several parts (RFC 2046 s5.1), found by type or by cid (RFC 2392)
 *
 * The parts are views into the received octets; nothing is decoded. Parts that are multiparts
 * themselves are read as well, so that a part is found wherever it stands. Pure: no I/O.
 */
#ifndef CPM_MULTIPART_H
#define CPM_MULTIPART_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/strv.h"
#include "cpm/mime.h"

/* Bounds of one parse. Each is the largest value that is still accepted. */
struct multipart_limits {
	size_t bytes;
	size_t head_bytes; /* header fields of one part */
	unsigned fields;   /* of one part */
	unsigned parts;	   /* all told, inner ones included */
	unsigned depth;	   /* 1: no multipart inside of another */
};

/* 10 MiB, 16 KiB, 32 fields, 64 parts, depth 4. */
extern const struct multipart_limits multipart_limits_default;

struct multipart_part {
	struct mime_head head;
	struct strv bytes;   /* header fields and content */
	struct strv content; /* between the blank line and the line end in front of the boundary */
	unsigned depth;	     /* 1: a part of the body itself */
	int is_signed;	     /* inside a multipart/signed: not an octet may be changed */
};

struct multipart {
	const struct multipart_part
		*parts; /* in the received order; an outer one before its inner ones */
	unsigned n;
};

/* Read BODY, whose Content-Type is TYPE (multipart/anything). Lines end in CR LF or LF; what stands
 * in front of the first boundary and behind the last one is passed over; a last boundary that is
 * missing is forgiven when there is a part. Returns 0 and the parts, in ARENA, in MULTIPART_OUT; -1
 * with ERR_SYNTAX (no multipart, no or an impossible boundary, no part, header fields that are
 * none), ERR_LIMIT or ERR_NOMEM. */
int multipart_parse(struct strv body, struct strv type, const struct multipart_limits *limits,
		    struct arena *arena, struct multipart *multipart_out, struct err *err);

/* The first part behind AFTER (NULL: of all) of Content-Type TYPE and Content-Disposition
 * DISPOSITION; NULL for either: any. A part without Content-Type is text/plain (RFC 2046 s5.1).
 * NULL when there is none. */
const struct multipart_part *multipart_find(const struct multipart *multipart, const char *type,
					    const char *disposition,
					    const struct multipart_part *after);

/* The part that the URL "cid:..." names, by its Content-ID (RFC 2392 s2): percent-decoded, without
 * the angle brackets, compared octet by octet. NULL when it is no such URL or there is none. */
const struct multipart_part *multipart_cid(const struct multipart *multipart, struct strv url);

/* One part to write. */
struct multipart_new {
	const struct mime_field *fields;
	size_t n_fields;
	struct strv content;
};

/* PARTS as one body in ARENA, parted by BOUNDARY, which the caller takes from random octets: 1-70
 * characters of RFC 2046 s5.1.1 without blanks. Returns 0; -1 with ERR_RANGE (an impossible
 * boundary, one that occurs in a part, no part, a field that cannot stand on one line) or
 * ERR_NOMEM. */
int multipart_print(const struct multipart_new *parts, size_t n, struct strv boundary,
		    struct arena *arena, struct strv *bytes_out, struct err *err);

#endif
