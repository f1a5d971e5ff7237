/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/loc_priv.h - the table of locations, for its own files
 *
 *	loc.c		table: find, put, sweep of what has ended
 *	loc_user.c	values
 *	loc_record.c	values as stored
 *	loc_write.c	writing behind
 *	loc_load.c	reading back
 */
#ifndef SIP_CORE_LOC_PRIV_H
#define SIP_CORE_LOC_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/metrics.h"
#include "sip/core/loc.h"

#define LOC_NAME STRV("sip/loc")

/* What is known of one user. Lives while it has a value, is to be written or is being written, and
 * until the table has been read back: a value that is read late must not come back to life. */
struct loc_entry {
	struct loc_entry *next;	      /* of the chain */
	struct loc_entry *next_dirty; /* of the shard's queue */
	const struct loc_user *user;  /* NULL: no bindings */
	uint64_t hash;
	int64_t ends_us;    /* the first of its bindings to end; INT64_MAX: none */
	uint8_t is_dirty;   /* differs from the store */
	uint8_t is_queued;  /* in the shard's queue */
	uint8_t is_writing; /* a commit is under way */
	uint16_t aor_n;
	char aor[];
};

struct loc_shard {
	pthread_mutex_t lock;
	struct loc_entry **chain;
	size_t n_chains, n;
	size_t sweep_at; /* the chain that the sweep goes on with */
	struct loc_entry *first_dirty, **last_dirty;
	uint64_t users, bindings, bytes;
	_Atomic uint64_t dirty; /* changed under the lock; the writer's round looks without it */
};

struct loc_writer;
struct loc_load;

struct loc {
	struct loc_options options;
	struct {
		loc_changed_fn *changed;
		void *arg;
	} watcher[LOC_WATCHERS_MAX];
	unsigned n_watchers;
	struct kv *kv;
	struct jobs *jobs;
	uint64_t seed;
	_Atomic int loaded, stopping;
	struct loc_writer *writers;
	unsigned n_writers;
	struct loc_load *load;
	struct loc_shard shard[LOC_SHARDS];
	/* Commits under way, all told, and whoever waits for their end. */
	pthread_mutex_t idle_lock;
	pthread_cond_t idle;
	uint64_t in_flight, failures;
	struct metric *written, *failed, *users_metric, *bindings_metric;
};

/* ---- loc_user.c ---- */

/* 0 when every text and number is within bounds. */
int loc_user_check(const struct loc_user *draft);
int64_t loc_user_ends_us(const struct loc_user *user);

/* ---- loc_record.c ---- */

/* USER as it is stored, in ARENA; times are moved by SHIFT_US. Bindings that ended before NOW_US
 * are left out. Empty: no memory. */
struct strv loc_record_encode(const struct loc_user *user, int64_t now_us, int64_t shift_us,
			      struct arena *arena);
/* A new value of what is stored; NULL in USER_OUT when no binding lives at NOW_US. Times beyond
 * MAX_US from now are cut; flows of before are marked lost. 0; -1 with ERR_CORRUPT or ERR_NOMEM. */
int loc_record_decode(struct strv bytes, struct strv aor, int64_t now_us, int64_t max_us,
		      const struct loc_user **user_out, struct err *err);

/* ---- loc.c ---- */

struct loc_shard *loc_shard_of(struct loc *loc, struct strv aor, uint64_t *hash_out);
/* Under the shard's lock. */
struct loc_entry *loc_entry_find(const struct loc_shard *shard, uint64_t hash, struct strv aor);
/* What was read of AOR (USER is taken over, NULL: nothing) unless something is known already.
 * Returns what is known now, held; NULL: nothing. -1 in OK_OUT: no memory. */
const struct loc_user *loc_fill(struct loc *loc, struct strv aor, const struct loc_user *user,
				int *ok_out);
/* Under the lock: the entry goes when nothing needs it. */
void loc_entry_retire(struct loc *loc, struct loc_shard *shard, struct loc_entry *entry);
/* AOR has no bindings any more, whatever it had. */
void loc_erase(struct loc *loc, struct strv aor);
/* Drop what has ended from one of PARTS of SHARD; the next call goes on behind it. */
void loc_sweep(struct loc *loc, unsigned shard, unsigned parts);

/* ---- loc_write.c ---- */

int loc_writers_new(struct loc *loc, struct err *err);
void loc_writers_start(struct loc *loc);
void loc_writers_free(struct loc *loc);
/* Under the shard's lock. */
void loc_mark_dirty(struct loc *loc, struct loc_shard *shard, struct loc_entry *entry);

/* ---- loc_load.c ---- */

int loc_load_start(struct loc *loc, struct err *err);
void loc_load_free(struct loc *loc);

#endif
