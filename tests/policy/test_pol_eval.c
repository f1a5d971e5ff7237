/* SPDX-License-Identifier: Apache-2.0 */
/* What rules say, row by row: RFC 4745, RFC 5025 and OMA's conditions; then layers. */
#include "tests/policy/pol_check.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define RULE(id, conditions, actions)                                                            \
	"<cp:rule id='" id "'><cp:conditions>" conditions "</cp:conditions><cp:actions>" actions \
	"</cp:actions></cp:rule>"
#define ONE(who)       "<cp:identity><cp:one id='" who "'/></cp:identity>"
#define LIST(name)     "<ocp:external-list><ocp:entry anc='list:" name "'/></ocp:external-list>"
#define SUB(value)     "<pr:sub-handling>" value "</pr:sub-handling>"
#define DELIVER(value) "<up:deliver>" value "</up:deliver>"
#define REJECT	       "<oxe:allow-reject-invite>true</oxe:allow-reject-invite>"
#define OTHER	       "<ocp:other-identity/>"
#define ANON	       "<ocp:anonymous-request/>"

struct row {
	const char *why;
	enum pol_kind kind;
	const char *inside, *facts, *expected;
};

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct pol_doc *doc = pol_check_doc(rows[i].why, rows[i].kind, rows[i].inside);
		struct pol_layers layers = { .n_user = 0 };
		struct pol_verdict verdict;
		int ret;

		if (rows[i].kind == POL_OPERATOR)
			layers.operator_policy = doc;
		else if (rows[i].kind == POL_GROUP)
			layers.group = doc;
		else
			layers.user[layers.n_user++] = doc;
		ret = pol_eval(&layers, pol_check_facts(rows[i].facts), &verdict);
		pol_check_verdict(rows[i].why, ret, &verdict, rows[i].expected);
		pol_doc_drop(&doc);
	}
}

/* Strict: every rule that applies counts. */
#define P POL_PRES_RULES

