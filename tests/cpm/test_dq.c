/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/cpm/test_dq.c - a deferred queue as a value: who gets what, and what a crash leaves
 *
 * First rows for what is special, then random steps beside an oracle that keeps who has had what as
 * sets instead of cursors, and loses at a crash what was not written. DEFERRED_SOAK_STEPS=1000000
 * makes it long, DEFERRED_SOAK_SEED starts elsewhere.
 */
#include "cpm/deferred/dq.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define OWNER STRV("sip:carol@example.com")

enum { SECOND = 1000000, DAY_S = 86400 };

static struct cpm_message *message(const char *id, int64_t expires_s)
{
	struct cpm_message_draft draft = { .service = CPM_PAGER,
					   .sender = { STRV("sip:alice@example.com") },
					   .n_sender = 1,
					   .recipient = OWNER,
					   .from = STRV("<sip:alice@example.com>;tag=1"),
					   .to = STRV("<sip:carol@example.com>"),
					   .call_id = STRV("c1"),
					   .cseq = 1,
					   .message_id = strv_of(id),
					   .body = STRV("hello"),
					   .expires_s = expires_s };
	struct cpm_message *value = cpm_message_new(&draft);

	assert_non_null(value);
	return value;
}

/* A message of ID, stored at NOW_US, into Q and (KV not NULL) the store. Its arrival. */
static uint64_t put(struct dq *q, struct kv *kv, const char *id, int64_t now_us, int64_t expires_us,
		    const struct strv *taken, unsigned n_taken)
{
	struct arena *arena = arena_new(0);
	struct cpm_message *value = message(id, -1);
	struct dq_slot slot;
	struct strv record = dq_record_encode(value, expires_us, taken, n_taken, arena);
	char name[DQ_NAME_BYTES + 1];

	assert_non_null(record.p);
	slot.at_us = dq_arrival(q, now_us);
	slot.entry = dq_entry_new(q, taken, n_taken, expires_us, 7, record.n);
	dq_message_keys(q, cpm_message_of(value), &slot.key, &slot.id);
	if (kv) {
		struct kv_batch *batch = kv_batch_new(OWNER);

		dq_name_print((struct dq_name){ slot.at_us, 7 }, name);
		assert_int_equal(kv_batch_put(batch, strv_of(name), record), 0);
		assert_int_equal(kv_commit_sync(kv, batch).status, KV_DONE);
	}
	assert_int_equal(dq_add(q, &slot), 0);
	dq_attach(q, dq_find_at(q, slot.at_us), value);
	cpm_message_drop(&value);
	arena_free(&arena);
	return slot.at_us;
}

static struct dq_device *device(struct dq *q, const char *id, int64_t now_us)
{
	struct dq_device *found =
		dq_device_seen(q, strv_of(id), strv_starts(strv_of(id), STRV("urn:")), now_us);

	assert_non_null(found);
	return found;
}

/* The next of DEVICE is taken or refused; 1 when it has left undelivered. */
static int pass(struct dq *q, struct dq_device *to, int taken, int64_t now_us)
{
	struct cpm_message *failed;
	int i = dq_next(q, to, now_us), lost;

	assert_true(i >= 0);
	lost = dq_passed(q, to, i, taken, &failed);
	assert_true(lost || !failed);
	cpm_message_drop(&failed);
	return lost;
}

/* ---- rows ---- */

static void a_message_waits_for_every_known_device(void **state)
{
	struct dq q;
	struct dq_device *phone, *tablet;

	(void)state;
	dq_init(&q, 1);
	phone = device(&q, "urn:phone", 1);
	tablet = device(&q, "urn:tablet", 1);
	put(&q, NULL, "m1", 10, 1000, NULL, 0);
	put(&q, NULL, "m2", 11, 1000, NULL, 0);
	assert_int_equal(pass(&q, phone, 1, 20), 0);
	assert_int_equal(pass(&q, phone, 1, 20), 0);
	assert_int_equal(dq_next(&q, phone, 20), -1);
	assert_int_equal(dq_count(&q), 2);
	pass(&q, tablet, 1, 20);
	assert_int_equal(dq_count(&q), 1);
	pass(&q, tablet, 1, 20);
	assert_int_equal(dq_count(&q), 0);
	assert_int_equal(q.bytes, 0);
	assert_int_equal(q.held_bytes, 0);
	dq_fini(&q);
}

