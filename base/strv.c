/* SPDX-License-Identifier: Apache-2.0 */
/* base/strv.c - see strv.h */
#include "base/strv.h"

#include <stdlib.h>

int strv_cmp(struct strv a, struct strv b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

static unsigned char lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

int strv_caseeq(struct strv a, struct strv b)
{
	if (a.n != b.n)
		return 0;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return 0;
	return 1;
}

static int is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct strv strv_trim(struct strv s)
{
	while (s.n && is_blank(s.p[0]))
		s.p++, s.n--;
	while (s.n && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

int strv_cut(struct strv *s, char c, struct strv *head_out)
{
	const char *at = s->n ? memchr(s->p, c, s->n) : NULL;

	if (!at) {
		*head_out = *s;
		*s = (struct strv){ s->p ? s->p + s->n : NULL, 0 };
		return 0;
	}
	*head_out = (struct strv){ s->p, (size_t)(at - s->p) };
	s->n -= head_out->n + 1;
	s->p = at + 1;
	return 1;
}

int strv_u64(struct strv s, uint64_t max, uint64_t *value_out)
{
	uint64_t v = 0;

	if (!s.n)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		unsigned d = (unsigned char)s.p[i] - (unsigned)'0';

		if (d > 9 || d > max || v > (max - d) / 10)
			return -1;
		v = v * 10 + d;
	}
	*value_out = v;
	return 0;
}

char *strv_dup(struct strv s)
{
	char *copy = malloc(s.n + 1);

	if (!copy)
		return NULL;
	if (s.n)
		memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	return copy;
}
