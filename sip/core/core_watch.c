/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/core_watch.c - an IMS core's users are watched (RFC 3680), when it told only that they
 * are registered
 *
 * One watch a user, on the worker that the user's name chooses, whoever got the REGISTER. A NOTIFY
 * goes three steps: it is read, the user of each address in it is looked for, and what is kept of
 * them is put together with what it tells. While one is on its way another counts as missed, and
 * everything is asked for once more.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "sip/core/core_priv.h"
#include "sip/core/reginfo.h"
#include "sip/sip_watch.h"

enum { WATCHES_MAX = 200000, TRIES_MAX = 100, GRACE_S = 30 };
/* RFC 3680 s4.4 has 3761 s; a registration that is longer shall not end before its subscription. */
enum { EXPIRES_S = 3761 };

struct apply;

/* One user. */
struct watched {
	struct sip_node node; /* by AOR */
	struct watched *next, **link;
	struct core_watches *at;
	struct sip_watch *watch;
	struct apply *apply; /* what is on its way; NULL: nothing */
	struct strv aor, path;
	struct sip_addr addr;
	enum sip_proto proto;
	uint32_t granted_s;
	uint32_t version;
	int has_version;
	char text[];
};

/* Of one worker. */
struct core_watches {
	struct core *core;
	struct sip_worker *w;
	struct sip_watches *watches;
	struct sip_table table;
	struct watched *first;
};

/* What one NOTIFY tells, in an arena of its own. */
struct apply {
	struct core *core;
	struct watched *watched; /* NULL: it has ended meanwhile */
	struct arena *arena;
	struct reginfo *info;
	struct reginfo_source source;
	unsigned at, tries;
};

/* ---- a NOTIFY on its way ---- */

static void find_users(struct apply *apply);
static void merge_next(struct apply *apply);

static void apply_free(struct apply *apply)
{
	struct arena *arena = apply->arena;

	if (apply->watched)
		apply->watched->apply = NULL;
	arena_free(&arena); /* APPLY is in it */
}

static void on_user(void *context, enum auth_found found, const struct auth_user *user)
{
	struct apply *apply = context;
	struct reginfo_reg *reg = &apply->info->reg[apply->at++];
	struct strv home = user ? user->identity[0] : reg->aor;
	char *copy;

	/* Cannot tell now: of this one nothing is known, and the next refresh tells again. */
	if (found != AUTH_BUSY && !(user && user->disabled) &&
	    (copy = arena_strdup(apply->arena, home)))
		reg->home = strv_of(copy);
	find_users(apply);
}

/* Each address that is ours, reduced. */
static void find_users(struct apply *apply)
{
	const struct auth_domains *domains = &apply->core->policy.domains;
	struct auth_identity identity;
	char *copy;

	while (apply->at < apply->info->n_regs) {
		struct reginfo_reg *reg = &apply->info->reg[apply->at];

		reg->home = STRV("");
		if (auth_identity_parse(reg->aor, domains, &identity, NULL) < 0 ||
		    (!auth_identity_is_tel(&identity) &&
		     !core_is_ours(apply->core, auth_identity_host(&identity))) ||
		    !(copy = arena_strdup(apply->arena, auth_identity_text(&identity)))) {
			apply->at++;
			continue;
		}
		reg->aor = strv_of(copy);
		apply->core->options.users.find(apply->core->options.users.arg, reg->aor, on_user,
						apply);
		return;
	}
	apply->at = 0;
	merge_next(apply);
}

static void on_located(void *arg, enum loc_found found, const struct loc_user *old)
{
	struct apply *apply = arg;
	struct loc *loc = apply->core->options.loc;
	struct strv home = apply->info->reg[apply->at].home;
	const struct loc_user *made = NULL;
	struct loc_user draft;
	int changed = 0;

	apply->source.now_us = loc_now_us(loc);
	if (found != LOC_BUSY)
		changed =
			reginfo_merge(apply->info, &apply->source, home, old, apply->arena, &draft);
	if (changed == 1 && draft.n_bindings && !(made = loc_user_new(&draft)))
		changed = -1;
	if (found == LOC_BUSY || changed < 0)
		log_warn(LOG_SIP, "what a registrar told is not kept", L_SV("user", home));
	else if (changed && loc_put(loc, home, old, made) == LOC_PUT_CONFLICT &&
		 ++apply->tries < TRIES_MAX)
		apply->at--; /* the same once more */
	loc_user_drop(&old);
	apply->at++;
	merge_next(apply);
}

