/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/test_frame.c - messages cut out of a stream, however the stream is cut
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "sip/sip_fence.h"
#include "tests/sip/frame_log.h"

#define HEAD "MESSAGE sip:b@x SIP/2.0\r\nCall-ID: 1\r\n"

static const struct {
	const char *why;
	const char *stream;
	const char *log; /* M size; P ping; B status size */
} rows[] = {
	{ "one message without a body", HEAD "Content-Length: 0\r\n\r\n", "M58" },
	{ "the body belongs to it", HEAD "Content-Length: 3\r\n\r\nabc", "M61" },
	{ "a body may look like a message", HEAD "Content-Length: 6\r\n\r\nA\r\n\r\n.", "M64" },
	{ "two in a row", HEAD "l:1\r\n\r\nx" HEAD "L : 0\r\n\r\n", "M45 M46" },
	{ "the compact form", HEAD "l:2\r\n\r\nxy", "M46" },
	{ "any case, blanks around", HEAD "cOnTent-LENGTH \t:\t 2 \r\n\r\nxy", "M64" },
	{ "a folded value", HEAD "Content-Length:\r\n  2\r\n\r\nxy", "M63" },
	{ "leading noughts", HEAD "Content-Length: 0002\r\n\r\nxy", "M63" },
	{ "a response", "SIP/2.0 200 OK\r\nl: 0\r\n\r\n", "M24" },
	{ "CRLF CRLF is a ping", "\r\n\r\n", "P" },
	{ "one CRLF is a pong or padding", "\r\n" HEAD "l:0\r\n\r\n", "M44" },
	{ "ping, message, ping", "\r\n\r\n" HEAD "l:0\r\n\r\n\r\n\r\n", "P M44 P" },
	{ "three line ends are a ping and a half", "\r\n\r\n\r\n" HEAD "l:0\r\n\r\n\r\n", "P M44" },
	{ "no length on a stream", HEAD "\r\n", "B400 39" },
	{ "a negative one", HEAD "Content-Length: -1\r\n\r\n", "B400 59" },
	{ "a sign", HEAD "Content-Length: +5\r\n\r\nabcde", "B400 59" },
	{ "hexadecimal", HEAD "Content-Length: 0x5\r\n\r\nabcde", "B400 60" },
	{ "nothing", HEAD "Content-Length: \r\n\r\n", "B400 57" },
	{ "two that differ", HEAD "Content-Length: 1\r\nl: 2\r\n\r\nab", "B400 64" },
	{ "two that agree", HEAD "Content-Length: 1\r\nl: 1\r\n\r\na", "B400 64" },
	{ "a list", HEAD "Content-Length: 1, 1\r\n\r\na", "B400 61" },
	{ "2^31", HEAD "Content-Length: 2147483648\r\n\r\n", "B413 67" },
	{ "2^32 + 32 is not 32", HEAD "Content-Length: 4294967328\r\n\r\n", "B413 67" },
	{ "2^64", HEAD "Content-Length: 18446744073709551616\r\n\r\n", "B413 77" },
	{ "2^64 + 1 is not 1", HEAD "Content-Length: 18446744073709551617\r\n\r\n", "B413 77" },
	{ "larger than may be", HEAD "Content-Length: 65536\r\n\r\n", "B413 62" },
	{ "a length behind a bare LF is none", HEAD "X: a\nContent-Length: 1\r\n\r\na", "B400 63" },
	{ "a length behind a bare CR is none", HEAD "X: a\rContent-Length: 1\r\n\r\na", "B400 63" },
	{ "a length in a fold is none", HEAD "X: a\r\n Content-Length: 1\r\n\r\na", "B400 65" },
	{ "a longer name is another one", HEAD "Content-Lengths: 1\r\n\r\na", "B400 59" },
	{ "the request line is no field", "l: 5 SIP/2.0\r\nContent-Length: 0\r\n\r\n", "M35" },
	{ "a blank before a message", " " HEAD "l: 0\r\n\r\n", "B400 0" },
	{ "a TLS hello on a plain port", "\x16\x03\x01\x02", "B400 0" },
	{ "nothing behind a bad one is read", HEAD "\r\n" HEAD "l:0\r\n\r\n", "B400 39" },
	{ "a message that is not whole", HEAD "l:5\r\n\r\nabcd", "" },
	{ "a head that is not whole", HEAD "l:5\r\n", "" },
};

static void logs_as(const char *why, struct strv stream, const size_t *cuts, unsigned n_cuts,
		    const char *want)
{
	char *log = frame_log(stream, cuts, n_cuts);

	if (strcmp(log, want) != 0)
		fail_msg("%s: \"%s\", not \"%s\"", why, log, want);
	free(log);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		logs_as(rows[i].why, strv_of(rows[i].stream), NULL, 0, rows[i].log);
}

static void test_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct strv stream = strv_of(rows[i].stream);

		for (size_t cut = 0; cut <= stream.n; cut++)
			logs_as(rows[i].why, stream, &cut, 1, rows[i].log);
	}
}

static void test_every_pair_of_cuts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct strv stream = strv_of(rows[i].stream);
		size_t cuts[2];

		for (cuts[0] = 0; cuts[0] <= stream.n; cuts[0]++)
			for (cuts[1] = cuts[0]; cuts[1] <= stream.n; cuts[1]++)
				logs_as(rows[i].why, stream, cuts, 2, rows[i].log);
	}
}

static void test_octet_by_octet(void **state)
{
	size_t cuts[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++)
		cuts[i] = i;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct strv stream = strv_of(rows[i].stream);

		assert_true(stream.n < 256);
		logs_as(rows[i].why, stream, cuts, (unsigned)stream.n, rows[i].log);
	}
}

/* A head as long as may be, and one octet longer. */
static void test_head_bounds(void **state)
{
	static const char end[] = "\r\nl: 0\r\n\r\n";
	char *text = malloc(SIP_HEAD_MAX + 1), want[32];

	(void)state;
	for (size_t n = SIP_HEAD_MAX; n <= SIP_HEAD_MAX + 1; n++) {
		memset(text, 'x', n);
		memcpy(text + n - sizeof(end) + 1, end, sizeof(end) - 1);
		snprintf(want, sizeof(want), n == SIP_HEAD_MAX ? "M%d" : "B513 %d", SIP_HEAD_MAX);
		for (size_t cut = n - 20; cut <= n; cut++)
			logs_as("a large head", strv_mem(text, n), &cut, 1, want);
	}
	free(text);
}

/* Head and body together as large as may be, and one octet larger. */
static void test_size_bounds(void **state)
{
	char *text = calloc(1, SIP_STREAM_MAX + 1), want[32];
	int head;

	(void)state;
	for (size_t n = SIP_STREAM_MAX; n <= SIP_STREAM_MAX + 1; n++) {
		head = snprintf(text, 64, "X\r\nl: %05zu\r\n\r\n", n - 15);
		assert_int_equal(head, 15);
		text[head] = 'x';
		if (n == SIP_STREAM_MAX)
			snprintf(want, sizeof(want), "M%d", SIP_STREAM_MAX);
		else
			snprintf(want, sizeof(want), "B413 15");
		logs_as("a large message", strv_mem(text, n), NULL, 0, want);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_every_pair_of_cuts),
		cmocka_unit_test(test_octet_by_octet),
		cmocka_unit_test(test_head_bounds),
		cmocka_unit_test(test_size_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
