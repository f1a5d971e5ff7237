/* SPDX-License-Identifier: Apache-2.0 */
/* The door to XML: what passes, what is refused and why, and that a refusal costs little. */
#include "base/xml.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libxml/xmlIO.h>

#include <cmocka.h>

/* ---- documents, by table ---- */

struct doc_row {
	const char *why;
	struct strv bytes;
	enum xml_fault fault;
	const char *says; /* part of the sentence */
};

#define B(lit)                       \
	{                            \
		lit, sizeof(lit) - 1 \
	}

static const struct doc_row doc_rows[] = {
	{ "one element", B("<a/>"), XML_FAULT_NONE, "" },
	{ "with all kinds of node",
	  B("<?xml version=\"1.0\"?><!-- c --><a b='1'>t<?pi x?><![CDATA[<&]]>&lt;</a>\n"),
	  XML_FAULT_NONE, "" },
	{ "encoding in lower case", B("<?xml version='1.0' encoding='utf-8'?><a/>"), XML_FAULT_NONE,
	  "" },
	{ "a byte order mark", B("\xef\xbb\xbf<?xml version='1.0'?><a/>"), XML_FAULT_NONE, "" },
	{ "four-octet characters", B("<a>\xf0\x9f\x98\x80 \xed\x9f\xbf \xf4\x8f\xbf\xbf</a>"),
	  XML_FAULT_NONE, "" },
	{ "a relative namespace name", B("<a xmlns='test-app'/>"), XML_FAULT_NONE, "" },
	{ "markup inside a comment counts for nothing", B("<a><!-- <!DOCTYPE b> </a> --></a>"),
	  XML_FAULT_NONE, "" },

	{ "nothing", B(""), XML_FAULT_NOT_WELL_FORMED, "empty" },
	{ "only a byte order mark", B("\xef\xbb\xbf"), XML_FAULT_NOT_WELL_FORMED, "empty" },
	{ "only white space", B(" \n"), XML_FAULT_NOT_WELL_FORMED, "" },
	{ "only text", B("hello"), XML_FAULT_NOT_WELL_FORMED, "" },
	{ "an open element", B("<a>\n<b>\n</a>"), XML_FAULT_NOT_WELL_FORMED, "line 3" },
	{ "two roots", B("<a/><b/>"), XML_FAULT_NOT_WELL_FORMED, "" },
	{ "an attribute twice", B("<a b='1' b='2'/>"), XML_FAULT_NOT_WELL_FORMED, "redefined" },
	{ "an attribute twice by two prefixes",
	  B("<a xmlns:x='u:1' xmlns:y='u:1' x:b='1' y:b='2'/>"), XML_FAULT_NOT_WELL_FORMED, "" },
	{ "an undeclared prefix", B("<p:a/>"), XML_FAULT_NOT_WELL_FORMED, "prefix" },
	{ "an undeclared prefix on an attribute", B("<a p:b='1'/>"), XML_FAULT_NOT_WELL_FORMED,
	  "prefix" },
	{ "a prefix bound to nothing", B("<a xmlns:p=''/>"), XML_FAULT_NOT_WELL_FORMED, "" },
	{ "a raw ampersand", B("<a>&</a>"), XML_FAULT_NOT_WELL_FORMED, "" },
	{ "an entity nobody declared", B("<a>&nbsp;</a>"), XML_FAULT_NOT_WELL_FORMED, "nbsp" },
	{ "a reference to NUL", B("<a>&#0;</a>"), XML_FAULT_NOT_WELL_FORMED, "" },
	{ "less-than in a value", B("<a b='<'/>"), XML_FAULT_NOT_WELL_FORMED, "" },
	{ "the end of CDATA in text", B("<a>]]></a>"), XML_FAULT_NOT_WELL_FORMED, "" },
	{ "two hyphens in a comment", B("<a><!-- -- --></a>"), XML_FAULT_NOT_WELL_FORMED, "" },
	{ "an XML declaration behind white space", B(" <?xml version='1.0'?><a/>"),
	  XML_FAULT_NOT_WELL_FORMED, "" },
	{ "an XML declaration without end", B("<?xml version='1.0' <a/>"),
	  XML_FAULT_NOT_WELL_FORMED, "" },
	{ "version 1.1", B("<?xml version=\"1.1\"?><a/>"), XML_FAULT_NOT_WELL_FORMED, "1.0" },
	{ "version 1.1 with blanks", B("<?xml\tversion =\n'1.1' ?><a/>"), XML_FAULT_NOT_WELL_FORMED,
	  "1.0" },
	{ "NUL inside", B("<a>\0</a>"), XML_FAULT_NOT_WELL_FORMED, "control" },
	{ "a control character", B("<a>\n\x1b</a>"), XML_FAULT_NOT_WELL_FORMED, "line 2" },
	{ "a control character behind eight plain ones", B("<a>12345678901\x01</a>"),
	  XML_FAULT_NOT_WELL_FORMED, "control" },
	{ "U+FFFF", B("<a>\xef\xbf\xbf</a>"), XML_FAULT_NOT_WELL_FORMED, "FFFF" },

	{ "UTF-16 with a mark, big end first", B("\xfe\xff\0<\0a\0/\0>"), XML_FAULT_NOT_UTF8,
	  "UTF-16" },
	{ "UTF-16 with a mark, little end first", B("\xff\xfe<\0a\0/\0>\0"), XML_FAULT_NOT_UTF8,
	  "UTF-16" },
	{ "UTF-16 without a mark", B("<\0a\0/\0>\0"), XML_FAULT_NOT_UTF8, "UTF-16" },
	{ "UTF-32", B("\0\0\0<\0\0\0a\0\0\0/\0\0\0>"), XML_FAULT_NOT_UTF8, "UTF-32" },
	{ "UTF-16 declared, ASCII sent", B("<?xml version='1.0' encoding='UTF-16'?><a/>"),
	  XML_FAULT_NOT_UTF8, "declared" },
	{ "UTF-7", B("<?xml version='1.0' encoding=\"UTF-7\"?>+ADw-a/+AD4-"), XML_FAULT_NOT_UTF8,
	  "declared" },
	{ "Latin-1 declared", B("<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>"),
	  XML_FAULT_NOT_UTF8, "" },
	{ "Latin-1 not declared", B("<a>caf\xe9</a>"), XML_FAULT_NOT_UTF8, "ill-formed" },
	{ "Latin-1 declared as UTF-8", B("<?xml version='1.0' encoding='UTF-8'?><a>\xe9t</a>"),
	  XML_FAULT_NOT_UTF8, "ill-formed" },
	{ "an overlong solidus", B("<a>\xc0\xaf</a>"), XML_FAULT_NOT_UTF8, "ill-formed" },
	{ "an overlong three-octet form", B("<a>\xe0\x80\xaf</a>"), XML_FAULT_NOT_UTF8, "" },
	{ "an overlong four-octet form", B("<a>\xf0\x80\x80\xaf</a>"), XML_FAULT_NOT_UTF8, "" },
	{ "a surrogate", B("<a>\xed\xa0\x80</a>"), XML_FAULT_NOT_UTF8, "" },
	{ "above U+10FFFF", B("<a>\xf4\x90\x80\x80</a>"), XML_FAULT_NOT_UTF8, "" },
	{ "a sequence cut by the end", B("<a>\xe2\x82"), XML_FAULT_NOT_UTF8, "" },
	{ "a continuation octet alone", B("<a>\x80</a>"), XML_FAULT_NOT_UTF8, "" },
	{ "EBCDIC", B("\x4c\x6f\xa7\x94\x93\x40\xa5\x85\x99"), XML_FAULT_NOT_UTF8, "" },

	{ "a bare DOCTYPE", B("<!DOCTYPE a><a/>"), XML_FAULT_DOCTYPE, "document type" },
	{ "DOCTYPE behind a comment", B("<!-- x --><!DOCTYPE a><a/>"), XML_FAULT_DOCTYPE, "" },
	{ "an external subset", B("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>"),
	  XML_FAULT_DOCTYPE, "" },
	{ "an external subset by http", B("<!DOCTYPE a PUBLIC 'x' 'http://127.0.0.1:9/x'><a/>"),
	  XML_FAULT_DOCTYPE, "" },
	{ "an external entity",
	  B("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>"), XML_FAULT_DOCTYPE,
	  "" },
	{ "an external entity by http",
	  B("<!DOCTYPE a [<!ENTITY x SYSTEM 'http://127.0.0.1:9/x'>]><a>&x;</a>"),
	  XML_FAULT_DOCTYPE, "" },
	{ "a parameter entity",
	  B("<!DOCTYPE a [<!ENTITY % x SYSTEM 'file:///etc/passwd'> %x;]><a/>"), XML_FAULT_DOCTYPE,
	  "" },
	{ "entities within entities",
	  B("<!DOCTYPE a [<!ENTITY x '1234567890'><!ENTITY y '&x;&x;&x;&x;&x;&x;&x;&x;'>"
	    "<!ENTITY z '&y;&y;&y;&y;&y;&y;&y;&y;'>]><a>&z;&z;&z;&z;&z;&z;&z;&z;</a>"),
	  XML_FAULT_DOCTYPE, "" },
	{ "a DOCTYPE that is broken inside", B("<!DOCTYPE a [<!ENTITY"), XML_FAULT_DOCTYPE, "" },
	{ "a stylesheet is not fetched", B("<?xml-stylesheet href='http://127.0.0.1:9/'?><a/>"),
	  XML_FAULT_NONE, "" },
	{ "a catalog is not fetched", B("<?oasis-xml-catalog catalog='http://127.0.0.1:9/'?><a/>"),
	  XML_FAULT_NONE, "" },
	{ "an inclusion is not followed",
	  B("<a xmlns:i='http://www.w3.org/2001/XInclude'><i:include href='/etc/passwd'/></a>"),
	  XML_FAULT_NONE, "" },
	{ "a schema location is not followed",
	  B("<a xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' "
	    "xsi:schemaLocation='u:1 http://127.0.0.1:9/x.xsd'/>"),
	  XML_FAULT_NONE, "" },
};

