/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/core/test_message.c - requests of functions behind the core: what each hop gets of
 * them, which way they go, what is told of their end
 *
 * On the rig: no sockets, no clock.
 */
#include "sip/core/core_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sip/core/core_priv.h"
#include "sip/core/number.h"
#include "tests/sip/rig.h"

enum { NOTHING_TOLD = 0, NO_ANSWER_MS = 40000 };

static struct strv domain_name[] = { { "example.com", 11 } };
static struct core *core;
static struct rig rig;
static struct sip_worker w;
static struct peers *peers;
static struct numbers *numbers;
static unsigned told, told_with_response;
static int is_ending; /* what is still on its way is told of its end */
static const struct trace_id trace = { "0123456789abcdef0123456789abcdef" };

static void on_answered(void *arg, unsigned status, struct sip_msg *response)
{
	(void)arg;
	if (is_ending) {
		assert_int_equal(status, 503);
		return;
	}
	assert_int_equal(told, NOTHING_TOLD);
	told = status;
	told_with_response = response != NULL;
}

static int set_up(void **state)
{
	static const struct peer_options table[] = {
		{ .name = "trusted",
		  .networks = "192.0.2.7/32",
		  .tls_names = "",
		  .domains = "trusted.example",
		  .uri = "sip:192.0.2.7:5070",
		  .trusted = 1,
		  .strip_in = "",
		  .strip_out = "X-Secret, Subject" },
		{ .name = "other",
		  .networks = "192.0.2.8/32",
		  .tls_names = "",
		  .domains = "other.example",
		  .uri = "sip:192.0.2.8",
		  .strip_in = "",
		  .strip_out = "" },
	};
	static const struct number_route route = { "+4930", "sip:{number}@192.0.2.9" };
	const struct number_options options = { &route, 1, "" };
	static const struct sip_tu tu = { 0 };

	(void)state;
	rig_init(&rig, &tu);
	core = calloc(1, sizeof(*core));
	assert_non_null(core);
	assert_int_equal(peers_new(table, 2, &peers, NULL), 0);
	assert_int_equal(numbers_new(&options, &numbers, NULL), 0);
	core->policy.domains = (struct auth_domains){ domain_name, 1 };
	core->options.peers = peers;
	core->options.numbers = numbers;
	w = (struct sip_worker){ .txns = rig.txns };
	told = NOTHING_TOLD;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_fini(&rig);
	is_ending = 1;
	core_message_fini(core);
	is_ending = 0;
	peers_free(&peers);
	numbers_free(&numbers);
	free(core);
	return 0;
}

static const struct core_message_new hello = {
	.method = SIP_MESSAGE,
	.from = { "<sip:alice@example.com>;tag=1", 29 },
	.to = { "<sip:bob@example.com>", 21 },
	.call_id = { "call-1", 6 },
	.cseq = 7,
	.identity = { "sip:alice@example.com", 21 },
	.service = { "urn:x", 5 },
	.lines = { "Subject: a\r\n b\r\nX-Other: c\r\n", 28 },
	.content_type = { "text/plain", 10 },
	.body = { "hello", 5 },
	.hops = 12,
};

static struct core_message *made(const struct core_message_new *draft)
{
	struct core_message *message = core_message_new(draft);

	assert_non_null(message);
	return message;
}

static struct loc_binding bound(const char *uri)
{
	struct loc_binding b = { .uri = strv_of(uri), .proto = SIP_UDP, .q = 1000 };

	sip_addr_parse(STRV("192.0.2.1"), 5060, &b.source);
	return b;
}

static struct core_sent to_device(const struct core_message_new *draft,
				  const struct loc_binding *binding, const char *lines)
{
	struct core_message *message = made(draft);
	struct core_sent sent;

	assert_int_equal(core_message_to_device(core, &w, binding, message, strv_of(lines), &trace,
						on_answered, NULL, &sent),
			 0);
	core_message_drop(&message);
	return sent;
}

static struct core_sent to_uri(const struct core_message_new *draft, const char *uri)
{
	struct core_message *message = made(draft);
	struct core_sent sent;

	assert_int_equal(core_message_to_uri(core, &w, strv_of(uri), message, &trace, on_answered,
					     NULL, &sent),
			 0);
	core_message_drop(&message);
	return sent;
}

static void assert_field(const struct rig_sent *sent, const char *name, const char *value)
{
	char found[512];

	assert_string_equal(rig_value(sent, name, found, sizeof(found)), value);
}

