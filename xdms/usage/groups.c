/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/usage/groups.c - groups that users share (OMA list-service)
 *
 * A group has a URI that is unique on the server, members, properties and rules about what its
 * members and others may do. Members are judged one by one; a change in the rules as one of the
 * whole ruleset, which the policy engine must be able to compile. The size of a document keeps its
 * members within what the engine takes.
 */
#include "policy/pol_doc.h"
#include "xdms/auid_priv.h"

const struct auid_model auid_models_groups[] = {
	{ { NS_GROUPS, "group" }, NS_GROUPS, 1, { { .names = "list-service", .required = 1 } } },
	{ { NS_GROUPS, "list-service" },
	  NS_GROUPS,
	  5,
	  {
		  { .names = "display-name", .single = 1 },
		  { .names = "list", .single = 1 },
		  { .names = "invite-members", .single = 1 },
		  { .names = "max-participant-count", .single = 1 },
		  { .others = 1 },
	  } },
	{ { NS_GROUPS, "list" }, NS_GROUPS, 2, { { .names = "entry" }, { .names = "external" } } },
	/* Not entry and external: what stands in them is resource lists' and foreign. */
	{ { NULL, NULL }, NULL, 0, { { 0 } } },
};

/* Of SIP, since the conference server is called by it (xdm.md 4.3). Whether its domain is ours is
 * for the SIP side to say. */
static int check_service(xmlNode *service, const struct auid_context *context, struct err *err)
{
	xmlChar *buffer;
	struct strv uri = auid_attr(service, "uri", &buffer);
	int ret = 0;

	(void)context;
	if (!uri.p)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (uri.n < 5 || !strv_caseeq(strv_mem(uri.p, 4), STRV("sip:")))
		ret = err_set(err, ERR_SYNTAX, "uri of a list-service is not a SIP URI");
	xmlFree(buffer);
	return ret;
}

static int check_ruleset(xmlNode *ruleset, const struct auid_context *context, struct err *err)
{
	return pol_doc_check(POL_GROUP, context->spell, ruleset, err);
}

static const char *const namespaces[] = { NS_GROUPS,	 NS_RESOURCE_LISTS, NS_COMMON_POLICY,
					  NS_OMA_POLICY, NS_OMA_EXTENSIONS, NULL };

static const struct auid_unique unique[] = {
	{ AUID_SERVER, AUID_FAULT_UNIQUENESS, { NS_GROUPS, "list-service" }, "uri" },
	{ AUID_SIBLINGS, AUID_FAULT_UNIQUENESS, { NS_GROUPS, "entry" }, "uri" },
	AUID_UNIQUE_IDS,
	{ 0 },
};

static const struct auid_rule rules[] = {
	{ { NS_GROUPS, "list-service" }, check_service },
	{ { NS_GROUPS, "external" }, auid_check_external },
	{ { NS_COMMON_POLICY, "ruleset" }, check_ruleset },
	{ { NULL, NULL }, NULL },
};

const struct auid_ops auid_groups = {
	.name = "org.openmobilealliance.groups",
	.mime = "application/vnd.oma.poc.groups+xml",
	.ns = NS_GROUPS,
	.schema = "oma-groups.xsd",
	.root = { NS_GROUPS, "group" },
	.trees = AUID_USERS,
	.max_bytes = 768 * 1024,
	.users_access = AUID_ACCESS_OWNER,
	.namespaces = namespaces,
	.unique = unique,
	.rules = rules,
	.unit = { NS_COMMON_POLICY, "ruleset" },
};
