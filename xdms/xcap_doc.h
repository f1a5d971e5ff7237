/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_doc.h - a document as a persistent tree of chunks
 *
 * Immutable and reference-counted: an edit makes a new document that shares all but one chunk and
 * the path to it, so that readers on any thread keep what they have. The client's octets are kept
 * exactly. What an edit does is decided in xcap_edit; whether the result is valid, by the usages.
 *
 *     document ── shelf ─┬─ chunk    <?xml …?> <!-- … -->
 *                        ├─ wide     <resource-lists>            </resource-lists>
 *                        │    └ shelf ─┬─ wide     <list name="all">   </list>
 *                        │             │    ├ shelf ─┬─ chunk  <entry …/> … 64 elements
 *                        │             │    │        └─ chunk  <entry …/> … (up to 64 kids)
 *                        │             │    └ shelf ─── chunk  …
 *                        │             └─ chunk    <list name="few"><entry/></list> text …
 *                        └─ chunk    white space behind the root
 *
 * A chunk is a run of siblings with their whole content, and the text, comments and PIs between
 * them: octets, an index of its elements with offsets relative to the chunk, and sums. An element
 * with too much in it for one chunk is wide: its two tags, and its content as shelves of chunks and
 * further wide elements. The document itself is the wide element without tags. Each shelf knows
 * how many octets and elements, by name, stand below it and has a signature of the attributes that
 * address its elements, so that looking up a position, a name or an address passes over what does
 * not matter. A small document is one chunk.
 */
#ifndef XDMS_XCAP_DOC_H
#define XDMS_XCAP_DOC_H

#include "base/arena.h"
#include "base/err.h"
#include "xdms/xcap_scan.h"
#include "xdms/xcap_sel.h"

struct xcap_doc;
struct xcap_chunk;
struct xcap_wide;

/* BYTES (copied; a leading byte order mark is dropped) as a document, reference count 1. Returns 0,
 * or -1 with the codes of xcap_scan. LIMITS NULL: the defaults. */
int xcap_doc_parse(struct strv bytes, const struct xcap_limits *limits, struct xcap_doc **doc_out,
		   struct err *err);
struct xcap_doc *xcap_doc_hold(const struct xcap_doc *doc);
/* Takes the address, accepts NULL. */
void xcap_doc_drop(struct xcap_doc **doc);

size_t xcap_doc_octets(const struct xcap_doc *doc);
/* Elements, all told. */
unsigned xcap_doc_nodes(const struct xcap_doc *doc);

/* One element of a document, or (n_levels 0) the document itself. Valid while the caller holds the
 * document; the fields are the engine's. */
struct xcap_level {
	const struct xcap_wide *wide;
	unsigned shelf, kid;
};
struct xcap_spot {
	const struct xcap_doc *doc;
	unsigned n_levels;
	struct xcap_level level[XCAP_DEPTH_MAX + 1]; /* from the document down */
	const struct xcap_wide *wide;		     /* the element itself when it is wide */
	const struct xcap_chunk *chunk;		     /* where its start tag stands */
	uint32_t node;
};

/* The document itself, whose only child is the root element. */
void xcap_doc_spot(const struct xcap_doc *doc, struct xcap_spot *spot_out);

/* How many children of PARENT have NAME (NULL: any name)? */
unsigned xcap_child_count(const struct xcap_spot *parent, const struct xcap_name *name);
/* The Nth (from 1) of them. 1 found, 0 there are fewer. */
int xcap_child_nth(const struct xcap_spot *parent, const struct xcap_name *name, unsigned n,
		   struct xcap_spot *spot_out);
/* The one with attribute ATTR of value VALUE. 0 none, 1, or 2: several (SPOT_OUT is the first). */
int xcap_child_attr(const struct xcap_spot *parent, const struct xcap_name *name,
		    const struct xcap_name *attr, struct strv value, struct xcap_spot *spot_out);
/* What STEP selects among the children of PARENT: 0, 1, 2 as above. */
int xcap_child_step(const struct xcap_spot *parent, const struct xcap_step *step,
		    struct xcap_spot *spot_out);
/* The element that contains SPOT's. 0 when that is the document. */
int xcap_spot_parent(const struct xcap_spot *spot, struct xcap_spot *parent_out);

/* The element sibling just before (STEP -1) or behind (STEP 1) SPOT's. 1, 0 when there is none. */
int xcap_spot_sibling(const struct xcap_spot *spot, int step, struct xcap_spot *sibling_out);

/* Follow the first N_STEPS steps of SEL from the document. Returns N_STEPS when they select one
 * element, SPOT_OUT; otherwise how many steps went well, SPOT_OUT where those led, and MATCHES_OUT
 * how many elements (0 or 2) the next one selects. */
unsigned xcap_doc_follow(const struct xcap_doc *doc, const struct xcap_sel *sel, unsigned n_steps,
			 struct xcap_spot *spot_out, int *matches_out);
/* 1 when all steps of SEL select one element, else 0. */
int xcap_doc_find(const struct xcap_doc *doc, const struct xcap_sel *sel,
		  struct xcap_spot *spot_out);

/* The element that begins at octet OFFSET of the document: 1, 0 when none does. */
int xcap_doc_spot_at(const struct xcap_doc *doc, size_t offset, struct xcap_spot *spot_out);

/* Are A and B the same element of one document? */
int xcap_spot_same(const struct xcap_spot *a, const struct xcap_spot *b);
/* Its place among the element children of its parent, from 1. */
unsigned xcap_spot_position(const struct xcap_spot *spot);
const struct xcap_name *xcap_spot_name(const struct xcap_spot *spot);
/* Its name as the tag has it. */
struct strv xcap_spot_qname(const struct xcap_spot *spot);
/* Where the element begins, in octets of the document. */
size_t xcap_spot_offset(const struct xcap_spot *spot);

/* The text of the element (of the whole document when it is one), piece by piece, in order: FN
 * returns 0 to go on. Pieces live as long as the document. Returns what FN returned last. */
int xcap_spot_text(const struct xcap_spot *spot, int (*fn)(void *arg, struct strv piece),
		   void *arg);
size_t xcap_spot_octets(const struct xcap_spot *spot);
/* The same as one view: of the document when it is one piece, else a copy in ARENA. Empty when
 * memory is short (an element is never empty). */
struct strv xcap_spot_slice(const struct xcap_spot *spot, struct arena *arena);

/* The attribute NAME as written, without its quotes: 1; 0 when there is none. Declarations are no
 * attributes. */
int xcap_spot_attr(const struct xcap_spot *spot, const struct xcap_name *name,
		   struct strv *raw_out);

/* The bindings in scope at the element, its own declarations included; for the caller to drop.
 * 0, -1 without memory. */
int xcap_spot_ns(const struct xcap_spot *spot, const struct xcap_ns **ns_out);
/* An empty element with SPOT's name that declares all of them (RFC 4825 s10). Empty without
 * memory. */
struct strv xcap_spot_ns_body(const struct xcap_spot *spot, struct arena *arena);

/* Canonical path of the element: names and positions among those of the same name,
 * percent-encoded, with the xmlns() query its prefixes need; ATTR (may be NULL) is put behind as a
 * terminal selector. For the field of a uniqueness-failure. Empty without memory. */
struct strv xcap_spot_print(const struct xcap_spot *spot, struct strv default_ns,
			    const struct xcap_name *attr, struct arena *arena);

#endif
