/* SPDX-License-Identifier: Apache-2.0 */
/* tests/auth/test_check.c - the whole decision: who sent this request, over HTTP and SIP */
#include "auth/auth_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/auth/check_world.h"

/* ---- challenges ---- */

static void test_challenges(void **state)
{
	struct call call;
	const struct auth_verdict *v;

	(void)state;
	call_init(&call, AUTH_HTTP, "192.0.2.1");
	v = verdict_of(&call);
	assert_verdict(v, 401, "no-credentials");
	assert_string_equal(v->challenge_field, "WWW-Authenticate");
	assert_int_equal(v->n_challenges, 2);
	assert_true(strv_starts(strv_of(v->challenge[0]),
				STRV("Digest realm=\"example.com\", qop=\"auth\", "
				     "algorithm=SHA-256, nonce=\"")));
	assert_non_null(strstr(v->challenge[1], "algorithm=MD5"));
	assert_non_null(strstr(v->challenge[0], "charset=UTF-8"));
	assert_null(strstr(v->challenge[0], "stale"));
	assert_null(strstr(v->challenge[0], "userhash"));
	/* One nonce for both. */
	assert_int_equal(strncmp(strstr(v->challenge[0], "nonce="),
				 strstr(v->challenge[1], "nonce="), 40),
			 0);
	policy.md5 = 0;
	policy.basic = policy.userhash = 1;
	v = verdict_of(&call);
	assert_int_equal(v->n_challenges, 1);
	assert_non_null(strstr(v->challenge[0], "userhash=true"));
	call.req.is_tls = 1;
	call.req.domain = STRV("HOME.example");
	v = verdict_of(&call);
	assert_int_equal(v->n_challenges, 2);
	assert_string_equal(v->challenge[1], "Basic realm=\"home.example\", charset=\"UTF-8\"");
	call.req.domain = STRV("foreign.example");
	v = verdict_of(&call);
	assert_non_null(strstr(v->challenge[0], "realm=\"example.com\""));

	call_init(&call, AUTH_SIP, "192.0.2.1");
	call.req.is_tls = call.req.as_proxy = 1;
	v = verdict_of(&call);
	assert_verdict(v, 407, "no-credentials");
	assert_string_equal(v->challenge_field, "Proxy-Authenticate");
	assert_int_equal(v->n_challenges, 1); /* never Basic */
	assert_null(strstr(v->challenge[0], "charset"));

	/* For clients that give up at what they do not know: MD5 alone, whatever md5 says. */
	policy.no_sha256 = 1;
	v = verdict_of(&call);
	assert_int_equal(v->n_challenges, 1);
	assert_non_null(strstr(v->challenge[0], "algorithm=MD5"));
}

/* ---- accepted ---- */

static void test_accepted(void **state)
{
	static const struct {
		const char *why;
		struct client client;
		const char *home, *acting;
	} rows[] = {
		{ "bare name",
		  { "alice", "example.com", "Circle of Life", AUTH_SHA256, 1, 0 },
		  "sip:alice@example.com",
		  "sip:alice@example.com" },
		{ "MD5",
		  { "alice", "example.com", "Circle of Life", AUTH_MD5, 1, 0 },
		  "sip:alice@example.com",
		  "sip:alice@example.com" },
		{ "without qop",
		  { "alice", "example.com", "Circle of Life", AUTH_MD5, 0, 0 },
		  "sip:alice@example.com",
		  "sip:alice@example.com" },
		{ "with domain",
		  { "alice@example.com", "example.com", "Circle of Life", AUTH_SHA256, 7, 0 },
		  "sip:alice@example.com",
		  "sip:alice@example.com" },
		{ "as a URI",
		  { "sip:alice@example.com", "example.com", "Circle of Life", AUTH_MD5, 1, 0 },
		  "sip:alice@example.com",
		  "sip:alice@example.com" },
		{ "by number",
		  { "+4930123", "example.com", "Circle of Life", AUTH_SHA256, 1, 0 },
		  "sip:alice@example.com",
		  "tel:+4930123" },
		{ "by tel URI",
		  { "tel:+4930123", "example.com", "Circle of Life", AUTH_MD5, 1, 0 },
		  "sip:alice@example.com",
		  "tel:+4930123" },
		{ "another realm",
		  { "op", "home.example", "operators know", AUTH_SHA256, 1, 0 },
		  "sip:op@home.example",
		  "sip:op@home.example" },
		{ "hashed name",
		  { "alice", "example.com", "Circle of Life", AUTH_SHA256, 1, 1 },
		  "sip:alice@example.com",
		  "sip:alice@example.com" },
		{ "hashed number",
		  { "tel:+4930123", "example.com", "Circle of Life", AUTH_MD5, 1, 1 },
		  "sip:alice@example.com",
		  "sip:alice@example.com" },
	};

	(void)state;
	policy.userhash = 1;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (int edge = AUTH_HTTP; edge <= AUTH_SIP; edge++) {
			struct call call;
			const struct auth_verdict *v;

			call_init(&call, (enum auth_edge)edge, "192.0.2.1");
			call.req.domain = strv_of(rows[i].client.realm);
			log_in(&call, &rows[i].client);
			v = verdict_of(&call);
			if (v->status)
				fail_msg("%s: %u %s", rows[i].why, v->status, v->reason);
			assert_string_equal(v->reason, "accepted");
			assert_string_equal(v->home.text, rows[i].home);
			assert_string_equal(v->acting.text, rows[i].acting);
			assert_int_equal(v->known, 1);
			assert_int_equal(v->means, AUTH_BY_DIGEST);
			assert_int_equal(v->n_challenges, 0);
			assert_int_equal(v->roles, rows[i].client.username[0] == 'o'
							   ? AUTH_ROLES
							   : AUTH_ROLE_USER);
		}
}

