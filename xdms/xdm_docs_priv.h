/* SPDX-License-Identifier: Apache-2.0 */
/* xdms/xdm_docs_priv.h - what the files of operators' requests share */
#ifndef XDMS_XDM_DOCS_PRIV_H
#define XDMS_XDM_DOCS_PRIV_H

#include "xdms/xdm_docs.h"

/* Fill in why it is refused. Returns 1. */
int xdm_docs_refuse(struct xdm_refusal *refusal_out, unsigned status, const char *cause,
		    struct strv why);
/* The refusal or the error that ANSWER is. Returns 1 or -1. */
int xdm_docs_answered(const struct xcap_answer *answer, struct xdm_refusal *refusal_out,
		      struct err *err);
/* Returns -1. */
int xdm_docs_kv_err(enum kv_status status, struct err *err);

/* From ASK to a request with its owner; as the functions of xdm_docs.h. */
int xdm_docs_open(const struct xdm_docs *docs, const struct xdm_ask *ask, const char *method,
		  struct strv body, struct xcap_req *req, struct xdm_refusal *refusal_out,
		  struct err *err);
/* The same for what only documents have. */
int xdm_docs_open_document(const struct xdm_docs *docs, const struct xdm_ask *ask,
			   const char *method, struct xcap_req *req,
			   struct xdm_refusal *refusal_out, struct err *err);

/* The document, held. 0 or -1. */
int xdm_docs_find(const struct xdm_docs *docs, const struct xcap_req *req, struct xdm_doc **doc_out,
		  struct err *err);

/* 0, or -1 without memory. */
int xdm_docs_state(const struct xdm_docs *docs, const struct xcap_req *req, uint64_t version,
		   struct xdm_state *state_out);

/* Store WRITE, whose old, doc, edit, kind, selector and undoes are filled in. 0; 1: another change
 * came first; 2: refused, see REFUSAL_OUT; -1 with ERR. */
int xdm_docs_commit(const struct xdm_docs *docs, const struct xdm_ask *ask,
		    const struct xcap_req *req, struct xdm_write *write,
		    struct xdm_state *state_out, struct xdm_refusal *refusal_out, struct err *err);

#endif
