/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_doc_priv.h - chunks, shelves and wide elements, for the files of the document engine
 *
 * See the picture in xcap_doc.h. All of it is immutable once it can be reached from a document.
 */
#ifndef XDMS_XCAP_DOC_PRIV_H
#define XDMS_XCAP_DOC_PRIV_H

#include <stdatomic.h>

#include "xdms/xcap_doc.h"

enum {
	XCAP_CHUNK_NODES = 64,	      /* a run is cut at about this many elements */
	XCAP_CHUNK_OCTETS = 8 * 1024, /* or here */
	XCAP_CHUNK_NODES_MAX = 128,   /* a chunk that has more after an edit is cut anew */
	XCAP_CHUNK_OCTETS_MAX = 16 * 1024,
	XCAP_CHUNK_OCTETS_MIN = 1024, /* a smaller one is joined with its neighbour */
	XCAP_SHELF_KIDS = 64,	      /* one bit each in a signature */
	XCAP_SUMS = 12,		      /* names counted apart; more: ask the kids */
	XCAP_SIG_BITS = 1024,
	XCAP_SIG_KIDS = 8 /* a shelf with fewer kids has no signature */
};

struct xcap_sum {
	struct xcap_index_name name; /* views into a kid */
	uint32_t n;
};

/* What stands below: octets, elements at all depths, children of the list's element, those by
 * name. With MANY there are more names than fit, and the table is empty. */
struct xcap_sums {
	uint32_t octets, nodes, elements;
	uint16_t n;
	uint16_t many;
	struct xcap_sum sum[XCAP_SUMS];
};

/* The common beginning of chunks and wide elements. */
struct xcap_seg {
	_Atomic unsigned refs;
	int is_wide;
	uint32_t id; /* of a chunk: its record's, never used twice in one document; 0: none yet */
	struct xcap_sums sums;
};

struct xcap_chunk {
	struct xcap_seg seg;
	enum xcap_scan_mode mode;
	struct strv text; /* behind the struct */
	struct xcap_index ix;
	const struct xcap_ns *ns; /* what the names were resolved with; keeps their strings */
	uint32_t *key;		  /* hashes of the addresses of its top elements */
	unsigned n_keys;
	/* Offsets of start tags that were empty-element tags until an insertion opened them, in
	 * order: when the content has gone they become so again. */
	uint32_t *opened;
	unsigned n_opened;
};

struct xcap_shelf {
	_Atomic unsigned refs;
	unsigned n;
	struct xcap_seg *kid[XCAP_SHELF_KIDS];
	uint32_t id[XCAP_SHELF_KIDS]; /* those of the kids, of wide ones their tags' */
	struct xcap_sums sums;
	uint64_t *sig; /* for each bit of a key's signature, the kids that have it; may be NULL */
};

struct xcap_wide {
	struct xcap_seg seg;
	struct xcap_chunk *tag; /* "<name …></name>", one node; NULL: the document */
	unsigned n;
	struct xcap_shelf *shelf[];
};

/* SEG as what it is; the tags of a wide element for its chunk. */
static inline const struct xcap_wide *xcap_seg_wide(const struct xcap_seg *seg)
{
	return seg->is_wide ? (const struct xcap_wide *)seg : NULL;
}

static inline const struct xcap_chunk *xcap_seg_chunk(const struct xcap_seg *seg)
{
	return seg->is_wide ? ((const struct xcap_wide *)seg)->tag : (const struct xcap_chunk *)seg;
}

struct xcap_doc {
	_Atomic unsigned refs;
	uint32_t next_id;
	struct xcap_wide *top;
};

/* Give SEG, and all chunks in it that have none, ids from NEXT_ID on. Returns the next one. For
 * what nobody else can see yet. */
uint32_t xcap_seg_number(struct xcap_seg *seg, uint32_t next_id);

/* Text to be made into chunks. */
struct xcap_text {
	struct strv bytes;
	const uint32_t *opened; /* as in a chunk */
	unsigned n_opened;
};

