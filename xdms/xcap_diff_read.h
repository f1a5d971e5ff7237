/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_diff_read.h - what another server tells of changes: xcap-diff documents (RFC 5874) read
 *
 * As much of them as somebody needs who fetches what has changed: which documents. Pure: no I/O.
 */
#ifndef XDMS_XCAP_DIFF_READ_H
#define XDMS_XCAP_DIFF_READ_H

#include "base/arena.h"
#include "base/err.h"
#include "base/strv.h"

enum { XCAP_DIFF_READ_BYTES = 256 * 1024, XCAP_DIFF_READ_MAX = 4096 };

/* One document that was told of. */
struct xcap_diff_told {
	struct strv xui;  /* decoded, as the server spells it; empty: in the global tree */
	struct strv name; /* of its record ("x/resource-lists/index"), as in xdm_store.h */
	int is_gone;
};

/* The documents in BYTES whose selectors are relative to its root, each as often as it is told of,
 * in ARENA; nodes and what is not understood are passed over. Returns 0; -1 with ERR_SYNTAX (not
 * XML that base/xml.h takes, another root), ERR_LIMIT or ERR_NOMEM. */
int xcap_diff_read(struct strv bytes, struct arena *arena, struct xcap_diff_told **told_out,
		   unsigned *n_out, struct err *err);

#endif
