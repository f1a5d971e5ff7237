/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/wire.c - the rooms put together
 *
 * See wire.h. Opened from the ground up and closed in reverse; what one room needs of another above
 * it is filled in here.
 */
#include "daemon/wire.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "admin/users.h"
#include "auth/auth_domain.h"
#include "base/jobs.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/worker.h"
#include "base/xml.h"
#include "daemon/wire_cpm.h"
#include "daemon/wire_sip.h"
#include "http/http.h"
#include "http/http_auth.h"
#include "kv/kv.h"
#include "sip/sip.h"
#include "sip/sip_sub.h"
#include "policy/pol_set.h"
#include "xdms/xdms_http.h"

/* How long the answers that tell of a failed disk get to leave before the process ends. */
enum { LAST_WORDS_MS = 200 };

struct house {
	struct workers *workers;
	struct jobs *jobs;
	struct limits *limits;
	struct kv *kv;
	struct users *users;
	struct http_auth *auth;
	struct xdms *xdms;
	struct http *http;
	struct house_sip *sip;
	struct house_cpm *cpm;
	atomic_int undrained; /* edges that still have somebody to answer */
	void (*drained)(void *arg);
	void *drained_arg;
	struct admin *admin;
	struct http_route *routes;
	struct strv domain_names[SETTINGS_DOMAINS_MAX];
	struct auth_domains domains;
	int running;
};

static void sleep_ms(long ms)
{
	struct timespec span = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&span, &span) != 0 && errno == EINTR)
		;
}

/* The disk failed under a commit. Everybody who waited has been told; what is in the store is
 * decided by recovery, so nothing is closed. */
static void on_store_failed(void *arg, const char *why)
{
	(void)arg;
	log_error(LOG_KV, "the store failed: the process ends, recovery decides at the next start",
		  L_STR("why", why));
	sleep_ms(LAST_WORDS_MS);
	_exit(KV_EXIT_FATAL);
}

/* ---- sockets and keys, as root ---- */

static int own_folders(const struct settings *settings, const struct privs *privs, struct err *err)
{
	if (strcmp(settings_engines[settings->store.engine], "mem") != 0 &&
	    privs_own_dir(privs, settings->store.dir, err) < 0)
		return -1;
	if (settings->admin.backup_dir[0] &&
	    privs_own_dir(privs, settings->admin.backup_dir, err) < 0)
		return -1;
	return 0;
}

/* All rooms' routes in one table. */
static int collect_routes(struct house *house, struct http_options *options, struct err *err)
{
	unsigned n;
	const struct http_route *admin = admin_routes(house->admin, &n);

	house->routes = calloc(n + 1, sizeof(*house->routes));
	if (!house->routes)
		return err_set(err, ERR_NOMEM, "no memory for the server");
	memcpy(house->routes, admin, n * sizeof(*admin));
	xdms_route(house->xdms, &house->routes[n]);
	options->routes = house->routes;
	options->n_routes = n + 1;
	return 0;
}

/* The directory of users is opened after the edge: it is looked for at each call. */
static void find_user(void *arg, struct strv identity, auth_found_fn *done, void *context)
{
	const struct house *house = arg;

	users_find(house->users, identity, done, context);
}

static int is_user(void *arg, struct strv identity)
{
	const struct house *house = arg;
	struct arena *arena = arena_new(0);
	struct auth_user user;
	struct err err;
	int ret = arena ? users_get_sync(house->users, identity, arena, &user, &err) : -1;
	int absent = arena && ret < 0 && err.code == ERR_ABSENT;

	arena_free(&arena);
	return ret == 0 ? 1 : absent ? 0 : -1;
}

/* Rules may name domains as people write them (RFC 4745 s7.1.3). */
static int spell_domain(void *arg, struct strv text, char *buf, size_t size, size_t *n_out)
{
	(void)arg;
	return auth_domain_ascii(text, buf, size, n_out);
}

static int open_xdms(struct house *house, const struct settings *settings, struct err *err)
{
	static const struct pol_spell spell = { .domain = spell_domain };
	const struct http_auth_ops users = { find_user, house };
	const struct xdms_options options = { .root = settings->xcap.root,
					      .root_uri = settings->xcap.uri,
					      .cache_bytes = settings->xcap.cache_bytes,
					      .log_entries = (unsigned)settings->xcap.log_keep,
					      .log_bytes = settings->xcap.log_bytes,
					      .log_age_s = settings->xcap.log_age_days * 86400,
					      .quota = { settings->xcap.document_bytes,
							 settings->xcap.quota_bytes,
							 (uint64_t)settings->xcap.quota_documents,
							 (uint64_t)settings->xcap.quota_usage },
					      .test_app = settings->xcap.test_app,
					      .bare_attributes = settings->xcap.bare_attributes,
					      .domains = &house->domains,
					      .spell = &spell,
					      .users = &users,
					      .is_user = is_user,
					      .is_user_arg = house };

	return xml_init(NULL, err) < 0 ? -1 : xdms_new(&options, &house->xdms, err);
}

