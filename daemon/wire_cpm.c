/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/wire_cpm.c - the CPM functions put together
 *
 * See wire_cpm.h. From the ground up: where documents come from, the rules in force, the decisions
 * on record, then the functions that decide.
 */
#include "daemon/wire_cpm.h"

#include <stdio.h>
#include <stdlib.h>

#include "admin/admin.h"
#include "cpm/controlling/cf.h"
#include "cpm/cpm_fetch.h"
#include "cpm/cpm_presence_sip.h"
#include "cpm/cpm_remote_sip.h"
#include "cpm/cpm_ring.h"
#include "cpm/cpm_rules.h"
#include "cpm/cpm_source_xdm.h"
#include "cpm/deferred/deferred_sip.h"
#include "cpm/participating/pf_sip.h"
#include "sip/core/core.h"
#include "sip/sip_mwi.h"
#include "sip/sip_sub.h"

struct house_cpm {
	struct house_cpm_needs needs;
	struct core_users users;
	struct cpm_source_xdm *source; /* documents are here; else in */
	struct cpm_fetch *fetch;
	struct cpm_remote *remote;
	struct cpm_presence *presence;
	struct cpm_rules *rules;
	struct cpm_ring *ring;
	struct pf_sip *pf_sip; /* NULL: messages are relayed as they come */
	struct pf *pf;
	char factory[AUTH_IDENTITY_BYTES];
	struct cf *cf; /* NULL: there are no groups */
	struct deferred_sip *deferred_sip;
	struct deferred *deferred; /* NULL: nothing is kept for devices that are away */
};

/* ---- what the rooms ask ---- */

struct home_ask {
	cpm_home_fn *done;
	void *arg;
};

static void on_home(void *context, enum auth_found found, const struct auth_user *user)
{
	struct home_ask *ask = context;

	ask->done(ask->arg,
		  found == AUTH_FOUND	 ? 1
		  : found == AUTH_ABSENT ? 0
					 : -1,
		  user ? user->identity[0] : strv_mem(NULL, 0));
	free(ask);
}

static void find_home(void *arg, struct strv identity, cpm_home_fn *done, void *done_arg)
{
	const struct house_cpm *cpm = arg;
	struct home_ask *ask = malloc(sizeof(*ask));

	if (!ask) {
		done(done_arg, -1, strv_mem(NULL, 0));
		return;
	}
	*ask = (struct home_ask){ done, done_arg };
	cpm->needs.find_user(cpm->needs.find_arg, identity, on_home, ask);
}

/* ---- opening ---- */

/* Presence is shown by the rules, and hears of their changes behind them. */
static int open_presence(struct house_cpm *cpm, const struct cpm_source *source,
			 struct cpm_source *source_out, struct err *err)
{
	const struct cpm_presence_options options = { cpm->needs.domains, &cpm->users };

	if (cpm_presence_new(&options, &cpm->presence, err) < 0)
		return -1;
	cpm_presence_source(cpm->presence, source, source_out);
	return 0;
}

enum { FETCH_THREADS = 4, FETCHES_WAITING = 10000, FETCH_MS = 5000 };
enum { SUBSCRIBE_S = 3600, SUBSCRIBED_MS = 5000, IDLE_MS = 7200000, OWNERS_MAX = 200000 };

static int open_remote(struct house_cpm *cpm, const struct settings *settings,
		       struct cpm_source *source_out, struct err *err)
{
	const struct cpm_fetch_options fetch = { .root = settings->xdm.root,
						 .identity = settings->xdm.password[0]
								     ? ""
								     : settings->xdm.identity,
						 .user = settings->xdm.user,
						 .password = settings->xdm.password,
						 .threads = FETCH_THREADS,
						 .max_waiting = FETCHES_WAITING,
						 .timeout_ms = FETCH_MS };
	struct cpm_remote_options remote = { .workers = cpm->needs.workers,
					     .uri = settings->xdm.sip,
					     .identity = settings->xdm.identity,
					     .contact = settings->xdm.contact,
					     .expires_s = SUBSCRIBE_S,
					     .patience_ms = SUBSCRIBED_MS,
					     .idle_ms = IDLE_MS,
					     .max_owners = OWNERS_MAX };

