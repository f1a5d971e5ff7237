/* SPDX-License-Identifier: Apache-2.0 */
/* xdms/xcap_record.c - see xcap_record.h */
#include "xdms/xcap_record.h"

#include <stdlib.h>

#include "xdms/xcap_doc_priv.h"

enum { FORM = 1, NUMBER_OCTETS_MAX = 5 };

/* ---- writing ---- */

/* N at TO, which has room for NUMBER_OCTETS_MAX. Returns what comes behind it. */
static char *number_at(char *to, uint32_t n)
{
	for (; n > 0x7f; n >>= 7)
		*to++ = (char)((n & 0x7f) | 0x80);
	*to++ = (char)n;
	return to;
}

static void put_number(struct xcap_print *print, uint32_t n)
{
	char text[NUMBER_OCTETS_MAX];

	xcap_print(print, strv_mem(text, (size_t)(number_at(text, n) - text)));
}

static void put_octet(struct xcap_print *print, unsigned octet)
{
	char c = (char)octet;

	xcap_print(print, strv_mem(&c, 1));
}

/* The numbers of a shelf stand beside it, so that no chunk is touched but wide elements' heads. */
static void put_kids(struct xcap_print *print, const struct xcap_wide *wide)
{
	unsigned n = 0;

	for (unsigned s = 0; s < wide->n; s++)
		n += wide->shelf[s]->n;
	put_number(print, n);
	for (unsigned s = 0; s < wide->n; s++) {
		const struct xcap_shelf *shelf = wide->shelf[s];
		char run[XCAP_SHELF_KIDS * NUMBER_OCTETS_MAX], *to = run;

		for (unsigned k = 0; k < shelf->n; k++) {
			int is_wide = shelf->kid[k]->is_wide;

			to = number_at(to, shelf->id[k] << 1 | (is_wide ? 1U : 0U));
			if (!is_wide && k + 1 < shelf->n)
				continue;
			xcap_print(print, strv_mem(run, (size_t)(to - run)));
			to = run;
			if (is_wide)
				put_kids(print, (const struct xcap_wide *)shelf->kid[k]);
		}
	}
}

static struct strv put_head(const struct xcap_doc *doc, struct arena *arena)
{
	struct xcap_print print = { .arena = arena };

	put_octet(&print, FORM);
	put_number(&print, doc->next_id);
	put_number(&print, doc->top->seg.sums.octets);
	put_kids(&print, doc->top);
	return xcap_print_end(&print);
}

static struct strv put_chunk(const struct xcap_chunk *chunk, struct arena *arena)
{
	struct xcap_print print = { .arena = arena };
	uint32_t before = 0;

	put_octet(&print, FORM);
	put_octet(&print, chunk->mode);
	put_number(&print, chunk->n_opened);
	for (unsigned i = 0; i < chunk->n_opened; i++) {
		put_number(&print, chunk->opened[i] - before);
		before = chunk->opened[i];
	}
	xcap_print(&print, chunk->text);
	return xcap_print_end(&print);
}

struct changes {
	struct arena *arena;
	struct xcap_record *record;
	unsigned n, cap;
	int failed;
};

static void add_change(struct changes *c, uint32_t id, struct strv bytes)
{
	if (c->n == c->cap) {
		unsigned cap = c->cap ? c->cap * 2 : 8;
		struct xcap_record *more = arena_zalloc(c->arena, cap, sizeof(*more));

		if (!more) {
			c->failed = 1;
			return;
		}
		if (c->n)
			memcpy(more, c->record, c->n * sizeof(*more));
		c->record = more;
		c->cap = cap;
	}
	c->record[c->n++] = (struct xcap_record){ id, bytes };
}

static void write_chunk(struct changes *c, const struct xcap_chunk *chunk)
{
	struct strv bytes = put_chunk(chunk, c->arena);

	c->failed |= !bytes.n;
	add_change(c, chunk->seg.id, bytes);
}

