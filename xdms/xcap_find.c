/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_find.c - looking up elements of a document
 *
 * Every look-up is one of three questions about the children of an element (how many by name, the
 * nth by name, the one with an attribute), asked first of the shelves' sums and signatures, then of
 * one chunk.
 */
#include "xdms/xcap_doc_priv.h"

void xcap_doc_spot(const struct xcap_doc *doc, struct xcap_spot *spot_out)
{
	spot_out->doc = doc;
	spot_out->n_levels = 0;
	spot_out->wide = doc->top;
	spot_out->chunk = NULL;
	spot_out->node = XCAP_NONE;
}

/* ---- children within a chunk ---- */

/* The first of PARENT's children (XCAP_NONE: of the top elements) in CHUNK, and the one behind. */
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
	out->wide = xcap_seg_wide(seg);
	out->chunk = xcap_seg_chunk(seg);
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
	want = name_id(xcap_seg_chunk(seg), name);
	for (uint32_t id = first_kid(xcap_seg_chunk(seg), XCAP_NONE); id != XCAP_NONE;
	     id = next_kid(xcap_seg_chunk(seg), id))
		n += xcap_seg_chunk(seg)->ix.node[id].name == want;
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
			      : nth_in_chunk(xcap_seg_chunk(shelf->kid[k]), XCAP_NONE, key, &n),
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
		uint32_t id = attr_in_chunk(xcap_seg_chunk(shelf->kid[k]), XCAP_NONE, q);

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

/* ---- around one element ---- */

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

int xcap_spot_attr(const struct xcap_spot *spot, const struct xcap_name *name, struct strv *raw_out)
{
	return spot->chunk ? node_attr(spot->chunk, spot->node, name, raw_out) : 0;
}
