/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_doc.c - documents: parse, look up, slice
 *
 * Every look-up is one of three questions about the children of an element (how many by name, the
 * nth by name, the one with an attribute), asked first of the shelves' sums and signatures, then of
 * one chunk.
 */
#include "xdms/xcap_doc.h"

#include <stdio.h>
#include <stdlib.h>

#include "xdms/xcap_doc_priv.h"

/* ---- documents ---- */

int xcap_doc_parse(struct strv bytes, const struct xcap_limits *limits, struct xcap_doc **doc_out,
		   struct err *err)
{
	struct xcap_seglist kids = { 0 };
	struct xcap_text text = { .bytes = bytes };
	struct xcap_doc *doc;

	*doc_out = NULL;
	limits = limits ? limits : &xcap_limits_default;
	if (strv_starts(bytes, STRV("\xef\xbb\xbf")))
		text.bytes = strv_mem(bytes.p + 3, bytes.n - 3);
	if (!text.bytes.n)
		return err_set(err, ERR_SYNTAX, "an empty document");
	if (text.bytes.n > limits->octets)
		return err_set(err, ERR_LIMIT, "the document is too large");
	if (xcap_pack(&text, XCAP_SCAN_DOCUMENT, NULL, 0, limits, &kids, err) < 0) {
		xcap_seglist_fini(&kids);
		return -1;
	}
	doc = calloc(1, sizeof(*doc));
	if (!doc) {
		xcap_seglist_fini(&kids);
		return err_set(err, ERR_NOMEM, "no memory for a document");
	}
	atomic_init(&doc->refs, 1);
	doc->next_id = 1;
	for (unsigned i = 0; i < kids.n; i++)
		doc->next_id = xcap_seg_number(kids.seg[i], doc->next_id);
	doc->top = xcap_wide_with(NULL, NULL, 0, 0, 0, &kids);
	if (!doc->top) {
		free(doc);
		return err_set(err, ERR_NOMEM, "no memory for a document");
	}
	*doc_out = doc;
	return 0;
}

struct xcap_doc *xcap_doc_hold(const struct xcap_doc *doc)
{
	struct xcap_doc *held = (struct xcap_doc *)doc;

	atomic_fetch_add_explicit(&held->refs, 1, memory_order_relaxed);
	return held;
}

void xcap_doc_drop(struct xcap_doc **doc)
{
	struct xcap_doc *old = *doc;

	*doc = NULL;
	if (!old || atomic_fetch_sub_explicit(&old->refs, 1, memory_order_acq_rel) != 1)
		return;
	xcap_seg_drop(&old->top->seg);
	free(old);
}

size_t xcap_doc_octets(const struct xcap_doc *doc)
{
	return doc->top->seg.sums.octets;
}

unsigned xcap_doc_nodes(const struct xcap_doc *doc)
{
	return doc->top->seg.sums.nodes;
}

void xcap_doc_spot(const struct xcap_doc *doc, struct xcap_spot *spot_out)
{
	spot_out->doc = doc;
	spot_out->n_levels = 0;
	spot_out->wide = doc->top;
	spot_out->chunk = NULL;
	spot_out->node = XCAP_NONE;
}

/* ---- children within a chunk ---- */

/* Elements PARENT's children (XCAP_NONE: the top ones) of CHUNK, from FIRST on. */
static uint32_t first_kid(const struct xcap_chunk *chunk, uint32_t parent)
{
	uint32_t id = parent == XCAP_NONE ? 0 : parent + 1;

	return id < chunk->ix.n_nodes && chunk->ix.node[id].parent == parent ? id : XCAP_NONE;
}

static uint32_t next_kid(const struct xcap_chunk *chunk, uint32_t id)
{
	uint32_t next = chunk->ix.node[id].next;

	if (next < chunk->ix.n_nodes && chunk->ix.node[next].parent == chunk->ix.node[id].parent)
		return next;
	return XCAP_NONE;
}

