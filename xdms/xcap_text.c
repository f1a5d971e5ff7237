/* SPDX-License-Identifier: Apache-2.0 */
/* xdms/xcap_text.c - see xcap_text.h */
#include "xdms/xcap_text.h"

#include <stdio.h>

uint32_t xcap_hash(uint32_t hash, struct strv s)
{
	for (size_t i = 0; i < s.n; i++)
		hash = (hash ^ (unsigned char)s.p[i]) * 16777619U;
	return hash;
}

/* Namespaces of one length with a local name in common are rare enough. */
uint32_t xcap_name_hash(const struct xcap_name *name)
{
	return xcap_hash(XCAP_HASH_START ^ (uint32_t)name->ns.n, name->local);
}

/* ---- UTF-8 and names ---- */

static unsigned utf8_get(struct strv s, uint32_t *code_out)
{
	const unsigned char *p = (const unsigned char *)s.p;
	unsigned n;
	uint32_t c, min;

	if (!s.n)
		return 0;
	if (p[0] < 0x80) {
		*code_out = p[0];
		return 1;
	}
	if (p[0] >= 0xc2 && p[0] < 0xe0)
		n = 2, c = p[0] & 0x1fU, min = 0x80;
	else if (p[0] >= 0xe0 && p[0] < 0xf0)
		n = 3, c = p[0] & 0x0fU, min = 0x800;
	else if (p[0] >= 0xf0 && p[0] < 0xf5)
		n = 4, c = p[0] & 0x07U, min = 0x10000;
	else
		return 0;
	if (s.n < n)
		return 0;
	for (unsigned i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fU);
	}
	if (c < min || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*code_out = c;
	return n;
}

static int is_char(uint32_t c)
{
	if (c < 0x20)
		return c == '\t' || c == '\n' || c == '\r';
	return c != 0xfffe && c != 0xffff;
}

unsigned xcap_char(struct strv s, uint32_t *code_out)
{
	uint32_t c;
	unsigned n = utf8_get(s, &c);

	if (!n || !is_char(c))
		return 0;
	if (code_out)
		*code_out = c;
	return n;
}

int xcap_utf8_valid(struct strv s)
{
	uint32_t c;

	while (s.n) {
		uint64_t eight;
		unsigned n;

		if (s.n >= 8 && (memcpy(&eight, s.p, 8), (eight & 0x8080808080808080U) == 0)) {
			s.p += 8;
			s.n -= 8;
			continue;
		}
		n = utf8_get(s, &c);
		if (!n)
			return 0;
		s.p += n;
		s.n -= n;
	}
	return 1;
}

struct range {
	uint32_t first, last;
};

static const struct range name_start[] = {
	{ 0xc0, 0xd6 },	    { 0xd8, 0xf6 },	{ 0xf8, 0x2ff },    { 0x370, 0x37d },
	{ 0x37f, 0x1fff },  { 0x200c, 0x200d }, { 0x2070, 0x218f }, { 0x2c00, 0x2fef },
	{ 0x3001, 0xd7ff }, { 0xf900, 0xfdcf }, { 0xfdf0, 0xfffd }, { 0x10000, 0xeffff },
};
static const struct range name_more[] = { { 0xb7, 0xb7 }, { 0x300, 0x36f }, { 0x203f, 0x2040 } };

static int in_ranges(uint32_t c, const struct range *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c >= r[i].first && c <= r[i].last)
			return 1;
	return 0;
}

/* ASCII: 1 begins a name, 2 goes on in one. */
static const unsigned char ascii_name[128] = {
	['A' ... 'Z'] = 3, ['a' ... 'z'] = 3, ['_'] = 3, ['0' ... '9'] = 2, ['-'] = 2, ['.'] = 2,
};

static int is_name_start(uint32_t c)
{
	if (c < 0x80)
		return ascii_name[c] & 1;
	return in_ranges(c, name_start, sizeof(name_start) / sizeof(name_start[0]));
}

static int is_name_char(uint32_t c)
{
	if (c < 0x80)
		return ascii_name[c] & 2;
	return is_name_start(c) ||
	       in_ranges(c, name_more, sizeof(name_more) / sizeof(name_more[0]));
}

size_t xcap_ncname(struct strv s)
{
	size_t at = 0;
	uint32_t c;
	unsigned n;

	if (s.n && (unsigned char)s.p[0] < 0x80 && ascii_name[(unsigned char)s.p[0]] & 1)
		for (at = 1; at < s.n && (unsigned char)s.p[at] < 0x80 &&
			     ascii_name[(unsigned char)s.p[at]];)
			at++;
	while ((n = utf8_get(strv_mem(s.p + at, s.n - at), &c)) > 0 &&
	       (at ? is_name_char(c) : is_name_start(c)))
		at += n;
	return at;
}

