/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/xdms/test_xcap_edit.c - PUT and DELETE of nodes by the book: RFC 4825 s8.2.3's examples and
 * every other row of its rules, what is refused and why, patches as text
 */
#include "xdms/xcap_edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/xml.h"
#include "tests/xdms/doc_check.h"
#include "xdms/xcap_diff.h"

#define QUERY "xmlns(p=urn:p)xmlns(q=urn:q)"

/* The document of RFC 4825 s8.2.3. */
#define RFC_HEAD "<?xml version=\"1.0\"?>\n<root>\n <el1 att=\"first\"/>"
#define RFC_MID	 "\n <el1 att=\"second\"/>"
#define RFC_TAIL "\n <!-- comment -->\n <el2 att=\"first\"/>"
#define RFC	 RFC_HEAD RFC_MID RFC_TAIL "\n</root>"

struct row {
	const char *why, *doc, *sel, *body; /* body NULL: DELETE */
	const char *want;		    /* the document afterwards; NULL: refused */
	enum xcap_fault_kind fault;
};

static const struct row rows[] = {
	{ "RFC: third el1 by attribute", RFC, "root/el1[@att=\"third\"]", "<el1 att=\"third\"/>",
	  RFC_HEAD RFC_MID "<el1 att=\"third\"/>" RFC_TAIL "\n</root>", 0 },
	{ "RFC: the same by position", RFC, "root/el1[3][@att=\"third\"]", "<el1 att=\"third\"/>",
	  RFC_HEAD RFC_MID "<el1 att=\"third\"/>" RFC_TAIL "\n</root>", 0 },
	{ "RFC: the same by position among all", RFC, "root/*[3][@att=\"third\"]",
	  "<el1 att=\"third\"/>", RFC_HEAD RFC_MID "<el1 att=\"third\"/>" RFC_TAIL "\n</root>", 0 },
	{ "RFC: a name of its own goes last", RFC, "root/el3", "<el3 att=\"first\"/>",
	  RFC_HEAD RFC_MID RFC_TAIL "\n<el3 att=\"first\"/></root>", 0 },
	{ "RFC: el2 by attribute", RFC, "root/el2[@att=\"2\"]", "<el2 att=\"2\"/>",
	  RFC_HEAD RFC_MID RFC_TAIL "<el2 att=\"2\"/>\n</root>", 0 },
	{ "RFC: the same by position", RFC, "root/el2[2][@att=\"2\"]", "<el2 att=\"2\"/>",
	  RFC_HEAD RFC_MID RFC_TAIL "<el2 att=\"2\"/>\n</root>", 0 },
	{ "RFC: second among all", RFC, "root/*[2][@att=\"2\"]", "<el2 att=\"2\"/>",
	  RFC_HEAD "<el2 att=\"2\"/>" RFC_MID RFC_TAIL "\n</root>", 0 },
	{ "RFC: before the first el2", RFC, "root/el2[1][@att=\"2\"]", "<el2 att=\"2\"/>",
	  RFC_HEAD RFC_MID "\n <!-- comment -->\n <el2 att=\"2\"/><el2 att=\"first\"/>\n</root>",
	  0 },

	{ "name, no sibling of it", "<a><b/> </a>", "a/c", "<c/>", "<a><b/> <c/></a>", 0 },
	{ "name[1], no sibling of it", "<a><b/> </a>", "a/c[1]", "<c/>", "<a><b/> <c/></a>", 0 },
	{ "name[1][@], no sibling of it", "<a><b/> </a>", "a/c[1][@d='1']", "<c d='1'/>",
	  "<a><b/> <c d='1'/></a>", 0 },
	{ "name[@], no sibling of it", "<a><b/> </a>", "a/c[@d='1']", "<c d='1'/>",
	  "<a><b/> <c d='1'/></a>", 0 },
	{ "name[@] behind the last of its name", "<a><c/><b/><c/> <b/></a>", "a/c[@d='1']",
	  "<c d='1'/>", "<a><c/><b/><c/><c d='1'/> <b/></a>", 0 },
	{ "name[2] behind the first", "<a><c/> <!--x--><b/></a>", "a/c[2]", "<c d='1'/>",
	  "<a><c/><c d='1'/> <!--x--><b/></a>", 0 },
	{ "name[2][@] between", "<a><c/> <c/></a>", "a/c[2][@d='1']", "<c d='1'/>",
	  "<a><c/><c d='1'/> <c/></a>", 0 },
	{ "*, no elements", "<a> t<!--x--></a>", "a/*", "<c/>", "<a> t<!--x--><c/></a>", 0 },
	{ "*, an empty-element tag", "<a/>", "a/*", "<c/>", "<a><c/></a>", 0 },
	{ "*[1], no elements", "<a></a>", "a/*[1]", "<c/>", "<a><c/></a>", 0 },
	{ "*[@], no sibling of the body's name", "<a><b/> </a>", "a/*[@d='1']", "<c d='1'/>",
	  "<a><b/> <c d='1'/></a>", 0 },
	{ "*[@], behind the last of the body's name", "<a><c/> <b/></a>", "a/*[@d='1']",
	  "<c d='1'/>", "<a><c/><c d='1'/> <b/></a>", 0 },
	{ "*[1][@] before all", "<a> <b/><c/></a>", "a/*[1][@d='1']", "<c d='1'/>",
	  "<a> <c d='1'/><b/><c/></a>", 0 },
	{ "*[n] behind the one before", "<a><b/> <b/> </a>", "a/*[3]", "<c/>",
	  "<a><b/> <b/><c/> </a>", 0 },
	{ "*[n] past the end", "<a><b/></a>", "a/*[3]", "<c/>", NULL, XCAP_CANNOT_INSERT },
	{ "name[n] past the end", "<a><b/><b/></a>", "a/c[2]", "<c/>", NULL, XCAP_CANNOT_INSERT },
	{ "position zero", "<a><b/></a>", "a/b[0]", "<b/>", NULL, XCAP_CANNOT_INSERT },
	{ "the spelling of the parent's tag stays", "<a ><b\n/></a >", "a/b/c", "<c/>",
	  "<a ><b\n><c/></b></a >", 0 },
	{ "white space around the body is dropped", "<a></a>", "a/b", "\r\n <b/>\n", "<a><b/></a>",
	  0 },
	{ "declarations of the body stay", "<a xmlns:p='urn:p'></a>", "a/p:b",
	  "<p:b xmlns:p='urn:p' xmlns='' />",
	  "<a xmlns:p='urn:p'><p:b xmlns:p='urn:p' xmlns='' /></a>", 0 },
	{ "a prefix of the document in the body", "<a xmlns:z='urn:p'></a>", "a/p:b", "<z:b/>",
	  "<a xmlns:z='urn:p'><z:b/></a>", 0 },
	{ "an ambiguous last step", "<a><b/><b/></a>", "a/b", "<b/>", NULL, XCAP_CANNOT_INSERT },
	{ "an ambiguous attribute", "<a><b c='1'/><b c='1'/></a>", "a/b[@c='1']", "<b c='1'/>",
	  NULL, XCAP_CANNOT_INSERT },
	{ "another name than the selector's", "<a/>", "a/b", "<c/>", NULL, XCAP_CANNOT_INSERT },
	{ "another namespace than the selector's", "<a/>", "a/b", "<b xmlns='urn:p'/>", NULL,
	  XCAP_CANNOT_INSERT },
	{ "another attribute value than the selector's", "<a/>", "a/b[@c='1']", "<b c='2'/>", NULL,
	  XCAP_CANNOT_INSERT },
	{ "a second root element", "<a/>", "b", "<b/>", NULL, XCAP_CANNOT_INSERT },
	{ "a second root element by position", "<a/>", "*[2]", "<b/>", NULL, XCAP_CANNOT_INSERT },

	{ "replaced", "<a> <b>x</b> </a>", "a/b", "<b c='1'/>", "<a> <b c='1'/> </a>", 0 },
	{ "replaced by position, another name", "<a><b/></a>", "a/*[1]", "<c/>", "<a><c/></a>", 0 },
	{ "replaced by name, another name", "<a><b/></a>", "a/b[1]", "<c/>", NULL,
	  XCAP_CANNOT_INSERT },
	{ "RFC s7.4: the attribute that selects it changes", "<a><b c='1'/></a>", "a/b[@c='1']",
	  "<b c='2'/>", NULL, XCAP_CANNOT_INSERT },
	{ "a replacement that makes two", "<a><b c='1'/><b/></a>", "a/*[1]", "<b c='2'/>",
	  "<a><b c='2'/><b/></a>", 0 },
	{ "the root element", "<!--x--><a/>\n", "a", "<a><b/></a>", "<!--x--><a><b/></a>\n", 0 },
	{ "the root element, another name", "<a/>", "a", "<b/>", NULL, XCAP_CANNOT_INSERT },
	{ "the root element by wildcard, another name", "<a/>", "*", "<b/>", "<b/>", 0 },
	{ "an equal value in another spelling", "<a><b c='&#x31;'/></a>", "a/b[@c='1']",
	  "<b c=\"&#49;\"/>", "<a><b c=\"&#49;\"/></a>", 0 },

	{ "no parent", "<a><b/></a>", "a/c/d", "<d/>", NULL, XCAP_NO_PARENT },
	{ "an ambiguous parent", "<a><b/><b/></a>", "a/b/c", "<c/>", NULL, XCAP_NO_PARENT },
	{ "no parent wins over a broken body", "<a/>", "a/b/c", "<", NULL, XCAP_NO_PARENT },
	{ "another root element", "<a/>", "b/c", "<c/>", NULL, XCAP_NO_PARENT },
	{ "two elements", "<a/>", "a/b", "<b/><b/>", NULL, XCAP_NOT_XML_FRAG },
	{ "text around", "<a/>", "a/b", "x<b/>", NULL, XCAP_NOT_XML_FRAG },
	{ "not balanced", "<a/>", "a/b", "<b>", NULL, XCAP_NOT_XML_FRAG },
	{ "out and in again", "<a/>", "a/b", "<b/></a><a><b/>", NULL, XCAP_NOT_XML_FRAG },
	{ "an unbound prefix", "<a/>", "a/b", "<z:b/>", NULL, XCAP_NOT_XML_FRAG },
	{ "a DOCTYPE", "<a/>", "a/b", "<!DOCTYPE b><b/>", NULL, XCAP_NOT_XML_FRAG },
	{ "an XML declaration", "<a/>", "a/b", "<?xml version='1.0'?><b/>", NULL,
	  XCAP_NOT_XML_FRAG },
	{ "nothing", "<a/>", "a/b", "", NULL, XCAP_NOT_XML_FRAG },
	{ "not UTF-8", "<a/>", "a/b", "<b>\xe9</b>", NULL, XCAP_NOT_UTF8 },

	{ "attribute replaced", "<a><b c='1' d = '2'/></a>", "a/b/@d", "\"3\"",
	  "<a><b c='1' d = \"3\"/></a>", 0 },
	{ "attribute created", "<a><b c='1' /></a>", "a/b/@d", "'2'", "<a><b c='1' d='2' /></a>",
	  0 },
	{ "attribute of a tag without any", "<a><b></b></a>", "a/b/@d", "\"2\"",
	  "<a><b d=\"2\"></b></a>", 0 },
	{ "attribute of the root", "<a/>", "a/@d", "\"2\"", "<a d=\"2\"/>", 0 },
	{ "bare value", "<a/>", "a/@d", "sip:x@y", "<a d=\"sip:x@y\"/>", 0 },
	{ "bare value with quotes", "<a/>", "a/@d", "x\"y", "<a d='x\"y'/>", 0 },
	{ "bare value with both quotes", "<a/>", "a/@d", "x\"y'z", "<a d='x\"y&apos;z'/>", 0 },
	{ "empty value", "<a/>", "a/@d", "\"\"", "<a d=\"\"/>", 0 },
	{ "empty bare value", "<a/>", "a/@d", "", "<a d=\"\"/>", 0 },
	{ "white space around the quotes", "<a/>", "a/@d", "\"1\"\r\n", "<a d=\"1\"/>", 0 },
	{ "references are kept", "<a/>", "a/@d", "\"&lt;&amp;\"", "<a d=\"&lt;&amp;\"/>", 0 },
	{ "less-than sign", "<a/>", "a/@d", "\"<\"", NULL, XCAP_NOT_XML_ATT_VALUE },
	{ "bare ampersand", "<a/>", "a/@d", "a&b", NULL, XCAP_NOT_XML_ATT_VALUE },
	{ "a quote inside", "<a/>", "a/@d", "\"x\"y\"", NULL, XCAP_NOT_XML_ATT_VALUE },
	{ "value not UTF-8", "<a/>", "a/@d", "\"\xff\"", NULL, XCAP_NOT_UTF8 },
	{ "RFC s7.7: the attribute that selects", "<a><b c='1'/></a>", "a/b[@c='1']/@c", "\"2\"",
	  NULL, XCAP_CANNOT_INSERT },
	{ "the same with the same value", "<a><b c='1'/></a>", "a/b[@c='1']/@c", "\"1\"",
	  "<a><b c=\"1\"/></a>", 0 },
	{ "an attribute of no element", "<a/>", "a/b/@c", "\"1\"", NULL, XCAP_NO_PARENT },
	{ "a declaration is no attribute", "<a/>", "a/@xmlns", "\"urn:x\"", NULL,
	  XCAP_CANNOT_INSERT },
	{ "a prefix that is bound", "<a xmlns:z='urn:p'><b/></a>", "a/b/@p:c", "\"1\"",
	  "<a xmlns:z='urn:p'><b z:c=\"1\"/></a>", 0 },
	{ "a prefix that is not bound", "<a><b/></a>", "a/b/@p:c", "\"1\"",
	  "<a><b xmlns:p=\"urn:p\" p:c=\"1\"/></a>", 0 },
	{ "a prefix that means something else", "<p:a xmlns:p='urn:q'/>", "q:a/@p:c", "\"1\"",
	  "<p:a xmlns:p='urn:q' xmlns:ns1=\"urn:p\" ns1:c=\"1\"/>", 0 },
	{ "a default namespace is no prefix", "<a xmlns='urn:p'/>", "p:a/@p:c", "\"1\"",
	  "<a xmlns='urn:p' xmlns:p=\"urn:p\" p:c=\"1\"/>", 0 },
	{ "the same attribute under another prefix", "<a xmlns:z='urn:p' z:c='0'/>", "a/@p:c",
	  "\"1\"", "<a xmlns:z='urn:p' z:c=\"1\"/>", 0 },
	{ "xml:lang", "<a/>", "a/@xml:lang", "\"de\"", "<a xml:lang=\"de\"/>", 0 },

	{ "white space stays", "<a> <b/> </a>", "a/b", NULL, "<a>  </a>", 0 },
	{ "the last by name and position", "<a><b/><b/><c/></a>", "a/b[2]", NULL, "<a><b/><c/></a>",
	  0 },
	{ "not the last by name and position", "<a><b/><b/></a>", "a/b[1]", NULL, NULL,
	  XCAP_CANNOT_DELETE },
	{ "not the last by position", "<a><b/><c/></a>", "a/*[1]", NULL, NULL, XCAP_CANNOT_DELETE },
	{ "the last by position", "<a><b/><c/></a>", "a/*[2]", NULL, "<a><b/></a>", 0 },
	{ "position and attribute", "<a><b c='1'/><b c='2'/></a>", "a/b[1][@c='1']", NULL,
	  "<a><b c='2'/></a>", 0 },
	{ "the same attribute behind it", "<a><b c='1'/><b c='1'/></a>", "a/b[1][@c='1']", NULL,
	  NULL, XCAP_CANNOT_DELETE },
	{ "the root element", "<a/>", "a", NULL, NULL, XCAP_SCHEMA_VALIDATION_ERROR },
	{ "the tags around nothing stay two", "<a><b/></a>", "a/b", NULL, "<a></a>", 0 },
	{ "no end of CDATA comes about", "<a>]]<b/>></a>", "a/b", NULL, "<a>]]&gt;</a>", 0 },
	{ "nor with one bracket behind", "<a>]<b/>]></a>", "a/b", NULL, "<a>]]&gt;</a>", 0 },
	{ "attribute", "<a><b c='1'\n d='2' e='3'/></a>", "a/b/@d", NULL, "<a><b c='1' e='3'/></a>",
	  0 },
	{ "the attribute that selects", "<a><b c='1'/></a>", "a/b[@c='1']/@c", NULL, "<a><b/></a>",
	  0 },
	{ "not there", "<a/>", "a/b", NULL, NULL, XCAP_FAULT_NONE },
	{ "not alone", "<a><b/><b/></a>", "a/b", NULL, NULL, XCAP_FAULT_NONE },
	{ "no such attribute", "<a/>", "a/@b", NULL, NULL, XCAP_FAULT_NONE },
	{ "a declaration cannot be selected", "<a xmlns:p='urn:p'/>", "a/@xmlns", NULL, NULL,
	  XCAP_FAULT_NONE },
};

