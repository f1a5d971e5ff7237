/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/crash/kvload_check.c - the judge: is the store what its history says?
 *
 * The journal tells which batches happened, and when; it has to agree with what the load was told.
 * Replaying those batches gives what each owner must hold, octet by octet, and the state in which
 * each precondition was judged. Prints one JSON object on stdout.
 */
#include "tests/crash/kvload.h"
#include "tests/crash/kvload_log.h"
#include "tests/crash/kvload_model.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { JOURNAL_CHUNK = 512 };

/* What can be wrong. */
enum wrong {
	WRONG_LOST,    /* told to be done, or shown to somebody, and missing */
	WRONG_GHOST,   /* told that nothing happened, and present */
	WRONG_HALF,    /* a batch that is in the journal in another form than it was asked for */
	WRONG_ORDER,   /* batches of one owner out of order */
	WRONG_CONTENT, /* a record is missing, is too much, or has other octets or version */
	WRONG_REQUIRE, /* a precondition was judged wrongly */
	WRONG_JOURNAL, /* gaps, times that go back, commits that nobody asked for */
	WRONG_VERIFY,  /* the store's own verification finds a fault, or cannot be made */
	WRONG_RUN,     /* the load itself saw a promise broken */
	WRONGS
};

static const char *const wrong_names[WRONGS] = { "lost",    "ghost",   "half",	 "order", "content",
						 "require", "journal", "verify", "run" };

struct judge {
	const struct load_options *options;
	struct kv *kv;
	struct history history;
	uint64_t seq;	/* the store's last commit */
	uint64_t first; /* of its journal */
	uint64_t unknown, unknown_done, records;
	uint64_t wrong[WRONGS];
	char text[400]; /* of the first fault */
};

static void __attribute__((format(printf, 3, 4)))
complain(struct judge *judge, enum wrong what, const char *fmt, ...)
{
	va_list args;
	int n;

	if (judge->wrong[what]++ > 0 || *judge->text)
		return;
	n = snprintf(judge->text, sizeof(judge->text), "%s: ", wrong_names[what]);
	va_start(args, fmt);
	vsnprintf(judge->text + n, sizeof(judge->text) - (size_t)n, fmt, args);
	va_end(args);
}

/* ---- the journal ---- */

static int is_required(const struct plan_op *op)
{
	return op->kind == PLAN_ABSENT || op->kind == PLAN_AT;
}

static int op_same(const struct plan_op *asked, const struct kv_op *told)
{
	static const int kinds[] = {
		[KV_OP_PUT] = PLAN_PUT, [KV_OP_DEL] = PLAN_DEL, [KV_OP_DEL_RANGE] = PLAN_RANGE
	};

	return (int)asked->kind == kinds[told->kind] && strv_eq(strv_of(asked->name), told->name) &&
	       (told->kind != KV_OP_DEL_RANGE || strv_eq(strv_of(asked->to), told->to));
}

/* The journal's operations are those that were asked for, in order. */
static int ops_same(const struct past_batch *batch, const struct kv_change *change)
{
	unsigned k = 0;

	for (unsigned i = 0; i < batch->n_ops; i++) {
		if (is_required(&batch->ops[i]))
			continue;
		if (k == change->n_ops || !op_same(&batch->ops[i], &change->ops[k++]))
			return 0;
	}
	return k == change->n_ops;
}

static void judge_change(struct judge *judge, const struct kv_change *change)
{
	struct past_owner *owner = history_owner(&judge->history, change->owner, 0);
	struct past_batch *batch = NULL;
	struct strv name = change->n_ops > 0 ? change->ops[0].name : STRV("");
	uint64_t counter;

	if (owner && strv_starts(name, STRV("n/")) &&
	    strv_u64(strv_mem(name.p + 2, name.n - 2), UINT64_MAX, &counter) == 0)
		batch = past_batch_find(owner, counter);
	if (!batch) {
		complain(judge, WRONG_JOURNAL,
			 "commit %" PRIu64 " of %.*s, \"%.*s\", was never asked for", change->seq,
			 STRV_ARG(change->owner), STRV_ARG(name));
	} else if (batch->seq != 0) {
		complain(judge, WRONG_HALF,
			 "batch %s %" PRIu64 " happened twice, at %" PRIu64 " and %" PRIu64,
			 owner->name, counter, batch->seq, change->seq);
	} else {
		batch->seq = change->seq;
		if (!ops_same(batch, change))
			complain(judge, WRONG_HALF,
				 "commit %" PRIu64 " is not the batch %s %" PRIu64, change->seq,
				 owner->name, counter);
	}
}