/* The chunk's number for NAME; XCAP_NONE when nothing in it has that name. */
static uint32_t name_id(const struct xcap_chunk *chunk, const struct xcap_index_name *name)
{
	for (uint32_t i = 0; i < chunk->ix.n_names; i++)
		if (chunk->ix.names[i].hash == name->hash &&
		    xcap_name_eq(&chunk->ix.names[i].name, &name->name))
			return i;
	return XCAP_NONE;
}

/* The Nth child with NAME; *N becomes less by those passed over. XCAP_NONE: there are fewer. */
static uint32_t nth_in_chunk(const struct xcap_chunk *chunk, uint32_t parent,
			     const struct xcap_index_name *name, unsigned *n)
{
	uint32_t want = name ? name_id(chunk, name) : 0;

	if (name && want == XCAP_NONE)
		return XCAP_NONE;
	for (uint32_t id = first_kid(chunk, parent); id != XCAP_NONE; id = next_kid(chunk, id))
		if ((!name || chunk->ix.node[id].name == want) && --*n == 0)
			return id;
	return XCAP_NONE;
}

static int node_attr(const struct xcap_chunk *chunk, uint32_t node, const struct xcap_name *name,
		     struct strv *raw_out)
{
	const struct xcap_node *at = &chunk->ix.node[node];

	for (unsigned i = 0; i < at->n_attrs; i++) {
		const struct xcap_attr *attr = &chunk->ix.attr[at->attr + i];

		if (attr->name != XCAP_NONE &&
		    xcap_name_eq(&chunk->ix.names[attr->name].name, name)) {
			*raw_out = xcap_attr_raw(chunk->text, attr);
			return 1;
		}
	}
	return 0;
}

static int has_value(const struct xcap_chunk *chunk, uint32_t node, const struct xcap_name *attr,
		     struct strv value)
{
	struct strv raw;

	return node_attr(chunk, node, attr, &raw) && xcap_attvalue_eq(raw, value);
}

/* ---- children anywhere ---- */

static const struct xcap_wide *kid_wide(const struct xcap_seg *seg)
{
	return seg->is_wide ? (const struct xcap_wide *)seg : NULL;
}

static const struct xcap_chunk *kid_chunk(const struct xcap_seg *seg)
{
	return seg->is_wide ? ((const struct xcap_wide *)seg)->tag : (const struct xcap_chunk *)seg;
}

/* The spot of NODE in kid KID of shelf SHELF of PARENT, which is wide. */
static void enter(const struct xcap_spot *parent, unsigned shelf, unsigned kid, uint32_t node,
		  struct xcap_spot *out)
{
	const struct xcap_seg *seg = parent->wide->shelf[shelf]->kid[kid];
	struct xcap_level level = { parent->wide, shelf, kid };

	if (out != parent) {
		out->doc = parent->doc;
		out->n_levels = parent->n_levels;
		memcpy(out->level, parent->level, parent->n_levels * sizeof(level));
	}
	out->level[out->n_levels++] = level;
	out->wide = kid_wide(seg);
	out->chunk = kid_chunk(seg);
	out->node = node;
}

/* The spot of NODE in the chunk that PARENT stands in. */
static void beside(const struct xcap_spot *parent, uint32_t node, struct xcap_spot *out)
{
	if (out != parent) {
		out->doc = parent->doc;
		out->n_levels = parent->n_levels;
		memcpy(out->level, parent->level, parent->n_levels * sizeof(parent->level[0]));
	}
	out->wide = NULL;
	out->chunk = parent->chunk;
	out->node = node;
}

static int64_t count_seg(const struct xcap_seg *seg, const struct xcap_index_name *name)
{
	int64_t n = xcap_sums_count(&seg->sums, name);
	uint32_t want;

	if (n >= 0)
		return n;
	n = 0; /* a chunk with very many names: its elements are counted one by one */
	want = name_id(kid_chunk(seg), name);
	for (uint32_t id = first_kid(kid_chunk(seg), XCAP_NONE); id != XCAP_NONE;
	     id = next_kid(kid_chunk(seg), id))
		n += kid_chunk(seg)->ix.node[id].name == want;
	return n;
}

static int64_t count_shelf(const struct xcap_shelf *shelf, const struct xcap_index_name *name)
{
	int64_t n = xcap_sums_count(&shelf->sums, name);

	if (n >= 0)
		return n;
	n = 0;
	for (unsigned k = 0; k < shelf->n; k++)
		n += count_seg(shelf->kid[k], name);
	return n;
}

