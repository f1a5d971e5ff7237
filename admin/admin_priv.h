/* SPDX-License-Identifier: Apache-2.0 */
/* admin/admin_priv.h - what the files of the room share */
#ifndef ADMIN_ADMIN_PRIV_H
#define ADMIN_ADMIN_PRIV_H

#include <stdint.h>

#include "admin/admin.h"
#include "admin/admin_calls.h"
#include "admin/admin_jobs.h"
#include "admin/admin_ready.h"
#include "admin/users.h"

struct admin_reload {
	json_t *changed, *restart, *faults, *warnings; /* arrays */
};

struct admin {
	char *store_engine, *tmp_dir;
	struct kv *kv;
	struct workers *workers;
	struct jobs *pool;
	struct users *users;
	const struct xdm_docs *docs;
	struct loc *loc; /* NULL: no SIP */
	const struct peers *peers;
	struct sip_tp *tp;
	struct cpm_rules *rules; /* NULL: no CPM functions */
	struct cpm_ring *ring;
	struct deferred *deferred; /* NULL: nothing is kept */
	const struct admin_ops *ops;
	unsigned live_ms, ready_ms;
	uint64_t started_ms;	  /* monotonic */
	struct admin_calls calls; /* in the store, but for jobs */
	struct admin_jobs *jobs;
	struct admin_ready *ready;
	struct http_route *routes; /* of admin_http.c */
	unsigned n_routes;
};

/* Monotonic milliseconds: the clock of worker_heartbeat_ms. */
uint64_t admin_now_ms(void);

/* Fill in the routes; -1 when memory is short. (admin_http.c) */
int admin_routes_new(struct admin *admin, const struct admin_options *options);

/* The answers of the open endpoints. (admin_health_http.c) */
struct http_req;
void admin_metrics_handle(struct http_req *req, void *admin);
void admin_livez_handle(struct http_req *req, void *admin);
void admin_readyz_handle(struct http_req *req, void *admin);

#endif