static void test_common_policy(void **state)
{
	static const struct row rows[] = {
		{ "no rules: block (RFC 5025 s3.2.1)", P, "", "id=sip:bo@x.example",
		  "sub-handling=block ret=0 by=" },
		{ "no conditions: always (RFC 4745 s10.1)", P, RULE("a", "", SUB("allow")), "",
		  "sub-handling=allow by=a ret=1" },
		{ "no conditions element at all", P,
		  "<cp:rule id='a'><cp:actions>" SUB("allow") "</cp:actions></cp:rule>", "",
		  "sub-handling=allow by=a" },
		{ "one", P, RULE("a", ONE("sip:bo@x.example"), SUB("allow")), "id=sip:bo@x.example",
		  "sub-handling=allow by=a" },
		{ "one in another spelling", P,
		  RULE("a", ONE(" SIP:b%6f@X.example;transport=tcp"), SUB("allow")),
		  "id=sip:bo@x.example", "sub-handling=allow" },
		{ "another one", P, RULE("a", ONE("sip:bo@x.example"), SUB("allow")),
		  "id=sip:cy@x.example", "sub-handling=block by=" },
		{ "nobody is not one", P, RULE("a", ONE("sip:bo@x.example"), SUB("allow")), "",
		  "sub-handling=block" },
		{ "any of two ones (s7.1.1)", P,
		  RULE("a",
		       "<cp:identity><cp:one id='sip:a@x'/><cp:one "
		       "id='sip:bo@x.example'/></cp:identity>",
		       SUB("allow")),
		  "id=sip:bo@x.example", "sub-handling=allow" },
		{ "both of two identities (all conditions, s10.1)", P,
		  RULE("a", ONE("sip:a@x.example") ONE("sip:bo@x.example"), SUB("allow")),
		  "id=sip:bo@x.example", "sub-handling=block" },
		{ "a number is not the SIP URI with it (RFC 5025 s3.1.1)", P,
		  RULE("a", ONE("tel:+4930"), SUB("allow")), "id=sip:+4930@x.example",
		  "sub-handling=block" },
		{ "any asserted identity (RFC 5025 s3.1.1)", P,
		  RULE("a", ONE("tel:+4930"), SUB("allow")), "id=sip:bo@x.example id=tel:+4930",
		  "sub-handling=allow" },
		{ "what was asserted counts in spite of privacy (RFC 5025 s3.1.1)", P,
		  RULE("a", ONE("tel:+4930"), SUB("allow")), "id=tel:+4930 anon",
		  "sub-handling=allow" },
		{ "other URIs compare as they stand", P,
		  RULE("a", ONE("mailto:bob@example.net"), SUB("allow")),
		  "id=mailto:bob@example.net", "sub-handling=allow" },
		{ "one with something foreign inside means nobody", P,
		  RULE("a",
		       "<cp:identity><cp:one id='sip:bo@x.example'><z xmlns='urn:z'/></cp:one>"
		       "</cp:identity>",
		       SUB("allow")),
		  "id=sip:bo@x.example", "sub-handling=block" },
		{ "foreign below identity is false, the others count (s7.1.1)", P,
		  RULE("a",
		       "<cp:identity><z xmlns='urn:z'/><cp:one id='sip:bo@x.example'/>"
		       "</cp:identity>",
		       SUB("allow")),
		  "id=sip:bo@x.example", "sub-handling=allow" },

		{ "many: anybody who is authenticated (s7.1.3.1)", P,
		  RULE("a", "<cp:identity><cp:many/></cp:identity>", SUB("allow")), "id=tel:+4930",
		  "sub-handling=allow" },
		{ "many: not who is not", P,
		  RULE("a", "<cp:identity><cp:many/></cp:identity>", SUB("allow")), "",
		  "sub-handling=block" },
		{ "many of a domain", P,
		  RULE("a", "<cp:identity><cp:many domain='x.example'/></cp:identity>",
		       SUB("allow")),
		  "id=sip:bo@x.example", "sub-handling=allow" },
		{ "many of a domain, in capitals and escaped (s7.1.3)", P,
		  RULE("a", "<cp:identity><cp:many domain='%58.EXAMPLE'/></cp:identity>",
		       SUB("allow")),
		  "id=sip:bo@x.example", "sub-handling=allow" },
		{ "many of an international domain (s7.1.3)", P,
		  RULE("a",
		       "<cp:identity><cp:many domain='b\xc3\xbc\x63her.example'/></cp:identity>",
		       SUB("allow")),
		  "id=sip:bo@xn--bcher-kva.example", "sub-handling=allow" },
		{ "not of a domain above", P,
		  RULE("a", "<cp:identity><cp:many domain='example'/></cp:identity>", SUB("allow")),
		  "id=sip:bo@x.example", "sub-handling=block" },
		{ "a number is in no domain", P,
		  RULE("a", "<cp:identity><cp:many domain='x.example'/></cp:identity>",
		       SUB("allow")),
		  "id=tel:+4930", "sub-handling=block" },
		{ "the port is not part of a domain", P,
		  RULE("a", "<cp:identity><cp:many domain='x.example'/></cp:identity>",
		       SUB("allow")),
		  "id=sip:bo@x.example:5070", "sub-handling=allow" },
		{ "except one", P,
		  RULE("a",
		       "<cp:identity><cp:many><cp:except id='sip:Bo@x.example'/><cp:except "
		       "id='sip:bo@X.EXAMPLE'/></cp:many></cp:identity>",
		       SUB("allow")),
		  "id=sip:bo@x.example", "sub-handling=block" },
		{ "except a domain", P,
		  RULE("a",
		       "<cp:identity><cp:many><cp:except domain='x.example'/></cp:many>"
		       "</cp:identity>",
		       SUB("allow")),
		  "id=sip:bo@x.example", "sub-handling=block" },
		{ "those not excepted", P,
		  RULE("a",
		       "<cp:identity><cp:many domain='x.example'><cp:except "
		       "id='sip:cy@x.example'/></cp:many></cp:identity>",
		       SUB("allow")),
		  "id=sip:bo@x.example", "sub-handling=allow" },
		{ "one identity excepted is enough (RFC 5025 s3.1.1)", P,
		  RULE("a",
		       "<cp:identity><cp:many><cp:except id='tel:+4930'/></cp:many></cp:identity>",
		       SUB("allow")),
		  "id=sip:bo@x.example id=tel:+4930", "sub-handling=block" },
		{ "excepted from one many, in another", P,
		  RULE("a",
		       "<cp:identity><cp:many><cp:except id='sip:bo@x.example'/></cp:many><cp:many "
		       "domain='x.example'/></cp:identity>",
		       SUB("allow")),
		  "id=sip:bo@x.example", "sub-handling=allow" },
		{ "an exception that is not understood lets nobody in", P,
		  RULE("a", "<cp:identity><cp:many><z xmlns='urn:z'/></cp:many></cp:identity>",
		       SUB("allow")),
		  "id=sip:bo@x.example", "sub-handling=block" },
		{ "an exception of a domain that is none", P,
		  RULE("a",
		       "<cp:identity><cp:many><cp:except domain='a b.example'/></cp:many>"
		       "</cp:identity>",
		       SUB("allow")),
		  "id=sip:bo@x.example", "sub-handling=block" },

		{ "sphere (s7.3)", P, RULE("a", "<cp:sphere value='work'/>", SUB("allow")),
		  "sphere=work", "sub-handling=allow" },
		{ "sphere, any of its tokens", P,
		  RULE("a", "<cp:sphere value=' home  work '/>", SUB("allow")), "sphere=work",
		  "sub-handling=allow" },
		{ "sphere whatever the case", P,
		  RULE("a", "<cp:sphere value='WoRK'/>", SUB("allow")), "sphere=wOrk",
		  "sub-handling=allow" },
		{ "another sphere", P, RULE("a", "<cp:sphere value='work'/>", SUB("allow")),
		  "sphere=working", "sub-handling=block" },
		{ "no sphere (RFC 5025 s3.1.2)", P,
		  RULE("a", "<cp:sphere value='work'/>", SUB("allow")), "",
		  "sub-handling=block ret=0" },
		{ "a sphere without tokens", P, RULE("a", "<cp:sphere value=''/>", SUB("allow")),
		  "sphere=work", "sub-handling=block" },
		{ "two spheres are two conditions", P,
		  RULE("a", "<cp:sphere value='work'/><cp:sphere value='home'/>", SUB("allow")),
		  "sphere=work", "sub-handling=block" },

#define FROM(t)	 "<cp:from>" t "</cp:from>"
#define UNTIL(t) "<cp:until>" t "</cp:until>"
		{ "validity from its first second on (s7.4)", P,
		  RULE("a",
		       "<cp:validity>" FROM("2026-05-01T12:00:00Z")
			       UNTIL("2026-05-01T13:00:00Z") "</cp:validity>",
		       SUB("allow")),
		  "now=2026-05-01T12:00:00Z", "sub-handling=allow" },
		{ "until its end, not in it", P,
		  RULE("a",
		       "<cp:validity>" FROM("2026-05-01T12:00:00Z")
			       UNTIL("2026-05-01T13:00:00Z") "</cp:validity>",
		       SUB("allow")),
		  "now=2026-05-01T13:00:00Z", "sub-handling=block" },
		{ "validity in another zone", P,
		  RULE("a",
		       "<cp:validity>" FROM("2026-05-01T14:00:00+02:00")
			       UNTIL("2026-05-01T08:30:00-04:30") "</cp:validity>",
		       SUB("allow")),
		  "now=2026-05-01T12:59:59Z", "sub-handling=allow" },
		{ "a second pair", P,
		  RULE("a",
		       "<cp:validity>" FROM("2020-01-01T00:00:00Z") UNTIL("2020-02-01T00:00:00Z")
			       FROM("2026-05-01T00:00:00Z")
				       UNTIL("2026-06-01T00:00:00Z") "</cp:validity>",
		       SUB("allow")),
		  "now=2026-05-31T23:59:59Z", "sub-handling=allow" },
		{ "two validities are two conditions", P,
		  RULE("a",
		       "<cp:validity>" FROM("2020-01-01T00:00:00Z")
			       UNTIL("2020-02-01T00:00:00Z") "</cp:validity><cp:validity>" FROM(
				       "2026-05-01T00:00:00Z")
				       UNTIL("2026-06-01T00:00:00Z") "</cp:validity>",
		       SUB("allow")),
		  "now=2026-05-31T23:59:59Z", "sub-handling=block" },
		{ "no zone: never (nobody said when)", P,
		  RULE("a",
		       "<cp:validity>" FROM("2020-01-01T00:00:00")
			       UNTIL("2030-01-01T00:00:00Z") "</cp:validity>",
		       SUB("allow")),
		  "now=2026-05-01T12:00:00Z", "sub-handling=block" },

		{ "an unknown condition is false (s7)", P,
		  RULE("a", "<z xmlns='urn:z'/>", SUB("allow")), "id=sip:bo@x.example",
		  "sub-handling=block ret=0" },
		{ "an unknown action is passed over (RFC 5025 s8)", P,
		  RULE("a", "", "<z xmlns='urn:z'/>" SUB("allow")), "", "sub-handling=allow" },

		{ "the highest counts (s10.2)", P,
		  RULE("a", "", SUB("confirm")) RULE("b", "", SUB("polite-block"))
			  RULE("c", "", SUB("block")),
		  "", "sub-handling=polite-block by=b" },
		{ "the order of rules does not", P,
		  RULE("c", "", SUB("block")) RULE("b", "", SUB("polite-block"))
			  RULE("a", "", SUB("confirm")),
		  "", "sub-handling=polite-block by=b" },
		{ "booleans: either", P,
		  RULE("a", "", "<pr:provide-note>true</pr:provide-note>")
			  RULE("b", "", "<pr:provide-note>false</pr:provide-note>"),
		  "", "provide-note=true by=a" },
		{ "each permission for itself", P,
		  RULE("a", "", SUB("allow"))
			  RULE("b", "", "<pr:provide-mood> 1 </pr:provide-mood>"),
		  "", "sub-handling=allow provide-mood=true provide-note=false by=a,b" },
		{ "a blocked one in another rule is allowed: no bans", P,
		  RULE("a", ONE("sip:bo@x.example"), SUB("block")) RULE("b", "", SUB("allow")),
		  "id=sip:bo@x.example", "sub-handling=allow by=b" },
	};

	(void)state;
	check_rows(rows, COUNT(rows));
}

