/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/strv.h - string views: octets that somebody else owns
 *
 * A view points into a received buffer, an arena or a literal. It is not terminated and may hold
 * NUL; nothing longer-lived than the owner may keep one.
 */
#ifndef BASE_STRV_H
#define BASE_STRV_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct strv {
	const char *p; /* may be NULL when n is 0 */
	size_t n;      /* octets */
};

/* For printf: printf("%.*s", STRV_ARG(v)). */
#define STRV_ARG(v) (int)(v).n, (v).p ? (v).p : ""

/* A view of a string literal, usable in static initialisers. */
#define STRV(lit) ((struct strv){ (lit), sizeof(lit) - 1 })

static inline struct strv strv_of(const char *s)
{
	return (struct strv){ s, s ? strlen(s) : 0 };
}

static inline struct strv strv_mem(const void *p, size_t n)
{
	return (struct strv){ p, n };
}

static inline int strv_eq(struct strv a, struct strv b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Order by octets, the shorter first where one is the other's beginning. */
int strv_cmp(struct strv a, struct strv b);

/* Equal but for the case of ASCII letters. */
int strv_caseeq(struct strv a, struct strv b);

static inline int strv_starts(struct strv s, struct strv with)
{
	return s.n >= with.n && (with.n == 0 || memcmp(s.p, with.p, with.n) == 0);
}

/* S without leading and trailing blanks and tabs. */
struct strv strv_trim(struct strv s);

/* Cut S at the first C: HEAD_OUT is what stands before it, S becomes what stands behind it.
 * Returns 1; 0 and the whole of S in HEAD_OUT, S empty, when there is no C. */
int strv_cut(struct strv *s, char c, struct strv *head_out);

/* S as an unsigned decimal number, digits only, at most MAX. Returns 0, or -1 when S is empty,
 * has anything but digits, or is larger. */
int strv_u64(struct strv s, uint64_t max, uint64_t *value_out);

/* A terminated heap copy of S, for the caller to free; NULL when memory is short. */
char *strv_dup(struct strv s);

#endif
