/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/conf_value.c - one scalar to a typed value
 *
 * Each type has a function that either fills the struct in or says what is wrong and what to write
 * instead. Numbers are checked for overflow before bounds.
 */
#include "base/conf_priv.h"

#include <arpa/inet.h>

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit byte_units[] = {
	{ "", 1 },	    { "B", 1 },		  { "kB", 1 << 10 },	 { "KB", 1 << 10 },
	{ "KiB", 1 << 10 }, { "MB", 1 << 20 },	  { "MiB", 1 << 20 },	 { "GB", 1 << 30 },
	{ "GiB", 1 << 30 }, { "TB", 1ull << 40 }, { "TiB", 1ull << 40 }, { NULL, 0 },
};
static const struct unit time_units[] = {
	{ "ms", 1 },	      { "s", 1000 },	     { "min", 60 * 1000 },
	{ "h", 3600 * 1000 }, { "d", 86400 * 1000 }, { NULL, 0 },
};

/* What is being read: what every function here needs. */
struct reading {
	struct conf_load *load;
	const struct conf_item *item;
	const struct conf_node *node;
	const char *name;
};

#define TELL(in, ...) conf_fault_at((in)->load, (in)->node->line, (in)->node->column, __VA_ARGS__)

static const char *quoted(const struct reading *in)
{
	return conf_quote(in->load, in->node->text);
}

const char *conf_type_phrase(enum conf_type type)
{
	static const char *const phrases[] = {
		[CONF_SECTION] = "a section",
		[CONF_BOOL] = "yes or no",
		[CONF_INT] = "a whole number",
		[CONF_BYTES] = "a size, such as 64 MB",
		[CONF_TIME] = "a time, such as 30 s",
		[CONF_STR] = "text",
		[CONF_ENUM] = "one of a few words",
		[CONF_ADDR] = "a numeric IPv4 or IPv6 address",
		[CONF_PATH] = "a path",
		[CONF_SECRET] = "a secret",
		[CONF_LIST] = "a list",
	};

	return phrases[type];
}

/* ---- numbers ---- */

static void tell_bounds(const struct reading *in, const char *what)
{
	char min[32], max[32];

	conf_text_number(min, in->item->type, in->item->min);
	conf_text_number(max, in->item->type, in->item->max);
	if (in->item->min == 0 && in->item->max == 0)
		TELL(in, "%s is %s, %s; give a smaller number", in->name, quoted(in), what);
	else
		TELL(in, "%s is %s, %s; give %s to %s", in->name, quoted(in), what, min, max);
}

/* VALUE within the bounds of the item: 1, else 0 and a fault. */
static int in_bounds(const struct reading *in, int64_t value)
{
	const struct conf_item *item = in->item;

	if (item->min == 0 && item->max == 0)
		return 1;
	if (value < item->min)
		tell_bounds(in, "less than allowed");
	else if (value > item->max)
		tell_bounds(in, "more than allowed");
	return value >= item->min && value <= item->max;
}

/* The digits that TEXT begins with, cut off it. 0; 1 when the number is over INT64_MAX; -1 and a
 * fault when there are none or they could be taken for octal. */
static int cut_digits(const struct reading *in, struct strv *text, uint64_t *value_out)
{
	struct strv digits = { text->p, 0 };

	while (digits.n < text->n && text->p[digits.n] >= '0' && text->p[digits.n] <= '9')
		digits.n++;
	if (digits.n == 0) {
		TELL(in, "%s is %s, which is no number; write %s", in->name, quoted(in),
		     conf_type_phrase(in->item->type));
		return -1;
	}
	if (digits.n > 1 && digits.p[0] == '0') {
		TELL(in, "%s is %s, with a zero in front; write the number without it", in->name,
		     quoted(in));
		return -1;
	}
	text->p += digits.n;
	text->n -= digits.n;
	return strv_u64(digits, INT64_MAX, value_out) < 0;
}