static int judge_journal(struct judge *judge)
{
	struct arena *arena = arena_new(0);
	struct kv_change *changes;
	uint64_t next = judge->first;
	int64_t time_us = INT64_MIN;
	struct err err;
	unsigned n = 0;
	int ret = arena ? 0 : -1;

	while (ret == 0 && judge->seq > 0 && next <= judge->seq) {
		arena_reset(arena);
		if (kv_journal_sync(judge->kv, next, JOURNAL_CHUNK, arena, &changes, &n, &err) <
			    0 ||
		    n == 0) {
			complain(judge, WRONG_JOURNAL, "cannot be read from %" PRIu64 " on: %s",
				 next, n == 0 ? "it ends" : err.text);
			break;
		}
		for (unsigned i = 0; i < n; i++) {
			if (changes[i].seq != next++)
				complain(judge, WRONG_JOURNAL,
					 "%" PRIu64 " stands where %" PRIu64 " should",
					 changes[i].seq, next - 1);
			if (changes[i].time_us < time_us)
				complain(judge, WRONG_JOURNAL,
					 "the time goes back at commit %" PRIu64, changes[i].seq);
			time_us = changes[i].time_us;
			judge_change(judge, &changes[i]);
		}
	}
	arena_free(&arena);
	return ret;
}

/* ---- outcomes and preconditions ---- */

static int require_holds(const struct model *model, const struct plan_op *op)
{
	const struct model_record *record = model_find(model, op->name);

	if (op->kind == PLAN_ABSENT)
		return !record;
	return record && record->batch->seq == op->arg;
}

static int requires_hold(const struct model *model, const struct past_batch *batch)
{
	for (unsigned i = 0; i < batch->n_ops; i++)
		if (is_required(&batch->ops[i]) && !require_holds(model, &batch->ops[i]))
			return 0;
	return 1;
}

/* What the load was told about BATCH, against the journal. */
static void judge_outcome(struct judge *judge, const struct past_owner *owner,
			  struct past_batch *batch)
{
	switch (batch->outcome) {
	case PAST_DONE:
		/* The journal does not go back so far: what the owner holds will tell. */
		if (batch->seq == 0 && batch->told_seq > 0 && batch->told_seq < judge->first)
			batch->seq = batch->told_seq;
		/* An acknowledgement without a number can only be missing, not wrong. */
		if (batch->seq == batch->told_seq ? batch->seq != 0
						  : batch->told_seq == 0 && batch->seq)
			break;
		complain(judge, WRONG_LOST,
			 "batch %s %" PRIu64 " was acknowledged as commit %" PRIu64
			 ", the journal has it at %" PRIu64 " of %" PRIu64,
			 owner->name, batch->counter, batch->told_seq, batch->seq, judge->seq);
		break;
	case PAST_CONFLICT:
	case PAST_REFUSED:
		if (batch->seq != 0)
			complain(judge, WRONG_GHOST,
				 "batch %s %" PRIu64 " was refused, and is commit %" PRIu64,
				 owner->name, batch->counter, batch->seq);
		break;
	case PAST_UNKNOWN:
		judge->unknown++;
		judge->unknown_done += batch->seq != 0;
		break;
	}
}

/* A refusal must have had its reason, and nothing may overtake a batch that could have happened. */
static void judge_absence(struct judge *judge, const struct past_owner *owner, size_t at, int holds)
{
	const struct past_batch *batch = &owner->batches[at];

	if (!holds || judge->options->refusals_ok)
		return;
	if (batch->outcome == PAST_CONFLICT)
		complain(judge, WRONG_REQUIRE, "batch %s %" PRIu64 " was in conflict with nothing",
			 owner->name, batch->counter);
	if (batch->outcome != PAST_UNKNOWN)
		return;
	for (size_t i = at + 1; i < owner->n_batches && owner->batches[i].run == batch->run; i++)
		if (owner->batches[i].seq != 0) {
			complain(judge, WRONG_ORDER,
				 "batch %s %" PRIu64 " happened, %" PRIu64 " before it did not",
				 owner->name, owner->batches[i].counter, batch->counter);
			return;
		}
}

