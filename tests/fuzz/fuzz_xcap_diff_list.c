/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_xcap_diff_list.c - any octets as the body of SUBSCRIBE for xcap-diff
 *
 * Beyond surviving: no URI, however it is written, lets a user see what is neither their own nor
 * the global tree's.
 */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

#include "base/xml.h"
#include "xdms/xcap_diff_list.h"

#define MUST(cond)               \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

static struct xcap_rules rules = { .root = { "/xcap-root", 10 } };

static int canonical(void *arg, struct strv xui, struct arena *arena, struct strv *out)
{
	(void)arg;
	(void)arena;
	*out = xui;
	return xui.n ? 0 : -1;
}

static void look(struct strv uri, struct arena *arena)
{
	const struct xcap_who alice = { STRV("sip:alice@x"), STRV("sip:alice@x"), 0 };
	const struct xcap_who root = { STRV("sip:root@x"), STRV("sip:root@x"), 1 };
	struct xcap_interest in;

	MUST(xcap_interest_read(&rules, uri, &root, arena, &in) == 0);
	MUST(xcap_interest_read(&rules, uri, &alice, arena, &in) == 0);
	if (in.kind == XCAP_INTEREST_NONE)
		return;
	MUST(strv_starts(in.name, STRV("x/")));
	/* Of others no folders, and documents only if they are asked. */
	MUST(!in.is_foreign || in.kind != XCAP_INTEREST_COLLECTION);
	MUST(in.is_foreign || strv_eq(in.owner, alice.home) ||
	     strv_eq(in.owner, STRV(XDM_GLOBAL_OWNER)));
	MUST((in.kind == XCAP_INTEREST_COLLECTION) == (in.name.p[in.name.n - 1] == '/'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct auid_table *table;
	struct arena *arena = arena_new(0);
	struct strv *uri;
	struct err err;
	unsigned n;

	if (!table) {
		MUST(xml_init(TEST_SCHEMA_DIR, NULL) == 0 && auid_table_open(1, &table, NULL) == 0);
		rules.table = table;
		rules.canonical = canonical;
	}
	MUST(arena);
	look(strv_mem(data, size), arena);
	if (xcap_diff_list_parse(strv_mem(data, size), 50, arena, &uri, &n, &err) == 0) {
		MUST(n <= 50);
		for (unsigned i = 0; i < n; i++)
			look(uri[i], arena);
	} else {
		MUST(err.code == ERR_SYNTAX || err.code == ERR_LIMIT);
	}
	arena_free(&arena);
	return 0;
}
