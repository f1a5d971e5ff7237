/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth/auth_throttle.c - see auth_throttle.h
 *
 * One set-associative table holds both counts, by a keyed hash of (source, user) and of (source)
 * alone: which entries share a bucket cannot be foreseen, so nobody can push a chosen one out.
 */
#include "auth/auth_throttle.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "auth/auth_hash.h"

enum { WAYS = 8, LOCKS = 64, DOUBLINGS = 40 };

struct entry {
	uint64_t key;	   /* 0: free */
	uint64_t until_ms; /* no attempt before */
	uint64_t failed_ms;
	uint64_t used_ms;
	unsigned failures;
	int good; /* has succeeded */
};

struct bucket {
	struct entry entry[WAYS];
};

struct auth_throttle {
	struct auth_throttle_options options;
	uint64_t seed[2];
	unsigned n_buckets;
	struct bucket *bucket;
	pthread_mutex_t lock[LOCKS];
};

int auth_throttle_new(const struct auth_throttle_options *options,
		      struct auth_throttle **throttle_out, struct err *err)
{
	struct auth_throttle *t = calloc(1, sizeof(*t));

	*throttle_out = NULL;
	if (!t)
		return err_set(err, ERR_NOMEM, "no memory to count failures");
	t->options = *options;
	if (!t->options.free_failures)
		t->options.free_failures = 1;
	t->n_buckets = options->max_entries < WAYS ? 1 : options->max_entries / WAYS;
	t->bucket = calloc(t->n_buckets, sizeof(*t->bucket));
	for (int i = 0; i < LOCKS; i++)
		pthread_mutex_init(&t->lock[i], NULL);
	if (!t->bucket || auth_random(t->seed, sizeof(t->seed)) < 0) {
		auth_throttle_free(&t);
		return err_set(err, ERR_NOMEM, "no memory or randomness to count failures");
	}
	*throttle_out = t;
	return 0;
}

void auth_throttle_free(struct auth_throttle **throttle_at)
{
	struct auth_throttle *t = *throttle_at;

	*throttle_at = NULL;
	if (!t)
		return;
	for (int i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&t->lock[i]);
	free(t->bucket);
	free(t);
}

/* ---- keys: SipHash-2-4 ---- */

static uint64_t rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	sip_round(v);
	v[0] ^= word;
}