struct request {
	struct arena *arena;
	struct xcap_doc *doc;
	struct xcap_sel sel;
	struct xcap_edit edit;
	struct xcap_fault fault;
	struct err err;
	int verdict;
};

static void ask(struct request *r, const char *doc, const char *sel, const char *query,
		const char *default_ns, const char *body, const struct xcap_limits *limits)
{
	memset(r, 0, sizeof(*r));
	r->arena = arena_new(0);
	if (xcap_doc_parse(strv_of(doc), NULL, &r->doc, &r->err) < 0 ||
	    xcap_sel_parse(strv_of(sel), strv_of(query), strv_of(default_ns), r->arena, &r->sel,
			   &r->err) < 0)
		fail_msg("%s: %s", sel, r->err.text);
	if (body)
		r->verdict = xcap_edit_put(r->doc, &r->sel, strv_of(body), limits, r->arena,
					   &r->edit, &r->fault, &r->err);
	else
		r->verdict = xcap_edit_delete(r->doc, &r->sel, limits, r->arena, &r->edit,
					      &r->fault, &r->err);
}

static void done(struct request *r)
{
	xcap_doc_drop(&r->doc);
	xcap_doc_drop(&r->edit.doc);
	arena_free(&r->arena);
}

static void by_the_book(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct request r;
		char *text;

		ask(&r, row->doc, row->sel, QUERY, "", row->body, NULL);
		if (!row->want) {
			int want = row->fault ? XCAP_REFUSED : XCAP_NOT_FOUND;

			if (r.verdict != want || r.fault.kind != row->fault || r.edit.doc)
				fail_msg("%s: %d %s", row->why, r.verdict,
					 xcap_fault_name(r.fault.kind));
			done(&r);
			continue;
		}
		if (r.verdict != XCAP_EDITED)
			fail_msg("%s: %d %s %.*s", row->why, r.verdict,
				 xcap_fault_name(r.fault.kind), STRV_ARG(r.fault.phrase));
		text = doc_text(r.edit.doc, NULL);
		if (strcmp(text, row->want) != 0)
			fail_msg("%s: %s", row->why, text);
		doc_check(r.edit.doc);
		free(text);
		done(&r);
	}
}

