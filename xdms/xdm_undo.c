/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xdm_undo.c - a document's log for operators, and taking a change back; see xdm_docs.h
 *
 * An undo puts the octets back that the change replaced, where they are now: behind what later
 * changes moved. That is refused when one of these touched the same place, and what comes out is
 * judged as if a client had put it.
 */
#include <inttypes.h>

#include "xdms/xcap_cond.h"
#include "xdms/xcap_valid.h"
#include "xdms/xdm_docs_priv.h"

enum { TRIES_MAX = 20 };

/* The entries from number FROM on. 0 or -1. */
static int read_entries(const struct xdm_docs *docs, const struct xcap_req *req, uint64_t from,
			struct xdm_log_entry **entry_out, unsigned *n_out, struct err *err)
{
	struct kv_item item;
	enum kv_status status =
		xdm_log_read_sync(docs->store, req->owner, req->name, from, req->arena, &item);
	struct xdm_log_entry *entry;

	if (status != KV_DONE)
		return xdm_docs_kv_err(status, err);
	entry = arena_zalloc(req->arena, item.n_records + 1, sizeof(*entry));
	if (!entry)
		return err_set(err, ERR_NOMEM, "no memory for a log");
	for (unsigned i = 0; i < item.n_records; i++) {
		if (xdm_log_decode(item.records[i].value, req->arena, &entry[i], err) < 0)
			return -1;
		entry[i].number = xdm_log_number(item.records[i].name);
		entry[i].version = item.records[i].version;
	}
	*entry_out = entry;
	*n_out = item.n_records;
	return 0;
}

int xdm_docs_log_sync(const struct xdm_docs *docs, const struct xdm_ask *ask,
		      struct xdm_log_entry **entry_out, unsigned *n_out,
		      struct xdm_state *state_out, struct xdm_refusal *refusal_out, struct err *err)
{
	struct xdm_doc *doc;
	struct xcap_req req;
	int ret = xdm_docs_open_document(docs, ask, "GET", &req, refusal_out, err);

	if (ret)
		return ret;
	if (read_entries(docs, &req, 0, entry_out, n_out, err) < 0 ||
	    xdm_docs_find(docs, &req, &doc, err) < 0)
		return -1;
	if (!*n_out && !doc->doc)
		ret = xdm_docs_refuse(refusal_out, 404, "absent",
				      STRV("there is no such document, and never was"));
	else if (xdm_docs_state(docs, &req, doc->doc ? doc->value.version : 0, state_out) < 0)
		ret = err_set(err, ERR_NOMEM, "no memory for a log");
	xdm_doc_drop(&doc);
	return ret;
}

/* ---- undo ---- */

struct undo {
	const struct xdm_docs *docs;
	const struct xdm_ask *ask;
	struct xcap_req *req;
	struct xdm_doc *doc;		   /* as it is; held */
	const struct xdm_log_entry *entry; /* what is taken back, then the later ones */
	unsigned n;
	struct xdm_refusal *refusal_out;
	struct err *err;
};

/* WHY: NULL without memory. */
static int refuse(const struct undo *u, const char *cause, const char *why)
{
	return why ? xdm_docs_refuse(u->refusal_out, 409, cause, strv_of(why))
		   : err_set(u->err, ERR_NOMEM, "no memory for an undo");
}

/* The number that is meant, checked against the log. */
static int find_number(const struct undo *u, uint64_t wish, uint64_t *number_out)
{
	uint64_t first, next;

	if (xdm_log_range(u->doc->log, &first, &next, u->err) < 0)
		return -1;
	if (first == next)
		return xdm_docs_refuse(u->refusal_out, 404, "absent",
				       STRV("the document's log is empty"));
	if (wish && (wish < first || wish >= next)) {
		if (refuse(u, "absent",
			   arena_printf(u->req->arena,
					"the log has changes %" PRIu64 " to %" PRIu64, first,
					next - 1)) < 0)
			return -1;
		u->refusal_out->status = 404;
		return 1;
	}
	*number_out = wish ? wish : next - 1;
	return 0;
}

/* The change where it is now. 0, or as above. */
static int pass_later(const struct undo *u, struct xcap_delta *delta_out)
{
	*delta_out = u->entry[0].delta;
	for (unsigned i = 1; i < u->n; i++)
		if (!xcap_delta_pass(delta_out, &u->entry[i].delta))
			return refuse(u, "touched",
				      arena_printf(u->req->arena,
						   "change %" PRIu64 " touched the same place "
						   "after change %" PRIu64,
						   u->entry[i].number, u->entry[0].number));
	return 0;
}

