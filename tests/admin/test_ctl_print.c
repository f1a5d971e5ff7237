/* SPDX-License-Identifier: Apache-2.0 */
/* tests/admin/test_ctl_print.c - what cpmctl shows: sizes, spans, bars, and nothing that deceives
 */
#include "daemon/cpmctl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void test_bytes(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {
		{ 0, "0 B" },
		{ 1023, "1023 B" },
		{ 1024, "1.0 kB" },
		{ 1536, "1.5 kB" },
		{ 102400, "100 kB" },
		{ 1048575, "1.0 MB" },
		{ UINT64_C(5) << 30, "5.0 GB" },
		{ UINT64_MAX, "16.0 EB" },
	};
	char buf[32];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(ctl_bytes_text(buf, rows[i].bytes), rows[i].text);
}

static void test_spans(void **state)
{
	static const struct {
		uint64_t ms;
		const char *text;
	} rows[] = {
		{ 0, "0.0 s" },		 { 1250, "1.2 s" },	     { 59999, "59 s" },
		{ 60000, "1 min 0 s" },	 { 3599000, "59 min 59 s" }, { 7260000, "2 h 1 min" },
		{ 90000000, "1 d 1 h" },
	};
	char buf[32];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(ctl_span_text(buf, rows[i].ms), rows[i].text);
}

static void test_safe(void **state)
{
	static const struct {
		const char *why, *in, *out;
	} rows[] = {
		{ "plain", "sip:a@x", "sip:a@x" },
		{ "letters of the world", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
		  "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "escape sequences", "\033[2Jx", "\\x1b[2Jx" },
		{ "line ends", "a\nb\rc", "a\\x0ab\\x0dc" },
		{ "DEL", "\x7f", "\\x7f" },
		{ "C1 control",
		  "\xc2\x9b"
		  "31m",
		  "\\xc2\\x9b"
		  "31m" },
		{ "right-to-left override",
		  "\xe2\x80\xae"
		  "x",
		  "\\xe2\\x80\\xae"
		  "x" },
		{ "isolate", "\xe2\x81\xa6", "\\xe2\\x81\\xa6" },
		{ "line separator", "\xe2\x80\xa8", "\\xe2\\x80\\xa8" },
		{ "not UTF-8", "a\xff", "a\\xff" },
		{ "cut", "\xe2\x82", "\\xe2\\x82" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text;
		size_t bytes;
		FILE *out = open_memstream(&text, &bytes);

		ctl_print_safe(out, rows[i].in);
		fclose(out);
		if (strcmp(text, rows[i].out) != 0)
			fail_msg("%s: %s", rows[i].why, text);
		free(text);
	}
}

static void test_bar(void **state)
{
	static const struct {
		const char *why;
		unsigned width;
		enum ctl_unit unit;
		uint64_t done, total, elapsed_ms;
		const char *text;
	} rows[] = {
		{ "the beginning", 80, CTL_BYTES, 0, 4096, 0,
		  "backup [........................................]   0 % 0 B of 4.0 kB" },
		{ "half", 90, CTL_BYTES, 10 << 20, 20 << 20, 5000,
		  "backup [################................]  50 % 10.0 MB of 20.0 MB, 2.0 MB/s, "
		  "5.0 s "
		  "left" },
		{ "the end", 80, CTL_RECORDS, 500, 500, 2000,
		  "backup [#####################] 100 % 500 records of 500 records, 250 "
		  "records/s" },
		{ "more than all", 80, CTL_RECORDS, 600, 500, 0,
		  "backup [####################################] 100 % 600 records of 500 "
		  "records" },
		{ "nobody knows how much", 80, CTL_BYTES, 2048, 0, 1000,
		  "backup 2.0 kB, 2.0 kB/s" },
		{ "a narrow terminal has no bar", 40, CTL_BYTES, 10 << 20, 20 << 20, 5000,
		  "backup  50 % 10.0 MB of 20.0 MB, 2.0 MB/" },
	};
	char buf[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ctl_progress_line(buf, sizeof(buf), rows[i].width, "backup", rows[i].unit,
				  rows[i].done, rows[i].total, rows[i].elapsed_ms);
		if (strcmp(buf, rows[i].text) != 0)
			fail_msg("%s: \"%s\"", rows[i].why, buf);
		assert_true(strlen(buf) <= rows[i].width);
	}
}

static void test_members(void **state)
{
	json_t *json = json_pack("{s:s, s:s, s:i, s:i, s:b}", "a", "x", "b64", "eA==", "n", 7,
				 "neg", -1, "t", 1);

	(void)state;
	assert_string_equal(ctl_text(json, "a"), "x");
	assert_string_equal(ctl_text(json, "b"), "eA==");
	assert_string_equal(ctl_text(json, "n"), "");
	assert_string_equal(ctl_text(NULL, "a"), "");
	assert_int_equal(ctl_number(json, "n"), 7);
	assert_int_equal(ctl_number(json, "neg"), 0);
	assert_int_equal(ctl_number(json, "t"), 0);
	assert_int_equal(ctl_number(NULL, "t"), 0);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),	cmocka_unit_test(test_spans),
		cmocka_unit_test(test_safe),	cmocka_unit_test(test_bar),
		cmocka_unit_test(test_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
