/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/xdms/test_xcap_diff_list.c - bodies of SUBSCRIBE, and what their URIs mean to whom
 */
#include "xdms/xcap_diff_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/xml.h"

#define NS     "urn:ietf:params:xml:ns:resource-lists"
#define LISTS  "resource-lists/users/sip:alice@x/"
#define GLOBAL XDM_GLOBAL_OWNER

/* ---- lists ---- */

struct list_row {
	const char *why, *body;
	enum err_code code; /* ERR_NONE: it is read */
	const char *uris;   /* joined by " " */
};

static const struct list_row list_rows[] = {
	{ "the RFC's example, shortened",
	  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<resource-lists xmlns=\"" NS "\">\n"
	  " <list>\n  <entry uri=\"resource-lists/users/sip:joe@x/index\"/>\n"
	  "  <entry uri=\"rls-services/users/sip:joe@x/index/~~/*/service%5b@uri='sip:m@x'%5d\"/>\n"
	  "  <entry uri=\"pidf-manipulation/\"/>\n </list>\n</resource-lists>",
	  ERR_NONE,
	  "resource-lists/users/sip:joe@x/index "
	  "rls-services/users/sip:joe@x/index/~~/*/service%5b@uri='sip:m@x'%5d "
	  "pidf-manipulation/" },
	{ "XML's escapes are not the URI's",
	  "<resource-lists xmlns=\"" NS "\"><list><entry uri=\"a/?x=1&amp;y=%22\"/></list>"
	  "</resource-lists>",
	  ERR_NONE, "a/?x=1&y=%22" },
	{ "the same twice",
	  "<r:resource-lists xmlns:r=\"" NS "\"><r:list><r:entry uri=\"a/\"/>"
	  "<r:entry uri=\"a/\"/></r:list><r:list><r:entry uri=\"b/\"/></r:list>"
	  "</r:resource-lists>",
	  ERR_NONE, "a/ b/" },
	{ "lists in lists, and what is not understood (RFC 5875 s4.4)",
	  "<resource-lists xmlns=\"" NS
	  "\" new=\"x\"><list><list><entry uri=\"a/\"><x xmlns=\"u:x\"/>"
	  "</entry></list><entry-ref ref=\"b\"/><external anchor=\"http://h/\"/><entry/>"
	  "<entry xmlns=\"u:x\" uri=\"c/\"/></list></resource-lists>",
	  ERR_NONE, "a/" },
	{ "none", "<resource-lists xmlns=\"" NS "\"/>", ERR_NONE, "" },
	{ "another root", "<list xmlns=\"" NS "\"/>", ERR_SYNTAX, NULL },
	{ "another namespace", "<resource-lists/>", ERR_SYNTAX, NULL },
	{ "no XML", "v=0", ERR_SYNTAX, NULL },
	{ "a document type", "<!DOCTYPE r []><r/>", ERR_SYNTAX, NULL },
	{ "too many",
	  "<resource-lists xmlns=\"" NS "\"><list><entry uri=\"1\"/><entry uri=\"2\"/>"
	  "<entry uri=\"3\"/><entry uri=\"4\"/></list></resource-lists>",
	  ERR_LIMIT, NULL },
};

static void test_lists(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(list_rows) / sizeof(list_rows[0]); i++) {
		const struct list_row *row = &list_rows[i];
		struct arena *arena = arena_new(0);
		struct err err = { .code = ERR_NONE };
		const char *text = "";
		struct strv *uri;
		unsigned n;
		int ret = xcap_diff_list_parse(strv_of(row->body), 3, arena, &uri, &n, &err);

		if ((ret < 0) != (row->code != ERR_NONE) || (ret < 0 && err.code != row->code))
			fail_msg("%s: %d, %s %s", row->why, ret, err_code_name(err.code), err.text);
		for (unsigned k = 0; ret == 0 && k < n; k++)
			text = arena_printf(arena, "%s%s%.*s", text, k ? " " : "",
					    STRV_ARG(uri[k]));
		if (ret == 0 && strcmp(text, row->uris) != 0)
			fail_msg("%s: %s", row->why, text);
		arena_free(&arena);
	}
}

/* ---- what they mean ---- */

enum who { ALICE, OPERATOR };

