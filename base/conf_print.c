/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/conf_print.c - the sample file and the settings of the man page, from the table
 *
 * Both say the same: help, what may be written, the default, and whether a reload changes it.
 */
#include "base/conf_priv.h"

#include <stdlib.h>

enum { WIDTH = 90 };

/* ---- sentences ---- */

static void print_range(FILE *out, const struct conf_item *item)
{
	char min[32], max[32];

	if (item->min == 0 && item->max == 0)
		return;
	conf_text_number(min, item->type, item->min);
	conf_text_number(max, item->type, item->max);
	fprintf(out, " from %s to %s", min, max);
}

static void print_choices(FILE *out, const char *const *choices)
{
	for (; *choices; choices++)
		fprintf(out, "%s%s", *choices, !choices[1] ? "" : choices[2] ? ", " : " or ");
}

/* "A time from 1 s to 1 h." */
static void print_type(FILE *out, const struct conf_item *item)
{
	switch (item->type) {
	case CONF_INT:
		fputs("A whole number", out);
		print_range(out, item);
		break;
	case CONF_BYTES:
		fputs("A size", out);
		print_range(out, item);
		break;
	case CONF_TIME:
		fputs("A time", out);
		print_range(out, item);
		break;
	case CONF_ENUM:
		fputs("One of: ", out);
		print_choices(out, item->choices);
		break;
	case CONF_LIST:
		fputs("A list of maps", out);
		if (item->max)
			fprintf(out, ", at most %lld", (long long)item->max);
		break;
	case CONF_BOOL:
		fputs("Yes or no", out);
		break;
	case CONF_ADDR:
		fputs("A numeric IPv4 or IPv6 address", out);
		break;
	case CONF_PATH:
		fputs("A path", out);
		break;
	case CONF_SECRET:
		fputs("A secret, or \"file: PATH\" in a line of its own below", out);
		break;
	case CONF_STR:
	case CONF_SECTION:
		fputs("Text", out);
		break;
	}
}

static const char *reload_sentence(const struct conf_item *item)
{
	return item->reloadable ? " A reload changes it." : " Takes a restart to change.";
}

static const char *last_component(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : name;
}

/* How deep NAME stands: its dots. */
static int depth_of(const char *name)
{
	int n = 0;

	for (; *name; name++)
		n += *name == '.';
	return n;
}

/* "A time from 1 s to 1 h. Default: 30 s. A reload changes it.", for the caller to free; NULL: no
 * memory. */
static char *describe(const struct conf_item *item, int with_default, int with_reload)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	if (!out)
		return NULL;
	print_type(out, item);
	fputs(item->preset ? "." : "; must be given.", out);
	if (with_default && item->preset)
		fprintf(out, " Default: %s.", *item->preset ? item->preset : "empty");
	if (with_reload)
		fputs(reload_sentence(item), out);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* ---- the sample ---- */

