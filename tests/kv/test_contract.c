/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/kv/test_contract.c - the storage contract, rule by rule, over every engine
 *
 * Each rule of kv.h that can be seen from outside; what needs a disk that fails or waits is
 * test_durability.c's.
 */
#include "tests/kv/kvtest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct kvtest t;

static const struct strv none = { NULL, 0 };

/* ---- keys and values ---- */

static void put_and_get(void **state)
{
	uint64_t seq, version;

	(void)state;
	assert_null(kvtest_get(t.kv, "a", "x", NULL));
	seq = kvtest_put1(t.kv, "a", "x", "one");
	assert_int_equal(seq, 1);
	assert_string_equal(kvtest_get(t.kv, "a", "x", &version), "one");
	assert_int_equal(version, seq);
	seq = kvtest_put1(t.kv, "a", "x", "two");
	assert_int_equal(seq, 2);
	assert_string_equal(kvtest_get(t.kv, "a", "x", &version), "two");
	assert_int_equal(version, 2);
	assert_int_equal(kv_seq(t.kv), 2);
}

static void owners_do_not_mix(void **state)
{
	(void)state;
	kvtest_put1(t.kv, "ab", "x", "1");
	kvtest_put1(t.kv, "a", "bx", "2");
	kvtest_put1(t.kv, "a\1", "y", "3");
	kvtest_put1(t.kv, "a", "", "4");
	kvtest_put1(t.kv, "b", "\xff\xff", "5");
	assert_string_equal(kvtest_list(t.kv, "a"), "=4@4 bx=2@2");
	assert_string_equal(kvtest_list(t.kv, "ab"), "x=1@1");
	assert_string_equal(kvtest_list(t.kv, "a\1"), "y=3@3");
	assert_string_equal(kvtest_list(t.kv, "b"), "\xff\xff=5@5");
	assert_string_equal(kvtest_list(t.kv, "c"), "");
}

static void bounds_of_owner_name_and_value(void **state)
{
	static char big[KV_VALUE_MAX + 1];
	char owner[KV_OWNER_MAX + 2], name[KV_NAME_MAX + 2];
	struct kv_batch *batch;
	struct arena *arena = arena_new(0);
	struct kv_item item = { .kind = KV_GET };
	struct kv_read read = { .items = &item, .n_items = 1, .arena = arena };

	(void)state;
	memset(owner, 'o', sizeof(owner));
	memset(name, 'n', sizeof(name));
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 2654435761u >> 24);
	assert_null(kv_batch_new(none));
	assert_null(kv_batch_new(strv_mem(owner, KV_OWNER_MAX + 1)));
	assert_null(kv_batch_new(strv_mem("a\0b", 3)));

	batch = kv_batch_new(strv_mem(owner, KV_OWNER_MAX));
	assert_non_null(batch);
	assert_int_equal(kv_batch_put(batch, strv_mem(name, KV_NAME_MAX),
				      strv_mem(big, KV_VALUE_MAX)),
			 0);
	assert_int_equal(kvtest_commit(t.kv, batch, NULL), KV_DONE);
	read.owner = strv_mem(owner, KV_OWNER_MAX);
	item.from = strv_mem(name, KV_NAME_MAX);
	assert_int_equal(kv_read_sync(t.kv, &read), KV_DONE);
	assert_int_equal(item.n_records, 1);
	assert_int_equal(item.records[0].value.n, KV_VALUE_MAX);
	assert_memory_equal(item.records[0].value.p, big, KV_VALUE_MAX);

	batch = kvtest_batch("a");
	assert_int_equal(kv_batch_put(batch, strv_mem(name, KV_NAME_MAX + 1), none), -1);
	assert_int_equal(kvtest_commit(t.kv, batch, NULL), KV_CONFLICT);
	batch = kvtest_batch("a");
	assert_int_equal(kv_batch_put(batch, strv_of("x"), strv_mem(big, KV_VALUE_MAX + 1)), -1);
	assert_int_equal(kvtest_commit(t.kv, batch, NULL), KV_CONFLICT);
	arena_free(&arena);
}

