/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/users.c - searches in the directory of users, from memory or from the store
 *
 * See users.h; changes are in users_change.c. Each identity's entry is cached by itself and
 * forgotten by commits to that owner only: a search by an alias looks at two entries, and believes
 * the alias only when the record at its home lists it.
 */
#include "admin/users.h"

#include <stdlib.h>

#include "admin/users_priv.h"
#include "base/log.h"

enum { ARENA_MAX = 1 << 20, ABSENT_SHARE = 8 };

const struct strv users_record_name = { "user", 4 }, users_alias_name = { "alias", 5 };

/* ---- what an owner holds ---- */

void users_items_init(struct kv_item items[USERS_ITEMS])
{
	items[0] = (struct kv_item){ .kind = KV_GET, .from = users_record_name };
	items[1] = (struct kv_item){ .kind = KV_GET, .from = users_alias_name };
}

enum users_kind users_items_kind(const struct kv_item items[USERS_ITEMS],
				 const struct kv_record **record_out)
{
	unsigned which = items[0].n_records ? 0 : 1;

	if (!items[which].n_records)
		return USERS_NOTHING;
	*record_out = &items[which].records[0];
	return which == 0 ? USERS_RECORD : USERS_ALIAS;
}

/* ---- entries of the caches ---- */

/* One block: the entry, a decoded record, the octets that it or HOME points into. */
struct entry {
	struct cache_value head;
	enum users_kind kind;
	struct strv home;	/* of an alias */
	struct auth_user *user; /* of a record */
};

static void entry_destroy(struct cache_value *value)
{
	free(value);
}

/* What was read as an entry; NULL with ERR filled. */
static struct entry *entry_new(const struct kv_read *read, struct err *err)
{
	const struct kv_record *record = NULL;
	enum users_kind kind = users_items_kind(read->items, &record);
	size_t user_bytes = kind == USERS_RECORD ? sizeof(struct auth_user) : 0;
	size_t bytes = sizeof(struct entry) + user_bytes + (record ? record->value.n : 0);
	struct entry *entry = malloc(bytes);
	char *text = (char *)(entry + 1) + user_bytes;

	if (!entry) {
		err_set(err, ERR_NOMEM, "no memory for a user record");
		return NULL;
	}
	*entry = (struct entry){ .kind = kind };
	cache_value_init(&entry->head, read->version, bytes, entry_destroy);
	if (!record)
		return entry;
	memcpy(text, record->value.p, record->value.n);
	entry->home = strv_mem(text, record->value.n);
	if (kind == USERS_ALIAS)
		return entry;
	entry->user = (struct auth_user *)(void *)(entry + 1);
	if (auth_user_decode(entry->home, entry->user, err) == 0)
		return entry;
	free(entry);
	return NULL;
}

/* ---- a search ---- */

struct search {
	struct kv_read read; /* first: the store's callback casts */
	struct kv_item items[USERS_ITEMS];
	struct users *users;
	struct strv asked;	 /* the caller's; while the store is read, TEXT */
	struct strv key;	 /* what is looked at: ASKED, or the home that VIA names */
	struct cache_value *via; /* the alias that has led to KEY */
	uint64_t known_ticket, absent_ticket;
	auth_found_fn *done;
	void *context;
	char text[KV_OWNER_MAX]; /* what was asked, while the store is read */
};

static void conclude(struct search *search, enum auth_found found, const struct auth_user *user)
{
	search->done(search->context, found, found == AUTH_FOUND ? user : NULL);
	cache_value_drop(&search->via);
}

/* Take VALUE, what KEY is. Returns 1 when it leads on to another key; 0: concluded. */
static int follow(struct search *search, struct cache_value *value)
{
	const struct entry *entry = (const struct entry *)value;
	int has;

	if (entry->kind == USERS_ALIAS && !search->via) {
		search->via = value;
		search->key = entry->home;
		return 1;
	}
	has = entry->kind == USERS_RECORD && auth_user_has_identity(entry->user, search->asked);
	conclude(search, has ? AUTH_FOUND : AUTH_ABSENT, entry->user);
	cache_value_drop(&value);
	return 0;
}

/* Go as far as memory leads. Returns 1 when KEY must be read; 0: concluded. */
static int search_memory(struct search *search)
{
	struct users *users = search->users;
	struct cache_value *value;

	do {
		value = cache_get(users->known, search->key, &search->known_ticket);
		if (!value)
			value = cache_get(users->absent, search->key, &search->absent_ticket);
		if (!value)
			return 1;
	} while (follow(search, value));
	return 0;
}

static void search_free(struct search *search)
{
	arena_free(&search->read.arena);
	free(search);
}

static void on_read(struct kv_read *read, enum kv_status status);

