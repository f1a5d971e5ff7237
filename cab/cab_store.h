/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cab/cab_store.h - a user's stored address book: filled, given out, tidied
 *
 * One change is one new version of the document (one ETag, one entry of its log), judged as if its
 * owner had put it, and can be taken back as any other (xdm_docs_undo_sync). Who changes it at the
 * same time is not lost: the change is made again upon theirs. All of it blocks: never on a worker.
 *
 * ASK is that of xdm_docs.h; its DOC is the user's identity, in any spelling. Each returns 0; 1:
 * refused, see REFUSAL_OUT; -1 with ERR: the store's, ERR_NOMEM, ERR_SYNTAX (the file is none of
 * its format), ERR_LIMIT.
 */
#ifndef CAB_CAB_STORE_H
#define CAB_CAB_STORE_H

#include "cab/cab_book.h"
#include "xdms/xdm_docs.h"

/* The name of the address book of USER, as DOC of xdm_docs.h, in ARENA; empty without memory. */
struct strv cab_store_doc(struct strv user, struct arena *arena);

/* FILE, vCards (whatever the version) or, with IS_CSV, a table, into the book. DRY: only say what
 * would come of it; it may still be refused when it comes to it. STATE_OUT is filled in when
 * something was stored (else its etag is empty). */
int cab_store_import(const struct xdm_docs *docs, const struct xdm_ask *ask, struct strv file,
		     int is_csv, int dry, struct cab_report *report_out,
		     struct xdm_state *state_out, struct xdm_refusal *refusal_out, struct err *err);

/* The book to OUT; a user without one has an empty one. */
int cab_store_export(const struct xdm_docs *docs, const struct xdm_ask *ask, enum cab_format format,
		     struct cab_buf *out, uint64_t *contacts_out, struct xdm_refusal *refusal_out,
		     struct err *err);

int cab_store_duplicates(const struct xdm_docs *docs, const struct xdm_ask *ask, unsigned max,
			 struct cab_duplicates *out, struct xdm_refusal *refusal_out,
			 struct err *err);

int cab_store_merge(const struct xdm_docs *docs, const struct xdm_ask *ask, struct strv keep,
		    struct strv drop, struct xdm_state *state_out, struct xdm_refusal *refusal_out,
		    struct err *err);

#endif
