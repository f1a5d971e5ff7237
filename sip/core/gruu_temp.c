/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/gruu_temp.c - temporary GRUUs: user parts that say nothing to anybody but us
 *
 * RFC 5627 s5.4 and its appendix A.2. The user part is "tgruu." and base64url of a tag and of what
 * is hidden: a number (struct loc_binding counts it), a hash of the instance, the user part of the
 * address of record, filled up to whole blocks. The tag is a MAC of what is hidden and of the host,
 * and what is hidden is xored with MACs of the tag: without the key one cannot be told from random
 * octets, nor two of them be told to be of one user. Nothing is kept for one but two counters.
 */
#include <string.h>

#include "sip/core/gruu.h"

#define PREFIX "tgruu."
enum {
	PREFIX_N = sizeof(PREFIX) - 1,
	TAG_BYTES = 16,
	BLOCK_BYTES = 16,
	FIXED_BYTES = 8 + GRUU_INSTANCE_BYTES,
	HIDDEN_MAX = 144,
	ENCODED_MAX = (TAG_BYTES + HIDDEN_MAX + 2) / 3 * 4,
};

/* ---- octets as text ---- */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Returns the digits written. */
static size_t encode(const unsigned char *in, size_t n, char *out)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i += 3) {
		unsigned left = n - i < 3 ? (unsigned)(n - i) : 3;
		uint32_t v = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
			     (left > 2 ? in[i + 2] : 0);

		for (unsigned d = 0; d <= left; d++)
			out[at++] = digits[v >> (18 - 6 * d) & 63];
	}
	return at;
}

/* Returns the octets; 0 when TEXT is not of the form. One text for each value: bits that count for
 * nothing are zero. */
static size_t decode(struct strv text, unsigned char *out)
{
	uint32_t v = 0;
	unsigned bits = 0;
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		const char *digit = text.p[i] ? strchr(digits, text.p[i]) : NULL;

		if (!digit)
			return 0;
		v = v << 6 | (uint32_t)(digit - digits);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[n++] = (unsigned char)(v >> bits);
			v &= (1U << bits) - 1;
		}
	}
	return bits >= 6 || v ? 0 : n;
}

/* ---- what is hidden ---- */

static int instance_hash(struct strv instance, unsigned char out[GRUU_INSTANCE_BYTES])
{
	unsigned char hash[AUTH_HASH_BYTES];

	if (auth_hash(AUTH_SHA256, instance, hash) < 0)
		return -1;
	memcpy(out, hash, GRUU_INSTANCE_BYTES);
	return 0;
}

static int make_tag(const struct gruu_key *key, struct strv host, const unsigned char *hidden,
		    size_t n, unsigned char tag[TAG_BYTES])
{
	unsigned char text[1 + HIDDEN_MAX + AUTH_IDENTITY_BYTES], mac[AUTH_MAC_BYTES];

	text[0] = 'T';
	memcpy(text + 1, hidden, n);
	memcpy(text + 1 + n, host.p, host.n);
	if (auth_mac(key->secret, strv_mem(text, 1 + n + host.n), mac) < 0)
		return -1;
	memcpy(tag, mac, TAG_BYTES);
	return 0;
}

/* Hides and shows. */
static int mask(const struct gruu_key *key, const unsigned char tag[TAG_BYTES],
		unsigned char *hidden, size_t n)
{
	unsigned char text[1 + TAG_BYTES + 1] = { 'H' }, mac[AUTH_MAC_BYTES];

	memcpy(text + 1, tag, TAG_BYTES);
	for (size_t i = 0; i < n; i++) {
		if (i % sizeof(mac) == 0) {
			text[1 + TAG_BYTES] = (unsigned char)(i / sizeof(mac));
			if (auth_mac(key->secret, strv_mem(text, sizeof(text)), mac) < 0)
				return -1;
		}
		hidden[i] ^= mac[i % sizeof(mac)];
	}
	return 0;
}

/* ---- print ---- */

