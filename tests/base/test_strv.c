/* SPDX-License-Identifier: Apache-2.0 */
/* tests/base/test_strv.c - string views */
#include "base/strv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void views_compare_by_octets(void **state)
{
	static const struct {
		const char *why;
		struct strv a, b;
		int order;
	} rows[] = {
		{ "equal", STRV("abc"), STRV("abc"), 0 },
		{ "both empty", STRV(""), { NULL, 0 }, 0 },
		{ "the shorter first", STRV("ab"), STRV("abc"), -1 },
		{ "empty first", { NULL, 0 }, STRV("a"), -1 },
		{ "octets have no sign", STRV("\x80"), STRV("a"), 1 },
		{ "NUL is an octet", STRV("a\0b"), STRV("a\0a"), 1 },
		{ "NUL before the end", STRV("a"), STRV("a\0"), -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int c = strv_cmp(rows[i].a, rows[i].b), back = strv_cmp(rows[i].b, rows[i].a);

		if ((c > 0) - (c < 0) != rows[i].order ||
		    (back > 0) - (back < 0) != -rows[i].order ||
		    strv_eq(rows[i].a, rows[i].b) != (rows[i].order == 0))
			fail_msg("%s", rows[i].why);
	}
}

static void case_is_ignored_for_ascii_only(void **state)
{
	(void)state;
	assert_true(strv_caseeq(STRV("Content-Type"), STRV("cONTENT-tYPE")));
	assert_true(strv_caseeq(STRV(""), (struct strv){ NULL, 0 }));
	assert_false(strv_caseeq(STRV("a"), STRV("ab")));
	/* '@' and '`', '[' and '{' differ by the bit that tells cases apart. */
	assert_false(strv_caseeq(STRV("@["), STRV("`{")));
	assert_false(strv_caseeq(STRV("\xc4"), STRV("\xe4")));
}

static void beginnings(void **state)
{
	(void)state;
	assert_true(strv_starts(STRV("abc"), STRV("ab")));
	assert_true(strv_starts(STRV("abc"), STRV("abc")));
	assert_true(strv_starts(STRV("abc"), (struct strv){ NULL, 0 }));
	assert_true(strv_starts((struct strv){ NULL, 0 }, STRV("")));
	assert_false(strv_starts(STRV("ab"), STRV("abc")));
	assert_false(strv_starts(STRV("abc"), STRV("b")));
}

static void trimming(void **state)
{
	(void)state;
	assert_true(strv_eq(strv_trim(STRV(" \t a b\t ")), STRV("a b")));
	assert_true(strv_eq(strv_trim(STRV(" \t")), STRV("")));
	assert_true(strv_eq(strv_trim(STRV("")), STRV("")));
	/* Line ends are no blanks: what they mean is the caller's affair. */
	assert_true(strv_eq(strv_trim(STRV("a\r\n")), STRV("a\r\n")));
	assert_int_equal(strv_trim((struct strv){ NULL, 0 }).n, 0);
}

static void cutting(void **state)
{
	struct strv rest = STRV("a,,b"), head;

	(void)state;
	assert_int_equal(strv_cut(&rest, ',', &head), 1);
	assert_true(strv_eq(head, STRV("a")));
	assert_int_equal(strv_cut(&rest, ',', &head), 1);
	assert_true(strv_eq(head, STRV("")));
	assert_int_equal(strv_cut(&rest, ',', &head), 0);
	assert_true(strv_eq(head, STRV("b")));
	assert_int_equal(rest.n, 0);
	assert_int_equal(strv_cut(&rest, ',', &head), 0);
	assert_int_equal(head.n, 0);
	rest = (struct strv){ NULL, 0 };
	assert_int_equal(strv_cut(&rest, ',', &head), 0);
	assert_int_equal(head.n, 0);
}

static void numbers_are_digits_within_bounds(void **state)
{
	static const struct {
		const char *why;
		struct strv text;
		uint64_t max, value;
		int ret;
	} rows[] = {
		{ "nothing", STRV(""), 9, 0, -1 },
		{ "zero", STRV("0"), 0, 0, 0 },
		{ "one over a bound of zero", STRV("1"), 0, 0, -1 },
		{ "the bound", STRV("65535"), 65535, 65535, 0 },
		{ "one more", STRV("65536"), 65535, 0, -1 },
		{ "the bound with a digit more", STRV("655350"), 65535, 0, -1 },
		{ "zeros in front", STRV("000000000000000000000000007"), 9, 7, 0 },
		{ "a sign", STRV("+1"), 9, 0, -1 },
		{ "a minus", STRV("-1"), 9, 0, -1 },
		{ "a blank", STRV(" 1"), 9, 0, -1 },
		{ "a blank behind", STRV("1 "), 9, 0, -1 },
		{ "hexadecimal", STRV("0x1"), 99, 0, -1 },
		{ "NUL", STRV("1\0"), 99, 0, -1 },
		{ "Arabic-Indic digits", STRV("\xd9\xa1"), 99, 0, -1 },
		{ "the largest of all", STRV("18446744073709551615"), UINT64_MAX, UINT64_MAX, 0 },
		{ "one more than that", STRV("18446744073709551616"), UINT64_MAX, 0, -1 },
		{ "wrapping to a small one", STRV("18446744073709551617"), 99, 0, -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t value = 4711;

		if (strv_u64(rows[i].text, rows[i].max, &value) != rows[i].ret ||
		    value != (rows[i].ret ? 4711 : rows[i].value))
			fail_msg("%s", rows[i].why);
	}
}

static void copies_are_terminated(void **state)
{
	char *copy = strv_dup(STRV("a\0b"));

	(void)state;
	assert_non_null(copy);
	assert_memory_equal(copy, "a\0b", 4);
	free(copy);
	copy = strv_dup((struct strv){ NULL, 0 });
	assert_non_null(copy);
	assert_string_equal(copy, "");
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(views_compare_by_octets),
		cmocka_unit_test(case_is_ignored_for_ascii_only),
		cmocka_unit_test(beginnings),
		cmocka_unit_test(trimming),
		cmocka_unit_test(cutting),
		cmocka_unit_test(numbers_are_digits_within_bounds),
		cmocka_unit_test(copies_are_terminated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
