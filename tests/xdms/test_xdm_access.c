/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may do what with whose document: by role, by usage, by what the owner permits.
 */
#include "xdms/xdm_access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/xml.h"
#include "tests/xdms/xdm_world.h"

#define BOB    "sip:bob@example.com"
#define CAROL  "sip:carol@example.com"
#define PERMIT "x/org.openmobilealliance.access-permissions/"
#define GROUPS "org.openmobilealliance.groups"
#define LIST   "list%5B@name=%22a%22%5D"

static struct xcap_rules rules = { .root = { "/xcap-root", 10 } };

static int canonical(void *arg, struct strv xui, struct arena *arena, struct strv *out)
{
	(void)arg;
	(void)arena;
	*out = xui;
	return strv_starts(xui, STRV("sip:")) ? 0 : -1;
}

#define RULE(id, who, grants)                                                            \
	"<cp:rule id='" id "'><cp:conditions>" who "</cp:conditions><cp:actions>" grants \
	"</cp:actions></cp:rule>"
#define ONE(who)     "<cp:identity><cp:one id='" who "'/></cp:identity>"
#define RULES(rules) "<cp:ruleset>" rules "</cp:ruleset>"
#define ALL	     "<cp:identity><cp:many/></cp:identity>"
#define FRIENDS                                                                             \
	"<ocp:external-list><ocp:entry anc='http://x/xcap-root/resource-lists/users/" OWNER \
	"/index/~~/resource-lists/list%5B@name=%22friends%22%5D'/></ocp:external-list>"

#define HEAD                                               \
	"<ap-rules xmlns='urn:oma:xml:xdm:ap' "            \
	"xmlns:cp='urn:ietf:params:xml:ns:common-policy' " \
	"xmlns:ocp='urn:oma:xml:xdm:common-policy'>"
#define TAIL		   "</ap-rules>"
#define ABOUT(path, rules) "<document-rule path='" path "'>" RULES(rules) "</document-rule>"
#define INDEX		   ABOUT("index", RULE("bob", ONE(BOB), "<allow-retrieve/>"))
#define DEPUTY		   RULE("deputy", ONE(BOB), "<allow-retrieve/><allow-modify/><allow-delete/>")
#define REST		   RULE("rest", "<ocp:other-identity/>", "<allow-retrieve-own-data/>")
#define SHARED		   ABOUT("shared", DEPUTY REST)
#define PARTS \
	ABOUT("parts/~~/resource-lists/" LIST, RULE("part", ONE(BOB), "<allow-any-operation/>"))
#define LISTED ABOUT("friends", RULE("list", FRIENDS, "<allow-retrieve/>"))
#define BLANK  ABOUT("a%20b", RULE("blank", ALL, "<allow-retrieve/>"))
#define LONG_AGO                                               \
	"<cp:validity><cp:from>2001-01-01T00:00:00Z</cp:from>" \
	"<cp:until>2002-01-01T00:00:00Z</cp:until></cp:validity>"
#define OLD ABOUT("old", RULE("past", LONG_AGO ONE(BOB), "<allow-retrieve/>"))
#define NEW "<directory-rule>" RULES(RULE("new", ONE(CAROL), "<allow-create/>")) "</directory-rule>"
#define KEEPER                                      \
	"<access-permissions-document-rule>" RULES( \
		RULE("keeper", ONE(CAROL),          \
		     "<allow-modify/>")) "</access-permissions-document-rule>"

static const char permissions[] = HEAD INDEX SHARED PARTS LISTED BLANK OLD NEW KEEPER TAIL;

