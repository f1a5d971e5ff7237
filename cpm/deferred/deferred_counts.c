/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/deferred/deferred_counts.c - how many messages wait for whom, for every thread to see
 *
 * A queue belongs to one worker; who asks how many wait (message-summary) is on another. So each
 * queue leaves its numbers here when they change, whether it stays in memory or not.
 */
#include <stdlib.h>
#include <string.h>

#include "cpm/deferred/deferred_priv.h"

enum { FIRST_CHAINS = 16 };

static struct dfr_shard *shard_of(struct deferred *d, uint64_t hash)
{
	return &d->shard[(hash >> 48) % DFR_SHARDS];
}

static struct dfr_count **find(struct dfr_shard *shard, uint64_t hash, struct strv user)
{
	struct dfr_count **at = &shard->chain[hash / DFR_SHARDS % shard->n_chains];

	while (*at && ((*at)->hash != hash || !strv_eq(strv_mem((*at)->user, (*at)->user_n), user)))
		at = &(*at)->next;
	return at;
}

static void grow(struct dfr_shard *shard)
{
	size_t n = shard->n_chains ? shard->n_chains * 2 : FIRST_CHAINS;
	struct dfr_count **chain = calloc(n, sizeof(*chain));

	if (!chain)
		return;
	for (size_t i = 0; i < shard->n_chains; i++)
		while (shard->chain[i]) {
			struct dfr_count *count = shard->chain[i];

			shard->chain[i] = count->next;
			count->next = chain[count->hash / DFR_SHARDS % n];
			chain[count->hash / DFR_SHARDS % n] = count;
		}
	free(shard->chain);
	shard->chain = chain;
	shard->n_chains = n;
}

void dfr_counts_set(struct deferred *d, uint64_t hash, struct strv user, unsigned waiting,
		    unsigned fresh)
{
	struct dfr_shard *shard = shard_of(d, hash);
	struct dfr_count **at, *count;

	pthread_mutex_lock(&shard->lock);
	if (waiting && shard->n >= 2 * shard->n_chains)
		grow(shard);
	at = shard->n_chains ? find(shard, hash, user) : NULL;
	count = at ? *at : NULL;
	if (!waiting && count) {
		*at = count->next;
		shard->n--;
		free(count);
	} else if (waiting && !count && at) {
		count = malloc(sizeof(*count) + user.n);
		if (count) {
			*count = (struct dfr_count){ .hash = hash, .user_n = (uint16_t)user.n };
			memcpy(count->user, user.p, user.n);
			*at = count;
			shard->n++;
		}
	}
	if (waiting && count) {
		count->waiting = waiting;
		count->fresh = fresh;
	}
	pthread_mutex_unlock(&shard->lock);
}

int deferred_counts(struct deferred *d, struct strv user, unsigned *waiting_out,
		    unsigned *fresh_out)
{
	uint64_t hash = dfr_hash(d, user);
	struct dfr_shard *shard = shard_of(d, hash);
	const struct dfr_count *count;

	*waiting_out = *fresh_out = 0;
	pthread_mutex_lock(&shard->lock);
	count = shard->n_chains ? *find(shard, hash, user) : NULL;
	if (count) {
		*waiting_out = count->waiting;
		*fresh_out = count->fresh;
	}
	pthread_mutex_unlock(&shard->lock);
	return !count && atomic_load(&d->unread) ? -1 : 0;
}

int dfr_counts_init(struct deferred *d)
{
	d->shard = calloc(DFR_SHARDS, sizeof(*d->shard));
	for (unsigned i = 0; d->shard && i < DFR_SHARDS; i++)
		pthread_mutex_init(&d->shard[i].lock, NULL);
	return d->shard ? 0 : -1;
}

void dfr_counts_free(struct deferred *d)
{
	for (unsigned i = 0; d->shard && i < DFR_SHARDS; i++) {
		struct dfr_shard *shard = &d->shard[i];

		for (size_t c = 0; c < shard->n_chains; c++)
			while (shard->chain[c]) {
				struct dfr_count *count = shard->chain[c];

				shard->chain[c] = count->next;
				free(count);
			}
		free(shard->chain);
		pthread_mutex_destroy(&shard->lock);
	}
	free(d->shard);
}
