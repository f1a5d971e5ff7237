/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/usage/rls_services.c - services of a resource list server (RFC 4826 s4)
 *
 * A service URI is unique on the whole server; here the document is looked at, the rest is for who
 * can see the other documents. The list a service names belongs to the same user, by the text of
 * the URI alone. rls-services/global/index is computed from the users' documents of that name.
 */
#include "xdms/auid_priv.h"

const struct auid_model auid_models_rls_services[] = {
	{ { NS_RLS_SERVICES, "rls-services" }, NS_RLS_SERVICES, 1, { { .names = "service" } } },
	{ { NS_RLS_SERVICES, "service" },
	  NS_RLS_SERVICES,
	  3,
	  {
		  { .names = "resource-list list", .required = 1, .single = 1 },
		  { .names = "packages", .single = 1 },
		  { .others = 1 },
	  } },
	{ { NS_RLS_SERVICES, "list" },
	  NS_RESOURCE_LISTS,
	  3,
	  {
		  { .names = "display-name", .single = 1 },
		  { .names = "list external entry entry-ref" },
		  { .others = 1 },
	  } },
	/* Not packages: a foreign element there must have a package somewhere before it. */
	{ { NULL, NULL }, NULL, 0, { { 0 } } },
};

static int check_resource_list(xmlNode *elem, const struct auid_context *context, struct err *err)
{
	xmlChar *text = xmlNodeGetContent(elem);
	int ret;

	if (!text)
		return err_set(err, ERR_NOMEM, "out of memory");
	ret = auid_ref_own_list(strv_trim(strv_of((const char *)text)), context, err);
	if (ret < 0)
		err_prefix(err, "resource-list");
	xmlFree(text);
	return ret;
}

static const char *const namespaces[] = { NS_RLS_SERVICES, NS_RESOURCE_LISTS, NULL };

static const struct auid_unique unique[] = {
	{ AUID_SERVER, AUID_FAULT_UNIQUENESS, { NS_RLS_SERVICES, "service" }, "uri" },
	AUID_UNIQUE_LISTS,
	AUID_UNIQUE_IDS,
	{ 0 },
};

static const struct auid_rule rules[] = {
	{ { NS_RLS_SERVICES, "resource-list" }, check_resource_list },
	{ { NS_RESOURCE_LISTS, "entry-ref" }, auid_check_entry_ref },
	{ { NS_RESOURCE_LISTS, "external" }, auid_check_external },
	{ { NULL, NULL }, NULL },
};

const struct auid_ops auid_rls_services = {
	.name = "rls-services",
	.mime = "application/rls-services+xml",
	.ns = NS_RLS_SERVICES,
	.schema = "rls-services.xsd",
	.root = { NS_RLS_SERVICES, "rls-services" },
	.trees = AUID_USERS | AUID_GLOBAL,
	.computed = AUID_GLOBAL,
	.global_document = "index",
	.max_bytes = 2 * 1024 * 1024,
	.users_access = AUID_ACCESS_OWNER,
	.global_access = AUID_ACCESS_TRUSTED,
	.namespaces = namespaces,
	.unique = unique,
	.rules = rules,
};
