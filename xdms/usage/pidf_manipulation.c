/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/usage/pidf_manipulation.c - presence that stays until it is changed (RFC 4827)
 *
 * One document a user, index. The RFC has no constraint of its own; that the document speaks of the
 * user in whose tree it stands is ours, because the presence server composes it with what that user
 * publishes.
 */
#include "xdms/auid_priv.h"

const struct auid_model auid_models_pidf[] = {
	{ { NS_PIDF, "presence" },
	  NS_PIDF,
	  3,
	  { { .names = "tuple" }, { .names = "note" }, { .others = 1 } } },
	{ { NS_PIDF, "tuple" },
	  NS_PIDF,
	  5,
	  {
		  { .names = "status", .required = 1, .single = 1 },
		  { .others = 1 },
		  { .names = "contact", .single = 1 },
		  { .names = "note" },
		  { .names = "timestamp", .single = 1 },
	  } },
	{ { NS_PIDF, "status" },
	  NS_PIDF,
	  2,
	  { { .names = "basic", .single = 1 }, { .others = 1 } } },
	{ { NS_PIDF_DATA, "person" },
	  NS_PIDF_DATA,
	  3,
	  { { .others = 1 }, { .names = "note" }, { .names = "timestamp", .single = 1 } } },
	{ { NS_PIDF_DATA, "device" },
	  NS_PIDF_DATA,
	  4,
	  {
		  { .others = 1 },
		  { .names = "deviceID", .required = 1, .single = 1 },
		  { .names = "note" },
		  { .names = "timestamp", .single = 1 },
	  } },
	{ { NULL, NULL }, NULL, 0, { { 0 } } },
};

/* A pres: URI (RFC 3859) names the same person as the sip: URI with the same rest. */
static int is_user(const struct auid_context *context, struct strv entity)
{
	char sip[1024] = "sip:";

	if (auid_is_owner(context, entity))
		return 1;
	if (entity.n < 5 || entity.n >= sizeof(sip) ||
	    !strv_caseeq(strv_mem(entity.p, 5), STRV("pres:")))
		return 0;
	memcpy(sip + 4, entity.p + 5, entity.n - 5);
	return auid_is_owner(context, strv_mem(sip, entity.n - 1));
}

static int check_presence(xmlNode *elem, const struct auid_context *context, struct err *err)
{
	xmlChar *buffer;
	struct strv entity = auid_attr(elem, "entity", &buffer);
	int ret = 0;

	if (context->xui.n && !is_user(context, entity))
		ret = err_set(err, ERR_SYNTAX, "entity \"%.*s\" is not %.*s", STRV_ARG(entity),
			      STRV_ARG(context->xui));
	xmlFree(buffer);
	return ret;
}

static const char *const namespaces[] = { NS_PIDF, NS_PIDF_DATA, NULL };
static const char *const documents[] = { "index", NULL };

static const struct auid_unique unique[] = {
	AUID_UNIQUE_IDS,
	{ 0 },
};

static const struct auid_rule rules[] = {
	{ { NS_PIDF, "presence" }, check_presence },
	{ { NULL, NULL }, NULL },
};

const struct auid_ops auid_pidf_manipulation = {
	.name = "pidf-manipulation",
	.mime = "application/pidf+xml",
	.ns = NS_PIDF,
	.schema = "pidf.xsd",
	.root = { NS_PIDF, "presence" },
	.trees = AUID_USERS,
	.documents = documents,
	.max_bytes = 128 * 1024,
	.users_access = AUID_ACCESS_OWNER,
	.namespaces = namespaces,
	.unique = unique,
	.rules = rules,
};
