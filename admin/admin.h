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
struct http_route;

/* What the room needs from the daemon, which fills it in. ARG comes back in each call. */
struct admin_ops {
	/* Read the configuration (and certificates) again and put it in force. CHANGED is called
	 * for every setting that differs: RELOADABLE 1, it is in force now; 0, it waits for a
	 * restart. FAULT is called for every mistake found. Returns 0; -1 with ERR filled: nothing
	 * has changed. Called on a job thread and may block; two calls may come at once. */
	int (*reload)(void *arg,
		      void (*changed)(void *sink, const char *name, const char *old_text,
				      const char *new_text, int reloadable),
		      void (*fault)(void *sink, const char *text), void *sink, struct err *err);
	/* 1 when the server is going down and wants no new work. Any thread. */
	int (*draining)(void *arg);
	void *arg;
};

struct admin_options {
	const char *version;	  /* of the program */
	const char *store_engine; /* for status */
	struct kv *kv;		  /* borrowed until admin_stop has returned */
	struct workers *workers;  /* borrowed until admin_free */
	struct jobs *jobs;	  /* for what is short; borrowed until admin_stop has returned */
	const struct admin_ops *ops;
	unsigned live_ms;    /* a worker whose heartbeat is older is stuck: /livez says 503 */
	unsigned ready_ms;   /* how long /readyz waits for the store's round trip */
	const char *tmp_dir; /* where exports are kept until fetched, as files without a name */
};

/* The defaults of everything that has one: live_ms 10 s, ready_ms 2 s, tmp_dir "/tmp". */
void admin_options_init(struct admin_options *options);

/* Strings are copied, the rest is borrowed. Metrics and the owner ADMIN_HEALTH_OWNER, whose one
 * record /readyz writes and reads, are the room's. */
int admin_new(const struct admin_options *options, struct admin **admin_out, struct err *err);

/* The routes, valid until admin_free. */
const struct http_route *admin_routes(const struct admin *admin, unsigned *n_out);

/* Cancel the job that runs, refuse those that wait and all new ones; returns when none runs. Before
 * kv_close, when the edge has been drained. Harmless when repeated. */
void admin_stop(struct admin *admin);

/* After the workers and the edge have ended. Takes the address, accepts NULL. */
void admin_free(struct admin **admin);

/* Listed nowhere: /readyz's own. */
#define ADMIN_HEALTH_OWNER "org.opencpm.health"

#endif