/* Of the source alone when USER is NULL. Never 0. */
static uint64_t key_of(const struct auth_throttle *t, const struct auth_source *source,
		       const struct strv *user)
{
	uint64_t v[4] = { t->seed[0] ^ UINT64_C(0x736f6d6570736575),
			  t->seed[1] ^ UINT64_C(0x646f72616e646f6d),
			  t->seed[0] ^ UINT64_C(0x6c7967656e657261),
			  t->seed[1] ^ UINT64_C(0x7465646279746573) };
	uint64_t key;

	sip_word(v, source->half[0]);
	sip_word(v, source->half[1]);
	sip_word(v, user ? user->n : UINT64_MAX);
	for (size_t i = 0; user && i < user->n; i += sizeof(uint64_t)) {
		uint64_t word = 0;

		memcpy(&word, user->p + i, user->n - i < sizeof(word) ? user->n - i : sizeof(word));
		sip_word(v, word);
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	key = v[0] ^ v[1] ^ v[2] ^ v[3];
	return key ? key : 1;
}

/* ---- entries, under their lock ---- */

static pthread_mutex_t *lock_of(struct auth_throttle *t, uint64_t key)
{
	return &t->lock[key % t->n_buckets % LOCKS];
}

/* Failures too old to matter are gone. */
static struct entry *find(struct auth_throttle *t, uint64_t key, uint64_t now_ms)
{
	struct bucket *b = &t->bucket[key % t->n_buckets];

	for (int i = 0; i < WAYS; i++) {
		struct entry *e = &b->entry[i];

		if (e->key != key)
			continue;
		if (e->failures && now_ms > e->until_ms &&
		    now_ms - e->failed_ms >= t->options.forget_ms)
			e->failures = 0;
		return e;
	}
	return NULL;
}

/* A free entry, or the one to be forgotten: who is not held up before who is, then the one used
 * longest ago. */
static struct entry *place(struct bucket *b, uint64_t now_ms)
{
	struct entry *worst = &b->entry[0];

	for (int i = 0; i < WAYS; i++) {
		struct entry *e = &b->entry[i];
		int held = e->until_ms > now_ms, worst_held = worst->until_ms > now_ms;

		if (!e->key)
			return e;
		if (held < worst_held || (held == worst_held && e->used_ms < worst->used_ms))
			worst = e;
	}
	return worst;
}

static struct entry *find_or_add(struct auth_throttle *t, uint64_t key, uint64_t now_ms)
{
	struct entry *e = find(t, key, now_ms);

	if (!e) {
		e = place(&t->bucket[key % t->n_buckets], now_ms);
		*e = (struct entry){ .key = key };
	}
	e->used_ms = now_ms;
	return e;
}

static void count(const struct auth_throttle *t, struct entry *e, uint64_t now_ms)
{
	const struct auth_throttle_options *o = &t->options;
	unsigned over;
	uint64_t wait;

	e->failed_ms = now_ms;
	if (++e->failures < o->free_failures)
		return;
	over = e->failures - o->free_failures;
	wait = over < DOUBLINGS && o->first_wait_ms <= o->longest_wait_ms >> over
		       ? o->first_wait_ms << over
		       : o->longest_wait_ms;
	/* Another worker may have told a later time. */
	if (e->until_ms < now_ms + wait)
		e->until_ms = now_ms + wait;
}

/* ---- what the caller sees ---- */

static uint64_t wait_of(struct auth_throttle *t, uint64_t key, uint64_t now_ms, int *good_out)
{
	pthread_mutex_t *lock = lock_of(t, key);
	const struct entry *e;
	uint64_t wait = 0;

	pthread_mutex_lock(lock);
	e = find(t, key, now_ms);
	*good_out = e && e->good;
	if (e && e->until_ms > now_ms)
		wait = e->until_ms - now_ms;
	pthread_mutex_unlock(lock);
	return wait;
}

uint64_t auth_throttle_wait(struct auth_throttle *t, const struct auth_attempt *attempt,
			    uint64_t now_ms)
{
	int good, ignored;
	uint64_t pair = wait_of(t, key_of(t, &attempt->source, &attempt->user), now_ms, &good);
	uint64_t source;

	if (good || attempt->shared)
		return pair;
	source = wait_of(t, key_of(t, &attempt->source, NULL), now_ms, &ignored);
	return source > pair ? source : pair;
}

void auth_throttle_failed(struct auth_throttle *t, const struct auth_attempt *attempt,
			  uint64_t now_ms)
{
	uint64_t key = key_of(t, &attempt->source, &attempt->user);
	pthread_mutex_t *lock = lock_of(t, key);
	struct entry *e;
	int first;

	pthread_mutex_lock(lock);
	e = find_or_add(t, key, now_ms);
	first = e->failures == 0;
	count(t, e, now_ms);
	pthread_mutex_unlock(lock);
	if (!first || attempt->shared)
		return;
	key = key_of(t, &attempt->source, NULL);
	lock = lock_of(t, key);
	pthread_mutex_lock(lock);
	count(t, find_or_add(t, key, now_ms), now_ms);
	pthread_mutex_unlock(lock);
}

void auth_throttle_passed(struct auth_throttle *t, const struct auth_attempt *attempt,
			  uint64_t now_ms)
{
	uint64_t key = key_of(t, &attempt->source, &attempt->user);
	pthread_mutex_t *lock = lock_of(t, key);
	struct entry *e;
	int had_failed;

	pthread_mutex_lock(lock);
	e = find_or_add(t, key, now_ms);
	had_failed = e->failures > 0;
	e->failures = 0;
	e->until_ms = 0;
	e->good = 1;
	pthread_mutex_unlock(lock);
	if (!had_failed || attempt->shared)
		return;
	key = key_of(t, &attempt->source, NULL);
	lock = lock_of(t, key);
	pthread_mutex_lock(lock);
	e = find(t, key, now_ms);
	if (e && e->failures)
		e->failures--;
	pthread_mutex_unlock(lock);
}
