/* SPDX-License-Identifier: Apache-2.0 */
/* tests/xdms/oracle.c - see oracle.h */
#include "tests/xdms/oracle.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/xml.h"

#define PLACE "here-it-goes"

static void must(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "oracle: %s\n", what);
	abort();
}

/* What the engine does not bound is far away. */
static const struct xml_limits bounds = { 4 << 20, 64 * 1024, 64, 64, 100000, 1000000 };

xmlDoc *oracle_parse(struct strv bytes)
{
	struct err err;
	xmlDoc *doc;

	if (xml_parse(bytes, &bounds, &doc, NULL, &err) < 0 && getenv("ORACLE_VERBOSE"))
		fprintf(stderr, "%s\n", err.text);
	return doc;
}

static struct strv xstr(const xmlChar *s)
{
	return strv_of((const char *)s);
}

/* ---- look-up ---- */

static int is_named(const xmlNs *ns, const xmlChar *local, const struct xcap_name *name)
{
	return strv_eq(xstr(local), name->local) &&
	       strv_eq(ns ? xstr(ns->href) : strv_mem(NULL, 0), name->ns);
}

static const xmlAttr *attr_of(const xmlNode *elem, const struct xcap_name *name)
{
	for (const xmlAttr *a = elem->properties; a; a = a->next)
		if (is_named(a->ns, a->name, name))
			return a;
	return NULL;
}

static int has_value(const xmlNode *elem, const struct xcap_step *step)
{
	const xmlAttr *a = attr_of(elem, &step->attr);
	xmlChar *value = a ? xmlNodeGetContent((const xmlNode *)a) : NULL;
	int eq = value && strv_eq(xstr(value), step->value);

	xmlFree(value);
	return eq;
}

/* The children that STEP selects, without its attribute test when WITH_TEST is 0. */
static unsigned select_kids(const xmlNode *parent, const struct xcap_step *step, int with_test,
			    xmlNode **first_out)
{
	unsigned seen = 0, n = 0;

	*first_out = NULL;
	for (xmlNode *kid = parent->children; kid; kid = kid->next) {
		if (kid->type != XML_ELEMENT_NODE ||
		    (!step->any && !is_named(kid->ns, kid->name, &step->name)))
			continue;
		seen++;
		if (step->pos != XCAP_POS_NONE && seen != step->pos)
			continue;
		if (with_test && step->has_attr && !has_value(kid, step))
			continue;
		if (!n++)
			*first_out = kid;
	}
	return n;
}

/* Follow N steps; the element (or the document) they lead to, NULL when they do not. */
static xmlNode *follow(const xmlDoc *doc, const struct xcap_sel *sel, unsigned n)
{
	xmlNode *at = (xmlNode *)doc;

	for (unsigned i = 0; i < n; i++)
		if (select_kids(at, &sel->step[i], 1, &at) != 1)
			return NULL;
	return at;
}

const xmlNode *oracle_find(const xmlDoc *doc, const struct xcap_sel *sel)
{
	return follow(doc, sel, sel->n_steps);
}

/* ---- writing out and parsing again ---- */

/* Where NODE stands: its number among the elements of its parent, upwards. */
struct where {
	unsigned n, position[XCAP_DEPTH_MAX + 2];
};

static struct where where_is(const xmlNode *node)
{
	struct where w = { 0 };

	for (; node->type != XML_DOCUMENT_NODE; node = node->parent) {
		unsigned i = 0;

		for (const xmlNode *prev = node->prev; prev; prev = prev->prev)
			i += prev->type == XML_ELEMENT_NODE;
		w.position[w.n++] = i;
	}
	return w;
}

static xmlNode *element_at(const xmlDoc *doc, struct where w)
{
	const xmlNode *at = (const xmlNode *)doc;

	while (w.n-- > 0) {
		unsigned i = w.position[w.n];

		for (at = at->children; at; at = at->next)
			if (at->type == XML_ELEMENT_NODE && i-- == 0)
				break;
		if (!at)
			abort();
	}
	return (xmlNode *)at;
}

