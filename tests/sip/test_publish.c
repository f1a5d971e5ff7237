/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/test_publish.c - PUBLISH (RFC 3903) and what the presence package makes of it
 */
#include "sip/sip_publish.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/log.h"
#include "base/xml.h"
#include "sip/sip_mwi.h"
#include "sip/sip_presence.h"
#include "tests/sip/rig.h"

static struct {
	struct rig rig;
	struct sip_pubs *pubs;
	struct sip_dialogs *dialogs;
	struct sip_subs *subs;
	unsigned n;
	char etag[64];
} stage;

static const struct sip_publish_ops *const publish_ops[] = { &sip_presence_publish };
static struct sip_event events[] = { { &sip_presence_event, NULL } };

static void on_request(void *arg, struct sip_stx *stx, struct sip_msg *msg)
{
	(void)arg;
	if (msg->method == SIP_PUBLISH)
		sip_pubs_publish(stage.pubs, stx, STRV("sip:bob@example.com"));
	else
		sip_subs_subscribe(stage.subs, stx, STRV("sip:bob@example.com"), STRV("w"));
}

static void begin(void)
{
	const struct sip_tu tu = { .request = on_request };
	struct sip_pubs_options options;
	struct sip_subs_options subs;

	memset(&stage, 0, sizeof(stage));
	rig_init(&stage.rig, &tu);
	sip_pubs_options_init(&options);
	options.ops = publish_ops;
	options.n_ops = 1;
	options.max_of_resource = 3;
	assert_int_equal(sip_pubs_new(&options, &stage.pubs, NULL), 0);
	sip_subs_options_init(&subs);
	events[0].arg = stage.pubs;
	subs.events = events;
	subs.n_events = 1;
	assert_int_equal(sip_dialogs_new(stage.rig.txns, &stage.dialogs, NULL), 0);
	assert_int_equal(sip_subs_new(&subs, stage.dialogs, &stage.subs, NULL), 0);
}

static void finish(void)
{
	sip_subs_free(&stage.subs);
	sip_dialogs_free(&stage.dialogs);
	sip_pubs_free(&stage.pubs);
	rig_fini(&stage.rig);
}

/* PUBLISH with LINES (each ended by LF) and BODY; the status, and its SIP-ETag in stage.etag. */
static unsigned publish(const char *lines, const char *body, const char *name, char *value)
{
	struct rig_sent *sent;
	unsigned status;

	stage.n++;
	assert_int_equal(rig_feed(&stage.rig,
				  "PUBLISH sip:bob@example.com SIP/2.0\n"
				  "Via: SIP/2.0/UDP 192.0.2.99;branch=z9hG4bKp%u\n"
				  "From: <sip:bob@example.com>;tag=f\nTo: <sip:bob@example.com>\n"
				  "Call-ID: p%u\nCSeq: 1 PUBLISH\nMax-Forwards: 70\n%s"
				  "Content-Length: %zu\n\n%s",
				  stage.n, stage.n, lines, strlen(body), body),
			 0);
	sent = rig_take(&stage.rig);
	assert_non_null(sent);
	status = rig_status(sent);
	rig_value(sent, "SIP-ETag", stage.etag, sizeof(stage.etag));
	if (name)
		rig_value(sent, name, value, 128);
	free(sent);
	return status;
}

static const char body_open[] = "<p:presence xmlns:p='urn:ietf:params:xml:ns:pidf' "
				"xmlns:o='urn:o' entity='sip:bob@example.com'><p:tuple id='t1'>"
				"<p:status><p:basic>open</p:basic></p:status><o:x/></p:tuple>"
				"<p:note>here</p:note></p:presence>";
static const char body_closed[] = "<presence xmlns='urn:ietf:params:xml:ns:pidf' "
				  "entity='sip:bob@example.com'><tuple id='t1'><status>"
				  "<basic>closed</basic></status></tuple></presence>";

#define EVENT "Event: presence\n"
#define TYPE  "Content-Type: application/pidf+xml\n"

