/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv.c - the store's face: opening and closing, commits and reads on their way to the engine
 *
 * Which thread does what is decided here: commits go to the committer, reads to the job pool when a
 * worker asks, what ends in _sync stays on the caller's thread.
 */
#include "kv/kv.h"

#include <stdlib.h>
#include <time.h>

#include "kv/kv_store.h"

static const struct kv_engine_ops *const engines[] = { &kv_bdb_ops, &kv_mem_ops };

const char *kv_status_name(enum kv_status status)
{
	static const char *const names[] = { "done", "conflict", "no-space", "busy", "failed" };

	return (unsigned)status < sizeof(names) / sizeof(names[0]) ? names[status] : "unknown";
}

uint64_t kv_monotonic_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int64_t kv_unix_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void kv_options_init(struct kv_options *options, const char *dir)
{
	*options = (struct kv_options){
		.engine = "bdb",
		.dir = dir,
		.cache_bytes = 64 << 20,
		.checkpoint_bytes = 32 << 20,
		.checkpoint_s = 60,
		.min_free_bytes = 64 << 20,
		.reserve_bytes = 16 << 20,
		.journal_keep = 100000,
		.journal_keep_s = 7 * 24 * 3600,
		.queue_max = 65536,
	};
}

/* ---- open and close ---- */

static void kv_free(struct kv *kv)
{
	pthread_mutex_destroy(&kv->lock);
	pthread_cond_destroy(&kv->wake);
	pthread_cond_destroy(&kv->idle);
	free(kv->dir);
	free(kv);
}

static struct kv *kv_new(const struct kv_options *options, struct jobs *jobs)
{
	struct kv *kv = calloc(1, sizeof(*kv));
	pthread_condattr_t attr;

	if (!kv)
		return NULL;
	kv->options = *options;
	kv->dir = options->dir ? strv_dup(strv_of(options->dir)) : NULL;
	kv->options.dir = kv->dir;
	kv->jobs = jobs;
	pthread_mutex_init(&kv->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&kv->wake, &attr);
	pthread_condattr_destroy(&attr);
	pthread_cond_init(&kv->idle, NULL);
	if (options->dir && !kv->dir) {
		kv_free(kv);
		return NULL;
	}
	return kv;
}

static const struct kv_engine_ops *find_engine(const char *name)
{
	for (unsigned i = 0; i < sizeof(engines) / sizeof(engines[0]); i++)
		if (name && strcmp(engines[i]->name, name) == 0)
			return engines[i];
	return NULL;
}

int kv_open(const struct kv_options *options, struct jobs *jobs, struct kv **kv_out,
	    struct err *err)
{
	const struct kv_engine_ops *ops = find_engine(options->engine);
	struct kv *kv;

	if (!ops)
		return err_set(err, ERR_ABSENT, "no storage engine \"%s\": there are bdb and mem",
			       options->engine ? options->engine : "");
	if (ops != &kv_mem_ops && (!options->dir || !*options->dir))
		return err_set(err, ERR_RANGE, "the store needs a folder");
	kv = kv_new(options, jobs);
	if (!kv)
		return err_set(err, ERR_NOMEM, "no memory for a store");
	if (ops->open(&kv->options, kv_committer_failed, kv, &kv->engine, err) < 0) {
		kv_free(kv);
		return -1;
	}
	kv_metrics_start(kv);
	if (kv_committer_start(kv, err) < 0) {
		kv_metrics_stop(kv);
		ops->close(kv->engine);
		kv_free(kv);
		return -1;
	}
	*kv_out = kv;
	return 0;
}

void kv_close(struct kv **kv_at)
{
	struct kv *kv = *kv_at;

	*kv_at = NULL;
	if (!kv)
		return;
	kv_metrics_stop(kv);
	/* Reads first: one that cannot get a quiet moment needs the committer. */
	pthread_mutex_lock(&kv->lock);
	kv->closing = 1;
	while (kv->reading)
		pthread_cond_wait(&kv->idle, &kv->lock);
	pthread_mutex_unlock(&kv->lock);
	kv_committer_stop(kv);
	kv->engine->ops->close(kv->engine);
	kv_free(kv);
}

uint64_t kv_epoch(const struct kv *kv)
{
	return kv->engine->epoch;
}

uint64_t kv_seq(const struct kv *kv)
{
	return kv->engine->seq;
}

uint64_t kv_journal_first(const struct kv *kv)
{
	return kv->engine->journal_first;
}

