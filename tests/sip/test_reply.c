/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/test_reply.c - answers, also to what was refused; where they go; addresses; buffers
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sip/sip_reply.h"

#define REST  "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\n"
#define START "MESSAGE sip:b@h SIP/2.0\r\n"

static struct sip_fence fence;
static struct sip_addr source;

static struct sip_msg *parse(struct arena *arena, const char *text)
{
	struct sip_msg *msg;

	assert_int_equal(sip_fence_check(strv_of(text), 0, &fence), SIP_FENCE_PASS);
	assert_int_equal(sip_msg_parse(arena, strv_of(text), &fence, &msg, NULL), 0);
	msg->source = source;
	return msg;
}

/* BUF's text with each made tag as "T". */
static void plain(struct sip_buf *buf, char *out)
{
	static const char mark[] = ";tag=";
	const char *text = sip_buf_data(buf), *end = text + sip_buf_size(buf);

	while (text < end) {
		if ((size_t)(end - text) > 22 && memcmp(text, mark, 5) == 0 &&
		    strspn(text + 5, "0123456789abcdef") == 16) {
			out += sprintf(out, ";tag=T");
			text += 21;
			continue;
		}
		*out++ = *text++;
	}
	*out = '\0';
}

static const struct strv lines[] = { STRV("Expires: 60"), STRV("X: y") };

static const struct {
	const char *why, *request;
	struct sip_reply reply;
	const char *result;
} rows[] = {
	{ "the same host: nothing to add",
	  START "Via: SIP/2.0/UDP 192.0.2.7:5070;branch=x\r\n" REST "\r\n",
	  { .status = 200 },
	  "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.7:5070;branch=x\r\nFrom: <sip:a@h>;tag=1\r\n"
	  "To: <sip:b@h>;tag=T\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n" },
	{ "a name: received (RFC 3261 s18.2.1)",
	  START "v: SIP/2.0/UDP pc.example;branch=x, SIP/2.0/TCP b\r\nVia: SIP/2.0/UDP c\r\n" REST
		"\r\n",
	  { .status = 404 },
	  "SIP/2.0 404 Not Found\r\nVia: SIP/2.0/UDP pc.example;branch=x;received=192.0.2.7, "
	  "SIP/2.0/TCP b\r\nVia: SIP/2.0/UDP c\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=T\r\n"
	  "Call-ID: c\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n" },
	{ "rport: both, and what the client claims goes (RFC 3581 s4)",
	  START "Via: SIP/2.0/UDP 192.0.2.7;rport;received=1.2.3.4;branch=x\r\n" REST "\r\n",
	  { .status = 486, .reason = "Sleeping" },
	  "SIP/2.0 486 Sleeping\r\n"
	  "Via: SIP/2.0/UDP 192.0.2.7;branch=x;received=192.0.2.7;rport=5099\r\n"
	  "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=T\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\n"
	  "Content-Length: 0\r\n\r\n" },
	{ "100 gets no tag of ours",
	  START "Via: SIP/2.0/UDP 192.0.2.7;branch=x\r\n" REST "\r\n",
	  { .status = 100 },
	  "SIP/2.0 100 Trying\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=x\r\nFrom: <sip:a@h>;tag=1\r\n"
	  "To: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n" },
	{ "a tag given, lines, content, Record-Route",
	  START "Record-Route: <sip:r;lr>\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=x\r\n" REST "\r\n",
	  { .status = 200,
	    .to_tag = STRV("mine"),
	    .lines = lines,
	    .n_lines = 2,
	    .content_type = STRV("a/b"),
	    .body = STRV("text"),
	    .record_route = 1 },
	  "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=x\r\nRecord-Route: <sip:r;lr>\r\n"
	  "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=mine\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\n"
	  "Expires: 60\r\nX: y\r\nContent-Type: a/b\r\nContent-Length: 4\r\n\r\ntext" },
	{ "a tag that is there stays",
	  START "Via: SIP/2.0/UDP 192.0.2.7;branch=x\r\nFrom: <sip:a@h>;tag=1\r\n"
		"t: <sip:b@h>;tag=theirs\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\n\r\n",
	  { .status = 481, .to_tag = STRV("mine") },
	  "SIP/2.0 481 Call/Transaction Does Not Exist\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=x\r\n"
	  "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=theirs\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\n"
	  "Content-Length: 0\r\n\r\n" },
};

