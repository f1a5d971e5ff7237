/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cab/cab_map.h - strings to numbers: ids, names and addresses of one book while it is worked on
 */
#ifndef CAB_CAB_MAP_H
#define CAB_CAB_MAP_H

#include <stdint.h>

#include "base/arena.h"
#include "base/strv.h"

struct cab_map {
	struct arena *arena; /* of the copied keys; set by the caller */
	struct cab_slot *slot;
	unsigned n, room; /* a power of two */
};

/* KEY's number, NULL when there is none. Valid until the next put. */
uint32_t *cab_map_find(const struct cab_map *map, struct strv key);
/* KEY's number, VALUE when it is new (NEW_OUT, may be NULL). NULL without memory. */
uint32_t *cab_map_put(struct cab_map *map, struct strv key, uint32_t value, int *new_out);
void cab_map_fini(struct cab_map *map);

#endif
