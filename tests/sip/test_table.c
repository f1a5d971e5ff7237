/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/test_table.c - the growing table, its keys, and numbers for what may be gone
 *
 * Against a plain array; and that no change and no look-up costs more when many live.
 */
#include "sip/sip_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "sip/sip_slots.h"

enum { MANY = 200000 };

static uint64_t rnd_state;

static uint64_t rnd(void)
{
	uint64_t z = (rnd_state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static struct sip_key key_of(struct sip_table *table, uint64_t n)
{
	struct sip_hash hash;

	sip_hash_init(&hash, &table->secret);
	sip_hash_add(&hash, strv_mem(&n, sizeof(n)));
	return sip_hash_key(&hash);
}

static void test_random_changes_agree_with_an_array(void **state)
{
	enum { N = 3000, STEPS = 200000 };
	static struct sip_node node[N];
	static unsigned char in[N];
	struct sip_table table;

	(void)state;
	rnd_state = 1;
	memset(in, 0, sizeof(in));
	assert_int_equal(sip_table_init(&table), 0);
	for (unsigned step = 0; step < STEPS; step++) {
		/* Long stretches that mostly add, then mostly remove: it grows and shrinks. */
		unsigned i = (unsigned)(rnd() % N), adds = step / 20000 % 2 ? 3 : 9;

		if (!in[i] && rnd() % 10 < adds) {
			node[i].key = key_of(&table, i);
			sip_table_add(&table, &node[i]);
			in[i] = 1;
		} else if (in[i] && rnd() % 10 >= adds) {
			sip_table_remove(&table, &node[i]);
			in[i] = 0;
		}
		i = (unsigned)(rnd() % N);
		struct sip_key key = key_of(&table, i);
		struct sip_node *found = sip_table_find(&table, &key);

		assert_ptr_equal(found, in[i] ? &node[i] : NULL);
	}
	sip_table_fini(&table);
}

static void test_the_same_key_twice(void **state)
{
	struct sip_node a, b, c;
	struct sip_table table;

	(void)state;
	assert_int_equal(sip_table_init(&table), 0);
	a.key = b.key = key_of(&table, 7);
	sip_table_add(&table, &a);
	sip_table_add(&table, &b);
	assert_ptr_equal(sip_table_find(&table, &a.key), &b);
	assert_ptr_equal(sip_table_next(&table, &b), &a);
	assert_null(sip_table_next(&table, &a));
	sip_table_replace(&table, &b, &c);
	assert_ptr_equal(sip_table_find(&table, &a.key), &c);
	sip_table_remove(&table, &c);
	assert_ptr_equal(sip_table_find(&table, &a.key), &a);
	sip_table_remove(&table, &a);
	assert_null(sip_table_find(&table, &a.key));
	assert_int_equal(table.count, 0);
	sip_table_fini(&table);
}

/* The most steps any one change takes, and the mean of look-ups, at two sizes. */
static void test_cost_does_not_grow_with_how_many_live(void **state)
{
	struct sip_node *node = calloc(MANY, sizeof(*node));
	uint64_t most = 0, before, mean[2] = { 0, 0 };
	struct sip_table table;

	(void)state;
	assert_non_null(node);
	assert_int_equal(sip_table_init(&table), 0);
	for (unsigned i = 0; i < MANY; i++) {
		node[i].key = key_of(&table, i);
		before = table.steps;
		sip_table_add(&table, &node[i]);
		if (table.steps - before > most)
			most = table.steps - before;
		if (i + 1 == 1000 || i + 1 == MANY) {
			before = table.steps;
			for (unsigned k = 0; k < 1000; k++) {
				struct sip_key key = key_of(&table, rnd() % (i + 1));

				assert_non_null(sip_table_find(&table, &key));
			}
			mean[i + 1 == MANY] = table.steps - before;
		}
	}
	assert_true(most < 64);
	assert_true(mean[1] < 2 * mean[0]);
	assert_true(mean[1] < 3 * 1000);
	for (unsigned i = 0; i < MANY; i++) {
		before = table.steps;
		sip_table_remove(&table, &node[i]);
		assert_true(table.steps - before < 64);
	}
	assert_int_equal(table.count, 0);
	assert_true(table.n_places[0] <= 1024); /* memory comes back */
	sip_table_fini(&table);
	free(node);
}

static void test_keys_tell_pieces_apart(void **state)
{
	static const char *const split[][2] = { { "ab", "c" },	     { "a", "bc" },
						{ "abc", "" },	     { "", "abc" },
						{ "abcdefgh", "i" }, { "abcdefghi", "" },
						{ "", "" } };
	struct sip_key secret = { 1, 2 }, other = { 1, 3 }, keys[8];
	struct sip_hash hash;

	(void)state;
	for (unsigned i = 0; i < 7; i++) {
		sip_hash_init(&hash, &secret);
		sip_hash_add(&hash, strv_of(split[i][0]));
		sip_hash_add(&hash, strv_of(split[i][1]));
		keys[i] = sip_hash_key(&hash);
		for (unsigned k = 0; k < i; k++)
			assert_true(keys[i].a != keys[k].a && keys[i].b != keys[k].b);
	}
	sip_hash_init(&hash, &other);
	sip_hash_add(&hash, STRV("ab"));
	sip_hash_add(&hash, STRV("c"));
	keys[7] = sip_hash_key(&hash);
	assert_true(keys[7].a != keys[0].a);
}

static void test_a_number_is_never_given_twice(void **state)
{
	struct sip_slots slots = { 0 };
	uint64_t id[3000], again;
	int thing;

	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		id[i] = sip_slots_add(&slots, &id[i]);
		assert_true(id[i] != 0);
	}
	for (unsigned i = 0; i < 3000; i++)
		assert_ptr_equal(sip_slots_find(&slots, id[i]), &id[i]);
	sip_slots_remove(&slots, id[5]);
	sip_slots_remove(&slots, id[5]);
	assert_null(sip_slots_find(&slots, id[5]));
	again = sip_slots_add(&slots, &thing);
	assert_true(again != id[5]);
	assert_null(sip_slots_find(&slots, id[5]));
	assert_ptr_equal(sip_slots_find(&slots, again), &thing);
	assert_null(sip_slots_find(&slots, 0));
	assert_null(sip_slots_find(&slots, UINT64_MAX));
	sip_slots_fini(&slots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_changes_agree_with_an_array),
		cmocka_unit_test(test_the_same_key_twice),
		cmocka_unit_test(test_cost_does_not_grow_with_how_many_live),
		cmocka_unit_test(test_keys_tell_pieces_apart),
		cmocka_unit_test(test_a_number_is_never_given_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
