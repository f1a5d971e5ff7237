/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/settings.h - every setting of cpmd, as one const struct
 *
 * The table that fills it is in settings.c; each room gets its part as the options struct of its
 * own header. A setting that a reload may change is marked so in the table.
 */
#ifndef DAEMON_SETTINGS_H
#define DAEMON_SETTINGS_H

#include "auth/auth_identity.h"
#include "base/conf.h"
#include "base/limit.h"
#include "base/log.h"
#include "cpm/controlling/cf.h"
#include "cpm/participating/pf.h"
#include "http/http.h"
#include "kv/kv.h"
#include "sip/core/core.h"
#include "sip/core/number.h"
#include "sip/core/peers.h"
#include "sip/sip_hep.h"
#include "sip/sip_resolve.h"
#include "sip/sip_tp.h"
#include "sip/sip_txn.h"

enum {
	SETTINGS_LISTENS_MAX = 32,	/* entries of http.listen */
	SETTINGS_DOMAINS_MAX = 64,	/* of domains */
	SETTINGS_PROXIES_MAX = 64,	/* of auth.trusted-proxies */
	SETTINGS_PEERS_MAX = PEERS_MAX, /* of sip.peers */
	SETTINGS_ROUTES_MAX = 1024,	/* of sip.routes and sip.numbers */
};

/* Whom metrics and health answer. */
enum settings_access { SETTINGS_ACCESS_OFF, SETTINGS_ACCESS_SOCKET, SETTINGS_ACCESS_ANY };

/* An entry of http.listen. */
struct settings_listen {
	const char *address; /* "": none, SOCKET then */
	int64_t port;
	const char *socket;
	const char *certificate, *key; /* both or none */
};

/* An entry of domains, and one of auth.trusted-proxies. */
struct settings_domain {
	const char *name; /* lower case */
};
struct settings_proxy {
	const char *address;
};

/* An entry of sip.listen. */
struct settings_sip_listen {
	int transport; /* enum sip_proto */
	const char *address;
	int64_t port; /* 0: the transport's own */
	const char *certificate, *key, *client_ca;
	const char *advertised; /* "": the address itself */
};

/* An entry of sip.peers, of sip.routes, of sip.numbers. */
struct settings_peer {
	const char *name, *networks, *tls_names, *domains, *uri;
	int trusted, core;
	int64_t requests, burst;
	const char *strip_in, *strip_out;
};
struct settings_route {
	const char *domain, *uri;
};
struct settings_number {
	const char *prefix, *uri;
};

enum settings_xdm { SETTINGS_XDM_LOCAL, SETTINGS_XDM_REMOTE };

struct settings {
	struct conf_list domains; /* of struct settings_domain; at least one */
	struct {
		int64_t workers, job_threads; /* 0: one a core */
		int64_t job_queue;
		const char *user, *group; /* "": unchanged; the user's */
		uint64_t drain_ms, stall_ms;
	} server;
	struct {
		int format; /* enum log_format */
		int level;  /* enum log_level */
		/* 0: as LEVEL; else enum log_level + 1. Use settings_log_level. */
		int category[LOG_CATS];
		const char *file; /* "": stderr */
	} log;
	struct {
		int engine; /* index of settings_engines */
		const char *dir;
		uint64_t cache_bytes, checkpoint_bytes, checkpoint_ms;
		uint64_t min_free_bytes, reserve_bytes;
		int64_t journal_keep;
		uint64_t journal_ms;
		int64_t queue;
	} store;
	struct {
		struct conf_list listen; /* of struct settings_listen */
		int64_t max_connections, header_fields;
		uint64_t header_bytes, target_bytes;
		uint64_t idle_ms, deadline_ms;
	} http;
	struct {
		int md5, basic;
		uint64_t nonce_ms, cache_bytes;
		struct conf_list proxies; /* of struct settings_proxy */
	} auth;
	struct {
		struct conf_list listen; /* of struct settings_sip_listen; none: no SIP */
		int64_t max_connections;
		uint64_t idle_ms, message_ms, connect_ms;
		uint64_t t1_ms, t2_ms;
		int64_t max_transactions, max_finished; /* of all workers */
		const char *ca_file;			/* "": the system's */
		int sha256;
		uint64_t min_expires_ms, default_expires_ms, max_expires_ms;
		int64_t max_contacts, max_subscriptions, max_publications;
		uint64_t flow_timer_ms;	   /* 0: none */
		const char *service_route; /* "": none */
		struct conf_list peers, routes, numbers;
		const char *enum_suffix; /* "": none */
		const char *dns_servers; /* "": the system's */
		uint64_t dns_timeout_ms;
		const char *capture_address; /* "": none */
		int64_t capture_port, capture_id;
	} sip;
	struct {
		const char *root; /* "/" and more, without "/" at the end */
		const char *uri;  /* http(s), ends with the root; "": not known */
		uint64_t cache_bytes;
		int test_app, bare_attributes;
		int64_t log_keep;
		uint64_t log_bytes;
		int64_t log_age_days;
		int64_t quota_documents, quota_usage; /* 0: none */
		uint64_t quota_bytes, document_bytes; /* 0: none */
		uint64_t notify_ms;
		int64_t notify_entries, notify_documents;
	} xcap;
	struct {
		int enabled;
		uint64_t answer_ms, max_message_bytes;
		int sync_sent;
		int devices; /* enum pf_mode */
		uint64_t cache_bytes;
		int64_t decisions;
		uint64_t decisions_age_ms; /* 0: no bound */
		const char *factory;	   /* a name or URI; "": none */
		int64_t max_list, max_members;
		uint64_t report_window_ms, report_ms;
		int64_t deferred_messages;
		uint64_t deferred_bytes, deferred_ms, deferred_max_ms;
	} cpm;
	struct {
		int mode; /* enum settings_xdm */
		const char *root, *sip, *identity, *contact, *user, *password;
	} xdm;
	struct {
		int64_t sources, connections, requests, burst;
	} limits;
	struct {
		const char *socket; /* "": none */
		const char *backup_dir;
	} admin;
	struct {
		int access; /* enum settings_access */
	} metrics, health;
};

