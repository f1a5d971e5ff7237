/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_valid.h - may this be stored? (RFC 4825 s8.2.2, s8.2.5)
 *
 * A whole document is parsed by libxml2 and judged by its usage. After the edit of a node only the
 * changed element is judged, in its place, where the usage's tables can tell; whatever they do not
 * know, and every edit that looks wrong, goes through the whole document, so that the verdict and
 * the fault are always those of the whole.
 */
#ifndef XDMS_XCAP_VALID_H
#define XDMS_XCAP_VALID_H

#include "xdms/auid.h"
#include "xdms/xcap_edit.h"

/* Whose rules, and what they need to know of the document. */
struct xcap_judge {
	const struct auid_table *table;
	const struct auid_ops *usage;
	struct auid_context context;
};

/* The bounds of USAGE's documents. */
struct xcap_limits xcap_valid_limits(const struct auid_ops *usage);

/* All below: 0 it may; 1 refused, FAULT_OUT says why; -1 without memory, ERR says what for. */

/* BYTES as a new document in DOC_OUT (the caller's to drop). */
int xcap_valid_document(const struct xcap_judge *judge, struct strv bytes, struct arena *arena,
			struct xcap_doc **doc_out, struct xcap_fault *fault_out, struct err *err);

/* ELEM as a tree of its own, in its namespace context, within the bounds of base/xml.h: 0, the tree
 * in TREE_OUT (xmlFreeDoc) and the element in ROOT_OUT; -1 when it exceeds them or memory is short.
 */
int xcap_valid_tree(const struct xcap_spot *elem, struct arena *arena, xmlDoc **tree_out,
		    xmlNode **root_out);

/* OLD was valid; EDIT is what PUT or (IS_DELETE) DELETE of SEL made of it. 1 when the changed
 * element alone shows that the result is valid too; 0: ask xcap_valid_whole. */
int xcap_valid_alone(const struct xcap_judge *judge, const struct xcap_doc *old,
		     const struct xcap_sel *sel, int is_delete, const struct xcap_edit *edit,
		     struct arena *arena);

/* DOC, which is well-formed, as a whole. */
int xcap_valid_whole(const struct xcap_judge *judge, const struct xcap_doc *doc,
		     struct arena *arena, struct xcap_fault *fault_out, struct err *err);

#endif
