/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of children against the schema: random changes of random children have to get the same
 * verdict from the neighbours alone as from the validation of the parent with all its children.
 */
#include "tests/xdms/usage/usage_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xml.h"
#include "tests/xdms/usage/samples.h"
#include "xdms/auid_priv.h"

enum { CHILDREN_MAX = 9, STEPS = 500 };

/* The children of one parent, as samples. */
struct children {
	unsigned n;
	const struct sample *child[CHILDREN_MAX + 1];
};

static struct xcap_name name_of(const struct sample *sample)
{
	if (!sample)
		return (struct xcap_name){ { NULL, 0 }, { NULL, 0 } };
	return (struct xcap_name){ strv_of(sample->ns), strv_of(sample->local) };
}

/* The oracle: PARENT with CHILDREN, read and validated by the schema. */
static int is_valid(const struct auid_table *table, const struct sample *parent,
		    const struct children *children)
{
	char content[CHILDREN_MAX * 1024] = "", *text;
	struct err err = { 0 };
	xmlNode *elem;
	xmlDoc *doc;
	int ret;

	for (unsigned i = 0; i < children->n; i++) {
		char *child = sample_print(children->child[i], 100 + i, NULL);

		strcat(content, child);
		free(child);
	}
	text = sample_print(parent, 1, content);
	if (xml_parse_fragment(strv_of(text), NULL, 0, NULL, &doc, &elem, NULL, &err) < 0)
		fail_msg("%s: %s", err.text, text);
	ret = xml_schema_valid_element(table->schema, elem, &err);
	assert_true(ret >= 0);
	xmlFreeDoc(doc);
	free(text);
	return ret;
}

/* A child to try: one that the model names half of the time, else any. */
static const struct sample *any_child(const struct auid_model *model)
{
	static unsigned n_samples;
	const struct sample *sample;
	char names[256], *name;
	unsigned n = 0;

	while (samples[n_samples].local)
		n_samples++;
	if (model->n_slots == 0 || sample_random(2))
		return &samples[sample_random(n_samples)];
	snprintf(names, sizeof(names), "%s",
		 model->slot[sample_random(model->n_slots)].names ?: "");
	for (name = strtok(names, " "); name; name = strtok(NULL, " "))
		if (sample_random(++n) == 0 && (sample = sample_find(model->child_ns, name)))
			return sample;
	return sample_find("urn:example:foreign", "thing");
}

/* One random change of CHILDREN: the result in AFTER_OUT, what the place check is told in
 * PLACE_OUT. */
static void change(const struct auid_model *model, const struct sample *parent,
		   const struct children *children, struct children *after_out,
		   struct auid_place *place_out)
{
	unsigned n = children->n, kind = n == 0 ? 0 : n == CHILDREN_MAX ? 1 : sample_random(3);
	unsigned at = sample_random(kind == 0 ? n + 1 : n), keep = kind == 0 ? at : at + 1;
	const struct sample *put = kind == 1 ? NULL : any_child(model);

	*after_out = *children;
	memset(place_out, 0, sizeof(*place_out));
	place_out->parent = name_of(parent);
	place_out->before = name_of(at > 0 ? children->child[at - 1] : NULL);
	place_out->after = name_of(keep < n ? children->child[keep] : NULL);
	place_out->old = name_of(keep > at ? children->child[at] : NULL);
	place_out->put = name_of(put);
	memmove(&after_out->child[at + (put ? 1 : 0)], &children->child[keep],
		(n - keep) * sizeof(children->child[0]));
	if (put)
		after_out->child[at] = put;
	after_out->n = n - (keep - at) + (put ? 1 : 0);
}

static unsigned long verdicts[2];

/* What the parent must have. */
static void begin(const struct auid_model *model, struct children *children)
{
	children->n = 0;
	for (unsigned i = 0; i < model->n_slots; i++)
		if (model->slot[i].required) {
			struct strv names = strv_of(model->slot[i].names), first;
			char name[64];

			strv_cut(&names, ' ', &first);
			snprintf(name, sizeof(name), "%.*s", STRV_ARG(first));
			children->child[children->n++] = sample_find(model->child_ns, name);
		}
}

static void check_model(const struct auid_table *table, const struct auid_model *model)
{
	const struct sample *parent = sample_find(model->parent.ns, model->parent.local);
	struct children now, next, none = { 0 };
	struct auid_place place;

	if (!parent)
		fail_msg("no sample of %s", model->parent.local);
	assert_int_equal(auid_may_be_empty(name_of(parent)), is_valid(table, parent, &none));
	begin(model, &now);
	assert_int_equal(is_valid(table, parent, &now), 1);
	for (int i = 0; i < STEPS; i++) {
		int told, valid;

		change(model, parent, &now, &next, &place);
		told = auid_check_place(table, &auid_pres_rules, &place);
		valid = is_valid(table, parent, &next);
		if (told != valid)
			fail_msg("%s: before %.*s, after %.*s, old %.*s, put %.*s: told %d, schema "
				 "%d",
				 parent->local, STRV_ARG(place.before.local),
				 STRV_ARG(place.after.local), STRV_ARG(place.old.local),
				 STRV_ARG(place.put.local), told, valid);
		verdicts[valid]++;
		if (valid)
			now = next;
	}
}

