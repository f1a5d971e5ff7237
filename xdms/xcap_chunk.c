/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_chunk.c - text to chunks and wide elements
 *
 * Text is scanned once to see where it may be cut, and each chunk once more for its own index.
 */
#include "xdms/xcap_doc_priv.h"

#include <stdlib.h>

static int nomem(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for a document");
}

/* ---- sums ---- */

int64_t xcap_sums_count(const struct xcap_sums *sums, const struct xcap_index_name *name)
{
	if (!name)
		return sums->elements;
	if (sums->many)
		return -1;
	for (unsigned i = 0; i < sums->n; i++)
		if (sums->sum[i].name.hash == name->hash &&
		    xcap_name_eq(&sums->sum[i].name.name, &name->name))
			return sums->sum[i].n;
	return 0;
}

static void sums_name(struct xcap_sums *sums, const struct xcap_index_name *name, uint32_t n)
{
	unsigned i;

	if (sums->many)
		return;
	for (i = 0; i < sums->n; i++)
		if (sums->sum[i].name.hash == name->hash &&
		    xcap_name_eq(&sums->sum[i].name.name, &name->name))
			break;
	if (i == XCAP_SUMS) {
		sums->many = 1;
		sums->n = 0;
		return;
	}
	if (i == sums->n)
		sums->sum[sums->n++] = (struct xcap_sum){ *name, 0 };
	sums->sum[i].n += n;
}

static void sums_add(struct xcap_sums *sums, const struct xcap_sums *more)
{
	sums->octets += more->octets;
	sums->nodes += more->nodes;
	sums->elements += more->elements;
	if (more->many) {
		sums->many = 1;
		sums->n = 0;
	}
	for (unsigned i = 0; i < more->n; i++)
		sums_name(sums, &more->sum[i].name, more->sum[i].n);
}

/* ---- addresses ---- */

int xcap_is_address(const struct xcap_name *attr)
{
	static const struct strv names[] = { STRV("uri"), STRV("name"), STRV("id"), STRV("ref"),
					     STRV("anchor") };

	if (attr->ns.n)
		return 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strv_eq(attr->local, names[i]))
			return 1;
	return 0;
}

uint32_t xcap_address_key(struct strv local, uint32_t value_hash)
{
	uint32_t h = (xcap_hash(XCAP_HASH_START, local) ^ value_hash) * 0x9e3779b1U;

	return h ^ h >> 15;
}

/* Three bits of the signature for a key. */
static void sig_bits(uint32_t key, unsigned bit[3])
{
	bit[0] = key % XCAP_SIG_BITS;
	bit[1] = (key >> 10) % XCAP_SIG_BITS;
	bit[2] = (key >> 20 ^ key << 3) % XCAP_SIG_BITS;
}

static void sig_add(uint64_t *sig, unsigned kid, const struct xcap_chunk *chunk)
{
	unsigned bit[3];

	for (unsigned i = 0; i < chunk->n_keys; i++) {
		sig_bits(chunk->key[i], bit);
		for (unsigned b = 0; b < 3; b++)
			sig[bit[b]] |= 1ULL << kid;
	}
}

uint64_t xcap_shelf_candidates(const struct xcap_shelf *shelf, uint32_t key)
{
	unsigned bit[3];

	if (!shelf->sig)
		return shelf->n == XCAP_SHELF_KIDS ? ~0ULL : (1ULL << shelf->n) - 1;
	sig_bits(key, bit);
	return shelf->sig[bit[0]] & shelf->sig[bit[1]] & shelf->sig[bit[2]];
}

/* ---- chunks ---- */

static int collect_keys(struct xcap_chunk *chunk)
{
	const struct xcap_index *ix = &chunk->ix;
	unsigned n = 0;

	for (uint32_t id = 0; id < ix->n_nodes; id = ix->node[id].next)
		n += ix->node[id].n_attrs;
	if (!n)
		return 0;
	chunk->key = malloc(n * sizeof(*chunk->key));
	if (!chunk->key)
		return -1;
	for (uint32_t id = 0; id < ix->n_nodes; id = ix->node[id].next) {
		const struct xcap_attr *attr =
			ix->node[id].n_attrs ? &ix->attr[ix->node[id].attr] : NULL;

		for (unsigned i = 0; i < ix->node[id].n_attrs; i++, attr++) {
			const struct xcap_name *name;

			if (attr->name == XCAP_NONE)
				continue;
			name = &ix->names[attr->name].name;
			if (xcap_is_address(name))
				chunk->key[chunk->n_keys++] = xcap_address_key(
					name->local,
					xcap_attvalue_hash(XCAP_HASH_START,
							   xcap_attr_raw(chunk->text, attr)));
		}
	}
	return 0;
}