static int open_auth(struct house *house, const struct settings *settings, struct err *err)
{
	const struct settings_proxy *from = settings->auth.proxies.items;
	const char *proxies[SETTINGS_PROXIES_MAX];
	struct http_auth_options options = { .domains = house->domains,
					     .md5 = settings->auth.md5,
					     .basic = settings->auth.basic,
					     .nonce_ms = settings->auth.nonce_ms,
					     .proxies = proxies,
					     .n_proxies = settings->auth.proxies.n,
					     .ops = { find_user, house } };

	for (unsigned i = 0; i < options.n_proxies; i++)
		proxies[i] = from[i].address;
	return http_auth_new(&options, &house->auth, err);
}

static int open_http(struct house *house, const struct settings *settings,
		     const struct privs *privs, struct err *err)
{
	struct http_listen listens[SETTINGS_LISTENS_MAX + 1];
	struct http_options options;

	http_options_init(&options);
	settings_http_options(settings, &options, listens);
	if (collect_routes(house, &options, err) < 0)
		return -1;
	options.limits = house->limits;
	if (http_new(&options, house->workers, &house->http, err) < 0)
		return -1;
	for (unsigned i = 0; i < options.n_listens; i++) {
		if (listens[i].path && privs_own_file(privs, listens[i].path, err) < 0)
			return -1;
		if (!listens[i].path)
			log_info(LOG_HTTP, "listening", L_STR("address", listens[i].address),
				 L_INT("port", http_port(house->http, i)),
				 L_STR("tls", listens[i].cert_file ? "yes" : "no"));
	}
	return 0;
}

static int open_sip(struct house *house, const struct settings *settings, struct err *err)
{
	const struct house_sip_needs needs = { .workers = house->workers,
					       .limits = house->limits,
					       .domains = &house->domains,
					       .users = { find_user, house } };

	return house_sip_open(settings, &needs, &house->sip, err);
}

static enum admin_access admin_access(int access)
{
	return access == SETTINGS_ACCESS_ANY	  ? ADMIN_ANY
	       : access == SETTINGS_ACCESS_SOCKET ? ADMIN_SOCKET
						  : ADMIN_OFF;
}

static struct admin *open_admin(const struct settings *settings, const struct admin_ops *ops)
{
	struct admin_options options;

	admin_options_init(&options);
	options.ops = ops;
	options.store_engine = settings_engines[settings->store.engine];
	options.metrics = admin_access(settings->metrics.access);
	options.health = admin_access(settings->health.access);
	options.live_ms = (unsigned)settings->server.stall_ms;
	return admin_new(&options);
}

int house_open(const struct settings *settings, const struct privs *privs,
	       const struct admin_ops *ops, struct house **house_out, struct err *err)
{
	struct house *house = calloc(1, sizeof(*house));
	struct limit_options limits;

	*house_out = house;
	if (!house)
		return err_set(err, ERR_NOMEM, "no memory for the server");
	settings_limit_options(settings, &limits);
	house->limits = limits_new(&limits);
	house->admin = open_admin(settings, ops);
	if (!house->limits || !house->admin)
		return err_set(err, ERR_NOMEM, "no memory for the server");
	if (own_folders(settings, privs, err) < 0 ||
	    workers_new(settings_workers(settings), &house->workers, err) < 0)
		return -1;
	house->domains = settings_domains(settings, house->domain_names);
	if (open_xdms(house, settings, err) < 0 || open_auth(house, settings, err) < 0)
		return -1;
	return open_http(house, settings, privs, err) < 0 ? -1 : open_sip(house, settings, err);
}

/* ---- store and threads, as the served user ---- */

static int start_cpm(struct house *house, const struct settings *settings, struct err *err)
{
	const struct house_cpm_needs needs = { .workers = house->workers,
					       .jobs = house->jobs,
					       .kv = house->kv,
					       .store = xdms_store(house->xdms),
					       .sip = house->sip,
					       .domains = &house->domains,
					       .find_user = find_user,
					       .find_arg = house };

	return house_cpm_start(settings, &needs, &house->cpm, err);
}

