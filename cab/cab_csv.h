/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cab/cab_csv.h - tables of contacts, as address books of other programs write them
 *
 * Read tolerantly (RFC 4180 and what deviates): comma, semicolon or tab, found by the first line;
 * quotes with line ends in them; LF, CRLF or CR; UTF-8 or, when it is none, windows-1252. Columns
 * are known by the names that Google's and Outlook's exports give them; a column that is not known
 * is left out, with a remark by whoever asks cab_csv_unknown. Written with Google's names.
 */
#ifndef CAB_CAB_CSV_H
#define CAB_CAB_CSV_H

#include "cab/cab_book.h"

enum { CAB_CSV_COLUMNS_MAX = 256, CAB_CSV_CELL_MAX = 256 * 1024 };

/* Rows of cells; also for tables of users. */
struct cab_rows {
	struct strv rest;
	char separator;
	unsigned line; /* of the next row, from 1 */
};
/* TEXT as cab_charset_file gives it; it is looked at for the separator. */
void cab_rows_init(struct cab_rows *rows, struct strv text);
/* The next row that is not empty: its cells, at most MAX, in ARENA, with the line in LINE_OUT. The
 * number of cells; 0 at the end; -1 with ERR_NOMEM, or ERR_LIMIT for a row with more or larger
 * cells, which has been passed over. */
int cab_rows_next(struct cab_rows *rows, struct arena *arena, struct strv *cell, unsigned max,
		  unsigned *line_out, struct err *err);

/* A table of contacts. */
struct cab_csv {
	struct strv text;
	struct cab_rows rows;
	struct cab_column {
		int what;   /* of the table in cab_csv.c; -1: not known */
		unsigned n; /* "Phone 2 - Value": 2 */
	} column[CAB_CSV_COLUMNS_MAX];
	unsigned n_columns;
	struct cab_rows first; /* behind the names */
	unsigned n_known;
};
/* 0; -1 with ERR_SYNTAX when the first row names no column that is known, or ERR_NOMEM. ARENA lives
 * as long as the source. */
int cab_csv_source(struct cab_csv *csv, struct strv text, struct arena *arena,
		   struct cab_source *out, struct err *err);

/* The names of the columns, and a card, to OUT, with CRLF. What has no column is left out. */
void cab_csv_print_head(struct cab_buf *out);
int cab_csv_print(const struct vcard *card, struct arena *arena, struct cab_buf *out,
		  struct err *err);

#endif