/* ---- refused ---- */

static void test_refused(void **state)
{
	static const struct {
		const char *why;
		struct client client;
		unsigned status;
		const char *reason;
	} rows[] = {
		{ "wrong password",
		  { "alice", "example.com", "circle of life", AUTH_SHA256, 1, 0 },
		  401,
		  "wrong-user-or-password" },
		{ "unknown user",
		  { "nobody", "example.com", "Circle of Life", AUTH_SHA256, 1, 0 },
		  401,
		  "wrong-user-or-password" },
		{ "another's password",
		  { "bob", "example.com", "Circle of Life", AUTH_SHA256, 1, 0 },
		  401,
		  "wrong-user-or-password" },
		{ "another spelling than was hashed",
		  { "SIP:alice@example.com", "example.com", "Circle of Life", AUTH_SHA256, 1, 0 },
		  401,
		  "wrong-user-or-password" },
		{ "case of the name",
		  { "Alice", "example.com", "Circle of Life", AUTH_MD5, 1, 0 },
		  401,
		  "wrong-user-or-password" },
		{ "a name that nobody can have",
		  { "mailto:alice", "example.com", "Circle of Life", AUTH_SHA256, 1, 0 },
		  401,
		  "wrong-user-or-password" },
		{ "right, but in another realm of ours",
		  { "alice@example.com", "home.example", "Circle of Life", AUTH_SHA256, 1, 0 },
		  401,
		  "wrong-user-or-password" },
		{ "unknown hash",
		  { "nobody", "example.com", "Circle of Life", AUTH_SHA256, 1, 1 },
		  401,
		  "wrong-user-or-password" },
		{ "foreign realm",
		  { "alice", "other.example", "Circle of Life", AUTH_SHA256, 1, 0 },
		  401,
		  "foreign-realm" },
		{ "disabled, right password",
		  { "gone", "example.com", "gone and forgotten", AUTH_SHA256, 1, 0 },
		  403,
		  "disabled" },
		{ "disabled, wrong password",
		  { "gone", "example.com", "Circle of Life", AUTH_SHA256, 1, 0 },
		  401,
		  "wrong-user-or-password" },
	};

	(void)state;
	policy.userhash = 1;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct call call;
		const struct auth_verdict *v;

		call_init(&call, AUTH_HTTP, "192.0.2.1");
		call.req.domain = strv_of(rows[i].client.realm);
		log_in(&call, &rows[i].client);
		v = verdict_of(&call);
		if (v->status != rows[i].status || strcmp(v->reason, rows[i].reason) != 0)
			fail_msg("%s: %u %s", rows[i].why, v->status, v->reason);
		assert_int_equal(v->stale, 0);
		assert_int_equal(v->home.n, 0);
		assert_int_equal(v->n_challenges, v->status == 401 ? 2 : 0);
	}
}

