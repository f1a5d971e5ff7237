/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/xdms/test_xdm_docs.c - operators' requests: the same rules as for clients, and undo
 */
#include "xdms/xdm_docs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/xml.h"
#include "tests/xdms/xdm_world.h"

#define USER "test-app/users/sip:alice@example.com/"
#define DOC  USER "index"
#define R    "<r xmlns=\"test-app\""

static struct auid_table *table;
static struct xcap_rules rules;

static int canonical(void *arg, struct strv xui, struct arena *arena, struct strv *out)
{
	(void)arg;
	*out = xui;
	if (strv_eq(xui, STRV("alias")))
		*out = STRV("sip:alias@example.com");
	return strv_eq(xui, STRV("nobody's")) || !arena ? -1 : 0;
}

static int home(void *arg, struct strv identity, struct arena *arena, struct strv *home_out,
		struct err *err)
{
	(void)arg;
	(void)arena;
	*home_out = STRV(OWNER);
	if (strv_eq(identity, STRV(OWNER)) || strv_eq(identity, STRV("sip:alias@example.com")))
		return 0;
	return err_set(err, ERR_ABSENT, "there is no user %.*s", STRV_ARG(identity));
}

struct asked {
	struct xdm_docs docs;
	struct xdm_ask ask;
	struct xdm_state state;
	struct xdm_refusal refusal;
	struct err err;
	int ret;
};

static struct asked asking(struct xdm_world *w, const char *doc)
{
	return (struct asked){ .docs = { &rules, w->store, NULL },
			       .ask = { .doc = strv_of(doc),
					.who = STRV("operator:eve"),
					.time_us = 7,
					.arena = w->arena,
					.home = home } };
}

/* PUT (BODY NULL: DELETE). The cause of a refusal; "" when it was done. */
static const char *put(struct xdm_world *w, const char *doc, const char *body)
{
	struct asked a = asking(w, doc);

	a.ret = xdm_docs_put_sync(&a.docs, &a.ask, strv_of(body), &a.state, &a.refusal, &a.err);
	assert_true(a.ret >= 0);
	if (a.ret)
		assert_true(a.refusal.why.n > 0);
	return a.ret ? a.refusal.cause : "";
}

static const char *get(struct xdm_world *w, const char *doc)
{
	struct asked a = asking(w, doc);
	struct strv content;
	const char *type;

	a.ret = xdm_docs_get_sync(&a.docs, &a.ask, &content, &type, &a.state, &a.refusal, &a.err);
	assert_true(a.ret >= 0);
	return a.ret ? a.refusal.cause : arena_strdup(w->arena, content);
}

static const char *undo(struct xdm_world *w, uint64_t number)
{
	struct asked a = asking(w, DOC);
	uint64_t undone = 0;

	a.ret = xdm_docs_undo_sync(&a.docs, &a.ask, number, &undone, &a.state, &a.refusal, &a.err);
	assert_true(a.ret >= 0);
	if (number && !a.ret)
		assert_int_equal(undone, number);
	return a.ret ? a.refusal.cause : "";
}

static const struct {
	const char *why, *doc, *body, *cause;
} put_rows[] = {
	{ "a document", DOC, R "><a/></r>", "" },
	{ "a node", DOC "/~~/r/a", "<a>1</a>", "" },
	{ "an attribute", DOC "/~~/r/a/@k", "\"v\"", "" },
	{ "not well-formed", DOC, R ">", "not-well-formed" },
	{ "no parent", DOC "/~~/r/x/y", "<y/>", "no-parent" },
	{ "no usage", "none/users/sip:alice@example.com/index", R "/>", "auid" },
	{ "nobody of that name", "test-app/users/sip:eve@example.com/index", R "/>", "xui" },
	{ "no identity", "test-app/users/nobody's/index", R "/>", "xui" },
	{ "no document's name", "test-app/users", R "/>", "uri" },
	{ "by an alias", "test-app/users/alias/index2", R "/>", "" },
	{ "deleted", DOC "/~~/r/a", NULL, "" },
	{ "deleted twice", DOC "/~~/r/a", NULL, "absent" },
};

static void operators_pass_the_same_checks(void **state)
{
	struct xdm_world *w = *state;

	for (unsigned i = 0; i < sizeof(put_rows) / sizeof(put_rows[0]); i++) {
		const char *cause = put(w, put_rows[i].doc, put_rows[i].body);

		if (strcmp(cause, put_rows[i].cause) != 0)
			fail_msg("%s: %s", put_rows[i].why, cause);
	}
	assert_string_equal(get(w, DOC), R "></r>");
	assert_string_equal(get(w, USER "index2"), R "/>");
	assert_string_equal(get(w, DOC "/~~/r/a"), "absent");
}

