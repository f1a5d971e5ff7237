/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_content.c - see sip_content.h
 *
 * A part may hold any octets; it ends at a delimiter that stands at the beginning of a line, and
 * the CRLF before that belongs to the delimiter (RFC 2046 s5.1.1).
 */
#include "sip/sip_content.h"

#include <stdint.h>

#include "sip/sip_text_priv.h"
#include "sip/sip_uri.h"

static size_t token_len(struct strv s)
{
	size_t n = 0;

	while (n < s.n && sip_is(s.p[n], SIP_C_TOKEN))
		n++;
	return n;
}

int sip_media_parse(struct strv value, struct sip_media *media_out)
{
	struct strv s = sip_trim(value);
	size_t n = token_len(s);

	media_out->type = strv_mem(s.p, n);
	s = sip_skip_blanks(sip_from(s, n));
	if (!n || !s.n || s.p[0] != '/')
		return -1;
	s = sip_skip_blanks(sip_from(s, 1));
	n = token_len(s);
	media_out->subtype = strv_mem(s.p, n);
	media_out->params = sip_skip_blanks(sip_from(s, n));
	return n && sip_params_ok(media_out->params) ? 0 : -1;
}

int sip_media_is(const struct sip_media *media, const char *type, const char *subtype)
{
	return strv_caseeq(media->type, strv_of(type)) &&
	       (!subtype || strv_caseeq(media->subtype, strv_of(subtype)));
}

/* bcharsnospace and SP, the last one no SP (RFC 2046 s5.1.1). */
static int boundary_ok(struct strv s)
{
	if (!s.n || s.n > SIP_BOUNDARY_MAX || s.p[s.n - 1] == ' ')
		return 0;
	for (size_t i = 0; i < s.n; i++)
		if ((!sip_is(s.p[i], SIP_C_TOKEN) && !strchr("()/:=?, ", s.p[i])) || !s.p[i])
			return 0;
	return 1;
}

/* S, at the beginning of a line, begins with a delimiter: 1, or 2 for the closing one, and its
 * octets with the line end; 0: it does not. */
static int delimiter(struct strv s, struct strv boundary, size_t *n_out)
{
	struct strv rest;
	int kind = 1;

	if (!strv_starts(s, STRV("--")) || !strv_starts(sip_from(s, 2), boundary))
		return 0;
	rest = sip_from(s, 2 + boundary.n);
	if (strv_starts(rest, STRV("--"))) {
		kind = 2;
		rest = sip_from(rest, 2);
	}
	while (rest.n && (rest.p[0] == ' ' || rest.p[0] == '\t'))
		rest = sip_from(rest, 1);
	if (strv_starts(rest, STRV("\r\n")))
		rest = sip_from(rest, 2);
	else if (kind == 1 || rest.n)
		return 0;
	*n_out = (size_t)(rest.p - s.p);
	return kind;
}

/* The first delimiter in S, which is at the beginning of a line. BEFORE_OUT ends before the CRLF
 * that belongs to it, *S begins with it. Returns as delimiter. */
static int find_delimiter(struct strv *s, struct strv boundary, struct strv *before_out,
			  size_t *n_out)
{
	const char *begin = s->p, *at;
	int kind = delimiter(*s, boundary, n_out);

	*before_out = strv_mem(begin, 0);
	while (!kind) {
		at = memmem(s->p, s->n, "\r\n--", 4);
		if (!at)
			return 0;
		*before_out = strv_mem(begin, (size_t)(at - begin));
		*s = sip_from(*s, (size_t)(at - s->p) + 2);
		kind = delimiter(*s, boundary, n_out);
	}
	return kind;
}

/* Octets of the header fields of a part, the empty line not counted; SIZE_MAX: not of the form. */
static size_t head_len(struct strv s)
{
	size_t at = 0;

	while (!strv_starts(sip_from(s, at), STRV("\r\n"))) {
		struct strv line = sip_from(s, at);
		size_t n = token_len(line);
		const char *lf = line.n ? memchr(line.p, '\n', line.n) : NULL;

		if (!lf || lf == line.p || lf[-1] != '\r')
			return SIZE_MAX;
		if (!(at && (line.p[0] == ' ' || line.p[0] == '\t')) && (!n || line.p[n] != ':'))
			return SIZE_MAX;
		at += (size_t)(lf - line.p) + 1;
	}
	return at;
}

int sip_part_next(const struct sip_media *media, struct strv *rest, struct sip_part *part_out)
{
	struct strv boundary, part;
	size_t n, head;
	int kind;

	if (!sip_param(media->params, "boundary", &boundary) || !boundary_ok(boundary))
		return -1;
	kind = find_delimiter(rest, boundary, &part, &n);
	if (kind != 1)
		return kind ? 0 : -1;
	*rest = sip_from(*rest, n);
	if (!find_delimiter(rest, boundary, &part, &n))
		return -1;
	head = head_len(part);
	if (head == SIZE_MAX)
		return -1;
	part_out->head = strv_mem(part.p, head);
	part_out->body = sip_from(part, head + 2);
	return 1;
}

struct strv sip_part_value(const struct sip_part *part, const char *name)
{
	struct strv wanted = strv_of(name), s = part->head;

	while (s.n) {
		struct strv line = s, value;
		size_t n = 0;

		do { /* to the line end that no blank follows */
			const char *lf = memchr(s.p + n, '\n', s.n - n);

			n = lf ? (size_t)(lf - s.p) + 1 : s.n;
		} while (n < s.n && (s.p[n] == ' ' || s.p[n] == '\t'));
		line = strv_mem(s.p, n);
		s = sip_from(s, n);
		n = token_len(line);
		value = sip_trim(sip_from(line, n < line.n ? n + 1 : n));
		if (strv_caseeq(strv_mem(line.p, n), wanted))
			return value;
	}
	return strv_mem(NULL, 0);
}

int sip_content_ok(struct strv value, struct strv body)
{
	struct sip_media media;
	struct sip_part part;
	unsigned parts = 0;
	int ret;

	if (sip_media_parse(value, &media) < 0)
		return 0;
	if (!sip_media_is(&media, "multipart", NULL))
		return 1;
	while ((ret = sip_part_next(&media, &body, &part)) > 0)
		parts++;
	return ret == 0 && parts;
}
