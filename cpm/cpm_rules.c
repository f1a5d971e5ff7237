/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/cpm_rules.c - the rules in force: who asks, who waits, and what a change makes void
 *
 * See cpm_rules_priv.h. Why nobody gets rules that are older than a 200: a flight registers for
 * each document before it reads it; a change, which is told before the 200 leaves, takes every
 * value made of the document out of the cache, voids the ticket of those being made, and takes
 * their flights off the list that others join. So whoever asks after the 200 finds what was read
 * after the change, or begins anew.
 *
 * The operator's policy is a flight, too. While it is in the air, those who ask for a user or a
 * group wait for it first.
 */
#include "cpm/cpm_rules.h"

#include <stdlib.h>

#include "auth/auth_domain.h"
#include "base/log.h"
#include "base/metrics.h"
#include "cpm/cpm_rules_priv.h"
#include "xdms/xdm_store.h"

enum { KEY_MAX = 1 + POL_SPELL_BYTES, LAST_SHARE = 8 };

#define OPERATOR_POLICY STRV("x/org.opencpm.operator-policy/index")
#define OPERATOR_KEY	STRV("o")

const struct strv rules_own_names[OWN_DOCS] = {
	[OWN_ACCESS] = { "x/org.openmobilealliance.access-rules/access-rules", 50 },
	[OWN_PREFS] = { "x/org.opencpm.user-prefs/index", 30 },
	[OWN_OMA_PRESENCE] = { "x/org.openmobilealliance.pres-rules/pres-rules", 46 },
	[OWN_PRESENCE] = { "x/pres-rules/index", 18 },
	[OWN_LISTS] = { "x/resource-lists/index", 22 },
};

int rules_own_doc(struct strv name)
{
	for (int i = 0; i < OWN_DOCS; i++)
		if (strv_eq(name, rules_own_names[i]))
			return i;
	return -1;
}

/* ---- spelling ---- */

static int spell_identity(void *arg, struct strv text, char *buf, size_t size, size_t *n_out)
{
	const struct cpm_rules *rules = arg;
	struct auth_identity identity;

	if (auth_identity_parse(text, &rules->options.domains, &identity, NULL) < 0 ||
	    identity.n > size)
		return -1;
	memcpy(buf, identity.text, identity.n);
	*n_out = identity.n;
	return 0;
}

static int spell_domain(void *arg, struct strv text, char *buf, size_t size, size_t *n_out)
{
	(void)arg;
	return auth_domain_ascii(text, buf, size, n_out);
}

const struct pol_spell *cpm_rules_spell(const struct cpm_rules *rules)
{
	return &rules->spell;
}

const struct auth_domains *cpm_rules_domains(const struct cpm_rules *rules)
{
	return &rules->options.domains;
}

/* ---- keys and flights ---- */

static struct strv key_of(enum value_kind kind, struct strv id, char buf[KEY_MAX])
{
	buf[0] = kind == VALUE_USER ? 'u' : kind == VALUE_GROUP ? 'g' : 'o';
	if (id.n >= KEY_MAX)
		id.n = 0;
	if (id.n)
		memcpy(buf + 1, id.p, id.n);
	return strv_mem(buf, 1 + id.n);
}

static struct flight **chain_of(struct cpm_rules *rules, struct strv key)
{
	uint32_t h = 2166136261U;

	for (size_t i = 0; i < key.n; i++)
		h = (h ^ (unsigned char)key.p[i]) * 16777619U;
	return &rules->flights[h % FLIGHT_CHAINS];
}

static struct flight *find_flight(struct cpm_rules *rules, struct strv key)
{
	struct flight *f = *chain_of(rules, key);

	while (f && !strv_eq(strv_mem(f->key, f->n), key))
		f = f->next;
	return f;
}

/* Nobody joins F any more. Under the lock. */
static void delist(struct flight *f)
{
	struct flight **at = chain_of(f->rules, strv_mem(f->key, f->n));

	if (!f->listed)
		return;
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	f->listed = 0;
}

static struct flight *flight_new(struct cpm_rules *rules, enum value_kind kind, struct strv key)
{
	struct flight *f = calloc(1, sizeof(*f) + key.n);

	if (f)
		f->arena = arena_new(0);
	if (!f || !f->arena) {
		free(f);
		return NULL;
	}
	f->rules = rules;
	f->kind = kind;
	f->n = key.n;
	memcpy(f->key, key.p, key.n);
	f->started = atomic_load(&rules->clock);
	return f;
}

