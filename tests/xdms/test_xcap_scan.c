/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/xdms/test_xcap_scan.c - the scanner beside libxml2, on a table and on random changes of it
 */
#include "xdms/xcap_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/xml.h"
#include "tests/xdms/scan_check.h"

static const struct {
	const char *why, *text;
	int accepted;
} documents[] = {
	{ "smallest", "<a/>", 1 },
	{ "declaration", "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone='yes' ?>\n<a></a>\n",
	  1 },
	{ "lower case encoding", "<?xml version='1.0' encoding='utf-8'?><a/>", 1 },
	{ "comments and PIs around", "<!-- - --><?p?><a/><?p ?\?><!---->\n", 1 },
	{ "attributes", "<a b='1' c=\"'&lt;&#10;&#x41;\" d = ''\n/>", 1 },
	{ "everything inside",
	  "<a>t<b/>&amp;<![CDATA[<x>]]]]><!--<c>--><?q <d>?><c ><e/></c\t>]]</a>", 1 },
	{ "default namespace", "<a xmlns='urn:1'><b xmlns=''><c/></b><d/></a>", 1 },
	{ "prefixes redeclared",
	  "<p:a xmlns:p='urn:1' p:x='' x=''><p:b xmlns:p='urn:2'/><p:c/></p:a>", 1 },
	{ "xml:lang", "<a xml:lang='de'/>", 1 },
	{ "xml declared as itself", "<a xmlns:xml='http://www.w3.org/XML/1998/namespace'/>", 1 },
	{ "a namespace with references", "<a xmlns='urn:a&amp;b' xmlns:p='urn:a&#38;b'><p:a/></a>",
	  1 },
	{ "a namespace that is no URI", "<a xmlns='urn:a\tb'><b/></a>", 0 },
	{ "line ends", "<a b='1\r\n2\r3'>\r\n</a>", 1 },
	{ "beyond ASCII", "<\xc3\x80 \xe3\x82\xa2='\xf0\x9f\x98\x80'>\xc2\x80</\xc3\x80>", 1 },
	{ "a greater-than sign in text", "<a b='>'>></a>", 1 },
	{ "quotes in text", "<a>\"'</a>", 1 },
	{ "delete is a character", "<a>\x7f</a>", 1 },
	{ "nothing", "", 0 },
	{ "text alone", "a", 0 },
	{ "two roots", "<a/><b/>", 0 },
	{ "text behind", "<a/>b", 0 },
	{ "text before", "b<a/>", 0 },
	{ "space before the declaration", " <?xml version='1.0'?><a/>", 0 },
	{ "declaration later", "<a><?xml version='1.0'?></a>", 0 },
	{ "PI named XML", "<a><?XML x?></a>", 0 },
	{ "PI with a colon", "<a><?a:b x?></a>", 0 },
	{ "PI without a target", "<a><? x?></a>", 0 },
	{ "XML 1.1", "<?xml version='1.1'?><a/>", 0 },
	{ "no version", "<?xml encoding='UTF-8'?><a/>", 0 },
	{ "Latin-1 declared", "<?xml version='1.0' encoding='ISO-8859-1'?><a/>", 0 },
	{ "DOCTYPE", "<!DOCTYPE a><a/>", 0 },
	{ "entities", "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", 0 },
	{ "not closed", "<a>", 0 },
	{ "closed twice", "<a></a></a>", 0 },
	{ "crossed", "<a><b></a></b>", 0 },
	{ "a longer end tag", "<a></ab>", 0 },
	{ "attribute twice", "<a b='' b=''/>", 0 },
	{ "attribute twice by namespace", "<a xmlns:p='urn:1' xmlns:q='urn:1' p:b='' q:b=''/>", 0 },
	{ "declared twice", "<a xmlns:p='urn:1' xmlns:p='urn:1'/>", 0 },
	{ "no space between attributes", "<a b=''c=''/>", 0 },
	{ "no value", "<a b/>", 0 },
	{ "no quotes", "<a b=1/>", 0 },
	{ "less-than in a value", "<a b='<'/>", 0 },
	{ "bare ampersand", "<a>&</a>", 0 },
	{ "bare ampersand in a value", "<a b='&'/>", 0 },
	{ "unknown entity", "<a>&nbsp;</a>", 0 },
	{ "reference to a control character", "<a>&#1;</a>", 0 },
	{ "reference to a surrogate", "<a>&#xD800;</a>", 0 },
	{ "reference beyond Unicode", "<a>&#x110000;</a>", 0 },
	{ "reference with a capital X", "<a>&#X41;</a>", 0 },
	{ "empty reference", "<a>&#;&#x;</a>", 0 },
	{ "control character", "<a>\x01</a>", 0 },
	{ "noncharacter", "<a>\xef\xbf\xbe</a>", 0 },
	{ "not UTF-8", "<a>\xff</a>", 0 },
	{ "surrogate", "<a>\xed\xa0\x80</a>", 0 },
	{ "overlong", "<a>\xc0\xaf</a>", 0 },
	{ "end of CDATA in text", "<a>]]></a>", 0 },
	{ "CDATA outside", "<![CDATA[]]><a/>", 0 },
	{ "CDATA not closed", "<a><![CDATA[]]</a>", 0 },
	{ "two hyphens in a comment", "<a><!-- -- --></a>", 0 },
	{ "three hyphens at the end", "<a><!-- ---></a>", 0 },
	{ "unbound prefix", "<p:a/>", 0 },
	{ "unbound prefix of an attribute", "<a p:b=''/>", 0 },
	{ "prefix out of scope", "<a><b xmlns:p='urn:1'/><p:c/></a>", 0 },
	{ "prefix undeclared", "<a xmlns:p=''/>", 0 },
	{ "xml bound to something else", "<a xmlns:xml='urn:1'/>", 0 },
	{ "something else bound to xml", "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>", 0 },
	{ "xml as default", "<a xmlns='http://www.w3.org/XML/1998/namespace'/>", 0 },
	{ "xmlns declared", "<a xmlns:xmlns='urn:1'/>", 0 },
	{ "xmlns as a namespace", "<a xmlns:p='http://www.w3.org/2000/xmlns/'/>", 0 },
	{ "two colons", "<a:b:c xmlns:a='urn:1'/>", 0 },
	{ "a colon first", "<:a/>", 0 },
	{ "a colon last", "<a: xmlns:a='urn:1'/>", 0 },
	{ "a digit first", "<1/>", 0 },
	{ "a cut tag", "<a", 0 },
	{ "a cut end tag", "<a></a", 0 },
	{ "a cut comment", "<a/><!--", 0 },
	{ "a cut PI", "<a/><?p", 0 },
	{ "a slash in the middle", "<a / >", 0 },
};

