/* SPDX-License-Identifier: Apache-2.0 */
/* cpm/participating/pf_sip_priv.h - the adapter to SIP, for its two files: in and out */
#ifndef CPM_PARTICIPATING_PF_SIP_PRIV_H
#define CPM_PARTICIPATING_PF_SIP_PRIV_H

#include "cpm/participating/pf_priv.h"

struct pf_sip;

/* The means of the core, SIP being the arg. */
void pf_net_sip(struct pf_sip *sip, struct pf_net *net_out);
struct core *pf_sip_core(const struct pf_sip *sip);
struct sip_worker *pf_sip_worker(const struct pf_sip *sip); /* that runs */
const struct core_users *pf_sip_users(const struct pf_sip *sip);

#endif
