/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/arena.c - bump allocation in pieces that double
 *
 * See arena.h. The first piece sits behind the struct itself; further ones are linked. A reset
 * keeps the newest one when it is small: an arena that serves one request after another mallocs no
 * more. Under AddressSanitizer all are really freed, so that a late use is found.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_BYTES = 4096 - 128, PIECE_MAX_BYTES = 256 * 1024, ALIGN = 16 };
#ifdef __SANITIZE_ADDRESS__
enum { KEPT_MAX_BYTES = 0 };
#else
enum { KEPT_MAX_BYTES = 32 * 1024 };
#endif

struct piece {
	struct piece *older;
	size_t size;
	_Alignas(ALIGN) char mem[];
};

struct arena {
	size_t max_bytes;
	size_t used_before;  /* octets handed out from older pieces */
	size_t held;	     /* octets of all pieces */
	struct piece *piece; /* the one that is being filled; the last of the list is FIRST */
	size_t fill;	     /* octets used of it */
	_Alignas(ALIGN) char first[FIRST_BYTES];
};

static struct piece *first_piece(struct arena *arena)
{
	return (struct piece *)(void *)arena->first;
}

struct arena *arena_new(size_t max_bytes)
{
	struct arena *arena = malloc(sizeof(*arena));

	if (!arena)
		return NULL;
	arena->max_bytes = max_bytes ? max_bytes : SIZE_MAX;
	arena->piece = first_piece(arena);
	arena->piece->older = NULL;
	arena->piece->size = FIRST_BYTES - sizeof(struct piece);
	arena->held = arena->piece->size;
	arena->used_before = 0;
	arena->fill = 0;
	return arena;
}

/* Down to the first piece, and KEPT when it is not NULL. */
static void free_pieces(struct arena *arena, struct piece *kept)
{
	while (arena->piece->older) {
		struct piece *older = arena->piece->older;

		if (arena->piece != kept)
			free(arena->piece);
		arena->piece = older;
	}
	arena->held = arena->piece->size;
	if (kept) {
		kept->older = arena->piece;
		arena->piece = kept;
		arena->held += kept->size;
	}
	arena->used_before = 0;
	arena->fill = 0;
}

void arena_reset(struct arena *arena)
{
	struct piece *newest = arena->piece;

	free_pieces(arena, newest->older && newest->size <= KEPT_MAX_BYTES ? newest : NULL);
}

void arena_free(struct arena **arena_at)
{
	struct arena *arena = *arena_at;

	*arena_at = NULL;
	if (!arena)
		return;
	free_pieces(arena, NULL);
	free(arena);
}

/* A new piece with room for SIZE octets. Returns 0, or -1. */
static int add_piece(struct arena *arena, size_t size)
{
	size_t want = arena->held < PIECE_MAX_BYTES ? arena->held * 2 : PIECE_MAX_BYTES;
	struct piece *piece;

	if (want < size)
		want = size;
	piece = malloc(sizeof(*piece) + want);
	if (!piece)
		return -1;
	piece->older = arena->piece;
	piece->size = want;
	arena->used_before += arena->fill;
	arena->piece = piece;
	arena->held += want;
	arena->fill = 0;
	return 0;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	size_t rounded = (size + (ALIGN - 1)) & ~(size_t)(ALIGN - 1);
	void *p;

	if (rounded < size || rounded > arena->max_bytes ||
	    arena_used(arena) > arena->max_bytes - rounded)
		return NULL;
	if (rounded > arena->piece->size - arena->fill && add_piece(arena, rounded) < 0)
		return NULL;
	p = arena->piece->mem + arena->fill;
	arena->fill += rounded;
	return p;
}

void *arena_zalloc(struct arena *arena, size_t n, size_t size)
{
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	p = arena_alloc(arena, bytes);
	if (p)
		memset(p, 0, bytes);
	return p;
}

char *arena_strdup(struct arena *arena, struct strv s)
{
	char *copy = s.n < SIZE_MAX ? arena_alloc(arena, s.n + 1) : NULL;

	if (!copy)
		return NULL;
	if (s.n)
		memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	return copy;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	text = n < 0 ? NULL : arena_alloc(arena, (size_t)n + 1);
	if (!text)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return text;
}

int arena_owns(const struct arena *arena, const void *p)
{
	uintptr_t at = (uintptr_t)p;

	for (const struct piece *piece = arena->piece; piece; piece = piece->older)
		if (at >= (uintptr_t)piece->mem && at < (uintptr_t)piece->mem + piece->size)
			return 1;
	return 0;
}

size_t arena_used(const struct arena *arena)
{
	return arena->used_before + arena->fill;
}
