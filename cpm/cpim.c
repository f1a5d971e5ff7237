/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/cpim.c - message/cpim, read (RFC 3862)
 *
 * One pass cuts the lines, a second one resolves prefixes: the RFC wants NS in front of the first
 * use, shipped clients also put it behind. cpm/cpim_splice.c writes.
 */
#include "cpm/cpim.h"

#include <string.h>

#include "auth/auth_text.h"

const struct cpim_limits cpim_limits_default = {
	.bytes = 10 << 20,
	.head_bytes = 16 << 10,
	.headers = 64,
	.mime_fields = 32,
};

int cpim_is_name(struct strv s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		      (c && strchr("!#$%&'*+-^_`|~", c))))
			return 0;
	}
	return s.n > 0;
}

int cpim_is_line(struct strv s)
{
	while (s.n) {
		uint32_t code;
		size_t n = auth_utf8_next(s, &code);

		if (!n || code < ' ' || code == 0x7f)
			return 0;
		s = strv_mem(s.p + n, s.n - n);
	}
	return 1;
}

/* Where the parameters at the beginning of S end: at the first blank outside of quotation marks. */
static size_t params_end(struct strv s)
{
	int quoted = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (quoted && s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (s.p[i] == ' ' && !quoted)
			return i;
	}
	return s.n;
}

/* TEXT, a line without its end, as a header. */
static int read_header(struct strv text, struct cpim_header *header, struct err *err)
{
	struct strv rest = text, name, prefix;
	size_t n;

	if (!cpim_is_line(text))
		return err_set(err, ERR_SYNTAX,
			       "a control octet or ill-formed UTF-8 in a CPIM header");
	if (!strv_cut(&rest, ':', &name))
		return err_set(err, ERR_SYNTAX, "a CPIM header without a colon");
	header->name = name;
	if (memchr(name.p, '.', name.n)) {
		strv_cut(&name, '.', &prefix);
		header->name = name;
		header->prefix = prefix;
		if (!cpim_is_name(prefix))
			return err_set(err, ERR_SYNTAX, "a CPIM header's prefix is not a name");
	}
	if (!cpim_is_name(header->name))
		return err_set(err, ERR_SYNTAX, "a CPIM header's name is not a name");
	if (rest.n && rest.p[0] == ';') {
		n = params_end(rest);
		header->params = strv_mem(rest.p, n);
		rest = strv_mem(rest.p + n, rest.n - n);
	}
	if (rest.n && rest.p[0] != ' ')
		return err_set(err, ERR_SYNTAX, "no blank behind the colon of CPIM header \"%.*s\"",
			       STRV_ARG(header->name));
	header->value = strv_trim(rest);
	return 0;
}

int cpim_ns(const struct cpim_header *header, struct strv *prefix_out, struct strv *uri_out)
{
	struct strv rest = header->value, prefix, uri;

	if (header->prefix.n || !strv_eq(header->name, STRV("NS")))
		return 0;
	strv_cut(&rest, '<', &prefix);
	strv_cut(&rest, '>', &uri);
	*prefix_out = strv_trim(prefix);
	*uri_out = uri;
	return 1;
}

static int check_ns(const struct cpim_header *header, struct err *err)
{
	struct strv prefix, uri, value = header->value;

	if (!cpim_ns(header, &prefix, &uri))
		return 0;
	if ((prefix.n && !cpim_is_name(prefix)) || !uri.n || memchr(uri.p, ' ', uri.n) ||
	    memchr(uri.p, '<', uri.n) || uri.p + uri.n + 1 != value.p + value.n)
		return err_set(err, ERR_SYNTAX, "an NS header is not \"prefix <uri>\"");
	return 0;
}

/* The namespace of headers[AT]. A declaration in front counts before one behind; the default one
 * is changed for later lines only (RFC 3862 s3.4). */
static struct strv resolve(const struct cpim_header *headers, unsigned n, unsigned at)
{
	struct strv want = headers[at].prefix, prefix, uri;

	if (!want.n && strv_eq(headers[at].name, STRV("NS")))
		return STRV(CPIM_NS_CORE);
	for (unsigned i = at; i-- > 0;)
		if (cpim_ns(&headers[i], &prefix, &uri) && strv_eq(prefix, want))
			return uri;
	if (!want.n)
		return STRV(CPIM_NS_CORE);
	for (unsigned i = at + 1; i < n; i++)
		if (cpim_ns(&headers[i], &prefix, &uri) && strv_eq(prefix, want))
			return uri;
	return STRV("");
}

