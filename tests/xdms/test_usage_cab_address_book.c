/* SPDX-License-Identifier: Apache-2.0 */
/* Address books. */
#include "tests/xdms/usage/usage_check.h"

#include <stdio.h>
#include <stdlib.h>

#include "xdms/xcap_valid.h"

#define CONTACT2 "<contact id=\"c2\" last-modified=\"2026-02-01T10:00:00Z\">"
#define ORG	 "<pcc:org-details><pcc:org-description>Bakers</pcc:org-description></pcc:org-details>"

static const struct usage_row rows[] = {
	{ "good", NULL, NULL, AUID_FAULT_NONE, NULL, NULL },
	{ "a contact twice", "id=\"c2\"", "id=\"c1\"", AUID_FAULT_UNIQUENESS,
	  "address-book/contact%5B2%5D/@id", NULL },
	{ "a group twice", "</group>", "</group><group id=\"g1\"><display-name/></group>",
	  AUID_FAULT_UNIQUENESS, "address-book/group%5B2%5D/@id", NULL },
	{ "a group of a contact's name", "<group id=\"g1\">", "<group id=\"c1\">", AUID_FAULT_NONE,
	  NULL, NULL },
	{ "a contact without id", " id=\"c2\"", "", AUID_FAULT_SCHEMA, NULL, "id" },
	{ "an empty id", "id=\"c2\"", "id=\"\"", AUID_FAULT_SCHEMA, NULL, "id" },
	{ "a contact without a date", CONTACT2, "<contact id=\"c2\">", AUID_FAULT_SCHEMA, NULL,
	  "last-modified" },
	{ "a contact of no one", ORG, "", AUID_FAULT_CONSTRAINT, NULL, "org-details" },
	{ "a contact of two", ORG, ORG "<pcc:person-details/>", AUID_FAULT_CONSTRAINT, NULL,
	  "person-details" },
	{ "two pictures", "<group-ref id=\"g1\"/>",
	  "<photo><pcc:media><pcc:media-url>https://x/y</pcc:media-url></pcc:media></photo>",
	  AUID_FAULT_CONSTRAINT, NULL, "photo" },
	{ "two states", "<group-ref id=\"g1\"/>",
	  "<contact-status cab-user=\"false\" origin=\"import\"/>", AUID_FAULT_CONSTRAINT, NULL,
	  "contact-status" },
	{ "an origin nobody knows", "origin=\"subscription\"", "origin=\"dream\"",
	  AUID_FAULT_SCHEMA, NULL, "origin" },
	{ "a state nobody knows", "state=\"active\"", "state=\"bored\"", AUID_FAULT_SCHEMA, NULL,
	  "state" },
	{ "a group that is not there", "<group-ref id=\"g1\"/>", "<group-ref id=\"g9\"/>",
	  AUID_FAULT_NONE, NULL, NULL },
	{ "a group reference to nothing", "<group-ref id=\"g1\"/>", "<group-ref/>",
	  AUID_FAULT_SCHEMA, NULL, "id" },
	{ "a group without name", "<display-name>Hikers</display-name>", "", AUID_FAULT_SCHEMA,
	  NULL, "group" },
	{ "a group before a contact", CONTACT2, "<group id=\"g2\"><display-name/></group>" CONTACT2,
	  AUID_FAULT_NONE, NULL, NULL },
	{ "a group with a name of its own before it", "<display-name>Hikers</display-name>",
	  "<x xmlns=\"urn:u\"/><display-name/>", AUID_FAULT_SCHEMA, NULL, "display-name" },
	{ "a card's part where a contact's stands", "<note>brings cake</note>",
	  "<pcc:career><pcc:duty>cook</pcc:duty></pcc:career>", AUID_FAULT_NONE, NULL, NULL },
	{ "an unknown part of a contact", "<note>brings cake</note>", "<cake/>", AUID_FAULT_SCHEMA,
	  NULL, "cake" },
	{ "an unknown element of a card", "<note>brings cake</note>", "<pcc:cake/>",
	  AUID_FAULT_SCHEMA, NULL, "cake" },
	{ "a part of a card twice", "<pcc:comm-addr>", "<pcc:comm-addr/><pcc:comm-addr>",
	  AUID_FAULT_CONSTRAINT, NULL, "comm-addr is there twice" },
	{ "a picture in the clear", "https://op.example/bo.jpg", "http://op.example/bo.jpg",
	  AUID_FAULT_CONSTRAINT, NULL, "media-url" },
	{ "a property without name", " name=\"X-SHOE-SIZE\"", "", AUID_FAULT_SCHEMA, NULL, "name" },
	{ "an address that is no URI", "<note>brings cake</note>",
	  "<pcc:addr-uri>bo</pcc:addr-uri>", AUID_FAULT_CONSTRAINT, NULL, "addr-uri" },
	{ "a version below none", "version=\"41\"", "version=\"-1\"", AUID_FAULT_SCHEMA, NULL,
	  "version" },
};