const char *gruu_temp_print(struct arena *arena, const struct gruu_key *key, struct strv aor,
			    const struct loc_binding *binding)
{
	unsigned char out[TAG_BYTES + HIDDEN_MAX] = { 0 }, *hidden = out + TAG_BYTES;
	uint64_t number = binding->temp_next - 1;
	struct auth_identity identity;
	char text[ENCODED_MAX];
	struct strv user, host;
	size_t n;

	if (!key || !binding->gruu.n || binding->temp_next == binding->temp_first ||
	    auth_identity_parse(aor, NULL, &identity, NULL) < 0 || auth_identity_is_tel(&identity))
		return "";
	user = auth_identity_user(&identity);
	host = auth_identity_host(&identity);
	n = (FIXED_BYTES + user.n + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
	/* Whoever has so long a name, or a domain with a port, does without. */
	if (n > HIDDEN_MAX || (size_t)identity.host + host.n != identity.n ||
	    PREFIX_N + (TAG_BYTES + n + 2) / 3 * 4 + host.n + 8 > AUTH_IDENTITY_BYTES)
		return "";
	for (unsigned i = 0; i < 8; i++)
		hidden[i] = (unsigned char)(number >> (56 - 8 * i));
	if (instance_hash(binding->gruu, hidden + 8) < 0)
		return NULL;
	memcpy(hidden + FIXED_BYTES, user.p, user.n);
	if (make_tag(key, host, hidden, n, out) < 0 || mask(key, out, hidden, n) < 0)
		return NULL;
	return arena_printf(arena, "sip:" PREFIX "%.*s@%.*s;gr",
			    (int)encode(out, TAG_BYTES + n, text), text, STRV_ARG(host));
}

/* ---- read ---- */

int gruu_temp_is(const struct sip_uri *uri)
{
	struct strv gr;

	return strv_starts(uri->user, STRV(PREFIX)) && sip_param(uri->params, "gr", &gr) == 1 &&
	       !gr.n;
}

int gruu_temp_read(const struct gruu_key *key, const struct auth_identity *identity,
		   struct gruu_temp *temp_out)
{
	struct strv user = auth_identity_user(identity), host = auth_identity_host(identity);
	unsigned char in[ENCODED_MAX], tag[TAG_BYTES], *hidden = in + TAG_BYTES;
	char aor[AUTH_IDENTITY_BYTES];
	size_t n, user_n;

	if (!strv_starts(user, STRV(PREFIX)) || user.n - PREFIX_N > ENCODED_MAX)
		return 0;
	n = decode(strv_mem(user.p + PREFIX_N, user.n - PREFIX_N), in);
	if (n < TAG_BYTES + FIXED_BYTES || (n - TAG_BYTES) % BLOCK_BYTES)
		return 0;
	n -= TAG_BYTES;
	if (n > HIDDEN_MAX || mask(key, in, hidden, n) < 0 ||
	    make_tag(key, host, hidden, n, tag) < 0 || !auth_equal(in, tag, TAG_BYTES))
		return 0;
	temp_out->number = 0;
	for (unsigned i = 0; i < 8; i++)
		temp_out->number = temp_out->number << 8 | hidden[i];
	memcpy(temp_out->instance, hidden + 8, GRUU_INSTANCE_BYTES);
	user_n = strnlen((char *)hidden + FIXED_BYTES, n - FIXED_BYTES);
	if (4 + user_n + 1 + host.n >= sizeof(aor))
		return 0;
	memcpy(aor, "sip:", 4);
	memcpy(aor + 4, hidden + FIXED_BYTES, user_n);
	aor[4 + user_n] = '@';
	memcpy(aor + 5 + user_n, host.p, host.n);
	return auth_identity_parse(strv_mem(aor, 5 + user_n + host.n), NULL, &temp_out->aor,
				   NULL) == 0;
}

int gruu_temp_fits(const struct gruu_temp *temp, const struct loc_binding *binding)
{
	unsigned char instance[GRUU_INSTANCE_BYTES];

	return binding->gruu.n && temp->number >= binding->temp_first &&
	       temp->number < binding->temp_next && instance_hash(binding->gruu, instance) == 0 &&
	       memcmp(instance, temp->instance, GRUU_INSTANCE_BYTES) == 0;
}
