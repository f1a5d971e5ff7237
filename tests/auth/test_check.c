/* SPDX-License-Identifier: Apache-2.0 */
/* tests/auth/test_check.c - the whole decision: who sent this request, over HTTP and SIP */
#include "auth/auth_check.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "auth/auth_text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { T0 = 1000000, LIFETIME = 300000 };

static const struct strv names[] = { STRV("example.com"), STRV("home.example") };
static const struct auth_domains domains = { names, 2 };
static const unsigned char secret[AUTH_SECRET_BYTES] = "a secret of the tests";

/* ---- the users ---- */

static const struct {
	const char *identity, *second, *password;
	unsigned roles;
	int disabled;
} people[] = {
	{ "sip:alice@example.com", "tel:+4930123", "Circle of Life", AUTH_ROLE_USER, 0 },
	{ "sip:bob@example.com", NULL, "bob has another", AUTH_ROLE_USER, 0 },
	{ "sip:op@home.example", NULL, "operators know", AUTH_ROLES, 0 },
	{ "sip:gone@example.com", NULL, "gone and forgotten", AUTH_ROLE_USER, 1 },
};

static struct arena *records_arena;
static struct strv records[COUNT(people)];

static int make_records(void **state)
{
	(void)state;
	records_arena = arena_new(0);
	for (size_t i = 0; i < COUNT(people); i++) {
		struct auth_user user = { .n_identities = 1 };

		user.identity[0] = strv_of(people[i].identity);
		if (people[i].second)
			user.identity[user.n_identities++] = strv_of(people[i].second);
		user.roles = people[i].roles;
		user.disabled = people[i].disabled;
		if (auth_user_set_password(&user, strv_of(people[i].password), &domains,
					   records_arena, NULL) < 0 ||
		    auth_user_encode(&user, records_arena, &records[i], NULL) < 0)
			return -1;
	}
	return 0;
}

static int free_records(void **state)
{
	(void)state;
	arena_free(&records_arena);
	return 0;
}

/* What a store does: by identity, or by the hash of a name. */
static const struct auth_user *find_user(const struct auth_need *need, struct auth_user *user)
{
	for (size_t i = 0; i < COUNT(people); i++) {
		assert_int_equal(auth_user_decode(records[i], user, NULL), 0);
		if (need->identity.n
			    ? auth_user_has_identity(user, need->identity)
			    : auth_user_cred_find_hashed(user, need->algorithm, need->userhash,
							 need->realm) != NULL)
			return user;
	}
	return NULL;
}

/* ---- the server ---- */

static struct auth_policy policy;

static int make_policy(void **state)
{
	const struct auth_nonce_options nonces = { 65536, LIFETIME };
	const struct auth_throttle_options throttle = { 65536, 10, 1000, 900000, 3600000 };

	(void)state;
	policy = (struct auth_policy){ .domains = domains, .md5 = 1 };
	memcpy(policy.secret, secret, sizeof(secret));
	return auth_nonces_new(&nonces, secret, &policy.nonces, NULL) < 0 ||
			       auth_throttle_new(&throttle, &policy.throttle, NULL) < 0
		       ? -1
		       : 0;
}

static int free_policy(void **state)
{
	(void)state;
	auth_nonces_free(&policy.nonces);
	auth_throttle_free(&policy.throttle);
	return 0;
}

static struct sockaddr_in address_of(const char *text)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	assert_int_equal(inet_pton(AF_INET, text, &in.sin_addr), 1);
	return in;
}

/* A request with one Authorization, or none. */
struct call {
	struct auth_request req;
	struct sockaddr_in from;
	struct strv credentials;
	char text[4096];
};

