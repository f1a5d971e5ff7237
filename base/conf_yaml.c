/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/conf_yaml.c - the octets of a file to a tree of nodes that know their line and column
 *
 * Only this file knows libyaml. Of its events become maps, lists and scalars; what would make a
 * file mean something else than it shows (anchors, aliases, tags, further documents, names that are
 * no scalars) is a fault. What the tree means is conf_apply.c's.
 */
#include "base/conf_priv.h"

#include <yaml.h>

struct reader {
	struct conf_load *load;
	struct strv bytes;
	yaml_parser_t parser;
	int ended; /* a fault of syntax, or memory: no further event */
};

/* ---- what libyaml finds, in words that help ---- */

/* The first whose PROBLEM is part of libyaml's decides. CONTEXT: the remedy names the line in which
 * what is open was begun. */
static const struct advice {
	const char *problem, *message, *remedy;
	int context;
} advices[] = {
	{ "mapping values are not allowed", "a \":\" where no setting can begin",
	  "check the indentation, and put a value that holds \": \" or ends in \":\" in quotes",
	  0 },
	{ "could not find expected ':'", "a name without \":\"",
	  "write the setting as \"name: value\", one a line", 0 },
	{ "did not find expected key", "this does not line up with what stands around it",
	  "indent what belongs together by the same number of spaces", 0 },
	{ "did not find expected '-' indicator", "this does not line up with the list around it",
	  "begin each entry of the list with \"- \", indented alike", 0 },
	{ "block sequence entries are not allowed", "a list cannot begin here",
	  "write \"- \" on a line of its own below the setting's name", 0 },
	{ "block mapping entries are not allowed", "a \"? \" cannot stand here",
	  "put the value in quotes if it begins with \"?\"", 0 },
	{ "block mapping", "this does not line up with what stands around it",
	  "indent what belongs together by the same number of spaces", 0 },
	{ "while scanning a quoted scalar", "quotes that are not closed", "close them", 1 },
	{ "found unexpected end of stream", "quotes that are not closed", "close them", 1 },
	{ "unexpected document indicator", "quotes that are not closed", "close them", 1 },
	{ "expected ',' or ']'", "a \"[\" that is not closed",
	  "put \",\" between the entries and \"]\" behind the last", 1 },
	{ "expected ',' or '}'", "a \"{\" that is not closed",
	  "put \",\" between the settings and \"}\" behind the last", 1 },
	{ "unknown escape character", "\"\\\" with a character that has no such form",
	  "write \"\\\\\" for a backslash, or use single quotes", 0 },
	{ "hexdecimal", "\"\\x\" or \"\\u\" without its hexadecimal digits",
	  "write \"\\\\\" for a backslash, or use single quotes", 0 },
	{ "Unicode character", "an escape that is no character",
	  "write the character itself, in UTF-8", 0 },
	{ "tab character", "a tab in the indentation", "indent with spaces", 0 },
	{ "found unexpected ':'", "a \":\" within a value", "put the value in quotes", 0 },
	{ "incompatible YAML document", "a YAML version that is not known",
	  "remove the line that begins with \"%YAML\"", 0 },
	{ "directive", "a line that begins with \"%\"", "remove it, or put the value in quotes",
	  0 },
	{ "alphabetic or numeric", "a \"&\" or \"*\" that is no part of a value",
	  "put the value in quotes", 0 },
	{ "scanning a tag", "a \"!\" that is no part of a value", "put the value in quotes", 0 },
	{ "tag handle", "a \"!\" that is no part of a value", "put the value in quotes", 0 },
	{ "block scalar", "text behind \"|\" or \">\"", "put the value in quotes", 0 },
	{ "indentation indicator", "text behind \"|\" or \">\"", "put the value in quotes", 0 },
	{ "expected <document start>", "this is no part of the settings above",
	  "begin the line with a setting's name, and indent nothing at the top", 0 },
	{ "expected node content", "a value is missing or begins with a sign",
	  "put the value in quotes", 0 },
	{ "nesting level", "too many brackets within each other", "remove some", 0 },
};

/* The octet at LINE and COLUMN, counted from 0 as libyaml does; 0 behind the end. */
static unsigned char octet_at(struct strv bytes, size_t line, size_t column)
{
	size_t i = 0;

	for (; line && i < bytes.n; i++)
		if (bytes.p[i] == '\n' ||
		    (bytes.p[i] == '\r' && !(i + 1 < bytes.n && bytes.p[i + 1] == '\n')))
			line--;
	for (; i < bytes.n && column; column--)
		for (i++; i < bytes.n && ((unsigned char)bytes.p[i] & 0xc0) == 0x80; i++)
			;
	return i < bytes.n ? (unsigned char)bytes.p[i] : 0;
}

static void tell_sign(struct reader *r, unsigned line, unsigned column)
{
	unsigned char c = octet_at(r->bytes, line - 1, column - 1);

	if (c == '\t')
		conf_fault_at(r->load, line, column,
			      "a tab in the indentation; indent with spaces");
	else
		conf_fault_at(r->load, line, column,
			      "a value cannot begin with \"%c\"; put it in quotes",
			      c > ' ' && c < 0x7f ? c : '?');
}

