/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/xdms/oracle_apply.c - an applier of RFC 5261 operations over libxml2 and its XPath
 *
 * It knows nothing of how the engine makes them, and is strict: a selector must select one node,
 * and a namespace that the content does not declare itself must be bound at its new place to the
 * same prefix.
 */
#include "tests/xdms/oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>

#define DIFF_NS "urn:ietf:params:xml:ns:xcap-diff"

static void must(int holds, const char *what, const xmlNode *op)
{
	if (holds)
		return;
	fprintf(stderr, "patch: %s in \"%s\"\n", what, op ? (const char *)op->name : "");
	abort();
}

static xmlNode *evaluate(xmlDoc *doc, xmlNode *op, const xmlChar *sel)
{
	xmlXPathContext *context = xmlXPathNewContext(doc);
	xmlNs **list = xmlGetNsList(op->doc, op);
	xmlXPathObject *object;
	xmlNode *found;

	for (unsigned i = 0; list && list[i]; i++)
		if (list[i]->prefix)
			xmlXPathRegisterNs(context, list[i]->prefix, list[i]->href);
	context->node = (xmlNode *)doc;
	object = xmlXPathEval(sel, context);
	must(object && object->type == XPATH_NODESET && object->nodesetval, "a broken selector",
	     op);
	must(object->nodesetval->nodeNr == 1, "a selector of not one node", op);
	found = object->nodesetval->nodeTab[0];
	xmlXPathFreeObject(object);
	xmlXPathFreeContext(context);
	xmlFree(list);
	return found;
}

/* The declaration that NODE, put below TARGET, finds for NS of the diff document. */
static xmlNs *carried(xmlDoc *doc, xmlNode *node, const xmlNs *ns, const xmlNode *op)
{
	xmlNs *own = xmlSearchNs(doc, node, ns->prefix);

	must(own && xmlStrEqual(own->href, ns->href), "content whose prefix is not bound there",
	     op);
	return own;
}

static void carry(xmlDoc *doc, xmlNode *to, const xmlNode *from, const xmlNode *op)
{
	xmlAttr *a = to->properties;

	to->ns = from->ns ? carried(doc, to, from->ns, op) : NULL;
	if (!from->ns)
		must(!xmlSearchNs(doc, to, NULL) || !xmlSearchNs(doc, to, NULL)->href[0],
		     "content in no namespace below a default one", op);
	for (const xmlAttr *b = from->properties; b; b = b->next, a = a->next)
		a->ns = b->ns ? carried(doc, to, b->ns, op) : NULL;
	to = to->children;
	for (from = from->children; from; from = from->next, to = to->next)
		if (from->type == XML_ELEMENT_NODE)
			carry(doc, to, from, op);
}

/* A copy of the only element in OP, without namespaces but its own declarations. */
static xmlNode *content_of(const xmlNode *op, const xmlNode **from_out)
{
	const xmlNode *elem = op->children;

	must(elem && elem->type == XML_ELEMENT_NODE && !elem->next, "not one element", op);
	*from_out = elem;
	return (xmlNode *)elem;
}

/* Node by node, so that nothing is reconciled behind our back. */
static xmlNode *clone(xmlDoc *doc, const xmlNode *from)
{
	xmlNode *to;

	if (from->type != XML_ELEMENT_NODE)
		return xmlDocCopyNode((xmlNode *)from, doc, 1);
	to = xmlNewDocNode(doc, NULL, from->name, NULL);
	for (const xmlNs *ns = from->nsDef; ns; ns = ns->next)
		xmlNewNs(to, ns->href, ns->prefix);
	for (const xmlAttr *a = from->properties; a; a = a->next) {
		xmlChar *value = xmlNodeGetContent((const xmlNode *)a);

		xmlNewNsProp(to, NULL, a->name, value);
		xmlFree(value);
	}
	for (const xmlNode *kid = from->children; kid; kid = kid->next)
		xmlAddChild(to, clone(doc, kid));
	return to;
}

