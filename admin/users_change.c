/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/users_change.c - changes to the directory of users, and reports of it
 *
 * See users.h for the order in which a change is made. The store is asked directly: what the caches
 * hold follows by the store's own notice.
 */
#include "admin/users.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "admin/users_priv.h"

enum { OWNERS_AT_ONCE = 256, OWNERS_OF_A_PAGE = 20000 };

/* One call. */
struct work {
	struct users *users;
	struct arena *arena;
	struct err *err;
};

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for a user record");
}

static int store_failed(enum kv_status status, struct err *err)
{
	static const enum err_code codes[] = {
		[KV_CONFLICT] = ERR_CONFLICT,
		[KV_NO_SPACE] = ERR_SPACE,
		[KV_BUSY] = ERR_BUSY,
		[KV_FAILED] = ERR_IO,
	};

	return err_set(err, codes[status], "the store cannot do this: %s", kv_status_name(status));
}

/* ---- who has an identity ---- */

struct place {
	struct strv owner;
	enum users_kind kind;	/* what stands there, with its version */
	uint64_t version;	/* of that record */
	struct auth_user *user; /* whose identity it is; NULL: nobody's */
	struct strv home;	/* where USER is kept, or what a stray alias names */
	uint64_t home_version;	/* of USER's record */
};

/* OWNER's record of ours in RECORD_OUT (unless there is none). */
static int read_owner(struct work *work, struct strv owner, enum users_kind *kind_out,
		      const struct kv_record **record_out)
{
	struct kv_item *items = arena_alloc(work->arena, USERS_ITEMS * sizeof(*items));
	struct kv_read read = {
		.owner = owner, .items = items, .n_items = USERS_ITEMS, .arena = work->arena
	};
	enum kv_status status;

	if (!items)
		return no_memory(work->err);
	users_items_init(items);
	status = kv_read_sync(work->users->kv, &read);
	if (status != KV_DONE)
		return store_failed(status, work->err);
	*kind_out = users_items_kind(items, record_out);
	return 0;
}

static int decode(struct work *work, struct strv bytes, struct auth_user **user_out)
{
	*user_out = arena_alloc(work->arena, sizeof(**user_out));
	if (!*user_out)
		return no_memory(work->err);
	return auth_user_decode(bytes, *user_out, work->err);
}

/* Fill PLACE's user in, from the home that the alias at PLACE names, if it is really the user's. */
static int read_home(struct work *work, struct place *place)
{
	const struct kv_record *record;
	enum users_kind kind;
	struct auth_user *user;

	if (read_owner(work, place->home, &kind, &record) < 0)
		return -1;
	if (kind != USERS_RECORD)
		return 0;
	if (decode(work, record->value, &user) < 0)
		return -1;
	if (auth_user_has_identity(user, place->owner)) {
		place->user = user;
		place->home_version = record->version;
	}
	return 0;
}

static int read_place(struct work *work, struct strv owner, struct place *place)
{
	const struct kv_record *record = NULL;

	*place = (struct place){ .owner = owner, .home = owner };
	if (read_owner(work, owner, &place->kind, &record) < 0)
		return -1;
	if (place->kind == USERS_NOTHING)
		return 0;
	place->version = place->home_version = record->version;
	if (place->kind == USERS_RECORD)
		return decode(work, record->value, &place->user);
	place->home = record->value;
	return read_home(work, place);
}

/* TEXT's canonical form, in the arena. */
static int canonical(struct work *work, struct strv text, struct strv *out)
{
	struct auth_identity id;
	char *copy;

	if (auth_identity_parse(text, &work->users->domains, &id, work->err) < 0)
		return -1;
	copy = arena_strdup(work->arena, auth_identity_text(&id));
	if (!copy)
		return no_memory(work->err);
	*out = strv_mem(copy, id.n);
	return 0;
}

static int find_place(struct work *work, struct strv identity, struct place *place)
{
	struct strv owner;

	return canonical(work, identity, &owner) < 0 ? -1 : read_place(work, owner, place);
}

