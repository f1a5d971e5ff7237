/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xdm_directory.h - the documents of a user, as a document (xcap-directory, xdm.md 4.7)
 *
 * A folder for each usage that users can have documents of, and in it each document with its tag,
 * the time of its last change and its size. Made when it is asked for, then kept by the store until
 * a document of the user changes.
 */
#ifndef XDMS_XDM_DIRECTORY_H
#define XDMS_XDM_DIRECTORY_H

#include "xdms/xcap_req.h"

/* What directories need to know. Borrowed by the store's maker. */
struct xdm_directory {
	const struct auid_table *table;
	/* Before each document's name: the root as clients spell it, or its path; no "/" at its
	 * end. */
	struct strv root;
};

/* Directories are found (xdm_find) in STORE from now on. Before the first look-up. 0 or -1. */
int xdm_directory_serve(const struct xdm_directory *directory, struct xdm_store *store,
			struct err *err);

#endif
