/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_decide.c - from a request and the document as it is to an answer and the document as
 * it will be (RFC 4825 s7, s8)
 *
 * See xcap_req.h. Conditions come first (RFC 9110 s13.2.1), then the parent, the body, the place,
 * and at last schema, uniqueness and constraints.
 */
#include "xdms/xcap_req.h"

#include <string.h>

#include "xdms/xcap_cond.h"
#include "xdms/xdm_quota.h"

/* Octets that are parsed and validated on a worker; more is for the job pool. */
enum { SHORT_BYTES = 64 * 1024 };

static const char *const node_types[] = {
	[XCAP_SEL_ELEMENT] = "application/xcap-el+xml",
	[XCAP_SEL_ATTR] = "application/xcap-att+xml",
	[XCAP_SEL_NAMESPACE] = "application/xcap-ns+xml",
};

/* One decision in progress. */
struct decision {
	const struct xcap_rules *rules;
	const struct xcap_req *req;
	const struct xdm_doc *doc;
	struct xcap_answer *out;
	int long_ok, too_long;
};

static void no_memory(struct decision *d)
{
	xcap_answer_text(d->out, 500, "memory", "no memory for this request\n");
}

static void absent(struct decision *d)
{
	xcap_answer_text(d->out, 404, "absent", "there is no such resource\n");
}

void xcap_answer_fault(struct xcap_answer *answer_out, const struct xcap_fault *fault,
		       struct arena *arena)
{
	xcap_answer_text(answer_out, (unsigned)xcap_fault_status(fault->kind),
			 xcap_fault_name(fault->kind), "");
	answer_out->content_type = XCAP_ERROR_TYPE;
	answer_out->why = fault->phrase;
	answer_out->body = xcap_fault_print(fault, arena);
	if (!answer_out->body.n)
		xcap_answer_text(answer_out, 500, "memory", "no memory for this request\n");
}

static void refuse(struct decision *d, const struct xcap_fault *fault)
{
	xcap_answer_fault(d->out, fault, d->req->arena);
}

static void refuse_no_parent(struct decision *d, const char *phrase)
{
	struct xcap_fault fault;

	xcap_fault_set(&fault, XCAP_NO_PARENT, phrase, d->req->arena);
	refuse(d, &fault);
}

const char *xcap_req_type(const struct xcap_req *req)
{
	return req->uri.has_node ? node_types[req->sel.kind] : req->usage->mime;
}

/* ---- reading ---- */

static void show(struct decision *d, struct strv body)
{
	*d->out = (struct xcap_answer){ .status = 200,
					.content_type = xcap_req_type(d->req),
					.body = body,
					.version = d->doc->value.version };
}

static void show_spot(struct decision *d, const struct xcap_spot *spot)
{
	show(d, (struct strv){ NULL, 0 });
	d->out->spot = *spot;
	d->out->has_spot = 1;
}

static void read_attribute(struct decision *d)
{
	struct strv body;
	int found = xcap_attr_body(d->doc->doc, &d->req->sel, d->rules->bare_attributes,
				   d->req->arena, &body);

	if (found == 1)
		show(d, body);
	else if (found == 0)
		absent(d);
	else
		no_memory(d);
}

static void read_bindings(struct decision *d, const struct xcap_spot *spot)
{
	struct strv body = xcap_spot_ns_body(spot, d->req->arena);

	if (body.n)
		show(d, body);
	else
		no_memory(d);
}

static void read_resource(struct decision *d)
{
	struct xcap_spot spot;

	if (!d->req->uri.has_node) {
		xcap_doc_spot(d->doc->doc, &spot);
		show_spot(d, &spot);
	} else if (d->req->sel.kind == XCAP_SEL_ATTR) {
		read_attribute(d);
	} else if (!xcap_doc_find(d->doc->doc, &d->req->sel, &spot)) {
		absent(d);
	} else if (d->req->sel.kind == XCAP_SEL_NAMESPACE) {
		read_bindings(d, &spot);
	} else {
		show_spot(d, &spot);
	}
}

/* ---- bodies ---- */

/* 1 when FIELD is media type TYPE in a charset that is UTF-8. Other parameters do not matter. */
static int is_type(struct strv field, struct strv type)
{
	struct strv part, name;

	strv_cut(&field, ';', &part);
	if (!strv_caseeq(strv_trim(part), type))
		return 0;
	while (field.n) {
		strv_cut(&field, ';', &part);
		strv_cut(&part, '=', &name);
		part = strv_trim(part);
		if (part.n >= 2 && part.p[0] == '"' && part.p[part.n - 1] == '"')
			part = strv_mem(part.p + 1, part.n - 2);
		if (strv_caseeq(strv_trim(name), STRV("charset")) &&
		    !strv_caseeq(part, STRV("utf-8")) && !strv_caseeq(part, STRV("us-ascii")))
			return 0;
	}
	return 1;
}

