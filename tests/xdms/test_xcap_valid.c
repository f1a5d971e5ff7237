/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which edits are judged by the changed element alone: those that cost little must, and what could
 * clash with the rest of the document must not.
 */
#include "tests/xdms/usage/usage_check.h"

#include "xdms/xcap_valid.h"

static const char lists[] =
	"<resource-lists xmlns='urn:ietf:params:xml:ns:resource-lists'>"
	"<list name='a'><entry uri='sip:1'/><entry uri='sip:2'/><x xmlns='urn:u'/></list>"
	"</resource-lists>";

static const struct {
	const char *why, *sel, *body;
	int alone;
} rows[] = {
	{ "a new member", "resource-lists/list[1]/entry[3][@uri=\"sip:3\"]", "<entry uri='sip:3'/>",
	  1 },
	{ "a member with a name", "resource-lists/list[1]/entry[@uri=\"sip:2\"]",
	  "<entry uri='sip:2'><display-name>Bo</display-name></entry>", 1 },
	{ "a new list", "resource-lists/list[@name=\"b\"]",
	  "<list name='b'><entry uri='sip:1'/></list>", 1 },
	{ "a member that is there", "resource-lists/list[1]/entry[3]", "<entry uri='sip:1'/>", 0 },
	{ "a member behind an extension", "resource-lists/list[1]/*[4]", "<entry uri='sip:3'/>",
	  0 },
	{ "a member without uri", "resource-lists/list[1]/entry[3]", "<entry/>", 0 },
	{ "an extension", "resource-lists/list[1]/*[4]", "<y xmlns='urn:u'/>", 1 },
	{ "an extension that holds an ID", "resource-lists/list[1]/*[4]",
	  "<y xmlns='urn:u'><rule xmlns='urn:ietf:params:xml:ns:common-policy' id='r'/></y>", 0 },
};

static void the_changed_element_is_enough_where_it_can_be(void **state)
{
	const struct xcap_judge judge = { .table = *state, .usage = &auid_resource_lists };
	struct xcap_doc *doc;
	struct err err = { 0 };

	assert_int_equal(xcap_doc_parse(strv_of(lists), NULL, &doc, &err), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new(0);
		struct xcap_fault fault = { 0 };
		struct xcap_edit edit = { 0 };
		struct xcap_sel sel;

		assert_int_equal(xcap_sel_parse(strv_of(rows[i].sel), STRV(""),
						strv_of(auid_resource_lists.ns), arena, &sel, &err),
				 0);
		if (xcap_edit_put(doc, &sel, strv_of(rows[i].body), NULL, arena, &edit, &fault,
				  &err) != XCAP_EDITED)
			fail_msg("%s: not edited", rows[i].why);
		if (xcap_valid_alone(&judge, doc, &sel, 0, &edit, arena) != rows[i].alone)
			fail_msg("%s: %s", rows[i].why,
				 rows[i].alone ? "needs the whole" : "judged alone");
		xcap_doc_drop(&edit.doc);
		arena_free(&arena);
	}
	xcap_doc_drop(&doc);
}

static const char book[] =
	"<address-book xmlns='urn:oma:xml:cab:address-book'>"
	"<contact id='c1' last-modified='2026-02-01T10:00:00Z'>"
	"<person-details xmlns='urn:oma:xml:cab:pcc'><career/></person-details><note>x</note>"
	"</contact></address-book>";

static const struct {
	const char *why, *sel, *query;
	int alone;
} deletions[] = {
	{ "a note goes", "address-book/contact[@id=\"c1\"]/note", "", 1 },
	{ "a contact goes", "address-book/contact[@id=\"c1\"]", "", 1 },
	{ "a part of a card goes", "address-book/contact[1]/p:person-details/p:career",
	  "xmlns(p=urn:oma:xml:cab:pcc)", 1 },
	{ "what a contact must have goes", "address-book/contact[1]/p:person-details",
	  "xmlns(p=urn:oma:xml:cab:pcc)", 0 },
};

/* A large book is not looked at because one contact lost something. */
static void what_is_left_of_the_unit_is_enough(void **state)
{
	const struct xcap_judge judge = { .table = *state, .usage = &auid_cab_address_book };
	struct xcap_doc *doc;
	struct err err = { 0 };

	assert_int_equal(xcap_doc_parse(strv_of(book), NULL, &doc, &err), 0);
	for (size_t i = 0; i < sizeof(deletions) / sizeof(deletions[0]); i++) {
		struct arena *arena = arena_new(0);
		struct xcap_fault fault = { 0 };
		struct xcap_edit edit = { 0 };
		struct xcap_sel sel;

		assert_int_equal(xcap_sel_parse(strv_of(deletions[i].sel),
						strv_of(deletions[i].query),
						strv_of(judge.usage->ns), arena, &sel, &err),
				 0);
		if (xcap_edit_delete(doc, &sel, NULL, arena, &edit, &fault, &err) != XCAP_EDITED)
			fail_msg("%s: not edited", deletions[i].why);
		if (xcap_valid_alone(&judge, doc, &sel, 1, &edit, arena) != deletions[i].alone)
			fail_msg("%s: %s", deletions[i].why,
				 deletions[i].alone ? "needs the whole" : "judged alone");
		xcap_doc_drop(&edit.doc);
		arena_free(&arena);
	}
	xcap_doc_drop(&doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_changed_element_is_enough_where_it_can_be),
		cmocka_unit_test(what_is_left_of_the_unit_is_enough),
	};

	return cmocka_run_group_tests(tests, usage_open, usage_close);
}
