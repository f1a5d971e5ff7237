/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_urilist.c - any octets as a list of recipients; what is shown of it can be read
 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/xml.h"
#include "cpm/urilist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int ready;
	struct arena *arena = arena_new(0);
	struct urilist list;
	struct strv bytes;
	struct err err;

	if (!arena || (!ready && xml_init(NULL, NULL) < 0))
		abort();
	ready = 1;
	if (urilist_parse(strv_mem(data, size), 100, NULL, arena, &list, &err) == 0 &&
	    urilist_history(&list, URILIST_TO, arena, &bytes, &err) == 1 &&
	    urilist_parse(bytes, 102, NULL, arena, &list, &err) < 0 && err.code != ERR_LIMIT) {
		fprintf(stderr, "%s:\n%.*s", err.text, STRV_ARG(bytes));
		abort();
	}
	arena_free(&arena);
	return 0;
}
