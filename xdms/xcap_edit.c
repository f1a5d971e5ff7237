/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_edit.c - PUT and DELETE of elements; see xcap_edit.h
 *
 * An element is known by where it begins in the document: what the selector finds afterwards is
 * what was put when it begins at that octet.
 */
#include "xdms/xcap_edit.h"

#include "xdms/xcap_edit_priv.h"

int xcap_refuse(const struct xcap_change *c, enum xcap_fault_kind kind, const char *phrase)
{
	return xcap_fault_set(c->fault, kind, phrase, c->arena);
}

int xcap_no_memory(const struct xcap_change *c)
{
	return err_set(c->err, ERR_NOMEM, "no memory to change a document");
}

int xcap_refuse_err(const struct xcap_change *c, enum xcap_fault_kind kind)
{
	switch (c->err->code) {
	case ERR_SYNTAX:
		return xcap_refuse(c, kind, c->err->text);
	case ERR_RANGE:
		return xcap_refuse(c, XCAP_NOT_UTF8, c->err->text);
	case ERR_LIMIT:
		return xcap_refuse(c, XCAP_LOCAL_LIMIT, c->err->text);
	default:
		return -1;
	}
}

int xcap_refuse_no_parent(const struct xcap_change *c, unsigned n_steps)
{
	xcap_refuse(c, XCAP_NO_PARENT, "the selector of the parent does not select one element");
	if (n_steps)
		c->fault->ancestor = xcap_sel_print(c->sel, n_steps, 0, c->arena);
	return XCAP_REFUSED;
}

/* ---- patches ---- */

struct strv xcap_patch_sel(const struct xcap_change *c, const struct xcap_spot *spot,
			   struct strv attr)
{
	struct xcap_print print = { .arena = c->arena };
	unsigned position[XCAP_DEPTH_MAX + 1], n = 0;
	struct xcap_spot at = *spot;

	do
		position[n++] = xcap_spot_position(&at);
	while (n <= XCAP_DEPTH_MAX && xcap_spot_parent(&at, &at));
	xcap_print_str(&print, "*"); /* the root element */
	for (n--; n-- > 0;) {
		xcap_print_str(&print, "/*[");
		xcap_print_num(&print, position[n]);
		xcap_print_str(&print, "]");
	}
	if (attr.n) {
		xcap_print_str(&print, "/@");
		xcap_print(&print, attr);
	}
	return xcap_print_end(&print);
}

static struct strv copy(struct arena *arena, struct strv s)
{
	return strv_mem(arena_strdup(arena, s), s.n);
}

int xcap_patch_bindings(const struct xcap_change *c, const struct xcap_ns *ns)
{
	unsigned n = xcap_ns_count(ns);
	struct xcap_binding *b = arena_zalloc(c->arena, n + 1, sizeof(*b));

	if (!b)
		return xcap_no_memory(c);
	for (unsigned i = 0; i < n; i++) {
		b[i].prefix = copy(c->arena, xcap_ns_at(ns, i)->prefix);
		b[i].uri = copy(c->arena, xcap_ns_at(ns, i)->uri);
		if (!b[i].prefix.p || !b[i].uri.p)
			return xcap_no_memory(c);
	}
	c->edit->patch.binding = b;
	c->edit->patch.n_bindings = n;
	return 0;
}

static int patch_element(const struct xcap_change *c, enum xcap_op_kind kind, enum xcap_op_pos pos,
			 const struct xcap_spot *spot, struct strv content)
{
	struct xcap_op *op = &c->edit->patch.op[c->edit->patch.n++];

	op->kind = kind;
	op->pos = pos;
	op->sel = xcap_patch_sel(c, spot, strv_mem(NULL, 0));
	op->content = content;
	op->is_xml = content.n > 0;
	return op->sel.n ? 0 : xcap_no_memory(c);
}

/* ---- PUT ---- */

static unsigned depth_of(const struct xcap_spot *spot)
{
	unsigned depth = spot->n_levels;

	if (!spot->wide)
		for (uint32_t id = spot->chunk->ix.node[spot->node].parent; id != XCAP_NONE;
		     id = spot->chunk->ix.node[id].parent)
			depth++;
	return depth;
}

