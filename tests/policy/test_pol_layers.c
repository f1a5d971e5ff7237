/* SPDX-License-Identifier: Apache-2.0 */
/* Who speaks first: operator, group, user, and what is left to nobody (xdm.md 9.4). */
#include "tests/policy/pol_check.h"

#include <stdio.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define RULE(id, conditions, actions)                                                            \
	"<cp:rule id='" id "'><cp:conditions>" conditions "</cp:conditions><cp:actions>" actions \
	"</cp:actions></cp:rule>"
#define OP(id, layer, conditions, actions) \
	RULE(id, conditions, "<op:layer>" layer "</op:layer>" actions)
#define ONE(who)       "<cp:identity><cp:one id='" who "'/></cp:identity>"
#define LIST(name)     "<ocp:external-list><ocp:entry anc='list:" name "'/></ocp:external-list>"
#define DELIVER(value) "<up:deliver>" value "</up:deliver>"
#define REJECT	       "<oxe:allow-reject-invite>true</oxe:allow-reject-invite>"
#define FILES(value)   "<op:max-file-size>" value "</op:max-file-size>"
#define GROUP(rules)                                                                        \
	"<list-service uri='sip:g@x.example'><list><entry uri='sip:Ann@X.example'/><entry " \
	"uri='tel:+49-30'/><external anchor='list:friends'/></list><cp:ruleset>" rules      \
	"</cp:ruleset></list-service>"

