/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/gruu.h - URIs that lead to one device of a user (RFC 5627)
 *
 * The public one is the address of record with the instance in its "gr" parameter. Temporary ones
 * (gruu_temp.c) do not tell whose they are; a new one is given with each REGISTER, and all of a
 * device live until it registers with another Call-ID or not at all.
 */
#ifndef SIP_CORE_GRUU_H
#define SIP_CORE_GRUU_H

#include "auth/auth_hash.h"
#include "auth/auth_identity.h"
#include "base/arena.h"
#include "sip/core/loc.h"
#include "sip/sip_uri.h"

/* The public one of BINDING at AOR; "" when it has none; NULL: no memory. */
const char *gruu_public_print(struct arena *arena, struct strv aor,
			      const struct loc_binding *binding);
/* What temporary ones are made and read with; of a site, for as long as they shall be valid. */
struct gruu_key {
	unsigned char secret[AUTH_SECRET_BYTES];
};
/* The latest temporary one of BINDING at AOR; "" when it has none (KEY NULL: nobody has); NULL: no
 * memory. */
const char *gruu_temp_print(struct arena *arena, const struct gruu_key *key, struct strv aor,
			    const struct loc_binding *binding);
/* ";pub-gruu=...;temp-gruu=..." for the Contact of BINDING in the answer to a REGISTER of AOR; ""
 * when it has none; NULL: no memory. */
const char *gruu_params_print(struct arena *arena, const struct gruu_key *key, struct strv aor,
			      const struct loc_binding *binding);

struct gruu {
	int is_gruu;	/* the URI has "gr" */
	struct strv gr; /* its value, escaped; empty: none */
};
void gruu_read(const struct sip_uri *uri, struct gruu *gruu_out);
/* 1 when BINDING is of the device that GRUU names. */
int gruu_fits(const struct gruu *gruu, const struct loc_binding *binding);

enum { GRUU_INSTANCE_BYTES = 8 };
/* What a temporary one says to us. */
struct gruu_temp {
	struct auth_identity aor;
	uint64_t number;
	unsigned char instance[GRUU_INSTANCE_BYTES]; /* of a hash of it */
};
int gruu_temp_is(const struct sip_uri *uri); /* 1 when URI has its form, whoever made it */
/* IDENTITY is URI's, reduced. 1: ours, made with KEY; 0: not. */
int gruu_temp_read(const struct gruu_key *key, const struct auth_identity *identity,
		   struct gruu_temp *temp_out);
/* 1 when TEMP was given to BINDING's device and has not been made void since. */
int gruu_temp_fits(const struct gruu_temp *temp, const struct loc_binding *binding);

#endif
