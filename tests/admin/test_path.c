/* SPDX-License-Identifier: Apache-2.0 */
/* tests/admin/test_path.c - which path is which verb, and decoding exactly once */
#include "admin/admin_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static const struct {
	const char *why, *path, *pattern;
	int fits;
	const char *part;
} path_rows[] = {
	{ "the same", "/v1/status", "/v1/status", 1, NULL },
	{ "a longer one", "/v1/status/x", "/v1/status", 0, NULL },
	{ "a slash behind", "/v1/status/", "/v1/status", 0, NULL },
	{ "a shorter one", "/v1", "/v1/status", 0, NULL },
	{ "nothing is decoded in names", "/v1/%73tatus", "/v1/status", 0, NULL },
	{ "case counts", "/v1/Status", "/v1/status", 0, NULL },
	{ "a segment", "/v1/jobs/17", "/v1/jobs/*", 1, "17" },
	{ "an empty segment is none", "/v1/jobs/", "/v1/jobs/*", 0, NULL },
	{ "a segment in the middle", "/v1/jobs/17/file", "/v1/jobs/*/file", 1, "17" },
	{ "two segments are not one", "/v1/export/a/b", "/v1/export/*", 0, NULL },
	{ "an encoded slash is part of its segment", "/v1/export/a%2Fb", "/v1/export/*", 1,
	  "a%2Fb" },
	{ "dots have no meaning", "/v1/export/..", "/v1/export/*", 1, ".." },
	{ "a star is itself", "/v1/export/*", "/v1/export/*", 1, "*" },
	{ "a double slash", "//v1/status", "/v1/status", 0, NULL },
};

static void test_fits(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(path_rows) / sizeof(path_rows[0]); i++) {
		struct strv part = { NULL, 0 };
		int fits = admin_path_fits(strv_of(path_rows[i].path), path_rows[i].pattern, &part);

		if (fits != path_rows[i].fits || !strv_eq(part, strv_of(path_rows[i].part)) ||
		    !part.p != !path_rows[i].part)
			fail_msg("%s", path_rows[i].why);
	}
}

static const struct {
	const char *why, *in, *out; /* out NULL: refused */
} decode_rows[] = {
	{ "plain", "sip:a@x", "sip:a@x" },
	{ "empty", "", "" },
	{ "encoded", "sip%3Aa%40x", "sip:a@x" },
	{ "both cases", "%2f%2F", "//" },
	{ "once only", "%252F", "%2F" },
	{ "plus is plus", "a+b", "a+b" },
	{ "high octets", "%C3%A4%ff", "\xc3\xa4\xff" },
	{ "NUL", "a%00b", NULL },
	{ "cut", "a%", NULL },
	{ "cut later", "a%4", NULL },
	{ "no digit", "%4g", NULL },
	{ "no digit first", "%g4", NULL },
	{ "a sign is no digit", "%+1", NULL },
};

static void test_decode(void **state)
{
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(decode_rows) / sizeof(decode_rows[0]); i++) {
		struct strv out = { NULL, 0 };
		struct err err = { 0 };
		int ret = admin_percent_decode(strv_of(decode_rows[i].in), arena, &out, &err);

		if ((ret == 0) != (decode_rows[i].out != NULL) ||
		    (ret == 0 && !strv_eq(out, strv_of(decode_rows[i].out))) ||
		    (ret < 0 && err.code != ERR_SYNTAX))
			fail_msg("%s: %.*s %s", decode_rows[i].why, STRV_ARG(out), err.text);
	}
	arena_free(&arena);
}

static void test_decode_without_memory(void **state)
{
	struct arena *arena = arena_new(256);
	struct err err = { 0 };
	struct strv out;
	char text[512];

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_int_equal(admin_percent_decode(strv_mem(text, sizeof(text)), arena, &out, &err), -1);
	assert_int_equal(err.code, ERR_NOMEM);
	arena_free(&arena);
}

static void test_query(void **state)
{
	struct strv query = STRV("after=sip%3Aa%40x&&max=10&flag&x=a=b&"), name, value;
	static const char *const expected[][2] = {
		{ "after", "sip:a@x" }, { "max", "10" }, { "flag", "" }, { "x", "a=b" }
	};
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(admin_query_next(&query, arena, &name, &value, NULL), 1);
		assert_true(strv_eq(name, strv_of(expected[i][0])));
		assert_true(strv_eq(value, strv_of(expected[i][1])));
	}
	assert_int_equal(admin_query_next(&query, arena, &name, &value, NULL), 0);
	query = STRV("max=%zz");
	assert_int_equal(admin_query_next(&query, arena, &name, &value, NULL), -1);
	query = strv_of(NULL);
	assert_int_equal(admin_query_next(&query, arena, &name, &value, NULL), 0);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fits),
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_decode_without_memory),
		cmocka_unit_test(test_query),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
