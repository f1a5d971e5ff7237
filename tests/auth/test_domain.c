/* SPDX-License-Identifier: Apache-2.0 */
/* Every spelling of a domain is one, or none (RFC 4745 s7.1.3). */
#include "auth/auth_domain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void test_spellings(void **state)
{
	static const struct {
		const char *why, *text, *ascii; /* NULL: none */
	} rows[] = {
		{ "plain", "example.com", "example.com" },
		{ "any case", "Example.COM", "example.com" },
		{ "trailing dot", "example.com.", "example.com" },
		{ "blanks around it", " example.com ", "example.com" },
		{ "percent-encoded", "%65xample%2Ecom", "example.com" },
		{ "one label", "localhost", "localhost" },
		{ "an address", "192.0.2.1", "192.0.2.1" },
		{ "an IPv6 address", "[2001:DB8::0:1]", "[2001:db8::1]" },
		{ "in ASCII already", "xn--bcher-kva.example", "xn--bcher-kva.example" },
		{ "international",
		  "b\xc3\xbc"
		  "cher.example",
		  "xn--bcher-kva.example" },
		{ "international in capitals",
		  "B\xc3\x9c"
		  "CHER.example",
		  "xn--bcher-kva.example" },
		{ "international, percent-encoded", "b%C3%BCcher.example",
		  "xn--bcher-kva.example" },
		{ "another full stop",
		  "b\xc3\xbc"
		  "cher\xe3\x80\x82"
		  "example",
		  "xn--bcher-kva.example" },
		{ "empty", "", NULL },
		{ "dot", ".", NULL },
		{ "two dots", "a..b", NULL },
		{ "underscore", "a_b.example", NULL },
		{ "a port", "example.com:5070", NULL },
		{ "a parameter", "example.com;lr", NULL },
		{ "a user", "a@example.com", NULL },
		{ "a path", "example.com/x", NULL },
		{ "half an escape", "example%2", NULL },
		{ "control octets", "exa%00mple", NULL },
		{ "not UTF-8", "b\xfc.example", NULL },
		{ "what IDNA forbids", "b\xe2\x98\x83\xef\xbf\xbd.example", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char buf[AUTH_DOMAIN_BYTES];
		size_t n = 0;
		int ret = auth_domain_ascii(strv_of(rows[i].text), buf, sizeof(buf), &n);

		if (ret != (rows[i].ascii ? 0 : -1) ||
		    (rows[i].ascii && !strv_eq(strv_mem(buf, n), strv_of(rows[i].ascii))))
			fail_msg("%s: %d %.*s", rows[i].why, ret, (int)n, buf);
	}
}

static void test_room(void **state)
{
	char buf[AUTH_DOMAIN_BYTES], longer[2000];
	size_t n;

	(void)state;
	assert_int_equal(auth_domain_ascii(STRV("example.com"), buf, 11, &n), 0);
	assert_int_equal(auth_domain_ascii(STRV("example.com"), buf, 10, &n), -1);
	memset(longer, 'a', sizeof(longer));
	for (size_t i = 250; i <= sizeof(longer); i += 50)
		assert_int_equal(auth_domain_ascii(strv_mem(longer, i), buf, sizeof(buf), &n), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spellings),
		cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
