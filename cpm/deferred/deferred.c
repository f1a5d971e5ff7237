/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/deferred/deferred.c - who calls from where, and the way to the queue's worker
 *
 * See deferred.h. What is asked becomes an op: copied, posted to the worker of the user's name (or
 * run at once when that is the caller's), and posted back with its answer. Beside the queues stands
 * one array of counters by hash of the user, which every thread may look at: whether anything waits
 * is asked for each message, and is mostly "no".
 */
#include "cpm/deferred/deferred.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/trace.h"
#include "cpm/deferred/deferred_priv.h"

int64_t dfr_now_us(const struct deferred *deferred)
{
	struct timespec now;

	if (deferred->options.now_us)
		return deferred->options.now_us();
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

uint64_t dfr_hash(const struct deferred *deferred, struct strv user)
{
	return dq_key_of(deferred->seed, &user, 1).a;
}

struct dfr_worker *dfr_worker_of(struct deferred *deferred, uint64_t hash)
{
	return &deferred->worker[hash % deferred->n_workers];
}

_Atomic uint32_t *dfr_hint(const struct deferred *deferred, uint64_t hash)
{
	return &deferred->hint[(hash >> 16) % DFR_HINTS];
}

int dfr_noted(const struct deferred *deferred, uint64_t hash, struct strv device, int note)
{
	enum { DAY_S = 86400 };
	uint64_t day = (uint64_t)dfr_now_us(deferred) / 1000000 / DAY_S;
	uint64_t key = dq_key_of(hash ^ day, &device, 1).a;
	_Atomic uint64_t *at = &deferred->noted[key % DFR_NOTED];

	if (atomic_load_explicit(at, memory_order_relaxed) == key)
		return 1;
	if (note)
		atomic_store_explicit(at, key, memory_order_relaxed);
	return 0;
}

/* ---- ops ---- */

struct dfr_op *dfr_op_new(struct deferred *deferred, enum dfr_kind kind, struct strv user,
			  struct strv a, struct strv b, const struct strv *taken, unsigned n_taken)
{
	struct strv part[3] = { user, a, b };
	size_t bytes = n_taken * sizeof(struct strv);
	struct dfr_op *op;
	char *p;

	for (unsigned i = 0; i < 3 + n_taken; i++)
		bytes += i < 3 ? part[i].n : taken[i - 3].n;
	op = calloc(1, sizeof(*op) + bytes);
	if (!op)
		return NULL;
	op->deferred = deferred;
	op->kind = kind;
	op->home = worker_self();
	op->hash = dfr_hash(deferred, user);
	op->taken = (void *)op->data;
	op->n_taken = n_taken;
	p = op->data + n_taken * sizeof(struct strv);
	for (unsigned i = 0; i < 3 + n_taken; i++) {
		struct strv text = i < 3 ? part[i] : taken[i - 3];
		struct strv *at = i == 0   ? &op->user
				  : i == 1 ? &op->a
				  : i == 2 ? &op->b
					   : &op->taken[i - 3];

		if (text.n)
			memcpy(p, text.p, text.n);
		*at = strv_mem(p, text.n);
		p += text.n;
	}
	return op;
}

void dfr_op_free(struct dfr_op **op_at)
{
	struct dfr_op *op = *op_at;

	*op_at = NULL;
	if (!op)
		return;
	cpm_message_drop(&op->message);
	dq_entry_free(&op->slot.entry);
	free(op);
}

static void arrive(struct post *post)
{
	struct dfr_op *op = (struct dfr_op *)(void *)post;

	dfr_user_run(dfr_worker_of(op->deferred, op->hash), op);
}

void dfr_op_send(struct dfr_op *op)
{
	struct dfr_worker *dw = dfr_worker_of(op->deferred, op->hash);

	if (op->home == dw->worker) {
		dfr_user_run(dw, op);
		return;
	}
	op->post.run = arrive;
	worker_post(dw->worker, &op->post);
}

static void come_home(struct post *post)
{
	struct dfr_op *op = (struct dfr_op *)(void *)post;

	op->finish(op);
	dfr_op_free(&op);
}

void dfr_op_end(struct dfr_op *op, int result)
{
	op->result = result;
	cpm_message_drop(&op->message);
	if (op->finish && op->home && op->home != worker_self()) {
		op->post.run = come_home;
		worker_post(op->home, &op->post);
		return;
	}
	if (op->finish)
		op->finish(op);
	dfr_op_free(&op);
}

/* ---- what may be asked ---- */

static void finish_store(struct dfr_op *op)
{
	op->done.stored(op->arg, (enum deferred_stored)op->result);
}

void deferred_store(struct deferred *d, struct strv user, struct cpm_message *message,
		    const struct strv *taken, unsigned n_taken, deferred_stored_fn *done, void *arg)
{
	const struct cpm_message_draft *draft = cpm_message_of(message);
	struct dfr_op *op;

	if (draft->expires_s == 0 || draft->is_composing) {
		done(arg, DEFERRED_UNWANTED);
		return;
	}
	if (n_taken > DQ_TAKEN_MAX)
		n_taken = DQ_TAKEN_MAX;
	op = atomic_load_explicit(&d->stopping, memory_order_relaxed)
		     ? NULL
		     : dfr_op_new(d, DFR_STORE, user, STRV(""), STRV(""), taken, n_taken);
	if (!op) {
		done(arg, DEFERRED_BUSY);
		return;
	}
	op->message = cpm_message_hold(message);
	op->finish = finish_store;
	op->done.stored = done;
	op->arg = arg;
	/* From now on what comes is stored behind it. */
	atomic_fetch_add(dfr_hint(d, op->hash), 1);
	dfr_op_send(op);
}

int deferred_waits(const struct deferred *d, struct strv user)
{
	return atomic_load_explicit(&d->unread, memory_order_relaxed) ||
	       atomic_load(dfr_hint(d, dfr_hash(d, user)));
}

/* A device that will come back under this id is noted once a day: what is stored while it is away
 * waits for it. */
static int is_lasting(struct strv device)
{
	return strv_starts(device, STRV("urn:"));
}

int dfr_is_idle(const struct deferred *d, struct strv user, struct strv device)
{
	uint64_t hash = dfr_hash(d, user);

	if (atomic_load_explicit(&d->stopping, memory_order_relaxed))
		return 1;
	return !atomic_load(dfr_hint(d, hash)) &&
	       !atomic_load_explicit(&d->unread, memory_order_relaxed) &&
	       (!is_lasting(device) || dfr_noted(d, hash, device, 0));
}

void deferred_available(struct deferred *d, struct strv user, struct strv device)
{
	struct dfr_op *op;

	if (dfr_is_idle(d, user, device))
		return;
	op = dfr_op_new(d, DFR_AVAILABLE, user, device, STRV(""), NULL, 0);
	if (op)
		dfr_op_send(op);
}

void deferred_had(struct deferred *d, struct strv user, struct strv device,
		  struct cpm_message *message)
{
	struct dfr_op *op;

	if (!deferred_waits(d, user))
		return;
	op = dfr_op_new(d, DFR_HAD, user, device, STRV(""), NULL, 0);
	if (!op)
		return; /* it gets it once more */
	op->message = cpm_message_hold(message);
	dfr_op_send(op);
}

void deferred_displayed(struct deferred *d, struct strv user, struct strv message_id)
{
	struct dfr_op *op;

	if (!message_id.n || !deferred_waits(d, user))
		return;
	op = dfr_op_new(d, DFR_DISPLAYED, user, message_id, STRV(""), NULL, 0);
	if (op)
		dfr_op_send(op);
}

static void finish_revoke(struct dfr_op *op)
{
	op->done.revoked(op->arg, (enum deferred_revoked)op->result);
}

void deferred_revoke(struct deferred *d, struct strv user, struct strv sender,
		     struct strv message_id, void (*done)(void *arg, enum deferred_revoked revoked),
		     void *arg)
{
	struct dfr_op *op;

	if (!message_id.n || !deferred_waits(d, user)) {
		done(arg, DEFERRED_TOO_LATE);
		return;
	}
	op = dfr_op_new(d, DFR_REVOKE, user, sender, message_id, NULL, 0);
	if (!op) {
		done(arg, DEFERRED_REVOKE_BUSY);
		return;
	}
	op->finish = finish_revoke;
	op->done.revoked = done;
	op->arg = arg;
	dfr_op_send(op);
}

/* ---- an erased user ---- */

struct erased {
	struct post post; /* first: the callback casts */
	struct deferred *deferred;
	uint64_t hash;
	size_t n;
	char owner[];
};

static void on_erased(struct post *post)
{
	struct erased *erased = (struct erased *)(void *)post;
	struct dfr_worker *dw = dfr_worker_of(erased->deferred, erased->hash);
	struct dfr_user *user = dfr_user_find(dw, erased->hash, strv_mem(erased->owner, erased->n));

	if (user)
		dfr_user_erased(dw, user);
	free(erased);
}

/* On the committer's thread. Our own ranges end inside of "dm/". */
static void on_change(void *arg, const struct kv_change *change)
{
	struct deferred *d = arg;
	struct erased *erased;

	for (unsigned i = 0; i < change->n_ops; i++) {
		const struct kv_op *op = &change->ops[i];

		if (op->kind != KV_OP_DEL_RANGE || strv_cmp(op->name, DQ_DEVICES) > 0 ||
		    (op->to.n && strv_cmp(op->to, STRV("dm0")) < 0))
			continue;
		erased = malloc(sizeof(*erased) + change->owner.n);
		if (!erased) {
			log_error(LOG_CPM, "no memory to forget an erased user's messages");
			continue;
		}
		erased->post.run = on_erased;
		erased->deferred = d;
		erased->hash = dfr_hash(d, change->owner);
		erased->n = change->owner.n;
		memcpy(erased->owner, change->owner.p, change->owner.n);
		worker_post(dfr_worker_of(d, erased->hash)->worker, &erased->post);
	}
}

/* ---- life ---- */

void deferred_options_init(struct deferred_options *options)
{
	enum { DAY_S = 86400 };

	*options = (struct deferred_options){ .max_messages = 1000,
					      .max_bytes = 8 << 20,
					      .default_s = INT64_C(7) * DAY_S,
					      .max_s = INT64_C(30) * DAY_S,
					      .cache_users = 4096,
					      .in_flight = 64,
					      .write_ms = 200,
					      .scan_ms = 60000,
					      .later_ms = 30000 };
}

static double waiting_now(void *arg)
{
	const struct deferred *d = arg;

	return (double)atomic_load(&d->waiting);
}

static void make_metrics(struct deferred *d)
{
	d->m_stored = metric_counter("opencpm_cpm_deferred_stored_total",
				     "Messages stored for devices that were not reached", "");
	d->m_pushed = metric_counter("opencpm_cpm_deferred_pushed_total",
				     "Deferred messages that a device took", "");
	d->m_failed = metric_counter("opencpm_cpm_deferred_pushes_failed_total",
				     "Pushes of deferred messages that a device did not take", "");
	d->m_expired = metric_counter("opencpm_cpm_deferred_expired_total",
				      "Deferred messages whose time ended", "");
	d->m_full = metric_counter("opencpm_cpm_deferred_refused_total",
				   "Messages not stored: quota of the user, or no room", "");
	d->m_displayed = metric_counter("opencpm_cpm_deferred_displayed_total",
					"Deferred messages that were shown on another device", "");
	d->m_revoked = metric_counter("opencpm_cpm_deferred_revoked_total",
				      "Deferred messages that their sender took back", "");
	d->m_waiting = metric_gauge_fn("opencpm_cpm_deferred_waiting",
				       "Messages that wait for devices", "", waiting_now, d);
}

int deferred_new(const struct deferred_options *options, struct deferred **deferred_out,
		 struct err *err)
{
	struct deferred *d = calloc(1, sizeof(*d));

	*deferred_out = NULL;
	if (!d)
		return err_set(err, ERR_NOMEM, "no memory for deferred messages");
	d->options = *options;
	d->seed = trace_random();
	d->n_workers = workers_count(options->workers);
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->moved, NULL);
	atomic_init(&d->unread, d->n_workers);
	d->worker = calloc(d->n_workers, sizeof(*d->worker));
	d->hint = calloc(DFR_HINTS, sizeof(*d->hint));
	d->noted = calloc(DFR_NOTED, sizeof(*d->noted));
	if (!d->worker || !d->hint || !d->noted || dfr_counts_init(d) < 0) {
		deferred_free(&d);
		return err_set(err, ERR_NOMEM, "no memory for deferred messages");
	}
	for (unsigned i = 0; i < d->n_workers; i++) {
		struct dfr_worker *dw = &d->worker[i];

		dw->deferred = d;
		dw->worker = workers_at(options->workers, i);
		dw->last_wanted = &dw->wanted;
		dw->n_chains = 64;
		dw->chain = calloc(dw->n_chains, sizeof(struct dfr_user *));
		dw->arena = arena_new(0);
		if (!dw->chain || !dw->arena) {
			deferred_free(&d);
			return err_set(err, ERR_NOMEM, "no memory for deferred messages");
		}
	}
	make_metrics(d);
	*deferred_out = d;
	return 0;
}

