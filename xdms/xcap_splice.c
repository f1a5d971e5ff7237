/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_splice.c - a document with some octets changed, sharing all the rest
 *
 * One chunk is made anew (two when a small one joins its neighbour), then one shelf and one wide
 * element a level up to the document.
 */
#include "xdms/xcap_doc_priv.h"

#include <stdlib.h>

static int nomem(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for a document");
}

/* What a splice is about: the list of content at level AT.n_levels - 1 of AT's path. */
struct splice {
	const struct xcap_spot *at;
	const struct xcap_limits *limits;
	struct err *err;
};

static int check_limits(const struct xcap_wide *top, const struct splice *s)
{
	if (top->seg.sums.octets > s->limits->octets)
		return err_set(s->err, ERR_LIMIT, "the document would be larger than %zu octets",
			       s->limits->octets);
	if (top->seg.sums.nodes > s->limits->nodes)
		return err_set(s->err, ERR_LIMIT, "the document would have more than %u elements",
			       s->limits->nodes);
	return 0;
}

/* The document with kids FROM to FROM + N_DEL of shelf SHELF of LIST, the wide element at level
 * N_LEVELS of the path (0: the document), replaced by ADD's, and its tags by TAG (NULL: kept). */
static int rebuild(const struct splice *s, unsigned n_levels, const struct xcap_wide *list,
		   struct xcap_chunk *tag, unsigned shelf, unsigned from, unsigned n_del,
		   struct xcap_seglist *add, struct xcap_doc **doc_out)
{
	uint32_t next_id = s->at->doc->next_id;
	struct xcap_wide *wide;
	struct xcap_doc *doc;

	for (unsigned i = 0; i < add->n; i++)
		next_id = xcap_seg_number(add->seg[i], next_id);
	if (tag)
		next_id = xcap_seg_number(&tag->seg, next_id);
	wide = xcap_wide_with(list, tag, shelf, from, n_del, add);
	while (wide && n_levels-- > 0) {
		const struct xcap_level *up = &s->at->level[n_levels];
		struct xcap_seglist one = { 0 };

		if (xcap_seglist_add(&one, &wide->seg, s->err) < 0)
			return -1;
		wide = xcap_wide_with(up->wide, NULL, up->shelf, up->kid, 1, &one);
	}
	if (!wide)
		return nomem(s->err);
	if (check_limits(wide, s) < 0) {
		xcap_seg_drop(&wide->seg);
		return -1;
	}
	doc = calloc(1, sizeof(*doc));
	if (!doc) {
		xcap_seg_drop(&wide->seg);
		return nomem(s->err);
	}
	atomic_init(&doc->refs, 1);
	doc->next_id = next_id;
	doc->top = wide;
	*doc_out = doc;
	return 0;
}

/* TEXT, standing in the content of level N_LEVELS, as chunks. */
static int pack_at(const struct splice *s, unsigned n_levels, const struct xcap_text *text,
		   enum xcap_scan_mode mode, struct xcap_seglist *list)
{
	const struct xcap_ns *ns;
	int rc;

	if (xcap_level_ns(s->at, n_levels, &ns) < 0)
		return nomem(s->err);
	rc = xcap_pack(text, mode, ns, n_levels - 1, s->limits, list, s->err);
	xcap_ns_drop(&ns);
	if (rc < 0)
		xcap_seglist_fini(list);
	return rc;
}

/* ---- text put together ---- */

struct joined {
	char *p;
	size_t n;
	uint32_t *opened;
	unsigned n_opened;
};

static int joined_init(struct joined *j, size_t octets, unsigned opened, struct err *err)
{
	memset(j, 0, sizeof(*j));
	j->p = malloc(octets + 1);
	j->opened = malloc((opened + 1) * sizeof(*j->opened));
	return j->p && j->opened ? 0 : nomem(err);
}

static void joined_fini(struct joined *j)
{
	free(j->p);
	free(j->opened);
}

static void join(struct joined *j, struct strv s)
{
	if (s.n)
		memcpy(j->p + j->n, s.p, s.n);
	j->n += s.n;
}

/* Octets FROM to TO of CHUNK, with the marks of what was opened there. */
static void join_chunk(struct joined *j, const struct xcap_chunk *chunk, size_t from, size_t to)
{
	for (unsigned i = 0; i < chunk->n_opened; i++)
		if (chunk->opened[i] >= from && chunk->opened[i] < to)
			j->opened[j->n_opened++] = (uint32_t)(chunk->opened[i] - from + j->n);
	join(j, strv_mem(chunk->text.p + from, to - from));
}

/* Set the mark at OPENED among those from FIRST on, in order; a mark that is there is taken away.
 */