/* Take one header line off REST; its end must be that of all lines, which the first one sets. */
static int take_line(struct strv *rest, struct strv *eol, struct strv *line_out,
		     struct strv *text_out, struct err *err)
{
	const char *lf = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
	struct strv line;

	if (!lf)
		return err_set(err, ERR_SYNTAX, "no blank line ends the CPIM headers");
	line = strv_mem(rest->p, (size_t)(lf - rest->p) + 1);
	if (!eol->n)
		*eol = line.n > 1 && lf[-1] == '\r' ? STRV("\r\n") : STRV("\n");
	/* A line feed alone among CR LF is a control octet to some readers and an end to others. */
	if (line.n < eol->n || memcmp(line.p + line.n - eol->n, eol->p, eol->n) != 0)
		return err_set(err, ERR_SYNTAX, "CPIM header lines end in different ways");
	*line_out = line;
	*text_out = strv_mem(line.p, line.n - eol->n);
	*rest = strv_mem(rest->p + line.n, rest->n - line.n);
	return 0;
}

static int has_line(struct strv s)
{
	return s.n && memchr(s.p, '\n', s.n) != NULL;
}

static int read_headers(struct cpim *cpim, const struct cpim_limits *limits, struct arena *arena,
			struct strv *rest_out, struct err *err)
{
	struct strv rest = cpim->bytes, line = STRV(""), text = STRV("");
	struct cpim_header *headers = arena_zalloc(arena, limits->headers, sizeof(*headers));
	unsigned n = 0;

	if (!headers)
		return err_set(err, ERR_NOMEM, "no memory for CPIM headers");
	if (rest.n > limits->head_bytes)
		rest.n = limits->head_bytes;
	for (;;) {
		if (take_line(&rest, &cpim->eol, &line, &text, err) < 0)
			return cpim->bytes.n <= limits->head_bytes || has_line(rest)
				       ? -1
				       : err_set(err, ERR_LIMIT,
						 "CPIM headers of more than %zu octets",
						 limits->head_bytes);
		if (!text.n)
			break;
		if (n == limits->headers)
			return err_set(err, ERR_LIMIT, "more than %u CPIM headers", n);
		headers[n].line = line;
		if (read_header(text, &headers[n], err) < 0 || check_ns(&headers[n], err) < 0)
			return -1;
		n++;
	}
	for (unsigned i = 0; i < n; i++)
		headers[i].ns = resolve(headers, n, i);
	cpim->headers = headers;
	cpim->n_headers = n;
	cpim->blank_at = (size_t)(line.p - cpim->bytes.p);
	*rest_out = strv_mem(line.p + line.n, cpim->bytes.n - cpim->blank_at - line.n);
	return 0;
}

int cpim_parse(struct strv bytes, const struct cpim_limits *limits, struct arena *arena,
	       struct cpim **cpim_out, struct err *err)
{
	struct cpim *cpim;
	struct strv rest;

	limits = limits ? limits : &cpim_limits_default;
	if (bytes.n > limits->bytes)
		return err_set(err, ERR_LIMIT, "a CPIM message of more than %zu octets",
			       limits->bytes);
	cpim = arena_zalloc(arena, 1, sizeof(*cpim));
	if (!cpim)
		return err_set(err, ERR_NOMEM, "no memory for a CPIM message");
	cpim->bytes = bytes;
	if (read_headers(cpim, limits, arena, &rest, err) < 0 ||
	    mime_head_parse(rest, limits->mime_fields, limits->head_bytes, arena, &cpim->mime,
			    &cpim->content, err) < 0)
		return -1;
	if (!mime_main(mime_find(&cpim->mime, "Content-Type")).n)
		return err_set(err, ERR_SYNTAX,
			       "the content of a CPIM message has no Content-Type");
	*cpim_out = cpim;
	return 0;
}

const struct cpim_header *cpim_find(const struct cpim *cpim, const char *ns, const char *name,
				    const struct cpim_header *after)
{
	for (unsigned i = after ? (unsigned)(after - cpim->headers) + 1 : 0; i < cpim->n_headers;
	     i++)
		if (strv_eq(cpim->headers[i].name, strv_of(name)) &&
		    strv_eq(cpim->headers[i].ns, strv_of(ns)))
			return &cpim->headers[i];
	return NULL;
}

