/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A changed element checked alone against the whole document validated again: random changes of
 * good documents, where both have to come to the same verdict (RFC 4825 s8.2.5).
 *
 * What the document's own index answers, uniqueness over elements that were not changed, is
 * answered here by looking at them.
 */
#include "tests/xdms/usage/usage_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xml.h"
#include "tests/xdms/usage/samples.h"
#include "xdms/auid_priv.h"

enum { STEPS = 1200, DOCUMENT_MAX = 6000 };

static const struct auid_context context = USAGE_CONTEXT;

static xmlDoc *parse(const char *text)
{
	struct err err = { 0 };
	xmlDoc *doc;

	if (xml_parse(strv_of(text), NULL, &doc, NULL, &err) < 0)
		fail_msg("%s: %s", err.text, text);
	return doc;
}

static char *print(xmlDoc *doc)
{
	xmlChar *text;
	int n;

	xmlDocDumpMemory(doc, &text, &n);
	assert_non_null(text);
	return (char *)text;
}

static unsigned count_elements(xmlNode *root)
{
	unsigned n = 0;

	for (xmlNode *node = root; node; node = auid_next_element(root, node))
		n++;
	return n;
}

static xmlNode *nth_element(xmlNode *root, unsigned n)
{
	xmlNode *node = root;

	while (n-- > 0)
		node = auid_next_element(root, node);
	return node;
}

static xmlNode *sibling(xmlNode *node, int forward)
{
	do
		node = forward ? node->next : node->prev;
	while (node && node->type != XML_ELEMENT_NODE);
	return node;
}

static struct xcap_name name_of(const xmlNode *node)
{
	if (!node || node->type != XML_ELEMENT_NODE)
		return (struct xcap_name){ { NULL, 0 }, { NULL, 0 } };
	return (struct xcap_name){ strv_of(node->ns ? (const char *)node->ns->href : NULL),
				   strv_of((const char *)node->name) };
}

/* ---- a change ---- */

/* What a change was, for the checks. Names point into both trees. */
struct edit {
	struct auid_place place;
	xmlNode *changed; /* what has to be checked; NULL: nothing, it is gone */
	xmlNode *parent;
	int attribute_only;
};

static xmlNode *graft(xmlDoc *doc)
{
	unsigned n = 0;
	xmlNode *copy;
	xmlDoc *from;
	char *text;

	while (samples[n].local)
		n++;
	text = sample_print(&samples[sample_random(n)], sample_random(5), NULL);
	from = parse(text);
	copy = xmlDocCopyNode(xmlDocGetRootElement(from), doc, 1);
	xmlFreeDoc(from);
	free(text);
	return copy;
}

/* Half of the time a second one of its kind, with the same values. */
static void insert(xmlDoc *doc, xmlNode *at, struct edit *edit)
{
	xmlNode *put = sample_random(2) ? graft(doc) : xmlDocCopyNode(at, doc, 1);

	switch (at == xmlDocGetRootElement(doc) ? 2 : sample_random(3)) {
	case 0:
		xmlAddNextSibling(at, put);
		break;
	case 1:
		xmlAddPrevSibling(at, put);
		break;
	default:
		xmlAddChild(at, put);
	}
	edit->changed = put;
	edit->parent = put->parent;
}

static void replace(xmlDoc *doc, xmlNode *at, struct edit *edit)
{
	xmlNode *put = sample_random(3) ? graft(doc) : xmlDocCopyNode(at, doc, 1);

	edit->place.old = name_of(at);
	edit->parent = at->parent;
	xmlReplaceNode(at, put);
	edit->changed = put;
}

static void delete (xmlNode *at, struct edit *edit)
{
	edit->place.old = name_of(at);
	edit->place.before = name_of(sibling(at, 0));
	edit->place.after = name_of(sibling(at, 1));
	edit->parent = at->parent;
	xmlUnlinkNode(at);
}

static void change_attribute(xmlNode *at, struct edit *edit)
{
	static const char *const names[] = { "uri",    "name",	 "id",	  "ref",
					     "anchor", "domain", "value", "colour" };
	static const char *const values[] = { "sip:cy@op.example", "work", "family", "a b", "",
					      "http://x/y",	   "chat", "phone" };
	const char *name = names[sample_random(8)];

	if (sample_random(3) == 0)
		xmlUnsetProp(at, BAD_CAST name);
	else
		xmlSetProp(at, BAD_CAST name, BAD_CAST values[sample_random(8)]);
	edit->place.old = name_of(at);
	edit->parent = at->parent;
	edit->changed = at;
	edit->attribute_only = 1;
}

