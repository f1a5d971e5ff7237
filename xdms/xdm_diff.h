/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xdm_diff.h - what watchers were told, as entries of an xcap-diff document (RFC 5874)
 *
 * For whoever notifies: keep the version that was last reported of each document, collect the
 * changes that a watch tells, make entries of them, print them (xcap_diff_print). A client takes
 * an entry only when its previous-etag is what the client has, so that what cannot be a patch
 * (a document put as a whole, an undo, an entry that the log no longer has) is told by its tags
 * alone and fetched.
 */
#ifndef XDMS_XDM_DIFF_H
#define XDMS_XDM_DIFF_H

#include "xdms/xcap_diff.h"
#include "xdms/xdm_watch.h"

/* diff-processing of RFC 5875 s4.3; a notifier may use a simpler one than was asked for. */
enum xdm_diff_mode {
	XDM_DIFF_NO_PATCHING, /* the tags only */
	XDM_DIFF_PATCHING,    /* an entry for each change, all tags, in order */
	XDM_DIFF_AGGREGATE    /* all changes in one entry where that is possible */
};

struct xdm_diff_from {
	uint64_t epoch;	    /* of the store */
	uint64_t version;   /* that was last reported; 0: that there is none, or nothing yet */
	struct strv sel;    /* of the document, as the entries shall have it */
	size_t patch_bytes; /* of operations at most; more are told by the tags alone */
};

/* What the N changes (of one document, in order) make of the version in FROM, in ARENA, which needs
 * the changes held as long as the entries are used. No entries: there was nothing before and is
 * nothing now. 0; -1 without memory. */
int xdm_diff_document(const struct xdm_diff_from *from, const struct xdm_change *const *change,
		      unsigned n, enum xdm_diff_mode mode, struct arena *arena,
		      struct xcap_diff_entry **entry_out, unsigned *n_out);

/* The entry for a document found in VERSION, for the first notification. SEL as above. 0 or -1. */
int xdm_diff_found(uint64_t epoch, uint64_t version, struct strv sel, struct arena *arena,
		   struct xcap_diff_entry *entry_out);

/* The entry for the state of a node (XDM_WATCH_NODE_STATE): with its content up to MAX_BYTES, as
 * long as the event is valid. The caller drops entry_out->ns (xcap_ns_drop). 0 or -1. */
int xdm_diff_node(const struct xdm_watch_event *event, struct strv sel, size_t max_bytes,
		  struct arena *arena, struct xcap_diff_entry *entry_out);

/* "AUID/users/XUI/path" for the document of a record, percent-encoded, relative to the XCAP root:
 * what documents of a collection are called. Empty without memory. */
struct strv xdm_diff_sel(struct strv owner, struct strv name, struct arena *arena);

#endif