struct row {
	const char *why, *lines, *body;
	unsigned status;
	const char *name, *value;
};

static const struct row rows[] = {
	{ "no Event", TYPE, body_open, 489, "Allow-Events", "presence" },
	{ "another package", "Event: reg\n" TYPE, body_open, 489, "Allow-Events", "presence" },
	{ "nothing to publish", EVENT, "", 400, NULL, NULL },
	{ "another body", EVENT "Content-Type: text/plain\n", "x", 415, "Accept",
	  "application/pidf+xml" },
	{ "too brief", EVENT TYPE "Expires: 59\n", body_open, 423, "Min-Expires", "60" },
	{ "Expires is no number", EVENT TYPE "Expires: x\n", body_open, 400, NULL, NULL },
	{ "an entity tag that is not there", EVENT TYPE "SIP-If-Match: nothere\n", body_open, 412,
	  NULL, NULL },
	{ "not XML", EVENT TYPE, "<presence", 400, NULL, NULL },
	{ "a document type", EVENT TYPE, "<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", 400, NULL, NULL },
	{ "not PIDF", EVENT TYPE, "<presence/>", 400, NULL, NULL },
	{ "a tuple without id", EVENT TYPE,
	  "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='a'><tuple/></presence>", 400, NULL,
	  NULL },
	{ "an extension nobody knows", EVENT TYPE "Require: frob\n", body_open, 420, "Unsupported",
	  "frob" },
	{ "more time than there is", EVENT TYPE "Expires: 99999\n", body_open, 200, "Expires",
	  "7200" },
	{ "no Expires", EVENT TYPE, body_open, 200, "Expires", "3600" },
};

static void test_answers(void **state)
{
	char value[128];

	(void)state;
	begin();
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned status = publish(rows[i].lines, rows[i].body, rows[i].name, value);

		if (status != rows[i].status)
			fail_msg("%s: %u", rows[i].why, status);
		if (rows[i].name && strcmp(value, rows[i].value) != 0)
			fail_msg("%s: %s", rows[i].why, value);
		if ((status == 200) != (stage.etag[0] != '\0'))
			fail_msg("%s: SIP-ETag \"%s\"", rows[i].why, stage.etag);
	}
	assert_int_equal(sip_pubs_count(stage.pubs), 2);
	finish();
}

static void add(void *arg, struct strv kept)
{
	char *text = arg;

	snprintf(text + strlen(text), 4096 - strlen(text), "[%.*s]", STRV_ARG(kept));
}

static const char *all(char text[4096])
{
	text[0] = '\0';
	sip_pubs_each(stage.pubs, "presence", STRV("sip:bob@example.com"), add, text);
	return text;
}

static void test_modify_refresh_remove_expire(void **state)
{
	char lines[256], first[64], text[4096], before[4096];

	(void)state;
	begin();
	assert_int_equal(publish(EVENT TYPE "Expires: 100\n", body_open, NULL, NULL), 200);
	snprintf(first, sizeof(first), "%s", stage.etag);
	all(before);
	assert_non_null(strstr(before, "open"));
	assert_non_null(strstr(before, "xmlns:o=\"urn:o\""));
	/* Refresh: another tag, the same body; the old tag is used up. */
	snprintf(lines, sizeof(lines), EVENT "Expires: 100\nSIP-If-Match: %s\n", first);
	assert_int_equal(publish(lines, "", NULL, NULL), 200);
	assert_string_not_equal(first, stage.etag);
	assert_string_equal(all(text), before);
	snprintf(lines, sizeof(lines), EVENT "SIP-If-Match: %s\n", first);
	assert_int_equal(publish(lines, "", NULL, NULL), 412);
	/* The 412 has no tag: go on with a publication beside it. */
	assert_int_equal(publish(EVENT TYPE "Expires: 200\n", body_closed, NULL, NULL), 200);
	snprintf(first, sizeof(first), "%s", stage.etag);
	assert_non_null(strstr(all(text), "closed"));
	assert_true(strstr(text, "open") < strstr(text, "closed"));
	/* The first ends by its time, the second by itself. */
	for (unsigned i = 0; i < 16; i++)
		sip_pubs_sweep(stage.pubs, i, 1 + 101);
	assert_int_equal(sip_pubs_count(stage.pubs), 1);
	assert_null(strstr(all(text), "open"));
	snprintf(lines, sizeof(lines), EVENT TYPE "SIP-If-Match: %s\n", first);
	assert_int_equal(publish(lines, body_open, NULL, NULL), 200);
	assert_null(strstr(all(text), "closed"));
	snprintf(lines, sizeof(lines), EVENT "Expires: 0\nSIP-If-Match: %s\n", stage.etag);
	assert_int_equal(publish(lines, "", NULL, NULL), 200);
	assert_string_equal(stage.etag, "");
	assert_int_equal(sip_pubs_count(stage.pubs), 0);
	finish();
}

