/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_slots.h - numbers for things that may be gone when they are asked for
 *
 * A callback that comes later (a record was read, a connection failed) names what it is about by
 * number; a number is never given twice in the life of the table, so a late one finds nothing. One
 * thread. Memory is 16 octets a place, in pieces that never move.
 */
#ifndef SIP_SIP_SLOTS_H
#define SIP_SIP_SLOTS_H

#include <stdint.h>

struct sip_slot {
	void *thing; /* NULL: free */
	uint32_t turn;
	uint32_t next_free; /* index + 1 */
};

struct sip_slots {
	struct sip_slot **piece;
	uint32_t n_pieces, n_used, first_free; /* index + 1 */
};

/* All zero is an empty table. */
void sip_slots_fini(struct sip_slots *slots);
/* A number for THING, never 0; 0: no memory. */
uint64_t sip_slots_add(struct sip_slots *slots, void *thing);
void *sip_slots_find(const struct sip_slots *slots, uint64_t id); /* NULL: gone */
void sip_slots_remove(struct sip_slots *slots, uint64_t id); /* a number that is gone: no harm */
/* What is at place INDEX, 0 to n_used - 1; NULL: nothing. To go through all of them. */
void *sip_slots_at(const struct sip_slots *slots, uint32_t index);

#endif
