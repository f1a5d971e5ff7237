/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cab/vcard_read.c - vCards from other programs' files: see vcard.h
 *
 * Three layers: lines joined as they were folded, a line taken apart, lines gathered to a card.
 * Folding depends on the version and on the encoding that the line names, so that the layers know
 * a little of each other.
 */
#include "cab/cab_charset.h"
#include "cab/vcard.h"
#include "xdms/xcap_text.h"

const struct vcard_limits vcard_limits_default = { 4 << 20, 2 << 20, 2000, 100 };

enum { PROPS_FIRST = 24, PARAMS_FIRST = 4 };

/* One card being read. */
struct reading {
	struct vcard_reader *reader;
	struct arena *arena;
	struct vcard *card;
	unsigned room; /* for properties */
	struct err *err;
};

void vcard_reader_init(struct vcard_reader *reader, struct strv text,
		       const struct vcard_limits *limits)
{
	*reader = (struct vcard_reader){ text, 1, limits ? limits : &vcard_limits_default };
}

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for a vCard");
}

/* ---- lines ---- */

/* The next line as it stands, without its end (CRLF, LF or CR). 0 at the end. */
static int physical(struct vcard_reader *reader, struct strv *line_out)
{
	struct strv *rest = &reader->rest;
	const char *lf, *cr;
	size_t n;

	if (!rest->n)
		return 0;
	lf = memchr(rest->p, '\n', rest->n);
	n = lf ? (size_t)(lf - rest->p) : rest->n;
	cr = memchr(rest->p, '\r', n);
	if (cr)
		n = (size_t)(cr - rest->p);
	*line_out = strv_mem(rest->p, n);
	n += cr && lf == cr + 1 ? 2 : cr || lf ? 1 : 0;
	*rest = strv_mem(rest->p + n, rest->n - n);
	reader->line++;
	return 1;
}

/* What stands before the colon of LINE, quotes respected when they end. */
static struct strv head_of(struct strv line)
{
	int quoted = 0;
	const char *colon;

	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] == '"')
			quoted = !quoted;
		else if (line.p[i] == ':' && !quoted)
			return strv_mem(line.p, i);
	}
	colon = line.n ? memchr(line.p, ':', line.n) : NULL;
	return colon ? strv_mem(line.p, (size_t)(colon - line.p)) : strv_mem(NULL, 0);
}

/* Does HEAD name encoding NAME or the letter SHORT_NAME, as a parameter of its own or as
 * ENCODING's value? */
static int names_encoding(struct strv head, const char *name, const char *short_name)
{
	struct strv part, key;

	strv_cut(&head, ';', &part);
	while (head.n) {
		strv_cut(&head, ';', &part);
		if (strv_caseeq(part, strv_of(name)))
			return 1;
		if (memchr(part.p, '=', part.n) == NULL)
			continue;
		strv_cut(&part, '=', &key);
		if (!strv_caseeq(key, STRV("ENCODING")))
			continue;
		if (strv_caseeq(part, strv_of(name)) || strv_caseeq(part, strv_of(short_name)))
			return 1;
	}
	return 0;
}

static int is_base64_octet(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '+' || c == '/' || c == '=';
}

static int is_base64(struct strv s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_base64_octet(s.p[i]))
			return 0;
	return s.n > 0;
}

enum folding { FOLD_PLAIN, FOLD_KEEP_BLANK, FOLD_QUOTED, FOLD_BASE64 };

/* Does NEXT go on what came before? ADD_OUT is what is added. */
static int goes_on(enum folding folding, struct strv so_far, struct strv next, struct strv *add_out)
{
	int blank = next.n && (next.p[0] == ' ' || next.p[0] == '\t');

	*add_out = next;
	if (folding == FOLD_QUOTED && so_far.n && so_far.p[so_far.n - 1] == '=')
		return !strv_caseeq(next, STRV("END:VCARD"));
	if (folding == FOLD_BASE64)
		*add_out = strv_trim(next);
	else if (blank && folding == FOLD_PLAIN)
		*add_out = strv_mem(next.p + 1, next.n - 1);
	return blank || (folding == FOLD_BASE64 && is_base64(next));
}

