/* SPDX-License-Identifier: Apache-2.0 */
/* xdms/xcap_delta.c - see xcap_delta.h */
#include "xdms/xcap_delta.h"

#include "xdms/xcap_doc_priv.h"

enum { PIECES_FIRST = 32, BLOCK = 64 };

/* The text of what the two versions do not share, piece by piece. */
struct pieces {
	struct strv *piece;
	unsigned n, cap;
	size_t octets;
	struct arena *arena;
	int failed;
};

static int add_piece(void *arg, struct strv piece)
{
	struct pieces *p = arg;

	if (p->n == p->cap) {
		unsigned cap = p->cap ? p->cap * 2 : PIECES_FIRST;
		struct strv *more = arena_alloc(p->arena, cap * sizeof(*more));

		if (!more) {
			p->failed = 1;
			return -1;
		}
		if (p->n)
			memcpy(more, p->piece, p->n * sizeof(*more));
		p->piece = more;
		p->cap = cap;
	}
	p->piece[p->n++] = piece;
	p->octets += piece.n;
	return 0;
}

static void add_seg(struct pieces *p, const struct xcap_seg *seg)
{
	struct xcap_spot spot = { .wide = xcap_seg_wide(seg) };

	if (spot.wide)
		xcap_spot_text(&spot, add_piece, p);
	else
		add_piece(p, xcap_seg_chunk(seg)->text);
}

/* Kids in a row, over the borders of shelves. */
struct row {
	const struct xcap_wide *wide;
	unsigned shelf, kid;	     /* the first */
	unsigned end_shelf, end_kid; /* behind the last */
};

static int row_is_empty(const struct row *row)
{
	return row->shelf == row->end_shelf && row->kid == row->end_kid;
}

static const struct xcap_seg *row_first(const struct row *row)
{
	return row->wide->shelf[row->shelf]->kid[row->kid];
}

static void row_step(struct row *row)
{
	if (++row->kid == row->wide->shelf[row->shelf]->n) {
		row->shelf++;
		row->kid = 0;
	}
}

static const struct xcap_seg *row_last(const struct row *row)
{
	if (row->end_kid)
		return row->wide->shelf[row->end_shelf]->kid[row->end_kid - 1];
	return row->wide->shelf[row->end_shelf - 1]
		->kid[row->wide->shelf[row->end_shelf - 1]->n - 1];
}

static void row_step_back(struct row *row)
{
	if (!row->end_kid)
		row->end_kid = row->wide->shelf[--row->end_shelf]->n;
	row->end_kid--;
}

static int row_is_one(const struct row *row)
{
	struct row rest = *row;

	if (row_is_empty(row))
		return 0;
	row_step(&rest);
	return row_is_empty(&rest);
}

/* The kids of WAS and NOW without the shelves that both have at their ends. AT grows by what stands
 * before. */
static void pass_shelves(const struct xcap_wide *was, const struct xcap_wide *now, struct row *a,
			 struct row *b, size_t *at)
{
	unsigned head = 0, tail = 0;

	while (head < was->n && head < now->n && was->shelf[head] == now->shelf[head])
		*at += was->shelf[head++]->sums.octets;
	while (tail < was->n - head && tail < now->n - head &&
	       was->shelf[was->n - 1 - tail] == now->shelf[now->n - 1 - tail])
		tail++;
	*a = (struct row){ was, head, 0, was->n - tail, 0 };
	*b = (struct row){ now, head, 0, now->n - tail, 0 };
}

/* Gather what differs between WAS and NOW. Returns the octets before it. */
static size_t gather(const struct xcap_wide *was, const struct xcap_wide *now, struct pieces *old,
		     struct pieces *new)
{
	struct row a, b;
	size_t at = 0;