static void count_chunk(struct xcap_chunk *chunk)
{
	const struct xcap_index *ix = &chunk->ix;
	struct xcap_sums *sums = &chunk->seg.sums;

	sums->octets = (uint32_t)chunk->text.n;
	sums->nodes = ix->n_nodes;
	for (uint32_t id = 0; id < ix->n_nodes; id = ix->node[id].next) {
		sums->elements++;
		sums_name(sums, &ix->names[ix->node[id].name], 1);
	}
}

static int copy_opened(struct xcap_chunk *chunk, const struct xcap_text *text, uint32_t from,
		       uint32_t to)
{
	unsigned first = 0, n = 0;

	while (first < text->n_opened && text->opened[first] < from)
		first++;
	while (first + n < text->n_opened && text->opened[first + n] < to)
		n++;
	if (!n)
		return 0;
	chunk->opened = malloc(n * sizeof(*chunk->opened));
	if (!chunk->opened)
		return -1;
	chunk->n_opened = n;
	for (unsigned i = 0; i < n; i++)
		chunk->opened[i] = text->opened[first + i] - from;
	return 0;
}

static void chunk_free(struct xcap_chunk *chunk)
{
	xcap_index_fini(&chunk->ix);
	xcap_ns_drop(&chunk->ns);
	free(chunk->key);
	free(chunk->opened);
	free(chunk);
}

int xcap_chunk_new(const struct xcap_text *text, uint32_t from, uint32_t to,
		   enum xcap_scan_mode mode, const struct xcap_ns *ns, unsigned depth,
		   const struct xcap_limits *limits, struct xcap_chunk **chunk_out, struct err *err)
{
	size_t n = to - from;
	struct xcap_chunk *chunk = calloc(1, sizeof(*chunk) + n + 1);
	char *copy = (char *)(chunk + 1);

	*chunk_out = NULL;
	if (!chunk)
		return nomem(err);
	memcpy(copy, text->bytes.p + from, n);
	atomic_init(&chunk->seg.refs, 1);
	chunk->mode = mode;
	chunk->text = strv_mem(copy, n);
	chunk->ns = xcap_ns_hold(ns);
	if (xcap_scan(chunk->text, mode, ns, depth, limits, &chunk->ix, err) < 0) {
		chunk_free(chunk);
		return -1;
	}
	if (copy_opened(chunk, text, from, to) < 0 || collect_keys(chunk) < 0) {
		chunk_free(chunk);
		return nomem(err);
	}
	count_chunk(chunk);
	*chunk_out = chunk;
	return 0;
}

/* ---- references ---- */

struct xcap_seg *xcap_seg_hold(struct xcap_seg *seg)
{
	atomic_fetch_add_explicit(&seg->refs, 1, memory_order_relaxed);
	return seg;
}

static int last_drop(_Atomic unsigned *refs)
{
	return atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel) == 1;
}

static void shelf_drop(struct xcap_shelf *shelf)
{
	if (!last_drop(&shelf->refs))
		return;
	for (unsigned i = 0; i < shelf->n; i++)
		xcap_seg_drop(shelf->kid[i]);
	free(shelf->sig);
	free(shelf);
}

/* Recursion is bounded by the depth of documents. */
void xcap_seg_drop(struct xcap_seg *seg)
{
	struct xcap_wide *wide;

	if (!last_drop(&seg->refs))
		return;
	if (!seg->is_wide) {
		chunk_free((struct xcap_chunk *)seg);
		return;
	}
	wide = (struct xcap_wide *)seg;
	if (wide->tag)
		xcap_seg_drop(&wide->tag->seg);
	for (unsigned i = 0; i < wide->n; i++)
		shelf_drop(wide->shelf[i]);
	free(wide);
}

uint32_t xcap_seg_number(struct xcap_seg *seg, uint32_t next_id)
{
	struct xcap_wide *wide = (struct xcap_wide *)seg;

	if (!seg->is_wide) {
		if (!seg->id)
			seg->id = next_id++;
		return next_id;
	}
	/* The tags first: a wide element whose tags have an id has been numbered. */
	if (wide->tag->seg.id)
		return next_id;
	next_id = xcap_seg_number(&wide->tag->seg, next_id);
	for (unsigned s = 0; s < wide->n; s++)
		for (unsigned k = 0; k < wide->shelf[s]->n; k++) {
			struct xcap_seg *kid = wide->shelf[s]->kid[k];

			next_id = xcap_seg_number(kid, next_id);
			wide->shelf[s]->id[k] = xcap_seg_chunk(kid)->seg.id;
		}
	return next_id;
}