static void call_init(struct call *call, enum auth_edge edge, const char *from)
{
	call->from = address_of(from);
	call->req = (struct auth_request){
		.edge = edge,
		.method = edge == AUTH_HTTP ? STRV("GET") : STRV("REGISTER"),
		.target = edge == AUTH_HTTP ? STRV("/doc") : STRV("sip:example.com"),
		.credentials = &call->credentials,
		.source = (const struct sockaddr *)&call->from,
		.is_datagram = edge == AUTH_SIP,
		.now_ms = T0,
	};
}

static void decide_on(const struct call *call, struct auth_check *check)
{
	struct auth_user user;

	if (!auth_check_begin(&policy, &call->req, check))
		auth_check_finish(check, find_user(&check->need, &user));
	assert_non_null(check->verdict.reason);
}

static const struct auth_verdict *verdict_of(const struct call *call)
{
	static struct auth_check check;

	decide_on(call, &check);
	return &check.verdict;
}

/* ---- the client ---- */

struct client {
	const char *username, *realm, *password;
	enum auth_algorithm algorithm;
	unsigned nc; /* 0: no qop */
	int userhash;
};

/* The nonce of a challenge that the server makes for CALL. */
static void take_nonce(const struct call *call, char nonce[AUTH_NONCE_TEXT])
{
	struct auth_request bare = call->req;
	struct auth_check check;
	const char *at;

	bare.n_credentials = 0;
	bare.n_asserted = 0;
	assert_int_equal(auth_check_begin(&policy, &bare, &check), 1);
	assert_true(check.verdict.status == 401 || check.verdict.status == 407);
	at = strstr(check.verdict.challenge[0], "nonce=\"");
	assert_non_null(at);
	snprintf(nonce, AUTH_NONCE_TEXT, "%s", at + 7);
}

/* Answer with NONCE, for URI. */
static void authorize(struct call *call, const struct client *client, const char *nonce,
		      const char *uri)
{
	struct auth_digest d = { .algorithm = client->algorithm,
				 .nonce = strv_of(nonce),
				 .uri = strv_of(uri) };
	unsigned char ha1[AUTH_HASH_BYTES], response[AUTH_HASH_BYTES];
	char hex[AUTH_HASH_HEX], name[AUTH_HASH_HEX + 64], nc[16];
	size_t n = auth_hash_bytes(client->algorithm);

	snprintf(nc, sizeof(nc), "%08x", client->nc);
	if (client->nc) {
		d.qop = STRV("auth");
		d.nc_text = strv_of(nc);
		d.cnonce = STRV("0a4f113b");
	}
	assert_int_equal(auth_ha1(client->algorithm, strv_of(client->username),
				  strv_of(client->realm), strv_of(client->password), ha1),
			 0);
	assert_int_equal(auth_digest_response(&d, call->req.method, ha1, response), 0);
	auth_hex_print(response, n, hex);
	snprintf(name, sizeof(name), "%s", client->username);
	if (client->userhash) {
		assert_int_equal(auth_userhash(client->algorithm, strv_of(client->username),
					       strv_of(client->realm), ha1),
				 0);
		auth_hex_print(ha1, n, name);
	}
	snprintf(call->text, sizeof(call->text),
		 "Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", algorithm=%s, "
		 "response=\"%s\"%s%s%s%s",
		 name, client->realm, nonce, uri, auth_algorithm_name(client->algorithm), hex,
		 client->nc ? ", qop=auth, cnonce=\"0a4f113b\", nc=" : "", client->nc ? nc : "",
		 client->userhash ? ", userhash=true" : "", "");
	call->credentials = strv_of(call->text);
	call->req.n_credentials = 1;
}

static void log_in(struct call *call, const struct client *client)
{
	char nonce[AUTH_NONCE_TEXT];

	take_nonce(call, nonce);
	authorize(call, client, nonce, call->req.edge == AUTH_HTTP ? "/doc" : "sip:example.com");
}

static const struct client alice = { "alice", "example.com", "Circle of Life", AUTH_SHA256, 1, 0 };

