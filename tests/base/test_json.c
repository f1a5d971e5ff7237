/* SPDX-License-Identifier: Apache-2.0 */
/* tests/base/test_json.c - JSON from outside: what is refused, and with which words */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct {
	const char *why, *text;
	enum err_code code; /* ERR_NONE: taken */
	const char *message;
} parse_rows[] = {
	{ "an object", "{\"a\":1}", ERR_NONE, NULL },
	{ "any value", " 17 ", ERR_NONE, NULL },
	{ "brackets within a string do not count", "[\"[[[[[[[[\"]", ERR_NONE, NULL },
	{ "an escaped quote does not end the string", "[\"\\\"[[[[[[[\"]", ERR_NONE, NULL },
	{ "just deep enough", "[[[[]]]]", ERR_NONE, NULL },
	{ "one too deep", "[[[[[]]]]]", ERR_LIMIT, "JSON is nested deeper than 4 levels" },
	{ "objects count too", "{\"a\":{\"a\":{\"a\":[[]]}}}", ERR_LIMIT,
	  "JSON is nested deeper than 4 levels" },
	{ "nothing", "", ERR_SYNTAX, "JSON expected, nothing found" },
	{ "cut off", "{\"a\":", ERR_SYNTAX, "JSON, line 1, column 5: " },
	{ "line and column", "{\n \"a\": x}", ERR_SYNTAX, "JSON, line 2, column 7: " },
	{ "a name twice", "{\"a\":1,\"a\":2}", ERR_SYNTAX, "duplicate object key" },
	{ "something behind", "{} {}", ERR_SYNTAX, "end of file expected" },
	{ "NUL in a string", "[\"\\u0000\"]", ERR_SYNTAX, "\\u0000 is not allowed" },
	{ "half a surrogate", "[\"\\ud800\"]", ERR_SYNTAX, "invalid Unicode" },
	{ "not UTF-8", "[\"\xff\"]", ERR_SYNTAX, "unable to decode" },
	{ "overlong UTF-8", "[\"\xc0\xaf\"]", ERR_SYNTAX, "unable to decode" },
	{ "too large a number", "[99999999999999999999]", ERR_SYNTAX, "too big integer" },
	{ "too large an exponent", "[1e999]", ERR_SYNTAX, "real number overflow" },
	{ "a comment", "[1] // one", ERR_SYNTAX, "end of file expected" },
	{ "a trailing comma", "[1,]", ERR_SYNTAX, "unexpected token" },
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(parse_rows) / sizeof(parse_rows[0]); i++) {
		struct err err = { 0 };
		json_t *value = json_parse(strv_of(parse_rows[i].text), 4, &err);

		if (!value != (parse_rows[i].code != ERR_NONE) || err.code != parse_rows[i].code)
			fail_msg("%s: %s", parse_rows[i].why, err.text);
		if (parse_rows[i].message && !strstr(err.text, parse_rows[i].message))
			fail_msg("%s: said \"%s\"", parse_rows[i].why, err.text);
		json_decref(value);
	}
}

