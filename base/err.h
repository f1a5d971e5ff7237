/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/err.h - one error: a code for programs, one sentence for people
 *
 * The lowest function that knows what went wrong fills the struct in; those above pass it up
 * untouched or put who asked in front. Whoever handles it logs it, once.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err_code {
	ERR_NONE = 0,
	ERR_SYNTAX,   /* the bytes do not follow their grammar */
	ERR_RANGE,    /* well-formed, but outside the bounds */
	ERR_ABSENT,   /* the named thing does not exist */
	ERR_EXISTS,   /* the named thing exists already */
	ERR_DENIED,   /* the caller may not */
	ERR_CONFLICT, /* a precondition did not hold; nothing happened */
	ERR_SPACE,    /* no space left; nothing happened */
	ERR_LIMIT,    /* a configured limit was reached */
	ERR_BUSY,     /* somebody else holds it, or overloaded: try later */
	ERR_IO,	      /* the operating system or a device failed */
	ERR_CORRUPT,  /* stored bytes are not what was written */
	ERR_NOMEM,    /* an allocation failed */
	ERR_STOPPING, /* the server is going down */
	ERR_CODES     /* how many there are */
};

enum { ERR_TEXT_BYTES = 256 };

struct err {
	enum err_code code;
	char text[ERR_TEXT_BYTES]; /* one sentence without a full stop; always terminated */
};

/* Fill ERR in. ERR may be NULL. Returns -1, so that "return err_set(...)" fails the caller. */
int err_set(struct err *err, enum err_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* As err_set, with ": " and the text of ERRNUM behind the sentence. ENOSPC and EDQUOT become
 * ERR_SPACE and ENOMEM becomes ERR_NOMEM whatever CODE says. */
int err_sys(struct err *err, enum err_code code, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Put "WHO: " in front of the sentence, cutting at the end when it no longer fits. */
void err_prefix(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The code's name as it stands in logs and JSON ("conflict"); never NULL. */
const char *err_code_name(enum err_code code);

#endif