/* BODY without white space around it, when it is one element that may stand in PARENT. NAME_OUT is
 * copied to the arena. */
static int check_fragment(const struct xcap_change *c, const struct xcap_spot *parent,
			  struct strv *body, struct xcap_name *name_out)
{
	const struct xcap_ns *ns;
	struct xcap_index ix;
	int rc;

	if (xcap_spot_ns(parent, &ns) < 0)
		return xcap_no_memory(c);
	rc = xcap_scan(*body, XCAP_SCAN_FRAGMENT, ns, depth_of(parent), c->limits, &ix, c->err);
	if (rc < 0) {
		rc = xcap_refuse_err(c, XCAP_NOT_XML_FRAG);
	} else {
		const struct xcap_name *name = &ix.names[ix.node[0].name].name;

		*body = strv_mem(body->p + ix.node[0].start, ix.node[0].end - ix.node[0].start);
		name_out->ns = copy(c->arena, name->ns);
		name_out->local = copy(c->arena, name->local);
		xcap_index_fini(&ix);
		rc = name_out->ns.p && name_out->local.p ? xcap_patch_bindings(c, ns)
							 : xcap_no_memory(c);
	}
	xcap_ns_drop(&ns);
	return rc;
}

/* The selector must now select the element that begins at octet AT. */
static int check_put(const struct xcap_change *c, size_t at)
{
	struct xcap_spot *spot = &c->edit->spot;

	if (xcap_doc_find(c->edit->doc, c->sel, spot) && xcap_spot_offset(spot) == at)
		return XCAP_EDITED;
	xcap_doc_drop(&c->edit->doc);
	return xcap_refuse(c, XCAP_CANNOT_INSERT, "the request URI would not select what was put");
}

static int replace(const struct xcap_change *c, const struct xcap_spot *old, struct strv body)
{
	const struct xcap_node *node = &old->chunk->ix.node[old->node];
	size_t at = xcap_spot_offset(old);
	int rc;

	c->edit->old = *old;
	c->edit->has_old = 1;
	if (patch_element(c, XCAP_OP_REPLACE, XCAP_POS_LAST, old, body) < 0)
		return -1;
	if (old->wide)
		rc = xcap_splice_wide(old, body, c->limits, &c->edit->doc, c->err);
	else
		rc = xcap_splice_text(old, node->start, node->end, body, XCAP_NONE, c->limits,
				      &c->edit->doc, c->err);
	return rc < 0 ? xcap_refuse_err(c, XCAP_NOT_XML_FRAG) : check_put(c, at);
}

/* A place for a new element among the children of a parent. */
struct place {
	enum xcap_op_pos pos;  /* relative to */
	struct xcap_spot spot; /* a sibling, or the parent for XCAP_POS_LAST */
};

/* The table of RFC 4825 s8.2.3. Returns 1, 0 when the step leaves no place. */
static int find_place(const struct xcap_spot *parent, const struct xcap_step *step,
		      const struct xcap_name *body_name, struct place *place)
{
	const struct xcap_name *name = step->any ? NULL : &step->name;
	unsigned n = xcap_child_count(parent, name);

	place->pos = XCAP_POS_LAST;
	place->spot = *parent;
	if (step->pos == XCAP_POS_NONE) {
		/* "Earliest last": behind the last of its name; "*" takes the name from the body.
		 */
		name = step->any ? body_name : name;
		n = step->any ? xcap_child_count(parent, name) : n;
		if (!n)
			return 1;
		place->pos = XCAP_POS_AFTER;
		return xcap_child_nth(parent, name, n, &place->spot);
	}
	if (step->pos == 0 || step->pos - 1 > n)
		return 0;
	if (step->pos > 1) { /* "earliest nth": right behind the one before */
		place->pos = XCAP_POS_AFTER;
		return xcap_child_nth(parent, name, step->pos - 1, &place->spot);
	}
	if (!n)
		return 1;
	place->pos = XCAP_POS_BEFORE;
	return xcap_child_nth(parent, name, 1, &place->spot);
}

/* ">" body "</name>" in place of "/>". */
static int insert_opening(const struct xcap_change *c, const struct xcap_spot *parent,
			  struct strv body)
{
	const struct xcap_node *node = &parent->chunk->ix.node[parent->node];
	struct xcap_print print = { .arena = c->arena };