static void toggle_mark(struct joined *j, unsigned first, uint32_t opened)
{
	unsigned i = first;

	while (i < j->n_opened && j->opened[i] < opened)
		i++;
	if (i < j->n_opened && j->opened[i] == opened) {
		j->n_opened--;
		memmove(j->opened + i, j->opened + i + 1, (j->n_opened - i) * sizeof(*j->opened));
		return;
	}
	memmove(j->opened + i + 1, j->opened + i, (j->n_opened - i) * sizeof(*j->opened));
	j->opened[i] = opened;
	j->n_opened++;
}

/* Octets FROM to TO of CHUNK replaced by WITH; OPENED, which is before FROM: see the header. */
static void join_spliced(struct joined *j, const struct xcap_chunk *chunk, uint32_t from,
			 uint32_t to, struct strv with, uint32_t opened)
{
	uint32_t base = (uint32_t)j->n;
	unsigned first = j->n_opened;

	join_chunk(j, chunk, 0, from);
	if (opened != XCAP_NONE)
		toggle_mark(j, first, base + opened);
	join(j, with);
	join_chunk(j, chunk, to, chunk->text.n);
}

/* The neighbour (in the same shelf) that a chunk of N octets is to be joined with: its place
 * relative to KID, or 0. */
static int neighbour(const struct xcap_shelf *shelf, unsigned kid, size_t n)
{
	if (n == 0 || n >= XCAP_CHUNK_OCTETS_MIN)
		return 0;
	for (int d = 1; d >= -1; d -= 2) {
		unsigned other = kid + (unsigned)d;

		if (other < shelf->n && !shelf->kid[other]->is_wide &&
		    shelf->kid[other]->sums.octets + n <= XCAP_CHUNK_OCTETS &&
		    shelf->kid[other]->sums.nodes < XCAP_CHUNK_NODES)
			return d;
	}
	return 0;
}

static const struct xcap_chunk *chunk_at(const struct xcap_shelf *shelf, unsigned kid)
{
	return (const struct xcap_chunk *)shelf->kid[kid];
}

/* ---- splices ---- */

static int splice_tag(const struct splice *s, uint32_t from, uint32_t to, struct strv with,
		      struct xcap_doc **doc_out)
{
	const struct xcap_spot *at = s->at;
	const struct xcap_chunk *old = at->chunk;
	struct xcap_seglist none = { 0 };
	struct xcap_chunk *tag = NULL;
	const struct xcap_ns *ns;
	struct xcap_text text;
	struct joined j;
	int rc = -1;

	if (joined_init(&j, old->text.n + with.n, old->n_opened, s->err) == 0) {
		join_spliced(&j, old, from, to, with, XCAP_NONE);
		text = (struct xcap_text){ strv_mem(j.p, j.n), j.opened, j.n_opened };
		if (xcap_level_ns(at, at->n_levels, &ns) < 0) {
			nomem(s->err);
		} else {
			rc = xcap_chunk_new(&text, 0, (uint32_t)j.n, XCAP_SCAN_FRAGMENT, ns, 0,
					    s->limits, &tag, s->err);
			xcap_ns_drop(&ns);
		}
	}
	joined_fini(&j);
	if (rc < 0)
		return -1;
	/* No shelf is at the end of the list: nothing is put there, all are shared. */
	rc = rebuild(s, at->n_levels, at->wide, tag, at->wide->n, 0, 0, &none, doc_out);
	xcap_seg_drop(&tag->seg);
	return rc;
}

int xcap_splice_text(const struct xcap_spot *spot, uint32_t from, uint32_t to, struct strv with,
		     uint32_t opened, const struct xcap_limits *limits, struct xcap_doc **doc_out,
		     struct err *err)
{
	struct splice s = { spot, limits, err };
	const struct xcap_level *level = &spot->level[spot->n_levels - 1];
	const struct xcap_shelf *shelf = level->wide->shelf[level->shelf];
	const struct xcap_chunk *chunk = spot->chunk;
	size_t n = chunk->text.n - (to - from) + with.n;
	struct xcap_seglist add = { 0 };
	unsigned kid = level->kid, marks = chunk->n_opened;
	struct xcap_text text;
	struct joined j;
	int rc, d;