	for (;;) {
		pass_shelves(was, now, &a, &b, &at);
		while (!row_is_empty(&a) && !row_is_empty(&b) && row_first(&a) == row_first(&b)) {
			at += row_first(&a)->sums.octets;
			row_step(&a);
			row_step(&b);
		}
		while (!row_is_empty(&a) && !row_is_empty(&b) && row_last(&a) == row_last(&b)) {
			row_step_back(&a);
			row_step_back(&b);
		}
		if (!row_is_one(&a) || !row_is_one(&b) || !row_first(&a)->is_wide ||
		    !row_first(&b)->is_wide)
			break;
		was = xcap_seg_wide(row_first(&a));
		now = xcap_seg_wide(row_first(&b));
		if (was->tag != now->tag)
			break;
		at += was->tag->ix.node[0].tag_end;
	}
	for (; !row_is_empty(&a); row_step(&a))
		add_seg(old, row_first(&a));
	for (; !row_is_empty(&b); row_step(&b))
		add_seg(new, row_first(&b));
	return at;
}

/* How many octets at the beginning are the same. */
static size_t common_head(struct strv a, struct strv b)
{
	size_t n = a.n < b.n ? a.n : b.n, i = 0;

	if (a.p == b.p)
		return n;
	while (i + BLOCK <= n && memcmp(a.p + i, b.p + i, BLOCK) == 0)
		i += BLOCK;
	while (i < n && a.p[i] == b.p[i])
		i++;
	return i;
}

static size_t common_tail(struct strv a, struct strv b)
{
	size_t n = a.n < b.n ? a.n : b.n, i = 0;

	if (a.p + a.n == b.p + b.n)
		return n;
	while (i + BLOCK <= n && memcmp(a.p + a.n - i - BLOCK, b.p + b.n - i - BLOCK, BLOCK) == 0)
		i += BLOCK;
	while (i < n && a.p[a.n - 1 - i] == b.p[b.n - 1 - i])
		i++;
	return i;
}

static size_t same_head(const struct pieces *a, const struct pieces *b)
{
	struct strv x = { NULL, 0 }, y = { NULL, 0 };
	unsigned i = 0, k = 0;
	size_t total = 0, n;

	for (;;) {
		if (!x.n && i < a->n)
			x = a->piece[i++];
		if (!y.n && k < b->n)
			y = b->piece[k++];
		if (!x.n || !y.n)
			return total;
		n = common_head(x, y);
		total += n;
		if (n < x.n && n < y.n)
			return total;
		x = strv_mem(x.p + n, x.n - n);
		y = strv_mem(y.p + n, y.n - n);
	}
}

static size_t same_tail(const struct pieces *a, const struct pieces *b, size_t max)
{
	struct strv x = { NULL, 0 }, y = { NULL, 0 };
	unsigned i = a->n, k = b->n;
	size_t total = 0, n;

	while (total < max) {
		if (!x.n && i > 0)
			x = a->piece[--i];
		if (!y.n && k > 0)
			y = b->piece[--k];
		if (!x.n || !y.n)
			break;
		n = common_tail(x, y);
		total += n;
		if (n < x.n && n < y.n)
			break;
		x.n -= n;
		y.n -= n;
	}
	return total < max ? total : max;
}

/* Octets FROM to FROM + N of the pieces, as one. */
static struct strv copy_of(const struct pieces *p, size_t from, size_t n, struct arena *arena)
{
	char *to = arena_alloc(arena, n + 1);
	size_t done = 0;

	for (unsigned i = 0; to && i < p->n && done < n; i++) {
		struct strv piece = p->piece[i];
		size_t skip = from < piece.n ? from : piece.n, take;

		from -= skip;
		take = piece.n - skip < n - done ? piece.n - skip : n - done;
		memcpy(to + done, piece.p + skip, take);
		done += take;
	}
	return strv_mem(to, n);
}

/* ---- places ---- */

struct span {
	uint64_t from, to;
};

static struct span span_of(const struct xcap_spot *spot, int tag_only)
{
	const struct xcap_node *node = &spot->chunk->ix.node[spot->node];
	uint64_t from = xcap_spot_offset(spot);

	return (struct span){ from, from + (tag_only ? node->tag_end - node->start
						     : xcap_spot_octets(spot)) };
}