static void add(xmlDoc *doc, xmlNode *op, xmlNode *target)
{
	xmlChar *type = xmlGetNoNsProp(op, BAD_CAST "type"),
		*pos = xmlGetNoNsProp(op, BAD_CAST "pos");
	xmlChar *text = xmlNodeGetContent(op);
	const xmlNode *from;
	xmlNode *to;

	must(target->type == XML_ELEMENT_NODE, "add to what is no element", op);
	if (type && !strncmp((char *)type, "namespace::", 11)) {
		must(xmlNewNs(target, text, type + 11) != NULL, "a prefix declared twice", op);
	} else if (type) {
		char *colon = strchr((char *)type, ':');
		xmlNs *ns = NULL;

		must(type[0] == '@', "a type", op);
		if (colon) {
			*colon = 0;
			ns = xmlSearchNs(op->doc, op, type + 1);
			must(ns != NULL, "an attribute's prefix that is not declared", op);
			ns = carried(doc, target, ns, op);
		}
		must(!xmlHasNsProp(target, colon ? BAD_CAST colon + 1 : type + 1,
				   ns ? ns->href : NULL),
		     "an attribute that is there", op);
		xmlNewNsProp(target, ns, colon ? BAD_CAST colon + 1 : type + 1, text);
	} else {
		to = clone(doc, content_of(op, &from));
		if (!pos)
			xmlAddChild(target, to);
		else if (xmlStrEqual(pos, BAD_CAST "before"))
			xmlAddPrevSibling(target, to);
		else if (xmlStrEqual(pos, BAD_CAST "after"))
			xmlAddNextSibling(target, to);
		else
			must(0, "a position", op);
		carry(doc, to, from, op);
	}
	xmlFree(type);
	xmlFree(pos);
	xmlFree(text);
}

static void replace(xmlDoc *doc, xmlNode *op, xmlNode *target)
{
	const xmlNode *from;
	xmlNode *to;

	if (target->type == XML_ATTRIBUTE_NODE) {
		xmlChar *text = xmlNodeGetContent(op);

		xmlSetNsProp(target->parent, target->ns, target->name, text);
		xmlFree(text);
		return;
	}
	must(target->type == XML_ELEMENT_NODE, "replace of what is no element", op);
	to = clone(doc, content_of(op, &from));
	xmlReplaceNode(target, to);
	xmlFreeNode(target);
	carry(doc, to, from, op);
}

static void apply(xmlDoc *doc, xmlNode *op)
{
	xmlChar *sel = xmlGetNoNsProp(op, BAD_CAST "sel");
	xmlNode *target;

	must(sel != NULL, "no selector", op);
	target = evaluate(doc, op, sel);
	xmlFree(sel);
	if (xmlStrEqual(op->name, BAD_CAST "add")) {
		add(doc, op, target);
	} else if (xmlStrEqual(op->name, BAD_CAST "replace")) {
		replace(doc, op, target);
	} else if (xmlStrEqual(op->name, BAD_CAST "remove")) {
		must(!op->children, "a remove with content", op);
		if (target->type == XML_ATTRIBUTE_NODE) {
			xmlRemoveProp((xmlAttr *)target);
		} else {
			must(target->parent->type == XML_ELEMENT_NODE, "remove of the root", op);
			xmlUnlinkNode(target);
			xmlFreeNode(target);
		}
	} else {
		must(0, "an unknown operation", op);
	}
}

void oracle_apply(xmlDoc *doc, struct strv text)
{
	xmlDoc *diff = oracle_parse(text);
	xmlNode *root, *document;

	must(diff != NULL, "an xcap-diff document that is not well-formed", NULL);
	root = xmlDocGetRootElement(diff);
	must(xmlStrEqual(root->name, BAD_CAST "xcap-diff") && root->ns &&
		     xmlStrEqual(root->ns->href, BAD_CAST DIFF_NS),
	     "another root", root);
	document = root->children;
	must(document && xmlStrEqual(document->name, BAD_CAST "document") && !document->next,
	     "not one document", root);
	for (xmlNode *op = document->children; op; op = op->next) {
		must(op->type == XML_ELEMENT_NODE && op->ns &&
			     xmlStrEqual(op->ns->href, BAD_CAST DIFF_NS),
		     "something beside the operations", op);
		apply(doc, op);
	}
	xmlFreeDoc(diff);
}