/* Each user once. */
static int is_first(const struct apply *apply, unsigned at)
{
	for (unsigned i = 0; i < at; i++)
		if (strv_eq(apply->info->reg[i].home, apply->info->reg[at].home))
			return 0;
	return apply->info->reg[at].home.n > 0;
}

static void merge_next(struct apply *apply)
{
	while (apply->at < apply->info->n_regs && !is_first(apply, apply->at))
		apply->at++;
	if (apply->at < apply->info->n_regs)
		loc_find(apply->core->options.loc, apply->info->reg[apply->at].home, on_located,
			 apply);
	else
		apply_free(apply);
}

/* ---- what the notifier says ---- */

static void began(void *user)
{
	struct watched *watched = user;

	watched->has_version = 0;
}

/* RFC 3680 s5.2: 1 when INFO is the next, or tells everything; 0 it is of before; -1 one was
 * missed. */
static int is_next(struct watched *watched, const struct reginfo *info)
{
	if (watched->has_version && info->version <= watched->version)
		return 0;
	if (!info->is_full && (!watched->has_version || info->version != watched->version + 1))
		return -1;
	watched->version = info->version;
	watched->has_version = 1;
	return 1;
}

static struct apply *apply_new(struct watched *watched)
{
	struct arena *arena = arena_new(0);
	struct apply *apply = arena ? arena_zalloc(arena, 1, sizeof(*apply)) : NULL;
	char *path = apply ? arena_strdup(arena, watched->path) : NULL;

	if (!path) {
		arena_free(&arena);
		return NULL;
	}
	apply->core = watched->at->core;
	apply->arena = arena;
	apply->watched = watched;
	apply->source = (struct reginfo_source){ .path = strv_of(path),
						 .addr = watched->addr,
						 .proto = watched->proto,
						 .granted_s = watched->granted_s,
						 .grace_s = GRACE_S };
	return apply;
}

static int told(void *user, struct sip_msg *notify)
{
	struct watched *watched = user;
	struct apply *apply;
	struct err err;
	int next;

	if (watched->apply) {
		watched->has_version = 0;
		return 1;
	}
	apply = watched->apply = apply_new(watched);
	if (!apply)
		return 1;
	if (reginfo_parse(notify->body, apply->arena, &apply->info, &err) < 0) {
		log_warn(LOG_SIP, "a registrar's document cannot be read",
			 L_SV("user", watched->aor), L_ERR(&err), L_ID(&notify->trace));
		apply_free(apply);
		return err.code == ERR_NOMEM;
	}
	next = is_next(watched, apply->info);
	if (next < 1)
		apply_free(apply);
	else
		find_users(apply);
	return next < 0;
}

static void watched_free(struct watched *watched, int polite)
{
	if (watched->apply)
		watched->apply->watched = NULL;
	sip_watch_free(&watched->watch, polite);
	sip_table_remove(&watched->at->table, &watched->node);
	*watched->link = watched->next;
	if (watched->next)
		watched->next->link = watched->link;
	free(watched);
}

/* The user stays registered as far as REGISTER told; with the next one it is tried again. */
static void lost(void *user, unsigned status)
{
	struct watched *watched = user;

	log_info(LOG_SIP, "a registrar does not let its user be watched",
		 L_SV("user", watched->aor), L_INT("status", status));
	watched_free(watched, 0);
}

static const struct sip_watch_ops ops = { .event = "reg",
					  .accept = "application/reginfo+xml",
					  .began = began,
					  .told = told,
					  .lost = lost };

/* ---- one worker's table ---- */

