/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/test_late.c - where an answer goes whose connection is gone (RFC 3261 s18.2.2, RFC 3263
 * s5), and which request is a copy of another (RFC 3261 s8.2.2.2)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/log.h"
#include "sip/sip_merged.h"
#include "tests/sip/rig.h"

struct late {
	const char *why;
	enum sip_proto proto;
	const char *sent_by;
	int is_peer, stays; /* its connection */
	/* Where the answer is sent to in turn, each time the one before has failed; "-" is the
	 * connection itself. */
	const char *to[3];
};

static const struct late lates[] = {
	{ "the connection lives", SIP_TCP, "192.0.2.99:5070", 0, 1, { "-" } },
	{ "the source's address, the port of the Via",
	  SIP_TCP,
	  "192.0.2.99:5070",
	  0,
	  0,
	  { "192.0.2.99:5070" } },
	{ "without a port the transport's own",
	  SIP_TCP,
	  "192.0.2.99",
	  0,
	  0,
	  { "192.0.2.99:5060" } },
	{ "that of TLS", SIP_TLS, "c.example", 0, 0, { "192.0.2.99:5061" } },
	{ "the address that it came from, not what the Via says",
	  SIP_TCP,
	  "198.51.100.1:7",
	  0,
	  0,
	  { "192.0.2.99:7" } },
	{ "a stranger's name is not followed",
	  SIP_TCP,
	  "peer.example:7",
	  0,
	  0,
	  { "192.0.2.99:7" } },
	{ "a peer's is", SIP_TCP, "peer.example:7", 1, 0, { "192.0.2.99:7", "192.0.2.50:7" } },
	{ "a peer's that leads nowhere", SIP_TCP, "nowhere.example", 1, 0, { "192.0.2.99:5060" } },
	{ "nobody calls a browser back", SIP_WS, "x.invalid", 1, 0, { "-" } },
};

static uint64_t asked;

static void on_request(void *arg, struct sip_stx *stx, struct sip_msg *msg)
{
	const struct late *late = *(const struct late **)arg;

	msg->is_peer = late->is_peer;
	asked = sip_stx_id(stx);
}

static void expect(struct rig *rig, const struct late *late, const char *to, uint64_t *cookie_out)
{
	struct rig_sent *sent = rig_take(rig);
	char text[SIP_ADDR_TEXT];

	if (!sent)
		fail_msg("%s: nothing was sent to %s", late->why, to);
	assert_int_equal(rig_status(sent), 202);
	if (strcmp(to, "-") == 0) {
		assert_int_equal(sent->dest.flow, 77);
		assert_true(sent->dest.flow_only);
	} else {
		assert_int_equal(sent->dest.flow, 0);
		assert_int_equal(sent->dest.proto, late->proto);
		assert_string_equal(sip_addr_print(&sent->dest.addr, text), to);
		assert_int_not_equal(sent->cookie, 0);
	}
	if (late->proto == SIP_TLS)
		assert_string_equal(sent->dest.name, late->sent_by);
	*cookie_out = sent->cookie;
	free(sent);
}

static void run(const struct late *late, int answered_once)
{
	const struct sip_tu tu = { .request = on_request, .arg = &late };
	struct sip_stx *stx;
	uint64_t cookie = 0;
	struct rig rig;

	rig_init(&rig, &tu);
	rig.proto = late->proto;
	rig.flow = 77;
	assert_int_equal(rig_feed(&rig,
				  "MESSAGE sip:b@example.com SIP/2.0\nVia: SIP/2.0/%s %s;branch="
				  "z9hG4bK1\nFrom: <sip:a@example.com>;tag=f\nTo: "
				  "<sip:b@example.com>\nCall-ID: c\nCSeq: 1 MESSAGE\n"
				  "Max-Forwards: 70\nContent-Length: 0\n\n",
				  sip_proto_name(late->proto), late->sent_by),
			 0);
	if (!late->stays)
		rig.flow = 0;
	stx = sip_stx_find(rig.txns, asked);
	assert_non_null(stx);
	if (answered_once) {
		struct sip_buf *buf = sip_buf_copy(STRV("SIP/2.0 202 Once\r\n\r\n"));

		sip_stx_reply_once(stx, 202, buf);
		sip_buf_drop(&buf);
		expect(&rig, late, "-", &cookie);
	} else {
		assert_int_equal(sip_stx_reply_status(stx, 202, NULL), 0);
		for (unsigned i = 0; i < 3 && late->to[i]; i++) {
			if (i)
				sip_txns_failed(rig.txns, cookie);
			expect(&rig, late, late->to[i], &cookie);
		}
		if (cookie)
			sip_txns_failed(rig.txns, cookie);
	}
	if (rig.first)
		fail_msg("%s: sent besides", late->why);
	/* A second failure of what is over does no harm. */
	if (cookie)
		sip_txns_failed(rig.txns, cookie);
	assert_true(rig_is_empty(&rig));
	rig_fini(&rig);
}

static void test_where_it_goes(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(lates) / sizeof(lates[0]); i++)
		run(&lates[i], 0);
}

static void test_a_challenge_is_not_carried_after_anybody(void **state)
{
	(void)state;
	run(&lates[1], 1);
}

