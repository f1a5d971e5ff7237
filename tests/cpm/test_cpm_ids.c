/* SPDX-License-Identifier: Apache-2.0 */
/* Ids of conversations: spelling, new ones, names made of them; and "is typing". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/xml.h"
#include "cpm/composing.h"
#include "cpm/cpm_ids.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_ids(void **state)
{
	static const struct {
		const char *why, *value;
		const char *name; /* NULL: refused */
	} rows[] = {
		{ "hexadecimal", " 0123abcd ", "0123abcd" },
		{ "like a Call-ID", "f81d4fae-7dec@x.example", "f81d4fae-7dec@x.example" },
		{ "a path", "../../etc", "%2E.%2F..%2Fetc" },
		{ "wildcards", "a*b%c\\d\"", "a%2Ab%25c%5Cd%22" },
		{ "empty", "", NULL },
		{ "two words", "a b", NULL },
		{ "two at signs", "a@b@c", NULL },
		{ "nothing behind it", "a@", NULL },
		{ "a parameter", "a;b", NULL },
		{ "control octet", "a\001", NULL },
		{ "not ASCII", "\xc3\xa9", NULL },
	};
	char name[CPM_ID_NAME_BYTES], made[CPM_ID_BYTES], longest[CPM_ID_MAX + 1];
	unsigned char random[CPM_ID_RANDOM_BYTES] = { 0x0f, 0xa5 };
	struct strv id;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int ret = cpm_id_parse(strv_of(rows[i].value), &id, NULL);

		if (ret != (rows[i].name ? 0 : -1))
			fail_msg("%s: %d", rows[i].why, ret);
		if (ret == 0) {
			assert_int_equal(cpm_id_name(id, name, NULL), 0);
			assert_string_equal(name, rows[i].name);
		}
	}
	memset(longest, '/', sizeof(longest));
	assert_int_equal(cpm_id_parse(strv_mem(longest, CPM_ID_MAX), &id, NULL), 0);
	assert_int_equal(cpm_id_name(id, name, NULL), 0);
	assert_int_equal(cpm_id_parse(strv_mem(longest, CPM_ID_MAX + 1), &id, NULL), -1);
	cpm_id_make(random, made);
	assert_string_equal(made, "0fa50000000000000000000000000000");
}

#define BODY(x) "<isComposing xmlns=\"urn:ietf:params:xml:ns:im-iscomposing\">" x "</isComposing>"

static void test_composing(void **state)
{
	static const struct {
		const char *why, *bytes;
		int ret, is_active;
		unsigned refresh_s;
	} rows[] = {
		{ "active", BODY("<state>active</state><refresh>90</refresh>"), 0, 1, 90 },
		{ "idle", BODY("<state>\n idle </state>"), 0, 0, 120 },
		{ "any other word", BODY("<state>asleep</state>"), 0, 0, 120 },
		{ "foreign elements", BODY("<x xmlns=\"urn:x\"/><state>active</state>"), 0, 1,
		  120 },
		{ "no state", BODY(""), -1, 0, 0 },
		{ "no number", BODY("<state>active</state><refresh>-1</refresh>"), -1, 0, 0 },
		{ "no namespace", "<isComposing><state>active</state></isComposing>", -1, 0, 0 },
		{ "a document type", "<!DOCTYPE a>" BODY("<state>active</state>"), -1, 0, 0 },
		{ "nothing", "", -1, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct composing composing;
		int ret = composing_parse(strv_of(rows[i].bytes), &composing, NULL);

		if (ret != rows[i].ret || (ret == 0 && (composing.is_active != rows[i].is_active ||
							composing.refresh_s != rows[i].refresh_s)))
			fail_msg("%s: %d %d %u", rows[i].why, ret, composing.is_active,
				 composing.refresh_s);
	}
	assert_true(composing_is(STRV("Application/im-iscomposing+xml;charset=utf-8")));
	assert_false(composing_is(STRV("text/plain")));
}

static int set_up(void **state)
{
	(void)state;
	return xml_init(NULL, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	xml_fini();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_composing),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
