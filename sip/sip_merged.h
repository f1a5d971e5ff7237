/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_merged.h - has this request come by another way already? (RFC 3261 s8.2.2.2)
 *
 * A proxy before us that forks may bring one request here twice: the same Call-ID, From tag and
 * CSeq with another branch. Each copy may reach another worker, so the memory is one for the
 * process. It is of a fixed size: under more load than it can hold, what came longest ago is
 * forgotten first. Any thread.
 */
#ifndef SIP_SIP_MERGED_H
#define SIP_SIP_MERGED_H

#include "sip/sip_msg.h"

struct sip_merged;

struct sip_merged *sip_merged_new(void);	  /* NULL: no memory */
void sip_merged_free(struct sip_merged **merged); /* takes the address, accepts NULL */

/* 1: a request like REQUEST but with another branch was noted less than KEEP_MS before NOW_MS. 0:
 * none was; REQUEST is noted, so that the next copy is told. The same request once more (same
 * branch) is no copy. Not for requests within a dialog. */
int sip_merged_note(struct sip_merged *merged, const struct sip_msg *request, uint64_t now_ms,
		    uint64_t keep_ms);

#endif
