/* SPDX-License-Identifier: Apache-2.0 */
/* cab/cab_csv.c - tables of contacts: see cab_csv.h */
#include "cab/cab_csv.h"

#include <ctype.h>

/* What a column holds. Those of structured values are parts of them. */
enum what {
	UID,
	PREFIX,
	GIVEN,
	MIDDLE,
	FAMILY,
	SUFFIX,
	DISPLAY,
	NICKNAME,
	ORG,
	DEPARTMENT,
	TITLE,
	BIRTHDAY,
	NOTES,
	CATEGORIES,
	PHONE_TYPE,
	PHONE,
	EMAIL_TYPE,
	EMAIL,
	URL,
	IM,
	ADR_TYPE,
	ADR_BOX,
	ADR_EXTENDED,
	ADR_STREET,
	ADR_CITY,
	ADR_REGION,
	ADR_CODE,
	ADR_COUNTRY,
	WHATS
};

/* Names without blanks, hyphens and numbers, in lower case. KIND makes several columns of
 * Outlook's one kind: it is the TYPE, and which of them. */
static const struct known {
	const char *name;
	int what;
	const char *type;
	unsigned n;
} known[] = {
	{ "uid", UID, NULL, 0 },
	{ "id", UID, NULL, 0 },
	{ "nameprefix", PREFIX, NULL, 0 },
	{ "prefix", PREFIX, NULL, 0 },
	{ "title", TITLE, NULL, 0 },
	{ "givenname", GIVEN, NULL, 0 },
	{ "firstname", GIVEN, NULL, 0 },
	{ "vorname", GIVEN, NULL, 0 },
	{ "additionalname", MIDDLE, NULL, 0 },
	{ "middlename", MIDDLE, NULL, 0 },
	{ "familyname", FAMILY, NULL, 0 },
	{ "lastname", FAMILY, NULL, 0 },
	{ "surname", FAMILY, NULL, 0 },
	{ "nachname", FAMILY, NULL, 0 },
	{ "namesuffix", SUFFIX, NULL, 0 },
	{ "suffix", SUFFIX, NULL, 0 },
	{ "name", DISPLAY, NULL, 0 },
	{ "fullname", DISPLAY, NULL, 0 },
	{ "displayname", DISPLAY, NULL, 0 },
	{ "fileas", DISPLAY, NULL, 0 },
	{ "nickname", NICKNAME, NULL, 0 },
	{ "organizationname", ORG, NULL, 0 },
	{ "organization", ORG, NULL, 0 },
	{ "company", ORG, NULL, 0 },
	{ "organizationdepartment", DEPARTMENT, NULL, 0 },
	{ "department", DEPARTMENT, NULL, 0 },
	{ "organizationtitle", TITLE, NULL, 0 },
	{ "jobtitle", TITLE, NULL, 0 },
	{ "birthday", BIRTHDAY, NULL, 0 },
	{ "notes", NOTES, NULL, 0 },
	{ "note", NOTES, NULL, 0 },
	{ "groupmembership", CATEGORIES, NULL, 0 },
	{ "labels", CATEGORIES, NULL, 0 },
	{ "categories", CATEGORIES, NULL, 0 },
	{ "groups", CATEGORIES, NULL, 0 },
	{ "phonetype", PHONE_TYPE, NULL, 0 },
	{ "phonelabel", PHONE_TYPE, NULL, 0 },
	{ "phonevalue", PHONE, NULL, 0 },
	{ "phone", PHONE, NULL, 0 },
	{ "telephone", PHONE, NULL, 0 },
	{ "primaryphone", PHONE, NULL, 11 },
	{ "mobilephone", PHONE, "CELL", 12 },
	{ "mobile", PHONE, "CELL", 12 },
	{ "homephone", PHONE, "HOME", 13 },
	{ "businessphone", PHONE, "WORK", 14 },
	{ "workphone", PHONE, "WORK", 14 },
	{ "homefax", PHONE, "FAX", 15 },
	{ "businessfax", PHONE, "FAX", 16 },
	{ "otherphone", PHONE, NULL, 17 },
	{ "emailtype", EMAIL_TYPE, NULL, 0 },
	{ "emaillabel", EMAIL_TYPE, NULL, 0 },
	{ "emailvalue", EMAIL, NULL, 0 },
	{ "emailaddress", EMAIL, NULL, 0 },
	{ "email", EMAIL, NULL, 0 },
	{ "websitevalue", URL, NULL, 0 },
	{ "webpage", URL, NULL, 0 },
	{ "website", URL, NULL, 0 },
	{ "url", URL, NULL, 0 },
	{ "imvalue", IM, NULL, 0 },
	{ "im", IM, NULL, 0 },
	{ "sip", IM, NULL, 0 },
	{ "addresstype", ADR_TYPE, NULL, 0 },
	{ "addresslabel", ADR_TYPE, NULL, 0 },
	{ "addresspobox", ADR_BOX, NULL, 0 },
	{ "addressextendedaddress", ADR_EXTENDED, NULL, 0 },
	{ "addressstreet", ADR_STREET, NULL, 0 },
	{ "addresscity", ADR_CITY, NULL, 0 },
	{ "addressregion", ADR_REGION, NULL, 0 },
	{ "addresspostalcode", ADR_CODE, NULL, 0 },
	{ "addresscountry", ADR_COUNTRY, NULL, 0 },
	{ "homestreet", ADR_STREET, "HOME", 11 },
	{ "homecity", ADR_CITY, "HOME", 11 },
	{ "homestate", ADR_REGION, "HOME", 11 },
	{ "homepostalcode", ADR_CODE, "HOME", 11 },
	{ "homecountry", ADR_COUNTRY, "HOME", 11 },
	{ "homecountry/region", ADR_COUNTRY, "HOME", 11 },
	{ "businessstreet", ADR_STREET, "WORK", 12 },
	{ "businesscity", ADR_CITY, "WORK", 12 },
	{ "businessstate", ADR_REGION, "WORK", 12 },
	{ "businesspostalcode", ADR_CODE, "WORK", 12 },
	{ "businesscountry", ADR_COUNTRY, "WORK", 12 },
	{ "businesscountry/region", ADR_COUNTRY, "WORK", 12 },
};
enum { N_KNOWN = sizeof(known) / sizeof(known[0]), REPEATS = 20, NAME_MAX_BYTES = 40 };

