/* SPDX-License-Identifier: Apache-2.0 */
/* sip/core/core_priv.h - the embedded core, for its own files */
#ifndef SIP_CORE_CORE_PRIV_H
#define SIP_CORE_CORE_PRIV_H

#include <stdatomic.h>

#include "base/metrics.h"
#include "sip/core/core.h"
#include "sip/core/gruu.h"
#include "sip/core/peers.h"
#include "sip/sip_edit.h"
#include "sip/sip_event.h"
#include "sip/sip_publish.h"
#include "sip/sip_slots.h"

enum { CORE_LOOP_HEX = 16, CORE_WORKERS_MAX = 64 };

/* What one worker has sent of its own and not been answered, in a cache line of its own. */
struct core_sents {
	struct sip_slots slots;
	char apart[64 - sizeof(struct sip_slots)];
};

struct core {
	struct core_options options;
	struct auth_policy policy;
	struct strv *domains;
	char *service_route;
	unsigned char loop_key[AUTH_SECRET_BYTES]; /* RFC 5393 s4.2.1: of branches' loop parts */
	struct gruu_key gruu_key;
	struct sip_events *events; /* NULL: none */
	struct sip_pubs *pubs;
	_Atomic int reg_subs; /* subscriptions to "reg" */
	struct metric *registered, *refused_identity, *loops, *relayed;
	struct core_sents sents[CORE_WORKERS_MAX];
	struct core_watches *watches[CORE_WORKERS_MAX]; /* each its worker's; NULL: none yet */
};

/* pref: what RFC 3840 registers and RFC 3841 asks for is heeded in core_prefs.c */
#define CORE_SUPPORTED "path, gruu, outbound, pref"

/* ---- core_registrar.c ---- */

void core_register(struct core *core, struct sip_worker *w, struct sip_stx *stx,
		   struct sip_msg *msg);

/* The same from an IMS core about a user of its own (third-party REGISTER). */
void core_register_third(struct core *core, struct sip_worker *w, struct sip_stx *stx,
			 struct sip_msg *msg);

/* ---- core_isc.c ---- */

/* What a third-party REGISTER says of the user and nobody else. */
struct core_isc {
	struct strv aor;    /* To's identity */
	uint32_t granted_s; /* 0: no longer registered */
	unsigned n_told;    /* contacts of the device's own REGISTER, within */
};
/* A third-party REGISTER as the decision wants it; aor, identities, now_us and random are the
 * caller's. 0; else the status to refuse with. */
unsigned core_isc_read(const struct core *core, struct sip_msg *msg, struct reg_req *req,
		       struct core_isc *isc_out, const char **why_out);
/* REQ once it is known what its user (req->aor) had (NULL: nothing): when devices are known, told
 * now or before, the user's own address stands for nobody; else it is the one contact. */
void core_isc_settle(const struct core_isc *isc, const struct loc_user *old, struct reg_req *req);

/* ---- core_watch.c ---- */

/* An IMS core told that AOR, the user of the third-party REGISTER MSG, is registered for GRANTED_S,
 * and not by which devices: it is asked, by PATH ("<URI;lr>"). Any worker. */
void core_watch_begin(struct core *core, struct sip_worker *w, struct sip_msg *msg, struct strv aor,
		      struct strv path, uint32_t granted_s);
/* No longer: it has told, or AOR is gone. */
void core_watch_end(struct core *core, struct sip_worker *w, struct sip_msg *msg, struct strv aor);
/* 1: a NOTIFY of ours, answered. */
int core_watch_request(struct core *core, struct sip_worker *w, struct sip_stx *stx,
		       struct sip_msg *msg);

/* ---- core_message.c ---- */

/* What is still on its way is forgotten: no worker runs. */
void core_message_fini(struct core *core);

/* ---- core_event.c ---- */

/* 1: a SUBSCRIBE to a package about whoever asks, sent to anybody of ours or to the server itself,
 * which is dealt with; 0: it is not. */
int core_event_own(struct core *core, struct sip_worker *w, struct sip_stx *stx,
		   struct sip_msg *msg);
/* 1: a SUBSCRIBE or PUBLISH about a user of ours, which is dealt with; 0: it is not. */
int core_event_request(struct core *core, struct sip_worker *w, struct sip_stx *stx,
		       struct sip_msg *msg);

/* ---- core_reg_event.c ---- */

loc_changed_fn core_reg_changed;

/* ---- core_trust.c ---- */

/* May WHO, who proved to be somebody, say what MSG says of its sender (From,
 * P-Preferred-Identity)? 0 yes, WHO's self being set; else the status to refuse with and why. */
unsigned core_trust_check(const struct core *core, struct sip_msg *msg, struct core_who *who,
			  const char **why_out);

enum core_next {
	CORE_TO_CLIENT,	 /* a user's device: outside the trust domain */
	CORE_TO_FOREIGN, /* another domain, outside */
	CORE_TO_TRUSTED, /* a peer within */
};
/* RFC 3323 s5: 0, or the status to refuse with when MSG asks for privacy that nobody here gives. */
unsigned core_trust_privacy(struct sip_msg *msg, const char **why_out);
/* Edit a request that goes on to NEXT: identities asserted and taken out, services, vectors. LINES
 * are of ARENA. */
void core_trust_edit(struct core *core, struct sip_msg *msg, const struct core_who *who,
		     enum core_next next, const struct peer *peer, struct sip_edit *edit);
/* The same for a response that goes back to where a request came from. */
void core_trust_edit_response(struct sip_msg *msg, int from_trusted, int to_trusted,
			      struct sip_edit *edit);

#endif
