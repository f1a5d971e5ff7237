/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/wire_sip.c - the SIP side of the house, put together
 *
 * See wire_sip.h. The embedded core is the edge's only service; what the edge asks of the trust
 * domain, the core is asked here, so that neither knows the other's tables.
 */
#include "daemon/wire_sip.h"

#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin/admin.h"
#include "base/log.h"
#include "sip/core/peers.h"
#include "sip/sip.h"
#include "sip/sip_event.h"
#include "sip/sip_mwi.h"
#include "sip/sip_presence.h"
#include "xdms/xcap_diff_sip.h"

enum { LOC_WRITE_MS = 500, SERVICES = 3, EVENTS = 4 };

/* What each worker has of its own. */
struct own {
	struct sip_dns_worker *dns;
	struct sip_resolver *resolver;
	struct sip_hep *hep;
};

struct house_sip {
	struct workers *workers;
	struct core_users users;
	struct sip_listen listens[SETTINGS_LISTENS_MAX];
	struct sip_static_target *routes;
	struct peers *peers;
	struct numbers *numbers;
	struct loc *loc;
	struct core *core;
	struct sip_pubs *pubs;
	struct sip_mwi mwi;
	struct sip_sub_rights rights;
	struct sip_service xdm;
	struct xcap_diff *diff;
	struct sip_event packages[EVENTS];
	struct sip_events *events;
	struct sip_service services[SERVICES];
	struct sip *sip;
	struct sip_dns *dns;
	struct own *own;
	unsigned n_own;
	unsigned protos; /* that there are listeners of */
	int ipv4, ipv6;
};

/* ---- what the edge asks ---- */

static int is_peer(void *arg, const struct sip_rx *rx)
{
	const struct house_sip *house = arg;
	const struct peer *peer = peers_find(house->peers, &rx->source, rx->tls_name);

	return peer && peer->trusted;
}

/* "sip:example.com": the domain itself is us (RFC 3261 s16.4). */
static int is_us(void *arg, const struct sip_uri *uri)
{
	const struct house_sip *house = arg;

	return core_is_ours(house->core, uri->host);
}

static int64_t unix_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void capture(void *arg, int outgoing, enum sip_proto proto, const struct sip_addr *local,
		    const struct sip_addr *remote, struct strv bytes, const struct trace_id *trace)
{
	struct house_sip *house = arg;
	const struct worker *worker = worker_self();
	struct sip_hep *hep = worker ? house->own[worker_index(worker)].hep : NULL;
	struct sip_hep_packet packet = { .proto = proto,
					 .from = outgoing ? *local : *remote,
					 .to = outgoing ? *remote : *local,
					 .time_us = unix_us(),
					 .trace = trace,
					 .message = bytes };

	if (hep)
		sip_hep_send(hep, &packet);
}

/* ---- opening ---- */

static int open_tables(struct house_sip *house, const struct settings *settings, struct err *err)
{
	struct peer_options *peers = calloc(SETTINGS_PEERS_MAX, sizeof(*peers));
	struct number_route *routes = calloc(SETTINGS_ROUTES_MAX, sizeof(*routes));
	int ret = -1;

	house->routes = calloc(SETTINGS_ROUTES_MAX, sizeof(*house->routes));
	if (!peers || !routes || !house->routes) {
		err_set(err, ERR_NOMEM, "no memory for SIP");
	} else {
		struct number_options numbers = { .routes = routes,
						  .n_routes =
							  settings_sip_numbers(settings, routes),
						  .enum_suffix = settings->sip.enum_suffix };

		ret = peers_new(peers, settings_sip_peers(settings, peers), &house->peers, err);
		if (ret == 0)
			ret = numbers_new(&numbers, &house->numbers, err);
	}
	free(peers);
	free(routes);
	return ret;
}

static int open_core(struct house_sip *house, const struct settings *settings,
		     const struct house_sip_needs *needs, struct err *err)
{
	struct core_options options;
	struct loc_options loc = { .workers = needs->workers,
				   .write_ms = LOC_WRITE_MS,
				   .expires_max_s = (int64_t)settings->sip.max_expires_ms / 1000 };

	if (loc_new(&loc, &house->loc, err) < 0)
		return -1;
	core_options_init(&options);
	settings_sip_core(settings, &options);
	options.domains = *needs->domains;
	options.users = needs->users;
	options.loc = house->loc;
	options.peers = house->peers;
	options.numbers = house->numbers;
	return core_new(&options, &house->core, err);
}

