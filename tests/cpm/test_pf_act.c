/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/cpm/test_pf_act.c - a message to several devices, each with its own outcome
 *
 * Devices, the store and time are scripts: "0:480" is device 0 saying so, "T" the timer, "S0" the
 * store having it (1: full, 2: busy). What the function does is a line of words, compared.
 */
#include "cpm/participating/pf_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cpm/imdn.h"

enum { DEVICES = 3 };

static char said[512];

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
	size_t n = strlen(said);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said + n, sizeof(said) - n, fmt, ap);
	va_end(ap);
}

/* ---- a net that is a script ---- */

static struct {
	pf_status_fn *done;
	void *arg;
} pending[DEVICES];
static deferred_stored_fn *storing;
static void *storing_arg;
static struct wheel_timer *timer;
static void (*timer_fn)(struct wheel_timer *timer);
static int at_once; /* devices answer before send returns */
static const struct pf_device device[DEVICES] = {
	{ STRV("d0"), STRV(""), 3, 3, &device[0] },
	{ STRV("d1"), STRV(""), 2, 2, &device[1] },
	{ STRV("d1"), STRV(""), 1, 1, &device[2] }, /* another flow of it */
};

static void *fake_make(void *arg, const struct cpm_message_draft *message, struct strv type,
		       struct strv body)
{
	(void)arg;
	(void)message;
	(void)type;
	return strdup(body.p ? "text" : "");
}

static void fake_drop(void *arg, void **made)
{
	(void)arg;
	free(*made);
	*made = NULL;
}

static int fake_send(void *arg, const void *binding, void *made, struct strv lines,
		     const struct trace_id *trace, pf_status_fn *done, void *done_arg)
{
	unsigned i = (unsigned)((const struct pf_device *)binding - device);

	(void)arg;
	(void)trace;
	say(" send%u%s%s", i, (const char *)made, lines.n ? "!" : "");
	if (at_once) {
		done(done_arg, 430);
	} else {
		pending[i].done = done;
		pending[i].arg = done_arg;
	}
	return 0;
}

static void fake_timer_set(void *arg, struct wheel_timer *set, unsigned delay_ms,
			   void (*fn)(struct wheel_timer *timer))
{
	(void)arg;
	assert_int_equal(delay_ms, 5000);
	timer = set;
	timer_fn = fn;
}

static void fake_timer_clear(void *arg, struct wheel_timer *cleared)
{
	(void)arg;
	if (timer == cleared)
		timer = NULL;
}

static void fake_store(void *arg, struct strv user, struct cpm_message *message,
		       const struct strv *taken, unsigned n, deferred_stored_fn *done,
		       void *done_arg)
{
	(void)arg;
	(void)message;
	assert_true(strv_eq(user, STRV("sip:bob@x")));
	say(" store[");
	for (unsigned i = 0; i < n; i++)
		say("%s%.*s", i ? "," : "", STRV_ARG(taken[i]));
	say("]");
	storing = done;
	storing_arg = done_arg;
}

static void fake_release(void *arg, struct pf_devices **devices)
{
	(void)arg;
	if (*devices)
		say(" end");
	*devices = NULL;
}

/* Reports look for their recipient first, and here find nobody. */
static void fake_find_user(void *arg, struct strv identity, auth_found_fn *done, void *context)
{
	(void)arg;
	say(" report:%.*s", STRV_ARG(identity));
	done(context, AUTH_BUSY, NULL);
}

static int64_t fake_now(void *arg)
{
	(void)arg;
	return INT64_C(1700000000000000);
}

static const struct pf_net net = {
	.find_user = fake_find_user,
	.release = fake_release,
	.make = fake_make,
	.drop = fake_drop,
	.send = fake_send,
	.timer_set = fake_timer_set,
	.timer_clear = fake_timer_clear,
	.now_us = fake_now,
	.store = fake_store,
};

/* ---- rows ---- */

#define TEXT "To: <sip:b@x>\r\n\r\nContent-Type: text/plain\r\n\r\nhi"

