/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/cache.c - a hash table in shards, each with its lock, its order of use and its count of
 * changes
 *
 * See cache.h. A ticket is the shard's count of changes at the miss. A key that was told to have
 * changed keeps an entry without a value: what is published late, for an older version, is known by
 * it. Values are destroyed outside of the lock. The bound is one for all shards: were each given
 * its part, a value of more than a part would drive out its neighbours while others' room is free.
 */
#include "base/cache.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/trace.h"

enum { SHARDS = 16, FIRST_CHAINS = 64 };

struct entry {
	struct entry *next;	     /* of the chain */
	struct entry *older, *newer; /* by use; a ring through the shard's head */
	struct cache_value *value;   /* NULL: only VERSION is known */
	uint64_t version, hash;
	uint64_t used; /* by the cache's clock */
	size_t n;
	char key[];
};

struct shard {
	pthread_mutex_t lock;
	struct entry **chain;
	size_t n_chains, n;
	uint64_t changes;
	uint64_t floor; /* the latest version of a change that is no longer remembered by its key */
	struct entry ring; /* ring.newer is the one used longest ago */
};

struct cache {
	size_t max;
	uint64_t seed;
	_Atomic size_t bytes;
	_Atomic uint64_t clock; /* counts additions */
	struct shard shard[SHARDS];
};

void cache_value_init(struct cache_value *value, uint64_t version, size_t bytes,
		      void (*destroy)(struct cache_value *value))
{
	atomic_init(&value->refs, 1);
	value->version = version;
	value->bytes = bytes;
	value->destroy = destroy;
}

struct cache_value *cache_value_hold(struct cache_value *value)
{
	atomic_fetch_add_explicit(&value->refs, 1, memory_order_relaxed);
	return value;
}

void cache_value_drop(struct cache_value **value_at)
{
	struct cache_value *value = *value_at;

	*value_at = NULL;
	if (value && atomic_fetch_sub_explicit(&value->refs, 1, memory_order_acq_rel) == 1)
		value->destroy(value);
}

struct cache *cache_new(size_t max_bytes)
{
	struct cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return NULL;
	cache->max = max_bytes;
	atomic_init(&cache->bytes, 0);
	atomic_init(&cache->clock, 1);
	cache->seed = trace_random();
	for (unsigned i = 0; i < SHARDS; i++) {
		struct shard *shard = &cache->shard[i];

		pthread_mutex_init(&shard->lock, NULL);
		shard->ring.older = shard->ring.newer = &shard->ring;
		shard->n_chains = FIRST_CHAINS;
		shard->chain = calloc(FIRST_CHAINS, sizeof(*shard->chain));
	}
	for (unsigned i = 0; i < SHARDS; i++)
		if (!cache->shard[i].chain) {
			cache_free(&cache);
			return NULL;
		}
	return cache;
}

static void raise_floor(struct shard *shard, uint64_t version)
{
	if (shard->floor < version)
		shard->floor = version;
}

/* Take ENTRY out of the shard; what was its value is for the caller to drop. */
static struct cache_value *take_out(struct cache *cache, struct shard *shard, struct entry *entry)
{
	struct entry **at = &shard->chain[entry->hash / SHARDS % shard->n_chains];
	struct cache_value *value = entry->value;

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	entry->older->newer = entry->newer;
	entry->newer->older = entry->older;
	atomic_fetch_sub_explicit(&cache->bytes,
				  (value ? value->bytes : 0) + sizeof(*entry) + entry->n,
				  memory_order_relaxed);
	shard->n--;
	free(entry);
	return value;
}

void cache_free(struct cache **cache_at)
{
	struct cache *cache = *cache_at;

	*cache_at = NULL;
	if (!cache)
		return;
	for (unsigned i = 0; i < SHARDS; i++) {
		struct shard *shard = &cache->shard[i];

		while (shard->ring.newer != &shard->ring) {
			struct cache_value *value = take_out(cache, shard, shard->ring.newer);

			cache_value_drop(&value);
		}
		free(shard->chain);
		pthread_mutex_destroy(&shard->lock);
	}
	free(cache);
}

