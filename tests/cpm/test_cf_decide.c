/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets a message to a group or a list, and why nobody does: parse and decide. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/xml.h"
#include "cpm/controlling/cf_priv.h"

#define COUNT(a)   (sizeof(a) / sizeof((a)[0]))
#define CPIM(from) "From: <" from ">\r\nTo: <sip:g@x>\r\n\r\nContent-Type: text/plain\r\n\r\nhi"
#define ENTRY(uri) "<entry uri='" uri "'/>"
#define LIST(entries)                                                                  \
	"--b\r\nContent-Type: application/resource-lists+xml\r\n"                      \
	"Content-Disposition: recipient-list\r\n\r\n"                                  \
	"<resource-lists xmlns='urn:ietf:params:xml:ns:resource-lists'><list>" entries \
	"</list></resource-lists>\r\n"
#define PART(type, body) "--b\r\nContent-Type: " type "\r\n\r\n" body "\r\n"
#define MIXED(parts)	 parts "--b--\r\n"
#define MIXED_TYPE	 "multipart/mixed;boundary=b"

enum { HIDDEN = 1, NESTED = 2, REMOTE_LIST = 4, LOST = 8 }; /* row.is */

static const struct strv members[] = {
	{ "sip:ann@x", 9 }, { "tel:+49", 7 },  { "sip:bo@x", 8 },
	{ "sip:g@x", 7 },   { "sip:bo@x", 8 }, /* itself, and somebody twice */
};

static struct pol_verdict verdict_of(const char *perms)
{
	struct pol_verdict v;

	memset(&v, 0, sizeof(v));
	v.value[POL_DELIVER] = strstr(perms, "ban")    ? POL_DELIVER_REJECT
			       : strstr(perms, "drop") ? POL_DELIVER_DROP
						       : POL_DELIVER_ALLOW;
	v.value[POL_REJECT_CODE] = strstr(perms, "606") ? 606 : 0;
	v.value[POL_MAX_GROUP_MEMBERS] = strstr(perms, "few") ? 2 : POL_UNLIMITED;
	v.value[POL_MAX_RECIPIENTS] = v.value[POL_MAX_GROUP_MEMBERS];
	v.value[POL_JOIN] = strstr(perms, "join") != NULL;
	v.value[POL_CONFERENCE_STATE] = strstr(perms, "state") != NULL;
	v.value[POL_ANONYMITY] = strstr(perms, "anonymity") != NULL;
	v.value[POL_PRIVATE_MESSAGE] = strstr(perms, "private") != NULL;
	if (strstr(perms, "unsure"))
		v.unsure[POL_JOIN / 64] |= (uint64_t)1 << (POL_JOIN % 64);
	return v;
}