static void neighbours_tell_what_the_schema_tells(void **state)
{
	unsigned models = 0;

	for (size_t i = 0; auid_model_tables[i]; i++)
		for (const struct auid_model *m = auid_model_tables[i]; m->parent.local; m++) {
			check_model(*state, m);
			models++;
		}
	/* Neither side may have been tried too little to mean something. */
	assert_int_equal(verdicts[0] + verdicts[1], models * (unsigned long)STEPS);
	assert_true(verdicts[0] > models * STEPS / 5);
	assert_true(verdicts[1] > models * STEPS / 5);
}

static const struct xcap_name none;

static struct xcap_name name(const char *ns, const char *local)
{
	return (struct xcap_name){ strv_of(ns), strv_of(local) };
}

static void what_the_table_does_not_know_is_said(void **state)
{
	const struct {
		const char *why;
		const struct auid_ops *usage;
		struct auid_place place;
		int told;
	} rows[] = {
		{ "validity comes in pairs",
		  &auid_pres_rules,
		  { name(NS_COMMON_POLICY, "validity"), none, none, none,
		    name(NS_COMMON_POLICY, "from") },
		  -1 },
		{ "packages have an order of their own",
		  &auid_rls_services,
		  { name(NS_RLS_SERVICES, "packages"), none, none, none,
		    name(NS_RLS_SERVICES, "package") },
		  -1 },
		{ "text only",
		  &auid_resource_lists,
		  { name(NS_RESOURCE_LISTS, "display-name"), none, none, none,
		    name(NS_RESOURCE_LISTS, "entry") },
		  -1 },
		{ "a parent nobody declares",
		  &auid_resource_lists,
		  { name(NS_RESOURCE_LISTS, "entrance"), none, none, none,
		    name(NS_RESOURCE_LISTS, "entry") },
		  -1 },
		{ "a neighbour that cannot stand there",
		  &auid_resource_lists,
		  { name(NS_RESOURCE_LISTS, "list"), name(NS_RESOURCE_LISTS, "resource-lists"),
		    none, none, name(NS_RESOURCE_LISTS, "entry") },
		  -1 },
		{ "inside a foreign element",
		  &auid_resource_lists,
		  { name("urn:u", "x"), name("urn:u", "y"), none, none,
		    name(NS_RESOURCE_LISTS, "display-name") },
		  1 },
		{ "inside an element of no namespace",
		  &auid_resource_lists,
		  { name("", "x"), none, none, none, name(NS_RESOURCE_LISTS, "entry") },
		  1 },
		{ "a usage without schema",
		  &auid_test_app,
		  { name(NS_RESOURCE_LISTS, "entry"), none, none, none, name("", "x") },
		  1 },
		{ "the root by another of its name",
		  &auid_resource_lists,
		  { none, none, none, name(NS_RESOURCE_LISTS, "resource-lists"),
		    name(NS_RESOURCE_LISTS, "resource-lists") },
		  1 },
		{ "the root by another element",
		  &auid_resource_lists,
		  { none, none, none, name(NS_RESOURCE_LISTS, "resource-lists"),
		    name(NS_RESOURCE_LISTS, "list") },
		  0 },
		{ "no root",
		  &auid_resource_lists,
		  { none, none, none, name(NS_RESOURCE_LISTS, "resource-lists"), none },
		  0 },
		{ "no root of a usage that takes any",
		  &auid_test_app,
		  { none, none, none, name("", "x"), none },
		  0 },
		{ "any root",
		  &auid_test_app,
		  { none, none, none, name("", "x"), name("u", "y") },
		  1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (auid_check_place(*state, rows[i].usage, &rows[i].place) != rows[i].told)
			fail_msg("%s", rows[i].why);
	assert_int_equal(auid_may_be_empty(name(NS_COMMON_POLICY, "validity")), -1);
	assert_int_equal(auid_may_be_empty(name("urn:u", "x")), -1);
}

/* Constraints speak of all rules together, wherever something was changed. */
static void the_unit_of_a_change_is_named(void **state)
{
	const struct auid_step path[] = {
		{ name(NS_COMMON_POLICY, "ruleset"), 1 },
		{ name(NS_COMMON_POLICY, "rule"), 3 },
		{ name(NS_COMMON_POLICY, "actions"), 1 },
		{ name(NS_PRES_RULES, "sub-handling"), 1 },
	};

	(void)state;
	assert_int_equal(auid_unit(&auid_oma_pres_rules, path, 4), 0);
	assert_int_equal(auid_unit(&auid_oma_pres_rules, path, 1), 0);
	assert_int_equal(auid_unit(&auid_pres_rules, path, 4), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(neighbours_tell_what_the_schema_tells),
		cmocka_unit_test(what_the_table_does_not_know_is_said),
		cmocka_unit_test(the_unit_of_a_change_is_named),
	};

	return cmocka_run_group_tests(tests, usage_open, usage_close);
}
