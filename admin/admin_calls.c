/* SPDX-License-Identifier: Apache-2.0 */
/* admin/admin_calls.c - see admin_calls.h */
#include "admin/admin_calls.h"

void admin_calls_init(struct admin_calls *calls)
{
	pthread_mutex_init(&calls->lock, NULL);
	pthread_cond_init(&calls->left, NULL);
	calls->n = 0;
	calls->ended = 0;
}

void admin_calls_fini(struct admin_calls *calls)
{
	pthread_cond_destroy(&calls->left);
	pthread_mutex_destroy(&calls->lock);
}

int admin_calls_enter(struct admin_calls *calls)
{
	int in;

	pthread_mutex_lock(&calls->lock);
	in = !calls->ended;
	calls->n += (unsigned)in;
	pthread_mutex_unlock(&calls->lock);
	return in;
}

void admin_calls_leave(struct admin_calls *calls)
{
	pthread_mutex_lock(&calls->lock);
	if (--calls->n == 0)
		pthread_cond_broadcast(&calls->left);
	pthread_mutex_unlock(&calls->lock);
}

void admin_calls_end(struct admin_calls *calls)
{
	pthread_mutex_lock(&calls->lock);
	calls->ended = 1;
	while (calls->n)
		pthread_cond_wait(&calls->left, &calls->lock);
	pthread_mutex_unlock(&calls->lock);
}