/* DOC written out, WITH in place of the mark, parsed. */
static xmlDoc *rewrite(xmlDoc *doc, struct strv with)
{
	xmlChar *mem;
	int size;
	char *mark, *text, *p;
	xmlDoc *parsed;

	xmlDocDumpMemoryEnc(doc, &mem, &size, "UTF-8");
	text = malloc((size_t)size + with.n + 1);
	mark = strstr((char *)mem, "<?" PLACE "?>");
	p = text;
	if (mark) {
		size_t head = (size_t)(mark - (char *)mem);

		memcpy(p, mem, head);
		memcpy(p + head, with.p, with.n);
		strcpy(p + head + with.n, mark + strlen("<?" PLACE "?>"));
		size += (int)with.n - (int)strlen("<?" PLACE "?>");
	} else {
		strcpy(p, (char *)mem);
	}
	parsed = oracle_parse(strv_mem(text, (size_t)size));
	free(text);
	xmlFree(mem);
	return parsed;
}

static struct oracle_verdict refused(enum xcap_fault_kind fault)
{
	return (struct oracle_verdict){ XCAP_REFUSED, fault, 0, 0 };
}

/* ---- PUT of an element ---- */

static struct oracle_verdict check_body(const xmlDoc *doc, const xmlNode *parent, struct strv *body)
{
	struct xml_ns context[128];
	struct xml_limits limits = bounds;
	enum xml_fault fault;
	struct err err = { 0 };
	xmlDoc *parsed;
	xmlNode *elem;
	xmlNs **list;
	size_t n = 0;

	list = parent->type == XML_ELEMENT_NODE ? xmlGetNsList((xmlDoc *)doc, (xmlNode *)parent)
						: NULL;
	for (; list && list[n] && n < 128; n++)
		context[n] = (struct xml_ns){ xstr(list[n]->prefix), xstr(list[n]->href) };
	while (body->n && xcap_is_space(*body->p))
		body->p++, body->n--;
	while (body->n && xcap_is_space(body->p[body->n - 1]))
		body->n--;
	for (const xmlNode *up = parent; up->type == XML_ELEMENT_NODE && limits.depth;
	     up = up->parent)
		limits.depth--;
	xml_parse_fragment(*body, context, n, &limits, &parsed, &elem, &fault, &err);
	xmlFree(list);
	if (parsed) {
		xmlFreeDoc(parsed);
		if (*body->p == '<' && body->p[body->n - 1] == '>')
			return (struct oracle_verdict){ XCAP_EDITED, 0, 0, 0 };
		return refused(XCAP_NOT_XML_FRAG); /* a reference to a space beside the element */
	}
	if (strstr(err.text, "is not a valid URI"))
		return (struct oracle_verdict){ .skip = 1 };
	if (fault == XML_FAULT_NOT_UTF8)
		return refused(XCAP_NOT_UTF8);
	if (fault >= XML_FAULT_TOO_LARGE && fault <= XML_FAULT_TOO_MANY_NODES)
		return refused(XCAP_LOCAL_LIMIT);
	return refused(XCAP_NOT_XML_FRAG);
}

/* The last of the children named as the body (or as the step says). */
static xmlNode *last_named(const xmlNode *parent, const struct xcap_name *name)
{
	for (xmlNode *kid = parent->last; kid; kid = kid->prev)
		if (kid->type == XML_ELEMENT_NODE && is_named(kid->ns, kid->name, name))
			return kid;
	return NULL;
}

static xmlNode *nth(const xmlNode *parent, const struct xcap_step *step, unsigned n)
{
	struct xcap_step only = *step;
	xmlNode *kid;

	only.pos = n;
	select_kids(parent, &only, 0, &kid);
	return kid;
}

/* RFC 4825 s8.2.3: put MARK where the new element goes. Returns 0 when it has no place. */
static int put_mark(xmlNode *parent, const struct xcap_step *step, const struct xcap_name *body,
		    xmlNode *mark)
{
	xmlNode *sibling;

	if (step->pos == XCAP_POS_NONE) {
		sibling = last_named(parent, step->any ? body : &step->name);
		if (sibling)
			xmlAddNextSibling(sibling, mark);
		else
			xmlAddChild(parent, mark);
		return 1;
	}
	if (step->pos == 1) {
		sibling = nth(parent, step, 1);
		if (sibling)
			xmlAddPrevSibling(sibling, mark);
		else
			xmlAddChild(parent, mark);
		return 1;
	}
	sibling = step->pos ? nth(parent, step, step->pos - 1) : NULL;
	if (!sibling)
		return 0;
	xmlAddNextSibling(sibling, mark);
	return 1;
}

