/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/core/test_loc.c - the table of locations: changes, restarts, time, races
 *
 * The store is on disk, since only that engine reads in the background. Finds are made on workers;
 * the clock is the test's.
 */
#include "sip/core/loc_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "kv/kv_hook.h"
#include "tests/gate.h"
#include "tests/kv/kvtest.h"

#define ALICE STRV("sip:alice@example.com")
#define BOB   STRV("sip:bob@example.com")

enum { MANY = 2000, RACES = 200, WORKERS = 2 };

static struct workers *workers;
static struct jobs *jobs;
static struct kvtest store;
static struct loc *loc;
static _Atomic int64_t clock_us;
static _Atomic unsigned long changes;

static int64_t now_us(void)
{
	return clock_us;
}

/* Nobody cuts the power here. */
static int no_sync(int fd)
{
	(void)fd;
	return 0;
}

static void on_changed(void *arg, const struct loc_user *old_user, const struct loc_user *new_user)
{
	(void)arg;
	assert_true(old_user || new_user);
	changes++;
}

static void begin(void)
{
	struct loc_options options = { .write_ms = 10, .expires_max_s = 7200, .now_us = now_us };

	assert_int_equal(workers_new(WORKERS, &workers, NULL), 0);
	assert_int_equal(jobs_new(1, 1000, &jobs, NULL), 0);
	kvtest_open(&store, jobs);
	options.workers = workers;
	assert_int_equal(loc_new(&options, &loc, NULL), 0);
	loc_watch(loc, on_changed, NULL);
	assert_int_equal(loc_start(loc, store.kv, jobs, NULL), 0);
	assert_int_equal(workers_start(workers, NULL), 0);
}

static void end(void)
{
	loc_flush_sync(loc);
	kvtest_close(&store);
	jobs_free(&jobs);
	workers_stop(workers);
	workers_free(&workers);
	loc_free(&loc);
	assert_null(loc);
	loc_free(&loc);
}

static int setup(void **state)
{
	(void)state;
	clock_us = INT64_C(1000000) * 1000000;
	changes = 0;
	kv_hook_sync = no_sync;
	kvtest_begin(&store, "bdb");
	begin();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	end();
	kvtest_end(&store);
	kv_hook_sync = NULL;
	return 0;
}

/* One binding that ends in SECONDS. */
static struct loc_user *value(struct strv aor, const char *uri, int seconds)
{
	struct loc_binding b = { .uri = strv_of(uri),
				 .expires_us = clock_us + seconds * INT64_C(1000000),
				 .q = 1000 };
	struct loc_user draft = { 1, aor, &aor, &b, 1, 1 };
	struct loc_user *user = loc_user_new(&draft);

	assert_non_null(user);
	return user;
}

/* ---- finds on a worker ---- */

struct ask {
	struct post post;
	struct gate told;
	struct strv aor;
	enum loc_found found;
	const struct loc_user *user;
};

static void on_found(void *arg, enum loc_found found, const struct loc_user *user)
{
	struct ask *ask = arg;

	ask->found = found;
	ask->user = user;
	gate_raise(&ask->told);
}

static void ask_on_worker(struct post *post)
{
	struct ask *ask = (struct ask *)(void *)post;

	loc_find(loc, ask->aor, on_found, ask);
}

/* The caller drops it; NULL: nobody. */
static const struct loc_user *find(struct strv aor)
{
	struct ask ask = { .post = { NULL, ask_on_worker }, .told = GATE_INIT, .aor = aor };

	worker_post(workers_at(workers, aor.n % WORKERS), &ask.post);
	assert_true(gate_wait(&ask.told, 1));
	assert_int_not_equal(ask.found, LOC_BUSY);
	assert_true((ask.found == LOC_FOUND) == (ask.user != NULL));
	return ask.user;
}

static int has(struct strv aor, const char *uri)
{
	const struct loc_user *user = find(aor);
	int yes = user && strv_eq(user->bindings[0].uri, strv_of(uri));

	loc_user_drop(&user);
	return yes;
}

