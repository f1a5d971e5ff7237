/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_tally.h - how many of something each user has, over all workers
 *
 * Only who has any is in the table. Any thread.
 */
#ifndef SIP_SIP_TALLY_H
#define SIP_SIP_TALLY_H

#include "base/strv.h"

struct sip_tally;

struct sip_tally *sip_tally_new(void);	       /* NULL: no memory */
void sip_tally_free(struct sip_tally **tally); /* takes the address, accepts NULL */

/* One more for USER: 1; 0: there are MOST already; -1: no memory. TALLY NULL: nobody counts, 1. */
int sip_tally_take(struct sip_tally *tally, struct strv user, unsigned most);
/* One less, of those that were taken. */
void sip_tally_give(struct sip_tally *tally, struct strv user);

#endif
