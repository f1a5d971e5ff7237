/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/multipart.c - bodies of several parts, read and written (RFC 2046 s5.1)
 *
 * A boundary counts at the beginning of a line only, and the line end in front of it is the
 * boundary's. All parts, inner ones too, stand in one array whose size is the limit's.
 */
#include "cpm/multipart.h"

#include <stdlib.h>
#include <string.h>

const struct multipart_limits multipart_limits_default = {
	.bytes = 10 << 20,
	.head_bytes = 16 << 10,
	.fields = 32,
	.parts = 64,
	.depth = 4,
};

enum { BOUNDARY_MAX = 70 };

struct reader {
	const struct multipart_limits *limits;
	struct arena *arena;
	struct multipart_part *parts;
	unsigned n;
};

/* RFC 2046 s5.1.1, bchars; a blank may stand anywhere but at the end. */
static int is_boundary(struct strv s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		      (c && strchr("'()+_,-./:=? ", c))))
			return 0;
	}
	return s.n > 0 && s.n <= BOUNDARY_MAX && s.p[s.n - 1] != ' ';
}

static int is_multipart(struct strv type)
{
	return type.n > 10 && strv_caseeq(strv_mem(type.p, 10), STRV("multipart/"));
}

struct mark {
	size_t from, to; /* the line with the line end in front of it and its own */
	int last;
};

/* Does the line at BODY.p[AT] delimit parts? Blanks behind the boundary are padding. */
static int read_mark(struct strv body, size_t at, struct strv boundary, struct mark *mark_out)
{
	size_t i = at;
	int last = 0;

	if (body.n - i < boundary.n + 2 || memcmp(body.p + i, "--", 2) != 0 ||
	    memcmp(body.p + i + 2, boundary.p, boundary.n) != 0)
		return 0;
	i += boundary.n + 2;
	if (body.n - i >= 2 && memcmp(body.p + i, "--", 2) == 0) {
		last = 1;
		i += 2;
	}
	while (i < body.n && (body.p[i] == ' ' || body.p[i] == '\t'))
		i++;
	if (i < body.n && body.p[i] == '\r')
		i++;
	if (i < body.n && body.p[i] != '\n')
		return 0;
	mark_out->to = i < body.n ? i + 1 : i;
	mark_out->last = last;
	mark_out->from = at;
	if (at > 0)
		mark_out->from -= at > 1 && body.p[at - 2] == '\r' ? 2 : 1;
	return 1;
}

/* The first delimiter at or behind FROM, which is the beginning of a line. 0: there is none. */
static int next_mark(struct strv body, size_t from, struct strv boundary, struct mark *mark_out)
{
	while (from < body.n) {
		const char *lf;

		if (read_mark(body, from, boundary, mark_out))
			return 1;
		lf = memchr(body.p + from, '\n', body.n - from);
		if (!lf)
			return 0;
		from = (size_t)(lf - body.p) + 1;
	}
	return 0;
}

static int read_body(struct reader *reader, struct strv body, struct strv type, unsigned depth,
		     int is_signed, struct err *err);

static int read_part(struct reader *reader, struct strv bytes, unsigned depth, int is_signed,
		     struct err *err)
{
	const struct multipart_limits *limits = reader->limits;
	struct multipart_part *part;
	struct strv type;

	if (reader->n == limits->parts)
		return err_set(err, ERR_LIMIT, "a body of more than %u parts", limits->parts);
	part = &reader->parts[reader->n++];
	*part = (struct multipart_part){ .bytes = bytes, .depth = depth, .is_signed = is_signed };
	if (mime_head_parse(bytes, limits->fields, limits->head_bytes, reader->arena, &part->head,
			    &part->content, err) < 0)
		return -1;
	type = mime_find(&part->head, "Content-Type");
	if (is_multipart(mime_main(type)))
		return read_body(reader, part->content, type, depth + 1, is_signed, err);
	return 0;
}

static int read_body(struct reader *reader, struct strv body, struct strv type, unsigned depth,
		     int is_signed, struct err *err)
{
	struct strv boundary = STRV("");
	struct mark mark, next = { .last = 0 };

	if (depth > reader->limits->depth)
		return err_set(err, ERR_LIMIT, "bodies of parts nested deeper than %u",
			       reader->limits->depth);
	if (mime_param(type, "boundary", reader->arena, &boundary, err) < 0)
		return -1;
	if (!is_boundary(boundary))
		return err_set(err, ERR_SYNTAX, "a body of parts without a possible boundary");
	if (!next_mark(body, 0, boundary, &mark) || mark.last)
		return err_set(err, ERR_SYNTAX, "a body of parts without a part");
	is_signed = is_signed || mime_is(type, "multipart/signed");
	do {
		/* The line end in front of a mark may be the end of the mark before it: no part of
		 * less than nothing. */
		size_t to = next_mark(body, mark.to, boundary, &next) ? next.from : body.n;

		if (to < mark.to)
			to = mark.to;
		if (read_part(reader, strv_mem(body.p + mark.to, to - mark.to), depth, is_signed,
			      err) < 0)
			return -1;
		if (to == body.n)
			break;
		mark = next;
	} while (!mark.last);
	return 0;
}

int multipart_parse(struct strv body, struct strv type, const struct multipart_limits *limits,
		    struct arena *arena, struct multipart *multipart_out, struct err *err)
{
	struct reader reader = { .limits = limits ? limits : &multipart_limits_default,
				 .arena = arena };

