/* SPDX-License-Identifier: Apache-2.0 */
/* What a user asks the address book server to do. */
#include "tests/xdms/usage/usage_check.h"

static const struct usage_row rows[] = {
	{ "good", NULL, NULL, AUID_FAULT_NONE, NULL, NULL },
	{ "a task twice", "id=\"r2\"", "id=\"r1\"", AUID_FAULT_UNIQUENESS,
	  "feature-handler/contact-share%5B2%5D/@id", NULL },
	{ "a task without id", " id=\"r2\"", "", AUID_FAULT_SCHEMA, NULL, "id" },
	{ "a task without request", "<contact-share id=\"r2\"><request/></contact-share>",
	  "<contact-share id=\"r2\"/>", AUID_FAULT_SCHEMA, NULL, "contact-share" },
	{ "a task nobody knows", "<contact-share id=\"r2\"><request/></contact-share>",
	  "<sing id=\"r2\"><request/></sing>", AUID_FAULT_SCHEMA, NULL, "sing" },
	{ "a response before its request", "<contact-share id=\"r2\"><request/>",
	  "<contact-share id=\"r2\"><response code=\"200\" state=\"done\" "
	  "time=\"2026-02-01T10:00:01Z\"/><request/>",
	  AUID_FAULT_SCHEMA, NULL, "response" },
	{ "two responses", "</response>",
	  "</response><response code=\"200\" state=\"done\" time=\"2026-02-01T10:00:01Z\"/>",
	  AUID_FAULT_SCHEMA, NULL, "response" },
	{ "a code that is none", "code=\"202\" state", "code=\"2020\" state", AUID_FAULT_SCHEMA,
	  NULL, "code" },
	{ "a state nobody knows", "\"pending\"", "\"asleep\"", AUID_FAULT_SCHEMA, NULL, "state" },
	{ "a form nobody knows", "vcard3", "vcard9", AUID_FAULT_SCHEMA, NULL, "format" },
	{ "somebody twice", "<rl:entry uri=\"tel:+4912340002\"/>",
	  "<rl:entry uri=\"sip:b@x\"/><rl:entry uri=\"sip:b@x\"/>", AUID_FAULT_UNIQUENESS,
	  "feature-handler/contact-share%5B1%5D/request%5B1%5D/recipients%5B1%5D/a:entry%5B2%5D/"
	  "@uri?xmlns(a=urn:ietf:params:xml:ns:resource-lists)",
	  NULL },
	{ "a list elsewhere that is no address", "<rl:entry uri=\"tel:+4912340002\"/>",
	  "<rl:external anchor=\"x\"/>", AUID_FAULT_CONSTRAINT, NULL, "anchor" },
	{ "an entry elsewhere that is no path", "<rl:entry uri=\"tel:+4912340002\"/>",
	  "<rl:entry-ref ref=\"/x\"/>", AUID_FAULT_CONSTRAINT, NULL, "ref" },
	{ "a source of nothing", " type=\"carddav\"", "", AUID_FAULT_SCHEMA, NULL, "type" },
};

static const struct usage_case documents = {
	&auid_cab_feature_handler,
	"cab-feature-handler.xml",
	rows,
	sizeof(rows) / sizeof(rows[0]),
	USAGE_CONTEXT,
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
