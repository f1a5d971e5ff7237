/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/test_memory.c - memory that runs out at every single allocation of a few flows
 *
 * A request then gets its answer, another one, or none; nothing is left behind either way. This
 * program replaces malloc, so no sanitizer can look on; what is not freed is counted here.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/log.h"
#include "base/xml.h"
#include "sip/sip_presence.h"
#include "tests/sip/rig.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);

static long until_failure = -1; /* allocations of the flow; -1: no failure */
static int from_then_on;	/* it and all behind it */
static int is_ours;		/* the code under test runs, not the test */
static long n_held;

static int fails(void)
{
	if (!is_ours || until_failure < 0)
		return 0;
	if (until_failure > 0) {
		until_failure--;
		return 0;
	}
	if (!from_then_on)
		until_failure = -2;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	void *p = fails() ? NULL : __libc_malloc(size);

	n_held += p != NULL;
	return p;
}

void *calloc(size_t n, size_t size)
{
	void *p = fails() ? NULL : __libc_calloc(n, size);

	n_held += p != NULL;
	return p;
}

void *realloc(void *old, size_t size)
{
	void *p = fails() ? NULL : __libc_realloc(old, size);

	n_held += p && !old;
	return p;
}

void free(void *p)
{
	n_held -= p != NULL;
	__libc_free(p);
}

static struct {
	struct rig rig;
	struct sip_pubs *pubs;
	struct sip_dialogs *dialogs;
	struct sip_subs *subs;
} stage;

static const struct sip_publish_ops *const publish_ops[] = { &sip_presence_publish };
static struct sip_event events[] = { { &sip_presence_event, NULL } };

static void on_answered(void *arg, unsigned status, struct sip_msg *response)
{
	struct sip_stx *stx = sip_stx_find(stage.rig.txns, (uint64_t)(uintptr_t)arg);

	(void)response;
	if (stx && sip_stx_reply_status(stx, status, NULL) < 0 &&
	    (stx = sip_stx_find(stage.rig.txns, (uint64_t)(uintptr_t)arg)))
		sip_stx_drop(stx);
}

/* A relay of sorts. */
static void send_on(struct sip_stx *stx, struct sip_msg *msg)
{
	struct sip_send send = { .method = msg->method, .answered = on_answered };
	char text[1024];
	int n;

	sip_branch_make(stage.rig.txns, send.branch);
	n = snprintf(text, sizeof(text),
		     "%s sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=%s\r\n"
		     "From: <sip:a@example.com>;tag=f\r\nTo: <sip:b@example.com>\r\nCall-ID: c9\r\n"
		     "CSeq: 12 %s\r\nMax-Forwards: 69\r\nContent-Length: 0\r\n\r\n",
		     sip_method_name(msg->method), send.branch, sip_method_name(msg->method));
	send.arg = (void *)(uintptr_t)sip_stx_id(stx);
	send.dest.addr = stage.rig.source;
	send.trace = &msg->trace;
	send.buf = sip_buf_copy(strv_mem(text, (size_t)n));
	if (!send.buf || !sip_ctx_send(stage.rig.txns, &send)) {
		uint64_t id = sip_stx_id(stx);

		if (sip_stx_reply_status(stx, 500, NULL) < 0 &&
		    (stx = sip_stx_find(stage.rig.txns, id)))
			sip_stx_drop(stx);
	}
	sip_buf_drop(&send.buf);
}

static void on_request(void *arg, struct sip_stx *stx, struct sip_msg *msg)
{
	(void)arg;
	if (!stx)
		return;
	if (msg->method == SIP_PUBLISH)
		sip_pubs_publish(stage.pubs, stx, STRV("sip:bob@example.com"));
	else if (msg->method == SIP_SUBSCRIBE)
		sip_subs_subscribe(stage.subs, stx, STRV("sip:bob@example.com"), STRV("w"));
	else
		send_on(stx, msg);
}

static void on_cancel(void *arg, struct sip_stx *stx)
{
	(void)arg;
	sip_stx_reply_status(stx, 487, NULL);
}

