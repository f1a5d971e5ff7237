/* SPDX-License-Identifier: Apache-2.0 */
/* tests/auth/check_world.c - see check_world.h */
#include "tests/auth/check_world.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "auth/auth_text.h"

static const struct strv names[] = { STRV("example.com"), STRV("home.example") };
const struct auth_domains domains = { names, 2 };
static const unsigned char secret[AUTH_SECRET_BYTES] = "a secret of the tests";

/* ---- the users ---- */

static const struct {
	const char *identity, *second, *password;
	unsigned roles;
	int disabled;
} people[PEOPLE] = {
	{ "sip:alice@example.com", "tel:+4930123", "Circle of Life", AUTH_ROLE_USER, 0 },
	{ "sip:bob@example.com", NULL, "bob has another", AUTH_ROLE_USER, 0 },
	{ "sip:op@home.example", NULL, "operators know", AUTH_ROLES, 0 },
	{ "sip:gone@example.com", NULL, "gone and forgotten", AUTH_ROLE_USER, 1 },
};

static struct arena *records_arena;
struct strv records[PEOPLE];

int make_records(void **state)
{
	(void)state;
	records_arena = arena_new(0);
	for (size_t i = 0; i < PEOPLE; i++) {
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

int free_records(void **state)
{
	(void)state;
	arena_free(&records_arena);
	return 0;
}

const struct auth_user *find_user(const struct auth_need *need, struct auth_user *user)
{
	for (size_t i = 0; i < PEOPLE; i++) {
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

struct auth_policy policy;

int make_policy(void **state)
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

int free_policy(void **state)
{
	(void)state;
	auth_nonces_free(&policy.nonces);
	auth_throttle_free(&policy.throttle);
	return 0;
}

struct sockaddr_in call_address(const char *text)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	assert_int_equal(inet_pton(AF_INET, text, &in.sin_addr), 1);
	return in;
}

void call_init(struct call *call, enum auth_edge edge, const char *from)
{
	call->from = call_address(from);
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

void decide_on(const struct call *call, struct auth_check *check)
{
	struct auth_user user;

	if (!auth_check_begin(&policy, &call->req, check))
		auth_check_finish(check, find_user(&check->need, &user));
	assert_non_null(check->verdict.reason);
}

const struct auth_verdict *verdict_of(const struct call *call)
{
	static struct auth_check check;

	decide_on(call, &check);
	return &check.verdict;
}

/* ---- the client ---- */

void take_nonce(const struct call *call, char nonce[AUTH_NONCE_TEXT])
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

void authorize(struct call *call, const struct client *client, const char *nonce, const char *uri)
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

void log_in(struct call *call, const struct client *client)
{
	char nonce[AUTH_NONCE_TEXT];

	take_nonce(call, nonce);
	authorize(call, client, nonce, call->req.edge == AUTH_HTTP ? "/doc" : "sip:example.com");
}

const struct client alice = { "alice", "example.com", "Circle of Life", AUTH_SHA256, 1, 0 };
