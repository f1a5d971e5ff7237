/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/cpm/test_pf_request.c - what a MESSAGE is, and what the sender's side adds to it
 */
#include "cpm/participating/pf_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <cmocka.h>

#include "cpm/imdn.h"
#include "cpm/inflate.h"

#define ICSI  "urn:urn-7:3gpp-service.ims.icsi.oma.cpm."
#define CPIM  "From: <sip:alice@example.com>\r\nTo: <sip:b@x>\r\nNS: imdn <urn:ietf:params:imdn>\r\n"
#define ASKED "imdn.Disposition-Notification: positive-delivery, display\r\n"
#define PLAIN "\r\nContent-Type: text/plain\r\n\r\nhi"
#define IMDN(s)                                                                       \
	"\r\nContent-Type: message/imdn+xml\r\nContent-Disposition: notification\r\n" \
	"\r\n<imdn xmlns=\"urn:ietf:params:xml:ns:imdn\"><message-id>m0</message-id>" \
	"<datetime>2024-05-21T13:02:11Z</datetime>" s "</imdn>"
#define SEEN "<display-notification><status><displayed/></status></display-notification>"
#define HERE "<delivery-notification><status><delivered/></status></delivery-notification>"

static const struct {
	const char *why, *service, *accept_contact, *type, *body;
	int is_of_us;
	unsigned status;
	enum cpm_service expected;
	const char *facts; /* r report, d displayed, c composing, a asked, i id */
} reads[] = {
	{ "a plain client's", "", "", "text/plain", "hi", 1, 0, CPM_PLAIN, "" },
	{ "a pager message", ICSI "msg", "", "message/cpim", CPIM PLAIN, 1, 0, CPM_PAGER, "" },
	{ "known by its body", "", "", "message/cpim", CPIM PLAIN, 1, 0, CPM_PAGER, "" },
	{ "known by whom it is for", "", "*;+g.3gpp.icsi-ref=\"urn%3Aoma.cpm.msg\"", "text/plain",
	  "hi", 1, 0, CPM_PAGER, "" },
	{ "percent-encoded", "urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg.group", "",
	  "message/cpim", CPIM PLAIN, 1, 0, CPM_PAGER_GROUP, "" },
	{ "the first known one counts", "urn:x, " ICSI "msg", "", "text/plain", "", 1, 0, CPM_PAGER,
	  "" },
	{ "a session's service", ICSI "session", "", "text/plain", "hi", 1, 403, CPM_PLAIN, "" },
	{ "a large message's", ICSI "largemsg", "", "text/plain", "hi", 0, 403, CPM_PLAIN, "" },
	{ "a system message of a client", ICSI "systemmsg", "", "text/plain", "", 1, 403, CPM_PLAIN,
	  "" },
	{ "of a server", ICSI "systemmsg", "", "text/plain", "", 0, 0, CPM_SYSTEM, "" },
	{ "a service of others", "urn:urn-7:x", "", "text/plain", "", 1, 0, CPM_PLAIN, "" },
	{ "reports are asked for", ICSI "msg", "", "message/cpim",
	  CPIM ASKED "imdn.Message-ID: m1\r\n" PLAIN, 1, 0, CPM_PAGER, "ai" },
	{ "delivered", ICSI "msg", "", "message/cpim", CPIM IMDN(HERE), 1, 0, CPM_PAGER, "r" },
	{ "displayed", ICSI "msg", "", "message/cpim", CPIM IMDN(SEEN), 1, 0, CPM_PAGER, "rd" },
	{ "a report is not reported on", ICSI "msg", "", "message/cpim", CPIM ASKED IMDN(SEEN), 1,
	  0, CPM_PAGER, "rd" },
	{ "a report that is none", ICSI "msg", "", "message/cpim", CPIM IMDN("<x"), 1, 0, CPM_PAGER,
	  "r" },
	{ "a plain client's receipt", "", "", "message/imdn+xml",
	  "<imdn xmlns=\"urn:ietf:params:xml:ns:imdn\"><message-id>m0</message-id><datetime>x"
	  "</datetime>" SEEN "</imdn>",
	  1, 0, CPM_PLAIN, "rd" },
	{ "typing", "", "", "application/im-iscomposing+xml", "<x/>", 1, 0, CPM_PLAIN, "c" },
	{ "typing within CPIM", ICSI "msg", "", "Message/CPIM",
	  CPIM ASKED "\r\nContent-Type: application/im-iscomposing+xml\r\n\r\n<x/>", 1, 0,
	  CPM_PAGER, "c" },
	{ "several reports together", ICSI "msg", "", "message/cpim",
	  CPIM
	  "\r\nContent-Type: multipart/mixed;boundary=x\r\nContent-Disposition: notification\r\n"
	  "\r\n--x--",
	  1, 0, CPM_PAGER, "r" },
	{ "no blank line", ICSI "msg", "", "message/cpim", CPIM, 1, 400, CPM_PAGER, "" },
	{ "nothing at all", ICSI "msg", "", "message/cpim", "", 1, 400, CPM_PAGER, "" },
};