static void begin(struct post *post)
{
	struct dfr_worker *dw =
		(struct dfr_worker *)(void *)((char *)post - offsetof(struct dfr_worker, start));
	struct deferred *d = dw->deferred;

	pthread_mutex_lock(&d->lock);
	d->running++;
	pthread_mutex_unlock(&d->lock);
	if (!atomic_load(&d->stopping))
		dfr_scan_begin(dw);
}

int deferred_start(struct deferred *d, struct err *err)
{
	if (kv_subscribe(d->options.kv, on_change, d, err) < 0)
		return -1;
	for (unsigned i = 0; i < d->n_workers; i++) {
		d->worker[i].start.run = begin;
		worker_post(d->worker[i].worker, &d->worker[i].start);
	}
	return dfr_scan_start(d, err);
}

static void halt(struct post *post)
{
	struct dfr_worker *dw =
		(struct dfr_worker *)(void *)((char *)post - offsetof(struct dfr_worker, stop));

	dw->is_stopping = 1;
	worker_timer_clear(dw->worker, &dw->scan_timer);
	dfr_users_stop(dw);
}

void deferred_stop_sync(struct deferred *d)
{
	pthread_mutex_lock(&d->lock);
	if (!atomic_exchange(&d->stopping, 1) && d->running == d->n_workers) {
		for (unsigned i = 0; i < d->n_workers; i++) {
			d->worker[i].stop.run = halt;
			worker_post(d->worker[i].worker, &d->worker[i].stop);
		}
		while (d->stopped < d->n_workers)
			pthread_cond_wait(&d->moved, &d->lock);
	}
	pthread_mutex_unlock(&d->lock);
}

void deferred_free(struct deferred **deferred_at)
{
	struct deferred *d = *deferred_at;

	*deferred_at = NULL;
	if (!d)
		return;
	metric_fn_clear(d->m_waiting);
	dfr_scan_free(d);
	for (unsigned i = 0; d->worker && i < d->n_workers; i++) {
		if (d->worker[i].chain)
			dfr_users_free(&d->worker[i]);
		free(d->worker[i].chain);
		arena_free(&d->worker[i].arena);
	}
	dfr_counts_free(d);
	free(d->worker);
	free((void *)d->hint);
	free((void *)d->noted);
	pthread_mutex_destroy(&d->lock);
	pthread_cond_destroy(&d->moved);
	free(d);
}

void deferred_stats(struct deferred *d, struct deferred_stats *stats_out)
{
	*stats_out = (struct deferred_stats){ .stored = atomic_load(&d->stored),
					      .pushed = atomic_load(&d->pushed),
					      .expired = atomic_load(&d->expired),
					      .refused_full = atomic_load(&d->refused_full),
					      .displayed = atomic_load(&d->displayed),
					      .revoked = atomic_load(&d->revoked),
					      .waiting = atomic_load(&d->waiting) };
}
