/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/usage/pres_rules.c - who may see a user's presence (RFC 5025, RFC 4745)
 *
 * Beyond the schemas nothing is refused (RFC 5025 s9.5) but what the policy engine has no room for:
 * the order of rules means nothing and a rule that never matches is legal. The children of common
 * policy elements are here too, since every ruleset has them.
 */
#include "policy/pol_doc.h"
#include "xdms/auid_priv.h"

const struct auid_model auid_models_common_policy[] = {
	{ { NS_COMMON_POLICY, "ruleset" }, NS_COMMON_POLICY, 1, { { .names = "rule" } } },
	{ { NS_COMMON_POLICY, "rule" },
	  NS_COMMON_POLICY,
	  3,
	  {
		  { .names = "conditions", .single = 1 },
		  { .names = "actions", .single = 1 },
		  { .names = "transformations", .single = 1 },
	  } },
	{ { NS_COMMON_POLICY, "conditions" },
	  NS_COMMON_POLICY,
	  1,
	  { { .names = "identity sphere validity", .others = 1 } } },
	{ { NS_COMMON_POLICY, "identity" },
	  NS_COMMON_POLICY,
	  1,
	  { { .names = "one many", .others = 1, .required = 1 } } },
	{ { NS_COMMON_POLICY, "one" }, NS_COMMON_POLICY, 1, { { .others = 1, .single = 1 } } },
	{ { NS_COMMON_POLICY, "many" },
	  NS_COMMON_POLICY,
	  1,
	  { { .names = "except", .others = 1 } } },
	{ { NS_COMMON_POLICY, "except" }, NS_COMMON_POLICY, 0, { { 0 } } },
	{ { NS_COMMON_POLICY, "sphere" }, NS_COMMON_POLICY, 0, { { 0 } } },
	{ { NS_COMMON_POLICY, "actions" }, NS_COMMON_POLICY, 1, { { .others = 1 } } },
	{ { NS_COMMON_POLICY, "transformations" }, NS_COMMON_POLICY, 1, { { .others = 1 } } },
	/* Not validity: its children come in pairs. */
	{ { NULL, NULL }, NULL, 0, { { 0 } } },
};

/* Either all of a kind, or those that are named. */
#define PROVIDE(parent, all, some)                                                \
	{                                                                         \
		{ NS_PRES_RULES, parent }, NS_PRES_RULES, 2,                      \
		{                                                                 \
			{ .names = all, .single = 1, .alternative = 1 },          \
				{ .names = some, .others = 1, .alternative = 2 }, \
		}                                                                 \
	}

const struct auid_model auid_models_pres_rules[] = {
	PROVIDE("provide-services", "all-services",
		"service-uri service-uri-scheme occurrence-id class"),
	PROVIDE("provide-devices", "all-devices", "deviceID occurrence-id class"),
	PROVIDE("provide-persons", "all-persons", "occurrence-id class"),
	{ { NULL, NULL }, NULL, 0, { { 0 } } },
};

static const char *const namespaces[] = { NS_COMMON_POLICY, NS_PRES_RULES, NULL };

static const struct auid_unique unique[] = {
	AUID_UNIQUE_IDS,
	{ 0 },
};

static int check_ruleset(xmlNode *ruleset, const struct auid_context *context, struct err *err)
{
	return pol_doc_check(POL_PRES_RULES, context->spell, ruleset, err);
}

static const struct auid_rule rules[] = {
	{ { NS_COMMON_POLICY, "ruleset" }, check_ruleset },
	{ { NULL, NULL }, NULL },
};

const struct auid_ops auid_pres_rules = {
	.name = "pres-rules",
	.mime = "application/auth-policy+xml",
	.ns = NS_PRES_RULES,
	.schema = "pres-rules.xsd",
	.root = { NS_COMMON_POLICY, "ruleset" },
	.trees = AUID_USERS,
	.max_bytes = 512 * 1024,
	.users_access = AUID_ACCESS_OWNER,
	.namespaces = namespaces,
	.unique = unique,
	.rules = rules,
	.unit = { NS_COMMON_POLICY, "ruleset" },
};
