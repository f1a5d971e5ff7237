/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_record.h - documents as records of a store, and back
 *
 * A document is one head record and one record for each chunk, known by a number that is never used
 * twice while the document lives. An edit of an element writes the head and one chunk. Under which
 * keys they stand, and in which batch, is the caller's business.
 *
 *     head:  0x01  next number  octets  kids of the document
 *            kids: how many, then for each  number * 2           a chunk
 *                                           number * 2 + 1 kids  a wide element, its tags, its kids
 *     chunk: 0x01  mode  how many marks, each as its distance from the one before  text
 *
 * Numbers are in base 128, the lowest seven bits first, the eighth set in all octets but the last,
 * and as short as can be.
 */
#ifndef XDMS_XCAP_RECORD_H
#define XDMS_XCAP_RECORD_H

#include "xdms/xcap_doc.h"

enum { XCAP_RECORD_HEAD = 0 };

struct xcap_record {
	uint32_t id;	   /* XCAP_RECORD_HEAD or a chunk's number */
	struct strv bytes; /* empty: the record goes */
};

/* The records to write so that those of OLD (NULL: there are none) become those of DOC, which was
 * made from OLD by edits; the head first. A document that was parsed counts its chunks from 1: when
 * it takes the place of another, all records of that one go first. In ARENA. Returns 0, -1 without
 * memory. */
int xcap_record_changes(const struct xcap_doc *doc, const struct xcap_doc *old, struct arena *arena,
			struct xcap_record **record_out, unsigned *n_out);

/* The document whose head is HEAD and whose chunks are the N records CHUNK, in any order. Returns
 * 0; -1 with ERR_CORRUPT when they are not what xcap_record_changes wrote (a record more or less,
 * a broken number, text that is not well-formed where it stands), ERR_LIMIT, ERR_NOMEM. */
int xcap_record_load(struct strv head, const struct xcap_record *chunk, unsigned n,
		     const struct xcap_limits *limits, struct xcap_doc **doc_out, struct err *err);

/* How many octets the document with this HEAD has; 0: HEAD is damaged. */
size_t xcap_record_octets(struct strv head);

#endif
