/* SPDX-License-Identifier: Apache-2.0 */
/* xdms/xdm_fill.c - see xdm_fill.h */
#include "xdms/xdm_fill.h"

#include "xdms/xdm_claims.h"
#include "xdms/xdm_docs_priv.h"

int xdm_fill(const struct xdm_docs *docs, const struct xdm_ask *ask, struct strv body,
	     struct kv_batch *batch, struct xdm_filled *filled_out, struct xdm_refusal *refusal_out,
	     struct err *err)
{
	const struct xdm_doc absent = { .doc = NULL };
	struct xdm_write write = { .old = &absent, .time_us = ask->time_us, .who = ask->who };
	struct xdm_ask own = *ask;
	struct xcap_answer answer;
	struct xcap_req req;
	int ret;

	*filled_out = (struct xdm_filled){ .next = NULL };
	own.home = NULL;
	ret = xdm_docs_open(docs, &own, "PUT", body, &req, refusal_out, err);
	if (ret)
		return ret;
	if (req.uri.has_node || req.uri.tree != XCAP_USERS || xdm_claims_concern(req.usage, NULL))
		return 2;
	xcap_req_decide(docs->rules, &req, &absent, xdm_store_epoch(docs->store), 1, &answer);
	if (!answer.changes)
		return xdm_docs_answered(&answer, refusal_out, err);
	if (!batch) {
		xcap_doc_drop(&answer.new_doc);
		return 0;
	}
	write.owner = filled_out->owner = req.owner;
	write.name = filled_out->name = req.name;
	write.doc = answer.new_doc;
	write.kind = xcap_req_log_kind(&req);
	if (xdm_batch_add(docs->store, batch, &write, &filled_out->next) < 0)
		return err_set(err, ERR_NOMEM, "no memory for a document");
	return 0;
}

void xdm_fill_end(const struct xdm_docs *docs, struct xdm_filled *filled, uint64_t seq)
{
	if (filled->next && seq)
		xdm_publish(docs->store, filled->owner, filled->name, &filled->next, seq);
	xdm_doc_drop(&filled->next);
}
