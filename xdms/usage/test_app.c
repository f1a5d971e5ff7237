/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/usage/test_app.c - the usage that test suites of XCAP clients write to
 *
 * Any well-formed document; nothing is advertised, since there is no schema. In service only when
 * the configuration says so.
 */
#include "xdms/auid_priv.h"

const struct auid_ops auid_test_app = {
	.name = "test-app",
	.mime = "application/test-app+xml",
	.ns = "test-app",
	.trees = AUID_USERS | AUID_GLOBAL,
	.max_bytes = 1024 * 1024,
	.users_access = AUID_ACCESS_OWNER,
	.global_access = AUID_ACCESS_USERS,
};
