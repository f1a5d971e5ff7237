/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_edit.c - see sip_edit.h
 *
 * An edit is a place in the received octets, how many of them go, and what comes there instead.
 * They are kept sorted by place; the result is one walk over both.
 */
#include "sip/sip_edit.h"

#include <stdint.h>

#include "sip/sip_text_priv.h"

enum { PIECES = 4, FIRST_ROOM = 16 };

/* Edits at one place: what pushes comes first, the latest on top; what replaces, behind. */
enum rank { RANK_PUSH, RANK_REPLACE, RANK_APPEND };

struct splice {
	size_t at, gone; /* octets from the start line on */
	enum rank rank;
	enum sip_h set; /* the field whose one value this is; SIP_H_OTHER: none */
	struct strv piece[PIECES];
};

struct sip_edit {
	struct sip_msg *msg;
	int failed;
	struct splice *splices;
	unsigned n, room;
	unsigned char popped[SIP_H_COUNT]; /* values taken from the front */
};

struct sip_edit *sip_edit_new(struct sip_msg *msg)
{
	struct sip_edit *edit = arena_zalloc(msg->arena, 1, sizeof(*edit));

	if (edit)
		edit->msg = msg;
	return edit;
}

static size_t offset(const struct sip_edit *edit, const char *p)
{
	return (size_t)(p - edit->msg->start_line.p);
}

/* Room for one more. 0, or -1: the edit has failed. */
static int make_room(struct sip_edit *edit)
{
	unsigned room = edit->room ? edit->room * 2 : FIRST_ROOM;
	struct splice *more;

	if (edit->n < edit->room)
		return 0;
	more = arena_alloc(edit->msg->arena, room * sizeof(*more));
	if (!more) {
		edit->failed = 1;
		return -1;
	}
	if (edit->n)
		memcpy(more, edit->splices, edit->n * sizeof(*more));
	edit->splices = more;
	edit->room = room;
	return 0;
}

/* A new splice in its order; NULL: no memory. */
static struct splice *splice_add(struct sip_edit *edit, size_t at, size_t gone, enum rank rank)
{
	unsigned i;

	if (edit->failed || make_room(edit) < 0)
		return NULL;
	for (i = edit->n; i > 0; i--) {
		const struct splice *before = &edit->splices[i - 1];

		if (before->at < at ||
		    (before->at == at && (before->rank < rank || (before->rank == rank && rank))))
			break;
		edit->splices[i] = *before;
	}
	edit->n++;
	edit->splices[i] = (struct splice){ .at = at, .gone = gone, .rank = rank };
	return &edit->splices[i];
}

static void take_out(struct sip_edit *edit, struct strv what)
{
	splice_add(edit, offset(edit, what.p), what.n, RANK_REPLACE);
}

void sip_edit_uri(struct sip_edit *edit, struct strv uri)
{
	/* In place of the received one, which stands behind the method and its SP. */
	struct splice *splice =
		splice_add(edit, edit->msg->method_name.n + 1, edit->msg->uri.text.n, RANK_REPLACE);

	if (splice)
		splice->piece[0] = uri;
}

void sip_edit_remove(struct sip_edit *edit, enum sip_h h)
{
	const struct sip_line *line = sip_msg_line(edit->msg, h);

	for (; line && h != SIP_H_OTHER; line = sip_msg_line_next(edit->msg, line))
		take_out(edit, line->whole);
}

void sip_edit_remove_named(struct sip_edit *edit, const char *name)
{
	struct strv wanted = strv_of(name);
	enum sip_h h = sip_h_find(wanted);
	const struct sip_line *line = sip_msg_line(edit->msg, h);

	if (h != SIP_H_OTHER) {
		sip_edit_remove(edit, h);
		return;
	}
	for (; line; line = sip_msg_line_next(edit->msg, line))
		if (strv_caseeq(line->name, wanted))
			take_out(edit, line->whole);
}

void sip_edit_pop(struct sip_edit *edit, enum sip_h h)
{
	const struct sip_line *line = sip_msg_line(edit->msg, h);
	unsigned skip = edit->popped[h];

	for (; line; line = sip_msg_line_next(edit->msg, line)) {
		struct strv rest = line->value, value = rest;

		for (;;) {
			value = rest;
			rest = sip_from(rest, sip_span(rest, ','));
			if (!rest.n || !skip)
				break;
			skip--;
			rest = sip_from(rest, 1);
		}
		if (skip) {
			skip--;
			continue;
		}
		edit->popped[h]++;
		if (!rest.n) /* the line's last, those before it were popped too */
			take_out(edit, line->whole);
		else
			take_out(edit,
				 strv_mem(value.p, value.n - sip_skip_blanks(sip_from(rest, 1)).n));
		return;
	}
}

/* LINE and its CRLF. */
static void set_line(struct splice *splice, struct strv line)
{
	if (!splice)
		return;
	splice->piece[0] = line;
	splice->piece[1] = STRV("\r\n");
}

