/* SPDX-License-Identifier: Apache-2.0 */
/* xdms/xcap_valid.c - see xcap_valid.h */
#include "xdms/xcap_valid.h"

#include "base/xml.h"

/* A larger element is not taken apart alone: then the whole is not much dearer. */
enum { UNIT_MAX_BYTES = 64 * 1024 };

/* ---- faults ---- */

static int refuse(struct xcap_fault *fault_out, enum xcap_fault_kind kind, const struct err *why,
		  struct arena *arena)
{
	return xcap_fault_set(fault_out, kind, why->text, arena);
}

static int refuse_xml(enum xml_fault fault, const struct err *why, struct arena *arena,
		      struct xcap_fault *fault_out)
{
	switch (fault) {
	case XML_FAULT_NOT_UTF8:
		return refuse(fault_out, XCAP_NOT_UTF8, why, arena);
	case XML_FAULT_NOT_WELL_FORMED:
	case XML_FAULT_NOT_ELEMENT:
	case XML_FAULT_DOCTYPE:
		return refuse(fault_out, XCAP_NOT_WELL_FORMED, why, arena);
	default:
		return refuse(fault_out, XCAP_LOCAL_LIMIT, why, arena);
	}
}

static int refuse_not_unique(const struct auid_fault *fault, const struct err *why,
			     struct arena *arena, struct xcap_fault *fault_out)
{
	struct xcap_exists *exists = arena_zalloc(arena, fault->n_exists + 1, sizeof(*exists));

	if (!exists)
		return -1;
	for (unsigned i = 0; i < fault->n_exists; i++) {
		struct strv *alt = arena_zalloc(arena, AUID_ALT_MAX, sizeof(*alt));

		if (!alt)
			return -1;
		memcpy(alt, fault->exists[i].alt, sizeof(fault->exists[i].alt));
		exists[i] =
			(struct xcap_exists){ fault->exists[i].field, alt, fault->exists[i].n_alt };
	}
	refuse(fault_out, XCAP_UNIQUENESS_FAILURE, why, arena);
	fault_out->exists = exists;
	fault_out->n_exists = fault->n_exists;
	return 1;
}

static int refuse_usage(const struct auid_fault *fault, struct err *why, struct arena *arena,
			struct xcap_fault *fault_out)
{
	switch (fault->kind) {
	case AUID_FAULT_SCHEMA:
		return refuse(fault_out, XCAP_SCHEMA_VALIDATION_ERROR, why, arena);
	case AUID_FAULT_UNIQUENESS:
		return refuse_not_unique(fault, why, arena, fault_out);
	case AUID_FAULT_CONSTRAINT:
		return refuse(fault_out, XCAP_CONSTRAINT_FAILURE, why, arena);
	default:
		return -1;
	}
}

/* ---- the whole ---- */

struct xcap_limits xcap_valid_limits(const struct auid_ops *usage)
{
	struct xcap_limits limits = xcap_limits_default;

	if (limits.octets < usage->max_bytes)
		limits.octets = usage->max_bytes;
	if (usage->max_nodes)
		limits.nodes = usage->max_nodes;
	return limits;
}

static int validate(const struct xcap_judge *judge, struct strv bytes, struct arena *arena,
		    struct xcap_fault *fault_out, struct err *err)
{
	struct xml_limits limits = xml_limits_default;
	struct auid_fault fault = { AUID_FAULT_NONE };
	enum xml_fault xml_fault;
	xmlDoc *tree;
	int ret = 0;

	if (limits.bytes < judge->usage->max_bytes)
		limits.bytes = judge->usage->max_bytes;
	if (judge->usage->max_nodes) /* here attributes count too */
		limits.nodes = judge->usage->max_nodes * 2;
	if (xml_parse(bytes, &limits, &tree, &xml_fault, err) < 0)
		return xml_fault == XML_FAULT_NO_MEMORY
			       ? -1
			       : refuse_xml(xml_fault, err, arena, fault_out);
	if (auid_validate(judge->table, judge->usage, tree, &judge->context, arena, &fault, err) <
	    0)
		ret = refuse_usage(&fault, err, arena, fault_out);
	xmlFreeDoc(tree);
	return ret;
}

