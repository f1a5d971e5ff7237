/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/usage/user_profile.c - what is told about a user (OMA shared profiles)
 *
 * Two usages of one schema: the profile that users write themselves and that every user reads, and
 * the one that the operator writes and only its user reads.
 */
#include "xdms/auid_priv.h"

const struct auid_model auid_models_user_profile[] = {
	{ { NS_USER_PROFILE, "user-profiles" },
	  NS_USER_PROFILE,
	  1,
	  { { .names = "user-profile", .single = 1, .required = 1 } } },
	{ { NS_USER_PROFILE, "user-profile" },
	  NS_USER_PROFILE,
	  11,
	  {
		  { .names = "communication-addresses", .single = 1 },
		  { .names = "display-name", .single = 1 },
		  { .names = "birth-date", .single = 1 },
		  { .names = "name", .single = 1 },
		  { .names = "address", .single = 1 },
		  { .names = "gender", .single = 1 },
		  { .names = "freetext", .single = 1 },
		  { .names = "communication-types", .single = 1 },
		  { .names = "hobbies", .single = 1 },
		  { .names = "favourite-links", .single = 1 },
		  { .others = 1 },
	  } },
	{ { NS_USER_PROFILE, "communication-addresses" },
	  NS_USER_PROFILE,
	  1,
	  { { .names = "comm-addr", .others = 1 } } },
	{ { NS_USER_PROFILE, "name" },
	  NS_USER_PROFILE,
	  6,
	  {
		  { .names = "given-name", .single = 1 },
		  { .names = "family-name", .single = 1 },
		  { .names = "middle-name", .single = 1 },
		  { .names = "name-suffix", .single = 1 },
		  { .names = "name-prefix", .single = 1 },
		  { .others = 1 },
	  } },
	{ { NS_USER_PROFILE, "address" },
	  NS_USER_PROFILE,
	  8,
	  {
		  { .names = "country", .single = 1 },
		  { .names = "region", .single = 1 },
		  { .names = "locality", .single = 1 },
		  { .names = "area", .single = 1 },
		  { .names = "street-name", .single = 1 },
		  { .names = "street-number", .single = 1 },
		  { .names = "postal-code", .single = 1 },
		  { .others = 1 },
	  } },
	{ { NS_USER_PROFILE, "communication-types" },
	  NS_USER_PROFILE,
	  1,
	  { { .names = "comm-type" } } },
	{ { NS_USER_PROFILE, "hobbies" }, NS_USER_PROFILE, 1, { { .names = "hobby" } } },
	{ { NS_USER_PROFILE, "favourite-links" }, NS_USER_PROFILE, 1, { { .names = "link" } } },
	{ { NULL, NULL }, NULL, 0, { { 0 } } },
};

/* In OMA's words, which clients know. */
static int check_uri(xmlNode *profile, const struct auid_context *context, struct err *err)
{
	xmlChar *buffer;
	struct strv uri = auid_attr(profile, "uri", &buffer);
	int ret = 0;

	if (!uri.p)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (context->xui.n && !auid_is_owner(context, uri))
		ret = err_set(err, ERR_SYNTAX, "Wrong User Profile URI");
	xmlFree(buffer);
	return ret;
}

static const char *const namespaces[] = { NS_USER_PROFILE, NULL };
static const char *const documents[] = { "user-profile", NULL };
static const char *const locked_documents[] = { "locked-user-profile", NULL };

static const struct auid_unique unique[] = {
	AUID_UNIQUE_IDS,
	{ 0 },
};

static const struct auid_rule rules[] = {
	{ { NS_USER_PROFILE, "user-profile" }, check_uri },
	{ { NULL, NULL }, NULL },
};

const struct auid_ops auid_user_profile = {
	.name = "org.openmobilealliance.user-profile",
	.mime = "application/vnd.oma.user-profile+xml",
	.ns = NS_USER_PROFILE,
	.schema = "user-profile.xsd",
	.root = { NS_USER_PROFILE, "user-profiles" },
	.trees = AUID_USERS,
	.documents = documents,
	.max_bytes = 128 * 1024,
	.users_access = AUID_ACCESS_PROFILE,
	.namespaces = namespaces,
	.unique = unique,
	.rules = rules,
};

const struct auid_ops auid_locked_user_profile = {
	.name = "org.openmobilealliance.locked-user-profile",
	.mime = "application/vnd.oma.user-profile+xml",
	.ns = NS_USER_PROFILE,
	.schema = "user-profile.xsd",
	.root = { NS_USER_PROFILE, "user-profiles" },
	.trees = AUID_USERS,
	.documents = locked_documents,
	.max_bytes = 128 * 1024,
	.users_access = AUID_ACCESS_READER,
	.namespaces = namespaces,
	.unique = unique,
	.rules = rules,
};
