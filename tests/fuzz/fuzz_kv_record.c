/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_kv_record.c - the decoders of what lies on disk
 *
 * The first octet chooses the form and whether the checksum is made right first, so that what lies
 * behind it is reached; then one octet of key length, the key, the data. What is taken must be
 * written again as it was.
 */
#include "tests/fuzz/fuzz.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kv/kv_crc.h"
#include "kv/kv_record.h"

enum { FORMS = 5, SEALED = 0x80, DATA_MAX = 1 << 20 };

static void check(int holds)
{
	if (!holds)
		abort();
}

/* Make the checksum right: see kv_record.h. */
static void seal(struct strv key, uint8_t *data, size_t n)
{
	uint32_t crc;

	if (n < KV_HEAD_BYTES)
		return;
	crc = kv_crc(kv_crc(0, data, 1), key.p, key.n);
	kv_be_put(data + 1, kv_crc(crc, data + KV_HEAD_BYTES, n - KV_HEAD_BYTES), 4);
}

static void try_record(struct strv key, struct strv data)
{
	struct strv value;
	uint64_t version;
	uint8_t *again;

	if (kv_record_open(key, data, &value, &version) < 0)
		return;
	check(value.n + KV_RECORD_HEAD_BYTES == data.n);
	again = malloc(data.n);
	if (!again)
		return;
	memcpy(again, data.p, data.n);
	memset(again, 0, KV_RECORD_HEAD_BYTES);
	kv_record_seal(again, data.n, key, version);
	check(memcmp(again, data.p, data.n) == 0);
	free(again);
}

static void try_owner(struct strv key, struct strv data)
{
	uint8_t again[KV_OWNER_BYTES];
	uint64_t version;

	if (kv_owner_decode(key, data, &version) < 0)
		return;
	kv_owner_encode(again, key, version);
	check(strv_eq(data, strv_mem(again, sizeof(again))));
}

static void try_entry(struct strv key, struct strv data)
{
	struct arena *arena = arena_new(0);
	struct kv_change change;
	uint64_t group;
	uint8_t *again;
	size_t n;

	if (arena && kv_entry_decode(key, data, arena, &change, &group) == 0) {
		n = kv_entry_bytes(&change);
		check(n == data.n && change.owner.n > 0 && change.n_ops <= KV_BATCH_OPS_MAX);
		again = malloc(n);
		if (again) {
			kv_entry_encode(again, &change, group);
			check(memcmp(again, data.p, n) == 0);
		}
		free(again);
	}
	arena_free(&arena);
}

static void try_meta(struct strv data)
{
	uint8_t again[KV_META_MAX];
	struct kv_meta meta;

	if (kv_meta_decode(data, &meta) < 0)
		return;
	check(strv_eq(data, strv_mem(again, kv_meta_encode(again, &meta))));
}

static void try_key(struct strv key)
{
	struct strv owner, name;
	int kind = kv_key_split(key, &owner, &name);

	if (kind < 0)
		return;
	check(owner.n >= 1 && owner.n <= KV_OWNER_MAX && !memchr(owner.p, '\0', owner.n));
	check(name.n <= KV_NAME_MAX && owner.n + (size_t)kind + name.n == key.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	size_t key_bytes = size > 1 ? input[1] : 0;
	struct strv key, data;
	uint8_t *copy;

	if (size < 2 || size - 2 < key_bytes || size > DATA_MAX)
		return 0;
	key = strv_mem(input + 2, key_bytes);
	data = strv_mem(input + 2 + key_bytes, size - 2 - key_bytes);
	copy = malloc(data.n ? data.n : 1);
	if (!copy)
		return 0;
	memcpy(copy, data.p, data.n);
	if (input[0] & SEALED)
		seal((input[0] & 0x7f) % FORMS == 3 ? kv_meta_key : key, copy, data.n);
	data = strv_mem(copy, data.n);
	switch ((input[0] & 0x7f) % FORMS) {
	case 0:
		try_record(key, data);
		break;
	case 1:
		try_owner(key, data);
		break;
	case 2:
		try_entry(key, data);
		break;
	case 3:
		try_meta(data);
		break;
	default:
		try_key(data);
		break;
	}
	free(copy);
	return 0;
}
