/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth/auth_domain.h - every spelling of a domain, reduced to one
 *
 * Rules name domains as people write them; identities have them in ASCII. Both compare label by
 * label after percent-encoding is undone and ToASCII applied (RFC 4745 s7.1.3, RFC 3490 s4.1, here
 * by its successor's tables, RFC 5890).
 */
#ifndef AUTH_AUTH_DOMAIN_H
#define AUTH_AUTH_DOMAIN_H

#include "base/strv.h"

enum { AUTH_DOMAIN_BYTES = 256 };

/* TEXT in lower-case ASCII, without a trailing dot, into BUF of SIZE octets. Returns 0, N_OUT set;
 * -1 when it is no domain name or address, or cannot be converted. */
int auth_domain_ascii(struct strv text, char *buf, size_t size, size_t *n_out);

#endif
