/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/usage/user_prefs.c - how a user of CPM wants to be served
 *
 * Settings, and rules that replace them for some people. The document is small and compiled as a
 * whole: each change is looked at as one of the whole document.
 */
#include "policy/pol_doc.h"
#include "xdms/auid_priv.h"

const struct auid_model auid_models_user_prefs[] = {
	{ { NS_USER_PREFS, "cpm-user-prefs" },
	  NS_USER_PREFS,
	  7,
	  {
		  { .names = "delivery", .single = 1 },
		  { .names = "storage", .single = 1 },
		  { .names = "interworking", .single = 1 },
		  { .names = "reports", .single = 1 },
		  { .names = "auto-accept", .single = 1 },
		  { .names = "blocking", .single = 1 },
		  { .others = 1 },
	  } },
	{ { NS_USER_PREFS, "delivery" },
	  NS_USER_PREFS,
	  2,
	  { { .names = "device" }, { .names = "max-push-size", .single = 1 } } },
	{ { NS_USER_PREFS, "storage" },
	  NS_USER_PREFS,
	  2,
	  { { .names = "type" }, { .names = "retention-days", .single = 1 } } },
	{ { NS_USER_PREFS, "interworking" }, NS_USER_PREFS, 1, { { .names = "prefer" } } },
	{ { NS_USER_PREFS, "reports" },
	  NS_USER_PREFS,
	  3,
	  {
		  { .names = "delivered", .single = 1 },
		  { .names = "displayed", .single = 1 },
		  { .names = "composing", .single = 1 },
	  } },
	{ { NULL, NULL }, NULL, 0, { { 0 } } },
};

static const struct auid_name ruleset_name = { NS_COMMON_POLICY, "ruleset" };

/* The schema cannot count what its wildcard takes. */
static int check_prefs(xmlNode *prefs, const struct auid_context *context, struct err *err)
{
	unsigned n = 0;

	for (xmlNode *node = prefs->children; node; node = node->next)
		n += auid_node_is(node, &ruleset_name) ? 1 : 0;
	if (n > 1)
		return err_set(err, ERR_SYNTAX, "there is more than one ruleset");
	return pol_doc_check(POL_USER_PREFS, context->spell, prefs, err);
}

static const char *const namespaces[] = { NS_USER_PREFS, NS_COMMON_POLICY, NS_OMA_POLICY,
					  NS_OMA_EXTENSIONS, NULL };
static const char *const documents[] = { "index", NULL };

static const struct auid_unique unique[] = {
	{ AUID_SIBLINGS, AUID_FAULT_UNIQUENESS, { NS_USER_PREFS, "device" }, "id" },
	{ AUID_SIBLINGS, AUID_FAULT_UNIQUENESS, { NS_USER_PREFS, "type" }, "name" },
	AUID_UNIQUE_IDS,
	{ 0 },
};

static const struct auid_rule rules[] = {
	{ { NS_USER_PREFS, "cpm-user-prefs" }, check_prefs },
	{ { NS_OMA_POLICY, "entry" }, auid_check_list_entry },
	{ { NULL, NULL }, NULL },
};

const struct auid_ops auid_user_prefs = {
	.name = "org.opencpm.user-prefs",
	.mime = "application/vnd.opencpm.user-prefs+xml",
	.ns = NS_USER_PREFS,
	.schema = "user-prefs.xsd",
	.root = { NS_USER_PREFS, "cpm-user-prefs" },
	.trees = AUID_USERS,
	.documents = documents,
	.max_bytes = 128 * 1024,
	.users_access = AUID_ACCESS_OWNER,
	.namespaces = namespaces,
	.unique = unique,
	.rules = rules,
	.unit = { NS_USER_PREFS, "cpm-user-prefs" },
};
