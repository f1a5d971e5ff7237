/* SPDX-License-Identifier: Apache-2.0 */
/* What is compiled, what is refused, and what is told about the rest. */
#include "tests/policy/pol_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xml.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define ACTION(text)	"<cp:rule id='a'><cp:actions>" text "</cp:actions></cp:rule>"
#define CONDITION(text) "<cp:rule id='a'><cp:conditions>" text "</cp:conditions></cp:rule>"
#define CAP(conditions, actions)                     \
	"<cp:rule id='a'><cp:conditions>" conditions \
	"</cp:conditions><cp:actions><op:layer>cap</op:layer>" actions "</cp:actions></cp:rule>"

static void test_refusals(void **state)
{
	static const struct {
		const char *why;
		enum pol_kind kind;
		const char *inside;
		enum err_code code; /* ERR_NONE: compiled, with a note */
		const char *says;
	} rows[] = {
		{ "a rule of the operator without a layer", POL_OPERATOR,
		  ACTION("<op:log>none</op:log>"), ERR_SYNTAX, "rule \"a\": it has no layer" },
		{ "a layer that is none", POL_OPERATOR, ACTION("<op:layer>group</op:layer>"),
		  ERR_SYNTAX, "forced, cap or default" },
		{ "a misspelt limit of the operator", POL_OPERATOR,
		  CAP("", "<op:max-file>1</op:max-file>"), ERR_SYNTAX, "max-file" },
		{ "a misspelt condition of the operator", POL_OPERATOR,
		  CAP("<op:services name='x'/>", ""), ERR_SYNTAX, "services" },
		{ "a foreign action of the operator", POL_OPERATOR, CAP("", "<z xmlns='urn:z'/>"),
		  ERR_NONE, NULL },
		{ "an audit mark", POL_OPERATOR, CAP("", "<op:rev>17</op:rev>"), ERR_NONE, NULL },
		{ "a number below 0", POL_OPERATOR, CAP("", "<op:max-lists>-1</op:max-lists>"),
		  ERR_SYNTAX, "max-lists has no value \"-1\"" },
		{ "a number with its sign", POL_OPERATOR,
		  CAP("", "<op:max-lists>+1</op:max-lists>"), ERR_NONE, NULL },
		{ "a code that refuses nothing", POL_OPERATOR,
		  CAP("", "<op:reject-code>200</op:reject-code>"), ERR_SYNTAX, "reject-code" },
		{ "a time of day that is none", POL_OPERATOR,
		  CAP("<op:time-of-day from='8:00' until='25:00'/>", ""), ERR_SYNTAX, "HH:MM" },
		{ "a time zone by name", POL_OPERATOR,
		  CAP("<op:time-of-day from='08:00' until='09:00' tz='Europe/Berlin'/>", ""),
		  ERR_SYNTAX, "Europe/Berlin" },
		{ "a direction that is none", POL_OPERATOR,
		  CAP("<op:direction>up</op:direction>", ""), ERR_SYNTAX, "direction" },
		{ "roaming neither true nor false", POL_OPERATOR, CAP("<op:roaming/>", ""),
		  ERR_SYNTAX, "roaming" },
		{ "a size that is none", POL_OPERATOR, CAP("<op:message-size/>", ""), ERR_SYNTAX,
		  "message-size" },
		{ "a peer that is no domain", POL_OPERATOR, CAP("<op:peer-domain name='a/b'/>", ""),
		  ERR_SYNTAX, "a/b" },
		{ "an exception of the operator's that excepts nobody", POL_OPERATOR,
		  CAP("<cp:identity><cp:many><cp:except domain='a/b'/></cp:many></cp:identity>",
		      ""),
		  ERR_SYNTAX, "many" },
		{ "a period of the operator's without a zone", POL_OPERATOR,
		  CAP("<cp:validity><cp:from>2026-01-01T00:00:00</cp:from>"
		      "<cp:until>2027-01-01T00:00:00Z</cp:until></cp:validity>",
		      ""),
		  ERR_SYNTAX, "time zone" },
		{ "no date", POL_PRES_RULES,
		  CONDITION("<cp:validity><cp:from>2026-02-30T00:00:00Z</cp:from>"
			    "<cp:until>2027-01-01T00:00:00Z</cp:until></cp:validity>"),
		  ERR_SYNTAX, "2026-02-30" },
		{ "a period of a user's without a zone", POL_PRES_RULES,
		  CONDITION("<cp:validity><cp:from>2026-01-01T00:00:00</cp:from>"
			    "<cp:until>2027-01-01T00:00:00Z</cp:until></cp:validity>"),
		  ERR_NONE, "rule \"a\": a validity without a time zone" },
		{ "an unknown condition", POL_PRES_RULES, CONDITION("<z xmlns='urn:z'/>"), ERR_NONE,
		  "condition \"z\" is not known" },
		{ "an unknown child of an identity", POL_PRES_RULES,
		  CONDITION("<cp:identity><z xmlns='urn:z'/></cp:identity>"), ERR_NONE, "\"z\"" },
		{ "a word that is none", POL_PRES_RULES,
		  ACTION("<pr:sub-handling>perhaps</pr:sub-handling>"), ERR_SYNTAX,
		  "sub-handling has no value \"perhaps\"" },
		{ "a boolean that is none", POL_PRES_RULES,
		  ACTION("<pr:provide-note>yes</pr:provide-note>"), ERR_SYNTAX, "provide-note" },
		{ "whose media: others", POL_GROUP,
		  "<list-service uri='sip:g@x.example'><cp:ruleset>" ACTION(
			  "<oxe:remove-media-handling><z "
			  "xmlns='urn:z'/></oxe:remove-media-handling>") "</cp:ruleset></"
									 "list-service>",
		  ERR_NONE, NULL },
		{ "a group without a service", POL_GROUP, "", ERR_ABSENT, "no service" },
		{ "a priority beyond its range", POL_USER_PREFS,
		  "<delivery><device id='a' priority='1001'/></delivery>", ERR_SYNTAX,
		  "delivery:" },
		{ "a kind of storage that is none", POL_USER_PREFS,
		  "<storage enabled='true'><type name='fax' store='true'/></storage>", ERR_SYNTAX,
		  "fax" },
		{ "a bearer twice", POL_USER_PREFS,
		  "<interworking "
		  "allow='true'><prefer>sms</prefer><prefer>sms</prefer></interworking>",
		  ERR_SYNTAX, "twice" },
		{ "no answer to who is blocked", POL_USER_PREFS, "<blocking answer='rude'/>",
		  ERR_SYNTAX, "rude" },
		{ "no way to defer", POL_USER_PREFS, "<delivery deferred='never'/>", ERR_SYNTAX,
		  "deferred" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pol_report report;
		struct pol_doc *doc;
		struct err err = { 0 };
		int ret = pol_check_compile(rows[i].kind, rows[i].inside, &report, &doc, &err);

		if (err.code != rows[i].code || ret != (rows[i].code ? -1 : 0))
			fail_msg("%s: %s (%s)", rows[i].why, err_code_name(err.code), err.text);
		assert_int_equal(doc == NULL, ret < 0);
		if (ret < 0 && !strstr(err.text, rows[i].says))
			fail_msg("%s: %s", rows[i].why, err.text);
		if (ret == 0 && (report.n > 0) != (rows[i].says != NULL))
			fail_msg("%s: %u notes", rows[i].why, report.n);
		if (ret == 0 && report.n && !strstr(report.note[0], rows[i].says))
			fail_msg("%s: %s", rows[i].why, report.note[0]);
		pol_doc_drop(&doc);
	}
}

static void test_roots(void **state)
{
	static const char *const roots[] = {
		"<ruleset xmlns='urn:ietf:params:xml:ns:common-policy'/>",
		"<cpm-user-prefs xmlns='urn:opencpm:xml:user-prefs'/>",
		"<group xmlns='urn:oma:xml:poc:list-service'><list-service uri='sip:g@x'/></group>",
		"<ruleset/>",
		"no XML",
	};
	static const unsigned char root_of[POL_KINDS] = { 0, 0, 0, 1, 2, 0 };

	(void)state;
	for (unsigned kind = 0; kind < POL_KINDS; kind++)
		for (unsigned i = 0; i < COUNT(roots); i++) {
			struct pol_source source = { .kind = (enum pol_kind)kind };
			struct pol_doc *doc;
			struct err err = { 0 };
			int ret = pol_doc_parse(&source, strv_of(roots[i]), NULL, &doc, &err);

			assert_int_equal(ret, root_of[kind] == i ? 0 : -1);
			assert_int_equal(err.code, ret ? ERR_SYNTAX : ERR_NONE);
			pol_doc_drop(&doc);
		}
}

/* Who stores a document, or changes a ruleset within one, asks first. */
static void test_check(void **state)
{
	static const char *const ruleset =
		"<ruleset xmlns='urn:ietf:params:xml:ns:common-policy' "
		"xmlns:up='urn:opencpm:xml:user-prefs'><rule id='a'><actions><up:deliver>%s"
		"</up:deliver></actions></rule></ruleset>";
	static const struct {
		enum pol_kind kind;
		const char *value;
		int ret;
	} rows[] = {
		{ POL_USER_PREFS, "silent", 0 },   { POL_USER_PREFS, "perhaps", -1 },
		{ POL_ACCESS_RULES, "silent", 0 }, { POL_ACCESS_RULES, "perhaps", -1 },
		{ POL_GROUP, "perhaps", 0 },	/* not for a group to say */
		{ POL_OPERATOR, "silent", -1 }, /* no layer */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[512];
		struct err err = { 0 };
		xmlDoc *xml;

		snprintf(text, sizeof(text), "%.*s%s%s", (int)(strstr(ruleset, "%s") - ruleset),
			 ruleset, rows[i].value, strstr(ruleset, "%s") + 2);
		assert_int_equal(xml_parse(strv_of(text), NULL, &xml, NULL, NULL), 0);
		if (pol_doc_check(rows[i].kind, NULL, xmlDocGetRootElement(xml), &err) != rows[i].ret)
			fail_msg("%u %s: %s", rows[i].kind, rows[i].value, err.text);
		assert_int_equal(err.code, rows[i].ret ? ERR_SYNTAX : ERR_NONE);
		xmlFreeDoc(xml);
	}
}

/* ---- bounds ---- */

static void check_bound(const char *why, enum pol_kind kind, const char *before, const char *each,
			unsigned n, const char *after, enum err_code code)
{
	size_t size = strlen(before) + strlen(after) + n * (strlen(each) + 24) + 1, at;
	char *text = malloc(size);
	struct pol_doc *doc;
	struct err err = { 0 };

	assert_non_null(text);
	at = (size_t)snprintf(text, size, "%s", before);
	for (unsigned i = 0; i < n; i++) {
		const char *mark = strchr(each, '#');

		at += (size_t)snprintf(text + at, size - at, "%.*s%u%s", (int)(mark - each), each,
				       i, mark + 1);
	}
	snprintf(text + at, size - at, "%s", after);
	pol_check_compile(kind, text, NULL, &doc, &err);
	if (err.code != code)
		fail_msg("%s, %u: %s", why, n, err.text);
	pol_doc_drop(&doc);
	free(text);
}

static void test_bounds(void **state)
{
	static const struct {
		const char *why;
		enum pol_kind kind;
		const char *before, *each, *after;
		unsigned max;
	} rows[] = {
		{ "rules", POL_PRES_RULES, "", "<cp:rule id='r#'/>", "", POL_RULES_MAX },
		{ "conditions", POL_PRES_RULES, "<cp:rule id='a'><cp:conditions>",
		  "<cp:sphere value='#'/>", "</cp:conditions></cp:rule>", POL_CONDS_MAX },
		{ "actions", POL_PRES_RULES, "<cp:rule id='a'><cp:actions>",
		  "<pr:provide-mood>true<!--#--></pr:provide-mood>", "</cp:actions></cp:rule>",
		  POL_GRANTS_MAX },
		{ "lists", POL_ACCESS_RULES, "<cp:rule id='a'><cp:conditions><ocp:external-list>",
		  "<ocp:entry anc='l#'/>", "</ocp:external-list></cp:conditions></cp:rule>",
		  POL_REFS_MAX },
		{ "identities", POL_PRES_RULES, "<cp:rule id='a'><cp:conditions><cp:identity>",
		  "<cp:one id='sip:u#@x.example'/>", "</cp:identity></cp:conditions></cp:rule>",
		  POL_NAMES_MAX },
		{ "exceptions", POL_PRES_RULES,
		  "<cp:rule id='a'><cp:conditions><cp:identity><cp:many>",
		  "<cp:except id='sip:u#@x.example'/>",
		  "</cp:many></cp:identity></cp:conditions></cp:rule>", POL_NAMES_MAX - 1 },
		{ "members", POL_GROUP, "<list-service uri='sip:g@x'><list>",
		  "<entry uri='sip:u#@x.example'/>", "</list></list-service>", POL_NAMES_MAX },
		{ "devices", POL_USER_PREFS, "<delivery>", "<device id='#' enabled='true'/>",
		  "</delivery>", POL_DEVICES_MAX },
		{ "words", POL_PRES_RULES, "<cp:rule id='a'><cp:conditions><cp:sphere value='",
		  "w# ", "'/></cp:conditions></cp:rule>", 64 },
		{ "services", POL_ACCESS_RULES, "<cp:rule id='a'><cp:conditions><oxe:service-list>",
		  "<oxe:service enabler='#'/>", "</oxe:service-list></cp:conditions></cp:rule>",
		  64 },
		{ "members of a set", POL_PRES_RULES,
		  "<cp:rule id='a'><cp:transformations><pr:provide-services>",
		  "<pr:class>#</pr:class>", "</pr:provide-services></cp:transformations></cp:rule>",
		  256 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		check_bound(rows[i].why, rows[i].kind, rows[i].before, rows[i].each, rows[i].max,
			    rows[i].after, ERR_NONE);
		check_bound(rows[i].why, rows[i].kind, rows[i].before, rows[i].each,
			    rows[i].max + 1, rows[i].after, ERR_LIMIT);
	}
}

/* One of ten thousand is found, by its hash and not by walking past the others. */
static void test_many_identities(void **state)
{
	struct pol_layers layers = { .n_user = 1 };
	char *text = malloc(1 << 20), facts[64];
	struct pol_doc *doc;
	struct pol_verdict verdict;
	size_t n;

	(void)state;
	assert_non_null(text);
	n = (size_t)sprintf(text, "<cp:rule id='a'><cp:conditions><cp:identity>");
	for (unsigned i = 0; i < 10000; i++)
		n += (size_t)sprintf(text + n, "<cp:one id='sip:u%u@x.example'/>", i);
	sprintf(text + n, "</cp:identity></cp:conditions><cp:actions><pr:sub-handling>allow"
			  "</pr:sub-handling></cp:actions></cp:rule>");
	doc = pol_check_doc("10,000", POL_PRES_RULES, text);
	layers.user[0] = doc;
	for (unsigned i = 0; i < 10010; i++) {
		snprintf(facts, sizeof(facts), "id=sip:u%u@x.example", i);
		pol_eval(&layers, pol_check_facts(facts), &verdict);
		assert_int_equal(verdict.value[POL_SUB_HANDLING], i < 10000 ? 30 : 0);
	}
	pol_doc_drop(&doc);
	free(text);
}

/* ---- values ---- */

static struct pol_set *count_lookup(void *arg, struct strv ref)
{
	++*(unsigned *)arg;
	return pol_check_list(strv_eq(ref, STRV("list:friends")) ? "friends" : "none");
}

/* A list that comes twice is one reference; a new binding leaves the old value as it was. */
static void test_references(void **state)
{
	static const char *const text =
		"<cp:rule id='a'><cp:conditions><ocp:external-list><ocp:entry anc='list:friends'/>"
		"<ocp:entry anc='list:gone'/></ocp:external-list></cp:conditions></cp:rule>"
		"<cp:rule id='b'><cp:conditions><ocp:external-list><ocp:entry anc=' list:friends "
		"'/></ocp:external-list></cp:conditions><cp:actions><up:deliver>silent</up:deliver>"
		"</cp:actions></cp:rule>";
	struct pol_doc *doc, *bound, *held;
	struct pol_layers layers = { .n_user = 1 };
	struct pol_verdict verdict;
	unsigned asked = 0;

	(void)state;
	assert_int_equal(pol_check_compile(POL_ACCESS_RULES, text, NULL, &doc, NULL), 0);
	assert_int_equal(pol_doc_refs(doc), 2);
	assert_true(strv_eq(pol_doc_ref(doc, 0), STRV("list:friends")));
	assert_true(strv_eq(pol_doc_ref(doc, 1), STRV("list:gone")));
	assert_int_equal(pol_doc_kind(doc), POL_ACCESS_RULES);
	assert_true(strv_eq(pol_doc_name(doc), STRV("test")));
	assert_int_equal(pol_doc_rules(doc), 2);
	assert_true(strv_eq(pol_doc_rule_id(doc, 1), STRV("b")));
	assert_true(pol_doc_bytes(doc) < 2048);
	assert_int_equal(pol_doc_bind(doc, count_lookup, &asked, &bound, NULL), 0);
	assert_int_equal(asked, 2);
	held = pol_doc_hold(bound);
	pol_doc_drop(&bound);
	layers.user[0] = doc;
	assert_int_equal(pol_eval(&layers, pol_check_facts("id=sip:fay@x.example"), &verdict), -1);
	pol_doc_drop(&doc);
	layers.user[0] = held;
	assert_int_equal(pol_eval(&layers, pol_check_facts("id=sip:fay@x.example"), &verdict), 1);
	assert_int_equal(verdict.value[POL_DELIVER], POL_DELIVER_SILENT);
	pol_doc_drop(&held);
	assert_null(held);
	pol_doc_drop(&held);
	assert_null(pol_doc_hold(NULL));
}

/* Of several services each is a value of its own. */
static void test_services(void **state)
{
#define SERVICE(uri, rule)                                                                      \
	"<list-service uri='" uri "'><cp:ruleset><cp:rule id='" rule                            \
	"'><cp:actions><join-handling>true</join-handling></cp:actions></cp:rule></cp:ruleset>" \
	"</list-service>"
	static const char *const text =
		"<group xmlns='urn:oma:xml:poc:list-service' "
		"xmlns:cp='urn:ietf:params:xml:ns:common-policy'>" SERVICE("sip:one@X.example",
									   "r1")
			SERVICE("sip:two@x.example", "r2") "</group>";
	static const struct {
		const char *service, *rule;
	} asked[] = { { "", "r1" },
		      { "sip:one@x.example", "r1" },
		      { "sip:two@X.EXAMPLE", "r2" },
		      { "sip:three@x.example", NULL } };

	(void)state;
	for (size_t i = 0; i < COUNT(asked); i++) {
		struct pol_source source = { POL_GROUP, STRV("g"), strv_of(asked[i].service),
					     &pol_check_spell };
		struct pol_doc *doc;
		struct err err;

		if (!asked[i].rule) {
			assert_int_equal(pol_doc_parse(&source, strv_of(text), NULL, &doc, &err),
					 -1);
			assert_int_equal(err.code, ERR_ABSENT);
			continue;
		}
		assert_int_equal(pol_doc_parse(&source, strv_of(text), NULL, &doc, NULL), 0);
		assert_true(strv_eq(pol_doc_rule_id(doc, 0), strv_of(asked[i].rule)));
		pol_doc_drop(&doc);
	}
}

/* Every permission's row is whole, found by its element and by its name. */
static void test_permissions(void **state)
{
	(void)state;
	for (unsigned i = 0; i < POL_PERMS; i++) {
		const struct pol_perm_row *row = pol_perm_row((enum pol_perm)i);
		char buf[64];

		assert_non_null(row->name);
		assert_int_equal(pol_perm_of(row->ns, row->local), i);
		assert_int_equal(pol_perm_named(strv_of(row->name)), i);
		assert_int_equal(row->type == POL_TYPE_WORD, row->words != NULL);
		assert_true(*pol_perm_print((enum pol_perm)i, row->builtin, buf, sizeof(buf)));
	}
	assert_int_equal(pol_perm_of("urn:x", "deliver"), POL_PERMS);
	assert_int_equal(pol_perm_named(STRV("x")), POL_PERMS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),	cmocka_unit_test(test_roots),
		cmocka_unit_test(test_check),		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_many_identities), cmocka_unit_test(test_references),
		cmocka_unit_test(test_services),	cmocka_unit_test(test_permissions),
	};

	return cmocka_run_group_tests(tests, pol_check_open, pol_check_close);
}