static const struct row {
	const char *why;
	unsigned is;
	const char *perms, *hidden; /* HIDDEN: as the group sees them */
	const char *type, *body, *lines;
	int to_factory;
	const char *expected; /* status, [hide] members; or status: reason or option tags */
} rows[] = {
	{ "members but the sender, each once, not the group", 0, "join state", NULL, "text/plain",
	  "hi", "", 0, "202 tel:+49 sip:bo@x" },
	{ "who may not see the members is not told whose report it is", 0, "join", NULL,
	  "text/plain", "hi", "", 0, "202 hide tel:+49 sip:bo@x" },
	{ "no rule, no message", 0, "state", NULL, "text/plain", "hi", "", 0, "403" },
	{ "cannot tell: later", 0, "join unsure", NULL, "text/plain", "hi", "", 0, "503" },
	{ "a list elsewhere cannot be had: not to a part", REMOTE_LIST, "join", NULL, "text/plain",
	  "hi", "", 0, "503" },
	{ "no good value of its rules", LOST, "join", NULL, "text/plain", "hi", "", 0, "503" },
	{ "the operator forbids", 0, "join ban", NULL, "text/plain", "hi", "", 0, "403" },
	{ "with a code of theirs", 0, "join ban 606", NULL, "text/plain", "hi", "", 0, "606" },
	{ "the operator swallows", 0, "join drop", NULL, "text/plain", "hi", "", 0, "202 drop" },
	{ "more members than the operator allows", 0, "join few", NULL, "text/plain", "hi", "", 0,
	  "413" },
	{ "anonymous, which the group does not take", HIDDEN, "join", "", "text/plain", "hi", "", 0,
	  "433" },
	{ "anonymous by the rules for members", HIDDEN, "join anonymity state", "", "text/plain",
	  "hi", "", 0, "202 anonymous tel:+49 sip:bo@x" },
	{ "anonymous by the rules for the anonymous", HIDDEN, "state", "join anonymity",
	  "text/plain", "hi", "", 0, "202 anonymous tel:+49 sip:bo@x" },
	{ "anonymous and no member", HIDDEN, "anonymity", "", "text/plain", "hi", "", 0, "403" },
	{ "a signed message keeps its From, so it cannot hide", HIDDEN, "join anonymity", "",
	  "multipart/signed;boundary=b", PART("message/cpim", CPIM("sip:ann@x")) "--b--\r\n", "", 0,
	  "433" },
	{ "a group's message to a group ends", NESTED, "join", NULL, "text/plain", "hi", "", 0,
	  "403" },
	{ "CPIM From is the sender's", 0, "join state", NULL, "message/cpim", CPIM("sip:ann@x"), "",
	  0, "202 tel:+49 sip:bo@x" },
	{ "CPIM From is another's", 0, "join", NULL, "message/cpim", CPIM("sip:bo@x"), "", 0,
	  "403" },
	{ "also inside of what is signed", 0, "join", NULL, "multipart/signed;boundary=b",
	  PART("message/cpim", CPIM("sip:bo@x")) "--b--\r\n", "", 0, "403" },
	{ "CPIM From is nobody's, as clients write it", 0, "join state", NULL, "message/cpim",
	  CPIM("sip:anonymous@anonymous.invalid"), "", 0, "202 tel:+49 sip:bo@x" },
	{ "no CPIM", 0, "join", NULL, "message/cpim", "hi", "", 0, "400" },
	{ "no parts", 0, "join", NULL, MIXED_TYPE, "hi", "", 0, "400" },
	{ "compressed: passed as it is", 0, "join state", NULL, "message/cpim", "\x1f\x8b",
	  "Content-Encoding: gzip\r\n", 0, "202 tel:+49 sip:bo@x" },
	{ "what is typed is not for groups", 0, "join", NULL, "composing", "", "", 0, "415" },
	{ "unknown extensions are named", 0, "join", NULL, "text/plain", "hi",
	  "Require: recipient-list-message, foo\r\nRequire: bar\r\n", 0, "420: foo, bar" },
	{ "a folded one, too", 0, "join", NULL, "text/plain", "hi", "Require:\r\n foo\r\n", 0,
	  "420: foo" },
	{ "the last hop", 0, "join", NULL, "last hop", "hi", "", 0, "483" },

	{ "a part of the group", 0, "join private state", NULL, MIXED_TYPE,
	  MIXED(LIST(ENTRY("tel:+4-9")) PART("text/plain", "hi")), "", 0, "202 tel:+49" },
	{ "needs a rule", 0, "join", NULL, MIXED_TYPE,
	  MIXED(LIST(ENTRY("tel:+4-9")) PART("text/plain", "hi")), "", 0, "403" },
	{ "and members", 0, "join private", NULL, MIXED_TYPE,
	  MIXED(LIST(ENTRY("tel:+50")) PART("text/plain", "hi")), "", 0, "403" },

	{ "a list", 0, "", NULL, MIXED_TYPE,
	  MIXED(PART("text/plain", "hi") LIST(ENTRY("sip:cy@x;method=INVITE?Subject=x")
						      ENTRY("sip:CY@x") ENTRY("sip:cy@X"))),
	  "Require: recipient-list-message\r\n", 1, "202 sip:cy@x sip:CY@x" },
	{ "without the factory itself", 0, "", NULL, MIXED_TYPE,
	  MIXED(PART("text/plain", "hi") LIST(ENTRY("sip:f@x"))), "", 1, "404" },
	{ "no list", 0, "", NULL, "text/plain", "hi", "", 1, "400" },
	{ "a list and nothing else", 0, "", NULL, MIXED_TYPE, MIXED(LIST(ENTRY("sip:cy@x"))), "", 1,
	  "400" },
	{ "two lists", 0, "", NULL, MIXED_TYPE,
	  MIXED(LIST(ENTRY("sip:cy@x")) LIST("") PART("text/plain", "hi")), "", 1, "400" },
	{ "a list that is none", 0, "", NULL, MIXED_TYPE,
	  MIXED(LIST("<x") PART("text/plain", "hi")), "", 1, "400" },
	{ "a reference is not followed to a part of it", 0, "", NULL, MIXED_TYPE,
	  MIXED(LIST("<external anchor='http://x/'/>") PART("text/plain", "hi")), "", 1, "400" },
	{ "somebody who cannot be reached", 0, "", NULL, MIXED_TYPE,
	  MIXED(LIST(ENTRY("mailto:a@x")) PART("text/plain", "hi")), "", 1, "400" },
	{ "another body by the list", 0, "", NULL, MIXED_TYPE,
	  MIXED(LIST(ENTRY("sip:cy@x?a=b&amp;Body=x")) PART("text/plain", "hi")), "", 1, "400" },
	{ "too long", 0, "", NULL, MIXED_TYPE,
	  MIXED(PART("text/plain", "hi") LIST(ENTRY("sip:a@x") ENTRY("sip:b@x") ENTRY("sip:c@x")
						      ENTRY("sip:d@x") ENTRY("sip:e@x"))),
	  "", 1, "413" },
	{ "for the operator", 0, "few", NULL, MIXED_TYPE,
	  MIXED(PART("text/plain", "hi") LIST(ENTRY("sip:a@x") ENTRY("sip:b@x") ENTRY("sip:c@x"))),
	  "", 1, "413" },
	{ "what stands beside the list is read", 0, "", NULL, MIXED_TYPE,
	  MIXED(PART("message/cpim", CPIM("sip:bo@x")) LIST(ENTRY("sip:a@x"))), "", 1, "403" },
};

