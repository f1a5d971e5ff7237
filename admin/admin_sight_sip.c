/* SPDX-License-Identifier: Apache-2.0 */
/* admin/admin_sight_sip.c - see admin_sight_sip.h */
#include "admin/admin_sight_sip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin_show.h"
#include "base/arena.h"
#include "base/metrics.h"
#include "sip/core/loc.h"
#include "sip/core/peers.h"
#include "sip/sip_tp.h"
#include "sip/sip_trace.h"

enum { DROP_TRIES = 100 }; /* each means that the user registered meanwhile */

static json_t *no_memory(struct err *err)
{
	err_set(err, ERR_NOMEM, "no memory for the answer");
	return NULL;
}

static void set_int(json_t *json, const char *name, int64_t value)
{
	json_object_set_new(json, name, json_integer((json_int_t)value));
}

static void set_some(json_t *json, const char *name, struct strv text)
{
	if (text.n)
		json_set_octets(json, name, text);
}

/* ---- registrations ---- */

static json_t *binding_json(const struct loc_binding *b, struct sip_tp *tp, int64_t now_us)
{
	json_t *json = json_object();
	char source[SIP_ADDR_TEXT];

	json_set_octets(json, "uri", b->uri);
	set_int(json, "expires_s", (b->expires_us - now_us + 999999) / 1000000);
	json_object_set_new(json, "transport",
			    json_string(sip_proto_name((enum sip_proto)b->proto)));
	if (b->source.any.sa_family != AF_UNSPEC)
		json_object_set_new(json, "source",
				    json_string(sip_addr_print(&b->source, source)));
	json_object_set_new(json, "nat", json_boolean(b->nat));
	if (sip_proto_is_reliable((enum sip_proto)b->proto))
		json_object_set_new(json, "connected",
				    json_boolean(sip_tp_flow_alive(tp, b->flow)));
	json_object_set_new(json, "q", json_real(b->q / 1000.0));
	set_some(json, "instance", b->instance);
	if (b->reg_id)
		set_int(json, "reg_id", b->reg_id);
	set_some(json, "gruu", b->gruu);
	set_some(json, "params", b->params);
	set_some(json, "path", b->path);
	set_some(json, "user_agent", b->user_agent);
	json_set_octets(json, "call_id", b->call_id);
	set_int(json, "cseq", b->cseq);
	set_int(json, "since_ms", b->since_us / 1000);
	set_int(json, "refreshed_ms", b->refreshed_us / 1000);
	return json;
}

/* What has ended and only waits to be swept is left out. NULL: nothing lives, or no memory. */
static json_t *user_json(const struct loc_user *user, struct sip_tp *tp, int64_t now_us)
{
	json_t *json, *identities, *contacts = json_array();

	for (unsigned i = 0; i < user->n_bindings; i++)
		if (loc_binding_lives(&user->bindings[i], now_us))
			json_array_append_new(contacts,
					      binding_json(&user->bindings[i], tp, now_us));
	if (!json_array_size(contacts)) {
		json_decref(contacts);
		return NULL;
	}
	json = json_object();
	identities = json_array();
	json_set_octets(json, "user", user->aor);
	for (unsigned i = 0; i < user->n_identities; i++)
		json_array_append_new(identities,
				      json_stringn(user->identities[i].p, user->identities[i].n));
	json_object_set_new(json, "identities", identities);
	set_int(json, "version", (int64_t)user->version);
	json_object_set_new(json, "contacts", contacts);
	return json;
}

static int by_aor(const void *a, const void *b)
{
	return strv_cmp((*(const struct loc_user *const *)a)->aor,
			(*(const struct loc_user *const *)b)->aor);
}

/* A page that is being filled. */
struct page {
	struct loc *loc;
	struct sip_tp *tp;
	json_t *list;
	unsigned max;
	int64_t now_us;
	char next[ADMIN_SIP_AFTER_MAX + 1]; /* "": all of them are in it */
};

