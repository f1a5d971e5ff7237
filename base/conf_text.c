/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/conf_text.c - values back to text, and what differs between two configurations
 */
#include "base/conf_priv.h"

#include <stdlib.h>

size_t conf_char_at(const char *text, size_t n, unsigned *c_out)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	unsigned c = p[0];

	if (len == 0 || len > n || p[0] > 0xf4)
		return 0;
	if (len > 1)
		c &= 0x7fu >> len;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	if ((len == 3 && c < 0x800) || (c >= 0xd800 && c <= 0xdfff) || (len == 4 && c < 0x10000) ||
	    c > 0x10ffff)
		return 0;
	*c_out = c;
	return len;
}

int conf_is_control(unsigned c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || c == 0xfeff;
}

void conf_text_number(char buf[32], enum conf_type type, int64_t value)
{
	static const struct {
		enum conf_type type;
		const char *unit;
		int64_t factor;
	} units[] = {
		{ CONF_TIME, "d", 86400000 },	 { CONF_TIME, "h", 3600000 },
		{ CONF_TIME, "min", 60000 },	 { CONF_TIME, "s", 1000 },
		{ CONF_TIME, "ms", 1 },		 { CONF_BYTES, "TB", 1ll << 40 },
		{ CONF_BYTES, "GB", 1ll << 30 }, { CONF_BYTES, "MB", 1ll << 20 },
		{ CONF_BYTES, "kB", 1ll << 10 }, { CONF_BYTES, "B", 1 },
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (units[i].type == type && value && value % units[i].factor == 0) {
			snprintf(buf, 32, "%lld %s", (long long)(value / units[i].factor),
				 units[i].unit);
			return;
		}
	snprintf(buf, 32, "%lld%s", (long long)value,
		 type == CONF_TIME    ? " s"
		 : type == CONF_BYTES ? " B"
				      : "");
}

/* May TEXT stand without quotes, in flow style too? */
static int is_bare(const char *text)
{
	if (!*text || strchr("-.~", *text))
		return 0;
	for (; *text; text++)
		if (!(*text >= 'a' && *text <= 'z') && !(*text >= 'A' && *text <= 'Z') &&
		    !(*text >= '0' && *text <= '9') && !strchr("-._/+", *text))
			return 0;
	return 1;
}

void conf_text_scalar(FILE *out, const char *text)
{
	if (is_bare(text)) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void print_list(FILE *out, const struct conf_item *item, const char *at, int reveal)
{
	struct conf_list list;

	memcpy(&list, at, sizeof(list));
	fputc('[', out);
	for (unsigned i = 0; i < list.n; i++) {
		const char *entry = (const char *)list.items + i * item->item_bytes;
		const char *between = "";

		fputs(i ? ", {" : "{", out);
		for (const struct conf_item *sub = item->items; sub->name; sub++) {
			if (sub->type == CONF_SECTION)
				continue;
			fprintf(out, "%s%s: ", between, sub->name);
			conf_text_print(out, sub, entry, reveal);
			between = ", ";
		}
		fputc('}', out);
	}
	fputc(']', out);
}

static void print_number(FILE *out, const struct conf_item *item, const char *at)
{
	char text[32];
	int64_t value;

	memcpy(&value, at, sizeof(value)); /* sizes and times are below 2^63 */
	conf_text_number(text, item->type, value);
	fputs(text, out);
}

static void print_word(FILE *out, const struct conf_item *item, const char *at)
{
	int value;

	memcpy(&value, at, sizeof(value));
	if (item->type == CONF_ENUM)
		fputs(item->choices[value], out);
	else
		fputs(value ? "yes" : "no", out);
}

void conf_text_print(FILE *out, const struct conf_item *item, const char *values, int reveal)
{
	const char *at = values + item->offset, *text;

	switch (item->type) {
	case CONF_SECTION:
		break;
	case CONF_INT:
	case CONF_BYTES:
	case CONF_TIME:
		print_number(out, item, at);
		break;
	case CONF_BOOL:
	case CONF_ENUM:
		print_word(out, item, at);
		break;
	case CONF_LIST:
		print_list(out, item, at, reveal);
		break;
	case CONF_STR:
	case CONF_ADDR:
	case CONF_PATH:
	case CONF_SECRET:
		memcpy(&text, at, sizeof(text));
		if (item->type == CONF_SECRET && !reveal)
			fputs("***", out);
		else
			conf_text_scalar(out, text);
		break;
	}
}

/* As text of its own, for the caller to free; NULL when memory is short. */
static char *print_value(const struct conf_item *item, const char *values, int reveal)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	if (!out)
		return NULL;
	conf_text_print(out, item, values, reveal);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* 1 when they differ, secrets included, or when memory is too short to tell. */
static int differs(const struct conf_item *item, const char *before, const char *after)
{
	char *a = print_value(item, before, 1), *b = print_value(item, after, 1);
	int result = !a || !b || strcmp(a, b) != 0;

	free(a);
	free(b);
	return result;
}

unsigned conf_diff(const struct conf *before, const struct conf *after,
		   void (*fn)(void *arg, const char *name, const char *old_text,
			      const char *new_text, int reloadable),
		   void *arg)
{
	unsigned n = 0;

	for (const struct conf_item *item = before->table; item->name; item++) {
		char *a, *b;

		if (!differs(item, before->values, after->values))
			continue;
		n++;
		a = print_value(item, before->values, 0);
		b = print_value(item, after->values, 0);
		fn(arg, item->name, a ? a : "?", b ? b : "?", item->reloadable);
		free(a);
		free(b);
	}
	return n;
}
