/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/cpm/test_cpm_message.c - messages as values and as records: what goes in comes out, and
 * nothing else is taken
 */
#include "cpm/cpm_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cpm/imdn.h"

#define ICSI_PREFIX "urn:urn-7:3gpp-service.ims.icsi.oma.cpm."

static const struct {
	const char *why, *text;
	enum cpm_service service;
} services[] = {
	{ "a pager message", ICSI_PREFIX "msg", CPM_PAGER },
	{ "in another case", "URN:urn-7:3GPP-service.ims.icsi.oma.cpm.MSG", CPM_PAGER },
	{ "to a group", ICSI_PREFIX "msg.group", CPM_PAGER_GROUP },
	{ "percent-encoded", "urn%3Aurn-7%3a3gpp-service.ims.icsi.oma.cpm.msg.group",
	  CPM_PAGER_GROUP },
	{ "deferred", ICSI_PREFIX "deferred", CPM_DEFERRED },
	{ "from us", ICSI_PREFIX "systemmsg", CPM_SYSTEM },
	{ "a session", ICSI_PREFIX "session", CPM_PLAIN },
	{ "a longer name", ICSI_PREFIX "msgs", CPM_PLAIN },
	{ "half an escape", ICSI_PREFIX "ms%6", CPM_PLAIN },
	{ "nothing", "", CPM_PLAIN },
};

static void services_are_known_by_their_identifiers(void **state)
{
	char endless[1024];

	(void)state;
	for (unsigned i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		if (cpm_service_find(strv_of(services[i].text)) != services[i].service)
			fail_msg("%s", services[i].why);
	}
	memset(endless, 'a', sizeof(endless));
	assert_int_equal(cpm_service_find(strv_mem(endless, sizeof(endless))), CPM_PLAIN);
	assert_string_equal(cpm_service_icsi(CPM_PLAIN), "");
}

static const struct cpm_message_draft full = {
	.service = CPM_PAGER_GROUP,
	.sender = { { "sip:alice@example.com", 21 }, { "tel:+49301", 10 } },
	.n_sender = 2,
	.anonymous = 1,
	.is_claimed = 1,
	.sender_instance = { "urn:uuid:1", 10 },
	.recipient = { "sip:bob@example.com", 19 },
	.from = { "<sip:a>;tag=1", 13 },
	.to = { "<sip:b>", 7 },
	.call_id = { "call", 4 },
	.cseq = 4294967295U,
	.lines = { "Subject: x\r\n", 12 },
	.conversation_id = { "conv", 4 },
	.contribution_id = { "contr", 5 },
	.in_reply_to = { "reply", 5 },
	.content_type = { "message/cpim", 12 },
	.body = { "b\0dy", 4 },
	.message_id = { "m1", 2 },
	.datetime = { "2024-05-21T13:02:11Z", 20 },
	.asked = IMDN_ASK_DISPLAY | IMDN_ASK_NEGATIVE_DELIVERY,
	.is_displayed = 1,
	.is_report = 1,
	.is_composing = 1,
	.about = { "m0", 2 },
	.group = { "sip:club@example.com", 20 },
	.arrival_us = INT64_C(1700000000000000),
	.expires_s = -1,
	.hops = 69,
	.loop = 7,
	.trace = { "0123456789abcdef0123456789abcdef" },
};

