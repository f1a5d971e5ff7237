/* SPDX-License-Identifier: Apache-2.0 */
/* What is told about a user, by the user or by the operator. */
#include "tests/xdms/usage/usage_check.h"

static const struct usage_row rows[] = {
	{ "good", NULL, NULL, AUID_FAULT_NONE, NULL, NULL },
	{ "of somebody else", "\"sip:ana@op.example\"", "\"sip:bo@op.example\"",
	  AUID_FAULT_CONSTRAINT, NULL, "Wrong User Profile URI" },
	{ "of nobody", " uri=\"sip:ana@op.example\"", "", AUID_FAULT_SCHEMA, NULL, "uri" },
	{ "two profiles", "</user-profile>\n",
	  "</user-profile><user-profile uri=\"sip:ana@op.example\"/>", AUID_FAULT_SCHEMA, NULL,
	  "user-profile" },
	{ "a day that is none", "1990-05-01", "1990-13-01", AUID_FAULT_SCHEMA, NULL, "birth-date" },
	{ "a gender that OMA has not", ">female<", ">other<", AUID_FAULT_SCHEMA, NULL, "gender" },
	{ "out of order", "<gender>female</gender>", "<display-name>x</display-name>",
	  AUID_FAULT_SCHEMA, NULL, "display-name" },
	{ "two names", "</name>", "</name><name/>", AUID_FAULT_SCHEMA, NULL, "name" },
	{ "parts of a name out of order",
	  "<given-name>Ana</given-name><family-name>Test</family-name>",
	  "<family-name>Test</family-name><given-name>Ana</given-name>", AUID_FAULT_SCHEMA, NULL,
	  "given-name" },
	{ "an unknown part of an address", "<locality>Ulm</locality>", "<planet>Mars</planet>",
	  AUID_FAULT_SCHEMA, NULL, "planet" },
	{ "no hobby", "<hobby>hiking</hobby><hobby>chess</hobby>", "", AUID_FAULT_NONE, NULL,
	  NULL },
	{ "what others tell", "<comm-addr>tel:+4912340001</comm-addr>", "<x xmlns=\"urn:u\"/>",
	  AUID_FAULT_NONE, NULL, NULL },
};

static const struct usage_case profiles = {
	&auid_user_profile, "user-profile.xml", rows, sizeof(rows) / sizeof(rows[0]), USAGE_CONTEXT,
};

static void profiles_are_judged(void **state)
{
	usage_check(*state, &profiles);
}

static const struct usage_case locked_profiles = {
	&auid_locked_user_profile,	"user-profile.xml", rows,
	sizeof(rows) / sizeof(rows[0]), USAGE_CONTEXT,
};

static void locked_profiles_are_judged(void **state)
{
	usage_check(*state, &locked_profiles);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(profiles_are_judged),
		cmocka_unit_test(locked_profiles_are_judged),
	};

	return cmocka_run_group_tests(tests, usage_open, usage_close);
}
