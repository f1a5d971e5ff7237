/* SPDX-License-Identifier: Apache-2.0 */
/* tests/auth/test_asserted.c - lists of asserted identities; the credentials' uri and the target */
#include "auth/auth_asserted.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "auth/auth_target.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct strv names[] = { STRV("example.com") };
static const struct auth_domains domains = { names, 1 };

static void test_lists(void **state)
{
	static const struct {
		const char *why, *value;
		const char *id[AUTH_ASSERTED_MAX]; /* none: refused */
	} rows[] = {
		{ "quoted", "\"sip:alice@example.com\"", { "sip:alice@example.com" } },
		{ "two quoted",
		  "\"sip:alice@example.com\", \"tel:+49-30\"",
		  { "sip:alice@example.com", "tel:+4930" } },
		{ "no blank", "\"sip:a@b\",\"sip:c@d\"", { "sip:a@b", "sip:c@d" } },
		{ "bare", "sip:a@b", { "sip:a@b" } },
		{ "bare name", "alice", { "sip:alice@example.com" } },
		{ "brackets", "<sip:a@b>", { "sip:a@b" } },
		{ "display name", "\"Alice, \\\"A\\\" <x>\" <sip:a@b>", { "sip:a@b" } },
		{ "token as display name", "Alice <sip:a@b>", { "sip:a@b" } },
		{ "comma within brackets", "<sip:a,b@c>, <tel:+1>", { "sip:a,b@c", "tel:+1" } },
		{ "four",
		  "a,b,c,d",
		  { "sip:a@example.com", "sip:b@example.com", "sip:c@example.com",
		    "sip:d@example.com" } },

		{ "empty", "", { NULL } },
		{ "empty quotes", "\"\"", { NULL } },
		{ "empty brackets", "<>", { NULL } },
		{ "empty element", "sip:a@b,", { NULL } },
		{ "commas", ",,", { NULL } },
		{ "five", "a,b,c,d,e", { NULL } },
		{ "open quote", "\"sip:a@b", { NULL } },
		{ "open bracket", "<sip:a@b", { NULL } },
		{ "backslash at the end", "\"sip:a@b\\", { NULL } },
		{ "two strings", "\"sip:a@b\" \"sip:c@d\"", { NULL } },
		{ "behind the quotes", "\"sip:a@b\"x", { NULL } },
		{ "behind the brackets", "<sip:a@b>;x=y", { NULL } },
		{ "brackets twice", "<sip:a@b><sip:c@d>", { NULL } },
		{ "LF", "\"sip:a\n@b\"", { NULL } },
		{ "escapes in the identity", "\"sip:a\\@b\"", { NULL } },
		{ "one bad of two", "\"sip:a@b\", \"mailto:c@d\"", { NULL } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct auth_identity id[AUTH_ASSERTED_MAX];
		struct err err = { ERR_NONE, "" };
		unsigned n;
		int ret = auth_asserted_parse(strv_of(rows[i].value), &domains, id, &n, &err);

		if (ret != (rows[i].id[0] ? 0 : -1))
			fail_msg("%s: %d %s", rows[i].why, ret, err.text);
		if (ret < 0) {
			assert_int_not_equal(err.code, ERR_NONE);
			continue;
		}
		for (unsigned k = 0; k < AUTH_ASSERTED_MAX; k++) {
			assert_int_equal(k < n, rows[i].id[k] != NULL);
			if (k < n)
				assert_string_equal(id[k].text, rows[i].id[k]);
		}
	}
}

static void test_http_targets(void **state)
{
	static const struct {
		const char *why, *uri, *target;
		int same;
	} rows[] = {
		{ "equal", "/a?b=c", "/a?b=c", 1 },
		{ "encoded by a proxy", "/~~/l[@n=\"a b\"]", "/~~/l%5B@n=%22a%20b%22%5D", 1 },
		{ "case of digits", "/%5b", "/%5B", 1 },
		{ "needless encoding", "/%61", "/a", 1 },
		{ "absolute", "http://h.example:80/a", "/a", 1 },
		{ "both absolute", "HTTPS://h/a", "http://h/a", 1 },
		{ "asterisk", "*", "*", 1 },
		{ "broken escapes", "/%zz", "/%zz", 1 },
		{ "another path", "/a", "/b", 0 },
		{ "longer", "/a", "/ab", 0 },
		{ "shorter", "/ab", "/a", 0 },
		{ "case", "/a", "/A", 0 },
		{ "another query", "/a?b", "/a?c", 0 },
		{ "encoded slash", "/a%2Fb", "/a/b", 0 },
		{ "encoded slash, the other way", "/a/b", "/a%2fb", 0 },
		{ "encoded question mark", "/a%3Fb", "/a?b", 0 },
		{ "encoded twice", "/%2561", "/%61", 0 },
		{ "encoded percent sign", "/%25zz", "/%zz", 0 },
		{ "absolute without path", "http://h.example", "/", 0 },
		{ "empty", "", "/", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (auth_target_same_http(strv_of(rows[i].uri), strv_of(rows[i].target)) !=
		    rows[i].same)
			fail_msg("%s", rows[i].why);
}

static void test_sip_targets(void **state)
{
	static const struct {
		const char *why, *uri, *target;
		int same;
	} rows[] = {
		{ "equal", "sip:example.com", "sip:example.com", 1 },
		{ "parameters", "sip:example.com;transport=tcp", "sip:example.com", 1 },
		{ "case of the host", "sip:a@EXAMPLE.com", "SIP:a@example.com;lr", 1 },
		{ "escapes", "sip:%61@b", "sip:a@b", 1 },
		{ "header fields", "sip:a@b?x=y", "sip:a@b", 1 },
		{ "number", "tel:+49;phone-context=x", "tel:+49", 1 },
		{ "user with a semicolon", "sip:a;b@c", "sip:a;b@c;d", 1 },
		{ "another user", "sip:a@b", "sip:c@b", 0 },
		{ "case of the user", "sip:a@b", "sip:A@b", 0 },
		{ "another host", "sip:a@b", "sip:a@c", 0 },
		{ "another port", "sip:a@b", "sip:a@b:5070", 0 },
		{ "another scheme", "sip:a@b", "sips:a@b", 0 },
		{ "no user", "sip:b", "sip:a@b", 0 },
		{ "no scheme", "a@b", "a@c", 0 },
		{ "no host", "sip:;a", "sip:;b", 0 },
		{ "empty", "", "sip:a@b", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (auth_target_same_sip(strv_of(rows[i].uri), strv_of(rows[i].target)) !=
		    rows[i].same)
			fail_msg("%s", rows[i].why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_http_targets),
		cmocka_unit_test(test_sip_targets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