/* 1 when the body may be looked at. */
static int body_fits(struct decision *d)
{
	char *text;

	if (!is_type(d->req->content_type, strv_of(xcap_req_type(d->req)))) {
		text = arena_printf(d->req->arena, "the media type of this resource is %s\n",
				    xcap_req_type(d->req));
		xcap_answer_text(d->out, 415, "content-type",
				 text ? text : "this media type is not that of the resource\n");
		return 0;
	}
	if (d->req->body.n > xdm_quota_document(d->rules, d->req->usage)) {
		text = arena_printf(d->req->arena,
				    "a document of this usage has at most %zu octets\n",
				    xdm_quota_document(d->rules, d->req->usage));
		xcap_answer_text(d->out, 413, "too-large",
				 text ? text : "the document is too large\n");
		return 0;
	}
	return 1;
}

/* 1 when both reduce to one canonical identity (ARG: the rules). What is none is what it is. */
static int same_user(void *arg, struct strv a, struct strv b)
{
	const struct xcap_rules *rules = arg;
	struct arena *arena;
	struct strv one, two;
	int same;

	if (strv_eq(a, b))
		return 1;
	arena = arena_new(0);
	same = arena && rules->canonical(rules->arg, a, arena, &one) == 0 &&
	       rules->canonical(rules->arg, b, arena, &two) == 0 && strv_eq(one, two);
	arena_free(&arena);
	return same;
}

struct xcap_judge xcap_req_judge(const struct xcap_rules *rules, const struct xcap_req *req)
{
	int is_users = req->uri.tree == XCAP_USERS;

	return (struct xcap_judge){ .table = rules->table,
				    .usage = req->usage,
				    .context = { .xui = req->uri.xui,
						 .xcap_root = rules->root_uri,
						 .home = is_users ? req->owner : STRV(""),
						 .same_user = rules->canonical ? same_user : NULL,
						 .arg = (void *)(uintptr_t)rules,
						 .spell = rules->spell } };
}

static struct xcap_judge judge_of(const struct decision *d)
{
	return xcap_req_judge(d->rules, d->req);
}

static void store(struct decision *d, struct xcap_doc *doc, const struct xcap_edit *edit,
		  unsigned status)
{
	*d->out = (struct xcap_answer){
		.status = status, .changes = 1, .new_doc = doc, .edit = edit
	};
}

/* ---- documents ---- */

static void put_document(struct decision *d)
{
	struct xcap_judge judge = judge_of(d);
	struct xcap_fault fault;
	struct xcap_doc *doc;
	struct err err;
	int ret;

	if (!body_fits(d))
		return;
	if (d->req->body.n > SHORT_BYTES && !d->long_ok) {
		d->too_long = 1;
		return;
	}
	ret = xcap_valid_document(&judge, d->req->body, d->req->arena, &doc, &fault, &err);
	if (ret < 0)
		no_memory(d);
	else if (ret > 0)
		refuse(d, &fault);
	else
		store(d, doc, NULL, d->doc->doc ? 200 : 201);
}

/* ---- nodes ---- */

static void answer_verdict(struct decision *d, int verdict, const struct xcap_fault *fault)
{
	switch (verdict) {
	case XCAP_REFUSED:
		refuse(d, fault);
		break;
	case XCAP_NOT_FOUND:
		absent(d);
		break;
	case XCAP_NOT_ALLOWED:
		xcap_answer_text(d->out, 405, "method", "this can only be read\n");
		d->out->allow = "GET, HEAD";
		break;
	default:
		no_memory(d);
	}
}

/* The result of an edit is there: is it valid? Takes its document over. */
static void judge_edit(struct decision *d, struct xcap_edit *edit, int is_delete)
{
	size_t max = xdm_quota_document(d->rules, d->req->usage);
	struct xcap_judge judge = judge_of(d);
	struct xcap_fault fault;
	struct err err;
	int ret = 0;

	if (xcap_doc_octets(edit->doc) > max) {
		xcap_fault_set(&fault, XCAP_LOCAL_LIMIT, "the document would be too large",
			       d->req->arena);
		fault.limit_field = STRV("document-size");
		fault.limit_value = strv_of(arena_printf(d->req->arena, "%zu", max));
		ret = 1;
	} else if (!xcap_valid_alone(&judge, d->doc->doc, &d->req->sel, is_delete, edit,
				     d->req->arena)) {
		d->too_long = xcap_doc_octets(edit->doc) > SHORT_BYTES && !d->long_ok;
		ret = d->too_long
			      ? 0
			      : xcap_valid_whole(&judge, edit->doc, d->req->arena, &fault, &err);
	}
	if (ret == 0 && !d->too_long) {
		store(d, edit->doc, edit, edit->created ? 201 : 200);
		return;
	}
	xcap_doc_drop(&edit->doc);
	if (ret < 0)
		no_memory(d);
	else if (ret > 0)
		refuse(d, &fault);
}

