/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/deferred/deferred_sip.h - deferred messaging and SIP: who registers, who is told what waits
 *
 * Registrations are signs of life (cpm.md 2.8.3). What waits is told by message-summary (RFC 3842)
 * to who subscribes to it, and by a system message with the same body to the devices of users whose
 * messages are not pushed. Messages themselves leave by the participating function (pf_defer.c).
 */
#ifndef CPM_DEFERRED_DEFERRED_SIP_H
#define CPM_DEFERRED_DEFERRED_SIP_H

#include "cpm/deferred/deferred.h"

struct deferred_sip;
struct loc;
struct sip_events;
struct sip_mwi;

/* FROM: the URI that system messages come from. NULL: no memory. */
struct deferred_sip *deferred_sip_new(struct strv from);
void deferred_sip_free(struct deferred_sip **sip); /* when no worker runs; accepts NULL */

/* What the function tells by it: notice, changed, told_arg. Before deferred_new. */
void deferred_sip_ops(struct deferred_sip *sip, struct deferred_options *options);
/* What message-summary asks: for house_sip_set_waiting. */
void deferred_sip_mwi(struct deferred_sip *sip, struct sip_mwi *mwi_out);
/* All borrowed: before the workers run and before loc_start. EVENTS NULL: nobody subscribes. */
void deferred_sip_set(struct deferred_sip *sip, struct deferred *deferred, struct workers *workers,
		      struct loc *loc);
void deferred_sip_set_events(struct deferred_sip *sip, struct sip_events *events);

#endif
