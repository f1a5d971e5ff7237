/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth/auth_response.c - what is computed and written of digest authentication, see auth_digest.h
 *
 * Each hash is taken of one text that is put together on the stack: the lengths of all its parts
 * are bounded by the parser, so there is nothing to allocate.
 */
#include "auth/auth_digest.h"

#include <stdio.h>

#include "auth/auth_text.h"

/* A text of bounded size that grows at its end. */
struct builder {
	char *p;
	size_t n, max;
	int overflow;
};

static void add(struct builder *b, struct strv s)
{
	if (s.n > b->max - b->n) {
		b->overflow = 1;
		return;
	}
	if (s.n)
		memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
}

static void add_colon(struct builder *b, struct strv s)
{
	add(b, STRV(":"));
	add(b, s);
}

static int hash_built(enum auth_algorithm algorithm, const struct builder *b, unsigned char *out)
{
	if (b->overflow)
		return -1;
	return auth_hash(algorithm, (struct strv){ b->p, b->n }, out);
}

/* H(A2), RFC 7616 s3.4.3. */
static int hash_a2(const struct auth_digest *digest, struct strv method, unsigned char *out)
{
	char text[AUTH_METHOD_MAX + 1 + AUTH_URI_MAX];
	struct builder b = { text, 0, sizeof(text), 0 };

	if (method.n > AUTH_METHOD_MAX)
		return -1;
	add(&b, method);
	add_colon(&b, digest->uri);
	return hash_built(digest->algorithm, &b, out);
}

int auth_digest_response(const struct auth_digest *digest, struct strv method,
			 const unsigned char *ha1, unsigned char response_out[AUTH_HASH_BYTES])
{
	char text[2 * AUTH_HASH_HEX + AUTH_NONCE_MAX + AUTH_CNONCE_MAX + 32];
	char hex[AUTH_HASH_HEX];
	unsigned char a2[AUTH_HASH_BYTES];
	struct builder b = { text, 0, sizeof(text), 0 };
	size_t n = auth_hash_bytes(digest->algorithm);
	int ret;

	if (hash_a2(digest, method, a2) < 0)
		return -1;
	auth_hex_print(ha1, n, hex);
	add(&b, (struct strv){ hex, 2 * n });
	add_colon(&b, digest->nonce);
	if (digest->qop.n) {
		add_colon(&b, digest->nc_text);
		add_colon(&b, digest->cnonce);
		add_colon(&b, digest->qop);
	}
	auth_hex_print(a2, n, hex);
	add_colon(&b, (struct strv){ hex, 2 * n });
	ret = hash_built(digest->algorithm, &b, response_out);
	/* HA1 is as good as the password. */
	auth_wipe(text, sizeof(text));
	return ret;
}

int auth_userhash(enum auth_algorithm algorithm, struct strv username, struct strv realm,
		  unsigned char hash_out[AUTH_HASH_BYTES])
{
	char text[AUTH_USERNAME_MAX + 1 + AUTH_REALM_MAX];
	struct builder b = { text, 0, sizeof(text), 0 };

	if (username.n > AUTH_USERNAME_MAX || realm.n > AUTH_REALM_MAX)
		return -1;
	add(&b, username);
	add_colon(&b, realm);
	return hash_built(algorithm, &b, hash_out);
}

int auth_ha1(enum auth_algorithm algorithm, struct strv username, struct strv realm,
	     struct strv password, unsigned char ha1_out[AUTH_HASH_BYTES])
{
	char text[AUTH_USERNAME_MAX + 1 + AUTH_REALM_MAX + 1 + AUTH_PASSWORD_MAX];
	struct builder b = { text, 0, sizeof(text), 0 };
	int ret;

	if (username.n > AUTH_USERNAME_MAX || realm.n > AUTH_REALM_MAX ||
	    password.n > AUTH_PASSWORD_MAX)
		return -1;
	add(&b, username);
	add_colon(&b, realm);
	add_colon(&b, password);
	ret = hash_built(algorithm, &b, ha1_out);
	auth_wipe(text, sizeof(text));
	return ret;
}

/* ---- challenges ---- */

/* RFC 7616 s3.3: realm, nonce and qop in quotes, algorithm and stale without. */
size_t auth_digest_challenge(const struct auth_offer *offer, enum auth_algorithm algorithm,
			     char out[AUTH_CHALLENGE_BYTES])
{
	int n = snprintf(out, AUTH_CHALLENGE_BYTES,
			 "Digest realm=\"%.*s\", qop=\"auth\", algorithm=%s, nonce=\"%.*s\"%s%s%s",
			 STRV_ARG(offer->realm), auth_algorithm_name(algorithm),
			 STRV_ARG(offer->nonce), offer->stale ? ", stale=true" : "",
			 offer->charset ? ", charset=UTF-8" : "",
			 offer->userhash ? ", userhash=true" : "");

	return n > 0 && n < AUTH_CHALLENGE_BYTES ? (size_t)n : 0;
}

size_t auth_basic_challenge(struct strv realm, char out[AUTH_CHALLENGE_BYTES])
{
	int n = snprintf(out, AUTH_CHALLENGE_BYTES, "Basic realm=\"%.*s\", charset=\"UTF-8\"",
			 STRV_ARG(realm));

	return n > 0 && n < AUTH_CHALLENGE_BYTES ? (size_t)n : 0;
}
