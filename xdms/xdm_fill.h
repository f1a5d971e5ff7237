/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xdm_fill.h - documents of new users, many at once: what bulk imports are made of
 *
 * Each document is judged as if its owner had put it, and becomes part of a batch of the caller's,
 * which may carry all of an owner at once; the caller commits many batches before it waits for the
 * first. Nothing is looked up before: the batch's conditions find out whether the documents are
 * new, and whoever meets KV_CONFLICT puts them one by one (xdm_docs.h). Of the quotas only those of
 * one document hold here: what a user has of all is not summed.
 */
#ifndef XDMS_XDM_FILL_H
#define XDMS_XDM_FILL_H

#include "xdms/xdm_docs.h"

/* One document on its way into the store. */
struct xdm_filled {
	struct strv owner, name; /* in the ask's arena */
	struct xdm_doc *next;
};

/* BODY as the document ask->doc, a new one in the users tree, to BATCH, a batch of its owner (the
 * canonical identity in the name; ASK's home is not asked). BATCH NULL: it is only judged. 0,
 * FILLED_OUT to be handed to xdm_fill_end; 1: refused, and BATCH is as it was; 2: this usage's
 * documents are not for themselves, and have to be put alone (xdm_docs_put_sync); -1 with
 * ERR_NOMEM, and BATCH must not be committed. */
int xdm_fill(const struct xdm_docs *docs, const struct xdm_ask *ask, struct strv body,
	     struct kv_batch *batch, struct xdm_filled *filled_out, struct xdm_refusal *refusal_out,
	     struct err *err);

/* The batch was committed as SEQ: show the document to everybody; 0: it was not. */
void xdm_fill_end(const struct xdm_docs *docs, struct xdm_filled *filled, uint64_t seq);

#endif
