/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/wheel.h - a hierarchical timer wheel
 *
 * Setting and clearing cost the same whatever the number of live timers. Time is handed in (ms of
 * any monotonic clock), so tests need no clock. One wheel belongs to one thread.
 */
#ifndef BASE_WHEEL_H
#define BASE_WHEEL_H

#include <stdint.h>

enum { WHEEL_SLOT_BITS = 8, WHEEL_SLOTS = 1 << WHEEL_SLOT_BITS, WHEEL_LEVELS = 5 };

/* Part of the caller's struct; all zero is a timer that is not set. */
struct wheel_timer {
	struct wheel_timer *next, **link; /* link is NULL when not set */
	uint64_t due_ms;
	void (*fn)(struct wheel_timer *timer);
};

struct wheel {
	uint64_t now_ms;
	uint64_t live;				       /* timers set */
	uint64_t busy[WHEEL_LEVELS][WHEEL_SLOTS / 64]; /* one bit a slot that is not empty */
	struct wheel_timer *slot[WHEEL_LEVELS][WHEEL_SLOTS];
};

/* NOW_MS and all later times stay below 2^40 (34 years of a monotonic clock). */
void wheel_init(struct wheel *wheel, uint64_t now_ms);

/* Call FN once, when wheel_advance reaches now + DELAY_MS (at least 1, at most 2^32: what
 * lies outside is moved there). A timer that is set already is moved. FN may set or clear any
 * timer, its own too. */
void wheel_set(struct wheel *wheel, struct wheel_timer *timer, uint64_t delay_ms,
	       void (*fn)(struct wheel_timer *timer));

/* Harmless when the timer is not set. */
void wheel_clear(struct wheel *wheel, struct wheel_timer *timer);

static inline int wheel_timer_is_set(const struct wheel_timer *timer)
{
	return timer->link != 0;
}

/* Fire what is due at NOW_MS, in order of due time. A clock that went back is ignored. */
void wheel_advance(struct wheel *wheel, uint64_t now_ms);

/* Milliseconds from the wheel's now until wheel_advance next has work: never later than the next
 * due timer, sometimes earlier (a slot to be spread). UINT64_MAX when no timer is set. */
uint64_t wheel_next_ms(const struct wheel *wheel);

#endif
