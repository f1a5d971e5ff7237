/* SPDX-License-Identifier: Apache-2.0 */
/* sip/core/reginfo.h - application/reginfo+xml (RFC 3680 s5, GRUUs by RFC 5628 s5) */
#ifndef SIP_CORE_REGINFO_H
#define SIP_CORE_REGINFO_H

#include "base/arena.h"
#include "sip/core/loc.h"

/* The whole state of AOR as document VERSION, in ARENA: each identity of USER with every contact
 * that lives at NOW_US. USER NULL: AOR alone, not registered. Empty: no memory. */
struct strv reginfo_print(const struct loc_user *user, struct strv aor, uint32_t version,
			  int64_t now_us, struct arena *arena);

#endif
