/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/wire_sip.h - the SIP side of the house: edge, embedded core, location, resolution
 *
 * wire.c calls these in the order of the house's life; all accept a house without SIP listeners.
 */
#ifndef DAEMON_WIRE_SIP_H
#define DAEMON_WIRE_SIP_H

#include "base/err.h"
#include "base/jobs.h"
#include "base/limit.h"
#include "base/worker.h"
#include "daemon/settings.h"
#include "kv/kv.h"
#include "sip/core/core.h"

struct admin;
struct house_sip;
struct sip_events;
struct sip_mwi;
struct sip_sub_rights;
struct xdms;

/* What the SIP side needs of the rest. */
struct house_sip_needs {
	struct workers *workers;
	struct limits *limits;
	const struct auth_domains *domains;
	struct core_users users;
};

/* Sockets and keys, as root. */
int house_sip_open(const struct settings *settings, const struct house_sip_needs *needs,
		   struct house_sip **sip_out, struct err *err);
/* What operators see of it. Before workers_start. */
void house_sip_show(struct house_sip *sip, struct admin *admin);
/* Who knows what messages wait for a user (copied). Before house_sip_start; without it none do.
 * Whoever knows says sip_mwi_changed when it has changed. */
void house_sip_set_waiting(struct house_sip *sip, const struct sip_mwi *mwi);
/* Who knows what watchers may hear of users (copied). Before house_sip_start; without it nothing.
 */
void house_sip_set_rights(struct house_sip *sip, const struct sip_sub_rights *rights);
/* Who takes NOTIFYs of another XDM server (copied). Before house_sip_start. */
void house_sip_set_xdm(struct house_sip *sip, const struct sip_service *service);
/* Before workers_start. */
int house_sip_start(struct house_sip *sip, const struct settings *settings, struct kv *kv,
		    struct jobs *jobs, struct xdms *xdms, struct err *err);
/* For whoever tells of changes, after house_sip_start; NULL: there is no SIP. */
struct sip_events *house_sip_events(struct house_sip *sip);
int house_sip_reload_tls(struct house_sip *sip, struct err *err);
/* For functions behind the core. */
struct core *house_sip_core(struct house_sip *sip);
struct sip *house_sip_edge(struct house_sip *sip);
/* DRAINED is called once, from a worker. */
void house_sip_drain(struct house_sip *sip, unsigned timeout_ms, void (*drained)(void *arg),
		     void *arg);
/* While workers run and the store is open: what is to be kept is written. */
void house_sip_flush(struct house_sip *sip);
/* After the workers have stopped. Takes the address, accepts NULL. */
void house_sip_free(struct house_sip **sip);

#endif
