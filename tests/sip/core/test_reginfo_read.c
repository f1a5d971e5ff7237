/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/core/test_reginfo_read.c - what another registrar tells, and what is known afterwards
 *
 * A row is a short history of one user of an S-CSCF: documents, and who is registered after each:
 * URIs with the seconds that are left, in their order.
 */
#include "sip/core/reginfo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/xml.h"

#define HOME STRV("sip:carl@example.com")
#define DOC(version, state)                                                                        \
	"<reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" version=\"" version "\" state=\"" state \
	"\">"
#define FULL	   "full"
#define PARTIAL	   "partial"
#define REG(state) "<registration aor=\"sip:carl@example.com\" id=\"a\" state=\"" state "\">"
#define END	   "</registration></reginfo>"
#define CONTACT(state, expires, uri, more)                                           \
	"<contact id=\"1\" state=\"" state "\" event=\"created\" expires=\"" expires \
	"\" callid=\"c\" cseq=\"7\" q=\"0.5\"><uri>" uri "</uri>" more "</contact>"
#define INSTANCE(n) \
	"<unknown-param name=\"+sip.instance\">\"&lt;urn:uuid:" n "&gt;\"</unknown-param>"

/* ---- what is read ---- */

struct bad {
	const char *why, *text;
	enum err_code code;
};

static const struct bad bads[] = {
	{ "nothing", "", ERR_SYNTAX },
	{ "no XML", "registered", ERR_SYNTAX },
	{ "another root", "<x xmlns=\"urn:ietf:params:xml:ns:reginfo\"/>", ERR_SYNTAX },
	{ "another namespace", "<reginfo version=\"0\" state=\"full\"/>", ERR_SYNTAX },
	{ "no version", "<reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" state=\"full\"/>",
	  ERR_SYNTAX },
	{ "a version that is no number", DOC("one", FULL) "</reginfo>", ERR_SYNTAX },
	{ "a version beyond 32 bits", DOC("4294967296", FULL) "</reginfo>", ERR_SYNTAX },
	{ "neither full nor partial", DOC("0", "half") "</reginfo>", ERR_SYNTAX },
	{ "nobody's registration", DOC("0", FULL) "<registration state=\"active\"/></reginfo>",
	  ERR_SYNTAX },
	{ "a document type", "<!DOCTYPE reginfo><reginfo/>", ERR_SYNTAX },
};

static void what_is_no_document_is_refused(void **state)
{
	struct arena *arena = arena_new(0);
	struct reginfo *info;

	(void)state;
	for (unsigned i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		struct err err = { ERR_NONE, "" };

		if (reginfo_parse(strv_of(bads[i].text), arena, &info, &err) == 0 ||
		    err.code != bads[i].code)
			fail_msg("%s: %s", bads[i].why, err.text);
		assert_null(info);
	}
	arena_free(&arena);
}

