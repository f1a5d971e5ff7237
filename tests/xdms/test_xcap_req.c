/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/xdms/test_xcap_req.c - requests from target to decision, without an edge or a store
 *
 * Each row is one request on one document: who asks, what is answered, and what would be stored.
 */
#include "xdms/xcap_req.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/xml.h"

#define NS "urn:ietf:params:xml:ns:resource-lists"
#define DOC                           \
	"<resource-lists xmlns=\"" NS \
	"\"><list name=\"a\"><entry uri=\"sip:b@x\"/></list></resource-lists>"
#define HOME "/xcap-root/resource-lists/users/sip:alice@x/"
#define TYPE "application/resource-lists+xml"
#define EL   "application/xcap-el+xml"
#define ATT  "application/xcap-att+xml"
#define LIST "index/~~/resource-lists/list"

enum { EPOCH = 6, VERSION = 42 };
#define ETAG "\"6-2a\""

enum who { NOBODY, ALICE, BOB, OPERATOR };

struct row {
	const char *why;
	enum who who;
	const char *method, *target, *type, *body;
	const char *doc; /* NULL: none is stored */
	const char *if_match, *if_none_match;
	unsigned status;
	const char *cause;
	const char *stored; /* what the document becomes; "": it is deleted; NULL: nothing */
};

#define OMA	     "/xcap-root/org.openmobilealliance."
#define LOCKED	     OMA "locked-user-profile/users/sip:alice@x/locked-user-profile"
#define HISTORY	     OMA "conv-history/users/sip:alice@x/conv-history"
#define PROFILE_TYPE "application/vnd.oma.user-profile+xml"
#define PROFILE                                                  \
	"<user-profiles xmlns=\"urn:oma:xml:xdm:user-profile\">" \
	"<user-profile uri=\"sip:alice@x\"/></user-profiles>"
#define ICON "<content xmlns=\"urn:oma:xml:prs:pres-content\"><data>aGVs</data></content>"

