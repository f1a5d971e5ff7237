/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/test_msg.c - URIs, addresses, Via, and the message that is made of them
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sip/sip_content.h"
#include "sip/sip_edit.h"
#include "sip/sip_msg.h"
#include "sip/sip_osip.h"

/* ---- URIs ---- */

static const struct {
	const char *why, *text, *user, *host;
	unsigned port;
	const char *params, *headers; /* USER NULL: refused */
} uris[] = {
	{ "the usual", "sip:bob@example.com", "bob", "example.com", 0, "", "" },
	{ "all there is", "sips:a%20b:p&w@h-1.example:5061;lr;x=%41?a=b&c=", "a%20b", "h-1.example",
	  5061, "lr;x=%41", "a=b&c=" },
	{ "headers without parameters", "sip:h?a=b", "", "h", 0, "", "a=b" },
	{ "a user that looks like parameters", "sip:u;p=q%40r@h", "u;p=q%40r", "h", 0, "", "" },
	{ "IPv6", "sip:[2001:db8::1]:5070;lr", "", "[2001:db8::1]", 5070, "lr", "" },
	{ "IPv6 as an old ABNF had it", "sip:u@[2001:db8:::192.0.2.1]", "u",
	  "[2001:db8:::192.0.2.1]", 0, "", "" },
	{ "a number", "tel:+49-(30).12;phone-context=h", "+49-(30).12", "", 0, "phone-context=h",
	  "" },
	{ "a local number", "TEL:*31#", "*31#", "", 0, "", "" },
	{ "any other scheme", "soap.beep://h:1/x", "", "", 0, "", "" },
	{ "IPv6 without brackets", "sip:2001:db8::10", NULL, NULL, 0, NULL, NULL },
	{ "brackets not closed", "sip:[::1", NULL, NULL, 0, NULL, NULL },
	{ "brackets around a name", "sip:[abc]", NULL, NULL, 0, NULL, NULL },
	{ "no host", "sip:bob@", NULL, NULL, 0, NULL, NULL },
	{ "no user before the at", "sip:@h", NULL, NULL, 0, NULL, NULL },
	{ "two ats: which host?", "sip:a@b@c", NULL, NULL, 0, NULL, NULL },
	{ "an at behind", "sip:a;x=b@c", "a;x=b", "c", 0, "", "" },
	{ "port 0", "sip:h:0", NULL, NULL, 0, NULL, NULL },
	{ "port 65536", "sip:h:65536", NULL, NULL, 0, NULL, NULL },
	{ "no port behind the colon", "sip:h:", NULL, NULL, 0, NULL, NULL },
	{ "a port with letters", "sip:h:50a", NULL, NULL, 0, NULL, NULL },
	{ "a broken escape", "sip:a%4@h", NULL, NULL, 0, NULL, NULL },
	{ "a blank", "sip:a b@h", NULL, NULL, 0, NULL, NULL },
	{ "a quote", "sip:h;x=\"a\"", NULL, NULL, 0, NULL, NULL },
	{ "a bracket", "sip:h;x=<", NULL, NULL, 0, NULL, NULL },
	{ "UTF-8 is escaped in URIs", "sip:\xc3\xa4@h", NULL, NULL, 0, NULL, NULL },
	{ "no scheme", "bob@example.com", NULL, NULL, 0, NULL, NULL },
	{ "a scheme that is none", "1sip:h", NULL, NULL, 0, NULL, NULL },
	{ "nothing", "", NULL, NULL, 0, NULL, NULL },
	{ "letters are no number", "tel:phone", NULL, NULL, 0, NULL, NULL },
	{ "a plus inside a number", "tel:1+2", NULL, NULL, 0, NULL, NULL },
};

static void uri_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
		struct sip_uri uri;
		int ret = sip_uri_parse(strv_of(uris[i].text), &uri);

		if ((ret == 0) != (uris[i].user != NULL))
			fail_msg("%s: %d", uris[i].why, ret);
		if (ret == 0 &&
		    (!strv_eq(uri.user, strv_of(uris[i].user)) ||
		     !strv_eq(uri.host, strv_of(uris[i].host)) || uri.port != uris[i].port ||
		     !strv_eq(uri.params, strv_of(uris[i].params)) ||
		     !strv_eq(uri.headers, strv_of(uris[i].headers))))
			fail_msg("%s: user %.*s host %.*s port %u params %.*s headers %.*s",
				 uris[i].why, STRV_ARG(uri.user), STRV_ARG(uri.host), uri.port,
				 STRV_ARG(uri.params), STRV_ARG(uri.headers));
	}
}

