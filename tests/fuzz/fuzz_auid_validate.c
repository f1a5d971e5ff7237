/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents against every usage. A verdict is 0, or a fault with a sentence; the root element alone
 * gets the verdict of the whole document, wherever its name is right; and the tree is as before.
 */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/xml.h"
#include "xdms/auid_priv.h"

#define MUST(condition)           \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static const struct auid_context context = {
	.xui = { "sip:ana@op.example", 18 },
	.xcap_root = { "http://xcap.op.example/root/", 28 },
};

static struct auid_table *table;

static void must_be_told(int ret, const struct auid_fault *fault, const struct err *err)
{
	MUST((ret == 0) == (fault->kind == AUID_FAULT_NONE));
	MUST(ret == 0 || err->text[0]);
	MUST((fault->n_exists > 0) == (fault->kind == AUID_FAULT_UNIQUENESS));
	for (unsigned i = 0; i < fault->n_exists; i++)
		MUST(fault->exists[i].field.n > 0 && fault->exists[i].value.p);
}

/* Each tree is validated once: libxml2 remembers IDs in it. */
static xmlDoc *parse(struct strv bytes)
{
	xmlDoc *doc;

	return xml_parse(bytes, NULL, &doc, NULL, NULL) == 0 ? doc : NULL;
}

static xmlChar *print(xmlDoc *doc)
{
	xmlChar *text;
	int n;

	xmlDocDumpMemory(doc, &text, &n);
	MUST(text);
	return text;
}

static int try_root(const struct auid_ops *usage, struct strv bytes)
{
	struct arena *arena = arena_new(0);
	xmlDoc *doc = parse(bytes);
	xmlNode *root = xmlDocGetRootElement(doc);
	struct auid_step path = { { strv_of(root->ns ? (const char *)root->ns->href : NULL),
				    strv_of((const char *)root->name) },
				  1 };
	xmlChar *before = print(doc), *after;
	struct auid_fault fault;
	struct err err = { 0 };
	int ret = auid_check_element(table, usage, root, &path, 1, &context, arena, &fault, &err);

	must_be_told(ret, &fault, &err);
	after = print(doc);
	MUST(xmlStrEqual(before, after));
	xmlFree(before);
	xmlFree(after);
	xmlFreeDoc(doc);
	arena_free(&arena);
	return ret;
}

static void try_usage(const struct auid_ops *usage, struct strv bytes)
{
	struct arena *arena = arena_new(0);
	xmlDoc *doc = parse(bytes);
	int named = !usage->root.local || auid_node_is(xmlDocGetRootElement(doc), &usage->root);
	struct auid_fault fault;
	struct err err = { 0 };
	int ret = auid_validate(table, usage, doc, &context, arena, &fault, &err);

	must_be_told(ret, &fault, &err);
	MUST(named || ret < 0);
	if (named)
		MUST(try_root(usage, bytes) == ret);
	xmlFreeDoc(doc);
	arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct auid_ops *usage;
	struct strv bytes = strv_mem(data, size);
	xmlDoc *doc;

	if (!table)
		MUST(xml_init(TEST_SCHEMA_DIR, NULL) == 0 && auid_table_open(1, &table, NULL) == 0);
	doc = parse(bytes);
	if (!doc)
		return 0;
	xmlFreeDoc(doc);
	for (size_t i = 0; (usage = auid_at(table, i)) != NULL; i++)
		try_usage(usage, bytes);
	return 0;
}
