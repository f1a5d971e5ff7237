/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/test_txn_random.c - messages in any order (robustness tests 9 and 10)
 *
 * Requests, their repetitions, ACK, CANCEL and responses of a few dozen transactions in random
 * order, a TU that answers when and as it likes, time that jumps. Nothing may break (the sanitizers
 * look), the TU sees no request twice, and 64*T1 after the end nothing is left. SIP_SOAK_STEPS
 * makes it long, SIP_SOAK_SEED starts elsewhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/log.h"
#include "tests/sip/rig.h"

enum { NAMES = 40, LIVE_MAX = 64, STEPS = 10000 };

static const char *const methods[] = { "INVITE", "MESSAGE", "ACK",	 "CANCEL", "OPTIONS",
				       "BYE",	 "NOTIFY",  "SUBSCRIBE", "X-ODD" };
enum { N_METHODS = sizeof(methods) / sizeof(methods[0]) };

static uint64_t rnd_state;
static struct rig rig;
static uint64_t stx[LIVE_MAX], ctx[LIVE_MAX];
static unsigned n_requests, n_drops, n_set, n_answered;
static struct invite {
	struct invite *next;
	uint64_t id;
} * invites;
static struct rig_sent *requests[LIVE_MAX]; /* of ours, to be answered */

static uint64_t rnd(void)
{
	uint64_t z = (rnd_state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void on_drop(void *user)
{
	assert_ptr_equal(user, &rig);
	n_drops++;
}

static void on_request(void *arg, struct sip_stx *s, struct sip_msg *msg)
{
	(void)arg;
	n_requests++;
	if (!s)
		return;
	stx[rnd() % LIVE_MAX] = sip_stx_id(s);
	n_set++;
	sip_stx_set_user(s, &rig, on_drop);
	if (msg->method == SIP_INVITE) {
		struct invite *invite = malloc(sizeof(*invite));

		assert_non_null(invite);
		*invite = (struct invite){ invites, sip_stx_id(s) };
		invites = invite;
	}
	if (rnd() % 3 == 0)
		sip_stx_reply_status(s, (unsigned)(100 + rnd() % 600), NULL);
}

static void on_cancel(void *arg, struct sip_stx *s)
{
	(void)arg;
	if (rnd() % 2)
		sip_stx_reply_status(s, 487, NULL);
}

static void on_answered(void *arg, unsigned status, struct sip_msg *response)
{
	(void)arg;
	(void)response;
	assert_true(status >= 100 && status < 700);
	n_answered++;
}

static void feed_request(void)
{
	const char *method = methods[rnd() % N_METHODS];
	unsigned name = (unsigned)(rnd() % NAMES);

	rig_feed(&rig,
		 "%s sip:b@example.com SIP/2.0\nVia: SIP/2.0/UDP c.example:5070;branch=%sb%u\n"
		 "From: <sip:a@example.com>;tag=f\nTo: <sip:b@example.com>%s\nCall-ID: c%u\n"
		 "CSeq: %u %s\nMax-Forwards: 70\nContent-Length: 0\n\n",
		 method, name % 5 ? "z9hG4bK" : "", name, rnd() % 3 ? "" : ";tag=t", name,
		 (unsigned)(rnd() % 3), method);
}

static void send_request(void)
{
	const char *method = methods[rnd() % 2];
	struct sip_send send = { .answered = on_answered };
	unsigned at = (unsigned)(rnd() % LIVE_MAX);
	char text[1024];
	struct sip_ctx *c;
	int n;

	send.method = sip_method_find(strv_of(method));
	sip_branch_make(rig.txns, send.branch);
	n = snprintf(text, sizeof(text),
		     "%s sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=%s\r\n"
		     "From: <sip:a@example.com>;tag=f\r\nTo: <sip:b@example.com>\r\nCall-ID: c9\r\n"
		     "CSeq: 12 %s\r\nMax-Forwards: 69\r\nContent-Length: 0\r\n\r\n",
		     method, send.branch, method);
	send.buf = sip_buf_copy(strv_mem(text, (size_t)n));
	send.dest.proto = rnd() % 3 ? SIP_UDP : SIP_TCP;
	send.dest.addr = rig.source;
	c = sip_ctx_send(rig.txns, &send);
	assert_non_null(c);
	ctx[at] = sip_ctx_id(c);
	sip_buf_drop(&send.buf);
}

/* Keep some of our requests to answer them, forget the rest. */
static void take_sent(void)
{
	struct rig_sent *sent;

	while ((sent = rig_take(&rig))) {
		unsigned at = (unsigned)(rnd() % LIVE_MAX);

		if (rig_status(sent) || strncmp(sent->text, "ACK", 3) == 0) {
			free(sent);
			continue;
		}
		free(requests[at]);
		requests[at] = sent;
	}
}

/* A response, whole or with octets changed: what does not parse is dropped, nothing else happens.
 */
static void feed_response(void)
{
	struct rig_sent *sent = requests[rnd() % LIVE_MAX];
	char *at;

	if (!sent)
		return;
	if (rnd() % 4) {
		rig_answer(&rig, sent, (unsigned)(100 + rnd() % 600), "t", "");
		return;
	}
	at = sent->text + rnd() % sent->n;
	if (*at != '\r' && *at != '\n')
		*at = (char)(32 + rnd() % 95);
	rig_answer(&rig, sent, (unsigned)(rnd() % 1000), rnd() % 2 ? "t" : NULL, "X: 1\n");
}

static void act_on_server(void)
{
	struct sip_stx *s = sip_stx_find(rig.txns, stx[rnd() % LIVE_MAX]);

	if (!s)
		return;
	if (rnd() % 50 == 0)
		sip_stx_drop(s);
	else
		sip_stx_reply_status(s, (unsigned)(100 + rnd() % 600), NULL);
}

static void act_on_client(void)
{
	struct sip_ctx *c = sip_ctx_find(rig.txns, ctx[rnd() % LIVE_MAX]);

	if (!c)
		return;
	switch (rnd() % 6) {
	case 0:
		sip_ctx_forget(c);
		break;
	case 1:
		sip_txns_failed(rig.txns, sip_ctx_id(c));
		break;
	default:
		sip_ctx_cancel(c, rnd() % 2 ? STRV("SIP;cause=200") : strv_mem(NULL, 0));
		break;
	}
}

static void step(void)
{
	rig.proto = rnd() % 3 ? SIP_UDP : SIP_TCP;
	rig.flow = rig.proto == SIP_TCP ? 5 : 0;
	switch (rnd() % 8) {
	case 0:
	case 1:
	case 2:
		feed_request();
		break;
	case 3:
		send_request();
		break;
	case 4:
		feed_response();
		break;
	case 5:
		act_on_server();
		break;
	case 6:
		act_on_client();
		break;
	default:
		rig_advance(&rig, rnd() % 2 ? rnd() % 300 : rnd() % 20000);
		break;
	}
	take_sent();
}

static uint64_t from_env(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 10) : otherwise;
}

static void test_random_order_leaves_nothing(void **state)
{
	const struct sip_tu tu = { .request = on_request, .cancel = on_cancel };
	uint64_t steps = from_env("SIP_SOAK_STEPS", STEPS);
	struct sip_txn_stats stats;

	(void)state;
	rnd_state = from_env("SIP_SOAK_SEED", 1);
	rig_init(&rig, &tu);
	for (uint64_t i = 0; i < steps; i++)
		step();
	/* What only its TU ends is an INVITE that nobody has answered. */
	for (struct invite *invite; (invite = invites); free(invite)) {
		struct sip_stx *s = sip_stx_find(rig.txns, invite->id);

		invites = invite->next;
		if (s && sip_stx_request(s))
			sip_stx_reply_status(s, 480, NULL);
	}
	/* Client INVITEs that only ring end by Timer C and the CANCEL that follows. */
	rig_advance(&rig, 181000 + 32000);
	rig_advance(&rig, 64 * rig.timers.t1_ms);
	sip_txns_stats(rig.txns, &stats);
	assert_int_equal(stats.server + stats.client + stats.finished, 0);
	assert_true(rig_is_empty(&rig));
	rig_fini(&rig);
	for (unsigned i = 0; i < LIVE_MAX; i++) {
		free(requests[i]);
		requests[i] = NULL;
	}
	assert_true(n_requests > 0 && n_answered > 0);
	assert_int_equal(n_drops, n_set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_order_leaves_nothing),
	};

	if (sip_msg_init(NULL) < 0)
		return 1;
	log_set_levels(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
