/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/limit.c - connections and requests counted by source address
 *
 * See limit.h. The table is cut into shards with a lock each, so that workers seldom meet. A source
 * without open connections is idle: it stands in its shard's list, the longest idle first, and is
 * the one to be forgotten when a place is needed.
 */
#include "base/limit.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"

enum { SHARDS = 16, TOKEN = 1000 }; /* a token is counted in thousandths: one a ms and request/s */

struct key {
	uint64_t half[2]; /* the /64, or ::ffff: and the IPv4 address */
};

struct source {
	struct key key;
	struct source *next; /* of the hash chain */
	struct source *idle_next, *idle_prev;
	unsigned conns;
	uint64_t tokens, filled_ms;
	int fresh; /* has not asked for a request yet: its bucket is full */
};

struct shard {
	pthread_mutex_t lock;
	struct source **chain; /* n_chains of them */
	struct source idle;    /* head of the ring of idle sources */
	unsigned n;
};

struct limits {
	_Atomic unsigned conns, requests_per_s, requests_burst;
	unsigned shard_max, n_chains;
	uint64_t seed;
	struct shard shard[SHARDS];
};

struct limits *limits_new(const struct limit_options *options)
{
	struct limits *limits = calloc(1, sizeof(*limits));
	unsigned max = options->max_sources ? options->max_sources : 1;

	if (!limits)
		return NULL;
	limits->shard_max = (max + SHARDS - 1) / SHARDS;
	limits->n_chains = limits->shard_max;
	limits->seed = trace_random() | 1;
	limits_set(limits, options);
	for (unsigned i = 0; i < SHARDS; i++) {
		struct shard *shard = &limits->shard[i];

		pthread_mutex_init(&shard->lock, NULL);
		shard->idle.idle_next = shard->idle.idle_prev = &shard->idle;
		shard->chain = calloc(limits->n_chains, sizeof(struct source *));
	}
	for (unsigned i = 0; i < SHARDS; i++)
		if (!limits->shard[i].chain) {
			limits_free(&limits);
			return NULL;
		}
	return limits;
}

void limits_free(struct limits **limits_at)
{
	struct limits *limits = *limits_at;

	*limits_at = NULL;
	if (!limits)
		return;
	for (unsigned i = 0; i < SHARDS; i++) {
		struct shard *shard = &limits->shard[i];

		for (unsigned c = 0; shard->chain && c < limits->n_chains; c++)
			for (struct source *s = shard->chain[c], *next; s; s = next) {
				next = s->next;
				free(s);
			}
		free(shard->chain);
		pthread_mutex_destroy(&shard->lock);
	}
	free(limits);
}

void limits_set(struct limits *limits, const struct limit_options *options)
{
	atomic_store(&limits->conns, options->conns);
	atomic_store(&limits->requests_per_s, options->requests_per_s);
	atomic_store(&limits->requests_burst,
		     options->requests_burst ? options->requests_burst : 1);
}

