/* SPDX-License-Identifier: Apache-2.0 */
/* xdms/xcap_edit_priv.h - what the files of xcap_edit share: one request on its way */
#ifndef XDMS_XCAP_EDIT_PRIV_H
#define XDMS_XCAP_EDIT_PRIV_H

#include "xdms/xcap_doc_priv.h"
#include "xdms/xcap_edit.h"

struct xcap_change {
	const struct xcap_doc *doc;
	const struct xcap_sel *sel;
	const struct xcap_limits *limits;
	struct arena *arena;
	struct xcap_edit *edit;
	struct xcap_fault *fault;
	struct err *err;
};

int xcap_refuse(const struct xcap_change *c, enum xcap_fault_kind kind, const char *phrase);
/* What a failed scan or splice means: KIND for what is not well-formed; -1 without memory. */
int xcap_refuse_err(const struct xcap_change *c, enum xcap_fault_kind kind);
/* no-parent, when only the first N_STEPS steps of the selector lead anywhere. */
int xcap_refuse_no_parent(const struct xcap_change *c, unsigned n_steps);
int xcap_no_memory(const struct xcap_change *c);

int xcap_put_attr(struct xcap_change *c, struct strv body);
int xcap_delete_attr(struct xcap_change *c);

/* The canonical selector of SPOT, ATTR (may be empty) behind it; empty without memory. */
struct strv xcap_patch_sel(const struct xcap_change *c, const struct xcap_spot *spot,
			   struct strv attr);
/* Copy all bindings of NS into the patch. */
int xcap_patch_bindings(const struct xcap_change *c, const struct xcap_ns *ns);

#endif
