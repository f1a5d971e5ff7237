/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/mime.c - header fields of a MIME part, read
 *
 * Values that stand on one line are views; a folded one is copied into the arena with each fold
 * replaced by one blank (RFC 822 s3.1.1: a fold and blanks mean the same).
 */
#include "cpm/mime.h"

#include <string.h>

int mime_is_token(struct strv s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c >= 0x7f || strchr("()<>@,;:\\\"/[]?=", c))
			return 0;
	}
	return s.n > 0;
}

static int has_control(struct strv s)
{
	for (size_t i = 0; i < s.n; i++)
		if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
			return 1;
	return 0;
}

/* Take one line off REST. TEXT_OUT has neither CR LF nor LF. 0 when REST is empty. */
static int take_line(struct strv *rest, struct strv *text_out)
{
	if (!rest->n)
		return 0;
	strv_cut(rest, '\n', text_out);
	if (text_out->n && text_out->p[text_out->n - 1] == '\r')
		text_out->n--;
	return 1;
}

static int is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Append the continuation MORE to VALUE. The room was made when the first one was met. */
static void unfold(char *room, struct strv *value, struct strv more)
{
	more = strv_trim(more);
	if (!more.n)
		return;
	if (value->n)
		room[value->n++] = ' ';
	memcpy(room + value->n, more.p, more.n);
	value->n += more.n;
}

/* The lines behind TEXT that continue it. ROOM_BYTES: no value can be longer. */
static int take_folded(struct strv *rest, struct strv *value, size_t room_bytes,
		       struct arena *arena, struct err *err)
{
	char *room = NULL;
	struct strv text;

	while (rest->n && is_blank(rest->p[0])) {
		take_line(rest, &text);
		if (has_control(text))
			return err_set(err, ERR_SYNTAX, "a control octet in a MIME header field");
		if (!room) {
			room = arena_alloc(arena, room_bytes);
			if (!room)
				return err_set(err, ERR_NOMEM, "no memory for a MIME header field");
			if (value->n)
				memcpy(room, value->p, value->n);
			value->p = room;
		}
		unfold(room, value, text);
	}
	return 0;
}

/* How many octets the fields take, with the blank line, and how many fields there may be. */
static size_t measure(struct strv bytes, unsigned *lines_out)
{
	struct strv rest = bytes, text;

	*lines_out = 0;
	while (take_line(&rest, &text) && text.n)
		if (!is_blank(text.p[0]))
			++*lines_out;
	return bytes.n - rest.n;
}

int mime_head_parse(struct strv bytes, unsigned max_fields, size_t max_bytes, struct arena *arena,
		    struct mime_head *head_out, struct strv *body_out, struct err *err)
{
	/* Looked at no further than one octet beyond the bound: a body may be long. */
	size_t seen = bytes.n > max_bytes ? max_bytes + 1 : bytes.n;
	unsigned lines;
	size_t head = measure(strv_mem(bytes.p, seen), &lines);
	struct strv rest = strv_mem(bytes.p, head), text, name;
	struct mime_field *fields;
	unsigned n = 0;

	if (head > max_bytes || lines > max_fields)
		return err_set(err, ERR_LIMIT, "more MIME header fields than allowed");
	fields = arena_zalloc(arena, lines + 1, sizeof(*fields));
	if (!fields)
		return err_set(err, ERR_NOMEM, "no memory for MIME header fields");
	while (take_line(&rest, &text) && text.n) {
		size_t room = text.n + rest.n + 1;

		if (has_control(text))
			return err_set(err, ERR_SYNTAX, "a control octet in a MIME header field");
		if (!strv_cut(&text, ':', &name) || !mime_is_token(strv_trim(name)) ||
		    is_blank(name.p[0]))
			return err_set(err, ERR_SYNTAX, "a MIME header field without a name");
		fields[n].name = strv_trim(name);
		fields[n].value = strv_trim(text);
		if (take_folded(&rest, &fields[n].value, room, arena, err) < 0)
			return -1;
		n++;
	}
	head_out->fields = fields;
	head_out->n = n;
	*body_out = strv_mem(bytes.n ? bytes.p + head : bytes.p, bytes.n - head);
	return 0;
}

struct strv mime_find(const struct mime_head *head, const char *name)
{
	for (unsigned i = 0; i < head->n; i++)
		if (strv_caseeq(head->fields[i].name, strv_of(name)))
			return head->fields[i].value.p ? head->fields[i].value : STRV("");
	return (struct strv){ NULL, 0 };
}

struct strv mime_main(struct strv value)
{
	struct strv head;

	strv_cut(&value, ';', &head);
	return strv_trim(head);
}

int mime_is(struct strv value, const char *want)
{
	return strv_caseeq(mime_main(value), strv_of(want));
}

/* Take one parameter's value off REST, which begins with it. */
static int take_value(struct strv *rest, struct arena *arena, struct strv *value_out,
		      struct err *err)
{
	char *room;
	size_t i, n = 0;

	if (!rest->n || rest->p[0] != '"') {
		strv_cut(rest, ';', value_out);
		*value_out = strv_trim(*value_out);
		if (!value_out->n || memchr(value_out->p, '"', value_out->n))
			return err_set(err, ERR_SYNTAX, "a MIME parameter without a value");
		return 0;
	}
	room = arena_alloc(arena, rest->n);
	if (!room)
		return err_set(err, ERR_NOMEM, "no memory for a MIME parameter");
	for (i = 1; i < rest->n && rest->p[i] != '"'; i++) {
		if (rest->p[i] == '\\' && i + 1 < rest->n)
			i++;
		room[n++] = rest->p[i];
	}
	if (i == rest->n)
		return err_set(err, ERR_SYNTAX, "a MIME parameter's quotation has no end");
	*value_out = strv_mem(room, n);
	*rest = strv_trim(strv_mem(rest->p + i + 1, rest->n - i - 1));
	if (rest->n && rest->p[0] != ';')
		return err_set(err, ERR_SYNTAX, "something behind a MIME parameter's quotation");
	if (rest->n)
		*rest = strv_mem(rest->p + 1, rest->n - 1);
	return 0;
}

int mime_param(struct strv value, const char *name, struct arena *arena, struct strv *param_out,
	       struct err *err)
{
	struct strv rest = value, text, one;
	int found = 0;

	if (!strv_cut(&rest, ';', &text))
		return 0;
	while (rest = strv_trim(rest), rest.n) {
		size_t eq = 0;

		if (rest.p[0] == ';') {
			rest = strv_mem(rest.p + 1, rest.n - 1);
			continue;
		}
		while (eq < rest.n && rest.p[eq] != '=' && rest.p[eq] != ';')
			eq++;
		text = strv_trim(strv_mem(rest.p, eq));
		if (eq == rest.n || rest.p[eq] == ';' || !mime_is_token(text))
			return err_set(err, ERR_SYNTAX, "a MIME parameter without name or value");
		rest = strv_trim(strv_mem(rest.p + eq + 1, rest.n - eq - 1));
		if (take_value(&rest, arena, &one, err) < 0)
			return -1;
		if (!strv_caseeq(text, strv_of(name)))
			continue;
		/* Two boundaries, and two readers that each take another one: refused. */
		if (found++)
			return err_set(err, ERR_SYNTAX, "MIME parameter \"%s\" stands twice", name);
		*param_out = one;
	}
	return found;
}

int mime_field_fits(const struct mime_field *field)
{
	return mime_is_token(field->name) && !has_control(field->value);
}
