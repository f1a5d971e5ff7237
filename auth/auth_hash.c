/* SPDX-License-Identifier: Apache-2.0 */
/* auth/auth_hash.c - see auth_hash.h */
#include "auth/auth_hash.h"

#include <string.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

static const struct {
	const char *name;
	gnutls_digest_algorithm_t id;
	size_t bytes;
} algorithms[AUTH_ALGORITHMS] = {
	[AUTH_SHA256] = { "SHA-256", GNUTLS_DIG_SHA256, 32 },
	[AUTH_MD5] = { "MD5", GNUTLS_DIG_MD5, 16 },
};

size_t auth_hash_bytes(enum auth_algorithm algorithm)
{
	return algorithms[algorithm].bytes;
}

const char *auth_algorithm_name(enum auth_algorithm algorithm)
{
	return algorithms[algorithm].name;
}

int auth_hash(enum auth_algorithm algorithm, struct strv text, unsigned char *hash_out)
{
	if (gnutls_hash_fast(algorithms[algorithm].id, text.p, text.n, hash_out) == 0)
		return 0;
	memset(hash_out, 0, algorithms[algorithm].bytes);
	return -1;
}

int auth_mac(const unsigned char secret[AUTH_SECRET_BYTES], struct strv text,
	     unsigned char mac_out[AUTH_MAC_BYTES])
{
	if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, secret, AUTH_SECRET_BYTES, text.p, text.n,
			     mac_out) == 0)
		return 0;
	memset(mac_out, 0, AUTH_MAC_BYTES);
	return -1;
}

int auth_equal(const void *a, const void *b, size_t n)
{
	return gnutls_memcmp(a, b, n) == 0;
}

int auth_random(void *out, size_t n)
{
	return gnutls_rnd(GNUTLS_RND_KEY, out, n) == 0 ? 0 : -1;
}

void auth_wipe(void *p, size_t n)
{
	gnutls_memset(p, 0, n);
}
