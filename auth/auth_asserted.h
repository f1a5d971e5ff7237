/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth/auth_asserted.h - identities that a proxy of ours vouches for
 *
 * Reads the values of X-3GPP-Asserted-Identity and X-XCAP-Asserted-Identity (quoted identities),
 * X-3GPP-Intended-Identity (one of them) and P-Asserted-Identity (RFC 3325 s9.1: name-addr or
 * addr-spec). Whether the sender is to be believed is not asked here.
 */
#ifndef AUTH_AUTH_ASSERTED_H
#define AUTH_AUTH_ASSERTED_H

#include "auth/auth_identity.h"

enum { AUTH_ASSERTED_MAX = 4 };

/* Read a comma-separated list into ID_OUT, canonical. An element is "identity" in quotes, an
 * identity in angle brackets with or without a display name, or an identity alone. Returns 0 and
 * how many, at least one; -1 with ERR_SYNTAX or ERR_RANGE. */
int auth_asserted_parse(struct strv value, const struct auth_domains *domains,
			struct auth_identity id_out[AUTH_ASSERTED_MAX], unsigned *n_out,
			struct err *err);

#endif