/* The users of SHARD behind AFTER, as far as there is room. 0, or -1: no memory. */
static int take_shard(struct page *page, unsigned shard, struct strv after)
{
	const struct loc_user **users;
	unsigned n;

	if (loc_shard_users(page->loc, shard, &users, &n) < 0)
		return -1;
	qsort(users, n, sizeof(*users), by_aor);
	for (unsigned i = 0; i < n; i++) {
		json_t *one = NULL;

		if (!page->next[0] && strv_cmp(users[i]->aor, after) > 0)
			one = user_json(users[i], page->tp, page->now_us);
		if (one)
			json_array_append_new(page->list, one);
		if (one && json_array_size(page->list) == page->max)
			snprintf(page->next, sizeof(page->next), "%u.%.*s", shard,
				 STRV_ARG(users[i]->aor));
		loc_user_drop(&users[i]);
	}
	free(users);
	return 0;
}

json_t *admin_sip_registrations(struct loc *loc, struct sip_tp *tp, struct strv after, unsigned max,
				struct err *err)
{
	struct page page = { .loc = loc, .tp = tp, .max = max, .now_us = loc_now_us(loc) };
	struct loc_stats stats;
	struct strv number;
	uint64_t shard = 0;
	json_t *json;

	if (after.n &&
	    (!strv_cut(&after, '.', &number) || strv_u64(number, LOC_SHARDS - 1, &shard) < 0)) {
		err_set(err, ERR_RANGE, "after is not what the page before named as next");
		return NULL;
	}
	page.list = json_array();
	for (; shard < LOC_SHARDS && !page.next[0]; shard++, after.n = 0)
		if (take_shard(&page, (unsigned)shard, after) < 0) {
			json_decref(page.list);
			return no_memory(err);
		}
	loc_stats(loc, &stats);
	json = json_pack("{s:b, s:o}", "loaded", stats.loaded, "users", page.list);
	if (page.next[0])
		json_object_set_new(json, "next", admin_show_encoded(strv_of(page.next)));
	return json ? json : no_memory(err);
}

/* What AOR has, held; NULL with ERR filled. */
static const struct loc_user *find(struct loc *loc, struct strv aor, struct err *err)
{
	const struct loc_user *user = NULL;

	switch (loc_peek(loc, aor, &user)) {
	case LOC_FOUND:
		return user;
	case LOC_ABSENT:
		err_set(err, ERR_ABSENT, "%.*s is not registered", STRV_ARG(aor));
		return NULL;
	case LOC_BUSY:
		break;
	}
	err_set(err, ERR_BUSY, "registrations are still being read back from the store");
	return NULL;
}

json_t *admin_sip_registration(struct loc *loc, struct sip_tp *tp, struct strv aor, struct err *err)
{
	const struct loc_user *user = find(loc, aor, err);
	json_t *json;

	if (!user)
		return NULL;
	json = user_json(user, tp, loc_now_us(loc));
	loc_user_drop(&user);
	if (!json)
		err_set(err, ERR_ABSENT, "%.*s is not registered", STRV_ARG(aor));
	return json;
}

json_t *admin_sip_drop(struct loc *loc, struct sip_tp *tp, struct strv aor, struct err *err)
{
	for (unsigned i = 0; i < DROP_TRIES; i++) {
		const struct loc_user *user = find(loc, aor, err);
		enum loc_put put;
		json_t *json;

		if (!user)
			return NULL;
		json = user_json(user, tp, loc_now_us(loc));
		put = json ? loc_put(loc, aor, user, NULL) : LOC_PUT_DONE;
		loc_user_drop(&user);
		if (json && put == LOC_PUT_DONE)
			return json;
		json_decref(json);
		if (put == LOC_PUT_NOMEM)
			return no_memory(err);
		if (!json) {
			err_set(err, ERR_ABSENT, "%.*s is not registered", STRV_ARG(aor));
			return NULL;
		}
	}
	err_set(err, ERR_CONFLICT, "%.*s registers again and again", STRV_ARG(aor));
	return NULL;
}

/* ---- peers ---- */

json_t *admin_sip_peers(const struct peers *peers, struct err *err)
{
	json_t *json, *list = json_array();

	for (unsigned i = 0; i < peers_count(peers); i++) {
		const struct peer *peer = peers_at(peers, i);
		json_t *one = json_object();

		json_object_set_new(one, "name", json_string(peer->name));
		if (peer->uri)
			json_object_set_new(one, "uri", json_string(peer->uri));
		json_object_set_new(one, "trusted", json_boolean(peer->trusted));
		json_object_set_new(one, "core", json_boolean(peer->is_core));
		json_object_set_new(one, "tls", json_boolean(peer->needs_tls));
		set_int(one, "requests", metric_value(peer->requests));
		set_int(one, "refused", metric_value(peer->refused));
		json_array_append_new(list, one);
	}
	json = json_pack("{s:o}", "peers", list);
	return json ? json : no_memory(err);
}

