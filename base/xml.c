/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/xml.c - see xml.h
 *
 * Parsing: the fence (xml_fence.c) looks at the bytes, then libxml2 builds the tree while its
 * callbacks, wrapped here, count and stop. Schemas are in xml_schema.c.
 *
 * libxml2 is given no way to the outside: its entity loader is ours and opens files of the schema
 * folder only, while a schema is being loaded.
 */
#include "base/xml.h"

#include <ctype.h>
#include <stdlib.h>

#include <libxml/catalog.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlschemastypes.h>
#include <libxml/xmlversion.h>

#include "base/xml_fence.h"
#include "base/xml_priv.h"

const struct xml_limits xml_limits_default = {
	.bytes = 2 * 1024 * 1024,
	.value_bytes = 64 * 1024,
	.depth = 64,
	.attributes = 64,
	.namespaces = 128,
	.nodes = 200000,
};

static const char *const fault_names[XML_FAULTS] = {
	[XML_FAULT_NONE] = "none",
	[XML_FAULT_NOT_WELL_FORMED] = "not-well-formed",
	[XML_FAULT_NOT_UTF8] = "not-utf-8",
	[XML_FAULT_DOCTYPE] = "doctype",
	[XML_FAULT_NOT_ELEMENT] = "not-element",
	[XML_FAULT_TOO_LARGE] = "too-large",
	[XML_FAULT_TOO_DEEP] = "too-deep",
	[XML_FAULT_TOO_MANY_ATTRIBUTES] = "too-many-attributes",
	[XML_FAULT_TOO_MANY_NAMESPACES] = "too-many-namespaces",
	[XML_FAULT_TOO_MANY_NODES] = "too-many-nodes",
	[XML_FAULT_NO_MEMORY] = "no-memory",
};

const char *xml_fault_name(enum xml_fault fault)
{
	return (unsigned)fault < XML_FAULTS ? fault_names[fault] : "unknown";
}

/* ---- the library ---- */

static void stay_silent(void *data, const char *fmt, ...)
{
	(void)data;
	(void)fmt;
}

int xml_init(const char *schema_dir, struct err *err)
{
	/* Not LIBXML_TEST_VERSION: that one calls exit. */
	if (atoi(xmlParserVersion) < LIBXML_VERSION)
		return err_set(err, ERR_ABSENT, "libxml2 %s is older than %s, which the build used",
			       xmlParserVersion, LIBXML_DOTTED_VERSION);
	if (xml_memory_init(err) < 0)
		return -1;
	xmlInitParser();
	xmlSetGenericErrorFunc(NULL, stay_silent);
	xmlThrDefSetGenericErrorFunc(NULL, stay_silent);
	xmlCatalogSetDefaults(XML_CATA_ALLOW_NONE);
	xmlSetExternalEntityLoader(xml_schema_open_file);
	/* Made here because the first validation would make them, in whichever thread it ran. */
	xmlSchemaInitTypes();
	return xml_schema_set_dir(schema_dir, err);
}

void xml_fini(void)
{
	xml_schema_forget_dir();
	xmlCleanupParser();
}

void xml_reason(char *reason, size_t size, const char *message)
{
	size_t n = 0;

	for (; message && *message && n + 1 < size; message++)
		reason[n++] = iscntrl((unsigned char)*message) ? ' ' : *message;
	while (n > 0 && reason[n - 1] == ' ')
		n--;
	reason[n] = '\0';
}

/* ---- one parse ---- */

struct parse {
	const struct xml_limits *limits;
	int wrapped; /* 1: the outermost element is ours and does not count */
	enum xml_fault fault;
	int line;
	char reason[192];
	unsigned depth;
	unsigned nodes;
	unsigned namespaces;
	unsigned declared[XML_DEPTH_MAX + 2]; /* namespaces by depth */
};

static struct parse *parse_of(void *ctx)
{
	return ((xmlParserCtxt *)ctx)->_private;
}

/* The first trouble is the one to tell of. */
static void note(struct parse *parse, enum xml_fault fault, int line, const char *reason)
{
	if (parse->fault)
		return;
	parse->fault = fault;
	parse->line = line;
	xml_reason(parse->reason, sizeof(parse->reason), reason);
}

static void stop(void *ctx, enum xml_fault fault, const char *reason)
{
	xmlParserCtxt *ctxt = ctx;

	note(ctxt->_private, fault, ctxt->input ? ctxt->input->line : 0, reason);
	xmlStopParser(ctxt);
}