static void test_credentials_malformed_or_not_offered(void **state)
{
	static const struct {
		const char *why, *value;
		unsigned status;
		const char *reason;
	} rows[] = {
		{ "empty", "", 400, "bad-credentials-syntax" },
		{ "no scheme", "=", 400, "bad-credentials-syntax" },
		{ "bearer", "Bearer abc", 401, "scheme-not-offered" },
		{ "digest without parameters", "Digest", 400, "bad-credentials-syntax" },
		{ "Basic in the clear", "Basic YTpi", 401, "basic-not-offered" },
		{ "before a challenge",
		  "Digest username=\"alice\", realm=\"example.com\", nonce=\"\", uri=\"/doc\", "
		  "response=\"\"",
		  401, "no-credentials" },
		{ "algorithm",
		  "Digest username=\"alice\", realm=\"example.com\", nonce=\"n\", uri=\"/doc\", "
		  "algorithm=SHA-256-sess, "
		  "response=\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"",
		  401, "algorithm-not-offered" },
		{ "hashed name",
		  "Digest username=\"0123456789abcdef0123456789abcdef\", realm=\"example.com\", "
		  "nonce=\"n\", uri=\"/doc\", userhash=true, "
		  "response=\"0123456789abcdef0123456789abcdef\"",
		  401, "userhash-not-offered" },
		{ "foreign nonce",
		  "Digest username=\"alice\", realm=\"example.com\", nonce=\"n\", uri=\"/doc\", "
		  "response=\"0123456789abcdef0123456789abcdef\"",
		  401, "foreign-nonce" },
		{ "another uri",
		  "Digest username=\"alice\", realm=\"example.com\", nonce=\"n\", uri=\"/other\", "
		  "response=\"0123456789abcdef0123456789abcdef\"",
		  400, "uri-mismatch" },
	};
	struct strv two[2];
	struct call call;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct auth_verdict *v;

		call_init(&call, AUTH_HTTP, "192.0.2.1");
		call.credentials = strv_of(rows[i].value);
		call.req.n_credentials = 1;
		v = verdict_of(&call);
		if (v->status != rows[i].status || strcmp(v->reason, rows[i].reason) != 0)
			fail_msg("%s: %u %s", rows[i].why, v->status, v->reason);
	}
	policy.md5 = 0;
	call.credentials = strv_of(rows[8].value);
	assert_verdict(verdict_of(&call), 401, "algorithm-not-offered");
	policy.no_sha256 = 1; /* now MD5 is offered, and SHA-256 is not */
	assert_string_not_equal(verdict_of(&call)->reason, "algorithm-not-offered");
	call.credentials =
		STRV("Digest username=\"alice\", realm=\"example.com\", nonce=\"n\", uri=\"/doc\", "
		     "algorithm=SHA-256, response=\"0123456789abcdef0123456789abcdef"
		     "0123456789abcdef0123456789abcdef\"");
	assert_verdict(verdict_of(&call), 401, "algorithm-not-offered");
	policy.no_sha256 = 0;
	call.credentials = strv_of(rows[8].value);
	call.req.credentials = two;
	call.req.n_credentials = 2;
	two[0] = two[1] = call.credentials;
	assert_verdict(verdict_of(&call), 400, "credentials-twice");
}

/* ---- records ---- */

static void test_no_record_to_be_had(void **state)
{
	static struct auth_check check;
	struct call call;

	(void)state;
	call_init(&call, AUTH_HTTP, "192.0.2.1");
	log_in(&call, &alice);
	assert_int_equal(auth_check_begin(&policy, &call.req, &check), 0);
	assert_true(strv_eq(check.need.identity, STRV("sip:alice@example.com")));
	assert_true(strv_eq(check.need.realm, STRV("example.com")));
	auth_check_give_up(&check);
	assert_verdict(&check.verdict, 503, "no-user-record");
	assert_int_equal(check.verdict.retry_after_s, 1);
	/* Nothing was counted: the same credentials still serve. */
	assert_verdict(verdict_of(&call), 0, "accepted");
}

