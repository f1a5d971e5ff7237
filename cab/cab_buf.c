/* SPDX-License-Identifier: Apache-2.0 */
/* cab/cab_buf.c - see cab_buf.h */
#include "cab/cab_buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST = 1024, PRINTF_MAX = 512 };

void cab_buf_fini(struct cab_buf *buf)
{
	free(buf->p);
	*buf = (struct cab_buf){ .max = buf->max };
}

static int make_room(struct cab_buf *buf, size_t n)
{
	size_t room = buf->room ? buf->room : FIRST;
	char *p;

	if (buf->failed)
		return -1;
	if (buf->max && (buf->n > buf->max || n > buf->max - buf->n)) {
		buf->failed = ERR_LIMIT;
		return -1;
	}
	if (n <= buf->room - buf->n)
		return 0;
	while (room - buf->n < n)
		room *= 2;
	p = realloc(buf->p, room);
	if (!p) {
		buf->failed = ERR_NOMEM;
		return -1;
	}
	buf->p = p;
	buf->room = room;
	return 0;
}

void cab_buf_put(struct cab_buf *buf, struct strv s)
{
	if (!s.n || make_room(buf, s.n) < 0)
		return;
	memcpy(buf->p + buf->n, s.p, s.n);
	buf->n += s.n;
}

void cab_buf_char(struct cab_buf *buf, char c)
{
	cab_buf_put(buf, strv_mem(&c, 1));
}

void cab_buf_printf(struct cab_buf *buf, const char *fmt, ...)
{
	char text[PRINTF_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0 || n >= PRINTF_MAX)
		buf->failed = ERR_LIMIT;
	else
		cab_buf_put(buf, strv_mem(text, (size_t)n));
}

/* What stands for C; "" for what XML has no place for; NULL: itself. */
static const char *entity(unsigned char c)
{
	switch (c) {
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '&':
		return "&amp;";
	case '"':
		return "&quot;";
	case '\n':
		return "&#10;"; /* in an attribute it would become a blank */
	case '\t':
		return "&#9;";
	case '\r':
		return "&#13;";
	default:
		return c < 0x20 ? "" : NULL;
	}
}

/* U+FFFE and U+FFFF. */
static int is_no_character(const char *p, size_t left)
{
	return left >= 3 && memcmp(p, "\xEF\xBF", 2) == 0 && ((unsigned char)p[2] | 1) == 0xBF &&
	       (unsigned char)p[2] >= 0xBE;
}

void cab_buf_xml(struct cab_buf *buf, struct strv s)
{
	size_t from = 0;

	for (size_t i = 0; i < s.n; i++) {
		const char *text = entity((unsigned char)s.p[i]);
		size_t skip = 1;

		if (!text && is_no_character(s.p + i, s.n - i)) {
			text = "";
			skip = 3;
		}
		if (!text)
			continue;
		cab_buf_put(buf, strv_mem(s.p + from, i - from));
		cab_buf_put(buf, strv_of(text));
		from = i + skip;
		i += skip - 1;
	}
	cab_buf_put(buf, strv_mem(s.p + from, s.n - from));
}

int cab_buf_check(const struct cab_buf *buf, struct err *err)
{
	if (buf->failed == ERR_LIMIT)
		return err_set(err, ERR_LIMIT, "the text has more than %zu octets", buf->max);
	return buf->failed ? err_set(err, ERR_NOMEM, "no memory for a text") : 0;
}