static void flight_free(struct flight *f)
{
	flight_forget_docs(f);
	deps_drop(&f->rules->deps, &f->deps);
	cache_value_drop(&f->old);
	cache_value_drop(&f->value);
	pol_doc_drop(&f->operator_doc);
	arena_free(&f->arena);
	free(f);
}

/* ---- who waits ---- */

static void ask(struct waiter *w);

static void tell_waiter(struct waiter *w)
{
	if (w->goes_on) {
		w->goes_on = 0;
		ask(w);
		return;
	}
	if (w->kind == VALUE_USER)
		w->user(w->arg, (const struct cpm_user_rules *)(const void *)w->value);
	else
		w->group(w->arg, w->got, (const struct cpm_group_rules *)(const void *)w->value);
	free(w);
}

static void on_waiter_post(struct post *post)
{
	tell_waiter((struct waiter *)(void *)post);
}

/* VALUE is held for each. */
static void tell_waiters(struct waiter *w, struct cache_value *value, enum cpm_got got)
{
	while (w) {
		struct waiter *next = w->next;

		if (!w->goes_on) {
			w->value = value ? cache_value_hold(value) : NULL;
			w->got = got;
		}
		w->post.run = on_waiter_post;
		if (!w->home || w->home == worker_self())
			tell_waiter(w);
		else
			worker_post(w->home, &w->post);
		w = next;
	}
}

/* ---- the end of a flight ---- */

/* Put the operator's policy in force. Under the lock. The documents that it was made of are
 * watched until the next. */
static void finish_operator(struct flight *f)
{
	struct cpm_rules *rules = f->rules;
	struct pol_doc *old = rules->operator_doc;
	struct dep *deps = rules->operator_deps;

	if (f->failed || f->started < rules->operator_version)
		return;
	rules->operator_version = f->started;
	rules->operator_doc = f->operator_doc;
	f->operator_doc = old;
	rules->operator_deps = f->deps;
	f->deps = deps;
	rules->operator_lost = f->operator_lost;
	if (f->started >= rules->operator_changed && !f->busy)
		atomic_store(&rules->operator_dirty, 0);
}

/* What belongs to the value goes over to it. */
static void hand_over(struct flight *f)
{
	if (f->value && f->kind == VALUE_USER)
		((struct user_value *)(void *)f->value)->deps = f->deps;
	else if (f->value)
		((struct group_value *)(void *)f->value)->deps = f->deps;
	else
		return;
	f->deps = NULL;
}

static void finish_draft(struct flight *f)
{
	struct draft *draft = f->draft;

	if (draft->ret == 0 && (f->failed || f->busy)) {
		pol_doc_drop(&draft->doc);
		draft->ret = err_set(draft->err, f->failed ? ERR_NOMEM : ERR_BUSY,
				     f->failed ? "no memory for a draft"
					       : "a list that it refers to cannot be had now");
	}
	flight_free(f);
	pthread_mutex_lock(&draft->lock);
	draft->is_done = 1;
	pthread_cond_signal(&draft->landed);
	pthread_mutex_unlock(&draft->lock);
}

static void finish(struct flight *f)
{
	struct cpm_rules *rules = f->rules;
	struct strv key = strv_mem(f->key, f->n);
	struct waiter *waiters;

	if (f->kind == VALUE_DRAFT) {
		finish_draft(f);
		return;
	}
	if (f->failed)
		f->got = CPM_GOT_BUSY;
	if (f->value && !f->busy) {
		hand_over(f);
		cache_fill(rules->cache, key, f->value, f->ticket);
	}
	pthread_mutex_lock(&rules->lock);
	if (f->kind == VALUE_OPERATOR)
		finish_operator(f);
	delist(f);
	waiters = f->waiters;
	f->waiters = NULL;
	pthread_mutex_unlock(&rules->lock);
	metric_add(rules->m_made, 1);
	tell_waiters(waiters, f->value, f->got);
	flight_free(f);
}

/* ---- the way of a flight ---- */

static void go_on(struct flight *f)
{
	f->failed |= f->wants && atomic_load(&f->rules->stopped);
	if (f->wants && !f->failed)
		flight_fetch(f);
	else
		finish(f);
}

