/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/crash/kvload_run.c - the load: submitters, readers, a subscriber, backups
 *
 * Writes down every intent before it is handed to the store and every outcome when it is told, see
 * kvload.h. Nothing here is allocated after the start but by the store, so that a failing malloc
 * hits the store alone.
 */
#include "tests/crash/kvload.h"
#include "tests/crash/kvload_gen.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/worker.h"

enum { SUBMITTERS_MAX = 64, READERS_MAX = 16, WINDOW_MAX = 64, READ_ARENA_BYTES = 256 << 20 };

struct load;

/* One batch under way. */
struct slot {
	struct submitter *submitter;
	struct gen_owner *owner;
	struct plan plan;
	struct slot *next; /* free ones */
};

/* A source of batches that keeps WINDOW of them under way: a thread or a worker. */
struct submitter {
	struct post post;
	struct load *load;
	struct worker *worker; /* NULL: a thread of its own */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t room;
	struct gen gen;
	struct slot *free;
	unsigned under_way;
	uint64_t left; /* batches still to be made */
	int filling;   /* a loop above us on the stack goes on by itself */
	struct slot slots[WINDOW_MAX];
	char line[PLAN_LINE_BYTES];
	unsigned char scratch[PLAN_VALUE_MAX];
};

struct load {
	const struct load_options *options;
	struct kv *kv;
	int log;
	atomic_int stop;
	atomic_uint submitting; /* submitters that are not through */
	pthread_mutex_t through_lock;
	pthread_cond_t through;
	_Atomic uint64_t published;
	unsigned n_submitters;
	struct submitter *submitters;
};

static atomic_int terminated; /* by a signal on any thread */

static void on_term(int sig)
{
	(void)sig;
	atomic_store(&terminated, 1);
}

/* The log is the judge's only source: a load that cannot write it must not go on. */
static void log_octets(struct load *load, const char *line, size_t n)
{
	if (write(load->log, line, n) != (ssize_t)n)
		_exit(LOAD_EXIT_USAGE);
}

static void __attribute__((format(printf, 2, 3))) log_line(struct load *load, const char *fmt, ...)
{
	char line[512];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line) - 1, fmt, args);
	va_end(args);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n] = '\n';
	log_octets(load, line, (size_t)n + 1);
}

static int is_broken(const struct load *load, const char *how)
{
	return load->options->broken && strcmp(load->options->broken, how) == 0;
}

/* ---- submitters ---- */

static int done_early(const struct load *load, const struct plan *plan)
{
	return is_broken(load, "early") && plan->counter % 2 == 0;
}

static void log_outcome(struct load *load, const struct plan *plan, enum kv_status status,
			uint64_t seq)
{
	if (is_broken(load, "ghost") && status == KV_DONE && plan->counter % 8 == 3)
		status = KV_CONFLICT;
	log_line(load, "O %s %" PRIu64 " %s %" PRIu64, plan->owner, plan->counter,
		 kv_status_name(status), seq);
}

static void submitter_fill(struct submitter *submitter);

static void batch_done(void *arg, const struct kv_commit_result *result)
{
	struct slot *slot = arg;
	struct submitter *submitter = slot->submitter;
	struct load *load = submitter->load;
	int again;

	if (result->status == KV_DONE && atomic_load(&load->published) < result->seq)
		log_line(load, "V commit %" PRIu64 " was told to its committer before subscribers",
			 result->seq);
	if (!done_early(load, &slot->plan))
		log_outcome(load, &slot->plan, result->status, result->seq);
	pthread_mutex_lock(&submitter->lock);
	if (result->status == KV_DONE)
		gen_done(slot->owner, &slot->plan, result->seq);
	slot->next = submitter->free;
	submitter->free = slot;
	submitter->under_way--;
	again = submitter->worker && !submitter->filling;
	pthread_cond_signal(&submitter->room);
	pthread_mutex_unlock(&submitter->lock);
	if (again)
		submitter_fill(submitter);
}