	*doc_out = NULL;
	if (n > limits->octets)
		return err_set(err, ERR_LIMIT, "the document would be larger than %zu octets",
			       limits->octets);
	if (spot->wide)
		return splice_tag(&s, from, to, with, doc_out);
	d = chunk->mode == XCAP_SCAN_CONTENT ? neighbour(shelf, kid, n) : 0;
	if (d)
		marks += chunk_at(shelf, kid + (unsigned)d)->n_opened;
	rc = joined_init(&j, n + (d ? XCAP_CHUNK_OCTETS : 0), marks + 1, err);
	if (rc == 0) {
		if (d < 0)
			join_chunk(&j, chunk_at(shelf, kid - 1), 0,
				   shelf->kid[kid - 1]->sums.octets);
		join_spliced(&j, chunk, from, to, with, opened);
		if (d > 0)
			join_chunk(&j, chunk_at(shelf, kid + 1), 0,
				   shelf->kid[kid + 1]->sums.octets);
		text = (struct xcap_text){ strv_mem(j.p, j.n), j.opened, j.n_opened };
		rc = pack_at(&s, spot->n_levels, &text, chunk->mode, &add);
	}
	joined_fini(&j);
	if (rc < 0)
		return -1;
	return rebuild(&s, spot->n_levels - 1, level->wide, NULL, level->shelf,
		       d < 0 ? kid - 1 : kid, d ? 2 : 1, &add, doc_out);
}

int xcap_splice_wide(const struct xcap_spot *spot, struct strv with,
		     const struct xcap_limits *limits, struct xcap_doc **doc_out, struct err *err)
{
	struct splice s = { spot, limits, err };
	const struct xcap_level *level = &spot->level[spot->n_levels - 1];
	struct xcap_text text = { .bytes = with };
	struct xcap_seglist add = { 0 };
	/* As the root element the new text is a document; prolog and epilog stay chunks beside it.
	 */
	enum xcap_scan_mode mode = spot->n_levels == 1 ? XCAP_SCAN_DOCUMENT : XCAP_SCAN_CONTENT;

	*doc_out = NULL;
	if (with.n > limits->octets)
		return err_set(err, ERR_LIMIT, "the document would be larger than %zu octets",
			       limits->octets);
	if (pack_at(&s, spot->n_levels, &text, mode, &add) < 0)
		return -1;
	return rebuild(&s, spot->n_levels - 1, level->wide, NULL, level->shelf, level->kid, 1, &add,
		       doc_out);
}

/* WITH into LIST (at N_LEVELS of the path) at place KID of SHELF: into the chunk that begins or
 * ends there when there is one. */
static int insert_at(const struct splice *s, unsigned n_levels, const struct xcap_wide *list,
		     unsigned shelf, unsigned kid, struct strv with, struct xcap_doc **doc_out)
{
	const struct xcap_shelf *at = shelf < list->n ? list->shelf[shelf] : NULL;
	struct xcap_text text = { .bytes = with };
	struct xcap_seglist add = { 0 };
	struct xcap_spot spot = *s->at;
	int before = at && kid > 0 && !at->kid[kid - 1]->is_wide;

	if (before || (at && kid < at->n && !at->kid[kid]->is_wide)) {
		spot.level[n_levels] = (struct xcap_level){ list, shelf, before ? kid - 1 : kid };
		spot.n_levels = n_levels + 1;
		spot.wide = NULL;
		spot.chunk = chunk_at(at, before ? kid - 1 : kid);
		kid = before ? (unsigned)spot.chunk->text.n : 0;
		return xcap_splice_text(&spot, kid, kid, with, XCAP_NONE, s->limits, doc_out,
					s->err);
	}
	/* The context of the content of LIST itself. */
	spot.level[n_levels].wide = list;
	spot.n_levels = n_levels + 1;
	if (pack_at(&(struct splice){ &spot, s->limits, s->err }, n_levels + 1, &text,
		    XCAP_SCAN_CONTENT, &add) < 0)
		return -1;
	return rebuild(s, n_levels, list, NULL, shelf, kid, 0, &add, doc_out);
}

int xcap_splice_beside(const struct xcap_spot *spot, int after, struct strv with,
		       const struct xcap_limits *limits, struct xcap_doc **doc_out, struct err *err)
{
	struct splice s = { spot, limits, err };
	const struct xcap_level *level = &spot->level[spot->n_levels - 1];

	*doc_out = NULL;
	return insert_at(&s, spot->n_levels - 1, level->wide, level->shelf,
			 level->kid + (after ? 1 : 0), with, doc_out);
}

int xcap_splice_append(const struct xcap_spot *spot, struct strv with,
		       const struct xcap_limits *limits, struct xcap_doc **doc_out, struct err *err)
{
	struct splice s = { spot, limits, err };
	unsigned shelf = spot->wide->n ? spot->wide->n - 1 : 0;

	*doc_out = NULL;
	return insert_at(&s, spot->n_levels, spot->wide, shelf,
			 spot->wide->n ? spot->wide->shelf[shelf]->n : 0, with, doc_out);
}