/* ---- reading ---- */

/* NAME as the table has it; *N_OUT is the number in it, 0 when there is none. */
static void squeeze(struct strv name, char out[NAME_MAX_BYTES], unsigned *n_out)
{
	size_t n = 0;

	*n_out = 0;
	for (size_t i = 0; i < name.n && n + 1 < NAME_MAX_BYTES; i++) {
		unsigned char c = (unsigned char)name.p[i];

		if (isdigit(c))
			*n_out = *n_out * 10 + (unsigned)(c - '0');
		else if (c > ' ' && c != '-' && c != '_' && c != '.' && c != ':')
			out[n++] = (char)tolower(c);
	}
	out[n] = '\0';
}

static void know(struct cab_column *column, struct strv name)
{
	char text[NAME_MAX_BYTES];
	unsigned n;

	squeeze(name, text, &n);
	*column = (struct cab_column){ -1, 0 };
	for (int i = 0; i < N_KNOWN; i++)
		if (strcmp(known[i].name, text) == 0 && n < REPEATS)
			*column = (struct cab_column){ i, known[i].n ? known[i].n : n };
}

/* Several values in one cell stand with ":::" between them in Google's tables. */
static struct strv next_value(struct strv *cell)
{
	const char *at = cell->n ? memmem(cell->p, cell->n, ":::", 3) : NULL;
	struct strv value = *cell;