/* The CPM functions say who may hear of users, and are told whom to ask again. */
static int start_sip(struct house *house, const struct settings *settings, struct err *err)
{
	struct sip_sub_rights rights;
	struct sip_service xdm;

	if (house_cpm_xdm(house->cpm, &xdm))
		house_sip_set_xdm(house->sip, &xdm);
	house_cpm_rights(house->cpm, &rights);
	house_sip_set_rights(house->sip, &rights);
	if (house_sip_start(house->sip, settings, house->kv, house->jobs, house->xdms, err) < 0)
		return -1;
	return house_cpm_events(house->cpm, house_sip_edge(house->sip),
				house_sip_events(house->sip), err);
}

int house_start(struct house *house, const struct settings *settings, struct err *err)
{
	struct kv_options options;

	if (jobs_new(settings_job_threads(settings), (unsigned)settings->server.job_queue,
		     &house->jobs, err) < 0)
		return -1;
	kv_options_init(&options, settings->store.dir);
	settings_kv_options(settings, &options);
	options.fatal = on_store_failed;
	if (kv_open(&options, house->jobs, &house->kv, err) < 0)
		return -1;
	if (users_new(house->kv, settings->auth.cache_bytes, &house->domains, &house->users, err) <
		    0 ||
	    xdms_start(house->xdms, house->kv, house->jobs, house->auth, err) < 0 ||
	    start_cpm(house, settings, err) < 0)
		return -1;
	house_cpm_show(house->cpm, house->admin);
	house_sip_show(house->sip, house->admin);
	if (admin_start(house->admin, house->workers, house->jobs, house->kv, house->users,
			xdms_docs(house->xdms), err) < 0 ||
	    start_sip(house, settings, err) < 0 || workers_start(house->workers, err) < 0)
		return -1;
	house->running = 1;
	return 0;
}

int house_reload(struct house *house, const struct settings *settings, struct err *err)
{
	struct http_listen listens[SETTINGS_LISTENS_MAX + 1];
	struct limit_options limits;
	struct http_options options;

	if (http_reload_tls(house->http, err) < 0 || house_sip_reload_tls(house->sip, err) < 0)
		return -1;
	settings_limit_options(settings, &limits);
	limits_set(house->limits, &limits);
	http_options_init(&options);
	settings_http_options(settings, &options, listens);
	http_reload(house->http, &options);
	return 0;
}

uint64_t house_stalled_ms(const struct house *house)
{
	struct timespec now;
	uint64_t now_ms, stalled_ms = 0;

	clock_gettime(CLOCK_MONOTONIC, &now);
	now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	for (unsigned i = 0; i < workers_count(house->workers); i++) {
		uint64_t beat_ms = worker_heartbeat_ms(workers_at(house->workers, i));

		if (now_ms > beat_ms && now_ms - beat_ms > stalled_ms)
			stalled_ms = now_ms - beat_ms;
	}
	return stalled_ms;
}

static void on_edge_drained(void *arg)
{
	struct house *house = arg;

	if (atomic_fetch_sub(&house->undrained, 1) == 1)
		house->drained(house->drained_arg);
}

void house_drain(struct house *house, unsigned timeout_ms, void (*drained)(void *arg), void *arg)
{
	house->drained = drained;
	house->drained_arg = arg;
	atomic_store(&house->undrained, house->sip ? 2 : 1);
	http_drain(house->http, timeout_ms, on_edge_drained, house);
	if (house->sip)
		house_sip_drain(house->sip, timeout_ms, on_edge_drained, house);
}

void house_close(struct house **house_at)
{
	struct house *house = *house_at;

	*house_at = NULL;
	if (!house)
		return;
	/* The store's and the pool's last callbacks are posts: workers run until both are closed.
	 */
	if (house->admin)
		admin_stop(house->admin);
	if (house->xdms)
		xdms_stop(house->xdms);
	if (house->running)
		house_sip_flush(house->sip);
	house_cpm_stop(house->cpm, house->running);
	kv_close(&house->kv);
	jobs_free(&house->jobs);
	if (house->running)
		workers_stop(house->workers);
	house_cpm_end(house->cpm);
	house_sip_free(&house->sip);
	http_free(&house->http);
	xdms_free(&house->xdms);
	http_auth_free(&house->auth);
	users_free(&house->users);
	admin_free(&house->admin);
	free(house->routes);
	workers_free(&house->workers);
	house_cpm_free(&house->cpm);
	limits_free(&house->limits);
	free(house);
}