static void print(char *text, size_t size, const struct cf_plan *plan, unsigned status,
		  struct strv unsupported)
{
	int n = snprintf(text, size, "%u%s%.*s%s%s%s", status ? status : plan->status,
			 unsupported.n ? ": " : "", STRV_ARG(unsupported),
			 plan->drop ? " drop" : "", plan->anonymous && plan->n ? " anonymous" : "",
			 plan->hide && plan->n ? " hide" : "");

	for (unsigned i = 0; i < plan->n && (status ? status : plan->status) == 202; i++)
		n += snprintf(text + n, size - (size_t)n, " %.*s", STRV_ARG(plan->member[i]));
}

static void check_row(const struct row *row)
{
	struct pol_verdict known = verdict_of(row->perms);
	struct pol_verdict hidden = verdict_of(row->hidden ? row->hidden : "");
	struct cpm_group_rules group = { .uri = STRV("sip:g@x"),
					 .member = members,
					 .n_members = COUNT(members),
					 .is_complete = !(row->is & REMOTE_LIST),
					 .lost = (row->is & LOST) != 0 };
	struct cpm_message_draft m = { .sender = { STRV("sip:ann@x") },
				       .n_sender = 1,
				       .anonymous = (row->is & HIDDEN) != 0,
				       .content_type = strv_of(row->type),
				       .body = strv_of(row->body),
				       .lines = strv_of(row->lines),
				       .hops = strcmp(row->type, "last hop") == 0,
				       .is_composing = strcmp(row->type, "composing") == 0 };
	struct cf_facts facts = { .focus = row->to_factory ? STRV("sip:f@x") : group.uri,
				  .group = row->to_factory ? NULL : &group,
				  .known = &known,
				  .hidden = m.anonymous ? &hidden : NULL,
				  .max_list = 4,
				  .max_members = 100 };
	struct arena *arena = arena_new(0);
	struct strv unsupported = { NULL, 0 };
	struct cf_request request;
	struct cf_plan plan = { 0 };
	const char *why;
	char text[256];
	unsigned status;

	if (row->is & NESTED)
		m.group = STRV("sip:h@x");
	status = cf_request_read(&m, 4, NULL, arena, &request, &why, &unsupported);
	facts.request = &request;
	if (!status)
		assert_int_equal(cf_decide(&facts, NULL, arena, &plan), 0);
	print(text, sizeof(text), &plan, status, unsupported);
	if (strcmp(text, row->expected) != 0)
		fail_msg("%s: %s instead of %s (%s)", row->why, text, row->expected,
			 why ? why : plan.why);
	arena_free(&arena);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check_row(&rows[i]);
}

static void test_ten_thousand(void **state)
{
	enum { N = 10000 };
	static char text[N][24];
	static struct strv member[N];
	struct pol_verdict known = verdict_of("join");
	struct cpm_group_rules group = { .uri = STRV("sip:g@x"),
					 .member = member,
					 .is_complete = 1,
					 .n_members = N,
					 .max_participants = N };
	struct cpm_message_draft m = { .sender = { STRV("sip:ann@x") }, .n_sender = 1 };
	struct cf_request request = { .m = &m };
	struct cf_facts facts = { .request = &request,
				  .focus = group.uri,
				  .group = &group,
				  .known = &known,
				  .max_members = 5 };
	struct arena *arena = arena_new(0);
	struct cf_plan plan;

	(void)state;
	for (unsigned i = 0; i < N; i++) { /* each twice */
		snprintf(text[i], sizeof(text[i]), "sip:u%u@x", i / 2);
		member[i] = strv_of(text[i]);
	}
	assert_int_equal(cf_decide(&facts, NULL, arena, &plan), 0);
	assert_int_equal(plan.status, 202);
	assert_int_equal(plan.n, N / 2);
	group.max_participants = N - 1;
	assert_int_equal(cf_decide(&facts, NULL, arena, &plan), 0);
	assert_int_equal(plan.status, 413);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_ten_thousand),
	};
	struct err err;

	if (xml_init(NULL, &err) < 0)
		return 1;
	return cmocka_run_group_tests_name("cf_decide", tests, NULL, NULL);
}
