/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/deferred/deferred_priv.h - the queues of a worker, for the function's own files
 *
 *	deferred.c	 who calls from where, and the way to the queue's worker
 *	deferred_user.c	 the table of users: reading queues in, writing behind, forgetting
 *	deferred_store.c a message comes, is displayed, revoked, deleted
 *	deferred_push.c	 devices get what they lack
 *	deferred_scan.c	 what has expired; what a former process left
 *	deferred_list.c	 what operators see
 *	deferred_counts.c how many wait, for every thread
 *	deferred_sip.c	 registrations, summaries and notices
 *	dq*.c		 one queue as a value
 */
#ifndef CPM_DEFERRED_DEFERRED_PRIV_H
#define CPM_DEFERRED_DEFERRED_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/metrics.h"
#include "cpm/deferred/deferred.h"
#include "cpm/deferred/dq.h"

enum {
	DFR_HINTS = 1 << 20,	  /* counters of waiting messages, by hash of the user */
	DFR_NOTED = 1 << 16,	  /* devices that are remembered to have been noted */
	DFR_SHARDS = 64,	  /* of the table of counts */
	DFR_LOADS_MAX = 32,	  /* queues that a worker reads at a time */
	DFR_READ_RECORDS = 128,	  /* records of one read */
	DFR_FETCH_RECORDS = 32,	  /* and of one that brings bodies back */
	DFR_HELD_BYTES = 8 << 20, /* of bodies that a worker keeps in memory without need */
	DFR_LATER_MAX_MS = 30 * 60000,
	DFR_RETRY_MS = 1000, /* after the store was busy */
};

struct dfr_worker;
struct dfr_user;

enum dfr_kind {
	DFR_STORE,
	DFR_HAD,
	DFR_AVAILABLE,
	DFR_DISPLAYED,
	DFR_REVOKE,
	DFR_DELETE,
	DFR_LOOK
};

/* One thing to do with a queue. It goes to the queue's worker, waits there until the queue has been
 * read, and (those that answer) comes back to where it was made. */
struct dfr_op {
	struct post post; /* first: the callbacks cast */
	struct dfr_op *next;
	struct deferred *deferred;
	struct worker *home; /* NULL: from another thread */
	enum dfr_kind kind;
	int result;
	/* On HOME, or on the queue's worker when there is none; frees nothing. NULL: no answer. */
	void (*finish)(struct dfr_op *op);
	union {
		deferred_stored_fn *stored;
		void (*revoked)(void *arg, enum deferred_revoked revoked);
	} done;
	void *arg;
	uint64_t hash; /* of the user */
	struct cpm_message *message;
	struct strv user, a, b; /* with TAKEN: in DATA */
	struct strv *taken;
	unsigned n_taken;
	/* DFR_STORE, while it is being committed. */
	struct dq_slot slot;
	struct dfr_op *twins; /* the same message again, or about it: when it is in the queue */
	struct dfr_user *owner;
	char data[];
};

enum dfr_state {
	DFR_COLD,    /* in the store alone */
	DFR_WANTED,  /* waits to be read */
	DFR_LOADING, /* a read is under way */
	DFR_LOADED,
};

struct dfr_user {
	struct dfr_user *next;		/* of the table's chain */
	struct dfr_user *newer, *older; /* of those in memory, by last use */
	struct dfr_user *next_wanted;
	struct dfr_worker *dw;
	uint64_t hash;
	enum dfr_state state;
	struct dq q;
	struct dfr_op *ops, **last_op; /* wait until it is LOADED */
	struct dfr_op *storing;	       /* being committed, any order */
	unsigned n_storing;
	uint64_t storing_bytes;
	struct dfr_op *answers, *answers_writing; /* behind the next, the running write */
	unsigned counted;			  /* entries that its hint counts */
	unsigned told_waiting, told_fresh;
	int64_t next_expiry_us; /* not later than this; INT64_MAX: nothing waits */
	unsigned pins;		/* calls under way that come back to it */
	unsigned n_pushing;
	size_t held_seen; /* of dw->held */
	struct wheel_timer write_timer, later_timer;
	unsigned later_ms;
	uint8_t is_counted; /* what the store had before this process is in the hint */
	uint8_t is_writing, deletes_only;
	uint8_t is_fetching;
	uint8_t is_asking; /* how messages leave */
	uint8_t is_expiring;
	uint8_t was_erased;
	uint16_t owner_n;
	char owner[];
};

struct dfr_worker {
	struct deferred *deferred;
	struct worker *worker;
	struct dfr_user **chain;
	size_t n_chains, n_users;
	struct dfr_user *newest, *oldest;
	unsigned n_loaded;
	struct dfr_user *wanted, **last_wanted;
	unsigned n_loads;
	struct dq_device *ready, *last_ready;
	unsigned in_flight;
	size_t held; /* of bodies */
	struct arena *arena;
	struct wheel_timer scan_timer;
	size_t scan_at;
	struct post start, stop;
	unsigned under_way; /* calls of the store */
	uint8_t is_pumping, is_stopping, is_stopped;
	uint8_t is_told; /* all that a former process left is in the table */
	uint8_t is_read; /* and has been read once */
};

