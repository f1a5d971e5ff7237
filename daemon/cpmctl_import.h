/* SPDX-License-Identifier: Apache-2.0 */
/* daemon/cpmctl_import.h - what is to be imported, found in a folder or a table of users */
#ifndef DAEMON_CPMCTL_IMPORT_H
#define DAEMON_CPMCTL_IMPORT_H

#include <stddef.h>

#include "daemon/cpmctl.h"

struct ctl_item_doc {
	char *name; /* "AUID/PATH" of a user's, "AUID/global/PATH" of the global tree */
	char *file;
};

/* One user, or (is_user 0) somebody who exists. Strings are the item's. */
struct ctl_item {
	char *id;
	int is_user;
	char *password, *aliases; /* aliases with blanks between them */
	int is_operator, is_disabled;
	struct ctl_item_doc *doc;
	unsigned n_docs;
	char *vcards, *csv; /* files */
};

struct ctl_source {
	struct ctl_item *item; /* new users first, then in order of their ids */
	size_t n;
	struct ctl_item global; /* its documents */
};

/* Find what FROM, a folder or a table of users, holds. What cannot be taken is added to REMARKS as
 * {"what", "why"}. CTL_OK; else what is wrong has been said. To be freed in any case. */
int ctl_source_read(struct ctl *ctl, const char *from, struct ctl_source *source, json_t *remarks);
void ctl_source_free(struct ctl_source *source);

#endif
