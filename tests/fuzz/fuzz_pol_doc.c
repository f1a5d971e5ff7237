/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents as rules of every kind, and as lists. What is compiled gives the same verdict twice;
 * what it cannot tell is never more than what it would say if it could, whichever of its lists the
 * requester is on; and it can be explained.
 */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/xml.h"
#include "policy/pol_doc.h"
#include "policy/pol_eval.h"
#include "policy/pol_explain.h"
#include "policy/pol_list.h"

#define MUST(condition)           \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static const struct pol_facts facts[] = {
	{ .now_s = 1767225600, .size_bytes = -1, .roaming = -1 },
	{ .id = { { "sip:ana@op.example", 18 }, { "tel:+4912340001", 15 } },
	  .n_ids = 2,
	  .now_s = 1780000000,
	  .sphere = { "work", 4 },
	  .service = { "file", 4 },
	  .enabler = { "urn:s1", 6 },
	  .media = POL_MEDIA_FILE_TRANSFER,
	  .size_bytes = 1000,
	  .direction = POL_TERMINATING,
	  .subscriber_class = { "basic", 5 },
	  .peer_domain = { "spam.example", 12 },
	  .group = { "sip:g@op.example", 16 } },
	{ .id = { { "sip:dee@op.example", 18 } },
	  .n_ids = 1,
	  .anonymous = 1,
	  .now_s = -5,
	  .size_bytes = -1,
	  .direction = POL_ORIGINATING },
};

enum { FACTS = sizeof(facts) / sizeof(facts[0]) };

static const struct pol_spell spell = { .identity = NULL };

/* Everybody in the facts, or nobody. */
static struct pol_set *people(int all)
{
	struct pol_set_plan *plan = pol_set_plan_new(10);
	struct pol_set *set;

	MUST(plan);
	for (unsigned i = 0; all && i < FACTS; i++)
		for (unsigned k = 0; k < facts[i].n_ids; k++)
			MUST(pol_set_plan_add(plan, NULL, facts[i].id[k], NULL) == 0);
	MUST(pol_set_plan_finish(&plan, &set, NULL) == 0);
	return set;
}

struct binding {
	uint32_t bits;
};

static struct pol_set *lookup(void *arg, struct strv ref)
{
	struct binding *binding = arg;
	int all = (int)(binding->bits & 1);

	(void)ref;
	binding->bits = binding->bits >> 1 | binding->bits << 31;
	return people(all);
}

static void layers_of(enum pol_kind kind, const struct pol_doc *doc, struct pol_layers *layers)
{
	*layers = (struct pol_layers){ .n_user = 0 };
	if (kind == POL_OPERATOR)
		layers->operator_policy = doc;
	else if (kind == POL_GROUP)
		layers->group = doc;
	else
		layers->user[layers->n_user++] = doc;
}

static void must_be_less(const struct pol_verdict *unsure, const struct pol_verdict *told)
{
	for (unsigned i = 0; i < POL_PERMS; i++) {
		const struct pol_perm_row *row = pol_perm_row((enum pol_perm)i);

		if (row->type == POL_TYPE_SET)
			continue;
		MUST(pol_perm_less(row, unsure->value[i], told->value[i]) == unsure->value[i]);
		if (!pol_verdict_is_unsure(unsure, (enum pol_perm)i))
			MUST(unsure->value[i] == told->value[i]);
	}
}

static void try_facts(enum pol_kind kind, struct pol_doc *doc, const struct pol_facts *f)
{
	static const uint32_t bindings[] = { 0, UINT32_MAX, 0x55555555, 0x33333333 };
	struct pol_verdict verdict, again;
	struct pol_layers layers;
	json_t *why;
	int ret;

	layers_of(kind, doc, &layers);
	ret = pol_eval(&layers, f, &verdict);
	MUST(pol_eval(&layers, f, &again) == ret && ret >= -1 && ret <= 1);
	MUST(memcmp(verdict.value, again.value, sizeof(verdict.value)) == 0);
	MUST(verdict.n_why == again.n_why && verdict.n_why <= POL_WHY_MAX);
	MUST((unsigned)pol_verdict_answer(&verdict) < POL_ANSWERS);
	for (size_t i = 0; i < sizeof(bindings) / sizeof(bindings[0]); i++) {
		struct binding binding = { bindings[i] };
		struct pol_doc *bound;

		MUST(pol_doc_bind(doc, lookup, &binding, &bound, NULL) == 0);
		layers_of(kind, bound, &layers);
		pol_eval(&layers, f, &again);
		must_be_less(&verdict, &again);
		pol_doc_drop(&bound);
	}
	layers_of(kind, doc, &layers);
	why = pol_explain(&layers, f);
	MUST(why);
	free(pol_explain_text(why));
	json_decref(why);
}

/* A reference leads to some element of the document: circles are easy. */
static enum pol_list_outcome follow(void *arg, struct strv ref, const xmlNode **elem_out)
{
	const xmlNode *node = xmlDocGetRootElement(arg);

	for (size_t i = 0; i < ref.n && node; i++) {
		const xmlNode *next = ref.p[i] & 1 ? node->children : node->next;

		while (next && next->type != XML_ELEMENT_NODE)
			next = next->next;
		node = next ? next : node;
	}
	*elem_out = node;
	return ref.n % 7 == 6 ? POL_LIST_MISSING : ref.n % 5 == 4 ? POL_LIST_GONE : POL_LIST_FOUND;
}

static void try_lists(xmlDoc *xml)
{
	static const struct pol_list_limits limits = { 20, 3, 8 };
	struct pol_list_source source = { .follow = follow, .arg = xml, .limits = &limits };
	struct strv ref = STRV("");
	struct pol_list_report report;
	struct pol_set *set;

	MUST(pol_list_set(&source, &ref, 1, &set, &report, NULL) == 0);
	MUST(pol_set_count(set) <= limits.entries);
	MUST(report.followed + report.gone + report.missing <= limits.refs);
	MUST(pol_set_is_complete(set) == (!report.missing && !report.too_deep && !report.too_many));
	pol_set_drop(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int ready;
	xmlDoc *xml;

	if (!ready++)
		MUST(xml_init(NULL, NULL) == 0);
	if (xml_parse(strv_mem(data, size), NULL, &xml, NULL, NULL) < 0)
		return 0;
	for (unsigned kind = 0; kind < POL_KINDS; kind++) {
		struct pol_source source = { .kind = (enum pol_kind)kind,
					     .name = STRV("fuzz"),
					     .spell = &spell };
		struct pol_report report;
		struct pol_doc *doc;
		struct err err = { 0 };

		if (pol_doc_compile(&source, xml, &report, &doc, &err) < 0) {
			MUST(!doc && err.text[0]);
			continue;
		}
		for (unsigned i = 0; i < FACTS; i++)
			try_facts(source.kind, doc, &facts[i]);
		pol_doc_drop(&doc);
	}
	try_lists(xml);
	xmlFreeDoc(xml);
	return 0;
}