static const struct row {
	const char *why;
	const char *policy, *group, *user; /* of the operator; access rules */
	const char *lists;		   /* "blocked=NAME polite=NAME lost=operator" */
	const char *facts, *expected;
} rows[] = {
	{ "nobody says anything", NULL, NULL, NULL, "", "id=sip:bo@x.example",
	  "deliver=allow allow-offline-storage=true max-file-size=unlimited join-handling=false "
	  "answer=allow ret=0 by=" },
	{ "default", OP("d", "default", "", DELIVER("silent")), NULL, NULL, "", "",
	  "deliver=silent answer=silent by=d ret=1" },
	{ "the user before the default", OP("d", "default", "", DELIVER("silent")), NULL,
	  RULE("u", "", DELIVER("allow")), "", "", "deliver=allow by=u" },
	{ "defaults: the highest",
	  OP("d", "default", "", FILES("5")) OP("e", "default", "", FILES("7")), NULL, NULL, "", "",
	  "max-file-size=7 by=e" },
	{ "a cap bounds the default",
	  OP("d", "default", "", FILES("5")) OP("c", "cap", "", FILES("4")), NULL, NULL, "", "",
	  "max-file-size=4 by=c" },
	{ "caps: the lowest", OP("d", "cap", "", FILES("5")) OP("c", "cap", "", FILES("7")), NULL,
	  NULL, "", "", "max-file-size=5 by=d" },
	{ "a cap bounds the user", OP("c", "cap", "", DELIVER("silent")), NULL,
	  RULE("u", "", DELIVER("allow")), "", "", "deliver=silent by=c" },
	{ "the user may be stricter", OP("c", "cap", "", DELIVER("silent")), NULL,
	  RULE("u", "", DELIVER("drop")), "", "", "deliver=drop answer=drop by=u" },
	{ "a cap gives nothing", OP("c", "cap", "", "<up:auto-accept-file>9</up:auto-accept-file>"),
	  NULL, NULL, "", "", "auto-accept-file=0" },
	{ "a ban as a cap is a ban", OP("c", "cap", "", REJECT), NULL,
	  RULE("u", "", "<oxe:allow-reject-invite>false</oxe:allow-reject-invite>"), "", "",
	  "allow-reject-invite=true answer=reject by=c" },
	{ "forced is fixed",
	  OP("f", "forced", "", DELIVER("allow")) OP("c", "cap", "", DELIVER("drop")), NULL,
	  RULE("u", "", DELIVER("reject")), "", "", "deliver=allow by=f" },
	{ "forced twice: the stricter",
	  OP("f", "forced", "", DELIVER("allow")) OP("g", "forced", "", DELIVER("reject")), NULL,
	  NULL, "", "", "deliver=reject by=g answer=reject" },
	{ "a code for the refusal",
	  OP("f", "cap", "", DELIVER("reject") "<op:reject-code>606</op:reject-code>"), NULL, NULL,
	  "", "", "answer=reject reject-code=606" },
	{ "the user cannot set limits", NULL, NULL, RULE("u", "", FILES("1")), "", "",
	  "max-file-size=unlimited" },
	{ "an unknown condition of a cap may be met",
	  OP("c", "cap", "<z xmlns='urn:z'/>", DELIVER("drop")), NULL, NULL, "", "",
	  "?deliver=drop answer=later ret=-1" },
	{ "of a default it is not", OP("d", "default", "<z xmlns='urn:z'/>", DELIVER("drop")), NULL,
	  NULL, "", "", "deliver=allow ret=0" },

	{ "service", OP("c", "cap", "<op:service name='file'/>", FILES("4")), NULL, NULL, "",
	  "service=file", "max-file-size=4" },
	{ "one of several services", OP("c", "cap", "<op:service name='large file'/>", FILES("4")),
	  NULL, NULL, "", "service=file", "max-file-size=4" },
	{ "another service", OP("c", "cap", "<op:service name='file'/>", FILES("4")), NULL, NULL,
	  "", "service=pager", "max-file-size=unlimited" },
	{ "direction", OP("c", "cap", "<op:direction>originating</op:direction>", FILES("4")), NULL,
	  NULL, "", "dir=orig", "max-file-size=4" },
	{ "the other direction",
	  OP("c", "cap", "<op:direction>originating</op:direction>", FILES("4")), NULL, NULL, "",
	  "dir=term", "max-file-size=unlimited" },
	{ "no direction: the cap may hold",
	  OP("c", "cap", "<op:direction>originating</op:direction>", FILES("4")), NULL, NULL, "",
	  "", "?max-file-size=4 ret=-1" },
	{ "class", OP("c", "cap", "<op:subscriber-class name='basic'/>", FILES("4")), NULL, NULL,
	  "", "class=basic", "max-file-size=4" },
	{ "in no class", OP("c", "cap", "<op:subscriber-class name='basic'/>", FILES("4")), NULL,
	  NULL, "", "class=", "max-file-size=unlimited ret=0" },
	{ "class not known: the cap may hold",
	  OP("c", "cap", "<op:subscriber-class name='basic'/>", FILES("4")), NULL, NULL, "", "",
	  "?max-file-size=4" },
	{ "class not known: the default may not",
	  OP("d", "default", "<op:subscriber-class name='basic'/>",
	     "<up:auto-accept-file>9</up:auto-accept-file>"),
	  NULL, NULL, "", "", "?auto-accept-file=0" },
	{ "peer",
	  OP("f", "forced", "<op:peer-domain name='SPAM.example'/>",
	     DELIVER("reject") "<op:reject-code>403</op:reject-code>"),
	  NULL, RULE("u", "", DELIVER("allow")), "", "peer=spam.example",
	  "deliver=reject answer=reject reject-code=403 by=f" },
	{ "no peer", OP("f", "forced", "<op:peer-domain name='spam.example'/>", DELIVER("reject")),
	  NULL, NULL, "", "", "deliver=allow" },
	{ "size up to", OP("c", "default", "<op:message-size max='100'/>", DELIVER("silent")), NULL,
	  NULL, "", "size=100", "deliver=silent" },
	{ "size beyond", OP("c", "default", "<op:message-size max='100'/>", DELIVER("silent")),
	  NULL, NULL, "", "size=101", "deliver=allow ret=0" },
	{ "size not known", OP("c", "default", "<op:message-size max='100'/>", DELIVER("silent")),
	  NULL, NULL, "", "", "?deliver=silent" },
	{ "group by its URI", OP("c", "cap", "<op:group uri='sip:g@X.example'/>", FILES("4")), NULL,
	  NULL, "", "group=sip:g@x.example", "max-file-size=4" },
	{ "roaming", OP("c", "cap", "<op:roaming>true</op:roaming>", FILES("4")), NULL, NULL, "",
	  "roaming=1", "max-file-size=4" },
	{ "at home", OP("c", "cap", "<op:roaming>true</op:roaming>", FILES("4")), NULL, NULL, "",
	  "roaming=0", "max-file-size=unlimited" },
	{ "time of day",
	  OP("c", "cap", "<op:time-of-day from='08:00' until='18:00' tz='+02:00'/>", FILES("4")),
	  NULL, NULL, "", "now=2026-05-01T06:00:00Z", "max-file-size=4" },
	{ "not yet",
	  OP("c", "cap", "<op:time-of-day from='08:00' until='18:00' tz='+02:00'/>", FILES("4")),
	  NULL, NULL, "", "now=2026-05-01T05:59:59Z", "max-file-size=unlimited" },
	{ "over midnight",
	  OP("c", "cap", "<op:time-of-day from='22:00' until='06:00'/>", FILES("4")), NULL, NULL,
	  "", "now=2026-05-01T23:00:00Z", "max-file-size=4" },
	{ "over midnight, in the morning",
	  OP("c", "cap", "<op:time-of-day from='22:00' until='06:00'/>", FILES("4")), NULL, NULL,
	  "", "now=2026-05-01T06:00:00Z", "max-file-size=unlimited" },
	{ "before 1970", OP("c", "cap", "<op:time-of-day from='22:00' until='24:00'/>", FILES("4")),
	  NULL, NULL, "", "now=1969-12-31T23:00:00Z", "max-file-size=4" },
	{ "the operator sees through anonymity",
	  OP("f", "forced", ONE("sip:bo@x.example"), DELIVER("drop")), NULL, NULL, "",
	  "id=sip:bo@x.example anon", "deliver=drop" },

	{ "a member may what members may", NULL,
	  GROUP(RULE("m", "<ls:is-list-member/>", "<ls:join-handling>true</ls:join-handling>")),
	  NULL, "", "id=sip:Ann@x.example", "join-handling=true allow-anonymity=false by=m" },
	{ "a member by number", NULL,
	  GROUP(RULE("m", "<ls:is-list-member/>", "<ls:join-handling>true</ls:join-handling>")),
	  NULL, "", "id=tel:+4930", "join-handling=true" },
	{ "a member by a list elsewhere", NULL,
	  GROUP(RULE("m", "<ls:is-list-member/>", "<ls:join-handling>true</ls:join-handling>")),
	  NULL, "", "id=sip:fay@x.example", "join-handling=true" },
	{ "not a member", NULL,
	  GROUP(RULE("m", "<ls:is-list-member/>", "<ls:join-handling>true</ls:join-handling>")),
	  NULL, "", "id=sip:bo@x.example", "join-handling=false by=" },
	{ "no rule in a group: no", NULL, GROUP(""), NULL, "", "id=sip:Ann@x.example",
	  "join-handling=false allow-initiate-conference=false" },
	{ "the operator bounds groups",
	  OP("c", "cap", "", "<ls:allow-anonymity>false</ls:allow-anonymity>"),
	  GROUP(RULE("m", "", "<ls:allow-anonymity>true</ls:allow-anonymity>")), NULL, "", "",
	  "allow-anonymity=false by=c" },
	{ "an operator's default gives no group's rights",
	  OP("d", "default", "", "<ls:join-handling>true</ls:join-handling>"), GROUP(""), NULL, "",
	  "", "join-handling=false" },
	{ "group and user each in their own", NULL,
	  GROUP(RULE("m", "", "<ls:join-handling>true</ls:join-handling>" DELIVER("drop"))),
	  RULE("u", "", DELIVER("silent") "<ls:join-handling>false</ls:join-handling>"), "", "",
	  "join-handling=true deliver=silent by=m,u" },
	{ "whose media may be removed", NULL,
	  GROUP(RULE("m", "", "<oxe:remove-media-handling>own</oxe:remove-media-handling>")
			RULE("n", "",
			     "<oxe:remove-media-handling>any</oxe:remove-media-handling>")),
	  NULL, "", "", "remove-media-handling=any by=n" },
	{ "a ban of the group's", NULL,
	  GROUP(RULE("m", "",
		     "<oxe:block-group-advertisement-sending>true</"
		     "oxe:block-group-advertisement-sending>")
			RULE("n", "",
			     "<oxe:block-group-advertisement-sending>false</"
			     "oxe:block-group-advertisement-sending>")),
	  NULL, "", "", "block-group-advertisement-sending=true by=m" },

	{ "blocked, politely unless told otherwise", NULL, NULL, RULE("u", "", DELIVER("allow")),
	  "blocked=blocked", "id=sip:bo@x.example", "deliver=reject answer=drop by=(blocked)" },
	{ "blocked by domain", NULL, NULL, NULL, "blocked=blocked", "id=sip:any@spam.example",
	  "allow-reject-invite=true sub-handling=block answer=drop" },
	{ "blocked openly", OP("d", "default", "", "<up:reveal-block>true</up:reveal-block>"), NULL,
	  NULL, "blocked=blocked", "id=sip:bo@x.example", "answer=reject" },
	{ "always politely", OP("d", "default", "", "<up:reveal-block>true</up:reveal-block>"),
	  NULL, NULL, "polite=blocked", "id=sip:bo@x.example", "deliver=drop answer=drop" },
	{ "blocked although anonymous", NULL, NULL, NULL, "blocked=blocked",
	  "id=sip:bo@x.example anon", "answer=drop" },
	{ "not blocked", NULL, NULL, NULL, "blocked=blocked", "id=sip:cy@x.example",
	  "answer=allow" },
	{ "a block that cannot be told", NULL, NULL, NULL, "blocked=half", "id=sip:cy@x.example",
	  "?deliver=reject answer=later ret=-1" },
	{ "a block list without a good value", NULL, NULL, NULL, "lost=blocked",
	  "id=sip:cy@x.example", "?deliver=reject answer=later" },
	{ "emergency before blocked",
	  OP("f", "forced", "",
	     DELIVER("allow") "<oxe:allow-reject-invite>false</oxe:allow-reject-invite>"),
	  NULL, NULL, "blocked=blocked", "id=sip:bo@x.example", "answer=allow" },

	{ "no operator policy that can be used: nothing", NULL, NULL,
	  RULE("u", "", DELIVER("allow")), "lost=operator", "",
	  "?deliver=drop ?max-file-size=0 ?allow-reject-invite=true answer=later ret=-1" },
	{ "no group that can be used: nothing of it", NULL, NULL, NULL, "lost=group", "",
	  "?join-handling=false ?block-group-advertisement-sending=true deliver=allow "
	  "answer=allow" },
};

