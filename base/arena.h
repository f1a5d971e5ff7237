/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/arena.h - memory of one request, freed at once
 *
 * One request, one arena: parsed pieces are never freed one by one. An arena belongs to one
 * thread at a time.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/strv.h"

struct arena;

/* A new arena that holds at most MAX_BYTES, all told (0: no limit but memory). NULL when memory
 * is short. The first piece is part of the allocation: small requests cost one malloc. */
struct arena *arena_new(size_t max_bytes);

/* Give everything back. Takes the address, accepts NULL, leaves NULL. */
void arena_free(struct arena **arena);

/* Forget everything; keep a little memory for the next request. */
void arena_reset(struct arena *arena);

/* SIZE octets aligned for any type, not cleared, valid until the arena is reset or freed.
 * NULL when memory or the arena's limit is exhausted: an ordinary error of the request. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((malloc, alloc_size(2)));

/* As arena_alloc, cleared; NULL too when N * SIZE overflows. */
void *arena_zalloc(struct arena *arena, size_t n, size_t size);

/* A terminated copy of S; NULL as above. */
char *arena_strdup(struct arena *arena, struct strv s);

/* A formatted, terminated string; NULL as above. */
char *arena_printf(struct arena *arena, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* 1 when P points into memory of ARENA, else 0. */
int arena_owns(const struct arena *arena, const void *p);

/* Octets handed out since the arena was made or reset. */
size_t arena_used(const struct arena *arena);

#endif
