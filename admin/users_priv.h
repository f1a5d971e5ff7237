/* SPDX-License-Identifier: Apache-2.0 */
/* admin/users_priv.h - what the files of the directory share: see users.h */
#ifndef ADMIN_USERS_PRIV_H
#define ADMIN_USERS_PRIV_H

#include <pthread.h>

#include "admin/users.h"
#include "base/cache.h"

struct users {
	struct kv *kv;
	struct auth_domains domains; /* one block of memory */
	/* By identity. Those that nobody has are apart, so that guesses do not push out users. */
	struct cache *known, *absent;
	/* One change at a time: what a change has looked at stays so until it is done. */
	pthread_mutex_t changing;
};

/* What stands under an identity. */
enum users_kind { USERS_NOTHING, USERS_RECORD, USERS_ALIAS };

/* Both of an owner's records that are ours, as one read. */
enum { USERS_ITEMS = 2 };
void users_items_init(struct kv_item items[USERS_ITEMS]);
/* What ITEMS hold once they have been read: *RECORD_OUT is it, unless nothing. */
enum users_kind users_items_kind(const struct kv_item items[USERS_ITEMS],
				 const struct kv_record **record_out);

extern const struct strv users_record_name, users_alias_name;

#endif
