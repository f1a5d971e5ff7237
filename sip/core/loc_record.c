/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/loc_record.c - the bindings of one user as they are stored
 *
 * One octet says the form; numbers are big-endian; a text is its length in two octets and its
 * octets. What is read back is checked as if a stranger had written it.
 */
#include "sip/core/loc_priv.h"

enum { FORM = 1, BINDING_FIXED = 8 * 5 + 4 * 2 + 2 + 4 + 18 };

struct out {
	unsigned char *at;
};

static void put_n(struct out *out, uint64_t n, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		*out->at++ = (unsigned char)(n >> (8 * (bytes - 1 - i)));
}

static void put_text(struct out *out, struct strv text)
{
	put_n(out, text.n, 2);
	if (text.n)
		memcpy(out->at, text.p, text.n);
	out->at += text.n;
}

struct in {
	const unsigned char *at;
	size_t left;
	int bad;
};

static uint64_t get_n(struct in *in, unsigned bytes)
{
	uint64_t n = 0;

	if (in->left < bytes) {
		in->bad = 1;
		return 0;
	}
	for (unsigned i = 0; i < bytes; i++)
		n = n << 8 | in->at[i];
	in->at += bytes;
	in->left -= bytes;
	return n;
}

static struct strv get_text(struct in *in)
{
	size_t n = (size_t)get_n(in, 2);
	struct strv text = { (const char *)in->at, n };

	if (in->bad || in->left < n || n > LOC_TEXT_MAX) {
		in->bad = 1;
		return (struct strv){ NULL, 0 };
	}
	in->at += n;
	in->left -= n;
	return text;
}

/* ---- write ---- */

/* 0 none, 4 or 6, then 16 octets, then the port. */
static void put_addr(struct out *out, const struct sip_addr *addr)
{
	unsigned char host[16] = { 0 };
	unsigned family = 0;

	if (addr->any.sa_family == AF_INET) {
		family = 4;
		memcpy(host, &addr->v4.sin_addr, 4);
	} else if (addr->any.sa_family == AF_INET6) {
		family = 6;
		memcpy(host, &addr->v6.sin6_addr, 16);
	}
	put_n(out, family, 1);
	memcpy(out->at, host, sizeof(host));
	out->at += sizeof(host);
	put_n(out,
	      family == 4   ? ntohs(addr->v4.sin_port)
	      : family == 6 ? ntohs(addr->v6.sin6_port)
			    : 0,
	      2);
}

static void put_binding(struct out *out, const struct loc_binding *b, int64_t shift_us)
{
	put_n(out, (uint64_t)(b->expires_us + shift_us), 8);
	put_n(out, (uint64_t)(b->since_us + shift_us), 8);
	put_n(out, (uint64_t)(b->refreshed_us + shift_us), 8);
	put_n(out, b->temp_first, 8);
	put_n(out, b->temp_next, 8);
	put_n(out, b->cseq, 4);
	put_n(out, b->reg_id, 4);
	put_n(out, b->q, 2);
	put_n(out, b->proto, 1);
	put_n(out, b->nat, 1);
	put_n(out, b->flow != 0 || b->flow_lost, 1);
	put_addr(out, &b->source);
	put_text(out, b->uri);
	put_text(out, b->params);
	put_text(out, b->instance);
	put_text(out, b->call_id);
	put_text(out, b->path);
	put_text(out, b->user_agent);
	put_text(out, b->gruu);
}

static size_t bytes_of(const struct loc_user *user)
{
	size_t n = 1 + 8 + 1 + 1;

	for (unsigned i = 0; i < user->n_identities; i++)
		n += 2 + user->identities[i].n;
	for (unsigned i = 0; i < user->n_bindings; i++) {
		const struct loc_binding *b = &user->bindings[i];

		n += BINDING_FIXED + 2 * 7 + b->uri.n + b->params.n + b->instance.n + b->call_id.n +
		     b->path.n + b->user_agent.n + b->gruu.n;
	}
	return n;
}

struct strv loc_record_encode(const struct loc_user *user, int64_t now_us, int64_t shift_us,
			      struct arena *arena)
{
	unsigned char *start = arena_alloc(arena, bytes_of(user));
	struct out out = { start };
	unsigned n = 0;