static void run_make(struct job *job)
{
	flight_make((struct flight *)(void *)job);
}

static void done_make(struct job *job)
{
	go_on((struct flight *)(void *)job);
}

void flight_landed(struct flight *f)
{
	size_t bytes = 0;

	for (const struct flight_doc *doc = f->docs; doc; doc = doc->next)
		bytes += doc->n_bytes;
	f->job.run = run_make;
	f->job.done = done_make;
	if (bytes > RULES_INLINE_BYTES && f->rules->options.jobs && worker_self() && !f->alone) {
		if (jobs_submit(f->rules->options.jobs, &f->job) == 0)
			return;
		f->failed = 1;
		finish(f);
		return;
	}
	flight_make(f);
	go_on(f);
}

/* The group's document is known by name. */
static void on_group(void *arg, enum cpm_got got, struct strv owner, struct strv name)
{
	struct flight *f = arg;

	f->got = got;
	if (got == CPM_GOT_DOC && owner.n <= sizeof(f->owner_text)) {
		memcpy(f->owner_text, owner.p, owner.n);
		f->owner = strv_mem(f->owner_text, owner.n);
		f->own[0] = flight_want(f, owner, name);
		if (f->own[0] && !f->failed) {
			flight_fetch(f);
			return;
		}
		f->failed = 1;
	}
	finish(f);
}

static void take_off(struct flight *f)
{
	struct cpm_rules *rules = f->rules;
	uint64_t ignored;

	if (atomic_load(&rules->stopped)) {
		f->failed = 1;
		finish(f);
		return;
	}
	if (f->kind == VALUE_DRAFT) {
		/* The document is at hand; its name is nobody's. */
		f->owner = f->draft->owner;
		f->own[0] = flight_want(f, f->owner, STRV("draft"));
		if (f->own[0])
			f->own[0]->asked = f->own[0]->known = 1;
		if (f->failed)
			finish(f);
		else
			flight_fetch(f);
		return;
	}
	if (f->kind != VALUE_OPERATOR)
		f->old = cache_get(rules->last, strv_mem(f->key, f->n), &ignored);
	if (f->kind == VALUE_GROUP) {
		rules->options.source.group(rules->options.source.arg, flight_id(f), on_group, f);
		return;
	}
	if (f->kind == VALUE_USER) {
		f->owner = flight_id(f);
		for (unsigned i = 0; i < OWN_DOCS; i++)
			f->own[i] = flight_want(f, f->owner, rules_own_names[i]);
	} else {
		f->own[0] = flight_want(f, STRV(XDM_GLOBAL_OWNER), OPERATOR_POLICY);
	}
	if (f->failed)
		finish(f);
	else
		flight_fetch(f);
}

/* ---- asking ---- */

static int tell_failed(struct waiter *w)
{
	tell_waiters(w, NULL, CPM_GOT_BUSY);
	return 0;
}

/* W waits for KEY's value of KIND, whoever makes it. */
static void join(struct cpm_rules *rules, enum value_kind kind, struct strv key, struct waiter *w)
{
	struct cache_value *value = NULL;
	uint64_t ticket = 0;
	struct flight *f;

	w->next = NULL;
	pthread_mutex_lock(&rules->lock);
	/* Threads that may block do not wait for what may need them. */
	f = w->home ? find_flight(rules, key) : NULL;
	if (f) {
		w->next = f->waiters;
		f->waiters = w;
		pthread_mutex_unlock(&rules->lock);
		return;
	}
	if (kind != VALUE_OPERATOR)
		value = cache_get(rules->cache, key, &ticket);
	f = value ? NULL : flight_new(rules, kind, key);
	if (f) {
		f->ticket = ticket;
		f->waiters = w;
		f->alone = w->home == NULL;
		f->listed = !f->alone;
		if (f->listed) {
			f->next = *chain_of(rules, key);
			*chain_of(rules, key) = f;
		}
	}
	pthread_mutex_unlock(&rules->lock);
	if (f) {
		take_off(f);
	} else if (value) {
		tell_waiters(w, value, CPM_GOT_DOC);
		cache_value_drop(&value);
	} else {
		w->goes_on = 0;
		tell_failed(w);
	}
}

static void ask(struct waiter *w)
{
	char buf[KEY_MAX];

	join(w->rules, w->kind, key_of(w->kind, strv_mem(w->id, w->n), buf), w);
}

