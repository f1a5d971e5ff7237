/* SPDX-License-Identifier: Apache-2.0 */
/* The documents of a user. */
#include "tests/xdms/usage/usage_check.h"

static const struct usage_row rows[] = {
	{ "good", NULL, NULL, AUID_FAULT_NONE, NULL, NULL },
	{ "a folder of no usage", " auid=\"resource-lists\"", "", AUID_FAULT_SCHEMA, NULL, "auid" },
	{ "an entry without tag", " etag=\"1-2\"", "", AUID_FAULT_SCHEMA, NULL, "etag" },
	{ "an entry of no size", "size=\"512\"", "size=\"-1\"", AUID_FAULT_SCHEMA, NULL, "size" },
	{ "an error beside entries", "<error-code>403 Forbidden</error-code>",
	  "<entry uri=\"x\" etag=\"y\"/><error-code>403</error-code>", AUID_FAULT_SCHEMA, NULL,
	  "error-code" },
};

static const struct usage_case directories = {
	&auid_xcap_directory,		"xcap-directory.xml", rows,
	sizeof(rows) / sizeof(rows[0]), USAGE_CONTEXT,
};

static void directories_are_judged(void **state)
{
	usage_check(*state, &directories);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(directories_are_judged),
	};

	return cmocka_run_group_tests(tests, usage_open, usage_close);
}
