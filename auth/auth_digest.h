/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth/auth_digest.h - credentials and challenges of HTTP and SIP: Digest and Basic
 *
 * Reads the values of Authorization and Proxy-Authorization, computes responses, writes the values
 * of WWW-Authenticate and Proxy-Authenticate (RFC 7616, RFC 8760, RFC 2617 for older clients, RFC
 * 7617). Nothing here knows a user, a secret or a clock.
 *
 * What is offered and what is not:
 * - qop=auth. A response without qop (RFC 2069) is read; the caller lets a nonce serve once then.
 * - auth-int is not offered: the body would have to be held before the request is known to be
 *   anybody's, and TLS already protects it. A client that uses it all the same is malformed.
 * - The -sess algorithms are not offered: their one purpose, a password server that hands session
 *   keys to others, does not exist here. Like every algorithm that is not offered they are read as
 *   AUTH_ALGORITHMS and lead to a new challenge.
 */
#ifndef AUTH_AUTH_DIGEST_H
#define AUTH_AUTH_DIGEST_H

#include <stdint.h>

#include "auth/auth_hash.h"
#include "base/err.h"
#include "base/strv.h"

/* Longest values that are looked at, in octets. */
enum {
	AUTH_METHOD_MAX = 64,
	AUTH_USERNAME_MAX = 255,
	AUTH_REALM_MAX = 255,
	AUTH_NONCE_MAX = 128,
	AUTH_CNONCE_MAX = 256,
	AUTH_URI_MAX = 8192,
	AUTH_PASSWORD_MAX = 255,
	AUTH_PARAMS_MAX = 32, /* parameters, known and unknown */
};

enum auth_scheme { AUTH_SCHEME_NONE, AUTH_SCHEME_DIGEST, AUTH_SCHEME_BASIC, AUTH_SCHEME_OTHER };

/* The scheme of a header field's value, case-insensitive; REST_OUT is what stands behind it. NONE
 * when VALUE is empty or begins with no token. */
enum auth_scheme auth_scheme_parse(struct strv value, struct strv *rest_out);

/* Views into the parsed value, or into TEXT where quoting had to be undone: the struct is not
 * copied, and lives as long as the value. */
struct auth_digest {
	struct strv username; /* unq(); the hash in hexadecimal when USERHASH */
	struct strv realm;    /* unq() */
	struct strv nonce;    /* empty with an empty response: no challenge seen yet (IMS) */
	struct strv uri;      /* as sent */
	struct strv response; /* 32 or 64 hexadecimal digits, or empty */
	struct strv cnonce;   /* unq() */
	struct strv nc_text;  /* as sent: 1 to 8 hexadecimal digits */
	uint32_t nc;
	enum auth_algorithm algorithm; /* AUTH_ALGORITHMS: one that is not offered */
	struct strv qop;	       /* "auth" as sent; empty: cnonce and nc do not count */
	int userhash;
	char text[AUTH_USERNAME_MAX + AUTH_REALM_MAX + AUTH_CNONCE_MAX];
	uint16_t text_n;
};

/* Read the parameters behind "Digest". Strict but for what real clients do: qop, nc and algorithm
 * come quoted or not; nc with less than eight digits; parameters end with an extra comma; the value
 * of "uri" holds raw quotes (node selectors), so that it ends at the quote that a comma or the end
 * follows. Refused: a parameter twice, also username with username*, a needed one missing, control
 * octets, values beyond the limits, qop other than auth. Returns 0; -1 with ERR_SYNTAX or
 * ERR_RANGE. */
int auth_digest_parse(struct strv params, struct auth_digest *digest_out, struct err *err);

/* The response that the holder of HA1 gives for METHOD and DIGEST (its uri, nonce, cnonce, nc,
 * qop), as auth_hash_bytes() octets. RFC 7616 s3.4.1, without qop RFC 2617 s3.2.2.1. Returns 0; -1
 * when METHOD is longer than AUTH_METHOD_MAX or the hash is refused. DIGEST's algorithm is one of
 * ours. */
int auth_digest_response(const struct auth_digest *digest, struct strv method,
			 const unsigned char *ha1, unsigned char response_out[AUTH_HASH_BYTES]);

/* HA1 = H(username ":" realm ":" password), the user's hash H(username ":" realm) (RFC 7616
 * s3.4.4). Return 0; -1 when a part is beyond its limit or the hash is refused. */
int auth_ha1(enum auth_algorithm algorithm, struct strv username, struct strv realm,
	     struct strv password, unsigned char ha1_out[AUTH_HASH_BYTES]);
int auth_userhash(enum auth_algorithm algorithm, struct strv username, struct strv realm,
		  unsigned char hash_out[AUTH_HASH_BYTES]);

enum { AUTH_BASIC_BYTES = AUTH_USERNAME_MAX + 1 + AUTH_PASSWORD_MAX };

struct auth_basic {
	struct strv username, password; /* views into text */
	unsigned char text[AUTH_BASIC_BYTES];
};

/* Read what stands behind "Basic" (RFC 7617 s2): base64 with or without padding, UTF-8, no control
 * octets. Returns 0, or -1. The caller wipes BASIC_OUT in both cases. */
int auth_basic_parse(struct strv token, struct auth_basic *basic_out, struct err *err);

enum { AUTH_CHALLENGE_BYTES = 512 };

struct auth_offer {
	struct strv realm; /* without quotes, backslashes and control octets */
	struct strv nonce;
	int stale;
	int userhash; /* say that hashed user names are understood */
	int charset;  /* say that names and passwords are UTF-8 (HTTP) */
};

/* One challenge's value, terminated; its length, or 0 when it does not fit. */
size_t auth_digest_challenge(const struct auth_offer *offer, enum auth_algorithm algorithm,
			     char out[AUTH_CHALLENGE_BYTES]);
size_t auth_basic_challenge(struct strv realm, char out[AUTH_CHALLENGE_BYTES]);

#endif