static struct core_watches *watches_of(struct core *core, struct sip_worker *w)
{
	unsigned index = worker_index(w->worker);
	struct core_watches **at, *watches;

	if (index >= CORE_WORKERS_MAX || !core->events)
		return NULL;
	at = &core->watches[index];
	if (*at)
		return *at;
	watches = calloc(1, sizeof(*watches));
	if (!watches || sip_table_init(&watches->table) < 0) {
		free(watches);
		return NULL;
	}
	if (sip_watches_new(sip_events_dialogs(core->events, w), WATCHES_MAX, &watches->watches,
			    NULL) < 0) {
		sip_table_fini(&watches->table);
		free(watches);
		return NULL;
	}
	watches->core = core;
	watches->w = w;
	return *at = watches;
}

static struct sip_key key_of(const struct core_watches *watches, struct strv aor)
{
	struct sip_hash hash;

	sip_hash_init(&hash, &watches->table.secret);
	sip_hash_add(&hash, aor);
	return sip_hash_key(&hash);
}

static struct watched *find(struct core_watches *watches, struct strv aor)
{
	struct sip_key key = key_of(watches, aor);

	return (struct watched *)(void *)sip_table_find(&watches->table, &key);
}

void core_watches_free(struct core *core)
{
	for (unsigned i = 0; i < CORE_WORKERS_MAX; i++) {
		struct core_watches *watches = core->watches[i];

		core->watches[i] = NULL;
		if (!watches)
			continue;
		while (watches->first)
			watched_free(watches->first, 0);
		sip_watches_free(&watches->watches);
		sip_table_fini(&watches->table);
		free(watches);
	}
}

int core_watch_request(struct core *core, struct sip_worker *w, struct sip_stx *stx,
		       struct sip_msg *msg)
{
	unsigned index = worker_index(w->worker);

	if (msg->method != SIP_NOTIFY || index >= CORE_WORKERS_MAX || !core->watches[index])
		return 0;
	/* Tags and Call-ID are known to the two ends alone; and one end is a core's. */
	return msg->is_peer && sip_watches_notify(core->watches[index]->watches, stx, msg);
}

/* ---- begin and end, from any worker ---- */

enum { AOR, TO, AS, PATH, HERE, ICID, ASK_TEXTS };

struct ask {
	struct post post;
	struct core *core;
	struct sip_worker *w;
	struct sip_addr addr;
	enum sip_proto proto;
	uint32_t granted_s; /* 0: end it */
	struct strv text[ASK_TEXTS];
	char chars[];
};

static struct watched *watched_new(struct core_watches *watches, const struct ask *ask)
{
	struct watched *watched =
		calloc(1, sizeof(*watched) + ask->text[AOR].n + ask->text[PATH].n);
	char *at;

	if (!watched)
		return NULL;
	watched->at = watches;
	at = watched->text;
	watched->aor = strv_mem(at, ask->text[AOR].n);
	at = mempcpy(at, ask->text[AOR].p, ask->text[AOR].n);
	watched->path = strv_mem(at, ask->text[PATH].n);
	memcpy(at, ask->text[PATH].p, ask->text[PATH].n);
	watched->addr = ask->addr;
	watched->proto = ask->proto;
	watched->node.key = key_of(watches, watched->aor);
	sip_table_add(&watches->table, &watched->node);
	watched->link = &watches->first;
	watched->next = watches->first;
	if (watched->next)
		watched->next->link = &watched->next;
	watches->first = watched;
	return watched;
}

static void begin(struct core_watches *watches, const struct ask *ask)
{
	struct watched *watched = watched_new(watches, ask);
	char asserted[1024], vector[256];
	struct strv lines[2];
	struct sip_watch_new draft = {
		.uri = ask->text[TO],
		.hop = strv_mem(ask->text[PATH].p + 1, ask->text[PATH].n - 2), /* without <> */
		.from = ask->text[AS],
		.here = ask->text[HERE],
		.lines = lines,
		.n_lines = 2,
		.expires_s = ask->granted_s > EXPIRES_S ? ask->granted_s : EXPIRES_S,
		.ops = &ops,
		.user = watched
	};

	if (!watched)
		return;
	watched->granted_s = ask->granted_s;
	snprintf(asserted, sizeof(asserted), "P-Asserted-Identity: <%.*s>",
		 STRV_ARG(ask->text[AS]));
	snprintf(vector, sizeof(vector), "P-Charging-Vector: icid-value=%.*s",
		 STRV_ARG(ask->text[ICID]));
	lines[0] = strv_of(asserted);
	lines[1] = strv_of(vector);
	watched->watch = sip_watch_new(watches->watches, &draft);
	if (!watched->watch)
		watched_free(watched, 0);
}