static void more_than_there_may_be_is_refused(void **state)
{
	static char text[200000];
	struct arena *arena = arena_new(0);
	struct err err = { ERR_NONE, "" };
	struct reginfo *info;
	size_t n;

	(void)state;
	n = (size_t)sprintf(text, "%s", DOC("0", FULL) REG("active"));
	for (unsigned i = 0; i < LOC_BINDINGS_MAX + 1; i++)
		n += (size_t)sprintf(text + n, "%s", CONTACT("active", "1", "sip:a@h", ""));
	sprintf(text + n, "%s", END);
	assert_int_equal(reginfo_parse(strv_of(text), arena, &info, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	n = (size_t)sprintf(text, "%s", DOC("0", FULL));
	for (unsigned i = 0; i < REGINFO_REGS_MAX + 1; i++)
		n += (size_t)sprintf(text + n, "%s", REG("active") "</registration>");
	sprintf(text + n, "</reginfo>");
	assert_int_equal(reginfo_parse(strv_of(text), arena, &info, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	arena_free(&arena);
}

struct param {
	const char *why, *xml, *params, *instance;
};

/* What has no place in a header field does not come in. */
static const struct param params[] = {
	{ "a flag", "<unknown-param name=\"+g.oma.sip-im\"/>", ";+g.oma.sip-im", "" },
	{ "with white space around it (RFC 3680 s5.3.2)",
	  "<unknown-param name=\"a\">\n \"x;y, z\" \n</unknown-param>", ";a=\"x;y, z\"", "" },
	{ "an instance", INSTANCE("1"), ";+sip.instance=\"<urn:uuid:1>\"", "urn:uuid:1" },
	{ "a quote that ends early", "<unknown-param name=\"a\">\"x\"y\"</unknown-param>", "", "" },
	{ "a quote that does not end", "<unknown-param name=\"a\">\"x\\\"</unknown-param>", "",
	  "" },
	{ "another line", "<unknown-param name=\"a\">\"x\r\nVia: y\"</unknown-param>", "", "" },
	{ "another line in the name", "<unknown-param name=\"a&#10;b\"/>", "", "" },
	{ "another parameter", "<unknown-param name=\"a\">x;y</unknown-param>", "", "" },
	{ "another value", "<unknown-param name=\"a\">x,y</unknown-param>", "", "" },
	{ "no name", "<unknown-param>x</unknown-param>", "", "" },
	{ "what only we say", "<unknown-param name=\"temp-gruu\">x</unknown-param>", "", "" },
	{ "of another namespace", "<x:unknown-param xmlns:x=\"urn:x\" name=\"a\"/>", "", "" },
};

static void parameters_are_those_of_a_header_field(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
		struct arena *arena = arena_new(0);
		struct reginfo *info;
		struct err err;
		char text[2048];

		snprintf(text, sizeof(text), "%s%s%s",
			 DOC("0", FULL)
				 REG("active") "<contact state=\"active\"><uri>sip:a@h</uri>",
			 params[i].xml, "</contact>" END);
		assert_int_equal(reginfo_parse(strv_of(text), arena, &info, &err), 0);
		assert_int_equal(info->reg[0].n_contacts, 1);
		if (!strv_eq(info->reg[0].contact[0].params, strv_of(params[i].params)) ||
		    !strv_eq(info->reg[0].contact[0].instance, strv_of(params[i].instance)))
			fail_msg("%s: %.*s", params[i].why,
				 STRV_ARG(info->reg[0].contact[0].params));
		arena_free(&arena);
	}
}

static void contacts_that_are_no_sip_uris_are_left_out(void **state)
{
	static const char *const uris[] = { "tel:+1",
					    "mailto:a@h",
					    "",
					    "sip:a@h&gt;, &lt;sip:b@h",
					    "sip:a@h&#13;&#10;X: y",
					    "sip:\xc3\xa4@h" };
	struct reginfo *info;
	struct err err;

	(void)state;
	for (unsigned i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
		struct arena *arena = arena_new(0);
		char text[1024];

		snprintf(text, sizeof(text), "%s%s%s",
			 DOC("0", FULL) REG("active") "<contact state=\"active\"><uri>", uris[i],
			 "</uri></contact>" END);
		assert_int_equal(reginfo_parse(strv_of(text), arena, &info, &err), 0);
		if (info->reg[0].n_contacts)
			fail_msg("%s", uris[i]);
		arena_free(&arena);
	}
}

/* ---- what is known afterwards ---- */

enum { STEPS = 4 };

static const struct row {
	const char *why;
	struct {
		const char *doc, *after;
	} step[STEPS];
} rows[] = {
	{ "a device takes the place of the address itself",
	  { { DOC("0", FULL) REG("active") CONTACT("active", "600", "sip:c@192.0.2.1", "") END,
	      "sip:other@h 99|sip:c@192.0.2.1 630" } } },
	{ "without a device the address stays",
	  { { DOC("0", FULL) REG("active") END, "sip:carl@example.com 3630|sip:other@h 99" } } },
	{ "who is not registered has nothing of theirs",
	  { { DOC("0", FULL) REG("terminated") END, "sip:other@h 99" } } },
	{ "a full document names all that there is",
	  { { DOC("0", FULL) REG("active") CONTACT("active", "600", "sip:c@h1", "")
		      CONTACT("active", "700", "sip:c@h2", "") END,
	      "sip:other@h 99|sip:c@h1 630|sip:c@h2 730" },
	    { DOC("1", FULL) REG("active") CONTACT("active", "650", "sip:c@h2", "") END,
	      "sip:other@h 99|sip:c@h2 680" } } },
	{ "a partial one what has changed",
	  { { DOC("0", FULL) REG("active") CONTACT("active", "600", "sip:c@h1", "") END,
	      "sip:other@h 99|sip:c@h1 630" },
	    { DOC("1", PARTIAL) REG("active") CONTACT("active", "700", "sip:c@h2", "") END,
	      "sip:other@h 99|sip:c@h1 630|sip:c@h2 730" },
	    { DOC("2", PARTIAL) REG("active") CONTACT("terminated", "0", "sip:c@h1", "") END,
	      "sip:other@h 99|sip:c@h2 730" },
	    { DOC("3", PARTIAL) REG("terminated") CONTACT("terminated", "0", "sip:c@h2", "") END,
	      "sip:other@h 99" } } },
	{ "a device is its instance, whatever its address",
	  { { DOC("0", FULL) REG("active") CONTACT("active", "600", "sip:c@h1", INSTANCE("1")) END,
	      "sip:other@h 99|sip:c@h1 630" },
	    { DOC("1", PARTIAL) REG("active") CONTACT("active", "700", "sip:c@h2", INSTANCE("1"))
		      END,
	      "sip:other@h 99|sip:c@h2 730" },
	    { DOC("2", PARTIAL) REG("active") CONTACT("active", "800", "sip:c@h2", INSTANCE("2"))
		      END,
	      "sip:other@h 99|sip:c@h2 730|sip:c@h2 830" } } },
	{ "another user's registration is none of theirs",
	  { { DOC("0", FULL) "<registration aor=\"sip:dora@example.com\" state=\"active\">" CONTACT(
		      "active", "600", "sip:d@h", "") END,
	      "sip:carl@example.com 3630|sip:other@h 99" } } },
	{ "what is longer than can be is cut",
	  { { DOC("0", FULL) REG("active") CONTACT("active", "4294967295", "sip:c@h", "") END,
	      "sip:other@h 99|sip:c@h 864030" } } },
	{ "without a time it is the registration's",
	  { { DOC("0", FULL)
		      REG("active") "<contact state=\"active\"><uri>sip:c@h</uri></contact>" END,
	      "sip:other@h 99|sip:c@h 3630" } } },
};

static const struct reginfo_source source = { .path = { "<sip:s;lr>", 10 },
					      .granted_s = 3600,
					      .grace_s = 30,
					      .now_us = INT64_C(5000000000) };

/* By REGISTER: the user's own address along the same path; and a device that is not of the core. */
static const struct loc_user *before(void)
{
	const struct loc_binding b[] = {
		{ .uri = HOME,
		  .params = STRV(""),
		  .path = source.path,
		  .expires_us = source.now_us + 3630000000 },
		{ .uri = STRV("sip:other@h"), .expires_us = source.now_us + 99000000 },
	};
	const struct strv identities[] = { HOME, STRV("tel:+1") };
	const struct loc_user draft = { .version = 3,
					.aor = HOME,
					.identities = identities,
					.n_identities = 2,
					.bindings = b,
					.n_bindings = 2 };

	return loc_user_new(&draft);
}

static void print(const struct loc_user *user, char *out)
{
	*out = '\0';
	for (unsigned i = 0; user && i < user->n_bindings; i++)
		out += sprintf(out, "%s%.*s %d", i ? "|" : "", STRV_ARG(user->bindings[i].uri),
			       (int)((user->bindings[i].expires_us - source.now_us) / 1000000));
}

static void run(const struct row *row)
{
	const struct loc_user *user = before();

	for (unsigned i = 0; i < STEPS && row->step[i].doc; i++) {
		struct arena *arena = arena_new(0);
		const struct loc_user *made;
		struct loc_user draft;
		struct reginfo *info;
		struct err err;
		char after[1024];
		int changed;

		assert_int_equal(reginfo_parse(strv_of(row->step[i].doc), arena, &info, &err), 0);
		for (unsigned r = 0; r < info->n_regs; r++)
			info->reg[r].home = info->reg[r].aor;
		changed = reginfo_merge(info, &source, HOME, user, arena, &draft);
		assert_true(changed >= 0);
		if (changed) {
			assert_int_equal(draft.version, user->version + 1);
			assert_int_equal(draft.n_identities, 2);
			made = loc_user_new(&draft);
			assert_non_null(made);
			loc_user_drop(&user);
			user = made;
		}
		print(user, after);
		if (strcmp(after, row->step[i].after) != 0)
			fail_msg("%s, step %u: %s", row->why, i + 1, after);
		arena_free(&arena);
	}
	loc_user_drop(&user);
}

static void what_is_told_and_what_is_known_are_put_together(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run(&rows[i]);
}

/* What we print ourselves is read as it was. */
static void our_own_documents_are_read(void **state)
{
	const struct loc_binding b = { .uri = STRV("sip:a@h;x=\"<\""),
				       .params = STRV(
					       ";+g.oma.sip-im;+sip.instance=\"<urn:uuid:1>\""),
				       .instance = STRV("urn:uuid:1"),
				       .call_id = STRV("c@h"),
				       .cseq = 9,
				       .q = 300,
				       .since_us = source.now_us - 7000000,
				       .expires_us = source.now_us + 99000000 };
	const struct loc_user user = { .aor = HOME, .bindings = &b, .n_bindings = 1 };
	struct arena *arena = arena_new(0);
	struct reginfo *info;
	struct err err;
	const struct reginfo_contact *c;

	(void)state;
	assert_int_equal(reginfo_parse(reginfo_print(&user, HOME, 4, source.now_us, arena), arena,
				       &info, &err),
			 0);
	assert_int_equal(info->version, 4);
	assert_int_equal(info->is_full, 1);
	assert_int_equal(info->n_regs, 1);
	assert_int_equal(info->reg[0].is_active, 1);
	/* Its URI has what no URI has; with one it is there. */
	assert_int_equal(info->reg[0].n_contacts, 0);
	((struct loc_binding *)(uintptr_t)&b)->uri = STRV("sip:a@h");
	assert_int_equal(reginfo_parse(reginfo_print(&user, HOME, 4, source.now_us, arena), arena,
				       &info, &err),
			 0);
	c = &info->reg[0].contact[0];
	assert_int_equal(info->reg[0].n_contacts, 1);
	assert_true(strv_eq(c->params, b.params));
	assert_true(strv_eq(c->instance, b.instance));
	assert_true(strv_eq(c->call_id, b.call_id));
	assert_int_equal(c->cseq, 9);
	assert_int_equal(c->q, 300);
	assert_int_equal(c->since_s, 7);
	assert_int_equal(c->expires_s, 99);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_document_is_refused),
		cmocka_unit_test(more_than_there_may_be_is_refused),
		cmocka_unit_test(parameters_are_those_of_a_header_field),
		cmocka_unit_test(contacts_that_are_no_sip_uris_are_left_out),
		cmocka_unit_test(what_is_told_and_what_is_known_are_put_together),
		cmocka_unit_test(our_own_documents_are_read),
	};

	if (xml_init(NULL, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
