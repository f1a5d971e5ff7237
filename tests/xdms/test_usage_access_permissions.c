/* SPDX-License-Identifier: Apache-2.0 */
/* Who else may use a user's documents. */
#include "tests/xdms/usage/usage_check.h"

static const struct usage_row rows[] = {
	{ "good", NULL, NULL, AUID_FAULT_NONE, NULL, NULL },
	{ "a document twice", "</document-rule>",
	  "</document-rule><document-rule path=\"hikers\"><cp:ruleset/></document-rule>",
	  AUID_FAULT_UNIQUENESS, "ap-rules/document-rule%5B2%5D/@path", NULL },
	{ "no document", " path=\"hikers\"", "", AUID_FAULT_SCHEMA, NULL, "path" },
	{ "a document by its whole address", "\"hikers\"", "\"/root/hikers\"",
	  AUID_FAULT_CONSTRAINT, NULL, "path" },
	{ "a document with a scheme", "\"hikers\"", "\"sip:hikers\"", AUID_FAULT_CONSTRAINT, NULL,
	  "path" },
	{ "a part of a document", "\"hikers\"", "\"hikers/~~/group/list-service%5B1%5D\"",
	  AUID_FAULT_NONE, NULL, NULL },
	{ "rules without rules",
	  "<cp:ruleset><cp:rule id=\"new\"><cp:conditions><cp:identity><cp:one "
	  "id=\"sip:cy@op.example\"/></cp:identity></cp:conditions><cp:actions><allow-create/></"
	  "cp:actions></cp:rule></cp:ruleset>",
	  "", AUID_FAULT_SCHEMA, NULL, "directory-rule" },
	{ "an unknown action", "<allow-modify/>", "<allow-mystify/>", AUID_FAULT_SCHEMA, NULL,
	  "allow-mystify" },
	{ "an action with a value", "<allow-modify/>", "<allow-modify>true</allow-modify>",
	  AUID_FAULT_SCHEMA, NULL, "allow-modify" },
	{ "a rule twice", "id=\"rest\"", "id=\"deputy\"", AUID_FAULT_SCHEMA, NULL, "deputy" },
	{ "a list of somebody else's", "users/sip:ana@op.example/index",
	  "users/sip:bo@op.example/index", AUID_FAULT_CONSTRAINT, NULL, "sip:ana@op.example" },
};

static const struct usage_case permissions = {
	&auid_access_permissions,
	"access-permissions.xml",
	rows,
	sizeof(rows) / sizeof(rows[0]),
	USAGE_CONTEXT,
};

static void permissions_are_judged(void **state)
{
	usage_check(*state, &permissions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(permissions_are_judged),
	};

	return cmocka_run_group_tests(tests, usage_open, usage_close);
}
