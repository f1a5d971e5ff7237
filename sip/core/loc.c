/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/loc.c - the table of locations: shards of chains, each with its lock
 *
 * See loc.h and loc_priv.h. A find holds a shard's lock for one chain and one count; values are
 * made and destroyed outside of it.
 */
#include "sip/core/loc.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/trace.h"
#include "sip/core/loc_priv.h"

enum { FIRST_CHAINS = 16, FIND_ARENA_BYTES = 1 << 20 };

/* ---- time ---- */

static int64_t clock_us(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t loc_clock_us(void)
{
	/* The difference of the two clocks when first asked; 0: not asked yet. */
	static _Atomic int64_t offset_us;
	int64_t steady_us = clock_us(CLOCK_BOOTTIME), none = 0;

	if (!atomic_load_explicit(&offset_us, memory_order_acquire))
		atomic_compare_exchange_strong(&offset_us, &none,
					       clock_us(CLOCK_REALTIME) - steady_us);
	return steady_us + atomic_load_explicit(&offset_us, memory_order_acquire);
}

int64_t loc_now_us(const struct loc *loc)
{
	return loc->options.now_us();
}

/* ---- set-up ---- */

static int init_shards(struct loc *loc)
{
	int failed = 0;

	for (unsigned i = 0; i < LOC_SHARDS; i++) {
		struct loc_shard *shard = &loc->shard[i];

		pthread_mutex_init(&shard->lock, NULL);
		shard->last_dirty = &shard->first_dirty;
		shard->n_chains = FIRST_CHAINS;
		shard->chain = calloc(FIRST_CHAINS, sizeof(struct loc_entry *));
		failed |= !shard->chain;
	}
	return failed ? -1 : 0;
}

static double gauge(struct loc *loc, int of_bindings)
{
	struct loc_stats stats;

	loc_stats(loc, &stats);
	return (double)(of_bindings ? stats.bindings : stats.users);
}

static double gauge_bindings(void *arg)
{
	return gauge(arg, 1);
}

static double gauge_users(void *arg)
{
	return gauge(arg, 0);
}

static void make_metrics(struct loc *loc)
{
	loc->users_metric =
		metric_gauge_fn("opencpm_sip_registered_users", "Users with at least one binding",
				"", gauge_users, loc);
	loc->bindings_metric =
		metric_gauge_fn("opencpm_sip_bindings", "Contacts registered by users' devices", "",
				gauge_bindings, loc);
	loc->written = metric_counter("opencpm_sip_locations_written_total",
				      "Records of locations written into the store", "");
	loc->failed =
		metric_counter("opencpm_sip_locations_failed_total",
			       "Records of locations that the store did not take at once", "");
}

int loc_new(const struct loc_options *options, struct loc **loc_out, struct err *err)
{
	struct loc *loc = calloc(1, sizeof(*loc));

	if (!loc)
		return err_set(err, ERR_NOMEM, "no memory for the table of locations");
	loc->options = *options;
	if (!loc->options.now_us)
		loc->options.now_us = loc_clock_us;
	loc->seed = trace_random();
	atomic_init(&loc->loaded, 1); /* until loc_start says otherwise */
	pthread_mutex_init(&loc->idle_lock, NULL);
	pthread_cond_init(&loc->idle, NULL);
	if (init_shards(loc) < 0 || loc_writers_new(loc, err) < 0) {
		loc_free(&loc);
		return err_set(err, ERR_NOMEM, "no memory for the table of locations");
	}
	make_metrics(loc);
	*loc_out = loc;
	return 0;
}

void loc_watch(struct loc *loc, loc_changed_fn *changed, void *arg)
{
	assert(loc->n_watchers < LOC_WATCHERS_MAX);
	loc->watcher[loc->n_watchers].changed = changed;
	loc->watcher[loc->n_watchers++].arg = arg;
}

/* A user who is erased from the store is not registered any more. */
static void on_change(void *arg, const struct kv_change *change)
{
	struct loc *loc = arg;

	for (unsigned i = 0; i < change->n_ops; i++) {
		const struct kv_op *op = &change->ops[i];

		if (op->kind == KV_OP_DEL_RANGE && strv_cmp(op->name, LOC_NAME) <= 0 &&
		    (!op->to.n || strv_cmp(LOC_NAME, op->to) < 0))
			loc_erase(loc, change->owner);
	}
}

int loc_start(struct loc *loc, struct kv *kv, struct jobs *jobs, struct err *err)
{
	loc->kv = kv;
	loc->jobs = jobs;
	loc_writers_start(loc);
	if (!kv)
		return 0;
	if (kv_subscribe(kv, on_change, loc, err) < 0)
		return -1;
	atomic_store(&loc->loaded, 0);
	return loc_load_start(loc, err);
}

void loc_free(struct loc **loc_at)
{
	struct loc *loc = *loc_at;

	*loc_at = NULL;
	if (!loc)
		return;
	metric_fn_clear(loc->users_metric);
	metric_fn_clear(loc->bindings_metric);
	loc_load_free(loc);
	for (unsigned i = 0; i < LOC_SHARDS; i++) {
		struct loc_shard *shard = &loc->shard[i];

		for (size_t c = 0; shard->chain && c < shard->n_chains; c++)
			for (struct loc_entry *entry = shard->chain[c], *next; entry;
			     entry = next) {
				next = entry->next;
				loc_user_drop(&entry->user);
				free(entry);
			}
		free(shard->chain);
		pthread_mutex_destroy(&shard->lock);
	}
	pthread_mutex_destroy(&loc->idle_lock);
	pthread_cond_destroy(&loc->idle);
	loc_writers_free(loc);
	free(loc);
}

/* ---- entries ---- */

struct loc_shard *loc_shard_of(struct loc *loc, struct strv aor, uint64_t *hash_out)
{
	uint64_t h = loc->seed ^ UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < aor.n; i++)
		h = (h ^ (unsigned char)aor.p[i]) * UINT64_C(0x100000001b3);
	*hash_out = h ^= h >> 29;
	return &loc->shard[h % LOC_SHARDS];
}