/* The line whose first part is LINE, unfolded, in LINE_OUT. */
static int unfold(struct reading *reading, struct strv line, enum folding folding,
		  struct strv *line_out)
{
	struct vcard_reader *reader = reading->reader, ahead;
	size_t room = 0, n = line.n;
	struct strv next, add;
	char *text = NULL;

	*line_out = line;
	for (;;) {
		ahead = *reader;
		if (!physical(&ahead, &next) || !goes_on(folding, *line_out, next, &add))
			return 0;
		*reader = ahead;
		if (folding == FOLD_QUOTED && n && line_out->p[n - 1] == '=')
			n--;
		if (n + add.n > room) {
			/* What comes is not known: at most everything that is left. */
			size_t left = reader->rest.n + add.n;
			char *more;

			room = (n + add.n) * 2 < n + left ? (n + add.n) * 2 : n + left;
			more = arena_alloc(reading->arena, room + 1);
			if (!more)
				return no_memory(reading->err);
			memcpy(more, line_out->p, n);
			text = more;
		}
		memcpy(text + n, add.p, add.n);
		n += add.n;
		*line_out = strv_mem(text, n);
	}
}

/* ---- one line ---- */

static struct strv upper(struct reading *reading, struct strv s)
{
	char *text = NULL;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < 'a' || s.p[i] > 'z')
			continue;
		if (!text)
			text = arena_strdup(reading->arena, s);
		if (!text)
			return strv_mem(NULL, 0);
		text[i] = (char)(s.p[i] - 'a' + 'A');
	}
	return text ? strv_mem(text, s.n) : s;
}

/* RFC 6868: ^n, ^^ and ^' in values of parameters. */
static struct strv uncaret(struct reading *reading, struct strv s)
{
	char *text;
	size_t n = 0;

	if (!s.n || !memchr(s.p, '^', s.n))
		return s;
	text = arena_alloc(reading->arena, s.n);
	for (size_t i = 0; text && i < s.n; i++) {
		char next = i + 1 < s.n ? s.p[i + 1] : '\0';

		if (s.p[i] == '^' && (next == 'n' || next == '^' || next == '\'')) {
			text[n++] = next == 'n' ? '\n' : next == '\'' ? '"' : '^';
			i++;
		} else {
			text[n++] = s.p[i];
		}
	}
	return text ? strv_mem(text, n) : strv_mem(NULL, 0);
}

static int add_param(struct reading *reading, struct vcard_prop *prop, unsigned *room,
		     struct strv name, struct strv value)
{
	if (prop->n_params == reading->reader->limits->params) {
		reading->card->faults |= VCARD_FAULT_LIMIT;
		return 0;
	}
	if (prop->n_params == *room) {
		unsigned n = *room ? *room * 2 : PARAMS_FIRST;
		struct vcard_param *more = arena_zalloc(reading->arena, n, sizeof(*more));

		if (!more)
			return no_memory(reading->err);
		if (prop->n_params)
			memcpy(more, prop->param, prop->n_params * sizeof(*more));
		prop->param = more;
		*room = n;
	}
	prop->param[prop->n_params++] = (struct vcard_param){ name, uncaret(reading, value) };
	return 0;
}

/* Cut S at the first C outside quotes; without one (or with a quote that does not end) at the
 * first. */
static struct strv cut_unquoted(struct strv *s, char c)
{
	struct strv head;
	int quoted = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (s->p[i] == '"') {
			quoted = !quoted;
		} else if (s->p[i] == c && !quoted) {
			head = strv_mem(s->p, i);
			*s = strv_mem(s->p + i + 1, s->n - i - 1);
			return head;
		}
	}
	if (!quoted) {
		head = *s;
		*s = strv_mem(NULL, 0);
		return head;
	}
	strv_cut(s, c, &head);
	return head;
}

static struct strv unquote(struct strv s)
{
	s = strv_trim(s);
	if (s.n && s.p[0] == '"')
		s = strv_mem(s.p + 1, s.n - 1);
	if (s.n && s.p[s.n - 1] == '"')
		s.n--;
	return s;
}

/* What 2.1 writes without a name: ";HOME" and ";QUOTED-PRINTABLE". */
static struct strv bare_name(struct strv value)
{
	static const char *const encodings[] = { "QUOTED-PRINTABLE", "BASE64", "8BIT", "7BIT" };