static void on_ask(struct post *post)
{
	struct ask *ask = (struct ask *)post;
	struct core_watches *watches = watches_of(ask->core, ask->w);
	struct watched *watched = watches ? find(watches, ask->text[AOR]) : NULL;

	/* Another S-CSCF has taken the user over. */
	if (watched && (!ask->granted_s || !strv_eq(watched->path, ask->text[PATH]))) {
		watched_free(watched, ask->granted_s == 0);
		watched = NULL;
	}
	if (watched)
		watched->granted_s = ask->granted_s;
	else if (watches && ask->granted_s)
		begin(watches, ask);
	free(ask);
}

static unsigned workers_of(const struct sip_worker *w)
{
	unsigned n = 0;

	while (sip_worker_at(w->sip, n))
		n++;
	return n;
}

/* The same for a user in every process and on every worker. */
static unsigned choose(struct strv aor, unsigned n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < aor.n; i++)
		h = (h ^ (unsigned char)aor.p[i]) * 16777619u;
	return (h ^ h >> 15) % n;
}

static void send_ask(struct core *core, struct sip_worker *w, const struct strv text[ASK_TEXTS],
		     uint32_t granted_s, const struct sip_msg *msg)
{
	struct ask *ask;
	size_t n = 0;
	char *at;

	if (!core->events)
		return;
	for (unsigned i = 0; i < ASK_TEXTS; i++)
		n += text[i].n;
	ask = malloc(sizeof(*ask) + n);
	if (!ask)
		return; /* with the next REGISTER */
	memset(ask, 0, sizeof(*ask));
	at = ask->chars;
	for (unsigned i = 0; i < ASK_TEXTS; i++) {
		ask->text[i] = strv_mem(at, text[i].n);
		if (text[i].n)
			at = mempcpy(at, text[i].p, text[i].n);
	}
	ask->post.run = on_ask;
	ask->core = core;
	ask->w = sip_worker_at(w->sip, choose(text[AOR], workers_of(w)));
	ask->addr = msg->source;
	ask->proto = msg->proto;
	ask->granted_s = granted_s;
	worker_post(ask->w->worker, &ask->post);
}

void core_watch_begin(struct core *core, struct sip_worker *w, struct sip_msg *msg, struct strv aor,
		      struct strv path, uint32_t granted_s)
{
	static const char *const transport[SIP_PROTOS] = { "", ";transport=tcp", ";transport=tls",
							   ";transport=ws", ";transport=wss" };
	struct strv text[ASK_TEXTS] = { [AOR] = aor,
					[TO] = msg->to.uri.text,
					[AS] = msg->uri.text,
					[PATH] = path,
					[ICID] = strv_of(msg->trace.hex) };
	char host[SIP_ADDR_TEXT];
	struct sip_addr local;
	struct sip_dest dest;
	const char *here;

	sip_reply_dest(msg, &dest);
	if (sip_tp_local(w->tp, &dest, &local) < 0)
		return;
	here = arena_printf(msg->arena, "%s%s", sip_addr_print(&local, host),
			    transport[dest.proto]);
	if (!here)
		return;
	text[HERE] = strv_of(here);
	send_ask(core, w, text, granted_s, msg);
}

void core_watch_end(struct core *core, struct sip_worker *w, struct sip_msg *msg, struct strv aor)
{
	const struct strv text[ASK_TEXTS] = { [AOR] = aor };

	send_ask(core, w, text, 0, msg);
}
