/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_osip.c - see sip_osip.h
 *
 * libosip2 has one set of allocators for the process, so ours look at a switch of the thread. Each
 * piece has a word before it that says how large it is and whether the heap owns it: realloc must
 * know the one, free the other, whichever way the switch stands by then.
 */
#include "sip/sip_osip.h"

#include <assert.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <osipparser2/osip_parser.h>
#include <osipparser2/osip_port.h>

struct piece {
	size_t n;
	int is_heap;
	_Alignas(16) char mem[];
};

static _Thread_local struct arena *current;

static struct piece *piece_of(void *p)
{
	return (struct piece *)(void *)((char *)p - offsetof(struct piece, mem));
}

static void *osip_alloc(size_t n)
{
	struct piece *piece;

	if (n > SIZE_MAX - sizeof(*piece))
		return NULL;
	piece = current ? arena_alloc(current, sizeof(*piece) + n) : malloc(sizeof(*piece) + n);
	if (!piece)
		return NULL;
	piece->n = n;
	piece->is_heap = !current;
	return piece->mem;
}

static void osip_give(void *p)
{
	if (p && piece_of(p)->is_heap)
		free(piece_of(p));
}

static void *osip_resize(void *p, size_t n)
{
	void *larger = osip_alloc(n);

	if (!larger || !p)
		return larger;
	memcpy(larger, p, n < piece_of(p)->n ? n : piece_of(p)->n);
	osip_give(p);
	return larger;
}

/* Its own trace would go to stdout, with a peer's octets in it. */
static void say_nothing(const char *file, int line, osip_trace_level_t level, const char *format,
			va_list ap)
{
	(void)file;
	(void)line;
	(void)level;
	(void)format;
	(void)ap;
}

static int init_ret, is_ready;

static void init_once(void)
{
	osip_trace_initialize_func(OSIP_FATAL, say_nothing);
	osip_set_allocators(osip_alloc, osip_resize, osip_give);
	init_ret = parser_init();
	is_ready = 1;
}

int sip_osip_init(struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, init_once);
	return init_ret ? err_set(err, ERR_NOMEM, "libosip2 cannot be started") : 0;
}

void sip_osip_begin(struct arena *arena)
{
	assert(is_ready && !current);
	current = arena;
}

void sip_osip_end(void)
{
	current = NULL;
}
