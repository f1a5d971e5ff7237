/* SPDX-License-Identifier: Apache-2.0 */
/* What each member of a group gets, what is kept of it, and the reports that are made of theirs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/xml.h"
#include "cpm/controlling/cf_priv.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* As cpm_id_make spells the random octets below. */
#define BOUNDARY "000102030405060708090a0b0c0d0e0f"
#define ID	 "101112131415161718191a1b1c1d1e1f"
#define TAG	 "2021222324252627"

#define HEADS		 "From: <sip:ann@x>\r\nTo: <sip:g@x>\r\nDateTime: 2026-05-01T12:00:00Z\r\n"
#define IMDN		 "NS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: m1\r\n"
#define ASKS		 "imdn.Disposition-Notification: positive-delivery, display\r\n"
#define ROUTE		 "imdn.IMDN-Record-Route: <sip:g@x>\r\n"
#define TEXT		 "\r\nContent-Type: text/plain\r\n\r\nhi"
#define NOBODY		 "sip:anonymous@anonymous.invalid"
#define ENTRY(uri, copy) "<entry uri='" uri "' cp:copyControl='" copy "'/>"
#define LIST(entries)                                                              \
	"--b\r\nContent-Type: application/resource-lists+xml\r\n"                  \
	"Content-Disposition: recipient-list\r\n\r\n"                              \
	"<resource-lists xmlns='urn:ietf:params:xml:ns:resource-lists' "           \
	"xmlns:cp='urn:ietf:params:xml:ns:copycontrol'><list>" entries "</list></" \
	"resource-lists>\r\n"
#define MIXED "multipart/mixed;boundary=b"
#define HISTORY(entries)                                                                 \
	"--" BOUNDARY "\r\nContent-Type: application/resource-lists+xml\r\n"             \
	"Content-Disposition: recipient-list-history; handling=optional\r\n\r\n"         \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<resource-lists xmlns=\"urn:ietf" \
	":params:xml:ns:resource-lists\" "                                               \
	"xmlns:cp=\"urn:ietf:params:xml:ns:copycontrol\">\r\n<list>\r\n" entries         \
	"</list>\r\n</resource-lists>\r\n"
#define SHOWN(uri, copy) "<entry uri=\"" uri "\" cp:copyControl=\"" copy "\"/>\r\n"