static void take_lists(const char *text, struct pol_layers *layers)
{
	struct strv rest = strv_of(text), word, name;
	char list[32];

	while (rest.n) {
		strv_cut(&rest, ' ', &word);
		strv_cut(&word, '=', &name);
		snprintf(list, sizeof(list), "%.*s", STRV_ARG(word));
		if (strv_eq(name, STRV("blocked")))
			layers->blocked = pol_check_list(list);
		else if (strv_eq(name, STRV("polite")))
			layers->polite_blocked = pol_check_list(list);
		layers->operator_lost |= strcmp(list, "operator") == 0;
		layers->group_lost |= strcmp(list, "group") == 0;
		layers->blocked_lost |= strv_eq(name, STRV("lost")) && strcmp(list, "blocked") == 0;
	}
}

static void test_layers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *row = &rows[i];
		struct pol_doc *policy = pol_check_doc(row->why, POL_OPERATOR, row->policy);
		struct pol_doc *group = pol_check_doc(row->why, POL_GROUP, row->group);
		struct pol_doc *user = pol_check_doc(row->why, POL_ACCESS_RULES, row->user);
		struct pol_layers layers = { policy, group, { user }, user ? 1 : 0, NULL, NULL,
					     0,	     0,	    0 };
		struct pol_verdict verdict;
		int ret;

		take_lists(row->lists, &layers);
		ret = pol_eval(&layers, pol_check_facts(row->facts), &verdict);
		pol_check_verdict(row->why, ret, &verdict, row->expected);
		pol_set_drop((struct pol_set **)&layers.blocked);
		pol_set_drop((struct pol_set **)&layers.polite_blocked);
		pol_doc_drop(&policy);
		pol_doc_drop(&group);
		pol_doc_drop(&user);
	}
}

