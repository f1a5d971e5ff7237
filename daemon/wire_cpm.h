/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/wire_cpm.h - the CPM functions of the house: rules, and what decides by them
 *
 * wire.c calls these in the order of the house's life.
 */
#ifndef DAEMON_WIRE_CPM_H
#define DAEMON_WIRE_CPM_H

#include "auth/auth_users.h"
#include "base/err.h"
#include "base/jobs.h"
#include "base/worker.h"
#include "daemon/settings.h"
#include "daemon/wire_sip.h"
#include "kv/kv.h"

struct admin;
struct house_cpm;
struct sip;
struct sip_events;
struct sip_service;
struct sip_sub_rights;
struct xdm_store;

/* What the CPM functions need of the rest; all borrowed. */
struct house_cpm_needs {
	struct workers *workers;
	struct jobs *jobs;
	struct kv *kv;
	struct xdm_store *store;
	struct house_sip *sip; /* NULL: no messages come, but there are rules */
	const struct auth_domains *domains;
	/* The directory: users_find. */
	void (*find_user)(void *arg, struct strv identity, auth_found_fn *done, void *context);
	void *find_arg;
};

/* When the store is open, before the first commit and before the workers run. */
int house_cpm_start(const struct settings *settings, const struct house_cpm_needs *needs,
		    struct house_cpm **cpm_out, struct err *err);
/* What operators see of it. Before the workers run. */
void house_cpm_show(struct house_cpm *cpm, struct admin *admin);
/* What watchers may hear of users: for house_sip_set_rights; and the packages that SIP made of it
 * (NULL: there is no SIP), which are told when rules change. Before the workers run. */
void house_cpm_rights(struct house_cpm *cpm, struct sip_sub_rights *rights_out);
int house_cpm_events(struct house_cpm *cpm, struct sip *sip, struct sip_events *events,
		     struct err *err);
/* The row for NOTIFYs of another XDM server. 1; 0: documents are here. */
int house_cpm_xdm(struct house_cpm *cpm, struct sip_service *service_out);
/* Ask the store nothing more: before kv_close, while the workers run, if they do (RUNNING). Accepts
 * NULL. */
void house_cpm_stop(struct house_cpm *cpm, int running);
/* What is still on its way ends: when the workers have stopped, before house_sip_free. */
void house_cpm_end(struct house_cpm *cpm);
/* After workers_free. Takes the address, accepts NULL. */
void house_cpm_free(struct house_cpm **cpm);

#endif