/* The expanded name of the element BODY in the context of PARENT, by putting it there. */
static void body_name(const xmlDoc *doc, const xmlNode *parent, struct strv body, char ns[1024],
		      char local[1100], struct xcap_name *name_out)
{
	struct where at = where_is(parent);
	xmlDoc *copy = xmlCopyDoc((xmlDoc *)doc, 1), *with;
	xmlNode *in = element_at(copy, at), *mark = xmlNewDocPI(copy, BAD_CAST PLACE, NULL), *found;

	if (in->children)
		xmlAddPrevSibling(in->children, mark);
	else
		xmlAddChild(in, mark);
	with = rewrite(copy, body);
	must(with != NULL, "a body that cannot stand in its parent");
	for (found = element_at(with, at)->children; found && found->type != XML_ELEMENT_NODE;)
		found = found->next;
	if (!found)
		abort();
	snprintf(ns, 1024, "%s", found->ns ? (const char *)found->ns->href : "");
	snprintf(local, 1100, "%s", (const char *)found->name);
	*name_out = (struct xcap_name){ strv_of(ns), strv_of(local) };
	xmlFreeDoc(with);
	xmlFreeDoc(copy);
}

static struct oracle_verdict put_element(xmlDoc **doc, const struct xcap_sel *sel, struct strv body)
{
	const struct xcap_step *step = &sel->step[sel->n_steps - 1];
	xmlNode *parent = follow(*doc, sel, sel->n_steps - 1), *old, *mark;
	struct oracle_verdict v;
	struct xcap_name name;
	char ns[1024], local[1100];
	struct where at;
	xmlDoc *copy, *with;
	unsigned n;

	if (!parent)
		return refused(XCAP_NO_PARENT);
	v = check_body(*doc, parent, &body);
	if (v.verdict != XCAP_EDITED || v.skip)
		return v;
	n = select_kids(parent, step, 1, &old);
	if (n > 1 || (!n && parent->type == XML_DOCUMENT_NODE))
		return refused(XCAP_CANNOT_INSERT);
	if (!n)
		body_name(*doc, parent, body, ns, local, &name);
	copy = xmlCopyDoc(*doc, 1);
	mark = xmlNewDocPI(copy, BAD_CAST PLACE, NULL);
	if (n) {
		old = element_at(copy, where_is(old));
		xmlReplaceNode(old, mark);
		xmlFreeNode(old);
	} else {
		parent = element_at(copy, where_is(parent));
		if (!put_mark(parent, step, &name, mark)) {
			xmlFreeNode(mark);
			xmlFreeDoc(copy);
			return refused(XCAP_CANNOT_INSERT);
		}
	}
	at = where_is(mark);
	with = rewrite(copy, body);
	xmlFreeDoc(copy);
	must(with != NULL, "a document that is no longer well-formed");
	if (follow(with, sel, sel->n_steps) != element_at(with, at)) {
		xmlFreeDoc(with);
		return refused(XCAP_CANNOT_INSERT);
	}
	xmlFreeDoc(*doc);
	*doc = with;
	return (struct oracle_verdict){ XCAP_EDITED, 0, n == 0, 0 };
}

/* ---- PUT of an attribute ---- */

static struct oracle_verdict check_value(struct strv body, struct arena *arena, struct strv *value)
{
	char quote = 0;
	struct strv s = body;