struct loc_entry *loc_entry_find(const struct loc_shard *shard, uint64_t hash, struct strv aor)
{
	struct loc_entry *entry = shard->chain[hash / LOC_SHARDS % shard->n_chains];

	while (entry && (entry->hash != hash || entry->aor_n != aor.n ||
			 memcmp(entry->aor, aor.p, aor.n) != 0))
		entry = entry->next;
	return entry;
}

/* Twice the chains when they have become long; when memory is short they stay long. */
static void grow(struct loc_shard *shard)
{
	size_t n = shard->n_chains * 2;
	struct loc_entry **chain = calloc(n, sizeof(struct loc_entry *));

	if (!chain)
		return;
	for (size_t i = 0; i < shard->n_chains; i++)
		for (struct loc_entry *entry = shard->chain[i], *next; entry; entry = next) {
			struct loc_entry **at = &chain[entry->hash / LOC_SHARDS % n];

			next = entry->next;
			entry->next = *at;
			*at = entry;
		}
	free(shard->chain);
	shard->bytes += (n - shard->n_chains) * sizeof(struct loc_entry *);
	shard->chain = chain;
	shard->n_chains = n;
}

static struct loc_entry *entry_add(struct loc_shard *shard, uint64_t hash, struct strv aor)
{
	struct loc_entry *entry = calloc(1, sizeof(*entry) + aor.n), **at;

	if (!entry)
		return NULL;
	if (shard->n >= shard->n_chains)
		grow(shard);
	entry->hash = hash;
	entry->ends_us = INT64_MAX;
	entry->aor_n = (uint16_t)aor.n;
	memcpy(entry->aor, aor.p, aor.n);
	at = &shard->chain[hash / LOC_SHARDS % shard->n_chains];
	entry->next = *at;
	*at = entry;
	shard->n++;
	shard->bytes += sizeof(*entry) + aor.n;
	return entry;
}

/* Under the lock. USER (taken over, may be NULL) in ENTRY's place; what stood there is returned. */
static const struct loc_user *entry_set(struct loc_shard *shard, struct loc_entry *entry,
					const struct loc_user *user)
{
	const struct loc_user *old = entry->user;

	if (old) {
		shard->users--;
		shard->bindings -= old->n_bindings;
		shard->bytes -= loc_user_bytes(old);
	}
	if (user) {
		shard->users++;
		shard->bindings += user->n_bindings;
		shard->bytes += loc_user_bytes(user);
	}
	entry->user = user;
	entry->ends_us = loc_user_ends_us(user);
	return old;
}

void loc_entry_retire(struct loc *loc, struct loc_shard *shard, struct loc_entry *entry)
{
	struct loc_entry **at = &shard->chain[entry->hash / LOC_SHARDS % shard->n_chains];

	if (entry->user || entry->is_dirty || entry->is_queued || entry->is_writing ||
	    !atomic_load_explicit(&loc->loaded, memory_order_acquire))
		return;
	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	shard->n--;
	shard->bytes -= sizeof(*entry) + entry->aor_n;
	free(entry);
}

static void tell(struct loc *loc, const struct loc_user *old_user, const struct loc_user *new_user)
{
	for (unsigned i = 0; i < loc->n_watchers; i++)
		loc->watcher[i].changed(loc->watcher[i].arg, old_user, new_user);
}

/* ---- find ---- */

