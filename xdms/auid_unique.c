/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/auid_unique.c - values that must not occur twice (see auid.h)
 *
 * For each value that does, the field of the later attribute (RFC 4825 s11): a node selector
 * relative to the document, percent-encoded, with the namespaces it needs behind a question mark.
 */
#include "xdms/auid.h"

#include <libxml/hash.h>

#include "xdms/auid_priv.h"

/* ---- fields ---- */

enum { PREFIXES_MAX = 26 };

/* The namespaces of a field that are not the default one: a, b, c. */
struct prefixes {
	unsigned n;
	struct strv ns[PREFIXES_MAX];
};

/* The letter for NS, 0 when there are too many. */
static char prefix_of(struct prefixes *prefixes, struct strv ns)
{
	unsigned i = 0;

	while (i < prefixes->n && !strv_eq(prefixes->ns[i], ns))
		i++;
	if (i == PREFIXES_MAX)
		return 0;
	prefixes->ns[i] = ns;
	prefixes->n = i < prefixes->n ? prefixes->n : i + 1;
	return (char)('a' + i);
}

/* The root is the only one of its kind, and its step goes without a position. A name in no
 * namespace cannot be told from one in the default namespace (RFC 4825 s6.4): it stands without a
 * prefix. */
static void print_step(struct xcap_print *out, const struct auid_ops *usage,
		       const struct auid_step *step, int is_root, struct prefixes *prefixes)
{
	char prefix[] = "a:";

	if (step->name.ns.n && !strv_eq(step->name.ns, strv_of(usage->ns)) &&
	    (prefix[0] = prefix_of(prefixes, step->name.ns)) != 0)
		xcap_print_str(out, prefix);
	xcap_print_percent(out, step->name.local);
	if (is_root)
		return;
	xcap_print_str(out, "%5B");
	xcap_print_num(out, step->pos);
	xcap_print_str(out, "%5D");
}

struct strv auid_field_print(const struct auid_ops *usage, const struct auid_step *path, size_t n,
			     const char *attr, struct arena *arena)
{
	struct xcap_print out = { .arena = arena };
	struct prefixes prefixes = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (i)
			xcap_print_str(&out, "/");
		print_step(&out, usage, &path[i], i == 0, &prefixes);
	}
	xcap_print_str(&out, "/@");
	xcap_print_str(&out, attr);
	if (prefixes.n)
		xcap_print_str(&out, "?");
	for (unsigned i = 0; i < prefixes.n; i++) {
		char letter = (char)('a' + i);

		xcap_print_str(&out, "xmlns(");
		xcap_print(&out, strv_mem(&letter, 1));
		xcap_print_str(&out, "=");
		xcap_print_percent(&out, prefixes.ns[i]);
		xcap_print_str(&out, ")");
	}
	return xcap_print_end(&out);
}

static int same_name(const xmlNode *a, const xmlNode *b)
{
	return a->type == XML_ELEMENT_NODE &&
	       strcmp((const char *)a->name, (const char *)b->name) == 0 &&
	       xmlStrEqual(a->ns ? a->ns->href : NULL, b->ns ? b->ns->href : NULL);
}

static struct auid_step step_of(const xmlNode *elem)
{
	struct auid_step step = {
		{ strv_of(elem->ns ? (const char *)elem->ns->href : NULL),
		  strv_of((const char *)elem->name) },
		1,
	};

	for (const xmlNode *node = elem->prev; node; node = node->prev)
		step.pos += same_name(node, elem) ? 1 : 0;
	return step;
}

/* ---- proposals ---- */

struct strv auid_alt_value(struct strv value, unsigned n, struct arena *arena)
{
	const char *at = value.n ? memchr(value.p, '@', value.n) : NULL;
	struct xcap_print out = { .arena = arena };
	size_t head = at ? (size_t)(at - value.p) : value.n;

	if (head == 0)
		return strv_of(NULL);
	xcap_print(&out, strv_mem(value.p, head));
	xcap_print_str(&out, "-");
	xcap_print_num(&out, (uint64_t)n + 1);
	xcap_print(&out, strv_mem(value.p + head, value.n - head));
	return xcap_print_end(&out);
}

/* ---- looking ---- */

struct search {
	const struct auid_ops *usage;
	const xmlNode *root;
	const struct auid_step *path; /* to the root of the search */
	size_t n;
	struct arena *arena;
	struct auid_fault *fault;
};

/* The row that speaks of ELEM in SCOPE, NULL: none. IDs are the schema's. */
static const struct auid_unique *row_of(const struct auid_ops *usage, const xmlNode *elem,
					enum auid_scope scope)
{
	for (const struct auid_unique *row = usage->unique; row->attr; row++)
		if (row->scope == scope && row->fault == AUID_FAULT_UNIQUENESS &&
		    auid_node_is(elem, &row->child))
			return row;
	return NULL;
}

/* Values of the form of EXISTS->value that are not among SEEN, as far as there are any: they are a
 * courtesy. */