	if (!xcap_utf8_valid(body))
		return refused(XCAP_NOT_UTF8);
	while (s.n && xcap_is_space(*s.p))
		s.p++, s.n--;
	while (s.n && xcap_is_space(s.p[s.n - 1]))
		s.n--;
	if (s.n >= 2 && (*s.p == '"' || *s.p == '\'') && s.p[s.n - 1] == *s.p) {
		quote = *s.p;
		body = strv_mem(s.p + 1, s.n - 2);
	}
	if (!xcap_attvalue_valid(body, quote))
		return refused(XCAP_NOT_XML_ATT_VALUE);
	if (body.n > xcap_limits_default.attr_octets)
		return refused(XCAP_LOCAL_LIMIT);
	must(xcap_attvalue_decode(body, arena, value) == 0, "memory");
	return (struct oracle_verdict){ XCAP_EDITED, 0, 0, 0 };
}

/* A declaration for URI that an attribute of ELEM can use. */
static xmlNs *ns_for(xmlDoc *doc, xmlNode *elem, struct strv uri, struct strv wish)
{
	xmlNs **list = xmlGetNsList(doc, elem), *found = NULL;
	char prefix[64];

	for (unsigned i = 0; list && list[i] && !found; i++)
		if (list[i]->prefix && strv_eq(xstr(list[i]->href), uri))
			found = list[i];
	xmlFree(list);
	if (!found && strv_eq(uri, XCAP_NS_XML))
		found = xmlSearchNs(doc, elem, BAD_CAST "xml");
	for (unsigned i = 0; !found; i++) {
		char *href = strv_dup(uri);

		snprintf(prefix, sizeof(prefix), "ns%u", i);
		if (!i)
			snprintf(prefix, sizeof(prefix), "%.*s", STRV_ARG(wish));
		if (!xmlSearchNs(doc, elem, BAD_CAST prefix))
			found = xmlNewNs(elem, BAD_CAST href, BAD_CAST prefix);
		free(href);
	}
	return found;
}

static struct oracle_verdict put_attr(xmlDoc **doc, const struct xcap_sel *sel, struct strv body)
{
	xmlNode *elem = follow(*doc, sel, sel->n_steps);
	struct arena *arena = arena_new(0);
	struct oracle_verdict v;
	struct strv value;
	struct where at;
	xmlDoc *copy, *with;

	v = elem ? check_value(body, arena, &value) : refused(XCAP_NO_PARENT);
	if (v.verdict == XCAP_EDITED && !sel->attr.ns.n && strv_eq(sel->attr.local, STRV("xmlns")))
		v = refused(XCAP_CANNOT_INSERT);
	if (v.verdict == XCAP_EDITED) {
		char *name = strv_dup(sel->attr.local), *text = strv_dup(value);

		v.created = !attr_of(elem, &sel->attr);
		copy = xmlCopyDoc(*doc, 1);
		at = where_is(elem);
		elem = element_at(copy, at);
		xmlSetNsProp(elem,
			     sel->attr.ns.n ? ns_for(copy, elem, sel->attr.ns, sel->attr_prefix)
					    : NULL,
			     BAD_CAST name, BAD_CAST text);
		with = rewrite(copy, strv_mem(NULL, 0));
		xmlFreeDoc(copy);
		free(name);
		free(text);
		if (!with) /* one attribute too many */
			v = refused(XCAP_LOCAL_LIMIT);
		else if (follow(with, sel, sel->n_steps) == element_at(with, at)) {
			xmlFreeDoc(*doc);
			*doc = with;
		} else {
			xmlFreeDoc(with);
			v = refused(XCAP_CANNOT_INSERT);
		}
	}
	arena_free(&arena);
	return v;
}

struct oracle_verdict oracle_put(xmlDoc **doc, const struct xcap_sel *sel, struct strv body)
{
	if (sel->kind == XCAP_SEL_NAMESPACE)
		return (struct oracle_verdict){ .verdict = XCAP_NOT_ALLOWED };
	return sel->kind == XCAP_SEL_ATTR ? put_attr(doc, sel, body) : put_element(doc, sel, body);
}

/* ---- DELETE ---- */

struct oracle_verdict oracle_delete(xmlDoc **doc, const struct xcap_sel *sel)
{
	xmlNode *elem = follow(*doc, sel, sel->n_steps), *left;
	const xmlAttr *attr = NULL;
	xmlDoc *copy, *with;