size_t xcap_qname(struct strv s, struct strv *prefix_out, struct strv *local_out)
{
	size_t n = xcap_ncname(s), m;

	*prefix_out = strv_mem(NULL, 0);
	*local_out = strv_mem(s.p, n);
	if (!n || n + 1 >= s.n || s.p[n] != ':')
		return n;
	m = xcap_ncname(strv_mem(s.p + n + 1, s.n - n - 1));
	if (!m)
		return n;
	*prefix_out = strv_mem(s.p, n);
	*local_out = strv_mem(s.p + n + 1, m);
	return n + 1 + m;
}

/* ---- references and attribute values ---- */

static size_t char_reference(struct strv s, uint32_t *code_out)
{
	int hex = s.n > 2 && s.p[2] == 'x';
	size_t i = hex ? 3 : 2, first = i;
	uint32_t c = 0;

	for (; i < s.n && s.p[i] != ';'; i++) {
		char ch = s.p[i];
		unsigned d;

		if (ch >= '0' && ch <= '9')
			d = (unsigned)(ch - '0');
		else if (hex && (ch | 0x20) >= 'a' && (ch | 0x20) <= 'f')
			d = (unsigned)((ch | 0x20) - 'a') + 10;
		else
			return 0;
		c = c * (hex ? 16 : 10) + d;
		if (c > 0x10ffff)
			return 0;
	}
	if (i >= s.n || i == first || !is_char(c) || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*code_out = c;
	return i + 1;
}

size_t xcap_reference(struct strv s, uint32_t *code_out)
{
	static const struct {
		struct strv text;
		char c;
	} entity[] = { { STRV("&lt;"), '<' },
		       { STRV("&gt;"), '>' },
		       { STRV("&amp;"), '&' },
		       { STRV("&quot;"), '"' },
		       { STRV("&apos;"), '\'' } };

	if (s.n > 2 && s.p[0] == '&' && s.p[1] == '#')
		return char_reference(s, code_out);
	for (size_t i = 0; i < sizeof(entity) / sizeof(entity[0]); i++)
		if (strv_starts(s, entity[i].text)) {
			*code_out = (unsigned char)entity[i].c;
			return entity[i].text.n;
		}
	return 0;
}

int xcap_attvalue_valid(struct strv s, char quote)
{
	uint32_t c;

	while (s.n) {
		size_t n;

		if (*s.p >= '(' && *s.p < 0x7f && *s.p != '<') { /* nearly all there is */
			s.p++;
			s.n--;
			continue;
		}
		if (*s.p == '<' || (quote && *s.p == quote))
			return 0;
		n = *s.p == '&' ? xcap_reference(s, &c) : xcap_char(s, NULL);
		if (!n)
			return 0;
		s.p += n;
		s.n -= n;
	}
	return 1;
}

int xcap_attvalue_plain(struct strv raw)
{
	for (size_t i = 0; i < raw.n; i++)
		if (raw.p[i] == '&' || (unsigned char)raw.p[i] < 0x20)
			return 0;
	return 1;
}

static unsigned utf8_put(uint32_t c, char *to)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 0x3f));
		to[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 0x3f));
	to[2] = (char)(0x80 | (c >> 6 & 0x3f));
	to[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* Take one unit off the front of RAW: up to four octets of the value in TO. Returns how many. */
static unsigned decode_unit(struct strv *raw, char to[4])
{
	size_t used = 1;
	unsigned n = 1;
	uint32_t c;

	if (*raw->p == '&' && (used = xcap_reference(*raw, &c)) > 0) {
		n = utf8_put(c, to);
	} else if (xcap_is_space(*raw->p)) {
		used = raw->n > 1 && raw->p[0] == '\r' && raw->p[1] == '\n' ? 2 : 1;
		to[0] = ' ';
	} else {
		used = 1;
		to[0] = *raw->p;
	}
	raw->p += used;
	raw->n -= used;
	return n;
}

int xcap_attvalue_decode(struct strv raw, struct arena *arena, struct strv *value_out)
{
	char *to;
	size_t n = 0;

	*value_out = raw;
	if (xcap_attvalue_plain(raw))
		return 0;
	to = arena_alloc(arena, raw.n + 4);
	if (!to)
		return -1;
	while (raw.n) {
		char unit[4];
		unsigned k = decode_unit(&raw, unit);

		memcpy(to + n, unit, k);
		n += k;
	}
	*value_out = strv_mem(to, n);
	return 0;
}

int xcap_attvalue_eq(struct strv raw, struct strv value)
{
	if (xcap_attvalue_plain(raw))
		return strv_eq(raw, value);
	while (raw.n) {
		char unit[4];
		unsigned n = decode_unit(&raw, unit);

		if (value.n < n || memcmp(unit, value.p, n) != 0)
			return 0;
		value.p += n;
		value.n -= n;
	}
	return value.n == 0;
}

uint32_t xcap_attvalue_hash(uint32_t hash, struct strv raw)
{
	while (raw.n) {
		char unit[4];
		unsigned n = decode_unit(&raw, unit);

		hash = xcap_hash(hash, strv_mem(unit, n));
	}
	return hash;
}

/* ---- percent-encoding ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

int xcap_percent_decode(struct strv raw, struct arena *arena, struct strv *out)
{
	char *to;
	size_t n = 0;

	*out = raw;
	if (!raw.n || !memchr(raw.p, '%', raw.n))
		return raw.n && memchr(raw.p, 0, raw.n) ? -1 : 0;
	to = arena_alloc(arena, raw.n);
	if (!to)
		return -2;
	for (size_t i = 0; i < raw.n; i++) {
		char c = raw.p[i];

		if (c == '%') {
			int hi = i + 2 < raw.n ? hex_digit(raw.p[i + 1]) : -1;
			int lo = i + 2 < raw.n ? hex_digit(raw.p[i + 2]) : -1;

			if (hi < 0 || lo < 0)
				return -1;
			c = (char)(hi << 4 | lo);
			i += 2;
		}
		if (!c)
			return -1;
		to[n++] = c;
	}
	*out = strv_mem(to, n);
	return 0;
}

/* ---- printing ---- */

static char *room(struct xcap_print *print, size_t n)
{
	if (print->failed)
		return NULL;
	if (!print->p || print->cap - print->n < n) {
		size_t cap = (print->cap ? print->cap * 2 : 128) + n;
		char *p = arena_alloc(print->arena, cap);

		if (!p) {
			print->failed = 1;
			return NULL;
		}
		if (print->n)
			memcpy(p, print->p, print->n);
		print->p = p;
		print->cap = cap;
	}
	return print->p + print->n;
}

void xcap_print(struct xcap_print *print, struct strv s)
{
	char *to = room(print, s.n);

	if (!to || !s.n)
		return;
	memcpy(to, s.p, s.n);
	print->n += s.n;
}

void xcap_print_str(struct xcap_print *print, const char *s)
{
	xcap_print(print, strv_of(s));
}

void xcap_print_num(struct xcap_print *print, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	xcap_print_str(print, text);
}

void xcap_print_percent(struct xcap_print *print, struct strv s)
{
	static const char hex[] = "0123456789ABCDEF";
	static const char plain[] = "-._~!$&'()*+,;=:@";

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
		    (c && strchr(plain, c)))
			xcap_print(print, strv_mem(s.p + i, 1));
		else
			xcap_print(print, strv_mem((char[]){ '%', hex[c >> 4], hex[c & 15] }, 3));
	}
}

