/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_content.h - what a Content-Type says, and whether a multipart body is one
 *
 * Media types of RFC 3261 s20.15, multipart as in RFC 2046 s5.1. The parts' contents are their
 * readers' business.
 */
#ifndef SIP_SIP_CONTENT_H
#define SIP_SIP_CONTENT_H

#include "base/strv.h"

struct sip_media {
	struct strv type, subtype; /* as written: compare with strv_caseeq */
	struct strv params;	   /* the first ";" too: sip_param */
};
/* 0, or -1: VALUE is no media type. */
int sip_media_parse(struct strv value, struct sip_media *media_out);
/* 1 when MEDIA is TYPE/SUBTYPE, any case; SUBTYPE may be NULL: any. */
int sip_media_is(const struct sip_media *media, const char *type, const char *subtype);

enum { SIP_BOUNDARY_MAX = 70 };

/* One part of a multipart body. */
struct sip_part {
	struct strv head; /* its header fields, each ended by CRLF; may be empty */
	struct strv body;
};
/* The next part of a body of multipart type MEDIA. *REST starts as the body: 1 and the part, 0
 * behind the last (the closing delimiter was there), -1 not of the form. */
int sip_part_next(const struct sip_media *media, struct strv *rest, struct sip_part *part_out);
/* The value of a part's header field, trimmed, folds kept; p NULL: not there. */
struct strv sip_part_value(const struct sip_part *part, const char *name);

/* 1 when VALUE is a media type and BODY, if it is a multipart, is well-formed as such; else 0. */
int sip_content_ok(struct strv value, struct strv body);

#endif
