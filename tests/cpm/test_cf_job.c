/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to groups in work: copies, reports, restarts, storms; over a store in memory, with rules
 * and members that stand here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/xml.h"
#include "cpm/controlling/cf_work_priv.h"
#include "policy/pol_doc.h"
#include "tests/gate.h"

#define GROUP "sip:g@x"
#define LS    "xmlns='urn:oma:xml:poc:list-service' xmlns:cp='urn:ietf:params:xml:ns:common-policy'"
#define RULES                                                                                    \
	"<group " LS "><list-service uri='" GROUP "'><cp:ruleset><cp:rule id='a'><cp:conditions" \
	"/><cp:actions><join-handling>true</join-handling><allow-conference-state>true</"        \
	"allow-conference-state></cp:actions></cp:rule></cp:ruleset></list-service></group>"

enum { WORKERS = 2, MEMBERS_MAX = 1000, TEXT = 32 };

/* ---- the rules that there are ---- */

static struct {
	struct cpm_group_rules group;
	struct pol_doc *doc;
	char text[MEMBERS_MAX][TEXT];
	struct strv member[MEMBERS_MAX];
} house;

void cpm_rules_group(struct cpm_rules *rules, struct strv uri, cpm_group_rules_fn *done, void *arg)
{
	(void)rules;
	if (strv_eq(uri, STRV("sip:busy@x")))
		done(arg, CPM_GOT_BUSY, NULL);
	else if (!strv_eq(uri, STRV(GROUP)))
		done(arg, CPM_GOT_ABSENT, NULL);
	else
		done(arg, CPM_GOT_DOC, &house.group);
}

void cpm_group_rules_drop(const struct cpm_group_rules **group)
{
	*group = NULL;
}

const struct pol_doc *cpm_rules_operator(struct cpm_rules *rules, int *lost_out)
{
	(void)rules;
	*lost_out = 0;
	return NULL;
}

void cpm_rules_operator_drop(const struct pol_doc **doc)
{
	*doc = NULL;
}

void cpm_rules_layers(const struct pol_doc *operator_policy, int operator_lost,
		      const struct cpm_user_rules *user, const struct cpm_group_rules *group,
		      struct pol_layers *layers_out)
{
	(void)operator_policy;
	(void)operator_lost;
	(void)user;
	memset(layers_out, 0, sizeof(*layers_out));
	layers_out->group = group ? group->doc : NULL;
}

/* "u0", "u1", ... at x; the first ones are called as NAMES (NULL-terminated) says. */
static void make_group(unsigned n, const char *const *names)
{
	for (unsigned i = 0; i < n; i++) {
		if (names && *names)
			snprintf(house.text[i], TEXT, "sip:%s@x", *names++);
		else
			snprintf(house.text[i], TEXT, "sip:u%u@x", i);
		house.member[i] = strv_of(house.text[i]);
	}
	house.group = (struct cpm_group_rules){ .uri = STRV(GROUP),
						.doc = house.doc,
						.member = house.member,
						.n_members = n,
						.is_complete = 1 };
}

/* ---- the members ---- */

/* What came, guarded. */
static struct {
	pthread_mutex_t lock;
	struct gate copies, reports;
	unsigned got[MEMBERS_MAX]; /* copies of u0, u1, ... */
	unsigned n_copies, parts;  /* parts: of reports */
	unsigned hold_after;	   /* so many copies are answered, others never; 0: all */
	int busy_once;		   /* who is called "busy" has been */
	int report_status;	   /* what the sender answers to reports; 0: 200 */
	unsigned failed_parts;
	char call_id[TEXT * 2];
} world;

static void reset_world(void)
{
	pthread_mutex_lock(&world.lock);
	memset(world.got, 0, sizeof(world.got));
	world.copies = world.reports = (struct gate)GATE_INIT;
	world.n_copies = world.parts = world.failed_parts = world.hold_after = 0;
	world.busy_once = world.report_status = 0;
	pthread_mutex_unlock(&world.lock);
}

/* An answer that comes in a later turn. */
struct later {
	struct post post;
	pf_done_fn *done;
	void *arg;
	struct pf_result result;
};

static void answer_later(struct post *post)
{
	struct later *later = (struct later *)(void *)post;

	later->done(later->arg, &later->result);
	free(later);
}

static void take_report(const struct cpm_message_draft *m)
{
	struct arena *arena = arena_new(0);
	struct imdn imdns[CF_REPORTS_MAX];
	int n = cf_report_read(m, arena, imdns, CF_REPORTS_MAX);

	assert_true(n > 0);
	pthread_mutex_lock(&world.lock);
	world.parts += (unsigned)n;
	for (int i = 0; i < n; i++)
		world.failed_parts += imdns[i].status == IMDN_FAILED;
	pthread_mutex_unlock(&world.lock);
	arena_free(&arena);
	gate_raise(&world.reports);
}

