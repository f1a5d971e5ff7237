/* SPDX-License-Identifier: Apache-2.0 */
/* Presence rules as OMA clients write them, and kept simple. */
#include "tests/xdms/usage/usage_check.h"

static const struct usage_row rows[] = {
	{ "good", NULL, NULL, AUID_FAULT_NONE, NULL, NULL },
	{ "no sub-handling and nothing transformed", "<pr:sub-handling>block</pr:sub-handling>", "",
	  AUID_FAULT_NONE, NULL, NULL },
	{ "a validity beside the identity", "<ocp:other-identity/>",
	  "<ocp:other-identity/><cp:validity><cp:from>2026-01-01T00:00:00Z</"
	  "cp:from><cp:until>2027-01-01T00:00:00Z</cp:until></cp:validity>",
	  AUID_FAULT_NONE, NULL, NULL },
	{ "an empty external list",
	  "<ocp:entry "
	  "anc=\"http://xcap.op.example/root/resource-lists/users/sip:ana@op.example/index/~~/"
	  "resource-lists/list%5B@name=%22oma_grantedcontacts%22%5D\"/>",
	  "", AUID_FAULT_NONE, NULL, NULL },
	{ "text in other-identity", "<ocp:other-identity/>",
	  "<ocp:other-identity>true</ocp:other-identity>", AUID_FAULT_SCHEMA, NULL,
	  "other-identity" },
	{ "an entry without anc",
	  " anc=\"http://xcap.op.example/root/resource-lists/users/sip:ana@op.example/index/~~/"
	  "resource-lists/list%5B@name=%22oma_grantedcontacts%22%5D\"",
	  "", AUID_FAULT_SCHEMA, NULL, "anc" },
	{ "an unknown condition of OMA", "<ocp:other-identity/>", "<ocp:some-identity/>",
	  AUID_FAULT_SCHEMA, NULL, "some-identity" },
	{ "geopriv of another kind", ">full<", ">true<", AUID_FAULT_SCHEMA, NULL, "geopriv" },
	{ "two ways to say who", "<ocp:other-identity/>",
	  "<ocp:other-identity/><ocp:anonymous-request/>", AUID_FAULT_CONSTRAINT, NULL,
	  "more than one" },
	{ "two external lists", "<ocp:anonymous-request/>",
	  "<ocp:external-list/><ocp:external-list/>", AUID_FAULT_CONSTRAINT, NULL,
	  "more than one" },
	{ "identity and external list", "<ocp:external-list>",
	  "<cp:identity><cp:one id=\"sip:x@y\"/></cp:identity><ocp:external-list>",
	  AUID_FAULT_CONSTRAINT, NULL, "more than one" },
	{ "transformations without allow", "<cp:transformations/>",
	  "<cp:transformations><opr:provide-willingness>true</opr:provide-willingness></"
	  "cp:transformations>",
	  AUID_FAULT_CONSTRAINT, NULL, "transformations" },
	{ "transformations of one to be asked", " allow ", "confirm", AUID_FAULT_CONSTRAINT, NULL,
	  "transformations" },
	{ "another user's list", "users/sip:ana@", "users/sip:bo@", AUID_FAULT_CONSTRAINT, NULL,
	  "anc" },
	{ "another server's list", "http://xcap.op", "http://xcap.other", AUID_FAULT_CONSTRAINT,
	  NULL, "anc" },
	{ "a list of another usage", "root/resource-lists", "root/rls-services",
	  AUID_FAULT_CONSTRAINT, NULL, "resource-lists" },
	{ "a relative reference", "http://xcap.op.example/root/", "", AUID_FAULT_CONSTRAINT, NULL,
	  "absolute" },
};

static const struct usage_case documents = {
	&auid_oma_pres_rules,		"oma-pres-rules.xml", rows,
	sizeof(rows) / sizeof(rows[0]), USAGE_CONTEXT,
};

static void documents_are_judged(void **state)
{
	usage_check(*state, &documents);
}

/* The same bytes are judged by the usage they are put under. */
static void plain_presence_rules_are_not_bound_by_this(void **state)
{
	static const char *const text =
		"<ruleset xmlns='urn:ietf:params:xml:ns:common-policy'><rule id='a'><conditions>"
		"<identity><one id='sip:x'/></identity><identity><one id='sip:y'/></identity>"
		"</conditions></rule></ruleset>";
	struct arena *arena = arena_new(0);
	struct auid_fault fault;
	struct err err = { 0 };

	assert_int_equal(usage_check_text(*state, &auid_pres_rules, text, &documents.context,
					  &fault, arena, &err),
			 AUID_FAULT_NONE);
	assert_int_equal(usage_check_text(*state, &auid_oma_pres_rules, text, &documents.context,
					  &fault, arena, &err),
			 AUID_FAULT_CONSTRAINT);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_are_judged),
		cmocka_unit_test(plain_presence_rules_are_not_bound_by_this),
	};

	return cmocka_run_group_tests(tests, usage_open, usage_close);
}
