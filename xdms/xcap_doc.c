/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_doc.c - documents: made from octets, their text, namespaces and canonical paths
 *
 * Looking up is xcap_find.c's, changing xcap_splice.c's, cutting into chunks xcap_chunk.c's.
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

/* ---- about one element ---- */

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

			rc = kid->is_wide ? wide_text(xcap_seg_wide(kid), fn, arg)
					  : fn(arg, xcap_seg_chunk(kid)->text);
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