static void judge_batches(struct judge *judge, struct past_owner *owner, struct model *model)
{
	uint64_t before = 0;

	for (size_t i = 0; i < owner->n_batches; i++)
		judge_outcome(judge, owner, &owner->batches[i]);
	for (size_t i = 0; i < owner->n_batches; i++) {
		struct past_batch *batch = &owner->batches[i];
		int holds = requires_hold(model, batch);

		if (batch->seq == 0) {
			judge_absence(judge, owner, i, holds);
			continue;
		}
		if (!holds)
			complain(judge, WRONG_REQUIRE,
				 "commit %" PRIu64 " of %s happened against its preconditions",
				 batch->seq, owner->name);
		if (batch->seq < before)
			complain(judge, WRONG_ORDER, "commit %" PRIu64 " of %s came after %" PRIu64,
				 batch->seq, owner->name, before);
		before = batch->seq;
		model_apply(model, batch);
	}
	if (owner->read_version > before)
		complain(judge, WRONG_LOST,
			 "a reader saw %s at commit %" PRIu64 ", it is at %" PRIu64, owner->name,
			 owner->read_version, before);
}

/* ---- content ---- */

static int value_same(const struct past_owner *owner, const struct model_record *want,
		      struct strv got)
{
	static unsigned char value[PLAN_VALUE_MAX];
	struct plan plan = { .counter = want->batch->counter };

	memcpy(plan.owner, owner->name, sizeof(plan.owner));
	plan.ops[want->op] = want->batch->ops[want->op];
	if (got.n != plan.ops[want->op].arg)
		return 0;
	plan_value(&plan, want->op, value);
	return got.n == 0 || memcmp(value, got.p, got.n) == 0;
}

static void judge_record(struct judge *judge, const struct past_owner *owner,
			 const struct model_record *want, const struct kv_record *got)
{
	judge->records++;
	if (!strv_eq(got->name, strv_of(want->name)))
		complain(judge, WRONG_CONTENT, "%s has \"%.*s\" where \"%s\" should be",
			 owner->name, STRV_ARG(got->name), want->name);
	else if (got->version != want->batch->seq)
		complain(judge, WRONG_CONTENT,
			 "%s \"%s\" is of commit %" PRIu64 " instead of %" PRIu64, owner->name,
			 want->name, got->version, want->batch->seq);
	else if (!value_same(owner, want, got->value))
		complain(judge, WRONG_CONTENT, "%s \"%s\" of commit %" PRIu64 " has other octets",
			 owner->name, want->name, got->version);
}

static void judge_owner(struct judge *judge, struct past_owner *owner, struct arena *arena)
{
	struct kv_item item = { .kind = KV_RANGE };
	struct kv_read read = {
		.owner = strv_of(owner->name), .items = &item, .n_items = 1, .arena = arena
	};
	struct model model = { .n = 0 };
	uint64_t last = 0;
	enum kv_status status;

	judge_batches(judge, owner, &model);
	status = kv_read_sync(judge->kv, &read);
	if (status != KV_DONE) {
		complain(judge, WRONG_VERIFY, "reading %s: %s", owner->name,
			 kv_status_name(status));
		model_fini(&model);
		return;
	}
	for (size_t i = 0; i < owner->n_batches; i++)
		if (owner->batches[i].seq > last)
			last = owner->batches[i].seq;
	if (read.version != last)
		complain(judge, WRONG_CONTENT, "%s is at version %" PRIu64 " instead of %" PRIu64,
			 owner->name, read.version, last);
	if (item.n_records != model.n)
		complain(judge, WRONG_CONTENT, "%s has %u records instead of %u", owner->name,
			 item.n_records, model.n);
	for (unsigned i = 0; i < item.n_records && i < model.n; i++)
		judge_record(judge, owner, &model.records[i], &item.records[i]);
	model_fini(&model);
}

