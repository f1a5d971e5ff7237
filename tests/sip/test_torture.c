/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/test_torture.c - the torture messages through fence and parser
 *
 * What the index accepts must pass, what it rejects must not; of what it leaves open our choice is
 * written down here. How the whole server answers is shown by the flow tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <cmocka.h>

#include "sip/sip_msg.h"
#include "sip/sip_reply.h"
#include "tests/sip/torture.h"

enum outcome { PASS, REFUSE, DROP };
static const char *const outcome_names[] = { "pass", "refuse", "drop" };

static struct sip_fence fence;

/* A message that has passed is answered, edited and read again; one that was refused is answered
 * when it can be. */
static enum outcome run(struct strv bytes, int is_stream, char why[ERR_TEXT_BYTES])
{
	struct arena *arena = arena_new(0);
	enum outcome outcome = DROP;
	struct sip_addr source;
	struct sip_msg *msg = NULL;
	struct err err = { 0 };

	assert_non_null(arena);
	assert_int_equal(sip_addr_parse(STRV("192.0.2.77"), 5099, &source), 0);
	snprintf(why, ERR_TEXT_BYTES, "%s", "");
	switch (sip_fence_check(bytes, is_stream, &fence)) {
	case SIP_FENCE_PASS:
		if (sip_msg_parse(arena, bytes, &fence, &msg, &err) == 0) {
			outcome = PASS;
			break;
		}
		snprintf(why, ERR_TEXT_BYTES, "%s", err.text);
		outcome = fence.is_request && !strv_eq(fence.method, STRV("ACK")) ? REFUSE : DROP;
		break;
	case SIP_FENCE_REFUSE:
		snprintf(why, ERR_TEXT_BYTES, "%s", fence.why);
		outcome = REFUSE;
		break;
	case SIP_FENCE_DROP:
		snprintf(why, ERR_TEXT_BYTES, "%s", fence.why ? fence.why : "");
		break;
	}
	if (outcome == PASS) {
		msg->source = source;
		sip_msg_osip(msg);
		if (msg->is_request) {
			struct sip_reply reply = { .status = 200 };
			struct sip_buf *buf = sip_reply_make(msg, &reply);

			assert_non_null(buf);
			assert_int_equal(sip_fence_check(sip_buf_bytes(buf), 1, &fence),
					 SIP_FENCE_PASS);
			sip_buf_drop(&buf);
		}
	} else if (outcome == REFUSE) {
		struct sip_buf *buf = sip_reply_refused(&fence, &source, 400, NULL);

		if (!buf)
			outcome = DROP;
		sip_buf_drop(&buf);
	}
	arena_free(&arena);
	return outcome;
}

/* What the index leaves open, or what only the whole server decides. */
static const struct {
	const char *name;
	enum outcome outcome;
} choices[] = {
	{ "test.dat", DROP }, /* nothing to answer to */
	{ "quotbal.dat", REFUSE },
	{ "ltgtruri.dat", REFUSE },
	{ "lwsruri.dat", REFUSE },
	{ "lwsstart.dat", REFUSE },
	{ "trws.dat", REFUSE },
	{ "escruri.dat", REFUSE },
	{ "baddate.dat", PASS }, /* Date is not ours to read */
	{ "regbadct.dat", REFUSE },
	{ "badaspec.dat", REFUSE },
	{ "baddn.dat", REFUSE },
	{ "baddn-terminated.dat", REFUSE },
	{ "badbranch.dat", REFUSE },
	{ "bcast.dat", PASS }, /* two Via: dropped by who finds no transaction */
	/* probes */
	{ "auth-empty.dat", PASS }, /* 401 is what it gets */
	{ "auth-param-unterminated.dat", PASS },
	{ "auth-two.dat", PASS },
	{ "crlf-flood-then-msg.dat", PASS },
	{ "header-fold-smuggle.dat", PASS },
	{ "header-name-space.dat", PASS }, /* and P-Asserted-Identity it is */
	{ "nul-in-body.dat", PASS },
	{ "options-self-via.dat", PASS },
	{ "sdp-overread-msg.dat", PASS }, /* sip_sdp.h refuses */
	{ "sdp-overread-body.dat", DROP },
	{ "one-space.dat", DROP },
};

static enum outcome wanted(const struct torture *row)
{
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++)
		if (strcmp(choices[i].name, row->name) == 0)
			return choices[i].outcome;
	if (strcmp(row->verdict, "accept") == 0)
		return PASS;
	if (strcmp(row->verdict, "drop") == 0)
		return DROP;
	return REFUSE;
}

static void run_folder(const char *folder)
{
	struct torture *rows;
	size_t n = torture_load(folder, &rows);
	char why[ERR_TEXT_BYTES];
	unsigned wrong = 0;

	if (!n)
		skip();
	for (size_t i = 0; i < n; i++) {
		enum outcome got = run(rows[i].bytes, 0, why);

		if (got == wanted(&rows[i]))
			continue;
		wrong++;
		print_error("%s: wanted %s, got %s (%s)\n", rows[i].name,
			    outcome_names[wanted(&rows[i])], outcome_names[got], why);
	}
	torture_free(rows, n);
	assert_int_equal(wrong, 0);
}

static void rfc4475(void **state)
{
	(void)state;
	run_folder("rfc4475");
}

static void rfc5118(void **state)
{
	(void)state;
	run_folder("rfc5118");
}

static void probes(void **state)
{
	(void)state;
	run_folder("libosip2-probes");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc4475),
		cmocka_unit_test(rfc5118),
		cmocka_unit_test(probes),
	};
	struct err err;

	if (sip_msg_init(&err) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