static const struct {
	const char *why, *text;
	int accepted;
} fragments[] = {
	{ "an element", "<a/>", 1 },
	{ "white space around", " \n<a></a>\r\n", 1 },
	{ "the context's prefix", "<p:a p:b=''><c/></p:a>", 1 },
	{ "the context's prefix bound again", "<p:a xmlns:p='urn:q'/>", 1 },
	{ "the default undeclared", "<a xmlns=''/>", 1 },
	{ "another prefix", "<q:a/>", 0 },
	{ "nothing", "", 0 },
	{ "white space", " ", 0 },
	{ "two elements", "<a/><a/>", 0 },
	{ "text before", "x<a/>", 0 },
	{ "text behind", "<a/>x", 0 },
	{ "a comment before", "<!-- --><a/>", 0 },
	{ "a comment behind", "<a/><!-- -->", 0 },
	{ "a PI", "<?p?><a/>", 0 },
	{ "a declaration", "<?xml version='1.0'?><a/>", 0 },
	{ "a DOCTYPE", "<!DOCTYPE a><a/>", 0 },
	{ "out of the context", "</x><a/><x>", 0 },
	{ "not balanced", "<a>", 0 },
	{ "text alone", "x", 0 },
	{ "CDATA", "<![CDATA[<a/>]]>", 0 },
	{ "a reference to white space", "&#32;<a/>", 0 },
};

static void table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++)
		if (scan_check_document(strv_of(documents[i].text)) != documents[i].accepted)
			fail_msg("document: %s", documents[i].why);
	for (size_t i = 0; i < sizeof(fragments) / sizeof(fragments[0]); i++)
		if (scan_check_fragment(strv_of(fragments[i].text)) != fragments[i].accepted)
			fail_msg("fragment: %s", fragments[i].why);
}

static uint64_t random_state = 88172645463325252ULL;

static uint32_t random_below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % n;
}

/* Every row changed at random: an octet dropped, doubled or taken from another row. */
static void changes(void **state)
{
	unsigned accepted = 0, n = sizeof(documents) / sizeof(documents[0]);

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		struct strv from = strv_of(documents[random_below(n)].text);
		struct strv other = strv_of(documents[random_below(n)].text);
		char text[512];
		size_t size = from.n;

		memcpy(text, from.p, size);
		for (unsigned k = 1 + random_below(3); k > 0 && size; k--) {
			size_t at = random_below((uint32_t)size);
			size_t m = other.n ? 1 + random_below((uint32_t)other.n) : 0;

			switch (random_below(4)) {
			case 0:
				memmove(text + at, text + at + 1, --size - at);
				break;
			case 1:
				text[at] = "<>&'\"/=!?-[]: ax;#\n\r"[random_below(21)];
				break;
			default:
				m = m > 12 ? 12 : m;
				memmove(text + at + m, text + at, size - at);
				memcpy(text + at,
				       other.p + random_below((uint32_t)(other.n - m + 1)), m);
				size += m;
			}
		}
		accepted += (unsigned)scan_check_document(strv_mem(text, size));
		accepted += (unsigned)scan_check_fragment(strv_mem(text, size));
	}
	assert_in_range(accepted, 1000, 39000); /* both verdicts were met */
}