	if (sel->kind == XCAP_SEL_NAMESPACE)
		return (struct oracle_verdict){ .verdict = XCAP_NOT_ALLOWED };
	if (!elem || (sel->kind == XCAP_SEL_ATTR && !attr_of(elem, &sel->attr)))
		return (struct oracle_verdict){ .verdict = XCAP_NOT_FOUND };
	if (sel->kind == XCAP_SEL_ELEMENT && elem->parent->type == XML_DOCUMENT_NODE)
		return refused(XCAP_SCHEMA_VALIDATION_ERROR);
	copy = xmlCopyDoc(*doc, 1);
	elem = element_at(copy, where_is(elem));
	if (sel->kind == XCAP_SEL_ATTR) {
		attr = attr_of(elem, &sel->attr);
		xmlRemoveProp((xmlAttr *)attr);
	} else {
		xmlUnlinkNode(elem);
		xmlFreeNode(elem);
	}
	with = rewrite(copy, strv_mem(NULL, 0));
	xmlFreeDoc(copy);
	must(with != NULL, "a document that is no longer well-formed");
	left = follow(with, sel, sel->n_steps);
	if (left && (sel->kind == XCAP_SEL_ELEMENT || attr_of(left, &sel->attr))) {
		xmlFreeDoc(with);
		return refused(XCAP_CANNOT_DELETE);
	}
	xmlFreeDoc(*doc);
	*doc = with;
	return (struct oracle_verdict){ .verdict = XCAP_EDITED };
}

/* ---- canonical form ---- */

static int by_name(const void *a, const void *b)
{
	const xmlAttr *x = *(const xmlAttr *const *)a, *y = *(const xmlAttr *const *)b;
	int c = strcmp((const char *)x->name, (const char *)y->name);

	return c ? c
		 : strcmp(x->ns ? (const char *)x->ns->href : "",
			  y->ns ? (const char *)y->ns->href : "");
}

static void canon_node(const xmlNode *node, FILE *to);

static void canon_kids(const xmlNode *kid, FILE *to)
{
	int in_text = 0;

	for (; kid; kid = kid->next) {
		if (kid->type == XML_TEXT_NODE || kid->type == XML_CDATA_SECTION_NODE) {
			if (!kid->content || !*kid->content)
				continue;
			fprintf(to, "%s%s", in_text ? "" : "\nT:", (const char *)kid->content);
			in_text = 1;
			continue;
		}
		in_text = 0;
		canon_node(kid, to);
	}
}

static void canon_node(const xmlNode *node, FILE *to)
{
	const xmlAttr *attr[XCAP_ATTRS_MAX];
	unsigned n = 0;

	if (node->type == XML_COMMENT_NODE || node->type == XML_PI_NODE) {
		fprintf(to, "\n%c:%s:%s", node->type == XML_PI_NODE ? 'P' : 'C',
			node->type == XML_PI_NODE ? (const char *)node->name : "",
			node->content ? (const char *)node->content : "");
		return;
	}
	must(node->type == XML_ELEMENT_NODE, "a kind of node that cannot be here");
	fprintf(to, "\nE:{%s}%s", node->ns ? (const char *)node->ns->href : "",
		(const char *)node->name);
	for (const xmlAttr *a = node->properties; a && n < XCAP_ATTRS_MAX; a = a->next)
		attr[n++] = a;
	qsort(attr, n, sizeof(attr[0]), by_name);
	for (unsigned i = 0; i < n; i++) {
		xmlChar *value = xmlNodeGetContent((const xmlNode *)attr[i]);

		fprintf(to, " {%s}%s=\"%s\"", attr[i]->ns ? (const char *)attr[i]->ns->href : "",
			(const char *)attr[i]->name, (const char *)value);
		xmlFree(value);
	}
	canon_kids(node->children, to);
	fprintf(to, "\n/");
}

char *oracle_canon(const xmlDoc *doc, const xmlNode *node)
{
	char *text = NULL;
	size_t n;
	FILE *to = open_memstream(&text, &n);

	must(to != NULL, "memory");
	if (node)
		canon_node(node, to);
	else
		canon_kids(doc->children, to);
	fclose(to);
	return text;
}