static void a_message_is_known_by_what_it_says(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
		const struct pf_said said = { .service = strv_of(reads[i].service),
					      .accept_contact = strv_of(reads[i].accept_contact),
					      .content_type = strv_of(reads[i].type),
					      .body = strv_of(reads[i].body),
					      .is_of_us = reads[i].is_of_us };
		struct arena *arena = arena_new(0);
		struct pf_request request;
		const struct cpm_message_draft *draft = &request.draft;
		const char *why;
		char facts[8] = "";
		unsigned status = pf_request_read(&said, arena, &request, &why);

		if (status != reads[i].status || (status && !why))
			fail_msg("%s: %u", reads[i].why, status);
		snprintf(facts, sizeof(facts), "%s%s%s%s%s", draft->is_report ? "r" : "",
			 draft->is_displayed ? "d" : "", draft->is_composing ? "c" : "",
			 draft->asked ? "a" : "", draft->message_id.n ? "i" : "");
		if (!status &&
		    (draft->service != reads[i].expected || strcmp(facts, reads[i].facts)))
			fail_msg("%s: %d %s", reads[i].why, draft->service, facts);
		if (draft->is_displayed)
			assert_true(strv_eq(draft->about, STRV("m0")));
		arena_free(&arena);
	}
}

static void ids_are_of_their_form(void **state)
{
	struct pf_said said = { .conversation_id = STRV(" c1@x "),
				.content_type = STRV("text/plain") };
	struct arena *arena = arena_new(0);
	struct pf_request request;
	const char *why;

	(void)state;
	assert_int_equal(pf_request_read(&said, arena, &request, &why), 0);
	assert_true(strv_eq(request.draft.conversation_id, STRV("c1@x")));
	said.contribution_id = STRV("a b");
	assert_int_equal(pf_request_read(&said, arena, &request, &why), 400);
	arena_free(&arena);
}

/* ---- what is missing ---- */

static const struct {
	const char *why, *type, *body;
	int has_ids, anonymous;
	const char *added, *expected; /* the body; NULL: unchanged */
} completes[] = {
	{ "a plain message is left alone", "text/plain", "hi", 0, 0, "", NULL },
	{ "ids and date", "message/cpim", CPIM PLAIN, 0, 0,
	  "Conversation-ID: 01010101010101010101010101010101\r\n"
	  "Contribution-ID: 02020202020202020202020202020202\r\n",
	  CPIM "imdn.Message-ID: 03030303030303030303030303030303\r\n"
	       "DateTime: 2023-11-14T22:13:20Z\r\n" PLAIN },
	{ "what is there stays", "message/cpim",
	  CPIM "imdn.Message-ID: m1\r\nDateTime: x\r\n" PLAIN, 1, 0, "", NULL },
	{ "a report is left alone", "message/cpim", CPIM IMDN(SEEN), 1, 0, "", NULL },
	{ "a sign of typing, too", "message/cpim",
	  CPIM "\r\nContent-Type: application/im-iscomposing+xml\r\n\r\n<x/>", 1, 0, "", NULL },
	{ "who withholds the name", "message/cpim",
	  CPIM "imdn.Message-ID: m1\r\nDateTime: x\r\n" PLAIN, 1, 1, "",
	  "From: <sip:anonymous@anonymous.invalid>\r\nTo: <sip:b@x>\r\n"
	  "NS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: m1\r\nDateTime: x\r\n" PLAIN },
	{ "and has done so already", "message/cpim",
	  "From: <sip:anonymous@anonymous.invalid>\r\nNS: i <urn:ietf:params:imdn>\r\n"
	  "i.Message-ID: m1\r\nDateTime: x\r\n" PLAIN,
	  1, 1, "", NULL },
};

static void what_is_missing_is_added(void **state)
{
	struct pf_making making = { .now_s = 1700000000 };

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		memset(making.random[i], (int)i + 1, sizeof(making.random[i]));
	for (unsigned i = 0; i < sizeof(completes) / sizeof(completes[0]); i++) {
		const char *id = completes[i].has_ids ? "c" : "";
		const struct pf_said said = { .content_type = strv_of(completes[i].type),
					      .conversation_id = strv_of(id),
					      .contribution_id = strv_of(id),
					      .body = strv_of(completes[i].body) };
		const char *expected = completes[i].expected;
		struct arena *arena = arena_new(0);
		struct pf_request request;
		const char *why;

		assert_int_equal(pf_request_read(&said, arena, &request, &why), 0);
		request.draft.anonymous = completes[i].anonymous;
		assert_int_equal(pf_request_complete(&request, &making, arena), 0);
		if (!strv_eq(request.added, strv_of(completes[i].added)) ||
		    request.is_changed != (expected != NULL) ||
		    !strv_eq(request.draft.body, strv_of(expected ? expected : completes[i].body)))
			fail_msg("%s: %.*s %.*s", completes[i].why, STRV_ARG(request.added),
				 STRV_ARG(request.draft.body));
		arena_free(&arena);
	}
}

