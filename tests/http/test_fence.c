/* SPDX-License-Identifier: Apache-2.0 */
/* tests/http/test_fence.c - the fence, one head a row (RFC 9112, RFC 9110) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/http_fence.h"
#include "tests/http/http_split.h"

enum { FIELDS = 256 };

static const struct http_fence_limits limits = {
	.header_bytes = 16384,
	.target_bytes = 8192,
	.header_fields = 100,
};

struct row {
	const char *why;
	struct strv raw;
	unsigned status; /* 200: passes */
	enum http_fence_cause cause;
};

#define H "Host: x\r\n"

#define ROW(why, raw, status, cause)                                      \
	{                                                                 \
		why, { raw, sizeof(raw) - 1 }, status, HTTP_FENCE_##cause \
	}

static const struct row rows[] = {
	ROW("plain", "GET / HTTP/1.1\r\n" H "\r\n", 200, PASS),
	ROW("HTTP/1.0 without any field", "GET / HTTP/1.0\r\n\r\n", 200, PASS),
	ROW("blanks around a value are not part of it", "GET / HTTP/1.1\r\nHost: \t x \t \r\n\r\n",
	    200, PASS),
	ROW("an empty value", "GET / HTTP/1.1\r\n" H "X:\r\nY: \r\n\r\n", 200, PASS),
	ROW("an empty Host (RFC 9112 s3.2)", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 200, PASS),
	ROW("obs-text in a value", "GET / HTTP/1.1\r\n" H "X: caf\xe9\r\n\r\n", 200, PASS),
	ROW("a value with every delimiter",
	    "GET / HTTP/1.1\r\n" H "X: \"a\\b\" <c> {d} (e) @[f]?=;,/\r\n\r\n", 200, PASS),
	ROW("a body by length", "PUT / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello", 200, PASS),
	ROW("a chunked body", "PUT / HTTP/1.1\r\n" H "transfer-encoding: Chunked\r\n\r\n", 200,
	    PASS),
	ROW("100-continue", "PUT / HTTP/1.1\r\n" H "Expect: 100-Continue\r\n\r\n", 200, PASS),
	ROW("XCAP's brackets left bare", "GET /a/~~/b%5b@n=%22x%22]/c[1] HTTP/1.1\r\n" H "\r\n",
	    200, PASS),
	ROW("absolute form (RFC 9112 s3.2.2)", "GET http://x:80/a?b HTTP/1.1\r\n" H "\r\n", 200,
	    PASS),
	ROW("OPTIONS *", "OPTIONS * HTTP/1.1\r\n" H "\r\n", 200, PASS),
	ROW("an IPv6 Host", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200, PASS),
	ROW("a method of WebDAV", "PROPFIND / HTTP/1.1\r\n" H "\r\n", 200, PASS),
	ROW("an empty line before the request (s2.2)", "\r\nGET / HTTP/1.1\r\n" H "\r\n", 200,
	    PASS),

	ROW("two lengths", "PUT / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
	    400, LENGTH),
	ROW("two lengths, the same",
	    "PUT / HTTP/1.1\r\n" H "Content-Length: 1\r\ncontent-length: 1\r\n\r\n", 400, LENGTH),
	ROW("a list of lengths", "PUT / HTTP/1.1\r\n" H "Content-Length: 1, 1\r\n\r\n", 400,
	    LENGTH),
	ROW("a negative length", "PUT / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n", 400, LENGTH),
	ROW("a length with a plus", "PUT / HTTP/1.1\r\n" H "Content-Length: +1\r\n\r\n", 400,
	    LENGTH),
	ROW("a length in hexadecimal", "PUT / HTTP/1.1\r\n" H "Content-Length: 0x5\r\n\r\n", 400,
	    LENGTH),
	ROW("an empty length", "PUT / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", 400, LENGTH),
	ROW("a length of 2^64",
	    "PUT / HTTP/1.1\r\n" H "Content-Length: 18446744073709551616\r\n\r\n", 413,
	    LENGTH_LARGE),
	ROW("length and coding",
	    "PUT / HTTP/1.1\r\n" H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400,
	    CODING),
	ROW("coding and length",
	    "PUT / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400,
	    CODING),
	ROW("two codings",
	    "PUT / HTTP/1.1\r\n" H
	    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
	    400, CODING),
	ROW("a coding in HTTP/1.0", "PUT / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n",
	    400, CODING),
	ROW("chunked with a blank behind it, which the library does not know",
	    "PUT / HTTP/1.1\r\n" H "Transfer-Encoding: chunked \r\n\r\n", 400, CODING),
	ROW("an unknown coding", "PUT / HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\n\r\n", 501,
	    CODING_UNKNOWN),
	ROW("an unknown coding before chunked",
	    "PUT / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n", 501, CODING_UNKNOWN),
	ROW("identity", "PUT / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n", 501,
	    CODING_UNKNOWN),
	ROW("an odd octet in the coding",
	    "PUT / HTTP/1.1\r\n" H "Transfer-Encoding: \vchunked\r\n\r\n", 400, FIELD),

	ROW("no Host in 1.1", "GET / HTTP/1.1\r\nX: y\r\n\r\n", 400, HOST),
	ROW("two Hosts", "GET / HTTP/1.1\r\n" H "Host: y\r\n\r\n", 400, HOST),
	ROW("two Hosts in 1.0", "GET / HTTP/1.0\r\n" H "Host: y\r\n\r\n", 400, HOST),
	ROW("a Host with a user", "GET / HTTP/1.1\r\nHost: a@x\r\n\r\n", 400, HOST),
	ROW("a Host with a path", "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", 400, HOST),
	ROW("a list of Hosts", "GET / HTTP/1.1\r\nHost: x, y\r\n\r\n", 400, HOST),

	ROW("bare LF behind the request line", "GET / HTTP/1.1\n" H "\r\n", 400, LINE),
	ROW("bare LF behind a field", "GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n", 400, FIELD),
	ROW("bare LF behind the last field", "GET / HTTP/1.1\r\nHost: x\n\r\n", 400, FIELD),
	ROW("bare LF as the empty line", "GET / HTTP/1.1\r\n" H "\n", 400, FIELD),
	ROW("bare LF everywhere", "GET / HTTP/1.1\nHost: x\n\n", 400, LINE),
	ROW("bare CR in a value", "GET / HTTP/1.1\r\n" H "X: a\rb\r\n\r\n", 400, FIELD),
	ROW("CR CR LF", "GET / HTTP/1.1\r\n" H "X: a\r\r\n\r\n", 400, FIELD),
	ROW("a folded field", "GET / HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n", 400, FIELD),
	ROW("a folded length", "PUT / HTTP/1.1\r\n" H "Content-Length: 1\r\n\t0\r\n\r\n", 400,
	    FIELD),
	ROW("a fold before the first field", "GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400, FIELD),
	ROW("a blank before the colon", "GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400, FIELD),
	ROW("a tab before the colon", "PUT / HTTP/1.1\r\n" H "Content-Length\t: 1\r\n\r\n", 400,
	    FIELD),
	ROW("an empty name", "GET / HTTP/1.1\r\n" H ": y\r\n\r\n", 400, FIELD),
	ROW("a name with a control octet", "GET / HTTP/1.1\r\n" H "X\x01: y\r\n\r\n", 400, FIELD),
	ROW("a name with obs-text", "GET / HTTP/1.1\r\n" H "X\xe9: y\r\n\r\n", 400, FIELD),
	ROW("a name with a separator", "GET / HTTP/1.1\r\n" H "X(y): z\r\n\r\n", 400, FIELD),
	ROW("NUL in a value", "GET / HTTP/1.1\r\n" H "X: a\0b\r\n\r\n", 400, FIELD),
	ROW("NUL at the end of a value", "GET / HTTP/1.1\r\n" H "X: a\0\r\n\r\n", 400, FIELD),
	ROW("NUL for a line that hides what follows", "GET / HTTP/1.1\r\n" H "\0X: a\r\n\r\n", 400,
	    FIELD),
	ROW("DEL in a value", "GET / HTTP/1.1\r\n" H "X: \x7f\r\n\r\n", 400, FIELD),
	ROW("ESC in a value", "GET / HTTP/1.1\r\n" H "X: \x1b[0m\r\n\r\n", 400, FIELD),

	ROW("two blanks in the request line", "GET  / HTTP/1.1\r\n" H "\r\n", 400, LINE),
	ROW("a blank in the target", "GET /a b HTTP/1.1\r\n" H "\r\n", 400, TARGET),
	ROW("a method that is no token", "G@T / HTTP/1.1\r\n" H "\r\n", 400, LINE),
	ROW("a method that is too long",
	    "GETGETGETGETGETGETGETGETGETGETGETGET / HTTP/1.1\r\n" H "\r\n", 400, LINE),
	ROW("NUL in the method", "GE\0T / HTTP/1.1\r\n" H "\r\n", 400, LINE),
	ROW("NUL in the target", "GET /a\0b HTTP/1.1\r\n" H "\r\n", 400, LINE),
	ROW("%00 in the target", "GET /a%00b HTTP/1.1\r\n" H "\r\n", 400, TARGET),
	ROW("half an escape", "GET /a%4 HTTP/1.1\r\n" H "\r\n", 400, TARGET),
	ROW("an escape that is none", "GET /%zz HTTP/1.1\r\n" H "\r\n", 400, TARGET),
	ROW("a tab in the target", "GET /a\tb HTTP/1.1\r\n" H "\r\n", 400, TARGET),
	ROW("a quote in the target, as XCAP clients send it",
	    "GET /a[@b=\"c\"] HTTP/1.1\r\n" H "\r\n", 200, PASS),
	ROW("obs-text in the target", "GET /\xe9 HTTP/1.1\r\n" H "\r\n", 400, TARGET),
	ROW("a fragment", "GET /a#b HTTP/1.1\r\n" H "\r\n", 400, TARGET),
	ROW("a target without a slash", "GET a HTTP/1.1\r\n" H "\r\n", 400, TARGET),
	ROW("* for GET", "GET * HTTP/1.1\r\n" H "\r\n", 400, TARGET),
	ROW("another scheme", "GET ftp://x/ HTTP/1.1\r\n" H "\r\n", 400, TARGET),
	ROW("absolute form without an authority", "GET http:///a HTTP/1.1\r\n" H "\r\n", 400,
	    TARGET),
	ROW("absolute form with a user", "GET http://a@x/a HTTP/1.1\r\n" H "\r\n", 400, TARGET),
	ROW("TRACE", "TRACE / HTTP/1.1\r\n" H "\r\n", 405, METHOD),
	ROW("CONNECT", "CONNECT x:80 HTTP/1.1\r\n" H "\r\n", 405, METHOD),
	ROW("HTTP/2.0", "GET / HTTP/2.0\r\n" H "\r\n", 505, VERSION),
	ROW("HTTP/1.2", "GET / HTTP/1.2\r\n" H "\r\n", 505, VERSION),
	ROW("http in small letters", "GET / http/1.1\r\n" H "\r\n", 505, VERSION),
	ROW("another expectation", "PUT / HTTP/1.1\r\n" H "Expect: 200-ok\r\n\r\n", 417, EXPECT),
	ROW("two expectations",
	    "PUT / HTTP/1.1\r\n" H "Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n", 417,
	    EXPECT),
	ROW("an expectation in 1.0 means nothing", "PUT / HTTP/1.0\r\n" H "Expect: x\r\n\r\n", 200,
	    PASS),
};

static int check(const char *raw, size_t n, struct http_fence_verdict *verdict)
{
	struct http_field fields[FIELDS];
	struct http_head head;
	char *copy = malloc(n ? n : 1); /* exact, for AddressSanitizer */
	int ret;

	assert_non_null(copy);
	memcpy(copy, raw, n);
	assert_true(http_split(copy, n, fields, FIELDS, &head));
	ret = http_fence_check(&head, &limits, verdict);
	free(copy);
	return ret;
}

static void test_rows(void **state)
{
	unsigned failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_fence_verdict verdict;
		int ret = check(rows[i].raw.p, rows[i].raw.n, &verdict);

		if ((ret == 0) == (rows[i].status == 200) && verdict.status == rows[i].status &&
		    verdict.cause == rows[i].cause)
			continue;
		failed++;
		print_error("%s: %u %s, not %u %s\n", rows[i].why, verdict.status,
			    http_fence_cause_name(verdict.cause), rows[i].status,
			    http_fence_cause_name(rows[i].cause));
	}
	assert_int_equal(failed, 0);
}

static void test_framing(void **state)
{
	static const char by_length[] = "PUT / HTTP/1.1\r\n" H "Content-Length: 0042\r\n\r\n";
	static const char chunked[] = "PUT / HTTP/1.1\r\n" H "Transfer-Encoding: CHUNKED\r\n\r\n";
	struct http_fence_verdict verdict;

	(void)state;
	assert_int_equal(check(by_length, sizeof(by_length) - 1, &verdict), 0);
	assert_int_equal(verdict.length, 42);
	assert_false(verdict.chunked);
	assert_int_equal(check(chunked, sizeof(chunked) - 1, &verdict), 0);
	assert_int_equal(verdict.length, 0);
	assert_true(verdict.chunked);
}

/* "GET /xx..x HTTP/1.1", Host, then FIELDS fields, padded to BYTES. */
static void check_size(size_t target, unsigned fields, size_t bytes, unsigned status)
{
	struct http_fence_verdict verdict;
	char *raw = malloc(bytes + target + 64 * (size_t)fields + 64), *p = raw;

	assert_non_null(raw);
	p += sprintf(p, "GET /");
	memset(p, 'x', target - 1);
	p += target - 1;
	p += sprintf(p, " HTTP/1.1\r\n" H);
	for (unsigned i = 1; i < fields; i++)
		p += sprintf(p, "X: %u\r\n", i);
	if (bytes > (size_t)(p - raw) + 6) {
		size_t pad = bytes - (size_t)(p - raw) - 2;

		p[-2] = 'x';
		memset(p - 2, 'x', pad);
		p += pad - 2;
		p += sprintf(p, "\r\n");
	}
	p += sprintf(p, "\r\n");
	check(raw, (size_t)(p - raw), &verdict);
	assert_int_equal(verdict.status, status);
	free(raw);
}

static void test_sizes(void **state)
{
	(void)state;
	check_size(8192, 1, 0, 200);
	check_size(8193, 1, 0, 414);
	check_size(1, 100, 0, 200);
	check_size(1, 101, 0, 431);
	check_size(1, 1, 16384, 200);
	check_size(1, 1, 16385, 431);
}

static void test_paths(void **state)
{
	static const struct {
		const char *target, *path, *query;
	} targets[] = {
		{ "/", "/", NULL },
		{ "/a/b", "/a/b", NULL },
		{ "/a?", "/a", "" },
		{ "/a?b?c", "/a", "b?c" },
		{ "http://x/a?b", "/a", "b" },
		{ "HTTPS://x", "/", NULL },
		{ "http://x?b", "/", "b" },
		{ "/http://x/", "/http://x/", NULL },
		{ "*", "*", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		struct strv query, path = http_target_path(strv_of(targets[i].target), &query);

		assert_true(strv_eq(path, strv_of(targets[i].path)));
		assert_int_equal(query.p != NULL, targets[i].query != NULL);
		assert_true(strv_eq(query, strv_of(targets[i].query)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_framing),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