static struct waiter *waiter_new(struct cpm_rules *rules, enum value_kind kind, struct strv id,
				 void *arg)
{
	struct waiter *w = id.n < POL_SPELL_BYTES ? calloc(1, sizeof(*w) + id.n) : NULL;

	if (!w)
		return NULL;
	w->rules = rules;
	w->home = worker_self();
	w->kind = kind;
	w->arg = arg;
	w->n = id.n;
	if (id.n)
		memcpy(w->id, id.p, id.n);
	return w;
}

/* The cached value, held; NULL when it, or the operator's policy, has to be made. */
static struct cache_value *peek(struct cpm_rules *rules, enum value_kind kind, struct strv id)
{
	char buf[KEY_MAX];
	uint64_t ticket;

	if (id.n >= POL_SPELL_BYTES || atomic_load(&rules->operator_dirty))
		return NULL;
	return cache_get(rules->cache, key_of(kind, id, buf), &ticket);
}

static void ask_first(struct cpm_rules *rules, struct waiter *w)
{
	if (atomic_load(&rules->operator_dirty)) {
		w->goes_on = 1;
		join(rules, VALUE_OPERATOR, OPERATOR_KEY, w);
	} else {
		ask(w);
	}
}

void cpm_rules_user(struct cpm_rules *rules, struct strv owner, cpm_user_rules_fn *done, void *arg)
{
	struct cache_value *value = peek(rules, VALUE_USER, owner);
	struct waiter *w;

	if (value) {
		done(arg, (const struct cpm_user_rules *)(const void *)value);
		return;
	}
	w = owner.n <= RULES_OWNER_MAX ? waiter_new(rules, VALUE_USER, owner, arg) : NULL;
	if (!w) {
		done(arg, NULL);
		return;
	}
	w->user = done;
	ask_first(rules, w);
}

const struct cpm_user_rules *cpm_rules_peek(struct cpm_rules *rules, struct strv owner)
{
	return (const struct cpm_user_rules *)(const void *)peek(rules, VALUE_USER, owner);
}

void cpm_user_rules_drop(const struct cpm_user_rules **user)
{
	struct cache_value *value = (struct cache_value *)(uintptr_t)*user;

	*user = NULL;
	cache_value_drop(&value);
}

void cpm_rules_group(struct cpm_rules *rules, struct strv uri, cpm_group_rules_fn *done, void *arg)
{
	struct cache_value *value = peek(rules, VALUE_GROUP, uri);
	struct waiter *w;

	if (value) {
		done(arg, CPM_GOT_DOC, (const struct cpm_group_rules *)(const void *)value);
		return;
	}
	if (uri.n >= POL_SPELL_BYTES) {
		done(arg, CPM_GOT_ABSENT, NULL);
		return;
	}
	w = waiter_new(rules, VALUE_GROUP, uri, arg);
	if (!w) {
		done(arg, CPM_GOT_BUSY, NULL);
		return;
	}
	w->group = done;
	ask_first(rules, w);
}

void cpm_group_rules_drop(const struct cpm_group_rules **group)
{
	struct cache_value *value = (struct cache_value *)(uintptr_t)*group;

	*group = NULL;
	cache_value_drop(&value);
}

static void make_operator(struct cpm_rules *rules, int at_once);

const struct pol_doc *cpm_rules_operator(struct cpm_rules *rules, int *lost_out)
{
	struct pol_doc *doc;

	/* Who has put it has left its documents at hand, so that this makes it before it returns,
	 * also when another flight is still under way with what was read before. */
	if (atomic_load(&rules->operator_dirty) && !atomic_load(&rules->stopped))
		make_operator(rules, 1);
	pthread_mutex_lock(&rules->lock);
	doc = pol_doc_hold(rules->operator_doc);
	*lost_out = rules->operator_lost;
	pthread_mutex_unlock(&rules->lock);
	return doc;
}

void cpm_rules_operator_drop(const struct pol_doc **doc_at)
{
	struct pol_doc *doc = (struct pol_doc *)(uintptr_t)*doc_at;

	*doc_at = NULL;
	pol_doc_drop(&doc);
}