/* Forced statements that differ are told. */
static void test_contradiction(void **state)
{
	struct pol_layers layers = { .n_user = 0 };
	struct pol_doc *doc =
		pol_check_doc("", POL_OPERATOR,
			      OP("f", "forced", "", DELIVER("allow") FILES("3"))
				      OP("g", "forced", "", DELIVER("drop") FILES("3")));
	struct pol_verdict verdict;

	(void)state;
	layers.operator_policy = doc;
	pol_eval(&layers, pol_check_facts(""), &verdict);
	for (unsigned i = 0; i < POL_PERMS; i++)
		assert_int_equal(verdict.contradicts[i / 64] >> (i % 64) & 1, i == POL_DELIVER);
	pol_doc_drop(&doc);
}

/* Preferences: settings, rules that replace them, orders. */
static void test_preferences(void **state)
{
	struct pol_doc *doc = pol_check_doc(
		"", POL_USER_PREFS,
		"<delivery deferred='notify'><device id='a' enabled='true' priority='5'/>"
		"<device id='b' enabled='false' priority='10'/><device id='c' "
		"enabled='true'/><device id='d' enabled='1' "
		"priority='5'/><max-push-size>1000</max-push-size></delivery>"
		"<storage enabled='true'><type name='file' store='false'/>"
		"<retention-days>30</retention-days></storage>"
		"<interworking "
		"allow='false'><prefer>mms</prefer><prefer>sms</prefer></interworking>"
		"<reports><displayed>false</displayed></reports>"
		"<auto-accept max-file-size='5000' sessions='true'/><blocking answer='open'/>"
		"<cp:ruleset>" RULE(
			"s", "<ocp:other-identity/>",
			DELIVER("silent") "<up:auto-accept-file>0</up:auto-accept-file>")
			RULE("f", ONE("sip:bo@x.example"), "") "</cp:ruleset>");
	static const struct {
		const char *facts, *expected;
	} asked[] = {
		{ "id=sip:bo@x.example",
		  "deferred=notify max-push-size=1000 store-pager=true store-file=false "
		  "store-event=true retention-days=30 allow-interworking=false "
		  "report-displayed=false report-delivered=true auto-accept-file=5000 "
		  "auto-accept-session=true reveal-block=true deliver=allow "
		  "by=delivery,storage,interworking,reports,auto-accept,blocking" },
		{ "id=sip:cy@x.example",
		  "deliver=silent auto-accept-file=0 auto-accept-session=true" },
	};
	static const char *const order[] = { "b", "a", "d", "c" };
	struct pol_layers layers = { .n_user = 1 };
	struct pol_device device;
	struct pol_verdict verdict;

	(void)state;
	layers.user[0] = doc;
	for (size_t i = 0; i < COUNT(asked); i++) {
		int ret = pol_eval(&layers, pol_check_facts(asked[i].facts), &verdict);

		pol_check_verdict(asked[i].facts, ret, &verdict, asked[i].expected);
	}
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(pol_doc_device(doc, i, &device), 1);
		assert_true(strv_eq(device.id, strv_of(order[i])));
		assert_int_equal(device.enabled, i != 0);
	}
	assert_int_equal(pol_doc_device(doc, 4, &device), 0);
	assert_int_equal(pol_doc_prefer(doc, 0), POL_BEARER_MMS);
	assert_int_equal(pol_doc_prefer(doc, 1), POL_BEARER_SMS);
	assert_int_equal(pol_doc_prefer(doc, 2), POL_BEARER_NONE);
	pol_doc_drop(&doc);
}

