/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/composing.h - "is typing" (RFC 3994)
 *
 * Recognised so that it is passed on and never recorded, deferred, charged or reported on. Pure.
 */
#ifndef CPM_COMPOSING_H
#define CPM_COMPOSING_H

#include "base/err.h"
#include "base/strv.h"

#define COMPOSING_TYPE "application/im-iscomposing+xml"

struct composing {
	int is_active;	    /* else idle: any other word counts as idle (RFC 3994 s3.2) */
	unsigned refresh_s; /* the reader assumes idle after it; 120 when the body does not say */
};

/* 1 when CONTENT_TYPE, a header field's value, is that of an is-composing body; else 0. */
int composing_is(struct strv content_type);

/* Read BYTES, at most 8 KiB. Returns 0; -1 with ERR_SYNTAX (no XML that base/xml.h takes, another
 * root or namespace, no state, a refresh that is no number), ERR_LIMIT or ERR_NOMEM. */
int composing_parse(struct strv bytes, struct composing *composing_out, struct err *err);

#endif