/* Returns 0 for a peer that has no address to be limited by. */
static int key_of(const struct sockaddr *addr, struct key *key_out)
{
	if (addr && addr->sa_family == AF_INET) {
		key_out->half[0] = 0xffff;
		key_out->half[1] =
			((const struct sockaddr_in *)(const void *)addr)->sin_addr.s_addr;
		return 1;
	}
	if (addr && addr->sa_family == AF_INET6) {
		const struct in6_addr *in6 =
			&((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr;
		uint32_t v4;

		if (IN6_IS_ADDR_V4MAPPED(in6)) {
			memcpy(&v4, &in6->s6_addr[12], sizeof(v4));
			key_out->half[0] = 0xffff;
			key_out->half[1] = v4;
			return 1;
		}
		memcpy(&key_out->half[0], in6->s6_addr, 8);
		key_out->half[1] = 0;
		return 1;
	}
	return 0;
}

static uint64_t hash(const struct limits *limits, const struct key *key)
{
	uint64_t h = (key->half[0] ^ limits->seed) * UINT64_C(0x9e3779b97f4a7c15);

	h = (h ^ h >> 32 ^ key->half[1]) * (limits->seed | 1);
	h ^= h >> 29;
	h *= UINT64_C(0xbf58476d1ce4e5b9);
	return h ^ h >> 32;
}

static void idle_leave(struct source *s)
{
	s->idle_next->idle_prev = s->idle_prev;
	s->idle_prev->idle_next = s->idle_next;
}

static void idle_join(struct shard *shard, struct source *s)
{
	s->idle_prev = shard->idle.idle_prev;
	s->idle_next = &shard->idle;
	s->idle_prev->idle_next = s;
	shard->idle.idle_prev = s;
}

static struct source **chain_of(struct limits *limits, struct shard *shard, const struct key *key)
{
	return &shard->chain[hash(limits, key) / SHARDS % limits->n_chains];
}

static void forget(struct limits *limits, struct shard *shard, struct source *s)
{
	struct source **at = chain_of(limits, shard, &s->key);

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	idle_leave(s);
	free(s);
	shard->n--;
}

static struct source *find(struct limits *limits, struct shard *shard, const struct key *key)
{
	struct source *s = *chain_of(limits, shard, key);

	while (s && (s->key.half[0] != key->half[0] || s->key.half[1] != key->half[1]))
		s = s->next;
	return s;
}

/* Find or make; NULL when every remembered source has open connections, or memory is short. */
static struct source *find_or_add(struct limits *limits, struct shard *shard, const struct key *key)
{
	struct source *s = find(limits, shard, key);
	struct source **chain;

	if (s)
		return s;
	if (shard->n >= limits->shard_max) {
		if (shard->idle.idle_next == &shard->idle)
			return NULL;
		forget(limits, shard, shard->idle.idle_next);
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->key = *key;
	s->fresh = 1;
	chain = chain_of(limits, shard, key);
	s->next = *chain;
	*chain = s;
	idle_join(shard, s);
	shard->n++;
	return s;
}

static struct shard *shard_of(struct limits *limits, const struct key *key)
{
	return &limits->shard[hash(limits, key) % SHARDS];
}

int limit_conn_open(struct limits *limits, const struct sockaddr *addr)
{
	unsigned max = atomic_load_explicit(&limits->conns, memory_order_relaxed);
	struct shard *shard;
	struct source *s;
	struct key key;
	int ok;

	if (!key_of(addr, &key))
		return 1;
	shard = shard_of(limits, &key);
	pthread_mutex_lock(&shard->lock);
	s = find_or_add(limits, shard, &key);
	ok = s && (!max || s->conns < max);
	if (ok && s->conns++ == 0)
		idle_leave(s);
	pthread_mutex_unlock(&shard->lock);
	return ok;
}

void limit_conn_close(struct limits *limits, const struct sockaddr *addr)
{
	struct shard *shard;
	struct source *s;
	struct key key;

	if (!key_of(addr, &key))
		return;
	shard = shard_of(limits, &key);
	pthread_mutex_lock(&shard->lock);
	s = find(limits, shard, &key);
	if (s && s->conns && --s->conns == 0)
		idle_join(shard, s);
	pthread_mutex_unlock(&shard->lock);
}

static int take_token(struct source *s, uint64_t rate, uint64_t burst, uint64_t now_ms)
{
	uint64_t full = burst * TOKEN, passed = now_ms > s->filled_ms ? now_ms - s->filled_ms : 0;

	if (s->fresh || passed > full / rate)
		s->tokens = full;
	else
		s->tokens = s->tokens + passed * rate < full ? s->tokens + passed * rate : full;
	s->fresh = 0;
	/* Workers' clocks differ a little: time given out once is not given out again. */
	if (now_ms > s->filled_ms)
		s->filled_ms = now_ms;
	if (s->tokens < TOKEN)
		return 0;
	s->tokens -= TOKEN;
	return 1;
}

int limit_request(struct limits *limits, const struct sockaddr *addr, uint64_t now_ms)
{
	unsigned rate = atomic_load_explicit(&limits->requests_per_s, memory_order_relaxed);
	unsigned burst = atomic_load_explicit(&limits->requests_burst, memory_order_relaxed);
	struct shard *shard;
	struct source *s;
	struct key key;
	int ok;

	if (!rate || !key_of(addr, &key))
		return 1;
	shard = shard_of(limits, &key);
	pthread_mutex_lock(&shard->lock);
	s = find_or_add(limits, shard, &key);
	ok = s && take_token(s, rate, burst, now_ms);
	if (s && s->conns == 0) {
		idle_leave(s);
		idle_join(shard, s);
	}
	pthread_mutex_unlock(&shard->lock);
	return ok;
}

unsigned limits_sources(struct limits *limits)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SHARDS; i++) {
		pthread_mutex_lock(&limits->shard[i].lock);
		n += limits->shard[i].n;
		pthread_mutex_unlock(&limits->shard[i].lock);
	}
	return n;
}