static int judge_owners(struct judge *judge)
{
	struct arena *arena = arena_new(0);

	for (unsigned i = 0; arena && i < HISTORY_OWNERS_MAX; i++) {
		arena_reset(arena);
		if (*judge->history.owners[i].name)
			judge_owner(judge, &judge->history.owners[i], arena);
	}
	if (judge->history.published > judge->seq)
		complain(judge, WRONG_LOST,
			 "a subscriber was told of commit %" PRIu64 ", the last is %" PRIu64,
			 judge->history.published, judge->seq);
	if (!arena)
		return -1;
	arena_free(&arena);
	return 0;
}

/* ---- the whole ---- */

static void judge_verify(struct judge *judge, int open)
{
	struct kv_verify_report report = { .faults = 0 };
	struct err err;
	int ret = open ? kv_verify_sync(judge->kv, NULL, NULL, &report, &err)
		       : kv_verify_dir(judge->options->kv.dir, NULL, NULL, &report, &err);

	if (ret < 0)
		complain(judge, WRONG_VERIFY, "%s: %s", open ? "open" : "closed", err.text);
	else if (report.faults > 0)
		complain(judge, WRONG_VERIFY, "%s: %s", open ? "open" : "closed",
			 report.first_fault);
}

static void print_json_text(const char *key, const char *text)
{
	printf(", \"%s\": \"", key);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar((unsigned char)*text < ' ' ? ' ' : *text);
	}
	putchar('"');
}

static void print_verdict(const struct judge *judge, uint64_t open_ms)
{
	printf("{\"open_ms\": %" PRIu64 ", \"seq\": %" PRIu64 ", \"journal_first\": %" PRIu64,
	       open_ms, judge->seq, judge->first);
	printf(", \"done\": %" PRIu64 ", \"conflicts\": %" PRIu64 ", \"refused\": %" PRIu64,
	       judge->history.done, judge->history.conflicts, judge->history.refused);
	printf(", \"unknown\": %" PRIu64 ", \"unknown_done\": %" PRIu64 ", \"records\": %" PRIu64,
	       judge->unknown, judge->unknown_done, judge->records);
	for (unsigned i = 0; i < WRONGS; i++)
		printf(", \"%s\": %" PRIu64, wrong_names[i], judge->wrong[i]);
	print_json_text("first", judge->text);
	printf("}\n");
}

static int judge_open_store(struct judge *judge)
{
	const struct history *history = &judge->history;

	judge->seq = kv_seq(judge->kv);
	judge->first = kv_journal_first(judge->kv);
	if (judge->first == 0)
		judge->first = 1;
	if (judge_journal(judge) < 0 || judge_owners(judge) < 0)
		return -1;
	if (history->complaints > 0)
		complain(judge, WRONG_RUN, "%s", history->complaint);
	if (judge->seq > 0 && judge->seq - judge->first + 1 < judge->options->min_journal &&
	    judge->first > 1)
		complain(judge, WRONG_JOURNAL,
			 "it has %" PRIu64 " commits left, %" PRIu64 " were to be kept",
			 judge->seq - judge->first + 1, judge->options->min_journal);
	judge_verify(judge, 1);
	return 0;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

int load_check(const struct load_options *options)
{
	static struct judge judge;
	uint64_t start = now_ms();
	uint64_t open_ms;
	uint64_t all = 0;
	struct err err;
	int ret = LOAD_EXIT_USAGE;

	judge.options = options;
	if (kv_open(&options->kv, NULL, &judge.kv, &err) < 0) {
		printf("{\"refused\": true, \"code\": \"%s\"", err_code_name(err.code));
		print_json_text("first", err.text);
		printf("}\n");
		return LOAD_EXIT_REFUSED;
	}
	open_ms = now_ms() - start;
	if (history_read(options->log, options->upto_backup, &judge.history) == 0)
		ret = judge_open_store(&judge) < 0 ? LOAD_EXIT_MEMORY : 0;
	kv_close(&judge.kv);
	if (ret == 0) {
		if (options->verify_closed)
			judge_verify(&judge, 0);
		print_verdict(&judge, open_ms);
		for (unsigned i = 0; i < WRONGS; i++)
			all += judge.wrong[i];
		ret = all > 0 ? LOAD_EXIT_WRONG : 0;
	}
	history_fini(&judge.history);
	return ret;
}