static void answers(void **state)
{
	char text[2048];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new(0);
		struct sip_msg *msg = parse(arena, rows[i].request);
		struct sip_buf *buf = sip_reply_make(msg, &rows[i].reply), *again;

		assert_non_null(buf);
		plain(buf, text);
		if (strcmp(text, rows[i].result) != 0)
			fail_msg("%s:\n%s", rows[i].why, text);
		/* The same for the same request (s8.2.7). */
		again = sip_reply_make(msg, &rows[i].reply);
		assert_true(strv_eq(sip_buf_bytes(buf), sip_buf_bytes(again)));
		sip_buf_drop(&buf);
		sip_buf_drop(&again);
		arena_free(&arena);
	}
}

static const struct {
	const char *why, *request, *result; /* NULL: none is sent */
} refused[] = {
	{ "what is legible is copied",
	  START "Via: SIP/2.0/UDP a;rport;branch=x\r\n" REST "Y: \x01\r\n\r\n",
	  "SIP/2.0 400 Bad Request\r\nVia: SIP/2.0/UDP a;branch=x;received=192.0.2.7;rport=5099\r\n"
	  "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=T\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\n"
	  "Content-Length: 0\r\n\r\n" },
	{ "a Via that is none goes back as it came",
	  START "Via: SIP/2.0/UDP a;;,;,,\r\n" REST "l: x\r\n\r\n",
	  "SIP/2.0 400 Bad Request\r\nVia: SIP/2.0/UDP a;;,;,,\r\nFrom: <sip:a@h>;tag=1\r\n"
	  "To: <sip:b@h>;tag=T\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n" },
	{ "the first of two To, and no tag but theirs",
	  START "Via: SIP/2.0/UDP 192.0.2.7\r\nFrom: <sip:a@h>\r\nTo: <sip:b@h>;tag=2\r\n"
		"To: <sip:c@h>;tag=\r\nY: some more so that the answer may be sent\r\n\r\n",
	  "SIP/2.0 400 Bad Request\r\nVia: SIP/2.0/UDP 192.0.2.7\r\nFrom: <sip:a@h>\r\n"
	  "To: <sip:b@h>;tag=2\r\nContent-Length: 0\r\n\r\n" },
	{ "what is not legible is left out",
	  START "Via: SIP/2.0/UDP 192.0.2.7\r\nFrom: \x01\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\n\r\n",
	  "SIP/2.0 400 Bad Request\r\nVia: SIP/2.0/UDP 192.0.2.7\r\nCall-ID: c\r\n"
	  "CSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n" },
	{ "no Via", START REST "\r\n", NULL },
	{ "a Via that cannot be shown", START "Via: \x01\r\n" REST "\r\n", NULL },
	{ "an ACK", "ACK sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP a\r\n\r\n", NULL },
	{ "a response", "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a\r\n\r\n", NULL },
	{ "more than twice what came", "X y\r\nVia: SIP/2.0/UDP a\r\n\r\n", NULL },
};

static void refusals(void **state)
{
	char text[2048];

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct sip_buf *buf;

		assert_int_not_equal(sip_fence_check(strv_of(refused[i].request), 0, &fence),
				     SIP_FENCE_PASS);
		buf = sip_reply_refused(&fence, &source, 400, NULL);
		if (!buf != !refused[i].result)
			fail_msg("%s: %s", refused[i].why, buf ? "sent" : "not sent");
		if (!buf)
			continue;
		plain(buf, text);
		if (strcmp(text, refused[i].result) != 0)
			fail_msg("%s:\n%s", refused[i].why, text);
		sip_buf_drop(&buf);
	}
}