/* PLACE lies in the version of which octets AT to AT + N differ. */
static void take_in(struct xcap_delta *d, struct span place, uint64_t n)
{
	if (place.from < d->at - d->lead)
		d->lead = d->at - place.from;
	if (place.to > d->at + n + d->trail)
		d->trail = place.to - d->at - n;
}

/* An attribute's operation names it ("/@"), or adds it by its type. */
static int is_attr_edit(const struct xcap_edit *edit)
{
	const struct xcap_op *op = &edit->patch.op[edit->patch.n - 1];

	return op->type.n || memchr(op->sel.p, '@', op->sel.n) != NULL;
}

/* Where the neighbours begin or end alike, octets that came or went can be told in several ways
 * ("<b/>" or "b/><" before "</a>"). Tell it by the element, when it is just that. */
static int align(struct xcap_delta *d, const struct xcap_edit *edit, int is_attr,
		 struct arena *arena)
{
	const struct xcap_op *op = &edit->patch.op[0];
	struct strv slice;

	if (!d->removed.n && !d->inserted_n) {
		d->at = xcap_spot_offset(&edit->spot);
	} else if (!is_attr && op->kind == XCAP_OP_ADD && !d->removed.n &&
		   d->inserted_n == xcap_spot_octets(&edit->spot)) {
		d->at = xcap_spot_offset(&edit->spot);
	} else if (!is_attr && op->kind == XCAP_OP_REMOVE && !d->inserted_n &&
		   d->removed.n == xcap_spot_octets(&edit->old)) {
		slice = xcap_spot_slice(&edit->old, arena);
		if (!slice.n)
			return -1;
		d->at = xcap_spot_offset(&edit->old);
		d->removed = slice;
	}
	return 0;
}

int xcap_delta_find(const struct xcap_doc *old_doc, const struct xcap_doc *new_doc,
		    const struct xcap_edit *edit, struct arena *arena, struct xcap_delta *delta_out)
{
	struct pieces old = { .arena = arena }, new = { .arena = arena };
	size_t at = 0, head, tail, most;
	int is_attr = edit && is_attr_edit(edit);

	if (old_doc && new_doc)
		at = gather(old_doc->top, new_doc->top, &old, &new);
	else
		add_seg(old_doc ? &old : &new, old_doc ? &old_doc->top->seg : &new_doc->top->seg);
	head = same_head(&old, &new);
	most = old.octets < new.octets ? old.octets : new.octets;
	tail = same_tail(&old, &new, most - head);
	*delta_out = (struct xcap_delta){ .at = at + head,
					  .inserted_n = new.octets - head - tail,
					  .removed = copy_of(&old, head, old.octets - head - tail,
							     arena) };
	if (old.failed || new.failed || !delta_out->removed.p)
		return -1;
	if (!edit) {
		delta_out->lead = delta_out->at;
		delta_out->trail = (old_doc ? xcap_doc_octets(old_doc) : 0) - delta_out->at -
				   delta_out->removed.n;
		return 0;
	}
	if (align(delta_out, edit, is_attr, arena) < 0)
		return -1;
	if (edit->has_old)
		take_in(delta_out, span_of(&edit->old, is_attr), delta_out->removed.n);
	if (!edit->has_old || edit->patch.op[0].kind == XCAP_OP_REPLACE)
		take_in(delta_out, span_of(&edit->spot, is_attr), delta_out->inserted_n);
	return 0;
}

int xcap_delta_pass(struct xcap_delta *earlier, const struct xcap_delta *later)
{
	uint64_t from = earlier->at - earlier->lead;
	uint64_t to = earlier->at + earlier->inserted_n + earlier->trail;
	uint64_t other = later->at - later->lead;
	uint64_t other_to = later->at + later->removed.n + later->trail;

	/* Two that are side by side do not touch. Of two mere points in one place nobody knows
	 * which was meant to come first. */
	if ((from < other_to && other < to) || (from == to && other == from && other_to == from))
		return 0;
	if (other >= to)
		return 1;
	earlier->at += later->inserted_n;
	earlier->at -= later->removed.n;
	return 1;
}
