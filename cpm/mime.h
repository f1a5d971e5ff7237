/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/mime.h - header fields of a MIME part (RFC 2045, RFC 822 syntax)
 *
 * The block between two blank lines: names without regard to case, values that may be folded over
 * lines, and what is inside the values that we look at (Content-Type, Content-Disposition). Pure:
 * views into the received octets, unfolded values in the request's arena.
 */
#ifndef CPM_MIME_H
#define CPM_MIME_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/strv.h"

struct mime_field {
	struct strv name;  /* as received */
	struct strv value; /* unfolded, without blanks around it; no control octet but tab */
};

struct mime_head {
	const struct mime_field *fields; /* in the received order */
	unsigned n;
};

/* Read the header fields at the beginning of BYTES, up to and with the blank line, or to the end
 * when there is none (RFC 2046 s5.1.1: a part may consist of header fields only). Lines end in CR
 * LF or LF. Returns 0, the fields in HEAD_OUT and what follows in BODY_OUT; -1 with ERR_SYNTAX (no
 * name and colon, a control octet), ERR_LIMIT (more than MAX_FIELDS, or HEAD longer than MAX_BYTES)
 * or ERR_NOMEM. */
int mime_head_parse(struct strv bytes, unsigned max_fields, size_t max_bytes, struct arena *arena,
		    struct mime_head *head_out, struct strv *body_out, struct err *err);

/* The value of the first field NAME; p is NULL when there is none. */
struct strv mime_find(const struct mime_head *head, const char *name);

/* A Content-Type or Content-Disposition VALUE without its parameters ("text/plain"). */
struct strv mime_main(struct strv value);

/* 1 when the main part of VALUE is WANT, without regard to case; else 0. */
int mime_is(struct strv value, const char *want);

/* Parameter NAME of VALUE, unquoted. Returns 1; 0 when there is none; -1 with ERR_SYNTAX (the
 * parameters do not follow their grammar, NAME stands twice) or ERR_NOMEM. */
int mime_param(struct strv value, const char *name, struct arena *arena, struct strv *param_out,
	       struct err *err);

/* 1 when S is one or more characters of an RFC 2045 token; else 0. */
int mime_is_token(struct strv s);

/* 1 when FIELD can be written as one line: a token, and a value without control octets (tab may
 * stand in it); else 0. */
int mime_field_fits(const struct mime_field *field);

#endif
