/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_auth_digest.c - any octets as the value of Authorization
 *
 * Beyond surviving: what is read keeps to the limits that hashing relies on; written down again by
 * the book it reads the same; and whoever answers no challenge of ours is let in by nobody.
 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/auth_check.h"
#include "auth/auth_target.h"

#define REQUIRE(condition)                                                      \
	do {                                                                    \
		if (!(condition)) {                                             \
			fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
			abort();                                                \
		}                                                               \
	} while (0)

static const struct strv names[] = { STRV("example.com"), STRV("http-auth@example.org") };

/* ---- a server without users ---- */

static const struct auth_policy *policy_get(void)
{
	static const struct auth_nonce_options nonces = { 64, 1000 };
	static const struct auth_throttle_options throttle = { 64, 1000000, 1, 1, 1 };
	static struct auth_policy policy;

	if (!policy.nonces) {
		policy = (struct auth_policy){
			.domains = { names, 2 }, .md5 = 1, .basic = 1, .userhash = 1
		};
		REQUIRE(auth_nonces_new(&nonces, policy.secret, &policy.nonces, NULL) == 0);
		REQUIRE(auth_throttle_new(&throttle, &policy.throttle, NULL) == 0);
	}
	return &policy;
}

static void check_refused(struct strv value, enum auth_edge edge, struct strv target)
{
	static struct auth_check check;
	struct auth_request req = { .edge = edge,
				    .method = STRV("GET"),
				    .target = target,
				    .credentials = &value,
				    .n_credentials = 1,
				    .is_tls = 1,
				    .now_ms = 5 };
	const struct auth_verdict *v = &check.verdict;

	if (!auth_check_begin(policy_get(), &req, &check))
		auth_check_finish(&check, NULL);
	REQUIRE(v->status == 400 || v->status == 401);
	REQUIRE((v->status == 401) == (v->n_challenges > 0));
	REQUIRE(v->home.n == 0 && v->reason);
}

/* ---- reading and writing ---- */

/* NAME="VALUE", with quoting where the grammar has it. */
static size_t write_param(char *to, size_t n, const char *name, struct strv value, int quoting)
{
	n += (size_t)sprintf(to + n, "%s=\"", name);
	for (size_t i = 0; i < value.n; i++) {
		if (quoting && (value.p[i] == '"' || value.p[i] == '\\'))
			to[n++] = '\\';
		to[n++] = value.p[i];
	}
	return n + (size_t)sprintf(to + n, "\", ");
}

static struct strv write_digest(const struct auth_digest *d)
{
	static char text[2 * AUTH_URI_MAX];
	size_t n = (size_t)sprintf(text, "Digest ");

	n = write_param(text, n, "username", d->username, 1);
	n = write_param(text, n, "realm", d->realm, 1);
	n = write_param(text, n, "nonce", d->nonce, 0);
	n = write_param(text, n, "response", d->response, 0);
	if (d->qop.n) {
		n = write_param(text, n, "cnonce", d->cnonce, 1);
		n = write_param(text, n, "nc", d->nc_text, 0);
		n = write_param(text, n, "qop", d->qop, 0);
	}
	n += (size_t)sprintf(text + n, "userhash=%s, algorithm=%s, ",
			     d->userhash ? "true" : "false",
			     d->algorithm < AUTH_ALGORITHMS ? auth_algorithm_name(d->algorithm)
							    : "x");
	n = write_param(text, n, "uri", d->uri, 0) - 2;
	return (struct strv){ text, n };
}

static void check_written(const struct auth_digest *d)
{
	struct auth_digest again;
	struct err err = { ERR_NONE, "" };
	struct strv rest;

	REQUIRE(auth_scheme_parse(write_digest(d), &rest) == AUTH_SCHEME_DIGEST);
	if (auth_digest_parse(rest, &again, &err) < 0) {
		/* The quoting of the names makes them longer than they may be. */
		REQUIRE(err.code == ERR_RANGE);
		return;
	}
	REQUIRE(strv_eq(again.username, d->username) && strv_eq(again.realm, d->realm));
	REQUIRE(strv_eq(again.cnonce, d->cnonce) && strv_eq(again.uri, d->uri));
	REQUIRE(again.nc == d->nc && again.algorithm == d->algorithm);
	REQUIRE(again.userhash == d->userhash);
}

/* The same in answer to a challenge of ours, so that it comes as far as the user, who is unknown.
 */
static void check_answer(struct auth_digest *d)
{
	char nonce[AUTH_NONCE_TEXT];
	struct strv target = d->uri;

	if (!d->nonce.n)
		return;
	REQUIRE(auth_nonce_issue(policy_get()->nonces, names[0], NULL, 5, nonce) == 0);
	d->nonce = strv_of(nonce);
	d->realm = names[0];
	check_refused(write_digest(d), AUTH_HTTP, target);
	check_refused(write_digest(d), AUTH_SIP, target);
}

static void check_digest(struct auth_digest *d)
{
	static const unsigned char ha1[AUTH_HASH_BYTES];
	unsigned char response[AUTH_HASH_BYTES];

	REQUIRE(d->username.n && d->username.n <= AUTH_USERNAME_MAX);
	REQUIRE(d->realm.n <= AUTH_REALM_MAX && d->nonce.n <= AUTH_NONCE_MAX);
	REQUIRE(d->uri.n && d->uri.n <= AUTH_URI_MAX && d->cnonce.n <= AUTH_CNONCE_MAX);
	REQUIRE(!d->qop.n || (d->nc && d->cnonce.n));
	REQUIRE(!d->nonce.n == !d->response.n);
	if (d->algorithm < AUTH_ALGORITHMS)
		REQUIRE(auth_digest_response(d, STRV("GET"), ha1, response) == 0);
	REQUIRE(auth_target_same_http(d->uri, d->uri) && auth_target_same_sip(d->uri, d->uri));
	/* A quote before a comma would end the uri when it is written with others. */
	if (memchr(d->uri.p, '"', d->uri.n))
		return;
	check_written(d);
	check_answer(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strv value = strv_mem(data, size), rest, target = STRV("/dir/index.html");
	struct auth_digest digest;
	struct auth_basic basic;
	struct err err = { ERR_NONE, "" };

	switch (auth_scheme_parse(value, &rest)) {
	case AUTH_SCHEME_DIGEST:
		if (auth_digest_parse(rest, &digest, &err) == 0) {
			target = digest.uri;
			check_digest(&digest);
		} else {
			REQUIRE(err.code == ERR_SYNTAX || err.code == ERR_RANGE);
		}
		break;
	case AUTH_SCHEME_BASIC:
		if (auth_basic_parse(rest, &basic, &err) == 0)
			REQUIRE(basic.username.n && basic.username.n <= AUTH_USERNAME_MAX &&
				basic.password.n <= AUTH_PASSWORD_MAX);
		else
			REQUIRE(err.code == ERR_SYNTAX);
		break;
	case AUTH_SCHEME_NONE:
	case AUTH_SCHEME_OTHER:
		break;
	}
	check_refused(value, AUTH_HTTP, target);
	check_refused(value, AUTH_SIP, target);
	return 0;
}