int xcap_seglist_add(struct xcap_seglist *list, struct xcap_seg *seg, struct err *err)
{
	if (list->n == list->cap) {
		unsigned cap = list->cap ? list->cap * 2 : 8;
		struct xcap_seg **grown = realloc(list->seg, cap * sizeof(*grown));

		if (!grown) {
			xcap_seg_drop(seg);
			return nomem(err);
		}
		list->seg = grown;
		list->cap = cap;
	}
	list->seg[list->n++] = seg;
	return 0;
}

void xcap_seglist_fini(struct xcap_seglist *list)
{
	for (unsigned i = 0; i < list->n; i++)
		xcap_seg_drop(list->seg[i]);
	free(list->seg);
	memset(list, 0, sizeof(*list));
}

/* ---- shelves and wide elements ---- */

/* The signature of SHELF's kids; OLD differs from SHELF in kid CHANGED only (-1: in more). */
static int sign(struct xcap_shelf *shelf, const struct xcap_shelf *old, int changed)
{
	if (shelf->n < XCAP_SIG_KIDS)
		return 0;
	shelf->sig = malloc(XCAP_SIG_BITS * sizeof(*shelf->sig));
	if (!shelf->sig)
		return -1;
	if (changed >= 0 && old->sig)
		for (unsigned i = 0; i < XCAP_SIG_BITS; i++)
			shelf->sig[i] = old->sig[i] & ~(1ULL << changed);
	else
		memset(shelf->sig, 0, XCAP_SIG_BITS * sizeof(*shelf->sig));
	for (unsigned i = 0; i < shelf->n; i++) {
		if (changed >= 0 && old->sig && (int)i != changed)
			continue;
		sig_add(shelf->sig, i, xcap_seg_chunk(shelf->kid[i]));
	}
	return 0;
}

/* A shelf with KIDS, whose references it takes over; NULL without memory (then they stay). */
static struct xcap_shelf *shelf_new(struct xcap_seg **kids, unsigned n,
				    const struct xcap_shelf *old, int changed)
{
	struct xcap_shelf *shelf = calloc(1, sizeof(*shelf));

	if (!shelf)
		return NULL;
	atomic_init(&shelf->refs, 1);
	shelf->n = n;
	for (unsigned i = 0; i < n; i++) {
		shelf->kid[i] = kids[i];
		shelf->id[i] =
			kids[i]->is_wide ? ((struct xcap_wide *)kids[i])->tag->seg.id : kids[i]->id;
		sums_add(&shelf->sums, &kids[i]->sums);
	}
	if (sign(shelf, old, changed) < 0) {
		free(shelf);
		return NULL;
	}
	return shelf;
}

/* Cut N kids into shelves, as even as may be, appended to WIDE. */
static int fill_shelves(struct xcap_wide *wide, struct xcap_seg **kids, unsigned n,
			const struct xcap_shelf *old, int changed)
{
	unsigned shelves = (n + XCAP_SHELF_KIDS - 1) / XCAP_SHELF_KIDS;

	for (unsigned i = 0; i < shelves; i++) {
		unsigned from = n * i / shelves, to = n * (i + 1) / shelves;
		struct xcap_shelf *shelf =
			shelf_new(kids + from, to - from, old, shelves == 1 ? changed : -1);

		if (!shelf) {
			for (; from < n; from++)
				xcap_seg_drop(kids[from]);
			return -1;
		}
		wide->shelf[wide->n++] = shelf;
	}
	return 0;
}

static void share_shelf(struct xcap_wide *wide, struct xcap_shelf *shelf)
{
	atomic_fetch_add_explicit(&shelf->refs, 1, memory_order_relaxed);
	wide->shelf[wide->n++] = shelf;
}

/* A wide element counts as one child of its list, by its own name. */
static void count_wide(struct xcap_wide *wide)
{
	struct xcap_sums *sums = &wide->seg.sums;

	for (unsigned i = 0; i < wide->n; i++) {
		sums->octets += wide->shelf[i]->sums.octets;
		sums->nodes += wide->shelf[i]->sums.nodes;
	}
	if (!wide->tag)
		return;
	sums->octets += (uint32_t)wide->tag->text.n;
	sums->nodes++;
	sums->elements = 1;
	sums_name(sums, &wide->tag->ix.names[wide->tag->ix.node[0].name], 1);
}

/* Hold kids FROM to TO of SHELF (may be NULL) into KIDS. Returns how many those are. */
static unsigned share_kids(const struct xcap_shelf *shelf, unsigned from, unsigned to,
			   struct xcap_seg **kids)
{
	unsigned n = 0;

