/* SPDX-License-Identifier: Apache-2.0 */
/* Records of facts: what is read is written in the same octets, and can be judged. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "policy/pol_eval.h"
#include "policy/pol_facts.h"

#define MUST(condition)           \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pol_layers layers = { .n_user = 0 };
	unsigned char again[16384];
	struct pol_verdict verdict;
	struct pol_facts facts;
	struct err err = { 0 };

	if (pol_facts_decode(strv_mem(data, size), &facts, &err) < 0) {
		MUST(err.code == ERR_CORRUPT && !facts.n_ids);
		return 0;
	}
	MUST(pol_facts_encode(&facts, again, sizeof(again)) == size);
	MUST(memcmp(again, data, size) == 0);
	MUST(pol_eval(&layers, &facts, &verdict) == 0);
	return 0;
}