static const struct xcap_index_name *hashed(const struct xcap_name *name,
					    struct xcap_index_name *to)
{
	if (!name)
		return NULL;
	to->name = *name;
	to->hash = xcap_name_hash(name);
	return to;
}

unsigned xcap_child_count(const struct xcap_spot *parent, const struct xcap_name *name)
{
	struct xcap_index_name space;
	const struct xcap_index_name *key = hashed(name, &space);
	unsigned n = 0;

	if (!parent->wide) {
		unsigned left = UINT32_MAX;

		nth_in_chunk(parent->chunk, parent->node, key, &left);
		return UINT32_MAX - left;
	}
	for (unsigned s = 0; s < parent->wide->n; s++)
		n += (unsigned)count_shelf(parent->wide->shelf[s], key);
	return n;
}

static int nth_in_shelf(const struct xcap_spot *parent, unsigned s,
			const struct xcap_index_name *key, unsigned n, struct xcap_spot *out)
{
	const struct xcap_shelf *shelf = parent->wide->shelf[s];

	for (unsigned k = 0; k < shelf->n; k++) {
		unsigned here = (unsigned)count_seg(shelf->kid[k], key);

		if (n > here) {
			n -= here;
			continue;
		}
		enter(parent, s, k,
		      shelf->kid[k]->is_wide
			      ? 0
			      : nth_in_chunk(kid_chunk(shelf->kid[k]), XCAP_NONE, key, &n),
		      out);
		return 1;
	}
	return 0;
}

int xcap_child_nth(const struct xcap_spot *parent, const struct xcap_name *name, unsigned n,
		   struct xcap_spot *spot_out)
{
	struct xcap_index_name space;
	const struct xcap_index_name *key = hashed(name, &space);

	if (!n)
		return 0;
	if (!parent->wide) {
		uint32_t id = nth_in_chunk(parent->chunk, parent->node, key, &n);

		if (id == XCAP_NONE)
			return 0;
		beside(parent, id, spot_out);
		return 1;
	}
	for (unsigned s = 0; s < parent->wide->n; s++) {
		unsigned here = (unsigned)count_shelf(parent->wide->shelf[s], key);

		if (n <= here)
			return nth_in_shelf(parent, s, key, n, spot_out);
		n -= here;
	}
	return 0;
}

struct attr_query {
	const struct xcap_index_name *name; /* NULL: any */
	const struct xcap_name *attr;
	struct strv value;
	int found; /* so far: 0, 1, 2 */
};

/* The first match among the children of PARENT in CHUNK; Q->found counts up to 2. */
static uint32_t attr_in_chunk(const struct xcap_chunk *chunk, uint32_t parent, struct attr_query *q)
{
	uint32_t want = q->name ? name_id(chunk, q->name) : 0, first = XCAP_NONE;

	if (q->name && want == XCAP_NONE)
		return XCAP_NONE;
	for (uint32_t id = first_kid(chunk, parent); id != XCAP_NONE; id = next_kid(chunk, id)) {
		if ((q->name && chunk->ix.node[id].name != want) ||
		    !has_value(chunk, id, q->attr, q->value))
			continue;
		if (first == XCAP_NONE)
			first = id;
		if (++q->found == 2)
			break;
	}
	return first;
}

static void attr_in_shelf(const struct xcap_spot *parent, unsigned s, uint64_t candidates,
			  struct attr_query *q, struct xcap_spot *out)
{
	const struct xcap_shelf *shelf = parent->wide->shelf[s];

	for (; candidates && q->found < 2; candidates &= candidates - 1) {
		unsigned k = (unsigned)__builtin_ctzll(candidates);
		int before = q->found;
		uint32_t id = attr_in_chunk(kid_chunk(shelf->kid[k]), XCAP_NONE, q);

		if (!before && q->found)
			enter(parent, s, k, id, out);
	}
}