/* What libxml2 tried to open, of any scheme, while documents were parsed. */
static int opened;

static int watch_open(const char *url)
{
	(void)url;
	opened++;
	return 0;
}

static int nothing_read(void *context, char *buffer, int n)
{
	(void)context;
	(void)buffer;
	(void)n;
	return -1;
}

static void *nothing_opened(const char *url)
{
	(void)url;
	return NULL;
}

static void check_doc(const struct doc_row *row)
{
	enum xml_fault fault = XML_FAULTS;
	struct err err = { 0 };
	xmlDoc *doc;
	int ret = xml_parse(row->bytes, NULL, &doc, &fault, &err);

	if (fault != row->fault || ret != (row->fault ? -1 : 0) || !doc != (row->fault != 0) ||
	    (ret < 0 && !strstr(err.text, row->says)))
		fail_msg("%s: %s, expected %s (\"%s\")", row->why, xml_fault_name(fault),
			 xml_fault_name(row->fault), err.text);
	xmlFreeDoc(doc);
}

static void documents_pass_or_are_refused_by_kind(void **state)
{
	(void)state;
	opened = 0;
	for (size_t i = 0; i < sizeof(doc_rows) / sizeof(doc_rows[0]); i++)
		check_doc(&doc_rows[i]);
	assert_int_equal(opened, 0);
}

