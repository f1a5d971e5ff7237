/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_req.c - what a request asks for, and whether they may
 *
 * See xcap_req.h. The order of the checks is that of RFC 4825 s8, with authentication before
 * anything that tells what exists in the users tree; the document itself is decided upon in
 * xcap_decide.c.
 */
#include "xdms/xcap_req.h"

#include <string.h>

#define ALL_METHODS  "GET, HEAD, PUT, DELETE"
#define READ_METHODS "GET, HEAD"

int xcap_answer_text(struct xcap_answer *answer_out, unsigned status, const char *cause,
		     const char *text)
{
	*answer_out = (struct xcap_answer){ .status = status,
					    .cause = cause,
					    .content_type = "text/plain; charset=utf-8",
					    .body = strv_of(text),
					    .is_error = 1 };
	return 1;
}

/* ---- parse ---- */

static const struct {
	struct strv text;
	enum xcap_method method;
} methods[] = {
	{ { "GET", 3 }, XCAP_GET },
	{ { "HEAD", 4 }, XCAP_HEAD },
	{ { "PUT", 3 }, XCAP_PUT },
	{ { "DELETE", 6 }, XCAP_DELETE },
};

static int parse_method(struct xcap_req *req, struct xcap_answer *answer_out)
{
	for (unsigned i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strv_eq(req->method_text, methods[i].text)) {
			req->method = methods[i].method;
			return 0;
		}
	if (strv_eq(req->method_text, STRV("POST")) || strv_eq(req->method_text, STRV("PATCH")) ||
	    strv_eq(req->method_text, STRV("OPTIONS"))) {
		xcap_answer_text(answer_out, 405, "method",
				 "an XCAP resource is read, put or deleted\n");
		answer_out->allow = ALL_METHODS;
		return 1;
	}
	return xcap_answer_text(answer_out, 501, "method", "this method is not known here\n");
}

/* The segments of the document's path, joined. */
static struct strv join(const struct xcap_uri *uri, struct arena *arena)
{
	size_t bytes = uri->n_segments;
	char *text, *at;

	for (unsigned i = 0; i < uri->n_segments; i++)
		bytes += uri->segment[i].n;
	text = arena_alloc(arena, bytes);
	if (!text)
		return (struct strv){ NULL, 0 };
	at = text;
	for (unsigned i = 0; i < uri->n_segments; i++) {
		if (i)
			*at++ = '/';
		memcpy(at, uri->segment[i].p, uri->segment[i].n);
		at += uri->segment[i].n;
	}
	return strv_mem(text, (size_t)(at - text));
}

int xcap_req_parse(const struct xcap_rules *rules, struct xcap_req *req,
		   struct xcap_answer *answer_out)
{
	struct err err;

	if (xcap_uri_parse(req->target, rules->root, req->arena, &req->uri, &err) < 0) {
		char *text = arena_printf(req->arena, "%s\n", err.text);

		return xcap_answer_text(answer_out, (unsigned)xcap_uri_status(err.code), "uri",
					text ? text : "the request target is refused\n");
	}
	if (parse_method(req, answer_out))
		return 1;
	req->usage = auid_find(rules->table, req->uri.auid);
	if (!req->usage)
		return xcap_answer_text(answer_out, 404, "auid",
					"there is no such application usage\n");
	if (req->uri.n_segments == 1)
		req->uri.segment[0] = auid_document_name(req->usage, req->uri.segment[0]);
	req->document = join(&req->uri, req->arena);
	if (!req->document.p)
		return xcap_answer_text(answer_out, 500, "memory", "no memory for this request\n");
	return 0;
}

/* ---- access ---- */

static int is_read(const struct xcap_req *req)
{
	return req->method == XCAP_GET || req->method == XCAP_HEAD;
}

int xcap_req_is_open(const struct xcap_req *req)
{
	return req->uri.tree == XCAP_GLOBAL && is_read(req) &&
	       req->usage->global_access == AUID_ACCESS_EVERYONE;
}

static int refuse_access(struct xcap_answer *answer_out)
{
	return xcap_answer_text(answer_out, 403, "access", "this is not for you\n");
}

static int not_found(struct xcap_answer *answer_out, const char *cause, const char *text)
{
	return xcap_answer_text(answer_out, 404, cause, text);
}

static enum auid_tree tree_of(const struct xcap_req *req)
{
	return req->uri.tree == XCAP_GLOBAL ? AUID_GLOBAL : AUID_USERS;
}

/* What users may not do with their own documents of some usages. */
static int allow_own(const struct xcap_req *req, const struct xcap_who *who,
		     struct xcap_answer *answer_out)
{
	switch (req->usage->users_access) {
	case AUID_ACCESS_NONE:
		return not_found(answer_out, "tree", "this usage has no users tree\n");
	case AUID_ACCESS_READER:
		return is_read(req) || who->is_operator ? 0 : refuse_access(answer_out);
	case AUID_ACCESS_CLEARER:
		if (req->method != XCAP_PUT)
			return 0;
		xcap_answer_text(answer_out, 405, "method",
				 "the server makes this document itself\n");
		answer_out->allow = "GET, HEAD, DELETE";
		return 1;
	default:
		return 0;
	}
}