#define assert_verdict(v, expected_status, expected_reason)                                       \
	do {                                                                                      \
		const struct auth_verdict *verdict_ = (v);                                        \
		if (verdict_->status != (expected_status) ||                                      \
		    strcmp(verdict_->reason, (expected_reason)) != 0)                             \
			fail_msg("line %d: %u %s", __LINE__, verdict_->status, verdict_->reason); \
	} while (0)

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
	call.req.credentials = two;
	call.req.n_credentials = 2;
	two[0] = two[1] = call.credentials;
	assert_verdict(verdict_of(&call), 400, "credentials-twice");
}

/* ---- replays ---- */

static void test_replays(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		struct client client = alice;
		struct call call;
		char nonce[AUTH_NONCE_TEXT], first[sizeof(call.text)];
		const struct auth_verdict *v;

		client.algorithm = i % 2 ? AUTH_MD5 : AUTH_SHA256;
		client.nc = 70 + i;
		call_init(&call, i % 4 < 2 ? AUTH_HTTP : AUTH_SIP, "192.0.2.1");
		take_nonce(&call, nonce);
		authorize(&call, &client, nonce, i % 4 < 2 ? "/doc" : "sip:example.com");
		strcpy(first, call.text);
		assert_verdict(verdict_of(&call), 0, "accepted");

		/* The same again. */
		v = verdict_of(&call);
		assert_verdict(v, 401, "replayed");
		assert_int_equal(v->stale, 0);
		/* From another address; for another method, for another target. */
		call.from = address_of("198.51.100.7");
		v = verdict_of(&call);
		assert_int_equal(v->status, 401);
		call_init(&call, call.req.edge, "192.0.2.1");
		call.req.n_credentials = 1;
		call.req.method = STRV("PUT");
		assert_verdict(verdict_of(&call), 401, "wrong-user-or-password");
		call_init(&call, call.req.edge, "192.0.2.1");
		call.req.n_credentials = 1;
		call.req.target = STRV("sip:victim@example.com");
		assert_verdict(verdict_of(&call), 400, "uri-mismatch");
		call_init(&call, call.req.edge, "192.0.2.1");
		call.req.n_credentials = 1;
		/* With the count changed by who does not know the password: lower, higher. */
		for (int step = -3; step <= 3; step += 6) {
			char nc[16], was[16];
			char *at;

			strcpy(call.text, first);
			snprintf(was, sizeof(was), "nc=%08x", client.nc);
			snprintf(nc, sizeof(nc), "nc=%08x", client.nc + (unsigned)step);
			at = strstr(call.text, was);
			assert_non_null(at);
			memcpy(at, nc, strlen(nc));
			call.credentials = strv_of(call.text);
			assert_verdict(verdict_of(&call), 401, "wrong-user-or-password");
		}
		/* By who knows it: too far behind is a replay, too far ahead ends the nonce. */
		client.nc = 70 + i - AUTH_NONCE_WINDOW;
		authorize(&call, &client, nonce, i % 4 < 2 ? "/doc" : "sip:example.com");
		v = verdict_of(&call);
		assert_verdict(v, 401, "replayed");
		assert_int_equal(v->stale, 0);
		client.nc = 70 + i + AUTH_NONCE_GAP + 1;
		authorize(&call, &client, nonce, i % 4 < 2 ? "/doc" : "sip:example.com");
		v = verdict_of(&call);
		assert_verdict(v, 401, "stale-nonce");
		assert_int_equal(v->stale, 1);
		/* An old nonce. */
		client.nc = 1;
		log_in(&call, &client);
		call.req.now_ms = T0 + LIFETIME;
		v = verdict_of(&call);
		assert_verdict(v, 401, "stale-nonce");
		assert_non_null(strstr(v->challenge[0], ", stale=true"));
		assert_non_null(strstr(v->challenge[1], ", stale=true"));
		/* So that this test's failures do not add up to a wait. */
		call.req.now_ms = T0;
		log_in(&call, &client);
		assert_verdict(verdict_of(&call), 0, "accepted");
	}
}

