/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_reginfo.c - any octets as application/reginfo+xml of another registrar
 *
 * What is kept of it can be a user's bindings, and has nothing in it that would end a header line.
 */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

#include "base/xml.h"
#include "sip/core/reginfo.h"

static void check(struct strv text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct reginfo_source source = { .path = STRV("<sip:s;lr>"), .now_us = 1 };
	static int ready;
	struct arena *arena = arena_new(0);
	struct reginfo *info;
	struct loc_user draft;

	if (!arena || (!ready && xml_init(NULL, NULL) < 0))
		abort();
	ready = 1;
	if (reginfo_parse(strv_mem(data, size), arena, &info, NULL) == 0) {
		struct strv home = info->n_regs ? info->reg[0].aor : STRV("sip:a@h");

		for (unsigned i = 0; i < info->n_regs; i++)
			info->reg[i].home = info->reg[i].aor;
		if (reginfo_merge(info, &source, home, NULL, arena, &draft) == 1) {
			const struct loc_user *user = NULL;

			for (unsigned i = 0; i < draft.n_bindings; i++) {
				check(draft.bindings[i].uri);
				check(draft.bindings[i].params);
				check(draft.bindings[i].call_id);
			}
			if (home.n <= KV_OWNER_MAX && !(user = loc_user_new(&draft)))
				abort();
			loc_user_drop(&user);
		}
	}
	arena_free(&arena);
	return 0;
}