static void every_prefix_of_a_document_is_refused(void **state)
{
	const struct strv whole = STRV("<?xml version='1.0' encoding='UTF-8'?>"
				       "<a xmlns:p='u:1' p:b=\"&#65;\"><!-- c --><p:c>\xc3\xa9"
				       "<![CDATA[x]]></p:c><?pi y?></a>");
	xmlDoc *doc;

	(void)state;
	for (size_t n = 0; n < whole.n; n++) {
		/* A copy of its own, so that a sanitizer sees a read behind the end. */
		char *copy = memcpy(malloc(n + 1), whole.p, n);

		assert_int_equal(xml_parse(strv_mem(copy, n), NULL, &doc, NULL, NULL), -1);
		assert_null(doc);
		free(copy);
	}
	assert_int_equal(xml_parse(whole, NULL, &doc, NULL, NULL), 0);
	xmlFreeDoc(doc);
}

/* ---- bounds ---- */

struct text {
	char *p;
	size_t n, size;
};

static void add(struct text *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *text, const char *fmt, ...)
{
	va_list ap;

	if (text->size - text->n < 256) {
		text->size = text->size * 2 + 4096;
		text->p = realloc(text->p, text->size);
		assert_non_null(text->p);
	}
	va_start(ap, fmt);
	text->n += (size_t)vsnprintf(text->p + text->n, text->size - text->n, fmt, ap);
	va_end(ap);
}

static void expect(struct text *text, const struct xml_limits *limits, enum xml_fault expected)
{
	enum xml_fault fault;
	struct err err = { 0 };
	xmlDoc *doc;

	xml_parse(strv_mem(text->p, text->n), limits, &doc, &fault, &err);
	if (fault != expected)
		fail_msg("%.40s...: %s, expected %s (%s)", text->p, xml_fault_name(fault),
			 xml_fault_name(expected), err.text);
	if (expected != XML_FAULT_NONE && expected != XML_FAULT_NOT_WELL_FORMED)
		assert_int_equal(err.code, ERR_LIMIT);
	xmlFreeDoc(doc);
	free(text->p);
	*text = (struct text){ 0 };
}

static void nested(struct text *text, unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		add(text, "<a>");
	for (unsigned i = 0; i < depth; i++)
		add(text, "</a>");
}

