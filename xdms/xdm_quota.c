/* SPDX-License-Identifier: Apache-2.0 */
/* xdms/xdm_quota.c - see xdm_quota.h */
#include "xdms/xdm_quota.h"

size_t xdm_quota_document(const struct xcap_rules *rules, const struct auid_ops *usage)
{
	uint64_t max = rules->quota.document_bytes;

	return max && max < usage->max_bytes ? (size_t)max : usage->max_bytes;
}

int xdm_quota_concerns(const struct xcap_rules *rules, const struct xcap_req *req,
		       const struct xcap_doc *old, const struct xcap_doc *next,
		       const struct xcap_edit *edit)
{
	const struct xcap_quota *quota = &rules->quota;
	size_t before = old ? xcap_doc_octets(old) : 0, after = next ? xcap_doc_octets(next) : 0;

	if (!next || req->uri.tree != XCAP_USERS)
		return 0;
	if (!old)
		return quota->documents || quota->usage_documents || quota->bytes;
	if (!quota->bytes || after <= before)
		return 0;
	return !edit || after / XDM_QUOTA_STEP != before / XDM_QUOTA_STEP;
}

static int is_of(struct strv name, const struct auid_ops *usage)
{
	struct strv rest = name, auid;

	strv_cut(&rest, '/', &auid); /* "x" */
	strv_cut(&rest, '/', &auid);
	return usage && strv_eq(auid, strv_of(usage->name));
}

enum kv_status xdm_used_sync(struct xdm_store *store, struct strv owner,
			     const struct auid_ops *usage, struct xdm_used *used_out)
{
	struct arena *arena = arena_new(0);
	struct strv after = { NULL, 0 };
	enum kv_status status = arena ? KV_DONE : KV_BUSY;
	struct xdm_head head;

	*used_out = (struct xdm_used){ 0 };
	while (status == KV_DONE) {
		status = xdm_size_sync(store, owner, after, arena, &head);
		if (status != KV_DONE || !head.name.n)
			break;
		used_out->documents++;
		used_out->octets += head.octets;
		used_out->of_usage += is_of(head.name, usage) ? 1 : 0;
		after = head.name;
	}
	arena_free(&arena);
	return status;
}

/* MAX 0: no limit. 1 when WANTED is over it. */
static int exceeds(const char *what, const char *setting, uint64_t wanted, uint64_t max,
		   struct arena *arena, struct xcap_fault *fault_out)
{
	char *phrase, *value;

	if (!max || wanted <= max)
		return 0;
	phrase = arena_printf(arena, "%s: at most %llu", what, (unsigned long long)max);
	value = arena_printf(arena, "%llu", (unsigned long long)max);
	xcap_fault_set(fault_out, XCAP_LOCAL_LIMIT, phrase ? phrase : what, arena);
	fault_out->limit_field = strv_of(setting);
	fault_out->limit_value = strv_of(value);
	return 1;
}

int xdm_quota_check_sync(const struct xcap_rules *rules, struct xdm_store *store,
			 const struct xcap_req *req, const struct xcap_doc *old,
			 const struct xcap_doc *next, struct xcap_fault *fault_out, struct err *err)
{
	const struct xcap_quota *quota = &rules->quota;
	uint64_t before = old ? xcap_doc_octets(old) : 0, after = xcap_doc_octets(next);
	struct arena *arena = req->arena;
	struct xdm_used used;

	if (xdm_used_sync(store, req->owner, req->usage, &used) != KV_DONE)
		return err_set(err, ERR_BUSY, "documents cannot be counted now");
	if (!old && (exceeds("documents of a user", "xcap.quota-documents", used.documents + 1,
			     quota->documents, arena, fault_out) ||
		     exceeds("documents of a user in one usage", "xcap.quota-usage",
			     used.of_usage + 1, quota->usage_documents, arena, fault_out)))
		return 1;
	return exceeds("octets of all documents of a user", "xcap.quota-size",
		       used.octets - (before < used.octets ? before : used.octets) + after,
		       quota->bytes, arena, fault_out);
}