static void test_nonce_of_another_address(void **state)
{
	struct call call;
	const struct auth_verdict *v;
	char nonce[AUTH_NONCE_TEXT];

	(void)state;
	/* Over UDP whoever forges an address has not seen what was sent there. */
	call_init(&call, AUTH_SIP, "192.0.2.66");
	take_nonce(&call, nonce);
	call_init(&call, AUTH_SIP, "192.0.2.1");
	authorize(&call, &alice, nonce, "sip:example.com");
	v = verdict_of(&call);
	assert_verdict(v, 401, "stale-nonce");
	assert_int_equal(v->stale, 1);
	/* Over TCP a client may have moved; a proxy of ours may have two addresses. */
	call.req.is_datagram = 0;
	assert_verdict(verdict_of(&call), 0, "accepted");
	call.req.is_datagram = call.req.is_trusted = 1;
	assert_verdict(verdict_of(&call), 401, "replayed");
}

/* ---- nobody learns who exists ---- */

static void test_no_enumeration(void **state)
{
	struct call call;
	struct auth_verdict known, *v;
	static struct auth_check check;
	struct client client = alice;

	(void)state;
	call_init(&call, AUTH_SIP, "203.0.113.1");
	client.password = "wrong";
	log_in(&call, &client);
	decide_on(&call, &check);
	known = check.verdict;
	v = &check.verdict;
	assert_verdict(v, 401, "wrong-user-or-password");
	for (unsigned i = 0; i < 10000; i++) {
		char name[32], from[32];

		snprintf(name, sizeof(name), "u%04u", i);
		snprintf(from, sizeof(from), "10.%u.%u.9", i >> 8, i & 255);
		client.username = name;
		call_init(&call, i % 2 ? AUTH_SIP : AUTH_HTTP, from);
		call.req.method = i % 3 ? STRV("MESSAGE") : STRV("OPTIONS");
		log_in(&call, &client);
		decide_on(&call, &check);
		assert_int_equal(v->status, known.status);
		assert_string_equal(v->reason, known.reason);
		assert_int_equal(v->n_challenges, known.n_challenges);
		if (i % 2)
			for (unsigned k = 0; k < v->n_challenges; k++)
				assert_int_equal(strlen(v->challenge[k]),
						 strlen(known.challenge[k]));
	}
}

static void test_guessing(void **state)
{
	static const struct {
		const char *why, *name;
	} targets[] = { { "a user", "bob" }, { "nobody", "nobody" } };

	(void)state;
	for (size_t t = 0; t < COUNT(targets); t++) {
		struct client client = {
			targets[t].name, "example.com", "guess", AUTH_SHA256, 1, 0
		};
		unsigned tried = 0, told = 0;
		struct call call;

		for (int i = 0; i < 1000; i++) {
			const struct auth_verdict *v;

			call_init(&call, AUTH_HTTP, t ? "192.0.2.2" : "192.0.2.1");
			log_in(&call, &client);
			v = verdict_of(&call);
			tried += v->status == 401;
			told += v->status == 429 && v->retry_after_s == 1;
			assert_int_equal(v->status == 429, strcmp(v->reason, "throttled") == 0);
		}
		assert_int_equal(tried, 10);
		assert_int_equal(told, 990);
	}
	/* The true user elsewhere, and where he is guessed. */
	struct client bob = { "bob", "example.com", "bob has another", AUTH_SHA256, 1, 0 };
	struct call call;

	call_init(&call, AUTH_HTTP, "198.51.100.1");
	log_in(&call, &bob);
	assert_verdict(verdict_of(&call), 0, "accepted");
	call_init(&call, AUTH_HTTP, "192.0.2.1");
	log_in(&call, &bob);
	assert_verdict(verdict_of(&call), 429, "throttled");
	call.req.now_ms = T0 + 1000;
	assert_verdict(verdict_of(&call), 0, "accepted");
	/* In SIP 429 would ask for a referrer. */
	call_init(&call, AUTH_SIP, "192.0.2.2");
	bob.username = "nobody";
	log_in(&call, &bob);
	assert_verdict(verdict_of(&call), 503, "throttled");
}

