/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/gruu.h - URIs that lead to one device of a user (RFC 5627)
 *
 * The public one is the address of record with the instance in its "gr" parameter.
 */
#ifndef SIP_CORE_GRUU_H
#define SIP_CORE_GRUU_H

#include "base/arena.h"
#include "sip/core/loc.h"
#include "sip/sip_uri.h"

/* The public one of BINDING at AOR; "" when it has none; NULL: no memory. */
const char *gruu_public_print(struct arena *arena, struct strv aor,
			      const struct loc_binding *binding);
/* ";pub-gruu=..." for the Contact of BINDING in the answer to a REGISTER of AOR; "" when it has
 * none; NULL: no memory. */
const char *gruu_params_print(struct arena *arena, struct strv aor,
			      const struct loc_binding *binding);

struct gruu {
	int is_gruu;	/* the URI has "gr" */
	struct strv gr; /* its value, escaped; empty: none */
};
void gruu_read(const struct sip_uri *uri, struct gruu *gruu_out);
/* 1 when BINDING is of the device that GRUU names. */
int gruu_fits(const struct gruu *gruu, const struct loc_binding *binding);

#endif