struct strv cpim_value(const struct cpim *cpim, const char *ns, const char *name)
{
	const struct cpim_header *header = cpim_find(cpim, ns, name, NULL);

	if (!header)
		return (struct strv){ NULL, 0 };
	return header->value.n ? header->value : STRV("");
}

/* Four hexadecimal digits at P; -1 when they are not. */
static int hex4(const char *p, size_t n)
{
	int value = 0;

	if (n < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
			    : c >= 'A' && c <= 'F' ? c - 'A' + 10
						   : -1;

		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

static size_t put_utf8(char *p, uint32_t code)
{
	if (code < 0x80) {
		p[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		p[0] = (char)(0xc0 | code >> 6);
		p[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		p[0] = (char)(0xe0 | code >> 12);
		p[1] = (char)(0x80 | (code >> 6 & 0x3f));
		p[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	p[0] = (char)(0xf0 | code >> 18);
	p[1] = (char)(0x80 | (code >> 12 & 0x3f));
	p[2] = (char)(0x80 | (code >> 6 & 0x3f));
	p[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

/* The escape whose backslash stands at S.p[0]; how many octets of S it is in USED_OUT. */
static uint32_t read_escape(struct strv s, size_t *used_out)
{
	static const char letters[] = "btnr", means[] = "\b\t\n\r";
	const char *letter = s.p[1] ? strchr(letters, s.p[1]) : NULL;
	int unit, low;

	*used_out = 2;
	if (letter)
		return (unsigned char)means[letter - letters];
	unit = s.p[1] == 'u' ? hex4(s.p + 2, s.n - 2) : -1;
	if (unit < 0)
		return (unsigned char)s.p[1];
	*used_out = 6;
	if (unit < 0xd800 || unit > 0xdfff)
		return (uint32_t)unit;
	low = unit < 0xdc00 && s.n >= 8 && s.p[6] == '\\' && s.p[7] == 'u' ? hex4(s.p + 8, s.n - 8)
									   : -1;
	if (low < 0xdc00 || low > 0xdfff)
		return 0xfffd;
	*used_out = 12;
	return 0x10000 + ((uint32_t)(unit - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
}

int cpim_unescape(struct strv value, struct arena *arena, struct strv *text_out, struct err *err)
{
	/* No escape is shorter than what it stands for: \uXXXX is at most three octets. */
	char *text = arena_alloc(arena, value.n + 1);
	size_t i = 0, n = 0, used;

	if (!text)
		return err_set(err, ERR_NOMEM, "no memory for a CPIM header's text");
	while (i < value.n) {
		if (value.p[i] != '\\') {
			text[n++] = value.p[i++];
			continue;
		}
		if (i + 1 == value.n)
			break;
		if ((unsigned char)value.p[i + 1] >= 0x80) {
			i++; /* the character behind it is copied octet by octet */
			continue;
		}
		n += put_utf8(text + n, read_escape(strv_mem(value.p + i, value.n - i), &used));
		i += used;
	}
	text[n] = 0;
	*text_out = strv_mem(text, n);
	return 0;
}

int cpim_address(struct strv value, struct strv *name_out, struct strv *uri_out, struct err *err)
{
	size_t i = 0;
	struct strv uri;

	value = strv_trim(value);
	if (value.n && value.p[0] == '"')
		for (i = 1; i < value.n && value.p[i] != '"'; i++)
			if (value.p[i] == '\\')
				i++;
	while (i < value.n && value.p[i] != '<')
		i++;
	if (i >= value.n || value.p[value.n - 1] != '>')
		return err_set(err, ERR_SYNTAX, "a CPIM address is not \"name <uri>\"");
	uri = strv_mem(value.p + i + 1, value.n - i - 2);
	if (!uri.n || memchr(uri.p, ' ', uri.n) || memchr(uri.p, '<', uri.n) ||
	    memchr(uri.p, '>', uri.n) || !memchr(uri.p, ':', uri.n))
		return err_set(err, ERR_SYNTAX, "a CPIM address has no absolute URI");
	*name_out = strv_trim(strv_mem(value.p, i));
	*uri_out = uri;
	return 0;
}
