/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/test_sdp_anomaly.c - thousands of session descriptions, each wrong in one element
 *
 * As tests/sip/anomaly.h does for requests: a valid offer is cut into its elements; one of them at
 * a time is replaced by one anomaly, left out, doubled or put elsewhere. What is taken must be of
 * the form that is promised, and what was printed must be read as the same again. Each text is an
 * allocation of its own size, so that a sanitizer sees an octet read past its end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sip/sip_msg.h"
#include "sip/sip_sdp.h"

enum { TEXT_MAX = 160 * 1024, ANOMALIES_LEAST = 2000 };

/* Elements, the octets between them too: every second one is what stands between. */
static const char *const offer[] = {
	"",	"v",
	"=",	"0",
	"\r\n", "o",
	"=",	"alice",
	" ",	"2890844526",
	" ",	"2890842807",
	" ",	"IN",
	" ",	"IP4",
	" ",	"192.0.2.1",
	"\r\n", "s",
	"=",	"a name",
	"\r\n", "c",
	"=",	"IN",
	" ",	"IP4",
	" ",	"192.0.2.1",
	"\r\n", "t",
	"=",	"0",
	" ",	"0",
	"\r\n", "a",
	"=",	"chatroom",
	":",	"nickname",
	"\r\n", "m",
	"=",	"message",
	" ",	"2855",
	" ",	"TCP/MSRP",
	" ",	"*",
	"\r\n", "i",
	"=",	"a title",
	"\r\n", "c",
	"=",	"IN",
	" ",	"IP6",
	" ",	"2001:db8::1",
	"\r\n", "a",
	"=",	"accept-types",
	":",	"message/cpim",
	" ",	"text/plain",
	"\r\n", "a",
	"=",	"path",
	":",	"msrp://192.0.2.1:2855/s1;tcp",
	"\r\n", "a",
	"=",	"sendrecv",
	"\r\n", "m",
	"=",	"audio",
	" ",	"0",
	" ",	"RTP/AVP",
	" ",	"0",
	" ",	"101",
	"\r\n", "a",
	"=",	"rtpmap",
	":",	"101",
	" ",	"telephone-event/8000",
	"\r\n",
};
enum { PIECES = sizeof(offer) / sizeof(offer[0]) };

struct anomaly {
	const char *name, *text;
	unsigned times; /* the text so often */
	size_t n;	/* octets of TEXT when it holds a NUL */
};

static const struct anomaly anomalies[] = {
	{ "nothing", "", 1, 0 },
	{ "a blank", " ", 1, 0 },
	{ "blanks", " ", 300, 0 },
	{ "a tab", "\t", 1, 0 },
	{ "CR", "\r", 1, 0 },
	{ "LF", "\n", 1, 0 },
	{ "CRLF", "\r\n", 1, 0 },
	{ "CRLF CRLF", "\r\n\r\n", 1, 0 },
	{ "LF CR", "\n\r", 1, 0 },
	{ "NUL", "\0", 1, 1 },
	{ "NUL within", "a\0b", 1, 3 },
	{ "0x7f", "\x7f", 1, 0 },
	{ "escape", "\x1b[2J", 1, 0 },
	{ "0xff", "\xff", 1, 0 },
	{ "UTF-8 overlong", "\xc0\xaf", 1, 0 },
	{ "UTF-8 cut", "\xe2\x82", 1, 0 },
	{ "a surrogate", "\xed\xa0\x80", 1, 0 },
	{ "=", "=", 1, 0 },
	{ "= =", "= =", 1, 0 },
	{ ":", ":", 1, 0 },
	{ "colons", ":", 300, 0 },
	{ "/", "/", 1, 0 },
	{ "slashes", "/", 300, 0 },
	{ "a quote", "\"", 1, 0 },
	{ "<>", "<>", 1, 0 },
	{ "%n", "%n%s%x", 50, 0 },
	{ "a", "a", 1, 0 },
	{ "a letter twice", "aa", 1, 0 },
	{ "a capital", "A", 1, 0 },
	{ "a word of 255", "a", 255, 0 },
	{ "a word of 1024", "a", 1024, 0 },
	{ "a word of 65535", "a", 65535, 0 },
	{ "a word of 65537", "a", 65537, 0 },
	{ "0", "0", 1, 0 },
	{ "00000", "0", 5, 0 },
	{ "-1", "-1", 1, 0 },
	{ "+1", "+1", 1, 0 },
	{ "1.5", "1.5", 1, 0 },
	{ "0x10", "0x10", 1, 0 },
	{ "65535", "65535", 1, 0 },
	{ "65536", "65536", 1, 0 },
	{ "2147483647", "2147483647", 1, 0 },
	{ "2147483648", "2147483648", 1, 0 },
	{ "4294967295", "4294967295", 1, 0 },
	{ "4294967296", "4294967296", 1, 0 },
	{ "2^64", "18446744073709551616", 1, 0 },
	{ "a number of 300 digits", "9", 300, 0 },
	{ "another medium", "\r\nm=message 9 TCP/MSRP *\r\n", 1, 0 },
	{ "media without end", "\r\nm=a 1 b c", 600, 0 },
	{ "attributes without end", "\r\na=x:y", 600, 0 },
	{ "words without end", " 1", 5000, 0 },
	{ "an address with its TTL", "224.2.1.1/127/3", 1, 0 },
	{ "an address without end", "1.", 500, 0 },
	{ "an IPv6 address that is none", "::::::::1", 1, 0 },
	{ "another header section", "Content-Length: 5\r\n\r\n", 1, 0 },
};
enum { ANOMALIES = sizeof(anomalies) / sizeof(anomalies[0]) };

