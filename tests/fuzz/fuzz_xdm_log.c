/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_xdm_log.c - any octets as an entry of a document's log, or as its head
 *
 * Beyond surviving: what is read as an entry is written and read again as the same entry, and a
 * head that is taken grows by one entry.
 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "xdms/xdm_log.h"

#define REQUIRE(condition)                                                      \
	do {                                                                    \
		if (!(condition)) {                                             \
			fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
			abort();                                                \
		}                                                               \
	} while (0)

static void as_entry(struct strv bytes, struct arena *arena)
{
	struct xdm_log_entry entry, back;
	struct strv once, twice;
	struct err err = { ERR_NONE, "" };

	if (xdm_log_decode(bytes, arena, &entry, &err) < 0) {
		REQUIRE(err.code == ERR_CORRUPT);
		return;
	}
	REQUIRE(xdm_log_kind_name(entry.kind)[0] != '?');
	once = xdm_log_encode(&entry, SIZE_MAX, arena);
	REQUIRE(once.n && xdm_log_decode(once, arena, &back, &err) == 0);
	twice = xdm_log_encode(&back, SIZE_MAX, arena);
	REQUIRE(strv_eq(once, twice));
}

static void as_head(struct strv bytes, struct arena *arena)
{
	const struct xdm_log_keep keep = { 16, 4096, 1000 };
	struct xdm_log_step step;
	uint64_t first, next;
	struct err err = { ERR_NONE, "" };

	if (!bytes.n || xdm_log_step(bytes, 100, 5000, &keep, arena, &step, &err) < 0)
		return;
	REQUIRE(xdm_log_range(step.head, &first, &next, &err) == 0);
	REQUIRE(next == step.number + 1 && first <= step.number && next - first <= keep.entries);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);

	REQUIRE(arena);
	as_entry(strv_mem(data, size), arena);
	as_head(strv_mem(data, size), arena);
	arena_free(&arena);
	return 0;
}