/* An error while filling a batch must not let half of it through. */
static void spoilt_batch_commits_nothing(void **state)
{
	char name[KV_NAME_MAX + 1] = { 0 };
	struct kv_batch *batch = kvtest_batch("a");

	(void)state;
	kvtest_put(batch, "x", "1");
	assert_int_equal(kv_batch_del(batch, strv_mem(name, sizeof(name))), -1);
	kvtest_put(batch, "y", "2");
	assert_int_equal(kvtest_commit(t.kv, batch, NULL), KV_CONFLICT);
	assert_string_equal(kvtest_list(t.kv, "a"), "");
	assert_int_equal(kv_seq(t.kv), 0);
	assert_int_equal(kvtest_commit(t.kv, NULL, NULL), KV_CONFLICT);
}

static void largest_batch(void **state)
{
	struct kv_batch *batch = kvtest_batch("big");
	struct kv_read read;
	struct kv_item item = { .kind = KV_RANGE };
	struct arena *arena = arena_new(0);
	char name[32];

	(void)state;
	for (int i = 0; i < KV_BATCH_OPS_MAX; i++) {
		snprintf(name, sizeof(name), "%08d", i);
		kvtest_put(batch, name, name);
	}
	assert_int_equal(kv_batch_put(batch, strv_of("more"), none), -1);
	kv_batch_free(&batch);
	assert_null(batch);
	batch = kvtest_batch("big");
	for (int i = 0; i < KV_BATCH_OPS_MAX; i++) {
		snprintf(name, sizeof(name), "%08d", i);
		kvtest_put(batch, name, name);
	}
	assert_int_equal(kvtest_commit(t.kv, batch, NULL), KV_DONE);
	read = (struct kv_read){
		.owner = strv_of("big"), .items = &item, .n_items = 1, .arena = arena
	};
	assert_int_equal(kv_read_sync(t.kv, &read), KV_DONE);
	assert_int_equal(item.n_records, KV_BATCH_OPS_MAX);
	for (int i = 0; i < KV_BATCH_OPS_MAX; i++) {
		snprintf(name, sizeof(name), "%08d", i);
		assert_true(strv_eq(item.records[i].name, strv_of(name)));
		assert_true(strv_eq(item.records[i].value, strv_of(name)));
		assert_int_equal(item.records[i].version, 1);
	}
	arena_free(&arena);
}

static void batch_bytes_are_bounded(void **state)
{
	static char big[KV_VALUE_MAX];
	struct kv_batch *batch = kvtest_batch("a");

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(kv_batch_put(batch, strv_of("x"), strv_mem(big, sizeof(big))), 0);
	assert_int_equal(kv_batch_put(batch, strv_of("x"), strv_mem(big, sizeof(big))), -1);
	kv_batch_free(&batch);
}

/* ---- deletes ---- */

static void fill(const char *owner, const char *names)
{
	struct kv_batch *batch = kvtest_batch(owner);
	char one[2] = "";

	for (; *names; names++) {
		one[0] = *names;
		kvtest_put(batch, one, "v");
	}
	assert_int_equal(kvtest_commit(t.kv, batch, NULL), KV_DONE);
}

static void delete_and_delete_absent(void **state)
{
	struct kv_batch *batch;

	(void)state;
	fill("a", "xy");
	batch = kvtest_batch("a");
	kv_batch_del(batch, strv_of("x"));
	kv_batch_del(batch, strv_of("never"));
	assert_int_equal(kvtest_commit(t.kv, batch, NULL), KV_DONE);
	assert_string_equal(kvtest_list(t.kv, "a"), "y=v@1");
}

