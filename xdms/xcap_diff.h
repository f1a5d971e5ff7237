/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_diff.h - changes as text: xcap-diff documents (RFC 5874) with RFC 5261 operations
 */
#ifndef XDMS_XCAP_DIFF_H
#define XDMS_XCAP_DIFF_H

#include "xdms/xcap_edit.h"

#define XCAP_DIFF_TYPE "application/xcap-diff+xml"

enum xcap_change_kind { XCAP_DIFF_DOCUMENT, XCAP_DIFF_ELEMENT, XCAP_DIFF_ATTR };

struct xcap_diff_entry {
	enum xcap_change_kind kind;
	struct strv sel; /* relative to the root, or as the subscriber gave it; percent-encoded */

	/* Documents: etags without quotes. Only NEW: created; only PREVIOUS: removed. Operations
	 * and NOT_CHANGED need both. */
	struct strv previous_etag, new_etag;
	int not_changed; /* the content is the same, only the tag moved */
	const struct xcap_patch *const *patch;
	unsigned n_patches;

	/* Elements and attributes. */
	int exists;
	struct strv content;	  /* the element's octets, or the attribute's value; may be empty */
	const struct xcap_ns *ns; /* in scope at the element, whose declarations it may lack */
};

/* The document for N entries below ROOT. Empty when memory is short. */
struct strv xcap_diff_print(struct strv root, const struct xcap_diff_entry *entry, unsigned n,
			    struct arena *arena);

/* The operations of one patch alone, under the element names PREFIX:add, PREFIX:replace and
 * PREFIX:remove, where nothing in the patch binds PREFIX otherwise. */
void xcap_patch_print(struct xcap_print *print, const struct xcap_patch *patch, struct strv prefix);

#endif
