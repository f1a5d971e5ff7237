/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth/auth_nonce.h - nonces that cost nothing until they have been used well
 *
 * A nonce is a text that we recognise: the time and a serial number under a keyed MAC that covers
 * the realm too (RFC 7616 s3.3). Nothing is stored for one that is handed out, nor for one that is
 * forged or foreign. Only after a right response is the nonce remembered, with a sliding window
 * over its counts: requests that overtook each other on several connections pass, each count
 * passes once, over all workers.
 *
 * What was accepted once is never accepted twice, whatever happens to the memory: when the table is
 * full the nonce issued longest ago is forgotten, and with it every nonce issued before it that
 * would have had the same place is retired. Their clients hear stale=true and come back with a new
 * one. The same holds for all nonces of before a restart.
 *
 * Times are milliseconds of one monotonic clock. All functions may be called from any thread.
 */
#ifndef AUTH_AUTH_NONCE_H
#define AUTH_AUTH_NONCE_H

#include <stdint.h>
#include <sys/socket.h>

#include "auth/auth_hash.h"
#include "base/err.h"
#include "base/strv.h"

enum {
	AUTH_NONCE_TEXT = 41,	/* a nonce of ours, 40 octets of base64url, and the terminator */
	AUTH_NONCE_WINDOW = 64, /* counts behind the highest one that may still come */
	AUTH_NONCE_GAP = 64,	/* a count further ahead of the highest one retires the nonce */
};

struct auth_nonces;

struct auth_nonce_options {
	unsigned max_nonces;  /* used ones remembered at a time, at 33 octets each; at least 8 */
	uint64_t lifetime_ms; /* from being handed out */
};

/* SECRET is random. When it is kept over a restart, nonces of before it are answered with
 * stale=true; otherwise they are foreign, and clients ask for the password again. Returns 0, or -1
 * when memory or randomness is short. */
int auth_nonces_new(const struct auth_nonce_options *options,
		    const unsigned char secret[AUTH_SECRET_BYTES], struct auth_nonces **nonces_out,
		    struct err *err);
/* Takes the address, accepts NULL. Nobody uses them any more. */
void auth_nonces_free(struct auth_nonces **nonces);

/* Sign new nonces with SECRET; those of the secret before stay good, older ones become foreign. */
void auth_nonces_rotate(struct auth_nonces *nonces, const unsigned char secret[AUTH_SECRET_BYTES]);

/* A new lifetime from now on. */
void auth_nonces_set_lifetime(struct auth_nonces *nonces, uint64_t lifetime_ms);

/* A new nonce for REALM, handed out to SOURCE (may be NULL). Returns 0; -1 when the library refuses
 * to sign. */
int auth_nonce_issue(struct auth_nonces *nonces, struct strv realm, const struct sockaddr *source,
		     uint64_t now_ms, char text_out[AUTH_NONCE_TEXT]);

enum auth_nonce_state {
	AUTH_NONCE_GOOD,
	AUTH_NONCE_STALE,   /* ours, but too old, of before a restart, or given to another source */
	AUTH_NONCE_FOREIGN, /* not ours, or for another realm */
};

/* What is known of a good nonce, for auth_nonce_use. */
struct auth_nonce {
	uint64_t serial, issued_ms;
};

/* Look at the nonce of a request, before anything is looked up for it. SOURCE is given where
 * addresses can be forged (UDP): the nonce must have been handed out to it, so that its owner has
 * proved to receive there. NULL elsewhere: clients change address. NONCE_OUT is filled in when
 * GOOD. */
enum auth_nonce_state auth_nonce_check(struct auth_nonces *nonces, struct strv text,
				       struct strv realm, const struct sockaddr *source,
				       uint64_t now_ms, struct auth_nonce *nonce_out);

enum auth_nonce_use {
	AUTH_NONCE_FRESH,    /* the count is taken: accept, this once */
	AUTH_NONCE_REPLAYED, /* the count was taken before, or is too far behind */
	AUTH_NONCE_RETIRED,  /* the nonce no longer serves: stale=true */
};

/* Take count NC of NONCE, after the response was found right. NC is 0 for a response without qop:
 * the nonce then serves once. */
enum auth_nonce_use auth_nonce_use(struct auth_nonces *nonces, const struct auth_nonce *nonce,
				   uint32_t nc, uint64_t now_ms);

/* Nonces remembered now, and octets that all of this takes (both for metrics). */
unsigned auth_nonces_remembered(struct auth_nonces *nonces);
size_t auth_nonces_bytes(const struct auth_nonces *nonces);

#endif
