/* SPDX-License-Identifier: Apache-2.0 */
/* cab/cab_rows.c - rows of tables: see cab_csv.h */
#include "cab/cab_charset.h"
#include "cab/cab_csv.h"
#include "xdms/xcap_text.h"

static int is_end(char c)
{
	return c == '\n' || c == '\r';
}

void cab_rows_init(struct cab_rows *rows, struct strv text)
{
	static const char separators[] = ",;\t";
	unsigned count[3] = { 0 }, best = 0;
	int quoted = 0;

	*rows = (struct cab_rows){ text, ',', 1 };
	/* Excel says it. */
	if (text.n > 5 && strv_caseeq(strv_mem(text.p, 4), STRV("sep="))) {
		rows->separator = text.p[4];
		while (rows->rest.n && rows->rest.p[0] != '\n')
			rows->rest = strv_mem(rows->rest.p + 1, rows->rest.n - 1);
		if (rows->rest.n)
			rows->rest = strv_mem(rows->rest.p + 1, rows->rest.n - 1);
		rows->line = 2;
		return;
	}
	for (size_t i = 0; i < text.n && (quoted || !is_end(text.p[i])); i++) {
		if (text.p[i] == '"')
			quoted = !quoted;
		for (unsigned k = 0; !quoted && k < 3; k++)
			count[k] += text.p[i] == separators[k];
	}
	for (unsigned k = 1; k < 3; k++)
		if (count[k] > count[best])
			best = k;
	rows->separator = separators[best];
}

/* One cell: its text in CELL_OUT. 1: the row goes on behind it, 0: it ends here; -1. */
static int next_cell(struct cab_rows *rows, struct arena *arena, struct strv *cell_out,
		     struct err *err)
{
	struct strv s = rows->rest;
	size_t i = 0, n = 0, start = 0;
	int doubled = 0, ended;
	char *text;

	if (s.n && s.p[0] == '"') {
		start = i = 1;
		while (i < s.n && (s.p[i] != '"' || (i + 1 < s.n && s.p[i + 1] == '"'))) {
			doubled |= s.p[i] == '"';
			rows->line += s.p[i] == '\n';
			i += s.p[i] == '"' ? 2 : 1;
		}
		if (i > s.n)
			i = s.n;
		n = i - start;
		/* Whatever stands between the quote and the separator is passed over. */
		while (i < s.n && s.p[i] != rows->separator && !is_end(s.p[i]))
			i++;
	} else {
		while (i < s.n && s.p[i] != rows->separator && !is_end(s.p[i]))
			i++;
		n = i;
	}
	*cell_out = strv_mem(s.p + start, n);
	ended = i == s.n || is_end(s.p[i]);
	if (i < s.n && s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n')
		i++;
	rows->line += ended && i < s.n;
	i += i < s.n;
	rows->rest = strv_mem(s.p + i, s.n - i);
	if (doubled) {
		text = arena_alloc(arena, n);
		if (!text)
			return err_set(err, ERR_NOMEM, "no memory for a table");
		for (i = n = 0; i < cell_out->n; i++) {
			text[n++] = cell_out->p[i];
			i += cell_out->p[i] == '"';
		}
		*cell_out = strv_mem(text, n);
	}
	return !ended;
}

static int in_utf8(struct strv *cell, struct arena *arena, struct err *err)
{
	return xcap_utf8_valid(*cell)
		       ? 0
		       : cab_charset_convert(*cell, strv_mem(NULL, 0), arena, cell, err);
}

int cab_rows_next(struct cab_rows *rows, struct arena *arena, struct strv *cell, unsigned max,
		  unsigned *line_out, struct err *err)
{
	while (rows->rest.n) {
		unsigned n = 0;
		int more = 1, too_much = 0, empty = 1;

		*line_out = rows->line;
		while (more) {
			struct strv one;

			more = next_cell(rows, arena, &one, err);
			if (more < 0)
				return -1;
			empty &= strv_trim(one).n == 0;
			if (n == max || one.n > CAB_CSV_CELL_MAX) {
				too_much |= one.n != 0;
				continue;
			}
			if (in_utf8(&one, arena, err) < 0)
				return -1;
			cell[n++] = one;
		}
		if (too_much)
			return err_set(err, ERR_LIMIT, "line %u has too many or too large cells",
				       *line_out);
		if (!empty)
			return (int)n;
	}
	return 0;
}