static int nobody(struct work *work, struct strv owner)
{
	return err_set(work->err, ERR_ABSENT, "there is no user %.*s", STRV_ARG(owner));
}

/* PLACE is somebody's. */
static int taken(struct work *work, const struct place *place)
{
	if (place->kind == USERS_RECORD)
		return err_set(work->err, ERR_EXISTS, "there is a user %.*s already",
			       STRV_ARG(place->owner));
	return err_set(work->err, ERR_EXISTS, "%.*s is an alias of %.*s already",
		       STRV_ARG(place->owner), STRV_ARG(place->home));
}

/* ---- the record as it is to be ---- */

static int set_aliases(struct work *work, const struct users_change *change, struct auth_user *user)
{
	struct strv alias;

	user->n_identities = 1;
	for (unsigned i = 0; i < change->n_aliases; i++) {
		if (canonical(work, change->aliases[i], &alias) < 0)
			return -1;
		if (auth_user_has_identity(user, alias))
			continue;
		if (user->n_identities == AUTH_IDENTITIES_MAX)
			return err_set(work->err, ERR_RANGE,
				       "a user has at most %d identities: leave some aliases out",
				       AUTH_IDENTITIES_MAX);
		user->identity[user->n_identities++] = alias;
	}
	return 0;
}

/* Keep those credentials only whose name still is the user's, in the realm that still is. */
static void keep_creds(struct work *work, struct auth_user *user)
{
	struct strv realm = auth_user_realm(user, &work->users->domains);
	const struct auth_domains at_realm = { &realm, 1 };
	unsigned n = 0;

	for (unsigned i = 0; i < user->n_creds; i++) {
		struct auth_identity id;

		if (strv_eq(user->cred[i].realm, realm) &&
		    auth_identity_parse(user->cred[i].username, &at_realm, &id, NULL) == 0 &&
		    auth_user_has_identity(user, auth_identity_text(&id)))
			user->cred[n++] = user->cred[i];
	}
	user->n_creds = n;
}

static int set_password(struct work *work, const struct users_change *change,
			struct auth_user *user)
{
	if (!change->password.p) {
		keep_creds(work, user);
		return 0;
	}
	if (auth_password_check(change->password, user, work->err) < 0)
		return -1;
	return auth_user_set_password(user, change->password, &work->users->domains, work->arena,
				      work->err);
}

/* USER: as it was, or new and with its home only. */
static int apply(struct work *work, const struct users_change *change, struct auth_user *user)
{
	if (change->has_roles && (!change->roles || (change->roles & ~(unsigned)AUTH_ROLES)))
		return err_set(work->err, ERR_RANGE, "a user has at least one role");
	if (change->has_aliases && set_aliases(work, change, user) < 0)
		return -1;
	if (change->has_roles)
		user->roles = change->roles;
	if (change->has_disabled)
		user->disabled = change->disabled;
	user->changed_s = time(NULL);
	return set_password(work, change, user);
}

/* A copy of who is at PLACE, or somebody new. */
static struct auth_user *start_from(struct work *work, const struct place *place)
{
	struct auth_user *user = arena_zalloc(work->arena, 1, sizeof(*user));

	if (!user)
		return NULL;
	if (place->user) {
		*user = *place->user;
		return user;
	}
	user->identity[0] = place->owner;
	user->n_identities = 1;
	user->roles = AUTH_ROLE_USER;
	user->created_s = time(NULL);
	return user;
}

/* ---- the steps in the store ---- */

/* Commit BATCH unless filling it has FAILED; NULL: no memory. */
static int commit(struct work *work, struct kv_batch *batch, int failed)
{
	struct kv_commit_result result;

	if (!batch || failed) {
		kv_batch_free(&batch);
		return no_memory(work->err);
	}
	result = kv_commit_sync(work->users->kv, batch);
	return result.status == KV_DONE ? 0 : store_failed(result.status, work->err);
}

/* Only PLACE's alias may have stood here when the batch is committed. */
static int require_alias(struct kv_batch *batch, const struct place *place)
{
	return place->kind == USERS_ALIAS
		       ? kv_batch_require_version(batch, users_alias_name, place->version)
		       : kv_batch_require_absent(batch, users_alias_name);
}

