/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/test_anomaly.c - each anomalous request through fence, parser, answers and edits
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sip/sip_msg.h"
#include "tests/sip/anomaly.h"
#include "tests/sip/walk.h"

static const struct anomaly_ids ids = { "example.com", 5060, "192.0.2.77:5099", "UDP" };

static void run(const char *method)
{
	unsigned seen[3] = { 0 };
	char *text = malloc(ANOMALY_MAX_BYTES);
	size_t n = anomaly_count();

	assert_non_null(text);
	assert_true(n >= 4527); /* as many as the suite that this follows */
	for (size_t i = 0; i <= n; i++) {
		size_t bytes = anomaly_make(method, i, &ids, text);
		char *exact = malloc(bytes ? bytes : 1);
		enum walk_result result;

		assert_non_null(exact);
		memcpy(exact, text, bytes);
		result = walk_message(strv_mem(exact, bytes), 0, 1);
		walk_message(strv_mem(exact, bytes), 1, 0);
		seen[result]++;
		if (i == n)
			assert_int_equal(result, WALK_PASSED); /* the valid one */
		free(exact);
	}
	print_message("%s: %u passed, %u refused, %u dropped\n", method, seen[WALK_PASSED],
		      seen[WALK_REFUSED], seen[WALK_DROPPED]);
	assert_true(seen[WALK_PASSED] > 1000 && seen[WALK_REFUSED] > 2000);
	free(text);
}

static void invites(void **state)
{
	(void)state;
	run("INVITE");
}

static void messages(void **state)
{
	(void)state;
	run("MESSAGE");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(invites),
		cmocka_unit_test(messages),
	};
	struct err err;

	if (sip_msg_init(&err) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
