/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xdm_quota.h - how many documents a user may have, and how large
 *
 * The operator's limits, beside the bounds that each usage has of its own. What exceeds them is
 * refused with OMA's local-constraint-failure, which names the setting and its value; a body that
 * no document of its usage could have is 413. What is there when a limit is lowered stays, and may
 * shrink.
 *
 * Sums over a user's documents are looked at when a document is made, put as a whole and grown, or
 * grown by its nodes past a multiple of XDM_QUOTA_STEP.
 */
#ifndef XDMS_XDM_QUOTA_H
#define XDMS_XDM_QUOTA_H

#include "xdms/xcap_fault.h"
#include "xdms/xcap_req.h"

enum { XDM_QUOTA_STEP = 64 * 1024 };

/* The largest document of REQ's usage, in octets. */
size_t xdm_quota_document(const struct xcap_rules *rules, const struct auid_ops *usage);

/* Has making NEXT of OLD by EDIT (NULL: of the whole) to be looked at? Cheap. 1 or 0. */
int xdm_quota_concerns(const struct xcap_rules *rules, const struct xcap_req *req,
		       const struct xcap_doc *old, const struct xcap_doc *next,
		       const struct xcap_edit *edit);

/* May it be stored? Blocks. 0; 1: refused, see FAULT_OUT; -1 with ERR_BUSY or ERR_NOMEM. */
int xdm_quota_check_sync(const struct xcap_rules *rules, struct xdm_store *store,
			 const struct xcap_req *req, const struct xcap_doc *old,
			 const struct xcap_doc *next, struct xcap_fault *fault_out,
			 struct err *err);

/* What OWNER has, of all usages. Blocks. */
struct xdm_used {
	uint64_t documents, octets;
	uint64_t of_usage; /* documents of the usage that was named */
};
/* USAGE may be NULL. KV_DONE, or KV_BUSY or KV_FAILED. */
enum kv_status xdm_used_sync(struct xdm_store *store, struct strv owner,
			     const struct auid_ops *usage, struct xdm_used *used_out);

#endif