void xcap_print_xmlns(struct xcap_print *print, const struct xcap_binding *b)
{
	xcap_print_str(print, "xmlns(");
	xcap_print_percent(print, b->prefix);
	xcap_print_str(print, "=");
	/* Parentheses and circumflexes are escaped whether they balance or not. */
	for (size_t i = 0; i < b->uri.n; i++) {
		if (memchr("()^", b->uri.p[i], 3))
			xcap_print_str(print, "%5E");
		xcap_print_percent(print, strv_mem(b->uri.p + i, 1));
	}
	xcap_print_str(print, ")");
}

void xcap_print_xml(struct xcap_print *print, struct strv s)
{
	for (size_t i = 0; i < s.n; i++)
		switch (s.p[i]) {
		case '&':
			xcap_print_str(print, "&amp;");
			break;
		case '<':
			xcap_print_str(print, "&lt;");
			break;
		case '>':
			xcap_print_str(print, "&gt;");
			break;
		case '"':
			xcap_print_str(print, "&quot;");
			break;
		case '\t':
		case '\n':
		case '\r':
			xcap_print_str(print, "&#");
			xcap_print_num(print, (unsigned char)s.p[i]);
			xcap_print_str(print, ";");
			break;
		default:
			xcap_print(print, strv_mem(s.p + i, 1));
		}
}

struct strv xcap_print_end(struct xcap_print *print)
{
	char *to = room(print, 1);

	if (!to)
		return strv_mem(NULL, 0);
	*to = 0;
	return strv_mem(print->p, print->n);
}