static int count_nodes(void *ctx, unsigned n)
{
	struct parse *parse = parse_of(ctx);

	if (xml_memory_short()) {
		stop(ctx, XML_FAULT_NO_MEMORY, "out of memory");
		return -1;
	}
	parse->nodes += n;
	if (parse->nodes <= parse->limits->nodes)
		return 0;
	stop(ctx, XML_FAULT_TOO_MANY_NODES, "too many elements, attributes and comments");
	return -1;
}

/* Is the element about to be built within bounds? */
static int count_element(void *ctx, int n_ns, int n_attr, const xmlChar **attributes)
{
	struct parse *parse = parse_of(ctx);
	const struct xml_limits *limits = parse->limits;

	if (parse->depth >= limits->depth + (unsigned)parse->wrapped) {
		stop(ctx, XML_FAULT_TOO_DEEP, "too many elements inside each other");
		return -1;
	}
	parse->declared[parse->depth++] = (unsigned)n_ns;
	parse->namespaces += (unsigned)n_ns;
	if (parse->wrapped && parse->depth == 1)
		return 0;
	if ((unsigned)n_ns + (unsigned)n_attr > limits->attributes) {
		stop(ctx, XML_FAULT_TOO_MANY_ATTRIBUTES, "too many attributes on one element");
		return -1;
	}
	if (parse->namespaces > limits->namespaces) {
		stop(ctx, XML_FAULT_TOO_MANY_NAMESPACES, "too many namespaces in scope");
		return -1;
	}
	/* Five pointers an attribute; the last two are the value's start and end. */
	for (int i = 0; i < n_attr; i++)
		if ((size_t)(attributes[5 * i + 4] - attributes[5 * i + 3]) > limits->value_bytes) {
			stop(ctx, XML_FAULT_TOO_LARGE, "an attribute's value is too long");
			return -1;
		}
	return count_nodes(ctx, 1 + (unsigned)n_attr);
}

static void on_start(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
		     int n_ns, const xmlChar **namespaces, int n_attr, int n_default,
		     const xmlChar **attributes)
{
	if (count_element(ctx, n_ns, n_attr, attributes) == 0)
		xmlSAX2StartElementNs(ctx, name, prefix, uri, n_ns, namespaces, n_attr, n_default,
				      attributes);
}

static void on_end(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct parse *parse = parse_of(ctx);

	if (parse->depth == 0)
		return;
	parse->namespaces -= parse->declared[--parse->depth];
	xmlSAX2EndElementNs(ctx, name, prefix, uri);
}

static void on_comment(void *ctx, const xmlChar *text)
{
	if (count_nodes(ctx, 1) == 0)
		xmlSAX2Comment(ctx, text);
}

static void on_pi(void *ctx, const xmlChar *target, const xmlChar *data)
{
	if (count_nodes(ctx, 1) == 0)
		xmlSAX2ProcessingInstruction(ctx, target, data);
}

static void on_cdata(void *ctx, const xmlChar *text, int n)
{
	if (count_nodes(ctx, 1) == 0)
		xmlSAX2CDataBlock(ctx, text, n);
}

/* Comes when the declaration's name has been read and before anything inside it is looked at. */
static void on_doctype(void *ctx, const xmlChar *name, const xmlChar *public_id,
		       const xmlChar *system_id)
{
	(void)name;
	(void)public_id;
	(void)system_id;
	stop(ctx, XML_FAULT_DOCTYPE, "a document type declaration is not accepted");
}

static void on_error(void *ctx, xmlErrorPtr error)
{
	enum xml_fault fault = XML_FAULT_NOT_WELL_FORMED;

	if (error->level < XML_ERR_ERROR)
		return;
	if (error->code == XML_ERR_NO_MEMORY)
		fault = XML_FAULT_NO_MEMORY;
	note(parse_of(ctx), fault, error->line, error->message);
}

static xmlParserCtxt *context_new(struct parse *parse)
{
	xmlParserCtxt *ctxt = xmlNewParserCtxt();

	if (!ctxt)
		return NULL;
	ctxt->_private = parse;
	ctxt->sax->startElementNs = on_start;
	ctxt->sax->endElementNs = on_end;
	ctxt->sax->comment = on_comment;
	ctxt->sax->processingInstruction = on_pi;
	ctxt->sax->cdataBlock = on_cdata;
	ctxt->sax->internalSubset = on_doctype;
	ctxt->sax->serror = on_error;
	return ctxt;
}