/* 1 when there is an element to put into. */
static int has_parent(const struct decision *d)
{
	const struct xcap_sel *sel = &d->req->sel;
	unsigned n = sel->kind == XCAP_SEL_ELEMENT ? sel->n_steps - 1 : sel->n_steps;
	struct xcap_spot spot;
	int matches;

	return xcap_doc_follow(d->doc->doc, sel, n, &spot, &matches) == n;
}

/* Edits last as long as the answer. NULL: there is no memory, which has been answered. */
static struct xcap_edit *new_edit(struct decision *d)
{
	struct xcap_edit *edit = arena_alloc(d->req->arena, sizeof(*edit));

	if (!edit)
		no_memory(d);
	return edit;
}

static void put_node(struct decision *d)
{
	struct xcap_limits limits = xcap_valid_limits(d->req->usage);
	struct xcap_edit *edit = new_edit(d);
	struct xcap_fault fault;
	struct err err;
	int verdict;

	/* A missing parent is told before the body is looked at (RFC 4825 s8.2.1). */
	if (!edit || (has_parent(d) && !body_fits(d)))
		return;
	verdict = xcap_edit_put(d->doc->doc, &d->req->sel, d->req->body, &limits, d->req->arena,
				edit, &fault, &err);
	if (verdict == XCAP_EDITED)
		judge_edit(d, edit, 0);
	else
		answer_verdict(d, verdict, &fault);
}

static void delete_node(struct decision *d)
{
	struct xcap_limits limits = xcap_valid_limits(d->req->usage);
	struct xcap_edit *edit = new_edit(d);
	struct xcap_fault fault;
	struct err err;
	int verdict;

	if (!edit)
		return;
	verdict = xcap_edit_delete(d->doc->doc, &d->req->sel, &limits, d->req->arena, edit, &fault,
				   &err);
	if (verdict == XCAP_EDITED)
		judge_edit(d, edit, 1);
	else
		answer_verdict(d, verdict, &fault);
}

/* ---- the decision ---- */

/* 1 when the conditions let the method act. */
static int conditions_hold(struct decision *d, uint64_t epoch)
{
	int is_get = d->req->method == XCAP_GET || d->req->method == XCAP_HEAD;
	char etag[XCAP_ETAG_BYTES] = "";

	if (d->doc->doc)
		xcap_etag_print(epoch, d->doc->value.version, etag);
	switch (xcap_cond_check(d->req->if_match, d->req->if_none_match, strv_of(etag), is_get)) {
	case XCAP_COND_HOLDS:
		return 1;
	case XCAP_COND_NOT_MODIFIED:
		*d->out = (struct xcap_answer){ .status = 304, .version = d->doc->value.version };
		return 0;
	case XCAP_COND_SYNTAX:
		xcap_answer_text(d->out, 400, "etag", "a condition is no list of entity tags\n");
		return 0;
	default:
		xcap_answer_text(d->out, 412, "etag", "the document is not in this version\n");
		d->out->version = d->doc->doc ? d->doc->value.version : 0;
		return 0;
	}
}

static void act(struct decision *d)
{
	const struct xcap_req *req = d->req;

	switch (req->method) {
	case XCAP_GET:
	case XCAP_HEAD:
		read_resource(d);
		break;
	case XCAP_PUT:
		if (req->uri.has_node)
			put_node(d);
		else
			put_document(d);
		break;
	case XCAP_DELETE:
		if (req->uri.has_node)
			delete_node(d);
		else
			store(d, NULL, NULL, 200);
		break;
	}
}

int xcap_req_decide(const struct xcap_rules *rules, const struct xcap_req *req,
		    const struct xdm_doc *doc, uint64_t epoch, int long_ok,
		    struct xcap_answer *answer_out)
{
	struct decision d = { rules, req, doc, answer_out, long_ok, 0 };
	int is_get = req->method == XCAP_GET || req->method == XCAP_HEAD;

	if (is_get && !doc->doc)
		absent(&d); /* also with If-Match: there is nothing to be in a version */
	else if (!conditions_hold(&d, epoch))
		;
	else if (doc->doc || (req->method == XCAP_PUT && !req->uri.has_node))
		act(&d);
	else if (req->method == XCAP_PUT)
		refuse_no_parent(&d, "there is no such document");
	else
		absent(&d);
	return d.too_long ? -1 : 0;
}
