/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xdm_watch.c - who watches what, and the thread that tells them; see xdm_watch.h
 *
 * The committer's thread only looks whether anybody wants a change, and queues it. The thread of
 * the watches reads its log entry once and tells all who want it, each worker by one bundle of
 * posts. A watch is put where commits look for it before its state is read, and what the state
 * already shows is passed over: so nothing falls between.
 */
#include "xdms/xdm_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "xdms/xdm_watch_priv.h"

enum {
	BUCKETS_FIRST = 256,
	RETRY_MS = 100, /* when the store or memory has failed */
	TRIES_MAX = 50,
	CHANGES_FIRST = 4
};

/* ---- who watches what, under the lock ---- */

/* Documents and collections stand under different hashes: the latter by what the names of their
 * documents begin with. */
static uint32_t hash_of(struct strv owner, struct strv name)
{
	return xcap_hash(xcap_hash(xcap_hash(XCAP_HASH_START, owner), STRV("\n")), name);
}

static void insert(struct xdm_watches *watches, struct xdm_watch *watch)
{
	struct xdm_watch **at = &watches->bucket[watch->hash & (watches->n_buckets - 1)];

	watch->next = *at;
	*at = watch;
}

/* More buckets when there are many watches; without memory it goes on with fewer. */
static void grow(struct xdm_watches *watches)
{
	struct xdm_watch **old = watches->bucket, *next;
	unsigned n = watches->n_buckets;

	if (watches->n < n)
		return;
	watches->bucket = calloc(n * 2, sizeof(struct xdm_watch *));
	if (!watches->bucket) {
		watches->bucket = old;
		return;
	}
	watches->n_buckets = n * 2;
	for (unsigned i = 0; i < n; i++)
		for (struct xdm_watch *w = old[i]; w; w = next) {
			next = w->next;
			insert(watches, w);
		}
	free(old);
}

static void take_out(struct xdm_watches *watches, struct xdm_watch *watch)
{
	struct xdm_watch **at = &watches->bucket[watch->hash & (watches->n_buckets - 1)];

	while (*at != watch)
		at = &(*at)->next;
	*at = watch->next;
	watches->n--;
}

enum { PLACES = 5 };

/* Where those stand that may want the document: it, and its collections. Returns how many, each
 * once. */
static unsigned places_of(struct strv owner, struct strv name, uint32_t hash[PLACES])
{
	const struct strv nobody = { NULL, 0 }, all = STRV("x/");
	const char *end = memchr(name.p + all.n, '/', name.n - all.n);
	struct strv usage = end ? strv_mem(name.p, (size_t)(end - name.p) + 1) : all;
	const uint32_t at[PLACES] = { hash_of(owner, name), hash_of(owner, usage),
				      hash_of(nobody, usage), hash_of(owner, all),
				      hash_of(nobody, all) };
	unsigned n = 0, k;

	for (unsigned i = 0; i < PLACES; i++) {
		for (k = 0; k < n && hash[k] != at[i];)
			k++;
		hash[k] = at[i];
		n += k == n;
	}
	return n;
}

/* FN for each watch that wants the document (NAME empty: one of OWNER's), until it returns 1; then
 * 1. */
static int each_wanting(struct xdm_watches *watches, struct strv owner, struct strv name,
			int (*fn)(struct xdm_watch *watch, void *arg), void *arg)
{
	uint32_t hash[PLACES];
	unsigned n = name.n ? places_of(owner, name, hash) : watches->n_buckets;

	for (unsigned i = 0; i < n; i++) {
		unsigned b = name.n ? hash[i] & (watches->n_buckets - 1) : i;

		for (struct xdm_watch *w = watches->bucket[b]; w; w = w->next)
			if ((!name.n || w->hash == hash[i]) && xdm_watch_wants(w, owner, name) &&
			    fn(w, arg))
				return 1;
	}
	return 0;
}

/* ---- the committer's side ---- */

static int is_there(struct xdm_watch *watch, void *arg)
{
	(void)watch;
	(void)arg;
	return 1;
}

