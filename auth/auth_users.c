/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth/auth_users.c - the user record as bytes, see auth_users.h
 *
 *	version 1	1
 *	flags 1		bit 0: disabled
 *	roles 1
 *	created 8, changed 8
 *	identities 1	that many times: length 1, text
 *	credentials 1	that many times: algorithm 1, name (length 1, text), realm (the same), HA1
 *
 * Numbers are big-endian. The decoder accepts one form only, so that decoding and encoding again
 * gives the same bytes.
 */
#include "auth/auth_users.h"

#include "auth/auth_digest.h"
#include "auth/auth_text.h"

enum { VERSION = 1, FLAG_DISABLED = 1, TEXT_MAX = 255 };

/* ---- reading ---- */

static int corrupt(struct err *err, const char *what)
{
	return err_set(err, ERR_CORRUPT, "user record %s", what);
}

static int take(struct strv *in, size_t n, struct strv *out)
{
	if (in->n < n)
		return -1;
	*out = (struct strv){ in->p, n };
	in->p += n;
	in->n -= n;
	return 0;
}

static int take_u8(struct strv *in, unsigned *out)
{
	struct strv octet;

	if (take(in, 1, &octet) < 0)
		return -1;
	*out = (unsigned char)octet.p[0];
	return 0;
}

static int take_time(struct strv *in, int64_t *out)
{
	struct strv octets;
	uint64_t v = 0;

	if (take(in, 8, &octets) < 0)
		return -1;
	for (int i = 0; i < 8; i++)
		v = v << 8 | (unsigned char)octets.p[i];
	*out = (int64_t)v;
	return 0;
}

static int take_text(struct strv *in, struct strv *out)
{
	unsigned n;

	return take_u8(in, &n) < 0 ? -1 : take(in, n, out);
}

static int is_canonical(struct strv text)
{
	struct auth_identity id;

	return auth_identity_parse(text, NULL, &id, NULL) == 0 &&
	       strv_eq(auth_identity_text(&id), text);
}

static int decode_identities(struct strv *in, struct auth_user *user, struct err *err)
{
	unsigned n;

	if (take_u8(in, &n) < 0 || !n || n > AUTH_IDENTITIES_MAX)
		return corrupt(err, "has no identity, or too many");
	for (unsigned i = 0; i < n; i++) {
		struct strv text;

		if (take_text(in, &text) < 0)
			return corrupt(err, "is cut off");
		if (!is_canonical(text))
			return corrupt(err, "has an identity that is not canonical");
		if (auth_user_has_identity(user, text))
			return corrupt(err, "has an identity twice");
		user->identity[user->n_identities++] = text;
	}
	return 0;
}

static int decode_cred(struct strv *in, struct auth_user *user, struct err *err)
{
	struct auth_cred *cred = &user->cred[user->n_creds];
	unsigned algorithm;

	if (take_u8(in, &algorithm) < 0)
		return corrupt(err, "is cut off");
	if (algorithm >= AUTH_ALGORITHMS)
		return corrupt(err, "has a credential of an unknown algorithm");
	cred->algorithm = (enum auth_algorithm)algorithm;
	if (take_text(in, &cred->username) < 0 || take_text(in, &cred->realm) < 0 ||
	    take(in, auth_hash_bytes(cred->algorithm), &cred->ha1) < 0)
		return corrupt(err, "is cut off");
	if (!cred->username.n || !cred->realm.n || !auth_text_is_plain(cred->username) ||
	    !auth_text_is_plain(cred->realm))
		return corrupt(err, "has a credential without name or realm");
	if (auth_user_cred_find(user, cred->algorithm, cred->username, cred->realm))
		return corrupt(err, "has a credential twice");
	user->n_creds++;
	return 0;
}

int auth_user_decode(struct strv in, struct auth_user *user, struct err *err)
{
	unsigned version, flags, n;

	user->n_identities = user->n_creds = 0;
	if (take_u8(&in, &version) < 0 || version != VERSION)
		return corrupt(err, "is of another version");
	if (take_u8(&in, &flags) < 0 || take_u8(&in, &user->roles) < 0 ||
	    take_time(&in, &user->created_s) < 0 || take_time(&in, &user->changed_s) < 0)
		return corrupt(err, "is cut off");
	if ((flags & ~(unsigned)FLAG_DISABLED) || (user->roles & ~(unsigned)AUTH_ROLES))
		return corrupt(err, "has unknown flags or roles");
	user->disabled = (flags & FLAG_DISABLED) != 0;
	if (decode_identities(&in, user, err) < 0)
		return -1;
	if (take_u8(&in, &n) < 0 || n > AUTH_CREDS_MAX)
		return corrupt(err, "has too many credentials");
	while (n--)
		if (decode_cred(&in, user, err) < 0)
			return -1;
	return in.n ? corrupt(err, "has octets left over") : 0;
}

/* ---- writing ---- */