static const struct row {
	const char *why;
	const struct auid_ops *usage;
	const char *document, *node; /* NODE NULL: the document */
	enum xdm_op op;
	const char *who;
	int allowed;
	const char *reason, *rule; /* RULE NULL: none */
} rows[] = {
	{ "the owner reads", &auid_resource_lists, "index", NULL, XDM_OP_RETRIEVE, OWNER, 1, "role",
	  NULL },
	{ "the owner deletes", &auid_resource_lists, "index", NULL, XDM_OP_DELETE, OWNER, 1, "role",
	  NULL },
	{ "the owner of a locked profile reads", &auid_locked_user_profile, "locked-user-profile",
	  NULL, XDM_OP_RETRIEVE, OWNER, 1, "role", NULL },
	{ "and does not write", &auid_locked_user_profile, "locked-user-profile", NULL,
	  XDM_OP_MODIFY, OWNER, 0, "role", NULL },
	{ "the owner of a history deletes", &auid_conv_history, "conv-history", NULL, XDM_OP_DELETE,
	  OWNER, 1, "role", NULL },
	{ "and does not make one", &auid_conv_history, "conv-history", NULL, XDM_OP_CREATE, OWNER,
	  0, "role", NULL },
	{ "a directory is its owner's", &auid_xcap_directory, "directory.xml", NULL,
	  XDM_OP_RETRIEVE, BOB, 0, "usage", NULL },
	{ "nobody is not anybody", &auid_resource_lists, "index", NULL, XDM_OP_RETRIEVE, "", 0,
	  "usage", NULL },
	{ "a profile is for all", &auid_user_profile, "user-profile", NULL, XDM_OP_RETRIEVE, BOB, 1,
	  "usage", NULL },
	{ "but not to write", &auid_user_profile, "user-profile", NULL, XDM_OP_MODIFY, BOB, 0,
	  "no-rule", NULL },
	{ "a locked one is not", &auid_locked_user_profile, "locked-user-profile", NULL,
	  XDM_OP_RETRIEVE, BOB, 0, "usage", NULL },

	{ "what is granted", &auid_resource_lists, "index", NULL, XDM_OP_RETRIEVE, BOB, 1, "rule",
	  "bob" },
	{ "a part of it", &auid_resource_lists, "index", "resource-lists/list[1]/@name",
	  XDM_OP_RETRIEVE, BOB, 1, "rule", "bob" },
	{ "what is not granted", &auid_resource_lists, "index", NULL, XDM_OP_MODIFY, BOB, 0,
	  "no-rule", NULL },
	{ "to whom it is not", &auid_resource_lists, "index", NULL, XDM_OP_RETRIEVE, CAROL, 0,
	  "no-rule", NULL },
	{ "another document", &auid_resource_lists, "other", NULL, XDM_OP_RETRIEVE, BOB, 0,
	  "no-rule", NULL },
	{ "the same name of another usage", &auid_rls_services, "index", NULL, XDM_OP_RETRIEVE, BOB,
	  0, "no-rule", NULL },
	{ "a name that is encoded in the rule", &auid_resource_lists, "a b", NULL, XDM_OP_RETRIEVE,
	  CAROL, 1, "rule", "blank" },
	{ "a deputy modifies", &auid_resource_lists, "shared", "resource-lists/list[1]",
	  XDM_OP_MODIFY, BOB, 1, "rule", "deputy" },
	{ "and deletes", &auid_resource_lists, "shared", NULL, XDM_OP_DELETE, BOB, 1, "rule",
	  "deputy" },
	{ "and does not create", &auid_resource_lists, "shared", NULL, XDM_OP_CREATE, BOB, 0,
	  "no-rule", NULL },
	{ "others see what is about them", &auid_resource_lists, "shared",
	  "resource-lists/list[1]/entry[@uri=\"" CAROL "\"]", XDM_OP_RETRIEVE, CAROL, 1, "rule",
	  "rest" },
	{ "not what is about somebody else", &auid_resource_lists, "shared",
	  "resource-lists/list[1]/entry[@uri=\"" BOB "\"]", XDM_OP_RETRIEVE, CAROL, 0, "no-rule",
	  NULL },
	{ "nor the whole", &auid_resource_lists, "shared", NULL, XDM_OP_RETRIEVE, CAROL, 0,
	  "no-rule", NULL },
	{ "nor to write", &auid_resource_lists, "shared",
	  "resource-lists/list[1]/entry[@uri=\"" CAROL "\"]", XDM_OP_MODIFY, CAROL, 0, "no-rule",
	  NULL },
	{ "the part that is granted", &auid_resource_lists, "parts",
	  "resource-lists/list[@name=\"a\"]", XDM_OP_MODIFY, BOB, 1, "rule", "part" },
	{ "something in it", &auid_resource_lists, "parts",
	  "resource-lists/list[@name=\"a\"]/entry[2]", XDM_OP_RETRIEVE, BOB, 1, "rule", "part" },
	{ "a part beside it", &auid_resource_lists, "parts", "resource-lists/list[@name=\"b\"]",
	  XDM_OP_RETRIEVE, BOB, 0, "no-rule", NULL },
	{ "by another way to it", &auid_resource_lists, "parts", "resource-lists/list[1]",
	  XDM_OP_RETRIEVE, BOB, 0, "no-rule", NULL },
	{ "what is around it", &auid_resource_lists, "parts", "resource-lists", XDM_OP_RETRIEVE,
	  BOB, 0, "no-rule", NULL },
	{ "the whole of which it is a part", &auid_resource_lists, "parts", NULL, XDM_OP_RETRIEVE,
	  BOB, 0, "no-rule", NULL },
	{ "somebody on the owner's list", &auid_resource_lists, "friends", NULL, XDM_OP_RETRIEVE,
	  CAROL, 1, "rule", "list" },
	{ "somebody not on it", &auid_resource_lists, "friends", NULL, XDM_OP_RETRIEVE, BOB, 0,
	  "no-rule", NULL },
	{ "what was granted for a time", &auid_resource_lists, "old", NULL, XDM_OP_RETRIEVE, BOB, 0,
	  "no-rule", NULL },
	{ "who may create", &auid_resource_lists, "new", NULL, XDM_OP_CREATE, CAROL, 1, "rule",
	  "new" },
	{ "reads nothing by that", &auid_resource_lists, "new", NULL, XDM_OP_RETRIEVE, CAROL, 0,
	  "no-rule", NULL },
	{ "who keeps the permissions", &auid_access_permissions, "resource-lists", NULL,
	  XDM_OP_MODIFY, CAROL, 1, "rule", "keeper" },
	{ "and nobody else", &auid_access_permissions, "resource-lists", NULL, XDM_OP_MODIFY, BOB,
	  0, "no-rule", NULL },
	{ "permissions that are not there", &auid_access_permissions, "rls-services", NULL,
	  XDM_OP_MODIFY, CAROL, 0, "no-rule", NULL },
};