/* NULL and PARSE->fault set, or the tree. */
static xmlDoc *build(struct strv bytes, struct parse *parse)
{
	const int options =
		XML_PARSE_NONET | XML_PARSE_IGNORE_ENC | XML_PARSE_COMPACT | XML_PARSE_BIG_LINES;
	xmlParserCtxt *ctxt;
	xmlDoc *doc;

	xml_memory_watch();
	ctxt = context_new(parse);
	if (!ctxt) {
		note(parse, XML_FAULT_NO_MEMORY, 0, "out of memory");
		return NULL;
	}
	doc = xmlCtxtReadMemory(ctxt, bytes.p, (int)bytes.n, NULL, "UTF-8", options);
	if (xml_memory_short())
		*parse = (struct parse){ .fault = XML_FAULT_NO_MEMORY, .reason = "out of memory" };
	if (!parse->fault && (!doc || !ctxt->wellFormed || !ctxt->nsWellFormed))
		note(parse, XML_FAULT_NOT_WELL_FORMED, 0, "not well-formed");
	if (parse->fault) {
		xmlFreeDoc(doc);
		doc = NULL;
	}
	xmlFreeParserCtxt(ctxt);
	return doc;
}

static enum err_code code_of(enum xml_fault fault)
{
	switch (fault) {
	case XML_FAULT_TOO_LARGE:
	case XML_FAULT_TOO_DEEP:
	case XML_FAULT_TOO_MANY_ATTRIBUTES:
	case XML_FAULT_TOO_MANY_NAMESPACES:
	case XML_FAULT_TOO_MANY_NODES:
		return ERR_LIMIT;
	case XML_FAULT_NO_MEMORY:
		return ERR_NOMEM;
	default:
		return ERR_SYNTAX;
	}
}

static int refuse(const struct parse *parse, enum xml_fault *fault_out, struct err *err)
{
	if (fault_out)
		*fault_out = parse->fault;
	if (parse->line > 0)
		return err_set(err, code_of(parse->fault), "line %d: %s", parse->line,
			       parse->reason);
	return err_set(err, code_of(parse->fault), "%s", parse->reason);
}

/* LIMITS or the defaults, within what the counters here and libxml2's int can hold. */
static struct xml_limits effective(const struct xml_limits *limits)
{
	struct xml_limits own = limits ? *limits : xml_limits_default;

	if (own.depth > XML_DEPTH_MAX)
		own.depth = XML_DEPTH_MAX;
	if (own.bytes > INT32_MAX / 2)
		own.bytes = INT32_MAX / 2;
	return own;
}

/* 1 when the bytes passed the fence. */
static int fenced(struct strv bytes, struct parse *parse)
{
	struct xml_fence_report report = { 0, "" };
	enum xml_fault fault = xml_fence_check(bytes, parse->limits, parse->wrapped, &report);
	int line = 1;

	if (!fault)
		return 1;
	for (size_t i = 0; i < report.at; i++)
		line += bytes.p[i] == '\n';
	note(parse, fault, fault == XML_FAULT_TOO_LARGE ? 0 : line, report.why);
	return 0;
}

struct strv xml_skip_bom(struct strv bytes)
{
	if (bytes.n >= 3 && memcmp(bytes.p, "\xef\xbb\xbf", 3) == 0)
		return strv_mem(bytes.p + 3, bytes.n - 3);
	return bytes;
}

int xml_parse(struct strv bytes, const struct xml_limits *limits, xmlDoc **doc_out,
	      enum xml_fault *fault_out, struct err *err)
{
	struct xml_limits own = effective(limits);
	struct parse parse = { .limits = &own };

	*doc_out = NULL;
	bytes = xml_skip_bom(bytes);
	if (bytes.n == 0)
		note(&parse, XML_FAULT_NOT_WELL_FORMED, 0, "empty: there is no root element");
	else if (fenced(bytes, &parse))
		*doc_out = build(bytes, &parse);
	if (!*doc_out)
		return refuse(&parse, fault_out, err);
	if (fault_out)
		*fault_out = XML_FAULT_NONE;
	return 0;
}

/* ---- fragments ---- */

/* The element around a fragment. It cannot be closed from inside: what would follow it would stand
 * behind the root element, and that is not well-formed. */
#define WRAP_OPEN  "<context"
#define WRAP_CLOSE "</context>"

/* URI as it may stand between double quotes; returns where writing ended. At most six octets for
 * one of URI's. */