static void queue(void *arg, const struct xdm_raw *raw)
{
	struct xdm_watches *watches = arg;
	struct xdm_raw *copy;
	char *text;

	if (!each_wanting(watches, raw->owner, raw->name, is_there, NULL))
		return;
	copy = malloc(sizeof(*copy) + raw->owner.n + raw->name.n);
	if (!copy) {
		watches->lost = 1;
		return;
	}
	*copy = *raw;
	text = (char *)(copy + 1);
	memcpy(text, raw->owner.p, raw->owner.n);
	if (raw->name.n)
		memcpy(text + raw->owner.n, raw->name.p, raw->name.n);
	copy->owner = strv_mem(text, raw->owner.n);
	copy->name = strv_mem(text + raw->owner.n, raw->name.n);
	copy->next = NULL;
	*(watches->last ? &watches->last->next : &watches->first) = copy;
	watches->last = copy;
}

static void on_commit(void *arg, const struct kv_change *change)
{
	struct xdm_watches *watches = arg;

	pthread_mutex_lock(&watches->lock);
	if (watches->n) {
		xdm_raw_each(change, queue, watches);
		if (watches->first || watches->lost)
			pthread_cond_signal(&watches->wake);
	}
	pthread_mutex_unlock(&watches->lock);
}

/* ---- telling ---- */

void xdm_watch_drop(struct xdm_watch *watch)
{
	struct arena *arena;

	if (atomic_fetch_sub_explicit(&watch->refs, 1, memory_order_acq_rel) != 1)
		return;
	arena = watch->arena;
	arena_free(&arena);
	free(watch);
}

static struct xdm_watch *hold(struct xdm_watch *watch)
{
	atomic_fetch_add_explicit(&watch->refs, 1, memory_order_relaxed);
	return watch;
}

static void told_free(struct xdm_told *told)
{
	struct xdm_watch *watch = told->watch;

	for (unsigned i = 0; i < told->n; i++)
		xdm_change_drop(&told->change[i]);
	free(told->change);
	if (told == &watch->spare)
		atomic_store(&watch->spare_used, 0);
	else
		free(told);
	xdm_watch_drop(watch);
}

static void on_told(struct post *post)
{
	struct xdm_told *told = (struct xdm_told *)(void *)post;
	struct xdm_watch *watch = told->watch;
	struct xdm_watch_event event = { .kind = told->kind,
					 .version = told->version,
					 .change = (const struct xdm_change *const *)told->change,
					 .n = told->n };

	if (!watch->dead && watch->node)
		xdm_node_watch_look(watch);
	else if (!watch->dead)
		watch->fn(watch->arg, watch, &event);
	told_free(told);
}

/* NULL: no memory now. */
static struct xdm_told *told_new(struct xdm_watch *watch, enum xdm_watch_kind_of_event kind,
				 uint64_t version)
{
	struct xdm_told *told = malloc(sizeof(*told));

	if (!told && atomic_exchange(&watch->spare_used, 1) == 0)
		told = &watch->spare;
	if (told)
		*told = (struct xdm_told){ .post = { NULL, on_told },
					   .watch = hold(watch),
					   .kind = kind,
					   .version = version };
	return told;
}

/* Leaves at the end of the turn, or, for a watch without a worker, now. */
static void send(struct xdm_told *told)
{
	struct worker *home = told->watch->home;
	struct xdm_out *out;

	if (!home) {
		on_told(&told->post);
		return;
	}
	out = &told->watch->watches->out[worker_index(home)];
	out->to = home;
	*(out->last ? &out->last->next : &out->first) = &told->post;
	out->last = &told->post;
}

static void send_out(struct xdm_watches *watches)
{
	for (unsigned i = 0; i < XDM_WORKERS_MAX; i++) {
		struct xdm_out *out = &watches->out[i];

		if (out->first)
			worker_post_list(out->to, out->first, out->last);
		*out = (struct xdm_out){ NULL, NULL, NULL };
	}
}

static int told_add(struct xdm_told *told, struct xdm_change *change)
{
	if (told->n == told->cap) {
		unsigned cap = told->cap ? told->cap * 2 : CHANGES_FIRST;
		struct xdm_change **more = realloc(told->change, cap * sizeof(struct xdm_change *));

		if (!more)
			return -1;
		told->change = more;
		told->cap = cap;
	}
	told->change[told->n++] = change;
	return 0;
}

