/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/xdms/test_xcap_diff_read.c - xcap-diff documents of another server: which documents
 */
#include "xdms/xcap_diff_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/xml.h"
#include "xdms/xcap_diff.h"

#define HEAD "<d:xcap-diff xmlns:d=\"urn:ietf:params:xml:ns:xcap-diff\" xcap-root=\"http://h/x/\">"
#define TAIL "</d:xcap-diff>"

static const struct row {
	const char *why, *text;
	enum err_code code;
	const char *told; /* "XUI NAME;" or "XUI -NAME;" for each */
} rows[] = {
	{ "nothing", HEAD TAIL, ERR_NONE, "" },
	{ "came, changed with operations, went",
	  HEAD "<d:document sel=\"resource-lists/users/sip:a@x/index\" new-etag=\"1\"/>"
	       "<d:document sel=\"pres-rules/users/sip:a@x/index\" previous-etag=\"1\" "
	       "new-etag=\"2\"><d:remove sel=\"*[1]\"/></d:document>"
	       "<d:document sel=\"resource-lists/users/sip:a@x/index\" previous-etag=\"1\"/>" TAIL,
	  ERR_NONE,
	  "sip:a@x x/resource-lists/index;sip:a@x x/pres-rules/index;"
	  "sip:a@x -x/resource-lists/index;" },
	{ "in the global tree", HEAD "<d:document sel=\"a/global/index\" new-etag=\"1\"/>" TAIL,
	  ERR_NONE, " x/a/index;" },
	{ "with escapes",
	  HEAD "<d:document sel=\"a/users/sip%3Aa%40x/b%20c\" new-etag=\"1\"/>" TAIL, ERR_NONE,
	  "sip:a@x x/a/b c;" },
	{ "nodes, what is not understood, and what names nothing are passed over",
	  HEAD "<d:element sel=\"a/users/u/i/~~/a\"/><d:attribute sel=\"b\"/><x/><d:document/>"
	       "<d:document sel=\"%\" new-etag=\"1\"/><d:document sel=\"a/users/u/../i\"/>"
	       "<d:document sel=\"a/users/u/i/~~/a\"/><document sel=\"a/global/i\"/>" TAIL,
	  ERR_NONE, "" },
	{ "another root", "<d:document xmlns:d=\"urn:ietf:params:xml:ns:xcap-diff\"/>", ERR_SYNTAX,
	  NULL },
	{ "another namespace", "<xcap-diff/>", ERR_SYNTAX, NULL },
	{ "no XML", "<d:xcap-diff>", ERR_SYNTAX, NULL },
	{ "a document type", "<!DOCTYPE a []><a/>", ERR_SYNTAX, NULL },
};

static void test_rows(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct arena *arena = arena_new(0);
		struct err err = { .code = ERR_NONE };
		struct xcap_diff_told *told;
		const char *text = "";
		unsigned n;
		int ret = xcap_diff_read(strv_of(row->text), arena, &told, &n, &err);

		if ((ret < 0) != (row->code != ERR_NONE) || (ret < 0 && err.code != row->code))
			fail_msg("%s: %d, %s %s", row->why, ret, err_code_name(err.code), err.text);
		for (unsigned k = 0; ret == 0 && k < n; k++)
			text = arena_printf(arena, "%s%.*s %s%.*s;", text, STRV_ARG(told[k].xui),
					    told[k].is_gone ? "-" : "", STRV_ARG(told[k].name));
		if (ret == 0 && strcmp(text, row->told) != 0)
			fail_msg("%s: %s", row->why, text);
		arena_free(&arena);
	}
}

static void test_more_than_anybody_tells(void **state)
{
	struct arena *arena = arena_new(0);
	struct xcap_print print = { .arena = arena };
	struct xcap_diff_told *told;
	struct err err;
	unsigned n;

	(void)state;
	xcap_print_str(&print, HEAD);
	for (unsigned i = 0; i <= XCAP_DIFF_READ_MAX; i++)
		xcap_print_str(&print, "<d:document sel=\"a/global/i\"/>");
	xcap_print_str(&print, TAIL);
	assert_int_equal(xcap_diff_read(xcap_print_end(&print), arena, &told, &n, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	arena_free(&arena);
}

/* What we print ourselves. */
static void test_ours(void **state)
{
	const struct xcap_diff_entry entry = { .kind = XCAP_DIFF_DOCUMENT,
					       .sel = STRV("a/users/sip:a@x/i"),
					       .new_etag = STRV("1") };
	struct arena *arena = arena_new(0);
	struct strv text = xcap_diff_print(STRV("http://h/x/"), &entry, 1, arena);
	struct xcap_diff_told *told;
	unsigned n;

	(void)state;
	assert_int_equal(xcap_diff_read(text, arena, &told, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_true(strv_eq(told[0].xui, STRV("sip:a@x")));
	assert_true(strv_eq(told[0].name, STRV("x/a/i")));
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_more_than_anybody_tells),
		cmocka_unit_test(test_ours),
	};

	if (xml_init(NULL, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