static char *write_value(char *at, struct strv uri)
{
	for (size_t i = 0; i < uri.n; i++) {
		unsigned char c = (unsigned char)uri.p[i];

		if (c == '&' || c == '<' || c == '"' || c < 0x20)
			at += sprintf(at, "&#%u;", c);
		else
			*at++ = (char)c;
	}
	return at;
}

static int is_prefix(struct strv prefix)
{
	for (size_t i = 0; i < prefix.n; i++)
		if ((unsigned char)prefix.p[i] <= ' ' || strchr("<>&=/'\":", prefix.p[i]))
			return 0;
	return 1;
}

static size_t wrapped_size(struct strv bytes, const struct xml_ns *context, size_t n_context)
{
	size_t size = bytes.n + sizeof(WRAP_OPEN) + sizeof(WRAP_CLOSE) + 1;

	for (size_t i = 0; i < n_context; i++)
		size += sizeof(" xmlns:=\"\"") + context[i].prefix.n + 6 * context[i].uri.n;
	return size;
}

/* BYTES inside an element that declares CONTEXT, on the heap. NULL and PARSE->fault set when memory
 * is short or a prefix is none. */
static char *wrap(struct strv bytes, const struct xml_ns *context, size_t n_context,
		  struct parse *parse, size_t *n_out)
{
	char *text = malloc(wrapped_size(bytes, context, n_context)), *at;

	if (!text) {
		note(parse, XML_FAULT_NO_MEMORY, 0, "out of memory");
		return NULL;
	}
	at = stpcpy(text, WRAP_OPEN);
	for (size_t i = 0; i < n_context; i++) {
		if (strv_eq(context[i].prefix, STRV("xml")))
			continue;
		if (!is_prefix(context[i].prefix)) {
			note(parse, XML_FAULT_NOT_WELL_FORMED, 0, "a prefix is not a name");
			free(text);
			return NULL;
		}
		at = stpcpy(at, context[i].prefix.n ? " xmlns:" : " xmlns");
		at = mempcpy(at, context[i].prefix.p ? context[i].prefix.p : "",
			     context[i].prefix.n);
		at = stpcpy(at, "=\"");
		at = stpcpy(write_value(at, context[i].uri), "\"");
	}
	*at++ = '>';
	at = mempcpy(at, bytes.p, bytes.n);
	at = stpcpy(at, WRAP_CLOSE);
	*n_out = (size_t)(at - text);
	return text;
}

static int is_white(const xmlNode *node)
{
	return node->type == XML_TEXT_NODE && xmlIsBlankNode((xmlNode *)node);
}

/* The one element in the wrapper, or NULL and PARSE->fault set. */
static xmlNode *unwrap(xmlDoc *doc, struct parse *parse)
{
	xmlNode *root = xmlDocGetRootElement(doc), *found = NULL;

	for (xmlNode *node = root->children; node; node = node->next) {
		if (is_white(node))
			continue;
		if (node->type != XML_ELEMENT_NODE || found) {
			note(parse, XML_FAULT_NOT_ELEMENT, (int)xmlGetLineNo(node),
			     found ? "something stands behind the element"
				   : "something else than an element");
			return NULL;
		}
		found = node;
	}
	if (!found)
		note(parse, XML_FAULT_NOT_ELEMENT, 0, "there is no element");
	return found;
}

int xml_parse_fragment(struct strv bytes, const struct xml_ns *context, size_t n_context,
		       const struct xml_limits *limits, xmlDoc **doc_out, xmlNode **elem_out,
		       enum xml_fault *fault_out, struct err *err)
{
	struct xml_limits own = effective(limits);
	struct parse parse = { .limits = &own, .wrapped = 1 };
	char *text = NULL;
	size_t n = 0;

	*doc_out = NULL;
	*elem_out = NULL;
	if (bytes.n == 0)
		note(&parse, XML_FAULT_NOT_ELEMENT, 0, "there is no element");
	else if (fenced(bytes, &parse) && (text = wrap(bytes, context, n_context, &parse, &n)))
		*doc_out = build(strv_mem(text, n), &parse);
	free(text);
	if (*doc_out)
		*elem_out = unwrap(*doc_out, &parse);
	if (!*elem_out) {
		xmlFreeDoc(*doc_out);
		*doc_out = NULL;
		return refuse(&parse, fault_out, err);
	}
	if (fault_out)
		*fault_out = XML_FAULT_NONE;
	return 0;
}