static const struct row rows[] = {
	{ "a document is read", ALICE, "GET", HOME "index", NULL, NULL, DOC, NULL, NULL, 200, NULL,
	  NULL },
	{ "an absent one is not", ALICE, "GET", HOME "index", NULL, NULL, NULL, NULL, NULL, 404,
	  "absent", NULL },
	{ "absent, whatever version is wanted", ALICE, "GET", HOME "index", NULL, NULL, NULL, ETAG,
	  NULL, 404, "absent", NULL },
	{ "not modified", ALICE, "GET", HOME "index", NULL, NULL, DOC, NULL, ETAG, 304, NULL,
	  NULL },
	{ "created", ALICE, "PUT", HOME "index", TYPE, DOC, NULL, NULL, NULL, 201, NULL, DOC },
	{ "replaced, also by the same octets", ALICE, "PUT", HOME "index", TYPE, DOC, DOC, NULL,
	  NULL, 200, NULL, DOC },
	{ "create only", ALICE, "PUT", HOME "index", TYPE, DOC, DOC, NULL, "*", 412, "etag", NULL },
	{ "of this version only", ALICE, "PUT", HOME "index", TYPE, DOC, DOC, "\"6-2b\"", NULL, 412,
	  "etag", NULL },
	{ "a condition that is none", ALICE, "PUT", HOME "index", TYPE, DOC, DOC, "\"6", NULL, 400,
	  "etag", NULL },
	{ "deleted", ALICE, "DELETE", HOME "index", NULL, NULL, DOC, NULL, NULL, 200, NULL, "" },
	{ "deleted twice", ALICE, "DELETE", HOME "index", NULL, NULL, NULL, NULL, NULL, 404,
	  "absent", NULL },
	{ "another media type", ALICE, "PUT", HOME "index", "text/xml", DOC, NULL, NULL, NULL, 415,
	  "content-type", NULL },
	{ "no media type", ALICE, "PUT", HOME "index", NULL, DOC, NULL, NULL, NULL, 415,
	  "content-type", NULL },
	{ "a charset that is UTF-8", ALICE, "PUT", HOME "index", TYPE "; charset=\"UTF-8\"", DOC,
	  NULL, NULL, NULL, 201, NULL, DOC },
	{ "a charset that is not", ALICE, "PUT", HOME "index", TYPE ";charset=latin1", DOC, NULL,
	  NULL, NULL, 415, "content-type", NULL },
	{ "not well-formed", ALICE, "PUT", HOME "index", TYPE, "<a>", NULL, NULL, NULL, 409,
	  "not-well-formed", NULL },
	{ "no folders", ALICE, "PUT", HOME "folder/index", TYPE, DOC, NULL, NULL, NULL, 409,
	  "no-parent", NULL },

	{ "an element is read", ALICE, "GET", HOME LIST, NULL, NULL, DOC, NULL, NULL, 200, NULL,
	  NULL },
	{ "none of that name", ALICE, "GET", HOME "index/~~/resource-lists/other", NULL, NULL, DOC,
	  NULL, NULL, 404, "absent", NULL },
	{ "an unbound prefix", ALICE, "GET", HOME "index/~~/p:resource-lists", NULL, NULL, DOC,
	  NULL, NULL, 400, "selector", NULL },
	{ "an extension selector", ALICE, "GET", HOME "index/~~/resource-lists/text()", NULL, NULL,
	  DOC, NULL, NULL, 404, "selector", NULL },
	{ "an element is inserted", ALICE, "PUT", HOME LIST "/entry%5b2%5d", EL,
	  "<entry uri=\"sip:c@x\"/>", DOC, NULL, NULL, 201, NULL,
	  "<resource-lists xmlns=\"" NS "\"><list name=\"a\"><entry uri=\"sip:b@x\"/>"
	  "<entry uri=\"sip:c@x\"/></list></resource-lists>" },
	{ "create only is not for nodes (RFC 4825 s7.11)", ALICE, "PUT", HOME LIST "/entry%5b2%5d",
	  EL, "<entry uri=\"sip:c@x\"/>", DOC, NULL, "*", 412, "etag", NULL },
	{ "the same address twice", ALICE, "PUT", HOME LIST "/entry%5b2%5d", EL,
	  "<entry uri=\"sip:b@x\"/>", DOC, NULL, NULL, 409, "uniqueness-failure", NULL },
	{ "what the schema does not know", ALICE, "PUT", HOME LIST "/entri", EL, "<entri/>", DOC,
	  NULL, NULL, 409, "schema-validation-error", NULL },
	{ "in the wrong order", ALICE, "PUT", HOME LIST "/display-name", EL,
	  "<display-name>x</display-name>", DOC, NULL, NULL, 409, "schema-validation-error", NULL },
	{ "into no document", ALICE, "PUT", HOME LIST, EL, "<list/>", NULL, NULL, NULL, 409,
	  "no-parent", NULL },
	{ "into no document, of a version", ALICE, "PUT", HOME LIST, EL, "<list/>", NULL, ETAG,
	  NULL, 412, "etag", NULL },
	{ "a missing parent comes before the media type", ALICE, "PUT",
	  HOME "index/~~/resource-lists/x/y", TYPE, "<y/>", DOC, NULL, NULL, 409, "no-parent",
	  NULL },
	{ "an element under the document's media type", ALICE, "PUT", HOME LIST, TYPE,
	  "<list name=\"a\"/>", DOC, NULL, NULL, 415, "content-type", NULL },
	{ "an element is deleted", ALICE, "DELETE", HOME LIST "/entry", NULL, NULL, DOC, NULL, NULL,
	  200, NULL, "<resource-lists xmlns=\"" NS "\"><list name=\"a\"></list></resource-lists>" },
	{ "the root is not", ALICE, "DELETE", HOME "index/~~/resource-lists", NULL, NULL, DOC, NULL,
	  NULL, 409, "schema-validation-error", NULL },
	{ "an attribute is replaced", ALICE, "PUT", HOME LIST "/@name", ATT, "\"z\"", DOC, NULL,
	  NULL, 200, NULL,
	  "<resource-lists xmlns=\"" NS "\"><list name=\"z\"><entry uri=\"sip:b@x\"/></list>"
	  "</resource-lists>" },
	{ "a mandatory attribute stays", ALICE, "DELETE", HOME LIST "/entry/@uri", NULL, NULL, DOC,
	  NULL, NULL, 409, "schema-validation-error", NULL },
	{ "bindings are only read", ALICE, "PUT", HOME LIST "/namespace::*", EL, "x", DOC, NULL,
	  NULL, 405, "method", NULL },

	{ "another user's tree", BOB, "GET", HOME "index", NULL, NULL, DOC, NULL, NULL, 403,
	  "access", NULL },
	{ "another user's tree, where nothing is", BOB, "GET", HOME "index", NULL, NULL, NULL, NULL,
	  NULL, 403, "access", NULL },
	{ "another user's tree, to write", BOB, "PUT", HOME "index", TYPE, DOC, NULL, NULL, NULL,
	  403, "access", NULL },
	{ "the tree of what is no user", BOB, "GET",
	  "/xcap-root/resource-lists/users/http:%2F%2Fx/index", NULL, NULL, NULL, NULL, NULL, 403,
	  "access", NULL },
	{ "an operator may", OPERATOR, "GET", HOME "index", NULL, NULL, DOC, NULL, NULL, 200, NULL,
	  NULL },
	{ "one's own tree by another spelling", ALICE, "GET",
	  "/xcap-root/resource-lists/users/SIP:%61lice%40X/index", NULL, NULL, DOC, NULL, NULL, 200,
	  NULL, NULL },
	{ "a profile of the operator's is read", ALICE, "GET", LOCKED, NULL, NULL, NULL, NULL, NULL,
	  404, "absent", NULL },
	{ "but not written by its user", ALICE, "PUT", LOCKED, PROFILE_TYPE, PROFILE, NULL, NULL,
	  NULL, 403, "access", NULL },
	{ "nor deleted", ALICE, "DELETE", LOCKED, NULL, NULL, PROFILE, NULL, NULL, 403, "access",
	  NULL },
	{ "but by an operator", OPERATOR, "PUT", LOCKED, PROFILE_TYPE, PROFILE, NULL, NULL, NULL,
	  201, NULL, PROFILE },
	{ "by nobody else", BOB, "GET", LOCKED, NULL, NULL, PROFILE, NULL, NULL, 403, "access",
	  NULL },
	{ "a history is not put", ALICE, "PUT", HISTORY, "application/vnd.oma.im.history-list+xml",
	  "<x/>", NULL, NULL, NULL, 405, "method", NULL },
	{ "not by an operator either (history)", OPERATOR, "PUT", HISTORY,
	  "application/vnd.oma.im.history-list+xml", "<x/>", NULL, NULL, NULL, 405, "method",
	  NULL },
	{ "a history is deleted", ALICE, "DELETE", HISTORY, NULL, NULL,
	  "<history-list xmlns=\"urn:oma:xml:im:history-list\"/>", NULL, NULL, 200, NULL, "" },
	{ "a folder of a usage that has folders", ALICE, "PUT",
	  "/xcap-root/org.openmobilealliance.pres-content/users/sip:alice@x/oma_status-icon/icon",
	  "application/vnd.oma.pres-content+xml", ICON, NULL, NULL, NULL, 201, NULL, ICON },
	{ "a folder in its folder", ALICE, "PUT",
	  "/xcap-root/org.openmobilealliance.pres-content/users/sip:alice@x/a/b/icon",
	  "application/vnd.oma.pres-content+xml", ICON, NULL, NULL, NULL, 409, "no-parent", NULL },
	{ "a directory is not put", ALICE, "PUT",
	  "/xcap-root/org.openmobilealliance.xcap-directory/users/sip:alice@x/directory.xml",
	  "application/vnd.oma.xcap-directory+xml", "<x/>", NULL, NULL, NULL, 403, "computed",
	  NULL },
	{ "the owner of a profile by another spelling", ALICE, "PUT",
	  "/xcap-root/org.openmobilealliance.user-profile/users/SIP:alice@x/user-profile",
	  PROFILE_TYPE, PROFILE, NULL, NULL, NULL, 201, NULL, PROFILE },
	{ "a card by its other name", ALICE, "GET",
	  "/xcap-root/org.openmobilealliance.cab-pcc/users/sip:alice@x/PCC.xml", NULL, NULL, NULL,
	  NULL, NULL, 404, "absent", NULL },
	{ "what the server makes is not put", ALICE, "PUT", "/xcap-root/xcap-caps/global/index",
	  "application/xcap-caps+xml", "<x/>", NULL, NULL, NULL, 403, "access", NULL },
	{ "not by an operator either", OPERATOR, "PUT", "/xcap-root/xcap-caps/global/index",
	  "application/xcap-caps+xml", "<x/>", NULL, NULL, NULL, 403, "computed", NULL },
	{ "no such usage", ALICE, "GET", "/xcap-root/nothing/users/sip:alice@x/index", NULL, NULL,
	  NULL, NULL, NULL, 404, "auid", NULL },
	{ "POST is not for resources", ALICE, "POST", HOME "index", TYPE, DOC, NULL, NULL, NULL,
	  405, "method", NULL },
	{ "an unknown method", ALICE, "BREW", HOME "index", NULL, NULL, NULL, NULL, NULL, 501,
	  "method", NULL },
	{ "nothing at the root", ALICE, "GET", "/xcap-root/", NULL, NULL, NULL, NULL, NULL, 404,
	  "uri", NULL },
};