static unsigned take_copy(const struct cpm_message_draft *m)
{
	unsigned status = 200, i;
	char who[TEXT];

	snprintf(who, sizeof(who), "%.*s", STRV_ARG(m->recipient));
	pthread_mutex_lock(&world.lock);
	if (sscanf(who, "sip:u%u@x", &i) == 1)
		world.got[i]++;
	else if (strcmp(who, "sip:no@x") == 0)
		status = 403;
	else if (strcmp(who, "sip:busy@x") == 0)
		status = world.busy_once++ ? 202 : 503;
	world.n_copies++;
	if (world.hold_after && world.n_copies > world.hold_after)
		status = 0;
	/* Each copy is a request of its own. */
	assert_true(m->call_id.n < sizeof(world.call_id) &&
		    strncmp(world.call_id, m->call_id.p, m->call_id.n) != 0);
	snprintf(world.call_id, sizeof(world.call_id), "%.*s", STRV_ARG(m->call_id));
	pthread_mutex_unlock(&world.lock);
	gate_raise(&world.copies);
	return status;
}

/* Every other answer comes at once. */
static void on_send(void *arg, struct cpm_message *message, pf_done_fn *done, void *done_arg)
{
	static _Atomic unsigned turn;
	const struct cpm_message_draft *m = cpm_message_of(message);
	struct pf_result result = { .status = 200 };
	struct later *later;

	(void)arg;
	assert_non_null(worker_self());
	if (m->is_report) {
		if (world.report_status)
			result.status = (unsigned)world.report_status;
		else
			take_report(m);
	} else {
		result.status = take_copy(m);
	}
	if (!result.status)
		return;
	if (turn++ % 2) {
		done(done_arg, &result);
		return;
	}
	later = calloc(1, sizeof(*later));
	later->post.run = answer_later;
	later->done = done;
	later->arg = done_arg;
	later->result = result;
	worker_post(worker_self(), &later->post);
}

/* ---- the function ---- */

struct rig {
	struct workers *workers;
	struct kv *kv;
	struct cf *cf;
};

static struct cf_options options_of(struct rig *rig)
{
	struct cf_options options;

	cf_options_init(&options);
	options.workers = rig->workers;
	options.kv = rig->kv;
	options.send = on_send;
	options.factory = "sip:f@x";
	options.window_ms = 20;
	options.again_ms = 20;
	return options;
}

static void start(struct rig *rig, const struct cf_options *changed)
{
	struct cf_options options;
	struct err err;

	assert_int_equal(workers_new(WORKERS, &rig->workers, &err), 0);
	options = changed ? *changed : options_of(rig);
	options.workers = rig->workers;
	options.kv = rig->kv;
	assert_int_equal(cf_new(&options, &rig->cf, &err), 0);
	assert_int_equal(cf_start(rig->cf, &err), 0);
	assert_int_equal(workers_start(rig->workers, &err), 0);
}

static void stop(struct rig *rig)
{
	cf_stop(rig->cf, 1);
	workers_stop(rig->workers);
	cf_free(&rig->cf);
	workers_free(&rig->workers);
}

static void open_rig(struct rig *rig)
{
	struct kv_options options;
	struct err err;

	kv_options_init(&options, "");
	options.engine = "mem";
	assert_int_equal(kv_open(&options, NULL, &rig->kv, &err), 0);
	reset_world();
	start(rig, NULL);
}

static void close_rig(struct rig *rig)
{
	cf_stop(rig->cf, 1);
	kv_close(&rig->kv);
	workers_stop(rig->workers);
	cf_free(&rig->cf);
	workers_free(&rig->workers);
}

/* ---- messages ---- */

struct asking {
	struct post post;
	struct rig *rig;
	struct cpm_message *message;
	struct gate *answered;
	_Atomic unsigned *status;
};

static void on_answer(void *arg, const struct pf_result *result)
{
	struct asking *asking = arg;

	atomic_store(asking->status, result->status);
	cpm_message_drop(&asking->message);
	gate_raise(asking->answered);
	free(asking);
}

static void ask(struct post *post)
{
	struct asking *asking = (struct asking *)(void *)post;
	struct pf_focus focus;

	cf_focus(asking->rig->cf, &focus);
	focus.message(focus.arg, asking->message, on_answer, asking);
}

