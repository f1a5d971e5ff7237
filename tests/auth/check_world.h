/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/auth/check_world.h - a few users, a server's policy and a client, for the tests of
 * auth_check
 */
#ifndef TESTS_AUTH_CHECK_WORLD_H
#define TESTS_AUTH_CHECK_WORLD_H

#include <netinet/in.h>

#include "auth/auth_check.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { T0 = 1000000, LIFETIME = 300000, PEOPLE = 4 };

/* "example.com" and "home.example". */
extern const struct auth_domains domains;

/* alice (also tel:+4930123), bob, op (at home.example, an operator) and gone (disabled): made by
 * the group's set-up. */
extern struct strv records[PEOPLE];
int make_records(void **state);
int free_records(void **state);

/* What a store does: by identity, or by the hash of a name. NULL: none. */
const struct auth_user *find_user(const struct auth_need *need, struct auth_user *user);

/* SHA-256 and MD5, nothing else; with its own nonces and throttle. Each test's set-up. */
extern struct auth_policy policy;
int make_policy(void **state);
int free_policy(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_policy, free_policy)

/* A request with one Authorization, or none. */
struct call {
	struct auth_request req;
	struct sockaddr_in from;
	struct strv credentials;
	char text[4096];
};

/* GET /doc, or REGISTER of example.com over UDP, without credentials. */
void call_init(struct call *call, enum auth_edge edge, const char *from);
struct sockaddr_in call_address(const char *text);

void decide_on(const struct call *call, struct auth_check *check);
/* Valid until the next one; not for threads. */
const struct auth_verdict *verdict_of(const struct call *call);

#define assert_verdict(v, expected_status, expected_reason)                                       \
	do {                                                                                      \
		const struct auth_verdict *verdict_ = (v);                                        \
		if (verdict_->status != (expected_status) ||                                      \
		    strcmp(verdict_->reason, (expected_reason)) != 0)                             \
			fail_msg("line %d: %u %s", __LINE__, verdict_->status, verdict_->reason); \
	} while (0)

struct client {
	const char *username, *realm, *password;
	enum auth_algorithm algorithm;
	unsigned nc; /* 0: no qop */
	int userhash;
};

/* The right one. */
extern const struct client alice;

/* The nonce of a challenge that the server makes for CALL. */
void take_nonce(const struct call *call, char nonce[AUTH_NONCE_TEXT]);
/* Answer with NONCE, for URI. */
void authorize(struct call *call, const struct client *client, const char *nonce, const char *uri);
/* Both, for the target of call_init. */
void log_in(struct call *call, const struct client *client);

#endif