/* FNV-1a over eight octets at a time would do; keys are short. */
static uint64_t hash_of(const struct cache *cache, struct strv key)
{
	uint64_t h = cache->seed ^ UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < key.n; i++)
		h = (h ^ (unsigned char)key.p[i]) * UINT64_C(0x100000001b3);
	return h ^ h >> 29;
}

static struct entry *find(const struct shard *shard, uint64_t hash, struct strv key)
{
	struct entry *entry = shard->chain[hash / SHARDS % shard->n_chains];

	while (entry &&
	       (entry->hash != hash || entry->n != key.n || memcmp(entry->key, key.p, key.n) != 0))
		entry = entry->next;
	return entry;
}

static void join_ring(struct shard *shard, struct entry *entry)
{
	entry->older = shard->ring.older;
	entry->newer = &shard->ring;
	entry->older->newer = entry;
	shard->ring.older = entry;
}

static void touch(struct cache *cache, struct shard *shard, struct entry *entry)
{
	/* As new as the latest addition, older than the next one. */
	entry->used = atomic_load_explicit(&cache->clock, memory_order_relaxed) - 1;
	entry->older->newer = entry->newer;
	entry->newer->older = entry->older;
	join_ring(shard, entry);
}

/* Twice the chains when they have become long; when memory is short they stay long. */
static void grow(struct shard *shard)
{
	size_t n = shard->n_chains * 2;
	struct entry **chain = calloc(n, sizeof(*chain));

	if (!chain)
		return;
	for (size_t i = 0; i < shard->n_chains; i++)
		for (struct entry *entry = shard->chain[i], *next; entry; entry = next) {
			struct entry **at = &chain[entry->hash / SHARDS % n];

			next = entry->next;
			entry->next = *at;
			*at = entry;
		}
	free(shard->chain);
	shard->chain = chain;
	shard->n_chains = n;
}

/* VALUE may be NULL. Returns when it was, by the clock; 0 when memory is short. */
static uint64_t add(struct cache *cache, struct shard *shard, uint64_t hash, struct strv key,
		    struct cache_value *value, uint64_t version)
{
	struct entry *entry = malloc(sizeof(*entry) + key.n), **at;

	if (!entry) {
		raise_floor(shard, version);
		return 0;
	}
	if (shard->n >= shard->n_chains)
		grow(shard);
	entry->hash = hash;
	entry->n = key.n;
	memcpy(entry->key, key.p, key.n);
	entry->value = value ? cache_value_hold(value) : NULL;
	entry->version = version;
	entry->used = atomic_fetch_add_explicit(&cache->clock, 1, memory_order_relaxed);
	at = &shard->chain[hash / SHARDS % shard->n_chains];
	entry->next = *at;
	*at = entry;
	join_ring(shard, entry);
	atomic_fetch_add_explicit(&cache->bytes,
				  (value ? value->bytes : 0) + sizeof(*entry) + key.n,
				  memory_order_relaxed);
	shard->n++;
	return entry->used;
}

/* The shard whose oldest entry is the oldest of all; NULL when none is from before WHEN. */
static struct shard *find_oldest(struct cache *cache, uint64_t when)
{
	struct shard *oldest = NULL;

	for (unsigned i = 0; i < SHARDS; i++) {
		struct shard *shard = &cache->shard[i];

		pthread_mutex_lock(&shard->lock);
		if (shard->ring.newer != &shard->ring && shard->ring.newer->used < when) {
			oldest = shard;
			when = shard->ring.newer->used;
		}
		pthread_mutex_unlock(&shard->lock);
	}
	return oldest;
}

/* Make what was added at WHEN fit. It stays itself, however large it is. */
static void fit(struct cache *cache, uint64_t when)
{
	while (atomic_load_explicit(&cache->bytes, memory_order_relaxed) > cache->max) {
		struct shard *shard = find_oldest(cache, when);
		struct cache_value *gone = NULL;

		if (!shard)
			return;
		pthread_mutex_lock(&shard->lock);
		/* Another thread may have taken it by now. */
		if (shard->ring.newer != &shard->ring && shard->ring.newer->used < when) {
			if (!shard->ring.newer->value)
				raise_floor(shard, shard->ring.newer->version);
			gone = take_out(cache, shard, shard->ring.newer);
		}
		pthread_mutex_unlock(&shard->lock);
		cache_value_drop(&gone);
	}
}