	if (!at) {
		*cell = strv_mem(NULL, 0);
		return strv_trim(value);
	}
	value.n = (size_t)(at - cell->p);
	*cell = strv_mem(at + 3, cell->n - value.n - 3);
	return strv_trim(value);
}

/* The cell of the column WHAT number N; empty when there is none. */
static struct strv cell_of(const struct cab_csv *csv, const struct strv *cell, unsigned n_cells,
			   int what, unsigned n, const char **type_out)
{
	for (unsigned i = 0; i < n_cells && i < csv->n_columns; i++) {
		const struct cab_column *column = &csv->column[i];

		if (column->what < 0 || known[column->what].what != what || column->n != n)
			continue;
		if (!strv_trim(cell[i]).n)
			continue;
		if (type_out && known[column->what].type)
			*type_out = known[column->what].type;
		return strv_trim(cell[i]);
	}
	return strv_mem(NULL, 0);
}

struct row {
	const struct cab_csv *csv;
	const struct strv *cell;
	unsigned n_cells;
	struct cab_maker m;
};

static struct strv get(const struct row *row, int what, unsigned n)
{
	return cell_of(row->csv, row->cell, row->n_cells, what, n, NULL);
}

/* PARTS as a structured value, when one of them says something. */
static void make_structured(struct row *row, const char *name, const struct strv *parts, unsigned n,
			    struct strv type)
{
	struct cab_buf buf = { 0 };
	struct vcard_prop *prop;
	int any = 0;
	char *value;

	for (unsigned i = 0; i < n; i++) {
		any |= parts[i].n != 0;
		if (i)
			cab_buf_char(&buf, ';');
		vcard_escape(&buf, parts[i]);
	}
	value = buf.failed ? NULL : arena_strdup(row->m.arena, cab_buf_text(&buf));
	if (!value)
		row->m.failed = 1;
	else if (any) {
		prop = cab_make(&row->m, name, strv_mem(value, buf.n));
		if (type.n)
			cab_make_param(&row->m, prop, "TYPE", type);
	}
	cab_buf_fini(&buf);
}

/* "* Mobile" is Google's way to say that it is the first. */
static struct strv type_of(struct strv text, int *pref_out)
{
	static const struct {
		const char *name, *type;
	} names[] = { { "mobile", "CELL" },  { "cell", "CELL" }, { "home", "HOME" },
		      { "private", "HOME" }, { "work", "WORK" }, { "business", "WORK" },
		      { "home fax", "FAX" }, { "fax", "FAX" },	 { "work fax", "FAX" },
		      { "main", "VOICE" } };

	*pref_out = 0;
	if (text.n && text.p[0] == '*') {
		*pref_out = 1;
		text = strv_trim(strv_mem(text.p + 1, text.n - 1));
	}
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strv_caseeq(text, strv_of(names[i].name)))
			return strv_of(names[i].type);
	return strv_mem(NULL, 0);
}

static void make_values(struct row *row, int what, int what_type, const char *name)
{
	for (unsigned n = 0; n < REPEATS; n++) {
		const char *column_type = NULL;
		struct strv cell =
			cell_of(row->csv, row->cell, row->n_cells, what, n, &column_type);
		struct strv type;
		int pref = 0;

		type = column_type	? strv_of(column_type)
		       : what_type >= 0 ? type_of(get(row, what_type, n), &pref)
					: strv_mem(NULL, 0);
		while (cell.n) {
			struct strv value = next_value(&cell);
			struct vcard_prop *prop;

			if (!value.n)
				continue;
			prop = cab_make_text(&row->m, name, value);
			if (type.n)
				cab_make_param(&row->m, prop, "TYPE", type);
			if (pref)
				cab_make_param(&row->m, prop, "PREF", STRV("1"));
		}
	}
}

