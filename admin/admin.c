/* SPDX-License-Identifier: Apache-2.0 */
/* admin/admin.c - the room's life: see admin.h */
#include "admin/admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin/admin_priv.h"
#include "base/metrics.h"

void admin_options_init(struct admin_options *options)
{
	memset(options, 0, sizeof(*options));
	options->store_engine = "";
	options->live_ms = 10000;
	options->ready_ms = 2000;
	options->tmp_dir = "/tmp";
}

uint64_t admin_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void publish_metrics(const struct admin *admin)
{
	char labels[128];

	snprintf(labels, sizeof(labels), "version=\"%.100s\"", admin->ops->version);
	metric_set(metric_gauge("opencpm_build_info", "What runs here; always 1.", labels), 1);
	metric_set(metric_gauge("opencpm_start_time_seconds", "When the process began, Unix time.",
				""),
		   (int64_t)time(NULL));
	metric_set(metric_gauge("opencpm_workers", "Event loops.", ""),
		   (int64_t)workers_count(admin->workers));
}

struct admin *admin_new(const struct admin_options *options)
{
	struct admin *admin = calloc(1, sizeof(*admin));

	if (!admin)
		return NULL;
	admin_calls_init(&admin->calls);
	json_object_seed(0); /* before threads make objects */
	admin->ops = options->ops;
	admin->live_ms = options->live_ms;
	admin->ready_ms = options->ready_ms;
	admin->store_engine = strdup(options->store_engine);
	admin->tmp_dir = strdup(options->tmp_dir);
	if (!admin->store_engine || !admin->tmp_dir || admin_routes_new(admin, options) < 0)
		admin_free(&admin);
	return admin;
}

int admin_start(struct admin *admin, struct workers *workers, struct jobs *jobs, struct kv *kv,
		struct users *users, const struct xdm_docs *docs, struct err *err)
{
	admin->workers = workers;
	admin->pool = jobs;
	admin->kv = kv;
	admin->users = users;
	admin->docs = docs;
	admin->started_ms = admin_now_ms();
	admin->ready = admin_ready_new(kv, admin->ready_ms, &admin->calls, admin->ops->draining,
				       admin->ops->arg);
	if (!admin->ready)
		return err_set(err, ERR_NOMEM, "no memory for the admin room");
	publish_metrics(admin);
	return admin_jobs_new(&admin->jobs, err);
}

void admin_set_sip(struct admin *admin, struct loc *loc, const struct peers *peers,
		   struct sip_tp *tp)
{
	admin->loc = loc;
	admin->peers = peers;
	admin->tp = tp;
}

void admin_set_deferred(struct admin *admin, struct deferred *deferred)
{
	admin->deferred = deferred;
}

void admin_set_cpm(struct admin *admin, struct cpm_rules *rules, struct cpm_ring *ring)
{
	admin->rules = rules;
	admin->ring = ring;
}

const struct http_route *admin_routes(const struct admin *admin, unsigned *n_out)
{
	*n_out = admin->n_routes;
	return admin->routes;
}

void admin_stop(struct admin *admin)
{
	if (admin->jobs)
		admin_jobs_stop(admin->jobs);
	admin_calls_end(&admin->calls);
}

void admin_free(struct admin **admin_at)
{
	struct admin *admin = *admin_at;

	*admin_at = NULL;
	if (!admin)
		return;
	admin_jobs_free(&admin->jobs);
	admin_ready_free(&admin->ready);
	admin_calls_fini(&admin->calls);
	free(admin->routes);
	free(admin->store_engine);
	free(admin->tmp_dir);
	free(admin);
}