/* A look-up of what is not in the table yet. */
struct miss {
	struct kv_read read; /* first: the callback casts */
	struct kv_item item;
	struct loc *loc;
	loc_found_fn *done;
	void *arg;
	size_t aor_n;
	char aor[];
};

const struct loc_user *loc_fill(struct loc *loc, struct strv aor, const struct loc_user *user,
				int *ok_out)
{
	const struct loc_user *known = NULL;
	struct loc_entry *entry;
	struct loc_shard *shard;
	uint64_t hash;

	*ok_out = 0;
	shard = loc_shard_of(loc, aor, &hash);
	pthread_mutex_lock(&shard->lock);
	entry = loc_entry_find(shard, hash, aor);
	/* Once the table is whole, what is not in it is not: the record was read before it went. */
	if (!entry && user && !atomic_load_explicit(&loc->loaded, memory_order_acquire)) {
		entry = entry_add(shard, hash, aor);
		if (entry) {
			entry_set(shard, entry, user);
			tell(loc, NULL, user);
			user = NULL;
		} else
			*ok_out = -1;
	}
	if (entry && entry->user)
		known = loc_user_hold(entry->user);
	pthread_mutex_unlock(&shard->lock);
	loc_user_drop(&user);
	return known;
}

static void on_read(struct kv_read *read, enum kv_status status)
{
	struct miss *miss = (struct miss *)(void *)read;
	struct loc *loc = miss->loc;
	struct strv aor = strv_mem(miss->aor, miss->aor_n);
	const struct loc_user *user = NULL;
	int failed = status != KV_DONE;
	struct err err;

	if (!failed && miss->item.n_records &&
	    loc_record_decode(miss->item.records[0].value, aor, loc_now_us(loc),
			      loc->options.expires_max_s * 1000000, &user, &err) < 0) {
		log_error(LOG_SIP, "a stored location cannot be read", L_SV("aor", aor),
			  L_ERR(&err));
		failed = err.code == ERR_NOMEM;
	}
	if (!failed)
		user = loc_fill(loc, aor, user, &failed);
	if (failed)
		miss->done(miss->arg, LOC_BUSY, NULL);
	else
		miss->done(miss->arg, user ? LOC_FOUND : LOC_ABSENT, user);
	arena_free(&miss->read.arena);
	free(miss);
}

static void find_stored(struct loc *loc, struct strv aor, loc_found_fn *done, void *arg)
{
	struct miss *miss = calloc(1, sizeof(*miss) + aor.n);

	if (miss)
		miss->read.arena = arena_new(FIND_ARENA_BYTES);
	if (!miss || !miss->read.arena) {
		free(miss);
		done(arg, LOC_BUSY, NULL);
		return;
	}
	miss->loc = loc;
	miss->done = done;
	miss->arg = arg;
	miss->aor_n = aor.n;
	memcpy(miss->aor, aor.p, aor.n);
	miss->item = (struct kv_item){ .kind = KV_GET, .from = LOC_NAME };
	miss->read.owner = strv_mem(miss->aor, aor.n);
	miss->read.items = &miss->item;
	miss->read.n_items = 1;
	miss->read.done = on_read;
	kv_read(loc->kv, &miss->read);
}

enum loc_found loc_peek(struct loc *loc, struct strv aor, const struct loc_user **user_out)
{
	/* Before the look: a reader that finishes in between has filled the table. */
	int loaded = atomic_load_explicit(&loc->loaded, memory_order_acquire);
	const struct loc_entry *entry;
	struct loc_shard *shard;
	uint64_t hash;

	*user_out = NULL;
	if (!aor.n || aor.n > KV_OWNER_MAX)
		return LOC_ABSENT;
	shard = loc_shard_of(loc, aor, &hash);
	pthread_mutex_lock(&shard->lock);
	entry = loc_entry_find(shard, hash, aor);
	if (entry && entry->user)
		*user_out = loc_user_hold(entry->user);
	pthread_mutex_unlock(&shard->lock);
	return *user_out ? LOC_FOUND : entry || loaded ? LOC_ABSENT : LOC_BUSY;
}

void loc_find(struct loc *loc, struct strv aor, loc_found_fn *done, void *arg)
{
	const struct loc_user *user;
	enum loc_found found = loc_peek(loc, aor, &user);

	if (found == LOC_BUSY)
		find_stored(loc, aor, done, arg);
	else
		done(arg, found, user);
}

/* ---- change ---- */

