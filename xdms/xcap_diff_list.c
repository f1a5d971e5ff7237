/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_diff_list.c - see xcap_diff_list.h
 *
 * Who may read a document is asked of xcap_req.h with a GET of it, so that there is one set of
 * rules. Collections are no XCAP resources: their path is taken apart here, and their documents are
 * asked for one by one.
 */
#include "xdms/xcap_diff_list.h"

#include "base/xml.h"
#include "xdms/xdm_diff.h"

#define RL "urn:ietf:params:xml:ns:resource-lists"

enum { LIST_BYTES_MAX = 256 * 1024, LIST_DEPTH_MAX = 16, NODES_EACH = 16, NODES_MORE = 64 };

/* ---- the list ---- */

struct reading {
	struct arena *arena;
	struct strv *uri;
	unsigned n, max;
};

static int is_rl(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && node->ns &&
	       strcmp((const char *)node->ns->href, RL) == 0 &&
	       strcmp((const char *)node->name, name) == 0;
}

static int is_known(const struct reading *reading, struct strv uri)
{
	for (unsigned i = 0; i < reading->n; i++)
		if (strv_eq(reading->uri[i], uri))
			return 1;
	return 0;
}

static int read_entry(struct reading *reading, xmlNode *node, struct err *err)
{
	xmlChar *value = xmlGetNoNsProp(node, (const xmlChar *)"uri");
	struct strv uri = strv_of((const char *)value);
	int ret = 0;
	char *copy;

	if (!value)
		return 0;
	if (uri.n > XCAP_DIFF_URI_MAX) {
		ret = err_set(err, ERR_LIMIT, "a URI of the list is too long");
	} else if (!is_known(reading, uri)) {
		copy = reading->n < reading->max ? arena_strdup(reading->arena, uri) : NULL;
		if (reading->n == reading->max)
			ret = err_set(err, ERR_LIMIT, "more than %u entries", reading->max);
		else if (!copy)
			ret = err_set(err, ERR_NOMEM, "no memory for a list");
		else
			reading->uri[reading->n++] = strv_mem(copy, uri.n);
	}
	xmlFree(value);
	return ret;
}

/* As deep as the limits of the parser let it be. */
static int read_list(struct reading *reading, xmlNode *list, struct err *err)
{
	for (xmlNode *node = list->children; node; node = node->next)
		if ((is_rl(node, "list") && read_list(reading, node, err) < 0) ||
		    (is_rl(node, "entry") && read_entry(reading, node, err) < 0))
			return -1;
	return 0;
}

int xcap_diff_list_parse(struct strv body, unsigned max, struct arena *arena, struct strv **uri_out,
			 unsigned *n_out, struct err *err)
{
	const struct xml_limits limits = { .bytes = LIST_BYTES_MAX,
					   .value_bytes = XCAP_DIFF_URI_MAX * 2,
					   .depth = LIST_DEPTH_MAX,
					   .attributes = 16,
					   .namespaces = 32,
					   .nodes = max * NODES_EACH + NODES_MORE };
	struct reading reading = { .arena = arena, .max = max };
	enum xml_fault fault;
	xmlNode *root;
	xmlDoc *doc;
	int ret = -1;

	reading.uri = arena_zalloc(arena, max ? max : 1, sizeof(*reading.uri));
	if (!reading.uri)
		return err_set(err, ERR_NOMEM, "no memory for a list");
	if (xml_parse(body, &limits, &doc, &fault, err) < 0) {
		if (err && fault != XML_FAULT_NO_MEMORY)
			err->code =
				fault == XML_FAULT_TOO_LARGE || fault == XML_FAULT_TOO_MANY_NODES
					? ERR_LIMIT
					: ERR_SYNTAX;
		return -1;
	}
	root = xmlDocGetRootElement(doc);
	if (!is_rl(root, "resource-lists"))
		err_set(err, ERR_SYNTAX, "the body is no resource-lists document");
	else
		ret = read_list(&reading, root, err);
	xmlFreeDoc(doc);
	*uri_out = reading.uri;
	*n_out = ret < 0 ? 0 : reading.n;
	return ret;
}

/* ---- one URI ---- */

/* URI below the root, as a request target has it; p NULL: no memory. Absolute ones keep what they
 * have: whose host it is does not matter to requests either. */
static struct strv target_of(const struct xcap_rules *rules, struct strv uri, struct arena *arena)
{
	struct strv root = rules->root;

	if (strv_starts(uri, STRV("http://")) || strv_starts(uri, STRV("https://")) ||
	    strv_starts(uri, STRV("/")))
		return uri;
	while (root.n && root.p[root.n - 1] == '/')
		root.n--;
	return strv_of(arena_printf(arena, "%.*s/%.*s", STRV_ARG(root), STRV_ARG(uri)));
}

/* What stands behind the root in TARGET, a collection's; 0, or -1 it is another root's. */
static int below_root(const struct xcap_rules *rules, struct strv target, struct strv *path_out)
{
	struct strv root = rules->root, scheme;

	if (!strv_starts(target, STRV("/"))) {
		strv_cut(&target, ':', &scheme);
		target = strv_mem(target.p + 2, target.n - 2); /* "//", as target_of has seen */
		while (target.n && *target.p != '/')
			target = strv_mem(target.p + 1, target.n - 1);
	}
	while (root.n && root.p[root.n - 1] == '/')
		root.n--;
	if (!strv_starts(target, root) || target.n == root.n || target.p[root.n] != '/')
		return -1;
	*path_out = strv_mem(target.p + root.n + 1, target.n - root.n - 1);
	return 0;
}

