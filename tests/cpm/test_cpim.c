/* SPDX-License-Identifier: Apache-2.0 */
/* message/cpim: what is taken and refused, namespaces, and splices that leave all else alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cpm/cpim.h"
#include "tests/cpm/cpim_check.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NS_IMDN	 "NS: imdn <urn:ietf:params:imdn>\r\n"
#define TEXT	 "\r\nContent-Type: text/plain\r\n\r\nHello"

/* What Message-ID each message has, and why others are refused. */
static const struct {
	const char *why, *bytes, *id;
	int code;
} rows[] = {
	{ "usual",
	  NS_IMDN "imdn.Message-ID: m"
		  "\r\n" TEXT,
	  "m", 0 },
	{ "another prefix", "NS: i <urn:ietf:params:imdn>\r\ni.Message-ID: m\r\n" TEXT, "m", 0 },
	{ "NS after use", "imdn.Message-ID: m\r\n" NS_IMDN TEXT, "m", 0 },
	{ "as default namespace", "NS: <urn:ietf:params:imdn>\r\nMessage-ID: m\r\n" TEXT, "m", 0 },
	{ "default holds for later lines", "Message-ID: m\r\nNS: <urn:ietf:params:imdn>\r\n" TEXT,
	  NULL, 0 },
	{ "prefix declared for another", "NS: imdn <urn:x>\r\nimdn.Message-ID: m\r\n" TEXT, NULL,
	  0 },
	{ "prefix declared anew", NS_IMDN "imdn.Message-ID: m\r\nNS: imdn <urn:x>\r\n" TEXT, "m",
	  0 },
	{ "prefix declared nowhere", "imdn.Message-ID: m\r\n" TEXT, NULL, 0 },
	{ "name in another case", NS_IMDN "imdn.message-id: m\r\n" TEXT, NULL, 0 },
	{ "prefix in another case", NS_IMDN "IMDN.Message-ID: m\r\n" TEXT, NULL, 0 },
	{ "parameters", NS_IMDN "imdn.Message-ID:;a=\"b c\";d=e m\r\n" TEXT, "m", 0 },
	{ "two blanks", NS_IMDN "imdn.Message-ID:  m \r\n" TEXT, "m", 0 },
	{ "empty", NS_IMDN "imdn.Message-ID: \r\n" TEXT, "", 0 },
	{ "empty without a blank", NS_IMDN "imdn.Message-ID:\r\n" TEXT, "", 0 },
	{ "LF throughout", "NS: i <urn:ietf:params:imdn>\ni.Message-ID: m\n\nContent-type: a/b\n\n",
	  "m", 0 },
	{ "no headers", TEXT, NULL, 0 },
	{ "Content-Length that lies", "\r\nContent-Length: 9\r\nContent-Type: a/b\r\n\r\nx", NULL,
	  0 },
	{ "folded inner field", "\r\nContent-Type: a/b;\r\n c=d\r\n\r\nx", NULL, 0 },
	{ "nothing", "", NULL, ERR_SYNTAX },
	{ "no blank line", "To: <sip:a@x>\r\n", NULL, ERR_SYNTAX },
	{ "no inner fields", "To: <sip:a@x>\r\n\r\nHello", NULL, ERR_SYNTAX },
	{ "no Content-Type", "\r\nContent-ID: <a@b>\r\n\r\nHello", NULL, ERR_SYNTAX },
	{ "folded", "To: <sip:a@x>\r\n b\r\n" TEXT, NULL, ERR_SYNTAX },
	{ "no blank behind the colon", "To:<sip:a@x>\r\n" TEXT, NULL, ERR_SYNTAX },
	{ "no colon", "To\r\n" TEXT, NULL, ERR_SYNTAX },
	{ "no name", ": x\r\n" TEXT, NULL, ERR_SYNTAX },
	{ "no prefix", ".x: x\r\n" TEXT, NULL, ERR_SYNTAX },
	{ "two prefixes", "a.b.c: x\r\n" TEXT, NULL, ERR_SYNTAX },
	{ "blank in the name", "a b: x\r\n" TEXT, NULL, ERR_SYNTAX },
	{ "line ends mixed", "a: b\r\nc: d\n" TEXT, NULL, ERR_SYNTAX },
	{ "CR within LF", "a: b\r\n\n", NULL, ERR_SYNTAX },
	{ "bare CR", "a: b\rc\r\n" TEXT, NULL, ERR_SYNTAX },
	{ "tab", "a: b\tc\r\n" TEXT, NULL, ERR_SYNTAX },
	{ "DEL", "a: b\x7f\r\n" TEXT, NULL, ERR_SYNTAX },
	{ "overlong UTF-8", "a: \xc0\xaf\r\n" TEXT, NULL, ERR_SYNTAX },
	{ "surrogate in UTF-8", "a: \xed\xa0\x80\r\n" TEXT, NULL, ERR_SYNTAX },
	{ "NS without a URI", "NS: imdn\r\n" TEXT, NULL, ERR_SYNTAX },
	{ "NS without an end", "NS: imdn <urn:x\r\n" TEXT, NULL, ERR_SYNTAX },
	{ "NS with more behind", "NS: imdn <urn:x> y\r\n" TEXT, NULL, ERR_SYNTAX },
	{ "NS of two words", "NS: i j <urn:x>\r\n" TEXT, NULL, ERR_SYNTAX },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct strv bytes = strv_of(rows[i].bytes), id;
		struct arena *arena = arena_new(0);
		struct err err = { 0 };
		struct cpim *cpim = NULL;
		int ret = cpim_parse(bytes, NULL, arena, &cpim, &err);

		if ((ret < 0 ? (int)err.code : 0) != rows[i].code)
			fail_msg("%s: %d %s", rows[i].why, ret, err.text);
		if (ret == 0) {
			id = cpim_value(cpim, CPIM_NS_IMDN, "Message-ID");
			if (!!id.p != !!rows[i].id || !strv_eq(id, strv_of(rows[i].id)))
				fail_msg("%s: Message-ID \"%.*s\"", rows[i].why, STRV_ARG(id));
		}
		assert_int_equal(cpim_check(bytes), ret == 0);
		arena_free(&arena);
	}
}