/* All chunks of SEG from number SINCE on: those that no document before has. */
static void write_new(struct changes *c, const struct xcap_seg *seg, uint32_t since)
{
	const struct xcap_wide *wide = xcap_seg_wide(seg);

	if (xcap_seg_chunk(seg)->seg.id >= since)
		write_chunk(c, xcap_seg_chunk(seg));
	for (unsigned s = 0; wide && s < wide->n; s++)
		for (unsigned k = 0; k < wide->shelf[s]->n; k++)
			write_new(c, wide->shelf[s]->kid[k], since);
}

/* Numbers of chunks. */
struct ids {
	uint32_t *id;
	unsigned n;
};

static unsigned count_ids(const struct xcap_seg *seg)
{
	const struct xcap_wide *wide = xcap_seg_wide(seg);
	unsigned n = 1;

	for (unsigned s = 0; wide && s < wide->n; s++)
		for (unsigned k = 0; k < wide->shelf[s]->n; k++)
			n += count_ids(wide->shelf[s]->kid[k]);
	return n;
}

static void collect_ids(const struct xcap_seg *seg, struct ids *ids)
{
	const struct xcap_wide *wide = xcap_seg_wide(seg);

	ids->id[ids->n++] = xcap_seg_chunk(seg)->seg.id;
	for (unsigned s = 0; wide && s < wide->n; s++)
		for (unsigned k = 0; k < wide->shelf[s]->n; k++)
			collect_ids(wide->shelf[s]->kid[k], ids);
}

/* The kids of some shelves in a row. */
struct kids {
	struct xcap_seg **seg;
	unsigned n;
};