static const struct row {
	const char *why, *type, *body;
	int anonymous;
	size_t max_body;
	const char *type_out, *body_out;
	unsigned wants;
} rows[] = {
	{ "no CPIM: as it came", "text/plain", "hi", 0, 8192, "text/plain", "hi", 0 },
	{ "nothing asked: untouched", "message/cpim", HEADS IMDN TEXT, 0, 8192, "message/cpim",
	  HEADS IMDN TEXT, 0 },
	{ "reports come back here", "message/cpim", HEADS IMDN ASKS TEXT, 0, 8192, "message/cpim",
	  HEADS IMDN ASKS ROUTE TEXT, IMDN_ASK_POSITIVE_DELIVERY | IMDN_ASK_DISPLAY },
	{ "in front of others", "message/cpim",
	  HEADS IMDN "imdn.IMDN-Record-Route: <sip:r@y>\r\n" ASKS TEXT, 0, 8192, "message/cpim",
	  HEADS IMDN ROUTE "imdn.IMDN-Record-Route: <sip:r@y>\r\n" ASKS TEXT,
	  IMDN_ASK_POSITIVE_DELIVERY | IMDN_ASK_DISPLAY },
	{ "without an id there is nothing to report on", "message/cpim",
	  HEADS "NS: imdn <urn:ietf:params:imdn>\r\n" ASKS TEXT, 0, 8192, "message/cpim",
	  HEADS "NS: imdn <urn:ietf:params:imdn>\r\n" ASKS TEXT, 0 },
	{ "hidden: From goes, the rest stays", "message/cpim", HEADS IMDN TEXT, 1, 8192,
	  "message/cpim",
	  "From: <" NOBODY ">\r\nTo: <sip:g@x>\r\nDateTime: 2026-05-01T12:00:00Z\r\n" IMDN TEXT,
	  0 },
	{ "signed: not an octet", "multipart/signed;boundary=b",
	  "--b\r\nContent-Type: message/cpim\r\n\r\n" HEADS IMDN ASKS TEXT "\r\n--b--", 0, 8192,
	  "multipart/signed;boundary=b",
	  "--b\r\nContent-Type: message/cpim\r\n\r\n" HEADS IMDN ASKS TEXT "\r\n--b--", 0 },
	{ "blind copies alone: one body, no wrapper", MIXED,
	  LIST(ENTRY("sip:a@x", "bcc")) "--b\r\nContent-Type: text/plain\r\nContent-Length: "
					"2\r\n\r\nhi\r\n--b--",
	  0, 8192, "text/plain", "hi", 0 },
	{ "a part that says no type", MIXED, LIST(ENTRY("sip:a@x", "bcc")) "--b\r\n\r\nhi\r\n--b--",
	  0, 8192, "text/plain", "hi", 0 },
	{ "an encoded part stays one", MIXED,
	  LIST(ENTRY("sip:a@x", "bcc")) "--b\r\nContent-Type: text/plain\r\nContent-Transfer-"
					"Encoding: base64\r\n\r\naGk=\r\n--b--",
	  0, 8192, "multipart/mixed;boundary=\"" BOUNDARY "\"",
	  "--" BOUNDARY "\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	  "aGk=\r\n--" BOUNDARY "--\r\n",
	  0 },
	{ "who else got it", MIXED,
	  LIST(ENTRY("sip:a@x", "to") ENTRY("sip:b@x", "bcc")
		       ENTRY("sip:c@x",
			     "cc")) "--b\r\n"
				    "Content-Type: message/cpim\r\nContent-Length: 7\r\n\r\n" HEADS
					    IMDN ASKS TEXT "\r\n--b--",
	  0, 8192, "multipart/mixed;boundary=\"" BOUNDARY "\"",
	  "--" BOUNDARY "\r\nContent-Type: message/cpim\r\n\r\n" HEADS IMDN ASKS ROUTE TEXT
	  "\r\n" HISTORY(SHOWN("sip:a@x", "to") SHOWN("sip:c@x", "cc")) "\r\n--" BOUNDARY "--\r\n",
	  IMDN_ASK_POSITIVE_DELIVERY | IMDN_ASK_DISPLAY },
	{ "unless that makes it too long", MIXED,
	  LIST(ENTRY("sip:a@x", "to")) "--b\r\nContent-Type: text/plain\r\n\r\nhi\r\n--b--", 0, 100,
	  "text/plain", "hi", 0 },
	{ "several parts stay together", MIXED,
	  LIST(ENTRY("sip:a@x", "bcc")) "--b\r\nA: b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--", 0,
	  8192, "multipart/mixed;boundary=\"" BOUNDARY "\"",
	  "--" BOUNDARY "\r\nA: b\r\n\r\none\r\n--" BOUNDARY "\r\n\r\ntwo\r\n--" BOUNDARY "--\r\n",
	  0 },
};

#define LINES                                                                             \
	"Conversation-ID: c1\r\nRequire: recipient-list-message\r\nP-Preferred-Service: " \
	"x\r\nX-New: a\r\n b\r\nContent-Disposition: render\r\n"

static void make_random(unsigned char random[CF_RANDOM_BYTES])
{
	for (unsigned i = 0; i < CF_RANDOM_BYTES; i++)
		random[i] = (unsigned char)i;
}

static struct cpm_message_draft draft_of(const struct row *row)
{
	return (struct cpm_message_draft){ .service = CPM_PAGER_GROUP,
					   .sender = { STRV("sip:ann@x") },
					   .n_sender = 1,
					   .from = STRV("\"A>\" <sip:ann@x>;x=y;tag=1"),
					   .to = STRV("<sip:g@x>"),
					   .call_id = STRV("c"),
					   .lines = STRV(LINES),
					   .conversation_id = STRV("c1"),
					   .content_type = strv_of(row->type),
					   .body = strv_of(row->body),
					   .hops = 70,
					   .expires_s = -1 };
}

static void check(const char *why, const char *what, struct strv got, const char *expected)
{
	if (!strv_eq(got, strv_of(expected)))
		fail_msg("%s: %s is\n%.*s\ninstead of\n%s", why, what, STRV_ARG(got), expected);
}

