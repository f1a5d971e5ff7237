/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/pol_list.c - following lists (see pol_list.h)
 *
 * References wait in a queue in the order in which they were met, so that what is near is in the
 * set before a bound is reached. Each is followed once.
 */
#include "policy/pol_list.h"

#include <stdlib.h>

#include "policy/pol_priv.h"

const struct pol_list_limits pol_list_limits_default = {
	.entries = 10000,
	.depth = 4,
	.refs = POL_LIST_REFS_MAX,
};

struct waiting {
	struct strv ref;
	unsigned depth;
};

struct walk {
	const struct pol_list_source *source;
	const struct pol_list_limits *limits;
	struct pol_list_report *report;
	struct pol_set_plan *plan;
	struct arena *arena;
	struct waiting queue[POL_LIST_REFS_MAX];
	unsigned n, depth; /* queued; of what is being read */
	int full;	   /* of entries */
};

static void leave_out(struct walk *w)
{
	w->report->too_many = 1;
	pol_set_plan_incomplete(w->plan);
}

static void enqueue(struct walk *w, struct strv ref, unsigned depth)
{
	unsigned max = w->limits->refs < POL_LIST_REFS_MAX ? w->limits->refs : POL_LIST_REFS_MAX;

	for (unsigned i = 0; i < w->n; i++)
		if (strv_eq(w->queue[i].ref, ref)) {
			w->report->circles++;
			return;
		}
	if (depth > w->limits->depth) {
		w->report->too_deep++;
		pol_set_plan_incomplete(w->plan);
	} else if (w->n == max) {
		leave_out(w);
	} else {
		w->queue[w->n++] = (struct waiting){ ref, depth };
	}
}

/* ---- one element ---- */

static int is_entry(const xmlNode *node)
{
	return pol_xml_is(node, NS_RESOURCE_LISTS, "entry") || pol_xml_is(node, NS_GROUPS, "entry");
}

static int is_external(const xmlNode *node)
{
	return pol_xml_is(node, NS_RESOURCE_LISTS, "external") ||
	       pol_xml_is(node, NS_GROUPS, "external");
}

static int add_entry(struct walk *w, const xmlNode *node, struct err *err)
{
	char buf[POL_SPELL_BYTES];
	struct err own;
	struct strv uri;
	int ret = pol_xml_attr(node, "uri", w->arena, &uri, err);

	if (ret <= 0 || w->full)
		return ret;
	if (pol_set_plan_add(w->plan, w->source->spell, uri, &own) == 0) {
		if (w->source->member)
			w->source->member(w->source->arg,
					  pol_spell_identity(w->source->spell, uri, buf));
		return 0;
	}
	if (own.code != ERR_LIMIT)
		return err_set(err, own.code, "%s", own.text);
	w->full = 1;
	leave_out(w);
	return 0;
}

static int add_ref(struct walk *w, const xmlNode *node, const char *attr, struct err *err)
{
	struct strv ref;
	int ret = pol_xml_attr(node, attr, w->arena, &ref, err);

	if (ret > 0)
		enqueue(w, ref, w->depth + 1);
	return ret < 0 ? -1 : 0;
}

static int read_node(struct walk *w, const xmlNode *node, struct err *err)
{
	if (is_entry(node))
		return add_entry(w, node, err);
	if (is_external(node))
		return add_ref(w, node, "anchor", err);
	if (pol_xml_is(node, NS_RESOURCE_LISTS, "entry-ref"))
		return add_ref(w, node, "ref", err);
	return 0;
}

/* Only lists have members inside; what is foreign may look like one and is none. */
static int is_list(const xmlNode *node)
{
	return pol_xml_is(node, NS_RESOURCE_LISTS, "list") || pol_xml_is(node, NS_GROUPS, "list") ||
	       pol_xml_is(node, NS_RESOURCE_LISTS, "resource-lists");
}

/* The element behind NODE in ROOT. */
static const xmlNode *next(const xmlNode *root, const xmlNode *node)
{
	const xmlNode *found = is_list(node) ? pol_xml_element(node->children) : NULL;

	while (!found && node != root) {
		found = pol_xml_element(node->next);
		node = node->parent;
	}
	return found;
}

static int read_element(struct walk *w, const xmlNode *root, struct err *err)
{
	for (const xmlNode *node = root; node; node = next(root, node))
		if (read_node(w, node, err) < 0)
			return -1;
	return 0;
}

/* ---- the way ---- */

static int follow(struct walk *w, const struct waiting *at, struct err *err)
{
	const struct pol_list_source *source = w->source;
	const xmlNode *elem = NULL;
	enum pol_list_outcome outcome = source->follow(source->arg, at->ref, &elem);

	if (source->watch)
		source->watch(source->arg, at->ref, outcome);
	switch (outcome) {
	case POL_LIST_FOUND:
		w->report->followed++;
		w->depth = at->depth;
		return read_element(w, elem, err);
	case POL_LIST_GONE:
		w->report->gone++;
		return 0;
	default:
		w->report->missing++;
		pol_set_plan_incomplete(w->plan);
		return 0;
	}
}

static int walk(struct walk *w, const struct strv *ref, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++)
		enqueue(w, ref[i], 1);
	for (unsigned i = 0; i < w->n; i++)
		if (follow(w, &w->queue[i], err) < 0)
			return -1;
	return 0;
}

int pol_list_set(const struct pol_list_source *source, const struct strv *ref, size_t n,
		 struct pol_set **set_out, struct pol_list_report *report_out, struct err *err)
{
	struct walk *w = calloc(1, sizeof(*w));
	struct pol_list_report report = { .followed = 0 };
	int ret = -1;

	*set_out = NULL;
	if (!w)
		return err_set(err, ERR_NOMEM, "out of memory");
	w->source = source;
	w->limits = source->limits ? source->limits : &pol_list_limits_default;
	w->report = &report;
	w->arena = arena_new(0);
	w->plan = pol_set_plan_new(w->limits->entries);
	if (!w->arena || !w->plan)
		err_set(err, ERR_NOMEM, "out of memory");
	else if (walk(w, ref, n, err) == 0)
		ret = pol_set_plan_finish(&w->plan, set_out, err);
	pol_set_plan_free(&w->plan);
	arena_free(&w->arena);
	free(w);
	if (report_out)
		*report_out = report;
	return ret;
}