	for (unsigned k = from; shelf && k < to; k++)
		kids[n++] = xcap_seg_hold(shelf->kid[k]);
	return n;
}

struct xcap_wide *xcap_wide_with(const struct xcap_wide *old, struct xcap_chunk *tag,
				 unsigned shelf, unsigned from, unsigned n_del,
				 struct xcap_seglist *add)
{
	unsigned shelves = old ? old->n : 0;
	const struct xcap_shelf *was = shelf < shelves ? old->shelf[shelf] : NULL;
	unsigned n = (was ? was->n - n_del : 0) + add->n, i = 0;
	/* Half empty shelves beside this one are joined with it. */
	const struct xcap_shelf *prev = was && shelf ? old->shelf[shelf - 1] : NULL;
	const struct xcap_shelf *next = shelf + 1 < shelves ? old->shelf[shelf + 1] : NULL;
	struct xcap_wide *wide =
		calloc(1, sizeof(*wide) + (shelves + n / XCAP_SHELF_KIDS + 2) * sizeof(prev));
	struct xcap_seg **kids = malloc((n + 2 * XCAP_SHELF_KIDS) * sizeof(*kids));
	int changed = was && n_del == 1 && add->n == 1 ? (int)from : -1, rc = -1;

	if (prev && prev->n + n > XCAP_SHELF_KIDS / 2)
		prev = NULL;
	if (next && next->n + n + (prev ? prev->n : 0) > XCAP_SHELF_KIDS / 2)
		next = NULL;
	if (prev || next)
		changed = -1;
	if (!tag && old)
		tag = old->tag;
	if (!wide || !kids)
		goto fail;
	atomic_init(&wide->seg.refs, 1);
	wide->seg.is_wide = 1;
	if (tag)
		xcap_seg_hold(&tag->seg);
	wide->tag = tag;
	i += share_kids(prev, 0, prev ? prev->n : 0, kids);
	i += share_kids(was, 0, from, kids + i);
	if (add->n)
		memcpy(kids + i, add->seg, add->n * sizeof(*kids));
	i += add->n;
	add->n = 0;
	i += share_kids(was, from + n_del, was ? was->n : 0, kids + i);
	i += share_kids(next, 0, next ? next->n : 0, kids + i);
	for (unsigned s = 0; s < shelf && s < shelves; s++)
		if (!prev || s + 1 != shelf)
			share_shelf(wide, old->shelf[s]);
	rc = fill_shelves(wide, kids, i, was, changed);
	for (unsigned s = shelf + 1 + (next != NULL); rc == 0 && s < shelves; s++)
		share_shelf(wide, old->shelf[s]);
	count_wide(wide);
fail:
	free(kids);
	xcap_seglist_fini(add);
	if (rc == 0)
		return wide;
	if (wide && wide->seg.is_wide)
		xcap_seg_drop(&wide->seg);
	else
		free(wide);
	return NULL;
}

/* ---- cutting ---- */

struct pack {
	const struct xcap_text *text;
	const struct xcap_index *ix; /* of the whole text */
	const struct xcap_limits *limits;
	struct err *err;
};

static int pack_siblings(const struct pack *p, uint32_t parent, uint32_t first, uint32_t from,
			 uint32_t to, enum xcap_scan_mode mode, const struct xcap_ns *ns,
			 unsigned depth, struct xcap_seglist *list);

static int pack_run(const struct pack *p, uint32_t from, uint32_t to, enum xcap_scan_mode mode,
		    const struct xcap_ns *ns, unsigned depth, struct xcap_seglist *list)
{
	struct xcap_chunk *chunk;

	if (from == to)
		return 0;
	if (xcap_chunk_new(p->text, from, to, mode, ns, depth, p->limits, &chunk, p->err) < 0)
		return -1;
	return xcap_seglist_add(list, &chunk->seg, p->err);
}

/* The two tags of element ID as a chunk of their own. */
static int pack_tag(const struct pack *p, uint32_t id, const struct xcap_ns *ns,
		    struct xcap_chunk **tag_out)
{
	const struct xcap_node *node = &p->ix->node[id];
	uint32_t head = node->tag_end - node->start, tail = node->end - node->close, zero = 0;
	struct xcap_text tags = { .bytes = { NULL, head + tail }, .opened = &zero };
	char *copy = malloc(head + tail);
	int rc;