extern const struct conf_item settings_table[];
extern const struct conf_schema settings_schema;
extern const char *const settings_engines[];

/* conf_load of settings_schema: settings that contradict each other are faults, settings that are
 * dangerous are warnings. NULL FILE: the defaults. Returns 0, conf_values(*CONF_OUT) then being a
 * struct settings; -1 when there were faults. */
int settings_load(const char *file, conf_fault_fn *fault_fn, void *arg, struct conf **conf_out);

/* The rooms' options; texts are borrowed from SETTINGS. Migrations and the fatal hook of the store,
 * routes and limits of HTTP are left as they are. */
void settings_kv_options(const struct settings *settings, struct kv_options *options);
void settings_limit_options(const struct settings *settings, struct limit_options *options);
/* LISTENS_OUT gets http.listen and, as the last one, the admin socket when there is one; it is
 * borrowed by OPTIONS. */
void settings_http_options(const struct settings *settings, struct http_options *options,
			   struct http_listen listens_out[SETTINGS_LISTENS_MAX + 1]);

/* Transport and timers; LISTENS_OUT is borrowed by OPTIONS. */
void settings_sip_tp(const struct settings *settings, struct sip_tp_options *options,
		     struct sip_listen listens_out[SETTINGS_LISTENS_MAX]);
/* Authentication and registration times. */
void settings_sip_timers(const struct settings *settings, struct sip_timers *timers);
void settings_sip_core(const struct settings *settings, struct core_options *options);
void settings_cpm_pf(const struct settings *settings, struct pf_options *options);
void settings_cpm_deferred(const struct settings *settings, struct deferred_options *options);
void settings_sip_dns(const struct settings *settings, struct sip_dns_options *options);
/* Bounds and times of messages to groups; FACTORY_OUT is borrowed by OPTIONS, its canonical name is
 * by DOMAINS. */
void settings_cpm_groups(const struct settings *settings, const struct auth_domains *domains,
			 char factory_out[AUTH_IDENTITY_BYTES], struct cf_options *options);
/* What the tables hold, in arrays that OPTIONS or the caller borrows; each returns the number. */
unsigned settings_sip_peers(const struct settings *settings,
			    struct peer_options peers_out[SETTINGS_PEERS_MAX]);
unsigned settings_sip_routes(const struct settings *settings,
			     struct sip_static_target targets_out[SETTINGS_ROUTES_MAX]);
unsigned settings_sip_numbers(const struct settings *settings,
			      struct number_route routes_out[SETTINGS_ROUTES_MAX]);

/* The domains in NAMES_OUT, which the result borrows, with SETTINGS. */
struct auth_domains settings_domains(const struct settings *settings,
				     struct strv names_out[SETTINGS_DOMAINS_MAX]);

/* The level in force for CAT. */
enum log_level settings_log_level(const struct settings *settings, enum log_cat cat);

/* Workers and job threads, "one a core" resolved and kept within 1 to 64. */
unsigned settings_workers(const struct settings *settings);
unsigned settings_job_threads(const struct settings *settings);

#endif