/* OMA: who is named most exactly. */
#define A POL_ACCESS_RULES

static void test_oma_conditions(void **state)
{
	static const struct row rows[] = {
		{ "on a list", A, RULE("a", LIST("friends"), DELIVER("silent")),
		  "id=sip:fay@x.example", "deliver=silent by=a" },
		{ "on a list by another identity", A, RULE("a", LIST("friends"), DELIVER("silent")),
		  "id=sip:cy@x.example id=tel:+4930", "deliver=silent" },
		{ "not on a list", A, RULE("a", LIST("friends"), DELIVER("silent")),
		  "id=sip:cy@x.example", "deliver=allow by= ret=0" },
		{ "on one of two lists", A,
		  RULE("a",
		       "<ocp:external-list><ocp:entry anc='list:empty'/><ocp:entry "
		       "anc='list:friends'/></ocp:external-list>",
		       DELIVER("silent")),
		  "id=sip:fay@x.example", "deliver=silent" },
		{ "on no list at all", A, RULE("a", "<ocp:external-list/>", DELIVER("silent")),
		  "id=sip:fay@x.example", "deliver=allow" },
		{ "by a domain on the list", A, RULE("a", LIST("blocked"), DELIVER("reject")),
		  "id=sip:any@spam.example", "deliver=reject" },
		{ "on a list that leads nowhere", A, RULE("a", LIST("half"), DELIVER("silent")),
		  "id=sip:fay@x.example", "deliver=silent ret=1" },

		{ "everybody else", A,
		  RULE("a", ONE("sip:bo@x.example"), DELIVER("reject"))
			  RULE("b", OTHER, DELIVER("silent")),
		  "id=sip:cy@x.example", "deliver=silent by=b" },
		{ "not who is named", A,
		  RULE("a", ONE("sip:bo@x.example"), REJECT) RULE("b", OTHER, DELIVER("silent")),
		  "id=sip:bo@x.example", "deliver=allow allow-reject-invite=true by=a" },
		{ "not who is on a list", A,
		  RULE("a", LIST("friends"), DELIVER("allow")) RULE("b", OTHER, DELIVER("drop")),
		  "id=tel:+4930", "deliver=allow by=a" },
		{ "nor who is named by a rule that does not apply now", A,
		  RULE("a", ONE("sip:bo@x.example") "<cp:sphere value='work'/>", DELIVER("allow"))
			  RULE("b", OTHER, DELIVER("silent")),
		  "id=sip:bo@x.example", "deliver=allow by=" },
		{ "nor who is nobody", A, RULE("b", OTHER, DELIVER("silent")), "",
		  "deliver=allow" },
		{ "nor who is anonymous", A, RULE("b", OTHER, DELIVER("silent")),
		  "id=sip:bo@x.example anon", "deliver=allow" },
		{ "anonymous", A, RULE("a", ANON, DELIVER("reject")), "id=sip:bo@x.example anon",
		  "deliver=reject by=a" },
		{ "not authenticated is anonymous", A, RULE("a", ANON, DELIVER("reject")), "",
		  "deliver=reject" },
		{ "not anonymous", A, RULE("a", ANON, DELIVER("reject")), "id=sip:bo@x.example",
		  "deliver=allow" },
		{ "who is anonymous is not named", A,
		  RULE("a", ONE("sip:bo@x.example"), DELIVER("silent"))
			  RULE("b", ANON, DELIVER("reject")),
		  "id=sip:bo@x.example anon", "deliver=reject by=b" },

		{ "named before on a list (xdm.md 9.3)", A,
		  RULE("a", LIST("friends"), DELIVER("allow"))
			  RULE("b", ONE("sip:fay@x.example"), DELIVER("reject")),
		  "id=sip:fay@x.example", "deliver=reject by=b" },
		{ "two lists: the higher one", A,
		  RULE("a", LIST("friends"), DELIVER("reject"))
			  RULE("b", LIST("half"), DELIVER("silent")),
		  "id=sip:fay@x.example", "deliver=silent by=b" },
		{ "a rule about anybody is one of each", A,
		  RULE("a", "<cp:sphere value='work'/>", REJECT)
			  RULE("b", ONE("sip:fay@x.example"), DELIVER("allow")),
		  "id=sip:fay@x.example sphere=work", "answer=drop by=a,b" },
		{ "strict rules see the same otherwise", P,
		  RULE("a", LIST("friends"), SUB("allow"))
			  RULE("b", ONE("sip:fay@x.example"), SUB("block")),
		  "id=sip:fay@x.example", "sub-handling=allow by=a" },
		{ "OMA's presence rules: the block wins", POL_OMA_PRES_RULES,
		  RULE("a", LIST("friends"), SUB("allow"))
			  RULE("b", ONE("sip:fay@x.example"), SUB("block")),
		  "id=sip:fay@x.example", "sub-handling=block by=b" },

#define MEDIA(list) "<oxe:media-list>" list "</oxe:media-list>"
		{ "every medium that is offered is listed", A,
		  RULE("a", MEDIA("<oxe:audio/><oxe:video/>"), REJECT), "media=audio",
		  "allow-reject-invite=true" },
		{ "one is not", A, RULE("a", MEDIA("<oxe:audio/><oxe:video/>"), REJECT),
		  "media=audio media=file", "allow-reject-invite=false" },
		{ "nothing is offered", A, RULE("a", MEDIA("<oxe:audio/>"), REJECT), "",
		  "allow-reject-invite=false" },
		{ "all media but", A,
		  RULE("a", MEDIA("<oxe:all-media-except><oxe:video/></oxe:all-media-except>"),
		       REJECT),
		  "media=audio media=other", "allow-reject-invite=true" },
		{ "all media but this one", A,
		  RULE("a", MEDIA("<oxe:all-media-except><oxe:video/></oxe:all-media-except>"),
		       REJECT),
		  "media=audio media=video", "allow-reject-invite=false" },
		{ "a medium that nobody knows covers nothing", A,
		  RULE("a", MEDIA("<z xmlns='urn:z'/>"), REJECT), "media=other",
		  "allow-reject-invite=false" },

#define SERVICES(list) "<oxe:service-list>" list "</oxe:service-list>"
		{ "a service", A, RULE("a", SERVICES("<oxe:service enabler='urn:s1'/>"), REJECT),
		  "enabler=urn:s1", "allow-reject-invite=true" },
		{ "another service", A,
		  RULE("a", SERVICES("<oxe:service enabler='urn:s1'/>"), REJECT), "enabler=urn:s2",
		  "allow-reject-invite=false" },
		{ "all services but", A,
		  RULE("a",
		       SERVICES("<oxe:all-services-except><oxe:service enabler='urn:s1'/>"
				"</oxe:all-services-except>"),
		       REJECT),
		  "enabler=urn:s2", "allow-reject-invite=true" },
		{ "all services but this one", A,
		  RULE("a",
		       SERVICES("<oxe:all-services-except><oxe:service enabler='urn:s1'/>"
				"</oxe:all-services-except>"),
		       REJECT),
		  "enabler=urn:s1", "allow-reject-invite=false" },
		{ "a service with these media", A,
		  RULE("a",
		       SERVICES("<oxe:service "
				"enabler='urn:s1'><oxe:group-media><oxe:message-session/>"
				"</oxe:group-media></oxe:service>"),
		       REJECT),
		  "enabler=urn:s1 media=message", "allow-reject-invite=true" },
		{ "a service with others", A,
		  RULE("a",
		       SERVICES("<oxe:service "
				"enabler='urn:s1'><oxe:group-media><oxe:message-session/>"
				"</oxe:group-media></oxe:service>"),
		       REJECT),
		  "enabler=urn:s1 media=audio", "allow-reject-invite=false" },
		{ "offline storage in an attribute", A,
		  RULE("a", "", "<oxe:allow-offline-storage oxe:allow='false'/>"), "",
		  "allow-offline-storage=false" },
		{ "offline storage in its text", A,
		  RULE("a", "", "<oxe:allow-offline-storage>false</oxe:allow-offline-storage>"), "",
		  "allow-offline-storage=false" },
		{ "a reject is a ban: it is not outvoted", A,
		  RULE("a", "", REJECT)
			  RULE("b", "", "<oxe:allow-reject-invite>false</oxe:allow-reject-invite>"),
		  "", "allow-reject-invite=true by=a answer=drop" },
		{ "reject before answering by itself (cpm.md 3.4)", A,
		  RULE("a", "",
		       REJECT "<oxe:allow-auto-answermode>true</oxe:allow-auto-answermode>"),
		  "", "answer=drop" },
	};

	(void)state;
	check_rows(rows, COUNT(rows));
}

