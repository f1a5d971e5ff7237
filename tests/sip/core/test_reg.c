/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/core/test_reg.c - what a REGISTER changes, request by request
 *
 * A row is a short history of one user: each step is a request (its own header fields; Call-ID "1"
 * and the step's number as CSeq unless it says otherwise), the status, and what is registered then:
 * the URIs with seconds left, q if not 1, reg-id if there is one, in their order.
 */
#include "sip/core/reg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { STEPS = 5, NOW_S = 1000000 };

static const struct reg_rules rules = {
	.expires_s = 3600, .expires_min_s = 60, .expires_max_s = 7200, .contacts_max = 3
};

#define C	 "Contact: "
#define INSTANCE ";+sip.instance=\"<urn:uuid:1>\""

struct step {
	const char *head;
	unsigned status;
	const char *after; /* "@N " in front: N seconds after the step before */
};

static const struct row {
	const char *why;
	struct step step[STEPS];
} table[] = {
	{ "a contact is kept for as long as it asks",
	  { { C "<sip:a@192.0.2.1>;expires=600\r\n", 200, "sip:a@192.0.2.1 600" } } },
	{ "Expires holds for those that do not say",
	  { { C "<sip:a@h>;expires=600, <sip:b@h>\r\nExpires: 700\r\n", 200,
	      "sip:a@h 600|sip:b@h 700" } } },
	{ "without either it is ours to say", { { C "<sip:a@h>\r\n", 200, "sip:a@h 3600" } } },
	{ "what is too long is cut",
	  { { C "<sip:a@h>;expires=4294967295\r\n", 200, "sip:a@h 7200" } } },
	{ "an expires that is no number is an hour (s10.2.1.1)",
	  { { C "<sip:a@h>;expires=soon\r\n", 200, "sip:a@h 3600" } } },
	{ "what is too short is refused, and the rest of the request with it",
	  { { C "<sip:a@h>\r\n", 200, "sip:a@h 3600" },
	    { C "<sip:b@h>, <sip:a@h>;expires=59\r\n", 423, "sip:a@h 3600" } } },
	{ "a request without contacts asks only",
	  { { C "<sip:a@h>\r\n", 200, "sip:a@h 3600" }, { "", 200, "sip:a@h 3600" } } },
	{ "zero removes one",
	  { { C "<sip:a@h>, <sip:b@h>\r\n", 200, "sip:a@h 3600|sip:b@h 3600" },
	    { C "<sip:a@h>;expires=0\r\n", 200, "sip:b@h 3600" } } },
	{ "zero for what is not there is no fault", { { C "<sip:a@h>;expires=0\r\n", 200, "" } } },
	{ "the star removes all",
	  { { C "<sip:a@h>, <sip:b@h>\r\n", 200, "sip:a@h 3600|sip:b@h 3600" },
	    { C "*\r\nExpires: 0\r\n", 200, "" } } },
	{ "the star wants Expires: 0",
	  { { C "<sip:a@h>\r\n", 200, "sip:a@h 3600" },
	    { C "*\r\n", 400, "sip:a@h 3600" },
	    { C "*\r\nExpires: 1\r\n", 400, "sip:a@h 3600" } } },
	{ "the star stands alone",
	  { { C "<sip:a@h>\r\n", 200, "sip:a@h 3600" },
	    { C "*, <sip:a@h>\r\nExpires: 0\r\n", 400, "sip:a@h 3600" } } },
	{ "a request that comes late changes nothing, not even by the star",
	  { { "CSeq: 7 REGISTER\r\n" C "<sip:a@h>;expires=600\r\n", 200, "sip:a@h 600" },
	    { "CSeq: 7 REGISTER\r\n" C "<sip:a@h>;expires=700\r\n", 500, "sip:a@h 600" },
	    { "CSeq: 6 REGISTER\r\n" C "*\r\nExpires: 0\r\n", 500, "sip:a@h 600" },
	    { "CSeq: 6 REGISTER\r\n" C "<sip:b@h>, <sip:a@h>;expires=0\r\n", 500,
	      "sip:a@h 600" } } },
	{ "another Call-ID is another count",
	  { { "CSeq: 7 REGISTER\r\n" C "<sip:a@h>;expires=600\r\n", 200, "sip:a@h 600" },
	    { "Call-ID: 2\r\nCSeq: 1 REGISTER\r\n" C "<sip:a@h>;expires=700\r\n", 200,
	      "sip:a@h 700" } } },
	{ "a refresh keeps the place and the newest words",
	  { { C "<sip:a@h>;q=0.5, <sip:b@h>\r\n", 200, "sip:a@h 3600 q500|sip:b@h 3600" },
	    { C "<sip:A@h>, <sip:a@H>;q=0.333\r\n", 200,
	      "@5 sip:a@H 3600 q333|sip:b@h 3595|sip:A@h 3600" } } },
	{ "what has ended is gone",
	  { { C "<sip:a@h>;expires=60, <sip:b@h>\r\n", 200, "sip:a@h 60|sip:b@h 3600" },
	    { "", 200, "@61 sip:b@h 3539" } } },
	{ "the one refreshed longest ago makes room",
	  { { C "<sip:a@h>\r\n", 200, "sip:a@h 3600" },
	    { C "<sip:b@h>, <sip:c@h>\r\n", 200, "@1 sip:a@h 3599|sip:b@h 3600|sip:c@h 3600" },
	    { C "<sip:a@h>\r\n", 200, "@1 sip:a@h 3600|sip:b@h 3599|sip:c@h 3599" },
	    { C "<sip:d@h>\r\n", 200, "@1 sip:a@h 3599|sip:c@h 3598|sip:d@h 3600" } } },
	{ "a contact that is no SIP URI is refused", { { C "<mailto:a@h>\r\n", 400, "" } } },
	{ "a flow is bound to instance and reg-id, not to the URI (RFC 5626 s6)",
	  { { "Supported: outbound\r\n" C "<sip:a@h>" INSTANCE ";reg-id=1\r\n", 200,
	      "sip:a@h 3600 r1" },
	    { "Supported: outbound\r\n" C "<sip:b@h>" INSTANCE ";reg-id=1\r\n", 200,
	      "sip:b@h 3600 r1" },
	    { "Supported: outbound\r\n" C "<sip:b@h>" INSTANCE ";reg-id=2\r\n", 200,
	      "sip:b@h 3600 r1|sip:b@h 3600 r2" } } },
	{ "an instance without reg-id is bound to its URI",
	  { { C "<sip:a@h>" INSTANCE "\r\n", 200, "sip:a@h 3600" },
	    { C "<sip:b@h>" INSTANCE "\r\n", 200, "sip:a@h 3600|sip:b@h 3600" } } },
	{ "a device is not to be found at its own address of record (RFC 5627 s5.1)",
	  { { C "<sip:alice@EXAMPLE.com>" INSTANCE "\r\n", 403, "" },
	    { C "<sip:alice@example.com;gr=urn:uuid:1>" INSTANCE "\r\n", 403, "" },
	    { C "<sip:tgruu.x@example.com;gr>" INSTANCE "\r\n", 403, "" },
	    { C "<sip:alice@example.com:5061>" INSTANCE "\r\n", 200,
	      "sip:alice@example.com:5061 3600" } } },
	{ "a reg-id without instance is ignored",
	  { { C "<sip:a@h>;reg-id=1\r\n", 200, "sip:a@h 3600" } } },
	{ "two flows in one request are refused",
	  { { C "<sip:a@h>" INSTANCE ";reg-id=1, <sip:b@h>" INSTANCE ";reg-id=2\r\n", 400, "" } } },
	{ "behind a proxy without outbound the client is told so",
	  { { "Via: SIP/2.0/UDP p;branch=z9hG4bKp\r\nSupported: outbound\r\n" C "<sip:a@h>" INSTANCE
	      ";reg-id=1\r\n",
	      439, "" } } },
	{ "or its reg-id is ignored",
	  { { "Via: SIP/2.0/UDP p;branch=z9hG4bKp\r\n" C "<sip:a@h>" INSTANCE ";reg-id=1\r\n", 200,
	      "sip:a@h 3600" } } },
	{ "behind a proxy with outbound it counts",
	  { { "Via: SIP/2.0/UDP p;branch=z9hG4bKp\r\nPath: <sip:p;lr;ob>\r\nSupported: outbound, "
	      "path\r\n" C "<sip:a@h>" INSTANCE ";reg-id=1\r\n",
	      200, "sip:a@h 3600 r1 p<sip:p;lr;ob>" } } },
	{ "Path is kept in its order",
	  { { "Path: <sip:p1;lr>\r\nPath: <sip:p2;lr>\r\n" C "<sip:a@h>\r\n", 200,
	      "sip:a@h 3600 p<sip:p1;lr>, <sip:p2;lr>" } } },
	{ "a Path that is none is refused", { { "Path: here\r\n" C "<sip:a@h>\r\n", 400, "" } } },
	{ "a q that is none is one", { { C "<sip:a@h>;q=2\r\n", 200, "sip:a@h 3600" } } },
};

/* ---- one step ---- */

static void parse(struct arena *arena, const char *text, struct sip_msg **msg_out)
{
	struct sip_fence fence;
	struct err err = { ERR_NONE, "" };

	if (sip_fence_check(strv_of(text), 0, &fence) != SIP_FENCE_PASS)
		fail_msg("the fence refused: %s: %s", fence.why, text);
	if (sip_msg_parse(arena, strv_of(text), &fence, msg_out, &err) < 0)
		fail_msg("%s: %s", err.text, text);
	sip_addr_parse(STRV("192.0.2.1"), 5060, &(*msg_out)->source);
}

static int has_line(const char *head, const char *name)
{
	return strstr(head, name) != NULL;
}

static struct sip_msg *request(struct arena *arena, const char *head, unsigned cseq)
{
	struct sip_msg *msg;
	char text[4096];

	snprintf(text, sizeof(text),
		 "REGISTER sip:example.com SIP/2.0\r\n"
		 "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n%s"
		 "From: <sip:alice@example.com>;tag=1\r\nTo: <sip:alice@example.com>\r\n"
		 "%s\r\n",
		 head, has_line(head, "Call-ID:") ? "" : "Call-ID: 1\r\n");
	if (!has_line(head, "CSeq:"))
		snprintf(text + strlen(text) - 2, sizeof(text) - strlen(text) + 2,
			 "CSeq: %u REGISTER\r\n\r\n", cseq);
	parse(arena, text, &msg);
	return msg;
}

static void print(const struct loc_user *user, int64_t now_us, char *out, size_t bytes)
{
	size_t n = 0;

	out[0] = '\0';
	for (unsigned i = 0; user && i < user->n_bindings; i++) {
		const struct loc_binding *b = &user->bindings[i];

		n += (size_t)snprintf(out + n, bytes - n, "%s%.*s %lld", i ? "|" : "",
				      STRV_ARG(b->uri),
				      (long long)(b->expires_us - now_us) / 1000000);
		if (b->q != 1000)
			n += (size_t)snprintf(out + n, bytes - n, " q%u", b->q);
		if (b->reg_id)
			n += (size_t)snprintf(out + n, bytes - n, " r%u", b->reg_id);
		if (b->path.n)
			n += (size_t)snprintf(out + n, bytes - n, " p%.*s", STRV_ARG(b->path));
	}
}

static void decide(const struct row *row, unsigned i, int64_t now_us, const struct loc_user **user)
{
	const struct step *step = &row->step[i];
	const struct strv aor = STRV("sip:alice@example.com");
	struct reg_req req = {
		.aor = aor, .identities = &aor, .n_identities = 1, .now_us = now_us
	};
	struct arena *arena = arena_new(0);
	struct sip_msg *msg = request(arena, step->head, i + 1);
	const struct loc_user *made = NULL;
	struct reg_result result;
	const char *why;
	const char *after = step->after[0] == '@' ? strchr(step->after, ' ') + 1 : step->after;
	char got[1024];

	result.status = reg_req_read(msg, &req, &why);
	if (!result.status)
		assert_int_equal(reg_decide(&rules, &req, *user, arena, &result), 0);
	if (result.status != step->status)
		fail_msg("%s, step %u: status %u", row->why, i + 1, result.status);
	if (result.status == 200) {
		if (result.user.n_bindings)
			made = loc_user_new(&result.user);
		loc_user_drop(user);
		*user = made;
	}
	arena_free(&arena);
	print(*user, now_us, got, sizeof(got));
	if (strcmp(got, after) != 0)
		fail_msg("%s, step %u: %s", row->why, i + 1, got);
}

static void histories(void **state)
{
	(void)state;
	for (unsigned r = 0; r < sizeof(table) / sizeof(table[0]); r++) {
		int64_t now_us = NOW_S * INT64_C(1000000);
		const struct loc_user *user = NULL;

		for (unsigned i = 0; i < STEPS && table[r].step[i].head; i++) {
			if (table[r].step[i].after[0] == '@')
				now_us += atoi(table[r].step[i].after + 1) * INT64_C(1000000);
			decide(&table[r], i, now_us, &user);
		}
		loc_user_drop(&user);
	}
}

/* ---- what else is kept ---- */

static void parameters_are_kept_but_those_that_are_ours(void **state)
{
	struct arena *arena = arena_new(0);
	struct sip_msg *msg = request(
		arena,
		C "\"A\" <sip:a@10.0.0.1:5070;transport=udp>;expires=99;+g.oma.sip-im;q=0.7"
		  ";+sip.instance=\"<urn:uuid:1>\";pub-gruu=\"sip:x;gr=1\";temp-gruu=\"sip:y;gr\""
		  ";+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg\"\r\n",
		1);
	struct reg_req req = { .aor = STRV("sip:alice@example.com"), .now_us = 1 };
	const struct loc_binding *b;
	struct reg_result result;
	const char *why;

	(void)state;
	assert_int_equal(reg_req_read(msg, &req, &why), 0);
	assert_int_equal(reg_decide(&rules, &req, NULL, arena, &result), 0);
	assert_int_equal(result.user.n_bindings, 1);
	b = &result.user.bindings[0];
	assert_true(strv_eq(b->uri, STRV("sip:a@10.0.0.1:5070;transport=udp")));
	assert_true(strv_eq(b->params,
			    STRV(";+g.oma.sip-im;+sip.instance=\"<urn:uuid:1>\""
				 ";+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm"
				 ".msg\"")));
	assert_true(strv_eq(b->instance, STRV("urn:uuid:1")));
	assert_true(strv_eq(b->gruu, STRV("urn:uuid:1")));
	assert_int_equal(b->nat, 1); /* it says 10.0.0.1 and came from 192.0.2.1 */
	assert_int_equal(b->temp_next - b->temp_first, 1);
	arena_free(&arena);
}

static void jitter_shortens_and_never_below_the_least(void **state)
{
	struct reg_rules jittery = rules;
	struct arena *arena = arena_new(0);
	struct sip_msg *msg = request(arena, C "<sip:a@h>;expires=1000\r\n", 1);
	struct reg_req req = { .aor = STRV("sip:alice@example.com"), .now_us = 0 };
	struct reg_result result;
	const char *why;

	(void)state;
	jittery.jitter_percent = 10;
	assert_int_equal(reg_req_read(msg, &req, &why), 0);
	req.random = UINT32_MAX;
	assert_int_equal(reg_decide(&jittery, &req, NULL, arena, &result), 0);
	assert_int_equal(result.user.bindings[0].expires_us / 1000000, 901);
	req.random = 0;
	assert_int_equal(reg_decide(&jittery, &req, NULL, arena, &result), 0);
	assert_int_equal(result.user.bindings[0].expires_us / 1000000, 1000);
	jittery.expires_min_s = 950;
	req.random = UINT32_MAX;
	assert_int_equal(reg_decide(&jittery, &req, NULL, arena, &result), 0);
	assert_int_equal(result.user.bindings[0].expires_us / 1000000, 1000);
	arena_free(&arena);
}

/* RFC 5627 s5.1. */
static void temporary_gruus_are_counted(void **state)
{
	struct reg_req req = { .aor = STRV("sip:alice@example.com"), .now_us = 5000 };
	static const struct {
		const char *call_id, *contact;
		uint64_t first, next; /* of every binding */
		unsigned n;
	} steps[] = {
		{ "1", "<sip:a@h>" INSTANCE, 5000, 5001, 1 },
		{ "1", "<sip:a@h>" INSTANCE, 5000, 5002, 1 },
		{ "2", "<sip:a@h>" INSTANCE, 5002, 5003, 1 },
		{ "2", "<sip:a@h>" INSTANCE, 5002, 5004, 1 },
		{ "2", "<sip:b@h>" INSTANCE, 5002, 5005, 2 }, /* another contact of the device */
		{ "3", "<sip:b@h>" INSTANCE, 5005, 5006, 2 },
		{ "3", "<sip:a@h>" INSTANCE ", <sip:b@h>" INSTANCE ";expires=0", 5005, 5007, 1 },
		{ "3", "<sip:a@h>" INSTANCE ";expires=0", 0, 0, 0 },
		{ "3", "<sip:a@h>" INSTANCE, 5000, 5001,
		  1 }, /* the moment is the same here alone */
	};
	const struct loc_user *user = NULL, *made;
	struct reg_result result;
	const char *why;

	(void)state;
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct arena *arena = arena_new(0);
		char head[256];

		snprintf(head, sizeof(head), "Call-ID: %s\r\n" C "%s\r\n", steps[i].call_id,
			 steps[i].contact);
		assert_int_equal(reg_req_read(request(arena, head, i + 1), &req, &why), 0);
		assert_int_equal(reg_decide(&rules, &req, user, arena, &result), 0);
		assert_int_equal(result.user.n_bindings, steps[i].n);
		made = steps[i].n ? loc_user_new(&result.user) : NULL;
		loc_user_drop(&user);
		user = made;
		for (unsigned k = 0; k < steps[i].n; k++) {
			assert_int_equal(user->bindings[k].temp_first, steps[i].first);
			assert_int_equal(user->bindings[k].temp_next, steps[i].next);
		}
		arena_free(&arena);
	}
	loc_user_drop(&user);
}

