/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_table.h - a hash table that never stops to grow, keys that cannot be guessed
 *
 * A key is a 128-bit SipHash of whatever names the thing, under a secret of the table: peers choose
 * branches and tags, and must not be able to choose places. Entries keep the hash alone, not the
 * text: two texts meet by chance once in 2^64 entries. The table grows and shrinks by a few places
 * with each change, so that no single change costs more when a million live. One thread.
 */
#ifndef SIP_SIP_TABLE_H
#define SIP_SIP_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/strv.h"

struct sip_key {
	uint64_t a, b;
};

/* ---- keys ---- */

struct sip_hash {
	uint64_t v[4], tail;
	size_t n; /* octets so far */
};

/* A hash under SECRET; pieces are told apart (their lengths count). */
void sip_hash_init(struct sip_hash *hash, const struct sip_key *secret);
void sip_hash_add(struct sip_hash *hash, struct strv piece);
struct sip_key sip_hash_key(struct sip_hash *hash);

/* ---- the table ---- */

/* First member of what is kept. */
struct sip_node {
	struct sip_node *next;
	struct sip_key key;
};

struct sip_table {
	struct sip_key secret;
	struct sip_node **place[2]; /* [1] is what it is moving to; NULL when it is not */
	size_t n_places[2];	    /* powers of two */
	size_t moved;		    /* places of [0] that are empty because they moved */
	size_t count;
	uint64_t steps; /* entries looked at, ever: for tests */
};

int sip_table_init(struct sip_table *table);  /* 0; -1: no memory */
void sip_table_fini(struct sip_table *table); /* what is left in it is the caller's */

/* The entry with KEY, or NULL. With several, the one added last. */
struct sip_node *sip_table_find(struct sip_table *table, const struct sip_key *key);
/* Another with the same key behind NODE, or NULL. */
struct sip_node *sip_table_next(struct sip_table *table, const struct sip_node *node);
/* NODE->key is set. Never fails: without memory to grow the chains become longer. */
void sip_table_add(struct sip_table *table, struct sip_node *node);
void sip_table_remove(struct sip_table *table, struct sip_node *node);
/* Put NEW in the place of OLD, with its key. */
void sip_table_replace(struct sip_table *table, struct sip_node *old, struct sip_node *new);

#endif