static void what_a_device_had_before_is_not_for_it(void **state)
{
	const struct strv taken[] = { STRV("urn:phone") };
	struct dq q;
	struct dq_device *phone, *tablet;

	(void)state;
	dq_init(&q, 1);
	phone = device(&q, "urn:phone", 1);
	tablet = device(&q, "urn:tablet", 1);
	put(&q, NULL, "m1", 10, 1000, taken, 1);
	assert_int_equal(dq_next(&q, phone, 20), -1);
	pass(&q, tablet, 1, 20);
	assert_int_equal(dq_count(&q), 0);
	dq_fini(&q);
}

static void refused_by_all_is_a_failure_and_by_some_is_not(void **state)
{
	struct dq q;
	struct dq_device *phone, *tablet;

	(void)state;
	dq_init(&q, 1);
	phone = device(&q, "urn:phone", 1);
	tablet = device(&q, "urn:tablet", 1);
	put(&q, NULL, "m1", 10, 1000, NULL, 0);
	put(&q, NULL, "m2", 11, 1000, NULL, 0);
	assert_int_equal(pass(&q, phone, 0, 20), 0);
	assert_int_equal(pass(&q, tablet, 0, 20), 1);
	assert_int_equal(pass(&q, phone, 1, 20), 0);
	assert_int_equal(pass(&q, tablet, 0, 20), 0);
	assert_int_equal(dq_count(&q), 0);
	dq_fini(&q);
}

static void arrivals_rise_whatever_the_clock_does(void **state)
{
	struct dq q;
	uint64_t first, second;

	(void)state;
	dq_init(&q, 1);
	first = put(&q, NULL, "m1", 1000, INT64_MAX, NULL, 0);
	second = put(&q, NULL, "m2", 10, INT64_MAX, NULL, 0);
	assert_true(second > first);
	assert_true(dq_arrival(&q, -5) > second);
	dq_fini(&q);
}

static void a_forgotten_device_holds_nothing_back(void **state)
{
	struct dq q;
	struct dq_device *phone;
	int64_t later = INT64_C(40) * DAY_S * SECOND;

	(void)state;
	dq_init(&q, 1);
	device(&q, "urn:lost", 1);
	phone = device(&q, "urn:phone", later);
	put(&q, NULL, "m1", later, INT64_MAX, NULL, 0);
	pass(&q, phone, 1, later);
	assert_int_equal(dq_count(&q), 1);
	dq_prune(&q, later, INT64_C(30) * DAY_S * SECOND, DAY_S * INT64_C(1000000));
	assert_null(dq_device_find(&q, STRV("urn:lost")));
	assert_int_equal(dq_count(&q), 0);
	dq_fini(&q);
}

static void devices_are_bounded(void **state)
{
	char id[DQ_DEVICE_ID_MAX + 2];
	struct dq q;

	(void)state;
	dq_init(&q, 1);
	for (unsigned i = 0; i < DQ_DEVICES_MAX + 10; i++) {
		snprintf(id, sizeof(id), "urn:%u", i);
		device(&q, id, i + 1);
	}
	assert_int_equal(q.n_devices, DQ_DEVICES_MAX);
	assert_null(dq_device_find(&q, STRV("urn:0")));
	assert_non_null(dq_device_find(&q, STRV("urn:10")));
	memset(id, 'x', sizeof(id));
	assert_null(dq_device_seen(&q, strv_mem(id, DQ_DEVICE_ID_MAX + 1), 1, 1));
	assert_null(dq_device_seen(&q, STRV(""), 1, 1));
	dq_fini(&q);
}

static void records_that_are_damaged_are_refused(void **state)
{
	struct strv taken[] = { STRV("urn:phone"), STRV("urn:tablet") }, found[DQ_TAKEN_MAX];
	struct arena *arena = arena_new(0);
	struct cpm_message *value = message("m1", -1), *read;
	struct strv record = dq_record_encode(value, 77, taken, 2, arena);
	int64_t expires_us;
	unsigned n_found;
	struct err err;

	(void)state;
	assert_int_equal(dq_record_decode(record, &read, &expires_us, found, &n_found, &err), 0);
	assert_int_equal(expires_us, 77);
	assert_int_equal(n_found, 2);
	assert_true(strv_eq(found[1], taken[1]));
	assert_true(strv_eq(cpm_message_of(read)->message_id, STRV("m1")));
	cpm_message_drop(&read);
	for (size_t n = 0; n < record.n; n++) {
		char *cut = malloc(n ? n : 1);

		memcpy(cut, record.p, n);
		assert_int_equal(dq_record_decode(strv_mem(cut, n), &read, &expires_us, found,
						  &n_found, &err),
				 -1);
		assert_null(read);
		free(cut);
	}
	cpm_message_drop(&value);
	arena_free(&arena);
}

