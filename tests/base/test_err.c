/* SPDX-License-Identifier: Apache-2.0 */
/* tests/base/test_err.c - errors: codes, sentences, cutting */
#include "base/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void setting_fails_the_caller(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(err_set(&err, ERR_ABSENT, "no element \"%s\"", "list"), -1);
	assert_int_equal(err.code, ERR_ABSENT);
	assert_string_equal(err.text, "no element \"list\"");
	assert_int_equal(err_set(NULL, ERR_ABSENT, "nobody asked"), -1);
	assert_int_equal(err_sys(NULL, ERR_IO, EIO, "nobody asked"), -1);
	err_prefix(NULL, "nobody");
}

static void system_errors_say_why(void **state)
{
	static const struct {
		int errnum;
		enum err_code given, code;
	} rows[] = {
		{ EIO, ERR_IO, ERR_IO },
		{ ENOSPC, ERR_IO, ERR_SPACE },
		{ EDQUOT, ERR_IO, ERR_SPACE },
		{ ENOMEM, ERR_IO, ERR_NOMEM },
		{ EACCES, ERR_DENIED, ERR_DENIED },
	};
	struct err err;
	char want[ERR_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(err_sys(&err, rows[i].given, rows[i].errnum, "open %s", "x"), -1);
		assert_int_equal(err.code, rows[i].code);
		snprintf(want, sizeof(want), "open x: %s", strerror(rows[i].errnum));
		assert_string_equal(err.text, want);
	}
}

static void who_asked_stands_in_front(void **state)
{
	struct err err;

	(void)state;
	err_set(&err, ERR_SYNTAX, "no colon");
	err_prefix(&err, "line %d", 3);
	err_prefix(&err, "%s", "file");
	assert_int_equal(err.code, ERR_SYNTAX);
	assert_string_equal(err.text, "file: line 3: no colon");
}

/* For each length around the end of the text: always terminated, and cut only at the end. */
static void what_does_not_fit_is_cut(void **state)
{
	char long_text[2 * ERR_TEXT_BYTES], want[4 * ERR_TEXT_BYTES];
	struct err err;

	(void)state;
	for (size_t n = ERR_TEXT_BYTES - 80; n < ERR_TEXT_BYTES + 8; n++) {
		memset(long_text, 'x', n);
		long_text[n] = '\0';
		memset(&err, 'y', sizeof(err));
		err_set(&err, ERR_IO, "%s", long_text);
		assert_int_equal(strlen(err.text), n < ERR_TEXT_BYTES ? n : ERR_TEXT_BYTES - 1);

		memset(&err, 'y', sizeof(err));
		err_sys(&err, ERR_IO, EIO, "%s", long_text);
		snprintf(want, sizeof(want), "%s: %s", long_text, strerror(EIO));
		assert_non_null(memchr(err.text, '\0', sizeof(err.text)));
		assert_memory_equal(err.text, want, strlen(err.text));
		if (strlen(want) < ERR_TEXT_BYTES)
			assert_string_equal(err.text, want);

		err_set(&err, ERR_IO, "why");
		err_prefix(&err, "%s", long_text);
		snprintf(want, sizeof(want), "%s: why", long_text);
		assert_non_null(memchr(err.text, '\0', sizeof(err.text)));
		assert_memory_equal(err.text, want, strlen(err.text));
	}
}

static void every_code_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < ERR_CODES; i++) {
		assert_non_null(err_code_name((enum err_code)i));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(err_code_name((enum err_code)i),
						err_code_name((enum err_code)j));
	}
	assert_string_equal(err_code_name(ERR_CONFLICT), "conflict");
	assert_string_equal(err_code_name(ERR_CODES), "unknown");
	assert_string_equal(err_code_name((enum err_code) - 1), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(setting_fails_the_caller),
		cmocka_unit_test(system_errors_say_why),
		cmocka_unit_test(who_asked_stands_in_front),
		cmocka_unit_test(what_does_not_fit_is_cut),
		cmocka_unit_test(every_code_has_a_name_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
