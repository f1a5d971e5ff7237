/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_http_fence.c - what passes the fence is strict HTTP/1.1, by another reading
 *
 * The head is split as libmicrohttpd does and judged; when it passes, the raw octets are read
 * again with nothing in common but the standard: every line ends in CRLF, the fields that decide
 * where the request ends come at most once, and the end that was found is the only one.
 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/http_fence.h"
#include "tests/http/http_split.h"

enum { FIELDS = 128 };

#define REQUIRE(what)                                                                      \
	do {                                                                               \
		if (!(what)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
			abort();                                                           \
		}                                                                          \
	} while (0)

static const struct http_fence_limits limits = {
	.header_bytes = 16384,
	.target_bytes = 8192,
	.header_fields = 100,
};

static int ends_line(char c)
{
	return c == '\r' || c == '\n' || c == '\0';
}

/* Once the library has split the head, NULs of the peer's beside a line's end can look like a part
 * of it; no other NUL gets by. */
static int has_nul_lines(struct strv raw)
{
	if (!memchr(raw.p, '\0', raw.n))
		return 0;
	for (size_t i = 0; i < raw.n; i++)
		if (raw.p[i] == '\0')
			REQUIRE((i > 0 && ends_line(raw.p[i - 1])) ||
				(i + 1 < raw.n && ends_line(raw.p[i + 1])));
	return 1;
}

static void check_lines(struct strv raw)
{
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] == '\n')
			REQUIRE(i > 0 && raw.p[i - 1] == '\r');
		else if (raw.p[i] == '\r')
			REQUIRE(i + 1 < raw.n && raw.p[i + 1] == '\n');
		else
			REQUIRE((unsigned char)raw.p[i] >= ' ' || raw.p[i] == '\t');
	}
}

static unsigned count_lines(struct strv raw, const char *start)
{
	size_t n = strlen(start);
	unsigned found = 0;

	for (size_t i = 1; i + n <= raw.n; i++)
		found += raw.p[i - 1] == '\n' && strncasecmp(raw.p + i, start, n) == 0;
	return found;
}

static size_t first_end(struct strv raw)
{
	for (size_t i = 3; i < raw.n; i++)
		if (raw.p[i] == '\n' && raw.p[i - 2] == '\n')
			return i + 1;
	return 0;
}

static void check_pass(struct strv raw, const struct http_head *head,
		       const struct http_fence_verdict *verdict)
{
	unsigned lengths = count_lines(raw, "Content-Length:"),
		 codings = count_lines(raw, "Transfer-Encoding:");
	struct strv query, path = http_target_path(head->target, &query);

	if (has_nul_lines(raw))
		return;
	check_lines(raw);
	REQUIRE(first_end(raw) == raw.n);
	REQUIRE(lengths + codings <= 1);
	REQUIRE(!!verdict->chunked == !!codings);
	REQUIRE(lengths || !verdict->length);
	REQUIRE(count_lines(raw, " ") == 0 && count_lines(raw, "\t") == 0);
	REQUIRE(count_lines(raw, "Host:") == 1 || memmem(raw.p, raw.n, "HTTP/1.0", 8));
	REQUIRE(path.n && (path.p[0] == '/' || path.p[0] == '*'));
	REQUIRE(!memchr(path.p, '?', path.n) && !memchr(path.p, ' ', path.n));
	REQUIRE(!query.p || query.p + query.n == head->target.p + head->target.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_field fields[FIELDS];
	struct http_fence_verdict verdict;
	struct http_head head;
	char *copy = malloc(size ? size : 1);
	int ret;

	REQUIRE(copy);
	if (size)
		memcpy(copy, data, size);
	if (http_split(copy, size, fields, FIELDS, &head)) {
		ret = http_fence_check(&head, &limits, &verdict);
		REQUIRE((ret == 0) == (verdict.cause == HTTP_FENCE_PASS));
		REQUIRE(ret == 0 || (verdict.status >= 400 && verdict.status < 600));
		REQUIRE(http_fence_cause_name(verdict.cause)[0] && verdict.text);
		if (ret == 0)
			check_pass(strv_mem(data + (head.p - copy), head.bytes), &head, &verdict);
	}
	free(copy);
	return 0;
}