void cpm_rules_layers(const struct pol_doc *operator_policy, int operator_lost,
		      const struct cpm_user_rules *user, const struct cpm_group_rules *group,
		      struct pol_layers *layers_out)
{
	*layers_out = (struct pol_layers){ .operator_policy = operator_policy,
					   .operator_lost = operator_lost != 0 };
	if (group) {
		layers_out->group = group->doc;
		layers_out->group_lost = group->lost;
	}
	if (!user)
		return;
	if (user->access)
		layers_out->user[layers_out->n_user++] = user->access;
	if (user->prefs)
		layers_out->user[layers_out->n_user++] = user->prefs;
	layers_out->blocked = user->blocked;
	layers_out->polite_blocked = user->polite_blocked;
	layers_out->blocked_lost = user->lost;
}

/* ---- for threads that may block ---- */

int cpm_rules_draft_sync(struct cpm_rules *rules, enum pol_kind kind, struct strv owner,
			 struct strv bytes, struct pol_report *report, struct pol_doc **doc_out,
			 struct err *err)
{
	struct draft draft = { .lock = PTHREAD_MUTEX_INITIALIZER,
			       .landed = PTHREAD_COND_INITIALIZER,
			       .kind = kind,
			       .owner = owner,
			       .bytes = bytes,
			       .report = report,
			       .err = err };
	struct flight *f = flight_new(rules, VALUE_DRAFT, STRV("d"));

	*doc_out = NULL;
	if (!f)
		return err_set(err, ERR_NOMEM, "no memory for a draft");
	f->draft = &draft;
	take_off(f);
	pthread_mutex_lock(&draft.lock);
	while (!draft.is_done)
		pthread_cond_wait(&draft.landed, &draft.lock);
	pthread_mutex_unlock(&draft.lock);
	*doc_out = draft.ret == 0 ? draft.doc : NULL;
	if (draft.ret < 0)
		pol_doc_drop(&draft.doc);
	return draft.ret;
}

/* One answer, waited for. */
struct sync {
	pthread_mutex_t lock;
	pthread_cond_t told;
	int is_told;
	enum cpm_got got;
	const struct cpm_user_rules *user;
	const struct cpm_group_rules *group;
};

static void sync_told(struct sync *sync)
{
	pthread_mutex_lock(&sync->lock);
	sync->is_told = 1;
	pthread_cond_signal(&sync->told);
	pthread_mutex_unlock(&sync->lock);
}

static void sync_wait(struct sync *sync)
{
	pthread_mutex_lock(&sync->lock);
	while (!sync->is_told)
		pthread_cond_wait(&sync->told, &sync->lock);
	pthread_mutex_unlock(&sync->lock);
}

static void sync_user(void *arg, const struct cpm_user_rules *user)
{
	struct sync *sync = arg;

	sync->user = user;
	sync_told(sync);
}

static void sync_group(void *arg, enum cpm_got got, const struct cpm_group_rules *group)
{
	struct sync *sync = arg;

	sync->got = got;
	sync->group = group;
	sync_told(sync);
}

const struct cpm_user_rules *cpm_rules_user_sync(struct cpm_rules *rules, struct strv owner)
{
	struct sync sync = { .lock = PTHREAD_MUTEX_INITIALIZER, .told = PTHREAD_COND_INITIALIZER };

	cpm_rules_user(rules, owner, sync_user, &sync);
	sync_wait(&sync);
	return sync.user;
}

enum cpm_got cpm_rules_group_sync(struct cpm_rules *rules, struct strv uri,
				  const struct cpm_group_rules **group_out)
{
	struct sync sync = { .lock = PTHREAD_MUTEX_INITIALIZER, .told = PTHREAD_COND_INITIALIZER };

	cpm_rules_group(rules, uri, sync_group, &sync);
	sync_wait(&sync);
	*group_out = sync.group;
	return sync.got;
}

/* ---- changes ---- */

/* Keys of values that are void, copied: nothing is dropped while a lock is held. */
struct voided {
	struct cpm_rules *rules;
	char *text;
	size_t n, cap;
	int all; /* no memory to say which */
	int operator_too;
};

static void add_voided(void *arg, struct strv key)
{
	struct voided *v = arg;

	if (strv_eq(key, OPERATOR_KEY)) {
		v->operator_too = 1;
		return;
	}
	if (v->n + sizeof(size_t) + key.n > v->cap) {
		size_t cap = 2 * (v->n + sizeof(size_t) + key.n) + 256;
		char *more = v->all ? NULL : realloc(v->text, cap);

		if (!more) {
			v->all = 1;
			return;
		}
		v->text = more;
		v->cap = cap;
	}
	memcpy(v->text + v->n, &key.n, sizeof(size_t));
	memcpy(v->text + v->n + sizeof(size_t), key.p, key.n);
	v->n += sizeof(size_t) + key.n;
}

