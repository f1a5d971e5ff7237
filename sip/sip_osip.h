/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_osip.h - libosip2 in the memory of one message
 *
 * Between begin and end, what libosip2 allocates on this thread comes from ARENA and is never given
 * back by itself; an exhausted arena is to libosip2 as no memory. Outside, it uses the heap. Nests
 * not.
 */
#ifndef SIP_SIP_OSIP_H
#define SIP_SIP_OSIP_H

#include "base/arena.h"
#include "base/err.h"

/* Before any other call here, in main, before any thread (sip_msg_init does it); again is harmless.
 * 0, or -1: no memory. */
int sip_osip_init(struct err *err);

void sip_osip_begin(struct arena *arena);
void sip_osip_end(void);

#endif
