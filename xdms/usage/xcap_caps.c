/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/usage/xcap_caps.c - what this server can do (RFC 4825 s12)
 *
 * One document for everyone, made from the table of usages (auid_caps_print); nobody writes it.
 */
#include "xdms/auid_priv.h"

static const char *const namespaces[] = { NS_XCAP_CAPS, NULL };

const struct auid_ops auid_xcap_caps = {
	.name = "xcap-caps",
	.mime = "application/xcap-caps+xml",
	.ns = NS_XCAP_CAPS,
	.schema = "xcap-caps.xsd",
	.root = { NS_XCAP_CAPS, "xcap-caps" },
	.trees = AUID_GLOBAL,
	.computed = AUID_GLOBAL,
	.global_document = "index",
	.max_bytes = 64 * 1024,
	.global_access = AUID_ACCESS_EVERYONE,
	.namespaces = namespaces,
};
