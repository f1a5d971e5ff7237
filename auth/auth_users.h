/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth/auth_users.h - the user record: who, by which names, with which digest credentials
 *
 * What is stored of a user, as a struct and as bytes. Passwords are never in it: a record holds
 * HA1 = H(name:realm:password) for each algorithm and for each way in which clients write the
 * name, because the name is part of the hash. Where records are kept is the caller's affair; so is
 * the index from every identity, and from every hashed name (auth_userhash of each credential), to
 * the record.
 */
#ifndef AUTH_AUTH_USERS_H
#define AUTH_AUTH_USERS_H

#include <stdint.h>

#include "auth/auth_hash.h"
#include "auth/auth_identity.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/strv.h"

enum {
	AUTH_IDENTITIES_MAX = 8,
	AUTH_CREDS_MAX = 64,
	AUTH_PASSWORD_LEAST = 8, /* characters */
};

enum auth_role {
	AUTH_ROLE_USER = 1,	/* own documents, own messages */
	AUTH_ROLE_OPERATOR = 2, /* the global tree, other users' documents */
	AUTH_ROLES = AUTH_ROLE_USER | AUTH_ROLE_OPERATOR,
};

struct auth_cred {
	enum auth_algorithm algorithm;
	struct strv username; /* as the client writes it */
	struct strv realm;
	struct strv ha1; /* auth_hash_bytes() octets */
};

/* Views into the bytes or the arena that the record came from. */
struct auth_user {
	struct strv identity[AUTH_IDENTITIES_MAX]; /* canonical; the first is the user's home */
	unsigned n_identities;			   /* at least 1 */
	unsigned roles;				   /* of enum auth_role */
	int disabled;
	int64_t created_s, changed_s; /* Unix time; changed: by anybody, in any respect */
	struct auth_cred cred[AUTH_CREDS_MAX];
	unsigned n_creds; /* 0: cannot log in by password */
};

/* How the search for a record ended. An edge searches through a function pointer, since records are
 * kept above it; the result is told to a function of this type, exactly once, with the edge's
 * CONTEXT. USER is NULL unless found, and valid during the call. */
enum auth_found {
	AUTH_FOUND,
	AUTH_ABSENT,
	AUTH_BUSY, /* cannot tell now */
};
typedef void auth_found_fn(void *context, enum auth_found found, const struct auth_user *user);

/* USER as bytes in ARENA. Returns 0; -1 with ERR_NOMEM, or ERR_RANGE when a text is longer than 255
 * octets or USER is not what auth_user_decode would accept. */
int auth_user_encode(const struct auth_user *user, struct arena *arena, struct strv *bytes_out,
		     struct err *err);

/* Read a record. Returns 0, USER_OUT pointing into BYTES; -1 with ERR_CORRUPT for anything but what
 * auth_user_encode writes: another version, unknown roles or algorithms, identities that are not
 * canonical, anything twice, octets missing or left over. */
int auth_user_decode(struct strv bytes, struct auth_user *user_out, struct err *err);

/* 1 when IDENTITY, canonical, is one of USER's, else 0. */
int auth_user_has_identity(const struct auth_user *user, struct strv identity);

/* The credential for what a client sent, borrowed from USER; NULL when there is none. */
const struct auth_cred *auth_user_cred_find(const struct auth_user *user,
					    enum auth_algorithm algorithm, struct strv username,
					    struct strv realm);
/* The same by the hash that stands for the name (RFC 7616 s3.4.4). */
const struct auth_cred *auth_user_cred_find_hashed(const struct auth_user *user,
						   enum auth_algorithm algorithm,
						   const unsigned char *userhash,
						   struct strv realm);

/* The realm of USER: the host of the first identity that is at one of DOMAINS, else the first
 * domain. Borrowed from either. DOMAINS has at least one name. */
struct strv auth_user_realm(const struct auth_user *user, const struct auth_domains *domains);

/* Replace USER's credentials by those of PASSWORD in auth_user_realm(), for every identity and
 * spelling ("alice", "alice@example.com", "sip:alice@example.com"; "+4930...", "tel:+4930...").
 * Memory is from ARENA. The password's quality is not asked here. Returns 0, or -1 with USER
 * unchanged: ERR_NOMEM, or ERR_RANGE for a password that cannot be one (auth_password_check). */
int auth_user_set_password(struct auth_user *user, struct strv password,
			   const struct auth_domains *domains, struct arena *arena,
			   struct err *err);

/* Is PASSWORD good enough for USER (may be NULL)? At least AUTH_PASSWORD_LEAST characters of
 * visible UTF-8, at most AUTH_PASSWORD_MAX octets, not made of a few characters or a run of them,
 * without the user's name, not one of the commonest. Returns 0; -1 with ERR_RANGE and what to do.
 */
int auth_password_check(struct strv password, const struct auth_user *user, struct err *err);

#endif