static struct xdm_access_ask asking(struct xdm_world *w, const struct row *row,
				    struct xcap_sel *sel)
{
	struct xdm_access_ask ask = { .usage = row->usage,
				      .owner = STRV(OWNER),
				      .document = strv_of(row->document),
				      .op = row->op,
				      .id = { strv_of(row->who) },
				      .now_s = 1800000000,
				      .arena = w->arena };
	struct err err;

	if (!row->node)
		return ask;
	assert_int_equal(xcap_sel_parse(strv_of(row->node), STRV(""), strv_of(row->usage->ns),
					w->arena, sel, &err),
			 0);
	ask.sel = sel;
	return ask;
}

static void check(struct xdm_world *w, const struct row *row)
{
	struct xcap_sel sel;
	struct xdm_access_ask ask = asking(w, row, &sel);
	struct xdm_access access;
	struct err err;

	assert_int_equal(xdm_access_sync(&rules, w->store, &ask, &access, &err), 0);
	if (access.allowed != row->allowed || !strv_eq(strv_of(access.why), strv_of(row->reason)) ||
	    !strv_eq(access.rule, strv_of(row->rule)))
		fail_msg("%s: %d %s %.*s", row->why, access.allowed, access.why,
			 STRV_ARG(access.rule));
	ask.is_operator = 1;
	assert_int_equal(xdm_access_sync(&rules, w->store, &ask, &access, &err), 0);
	assert_true(access.allowed && access.role == XDM_ROLE_OPERATOR);
}

static void owners_permit(void **state)
{
	struct xdm_world *w = *state;

	xdm_world_put_to(w, OWNER, PERMIT "resource-lists", permissions);
	xdm_world_put_to(w, OWNER, "x/resource-lists/index",
			 "<resource-lists xmlns='urn:ietf:params:xml:ns:resource-lists'>"
			 "<list name='friends'><entry uri='" CAROL "'/></list></resource-lists>");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(w, &rows[i]);
}

/* What the rule leads to cannot be read: it does not grant, and says why. */
static void what_cannot_be_told_is_not_granted(void **state)
{
	static const struct row gone = { "the list went",
					 &auid_resource_lists,
					 "friends",
					 NULL,
					 XDM_OP_RETRIEVE,
					 CAROL,
					 0,
					 "no-rule",
					 NULL },
				elsewhere = { "a list of somebody else's",
					      &auid_resource_lists,
					      "friends",
					      NULL,
					      XDM_OP_RETRIEVE,
					      CAROL,
					      0,
					      "unsure",
					      NULL };
	struct xdm_world *w = *state;

	xdm_world_put_to(w, OWNER, PERMIT "resource-lists", permissions);
	check(w, &gone);
	xdm_world_put_to(w, OWNER, PERMIT "resource-lists",
			 "<ap-rules xmlns='urn:oma:xml:xdm:ap' "
			 "xmlns:cp='urn:ietf:params:xml:ns:common-policy' "
			 "xmlns:ocp='urn:oma:xml:xdm:common-policy'><document-rule path='friends'>"
			 "<cp:ruleset><cp:rule id='r'><cp:conditions><ocp:external-list><ocp:entry "
			 "anc='http://x/xcap-root/resource-lists/users/" BOB
			 "/index'/></ocp:external-list></cp:conditions><cp:actions>"
			 "<allow-retrieve/></cp:actions></cp:rule></cp:ruleset></document-rule>"
			 "</ap-rules>");
	check(w, &elsewhere);
}