/* From stored bytes: the same decisions; a damaged record lets nobody in, and says so. */
static void test_stored_records(void **state)
{
	static struct auth_check check;
	struct arena *arena = arena_new(0), *tiny = arena_new(32);
	struct call call;
	struct err err;

	(void)state;
	assert_int_equal(auth_stand_in_make(&domains, tiny, &policy.stand_in, &err), -1);
	assert_int_equal(err.code, ERR_NOMEM);
	policy.stand_in = (struct strv){ NULL, 0 };
	for (int round = 0; round < 2; round++) {
		call_init(&call, AUTH_HTTP, "192.0.2.1");
		log_in(&call, &alice);
		assert_int_equal(auth_check_begin(&policy, &call.req, &check), 0);
		auth_check_finish_record(&check, records[0]);
		assert_verdict(&check.verdict, 0, "accepted");
		log_in(&call, &alice);
		assert_int_equal(auth_check_begin(&policy, &call.req, &check), 0);
		auth_check_finish_record(&check, (struct strv){ records[0].p, records[0].n - 1 });
		assert_verdict(&check.verdict, 503, "no-user-record");
		assert_int_equal(auth_check_begin(&policy, &call.req, &check), 0);
		auth_check_finish_record(&check, STRV(""));
		assert_verdict(&check.verdict, 503, "no-user-record");
		assert_int_equal(auth_check_begin(&policy, &call.req, &check), 0);
		auth_check_finish_record(&check, (struct strv){ NULL, 0 });
		assert_verdict(&check.verdict, 401, "wrong-user-or-password");
		/* Again with somebody who stands in for nobody. */
		assert_int_equal(auth_stand_in_make(&domains, arena, &policy.stand_in, &err), 0);
		assert_true(policy.stand_in.n > 0);
	}
	arena_free(&tiny);
	arena_free(&arena);
}

/* A store that gives another user's record than was asked for lets nobody in as that user. */
static void test_record_of_somebody_else(void **state)
{
	static struct auth_check check;
	const struct auth_need bob = { .identity = STRV("sip:bob@example.com") };
	struct strv asserted = STRV("\"sip:alice@example.com\"");
	struct auth_user user;
	struct call call;

	(void)state;
	call_init(&call, AUTH_HTTP, "192.0.2.1");
	log_in(&call, &alice);
	assert_int_equal(auth_check_begin(&policy, &call.req, &check), 0);
	auth_check_finish(&check, find_user(&bob, &user));
	assert_verdict(&check.verdict, 401, "wrong-user-or-password");
	call.req.is_trusted = 1;
	call.req.asserted = &asserted;
	call.req.n_asserted = 1;
	assert_int_equal(auth_check_begin(&policy, &call.req, &check), 0);
	auth_check_finish(&check, find_user(&bob, &user));
	assert_verdict(&check.verdict, 403, "unknown-asserted-user");
}

/* ---- Basic ---- */

/* A realm that fits no header field is our own fault, not the client's. */
static void test_realm_too_long(void **state)
{
	static char text[AUTH_REALM_MAX + 1];
	struct strv name = strv_mem(text, sizeof(text));
	struct call call;

	(void)state;
	memset(text, 'r', sizeof(text));
	policy.domains = (struct auth_domains){ &name, 1 };
	call_init(&call, AUTH_HTTP, "192.0.2.1");
	assert_verdict(verdict_of(&call), 500, "no-nonce");
	policy.domains = domains;
}

static void test_basic(void **state)
{
	static const struct {
		const char *why, *token; /* of user-pass */
		unsigned status;
		const char *reason;
	} rows[] = {
		{ "alice:Circle of Life", "YWxpY2U6Q2lyY2xlIG9mIExpZmU=", 0, "accepted" },
		{ "alice:wrong", "YWxpY2U6d3Jvbmc=", 401, "wrong-user-or-password" },
		{ "nobody:wrong", "bm9ib2R5Ondyb25n", 401, "wrong-user-or-password" },
		{ "op@home.example:operators know", "b3BAaG9tZS5leGFtcGxlOm9wZXJhdG9ycyBrbm93", 0,
		  "accepted" },
		{ "op:operators know, of the default domain", "b3A6b3BlcmF0b3JzIGtub3c=", 401,
		  "wrong-user-or-password" },
		{ "not base64", "!", 400, "bad-credentials-syntax" },
	};
	struct call call;

	(void)state;
	policy.basic = 1;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct auth_verdict *v;

		call_init(&call, AUTH_HTTP, "192.0.2.1");
		call.req.is_tls = 1;
		snprintf(call.text, sizeof(call.text), "Basic %s", rows[i].token);
		call.credentials = strv_of(call.text);
		call.req.n_credentials = 1;
		v = verdict_of(&call);
		if (v->status != rows[i].status || strcmp(v->reason, rows[i].reason) != 0)
			fail_msg("%s: %u %s", rows[i].why, v->status, v->reason);
		if (!v->status)
			assert_int_equal(v->means, AUTH_BY_BASIC);
		/* In the clear it is not even looked at. */
		call.req.is_tls = 0;
		v = verdict_of(&call);
		assert_verdict(v, 401, "basic-not-offered");
		assert_null(strstr(v->challenge[v->n_challenges - 1], "Basic"));
	}
	call_init(&call, AUTH_SIP, "192.0.2.1");
	call.req.is_tls = 1;
	call.credentials = STRV("Basic YWxpY2U6Q2lyY2xlIG9mIExpZmU=");
	call.req.n_credentials = 1;
	assert_verdict(verdict_of(&call), 401, "no-credentials");
}

