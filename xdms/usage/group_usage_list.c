/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/usage/group_usage_list.c - the groups of others that a user knows (OMA)
 *
 * A resource list whose entries are groups and services. What stands in other documents about the
 * use of a list or of an entry is declared here too.
 */
#include "xdms/auid_priv.h"

const struct auid_model auid_models_oma_usage[] = {
	{ { NS_URI_USAGE, "uriusages" }, NS_URI_USAGE, 1, { { .others = 1 } } },
	{ { NS_APP_USAGE, "appusages" }, NS_APP_USAGE, 1, { { .names = "nodeuri" } } },
	{ { NULL, NULL }, NULL, 0, { { 0 } } },
};

/* Of a group or a service: whether there is such a one is never asked (RFC 4825 s5.3). */
static int check_entry(xmlNode *entry, const struct auid_context *context, struct err *err)
{
	xmlChar *buffer;
	struct strv uri = auid_attr(entry, "uri", &buffer);
	int ret = 0;

	(void)context;
	if (!uri.p)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (!auid_ref_is_uri(uri))
		ret = err_set(err, ERR_SYNTAX, "uri of an entry is not an absolute URI");
	xmlFree(buffer);
	return ret;
}

static const char *const namespaces[] = { NS_RESOURCE_LISTS, NS_URI_USAGE, NS_APP_USAGE,
					  NS_OMA_EXTENSIONS, NULL };
static const char *const documents[] = { "index", NULL };

static const struct auid_unique unique[] = {
	AUID_UNIQUE_LISTS,
	AUID_UNIQUE_IDS,
	{ 0 },
};

static const struct auid_rule rules[] = {
	{ { NS_RESOURCE_LISTS, "entry" }, check_entry },
	{ { NS_RESOURCE_LISTS, "entry-ref" }, auid_check_entry_ref },
	{ { NS_RESOURCE_LISTS, "external" }, auid_check_external },
	{ { NULL, NULL }, NULL },
};

const struct auid_ops auid_group_usage_list = {
	.name = "org.openmobilealliance.group-usage-list",
	.mime = "application/vnd.oma.group-usage-list+xml",
	.ns = NS_RESOURCE_LISTS,
	.schema = "resource-lists.xsd",
	.root = { NS_RESOURCE_LISTS, "resource-lists" },
	.trees = AUID_USERS,
	.documents = documents,
	.max_bytes = 512 * 1024,
	.users_access = AUID_ACCESS_OWNER,
	.namespaces = namespaces,
	.unique = unique,
	.rules = rules,
};
