/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/admin/test_users.c - the directory of users: searches, changes, what a crash leaves, races
 *
 * The store is on disk, since only that engine reads in the background. Searches are made on
 * workers, changes on this thread and, in the races, on others.
 */
#include "admin/users.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "auth/auth_digest.h"
#include "base/log.h"
#include "kv/kv_hook.h"
#include "tests/gate.h"
#include "tests/kv/kvtest.h"

#define ALICE STRV("sip:alice@example.com")
#define BOB   STRV("sip:bob@example.com")
#define TEL   STRV("tel:+4930123")

enum { CACHE_BYTES = 1 << 20, RACES = 40 };

static struct workers *workers;
static struct jobs *jobs;
static struct kvtest store;
static struct kv *kv;
static struct users *users;
static struct arena *arena;
static struct strv domain_names[] = { { "example.com", 11 }, { "example.net", 11 } };
static const struct auth_domains domains = { domain_names, 2 };
static _Atomic int is_full;

static int free_space(const char *dir, uint64_t *free_out)
{
	(void)dir;
	*free_out = is_full ? 0 : UINT64_C(1) << 40;
	return 0;
}

/* Nobody cuts the power here. */
static int no_sync(int fd)
{
	(void)fd;
	return 0;
}

static int setup(void **state)
{
	(void)state;
	is_full = 0;
	kv_hook_free = free_space;
	kv_hook_sync = no_sync;
	kvtest_begin(&store, "bdb");
	store.options.min_free_bytes = 1 << 20;
	arena = arena_new(0);
	assert_non_null(arena);
	assert_int_equal(workers_new(2, &workers, NULL), 0);
	assert_int_equal(jobs_new(1, 1000, &jobs, NULL), 0);
	kvtest_open(&store, jobs);
	kv = store.kv;
	assert_int_equal(users_new(kv, CACHE_BYTES, &domains, &users, NULL), 0);
	return workers_start(workers, NULL);
}

static int teardown(void **state)
{
	(void)state;
	kvtest_close(&store);
	jobs_free(&jobs);
	workers_stop(workers);
	workers_free(&workers);
	users_free(&users);
	assert_null(users);
	users_free(&users);
	arena_free(&arena);
	kvtest_end(&store);
	kv_hook_free = NULL;
	kv_hook_sync = NULL;
	return 0;
}

/* ---- searching ---- */

struct asker {
	struct post post; /* first: the callback casts */
	struct gate told;
	struct strv identity;
	struct worker *asked_on, *told_on;
	unsigned times;
	int at_once; /* told before users_find returned */
	int returned;
	enum auth_found found;
	/* Copied during the call. */
	char home[AUTH_IDENTITY_BYTES];
	unsigned n_identities, n_creds;
	int disabled, is_right;
	const char *password;
};

/* Is PASSWORD that of USER, by its first name? */
static int is_password(const struct auth_user *user, const char *password)
{
	unsigned char ha1[AUTH_HASH_BYTES];
	const struct auth_cred *cred = &user->cred[0];

	return user->n_creds &&
	       auth_ha1(cred->algorithm, cred->username, cred->realm, strv_of(password), ha1) ==
		       0 &&
	       strv_eq(cred->ha1, strv_mem(ha1, auth_hash_bytes(cred->algorithm)));
}

static void on_found(void *context, enum auth_found found, const struct auth_user *user)
{
	struct asker *asker = context;

	asker->told_on = worker_self();
	asker->at_once = !asker->returned;
	asker->found = found;
	asker->times++;
	assert_true((found == AUTH_FOUND) == (user != NULL));
	if (user) {
		snprintf(asker->home, sizeof(asker->home), "%.*s", STRV_ARG(user->identity[0]));
		asker->n_identities = user->n_identities;
		asker->n_creds = user->n_creds;
		asker->disabled = user->disabled;
		asker->is_right = asker->password && is_password(user, asker->password);
	}
	if (asker->returned)
		gate_raise(&asker->told);
}

static void find_here(struct post *post)
{
	struct asker *asker = (struct asker *)post;

	asker->asked_on = worker_self();
	users_find(users, asker->identity, on_found, asker);
	asker->returned = 1;
	if (asker->times)
		gate_raise(&asker->told);
}

