/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_prefs.h - what a caller wants of the contact that a request goes to (RFC 3841)
 *
 * Accept-Contact, Reject-Contact and Request-Disposition are read once; the contacts are then
 * sifted and put in the order in which they are tried. Pure: no clock, no state.
 */
#ifndef SIP_SIP_PREFS_H
#define SIP_SIP_PREFS_H

#include "sip/sip_feature.h"
#include "sip/sip_msg.h"

struct sip_prefs; /* in the message's arena */

/* What MSG asks for; without Accept-Contact and Reject-Contact what its method and its Event imply
 * (s7.2.2). 0; -1 with ERR_SYNTAX (400), ERR_LIMIT or ERR_NOMEM. */
int sip_prefs_parse(struct sip_msg *msg, struct sip_prefs **prefs_out, struct err *err);

struct sip_candidate {
	const struct sip_features *features; /* NULL or empty: immune */
	unsigned q;  /* thousandths, what the callee said; 1000 when nothing */
	unsigned qa; /* set: millionths, the caller's preference (s7.2.4) */
	void *arg;   /* the caller's */
};

/* Drop what is not wanted, sort the rest by q, then qa, best first, in the order given otherwise.
 * Returns how many remain, in the front of CANDIDATES; 0: 480, when the preferences were explicit
 * (implied ones never drop all). */
unsigned sip_prefs_apply(const struct sip_prefs *prefs, struct sip_candidate *candidates,
			 unsigned n);

/* Request-Disposition (s9.1): what was asked otherwise than by default. */
struct sip_disposition {
	unsigned redirect : 1, no_cancel : 1, no_fork : 1, no_recurse : 1, sequential : 1;
	unsigned parallel : 1, queue : 1, no_queue : 1;
};
/* 0, all zero without the field, unknown directives are left out; -1: two of one type (400). */
int sip_disposition_parse(struct sip_msg *msg, struct sip_disposition *disposition_out);

#endif
