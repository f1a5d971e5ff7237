/* SPDX-License-Identifier: Apache-2.0 */
/* Personal contact cards. */
#include "tests/xdms/usage/usage_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_CARD "</person-details><person-details><career/></person-details>"

static const struct usage_row rows[] = {
	{ "good", NULL, NULL, AUID_FAULT_NONE, NULL, NULL },
	{ "a type nobody knows", "\"individual\"", "\"robot\"", AUID_FAULT_NONE, NULL, NULL },
	{ "another spelling of the type", "pcc-type=", "type=", AUID_FAULT_NONE, NULL, NULL },
	{ "no type", " pcc-type=\"individual\"", "", AUID_FAULT_CONSTRAINT, NULL, "pcc-type" },
	{ "a person who is a company", "\"individual\"", "\"organization\"", AUID_FAULT_CONSTRAINT,
	  NULL, "org-details" },
	{ "a second description", "</person-details>", SECOND_CARD, AUID_FAULT_CONSTRAINT, NULL,
	  "exactly one" },
	{ "a company beside a person", "</person-details>", "</person-details><org-details/>",
	  AUID_FAULT_SCHEMA, NULL, "org-details" },
	{ "an unknown part", "<career>", "<carrier/><career>", AUID_FAULT_SCHEMA, NULL, "carrier" },
	{ "a part twice", "<career>", "<career/><career>", AUID_FAULT_CONSTRAINT, NULL,
	  "career is there twice" },
	{ "a part of a name twice", "<prefix>", "<prefix>Prof</prefix><prefix>",
	  AUID_FAULT_CONSTRAINT, NULL, "prefix is there twice" },
	{ "two streets", "<street>", "<street>Platz 1</street><street>", AUID_FAULT_CONSTRAINT,
	  NULL, "street is there twice" },
	{ "names without entries", "<career>", "<name/><career>", AUID_FAULT_SCHEMA, NULL, "name" },
	{ "first is none", "display-order=\"1\"", "display-order=\"0\"", AUID_FAULT_SCHEMA, NULL,
	  "display-order" },
	{ "preferred by nothing", "name-type=\"LegalName\" pref=\"1\"",
	  "name-type=\"LegalName\" pref=\"first\"", AUID_FAULT_SCHEMA, NULL, "pref" },
	{ "a number in two spellings", "<tel-str>+4912340001</tel-str>",
	  "<tel-str>1</tel-str><tel-string>1</tel-string>", AUID_FAULT_SCHEMA, NULL, "tel-string" },
	{ "the other spelling", "<tel-str>+4912340001</tel-str>", "<tel-string>1</tel-string>",
	  AUID_FAULT_NONE, NULL, NULL },
	{ "a number without one", "<tel-nb><tel-str>+4912340001</tel-str></tel-nb>", "",
	  AUID_FAULT_SCHEMA, NULL, "tel" },
	{ "an address that is no URI", "mailto:ana@op.example", "ana@op.example",
	  AUID_FAULT_CONSTRAINT, NULL, "addr-uri" },
	{ "nothing behind the scheme", "mailto:ana@op.example", "mailto:", AUID_FAULT_CONSTRAINT,
	  NULL, "addr-uri" },
	{ "a day that is none", "1990-05-01", "1990-05-32", AUID_FAULT_SCHEMA, NULL, "date" },
	{ "a day without its year", "1990-05-01", "--05-01", AUID_FAULT_NONE, NULL, NULL },
	{ "a date of another calendar", "<date>1990-05-01</date>",
	  "<non-greg-date cal-type=\"Hebrew\">6 Iyar 5750</non-greg-date>", AUID_FAULT_NONE, NULL,
	  NULL },
	{ "two dates", "<date>1990-05-01</date>", "<date>1990-05-01</date><date>1991-05-01</date>",
	  AUID_FAULT_SCHEMA, NULL, "date" },
	{ "an address without data",
	  "<address-data><street>Weg 1</street><locality>Ulm</locality>"
	  "</address-data>",
	  "<label>x</label>", AUID_FAULT_SCHEMA, NULL, "address-entry" },
	{ "a picture in the clear", "https://op.example/ana.png", "http://op.example/ana.png",
	  AUID_FAULT_CONSTRAINT, NULL, "media-url" },
	{ "a picture that is no base64", "aGVsbG8=", "hello!", AUID_FAULT_SCHEMA, NULL, "content" },
	{ "a picture nowhere", "<media><content>aGVsbG8=</content></media>", "", AUID_FAULT_SCHEMA,
	  NULL, "media" },
	{ "a page without address", "<url>https://ana.example/</url>", "", AUID_FAULT_SCHEMA, NULL,
	  "custom-label" },
	{ "the root of another document", "<x xmlns=\"urn:example:foreign\"/>",
	  "<pcc pcc-type=\"individual\"/>", AUID_FAULT_SCHEMA, NULL, "pcc" },
};

static const struct usage_case documents = {
	&auid_cab_pcc, "cab-pcc.xml", rows, sizeof(rows) / sizeof(rows[0]), USAGE_CONTEXT,
};

static void documents_are_judged(void **state)
{
	usage_check(*state, &documents);
}

static int judge_content(const struct auid_table *table, size_t bytes)
{
	char *content = malloc(bytes + 1), *text;
	struct arena *arena = arena_new(0);
	struct auid_fault fault;
	struct err err = { 0 };
	int kind;

	memset(content, 'A', bytes);
	content[bytes] = '\0';
	assert_true(asprintf(&text,
			     "<pcc xmlns='urn:oma:xml:cab:pcc' pcc-type='individual'>"
			     "<person-details><media-list><media-entry><media><content>%s"
			     "</content></media></media-entry></media-list></person-details></pcc>",
			     content) > 0);
	kind = usage_check_text(table, &auid_cab_pcc, text, &documents.context, &fault, arena,
				&err);
	arena_free(&arena);
	free(text);
	free(content);
	return kind;
}

static void pictures_are_small(void **state)
{
	assert_int_equal(judge_content(*state, 65536), AUID_FAULT_NONE);
	assert_int_equal(judge_content(*state, 65540), AUID_FAULT_CONSTRAINT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_are_judged),
		cmocka_unit_test(pictures_are_small),
	};

	return cmocka_run_group_tests(tests, usage_open, usage_close);
}
