/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/settings_map.c - each room's part of the settings, in the room's own terms
 */
#include "daemon/settings.h"

#include <string.h>
#include <unistd.h>

/* Round up: a time that was given is never taken for none. */
static unsigned seconds(uint64_t ms)
{
	return (unsigned)((ms + 999) / 1000);
}

void settings_kv_options(const struct settings *settings, struct kv_options *options)
{
	options->engine = settings_engines[settings->store.engine];
	options->dir = settings->store.dir;
	options->cache_bytes = settings->store.cache_bytes;
	options->checkpoint_bytes = settings->store.checkpoint_bytes;
	options->checkpoint_s = seconds(settings->store.checkpoint_ms);
	options->min_free_bytes = settings->store.min_free_bytes;
	options->reserve_bytes = settings->store.reserve_bytes;
	options->journal_keep = (uint64_t)settings->store.journal_keep;
	options->journal_keep_s = seconds(settings->store.journal_ms);
	options->queue_max = (unsigned)settings->store.queue;
}

void settings_limit_options(const struct settings *settings, struct limit_options *options)
{
	options->max_sources = (unsigned)settings->limits.sources;
	options->conns = (unsigned)settings->limits.connections;
	options->requests_per_s = (unsigned)settings->limits.requests;
	options->requests_burst = (unsigned)settings->limits.burst;
}

/* NULL for the empty text. */
static const char *given(const char *text)
{
	return *text ? text : NULL;
}

static unsigned fill_listens(const struct settings *settings, struct http_listen *to)
{
	const struct settings_listen *from = settings->http.listen.items;
	unsigned n = settings->http.listen.n;

	for (unsigned i = 0; i < n; i++)
		to[i] = (struct http_listen){
			.address = given(from[i].address),
			.port = *from[i].address ? (uint16_t)from[i].port : 0,
			.path = given(from[i].socket),
			.cert_file = given(from[i].certificate),
			.key_file = given(from[i].key),
		};
	if (*settings->admin.socket)
		to[n++] = (struct http_listen){ .path = settings->admin.socket };
	return n;
}

void settings_http_options(const struct settings *settings, struct http_options *options,
			   struct http_listen listens_out[SETTINGS_LISTENS_MAX + 1])
{
	options->listens = listens_out;
	options->n_listens = fill_listens(settings, listens_out);
	options->max_conns = (unsigned)settings->http.max_connections;
	options->header_bytes = (unsigned)settings->http.header_bytes;
	options->header_fields = (unsigned)settings->http.header_fields;
	options->target_bytes = (unsigned)settings->http.target_bytes;
	options->idle_s = seconds(settings->http.idle_ms);
	options->deadline_ms = (unsigned)settings->http.deadline_ms;
}

void settings_sip_tp(const struct settings *settings, struct sip_tp_options *options,
		     struct sip_listen listens_out[SETTINGS_LISTENS_MAX])
{
	const struct settings_sip_listen *from = settings->sip.listen.items;
	unsigned workers = settings_workers(settings);

	options->listens = listens_out;
	options->n_listens = settings->sip.listen.n;
	for (unsigned i = 0; i < options->n_listens; i++) {
		enum sip_proto proto = (enum sip_proto)from[i].transport;

		listens_out[i] = (struct sip_listen){
			.proto = proto,
			.address = from[i].address,
			.port = (uint16_t)(from[i].port ? from[i].port : sip_proto_port(proto)),
			.cert_file = given(from[i].certificate),
			.key_file = given(from[i].key),
			.client_ca_file = given(from[i].client_ca),
			.advertised = given(from[i].advertised),
		};
	}
	options->ca_file = given(settings->sip.ca_file);
	options->max_conns = (unsigned)(settings->sip.max_connections + workers - 1) / workers;
	options->idle_ms = (unsigned)settings->sip.idle_ms;
	options->message_ms = (unsigned)settings->sip.message_ms;
	options->connect_ms = (unsigned)settings->sip.connect_ms;
}

void settings_sip_timers(const struct settings *settings, struct sip_timers *timers)
{
	unsigned workers = settings_workers(settings);

	timers->t1_ms = (unsigned)settings->sip.t1_ms;
	timers->t2_ms = (unsigned)settings->sip.t2_ms;
	timers->max_live = (unsigned)(settings->sip.max_transactions + workers - 1) / workers;
	timers->max_finished = (unsigned)(settings->sip.max_finished + workers - 1) / workers;
}

void settings_sip_core(const struct settings *settings, struct core_options *options)
{
	options->md5 = settings->auth.md5;
	options->no_sha256 = !settings->sip.sha256;
	options->nonce_ms = settings->auth.nonce_ms;
	options->reg.expires_s = seconds(settings->sip.default_expires_ms);
	options->reg.expires_min_s = seconds(settings->sip.min_expires_ms);
	options->reg.expires_max_s = seconds(settings->sip.max_expires_ms);
	options->reg.contacts_max = (unsigned)settings->sip.max_contacts;
	options->flow_timer_s = seconds(settings->sip.flow_timer_ms);
	options->service_route = settings->sip.service_route;
}