static void range_deletes(void **state)
{
	static const struct {
		const char *why, *from, *to, *left;
	} rows[] = {
		{ "from inclusive, to exclusive", "b", "d", "a=v d=v e=v" },
		{ "empty to is the owner's end", "c", "", "a=v b=v" },
		{ "empty both is all", "", "", "" },
		{ "nothing between", "bb", "bz", "a=v b=v c=v d=v e=v" },
		{ "upside down", "d", "b", "a=v b=v c=v d=v e=v" },
	};
	char left[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kv_batch *batch = kvtest_batch("m");
		const char *list;
		size_t n = 0;

		fill("l", "z");
		fill("m", "abcde");
		fill("m\1", "a");
		kv_batch_del_range(batch, strv_of(rows[i].from), strv_of(rows[i].to));
		assert_int_equal(kvtest_commit(t.kv, batch, NULL), KV_DONE);
		/* Without the versions. */
		for (list = kvtest_list(t.kv, "m"); *list; list++) {
			if (*list == '@')
				list += strcspn(list, " ");
			if (!*list)
				break;
			left[n++] = *list;
		}
		left[n] = '\0';
		if (strcmp(left, rows[i].left) != 0)
			fail_msg("%s: \"%s\" is left", rows[i].why, left);
		assert_non_null(kvtest_get(t.kv, "l", "z", NULL));
		assert_non_null(kvtest_get(t.kv, "m\1", "a", NULL));
	}
}

/* Operations of one batch take effect in order. */
static void order_within_a_batch(void **state)
{
	struct kv_batch *batch = kvtest_batch("a");

	(void)state;
	kvtest_put(batch, "x", "first");
	kvtest_put(batch, "x", "second");
	kvtest_put(batch, "y", "gone");
	kv_batch_del(batch, strv_of("y"));
	kvtest_put(batch, "z", "gone");
	kv_batch_del_range(batch, strv_of("z"), none);
	kvtest_put(batch, "zz", "stays");
	assert_int_equal(kvtest_commit(t.kv, batch, NULL), KV_DONE);
	assert_string_equal(kvtest_list(t.kv, "a"), "x=second@1 zz=stays@1");
}

static void erase_leaves_the_neighbours(void **state)
{
	uint64_t version = 0;
	struct arena *arena = arena_new(0);
	struct kv_read read = { .owner = strv_of("m"), .arena = arena };
	struct kv_commit_result result;

	(void)state;
	fill("l", "z");
	fill("m", "abc");
	fill("m\1", "a");
	result = kv_erase_sync(t.kv, strv_of("m"));
	assert_int_equal(result.status, KV_DONE);
	assert_string_equal(kvtest_list(t.kv, "m"), "");
	assert_non_null(kvtest_get(t.kv, "l", "z", NULL));
	assert_non_null(kvtest_get(t.kv, "m\1", "a", NULL));
	/* The version tells that something happened. */
	assert_int_equal(kv_read_sync(t.kv, &read), KV_DONE);
	version = read.version;
	assert_int_equal(version, result.seq);
	assert_int_equal(kv_erase_sync(t.kv, none).status, KV_CONFLICT);
	arena_free(&arena);
}

/* ---- preconditions ---- */

static void preconditions(void **state)
{
	static const struct {
		const char *why;
		int absent; /* else at version */
		const char *name;
		uint64_t version;
		enum kv_status status;
	} rows[] = {
		{ "absent and is", 1, "new", 0, KV_DONE },
		{ "absent and is not", 1, "x", 0, KV_CONFLICT },
		{ "at its version", 0, "x", 1, KV_DONE },
		{ "at an older version", 0, "y", 1, KV_CONFLICT },
		{ "at a version to come", 0, "y", 99, KV_CONFLICT },
		{ "at a version and absent", 0, "never", 1, KV_CONFLICT },
		{ "version 0 is nobody's", 0, "never", 0, KV_CONFLICT },
		{ "the owner's own key is no record", 1, "", 0, KV_DONE },
	};

	(void)state;
	kvtest_put1(t.kv, "a", "x", "1");
	kvtest_put1(t.kv, "a", "y", "1");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kv_batch *batch = kvtest_batch("a");
		uint64_t before = kv_seq(t.kv), seq;
		char mark[8];

		snprintf(mark, sizeof(mark), "m%zu", i);
		kvtest_put(batch, mark, "");
		if (rows[i].absent)
			kv_batch_require_absent(batch, strv_of(rows[i].name));
		else
			kv_batch_require_version(batch, strv_of(rows[i].name), rows[i].version);
		if (kvtest_commit(t.kv, batch, &seq) != rows[i].status)
			fail_msg("%s", rows[i].why);
		/* A conflict does nothing, and takes no number. */
		assert_int_equal(kvtest_get(t.kv, "a", mark, NULL) != NULL,
				 rows[i].status == KV_DONE);
		assert_int_equal(kv_seq(t.kv), before + (rows[i].status == KV_DONE));
		assert_int_equal(seq, rows[i].status == KV_DONE ? before + 1 : 0);
	}
}