int xcap_child_attr(const struct xcap_spot *parent, const struct xcap_name *name,
		    const struct xcap_name *attr, struct strv value, struct xcap_spot *spot_out)
{
	struct xcap_index_name space;
	struct attr_query q = { hashed(name, &space), attr, value, 0 };
	int address = xcap_is_address(attr);
	uint32_t key;
	struct xcap_spot first;

	if (!parent->wide) {
		uint32_t id = attr_in_chunk(parent->chunk, parent->node, &q);

		if (q.found)
			beside(parent, id, spot_out);
		return q.found;
	}
	key = address ? xcap_address_key(attr->local, xcap_hash(XCAP_HASH_START, value)) : 0;
	for (unsigned s = 0; s < parent->wide->n && q.found < 2; s++) {
		const struct xcap_shelf *shelf = parent->wide->shelf[s];
		uint64_t all = shelf->n == XCAP_SHELF_KIDS ? ~0ULL : (1ULL << shelf->n) - 1;

		if (q.name && count_shelf(shelf, q.name) == 0)
			continue;
		attr_in_shelf(parent, s, address ? xcap_shelf_candidates(shelf, key) : all, &q,
			      &first);
	}
	if (q.found)
		*spot_out = first;
	return q.found;
}

int xcap_child_step(const struct xcap_spot *parent, const struct xcap_step *step,
		    struct xcap_spot *spot_out)
{
	const struct xcap_name *name = step->any ? NULL : &step->name;
	struct xcap_spot found;
	unsigned n;

	if (step->pos == XCAP_POS_NONE && step->has_attr)
		return xcap_child_attr(parent, name, &step->attr, step->value, spot_out);
	if (step->pos != XCAP_POS_NONE) {
		if (!xcap_child_nth(parent, name, step->pos, &found) ||
		    (step->has_attr &&
		     !has_value(found.chunk, found.node, &step->attr, step->value)))
			return 0;
		*spot_out = found;
		return 1;
	}
	n = xcap_child_count(parent, name);
	if (n)
		xcap_child_nth(parent, name, 1, spot_out);
	return n > 2 ? 2 : (int)n;
}

unsigned xcap_doc_follow(const struct xcap_doc *doc, const struct xcap_sel *sel, unsigned n_steps,
			 struct xcap_spot *spot_out, int *matches_out)
{
	struct xcap_spot next;

	xcap_doc_spot(doc, spot_out);
	*matches_out = 1;
	for (unsigned i = 0; i < n_steps; i++) {
		*matches_out = xcap_child_step(spot_out, &sel->step[i], &next);
		if (*matches_out != 1)
			return i;
		*spot_out = next;
	}
	return n_steps;
}

int xcap_doc_find(const struct xcap_doc *doc, const struct xcap_sel *sel,
		  struct xcap_spot *spot_out)
{
	int matches;

	return xcap_doc_follow(doc, sel, sel->n_steps, spot_out, &matches) == sel->n_steps;
}

/* ---- about one element ---- */

int xcap_spot_parent(const struct xcap_spot *spot, struct xcap_spot *parent_out)
{
	const struct xcap_wide *list;

	if (!spot->wide && spot->chunk->ix.node[spot->node].parent != XCAP_NONE) {
		beside(spot, spot->chunk->ix.node[spot->node].parent, parent_out);
		return 1;
	}
	if (spot->n_levels == 0)
		return 0;
	list = spot->level[spot->n_levels - 1].wide;
	if (parent_out != spot)
		*parent_out = *spot;
	parent_out->n_levels--;
	parent_out->wide = list;
	parent_out->chunk = list->tag;
	parent_out->node = list->tag ? 0 : XCAP_NONE;
	return parent_out->n_levels > 0;
}

int xcap_spot_same(const struct xcap_spot *a, const struct xcap_spot *b)
{
	if (a->n_levels != b->n_levels || a->chunk != b->chunk || a->node != b->node)
		return 0;
	/* One chunk can stand in several places: only the path tells them apart. */
	for (unsigned i = 0; i < a->n_levels; i++)
		if (a->level[i].shelf != b->level[i].shelf || a->level[i].kid != b->level[i].kid)
			return 0;
	return 1;
}

