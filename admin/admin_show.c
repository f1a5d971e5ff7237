/* SPDX-License-Identifier: Apache-2.0 */
/* admin/admin_show.c - see admin_show.h */
#include "admin/admin_show.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin_policy.h"
#include "admin/admin_call.h"
#include "admin/admin_priv.h"
#include "base/log.h"
#include "base/metrics.h"

static void set_int(json_t *json, const char *name, uint64_t n)
{
	json_object_set_new(json, name, json_integer((json_int_t)n));
}

static void set_new(json_t *json, const char *name, json_t *value)
{
	json_object_set_new(json, name, value);
}

static json_t *show_store(const struct admin *admin)
{
	struct kv_stats stats;
	json_t *json = json_object();

	kv_stats(admin->kv, &stats);
	set_new(json, "engine", json_string(admin->store_engine));
	set_int(json, "epoch", kv_epoch(admin->kv));
	set_int(json, "seq", kv_seq(admin->kv));
	set_int(json, "journal_first", kv_journal_first(admin->kv));
	set_int(json, "format", stats.format);
	set_int(json, "disk_bytes", stats.disk_bytes);
	set_int(json, "free_bytes", stats.free_bytes);
	set_new(json, "low_space", json_boolean(stats.low_space));
	set_int(json, "queued", stats.queued);
	return json;
}

static json_t *show_workers(const struct admin *admin)
{
	uint64_t now_ms = admin_now_ms();
	json_t *list = json_array();

	for (unsigned i = 0; i < workers_count(admin->workers); i++) {
		uint64_t beat_ms = worker_heartbeat_ms(workers_at(admin->workers, i));
		json_t *one = json_object();

		set_int(one, "index", i);
		set_int(one, "heartbeat_age_ms", now_ms > beat_ms ? now_ms - beat_ms : 0);
		json_array_append_new(list, one);
	}
	return list;
}

static void add_connections(void *arg, const char *name, const char *labels, double value)
{
	(void)labels;
	if (strcmp(name, "opencpm_http_connections") == 0)
		*(double *)arg += value;
}

json_t *admin_show_status(const struct admin *admin)
{
	json_t *json = json_object();
	double connections = 0;

	metrics_each(add_connections, &connections);
	set_new(json, "version", json_string(admin->ops->version));
	set_int(json, "pid", (uint64_t)getpid());
	set_int(json, "uptime_ms", admin_now_ms() - admin->started_ms);
	set_new(json, "draining", json_boolean(admin->ops->draining(admin->ops->arg)));
	set_int(json, "connections", (uint64_t)connections);
	set_new(json, "workers", show_workers(admin));
	set_new(json, "store", show_store(admin));
	if (admin->rules)
		set_new(json, "policy", admin_policy_show((struct admin *)(uintptr_t)admin));
	if (admin->deferred)
		set_new(json, "deferred", admin_show_deferred(admin->deferred));
	return json;
}

static json_t *number(double value)
{
	if (value > -1e18 && value < 1e18 && value == (double)(int64_t)value)
		return json_integer((json_int_t)value);
	/* JSON has no infinity and no NaN. */
	return isfinite(value) ? json_real(value) : json_null();
}

static void add_metric(void *arg, const char *name, const char *labels, double value)
{
	json_array_append_new(arg, json_pack("{s:s, s:s, s:o}", "name", name, "labels", labels,
					     "value", number(value)));
}

json_t *admin_show_stats(const struct admin *admin)
{
	json_t *json = json_object(), *metrics = json_array(), *store = show_store(admin);
	struct kv_stats stats;

	kv_stats(admin->kv, &stats);
	set_int(store, "commits", stats.commits);
	set_int(store, "conflicts", stats.conflicts);
	set_int(store, "no_space", stats.no_space);
	set_int(store, "groups", stats.groups);
	set_int(store, "reads", stats.reads);
	set_int(store, "retries", stats.retries);
	set_int(store, "checkpoints", stats.checkpoints);
	metrics_each(add_metric, metrics);
	set_new(json, "store", store);
	set_new(json, "metrics", metrics);
	return json;
}

json_t *admin_show_log(void)
{
	json_t *levels = json_object();

	for (unsigned cat = 0; cat < LOG_CATS; cat++)
		set_new(levels, log_cat_name(cat),
			json_string(log_level_name(atomic_load(&log_levels[cat]))));
	return json_pack("{s:o}", "levels", levels);
}

json_t *admin_show_encoded(struct strv s)
{
	static const char digits[] = "0123456789ABCDEF";
	char *text = malloc(3 * s.n + 1), *to = text;
	json_t *json;

	if (!text)
		return NULL;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		    strchr("-._~", c)) {
			*to++ = (char)c;
		} else {
			*to++ = '%';
			*to++ = digits[c >> 4];
			*to++ = digits[c & 15];
		}
	}
	json = json_stringn(text, (size_t)(to - text));
	free(text);
	return json;
}

json_t *admin_show_owners(struct kv *kv, struct strv after, unsigned max, struct err *err)
{
	struct arena *arena = arena_new(0);
	struct strv *owners = NULL;
	json_t *json = NULL, *list;
	unsigned n = 0;

	if (!arena) {
		err_set(err, ERR_NOMEM, "no memory for a list of owners");
		return NULL;
	}
	if (kv_owners_sync(kv, after, max, arena, &owners, &n, err) < 0)
		goto out;
	json = json_object();
	list = json_array();
	for (unsigned i = 0; i < n; i++) {
		json_t *one = json_object();

		if (strv_eq(owners[i], STRV(ADMIN_HEALTH_OWNER))) {
			json_decref(one);
			continue;
		}
		json_set_octets(one, "owner", owners[i]);
		json_array_append_new(list, one);
	}
	set_new(json, "owners", list);
	if (n == max)
		set_new(json, "next", admin_show_encoded(owners[n - 1]));
out:
	arena_free(&arena);
	return json;
}