static struct kids kids_of(struct changes *c, const struct xcap_wide *wide, unsigned from,
			   unsigned to)
{
	struct kids kids = {
		arena_zalloc(c->arena, (to - from) * XCAP_SHELF_KIDS + 1, sizeof(*kids.seg)), 0
	};

	if (!kids.seg) {
		c->failed = 1;
		return kids;
	}
	for (unsigned s = from; s < to; s++)
		for (unsigned k = 0; k < wide->shelf[s]->n; k++)
			kids.seg[kids.n++] = wide->shelf[s]->kid[k];
	return kids;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static struct ids ids_of(struct changes *c, struct kids kids)
{
	struct ids ids = { NULL, 0 };
	unsigned n = 0;

	for (unsigned i = 0; i < kids.n; i++)
		n += count_ids(kids.seg[i]);
	ids.id = arena_zalloc(c->arena, n + 1, sizeof(*ids.id));
	if (!ids.id)
		c->failed = 1;
	for (unsigned i = 0; ids.id && i < kids.n; i++)
		collect_ids(kids.seg[i], &ids);
	if (ids.n)
		qsort(ids.id, ids.n, sizeof(*ids.id), by_number);
	return ids;
}

/* Those of WAS that are nowhere in NOW: several edits may lie between. */
static void drop_old(struct changes *c, struct kids now, struct kids was)
{
	struct ids left = ids_of(c, now), before = ids_of(c, was);

	for (unsigned i = 0, k = 0; i < before.n; i++) {
		while (k < left.n && left.id[k] < before.id[i])
			k++;
		if (k == left.n || left.id[k] != before.id[i])
			add_change(c, before.id[i], strv_mem(NULL, 0));
	}
}

static void compare(struct changes *c, const struct xcap_wide *now, const struct xcap_wide *was,
		    uint32_t since);

/* What is the same at both ends is left out; then one wide element may have become another. */
static void compare_kids(struct changes *c, struct kids now, struct kids was, uint32_t since)
{
	while (now.n && was.n && now.seg[0] == was.seg[0])
		now.seg++, now.n--, was.seg++, was.n--;
	while (now.n && was.n && now.seg[now.n - 1] == was.seg[was.n - 1])
		now.n--, was.n--;
	if (now.n == 1 && was.n == 1 && now.seg[0]->is_wide && was.seg[0]->is_wide) {
		compare(c, xcap_seg_wide(now.seg[0]), xcap_seg_wide(was.seg[0]), since);
		return;
	}
	for (unsigned i = 0; i < now.n; i++)
		write_new(c, now.seg[i], since);
	drop_old(c, now, was);
}

/* Shelves that both share are passed over. */
static void compare(struct changes *c, const struct xcap_wide *now, const struct xcap_wide *was,
		    uint32_t since)
{
	unsigned head = 0, tail = 0;

	if (now->tag && now->tag->seg.id != was->tag->seg.id) {
		write_chunk(c, now->tag);
		add_change(c, was->tag->seg.id, strv_mem(NULL, 0));
	}
	while (head < now->n && head < was->n && now->shelf[head] == was->shelf[head])
		head++;
	while (tail < now->n - head && tail < was->n - head &&
	       now->shelf[now->n - 1 - tail] == was->shelf[was->n - 1 - tail])
		tail++;
	compare_kids(c, kids_of(c, now, head, now->n - tail), kids_of(c, was, head, was->n - tail),
		     since);
}

int xcap_record_changes(const struct xcap_doc *doc, const struct xcap_doc *old, struct arena *arena,
			struct xcap_record **record_out, unsigned *n_out)
{
	struct changes c = { .arena = arena };
	struct strv head = put_head(doc, arena);

	c.failed = !head.n;
	add_change(&c, XCAP_RECORD_HEAD, head);
	if (old)
		compare(&c, doc->top, old->top, old->next_id);
	else
		for (unsigned s = 0; s < doc->top->n; s++)
			for (unsigned k = 0; k < doc->top->shelf[s]->n; k++)
				write_new(&c, doc->top->shelf[s]->kid[k], 1);
	*record_out = c.record;
	*n_out = c.n;
	return c.failed ? -1 : 0;
}

/* ---- reading ---- */

struct load {
	struct strv head; /* what is left of it */
	const struct xcap_record **by_id;
	unsigned char *seen; /* which of them */
	unsigned n, used;
	uint32_t next_id;
	const struct xcap_limits *limits;
	struct err *err;
};

static int corrupt(struct err *err, const char *what)
{
	return err_set(err, ERR_CORRUPT, "a document's records: %s", what);
}

static int get_number(struct strv *s, uint32_t *n_out)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->n && i < NUMBER_OCTETS_MAX; i++) {
		unsigned char c = (unsigned char)s->p[i];

		n |= (uint64_t)(c & 0x7f) << (7 * i);
		if (c & 0x80)
			continue;
		if ((i && !c) || n > UINT32_MAX)
			return -1;
		s->p += i + 1;
		s->n -= i + 1;
		*n_out = (uint32_t)n;
		return 0;
	}
	return -1;
}

static int compare_ids(const void *a, const void *b)
{
	const struct xcap_record *x = *(const struct xcap_record *const *)a;
	const struct xcap_record *y = *(const struct xcap_record *const *)b;

	return by_number(&x->id, &y->id);
}

/* The record of ID, once; NULL when there is none or it has been had. */
static const struct xcap_record *take_record(struct load *l, uint32_t id)
{
	struct xcap_record want = { .id = id };
	const struct xcap_record *key = &want;
	const struct xcap_record **found =
		l->n ? bsearch(&key, l->by_id, l->n, sizeof(key), compare_ids) : NULL;

	if (!found || l->seen[found - l->by_id]++)
		return NULL;
	l->used++;
	return *found;
}

/* What may stand where: documents and what is beside their root at the top, content below. */
static int fits(enum xcap_scan_mode mode, unsigned depth, int is_tag, int first, struct strv text)
{
	if (is_tag)
		return mode == XCAP_SCAN_FRAGMENT;
	if (depth)
		return mode == XCAP_SCAN_CONTENT;
	if (mode != XCAP_SCAN_DOCUMENT && mode != XCAP_SCAN_MISC)
		return 0;
	return first || !strv_starts(text, STRV("<?xml")) || text.n < 6 ||
	       !xcap_is_space(text.p[5]);
}