	xcap_print_str(&print, ">");
	xcap_print(&print, body);
	xcap_print_str(&print, "</");
	xcap_print(&print, xcap_spot_qname(parent));
	xcap_print_str(&print, ">");
	if (print.failed)
		return xcap_no_memory(c);
	return xcap_splice_text(parent, node->tag_end - 2, node->tag_end,
				strv_mem(print.p, print.n), node->start, c->limits, &c->edit->doc,
				c->err);
}

/* Returns as a splice; AT_OUT is where BODY begins then. */
static int insert_last(const struct xcap_change *c, const struct xcap_spot *parent,
		       struct strv body, size_t *at_out)
{
	const struct xcap_node *node = &parent->chunk->ix.node[parent->node];

	*at_out = xcap_spot_offset(parent);
	if (parent->wide) {
		*at_out += xcap_spot_octets(parent) - (node->end - node->close);
		return xcap_splice_append(parent, body, c->limits, &c->edit->doc, c->err);
	}
	*at_out += node->close - node->start;
	if (node->close != node->end)
		return xcap_splice_text(parent, node->close, node->close, body, XCAP_NONE,
					c->limits, &c->edit->doc, c->err);
	*at_out -= 1;
	return insert_opening(c, parent, body);
}

static int insert_beside(const struct xcap_change *c, const struct xcap_spot *sibling, int after,
			 struct strv body, size_t *at_out)
{
	const struct xcap_node *node = &sibling->chunk->ix.node[sibling->node];
	uint32_t at = after ? node->end : node->start;

	*at_out = xcap_spot_offset(sibling) + (after ? xcap_spot_octets(sibling) : 0);
	if (sibling->wide)
		return xcap_splice_beside(sibling, after, body, c->limits, &c->edit->doc, c->err);
	return xcap_splice_text(sibling, at, at, body, XCAP_NONE, c->limits, &c->edit->doc, c->err);
}

static int create(const struct xcap_change *c, const struct xcap_spot *parent,
		  const struct xcap_name *name, struct strv body)
{
	const struct xcap_step *step = &c->sel->step[c->sel->n_steps - 1];
	struct place place;
	size_t at;
	int rc;

	if (parent->n_levels == 0)
		return xcap_refuse(c, XCAP_CANNOT_INSERT, "a document has one root element");
	if (!find_place(parent, step, name, &place))
		return xcap_refuse(c, XCAP_CANNOT_INSERT, "there are too few siblings before it");
	if (patch_element(c, XCAP_OP_ADD, place.pos, &place.spot, body) < 0)
		return -1;
	if (place.pos == XCAP_POS_LAST)
		rc = insert_last(c, &place.spot, body, &at);
	else
		rc = insert_beside(c, &place.spot, place.pos == XCAP_POS_AFTER, body, &at);
	c->edit->created = 1;
	return rc < 0 ? xcap_refuse_err(c, XCAP_NOT_XML_FRAG) : check_put(c, at);
}

static int put_element(struct xcap_change *c, struct strv body)
{
	unsigned last = c->sel->n_steps - 1, n;
	struct xcap_spot parent, old;
	struct xcap_name name;
	int matches, rc;

	n = xcap_doc_follow(c->doc, c->sel, last, &parent, &matches);
	if (n < last)
		return xcap_refuse_no_parent(c, n);
	rc = check_fragment(c, &parent, &body, &name);
	if (rc)
		return rc;
	matches = xcap_child_step(&parent, &c->sel->step[last], &old);
	if (matches == 1)
		return replace(c, &old, body);
	if (matches > 1)
		return xcap_refuse(c, XCAP_CANNOT_INSERT, "the selector selects several elements");
	return create(c, &parent, &name, body);
}

/* ---- DELETE ---- */