unsigned xcap_spot_position(const struct xcap_spot *spot)
{
	const struct xcap_level *level = &spot->level[spot->n_levels - 1];
	uint32_t parent = spot->wide ? XCAP_NONE : spot->chunk->ix.node[spot->node].parent;
	unsigned n = 1;

	if (!spot->wide)
		for (uint32_t id = first_kid(spot->chunk, parent); id != spot->node;
		     id = next_kid(spot->chunk, id))
			n++;
	if (parent != XCAP_NONE)
		return n;
	for (unsigned s = 0; s < level->shelf; s++)
		n += level->wide->shelf[s]->sums.elements;
	for (unsigned k = 0; k < level->kid; k++)
		n += level->wide->shelf[level->shelf]->kid[k]->sums.elements;
	return n;
}

int xcap_spot_sibling(const struct xcap_spot *spot, int step, struct xcap_spot *sibling_out)
{
	unsigned position = xcap_spot_position(spot);
	struct xcap_spot parent;

	xcap_spot_parent(spot, &parent);
	return xcap_child_nth(&parent, NULL, step < 0 ? position - 1 : position + 1, sibling_out);
}

const struct xcap_name *xcap_spot_name(const struct xcap_spot *spot)
{
	return &spot->chunk->ix.names[spot->chunk->ix.node[spot->node].name].name;
}

struct strv xcap_spot_qname(const struct xcap_spot *spot)
{
	const struct xcap_node *node = &spot->chunk->ix.node[spot->node];

	return strv_mem(spot->chunk->text.p + node->start + 1, node->name_n);
}

size_t xcap_spot_offset(const struct xcap_spot *spot)
{
	size_t at = spot->wide || !spot->chunk ? 0 : spot->chunk->ix.node[spot->node].start;

	for (unsigned i = 0; i < spot->n_levels; i++) {
		const struct xcap_level *level = &spot->level[i];

		if (level->wide->tag)
			at += level->wide->tag->ix.node[0].tag_end;
		for (unsigned s = 0; s < level->shelf; s++)
			at += level->wide->shelf[s]->sums.octets;
		for (unsigned k = 0; k < level->kid; k++)
			at += level->wide->shelf[level->shelf]->kid[k]->sums.octets;
	}
	return at;
}

/* The kid of SPOT's list in which octet *OFFSET of its content lies; it becomes relative to that.
 */
static int enter_at(struct xcap_spot *spot, size_t *offset)
{
	for (unsigned s = 0; s < spot->wide->n; s++) {
		const struct xcap_shelf *shelf = spot->wide->shelf[s];

		if (*offset >= shelf->sums.octets) {
			*offset -= shelf->sums.octets;
			continue;
		}
		for (unsigned k = 0; k < shelf->n; k++) {
			if (*offset < shelf->kid[k]->sums.octets) {
				enter(spot, s, k, 0, spot);
				return 1;
			}
			*offset -= shelf->kid[k]->sums.octets;
		}
	}
	return 0;
}

int xcap_doc_spot_at(const struct xcap_doc *doc, size_t offset, struct xcap_spot *spot_out)
{
	xcap_doc_spot(doc, spot_out);
	while (spot_out->wide) {
		uint32_t head = spot_out->chunk ? spot_out->chunk->ix.node[0].tag_end : 0;

		if (spot_out->chunk && offset == 0)
			return 1;
		if (offset < head)
			return 0;
		offset -= head;
		if (!enter_at(spot_out, &offset))
			return 0;
	}
	for (uint32_t id = 0; id < spot_out->chunk->ix.n_nodes; id++)
		if (spot_out->chunk->ix.node[id].start == offset) {
			spot_out->node = id;
			return 1;
		}
	return 0;
}

static struct strv part(struct strv s, uint32_t from, uint32_t to)
{
	return strv_mem(s.p + from, to - from);
}

