/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_slots.c - see sip_slots.h. A number is the turn of its place and the place's index; a
 * place whose turns are used up is never given again.
 */
#include "sip/sip_slots.h"

#include <stdlib.h>

enum { PIECE = 1024 };

void sip_slots_fini(struct sip_slots *slots)
{
	for (uint32_t i = 0; i < slots->n_pieces; i++)
		free(slots->piece[i]);
	free(slots->piece);
	*slots = (struct sip_slots){ 0 };
}

static struct sip_slot *slot_at(const struct sip_slots *slots, uint32_t index)
{
	return &slots->piece[index / PIECE][index % PIECE];
}

static int add_piece(struct sip_slots *slots)
{
	struct sip_slot **piece =
		realloc(slots->piece, (slots->n_pieces + 1) * sizeof(*slots->piece));

	if (!piece)
		return -1;
	slots->piece = piece;
	piece[slots->n_pieces] = calloc(PIECE, sizeof(struct sip_slot));
	if (!piece[slots->n_pieces])
		return -1;
	slots->n_pieces++;
	return 0;
}

uint64_t sip_slots_add(struct sip_slots *slots, void *thing)
{
	struct sip_slot *slot;
	uint32_t index;

	if (slots->first_free) {
		index = slots->first_free - 1;
		slot = slot_at(slots, index);
		slots->first_free = slot->next_free;
	} else {
		if (slots->n_used / PIECE == slots->n_pieces && add_piece(slots) < 0)
			return 0;
		index = slots->n_used++;
		slot = slot_at(slots, index);
	}
	slot->thing = thing;
	slot->turn++;
	return (uint64_t)slot->turn << 32 | index;
}

void *sip_slots_find(const struct sip_slots *slots, uint64_t id)
{
	uint32_t index = (uint32_t)id;
	const struct sip_slot *slot;

	if (index >= slots->n_used)
		return NULL;
	slot = slot_at(slots, index);
	return slot->turn == id >> 32 ? slot->thing : NULL;
}

void sip_slots_remove(struct sip_slots *slots, uint64_t id)
{
	uint32_t index = (uint32_t)id;
	struct sip_slot *slot;

	if (!sip_slots_find(slots, id))
		return;
	slot = slot_at(slots, index);
	slot->thing = NULL;
	if (slot->turn == UINT32_MAX)
		return;
	slot->next_free = slots->first_free;
	slots->first_free = index + 1;
}

void *sip_slots_at(const struct sip_slots *slots, uint32_t index)
{
	return slot_at(slots, index)->thing;
}