static void test_limits(void **state)
{
	static const struct cpim_limits limits = { 100, 60, 3, 2 };
	static const struct {
		const char *why, *bytes;
		int code;
	} bounds[] = {
		{ "three headers", "a: b\r\na: b\r\na: b\r\n\r\nContent-Type: a/b\r\n\r\n", 0 },
		{ "four headers", "a: b\r\na: b\r\na: b\r\na: b\r\n\r\nContent-Type: a/b\r\n\r\n",
		  ERR_LIMIT },
		{ "a long line",
		  "a: 012345678901234567890123456789012345678901234567890123456789\r\n" TEXT,
		  ERR_LIMIT },
		{ "three fields", "\r\nContent-Type: a/b\r\nb: c\r\nd: e\r\n\r\n", ERR_LIMIT },
		{ "a long whole",
		  TEXT "0123456789012345678901234567890123456789012345678901234567890123456789",
		  ERR_LIMIT },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bounds); i++) {
		struct arena *arena = arena_new(0);
		struct err err = { 0 };
		struct cpim *cpim;
		int ret = cpim_parse(strv_of(bounds[i].bytes), &limits, arena, &cpim, &err);

		if ((ret < 0 ? (int)err.code : 0) != bounds[i].code)
			fail_msg("%s: %d %s", bounds[i].why, ret, err.text);
		arena_free(&arena);
	}
}

