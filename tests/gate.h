/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/gate.h - a counter that tests wait for instead of sleeping
 *
 * One thread raises it, another waits until it stands high enough; the deadline is far away and is
 * met only when the awaited thing never happens.
 */
#ifndef TESTS_GATE_H
#define TESTS_GATE_H

#include <pthread.h>
#include <time.h>

enum { GATE_DEADLINE_S = 60 };

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	unsigned long count;
};

#define GATE_INIT                                                      \
	{                                                              \
		PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 \
	}

static inline void gate_raise(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->count++;
	pthread_cond_broadcast(&gate->moved);
	pthread_mutex_unlock(&gate->lock);
}

static inline unsigned long gate_count(struct gate *gate)
{
	unsigned long count;

	pthread_mutex_lock(&gate->lock);
	count = gate->count;
	pthread_mutex_unlock(&gate->lock);
	return count;
}

/* 1 when the gate has been raised COUNT times, 0 when that did not happen before the deadline. */
static inline int gate_wait(struct gate *gate, unsigned long count)
{
	struct timespec until;
	int reached;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += GATE_DEADLINE_S;
	pthread_mutex_lock(&gate->lock);
	while (gate->count < count)
		if (pthread_cond_timedwait(&gate->moved, &gate->lock, &until) != 0)
			break;
	reached = gate->count >= count;
	pthread_mutex_unlock(&gate->lock);
	return reached;
}

#endif
