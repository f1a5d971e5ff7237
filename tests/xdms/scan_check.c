/* SPDX-License-Identifier: Apache-2.0 */
/* tests/xdms/scan_check.c - see scan_check.h */
#include "tests/xdms/scan_check.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/xml.h"
#include "xdms/xcap_scan.h"

struct walk {
	struct strv text;
	const struct xcap_index *ix;
	uint32_t next;
};

static void differ(const char *what, struct strv text)
{
	fprintf(stderr, "scanner and libxml2 differ: %s in\n%.*s\n", what, STRV_ARG(text));
	abort();
}

static struct strv xstr(const xmlChar *s)
{
	return strv_of((const char *)s);
}

/* The name of a node of theirs is NAME? libxml2 leaves "&#38;" for an ampersand in the value of a
 * namespace declaration. */
static int named(const struct xcap_index_name *name, const xmlNs *ns, const xmlChar *local)
{
	struct strv have = name->name.ns, want = ns ? xstr(ns->href) : strv_mem(NULL, 0);

	if (!strv_eq(name->name.local, xstr(local)))
		return 0;
	while (have.n && want.n) {
		size_t n = strv_starts(want, STRV("&#38;")) ? 5 : 1;

		if (*have.p != *want.p)
			return 0;
		want.p += n, want.n -= n;
		have.p++, have.n--;
	}
	return have.n == want.n && name->hash == xcap_name_hash(&name->name);
}

static void check_attrs(const struct walk *w, const struct xcap_node *node, const xmlNode *elem)
{
	unsigned plain = 0, decls = 0, theirs = 0, their_decls = 0;

	for (const xmlNs *ns = elem->nsDef; ns; ns = ns->next)
		their_decls++;
	for (unsigned i = 0; i < node->n_attrs; i++) {
		const struct xcap_attr *have = &w->ix->attr[node->attr + i];

		if (have->name != XCAP_NONE)
			plain++;
		else if (!strv_eq(strv_mem(w->text.p + have->at, have->name_n), STRV("xmlns:xml")))
			decls++; /* libxml2 does not keep that one */
	}
	for (const xmlAttr *a = elem->properties; a; a = a->next, theirs++) {
		xmlChar *value = xmlNodeGetContent((const xmlNode *)a);
		unsigned i;

		for (i = 0; i < node->n_attrs; i++) {
			const struct xcap_attr *have = &w->ix->attr[node->attr + i];

			if (have->name == XCAP_NONE ||
			    !named(&w->ix->names[have->name], a->ns, a->name))
				continue;
			if (!xcap_attvalue_eq(xcap_attr_raw(w->text, have), xstr(value)))
				differ("an attribute's value", w->text);
			if (xcap_attvalue_hash(1, xcap_attr_raw(w->text, have)) !=
			    xcap_hash(1, xstr(value)))
				differ("the hash of an attribute's value", w->text);
			break;
		}
		if (i == node->n_attrs)
			differ("an attribute is missing", w->text);
		xmlFree(value);
	}
	if (plain != theirs || decls != their_decls)
		differ("the number of attributes", w->text);
}

/* One element and what is in it; returns how many elements that were. */
static void check_element(struct walk *w, const xmlNode *elem, uint32_t parent)
{
	uint32_t id = w->next++;
	const struct xcap_node *node = &w->ix->node[id];

	if (id >= w->ix->n_nodes)
		differ("an element is missing", w->text);
	if (!named(&w->ix->names[node->name], elem->ns, elem->name))
		differ("an element's name", w->text);
	if (node->parent != parent)
		differ("an element's parent", w->text);
	if (w->text.p[node->start] != '<' || w->text.p[node->tag_end - 1] != '>' ||
	    w->text.p[node->end - 1] != '>' || node->tag_end > node->close ||
	    node->close > node->end)
		differ("an element's offsets", w->text);
	if ((node->close == node->end) !=
	    (w->text.p[node->tag_end - 2] == '/' && node->tag_end == node->end))
		differ("an empty-element tag", w->text);
	check_attrs(w, node, elem);
	for (const xmlNode *kid = elem->children; kid; kid = kid->next)
		if (kid->type == XML_ELEMENT_NODE)
			check_element(w, kid, id);
	if (node->next != w->next)
		differ("where an element's descendants end", w->text);
}

