/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/usage/history_list.c - conversations that were kept, and messages that wait (OMA IM)
 *
 * The server makes both documents; their user reads them and deletes what is no longer wanted.
 */
#include "xdms/auid_priv.h"

static const char *const namespaces[] = { NS_HISTORY, NULL };
static const char *const history_documents[] = { "conv-history", NULL };
static const char *const deferred_documents[] = { "deferred-list", NULL };

static const struct auid_unique unique[] = {
	AUID_UNIQUE_IDS,
	{ 0 },
};

const struct auid_ops auid_conv_history = {
	.name = "org.openmobilealliance.conv-history",
	.mime = "application/vnd.oma.im.history-list+xml",
	.ns = NS_HISTORY,
	.schema = "history-list.xsd",
	.root = { NS_HISTORY, "history-list" },
	.trees = AUID_USERS,
	.documents = history_documents,
	.max_bytes = 2 * 1024 * 1024,
	.users_access = AUID_ACCESS_CLEARER,
	.namespaces = namespaces,
	.unique = unique,
};

const struct auid_ops auid_deferred_list = {
	.name = "org.openmobilealliance.deferred-list",
	.mime = "application/vnd.oma.im.deferred-list+xml",
	.ns = NS_HISTORY,
	.schema = "history-list.xsd",
	.root = { NS_HISTORY, "history-list" },
	.trees = AUID_USERS,
	.documents = deferred_documents,
	.max_bytes = 2 * 1024 * 1024,
	.users_access = AUID_ACCESS_CLEARER,
	.namespaces = namespaces,
	.unique = unique,
};