static int scan_text(const char *text, enum xcap_scan_mode mode, unsigned depth, struct err *err)
{
	struct xcap_index ix;
	int rc = xcap_scan(strv_of(text), mode, NULL, depth, &xcap_limits_default, &ix, err);

	if (rc == 0)
		xcap_index_fini(&ix);
	return rc;
}

static void content_and_misc(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(scan_text("", XCAP_SCAN_CONTENT, 1, &err), 0);
	assert_int_equal(scan_text("a<b/><![CDATA[<]]><!-- --><c/>&lt;", XCAP_SCAN_CONTENT, 1,
				   &err),
			 0);
	assert_int_equal(scan_text("<b>", XCAP_SCAN_CONTENT, 1, &err), -1);
	assert_int_equal(scan_text("</b>", XCAP_SCAN_CONTENT, 1, &err), -1);
	assert_int_equal(scan_text("a]]>", XCAP_SCAN_CONTENT, 1, &err), -1);
	assert_int_equal(scan_text("<?xml version='1.0'?> <!-- -->\n", XCAP_SCAN_MISC, 0, &err), 0);
	assert_int_equal(scan_text("", XCAP_SCAN_MISC, 0, &err), 0);
	assert_int_equal(scan_text("<a/>", XCAP_SCAN_MISC, 0, &err), -1);
	assert_int_equal(scan_text("x", XCAP_SCAN_MISC, 0, &err), -1);
}

static void codes(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(scan_text("<a>\n<b></a>", XCAP_SCAN_DOCUMENT, 0, &err), -1);
	assert_int_equal(err.code, ERR_SYNTAX);
	assert_non_null(strstr(err.text, "line 2"));
	assert_int_equal(scan_text("<a>\xff</a>", XCAP_SCAN_DOCUMENT, 0, &err), -1);
	assert_int_equal(err.code, ERR_RANGE);
	assert_int_equal(scan_text("<?xml version='1.0' encoding='UTF-16'?><a/>",
				   XCAP_SCAN_DOCUMENT, 0, &err),
			 -1);
	assert_int_equal(err.code, ERR_RANGE);
	assert_int_equal(scan_text("<a/>", XCAP_SCAN_CONTENT, XCAP_DEPTH_MAX, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
}

/* PIECE (an @ in it is a number that counts) N times between HEAD and TAIL; the code of the
 * refusal, ERR_NONE when accepted. */
static enum err_code scan_many(const char *head, const char *piece, unsigned n, const char *tail,
			       const struct xcap_limits *limits)
{
	size_t m = strlen(piece);
	char *text = malloc(strlen(head) + m * n + n * 8 + strlen(tail) + 1);
	struct xcap_index ix;
	struct err err = { 0 };
	char *p = stpcpy(text, head);

	for (unsigned i = 0; i < n; i++)
		for (const char *q = piece; *q; q++) {
			if (*q == '@')
				p += sprintf(p, "%u", i);
			else
				*p++ = *q;
		}
	strcpy(p, tail);
	if (xcap_scan(strv_of(text), XCAP_SCAN_DOCUMENT, NULL, 0, limits, &ix, &err) == 0)
		xcap_index_fini(&ix);
	free(text);
	return err.code;
}

static void limits(void **state)
{
	struct xcap_limits few = xcap_limits_default;

	(void)state;
	assert_int_equal(scan_many("<a ", "a@='' ", 64, "/>", &few), ERR_NONE);
	assert_int_equal(scan_many("<a ", "a@='' ", 65, "/>", &few), ERR_LIMIT);
	assert_int_equal(scan_many("<a ", "a@='' ", 100000, "/>", &few), ERR_LIMIT);
	assert_int_equal(scan_many("<a ", "xmlns:a@='u' ", 65, "/>", &few), ERR_LIMIT);
	assert_int_equal(scan_many("", "<a>", 65, "", &few), ERR_LIMIT);
	assert_int_equal(scan_many("", "<a>", 100000, "", &few), ERR_LIMIT);
	few.nodes = 100;
	assert_int_equal(scan_many("<a>", "<b/>", 99, "</a>", &few), ERR_NONE);
	assert_int_equal(scan_many("<a>", "<b/>", 100, "</a>", &few), ERR_LIMIT);
	few.attr_octets = 10;
	assert_int_equal(scan_many("<a b='", "x", 10, "'/>", &few), ERR_NONE);
	assert_int_equal(scan_many("<a b='", "x", 11, "'/>", &few), ERR_LIMIT);
	assert_int_equal(scan_many("<", "x", XCAP_NAME_BYTES_MAX, "/>", &few), ERR_NONE);
	assert_int_equal(scan_many("<", "x", XCAP_NAME_BYTES_MAX + 1, "/>", &few), ERR_LIMIT);
	few.octets = 20;
	assert_int_equal(scan_many("<a>", "x", 13, "</a>", &few), ERR_NONE);
	assert_int_equal(scan_many("<a>", "x", 14, "</a>", &few), ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(changes),
		cmocka_unit_test(content_and_misc),
		cmocka_unit_test(codes),
		cmocka_unit_test(limits),
	};

	if (xml_init(NULL, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