int kv_subscribe(struct kv *kv, void (*fn)(void *arg, const struct kv_change *change), void *arg,
		 struct err *err)
{
	if (kv->n_subscribers == KV_SUBSCRIBERS_MAX)
		return err_set(err, ERR_LIMIT, "%d subscribers: no more can be had",
			       KV_SUBSCRIBERS_MAX);
	kv->subscribers[kv->n_subscribers].fn = fn;
	kv->subscribers[kv->n_subscribers].arg = arg;
	kv->n_subscribers++;
	return 0;
}

/* ---- commit ---- */

void kv_commit(struct kv *kv, struct kv_batch *batch, kv_commit_fn *done, void *arg)
{
	struct kv_commit_result result = { KV_CONFLICT, 0 };

	if (!batch || kv_batch_seal(batch) < 0) {
		kv_batch_free(&batch);
		done(arg, &result);
		return;
	}
	batch->done = done;
	batch->arg = arg;
	kv_committer_add(kv, batch);
}

struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	int done;
	struct kv_commit_result result;
};

static void on_committed(void *arg, const struct kv_commit_result *result)
{
	struct waiter *waiter = arg;

	pthread_mutex_lock(&waiter->lock);
	waiter->result = *result;
	waiter->done = 1;
	pthread_cond_signal(&waiter->wake);
	pthread_mutex_unlock(&waiter->lock);
}

struct kv_commit_result kv_commit_sync(struct kv *kv, struct kv_batch *batch)
{
	struct waiter waiter = { .lock = PTHREAD_MUTEX_INITIALIZER,
				 .wake = PTHREAD_COND_INITIALIZER };

	kv_commit(kv, batch, on_committed, &waiter);
	pthread_mutex_lock(&waiter.lock);
	while (!waiter.done)
		pthread_cond_wait(&waiter.wake, &waiter.lock);
	pthread_mutex_unlock(&waiter.lock);
	pthread_cond_destroy(&waiter.wake);
	pthread_mutex_destroy(&waiter.lock);
	return waiter.result;
}

struct kv_commit_result kv_erase_sync(struct kv *kv, struct strv owner)
{
	struct strv all = { NULL, 0 };
	struct kv_batch *batch = kv_batch_new(owner);

	if (batch)
		kv_batch_del_range(batch, all, all);
	return kv_commit_sync(kv, batch);
}

/* ---- read ---- */

/* 1 when a read may begin; the store does not close before read_over. */
static int read_begin(struct kv *kv, enum kv_status *status_out)
{
	pthread_mutex_lock(&kv->lock);
	*status_out = kv->failed ? KV_FAILED : kv->closing ? KV_BUSY : KV_DONE;
	if (*status_out == KV_DONE)
		kv->reading++;
	pthread_mutex_unlock(&kv->lock);
	return *status_out == KV_DONE;
}

static void read_over(struct kv *kv)
{
	pthread_mutex_lock(&kv->lock);
	if (--kv->reading == 0)
		pthread_cond_broadcast(&kv->idle);
	pthread_mutex_unlock(&kv->lock);
}

struct quiet_read {
	struct kv_task task;
	struct kv *kv;
	struct kv_read *read;
	int status;
};

static void run_quiet_read(struct kv_task *task)
{
	struct quiet_read *quiet = (struct quiet_read *)task;

	quiet->status = quiet->kv->engine->ops->read(quiet->kv->engine, quiet->read, 1);
}

static enum kv_status read_now(struct kv *kv, struct kv_read *read)
{
	struct quiet_read quiet = { .kv = kv, .read = read, .status = KV_FAILED };
	uint64_t began_us = kv_monotonic_us();
	int status = kv->engine->ops->read(kv->engine, read, 0);

	quiet.task.run = run_quiet_read;
	if (status == KV_MOVED)
		status = kv_committer_run(kv, &quiet.task) < 0 ? KV_FAILED : quiet.status;
	if (status == KV_MOVED)
		status = KV_BUSY;
	kv->reads++;
	metric_add(kv->metrics.reads, 1);
	metric_observe(kv->metrics.read_latency, kv_monotonic_us() - began_us);
	return (enum kv_status)status;
}

enum kv_status kv_read_sync(struct kv *kv, struct kv_read *read)
{
	enum kv_status status;

	if (!read_begin(kv, &status))
		return status;
	status = read_now(kv, read);
	read_over(kv);
	return status;
}

/* The status travels from the pool's thread to the worker in the job's own struct. */
static void run_read_job(struct job *job)
{
	struct kv_read *read =
		(struct kv_read *)(void *)((char *)job - offsetof(struct kv_read, job));

	read->status = read_now(read->kv, read);
	read_over(read->kv);
}

static void done_read_job(struct job *job)
{
	struct kv_read *read =
		(struct kv_read *)(void *)((char *)job - offsetof(struct kv_read, job));

	read->done(read, read->status);
}

