/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_vcard.c - any octets as a file of vCards; what is written of them is read as the
 * same */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "cab/cab_charset.h"
#include "cab/vcard.h"
#include "xdms/xcap_text.h"

static void broken(const char *what, struct strv text)
{
	fprintf(stderr, "%s:\n%.*s\n", what, STRV_ARG(text));
	abort();
}

/* CARD written as 4.0 comes back, and is then written the same. */
static void check_card(const struct vcard *card, struct arena *arena)
{
	struct cab_buf once = { 0 }, twice = { 0 };
	struct vcard_reader reader;
	struct vcard again;
	struct err err;

	vcard_print(card, VCARD_4_0, &once);
	if (once.failed)
		abort();
	if (!xcap_utf8_valid(cab_buf_text(&once)))
		broken("not UTF-8", cab_buf_text(&once));
	vcard_reader_init(&reader, cab_buf_text(&once), NULL);
	if (vcard_read(&reader, arena, &again, &err) != 1 || again.n != card->n ||
	    (again.faults & ~(unsigned)VCARD_FAULT_LIMIT))
		broken("not read as written", cab_buf_text(&once));
	vcard_print(&again, VCARD_4_0, &twice);
	if (!strv_eq(cab_buf_text(&once), cab_buf_text(&twice)))
		broken("not written as read", cab_buf_text(&once));
	cab_buf_fini(&once);
	cab_buf_fini(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct vcard_limits limits = { 4000, 2000, 40, 10 };
	struct arena *arena = arena_new(0);
	struct vcard_reader reader;
	struct vcard card;
	struct strv text;
	struct err err;
	int ret;

	if (!arena || cab_charset_file(strv_mem(data, size), arena, &text, &err) < 0)
		abort();
	vcard_reader_init(&reader, text, &limits);
	while ((ret = vcard_read(&reader, arena, &card, &err)) != 0)
		if (ret > 0)
			check_card(&card, arena);
		else if (err.code != ERR_LIMIT)
			abort();
	arena_free(&arena);
	return 0;
}