static struct asker ask(unsigned worker, struct strv identity, const char *password)
{
	struct asker asker = {
		.post.run = find_here, .told = GATE_INIT, .identity = identity, .password = password
	};

	worker_post(workers_at(workers, worker), &asker.post);
	assert_true(gate_wait(&asker.told, 1));
	assert_int_equal(asker.times, 1);
	assert_ptr_equal(asker.told_on, asker.asked_on);
	return asker;
}

static int finds(struct strv identity)
{
	struct asker one = ask(0, identity, NULL), other = ask(1, identity, NULL);

	assert_int_equal(one.found, other.found);
	assert_int_not_equal(one.found, AUTH_BUSY);
	return one.found == AUTH_FOUND;
}

static int finds_with(struct strv identity, const char *password)
{
	return ask(0, identity, password).is_right && ask(1, identity, password).is_right;
}

/* ---- changing ---- */

static struct users_change with_password(const char *password)
{
	return (struct users_change){ .password = strv_of(password) };
}

static int put(struct strv identity, enum users_how how, const struct users_change *change,
	       struct err *err)
{
	return users_put_sync(users, identity, how, change, NULL, err);
}

static void add(struct strv identity, const char *password, const struct strv *aliases, unsigned n)
{
	struct users_change change = with_password(password);
	struct err err = { 0 };
	struct users_result result = { 0 };

	change.has_aliases = 1;
	change.aliases = aliases;
	change.n_aliases = n;
	if (users_put_sync(users, identity, USERS_CREATE, &change, &result, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(result.created, 1);
}

static struct auth_user *get(struct strv identity)
{
	struct auth_user *user = arena_alloc(arena, sizeof(*user));
	struct err err;

	if (users_get_sync(users, identity, arena, user, &err) < 0)
		fail_msg("%s", err.text);
	return user;
}

/* What a crash may leave. */
static void put_record(struct strv owner, struct strv name, struct strv value)
{
	struct kv_batch *batch = kv_batch_new(owner);

	assert_non_null(batch);
	assert_int_equal(kv_batch_put(batch, name, value), 0);
	assert_int_equal(kv_commit_sync(kv, batch).status, KV_DONE);
}

static int has_record(struct strv owner, struct strv name)
{
	struct kv_item item = { .kind = KV_GET, .from = name };
	struct kv_read read = { .owner = owner, .items = &item, .n_items = 1, .arena = arena };

	assert_int_equal(kv_read_sync(kv, &read), KV_DONE);
	return (int)item.n_records;
}

static void assert_err(int ret, const struct err *err, enum err_code code, const char *text)
{
	assert_int_equal(ret, -1);
	if (err->code != code || !strstr(err->text, text))
		fail_msg("%s: %s; expected \"%s\"", err_code_name(err->code), err->text, text);
}

static uint64_t reads_of_the_store(void)
{
	struct kv_stats stats;

	kv_stats(kv, &stats);
	return stats.reads;
}

/* ---- searches ---- */

static void finds_by_every_identity(void **state)
{
	const struct strv aliases[] = { TEL, STRV("sip:al@example.net") };
	struct asker asker;

	(void)state;
	assert_false(finds(ALICE));
	assert_false(finds(TEL));
	add(STRV("alice"), "correct horse", aliases, 2);
	asker = ask(0, ALICE, "correct horse");
	assert_int_equal(asker.found, AUTH_FOUND);
	assert_string_equal(asker.home, "sip:alice@example.com");
	assert_int_equal(asker.n_identities, 3);
	assert_true(asker.is_right);
	asker = ask(1, TEL, "correct horse");
	assert_string_equal(asker.home, "sip:alice@example.com");
	assert_true(asker.is_right);
	assert_true(finds(STRV("sip:al@example.net")));
	assert_false(finds(BOB));
	assert_false(finds(STRV("")));
	assert_false(finds(strv_mem(memset(arena_alloc(arena, 300), 'x', 300), 300)));
}

static void finds_again_without_the_store(void **state)
{
	const struct strv aliases[] = { TEL };
	const struct strv all[] = { ALICE, TEL, BOB };
	uint64_t reads;

	(void)state;
	add(ALICE, "correct horse", aliases, 1);
	for (unsigned i = 0; i < 3; i++)
		ask(0, all[i], NULL);
	reads = reads_of_the_store();
	for (unsigned i = 0; i < 6; i++)
		assert_true(ask(i % 2, all[i / 2], NULL).at_once);
	assert_int_equal(reads_of_the_store(), reads);
	/* A document of the user's is no reason to read the user again. */
	put_record(ALICE, STRV("doc"), STRV("x"));
	assert_true(ask(0, TEL, NULL).at_once);
	assert_int_equal(reads_of_the_store(), reads);
}

static void guesses_do_not_push_out_users(void **state)
{
	char name[64];
	uint64_t reads;

	(void)state;
	add(ALICE, "correct horse", NULL, 0);
	assert_true(finds(ALICE));
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "sip:guess%u@example.com", i);
		assert_int_equal(ask(0, strv_of(name), NULL).found, AUTH_ABSENT);
	}
	reads = reads_of_the_store();
	assert_true(finds(ALICE));
	assert_int_equal(reads_of_the_store(), reads);
	/* Those that came last are remembered, those that came first are not. */
	assert_true(ask(0, strv_of(name), NULL).at_once);
	assert_int_equal(reads_of_the_store(), reads);
	assert_false(finds(STRV("sip:guess0@example.com")));
	assert_true(reads_of_the_store() > reads);
}