/* Sets of presence: the union of those that apply (RFC 4745 s10.2). */
static void test_sets(void **state)
{
#define SET(id, who, sets)                                                                     \
	"<cp:rule id='" id "'><cp:conditions>" who "</cp:conditions><cp:transformations>" sets \
	"</cp:transformations></cp:rule>"
	struct pol_doc *doc = pol_check_doc(
		"", POL_PRES_RULES,
		SET("a", "",
		    "<pr:provide-services><pr:service-uri-scheme> sip "
		    "</pr:service-uri-scheme><opr:service-id>chat</opr:service-id>"
		    "</pr:provide-services><pr:provide-unknown-attribute name='x' "
		    "ns='urn:x'>true</pr:provide-unknown-attribute>")
			SET("b", "",
			    "<pr:provide-services><pr:class>work</pr:class></pr:provide-services>"
			    "<pr:provide-unknown-attribute name='y' "
			    "ns='urn:x'>false</pr:provide-unknown-attribute>")
				SET("c", ONE("sip:bo@x.example"),
				    "<pr:provide-services><pr:all-services/></"
				    "pr:provide-services>"));
	struct pol_layers layers = { .n_user = 1 };
	struct pol_verdict verdict;

	(void)state;
	layers.user[0] = doc;
	pol_eval(&layers, pol_check_facts("id=sip:cy@x.example"), &verdict);
	assert_true(pol_verdict_provides(&verdict, POL_PROVIDE_SERVICES, STRV("service-uri-scheme"),
					 STRV("sip")));
	assert_true(pol_verdict_provides(&verdict, POL_PROVIDE_SERVICES, STRV("service-id"),
					 STRV("chat")));
	assert_true(
		pol_verdict_provides(&verdict, POL_PROVIDE_SERVICES, STRV("class"), STRV("work")));
	assert_false(
		pol_verdict_provides(&verdict, POL_PROVIDE_SERVICES, STRV("class"), STRV("home")));
	assert_false(
		pol_verdict_provides(&verdict, POL_PROVIDE_DEVICES, STRV("class"), STRV("work")));
	assert_true(pol_verdict_provides(&verdict, POL_PROVIDE_UNKNOWN, STRV("x"), STRV("urn:x")));
	assert_false(pol_verdict_provides(&verdict, POL_PROVIDE_UNKNOWN, STRV("y"), STRV("urn:x")));
	pol_eval(&layers, pol_check_facts("id=sip:bo@x.example"), &verdict);
	assert_true(
		pol_verdict_provides(&verdict, POL_PROVIDE_SERVICES, STRV("class"), STRV("home")));
	pol_doc_drop(&doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layers),
		cmocka_unit_test(test_contradiction),
		cmocka_unit_test(test_preferences),
		cmocka_unit_test(test_sets),
	};

	return cmocka_run_group_tests(tests, pol_check_open, pol_check_close);
}