static void namespaces_are_read_only(void **state)
{
	struct request r;

	(void)state;
	ask(&r, "<a/>", "a/namespace::*", "", "", "<a/>", NULL);
	assert_int_equal(r.verdict, XCAP_NOT_ALLOWED);
	done(&r);
	ask(&r, "<a/>", "a/namespace::*", "", "", NULL, NULL);
	assert_int_equal(r.verdict, XCAP_NOT_ALLOWED);
	done(&r);
}

static void ancestors(void **state)
{
	static const struct {
		const char *sel, *ancestor;
	} cases[] = {
		{ "a/b[@c=\"1\"]/d/e", "a/b%5B@c=%221%22%5D" },
		{ "a/p:x/d/e", "a" },
		{ "z/d/e", "" },
		{ "a/b[@c=\"1\"]/p:y/z", "a/b%5B@c=%221%22%5D" },
		{ "a/p:f/g/@h", "a/p:f?xmlns(p=urn:p)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct request r;

		ask(&r, "<a><b c='1'/><f xmlns='urn:p'/></a>", cases[i].sel, QUERY, "", "x", NULL);
		assert_int_equal(r.verdict, XCAP_REFUSED);
		assert_int_equal(r.fault.kind, XCAP_NO_PARENT);
		assert_int_equal(r.fault.ancestor.n, strlen(cases[i].ancestor));
		assert_memory_equal(r.fault.ancestor.p ? r.fault.ancestor.p : "", cases[i].ancestor,
				    r.fault.ancestor.n);
		done(&r);
	}
}

static void limits(void **state)
{
	struct xcap_limits few = xcap_limits_default;
	struct request r;

	(void)state;
	few.nodes = 3;
	ask(&r, "<a><b/></a>", "a/c", "", "", "<c/>", &few);
	assert_int_equal(r.verdict, XCAP_EDITED);
	done(&r);
	ask(&r, "<a><b/></a>", "a/c", "", "", "<c><d/></c>", &few);
	assert_int_equal(r.verdict, XCAP_REFUSED);
	assert_int_equal(r.fault.kind, XCAP_LOCAL_LIMIT);
	assert_null(r.edit.doc);
	done(&r);
	few = xcap_limits_default;
	few.octets = 15;
	ask(&r, "<a><b/></a>", "a/c", "", "", "<c/>", &few);
	assert_int_equal(r.verdict, XCAP_EDITED);
	done(&r);
	ask(&r, "<a><b/></a>", "a/c", "", "", "<c />", &few);
	assert_int_equal(r.fault.kind, XCAP_LOCAL_LIMIT);
	done(&r);
	few = xcap_limits_default;
	few.depth = 3;
	ask(&r, "<a><b/></a>", "a/b/c", "", "", "<c/>", &few);
	assert_int_equal(r.verdict, XCAP_EDITED);
	done(&r);
	ask(&r, "<a><b/></a>", "a/b/c", "", "", "<c><d/></c>", &few);
	assert_int_equal(r.fault.kind, XCAP_LOCAL_LIMIT);
	done(&r);
	few = xcap_limits_default;
	few.attrs = 1;
	ask(&r, "<a b=''/>", "a/@c", "", "", "\"\"", &few);
	assert_int_equal(r.fault.kind, XCAP_LOCAL_LIMIT);
	done(&r);
	few.attr_octets = 1;
	ask(&r, "<a b=''/>", "a/@b", "", "", "\"xy\"", &few);
	assert_int_equal(r.fault.kind, XCAP_LOCAL_LIMIT);
	done(&r);
}

static void patches(void **state)
{
	static const struct {
		const char *why, *doc, *sel, *body, *want;
	} cases[] = {
		{ "very last", "<a xmlns='urn:d'><b/></a>", "a/c", "<c/>",
		  "<d:add xmlns=\"urn:d\" sel=\"*\"><c/></d:add>" },
		{ "behind", "<a xmlns='urn:d'><b/><b/><c/></a>", "a/b[@x='1']", "<b x='1'/>",
		  "<d:add xmlns=\"urn:d\" sel=\"*/*[2]\" pos=\"after\"><b x='1'/></d:add>" },
		{ "before", "<a xmlns='urn:d'><b/><c/></a>", "a/c[1][@x='1']", "<c x='1'/>",
		  "<d:add xmlns=\"urn:d\" sel=\"*/*[2]\" pos=\"before\"><c x='1'/></d:add>" },
		{ "replaced, deep", "<a xmlns='urn:d'><b/><b><c/></b></a>", "a/b[2]/c", "<c/>",
		  "<d:replace xmlns=\"urn:d\" sel=\"*/*[2]/*[1]\"><c/></d:replace>" },
		{ "removed", "<a xmlns='urn:d'><b/></a>", "a/b", NULL,
		  "<d:remove sel=\"*/*[1]\"/>" },
		{ "attribute created", "<a xmlns='urn:d'/>", "a/@b", "\"&lt;'&#10;\"",
		  "<d:add sel=\"*\" type=\"@b\">&lt;'&#10;</d:add>" },
		{ "attribute replaced", "<a xmlns='urn:d' b='1'/>", "a/@b", "\"2\"",
		  "<d:replace sel=\"*/@b\">2</d:replace>" },
		{ "attribute removed", "<a xmlns='urn:d' b='1'/>", "a/@b", NULL,
		  "<d:remove sel=\"*/@b\"/>" },
		{ "attribute with a new declaration", "<a xmlns='urn:d'/>", "a/@p:b", "\"2\"",
		  "<d:add xmlns:p=\"urn:p\" sel=\"*\" type=\"namespace::p\">urn:p</d:add>"
		  "<d:add xmlns:p=\"urn:p\" sel=\"*\" type=\"@p:b\">2</d:add>" },
		{ "all bindings of the place", "<a xmlns='urn:d' xmlns:q='urn:\"q'><b/></a>", "a/c",
		  "<c/>", "<d:add xmlns=\"urn:d\" xmlns:q=\"urn:&quot;q\" sel=\"*\"><c/></d:add>" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct request r;
		struct xcap_print print;

		ask(&r, cases[i].doc, cases[i].sel, QUERY, "urn:d", cases[i].body, NULL);
		assert_int_equal(r.verdict, XCAP_EDITED);
		print = (struct xcap_print){ .arena = r.arena };
		xcap_patch_print(&print, &r.edit.patch, STRV("d"));
		if (strcmp(xcap_print_end(&print).p, cases[i].want) != 0)
			fail_msg("%s: %s", cases[i].why, print.p);
		done(&r);
	}
}

static void diff_documents(void **state)
{
	struct request r;
	const struct xcap_patch *patch = &r.edit.patch;
	const struct xcap_ns *ns;
	struct strv text;
	xmlDoc *doc;

	(void)state;
	ask(&r, "<a xmlns='urn:d' xmlns:d='urn:x'/>", "a/b", "", "urn:d", "<b/>", NULL);
	assert_int_equal(xcap_spot_ns(&r.edit.spot, &ns), 0);
	{
		const struct xcap_diff_entry entries[] = {
			{ .sel = STRV("new"), .new_etag = STRV("1") },
			{ .sel = STRV("gone"), .previous_etag = STRV("1") },
			{ .sel = STRV("same"),
			  .previous_etag = STRV("1"),
			  .new_etag = STRV("2"),
			  .not_changed = 1 },
			{ .sel = STRV("edited"),
			  .previous_etag = STRV("1"),
			  .new_etag = STRV("2"),
			  .patch = &patch,
			  .n_patches = 1 },
			{ .kind = XCAP_DIFF_ELEMENT,
			  .sel = STRV("e"),
			  .exists = 1,
			  .content = STRV("<b/>"),
			  .ns = ns },
			{ .kind = XCAP_DIFF_ELEMENT, .sel = STRV("e2") },
			{ .kind = XCAP_DIFF_ATTR,
			  .sel = STRV("e/@a"),
			  .exists = 1,
			  .content = STRV("<&") },
		};

		text = xcap_diff_print(STRV("http://x/?&"), entries, 7, r.arena);
	}
	assert_string_equal(
		text.p,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<d1:xcap-diff xmlns:d1=\"urn:ietf:params:xml:ns:xcap-diff\" "
		"xcap-root=\"http://x/?&amp;\">"
		"<d1:document sel=\"new\" new-etag=\"1\"/>"
		"<d1:document sel=\"gone\" previous-etag=\"1\"/>"
		"<d1:document sel=\"same\" previous-etag=\"1\" new-etag=\"2\">"
		"<d1:body-not-changed/></d1:document>"
		"<d1:document sel=\"edited\" previous-etag=\"1\" new-etag=\"2\">"
		"<d1:add xmlns=\"urn:d\" xmlns:d=\"urn:x\" sel=\"*\"><b/></d1:add></d1:document>"
		"<d1:element xmlns=\"urn:d\" xmlns:d=\"urn:x\" sel=\"e\"><b/></d1:element>"
		"<d1:element sel=\"e2\" exists=\"false\"/>"
		"<d1:attribute sel=\"e/@a\">&lt;&amp;</d1:attribute>"
		"</d1:xcap-diff>\n");
	assert_int_equal(xml_parse(text, NULL, &doc, NULL, NULL), 0);
	xmlFreeDoc(doc);
	xcap_ns_drop(&ns);
	done(&r);
}

static void faults(void **state)
{
	struct arena *arena = arena_new(0);
	struct strv alt[] = { STRV("sip:a&b@x"), STRV("sip:c@x") };
	struct xcap_exists exists[] = { { STRV("rls-services/service%5B1%5D/@uri"), alt, 2 } };
	struct xcap_fault fault;
	xmlDoc *doc;

	(void)state;
	for (int kind = XCAP_NOT_WELL_FORMED; kind < XCAP_FAULTS; kind++) {
		struct strv text;

		xcap_fault_set(&fault, (enum xcap_fault_kind)kind, "line 1: \"<\x01\xff>\" & more",
			       arena);
		text = xcap_fault_print(&fault, arena);
		assert_int_equal(xml_parse(text, NULL, &doc, NULL, NULL), 0);
		assert_non_null(strstr(text.p, xcap_fault_name(fault.kind)));
		assert_non_null(
			strstr(text.p, "phrase=\"line 1: &quot;&lt;&gt;&quot; &amp; more\""));
		assert_int_equal(xcap_fault_status(fault.kind), 409);
		xmlFreeDoc(doc);
	}
	assert_int_equal(xcap_fault_status(XCAP_FAULT_NONE), 500);
	fault = (struct xcap_fault){ .kind = XCAP_UNIQUENESS_FAILURE,
				     .exists = exists,
				     .n_exists = 1 };
	assert_string_equal(
		xcap_fault_print(&fault, arena).p,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<xcap-error xmlns=\"urn:ietf:params:xml:ns:xcap-error\">"
		"<uniqueness-failure><exists field=\"rls-services/service%5B1%5D/@uri\">"
		"<alt-value>sip:a&amp;b@x</alt-value><alt-value>sip:c@x</alt-value></exists>"
		"</uniqueness-failure></xcap-error>\n");
	fault = (struct xcap_fault){ .kind = XCAP_NO_PARENT, .ancestor = STRV("a/b%5B1%5D") };
	assert_non_null(strstr(xcap_fault_print(&fault, arena).p,
			       "<no-parent><ancestor>a/b%5B1%5D</ancestor></no-parent>"));
	fault = (struct xcap_fault){ .kind = XCAP_LOCAL_LIMIT,
				     .phrase = STRV("too many"),
				     .limit_field = STRV("a/b"),
				     .limit_value = STRV("30") };
	assert_non_null(strstr(xcap_fault_print(&fault, arena).p,
			       "<extension><local-constraint-failure"
			       " xmlns=\"urn:oma:xml:xdm:xcap-error\" phrase=\"too many\">"
			       "<alt-value field=\"a/b\">30</alt-value>"
			       "</local-constraint-failure></extension>"));
	arena_free(&arena);
}

/* GET of nodes, on the document of RFC 4825 s6.4. */
static void reading(void **state)
{
	static const char *const doc_of_the_rfc =
		"<?xml version=\"1.0\"?>\n<foo xmlns=\"urn:test:default-namespace\">\n"
		"  <ns1:bar xmlns:ns1=\"urn:test:namespace1-uri\"\n"
		"           xmlns=\"urn:test:namespace1-uri\">\n"
		"    <baz/>\n    <ns2:baz a=\"&lt;'&quot;\" "
		"xmlns:ns2=\"urn:test:namespace2-uri\"/>\n"
		"  </ns1:bar>\n  <ns3:hi xmlns:ns3=\"urn:test:namespace3-uri\">\n    <there/>\n"
		"  </ns3:hi>\n</foo>";
	static const struct {
		const char *sel, *query, *want;
	} cases[] = {
		{ "foo/a:bar/b:baz",
		  "xmlns(a=urn:test:namespace1-uri)xmlns(b=urn:test:namespace1-uri)", "<baz/>" },
		{ "foo/a:bar/b:baz",
		  "xmlns(a=urn:test:namespace1-uri)xmlns(b=urn:test:namespace2-uri)",
		  "<ns2:baz a=\"&lt;'&quot;\" xmlns:ns2=\"urn:test:namespace2-uri\"/>" },
		{ "d:foo/a:bar/*[2]",
		  "xmlns(a=urn:test:namespace1-uri)xmlns(d=urn:test:default-namespace)",
		  "<ns2:baz a=\"&lt;'&quot;\" xmlns:ns2=\"urn:test:namespace2-uri\"/>" },
		{ "foo/*/*", "", NULL },
		{ "foo/bar", "", NULL },
		{ "foo/*[2]/there", "", "<there/>" },
	};
	struct arena *arena = arena_new(0);
	struct xcap_doc *doc;
	struct xcap_sel sel;
	struct xcap_spot spot;
	struct strv body;
	struct err err;

	(void)state;
	assert_int_equal(xcap_doc_parse(strv_of(doc_of_the_rfc), NULL, &doc, &err), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(xcap_sel_parse(strv_of(cases[i].sel), strv_of(cases[i].query),
						STRV("urn:test:default-namespace"), arena, &sel,
						&err),
				 0);
		assert_int_equal(xcap_doc_find(doc, &sel, &spot), cases[i].want != NULL);
		if (!cases[i].want)
			continue;
		body = xcap_spot_slice(&spot, arena);
		assert_true(strv_eq(body, strv_of(cases[i].want)));
	}
	/* s10: the bindings of the first baz. */
	assert_int_equal(xcap_child_nth(&spot, NULL, 1, &spot), 0);
	assert_int_equal(xcap_sel_parse(STRV("*/*[1]/*[1]"), STRV(""), STRV(""), arena, &sel, &err),
			 0);
	assert_int_equal(xcap_doc_find(doc, &sel, &spot), 1);
	assert_string_equal(xcap_spot_ns_body(&spot, arena).p,
			    "<baz xmlns:ns1=\"urn:test:namespace1-uri\""
			    " xmlns=\"urn:test:namespace1-uri\"/>");
	assert_string_equal(xcap_spot_print(&spot, STRV("urn:test:default-namespace"),
					    &(struct xcap_name){ STRV("urn:(x)"), STRV("a") },
					    arena)
				    .p,
			    "foo/n1:bar%5B1%5D/n1:baz%5B1%5D/@n2:a"
			    "?xmlns(n1=urn:test:namespace1-uri)xmlns(n2=urn:%5E(x%5E))");
	assert_int_equal(xcap_sel_parse(STRV("*/*[1]/*[2]/@a"), STRV(""), STRV(""), arena, &sel,
					&err),
			 0);
	assert_int_equal(xcap_attr_body(doc, &sel, 0, arena, &body), 1);
	assert_string_equal(body.p, "\"&lt;'&quot;\"");
	assert_int_equal(xcap_attr_body(doc, &sel, 1, arena, &body), 1);
	assert_string_equal(body.p, "&lt;'&quot;");
	assert_int_equal(xcap_sel_parse(STRV("*/*[1]/*[2]/@b"), STRV(""), STRV(""), arena, &sel,
					&err),
			 0);
	assert_int_equal(xcap_attr_body(doc, &sel, 0, arena, &body), 0);
	xcap_doc_drop(&doc);
	arena_free(&arena);
}

/* 5,000 siblings in many chunks, with wide ones among them, asked in every way. */
static void many_siblings(void **state)
{
	struct arena *arena = arena_new(0);
	struct xcap_spot list, at, other;
	struct xcap_doc *doc;
	struct err err;
	char *text;
	size_t n;
	FILE *to = open_memstream(&text, &n);

	(void)state;
	fprintf(to, "<a><l>");
	for (unsigned i = 1; i <= 5000; i++) {
		fprintf(to, "<%c id='%u' k='%u'>", "bcd"[i % 3], i, i);
		for (unsigned k = 0; i % 1000 == 0 && k < 300; k++)
			fprintf(to, "<x/>");
		fprintf(to, "</%c>\n", "bcd"[i % 3]);
	}
	fprintf(to, "</l></a>");
	fclose(to);
	assert_int_equal(xcap_doc_parse(strv_mem(text, n), NULL, &doc, &err), 0);
	doc_check(doc);
	xcap_doc_spot(doc, &list);
	assert_int_equal(xcap_child_nth(&list, NULL, 1, &list), 1);
	assert_int_equal(xcap_child_nth(&list, NULL, 1, &list), 1);
	assert_int_equal(xcap_child_count(&list, NULL), 5000);
	assert_int_equal(xcap_child_count(&list, &(struct xcap_name){ { 0 }, STRV("c") }), 1667);
	assert_int_equal(xcap_child_count(&list, &(struct xcap_name){ { 0 }, STRV("x") }), 0);
	assert_int_equal(xcap_child_nth(&list, NULL, 5001, &at), 0);
	assert_int_equal(xcap_child_nth(&list, NULL, 1, &at), 1);
	assert_int_equal(xcap_spot_sibling(&at, -1, &other), 0);
	for (unsigned i = 1; i <= 5000; i++) {
		const char name[] = { "bcd"[i % 3], 0 };
		struct xcap_name named = { { 0 }, strv_of(name) };
		char value[16];

		assert_int_equal(xcap_spot_position(&at), i);
		assert_true(xcap_name_eq(xcap_spot_name(&at), &named));
		sprintf(value, "%u", i);
		assert_int_equal(xcap_child_attr(&list, &named,
						 &(struct xcap_name){ { 0 }, STRV("id") },
						 strv_of(value), &other),
				 1);
		assert_true(xcap_spot_same(&at, &other));
		assert_int_equal(xcap_child_nth(&list, &named, (i + 2) / 3, &other), 1);
		assert_true(i % 3 == 1 ? xcap_spot_same(&at, &other) : 1);
		if (i % 97 == 0) { /* an attribute without a signature, any name */
			assert_int_equal(xcap_child_attr(&list, NULL,
							 &(struct xcap_name){ { 0 }, STRV("k") },
							 strv_of(value), &other),
					 1);
			assert_true(xcap_spot_same(&at, &other));
		}
		assert_int_equal(xcap_doc_spot_at(doc, xcap_spot_offset(&at), &other), 1);
		assert_true(xcap_spot_same(&at, &other));
		assert_int_equal(xcap_spot_sibling(&at, 1, &at), i < 5000);
	}
	assert_int_equal(xcap_doc_spot_at(doc, 1, &other), 0);
	assert_int_equal(xcap_doc_spot_at(doc, n, &other), 0);
	xcap_doc_drop(&doc);
	free(text);
	arena_free(&arena);
}

/* More names than a sum has room for. */
static void many_names(void **state)
{
	struct xcap_spot list, at;
	struct xcap_doc *doc;
	struct err err;
	char *text;
	size_t n;
	FILE *to = open_memstream(&text, &n);

	(void)state;
	fprintf(to, "<a>");
	for (unsigned i = 0; i < 1200; i++)
		fprintf(to, "<n%u/>", i % 400);
	fprintf(to, "</a>");
	fclose(to);
	assert_int_equal(xcap_doc_parse(strv_mem(text, n), NULL, &doc, &err), 0);
	doc_check(doc);
	xcap_doc_spot(doc, &list);
	assert_int_equal(xcap_child_nth(&list, NULL, 1, &list), 1);
	for (unsigned i = 0; i < 400; i++) {
		char name[16];
		struct xcap_name named = { { 0 }, { name, (size_t)sprintf(name, "n%u", i) } };

		assert_int_equal(xcap_child_count(&list, &named), 3);
		assert_int_equal(xcap_child_nth(&list, &named, 3, &at), 1);
		assert_int_equal(xcap_spot_position(&at), 801 + i);
		assert_int_equal(xcap_child_nth(&list, &named, 4, &at), 0);
	}
	xcap_doc_drop(&doc);
	free(text);
}

static void broken_documents(void **state)
{
	struct xcap_doc *doc;
	struct err err;

	(void)state;
	assert_int_equal(xcap_doc_parse(STRV(""), NULL, &doc, &err), -1);
	assert_int_equal(err.code, ERR_SYNTAX);
	assert_int_equal(xcap_doc_parse(STRV("<a>"), NULL, &doc, &err), -1);
	assert_int_equal(err.code, ERR_SYNTAX);
	assert_null(doc);
	assert_int_equal(xcap_doc_parse(STRV("\xef\xbb\xbf<a/>"), NULL, &doc, &err), 0);
	assert_int_equal(xcap_doc_octets(doc), 4);
	xcap_doc_drop(&doc);
}

/* Every allocation from the arena refused in turn: never more than an error. */
static void no_memory(void **state)
{
	static const char *const sels[] = { "a/b[2]/c", "a/b[1]/@p:x", "a/z/y" };

	(void)state;
	for (size_t max = 1; max < 12000; max += 97)
		for (size_t i = 0; i < 6; i++) {
			struct arena *arena = arena_new(max);
			struct xcap_doc *doc;
			struct xcap_edit edit = { 0 };
			struct xcap_fault fault;
			struct xcap_sel sel;
			struct err err = { 0 };
			int rc;

			assert_int_equal(xcap_doc_parse(STRV("<a><b/><b><c/></b></a>"), NULL, &doc,
							&err),
					 0);
			rc = xcap_sel_parse(strv_of(sels[i % 3]), STRV(QUERY), STRV(""), arena,
					    &sel, &err);
			if (rc == 0)
				rc = i < 3 ? xcap_edit_put(doc, &sel,
							   i == 1 ? STRV("\"&amp;\"")
								  : STRV("<c/>"),
							   NULL, arena, &edit, &fault, &err)
					   : xcap_edit_delete(doc, &sel, NULL, arena, &edit, &fault,
							      &err);
			if (rc < 0)
				assert_int_equal(err.code, ERR_NOMEM);
			xcap_doc_drop(&edit.doc);
			xcap_doc_drop(&doc);
			arena_free(&arena);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_the_book),	    cmocka_unit_test(namespaces_are_read_only),
		cmocka_unit_test(ancestors),	    cmocka_unit_test(limits),
		cmocka_unit_test(patches),	    cmocka_unit_test(diff_documents),
		cmocka_unit_test(faults),	    cmocka_unit_test(reading),
		cmocka_unit_test(many_siblings),    cmocka_unit_test(many_names),
		cmocka_unit_test(broken_documents), cmocka_unit_test(no_memory),
	};

	if (xml_init(NULL, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