	if (cpm_fetch_new(&fetch, &cpm->fetch, err) < 0)
		return -1;
	remote.fetch = cpm->fetch;
	if (cpm_remote_new(&remote, &cpm->remote, err) < 0)
		return -1;
	cpm_remote_fill(cpm->remote, source_out);
	return 0;
}

static int open_source(struct house_cpm *cpm, const struct settings *settings,
		       struct cpm_source *source_out, struct err *err)
{
	if (settings->xdm.mode == SETTINGS_XDM_REMOTE)
		return open_remote(cpm, settings, source_out, err);
	if (cpm_source_xdm_new(cpm->needs.kv, cpm->needs.store, cpm->needs.domains, &cpm->source,
			       err) < 0)
		return -1;
	cpm_source_xdm_fill(cpm->source, source_out);
	return 0;
}

static int open_rules(struct house_cpm *cpm, const struct settings *settings, struct err *err)
{
	struct cpm_rules_options options = { .domains = *cpm->needs.domains,
					     .cache_bytes = settings->cpm.cache_bytes,
					     .jobs = cpm->needs.jobs,
					     .workers = cpm->needs.workers,
					     .root = strv_of(settings->xcap.root),
					     .root_uri = strv_of(settings->xcap.uri),
					     .home = find_home,
					     .home_arg = cpm };
	struct cpm_source source;

	if (open_source(cpm, settings, &source, err) < 0 ||
	    open_presence(cpm, &source, &options.source, err) < 0 ||
	    cpm_rules_new(&options, &cpm->rules, err) < 0)
		return -1;
	cpm_presence_set_rules(cpm->presence, cpm->rules);
	return 0;
}

static int open_ring(struct house_cpm *cpm, const struct settings *settings, struct err *err)
{
	const struct cpm_ring_options options = {
		.workers = workers_count(cpm->needs.workers),
		.decisions = (unsigned)settings->cpm.decisions,
		.age_s = (int64_t)(settings->cpm.decisions_age_ms / 1000),
	};

	return cpm_ring_new(&options, &cpm->ring, err);
}

/* What a group sends goes the way of all messages. */
static void send_for_group(void *arg, struct cpm_message *message, pf_done_fn *done, void *done_arg)
{
	const struct house_cpm *cpm = arg;

	pf_send(cpm->pf, message, done, done_arg);
}

static int open_controlling(struct house_cpm *cpm, const struct settings *settings, struct err *err)
{
	struct cf_options options;

	cf_options_init(&options);
	settings_cpm_groups(settings, cpm->needs.domains, cpm->factory, &options);
	options.workers = cpm->needs.workers;
	options.rules = cpm->rules;
	options.kv = cpm->needs.kv;
	options.domains = *cpm->needs.domains;
	options.send = send_for_group;
	options.send_arg = cpm;
	options.record = cpm_ring_put;
	options.record_arg = cpm->ring;
	return cf_new(&options, &cpm->cf, err) < 0 ? -1 : cf_start(cpm->cf, err);
}

static int open_participating(struct house_cpm *cpm, const struct settings *settings,
			      struct err *err)
{
	struct core *core = house_sip_core(cpm->needs.sip);
	const struct pf_sip_options adapter = {
		.core = core,
		.sip = house_sip_edge(cpm->needs.sip),
		.users = &cpm->users,
		.domains = *cpm->needs.domains,
	};
	struct pf_options options = { .rules = cpm->rules,
				      .domains = *cpm->needs.domains,
				      .record = cpm_ring_put,
				      .record_arg = cpm->ring };
	struct pf_focus focus;

	if (!core || !settings->cpm.enabled)
		return 0;
	if (pf_sip_new(&adapter, &cpm->pf_sip, err) < 0 || open_controlling(cpm, settings, err) < 0)
		return -1;
	cf_focus(cpm->cf, &focus);
	options.focus = &focus;
	options.net = pf_sip_net(cpm->pf_sip);
	settings_cpm_pf(settings, &options);
	if (pf_new(&options, &cpm->pf, err) < 0)
		return -1;
	pf_sip_set(cpm->pf_sip, cpm->pf);
	core_set_deliver(core, pf_sip_deliver, cpm->pf_sip);
	return 0;
}

