/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_committer.c - the one thread that commits: groups, publication, completion
 *
 * No waiting for a group to fill: what arrives while one is being synced forms the next, and what
 * arrives while that is being written still joins it. Else callers that commit again as soon as
 * they are answered fall into two halves, one of which always waits for the other's sync. When a
 * group is durable its changes go to the subscribers in order, and only then its callers are told,
 * those of one worker with one post. How a group becomes durable is the engine's.
 */
#include "kv/kv_store.h"

#include <time.h>
#include <unistd.h>

#include "base/log.h"

/* A group is bounded so that its transaction fits the log buffer's order of size and nobody waits
 * long behind it; a single batch may be as large as batches may be. */
enum { GROUP_STEPS_MAX = 8192, GROUP_BYTES_MAX = 16 << 20, IDLE_S = 1 };

/* ---- completion ---- */

static void complete(struct kv_batch *batch)
{
	struct kv_commit_result result = batch->result;
	kv_commit_fn *done = batch->done;
	void *arg = batch->arg;

	kv_batch_free(&batch);
	done(arg, &result);
}

static void on_post(struct post *post)
{
	complete((struct kv_batch *)(void *)((char *)post - offsetof(struct kv_batch, post)));
}

/* Hand the batches from FIRST on to their callers, in order: one bundle a worker. */
static void complete_all(struct kv_batch *first)
{
	struct kv_batch *rest = NULL, **rest_end = &rest, *next;
	struct worker *home;

	while (first) {
		struct post *head = NULL, *tail = NULL;

		home = first->home;
		rest_end = &rest;
		for (struct kv_batch *batch = first; batch; batch = next) {
			next = batch->next;
			if (batch->home != home) {
				*rest_end = batch;
				rest_end = &batch->next;
				continue;
			}
			if (!home) {
				complete(batch);
				continue;
			}
			batch->post.run = on_post;
			batch->post.next = NULL;
			if (tail)
				tail->next = &batch->post;
			else
				head = &batch->post;
			tail = &batch->post;
		}
		*rest_end = NULL;
		if (home)
			worker_post_list(home, head, tail);
		first = rest;
		rest = NULL;
	}
}

/* ---- the queue ---- */

/* Move from the queue to GROUP what has room there. Returns how many batches. Under the lock. */
static unsigned take(struct kv *kv, struct kv_group *group)
{
	struct kv_batch *first = kv->first, *last = NULL;
	unsigned n = 0;

	for (struct kv_batch *batch = first; batch; batch = batch->next) {
		size_t bytes = group->bytes + batch->bytes;
		size_t steps = group->steps + batch->n_steps + 2;

		if (group->n + n && (bytes > GROUP_BYTES_MAX || steps > GROUP_STEPS_MAX))
			break;
		group->bytes = bytes;
		group->steps = steps;
		last = batch;
		n++;
	}
	if (!last)
		return 0;
	kv->first = last->next;
	if (!kv->first)
		kv->last = NULL;
	last->next = NULL;
	kv->queued -= n;
	if (group->last)
		group->last->next = first;
	else
		group->first = first;
	group->last = last;
	group->n += n;
	return n;
}

static unsigned take_more(struct kv_group *group)
{
	unsigned n;

	pthread_mutex_lock(&group->kv->lock);
	n = take(group->kv, group);
	pthread_mutex_unlock(&group->kv->lock);
	return n;
}

static enum kv_status refusal(const struct kv *kv)
{
	if (kv->failed)
		return KV_FAILED;
	return kv->closing || kv->queued >= kv->options.queue_max ? KV_BUSY : KV_DONE;
}

void kv_committer_add(struct kv *kv, struct kv_batch *batch)
{
	enum kv_status status;

	batch->next = NULL;
	batch->home = worker_self();
	batch->asked_us = kv_monotonic_us();
	pthread_mutex_lock(&kv->lock);
	status = refusal(kv);
	if (status == KV_DONE) {
		if (kv->last)
			kv->last->next = batch;
		else
			kv->first = batch;
		kv->last = batch;
		if (kv->queued++ == 0)
			pthread_cond_signal(&kv->wake);
	}
	pthread_mutex_unlock(&kv->lock);
	if (status == KV_DONE)
		return;
	metric_add(status == KV_BUSY ? kv->metrics.busy : kv->metrics.failed, 1);
	batch->result = (struct kv_commit_result){ status, 0 };
	complete(batch);
}

/* ---- a group ---- */

static void count(struct kv *kv, const struct kv_group *group)
{
	uint64_t now_us = kv_monotonic_us();

	kv->groups++;
	metric_add(kv->metrics.groups, 1);
	metric_add(kv->metrics.group_batches, group->n);
	for (const struct kv_batch *batch = group->first; batch; batch = batch->next) {
		switch (batch->result.status) {
		case KV_DONE:
			kv->commits++;
			metric_add(kv->metrics.commits, 1);
			break;
		case KV_CONFLICT:
			kv->conflicts++;
			metric_add(kv->metrics.conflicts, 1);
			break;
		case KV_NO_SPACE:
			kv->no_space++;
			metric_add(kv->metrics.no_space, 1);
			break;
		default:
			metric_add(kv->metrics.busy, 1);
			break;
		}
		metric_observe(kv->metrics.commit_latency, now_us - batch->asked_us);
	}
}