static void test_guessing_many_users(void **state)
{
	struct client client = { NULL, "example.com", "guess", AUTH_MD5, 1, 0 };
	unsigned tried = 0;
	struct call call;

	(void)state;
	call_init(&call, AUTH_HTTP, "192.0.2.1");
	log_in(&call, &alice);
	assert_verdict(verdict_of(&call), 0, "accepted");
	for (int i = 0; i < 1000; i++) {
		char name[32];

		snprintf(name, sizeof(name), "u%d", i);
		client.username = name;
		log_in(&call, &client);
		tried += verdict_of(&call)->status == 401;
	}
	assert_int_equal(tried, 10);
	log_in(&call, &alice);
	assert_verdict(verdict_of(&call), 0, "accepted");
}

/* A hashed name in either case of its digits is one user. */
static void test_guessing_hashed_names(void **state)
{
	struct client client = { "bob", "example.com", "guess", AUTH_MD5, 1, 1 };
	unsigned tried = 0;
	struct call call;

	(void)state;
	policy.userhash = 1;
	for (unsigned i = 0; i < 100; i++) {
		char *name;

		call_init(&call, AUTH_HTTP, "192.0.2.1");
		log_in(&call, &client);
		name = strchr(call.text, '"') + 1;
		for (unsigned k = 0; k < 32; k++)
			if (name[k] >= 'a' && (i >> k % 7 & 1))
				name[k] = (char)(name[k] - 32);
		tried += verdict_of(&call)->status == 401;
	}
	assert_int_equal(tried, 10);
}

static void test_many_in_flight(void **state)
{
	enum { AT_ONCE = 50 };
	static struct auth_check check[AT_ONCE];
	static struct call call[AT_ONCE];
	struct client client = { "bob", "example.com", "guess", AUTH_SHA256, 1, 0 };
	unsigned tried = 0;

	(void)state;
	/* All have asked before the first record arrives. */
	for (int i = 0; i < AT_ONCE; i++) {
		call_init(&call[i], AUTH_HTTP, "192.0.2.1");
		log_in(&call[i], &client);
		assert_int_equal(auth_check_begin(&policy, &call[i].req, &check[i]), 0);
	}
	for (int i = 0; i < AT_ONCE; i++) {
		struct auth_user user;

		auth_check_finish(&check[i], find_user(&check[i].need, &user));
		tried += check[i].verdict.status == 401;
	}
	assert_int_equal(tried, 10);
}

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

/* ---- one anomaly at a time ---- */

/* Whether two header values say the same to a strict reader: what our parser reads in them. */
static int says_the_same(const struct auth_digest *a, const struct auth_digest *b)
{
	return strv_eq(a->username, b->username) && strv_eq(a->realm, b->realm) &&
	       strv_eq(a->nonce, b->nonce) && strv_eq(a->uri, b->uri) &&
	       strv_eq(a->cnonce, b->cnonce) && strv_eq(a->nc_text, b->nc_text) &&
	       strv_caseeq(a->response, b->response) && a->algorithm == b->algorithm &&
	       a->userhash == b->userhash;
}

/* Every octet of a right header changed, dropped and doubled: 400 or 401, or it still says the very
 * same thing (the case of a parameter's name, a blank). */