static int claim(struct work *work, const struct place *place, struct strv home)
{
	struct kv_batch *batch = kv_batch_new(place->owner);

	if (place->kind == USERS_ALIAS && strv_eq(place->home, home)) {
		kv_batch_free(&batch);
		return 0;
	}
	return commit(work, batch,
		      batch && (kv_batch_require_absent(batch, users_record_name) < 0 ||
				require_alias(batch, place) < 0 ||
				kv_batch_put(batch, users_alias_name, home) < 0));
}

/* Look at all of USER's aliases before the first is touched, so that a refusal changes nothing. */
static int claim_all(struct work *work, const struct auth_user *user)
{
	struct place place[AUTH_IDENTITIES_MAX];

	for (unsigned i = 1; i < user->n_identities; i++) {
		if (read_place(work, user->identity[i], &place[i]) < 0)
			return -1;
		if (place[i].user && !strv_eq(place[i].home, user->identity[0]))
			return taken(work, &place[i]);
	}
	for (unsigned i = 1; i < user->n_identities; i++)
		if (claim(work, &place[i], user->identity[0]) < 0)
			return -1;
	return 0;
}

/* Give up what BEFORE had and AFTER (NULL: nobody) has not. The record lists them no longer: what
 * cannot be removed now leads nowhere, and is no failure. */
static void release(struct work *work, const struct auth_user *before,
		    const struct auth_user *after)
{
	struct work quietly = { work->users, work->arena, NULL };
	struct place place;

	for (unsigned i = 1; i < before->n_identities; i++) {
		struct kv_batch *batch;

		if (after && auth_user_has_identity(after, before->identity[i]))
			continue;
		if (read_place(&quietly, before->identity[i], &place) < 0 ||
		    place.kind != USERS_ALIAS || !strv_eq(place.home, before->identity[0]))
			continue;
		batch = kv_batch_new(place.owner);
		commit(&quietly, batch,
		       batch && (require_alias(batch, &place) < 0 ||
				 kv_batch_del(batch, users_alias_name) < 0));
	}
}

/* The record itself. A new one takes the place of a stray alias. */
static int fill(struct kv_batch *batch, const struct place *place, struct strv bytes)
{
	if (place->user)
		return kv_batch_require_version(batch, users_record_name, place->home_version) ||
		       kv_batch_put(batch, users_record_name, bytes);
	return kv_batch_require_absent(batch, users_record_name) || require_alias(batch, place) ||
	       kv_batch_del(batch, users_alias_name) ||
	       kv_batch_put(batch, users_record_name, bytes);
}

static int put(struct work *work, struct strv identity, enum users_how how,
	       const struct users_change *change, struct users_result *result_out)
{
	struct kv_batch *batch;
	struct auth_user *user;
	struct place place;
	struct strv bytes;

	if (find_place(work, identity, &place) < 0)
		return -1;
	if (place.user && how == USERS_CREATE)
		return taken(work, &place);
	if (!place.user && how == USERS_UPDATE)
		return nobody(work, place.owner);
	user = start_from(work, &place);
	if (!user)
		return no_memory(work->err);
	if (apply(work, change, user) < 0 ||
	    auth_user_encode(user, work->arena, &bytes, work->err) < 0 || claim_all(work, user) < 0)
		return -1;
	batch = kv_batch_new(user->identity[0]);
	if (commit(work, batch, batch && fill(batch, &place, bytes)) < 0)
		return -1;
	if (place.user)
		release(work, place.user, user);
	if (result_out) {
		result_out->created = !place.user;
		snprintf(result_out->home, sizeof(result_out->home), "%.*s",
			 STRV_ARG(user->identity[0]));
	}
	return 0;
}

static int del(struct work *work, struct strv identity)
{
	struct kv_batch *batch;
	struct place place;

	if (find_place(work, identity, &place) < 0)
		return -1;
	if (!place.user)
		return nobody(work, place.owner);
	batch = kv_batch_new(place.home);
	if (commit(work, batch,
		   batch && (kv_batch_require_version(batch, users_record_name,
						      place.home_version) < 0 ||
			     kv_batch_del(batch, users_record_name) < 0)) < 0)
		return -1;
	release(work, place.user, NULL);
	return 0;
}