static void post_message(struct rig *rig, unsigned worker, const struct cpm_message_draft *draft,
			 struct gate *answered, _Atomic unsigned *status)
{
	struct asking *asking = calloc(1, sizeof(*asking));

	asking->post.run = ask;
	asking->rig = rig;
	asking->message = cpm_message_new(draft);
	asking->answered = answered;
	asking->status = status;
	worker_post(workers_at(rig->workers, worker % WORKERS), &asking->post);
}

/* On a worker that is not the message's, too. */
static unsigned ask_draft(struct rig *rig, const struct cpm_message_draft *draft)
{
	static unsigned worker;
	struct gate answered = GATE_INIT;
	_Atomic unsigned status = 0;

	post_message(rig, worker++, draft, &answered, &status);
	assert_true(gate_wait(&answered, 1));
	return status;
}

static struct cpm_message_draft message_of(const char *id, const char *asks, char *body,
					   size_t size)
{
	snprintf(body, size,
		 "From: <sip:ann@x>\r\nTo: <" GROUP ">\r\nDateTime: 2026-05-01T12:00:00Z\r\n"
		 "NS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: %s\r\n"
		 "imdn.Disposition-Notification: %s\r\n\r\nContent-Type: text/plain\r\n\r\nhi",
		 id, asks);
	return (struct cpm_message_draft){ .service = CPM_PAGER_GROUP,
					   .sender = { STRV("sip:ann@x") },
					   .n_sender = 1,
					   .recipient = STRV(GROUP),
					   .from = STRV("<sip:ann@x>;tag=1"),
					   .to = STRV("<" GROUP ">"),
					   .call_id = STRV("c"),
					   .content_type = STRV("message/cpim"),
					   .body = strv_of(body),
					   .message_id = strv_of(id),
					   .expires_s = -1 };
}

static unsigned send_message(struct rig *rig, const char *id, const char *asks)
{
	char body[1024];
	struct cpm_message_draft draft = message_of(id, asks, body, sizeof(body));

	return ask_draft(rig, &draft);
}

static unsigned send_report(struct rig *rig, const char *who, const char *id, const char *what)
{
	const char *kind = strcmp(what, "displayed") == 0 ? "display" : "delivery";
	char body[1024];
	struct cpm_message_draft draft = message_of("r", "", body, sizeof(body));

	snprintf(body, sizeof(body),
		 "From: <%s>\r\nTo: <sip:ann@x>\r\n\r\nContent-Type: message/imdn+xml\r\n"
		 "Content-Disposition: notification\r\n\r\n"
		 "<imdn xmlns=\"urn:ietf:params:xml:ns:imdn\"><message-id>%s</message-id>"
		 "<datetime>2026-05-01T12:00:00Z</datetime><%s-notification><status><%s/></status>"
		 "</%s-notification></imdn>",
		 who, id, kind, what, kind);
	draft.sender[0] = strv_of(who);
	draft.is_report = 1;
	draft.body = strv_of(body);
	return ask_draft(rig, &draft);
}

static unsigned records(struct rig *rig)
{
	struct arena *arena = arena_new(0);
	struct kv_item item = { .kind = KV_RANGE };
	struct kv_read read = { .owner = CF_OWNER, .items = &item, .n_items = 1, .arena = arena };
	unsigned n;

	assert_int_equal(kv_read_sync(rig->kv, &read), KV_DONE);
	n = item.n_records;
	arena_free(&arena);
	return n;
}

static void nothing(struct post *post)
{
	gate_raise(*(struct gate **)(void *)(post + 1));
}

/* Until the store holds N records of ours: turns of the workers, not time, go by. */
static void wait_records(struct rig *rig, unsigned n)
{
	struct {
		struct post post;
		struct gate *gate;
	} posts[WORKERS];
	time_t until = time(NULL) + GATE_DEADLINE_S;

	while (records(rig) != n) {
		struct gate gate = GATE_INIT;

		assert_true(time(NULL) < until);
		for (unsigned i = 0; i < WORKERS; i++) {
			posts[i].post.run = nothing;
			posts[i].gate = &gate;
			worker_post(workers_at(rig->workers, i), &posts[i].post);
		}
		assert_true(gate_wait(&gate, WORKERS));
	}
}

static unsigned sum_got(unsigned n, unsigned most)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++) {
		if (world.got[i] < 1 || world.got[i] > most)
			fail_msg("u%u got %u copies", i, world.got[i]);
		sum += world.got[i];
	}
	return sum;
}

/* ---- tests ---- */

