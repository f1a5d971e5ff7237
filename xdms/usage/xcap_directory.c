/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/usage/xcap_directory.c - the documents of a user, as a document (OMA XDM)
 *
 * Made by the server (xdms/xdm_directory.h); nobody writes it.
 */
#include "xdms/auid_priv.h"

static const char *const namespaces[] = { NS_DIRECTORY, NULL };
static const char *const documents[] = { "directory.xml", NULL };

static const struct auid_unique unique[] = {
	AUID_UNIQUE_IDS,
	{ 0 },
};

const struct auid_ops auid_xcap_directory = {
	.name = "org.openmobilealliance.xcap-directory",
	.mime = "application/vnd.oma.xcap-directory+xml",
	.ns = NS_DIRECTORY,
	.schema = "xcap-directory.xsd",
	.root = { NS_DIRECTORY, "xcap-directory" },
	.trees = AUID_USERS,
	.computed = AUID_USERS,
	.documents = documents,
	.max_bytes = 2 * 1024 * 1024,
	.users_access = AUID_ACCESS_OWNER,
	.namespaces = namespaces,
	.unique = unique,
};