static struct strv next_voided(const struct voided *v, size_t *at)
{
	struct strv key;

	memcpy(&key.n, v->text + *at, sizeof(size_t));
	key.p = v->text + *at + sizeof(size_t);
	*at += sizeof(size_t) + key.n;
	return key;
}

/* What is in the air serves who waits for it already, and nobody else. */
static void ground(struct cpm_rules *rules, const struct voided *v)
{
	if (v->all) {
		for (unsigned i = 0; i < FLIGHT_CHAINS; i++)
			while (rules->flights[i])
				delist(rules->flights[i]);
		return;
	}
	for (size_t at = 0; at < v->n;) {
		struct flight *f = find_flight(rules, next_voided(v, &at));

		if (f)
			delist(f);
	}
}

/* Forget KEY's value, but for who cannot make a new one. */
static void forget(struct cpm_rules *rules, struct strv key, uint64_t tick)
{
	uint64_t ignored;
	struct cache_value *old = cache_get(rules->cache, key, &ignored);

	if (old)
		cache_publish(rules->last, key, old);
	cache_value_drop(&old);
	cache_forget(rules->cache, key, tick);
}

static void on_kick(struct post *post);

/* The operator's policy has changed: make it anew, on a worker, whoever asks first. Under the lock;
 * returns where to post to. */
static struct worker *kick(struct cpm_rules *rules, uint64_t tick)
{
	struct flight *f = find_flight(rules, OPERATOR_KEY);

	if (f)
		delist(f);
	if (rules->operator_changed < tick)
		rules->operator_changed = tick;
	atomic_store(&rules->operator_dirty, 1);
	if (!rules->options.workers || rules->kicked || atomic_load(&rules->stopped))
		return NULL;
	rules->kicked = 1;
	rules->kick.run = on_kick;
	return workers_at(rules->options.workers, 0);
}

static void on_changed(void *arg, struct strv owner, struct strv name, uint64_t version)
{
	struct cpm_rules *rules = arg;
	struct voided v = { .rules = rules };
	uint64_t tick = atomic_fetch_add(&rules->clock, 1) + 1;
	struct worker *to = NULL;
	char buf[KEY_MAX];

	(void)version;
	if ((!name.n || rules_own_doc(name) >= 0) && owner.n <= RULES_OWNER_MAX)
		add_voided(&v, key_of(VALUE_USER, owner, buf));
	deps_each(&rules->deps, owner, name, add_voided, &v);
	pthread_mutex_lock(&rules->lock);
	bad_pending(rules, owner, name);
	ground(rules, &v);
	if (v.operator_too || v.all)
		to = kick(rules, tick);
	pthread_mutex_unlock(&rules->lock);
	if (v.all)
		cache_forget_all(rules->cache, STRV(""), tick);
	for (size_t at = 0; at < v.n;)
		forget(rules, next_voided(&v, &at), tick);
	free(v.text);
	if (to)
		worker_post(to, &rules->kick);
}

static void on_operator(void *arg, enum cpm_got got, const struct cpm_group_rules *group)
{
	(void)arg;
	(void)got;
	cpm_group_rules_drop(&group);
}

/* AT_ONCE: alone, and on this thread however long it takes. */
static void make_operator(struct cpm_rules *rules, int at_once)
{
	struct waiter *w = waiter_new(rules, VALUE_GROUP, STRV(""), NULL);

	if (!w)
		return;
	w->group = on_operator;
	if (at_once)
		w->home = NULL;
	join(rules, VALUE_OPERATOR, OPERATOR_KEY, w);
}

static void on_kick(struct post *post)
{
	struct cpm_rules *rules =
		(struct cpm_rules *)(void *)((char *)post - offsetof(struct cpm_rules, kick));

	pthread_mutex_lock(&rules->lock);
	rules->kicked = 0;
	pthread_mutex_unlock(&rules->lock);
	if (atomic_load(&rules->operator_dirty) && !atomic_load(&rules->stopped))
		make_operator(rules, 0);
}

