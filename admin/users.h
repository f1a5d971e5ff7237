/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/users.h - the directory of users: who exists, by which names, with which credentials
 *
 * In the store a user is the record "user" (auth_user_encode) of the owner that is the user's home
 * identity; each further identity, an alias, is an owner with the record "alias", the home. What is
 * kept below these owners besides is other rooms' affair, and outlives the user.
 *
 * An alias is claimed before the user's record lists it, and given up after the record has ceased
 * to: no two records ever list one identity, wherever a change is cut off. An alias whose home does
 * not list it leads nowhere, and whoever wants it may have it.
 *
 * Identities are read by auth_identity_parse with the directory's domains: every spelling will do,
 * and bare names.
 */
#ifndef ADMIN_USERS_H
#define ADMIN_USERS_H

#include "auth/auth_users.h"
#include "kv/kv.h"

struct users;

/* KV is borrowed and subscribed to: after kv_open and before the first commit. DOMAINS (at least
 * one) are copied. CACHE_BYTES bounds the records held in memory. 0 or -1. */
int users_new(struct kv *kv, size_t cache_bytes, const struct auth_domains *domains,
	      struct users **users_out, struct err *err);

/* After kv_close and when no worker runs. Takes the address, accepts NULL. */
void users_free(struct users **users);

/* Find the user who has IDENTITY, which is canonical and need not outlive the call. USERS is a
 * struct users; DONE is called once, on the calling worker, maybe before this returns. What the
 * _sync functions below have changed is seen by every search that begins after they return.
 * AUTH_BUSY: the store cannot be read, or what it holds is damaged (which is logged). */
void users_find(void *users, struct strv identity, auth_found_fn *done, void *context);

/* ---- changes and reports: they block, never call them on a worker ---- */

/* What is to become of a user. */
struct users_change {
	struct strv password; /* p NULL: as it is; a new user has none, and cannot log in by one */
	int has_roles;	      /* else: as they are, AUTH_ROLE_USER for a new user */
	unsigned roles;
	int has_disabled; /* else: as it is */
	int disabled;
	int has_aliases; /* else: as they are */
	const struct strv *aliases;
	unsigned n_aliases;
};

enum users_how {
	USERS_CREATE, /* nobody may have the identity: else ERR_EXISTS */
	USERS_UPDATE, /* somebody must: else ERR_ABSENT */
	USERS_EITHER,
};

struct users_result {
	int created;			/* there was no such user before */
	char home[AUTH_IDENTITY_BYTES]; /* canonical */
};

/* Bring CHANGE about for the user who has IDENTITY. Returns 0 with RESULT_OUT (may be NULL) filled;
 * -1 with nothing changed in what anybody can find: as HOW says; ERR_EXISTS
 * naming the alias that is somebody else's; ERR_SYNTAX or ERR_RANGE for what is no identity, too
 * many of them, a password that is too weak, or no role; the store's.
 *
 * Since the name is part of the hash, an alias that is added without a password cannot be logged
 * in by until one is set. */
int users_put_sync(struct users *users, struct strv identity, enum users_how how,
		   const struct users_change *change, struct users_result *result_out,
		   struct err *err);

/* A batch that makes the user IDENTITY, who must be new and have no aliases, as CHANGE says: for
 * many at once. Others may add what is kept below the same owner, HOME_OUT (canonical, in ARENA).
 * When it is committed with KV_CONFLICT there is somebody of that identity, or an alias of it: ask
 * users_put_sync then. NULL with ERR as users_put_sync has it. */
struct kv_batch *users_batch(struct users *users, struct strv identity,
			     const struct users_change *change, struct arena *arena,
			     struct strv *home_out, struct err *err);

/* Remove the user's record and aliases; nothing else of theirs. ERR_ABSENT: there is none. */
int users_del_sync(struct users *users, struct strv identity, struct err *err);

/* The user who has IDENTITY, in ARENA. 0; -1 with ERR_ABSENT or the store's. */
int users_get_sync(struct users *users, struct strv identity, struct arena *arena,
		   struct auth_user *user_out, struct err *err);

struct users_page {
	const struct auth_user **user;
	unsigned n;
	struct strv next; /* more may follow behind this one; empty: these were the last */
};

/* Users in the order of their homes behind AFTER (empty: from the start), at most MAX, in ARENA.
 * Not one moment. A page may be empty although more follow: a call looks through so many owners
 * only. */
int users_list_sync(struct users *users, struct strv after, unsigned max, struct arena *arena,
		    struct users_page *page_out, struct err *err);

#endif
