/* SPDX-License-Identifier: Apache-2.0 */
/* cab/vcard.c - properties looked at, and cards written: see vcard.h */
#include "cab/vcard.h"

enum { FOLD_AT = 75 };

/* ---- properties ---- */

const struct vcard_prop *vcard_find(const struct vcard *card, const char *name)
{
	for (unsigned i = 0; i < card->n; i++)
		if (strv_eq(card->prop[i].name, strv_of(name)))
			return &card->prop[i];
	return NULL;
}

struct strv vcard_prop_param(const struct vcard_prop *prop, const char *name)
{
	for (unsigned i = 0; i < prop->n_params; i++)
		if (strv_eq(prop->param[i].name, strv_of(name)))
			return prop->param[i].value.p ? prop->param[i].value : STRV("");
	return strv_mem(NULL, 0);
}

int vcard_prop_has(const struct vcard_prop *prop, const char *name, const char *value)
{
	for (unsigned i = 0; i < prop->n_params; i++)
		if (strv_eq(prop->param[i].name, strv_of(name)) &&
		    (!value || strv_caseeq(prop->param[i].value, strv_of(value))))
			return 1;
	return 0;
}

int vcard_part(struct strv *value, char separator, struct strv *part_out)
{
	if (!value->p) {
		*part_out = strv_mem(NULL, 0);
		return 0;
	}
	for (size_t i = 0; i < value->n; i++) {
		if (value->p[i] == '\\') {
			i++;
		} else if (value->p[i] == separator) {
			*part_out = strv_mem(value->p, i);
			*value = strv_mem(value->p + i + 1, value->n - i - 1);
			return 1;
		}
	}
	*part_out = *value;
	*value = strv_mem(NULL, 0);
	return 1;
}

struct strv vcard_unescape(struct strv value, struct arena *arena)
{
	char *text;
	size_t n = 0;

	if (!value.n || !memchr(value.p, '\\', value.n))
		return value;
	text = arena_alloc(arena, value.n);
	for (size_t i = 0; text && i < value.n; i++) {
		if (value.p[i] != '\\' || i + 1 == value.n) {
			text[n++] = value.p[i];
			continue;
		}
		i++;
		text[n++] = value.p[i] == 'n' || value.p[i] == 'N' ? '\n' : value.p[i];
	}
	return text ? strv_mem(text, n) : strv_mem(NULL, 0);
}

void vcard_escape(struct cab_buf *out, struct strv text)
{
	size_t from = 0;

	for (size_t i = 0; i < text.n; i++) {
		const char *as = NULL;

		if (text.p[i] == '\n')
			as = "\\n";
		else if (text.p[i] == '\r')
			as = "";
		else if (text.p[i] == '\\')
			as = "\\\\";
		else if (text.p[i] == ';')
			as = "\\;";
		else if (text.p[i] == ',')
			as = "\\,";
		if (!as)
			continue;
		cab_buf_put(out, strv_mem(text.p + from, i - from));
		cab_buf_put(out, strv_of(as));
		from = i + 1;
	}
	cab_buf_put(out, strv_mem(text.p + from, text.n - from));
}

/* ---- writing ---- */

/* The line that begins at START of OUT, folded (RFC 6350 s3.2), and its end. */
static void end_line(struct cab_buf *out, size_t start)
{
	size_t n = out->n - start, folds, room = FOLD_AT;
	struct cab_buf line = { NULL, 0, 0, 0, 0 };

	if (out->failed)
		return;
	if (n > FOLD_AT) {
		folds = 0;
		cab_buf_put(&line, strv_mem(out->p + start, n));
		if (line.failed) {
			out->failed = line.failed;
			return;
		}
		out->n = start;
		for (size_t i = 0; i < n; i += folds) {
			folds = n - i < room ? n - i : room;
			while (i + folds < n && folds > 1 &&
			       ((unsigned char)line.p[i + folds] & 0xC0) == 0x80)
				folds--;
			if (i)
				cab_buf_put(out, STRV("\r\n "));
			cab_buf_put(out, strv_mem(line.p + i, folds));
			room = FOLD_AT - 1; /* the blank counts */
		}
		cab_buf_fini(&line);
	}
	cab_buf_put(out, STRV("\r\n"));
}

/* A parameter's value: quoted when it must be; what cannot stand in quotes as RFC 6868 has it, or
 * in 3.0, which has no way, as something near. */
static void print_value(struct cab_buf *out, struct strv value, enum vcard_version version)
{
	int quoted = strv_trim(value).n != value.n;

	for (size_t i = 0; i < value.n; i++)
		quoted |= strchr(":;,", value.p[i]) != NULL && value.p[i];
	if (quoted)
		cab_buf_char(out, '"');
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (c == '"')
			cab_buf_put(out, version == VCARD_4_0 ? STRV("^'") : STRV("'"));
		else if (c == '\n')
			cab_buf_put(out, version == VCARD_4_0 ? STRV("^n") : STRV(" "));
		else if (c == '^' && version == VCARD_4_0)
			cab_buf_put(out, STRV("^^"));
		else if ((unsigned char)c >= 0x20)
			cab_buf_char(out, c);
	}
	if (quoted)
		cab_buf_char(out, '"');
}

/* Values of one name that stand side by side share it. */
void vcard_params_print(const struct vcard_prop *prop, enum vcard_version version,
			struct cab_buf *out)
{
	for (unsigned i = 0; i < prop->n_params; i++) {
		if (i && strv_eq(prop->param[i].name, prop->param[i - 1].name)) {
			cab_buf_char(out, ',');
		} else {
			cab_buf_char(out, ';');
			cab_buf_put(out, prop->param[i].name);
			cab_buf_char(out, '=');
		}
		print_value(out, prop->param[i].value, version);
	}
}

/* No octet in VALUE can end the line. */
static void print_text(struct cab_buf *out, struct strv value)
{
	size_t from = 0;

	for (size_t i = 0; i < value.n; i++) {
		if ((unsigned char)value.p[i] >= 0x20 || value.p[i] == '\t')
			continue;
		cab_buf_put(out, strv_mem(value.p + from, i - from));
		if (value.p[i] == '\n')
			cab_buf_put(out, STRV("\\n"));
		from = i + 1;
	}
	cab_buf_put(out, strv_mem(value.p + from, value.n - from));
}

void vcard_print(const struct vcard *card, enum vcard_version version, struct cab_buf *out)
{
	cab_buf_put(out, STRV("BEGIN:VCARD\r\n"));
	cab_buf_put(out, version == VCARD_4_0 ? STRV("VERSION:4.0\r\n") : STRV("VERSION:3.0\r\n"));
	for (unsigned i = 0; i < card->n; i++) {
		const struct vcard_prop *prop = &card->prop[i];
		size_t start = out->n;

		if (prop->group.n) {
			cab_buf_put(out, prop->group);
			cab_buf_char(out, '.');
		}
		cab_buf_put(out, prop->name);
		vcard_params_print(prop, version, out);
		cab_buf_char(out, ':');
		print_text(out, prop->value);
		end_line(out, start);
	}
	cab_buf_put(out, STRV("END:VCARD\r\n"));
}