static void names_are_read_as_they_are_written(void **state)
{
	static const char *const bad[] = { "",
					   "dm/",
					   "dc/0000000000000001-00000007",
					   "dm/000000000000000g-00000007",
					   "dm/0000000000000001_00000007",
					   "dm/0000000000000001-0000000",
					   "dm/0000000000000001-0000000A" };
	struct dq_name name = { UINT64_C(0x123456789abcdef0), 0xdeadbeef }, read;
	char text[DQ_NAME_BYTES + 1];

	(void)state;
	dq_name_print(name, text);
	assert_string_equal(text, "dm/123456789abcdef0-deadbeef");
	assert_int_equal(dq_name_parse(strv_of(text), &read), 0);
	assert_true(read.at_us == name.at_us && read.salt == name.salt);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(dq_name_parse(strv_of(bad[i]), &read), -1);
}

/* ---- the oracle ---- */

enum { MESSAGES = 48, DEVICES = 5, STEPS = 6000 };

struct oracle_message {
	uint64_t at_us;
	int64_t expires_us;
	char id[16];
	unsigned had; /* a bit a device */
	int lives;
};

struct oracle_state {
	struct oracle_message message[MESSAGES];
	unsigned known; /* devices */
};

struct walk {
	struct kv *kv;
	struct dq q;
	struct oracle_state now, disk;
	int64_t now_us;
	uint64_t rng;
	unsigned long stored, passed, crashed;
};

/* Two that come back, three that do not. */
static const char *const device_id[DEVICES] = { "urn:a", "urn:b", "sip:c@1", "sip:d@2", "sip:e@3" };

static unsigned roll(struct walk *w, unsigned n)
{
	w->rng = w->rng * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(w->rng >> 33) % n;
}

static void step_store(struct walk *w)
{
	struct oracle_message *m = NULL;
	struct strv taken[1];
	unsigned n_taken = 0, who = roll(w, DEVICES);

	for (unsigned i = 0; i < MESSAGES && !m; i++)
		if (!w->now.message[i].lives && !w->disk.message[i].lives)
			m = &w->now.message[i];
	if (!m)
		return;
	*m = (struct oracle_message){ .lives = 1 };
	snprintf(m->id, sizeof(m->id), "m%lu", w->stored++);
	if (roll(w, 4) == 0 && (w->now.known & 1U << who)) {
		taken[n_taken++] = strv_of(device_id[who]);
		m->had = 1U << who;
		/* All that are known have it: nobody would have stored it. */
		if ((w->now.known & ~m->had) == 0) {
			m->had = 0;
			n_taken = 0;
		}
	}
	m->expires_us = w->now_us + (int64_t)(1 + roll(w, 300)) * SECOND;
	m->at_us = put(&w->q, w->kv, m->id, w->now_us, m->expires_us, taken, n_taken);
	w->disk.message[m - w->now.message] = *m;
}

/* The first by arrival that D lacks. */
static struct oracle_message *oracle_next(struct walk *w, unsigned d)
{
	struct oracle_message *next = NULL;

	for (unsigned i = 0; i < MESSAGES; i++) {
		struct oracle_message *m = &w->now.message[i];

		if (m->lives && !(m->had & 1U << d) && m->expires_us > w->now_us &&
		    (!next || m->at_us < next->at_us))
			next = m;
	}
	return next;
}

static void step_push(struct walk *w)
{
	unsigned d = roll(w, DEVICES);
	struct dq_device *to = device(&w->q, device_id[d], w->now_us);
	struct oracle_message *m;
	struct cpm_message *failed;
	int i;

	w->now.known |= 1U << d;
	m = oracle_next(w, d);
	i = dq_next(&w->q, to, w->now_us);
	assert_int_equal(i >= 0, m != NULL);
	if (!m)
		return;
	assert_true(w->q.slot[i].at_us == m->at_us);
	dq_passed(&w->q, to, i, roll(w, 8) > 0, &failed);
	cpm_message_drop(&failed);
	w->passed++;
	m->had |= 1U << d;
	if ((w->now.known & ~m->had) == 0)
		m->lives = 0;
}

static void step_displayed(struct walk *w)
{
	struct oracle_message *m = &w->now.message[roll(w, MESSAGES)];
	struct strv id = strv_of(m->id);
	int i;

	if (!m->lives)
		return;
	i = dq_find_id(&w->q, dq_key_of(w->q.seed, &id, 1));
	assert_true(i >= 0 && w->q.slot[i].at_us == m->at_us);
	dq_remove(&w->q, i);
	m->lives = 0;
}