	for (unsigned i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++)
		if (strv_caseeq(value, strv_of(encodings[i])))
			return STRV("ENCODING");
	return STRV("TYPE");
}

static int read_params(struct reading *reading, struct strv rest, struct vcard_prop *prop)
{
	unsigned room = 0;

	while (rest.n) {
		struct strv part = strv_trim(cut_unquoted(&rest, ';')), name;

		if (!part.n)
			continue;
		if (!memchr(part.p, '=', part.n)) {
			if (add_param(reading, prop, &room, bare_name(part), unquote(part)) < 0)
				return -1;
			continue;
		}
		strv_cut(&part, '=', &name);
		name = upper(reading, strv_trim(name));
		do {
			struct strv value = cut_unquoted(&part, ',');

			if (add_param(reading, prop, &room, name, unquote(value)) < 0)
				return -1;
		} while (part.n);
	}
	return 0;
}

int vcard_params_read(struct strv text, struct arena *arena, struct vcard_prop *prop,
		      struct err *err)
{
	struct vcard_reader reader = { .limits = &vcard_limits_default };
	struct vcard card = { .n = 0 };
	struct reading reading = { &reader, arena, &card, 0, err };

	prop->param = NULL;
	prop->n_params = 0;
	return read_params(&reading, text, prop);
}

/* Take parameter NAME away and give its first value. */
static struct strv take_param(struct vcard_prop *prop, const char *name)
{
	struct strv value = vcard_prop_param(prop, name);
	unsigned n = 0;

	for (unsigned i = 0; value.p && i < prop->n_params; i++)
		if (!strv_eq(prop->param[i].name, strv_of(name)))
			prop->param[n++] = prop->param[i];
	if (value.p)
		prop->n_params = n;
	return value;
}

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
				      : -1;
}

/* RFC 2045 s6.7; what is no escape stays as it is. */
static int unquote_printable(struct reading *reading, struct strv *value)
{
	char *text = arena_alloc(reading->arena, value->n + 1);
	size_t n = 0;

	if (!text)
		return no_memory(reading->err);
	for (size_t i = 0; i < value->n; i++) {
		int high = -1, low = -1;

		if (value->p[i] == '=' && i + 2 < value->n) {
			high = hex(value->p[i + 1]);
			low = hex(value->p[i + 2]);
		}
		if (high >= 0 && low >= 0) {
			text[n++] = (char)(high * 16 + low);
			i += 2;
		} else if (value->p[i] != '=' || i + 1 < value->n) {
			text[n++] = value->p[i]; /* a "=" at the end has nothing to go on */
		}
	}
	*value = strv_mem(text, n);
	return 0;
}

/* Values of 2.1 know one escape, "\;", and programs that write others all the same; line ends come
 * from quoted-printable, and commas mean nothing. */
static int escape_2_1(struct reading *reading, struct strv *value)
{
	char *text;
	size_t n = 0;

	if (!value->n || (!memchr(value->p, '\\', value->n) && !memchr(value->p, ',', value->n) &&
			  !memchr(value->p, '\n', value->n) && !memchr(value->p, '\r', value->n)))
		return 0;
	text = arena_alloc(reading->arena, value->n * 2);
	if (!text)
		return no_memory(reading->err);
	for (size_t i = 0; i < value->n; i++) {
		char c = value->p[i], next = i + 1 < value->n ? value->p[i + 1] : '\0';

		if (c == '\r' && next == '\n')
			continue;
		if (c == '\r' || c == '\n') {
			text[n++] = '\\';
			text[n++] = 'n';
		} else if (c == '\\' && next && strchr(";,:nN\\", next)) {
			text[n++] = c;
			text[n++] = next;
			i++;
		} else {
			if (c == '\\' || c == ',')
				text[n++] = '\\';
			text[n++] = c;
		}
	}
	*value = strv_mem(text, n);
	return 0;
}

/* Nothing else belongs there. */
static int only_base64(struct reading *reading, struct strv *value)
{
	char *text = arena_alloc(reading->arena, value->n + 1);
	size_t n = 0;

	if (!text)
		return no_memory(reading->err);
	for (size_t i = 0; i < value->n; i++)
		if (is_base64_octet(value->p[i]))
			text[n++] = value->p[i];
	*value = strv_mem(text, n);
	return 0;
}