static void test_basic_password_is_forgotten(void **state)
{
	static struct auth_check check;
	struct call call;

	(void)state;
	policy.basic = 1;
	for (int how = 0; how < 3; how++) {
		struct auth_user user;

		call_init(&call, AUTH_HTTP, "192.0.2.1");
		call.req.is_tls = 1;
		call.credentials = how == 2 ? STRV("Basic YWxpY2U6eDpDaXJjbGUgb2YgTGlmZQ==")
					    : STRV("Basic YWxpY2U6Q2lyY2xlIG9mIExpZmU=");
		call.req.n_credentials = 1;
		assert_int_equal(auth_check_begin(&policy, &call.req, &check), 0);
		assert_non_null(memmem(&check.basic, sizeof(check.basic), "Circle", 6));
		if (how == 0)
			auth_check_give_up(&check);
		else
			auth_check_finish(&check, find_user(&check.need, &user));
		assert_null(memmem(&check, sizeof(check), "Circle", 6));
	}
}

/* ---- asserted identities ---- */

static void test_asserted(void **state)
{
	static const struct {
		const char *why;
		enum auth_edge edge;
		const char *asserted[3], *intended;
		unsigned status;
		const char *reason, *home, *acting;
	} rows[] = {
		{ "one",
		  AUTH_HTTP,
		  { "\"sip:alice@example.com\"" },
		  NULL,
		  0,
		  "accepted",
		  "sip:alice@example.com",
		  "sip:alice@example.com" },
		{ "an alias leads home",
		  AUTH_HTTP,
		  { "\"tel:+49-30-123\"" },
		  NULL,
		  0,
		  "accepted",
		  "sip:alice@example.com",
		  "tel:+4930123" },
		{ "several",
		  AUTH_HTTP,
		  { "\"tel:+4930123\", \"sip:alice@example.com\"" },
		  NULL,
		  0,
		  "accepted",
		  "sip:alice@example.com",
		  "tel:+4930123" },
		{ "acting as another of one's own",
		  AUTH_HTTP,
		  { "\"sip:alice@example.com\"" },
		  "\"tel:+4930123\"",
		  0,
		  "accepted",
		  "sip:alice@example.com",
		  "tel:+4930123" },
		{ "acting as somebody else",
		  AUTH_HTTP,
		  { "\"sip:alice@example.com\"" },
		  "\"sip:bob@example.com\"",
		  403,
		  "intended-identity",
		  NULL,
		  NULL },
		{ "acting as nobody",
		  AUTH_HTTP,
		  { "\"sip:alice@example.com\"" },
		  "\"\"",
		  400,
		  "bad-intended-identity",
		  NULL,
		  NULL },
		{ "acting as two",
		  AUTH_HTTP,
		  { "\"sip:alice@example.com\"" },
		  "\"sip:alice@example.com\", \"tel:+4930123\"",
		  400,
		  "bad-intended-identity",
		  NULL,
		  NULL },
		{ "two fields, case of the user",
		  AUTH_HTTP,
		  { "\"sip:alice@example.com\"", "\"sip:Alice@example.com\"" },
		  NULL,
		  400,
		  "contradicting-asserted-identities",
		  NULL,
		  NULL },
		{ "two fields, two spellings of one",
		  AUTH_HTTP,
		  { "\"sip:alice@example.com\"", "\"sips:alice@EXAMPLE.com\"" },
		  NULL,
		  0,
		  "accepted",
		  "sip:alice@example.com",
		  "sip:alice@example.com" },
		{ "two fields, one by the client",
		  AUTH_HTTP,
		  { "\"sip:bob@example.com\"", "\"sip:alice@example.com\"" },
		  NULL,
		  400,
		  "contradicting-asserted-identities",
		  NULL,
		  NULL },
		{ "too many",
		  AUTH_HTTP,
		  { "a,b,c", "a,b" },
		  NULL,
		  400,
		  "many-asserted-identities",
		  NULL,
		  NULL },
		{ "malformed",
		  AUTH_HTTP,
		  { "\"sip:alice@example.com" },
		  NULL,
		  400,
		  "bad-asserted-identity",
		  NULL,
		  NULL },
		{ "not here",
		  AUTH_HTTP,
		  { "\"sip:nobody@example.com\"" },
		  NULL,
		  403,
		  "unknown-asserted-user",
		  NULL,
		  NULL },
		{ "disabled",
		  AUTH_HTTP,
		  { "\"sip:gone@example.com\"" },
		  NULL,
		  403,
		  "disabled",
		  NULL,
		  NULL },
		{ "SIP and tel",
		  AUTH_SIP,
		  { "\"Alice\" <sip:alice@example.com>", "<tel:+4930123>" },
		  NULL,
		  0,
		  "accepted",
		  "sip:alice@example.com",
		  "sip:alice@example.com" },
		{ "SIP and tel in one",
		  AUTH_SIP,
		  { "<sip:alice@example.com>, <tel:+4930123>" },
		  NULL,
		  0,
		  "accepted",
		  "sip:alice@example.com",
		  "sip:alice@example.com" },
		{ "two SIP URIs",
		  AUTH_SIP,
		  { "<sip:alice@example.com>", "<sip:bob@example.com>" },
		  NULL,
		  400,
		  "contradicting-asserted-identities",
		  NULL,
		  NULL },
		{ "three",
		  AUTH_SIP,
		  { "<sip:alice@example.com>, <tel:+4930123>", "<tel:+4930124>" },
		  NULL,
		  400,
		  "contradicting-asserted-identities",
		  NULL,
		  NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct strv asserted[3];
		const struct auth_verdict *v;
		struct call call;

		call_init(&call, rows[i].edge, "192.0.2.1");
		call.req.is_trusted = 1;
		call.req.asserted = asserted;
		for (int k = 0; k < 3 && rows[i].asserted[k]; k++)
			asserted[call.req.n_asserted++] = strv_of(rows[i].asserted[k]);
		if (rows[i].intended)
			call.req.intended = strv_of(rows[i].intended);
		v = verdict_of(&call);
		if (v->status != rows[i].status || strcmp(v->reason, rows[i].reason) != 0)
			fail_msg("%s: %u %s", rows[i].why, v->status, v->reason);
		if (v->status) {
			assert_int_equal(v->home.n, 0);
			continue;
		}
		assert_string_equal(v->home.text, rows[i].home);
		assert_string_equal(v->acting.text, rows[i].acting);
		assert_int_equal(v->means, AUTH_BY_ASSERTION);
		/* From anybody else it is as if it were not there. */
		call.req.is_trusted = 0;
		v = verdict_of(&call);
		assert_verdict(v, 401, "no-credentials");
	}
}

static void test_asserted_without_record(void **state)
{
	struct strv asserted = STRV("\"sip:carol@other.example\", \"tel:+49\"");
	const struct auth_verdict *v;
	struct call call;

	(void)state;
	policy.foreign_users = 1;
	call_init(&call, AUTH_HTTP, "192.0.2.1");
	call.req.is_trusted = 1;
	call.req.asserted = &asserted;
	call.req.n_asserted = 1;
	v = verdict_of(&call);
	assert_verdict(v, 0, "accepted");
	assert_int_equal(v->known, 0);
	assert_int_equal(v->roles, AUTH_ROLE_USER);
	assert_string_equal(v->home.text, "sip:carol@other.example");
	call.req.intended = STRV("\"tel:+49\"");
	v = verdict_of(&call);
	assert_verdict(v, 0, "accepted");
	assert_string_equal(v->acting.text, "tel:+49");
	call.req.intended = STRV("\"tel:+48\"");
	assert_verdict(verdict_of(&call), 403, "intended-identity");
}

static void test_intended_with_digest(void **state)
{
	struct call call;
	const struct auth_verdict *v;

	(void)state;
	call_init(&call, AUTH_HTTP, "192.0.2.1");
	call.req.intended = STRV("\"tel:+4930123\"");
	log_in(&call, &alice);
	v = verdict_of(&call);
	assert_verdict(v, 0, "accepted");
	assert_string_equal(v->home.text, "sip:alice@example.com");
	assert_string_equal(v->acting.text, "tel:+4930123");
	call.req.intended = STRV("sip:bob@example.com");
	log_in(&call, &alice);
	assert_verdict(verdict_of(&call), 403, "intended-identity");
	/* Nobody hears that before he has proved who he is. */
	call.req.n_credentials = 0;
	assert_verdict(verdict_of(&call), 401, "no-credentials");
}

/* ---- several credentials in SIP ---- */

static void test_sip_credentials_for_other_realms(void **state)
{
	static const struct strv foreign =
		STRV("Digest username=\"a\", realm=\"proxy.example\", nonce=\"n\", "
		     "uri=\"sip:example.com\", response=\"0123456789abcdef0123456789abcdef\"");
	static const struct strv odd =
		STRV("Digest username=\"a\", realm=\"proxy.example\", nonce=\"n\", qop=auth-int, "
		     "uri=\"sip:example.com\", response=\"0123456789abcdef0123456789abcdef\"");
	struct strv list[4];
	struct call call;

	(void)state;
	call_init(&call, AUTH_SIP, "192.0.2.1");
	log_in(&call, &alice);
	call.req.credentials = list;
	for (unsigned at = 0; at < 3; at++) {
		log_in(&call, &alice);
		call.req.credentials = list;
		call.req.n_credentials = 3;
		for (unsigned k = 0; k < 3; k++)
			list[k] = k == at ? call.credentials : k ? odd : foreign;
		assert_verdict(verdict_of(&call), 0, "accepted");
	}
	list[3] = list[2];
	call.req.n_credentials = 4;
	assert_verdict(verdict_of(&call), 400, "bad-credentials-syntax");
	list[0] = foreign;
	call.req.n_credentials = 1;
	assert_verdict(verdict_of(&call), 401, "no-credentials");
	list[0] = odd;
	assert_verdict(verdict_of(&call), 400, "bad-credentials-syntax");
	list[0] = STRV("NoOneKnowsThisScheme opaque-data=here"); /* RFC 4475 s3.3.7 */
	assert_verdict(verdict_of(&call), 401, "no-credentials");
}

static void test_sip_retargeted_by_our_proxy(void **state)
{
	struct call call;

	(void)state;
	call_init(&call, AUTH_SIP, "192.0.2.1");
	log_in(&call, &alice);
	call.req.target = STRV("sip:elsewhere.example");
	assert_verdict(verdict_of(&call), 400, "uri-mismatch");
	call.req.is_trusted = 1;
	assert_verdict(verdict_of(&call), 0, "accepted");
}

static void test_targets_with_raw_quotes(void **state)
{
	static const char raw[] = "/r/users/sip:alice@example.com/index/~~/l[@name=\"a\"]";
	char nonce[AUTH_NONCE_TEXT];
	struct call call;

	(void)state;
	call_init(&call, AUTH_HTTP, "192.0.2.1");
	call.req.target = strv_of(raw);
	take_nonce(&call, nonce);
	authorize(&call, &alice, nonce, raw);
	assert_verdict(verdict_of(&call), 0, "accepted");
	take_nonce(&call, nonce);
	authorize(&call, &alice, nonce, raw);
	call.req.target = STRV("/r/users/sip:alice@example.com/index/~~/l%5b@name=%22a%22%5d");
	assert_verdict(verdict_of(&call), 0, "accepted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_challenges),
		TEST(test_accepted),
		TEST(test_refused),
		TEST(test_credentials_malformed_or_not_offered),
		TEST(test_no_record_to_be_had),
		TEST(test_stored_records),
		TEST(test_record_of_somebody_else),
		TEST(test_realm_too_long),
		TEST(test_basic),
		TEST(test_basic_password_is_forgotten),
		TEST(test_asserted),
		TEST(test_asserted_without_record),
		TEST(test_intended_with_digest),
		TEST(test_sip_credentials_for_other_realms),
		TEST(test_sip_retargeted_by_our_proxy),
		TEST(test_targets_with_raw_quotes),
	};

	return cmocka_run_group_tests(tests, make_records, free_records);
}
