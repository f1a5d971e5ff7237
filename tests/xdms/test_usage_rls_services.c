/* SPDX-License-Identifier: Apache-2.0 */
/* Services of a resource list server: RFC 4826 s4. */
#include "tests/xdms/usage/usage_check.h"

#include <stdlib.h>

static const struct usage_row rows[] = {
	{ "good", NULL, NULL, AUID_FAULT_NONE, NULL, NULL },
	{ "all packages", "<packages><package>presence</package></packages>", "", AUID_FAULT_NONE,
	  NULL, NULL },
	{ "our root by https and with its port",
	  "http://xcap.op.example/root/resource-lists/users/sip:ana@op.example/index/~~/"
	  "resource-lists/list%5B@name=%22friends%22%5D",
	  "https://XCAP.op.example:443/root/resource-lists/users/sip:ana@op.example/index/~~/"
	  "resource-lists/list%5B@name=%22friends%22%5D",
	  AUID_FAULT_NONE, NULL, NULL },
	{ "the user percent-encoded",
	  "http://xcap.op.example/root/resource-lists/users/sip:ana@op.example/index/~~/"
	  "resource-lists/list%5B@name=%22friends%22%5D",
	  "http://xcap.op.example/root/resource-lists/users/sip%3Aana%40op.example/index/~~/"
	  "resource-lists/list%5B@name=%22friends%22%5D",
	  AUID_FAULT_NONE, NULL, NULL },
	{ "another document of the user",
	  "http://xcap.op.example/root/resource-lists/users/sip:ana@op.example/index/~~/"
	  "resource-lists/list%5B@name=%22friends%22%5D",
	  "http://xcap.op.example/root/resource-lists/users/sip:ana@op.example/others/~~/"
	  "resource-lists/list%5B@name=%22friends%22%5D",
	  AUID_FAULT_NONE, NULL, NULL },
	{ "neither list nor reference",
	  "<resource-list>http://xcap.op.example/root/resource-lists/users/sip:ana@op.example/"
	  "index/~~/resource-lists/list%5B@name=%22friends%22%5D</resource-list>",
	  "", AUID_FAULT_SCHEMA, NULL, NULL },
	{ "both", "</resource-list>", "</resource-list><list/>", AUID_FAULT_SCHEMA, NULL, "list" },
	{ "packages in front", "<list name=\"club\">", "<packages/><list name=\"club\">",
	  AUID_FAULT_SCHEMA, NULL, "packages" },
	{ "a service without uri", "<service uri=\"sip:ana@op.example;pres-list=club\">",
	  "<service>", AUID_FAULT_SCHEMA, NULL, "uri" },
	{ "an entry in the wrong namespace", "<rl:entry uri=\"sip:bo@op.example\"/>",
	  "<entry uri=\"sip:bo@op.example\"/>", AUID_FAULT_SCHEMA, NULL, "entry" },
	{ "a foreign element as the first of packages", "<packages/>",
	  "<packages><u:p xmlns:u=\"urn:u\"/></packages>", AUID_FAULT_SCHEMA, NULL, NULL },
	{ "a service URI twice", "pres-list=club", "pres-list=friends", AUID_FAULT_UNIQUENESS,
	  "rls-services/service%5B2%5D/@uri", "sip:ana@op.example;pres-list=friends" },
	{ "an entry twice in a list of a service", "sip:bo@op.example", "sip:cy@op.example",
	  AUID_FAULT_UNIQUENESS,
	  "rls-services/service%5B2%5D/list%5B1%5D/a:entry%5B2%5D/"
	  "@uri?xmlns(a=urn:ietf:params:xml:ns:resource-lists)",
	  NULL },
	{ "an external list without anchor", " anchor=\"http://lists.example/club\"", "",
	  AUID_FAULT_CONSTRAINT, NULL, "anchor" },
	{ "a reference by path",
	  "http://xcap.op.example/root/resource-lists/users/sip:ana@op.example/index/~~/"
	  "resource-lists/list%5B@name=%22friends%22%5D",
	  "/root/resource-lists/users/sip:ana@op.example/index/~~/resource-lists/"
	  "list%5B@name=%22friends%22%5D",
	  AUID_FAULT_CONSTRAINT, NULL, "absolute" },
	{ "another server's list",
	  "http://xcap.op.example/root/resource-lists/users/sip:ana@op.example/index/~~/"
	  "resource-lists/list%5B@name=%22friends%22%5D",
	  "http://xcap.other.example/root/resource-lists/users/sip:ana@op.example/index/~~/"
	  "resource-lists/list%5B@name=%22friends%22%5D",
	  AUID_FAULT_CONSTRAINT, NULL, "XCAP root" },
	{ "another root's list",
	  "http://xcap.op.example/root/resource-lists/users/sip:ana@op.example/index/~~/"
	  "resource-lists/list%5B@name=%22friends%22%5D",
	  "http://xcap.op.example/roots/resource-lists/users/sip:ana@op.example/index/~~/"
	  "resource-lists/list%5B@name=%22friends%22%5D",
	  AUID_FAULT_CONSTRAINT, NULL, "XCAP root" },
	{ "another usage",
	  "http://xcap.op.example/root/resource-lists/users/sip:ana@op.example/index/~~/"
	  "resource-lists/list%5B@name=%22friends%22%5D",
	  "http://xcap.op.example/root/rls-services/users/sip:ana@op.example/index/~~/"
	  "resource-lists/list%5B@name=%22friends%22%5D",
	  AUID_FAULT_CONSTRAINT, NULL, "resource-lists" },
	{ "another user's list",
	  "http://xcap.op.example/root/resource-lists/users/sip:ana@op.example/index/~~/"
	  "resource-lists/list%5B@name=%22friends%22%5D",
	  "http://xcap.op.example/root/resource-lists/users/sip:bo@op.example/index/~~/"
	  "resource-lists/list%5B@name=%22friends%22%5D",
	  AUID_FAULT_CONSTRAINT, NULL, "sip:ana@op.example" },
	{ "another user's list, spelled to look like ours",
	  "http://xcap.op.example/root/resource-lists/users/sip:ana@op.example/index/~~/"
	  "resource-lists/list%5B@name=%22friends%22%5D",
	  "http://xcap.op.example/root/resource-lists/users/sip:ana@op.example%2Fx/index/~~/"
	  "resource-lists/list%5B@name=%22friends%22%5D",
	  AUID_FAULT_CONSTRAINT, NULL, NULL },
	{ "the global tree",
	  "http://xcap.op.example/root/resource-lists/users/sip:ana@op.example/index/~~/"
	  "resource-lists/list%5B@name=%22friends%22%5D",
	  "http://xcap.op.example/root/resource-lists/global/index/~~/resource-lists/"
	  "list%5B@name=%22friends%22%5D",
	  AUID_FAULT_CONSTRAINT, NULL, NULL },
	{ "no document",
	  "http://xcap.op.example/root/resource-lists/users/sip:ana@op.example/index/~~/"
	  "resource-lists/list%5B@name=%22friends%22%5D",
	  "http://xcap.op.example/root/resource-lists/users/sip:ana@op.example",
	  AUID_FAULT_CONSTRAINT, NULL, NULL },
	{ "an empty reference",
	  "http://xcap.op.example/root/resource-lists/users/sip:ana@op.example/index/~~/"
	  "resource-lists/list%5B@name=%22friends%22%5D",
	  "", AUID_FAULT_CONSTRAINT, NULL, NULL },
};

