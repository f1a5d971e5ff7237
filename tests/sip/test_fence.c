/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/test_fence.c - what passes the fence, what it finds, what it costs to be refused
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sip/sip_fence.h"
#include "sip/sip_text_priv.h"

#define START "MESSAGE sip:b@h SIP/2.0\r\n"
#define VIA   "Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\n"
#define REST  "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\n"
#define ALL   START VIA REST

enum { DATAGRAM, STREAM };

static struct sip_fence fence;

static const struct {
	const char *why, *text;
	int is_stream;
	enum sip_fence_result result;
	unsigned refuse;
	const char *body; /* of what passes; NULL: not looked at */
} rows[] = {
	{ "a datagram without Content-Length: all that is there", ALL "\r\nhello", DATAGRAM,
	  SIP_FENCE_PASS, 0, "hello" },
	{ "octets behind the body are no part of it", ALL "l: 2\r\n\r\nhello", DATAGRAM,
	  SIP_FENCE_PASS, 0, "he" },
	{ "empty lines before", "\r\n\r\n" ALL "\r\n", DATAGRAM, SIP_FENCE_PASS, 0, "" },
	{ "a stream: exact", ALL "Content-Length: 5\r\n\r\nhello", STREAM, SIP_FENCE_PASS, 0,
	  "hello" },
	{ "a stream: Content-Length is compulsory", ALL "\r\n", STREAM, SIP_FENCE_REFUSE, 400,
	  NULL },
	{ "a stream: octets behind are a framer's fault", ALL "l: 2\r\n\r\nhello", STREAM,
	  SIP_FENCE_REFUSE, 400, NULL },
	{ "a length that is not there", ALL "l: 6\r\n\r\nhello", DATAGRAM, SIP_FENCE_REFUSE, 400,
	  NULL },
	{ "a length too large for SIP", ALL "l: 65537\r\n\r\n", DATAGRAM, SIP_FENCE_REFUSE, 413,
	  NULL },
	{ "a length that would wrap", ALL "l: 18446744073709551616\r\n\r\n", DATAGRAM,
	  SIP_FENCE_REFUSE, 413, NULL },
	{ "a length with a sign", ALL "l: +0\r\n\r\n", DATAGRAM, SIP_FENCE_REFUSE, 400, NULL },
	{ "a length of nothing", ALL "l:\r\n\r\n", DATAGRAM, SIP_FENCE_REFUSE, 400, NULL },
	{ "two lengths", ALL "l: 0\r\nContent-Length: 0\r\n\r\n", DATAGRAM, SIP_FENCE_REFUSE, 400,
	  NULL },
	{ "no empty line", ALL, DATAGRAM, SIP_FENCE_REFUSE, 400, NULL },
	{ "cut within a line", ALL "Subj", DATAGRAM, SIP_FENCE_REFUSE, 400, NULL },
	{ "no Via: nothing can be sent, but it is a request", START REST "\r\n", DATAGRAM,
	  SIP_FENCE_REFUSE, 400, NULL },
	{ "no Call-ID", START VIA "f: a\r\nt: b\r\nCSeq: 1 MESSAGE\r\n\r\n", DATAGRAM,
	  SIP_FENCE_REFUSE, 400, NULL },
	{ "two From, one compact", ALL "f: <sip:c@d>;tag=2\r\n\r\n", DATAGRAM, SIP_FENCE_REFUSE,
	  400, NULL },
	{ "two Contacts are fine", ALL "Contact: <sip:a@b>\r\nm: <sip:a@c>\r\n\r\n", DATAGRAM,
	  SIP_FENCE_PASS, 0, "" },
	{ "a control octet", ALL "Y: a\x08\r\n\r\n", DATAGRAM, SIP_FENCE_REFUSE, 400, NULL },
	{ "DEL", ALL "Y: a\x7f\r\n\r\n", DATAGRAM, SIP_FENCE_REFUSE, 400, NULL },
	{ "a control octet in quotes", ALL "Y: \"\x01\"\r\n\r\n", DATAGRAM, SIP_FENCE_REFUSE, 400,
	  NULL },
	{ "an escaped control octet in quotes is legal", ALL "Y: \"\\\x01\"\r\n\r\n", DATAGRAM,
	  SIP_FENCE_PASS, 0, "" },
	{ "outside quotes nothing is escaped", ALL "Y: \\\x01\r\n\r\n", DATAGRAM, SIP_FENCE_REFUSE,
	  400, NULL },
	{ "a line end cannot be escaped", ALL "Y: \"\\\r\n \"\r\n\r\n", DATAGRAM, SIP_FENCE_REFUSE,
	  400, NULL },
	{ "a bare LF", ALL "Y: a\nY: b\r\n\r\n", DATAGRAM, SIP_FENCE_REFUSE, 400, NULL },
	{ "a bare CR", ALL "Y: a\rY: b\r\n\r\n", DATAGRAM, SIP_FENCE_REFUSE, 400, NULL },
	{ "a control octet in a name", ALL "Y\x0b: a\r\n\r\n", DATAGRAM, SIP_FENCE_REFUSE, 400,
	  NULL },
	{ "a name without a colon", ALL "Y a\r\n\r\n", DATAGRAM, SIP_FENCE_REFUSE, 400, NULL },
	{ "no name", ALL ": a\r\n\r\n", DATAGRAM, SIP_FENCE_REFUSE, 400, NULL },
	{ "a first line that is a fold", START " Y: a\r\n" VIA REST "\r\n", DATAGRAM,
	  SIP_FENCE_REFUSE, 400, NULL },
	{ "blanks before the colon are legal", ALL "Y \t: a\r\n\r\n", DATAGRAM, SIP_FENCE_PASS, 0,
	  "" },
	{ "two SP in the request line", "MESSAGE  sip:b@h SIP/2.0\r\n" VIA REST "\r\n", DATAGRAM,
	  SIP_FENCE_REFUSE, 400, NULL },
	{ "a blank behind the version", "MESSAGE sip:b@h SIP/2.0 \r\n" VIA REST "\r\n", DATAGRAM,
	  SIP_FENCE_REFUSE, 400, NULL },
	{ "another version", "MESSAGE sip:b@h SIP/3.0\r\n" VIA REST "\r\n", DATAGRAM,
	  SIP_FENCE_REFUSE, 505, NULL },
	{ "another protocol", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", DATAGRAM, SIP_FENCE_REFUSE, 400,
	  NULL },
	{ "an ACK is not answered", "ACK sip:b@h SIP/2.0\r\n\r\n", DATAGRAM, SIP_FENCE_DROP, 400,
	  NULL },
	{ "a response", "SIP/2.0 200 OK\r\n" VIA REST "\r\n", DATAGRAM, SIP_FENCE_PASS, 0, "" },
	{ "a response without a phrase", "SIP/2.0 200 \r\n" VIA REST "\r\n", DATAGRAM,
	  SIP_FENCE_PASS, 0, "" },
	{ "a response with a code too large", "SIP/2.0 700 X\r\n" VIA REST "\r\n", DATAGRAM,
	  SIP_FENCE_DROP, 400, NULL },
	{ "with one too small", "SIP/2.0 099 X\r\n" VIA REST "\r\n", DATAGRAM, SIP_FENCE_DROP, 400,
	  NULL },
	{ "with four digits", "SIP/2.0 2000 X\r\n" VIA REST "\r\n", DATAGRAM, SIP_FENCE_DROP, 400,
	  NULL },
	{ "only line ends: a keep-alive", "\r\n\r\n", DATAGRAM, SIP_FENCE_DROP, 0, NULL },
	{ "noise", "\x16\x03\x01", DATAGRAM, SIP_FENCE_DROP, 0, NULL },
};

