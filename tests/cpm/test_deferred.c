/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/cpm/test_deferred.c - queues on workers: devices come and go, processes end at every point
 *
 * Devices are played here: each takes, refuses or does not answer. A process that ends is played by
 * a second function over the same store, while the first one's last callbacks have run out: what
 * was not on disk then is lost. Time is the test's.
 */
#include "cpm/deferred/deferred_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "kv/kv_hook.h"
#include "policy/pol_perm.h"
#include "tests/gate.h"
#include "tests/kv/kvtest.h"

#define CAROL STRV("sip:carol@example.com")
#define PHONE STRV("urn:uuid:phone")
#define PAD   STRV("urn:uuid:pad")

enum { WORKERS = 2, LOG_MAX = 4096, ROUNDS = 12, SECOND = 1000000 };

/* What was pushed, told and reported, in order. */
struct seen {
	char what[64];
};

static struct rig {
	struct workers *workers;
	struct jobs *jobs;
	struct kvtest store;
	struct deferred *deferred;
	struct deferred_options options;
	pthread_mutex_t lock;
	struct gate moved; /* an entry in the log */
	struct seen log[LOG_MAX];
	unsigned n_log;
	enum deferred_taken answer;
	int mode;
	const char *there[4]; /* devices of whoever is asked for */
	int holds;	      /* pushes are not answered */
	deferred_pushed_fn *pushed[256];
	void *pushed_arg[256];
	unsigned n_held, most_held;
	long points, dies_at; /* calls to and fro; after so many everything is lost */
	int is_dead;
	unsigned waiting, fresh;
} rig;

static _Atomic int64_t clock_us;

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

static void note(const char *kind, struct strv a, struct strv b)
{
	pthread_mutex_lock(&rig.lock);
	if (rig.n_log < LOG_MAX)
		snprintf(rig.log[rig.n_log++].what, sizeof(rig.log[0].what), "%s %.*s %.*s", kind,
			 STRV_ARG(a), STRV_ARG(b));
	pthread_mutex_unlock(&rig.lock);
	gate_raise(&rig.moved);
}

/* 1 when the process is no more. */
static int point(void)
{
	int dead;

	pthread_mutex_lock(&rig.lock);
	if (rig.dies_at && ++rig.points >= rig.dies_at)
		rig.is_dead = 1;
	dead = rig.is_dead;
	pthread_mutex_unlock(&rig.lock);
	return dead;
}

static unsigned count(const char *what)
{
	unsigned n = 0;

	pthread_mutex_lock(&rig.lock);
	for (unsigned i = 0; i < rig.n_log; i++)
		n += strcmp(rig.log[i].what, what) == 0;
	pthread_mutex_unlock(&rig.lock);
	return n;
}

/* ---- what the function asks for ---- */

static void push(void *arg, struct strv user, struct strv device, struct cpm_message *message,
		 deferred_pushed_fn *pushed, void *pushed_arg)
{
	(void)arg;
	(void)user;
	if (point())
		return; /* never answered */
	note("push", device, cpm_message_of(message)->message_id);
	pthread_mutex_lock(&rig.lock);
	if (rig.holds) {
		rig.pushed[rig.n_held] = pushed;
		rig.pushed_arg[rig.n_held++] = pushed_arg;
		if (rig.n_held > rig.most_held)
			rig.most_held = rig.n_held;
		pthread_mutex_unlock(&rig.lock);
		return;
	}
	pthread_mutex_unlock(&rig.lock);
	if (!point())
		pushed(pushed_arg, rig.answer);
}

static void notice(void *arg, struct strv user, struct strv device, unsigned waiting)
{
	char text[16];

	(void)arg;
	(void)user;
	snprintf(text, sizeof(text), "%u", waiting);
	note("notice", device, strv_of(text));
}

static void expired(void *arg, struct cpm_message *message)
{
	(void)arg;
	note("expired", STRV("-"), cpm_message_of(message)->message_id);
}

static void devices(void *arg, struct strv user,
		    void (*found)(void *found_arg, const struct deferred_device *device),
		    void *found_arg)
{
	(void)arg;
	(void)user;
	for (unsigned i = 0; i < 4 && rig.there[i]; i++)
		found(found_arg, &(struct deferred_device){ strv_of(rig.there[i]), NULL });
	found(found_arg, &(struct deferred_device){ STRV(""), NULL });
}

