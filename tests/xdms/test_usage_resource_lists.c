/* SPDX-License-Identifier: Apache-2.0 */
/* Lists: RFC 4826 s3, and what its schema cannot say. */
#include "tests/xdms/usage/usage_check.h"

#include <stdlib.h>
#include <string.h>

static const struct usage_row rows[] = {
	{ "good", NULL, NULL, AUID_FAULT_NONE, NULL, NULL },
	{ "a second member of that URI elsewhere", "name=\"work\">",
	  "name=\"work\"><entry uri=\"tel:+4912340001\"/>", AUID_FAULT_NONE, NULL, NULL },
	{ "another spelling is another member", "<entry uri=\"sip:cy@op.example\"/>",
	  "<entry uri=\"SIP:cy@op.example\"/><entry uri=\"sip:cy@OP.example\"/>", AUID_FAULT_NONE,
	  NULL, NULL },
	{ "an entry and an external of one URI",
	  "anchor=\"https://lists.example:8443/root/resource-lists/global/staff/~~/resource-lists/"
	  "list%5B1%5D\"",
	  "anchor=\"http://a.example/\"/><entry uri=\"http://a.example/\"", AUID_FAULT_NONE, NULL,
	  NULL },
	{ "a list of that name inside another", "name=\"close\"", "name=\"work\"", AUID_FAULT_NONE,
	  NULL, NULL },
	{ "an unknown element of a foreign namespace", "<u:origin>phone</u:origin>",
	  "<v:x xmlns:v=\"urn:v\"><v:y/></v:x>", AUID_FAULT_NONE, NULL, NULL },
	{ "a foreign element with known ones inside", "<u:origin>phone</u:origin>",
	  "<u:x><entry uri=\"sip:x\"/></u:x>", AUID_FAULT_NONE, NULL, NULL },
	{ "the same, and they are wrong", "<u:origin>phone</u:origin>", "<u:x><entry/></u:x>",
	  AUID_FAULT_SCHEMA, NULL, "uri" },
	{ "the same, and unknown", "<u:origin>phone</u:origin>", "<u:x><entrance/></u:x>",
	  AUID_FAULT_SCHEMA, NULL, "entrance" },
	{ "an element of another usage that does not exist", "<u:origin>phone</u:origin>",
	  "<rls:thing xmlns:rls=\"urn:ietf:params:xml:ns:rls-services\"/>", AUID_FAULT_SCHEMA, NULL,
	  "thing" },
	{ "an entry without uri", "<entry uri=\"sip:cy@op.example\"/>", "<entry/>",
	  AUID_FAULT_SCHEMA, NULL, "'uri' is required" },
	{ "an entry-ref without ref",
	  "<entry-ref "
	  "ref=\"resource-lists/users/sip:ana@op.example/index/~~/resource-lists/"
	  "list%5B@name=%22work%22%5D/entry%5B1%5D\"/>",
	  "<entry-ref/>", AUID_FAULT_SCHEMA, NULL, "'ref' is required" },
	{ "an attribute of no namespace", "name=\"work\"", "name=\"work\" size=\"3\"",
	  AUID_FAULT_SCHEMA, NULL, "size" },
	{ "an attribute on the root", "xmlns:u=\"urn:example:usage\">",
	  "xmlns:u=\"urn:example:usage\" u:v=\"1\">", AUID_FAULT_SCHEMA, NULL, NULL },
	{ "text among the members", "<list name=\"work\">", "<list name=\"work\">hello",
	  AUID_FAULT_SCHEMA, NULL, NULL },
	{ "a display-name behind a member", "<entry uri=\"sip:cy@op.example\"/>",
	  "<entry uri=\"sip:cy@op.example\"/><display-name/>", AUID_FAULT_SCHEMA, NULL,
	  "display-name" },
	{ "a member behind an extension", "<u:origin>phone</u:origin>",
	  "<u:origin/><entry uri=\"sip:x\"/>", AUID_FAULT_SCHEMA, NULL, "entry" },
	{ "two display-names", "<display-name>Bo</display-name>", "<display-name/><display-name/>",
	  AUID_FAULT_SCHEMA, NULL, "display-name" },
	{ "an entry beside the lists", "<list u:colour=\"none\"/>", "<entry uri=\"sip:x\"/>",
	  AUID_FAULT_SCHEMA, NULL, "entry" },
	{ "a foreign element beside the lists", "<list u:colour=\"none\"/>", "<u:x/>",
	  AUID_FAULT_SCHEMA, NULL, NULL },
	{ "an element of no namespace", "<u:origin>phone</u:origin>", "<x xmlns=\"\"/>",
	  AUID_FAULT_SCHEMA, NULL, NULL },
	{ "an element that the namespace does not have", "<entry uri=\"sip:cy@op.example\"/>",
	  "<member uri=\"sip:cy@op.example\"/>", AUID_FAULT_SCHEMA, NULL, "member" },
	{ "a language that is none", "xml:lang=\"en\"", "xml:lang=\"english language\"",
	  AUID_FAULT_SCHEMA, NULL, "lang" },
	{ "a list name twice", "name=\"work\"", "name=\"friends\"", AUID_FAULT_UNIQUENESS,
	  "resource-lists/list%5B2%5D/@name", "\"friends\"" },
	{ "an entry twice", "<entry uri=\"sip:cy@op.example\"/>",
	  "<entry uri=\"tel:+4912340001\"/>", AUID_FAULT_UNIQUENESS,
	  "resource-lists/list%5B1%5D/entry%5B2%5D/@uri", "tel:+4912340001" },
	{ "an entry twice, one in a list in a list", "name=\"close\">",
	  "name=\"close\"><entry uri=\"sip:x\"/><entry uri=\"sip:x\"/>", AUID_FAULT_UNIQUENESS,
	  "resource-lists/list%5B1%5D/list%5B1%5D/entry%5B2%5D/@uri", NULL },
	{ "an entry-ref twice", "<list name=\"close\">",
	  "<entry-ref "
	  "ref=\"resource-lists/users/sip:ana@op.example/index/~~/resource-lists/"
	  "list%5B@name=%22work%22%5D/entry%5B1%5D\"/><list name=\"close\">",
	  AUID_FAULT_UNIQUENESS, "resource-lists/list%5B1%5D/entry-ref%5B2%5D/@ref", NULL },
	{ "an external twice",
	  "<external "
	  "anchor=\"https://lists.example:8443/root/resource-lists/global/staff/~~/"
	  "resource-lists/list%5B1%5D\"/>",
	  "<external anchor=\"http://a.example/\"/><external "
	  "anchor=\"http://a.example/\"/>",
	  AUID_FAULT_UNIQUENESS, "resource-lists/list%5B2%5D/external%5B2%5D/@anchor", NULL },
	{ "uniqueness goes before constraints",
	  "<external "
	  "anchor=\"https://lists.example:8443/root/resource-lists/global/staff/~~/"
	  "resource-lists/list%5B1%5D\"/>",
	  "<external anchor=\"a\"/><external anchor=\"a\"/>", AUID_FAULT_UNIQUENESS,
	  "resource-lists/list%5B2%5D/external%5B2%5D/@anchor", NULL },
	{ "an external without anchor",
	  "<external "
	  "anchor=\"https://lists.example:8443/root/resource-lists/global/staff/~~/"
	  "resource-lists/list%5B1%5D\"/>",
	  "<external/>", AUID_FAULT_CONSTRAINT, NULL, "missing" },
	{ "an external by another scheme",
	  "https://lists.example:8443/root/resource-lists/global/staff/~~/resource-lists/"
	  "list%5B1%5D",
	  "ftp://lists.example/a", AUID_FAULT_CONSTRAINT, NULL, "ftp:" },
	{ "an external without host",
	  "https://lists.example:8443/root/resource-lists/global/staff/~~/resource-lists/"
	  "list%5B1%5D",
	  "http:///a", AUID_FAULT_CONSTRAINT, NULL, NULL },
	{ "a relative external",
	  "https://lists.example:8443/root/resource-lists/global/staff/~~/resource-lists/"
	  "list%5B1%5D",
	  "resource-lists/global/index", AUID_FAULT_CONSTRAINT, NULL, NULL },
	{ "an external that is not encoded",
	  "https://lists.example:8443/root/resource-lists/global/staff/~~/resource-lists/"
	  "list%5B1%5D",
	  "http://lists.example/aä", AUID_FAULT_CONSTRAINT, NULL, "percent-encoded" },
	{ "a ref with a slash in front",
	  "resource-lists/users/sip:ana@op.example/index/~~/resource-lists/"
	  "list%5B@name=%22work%22%5D/entry%5B1%5D",
	  "/resource-lists/users/sip:ana@op.example/index/~~/resource-lists/"
	  "list%5B@name=%22work%22%5D/entry%5B1%5D",
	  AUID_FAULT_CONSTRAINT, NULL, "relative" },
	{ "an absolute ref",
	  "resource-lists/users/sip:ana@op.example/index/~~/resource-lists/"
	  "list%5B@name=%22work%22%5D/entry%5B1%5D",
	  "http://xcap.op.example/root/resource-lists/users/sip:ana@op.example/index/~~/"
	  "resource-lists/list%5B@name=%22work%22%5D/entry%5B1%5D",
	  AUID_FAULT_CONSTRAINT, NULL, "relative" },
	{ "an empty ref",
	  "resource-lists/users/sip:ana@op.example/index/~~/resource-lists/"
	  "list%5B@name=%22work%22%5D/entry%5B1%5D",
	  "", AUID_FAULT_CONSTRAINT, NULL, "relative" },
	{ "a ref that leads nowhere",
	  "resource-lists/users/sip:ana@op.example/index/~~/resource-lists/"
	  "list%5B@name=%22work%22%5D/entry%5B1%5D",
	  "no-such-usage/nowhere", AUID_FAULT_NONE, NULL, NULL },
	{ "a ref that is not encoded",
	  "resource-lists/users/sip:ana@op.example/index/~~/resource-lists/"
	  "list%5B@name=%22work%22%5D/entry%5B1%5D",
	  "resource-lists/global/a|b", AUID_FAULT_CONSTRAINT, NULL, "percent-encoded" },
};

