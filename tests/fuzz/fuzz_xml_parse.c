/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes through the door to XML. What comes out is within the bounds and has no document type
 * declaration; written out it comes in again; as a fragment it is one element, and the same bytes
 * pass inside a document. What is refused leaves no tree, and a fault and a sentence.
 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xml.h"

#define MUST(condition)           \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static const struct xml_limits limits = {
	.bytes = 8192,
	.value_bytes = 512,
	.depth = 16,
	.attributes = 12,
	.namespaces = 24,
	.nodes = 300,
};

static const struct xml_ns context[] = {
	{ { "", 0 }, { "urn:default", 11 } },
	{ { "p", 1 }, { "urn:p", 5 } },
};

static unsigned count(const xmlNode *elem, unsigned depth)
{
	unsigned own = 0, n = 1;

	MUST(depth <= limits.depth);
	for (const xmlNs *ns = elem->nsDef; ns; ns = ns->next)
		own++;
	for (const xmlAttr *attr = elem->properties; attr; attr = attr->next, n++)
		own++;
	MUST(own <= limits.attributes);
	for (const xmlNode *node = elem->children; node; node = node->next) {
		MUST(node->type != XML_ENTITY_REF_NODE && node->type != XML_DTD_NODE);
		if (node->type == XML_ELEMENT_NODE)
			n += count(node, depth + 1);
	}
	return n;
}

static void try_again(xmlDoc *doc)
{
	struct xml_limits wide = limits;
	xmlChar *text;
	xmlDoc *again;
	int n;

	wide.bytes = 1 << 20;
	wide.value_bytes = 1 << 20;
	xmlDocDumpMemoryEnc(doc, &text, &n, "UTF-8");
	MUST(text && xml_parse(strv_mem(text, (size_t)n), &wide, &again, NULL, NULL) == 0);
	xmlFreeDoc(again);
	xmlFree(text);
}

static void try_document(struct strv bytes)
{
	enum xml_fault fault = XML_FAULTS;
	struct err err = { 0 };
	xmlDoc *doc;

	if (xml_parse(bytes, &limits, &doc, &fault, &err) < 0) {
		MUST(!doc && fault > XML_FAULT_NONE && fault < XML_FAULTS && err.text[0]);
		return;
	}
	MUST(doc && fault == XML_FAULT_NONE && !doc->intSubset && !doc->extSubset);
	MUST(count(xmlDocGetRootElement(doc), 1) <= limits.nodes);
	try_again(doc);
	xmlFreeDoc(doc);
}

static void try_inside(struct strv bytes)
{
	struct xml_limits wide = limits;
	char *text;
	xmlDoc *doc;
	int n;

	wide.bytes += 256;
	wide.depth++;
	wide.nodes++;
	n = asprintf(&text, "<r xmlns='urn:default' xmlns:p='urn:p'>%.*s</r>", (int)bytes.n,
		     bytes.p);
	MUST(n > 0 && xml_parse(strv_mem(text, (size_t)n), &wide, &doc, NULL, NULL) == 0);
	xmlFreeDoc(doc);
	free(text);
}

static void try_fragment(struct strv bytes)
{
	enum xml_fault fault = XML_FAULTS;
	struct err err = { 0 };
	xmlNode *elem;
	xmlDoc *doc;

	if (xml_parse_fragment(bytes, context, 2, &limits, &doc, &elem, &fault, &err) < 0) {
		MUST(!doc && !elem && fault > XML_FAULT_NONE && err.text[0]);
		return;
	}
	MUST(elem && elem->type == XML_ELEMENT_NODE && elem->parent &&
	     elem->parent == xmlDocGetRootElement(doc));
	MUST(count(elem, 1) <= limits.nodes);
	xmlFreeDoc(doc);
	try_inside(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int ready;

	if (!ready)
		MUST(xml_init("/nonexistent", NULL) == 0);
	ready = 1;
	try_document(strv_mem(data, size));
	try_fragment(strv_mem(data, size));
	return 0;
}
