/* SPDX-License-Identifier: Apache-2.0 */
/* tests/xdms/test_xcap_cond.c - entity tags and conditions, row by row */
#include "xdms/xcap_cond.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ETAG "\"6-2a\""

struct row {
	const char *why;
	const char *if_match, *if_none_match, *etag;
	int is_get;
	enum xcap_cond want;
};

static const struct row rows[] = {
	{ "no conditions", NULL, NULL, ETAG, 0, XCAP_COND_HOLDS },
	{ "no conditions, no document", NULL, NULL, "", 0, XCAP_COND_HOLDS },
	{ "the tag", ETAG, NULL, ETAG, 0, XCAP_COND_HOLDS },
	{ "another tag", "\"6-2b\"", NULL, ETAG, 0, XCAP_COND_FAILED },
	{ "in a list", "\"a\", " ETAG " ,\"b\"", NULL, ETAG, 0, XCAP_COND_HOLDS },
	{ "a comma within the quotes", "\"a,6-2a\"", NULL, ETAG, 0, XCAP_COND_FAILED },
	{ "without quotes", "6-2a", NULL, ETAG, 0, XCAP_COND_HOLDS },
	{ "weak tags never match with If-Match", "W/" ETAG, NULL, ETAG, 0, XCAP_COND_FAILED },
	{ "any, and there is one", "*", NULL, ETAG, 0, XCAP_COND_HOLDS },
	{ "any, and there is none", "*", NULL, "", 0, XCAP_COND_FAILED },
	{ "a tag, and there is no document", ETAG, NULL, "", 0, XCAP_COND_FAILED },
	{ "empty elements of a list", ", " ETAG ",,", NULL, ETAG, 0, XCAP_COND_HOLDS },
	{ "no end of the quotes", "\"6-2a", NULL, ETAG, 0, XCAP_COND_SYNTAX },
	{ "two tags without a comma", ETAG " " ETAG, NULL, ETAG, 0, XCAP_COND_SYNTAX },
	{ "create only, and it exists", NULL, "*", ETAG, 0, XCAP_COND_FAILED },
	{ "create only, and it does not", NULL, "*", "", 0, XCAP_COND_HOLDS },
	{ "unless it is this version", NULL, ETAG, ETAG, 0, XCAP_COND_FAILED },
	{ "not modified", NULL, ETAG, ETAG, 1, XCAP_COND_NOT_MODIFIED },
	{ "not modified, weakly", NULL, "W/" ETAG, ETAG, 1, XCAP_COND_NOT_MODIFIED },
	{ "modified", NULL, "\"6-29\"", ETAG, 1, XCAP_COND_HOLDS },
	{ "If-Match comes first", "\"x\"", ETAG, ETAG, 1, XCAP_COND_FAILED },
	{ "a broken second field", ETAG, "\"", ETAG, 1, XCAP_COND_SYNTAX },
};

static void test_rows(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		enum xcap_cond got =
			xcap_cond_check(strv_of(row->if_match), strv_of(row->if_none_match),
					strv_of(row->etag), row->is_get);

		if (got != row->want)
			fail_msg("%s: %d, not %d", row->why, (int)got, (int)row->want);
	}
}

static void test_print(void **state)
{
	char etag[XCAP_ETAG_BYTES];

	(void)state;
	assert_int_equal(xcap_etag_print(6, 42, etag), 6);
	assert_string_equal(etag, ETAG);
	assert_int_equal(xcap_etag_print(UINT64_MAX, UINT64_MAX, etag), 35);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
