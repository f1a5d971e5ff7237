/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/wheel.c - a hierarchical timer wheel of five levels of 256 slots
 *
 * See wheel.h. A timer stands at the level of the highest octet in which its due time differs from
 * the wheel's now, in the slot of that octet. So the slots behind the current one are all there is
 * to come at a level, and everything at a lower level is due before anything at a higher one. When
 * now enters a slot of a higher level, its timers are spread over the lower ones.
 */
#include "base/wheel.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static const uint64_t DELAY_MAX_MS = UINT64_C(1) << 32;

void wheel_init(struct wheel *wheel, uint64_t now_ms)
{
	memset(wheel, 0, sizeof(*wheel));
	wheel->now_ms = now_ms;
}

static unsigned octet(uint64_t t, unsigned level)
{
	return (unsigned)(t >> (level * WHEEL_SLOT_BITS)) & (WHEEL_SLOTS - 1);
}

static void link_timer(struct wheel_timer **head, struct wheel_timer *timer)
{
	timer->next = *head;
	timer->link = head;
	if (timer->next)
		timer->next->link = &timer->next;
	*head = timer;
}

static void insert(struct wheel *wheel, struct wheel_timer *timer)
{
	uint64_t differ = timer->due_ms ^ wheel->now_ms;
	unsigned level = differ ? (63u - (unsigned)__builtin_clzll(differ)) / WHEEL_SLOT_BITS : 0;
	unsigned slot = octet(timer->due_ms, level);

	assert(level < WHEEL_LEVELS);
	wheel->busy[level][slot / 64] |= UINT64_C(1) << (slot % 64);
	link_timer(&wheel->slot[level][slot], timer);
}

void wheel_set(struct wheel *wheel, struct wheel_timer *timer, uint64_t delay_ms,
	       void (*fn)(struct wheel_timer *timer))
{
	wheel_clear(wheel, timer);
	delay_ms = delay_ms < 1 ? 1 : delay_ms > DELAY_MAX_MS ? DELAY_MAX_MS : delay_ms;
	timer->due_ms = wheel->now_ms + delay_ms;
	timer->fn = fn;
	insert(wheel, timer);
	wheel->live++;
}

void wheel_clear(struct wheel *wheel, struct wheel_timer *timer)
{
	struct wheel_timer **first = &wheel->slot[0][0], **end = first + WHEEL_LEVELS * WHEEL_SLOTS;

	if (!timer->link)
		return;
	*timer->link = timer->next;
	if (timer->next) {
		timer->next->link = timer->link;
	} else if (timer->link >= first && timer->link < end) {
		size_t slot = (size_t)(timer->link - first);

		wheel->busy[slot / WHEEL_SLOTS][slot % WHEEL_SLOTS / 64] &=
			~(UINT64_C(1) << (slot % 64));
	}
	timer->link = NULL;
	wheel->live--;
}

/* The first busy slot behind AFTER at LEVEL; -1 when there is none. */
static int next_busy(const struct wheel *wheel, unsigned level, unsigned after)
{
	for (unsigned slot = after + 1; slot < WHEEL_SLOTS; slot = (slot / 64 + 1) * 64) {
		uint64_t bits = wheel->busy[level][slot / 64] >> (slot % 64);

		if (bits)
			return (int)(slot + (unsigned)__builtin_ctzll(bits));
	}
	return -1;
}

/* When the next slot is due or must be spread; UINT64_MAX: nothing is set. */
static uint64_t next_time(const struct wheel *wheel)
{
	for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
		unsigned shift = level * WHEEL_SLOT_BITS;
		int slot = next_busy(wheel, level, octet(wheel->now_ms, level));

		if (slot >= 0)
			return (wheel->now_ms >> (shift + WHEEL_SLOT_BITS)
							 << (shift + WHEEL_SLOT_BITS)) |
			       (uint64_t)(unsigned)slot << shift;
	}
	return UINT64_MAX;
}

/* Empty a slot into *LIST. */
static void take_slot(struct wheel *wheel, unsigned level, unsigned slot, struct wheel_timer **list)
{
	*list = wheel->slot[level][slot];
	wheel->slot[level][slot] = NULL;
	wheel->busy[level][slot / 64] &= ~(UINT64_C(1) << (slot % 64));
	if (*list)
		(*list)->link = list;
}

static struct wheel_timer *pop(struct wheel_timer **list)
{
	struct wheel_timer *timer = *list;

	if (!timer)
		return NULL;
	*list = timer->next;
	if (*list)
		(*list)->link = list;
	timer->link = NULL;
	return timer;
}

/* Spread the higher slots that now has just entered, then fire what is due at now. */
static void enter(struct wheel *wheel)
{
	struct wheel_timer *list, *timer;

	for (unsigned level = WHEEL_LEVELS - 1; level > 0; level--) {
		take_slot(wheel, level, octet(wheel->now_ms, level), &list);
		while ((timer = pop(&list)))
			insert(wheel, timer);
	}
	take_slot(wheel, 0, octet(wheel->now_ms, 0), &list);
	while ((timer = pop(&list))) {
		wheel->live--;
		timer->fn(timer);
	}
}

void wheel_advance(struct wheel *wheel, uint64_t now_ms)
{
	uint64_t next;

	while ((next = next_time(wheel)) <= now_ms) {
		wheel->now_ms = next;
		enter(wheel);
	}
	if (now_ms > wheel->now_ms)
		wheel->now_ms = now_ms;
}

uint64_t wheel_next_ms(const struct wheel *wheel)
{
	uint64_t next = next_time(wheel);

	return next == UINT64_MAX ? next : next - wheel->now_ms;
}
