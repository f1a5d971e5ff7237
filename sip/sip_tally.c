/* SPDX-License-Identifier: Apache-2.0 */
/* sip/sip_tally.c - see sip_tally.h */
#include "sip/sip_tally.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/trace.h"
#include "sip/sip_table.h"

enum { SHARDS = 64 };

struct count {
	struct sip_node node;
	unsigned n;
};

struct shard {
	pthread_mutex_t lock;
	struct sip_table table;
};

struct sip_tally {
	struct sip_key secret;
	struct shard shard[SHARDS];
};

struct sip_tally *sip_tally_new(void)
{
	struct sip_tally *tally = calloc(1, sizeof(*tally));
	int failed = 0;

	if (!tally)
		return NULL;
	tally->secret = (struct sip_key){ trace_random(), trace_random() };
	for (unsigned i = 0; i < SHARDS; i++) {
		pthread_mutex_init(&tally->shard[i].lock, NULL);
		failed |= sip_table_init(&tally->shard[i].table) < 0;
	}
	if (failed)
		sip_tally_free(&tally);
	return tally;
}

void sip_tally_free(struct sip_tally **tally_at)
{
	struct sip_tally *tally = *tally_at;

	*tally_at = NULL;
	if (!tally)
		return;
	for (unsigned i = 0; i < SHARDS; i++) {
		pthread_mutex_destroy(&tally->shard[i].lock);
		sip_table_fini(&tally->shard[i].table);
	}
	free(tally);
}

static struct sip_key key_of(const struct sip_tally *tally, struct strv user)
{
	struct sip_hash hash;

	sip_hash_init(&hash, &tally->secret);
	sip_hash_add(&hash, user);
	return sip_hash_key(&hash);
}

static struct shard *shard_of(struct sip_tally *tally, const struct sip_key *key)
{
	return &tally->shard[key->b % SHARDS];
}

static struct count *count_of(struct shard *shard, const struct sip_key *key)
{
	struct count *count = (struct count *)(void *)sip_table_find(&shard->table, key);

	if (count)
		return count;
	count = calloc(1, sizeof(*count));
	if (!count)
		return NULL;
	count->node.key = *key;
	sip_table_add(&shard->table, &count->node);
	return count;
}

static void drop_empty(struct shard *shard, struct count *count)
{
	if (count->n)
		return;
	sip_table_remove(&shard->table, &count->node);
	free(count);
}

int sip_tally_take(struct sip_tally *tally, struct strv user, unsigned most)
{
	struct sip_key key;
	struct shard *shard;
	struct count *count;
	int taken = -1;

	if (!tally)
		return 1;
	key = key_of(tally, user);
	shard = shard_of(tally, &key);
	pthread_mutex_lock(&shard->lock);
	count = count_of(shard, &key);
	if (count) {
		taken = count->n < most;
		count->n += (unsigned)taken;
		drop_empty(shard, count);
	}
	pthread_mutex_unlock(&shard->lock);
	return taken;
}

void sip_tally_give(struct sip_tally *tally, struct strv user)
{
	struct sip_key key;
	struct shard *shard;
	struct count *count;

	if (!tally)
		return;
	key = key_of(tally, user);
	shard = shard_of(tally, &key);
	pthread_mutex_lock(&shard->lock);
	count = (struct count *)(void *)sip_table_find(&shard->table, &key);
	if (count) {
		count->n--;
		drop_empty(shard, count);
	}
	pthread_mutex_unlock(&shard->lock);
}
