/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/controlling/cf_reports.c - reports of members are taken in, and gathered for the sender
 *
 * Of each member and kind the first counts (RFC 5438 s8: one of a kind). A report is acknowledged
 * when it is on disk. The sender is told when everybody has answered, else a while after the first
 * report, then now and again, at last when the time is over (cpm.md 2.2 step 6).
 */
#include <string.h>

#include "base/log.h"
#include "cpm/controlling/cf_work_priv.h"

enum { ARENA_BYTES = 1 << 20 };

/* ---- what is known ---- */

static int wants(const struct cf_job *job, enum imdn_kind kind)
{
	static const unsigned asked[IMDN_KINDS] = {
		[IMDN_DELIVERY] = IMDN_ASK_POSITIVE_DELIVERY | IMDN_ASK_NEGATIVE_DELIVERY,
		[IMDN_DISPLAY] = IMDN_ASK_DISPLAY,
		[IMDN_PROCESSING] = IMDN_ASK_PROCESSING,
		[IMDN_INTERWORKING] = IMDN_ASK_INTERWORKING,
	};

	return (job->head.wants & asked[kind]) != 0;
}

/* Processing and interworking come from some only: nobody waits for them. */
int cf_report_is_open(const struct cf_job *job, unsigned member)
{
	const struct cf_member_state *state = &job->state[member];

	if (state->outcome == CF_FAILED || state->status[IMDN_DELIVERY - 1] == IMDN_FAILED)
		return 0;
	return (wants(job, IMDN_DELIVERY) && !state->status[IMDN_DELIVERY - 1]) ||
	       (wants(job, IMDN_DISPLAY) && !state->status[IMDN_DISPLAY - 1]);
}

static void on_window(struct wheel_timer *timer)
{
	struct cf_job *job =
		(struct cf_job *)(void *)((char *)timer - offsetof(struct cf_job, window));

	job->due = 1;
	cf_job_settle(job);
}

static void wait_for_more(struct cf_job *job)
{
	const struct cf_options *options = &job->shard->cf->options;

	if (job->to_tell && !job->telling && !wheel_timer_is_set(&job->window))
		worker_timer_set(job->shard->worker, &job->window,
				 job->has_told ? options->again_ms : options->window_ms, on_window);
}

int cf_report_note(struct cf_job *job, unsigned member, enum imdn_kind kind,
		   enum imdn_status status)
{
	struct cf_member_state *state = &job->state[member];
	int was_open = cf_report_is_open(job, member);

	if (!wants(job, kind) || state->status[kind - 1])
		return 0;
	state->status[kind - 1] = (uint8_t)status;
	job->open -= (unsigned)(was_open && !cf_report_is_open(job, member));
	job->unsaved++;
	job->urgent = 1;
	job->to_tell++;
	wait_for_more(job);
	return 1;
}

/* ---- telling ---- */

static int is_untold(const struct cf_member_state *state, unsigned kind)
{
	return state->status[kind - 1] && !(state->told >> (kind - 1) & 1);
}

static unsigned collect(struct cf_job *job, struct cf_report reports[CF_REPORTS_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < job->head.n && n < CF_REPORTS_MAX; i++)
		for (unsigned kind = 1; kind < IMDN_KINDS && n < CF_REPORTS_MAX; kind++) {
			if (!is_untold(&job->state[i], kind))
				continue;
			job->told[n].member = i;
			job->told[n].kind = (uint8_t)kind;
			reports[n++] = (struct cf_report){
				.member = job->head.member[i],
				.kind = (enum imdn_kind)kind,
				.status = (enum imdn_status)job->state[i].status[kind - 1],
			};
		}
	return n;
}

static void mark_told(struct cf_job *job)
{
	for (unsigned i = 0; i < job->n_told; i++)
		job->state[job->told[i].member].told |= (uint8_t)(1 << (job->told[i].kind - 1));
	job->to_tell -= job->n_told;
	job->unsaved++;
	job->urgent = 1;
}

static void on_told(void *arg, const struct pf_result *result)
{
	struct cf_job *job = arg;

	job->telling = 0;
	if (result->status < 300) {
		metric_add(job->shard->cf->gathered, 1);
		mark_told(job);
	} else if (result->status >= 500 && result->status < 600 && !job->expired) {
		job->due = 0; /* next time */
	} else {
		log_info(LOG_CPM, "reports of a group's members were not taken",
			 L_SV("group", job->head.focus), L_INT("status", result->status));
		mark_told(job); /* nobody to tell */
	}
	job->has_told = 1;
	if (!job->to_tell)
		job->due = 0;
	if (!job->due)
		wait_for_more(job);
	cf_job_settle(job);
}