static void a_device_gets_it_as_it_was_made(void **state)
{
	struct loc_binding b = bound("sip:bob@192.0.2.1:5062");
	struct core_sent sent = to_device(&hello, &b, "X-Copy: d\r\n");
	struct rig_sent *out = rig_take(&rig);

	(void)state;
	assert_true(sent.id);
	assert_non_null(out);
	assert_ptr_equal(strstr(out->text, "MESSAGE sip:bob@192.0.2.1:5062 SIP/2.0\r\nVia: "),
			 out->text);
	assert_field(out, "Max-Forwards", "12");
	assert_field(out, "From", "<sip:alice@example.com>;tag=1");
	assert_field(out, "To", "<sip:bob@example.com>");
	assert_field(out, "Call-ID", "call-1");
	assert_field(out, "CSeq", "7 MESSAGE");
	assert_field(out, "P-Asserted-Identity", "<sip:alice@example.com>");
	assert_field(out, "P-Asserted-Service", "");
	assert_field(out, "P-Charging-Vector", "");
	assert_field(out, "X-Copy", "d");
	assert_non_null(strstr(out->text, "\r\nSubject: a\r\n b\r\nX-Other: c\r\n"));
	assert_non_null(strstr(out->text, "\r\nContent-Length: 5\r\n\r\nhello"));
	assert_int_equal(sip_addr_port(&out->dest.addr), 5062);
	assert_int_equal(told, NOTHING_TOLD);
	assert_int_equal(rig_answer(&rig, out, 200, "t", ""), 0);
	assert_int_equal(told, 200);
	assert_true(told_with_response);
	free(out);
}

static void who_hides_is_told_to_the_trusted_only(void **state)
{
	struct core_message_new hidden = hello;
	struct loc_binding b = bound("sip:bob@192.0.2.1");
	struct rig_sent *out;

	(void)state;
	hidden.anonymous = 1;
	hidden.identity2 = STRV("tel:+49301");
	to_device(&hidden, &b, "");
	out = rig_take(&rig);
	assert_field(out, "P-Asserted-Identity", "");
	free(out);
	to_uri(&hidden, "sip:x@other.example");
	out = rig_take(&rig);
	assert_field(out, "P-Asserted-Identity", "");
	assert_field(out, "Subject", "a");
	free(out);
	to_uri(&hidden, "sip:x@trusted.example");
	out = rig_take(&rig);
	assert_field(out, "P-Asserted-Identity", "<sip:alice@example.com>, <tel:+49301>");
	free(out);
}

static void a_peer_gets_what_it_may_have(void **state)
{
	struct rig_sent *out;

	(void)state;
	to_uri(&hello, "sip:x@trusted.example");
	out = rig_take(&rig);
	assert_int_equal(sip_addr_port(&out->dest.addr), 5070);
	assert_ptr_equal(strstr(out->text, "MESSAGE sip:x@trusted.example SIP/2.0\r\n"), out->text);
	assert_field(out, "P-Asserted-Service", "urn:x");
	assert_non_null(strstr(out->text, "P-Charging-Vector: icid-value=0123456789abcdef"));
	assert_non_null(strstr(out->text, ";orig-ioi=example.com\r\n"));
	/* Its rules take the subject out, with what continues it. */
	assert_null(strstr(out->text, "Subject"));
	assert_null(strstr(out->text, "\r\n b"));
	assert_field(out, "X-Other", "c");
	assert_non_null(strstr(out->text, "\r\n\r\nhello"));
	assert_int_equal(rig_answer(&rig, out, 404, "t", ""), 0);
	assert_int_equal(told, 404);
	free(out);
}

static const struct {
	const char *why, *uri;
	unsigned status;
} nowhere[] = {
	{ "a user of ours is no peer's", "sip:x@example.com", 404 },
	{ "a number of nobody", "tel:+4940", 404 },
	{ "no URI", "x", 400 },
	{ "another scheme", "mailto:x@y.example", 404 },
};

static void what_leads_nowhere_is_told_at_once(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
		told = NOTHING_TOLD;
		if (to_uri(&hello, nowhere[i].uri).id || told != nowhere[i].status)
			fail_msg("%s: %u", nowhere[i].why, told);
	}
	assert_null(rig_take(&rig));
}

static void a_number_leads_to_a_gateway(void **state)
{
	struct rig_sent *out;

	(void)state;
	to_uri(&hello, "tel:+49-30-1");
	out = rig_take(&rig);
	assert_non_null(out);
	assert_ptr_equal(strstr(out->text, "MESSAGE sip:+49301@192.0.2.9 SIP/2.0\r\n"), out->text);
	rig_answer(&rig, out, 202, "t", "");
	assert_int_equal(told, 202);
	free(out);
}

static void path_becomes_a_route(void **state)
{
	struct loc_binding b = bound("sip:bob@10.0.0.1");
	struct rig_sent *out;

	(void)state;
	b.path = STRV("<sip:192.0.2.3;lr>, <sip:192.0.2.4;lr>");
	to_device(&hello, &b, "");
	out = rig_take(&rig);
	assert_non_null(out);
	assert_field(out, "Route", "<sip:192.0.2.3;lr>, <sip:192.0.2.4;lr>");
	assert_non_null(strstr(out->text, "MESSAGE sip:bob@10.0.0.1 SIP/2.0"));
	assert_string_equal(sip_addr_print(&out->dest.addr, (char[SIP_ADDR_TEXT]){ "" }),
			    "192.0.2.3:5060");
	free(out);
}