/* CHANGE (taken over; NULL: it could not be had) is one of those that WATCH is told of next. */
static void tell(struct xdm_watch *watch, struct xdm_change *change)
{
	struct xdm_watches *watches = watch->watches;

	if (!watch->listed) {
		watch->listed = 1;
		watch->next_listed = watches->listed;
		watches->listed = hold(watch);
	}
	if (!watch->open)
		watch->open = told_new(watch, XDM_WATCH_CHANGES, 0);
	if (!change || !watch->open || told_add(watch->open, change) < 0) {
		watch->forgot = 1;
		xdm_change_drop(&change);
		return;
	}
	watch->open->version = change->version;
}

static void forget_open(struct xdm_watch *watch)
{
	if (watch->open)
		told_free(watch->open);
	watch->open = NULL;
	watch->forgot = 0;
}

/* ---- beginning ---- */

/* Queue WATCH, held, to begin. Under the lock. */
static void queue_start(struct xdm_watches *watches, struct xdm_watch *watch)
{
	watch->next_start = NULL;
	*(watches->last_start ? &watches->last_start->next_start : &watches->starts) = watch;
	watches->last_start = watch;
}

/* WATCH tries again in the next turn; OVER: what it was to be told is lost. */
static void begin_again(struct xdm_watch *watch, int over)
{
	forget_open(watch);
	watch->begun = 0;
	if (over) {
		watch->starts_over = 1;
		watch->has_since = 0;
	}
	pthread_mutex_lock(&watch->watches->lock);
	queue_start(watch->watches, hold(watch));
	pthread_mutex_unlock(&watch->watches->lock);
}

/* First what it begins with, then what it missed. */
static void begin(struct xdm_watch *watch)
{
	struct xdm_told *told = told_new(watch, XDM_WATCH_BEGINS, watch->since);
	uint64_t version = 0;
	int ret = told ? xdm_watch_catch_up(watch, tell, &watch->seen, &version) : -1;

	if (ret < 0 && ++watch->tries >= TRIES_MAX && told) {
		/* The watcher will see for itself what cannot be read. */
		log_error(LOG_KV, "what a watch begins with cannot be read",
			  L_SV("owner", watch->owner), L_SV("name", watch->name));
		watch->seen = version = kv_seq(watch->watches->kv);
		ret = 1;
	}
	if (ret < 0) {
		if (told)
			told_free(told);
		begin_again(watch, 0);
		return;
	}
	if (ret > 0)
		forget_open(watch);
	if (ret > 0 || watch->starts_over)
		told->kind = XDM_WATCH_STARTS_OVER;
	if (ret > 0 || !watch->has_since)
		told->version = version;
	watch->begun = 1;
	watch->starts_over = 0;
	watch->tries = 0;
	send(told);
}

/* ---- the thread ---- */

static int add_to(struct xdm_watch *watch, void *arg)
{
	struct xdm_change *change = arg;

	if (watch->begun && change->seq > watch->seen)
		tell(watch, xdm_change_hold(change));
	return 0;
}

static int must_begin_again(struct xdm_watch *watch, void *arg)
{
	(void)arg;
	if (watch->begun)
		tell(watch, NULL);
	return 0;
}

/* All who want RAW. */
static void pass_on(struct xdm_watches *watches, const struct xdm_raw *raw)
{
	struct xdm_change *change = xdm_change_read(watches, raw);

	pthread_mutex_lock(&watches->lock);
	each_wanting(watches, raw->owner, raw->name, change ? add_to : must_begin_again, change);
	pthread_mutex_unlock(&watches->lock);
	xdm_change_drop(&change);
}

/* A change was lost, and nobody knows which. */
static void pass_on_loss(struct xdm_watches *watches)
{
	pthread_mutex_lock(&watches->lock);
	for (unsigned b = 0; b < watches->n_buckets; b++)
		for (struct xdm_watch *w = watches->bucket[b]; w; w = w->next)
			must_begin_again(w, NULL);
	pthread_mutex_unlock(&watches->lock);
}