static const struct usage_case documents = {
	&auid_resource_lists,		"resource-lists.xml", rows,
	sizeof(rows) / sizeof(rows[0]), USAGE_CONTEXT,
};

static void documents_are_judged(void **state)
{
	usage_check(*state, &documents);
}

static void another_root_is_refused(void **state)
{
	static const char *const texts[] = {
		"<list xmlns='urn:ietf:params:xml:ns:resource-lists'/>",
		"<resource-lists/>",
		"<resource-lists xmlns='urn:ietf:params:xml:ns:rls-services'/>",
		"<any-element><a/></any-element>",
	};
	struct arena *arena = arena_new(0);
	struct auid_fault fault;
	struct err err = { 0 };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(usage_check_text(*state, &auid_resource_lists, texts[i],
						  &documents.context, &fault, arena, &err),
				 AUID_FAULT_SCHEMA);
	arena_free(&arena);
}

/* Each value that is there twice has its own exists element, up to a bound. */
static void each_double_value_is_told(void **state)
{
	static const char *const text =
		"<resource-lists xmlns='urn:ietf:params:xml:ns:resource-lists'><list>"
		"<entry uri='sip:1'/><entry uri='sip:2'/><entry uri='sip:1'/><entry uri='sip:2'/>"
		"<entry uri='sip:2'/></list></resource-lists>";
	struct arena *arena = arena_new(0);
	struct auid_fault fault;
	struct err err = { 0 };

	assert_int_equal(usage_check_text(*state, &auid_resource_lists, text, &documents.context,
					  &fault, arena, &err),
			 AUID_FAULT_UNIQUENESS);
	assert_int_equal(fault.n_exists, 3);
	assert_string_equal(fault.exists[0].field.p,
			    "resource-lists/list%5B1%5D/entry%5B3%5D/@uri");
	assert_string_equal(fault.exists[1].field.p,
			    "resource-lists/list%5B1%5D/entry%5B4%5D/@uri");
	assert_string_equal(fault.exists[2].field.p,
			    "resource-lists/list%5B1%5D/entry%5B5%5D/@uri");
	assert_true(strv_eq(fault.exists[2].value, STRV("sip:2")));
	assert_int_equal(fault.exists[0].n_alt, 0);
	arena_free(&arena);
}

