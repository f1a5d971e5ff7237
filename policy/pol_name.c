/* SPDX-License-Identifier: Apache-2.0 */
/* policy/pol_name.c - texts in a block, looked up by a keyed hash (see pol_priv.h) */
#include "policy/pol_priv.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/trace.h"

enum { LINEAR_MAX = 8 }; /* up to so many are compared one after the other */

/* ---- hash ---- */

static uint64_t key[2];
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static atomic_int key_made;

static void key_make(void)
{
	key[0] = trace_random();
	key[1] = trace_random();
	atomic_store_explicit(&key_made, 1, memory_order_release);
}

static inline uint64_t rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1], v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0], v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1], v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2], v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

uint64_t pol_hash(struct strv s)
{
	uint64_t v[4], word = (uint64_t)s.n << 56;
	size_t i = 0;

	if (!atomic_load_explicit(&key_made, memory_order_acquire))
		pthread_once(&key_once, key_make);
	v[0] = key[0] ^ 0x736f6d6570736575u, v[1] = key[1] ^ 0x646f72616e646f6du;
	v[2] = key[0] ^ 0x6c7967656e657261u, v[3] = key[1] ^ 0x7465646279746573u;
	for (; i + 8 <= s.n; i += 8) {
		uint64_t part;

		memcpy(&part, s.p + i, 8);
		v[3] ^= part;
		sip_round(v);
		v[0] ^= part;
	}
	for (unsigned shift = 0; i < s.n; i++, shift += 8)
		word |= (uint64_t)(unsigned char)s.p[i] << shift;
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	sip_round(v), sip_round(v), sip_round(v);
	word = v[0] ^ v[1] ^ v[2] ^ v[3];
	return word ? word : 1;
}

/* ---- look-up ---- */

static int name_is(const void *base, const struct pol_name *name, struct strv s, uint64_t hash)
{
	return name->hash == hash && strv_eq(pol_name_text(base, name), s);
}

int pol_names_has(const void *base, const struct pol_names *names, struct strv s, uint64_t hash)
{
	const struct pol_name *entries = POL_AT(base, struct pol_name, names->entries);
	const uint32_t *slots = POL_AT(base, uint32_t, names->slots);

	if (!names->mask) {
		for (uint32_t i = 0; i < names->n; i++)
			if (name_is(base, &entries[i], s, hash))
				return 1;
		return 0;
	}
	for (uint32_t at = (uint32_t)hash & names->mask; slots[at]; at = (at + 1) & names->mask)
		if (name_is(base, &entries[slots[at] - 1], s, hash))
			return 1;
	return 0;
}

/* ---- building ---- */

uint32_t pol_block_put(struct pol_block *block, const void *data, size_t size, size_t align)
{
	size_t at = (block->n + align - 1) & ~(align - 1), cap = block->cap ? block->cap : 1024;
	char *grown;

	if (block->failed || size > block->max || at > block->max - size) {
		block->failed = 1;
		return 0;
	}
	while (cap < at + size)
		cap *= 2;
	if (cap > block->cap) {
		grown = realloc(block->p, cap);
		if (!grown) {
			block->failed = 1;
			return 0;
		}
		block->p = grown;
		block->cap = cap;
	}
	memset(block->p + block->n, 0, at - block->n);
	if (size && data)
		memcpy(block->p + at, data, size);
	else
		memset(block->p + at, 0, size);
	block->n = at + size;
	return (uint32_t)at;
}

struct pol_name pol_block_name(struct pol_block *block, struct strv s)
{
	return (struct pol_name){ pol_hash(s), pol_block_put(block, s.p, s.n, 1), (uint32_t)s.n };
}

static void fill_slots(struct pol_block *block, const struct pol_names *names)
{
	const struct pol_name *entries = POL_AT(block->p, struct pol_name, names->entries);
	uint32_t *slots = (uint32_t *)(void *)(block->p + names->slots);

	for (uint32_t i = 0; i < names->n; i++) {
		uint32_t at = (uint32_t)entries[i].hash & names->mask;

		while (slots[at])
			at = (at + 1) & names->mask;
		slots[at] = i + 1;
	}
}

struct pol_names pol_block_names(struct pol_block *block, const struct strv *text, size_t n)
{
	struct pol_names names = { .n = (uint32_t)n };

	if (!n)
		return names;
	names.entries =
		pol_block_put(block, NULL, n * sizeof(struct pol_name), _Alignof(struct pol_name));
	for (size_t i = 0; i < n; i++) {
		struct pol_name name = pol_block_name(block, text[i]);

		if (!block->failed)
			memcpy(block->p + names.entries + i * sizeof(name), &name, sizeof(name));
	}
	if (n <= LINEAR_MAX)
		return names;
	/* At most two thirds full. */
	for (names.mask = 15; names.mask + 1 < n + n / 2; names.mask = names.mask * 2 + 1)
		;
	names.slots =
		pol_block_put(block, NULL, (names.mask + 1) * sizeof(uint32_t), _Alignof(uint32_t));
	if (!block->failed)
		fill_slots(block, &names);
	return names;
}
