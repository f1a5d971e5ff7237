/* SPDX-License-Identifier: Apache-2.0 */
/* MIME header fields: folding, bounds, parameters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cpm/mime.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_head(void **state)
{
	static const struct {
		const char *why, *bytes, *type, *body;
		int code;
	} rows[] = {
		{ "one field", "Content-Type: a/b\r\n\r\nx", "a/b", "x", 0 },
		{ "name in any case", "content-TYPE:a/b\r\n\r\nx", "a/b", "x", 0 },
		{ "LF alone", "Content-Type: a/b\n\nx", "a/b", "x", 0 },
		{ "folded", "Content-Type: a/b;\r\n\t c=d\r\n\r\nx", "a/b; c=d", "x", 0 },
		{ "folded at once", "Content-Type:\r\n a/b\r\n \r\n\r\nx", "a/b", "x", 0 },
		{ "blank before the colon", "Content-Type : a/b\r\n\r\n", "a/b", "", 0 },
		{ "no blank line", "Content-Type: a/b\r\n", "a/b", "", 0 },
		{ "no line end", "Content-Type: a/b", "a/b", "", 0 },
		{ "nothing but the blank line", "\r\nx", NULL, "x", 0 },
		{ "nothing", "", NULL, "", 0 },
		{ "the first of two counts", "content-type: a/b\ncontent-type: c/d\n\n", "a/b", "",
		  0 },
		{ "begins with a fold", " a: b\r\n\r\n", NULL, NULL, ERR_SYNTAX },
		{ "no colon", "Hello\r\n\r\n", NULL, NULL, ERR_SYNTAX },
		{ "no name", ": b\r\n\r\n", NULL, NULL, ERR_SYNTAX },
		{ "name of two words", "a b: c\r\n\r\n", NULL, NULL, ERR_SYNTAX },
		{ "bare CR", "a: b\rc: d\r\n\r\n", NULL, NULL, ERR_SYNTAX },
		{ "control octet in a fold", "a: b\r\n \001\r\n\r\n", NULL, NULL, ERR_SYNTAX },
		{ "five fields", "a:1\nb:1\nc:1\nd:1\ne:1\n\n", NULL, NULL, ERR_LIMIT },
		{ "too long", "a:0123456789012345678901234567890123456789012345\n\n", NULL, NULL,
		  ERR_LIMIT },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *arena = arena_new(0);
		struct mime_head head;
		struct strv body, type;
		struct err err = { 0 };
		int ret = mime_head_parse(strv_of(rows[i].bytes), 4, 44, arena, &head, &body, &err);

		if ((ret < 0 ? (int)err.code : 0) != rows[i].code)
			fail_msg("%s: %d %s", rows[i].why, ret, err.text);
		if (ret == 0) {
			type = mime_find(&head, "Content-Type");
			if (!!type.p != !!rows[i].type || !strv_eq(type, strv_of(rows[i].type)) ||
			    !strv_eq(body, strv_of(rows[i].body)))
				fail_msg("%s: \"%.*s\"", rows[i].why, STRV_ARG(type));
		}
		arena_free(&arena);
	}
}

static void test_param(void **state)
{
	static const struct {
		const char *why, *value, *want;
		int ret;
	} rows[] = {
		{ "token", "a/b;boundary=x", "x", 1 },
		{ "blanks around everything", "a/b ; c=d ; boundary = x ", "x", 1 },
		{ "name in any case", "a/b;BOUNDARY=x", "x", 1 },
		{ "quoted, with what ends a token", "a/b;boundary=\"x;y\\\"z\";c=d", "x;y\"z", 1 },
		{ "a semicolon too many", "a/b;;boundary=x;", "x", 1 },
		{ "other one", "a/b;c=d", NULL, 0 },
		{ "none", "a/b", NULL, 0 },
		{ "twice", "a/b;boundary=x;boundary=y", NULL, -1 },
		{ "no value", "a/b;boundary=", NULL, -1 },
		{ "no equals sign", "a/b;boundary", NULL, -1 },
		{ "no end of the quotation", "a/b;boundary=\"x", NULL, -1 },
		{ "something behind it", "a/b;boundary=\"x\"y", NULL, -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *arena = arena_new(0);
		struct strv got = { NULL, 0 };
		struct err err = { 0 };
		int ret = mime_param(strv_of(rows[i].value), "boundary", arena, &got, &err);

		if (ret != rows[i].ret || (ret == 1 && !strv_eq(got, strv_of(rows[i].want))))
			fail_msg("%s: %d \"%.*s\" %s", rows[i].why, ret, STRV_ARG(got), err.text);
		arena_free(&arena);
	}
	assert_true(mime_is(STRV("Message/CPIM ; x=y"), "message/cpim"));
	assert_false(mime_is(STRV("message/cpimx"), "message/cpim"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_param),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