static void mode(void *arg, struct strv user, deferred_mode_fn *got, void *got_arg)
{
	(void)arg;
	(void)user;
	got(got_arg, rig.mode);
}

static void changed(void *arg, struct strv user, unsigned waiting, unsigned fresh)
{
	(void)arg;
	(void)user;
	pthread_mutex_lock(&rig.lock);
	rig.waiting = waiting;
	rig.fresh = fresh;
	pthread_mutex_unlock(&rig.lock);
}

/* ---- life ---- */

static void barrier_post(struct post *post)
{
	struct barrier {
		struct post post;
		struct gate *gate;
	} *barrier = (void *)post;

	gate_raise(barrier->gate);
	free(barrier);
}

/* What is under way comes to rest: everything goes through the workers, the store or the pool. */
static void settle(void)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct gate gate = GATE_INIT;
		struct kv_batch *batch = kv_batch_new(STRV("nobody"));
		struct kv_item item = { .kind = KV_GET, .from = STRV("x") };
		struct arena *arena = arena_new(0);
		struct kv_read read = {
			.owner = STRV("nobody"), .items = &item, .n_items = 1, .arena = arena
		};

		kv_batch_put(batch, STRV("x"), STRV("y"));
		kv_commit_sync(rig.store.kv, batch);
		kv_read_sync(rig.store.kv, &read);
		arena_free(&arena);
		for (unsigned i = 0; i < WORKERS; i++) {
			struct barrier {
				struct post post;
				struct gate *gate;
			} *barrier = calloc(1, sizeof(*barrier));

			barrier->post.run = barrier_post;
			barrier->gate = &gate;
			worker_post(workers_at(rig.workers, i), &barrier->post);
		}
		assert_true(gate_wait(&gate, WORKERS));
	}
}

static void begin(void)
{
	assert_int_equal(workers_new(WORKERS, &rig.workers, NULL), 0);
	rig.options.workers = rig.workers;
	assert_int_equal(jobs_new(1, 1000, &rig.jobs, NULL), 0);
	kvtest_open(&rig.store, rig.jobs);
	rig.options.kv = rig.store.kv;
	rig.options.jobs = rig.jobs;
	rig.is_dead = 0;
	assert_int_equal(deferred_new(&rig.options, &rig.deferred, NULL), 0);
	assert_int_equal(deferred_start(rig.deferred, NULL), 0);
	assert_int_equal(workers_start(rig.workers, NULL), 0);
	while (atomic_load(&rig.deferred->unread))
		settle();
	settle();
}

static void end(void)
{
	kvtest_close(&rig.store);
	jobs_free(&rig.jobs);
	workers_stop(rig.workers);
	workers_free(&rig.workers);
	deferred_free(&rig.deferred);
	rig.n_held = 0;
}

/* The process ends as it is told to. */
static void stop(void)
{
	deferred_stop_sync(rig.deferred);
	end();
}

/* The process ends at once: what waits for its timer is not written any more. */
static void kill_it(void)
{
	settle();
	end();
}

static int setup(void **state)
{
	(void)state;
	memset(&rig, 0, sizeof(rig));
	pthread_mutex_init(&rig.lock, NULL);
	rig.moved = (struct gate)GATE_INIT;
	rig.answer = DEFERRED_TAKEN;
	rig.mode = POL_DEFERRED_PUSH;
	clock_us = INT64_C(1000000) * SECOND;
	deferred_options_init(&rig.options);
	rig.options.push = push;
	rig.options.notice = notice;
	rig.options.expired = expired;
	rig.options.devices = devices;
	rig.options.mode = mode;
	rig.options.changed = changed;
	rig.options.now_us = now_us;
	rig.options.write_ms = 3600000; /* what is written is written because it has to be */
	rig.options.scan_ms = 3600000;
	kv_hook_sync = no_sync;
	kvtest_begin(&rig.store, "bdb");
	begin();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stop();
	kvtest_end(&rig.store);
	kv_hook_sync = NULL;
	return 0;
}

/* ---- what is asked of it ---- */

struct answer {
	struct gate gate;
	int result;
};

static void on_stored(void *arg, enum deferred_stored stored)
{
	struct answer *answer = arg;

	answer->result = (int)stored;
	gate_raise(&answer->gate);
}

