/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/usage/oma_pres_rules.c - presence rules as OMA presence clients write them
 *
 * The same document as pres_rules.c with OMA's conditions and transformations, but with common
 * policy as the default namespace of node selectors, one document name, and rules that are kept
 * simple: one way to say who is meant, and nothing transformed for those who see nothing.
 */
#include "policy/pol_doc.h"
#include "xdms/auid_priv.h"

const struct auid_model auid_models_oma_policy[] = {
	{ { NS_OMA_POLICY, "external-list" }, NS_OMA_POLICY, 1, { { .names = "entry" } } },
	{ { NS_OMA_POLICY, "entry" }, NS_OMA_POLICY, 0, { { 0 } } },
	{ { NS_OMA_POLICY, "other-identity" }, NS_OMA_POLICY, 0, { { 0 } } },
	{ { NS_OMA_POLICY, "anonymous-request" }, NS_OMA_POLICY, 0, { { 0 } } },
	{ { NULL, NULL }, NULL, 0, { { 0 } } },
};

static const struct auid_name who[] = {
	{ NS_COMMON_POLICY, "identity" },
	{ NS_OMA_POLICY, "external-list" },
	{ NS_OMA_POLICY, "other-identity" },
	{ NS_OMA_POLICY, "anonymous-request" },
};

static const struct auid_name conditions_name = { NS_COMMON_POLICY, "conditions" };
static const struct auid_name actions_name = { NS_COMMON_POLICY, "actions" };
static const struct auid_name transformations_name = { NS_COMMON_POLICY, "transformations" };
static const struct auid_name sub_handling_name = { NS_PRES_RULES, "sub-handling" };

static xmlNode *child_find(const xmlNode *parent, const struct auid_name *name)
{
	for (xmlNode *node = parent ? parent->children : NULL; node; node = node->next)
		if (auid_node_is(node, name))
			return node;
	return NULL;
}

static unsigned count_who(const xmlNode *conditions)
{
	unsigned n = 0;

	for (xmlNode *node = conditions ? conditions->children : NULL; node; node = node->next)
		for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++)
			n += auid_node_is(node, &who[i]) ? 1 : 0;
	return n;
}

/* 1 when the rule's actions allow subscriptions, 0 when not, -1 without memory. */
static int allows(const xmlNode *rule)
{
	xmlNode *handling = child_find(child_find(rule, &actions_name), &sub_handling_name);
	xmlChar *text;
	int yes;

	if (!handling)
		return 0;
	text = xmlNodeGetContent(handling);
	if (!text)
		return -1;
	yes = strv_eq(strv_trim(strv_of((const char *)text)), STRV("allow"));
	xmlFree(text);
	return yes;
}

static int check_rule(xmlNode *rule, const struct auid_context *context, struct err *err)
{
	const xmlNode *transformations = child_find(rule, &transformations_name);
	int allowed = allows(rule);

	(void)context;
	if (allowed < 0)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (count_who(child_find(rule, &conditions_name)) > 1)
		return err_set(err, ERR_SYNTAX,
			       "a rule has more than one of identity, external-list, "
			       "other-identity and anonymous-request");
	if (!allowed && transformations && xmlChildElementCount((xmlNode *)transformations) > 0)
		return err_set(err, ERR_SYNTAX,
			       "a rule has transformations and its sub-handling is not allow");
	return 0;
}

int auid_check_list_entry(xmlNode *elem, const struct auid_context *context, struct err *err)
{
	xmlChar *buffer;
	int ret = auid_ref_own_list(auid_attr(elem, "anc", &buffer), context, err);

	if (ret < 0)
		err_prefix(err, "anc of an external-list entry");
	xmlFree(buffer);
	return ret;
}

static int check_ruleset(xmlNode *ruleset, const struct auid_context *context, struct err *err)
{
	return pol_doc_check(POL_OMA_PRES_RULES, context->spell, ruleset, err);
}

static const char *const namespaces[] = { NS_COMMON_POLICY, NS_PRES_RULES, NS_OMA_POLICY,
					  NS_OMA_PRES_RULES, NULL };
static const char *const documents[] = { "pres-rules", NULL };

static const struct auid_unique unique[] = {
	AUID_UNIQUE_IDS,
	{ 0 },
};

static const struct auid_rule rules[] = {
	{ { NS_COMMON_POLICY, "ruleset" }, check_ruleset },
	{ { NS_COMMON_POLICY, "rule" }, check_rule },
	{ { NS_OMA_POLICY, "entry" }, auid_check_list_entry },
	{ { NULL, NULL }, NULL },
};

const struct auid_ops auid_oma_pres_rules = {
	.name = "org.openmobilealliance.pres-rules",
	.mime = "application/auth-policy+xml",
	.ns = NS_COMMON_POLICY,
	.schema = "oma-pres-rules.xsd",
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
