/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth/auth_check.h - who sent this request? The whole decision, for HTTP and SIP alike
 *
 * Two steps, so that nobody waits for a user record on a worker:
 *
 *	auth_check_begin	reads the header fields. Either decides at once (no credentials, a
 *				stale nonce, malformed), or names the one user record it needs.
 *	auth_check_finish	is given that record, or that there is none, and decides.
 *
 *	auth_check_give_up	instead, when the record could not be read.
 *
 * No I/O, no clock, nothing kept but the nonces and failures that the policy points to; each may be
 * called from any thread.
 *
 * A user that does not exist takes the same steps as a wrong password, and gets the same answer of
 * the same length. Only who has proved to know the password hears that the user is disabled.
 */
#ifndef AUTH_AUTH_CHECK_H
#define AUTH_AUTH_CHECK_H

#include <stdint.h>
#include <sys/socket.h>

#include "auth/auth_asserted.h"
#include "auth/auth_digest.h"
#include "auth/auth_identity.h"
#include "auth/auth_nonce.h"
#include "auth/auth_throttle.h"
#include "auth/auth_users.h"

/* What is configured; filled by the caller, shared by all workers, not changed while in use (a
 * reload makes another one with the same nonces and throttle). */
struct auth_policy {
	struct auth_domains domains; /* at least one; the realms, too */
	int md5;		     /* offer and accept MD5 besides SHA-256 */
	int no_sha256;		     /* MD5 alone, whatever md5 says */
	int basic;		     /* offer and accept Basic for HTTP over TLS */
	int userhash;		     /* user records are found by hashed names, too */
	int foreign_users;	     /* accept asserted identities that have no record here */
	struct auth_nonces *nonces;
	struct auth_throttle *throttle;
	/* Random. Makes the credentials that stand in for those of unknown users. */
	unsigned char secret[AUTH_SECRET_BYTES];
	/* A record that is read when there is none, so that both take the same time: of
	 * auth_stand_in_make, or empty. */
	struct strv stand_in;
};

enum auth_edge { AUTH_HTTP, AUTH_SIP };

/* What the edge knows of a request. Everything is borrowed until the check is finished. Values of
 * header fields are unfolded. */
struct auth_request {
	enum auth_edge edge;
	int as_proxy;	    /* challenge by 407 and Proxy-Authenticate (a SIP proxy) */
	struct strv method; /* as in the request line */
	struct strv target; /* request target or Request-URI, as in the request line */
	struct strv domain; /* that the request is about, if known: challenged for its realm when it
			     * is ours, else for the first domain's */
	const struct strv *credentials; /* Authorization, or Proxy-Authorization: one value each */
	unsigned n_credentials;
	const struct sockaddr *source;
	int is_tls;
	int is_datagram; /* the source's address may be forged */
	int is_trusted;	 /* the source is a configured proxy: asserted identities are believed. From
			  * anybody else they are as if not there. */
	const struct strv *asserted; /* values of the asserted identity fields, of either name */
	unsigned n_asserted;
	struct strv intended; /* X-3GPP-Intended-Identity; p NULL: none */
	uint64_t now_ms;      /* monotonic */
};

enum auth_means { AUTH_BY_NOTHING, AUTH_BY_DIGEST, AUTH_BY_BASIC, AUTH_BY_ASSERTION };

enum { AUTH_CHALLENGES_MAX = AUTH_ALGORITHMS + 1 };

struct auth_verdict {
	unsigned status;    /* 0: accepted; else to be answered: 400, 401, 403, 407, 429 (SIP: 503),
			       500, 503 */
	const char *reason; /* one word for the log, never for the peer; never NULL */

	/* Accepted. */
	enum auth_means means;
	struct auth_identity home;   /* the record's first identity: whose documents are "own" */
	struct auth_identity acting; /* as whom the client acts: one of the record's, or asserted */
	unsigned roles;		     /* of enum auth_role */
	int known; /* there is a record; otherwise home is the asserted identity */

	/* 401 and 407: one header field each, in this order (RFC 8760 s2.3). */
	const char *challenge_field; /* "WWW-Authenticate", "Proxy-Authenticate" */
	unsigned n_challenges;
	char challenge[AUTH_CHALLENGES_MAX][AUTH_CHALLENGE_BYTES];
	int stale;

	unsigned retry_after_s; /* 429 and 503 */
};

/* The record that is needed: by identity, or by a hashed name (policy.userhash) within a realm. */
struct auth_need {
	struct strv identity; /* canonical; empty: by hash */
	enum auth_algorithm algorithm;
	unsigned char userhash[AUTH_HASH_BYTES];
	struct strv realm;
};

/* One check in progress. Not copied, not moved. Only need and verdict are the caller's to read. */
struct auth_check {
	struct auth_need need;
	struct auth_verdict verdict;

	const struct auth_policy *policy;
	const struct auth_request *request;
	enum auth_means means;
	struct strv realm; /* one of the policy's domains */
	struct auth_digest digest;
	struct auth_basic basic;
	struct auth_nonce nonce;
	struct auth_attempt attempt;
	struct auth_identity named[AUTH_ASSERTED_MAX]; /* as asserted, or by the user's name */
	unsigned n_named;
	struct auth_identity intended; /* n 0: none */
};

/* Returns 1 when the verdict is there, 0 when auth_check_finish is to be called with the record of
 * check->need. POLICY and REQUEST stay where they are until then. */
int auth_check_begin(const struct auth_policy *policy, const struct auth_request *request,
		     struct auth_check *check);

/* Decide. USER is the record that was needed, NULL when there is none. */
void auth_check_finish(struct auth_check *check, const struct auth_user *user);

/* The same from the record as it is stored; p NULL: there is none. A record that cannot be read
 * gives up. */
void auth_check_finish_record(struct auth_check *check, struct strv record);

/* Make policy.stand_in, in ARENA. Returns 0, or -1. */
int auth_stand_in_make(const struct auth_domains *domains, struct arena *arena,
		       struct strv *record_out, struct err *err);

/* Nobody can tell: 503, and nothing is counted. */
void auth_check_give_up(struct auth_check *check);

#endif