/* What waits for a user of whom something does. */
struct dfr_count {
	struct dfr_count *next;
	uint64_t hash;
	unsigned waiting, fresh;
	uint16_t user_n;
	char user[];
};

struct dfr_shard {
	pthread_mutex_t lock;
	struct dfr_count **chain;
	size_t n_chains, n;
};

struct deferred {
	struct deferred_options options;
	uint64_t seed;
	unsigned n_workers;
	struct dfr_worker *worker;
	_Atomic uint32_t *hint;
	_Atomic uint64_t *noted; /* hashes of user, device and day; later ones take the place */
	_Atomic unsigned unread; /* workers that have not read what a former process left */
	_Atomic int stopping;
	_Atomic uint64_t stored, pushed, expired, refused_full, displayed, revoked, waiting;
	struct metric *m_stored, *m_pushed, *m_failed, *m_expired, *m_full, *m_displayed,
		*m_revoked, *m_waiting;
	struct dfr_scan *scan;
	struct dfr_shard *shard;
	pthread_mutex_t lock; /* of the next two */
	pthread_cond_t moved;
	unsigned running, stopped; /* workers */
};

/* ---- deferred.c ---- */

int64_t dfr_now_us(const struct deferred *deferred);
uint64_t dfr_hash(const struct deferred *deferred, struct strv user);
struct dfr_worker *dfr_worker_of(struct deferred *deferred, uint64_t hash);
_Atomic uint32_t *dfr_hint(const struct deferred *deferred, uint64_t hash);
/* 1 when DEVICE has been noted today; else NOTE says whether it is now. */
int dfr_noted(const struct deferred *deferred, uint64_t hash, struct strv device, int note);
/* 1 when there is nothing to do about DEVICE of USER's being there; any thread. */
int dfr_is_idle(const struct deferred *deferred, struct strv user, struct strv device);
/* An op with copies of the texts; NULL: no memory. */
struct dfr_op *dfr_op_new(struct deferred *deferred, enum dfr_kind kind, struct strv user,
			  struct strv a, struct strv b, const struct strv *taken, unsigned n_taken);
void dfr_op_free(struct dfr_op **op);
/* To the worker of its queue, and run there. */
void dfr_op_send(struct dfr_op *op);
/* It has come to RESULT: answer and free it. */
void dfr_op_end(struct dfr_op *op, int result);

/* ---- deferred_user.c ---- */

struct dfr_user *dfr_user_find(struct dfr_worker *dw, uint64_t hash, struct strv owner);
/* Run OP as soon as its queue is in memory. On the queue's worker. */
void dfr_user_run(struct dfr_worker *dw, struct dfr_op *op);
static inline struct strv dfr_user_owner(const struct dfr_user *user)
{
	return strv_mem(user->owner, user->owner_n);
}
/* After each change of the queue: hints, counts, and what is to be written. */
void dfr_user_settle(struct dfr_user *user);
/* Tell whoever wants to know how many wait. */
void dfr_user_tell(struct dfr_user *user);
/* Write what is dirty, now. */
void dfr_user_write(struct dfr_user *user);
/* The user was erased from the store. */
void dfr_user_erased(struct dfr_worker *dw, struct dfr_user *user);
void dfr_users_free(struct dfr_worker *dw);
void dfr_users_stop(struct dfr_worker *dw);
/* A call of the store has come back. */
void dfr_came_back(struct dfr_worker *dw);
/* No read of queues is under way or waits. */
void dfr_users_check_read(struct dfr_worker *dw);

/* ---- deferred_counts.c ---- */

int dfr_counts_init(struct deferred *deferred); /* -1: no memory */
void dfr_counts_free(struct deferred *deferred);
void dfr_counts_set(struct deferred *deferred, uint64_t hash, struct strv user, unsigned waiting,
		    unsigned fresh);

/* ---- deferred_store.c ---- */

void dfr_store(struct dfr_user *user, struct dfr_op *op);
void dfr_had(struct dfr_user *user, struct dfr_op *op);
void dfr_displayed(struct dfr_user *user, struct dfr_op *op);
void dfr_revoke(struct dfr_user *user, struct dfr_op *op);
void dfr_delete(struct dfr_user *user, struct dfr_op *op);

/* ---- deferred_push.c ---- */

void dfr_available(struct dfr_user *user, struct dfr_op *op);
/* Whoever of USER's devices is there now gets what it lacks. */
void dfr_push_all(struct dfr_user *user);
void dfr_pump(struct dfr_worker *dw);
/* Bodies of the entries from AT_US on come into memory; then devices that wait go on, and the
 * expiry that waits. */
void dfr_fetch(struct dfr_user *user, uint64_t at_us);
/* A device is being sent that entry. */
int dfr_is_pushed(const struct dfr_user *user, uint64_t at_us);
void dfr_report(struct deferred *deferred, struct cpm_message *message);

/* ---- deferred_scan.c ---- */

int dfr_scan_start(struct deferred *deferred, struct err *err);
void dfr_scan_free(struct deferred *deferred);
void dfr_scan_begin(struct dfr_worker *dw);
/* What of USER's has expired ends. */
void dfr_expire(struct dfr_user *user);
/* One round over the worker's users. */
void dfr_scan_round(struct dfr_worker *dw);

#endif
