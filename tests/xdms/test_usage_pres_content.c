/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures that presence refers to. */
#include "tests/xdms/usage/usage_check.h"

static const struct usage_row rows[] = {
	{ "good", NULL, NULL, AUID_FAULT_NONE, NULL, NULL },
	{ "a picture of an unknown form", "image/png", "image/svg+xml", AUID_FAULT_CONSTRAINT, NULL,
	  "mime-type" },
	{ "a type in capitals", "image/png", "IMAGE/PNG", AUID_FAULT_NONE, NULL, NULL },
	{ "another encoding", ">base64<", ">hex<", AUID_FAULT_CONSTRAINT, NULL, "encoding" },
	{ "no base64", "bG8=", "b!8=", AUID_FAULT_CONSTRAINT, NULL, "data" },
	{ "half of base64", "bG8=", "bG8", AUID_FAULT_CONSTRAINT, NULL, "data" },
	{ "more behind its end", "bG8=", "b===", AUID_FAULT_CONSTRAINT, NULL, "data" },
	{ "nothing to see", "<data>aGVs\nbG8=</data>", "", AUID_FAULT_SCHEMA, NULL, "content" },
	{ "two pictures", "</data>", "</data><data/>", AUID_FAULT_SCHEMA, NULL, "data" },
	{ "out of order", "<description xml:lang=\"en\">Ana on a hill</description>",
	  "<mime-type>image/png</mime-type>", AUID_FAULT_SCHEMA, NULL, "mime-type" },
	{ "no description", "<description xml:lang=\"en\">Ana on a hill</description>", "",
	  AUID_FAULT_NONE, NULL, NULL },
};

static const struct usage_case documents = {
	&auid_pres_content, "pres-content.xml", rows, sizeof(rows) / sizeof(rows[0]), USAGE_CONTEXT,
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
