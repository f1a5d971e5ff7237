/* SPDX-License-Identifier: Apache-2.0 */
/* The groups of others that a user knows. */
#include "tests/xdms/usage/usage_check.h"

static const struct usage_row rows[] = {
	{ "good", NULL, NULL, AUID_FAULT_NONE, NULL, NULL },
	{ "a group twice", "sip:bikers@groups.op.example", "sip:hikers@groups.op.example",
	  AUID_FAULT_UNIQUENESS, "resource-lists/list%5B1%5D/entry%5B2%5D/@uri", NULL },
	{ "a group that is no URI", "sip:bikers@groups.op.example", "bikers", AUID_FAULT_CONSTRAINT,
	  NULL, "absolute URI" },
	{ "a group of no name", " uri=\"sip:bikers@groups.op.example\"", "", AUID_FAULT_SCHEMA,
	  NULL, "uri" },
	{ "a use of nothing", "<x xmlns=\"urn:example:foreign\"/>", "", AUID_FAULT_SCHEMA, NULL,
	  "common-usage" },
	{ "an unknown use",
	  "<oxe:common-usage id=\"u1\"><x xmlns=\"urn:example:foreign\"/></oxe:common-usage>",
	  "<oru:rareusage/>", AUID_FAULT_SCHEMA, NULL, "rareusage" },
	{ "a list elsewhere that is no address", "<entry uri=\"sip:bikers@groups.op.example\"/>",
	  "<external anchor=\"x\"/>", AUID_FAULT_CONSTRAINT, NULL, "anchor" },
	{ "an entry elsewhere that is no path", "<entry uri=\"sip:bikers@groups.op.example\"/>",
	  "<entry-ref ref=\"/x\"/>", AUID_FAULT_CONSTRAINT, NULL, "ref" },
	{ "used by no usage", " auid=\"org.openmobilealliance.groups\"", "", AUID_FAULT_SCHEMA,
	  NULL, "auid" },
};

static const struct usage_case documents = {
	&auid_group_usage_list,		"group-usage-list.xml", rows,
	sizeof(rows) / sizeof(rows[0]), USAGE_CONTEXT,
};

static void documents_are_judged(void **state)
{
	usage_check(*state, &documents);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_are_judged),
	};

	return cmocka_run_group_tests(tests, usage_open, usage_close);
}
