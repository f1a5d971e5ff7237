/* SPDX-License-Identifier: Apache-2.0 */
/* How an address book is to be kept. */
#include "tests/xdms/usage/usage_check.h"

static const struct usage_row rows[] = {
	{ "good", NULL, NULL, AUID_FAULT_NONE, NULL, NULL },
	{ "nothing is preferred",
	  "incoming=\"confirm\"><max-size>65536</max-size></contact-share-prefs>",
	  "incoming=\"accept\"/>", AUID_FAULT_NONE, NULL, NULL },
	{ "an answer nobody knows", "\"confirm\"", "\"perhaps\"", AUID_FAULT_SCHEMA, NULL,
	  "incoming" },
	{ "no answer", " incoming=\"confirm\"", "", AUID_FAULT_SCHEMA, NULL, "incoming" },
	{ "less than nothing", "65536", "-1", AUID_FAULT_SCHEMA, NULL, "max-size" },
	{ "neither yes nor no", "auto-update=\"true\"", "auto-update=\"often\"", AUID_FAULT_SCHEMA,
	  NULL, "auto-update" },
	{ "a filter twice", "name=\"address\"", "name=\"birth\"", AUID_FAULT_UNIQUENESS,
	  "user-prefs/contact-subscription-prefs%5B1%5D/filter%5B2%5D/@name", NULL },
	{ "a filter that says nothing", " take=\"false\"", "", AUID_FAULT_SCHEMA, NULL, "take" },
	{ "a filter of no name", "name=\"address\"", "name=\"a b\"", AUID_FAULT_SCHEMA, NULL,
	  "name" },
	{ "out of order", "<search-prefs/>", "<contact-share-prefs incoming=\"accept\"/>",
	  AUID_FAULT_SCHEMA, NULL, "contact-share-prefs" },
	{ "searchable or not", " searchable=\"true\"", "", AUID_FAULT_SCHEMA, NULL, "searchable" },
	{ "an unknown preference", "<search-prefs/>", "<sleep-prefs/>", AUID_FAULT_SCHEMA, NULL,
	  "sleep-prefs" },
	{ "what others prefer", "<search-prefs/>", "<x xmlns=\"urn:u\"/>", AUID_FAULT_NONE, NULL,
	  NULL },
};

static const struct usage_case documents = {
	&auid_cab_user_prefs,		"cab-user-prefs.xml", rows,
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
