/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/test_prefs.c - feature sets and caller preferences (RFC 3840 s9, RFC 3841 s7.2, s9.1)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "sip/sip_prefs.h"

/* ---- tag by tag ---- */

static const struct {
	const char *why, *wanted, *have;
	unsigned n_wanted, present;
	int differs;
} matches[] = {
	{ "a flag is TRUE", ";audio", ";audio=\"TRUE\"", 1, 1, 0 },
	{ "and not FALSE", ";audio", ";audio=\"FALSE\"", 1, 1, 1 },
	{ "not TRUE is FALSE", ";audio=\"!TRUE\"", ";audio=\"FALSE\"", 1, 1, 0 },
	{ "not FALSE is TRUE, which a flag is", ";audio=\"!false\"", ";audio", 1, 1, 0 },
	{ "a tag that is not there does not differ", ";video", ";audio", 1, 0, 0 },
	{ "lists: one in common is enough", ";methods=\"BYE,INFO\"", ";methods=\"INVITE,BYE\"", 1,
	  1, 0 },
	{ "lists: none in common", ";methods=\"BYE,INFO\"", ";methods=\"INVITE\"", 1, 1, 1 },
	{ "tokens: any case", ";+g.3gpp.icsi-ref=\"urn%3Aurn-7%3aX\"",
	  ";+G.3GPP.icsi-ref=\"urn%3aurn-7%3Ax\"", 1, 1, 0 },
	{ "strings: this case", ";+sip.instance=\"<urn:A>\"", ";+sip.instance=\"<urn:a>\"", 1, 1,
	  1 },
	{ "strings: the same", ";+sip.instance=\"<urn:A>\"", ";+sip.instance=\"<urn:A>\"", 1, 1,
	  0 },
	{ "a string is no token", ";+x=\"<a>\"", ";+x=\"a\"", 1, 1, 1 },
	{ "a comma in a string is text", ";+x=\"<a,b>\"", ";+x=\"<b>\"", 1, 1, 1 },
	{ "not x: y is", ";mobility=\"!fixed\"", ";mobility=\"mobile\"", 1, 1, 0 },
	{ "not x: x is not", ";mobility=\"!fixed\"", ";mobility=\"fixed\"", 1, 1, 1 },
	{ "not x, on the contact's side", ";events=\"presence\"",
	  ";events=\"!presence,message-summary\"", 1, 1, 1 },
	{ "not x and not y leave something", ";+x=\"!a\"", ";+x=\"!b\"", 1, 1, 0 },
	{ "numbers: at least", ";priority=\"#>=20\"", ";priority=\"#20\"", 1, 1, 1 },
	{ "numbers: equal is in the range", ";priority=\"#>=20\"", ";priority=\"#=20\"", 1, 1, 0 },
	{ "numbers: ranges touch", ";+r=\"#-4:+5.125\"", ";+r=\"#>=5.125\"", 1, 1, 0 },
	{ "numbers: ranges miss", ";+r=\"#-4:5\"", ";+r=\"#<=-4.5\"", 1, 1, 1 },
	{ "numbers: not within", ";+r=\"!#1:5\"", ";+r=\"#=3\"", 1, 1, 1 },
	{ "numbers: not within, beyond is", ";+r=\"!#1:5\"", ";+r=\"#=7\"", 1, 1, 0 },
	{ "a number that is none matches nothing", ";+r=\"#x\"", ";+r=\"#=1\"", 1, 1, 1 },
	{ "the long form of a base tag is that tag", ";+sip.audio", ";audio", 1, 1, 0 },
	{ "language has no long form", ";+sip.language=\"en\"", ";language=\"en\"", 1, 0, 0 },
	{ "nor a prefix", ";+language=\"en\"", ";language=\"en\"", 1, 1, 0 },
	{ "a plus does not make a base tag", ";+audio", ";audio", 1, 0, 0 },
	{ "what is no feature parameter is left out", ";require;explicit;q=0.5;expires=7;audio",
	  ";audio;rinstance=a", 1, 1, 0 },
	{ "an empty value says nothing", ";audio;+x=\"\"", ";+x=\"a\"", 1, 0, 0 },
	{ "tags are ANDed", ";audio;video=\"FALSE\"", ";audio;video", 2, 2, 1 },
	{ "nothing wanted", "", ";audio", 0, 0, 0 },
};

