/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/controlling/cf_fanout.c - copies are handed over, some at a time
 *
 * Messages of one worker take turns, a copy each, so that a group of a thousand does not hold up
 * one of three, and so many copies a turn of the loop, so that they hold up nobody else. A member
 * whose copy could not be taken now (overload, no answer, another domain that is away) waits for
 * the next pass over the list; after the last one it is given up, and said so if the sender asked.
 */
#include "cpm/controlling/cf_work_priv.h"

#include <string.h>

#include "base/log.h"

static const unsigned pass_s[] = { 1, 4, 16, 64, 256 };
enum { PASSES = sizeof(pass_s) / sizeof(pass_s[0]) };

static void pump(struct cf_shard *shard);

/* ---- the ring ---- */

static void ring_enter(struct cf_job *job)
{
	struct cf_shard *shard = job->shard;

	if (job->ring_next)
		return;
	if (!shard->ring) {
		shard->ring = job->ring_next = job->ring_prev = job;
		return;
	}
	job->ring_next = shard->ring;
	job->ring_prev = shard->ring->ring_prev;
	job->ring_prev->ring_next = job;
	shard->ring->ring_prev = job;
}

void cf_fanout_leave(struct cf_job *job)
{
	struct cf_shard *shard = job->shard;

	if (!job->ring_next)
		return;
	if (job->ring_next == job) {
		shard->ring = NULL;
	} else {
		job->ring_prev->ring_next = job->ring_next;
		job->ring_next->ring_prev = job->ring_prev;
		if (shard->ring == job)
			shard->ring = job->ring_next;
	}
	job->ring_next = job->ring_prev = NULL;
}

/* ---- one copy ---- */

/* Not theirs and not for good: worth another try. */
static int is_temporary(unsigned status)
{
	return status == 408 || status == 500 || status == 503 || status == 504;
}

void cf_member_ended(struct cf_job *job, unsigned member, enum cf_outcome outcome)
{
	int was_open = cf_report_is_open(job, member);

	job->state[member].outcome = (uint8_t)outcome;
	job->waiting--;
	job->unsaved++;
	metric_add(outcome == CF_HANDED ? job->shard->cf->copies : job->shard->cf->failed, 1);
	if (outcome == CF_FAILED && job->head.wants & IMDN_ASK_NEGATIVE_DELIVERY)
		cf_report_note(job, member, IMDN_DELIVERY, IMDN_FAILED);
	job->open -= (unsigned)(was_open && !cf_report_is_open(job, member));
}

static void on_copy_done(void *arg, const struct pf_result *result)
{
	struct cf_kick *kick = arg;
	struct cf_job *job = kick->job;
	struct cf_shard *shard = job->shard;
	unsigned member = kick->member;

	kick->next = shard->idle;
	shard->idle = kick;
	job->in_flight--;
	if (job->state[member].outcome != CF_WAITS)
		; /* it had expired meanwhile */
	else if (result->status >= 200 && result->status < 300)
		cf_member_ended(job, member, CF_HANDED);
	else if (!is_temporary(result->status))
		cf_member_ended(job, member, CF_FAILED);
	else
		metric_add(shard->cf->retries, 1);
	cf_job_settle(job);
	pump(shard);
}

static void send_one(struct cf_job *job, unsigned member)
{
	struct cf_shard *shard = job->shard;
	struct cf_kick *kick = shard->idle;
	struct cpm_message *one = cf_copy_for(job->copy, job->head.member[member]);

	if (!one)
		return; /* no memory: the next pass */
	shard->idle = kick->next;
	kick->job = job;
	kick->member = member;
	job->in_flight++;
	shard->cf->options.send(shard->cf->options.send_arg, one, on_copy_done, kick);
	cpm_message_drop(&one);
}

/* ---- turns ---- */

/* The next member of JOB's that waits; n: none in this pass. */
static unsigned next_member(struct cf_job *job)
{
	while (job->cursor < job->head.n && job->state[job->cursor].outcome != CF_WAITS)
		job->cursor++;
	return job->cursor;
}

static void pump(struct cf_shard *shard)
{
	unsigned left = CF_A_TURN;

	if (shard->pumping || atomic_load_explicit(&shard->cf->stopping, memory_order_relaxed))
		return;
	shard->pumping = 1;
	while (shard->ring && shard->idle && left) {
		struct cf_job *job = shard->ring;
		unsigned member = next_member(job);

		shard->ring = job->ring_next;
		if (member == job->head.n) {
			cf_fanout_leave(job);
			cf_job_settle(job);
			continue;
		}
		job->cursor++;
		left--;
		send_one(job, member); /* JOB may be gone */
	}
	shard->pumping = 0;
	if (shard->ring && shard->idle && !shard->turn_is_posted) {
		shard->turn_is_posted = 1;
		worker_post(shard->worker, &shard->turn);
	}
}

void cf_fanout_turn(struct post *post)
{
	struct cf_shard *shard =
		(struct cf_shard *)(void *)((char *)post - offsetof(struct cf_shard, turn));

	shard->turn_is_posted = 0;
	pump(shard);
}

void cf_fanout_begin(struct cf_job *job)
{
	job->cursor = 0;
	ring_enter(job);
	pump(job->shard);
}

/* ---- passes ---- */

static void on_retry(struct wheel_timer *timer)
{
	struct cf_job *job =
		(struct cf_job *)(void *)((char *)timer - offsetof(struct cf_job, retry));

	if (!atomic_load_explicit(&job->shard->cf->stopping, memory_order_relaxed))
		cf_fanout_begin(job);
}

void cf_fanout_settle(struct cf_job *job)
{
	if (job->phase != CF_SENDING || job->in_flight || job->ring_next || !job->waiting ||
	    wheel_timer_is_set(&job->retry))
		return;
	if (job->pass < PASSES) {
		job->urgent |= job->unsaved > 0;
		worker_timer_set(job->shard->worker, &job->retry, pass_s[job->pass++] * 1000,
				 on_retry);
		return;
	}
	log_warn(LOG_CPM, "members of a group could not be reached", L_SV("group", job->head.focus),
		 L_INT("members", job->waiting));
	for (unsigned i = 0; i < job->head.n; i++)
		if (job->state[i].outcome == CF_WAITS)
			cf_member_ended(job, i, CF_FAILED);
}