/* Half of a batch in a commit of its own: what "all or nothing" must never look like. */
static void commit_half(struct load *load, struct submitter *submitter, struct plan *plan)
{
	struct plan half = *plan;
	struct kv_batch *batch;

	half.n = 1;
	batch = plan_batch(&half, submitter->scratch);
	if (batch)
		kv_commit_sync(load->kv, batch);
}

static void submit(struct submitter *submitter, struct slot *slot)
{
	struct load *load = submitter->load;
	struct kv_batch *batch;
	size_t n = plan_print(&slot->plan, submitter->line);

	log_octets(load, submitter->line, n);
	if (done_early(load, &slot->plan))
		log_outcome(load, &slot->plan, KV_DONE, 0);
	if (is_broken(load, "half") && slot->plan.counter % 16 == 5)
		commit_half(load, submitter, &slot->plan);
	batch = plan_batch(&slot->plan, submitter->scratch);
	if (batch)
		kv_commit(load->kv, batch, batch_done, slot);
	else
		batch_done(slot, &(struct kv_commit_result){ .status = KV_BUSY });
}

/* Take a free slot and the next batch; NULL when the window is full or all is done. */
static struct slot *slot_take(struct submitter *submitter)
{
	struct slot *slot = submitter->free;

	if (!slot || submitter->left == 0 || atomic_load(&submitter->load->stop))
		return NULL;
	submitter->free = slot->next;
	submitter->under_way++;
	submitter->left--;
	slot->owner = gen_next(&submitter->gen, &slot->plan);
	return slot;
}

static void submitter_through(struct load *load)
{
	pthread_mutex_lock(&load->through_lock);
	if (atomic_fetch_sub(&load->submitting, 1) == 1)
		pthread_cond_signal(&load->through);
	pthread_mutex_unlock(&load->through_lock);
}

/* On a worker: fill the window; batch_done comes back here. */
static void submitter_fill(struct submitter *submitter)
{
	struct slot *slot;
	int through;

	pthread_mutex_lock(&submitter->lock);
	submitter->filling = 1;
	while ((slot = slot_take(submitter))) {
		pthread_mutex_unlock(&submitter->lock);
		submit(submitter, slot);
		pthread_mutex_lock(&submitter->lock);
	}
	submitter->filling = 0;
	through = submitter->under_way == 0;
	pthread_mutex_unlock(&submitter->lock);
	if (through)
		submitter_through(submitter->load);
}

static void submitter_post(struct post *post)
{
	submitter_fill((struct submitter *)post);
}

static void *submitter_thread(void *arg)
{
	struct submitter *submitter = arg;
	struct slot *slot;

	pthread_mutex_lock(&submitter->lock);
	for (;;) {
		slot = slot_take(submitter);
		if (slot) {
			pthread_mutex_unlock(&submitter->lock);
			submit(submitter, slot);
			if (submitter->load->options->pause_us > 0)
				usleep(submitter->load->options->pause_us);
			pthread_mutex_lock(&submitter->lock);
		} else if (submitter->under_way > 0) {
			pthread_cond_wait(&submitter->room, &submitter->lock);
		} else {
			break;
		}
	}
	pthread_mutex_unlock(&submitter->lock);
	submitter_through(submitter->load);
	return NULL;
}

static void submitter_init(struct submitter *submitter, struct load *load, unsigned index)
{
	const struct load_options *options = load->options;
	unsigned window = options->window < WINDOW_MAX ? options->window : WINDOW_MAX;

	submitter->load = load;
	submitter->left = options->batches ? options->batches : UINT64_MAX;
	pthread_mutex_init(&submitter->lock, NULL);
	pthread_cond_init(&submitter->room, NULL);
	gen_init(&submitter->gen, options->seed, index, options->owners, options->run,
		 options->value_max);
	for (unsigned i = 0; i < window; i++) {
		submitter->slots[i].submitter = submitter;
		submitter->slots[i].next = submitter->free;
		submitter->free = &submitter->slots[i];
	}
}

/* ---- subscriber, readers, backups ---- */