/* A mark stands where an element begins that is not empty-element tag. */
static int check_marks(const struct xcap_chunk *chunk)
{
	for (unsigned i = 0; i < chunk->n_opened; i++) {
		uint32_t id = 0;

		while (id < chunk->ix.n_nodes && chunk->ix.node[id].start != chunk->opened[i])
			id++;
		if (id == chunk->ix.n_nodes || chunk->ix.node[id].close == chunk->ix.node[id].end)
			return 0;
	}
	return 1;
}

static int get_chunk(struct load *l, uint32_t id, const struct xcap_ns *ns, unsigned depth,
		     int is_tag, int first, struct xcap_chunk **chunk_out)
{
	const struct xcap_record *record = take_record(l, id);
	struct xcap_text text = { .bytes = record ? record->bytes : strv_mem(NULL, 0) };
	struct strv *s = &text.bytes;
	uint32_t *opened, mode, at = 0, step;
	int rc = -1;

	if (s->n < 4 || s->p[0] != FORM || !id || id >= l->next_id)
		return corrupt(l->err, "a chunk is missing or of another form");
	mode = (unsigned char)s->p[1];
	*s = strv_mem(s->p + 2, s->n - 2);
	if (get_number(s, &text.n_opened) < 0 || text.n_opened > s->n)
		return corrupt(l->err, "a chunk's marks");
	opened = calloc(text.n_opened + 1, sizeof(*opened));
	if (!opened)
		return err_set(l->err, ERR_NOMEM, "no memory for a document");
	text.opened = opened;
	for (unsigned i = 0; i < text.n_opened; i++) {
		if (get_number(s, &step) < 0 || step > UINT32_MAX - at || (i && !step))
			goto out;
		opened[i] = at += step;
	}
	if (!s->n || s->n >= UINT32_MAX || (text.n_opened && at >= s->n) ||
	    !fits(mode, depth, is_tag, first, *s))
		goto out;
	rc = xcap_chunk_new(&text, 0, (uint32_t)s->n, mode, ns, is_tag ? 0 : depth, l->limits,
			    chunk_out, l->err);
	free(opened);
	if (rc < 0)
		return l->err && l->err->code == ERR_NOMEM ? -1 : corrupt(l->err, "a chunk's text");
	(*chunk_out)->seg.id = id;
	if (check_marks(*chunk_out) &&
	    (!is_tag || ((*chunk_out)->ix.n_nodes == 1 && (*chunk_out)->ix.node[0].start == 0 &&
			 (*chunk_out)->ix.node[0].end == (*chunk_out)->text.n &&
			 (*chunk_out)->ix.node[0].close == (*chunk_out)->ix.node[0].tag_end)))
		return 0;
	xcap_seg_drop(&(*chunk_out)->seg);
	return corrupt(l->err, "a chunk's marks or tags");
out:
	free(opened);
	return corrupt(l->err, "a chunk's marks or place");
}

static int get_kids(struct load *l, const struct xcap_ns *ns, unsigned depth,
		    struct xcap_seglist *list);

static int get_wide(struct load *l, uint32_t id, const struct xcap_ns *ns, unsigned depth,
		    struct xcap_seglist *list)
{
	struct xcap_seglist kids = { 0 };
	const struct xcap_ns *inner = NULL;
	struct xcap_wide *wide = NULL;
	struct xcap_chunk *tag;

	if (depth + 1 >= l->limits->depth)
		return corrupt(l->err, "too deep");
	if (get_chunk(l, id, ns, depth, 1, 0, &tag) < 0)
		return -1;
	if (xcap_tag_ns(tag, 0, ns, &inner) < 0)
		err_set(l->err, ERR_NOMEM, "no memory for a document");
	else if (get_kids(l, inner, depth + 1, &kids) == 0 &&
		 !(wide = xcap_wide_with(NULL, tag, 0, 0, 0, &kids)))
		err_set(l->err, ERR_NOMEM, "no memory for a document");
	xcap_seglist_fini(&kids);
	xcap_ns_drop(&inner);
	xcap_seg_drop(&tag->seg);
	return wide ? xcap_seglist_add(list, &wide->seg, l->err) : -1;
}