struct row {
	const char *why, *uri;
	enum who who;
	enum xcap_interest_kind kind;
	const char *owner, *name, *node;
};

static const struct row rows[] = {
	{ "a document of one's own", LISTS "index", ALICE, XCAP_INTEREST_DOCUMENT, "sip:alice@x",
	  "x/resource-lists/index", NULL },
	{ "absolute", "http://h:8080/xcap-root/" LISTS "index", ALICE, XCAP_INTEREST_DOCUMENT,
	  "sip:alice@x", "x/resource-lists/index", NULL },
	{ "from the root of the server", "/xcap-root/" LISTS "in%64ex", ALICE,
	  XCAP_INTEREST_DOCUMENT, "sip:alice@x", "x/resource-lists/index", NULL },
	{ "below another root", "/other/" LISTS "index", ALICE, XCAP_INTEREST_NONE, NULL, NULL,
	  NULL },
	{ "a node", LISTS "index/~~/resource-lists/list%5b1%5d", ALICE, XCAP_INTEREST_NODE,
	  "sip:alice@x", "x/resource-lists/index", "resource-lists/list[1]" },
	{ "a namespace is none (s4.1)", LISTS "index/~~/resource-lists/namespace::*", ALICE,
	  XCAP_INTEREST_NONE, NULL, NULL, NULL },
	{ "no selector of ours", LISTS "index/~~/resource-lists/text()", ALICE, XCAP_INTEREST_NONE,
	  NULL, NULL, NULL },
	{ "somebody else's, if they let", "resource-lists/users/sip:bob@x/index", ALICE,
	  XCAP_INTEREST_DOCUMENT, "sip:bob@x", "x/resource-lists/index", NULL },
	{ "somebody else's, which is for nobody",
	  "org.openmobilealliance.xcap-directory/users/sip:bob@x/directory.xml", ALICE,
	  XCAP_INTEREST_NONE, NULL, NULL, NULL },
	{ "for an operator", "resource-lists/users/sip:bob@x/index", OPERATOR,
	  XCAP_INTEREST_DOCUMENT, "sip:bob@x", "x/resource-lists/index", NULL },
	{ "one's own folder", LISTS, ALICE, XCAP_INTEREST_COLLECTION, "sip:alice@x",
	  "x/resource-lists/", NULL },
	{ "a usage, of whoever asks", "resource-lists/", ALICE, XCAP_INTEREST_COLLECTION,
	  "sip:alice@x", "x/resource-lists/", NULL },
	{ "its users, of whoever asks", "resource-lists/users/", ALICE, XCAP_INTEREST_COLLECTION,
	  "sip:alice@x", "x/resource-lists/", NULL },
	{ "the global tree", "resource-lists/global/", ALICE, XCAP_INTEREST_COLLECTION, GLOBAL,
	  "x/resource-lists/", NULL },
	{ "everything", "https://h/xcap-root/", ALICE, XCAP_INTEREST_COLLECTION, "sip:alice@x",
	  "x/", NULL },
	{ "somebody else's folder", "resource-lists/users/sip:bob@x/", ALICE, XCAP_INTEREST_NONE,
	  NULL, NULL, NULL },
	{ "that an operator sees", "resource-lists/users/sip:bob@x/", OPERATOR,
	  XCAP_INTEREST_COLLECTION, "sip:bob@x", "x/resource-lists/", NULL },
	{ "a folder in a folder", LISTS "folder/", ALICE, XCAP_INTEREST_NONE, NULL, NULL, NULL },
	{ "no such usage", "frob/users/sip:alice@x/", ALICE, XCAP_INTEREST_NONE, NULL, NULL, NULL },
	{ "no such tree", "resource-lists/frob/", ALICE, XCAP_INTEREST_NONE, NULL, NULL, NULL },
	{ "folders below the global tree", "resource-lists/global/x/", ALICE, XCAP_INTEREST_NONE,
	  NULL, NULL, NULL },
	{ "nobody", "resource-lists/users/%20/", OPERATOR, XCAP_INTEREST_NONE, NULL, NULL, NULL },
	{ "broken escapes", "resource-lists/users/sip:%a/", ALICE, XCAP_INTEREST_NONE, NULL, NULL,
	  NULL },
	{ "broken escapes in a document", LISTS "%", ALICE, XCAP_INTEREST_NONE, NULL, NULL, NULL },
	{ "a fragment", LISTS "index#a", ALICE, XCAP_INTEREST_NONE, NULL, NULL, NULL },
	{ "a host alone", "http://h", ALICE, XCAP_INTEREST_NONE, NULL, NULL, NULL },
	{ "a host with its slash", "http://h/", ALICE, XCAP_INTEREST_NONE, NULL, NULL, NULL },
	{ "a scheme alone", "http://", ALICE, XCAP_INTEREST_NONE, NULL, NULL, NULL },
	{ "nothing", "", ALICE, XCAP_INTEREST_NONE, NULL, NULL, NULL },
	{ "what the operator keeps to himself", "org.opencpm.operator-policy/global/index", ALICE,
	  XCAP_INTEREST_NONE, NULL, NULL, NULL },
	{ "and sees", "org.opencpm.operator-policy/global/index", OPERATOR, XCAP_INTEREST_DOCUMENT,
	  GLOBAL, "x/org.opencpm.operator-policy/index", NULL },
};