static struct shard *shard_of(struct cache *cache, uint64_t hash)
{
	return &cache->shard[hash % SHARDS];
}

struct cache_value *cache_get(struct cache *cache, struct strv key, uint64_t *ticket_out)
{
	uint64_t hash = hash_of(cache, key);
	struct shard *shard = shard_of(cache, hash);
	struct cache_value *value = NULL;
	struct entry *entry;

	pthread_mutex_lock(&shard->lock);
	entry = find(shard, hash, key);
	if (entry && entry->value) {
		touch(cache, shard, entry);
		value = cache_value_hold(entry->value);
	}
	*ticket_out = shard->changes;
	pthread_mutex_unlock(&shard->lock);
	return value;
}

/* Put VALUE in KEY's place unless a later version is known; what stood there is dropped. */
static void put(struct cache *cache, struct strv key, struct cache_value *value, uint64_t version,
		const uint64_t *ticket)
{
	uint64_t hash = hash_of(cache, key);
	struct shard *shard = shard_of(cache, hash);
	struct cache_value *old = NULL;
	struct entry *entry;
	uint64_t when;

	pthread_mutex_lock(&shard->lock);
	entry = find(shard, hash, key);
	if ((ticket ? shard->changes != *ticket : version < shard->floor) ||
	    (entry && entry->version > version)) {
		pthread_mutex_unlock(&shard->lock);
		return;
	}
	if (entry)
		old = take_out(cache, shard, entry);
	when = add(cache, shard, hash, key, value, version);
	pthread_mutex_unlock(&shard->lock);
	cache_value_drop(&old);
	fit(cache, when);
}

void cache_fill(struct cache *cache, struct strv key, struct cache_value *value, uint64_t ticket)
{
	put(cache, key, value, value->version, &ticket);
}

void cache_publish(struct cache *cache, struct strv key, struct cache_value *value)
{
	put(cache, key, value, value->version, NULL);
}

void cache_forget(struct cache *cache, struct strv key, uint64_t version)
{
	uint64_t hash = hash_of(cache, key);
	struct shard *shard = shard_of(cache, hash);
	struct cache_value *old = NULL;
	struct entry *entry;
	uint64_t when;

	pthread_mutex_lock(&shard->lock);
	shard->changes++;
	entry = find(shard, hash, key);
	if (entry && entry->version >= version) {
		pthread_mutex_unlock(&shard->lock);
		return;
	}
	if (entry)
		old = take_out(cache, shard, entry);
	when = add(cache, shard, hash, key, NULL, version);
	pthread_mutex_unlock(&shard->lock);
	cache_value_drop(&old);
	fit(cache, when);
}

static int begins(const struct entry *entry, struct strv prefix)
{
	return entry->n >= prefix.n && memcmp(entry->key, prefix.p, prefix.n) == 0;
}

static struct cache_value *forget_one(struct cache *cache, struct shard *shard, struct strv prefix,
				      uint64_t version)
{
	for (struct entry *entry = shard->ring.newer; entry != &shard->ring; entry = entry->newer)
		if (entry->value && entry->version < version && begins(entry, prefix)) {
			struct cache_value *value = entry->value;

			atomic_fetch_sub_explicit(&cache->bytes, value->bytes,
						  memory_order_relaxed);
			entry->value = NULL;
			entry->version = version;
			return value;
		}
	return NULL;
}

void cache_forget_all(struct cache *cache, struct strv prefix, uint64_t version)
{
	for (unsigned i = 0; i < SHARDS; i++) {
		struct shard *shard = &cache->shard[i];
		struct cache_value *old;

		pthread_mutex_lock(&shard->lock);
		shard->changes++;
		while ((old = forget_one(cache, shard, prefix, version)))
			cache_value_drop(&old);
		pthread_mutex_unlock(&shard->lock);
	}
}

size_t cache_bytes(struct cache *cache)
{
	return atomic_load_explicit(&cache->bytes, memory_order_relaxed);
}