/* TEXT as lines of comment INDENT deep, with LEAD blanks more within them. */
static void print_comment(FILE *out, int indent, int lead, const char *text)
{
	int at = 0;

	while (*text) {
		int len = (int)strcspn(text, " ");

		if (at && at + 1 + len > WIDTH) {
			fputc('\n', out);
			at = 0;
		}
		if (at)
			at += fprintf(out, " ");
		else
			at = fprintf(out, "%*s# %*s", indent, "", lead, "");
		at += fprintf(out, "%.*s", len, text);
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

static int print_described(FILE *out, int indent, const struct conf_item *item)
{
	char *text = describe(item, 0, 1);

	if (!text)
		return -1;
	print_comment(out, indent, 0, item->help);
	print_comment(out, indent, 0, text);
	free(text);
	return 0;
}

/* What may stand in an entry of a list. */
static int print_entry_help(FILE *out, int indent, const struct conf_item *items)
{
	for (; items->name; items++) {
		char *text = describe(items, 1, 0);

		if (!text)
			return -1;
		fprintf(out, "%*s#   %s:\n", indent, "", items->name);
		print_comment(out, indent, 4, items->help);
		print_comment(out, indent, 4, text);
		free(text);
	}
	return 0;
}

/* The name, alone and commented out, and below it the entries of its default, in flow style. */
static int print_sample_list(FILE *out, int indent, const struct conf_item *item,
			     struct conf_load *load)
{
	const struct conf_node *list = conf_preset_tree(load, item);

	if (print_entry_help(out, indent, item->items) < 0)
		return -1;
	if (!list || list->n == 0) {
		fprintf(out, "%*s#%s: []\n", indent, "", last_component(item->name));
		return 0;
	}
	fprintf(out, "%*s#%s:\n", indent, "", last_component(item->name));
	for (const struct conf_node *entry = list->first; entry; entry = entry->next) {
		fprintf(out, "%*s#- {", indent + 2, "");
		for (const struct conf_node *node = entry->first; node; node = node->next) {
			fprintf(out, "%s%s: ", node == entry->first ? "" : ", ", node->key->text.p);
			conf_text_scalar(out, node->text.p);
		}
		fputs("}\n", out);
	}
	return 0;
}

/* "name: default"; a setting without default is not commented out, for the reader to fill in. */
static void print_sample_line(FILE *out, int indent, const struct conf_item *item)
{
	fprintf(out, "%*s%s%s:", indent, "", item->preset ? "#" : "", last_component(item->name));
	if (item->preset) {
		fputc(' ', out);
		if (item->type == CONF_INT || item->type == CONF_TIME || item->type == CONF_BYTES)
			fputs(item->preset, out);
		else
			conf_text_scalar(out, item->preset);
	}
	fputc('\n', out);
}

/* Run by both printers, so that a list's default can be read. FN returns -1: memory is short. */
static char *print_table(const struct conf_item *table,
			 int (*fn)(FILE *out, const struct conf_item *item, struct conf_load *load))
{
	struct conf_fault_entry faults[CONF_FAULTS_MAX + 1];
	struct conf_load load = { .file = "", .faults = faults, .arena = arena_new(0) };
	char *text = NULL;
	size_t bytes;
	FILE *out = load.arena ? open_memstream(&text, &bytes) : NULL;
	int ret = out ? 0 : -1;

	for (; ret == 0 && table->name; table++)
		ret = fn(out, table, &load);
	if (out && fclose(out) != 0)
		ret = -1;
	if (ret < 0 || load.no_memory) {
		free(text);
		text = NULL;
	}
	arena_free(&load.arena);
	return text;
}

static int print_sample_item(FILE *out, const struct conf_item *item, struct conf_load *load)
{
	int indent = 2 * depth_of(item->name);

	fputc('\n', out);
	if (item->type == CONF_SECTION) {
		print_comment(out, indent, 0, item->help);
		fprintf(out, "%*s%s:\n", indent, "", last_component(item->name));
		return 0;
	}
	if (print_described(out, indent, item) < 0)
		return -1;
	if (item->type == CONF_LIST)
		return print_sample_list(out, indent, item, load);
	print_sample_line(out, indent, item);
	return 0;
}

char *conf_print_sample(const struct conf_item *table)
{
	return print_table(table, print_sample_item);
}

/* ---- the man page ---- */

/* TEXT so that troff prints it as it is. */
static void print_troff(FILE *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", out);
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else if (*text == '~')
			fputs("\\(ti", out);
		else if (*text == '"')
			fputs("\\(dq", out);
		else
			fputc(*text, out);
	}
	fputc('\n', out);
}

static int print_man_item(FILE *out, const struct conf_item *item, struct conf_load *load)
{
	int in_entry = load == NULL;
	char *text;

	if (item->type == CONF_SECTION) {
		fputs(".SS ", out);
		print_troff(out, item->name);
		print_troff(out, item->help);
		return 0;
	}
	text = describe(item, 1, !in_entry);
	if (!text)
		return -1;
	fputs(".TP\n.B ", out);
	print_troff(out, item->name);
	print_troff(out, item->help);
	fputs(".br\n", out);
	print_troff(out, text);
	free(text);
	if (item->type != CONF_LIST)
		return 0;
	fputs(".RS\n", out);
	for (const struct conf_item *sub = item->items; sub->name; sub++)
		if (print_man_item(out, sub, NULL) < 0)
			return -1;
	fputs(".RE\n", out);
	return 0;
}

char *conf_print_man(const struct conf_item *table)
{
	return print_table(table, print_man_item);
}