static void test_ten_thousand_levels(void **state)
{
	enum { LEVELS = 10000 };
	char *text = malloc(2 * LEVELS);
	struct err err = { 0 };

	(void)state;
	memset(text, '[', LEVELS);
	memset(text + LEVELS, ']', LEVELS);
	assert_null(json_parse(strv_mem(text, 2 * LEVELS), 16, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	/* A caller without a limit of its own meets Jansson's, and no end of the stack. */
	assert_null(json_parse(strv_mem(text, 2 * LEVELS), UINT32_MAX, &err));
	assert_int_equal(err.code, ERR_SYNTAX);
	free(text);
}

static struct strv got_str;
static int64_t got_int;
static int got_bool;
static const json_t *got_strs;

static const struct json_member table[] = {
	{ "dir", JSON_KIND_STR, 1, &got_str, 1, 5 },
	{ "max", JSON_KIND_INT, 0, &got_int, -2, 1000 },
	{ "all", JSON_KIND_BOOL, 0, &got_bool, 0, 0 },
	{ "of", JSON_KIND_STRS, 0, &got_strs, 1, 2 },
};

static const struct {
	const char *why, *text;
	enum err_code code;
	const char *message;
} member_rows[] = {
	{ "all of them", "{\"dir\":\"/a\",\"max\":7,\"all\":true}", ERR_NONE, "" },
	{ "what is not required may be missing", "{\"dir\":\"/a\"}", ERR_NONE, "" },
	{ "the longest", "{\"dir\":\"12345\"}", ERR_NONE, "" },
	{ "not an object", "[]", ERR_SYNTAX, "a JSON object is expected" },
	{ "missing", "{}", ERR_SYNTAX, "member \"dir\" is missing" },
	{ "unknown", "{\"dri\":\"/a\"}", ERR_SYNTAX,
	  "unknown member \"dri\"; known: dir, max, all, of" },
	{ "number for a string", "{\"dir\":1}", ERR_SYNTAX, "member \"dir\" must be a string" },
	{ "null for a string", "{\"dir\":null}", ERR_SYNTAX, "member \"dir\" must be a string" },
	{ "too short", "{\"dir\":\"\"}", ERR_RANGE, "member \"dir\" must have 1 to 5 octets" },
	{ "too long", "{\"dir\":\"123456\"}", ERR_RANGE, "member \"dir\" must have 1 to 5 octets" },
	{ "string for a number", "{\"dir\":\"a\",\"max\":\"7\"}", ERR_SYNTAX,
	  "member \"max\" must be a whole number" },
	{ "fraction for a whole number", "{\"dir\":\"a\",\"max\":7.0}", ERR_SYNTAX,
	  "member \"max\" must be a whole number" },
	{ "too small", "{\"dir\":\"a\",\"max\":-3}", ERR_RANGE,
	  "member \"max\" must be from -2 to 1000" },
	{ "too large", "{\"dir\":\"a\",\"max\":1001}", ERR_RANGE,
	  "member \"max\" must be from -2 to 1000" },
	{ "number for a truth", "{\"dir\":\"a\",\"all\":1}", ERR_SYNTAX,
	  "member \"all\" must be true or false" },
	{ "strings", "{\"dir\":\"a\",\"of\":[\"x\",\"\"]}", ERR_NONE, "" },
	{ "a string for some", "{\"dir\":\"a\",\"of\":\"x\"}", ERR_SYNTAX,
	  "member \"of\" must be an array of strings" },
	{ "a number among strings", "{\"dir\":\"a\",\"of\":[\"x\",1]}", ERR_SYNTAX,
	  "member \"of\" must be an array of strings" },
	{ "too few strings", "{\"dir\":\"a\",\"of\":[]}", ERR_RANGE,
	  "member \"of\" must have 1 to 2 strings" },
	{ "too many strings", "{\"dir\":\"a\",\"of\":[\"\",\"\",\"\"]}", ERR_RANGE,
	  "member \"of\" must have 1 to 2 strings" },
};

static void test_members(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(member_rows) / sizeof(member_rows[0]); i++) {
		struct err err = { 0 };
		json_t *value = json_parse(strv_of(member_rows[i].text), 4, NULL);
		int got = json_members(value, table, sizeof(table) / sizeof(table[0]), &err);

		if (err.code != member_rows[i].code || strcmp(err.text, member_rows[i].message) ||
		    (got < 0) != (err.code != ERR_NONE))
			fail_msg("%s: said \"%s\"", member_rows[i].why, err.text);
		json_decref(value);
	}
}

static void test_members_are_read(void **state)
{
	json_t *value = json_parse(STRV("{\"dir\":\"/a\",\"max\":-2,\"all\":true}"), 4, NULL);

	(void)state;
	assert_int_equal(json_members(value, table, 3, NULL), 0);
	assert_true(strv_eq(got_str, STRV("/a")));
	assert_int_equal(got_int, -2);
	assert_int_equal(got_bool, 1);
	json_decref(value);
	value = json_parse(STRV("{\"dir\":\"b\"}"), 4, NULL);
	assert_int_equal(json_members(value, table, 3, NULL), 0);
	assert_int_equal(got_int, -2); /* left alone */
	json_decref(value);
	value = json_parse(STRV("{\"x\":1}"), 4, NULL);
	assert_int_equal(json_members(value, NULL, 0, NULL), -1);
	json_decref(value);
}

static void test_base64(void **state)
{
	/* RFC 4648 s10, and all bits. */
	static const struct {
		struct strv in;
		const char *out;
	} rows[] = {
		{ STRV(""), "" },
		{ STRV("f"), "Zg==" },
		{ STRV("fo"), "Zm8=" },
		{ STRV("foo"), "Zm9v" },
		{ STRV("foob"), "Zm9vYg==" },
		{ STRV("foobar"), "Zm9vYmFy" },
		{ STRV("\xff\xfe\xfb\xef\xbe"), "//77774=" },
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = json_base64(rows[i].in, out);

		assert_int_equal(n, JSON_BASE64_BYTES(rows[i].in.n));
		assert_true(strv_eq(strv_mem(out, n), strv_of(rows[i].out)));
	}
}

static void test_octets(void **state)
{
	static const struct {
		const char *why;
		struct strv in;
		const char *out;
	} rows[] = {
		{ "text", STRV("sip:a@x"), "{\"name\":\"sip:a@x\"}\n" },
		{ "UTF-8", STRV("\xc3\xa4"), "{\"name\":\"\xc3\xa4\"}\n" },
		{ "none", STRV(""), "{\"name\":\"\"}\n" },
		{ "no UTF-8", STRV("\xff\xfe"), "{\"name64\":\"//4=\"}\n" },
		{ "NUL", STRV("a\0b"), "{\"name64\":\"YQBi\"}\n" },
		{ "controls are escaped", STRV("a\n\x7f"), "{\"name\":\"a\\n\x7f\"}\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *object = json_object();
		size_t bytes;
		char *text;

		assert_int_equal(json_set_octets(object, "name", rows[i].in), 0);
		text = json_print(object, &bytes);
		if (strcmp(text, rows[i].out) != 0)
			fail_msg("%s: %s", rows[i].why, text);
		assert_int_equal(bytes, strlen(text));
		free(text);
		json_decref(object);
	}
	assert_null(json_print(NULL, &(size_t){ 0 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),	cmocka_unit_test(test_ten_thousand_levels),
		cmocka_unit_test(test_members), cmocka_unit_test(test_members_are_read),
		cmocka_unit_test(test_base64),	cmocka_unit_test(test_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