static void changes_hold_for_the_next_search(void **state)
{
	char password[32];

	(void)state;
	add(ALICE, "correct horse 0", NULL, 0);
	for (unsigned i = 1; i < 100; i++) {
		struct users_change change;

		snprintf(password, sizeof(password), "correct horse %u", i);
		change = with_password(password);
		assert_int_equal(put(ALICE, USERS_UPDATE, &change, NULL), 0);
		assert_true(finds_with(ALICE, password));
	}
	assert_false(finds_with(ALICE, "correct horse 98"));
	assert_int_equal(users_del_sync(users, ALICE, NULL), 0);
	assert_false(finds(ALICE));
	add(ALICE, "battery staple", NULL, 0);
	assert_true(finds_with(ALICE, "battery staple"));
	assert_int_equal(kv_erase_sync(kv, ALICE).status, KV_DONE);
	assert_false(finds(ALICE));
}

static void damage_is_not_absence(void **state)
{
	struct auth_user user;
	struct users_page page;
	struct err err;

	(void)state;
	put_record(ALICE, STRV("user"), STRV("\x07junk"));
	assert_int_equal(ask(0, ALICE, NULL).found, AUTH_BUSY);
	assert_err(users_get_sync(users, ALICE, arena, &user, &err), &err, ERR_CORRUPT, "version");
	assert_err(users_list_sync(users, STRV(""), 10, arena, &page, &err), &err, ERR_CORRUPT,
		   "sip:alice@example.com: ");
	/* It is not remembered: once repaired, the user is found. */
	assert_int_equal(kv_erase_sync(kv, ALICE).status, KV_DONE);
	add(ALICE, "correct horse", NULL, 0);
	assert_true(finds(ALICE));
}

static struct gate holding = GATE_INIT, hold = GATE_INIT;

static void hold_thread(struct job *job)
{
	(void)job;
	gate_raise(&holding);
	gate_wait(&hold, 1);
}

static void ignore(struct job *job)
{
	(void)job;
}

static void a_busy_store_is_not_absence(void **state)
{
	struct job busy = { .run = hold_thread, .done = ignore };
	static struct job waiting[1000];
	struct asker asker;

	(void)state;
	holding.count = hold.count = 0;
	add(ALICE, "correct horse", NULL, 0);
	assert_true(finds(ALICE));
	assert_int_equal(jobs_submit(jobs, &busy), 0);
	assert_true(gate_wait(&holding, 1));
	for (unsigned i = 0; i < 1000; i++) {
		waiting[i] = (struct job){ .run = ignore, .done = ignore };
		assert_int_equal(jobs_submit(jobs, &waiting[i]), 0);
	}
	asker = ask(0, BOB, NULL);
	assert_int_equal(asker.found, AUTH_BUSY);
	assert_true(finds(ALICE)); /* from memory */
	gate_raise(&hold);
	while (jobs_queued(jobs))
		usleep(1000);
	assert_false(finds(BOB));
}

/* ---- changes ---- */