/* Change DOC at random. GONE_OUT: nodes that were taken out and are still named by EDIT_OUT. */
static void change(xmlDoc *doc, struct edit *edit_out, xmlNode **gone_out)
{
	xmlNode *root = xmlDocGetRootElement(doc);
	unsigned n = count_elements(root);
	xmlNode *at = nth_element(root, sample_random(n));

	memset(edit_out, 0, sizeof(*edit_out));
	*gone_out = NULL;
	switch (at == root ? (sample_random(2) ? 0 : 3) : sample_random(4)) {
	case 0:
		insert(doc, at, edit_out);
		break;
	case 1:
		replace(doc, at, edit_out);
		*gone_out = at;
		break;
	case 2:
		delete (at, edit_out);
		*gone_out = at;
		break;
	default:
		change_attribute(at, edit_out);
	}
	edit_out->place.parent = name_of(edit_out->parent);
	if (edit_out->changed) {
		edit_out->place.put = name_of(edit_out->changed);
		edit_out->place.before = name_of(sibling(edit_out->changed, 0));
		edit_out->place.after = name_of(sibling(edit_out->changed, 1));
	}
}

/* ---- the two verdicts ---- */

static int row_speaks_of(const struct auid_unique *row, const xmlNode *node)
{
	return auid_node_is(node, &row->child) && xmlHasProp((xmlNode *)node, BAD_CAST row->attr);
}

static int same_value(const xmlNode *a, const char *attr_a, const xmlNode *b, const char *attr_b)
{
	xmlChar *one = xmlGetNoNsProp(a, BAD_CAST attr_a),
		*two = xmlGetNoNsProp(b, BAD_CAST attr_b);
	int same = xmlStrEqual(one, two);

	xmlFree(one);
	xmlFree(two);
	return same;
}

/* Do A and B, of two rows, break a rule of uniqueness together? */
static int clash(const struct auid_unique *row_a, const xmlNode *a, const struct auid_unique *row_b,
		 const xmlNode *b)
{
	if (a == b || row_a->scope != row_b->scope || !row_speaks_of(row_a, a) ||
	    !row_speaks_of(row_b, b) || !same_value(a, row_a->attr, b, row_b->attr))
		return 0;
	if (row_a->scope == AUID_SIBLINGS)
		return row_a == row_b && a->parent == b->parent;
	return row_a->scope == AUID_DOCUMENT || row_a == row_b;
}

static int is_unique(const struct auid_ops *usage, xmlNode *root)
{
	for (xmlNode *a = root; a; a = auid_next_element(root, a))
		for (xmlNode *b = root; b; b = auid_next_element(root, b))
			for (const struct auid_unique *p = usage->unique; p->attr; p++)
				for (const struct auid_unique *q = usage->unique; q->attr; q++)
					if (clash(p, a, q, b))
						return 0;
	return 1;
}

/* What is left to ask when the changed element holds no value that reaches further. */
static int is_unique_here(const struct auid_ops *usage, const xmlNode *elem)
{
	for (const xmlNode *other = elem->parent->children; other; other = other->next)
		for (const struct auid_unique *row = usage->unique; row->attr; row++)
			if (row->scope == AUID_SIBLINGS && clash(row, elem, row, other))
				return 0;
	return 1;
}

static unsigned reached_out;

static int no_clash(const struct auid_ops *usage, const struct edit *edit, xmlDoc *doc)
{
	if (!edit->changed)
		return 1;
	if (!auid_reaches_out(usage, edit->changed))
		return is_unique_here(usage, edit->changed);
	reached_out++;
	return is_unique(usage, xmlDocGetRootElement(doc));
}

/* The way from the root to ELEM, which has PARENT (and may be gone). Returns its length. */
static size_t path_to(const xmlNode *parent, struct xcap_name elem, struct auid_step *path,
		      xmlNode **nodes)
{
	size_t n = 1;

	for (const xmlNode *node = parent; node->type == XML_ELEMENT_NODE; node = node->parent)
		n++;
	path[n - 1] = (struct auid_step){ elem, 1 };
	nodes[n - 1] = NULL;
	for (size_t i = n - 1; i > 0; i--, parent = parent->parent) {
		path[i - 1] = (struct auid_step){ name_of(parent), 1 };
		nodes[i - 1] = (xmlNode *)parent;
	}
	return n;
}