static void tell_all(struct xdm_watches *watches)
{
	struct xdm_watch *watch = watches->listed, *next;

	watches->listed = NULL;
	for (; watch; watch = next) {
		struct xdm_told *told = watch->open;

		next = watch->next_listed;
		watch->listed = 0;
		watch->open = NULL;
		if (watch->forgot) {
			watch->open = told;
			begin_again(watch, 1);
		} else if (told) {
			send(told);
		}
		xdm_watch_drop(watch);
	}
	send_out(watches);
}

/* What has come since the last turn. */
struct turn {
	struct xdm_raw *raw;
	struct xdm_watch *starts;
	int lost;
};

static void free_turn(struct turn *turn)
{
	struct xdm_raw *next;

	for (; turn->raw; turn->raw = next) {
		next = turn->raw->next;
		free(turn->raw);
	}
}

static int is_removed(struct xdm_watch *watch)
{
	int removed;

	pthread_mutex_lock(&watch->watches->lock);
	removed = watch->removed;
	pthread_mutex_unlock(&watch->watches->lock);
	return removed;
}

static void run_turn(struct xdm_watches *watches, struct turn *turn)
{
	struct xdm_watch *watch, *next;

	if (turn->lost)
		pass_on_loss(watches);
	for (watch = turn->starts; watch; watch = next) {
		next = watch->next_start;
		if (!is_removed(watch))
			begin(watch);
		xdm_watch_drop(watch);
	}
	for (struct xdm_raw *raw = turn->raw; raw; raw = raw->next)
		pass_on(watches, raw);
	free_turn(turn);
	tell_all(watches);
}

/* Wait for work; a watch that must try again waits a while. 0: stop. */
static int next_turn(struct xdm_watches *watches, struct turn *turn)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += RETRY_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	while (!watches->stopping && watches->starts && watches->starts->tries && !watches->first)
		if (pthread_cond_timedwait(&watches->wake, &watches->lock, &until) == ETIMEDOUT)
			break;
	while (!watches->stopping && !watches->first && !watches->starts && !watches->lost)
		pthread_cond_wait(&watches->wake, &watches->lock);
	*turn = (struct turn){ watches->first, watches->starts, watches->lost };
	watches->first = watches->last = NULL;
	watches->starts = watches->last_start = NULL;
	watches->lost = 0;
	return !watches->stopping;
}

static void *run(void *arg)
{
	struct xdm_watches *watches = arg;
	struct xdm_watch *next;
	struct turn turn;

	pthread_setname_np(pthread_self(), "xdm-watch");
	pthread_mutex_lock(&watches->lock);
	while (next_turn(watches, &turn)) {
		pthread_mutex_unlock(&watches->lock);
		run_turn(watches, &turn);
		pthread_mutex_lock(&watches->lock);
	}
	pthread_mutex_unlock(&watches->lock);
	free_turn(&turn);
	for (; turn.starts; turn.starts = next) {
		next = turn.starts->next_start;
		xdm_watch_drop(turn.starts);
	}
	return NULL;
}

/* ---- open, close ---- */

int xdm_watches_new(struct kv *kv, struct xdm_store *store, struct xdm_watches **watches_out,
		    struct err *err)
{
	struct xdm_watches *watches = calloc(1, sizeof(*watches));
	int fault;

	*watches_out = watches;
	if (!watches)
		return err_set(err, ERR_NOMEM, "no memory for watches");
	pthread_mutex_init(&watches->lock, NULL);
	pthread_cond_init(&watches->wake, NULL);
	watches->kv = kv;
	watches->store = store;
	watches->n_buckets = BUCKETS_FIRST;
	watches->bucket = calloc(BUCKETS_FIRST, sizeof(struct xdm_watch *));
	if (!watches->bucket) {
		err_set(err, ERR_NOMEM, "no memory for watches");
	} else if (kv_subscribe(kv, on_commit, watches, err) == 0) {
		fault = pthread_create(&watches->thread, NULL, run, watches);
		if (!fault) {
			watches->has_thread = 1;
			return 0;
		}
		err_sys(err, ERR_IO, fault, "no thread for watches");
	}
	return -1;
}