static const struct usage_case documents = {
	&auid_rls_services, "rls-services.xml", rows, sizeof(rows) / sizeof(rows[0]), USAGE_CONTEXT,
};

static void documents_are_judged(void **state)
{
	usage_check(*state, &documents);
}

/* A URI in use comes with others of its form that this document does not use (RFC 4825 s11). */
static void other_uris_are_proposed(void **state)
{
	static const char *const text =
		"<rls-services xmlns='urn:ietf:params:xml:ns:rls-services'>"
		"<service uri='sip:club@x'><list/></service><service "
		"uri='sip:club-3@x'><list/></service>"
		"<service uri='sip:club@x'><list/></service></rls-services>";
	struct arena *arena = arena_new(0);
	struct auid_fault fault;
	struct err err = { 0 };

	assert_int_equal(usage_check_text(*state, &auid_rls_services, text, &documents.context,
					  &fault, arena, &err),
			 AUID_FAULT_UNIQUENESS);
	assert_int_equal(fault.n_exists, 1);
	assert_int_equal(fault.exists[0].n_alt, AUID_ALT_MAX);
	assert_string_equal(fault.exists[0].alt[0].p, "sip:club-2@x");
	assert_string_equal(fault.exists[0].alt[1].p, "sip:club-4@x");
	assert_string_equal(fault.exists[0].alt[2].p, "sip:club-5@x");
	assert_true(strv_eq(auid_alt_value(STRV("tel:+49"), 1, arena), STRV("tel:+49-2")));
	assert_int_equal(auid_alt_value(STRV(""), 1, arena).n, 0);
	assert_int_equal(auid_alt_value(STRV("@x"), 1, arena).n, 0);
	arena_free(&arena);
}

static int same_but_for_case(void *arg, struct strv a, struct strv b)
{
	(void)arg;
	return strv_caseeq(a, b);
}

static void who_is_the_same_user_is_asked(void **state)
{
	struct auid_context context = documents.context;
	struct arena *arena = arena_new(0);
	char *text = usage_file(documents.file);
	struct auid_fault fault;
	struct err err = { 0 };

	context.xui = STRV("SIP:ANA@OP.EXAMPLE");
	assert_int_equal(usage_check_text(*state, &auid_rls_services, text, &context, &fault, arena,
					  &err),
			 AUID_FAULT_CONSTRAINT);
	context.same_user = same_but_for_case;
	assert_int_equal(usage_check_text(*state, &auid_rls_services, text, &context, &fault, arena,
					  &err),
			 AUID_FAULT_NONE);
	/* By the identity of the home, whatever the path says. */
	context.same_user = NULL;
	context.home = STRV(USAGE_OWNER);
	assert_int_equal(usage_check_text(*state, &auid_rls_services, text, &context, &fault, arena,
					  &err),
			 AUID_FAULT_NONE);
	/* Without a root to compare with, the form alone decides. */
	context.xcap_root = STRV("");
	assert_int_equal(usage_check_text(*state, &auid_rls_services, text, &context, &fault, arena,
					  &err),
			 AUID_FAULT_NONE);
	free(text);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_are_judged),
		cmocka_unit_test(other_uris_are_proposed),
		cmocka_unit_test(who_is_the_same_user_is_asked),
	};

	return cmocka_run_group_tests(tests, usage_open, usage_close);
}