/* What the scanner refused although libxml2 took it. */
static int refuse_scan(const struct err *why, struct arena *arena, struct xcap_fault *fault_out)
{
	switch (why->code) {
	case ERR_NOMEM:
		return -1;
	case ERR_RANGE:
		return refuse(fault_out, XCAP_NOT_UTF8, why, arena);
	case ERR_LIMIT:
		return refuse(fault_out, XCAP_LOCAL_LIMIT, why, arena);
	default:
		return refuse(fault_out, XCAP_NOT_WELL_FORMED, why, arena);
	}
}

int xcap_valid_document(const struct xcap_judge *judge, struct strv bytes, struct arena *arena,
			struct xcap_doc **doc_out, struct xcap_fault *fault_out, struct err *err)
{
	struct xcap_limits limits = xcap_valid_limits(judge->usage);
	int ret = validate(judge, bytes, arena, fault_out, err);

	*doc_out = NULL;
	if (ret == 0 && xcap_doc_parse(bytes, &limits, doc_out, err) < 0)
		ret = refuse_scan(err, arena, fault_out);
	return ret;
}

int xcap_valid_whole(const struct xcap_judge *judge, const struct xcap_doc *doc,
		     struct arena *arena, struct xcap_fault *fault_out, struct err *err)
{
	struct xcap_spot whole;
	struct strv bytes;

	xcap_doc_spot(doc, &whole);
	bytes = xcap_spot_slice(&whole, arena);
	if (!bytes.n)
		return err_set(err, ERR_NOMEM, "no memory to look at the document");
	return validate(judge, bytes, arena, fault_out, err);
}

/* ---- the changed element alone: 1 it is surely right, 0 look at the whole ---- */

static struct xcap_name nth_name(const struct xcap_spot *parent, unsigned n)
{
	struct xcap_spot spot;

	if (n == 0 || !xcap_child_nth(parent, NULL, n, &spot))
		return (struct xcap_name){ { NULL, 0 }, { NULL, 0 } };
	return *xcap_spot_name(&spot);
}

static struct xcap_name name_of(const struct xcap_spot *spot)
{
	if (spot->n_levels == 0)
		return (struct xcap_name){ { NULL, 0 }, { NULL, 0 } };
	return *xcap_spot_name(spot);
}

/* May PUT (none: a deletion) stand in the place of ELEM, of PARENT, where OLD (none: an insertion)
 * stood? ELEM is in the new document, or of a deletion in the old one. */
static int right_place(const struct xcap_judge *judge, const struct xcap_spot *parent,
		       const struct xcap_spot *elem, struct xcap_name old, struct xcap_name put)
{
	unsigned position = xcap_spot_position(elem);
	struct auid_place place = { .parent = name_of(parent),
				    .before = nth_name(parent, position - 1),
				    .after = nth_name(parent, position + 1),
				    .old = old,
				    .put = put };

	return auid_check_place(judge->table, judge->usage, &place) == 1;
}

/* The names from the root to ELEM; positions are not told, since only a fault would want them. */
static size_t path_to(const struct xcap_spot *elem, struct auid_step path[AUID_STEPS_MAX])
{
	struct xcap_spot at = *elem, parent;
	size_t n = 0;

	do {
		if (n == AUID_STEPS_MAX)
			return 0;
		path[n].name = *xcap_spot_name(&at);
		path[n++].pos = 1;
		if (!xcap_spot_parent(&at, &parent))
			break;
		at = parent;
	} while (at.n_levels);
	for (size_t i = 0; i < n / 2; i++) {
		struct auid_step swap = path[i];

		path[i] = path[n - 1 - i];
		path[n - 1 - i] = swap;
	}
	return n;
}

static struct xml_ns *context_of(const struct xcap_ns *ns, struct arena *arena, size_t *n_out)
{
	size_t n = xcap_ns_count(ns);
	struct xml_ns *context = arena_zalloc(arena, n + 1, sizeof(*context));

	*n_out = n;
	for (size_t i = 0; context && i < n; i++) {
		const struct xcap_binding *binding = xcap_ns_at(ns, (unsigned)i);

		context[i] = (struct xml_ns){ binding->prefix, binding->uri };
	}
	return context;
}

int xcap_valid_tree(const struct xcap_spot *elem, struct arena *arena, xmlDoc **tree_out,
		    xmlNode **root_out)
{
	const struct xcap_ns *ns = NULL;
	struct xml_ns *context;
	struct strv bytes;
	size_t n_context;
	int ret = -1;

	if (xcap_spot_ns(elem, &ns) < 0)
		return -1;
	context = context_of(ns, arena, &n_context);
	bytes = xcap_spot_slice(elem, arena);
	if (context && bytes.n)
		ret = xml_parse_fragment(bytes, context, n_context, NULL, tree_out, root_out, NULL,
					 NULL);
	xcap_ns_drop(&ns);
	return ret;
}

