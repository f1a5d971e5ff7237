/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xdm_docs.c - operators' requests about documents: see xdm_docs.h
 *
 * The steps of xdms_http.c, one after the other on a thread that may block. Undo and list are
 * in xdm_undo.c and at the end.
 */
#include "xdms/xdm_docs.h"

#include "xdms/xcap_cond.h"
#include "xdms/xdm_claims.h"
#include "xdms/xdm_diff.h"
#include "xdms/xdm_docs_priv.h"
#include "xdms/xdm_quota.h"

enum { TRIES_MAX = 100 };

int xdm_docs_refuse(struct xdm_refusal *refusal_out, unsigned status, const char *cause,
		    struct strv why)
{
	*refusal_out = (struct xdm_refusal){ status, cause, why };
	return 1;
}

/* A sentence without its line end. */
static struct strv sentence(struct strv s)
{
	while (s.n && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '.'))
		s.n--;
	return s;
}

int xdm_docs_answered(const struct xcap_answer *answer, struct xdm_refusal *refusal_out,
		      struct err *err)
{
	struct strv why = answer->why.n ? answer->why : answer->body;

	if (answer->status == 500)
		return err_set(err, ERR_NOMEM, "no memory for this request");
	return xdm_docs_refuse(refusal_out, answer->status, answer->cause, sentence(why));
}

int xdm_docs_kv_err(enum kv_status status, struct err *err)
{
	switch (status) {
	case KV_NO_SPACE:
		return err_set(err, ERR_SPACE, "there is no space left to store it");
	case KV_CONFLICT:
	case KV_BUSY:
		return err_set(err, ERR_BUSY, "documents cannot be read or stored now");
	default:
		return err_set(err, ERR_IO, "the store has failed, or the document is damaged");
	}
}

/* Whose documents: the home of the identity in the path, who must exist to be written to. */
static int resolve_owner(const struct xdm_ask *ask, struct xcap_req *req, int must_exist,
			 struct xdm_refusal *refusal_out, struct err *err)
{
	struct strv home;

	if (req->uri.tree == XCAP_GLOBAL || !ask->home)
		return 0;
	if (ask->home(ask->home_arg, req->owner, ask->arena, &home, err) == 0) {
		req->owner = home;
		return 0;
	}
	if (err->code != ERR_ABSENT)
		return -1;
	/* What is left of a user who is gone can be read and deleted. */
	return must_exist ? xdm_docs_refuse(refusal_out, 404, "xui",
					    strv_of(arena_strdup(ask->arena, strv_of(err->text))))
			  : 0;
}

int xdm_docs_open(const struct xdm_docs *docs, const struct xdm_ask *ask, const char *method,
		  struct strv body, struct xcap_req *req, struct xdm_refusal *refusal_out,
		  struct err *err)
{
	const struct xcap_who who = { .is_operator = 1 };
	char *target = arena_printf(ask->arena, "%.*s/%.*s", STRV_ARG(docs->rules->root),
				    STRV_ARG(ask->doc));
	struct xcap_answer answer;

	if (!target)
		return err_set(err, ERR_NOMEM, "no memory for this request");
	*req = (struct xcap_req){ .method_text = strv_of(method),
				  .target = strv_of(target),
				  .if_match = ask->if_match,
				  .if_none_match = ask->if_none_match,
				  .body = body,
				  .arena = ask->arena };
	if (xcap_req_parse(docs->rules, req, &answer) ||
	    xcap_req_allow(docs->rules, req, &who, &answer) || xcap_req_select(req, &answer))
		return xdm_docs_answered(&answer, refusal_out, err);
	req->content_type = strv_of(xcap_req_type(req));
	return resolve_owner(ask, req, req->method == XCAP_PUT, refusal_out, err);
}

int xdm_docs_open_document(const struct xdm_docs *docs, const struct xdm_ask *ask,
			   const char *method, struct xcap_req *req,
			   struct xdm_refusal *refusal_out, struct err *err)
{
	int ret = xdm_docs_open(docs, ask, method, strv_mem(NULL, 0), req, refusal_out, err);

	if (ret)
		return ret;
	if (req->uri.has_node)
		return xdm_docs_refuse(refusal_out, 400, "node",
				       STRV("a node has no log of its own: name the document"));
	if (req->usage == &auid_xcap_caps)
		return xdm_docs_refuse(refusal_out, 404, "log",
				       STRV("the server makes this document itself"));
	return 0;
}

