/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth/auth_hash.h - the hashes of digest authentication, keyed MACs, comparison in equal time
 *
 * The door to GnuTLS. Every function works on one contiguous text and allocates nothing.
 *
 * Algorithms are those that GnuTLS has: MD5 for clients of RFC 2617 and RFC 3261, SHA-256 for those
 * of RFC 7616 and RFC 8760. SHA-512-256 is not among them (its initial values differ from SHA-512).
 */
#ifndef AUTH_AUTH_HASH_H
#define AUTH_AUTH_HASH_H

#include <stddef.h>

#include "base/strv.h"

/* In the order in which challenges offer them, best first. The values are stored in user records:
 * new ones go to the end. */
enum auth_algorithm { AUTH_SHA256, AUTH_MD5, AUTH_ALGORITHMS };

enum {
	AUTH_HASH_BYTES = 32,			 /* the longest hash */
	AUTH_HASH_HEX = 2 * AUTH_HASH_BYTES + 1, /* as digits, with the terminator */
	AUTH_MAC_BYTES = 32,
	AUTH_SECRET_BYTES = 32,
};

/* Octets of a hash: 32 or 16. */
size_t auth_hash_bytes(enum auth_algorithm algorithm);

/* The name as in "algorithm=": "SHA-256", "MD5". */
const char *auth_algorithm_name(enum auth_algorithm algorithm);

/* Hash TEXT into auth_hash_bytes() octets. Returns 0; -1, the octets cleared, when the library
 * refuses (MD5 under a FIPS policy). */
int auth_hash(enum auth_algorithm algorithm, struct strv text, unsigned char *hash_out);

/* HMAC-SHA-256 of TEXT. Returns 0, or -1 with the octets cleared. */
int auth_mac(const unsigned char secret[AUTH_SECRET_BYTES], struct strv text,
	     unsigned char mac_out[AUTH_MAC_BYTES]);

/* 1 when the N octets are equal, else 0; the time taken depends on N alone. */
int auth_equal(const void *a, const void *b, size_t n);

/* Octets that nobody can foresee. Returns 0, or -1 when the system has none. */
int auth_random(void *out, size_t n);

/* Overwrite what must not stay in memory. */
void auth_wipe(void *p, size_t n);

#endif