static void make_addresses(struct row *row)
{
	static const int parts[] = { ADR_BOX,	 ADR_EXTENDED, ADR_STREET, ADR_CITY,
				     ADR_REGION, ADR_CODE,     ADR_COUNTRY };
	struct strv value[7];

	for (unsigned n = 0; n < REPEATS; n++) {
		const char *column_type = NULL;
		struct strv type;
		int pref;

		for (unsigned i = 0; i < 7; i++)
			value[i] = cell_of(row->csv, row->cell, row->n_cells, parts[i], n,
					   &column_type);
		type = column_type ? strv_of(column_type) : type_of(get(row, ADR_TYPE, n), &pref);
		make_structured(row, "ADR", value, 7, type);
	}
}

/* Outlook writes 5/1/1990 or 0/0/00; which is the month nobody can say, so that only what is
 * certain is a date. */
static void make_birthday(struct row *row)
{
	struct strv text = get(row, BIRTHDAY, 0);

	if (text.n && !strv_eq(text, STRV("0/0/00")))
		cab_make_text(&row->m, "BDAY", text);
}

static void make_categories(struct row *row)
{
	struct strv cell = get(row, CATEGORIES, 0), one;
	char separator = cell.n && memchr(cell.p, ';', cell.n) ? ';' : ',';

	while (cell.n) {
		struct strv rest = next_value(&cell);

		while (rest.n) {
			strv_cut(&rest, separator, &one);
			one = strv_trim(one);
			/* Google's own are marked, and "my contacts" says nothing. */
			if (!one.n || one.p[0] == '*')
				continue;
			cab_make_text(&row->m, "CATEGORIES", one);
		}
	}
}

static void make_name(struct row *row)
{
	static const int parts[] = { FAMILY, GIVEN, MIDDLE, PREFIX, SUFFIX };
	struct strv value[5], display = get(row, DISPLAY, 0);

	for (unsigned i = 0; i < 5; i++)
		value[i] = get(row, parts[i], 0);
	make_structured(row, "N", value, 5, strv_mem(NULL, 0));
	if (display.n)
		cab_make_text(&row->m, "FN", display);
}

static void make_job(struct row *row)
{
	struct strv org[2];

	for (unsigned n = 0; n < 2; n++) {
		org[0] = get(row, ORG, n);
		org[1] = get(row, DEPARTMENT, n);
		make_structured(row, "ORG", org, org[1].n ? 2 : 1, strv_mem(NULL, 0));
	}
	make_values(row, TITLE, -1, "TITLE");
}

static int next_row(void *arg, struct arena *arena, struct vcard *card_out, struct err *err)
{
	struct cab_csv *csv = arg;
	struct strv *cell = arena_alloc(arena, CAB_CSV_COLUMNS_MAX * sizeof(*cell));
	struct row row = { .csv = csv, .cell = cell, .m = { .arena = arena } };
	unsigned line;
	int n;

	if (!cell)
		return err_set(err, ERR_NOMEM, "no memory for a table");
	n = cab_rows_next(&csv->rows, arena, cell, CAB_CSV_COLUMNS_MAX, &line, err);
	if (n <= 0)
		return n;
	row.n_cells = (unsigned)n;
	if (get(&row, UID, 0).n)
		cab_make_text(&row.m, "UID", get(&row, UID, 0));
	make_name(&row);
	make_values(&row, NICKNAME, -1, "NICKNAME");
	make_job(&row);
	make_values(&row, PHONE, PHONE_TYPE, "TEL");
	make_values(&row, EMAIL, EMAIL_TYPE, "EMAIL");
	make_values(&row, IM, -1, "IMPP");
	make_values(&row, URL, -1, "URL");
	make_addresses(&row);
	make_birthday(&row);
	make_categories(&row);
	if (get(&row, NOTES, 0).n)
		cab_make_text(&row.m, "NOTE", get(&row, NOTES, 0));
	if (row.m.failed)
		return err_set(err, ERR_NOMEM, "no memory for a table");
	if (!row.m.card.n)
		return err_set(err, ERR_SYNTAX, "line %u says nothing in a column that is known",
			       line);
	*card_out = row.m.card;
	card_out->version = VCARD_4_0;
	card_out->line = line;
	return 1;
}

