/* SPDX-License-Identifier: Apache-2.0 */
/* tests/base/test_trace.c - trace ids, made and received (W3C Trace Context s3.2) */
#include "base/trace.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define ID    "0af7651916cd43dd8448eb211c80319c"
#define REST  "-b7ad6b7169203331-01"
#define ZEROS "00000000000000000000000000000000"

static const struct {
	const char *why, *value;
	int ret;
} rows[] = {
	{ "the example of the specification", "00-" ID REST, 0 },
	{ "blanks around it", " \t00-" ID REST " ", 0 },
	{ "a later version", "cc-" ID REST, 0 },
	{ "a later version with more behind", "cc-" ID REST "-what-the-future-holds", 0 },
	{ "a later version with more, not set off", "cc-" ID REST ".what", -1 },
	{ "version 00 with more behind", "00-" ID REST "-x", -1 },
	{ "the forbidden version", "ff-" ID REST, -1 },
	{ "all zero", "00-" ZEROS REST, -1 },
	{ "capitals", "00-0AF7651916CD43DD8448EB211C80319C" REST, -1 },
	{ "no hexadecimal digit", "00-0af7651916cd43dd8448eb211c80319g" REST, -1 },
	{ "no hexadecimal digit in the parent", "00-" ID "-b7ad6b716920333x-01", -1 },
	{ "no hexadecimal digit in the flags", "00-" ID "-b7ad6b7169203331-0x", -1 },
	{ "no hexadecimal digit in the version", "0x-" ID REST, -1 },
	{ "another sign between", "00_" ID REST, -1 },
	{ "too short", "00-" ID "-b7ad6b7169203331-0", -1 },
	{ "nothing", "", -1 },
	{ "a line break within", "00-" ID "-b7ad6b7169203331\n01", -1 },
};

static void an_id_is_two_numbers(void **state)
{
	struct trace_id id = { ID }, back;
	uint64_t half[2];

	(void)state;
	trace_pack(&id, half);
	assert_true(half[0] == UINT64_C(0x0af7651916cd43dd));
	assert_true(half[1] == UINT64_C(0x8448eb211c80319c));
	trace_unpack(half, &back);
	assert_string_equal(back.hex, ID);
	trace_pack(&(struct trace_id){ "" }, half);
	assert_true(half[0] == 0 && half[1] == 0);
}

static void received_ids_keep_to_the_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct trace_id id = { "untouched" };
		int ret = trace_parse(strv_of(rows[i].value), &id);

		if (ret != rows[i].ret || strcmp(id.hex, ret ? "untouched" : ID) != 0)
			fail_msg("%s: %d %s", rows[i].why, ret, id.hex);
	}
}

/* Each octet of a good one, changed to each other: never read beyond, never a wrong form taken. */
static void one_octet_changed(void **state)
{
	char value[] = "00-" ID REST;
	struct trace_id id;

	(void)state;
	for (size_t at = 0; at < sizeof(value) - 1; at++)
		for (int c = 0; c < 256; c++) {
			char old = value[at];

			value[at] = (char)c;
			if (trace_parse(strv_mem(value, sizeof(value) - 1), &id) == 0)
				assert_int_equal(strspn(id.hex, "0123456789abcdef"), TRACE_HEX);
			value[at] = old;
		}
}

enum { IDS = 2000, THREADS = 4 };

static void *make_ids(void *arg)
{
	struct trace_id *ids = arg;

	for (int i = 0; i < IDS; i++)
		trace_new(&ids[i]);
	return NULL;
}

static int by_hex(const void *a, const void *b)
{
	return strcmp(((const struct trace_id *)a)->hex, ((const struct trace_id *)b)->hex);
}

static void new_ids_are_well_formed_and_all_different(void **state)
{
	struct trace_id *ids = calloc(IDS * THREADS, sizeof(*ids)), parsed;
	pthread_t threads[THREADS];
	char value[64];

	(void)state;
	assert_non_null(ids);
	for (int t = 0; t < THREADS; t++)
		assert_int_equal(pthread_create(&threads[t], NULL, make_ids, ids + t * IDS), 0);
	for (int t = 0; t < THREADS; t++)
		assert_int_equal(pthread_join(threads[t], NULL), 0);
	qsort(ids, IDS * THREADS, sizeof(*ids), by_hex);
	for (int i = 0; i < IDS * THREADS; i++) {
		assert_true(i == 0 || strcmp(ids[i - 1].hex, ids[i].hex) != 0);
		strcpy(value, "00-");
		strcat(strcat(value, ids[i].hex), REST);
		assert_int_equal(trace_parse(strv_of(value), &parsed), 0);
		assert_string_equal(parsed.hex, ids[i].hex);
	}
	free(ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_is_two_numbers),
		cmocka_unit_test(received_ids_keep_to_the_form),
		cmocka_unit_test(one_octet_changed),
		cmocka_unit_test(new_ids_are_well_formed_and_all_different),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
