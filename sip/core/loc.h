/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/loc.h - who is registered where: the location service (RFC 3261 s10)
 *
 * One table for the process, read by every worker. A user's bindings are one immutable value behind
 * a counted reference; a change publishes another. They are written behind into the store in
 * batches, one record a user, and are there again after a restart: until a record has been read, a
 * find reads it. A binding ends by its own time of day, which a restart does not move.
 */
#ifndef SIP_CORE_LOC_H
#define SIP_CORE_LOC_H

#include <stdint.h>

#include "base/err.h"
#include "base/jobs.h"
#include "base/strv.h"
#include "kv/kv.h"
#include "sip/sip_addr.h"

struct loc;

/* One contact of one device (RFC 3261 s10.3, RFC 5626 s4.2). Views into the value. */
struct loc_binding {
	struct strv uri;    /* Contact URI as registered */
	struct strv params; /* its header parameters: q, feature tags, +sip.instance, reg-id, ... */
	struct strv instance; /* URN of +sip.instance without <>; empty: none */
	unsigned reg_id;      /* 0: none */
	unsigned q;	      /* thousandths; 1000 when there is none */
	struct strv call_id;
	uint32_t cseq;
	struct strv path;   /* Path values joined by ", "; empty: none */
	int64_t expires_us; /* Unix time */
	int64_t since_us;   /* registered first */
	struct strv user_agent;
	struct sip_dest dest; /* where the REGISTER came from: flow tokens, NAT */
	struct strv gruu;     /* the value of gr= of its public GRUU; empty: none */
	uint64_t temp_gruu;   /* counter that its temporary GRUUs are made of */
};

/* Everything about one address of record. Immutable. */
struct loc_user {
	struct strv aor; /* canonical identity */
	uint64_t version;
	const struct strv *identities; /* the implicit registration set; aor first */
	unsigned n_identities;
	const struct loc_binding *bindings;
	unsigned n_bindings;
};

#endif