static void rewind_rows(void *arg)
{
	struct cab_csv *csv = arg;

	csv->rows = csv->first;
}

int cab_csv_source(struct cab_csv *csv, struct strv text, struct arena *arena,
		   struct cab_source *out, struct err *err)
{
	struct strv cell[CAB_CSV_COLUMNS_MAX];
	unsigned line;
	int n;

	*csv = (struct cab_csv){ .text = text };
	cab_rows_init(&csv->rows, text);
	n = cab_rows_next(&csv->rows, arena, cell, CAB_CSV_COLUMNS_MAX, &line, err);
	if (n < 0)
		return -1;
	csv->n_columns = (unsigned)n;
	for (unsigned i = 0; i < csv->n_columns; i++) {
		know(&csv->column[i], strv_trim(cell[i]));
		csv->n_known += csv->column[i].what >= 0;
	}
	if (!csv->n_known)
		return err_set(err, ERR_SYNTAX,
			       "the first line names no column that is known, as \"Given Name\" "
			       "or \"Phone 1 - Value\"");
	csv->first = csv->rows;
	*out = (struct cab_source){ next_row, rewind_rows, csv };
	return 0;
}

/* ---- writing ---- */

enum { PHONES = 4, EMAILS = 3, ADDRESSES = 2 };

static void put_cell(struct cab_buf *out, struct strv text, int first)
{
	int quoted = 0;

	for (size_t i = 0; i < text.n; i++)
		quoted |= text.p[i] == '"' || text.p[i] == ',' || text.p[i] == '\n' ||
			  text.p[i] == '\r';
	/* A blank at an end would be lost. */
	quoted |= text.n && (text.p[0] == ' ' || text.p[text.n - 1] == ' ');
	if (!first)
		cab_buf_char(out, ',');
	if (!quoted) {
		cab_buf_put(out, text);
		return;
	}
	cab_buf_char(out, '"');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"')
			cab_buf_char(out, '"');
		cab_buf_char(out, text.p[i]);
	}
	cab_buf_char(out, '"');
}

void cab_csv_print_head(struct cab_buf *out)
{
	cab_buf_put(out, STRV("UID,Name,Given Name,Additional Name,Family Name,Name Prefix,"
			      "Name Suffix,Nickname,Organization Name,Organization Department,"
			      "Organization Title,Birthday,Notes,Labels"));
	for (unsigned i = 1; i <= PHONES; i++)
		cab_buf_printf(out, ",Phone %u - Label,Phone %u - Value", i, i);
	for (unsigned i = 1; i <= EMAILS; i++)
		cab_buf_printf(out, ",E-mail %u - Label,E-mail %u - Value", i, i);
	cab_buf_put(out, STRV(",Website 1 - Value,IM 1 - Value"));
	for (unsigned i = 1; i <= ADDRESSES; i++)
		cab_buf_printf(out,
			       ",Address %u - Label,Address %u - PO Box,"
			       "Address %u - Extended Address,Address %u - Street,"
			       "Address %u - City,Address %u - Region,Address %u - Postal Code,"
			       "Address %u - Country",
			       i, i, i, i, i, i, i, i);
	cab_buf_put(out, STRV("\r\n"));
}

struct printing {
	const struct vcard *card;
	struct arena *arena;
	struct cab_buf *out;
	int failed;
};

static struct strv plain(struct printing *p, struct strv value)
{
	struct strv text = vcard_unescape(value, p->arena);

	p->failed |= value.n && !text.p;
	return text;
}

