/* SPDX-License-Identifier: Apache-2.0 */
/* tests/base/test_arena.c - arenas: alignment, limits, reuse, ownership */
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void pieces_are_aligned_and_apart(void **state)
{
	struct arena *arena = arena_new(0);
	char *pieces[2000];
	size_t sizes[2000];

	(void)state;
	assert_non_null(arena);
	for (int i = 0; i < 2000; i++) {
		sizes[i] = (size_t)(i * 7 % 900);
		pieces[i] = arena_alloc(arena, sizes[i]);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
		assert_true(sizes[i] == 0 || arena_owns(arena, pieces[i]));
		memset(pieces[i], i & 0xff, sizes[i]);
	}
	for (int i = 0; i < 2000; i++)
		for (size_t j = 0; j < sizes[i]; j++)
			assert_int_equal((unsigned char)pieces[i][j], i & 0xff);
	arena_free(&arena);
	assert_null(arena);
	arena_free(&arena);
}

static void a_large_piece_gets_its_own(void **state)
{
	struct arena *arena = arena_new(0);
	char *p = arena_alloc(arena, 3 << 20);

	(void)state;
	assert_non_null(p);
	p[0] = p[(3 << 20) - 1] = 1;
	assert_true(arena_owns(arena, p + (3 << 20) - 1));
	assert_true(arena_used(arena) >= 3 << 20);
	arena_free(&arena);
}

static void the_limit_is_an_ordinary_error(void **state)
{
	struct arena *arena = arena_new(10000);

	(void)state;
	assert_null(arena_alloc(arena, 10001));
	assert_int_equal(arena_used(arena), 0);
	assert_non_null(arena_alloc(arena, 6000));
	assert_null(arena_alloc(arena, 6000));
	/* What is refused takes nothing away. */
	assert_non_null(arena_alloc(arena, 3900));
	assert_null(arena_alloc(arena, 200));
	arena_reset(arena);
	assert_non_null(arena_alloc(arena, 9000));
	arena_free(&arena);
}

static void sizes_that_overflow_are_refused(void **state)
{
	struct arena *arena = arena_new(0);
	volatile size_t huge = SIZE_MAX;

	(void)state;
	assert_null(arena_alloc(arena, huge));
	assert_null(arena_alloc(arena, huge - 8));
	assert_null(arena_zalloc(arena, huge / 2, 3));
	assert_null(arena_strdup(arena, (struct strv){ "x", huge }));
	assert_int_equal(arena_used(arena), 0);
	arena_free(&arena);
}

static void a_reset_forgets_and_keeps_the_first_piece(void **state)
{
	struct arena *arena = arena_new(0);
	char *first = arena_alloc(arena, 100), *far;

	(void)state;
	far = arena_alloc(arena, 100000);
	assert_non_null(far);
	arena_reset(arena);
	assert_int_equal(arena_used(arena), 0);
	assert_true(arena_owns(arena, first));
	assert_ptr_equal(arena_alloc(arena, 100), first);
	arena_free(&arena);
}

static void cleared_memory_is_cleared_after_reuse(void **state)
{
	struct arena *arena = arena_new(0);
	char *p = arena_alloc(arena, 256);

	(void)state;
	memset(p, 0xff, 256);
	arena_reset(arena);
	p = arena_zalloc(arena, 64, 4);
	assert_non_null(p);
	for (int i = 0; i < 256; i++)
		assert_int_equal(p[i], 0);
	arena_free(&arena);
}

static void texts(void **state)
{
	struct arena *arena = arena_new(0);
	char long_text[9000];

	(void)state;
	assert_string_equal(arena_strdup(arena, STRV("abc")), "abc");
	assert_string_equal(arena_strdup(arena, (struct strv){ NULL, 0 }), "");
	assert_memory_equal(arena_strdup(arena, STRV("a\0b")), "a\0b", 4);
	assert_string_equal(arena_printf(arena, "%s=%d", "n", 5), "n=5");
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	assert_string_equal(arena_printf(arena, "%s", long_text), long_text);
	arena_free(&arena);
	arena = arena_new(16);
	assert_null(arena_printf(arena, "%s", long_text));
	assert_null(arena_strdup(arena, strv_of(long_text)));
	arena_free(&arena);
}

static void others_memory_is_not_owned(void **state)
{
	struct arena *arena = arena_new(0), *other = arena_new(0);
	char local;

	(void)state;
	assert_false(arena_owns(arena, &local));
	assert_false(arena_owns(arena, NULL));
	assert_false(arena_owns(arena, arena_alloc(other, 10)));
	arena_free(&arena);
	arena_free(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_aligned_and_apart),
		cmocka_unit_test(a_large_piece_gets_its_own),
		cmocka_unit_test(the_limit_is_an_ordinary_error),
		cmocka_unit_test(sizes_that_overflow_are_refused),
		cmocka_unit_test(a_reset_forgets_and_keeps_the_first_piece),
		cmocka_unit_test(cleared_memory_is_cleared_after_reuse),
		cmocka_unit_test(texts),
		cmocka_unit_test(others_memory_is_not_owned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