void cf_report_tell(struct cf_job *job)
{
	const struct cf_options *options = &job->shard->cf->options;
	struct cf_report reports[CF_REPORTS_MAX];
	unsigned char random[CF_RANDOM_BYTES];
	struct cpm_message *message;
	unsigned n;

	if (!job->due || job->telling || !job->to_tell)
		return;
	for (unsigned i = 0; i < CF_RANDOM_BYTES; i += 8) {
		uint64_t bits = trace_random();

		memcpy(random + i, &bits, sizeof(bits));
	}
	worker_timer_clear(job->shard->worker, &job->window);
	n = collect(job, reports);
	message = cf_report_make(&job->head, reports, n, options->max_body, random,
				 cf_now_us(job->shard->cf), &job->n_told);
	job->telling = 1;
	if (!message) {
		struct pf_result none = { .status = 500 };

		job->n_told = n;
		on_told(job, &none);
		return;
	}
	options->send(options->send_arg, message, on_told, job);
	cpm_message_drop(&message);
}

/* ---- taking in ---- */

/* The member of JOB that sent MESSAGE; head.n: none. */
static unsigned member_of(const struct cf_job *job, const struct cpm_message_draft *m)
{
	for (unsigned i = 0; i < job->head.n; i++)
		for (unsigned k = 0; k < m->n_sender; k++)
			if (strv_eq(job->head.member[i], m->sender[k]))
				return i;
	return job->head.n;
}

static void run_report(struct cf_call *call)
{
	const struct cpm_message_draft *m = cpm_message_of(call->message);
	struct cf_job *job = NULL;
	unsigned member = 0, n_new = 0;

	if (atomic_load_explicit(&call->cf->stopping, memory_order_relaxed)) {
		cf_call_done(call, 503, NULL);
		return;
	}
	while ((job = cf_job_find(call->shard, m->recipient, call->id, job)) != NULL) {
		member = member_of(job, m);
		if (member < job->head.n && job->phase != CF_ENDING)
			break;
	}
	if (!job) {
		metric_add(call->cf->late, 1);
		cf_call_done(call, 404, "nobody waits for this report");
		return;
	}
	metric_add(call->cf->reports, 1);
	for (unsigned i = 0; i < call->n_imdns; i++)
		n_new += (unsigned)cf_report_note(job, member, (enum imdn_kind)call->imdn[i].kind,
						  (enum imdn_status)call->imdn[i].status);
	if (!n_new) {
		cf_call_done(call, 200, NULL);
		return;
	}
	call->next = job->waiters;
	job->waiters = call;
	cf_job_settle(job);
}

void cf_report_take(struct cf *cf, struct cpm_message *message, pf_done_fn *done, void *arg)
{
	const struct cpm_message_draft *m = cpm_message_of(message);
	struct arena *arena = arena_new(ARENA_BYTES);
	struct imdn imdns[CF_CALL_IMDNS];
	int n = arena ? cf_report_read(m, arena, imdns, CF_CALL_IMDNS) : -1;
	struct cf_call *call = NULL;

	if (n > 0)
		call = cf_call_new(cf, imdns[0].message_id, imdns[0].message_id.n, run_report, done,
				   arg);
	if (call) {
		memcpy(call->text, imdns[0].message_id.p, imdns[0].message_id.n);
		call->id = strv_mem(call->text, imdns[0].message_id.n);
		call->message = cpm_message_hold(message);
		for (int i = 0; i < n; i++) {
			if (!strv_eq(imdns[i].message_id, call->id) || !imdns[i].kind ||
			    !imdns[i].status)
				continue;
			call->imdn[call->n_imdns].kind = (uint8_t)imdns[i].kind;
			call->imdn[call->n_imdns++].status = (uint8_t)imdns[i].status;
		}
	}
	arena_free(&arena);
	if (call)
		cf_call_go(call);
	else
		cf_refuse(done, arg, n > 0 ? 503 : 400, n > 0 ? NULL : "no report can be read",
			  STRV(""));
}