int xdm_docs_find(const struct xdm_docs *docs, const struct xcap_req *req, struct xdm_doc **doc_out,
		  struct err *err)
{
	enum kv_status status;

	if (req->usage == &auid_xcap_caps) {
		*doc_out = (struct xdm_doc *)(void *)cache_value_hold(
			(struct cache_value *)(uintptr_t)&docs->caps->value);
		return 0;
	}
	status = xdm_find_sync(docs->store, req->owner, req->name, doc_out);
	return status == KV_DONE ? 0 : xdm_docs_kv_err(status, err);
}

int xdm_docs_state(const struct xdm_docs *docs, const struct xcap_req *req, uint64_t version,
		   struct xdm_state *state_out)
{
	*state_out = (struct xdm_state){ .doc = xdm_diff_sel(req->owner, req->name, req->arena) };
	if (version)
		xcap_etag_print(xdm_store_epoch(docs->store), version, state_out->etag);
	return state_out->doc.n ? 0 : -1;
}

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for this request");
}

/* ---- get ---- */

int xdm_docs_get_sync(const struct xdm_docs *docs, const struct xdm_ask *ask,
		      struct strv *content_out, const char **type_out, struct xdm_state *state_out,
		      struct xdm_refusal *refusal_out, struct err *err)
{
	struct xcap_answer answer;
	struct xdm_doc *doc;
	struct xcap_req req;
	int ret = xdm_docs_open(docs, ask, "GET", strv_mem(NULL, 0), &req, refusal_out, err);

	if (ret || xdm_docs_find(docs, &req, &doc, err) < 0)
		return ret ? ret : -1;
	xcap_req_decide(docs->rules, &req, doc, xdm_store_epoch(docs->store), 1, &answer);
	if (answer.is_error || answer.status != 200) {
		ret = xdm_docs_answered(&answer, refusal_out, err);
	} else {
		*content_out = answer.body;
		if (answer.has_spot) {
			*content_out = xcap_spot_slice(&answer.spot, ask->arena);
			content_out->p = arena_strdup(ask->arena, *content_out);
		}
		*type_out = answer.content_type;
		ret = content_out->p && xdm_docs_state(docs, &req, answer.version, state_out) == 0
			      ? 0
			      : no_memory(err);
	}
	xdm_doc_drop(&doc);
	return ret;
}

/* ---- put and delete ---- */

static int store(const struct xdm_docs *docs, const struct xdm_ask *ask, const struct xcap_req *req,
		 struct xdm_write *write, struct xdm_state *state_out, struct err *err)
{
	struct kv_commit_result result;
	struct kv_batch *batch;
	struct xdm_doc *next;
	int is_gone = !write->doc;

	write->owner = req->owner;
	write->name = req->name;
	write->who = ask->who;
	write->time_us = ask->time_us;
	batch = xdm_batch(docs->store, write, &next);
	if (!batch)
		return no_memory(err);
	result = xdm_commit_sync(docs->store, batch);
	if (result.status == KV_DONE)
		xdm_publish(docs->store, req->owner, req->name, &next, result.seq);
	xdm_doc_drop(&next);
	if (result.status == KV_CONFLICT)
		return 1;
	if (result.status != KV_DONE)
		return xdm_docs_kv_err(result.status, err);
	return xdm_docs_state(docs, req, is_gone ? 0 : result.seq, state_out) < 0 ? no_memory(err)
										  : 0;
}

/* Quota, and claims of URIs, before the commit. 0; 2 refused; -1. */
static int prepare(const struct xdm_docs *docs, const struct xdm_ask *ask,
		   const struct xcap_req *req, const struct xdm_write *write,
		   struct xdm_claims *claims, struct xdm_refusal *refusal_out, struct err *err)
{
	const struct xcap_rules *rules = docs->rules;
	const struct xcap_doc *old = write->old->doc;
	struct xcap_answer answer;
	struct xcap_fault fault;
	int ret = 0;

	if (xdm_quota_concerns(rules, req, old, write->doc, write->edit))
		ret = xdm_quota_check_sync(rules, docs->store, req, old, write->doc, &fault, err);
	if (ret == 0 && xdm_claims_concern(req->usage, write->edit)) {
		ret = xdm_claims_find(rules, req, old, write->doc, claims, &fault, err);
		if (ret == 0)
			ret = xdm_claims_take_sync(rules, docs->store, claims,
						   ask->time_us / 1000000, ask->arena, &fault, err);
	}
	if (ret <= 0)
		return ret;
	xcap_answer_fault(&answer, &fault, ask->arena);
	return xdm_docs_answered(&answer, refusal_out, err) < 0 ? -1 : 2;
}