	if (!start)
		return (struct strv){ NULL, 0 };
	for (unsigned i = 0; i < user->n_bindings; i++)
		n += (unsigned)loc_binding_lives(&user->bindings[i], now_us);
	put_n(&out, FORM, 1);
	put_n(&out, user->version, 8);
	put_n(&out, user->n_identities, 1);
	for (unsigned i = 0; i < user->n_identities; i++)
		put_text(&out, user->identities[i]);
	put_n(&out, n, 1);
	for (unsigned i = 0; i < user->n_bindings; i++)
		if (loc_binding_lives(&user->bindings[i], now_us))
			put_binding(&out, &user->bindings[i], shift_us);
	return strv_mem(start, (size_t)(out.at - start));
}

/* ---- read ---- */

static void get_addr(struct in *in, struct sip_addr *addr)
{
	unsigned family = (unsigned)get_n(in, 1);
	const unsigned char *host = in->at;
	in_port_t port;

	memset(addr, 0, sizeof(*addr));
	addr->any.sa_family = AF_UNSPEC;
	if (in->left < 16 || (family != 0 && family != 4 && family != 6)) {
		in->bad = 1;
		return;
	}
	in->at += 16;
	in->left -= 16;
	port = htons((uint16_t)get_n(in, 2));
	if (family == 4) {
		addr->v4.sin_family = AF_INET;
		addr->v4.sin_port = port;
		memcpy(&addr->v4.sin_addr, host, 4);
	} else if (family == 6) {
		addr->v6.sin6_family = AF_INET6;
		addr->v6.sin6_port = port;
		memcpy(&addr->v6.sin6_addr, host, 16);
	}
}

static int64_t get_time(struct in *in)
{
	int64_t us = (int64_t)get_n(in, 8);

	if (us < 0)
		in->bad = 1;
	return us;
}

static void get_binding(struct in *in, int64_t now_us, int64_t max_us, struct loc_binding *b)
{
	memset(b, 0, sizeof(*b));
	b->expires_us = get_time(in);
	b->since_us = get_time(in);
	b->refreshed_us = get_time(in);
	b->temp_first = get_n(in, 8);
	b->temp_next = get_n(in, 8);
	b->cseq = (uint32_t)get_n(in, 4);
	b->reg_id = (uint32_t)get_n(in, 4);
	b->q = (uint16_t)get_n(in, 2);
	b->proto = (uint8_t)get_n(in, 1);
	b->nat = (uint8_t)get_n(in, 1);
	/* Connections do not outlive the process. */
	b->flow_lost = (uint8_t)get_n(in, 1);
	get_addr(in, &b->source);
	b->uri = get_text(in);
	b->params = get_text(in);
	b->instance = get_text(in);
	b->call_id = get_text(in);
	b->path = get_text(in);
	b->user_agent = get_text(in);
	b->gruu = get_text(in);
	if (b->expires_us > now_us && b->expires_us - now_us > max_us)
		b->expires_us = now_us + max_us;
	if (b->q > 1000 || b->proto >= SIP_PROTOS || b->nat > 1 || b->flow_lost > 1 || !b->uri.n)
		in->bad = 1;
}

int loc_record_decode(struct strv bytes, struct strv aor, int64_t now_us, int64_t max_us,
		      const struct loc_user **user_out, struct err *err)
{
	struct loc_binding bindings[LOC_BINDINGS_MAX];
	struct strv identities[LOC_IDENTITIES_MAX];
	struct loc_user draft = { .aor = aor, .identities = identities, .bindings = bindings };
	struct in in = { (const unsigned char *)bytes.p, bytes.n, 0 };
	unsigned n;

	*user_out = NULL;
	if (get_n(&in, 1) != FORM)
		return err_set(err, ERR_CORRUPT, "a stored location of an unknown form");
	draft.version = get_n(&in, 8);
	draft.n_identities = (unsigned)get_n(&in, 1);
	if (draft.n_identities > LOC_IDENTITIES_MAX)
		in.bad = 1;
	for (unsigned i = 0; !in.bad && i < draft.n_identities; i++)
		identities[i] = get_text(&in);
	n = (unsigned)get_n(&in, 1);
	for (unsigned i = 0; !in.bad && i < n && n <= LOC_BINDINGS_MAX; i++) {
		get_binding(&in, now_us, max_us, &bindings[draft.n_bindings]);
		draft.n_bindings +=
			(unsigned)loc_binding_lives(&bindings[draft.n_bindings], now_us);
	}
	if (in.bad || in.left || n > LOC_BINDINGS_MAX)
		return err_set(err, ERR_CORRUPT, "a stored location is damaged");
	if (!draft.n_bindings)
		return 0;
	*user_out = loc_user_new(&draft);
	return *user_out ? 0 : err_set(err, ERR_NOMEM, "no memory for a stored location");
}