static int canonical(void *arg, struct strv xui, struct arena *arena, struct strv *out)
{
	(void)arg;
	(void)arena;
	*out = xui;
	return strv_starts(xui, STRV("sip:")) && xui.n > 4 ? 0 : -1;
}

static struct xcap_rules rules = { .root = { "/xcap-root", 10 }, .canonical = canonical };

static const struct xcap_who persons[] = {
	[ALICE] = { { "sip:alice@x", 11 }, { "sip:alice@x", 11 }, 0 },
	[OPERATOR] = { { "sip:root@x", 10 }, { "sip:root@x", 10 }, 1 },
};

static int is(struct strv s, const char *want)
{
	return strv_eq(s, strv_of(want ? want : ""));
}

static void test_interests(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct arena *arena = arena_new(0);
		struct xcap_interest in;

		assert_int_equal(xcap_interest_read(&rules, strv_of(row->uri), &persons[row->who],
						    arena, &in),
				 0);
		if (in.kind != row->kind || (in.kind != XCAP_INTEREST_NONE &&
					     (!is(in.owner, row->owner) ||
					      !is(in.name, row->name) || !is(in.node, row->node))))
			fail_msg("%s: kind %d \"%.*s\" \"%.*s\" \"%.*s\"", row->why, (int)in.kind,
				 STRV_ARG(in.owner), STRV_ARG(in.name), STRV_ARG(in.node));
		/* Whoever uses it asks the owner, or is an operator. */
		if (in.kind != XCAP_INTEREST_NONE)
			assert_int_equal(in.is_foreign, strv_eq(in.owner, STRV("sip:bob@x")));
		arena_free(&arena);
	}
}

struct read_row {
	const char *why, *owner, *name;
	enum who who;
	int may;
};

static const struct read_row read_rows[] = {
	{ "one's own", "sip:alice@x", "x/resource-lists/index", ALICE, 1 },
	{ "a name that needs escapes", "sip:alice@x", "x/resource-lists/a b%#?", ALICE, 1 },
	{ "of the operator alone", GLOBAL, "x/org.opencpm.operator-policy/index", ALICE, 0 },
	{ "by the operator", GLOBAL, "x/org.opencpm.operator-policy/index", OPERATOR, 1 },
	{ "of a usage that is gone", "sip:alice@x", "x/frob/index", ALICE, 0 },
	{ "in a folder, from another server", "sip:alice@x", "x/resource-lists/a/b", ALICE, 0 },
};

static void test_documents_of_collections(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(read_rows) / sizeof(read_rows[0]); i++) {
		const struct read_row *row = &read_rows[i];
		struct arena *arena = arena_new(0);

		if (xcap_interest_may_read(&rules, strv_of(row->owner), strv_of(row->name),
					   &persons[row->who], arena) != row->may)
			fail_msg("%s", row->why);
		arena_free(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_interests),
		cmocka_unit_test(test_documents_of_collections),
	};
	struct auid_table *table;
	int ret;

	if (xml_init(TEST_SCHEMA_DIR, NULL) < 0 || auid_table_open(1, &table, NULL) < 0)
		return 1;
	rules.table = table;
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	auid_table_close(&table);
	xml_fini();
	return ret;
}