/* Nothing is looked up: the batch's conditions find out, so that nobody need be kept waiting. */
struct kv_batch *users_batch(struct users *users, struct strv identity,
			     const struct users_change *change, struct arena *arena,
			     struct strv *home_out, struct err *err)
{
	struct work work = { users, arena, err };
	struct place place = { .kind = USERS_NOTHING };
	struct kv_batch *batch;
	struct auth_user *user;
	struct strv bytes;

	if (canonical(&work, identity, &place.owner) < 0)
		return NULL;
	user = start_from(&work, &place);
	if (!user) {
		no_memory(err);
		return NULL;
	}
	if (apply(&work, change, user) < 0 || auth_user_encode(user, arena, &bytes, err) < 0)
		return NULL;
	*home_out = place.owner;
	batch = kv_batch_new(place.owner);
	if (!batch || fill(batch, &place, bytes)) {
		kv_batch_free(&batch);
		no_memory(err);
	}
	return batch;
}

/* ---- calls ---- */

static int begin(struct users *users, struct work *work, struct err *err)
{
	*work = (struct work){ users, arena_new(0), err };
	if (!work->arena)
		return no_memory(err);
	pthread_mutex_lock(&users->changing);
	return 0;
}

static void end(struct work *work)
{
	pthread_mutex_unlock(&work->users->changing);
	arena_free(&work->arena);
}

int users_put_sync(struct users *users, struct strv identity, enum users_how how,
		   const struct users_change *change, struct users_result *result_out,
		   struct err *err)
{
	struct work work;
	int ret;

	if (begin(users, &work, err) < 0)
		return -1;
	ret = put(&work, identity, how, change, result_out);
	end(&work);
	return ret;
}

int users_del_sync(struct users *users, struct strv identity, struct err *err)
{
	struct work work;
	int ret;

	if (begin(users, &work, err) < 0)
		return -1;
	ret = del(&work, identity);
	end(&work);
	return ret;
}

int users_get_sync(struct users *users, struct strv identity, struct arena *arena,
		   struct auth_user *user_out, struct err *err)
{
	struct work work = { users, arena, err };
	struct place place;

	if (find_place(&work, identity, &place) < 0)
		return -1;
	if (!place.user)
		return nobody(&work, place.owner);
	*user_out = *place.user;
	return 0;
}

/* ---- the list ---- */

static int add_if_user(struct work *work, struct strv owner, struct users_page *page)
{
	const struct kv_record *record;
	struct auth_user *user;
	enum users_kind kind;

	if (read_owner(work, owner, &kind, &record) < 0)
		return -1;
	if (kind != USERS_RECORD)
		return 0;
	if (decode(work, record->value, &user) < 0) {
		err_prefix(work->err, "%.*s", STRV_ARG(owner));
		return -1;
	}
	page->user[page->n++] = user;
	return 0;
}

int users_list_sync(struct users *users, struct strv after, unsigned max, struct arena *arena,
		    struct users_page *page, struct err *err)
{
	struct work work = { users, arena, err };
	unsigned n = OWNERS_AT_ONCE, seen = 0;
	struct strv *owners;

	*page = (struct users_page){ .user = arena_alloc(arena, max * sizeof(*page->user)) };
	if (!page->user)
		return no_memory(err);
	while (page->n < max && seen < OWNERS_OF_A_PAGE && n == OWNERS_AT_ONCE) {
		if (kv_owners_sync(users->kv, after, OWNERS_AT_ONCE, arena, &owners, &n, err) < 0)
			return -1;
		for (unsigned i = 0; i < n && page->n < max; i++, seen++) {
			if (add_if_user(&work, owners[i], page) < 0)
				return -1;
			after = page->next = owners[i];
		}
	}
	if (n < OWNERS_AT_ONCE && page->n < max)
		page->next = (struct strv){ NULL, 0 };
	return 0;
}
