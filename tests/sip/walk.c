/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sip/walk.c - see walk.h */
#include "tests/sip/walk.h"

#include <stdio.h>
#include <stdlib.h>

#include "sip/sip_content.h"
#include "sip/sip_edit.h"
#include "sip/sip_msg.h"
#include "sip/sip_prefs.h"
#include "sip/sip_reply.h"

#define REQUIRE(condition)                                                            \
	do {                                                                          \
		if (!(condition)) {                                                   \
			fprintf(stderr, "walk: line %d: %s\n", __LINE__, #condition); \
			abort();                                                      \
		}                                                                     \
	} while (0)

static struct sip_fence fence, again;

/* S lies within WHOLE. */
static void require_within(struct strv s, struct strv whole)
{
	REQUIRE(!s.n || (s.p >= whole.p && s.p + s.n <= whole.p + whole.n));
}

static void check_fence(struct strv bytes)
{
	REQUIRE(fence.n_lines <= SIP_LINES_MAX);
	require_within(fence.body, bytes);
	for (unsigned i = 0; i < fence.n_lines; i++) {
		const struct sip_line *line = &fence.lines[i];

		require_within(line->whole, bytes);
		require_within(line->name, line->whole);
		require_within(line->value, line->whole);
		REQUIRE(line->next <= fence.n_lines && (!line->next || line->next > i + 1));
	}
}

/* No octet of what we make of a refused message could be misread on a terminal or by a parser. */
static void check_answer(struct strv bytes, int of_refused)
{
	static struct sip_msg *msg;
	struct arena *arena = arena_new(0);
	enum sip_fence_result result = sip_fence_check(bytes, 1, &again);

	REQUIRE(arena);
	for (size_t i = 0; i < bytes.n && of_refused; i++)
		REQUIRE((unsigned char)bytes.p[i] >= ' ' || strchr("\r\n\t", bytes.p[i]));
	/* The answer to a message without From, Call-ID or CSeq lacks them as well. */
	if (!of_refused) {
		REQUIRE(result == SIP_FENCE_PASS && !again.is_request);
		REQUIRE(sip_msg_parse(arena, bytes, &again, &msg, NULL) == 0);
	}
	arena_free(&arena);
}

static void walk_values(struct sip_msg *msg)
{
	uint32_t number;

	for (unsigned h = 1; h < SIP_H_COUNT; h++) {
		struct strv list = sip_msg_list(msg, (enum sip_h)h);
		struct sip_name_addr addr;
		unsigned n = 0;

		while (sip_msg_value(msg, (enum sip_h)h, n).p)
			n++;
		REQUIRE((n > 0) == (msg->first[h] != 0) && (n > 0) == (list.p != NULL));
		REQUIRE(n == 0 || !memchr(list.p, '\n', list.n));
		sip_msg_has_token(msg, (enum sip_h)h, "timer");
		REQUIRE(sip_msg_number(msg, (enum sip_h)h, &number) || !n);
		while (n && sip_name_addr_next(&list, &addr) > 0)
			require_within(addr.params, addr.text);
	}
	sip_msg_named(msg, "x-unknown", 0);
	sip_msg_named(msg, "m", 0);
}

static void walk_content(struct sip_msg *msg)
{
	struct strv rest = msg->body, type = sip_msg_raw(msg, SIP_H_CONTENT_TYPE);
	struct sip_media media;
	struct sip_part part;

	if (!type.p || sip_media_parse(type, &media) < 0)
		return;
	while (sip_part_next(&media, &rest, &part) > 0) {
		require_within(part.head, msg->body);
		require_within(part.body, msg->body);
		sip_part_value(&part, "Content-Type");
	}
}

static void walk_prefs(struct sip_msg *msg)
{
	struct sip_candidate candidates[2] = { { .q = 1000 }, { .q = 500 } };
	struct sip_disposition disposition;
	struct sip_features *features;
	struct sip_prefs *prefs;

	if (sip_features_parse(STRV(";audio;+x=\"a,#>=3\";methods=\"INVITE\""), msg->arena,
			       &features, NULL) < 0)
		return;
	candidates[0].features = features;
	if (sip_prefs_parse(msg, &prefs, NULL) == 0)
		REQUIRE(sip_prefs_apply(prefs, candidates, 2) <= 2);
	sip_disposition_parse(msg, &disposition);
}

/* Nothing edited: nothing changed. What a relay edits: passes fence and parser again, the body as
 * it was. */
static void walk_edit(struct sip_msg *msg)
{
	struct strv whole = strv_mem(msg->start_line.p,
				     (size_t)(msg->body.p + msg->body.n - msg->start_line.p));
	struct sip_edit *edit = sip_edit_new(msg);
	struct sip_buf *buf = sip_edit_buf(edit);
	struct sip_msg *relayed = NULL;

	REQUIRE(buf && strv_eq(sip_buf_bytes(buf), whole));
	sip_buf_drop(&buf);
	sip_edit_push(edit, SIP_H_VIA, STRV("Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKours"));
	sip_edit_pop(edit, SIP_H_ROUTE);
	sip_edit_remove(edit, SIP_H_P_ASSERTED_IDENTITY);
	sip_edit_set(edit, SIP_H_MAX_FORWARDS, STRV("5"));
	buf = sip_edit_buf(edit);
	if (!buf) /* too large with what was added */
		return;
	if (sip_fence_check(sip_buf_bytes(buf), 0, &again) == SIP_FENCE_PASS) {
		REQUIRE(sip_msg_parse(msg->arena, sip_buf_bytes(buf), &again, &relayed, NULL) == 0);
		REQUIRE(relayed->max_forwards == 5 && strv_eq(relayed->body, msg->body));
		REQUIRE(strv_eq(relayed->via.branch, STRV("z9hG4bKours")));
		REQUIRE(!relayed->first[SIP_H_P_ASSERTED_IDENTITY]);
	} else {
		/* One line or some octets too many now. */
		REQUIRE(again.refuse == 513);
	}
	sip_buf_drop(&buf);
}

static void walk_passed(struct sip_msg *msg, int with_osip)
{
	struct sip_reply reply = { .status = 200, .record_route = 1 };
	struct sip_buf *buf;
	struct sip_dest dest;

	walk_values(msg);
	walk_content(msg);
	walk_prefs(msg);
	walk_edit(msg);
	if (msg->is_request) {
		sip_reply_dest(msg, &dest);
		REQUIRE(sip_addr_port(&dest.addr));
		buf = sip_reply_make(msg, &reply);
		REQUIRE(buf);
		check_answer(sip_buf_bytes(buf), 0);
		sip_buf_drop(&buf);
	}
	if (with_osip)
		sip_msg_osip(msg);
}

enum walk_result walk_message(struct strv bytes, int is_stream, int with_osip)
{
	enum sip_fence_result result = sip_fence_check(bytes, is_stream, &fence);
	struct arena *arena = arena_new(0);
	struct sip_msg *msg = NULL;
	struct sip_addr source;
	struct err err = { 0 };
	struct sip_buf *buf;

	REQUIRE(arena && sip_addr_parse(STRV("192.0.2.77"), 5099, &source) == 0);
	check_fence(bytes);
	if (result == SIP_FENCE_PASS) {
		if (sip_msg_parse(arena, bytes, &fence, &msg, &err) == 0) {
			msg->source = source;
			walk_passed(msg, with_osip);
			arena_free(&arena);
			return WALK_PASSED;
		}
		REQUIRE(err.code == ERR_SYNTAX);
	} else {
		REQUIRE(fence.refuse || result == SIP_FENCE_DROP);
	}
	arena_free(&arena);
	buf = result == SIP_FENCE_DROP ? NULL : sip_reply_refused(&fence, &source, 400, NULL);
	if (!buf)
		return WALK_DROPPED;
	check_answer(sip_buf_bytes(buf), 1);
	/* Not much more than came in: the source may be forged. */
	REQUIRE(sip_buf_size(buf) <= 2 * bytes.n);
	sip_buf_drop(&buf);
	return WALK_REFUSED;
}
