/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth/auth_identity.h - every spelling of a user's identity, reduced to one
 *
 * sip: and sips: URIs, tel: URIs and bare names (XUIs of RFC 4825 s6.2, digest user names) become
 * one canonical text, the only form that keys, comparisons and logs use:
 *
 *	sip:user@host[:port]			RFC 3261 s10.3 step 5: no parameters
 *	tel:+4930123[;ext=5]			RFC 3966 s4: no separators
 *	tel:7042;phone-context=example.com
 *
 * - Scheme and host are lower-case; sips: is sip: (RFC 5630 s3.1: one user); the default ports, a
 *   trailing dot and every URI parameter go; IPv6 is written as inet_ntop(3) does.
 * - The user part keeps its case. Escapes are undone where RFC 3261 lets the octet stand raw and
 *   written as upper-case %HH where not, so that "%61" is "a" and an "@" stays "%40". Unicode is
 *   compared octet by octet: there is no folding, and what a reader cannot see is refused.
 * - A telephone number at one of our domains (sip:+49-30-123@home;user=phone) is tel:+4930123. At
 *   a foreign domain it stays a SIP identity: that domain does not speak for the number.
 * - A bare name is at the default domain; "+" and digits alone are a telephone number.
 *
 * The caller undoes the encoding of what carried the identity, once (the percent-encoding of a path
 * segment, the quotes and brackets of a header field); the escapes of the SIP or tel URI itself are
 * undone here, and nowhere else.
 */
#ifndef AUTH_AUTH_IDENTITY_H
#define AUTH_AUTH_IDENTITY_H

#include <stdint.h>

#include "base/err.h"
#include "base/strv.h"

enum {
	AUTH_IDENTITY_BYTES = 256, /* of the canonical text with its terminator */
	AUTH_IDENTITY_TEXT = 1024, /* longest spelling that is looked at */
};

/* The domains that we serve, in lower case; the first is that of bare names. */
struct auth_domains {
	const struct strv *name;
	unsigned n;
};

struct auth_identity {
	char text[AUTH_IDENTITY_BYTES]; /* canonical, terminated */
	uint16_t n;			/* its octets */
	uint16_t user, user_n;		/* the user part or the number with "+", within text */
	uint16_t host, host_n;		/* the host without port; host_n is 0 for tel: */
};

/* Reduce TEXT. Returns 0; -1 with ERR_SYNTAX or ERR_RANGE when it is no identity: empty, not UTF-8,
 * control octets or invisible characters, another scheme, no user, a password, header fields, "."
 * or ".." between slashes, too long. DOMAINS may be NULL: no domain is ours, bare names are
 * refused. A canonical text is reduced to itself whatever the domains are. */
int auth_identity_parse(struct strv text, const struct auth_domains *domains,
			struct auth_identity *identity_out, struct err *err);

/* Views into IDENTITY. */
static inline struct strv auth_identity_text(const struct auth_identity *identity)
{
	return (struct strv){ identity->text, identity->n };
}

static inline struct strv auth_identity_user(const struct auth_identity *identity)
{
	return (struct strv){ identity->text + identity->user, identity->user_n };
}

static inline struct strv auth_identity_host(const struct auth_identity *identity)
{
	return (struct strv){ identity->text + identity->host, identity->host_n };
}

static inline int auth_identity_is_tel(const struct auth_identity *identity)
{
	return identity->host_n == 0;
}

/* 1 when NAME, of any case, is one of DOMAINS (which may be NULL), else 0. */
int auth_domain_is_ours(const struct auth_domains *domains, struct strv name);

#endif
