/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/loc_write.c - changes of locations are written behind
 *
 * Each worker owns some of the shards. Every write_ms it commits what has changed in them, a record
 * a user, so many at a time that the store's queue keeps room for others; what the store refuses is
 * tried again the next time. A record is never under way twice, so that the later value wins. The
 * same timer sweeps away what has ended.
 */
#include <stdlib.h>

#include "base/log.h"
#include "sip/core/loc_priv.h"

enum { IN_FLIGHT_MAX = 256, SYNC_IN_FLIGHT_MAX = 1024, SWEEP_MS = 10000 };

/* One a worker: writes and sweeps shards INDEX, INDEX + N, ... */
struct loc_writer {
	struct wheel_timer timer; /* first: the callback casts */
	struct post post;
	struct loc *loc;
	struct worker *worker;
	unsigned index, n;
	unsigned shard;	    /* where the search goes on */
	unsigned in_flight; /* of this worker */
	uint64_t budget;    /* to be begun in this round */
	struct arena *arena;
};

/* A commit under way. */
struct write {
	struct loc *loc;
	struct loc_writer *writer; /* NULL: loc_flush_sync */
	struct loc_shard *shard;
	struct loc_entry *entry;
};

/* ---- queue; under the shard's lock ---- */

static void enqueue(struct loc_shard *shard, struct loc_entry *entry)
{
	entry->is_queued = 1;
	entry->next_dirty = NULL;
	*shard->last_dirty = entry;
	shard->last_dirty = &entry->next_dirty;
}

void loc_mark_dirty(struct loc *loc, struct loc_shard *shard, struct loc_entry *entry)
{
	if (!loc->kv)
		return;
	if (!entry->is_dirty && !entry->is_writing)
		shard->dirty++;
	entry->is_dirty = 1;
	if (!entry->is_queued && !entry->is_writing)
		enqueue(shard, entry);
}

static struct loc_entry *dequeue(struct loc_shard *shard)
{
	struct loc_entry *entry = shard->first_dirty;

	if (!entry)
		return NULL;
	shard->first_dirty = entry->next_dirty;
	if (!shard->first_dirty)
		shard->last_dirty = &shard->first_dirty;
	entry->is_queued = entry->is_dirty = 0;
	entry->is_writing = 1;
	return entry;
}

/* ---- one write ---- */

static void pump(struct loc_writer *writer);

static void count(struct loc *loc, int by, int failed)
{
	pthread_mutex_lock(&loc->idle_lock);
	loc->in_flight += (uint64_t)(int64_t)by;
	loc->failures += (uint64_t)failed;
	if (by < 0)
		pthread_cond_broadcast(&loc->idle);
	pthread_mutex_unlock(&loc->idle_lock);
}

static void finish(struct write *write, int failed)
{
	struct loc_writer *writer = write->writer;
	struct loc_entry *entry = write->entry;
	struct loc_shard *shard = write->shard;
	struct loc *loc = write->loc;

	metric_add(failed ? loc->failed : loc->written, 1);
	pthread_mutex_lock(&shard->lock);
	entry->is_writing = 0;
	if (failed)
		entry->is_dirty = 1;
	if (entry->is_dirty) {
		enqueue(shard, entry);
	} else {
		shard->dirty--;
		loc_entry_retire(loc, shard, entry);
	}
	pthread_mutex_unlock(&shard->lock);
	free(write);
	if (writer)
		writer->in_flight--;
	count(loc, -1, failed);
}

static void on_commit(void *arg, const struct kv_commit_result *result)
{
	struct write *write = arg;
	struct loc_writer *writer = write->writer;

	finish(write, result->status != KV_DONE);
	if (writer)
		pump(writer);
}

static struct kv_batch *make_batch(struct loc *loc, const struct loc_entry *entry,
				   const struct loc_user *user, struct arena *arena)
{
	struct kv_batch *batch = kv_batch_new(strv_mem(entry->aor, entry->aor_n));
	struct strv record = { NULL, 0 };
	struct timespec wall;
	int64_t now_us = loc_now_us(loc), shift_us = 0;
	int failed;

	if (!batch)
		return NULL;
	/* The store keeps the time of day as the system has it now: that is what the next process
	 * reads its clock by. */
	if (loc->options.now_us == loc_clock_us) {
		clock_gettime(CLOCK_REALTIME, &wall);
		shift_us = (int64_t)wall.tv_sec * 1000000 + wall.tv_nsec / 1000 - now_us;
	}
	if (user)
		record = loc_record_encode(user, now_us, shift_us, arena);
	failed = !user	    ? kv_batch_del(batch, LOC_NAME)
		 : record.n ? kv_batch_put(batch, LOC_NAME, record)
			    : -1;
	if (failed)
		kv_batch_free(&batch);
	return batch;
}

/* Begin to write the next entry of SHARD. 1; 0: there is none; -1: no memory, it waits again. */
static int write_next(struct loc *loc, struct loc_writer *writer, struct loc_shard *shard,
		      struct arena *arena)
{
	struct write *write = malloc(sizeof(*write));
	const struct loc_user *user = NULL;
	struct kv_batch *batch;