/* ---- URIs (RFC 3261 s19.1.4, its examples first) ---- */

static const struct {
	const char *a, *b;
	int same;
} uris[] = {
	{ "sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp", 1 },
	{ "sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", 1 },
	{ "sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on", 1 },
	{ "SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", 0 },
	{ "sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", 0 },
	{ "sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", 0 },
	{ "sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", 0 },
	{ "sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", 0 },
	{ "sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", 0 },
	{ "sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", 0 },
	{ "sip:a@h", "sips:a@h", 0 },
	{ "sip:a@h", "sip:h", 0 },
	{ "sip:a@h;user=phone", "sip:a@h", 0 },
	{ "sip:a@h;gr=urn:x", "sip:a@h", 0 },
	{ "sip:a@h;pn-prid=AB", "sip:a@h;pn-prid=ab", 0 },
	{ "sip:a@[2001:db8::1]", "sip:a@[2001:DB8::1]", 1 },
};

static void uris_are_compared(void **state)
{
	struct sip_uri a, b;

	(void)state;
	for (unsigned i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
		assert_int_equal(sip_uri_parse(strv_of(uris[i].a), &a), 0);
		assert_int_equal(sip_uri_parse(strv_of(uris[i].b), &b), 0);
		if (reg_uri_same(&a, &b) != uris[i].same || reg_uri_same(&b, &a) != uris[i].same)
			fail_msg("%s and %s: not %d", uris[i].a, uris[i].b, uris[i].same);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(histories),
		cmocka_unit_test(parameters_are_kept_but_those_that_are_ours),
		cmocka_unit_test(jitter_shortens_and_never_below_the_least),
		cmocka_unit_test(temporary_gruus_are_counted),
		cmocka_unit_test(uris_are_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