static void depth_is_bounded(void **state)
{
	static const struct xml_limits four = { .bytes = 100,
						.value_bytes = 100,
						.depth = 4,
						.attributes = 4,
						.namespaces = 4,
						.nodes = 100 };
	struct text text = { 0 };

	(void)state;
	nested(&text, 64);
	expect(&text, NULL, XML_FAULT_NONE);
	for (unsigned depth = 65; depth <= 100000; depth = depth * 12 / 5) {
		nested(&text, depth);
		expect(&text, NULL, XML_FAULT_TOO_DEEP);
	}
	nested(&text, 257);
	expect(&text, NULL, XML_FAULT_TOO_DEEP);
	nested(&text, 4);
	expect(&text, &four, XML_FAULT_NONE);
	nested(&text, 5);
	expect(&text, &four, XML_FAULT_TOO_DEEP);
	add(&text, "<a><b/><b/><b/><b/><b/><b/></a>");
	expect(&text, &four, XML_FAULT_NONE);
}

static void attributes(struct text *text, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		add(text, " a%u='x'", i);
}

static void attributes_of_one_element_are_bounded(void **state)
{
	static const unsigned many[] = { 65, 10000, 100000 };
	struct text text = { 0 };

	(void)state;
	add(&text, "<a><b");
	attributes(&text, 64);
	add(&text, "/><c");
	attributes(&text, 64);
	add(&text, "/></a>");
	expect(&text, NULL, XML_FAULT_NONE);
	for (size_t i = 0; i < 3; i++) {
		add(&text, "<a><b");
		attributes(&text, many[i]);
		add(&text, "/></a>");
		expect(&text, NULL, XML_FAULT_TOO_MANY_ATTRIBUTES);
	}
	add(&text, "<a");
	for (unsigned i = 0; i < 20000; i++)
		add(&text, " xmlns:n%u='u:%u'", i, i);
	add(&text, "/>");
	expect(&text, NULL, XML_FAULT_TOO_MANY_ATTRIBUTES);
	/* Values full of "=" are values. */
	add(&text, "<a b='");
	for (unsigned i = 0; i < 200; i++)
		add(&text, "x=\"1\" ");
	add(&text, "'>");
	for (unsigned i = 0; i < 200; i++)
		add(&text, "y='1' ");
	add(&text, "</a>");
	expect(&text, NULL, XML_FAULT_NONE);
}

/* What libxml2 thinks of the bytes behind an error need not be what a reader of the bytes thinks.
 * No confusion about comments, quotes or PIs may let a tag with many attributes reach it. */
static void attributes_cannot_be_hidden(void **state)
{
	static const char *const before[] = {
		"<a><!-- ",
		"<a><![CDATA[",
		"<a><? ",
		"<a><?1 ",
		"<a b='",
		"<a b=\"",
		"<a b=\"'\" c='",
		"<a ' ",
		"<a \" ",
		"<a><b c d=\"",
		"<a></b ' ",
		"<a>&x \"",
		"<a><!DOCTYPE",
		"<a><!x ' ",
		"<a><b ,c='",
		"<?xml version='1.0'?><?xml ",
		"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		struct text text = { 0 };

		add(&text, "%s<e", before[i]);
		attributes(&text, 100000);
		add(&text, ">");
		expect(&text, &(struct xml_limits){ 4000000, 4000000, 64, 64, 64, 400000 },
		       XML_FAULT_TOO_MANY_ATTRIBUTES);
	}
}

static void namespaces_in_scope_are_bounded(void **state)
{
	struct text text = { 0 };

	(void)state;
	for (int level = 0; level < 3; level++) {
		add(&text, "<a");
		for (int i = 0; i < 60; i++)
			add(&text, " xmlns:n%d-%d='u:%d'", level, i, i);
		add(&text, ">");
	}
	add(&text, "</a></a></a>");
	expect(&text, NULL, XML_FAULT_TOO_MANY_NAMESPACES);
	/* Out of scope, they count no more. */
	add(&text, "<r>");
	for (int level = 0; level < 5; level++) {
		add(&text, "<a");
		for (int i = 0; i < 60; i++)
			add(&text, " xmlns:n%d='u:%d'", i, i);
		add(&text, "/>");
	}
	add(&text, "</r>");
	expect(&text, NULL, XML_FAULT_NONE);
}

static void nodes_are_bounded(void **state)
{
	static const struct {
		const char *node;
		unsigned fits; /* of ten */
	} rows[] = {
		{ "<b/>", 9 },	{ "<b c=''/>", 4 },	{ "<!---->", 9 },
		{ "<?p?>", 9 }, { "<![CDATA[x]]>", 9 },
	};
	struct xml_limits ten = xml_limits_default;

	(void)state;
	ten.nodes = 10;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (unsigned more = 0; more < 2; more++) {
			struct text text = { 0 };

			add(&text, "<a>");
			for (unsigned k = 0; k < rows[i].fits + more; k++)
				add(&text, "%s", rows[i].node);
			add(&text, "</a>");
			expect(&text, &ten, more ? XML_FAULT_TOO_MANY_NODES : XML_FAULT_NONE);
		}
}

