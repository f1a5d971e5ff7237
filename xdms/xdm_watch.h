/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xdm_watch.h - interest in documents: told of every change, in order, with its patch
 *
 * A watch is on one document, on one node of it, or on a collection: a user's documents of one
 * usage, everybody's of one usage, all of a user's. It is told by the store's commits, whoever made
 * them, after they are durable; nothing is left out: where a change cannot be told any more, the
 * watcher is told to start over. A change costs what looking up its document and its collections
 * costs, however many watches there are on others.
 *
 *     struct xdm_watch_spec spec = { .kind = XDM_WATCH_COLLECTION,
 *                                    .owner = STRV("sip:ana@example.com"),
 *                                    .name = STRV("x/resource-lists/") };
 *     watch = xdm_watch_new(watches, &spec, on_event, subscription, &err);
 *
 * The SIP event package (RFC 5875) hands the changes to xdm_diff.h. Whoever compiles documents (a
 * policy) and must have the new value before the answer to its PUT leaves uses xdm_store_hook
 * (xdm_store.h) instead: that is called on the thread that changes, this comes a moment later.
 */
#ifndef XDMS_XDM_WATCH_H
#define XDMS_XDM_WATCH_H

#include "xdms/xdm_store.h"

/* One change of one document. Immutable and counted: hold it to keep it. */
struct xdm_change {
	uint64_t seq;	      /* the commit */
	struct strv owner;    /* of the document */
	struct strv name;     /* of its record; empty: all documents of the owner went at once */
	uint64_t version;     /* of the document after it, which is SEQ; 0: it is gone */
	uint64_t old_version; /* before it; 0: there was none, or (ENTRY NULL) it is not known */
	/* Who, when, and the patch; NULL: the log no longer has it, or it never had. */
	const struct xdm_log_entry *entry;
};
struct xdm_change *xdm_change_hold(const struct xdm_change *change);
/* Takes the address, accepts NULL. */
void xdm_change_drop(struct xdm_change **change);

enum xdm_watch_kind {
	XDM_WATCH_DOCUMENT,
	XDM_WATCH_NODE, /* an element or attribute: its latest state only, when it has changed */
	XDM_WATCH_COLLECTION,
};

struct xdm_watch_spec {
	enum xdm_watch_kind kind;
	/* Of the records: canonical identity or XDM_GLOBAL_OWNER. A collection may leave it empty:
	 * everybody's and the global tree's. */
	struct strv owner;
	/* The document's ("x/resource-lists/index"), or a collection's: "x/" AUID "/", or "x/" for
	 * all usages. */
	struct strv name;
	/* XDM_WATCH_NODE: as in xcap_uri.h, and what names without a prefix belong to. */
	struct strv node, query, default_ns;
	/* What the watcher has: the document in version SINCE (0: it knew that there was none), or
	 * the collection as of commit SINCE; it is told what came after. */
	int has_since;
	uint64_t since;
};

enum xdm_watch_kind_of_event {
	/* Once, first, unless a resumed watch starts over: from here on. VERSION is the document's
	 * (0: there is none), or the last commit. */
	XDM_WATCH_BEGINS,
	XDM_WATCH_CHANGES, /* VERSION is that of the last of them */
	/* What the watcher has cannot be brought forward: the log does not go back so far, or
	 * memory was short. It reads the document or the collection again; changes go on behind
	 * VERSION, which is as for XDM_WATCH_BEGINS. */
	XDM_WATCH_STARTS_OVER,
	/* Of a node instead of all these: it is in this state. */
	XDM_WATCH_NODE_STATE,
};

/* Valid during the call. */
struct xdm_watch_event {
	enum xdm_watch_kind_of_event kind;
	uint64_t version;
	const struct xdm_change *const *change; /* in order; several when they came in a burst */
	unsigned n;
	/* XDM_WATCH_NODE_STATE: the document (its DOC may be NULL), whether the node is there, and
	 * then the element, or the one that has the attribute. VERSION is the document's. */
	const struct xdm_doc *doc;
	int exists;
	const struct xcap_spot *spot;
	struct strv value; /* of an attribute, as written */
};

struct xdm_watch;
struct xdm_watches;

/* On the worker that made the watch; when no worker did, on the thread of the watches. It may free
 * its watch. */
typedef void xdm_watch_fn(void *arg, struct xdm_watch *watch, const struct xdm_watch_event *event);

/* KV and STORE are borrowed. Subscribes to KV: before the first commit. */
int xdm_watches_new(struct kv *kv, struct xdm_store *store, struct xdm_watches **watches_out,
		    struct err *err);
/* Tell nobody any more. Before kv_close, while the workers still run. Harmless when repeated. */
void xdm_watches_stop(struct xdm_watches *watches);
/* After kv_close, when the workers have ended and every watch is freed. Takes the address, accepts
 * NULL. */
void xdm_watches_free(struct xdm_watches **watches);

/* A new watch, the caller's, on its worker. SPEC is copied. FN is called from then on, never before
 * this returns. NULL: ERR_NOMEM, ERR_RANGE (names out of bounds), or what xcap_sel_parse says. */
struct xdm_watch *xdm_watch_new(struct xdm_watches *watches, const struct xdm_watch_spec *spec,
				xdm_watch_fn *fn, void *arg, struct err *err);
/* On its worker, or when the workers have ended. FN is not called any more when this returns; one
 * that belongs to no worker is freed by FN itself or after xdm_watches_stop. Takes the address,
 * accepts NULL. */
void xdm_watch_free(struct xdm_watch **watch);

unsigned xdm_watches_count(struct xdm_watches *watches);

#endif
