/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/admin.h - what operators reach: REST over the Unix socket, metrics, health
 *
 * The room gives a table of routes for http_new. /metrics, /livez and /readyz are open on every
 * listener; everything below /v1 is for the Unix socket only. What takes long (backup, verify,
 * export, erase) runs as a numbered job on a thread of the room's own, one at a time, so that it
 * never takes a thread from the readers of the workers.
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "base/err.h"
#include "base/jobs.h"
#include "base/worker.h"
#include "kv/kv.h"

struct admin;
struct conf_fault;
struct deferred;
struct cpm_ring;
struct cpm_rules;
struct http_route;
struct loc;
struct peers;
struct sip_tp;
struct users;
struct xdm_docs;

/* ---- what the room needs from the daemon, which fills it in ---- */

/* What a reload found: handed to the daemon's reload, which adds to it. */
struct admin_reload;

/* A setting that differs. RESTART 0: it is in force now; 1: it waits for a restart. */
void admin_reload_add_change(struct admin_reload *reload, const char *name, const char *old_text,
			     const char *new_text, int restart);
/* A fault of the configuration. */
void admin_reload_add_fault(struct admin_reload *reload, const struct conf_fault *fault);

/* ARG comes back in each call; any thread may call. */
struct admin_ops {
	const char *version; /* of the program */
	/* Read the configuration (and certificates) again and put it in force. Returns 0; -1 with
	 * ERR filled. Called on a job thread and may block; two calls may come at once. */
	int (*reload)(void *arg, struct admin_reload *out, struct err *err);
	/* 1 when the server is going down and wants no new work. */
	int (*draining)(void *arg);
	/* The folder for backups without an absolute path, into DIR_OUT; NULL: there is none. */
	void (*backup_dir)(void *arg, char *dir_out, size_t bytes);
	void *arg;
};

/* ---- the room ---- */

/* On which listeners an endpoint is open. */
enum admin_access { ADMIN_ANY, ADMIN_SOCKET, ADMIN_OFF };

struct admin_options {
	const struct admin_ops *ops; /* borrowed until admin_free */
	const char *store_engine;    /* for status */
	enum admin_access metrics;   /* /metrics */
	enum admin_access health;    /* /livez and /readyz */
	unsigned live_ms;    /* a worker whose heartbeat is older is stuck: /livez says 503 */
	unsigned ready_ms;   /* how long /readyz waits for the store's round trip */
	const char *tmp_dir; /* where exports are kept until fetched, as files without a name */
};

/* The defaults of everything that has one: any, any, 10 s, 2 s, "/tmp". */
void admin_options_init(struct admin_options *options);

/* A room with its routes, so that the edge can be opened before the store is. Strings are copied.
 * NULL when memory is short. */
struct admin *admin_new(const struct admin_options *options);

/* Before the workers run. KV, WORKERS, JOBS (for what is short), the directory USERS and the
 * documents DOCS (NULL: none) are borrowed: WORKERS until admin_free, the others until admin_stop
 * has returned and the workers have ended. The owner ADMIN_HEALTH_OWNER, whose one record /readyz
 * writes and reads, is the room's. 0 or -1. */
int admin_start(struct admin *admin, struct workers *workers, struct jobs *jobs, struct kv *kv,
		struct users *users, const struct xdm_docs *docs, struct err *err);

/* The SIP side: where users are registered, the table of peers, and the transport, which knows what
 * is connected; before the workers run. Borrowed until admin_stop has returned. Without this call
 * the server has no SIP. */
void admin_set_sip(struct admin *admin, struct loc *loc, const struct peers *peers,
		   struct sip_tp *tp);

/* The rules in force and the decisions on record; before the workers run. Borrowed until admin_stop
 * has returned and the workers have ended. */
void admin_set_cpm(struct admin *admin, struct cpm_rules *rules, struct cpm_ring *ring);

/* What waits for users; before the workers run. Borrowed as above. */
void admin_set_deferred(struct admin *admin, struct deferred *deferred);

/* The routes, valid until admin_free. */
const struct http_route *admin_routes(const struct admin *admin, unsigned *n_out);

/* Cancel the job that runs, refuse those that wait and all new ones; returns when nothing of the
 * room is in the store any more. Before kv_close, when the edge has been drained, while the workers
 * still run, not on one of them. Harmless when repeated, and without admin_start. */
void admin_stop(struct admin *admin);

/* After the workers and the edge have ended. Takes the address, accepts NULL. */
void admin_free(struct admin **admin);

/* Listed nowhere: /readyz's own. */
#define ADMIN_HEALTH_OWNER "org.opencpm.health"

#endif