static struct auid_table *table;

/* "sip:" and lower case is enough of a canonical form here. */
static int canonical(void *arg, struct strv xui, struct arena *arena, struct strv *out)
{
	char *text = arena_strdup(arena, xui);

	(void)arg;
	for (size_t i = 0; i < xui.n; i++)
		if (text[i] >= 'A' && text[i] <= 'Z')
			text[i] += 'a' - 'A';
	*out = strv_of(text);
	return strv_starts(*out, STRV("sip:")) ? 0 : -1;
}

static struct xcap_who who_is(enum who who)
{
	static const char *const names[] = { "", "sip:alice@x", "sip:bob@x", "sip:operator@x" };

	return (struct xcap_who){ strv_of(names[who]), strv_of(names[who]), who == OPERATOR };
}

static void ask(const struct row *row, struct arena *arena, struct xcap_answer *answer)
{
	const struct xcap_rules rules = { .table = table,
					  .root = STRV("/xcap-root"),
					  .canonical = canonical };
	struct xcap_req req = { .method_text = strv_of(row->method),
				.target = strv_of(row->target),
				.content_type = strv_of(row->type),
				.if_match = strv_of(row->if_match),
				.if_none_match = strv_of(row->if_none_match),
				.body = strv_of(row->body),
				.arena = arena };
	const struct xcap_who who = who_is(row->who);
	struct xdm_doc doc = { .doc = NULL };

	if (xcap_req_parse(&rules, &req, answer) || xcap_req_allow(&rules, &req, &who, answer) ||
	    xcap_req_select(&req, answer))
		return;
	cache_value_init(&doc.value, VERSION, 0, NULL);
	if (row->doc)
		assert_int_equal(xcap_doc_parse(strv_of(row->doc), NULL, &doc.doc, NULL), 0);
	assert_int_equal(xcap_req_decide(&rules, &req, &doc, EPOCH, 0, answer), 0);
	xcap_doc_drop(&doc.doc);
}