static const struct usage_case documents = {
	&auid_cab_address_book,		"cab-address-book.xml", rows,
	sizeof(rows) / sizeof(rows[0]), USAGE_CONTEXT,
};

static void documents_are_judged(void **state)
{
	usage_check(*state, &documents);
}

/* As large as one is allowed to be: taken as a whole, and edited in one contact. */
static void fifty_thousand_are_a_book(void **state)
{
	enum { CONTACTS = 50000, CONTACT_BYTES = 700 };
	struct xcap_judge judge = { .table = *state,
				    .usage = &auid_cab_address_book,
				    .context = documents.context };
	const struct xcap_limits limits = xcap_valid_limits(judge.usage);
	char *text = malloc((size_t)CONTACTS * CONTACT_BYTES);
	struct arena *arena = arena_new(0);
	struct xcap_fault fault;
	struct xcap_edit edit;
	struct xcap_doc *doc;
	struct xcap_sel sel;
	struct err err;
	size_t n;

	assert_non_null(text);
	n = (size_t)sprintf(text, "<address-book xmlns='urn:oma:xml:cab:address-book' "
				  "xmlns:p='urn:oma:xml:cab:pcc'>");
	for (unsigned i = 0; i < CONTACTS; i++)
		n += (size_t)sprintf(
			text + n,
			"<contact id='c%u' last-modified='2026-02-01T10:00:00Z'><p:person-details>"
			"<p:name><p:name-entry name-type='LegalName'><p:given>Ana</p:given>"
			"<p:family>Number %u</p:family><p:display-name>Ana %u</p:display-name>"
			"</p:name-entry></p:name><p:comm-addr><p:tel tel-type='Mobile'><p:tel-nb>"
			"<p:tel-str>+49123%u</p:tel-str></p:tel-nb></p:tel><p:uri-entry "
			"addr-uri-type='Email'><p:addr-uri>mailto:a%u@x.example</p:addr-uri>"
			"</p:uri-entry></p:comm-addr></p:person-details></contact>\n",
			i, i, i, i, i);
	n += (size_t)sprintf(text + n, "</address-book>");
	if (xcap_valid_document(&judge, strv_mem(text, n), arena, &doc, &fault, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(xcap_sel_parse(STRV("address-book/contact[@id=\"c25000\"]/note"), STRV(""),
					strv_of(judge.usage->ns), arena, &sel, &err),
			 0);
	assert_int_equal(xcap_edit_put(doc, &sel, STRV("<note>x</note>"), &limits, arena, &edit,
				       &fault, &err),
			 XCAP_EDITED);
	assert_int_equal(xcap_valid_alone(&judge, doc, &sel, 0, &edit, arena), 1);
	xcap_doc_drop(&edit.doc);
	xcap_doc_drop(&doc);
	arena_free(&arena);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_are_judged),
		cmocka_unit_test(fifty_thousand_are_a_book),
	};

	return cmocka_run_group_tests(tests, usage_open, usage_close);
}