static struct cpm_message *make(const char *id, const char *from, int64_t expires_s, size_t size)
{
	static char body[10000];
	struct cpm_message_draft draft = { .service = CPM_PAGER,
					   .sender = { strv_of(from) },
					   .n_sender = 1,
					   .recipient = CAROL,
					   .from = STRV("<sip:alice@example.com>;tag=1"),
					   .to = STRV("<sip:carol@example.com>"),
					   .call_id = STRV("c1"),
					   .cseq = 1,
					   .message_id = strv_of(id),
					   .body = strv_mem(body, size),
					   .expires_s = expires_s };

	return cpm_message_new(&draft);
}

static int store_for(struct strv user, const char *id, const char *from, int64_t expires_s,
		     size_t size)
{
	struct answer answer = { GATE_INIT, -1 };
	struct cpm_message *message = make(id, from, expires_s, size);

	deferred_store(rig.deferred, user, message, NULL, 0, on_stored, &answer);
	cpm_message_drop(&message);
	assert_true(gate_wait(&answer.gate, 1));
	return answer.result;
}

static int store(const char *id)
{
	return store_for(CAROL, id, "sip:alice@example.com", -1, 10);
}

static void come(struct strv device)
{
	deferred_available(rig.deferred, CAROL, device);
	settle();
}

static void on_revoked(void *arg, enum deferred_revoked revoked)
{
	on_stored(arg, (enum deferred_stored)(int)revoked);
}

static int revoke(const char *sender, const char *id)
{
	struct answer answer = { GATE_INIT, -1 };

	deferred_revoke(rig.deferred, CAROL, strv_of(sender), strv_of(id), on_revoked, &answer);
	assert_true(gate_wait(&answer.gate, 1));
	return answer.result;
}

static int count_entry(void *arg, const struct deferred_entry *entry)
{
	unsigned *n = arg;

	assert_int_equal(entry->name.n, DQ_NAME_BYTES);
	++*n;
	return 0;
}

static unsigned listed(struct strv user)
{
	unsigned n = 0;

	assert_int_equal(deferred_list_sync(rig.deferred, user, STRV(""), 100000, count_entry, &n,
					    NULL),
			 0);
	return n;
}

static void run_scan(struct post *post)
{
	struct scan_post {
		struct post post;
		struct dfr_worker *dw;
	} *scan = (void *)post;

	dfr_scan_round(scan->dw);
	free(scan);
}

static void scan(void)
{
	for (unsigned i = 0; i < WORKERS; i++) {
		struct scan_post {
			struct post post;
			struct dfr_worker *dw;
		} *scan = calloc(1, sizeof(*scan));

		scan->post.run = run_scan;
		scan->dw = &rig.deferred->worker[i];
		worker_post(workers_at(rig.workers, i), &scan->post);
	}
	settle();
}

/* ---- tests ---- */

static void each_device_has_each_message_once_in_order(void **state)
{
	unsigned waiting, fresh;

	(void)state;
	come(PHONE);
	come(PAD);
	assert_int_equal(store("m1"), DEFERRED_STORED);
	assert_int_equal(store("m2"), DEFERRED_STORED);
	assert_int_equal(store("m3"), DEFERRED_STORED);
	assert_int_equal(rig.waiting, 3);
	assert_int_equal(rig.fresh, 3);
	assert_int_equal(deferred_counts(rig.deferred, CAROL, &waiting, &fresh), 0);
	assert_true(waiting == 3 && fresh == 3);
	come(PHONE);
	assert_int_equal(rig.n_log, 3);
	assert_int_equal(rig.fresh, 0);
	assert_int_equal(rig.waiting, 3);
	come(PAD);
	come(PHONE);
	come(PAD);
	assert_int_equal(rig.n_log, 6);
	for (unsigned i = 0; i < 6; i++) {
		char want[64];

		snprintf(want, sizeof(want), "push urn:uuid:%s m%u", i < 3 ? "phone" : "pad",
			 i % 3 + 1);
		assert_string_equal(rig.log[i].what, want);
	}
	assert_false(deferred_waits(rig.deferred, CAROL));
	assert_int_equal(listed(CAROL), 0);
	assert_int_equal(rig.waiting, 0);
	assert_int_equal(deferred_counts(rig.deferred, CAROL, &waiting, &fresh), 0);
	assert_true(waiting == 0 && fresh == 0);
}