static void test_anomalies(void **state)
{
	static const char octets[] = "\0\t\n \"%',/0=A\\afz\x7f\x80\xff";
	unsigned tried = 0, accepted = 0;
	struct auth_throttle *strict = policy.throttle;
	const struct auth_throttle_options lenient = { 64, 1000000, 1, 1, 1 };
	struct call call;
	size_t length;

	(void)state;
	assert_int_equal(auth_throttle_new(&lenient, &policy.throttle, NULL), 0);
	call_init(&call, AUTH_HTTP, "192.0.2.1");
	log_in(&call, &alice);
	length = call.credentials.n;
	for (size_t at = 0; at < length; at++)
		for (size_t c = 0; c < sizeof(octets) + 1; c++) {
			struct auth_digest whole, changed;
			char text[sizeof(call.text)];
			struct strv rest;
			const struct auth_verdict *v;

			log_in(&call, &alice);
			strcpy(text, call.text);
			if (c == sizeof(octets)) {
				memmove(text + at, call.text + at + 1, length - at);
				call.credentials = (struct strv){ text, length - 1 };
			} else if (c == sizeof(octets) - 1) {
				memmove(text + at + 1, call.text + at, length - at + 1);
				call.credentials = (struct strv){ text, length + 1 };
			} else {
				text[at] = octets[c];
				call.credentials = (struct strv){ text, length };
			}
			if (memcmp(text, call.text, length + 1) == 0)
				continue;
			tried++;
			v = verdict_of(&call);
			if (v->status == 400 || v->status == 401)
				continue;
			assert_int_equal(v->status, 0);
			accepted++;
			auth_scheme_parse(strv_of(call.text), &rest);
			assert_int_equal(auth_digest_parse(rest, &whole, NULL), 0);
			auth_scheme_parse(call.credentials, &rest);
			assert_int_equal(auth_digest_parse(rest, &changed, NULL), 0);
			if (!says_the_same(&whole, &changed))
				fail_msg("accepted: %.*s", STRV_ARG(call.credentials));
		}
	assert_true(tried >= 1000);
	assert_true(accepted < tried / 20);
	auth_throttle_free(&policy.throttle);
	policy.throttle = strict;
}

/* ---- threads ---- */

enum { THREADS = 4, REQUESTS = 300 };

static struct call shared_call[REQUESTS];
static _Atomic unsigned times_accepted[REQUESTS];

static void *send_all(void *arg)
{
	struct client wrong = alice;
	struct call own;
	char from[32];

	snprintf(from, sizeof(from), "198.51.100.%u", (unsigned)(uintptr_t)arg);
	wrong.password = "wrong";
	for (int i = 0; i < REQUESTS; i++) {
		struct auth_check check;

		decide_on(&shared_call[i], &check);
		times_accepted[i] += check.verdict.status == 0;
		call_init(&own, AUTH_SIP, from);
		log_in(&own, i % 2 ? &wrong : &alice);
		decide_on(&own, &check);
		if (i % 2 ? check.verdict.status == 0 : check.verdict.status != 0)
			return arg;
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t thread[THREADS];
	char nonce[AUTH_NONCE_TEXT];
	struct client client = alice;

	(void)state;
	for (int i = 0; i < REQUESTS; i++) {
		call_init(&shared_call[i], AUTH_HTTP, "192.0.2.1");
		if (i == 0)
			take_nonce(&shared_call[i], nonce);
		client.nc = (unsigned)i + 1;
		authorize(&shared_call[i], &client, nonce, "/doc");
	}
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, send_all, (void *)(i + 1)), 0);
	for (int i = 0; i < THREADS; i++) {
		void *failed;

		pthread_join(thread[i], &failed);
		assert_null(failed);
	}
	for (int i = 0; i < REQUESTS; i++)
		assert_int_equal(times_accepted[i], 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_policy, free_policy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_challenges),
		TEST(test_accepted),
		TEST(test_refused),
		TEST(test_credentials_malformed_or_not_offered),
		TEST(test_replays),
		TEST(test_nonce_of_another_address),
		TEST(test_no_enumeration),
		TEST(test_guessing),
		TEST(test_guessing_many_users),
		TEST(test_guessing_hashed_names),
		TEST(test_many_in_flight),
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
		TEST(test_anomalies),
		TEST(test_threads),
	};

	return cmocka_run_group_tests(tests, make_records, free_records);
}
