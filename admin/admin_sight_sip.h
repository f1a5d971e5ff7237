/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/admin_sight_sip.h - what the SIP side holds, as JSON for operators
 *
 * Times are Unix time in milliseconds, or seconds that are left. All functions may wait for a lock
 * for a moment: on the job pool, not on a worker. JSON is NULL with ERR filled when it fails.
 */
#ifndef ADMIN_ADMIN_SIGHT_SIP_H
#define ADMIN_ADMIN_SIGHT_SIP_H

#include "base/err.h"
#include "base/json.h"
#include "base/strv.h"

struct loc;
struct peers;
struct sip_tp;

/* {"loaded", "users": [as below], "next"?}: users with a binding that lives, at most MAX, in an
 * order of no meaning that is the same as long as the process runs. "next" is what to hand in as
 * AFTER for the rest, percent-encoded; who registers or leaves between two pages may or may not be
 * seen, everybody else is once. "loaded" false: not all have been read back after a restart. */
enum { ADMIN_SIP_AFTER_MAX = 260 }; /* octets of AFTER */
json_t *admin_sip_registrations(struct loc *loc, struct sip_tp *tp, struct strv after, unsigned max,
				struct err *err);

/* {"user", "identities", "version", "contacts"} of AOR, canonical; TP knows which connections live.
 * ERR_ABSENT: not registered;
 * ERR_BUSY: not known until the table has been read back. */
json_t *admin_sip_registration(struct loc *loc, struct sip_tp *tp, struct strv aor,
			       struct err *err);

/* Remove all bindings of AOR; watchers of its registration are told. The same JSON, as it was. */
json_t *admin_sip_drop(struct loc *loc, struct sip_tp *tp, struct strv aor, struct err *err);

/* {"peers": [...]} in the order configured. */
json_t *admin_sip_peers(const struct peers *peers, struct err *err);

/* {"workers": [{"worker", "server", "client", "finished", "subscriptions", "retransmitted",
 * "timed_out"}]}: what each of N workers holds now, and counts since the start. */
json_t *admin_sip_transactions(unsigned n_workers, struct err *err);

/* {"users": [...]} whose messages are traced. */
json_t *admin_sip_traced(struct err *err);
/* Trace USER (a scheme before it is left out), or end it. 0; -1 with ERR_CONFLICT: there are
 * enough; ERR_ABSENT: was not traced; ERR_RANGE: no name. */
int admin_sip_trace(struct strv user, int on, struct err *err);

#endif
