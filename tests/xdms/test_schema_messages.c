/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies that travel: errors (RFC 4825 s11) and changes (RFC 5874) against their schemas. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/xml.h"

#define ERROR(content) \
	"<xcap-error xmlns='urn:ietf:params:xml:ns:xcap-error'>" content "</xcap-error>"
#define OMA(content)                                                                     \
	ERROR("<extension><local-constraint-failure xmlns='urn:oma:xml:xdm:xcap-error' " \
	      "phrase='x'>" content "</local-constraint-failure></extension>")
#define DIFF(content)                                                            \
	"<d:xcap-diff xmlns:d='urn:ietf:params:xml:ns:xcap-diff' xmlns:l='u:l' " \
	"xcap-root='http://x/'>" content "</d:xcap-diff>"

static const struct {
	const char *why, *text;
	int valid;
} rows[] = {
	{ "one error", ERROR("<not-well-formed/>"), 1 },
	{ "one with a phrase", ERROR("<cannot-insert phrase='would not be found again'/>"), 1 },
	{ "a parent that is missing", ERROR("<no-parent><ancestor>a/b</ancestor></no-parent>"), 1 },
	{ "values that exist",
	  ERROR("<uniqueness-failure phrase='in use'><exists field='a/@b'>"
		"<alt-value>1</alt-value><alt-value>2</alt-value></exists>"
		"<exists field='a/@c'/></uniqueness-failure>"),
	  1 },
	{ "an extension with anything in it",
	  ERROR("<extension><a xmlns=''/><b xmlns='u'/></extension>"), 1 },
	{ "a limit of the operator",
	  OMA("<alt-value field='group/@max'>30</alt-value>"
	      "<description xml:lang='en'>at most 30</description>"),
	  1 },
	{ "no error", ERROR(""), 0 },
	{ "two errors", ERROR("<not-well-formed/><not-utf-8/>"), 0 },
	{ "an unknown error", ERROR("<not-polite/>"), 0 },
	{ "text in an error", ERROR("<not-utf-8>x</not-utf-8>"), 0 },
	{ "a language on an error", ERROR("<not-utf-8 xml:lang='en'/>"), 0 },
	{ "a phrase on an extension", ERROR("<extension phrase='x'/>"), 0 },
	{ "nothing that exists", ERROR("<uniqueness-failure/>"), 0 },
	{ "a value without field", ERROR("<uniqueness-failure><exists/></uniqueness-failure>"), 0 },
	{ "two ancestors", ERROR("<no-parent><ancestor/><ancestor/></no-parent>"), 0 },
	{ "a description before a value", OMA("<description/><alt-value field='a'/>"), 0 },
	{ "a value in the middle", OMA("<description/><alt-value field='a'/><description/>"), 0 },
	{ "a value of the operator without field", OMA("<alt-value/>"), 0 },

	{ "no change", DIFF(""), 1 },
	{ "a new document", DIFF("<d:document sel='a/users/b/c' new-etag='1'/>"), 1 },
	{ "a tag that moved alone",
	  DIFF("<d:document sel='a' new-etag='2' "
	       "previous-etag='1'><d:body-not-changed/></d:document>"),
	  1 },
	{ "operations in any order",
	  DIFF("<d:document sel='a' new-etag='2' previous-etag='1'>"
	       "<d:add sel='l:r'><l:e/>text</d:add><d:remove sel='l:r/l:e' ws='after'/>"
	       "<d:replace sel='l:r'><l:r/></d:replace><d:add sel='l:r' type='@n'>v</d:add>"
	       "<d:add sel='l:r' pos='prepend'/><d:add sel='l:r' type='namespace::p'>u</d:add>"
	       "</d:document>"),
	  1 },
	{ "nodes",
	  DIFF("<d:element sel='a/~~/b'><l:b/></d:element>"
	       "<d:element sel='a/~~/c' exists='0'/>"
	       "<d:attribute sel='a/~~/b/@c'>v</d:attribute>"),
	  1 },
	{ "an extension at the end", DIFF("<d:document sel='a' new-etag='1'/><l:more/>"), 1 },
	{ "no root", "<xcap-diff xmlns='urn:ietf:params:xml:ns:xcap-diff'/>", 0 },
	{ "a document without selector", DIFF("<d:document new-etag='1'/>"), 0 },
	{ "unchanged and changed",
	  DIFF("<d:document sel='a'><d:body-not-changed/><d:remove sel='x'/></d:document>"), 0 },
	{ "an operation without selector", DIFF("<d:document sel='a'><d:remove/></d:document>"),
	  0 },
	{ "an operation of another name",
	  DIFF("<d:document sel='a'><d:move sel='x'/></d:document>"), 0 },
	{ "a removal with content",
	  DIFF("<d:document sel='a'><d:remove sel='x'><l:e/></d:remove></d:document>"), 0 },
	{ "two elements for one", DIFF("<d:element sel='a'><l:b/><l:b/></d:element>"), 0 },
	{ "a place that is none",
	  DIFF("<d:document sel='a'><d:add sel='x' pos='behind'/></d:document>"), 0 },
	{ "a type that is none",
	  DIFF("<d:document sel='a'><d:add sel='x' type='n'>v</d:add></d:document>"), 0 },
	{ "a document behind an extension", DIFF("<l:more/><d:document sel='a'/>"), 0 },
	{ "exists neither true nor false", DIFF("<d:element sel='a' exists='no'/>"), 0 },
};

static void messages_are_judged(void **state)
{
	struct xml_schema *schema;
	struct err err = { 0 };
	xmlDoc *doc;

	(void)state;
	assert_int_equal(xml_init(TEST_SCHEMA_DIR, &err), 0);
	if (xml_schema_load("messages.xsd", &schema, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (xml_parse(strv_of(rows[i].text), NULL, &doc, NULL, &err) < 0)
			fail_msg("%s: %s", rows[i].why, err.text);
		if (xml_schema_valid(schema, doc, &err) != rows[i].valid)
			fail_msg("%s: %s", rows[i].why, rows[i].valid ? err.text : "accepted");
		xmlFreeDoc(doc);
	}
	xml_schema_free(&schema);
	xml_fini();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