static void step_expire(struct walk *w)
{
	int64_t next;
	int i;

	w->now_us += (int64_t)roll(w, 20) * SECOND;
	while ((i = dq_find_expired(&w->q, w->now_us, &next)) >= 0)
		dq_remove(&w->q, i);
	for (unsigned k = 0; k < MESSAGES; k++)
		if (w->now.message[k].expires_us <= w->now_us)
			w->now.message[k].lives = 0;
}

static void step_write(struct walk *w)
{
	struct kv_batch *batch = kv_batch_new(OWNER);
	int fails = roll(w, 5) == 0;
	unsigned written = 0;

	assert_int_equal(dq_fill(&w->q, batch, 0), 0);
	/* The devices that the store knows after it. */
	for (unsigned d = 0; d < DEVICES; d++) {
		const struct dq_device *found = dq_device_find(&w->q, strv_of(device_id[d]));

		written |= found && found->has_record ? 1U << d : 0;
	}
	if (fails) {
		kv_batch_free(&batch);
		dq_filled(&w->q, 0);
		return;
	}
	assert_int_equal(kv_commit_sync(w->kv, batch).status, KV_DONE);
	dq_filled(&w->q, 1);
	assert_false(dq_is_dirty(&w->q));
	w->disk = w->now;
	for (unsigned k = 0; k < MESSAGES; k++) {
		/* What a device had is known as long as the device, or since it was stored. */
		const struct oracle_message *m = &w->disk.message[k];

		assert_true(!m->lives || (m->had & ~w->now.known) == 0);
	}
	w->disk.known &= written;
}

static void load(struct walk *w)
{
	struct arena *arena = arena_new(0);
	struct kv_item item[2] = { { .kind = KV_RANGE, .from = DQ_DEVICES, .to = STRV("dc0") },
				   { .kind = KV_RANGE, .from = DQ_MESSAGES, .to = STRV("dm0") } };
	struct kv_read read = { .owner = OWNER, .items = item, .n_items = 2, .arena = arena };

	dq_init(&w->q, w->rng);
	assert_int_equal(kv_read_sync(w->kv, &read), KV_DONE);
	for (unsigned i = 0; i < item[0].n_records; i++)
		assert_int_equal(dq_load_device(&w->q, item[0].records[i].name,
						item[0].records[i].value, NULL),
				 0);
	for (unsigned i = 0; i < item[1].n_records; i++)
		assert_int_equal(dq_load_entry(&w->q, item[1].records[i].name,
					       item[1].records[i].value, NULL, NULL),
				 0);
	arena_free(&arena);
}

static void step_crash(struct walk *w)
{
	unsigned alive = 0;

	dq_fini(&w->q);
	load(w);
	w->crashed++;
	w->now = w->disk;
	for (unsigned k = 0; k < MESSAGES; k++)
		alive += w->now.message[k].lives != 0;
	assert_int_equal(dq_count(&w->q), alive);
}

static void random_steps_and_crashes(void **state)
{
	const char *steps = getenv("DEFERRED_SOAK_STEPS"), *seed = getenv("DEFERRED_SOAK_SEED");
	unsigned long n = steps ? strtoul(steps, NULL, 10) : STEPS;
	struct walk *w = calloc(1, sizeof(*w));
	struct kv_options options;

	(void)state;
	kv_options_init(&options, "");
	options.engine = "mem";
	assert_int_equal(kv_open(&options, NULL, &w->kv, NULL), 0);
	w->rng = seed ? strtoull(seed, NULL, 10) : 1;
	w->now_us = INT64_C(1000000) * SECOND;
	dq_init(&w->q, 1);
	for (unsigned long i = 0; i < n; i++) {
		unsigned what = roll(w, 100);

		if (what < 30)
			step_store(w);
		else if (what < 75)
			step_push(w);
		else if (what < 80)
			step_displayed(w);
		else if (what < 85)
			step_expire(w);
		else if (what < 97)
			step_write(w);
		else
			step_crash(w);
	}
	assert_true(w->stored && w->passed && w->crashed);
	dq_fini(&w->q);
	kv_close(&w->kv);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_waits_for_every_known_device),
		cmocka_unit_test(what_a_device_had_before_is_not_for_it),
		cmocka_unit_test(refused_by_all_is_a_failure_and_by_some_is_not),
		cmocka_unit_test(arrivals_rise_whatever_the_clock_does),
		cmocka_unit_test(a_forgotten_device_holds_nothing_back),
		cmocka_unit_test(devices_are_bounded),
		cmocka_unit_test(records_that_are_damaged_are_refused),
		cmocka_unit_test(names_are_read_as_they_are_written),
		cmocka_unit_test(random_steps_and_crashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
