/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_cpm_message.c - messages as they lie in the store
 *
 * What is taken must be written again as it was.
 */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

#include "cpm/cpm_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strv record = strv_mem(data, size), again;
	struct arena *arena = arena_new(0);
	struct cpm_message *message;
	struct err err;

	if (arena && cpm_message_decode(record, &message, &err) == 0) {
		again = cpm_message_encode(message, arena);
		if (again.p && !strv_eq(again, record))
			abort();
		cpm_message_drop(&message);
	}
	arena_free(&arena);
	return 0;
}