static char *put_text(char *to, struct strv text)
{
	*to++ = (char)(unsigned char)text.n;
	if (text.n)
		memcpy(to, text.p, text.n);
	return to + text.n;
}

static char *put_time(char *to, int64_t value)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		*to++ = (char)(unsigned char)((uint64_t)value >> shift);
	return to;
}

/* Octets that USER takes; 0 when something does not fit its field. */
static size_t encoded_bytes(const struct auth_user *user)
{
	size_t n = 3 + 2 * 8 + 2;

	if (user->n_identities > AUTH_IDENTITIES_MAX || user->n_creds > AUTH_CREDS_MAX ||
	    (user->roles & ~(unsigned)AUTH_ROLES))
		return 0;
	for (unsigned i = 0; i < user->n_identities; i++) {
		if (user->identity[i].n > TEXT_MAX)
			return 0;
		n += 1 + user->identity[i].n;
	}
	for (unsigned i = 0; i < user->n_creds; i++) {
		const struct auth_cred *cred = &user->cred[i];

		if (cred->username.n > TEXT_MAX || cred->realm.n > TEXT_MAX ||
		    cred->algorithm >= AUTH_ALGORITHMS ||
		    cred->ha1.n != auth_hash_bytes(cred->algorithm))
			return 0;
		n += 3 + cred->username.n + cred->realm.n + cred->ha1.n;
	}
	return n;
}

static void encode(const struct auth_user *user, char *to)
{
	*to++ = VERSION;
	*to++ = (char)(user->disabled ? FLAG_DISABLED : 0);
	*to++ = (char)user->roles;
	to = put_time(to, user->created_s);
	to = put_time(to, user->changed_s);
	*to++ = (char)user->n_identities;
	for (unsigned i = 0; i < user->n_identities; i++)
		to = put_text(to, user->identity[i]);
	*to++ = (char)user->n_creds;
	for (unsigned i = 0; i < user->n_creds; i++) {
		const struct auth_cred *cred = &user->cred[i];

		*to++ = (char)cred->algorithm;
		to = put_text(to, cred->username);
		to = put_text(to, cred->realm);
		memcpy(to, cred->ha1.p, cred->ha1.n);
		to += cred->ha1.n;
	}
}

int auth_user_encode(const struct auth_user *user, struct arena *arena, struct strv *bytes_out,
		     struct err *err)
{
	size_t n = encoded_bytes(user);
	struct auth_user again;
	struct err why;
	char *bytes;

	if (!n)
		return err_set(err, ERR_RANGE, "user record does not fit its limits");
	bytes = arena_alloc(arena, n);
	if (!bytes)
		return err_set(err, ERR_NOMEM, "no memory for a user record");
	encode(user, bytes);
	*bytes_out = (struct strv){ bytes, n };
	/* What could not be read back must not be stored. */
	if (auth_user_decode(*bytes_out, &again, &why) < 0)
		return err_set(err, ERR_RANGE, "%s", why.text);
	return 0;
}

/* ---- looking into a record ---- */

int auth_user_has_identity(const struct auth_user *user, struct strv identity)
{
	for (unsigned i = 0; i < user->n_identities; i++)
		if (strv_eq(user->identity[i], identity))
			return 1;
	return 0;
}

const struct auth_cred *auth_user_cred_find(const struct auth_user *user,
					    enum auth_algorithm algorithm, struct strv username,
					    struct strv realm)
{
	const struct auth_cred *found = NULL;

	/* To the end in any case: how long it takes does not tell what was found. */
	for (unsigned i = 0; i < user->n_creds; i++) {
		const struct auth_cred *cred = &user->cred[i];

		if (cred->algorithm == algorithm && strv_eq(cred->username, username) &&
		    strv_eq(cred->realm, realm))
			found = cred;
	}
	return found;
}

const struct auth_cred *auth_user_cred_find_hashed(const struct auth_user *user,
						   enum auth_algorithm algorithm,
						   const unsigned char *userhash, struct strv realm)
{
	const struct auth_cred *found = NULL;

	/* To the end, as above. */
	for (unsigned i = 0; i < user->n_creds; i++) {
		const struct auth_cred *cred = &user->cred[i];
		unsigned char hash[AUTH_HASH_BYTES];

		if (cred->algorithm == algorithm && strv_eq(cred->realm, realm) &&
		    auth_userhash(algorithm, cred->username, realm, hash) == 0 &&
		    auth_equal(hash, userhash, auth_hash_bytes(algorithm)))
			found = cred;
	}
	return found;
}

struct strv auth_user_realm(const struct auth_user *user, const struct auth_domains *domains)
{
	for (unsigned i = 0; i < user->n_identities; i++)
		for (unsigned d = 0; d < domains->n; d++) {
			struct auth_identity id;

			if (auth_identity_parse(user->identity[i], NULL, &id, NULL) == 0 &&
			    strv_caseeq(auth_identity_host(&id), domains->name[d]))
				return domains->name[d];
		}
	return domains->name[0];
}