void sip_edit_push(struct sip_edit *edit, enum sip_h h, struct strv line)
{
	const struct sip_line *first = sip_msg_line(edit->msg, h);
	size_t at =
		first && h != SIP_H_OTHER ? offset(edit, first->whole.p) : edit->msg->start_line.n;

	set_line(splice_add(edit, at, 0, RANK_PUSH), line);
}

/* Where the empty line begins. */
static size_t lines_end(const struct sip_edit *edit)
{
	return offset(edit, edit->msg->body.p) - 2;
}

void sip_edit_append(struct sip_edit *edit, struct strv line)
{
	set_line(splice_add(edit, lines_end(edit), 0, RANK_APPEND), line);
}

void sip_edit_set(struct sip_edit *edit, enum sip_h h, struct strv value)
{
	const struct sip_line *line = sip_msg_line(edit->msg, h);
	struct splice *splice = NULL;

	if (h == SIP_H_OTHER) {
		edit->failed = 1;
		return;
	}
	for (unsigned i = 0; i < edit->n; i++)
		if (edit->splices[i].set == h)
			splice = &edit->splices[i];
	if (!splice) {
		splice = line ? splice_add(edit, offset(edit, line->whole.p), line->whole.n,
					   RANK_REPLACE)
			      : splice_add(edit, lines_end(edit), 0, RANK_APPEND);
		if (!splice)
			return;
		splice->set = h;
		splice->piece[0] = strv_of(sip_h_name(h));
		splice->piece[1] = STRV(": ");
		splice->piece[3] = STRV("\r\n");
		splice->piece[2] = value;
		while (line && (line = sip_msg_line_next(edit->msg, line)))
			take_out(edit, line->whole);
		return;
	}
	splice->piece[2] = value;
}

/* The parameter NAME of the top Via with the ";" before it; p NULL: not there. */
static struct strv via_param(const struct sip_msg *msg, const char *name)
{
	struct strv rest = msg->via.params, found, value, wanted = strv_of(name);
	const char *begin = rest.p;

	while (sip_param_next_raw(&rest, &found, &value)) {
		const char *end = value.p ? value.p + value.n : found.p + found.n;

		if (strv_caseeq(found, wanted))
			return strv_mem(begin, (size_t)(end - begin));
		begin = end;
	}
	return strv_mem(NULL, 0);
}

void sip_edit_via_param(struct sip_edit *edit, const char *name, struct strv value)
{
	struct sip_msg *msg = edit->msg;
	struct strv old = via_param(msg, name);
	struct splice *splice;

	splice = old.p ? splice_add(edit, offset(edit, old.p), old.n, RANK_REPLACE)
		       : splice_add(edit, offset(edit, msg->via.text.p + msg->via.text.n), 0,
				    RANK_APPEND);
	if (!splice)
		return;
	splice->piece[0] = STRV(";");
	splice->piece[1] = strv_of(name);
	if (value.n) {
		splice->piece[2] = STRV("=");
		splice->piece[3] = value;
	}
}

void sip_edit_body(struct sip_edit *edit, struct strv type, struct strv body)
{
	struct sip_msg *msg = edit->msg;
	char *length = arena_printf(msg->arena, "%zu", body.n);
	struct splice *splice;

	if (!length) {
		edit->failed = 1;
		return;
	}
	sip_edit_set(edit, SIP_H_CONTENT_LENGTH, strv_of(length));
	if (type.p)
		sip_edit_set(edit, SIP_H_CONTENT_TYPE, type);
	splice = splice_add(edit, offset(edit, msg->body.p), msg->body.n, RANK_REPLACE);
	if (splice)
		splice->piece[0] = body;
}

/* Write the result to TO, or count it only when TO is NULL. What would come within octets that are
 * taken out goes with them; what comes where they begin stays. */
static size_t write_all(const struct sip_edit *edit, char *to)
{
	const char *from = edit->msg->start_line.p;
	size_t all = offset(edit, edit->msg->body.p + edit->msg->body.n), done = 0, n = 0,
	       gap = SIZE_MAX;

	for (unsigned i = 0; i <= edit->n; i++) {
		const struct splice *splice = i < edit->n ? &edit->splices[i] : NULL;
		size_t upto = splice ? splice->at : all;

		if (upto > done) {
			if (to)
				memcpy(to + n, from + done, upto - done);
			n += upto - done;
			done = upto;
		}
		for (unsigned k = 0;
		     splice && (splice->at >= done || splice->at == gap) && k < PIECES; k++) {
			if (to && splice->piece[k].n)
				memcpy(to + n, splice->piece[k].p, splice->piece[k].n);
			n += splice->piece[k].n;
		}
		if (splice && splice->at + splice->gone > done) {
			gap = splice->at;
			done = splice->at + splice->gone;
		}
	}
	return n;
}

struct sip_buf *sip_edit_buf(struct sip_edit *edit)
{
	struct sip_buf *buf;
	size_t n;

	if (edit->failed)
		return NULL;
	n = write_all(edit, NULL);
	buf = n <= SIP_STREAM_MAX ? sip_buf_new(n) : NULL;
	if (buf)
		write_all(edit, sip_buf_data(buf));
	return buf;
}