static void propose(struct auid_exists *exists, xmlHashTable *seen, const char *element,
		    struct arena *arena)
{
	for (unsigned n = 1; exists->n_alt < AUID_ALT_MAX; n++) {
		struct strv alt = auid_alt_value(exists->value, n, arena);

		if (alt.n == 0)
			return;
		if (!xmlHashLookup2(seen, BAD_CAST alt.p, BAD_CAST element))
			exists->alt[exists->n_alt++] = alt;
	}
}

/* Put the path of ELEM behind the path of the search's root. Returns its length, 0: too deep. */
static size_t whole_path(const struct search *search, const xmlNode *elem, struct auid_step *path)
{
	size_t below = 0, n = search->n;

	for (const xmlNode *node = elem; node != search->root; node = node->parent)
		below++;
	if (n + below > AUID_STEPS_MAX)
		return 0;
	memcpy(path, search->path, n * sizeof(*path));
	for (size_t i = n + below; i > n; i--, elem = elem->parent)
		path[i - 1] = step_of(elem);
	return n + below;
}

static int report(struct search *search, const struct auid_unique *row, const xmlNode *elem,
		  const xmlChar *value, xmlHashTable *seen)
{
	struct auid_step path[AUID_STEPS_MAX];
	size_t n = whole_path(search, elem, path);
	struct auid_exists *exists = &search->fault->exists[search->fault->n_exists];

	exists->field = auid_field_print(search->usage, path, n, row->attr, search->arena);
	exists->value = strv_of(arena_strdup(search->arena, strv_of((const char *)value)));
	if (!exists->field.p || !exists->value.p)
		return -1;
	search->fault->n_exists++;
	if (row->scope == AUID_SERVER)
		propose(exists, seen, row->child.local, search->arena);
	return 0;
}

/* Positions are counted from the first sibling on: that is paid for a few reports only. */
static int is_full(const struct search *search)
{
	return search->fault->n_exists == AUID_EXISTS_MAX;
}

/* *SEEN_AT is made when the first value is there to be remembered. 0, -1 without memory. */
static int look_at(struct search *search, const struct auid_unique *row, const xmlNode *elem,
		   xmlHashTable **seen_at)
{
	static char present;
	xmlChar *value = xmlGetNoNsProp(elem, BAD_CAST row->attr);
	const xmlChar *key = BAD_CAST row->child.local;
	int ret = 0;

	if (!value)
		return 0;
	if (!*seen_at && !(*seen_at = xmlHashCreate(64)))
		ret = -1;
	else if (xmlHashLookup2(*seen_at, value, key))
		ret = report(search, row, elem, value, *seen_at);
	else
		ret = xmlHashAddEntry2(*seen_at, value, key, &present);
	xmlFree(value);
	return ret;
}

static int look_at_siblings(struct search *search, const xmlNode *parent)
{
	const struct auid_unique *row;
	xmlHashTable *seen = NULL;
	int ret = 0;

	for (xmlNode *node = parent->children; node && ret == 0 && !is_full(search);
	     node = node->next) {
		if (node->type != XML_ELEMENT_NODE)
			continue;
		row = row_of(search->usage, node, AUID_SIBLINGS);
		if (row)
			ret = look_at(search, row, node, &seen);
	}
	xmlHashFree(seen, NULL);
	return ret;
}

static int look_everywhere(struct search *search, xmlNode *root)
{
	const struct auid_unique *row;
	xmlHashTable *seen = NULL;
	int ret = 0;

	for (xmlNode *node = root; node && ret == 0 && !is_full(search);
	     node = auid_next_element(root, node)) {
		ret = look_at_siblings(search, node);
		row = row_of(search->usage, node, AUID_SERVER);
		if (row && ret == 0 && !is_full(search))
			ret = look_at(search, row, node, &seen);
	}
	xmlHashFree(seen, NULL);
	return ret;
}

int auid_check_unique(const struct auid_ops *usage, xmlNode *root, const struct auid_step *path,
		      size_t n, struct arena *arena, struct auid_fault *fault_out, struct err *err)
{
	struct search search = { usage, root, path, n, arena, fault_out };

	if (!usage->unique)
		return 0;
	if (look_everywhere(&search, root) < 0)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (fault_out->n_exists == 0)
		return 0;
	fault_out->kind = AUID_FAULT_UNIQUENESS;
	return err_set(err, ERR_EXISTS, "\"%.120s\" is there twice", fault_out->exists[0].value.p);
}

static int row_reaches_out(const struct auid_unique *row, const xmlNode *elem)
{
	return row->scope != AUID_SIBLINGS && auid_node_is(elem, &row->child) &&
	       xmlHasNsProp((xmlNode *)elem, BAD_CAST row->attr, NULL);
}

int auid_reaches_out(const struct auid_ops *usage, xmlNode *elem)
{
	for (xmlNode *node = elem; node && usage->unique; node = auid_next_element(elem, node))
		for (const struct auid_unique *row = usage->unique; row->attr; row++)
			if (row_reaches_out(row, node))
				return 1;
	return 0;
}
