/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sip/test_stun.c - keep-alives that ask for an address, and what is none */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "sip/sip_stun.h"

#define ID     "\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"
#define ASK(n) "\x00\x01\x00" n ID

static const struct {
	const char *why;
	struct strv bytes;
	int is;
} rows[] = {
	{ "a request", STRV(ASK("\x00")), 1 },
	{ "with what need not be understood", STRV(ASK("\x08") "\x80\x22\x00\x03tes\0"), 1 },
	{ "with what must be", STRV(ASK("\x08") "\x00\x24\x00\x04\x6e\x00\x01\xff"), 0 },
	{ "an attribute past the end", STRV(ASK("\x08") "\x80\x22\x00\x05test"), 0 },
	{ "half an attribute", STRV(ASK("\x02") "\x80\x22"), 0 },
	{ "longer than it says", STRV(ASK("\x00") "abcd"), 0 },
	{ "shorter than it says", STRV(ASK("\x04")), 0 },
	{ "an answer", STRV("\x01\x01\x00\x00" ID), 0 },
	{ "another cookie", STRV("\x00\x01\x00\x00\x21\x12\xa4\x43zzzzzzzzzzzz"), 0 },
	{ "cut short", STRV("\x00\x01\x00\x00\x21\x12\xa4"), 0 },
	{ "nothing", STRV(""), 0 },
};

static void test_rows(void **state)
{
	struct sip_addr source;
	unsigned char answer[SIP_STUN_ANSWER_MAX];

	(void)state;
	assert_int_equal(sip_addr_parse(STRV("192.0.2.1"), 32853, &source), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if ((sip_stun_answer(rows[i].bytes, &source, answer) != 0) != rows[i].is)
			fail_msg("%s: not %d", rows[i].why, rows[i].is);
}

/* The addresses of RFC 5769 s2.2 and s2.3, which have this transaction id. */
static void test_answers(void **state)
{
	static const char v4[] = "\x01\x01\x00\x0c" ID "\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12"
				 "\xa6\x43";
	static const char v6[] = "\x01\x01\x00\x18" ID "\x00\x20\x00\x14\x00\x02\xa1\x47"
				 "\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9";
	struct sip_addr source;
	unsigned char answer[SIP_STUN_ANSWER_MAX];

	(void)state;
	assert_int_equal(sip_addr_parse(STRV("192.0.2.1"), 32853, &source), 0);
	assert_int_equal(sip_stun_answer(STRV(ASK("\x00")), &source, answer), 32);
	assert_memory_equal(answer, v4, 32);
	assert_int_equal(sip_addr_parse(STRV("2001:db8:1234:5678:11:2233:4455:6677"), 32853,
					&source),
			 0);
	assert_int_equal(sip_stun_answer(STRV(ASK("\x00")), &source, answer), 44);
	assert_memory_equal(answer, v6, 44);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