static void changes_touch_what_they_name(void **state)
{
	const struct strv aliases[] = { TEL };
	struct users_change change = { .has_disabled = 1, .disabled = 1 };
	struct auth_user *user;

	(void)state;
	add(ALICE, "correct horse", aliases, 1);
	user = get(STRV("alice"));
	assert_int_equal(user->roles, AUTH_ROLE_USER);
	assert_int_equal(user->disabled, 0);
	assert_true(user->created_s > 0 && user->changed_s == user->created_s);
	assert_int_equal(put(TEL, USERS_UPDATE, &change, NULL), 0);
	assert_true(ask(0, ALICE, NULL).disabled);
	change = (struct users_change){ .has_roles = 1,
					.roles = AUTH_ROLE_USER | AUTH_ROLE_OPERATOR };
	assert_int_equal(put(ALICE, USERS_EITHER, &change, NULL), 0);
	user = get(TEL);
	assert_int_equal(user->roles, AUTH_ROLES);
	assert_int_equal(user->disabled, 1);
	assert_int_equal(user->n_identities, 2);
	assert_true(is_password(user, "correct horse"));
	assert_true(finds_with(TEL, "correct horse"));
}

static void names_go_with_their_aliases(void **state)
{
	const struct strv both[] = { TEL, STRV("sip:al@example.com") };
	struct users_change change = { .has_aliases = 1, .aliases = &both[1], .n_aliases = 1 };
	struct auth_user *user;

	(void)state;
	add(ALICE, "correct horse", both, 2);
	assert_non_null(auth_user_cred_find(get(ALICE), AUTH_SHA256, STRV("+4930123"),
					    STRV("example.com")));
	assert_int_equal(put(ALICE, USERS_UPDATE, &change, NULL), 0);
	assert_false(finds(TEL));
	assert_true(finds(both[1]));
	user = get(ALICE);
	assert_null(auth_user_cred_find(user, AUTH_SHA256, STRV("+4930123"), STRV("example.com")));
	assert_non_null(auth_user_cred_find(user, AUTH_SHA256, STRV("al"), STRV("example.com")));
	assert_non_null(auth_user_cred_find(user, AUTH_MD5, STRV("alice"), STRV("example.com")));
	/* The number is free for others. */
	add(BOB, "battery staple", &both[0], 1);
	assert_string_equal(ask(0, TEL, NULL).home, "sip:bob@example.com");
	/* Added without a password, it is a name to be found by, not one to log in by. */
	change.aliases = NULL;
	change.n_aliases = 0;
	assert_int_equal(put(BOB, USERS_UPDATE, &change, NULL), 0);
	change.aliases = both;
	change.n_aliases = 2;
	assert_int_equal(put(ALICE, USERS_UPDATE, &change, NULL), 0);
	assert_true(finds_with(TEL, "correct horse"));
	assert_null(auth_user_cred_find(get(ALICE), AUTH_SHA256, STRV("+4930123"),
					STRV("example.com")));
}

static void a_user_may_have_no_password(void **state)
{
	const struct users_change nothing = { 0 };
	struct users_result result = { 0 };

	(void)state;
	assert_int_equal(users_put_sync(users, ALICE, USERS_EITHER, &nothing, &result, NULL), 0);
	assert_int_equal(result.created, 1);
	assert_string_equal(result.home, "sip:alice@example.com");
	assert_true(finds(ALICE));
	assert_int_equal(ask(0, ALICE, NULL).n_creds, 0);
	assert_int_equal(users_put_sync(users, ALICE, USERS_EITHER, &nothing, &result, NULL), 0);
	assert_int_equal(result.created, 0);
}

