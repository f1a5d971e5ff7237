/* SPDX-License-Identifier: Apache-2.0 */
/* cab/cab_map.c - see cab_map.h */
#include "cab/cab_map.h"

#include <stdlib.h>
#include <sys/random.h>

#include "xdms/xcap_text.h"

enum { ROOM_FIRST = 256 };

struct cab_slot {
	struct strv key; /* p NULL: free */
	uint32_t hash, value;
};

/* Keys come from files: where they meet must not be foreseen. */
static uint32_t hash_of(struct strv key)
{
	static _Thread_local uint32_t seed;

	while (!seed)
		if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
			seed = XCAP_HASH_START;
	return xcap_hash(seed, key);
}

static struct cab_slot *slot_of(const struct cab_map *map, struct strv key, uint32_t hash)
{
	unsigned at = hash & (map->room - 1);

	while (map->slot[at].key.p &&
	       (map->slot[at].hash != hash || !strv_eq(map->slot[at].key, key)))
		at = (at + 1) & (map->room - 1);
	return &map->slot[at];
}

uint32_t *cab_map_find(const struct cab_map *map, struct strv key)
{
	struct cab_slot *slot = map->room ? slot_of(map, key, hash_of(key)) : NULL;

	return slot && slot->key.p ? &slot->value : NULL;
}

static int grow(struct cab_map *map)
{
	struct cab_map more = { map->arena, NULL, map->n, map->room ? map->room * 2 : ROOM_FIRST };

	more.slot = calloc(more.room, sizeof(*more.slot));
	if (!more.slot)
		return -1;
	for (unsigned i = 0; i < map->room; i++)
		if (map->slot[i].key.p)
			*slot_of(&more, map->slot[i].key, map->slot[i].hash) = map->slot[i];
	free(map->slot);
	*map = more;
	return 0;
}

uint32_t *cab_map_put(struct cab_map *map, struct strv key, uint32_t value, int *new_out)
{
	uint32_t hash = hash_of(key);
	struct cab_slot *slot;
	char *copy;

	if (map->n >= map->room / 4 * 3 && grow(map) < 0)
		return NULL;
	slot = slot_of(map, key, hash);
	if (new_out)
		*new_out = !slot->key.p;
	if (!slot->key.p) {
		copy = arena_strdup(map->arena, key);
		if (!copy)
			return NULL;
		*slot = (struct cab_slot){ strv_mem(copy, key.n), hash, value };
		map->n++;
	}
	return &slot->value;
}

void cab_map_fini(struct cab_map *map)
{
	free(map->slot);
	*map = (struct cab_map){ .arena = map->arena };
}
