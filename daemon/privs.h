/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/privs.h - what the process may do: hardening, and root's rights given up
 *
 * Started as root, cpmd binds its ports and reads its keys as root and serves as the user and group
 * of the configuration. Started as anybody else it keeps who it is.
 */
#ifndef DAEMON_PRIVS_H
#define DAEMON_PRIVS_H

#include <sys/types.h>

#include "base/err.h"

struct privs {
	int root; /* we are root, and will be UID and GID */
	uid_t uid;
	gid_t gid;
	char user[64];
};

/* No core dumps (they would hold keys and messages), files readable by us alone, no SIGPIPE, as
 * many descriptors as the hard limit gives. */
void privs_harden(void);

/* Look USER and GROUP up (GROUP NULL or empty: the user's own). Not root: nothing is looked up.
 * -1 when there is no such user or group, or when the user is root again. */
int privs_find(const char *user, const char *group, struct privs *privs_out, struct err *err);

/* Make the folder DIR when missing (its parent must exist) with mode 0700, and give it and the
 * files directly in it to the user. 0 or -1. */
int privs_own_dir(const struct privs *privs, const char *dir, struct err *err);

/* Give the file or socket PATH to the user and group. 0 or -1. */
int privs_own_file(const struct privs *privs, const char *path, struct err *err);

/* Give up root for good: groups, group, user, and no new privileges by exec. Before threads are
 * started. Without effect when not root. 0 or -1; after -1 the process must end. */
int privs_drop(const struct privs *privs, struct err *err);

#endif
