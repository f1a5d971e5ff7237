/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/admin_calls.h - how many are in the store, so that it is not closed under them
 *
 * A request whose client was cut off may still be reading when the server goes down. Whoever asks
 * the store enters before and leaves after; the end waits until all have left.
 */
#ifndef ADMIN_ADMIN_CALLS_H
#define ADMIN_ADMIN_CALLS_H

#include <pthread.h>

struct admin_calls {
	pthread_mutex_t lock;
	pthread_cond_t left;
	unsigned n;
	int ended;
};

void admin_calls_init(struct admin_calls *calls);
void admin_calls_fini(struct admin_calls *calls);

/* 1: the caller is in and must leave, from any thread; 0: it is too late. */
int admin_calls_enter(struct admin_calls *calls);
void admin_calls_leave(struct admin_calls *calls);

/* Let nobody in any more and wait until all have left. Not on a worker. */
void admin_calls_end(struct admin_calls *calls);

#endif
