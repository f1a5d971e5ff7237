/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xdm_claims.h - URIs that no two users' documents may have (RFC 4826 s4.4.5, xdm.md 4.3)
 *
 * Groups and services of resource lists have URIs that are unique on the server (auid_ops.unique,
 * AUID_SERVER). A commit touches one owner, so that who has which URI stands in records of an owner
 * of their own: a URI is claimed before the document that has it is committed, and given up after
 * the document that had it. Whatever fails or crashes in between leaves a claim whose document does
 * not have the URI; such a claim is void when it is older than CLAIM_GRACE_S.
 *
 *     owner XDM_CLAIMS_OWNER, name "u/" URI in its canonical form:
 *             time in s, blank, owner of the document, NUL, name of its record
 */
#ifndef XDMS_XDM_CLAIMS_H
#define XDMS_XDM_CLAIMS_H

#include "xdms/xcap_fault.h"
#include "xdms/xcap_req.h"

#define XDM_CLAIMS_OWNER "org.opencpm.uris"

enum { XDM_CLAIM_GRACE_S = 60, XDM_CLAIM_URI_MAX = 512 };

struct xdm_claim {
	struct strv name; /* of the record */
	struct strv uri;  /* as the document spells it */
	unsigned pos;	  /* of its element among those of its name */
};

/* What a change of one document claims and gives up. In the arena; URIs of REMOVED are views of the
 * old document. */
struct xdm_claims {
	struct strv owner, name; /* of the document */
	const struct auid_ops *usage;
	const struct auid_unique *row;
	unsigned n_added, n_removed;
	struct xdm_claim *added, *removed;
};

/* 1 when a change of USAGE's documents by EDIT (NULL: of the whole) may claim something. Cheap. */
int xdm_claims_concern(const struct auid_ops *usage, const struct xcap_edit *edit);

/* What making NEXT of OLD (either may be NULL) changes, for REQ's document. All below are for
 * threads that may block. 0; 1: refused, see FAULT_OUT; -1 with ERR_NOMEM. */
int xdm_claims_find(const struct xcap_rules *rules, const struct xcap_req *req,
		    const struct xcap_doc *old, const struct xcap_doc *next,
		    struct xdm_claims *claims_out, struct xcap_fault *fault_out, struct err *err);

/* Claim what is added, for the document that is committed next. 0; 1: somebody else has one of
 * them, see FAULT_OUT (uniqueness-failure with what is free); -1 with ERR_BUSY or ERR_NOMEM. */
int xdm_claims_take_sync(const struct xcap_rules *rules, struct xdm_store *store,
			 const struct xdm_claims *claims, int64_t now_s, struct arena *arena,
			 struct xcap_fault *fault_out, struct err *err);

/* Give up what is removed, after the commit. What cannot be done now is void by itself later. */
void xdm_claims_drop_sync(struct xdm_store *store, const struct xdm_claims *claims,
			  struct arena *arena);

/* rls-services/global/index is found (xdm_find) in STORE from now on: the services of all users'
 * documents of that name (RFC 4826 s4.4.7), as far as they were claimed. Before the first look-up.
 * 0 or -1. */
int xdm_rls_index_serve(struct xdm_store *store, struct err *err);

/* Owners of documents NAME ("x/...") that have claims, behind AFTER in the order of their URIs: the
 * next AT_MOST claims are looked at. AFTER_OUT is empty at the end. */
enum kv_status xdm_claims_owners_sync(struct xdm_store *store, struct strv name, struct strv after,
				      unsigned at_most, struct arena *arena,
				      struct strv **owner_out, unsigned *n_out,
				      struct strv *after_out, uint64_t *version_out);

#endif
