/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_xcap_diff_read.c - any octets as a NOTIFY's xcap-diff document */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

#include "base/xml.h"
#include "xdms/xcap_diff_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int ready;
	struct arena *arena = arena_new(0);
	struct xcap_diff_told *told;
	struct err err;
	unsigned n;

	if (!arena || (!ready && xml_init(NULL, NULL) < 0))
		abort();
	ready = 1;
	if (xcap_diff_read(strv_mem(data, size), arena, &told, &n, &err) == 0) {
		for (unsigned i = 0; i < n; i++)
			if (!strv_starts(told[i].name, STRV("x/")) ||
			    memchr(told[i].name.p, '\0', told[i].name.n))
				abort();
	} else if (err.code != ERR_SYNTAX && err.code != ERR_LIMIT) {
		abort();
	}
	arena_free(&arena);
	return 0;
}
