/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of people, and lists that lead to others, in circles, nowhere and too far. */
#include "tests/policy/pol_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xml.h"
#include "policy/pol_list.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- sets ---- */

static void test_domains(void **state)
{
	static const struct {
		const char *identity, *domain;
	} rows[] = {
		{ "sip:a@x.example", "x.example" },
		{ "sip:a@x.example:99", "x.example" },
		{ "sip:a@[2001:db8::1]:99", "[2001:db8::1]" },
		{ "tel:+4930", "" },
		{ "mailto:a@x.example", "" },
		{ "sip:x.example", "" },
		{ "", "" },
		{ "sip:a@[2001", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_true(
			strv_eq(pol_domain_of(strv_of(rows[i].identity)), strv_of(rows[i].domain)));
}

static void test_domain_spellings(void **state)
{
	static const struct {
		const char *text, *spelled; /* "": none */
	} rows[] = {
		{ "X.Example", "x.example" },
		{ "x.example.", "x.example" },
		{ "%58.e%78ample", "x.example" },
		{ "xn--bcher-kva.example", "xn--bcher-kva.example" },
		{ "", "" },
		{ ".", "" },
		{ "b\xc3\xbc.example", "" },
		{ "b%C3%BC.example", "" },
		{ "a b", "" },
		{ "%", "" },
		{ "%4", "" },
		{ "%zz", "" },
		{ "a%00b", "" },
	};
	char buf[POL_SPELL_BYTES];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (!strv_eq(pol_spell_domain(NULL, strv_of(rows[i].text), buf),
			     strv_of(rows[i].spelled)))
			fail_msg("%s", rows[i].text);
}

static void test_sets(void **state)
{
	struct pol_set_plan *plan = pol_set_plan_new(10002);
	struct pol_set *set, *held;
	char text[64];
	struct err err;

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		snprintf(text, sizeof(text), "SIP:u%u@X.example;lr", i);
		assert_int_equal(pol_set_plan_add(plan, &pol_check_spell, strv_of(text), NULL), 0);
	}
	assert_int_equal(pol_set_plan_add_domain(plan, NULL, STRV("y/"), &err), -1);
	assert_int_equal(err.code, ERR_SYNTAX);
	assert_int_equal(pol_set_plan_add_domain(plan, NULL, STRV("Y.example"), NULL), 0);
	assert_int_equal(pol_set_plan_add(plan, NULL, STRV("mailto:a@y.example"), NULL), 0);
	assert_int_equal(pol_set_plan_add(plan, NULL, STRV("sip:more@x"), &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_int_equal(pol_set_plan_finish(&plan, &set, NULL), 0);
	assert_null(plan);
	assert_int_equal(pol_set_count(set), 10002);
	assert_true(pol_set_bytes(set) < 10002 * 64);
	assert_true(pol_set_is_complete(set));
	for (unsigned i = 0; i < 10100; i++) {
		snprintf(text, sizeof(text), "sip:u%u@x.example", i);
		assert_int_equal(pol_set_has(set, strv_of(text)), i < 10000);
	}
	assert_int_equal(pol_set_has(set, STRV("sip:any@y.example")), 1);
	assert_int_equal(pol_set_has(set, STRV("mailto:a@y.example")), 1);
	assert_int_equal(pol_set_has(set, STRV("mailto:b@y.example")), 0);
	assert_int_equal(pol_set_has(set, STRV("")), 0);
	assert_int_equal(pol_set_has(NULL, STRV("sip:a@x")), -1);
	held = pol_set_hold(set);
	pol_set_drop(&set);
	assert_int_equal(pol_set_has(held, STRV("sip:u1@x.example")), 1);
	pol_set_drop(&held);
	pol_set_drop(&held);
	assert_null(pol_set_hold(NULL));
}

/* ---- lists ---- */

struct world {
	xmlDoc *doc;
	char watched[1024];
};

/* "n:NAME" is the list NAME of the document, "all" the document, "half" cannot be had. */
static enum pol_list_outcome follow(void *arg, struct strv ref, const xmlNode **elem_out)
{
	struct world *world = arg;
	const xmlNode *root = xmlDocGetRootElement(world->doc);

	if (strv_eq(ref, STRV("missing")))
		return POL_LIST_MISSING;
	if (strv_eq(ref, STRV("all"))) {
		*elem_out = root;
		return POL_LIST_FOUND;
	}
	for (xmlNode *node = root->children; node; node = node->next) {
		xmlChar *name = node->type == XML_ELEMENT_NODE
					? xmlGetNoNsProp(node, BAD_CAST "name")
					: NULL;
		int found = name && ref.n > 2 &&
			    strv_eq(strv_mem(ref.p + 2, ref.n - 2), strv_of((char *)name));

		xmlFree(name);
		if (found) {
			*elem_out = node;
			return POL_LIST_FOUND;
		}
	}
	return POL_LIST_GONE;
}

static void watch(void *arg, struct strv ref, enum pol_list_outcome outcome)
{
	struct world *world = arg;
	size_t n = strlen(world->watched);

	snprintf(world->watched + n, sizeof(world->watched) - n, "%s%.*s%s", n ? " " : "",
		 STRV_ARG(ref),
		 outcome == POL_LIST_FOUND ? ""
		 : outcome		   ? "?"
					   : "!");
}

static const char text[] =
	"<resource-lists xmlns='urn:ietf:params:xml:ns:resource-lists' "
	"xmlns:z='urn:z'>"
	"<list name='plain'><entry uri='sip:Ann@X.example;lr'/><entry uri=' tel:+49-30 '/></list>"
	"<list name='nested'><list><list><entry uri='sip:deep@x'/></list></list>"
	"<z:list><entry uri='sip:foreign@x'/></z:list></list>"
	"<list name='self'><entry uri='sip:self@x'/><external anchor='n:self'/></list>"
	"<list name='round'><external anchor='n:trip'/><entry uri='sip:round@x'/></list>"
	"<list name='trip'><external anchor='n:round'/><entry uri='sip:trip@x'/></list>"
	"<list name='dangling'><external anchor='n:nowhere'/><entry uri='sip:d@x'/></list>"
	"<list name='half'><external anchor='missing'/><entry uri='sip:h@x'/></list>"
	"<list name='d1'><external anchor='n:d2'/><entry uri='sip:d1@x'/></list>"
	"<list name='d2'><external anchor='n:d3'/><entry uri='sip:d2@x'/></list>"
	"<list name='d3'><external anchor='n:d4'/><entry uri='sip:d3@x'/></list>"
	"<list name='d4'><entry-ref ref='n:d5'/><entry uri='sip:d4@x'/></list>"
	"<list name='d5'><entry uri='sip:d5@x'/></list>"
	"<entry name='one' uri='sip:one@x'/>"
	"<list name='byref'><entry-ref ref='n:one'/></list>"
	"<list name='empty'/>"
	"</resource-lists>";

static void test_lists(void **state)
{
	static const struct {
		const char *why, *refs, *in, *out;
		int complete;
		const char *watched;
		struct pol_list_report report;
	} rows[] = {
		{ "entries, canonical",
		  "n:plain",
		  "sip:Ann@x.example tel:+4930",
		  "sip:bo@x",
		  1,
		  "n:plain",
		  { .followed = 1 } },
		{ "lists in lists, not in foreign elements",
		  "n:nested",
		  "sip:deep@x",
		  "sip:foreign@x",
		  1,
		  "n:nested",
		  { .followed = 1 } },
		{ "an empty list", "n:empty", "", "sip:a@x", 1, "n:empty", { .followed = 1 } },
		{ "two lists",
		  "n:plain n:d5",
		  "tel:+4930 sip:d5@x",
		  "sip:a@x",
		  1,
		  "n:plain n:d5",
		  { .followed = 2 } },
		{ "the same list twice",
		  "n:plain n:plain",
		  "tel:+4930",
		  "sip:a@x",
		  1,
		  "n:plain",
		  { .followed = 1, .circles = 1 } },
		{ "a list that leads to itself",
		  "n:self",
		  "sip:self@x",
		  "sip:a@x",
		  1,
		  "n:self",
		  { .followed = 1, .circles = 1 } },
		{ "two that lead to each other",
		  "n:round",
		  "sip:round@x sip:trip@x",
		  "sip:a@x",
		  1,
		  "n:round n:trip",
		  { .followed = 2, .circles = 1 } },
		{ "a list that leads nowhere",
		  "n:dangling",
		  "sip:d@x",
		  "sip:a@x",
		  1,
		  "n:dangling n:nowhere!",
		  { .followed = 1, .gone = 1 } },
		{ "no such list", "n:nowhere", "", "sip:a@x", 1, "n:nowhere!", { .gone = 1 } },
		{ "one that cannot be had",
		  "n:half",
		  "sip:h@x",
		  "sip:a@x",
		  0,
		  "n:half missing?",
		  { .followed = 1, .missing = 1 } },
		{ "too deep",
		  "n:d1",
		  "sip:d1@x sip:d2@x sip:d3@x sip:d4@x",
		  "sip:d5@x",
		  0,
		  "n:d1 n:d2 n:d3 n:d4",
		  { .followed = 4, .too_deep = 1 } },
		{ "one entry by reference",
		  "n:byref",
		  "sip:one@x",
		  "sip:a@x",
		  1,
		  "n:byref n:one",
		  { .followed = 2 } },
	};
	struct world world;

	(void)state;
	assert_int_equal(xml_parse(strv_of(text), NULL, &world.doc, NULL, NULL), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pol_list_source source = { .follow = follow,
						  .watch = watch,
						  .arg = &world,
						  .spell = &pol_check_spell };
		struct strv rest = strv_of(rows[i].refs), ref[4], who;
		struct pol_list_report report;
		struct pol_set *set;
		size_t n = 0;

		world.watched[0] = '\0';
		while (rest.n)
			strv_cut(&rest, ' ', &ref[n++]);
		assert_int_equal(pol_list_set(&source, ref, n, &set, &report, NULL), 0);
		for (rest = strv_of(rows[i].in); rest.n;) {
			strv_cut(&rest, ' ', &who);
			if (pol_set_has(set, who) != 1)
				fail_msg("%s: %.*s is not in", rows[i].why, STRV_ARG(who));
		}
		if (pol_set_has(set, strv_of(rows[i].out)) != (rows[i].complete ? 0 : -1))
			fail_msg("%s: %s", rows[i].why, rows[i].out);
		assert_string_equal(world.watched, rows[i].watched);
		if (memcmp(&report, &rows[i].report, sizeof(report)) != 0)
			fail_msg("%s: the report", rows[i].why);
		pol_set_drop(&set);
	}
	xmlFreeDoc(world.doc);
}

static void test_list_limits(void **state)
{
	static const struct {
		const char *why;
		struct pol_list_limits limits;
		const char *ref;
		int too_many;
		unsigned too_deep;
	} rows[] = {
		{ "as many entries as may be", { 2, 4, 9 }, "n:plain", 0, 0 },
		{ "one too many", { 1, 4, 9 }, "n:plain", 1, 0 },
		{ "as many references as may be", { 9, 4, 2 }, "n:round", 0, 0 },
		{ "one reference too many", { 9, 4, 1 }, "n:round", 1, 0 },
		{ "as deep as may be", { 9, 5, 9 }, "n:d1", 0, 0 },
		{ "one too deep", { 9, 4, 9 }, "n:d1", 0, 1 },
		{ "nothing may be", { 0, 0, 0 }, "n:d1", 0, 1 },
	};
	struct world world;

	(void)state;
	assert_int_equal(xml_parse(strv_of(text), NULL, &world.doc, NULL, NULL), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pol_list_source source = { .follow = follow,
						  .arg = &world,
						  .limits = &rows[i].limits };
		struct strv ref = strv_of(rows[i].ref);
		struct pol_list_report report;
		struct pol_set *set;

		assert_int_equal(pol_list_set(&source, &ref, 1, &set, &report, NULL), 0);
		if (report.too_many != rows[i].too_many || report.too_deep != rows[i].too_deep ||
		    pol_set_is_complete(set) != (!rows[i].too_many && !rows[i].too_deep))
			fail_msg("%s", rows[i].why);
		pol_set_drop(&set);
	}
	xmlFreeDoc(world.doc);
}

/* 10,000 entries are a list, one more is too many. */
static void test_large_lists(void **state)
{
	char *large = malloc(1 << 20);

	(void)state;
	assert_non_null(large);
	for (unsigned n = 10000; n <= 10001; n++) {
		struct world world;
		struct pol_list_source source = { .follow = follow,
						  .arg = &world,
						  .spell = &pol_check_spell };
		struct strv ref = STRV("all");
		struct pol_list_report report;
		struct pol_set *set;
		size_t at;

		at = (size_t)sprintf(large, "<resource-lists xmlns='urn:ietf:params:xml:ns:"
					    "resource-lists'><list name='a'>");
		for (unsigned i = 0; i < n; i++)
			at += (size_t)sprintf(large + at, "<entry uri='sip:u%u@x.example'/>", i);
		sprintf(large + at, "</list></resource-lists>");
		assert_int_equal(xml_parse(strv_of(large), NULL, &world.doc, NULL, NULL), 0);
		assert_int_equal(pol_list_set(&source, &ref, 1, &set, &report, NULL), 0);
		assert_int_equal(pol_set_count(set), 10000);
		assert_int_equal(report.too_many, n > 10000);
		assert_int_equal(pol_set_has(set, STRV("sip:u9999@x.example")), 1);
		assert_int_equal(pol_set_has(set, STRV("sip:bo@x.example")), n > 10000 ? -1 : 0);
		pol_set_drop(&set);
		xmlFreeDoc(world.doc);
	}
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_domains),	    cmocka_unit_test(test_domain_spellings),
		cmocka_unit_test(test_sets),	    cmocka_unit_test(test_lists),
		cmocka_unit_test(test_list_limits), cmocka_unit_test(test_large_lists),
	};

	return cmocka_run_group_tests(tests, pol_check_open, pol_check_close);
}