static void check_row(const struct row *row)
{
	static const struct strv member[] = { { "sip:bo@x", 8 } };
	struct cf_plan plan = {
		.status = 202, .anonymous = row->anonymous, .member = member, .n = 1
	};
	struct cpm_message_draft m = draft_of(row);
	const struct cpm_message_draft *d;
	struct arena *arena = arena_new(0);
	unsigned char random[CF_RANDOM_BYTES];
	struct cpm_message *copy, *one;
	struct cf_request request;
	struct strv unsupported;
	struct cf_head head;
	const char *why;

	make_random(random);
	assert_int_equal(cf_request_read(&m, 9, NULL, arena, &request, &why, &unsupported), 0);
	assert_int_equal(cf_copy_make(&request, &plan, STRV("sip:g@x"), row->max_body, random,
				      arena, &copy, &head),
			 0);
	one = cf_copy_for(copy, member[0]);
	d = cpm_message_of(one);
	check(row->why, "type", d->content_type, row->type_out);
	check(row->why, "body", d->body, row->body_out);
	check(row->why, "from", d->from,
	      row->anonymous ? "\"Anonymous\" <" NOBODY ">;tag=" TAG
			     : "\"A>\" <sip:ann@x>;tag=" TAG);
	check(row->why, "to", d->to, "<sip:bo@x>");
	check(row->why, "group", d->group, "sip:g@x");
	check(row->why, "contribution", d->contribution_id, ID);
	if (head.wants != row->wants)
		fail_msg("%s: wants %u", row->why, head.wants);
	assert_int_equal(d->hops, 69);
	assert_true(d->call_id.n == 32 && !strv_eq(d->call_id, m.call_id));
	if (!request.has_list)
		check(row->why, "lines", d->lines,
		      "Conversation-ID: c1\r\nX-New: a\r\n b\r\nContent-Disposition: render\r\n"
		      "P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg.group\r\n"
		      "Accept-Contact: *;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi."
		      "oma.cpm.msg\"\r\nContribution-ID: " ID "\r\n");
	else
		assert_null(memmem(d->lines.p, d->lines.n, "Content-", 8));
	cpm_message_drop(&one);
	cpm_message_drop(&copy);
	arena_free(&arena);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check_row(&rows[i]);
}

/* A plain client's message goes out as one, and what it asks of devices stays. */
static void test_plain(void **state)
{
	struct cpm_message_draft m = draft_of(&rows[0]);
	struct cf_plan plan = { .status = 202 };
	struct arena *arena = arena_new(0);
	unsigned char random[CF_RANDOM_BYTES];
	struct cpm_message *copy;
	struct cf_request request;
	struct strv unsupported;
	struct cf_head head;
	const char *why;

	(void)state;
	make_random(random);
	m.service = CPM_PLAIN;
	m.contribution_id = STRV("k");
	m.lines = STRV("Accept-Contact: *;x\r\n");
	for (int i = 0; i < 2; i++) {
		cf_request_read(&m, 9, NULL, arena, &request, &why, &unsupported);
		assert_int_equal(cf_copy_make(&request, &plan, STRV("sip:g@x"), 99, random, arena,
					      &copy, &head),
				 0);
		assert_true(strv_eq(cpm_message_of(copy)->lines,
				    i ? STRV("Accept-Contact: *;x\r\nP-Asserted-Service: urn:urn-7:"
					     "3gpp-service.ims.icsi.oma.cpm.msg.group\r\n")
				      : STRV("Accept-Contact: *;x\r\n")));
		assert_true(strv_eq(head.id, STRV("k")));
		assert_true(strv_eq(head.reply_to, STRV("<sip:ann@x>")));
		cpm_message_drop(&copy);
		m.service = CPM_PAGER;
	}
	arena_free(&arena);
}

/* ---- records ---- */

static struct cf_head head_of(const struct strv *member, unsigned n)
{
	return (struct cf_head){ .focus = STRV("sip:g@x"),
				 .sender = STRV("sip:ann@x"),
				 .reply_to = STRV("<sip:ann@x>"),
				 .id = STRV("m1"),
				 .datetime = STRV("2026-05-01T12:00:00Z"),
				 .original_to = STRV("sip:g@x"),
				 .conversation_id = STRV("c1"),
				 .contribution_id = STRV("k1"),
				 .arrival_us = 5,
				 .expires_us = 7,
				 .wants = 9,
				 .is_cpm = 1,
				 .member = member,
				 .n = n };
}

static void test_records(void **state)
{
	static const struct strv member[] = { { "sip:bo@x", 8 }, { "tel:+49", 7 } };
	struct cf_head head = head_of(member, 2), again;
	struct cf_member_state states[2] = { { CF_HANDED, 1, { IMDN_DELIVERED } },
					     { CF_FAILED, 0, { 0 } } },
			       back[2];
	struct arena *arena = arena_new(0);
	struct strv record = cf_head_encode(&head, arena), twice, text;
	struct err err;
	char *bytes;

	(void)state;
	assert_int_equal(cf_head_decode(record, arena, &again, &err), 0);
	twice = cf_head_encode(&again, arena);
	assert_true(strv_eq(record, twice));
	assert_int_equal(again.n, 2);
	assert_true(strv_eq(again.member[1], member[1]));
	bytes = arena_strdup(arena, record);
	for (size_t i = 0; i <= record.n; i++) { /* no end but the right one */
		text = strv_mem(bytes, i);
		assert_int_equal(cf_head_decode(text, arena, &again, &err), i == record.n ? 0 : -1);
	}
	memset(bytes + 20, 0xff, 4); /* how many members: no memory is asked for that */
	assert_int_equal(cf_head_decode(strv_mem(bytes, record.n), arena, &again, &err), -1);

	record = cf_states_encode(states, 2, arena);
	assert_int_equal(cf_states_decode(record, back, 2, &err), 0);
	assert_memory_equal(states, back, sizeof(back));
	assert_int_equal(cf_states_decode(record, back, 1, &err), -1);
	bytes = arena_strdup(arena, record);
	bytes[1] = CF_OUTCOMES;
	assert_int_equal(cf_states_decode(strv_mem(bytes, record.n), back, 2, &err), -1);
	arena_free(&arena);
}