static void feed(const char *method, unsigned n, const char *lines, const char *body)
{
	char text[2048];
	struct sip_msg *msg;
	int k;

	k = snprintf(
		text, sizeof(text),
		"%s sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.99;branch=z9hG4bK%u\r\n"
		"From: <sip:a@example.com>;tag=f\r\nTo: <sip:bob@example.com>\r\nCall-ID: c%u\r\n"
		"CSeq: %u %s\r\nMax-Forwards: 70\r\n%sContent-Length: %zu\r\n\r\n%s",
		method, n, n, n, method, lines, strlen(body), body);
	is_ours = 1;
	msg = rig_parse(&stage.rig, strv_mem(text, (size_t)k));
	if (msg)
		sip_txns_input(stage.rig.txns, msg);
	is_ours = 0;
}

static void answer(const struct rig_sent *sent, unsigned status)
{
	is_ours = 1;
	rig_answer(&stage.rig, sent, status, "t", "");
	is_ours = 0;
}

/* Answer what was sent. */
static void answer_all(unsigned status)
{
	struct rig_sent *sent;

	while ((sent = rig_take(&stage.rig))) {
		if (!rig_status(sent) && strncmp(sent->text, "ACK", 3) != 0)
			answer(sent, status);
		free(sent);
	}
}

static void advance(uint64_t ms)
{
	is_ours = 1;
	rig_advance(&stage.rig, ms);
	is_ours = 0;
}

static void flow(void)
{
	static const char pidf[] = "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='x'>"
				   "<tuple id='a'/></presence>";

	feed("MESSAGE", 1, "", "");
	answer_all(200);
	feed("INVITE", 2, "", "");
	answer_all(180);
	feed("CANCEL", 2, "", "");
	answer_all(487);
	feed("INVITE", 3, "", "");
	answer_all(486);
	feed("SUBSCRIBE", 4, "Event: presence\r\nContact: <sip:a@192.0.2.99>\r\n", "");
	answer_all(200);
	feed("PUBLISH", 5, "Event: presence\r\nContent-Type: application/pidf+xml\r\n", pidf);
	is_ours = 1;
	sip_subs_changed(stage.subs, "presence", STRV("sip:bob@example.com"));
	is_ours = 0;
	answer_all(200);
	advance(6000);
	answer_all(200);
	feed("MESSAGE", 6, "", "");
	advance(64000);
	rig_flush(&stage.rig);
}

static void open_stage(void)
{
	const struct sip_tu tu = { .request = on_request, .cancel = on_cancel };
	struct sip_pubs_options options;
	struct sip_subs_options subs;

	memset(&stage, 0, sizeof(stage));
	rig_init(&stage.rig, &tu);
	sip_pubs_options_init(&options);
	options.ops = publish_ops;
	options.n_ops = 1;
	assert_int_equal(sip_pubs_new(&options, &stage.pubs, NULL), 0);
	sip_subs_options_init(&subs);
	events[0].arg = stage.pubs;
	subs.events = events;
	subs.n_events = 1;
	assert_int_equal(sip_dialogs_new(stage.rig.txns, &stage.dialogs, NULL), 0);
	assert_int_equal(sip_subs_new(&subs, stage.dialogs, &stage.subs, NULL), 0);
}

static void close_stage(void)
{
	sip_subs_free(&stage.subs);
	sip_dialogs_free(&stage.dialogs);
	sip_pubs_free(&stage.pubs);
	rig_fini(&stage.rig);
}

/* The flow once for each of its allocations. Returns how many there are; what is held afterwards
 * more than HELD fails the test, unless HELD is -1. */
static long fail_each(long held)
{
	long n;
	int met = 1;

	for (n = 0; met; n++) {
		open_stage();
		until_failure = n;
		flow();
		met = from_then_on ? until_failure == 0 : until_failure == -2;
		until_failure = -1;
		close_stage();
		if (held >= 0 && n_held != held)
			fail_msg("allocation %ld: %ld more are held", n, n_held - held);
	}
	return n;
}

static void test_every_allocation_fails(void **state)
{
	(void)state;
	/* Metrics are made when first counted and stay: the first round is for them. */
	for (from_then_on = 0; from_then_on < 2; from_then_on++)
		fail_each(-1);
	for (from_then_on = 0; from_then_on < 2; from_then_on++)
		assert_true(fail_each(n_held) > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_allocation_fails),
	};
	struct err err;

	if (sip_msg_init(NULL) < 0 || xml_init(NULL, &err) < 0)
		return 1;
	log_set_levels(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