static void octets_are_bounded(void **state)
{
	static const struct xml_limits small = { .bytes = 20,
						 .value_bytes = 5,
						 .depth = 4,
						 .attributes = 4,
						 .namespaces = 4,
						 .nodes = 100 };
	struct text text = { 0 };

	(void)state;
	add(&text, "<a>12345678901234</a>");
	expect(&text, &small, XML_FAULT_TOO_LARGE);
	add(&text, "<a>1234567890123</a>");
	expect(&text, &small, XML_FAULT_NONE);
	add(&text, "<a b='12345'/>");
	expect(&text, &small, XML_FAULT_NONE);
	add(&text, "<a b='123456'/>");
	expect(&text, &small, XML_FAULT_TOO_LARGE);
	text.n = text.size = 11 * 1024 * 1024;
	text.p = memset(malloc(text.n), 'x', text.n);
	memcpy(text.p, "<a b='", 6);
	memcpy(text.p + text.n - 3, "'/>", 3);
	expect(&text, NULL, XML_FAULT_TOO_LARGE);
}

/* ---- fragments ---- */

struct fragment_row {
	const char *why;
	const char *bytes;
	enum xml_fault fault;
	const char *ns; /* of the element, when accepted; "" none */
};

/* libxml2 keeps an ampersand in a namespace name as a reference, in documents as in fragments. */
#define ODD_NS "urn:x?a=1&#38;b='"

static const struct xml_ns context[] = {
	{ { "", 0 }, B("urn:default") },
	{ B("p"), B("urn:x?a=1&b='") },
	{ B("xml"), B("http://www.w3.org/XML/1998/namespace") },
};

static const struct fragment_row fragment_rows[] = {
	{ "takes the default namespace", "<a/>", XML_FAULT_NONE, "urn:default" },
	{ "takes a prefix from outside", "<p:a><p:b/></p:a>", XML_FAULT_NONE, ODD_NS },
	{ "binds its own", "<p:a xmlns:p='urn:other'/>", XML_FAULT_NONE, "urn:other" },
	{ "undeclares the default", "<a xmlns=''/>", XML_FAULT_NONE, "" },
	{ "white space around it", " \r\n<a xml:lang='de'/>\t", XML_FAULT_NONE, "urn:default" },
	{ "nothing", "", XML_FAULT_NOT_ELEMENT, NULL },
	{ "white space only", "  ", XML_FAULT_NOT_ELEMENT, NULL },
	{ "text", "hello", XML_FAULT_NOT_ELEMENT, NULL },
	{ "two elements", "<a/><b/>", XML_FAULT_NOT_ELEMENT, NULL },
	{ "a comment in front", "<!-- c --><a/>", XML_FAULT_NOT_ELEMENT, NULL },
	{ "a comment behind", "<a/><!-- c -->", XML_FAULT_NOT_ELEMENT, NULL },
	{ "a PI in front", "<?p?><a/>", XML_FAULT_NOT_ELEMENT, NULL },
	{ "text behind", "<a/>x", XML_FAULT_NOT_ELEMENT, NULL },
	{ "a reference behind", "<a/>&#32;&#65;", XML_FAULT_NOT_ELEMENT, NULL },
	{ "CDATA in front", "<![CDATA[ ]]><a/>", XML_FAULT_NOT_ELEMENT, NULL },
	{ "an XML declaration", "<?xml version='1.0'?><a/>", XML_FAULT_NOT_WELL_FORMED, NULL },
	{ "a DOCTYPE", "<!DOCTYPE a><a/>", XML_FAULT_NOT_WELL_FORMED, NULL },
	{ "an unbound prefix", "<q:a/>", XML_FAULT_NOT_WELL_FORMED, NULL },
	{ "not closed", "<a>", XML_FAULT_NOT_WELL_FORMED, NULL },
	{ "closes what it did not open", "</a>", XML_FAULT_NOT_WELL_FORMED, NULL },
	{ "closes the element around it", "<a/></context><context>", XML_FAULT_NOT_WELL_FORMED,
	  NULL },
	{ "the same, with one element", "</context><context><a/>", XML_FAULT_NOT_WELL_FORMED,
	  NULL },
	{ "hides the end in a comment", "<a/></context><!--", XML_FAULT_NOT_WELL_FORMED, NULL },
	{ "not UTF-8", "<a>\xff</a>", XML_FAULT_NOT_UTF8, NULL },
};