/* 1, 0, or -1: the whole has to be looked at. */
static int part_verdict(const struct auid_table *table, const struct auid_ops *usage,
			const struct edit *edit, struct arena *arena)
{
	struct auid_step path[AUID_STEPS_MAX];
	xmlNode *nodes[AUID_STEPS_MAX], *elem;
	struct auid_fault fault;
	struct err err;
	int place = edit->attribute_only ? 1 : auid_check_place(table, usage, &edit->place);
	size_t n, unit;

	if (place != 1)
		return place;
	n = path_to(edit->parent, edit->changed ? edit->place.put : edit->place.old, path, nodes);
	unit = auid_unit(usage, path, n);
	elem = unit == n - 1 ? edit->changed : nodes[unit];
	if (!elem)
		return 1;
	return auid_check_element(table, usage, elem, path, unit + 1, &context, arena, &fault,
				  &err) == 0;
}

static int whole_verdict(const struct auid_table *table, const struct auid_ops *usage,
			 const char *text, struct auid_fault *fault_out, struct arena *arena)
{
	struct err err = { 0 };

	return usage_check_text(table, usage, text, &context, fault_out, arena, &err) == 0;
}

static unsigned verdicts[3][2];

static void run(const struct auid_table *table, const struct auid_ops *usage, const char *file)
{
	char *good = usage_file(file), *now = strdup(good), *next;

	for (int i = 0; i < STEPS; i++) {
		struct arena *arena = arena_new(0);
		xmlDoc *doc = parse(now);
		struct auid_fault fault;
		struct edit edit;
		xmlNode *gone;
		int part, whole;

		change(doc, &edit, &gone);
		next = print(doc);
		whole = whole_verdict(table, usage, next, &fault, arena);
		part = part_verdict(table, usage, &edit, arena);
		if (part == 1)
			part = no_clash(usage, &edit, doc);
		if (part >= 0 && part != whole)
			fail_msg("%s: the part says %d, the whole %d (%.*s in %.*s): %s", file,
				 part, whole, STRV_ARG(edit.place.put.local),
				 STRV_ARG(edit.place.parent.local), next);
		verdicts[part + 1][whole]++;
		xmlFreeNode(gone);
		xmlFreeDoc(doc);
		arena_free(&arena);
		if (whole && strlen(next) < DOCUMENT_MAX) {
			free(now);
			now = strdup(next);
		} else if (whole) {
			free(now);
			now = strdup(good);
		}
		xmlFree(next);
	}
	free(now);
	free(good);
}

static void a_part_tells_what_the_whole_tells(void **state)
{
	run(*state, &auid_resource_lists, "resource-lists.xml");
	run(*state, &auid_rls_services, "rls-services.xml");
	run(*state, &auid_pres_rules, "pres-rules.xml");
	run(*state, &auid_oma_pres_rules, "oma-pres-rules.xml");
	run(*state, &auid_access_rules, "access-rules.xml");
	run(*state, &auid_groups, "groups.xml");
	run(*state, &auid_user_prefs, "user-prefs.xml");
	run(*state, &auid_operator_policy, "operator-policy.xml");
	run(*state, &auid_pidf_manipulation, "pidf.xml");
	run(*state, &auid_cab_pcc, "cab-pcc.xml");
	run(*state, &auid_cab_address_book, "cab-address-book.xml");
	run(*state, &auid_cab_user_prefs, "cab-user-prefs.xml");
	run(*state, &auid_cab_feature_handler, "cab-feature-handler.xml");
	run(*state, &auid_group_usage_list, "group-usage-list.xml");
	run(*state, &auid_user_profile, "user-profile.xml");
	run(*state, &auid_pres_content, "pres-content.xml");
	run(*state, &auid_conv_history, "history-list.xml");
	run(*state, &auid_access_permissions, "access-permissions.xml");
	/* The part knows most answers, and both answers were wanted often. */
	assert_true(verdicts[0][0] + verdicts[0][1] < 5 * STEPS / 3);
	assert_true(verdicts[1][0] > STEPS);
	assert_true(verdicts[2][1] > STEPS / 2);
	assert_true(reached_out > 50 && reached_out < verdicts[2][1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_part_tells_what_the_whole_tells),
	};

	return cmocka_run_group_tests(tests, usage_open, usage_close);
}
