/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/auid_check.c - may this document, or this element, be stored (see auid.h)
 *
 * In the order of RFC 4825 s8.2.5: schema, known content, constraints of uniqueness, other
 * constraints. A function of the tree and the context; nothing is read or followed.
 */
#include "xdms/auid.h"

#include "xdms/auid_priv.h"

/* Declared in documents.xsd: takes anything, as the schemas' wildcards do. */
#define ANY_ELEMENT "any-element"

static int refuse(struct auid_fault *fault_out, enum auid_fault_kind kind)
{
	fault_out->kind = kind;
	return -1;
}

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "out of memory");
}

/* ---- trees ---- */

int auid_node_is(const xmlNode *node, const struct auid_name *name)
{
	const char *ns = node->ns ? (const char *)node->ns->href : "";

	return node->type == XML_ELEMENT_NODE &&
	       strcmp((const char *)node->name, name->local) == 0 && strcmp(ns, name->ns) == 0;
}

static xmlNode *element_from(xmlNode *node)
{
	while (node && node->type != XML_ELEMENT_NODE)
		node = node->next;
	return node;
}

xmlNode *auid_next_element(const xmlNode *root, xmlNode *node)
{
	xmlNode *next = element_from(node->children);

	while (!next && node != root) {
		next = element_from(node->next);
		node = node->parent;
	}
	return next;
}

struct strv auid_attr(const xmlNode *elem, const char *attr, xmlChar **buffer_out)
{
	*buffer_out = xmlGetNoNsProp(elem, BAD_CAST attr);
	return *buffer_out ? strv_trim(strv_of((const char *)*buffer_out)) : strv_of(NULL);
}

static struct xcap_name name_of(const xmlNode *node)
{
	return (struct xcap_name){ strv_of(node->ns ? (const char *)node->ns->href : NULL),
				   strv_of((const char *)node->name) };
}

/* ---- schema ---- */

static const char *ns_of(const xmlNode *node)
{
	return node->ns ? (const char *)node->ns->href : "";
}

/* ELEM as one of XSD's lax wildcards sees it: unknown elements pass, known ones inside are
 * validated. */
static int wildcard_valid(const struct auid_table *table, xmlNode *elem, struct err *err)
{
	xmlNode *any = xmlNewDocNode(elem->doc, NULL, BAD_CAST ANY_ELEMENT, NULL);
	xmlNode *parent = elem->parent, *after = elem->next;
	int ret;

	if (!any)
		return no_memory(err);
	xmlUnlinkNode(elem);
	xmlAddChild(any, elem);
	xmlAddChild(parent, any);
	ret = xml_schema_valid_element(table->schema, any, err);
	xmlUnlinkNode(elem);
	xmlUnlinkNode(any);
	xmlFreeNode(any);
	if (after)
		xmlAddPrevSibling(after, elem);
	else
		xmlAddChild(parent, elem);
	return ret;
}

/* RFC 4825 s8.2.5: of a namespace that xcap-caps names, an element that its schema does not declare
 * is refused, even where a wildcard would take it. */
static int check_known(const struct auid_table *table, xmlNode *root, struct err *err)
{
	for (xmlNode *node = root; node; node = auid_next_element(root, node))
		if (node->ns &&
		    !xml_schema_declares(table->schema, ns_of(node), (const char *)node->name) &&
		    xml_schema_covers(table->schema, ns_of(node)))
			return err_set(err, ERR_SYNTAX,
				       "line %ld: namespace %.80s has no element \"%.80s\"",
				       xmlGetLineNo(node), ns_of(node), (const char *)node->name);
	return 0;
}

static int check_schema(int valid, const struct auid_table *table, xmlNode *root,
			struct auid_fault *fault_out, struct err *err)
{
	if (valid < 0)
		return -1;
	if (valid == 0 || check_known(table, root, err) < 0)
		return refuse(fault_out, AUID_FAULT_SCHEMA);
	return 0;
}

/* ---- constraints ---- */

static int check_rules(const struct auid_ops *usage, xmlNode *root,
		       const struct auid_context *context, struct auid_fault *fault_out,
		       struct err *err)
{
	if (!usage->rules)
		return 0;
	for (xmlNode *node = root; node; node = auid_next_element(root, node))
		for (const struct auid_rule *rule = usage->rules; rule->check; rule++) {
			if (!auid_node_is(node, &rule->name) ||
			    rule->check(node, context, err) == 0)
				continue;
			err_prefix(err, "line %ld", xmlGetLineNo(node));
			if (err && err->code == ERR_NOMEM)
				return -1;
			return refuse(fault_out, AUID_FAULT_CONSTRAINT);
		}
	return 0;
}

/* ---- the whole ---- */

static int check_root(const struct auid_ops *usage, const xmlNode *root,
		      struct auid_fault *fault_out, struct err *err)
{
	if (!usage->root.local || auid_node_is(root, &usage->root))
		return 0;
	err_set(err, ERR_SYNTAX, "the root element is not \"%s\" of namespace %s",
		usage->root.local, usage->root.ns);
	return refuse(fault_out, AUID_FAULT_SCHEMA);
}

int auid_validate(const struct auid_table *table, const struct auid_ops *usage, xmlDoc *doc,
		  const struct auid_context *context, struct arena *arena,
		  struct auid_fault *fault_out, struct err *err)
{
	xmlNode *root = xmlDocGetRootElement(doc);
	struct auid_step path = { name_of(root), 1 };
	struct err own;

	/* The checks tell by ERR whether they refuse or fail. */
	err = err ? err : &own;
	memset(fault_out, 0, sizeof(*fault_out));
	if (check_root(usage, root, fault_out, err) < 0)
		return -1;
	if (usage->schema && check_schema(xml_schema_valid(table->schema, doc, err), table, root,
					  fault_out, err) < 0)
		return -1;
	if (auid_check_unique(usage, root, &path, 1, arena, fault_out, err) < 0)
		return -1;
	return check_rules(usage, root, context, fault_out, err);
}

/* ELEM by the declaration of its name; where there is none, as a wildcard sees it. */
static int element_valid(const struct auid_table *table, xmlNode *elem, struct err *err)
{
	if (elem->ns && xml_schema_declares(table->schema, ns_of(elem), (const char *)elem->name))
		return xml_schema_valid_element(table->schema, elem, err);
	return wildcard_valid(table, elem, err);
}

int auid_check_element(const struct auid_table *table, const struct auid_ops *usage, xmlNode *elem,
		       const struct auid_step *path, size_t n, const struct auid_context *context,
		       struct arena *arena, struct auid_fault *fault_out, struct err *err)
{
	struct err own;

	err = err ? err : &own;
	memset(fault_out, 0, sizeof(*fault_out));
	if (usage->schema &&
	    check_schema(element_valid(table, elem, err), table, elem, fault_out, err) < 0)
		return -1;
	if (auid_check_unique(usage, elem, path, n, arena, fault_out, err) < 0)
		return -1;
	return check_rules(usage, elem, context, fault_out, err);
}