static void test_splice(void **state)
{
	static const struct {
		const char *why, *in, *out;
		enum cpim_place place;
	} cuts[] = {
		{ "declared already", NS_IMDN "imdn.X: 1\r\n" TEXT,
		  NS_IMDN "imdn.X: 1\r\nimdn.R: <sip:p@x>\r\n" TEXT, CPIM_LAST },
		{ "declared first", "To: <sip:a@x>\r\n" TEXT,
		  "To: <sip:a@x>\r\n" NS_IMDN "imdn.R: <sip:p@x>\r\n" TEXT, CPIM_LAST },
		{ "the sender's spelling", "NS: i <urn:ietf:params:imdn>\r\n" TEXT,
		  "NS: i <urn:ietf:params:imdn>\r\ni.R: <sip:p@x>\r\n" TEXT, CPIM_LAST },
		{ "prefix taken by another", "NS: imdn <urn:x>\r\n" TEXT,
		  "NS: imdn <urn:x>\r\nNS: imdn1 <urn:ietf:params:imdn>\r\nimdn1.R: "
		  "<sip:p@x>\r\n" TEXT,
		  CPIM_LAST },
		{ "prefix used and not declared", "imdn.R: x\r\n" TEXT,
		  "imdn.R: x\r\nNS: imdn1 <urn:ietf:params:imdn>\r\nimdn1.R: <sip:p@x>\r\n" TEXT,
		  CPIM_TOP },
		{ "as default", "NS: <urn:ietf:params:imdn>\r\n" TEXT,
		  "NS: <urn:ietf:params:imdn>\r\nR: <sip:p@x>\r\n" TEXT, CPIM_LAST },
		{ "on top of its like", NS_IMDN "imdn.R: <sip:o@x>\r\nimdn.R: <sip:n@x>\r\n" TEXT,
		  NS_IMDN "imdn.R: <sip:p@x>\r\nimdn.R: <sip:o@x>\r\nimdn.R: <sip:n@x>\r\n" TEXT,
		  CPIM_TOP },
		{ "first of its like", NS_IMDN TEXT, NS_IMDN "imdn.R: <sip:p@x>\r\n" TEXT,
		  CPIM_TOP },
		{ "lines end as those there", "To: <sip:a@x>\n\nContent-Type: a/b\n\nx\r\n",
		  "To: <sip:a@x>\nNS: imdn <urn:ietf:params:imdn>\nimdn.R: <sip:p@x>\n"
		  "\nContent-Type: a/b\n\nx\r\n",
		  CPIM_LAST },
		{ "no headers yet", TEXT, NS_IMDN "imdn.R: <sip:p@x>\r\n" TEXT, CPIM_LAST },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cuts); i++) {
		struct cpim_add add = { STRV(CPIM_NS_IMDN), STRV("R"), STRV("<sip:p@x>"),
					cuts[i].place };
		struct arena *arena = arena_new(0);
		struct strv out = { NULL, 0 };
		struct cpim *cpim;

		assert_int_equal(cpim_parse(strv_of(cuts[i].in), NULL, arena, &cpim, NULL), 0);
		assert_int_equal(cpim_splice(cpim, &add, 1, arena, &out, NULL), 0);
		if (!strv_eq(out, strv_of(cuts[i].out)))
			fail_msg("%s:\n%.*s", cuts[i].why, STRV_ARG(out));
		arena_free(&arena);
	}
}

/* What would make a second line of one is never written. */
static void test_splice_refuses(void **state)
{
	static const struct cpim_add bad[] = {
		{ { "urn:x", 5 }, { "A", 1 }, { "b\r\nC: d", 7 }, CPIM_LAST },
		{ { "urn:x", 5 }, { "A", 1 }, { "b\nC", 3 }, CPIM_LAST },
		{ { "urn:x", 5 }, { "A", 1 }, { "\0", 1 }, CPIM_LAST },
		{ { "urn:x", 5 }, { "A", 1 }, { "\xff", 1 }, CPIM_LAST },
		{ { "urn:x", 5 }, { "A: b", 4 }, { "c", 1 }, CPIM_LAST },
		{ { "urn:x", 5 }, { "", 0 }, { "c", 1 }, CPIM_LAST },
		{ { "urn:x>\r\n", 8 }, { "A", 1 }, { "c", 1 }, CPIM_LAST },
		{ { "", 0 }, { "A", 1 }, { "c", 1 }, CPIM_LAST },
	};
	struct arena *arena = arena_new(0);
	struct strv out;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct err err = { 0 };

		assert_int_equal(cpim_print(&bad[i], 1, NULL, 0, STRV(""), arena, &out, &err), -1);
		assert_int_equal(err.code, ERR_RANGE);
	}
	arena_free(&arena);
}

