/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_merged.c - see sip_merged.h
 *
 * Sets of a few places, chosen by a keyed hash: peers choose Call-IDs and must not choose places.
 * Places are compared by another half of the hash; no text is kept.
 */
#include "sip/sip_merged.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/trace.h"
#include "sip/sip_table.h"

enum { SETS = 16384, WAYS = 4, LOCKS = 64 };

struct place {
	uint64_t request, way; /* what it is, and by which branch it came */
	uint64_t until_ms;     /* 0: free */
};

struct sip_merged {
	struct sip_key secret;
	pthread_mutex_t lock[LOCKS];
	struct place place[SETS][WAYS];
};

struct sip_merged *sip_merged_new(void)
{
	struct sip_merged *merged = calloc(1, sizeof(*merged));

	if (!merged)
		return NULL;
	merged->secret = (struct sip_key){ trace_random(), trace_random() };
	for (unsigned i = 0; i < LOCKS; i++)
		pthread_mutex_init(&merged->lock[i], NULL);
	return merged;
}

void sip_merged_free(struct sip_merged **merged_at)
{
	struct sip_merged *merged = *merged_at;

	*merged_at = NULL;
	if (!merged)
		return;
	for (unsigned i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&merged->lock[i]);
	free(merged);
}

static struct sip_key request_key(const struct sip_merged *merged, const struct sip_msg *request)
{
	uint32_t cseq = request->cseq;
	struct sip_hash hash;

	sip_hash_init(&hash, &merged->secret);
	sip_hash_add(&hash, request->call_id);
	sip_hash_add(&hash, request->from_tag);
	sip_hash_add(&hash, strv_mem(&cseq, sizeof(cseq)));
	sip_hash_add(&hash, request->method_name);
	return sip_hash_key(&hash);
}

static uint64_t way_key(const struct sip_merged *merged, const struct sip_msg *request)
{
	struct sip_hash hash;

	sip_hash_init(&hash, &merged->secret);
	sip_hash_add(&hash, request->via.branch);
	sip_hash_add(&hash, request->via.host);
	return sip_hash_key(&hash).a;
}

int sip_merged_note(struct sip_merged *merged, const struct sip_msg *request, uint64_t now_ms,
		    uint64_t keep_ms)
{
	struct sip_key key = request_key(merged, request);
	uint64_t way = way_key(merged, request);
	struct place *set = merged->place[key.a % SETS], *oldest = set;
	pthread_mutex_t *lock = &merged->lock[key.a % LOCKS];
	int is_copy = 0, is_known = 0;

	pthread_mutex_lock(lock);
	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].until_ms > now_ms && set[i].request == key.b) {
			is_copy = set[i].way != way;
			is_known = 1;
		}
		if (set[i].until_ms < oldest->until_ms)
			oldest = &set[i];
	}
	if (!is_known)
		*oldest = (struct place){ key.b, way, now_ms + keep_ms };
	pthread_mutex_unlock(lock);
	return is_copy;
}
