/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_sip_sdp.c - any octets as a session description
 *
 * What is taken is printed, and the print is taken again and printed the same.
 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "sip/sip_osip.h"
#include "sip/sip_sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct sip_sdp *sdp, *again;
	struct strv first, second;
	struct err err;

	if (!arena || sip_osip_init(NULL) < 0)
		abort();
	if (sip_sdp_parse(strv_mem(data, size), arena, &sdp, &err) == 0) {
		first = sip_sdp_print(sdp, arena);
		if (sip_sdp_parse(first, arena, &again, &err) < 0) {
			fprintf(stderr, "%s:\n%.*s", err.text, STRV_ARG(first));
			abort();
		}
		second = sip_sdp_print(again, arena);
		if (!strv_eq(first, second)) {
			fprintf(stderr, "%.*s---\n%.*s", STRV_ARG(first), STRV_ARG(second));
			abort();
		}
	}
	arena_free(&arena);
	return 0;
}
