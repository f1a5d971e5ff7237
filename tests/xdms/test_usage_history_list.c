/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations that were kept, and messages that wait. */
#include "tests/xdms/usage/usage_check.h"

static const struct usage_row rows[] = {
	{ "good", NULL, NULL, AUID_FAULT_NONE, NULL, NULL },
	{ "an unknown element", "<subject>Sunday</subject>", "<mood/>", AUID_FAULT_SCHEMA, NULL,
	  "mood" },
	{ "a size that is none", "512", "many", AUID_FAULT_SCHEMA, NULL, "size" },
	{ "a day that is none", "2026-02-01T10", "2026-02-31T10", AUID_FAULT_SCHEMA, NULL, "date" },
	{ "somebody without address", " uri=\"sip:ana@op.example\"", "", AUID_FAULT_SCHEMA, NULL,
	  "uri" },
	{ "nothing", "<history history-reference=\"h1\">", "<history>", AUID_FAULT_NONE, NULL,
	  NULL },
};

static const struct usage_case histories = {
	&auid_conv_history, "history-list.xml", rows, sizeof(rows) / sizeof(rows[0]), USAGE_CONTEXT,
};

static void histories_are_judged(void **state)
{
	usage_check(*state, &histories);
}

static const struct usage_case waiting = {
	&auid_deferred_list, "history-list.xml", rows, sizeof(rows) / sizeof(rows[0]),
	USAGE_CONTEXT,
};

static void waiting_are_judged(void **state)
{
	usage_check(*state, &waiting);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(histories_are_judged),
		cmocka_unit_test(waiting_are_judged),
	};

	return cmocka_run_group_tests(tests, usage_open, usage_close);
}
