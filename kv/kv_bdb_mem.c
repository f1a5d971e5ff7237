/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_bdb_mem.c - memory for Berkeley DB, also when there is none for a moment
 *
 * Berkeley DB 5.3 crashes when certain small allocations fail: while it makes an environment's
 * handle, while it opens a table. So small ones that the system refuses come out of a reserve;
 * large ones, which it handles, and those behind the reserve's end fail as ever. What is handed to
 * the caller of Berkeley DB (statistics) always is the system's, for the caller to free.
 */
#include "kv/kv_bdb.h"

#include <stdlib.h>

enum { RESERVE_BYTES = 64 << 10, SMALL_BYTES = 1024, ALIGN_BYTES = 16 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Alignas(ALIGN_BYTES) char reserve[RESERVE_BYTES];
static size_t used;   /* octets from the start */
static unsigned live; /* pieces that were not given back */

static int is_reserve(const void *p)
{
	return (const char *)p >= reserve && (const char *)p < reserve + sizeof(reserve);
}

/* A piece; ALIGN_BYTES before it stands its size. */
static void *reserve_take(size_t n)
{
	size_t bytes = ALIGN_BYTES + (n + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
	char *p = NULL;

	pthread_mutex_lock(&lock);
	if (n <= SMALL_BYTES && bytes <= sizeof(reserve) - used) {
		p = reserve + used + ALIGN_BYTES;
		memcpy(p - ALIGN_BYTES, &n, sizeof(n));
		used += bytes;
		live++;
	}
	pthread_mutex_unlock(&lock);
	return p;
}

static void *mem_malloc(size_t n)
{
	void *p = malloc(n);

	return p ? p : reserve_take(n);
}

static void mem_free(void *p)
{
	if (!is_reserve(p)) {
		free(p);
		return;
	}
	/* Pieces come and go in no order: the reserve is whole again when the last is back. */
	pthread_mutex_lock(&lock);
	if (--live == 0)
		used = 0;
	pthread_mutex_unlock(&lock);
}

static void *mem_realloc(void *p, size_t n)
{
	size_t before;
	void *to;

	if (!p)
		return mem_malloc(n);
	if (!is_reserve(p))
		return realloc(p, n);
	memcpy(&before, (char *)p - ALIGN_BYTES, sizeof(before));
	to = mem_malloc(n);
	if (to) {
		memcpy(to, p, before < n ? before : n);
		mem_free(p);
	}
	return to;
}

void bdb_mem_init(void)
{
	db_env_set_func_malloc(mem_malloc);
	db_env_set_func_realloc(mem_realloc);
	db_env_set_func_free(mem_free);
}

int bdb_mem_env(DB_ENV *env)
{
	return env->set_alloc(env, malloc, realloc, free);
}