/* They look at the state before the batch, not at what it does itself. */
static void preconditions_precede_the_batch(void **state)
{
	struct kv_batch *batch = kvtest_batch("a");

	(void)state;
	kvtest_put(batch, "x", "1");
	kv_batch_require_absent(batch, strv_of("x"));
	assert_int_equal(kvtest_commit(t.kv, batch, NULL), KV_DONE);
	batch = kvtest_batch("a");
	kv_batch_del(batch, strv_of("x"));
	kv_batch_require_version(batch, strv_of("x"), 1);
	assert_int_equal(kvtest_commit(t.kv, batch, NULL), KV_DONE);
	assert_string_equal(kvtest_list(t.kv, "a"), "");
}

/* ---- reads ---- */

static void range_reads(void **state)
{
	static const struct {
		const char *why, *from, *to;
		unsigned limit;
		int reverse;
		const char *names;
		int more;
	} rows[] = {
		{ "all", "", "", 0, 0, "abcdefg", 0 },
		{ "part", "c", "f", 0, 0, "cde", 0 },
		{ "to the end", "e", "", 0, 0, "efg", 0 },
		{ "limited", "", "", 3, 0, "abc", 1 },
		{ "limit that is just enough", "", "", 7, 0, "abcdefg", 0 },
		{ "backwards", "", "", 0, 1, "gfedcba", 0 },
		{ "backwards, part", "c", "f", 0, 1, "edc", 0 },
		{ "backwards, limited", "b", "g", 2, 1, "fe", 1 },
		{ "backwards, any truth", "b", "g", 2, 8, "fe", 1 },
		{ "nothing", "x", "", 0, 0, "", 0 },
		{ "upside down", "f", "b", 0, 0, "", 0 },
		{ "upside down, backwards", "f", "b", 0, 1, "", 0 },
	};

	(void)state;
	fill("l", "z");
	fill("m", "abcdefg");
	fill("n", "a");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new(0);
		struct kv_item item = { .kind = KV_RANGE,
					.from = strv_of(rows[i].from),
					.to = strv_of(rows[i].to),
					.limit = rows[i].limit,
					.reverse = rows[i].reverse };
		struct kv_read read = {
			.owner = strv_of("m"), .items = &item, .n_items = 1, .arena = arena
		};
		char names[16] = "";

		assert_int_equal(kv_read_sync(t.kv, &read), KV_DONE);
		for (unsigned r = 0; r < item.n_records; r++)
			strncat(names, item.records[r].name.p, item.records[r].name.n);
		if (strcmp(names, rows[i].names) != 0 || item.more != rows[i].more)
			fail_msg("%s: \"%s\", more %d", rows[i].why, names, item.more);
		assert_int_equal(read.version, 2);
		arena_free(&arena);
	}
}

/* Several chunks, both ways, and several items in one read. */
static void long_ranges_and_many_items(void **state)
{
	enum { N = 500 };
	struct arena *arena = arena_new(0);
	struct kv_item items[4] = { { .kind = KV_RANGE },
				    { .kind = KV_RANGE, .reverse = 1, .limit = 100 },
				    { .kind = KV_GET, .from = strv_of("0123") },
				    { .kind = KV_GET, .from = strv_of("absent") } };
	struct kv_read read = {
		.owner = strv_of("a"), .items = items, .n_items = 4, .arena = arena
	};
	struct kv_batch *batch = kvtest_batch("a");
	char name[16];

	(void)state;
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "%04d", i);
		kvtest_put(batch, name, name);
	}
	assert_int_equal(kvtest_commit(t.kv, batch, NULL), KV_DONE);
	assert_int_equal(kv_read_sync(t.kv, &read), KV_DONE);
	assert_int_equal(items[0].n_records, N);
	assert_int_equal(items[0].more, 0);
	assert_int_equal(items[1].n_records, 100);
	assert_int_equal(items[1].more, 1);
	assert_int_equal(items[2].n_records, 1);
	assert_int_equal(items[3].n_records, 0);
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "%04d", i);
		assert_true(strv_eq(items[0].records[i].name, strv_of(name)));
		if (N - 1 - i < 100)
			assert_true(strv_eq(items[1].records[N - 1 - i].name, strv_of(name)));
	}
	assert_true(strv_eq(items[2].records[0].value, strv_of("0123")));
	arena_free(&arena);
}