static void table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum sip_fence_result result =
			sip_fence_check(strv_of(rows[i].text), rows[i].is_stream, &fence);

		if (result != rows[i].result || fence.refuse != rows[i].refuse)
			fail_msg("%s: result %d, refuse %u (%s)", rows[i].why, result, fence.refuse,
				 fence.why ? fence.why : "");
		if (rows[i].body && !strv_eq(fence.body, strv_of(rows[i].body)))
			fail_msg("%s: body \"%.*s\"", rows[i].why, STRV_ARG(fence.body));
	}
}

/* TEXT between what a request needs, N times. */
static enum sip_fence_result repeated(const char *before, const char *text, unsigned n,
				      const char *after)
{
	size_t one = strlen(text), at;
	char *all = malloc(strlen(before) + n * one + strlen(after) + 1);
	enum sip_fence_result result;

	assert_non_null(all);
	at = strlen(strcpy(all, before));
	for (unsigned i = 0; i < n; i++, at += one)
		memcpy(all + at, text, one);
	strcpy(all + at, after);
	result = sip_fence_check(strv_of(all), 0, &fence);
	free(all);
	return result;
}

static void limits(void **state)
{
	(void)state;
	assert_int_equal(repeated(ALL, "Y:\r\n", SIP_LINES_MAX - 5, "\r\n"), SIP_FENCE_PASS);
	assert_int_equal(fence.n_lines, SIP_LINES_MAX);
	assert_int_equal(repeated(ALL, "Y:\r\n", SIP_LINES_MAX - 4, "\r\n"), SIP_FENCE_REFUSE);
	assert_int_equal(fence.refuse, 513);
	assert_int_equal(repeated(ALL "Y:", "a", SIP_LINE_MAX - 4, "\r\n\r\n"), SIP_FENCE_PASS);
	assert_int_equal(repeated(ALL "Y:", "a", SIP_LINE_MAX - 3, "\r\n\r\n"), SIP_FENCE_REFUSE);
	assert_int_equal(repeated(ALL "Y:", ",", SIP_LINE_PARTS_MAX, "\r\n\r\n"), SIP_FENCE_PASS);
	assert_int_equal(repeated(ALL "Y:", ",", SIP_LINE_PARTS_MAX + 1, "\r\n\r\n"),
			 SIP_FENCE_REFUSE);
	assert_int_equal(repeated(ALL "Y:", ";a", SIP_LINE_PARTS_MAX + 1, "\r\n\r\n"),
			 SIP_FENCE_REFUSE);
	/* In quotes they are text; behind a quote that is never closed they are not. */
	assert_int_equal(repeated(ALL "Y:\"", ",", 1000, "\"\r\n\r\n"), SIP_FENCE_PASS);
	assert_int_equal(repeated(ALL "Y:\"", ",", 1000, "\r\n\r\n"), SIP_FENCE_REFUSE);
	assert_int_equal(repeated(ALL,
				  "Y: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
				  100, "\r\n"),
			 SIP_FENCE_REFUSE);
	assert_int_equal(fence.refuse, 513); /* the head as a whole */
	assert_int_equal(repeated("MESSAGE sip:b@", "h", SIP_LINE_MAX,
				  " SIP/2.0\r\n" VIA REST "\r\n"),
			 SIP_FENCE_REFUSE);
	assert_int_equal(fence.refuse, 414);
	assert_int_equal(repeated(ALL "\r\n", "a", SIP_STREAM_MAX, ""), SIP_FENCE_REFUSE);
	assert_int_equal(fence.refuse, 513);
}