/* Tell what stopped the parser. */
static void tell_problem(struct reader *r)
{
	yaml_parser_t *p = &r->parser;
	const char *problem = p->problem ? p->problem : "", *context = p->context ? p->context : "";
	unsigned line = (unsigned)p->problem_mark.line + 1;
	unsigned column = (unsigned)p->problem_mark.column + 1;

	if (strstr(problem, "cannot start any token")) {
		tell_sign(r, line, column);
		return;
	}
	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
		const struct advice *a = &advices[i];

		if (!strstr(problem, a->problem) && !strstr(context, a->problem))
			continue;
		if (a->context)
			conf_fault_at(r->load, (unsigned)p->context_mark.line + 1,
				      (unsigned)p->context_mark.column + 1,
				      "%s; %s (noticed at line %u, column %u)", a->message,
				      a->remedy, line, column);
		else
			conf_fault_at(r->load, line, column, "%s; %s", a->message, a->remedy);
		return;
	}
	conf_fault_at(r->load, line, column,
		      "%s; check the indentation and the quotes of this line and the one above",
		      *problem ? problem : "this is not YAML");
}

/* The next event, which the caller deletes. Returns 0; -1 when there is none, after a fault. */
static int next_event(struct reader *r, yaml_event_t *event)
{
	if (r->ended)
		return -1;
	if (yaml_parser_parse(&r->parser, event))
		return 0;
	r->ended = 1;
	r->load->is_cut = 1;
	if (r->parser.error == YAML_MEMORY_ERROR)
		r->load->no_memory = 1;
	else
		tell_problem(r);
	return -1;
}

/* ---- events to nodes ---- */

static struct conf_node *new_node(struct reader *r, enum conf_kind kind, const yaml_event_t *event)
{
	struct conf_node *node = arena_zalloc(r->load->arena, 1, sizeof(*node));

	if (!node) {
		r->load->no_memory = 1;
		r->ended = 1;
		return NULL;
	}
	node->kind = kind;
	node->line = (unsigned)event->start_mark.line + 1;
	node->column = (unsigned)event->start_mark.column + 1;
	return node;
}

static void append(struct conf_node *to, struct conf_node *node)
{
	if (to->last)
		to->last->next = node;
	else
		to->first = node;
	to->last = node;
	to->n++;
}

static void tell_anchor(struct reader *r, const struct conf_node *node, const yaml_char_t *anchor,
			const yaml_char_t *tag)
{
	if (anchor)
		conf_fault_at(r->load, node->line, node->column,
			      "an anchor (%s); write the value out wherever it is needed",
			      conf_quote(r->load, strv_of((const char *)anchor)));
	if (tag)
		conf_fault_at(r->load, node->line, node->column,
			      "a tag (%s); leave it out, each setting knows its type",
			      conf_quote(r->load, strv_of((const char *)tag)));
}

static struct conf_node *read_node(struct reader *r, yaml_event_t *event, unsigned depth);

/* The value of the name KEY, into MAP. */
static void read_member(struct reader *r, struct conf_node *map, struct conf_node *key,
			unsigned depth)
{
	struct conf_node *value;
	yaml_event_t event;

	if (next_event(r, &event) < 0)
		return;
	value = read_node(r, &event, depth);
	if (!value)
		return;
	if (key->kind == CONF_NODE_SCALAR) {
		value->key = key;
		append(map, value);
	} else if (key->kind != CONF_NODE_BAD) {
		conf_fault_at(r->load, key->line, key->column,
			      "a list or map where a setting's name is expected; write \"name: "
			      "value\", and a value that begins with \"[\" or \"{\" in quotes");
	}
}

static void read_map(struct reader *r, struct conf_node *map, unsigned depth)
{
	struct conf_node *key;
	yaml_event_t event;

	while (next_event(r, &event) == 0) {
		if (event.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&event);
			return;
		}
		key = read_node(r, &event, depth);
		if (key)
			read_member(r, map, key, depth);
	}
}

static void read_seq(struct reader *r, struct conf_node *seq, unsigned depth)
{
	struct conf_node *entry;
	yaml_event_t event;

	while (next_event(r, &event) == 0) {
		if (event.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&event);
			return;
		}
		entry = read_node(r, &event, depth);
		if (entry)
			append(seq, entry);
	}
}

static struct conf_node *read_scalar(struct reader *r, const yaml_event_t *event)
{
	struct conf_node *node = new_node(r, CONF_NODE_SCALAR, event);
	const char *p = (const char *)event->data.scalar.value;

	if (!node)
		return NULL;
	node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->text.n = event->data.scalar.length;
	node->text.p = arena_strdup(r->load->arena, strv_mem(p, node->text.n));
	if (!node->text.p) {
		r->load->no_memory = 1;
		r->ended = 1;
		return NULL;
	}
	tell_anchor(r, node, event->data.scalar.anchor, event->data.scalar.tag);
	return node;
}

static struct conf_node *read_alias(struct reader *r, const yaml_event_t *event)
{
	struct conf_node *node = new_node(r, CONF_NODE_BAD, event);