static void test_a_thousand(void **state)
{
	struct rig rig;

	(void)state;
	open_rig(&rig);
	make_group(MEMBERS_MAX, NULL);
	assert_int_equal(send_message(&rig, "m1", ""), 202);
	assert_true(gate_wait(&world.copies, MEMBERS_MAX));
	wait_records(&rig, 0);
	assert_int_equal(sum_got(MEMBERS_MAX, 1), MEMBERS_MAX);
	/* Sent again, for the 202 was lost: taken, and nobody gets it twice. */
	assert_int_equal(send_message(&rig, "m1", ""), 202);
	assert_int_equal(world.n_copies, MEMBERS_MAX);
	assert_int_equal(records(&rig), 0);
	close_rig(&rig);
}

static void test_refusals(void **state)
{
	char body[1024];
	struct cpm_message_draft draft = message_of("m1", "", body, sizeof(body));
	struct rig rig;

	(void)state;
	open_rig(&rig);
	make_group(1, NULL);
	draft.recipient = STRV("sip:nobody@x");
	assert_int_equal(ask_draft(&rig, &draft), 404);
	draft.recipient = STRV("sip:busy@x");
	assert_int_equal(ask_draft(&rig, &draft), 503);
	draft.recipient = STRV("sip:f@x");
	assert_int_equal(ask_draft(&rig, &draft), 400);
	draft.lines = STRV("Require: x\r\n");
	assert_int_equal(ask_draft(&rig, &draft), 420);
	assert_int_equal(records(&rig), 0);
	assert_int_equal(world.n_copies, 0);
	close_rig(&rig);
}

static void test_reports_are_gathered(void **state)
{
	struct rig rig;

	(void)state;
	open_rig(&rig);
	make_group(3, NULL);
	assert_int_equal(send_message(&rig, "m1", "positive-delivery, display"), 202);
	assert_true(gate_wait(&world.copies, 3));
	wait_records(&rig, 2); /* the body is gone, what is to be reported is not */
	assert_int_equal(send_report(&rig, "sip:u0@x", "m1", "delivered"), 200);
	assert_int_equal(send_report(&rig, "sip:u0@x", "m1", "delivered"), 200);
	assert_true(gate_wait(&world.reports, 1)); /* the window */
	assert_int_equal(send_report(&rig, "sip:u1@x", "m1", "delivered"), 200);
	assert_int_equal(send_report(&rig, "sip:u2@x", "m1", "delivered"), 200);
	assert_int_equal(send_report(&rig, "sip:u0@x", "m1", "displayed"), 200);
	assert_int_equal(send_report(&rig, "sip:u1@x", "m1", "displayed"), 200);
	assert_int_equal(send_report(&rig, "sip:u2@x", "m1", "displayed"), 200);
	wait_records(&rig, 0); /* all told */
	assert_int_equal(world.parts, 6);
	assert_int_equal(send_report(&rig, "sip:u2@x", "m1", "displayed"), 404);
	assert_int_equal(send_report(&rig, "sip:mal@x", "m2", "delivered"), 404);
	close_rig(&rig);
}

static void test_strangers_do_not_report(void **state)
{
	struct rig rig;

	(void)state;
	open_rig(&rig);
	make_group(2, NULL);
	assert_int_equal(send_message(&rig, "m1", "positive-delivery"), 202);
	assert_int_equal(send_report(&rig, "sip:mal@x", "m1", "delivered"), 404);
	assert_int_equal(world.parts, 0);
	close_rig(&rig);
}

static void test_failures_are_told(void **state)
{
	static const char *const names[] = { "no", "busy", NULL };
	struct rig rig;

	(void)state;
	open_rig(&rig);
	make_group(3, names);
	assert_int_equal(send_message(&rig, "m1", "positive-delivery, negative-delivery"), 202);
	assert_true(gate_wait(&world.reports, 1)); /* of "no" */
	assert_true(gate_wait(&world.copies, 4));  /* "busy" once more */
	assert_int_equal(send_report(&rig, "sip:u2@x", "m1", "delivered"), 200);
	assert_int_equal(send_report(&rig, "sip:busy@x", "m1", "delivered"), 200);
	wait_records(&rig, 0);
	assert_int_equal(world.parts, 3);
	assert_int_equal(world.failed_parts, 1);
	close_rig(&rig);
}

/* Killed in the middle: everybody gets it, and those whose answer was not written get it again. */
static void test_a_crash_in_the_fan_out(void **state)
{
	struct rig rig;

	(void)state;
	open_rig(&rig);
	make_group(MEMBERS_MAX, NULL);
	world.hold_after = 500;
	assert_int_equal(send_message(&rig, "m1", ""), 202);
	assert_true(gate_wait(&world.copies, 500 + CF_IN_FLIGHT));
	wait_records(&rig, 3);
	stop(&rig);
	world.hold_after = 0;
	start(&rig, NULL);
	wait_records(&rig, 0);
	assert_true(sum_got(MEMBERS_MAX, 2) <= MEMBERS_MAX + 500 + CF_IN_FLIGHT);
	close_rig(&rig);
}

