/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sip/test_sdp.c - the checked door to session descriptions */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sip/sip_osip.h"
#include "sip/sip_sdp.h"
#include "tests/sip/torture.h"

#define TOP "v=0\r\no=a 1 2 IN IP4 192.0.2.1\r\ns=x y\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
#define MSRP                                                                                    \
	"m=message 2855 TCP/MSRP *\r\na=accept-types:message/cpim text/plain\r\na=sendrecv\r\n" \
	"a=path:msrp://192.0.2.1:2855/s1;tcp\r\n"

static const struct {
	const char *why, *text, *print; /* NULL: refused; "": as TEXT */
} rows[] = {
	{ "an offer", TOP MSRP, "" },
	{ "no medium", TOP, "" },
	{ "two, one refused, with what stands in them",
	  TOP "a=chatroom:nickname\r\n" MSRP "m=audio 0 RTP/AVP 0 8 101\r\ni=file\r\n"
	      "c=IN IP6 2001:db8::1\r\n",
	  "" },
	{ "lines ended by LF alone", "v=0\no=a 1 2 IN IP4 h\ns=-\nt=0 0\nm=a 1 b c\n",
	  "v=0\r\no=a 1 2 IN IP4 h\r\ns=-\r\nt=0 0\r\nm=a 1 b c\r\n" },
	{ "the last line not ended", "v=0\r\no=a 1 2 IN IP4 h\r\ns=-\r\nt=0 0\r\nm=a 1 b c",
	  "v=0\r\no=a 1 2 IN IP4 h\r\ns=-\r\nt=0 0\r\nm=a 1 b c\r\n" },
	{ "an empty name (RFC 5118 s4.8)", "v=0\r\no=a 1 2 IN IP4 h\r\ns=\r\nt=0 0\r\n",
	  "v=0\r\no=a 1 2 IN IP4 h\r\ns=-\r\nt=0 0\r\n" },
	{ "nothing", "", NULL },
	{ "another version", "v=1\r\no=a 1 2 IN IP4 h\r\ns=-\r\nt=0 0\r\n", NULL },
	{ "no origin", "v=0\r\ns=-\r\nt=0 0\r\n", NULL },
	{ "no format", TOP "m=message 9 TCP/MSRP\r\n", NULL },
	{ "no format, LF: what is read past (robustness: sdp-overread)",
	  TOP "m=message 9 TCP/MSRP\n", NULL },
	{ "no format but a blank", TOP "m=message 9 TCP/MSRP \r\n", NULL },
	{ "a port too large", TOP "m=message 65536 TCP/MSRP *\r\n", NULL },
	{ "a port that is none", TOP "m=message -1 TCP/MSRP *\r\n", NULL },
	{ "a format number that wraps is text", TOP "m=audio 9 RTP/AVP 4294967296\r\n", "" },
	{ "a line that is none", TOP "a\r\n", NULL },
	{ "an empty line", TOP "\r\na=x\r\n", NULL },
	{ "a bare CR", TOP "a=x\rm=y 1 2 3\r\n", NULL },
	{ "a type that is no letter", TOP "1=x\r\n", NULL },
};

static void table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new(0);
		struct strv text = strv_of(rows[i].text), printed;
		struct sip_sdp *sdp;
		struct err err = { 0 };
		int ret = sip_sdp_parse(text, arena, &sdp, &err);

		if ((ret == 0) != (rows[i].print != NULL))
			fail_msg("%s: %d %s", rows[i].why, ret, err.text);
		if (ret == 0) {
			printed = sip_sdp_print(sdp, arena);
			if (!strv_eq(printed, *rows[i].print ? strv_of(rows[i].print) : text))
				fail_msg("%s:\n%.*s", rows[i].why, STRV_ARG(printed));
		} else {
			assert_int_equal(err.code, ERR_SYNTAX);
		}
		arena_free(&arena);
	}
}

static void values(void **state)
{
	struct arena *arena = arena_new(0);
	struct sip_sdp *sdp;
	struct strv value;

	(void)state;
	assert_int_equal(sip_sdp_parse(STRV(TOP MSRP), arena, &sdp, NULL), 0);
	assert_int_equal(sdp->n_media, 1);
	assert_int_equal(sdp->media[0].port, 2855);
	assert_int_equal(sip_sdp_attr(sdp->media[0].attrs, sdp->media[0].n_attrs, "path", &value),
			 1);
	assert_true(strv_eq(value, STRV("msrp://192.0.2.1:2855/s1;tcp")));
	assert_int_equal(sip_sdp_attr(sdp->media[0].attrs, sdp->media[0].n_attrs, "sendrecv",
				      &value),
			 1);
	assert_null(value.p);
	assert_int_equal(sip_sdp_attr(sdp->attrs, sdp->n_attrs, "path", &value), 0);
	arena_free(&arena);
}

static void limits(void **state)
{
	struct arena *arena = arena_new(0);
	char *text = malloc(SIP_SDP_MAX + 2);
	struct sip_sdp *sdp;
	struct err err;
	size_t n;

	(void)state;
	n = strlen(strcpy(text, TOP));
	for (unsigned i = 0; i < SIP_SDP_LINES_MAX; i++, n += 5)
		strcpy(text + n, "a=x\r\n");
	assert_int_equal(sip_sdp_parse(strv_mem(text, n), arena, &sdp, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	n = strlen(strcpy(text, TOP));
	for (unsigned i = 0; i < SIP_SDP_MEDIA_MAX + 1; i++, n += 11)
		strcpy(text + n, "m=a 1 b c\r\n");
	assert_int_equal(sip_sdp_parse(strv_mem(text, n), arena, &sdp, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	memset(text, 'a', SIP_SDP_MAX + 1);
	assert_int_equal(sip_sdp_parse(strv_mem(text, SIP_SDP_MAX + 1), arena, &sdp, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	free(text);
	arena_free(&arena);
}

/* Bodies of the torture messages: each that its index accepts is read, whatever stands in it. */
static void torture(void **state)
{
	static const char *const folders[] = { "rfc4475", "rfc5118" };
	unsigned read = 0;

	(void)state;
	for (unsigned f = 0; f < 2; f++) {
		struct torture *messages;
		size_t n = torture_load(folders[f], &messages);

		for (size_t i = 0; i < n; i++) {
			struct strv bytes = messages[i].bytes;
			const char *body = memmem(bytes.p, bytes.n, "\r\n\r\nv=0", 7);
			struct arena *arena = arena_new(0);
			struct sip_sdp *sdp;
			struct err err;

			if (body && strcmp(messages[i].verdict, "accept") == 0 &&
			    strcmp(messages[i].name, "dblreq.dat") != 0) {
				body += 4;
				if (sip_sdp_parse(strv_mem(body,
							   (size_t)(bytes.p + bytes.n - body)),
						  arena, &sdp, &err) < 0)
					fail_msg("%s: %s", messages[i].name, err.text);
				read++;
			}
			arena_free(&arena);
		}
		torture_free(messages, n);
	}
	if (!read)
		skip();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(values),
		cmocka_unit_test(limits),
		cmocka_unit_test(torture),
	};

	if (sip_osip_init(NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