/* Nobody says that it failed: it is forgotten after 64*T1, or with everything else. */
static void test_it_ends_by_itself(void **state)
{
	const struct late *late = &lates[1];
	const struct sip_tu tu = { .request = on_request, .arg = &late };
	struct rig rig;

	(void)state;
	for (int at_the_end = 0; at_the_end < 2; at_the_end++) {
		rig_init(&rig, &tu);
		rig.proto = SIP_TCP;
		rig.flow = 77;
		assert_int_equal(
			rig_feed(&rig,
				 "MESSAGE sip:b@example.com SIP/2.0\nVia: SIP/2.0/TCP h;branch="
				 "z9hG4bK1\nFrom: <sip:a@example.com>;tag=f\nTo: "
				 "<sip:b@example.com>\nCall-ID: c\nCSeq: 1 MESSAGE\n"
				 "Max-Forwards: 70\nContent-Length: 0\n\n"),
			0);
		rig.flow = 0;
		sip_stx_reply_status(sip_stx_find(rig.txns, asked), 202, NULL);
		assert_int_equal(rig.wheel.live, 1);
		if (!at_the_end)
			rig_advance(&rig, 32000);
		assert_int_equal(rig.wheel.live, at_the_end);
		rig_fini(&rig);
	}
}

/* ---- copies ---- */

struct copy {
	const char *why, *via, *tag, *call_id, *method;
	unsigned cseq;
	uint64_t after_ms;
	int is_copy;
};

/* After the first row, which is noted at 1000 for 32 s. */
static const struct copy copies[] = {
	{ "the first", "h;branch=z9hG4bK1", "f", "c", "MESSAGE", 1, 0, 0 },
	{ "the same once more", "h;branch=z9hG4bK1", "f", "c", "MESSAGE", 1, 10, 0 },
	{ "by another branch", "h;branch=z9hG4bK2", "f", "c", "MESSAGE", 1, 20, 1 },
	{ "by a third", "i;branch=z9hG4bK3", "f", "c", "MESSAGE", 1, 30, 1 },
	{ "the first once more", "h;branch=z9hG4bK1", "f", "c", "MESSAGE", 1, 40, 0 },
	{ "the next of the same call", "h;branch=z9hG4bK4", "f", "c", "MESSAGE", 2, 50, 0 },
	{ "another sender", "h;branch=z9hG4bK5", "g", "c", "MESSAGE", 1, 60, 0 },
	{ "another call", "h;branch=z9hG4bK6", "f", "d", "MESSAGE", 1, 70, 0 },
	{ "another method", "h;branch=z9hG4bK7", "f", "c", "OPTIONS", 1, 80, 0 },
	{ "almost too late", "h;branch=z9hG4bK8", "f", "c", "MESSAGE", 1, 31999, 1 },
	{ "too late", "h;branch=z9hG4bK9", "f", "c", "MESSAGE", 1, 32000, 0 },
	{ "and it is the one now", "h;branch=z9hG4bK1", "f", "c", "MESSAGE", 1, 32001, 1 },
};

static int note(struct rig *rig, struct sip_merged *merged, const struct copy *copy,
		uint64_t now_ms)
{
	char text[512];
	struct arena *arena;
	struct sip_msg *msg;
	int n = snprintf(text, sizeof(text),
			 "%s sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP %s\r\n"
			 "From: <sip:a@example.com>;tag=%s\r\nTo: <sip:b@example.com>\r\n"
			 "Call-ID: %s\r\nCSeq: %u %s\r\nContent-Length: 0\r\n\r\n",
			 copy->method, copy->via, copy->tag, copy->call_id, copy->cseq,
			 copy->method);

	msg = rig_parse(rig, strv_mem(text, (size_t)n));
	assert_non_null(msg);
	n = sip_merged_note(merged, msg, now_ms, 32000);
	arena = msg->arena;
	sip_txns_arena_done(rig->txns, &arena);
	return n;
}

static void test_copies(void **state)
{
	const struct sip_tu tu = { 0 };
	struct sip_merged *merged = sip_merged_new();
	struct rig rig;

	(void)state;
	assert_non_null(merged);
	rig_init(&rig, &tu);
	for (unsigned i = 0; i < sizeof(copies) / sizeof(copies[0]); i++)
		if (note(&rig, merged, &copies[i], 1000 + copies[i].after_ms) != copies[i].is_copy)
			fail_msg("%s", copies[i].why);
	/* More than there is room for: the latest are known. */
	for (unsigned i = 0; i < 200000; i++) {
		struct copy copy = { "", "h;branch=z9hG4bKa", "f", "e", "MESSAGE", i, 0, 0 };

		assert_int_equal(note(&rig, merged, &copy, 2000), 0);
		copy.via = "h;branch=z9hG4bKb";
		assert_int_equal(note(&rig, merged, &copy, 2000), 1);
	}
	rig_fini(&rig);
	sip_merged_free(&merged);
	assert_null(merged);
	sip_merged_free(&merged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_where_it_goes),
		cmocka_unit_test(test_a_challenge_is_not_carried_after_anybody),
		cmocka_unit_test(test_it_ends_by_itself),
		cmocka_unit_test(test_copies),
	};

	if (sip_msg_init(NULL) < 0)
		return 1;
	log_set_levels(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
