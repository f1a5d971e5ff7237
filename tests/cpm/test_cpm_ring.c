/* SPDX-License-Identifier: Apache-2.0 */
/* tests/cpm/test_cpm_ring.c - decisions on record: what is kept, in which order, for how long */
#include "cpm/cpm_ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/xml.h"

static int64_t now_us = 1000000;

static int64_t tell_time(void)
{
	return now_us;
}

static struct cpm_ring *open_ring(unsigned decisions, int64_t age_s)
{
	const struct cpm_ring_options options = {
		.workers = 1, .decisions = decisions, .age_s = age_s, .now_us = tell_time
	};
	struct cpm_ring *ring;

	assert_int_equal(cpm_ring_new(&options, &ring, NULL), 0);
	return ring;
}

struct told {
	unsigned n, max;
	struct cpm_decision decision[64];
	char id[64][300];
};

static int on_decision(void *arg, const struct cpm_decision *decision)
{
	struct told *told = arg;

	if (told->n < 64) {
		told->decision[told->n] = *decision;
		snprintf(told->id[told->n], sizeof(told->id[0]), "%.*s",
			 STRV_ARG(decision->message_id));
	}
	told->n++;
	return told->max && told->n == told->max;
}

static void put(struct cpm_ring *ring, const char *from, const char *to, const char *id)
{
	struct pf_record record = { .sender = strv_of(from),
				    .recipient = strv_of(to),
				    .message_id = strv_of(id),
				    .status = 200 };

	memset(record.trace.hex, 'a', sizeof(record.trace.hex));
	cpm_ring_put(ring, &record);
}

static void the_newest_come_first(void **state)
{
	struct cpm_ring *ring = open_ring(10, 0);
	struct cpm_ring_ask ask = { .max = 0 };
	struct told told = { .n = 0 };
	char id[16];

	(void)state;
	for (int i = 0; i < 25; i++) {
		snprintf(id, sizeof(id), "m%d", i);
		now_us += i % 2; /* two at one time stay in order, too */
		put(ring, "sip:a@x", i % 2 ? "sip:b@x" : "sip:c@x", id);
	}
	assert_int_equal(cpm_ring_each(ring, &ask, on_decision, &told, NULL), 10);
	for (int i = 0; i < 10; i++) {
		snprintf(id, sizeof(id), "m%d", 24 - i);
		assert_string_equal(told.id[i], id);
		assert_int_equal(told.decision[i].status, 200);
		assert_false(told.decision[i].evaluated);
	}
	told = (struct told){ .n = 0 };
	ask.user = STRV("sip:b@x");
	ask.max = 3;
	assert_int_equal(cpm_ring_each(ring, &ask, on_decision, &told, NULL), 3);
	assert_string_equal(told.id[0], "m23");
	assert_string_equal(told.id[2], "m19");
	told = (struct told){ .max = 2 };
	ask = (struct cpm_ring_ask){ .user = STRV("sip:a@x") };
	assert_int_equal(cpm_ring_each(ring, &ask, on_decision, &told, NULL), 2);
	cpm_ring_free(&ring);
}

static void what_is_old_is_not_shown(void **state)
{
	struct cpm_ring *ring = open_ring(10, 60);
	struct cpm_ring_ask ask = { .max = 0 };
	struct told told = { .n = 0 };

	(void)state;
	put(ring, "a", "b", "old");
	now_us += 50000000;
	put(ring, "a", "b", "new");
	assert_int_equal(cpm_ring_each(ring, &ask, on_decision, &told, NULL), 2);
	now_us += 20000000;
	assert_int_equal(cpm_ring_each(ring, &ask, on_decision, &told, NULL), 1);
	ask.since_us = now_us;
	assert_int_equal(cpm_ring_each(ring, &ask, on_decision, &told, NULL), 0);
	cpm_ring_free(&ring);
}

static void nothing_is_kept_when_it_is_off(void **state)
{
	struct cpm_ring *ring = open_ring(0, 0);
	const struct cpm_ring_ask ask = { .max = 0 };
	struct told told = { .n = 0 };

	(void)state;
	put(ring, "a", "b", "x");
	assert_int_equal(cpm_ring_each(ring, &ask, on_decision, &told, NULL), 0);
	cpm_ring_free(&ring);
}