static void check(const struct row *row)
{
	struct arena *arena = arena_new(0);
	struct xcap_answer answer = { 0 };
	struct xcap_spot whole;
	struct strv text = { "", 0 };

	ask(row, arena, &answer);
	if (answer.status != row->status || !strv_eq(strv_of(answer.cause), strv_of(row->cause)))
		fail_msg("%s: %u %s, not %u %s: %.*s", row->why, answer.status,
			 answer.cause ? answer.cause : "-", row->status,
			 row->cause ? row->cause : "-", STRV_ARG(answer.body));
	if (answer.changes != (row->stored != NULL))
		fail_msg("%s: %s", row->why, row->stored ? "nothing is stored" : "it is stored");
	if (answer.new_doc) {
		xcap_doc_spot(answer.new_doc, &whole);
		text = xcap_spot_slice(&whole, arena);
	}
	if (row->stored && !strv_eq(text, strv_of(row->stored)))
		fail_msg("%s: \"%.*s\" is stored", row->why, STRV_ARG(text));
	xcap_doc_drop(&answer.new_doc);
	arena_free(&arena);
}

static void test_rows(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(&rows[i]);
}

/* What would hold a worker up is left to the job pool, and comes to the same there. */
static void test_long(void **state)
{
	static const char head[] = "<resource-lists xmlns=\"" NS "\"><list name=\"a\">";
	static const char tail[] = "</list></resource-lists>";
	const struct xcap_rules rules = { .table = table,
					  .root = STRV("/xcap-root"),
					  .canonical = canonical };
	const struct xcap_who who = who_is(ALICE);
	struct arena *arena = arena_new(0);
	char *body = malloc(200000);
	size_t n = (size_t)sprintf(body, "%s", head);
	struct xcap_req req = { .method_text = STRV("PUT"),
				.target = STRV(HOME "index"),
				.content_type = STRV(TYPE),
				.arena = arena };
	struct xdm_doc doc = { .doc = NULL };
	struct xcap_answer answer;

	(void)state;
	for (int i = 0; i < 3000; i++)
		n += (size_t)sprintf(body + n, "<entry uri=\"sip:user%d@example.com\"/>", i);
	n += (size_t)sprintf(body + n, "%s", tail);
	req.body = strv_mem(body, n);
	cache_value_init(&doc.value, VERSION, 0, NULL);
	assert_int_equal(xcap_req_parse(&rules, &req, &answer), 0);
	assert_int_equal(xcap_req_allow(&rules, &req, &who, &answer), 0);
	assert_int_equal(xcap_req_decide(&rules, &req, &doc, EPOCH, 0, &answer), -1);
	assert_int_equal(xcap_req_decide(&rules, &req, &doc, EPOCH, 1, &answer), 0);
	assert_int_equal(answer.status, 201);
	assert_int_equal(xcap_doc_octets(answer.new_doc), n);
	xcap_doc_drop(&answer.new_doc);
	arena_free(&arena);
	free(body);
}

static int set_up(void **state)
{
	struct err err;

	(void)state;
	if (xml_init(TEST_SCHEMA_DIR, &err) == 0 && auid_table_open(0, &table, &err) == 0)
		return 0;
	fprintf(stderr, "%s\n", err.text);
	return -1;
}

static int tear_down(void **state)
{
	(void)state;
	auid_table_close(&table);
	xml_fini();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
