/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/settings_map.c - each room's part of the settings, in the room's own terms
 */
#include "daemon/settings.h"

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
