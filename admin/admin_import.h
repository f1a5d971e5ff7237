/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/admin_import.h - many users with their documents and contacts at once
 *
 * What comes is one user after the other. A new user with documents is one batch; hundreds of
 * batches are on their way to the disk at any time. Whatever exists already, or cannot go into one
 * batch, takes the usual way, one step after the other. When a call returns, everything that it
 * says was done is on disk.
 */
#ifndef ADMIN_ADMIN_IMPORT_H
#define ADMIN_ADMIN_IMPORT_H

#include "admin/users.h"
#include "xdms/xdm_docs.h"

enum { ADMIN_IMPORT_DOCS_MAX = 64, ADMIN_IMPORT_REMARKS_MAX = 100 };

struct admin_import_user {
	struct strv identity;
	int is_user; /* make or change the user; else only what follows, of somebody who exists */
	struct users_change change;
	struct admin_import_doc {
		struct strv
			name; /* "AUID/PATH": what stands around the user in a document's name */
		struct strv content;
	} doc[ADMIN_IMPORT_DOCS_MAX];
	unsigned n_docs;
	struct strv vcards, csv; /* contacts; p NULL: none */
};

struct admin_import_report {
	uint64_t users;	   /* new ones */
	uint64_t known;	   /* that were there, and were changed as told */
	uint64_t docs;	   /* stored */
	uint64_t contacts; /* seen in cards and tables */
	uint64_t left_out; /* users, documents or contacts that were refused */
	struct admin_import_remark {
		unsigned user; /* its number in the import, from 0 */
		char what[160], why[200];
	} remark[ADMIN_IMPORT_REMARKS_MAX];
	unsigned n_remarks;
};

struct admin_import;

/* WHO for the logs of documents. DRY: everything is judged, nothing stored. NULL: no memory. */
struct admin_import *admin_import_new(struct users *users, struct kv *kv,
				      const struct xdm_docs *docs, struct strv who, int dry,
				      struct admin_import_report *report);
/* One user; blocks when too many are on their way. What is refused is in the report. 0; -1 with the
 * store's error, and nothing more can be imported. */
int admin_import_add(struct admin_import *import, const struct admin_import_user *user,
		     struct err *err);
/* Wait for what is on its way. 0; -1 as above. The import is freed in any case. */
int admin_import_end(struct admin_import **import, struct err *err);

#endif