static void set_int(const struct reading *in, char *to)
{
	struct strv text = in->node->text;
	int is_negative = text.n > 1 && text.p[0] == '-', over;
	uint64_t n = 0;
	int64_t value;

	if (is_negative)
		text.p++, text.n--;
	over = cut_digits(in, &text, &n);
	if (over < 0)
		return;
	if (text.n) {
		TELL(in, "%s is %s, but is a whole number without unit; write digits only",
		     in->name, quoted(in));
		return;
	}
	if (over) {
		tell_bounds(in, is_negative ? "less than allowed" : "more than allowed");
		return;
	}
	value = is_negative ? -(int64_t)n : (int64_t)n;
	if (in_bounds(in, value))
		memcpy(to, &value, sizeof(value));
}

static const struct unit *find_unit(const struct unit *units, struct strv name)
{
	for (; units->name; units++)
		if (strv_eq(name, strv_of(units->name)))
			return units;
	return NULL;
}

static void tell_unit(const struct reading *in, struct strv unit)
{
	const char *which =
		in->item->type == CONF_TIME ? "ms, s, min, h or d" : "B, kB, MB, GB or TB";

	if (unit.n == 0)
		TELL(in, "%s is %s without a unit; write %s behind the number", in->name,
		     quoted(in), which);
	else if (unit.p[0] == '.' || unit.p[0] == ',')
		TELL(in, "%s is %s, but must be whole; use a smaller unit of %s", in->name,
		     quoted(in), which);
	else
		TELL(in, "%s is %s, but %s is no unit; use %s", in->name, quoted(in),
		     conf_quote(in->load, unit), which);
}

static void set_measure(const struct reading *in, const struct unit *units, char *to)
{
	struct strv text = in->node->text;
	const struct unit *unit;
	uint64_t n = 0, value;
	int over = cut_digits(in, &text, &n);

	if (over < 0)
		return;
	text = strv_trim(text);
	unit = find_unit(units, text);
	if (!unit) {
		tell_unit(in, text);
		return;
	}
	if (over || __builtin_mul_overflow(n, unit->factor, &value) || value > INT64_MAX) {
		tell_bounds(in, "more than allowed");
		return;
	}
	if (in_bounds(in, (int64_t)value))
		memcpy(to, &value, sizeof(value));
}

/* ---- words ---- */

static void set_int_value(char *to, int value)
{
	memcpy(to, &value, sizeof(value));
}

static void set_bool(const struct reading *in, char *to)
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on" };

	for (int i = 0; i < 6; i++)
		if (strv_caseeq(in->node->text, strv_of(words[i]))) {
			set_int_value(to, i & 1);
			return;
		}
	TELL(in, "%s is %s, but is a switch; write yes or no", in->name, quoted(in));
}

static void set_enum(const struct reading *in, char *to)
{
	const char *const *choices = in->item->choices;
	const char *list = "";

	for (int i = 0; choices[i]; i++) {
		if (strv_eq(in->node->text, strv_of(choices[i]))) {
			set_int_value(to, i);
			return;
		}
		list = conf_printf(in->load, "%s%s%s", list,
				   i == 0	    ? ""
				   : choices[i + 1] ? ", "
						    : " or ",
				   choices[i]);
	}
	TELL(in, "%s is %s; write %s", in->name, quoted(in), list);
}

/* ---- text ---- */

/* TEXT is UTF-8 without control characters: 1, else 0 and a fault. */
static int is_one_line(const struct reading *in, struct strv text)
{
	unsigned c = 0;

	for (size_t i = 0, len; i < text.n; i += len) {
		len = conf_char_at(text.p + i, text.n - i, &c);
		if (len == 0) {
			TELL(in, "%s is not UTF-8; save it as UTF-8", in->name);
			return 0;
		}
		if (conf_is_control(c)) {
			TELL(in,
			     "%s holds the control character U+%04X; write it in one line without "
			     "escapes",
			     in->name, c);
			return 0;
		}
	}
	return 1;
}

static int is_plain_text(const struct reading *in, struct strv text)
{
	const struct conf_item *item = in->item;

	if (!is_one_line(in, text))
		return 0;
	if ((item->min == 0 && item->max == 0) ||
	    ((int64_t)text.n >= item->min && (int64_t)text.n <= item->max))
		return 1;
	TELL(in, "%s has %zu octets; give %lld to %lld", in->name, text.n, (long long)item->min,
	     (long long)item->max);
	return 0;
}

