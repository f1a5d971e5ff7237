/* SPDX-License-Identifier: Apache-2.0 */
/* tests/xdms/doc_check.c - see doc_check.h */
#include "tests/xdms/doc_check.h"

#include <stdio.h>
#include <stdlib.h>

#include "xdms/xcap_doc_priv.h"

static void check(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "document tree: %s\n", what);
	abort();
}

static int append(void *arg, struct strv piece)
{
	struct strv *to = arg;

	memcpy((char *)to->p + to->n, piece.p, piece.n);
	to->n += piece.n;
	return 0;
}

char *doc_text(const struct xcap_doc *doc, size_t *n_out)
{
	char *p = malloc(xcap_doc_octets(doc) + 1);
	struct strv all = { p, 0 };
	struct xcap_spot spot;

	xcap_doc_spot(doc, &spot);
	xcap_spot_text(&spot, append, &all);
	check(all.n == xcap_doc_octets(doc), "the octets do not add up");
	p[all.n] = 0;
	if (n_out)
		*n_out = all.n;
	return p;
}

static void same_index(const struct xcap_chunk *chunk, const struct xcap_index *ix)
{
	check(ix->n_nodes == chunk->ix.n_nodes && ix->n_attrs == chunk->ix.n_attrs,
	      "an index with other nodes than its text");
	for (uint32_t i = 0; i < ix->n_nodes; i++) {
		const struct xcap_node *a = &ix->node[i], *b = &chunk->ix.node[i];

		check(a->start == b->start && a->tag_end == b->tag_end && a->close == b->close &&
			      a->end == b->end && a->parent == b->parent && a->next == b->next &&
			      a->n_attrs == b->n_attrs && a->attr == b->attr &&
			      a->name_n == b->name_n,
		      "a node with other offsets than its text");
		check(xcap_name_eq(&ix->names[a->name].name, &chunk->ix.names[b->name].name) &&
			      ix->names[a->name].hash == chunk->ix.names[b->name].hash,
		      "a node with another name than in this context");
	}
	for (uint32_t i = 0; i < ix->n_attrs; i++) {
		const struct xcap_attr *a = &ix->attr[i], *b = &chunk->ix.attr[i];

		check(a->at == b->at && a->value_at == b->value_at && a->value_n == b->value_n &&
			      a->name_n == b->name_n &&
			      (a->name == XCAP_NONE) == (b->name == XCAP_NONE),
		      "an attribute with other offsets than its text");
		check(a->name == XCAP_NONE || xcap_name_eq(&ix->names[a->name].name,
							   &chunk->ix.names[b->name].name),
		      "an attribute with another name than in this context");
	}
}

static void check_marks(const struct xcap_chunk *chunk)
{
	for (unsigned i = 0; i < chunk->n_opened; i++) {
		int found = 0;

		check(i == 0 || chunk->opened[i - 1] < chunk->opened[i], "marks out of order");
		for (uint32_t id = 0; id < chunk->ix.n_nodes; id++)
			found |= chunk->ix.node[id].start == chunk->opened[i] &&
				 chunk->ix.node[id].close != chunk->ix.node[id].end;
		check(found, "a mark where no opened element begins");
	}
}

static void check_chunk(const struct xcap_chunk *chunk, const struct xcap_ns *ns, unsigned depth)
{
	struct xcap_limits limits = xcap_limits_default;
	struct xcap_index ix;
	struct err err = { 0 };
	uint32_t top = 0;

	limits.octets = UINT32_MAX - 1;
	limits.nodes = UINT32_MAX;
	if (xcap_scan(chunk->text, chunk->mode, ns, depth, &limits, &ix, &err) < 0)
		check(0, err.text);
	same_index(chunk, &ix);
	xcap_index_fini(&ix);
	check_marks(chunk);
	check(chunk->text.n > 0, "an empty chunk");
	check(chunk->seg.sums.octets == chunk->text.n && chunk->seg.sums.nodes == chunk->ix.n_nodes,
	      "a chunk's sums");
	for (uint32_t id = 0; id < chunk->ix.n_nodes; id = chunk->ix.node[id].next)
		top++;
	check(chunk->seg.sums.elements == top, "a chunk's elements");
	check(top <= 1 || (chunk->ix.n_nodes <= XCAP_CHUNK_NODES_MAX &&
			   chunk->text.n <= XCAP_CHUNK_OCTETS_MAX),
	      "a chunk that should have been cut");
}