static void check_fragment(const struct fragment_row *row)
{
	enum xml_fault fault = XML_FAULTS;
	struct err err = { 0 };
	xmlNode *elem;
	xmlDoc *doc;
	int ret = xml_parse_fragment(strv_of(row->bytes), context, 3, NULL, &doc, &elem, &fault,
				     &err);

	if (fault != row->fault || ret != (row->fault ? -1 : 0) || !doc != !elem ||
	    !elem != (row->fault != 0))
		fail_msg("%s: %s, expected %s (%s)", row->why, xml_fault_name(fault),
			 xml_fault_name(row->fault), err.text);
	if (elem)
		assert_string_equal(elem->ns ? (const char *)elem->ns->href : "", row->ns);
	else
		assert_true(err.text[0]);
	xmlFreeDoc(doc);
}

static void fragments_are_one_element_in_their_context(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(fragment_rows) / sizeof(fragment_rows[0]); i++)
		check_fragment(&fragment_rows[i]);
}

static void a_namespace_is_the_same_in_document_and_fragment(void **state)
{
	xmlDoc *doc;

	(void)state;
	assert_int_equal(xml_parse(STRV("<p:a xmlns:p=\"urn:x?a=1&amp;b='\"/>"), NULL, &doc, NULL,
				   NULL),
			 0);
	assert_string_equal(xmlDocGetRootElement(doc)->ns->href, ODD_NS);
	xmlFreeDoc(doc);
}

static void bounds_hold_for_the_fragment_alone(void **state)
{
	static const struct xml_limits limits = { .bytes = 30,
						  .value_bytes = 3,
						  .depth = 2,
						  .attributes = 2,
						  .namespaces = 3,
						  .nodes = 4 };
	static const struct fragment_row rows[] = {
		{ "two deep, four nodes", "<a b='1'><b c='1'/></a>", XML_FAULT_NONE, NULL },
		{ "three deep", "<a><b><c/></b></a>", XML_FAULT_TOO_DEEP, NULL },
		{ "five nodes", "<a><b/><b/><b/><b/></a>", XML_FAULT_TOO_MANY_NODES, NULL },
		{ "three attributes", "<a b='' c='' d=''/>", XML_FAULT_TOO_MANY_ATTRIBUTES, NULL },
		{ "too long", "<a>123456789012345678901234</a>", XML_FAULT_TOO_LARGE, NULL },
		{ "too many namespaces", "<a xmlns:b='x' xmlns:c='y'/>",
		  XML_FAULT_TOO_MANY_NAMESPACES, NULL },
	};
	enum xml_fault fault;
	xmlNode *elem;
	xmlDoc *doc;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		xml_parse_fragment(strv_of(rows[i].bytes), context, 3, &limits, &doc, &elem, &fault,
				   NULL);
		if (fault != rows[i].fault)
			fail_msg("%s: %s", rows[i].why, xml_fault_name(fault));
		xmlFreeDoc(doc);
	}
}

static void a_prefix_cannot_smuggle_markup(void **state)
{
	static const struct xml_ns bad = { B("p='u'/><x y"), B("u") };
	enum xml_fault fault;
	xmlNode *elem;
	xmlDoc *doc;

	(void)state;
	assert_int_equal(xml_parse_fragment(STRV("<a/>"), &bad, 1, NULL, &doc, &elem, &fault, NULL),
			 -1);
	assert_int_equal(fault, XML_FAULT_NOT_WELL_FORMED);
	assert_null(doc);
}

/* ---- schemas ---- */

static char schema_dir[] = "/tmp/test_xml.XXXXXX";

static const struct {
	const char *name, *text;
} schema_files[] = {
	{ "main.xsd", "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' xmlns:o='urn:other'"
		      " targetNamespace='urn:main' xmlns='urn:main' elementFormDefault='qualified'>"
		      "<xs:import namespace='urn:other' schemaLocation='other.xsd'/>"
		      "<xs:element name='r'><xs:complexType><xs:sequence>"
		      "<xs:element ref='e' maxOccurs='2'/><xs:element ref='o:x' minOccurs='0'/>"
		      "</xs:sequence></xs:complexType></xs:element>"
		      "<xs:element name='e'><xs:complexType><xs:attribute name='id' type='xs:ID'"
		      " use='required'/></xs:complexType></xs:element></xs:schema>" },
	{ "other.xsd", "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'"
		       " targetNamespace='urn:other'><xs:element name='x' type='xs:boolean'/>"
		       "<xs:complexType name='t'><xs:sequence><xs:element name='local'/>"
		       "</xs:sequence></xs:complexType></xs:schema>" },
	{ "broken.xsd", "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'>\n"
			"<xs:element name='x' type='nowhere'/></xs:schema>" },
	{ "malformed.xsd", "<xs:schema" },
	{ "outside.xsd", "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'>"
			 "<xs:import namespace='u:1' schemaLocation='../other.xsd'/></xs:schema>" },
	{ "network.xsd",
	  "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:import "
	  "namespace='u:1' schemaLocation='http://127.0.0.1:9/x.xsd'/></xs:schema>" },
	{ "dangling.xsd", "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:import "
			  "namespace='u:1' schemaLocation='nowhere.xsd'/></xs:schema>" },
};

