/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of several parts: where they end, what is refused, how parts are found, and written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cpm/multipart.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MIXED	 "multipart/mixed;boundary=b"

static void test_parse(void **state)
{
	static const struct {
		const char *why, *type, *body;
		const char *parts; /* the contents, each in brackets */
		int code;
	} rows[] = {
		{ "two parts", MIXED, "--b\r\n\r\none\r\n--b\r\nA: b\r\n\r\ntwo\r\n--b--\r\n",
		  "[one][two]", 0 },
		{ "no line end behind the last", MIXED, "--b\r\n\r\none\r\n--b--", "[one]", 0 },
		{ "LF", MIXED, "--b\n\none\n--b\n\ntwo\n--b--\n", "[one][two]", 0 },
		{ "preamble and epilogue", MIXED,
		  "see\r\n--b\r\n\r\none\r\n--b--\r\nmore\r\n--b\r\n", "[one]", 0 },
		{ "padding", MIXED, "--b \t\r\n\r\none\r\n--b-- \r\n", "[one]", 0 },
		{ "no last boundary", MIXED, "--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n",
		  "[one][two\r\n]", 0 },
		{ "line ends that are the content's", MIXED, "--b\r\n\r\n\r\none\r\n\r\n--b--",
		  "[\r\none\r\n]", 0 },
		{ "empty parts", MIXED, "--b\r\n\r\n--b\r\n--b\r\n\r\n\r\n--b--", "[][][]", 0 },
		{ "header fields only", MIXED, "--b\r\nA: b\r\n--b--", "[]", 0 },
		{ "a longer boundary is none", MIXED, "--b\r\n\r\n--bb\r\n--b--", "[--bb]", 0 },
		{ "in a line's middle it is none", MIXED, "--b\r\n\r\nx--b\r\n--b--", "[x--b]", 0 },
		{ "quoted boundary", "multipart/mixed; boundary=\"a b:c\"",
		  "--a b:c\r\n\r\none\r\n--a b:c--", "[one]", 0 },
		{ "parts in a part", MIXED,
		  "--b\r\nContent-Type: multipart/alternative;boundary=c\r\n\r\n"
		  "--c\r\n\r\n1\r\n--c--\r\n--b\r\n\r\n2\r\n--b--",
		  "[--c\r\n\r\n1\r\n--c--][1][2]", 0 },
		{ "no boundary", "multipart/mixed", "--b\r\n\r\none\r\n--b--", NULL, ERR_SYNTAX },
		{ "two boundaries", "multipart/mixed;boundary=b;boundary=c", "--b\r\n\r\n--b--",
		  NULL, ERR_SYNTAX },
		{ "an impossible one", "multipart/mixed;boundary=\"a\001\"", "--a\001\r\n\r\n",
		  NULL, ERR_SYNTAX },
		{ "one that ends in a blank", "multipart/mixed;boundary=\"a \"", "--a \r\n\r\n",
		  NULL, ERR_SYNTAX },
		{ "one too long",
		  "multipart/mixed;boundary="
		  "01234567890123456789012345678901234567890123456789012345678901234567890",
		  "x", NULL, ERR_SYNTAX },
		{ "no part", MIXED, "--b--\r\n", NULL, ERR_SYNTAX },
		{ "nothing", MIXED, "", NULL, ERR_SYNTAX },
		{ "no multipart", "text/plain;boundary=b", "--b\r\n\r\n--b--", NULL, ERR_SYNTAX },
		{ "fields that are none", MIXED, "--b\r\nHello\r\n--b--", NULL, ERR_SYNTAX },
		{ "parts too many", MIXED,
		  "--b\r\n\r\n--b\r\n\r\n--b\r\n\r\n--b\r\n\r\n--b\r\n\r\n--b--", NULL, ERR_LIMIT },
		{ "too deep", MIXED,
		  "--b\nContent-Type: multipart/x;boundary=c\n\n"
		  "--c\nContent-Type: multipart/x;boundary=d\n\n--d\n\n--d--\n--c--\n--b--",
		  NULL, ERR_LIMIT },
	};
	static const struct multipart_limits limits = { 1024, 64, 3, 4, 2 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *arena = arena_new(0);
		struct multipart multipart = { NULL, 0 };
		struct err err = { 0 };
		char text[256] = "";
		int n = 0, ret = multipart_parse(strv_of(rows[i].body), strv_of(rows[i].type),
						 &limits, arena, &multipart, &err);

		if ((ret < 0 ? (int)err.code : 0) != rows[i].code)
			fail_msg("%s: %d %s", rows[i].why, ret, err.text);
		for (unsigned k = 0; k < multipart.n; k++)
			n += snprintf(text + n, sizeof(text) - (size_t)n, "[%.*s]",
				      STRV_ARG(multipart.parts[k].content));
		if (ret == 0 && !strv_eq(strv_of(text), strv_of(rows[i].parts)))
			fail_msg("%s: %s", rows[i].why, text);
		arena_free(&arena);
	}
}