/* Everything but hops and loop. */
static void assert_same(const struct cpm_message_draft *a, const struct cpm_message_draft *b)
{
	assert_int_equal(a->service, b->service);
	assert_int_equal(a->n_sender, b->n_sender);
	for (unsigned i = 0; i < a->n_sender; i++)
		assert_true(strv_eq(a->sender[i], b->sender[i]));
	assert_true(strv_eq(a->sender_instance, b->sender_instance));
	assert_true(strv_eq(a->recipient, b->recipient) && strv_eq(a->from, b->from));
	assert_true(strv_eq(a->to, b->to) && strv_eq(a->call_id, b->call_id));
	assert_true(strv_eq(a->lines, b->lines) && strv_eq(a->body, b->body));
	assert_true(strv_eq(a->conversation_id, b->conversation_id));
	assert_true(strv_eq(a->contribution_id, b->contribution_id));
	assert_true(strv_eq(a->in_reply_to, b->in_reply_to));
	assert_true(strv_eq(a->content_type, b->content_type));
	assert_true(strv_eq(a->message_id, b->message_id) && strv_eq(a->datetime, b->datetime));
	assert_true(strv_eq(a->about, b->about) && strv_eq(a->group, b->group));
	assert_true(a->cseq == b->cseq && a->asked == b->asked);
	assert_int_equal(a->is_claimed, b->is_claimed);
	assert_true(a->anonymous == b->anonymous && a->is_report == b->is_report);
	assert_true(a->is_displayed == b->is_displayed && a->is_composing == b->is_composing);
	assert_true(a->arrival_us == b->arrival_us && a->expires_s == b->expires_s);
	assert_string_equal(a->trace.hex, b->trace.hex);
}

static void a_value_is_a_copy(void **state)
{
	struct cpm_message_draft draft = full;
	struct cpm_message *message, *held;
	char body[] = "hello";

	(void)state;
	draft.body = strv_of(body);
	message = cpm_message_new(&draft);
	held = cpm_message_hold(message);
	memset(body, 'x', sizeof(body));
	assert_true(strv_eq(cpm_message_of(message)->body, STRV("hello")));
	assert_int_equal(cpm_message_of(message)->hops, 69);
	assert_true(cpm_message_bytes(message) > sizeof(draft));
	cpm_message_drop(&message);
	assert_null(message);
	assert_true(strv_eq(cpm_message_of(held)->call_id, STRV("call")));
	cpm_message_drop(&held);
	cpm_message_drop(&held);
}

static void a_record_is_read_as_it_was(void **state)
{
	const struct cpm_message_draft none = { .expires_s = 0 };
	const struct cpm_message_draft *drafts[] = { &full, &none };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct cpm_message *message = cpm_message_new(drafts[i]), *read;
		struct arena *arena = arena_new(0);
		struct strv record = cpm_message_encode(message, arena);

		assert_int_equal(cpm_message_decode(record, &read, NULL), 0);
		assert_same(cpm_message_of(read), drafts[i]);
		assert_int_equal(cpm_message_of(read)->hops, 0);
		assert_int_equal(cpm_message_of(read)->loop, 0);
		cpm_message_drop(&read);
		cpm_message_drop(&message);
		arena_free(&arena);
	}
}

static void nothing_else_is_taken(void **state)
{
	struct cpm_message *message = cpm_message_new(&full), *read;
	struct arena *arena = arena_new(0);
	struct strv record = cpm_message_encode(message, arena);
	struct err err;
	char *changed = malloc(record.n + 1);

	(void)state;
	for (size_t n = 0; n < record.n; n++) {
		assert_int_equal(cpm_message_decode(strv_mem(record.p, n), &read, &err), -1);
		assert_int_equal(err.code, ERR_CORRUPT);
		assert_null(read);
	}
	memcpy(changed, record.p, record.n);
	changed[record.n] = 0;
	assert_int_equal(cpm_message_decode(strv_mem(changed, record.n + 1), &read, &err), -1);
	/* Its form, service, flags, number of identities, trace. */
	for (unsigned at = 0; at < 4; at++) {
		memcpy(changed, record.p, record.n);
		changed[at] = (char)0xff;
		assert_int_equal(cpm_message_decode(strv_mem(changed, record.n), &read, &err), -1);
	}
	memcpy(changed, record.p, record.n);
	changed[28] = 'G';
	assert_int_equal(cpm_message_decode(strv_mem(changed, record.n), &read, &err), -1);
	free(changed);
	cpm_message_drop(&message);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(services_are_known_by_their_identifiers),
		cmocka_unit_test(a_value_is_a_copy),
		cmocka_unit_test(a_record_is_read_as_it_was),
		cmocka_unit_test(nothing_else_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