	if (!copy)
		return nomem(p->err);
	memcpy(copy, p->text->bytes.p + node->start, head);
	memcpy(copy + head, p->text->bytes.p + node->close, tail);
	tags.bytes.p = copy;
	for (unsigned i = 0; i < p->text->n_opened; i++)
		if (p->text->opened[i] == node->start)
			tags.n_opened = 1;
	rc = xcap_chunk_new(&tags, 0, head + tail, XCAP_SCAN_FRAGMENT, ns, 0, p->limits, tag_out,
			    p->err);
	free(copy);
	return rc;
}

static int pack_wide(const struct pack *p, uint32_t id, const struct xcap_ns *ns, unsigned depth,
		     struct xcap_seglist *list)
{
	const struct xcap_node *node = &p->ix->node[id];
	struct xcap_seglist kids = { 0 };
	const struct xcap_ns *inner = NULL;
	struct xcap_chunk *tag = NULL;
	struct xcap_wide *wide = NULL;

	if (pack_tag(p, id, ns, &tag) < 0)
		return -1;
	if (xcap_tag_ns(tag, 0, ns, &inner) < 0)
		nomem(p->err);
	else if (pack_siblings(p, id, id + 1, node->tag_end, node->close, XCAP_SCAN_CONTENT, inner,
			       depth + 1, &kids) == 0 &&
		 !(wide = xcap_wide_with(NULL, tag, 0, 0, 0, &kids)))
		nomem(p->err);
	xcap_seglist_fini(&kids);
	xcap_ns_drop(&inner);
	xcap_seg_drop(&tag->seg);
	return wide ? xcap_seglist_add(list, &wide->seg, p->err) : -1;
}

/* Too much for one chunk, and with elements inside at which it can be cut. */
static int is_wide(const struct xcap_index *ix, uint32_t id)
{
	const struct xcap_node *node = &ix->node[id];

	return node->next - id > 1 && (node->next - id > XCAP_CHUNK_NODES_MAX ||
				       node->end - node->start > XCAP_CHUNK_OCTETS_MAX);
}

static int pack_siblings(const struct pack *p, uint32_t parent, uint32_t first, uint32_t from,
			 uint32_t to, enum xcap_scan_mode mode, const struct xcap_ns *ns,
			 unsigned depth, struct xcap_seglist *list)
{
	const struct xcap_node *node = p->ix->node;
	uint32_t run = from, last = from, nodes = 0; /* a run, where it may be cut, what is in it */
	enum xcap_scan_mode beside = mode == XCAP_SCAN_DOCUMENT ? XCAP_SCAN_MISC : mode;

	for (uint32_t id = first; id < p->ix->n_nodes && node[id].parent == parent;
	     id = node[id].next) {
		uint32_t size = node[id].next - id;

		if (is_wide(p->ix, id)) {
			if (pack_run(p, run, node[id].start, nodes ? mode : beside, ns, depth,
				     list) < 0 ||
			    pack_wide(p, id, ns, depth, list) < 0)
				return -1;
			run = last = node[id].end;
			nodes = 0;
			mode = beside;
			continue;
		}
		if (nodes &&
		    (nodes + size > XCAP_CHUNK_NODES || node[id].end - run > XCAP_CHUNK_OCTETS)) {
			if (pack_run(p, run, last, mode, ns, depth, list) < 0)
				return -1;
			run = last;
			nodes = 0;
		}
		nodes += size;
		last = node[id].end;
	}
	return pack_run(p, run, to, mode, ns, depth, list);
}

int xcap_pack(const struct xcap_text *text, enum xcap_scan_mode mode, const struct xcap_ns *ns,
	      unsigned depth, const struct xcap_limits *limits, struct xcap_seglist *list,
	      struct err *err)
{
	uint32_t n = (uint32_t)text->bytes.n;
	struct xcap_chunk *chunk = NULL;
	struct xcap_index ix;
	struct pack p = { text, &ix, limits, err };
	int rc;

	if (!n)
		return 0;
	if (n <= XCAP_CHUNK_OCTETS_MAX) { /* the usual case: one scan for all */
		if (xcap_chunk_new(text, 0, n, mode, ns, depth, limits, &chunk, err) < 0)
			return -1;
		if (chunk->ix.n_nodes <= XCAP_CHUNK_NODES_MAX)
			return xcap_seglist_add(list, &chunk->seg, err);
		p.ix = &chunk->ix;
	} else if (xcap_scan(text->bytes, mode, ns, depth, limits, &ix, err) < 0) {
		return -1;
	}
	rc = pack_siblings(&p, XCAP_NONE, 0, 0, n, mode, ns, depth, list);
	if (chunk)
		xcap_seg_drop(&chunk->seg);
	else
		xcap_index_fini(&ix);
	return rc;
}