/* ---- reports ---- */

static void test_reports(void **state)
{
	static const struct strv member[] = { { "sip:bo@x", 8 }, { "tel:+49", 7 } };
	const struct cf_report reports[] = {
		{ member[0], IMDN_DELIVERY, IMDN_DELIVERED },
		{ member[1], IMDN_DELIVERY, IMDN_FAILED },
		{ member[0], IMDN_DISPLAY, IMDN_DISPLAYED },
	};
	static const struct {
		const char *why;
		unsigned n;
		size_t max;
		int hide;
		unsigned taken;
	} cases[] = {
		{ "one as it is", 1, 4096, 0, 1 },
		{ "several together", 3, 4096, 0, 3 },
		{ "as many as fit", 3, 1200, 0, 2 },
		{ "one fits always", 3, 1, 0, 1 },
		{ "whose they are is not told", 2, 4096, 1, 2 },
	};
	unsigned char random[CF_RANDOM_BYTES];

	(void)state;
	make_random(random);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct cf_head head = head_of(member, 2);
		struct arena *arena = arena_new(0);
		const struct cpm_message_draft *d;
		struct cpm_message *message;
		struct imdn imdns[4];
		unsigned taken;
		int n;

		head.hide = cases[i].hide;
		message = cf_report_make(&head, reports, cases[i].n, cases[i].max, random,
					 1777636800123456, &taken);
		assert_non_null(message);
		d = cpm_message_of(message);
		n = cf_report_read(d, arena, imdns, 4);
		if (taken != cases[i].taken || n != (int)taken)
			fail_msg("%s: %u taken, %d read", cases[i].why, taken, n);
		for (int k = 0; k < n; k++) {
			check(cases[i].why, "id", imdns[k].message_id, "m1");
			check(cases[i].why, "datetime", imdns[k].datetime, "2026-05-01T12:00:00Z");
			assert_int_equal(imdns[k].kind, reports[k].kind);
			assert_int_equal(imdns[k].status, reports[k].status);
			assert_true(strv_eq(imdns[k].recipient_uri,
					    cases[i].hide ? STRV("") : reports[k].member));
		}
		check(cases[i].why, "recipient", d->recipient, "sip:ann@x");
		check(cases[i].why, "about", d->about, "m1");
		assert_true(d->is_report && !d->asked);
		assert_non_null(
			memmem(d->body.p, d->body.n, "DateTime: 2026-05-01T12:00:00.123Z", 34));
		assert_non_null(
			memmem(d->body.p, d->body.n, "Content-Disposition: notification", 33));
		cpm_message_drop(&message);
		arena_free(&arena);
	}
}

/* What came by way of others goes back by them. */
static void test_routes(void **state)
{
	static const struct strv member[] = { { "sip:bo@x", 8 } };
	const struct cf_report report = { member[0], IMDN_DELIVERY, IMDN_DELIVERED };
	struct cf_head head = head_of(member, 1);
	unsigned char random[CF_RANDOM_BYTES];
	struct cpm_message *message;
	unsigned taken;

	(void)state;
	make_random(random);
	head.routes = STRV("<sip:r@y>\n<sip:s@z>\n");
	message = cf_report_make(&head, &report, 1, 4096, random, 1, &taken);
	check("routes", "recipient", cpm_message_of(message)->recipient, "sip:r@y");
	assert_non_null(memmem(cpm_message_of(message)->body.p, cpm_message_of(message)->body.n,
			       "imdn.IMDN-Route: <sip:r@y>\r\nimdn.IMDN-Route: <sip:s@z>\r\n", 56));
	cpm_message_drop(&message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),	cmocka_unit_test(test_plain),
		cmocka_unit_test(test_records), cmocka_unit_test(test_reports),
		cmocka_unit_test(test_routes),
	};
	struct err err;

	if (xml_init(NULL, &err) < 0)
		return 1;
	return cmocka_run_group_tests_name("cf_copy", tests, NULL, NULL);
}