/* Raw line ends in 3.0 and 4.0 come from quoted-printable, which does not belong there. */
static int has_line_end(struct strv value)
{
	return value.n && (memchr(value.p, '\n', value.n) || memchr(value.p, '\r', value.n));
}

static int decode_value(struct reading *reading, struct vcard_prop *prop)
{
	struct strv encoding = vcard_prop_param(prop, "ENCODING"), charset;
	int quoted = strv_caseeq(encoding, STRV("QUOTED-PRINTABLE"));

	if (strv_caseeq(encoding, STRV("BASE64")) || strv_caseeq(encoding, STRV("B"))) {
		take_param(prop, "CHARSET");
		return only_base64(reading, &prop->value);
	}
	if (encoding.p)
		take_param(prop, "ENCODING");
	if (quoted && unquote_printable(reading, &prop->value) < 0)
		return -1;
	charset = take_param(prop, "CHARSET");
	if (!xcap_utf8_valid(prop->value)) {
		if (!charset.n || strv_caseeq(charset, STRV("UTF-8")))
			reading->card->faults |= VCARD_FAULT_CHARSET;
		if (strv_caseeq(charset, STRV("UTF-8")))
			charset.n = 0;
		if (cab_charset_convert(prop->value, charset, reading->arena, &prop->value,
					reading->err) < 0)
			return -1;
	} else if (charset.n && !strv_caseeq(charset, STRV("UTF-8")) &&
		   !strv_caseeq(charset, STRV("US-ASCII"))) {
		/* ASCII is the same everywhere, but for sets like ISO-2022-JP. */
		if (cab_charset_convert(prop->value, charset, reading->arena, &prop->value,
					reading->err) < 0)
			return -1;
	}
	if (reading->card->version == VCARD_2_1 || has_line_end(prop->value))
		return escape_2_1(reading, &prop->value);
	return 0;
}

/* Heads are ASCII but for parameters, where other octets are guessed. */
static int valid_head(struct reading *reading, struct strv *head)
{
	if (xcap_utf8_valid(*head))
		return 0;
	reading->card->faults |= VCARD_FAULT_CHARSET;
	return cab_charset_convert(*head, strv_mem(NULL, 0), reading->arena, head, reading->err);
}

static int is_name(struct strv s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'A' && s.p[i] <= 'Z') || (s.p[i] >= '0' && s.p[i] <= '9') ||
		      s.p[i] == '-' || s.p[i] == '_'))
			return 0;
	return s.n > 0;
}

/* LINE as PROP. 1; 0 when it is none; -1 without memory. */
static int read_prop(struct reading *reading, struct strv line, struct vcard_prop *prop)
{
	struct strv head = head_of(line), name, group;

	if (!head.p)
		return 0;
	*prop = (struct vcard_prop){ .value = strv_mem(line.p + head.n + 1, line.n - head.n - 1) };
	if (valid_head(reading, &head) < 0)
		return -1;
	name = strv_trim(cut_unquoted(&head, ';'));
	if (name.n && memchr(name.p, '.', name.n)) {
		strv_cut(&name, '.', &group);
		prop->group = group;
	}
	prop->name = upper(reading, name);
	if (name.n && !prop->name.n)
		return no_memory(reading->err);
	if (!is_name(prop->name))
		return 0;
	if (read_params(reading, head, prop) < 0 || decode_value(reading, prop) < 0)
		return -1;
	return 1;
}

/* ---- a card ---- */

static int add_prop(struct reading *reading, const struct vcard_prop *prop)
{
	struct vcard *card = reading->card;

	if (card->n == reading->reader->limits->props ||
	    prop->value.n > reading->reader->limits->value_bytes) {
		card->faults |= VCARD_FAULT_LIMIT;
		return 0;
	}
	if (card->n == reading->room) {
		unsigned room = reading->room ? reading->room * 2 : PROPS_FIRST;
		struct vcard_prop *more = arena_zalloc(reading->arena, room, sizeof(*more));

		if (!more)
			return no_memory(reading->err);
		if (card->n)
			memcpy(more, card->prop, card->n * sizeof(*more));
		card->prop = more;
		reading->room = room;
	}
	card->prop[card->n++] = *prop;
	return 0;
}