static int compare(struct strv bytes, const struct xcap_index *ix, int ours, xmlDoc *doc,
		   const xmlNode *elem, const char *why, const char *why_not)
{
	struct walk w = { bytes, ix, 0 };

	/* The form of namespace names is libxml2's to judge. */
	if (ours == 0 && !doc && strstr(why_not, "is not a valid URI"))
		return 0;
	if ((ours == 0) != (doc != NULL)) {
		fprintf(stderr, "scanner: %s\nlibxml2: %s\n", why, why_not);
		differ(ours == 0 ? "only the scanner accepts" : "only libxml2 accepts", bytes);
	}
	if (!doc)
		return 0;
	check_element(&w, elem, XCAP_NONE);
	if (w.next != ix->n_nodes)
		differ("elements that libxml2 does not have", bytes);
	return 1;
}

/* Bounds that both can be given. Depth is counted alike; nodes are not (libxml2's door counts more
 * kinds), so that both are far away. */
static const struct xml_limits their_limits = { 1 << 20, 64 * 1024, 64, 64, 10000, 1000000 };

int scan_check_document(struct strv bytes)
{
	struct xcap_limits limits = xcap_limits_default;
	struct xcap_index ix;
	struct err err = { 0 }, xml_err = { 0 };
	xmlDoc *doc = NULL;
	int ours, rc;

	bytes = xml_skip_bom(bytes);
	if (strv_starts(bytes, STRV("\xef\xbb\xbf")))
		return 0; /* libxml2 passes over a second byte order mark, the scanner does not */
	limits.octets = 1 << 20;
	ours = xcap_scan(bytes, XCAP_SCAN_DOCUMENT, NULL, 0, &limits, &ix, &err);
	xml_parse(bytes, &their_limits, &doc, NULL, &xml_err);
	rc = compare(bytes, &ix, ours, doc, doc ? xmlDocGetRootElement(doc) : NULL, err.text,
		     xml_err.text);
	xcap_index_fini(&ix);
	xmlFreeDoc(doc);
	return rc;
}

int scan_check_fragment(struct strv bytes)
{
	static const struct xcap_binding decl[] = { { { "", 0 }, { "urn:d", 5 } },
						    { { "p", 1 }, { "urn:p", 5 } } };
	static const struct xml_ns context[] = { { { "", 0 }, { "urn:d", 5 } },
						 { { "p", 1 }, { "urn:p", 5 } } };
	struct xcap_limits limits = xcap_limits_default;
	const struct xcap_ns *ns;
	struct xcap_index ix;
	struct err err = { 0 }, xml_err = { 0 };
	xmlDoc *doc = NULL;
	xmlNode *elem = NULL;
	int ours, rc;

	limits.octets = 1 << 20;
	if (xcap_ns_extend(NULL, decl, 2, &ns) < 0)
		abort();
	while (bytes.n && xcap_is_space(*bytes.p))
		bytes.p++, bytes.n--;
	while (bytes.n && xcap_is_space(bytes.p[bytes.n - 1]))
		bytes.n--;
	ours = xcap_scan(bytes, XCAP_SCAN_FRAGMENT, ns, 0, &limits, &ix, &err);
	xml_parse_fragment(bytes, context, 2, &their_limits, &doc, &elem, NULL, &xml_err);
	/* In their tree a reference to a space beside the element looks like a space. */
	if (ours < 0 && bytes.n && (*bytes.p != '<' || bytes.p[bytes.n - 1] != '>')) {
		xmlFreeDoc(doc);
		doc = NULL;
	}
	rc = compare(bytes, &ix, ours, doc, elem, err.text, xml_err.text);
	xcap_index_fini(&ix);
	xcap_ns_drop(&ns);
	xmlFreeDoc(doc);
	return rc;
}