#define LISTS(text) \
	"<resource-lists xmlns='urn:ietf:params:xml:ns:resource-lists'>" text "</resource-lists>"
#define EXTERNAL(list) \
	"<external anchor='http://x/xcap-root/resource-lists/users/" OWNER "/" list "'/>"

#define ITSELF	 EXTERNAL("index/~~/resource-lists/list%5B@name=%22friends%22%5D")
#define DANGLING EXTERNAL("nowhere") EXTERNAL("index/~~/resource-lists/list%5B9%5D")

/* References lead in circles and nowhere, and somebody is found on the way or not. */
static void lists_may_lead_in_circles_and_nowhere(void **state)
{
	static const struct row there = { "behind the circle",
					  &auid_resource_lists,
					  "friends",
					  NULL,
					  XDM_OP_RETRIEVE,
					  CAROL,
					  1,
					  "rule",
					  "list" },
				not_there = { "not in the circle",
					      &auid_resource_lists,
					      "friends",
					      NULL,
					      XDM_OP_RETRIEVE,
					      BOB,
					      0,
					      "no-rule",
					      NULL };
	struct xdm_world *w = *state;

	xdm_world_put_to(w, OWNER, PERMIT "resource-lists", permissions);
	xdm_world_put_to(w, OWNER, "x/resource-lists/index",
			 LISTS("<list name='friends'>" ITSELF EXTERNAL("other") DANGLING
			       "</list>"));
	xdm_world_put_to(w, OWNER, "x/resource-lists/other",
			 LISTS("<list>" EXTERNAL("index") "<entry uri='" CAROL "'/></list>"));
	check(w, &there);
	check(w, &not_there);
}

/* A list of 10,000, and the last on it. */
static void long_lists_are_looked_through(void **state)
{
	static const struct row last = { "the last of many",
					 &auid_resource_lists,
					 "friends",
					 NULL,
					 XDM_OP_RETRIEVE,
					 CAROL,
					 1,
					 "rule",
					 "list" };
	struct xdm_world *w = *state;
	struct xcap_print print = { .arena = w->arena };

	xcap_print_str(&print, "<resource-lists xmlns='urn:ietf:params:xml:ns:resource-lists'>"
			       "<list name='friends'>");
	for (unsigned i = 1; i < 10000; i++) {
		xcap_print_str(&print, "<entry uri='sip:u");
		xcap_print_num(&print, i);
		xcap_print_str(&print, "@example.com'/>");
	}
	xcap_print_str(&print, "<entry uri='" CAROL "'/></list></resource-lists>");
	xdm_world_put_to(w, OWNER, PERMIT "resource-lists", permissions);
	xdm_world_put_to(w, OWNER, "x/resource-lists/index", xcap_print_end(&print).p);
	check(w, &last);
}

/* A rule that speaks of a profile takes the place of what everybody may. */
static void a_rule_narrows_what_all_may(void **state)
{
	static const struct row mine = { "whom it names",
					 &auid_user_profile,
					 "user-profile",
					 NULL,
					 XDM_OP_RETRIEVE,
					 BOB,
					 1,
					 "rule",
					 "one" },
				others = { "whom it does not",
					   &auid_user_profile,
					   "user-profile",
					   NULL,
					   XDM_OP_RETRIEVE,
					   CAROL,
					   0,
					   "no-rule",
					   NULL };
	struct xdm_world *w = *state;

	xdm_world_put_to(w, OWNER, PERMIT "org.openmobilealliance.user-profile",
			 HEAD ABOUT("user-profile", RULE("one", ONE(BOB), "<allow-retrieve/>"))
				 TAIL);
	check(w, &mine);
	check(w, &others);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(owners_permit, xdm_world_setup, xdm_world_teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_told_is_not_granted, xdm_world_setup,
						xdm_world_teardown),
		cmocka_unit_test_setup_teardown(lists_may_lead_in_circles_and_nowhere,
						xdm_world_setup, xdm_world_teardown),
		cmocka_unit_test_setup_teardown(long_lists_are_looked_through, xdm_world_setup,
						xdm_world_teardown),
		cmocka_unit_test_setup_teardown(a_rule_narrows_what_all_may, xdm_world_setup,
						xdm_world_teardown),
	};
	struct err err;

	rules.canonical = canonical;
	if (xml_init(NULL, &err) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