static void a_device_that_is_gone_waits_for_its_next_sign_of_life(void **state)
{
	(void)state;
	come(PHONE);
	store("m1");
	store("m2");
	rig.answer = DEFERRED_GONE;
	come(PHONE);
	assert_int_equal(rig.n_log, 1);
	assert_true(deferred_waits(rig.deferred, CAROL));
	rig.answer = DEFERRED_TAKEN;
	come(PHONE);
	assert_int_equal(rig.n_log, 3);
	assert_string_equal(rig.log[1].what, "push urn:uuid:phone m1");
	assert_false(deferred_waits(rig.deferred, CAROL));
}

static void a_device_that_cannot_now_is_asked_again(void **state)
{
	(void)state;
	stop();
	rig.options.later_ms = 1;
	begin();
	rig.there[0] = "urn:uuid:phone";
	store("m1");
	rig.answer = DEFERRED_LATER;
	come(PHONE);
	assert_true(gate_wait(&rig.moved, 2));
	rig.answer = DEFERRED_TAKEN;
	while (listed(CAROL))
		settle();
	assert_string_equal(rig.log[rig.n_log - 1].what, "push urn:uuid:phone m1");
}

static void what_every_device_refuses_is_reported(void **state)
{
	(void)state;
	come(PHONE);
	store("m1");
	rig.answer = DEFERRED_REFUSED;
	come(PHONE);
	assert_int_equal(count("expired - m1"), 1);
	assert_int_equal(listed(CAROL), 0);
}

static void the_same_message_is_stored_once(void **state)
{
	(void)state;
	assert_int_equal(store("m1"), DEFERRED_STORED);
	assert_int_equal(store("m1"), DEFERRED_STORED);
	assert_int_equal(listed(CAROL), 1);
	/* Another sender's message-id is another message. */
	assert_int_equal(store_for(CAROL, "m1", "sip:bob@example.com", -1, 10), DEFERRED_STORED);
	assert_int_equal(listed(CAROL), 2);
	come(PHONE);
	assert_int_equal(rig.n_log, 2);
	assert_false(deferred_waits(rig.deferred, CAROL));
}

/* Two at once, before either is on disk. */
static void twins_share_their_fate(void **state)
{
	struct answer answer[3] = { { GATE_INIT, -1 }, { GATE_INIT, -1 }, { GATE_INIT, -1 } };
	struct cpm_message *message = make("m1", "sip:alice@example.com", -1, 10);

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		deferred_store(rig.deferred, CAROL, message, NULL, 0, on_stored, &answer[i]);
	cpm_message_drop(&message);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(gate_wait(&answer[i].gate, 1));
		assert_int_equal(answer[i].result, DEFERRED_STORED);
	}
	assert_int_equal(listed(CAROL), 1);
	come(PHONE);
	assert_int_equal(rig.n_log, 1);
	assert_false(deferred_waits(rig.deferred, CAROL));
}

static void a_user_has_so_much_room(void **state)
{
	(void)state;
	stop();
	rig.options.max_messages = 3;
	rig.options.max_bytes = 10000;
	begin();
	assert_int_equal(store_for(CAROL, "big", "sip:a@b", -1, 10000), DEFERRED_FULL);
	assert_int_equal(store("m1"), DEFERRED_STORED);
	assert_int_equal(store("m2"), DEFERRED_STORED);
	assert_int_equal(store("m3"), DEFERRED_STORED);
	assert_int_equal(store("m4"), DEFERRED_FULL);
	assert_int_equal(store_for(STRV("sip:dave@example.com"), "m4", "sip:a@b", -1, 10),
			 DEFERRED_STORED);
	/* A restart knows as much. */
	stop();
	begin();
	assert_int_equal(store("m4"), DEFERRED_FULL);
	come(PHONE);
	assert_int_equal(store("m4"), DEFERRED_STORED);
}

static void what_must_not_be_stored_is_not(void **state)
{
	(void)state;
	assert_int_equal(store_for(CAROL, "m1", "sip:a@b", 0, 10), DEFERRED_UNWANTED);
	assert_false(deferred_waits(rig.deferred, CAROL));
	assert_int_equal(listed(CAROL), 0);
}

static void what_expires_undelivered_is_reported_once(void **state)
{
	(void)state;
	come(PHONE);
	come(PAD);
	store_for(CAROL, "m1", "sip:a@b", 60, 10);
	come(PHONE);
	store_for(CAROL, "m2", "sip:a@b", 60, 10);
	store_for(CAROL, "m3", "sip:a@b", 6000, 10);
	clock_us += INT64_C(61) * SECOND;
	scan();
	scan();
	assert_int_equal(count("expired - m1"), 0); /* the phone has it */
	assert_int_equal(count("expired - m2"), 1);
	assert_int_equal(count("expired - m3"), 0);
	come(PAD);
	assert_int_equal(count("push urn:uuid:pad m1"), 0);
	assert_int_equal(count("push urn:uuid:pad m3"), 1);
}

