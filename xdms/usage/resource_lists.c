/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/usage/resource_lists.c - lists of people and other resources (RFC 4826 s3)
 *
 * Names, URIs and references are unique among siblings as strings. A reference must have the right
 * form; whether it leads anywhere is not looked at (s3.4.5).
 */
#include "xdms/auid_priv.h"

#define MEMBER(name)                                                               \
	{                                                                          \
		{ NS_RESOURCE_LISTS, name }, NS_RESOURCE_LISTS, 2,                 \
		{                                                                  \
			{ .names = "display-name", .single = 1 }, { .others = 1 }, \
		}                                                                  \
	}

const struct auid_model auid_models_resource_lists[] = {
	{ { NS_RESOURCE_LISTS, "resource-lists" }, NS_RESOURCE_LISTS, 1, { { .names = "list" } } },
	{ { NS_RESOURCE_LISTS, "list" },
	  NS_RESOURCE_LISTS,
	  3,
	  {
		  { .names = "display-name", .single = 1 },
		  { .names = "list external entry entry-ref" },
		  { .others = 1 },
	  } },
	MEMBER("entry"),
	MEMBER("entry-ref"),
	MEMBER("external"),
	{ { NULL, NULL }, NULL, 0, { { 0 } } },
};

int auid_check_entry_ref(xmlNode *elem, const struct auid_context *context, struct err *err)
{
	xmlChar *buffer;
	struct strv ref = auid_attr(elem, "ref", &buffer);
	int ret = auid_ref_relative(ref, err);

	(void)context;
	if (ret < 0)
		err_prefix(err, "ref of an entry-ref");
	xmlFree(buffer);
	return ret;
}

int auid_check_external(xmlNode *elem, const struct auid_context *context, struct err *err)
{
	xmlChar *buffer;
	struct strv anchor = auid_attr(elem, "anchor", &buffer);
	int ret;

	(void)context;
	ret = anchor.p ? auid_ref_absolute(anchor, err) : err_set(err, ERR_SYNTAX, "it is missing");
	if (ret < 0)
		err_prefix(err, "anchor of an external");
	xmlFree(buffer);
	return ret;
}

static const char *const namespaces[] = { NS_RESOURCE_LISTS, NULL };

static const struct auid_unique unique[] = {
	AUID_UNIQUE_LISTS,
	AUID_UNIQUE_IDS,
	{ 0 },
};

static const struct auid_rule rules[] = {
	{ { NS_RESOURCE_LISTS, "entry-ref" }, auid_check_entry_ref },
	{ { NS_RESOURCE_LISTS, "external" }, auid_check_external },
	{ { NULL, NULL }, NULL },
};

const struct auid_ops auid_resource_lists = {
	.name = "resource-lists",
	.mime = "application/resource-lists+xml",
	.ns = NS_RESOURCE_LISTS,
	.schema = "resource-lists.xsd",
	.root = { NS_RESOURCE_LISTS, "resource-lists" },
	.trees = AUID_USERS | AUID_GLOBAL,
	.max_bytes = 4 * 1024 * 1024,
	.users_access = AUID_ACCESS_OWNER,
	.global_access = AUID_ACCESS_USERS,
	.namespaces = namespaces,
	.unique = unique,
	.rules = rules,
};