enum loc_put loc_put(struct loc *loc, struct strv aor, const struct loc_user *old_user,
		     const struct loc_user *new_user)
{
	enum loc_put result = LOC_PUT_DONE;
	const struct loc_user *gone = NULL;
	struct loc_shard *shard;
	struct loc_entry *entry;
	uint64_t hash;

	if (!old_user && !new_user)
		return LOC_PUT_DONE;
	shard = loc_shard_of(loc, aor, &hash);
	pthread_mutex_lock(&shard->lock);
	entry = loc_entry_find(shard, hash, aor);
	if ((entry ? entry->user : NULL) != old_user)
		result = LOC_PUT_CONFLICT;
	else if (!entry && !(entry = entry_add(shard, hash, aor)))
		result = LOC_PUT_NOMEM;
	else {
		gone = entry_set(shard, entry, new_user);
		tell(loc, gone, new_user);
		new_user = NULL;
		loc_mark_dirty(loc, shard, entry);
	}
	pthread_mutex_unlock(&shard->lock);
	loc_user_drop(&gone);
	loc_user_drop(&new_user);
	return result;
}

/* Under the lock: what has ended by NOW_US goes out of ENTRY's value. Memory being short, all stays
 * as it is: readers look at the time themselves. */
static const struct loc_user *drop_ended(struct loc *loc, struct loc_shard *shard,
					 struct loc_entry *entry, int64_t now_us)
{
	struct loc_binding bindings[LOC_BINDINGS_MAX];
	struct loc_user draft = *entry->user;
	const struct loc_user *made = NULL, *gone;

	draft.bindings = bindings;
	draft.n_bindings = 0;
	draft.version++;
	for (unsigned i = 0; i < entry->user->n_bindings; i++)
		if (loc_binding_lives(&entry->user->bindings[i], now_us))
			bindings[draft.n_bindings++] = entry->user->bindings[i];
	if (draft.n_bindings && !(made = loc_user_new(&draft)))
		return NULL;
	gone = entry_set(shard, entry, made);
	tell(loc, gone, made);
	loc_mark_dirty(loc, shard, entry);
	return gone;
}

void loc_erase(struct loc *loc, struct strv aor)
{
	const struct loc_user *gone = NULL;
	struct loc_entry *entry;
	struct loc_shard *shard;
	uint64_t hash;

	shard = loc_shard_of(loc, aor, &hash);
	pthread_mutex_lock(&shard->lock);
	entry = loc_entry_find(shard, hash, aor);
	if (entry && entry->user) {
		gone = entry_set(shard, entry, NULL);
		tell(loc, gone, NULL);
		loc_mark_dirty(loc, shard, entry);
	}
	pthread_mutex_unlock(&shard->lock);
	loc_user_drop(&gone);
}

/* A part of the shard at a time, so that nobody waits for its lock for long. */
void loc_sweep(struct loc *loc, unsigned index, unsigned parts)
{
	struct loc_shard *shard = &loc->shard[index];
	int64_t now_us = loc_now_us(loc);
	size_t n;

	pthread_mutex_lock(&shard->lock);
	n = shard->n_chains / parts + 1;
	for (size_t i = 0; i < n; i++) {
		if (shard->sweep_at >= shard->n_chains)
			shard->sweep_at = 0;
		for (struct loc_entry *entry = shard->chain[shard->sweep_at], *next; entry;
		     entry = next) {
			const struct loc_user *gone = NULL;

			next = entry->next;
			if (entry->user && entry->ends_us <= now_us)
				gone = drop_ended(loc, shard, entry, now_us);
			loc_user_drop(&gone);
			loc_entry_retire(loc, shard, entry);
		}
		shard->sweep_at++;
	}
	pthread_mutex_unlock(&shard->lock);
}

/* ---- sight ---- */

int loc_shard_users(struct loc *loc, unsigned index, const struct loc_user ***users_out,
		    unsigned *n_out)
{
	struct loc_shard *shard = &loc->shard[index];
	const struct loc_user **users;
	unsigned n = 0;

	pthread_mutex_lock(&shard->lock);
	users = calloc(shard->users + 1, sizeof(*users));
	for (size_t c = 0; users && c < shard->n_chains; c++)
		for (const struct loc_entry *entry = shard->chain[c]; entry; entry = entry->next)
			if (entry->user)
				users[n++] = loc_user_hold(entry->user);
	pthread_mutex_unlock(&shard->lock);
	*users_out = users;
	*n_out = n;
	return users ? 0 : -1;
}

void loc_stats(struct loc *loc, struct loc_stats *stats_out)
{
	memset(stats_out, 0, sizeof(*stats_out));
	for (unsigned i = 0; i < LOC_SHARDS; i++) {
		struct loc_shard *shard = &loc->shard[i];

		pthread_mutex_lock(&shard->lock);
		stats_out->users += shard->users;
		stats_out->bindings += shard->bindings;
		stats_out->bytes += shard->bytes;
		stats_out->unwritten += shard->dirty;
		pthread_mutex_unlock(&shard->lock);
	}
	stats_out->loaded = atomic_load(&loc->loaded);
}