static void nobody_gets_what_is_taken(void **state)
{
	const struct strv tel[] = { TEL };
	const struct strv alice[] = { STRV("sip:new@example.net"), ALICE };
	struct users_change change = with_password("battery staple");
	struct auth_user user;
	struct err err;

	(void)state;
	add(ALICE, "correct horse", tel, 1);
	assert_err(put(STRV("alice"), USERS_CREATE, &change, &err), &err, ERR_EXISTS,
		   "there is a user sip:alice@example.com already");
	assert_err(put(TEL, USERS_CREATE, &change, &err), &err, ERR_EXISTS,
		   "tel:+4930123 is an alias of sip:alice@example.com already");
	change.has_aliases = 1;
	change.aliases = tel;
	change.n_aliases = 1;
	assert_err(put(BOB, USERS_CREATE, &change, &err), &err, ERR_EXISTS,
		   "tel:+4930123 is an alias of sip:alice@example.com already");
	change.aliases = alice;
	change.n_aliases = 2;
	assert_err(put(BOB, USERS_CREATE, &change, &err), &err, ERR_EXISTS,
		   "there is a user sip:alice@example.com already");
	/* A refusal leaves nothing behind. */
	assert_false(finds(BOB));
	assert_false(has_record(alice[0], STRV("alias")));
	assert_err(put(BOB, USERS_UPDATE, &change, &err), &err, ERR_ABSENT,
		   "there is no user sip:bob@example.com");
	assert_err(users_del_sync(users, STRV("bob"), &err), &err, ERR_ABSENT,
		   "there is no user sip:bob@example.com");
	assert_err(users_get_sync(users, BOB, arena, &user, &err), &err, ERR_ABSENT,
		   "there is no user sip:bob@example.com");
}

static const struct {
	const char *why, *identity, *password, *alias;
	unsigned roles, n_aliases;
	enum err_code code;
	const char *text;
} refused[] = {
	{ "no identity", "", "correct horse", "al", 1, 0, ERR_SYNTAX, "" },
	{ "another scheme", "http:alice", "correct horse", "al", 1, 0, ERR_SYNTAX, "" },
	{ "an alias that is none", "alice", "correct horse", "mailto:x", 1, 1, ERR_SYNTAX, "" },
	{ "a short password", "alice", "short", "al", 1, 0, ERR_RANGE, "at least 8 characters" },
	{ "an empty password", "alice", "", "al", 1, 0, ERR_RANGE, "at least 8 characters" },
	{ "one with the name in it", "alice", "xx-Alice-77", "al", 1, 0, ERR_RANGE, "user's name" },
	{ "one with an alias in it", "alice", "it is sandy!", "sandy", 1, 1, ERR_RANGE,
	  "user's name" },
	{ "no role", "alice", "correct horse", "al", 0, 0, ERR_RANGE, "at least one role" },
	{ "an unknown role", "alice", "correct horse", "al", 8, 0, ERR_RANGE, "at least one role" },
};

static void refusals_change_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct users_change change = with_password(refused[i].password);
		struct strv alias = strv_of(refused[i].alias);
		struct err err = { 0 };

		change.has_roles = change.has_aliases = 1;
		change.roles = refused[i].roles;
		change.aliases = &alias;
		change.n_aliases = refused[i].n_aliases;
		if (put(strv_of(refused[i].identity), USERS_CREATE, &change, &err) != -1 ||
		    err.code != refused[i].code || !strstr(err.text, refused[i].text))
			fail_msg("%s: %s", refused[i].why, err.text);
	}
	assert_int_equal(kv_seq(kv), 0);
	assert_false(finds(ALICE));
}

static void aliases_have_a_limit(void **state)
{
	struct strv aliases[AUTH_IDENTITIES_MAX + 2];
	struct users_change change = { .has_aliases = 1, .aliases = aliases };
	struct err err;

	(void)state;
	/* The home and a repetition do not count. */
	aliases[0] = STRV("sip:alice@EXAMPLE.com");
	aliases[1] = STRV("tel:+49-30-123-01");
	for (unsigned i = 1; i < AUTH_IDENTITIES_MAX; i++)
		aliases[i + 1] = strv_of(arena_printf(arena, "tel:+4930123%02u", i));
	change.n_aliases = AUTH_IDENTITIES_MAX + 1;
	assert_int_equal(put(ALICE, USERS_CREATE, &change, &err), 0);
	assert_int_equal(get(ALICE)->n_identities, AUTH_IDENTITIES_MAX);
	aliases[AUTH_IDENTITIES_MAX + 1] = BOB;
	change.n_aliases++;
	assert_err(put(ALICE, USERS_UPDATE, &change, &err), &err, ERR_RANGE,
		   "at most 8 identities");
}

/* ---- what a crash leaves ---- */