static int open_deferred(struct house_cpm *cpm, const struct settings *settings, struct err *err)
{
	struct strv domain = cpm->needs.domains->name[0];
	struct deferred_options options;
	struct sip_mwi mwi;
	char from[AUTH_IDENTITY_BYTES];

	if (!cpm->pf || !settings->cpm.deferred_messages)
		return 0;
	snprintf(from, sizeof(from), "sip:deferred@%.*s", STRV_ARG(domain));
	cpm->deferred_sip = deferred_sip_new(strv_of(from));
	if (!cpm->deferred_sip)
		return err_set(err, ERR_NOMEM, "no memory for deferred messages");
	deferred_options_init(&options);
	settings_cpm_deferred(settings, &options);
	options.workers = cpm->needs.workers;
	options.jobs = cpm->needs.jobs;
	options.kv = cpm->needs.kv;
	pf_deferred_ops(cpm->pf, &options);
	deferred_sip_ops(cpm->deferred_sip, &options);
	if (deferred_new(&options, &cpm->deferred, err) < 0)
		return -1;
	deferred_sip_set(cpm->deferred_sip, cpm->deferred, cpm->needs.workers,
			 core_loc(house_sip_core(cpm->needs.sip)));
	deferred_sip_mwi(cpm->deferred_sip, &mwi);
	house_sip_set_waiting(cpm->needs.sip, &mwi);
	pf_set_deferred(cpm->pf, cpm->deferred);
	return deferred_start(cpm->deferred, err);
}

int house_cpm_start(const struct settings *settings, const struct house_cpm_needs *needs,
		    struct house_cpm **cpm_out, struct err *err)
{
	struct house_cpm *cpm = calloc(1, sizeof(*cpm));

	*cpm_out = cpm;
	if (!cpm)
		return err_set(err, ERR_NOMEM, "no memory for the CPM functions");
	cpm->needs = *needs;
	cpm->users = (struct core_users){ needs->find_user, needs->find_arg };
	if (open_rules(cpm, settings, err) < 0 || open_ring(cpm, settings, err) < 0)
		return -1;
	if (open_participating(cpm, settings, err) < 0)
		return -1;
	return open_deferred(cpm, settings, err);
}

void house_cpm_show(struct house_cpm *cpm, struct admin *admin)
{
	admin_set_cpm(admin, cpm->rules, cpm->ring);
	admin_set_deferred(admin, cpm->deferred);
}

void house_cpm_rights(struct house_cpm *cpm, struct sip_sub_rights *rights_out)
{
	cpm_presence_rights(cpm->presence, rights_out);
}

int house_cpm_events(struct house_cpm *cpm, struct sip *sip, struct sip_events *events,
		     struct err *err)
{
	if (!events)
		return 0;
	if (cpm->remote && cpm_remote_start(cpm->remote, sip, events, err) < 0)
		return -1;
	cpm_presence_start(cpm->presence, events);
	if (cpm->deferred_sip)
		deferred_sip_set_events(cpm->deferred_sip, events);
	return 0;
}

int house_cpm_xdm(struct house_cpm *cpm, struct sip_service *service_out)
{
	if (cpm->remote)
		cpm_remote_service(cpm->remote, service_out);
	return cpm->remote != NULL;
}

/* ---- closing ---- */

void house_cpm_stop(struct house_cpm *cpm, int running)
{
	if (!cpm)
		return;
	if (cpm->cf)
		cf_stop(cpm->cf, running);
	if (cpm->deferred)
		deferred_stop_sync(cpm->deferred);
	cpm_rules_stop(cpm->rules);
	cpm_fetch_stop(cpm->fetch);
}

void house_cpm_end(struct house_cpm *cpm)
{
	if (!cpm)
		return;
	cpm_remote_stop(cpm->remote);
	if (cpm->pf)
		pf_stop(cpm->pf);
}

void house_cpm_free(struct house_cpm **cpm_at)
{
	struct house_cpm *cpm = *cpm_at;

	*cpm_at = NULL;
	if (!cpm)
		return;
	cf_free(&cpm->cf);
	deferred_free(&cpm->deferred);
	deferred_sip_free(&cpm->deferred_sip);
	pf_free(&cpm->pf);
	pf_sip_free(&cpm->pf_sip);
	cpm_ring_free(&cpm->ring);
	cpm_rules_free(&cpm->rules);
	cpm_presence_free(&cpm->presence);
	cpm_source_xdm_free(&cpm->source);
	cpm_remote_free(&cpm->remote);
	cpm_fetch_free(&cpm->fetch);
	free(cpm);
}