/* The octets around an element in its list, across chunks, up to the next tag. */
static unsigned octets_before(const struct xcap_spot *spot, char to[2])
{
	const struct xcap_level *level = &spot->level[spot->n_levels - 1];
	uint32_t from = spot->wide ? 0 : spot->chunk->ix.node[spot->node].start;
	const struct xcap_chunk *chunk = spot->wide ? NULL : spot->chunk;
	unsigned shelf = level->shelf, kid = level->kid, n = 0;

	for (;;) {
		for (; chunk && from > 0 && n < 2; from--)
			to[n++] = chunk->text.p[from - 1];
		if (n == 2)
			return n;
		if (kid == 0) {
			if (shelf == 0)
				return n;
			kid = level->wide->shelf[--shelf]->n;
		}
		if (level->wide->shelf[shelf]->kid[--kid]->is_wide)
			return n;
		chunk = (const struct xcap_chunk *)level->wide->shelf[shelf]->kid[kid];
		from = (uint32_t)chunk->text.n;
	}
}

/* The octets behind the element, up to two, and the place of each. */
static unsigned octets_behind(const struct xcap_spot *spot, struct xcap_spot at[2], uint32_t off[2],
			      char to[2])
{
	const struct xcap_level *level = &spot->level[spot->n_levels - 1];
	struct xcap_spot here = *spot;
	struct xcap_level *now = &here.level[here.n_levels - 1];
	uint32_t from = spot->wide ? 0 : spot->chunk->ix.node[spot->node].end;
	const struct xcap_chunk *chunk = spot->wide ? NULL : spot->chunk;
	unsigned n = 0;

	for (;;) {
		for (; chunk && from < chunk->text.n && n < 2; from++) {
			here.chunk = chunk;
			here.wide = NULL;
			at[n] = here;
			off[n] = from;
			to[n++] = chunk->text.p[from];
		}
		if (n == 2)
			return n;
		if (++now->kid == level->wide->shelf[now->shelf]->n) {
			now->kid = 0;
			if (++now->shelf == level->wide->n)
				return n;
		}
		if (level->wide->shelf[now->shelf]->kid[now->kid]->is_wide)
			return n;
		chunk = (const struct xcap_chunk *)level->wide->shelf[now->shelf]->kid[now->kid];
		from = 0;
	}
}

/* Text on both sides of an element must not become "]]>" when it goes: that is not well-formed.
 * Then the ">" is written as a reference first, in a document of its own, DOC_OUT; otherwise that
 * is NULL. */
static int part_brackets(const struct xcap_change *c, const struct xcap_spot *spot,
			 struct xcap_doc **doc_out)
{
	char before[2] = { 0 }, behind[2] = { 0 };
	struct xcap_spot at[2];
	uint32_t off[2];
	unsigned n, i;

	*doc_out = NULL;
	if (octets_before(spot, before) == 0 || before[0] != ']')
		return 0;
	n = octets_behind(spot, at, off, behind);
	if (n > 0 && behind[0] == '>' && before[1] == ']')
		i = 0;
	else if (n > 1 && behind[0] == ']' && behind[1] == '>')
		i = 1;
	else
		return 0;
	return xcap_splice_text(&at[i], off[i], off[i] + 1, STRV("&gt;"), XCAP_NONE, c->limits,
				doc_out, c->err);
}

/* Was the start tag of SPOT's element opened by an insertion? */
static int was_opened(const struct xcap_spot *spot)
{
	uint32_t start = spot->chunk->ix.node[spot->node].start;

	for (unsigned i = 0; i < spot->chunk->n_opened; i++)
		if (spot->chunk->opened[i] == start)
			return 1;
	return 0;
}

/* PARENT has nothing in it but the element that goes: it becomes an empty-element tag again. */
static int remove_closing(const struct xcap_change *c, const struct xcap_spot *parent)
{
	const struct xcap_node *node = &parent->chunk->ix.node[parent->node];
	struct xcap_print print = { .arena = c->arena };

	if (!parent->wide)
		return xcap_splice_text(parent, node->tag_end - 1, node->end, STRV("/>"),
					node->start, c->limits, &c->edit->doc, c->err);
	xcap_print(&print, strv_mem(parent->chunk->text.p, node->tag_end - 1));
	xcap_print_str(&print, "/>");
	if (print.failed)
		return xcap_no_memory(c);
	return xcap_splice_wide(parent, strv_mem(print.p, print.n), c->limits, &c->edit->doc,
				c->err);
}