struct xcap_seglist {
	struct xcap_seg **seg;
	unsigned n, cap;
};

/* Cut TEXT into chunks and wide elements, appended to LIST. It stands at depth DEPTH in the
 * context NS; MODE is XCAP_SCAN_DOCUMENT or XCAP_SCAN_CONTENT. Returns 0, -1 as xcap_scan. */
int xcap_pack(const struct xcap_text *text, enum xcap_scan_mode mode, const struct xcap_ns *ns,
	      unsigned depth, const struct xcap_limits *limits, struct xcap_seglist *list,
	      struct err *err);
int xcap_seglist_add(struct xcap_seglist *list, struct xcap_seg *seg, struct err *err);
void xcap_seglist_fini(struct xcap_seglist *list);

/* One chunk from octets FROM to TO of TEXT, reference count 1. */
int xcap_chunk_new(const struct xcap_text *text, uint32_t from, uint32_t to,
		   enum xcap_scan_mode mode, const struct xcap_ns *ns, unsigned depth,
		   const struct xcap_limits *limits, struct xcap_chunk **chunk_out,
		   struct err *err);

struct xcap_seg *xcap_seg_hold(struct xcap_seg *seg);
void xcap_seg_drop(struct xcap_seg *seg);

/* The wide element OLD (NULL: an empty document) with TAG (NULL: the old one's) and with kids FROM
 * (a place in shelf SHELF) to FROM + N_DEL replaced by those of ADD, whose references it takes over
 * also when it fails: NULL without memory. */
struct xcap_wide *xcap_wide_with(const struct xcap_wide *old, struct xcap_chunk *tag,
				 unsigned shelf, unsigned from, unsigned n_del,
				 struct xcap_seglist *add);

/* How many children by NAME (NULL: any) the sums count; -1: ask the kids. */
int64_t xcap_sums_count(const struct xcap_sums *sums, const struct xcap_index_name *name);

/* 1 when ATTR is one of those that address elements: in no namespace and named uri, name, id, ref
 * or anchor. The key of such an attribute. */
int xcap_is_address(const struct xcap_name *attr);
uint32_t xcap_address_key(struct strv local, uint32_t value_hash);
/* The kids of SHELF that may have an element with KEY, as a set of bits. */
uint64_t xcap_shelf_candidates(const struct xcap_shelf *shelf, uint32_t key);

/* The bindings in scope for content at level N of SPOT's path (1: of the document's content). */
int xcap_level_ns(const struct xcap_spot *spot, unsigned n_levels, const struct xcap_ns **ns_out);
/* NS with the declarations of one start tag on top. */
int xcap_tag_ns(const struct xcap_chunk *chunk, uint32_t node, const struct xcap_ns *ns,
		const struct xcap_ns **ns_out);

/* ---- splices (xcap_splice.c): each returns a new document, reference count 1 ---- */

/* Octets FROM to TO of the chunk that SPOT's element stands in become WITH. OPENED (or XCAP_NONE)
 * is the offset of a tag that this opens, or makes an empty-element tag again. For a wide element
 * it is its pair of tags. */
int xcap_splice_text(const struct xcap_spot *spot, uint32_t from, uint32_t to, struct strv with,
		     uint32_t opened, const struct xcap_limits *limits, struct xcap_doc **doc_out,
		     struct err *err);
/* The wide element of SPOT and its content become WITH (empty: it is removed). */
int xcap_splice_wide(const struct xcap_spot *spot, struct strv with,
		     const struct xcap_limits *limits, struct xcap_doc **doc_out, struct err *err);
/* WITH before (AFTER 0) or behind the wide element of SPOT. */
int xcap_splice_beside(const struct xcap_spot *spot, int after, struct strv with,
		       const struct xcap_limits *limits, struct xcap_doc **doc_out,
		       struct err *err);
/* WITH as the last thing in the wide element of SPOT. */
int xcap_splice_append(const struct xcap_spot *spot, struct strv with,
		       const struct xcap_limits *limits, struct xcap_doc **doc_out,
		       struct err *err);

#endif
