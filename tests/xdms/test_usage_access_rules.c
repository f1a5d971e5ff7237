/* SPDX-License-Identifier: Apache-2.0 */
/* Whose invitations a user takes. */
#include "tests/xdms/usage/usage_check.h"

static const struct usage_row rows[] = {
	{ "good", NULL, NULL, AUID_FAULT_NONE, NULL, NULL },
	{ "no rules at all", "<cp:rule id=\"anon\">", "<cp:rule id=\"anon2\">", AUID_FAULT_NONE,
	  NULL, NULL },
	{ "storage in the text", "<oxe:allow-offline-storage oxe:allow=\"true\"/>",
	  "<oxe:allow-offline-storage>false</oxe:allow-offline-storage>", AUID_FAULT_NONE, NULL,
	  NULL },
	{ "storage neither yes nor no", "<oxe:allow-offline-storage oxe:allow=\"true\"/>",
	  "<oxe:allow-offline-storage>perhaps</oxe:allow-offline-storage>", AUID_FAULT_CONSTRAINT,
	  NULL, "allow-offline-storage" },
	{ "storage without a value", "<oxe:allow-offline-storage oxe:allow=\"true\"/>",
	  "<oxe:allow-offline-storage/>", AUID_FAULT_CONSTRAINT, NULL, "rule \"rest\"" },
	{ "a foreign condition", "<ocp:anonymous-request/>", "<z xmlns=\"urn:z\"/>",
	  AUID_FAULT_NONE, NULL, NULL },
	{ "an unknown condition of OMA", "<ocp:anonymous-request/>", "<oxe:some-list/>",
	  AUID_FAULT_SCHEMA, NULL, "some-list" },
	{ "an unknown action of ours", "<up:deliver>reject</up:deliver>", "<up:deliverance/>",
	  AUID_FAULT_SCHEMA, NULL, "deliverance" },
	{ "no way to deliver", "<up:deliver>reject</up:deliver>", "<up:deliver>never</up:deliver>",
	  AUID_FAULT_SCHEMA, NULL, "deliver" },
	{ "two ways to say who", "<ocp:anonymous-request/>",
	  "<ocp:anonymous-request/><ocp:other-identity/>", AUID_FAULT_NONE, NULL, NULL },
	{ "media of nobody", "<oxe:pager-mode-message/><oxe:file-transfer/>", "", AUID_FAULT_SCHEMA,
	  NULL, "media-list" },
	{ "a medium that is none", "<oxe:pager-mode-message/>", "<oxe:telepathy/>",
	  AUID_FAULT_SCHEMA, NULL, "telepathy" },
	{ "all media but", "<oxe:pager-mode-message/><oxe:file-transfer/>",
	  "<oxe:all-media-except><oxe:video/></oxe:all-media-except>", AUID_FAULT_NONE, NULL,
	  NULL },
	{ "full and half duplex", "<oxe:half-duplex/>", "<oxe:half-duplex/><oxe:full-duplex/>",
	  AUID_FAULT_SCHEMA, NULL, "duplex" },
	{ "another user's list", "users/sip:ana@", "users/sip:bo@", AUID_FAULT_CONSTRAINT, NULL,
	  "anc" },
	{ "a rule id twice", "<cp:rule id=\"rest\">", "<cp:rule id=\"anon\">", AUID_FAULT_SCHEMA,
	  NULL, "anon" },
	{ "another root", "<cp:ruleset xmlns:cp=\"urn:ietf:params:xml:ns:common-policy\"",
	  "<cp:ruleset xmlns:cp=\"urn:ietf:params:xml:ns:common-policy\" colour=\"red\"",
	  AUID_FAULT_SCHEMA, NULL, "colour" },
};

static const struct usage_case documents = {
	&auid_access_rules, "access-rules.xml", rows, sizeof(rows) / sizeof(rows[0]), USAGE_CONTEXT,
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