static char text[TEXT_MAX];

static size_t put(size_t n, const char *from, size_t from_n)
{
	if (n + from_n > sizeof(text))
		return n;
	if (from_n)
		memcpy(text + n, from, from_n);
	return n + from_n;
}

static size_t put_anomaly(size_t n, const struct anomaly *anomaly)
{
	size_t once = anomaly->n ? anomaly->n : strlen(anomaly->text);

	for (unsigned i = 0; i < anomaly->times; i++)
		n = put(n, anomaly->text, once);
	return n;
}

/* ---- what is demanded ---- */

static const char *about;

static void check_text(struct strv value)
{
	for (size_t i = 0; i < value.n; i++)
		if (!value.p[i] || value.p[i] == '\r' || value.p[i] == '\n')
			fail_msg("%s: a value goes over the end of its line", about);
}

static void check_attrs(const struct sip_sdp_attr *attrs, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		check_text(attrs[i].name);
		check_text(attrs[i].value);
	}
}

static void check(const struct sip_sdp *sdp)
{
	if (sdp->n_media > SIP_SDP_MEDIA_MAX)
		fail_msg("%s: %u media", about, sdp->n_media);
	check_text(sdp->user);
	check_text(sdp->session_id);
	check_text(sdp->session_version);
	check_text(sdp->origin_addr);
	check_text(sdp->name);
	check_text(sdp->addr);
	check_attrs(sdp->attrs, sdp->n_attrs);
	for (unsigned i = 0; i < sdp->n_media; i++) {
		const struct sip_sdp_media *media = &sdp->media[i];

		if (media->port > 65535 || !media->media.n || !media->proto.n || !media->formats.n)
			fail_msg("%s: medium %u is none", about, i);
		check_text(media->media);
		check_text(media->proto);
		check_text(media->formats);
		check_text(media->info);
		check_text(media->addr);
		check_attrs(media->attrs, media->n_attrs);
	}
}

/* 1 it was taken, 0 refused. */
static int feed(size_t n)
{
	struct arena *arena = arena_new(0);
	char *exact = malloc(n ? n : 1);
	struct sip_sdp *sdp, *again;
	struct strv once, twice;
	struct err err = { ERR_NONE, "" };
	int taken;

	assert_non_null(arena);
	assert_non_null(exact);
	memcpy(exact, text, n);
	taken = sip_sdp_parse(strv_mem(exact, n), arena, &sdp, &err) == 0;
	if (!taken && err.code != ERR_SYNTAX && err.code != ERR_LIMIT)
		fail_msg("%s: refused with %d: %s", about, (int)err.code, err.text);
	if (taken) {
		check(sdp);
		once = sip_sdp_print(sdp, arena);
		assert_non_null(once.p);
		if (sip_sdp_parse(once, arena, &again, &err) < 0)
			fail_msg("%s: what was printed is refused: %s", about, err.text);
		twice = sip_sdp_print(again, arena);
		if (!strv_eq(once, twice))
			fail_msg("%s: printed otherwise the second time", about);
	}
	free(exact);
	arena_free(&arena);
	return taken;
}

static void one_element_at_a_time(void **state)
{
	unsigned fed = 0, taken = 0;
	char name[160];

	(void)state;
	about = name;
	for (unsigned e = 0; e < PIECES; e++)
		for (unsigned a = 0; a < ANOMALIES; a++) {
			size_t n = 0;

			for (unsigned i = 0; i < PIECES; i++)
				n = i == e ? put_anomaly(n, &anomalies[a])
					   : put(n, offer[i], strlen(offer[i]));
			snprintf(name, sizeof(name), "element %u (%.20s), %s", e, offer[e],
				 anomalies[a].name);
			taken += (unsigned)feed(n);
			fed++;
		}
	print_message("%u fed, %u taken\n", fed, taken);
	assert_true(fed >= ANOMALIES_LEAST);
	/* Neither everything nor nothing: both ways are tried. */
	assert_true(taken > fed / 20 && taken < fed / 2);
}

static void what_is_cut_or_stands_elsewhere(void **state)
{
	size_t whole = 0;
	char name[160];

	(void)state;
	about = name;
	for (unsigned i = 0; i < PIECES; i++)
		whole = put(whole, offer[i], strlen(offer[i]));
	snprintf(name, sizeof(name), "as it is");
	assert_int_equal(feed(whole), 1);
	for (size_t n = 0; n < whole; n++) {
		snprintf(name, sizeof(name), "cut at %zu", n);
		feed(n);
	}
	/* One line doubled, left out, or changed with the next. */
	for (unsigned way = 0; way < 3; way++)
		for (unsigned line = 0; line < 16; line++) {
			unsigned at = 0;
			size_t n = 0;

			for (unsigned i = 0; i < PIECES; i++) {
				if (at != line || way != 1)
					n = put(n, offer[i], strlen(offer[i]));
				if (at == line && way == 0)
					n = put(n, offer[i], strlen(offer[i]));
				if (at == line && way == 2 && i + 8 < PIECES)
					n = put(n, offer[i + 8], strlen(offer[i + 8]));
				at += strcmp(offer[i], "\r\n") == 0;
			}
			snprintf(name, sizeof(name), "line %u, way %u", line, way);
			feed(n);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_element_at_a_time),
		cmocka_unit_test(what_is_cut_or_stands_elsewhere),
	};

	if (sip_msg_init(NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