/* ---- packed bodies ---- */

static struct strv packed(struct arena *arena, struct strv text, int bits)
{
	unsigned char *at = arena_alloc(arena, text.n + 256);
	z_stream z = { .next_in = (z_const Bytef *)(uintptr_t)text.p,
		       .avail_in = (uInt)text.n,
		       .next_out = at,
		       .avail_out = (uInt)text.n + 256 };

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return strv_mem(at, z.total_out);
}

static void packed_bodies_are_unpacked_within_bounds(void **state)
{
	static const struct {
		const char *why, *encoding;
		int bits;
	} rows[] = {
		{ "gzip", "GZIP", 31 },
		{ "deflate", "deflate", 15 },
		{ "deflate without its head", "Deflate", -15 },
	};
	char *zeros = calloc(1, 1 << 20);
	struct arena *arena = arena_new(0);
	struct strv body, text = STRV(CPIM ASKED PLAIN);
	struct err err;

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct strv encoding = strv_of(rows[i].encoding);
		struct strv small = packed(arena, text, rows[i].bits);
		struct strv bomb = packed(arena, strv_mem(zeros, 1 << 20), rows[i].bits);

		if (inflate_body(encoding, small, text.n, arena, &body, &err) != 1 ||
		    !strv_eq(body, text))
			fail_msg("%s", rows[i].why);
		assert_int_equal(inflate_body(encoding, small, text.n - 1, arena, &body, &err), -1);
		assert_int_equal(err.code, ERR_LIMIT);
		assert_int_equal(inflate_body(encoding, bomb, 65536, arena, &body, &err), -1);
		assert_int_equal(err.code, ERR_LIMIT);
		assert_int_equal(inflate_body(encoding, strv_mem(small.p, small.n - 1), 65536,
					      arena, &body, &err),
				 -1);
		assert_int_equal(err.code, ERR_SYNTAX);
		assert_int_equal(inflate_body(encoding, STRV("no stream"), 65536, arena, &body,
					      &err),
				 -1);
		assert_int_equal(err.code, ERR_SYNTAX);
	}
	assert_int_equal(inflate_body(STRV("br"), text, 10, arena, &body, &err), 0);
	assert_true(strv_eq(body, text));
	arena_free(&arena);
	free(zeros);
}

static void a_packed_message_is_read(void **state)
{
	struct arena *arena = arena_new(0);
	struct pf_said said = { .content_type = STRV("message/cpim"), .encoding = STRV("gzip") };
	struct pf_request request;
	const char *why;

	(void)state;
	said.body = packed(arena, STRV(CPIM ASKED PLAIN), 31);
	assert_int_equal(pf_request_read(&said, arena, &request, &why), 0);
	assert_true(request.is_unpacked && request.cpim && request.draft.asked);
	said.encoding = STRV("zstd");
	assert_int_equal(pf_request_read(&said, arena, &request, &why), 0);
	assert_true(!request.is_unpacked && !request.cpim);
	said.encoding = STRV("deflate");
	assert_int_equal(pf_request_read(&said, arena, &request, &why), 400);
	arena_free(&arena);
}

static void the_text_within_is_found(void **state)
{
	struct arena *arena = arena_new(0);
	struct strv type, text;

	(void)state;
	assert_int_equal(pf_request_text(STRV("message/cpim"), STRV(CPIM PLAIN), arena, &type,
					 &text),
			 1);
	assert_true(strv_eq(text, STRV("hi")) && strv_eq(type, STRV("text/plain")));
	assert_int_equal(pf_request_text(STRV("text/plain"), STRV("hi"), arena, &type, &text), 0);
	assert_int_equal(pf_request_text(STRV("message/cpim"), STRV(CPIM IMDN(SEEN)), arena, &type,
					 &text),
			 0);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_known_by_what_it_says),
		cmocka_unit_test(ids_are_of_their_form),
		cmocka_unit_test(what_is_missing_is_added),
		cmocka_unit_test(packed_bodies_are_unpacked_within_bounds),
		cmocka_unit_test(a_packed_message_is_read),
		cmocka_unit_test(the_text_within_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
