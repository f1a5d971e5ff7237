/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/usage/cab_feature_handler.c - what a user asks the address book server to do (OMA CAB)
 *
 * The client writes a request, the server its response beside it. The structure is the project's
 * (xdm.md 8.5).
 */
#include "xdms/auid_priv.h"

#define TASK(name)                                                          \
	{                                                                   \
		{ NS_FEATURES, name }, NS_FEATURES, 2,                      \
		{                                                           \
			{ .names = "request", .single = 1, .required = 1 }, \
			{                                                   \
				.names = "response", .single = 1            \
			}                                                   \
		}                                                           \
	}

const struct auid_model auid_models_cab_feature_handler[] = {
	{ { NS_FEATURES, "feature-handler" },
	  NS_FEATURES,
	  1,
	  { { .names = "contact-share contact-subscription contact-unsubscription "
		       "subscription-invite import cab-search" } } },
	TASK("contact-share"),
	TASK("contact-subscription"),
	TASK("contact-unsubscription"),
	TASK("subscription-invite"),
	TASK("import"),
	TASK("cab-search"),
	{ { NS_FEATURES, "request" },
	  NS_FEATURES,
	  6,
	  {
		  { .names = "recipients", .single = 1 },
		  { .names = "contact-ref" },
		  { .names = "fields", .single = 1 },
		  { .names = "note", .single = 1 },
		  { .names = "source", .single = 1 },
		  { .names = "format", .single = 1 },
	  } },
	{ { NS_FEATURES, "recipients" },
	  NS_RESOURCE_LISTS,
	  3,
	  {
		  { .names = "display-name", .single = 1 },
		  { .names = "list external entry entry-ref" },
		  { .others = 1 },
	  } },
	{ { NS_FEATURES, "fields" }, NS_FEATURES, 1, { { .names = "name" } } },
	{ { NS_FEATURES, "response" },
	  NS_FEATURES,
	  2,
	  { { .names = "text", .single = 1 }, { .names = "item" } } },
	{ { NULL, NULL }, NULL, 0, { { 0 } } },
};

static const char *const namespaces[] = { NS_FEATURES, NS_RESOURCE_LISTS, NULL };
static const char *const documents[] = { "feature-handler", NULL };

#define UNIQUE_TASK(name)                                                         \
	{                                                                         \
		AUID_SIBLINGS, AUID_FAULT_UNIQUENESS, { NS_FEATURES, name }, "id" \
	}

static const struct auid_unique unique[] = {
	UNIQUE_TASK("contact-share"),
	UNIQUE_TASK("contact-subscription"),
	UNIQUE_TASK("contact-unsubscription"),
	UNIQUE_TASK("subscription-invite"),
	UNIQUE_TASK("import"),
	UNIQUE_TASK("cab-search"),
	AUID_UNIQUE_LISTS,
	AUID_UNIQUE_IDS,
	{ 0 },
};

static const struct auid_rule rules[] = {
	{ { NS_RESOURCE_LISTS, "entry-ref" }, auid_check_entry_ref },
	{ { NS_RESOURCE_LISTS, "external" }, auid_check_external },
	{ { NULL, NULL }, NULL },
};

const struct auid_ops auid_cab_feature_handler = {
	.name = "org.openmobilealliance.cab-feature-handler",
	.mime = "application/vnd.oma.cab-feature-handler+xml",
	.ns = NS_FEATURES,
	.schema = "cab-feature-handler.xsd",
	.root = { NS_FEATURES, "feature-handler" },
	.trees = AUID_USERS,
	.documents = documents,
	.max_bytes = 256 * 1024,
	.users_access = AUID_ACCESS_OWNER,
	.namespaces = namespaces,
	.unique = unique,
	.rules = rules,
};
