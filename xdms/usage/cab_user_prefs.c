/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/usage/cab_user_prefs.c - how a user wants the address book kept (OMA CAB)
 *
 * What is taken from others, and whether others find the user's card. The structure is the
 * project's (xdm.md 8.4).
 */
#include "xdms/auid_priv.h"

const struct auid_model auid_models_cab_user_prefs[] = {
	{ { NS_CAB_PREFS, "user-prefs" },
	  NS_CAB_PREFS,
	  6,
	  {
		  { .names = "contact-share-prefs", .single = 1 },
		  { .names = "contact-subscription-prefs", .single = 1 },
		  { .names = "import-prefs", .single = 1 },
		  { .names = "publish-prefs", .single = 1 },
		  { .names = "search-prefs", .single = 1 },
		  { .others = 1 },
	  } },
	{ { NS_CAB_PREFS, "contact-share-prefs" },
	  NS_CAB_PREFS,
	  1,
	  { { .names = "max-size", .single = 1 } } },
	{ { NS_CAB_PREFS, "contact-subscription-prefs" },
	  NS_CAB_PREFS,
	  1,
	  { { .names = "filter" } } },
	{ { NS_CAB_PREFS, "publish-prefs" },
	  NS_CAB_PREFS,
	  1,
	  { { .names = "view", .single = 1 } } },
	{ { NULL, NULL }, NULL, 0, { { 0 } } },
};

static const char *const namespaces[] = { NS_CAB_PREFS, NULL };
static const char *const documents[] = { "user-prefs", NULL };

static const struct auid_unique unique[] = {
	{ AUID_SIBLINGS, AUID_FAULT_UNIQUENESS, { NS_CAB_PREFS, "filter" }, "name" },
	AUID_UNIQUE_IDS,
	{ 0 },
};

const struct auid_ops auid_cab_user_prefs = {
	.name = "org.openmobilealliance.cab-user-prefs",
	.mime = "application/vnd.oma.cab-user-prefs+xml",
	.ns = NS_CAB_PREFS,
	.schema = "cab-user-prefs.xsd",
	.root = { NS_CAB_PREFS, "user-prefs" },
	.trees = AUID_USERS,
	.documents = documents,
	.max_bytes = 64 * 1024,
	.users_access = AUID_ACCESS_OWNER,
	.namespaces = namespaces,
	.unique = unique,
};
