/* SPDX-License-Identifier: Apache-2.0 */
/* xdms/xcap_diff_read.c - see xcap_diff_read.h */
#include "xdms/xcap_diff_read.h"

#include "base/xml.h"
#include "xdms/xcap_uri.h"
#include "xdms/xdm_store.h"

#define NS_DIFF "urn:ietf:params:xml:ns:xcap-diff"

static const struct xml_limits limits = { .bytes = XCAP_DIFF_READ_BYTES,
					  .value_bytes = XCAP_TARGET_BYTES_MAX,
					  .depth = 64,
					  .attributes = 64,
					  .namespaces = 128,
					  .nodes = 100000 };

static int is_diff(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && node->ns &&
	       strcmp((const char *)node->ns->href, NS_DIFF) == 0 &&
	       strcmp((const char *)node->name, name) == 0;
}

/* "AUID/users/XUI/path" to what it is here. 1; 0 it is nothing; -1 no memory. */
static int read_sel(struct strv sel, struct arena *arena, struct xcap_diff_told *told)
{
	const char *target = arena_printf(arena, "/%.*s", STRV_ARG(sel));
	struct xcap_uri uri;
	struct err err;

	if (!target)
		return -1;
	if (xcap_uri_parse(strv_of(target), STRV("/"), arena, &uri, &err) < 0)
		return err.code == ERR_NOMEM ? -1 : 0;
	if (uri.has_node)
		return 0;
	told->xui = uri.tree == XCAP_GLOBAL ? STRV("") : uri.xui;
	told->name = xdm_name(uri.auid, uri.segment, uri.n_segments, arena);
	return told->name.n != 0;
}

static int read_document(const xmlNode *node, struct arena *arena, struct xcap_diff_told *told)
{
	xmlChar *sel = xmlGetNoNsProp((xmlNode *)(uintptr_t)node, (const xmlChar *)"sel");
	int found = 0;

	if (sel)
		found = read_sel(strv_of((const char *)sel), arena, told);
	told->is_gone = !xmlHasProp((xmlNode *)(uintptr_t)node, (const xmlChar *)"new-etag");
	xmlFree(sel);
	return found;
}

static int read_root(const xmlNode *root, struct arena *arena, struct xcap_diff_told **told_out,
		     unsigned *n_out, struct err *err)
{
	unsigned n = 0, max = 0;

	for (const xmlNode *node = root->children; node; node = node->next)
		max += is_diff(node, "document");
	if (max > XCAP_DIFF_READ_MAX)
		return err_set(err, ERR_LIMIT, "more than %d documents", XCAP_DIFF_READ_MAX);
	*told_out = arena_zalloc(arena, (size_t)max + 1, sizeof(**told_out));
	if (!*told_out)
		return err_set(err, ERR_NOMEM, "no memory for changes");
	for (const xmlNode *node = root->children; node; node = node->next) {
		int found =
			is_diff(node, "document") ? read_document(node, arena, &(*told_out)[n]) : 0;

		if (found < 0)
			return err_set(err, ERR_NOMEM, "no memory for changes");
		n += (unsigned)found;
	}
	*n_out = n;
	return 0;
}

int xcap_diff_read(struct strv bytes, struct arena *arena, struct xcap_diff_told **told_out,
		   unsigned *n_out, struct err *err)
{
	enum xml_fault fault;
	xmlNode *root;
	xmlDoc *doc;
	int ret;

	*n_out = 0;
	if (xml_parse(bytes, &limits, &doc, &fault, err) < 0) {
		if (err && fault != XML_FAULT_NO_MEMORY)
			err->code = fault == XML_FAULT_TOO_LARGE ? ERR_LIMIT : ERR_SYNTAX;
		return -1;
	}
	root = xmlDocGetRootElement(doc);
	ret = is_diff(root, "xcap-diff")
		      ? read_root(root, arena, told_out, n_out, err)
		      : err_set(err, ERR_SYNTAX, "this is no xcap-diff document");
	xmlFreeDoc(doc);
	return ret;
}
