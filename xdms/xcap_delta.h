/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_delta.h - where two versions of a document differ, in octets
 *
 * What an undo puts back, and how far the place of a change reaches. Versions that share chunks are
 * compared without looking at what they share, so that the cost is that of the change.
 */
#ifndef XDMS_XCAP_DELTA_H
#define XDMS_XCAP_DELTA_H

#include "xdms/xcap_edit.h"

/* Octets AT to AT + REMOVED.n of the old version have become AT to AT + INSERTED_N of the new one;
 * all others are the same. The place of the change begins LEAD octets before and ends TRAIL octets
 * behind: the element that was put or deleted, the start tag whose attribute changed, or, when the
 * document was put as a whole, all of it. */
struct xcap_delta {
	uint64_t at, inserted_n, lead, trail;
	struct strv removed; /* in the arena, or of the old document */
};

/* From OLD to NEW (NULL: there is none; not both), by EDIT (NULL: as a whole). 0; -1 without
 * memory. */
int xcap_delta_find(const struct xcap_doc *old_doc, const struct xcap_doc *new_doc,
		    const struct xcap_edit *edit, struct arena *arena,
		    struct xcap_delta *delta_out);

/* A later change moved, or lies in, what an earlier one left. EARLIER's place is brought to where
 * it is after LATER. 1; 0 when LATER touched that place. */
int xcap_delta_pass(struct xcap_delta *earlier, const struct xcap_delta *later);

#endif