static void test_more_than_allowed(void **state)
{
	char value[128];

	(void)state;
	begin();
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(publish(EVENT TYPE, body_open, NULL, NULL), 200);
	assert_int_equal(publish(EVENT TYPE, body_open, "Retry-After", value), 503);
	assert_string_equal(value, "60");
	finish();
}

static void test_watchers_are_told_one_document(void **state)
{
	struct rig_sent *sent;
	xmlDoc *doc;
	char *body;

	(void)state;
	begin();
	assert_int_equal(publish(EVENT TYPE, body_open, NULL, NULL), 200);
	assert_int_equal(publish(EVENT TYPE, body_closed, NULL, NULL), 200);
	assert_int_equal(
		rig_feed(&stage.rig,
			 "SUBSCRIBE sip:bob@example.com SIP/2.0\nVia: SIP/2.0/UDP "
			 "192.0.2.99;branch=z9hG4bKs\nFrom: <sip:a@example.com>;tag=f\nTo: "
			 "<sip:bob@example.com>\nCall-ID: s\nCSeq: 1 SUBSCRIBE\nMax-Forwards: 70\n"
			 "Contact: <sip:a@192.0.2.99>\nEvent: presence\nContent-Length: 0\n\n"),
		0);
	sent = rig_take(&stage.rig);
	assert_int_equal(rig_status(sent), 200);
	free(sent);
	sent = rig_take(&stage.rig);
	body = strstr(sent->text, "\r\n\r\n") + 4;
	assert_int_equal(xml_parse(strv_of(body), NULL, &doc, NULL, NULL), 0);
	assert_non_null(strstr(body, "entity=\"sip:bob@example.com\""));
	assert_non_null(strstr(body, "open"));
	assert_non_null(strstr(body, "closed"));
	/* "t1" twice, under two ids (xs:ID). */
	body = strstr(body, "id=\"");
	assert_non_null(body);
	assert_true(strncmp(body, strstr(body + 4, "id=\""), 22) != 0);
	xmlFreeDoc(doc);
	free(sent);
	finish();
}

static void test_message_summary_is_as_in_the_rfc(void **state)
{
	struct arena *arena = arena_new(0);
	const struct sip_mwi_state what = {
		.account = STRV("sip:alice@vmail.example.com"),
		.count = { { "voice-message", 2, 8, 0, 2 }, { "text-message", 0, 1, 0, 0 } },
		.n_counts = 2,
	};
	struct strv text = sip_mwi_print(&what, arena);

	(void)state;
	assert_true(strv_eq(text, STRV("Messages-Waiting: yes\r\n"
				       "Message-Account: sip:alice@vmail.example.com\r\n"
				       "Voice-Message: 2/8 (0/2)\r\nText-Message: 0/1 (0/0)\r\n")));
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_modify_refresh_remove_expire),
		cmocka_unit_test(test_more_than_allowed),
		cmocka_unit_test(test_watchers_are_told_one_document),
		cmocka_unit_test(test_message_summary_is_as_in_the_rfc),
	};
	struct err err;

	if (sip_msg_init(NULL) < 0 || xml_init(NULL, &err) < 0)
		return 1;
	log_set_levels(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
