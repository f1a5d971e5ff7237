/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/cache.c - a hash table in shards, each with its lock, its order of use and its count of
 * changes
 *
 * See cache.h. A ticket is the shard's count of changes at the miss. A key that was told to have
 * changed keeps an entry without a value: what is published late, for an older version, is known by
 * it. Values are destroyed outside of the lock.
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
	size_t n;
	char key[];
};

struct shard {
	pthread_mutex_t lock;
	struct entry **chain;
	size_t n_chains, n;
	size_t bytes;
	uint64_t changes;
	uint64_t floor; /* the latest version of a change that is no longer remembered by its key */
	struct entry ring; /* ring.newer is the one used longest ago */
};

struct cache {
	size_t shard_max;
	uint64_t seed;
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
	cache->shard_max = max_bytes / SHARDS;
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
static struct cache_value *take_out(struct shard *shard, struct entry *entry)
{
	struct entry **at = &shard->chain[entry->hash / SHARDS % shard->n_chains];
	struct cache_value *value = entry->value;

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	entry->older->newer = entry->newer;
	entry->newer->older = entry->older;
	shard->bytes -= (value ? value->bytes : 0) + sizeof(*entry) + entry->n;
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
			struct cache_value *value = take_out(shard, shard->ring.newer);

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

static void touch(struct shard *shard, struct entry *entry)
{
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

/* VALUE may be NULL. */
static void add(struct shard *shard, uint64_t hash, struct strv key, struct cache_value *value,
		uint64_t version)
{
	struct entry *entry = malloc(sizeof(*entry) + key.n), **at;

	if (!entry) {
		raise_floor(shard, version);
		return;
	}
	if (shard->n >= shard->n_chains)
		grow(shard);
	entry->hash = hash;
	entry->n = key.n;
	memcpy(entry->key, key.p, key.n);
	entry->value = value ? cache_value_hold(value) : NULL;
	entry->version = version;
	at = &shard->chain[hash / SHARDS % shard->n_chains];
	entry->next = *at;
	*at = entry;
	join_ring(shard, entry);
	shard->bytes += (value ? value->bytes : 0) + sizeof(*entry) + key.n;
	shard->n++;
}

/* Add, and unlock; what has to go for the shard to fit is destroyed after that. The newest stays,
 * however large it is. */
static void add_and_unlock(struct cache *cache, struct shard *shard, uint64_t hash, struct strv key,
			   struct cache_value *value, uint64_t version)
{
	add(shard, hash, key, value, version);
	while (shard->bytes > cache->shard_max && shard->ring.newer != shard->ring.older) {
		struct cache_value *gone;

		if (!shard->ring.newer->value)
			raise_floor(shard, shard->ring.newer->version);
		gone = take_out(shard, shard->ring.newer);
		pthread_mutex_unlock(&shard->lock);
		cache_value_drop(&gone);
		pthread_mutex_lock(&shard->lock);
	}
	pthread_mutex_unlock(&shard->lock);
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
		touch(shard, entry);
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

	pthread_mutex_lock(&shard->lock);
	entry = find(shard, hash, key);
	if ((ticket ? shard->changes != *ticket : version < shard->floor) ||
	    (entry && entry->version > version)) {
		pthread_mutex_unlock(&shard->lock);
		return;
	}
	if (entry)
		old = take_out(shard, entry);
	add_and_unlock(cache, shard, hash, key, value, version);
	cache_value_drop(&old);
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

	pthread_mutex_lock(&shard->lock);
	shard->changes++;
	entry = find(shard, hash, key);
	if (entry && entry->version >= version) {
		pthread_mutex_unlock(&shard->lock);
		return;
	}
	if (entry)
		old = take_out(shard, entry);
	add_and_unlock(cache, shard, hash, key, NULL, version);
	cache_value_drop(&old);
}

static int begins(const struct entry *entry, struct strv prefix)
{
	return entry->n >= prefix.n && memcmp(entry->key, prefix.p, prefix.n) == 0;
}

static struct cache_value *forget_one(struct shard *shard, struct strv prefix, uint64_t version)
{
	for (struct entry *entry = shard->ring.newer; entry != &shard->ring; entry = entry->newer)
		if (entry->value && entry->version < version && begins(entry, prefix)) {
			struct cache_value *value = entry->value;

			shard->bytes -= value->bytes;
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
		while ((old = forget_one(shard, prefix, version)))
			cache_value_drop(&old);
		pthread_mutex_unlock(&shard->lock);
	}
}

size_t cache_bytes(struct cache *cache)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < SHARDS; i++) {
		pthread_mutex_lock(&cache->shard[i].lock);
		bytes += cache->shard[i].bytes;
		pthread_mutex_unlock(&cache->shard[i].lock);
	}
	return bytes;
}