static void read_past_the_arena_is_busy(void **state)
{
	struct arena *arena = arena_new(8192);
	struct kv_item item = { .kind = KV_RANGE };
	struct kv_read read = {
		.owner = strv_of("a"), .items = &item, .n_items = 1, .arena = arena
	};
	static char value[10000];

	(void)state;
	memset(value, 'v', sizeof(value) - 1);
	kvtest_put1(t.kv, "a", "x", value);
	assert_int_equal(kv_read_sync(t.kv, &read), KV_BUSY);
	arena_free(&arena);
}

static void impossible_owners_have_nothing(void **state)
{
	struct arena *arena = arena_new(0);
	struct kv_item item = { .kind = KV_RANGE };
	struct kv_read read = {
		.owner = strv_mem("a\0x", 3), .items = &item, .n_items = 1, .arena = arena
	};

	(void)state;
	kvtest_put1(t.kv, "a", "xy", "1");
	assert_int_equal(kv_read_sync(t.kv, &read), KV_DONE);
	assert_int_equal(item.n_records, 0);
	assert_int_equal(read.version, 0);
	read.owner = none;
	assert_int_equal(kv_read_sync(t.kv, &read), KV_DONE);
	assert_int_equal(item.n_records, 0);
	arena_free(&arena);
}

/* ---- owners ---- */

