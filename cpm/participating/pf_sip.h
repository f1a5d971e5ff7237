/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/participating/pf_sip.h - the participating function's adapter to SIP
 *
 * What the core has authenticated is taken over (pf_sip_deliver); devices and other domains are
 * reached by the core's means (pf_sip_net).
 */
#ifndef CPM_PARTICIPATING_PF_SIP_H
#define CPM_PARTICIPATING_PF_SIP_H

#include "cpm/participating/pf.h"

struct core;
struct core_req;
struct core_users;
struct sip;
struct pf_sip;

struct pf_sip_options {
	struct core *core; /* all borrowed */
	struct sip *sip;
	const struct core_users *users;
	struct auth_domains domains;
};

/* 0 or -1. */
int pf_sip_new(const struct pf_sip_options *options, struct pf_sip **sip_out, struct err *err);
void pf_sip_free(struct pf_sip **sip); /* when no worker runs; accepts NULL */

/* For pf_options. Valid as long as SIP. */
const struct pf_net *pf_sip_net(struct pf_sip *sip);
/* PF, made with that, gets the messages: before the workers run. */
void pf_sip_set(struct pf_sip *sip, struct pf *pf);

/* For core_set_deliver, ARG being SIP: takes MESSAGE, leaves all else. */
int pf_sip_deliver(void *arg, const struct core_req *req);

#endif