static void test_text(void **state)
{
	static const struct {
		const char *why, *value, *text;
	} texts[] = {
		{ "no escape", "a b", "a b" },
		{ "letters", "\\b\\t\\n\\r", "\b\t\n\r" },
		{ "quotes", "\\\"\\'\\\\", "\"'\\" },
		{ "a character", "\\u00e9", "\xc3\xa9" },
		{ "two units", "\\uD83D\\uDE00", "\xf0\x9f\x98\x80" },
		{ "half a pair", "\\ud83dx\\ude00", "\xef\xbf\xbdx\xef\xbf\xbd" },
		{ "too few digits", "\\u12", "u12" },
		{ "any other", "\\q\\\xc3\xa9", "q\xc3\xa9" },
		{ "at the end", "a\\", "a" },
	};
	static const struct {
		const char *value, *name, *uri; /* URI NULL: refused */
	} addresses[] = {
		{ "<sip:a@x>", "", "sip:a@x" },
		{ "A B <tel:+1>", "A B", "tel:+1" },
		{ "\"A <x> \\\"\" <sip:a@x>", "\"A <x> \\\"\"", "sip:a@x" },
		{ "sip:a@x", NULL, NULL },
		{ "<sip:a@x", NULL, NULL },
		{ "<>", NULL, NULL },
		{ "<a>", NULL, NULL },
		{ "<sip:a@x> b", NULL, NULL },
		{ "<sip:a@x> <sip:b@x>", NULL, NULL },
		{ "\"A", NULL, NULL },
		{ "\"A\\", NULL, NULL },
		{ "", NULL, NULL },
	};
	struct arena *arena = arena_new(0);
	struct strv text, name, uri;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_int_equal(cpim_unescape(strv_of(texts[i].value), arena, &text, NULL), 0);
		if (!strv_eq(text, strv_of(texts[i].text)))
			fail_msg("%s: \"%.*s\"", texts[i].why, STRV_ARG(text));
	}
	for (size_t i = 0; i < COUNT(addresses); i++) {
		int ret = cpim_address(strv_of(addresses[i].value), &name, &uri, NULL);

		if (ret != (addresses[i].uri ? 0 : -1))
			fail_msg("%s: %d", addresses[i].value, ret);
		if (ret == 0) {
			assert_true(strv_eq(name, strv_of(addresses[i].name)));
			assert_true(strv_eq(uri, strv_of(addresses[i].uri)));
		}
	}
	arena_free(&arena);
}

/* Each row with each octet that means something, or nothing, at each place, and one octet lost. */
static void test_anomalies(void **state)
{
	static const char telling[] = "\r\n\0 :;.<>\"\\\x7f\xff";
	unsigned taken = 0, refused = 0;
	char buf[256];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t n = strlen(rows[i].bytes);

		for (size_t at = 0; at < n; at++) {
			for (size_t k = 0; k < sizeof(telling) - 1; k++) {
				memcpy(buf, rows[i].bytes, n);
				buf[at] = telling[k];
				cpim_check(strv_mem(buf, n)) ? taken++ : refused++;
			}
			memcpy(buf, rows[i].bytes, at);
			memcpy(buf + at, rows[i].bytes + at + 1, n - at - 1);
			cpim_check(strv_mem(buf, n - 1)) ? taken++ : refused++;
		}
	}
	assert_true(taken > 1000 && refused > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),   cmocka_unit_test(test_limits),
		cmocka_unit_test(test_splice), cmocka_unit_test(test_splice_refuses),
		cmocka_unit_test(test_text),   cmocka_unit_test(test_anomalies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
