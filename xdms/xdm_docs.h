/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xdm_docs.h - documents for operators: read, put, deleted, listed, their logs, undone
 *
 * What an operator changes goes the way of XCAP requests: the same conditions, schema, uniqueness
 * and constraints, the same log, with the operator's name. All of it blocks: never on a worker.
 *
 * A document is named as below the XCAP root, percent-encoded where a URI needs it:
 * "resource-lists/users/sip:ana@example.com/index"; get, put and del take nodes of it too
 * ("…/index/~~/resource-lists/list").
 */
#ifndef XDMS_XDM_DOCS_H
#define XDMS_XDM_DOCS_H

#include "xdms/xcap_req.h"
#include "xdms/xdm_access.h"
#include "xdms/xdm_quota.h"

/* Filled in by xdms_new and xdms_start; borrowed by whoever asks. */
struct xdm_docs {
	const struct xcap_rules *rules;
	struct xdm_store *store;
	const struct xdm_doc *caps; /* xcap-caps/global/index */
};

/* Who is the home identity behind IDENTITY (canonical)? Into HOME_OUT, in ARENA: 0; -1 with
 * ERR_ABSENT when there is no such user, or the directory's error. */
typedef int xdm_home_fn(void *arg, struct strv identity, struct arena *arena, struct strv *home_out,
			struct err *err);

/* One question. */
struct xdm_ask {
	struct strv doc; /* see above */
	struct strv who; /* the operator, for the log */
	/* Conditions of a change, as the header fields of HTTP; empty: none. When they do not hold
	 * it is refused with 412. */
	struct strv if_match, if_none_match;
	int64_t time_us; /* now */
	struct arena *arena;
	xdm_home_fn *home; /* NULL: every identity is a user's */
	void *home_arg;
};

/* Why not: when WHY is not empty the server refused what was asked for, with the STATUS and the
 * cause (a word: "schema-validation-error") of XCAP, and WHY says it for people. In the arena. */
struct xdm_refusal {
	unsigned status;
	const char *cause;
	struct strv why;
};

/* What a document is now. ETAG is in quotes; empty: it is gone. */
struct xdm_state {
	struct strv doc; /* its name with the user's home identity, percent-encoded */
	char etag[40];
	int created;
	/* Of a list: */
	size_t octets;
	int64_t time_s; /* of the last change; 0: not known */
};

/* All below: 0; 1: refused, see REFUSAL_OUT; -1 with ERR: ERR_NOMEM, ERR_BUSY, ERR_SPACE,
 * ERR_CORRUPT, ERR_IO. */

/* The document or node; CONTENT_OUT is in the arena. */
int xdm_docs_get_sync(const struct xdm_docs *docs, const struct xdm_ask *ask,
		      struct strv *content_out, const char **type_out, struct xdm_state *state_out,
		      struct xdm_refusal *refusal_out, struct err *err);

/* Put BODY there, or (p NULL) delete what is there. */
int xdm_docs_put_sync(const struct xdm_docs *docs, const struct xdm_ask *ask, struct strv body,
		      struct xdm_state *state_out, struct xdm_refusal *refusal_out,
		      struct err *err);

/* The document's log, the oldest entry first; in the arena. */
int xdm_docs_log_sync(const struct xdm_docs *docs, const struct xdm_ask *ask,
		      struct xdm_log_entry **entry_out, unsigned *n_out,
		      struct xdm_state *state_out, struct xdm_refusal *refusal_out,
		      struct err *err);

/* Take back change NUMBER of the log (0: the newest), as a new version. Refused when a later change
 * touched the same place, when the text that it replaced is not kept, or when the document would
 * not be valid. NUMBER_OUT is what was taken back. */
int xdm_docs_undo_sync(const struct xdm_docs *docs, const struct xdm_ask *ask, uint64_t number,
		       uint64_t *number_out, struct xdm_state *state_out,
		       struct xdm_refusal *refusal_out, struct err *err);

/* The documents of the user ask->doc (empty: of the global tree), in order, at most MAX behind
 * AFTER (a name of STATES_OUT, or empty); in the arena. */
int xdm_docs_list_sync(const struct xdm_docs *docs, const struct xdm_ask *ask, struct strv after,
		       unsigned max, struct xdm_state **states_out, unsigned *n_out,
		       struct xdm_refusal *refusal_out, struct err *err);

/* What the user ask->doc (empty: the global tree) has, against docs->rules->quota. */
int xdm_docs_used_sync(const struct xdm_docs *docs, const struct xdm_ask *ask,
		       struct xdm_used *used_out, struct xdm_refusal *refusal_out, struct err *err);

/* What may user WHO do with ask->doc, and why: one answer for each operation. A document that is
 * not there is answered for too. */
int xdm_docs_access_sync(const struct xdm_docs *docs, const struct xdm_ask *ask, struct strv who,
			 struct xdm_access access_out[XDM_OPS], struct xdm_state *state_out,
			 struct xdm_refusal *refusal_out, struct err *err);

#endif