static void note_listener(struct house_sip *house, const struct sip_listen *listen)
{
	house->protos |= 1U << listen->proto;
	if (strchr(listen->address, ':'))
		house->ipv6 = 1;
	else
		house->ipv4 = 1;
}

/* What another XDM server tells, when documents are there. */
static int on_xdm_request(void *arg, struct sip_worker *w, struct sip_stx *stx, struct sip_msg *msg)
{
	const struct house_sip *house = arg;

	return house->xdm.request && house->xdm.request(house->xdm.arg, w, stx, msg);
}

static int open_edge(struct house_sip *house, const struct settings *settings,
		     const struct house_sip_needs *needs, struct err *err)
{
	struct sip_options options;

	sip_options_init(&options);
	settings_sip_tp(settings, &options.tp, house->listens);
	options.tp.limits = needs->limits;
	settings_sip_timers(settings, &options.timers);
	options.server = "CPM-serv/OMA2.2 opencpm/" PACKAGE_VERSION;
	/* The first one's arg is there before the workers run. */
	house->services[0] =
		(struct sip_service){ .name = "events", .request = sip_events_request };
	house->services[1] =
		(struct sip_service){ .name = "xdm", .request = on_xdm_request, .arg = house };
	core_service(house->core, &house->services[2]);
	options.services = house->services;
	options.n_services = SERVICES;
	options.hooks.is_peer = is_peer;
	options.hooks.is_us = is_us;
	if (*settings->sip.capture_address)
		options.hooks.seen = capture;
	options.hooks.arg = house;
	if (sip_new(&options, needs->workers, &house->sip, err) < 0)
		return -1;
	for (unsigned i = 0; i < options.tp.n_listens; i++) {
		note_listener(house, &house->listens[i]);
		log_info(LOG_SIP, "listening",
			 L_STR("transport", sip_proto_name(house->listens[i].proto)),
			 L_STR("address", house->listens[i].address),
			 L_INT("port", sip_port(house->sip, i)));
	}
	return 0;
}

int house_sip_open(const struct settings *settings, const struct house_sip_needs *needs,
		   struct house_sip **sip_out, struct err *err)
{
	struct house_sip *house;

	*sip_out = NULL;
	if (settings->sip.listen.n == 0)
		return 0;
	*sip_out = house = calloc(1, sizeof(*house));
	if (!house || sip_msg_init(err) < 0)
		return err_set(err, ERR_NOMEM, "no memory for SIP");
	house->workers = needs->workers;
	house->users = needs->users;
	house->n_own = workers_count(needs->workers);
	house->own = calloc(house->n_own, sizeof(*house->own));
	if (!house->own)
		return err_set(err, ERR_NOMEM, "no memory for SIP");
	if (open_tables(house, settings, err) < 0 || open_core(house, settings, needs, err) < 0)
		return -1;
	return open_edge(house, settings, needs, err);
}

void house_sip_set_waiting(struct house_sip *house, const struct sip_mwi *mwi)
{
	if (house)
		house->mwi = *mwi;
}

void house_sip_set_rights(struct house_sip *house, const struct sip_sub_rights *rights)
{
	if (house)
		house->rights = *rights;
}

void house_sip_set_xdm(struct house_sip *house, const struct sip_service *service)
{
	if (house)
		house->xdm = *service;
}

struct sip *house_sip_edge(struct house_sip *house)
{
	return house ? house->sip : NULL;
}

struct sip_events *house_sip_events(struct house_sip *house)
{
	return house ? house->events : NULL;
}

struct core *house_sip_core(struct house_sip *house)
{
	return house ? house->core : NULL;
}

void house_sip_show(struct house_sip *house, struct admin *admin)
{
	if (house)
		admin_set_sip(admin, house->loc, house->peers, sip_worker_at(house->sip, 0)->tp);
}

/* ---- start ---- */

static int start_worker(struct house_sip *house, const struct settings *settings, unsigned i,
			struct err *err)
{
	struct worker *worker = workers_at(house->workers, i);
	struct own *own = &house->own[i];
	struct sip_resolver_options resolver;
	struct sip_hep_options hep = { .address = settings->sip.capture_address,
				       .port = (uint16_t)settings->sip.capture_port,
				       .capture_id = (uint32_t)settings->sip.capture_id };