static void matching(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++) {
		struct sip_features *wanted, *have;
		struct sip_feature_match match;
		struct err err;

		assert_int_equal(sip_features_parse(strv_of(matches[i].wanted), NULL, &wanted,
						    &err),
				 0);
		assert_int_equal(sip_features_parse(strv_of(matches[i].have), NULL, &have, &err),
				 0);
		sip_features_match(wanted, have, &match);
		if (match.wanted != matches[i].n_wanted || match.present != matches[i].present ||
		    match.differs != matches[i].differs)
			fail_msg("%s: wanted %u present %u differs %d", matches[i].why,
				 match.wanted, match.present, match.differs);
		sip_features_free(&wanted);
		sip_features_free(&have);
	}
}

static void sets(void **state)
{
	static const char rcs[] =
		";+sip.instance=\"<urn:gsma:imei:90420156-025763-0>\";+g.3gpp.icsi-ref="
		"\"urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg,urn%3Aurn-7%3A3gpp-service.ims."
		"icsi.oma.cpm.session\";+g.3gpp.iari-ref=\"urn%3Aurn-7%3A3gpp-application.ims.iari."
		"rcs.fthttp\";audio;methods=\"INVITE,MESSAGE\"";
	struct sip_features *features;
	struct err err = { 0 };
	char many[SIP_FEATURE_TEXT_MAX];
	size_t n = 0;

	(void)state;
	assert_int_equal(sip_features_parse(STRV(rcs), NULL, &features, &err), 0);
	assert_int_equal(sip_features_count(features), 5);
	assert_true(sip_features_bytes(features) < sizeof(rcs) + 100);
	assert_true(sip_features_has(features, "+g.3gpp.icsi-ref", NULL));
	assert_true(sip_features_has(features, "+g.3gpp.icsi-ref",
				     "urn%3aurn-7%3a3gpp-service.ims.icsi.oma.cpm.session"));
	assert_false(sip_features_has(features, "+g.3gpp.icsi-ref", "other"));
	assert_true(sip_features_has(features, "audio", "true"));
	assert_false(sip_features_has(features, "video", NULL));
	sip_features_free(&features);

	for (unsigned i = 0; i < SIP_FEATURE_TAGS_MAX + 1; i++)
		n += (size_t)snprintf(many + n, sizeof(many) - n, ";+x%u", i);
	assert_int_equal(sip_features_parse(strv_mem(many, n), NULL, &features, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	n = (size_t)snprintf(many, sizeof(many), ";methods=\"");
	for (unsigned i = 0; i < SIP_FEATURE_VALUES_MAX + 1; i++)
		n += (size_t)snprintf(many + n, sizeof(many) - n, "a,");
	assert_int_equal(sip_features_parse(strv_mem(many, n), NULL, &features, &err), -1);
	memset(many, 'a', sizeof(many));
	assert_int_equal(sip_features_parse(strv_mem(many, sizeof(many)), NULL, &features, &err),
			 0);
	assert_int_equal(sip_features_count(features), 0);
	sip_features_free(&features);
}

/* ---- whole requests ---- */

#define EXAMPLE                                                                       \
	{ "u1;audio;video;methods=\"INVITE,BYE\"", 200 },                             \
		{ "u2;audio=\"FALSE\";methods=\"INVITE\";actor=\"msg-taker\"", 200 }, \
		{ "u3;audio;actor=\"msg-taker\";methods=\"INVITE\";video", 300 },     \
		{ "u4;audio;methods=\"INVITE,OPTIONS\"", 200 },                       \
	{                                                                             \
		"u5", 500                                                             \
	}

#define ICSI(x) "+g.3gpp.icsi-ref=\"urn%3A" x "\""
#define MSG_OR_FT                                                                               \
	{ "msg;" ICSI("msg"), 1000 }, { "both;+g.3gpp.icsi-ref=\"urn%3amsg,urn%3aft\"", 1000 }, \
		{ "ft;" ICSI("ft"), 1000 }, { "none;audio", 1000 },                             \
	{                                                                                       \
		"bare", 1000                                                                    \
	}

static const struct {
	const char *why, *method, *fields, *order;
	struct {
		const char *contact;
		unsigned q;
	} contacts[6];
} requests[] = {
	{ "the example of RFC 3841 s7.2.5",
	  "INVITE",
	  "Reject-Contact: *;actor=\"msg-taker\";video\r\nAccept-Contact: *;audio;require\r\n"
	  "Accept-Contact: *;video;explicit\r\n"
	  "a: *;methods=\"BYE\";class=\"business\";q=1.0\r\n",
	  "u5=1000000 u1=833333 u4=500000",
	  { EXAMPLE } },
	{ "the same in one field and two",
	  "INVITE",
	  "j: *;actor=\"msg-taker\";video\r\nAccept-Contact: *;audio;require, *;video;explicit,\r\n"
	  " *;methods=\"BYE\";class=\"business\"\r\n",
	  "u5=1000000 u1=833333 u4=500000",
	  { EXAMPLE } },
	{ "no preference: the method, which all can",
	  "INVITE",
	  "",
	  "u5=1000000 u3=1000000 u1=1000000 u2=1000000 u4=1000000",
	  { EXAMPLE } },
	{ "no preference: the method, which one can",
	  "OPTIONS",
	  "",
	  "u5=1000000 u4=1000000",
	  { EXAMPLE } },
	{ "no preference: a method that nobody can is theirs to refuse",
	  "MESSAGE",
	  "",
	  "u3=1000000 u1=1000000",
	  { { "u1;methods=\"INVITE\"", 200 }, { "u3;methods=\"BYE\"", 300 } } },
	{ "a subscription: its event package",
	  "SUBSCRIBE",
	  "Event: reg;id=1\r\n",
	  "a=1000000 c=500000",
	  { { "a;methods=\"SUBSCRIBE\";events=\"reg\"", 1000 },
	    { "b;methods=\"SUBSCRIBE\";events=\"presence\"", 1000 },
	    { "c;methods=\"SUBSCRIBE\"", 1000 } } },
	{ "only ordered: the service first, immune too, nobody dropped",
	  "MESSAGE",
	  "Accept-Contact: *;" ICSI("msg") "\r\n",
	  "msg=1000000 both=1000000 bare=1000000 ft=0 none=0",
	  { MSG_OR_FT } },
	{ "require: a mismatch goes, a missing tag stays",
	  "MESSAGE",
	  "Accept-Contact: *;" ICSI("msg") ";require\r\n",
	  "msg=1000000 both=1000000 bare=1000000 none=0",
	  { MSG_OR_FT } },
	{ "require;explicit: a missing tag goes too",
	  "MESSAGE",
	  "Accept-Contact: *;" ICSI("msg") ";require;explicit\r\n",
	  "msg=1000000 both=1000000 bare=1000000",
	  { MSG_OR_FT } },
	{ "two fields are ANDed",
	  "MESSAGE",
	  "Accept-Contact: *;" ICSI("msg") ";require;explicit\r\n"
					   "Accept-Contact: *;" ICSI("ft") ";require;explicit\r\n",
	  "both=1000000 bare=1000000",
	  { MSG_OR_FT } },
	{ "one list is ORed",
	  "MESSAGE",
	  "Accept-Contact: *;+g.3gpp.icsi-ref=\"urn%3amsg,urn%3aft\";require;explicit\r\n",
	  "msg=1000000 both=1000000 ft=1000000 bare=1000000",
	  { MSG_OR_FT } },
	{ "explicit alone: partly is nothing",
	  "INVITE",
	  "Accept-Contact: *;audio;video;explicit\r\n",
	  "b=1000000 a=0",
	  { { "a;audio", 1000 }, { "b;audio;video", 1000 } } },
	{ "one device",
	  "MESSAGE",
	  "Accept-Contact: *;+sip.instance=\"<urn:uuid:B>\";require;explicit\r\n",
	  "b=1000000",
	  { { "a;+sip.instance=\"<urn:uuid:A>\"", 1000 },
	    { "b;+sip.instance=\"<urn:uuid:B>\"", 1 } } },
	{ "nobody left: 480",
	  "MESSAGE",
	  "Accept-Contact: *;video;require;explicit\r\n",
	  "",
	  { { "a;audio", 1000 } } },
	{ "reject: only who carries every tag named",
	  "MESSAGE",
	  "Reject-Contact: *;audio;video\r\n",
	  "a=1000000 c=1000000",
	  { { "a;audio", 1000 }, { "b;audio;video", 1000 }, { "c", 1000 } } },
	{ "q goes before preference",
	  "MESSAGE",
	  "Accept-Contact: *;audio\r\n",
	  "b=0 a=1000000",
	  { { "a;audio", 100 }, { "b;video", 200 } } },
};

static struct sip_fence fence;

static struct sip_msg *make(struct arena *arena, const char *method, const char *fields)
{
	char *text = arena_printf(arena,
				  "%s sip:u@h SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n"
				  "From: <sip:a@h>;tag=1\r\nTo: <sip:u@h>\r\nCall-ID: 1\r\n"
				  "CSeq: 1 %s\r\n%s\r\n",
				  method, method, fields);
	struct sip_msg *msg;
	struct err err;

	assert_int_equal(sip_fence_check(strv_of(text), 0, &fence), SIP_FENCE_PASS);
	assert_int_equal(sip_msg_parse(arena, strv_of(text), &fence, &msg, &err), 0);
	return msg;
}

static void ordering(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		struct arena *arena = arena_new(0);
		struct sip_msg *msg = make(arena, requests[i].method, requests[i].fields);
		struct sip_candidate candidates[6] = { 0 };
		struct sip_features *features;
		struct sip_prefs *prefs;
		char order[256] = "";
		unsigned n = 0;
		struct err err;

		for (; n < 6 && requests[i].contacts[n].contact; n++) {
			const char *contact = requests[i].contacts[n].contact;

			assert_int_equal(sip_features_parse(strv_of(contact +
								    strcspn(contact, ";")),
							    arena, &features, &err),
					 0);
			candidates[n].features = features;
			candidates[n].q = requests[i].contacts[n].q;
			candidates[n].arg = (void *)(uintptr_t)contact;
		}
		assert_int_equal(sip_prefs_parse(msg, &prefs, &err), 0);
		n = sip_prefs_apply(prefs, candidates, n);
		for (unsigned k = 0; k < n; k++) {
			const char *contact = candidates[k].arg;
			size_t at = strlen(order);

			snprintf(order + at, sizeof(order) - at, "%s%.*s=%u", k ? " " : "",
				 (int)strcspn(contact, ";"), contact, candidates[k].qa);
		}
		if (strcmp(order, requests[i].order) != 0)
			fail_msg("%s: %s", requests[i].why, order);
		arena_free(&arena);
	}
}

static void refusals(void **state)
{
	static const char *const bad[] = { "Accept-Contact: <sip:a@h>;audio\r\n",
					   "Accept-Contact: *;;\r\n", "Reject-Contact: audio\r\n",
					   "Accept-Contact: *;audio,\r\n" };
	struct arena *arena = arena_new(0);
	struct sip_prefs *prefs;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(sip_prefs_parse(make(arena, "MESSAGE", bad[i]), &prefs, &err), -1);
		assert_int_equal(err.code, ERR_SYNTAX);
	}
	arena_free(&arena);
}

static void dispositions(void **state)
{
	struct arena *arena = arena_new(0);
	struct sip_disposition d;

	(void)state;
	assert_int_equal(sip_disposition_parse(make(arena, "MESSAGE", ""), &d), 0);
	assert_false(d.no_fork || d.redirect || d.parallel);
	assert_int_equal(sip_disposition_parse(make(arena, "MESSAGE",
						    "d: No-Fork,\r\n parallel, x\r\n"),
					       &d),
			 0);
	assert_true(d.no_fork && d.parallel && !d.sequential);
	assert_int_equal(sip_disposition_parse(make(arena, "MESSAGE",
						    "Request-Disposition: proxy, recurse\r\n"
						    "d: redirect\r\n"),
					       &d),
			 -1);
	arena_free(&arena);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(matching),	cmocka_unit_test(sets),
		cmocka_unit_test(ordering),	cmocka_unit_test(refusals),
		cmocka_unit_test(dispositions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
