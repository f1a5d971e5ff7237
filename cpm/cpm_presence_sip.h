/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/cpm_presence_sip.h - who may see whose presence: pres-rules asked for each subscription
 *
 * Sub-handling of RFC 5025 s3.2.1 by the rules in force (cpm_rules.h): block, confirm,
 * polite-block, allow; without a rule block. A change of the rules is asked about at once for all
 * subscriptions that there are.
 */
#ifndef CPM_CPM_PRESENCE_SIP_H
#define CPM_CPM_PRESENCE_SIP_H

#include "auth/auth_identity.h"
#include "cpm/cpm_rules.h"

struct core_users;
struct cpm_presence;
struct sip_events;
struct sip_sub_rights;

struct cpm_presence_options {
	const struct auth_domains *domains; /* of ours; borrowed */
	const struct core_users *users;	    /* copied */
};

/* 0 or -1. */
int cpm_presence_new(const struct cpm_presence_options *options, struct cpm_presence **presence_out,
		     struct err *err);
/* When the workers have ended. Takes the address, accepts NULL. */
void cpm_presence_free(struct cpm_presence **presence);

/* SOURCE, whose changes are heard here too, behind whoever watches the one in SOURCE_OUT: what the
 * rules are made from. SOURCE is copied. */
void cpm_presence_source(struct cpm_presence *presence, const struct cpm_source *source,
			 struct cpm_source *source_out);
/* The rules made from it, borrowed. Before the workers run. */
void cpm_presence_set_rules(struct cpm_presence *presence, struct cpm_rules *rules);

/* For sip_events_options. Valid as long as PRESENCE. */
void cpm_presence_rights(struct cpm_presence *presence, struct sip_sub_rights *rights_out);
/* EVENTS, borrowed, has subscriptions from before the start: they are asked about. Before the
 * workers run. */
void cpm_presence_start(struct cpm_presence *presence, struct sip_events *events);

#endif