enum { N_SCHEMA_FILES = sizeof(schema_files) / sizeof(schema_files[0]) };

static void in_schema_dir(char *path, size_t size, const char *name)
{
	snprintf(path, size, "%s/%s", schema_dir, name);
}

static int open_world(void **state)
{
	struct err err = { 0 };
	char path[128];

	(void)state;
	assert_non_null(mkdtemp(schema_dir));
	for (int i = 0; i < N_SCHEMA_FILES; i++) {
		FILE *file;

		in_schema_dir(path, sizeof(path), schema_files[i].name);
		file = fopen(path, "w");
		assert_non_null(file);
		fputs(schema_files[i].text, file);
		assert_int_equal(fclose(file), 0);
	}
	assert_int_equal(xml_init(schema_dir, &err), 0);
	xmlRegisterInputCallbacks(watch_open, nothing_opened, nothing_read, NULL);
	return 0;
}

static int close_world(void **state)
{
	char path[128];

	(void)state;
	for (int i = 0; i < N_SCHEMA_FILES; i++) {
		in_schema_dir(path, sizeof(path), schema_files[i].name);
		unlink(path);
	}
	rmdir(schema_dir);
	xml_fini();
	return 0;
}

static void schemas_that_cannot_be_loaded_say_why(void **state)
{
	static const struct {
		const char *file, *says;
	} rows[] = {
		{ "nothing.xsd", "nothing.xsd" },     { "broken.xsd", "broken.xsd line 2" },
		{ "malformed.xsd", "malformed.xsd" }, { "outside.xsd", "\"../other.xsd\"" },
		{ "network.xsd", "127.0.0.1" },	      { "dangling.xsd", "nowhere.xsd" },
		{ "../x.xsd", "\"../x.xsd\"" },	      { "/etc/passwd", "plain file name" },
	};
	struct xml_schema *schema;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err err = { 0 };

		assert_int_equal(xml_schema_load(rows[i].file, &schema, &err), -1);
		assert_null(schema);
		if (!strstr(err.text, rows[i].says))
			fail_msg("%s: %s", rows[i].file, err.text);
	}
}

static void the_schema_folder_is_named_when_it_is_missing(void **state)
{
	struct xml_schema *schema;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(xml_init("/nonexistent/schema", &err), 0);
	assert_int_equal(xml_schema_load("main.xsd", &schema, &err), -1);
	assert_non_null(strstr(err.text, "/nonexistent/schema"));
	assert_non_null(strstr(err.text, "OPENCPM_SCHEMA_DIR"));
	setenv("OPENCPM_SCHEMA_DIR", schema_dir, 1);
	assert_int_equal(xml_init(NULL, &err), 0);
	assert_int_equal(xml_schema_load("main.xsd", &schema, &err), 0);
	xml_schema_free(&schema);
	unsetenv("OPENCPM_SCHEMA_DIR");
	assert_int_equal(xml_init(schema_dir, &err), 0);
}

static int valid(const struct xml_schema *schema, const char *text, struct err *err)
{
	xmlDoc *doc;
	int ret;

	assert_int_equal(xml_parse(strv_of(text), NULL, &doc, NULL, err), 0);
	ret = xml_schema_valid(schema, doc, err);
	xmlFreeDoc(doc);
	return ret;
}

static int valid_element(const struct xml_schema *schema, const char *text, struct err *err)
{
	static const struct xml_ns main_ns = { { "", 0 }, B("urn:main") };
	xmlNode *elem;
	xmlDoc *doc;
	int ret;

	assert_int_equal(xml_parse_fragment(strv_of(text), &main_ns, 1, NULL, &doc, &elem, NULL,
					    err),
			 0);
	ret = xml_schema_valid_element(schema, elem, err);
	xmlFreeDoc(doc);
	return ret;
}