static void set_text(const struct reading *in, struct strv text, char *to)
{
	const char *copy;

	if (!is_plain_text(in, text))
		return;
	copy = arena_strdup(in->load->arena, text);
	if (copy)
		memcpy(to, &copy, sizeof(copy));
	else
		in->load->no_memory = 1;
}

static void set_addr(const struct reading *in, char *to)
{
	const char *text = in->node->text.p;
	unsigned char octets[16];
	int may_lack = in->item->preset && !*in->item->preset;

	if (strlen(text) == in->node->text.n &&
	    ((may_lack && !*text) || inet_pton(AF_INET, text, octets) == 1 ||
	     inet_pton(AF_INET6, text, octets) == 1)) {
		set_text(in, in->node->text, to);
		return;
	}
	TELL(in,
	     "%s is %s, which is no numeric address; write one such as 127.0.0.1 or \"::1\", "
	     "without port and brackets",
	     in->name, quoted(in));
}

/* PATH below the main file's folder unless it is absolute or empty. */
static const char *full_path(struct conf_load *load, const char *path)
{
	if (!load->folder || load->is_preset || path[0] == '/' || path[0] == '\0')
		return path;
	return conf_printf(load, "%s/%s", load->folder, path);
}

static void set_path(const struct reading *in, char *to)
{
	struct strv text = in->node->text;

	if (text.n && text.p[0] == '~') {
		TELL(in, "%s is %s, but \"~\" stands for nobody here; write the whole path",
		     in->name, quoted(in));
		return;
	}
	if (is_plain_text(in, text)) {
		const char *path = full_path(in->load, text.p);

		memcpy(to, &path, sizeof(path));
	}
}

/* ---- secrets: never quoted ---- */

static int is_open_mode(unsigned mode)
{
	return (mode & 077) != 0;
}

static void set_secret(const struct reading *in, char *to)
{
	if (!in->load->is_preset && is_open_mode(in->load->file_mode) && in->node->text.n)
		TELL(in,
		     "%s stands in a file that others may read (mode %04o); chmod 600 the file, "
		     "or name one with \"file: PATH\"",
		     in->name, in->load->file_mode);
	else
		set_text(in, in->node->text, to);
}

void conf_secret_from_file(struct conf_load *load, const struct conf_item *item,
			   const struct conf_node *path, const char *name, char *values)
{
	struct reading in = { load, item, path, name };
	struct strv bytes;
	const char *full;
	unsigned mode;

	if (!is_one_line(&in, path->text))
		return;
	full = full_path(load, path->text.p);
	if (conf_read_file(load, full, CONF_SECRET_MAX, path->line, path->column, &bytes, &mode) <
	    0)
		return;
	if (is_open_mode(mode)) {
		TELL(&in, "the file of %s may be read by others (mode %04o); chmod 600 %s", name,
		     mode, full);
		return;
	}
	if (bytes.n && bytes.p[bytes.n - 1] == '\n')
		bytes.n--;
	if (bytes.n && bytes.p[bytes.n - 1] == '\r')
		bytes.n--;
	set_text(&in, bytes, values + item->offset);
}

void conf_value_set(struct conf_load *load, const struct conf_item *item,
		    const struct conf_node *node, const char *name, char *values)
{
	struct reading in = { load, item, node, name };
	char *to = values + item->offset;

	switch (item->type) {
	case CONF_BOOL:
		set_bool(&in, to);
		break;
	case CONF_INT:
		set_int(&in, to);
		break;
	case CONF_BYTES:
		set_measure(&in, byte_units, to);
		break;
	case CONF_TIME:
		set_measure(&in, time_units, to);
		break;
	case CONF_STR:
		set_text(&in, node->text, to);
		break;
	case CONF_ENUM:
		set_enum(&in, to);
		break;
	case CONF_ADDR:
		set_addr(&in, to);
		break;
	case CONF_PATH:
		set_path(&in, to);
		break;
	case CONF_SECRET:
		set_secret(&in, to);
		break;
	case CONF_SECTION:
	case CONF_LIST:
		break; /* not scalars: conf_apply.c's */
	}
}
