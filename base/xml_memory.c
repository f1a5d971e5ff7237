/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/xml_memory.c - libxml2 never meets a refused allocation
 *
 * Without memory libxml2 2.9.14 reports bad syntax, leaves nodes out of a tree or, in its
 * validation, follows a null pointer. So while there is none it is served from a reserve, and the
 * thread remembers: whoever called libxml2 gives up as soon as it can and believes nothing that was
 * said meanwhile. What came from the reserve goes back like anything else; it is empty again when
 * the last piece is back.
 */
#include "base/xml_priv.h"

#include <malloc.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include <libxml/parser.h>

enum { RESERVE_BYTES = 16 << 20, ALIGNMENT = 16 };

/* What libxml2 allocated with before: malloc, or what a test put around it. */
static xmlFreeFunc inner_free;
static xmlMallocFunc inner_malloc;
static xmlReallocFunc inner_realloc;

static struct {
	pthread_mutex_t lock;
	char *from;
	size_t used;
	unsigned pieces;
} reserve = { PTHREAD_MUTEX_INITIALIZER, NULL, 0, 0 };

static __thread int starved;

static int is_reserved(const void *p)
{
	return (const char *)p >= reserve.from && (const char *)p < reserve.from + RESERVE_BYTES;
}

/* The size stands in front of each piece. NULL when even the reserve is used up. */
static void *reserve_take(size_t size)
{
	size_t whole = ALIGNMENT + (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	char *piece = NULL;

	starved = 1;
	pthread_mutex_lock(&reserve.lock);
	if (size < RESERVE_BYTES && whole <= RESERVE_BYTES - reserve.used) {
		piece = reserve.from + reserve.used + ALIGNMENT;
		reserve.used += whole;
		reserve.pieces++;
	}
	pthread_mutex_unlock(&reserve.lock);
	if (piece)
		memcpy(piece - ALIGNMENT, &size, sizeof(size));
	return piece;
}

static void give_back(void *p)
{
	if (!p || !is_reserved(p)) {
		inner_free(p);
		return;
	}
	pthread_mutex_lock(&reserve.lock);
	if (--reserve.pieces == 0)
		reserve.used = 0;
	pthread_mutex_unlock(&reserve.lock);
}

static void *take(size_t size)
{
	void *p = inner_malloc(size);

	return p ? p : reserve_take(size);
}

/* A piece of P's OLD octets, moved to a new place. */
static void *move(void *p, size_t old, size_t size)
{
	void *piece = take(size);

	if (!piece)
		return NULL;
	memcpy(piece, p, old < size ? old : size);
	give_back(p);
	return piece;
}

static void *resize(void *p, size_t size)
{
	size_t old;
	void *piece;

	if (!p)
		return take(size);
	if (is_reserved(p)) {
		memcpy(&old, (char *)p - ALIGNMENT, sizeof(old));
		return move(p, old, size);
	}
	piece = inner_realloc(p, size);
	return piece ? piece : move(p, malloc_usable_size(p), size);
}

static char *take_string(const char *s)
{
	size_t n = strlen(s) + 1;
	char *copy = take(n);

	return copy ? memcpy(copy, s, n) : NULL;
}

int xml_memory_init(struct err *err)
{
	xmlStrdupFunc inner_strdup;

	if (reserve.from)
		return 0;
	reserve.from = mmap(NULL, RESERVE_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (reserve.from == MAP_FAILED) {
		reserve.from = NULL;
		return err_set(err, ERR_NOMEM, "no memory for libxml2's reserve");
	}
	if (xmlMemGet(&inner_free, &inner_malloc, &inner_realloc, &inner_strdup) != 0 ||
	    xmlMemSetup(give_back, take, resize, take_string) != 0)
		return err_set(err, ERR_NOMEM, "libxml2 does not take an allocator");
	return 0;
}

void xml_memory_watch(void)
{
	starved = 0;
}

int xml_memory_short(void)
{
	return starved;
}