static void the_log_says_who(void **state)
{
	struct xdm_world *w = *state;
	struct xdm_log_entry *entry;
	struct asked a = asking(w, DOC);
	unsigned n;

	assert_int_equal(xdm_docs_log_sync(&a.docs, &a.ask, &entry, &n, &a.state, &a.refusal,
					   &a.err),
			 1);
	put(w, DOC, R "><a/></r>");
	put(w, DOC "/~~/r/a?xmlns(p=urn:p)", "<a>1</a>");
	assert_int_equal(xdm_docs_log_sync(&a.docs, &a.ask, &entry, &n, &a.state, &a.refusal,
					   &a.err),
			 0);
	assert_int_equal(n, 2);
	assert_int_equal(entry[1].number, 2);
	assert_int_equal(entry[1].kind, XDM_PUT_NODE);
	assert_int_equal(entry[1].time_us, 7);
	assert_true(strv_eq(entry[1].who, STRV("operator:eve")));
	assert_true(strv_eq(entry[1].selector, STRV("r/a?xmlns(p=urn:p)")));
	assert_string_equal(a.state.doc.p, "test-app/users/sip:alice@example.com/index");
	a = asking(w, DOC "/~~/r");
	assert_int_equal(xdm_docs_log_sync(&a.docs, &a.ask, &entry, &n, &a.state, &a.refusal,
					   &a.err),
			 1);
	assert_string_equal(a.refusal.cause, "node");
}

/* Steps: "doc", body NULL: delete, "undo" with a number in the body. What they lead to. */
struct step {
	const char *doc, *body;
};

#define NODE(path) DOC "/~~/r/" path

static const struct {
	const char *why;
	struct step step[6];
	const char *cause; /* of the last one */
	const char *text;  /* what there is in the end */
} undos[] = {
	{ "an element that was put",
	  { { DOC, R "><a/></r>" }, { NODE("a"), "<a>1</a>" }, { "undo", "0" } },
	  "",
	  R "><a/></r>" },
	{ "one that went",
	  { { DOC, R ">\n <a>1</a>\n</r>" }, { NODE("a"), NULL }, { "undo", "0" } },
	  "",
	  R ">\n <a>1</a>\n</r>" },
	{ "a new one", { { DOC, R "/>" }, { NODE("a"), "<a/>" }, { "undo", "0" } }, "", R "/>" },
	{ "an attribute",
	  { { DOC, R "><a k='1'/></r>" }, { NODE("a/@k"), "\"2\"" }, { "undo", "0" } },
	  "",
	  R "><a k='1'/></r>" },
	{ "a whole document",
	  { { DOC, R ">1</r>" }, { DOC, "<q>2</q>" }, { "undo", "0" } },
	  "",
	  R ">1</r>" },
	{ "its creation", { { DOC, R ">1</r>" }, { "undo", "0" } }, "", "absent" },
	{ "its deletion", { { DOC, R ">1</r>" }, { DOC, NULL }, { "undo", "0" } }, "", R ">1</r>" },
	{ "the undo",
	  { { DOC, R ">1</r>" }, { DOC, R ">2</r>" }, { "undo", "0" }, { "undo", "0" } },
	  "",
	  R ">2</r>" },
	{ "an older one elsewhere",
	  { { DOC, R "><a/><b/></r>" },
	    { NODE("b"), "<b>1</b>" },
	    { NODE("a"), "<a>longer</a>" },
	    { "undo", "2" } },
	  "",
	  R "><a>longer</a><b/></r>" },
	{ "an older one in the same place",
	  { { DOC, R "><a/><b/></r>" },
	    { NODE("b"), "<b>1</b>" },
	    { NODE("b"), "<b>2</b>" },
	    { "undo", "2" } },
	  "touched",
	  R "><a/><b>2</b></r>" },
	{ "what was undone",
	  { { DOC, R "><b/></r>" }, { NODE("b"), "<b>1</b>" }, { "undo", "2" }, { "undo", "2" } },
	  "touched",
	  R "><b/></r>" },
	{ "what came again",
	  { { DOC, R ">1</r>" }, { DOC, NULL }, { DOC, R ">3</r>" }, { "undo", "2" } },
	  "touched",
	  R ">3</r>" },
	{ "a creation that has been edited",
	  { { DOC, R "><a/></r>" }, { NODE("a"), "<a>1</a>" }, { "undo", "1" } },
	  "touched",
	  R "><a>1</a></r>" },
	{ "no such number", { { DOC, R "/>" }, { "undo", "2" } }, "absent", R "/>" },
	{ "nothing", { { "undo", "0" } }, "absent", "absent" },
};