/* Is XUI (canonical) WHO? */
static int is_self(const struct xcap_who *who, struct strv xui)
{
	return strv_eq(xui, who->home) || strv_eq(xui, who->acting);
}

/* "users/XUI/", "users/", "global/" or nothing, below an AUID. */
static int read_tree(const struct xcap_rules *rules, struct strv path, const struct xcap_who *who,
		     struct arena *arena, struct xcap_interest *out)
{
	struct strv tree, raw, xui;
	int is_whole = !strv_cut(&path, '/', &tree) || !path.n, failed;

	out->owner = who->home;
	if (!tree.n) {
		out->with_global = 1;
		out->kind = XCAP_INTEREST_COLLECTION;
	} else if (strv_eq(tree, STRV("global")) && is_whole) {
		out->owner = STRV(XDM_GLOBAL_OWNER);
		out->kind = XCAP_INTEREST_COLLECTION;
	} else if (strv_eq(tree, STRV("users")) && is_whole) {
		out->kind = XCAP_INTEREST_COLLECTION;
	} else if (strv_eq(tree, STRV("users"))) {
		strv_cut(&path, '/', &raw);
		failed = xcap_percent_decode(raw, arena, &xui);
		if (failed == -2)
			return -1;
		/* No usage has folders: there is nothing in them. */
		if (failed || path.n || xui.n > XCAP_XUI_BYTES_MAX ||
		    rules->canonical(rules->arg, xui, arena, &xui) < 0 ||
		    !(is_self(who, xui) || who->is_operator))
			return 0;
		out->is_foreign = !is_self(who, xui);
		out->owner = out->is_foreign ? xui : who->home;
		out->kind = XCAP_INTEREST_COLLECTION;
	}
	return 0;
}

/* Ends in "/": a collection. */
static int read_collection(const struct xcap_rules *rules, struct strv target,
			   const struct xcap_who *who, struct arena *arena,
			   struct xcap_interest *out)
{
	struct strv path, raw, auid;
	char *name;

	if (below_root(rules, target, &path) < 0)
		return 0;
	if (!path.n) {
		out->name = STRV("x/");
		return read_tree(rules, path, who, arena, out);
	}
	strv_cut(&path, '/', &raw);
	switch (xcap_percent_decode(raw, arena, &auid)) {
	case 0:
		break;
	case -2:
		return -1;
	default:
		return 0;
	}
	if (!auid_find(rules->table, auid))
		return 0;
	name = arena_printf(arena, "x/%.*s/", STRV_ARG(auid));
	if (!name)
		return -1;
	out->name = strv_of(name);
	return read_tree(rules, path, who, arena, out);
}

/* A document or a node of it. */
static int read_document(const struct xcap_rules *rules, struct strv target,
			 const struct xcap_who *who, struct arena *arena, struct xcap_interest *out)
{
	struct xcap_req req = {
		.method_text = STRV("GET"), .target = target, .arena = arena, .asks_owner = 1
	};
	struct xcap_answer answer = { .status = 0 };

	if (xcap_req_parse(rules, &req, &answer) || xcap_req_allow(rules, &req, who, &answer) ||
	    xcap_req_select(&req, &answer))
		return answer.status == 500 ? -1 : 0;
	if (req.uri.has_node && req.sel.kind == XCAP_SEL_NAMESPACE)
		return 0; /* s4.1: not to be subscribed to */
	out->kind = req.uri.has_node ? XCAP_INTEREST_NODE : XCAP_INTEREST_DOCUMENT;
	out->owner = req.owner;
	out->name = req.name;
	out->node = req.uri.node;
	out->query = req.uri.query;
	out->default_ns = strv_of(req.usage->ns);
	out->is_foreign = req.uri.tree == XCAP_USERS && !strv_eq(req.owner, who->home);
	return 0;
}

int xcap_interest_read(const struct xcap_rules *rules, struct strv uri, const struct xcap_who *who,
		       struct arena *arena, struct xcap_interest *interest_out)
{
	struct strv target = target_of(rules, uri, arena);

	*interest_out = (struct xcap_interest){ .kind = XCAP_INTEREST_NONE };
	if (!target.p)
		return -1;
	if (!uri.n || memchr(target.p, '#', target.n))
		return 0;
	if (target.p[target.n - 1] == '/')
		return read_collection(rules, target, who, arena, interest_out);
	return read_document(rules, target, who, arena, interest_out);
}

int xcap_interest_may_read(const struct xcap_rules *rules, struct strv owner, struct strv name,
			   const struct xcap_who *who, struct arena *arena)
{
	struct strv sel = xdm_diff_sel(owner, name, arena), target;
	/* Somebody who may see OWNER's collection sees it as OWNER does. */
	struct xcap_who as = { owner, owner, who->is_operator };
	struct xcap_interest interest = { .kind = XCAP_INTEREST_NONE };

	if (!sel.n)
		return 0;
	if (strv_eq(owner, STRV(XDM_GLOBAL_OWNER)))
		as = *who;
	target = target_of(rules, sel, arena);
	return target.p && read_document(rules, target, &as, arena, &interest) == 0 &&
	       interest.kind == XCAP_INTEREST_DOCUMENT;
}