int xdm_docs_commit(const struct xdm_docs *docs, const struct xdm_ask *ask,
		    const struct xcap_req *req, struct xdm_write *write,
		    struct xdm_state *state_out, struct xdm_refusal *refusal_out, struct err *err)
{
	struct xdm_claims claims = { .n_removed = 0 };
	int ret = prepare(docs, ask, req, write, &claims, refusal_out, err);

	if (ret) {
		xcap_doc_drop(&write->doc);
		return ret;
	}
	ret = store(docs, ask, req, write, state_out, err);
	if (ret == 0 && claims.n_removed)
		xdm_claims_drop_sync(docs->store, &claims, ask->arena);
	return ret;
}

/* Decide upon the document as it is and commit. 2: another change came first. */
static int try_put(const struct xdm_docs *docs, const struct xdm_ask *ask, struct xcap_req *req,
		   struct xdm_state *state_out, struct xdm_refusal *refusal_out, struct err *err)
{
	struct xdm_write write = { .kind = xcap_req_log_kind(req),
				   .selector = xcap_req_log_selector(req) };
	struct xcap_answer answer;
	struct xdm_doc *doc;
	int ret;

	if (xdm_docs_find(docs, req, &doc, err) < 0)
		return -1;
	xcap_req_decide(docs->rules, req, doc, xdm_store_epoch(docs->store), 1, &answer);
	if (!answer.changes) {
		ret = xdm_docs_answered(&answer, refusal_out, err);
	} else {
		write.old = doc;
		write.doc = answer.new_doc;
		write.edit = answer.edit;
		ret = xdm_docs_commit(docs, ask, req, &write, state_out, refusal_out, err);
		ret = ret == 1 ? 2 : ret == 2 ? 1 : ret;
		state_out->created = answer.status == 201;
	}
	xdm_doc_drop(&doc);
	return ret;
}

int xdm_docs_put_sync(const struct xdm_docs *docs, const struct xdm_ask *ask, struct strv body,
		      struct xdm_state *state_out, struct xdm_refusal *refusal_out, struct err *err)
{
	struct xcap_req req;
	int ret = xdm_docs_open(docs, ask, body.p ? "PUT" : "DELETE", body, &req, refusal_out, err);

	for (unsigned i = 0; ret == 0 && i < TRIES_MAX; i++) {
		ret = try_put(docs, ask, &req, state_out, refusal_out, err);
		if (ret != 2)
			return ret;
		ret = 0;
	}
	return ret ? ret : err_set(err, ERR_BUSY, "others change this document all the time");
}

/* ---- access ---- */

/* The home of WHO, a user, and what was asked for. 0, 1, -1. */
static int resolve_who(const struct xdm_docs *docs, const struct xdm_ask *ask, struct strv who,
		       struct strv id_out[XDM_ACCESS_IDS], struct xdm_refusal *refusal_out,
		       struct err *err)
{
	if (docs->rules->canonical(docs->rules->arg, who, ask->arena, &id_out[1]) < 0)
		return xdm_docs_refuse(refusal_out, 404, "user",
				       STRV("this is no user's identity"));
	id_out[0] = id_out[1];
	if (!ask->home || ask->home(ask->home_arg, id_out[1], ask->arena, &id_out[0], err) == 0)
		return 0;
	return err->code == ERR_ABSENT
		       ? xdm_docs_refuse(refusal_out, 404, "user",
					 strv_of(arena_strdup(ask->arena, strv_of(err->text))))
		       : -1;
}

/* The global tree has no owner whose permissions could be asked. */
static void global_access(const struct auid_ops *usage, struct xdm_access access_out[XDM_OPS])
{
	int reads = usage->global_access == AUID_ACCESS_EVERYONE ||
		    usage->global_access == AUID_ACCESS_USERS;

	for (unsigned op = 0; op < XDM_OPS; op++)
		access_out[op] = (struct xdm_access){ .allowed = reads && op == XDM_OP_RETRIEVE,
						      .role = XDM_ROLE_OTHER,
						      .why = "usage" };
}

int xdm_docs_access_sync(const struct xdm_docs *docs, const struct xdm_ask *ask, struct strv who,
			 struct xdm_access access_out[XDM_OPS], struct xdm_state *state_out,
			 struct xdm_refusal *refusal_out, struct err *err)
{
	struct xcap_req req;
	int ret = xdm_docs_open(docs, ask, "GET", strv_mem(NULL, 0), &req, refusal_out, err);
	struct xdm_access_ask access = { .now_s = ask->time_us / 1000000, .arena = ask->arena };

