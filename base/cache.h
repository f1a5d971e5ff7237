/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/cache.h - shared, read-mostly values behind counted references
 *
 * A value is immutable; a change publishes a new one. The cache is bounded by the sum of its
 * values' sizes and forgets the one used longest ago. It never shows a value older than a change
 * that has been told to it: whoever fills a miss hands in the ticket of that miss, and a ticket of
 * before a change is refused. Any thread.
 */
#ifndef BASE_CACHE_H
#define BASE_CACHE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strv.h"

/* The head of a value; the struct around it is the user's. */
struct cache_value {
	_Atomic unsigned refs;
	uint64_t version; /* of what it was made from: values of a key only move forward */
	size_t bytes;	  /* that it takes */
	void (*destroy)(struct cache_value *value);
};

/* REFS 1: the caller's. */
void cache_value_init(struct cache_value *value, uint64_t version, size_t bytes,
		      void (*destroy)(struct cache_value *value));
struct cache_value *cache_value_hold(struct cache_value *value);
/* Takes the address, accepts NULL; the last one destroys. */
void cache_value_drop(struct cache_value **value);

struct cache;

struct cache *cache_new(size_t max_bytes); /* NULL: no memory */
void cache_free(struct cache **cache);

/* The value of KEY, held for the caller; NULL when there is none, and then a ticket to fill it. */
struct cache_value *cache_get(struct cache *cache, struct strv key, uint64_t *ticket_out);

/* Put VALUE (the cache takes a reference of its own) where a miss gave TICKET. Nothing happens
 * when KEY's share of the cache has changed since, or memory is short. */
void cache_fill(struct cache *cache, struct strv key, struct cache_value *value, uint64_t ticket);

/* VALUE is what KEY is now; an entry of a later version stays. */
void cache_publish(struct cache *cache, struct strv key, struct cache_value *value);

/* KEY has changed by commit VERSION: entries of before it go, and tickets of before now are void.
 */
void cache_forget(struct cache *cache, struct strv key, uint64_t version);

/* The same for all keys that begin with PREFIX; costs a walk over the cache. */
void cache_forget_all(struct cache *cache, struct strv prefix, uint64_t version);

/* Octets held now. */
size_t cache_bytes(struct cache *cache);

#endif