/* Parts are told apart by type and disposition, never by place. */
static void test_find(void **state)
{
	static const char body[] = "--b\r\n\r\nplain\r\n"
				   "--b\r\nContent-Type: multipart/signed;boundary=c\r\n\r\n"
				   "--c\r\ncontent-type: Message/CPIM\r\n\r\ncpim\r\n--c--\r\n"
				   "--b\r\nContent-Type: application/resource-lists+xml\r\n"
				   "Content-Disposition: recipient-list; "
				   "handling=required\r\nContent-ID: <l%1@x>\r\n\r\n"
				   "list\r\n--b--\r\n";
	struct arena *arena = arena_new(0);
	struct multipart multipart;
	const struct multipart_part *part;

	(void)state;
	assert_int_equal(multipart_parse(STRV(body), STRV(MIXED), NULL, arena, &multipart, NULL),
			 0);
	part = multipart_find(&multipart, "text/plain", NULL, NULL);
	assert_true(part && strv_eq(part->content, STRV("plain")) && !part->is_signed);
	assert_null(multipart_find(&multipart, "text/plain", NULL, part));
	part = multipart_find(&multipart, "message/cpim", NULL, NULL);
	assert_true(part && part->is_signed && part->depth == 2);
	part = multipart_find(&multipart, NULL, "recipient-list", NULL);
	assert_true(part && strv_eq(part->content, STRV("list")));
	assert_ptr_equal(multipart_cid(&multipart, STRV("cid:l%251%40x")), part);
	assert_ptr_equal(multipart_cid(&multipart, STRV("CID:l%1@x")), part);
	assert_null(multipart_cid(&multipart, STRV("cid:L%251@x")));
	assert_null(multipart_cid(&multipart, STRV("cid:l%251@")));
	assert_null(multipart_cid(&multipart, STRV("cid:")));
	assert_null(multipart_cid(&multipart, STRV("mid:l%251@x")));
	arena_free(&arena);
}

static void test_print(void **state)
{
	static const struct mime_field good = { { "A", 1 }, { "b", 1 } };
	static const struct mime_field bad = { { "A", 1 }, { "b\r\nC: d", 7 } };
	static const struct {
		const char *why, *boundary;
		struct multipart_new part;
		size_t n;
		int ret;
	} rows[] = {
		{ "octets of any kind", "x", { &good, 1, { "\0\r\n--\377", 6 } }, 1, 0 },
		{ "no fields", "x", { NULL, 0, { "1", 1 } }, 1, 0 },
		{ "no part", "x", { NULL, 0, { NULL, 0 } }, 0, -1 },
		{ "the boundary in it", "x", { NULL, 0, { "axb", 3 } }, 1, -1 },
		{ "an impossible boundary", "x\r\n", { NULL, 0, { "1", 1 } }, 1, -1 },
		{ "a field of two lines", "x", { &bad, 1, { "1", 1 } }, 1, -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *arena = arena_new(0);
		struct multipart multipart;
		struct strv bytes;
		int ret = multipart_print(&rows[i].part, rows[i].n, strv_of(rows[i].boundary),
					  arena, &bytes, NULL);

		if (ret != rows[i].ret)
			fail_msg("%s: %d", rows[i].why, ret);
		if (ret == 0) {
			assert_int_equal(multipart_parse(bytes, STRV("multipart/mixed;boundary=x"),
							 NULL, arena, &multipart, NULL),
					 0);
			assert_int_equal(multipart.n, 1);
			assert_int_equal(multipart.parts[0].head.n, rows[i].part.n_fields);
			assert_true(strv_eq(multipart.parts[0].content, rows[i].part.content));
		}
		arena_free(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