	if (!write || !arena) {
		free(write);
		return -1;
	}
	*write = (struct write){ loc, writer, shard, NULL };
	pthread_mutex_lock(&shard->lock);
	write->entry = dequeue(shard);
	if (write->entry && write->entry->user)
		user = loc_user_hold(write->entry->user);
	pthread_mutex_unlock(&shard->lock);
	if (!write->entry) {
		free(write);
		return 0;
	}
	arena_reset(arena);
	batch = make_batch(loc, write->entry, user, arena);
	loc_user_drop(&user);
	count(loc, 1, 0);
	if (writer)
		writer->in_flight++;
	if (!batch) {
		finish(write, 1);
		return -1;
	}
	kv_commit(loc->kv, batch, on_commit, write);
	return 1;
}

/* ---- rounds ---- */

/* As many as the budget and the bound allow. */
static void pump(struct loc_writer *writer)
{
	unsigned idle = 0, n = (LOC_SHARDS - writer->index + writer->n - 1) / writer->n;

	while (writer->budget && writer->in_flight < IN_FLIGHT_MAX && idle < n) {
		struct loc_shard *shard = &writer->loc->shard[writer->shard];
		int begun;

		writer->budget--;
		begun = write_next(writer->loc, writer, shard, writer->arena);
		if (begun < 0) {
			writer->budget = 0;
			return;
		}
		if (begun) {
			idle = 0;
			continue;
		}
		writer->budget++;
		idle++;
		writer->shard += writer->n;
		if (writer->shard >= LOC_SHARDS)
			writer->shard = writer->index;
	}
}

static void on_tick(struct wheel_timer *timer)
{
	struct loc_writer *writer = (struct loc_writer *)(void *)timer;
	struct loc *loc = writer->loc;
	unsigned parts = SWEEP_MS / loc->options.write_ms + 1;

	worker_timer_set(writer->worker, timer, loc->options.write_ms, on_tick);
	writer->budget = 0;
	for (unsigned i = writer->index; i < LOC_SHARDS; i += writer->n) {
		loc_sweep(loc, i, parts);
		writer->budget += loc->shard[i].dirty; /* a moment's; more are for the next round */
	}
	if (loc->kv && !atomic_load(&loc->stopping))
		pump(writer);
}

static void on_start(struct post *post)
{
	struct loc_writer *writer =
		(struct loc_writer *)(void *)((char *)post - offsetof(struct loc_writer, post));

	worker_timer_set(writer->worker, &writer->timer, writer->loc->options.write_ms, on_tick);
}

int loc_writers_new(struct loc *loc, struct err *err)
{
	loc->n_writers = workers_count(loc->options.workers);
	loc->writers = calloc(loc->n_writers, sizeof(*loc->writers));
	if (!loc->writers)
		return err_set(err, ERR_NOMEM, "no memory for the table of locations");
	for (unsigned i = 0; i < loc->n_writers; i++) {
		struct loc_writer *writer = &loc->writers[i];

		writer->loc = loc;
		writer->worker = workers_at(loc->options.workers, i);
		writer->index = writer->shard = i;
		writer->n = loc->n_writers;
		writer->arena = arena_new(0);
		if (!writer->arena)
			return err_set(err, ERR_NOMEM, "no memory for the table of locations");
	}
	return 0;
}

void loc_writers_start(struct loc *loc)
{
	for (unsigned i = 0; i < loc->n_writers; i++) {
		loc->writers[i].post.run = on_start;
		worker_post(loc->writers[i].worker, &loc->writers[i].post);
	}
}

void loc_writers_free(struct loc *loc)
{
	for (unsigned i = 0; loc->writers && i < loc->n_writers; i++)
		arena_free(&loc->writers[i].arena);
	free(loc->writers);
}

/* ---- the end ---- */

static void wait_below(struct loc *loc, uint64_t n)
{
	pthread_mutex_lock(&loc->idle_lock);
	while (loc->in_flight > n)
		pthread_cond_wait(&loc->idle, &loc->idle_lock);
	pthread_mutex_unlock(&loc->idle_lock);
}

static uint64_t failures(struct loc *loc)
{
	uint64_t n;

	pthread_mutex_lock(&loc->idle_lock);
	n = loc->failures;
	pthread_mutex_unlock(&loc->idle_lock);
	return n;
}

void loc_flush_sync(struct loc *loc)
{
	struct arena *arena = arena_new(0);
	uint64_t failed = failures(loc);
	struct loc_stats stats;
	int more = loc->kv != NULL;

	atomic_store(&loc->stopping, 1);
	/* What a worker was writing may have changed meanwhile: again, until nothing is left. */
	while (more) {
		more = 0;
		for (unsigned i = 0; i < LOC_SHARDS; i++)
			while (failures(loc) == failed &&
			       write_next(loc, NULL, &loc->shard[i], arena) > 0) {
				more = 1;
				wait_below(loc, SYNC_IN_FLIGHT_MAX);
			}
		wait_below(loc, 0);
		loc_stats(loc, &stats);
		more |= stats.unwritten > 0;
		more = more && arena && failures(loc) == failed;
	}
	arena_free(&arena);
	loc_stats(loc, &stats);
	if (stats.unwritten)
		log_warn(LOG_SIP,
			 "registrations are lost with this process: the store took them not",
			 L_INT("users", (int64_t)stats.unwritten));
}