/* What waits when nobody has asked for the queue since the start expires, too. */
static void what_expired_meanwhile_is_found_after_a_start(void **state)
{
	(void)state;
	store_for(CAROL, "m1", "sip:a@b", 60, 10);
	stop();
	clock_us += INT64_C(61) * SECOND;
	begin();
	assert_int_equal(count("expired - m1"), 1);
	assert_false(deferred_waits(rig.deferred, CAROL));
}

static void no_message_waits_longer_than_the_longest(void **state)
{
	(void)state;
	stop();
	rig.options.max_s = 100;
	begin();
	store_for(CAROL, "m1", "sip:a@b", INT64_C(1000000000), 10);
	clock_us += INT64_C(101) * SECOND;
	scan();
	assert_int_equal(count("expired - m1"), 1);
}

static void what_was_shown_waits_for_no_other_device(void **state)
{
	(void)state;
	come(PHONE);
	come(PAD);
	store("m1");
	store("m2");
	come(PHONE);
	deferred_displayed(rig.deferred, CAROL, STRV("m1"));
	settle();
	come(PAD);
	assert_int_equal(count("push urn:uuid:pad m1"), 0);
	assert_int_equal(count("push urn:uuid:pad m2"), 1);
}

/* An answer that came after the message had been stored. */
static void what_a_device_had_late_is_not_pushed_to_it(void **state)
{
	struct answer answer = { GATE_INIT, -1 };
	struct cpm_message *message = make("m1", "sip:alice@example.com", -1, 10);

	(void)state;
	come(PHONE);
	come(PAD);
	deferred_store(rig.deferred, CAROL, message, NULL, 0, on_stored, &answer);
	deferred_had(rig.deferred, CAROL, PHONE, message);
	assert_true(gate_wait(&answer.gate, 1));
	come(PHONE);
	assert_int_equal(rig.n_log, 0);
	come(PAD);
	assert_int_equal(rig.n_log, 1);
	assert_false(deferred_waits(rig.deferred, CAROL));
	store("m2");
	deferred_had(rig.deferred, CAROL, PHONE, message);
	cpm_message_drop(&message);
	message = make("m2", "sip:alice@example.com", -1, 10);
	deferred_had(rig.deferred, CAROL, PHONE, message);
	deferred_had(rig.deferred, CAROL, PAD, message);
	cpm_message_drop(&message);
	settle();
	assert_false(deferred_waits(rig.deferred, CAROL));
}

static void a_sender_takes_back_what_nobody_has_had(void **state)
{
	(void)state;
	come(PHONE);
	come(PAD);
	store("m1");
	store("m2");
	assert_int_equal(revoke("sip:bob@example.com", "m1"), DEFERRED_TOO_LATE);
	assert_int_equal(revoke("sip:alice@example.com", "m1"), DEFERRED_REVOKED);
	assert_int_equal(listed(CAROL), 1);
	come(PHONE);
	assert_int_equal(count("push urn:uuid:phone m1"), 0);
	assert_int_equal(revoke("sip:alice@example.com", "m2"), DEFERRED_TOO_LATE);
	assert_int_equal(revoke("sip:alice@example.com", "m3"), DEFERRED_TOO_LATE);
}

static void a_push_under_way_is_too_late_to_revoke(void **state)
{
	(void)state;
	rig.holds = 1;
	store("m1");
	come(PHONE);
	assert_int_equal(revoke("sip:alice@example.com", "m1"), DEFERRED_TOO_LATE);
}

static void users_who_fetch_are_told_and_not_pushed_to(void **state)
{
	(void)state;
	rig.mode = POL_DEFERRED_NOTIFY;
	store("m1");
	store("m2");
	come(PHONE);
	come(PHONE);
	assert_int_equal(rig.n_log, 1);
	assert_string_equal(rig.log[0].what, "notice urn:uuid:phone 2");
	store("m3");
	come(PHONE);
	assert_string_equal(rig.log[1].what, "notice urn:uuid:phone 3");
	/* They change their mind. */
	rig.mode = POL_DEFERRED_PUSH;
	come(PHONE);
	assert_int_equal(rig.n_log, 5);
	rig.mode = POL_DEFERRED_HOLD;
	store("m4");
	come(PHONE);
	assert_int_equal(rig.n_log, 5);
}