static int is_absent(struct strv aor)
{
	const struct loc_user *user = find(aor);
	int yes = user == NULL;

	loc_user_drop(&user);
	return yes;
}

/* ---- tests ---- */

static void the_last_change_is_found(void **state)
{
	const struct loc_user *seen;

	(void)state;
	assert_true(is_absent(ALICE));
	assert_int_equal(loc_put(loc, ALICE, NULL, value(ALICE, "sip:1", 60)), LOC_PUT_DONE);
	assert_true(has(ALICE, "sip:1"));
	assert_true(is_absent(BOB));
	seen = find(ALICE);
	assert_int_equal(loc_put(loc, ALICE, seen, value(ALICE, "sip:2", 60)), LOC_PUT_DONE);
	assert_true(has(ALICE, "sip:2"));
	/* Who looked before decides again. */
	assert_int_equal(loc_put(loc, ALICE, seen, value(ALICE, "sip:3", 60)), LOC_PUT_CONFLICT);
	assert_int_equal(loc_put(loc, ALICE, NULL, value(ALICE, "sip:3", 60)), LOC_PUT_CONFLICT);
	assert_true(has(ALICE, "sip:2"));
	assert_true(strv_eq(seen->bindings[0].uri, STRV("sip:1")));
	loc_user_drop(&seen);
	seen = find(ALICE);
	assert_int_equal(loc_put(loc, ALICE, seen, NULL), LOC_PUT_DONE);
	loc_user_drop(&seen);
	assert_true(is_absent(ALICE));
	assert_int_equal(changes, 3);
}

static void a_restart_keeps_who_is_registered(void **state)
{
	const struct loc_user *seen;
	char aor[64];

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(aor, sizeof(aor), "sip:u%u@example.com", i);
		assert_int_equal(loc_put(loc, strv_of(aor), NULL,
					 value(strv_of(aor), aor, i % 2 ? 60 : 6000)),
				 LOC_PUT_DONE);
	}
	assert_int_equal(loc_put(loc, ALICE, NULL, value(ALICE, "sip:1", 6000)), LOC_PUT_DONE);
	end();
	clock_us += INT64_C(100) * 1000000;
	begin();
	/* Some before the table is read back, some after. */
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(aor, sizeof(aor), "sip:u%u@example.com", i);
		assert_int_equal(has(strv_of(aor), aor), i % 2 == 0);
	}
	seen = find(ALICE);
	assert_non_null(seen);
	assert_int_equal(loc_put(loc, ALICE, seen, NULL), LOC_PUT_DONE);
	loc_user_drop(&seen);
	end();
	begin();
	assert_true(is_absent(ALICE));
}

/* A change to what the reader has not come to yet is not undone by it. */
static void what_is_read_late_does_not_come_back(void **state)
{
	char aor[64];

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(aor, sizeof(aor), "sip:u%u@example.com", i);
		loc_put(loc, strv_of(aor), NULL, value(strv_of(aor), "sip:old", 6000));
	}
	end();
	begin();
	for (unsigned i = MANY; i-- > 0;) {
		const struct loc_user *seen;

		snprintf(aor, sizeof(aor), "sip:u%u@example.com", i);
		seen = find(strv_of(aor));
		assert_non_null(seen);
		assert_int_equal(loc_put(loc, strv_of(aor), seen,
					 i % 2 ? value(strv_of(aor), "sip:new", 6000) : NULL),
				 LOC_PUT_DONE);
		loc_user_drop(&seen);
	}
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(aor, sizeof(aor), "sip:u%u@example.com", i);
		assert_true(i % 2 ? has(strv_of(aor), "sip:new") : is_absent(strv_of(aor)));
	}
	end();
	begin();
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(aor, sizeof(aor), "sip:u%u@example.com", i);
		assert_true(i % 2 ? has(strv_of(aor), "sip:new") : is_absent(strv_of(aor)));
	}
}

