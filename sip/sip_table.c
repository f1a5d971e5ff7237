/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_table.c - SipHash-1-3 with 128 bits, and a chained table that moves bit by bit
 *
 * See sip_table.h. SipHash is by Aumasson and Bernstein; the 128-bit output is their reference
 * code's. While the table moves, an entry is in the old array when its place there has not moved
 * yet, else in the new one: so each entry has one place at any time.
 */
#include "sip/sip_table.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/trace.h"

/* Places moved with a change: growing ends long before the next time with four; shrinking begins
 * when one in eight is used, and has to end within as many removals. */
enum { PLACES_MIN = 256, MOVE_GROWING = 4, MOVE_SHRINKING = 16 };

/* ---- SipHash ---- */

static uint64_t rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

static void word(struct sip_hash *hash, uint64_t m)
{
	hash->v[3] ^= m;
	sip_round(hash->v);
	hash->v[0] ^= m;
}

void sip_hash_init(struct sip_hash *hash, const struct sip_key *secret)
{
	hash->v[0] = secret->a ^ UINT64_C(0x736f6d6570736575);
	hash->v[1] = secret->b ^ UINT64_C(0x646f72616e646f6d) ^ 0xee;
	hash->v[2] = secret->a ^ UINT64_C(0x6c7967656e657261);
	hash->v[3] = secret->b ^ UINT64_C(0x7465646279746573);
	hash->n = 0;
	hash->tail = 0;
}

/* Each piece is filled up to whole words and ends in one that holds its length. */
void sip_hash_add(struct sip_hash *hash, struct strv piece)
{
	size_t at = 0;
	uint64_t m;

	for (; piece.n - at >= 8; at += 8) {
		memcpy(&m, piece.p + at, 8);
		word(hash, m);
	}
	m = 0;
	if (piece.n > at)
		memcpy(&m, piece.p + at, piece.n - at);
	word(hash, m ^ (uint64_t)piece.n << 56);
	hash->n += piece.n;
	hash->tail = hash->tail * 31 + piece.n;
}

struct sip_key sip_hash_key(struct sip_hash *hash)
{
	struct sip_key key;

	word(hash, (uint64_t)hash->n ^ hash->tail << 32);
	hash->v[2] ^= 0xee;
	for (int i = 0; i < 3; i++)
		sip_round(hash->v);
	key.a = hash->v[0] ^ hash->v[1] ^ hash->v[2] ^ hash->v[3];
	hash->v[1] ^= 0xdd;
	for (int i = 0; i < 3; i++)
		sip_round(hash->v);
	key.b = hash->v[0] ^ hash->v[1] ^ hash->v[2] ^ hash->v[3];
	return key;
}

/* ---- the table ---- */

int sip_table_init(struct sip_table *table)
{
	memset(table, 0, sizeof(*table));
	if (getrandom(&table->secret, sizeof(table->secret), 0) != (ssize_t)sizeof(table->secret))
		table->secret = (struct sip_key){ trace_random(), trace_random() };
	table->n_places[0] = PLACES_MIN;
	table->place[0] = calloc(PLACES_MIN, sizeof(struct sip_node *));
	return table->place[0] ? 0 : -1;
}

void sip_table_fini(struct sip_table *table)
{
	free(table->place[0]);
	free(table->place[1]);
	table->place[0] = table->place[1] = NULL;
	table->count = 0;
}

static struct sip_node **chain_of(const struct sip_table *table, const struct sip_key *key)
{
	size_t i = key->a & (table->n_places[0] - 1);

	if (table->place[1] && i < table->moved)
		return &table->place[1][key->a & (table->n_places[1] - 1)];
	return &table->place[0][i];
}

static int same(const struct sip_key *a, const struct sip_key *b)
{
	return a->a == b->a && a->b == b->b;
}

static struct sip_node *search(struct sip_table *table, struct sip_node *node,
			       const struct sip_key *key)
{
	for (; node; node = node->next) {
		table->steps++;
		if (same(&node->key, key))
			return node;
	}
	return NULL;
}

struct sip_node *sip_table_find(struct sip_table *table, const struct sip_key *key)
{
	return search(table, *chain_of(table, key), key);
}

struct sip_node *sip_table_next(struct sip_table *table, const struct sip_node *node)
{
	return search(table, node->next, &node->key);
}

static void begin_move(struct sip_table *table, size_t n_places)
{
	table->place[1] = calloc(n_places, sizeof(struct sip_node *));
	if (!table->place[1])
		return;
	table->n_places[1] = n_places;
	table->moved = 0;
}

/* Move one place's chain, keeping the order of those that stay together. */
static void move_place(struct sip_table *table)
{
	struct sip_node *node, *list = NULL;

	while ((node = table->place[0][table->moved])) {
		table->place[0][table->moved] = node->next;
		node->next = list;
		list = node;
	}
	while ((node = list)) {
		struct sip_node **to = &table->place[1][node->key.a & (table->n_places[1] - 1)];

		list = node->next;
		node->next = *to;
		*to = node;
		table->steps++;
	}
	table->moved++;
}

/* With each change: go on moving, or begin to when it has become too full or too empty. */
static void tend(struct sip_table *table)
{
	unsigned n;

	if (!table->place[1] && table->count > table->n_places[0])
		begin_move(table, table->n_places[0] * 2);
	else if (!table->place[1] && table->n_places[0] > PLACES_MIN &&
		 table->count < table->n_places[0] / 8)
		begin_move(table, table->n_places[0] / 2);
	if (!table->place[1])
		return;
	n = table->n_places[1] > table->n_places[0] ? MOVE_GROWING : MOVE_SHRINKING;
	for (unsigned i = 0; i < n && table->moved < table->n_places[0]; i++)
		move_place(table);
	if (table->moved < table->n_places[0])
		return;
	free(table->place[0]);
	table->place[0] = table->place[1];
	table->n_places[0] = table->n_places[1];
	table->place[1] = NULL;
	table->moved = 0;
}

void sip_table_add(struct sip_table *table, struct sip_node *node)
{
	struct sip_node **chain;

	table->count++;
	tend(table);
	chain = chain_of(table, &node->key);
	node->next = *chain;
	*chain = node;
}

static struct sip_node **link_of(struct sip_table *table, const struct sip_node *node)
{
	struct sip_node **at = chain_of(table, &node->key);

	while (*at != node) {
		table->steps++;
		at = &(*at)->next;
	}
	return at;
}

void sip_table_remove(struct sip_table *table, struct sip_node *node)
{
	*link_of(table, node) = node->next;
	node->next = NULL;
	table->count--;
	tend(table);
}

void sip_table_replace(struct sip_table *table, struct sip_node *old, struct sip_node *new)
{
	struct sip_node **at = link_of(table, old);

	new->key = old->key;
	new->next = old->next;
	*at = new;
	old->next = NULL;
}