static void operators_delete_one_or_all(void **state)
{
	struct err err;

	(void)state;
	store("m1");
	store("m2");
	assert_int_equal(deferred_delete_sync(rig.deferred, CAROL,
					      STRV("dm/0000000000000001-00000000"), &err),
			 -1);
	assert_int_equal(err.code, ERR_ABSENT);
	assert_int_equal(deferred_delete_sync(rig.deferred, CAROL, STRV(""), &err), 0);
	assert_int_equal(listed(CAROL), 0);
	assert_false(deferred_waits(rig.deferred, CAROL));
}

static void an_erased_user_gets_nothing(void **state)
{
	(void)state;
	come(PHONE);
	store("m1");
	assert_int_equal(kv_erase_sync(rig.store.kv, CAROL).status, KV_DONE);
	settle();
	assert_false(deferred_waits(rig.deferred, CAROL));
	come(PHONE);
	assert_int_equal(rig.n_log, 0);
	assert_int_equal(store("m2"), DEFERRED_STORED);
	come(PHONE);
	assert_int_equal(rig.n_log, 1);
}

/* Bodies beyond what is kept in memory are read back in pieces. */
static void long_queues_are_read_back(void **state)
{
	char id[16];

	(void)state;
	for (unsigned i = 0; i < 700; i++) {
		snprintf(id, sizeof(id), "m%u", i);
		assert_int_equal(store(id), DEFERRED_STORED);
	}
	kill_it();
	begin();
	assert_true(deferred_waits(rig.deferred, CAROL));
	rig.deferred->worker[0].held = rig.deferred->worker[1].held = DFR_HELD_BYTES;
	stop();
	begin();
	come(PHONE);
	while (listed(CAROL))
		settle();
	assert_int_equal(rig.n_log, 700);
	for (unsigned i = 0; i < 700; i++) {
		char want[64];

		snprintf(want, sizeof(want), "push urn:uuid:phone m%u", i);
		assert_string_equal(rig.log[i].what, want);
	}
}

static void bodies_that_are_not_in_memory_are_fetched(void **state)
{
	(void)state;
	rig.deferred->worker[0].held = rig.deferred->worker[1].held = DFR_HELD_BYTES;
	for (unsigned i = 0; i < 100; i++) {
		char id[16];

		snprintf(id, sizeof(id), "m%u", i);
		assert_int_equal(store(id), DEFERRED_STORED);
	}
	come(PHONE);
	while (listed(CAROL))
		settle();
	assert_int_equal(rig.n_log, 100);
	assert_string_equal(rig.log[99].what, "push urn:uuid:phone m99");
}

static void queues_leave_memory_and_come_back(void **state)
{
	char user[64];

	(void)state;
	stop();
	rig.options.cache_users = 2;
	begin();
	for (unsigned i = 0; i < 50; i++) {
		snprintf(user, sizeof(user), "sip:u%u@example.com", i);
		assert_int_equal(store_for(strv_of(user), "m1", "sip:a@b", 60 + i, 10),
				 DEFERRED_STORED);
	}
	settle();
	for (unsigned i = 0; i < WORKERS; i++)
		assert_true(rig.deferred->worker[i].n_loaded <= 3);
	for (unsigned i = 0; i < 50; i++) {
		snprintf(user, sizeof(user), "sip:u%u@example.com", i);
		assert_true(deferred_waits(rig.deferred, strv_of(user)));
	}
	clock_us += INT64_C(100) * SECOND;
	scan();
	scan();
	assert_int_equal(count("expired - m1"), 41);
	for (unsigned i = 0; i < 50; i++) {
		snprintf(user, sizeof(user), "sip:u%u@example.com", i);
		deferred_available(rig.deferred, strv_of(user), STRV("sip:u@127.0.0.1"));
	}
	settle();
	settle();
	assert_int_equal(count("push sip:u@127.0.0.1 m1"), 9);
}

