/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/xdms/test_xcap_delta.c - the place of a change, and whether a later one touched it
 *
 * That the octets are right is shown for random edits by test_xcap_oracle.
 */
#include "xdms/xcap_delta.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/xdms/doc_check.h"

#define DOC "<r><a n=\"1\"><b/></a><c>x</c></r>"

static struct xcap_doc *parse(const char *text)
{
	struct xcap_doc *doc;
	struct err err;

	if (xcap_doc_parse(strv_of(text), NULL, &doc, &err) < 0)
		fail_msg("%s", err.text);
	return doc;
}

/* The document after SEL has been put (BODY) or deleted, and its delta. */
static struct xcap_doc *edited(const struct xcap_doc *doc, const char *sel_text, const char *body,
			       struct arena *arena, struct xcap_delta *delta)
{
	struct xcap_fault fault;
	struct xcap_edit edit;
	struct xcap_sel sel;
	struct err err;
	int verdict;

	assert_int_equal(xcap_sel_parse(strv_of(sel_text), strv_mem(NULL, 0), strv_mem(NULL, 0),
					arena, &sel, &err),
			 0);
	verdict = body ? xcap_edit_put(doc, &sel, strv_of(body), NULL, arena, &edit, &fault, &err)
		       : xcap_edit_delete(doc, &sel, NULL, arena, &edit, &fault, &err);
	if (verdict != XCAP_EDITED)
		fail_msg("%s: %d", sel_text, verdict);
	assert_int_equal(xcap_delta_find(doc, edit.doc, &edit, arena, delta), 0);
	return edit.doc;
}

static const struct {
	const char *why, *sel, *body, *place; /* in the old document */
	const char *removed;
} places[] = {
	{ "an element that is replaced, though one octet differs", "r/c", "<c>y</c>", "<c>x</c>",
	  "x" },
	{ "a new element has no place yet", "r/d", "<d/>", "", "" },
	{ "an element that goes", "r/a/b", NULL, "<b/>", "<b/>" },
	{ "an attribute: the start tag", "r/a/@n", "12", "<a n=\"1\">", "" },
	{ "a new attribute", "r/a/@m", "5", "<a n=\"1\">", "" },
	{ "an attribute that goes", "r/a/@n", NULL, "<a n=\"1\">", " n=\"1\"" },
	{ "the same again", "r/c", "<c>x</c>", "<c>x</c>", "" },
};

static void the_place_is_the_element(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct arena *arena = arena_new(0);
		struct xcap_doc *doc = parse(DOC), *next;
		struct xcap_delta d;
		char place[64];

		next = edited(doc, places[i].sel, places[i].body, arena, &d);
		snprintf(place, sizeof(place), "%.*s", (int)(d.lead + d.removed.n + d.trail),
			 DOC + d.at - d.lead);
		if (strcmp(place, places[i].place) != 0 ||
		    !strv_eq(d.removed, strv_of(places[i].removed)))
			fail_msg("%s: %s, removed %.*s", places[i].why, place, STRV_ARG(d.removed));
		xcap_doc_drop(&doc);
		xcap_doc_drop(&next);
		arena_free(&arena);
	}
}

static void a_whole_document_is_one_place(void **state)
{
	struct arena *arena = arena_new(0);
	struct xcap_doc *doc = parse(DOC), *next = parse("<r><a n=\"1\"/><c>x</c></r>");
	struct xcap_delta d;

	(void)state;
	assert_int_equal(xcap_delta_find(doc, next, NULL, arena, &d), 0);
	assert_int_equal(d.at - d.lead, 0);
	assert_int_equal(d.at + d.removed.n + d.trail, strlen(DOC));
	assert_int_equal(xcap_delta_find(doc, NULL, NULL, arena, &d), 0);
	assert_true(strv_eq(d.removed, STRV(DOC)));
	assert_int_equal(d.inserted_n, 0);
	assert_int_equal(xcap_delta_find(NULL, doc, NULL, arena, &d), 0);
	assert_int_equal(d.removed.n, 0);
	assert_int_equal(d.inserted_n, strlen(DOC));
	assert_int_equal(xcap_delta_find(doc, doc, NULL, arena, &d), 0);
	assert_int_equal(d.removed.n + d.inserted_n, 0);
	xcap_doc_drop(&doc);
	xcap_doc_drop(&next);
	arena_free(&arena);
}

static const struct {
	const char *why, *sel, *body, *later_sel, *later_body;
	int touched;
} passes[] = {
	{ "elsewhere, behind", "r/a/b", NULL, "r/c", "<c>yy</c>", 0 },
	{ "elsewhere, before: it moves", "r/c", "<c>yy</c>", "r/a/b", NULL, 0 },
	{ "beside it", "r/a", "<a/>", "r/c", "<c/>", 0 },
	{ "the same element", "r/c", "<c>yy</c>", "r/c", "<c>y</c>", 1 },
	{ "in it", "r/a", "<a><b/><d/></a>", "r/a/b", NULL, 1 },
	{ "around it", "r/a/b", "<b>1</b>", "r/a", "<a/>", 1 },
	{ "an attribute of what is around it", "r/a/b", "<b>1</b>", "r/a/@n", "2", 0 },
	{ "another attribute of the same tag", "r/a/@n", "2", "r/a/@m", "2", 1 },
	{ "right before what was changed later", "r/a", NULL, "r/c", "<c/>", 0 },
	{ "a new one right behind it", "r/c", "<c>yy</c>", "r/d", "<d/>", 0 },
	{ "behind a new one", "r/d", "<d/>", "r/c", "<c/>", 0 },
	{ "in the gap that it left", "r/a/b", NULL, "r/a/d", "<d/>", 1 },
};

/* Passing tells where the change now lies: what it put stands there. */
static void later_changes_touch_or_move(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(passes) / sizeof(passes[0]); i++) {
		struct arena *arena = arena_new(0);
		struct xcap_doc *doc = parse(DOC), *next, *last;
		struct xcap_delta d, later;
		char *text, *end;
		uint64_t at;
		size_t n;

		next = edited(doc, passes[i].sel, passes[i].body, arena, &d);
		last = edited(next, passes[i].later_sel, passes[i].later_body, arena, &later);
		text = doc_text(next, &n);
		end = doc_text(last, &n);
		at = d.at;
		if (xcap_delta_pass(&d, &later) == passes[i].touched)
			fail_msg("%s", passes[i].why);
		if (!passes[i].touched && memcmp(text + at, end + d.at, (size_t)d.inserted_n) != 0)
			fail_msg("%s: it moved elsewhere", passes[i].why);
		free(text);
		free(end);
		xcap_doc_drop(&doc);
		xcap_doc_drop(&next);
		xcap_doc_drop(&last);
		arena_free(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_place_is_the_element),
		cmocka_unit_test(a_whole_document_is_one_place),
		cmocka_unit_test(later_changes_touch_or_move),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
