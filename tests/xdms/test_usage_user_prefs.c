/* SPDX-License-Identifier: Apache-2.0 */
/* How a user wants to be served. */
#include "tests/xdms/usage/usage_check.h"

static const struct usage_row rows[] = {
	{ "good", NULL, NULL, AUID_FAULT_NONE, NULL, NULL },
	{ "no way to defer", "deferred=\"notify\"", "deferred=\"never\"", AUID_FAULT_SCHEMA, NULL,
	  "deferred" },
	{ "deferred is not said", " deferred=\"notify\"", "", AUID_FAULT_NONE, NULL, NULL },
	{ "a priority out of range", "priority=\"10\"", "priority=\"1001\"", AUID_FAULT_SCHEMA,
	  NULL, "priority" },
	{ "a device without a name", "id=\"urn:gsma:imei:000\" ", "", AUID_FAULT_SCHEMA, NULL,
	  "id" },
	{ "a device twice", "id=\"urn:gsma:imei:001\"", "id=\"urn:gsma:imei:000\"",
	  AUID_FAULT_UNIQUENESS, "cpm-user-prefs/delivery%5B1%5D/device%5B2%5D/@id", NULL },
	{ "a kind twice", "<type name=\"file\" store=\"false\"/>",
	  "<type name=\"file\" store=\"false\"/><type name=\"file\" store=\"true\"/>",
	  AUID_FAULT_UNIQUENESS, "cpm-user-prefs/storage%5B1%5D/type%5B2%5D/@name", NULL },
	{ "a kind that is none", "name=\"file\"", "name=\"fax\"", AUID_FAULT_SCHEMA, NULL, "fax" },
	{ "kept for no day", "<retention-days>90<", "<retention-days>0<", AUID_FAULT_SCHEMA, NULL,
	  "retention-days" },
	{ "kept longer than anybody can count", "<retention-days>90<",
	  "<retention-days>99999999999999999999<", AUID_FAULT_CONSTRAINT, NULL, "retention-days" },
	{ "a bearer that is none", "<prefer>sms<", "<prefer>fax<", AUID_FAULT_SCHEMA, NULL,
	  "prefer" },
	{ "a bearer twice", "<prefer>sms<", "<prefer>mms<", AUID_FAULT_CONSTRAINT, NULL, "twice" },
	{ "reports in another order", "<delivered>true</delivered><displayed>false</displayed>",
	  "<displayed>false</displayed><delivered>true</delivered>", AUID_FAULT_SCHEMA, NULL,
	  "delivered" },
	{ "settings in another order", "<blocking answer=\"polite\"/>",
	  "<blocking answer=\"polite\"/><reports/>", AUID_FAULT_SCHEMA, NULL, "reports" },
	{ "no answer", "answer=\"polite\"", "answer=\"rude\"", AUID_FAULT_SCHEMA, NULL, "answer" },
	{ "foreign settings", "</cp:ruleset>", "</cp:ruleset><z xmlns=\"urn:z\"/>", AUID_FAULT_NONE,
	  NULL, NULL },
	{ "two rulesets", "</cp:ruleset>", "</cp:ruleset><cp:ruleset/>", AUID_FAULT_CONSTRAINT,
	  NULL, "more than one ruleset" },
	{ "a rule within settings", "<reports>", "<deliver>allow</deliver><reports>",
	  AUID_FAULT_SCHEMA, NULL, "deliver" },
};

static const struct usage_case documents = {
	&auid_user_prefs, "user-prefs.xml", rows, sizeof(rows) / sizeof(rows[0]), USAGE_CONTEXT,
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
