/* SPDX-License-Identifier: Apache-2.0 */
/* Presence rules: RFC 5025 and RFC 4745. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/xdms/usage/usage_check.h"

static const struct usage_row rows[] = {
	{ "good", NULL, NULL, AUID_FAULT_NONE, NULL, NULL },
	{ "a foreign condition", "<cp:sphere value=\"home work\"/>",
	  "<u:weather xmlns:u=\"urn:u\" is=\"fine\"/>", AUID_FAULT_NONE, NULL, NULL },
	{ "a foreign identity", "<cp:one id=\"tel:+4912340009\"/>", "<u:moon xmlns:u=\"urn:u\"/>",
	  AUID_FAULT_NONE, NULL, NULL },
	{ "two identities are both asked for", "<cp:sphere value=\"home work\"/>",
	  "<cp:identity><cp:one id=\"sip:x@y\"/></cp:identity>", AUID_FAULT_NONE, NULL, NULL },
	{ "a date without a zone", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00", AUID_FAULT_NONE,
	  NULL, NULL },
	{ "a rule without id", " id=\"nobody\"", "", AUID_FAULT_SCHEMA, NULL, "'id' is required" },
	{ "an id that is no name", "id=\"nobody\"", "id=\"0\"", AUID_FAULT_SCHEMA, NULL, "ID" },
	{ "an id with a blank inside", "id=\"nobody\"", "id=\"no body\"", AUID_FAULT_SCHEMA, NULL,
	  "ID" },
	{ "an id twice", "id=\"nobody\"", "id=\"family\"", AUID_FAULT_SCHEMA, NULL, "family" },
	{ "a foreign attribute on a rule", "id=\"nobody\"",
	  "id=\"nobody\" x:y=\"z\" xmlns:x=\"urn:x\"", AUID_FAULT_SCHEMA, NULL, "x" },
	{ "a foreign attribute on the ruleset", "xmlns:pr=\"urn",
	  "xmlns:q=\"urn:q\" q:z=\"1\" xmlns:pr=\"urn", AUID_FAULT_SCHEMA, NULL, NULL },
	{ "actions before conditions", "    <cp:conditions>", "    <cp:actions/><cp:conditions>",
	  AUID_FAULT_SCHEMA, NULL, NULL },
	{ "an identity of nobody",
	  "<cp:many domain=\"op.example\"><cp:except id=\"sip:dee@op.example\"/></cp:many><cp:one "
	  "id=\"tel:+4912340009\"/>",
	  "", AUID_FAULT_SCHEMA, NULL, "identity" },
	{ "one without id", "<cp:one id=\"tel:+4912340009\"/>", "<cp:one/>", AUID_FAULT_SCHEMA,
	  NULL, "id" },
	{ "except outside many", "<cp:one id=\"tel:+4912340009\"/>", "<cp:except id=\"sip:x@y\"/>",
	  AUID_FAULT_SCHEMA, NULL, "except" },
	{ "from without until", "<cp:until>2027-01-01T00:00:00</cp:until>", "", AUID_FAULT_SCHEMA,
	  NULL, "until" },
	{ "a date that is none", "2026-01-01T00:00:00Z", "2026-13-01T00:00:00Z", AUID_FAULT_SCHEMA,
	  NULL, "dateTime" },
	{ "a sphere without value", " value=\"home work\"", "", AUID_FAULT_SCHEMA, NULL, "value" },
	{ "an unknown element of common policy", "<cp:sphere value=\"home work\"/>", "<cp:mood/>",
	  AUID_FAULT_SCHEMA, NULL, "mood" },
	{ "an unknown permission of presence rules", "<pr:provide-devices/>", "<pr:provide-shoes/>",
	  AUID_FAULT_SCHEMA, NULL, "provide-shoes" },
	{ "the same where RFC 5025 has a wildcard", "<pr:class>private</pr:class>",
	  "<pr:provide-shoes/>", AUID_FAULT_SCHEMA, NULL, NULL },
	{ "an unknown condition of presence rules", "<cp:sphere value=\"home work\"/>",
	  "<pr:shoes/>", AUID_FAULT_SCHEMA, NULL, "shoes" },
	{ "a handling that is none", "polite-block", "maybe", AUID_FAULT_SCHEMA, NULL,
	  "sub-handling" },
	{ "all services and one", "<pr:class>private</pr:class>", "<pr:all-services/>",
	  AUID_FAULT_SCHEMA, NULL, "all-services" },
	{ "all persons, twice", "<pr:all-persons/>", "<pr:all-persons/><pr:all-persons/>",
	  AUID_FAULT_SCHEMA, NULL, NULL },
	{ "a permission that is no boolean", "<pr:provide-note>true", "<pr:provide-note>yes",
	  AUID_FAULT_SCHEMA, NULL, "boolean" },
	{ "user input of another kind", "thresholds", "some", AUID_FAULT_SCHEMA, NULL, NULL },
	{ "an unknown attribute without namespace", " ns=\"urn:example:size\"", "",
	  AUID_FAULT_SCHEMA, NULL, "ns" },
	{ "an action of common policy itself", "<pr:provide-devices/>", "<cp:rule id=\"x\"/>",
	  AUID_FAULT_SCHEMA, NULL, NULL },
};

static const struct usage_case documents = {
	&auid_pres_rules, "pres-rules.xml", rows, sizeof(rows) / sizeof(rows[0]), USAGE_CONTEXT,
};

static void documents_are_judged(void **state)
{
	usage_check(*state, &documents);
}

/* What the policy engine has no room for would be stored and never be in force. */
static void more_rules_than_can_be_compiled_are_refused(void **state)
{
	struct arena *arena = arena_new(0);
	struct auid_fault fault;
	struct err err;
	char *text = malloc(1 << 20);
	size_t n;

	for (int rules = 1000; rules <= 1001; rules++) {
		n = (size_t)sprintf(text, "<ruleset xmlns='urn:ietf:params:xml:ns:common-policy'>");
		for (int i = 0; i < rules; i++)
			n += (size_t)sprintf(text + n, "<rule id='r%d'/>", i);
		sprintf(text + n, "</ruleset>");
		usage_check_text(*state, &auid_pres_rules, text, &documents.context, &fault, arena,
				 &err);
		assert_int_equal(fault.kind,
				 rules == 1000 ? AUID_FAULT_NONE : AUID_FAULT_CONSTRAINT);
	}
	free(text);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_are_judged),
		cmocka_unit_test(more_rules_than_can_be_compiled_are_refused),
	};

	return cmocka_run_group_tests(tests, usage_open, usage_close);
}