/* ---- open and close ---- */

static double count_bad(void *arg)
{
	struct cpm_rules_stats stats;

	cpm_rules_stats(arg, &stats);
	return (double)stats.bad;
}

static double count_bytes(void *arg)
{
	const struct cpm_rules *rules = arg;

	return (double)cache_bytes(rules->cache);
}

static void open_metrics(struct cpm_rules *rules)
{
	rules->m_made =
		metric_counter("opencpm_cpm_rules_made_total",
			       "Rules of users, groups and the operator that were made.", "");
	rules->m_bad = metric_gauge_fn("opencpm_cpm_rules_bad",
				       "Documents of rules that cannot be put in force.", "",
				       count_bad, rules);
	rules->m_bytes = metric_gauge_fn("opencpm_cpm_rules_bytes", "Memory of cached rules.", "",
					 count_bytes, rules);
}

int cpm_rules_new(const struct cpm_rules_options *options, struct cpm_rules **rules_out,
		  struct err *err)
{
	struct cpm_rules *rules = calloc(1, sizeof(*rules));

	*rules_out = NULL;
	if (rules) {
		pthread_mutex_init(&rules->lock, NULL);
		deps_init(&rules->deps);
		rules->options = *options;
		rules->spell = (struct pol_spell){ spell_identity, spell_domain, rules };
		rules->operator_lost = 1; /* until it is known */
		atomic_init(&rules->operator_dirty, 1);
		atomic_init(&rules->clock, 1);
		rules->cache = cache_new(options->cache_bytes);
		rules->last = cache_new(options->cache_bytes / LAST_SHARE);
	}
	if (!rules || !rules->cache || !rules->last) {
		cpm_rules_free(&rules);
		return err_set(err, ERR_NOMEM, "no memory for the rules in force");
	}
	if (options->source.watch(options->source.arg, on_changed, rules) < 0) {
		cpm_rules_free(&rules);
		return err_set(err, ERR_LIMIT, "the source of documents cannot be watched");
	}
	open_metrics(rules);
	make_operator(rules, 0);
	*rules_out = rules;
	return 0;
}

void cpm_rules_stop(struct cpm_rules *rules)
{
	if (rules)
		atomic_store(&rules->stopped, 1);
}

void cpm_rules_free(struct cpm_rules **rules_at)
{
	struct cpm_rules *rules = *rules_at;

	*rules_at = NULL;
	if (!rules)
		return;
	metric_fn_clear(rules->m_bad);
	metric_fn_clear(rules->m_bytes);
	if (rules->cache)
		cache_free(&rules->cache);
	if (rules->last)
		cache_free(&rules->last);
	deps_drop(&rules->deps, &rules->operator_deps);
	pol_doc_drop(&rules->operator_doc);
	bad_fini(rules);
	deps_fini(&rules->deps);
	pthread_mutex_destroy(&rules->lock);
	free(rules);
}

/* ---- sight ---- */

void cpm_rules_bad(struct cpm_rules *rules,
		   void (*fn)(void *arg, struct strv owner, struct strv name, const char *why,
			      int is_old),
		   void *arg)
{
	pthread_mutex_lock(&rules->lock);
	for (unsigned i = 0; i < BAD_CHAINS; i++)
		for (const struct bad_doc *bad = rules->bad[i]; bad; bad = bad->next)
			if (!bad->pending)
				fn(arg, strv_mem(bad->text, bad->n_owner),
				   strv_mem(bad->text + bad->n_owner, bad->n_name), bad->why,
				   bad->good != NULL);
	pthread_mutex_unlock(&rules->lock);
}

static void count_one(void *arg, struct strv owner, struct strv name, const char *why, int is_old)
{
	(void)owner;
	(void)name;
	(void)why;
	(void)is_old;
	++*(uint64_t *)arg;
}

void cpm_rules_stats(struct cpm_rules *rules, struct cpm_rules_stats *stats_out)
{
	*stats_out = (struct cpm_rules_stats){ .users = atomic_load(&rules->users),
					       .groups = atomic_load(&rules->groups),
					       .bytes = cache_bytes(rules->cache) };
	cpm_rules_bad(rules, count_one, &stats_out->bad);
	pthread_mutex_lock(&rules->lock);
	stats_out->operator_lost = rules->operator_lost;
	pthread_mutex_unlock(&rules->lock);
}
