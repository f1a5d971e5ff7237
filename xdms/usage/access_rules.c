/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/usage/access_rules.c - whose invitations and messages a user takes (OMA shared policy)
 *
 * Rules of common policy with OMA's conditions and actions, and our own for delivery. What the
 * policy engine cannot compile is refused here, so that what is stored can be put in force. Its
 * bounds speak of all rules together: every change is looked at as one of the whole ruleset.
 */
#include "policy/pol_doc.h"
#include "xdms/auid_priv.h"

static int check_ruleset(xmlNode *ruleset, const struct auid_context *context, struct err *err)
{
	return pol_doc_check(POL_ACCESS_RULES, context->spell, ruleset, err);
}

static const char *const namespaces[] = { NS_COMMON_POLICY, NS_OMA_POLICY, NS_OMA_EXTENSIONS,
					  NS_USER_PREFS, NULL };
static const char *const documents[] = { "access-rules", NULL };

static const struct auid_unique unique[] = {
	AUID_UNIQUE_IDS,
	{ 0 },
};

static const struct auid_rule rules[] = {
	{ { NS_COMMON_POLICY, "ruleset" }, check_ruleset },
	{ { NS_OMA_POLICY, "entry" }, auid_check_list_entry },
	{ { NULL, NULL }, NULL },
};

const struct auid_ops auid_access_rules = {
	.name = "org.openmobilealliance.access-rules",
	.mime = "application/auth-policy+xml",
	.ns = NS_COMMON_POLICY,
	.schema = "common-policy.xsd",
	.root = { NS_COMMON_POLICY, "ruleset" },
	.trees = AUID_USERS,
	.documents = documents,
	.max_bytes = 512 * 1024,
	.users_access = AUID_ACCESS_OWNER,
	.namespaces = namespaces,
	.unique = unique,
	.rules = rules,
	.unit = { NS_COMMON_POLICY, "ruleset" },
};