static void search_store(struct search *search)
{
	users_items_init(search->items);
	search->read.owner = search->key;
	search->read.items = search->items;
	search->read.n_items = USERS_ITEMS;
	search->read.done = on_read;
	kv_read(search->users->kv, &search->read);
}

static void keep(struct search *search, struct entry *entry)
{
	if (entry->kind == USERS_NOTHING)
		cache_fill(search->users->absent, search->key, &entry->head, search->absent_ticket);
	else
		cache_fill(search->users->known, search->key, &entry->head, search->known_ticket);
}

static void on_read(struct kv_read *read, enum kv_status status)
{
	struct search *search = (struct search *)read;
	struct err err = { ERR_BUSY, "" };
	struct entry *entry = status == KV_DONE ? entry_new(read, &err) : NULL;

	if (!entry) {
		if (err.code == ERR_CORRUPT)
			log_error(LOG_KV, "user", L_SV("owner", search->key), L_ERR(&err));
		conclude(search, AUTH_BUSY, NULL);
		search_free(search);
		return;
	}
	keep(search, entry);
	if (!follow(search, &entry->head) || !search_memory(search)) {
		search_free(search);
		return;
	}
	arena_reset(read->arena);
	search_store(search);
}

void users_find(void *users, struct strv identity, auth_found_fn *done, void *context)
{
	struct search at_hand = {
		.users = users, .asked = identity, .key = identity, .done = done, .context = context
	};
	struct search *search;

	if (identity.n == 0 || identity.n > KV_OWNER_MAX) {
		done(context, AUTH_ABSENT, NULL);
		return;
	}
	if (!search_memory(&at_hand))
		return;
	at_hand.read.arena = arena_new(ARENA_MAX);
	search = malloc(sizeof(*search));
	if (!search || !at_hand.read.arena) {
		arena_free(&at_hand.read.arena);
		free(search);
		conclude(&at_hand, AUTH_BUSY, NULL);
		return;
	}
	*search = at_hand;
	memcpy(search->text, identity.p, identity.n);
	search->asked.p = search->text;
	if (search->key.p == identity.p) /* not led on to a home yet */
		search->key = search->asked;
	search_store(search);
}

/* ---- what the store tells ---- */

static int covers(const struct kv_op *op, struct strv name)
{
	if (op->kind != KV_OP_DEL_RANGE)
		return strv_eq(op->name, name);
	return strv_cmp(op->name, name) <= 0 && (!op->to.n || strv_cmp(name, op->to) < 0);
}

/* Most commits are documents, and change no user. */
static void on_change(void *arg, const struct kv_change *change)
{
	struct users *users = arg;

	for (unsigned i = 0; i < change->n_ops; i++)
		if (covers(&change->ops[i], users_record_name) ||
		    covers(&change->ops[i], users_alias_name)) {
			cache_forget(users->known, change->owner, change->seq);
			cache_forget(users->absent, change->owner, change->seq);
			return;
		}
}

/* ---- life ---- */

static int copy_domains(struct users *users, const struct auth_domains *domains)
{
	size_t bytes = domains->n * sizeof(*domains->name);
	struct strv *names;
	char *text;

	for (unsigned i = 0; i < domains->n; i++)
		bytes += domains->name[i].n;
	names = malloc(bytes);
	if (!names)
		return -1;
	text = (char *)(names + domains->n);
	for (unsigned i = 0; i < domains->n; i++) {
		memcpy(text, domains->name[i].p, domains->name[i].n);
		names[i] = strv_mem(text, domains->name[i].n);
		text += domains->name[i].n;
	}
	users->domains = (struct auth_domains){ names, domains->n };
	return 0;
}

int users_new(struct kv *kv, size_t cache_bytes, const struct auth_domains *domains,
	      struct users **users_out, struct err *err)
{
	struct users *users = calloc(1, sizeof(*users));

	if (!users)
		return err_set(err, ERR_NOMEM, "no memory for the directory of users");
	pthread_mutex_init(&users->changing, NULL);
	users->kv = kv;
	users->absent = cache_new(cache_bytes / ABSENT_SHARE);
	users->known = cache_new(cache_bytes - cache_bytes / ABSENT_SHARE);
	if (!users->known || !users->absent || copy_domains(users, domains) < 0)
		err_set(err, ERR_NOMEM, "no memory for the directory of users");
	else if (kv_subscribe(kv, on_change, users, err) == 0) {
		*users_out = users;
		return 0;
	}
	users_free(&users);
	return -1;
}

void users_free(struct users **users_at)
{
	struct users *users = *users_at;

	*users_at = NULL;
	if (!users)
		return;
	cache_free(&users->known);
	cache_free(&users->absent);
	pthread_mutex_destroy(&users->changing);
	free((void *)(uintptr_t)users->domains.name);
	free(users);
}