int xcap_req_settle(struct xcap_req *req, const struct xcap_who *who, struct strv owner,
		    struct xcap_answer *answer_out)
{
	req->owner = owner;
	req->is_foreign = !who->is_operator && !strv_eq(owner, who->home);
	if (!req->is_foreign)
		return allow_own(req, who, answer_out);
	/* Directories and what the server makes of a user's doings are shown to nobody else. */
	if (!req->asks_owner || (req->usage->computed & AUID_USERS) ||
	    req->usage->users_access == AUID_ACCESS_READER ||
	    req->usage->users_access == AUID_ACCESS_CLEARER)
		return refuse_access(answer_out);
	return 0;
}

/* Whose record it is. In the users tree one's own, by whatever name one has. */
static int allow_users_tree(const struct xcap_rules *rules, struct xcap_req *req,
			    const struct xcap_who *who, struct xcap_answer *answer_out)
{
	struct strv xui;

	if (rules->canonical(rules->arg, req->uri.xui, req->arena, &xui) < 0)
		return who->is_operator ? not_found(answer_out, "xui", "there is no such user\n")
					: refuse_access(answer_out);
	if (strv_eq(xui, who->home) || strv_eq(xui, who->acting))
		xui = who->home;
	return xcap_req_settle(req, who, xui, answer_out);
}

static int allow_global_tree(struct xcap_req *req, const struct xcap_who *who,
			     struct xcap_answer *answer_out)
{
	req->owner = STRV(XDM_GLOBAL_OWNER);
	switch (req->usage->global_access) {
	case AUID_ACCESS_NONE:
		return not_found(answer_out, "tree", "this usage has no global tree\n");
	case AUID_ACCESS_EVERYONE:
	case AUID_ACCESS_USERS:
		return is_read(req) || who->is_operator ? 0 : refuse_access(answer_out);
	default:
		return who->is_operator ? 0 : refuse_access(answer_out);
	}
}

/* 1 when there are more folders before the document's name than its usage has. */
static int has_folders(const struct xcap_req *req, enum auid_tree tree)
{
	return req->uri.n_segments > 1 + (tree == AUID_USERS ? req->usage->folders : 0);
}

int xcap_req_allow(const struct xcap_rules *rules, struct xcap_req *req, const struct xcap_who *who,
		   struct xcap_answer *answer_out)
{
	enum auid_tree tree = tree_of(req);

	if (tree == AUID_USERS ? allow_users_tree(rules, req, who, answer_out)
			       : allow_global_tree(req, who, answer_out))
		return 1;
	if (!is_read(req) && (req->usage->computed & tree))
		return xcap_answer_text(answer_out, 403, "computed",
					"the server makes this document itself\n");
	if (has_folders(req, tree) || !auid_document_allowed(req->usage, tree, req->document)) {
		if (req->method == XCAP_PUT && has_folders(req, tree)) {
			struct xcap_fault fault;

			xcap_fault_set(&fault, XCAP_NO_PARENT, "this usage has no folders",
				       req->arena);
			xcap_answer_text(answer_out, 409, xcap_fault_name(fault.kind), "");
			answer_out->content_type = XCAP_ERROR_TYPE;
			answer_out->body = xcap_fault_print(&fault, req->arena);
			return 1;
		}
		return not_found(answer_out, "name", "this usage has no document of this name\n");
	}
	req->name = xdm_name(req->uri.auid, req->uri.segment, req->uri.n_segments, req->arena);
	if (!req->name.n)
		return xcap_answer_text(answer_out, 414, "uri",
					"the document's name is too long\n");
	return 0;
}

/* ---- node selector ---- */

int xcap_req_select(struct xcap_req *req, struct xcap_answer *answer_out)
{
	struct err err;
	char *text;

	if (!req->uri.has_node)
		return 0;
	if (xcap_sel_parse(req->uri.node, req->uri.query, strv_of(req->usage->ns), req->arena,
			   &req->sel, &err) < 0) {
		text = arena_printf(req->arena, "%s\n", err.text);
		return xcap_answer_text(answer_out, (unsigned)xcap_uri_status(err.code), "selector",
					text ? text : "the node selector is refused\n");
	}
	if (req->sel.kind == XCAP_SEL_NAMESPACE && !is_read(req)) {
		xcap_answer_text(answer_out, 405, "method",
				 "namespace bindings can only be read\n");
		answer_out->allow = READ_METHODS;
		return 1;
	}
	return 0;
}

/* ---- log ---- */

enum xdm_log_kind xcap_req_log_kind(const struct xcap_req *req)
{
	if (req->method == XCAP_DELETE)
		return req->uri.has_node ? XDM_DELETE_NODE : XDM_DELETE_DOCUMENT;
	return req->uri.has_node ? XDM_PUT_NODE : XDM_PUT_DOCUMENT;
}

struct strv xcap_req_log_selector(const struct xcap_req *req)
{
	if (!req->uri.has_node)
		return strv_mem(NULL, 0);
	if (!req->uri.query.n)
		return req->uri.node;
	return strv_of(arena_printf(req->arena, "%.*s?%.*s", STRV_ARG(req->uri.node),
				    STRV_ARG(req->uri.query)));
}