void xdm_watches_stop(struct xdm_watches *watches)
{
	if (!watches || !watches->has_thread)
		return;
	pthread_mutex_lock(&watches->lock);
	watches->stopping = 1;
	pthread_cond_signal(&watches->wake);
	pthread_mutex_unlock(&watches->lock);
	pthread_join(watches->thread, NULL);
	watches->has_thread = 0;
}

void xdm_watches_free(struct xdm_watches **watches_at)
{
	struct xdm_watches *watches = *watches_at;
	struct turn left;

	*watches_at = NULL;
	if (!watches)
		return;
	xdm_watches_stop(watches);
	left.raw = watches->first; /* queued since it stopped */
	free_turn(&left);
	pthread_cond_destroy(&watches->wake);
	pthread_mutex_destroy(&watches->lock);
	free(watches->bucket);
	free(watches);
}

unsigned xdm_watches_count(struct xdm_watches *watches)
{
	unsigned n;

	pthread_mutex_lock(&watches->lock);
	n = watches->n;
	pthread_mutex_unlock(&watches->lock);
	return n;
}

/* ---- one watch ---- */

/* A collection is a usage's, or all: what commits look for. */
static int is_sound(const struct xdm_watch_spec *spec)
{
	const char *end = spec->name.n > 2 ? memchr(spec->name.p + 2, '/', spec->name.n - 2) : NULL;

	if (spec->owner.n > KV_OWNER_MAX || spec->name.n > XDM_NAME_MAX ||
	    !strv_starts(spec->name, STRV("x/")))
		return 0;
	if (spec->kind == XDM_WATCH_COLLECTION)
		return spec->name.n == 2 || end == spec->name.p + spec->name.n - 1;
	return spec->owner.n && end && end < spec->name.p + spec->name.n - 1;
}

struct xdm_watch *xdm_watch_new(struct xdm_watches *watches, const struct xdm_watch_spec *spec,
				xdm_watch_fn *fn, void *arg, struct err *err)
{
	struct xdm_watch *watch;

	if (!is_sound(spec)) {
		err_set(err, ERR_RANGE, "this is nothing to watch");
		return NULL;
	}
	watch = calloc(1, sizeof(*watch));
	if (!watch || !(watch->arena = arena_new(0))) {
		free(watch);
		err_set(err, ERR_NOMEM, "no memory for a watch");
		return NULL;
	}
	atomic_init(&watch->refs, 1);
	watch->watches = watches;
	watch->home = worker_self();
	watch->fn = fn;
	watch->arg = arg;
	watch->kind = spec->kind;
	watch->has_since = spec->has_since;
	watch->since = spec->has_since ? spec->since : 0;
	watch->owner = strv_mem(arena_strdup(watch->arena, spec->owner), spec->owner.n);
	watch->name = strv_mem(arena_strdup(watch->arena, spec->name), spec->name.n);
	watch->hash = hash_of(spec->owner, spec->name);
	if (!watch->owner.p || !watch->name.p)
		err_set(err, ERR_NOMEM, "no memory for a watch");
	if (!watch->owner.p || !watch->name.p ||
	    (spec->kind == XDM_WATCH_NODE && xdm_node_watch_new(watch, spec, err) < 0)) {
		xdm_watch_drop(watch);
		return NULL;
	}
	pthread_mutex_lock(&watches->lock);
	grow(watches);
	insert(watches, watch);
	watches->n++;
	queue_start(watches, hold(watch));
	pthread_cond_signal(&watches->wake);
	pthread_mutex_unlock(&watches->lock);
	return watch;
}

void xdm_watch_free(struct xdm_watch **watch_at)
{
	struct xdm_watch *watch = *watch_at;
	struct xdm_watches *watches;

	*watch_at = NULL;
	if (!watch)
		return;
	watches = watch->watches;
	watch->dead = 1;
	if (watch->node)
		xdm_node_watch_end(watch);
	pthread_mutex_lock(&watches->lock);
	take_out(watches, watch);
	watch->removed = 1;
	pthread_mutex_unlock(&watches->lock);
	xdm_watch_drop(watch);
}