	if (body.n > reader.limits->bytes)
		return err_set(err, ERR_LIMIT, "a body of more than %zu octets",
			       reader.limits->bytes);
	if (!is_multipart(mime_main(type)))
		return err_set(err, ERR_SYNTAX, "a body that is not one of parts");
	reader.parts = arena_zalloc(arena, reader.limits->parts, sizeof(*reader.parts));
	if (!reader.parts)
		return err_set(err, ERR_NOMEM, "no memory for the parts of a body");
	if (read_body(&reader, body, type, 1, 0, err) < 0)
		return -1;
	multipart_out->parts = reader.parts;
	multipart_out->n = reader.n;
	return 0;
}

static int fits(const struct multipart_part *part, const char *type, const char *disposition)
{
	struct strv has = mime_find(&part->head, "Content-Type");

	if (type && !mime_is(has.n ? has : STRV("text/plain"), type))
		return 0;
	return !disposition || mime_is(mime_find(&part->head, "Content-Disposition"), disposition);
}

const struct multipart_part *multipart_find(const struct multipart *multipart, const char *type,
					    const char *disposition,
					    const struct multipart_part *after)
{
	for (unsigned i = after ? (unsigned)(after - multipart->parts) + 1 : 0; i < multipart->n;
	     i++)
		if (fits(&multipart->parts[i], type, disposition))
			return &multipart->parts[i];
	return NULL;
}

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* Is ID what URL spells, with its percent signs resolved? */
static int spells(struct strv url, struct strv id)
{
	size_t i, k = 0;

	for (i = 0; i < url.n && k < id.n; k++) {
		int c = (unsigned char)url.p[i++];

		if (c == '%' && url.n - i >= 2 && hex(url.p[i]) >= 0 && hex(url.p[i + 1]) >= 0) {
			c = hex(url.p[i]) << 4 | hex(url.p[i + 1]);
			i += 2;
		}
		if (c != (unsigned char)id.p[k])
			return 0;
	}
	return i == url.n && k == id.n;
}

const struct multipart_part *multipart_cid(const struct multipart *multipart, struct strv url)
{
	if (url.n < 5 || !strv_caseeq(strv_mem(url.p, 4), STRV("cid:")))
		return NULL;
	url = strv_mem(url.p + 4, url.n - 4);
	for (unsigned i = 0; i < multipart->n; i++) {
		struct strv id = mime_find(&multipart->parts[i].head, "Content-ID");

		if (id.n > 2 && id.p[0] == '<' && id.p[id.n - 1] == '>')
			id = strv_mem(id.p + 1, id.n - 2);
		if (id.n && spells(url, id))
			return &multipart->parts[i];
	}
	return NULL;
}

/* ---- write ---- */

struct out {
	char *p;
	size_t n;
};

static void put(struct out *out, struct strv s)
{
	if (s.n)
		memcpy(out->p + out->n, s.p, s.n);
	out->n += s.n;
}

static int measure(const struct multipart_new *parts, size_t n, struct strv boundary,
		   size_t *room_out, struct err *err)
{
	if (!n || !is_boundary(boundary) || memchr(boundary.p, ' ', boundary.n))
		return err_set(err, ERR_RANGE,
			       "a body without parts or without a possible boundary");
	*room_out = boundary.n + 8;
	for (size_t i = 0; i < n; i++) {
		/* A mark inside of a part, read with or without the line end in front of it. */
		if (parts[i].content.n &&
		    memmem(parts[i].content.p, parts[i].content.n, boundary.p, boundary.n))
			return err_set(err, ERR_RANGE, "the boundary occurs in part %zu", i);
		*room_out += boundary.n + parts[i].content.n + 8;
		for (size_t k = 0; k < parts[i].n_fields; k++) {
			if (!mime_field_fits(&parts[i].fields[k]))
				return err_set(
					err, ERR_RANGE,
					"MIME field %zu of part %zu cannot stand on one line", k,
					i);
			*room_out += parts[i].fields[k].name.n + parts[i].fields[k].value.n + 4;
		}
	}
	return 0;
}

int multipart_print(const struct multipart_new *parts, size_t n, struct strv boundary,
		    struct arena *arena, struct strv *bytes_out, struct err *err)
{
	struct out out = { NULL, 0 };
	size_t room = 0;

	if (measure(parts, n, boundary, &room, err) < 0)
		return -1;
	out.p = arena_alloc(arena, room);
	if (!out.p)
		return err_set(err, ERR_NOMEM, "no memory for a body of parts");
	for (size_t i = 0; i < n; i++) {
		put(&out, STRV("--"));
		put(&out, boundary);
		put(&out, STRV("\r\n"));
		for (size_t k = 0; k < parts[i].n_fields; k++) {
			put(&out, parts[i].fields[k].name);
			put(&out, STRV(": "));
			put(&out, parts[i].fields[k].value);
			put(&out, STRV("\r\n"));
		}
		put(&out, STRV("\r\n"));
		put(&out, parts[i].content);
		put(&out, STRV("\r\n"));
	}
	put(&out, STRV("--"));
	put(&out, boundary);
	put(&out, STRV("--\r\n"));
	*bytes_out = strv_mem(out.p, out.n);
	return 0;
}