	if (node)
		conf_fault_at(r->load, node->line, node->column,
			      "an alias (\"*\"); write the value out, or put it in quotes");
	return node;
}

static struct conf_node *read_parent(struct reader *r, const yaml_event_t *event, unsigned depth)
{
	int is_map = event->type == YAML_MAPPING_START_EVENT;
	struct conf_node *node = new_node(r, is_map ? CONF_NODE_MAP : CONF_NODE_SEQ, event);

	if (!node)
		return NULL;
	if (depth >= CONF_DEPTH_MAX) {
		conf_fault_at(r->load, node->line, node->column,
			      "more than %d maps and lists within each other; no setting stands so "
			      "deep, check the indentation and brackets",
			      CONF_DEPTH_MAX);
		r->ended = 1;
		r->load->is_cut = 1;
		node->kind = CONF_NODE_BAD;
		return node;
	}
	if (is_map) {
		tell_anchor(r, node, event->data.mapping_start.anchor,
			    event->data.mapping_start.tag);
		read_map(r, node, depth + 1);
	} else {
		tell_anchor(r, node, event->data.sequence_start.anchor,
			    event->data.sequence_start.tag);
		read_seq(r, node, depth + 1);
	}
	return node;
}

/* The node that EVENT begins, with all that is in it; EVENT is deleted. NULL: no memory. */
static struct conf_node *read_node(struct reader *r, yaml_event_t *event, unsigned depth)
{
	struct conf_node *node = NULL;

	if (event->type == YAML_SCALAR_EVENT)
		node = read_scalar(r, event);
	else if (event->type == YAML_ALIAS_EVENT)
		node = read_alias(r, event);
	else
		node = read_parent(r, event, depth);
	yaml_event_delete(event);
	return node;
}

/* ---- the document ---- */

static void tell_document(struct reader *r, const yaml_event_t *event, unsigned number)
{
	unsigned line = (unsigned)event->start_mark.line + 1;
	unsigned column = (unsigned)event->start_mark.column + 1;

	if (event->data.document_start.tag_directives.start !=
	    event->data.document_start.tag_directives.end)
		conf_fault_at(r->load, line, column,
			      "a \"%%TAG\" line; leave it out, each setting knows its type");
	if (number == 1)
		return;
	conf_fault_at(r->load, line, column,
		      "a second document; remove the \"---\", or put what follows into a file of "
		      "the drop-in folder");
	r->ended = 1;
}

static struct conf_node *read_stream(struct reader *r)
{
	struct conf_node *root = NULL;
	yaml_event_t event;
	unsigned documents = 0;

	while (next_event(r, &event) == 0) {
		switch (event.type) {
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			break;
		case YAML_STREAM_END_EVENT:
			r->ended = 1;
			break;
		case YAML_DOCUMENT_START_EVENT:
			tell_document(r, &event, ++documents);
			break;
		default:
			root = read_node(r, &event, 0);
			continue; /* deleted */
		}
		yaml_event_delete(&event);
	}
	return root;
}

/* ---- characters ---- */

static int is_allowed(unsigned c)
{
	return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c != 0x7f && c < 0x80) ||
	       c == 0x85 || (c >= 0xa0 && c != 0xfffe && c != 0xffff);
}

/* 1 when BYTES are text, else 0 and a fault: libyaml does not say where. */
static int is_text(struct conf_load *load, struct strv bytes)
{
	const unsigned char *p = (const unsigned char *)bytes.p;
	unsigned line = 1, column = 1, c = 0;

	if (bytes.n >= 2 && (memcmp(p, "\xff\xfe", 2) == 0 || memcmp(p, "\xfe\xff", 2) == 0)) {
		conf_fault_at(load, 1, 1, "the file is UTF-16; save it as UTF-8");
		return 0;
	}
	for (size_t i = 0, len; i < bytes.n; i += len, column++) {
		len = conf_char_at(bytes.p + i, bytes.n - i, &c);
		if (len == 0) {
			conf_fault_at(load, line, column,
				      "octet 0x%02x is not UTF-8; save the file as UTF-8", p[i]);
			return 0;
		}
		if (!is_allowed(c) || (c == 0xfeff && i)) {
			conf_fault_at(load, line, column, "control character U+%04X; remove it", c);
			return 0;
		}
		if (c == '\n' || (c == '\r' && !(i + 1 < bytes.n && p[i + 1] == '\n'))) {
			line++;
			column = 0;
		}
	}
	return 1;
}

struct conf_node *conf_yaml_parse(struct conf_load *load, struct strv bytes)
{
	struct reader r = { .load = load, .bytes = bytes };
	struct conf_node *root;

	if (!is_text(load, bytes)) {
		load->is_cut = 1;
		return NULL;
	}
	if (!yaml_parser_initialize(&r.parser)) {
		load->no_memory = 1;
		return NULL;
	}
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)(bytes.n ? bytes.p : ""),
				     bytes.n);
	root = read_stream(&r);
	yaml_parser_delete(&r.parser);
	return root;
}
