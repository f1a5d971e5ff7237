/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_text_priv.h - classes of octets and small steps over them (RFC 3261 s25.1)
 *
 * Values that the fence has passed may be folded: CR and LF in them are always part of a fold, so
 * each reader treats them as blanks.
 */
#ifndef SIP_SIP_TEXT_PRIV_H
#define SIP_SIP_TEXT_PRIV_H

#include "base/strv.h"

enum {
	SIP_C_TOKEN = 1,   /* token */
	SIP_C_USER = 2,	   /* user and password; not "%" and ":" */
	SIP_C_PARAM = 4,   /* URI parameters, their ";" and "=" too; not "%" */
	SIP_C_HEADERS = 8, /* URI headers, their "&" and "=" too; not "%" */
	SIP_C_HOST = 16,   /* hostname, IPv4, and "_", which hosts do have */
	SIP_C_BLANK = 32,  /* SP, HTAB, and CR, LF of a fold */
	SIP_C_URI = 64,	   /* in any URI */
	SIP_C_HEX = 128,
};

extern const unsigned char sip_class[256];

static inline int sip_is(char c, unsigned class)
{
	return (sip_class[(unsigned char)c] & class) != 0;
}

/* Every octet of S is of CLASS; 1 for an empty S. */
static inline int sip_all(struct strv s, unsigned class)
{
	for (size_t i = 0; i < s.n; i++)
		if (!sip_is(s.p[i], class))
			return 0;
	return 1;
}

/* S without its first N octets. */
static inline struct strv sip_from(struct strv s, size_t n)
{
	return (struct strv){ s.p + n, s.n - n };
}

static inline struct strv sip_skip_blanks(struct strv s)
{
	while (s.n && sip_is(s.p[0], SIP_C_BLANK))
		s.p++, s.n--;
	return s;
}

static inline struct strv sip_trim(struct strv s)
{
	s = sip_skip_blanks(s);
	while (s.n && sip_is(s.p[s.n - 1], SIP_C_BLANK))
		s.n--;
	return s;
}

/* Octets of the quoted string that S begins with, both quotes included; 0: it is never closed. */
size_t sip_quoted_len(struct strv s);
/* Octets before the first of C in S outside quotes and <>; all of S when there is none. */
size_t sip_span(struct strv s, char c);
/* PARAMS (";a=b;c", or nothing) are of the form *( SEMI generic-param ): 1, else 0. */
int sip_params_ok(struct strv params);

/* Cut "host" or "host:port" from the beginning of S, with blanks around the colon when BLANKS
 * (Via). Returns the octets read, 0: no host or no port from 1 to 65535 there. PORT_OUT 0: none. */
size_t sip_hostport_cut(struct strv s, int blanks, struct strv *host_out, unsigned *port_out);

#endif