static void changes_are_taken_back(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(undos) / sizeof(undos[0]); i++) {
		const char *cause = "";
		struct xdm_world *w;
		void *world;

		assert_int_equal(xdm_world_setup(&world), 0);
		w = world;
		for (const struct step *s = undos[i].step; s->doc; s++) {
			if (strcmp(cause, "") != 0)
				fail_msg("%s: %s", undos[i].why, cause);
			cause = strcmp(s->doc, "undo") == 0 ? undo(w, strtoull(s->body, NULL, 10))
							    : put(w, s->doc, s->body);
		}
		if (strcmp(cause, undos[i].cause) != 0)
			fail_msg("%s: %s", undos[i].why, cause);
		if (strcmp(get(w, DOC), undos[i].text) != 0)
			fail_msg("%s: %s", undos[i].why, get(w, DOC));
		xdm_world_teardown(&world);
	}
}

/* Two entries with one URI: the schema and the usage judge what an undo makes, too. */
#define LISTS	   "resource-lists/users/sip:alice@example.com/index"
#define ENTRY(uri) "<entry uri=\"" uri "\"/>"
static void an_undo_must_be_valid(void **state)
{
	struct xdm_world *w = *state;
	struct asked a;
	uint64_t undone;
	static const char base[] =
		"<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\"><list "
		"name=\"l\">" ENTRY("sip:a@x") ENTRY("sip:b@x") "</list></resource-lists>";

	assert_string_equal(put(w, LISTS, base), "");
	assert_string_equal(put(w, LISTS "/~~/resource-lists/list/entry%5b@uri=%22sip:a@x%22%5d",
				NULL),
			    "");
	assert_string_equal(put(w, LISTS "/~~/resource-lists/list/entry%5b@uri=%22sip:a@x%22%5d",
				ENTRY("sip:a@x")),
			    "");
	a = asking(w, LISTS);
	a.ret = xdm_docs_undo_sync(&a.docs, &a.ask, 2, &undone, &a.state, &a.refusal, &a.err);
	assert_int_equal(a.ret, 1);
	assert_string_equal(a.refusal.cause, "uniqueness-failure");
}

static void documents_are_listed(void **state)
{
	struct xdm_world *w = *state;
	struct asked a = asking(w, OWNER);
	struct xdm_state *states;
	struct strv after = { NULL, 0 };
	char *book = xdm_world_book(500);
	unsigned n;

	put(w, USER "b", book); /* of many chunks */
	put(w, USER "a%20b", R "/>");
	put(w, LISTS, "<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\"/>");
	assert_int_equal(xdm_docs_list_sync(&a.docs, &a.ask, after, 10, &states, &n, &a.refusal,
					    &a.err),
			 0);
	assert_int_equal(n, 3);
	assert_string_equal(states[0].doc.p, LISTS);
	assert_string_equal(states[1].doc.p, USER "a%20b");
	assert_string_equal(states[2].doc.p, USER "b");
	assert_int_equal(xdm_docs_list_sync(&a.docs, &a.ask, states[1].doc, 10, &states, &n,
					    &a.refusal, &a.err),
			 0);
	assert_int_equal(n, 1);
	a.ask.doc = strv_mem(NULL, 0);
	assert_int_equal(xdm_docs_list_sync(&a.docs, &a.ask, after, 10, &states, &n, &a.refusal,
					    &a.err),
			 0);
	assert_int_equal(n, 0);
	free(book);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, xdm_world_setup, xdm_world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(operators_pass_the_same_checks),
		TEST(the_log_says_who),
		cmocka_unit_test(changes_are_taken_back),
		TEST(an_undo_must_be_valid),
		TEST(documents_are_listed),
	};
	struct err err;
	int ret;

	if (xml_init(TEST_SCHEMA_DIR, &err) < 0 || auid_table_open(1, &table, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	rules = (struct xcap_rules){ .table = table,
				     .root = STRV("/xcap-root"),
				     .canonical = canonical };
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	auid_table_close(&table);
	return ret;
}