/* A report that was acknowledged reaches the sender after a crash. */
static void test_a_crash_among_the_reports(void **state)
{
	struct rig rig;

	(void)state;
	open_rig(&rig);
	make_group(2, NULL);
	world.report_status = 503;
	assert_int_equal(send_message(&rig, "m1", "positive-delivery"), 202);
	assert_true(gate_wait(&world.copies, 2));
	assert_int_equal(send_report(&rig, "sip:u0@x", "m1", "delivered"), 200);
	stop(&rig);
	world.report_status = 0;
	start(&rig, NULL);
	assert_true(gate_wait(&world.reports, 1));
	assert_int_equal(send_report(&rig, "sip:u1@x", "m1", "delivered"), 200);
	wait_records(&rig, 0);
	assert_int_equal(world.parts, 2);
	close_rig(&rig);
}

/* When the time is over, what is known is told. */
static void test_the_time_is_over(void **state)
{
	char body[1024];
	struct cpm_message_draft draft;
	struct cf_options options;
	struct rig rig;

	(void)state;
	open_rig(&rig);
	options = options_of(&rig);
	options.window_ms = 3600000;
	stop(&rig);
	start(&rig, &options);
	make_group(2, NULL);
	draft = message_of("m1", "positive-delivery", body, sizeof(body));
	draft.expires_s = 1;
	assert_int_equal(ask_draft(&rig, &draft), 202);
	assert_int_equal(send_report(&rig, "sip:u0@x", "m1", "delivered"), 200);
	wait_records(&rig, 0);
	assert_int_equal(world.parts, 1);
	close_rig(&rig);
}

/* What waits for reports makes room for what is to be sent. */
static void test_no_room(void **state)
{
	struct cf_options options;
	struct rig rig;

	(void)state;
	open_rig(&rig);
	options = options_of(&rig);
	options.max_bytes = 100;
	stop(&rig);
	start(&rig, &options);
	make_group(2, NULL);
	assert_int_equal(send_message(&rig, "m1", "positive-delivery"), 503);
	stop(&rig);
	options.max_bytes = 12000;
	start(&rig, &options);
	for (unsigned i = 0; i < 20; i++) {
		char id[16];

		snprintf(id, sizeof(id), "m%u", i + 2);
		assert_int_equal(send_message(&rig, id, "positive-delivery"), 202);
		assert_true(gate_wait(&world.copies, 2 * (i + 1)));
		wait_records(&rig, records(&rig));
	}
	assert_true(records(&rig) < 20 * 2);
	close_rig(&rig);
}

static void test_a_storm(void **state)
{
	enum { N = 300, MEMBERS = 20 };
	static _Atomic unsigned status[N];
	struct gate answered = GATE_INIT;
	struct rig rig;

	(void)state;
	open_rig(&rig);
	make_group(MEMBERS, NULL);
	for (unsigned i = 0; i < N; i++) {
		char id[16], body[1024];
		struct cpm_message_draft draft;

		snprintf(id, sizeof(id), "s%u", i);
		draft = message_of(id, "", body, sizeof(body));
		post_message(&rig, i, &draft, &answered, &status[i]);
	}
	assert_true(gate_wait(&answered, N));
	wait_records(&rig, 0);
	assert_int_equal(sum_got(MEMBERS, N), N * MEMBERS);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(status[i], 202);
	close_rig(&rig);
}

static int open_all(void **state)
{
	struct pol_source source = { .kind = POL_GROUP };
	struct err err;

	(void)state;
	pthread_mutex_init(&world.lock, NULL);
	atomic_store(&log_levels[LOG_CPM], LOG_ERROR);
	if (xml_init(NULL, &err) < 0)
		return -1;
	return pol_doc_parse(&source, STRV(RULES), NULL, &house.doc, &err);
}

static int close_all(void **state)
{
	(void)state;
	pol_doc_drop(&house.doc);
	xml_fini();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_a_thousand),
		cmocka_unit_test(test_reports_are_gathered),
		cmocka_unit_test(test_strangers_do_not_report),
		cmocka_unit_test(test_failures_are_told),
		cmocka_unit_test(test_a_crash_in_the_fan_out),
		cmocka_unit_test(test_a_crash_among_the_reports),
		cmocka_unit_test(test_the_time_is_over),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_a_storm),
	};

	return cmocka_run_group_tests_name("cf_job", tests, open_all, close_all);
}