static size_t content_octets(const struct xcap_spot *spot)
{
	const struct xcap_node *node = &spot->chunk->ix.node[spot->node];

	return xcap_spot_octets(spot) - (node->tag_end - node->start) - (node->end - node->close);
}

static int remove_element(const struct xcap_change *c, const struct xcap_spot *spot)
{
	const struct xcap_node *node = &spot->chunk->ix.node[spot->node];
	struct xcap_spot parent;

	xcap_spot_parent(spot, &parent);
	if (was_opened(&parent) && content_octets(&parent) == xcap_spot_octets(spot))
		return remove_closing(c, &parent);
	if (spot->wide)
		return xcap_splice_wide(spot, strv_mem(NULL, 0), c->limits, &c->edit->doc, c->err);
	return xcap_splice_text(spot, node->start, node->end, strv_mem(NULL, 0), XCAP_NONE,
				c->limits, &c->edit->doc, c->err);
}

static int delete_element(struct xcap_change *c)
{
	struct xcap_doc *parted;
	struct xcap_spot spot;
	int matches, rc;

	if (!xcap_doc_find(c->doc, c->sel, &spot))
		return XCAP_NOT_FOUND;
	if (!xcap_spot_parent(&spot, &c->edit->spot))
		return xcap_refuse(c, XCAP_SCHEMA_VALIDATION_ERROR,
				   "a document has one root element");
	c->edit->old = spot;
	c->edit->has_old = 1;
	if (patch_element(c, XCAP_OP_REMOVE, XCAP_POS_LAST, &spot, strv_mem(NULL, 0)) < 0)
		return -1;
	rc = part_brackets(c, &spot, &parted);
	if (rc == 0) {
		if (parted)
			xcap_doc_find(parted, c->sel, &spot);
		rc = remove_element(c, &spot);
		xcap_doc_drop(&parted);
	}
	if (rc < 0)
		return xcap_refuse_err(c, XCAP_NOT_XML_FRAG);
	if (xcap_doc_find(c->edit->doc, c->sel, &spot)) {
		xcap_doc_drop(&c->edit->doc);
		return xcap_refuse(c, XCAP_CANNOT_DELETE,
				   "the request URI would select another element");
	}
	xcap_doc_follow(c->edit->doc, c->sel, c->sel->n_steps - 1, &c->edit->spot, &matches);
	return XCAP_EDITED;
}

/* ---- both ---- */

static struct xcap_change begin(const struct xcap_doc *doc, const struct xcap_sel *sel,
				const struct xcap_limits *limits, struct arena *arena,
				struct xcap_edit *edit, struct xcap_fault *fault, struct err *err)
{
	memset(edit, 0, sizeof(*edit));
	memset(fault, 0, sizeof(*fault));
	return (struct xcap_change){ doc,   sel,  limits ? limits : &xcap_limits_default,
				     arena, edit, fault,
				     err };
}

int xcap_edit_put(const struct xcap_doc *doc, const struct xcap_sel *sel, struct strv body,
		  const struct xcap_limits *limits, struct arena *arena, struct xcap_edit *edit_out,
		  struct xcap_fault *fault_out, struct err *err)
{
	struct err own;
	struct xcap_change c =
		begin(doc, sel, limits, arena, edit_out, fault_out, err ? err : &own);

	switch (sel->kind) {
	case XCAP_SEL_ELEMENT:
		return put_element(&c, body);
	case XCAP_SEL_ATTR:
		return xcap_put_attr(&c, body);
	default:
		return XCAP_NOT_ALLOWED;
	}
}

int xcap_edit_delete(const struct xcap_doc *doc, const struct xcap_sel *sel,
		     const struct xcap_limits *limits, struct arena *arena,
		     struct xcap_edit *edit_out, struct xcap_fault *fault_out, struct err *err)
{
	struct err own;
	struct xcap_change c =
		begin(doc, sel, limits, arena, edit_out, fault_out, err ? err : &own);

	switch (sel->kind) {
	case XCAP_SEL_ELEMENT:
		return delete_element(&c);
	case XCAP_SEL_ATTR:
		return xcap_delete_attr(&c);
	default:
		return XCAP_NOT_ALLOWED;
	}
}
