/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_pf_request.c - what a MESSAGE says, and what the sender's side adds to it
 *
 * The first octet chooses content type, coding and anonymity; a line of ids, services and the like
 * follows, then the body. What was taken is taken again with what was added, lacks nothing then,
 * and names nobody who hides.
 */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "cpm/participating/pf_priv.h"

static void check(int holds)
{
	if (!holds)
		abort();
}

/* What is left of the octets up to the next C. */
static struct strv cut(struct strv *rest, char c)
{
	struct strv head;

	strv_cut(rest, c, &head);
	return head;
}

static void read_again(const struct pf_request *request, const struct pf_making *making,
		       struct arena *arena)
{
	const struct pf_said said = { .content_type = request->draft.content_type,
				      .body = request->draft.body,
				      .conversation_id = request->draft.conversation_id,
				      .contribution_id = request->draft.contribution_id };
	struct pf_request again;
	const char *why;

	check(pf_request_read(&said, arena, &again, &why) == 0);
	again.draft.service = request->draft.service;
	again.draft.anonymous = request->draft.anonymous;
	check(strv_eq(again.draft.message_id, request->draft.message_id));
	check(pf_request_complete(&again, making, arena) == 0);
	check(!again.is_changed && again.added.n == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct strv types[] = {
		{ "message/cpim", 12 },
		{ "text/plain", 10 },
		{ "message/imdn+xml", 16 },
		{ "application/im-iscomposing+xml", 30 },
	};
	static const struct strv codings[] = {
		{ "", 0 }, { "gzip", 4 }, { "deflate", 7 }, { "x", 1 }
	};
	const struct pf_making making = { .now_s = 1700000000 };
	struct strv rest = strv_mem(data, size);
	struct arena *arena = arena_new(0);
	struct pf_request request;
	struct strv line, type, text;
	struct pf_said said = { .is_of_us = 1 };
	const char *why;

	if (size && arena) {
		said.content_type = types[data[0] & 3];
		said.encoding = codings[data[0] >> 2 & 3];
		rest = strv_mem(rest.p + 1, rest.n - 1);
		line = cut(&rest, '\n');
		said.service = cut(&line, '\t');
		said.accept_contact = cut(&line, '\t');
		said.conversation_id = cut(&line, '\t');
		said.contribution_id = cut(&line, '\t');
		said.body = rest;
		if (pf_request_read(&said, arena, &request, &why) == 0) {
			request.draft.anonymous = data[0] >> 4 & 1;
			if (pf_request_complete(&request, &making, arena) == 0 &&
			    (request.cpim || !said.encoding.n))
				read_again(&request, &making, arena);
			pf_request_text(request.draft.content_type, request.draft.body, arena,
					&type, &text);
		}
	}
	arena_free(&arena);
	return 0;
}