static void parameters(void **state)
{
	static const struct {
		const char *why, *params, *name;
		int found;
		const char *value; /* NULL: a flag */
	} rows[] = {
		{ "with the semicolon", ";a=b;c", "a", 1, "b" },
		{ "without it", "a=b;c", "c", 1, NULL },
		{ "any case", "TAG=x", "tag", 1, "x" },
		{ "not a beginning of another", "tagged=x", "tag", 0, NULL },
		{ "not within a value", "x=\"a;tag=b\";y=\"<;tag=c>\"", "tag", 0, NULL },
		{ "behind such a value", "x=\"a\\\";b\";tag=c", "tag", 1, "c" },
		{ "quotes come off", "x=\" a \"", "x", 1, " a " },
		{ "blanks and folds around", " ; x \r\n = \t1 ", "x", 1, "1" },
		{ "an empty value is no flag", "x=", "x", 1, "" },
		{ "empty ones are passed over", ";;;x", "x", 1, NULL },
		{ "the first of two", "x=1;x=2", "x", 1, "1" },
		{ "none", "", "x", 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct strv value;
		int found = sip_param(strv_of(rows[i].params), rows[i].name, &value);

		if (found != rows[i].found || (value.p != NULL) != (rows[i].value != NULL) ||
		    (rows[i].value && !strv_eq(value, strv_of(rows[i].value))))
			fail_msg("%s: %d \"%.*s\"", rows[i].why, found, STRV_ARG(value));
	}
}

/* ---- values of header fields ---- */

static void addresses(void **state)
{
	static const struct {
		const char *why, *text, *result; /* "display|uri|params" of each, NULL: refused */
	} rows[] = {
		{ "bare", "sip:a@b", "|sip:a@b|" },
		{ "bare: parameters are the field's", "sip:a@b;tag=1", "|sip:a@b|;tag=1" },
		{ "in brackets: the URI's", "<sip:a@b;x>;tag=1", "|sip:a@b;x|;tag=1" },
		{ "quoted, with what is telling", "\"a, \\\" <x>\" <sip:a@b>",
		  "\"a, \\\" <x>\"|sip:a@b|" },
		{ "words", "A. B <sip:a@b>", "A. B|sip:a@b|" },
		{ "no blank before the bracket", "A<sip:a@b>", "A|sip:a@b|" },
		{ "words of a phone that does not quote", "J\xc3\xb6rg <sip:a@b>",
		  "J\xc3\xb6rg|sip:a@b|" },
		{ "two", "<sip:a@b>;q=1 ,\r\n sip:c@d;e", "|sip:a@b|;q=1 |sip:c@d|;e" },
		{ "all contacts", "*", "|*|" },
		{ "a comma in quotes of a parameter", "<sip:a>;x=\"1,2\",<sip:b>",
		  "|sip:a|;x=\"1,2\" |sip:b|" },
		{ "a quote not closed", "\"a <sip:a@b>", NULL },
		{ "a quote that ends in an escape", "\"a\\\" <sip:a@b>", NULL },
		{ "a bracket not closed", "<sip:a@b", NULL },
		{ "blanks in brackets", "< sip:a@b >", NULL },
		{ "a comma in words", "B, A <sip:a@b>", NULL },
		{ "headers without brackets", "sip:a@b?x=y", NULL },
		{ "an empty parameter", "<sip:a@b>;;x", NULL },
		{ "a parameter without a value behind =", "<sip:a@b>;x=", NULL },
		{ "a comma and nothing", "<sip:a@b>,", NULL },
		{ "nothing and a comma", ",<sip:a@b>", NULL },
		{ "something behind", "<sip:a@b> x", NULL },
		{ "no URI", "bob", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct strv rest = strv_of(rows[i].text);
		struct sip_name_addr one;
		char all[256] = "";
		size_t n = 0;
		int ret;

		while ((ret = sip_name_addr_next(&rest, &one)) > 0)
			n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%.*s|%.*s|%.*s",
					      n ? " " : "", STRV_ARG(one.display),
					      STRV_ARG(one.uri.text), STRV_ARG(one.params));
		if ((ret == 0) != (rows[i].result != NULL) ||
		    (rows[i].result && strcmp(all, rows[i].result) != 0))
			fail_msg("%s: %d %s", rows[i].why, ret, all);
	}
}

static void vias(void **state)
{
	static const struct {
		const char *why, *text,
			*result; /* "transport host port branch rport", NULL: refused */
	} rows[] = {
		{ "the usual", "SIP/2.0/UDP a.example;branch=z9hG4bK1",
		  "UDP a.example 0 z9hG4bK1 0" },
		{ "rport and port", "SIP/2.0/TCP a:5061;rport;branch=x", "TCP a 5061 x 1" },
		{ "blanks wherever they may be",
		  "SIP \r\n / 2.0 /\tTLS  a : 1 ; branch = x ; received=2001:db8::1",
		  "TLS a 1 x 0" },
		{ "IPv6", "SIP/2.0/WSS [::1]:443;branch=x", "WSS [::1] 443 x 0" },
		{ "a transport that we have not", "SIP/2.0/SCTP a;branch=x", "- a 0 x 0" },
		{ "no branch (RFC 2543)", "SIP/2.0/UDP a", "UDP a 0  0" },
		{ "of a WebSocket client", "SIP/2.0/WS df7jal23ls0d.invalid;branch=x",
		  "WS df7jal23ls0d.invalid 0 x 0" },
		{ "another version", "SIP/7.0/UDP a;branch=x", NULL },
		{ "another protocol", "HTTP/2.0/UDP a;branch=x", NULL },
		{ "no host", "SIP/2.0/UDP ;branch=x", NULL },
		{ "no blank before the host", "SIP/2.0/UDP", NULL },
		{ "port 70000 must not become 4464", "SIP/2.0/UDP a:70000;branch=x", NULL },
		{ "port 0", "SIP/2.0/UDP a:0;branch=x", NULL },
		{ "two branches", "SIP/2.0/UDP a;branch=x;branch=y", NULL },
		{ "an empty branch", "SIP/2.0/UDP a;branch=\"\"", NULL },
		{ "stray separators", "SIP/2.0/UDP a;;,;,,", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct strv rest = strv_of(rows[i].text);
		struct sip_via via;
		char all[256] = "";
		int ret = sip_via_next(&rest, &via);

		if (ret > 0)
			snprintf(all, sizeof(all), "%s %.*s %u %.*s %d",
				 via.known ? sip_proto_name(via.proto) : "-", STRV_ARG(via.host),
				 via.port, STRV_ARG(via.branch), via.rport);
		if ((ret > 0) != (rows[i].result != NULL) ||
		    (rows[i].result && strcmp(all, rows[i].result) != 0))
			fail_msg("%s: %d %s", rows[i].why, ret, all);
	}
}

/* ---- messages ---- */

#define START "MESSAGE sip:b@h SIP/2.0\r\n"
#define VIA   "Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\n"
#define FROM  "From: <sip:a@h>;tag=1\r\n"
#define TO    "To: <sip:b@h>\r\n"
#define CALL  "Call-ID: c\r\n"
#define CSEQ  "CSeq: 1 MESSAGE\r\n"
#define ALL   START VIA FROM TO CALL CSEQ

static struct sip_fence fence;

static int parse(struct arena *arena, struct strv text, struct sip_msg **msg_out, struct err *err)
{
	*msg_out = NULL;
	assert_int_equal(sip_fence_check(text, 0, &fence), SIP_FENCE_PASS);
	return sip_msg_parse(arena, text, &fence, msg_out, err);
}

static void messages(void **state)
{
	static const struct {
		const char *why, *text, *err; /* NULL: taken */
	} rows[] = {
		{ "the least that there is", ALL "\r\n", NULL },
		{ "no tag in From (RFC 2543)", START VIA "f: sip:a@h\r\n" TO CALL CSEQ "\r\n",
		  NULL },
		{ "a largest CSeq", START VIA FROM TO CALL "CSeq: 4294967295  MESSAGE\r\n\r\n",
		  NULL },
		{ "one more", START VIA FROM TO CALL "CSeq: 4294967296 MESSAGE\r\n\r\n",
		  "Bad CSeq" },
		{ "no blank in CSeq", START VIA FROM TO CALL "CSeq: 1MESSAGE\r\n\r\n", "Bad CSeq" },
		{ "another method in CSeq", START VIA FROM TO CALL "CSeq: 1 INVITE\r\n\r\n",
		  "CSeq Method Does Not Match" },
		{ "methods have case", START VIA FROM TO CALL "CSeq: 1 message\r\n\r\n",
		  "CSeq Method Does Not Match" },
		{ "two in To", START VIA FROM "t: <sip:a@h>, <sip:b@h>\r\n" CALL CSEQ "\r\n",
		  "Bad To" },
		{ "an empty tag", START VIA FROM "t: <sip:a@h>;tag=\r\n" CALL CSEQ "\r\n",
		  "Bad To" },
		{ "two tags", START VIA FROM "t: <sip:a@h>;tag=1;tag=2\r\n" CALL CSEQ "\r\n",
		  "Bad To" },
		{ "a tag that is no token",
		  START VIA "f: <sip:a@h>;tag=\"1\"\r\n" TO CALL CSEQ "\r\n", "Bad From" },
		{ "everybody in From", START VIA "f: *\r\n" TO CALL CSEQ "\r\n", "Bad From" },
		{ "an empty Call-ID", START VIA FROM TO "i:\r\n" CSEQ "\r\n", "Bad Call-ID" },
		{ "a blank in Call-ID", START VIA FROM TO "i: a b\r\n" CSEQ "\r\n", "Bad Call-ID" },
		{ "an empty Via", ALL "v:\r\n\r\n", "Bad Via" },
		{ "a bad second Via", ALL "v: x\r\n\r\n", "Bad Via" },
		{ "only the cookie for a branch",
		  START "v: SIP/2.0/UDP a;branch=z9hG4bK\r\n" FROM TO CALL CSEQ "\r\n", "Bad Via" },
		{ "Max-Forwards of a text", ALL "Max-Forwards: x\r\n\r\n", "Bad Max-Forwards" },
		{ "Max-Forwards of nothing", ALL "Max-Forwards:\r\n\r\n", "Bad Max-Forwards" },
		{ "a bad Contact", ALL "m: %\r\n\r\n", "Bad Contact" },
		{ "a bad second Contact", ALL "m: <sip:a>\r\nm: <sip:b\r\n\r\n", "Bad Contact" },
		{ "headers in the Request-URI",
		  "MESSAGE sip:b@h?Route=x SIP/2.0\r\n" VIA FROM TO CALL CSEQ "\r\n",
		  "Bad Request-URI" },
		{ "brackets around it",
		  "MESSAGE <sip:b@h> SIP/2.0\r\n" VIA FROM TO CALL CSEQ "\r\n", "Bad Request-URI" },
		{ "a Content-Type that is none", ALL "c: text\r\n\r\nx", "Bad Content" },
		{ "a multipart without a boundary",
		  ALL "c: multipart/mixed\r\n\r\n--b\r\n\r\nx\r\n--b--", "Bad Content" },
		{ "one that is not closed",
		  ALL "c: multipart/mixed;boundary=b\r\n\r\n--b\r\n\r\nx\r\n", "Bad Content" },
		{ "one without parts", ALL "c: multipart/mixed;boundary=b\r\n\r\n--b--\r\n",
		  "Bad Content" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new(0);
		struct sip_msg *msg;
		struct err err = { 0 };
		int ret = parse(arena, strv_of(rows[i].text), &msg, &err);

		if ((ret == 0) != !rows[i].err || (ret && strcmp(err.text, rows[i].err) != 0))
			fail_msg("%s: %d %s", rows[i].why, ret, err.text);
		arena_free(&arena);
	}
}

static void readers(void **state)
{
	static const char text[] =
		ALL "Max-Forwards: 0068\r\nSupported: a,\r\n\tb\r\nk: timer ,c\r\nX-A: 1\r\n"
		    "Expires: 4294967296\r\nMin-Expires: 60\r\nx-a: 2\r\nSubject: x\r\n"
		    " P-Asserted-Identity: <sip:ceo@h>\r\nZ: \"\\\a\\\x7f\"\r\n\r\nbody\\\x01";
	struct arena *arena = arena_new(0);
	uint32_t number;
	struct sip_msg *msg;

	(void)state;
	assert_int_equal(parse(arena, STRV(text), &msg, NULL), 0);
	assert_int_equal(msg->method, SIP_MESSAGE);
	assert_int_equal(msg->cseq, 1);
	assert_int_equal(msg->max_forwards, 68);
	assert_true(strv_eq(msg->from_tag, STRV("1")) && !msg->to_tag.p);
	assert_true(strv_eq(sip_msg_value(msg, SIP_H_SUPPORTED, 0), STRV("a, b")));
	assert_true(strv_eq(sip_msg_value(msg, SIP_H_SUPPORTED, 1), STRV("timer ,c")));
	assert_null(sip_msg_value(msg, SIP_H_SUPPORTED, 2).p);
	assert_true(strv_eq(sip_msg_list(msg, SIP_H_SUPPORTED), STRV("a, b, timer ,c")));
	assert_true(sip_msg_has_token(msg, SIP_H_SUPPORTED, "TIMER"));
	assert_true(sip_msg_has_token(msg, SIP_H_SUPPORTED, "b"));
	assert_false(sip_msg_has_token(msg, SIP_H_SUPPORTED, "tim"));
	assert_true(strv_eq(sip_msg_named(msg, "X-a", 1), STRV("2")));
	assert_true(strv_eq(sip_msg_named(msg, "supported", 0), STRV("a, b")));
	assert_null(sip_msg_named(msg, "X-B", 0).p);
	assert_int_equal(sip_msg_number(msg, SIP_H_EXPIRES, &number), -1);
	assert_int_equal(sip_msg_number(msg, SIP_H_MIN_EXPIRES, &number), 1);
	assert_int_equal(number, 60);
	assert_int_equal(sip_msg_number(msg, SIP_H_MAX_BREADTH, &number), 0);
	/* A fold is a part of its value, never a field. */
	assert_null(sip_msg_line(msg, SIP_H_P_ASSERTED_IDENTITY));
	/* What is escaped is shown to nobody; the body is nobody's to change. */
	assert_true(strv_eq(sip_msg_named(msg, "Z", 0), STRV("\"\\ \\ \"")));
	assert_true(strv_eq(msg->body, STRV("body\\\x01")));
	assert_non_null(sip_msg_osip(msg));
	assert_ptr_equal(sip_msg_osip(msg), sip_msg_osip(msg));
	arena_free(&arena);
}

/* A field that asserts who somebody is, in every spelling: refused, something else, or taken out.
 */
static void asserted(void **state)
{
	static const char *const spellings[] = {
		"P-Asserted-Identity: <sip:ceo@h>\r\n",
		"p-asserted-IDENTITY: <sip:ceo@h>\r\n",
		"P-Asserted-Identity : <sip:ceo@h>\r\n",
		"P-Asserted-Identity\t: <sip:ceo@h>\r\n",
		"P-Asserted-Identity \t :<sip:ceo@h>\r\n",
		"P-Asserted-Identity:\r\n <sip:ceo@h>\r\n",
		"P-Asserted-Identity\r\n : <sip:ceo@h>\r\n",
		"P-Asserted-Identity\x0b: <sip:ceo@h>\r\n",
		"X-A: x\rP-Asserted-Identity: <sip:ceo@h>\r\n",
		"X-A: x\nP-Asserted-Identity: <sip:ceo@h>\r\n",
		"X-A: x\r\n P-Asserted-Identity: <sip:ceo@h>\r\n",
		"P-Asserted-Identity: <sip:a@h>\r\nP-Asserted-Identity: <sip:ceo@h>\r\n",
		"P-Asserted-Identity: \r\n\t\r\n <sip:ceo@h>\r\n",
		" P-Asserted-Identity: <sip:ceo@h>\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		struct arena *arena = arena_new(0);
		char *text = arena_printf(arena, "%s%s\r\n", ALL, spellings[i]);
		struct sip_edit *edit;
		struct sip_msg *msg;
		struct sip_buf *buf;

		if (sip_fence_check(strv_of(text), 0, &fence) == SIP_FENCE_PASS &&
		    sip_msg_parse(arena, strv_of(text), &fence, &msg, NULL) == 0) {
			edit = sip_edit_new(msg);
			sip_edit_remove(edit, SIP_H_P_ASSERTED_IDENTITY);
			buf = sip_edit_buf(edit);
			assert_non_null(buf);
			assert_int_equal(parse(arena, sip_buf_bytes(buf), &msg, NULL), 0);
			assert_null(sip_msg_line(msg, SIP_H_P_ASSERTED_IDENTITY));
			/* And libosip2 sees none that we do not. */
			assert_non_null(sip_msg_osip(msg));
			sip_buf_drop(&buf);
		}
		arena_free(&arena);
	}
}

static void parts(void **state)
{
	static const char body[] =
		"preamble\r\n--b\r\nContent-Type: text/plain;\r\n x=y\r\nA: 1\r\n"
		"\r\none\r\n--bb\r\n--b \r\n\r\n\r\n--b\r\n\r\n\r\n\r\n--b--\r\n--b";
	struct strv rest = STRV(body);
	struct sip_media media;
	struct sip_part part;

	(void)state;
	assert_int_equal(sip_media_parse(STRV("Multipart / Mixed ; boundary = \"b\""), &media), 0);
	assert_true(sip_media_is(&media, "multipart", "mixed") &&
		    !sip_media_is(&media, "multipart", "related"));
	assert_int_equal(sip_part_next(&media, &rest, &part), 1);
	assert_true(strv_eq(part.body, STRV("one\r\n--bb")));
	assert_true(strv_eq(sip_part_value(&part, "content-type"), STRV("text/plain;\r\n x=y")));
	assert_true(strv_eq(sip_part_value(&part, "a"), STRV("1")));
	assert_null(sip_part_value(&part, "b").p);
	assert_int_equal(sip_part_next(&media, &rest, &part), 1);
	assert_true(part.body.n == 0 && part.head.n == 0);
	assert_int_equal(sip_part_next(&media, &rest, &part), 1);
	assert_true(strv_eq(part.body, STRV("\r\n")));
	assert_int_equal(sip_part_next(&media, &rest, &part), 0);
	assert_int_equal(sip_media_parse(STRV("text"), &media), -1);
	assert_int_equal(sip_media_parse(STRV("text/plain;"), &media), -1);
}

/* An arena that is used up is an ordinary failure, wherever it happens. */
static void memory(void **state)
{
	static const char text[] = ALL "Route: <sip:r;lr>\r\nk: a,\r\n b\r\n\r\nx";
	int done = 0;

	(void)state;
	for (size_t max = 64; !done; max += 16) {
		struct arena *arena = arena_new(max);
		struct sip_edit *edit;
		struct sip_msg *msg;
		struct sip_buf *buf;
		struct err err = { 0 };

		assert_true(max < 1 << 20);
		if (parse(arena, STRV(text), &msg, &err) < 0) {
			assert_int_equal(err.code, ERR_NOMEM);
			arena_free(&arena);
			continue;
		}
		sip_msg_value(msg, SIP_H_SUPPORTED, 0);
		edit = sip_edit_new(msg);
		if (edit) {
			sip_edit_pop(edit, SIP_H_ROUTE);
			sip_edit_push(edit, SIP_H_VIA, STRV("Via: SIP/2.0/UDP x;branch=y"));
			buf = sip_edit_buf(edit);
			sip_buf_drop(&buf);
		}
		done = sip_msg_osip(msg) != NULL;
		arena_free(&arena);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(uri_table), cmocka_unit_test(parameters),
		cmocka_unit_test(addresses), cmocka_unit_test(vias),
		cmocka_unit_test(messages),  cmocka_unit_test(readers),
		cmocka_unit_test(asserted),  cmocka_unit_test(parts),
		cmocka_unit_test(memory),
	};

	if (sip_msg_init(NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