static int add_octets(void *arg, struct strv piece)
{
	xcap_print(arg, piece);
	return 0;
}

/* The document's text with DELTA taken back; p NULL without memory or when it cannot be. */
static struct strv text_before(const struct undo *u, const struct xcap_delta *delta)
{
	struct xcap_print now = { .arena = u->req->arena }, text = { .arena = u->req->arena };
	struct xcap_spot spot;
	size_t behind = (size_t)(delta->at + delta->inserted_n);

	if (u->doc->doc) {
		xcap_doc_spot(u->doc->doc, &spot);
		xcap_spot_text(&spot, add_octets, &now);
	}
	if (now.failed || behind > now.n)
		return strv_mem(NULL, 0);
	xcap_print(&text, strv_mem(now.p, (size_t)delta->at));
	xcap_print(&text, delta->removed);
	xcap_print(&text, strv_mem(now.p + behind, now.n - behind));
	return xcap_print_end(&text);
}

/* The document as it was, valid, in DOC_OUT. */
static int make_document(const struct undo *u, const struct xcap_delta *delta,
			 struct xcap_doc **doc_out)
{
	const struct xcap_rules *rules = u->docs->rules;
	struct xcap_judge judge = xcap_req_judge(rules, u->req);
	struct strv text = text_before(u, delta), why;
	struct xcap_fault fault;
	int ret;

	if (!text.p)
		return err_set(u->err, ERR_NOMEM, "no memory for an undo");
	ret = xcap_valid_document(&judge, text, u->req->arena, doc_out, &fault, u->err);
	if (ret <= 0)
		return ret;
	why = fault.phrase.n ? fault.phrase : strv_of(xcap_fault_name(fault.kind));
	return xdm_docs_refuse(u->refusal_out, 409, xcap_fault_name(fault.kind), why);
}

/* 0 with the write filled in. */
static int decide(const struct undo *u, struct xdm_write *write)
{
	const struct xdm_log_entry *e = &u->entry[0];
	struct xcap_delta delta;
	int ret = pass_later(u, &delta);

	if (ret)
		return ret;
	if (!e->has_removed && delta.removed.n)
		return refuse(u, "not-kept",
			      arena_printf(u->req->arena,
					   "the %zu octets that change %" PRIu64
					   " replaced were too many to be kept",
					   delta.removed.n, e->number));
	*write = (struct xdm_write){
		.kind = XDM_UNDO, .old = u->doc, .undoes = e->number, .selector = e->selector
	};
	/* What it made is the whole document: then there was none before. */
	return !e->old_version && !e->gone ? 0 : make_document(u, &delta, &write->doc);
}

/* 0; 2: another change came first; else as above. */
static int try_undo(struct undo *u, uint64_t wish, uint64_t *number_out,
		    struct xdm_state *state_out)
{
	struct xdm_log_entry *entry;
	struct xdm_write write;
	int ret = find_number(u, wish, number_out);

	if (ret)
		return ret;
	if (read_entries(u->docs, u->req, *number_out, &entry, &u->n, u->err) < 0)
		return -1;
	/* The log as it was when the document was read, or the commit finds out. */
	if (!u->n || entry[0].number != *number_out)
		return 2;
	u->entry = entry;
	ret = decide(u, &write);
	if (ret == 0) {
		ret = xdm_docs_commit(u->docs, u->ask, u->req, &write, state_out, u->refusal_out,
				      u->err);
		ret = ret == 1 ? 2 : ret == 2 ? 1 : ret;
	}
	return ret;
}

int xdm_docs_undo_sync(const struct xdm_docs *docs, const struct xdm_ask *ask, uint64_t number,
		       uint64_t *number_out, struct xdm_state *state_out,
		       struct xdm_refusal *refusal_out, struct err *err)
{
	struct xcap_req req;
	struct undo u = {
		.docs = docs, .ask = ask, .req = &req, .refusal_out = refusal_out, .err = err
	};
	int ret = xdm_docs_open_document(docs, ask, "DELETE", &req, refusal_out, err);

	for (unsigned i = 0; ret == 0 && i < TRIES_MAX; i++) {
		if (xdm_docs_find(docs, &req, &u.doc, err) < 0)
			return -1;
		ret = try_undo(&u, number, number_out, state_out);
		xdm_doc_drop(&u.doc);
		if (ret != 2)
			return ret;
		ret = 0;
	}
	return ret ? ret : err_set(err, ERR_BUSY, "others change this document all the time");
}