/* All come back at once: so many pushes are under way, and everyone is served. */
static void a_storm_is_bounded(void **state)
{
	enum { USERS = 200, EACH = 3, MOST = 5 };
	char user[64], id[16];

	(void)state;
	stop();
	rig.options.in_flight = MOST;
	begin();
	for (unsigned i = 0; i < USERS; i++)
		for (unsigned k = 0; k < EACH; k++) {
			snprintf(user, sizeof(user), "sip:u%u@example.com", i);
			snprintf(id, sizeof(id), "m%u", k);
			assert_int_equal(store_for(strv_of(user), id, "sip:a@b", -1, 10),
					 DEFERRED_STORED);
		}
	rig.holds = 1;
	for (unsigned i = 0; i < USERS; i++) {
		snprintf(user, sizeof(user), "sip:u%u@example.com", i);
		deferred_available(rig.deferred, strv_of(user), PHONE);
	}
	settle();
	assert_int_equal(rig.most_held, WORKERS * MOST);
	rig.holds = 0;
	/* Those that are held are answered on no worker of theirs otherwise: start over. */
	kill_it();
	begin();
	for (unsigned i = 0; i < USERS; i++) {
		snprintf(user, sizeof(user), "sip:u%u@example.com", i);
		deferred_available(rig.deferred, strv_of(user), PHONE);
	}
	for (unsigned i = 0; i < USERS; i++) {
		snprintf(user, sizeof(user), "sip:u%u@example.com", i);
		while (deferred_waits(rig.deferred, strv_of(user)))
			settle();
	}
	assert_int_equal(rig.n_log, USERS * EACH + WORKERS * MOST);
}

static void devices_that_are_there_are_served_after_a_start(void **state)
{
	(void)state;
	store("m1");
	kill_it();
	rig.there[0] = "urn:uuid:phone";
	begin();
	assert_int_equal(rig.n_log, 1);
}

/* The process ends at every point of a conversation; then another one serves the devices. */
static void a_crash_at_any_point_loses_nothing(void **state)
{
	long last = 0;

	(void)state;
	for (long at = 1; !last; at++) {
		char want[64];
		unsigned from;

		rig.n_log = 0;
		rig.points = 0;
		rig.dies_at = at;
		come(PHONE);
		come(PAD);
		for (unsigned i = 1; i <= 3; i++) {
			char id[16];

			snprintf(id, sizeof(id), "m%u", i);
			assert_int_equal(store(id), DEFERRED_STORED);
		}
		come(PHONE);
		come(PAD);
		last = !rig.is_dead;
		kill_it();
		rig.dies_at = 0;
		begin();
		come(PHONE);
		come(PAD);
		/* Each device has each, in order but for what comes again from somewhere on. */
		for (unsigned d = 0; d < 2; d++) {
			unsigned next = 1;

			for (from = 0; from < rig.n_log; from++) {
				snprintf(want, sizeof(want), "push urn:uuid:%s m%u",
					 d ? "pad" : "phone", next);
				next += strcmp(rig.log[from].what, want) == 0;
			}
			assert_int_equal(next, 4);
		}
		assert_false(deferred_waits(rig.deferred, CAROL));
		assert_int_equal(listed(CAROL), 0);
	}
}

int main(void)
{
#define ROW(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		ROW(each_device_has_each_message_once_in_order),
		ROW(a_device_that_is_gone_waits_for_its_next_sign_of_life),
		ROW(a_device_that_cannot_now_is_asked_again),
		ROW(what_every_device_refuses_is_reported),
		ROW(the_same_message_is_stored_once),
		ROW(twins_share_their_fate),
		ROW(a_user_has_so_much_room),
		ROW(what_must_not_be_stored_is_not),
		ROW(what_expires_undelivered_is_reported_once),
		ROW(what_expired_meanwhile_is_found_after_a_start),
		ROW(no_message_waits_longer_than_the_longest),
		ROW(what_was_shown_waits_for_no_other_device),
		ROW(what_a_device_had_late_is_not_pushed_to_it),
		ROW(a_sender_takes_back_what_nobody_has_had),
		ROW(a_push_under_way_is_too_late_to_revoke),
		ROW(users_who_fetch_are_told_and_not_pushed_to),
		ROW(operators_delete_one_or_all),
		ROW(an_erased_user_gets_nothing),
		ROW(long_queues_are_read_back),
		ROW(bodies_that_are_not_in_memory_are_fetched),
		ROW(queues_leave_memory_and_come_back),
		ROW(a_storm_is_bounded),
		ROW(devices_that_are_there_are_served_after_a_start),
		ROW(a_crash_at_any_point_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