static const struct row {
	const char *why;
	enum pf_mode mode;
	unsigned n_devices;
	int may_store, is_silent, at_once;
	unsigned asked;
	const char *script, *expected;
} rows[] = {
	{ "one device takes it", PF_DEVICES_ALL, 1, 1, 0, 0, 0, "0:200", " send0 =200/1 end" },
	{ "two devices: the first one answers for both", PF_DEVICES_ALL, 2, 1, 0, 0, 0,
	  "1:200 0:200", " send0 send1 =200/1 end" },
	{ "without alerting", PF_DEVICES_ALL, 1, 1, 1, 0, 0, "0:202", " send0! =200/1 end" },
	{ "one is away: it gets it later", PF_DEVICES_ALL, 2, 1, 0, 0, 0, "1:200 0:480 S0",
	  " send0 send1 =200/1 store[d1] end" },
	{ "away first", PF_DEVICES_ALL, 2, 1, 0, 0, 0, "0:408 1:200 S0",
	  " send0 send1 =200/1 store[d1] end" },
	{ "nothing may be stored", PF_DEVICES_ALL, 2, 0, 0, 0, 0, "1:200 0:480",
	  " send0 send1 =200/1 end" },
	{ "nobody is there, and it is kept", PF_DEVICES_ALL, 0, 1, 0, 0, 0, "S0",
	  " store[] =202/0 end" },
	{ "no room", PF_DEVICES_ALL, 0, 1, 0, 0, 0, "S1", " store[] =480/0 end" },
	{ "the store is busy", PF_DEVICES_ALL, 0, 1, 0, 0, 0, "S2", " store[] =503/0 end" },
	{ "nobody is there, and it is not kept", PF_DEVICES_ALL, 0, 0, 0, 0, 0, "", " =480/0 end" },
	{ "both are away", PF_DEVICES_ALL, 2, 1, 0, 0, 0, "0:480 1:503 S0",
	  " send0 send1 store[] =202/0 end" },
	{ "both are away, nothing is kept", PF_DEVICES_ALL, 2, 0, 0, 0, 0, "0:503 1:408",
	  " send0 send1 =480/0 end" },
	{ "stored is reported when asked for", PF_DEVICES_ALL, 0, 1, 0, 0, IMDN_ASK_PROCESSING,
	  "S0", " store[] =202/0 report:sip:alice@x end" },
	{ "not when it was not kept", PF_DEVICES_ALL, 0, 1, 0, 0, IMDN_ASK_PROCESSING, "S1",
	  " store[] =480/0 end" },
	{ "nobody answers in time", PF_DEVICES_ALL, 1, 1, 0, 0, 0, "T S0 0:408",
	  " send0 store[] =202/0 end" },
	{ "and takes it after all", PF_DEVICES_ALL, 1, 1, 0, 0, 0, "T S0 0:200",
	  " send0 store[] =202/0 end" },
	{ "while it is being stored", PF_DEVICES_ALL, 1, 1, 0, 0, 0, "T 0:200 S0",
	  " send0 store[] =200/1 end" },
	{ "late, and nothing may be stored", PF_DEVICES_ALL, 1, 0, 0, 0, 0, "T 0:200",
	  " send0 =200/1 end" },
	{ "the user declines", PF_DEVICES_ALL, 2, 1, 0, 0, 0, "0:603 1:480",
	  " send0 send1 =603/0 end" },
	{ "refused for good", PF_DEVICES_ALL, 1, 1, 0, 0, 0, "0:420", " send0 =420/0 end" },
	{ "one refuses, one is away: kept", PF_DEVICES_ALL, 2, 1, 0, 0, 0, "0:420 1:480 S0",
	  " send0 send1 store[] =202/0 end" },
	{ "plain text is tried", PF_DEVICES_ALL, 1, 1, 0, 0, 0, "0:415 0:200",
	  " send0 send0text =200/1 end" },
	{ "and remembered", PF_DEVICES_ALL, 1, 1, 0, 0, 0, "0:200", " send0text =200/1 end" },
	{ "plain text is refused, too", PF_DEVICES_ALL, 1, 1, 0, 0, 0, "0:415",
	  " send0text =415/0 end" },
	{ "another flow of the device", PF_DEVICES_ALL, 3, 1, 0, 0, 0, "1:430 2:200 0:200",
	  " send0text send1 send2 =200/1 end" },
	{ "all flows are dead", PF_DEVICES_ALL, 3, 0, 0, 1, 0, "",
	  " send0text send1 send2 =480/0 end" },
	{ "one after another", PF_DEVICES_PREFERRED, 2, 1, 0, 0, 0, "0:480 1:200",
	  " send0text send1 =200/1 end" },
	{ "the next when the first is slow", PF_DEVICES_PREFERRED, 2, 1, 0, 0, 0, "T 1:200 0:480",
	  " send0text send1 =200/1 end" },
	{ "and kept when all are", PF_DEVICES_PREFERRED, 2, 1, 0, 0, 0, "T T S0 0:408 1:408",
	  " send0text send1 store[] =202/0 end" },
	{ "one after another, all gone at once", PF_DEVICES_PREFERRED, 3, 0, 0, 1, 0, "",
	  " send0text send1 send2 =480/0 end" },
	{ "the preferred one alone", PF_DEVICES_ONE, 2, 0, 0, 0, 0, "0:480",
	  " send0text =480/0 end" },
};