static void on_change(void *arg, const struct kv_change *change)
{
	struct load *load = arg;
	uint64_t before = atomic_exchange(&load->published, change->seq);

	if (before != 0 && change->seq != before + 1)
		log_line(load, "V change %" PRIu64 " was published after %" PRIu64, change->seq,
			 before);
	log_line(load, "P %" PRIu64, change->seq);
}

struct reader {
	struct load *load;
	pthread_t thread;
	uint64_t rng;
};

/* One read of an owner's range and of one record that must agree with it. */
static int read_once(struct reader *reader, struct arena *arena)
{
	struct load *load = reader->load;
	uint64_t dice = gen_random(&reader->rng);
	struct gen *gen = &load->submitters[dice % load->n_submitters].gen;
	const char *owner = gen->owners[(dice >> 8) % gen->n_owners].name;
	struct kv_item items[2] = { { .kind = KV_RANGE, .reverse = dice >> 63 },
				    { .kind = KV_GET, .from = STRV("r/07") } };
	struct kv_read read = {
		.owner = strv_of(owner), .items = items, .n_items = 2, .arena = arena
	};
	enum kv_status status;

	arena_reset(arena);
	status = kv_read_sync(load->kv, &read);
	if (status == KV_FAILED)
		return -1;
	if (status != KV_DONE)
		return 0;
	for (unsigned i = 0; i < items[0].n_records; i++)
		if (items[0].records[i].version > read.version)
			log_line(load, "V a record of %s is newer than its owner", owner);
	if (read.version > 0)
		log_line(load, "R %s %" PRIu64, owner, read.version);
	return 0;
}

static void *reader_thread(void *arg)
{
	struct reader *reader = arg;
	struct arena *arena = arena_new(READ_ARENA_BYTES);

	while (arena && !atomic_load(&reader->load->stop))
		if (read_once(reader, arena) < 0)
			break;
	arena_free(&arena);
	return NULL;
}

static void *backup_thread(void *arg)
{
	struct load *load = arg;
	struct kv_verify_report report;
	struct err err;
	char dir[4096];

	for (unsigned i = 0; i < load->options->backups && !atomic_load(&load->stop); i++) {
		snprintf(dir, sizeof(dir), "%s.%u", load->options->backup, i);
		log_line(load, "B %u begin", i);
		if (kv_backup_sync(load->kv, dir, NULL, NULL, &err) < 0) {
			log_line(load, "V backup: %s", err.text);
			break;
		}
		log_line(load, "B %u done", i);
		if (kv_verify_sync(load->kv, NULL, NULL, &report, &err) < 0)
			log_line(load, "V verify: %s", err.text);
		else if (report.faults > 0)
			log_line(load, "V verify under load: %s", report.first_fault);
	}
	return NULL;
}

/* ---- a run ---- */

static int load_alloc(struct load *load)
{
	const struct load_options *options = load->options;
	pthread_condattr_t attr;

	load->n_submitters = options->threads + options->workers;
	if (load->n_submitters == 0 || load->n_submitters > SUBMITTERS_MAX)
		return -1;
	load->submitters = calloc(load->n_submitters, sizeof(*load->submitters));
	if (!load->submitters)
		return -1;
	for (unsigned i = 0; i < load->n_submitters; i++)
		submitter_init(&load->submitters[i], load, i);
	/* The clock of the day is one of the things that the suite moves about. */
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&load->through_lock, NULL);
	pthread_cond_init(&load->through, &attr);
	pthread_condattr_destroy(&attr);
	atomic_init(&load->submitting, load->n_submitters);
	return 0;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int load_open(struct load *load, struct jobs *jobs)
{
	uint64_t start = now_ms();
	struct err err;

	if (kv_open(&load->options->kv, jobs, &load->kv, &err) < 0) {
		fprintf(stderr, "kvload: open: %s\n", err.text);
		return LOAD_EXIT_REFUSED;
	}
	atomic_store(&load->published, 0);
	if (kv_subscribe(load->kv, on_change, load, &err) < 0) {
		fprintf(stderr, "kvload: subscribe: %s\n", err.text);
		return LOAD_EXIT_REFUSED;
	}
	log_line(load, "S %u %" PRIu64, load->options->run, now_ms() - start);
	return 0;
}

