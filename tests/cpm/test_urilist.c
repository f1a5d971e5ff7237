/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of recipients: what is merged, refused, and shown to the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/xml.h"
#include "cpm/urilist.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ROOT(x)                                                            \
	"<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\" " \
	"xmlns:c=\"urn:ietf:params:xml:ns:copycontrol\" "                  \
	"xmlns:C=\"urn:ietf:params:xml:ns:copyControl\">" x "</resource-lists>"
#define LIST(x) ROOT("<list>" x "</list>")

static void test_parse(void **state)
{
	static const struct {
		const char *why, *bytes;
		const char *list; /* key, copy as a number, ! when anonymous */
		int code;
	} rows[] = {
		{ "flat",
		  LIST("<entry uri=\"tel:+1\"/><entry uri=\"sip:b@x\" c:copyControl=\"to\"/>"),
		  "tel:+1 0,sip:b@x 3,", 0 },
		{ "shipped spelling",
		  LIST("<entry uri=\"sip:b@x\" C:copyControl=\"cc\" C:anonymize=\"true\"/>"),
		  "sip:b@x 2!,", 0 },
		{ "the highest wins",
		  LIST("<entry uri=\"sip:b@X;a=b\" c:copyControl=\"bcc\"/>"
		       "<entry uri=\"sip:b@x\" c:copyControl=\"to\"/><entry uri=\"sip:b@x\"/>"),
		  "sip:b@x 3,", 0 },
		{ "another method is another request",
		  LIST("<entry uri=\"sip:b@x;method=BYE\"/><entry uri=\"sip:b@x\"/>"),
		  "sip:b@x;method=BYE 0,sip:b@x 0,", 0 },
		{ "lists in lists",
		  LIST("<list><entry uri=\"tel:+1\"/></list><display-name>D</display-name>"),
		  "tel:+1 0,", 0 },
		{ "foreign elements", LIST("<x xmlns=\"urn:x\"><entry uri=\"tel:+1\"/></x>"), "",
		  0 },
		{ "empty", ROOT(""), "", 0 },
		{ "another root", "<list xmlns=\"urn:ietf:params:xml:ns:resource-lists\"/>", NULL,
		  ERR_SYNTAX },
		{ "no namespace", "<resource-lists/>", NULL, ERR_SYNTAX },
		{ "no URI", LIST("<entry/>"), NULL, ERR_SYNTAX },
		{ "no absolute URI", LIST("<entry uri=\"b\"/>"), NULL, ERR_SYNTAX },
		{ "a URI of two lines", LIST("<entry uri=\"sip:b@x&#13;&#10;A: b\"/>"), NULL,
		  ERR_SYNTAX },
		{ "unknown copy", LIST("<entry uri=\"tel:+1\" c:copyControl=\"all\"/>"), NULL,
		  ERR_SYNTAX },
		{ "a reference", LIST("<entry-ref ref=\"x\"/>"), NULL, ERR_RANGE },
		{ "a list elsewhere", LIST("<external anchor=\"http://x/\"/>"), NULL, ERR_RANGE },
		{ "too many",
		  LIST("<entry uri=\"tel:+1\"/><entry uri=\"tel:+2\"/><entry uri=\"tel:+3\"/>"
		       "<entry uri=\"tel:+4\"/>"),
		  NULL, ERR_LIMIT },
		{ "a document type", "<!DOCTYPE resource-lists>" ROOT(""), NULL, ERR_SYNTAX },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *arena = arena_new(0);
		struct urilist list = { NULL, 0 };
		struct err err = { 0 };
		char text[256] = "";
		int n = 0;
		int ret = urilist_parse(strv_of(rows[i].bytes), 3, NULL, arena, &list, &err);

		if ((ret < 0 ? (int)err.code : 0) != rows[i].code)
			fail_msg("%s: %d %s", rows[i].why, ret, err.text);
		for (unsigned k = 0; ret == 0 && k < list.n; k++)
			n += snprintf(text + n, sizeof(text) - (size_t)n, "%.*s %d%s,",
				      STRV_ARG(list.entries[k].key), list.entries[k].copy,
				      list.entries[k].anonymize ? "!" : "");
		if (ret == 0 && !strv_eq(strv_of(text), strv_of(rows[i].list)))
			fail_msg("%s: %s", rows[i].why, text);
		arena_free(&arena);
	}
}

/* RFC 5364 s6: blind copies are not shown, the anonymous are counted. */
static void test_history(void **state)
{
	static const struct urilist_entry entries[] = {
		{ { "sip:a@x?Session-Replaces=s", 26 }, { "", 0 }, URILIST_TO, 0 },
		{ { "sip:b@x", 7 }, { "", 0 }, URILIST_BCC, 0 },
		{ { "sip:c@x", 7 }, { "", 0 }, URILIST_CC, 1 },
		{ { "sip:d@x", 7 }, { "", 0 }, URILIST_CC, 1 },
		{ { "sip:e@x", 7 }, { "", 0 }, URILIST_NONE, 0 },
	};
	struct urilist list = { entries, COUNT(entries) }, again;
	struct arena *arena = arena_new(0);
	struct strv bytes;

	(void)state;
	assert_int_equal(urilist_history(&list, URILIST_BCC, arena, &bytes, NULL), 1);
	assert_non_null(memmem(bytes.p, bytes.n, "cp:count=\"2\"", 12));
	assert_null(memmem(bytes.p, bytes.n, "Session-Replaces", 16));
	assert_int_equal(urilist_parse(bytes, 9, NULL, arena, &again, NULL), 0);
	assert_int_equal(again.n, 2);
	assert_true(strv_eq(again.entries[0].uri, STRV("sip:a@x")));
	assert_int_equal(urilist_history(&list, URILIST_TO, arena, &bytes, NULL), 1);
	assert_int_equal(urilist_parse(bytes, 9, NULL, arena, &again, NULL), 0);
	assert_int_equal(again.n, 3);
	list = (struct urilist){ entries + 1, 1 };
	assert_int_equal(urilist_history(&list, URILIST_BCC, arena, &bytes, NULL), 0);
	arena_free(&arena);
}

static int set_up(void **state)
{
	(void)state;
	return xml_init(NULL, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	xml_fini();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_history),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