/* Property NAME number N (from 0); NULL when there are fewer. */
static const struct vcard_prop *nth(const struct printing *p, const char *name, unsigned n)
{
	for (unsigned i = 0; i < p->card->n; i++)
		if (strv_eq(p->card->prop[i].name, strv_of(name)) && n-- == 0)
			return &p->card->prop[i];
	return NULL;
}

static void put_value(struct printing *p, const char *name, unsigned n)
{
	const struct vcard_prop *prop = nth(p, name, n);

	put_cell(p->out, prop ? plain(p, prop->value) : strv_mem(NULL, 0), 0);
}

static void put_label(struct printing *p, const char *name, unsigned n)
{
	static const struct {
		const char *type, *name;
	} names[] = {
		{ "FAX", "Fax" }, { "CELL", "Mobile" }, { "HOME", "Home" }, { "WORK", "Work" }
	};
	const struct vcard_prop *prop = nth(p, name, n);
	const char *label = "";

	for (unsigned i = 0; prop && !*label && i < 4; i++)
		if (vcard_prop_has(prop, "TYPE", names[i].type))
			label = names[i].name;
	put_cell(p->out, strv_of(label), 0);
}

static void split(struct printing *p, const char *name, unsigned n, struct strv *part, unsigned max)
{
	const struct vcard_prop *prop = nth(p, name, n);
	struct strv rest = prop ? prop->value : strv_mem(NULL, 0);

	for (unsigned i = 0; i < max; i++) {
		vcard_part(&rest, ';', &part[i]);
		part[i] = plain(p, part[i]);
	}
}

/* All of them in one cell. */
static void put_categories(struct printing *p)
{
	const struct vcard_prop *prop = nth(p, "CATEGORIES", 0);
	struct strv rest = prop ? prop->value : strv_mem(NULL, 0), one;
	struct cab_buf list = { 0 };

	while (vcard_part(&rest, ',', &one)) {
		if (list.n)
			cab_buf_put(&list, STRV(" ::: "));
		cab_buf_put(&list, plain(p, one));
	}
	put_cell(p->out, cab_buf_text(&list), 0);
	p->failed |= list.failed;
	cab_buf_fini(&list);
}

int cab_csv_print(const struct vcard *card, struct arena *arena, struct cab_buf *out,
		  struct err *err)
{
	static const unsigned order[] = { 1, 2, 0, 3, 4 };
	struct printing p = { card, arena, out, 0 };
	struct strv name[5], adr[7], org[2];
	const struct vcard_prop *uid = nth(&p, "UID", 0);

	split(&p, "N", 0, name, 5);
	split(&p, "ORG", 0, org, 2);
	put_cell(out, uid ? plain(&p, uid->value) : strv_mem(NULL, 0), 1);
	put_value(&p, "FN", 0);
	for (unsigned i = 0; i < 5; i++)
		put_cell(out, name[order[i]], 0);
	put_value(&p, "NICKNAME", 0);
	put_cell(out, org[0], 0);
	put_cell(out, org[1], 0);
	put_value(&p, "TITLE", 0);
	put_value(&p, "BDAY", 0);
	put_value(&p, "NOTE", 0);
	put_categories(&p);
	for (unsigned i = 0; i < PHONES; i++) {
		put_label(&p, "TEL", i);
		put_value(&p, "TEL", i);
	}
	for (unsigned i = 0; i < EMAILS; i++) {
		put_label(&p, "EMAIL", i);
		put_value(&p, "EMAIL", i);
	}
	put_value(&p, "URL", 0);
	put_value(&p, "IMPP", 0);
	for (unsigned i = 0; i < ADDRESSES; i++) {
		put_label(&p, "ADR", i);
		split(&p, "ADR", i, adr, 7);
		for (unsigned k = 0; k < 7; k++)
			put_cell(out, adr[k], 0);
	}
	cab_buf_put(out, STRV("\r\n"));
	return p.failed ? err_set(err, ERR_NOMEM, "no memory for a table") : 0;
}