static void publish(struct kv *kv, const struct kv_group *group)
{
	struct kv_change change;

	for (const struct kv_batch *batch = group->first; batch; batch = batch->next) {
		if (batch->result.status != KV_DONE)
			continue;
		kv_batch_change(batch, &change);
		for (unsigned i = 0; i < kv->n_subscribers; i++)
			kv->subscribers[i].fn(kv->subscribers[i].arg, &change);
	}
}

static void fail_all(struct kv_batch *first)
{
	for (struct kv_batch *batch = first; batch; batch = batch->next)
		batch->result = (struct kv_commit_result){ KV_FAILED, 0 };
	complete_all(first);
}

/* The engine failed: everybody who waits is told, then the process ends. What GROUP did is
 * unknown; what still waits did not happen, but its callers have no time left to try again. */
static void end_of_store(struct kv *kv, struct kv_group *group, const char *why)
{
	struct kv_batch *waiting;

	pthread_mutex_lock(&kv->lock);
	kv->failed = 1;
	waiting = kv->first;
	kv->first = kv->last = NULL;
	kv->queued = 0;
	pthread_mutex_unlock(&kv->lock);
	log_error(LOG_KV, "store failed", L_STR("error", why));
	fail_all(group->first);
	fail_all(waiting);
	if (kv->options.fatal) {
		kv->options.fatal(kv->options.fatal_arg, why);
		return;
	}
	_exit(KV_EXIT_FATAL);
}

static void do_group(struct kv *kv, struct kv_group *group)
{
	struct err err = { ERR_NONE, "" };

	if (kv->engine->ops->commit(kv->engine, group, &err) < 0) {
		end_of_store(kv, group, err.text);
		return;
	}
	if (!group->n)
		return;
	count(kv, group);
	publish(kv, group);
	complete_all(group->first);
}

/* ---- tasks ---- */

int kv_committer_run(struct kv *kv, struct kv_task *task)
{
	int failed;

	task->next = NULL;
	task->done = 0;
	pthread_mutex_lock(&kv->lock);
	if (kv->last_task)
		kv->last_task->next = task;
	else
		kv->tasks = task;
	kv->last_task = task;
	pthread_cond_signal(&kv->wake);
	while (!task->done)
		pthread_cond_wait(&kv->idle, &kv->lock);
	failed = kv->failed;
	pthread_mutex_unlock(&kv->lock);
	return failed ? -1 : 0;
}

/* All tasks that wait. Under the lock, which is given up meanwhile. */
static void run_tasks(struct kv *kv)
{
	while (kv->tasks) {
		struct kv_task *task = kv->tasks;

		kv->tasks = task->next;
		if (!kv->tasks)
			kv->last_task = NULL;
		if (!kv->failed) {
			pthread_mutex_unlock(&kv->lock);
			task->run(task);
			pthread_mutex_lock(&kv->lock);
		}
		task->done = 1;
		pthread_cond_broadcast(&kv->idle);
	}
}

/* ---- the thread ---- */

void kv_committer_failed(void *arg, const char *why)
{
	struct kv *kv = arg;

	pthread_mutex_lock(&kv->lock);
	if (!kv->why[0]) {
		strncpy(kv->why, why, sizeof(kv->why) - 1);
		pthread_cond_signal(&kv->wake);
	}
	pthread_mutex_unlock(&kv->lock);
}

/* Wait for work, or for a second in which the engine may tidy up. Under the lock. */
static void wait_for_work(struct kv *kv)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += IDLE_S;
	while (!kv->first && !kv->tasks && !kv->closing && !(kv->why[0] && !kv->failed))
		if (pthread_cond_timedwait(&kv->wake, &kv->lock, &at) != 0)
			return;
}

/* A failure that no commit has met yet ends the store all the same. Under the lock. */
static void look_for_failure(struct kv *kv)
{
	struct kv_group none = { .kv = kv };

	if (!kv->why[0] || kv->failed)
		return;
	pthread_mutex_unlock(&kv->lock);
	end_of_store(kv, &none, kv->why);
	pthread_mutex_lock(&kv->lock);
}

static void *committer_main(void *arg)
{
	struct kv *kv = arg;

	pthread_setname_np(pthread_self(), "kv-committer");
	pthread_mutex_lock(&kv->lock);
	for (;;) {
		struct kv_group group = { .more = take_more, .kv = kv };

		wait_for_work(kv);
		run_tasks(kv);
		look_for_failure(kv);
		if (!kv->first && kv->closing && !kv->tasks)
			break;
		take(kv, &group);
		if (kv->failed)
			continue;
		pthread_mutex_unlock(&kv->lock);
		if (group.n || kv->engine->ops->wants_idle(kv->engine))
			do_group(kv, &group);
		pthread_mutex_lock(&kv->lock);
	}
	pthread_mutex_unlock(&kv->lock);
	return NULL;
}

int kv_committer_start(struct kv *kv, struct err *err)
{
	int failed = pthread_create(&kv->committer, NULL, committer_main, kv);

	return failed ? err_sys(err, ERR_IO, failed, "cannot start the committer's thread") : 0;
}

void kv_committer_stop(struct kv *kv)
{
	pthread_mutex_lock(&kv->lock);
	kv->closing = 1;
	pthread_cond_signal(&kv->wake);
	pthread_mutex_unlock(&kv->lock);
	pthread_join(kv->committer, NULL);
}
