/* SPDX-License-Identifier: Apache-2.0 */
/* message/imdn+xml as senders write it, and back; what a message asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/xml.h"
#include "cpm/imdn.h"

#define COUNT(a)    (sizeof(a) / sizeof((a)[0]))
#define IDS	    "<message-id>m</message-id><datetime>d</datetime>"
#define ROOT(x)	    "<imdn xmlns=\"" IMDN_NS_XML "\" xmlns:o=\"" IMDN_NS_INTERWORKING "\">" x "</imdn>"
#define DELIVERY(x) "<delivery-notification><status>" x "</status></delivery-notification>"

static void test_parse(void **state)
{
	static const struct {
		const char *why, *bytes;
		enum imdn_kind kind;
		enum imdn_status status;
		int code;
	} rows[] = {
		{ "delivered", ROOT(IDS DELIVERY("<delivered/>")), IMDN_DELIVERY, IMDN_DELIVERED,
		  0 },
		{ "displayed",
		  ROOT(IDS "<display-notification><status><displayed/></status></"
			   "display-notification>"),
		  IMDN_DISPLAY, IMDN_DISPLAYED, 0 },
		{ "stored",
		  ROOT(IDS "<processing-notification><status><stored/></status>"
			   "</processing-notification>"),
		  IMDN_PROCESSING, IMDN_STORED, 0 },
		{ "interworking in its namespace",
		  ROOT(IDS "<o:interworking-notification><o:status><o:legacy-sms/></o:status>"
			   "</o:interworking-notification>"),
		  IMDN_INTERWORKING, IMDN_LEGACY_SMS, 0 },
		{ "only its status there",
		  ROOT(IDS "<interworking-notification><status><o:legacy-mms/></status>"
			   "</interworking-notification>"),
		  IMDN_INTERWORKING, IMDN_LEGACY_MMS, 0 },
		{ "children in another order", ROOT(DELIVERY("<error/>") IDS), IMDN_DELIVERY,
		  IMDN_ERROR, 0 },
		{ "one URI",
		  ROOT(IDS "<recipient-uri>tel:+1</recipient-uri>" DELIVERY("<failed/>")),
		  IMDN_DELIVERY, IMDN_FAILED, 0 },
		{ "foreign elements",
		  ROOT(IDS "<x xmlns=\"urn:x\"><message-id>n</message-id></x>" DELIVERY(
			  "<y xmlns=\"urn:x\"/><delivered/>")),
		  IMDN_DELIVERY, IMDN_DELIVERED, 0 },
		{ "a status that nobody knows", ROOT(IDS DELIVERY("<teleported/>")), IMDN_DELIVERY,
		  IMDN_UNKNOWN, 0 },
		{ "no notification", ROOT(IDS), IMDN_NONE, IMDN_UNKNOWN, 0 },
		{ "another namespace", "<imdn xmlns=\"urn:x\">" IDS "</imdn>", 0, 0, ERR_SYNTAX },
		{ "no namespace", "<imdn>" IDS "</imdn>", 0, 0, ERR_SYNTAX },
		{ "another root", "<x xmlns=\"" IMDN_NS_XML "\">" IDS "</x>", 0, 0, ERR_SYNTAX },
		{ "no message-id", ROOT("<datetime>d</datetime>"), 0, 0, ERR_SYNTAX },
		{ "an empty message-id", ROOT("<message-id> </message-id><datetime>d</datetime>"),
		  0, 0, ERR_SYNTAX },
		{ "two message-ids", ROOT(IDS IDS), 0, 0, ERR_SYNTAX },
		{ "two notifications", ROOT(IDS DELIVERY("<delivered/>") DELIVERY("<failed/>")), 0,
		  0, ERR_SYNTAX },
		{ "two statuses", ROOT(IDS DELIVERY("<delivered/><failed/>")), 0, 0, ERR_SYNTAX },
		{ "a status of another kind", ROOT(IDS DELIVERY("<displayed/>")), 0, 0,
		  ERR_SYNTAX },
		{ "a document type",
		  "<!DOCTYPE imdn [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>" ROOT(IDS), 0, 0,
		  ERR_SYNTAX },
		{ "not well-formed", "<imdn", 0, 0, ERR_SYNTAX },
		{ "nothing", "", 0, 0, ERR_SYNTAX },
		{ "too deep",
		  ROOT(IDS "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a></a></a></a></a></a></"
			   "a></a>"
			   "</a></a></a></a></a></a></a></a></a>"),
		  0, 0, ERR_LIMIT },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *arena = arena_new(0);
		struct err err = { 0 };
		struct imdn imdn, again;
		struct strv print;
		int ret = imdn_parse(strv_of(rows[i].bytes), arena, &imdn, &err);

		if ((ret < 0 ? (int)err.code : 0) != rows[i].code)
			fail_msg("%s: %d %s", rows[i].why, ret, err.text);
		if (ret == 0) {
			if (imdn.kind != rows[i].kind || imdn.status != rows[i].status ||
			    !strv_eq(imdn.message_id, STRV("m")))
				fail_msg("%s: %d %d", rows[i].why, imdn.kind, imdn.status);
			assert_int_equal(imdn_print(&imdn, arena, &print, NULL), 0);
			assert_int_equal(imdn_parse(print, arena, &again, NULL), 0);
			assert_true(again.kind == imdn.kind && again.status == imdn.status);
		}
		arena_free(&arena);
	}
}

static void test_print(void **state)
{
	struct imdn imdn = {
		.message_id = STRV("a<b>&c"),
		.datetime = STRV("2024-05-21T13:02:11.123Z"),
		.original_recipient_uri = STRV("tel:+1"),
		.subject = STRV("S"),
		.kind = IMDN_INTERWORKING,
		.status = IMDN_LEGACY_SMS,
	};
	struct arena *arena = arena_new(0);
	struct imdn again;
	struct strv print;

	(void)state;
	assert_int_equal(imdn_print(&imdn, arena, &print, NULL), 0);
	assert_int_equal(imdn_parse(print, arena, &again, NULL), 0);
	assert_true(strv_eq(again.message_id, imdn.message_id));
	assert_true(strv_eq(again.recipient_uri, STRV("tel:+1")));
	assert_true(strv_eq(again.subject, imdn.subject));
	assert_int_equal(again.status, IMDN_LEGACY_SMS);
	imdn.status = IMDN_DELIVERED;
	assert_int_equal(imdn_print(&imdn, arena, &print, NULL), -1);
	imdn.status = IMDN_LEGACY_MMS;
	imdn.subject = STRV("a\nb");
	assert_int_equal(imdn_print(&imdn, arena, &print, NULL), -1);
	imdn.subject = STRV("\xef\xbf\xbf");
	assert_int_equal(imdn_print(&imdn, arena, &print, NULL), -1);
	arena_free(&arena);
}

static void test_asked(void **state)
{
	static const struct {
		const char *value;
		unsigned bits;
	} rows[] = {
		{ "positive-delivery, display", IMDN_ASK_POSITIVE_DELIVERY | IMDN_ASK_DISPLAY },
		{ "negative-delivery ;a=b;c=d , processing",
		  IMDN_ASK_NEGATIVE_DELIVERY | IMDN_ASK_PROCESSING },
		{ "interworking,unheard-of,,", IMDN_ASK_INTERWORKING },
		{ "Display", 0 },
		{ "displayed", 0 },
		{ "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(imdn_asked(strv_of(rows[i].value)), rows[i].bits);
}

static int set_up(void **state)
{
	(void)state;
	return xml_init(NULL, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	xml_fini();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_asked),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
