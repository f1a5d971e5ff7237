/* SPDX-License-Identifier: Apache-2.0 */
/* Groups that users share. */
#include "tests/xdms/usage/usage_check.h"

#include <stdio.h>
#include <stdlib.h>

static const struct usage_row rows[] = {
	{ "good", NULL, NULL, AUID_FAULT_NONE, NULL, NULL },
	{ "no members",
	  "<list><entry uri=\"sip:ana@op.example\"/><entry "
	  "uri=\"tel:+4912340001\"><rl:display-name>Bo</rl:display-name></entry>",
	  "<list>", AUID_FAULT_NONE, NULL, NULL },
	{ "no uri", " uri=\"sip:hikers@groups.op.example\"", "", AUID_FAULT_SCHEMA, NULL, "uri" },
	{ "not called by SIP", "\"sip:hikers@groups.op.example\"", "\"tel:+49123\"",
	  AUID_FAULT_CONSTRAINT, NULL, "SIP" },
	{ "a member twice", "\"tel:+4912340001\"", "\"sip:ana@op.example\"", AUID_FAULT_UNIQUENESS,
	  "group/list-service%5B1%5D/list%5B1%5D/entry%5B2%5D/@uri", NULL },
	{ "two services of one name", "</list-service>",
	  "</list-service><list-service uri=\"sip:hikers@groups.op.example\"/>",
	  AUID_FAULT_UNIQUENESS, "group/list-service%5B2%5D/@uri", NULL },
	{ "two services", "</list-service>",
	  "</list-service><list-service uri=\"sip:bikers@groups.op.example\"/>", AUID_FAULT_NONE,
	  NULL, NULL },
	{ "a relative external", "anchor=\"http://xcap.op.example/root/", "anchor=\"",
	  AUID_FAULT_CONSTRAINT, NULL, "anchor" },
	{ "an external before an entry", "<list><entry",
	  "<list><external anchor=\"http://x/y\"/><entry", AUID_FAULT_SCHEMA, NULL, "entry" },
	{ "a member's name in the outer namespace is foreign to it",
	  "<rl:display-name>Bo</rl:display-name>", "<display-name>Bo</display-name>",
	  AUID_FAULT_NONE, NULL, NULL },
	{ "extensions before the name", "<display-name xml:lang",
	  "<oxe:searchable>true</oxe:searchable><display-name xml:lang", AUID_FAULT_SCHEMA, NULL,
	  "display-name" },
	{ "fewer than none", ">20<", ">-1<", AUID_FAULT_SCHEMA, NULL, "max-participant-count" },
	{ "none at all", ">20<", ">0<", AUID_FAULT_NONE, NULL, NULL },
	{ "text where nothing is", "<is-list-member/>", "<is-list-member>yes</is-list-member>",
	  AUID_FAULT_SCHEMA, NULL, "is-list-member" },
	{ "whose media: nobody's", ">any<", ">none<", AUID_FAULT_NONE, NULL, NULL },
	{ "an unknown action of the group's", "<join-handling>true</join-handling>",
	  "<jump-handling/>", AUID_FAULT_SCHEMA, NULL, "jump-handling" },
	{ "two classes of quality", "<oxe:basic/>", "<oxe:basic/><oxe:premium/>", AUID_FAULT_SCHEMA,
	  NULL, "premium" },
	{ "a duration of nothing", ">7200<", ">0<", AUID_FAULT_SCHEMA, NULL, "max-duration" },
	{ "a date that is none in a rule", "<is-list-member/>",
	  "<cp:validity><cp:from>2026-01-01</cp:from><cp:until>2027-01-01T00:00:00Z</cp:until></"
	  "cp:validity>",
	  AUID_FAULT_SCHEMA, NULL, "from" },
};

static const struct usage_case documents = {
	&auid_groups, "groups.xml", rows, sizeof(rows) / sizeof(rows[0]), USAGE_CONTEXT,
};

static void documents_are_judged(void **state)
{
	usage_check(*state, &documents);
}

/* A group of MEMBERS, the last of them by number LAST. */
static int judge_many(const struct auid_table *table, unsigned members, unsigned last,
		      struct auid_fault *fault, struct arena *arena)
{
	char *text = malloc(members * 64 + 512);
	struct err err = { 0 };
	size_t n;
	int kind;

	assert_non_null(text);
	n = (size_t)sprintf(text, "<group xmlns=\"urn:oma:xml:poc:list-service\">"
				  "<list-service uri=\"sip:g@op.example\"><list>");
	for (unsigned i = 0; i < members; i++)
		n += (size_t)sprintf(text + n, "<entry uri=\"sip:user%u@op.example\"/>",
				     i + 1 < members ? i : last);
	sprintf(text + n, "</list></list-service></group>");
	kind = usage_check_text(table, &auid_groups, text, &documents.context, fault, arena, &err);
	free(text);
	return kind;
}

static void ten_thousand_are_a_group(void **state)
{
	struct arena *arena = arena_new(0);
	struct auid_fault fault;

	assert_int_equal(judge_many(*state, 10000, 9999, &fault, arena), AUID_FAULT_NONE);
	assert_int_equal(judge_many(*state, 10000, 5000, &fault, arena), AUID_FAULT_UNIQUENESS);
	assert_true(strv_eq(fault.exists[0].field,
			    STRV("group/list-service%5B1%5D/list%5B1%5D/entry%5B10000%5D/@uri")));
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_are_judged),
		cmocka_unit_test(ten_thousand_are_a_group),
	};

	return cmocka_run_group_tests(tests, usage_open, usage_close);
}