	if (ret == 0)
		ret = resolve_who(docs, ask, who, access.id, refusal_out, err);
	if (ret)
		return ret;
	access.usage = req.usage;
	access.owner = req.owner;
	access.document = req.document;
	access.sel = req.uri.has_node ? &req.sel : NULL;
	if (req.uri.tree == XCAP_GLOBAL)
		global_access(req.usage, access_out);
	for (unsigned op = 0; req.uri.tree == XCAP_USERS && op < XDM_OPS && ret == 0; op++) {
		access.op = (enum xdm_op)op;
		ret = xdm_access_sync(docs->rules, docs->store, &access, &access_out[op], err);
	}
	return ret == 0 && xdm_docs_state(docs, &req, 0, state_out) < 0 ? no_memory(err) : ret;
}

/* ---- list ---- */

/* Whose, from ask->doc: a name of a user, or the global tree. */
static int list_owner(const struct xdm_docs *docs, const struct xdm_ask *ask,
		      struct strv *owner_out, struct xdm_refusal *refusal_out, struct err *err)
{
	struct strv canonical;

	*owner_out = STRV(XDM_GLOBAL_OWNER);
	if (!ask->doc.n)
		return 0;
	if (docs->rules->canonical(docs->rules->arg, ask->doc, ask->arena, &canonical) < 0)
		return xdm_docs_refuse(refusal_out, 404, "xui", STRV("this is no user's identity"));
	*owner_out = canonical;
	if (!ask->home || ask->home(ask->home_arg, canonical, ask->arena, owner_out, err) == 0)
		return 0;
	*owner_out = canonical; /* documents outlive their user */
	return err->code == ERR_ABSENT ? 0 : -1;
}

/* The name of the record of a document that xdm_diff_sel printed; empty when it is none. */
static struct strv name_of_sel(const struct xdm_docs *docs, struct strv sel, struct arena *arena)
{
	char *target = arena_printf(arena, "%.*s/%.*s", STRV_ARG(docs->rules->root), STRV_ARG(sel));
	struct xcap_uri uri;
	struct err err;

	if (!target || xcap_uri_parse(strv_of(target), docs->rules->root, arena, &uri, &err) < 0)
		return strv_mem(NULL, 0);
	return xdm_name(uri.auid, uri.segment, uri.n_segments, arena);
}

int xdm_docs_list_sync(const struct xdm_docs *docs, const struct xdm_ask *ask, struct strv after,
		       unsigned max, struct xdm_state **states_out, unsigned *n_out,
		       struct xdm_refusal *refusal_out, struct err *err)
{
	struct xdm_state *states = arena_zalloc(ask->arena, max, sizeof(*states));
	struct strv owner, name = strv_mem(NULL, 0);
	struct xdm_head head;
	uint64_t version;
	int ret = list_owner(docs, ask, &owner, refusal_out, err);

	if (ret)
		return ret;
	if (after.n) {
		name = name_of_sel(docs, after, ask->arena);
		if (!name.n)
			return xdm_docs_refuse(refusal_out, 400, "after",
					       STRV("\"after\" names no document"));
	}
	*n_out = 0;
	for (*states_out = states; states && *n_out < max; (*n_out)++) {
		enum kv_status status =
			xdm_head_sync(docs->store, owner, name, ask->arena, &head, &version);

		/* Its time may be of a later change: no harm in a list. */
		if (status != KV_DONE && status != KV_CONFLICT)
			return xdm_docs_kv_err(status, err);
		name = head.name;
		if (!name.n)
			return 0;
		states[*n_out].doc = xdm_diff_sel(owner, name, ask->arena);
		states[*n_out].octets = head.octets;
		states[*n_out].time_s = head.time_s;
		xcap_etag_print(xdm_store_epoch(docs->store), head.version, states[*n_out].etag);
		if (!states[*n_out].doc.n)
			return no_memory(err);
	}
	return states ? 0 : no_memory(err);
}

int xdm_docs_used_sync(const struct xdm_docs *docs, const struct xdm_ask *ask,
		       struct xdm_used *used_out, struct xdm_refusal *refusal_out, struct err *err)
{
	struct strv owner;
	enum kv_status status;
	int ret = list_owner(docs, ask, &owner, refusal_out, err);

	if (ret)
		return ret;
	status = xdm_used_sync(docs->store, owner, NULL, used_out);
	return status == KV_DONE ? 0 : xdm_docs_kv_err(status, err);
}