static int get_kids(struct load *l, const struct xcap_ns *ns, unsigned depth,
		    struct xcap_seglist *list)
{
	uint32_t n, id;

	if (get_number(&l->head, &n) < 0)
		return corrupt(l->err, "the head");
	for (uint32_t i = 0; i < n; i++) {
		struct xcap_chunk *chunk;

		if (get_number(&l->head, &id) < 0)
			return corrupt(l->err, "the head");
		if (id & 1) {
			if (get_wide(l, id >> 1, ns, depth, list) < 0)
				return -1;
		} else if (get_chunk(l, id >> 1, ns, depth, 0, i == 0, &chunk) < 0 ||
			   xcap_seglist_add(list, &chunk->seg, l->err) < 0) {
			return -1;
		}
	}
	return 0;
}

/* Each record once, in order of their numbers. */
static int sort_records(struct load *l, const struct xcap_record *chunk)
{
	l->by_id = calloc(l->n + 1, sizeof(*l->by_id));
	l->seen = calloc(l->n + 1, 1);
	if (!l->by_id || !l->seen)
		return err_set(l->err, ERR_NOMEM, "no memory for a document");
	for (unsigned i = 0; i < l->n; i++)
		l->by_id[i] = &chunk[i];
	if (l->n)
		qsort(l->by_id, l->n, sizeof(*l->by_id), compare_ids);
	for (unsigned i = 1; i < l->n; i++)
		if (l->by_id[i - 1]->id == l->by_id[i]->id)
			return corrupt(l->err, "a number twice");
	return 0;
}

static int finish(struct load *l, uint32_t octets, struct xcap_seglist *kids,
		  struct xcap_doc **doc_out)
{
	struct xcap_doc *doc = calloc(1, sizeof(*doc));

	if (doc)
		doc->top = xcap_wide_with(NULL, NULL, 0, 0, 0, kids);
	if (!doc || !doc->top) {
		free(doc);
		return err_set(l->err, ERR_NOMEM, "no memory for a document");
	}
	atomic_init(&doc->refs, 1);
	doc->next_id = l->next_id;
	*doc_out = doc;
	if (l->head.n || l->used != l->n || doc->top->seg.sums.octets != octets)
		corrupt(l->err, "the head does not tell of what is there");
	else if (xcap_child_count(&(struct xcap_spot){ .doc = doc, .wide = doc->top }, NULL) != 1)
		corrupt(l->err, "not one root element");
	else if (octets > l->limits->octets || doc->top->seg.sums.nodes > l->limits->nodes)
		err_set(l->err, ERR_LIMIT, "a stored document is larger than allowed");
	else
		return 0;
	xcap_doc_drop(doc_out);
	return -1;
}

int xcap_record_load(struct strv head, const struct xcap_record *chunk, unsigned n,
		     const struct xcap_limits *limits, struct xcap_doc **doc_out, struct err *err)
{
	struct err own;
	struct load l = { .head = head,
			  .n = n,
			  .err = err ? err : &own,
			  .limits = limits ? limits : &xcap_limits_default };
	struct xcap_seglist kids = { 0 };
	uint32_t octets;
	int rc = -1;

	*doc_out = NULL;
	if (!head.n || head.p[0] != FORM)
		return corrupt(l.err, "a head of another form");
	l.head = strv_mem(head.p + 1, head.n - 1);
	if (get_number(&l.head, &l.next_id) < 0 || get_number(&l.head, &octets) < 0)
		return corrupt(l.err, "the head");
	if (sort_records(&l, chunk) == 0 && get_kids(&l, NULL, 0, &kids) == 0)
		rc = finish(&l, octets, &kids, doc_out);
	xcap_seglist_fini(&kids);
	free(l.by_id);
	free(l.seen);
	return rc;
}

size_t xcap_record_octets(struct strv head)
{
	uint32_t next_id, octets;

	if (!head.n || *head.p != FORM)
		return 0;
	head = strv_mem(head.p + 1, head.n - 1);
	return get_number(&head, &next_id) == 0 && get_number(&head, &octets) == 0 ? octets : 0;
}