static void owners_in_order(void **state)
{
	struct arena *arena = arena_new(0);
	struct strv *owners;
	struct err err;
	unsigned n;

	(void)state;
	fill("b", "x");
	fill("a", "xyz");
	fill("a\1", "x");
	fill("gone", "x");
	fill("c", "x");
	assert_int_equal(kv_erase_sync(t.kv, strv_of("gone")).status, KV_DONE);
	assert_int_equal(kv_owners_sync(t.kv, none, 10, arena, &owners, &n, &err), 0);
	assert_int_equal(n, 4);
	assert_true(strv_eq(owners[0], strv_of("a")));
	assert_true(strv_eq(owners[1], strv_of("a\1")));
	assert_true(strv_eq(owners[2], strv_of("b")));
	assert_true(strv_eq(owners[3], strv_of("c")));
	assert_int_equal(kv_owners_sync(t.kv, strv_of("a"), 2, arena, &owners, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_true(strv_eq(owners[0], strv_of("a\1")));
	assert_true(strv_eq(owners[1], strv_of("b")));
	assert_int_equal(kv_owners_sync(t.kv, strv_of("c"), 2, arena, &owners, &n, &err), 0);
	assert_int_equal(n, 0);
	arena_free(&arena);
}

/* ---- journal ---- */

static void journal_has_every_commit_in_order(void **state)
{
	struct arena *arena = arena_new(0);
	struct kv_batch *batch;
	struct kv_change *changes;
	struct err err;
	unsigned n;

	(void)state;
	assert_int_equal(kv_journal_first(t.kv), 1);
	assert_int_equal(kv_journal_sync(t.kv, 1, 10, arena, &changes, &n, &err), 0);
	assert_int_equal(n, 0);
	kvtest_put1(t.kv, "a", "x", "1");
	batch = kvtest_batch("b");
	kvtest_put(batch, "e", "2");
	kv_batch_del(batch, strv_of("z"));
	kv_batch_del_range(batch, strv_of("p"), strv_of("q"));
	kv_batch_del_range(batch, strv_of("r"), none);
	kv_batch_require_absent(batch, strv_of("w"));
	assert_int_equal(kvtest_commit(t.kv, batch, NULL), KV_DONE);
	batch = kvtest_batch("b");
	kv_batch_require_absent(batch, strv_of("e"));
	assert_int_equal(kvtest_commit(t.kv, batch, NULL), KV_CONFLICT);
	kvtest_put1(t.kv, "c", "", "3");

	assert_int_equal(kv_journal_sync(t.kv, 1, 10, arena, &changes, &n, &err), 0);
	assert_int_equal(n, 3);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(changes[i].seq, i + 1);
		assert_true(i == 0 || changes[i].time_us >= changes[i - 1].time_us);
		assert_true(changes[i].time_us > 1500000000000000);
	}
	assert_true(strv_eq(changes[0].owner, strv_of("a")));
	assert_int_equal(changes[0].n_ops, 1);
	assert_int_equal(changes[0].ops[0].kind, KV_OP_PUT);
	assert_true(strv_eq(changes[0].ops[0].name, strv_of("x")));
	assert_true(strv_eq(changes[1].owner, strv_of("b")));
	assert_int_equal(changes[1].n_ops, 4);
	assert_int_equal(changes[1].ops[0].kind, KV_OP_PUT);
	assert_int_equal(changes[1].ops[1].kind, KV_OP_DEL);
	assert_true(strv_eq(changes[1].ops[1].name, strv_of("z")));
	assert_int_equal(changes[1].ops[2].kind, KV_OP_DEL_RANGE);
	assert_true(strv_eq(changes[1].ops[2].name, strv_of("p")));
	assert_true(strv_eq(changes[1].ops[2].to, strv_of("q")));
	assert_true(strv_eq(changes[1].ops[3].to, none));
	assert_true(strv_eq(changes[2].ops[0].name, none));

	assert_int_equal(kv_journal_sync(t.kv, 3, 10, arena, &changes, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(kv_journal_sync(t.kv, 4, 10, arena, &changes, &n, &err), 0);
	assert_int_equal(n, 0);
	assert_int_equal(kv_journal_sync(t.kv, 1, 2, arena, &changes, &n, &err), 0);
	assert_int_equal(n, 2);
	arena_free(&arena);
}

static const struct CMUnitTest *suite(size_t *n_out)
{
#define ROW(fn) cmocka_unit_test(fn)
	static const struct CMUnitTest rows[] = {
		ROW(put_and_get),
		ROW(owners_do_not_mix),
		ROW(bounds_of_owner_name_and_value),
		ROW(spoilt_batch_commits_nothing),
		ROW(largest_batch),
		ROW(batch_bytes_are_bounded),
		ROW(delete_and_delete_absent),
		ROW(range_deletes),
		ROW(order_within_a_batch),
		ROW(erase_leaves_the_neighbours),
		ROW(preconditions),
		ROW(preconditions_precede_the_batch),
		ROW(range_reads),
		ROW(long_ranges_and_many_items),
		ROW(read_past_the_arena_is_busy),
		ROW(impossible_owners_have_nothing),
		ROW(owners_in_order),
		ROW(journal_has_every_commit_in_order),
	};
#undef ROW
	*n_out = sizeof(rows) / sizeof(rows[0]);
	return rows;
}

static const char *engine;

static int begin(void **state)
{
	(void)state;
	kvtest_begin(&t, engine);
	kvtest_open(&t, NULL);
	return 0;
}

/* Whatever a test did, what it leaves is whole, and still is after opening again. */
static int end(void **state)
{
	(void)state;
	kvtest_verify(t.kv);
	if (strcmp(engine, "mem") != 0) {
		kvtest_close(&t);
		kvtest_open(&t, NULL);
		kvtest_verify(t.kv);
	}
	kvtest_end(&t);
	return 0;
}

int main(void)
{
	static const char *const engines[] = { "mem", "bdb" };
	const struct CMUnitTest *rows;
	struct CMUnitTest *tests;
	int failed = 0;
	size_t n;

	rows = suite(&n);
	tests = calloc(n, sizeof(*tests));
	if (!tests)
		return 1;
	for (size_t e = 0; e < sizeof(engines) / sizeof(engines[0]); e++) {
		engine = engines[e];
		for (size_t i = 0; i < n; i++) {
			tests[i] = rows[i];
			tests[i].setup_func = begin;
			tests[i].teardown_func = end;
		}
		failed += _cmocka_run_group_tests(engine, tests, n, NULL, NULL);
	}
	free(tests);
	return failed;
}