/* Until the submitters are through or a SIGTERM came. The signal may hit any thread, so look
 * around now and then. */
static void wait_through(struct load *load)
{
	struct timespec until;

	pthread_mutex_lock(&load->through_lock);
	while (atomic_load(&load->submitting) > 0) {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += 50000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&load->through, &load->through_lock, &until);
		if (atomic_load(&terminated))
			atomic_store(&load->stop, 1);
	}
	pthread_mutex_unlock(&load->through_lock);
	atomic_store(&load->stop, 1);
}

static int thread_start(pthread_t *thread, void *(*run)(void *), void *arg)
{
	return pthread_create(thread, NULL, run, arg) == 0 ? 0 : -1;
}

static void submitters_start(struct load *load, struct workers *workers)
{
	for (unsigned i = 0; i < load->n_submitters; i++) {
		struct submitter *submitter = &load->submitters[i];

		if (i >= load->options->threads) {
			submitter->worker = workers_at(workers, i - load->options->threads);
			submitter->post.run = submitter_post;
			worker_post(submitter->worker, &submitter->post);
		} else if (thread_start(&submitter->thread, submitter_thread, submitter) < 0) {
			_exit(LOAD_EXIT_MEMORY);
		}
	}
}

static void load_work(struct load *load, struct workers *workers)
{
	const struct load_options *options = load->options;
	struct reader readers[READERS_MAX];
	unsigned n_readers = options->readers < READERS_MAX ? options->readers : READERS_MAX;
	pthread_t backup;

	submitters_start(load, workers);
	for (unsigned i = 0; i < n_readers; i++) {
		readers[i] = (struct reader){ .load = load, .rng = options->seed + i };
		if (thread_start(&readers[i].thread, reader_thread, &readers[i]) < 0)
			_exit(LOAD_EXIT_MEMORY);
	}
	if (options->backup && thread_start(&backup, backup_thread, load) < 0)
		_exit(LOAD_EXIT_MEMORY);
	wait_through(load);
	for (unsigned i = 0; i < options->threads; i++)
		pthread_join(load->submitters[i].thread, NULL);
	for (unsigned i = 0; i < n_readers; i++)
		pthread_join(readers[i].thread, NULL);
	if (options->backup)
		pthread_join(backup, NULL);
}

static int load_workers(const struct load_options *options, struct workers **workers,
			struct jobs **jobs)
{
	struct err err;

	if (jobs_new(2, 0, jobs, &err) < 0)
		goto failed;
	if (options->workers == 0)
		return 0;
	if (workers_new(options->workers, workers, &err) < 0 || workers_start(*workers, &err) < 0)
		goto failed;
	return 0;
failed:
	fprintf(stderr, "kvload: %s\n", err.text);
	return -1;
}

int load_run(const struct load_options *options)
{
	struct load load = { .options = options };
	struct workers *workers = NULL;
	struct jobs *jobs = NULL;
	struct kv_stats stats;
	int ret = LOAD_EXIT_MEMORY;

	signal(SIGTERM, on_term);
	load.log = open(options->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (load.log >= 0 && options->mark_fd > 0)
		load.log = dup2(load.log, options->mark_fd);
	if (load.log < 0) {
		fprintf(stderr, "kvload: %s: %s\n", options->log, strerror(errno));
		return LOAD_EXIT_USAGE;
	}
	if (load_alloc(&load) == 0 && load_workers(options, &workers, &jobs) == 0)
		ret = load_open(&load, jobs);
	if (ret == 0) {
		load_work(&load, workers);
		kv_stats(load.kv, &stats);
		kv_close(&load.kv);
		log_line(&load, "E %u %" PRIu64, options->run, stats.checkpoints);
	}
	jobs_free(&jobs);
	if (workers)
		workers_stop(workers);
	workers_free(&workers);
	free(load.submitters);
	close(load.log);
	return ret;
}
