/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sip/test_session.c - session timers, row by row of RFC 4028 s7 and s9 */
#include "sip/sip_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/sip/rig.h"

static struct rig rig;
static const struct sip_session_policy policy = { .min_s = 120, .want_s = 1800 };

static struct sip_msg *request(const char *lines)
{
	char text[2048], crlf[4096], *p = crlf;

	snprintf(text, sizeof(text),
		 "INVITE sip:b@example.com SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\n"
		 "From: <sip:a@example.com>;tag=f\nTo: <sip:b@example.com>\nCall-ID: c\n"
		 "CSeq: 1 INVITE\nMax-Forwards: 70\n%sContent-Length: 0\n\n",
		 lines);
	for (const char *at = text; *at; at++) {
		if (*at == '\n')
			*p++ = '\r';
		*p++ = *at;
	}
	return rig_parse(&rig, strv_mem(crlf, (size_t)(p - crlf)));
}

struct row {
	const char *why, *lines;
	unsigned status, interval_s;
	int we_refresh;
	const char *answer;
};

static const struct row rows[] = {
	{ "it knows nothing of timers: we refresh", "", 0, 1800, 1,
	  "Session-Expires: 1800;refresher=uas" },
	{ "it knows, and asks for nothing: it refreshes", "Supported: timer\n", 0, 1800, 0,
	  "Session-Expires: 1800;refresher=uac" },
	{ "as it asks", "Supported: timer\nSession-Expires: 600;refresher=uac\n", 0, 600, 0,
	  "Session-Expires: 600;refresher=uac" },
	{ "it wants us to", "k: timer\nx: 600;refresher=uas\n", 0, 600, 1,
	  "Session-Expires: 600;refresher=uas" },
	{ "a proxy asks for one that knows nothing", "Session-Expires: 600\n", 0, 600, 1,
	  "Session-Expires: 600;refresher=uas" },
	{ "longer than we want", "Supported: timer\nSession-Expires: 7200\n", 0, 1800, 0,
	  "Session-Expires: 1800;refresher=uac" },
	{ "longer, and not to be made so short",
	  "Supported: timer\nSession-Expires: 7200\n"
	  "Min-SE: 3600\n",
	  0, 3600, 0, "Session-Expires: 3600;refresher=uac" },
	{ "too short", "Supported: timer\nSession-Expires: 119\n", 422, 0, 0, NULL },
	{ "too short, but 422 would not be understood", "Session-Expires: 100\n", 0, 100, 1,
	  "Session-Expires: 100;refresher=uas" },
	{ "no number", "Supported: timer\nSession-Expires: x\n", 400, 0, 0, NULL },
};

static void test_offers(void **state)
{
	const struct sip_tu tu = { .request = NULL };

	(void)state;
	rig_init(&rig, &tu);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct strv lines[SIP_SESSION_LINES_MAX];
		struct sip_session session;
		struct sip_msg *msg = request(rows[i].lines);
		struct arena *arena;
		unsigned n;

		assert_non_null(msg);
		if (sip_session_offered(msg, &policy, &session) != rows[i].status)
			fail_msg("%s: status", rows[i].why);
		n = sip_session_answer_lines(&session, msg->arena, lines);
		if (!rows[i].status && (session.interval_s != rows[i].interval_s ||
					session.we_refresh != rows[i].we_refresh ||
					!strv_eq(lines[0], strv_of(rows[i].answer)) ||
					n != (rows[i].we_refresh ? 1u : 2u)))
			fail_msg("%s: %u, %d", rows[i].why, session.interval_s, session.we_refresh);
		arena = msg->arena;
		sip_txns_arena_done(rig.txns, &arena);
	}
	rig_fini(&rig);
}

static void test_times(void **state)
{
	const struct sip_session we = { .interval_s = 1800, .we_refresh = 1 };
	const struct sip_session they = { .interval_s = 90 };

	(void)state;
	assert_int_equal(sip_session_refresh_ms(&we), 900000);
	assert_int_equal(sip_session_end_ms(&we), 1768000);
	assert_int_equal(sip_session_refresh_ms(&they), 0);
	assert_int_equal(sip_session_end_ms(&they), 60000);
}

static void test_our_own_offer_and_422(void **state)
{
	const struct sip_tu tu = { .request = NULL };
	struct strv lines[SIP_SESSION_LINES_MAX];
	struct sip_session session = { 0 };
	struct sip_msg *msg;
	struct arena *arena;

	(void)state;
	rig_init(&rig, &tu);
	msg = request("Min-SE: 3600\n");
	assert_int_equal(sip_session_offer_lines(&session, &policy, msg->arena, lines), 3);
	assert_true(strv_eq(lines[1], STRV("Session-Expires: 1800")));
	assert_true(strv_eq(lines[2], STRV("Min-SE: 120")));
	/* What counts of a 422 is its Min-SE. */
	assert_int_equal(sip_session_too_small(msg, &session), 1);
	assert_int_equal(sip_session_offer_lines(&session, &policy, msg->arena, lines), 3);
	assert_true(strv_eq(lines[1], STRV("Session-Expires: 3600")));
	assert_int_equal(sip_session_too_small(msg, &session), 0);
	arena = msg->arena;
	sip_txns_arena_done(rig.txns, &arena);
	/* And of a 2xx its Session-Expires. */
	msg = request("Session-Expires: 4000;refresher=uas\n");
	sip_session_answered(msg, &session);
	assert_int_equal(session.interval_s, 4000);
	assert_false(session.we_refresh);
	assert_int_equal(sip_session_offer_lines(&session, &policy, msg->arena, lines), 3);
	assert_true(strv_eq(lines[1], STRV("Session-Expires: 4000;refresher=uas")));
	arena = msg->arena;
	sip_txns_arena_done(rig.txns, &arena);
	rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offers),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_our_own_offer_and_422),
	};

	if (sip_msg_init(NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
