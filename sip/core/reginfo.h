/* SPDX-License-Identifier: Apache-2.0 */
/* sip/core/reginfo.h - application/reginfo+xml (RFC 3680 s5, GRUUs by RFC 5628 s5) */
#ifndef SIP_CORE_REGINFO_H
#define SIP_CORE_REGINFO_H

#include "base/arena.h"
#include "base/err.h"
#include "sip/core/loc.h"

/* The whole state of AOR as document VERSION, in ARENA: each identity of USER with every contact
 * that lives at NOW_US. USER NULL: AOR alone, not registered. Empty: no memory. */
struct strv reginfo_print(const struct loc_user *user, struct strv aor, uint32_t version,
			  int64_t now_us, struct arena *arena);

/* ---- what another registrar tells ---- */

enum { REGINFO_REGS_MAX = 32 }; /* of one document; contacts: LOC_BINDINGS_MAX of each */

/* Texts are in the arena, and of the forms that a REGISTER may have: they go into header fields. */
struct reginfo_contact {
	int is_active;
	struct strv uri;		       /* sip: or sips: */
	struct strv params, instance, call_id; /* as struct loc_binding has them */
	uint32_t reg_id, cseq;
	unsigned q;
	int has_expires;
	uint32_t expires_s, since_s; /* left; since it was registered first */
};

struct reginfo_reg {
	struct strv aor; /* as written */
	int is_active;
	struct reginfo_contact *contact;
	unsigned n_contacts;
	struct strv home; /* the caller's: under which user it is kept; empty: nobody's */
};

struct reginfo {
	uint32_t version;
	int is_full; /* else it tells of changes alone */
	struct reginfo_reg *reg;
	unsigned n_regs;
};

/* Read BYTES. Contacts that are no SIP URIs are left out, as are parameters that no header field
 * could have. 0; -1 with ERR_SYNTAX, ERR_LIMIT (more than there may be) or ERR_NOMEM. */
int reginfo_parse(struct strv bytes, struct arena *arena, struct reginfo **info_out,
		  struct err *err);

/* By which registrar, and how its users are reached. */
struct reginfo_source {
	struct strv path; /* Path of what is kept of it */
	struct sip_addr addr;
	enum sip_proto proto;
	uint32_t granted_s; /* of contacts that do not say how long they live */
	unsigned grace_s;   /* longer than they say: they may be late by a little */
	int64_t now_us;
};

/* What is now known of HOME, for loc_user_new, given OLD (NULL: nothing) and those registrations of
 * INFO whose home it is. Bindings that came by another path than SOURCE's stay; HOME's own address
 * as a contact stands for devices nobody told us of, and goes when one is known. Arrays are in
 * ARENA, n_bindings 0: nobody is registered. 1; 0: nothing has changed; -1: no memory. */
int reginfo_merge(const struct reginfo *info, const struct reginfo_source *source, struct strv home,
		  const struct loc_user *old, struct arena *arena, struct loc_user *user_out);

#endif