/* ---- transactions ---- */

/* The layers' own figures belong to their workers; these are the same, for any thread. */
static const struct figure {
	const char *metric, *label; /* the sum of those series whose labels hold it */
	const char *name;
} figures[] = {
	{ "opencpm_sip_live", "what=\"server-transaction\"", "server" },
	{ "opencpm_sip_live", "what=\"client-transaction\"", "client" },
	{ "opencpm_sip_live", "what=\"finished-transaction\"", "finished" },
	{ "opencpm_sip_live", "what=\"subscription\"", "subscriptions" },
	{ "opencpm_sip_retransmissions_total", "", "retransmitted" },
	{ "opencpm_sip_timeouts_total", "", "timed_out" },
};
enum { FIGURES = sizeof(figures) / sizeof(figures[0]) };

struct counts {
	int64_t (*of)[FIGURES]; /* a worker */
	unsigned n;
};

static void add_series(void *arg, const char *name, const char *labels, double value)
{
	static const char label[] = "worker=\"";
	struct counts *counts = arg;
	const char *worker;
	unsigned long at;

	if (strncmp(name, "opencpm_sip_", 12) != 0 || !(worker = strstr(labels, label)))
		return;
	at = strtoul(worker + sizeof(label) - 1, NULL, 10);
	for (unsigned i = 0; i < FIGURES && at < counts->n; i++)
		if (strcmp(name, figures[i].metric) == 0 && strstr(labels, figures[i].label))
			counts->of[at][i] += (int64_t)value;
}

json_t *admin_sip_transactions(unsigned n_workers, struct err *err)
{
	struct counts counts = { calloc(n_workers, sizeof(*counts.of)), n_workers };
	json_t *json, *list = json_array();

	if (!counts.of) {
		json_decref(list);
		return no_memory(err);
	}
	metrics_each(add_series, &counts);
	for (unsigned w = 0; w < n_workers; w++) {
		json_t *one = json_object();

		set_int(one, "worker", w);
		for (unsigned i = 0; i < FIGURES; i++)
			set_int(one, figures[i].name, counts.of[w][i]);
		json_array_append_new(list, one);
	}
	free(counts.of);
	json = json_pack("{s:o}", "workers", list);
	return json ? json : no_memory(err);
}

/* ---- trace ---- */

json_t *admin_sip_traced(struct err *err)
{
	struct strv users[SIP_TRACE_USERS_MAX];
	struct arena *arena = arena_new(0);
	json_t *json, *list = json_array();
	unsigned n = arena ? sip_trace_list(arena, users) : 0;

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(list, json_stringn(users[i].p, users[i].n));
	json = arena ? json_pack("{s:O}", "users", list) : NULL;
	json_decref(list);
	arena_free(&arena);
	return json ? json : no_memory(err);
}

/* Messages hold it with any scheme, or in a tel: URI. */
static struct strv without_scheme(struct strv user)
{
	static const char *const schemes[] = { "sip", "sips", "tel" };
	struct strv rest = user, scheme;

	if (strv_cut(&rest, ':', &scheme))
		for (unsigned i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
			if (strv_caseeq(scheme, strv_of(schemes[i])))
				return rest;
	return user;
}

int admin_sip_trace(struct strv user, int on, struct err *err)
{
	user = without_scheme(user);
	if (!user.n || user.n > ADMIN_SIP_AFTER_MAX)
		return err_set(err, ERR_RANGE, "no user is named so");
	if (on && sip_trace_add(user) < 0)
		return err_set(err, ERR_CONFLICT, "%d users are traced already, which is the most",
			       SIP_TRACE_USERS_MAX);
	if (!on && !sip_trace_remove(user))
		return err_set(err, ERR_ABSENT, "%.*s is not traced", STRV_ARG(user));
	return 0;
}
