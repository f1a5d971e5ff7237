/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/kv/test_record.c - the stored forms: what was written is read, anything else is damage
 */
#include "tests/kv/kvtest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kv/kv_crc.h"
#include "kv/kv_record.h"

static void crc_is_castagnoli(void **state)
{
	static const char zeros[32];
	char text[300];

	(void)state;
	/* RFC 3720 B.4 and the usual check value. */
	assert_int_equal(kv_crc(0, "123456789", 9), 0xe3069283);
	assert_int_equal(kv_crc(0, zeros, sizeof(zeros)), 0x8a9136aa);
	assert_int_equal(kv_crc(0, zeros, 0), 0);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 7);
	for (size_t cut = 0; cut <= sizeof(text); cut++)
		assert_int_equal(kv_crc(kv_crc(0, text, cut), text + cut, sizeof(text) - cut),
				 kv_crc(0, text, sizeof(text)));
}

static void numbers_are_big_endian(void **state)
{
	uint8_t octets[8];

	(void)state;
	kv_be_put(octets, 0x0102030405060708, 8);
	assert_memory_equal(octets, "\1\2\3\4\5\6\7\10", 8);
	assert_int_equal(kv_be_get(octets, 8), 0x0102030405060708);
	assert_int_equal(kv_be_get(octets, 3), 0x010203);
	/* The order of the octets is that of the numbers. */
	kv_be_put(octets, 255, 8);
	assert_int_equal(octets[7], 255);
}

/* ---- one form, taken apart in every way ---- */

/* A decoder: 0 it takes the octets. */
typedef int decode_fn(struct strv key, struct strv data);

static int decode_record(struct strv key, struct strv data)
{
	struct strv value;
	uint64_t version;

	return kv_record_open(key, data, &value, &version);
}

static int decode_owner(struct strv key, struct strv data)
{
	uint64_t version;

	return kv_owner_decode(key, data, &version);
}

static int decode_entry(struct strv key, struct strv data)
{
	struct arena *arena = arena_new(0);
	struct kv_change change;
	uint64_t group;
	int ret = kv_entry_decode(key, data, arena, &change, &group);

	arena_free(&arena);
	return ret;
}

static int decode_meta(struct strv key, struct strv data)
{
	struct kv_meta meta;

	(void)key;
	return kv_meta_decode(data, &meta);
}

/* DATA is taken under KEY; every shorter, longer or changed one is not, nor it under another key.
 */
static void only_itself(decode_fn *decode, struct strv key, struct strv data, int keyed)
{
	char *copy = malloc(data.n + 1), other[KV_KEY_MAX + 1];

	assert_non_null(copy);
	assert_int_equal(decode(key, data), 0);
	for (size_t n = 0; n < data.n; n++) {
		/* Of its own size, so that reading past the end is seen. */
		char *cut = malloc(n ? n : 1);

		memcpy(cut, data.p, n);
		assert_int_equal(decode(key, strv_mem(cut, n)), -1);
		free(cut);
	}
	memcpy(copy, data.p, data.n);
	copy[data.n] = '\0';
	assert_int_equal(decode(key, strv_mem(copy, data.n + 1)), -1);
	for (size_t bit = 0; bit < data.n * 8; bit++) {
		copy[bit / 8] ^= (char)(1 << bit % 8);
		assert_int_equal(decode(key, strv_mem(copy, data.n)), -1);
		copy[bit / 8] ^= (char)(1 << bit % 8);
	}
	memcpy(other, key.p, key.n);
	other[0] ^= 1;
	if (keyed)
		assert_int_equal(decode(strv_mem(other, key.n), data), -1);
	free(copy);
}

static void records(void **state)
{
	struct strv key = strv_mem("owner\0name", 10), value;
	char data[KV_RECORD_HEAD_BYTES + 5];
	uint64_t version;

	(void)state;
	memcpy(data + KV_RECORD_HEAD_BYTES, "value", 5);
	kv_record_seal(data, sizeof(data), key, 77);
	only_itself(decode_record, key, strv_mem(data, sizeof(data)), 1);
	assert_int_equal(kv_record_open(key, strv_mem(data, sizeof(data)), &value, &version), 0);
	assert_int_equal(version, 77);
	assert_true(strv_eq(value, strv_of("value")));
	kv_record_seal(data, KV_RECORD_HEAD_BYTES, key, UINT64_MAX);
	assert_int_equal(kv_record_open(key, strv_mem(data, KV_RECORD_HEAD_BYTES), &value,
					&version),
			 0);
	assert_int_equal(value.n, 0);
	assert_true(version == UINT64_MAX);
	/* One form is not taken for another. */
	assert_int_equal(decode_owner(key, strv_mem(data, KV_RECORD_HEAD_BYTES)), -1);
}