/* Records of all lengths: what is kept is always the latest, without a gap. */
static void long_records_leave_room_for_fewer(void **state)
{
	struct cpm_ring *ring = open_ring(40, 0);
	const struct cpm_ring_ask ask = { .max = 0 };
	struct told told;
	char id[300];

	(void)state;
	srand(7);
	for (int i = 0; i < 5000; i++) {
		int n = rand() % 290, m = rand() % 290;
		char name[300];

		memset(name, 'n', sizeof(name));
		name[m] = '\0';
		snprintf(id, sizeof(id), "%d-%0*d", i, n ? n : 1, 0);
		put(ring, name, name, id);
		if (i % 7)
			continue;
		told = (struct told){ .n = 0 };
		assert_true(cpm_ring_each(ring, &ask, on_decision, &told, NULL) > 0);
		assert_true(told.n <= 40);
		assert_true(i < 20 || told.n >= 15);
		for (unsigned k = 0; k < told.n; k++)
			assert_int_equal(atoi(told.id[k]), i - (int)k);
	}
	cpm_ring_free(&ring);
}

#define DOC                                                                                   \
	"<cp:ruleset xmlns:cp='urn:ietf:params:xml:ns:common-policy' "                        \
	"xmlns:up='urn:opencpm:xml:user-prefs'><cp:rule id='no'><cp:conditions><cp:identity>" \
	"<cp:one id='sip:bo@x'/></cp:identity></cp:conditions><cp:actions>"                   \
	"<up:deliver>reject</up:deliver></cp:actions></cp:rule></cp:ruleset>"

static void a_verdict_is_kept_with_its_facts(void **state)
{
	const struct pol_source source = { .kind = POL_ACCESS_RULES, .name = STRV("access") };
	const struct pol_facts facts = { .id = { STRV("sip:bo@x"), STRV("tel:+1") },
					 .n_ids = 2,
					 .now_s = 1767225600,
					 .size_bytes = 1234,
					 .direction = POL_TERMINATING,
					 .roaming = -1 };
	const struct cpm_ring_ask ask = { .max = 0 };
	struct cpm_ring *ring = open_ring(10, 0);
	struct pol_layers layers = { .n_user = 1 };
	struct told told = { .n = 0 };
	const struct cpm_decision *d = &told.decision[0];
	struct pol_verdict verdict;
	struct pf_record record = { .sender = STRV("sip:bo@x"),
				    .recipient = STRV("sip:ana@x"),
				    .facts = &facts,
				    .layers = &layers,
				    .verdict = &verdict,
				    .status = 403 };
	struct pol_doc *doc;

	(void)state;
	memset(record.trace.hex, 'b', sizeof(record.trace.hex));
	assert_int_equal(pol_doc_parse(&source, STRV(DOC), NULL, &doc, NULL), 0);
	layers.user[0] = doc;
	pol_eval(&layers, &facts, &verdict);
	cpm_ring_put(ring, &record);
	pol_doc_drop(&doc);
	assert_int_equal(cpm_ring_each(ring, &ask, on_decision, &told, NULL), 1);
	assert_true(d->evaluated);
	assert_int_equal(d->answer, POL_ANSWER_REJECT);
	assert_int_equal(d->layer, POL_OF_USER);
	assert_int_equal(d->facts.size_bytes, 1234);
	assert_int_equal(d->facts.n_ids, 2);
	assert_int_equal(d->n_why, 1);
	assert_int_equal(d->why[0].layer, POL_OF_USER);
	assert_false(d->with_group);
	cpm_ring_free(&ring);
}

static int open_xml(void **state)
{
	(void)state;
	return xml_init(NULL, NULL);
}

static int close_xml(void **state)
{
	(void)state;
	xml_fini();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newest_come_first),
		cmocka_unit_test(what_is_old_is_not_shown),
		cmocka_unit_test(nothing_is_kept_when_it_is_off),
		cmocka_unit_test(long_records_leave_room_for_fewer),
		cmocka_unit_test(a_verdict_is_kept_with_its_facts),
	};

	return cmocka_run_group_tests(tests, open_xml, close_xml);
}
