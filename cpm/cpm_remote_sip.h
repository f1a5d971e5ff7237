/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/cpm_remote_sip.h - documents of another XDM server: CPM-3 and CPM-4 on the wire
 * (cpm_source.h)
 *
 * Of each owner that somebody asks about, one subscription to changes (RFC 5875) is kept; documents
 * are read over XCAP once it stands. A change is told before its NOTIFY is answered, and everything
 * of an owner when a subscription begins anew: so that whoever asks after that hears of it. While
 * the other server cannot be reached, answers are CPM_GOT_BUSY.
 *
 * Groups are found by the documents of this process only: there is no look-up of a group's URI over
 * XCAP. From here none is.
 */
#ifndef CPM_CPM_REMOTE_SIP_H
#define CPM_CPM_REMOTE_SIP_H

#include "auth/auth_identity.h"
#include "base/err.h"
#include "base/worker.h"
#include "cpm/cpm_source.h"

struct cpm_fetch;
struct cpm_remote;
struct sip;
struct sip_events;
struct sip_service;

struct cpm_remote_options {
	struct workers *workers;     /* borrowed */
	struct cpm_fetch *fetch;     /* borrowed */
	const char *uri;      /* of the other server, for SUBSCRIBE; copied, as what follows */
	const char *identity; /* as whom; asserted, for the other server trusts us */
	const char *contact;  /* how it reaches us: "192.0.2.1:5060;transport=tcp" */
	unsigned expires_s;   /* of subscriptions */
	unsigned patience_ms; /* that somebody waits for one to stand */
	unsigned idle_ms;     /* that one is kept of whom nobody asks */
	unsigned max_owners;  /* of a worker; more: CPM_GOT_BUSY */
};

/* 0 or -1. */
int cpm_remote_new(const struct cpm_remote_options *options, struct cpm_remote **remote_out,
		   struct err *err);
/* SIP and EVENTS are borrowed. Before the workers run. */
int cpm_remote_start(struct cpm_remote *remote, struct sip *sip, struct sip_events *events,
		     struct err *err);
/* Subscribes no more. When the workers have ended, before sip_events_free. Accepts NULL. */
void cpm_remote_stop(struct cpm_remote *remote);
/* After workers_free. Takes the address, accepts NULL. */
void cpm_remote_free(struct cpm_remote **remote);

/* For cpm_rules_new; valid as long as REMOTE. One watcher. */
void cpm_remote_fill(struct cpm_remote *remote, struct cpm_source *source_out);
/* The row that takes NOTIFYs: for the edge's table of services, before any that passes them on. */
void cpm_remote_service(struct cpm_remote *remote, struct sip_service *service_out);

#endif
