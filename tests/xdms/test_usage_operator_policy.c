/* SPDX-License-Identifier: Apache-2.0 */
/* What the operator forces, caps and presets. */
#include "tests/xdms/usage/usage_check.h"

static const struct usage_row rows[] = {
	{ "good", NULL, NULL, AUID_FAULT_NONE, NULL, NULL },
	{ "a rule without a layer", "<op:layer>default</op:layer>", "", AUID_FAULT_CONSTRAINT, NULL,
	  "rule \"night\": it has no layer" },
	{ "a layer of others", "<op:layer>default</op:layer>", "<op:layer>user</op:layer>",
	  AUID_FAULT_SCHEMA, NULL, "layer" },
	{ "a misspelt limit", "<op:max-group-members>30</op:max-group-members>",
	  "<op:max-members>30</op:max-members>", AUID_FAULT_SCHEMA, NULL, "max-members" },
	{ "a foreign action", "<op:max-group-members>30</op:max-group-members>",
	  "<z xmlns=\"urn:z\"/>", AUID_FAULT_NONE, NULL, NULL },
	{ "a limit below 0", ">1048576<", ">-1<", AUID_FAULT_SCHEMA, NULL, "max-file-size" },
	{ "a limit beyond all counting", ">1048576<", ">99999999999999999999<",
	  AUID_FAULT_CONSTRAINT, NULL, "max-file-size" },
	{ "a code that refuses nothing", ">403<", ">200<", AUID_FAULT_SCHEMA, NULL, "reject-code" },
	{ "a peer that is no domain", "\"spam.example\"", "\"spam example/\"",
	  AUID_FAULT_CONSTRAINT, NULL, "no domain" },
	{ "the 25th hour", "from=\"22:00\"", "from=\"25:00\"", AUID_FAULT_CONSTRAINT, NULL,
	  "time-of-day" },
	{ "a clock that is none", "from=\"22:00\"", "from=\"10 pm\"", AUID_FAULT_SCHEMA, NULL,
	  "from" },
	{ "a time zone by name", "tz=\"+01:00\"", "tz=\"Europe/Berlin\"", AUID_FAULT_SCHEMA, NULL,
	  "tz" },
	{ "no direction", ">terminating<", ">up<", AUID_FAULT_SCHEMA, NULL, "direction" },
	{ "neither roaming nor not", "<op:roaming>false<", "<op:roaming>perhaps<",
	  AUID_FAULT_SCHEMA, NULL, "roaming" },
	{ "a list of the operator's by a relative reference",
	  "http://xcap.op.example/root/resource-lists/global", "resource-lists/global",
	  AUID_FAULT_CONSTRAINT, NULL, "anc" },
	{ "a period without a zone", "<op:roaming>false</op:roaming>",
	  "<cp:validity><cp:from>2026-01-01T00:00:00</cp:from><cp:until>2027-01-01T00:00:00Z</"
	  "cp:until></cp:validity>",
	  AUID_FAULT_CONSTRAINT, NULL, "time zone" },
	{ "an exception that excepts nobody", "<op:roaming>false</op:roaming>",
	  "<cp:identity><cp:many><cp:except domain=\"a b\"/></cp:many></cp:identity>",
	  AUID_FAULT_CONSTRAINT, NULL, "many" },
};

static const struct usage_case documents = {
	&auid_operator_policy,		"operator-policy.xml", rows,
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