static void owners(void **state)
{
	struct strv owner = strv_of("sip:alice@example.com");
	uint8_t data[KV_OWNER_BYTES];
	uint64_t version;

	(void)state;
	kv_owner_encode(data, owner, 42);
	only_itself(decode_owner, owner, strv_mem(data, sizeof(data)), 1);
	assert_int_equal(kv_owner_decode(owner, strv_mem(data, sizeof(data)), &version), 0);
	assert_int_equal(version, 42);
	assert_int_equal(decode_record(owner, strv_mem(data, sizeof(data))), -1);
}

static void journal_entries(void **state)
{
	static const struct kv_op ops[] = {
		{ KV_OP_PUT, { "x", 1 }, { NULL, 0 } },
		{ KV_OP_DEL, { "", 0 }, { NULL, 0 } },
		{ KV_OP_DEL_RANGE, { "a", 1 }, { "b\0c", 3 } },
		{ KV_OP_DEL_RANGE, { "", 0 }, { "", 0 } },
	};
	struct kv_change change = { 9, 1234567890123456, strv_of("alice"), ops, 4 }, out;
	uint8_t key[KV_SEQ_BYTES], *data;
	struct arena *arena = arena_new(0), *small = arena_new(16);
	uint64_t group;
	size_t n = kv_entry_bytes(&change);

	(void)state;
	data = malloc(n);
	kv_be_put(key, 9, sizeof(key));
	kv_entry_encode(data, &change, 5);
	only_itself(decode_entry, strv_mem(key, sizeof(key)), strv_mem(data, n), 1);
	assert_int_equal(kv_entry_decode(strv_mem(key, sizeof(key)), strv_mem(data, n), arena, &out,
					 &group),
			 0);
	assert_int_equal(out.seq, 9);
	assert_int_equal(out.time_us, change.time_us);
	assert_int_equal(group, 5);
	assert_true(strv_eq(out.owner, change.owner));
	assert_int_equal(out.n_ops, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(out.ops[i].kind, ops[i].kind);
		assert_true(strv_eq(out.ops[i].name, ops[i].name));
		assert_true(strv_eq(out.ops[i].to, ops[i].to));
	}
	/* Short of memory is not damage. */
	assert_int_equal(kv_entry_decode(strv_mem(key, sizeof(key)), strv_mem(data, n), small, &out,
					 &group),
			 -2);
	/* A commit that changed nothing is an entry, too. */
	change.n_ops = 0;
	kv_entry_encode(data, &change, 5);
	only_itself(decode_entry, strv_mem(key, sizeof(key)),
		    strv_mem(data, kv_entry_bytes(&change)), 1);
	free(data);
	arena_free(&small);
	arena_free(&arena);
}

static void the_stores_own_record(void **state)
{
	struct kv_meta meta = { 1700000000000000, 3, strv_mem("u\0n", 3) }, out;
	uint8_t data[KV_META_MAX];
	size_t n = kv_meta_encode(data, &meta);

	(void)state;
	only_itself(decode_meta, kv_meta_key, strv_mem(data, n), 0);
	assert_int_equal(kv_meta_decode(strv_mem(data, n), &out), 0);
	assert_int_equal(out.epoch, meta.epoch);
	assert_int_equal(out.format, 3);
	assert_true(strv_eq(out.migrated, meta.migrated));
}

static void keys_taken_apart(void **state)
{
	static const struct {
		const char *why;
		struct strv key;
		int kind;
		const char *owner, *name;
	} rows[] = {
		{ "an owner's version", { "alice", 5 }, 0, "alice", "" },
		{ "a record", { "alice\0x", 7 }, 1, "alice", "x" },
		{ "a record without a name", { "alice\0", 6 }, 1, "alice", "" },
		{ "the store's own", { "\0store", 6 }, -1, "", "" },
		{ "nothing", { "", 0 }, -1, "", "" },
	};
	static char longest[KV_KEY_MAX + 1];
	struct strv owner, name;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (kv_key_split(rows[i].key, &owner, &name) != rows[i].kind)
			fail_msg("%s", rows[i].why);
		if (rows[i].kind < 0)
			continue;
		assert_true(strv_eq(owner, strv_of(rows[i].owner)));
		assert_true(strv_eq(name, strv_of(rows[i].name)));
	}
	memset(longest, 'o', KV_OWNER_MAX);
	memset(longest + KV_OWNER_MAX + 1, 'n', KV_NAME_MAX + 1);
	assert_int_equal(kv_key_split(strv_mem(longest, KV_KEY_MAX), &owner, &name), 1);
	assert_int_equal(kv_key_split(strv_mem(longest, KV_KEY_MAX + 1), &owner, &name), -1);
	memset(longest, 'o', KV_OWNER_MAX + 1);
	assert_int_equal(kv_key_split(strv_mem(longest, KV_OWNER_MAX + 1), &owner, &name), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc_is_castagnoli), cmocka_unit_test(numbers_are_big_endian),
		cmocka_unit_test(records),	     cmocka_unit_test(owners),
		cmocka_unit_test(journal_entries),   cmocka_unit_test(the_stores_own_record),
		cmocka_unit_test(keys_taken_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