/* What is found: by its number, in its order, with its folds. */
static void lines(void **state)
{
	static const char text[] = START VIA REST "Y: 1\r\nv:  SIP/2.0/UDP b ,\r\n\tc\t\r\n"
						  "VIA\t: d\r\n\r\n";
	const struct sip_line *line;

	(void)state;
	assert_int_equal(sip_fence_check(strv_of(text), 0, &fence), SIP_FENCE_PASS);
	assert_int_equal(fence.n_lines, 8);
	assert_true(strv_eq(fence.method, STRV("MESSAGE")) && strv_eq(fence.uri, STRV("sip:b@h")));
	assert_true(strv_eq(fence.start_line, STRV(START)));
	assert_int_equal(fence.first[SIP_H_VIA], 1);
	line = &fence.lines[fence.lines[0].next - 1];
	assert_true(strv_eq(line->name, STRV("v")));
	assert_true(strv_eq(line->value, STRV("SIP/2.0/UDP b ,\r\n\tc")));
	assert_true(strv_eq(line->whole, STRV("v:  SIP/2.0/UDP b ,\r\n\tc\t\r\n")));
	line = &fence.lines[line->next - 1];
	assert_true(strv_eq(line->name, STRV("VIA")) && strv_eq(line->value, STRV("d")));
	assert_int_equal(line->next, 0);
	assert_int_equal(fence.first[SIP_H_ROUTE], 0);
	assert_int_equal(fence.lines[fence.first[SIP_H_OTHER] - 1].next, 0);
}