static void a_stray_alias_leads_nowhere(void **state)
{
	const struct strv tel[] = { TEL };

	(void)state;
	/* An addition of alice's was cut off behind its first claim. */
	put_record(TEL, STRV("alias"), ALICE);
	assert_false(finds(TEL));
	assert_false(finds(ALICE));
	/* Repeated, it is finished. */
	add(ALICE, "correct horse", tel, 1);
	assert_true(finds(TEL));
}

static void a_stray_alias_may_be_taken(void **state)
{
	const struct strv tel[] = { TEL };
	struct users_change change = { .has_aliases = 1, .aliases = tel, .n_aliases = 1 };
	struct err err;

	(void)state;
	put_record(TEL, STRV("alias"), ALICE);
	put_record(BOB, STRV("alias"), ALICE);
	add(BOB, "battery staple", tel, 1);
	assert_string_equal(ask(0, TEL, NULL).home, "sip:bob@example.com");
	assert_false(has_record(BOB, STRV("alias")));
	assert_err(put(ALICE, USERS_CREATE, &change, &err), &err, ERR_EXISTS,
		   "alias of sip:bob@example.com");
}

static void a_deletion_cut_off_is_one(void **state)
{
	const struct strv tel[] = { TEL };
	struct kv_batch *batch = kv_batch_new(ALICE);
	struct users_change change = { .has_aliases = 1, .aliases = tel, .n_aliases = 1 };

	(void)state;
	add(ALICE, "correct horse", tel, 1);
	assert_true(finds(TEL));
	assert_int_equal(kv_batch_del(batch, STRV("user")), 0);
	assert_int_equal(kv_commit_sync(kv, batch).status, KV_DONE);
	assert_true(has_record(TEL, STRV("alias")));
	assert_false(finds(ALICE));
	assert_false(finds(TEL));
	assert_int_equal(put(BOB, USERS_CREATE, &change, NULL), 0);
	assert_string_equal(ask(0, TEL, NULL).home, "sip:bob@example.com");
}

static void a_deletion_takes_the_user_only(void **state)
{
	const struct strv tel[] = { TEL };

	(void)state;
	add(ALICE, "correct horse", tel, 1);
	put_record(ALICE, STRV("doc"), STRV("x"));
	assert_int_equal(users_del_sync(users, TEL, NULL), 0);
	assert_false(finds(ALICE));
	assert_false(finds(TEL));
	assert_false(has_record(ALICE, STRV("user")));
	assert_false(has_record(TEL, STRV("alias")));
	assert_true(has_record(ALICE, STRV("doc")));
}

static void a_full_disk_changes_nothing(void **state)
{
	const struct strv tel[] = { TEL };
	struct users_change change = with_password("battery staple");
	struct err err;

	(void)state;
	add(ALICE, "correct horse", tel, 1);
	is_full = 1;
	assert_err(put(ALICE, USERS_UPDATE, &change, &err), &err, ERR_SPACE, "no-space");
	assert_true(finds_with(ALICE, "correct horse"));
	assert_err(put(BOB, USERS_CREATE, &change, &err), &err, ERR_SPACE, "no-space");
	assert_false(finds(BOB));
	/* Deletions pass. */
	assert_int_equal(users_del_sync(users, ALICE, NULL), 0);
	assert_false(finds(TEL));
}

/* ---- the list ---- */

static void lists_users_only(void **state)
{
	const struct strv aliases[] = { STRV("sip:a@example.com"), STRV("sip:bz@example.com") };
	struct strv after = { NULL, 0 };
	struct users_page page;
	char all[256] = "";
	unsigned pages = 0;

	(void)state;
	add(ALICE, "correct horse", aliases, 2);
	add(BOB, "battery staple", NULL, 0);
	add(STRV("carol"), "Tr0ub4dor&3", NULL, 0);
	put_record(STRV("sip:documents@example.com"), STRV("doc"), STRV("x"));
	do {
		assert_int_equal(users_list_sync(users, after, 2, arena, &page, NULL), 0);
		for (unsigned i = 0; i < page.n; i++)
			snprintf(all + strlen(all), sizeof(all) - strlen(all), "%.*s ",
				 STRV_ARG(page.user[i]->identity[0]));
		after = page.next;
		pages++;
	} while (after.n);
	assert_string_equal(all,
			    "sip:alice@example.com sip:bob@example.com sip:carol@example.com ");
	assert_int_equal(pages, 2);
}

