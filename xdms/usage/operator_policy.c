/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/usage/operator_policy.c - what the operator forces, caps and presets
 *
 * One document in the global tree, written and read by operators alone (RFC 4825 s5.7 lets a usage
 * say so). A policy that cannot be compiled is refused, so that the one in force stays.
 */
#include "policy/pol_doc.h"
#include "xdms/auid_priv.h"

static int check_ruleset(xmlNode *ruleset, const struct auid_context *context, struct err *err)
{
	return pol_doc_check(POL_OPERATOR, context->spell, ruleset, err);
}

static int check_entry(xmlNode *elem, const struct auid_context *context, struct err *err)
{
	xmlChar *buffer;
	int ret = auid_ref_absolute(auid_attr(elem, "anc", &buffer), err);

	(void)context;
	if (ret < 0)
		err_prefix(err, "anc of an external-list entry");
	xmlFree(buffer);
	return ret;
}

static const char *const namespaces[] = {
	NS_COMMON_POLICY, NS_OPERATOR,	 NS_USER_PREFS,	    NS_OMA_POLICY, NS_OMA_EXTENSIONS,
	NS_GROUPS,	  NS_PRES_RULES, NS_OMA_PRES_RULES, NULL,
};

static const struct auid_unique unique[] = {
	AUID_UNIQUE_IDS,
	{ 0 },
};

static const struct auid_rule rules[] = {
	{ { NS_COMMON_POLICY, "ruleset" }, check_ruleset },
	{ { NS_OMA_POLICY, "entry" }, check_entry },
	{ { NULL, NULL }, NULL },
};

const struct auid_ops auid_operator_policy = {
	.name = "org.opencpm.operator-policy",
	.mime = "application/auth-policy+xml",
	.ns = NS_COMMON_POLICY,
	.schema = "common-policy.xsd",
	.root = { NS_COMMON_POLICY, "ruleset" },
	.trees = AUID_GLOBAL,
	.global_document = "index",
	.max_bytes = 1024 * 1024,
	.global_access = AUID_ACCESS_TRUSTED,
	.namespaces = namespaces,
	.unique = unique,
	.rules = rules,
	.unit = { NS_COMMON_POLICY, "ruleset" },
};
