/* SPDX-License-Identifier: Apache-2.0 */
/* Presence that stays: RFC 4827, RFC 3863, RFC 4479. */
#include "tests/xdms/usage/usage_check.h"

static const struct usage_row rows[] = {
	{ "good", NULL, NULL, AUID_FAULT_NONE, NULL, NULL },
	{ "the same person by a pres URI", "entity=\"sip:ana@", "entity=\"pres:ana@",
	  AUID_FAULT_NONE, NULL, NULL },
	{ "a rich element that nobody knows", "<r:user-input>active</r:user-input>",
	  "<r:shoe-size>42</r:shoe-size>", AUID_FAULT_NONE, NULL, NULL },
	{ "a whole priority", "priority=\"0.5\"", "priority=\"1.000\"", AUID_FAULT_NONE, NULL,
	  NULL },
	{ "another person", "entity=\"sip:ana@", "entity=\"sip:bo@", AUID_FAULT_CONSTRAINT, NULL,
	  "entity" },
	{ "another person by a pres URI", "entity=\"sip:ana@", "entity=\"pres:bo@",
	  AUID_FAULT_CONSTRAINT, NULL, "entity" },
	{ "no entity", " entity=\"sip:ana@op.example\"", "", AUID_FAULT_SCHEMA, NULL, "entity" },
	{ "a tuple without status", "<status><basic>open</basic></status>", "", AUID_FAULT_SCHEMA,
	  NULL, "status" },
	{ "a tuple without id", " id=\"chat\"", "", AUID_FAULT_SCHEMA, NULL, "id" },
	{ "an id twice over two kinds", "id=\"phone\"", "id=\"ana\"", AUID_FAULT_SCHEMA, NULL,
	  "ana" },
	{ "a basic status that is none", ">open<", ">busy<", AUID_FAULT_SCHEMA, NULL, "basic" },
	{ "a priority above one", "priority=\"0.5\"", "priority=\"1.5\"", AUID_FAULT_SCHEMA, NULL,
	  "priority" },
	{ "a priority with a letter for the point", "priority=\"0.5\"", "priority=\"0x5\"",
	  AUID_FAULT_SCHEMA, NULL, "priority" },
	{ "a note before the contact", "<contact priority", "<note/><contact priority",
	  AUID_FAULT_SCHEMA, NULL, NULL },
	{ "a tuple behind a note", "<note>back soon</note>",
	  "<note/><tuple id=\"x\"><status/></tuple>", AUID_FAULT_SCHEMA, NULL, "tuple" },
	{ "a note behind a person", "</dm:person>", "</dm:person><note/>", AUID_FAULT_SCHEMA, NULL,
	  "note" },
	{ "a rich element behind a note of a person", "<dm:note>in Ulm</dm:note>",
	  "<dm:note>in Ulm</dm:note><r:mood/>", AUID_FAULT_SCHEMA, NULL, "mood" },
	{ "a device without its ID", "<dm:deviceID>urn:example:device:1</dm:deviceID>", "",
	  AUID_FAULT_SCHEMA, NULL, "device" },
	{ "a timestamp that is none", "<dm:timestamp>2026-02-01T10:00:00Z", "<dm:timestamp>today",
	  AUID_FAULT_SCHEMA, NULL, "dateTime" },
	{ "an unknown element of the data model", "<dm:note>in Ulm</dm:note>", "<dm:mood/>",
	  AUID_FAULT_SCHEMA, NULL, "mood" },
	{ "must-understand that is no boolean", "<r:class>private",
	  "<r:class xmlns:p=\"urn:ietf:params:xml:ns:pidf\" p:mustUnderstand=\"perhaps\">private",
	  AUID_FAULT_SCHEMA, NULL, "mustUnderstand" },
};

static const struct usage_case documents = {
	&auid_pidf_manipulation, "pidf.xml", rows, sizeof(rows) / sizeof(rows[0]), USAGE_CONTEXT,
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
