/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/auth/test_check_attacks.c - the whole decision under attack: replays, looking for names,
 * guessing, anomalies of the header, all at once from several threads
 */
#include "auth/auth_check.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/auth/check_world.h"

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
		call.from = call_address("198.51.100.7");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_replays),
		TEST(test_nonce_of_another_address),
		TEST(test_no_enumeration),
		TEST(test_guessing),
		TEST(test_guessing_many_users),
		TEST(test_guessing_hashed_names),
		TEST(test_many_in_flight),
		TEST(test_anomalies),
		TEST(test_threads),
	};

	return cmocka_run_group_tests(tests, make_records, free_records);
}