static void on_done(void *arg, const struct pf_result *result)
{
	(void)arg;
	say(" =%u/%u", result->status, result->reached);
}

static void never(struct cache_value *value)
{
	(void)value;
	fail_msg("the rules were dropped too often");
}

static void play(const char *script)
{
	while (*script) {
		unsigned i = (unsigned)(*script - '0');

		if (*script == 'T') {
			struct wheel_timer *due = timer;

			assert_non_null(due);
			timer = NULL;
			timer_fn(due);
		} else if (*script == 'S') {
			assert_non_null(storing);
			storing(storing_arg, (enum deferred_stored)(script[1] - '0'));
		} else {
			pf_status_fn *done = pending[i].done;

			assert_non_null(done);
			pending[i].done = NULL;
			done(pending[i].arg, (unsigned)strtoul(script + 2, NULL, 10));
		}
		script += strcspn(script, " ");
		script += *script == ' ';
	}
}

static void try_row(struct pf *pf, const struct row *row)
{
	const struct cpm_message_draft draft = { .sender = { STRV("sip:alice@x") },
						 .n_sender = 1,
						 .recipient = STRV("sip:bob@x"),
						 .content_type = STRV("message/cpim"),
						 .body = STRV(TEXT),
						 .message_id = STRV("m1"),
						 .datetime = STRV("2024-05-21T13:02:11Z"),
						 .asked = row->asked };
	struct pf_devices devices = { row->n_devices, device, 0 };
	struct cpm_user_rules rules = { .lost = 0 };
	struct pf_term *term = calloc(1, sizeof(*term));

	cache_value_init(&rules.value, 0, 0, never);
	term->pf = pf;
	term->message = cpm_message_new(&draft);
	term->done = on_done;
	term->rules = (const struct cpm_user_rules *)(void *)cache_value_hold(&rules.value);
	term->devices = &devices;
	term->decided.may_store = row->may_store;
	term->decided.is_silent = row->is_silent;
	term->home_n = (size_t)sprintf(term->home, "sip:bob@x");
	pf->options.mode = row->mode;
	at_once = row->at_once;
	timer = NULL;
	storing = NULL;
	said[0] = '\0';
	pf_act(term);
	play(row->script);
	if (strcmp(said, row->expected))
		fail_msg("%s:%s", row->why, said);
	assert_null(timer);
}

static void each_device_has_its_own_outcome(void **state)
{
	const struct pf_options options = { .net = &net, .answer_ms = 5000 };
	struct pf *pf;

	(void)state;
	assert_int_equal(pf_new(&options, &pf, NULL), 0);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		try_row(pf, &rows[i]);
	pf_free(&pf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_device_has_its_own_outcome),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