	sip_resolver_options_init(&resolver);
	resolver.targets = house->routes;
	resolver.n_targets = settings_sip_routes(settings, house->routes);
	resolver.ipv4 = house->ipv4;
	resolver.ipv6 = house->ipv6;
	if (sip_dns_worker_new(house->dns, worker, &own->dns, err) < 0 ||
	    sip_resolver_new(&resolver, own->dns, worker, &own->resolver, err) < 0)
		return -1;
	sip_worker_at(house->sip, i)->resolver = own->resolver;
	sip_worker_at(house->sip, i)->dns = own->dns;
	return *hep.address ? sip_hep_new(&hep, &own->hep, err) : 0;
}

/* Event packages: what they are, where they are kept, who is told of changes. */
static int start_events(struct house_sip *house, const struct settings *settings, struct kv *kv,
			struct err *err)
{
	static const struct sip_publish_ops *const published[] = { &sip_presence_publish };
	const struct sip_events_options options = {
		.events = house->packages,
		.n_events = EVENTS,
		.max_of_watcher = (unsigned)settings->sip.max_subscriptions,
		.kv = kv,
		.rights = house->rights
	};
	struct sip_pubs_options pubs;

	sip_pubs_options_init(&pubs);
	pubs.ops = published;
	pubs.n_ops = 1;
	pubs.max_of_resource = (unsigned)settings->sip.max_publications;
	if (sip_pubs_new(&pubs, &house->pubs, err) < 0)
		return -1;
	core_reg_event(house->core, &house->packages[0]);
	house->packages[1] = (struct sip_event){ &sip_presence_event, house->pubs };
	house->packages[2] = (struct sip_event){ &sip_mwi_event, &house->mwi };
	xcap_diff_event(house->diff, &house->packages[3]);
	if (sip_events_new(&options, house->sip, house->workers, &house->events, err) < 0)
		return -1;
	house->services[0].arg = house->events;
	core_set_events(house->core, house->events, house->pubs);
	return sip_pubs_start(house->pubs, house->events, house->workers, err);
}

static int open_diff(struct house_sip *house, const struct settings *settings, struct xdms *xdms,
		     struct err *err)
{
	const struct xcap_diff_options options = {
		.xdms = xdms,
		.workers = house->workers,
		.users = &house->users,
		.throttle_ms = (unsigned)settings->xcap.notify_ms,
		.max_entries = (unsigned)settings->xcap.notify_entries,
		.max_documents = (unsigned)settings->xcap.notify_documents,
	};

	return xcap_diff_new(&options, &house->diff, err);
}

int house_sip_start(struct house_sip *house, const struct settings *settings, struct kv *kv,
		    struct jobs *jobs, struct xdms *xdms, struct err *err)
{
	struct sip_dns_options dns;

	if (!house)
		return 0;
	sip_dns_options_init(&dns);
	settings_sip_dns(settings, &dns);
	if (sip_dns_new(&dns, &house->dns, err) < 0)
		return -1;
	for (unsigned i = 0; i < house->n_own; i++)
		if (start_worker(house, settings, i, err) < 0)
			return -1;
	if (core_load_key(house->core, kv, err) < 0 || open_diff(house, settings, xdms, err) < 0 ||
	    start_events(house, settings, kv, err) < 0 || loc_start(house->loc, kv, jobs, err) < 0)
		return -1;
	return sip_start(house->sip, err);
}

/* ---- reload and end ---- */

int house_sip_reload_tls(struct house_sip *house, struct err *err)
{
	return house ? sip_reload_tls(house->sip, err) : 0;
}

void house_sip_drain(struct house_sip *house, unsigned timeout_ms, void (*drained)(void *arg),
		     void *arg)
{
	sip_drain(house->sip, timeout_ms, drained, arg);
}

void house_sip_flush(struct house_sip *house)
{
	if (house && house->events)
		sip_events_stop(house->events);
	if (house && house->loc)
		loc_flush_sync(house->loc);
}

void house_sip_free(struct house_sip **house_at)
{
	struct house_sip *house = *house_at;

	*house_at = NULL;
	if (!house)
		return;
	for (unsigned i = 0; house->own && i < house->n_own; i++) {
		sip_resolver_free(&house->own[i].resolver);
		sip_dns_worker_free(&house->own[i].dns);
		sip_hep_free(&house->own[i].hep);
	}
	if (house->pubs)
		sip_pubs_stop(house->pubs);
	if (house->core)
		core_watches_free(house->core);
	sip_events_free(&house->events);
	xcap_diff_free(&house->diff);
	sip_pubs_free(&house->pubs);
	sip_free(&house->sip);
	core_free(&house->core);
	loc_free(&house->loc);
	sip_dns_free(&house->dns);
	peers_free(&house->peers);
	numbers_free(&house->numbers);
	free(house->own);
	free(house->routes);
	free(house);
}