static void destinations(void **state)
{
	static const struct {
		const char *why, *via;
		enum sip_proto proto;
		uint64_t flow;
		unsigned port;
	} dests[] = {
		{ "UDP, rport: where it came from", "UDP a;rport", SIP_UDP, 0, 5099 },
		{ "UDP: the port of sent-by", "UDP a:5070", SIP_UDP, 0, 5070 },
		{ "UDP: 5060", "UDP a;maddr=1.2.3.4", SIP_UDP, 0, 5060 },
		{ "a stream: its connection", "TCP a:5070", SIP_TCP, 77, 5099 },
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(dests) / sizeof(dests[0]); i++) {
		struct arena *arena = arena_new(0);
		struct sip_dest dest;
		struct sip_msg *msg;

		snprintf(text, sizeof(text), START "Via: SIP/2.0/%s\r\n" REST "\r\n", dests[i].via);
		msg = parse(arena, text);
		msg->proto = dests[i].proto;
		msg->flow = dests[i].flow;
		sip_reply_dest(msg, &dest);
		if (dest.proto != dests[i].proto || dest.flow != dests[i].flow ||
		    sip_addr_port(&dest.addr) != dests[i].port ||
		    !sip_addr_host_eq(&dest.addr, &source))
			fail_msg("%s: port %u", dests[i].why, sip_addr_port(&dest.addr));
		arena_free(&arena);
	}
}

static void reasons(void **state)
{
	(void)state;
	assert_string_equal(sip_reason(100), "Trying");
	assert_string_equal(sip_reason(607), "Unwanted");
	assert_string_equal(sip_reason(480), "Temporarily Unavailable");
	assert_string_equal(sip_reason(499), "");
	for (unsigned i = 0; i < 1000; i++)
		assert_non_null(sip_reason(i));
}

static void addresses(void **state)
{
	static const struct {
		const char *text, *printed; /* NULL: none */
	} addrs[] = {
		{ "192.0.2.1", "192.0.2.1:5060" },
		{ "[2001:DB8::1]", "[2001:db8::1]:5060" },
		{ "2001:db8::1", "[2001:db8::1]:5060" },
		{ "[::ffff:192.0.2.1]", "[::ffff:192.0.2.1]:5060" },
		{ "[2001:db8:::192.0.2.1]", "[2001:db8::c000:201]:5060" },
		{ "[192.0.2.1]", NULL },
		{ "192.0.2", NULL },
		{ "example.com", NULL },
		{ "[::1", NULL },
		{ "", NULL },
		{ "[]", NULL },
		{ "[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa]", NULL },
	};
	struct sip_addr a, b;
	char text[SIP_ADDR_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(addrs) / sizeof(addrs[0]); i++) {
		int ret = sip_addr_parse(strv_of(addrs[i].text), 5060, &a);

		if ((ret == 0) != (addrs[i].printed != NULL) ||
		    (ret == 0 && strcmp(sip_addr_print(&a, text), addrs[i].printed) != 0))
			fail_msg("%s: %d %s", addrs[i].text, ret, ret ? "" : text);
	}
	assert_int_equal(sip_addr_parse(STRV("192.0.2.1"), 1, &a), 0);
	assert_int_equal(sip_addr_parse(STRV("192.0.2.1"), 2, &b), 0);
	assert_true(sip_addr_host_eq(&a, &b) && !sip_addr_eq(&a, &b));
	assert_true(sip_addr_hash(&a, 1) != sip_addr_hash(&b, 1));
	sip_addr_set_port(&b, 1);
	assert_true(sip_addr_eq(&a, &b) && sip_addr_hash(&a, 1) == sip_addr_hash(&b, 1));
	for (unsigned i = 0; i < SIP_PROTOS; i++) {
		enum sip_proto proto;

		assert_int_equal(sip_proto_find(strv_of(sip_proto_name((enum sip_proto)i)), &proto),
				 0);
		assert_int_equal(proto, i);
	}
	assert_int_equal(sip_proto_port(SIP_TLS), 5061);
}

static void buffers(void **state)
{
	struct sip_buf *buf = sip_buf_copy(STRV("hello")), *other;

	(void)state;
	assert_non_null(buf);
	other = sip_buf_hold(buf);
	sip_buf_drop(&buf);
	assert_null(buf);
	assert_true(strv_eq(sip_buf_bytes(other), STRV("hello")));
	sip_buf_shorten(other, 2);
	assert_int_equal(sip_buf_size(other), 2);
	sip_buf_drop(&other);
	sip_buf_drop(&other);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),	cmocka_unit_test(refusals),
		cmocka_unit_test(destinations), cmocka_unit_test(reasons),
		cmocka_unit_test(addresses),	cmocka_unit_test(buffers),
	};

	if (sip_addr_parse(STRV("192.0.2.7"), 5099, &source) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