/* However many there are, only the first few are told, and only they are counted to. */
static void the_report_of_double_values_is_bounded(void **state)
{
	enum { ENTRIES = 50000, ENTRY_BYTES = 16 };
	char *text = malloc(ENTRIES * ENTRY_BYTES + 256), *at = text;
	struct arena *arena = arena_new(0);
	struct auid_fault fault;
	struct err err = { 0 };

	at = stpcpy(at, "<resource-lists xmlns='urn:ietf:params:xml:ns:resource-lists'><list>");
	for (int i = 0; i < ENTRIES; i++)
		at = stpcpy(at, "<entry uri='a'/>");
	stpcpy(at, "</list></resource-lists>");
	assert_int_equal(usage_check_text(*state, &auid_resource_lists, text, &documents.context,
					  &fault, arena, &err),
			 AUID_FAULT_UNIQUENESS);
	assert_int_equal(fault.n_exists, AUID_EXISTS_MAX);
	assert_string_equal(fault.exists[AUID_EXISTS_MAX - 1].field.p,
			    "resource-lists/list%5B1%5D/entry%5B9%5D/@uri");
	arena_free(&arena);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_are_judged),
		cmocka_unit_test(another_root_is_refused),
		cmocka_unit_test(each_double_value_is_told),
		cmocka_unit_test(the_report_of_double_values_is_bounded),
	};

	return cmocka_run_group_tests(tests, usage_open, usage_close);
}