static int wide_text(const struct xcap_wide *wide, int (*fn)(void *arg, struct strv piece),
		     void *arg)
{
	const struct xcap_chunk *tag = wide->tag;
	int rc = tag ? fn(arg, part(tag->text, 0, tag->ix.node[0].tag_end)) : 0;

	for (unsigned s = 0; s < wide->n; s++)
		for (unsigned k = 0; rc == 0 && k < wide->shelf[s]->n; k++) {
			const struct xcap_seg *kid = wide->shelf[s]->kid[k];

			rc = kid->is_wide ? wide_text(kid_wide(kid), fn, arg)
					  : fn(arg, kid_chunk(kid)->text);
		}
	if (rc == 0 && tag)
		rc = fn(arg, part(tag->text, tag->ix.node[0].close, (uint32_t)tag->text.n));
	return rc;
}

int xcap_spot_text(const struct xcap_spot *spot, int (*fn)(void *arg, struct strv piece), void *arg)
{
	const struct xcap_node *node;

	if (spot->wide)
		return wide_text(spot->wide, fn, arg);
	node = &spot->chunk->ix.node[spot->node];
	return fn(arg, part(spot->chunk->text, node->start, node->end));
}

size_t xcap_spot_octets(const struct xcap_spot *spot)
{
	const struct xcap_node *node;

	if (spot->wide)
		return spot->wide->seg.sums.octets;
	node = &spot->chunk->ix.node[spot->node];
	return node->end - node->start;
}

static int append_piece(void *arg, struct strv piece)
{
	struct strv *to = arg;

	memcpy((char *)to->p + to->n, piece.p, piece.n);
	to->n += piece.n;
	return 0;
}

static int only_piece(void *arg, struct strv piece)
{
	*(struct strv *)arg = piece;
	return 1;
}

struct strv xcap_spot_slice(const struct xcap_spot *spot, struct arena *arena)
{
	size_t n = xcap_spot_octets(spot);
	struct strv all = { NULL, 0 };

	xcap_spot_text(spot, only_piece, &all);
	if (all.n == n)
		return all;
	all = strv_mem(arena_alloc(arena, n), 0);
	if (all.p)
		xcap_spot_text(spot, append_piece, &all);
	return all;
}

int xcap_spot_attr(const struct xcap_spot *spot, const struct xcap_name *name, struct strv *raw_out)
{
	return spot->chunk ? node_attr(spot->chunk, spot->node, name, raw_out) : 0;
}

/* ---- namespaces ---- */

int xcap_tag_ns(const struct xcap_chunk *chunk, uint32_t node, const struct xcap_ns *ns,
		const struct xcap_ns **ns_out)
{
	const struct xcap_node *at = &chunk->ix.node[node];
	struct xcap_binding decl[XCAP_ATTRS_MAX];
	struct arena *arena = NULL;
	unsigned n = 0;
	int rc;

	for (unsigned i = 0; i < at->n_attrs; i++) {
		const struct xcap_attr *attr = &chunk->ix.attr[at->attr + i];

		if (attr->name != XCAP_NONE)
			continue;
		if (!arena && !xcap_attvalue_plain(xcap_attr_raw(chunk->text, attr)) &&
		    !(arena = arena_new(0)))
			return -1;
		if (xcap_scan_declaration(chunk->text, attr, arena, &decl[n++]) < 0) {
			arena_free(&arena);
			return -1;
		}
	}
	rc = xcap_ns_extend(ns, decl, n, ns_out);
	arena_free(&arena);
	return rc;
}

static int extend(const struct xcap_chunk *chunk, uint32_t node, const struct xcap_ns **ns)
{
	const struct xcap_ns *more;
	int rc = xcap_tag_ns(chunk, node, *ns, &more);

	xcap_ns_drop(ns);
	*ns = rc < 0 ? NULL : more;
	return rc;
}

int xcap_level_ns(const struct xcap_spot *spot, unsigned n_levels, const struct xcap_ns **ns_out)
{
	*ns_out = NULL;
	for (unsigned i = 0; i < n_levels; i++)
		if (spot->level[i].wide->tag && extend(spot->level[i].wide->tag, 0, ns_out) < 0)
			return -1;
	return 0;
}