void settings_cpm_pf(const struct settings *settings, struct pf_options *options)
{
	options->answer_ms = (unsigned)settings->cpm.answer_ms;
	options->max_message = settings->cpm.max_message_bytes;
	options->sync_sent = settings->cpm.sync_sent;
	options->mode = (enum pf_mode)settings->cpm.devices;
}

void settings_cpm_deferred(const struct settings *settings, struct deferred_options *options)
{
	options->max_messages = (unsigned)settings->cpm.deferred_messages;
	options->max_bytes = settings->cpm.deferred_bytes;
	options->default_s = (int64_t)(settings->cpm.deferred_ms / 1000);
	options->max_s = (int64_t)(settings->cpm.deferred_max_ms / 1000);
}

void settings_sip_dns(const struct settings *settings, struct sip_dns_options *options)
{
	options->servers = given(settings->sip.dns_servers);
	options->timeout_ms = (unsigned)settings->sip.dns_timeout_ms;
}

unsigned settings_sip_peers(const struct settings *settings,
			    struct peer_options peers_out[SETTINGS_PEERS_MAX])
{
	const struct settings_peer *from = settings->sip.peers.items;
	unsigned n = settings->sip.peers.n;

	for (unsigned i = 0; i < n; i++)
		peers_out[i] = (struct peer_options){
			.name = from[i].name,
			.networks = from[i].networks,
			.tls_names = from[i].tls_names,
			.domains = from[i].domains,
			.uri = from[i].uri,
			.trusted = from[i].trusted || from[i].core,
			.is_core = from[i].core,
			.requests_per_s = (unsigned)from[i].requests,
			.burst = (unsigned)from[i].burst,
			.strip_in = from[i].strip_in,
			.strip_out = from[i].strip_out,
		};
	return n;
}

unsigned settings_sip_routes(const struct settings *settings,
			     struct sip_static_target targets_out[SETTINGS_ROUTES_MAX])
{
	const struct settings_route *from = settings->sip.routes.items;

	for (unsigned i = 0; i < settings->sip.routes.n; i++)
		targets_out[i] = (struct sip_static_target){ from[i].domain, from[i].uri };
	return settings->sip.routes.n;
}

unsigned settings_sip_numbers(const struct settings *settings,
			      struct number_route routes_out[SETTINGS_ROUTES_MAX])
{
	const struct settings_number *from = settings->sip.numbers.items;

	for (unsigned i = 0; i < settings->sip.numbers.n; i++)
		routes_out[i] = (struct number_route){ from[i].prefix, from[i].uri };
	return settings->sip.numbers.n;
}

void settings_cpm_groups(const struct settings *settings, const struct auth_domains *domains,
			 char factory_out[AUTH_IDENTITY_BYTES], struct cf_options *options)
{
	struct auth_identity factory;

	/* settings_check.c has seen that it is one. */
	*factory_out = 0;
	if (*settings->cpm.factory &&
	    auth_identity_parse(strv_of(settings->cpm.factory), domains, &factory, NULL) == 0)
		memcpy(factory_out, factory.text, sizeof(factory.text));
	options->factory = factory_out;
	options->max_list = (unsigned)settings->cpm.max_list;
	options->max_members = (unsigned)settings->cpm.max_members;
	options->window_ms = (unsigned)settings->cpm.report_window_ms;
	if (options->again_ms < options->window_ms)
		options->again_ms = options->window_ms;
	options->report_s = (unsigned)(settings->cpm.report_ms / 1000);
	options->max_body = settings->cpm.max_message_bytes;
}

struct auth_domains settings_domains(const struct settings *settings,
				     struct strv names_out[SETTINGS_DOMAINS_MAX])
{
	const struct settings_domain *from = settings->domains.items;
	unsigned n = settings->domains.n;

	for (unsigned i = 0; i < n; i++)
		names_out[i] = strv_of(from[i].name);
	return (struct auth_domains){ names_out, n };
}

enum log_level settings_log_level(const struct settings *settings, enum log_cat cat)
{
	int own = settings->log.category[cat];

	return (enum log_level)(own ? own - 1 : settings->log.level);
}

static unsigned threads(int64_t wanted)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (wanted)
		return (unsigned)wanted;
	return cores < 1 ? 1 : cores > 64 ? 64 : (unsigned)cores;
}

unsigned settings_workers(const struct settings *settings)
{
	return threads(settings->server.workers);
}

unsigned settings_job_threads(const struct settings *settings)
{
	return threads(settings->server.job_threads);
}