static void what_has_ended_is_swept_away(void **state)
{
	struct loc_stats stats;

	(void)state;
	assert_int_equal(loc_put(loc, ALICE, NULL, value(ALICE, "sip:1", 60)), LOC_PUT_DONE);
	assert_int_equal(loc_put(loc, BOB, NULL, value(BOB, "sip:2", 600)), LOC_PUT_DONE);
	clock_us += INT64_C(61) * 1000000;
	for (unsigned i = 0; i < LOC_SHARDS; i++)
		loc_sweep(loc, i, 1);
	assert_true(is_absent(ALICE));
	assert_true(has(BOB, "sip:2"));
	loc_stats(loc, &stats);
	assert_int_equal(stats.users, 1);
	assert_int_equal(stats.bindings, 1);
	assert_int_equal(changes, 3);
	end();
	begin();
	assert_true(is_absent(ALICE));
	assert_true(has(BOB, "sip:2"));
}

static void an_erased_user_is_not_registered(void **state)
{
	(void)state;
	assert_int_equal(loc_put(loc, ALICE, NULL, value(ALICE, "sip:1", 60)), LOC_PUT_DONE);
	assert_int_equal(kv_erase_sync(store.kv, ALICE).status, KV_DONE);
	assert_true(is_absent(ALICE));
}

static void users_are_listed_by_shard(void **state)
{
	const struct loc_user **users;
	unsigned found = 0, n;

	(void)state;
	loc_put(loc, ALICE, NULL, value(ALICE, "sip:1", 60));
	loc_put(loc, BOB, NULL, value(BOB, "sip:2", 600));
	for (unsigned i = 0; i < LOC_SHARDS; i++) {
		assert_int_equal(loc_shard_users(loc, i, &users, &n), 0);
		found += n;
		while (n)
			loc_user_drop(&users[--n]);
		free(users);
	}
	assert_int_equal(found, 2);
}

/* ---- races ---- */

struct racer {
	struct post post;
	struct gate *done;
	unsigned left, won;
};

static void race(struct post *post);

static void on_race_found(void *arg, enum loc_found found, const struct loc_user *user)
{
	struct racer *racer = arg;
	struct loc_binding b = { .uri = STRV("sip:1"),
				 .expires_us = clock_us + 60 * INT64_C(1000000),
				 .q = 1000 };
	struct loc_user draft = { user ? user->version + 1 : 1, ALICE, NULL, &b, 0, 1 };

	assert_int_not_equal(found, LOC_BUSY);
	if (loc_put(loc, ALICE, user, loc_user_new(&draft)) == LOC_PUT_DONE) {
		racer->won++;
		racer->left--;
	}
	loc_user_drop(&user);
	if (racer->left)
		worker_post(worker_self(), &racer->post);
	else
		gate_raise(racer->done);
}

static void race(struct post *post)
{
	loc_find(loc, ALICE, on_race_found, post);
}

/* Each change is made once, whoever else changes the same user. */
static void no_change_is_lost_in_a_race(void **state)
{
	struct gate done = GATE_INIT;
	struct racer racer[WORKERS];
	const struct loc_user *user;

	(void)state;
	for (unsigned i = 0; i < WORKERS; i++) {
		racer[i] = (struct racer){ { NULL, race }, &done, RACES, 0 };
		worker_post(workers_at(workers, i), &racer[i].post);
	}
	assert_true(gate_wait(&done, WORKERS));
	user = find(ALICE);
	assert_int_equal(user->version, RACES * WORKERS);
	loc_user_drop(&user);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_last_change_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(a_restart_keeps_who_is_registered, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_read_late_does_not_come_back, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_has_ended_is_swept_away, setup, teardown),
		cmocka_unit_test_setup_teardown(an_erased_user_is_not_registered, setup, teardown),
		cmocka_unit_test_setup_teardown(users_are_listed_by_shard, setup, teardown),
		cmocka_unit_test_setup_teardown(no_change_is_lost_in_a_race, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
