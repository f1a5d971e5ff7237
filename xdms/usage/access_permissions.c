/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/usage/access_permissions.c - who else may use a user's documents (OMA XDM 2)
 *
 * One document for each usage, named like it, with a ruleset for each document or part of one.
 * What they mean is in xdms/xdm_access.h. Small, and looked at as a whole.
 */
#include "policy/pol_doc.h"
#include "xdms/auid_priv.h"

const struct auid_model auid_models_access_permissions[] = {
	{ { NS_ACCESS, "ap-rules" },
	  NS_ACCESS,
	  1,
	  { { .names = "access-permissions-document-rule directory-rule document-rule" } } },
	{ { NS_ACCESS, "access-permissions-document-rule" },
	  NS_COMMON_POLICY,
	  1,
	  { { .names = "ruleset", .single = 1, .required = 1 } } },
	{ { NS_ACCESS, "directory-rule" },
	  NS_COMMON_POLICY,
	  1,
	  { { .names = "ruleset", .single = 1, .required = 1 } } },
	{ { NS_ACCESS, "document-rule" },
	  NS_COMMON_POLICY,
	  1,
	  { { .names = "ruleset", .single = 1, .required = 1 } } },
	{ { NULL, NULL }, NULL, 0, { { 0 } } },
};

static int check_ruleset(xmlNode *ruleset, const struct auid_context *context, struct err *err)
{
	return pol_doc_check(POL_ACCESS, context->spell, ruleset, err);
}

static int check_path(xmlNode *rule, const struct auid_context *context, struct err *err)
{
	xmlChar *buffer;
	struct strv path = auid_attr(rule, "path", &buffer);
	int ret;

	(void)context;
	ret = path.p ? auid_ref_relative(path, err) : err_set(err, ERR_NOMEM, "out of memory");
	if (ret < 0)
		err_prefix(err, "path of a document-rule");
	xmlFree(buffer);
	return ret;
}

static const char *const namespaces[] = { NS_ACCESS, NS_COMMON_POLICY, NS_OMA_POLICY, NULL };

static const struct auid_unique unique[] = {
	{ AUID_SIBLINGS, AUID_FAULT_UNIQUENESS, { NS_ACCESS, "document-rule" }, "path" },
	AUID_UNIQUE_IDS,
	{ 0 },
};

static const struct auid_rule rules[] = {
	{ { NS_ACCESS, "document-rule" }, check_path },
	{ { NS_COMMON_POLICY, "ruleset" }, check_ruleset },
	{ { NS_OMA_POLICY, "entry" }, auid_check_list_entry },
	{ { NULL, NULL }, NULL },
};

const struct auid_ops auid_access_permissions = {
	.name = "org.openmobilealliance.access-permissions",
	.mime = "application/vnd.oma.xdm-apd+xml",
	.ns = NS_ACCESS,
	.schema = "access-permissions.xsd",
	.root = { NS_ACCESS, "ap-rules" },
	.trees = AUID_USERS,
	.max_bytes = 256 * 1024,
	.users_access = AUID_ACCESS_OWNER,
	.namespaces = namespaces,
	.unique = unique,
	.rules = rules,
	.unit = { NS_ACCESS, "ap-rules" },
};