static void lists_many(void **state)
{
	struct strv after = { NULL, 0 };
	struct users_page page;
	const struct users_change nothing = { 0 };
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 600; i++)
		assert_int_equal(put(strv_of(arena_printf(arena, "u%04u", i)), USERS_CREATE,
				     &nothing, NULL),
				 0);
	do {
		assert_int_equal(users_list_sync(users, after, 256, arena, &page, NULL), 0);
		for (unsigned i = 0; i < page.n; i++, n++)
			assert_true(
				strv_eq(page.user[i]->identity[0],
					strv_of(arena_printf(arena, "sip:u%04u@example.com", n))));
		after = page.next;
	} while (after.n);
	assert_int_equal(n, 600);
}

/* ---- races ---- */

static void *take_the_number(void *arg)
{
	const struct strv tel[] = { TEL };
	struct users_change change = { .has_aliases = 1, .aliases = tel, .n_aliases = 1 };
	struct err err = { 0 };
	int ret = put(*(const struct strv *)arg, USERS_CREATE, &change, &err);

	return ret == 0 || err.code == ERR_EXISTS ? (void *)(intptr_t)(ret == 0) : (void *)2;
}

static void one_of_two_gets_an_alias(void **state)
{
	struct strv who[2] = { ALICE, BOB };

	(void)state;
	for (unsigned race = 0; race < RACES; race++) {
		pthread_t thread[2];
		void *won[2];
		struct asker asker;

		for (unsigned i = 0; i < 2; i++)
			assert_int_equal(pthread_create(&thread[i], NULL, take_the_number, &who[i]),
					 0);
		for (unsigned i = 0; i < 2; i++)
			pthread_join(thread[i], &won[i]);
		assert_int_equal((intptr_t)won[0] + (intptr_t)won[1], 1);
		asker = ask(race % 2, TEL, NULL);
		assert_string_equal(asker.home, won[0] ? ALICE.p : BOB.p);
		assert_int_equal(users_del_sync(users, TEL, NULL), 0);
		assert_false(finds(ALICE) || finds(BOB));
	}
}

static _Atomic int stop_asking;

/* Searches that are under way during changes. */
static void *ask_all_the_time(void *arg)
{
	unsigned worker = *(unsigned *)arg;

	while (!stop_asking) {
		struct asker asker = ask(worker, TEL, NULL);

		if (asker.found == AUTH_BUSY || (asker.found == AUTH_FOUND && !asker.home[0]))
			return (void *)1;
	}
	return NULL;
}

static void searches_and_changes_at_once(void **state)
{
	const struct strv tel[] = { TEL };
	unsigned worker[2] = { 0, 1 };
	pthread_t thread[2];

	(void)state;
	stop_asking = 0;
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, ask_all_the_time, &worker[i]), 0);
	for (unsigned i = 0; i < RACES; i++) {
		add(i % 2 ? ALICE : BOB, "correct horse", tel, 1);
		assert_true(finds_with(TEL, "correct horse"));
		assert_int_equal(users_del_sync(users, TEL, NULL), 0);
		assert_false(finds(TEL));
	}
	stop_asking = 1;
	for (unsigned i = 0; i < 2; i++) {
		void *failed;

		pthread_join(thread[i], &failed);
		assert_null(failed);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(finds_by_every_identity),
		TEST(finds_again_without_the_store),
		TEST(guesses_do_not_push_out_users),
		TEST(changes_hold_for_the_next_search),
		TEST(damage_is_not_absence),
		TEST(a_busy_store_is_not_absence),
		TEST(changes_touch_what_they_name),
		TEST(names_go_with_their_aliases),
		TEST(a_user_may_have_no_password),
		TEST(nobody_gets_what_is_taken),
		TEST(refusals_change_nothing),
		TEST(aliases_have_a_limit),
		TEST(a_stray_alias_leads_nowhere),
		TEST(a_stray_alias_may_be_taken),
		TEST(a_deletion_cut_off_is_one),
		TEST(a_deletion_takes_the_user_only),
		TEST(a_full_disk_changes_nothing),
		TEST(lists_users_only),
		TEST(lists_many),
		TEST(one_of_two_gets_an_alias),
		TEST(searches_and_changes_at_once),
	};

	log_output(open("/dev/null", O_WRONLY), LOG_TEXT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