void kv_read(struct kv *kv, struct kv_read *read)
{
	enum kv_status status;

	read->kv = kv;
	read->job.run = run_read_job;
	read->job.done = done_read_job;
	if (!read_begin(kv, &status)) {
		read->done(read, status);
		return;
	}
	/* Memory never blocks for long: the answer is there before this returns. */
	if (!kv->jobs || kv->engine->ops == &kv_mem_ops) {
		status = read_now(kv, read);
	} else if (jobs_submit(kv->jobs, &read->job) == 0) {
		return;
	} else {
		status = KV_BUSY;
	}
	read_over(kv);
	read->done(read, status);
}

/* ---- the rest ---- */

/* For calls that give a struct err. */
static int enter(struct kv *kv, struct err *err)
{
	enum kv_status status;

	if (read_begin(kv, &status))
		return 0;
	if (status == KV_BUSY)
		return err_set(err, ERR_STOPPING, "the store is closing");
	return err_set(err, ERR_IO, "the store has failed: %s", kv->why);
}

int kv_owners_sync(struct kv *kv, struct strv after, unsigned max, struct arena *arena,
		   struct strv **owners_out, unsigned *n_out, struct err *err)
{
	int ret;

	if (enter(kv, err) < 0)
		return -1;
	ret = kv->engine->ops->owners(kv->engine, after, max, arena, owners_out, n_out, err);
	read_over(kv);
	return ret;
}

int kv_journal_sync(struct kv *kv, uint64_t from, unsigned max, struct arena *arena,
		    struct kv_change **changes_out, unsigned *n_out, struct err *err)
{
	int ret;

	if (enter(kv, err) < 0)
		return -1;
	ret = kv->engine->ops->journal(kv->engine, from, max, arena, changes_out, n_out, err);
	read_over(kv);
	return ret;
}

int kv_verify_sync(struct kv *kv, kv_progress_fn *progress, void *arg,
		   struct kv_verify_report *report_out, struct err *err)
{
	int ret;

	if (enter(kv, err) < 0)
		return -1;
	ret = kv->engine->ops->verify(kv->engine, progress, arg, report_out, err);
	read_over(kv);
	return ret;
}

int kv_backup_sync(struct kv *kv, const char *dir, kv_progress_fn *progress, void *arg,
		   struct err *err)
{
	int ret;

	if (!kv->engine->ops->backup)
		return err_set(err, ERR_ABSENT, "the engine \"%s\" has no backup",
			       kv->engine->ops->name);
	if (enter(kv, err) < 0)
		return -1;
	ret = kv->engine->ops->backup(kv->engine, dir, progress, arg, err);
	read_over(kv);
	return ret;
}

struct quiet_export {
	struct kv_task task;
	struct kv *kv;
	struct strv owner;
	int (*fn)(void *arg, const struct kv_record *record);
	void *arg;
	uint64_t *version_out;
	struct err *err;
	int ret;
};

static void run_quiet_export(struct kv_task *task)
{
	struct quiet_export *quiet = (struct quiet_export *)task;
	struct kv_engine *engine = quiet->kv->engine;

	quiet->ret = engine->ops->export(engine, quiet->owner, 1, quiet->fn, quiet->arg,
					 quiet->version_out, quiet->err);
}

int kv_export_sync(struct kv *kv, struct strv owner,
		   int (*fn)(void *arg, const struct kv_record *record), void *arg,
		   uint64_t *version_out, struct err *err)
{
	struct quiet_export quiet = {
		{ .run = run_quiet_export }, kv, owner, fn, arg, version_out, err, -1
	};
	int ret;

	if (enter(kv, err) < 0)
		return -1;
	ret = kv->engine->ops->export(kv->engine, owner, 0, fn, arg, version_out, err);
	if (ret == KV_MOVED)
		ret = kv_committer_run(kv, &quiet.task) < 0
			      ? err_set(err, ERR_IO, "the store has failed: %s", kv->why)
			      : quiet.ret;
	read_over(kv);
	return ret;
}

void kv_stats(struct kv *kv, struct kv_stats *stats_out)
{
	struct kv_engine *engine = kv->engine;

	*stats_out = (struct kv_stats){
		.commits = kv->commits,
		.conflicts = kv->conflicts,
		.no_space = kv->no_space,
		.groups = kv->groups,
		.reads = kv->reads,
		.retries = engine->retries,
		.checkpoints = engine->checkpoints,
		.low_space = engine->low_space,
		.format = engine->format,
	};
	pthread_mutex_lock(&kv->lock);
	stats_out->queued = kv->queued;
	pthread_mutex_unlock(&kv->lock);
	if (engine->ops->space)
		engine->ops->space(engine, &stats_out->disk_bytes, &stats_out->free_bytes);
}