static void names(void **state)
{
	static const struct {
		const char *name;
		enum sip_h h;
	} compact[] = {
		{ "a", SIP_H_ACCEPT_CONTACT },
		{ "b", SIP_H_REFERRED_BY },
		{ "C", SIP_H_CONTENT_TYPE },
		{ "d", SIP_H_REQUEST_DISPOSITION },
		{ "F", SIP_H_FROM },
		{ "i", SIP_H_CALL_ID },
		{ "j", SIP_H_REJECT_CONTACT },
		{ "k", SIP_H_SUPPORTED },
		{ "l", SIP_H_CONTENT_LENGTH },
		{ "M", SIP_H_CONTACT },
		{ "o", SIP_H_EVENT },
		{ "r", SIP_H_REFER_TO },
		{ "t", SIP_H_TO },
		{ "v", SIP_H_VIA },
		{ "x", SIP_H_SESSION_EXPIRES },
		{ "s", SIP_H_OTHER },
		{ "z", SIP_H_OTHER },
		{ "!", SIP_H_OTHER },
		{ "", SIP_H_OTHER },
		{ "Fro", SIP_H_OTHER },
		{ "P-Asserted-Identit", SIP_H_OTHER },
		{ "P-Charging-Function-Addresses-And-More", SIP_H_OTHER },
	};

	(void)state;
	for (unsigned h = 1; h < SIP_H_COUNT; h++) {
		const char *name = sip_h_name((enum sip_h)h);
		char other[64];

		assert_non_null(name);
		for (size_t i = 0; i <= strlen(name); i++)
			other[i] =
				name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] - 32) : name[i];
		assert_int_equal(sip_h_find(strv_of(name)), h);
		assert_int_equal(sip_h_find(strv_of(other)), h);
	}
	assert_null(sip_h_name(SIP_H_OTHER));
	for (size_t i = 0; i < sizeof(compact) / sizeof(compact[0]); i++)
		if (sip_h_find(strv_of(compact[i].name)) != compact[i].h)
			fail_msg("\"%s\"", compact[i].name);
}

/* The classes of octets, made again from the ABNF. */
static void classes(void **state)
{
	static const char alnum[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	static const char mark[] = "-_.!~*'()";
	static const struct {
		unsigned class;
		const char *more;
		int unreserved;
	} made[] = {
		{ SIP_C_TOKEN, "-.!%*_+`'~", 0 }, { SIP_C_USER, "&=+$,;?/", 1 },
		{ SIP_C_PARAM, "[]/:&+$;=", 1 },  { SIP_C_HEADERS, "[]/?:+$&=", 1 },
		{ SIP_C_HOST, "-._", 0 },	  { SIP_C_URI, ";/?:@&=+$,%[]#", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		for (unsigned c = 0; c < 256; c++) {
			int in = c && (strchr(alnum, (int)c) || strchr(made[i].more, (int)c) ||
				       (made[i].unreserved && strchr(mark, (int)c)));

			if (sip_is((char)c, made[i].class) != in)
				fail_msg("class %u, octet %u", made[i].class, c);
		}
	for (unsigned c = 0; c < 256; c++) {
		assert_int_equal(sip_is((char)c, SIP_C_BLANK), c && strchr(" \t\r\n", (int)c));
		assert_int_equal(sip_is((char)c, SIP_C_HEX),
				 c && strchr("0123456789abcdefABCDEF", (int)c));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(table), cmocka_unit_test(limits),  cmocka_unit_test(lines),
		cmocka_unit_test(names), cmocka_unit_test(classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
