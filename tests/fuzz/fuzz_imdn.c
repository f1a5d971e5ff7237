/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_imdn.c - any octets as message/imdn+xml
 *
 * What is taken is written, and what was written is read and written the same.
 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/xml.h"
#include "cpm/imdn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int ready;
	struct arena *arena = arena_new(0);
	struct strv first, second;
	struct imdn imdn;
	struct err err;

	if (!arena || (!ready && xml_init(NULL, NULL) < 0))
		abort();
	ready = 1;
	if (imdn_parse(strv_mem(data, size), arena, &imdn, &err) == 0) {
		if (imdn_print(&imdn, arena, &first, &err) < 0 ||
		    imdn_parse(first, arena, &imdn, &err) < 0 ||
		    imdn_print(&imdn, arena, &second, &err) < 0) {
			/* Escaping makes a text longer, so at the bound it may be refused. */
			if (err.code != ERR_LIMIT) {
				fprintf(stderr, "%s\n", err.text);
				abort();
			}
		} else if (!strv_eq(first, second)) {
			fprintf(stderr, "%.*s---\n%.*s", STRV_ARG(first), STRV_ARG(second));
			abort();
		}
	}
	imdn_asked(strv_mem(data, size));
	arena_free(&arena);
	return 0;
}