/* ELEM, to which PATH leads, is what its declaration and the rules on it say. */
static int right_element(const struct xcap_judge *judge, const struct xcap_spot *elem,
			 const struct auid_step *path, size_t n, struct arena *arena)
{
	struct auid_fault fault = { AUID_FAULT_NONE };
	xmlDoc *tree = NULL;
	xmlNode *root;
	int ret;

	if (xcap_spot_octets(elem) > UNIT_MAX_BYTES ||
	    xcap_valid_tree(elem, arena, &tree, &root) < 0)
		return 0;
	ret = !auid_reaches_out(judge->usage, root) &&
	      auid_check_element(judge->table, judge->usage, root, path, n, &judge->context, arena,
				 &fault, NULL) == 0;
	xmlFreeDoc(tree);
	return ret;
}

/* ELEM or, where a rule looks at more, the ancestor that has to be looked at. LEFT (NULL: ELEM was
 * put) is the parent, in the new document, of ELEM that was deleted. */
static int right_unit(const struct xcap_judge *judge, const struct xcap_spot *elem,
		      const struct xcap_spot *left, struct arena *arena)
{
	struct auid_step path[AUID_STEPS_MAX];
	size_t n = path_to(elem, path), unit;
	int is_delete = left != NULL;
	struct xcap_spot at = *elem, parent;

	if (!n)
		return 0;
	unit = auid_unit(judge->usage, path, n);
	if (is_delete && unit == n - 1)
		return 1;
	if (is_delete) {
		/* ELEM is in the old document, what was around it in the new one too. */
		at = *left;
		n--;
	}
	for (size_t i = n - 1; i > unit; i--) {
		if (!xcap_spot_parent(&at, &parent))
			return 0;
		at = parent;
	}
	return right_element(judge, &at, path, unit + 1, arena);
}

static int is_named(const struct xcap_name *name, const struct auid_name *as)
{
	return strv_eq(name->local, strv_of(as->local)) && strv_eq(name->ns, strv_of(as->ns));
}

/* No sibling has the same address. What has to be unique beyond its siblings is for the whole. */
static int unique_here(const struct xcap_judge *judge, const struct xcap_spot *parent,
		       const struct xcap_spot *elem, struct arena *arena)
{
	const struct xcap_name *name = xcap_spot_name(elem);
	struct strv raw, value;
	struct xcap_spot found;

	for (const struct auid_unique *row = judge->usage->unique; row && row->attr; row++) {
		struct xcap_name attr = { STRV(""), strv_of(row->attr) };

		if (row->scope != AUID_SIBLINGS)
			continue; /* right_element has seen that ELEM holds none */
		if (!is_named(name, &row->child) || !xcap_spot_attr(elem, &attr, &raw))
			continue;
		if (xcap_attvalue_decode(raw, arena, &value) < 0 ||
		    xcap_child_attr(parent, name, &attr, value, &found) != 1)
			return 0;
	}
	return 1;
}

int xcap_valid_alone(const struct xcap_judge *judge, const struct xcap_doc *old,
		     const struct xcap_sel *sel, int is_delete, const struct xcap_edit *edit,
		     struct arena *arena)
{
	const struct xcap_name none = { { NULL, 0 }, { NULL, 0 } };
	struct xcap_spot parent, was;
	int is_element = sel->kind == XCAP_SEL_ELEMENT;

	if (!judge->usage->schema && !judge->usage->unique && !judge->usage->rules)
		return 1;
	if (is_element && is_delete)
		return xcap_doc_find(old, sel, &was) && xcap_spot_parent(&was, &parent) &&
		       right_place(judge, &parent, &was, *xcap_spot_name(&was), none) &&
		       right_unit(judge, &was, &edit->spot, arena);
	if (!xcap_spot_parent(&edit->spot, &parent))
		return 0;
	if (is_element && !edit->created && !xcap_doc_find(old, sel, &was))
		return 0;
	if (is_element &&
	    !right_place(judge, &parent, &edit->spot, edit->created ? none : *xcap_spot_name(&was),
			 *xcap_spot_name(&edit->spot)))
		return 0;
	return unique_here(judge, &parent, &edit->spot, arena) &&
	       right_unit(judge, &edit->spot, NULL, arena);
}