static void set_version(struct vcard *card, struct strv value)
{
	value = strv_trim(value);
	if (strv_eq(value, STRV("2.1")))
		card->version = VCARD_2_1;
	else if (strv_eq(value, STRV("4.0")))
		card->version = VCARD_4_0;
	else if (strv_eq(value, STRV("3.0")))
		card->version = VCARD_3_0;
	else
		card->faults |= VCARD_FAULT_VERSION;
}

static int is_begin(struct strv line)
{
	return strv_caseeq(strv_trim(line), STRV("BEGIN:VCARD"));
}

static int is_end(struct strv line)
{
	return strv_caseeq(strv_trim(line), STRV("END:VCARD"));
}

/* AGENT of 2.1 has a whole card behind it: pass it over. */
static void skip_agent(struct vcard_reader *reader)
{
	struct vcard_reader ahead = *reader;
	struct strv line;

	if (!physical(&ahead, &line) || !is_begin(line))
		return;
	*reader = ahead;
	while (physical(reader, &line) && !is_end(line))
		;
}

/* VERSION may stand anywhere before 4.0, and says how the lines before it are read. */
static void find_version(struct reading *reading)
{
	struct vcard_reader ahead = *reading->reader;
	struct strv line;
	unsigned before = reading->card->faults;

	reading->card->version = VCARD_3_0;
	while (physical(&ahead, &line) && !is_end(line) && !is_begin(line)) {
		if (line.n > 8 && strv_caseeq(strv_mem(line.p, 8), STRV("VERSION:"))) {
			set_version(reading->card, strv_mem(line.p + 8, line.n - 8));
			return;
		}
	}
	reading->card->faults = before | VCARD_FAULT_VERSION;
}

static enum folding folding_of(const struct reading *reading, struct strv line)
{
	struct strv head = head_of(line);

	if (head.p && names_encoding(head, "QUOTED-PRINTABLE", "Q"))
		return FOLD_QUOTED;
	if (head.p && names_encoding(head, "BASE64", "B"))
		return FOLD_BASE64;
	return reading->card->version == VCARD_2_1 ? FOLD_KEEP_BLANK : FOLD_PLAIN;
}

/* What stands between BEGIN and END. */
static int read_lines(struct reading *reading)
{
	struct vcard_reader *reader = reading->reader, at;
	const char *start = reader->rest.p;
	struct strv line;
	int found;

	for (;;) {
		struct vcard_prop prop;

		at = *reader;
		if (!physical(reader, &line) || is_begin(line)) {
			if (at.rest.n)
				*reader = at; /* the next card's */
			reading->card->faults |= VCARD_FAULT_NO_END;
			return 0;
		}
		if (is_end(line))
			return 0;
		if (!strv_trim(line).n)
			continue;
		if (unfold(reading, line, folding_of(reading, line), &line) < 0)
			return -1;
		if ((size_t)(reader->rest.p - start) > reader->limits->card_bytes)
			return err_set(reading->err, ERR_LIMIT,
				       "the vCard at line %u has more than %zu octets",
				       reading->card->line, reader->limits->card_bytes);
		found = read_prop(reading, line, &prop);
		if (found < 0)
			return -1;
		if (!found)
			reading->card->faults |= VCARD_FAULT_LINE;
		else if (strv_eq(prop.name, STRV("AGENT")) && !prop.value.n)
			skip_agent(reader);
		else if (!strv_eq(prop.name, STRV("VERSION")) && add_prop(reading, &prop) < 0)
			return -1;
	}
}

/* Up to the next BEGIN or behind this card's END, whichever comes first. */
static void skip_card(struct vcard_reader *reader)
{
	struct vcard_reader ahead = *reader;
	struct strv line;

	while (physical(&ahead, &line)) {
		if (is_begin(line))
			return;
		*reader = ahead;
		if (is_end(line))
			return;
	}
	*reader = ahead;
}

int vcard_read(struct vcard_reader *reader, struct arena *arena, struct vcard *card_out,
	       struct err *err)
{
	struct reading reading = { reader, arena, card_out, 0, err };
	struct strv line;
	unsigned at;

	do {
		at = reader->line;
		if (!physical(reader, &line))
			return 0;
	} while (!is_begin(line));
	*card_out = (struct vcard){ .line = at };
	find_version(&reading);
	if (read_lines(&reading) == 0)
		return 1;
	skip_card(reader);
	return -1;
}