static uint32_t count_name(const struct xcap_seg *seg, const struct xcap_index_name *name)
{
	const struct xcap_chunk *chunk = seg->is_wide ? ((const struct xcap_wide *)seg)->tag
						      : (const struct xcap_chunk *)seg;
	uint32_t n = 0;

	for (uint32_t id = 0; id < chunk->ix.n_nodes; id = chunk->ix.node[id].next)
		n += xcap_name_eq(&chunk->ix.names[chunk->ix.node[id].name].name, &name->name);
	return n;
}

static void check_shelf(const struct xcap_shelf *shelf)
{
	uint32_t octets = 0, nodes = 0, elements = 0;

	check(shelf->n > 0 && shelf->n <= XCAP_SHELF_KIDS, "the number of kids on a shelf");
	for (unsigned k = 0; k < shelf->n; k++) {
		octets += shelf->kid[k]->sums.octets;
		nodes += shelf->kid[k]->sums.nodes;
		elements += shelf->kid[k]->sums.elements;
	}
	check(shelf->sums.octets == octets && shelf->sums.nodes == nodes &&
		      shelf->sums.elements == elements,
	      "a shelf's sums");
	for (unsigned i = 0; i < shelf->sums.n; i++) {
		uint32_t n = 0;

		for (unsigned k = 0; k < shelf->n; k++)
			n += count_name(shelf->kid[k], &shelf->sums.sum[i].name);
		check(n == shelf->sums.sum[i].n, "a shelf's sum by name");
	}
	for (unsigned k = 0; k < shelf->n; k++) {
		const struct xcap_seg *seg = shelf->kid[k];
		const struct xcap_chunk *chunk = seg->is_wide ? ((const struct xcap_wide *)seg)->tag
							      : (const struct xcap_chunk *)seg;

		for (unsigned i = 0; i < chunk->n_keys; i++)
			check((xcap_shelf_candidates(shelf, chunk->key[i]) >> k & 1) == 1,
			      "a signature without a key of its kid");
	}
}

static void check_wide(const struct xcap_wide *wide, const struct xcap_ns *ns, unsigned depth)
{
	const struct xcap_ns *inner = NULL;
	uint32_t octets = 0, nodes = 0;

	if (wide->tag) {
		check_chunk(wide->tag, ns, 0);
		check(wide->tag->ix.n_nodes == 1, "tags with something between");
		check(xcap_tag_ns(wide->tag, 0, ns, &inner) == 0, "memory");
	}
	for (unsigned s = 0; s < wide->n; s++) {
		check_shelf(wide->shelf[s]);
		octets += wide->shelf[s]->sums.octets;
		nodes += wide->shelf[s]->sums.nodes;
		for (unsigned k = 0; k < wide->shelf[s]->n; k++) {
			const struct xcap_seg *kid = wide->shelf[s]->kid[k];

			check(kid->refs >= 1, "a reference count");
			if (kid->is_wide)
				check_wide((const struct xcap_wide *)kid, inner, depth + 1);
			else
				check_chunk((const struct xcap_chunk *)kid, inner, depth);
		}
	}
	check(wide->seg.sums.octets == octets + (wide->tag ? wide->tag->text.n : 0) &&
		      wide->seg.sums.nodes == nodes + (wide->tag ? 1 : 0),
	      "a wide element's sums");
	xcap_ns_drop(&inner);
}

void doc_check(const struct xcap_doc *doc)
{
	check_wide(doc->top, NULL, 0);
}

/* ---- sharing ---- */

struct chunks {
	const void **p;
	unsigned n, cap;
};

static void collect(const struct xcap_wide *wide, struct chunks *to)
{
	for (unsigned s = 0; s < wide->n; s++)
		for (unsigned k = 0; k < wide->shelf[s]->n; k++) {
			const struct xcap_seg *kid = wide->shelf[s]->kid[k];

			if (kid->is_wide) {
				collect((const struct xcap_wide *)kid, to);
				continue;
			}
			if (to->n == to->cap)
				to->p = realloc(to->p,
						(to->cap = to->cap * 2 + 16) * sizeof(*to->p));
			to->p[to->n++] = kid;
		}
}

static int by_address(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;

	return (x > y) - (x < y);
}

unsigned doc_new_chunks(const struct xcap_doc *doc, const struct xcap_doc *old, unsigned *total_out)
{
	struct chunks now = { 0 }, before = { 0 };
	unsigned n = 0;

	collect(doc->top, &now);
	collect(old->top, &before);
	if (before.n)
		qsort(before.p, before.n, sizeof(*before.p), by_address);
	for (unsigned i = 0; i < now.n; i++)
		n += !before.n ||
		     !bsearch(&now.p[i], before.p, before.n, sizeof(*before.p), by_address);
	if (total_out)
		*total_out = now.n;
	free(now.p);
	free(before.p);
	return n;
}