static void documents_and_elements_are_validated(void **state)
{
	struct xml_schema *schema;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(xml_schema_load("main.xsd", &schema, &err), 0);
	assert_int_equal(valid(schema, "<r xmlns='urn:main'><e id='a'/></r>", &err), 1);
	assert_int_equal(valid(schema,
			       "<r xmlns='urn:main'><e id='a'/><x xmlns='urn:other'>1</x></r>",
			       &err),
			 1);
	assert_int_equal(valid(schema, "<r xmlns='urn:main'>\n<e/></r>", &err), 0);
	assert_non_null(strstr(err.text, "line 2"));
	assert_non_null(strstr(err.text, "'id'"));
	assert_int_equal(err.code, ERR_SYNTAX);
	assert_int_equal(valid(schema, "<r xmlns='urn:main'><e id='a'/><e id='a'/></r>", &err), 0);
	assert_int_equal(valid(schema,
			       "<r xmlns='urn:main'><e id='a'/><x xmlns='urn:other'>2</x></r>",
			       &err),
			 0);
	assert_int_equal(valid(schema, "<z xmlns='urn:main'/>", &err), 0);

	assert_int_equal(valid_element(schema, "<e id='a'/>", &err), 1);
	assert_int_equal(valid_element(schema, "<x xmlns='urn:other'> true </x>", &err), 1);
	assert_int_equal(valid_element(schema, "<e id='1'/>", &err), 0);
	assert_int_equal(valid_element(schema, "<e id='a' more=''/>", &err), 0);
	assert_int_equal(valid_element(schema, "<z/>", &err), 0);

	assert_int_equal(xml_schema_declares(schema, "urn:main", "e"), 1);
	assert_int_equal(xml_schema_declares(schema, "urn:other", "x"), 1);
	assert_int_equal(xml_schema_declares(schema, "urn:main", "x"), 0);
	assert_int_equal(xml_schema_declares(schema, "urn:other", "local"), 0);
	assert_int_equal(xml_schema_covers(schema, "urn:other"), 1);
	assert_int_equal(xml_schema_covers(schema, "urn:third"), 0);
	xml_schema_free(&schema);
	assert_null(schema);
	xml_schema_free(&schema);
}

/* ---- threads ---- */

struct share {
	const struct xml_schema *schema;
	int wrong;
};

static void *validate_often(void *data)
{
	struct share *share = data;
	struct err err;

	for (int i = 0; i < 300; i++) {
		share->wrong +=
			valid(share->schema, "<r xmlns='urn:main'><e id='a'/></r>", &err) != 1;
		share->wrong += valid(share->schema, "<r xmlns='urn:main'><e/></r>", &err) != 0;
		share->wrong += valid_element(share->schema, "<e id='a'/>", &err) != 1;
		share->wrong += xml_schema_declares(share->schema, "urn:main", "e") != 1;
	}
	return NULL;
}

/* Also: what is wrong with a document goes into err and nowhere else, whatever the thread. */
static void threads_share_a_schema_in_silence(void **state)
{
	struct share shares[4] = { { 0 } };
	pthread_t threads[4];
	struct xml_schema *schema;
	struct err err = { 0 };
	FILE *heard = tmpfile();
	int saved = dup(STDERR_FILENO);
	long said;

	(void)state;
	assert_non_null(heard);
	assert_int_equal(xml_schema_load("main.xsd", &schema, &err), 0);
	dup2(fileno(heard), STDERR_FILENO);
	for (int i = 0; i < 4; i++) {
		shares[i].schema = schema;
		pthread_create(&threads[i], NULL, validate_often, &shares[i]);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < sizeof(doc_rows) / sizeof(doc_rows[0]); i++)
		check_doc(&doc_rows[i]);
	dup2(saved, STDERR_FILENO);
	close(saved);
	said = lseek(fileno(heard), 0, SEEK_END);
	fclose(heard);
	xml_schema_free(&schema);
	for (int i = 0; i < 4; i++)
		assert_int_equal(shares[i].wrong, 0);
	assert_int_equal(said, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_pass_or_are_refused_by_kind),
		cmocka_unit_test(every_prefix_of_a_document_is_refused),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(attributes_of_one_element_are_bounded),
		cmocka_unit_test(attributes_cannot_be_hidden),
		cmocka_unit_test(namespaces_in_scope_are_bounded),
		cmocka_unit_test(nodes_are_bounded),
		cmocka_unit_test(octets_are_bounded),
		cmocka_unit_test(fragments_are_one_element_in_their_context),
		cmocka_unit_test(a_namespace_is_the_same_in_document_and_fragment),
		cmocka_unit_test(bounds_hold_for_the_fragment_alone),
		cmocka_unit_test(a_prefix_cannot_smuggle_markup),
		cmocka_unit_test(schemas_that_cannot_be_loaded_say_why),
		cmocka_unit_test(the_schema_folder_is_named_when_it_is_missing),
		cmocka_unit_test(documents_and_elements_are_validated),
		cmocka_unit_test(threads_share_a_schema_in_silence),
	};

	return cmocka_run_group_tests(tests, open_world, close_world);
}