static void test_cannot_tell(void **state)
{
	static const struct row rows[] = {
		{ "a list that cannot be had gives nothing", POL_OMA_PRES_RULES,
		  RULE("a", LIST("gone"), SUB("allow")), "id=sip:bo@x.example",
		  "?sub-handling=block by=a ret=-1" },
		{ "and may forbid", A, RULE("a", LIST("gone"), DELIVER("reject")),
		  "id=sip:bo@x.example", "?deliver=reject answer=later ret=-1" },
		{ "nobody is on no list", A, RULE("a", LIST("gone"), DELIVER("reject")), "",
		  "deliver=allow ret=0" },
		{ "nor is who is anonymous", A, RULE("a", LIST("gone"), DELIVER("reject")),
		  "id=sip:bo@x.example anon", "deliver=allow ret=0" },
		{ "not on the half of a list that could be had", A, RULE("a", LIST("half"), REJECT),
		  "id=sip:bo@x.example", "?allow-reject-invite=true answer=later" },
		{ "everybody else may be this one", A,
		  RULE("a", LIST("gone"), DELIVER("allow")) RULE("b", OTHER, DELIVER("silent")),
		  "id=sip:bo@x.example", "?deliver=silent by=a,b" },
		{ "named by a rule, whatever the list says", A,
		  RULE("a", LIST("gone"), DELIVER("reject"))
			  RULE("b", ONE("sip:bo@x.example"), DELIVER("silent")),
		  "id=sip:bo@x.example", "deliver=silent by=b ret=1" },
		{ "strict: the rule that surely applies is the least there is", P,
		  RULE("a", LIST("gone"), SUB("allow")) RULE("b", "", SUB("confirm")),
		  "id=sip:bo@x.example", "?sub-handling=confirm" },
		{ "sure where both say the same", P,
		  RULE("a", LIST("gone"), SUB("allow")) RULE("b", "", SUB("allow")),
		  "id=sip:bo@x.example", "sub-handling=allow ret=1" },
		{ "other conditions say no", A,
		  RULE("a", LIST("gone") "<cp:sphere value='work'/>", REJECT),
		  "id=sip:bo@x.example", "allow-reject-invite=false ret=0" },
	};

	(void)state;
	check_rows(rows, COUNT(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_common_policy),
		cmocka_unit_test(test_oma_conditions),
		cmocka_unit_test(test_cannot_tell),
	};

	return cmocka_run_group_tests(tests, pol_check_open, pol_check_close);
}