static void a_connection_that_is_gone_is_430(void **state)
{
	struct loc_binding b = bound("sip:bob@10.0.0.1;transport=ws");

	(void)state;
	b.proto = SIP_WS;
	assert_int_equal(to_device(&hello, &b, "").id, 0);
	assert_int_equal(told, 430);
	assert_null(rig_take(&rig));
}

static void no_answer_is_408(void **state)
{
	struct loc_binding b = bound("sip:bob@192.0.2.1");

	(void)state;
	to_device(&hello, &b, "");
	rig_advance(&rig, NO_ANSWER_MS);
	assert_int_equal(told, 408);
	assert_false(told_with_response);
	rig_flush(&rig);
}

static void what_is_too_large_for_a_datagram_goes_over_tcp_first(void **state)
{
	struct loc_binding b = bound("sip:bob@192.0.2.1");
	struct core_message_new large = hello;
	struct rig_sent *out;
	char body[1400];

	(void)state;
	memset(body, 'x', sizeof(body));
	large.body = strv_mem(body, sizeof(body));
	to_device(&large, &b, "");
	out = rig_take(&rig);
	assert_int_equal(out->dest.proto, SIP_TCP);
	assert_non_null(strstr(out->text, "Via: SIP/2.0/TCP "));
	sip_txns_failed(rig.txns, out->cookie);
	free(out);
	out = rig_take(&rig);
	assert_int_equal(out->dest.proto, SIP_UDP);
	assert_int_equal(told, NOTHING_TOLD);
	rig_answer(&rig, out, 200, "t", "");
	assert_int_equal(told, 200);
	free(out);
}

static void what_is_forgotten_is_not_told(void **state)
{
	struct loc_binding b = bound("sip:bob@192.0.2.1");
	struct core_sent sent = to_device(&hello, &b, "");
	struct rig_sent *out = rig_take(&rig);

	(void)state;
	core_sent_forget(core, &w, &sent);
	assert_int_equal(sent.id, 0);
	rig_answer(&rig, out, 200, "t", "");
	assert_int_equal(told, NOTHING_TOLD);
	core_sent_forget(core, &w, &sent);
	free(out);
}

static void what_is_on_its_way_at_the_end_is_freed(void **state)
{
	struct loc_binding b = bound("sip:bob@192.0.2.1");

	(void)state;
	to_device(&hello, &b, "");
	rig_flush(&rig);
}

/* A copy that comes back as it left is a loop; with another Request-URI it is none. */
static void copies_carry_the_mark_of_their_request(void **state)
{
	struct loc_binding b = bound("sip:bob@192.0.2.1");
	struct core_message_new marked = hello;
	struct rig_sent *out;
	struct core_req req = { .core = core };
	char via[512], text[2048];
	const char *why;
	uint64_t mark;

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		const char *uri = round < 2 ? "sip:bob@example.com" : "sip:carol@example.com";

		snprintf(text, sizeof(text),
			 "MESSAGE %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1%s%s\r\n"
			 "From: <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\n"
			 "Call-ID: call-1\r\nCSeq: 7 MESSAGE\r\nContent-Length: 0\r\n\r\n",
			 uri, round ? "\r\nVia: " : "", round ? via : "");
		req.msg = rig_parse(&rig, strv_of(text));
		assert_non_null(req.msg);
		assert_int_equal(core_message_check(&req, &mark, &why), round == 1 ? 482 : 0);
		if (round == 0) {
			marked.loop = mark;
			to_device(&marked, &b, "");
			out = rig_take(&rig);
			rig_value(out, "Via", via, sizeof(via));
			free(out);
		}
		sip_txns_arena_done(rig.txns, &req.msg->arena);
	}
}

static void what_is_too_large_is_not_made(void **state)
{
	struct core_message_new large = hello;
	char *body = calloc(1, 70000);

	(void)state;
	large.body = strv_mem(body, 70000);
	assert_null(core_message_new(&large));
	free(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
		TEST(a_device_gets_it_as_it_was_made),
		TEST(who_hides_is_told_to_the_trusted_only),
		TEST(a_peer_gets_what_it_may_have),
		TEST(what_leads_nowhere_is_told_at_once),
		TEST(a_number_leads_to_a_gateway),
		TEST(path_becomes_a_route),
		TEST(a_connection_that_is_gone_is_430),
		TEST(no_answer_is_408),
		TEST(what_is_too_large_for_a_datagram_goes_over_tcp_first),
		TEST(what_is_forgotten_is_not_told),
		TEST(what_is_on_its_way_at_the_end_is_freed),
		TEST(copies_carry_the_mark_of_their_request),
		TEST(what_is_too_large_is_not_made),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