int xcap_spot_ns(const struct xcap_spot *spot, const struct xcap_ns **ns_out)
{
	uint32_t path[XCAP_DEPTH_MAX];
	unsigned n = 0;

	if (xcap_level_ns(spot, spot->n_levels, ns_out) < 0)
		return -1;
	if (!spot->chunk)
		return 0;
	for (uint32_t id = spot->node; id != XCAP_NONE; id = spot->chunk->ix.node[id].parent)
		path[n++] = id;
	while (n-- > 0)
		if (extend(spot->chunk, path[n], ns_out) < 0)
			return -1;
	return 0;
}

struct strv xcap_spot_ns_body(const struct xcap_spot *spot, struct arena *arena)
{
	struct xcap_print print = { .arena = arena };
	const struct xcap_ns *ns;

	if (xcap_spot_ns(spot, &ns) < 0)
		return strv_mem(NULL, 0);
	xcap_print_str(&print, "<");
	xcap_print(&print, xcap_spot_qname(spot));
	for (unsigned i = 0; i < xcap_ns_count(ns); i++) {
		const struct xcap_binding *b = xcap_ns_at(ns, i);

		xcap_print_str(&print, b->prefix.n ? " xmlns:" : " xmlns");
		xcap_print(&print, b->prefix);
		xcap_print_str(&print, "=\"");
		xcap_print_xml(&print, b->uri);
		xcap_print_str(&print, "\"");
	}
	xcap_print_str(&print, "/>");
	xcap_ns_drop(&ns);
	return xcap_print_end(&print);
}

/* ---- canonical paths ---- */

/* The prefix for NS in the path being printed: "n1", "n2" ... in order of first use. */
static unsigned prefix_of(struct strv *used, unsigned *n, struct strv ns)
{
	unsigned i;

	for (i = 0; i < *n; i++)
		if (strv_eq(used[i], ns))
			return i + 1;
	used[(*n)++] = ns;
	return *n;
}

static void print_name(struct xcap_print *print, const struct xcap_name *name, struct strv without,
		       struct strv *used, unsigned *n_used)
{
	if (!strv_eq(name->ns, without)) {
		xcap_print_str(print, "n");
		xcap_print_num(print, prefix_of(used, n_used, name->ns));
		xcap_print_str(print, ":");
	}
	xcap_print_percent(print, name->local);
}

static unsigned position_by_name(const struct xcap_spot *parent, const struct xcap_spot *spot)
{
	const struct xcap_name *name = xcap_spot_name(spot);
	unsigned low = 1, high = xcap_child_count(parent, name);
	size_t at = xcap_spot_offset(spot);
	struct xcap_spot other;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (!xcap_child_nth(parent, name, middle, &other))
			break;
		if (xcap_spot_offset(&other) < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct strv xcap_spot_print(const struct xcap_spot *spot, struct strv default_ns,
			    const struct xcap_name *attr, struct arena *arena)
{
	struct xcap_print print = { .arena = arena };
	struct xcap_spot *path = arena_alloc(arena, (XCAP_DEPTH_MAX + 1) * sizeof(*path));
	struct strv used[XCAP_DEPTH_MAX + 2];
	unsigned n = 0, n_used = 0;

	if (!path)
		return strv_mem(NULL, 0);
	path[n++] = *spot;
	while (n <= XCAP_DEPTH_MAX && xcap_spot_parent(&path[n - 1], &path[n]))
		n++;
	for (unsigned i = n; i-- > 0;) {
		print_name(&print, xcap_spot_name(&path[i]), default_ns, used, &n_used);
		if (i + 1 < n) {
			xcap_print_str(&print, "%5B");
			xcap_print_num(&print, position_by_name(&path[i + 1], &path[i]));
			xcap_print_str(&print, "%5D");
		}
		xcap_print_str(&print, i ? "/" : "");
	}
	if (attr) {
		xcap_print_str(&print, "/@");
		print_name(&print, attr, strv_mem(NULL, 0), used, &n_used);
	}
	for (unsigned i = 0; i < n_used; i++) {
		char text[16];
		struct xcap_binding b = { strv_mem(text, 0), used[i] };

		b.prefix.n = (size_t)snprintf(text, sizeof(text), "n%u", i + 1);
		xcap_print_str(&print, i ? "" : "?");
		xcap_print_xmlns(&print, &b);
	}
	return xcap_print_end(&print);
}
