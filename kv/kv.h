/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv.h - the storage contract: what a room may rely on, whatever the engine
 *
 * Ordered keys, byte values. Every key belongs to one owner (a user or a group) and a batch touches
 * one owner only. A record's version is the sequence number of the commit that wrote it. A commit
 * is all or nothing and is on disk before anybody sees it: callers, readers, subscribers.
 *
 * Callbacks run on the worker that made the call (a post), or, when the call came from no worker,
 * on a thread of the engine's; they may come before the call returns. Functions whose names end in
 * _sync block: never call them on a worker.
 */
#ifndef KV_KV_H
#define KV_KV_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/jobs.h"
#include "base/strv.h"

enum {
	KV_OWNER_MAX = 255,	       /* octets; at least 1, no NUL */
	KV_NAME_MAX = 1024,	       /* octets; any, also none */
	KV_VALUE_MAX = 16 << 20,       /* octets */
	KV_BATCH_OPS_MAX = 60000,      /* operations and preconditions of one batch */
	KV_BATCH_BYTES_MAX = 64 << 20, /* keys and values of one batch */
	KV_READ_BYTES_MAX = 64 << 20,  /* names and values of one read */
};

enum kv_status {
	KV_DONE,     /* it happened and is on disk */
	KV_CONFLICT, /* a precondition did not hold: nothing happened */
	KV_NO_SPACE, /* no room on disk: nothing happened; deletes may still pass */
	KV_BUSY,     /* too much waits, no memory, or the store is closing: nothing happened */
	KV_FAILED,   /* unknown whether it happened; the process is about to end */
};
const char *kv_status_name(enum kv_status status);

struct kv;

/* ---- open and close ---- */

/* One step of the store's format, from version N to N + 1: see kv_options.migrations. */
struct kv_migration {
	const char *what; /* for the log */
	/* Bring one record into the new form: leave VALUE_OUT untouched (keep the record), set it
	 * to a new value in ARENA, or set *DROP_OUT to 1. Returns 0 or -1 with ERR filled. */
	int (*record)(struct strv owner, struct strv name, struct strv value, struct arena *arena,
		      struct strv *value_out, int *drop_out, struct err *err);
};

struct kv_options {
	const char *engine; /* "bdb" or "mem" */
	const char *dir;    /* the store's folder, made when missing; unused by mem */
	uint64_t cache_bytes;
	uint64_t checkpoint_bytes; /* of log written since the last one */
	unsigned checkpoint_s;	   /* at the latest after this */
	uint64_t min_free_bytes;   /* below this much free space puts are refused, deletes pass */
	uint64_t reserve_bytes;	   /* size of the reserve file that is given up for deletes */
	uint64_t journal_keep;	   /* commits the journal remembers at least */
	unsigned journal_keep_s;   /* and at least for so long */
	unsigned queue_max;	   /* batches that may wait; more are KV_BUSY */
	/* The format this program writes is N_MIGRATIONS; a store at format F < N_MIGRATIONS is
	 * brought forward at open by steps F .. N_MIGRATIONS - 1, each resumable after a crash. A
	 * store of a later format is refused. */
	const struct kv_migration *migrations;
	unsigned n_migrations;
	/* Called once, on the committer's thread, when the disk failed under a commit and after
	 * every waiting caller has been told KV_FAILED. NULL: log and _exit(KV_EXIT_FATAL). It must
	 * end the process without closing the store. */
	void (*fatal)(void *arg, const char *why);
	void *fatal_arg;
};
enum { KV_EXIT_FATAL = 74 };

/* The defaults, "bdb" with DIR. */
void kv_options_init(struct kv_options *options, const char *dir);

/* Open, recovering what a crash left. JOBS reads for workers; it is borrowed until kv_close and
 * may be NULL when only _sync calls are made. ERR_BUSY when another process has the store open. */
int kv_open(const struct kv_options *options, struct jobs *jobs, struct kv **kv_out,
	    struct err *err);

/* Finish the batches that wait, checkpoint, close. Takes the address, accepts NULL. */
void kv_close(struct kv **kv);

/* Part of every ETag and sync token: differs between any two lives of a store (a restore begins a
 * new one), so that EPOCH and version together are never issued twice. */
uint64_t kv_epoch(const struct kv *kv);

/* ---- commit ---- */

struct kv_batch;

/* A batch for OWNER. NULL when memory is short or OWNER is out of bounds. Names and values are
 * copied. An error (memory, bounds) while filling it sticks: the functions return -1 then, and
 * kv_commit of such a batch gives KV_CONFLICT, never half a batch. */
struct kv_batch *kv_batch_new(struct strv owner);
void kv_batch_free(struct kv_batch **batch); /* only what was never committed */
int kv_batch_put(struct kv_batch *batch, struct strv name, struct strv value);
int kv_batch_del(struct kv_batch *batch, struct strv name); /* absent: no harm */
/* Every name with FROM <= name < TO; TO empty: to the owner's end. */
int kv_batch_del_range(struct kv_batch *batch, struct strv from, struct strv to);
/* Preconditions hold against the state before the batch. */
int kv_batch_require_absent(struct kv_batch *batch, struct strv name);
int kv_batch_require_version(struct kv_batch *batch, struct strv name, uint64_t version);

struct kv_commit_result {
	enum kv_status status;
	uint64_t seq; /* of the commit, when KV_DONE: the version of everything it wrote */
};
typedef void kv_commit_fn(void *arg, const struct kv_commit_result *result);

/* Commit BATCH, which belongs to the engine from now on. DONE is called exactly once. Batches of
 * one thread for one owner commit in the order of the calls. */
void kv_commit(struct kv *kv, struct kv_batch *batch, kv_commit_fn *done, void *arg);
struct kv_commit_result kv_commit_sync(struct kv *kv, struct kv_batch *batch);

/* ---- read ---- */

struct kv_record {
	struct strv name;
	struct strv value;
	uint64_t version;
};

enum kv_item_kind { KV_GET, KV_RANGE };

struct kv_item {
	enum kv_item_kind kind;
	struct strv from; /* the name of a KV_GET */
	struct strv to;	  /* KV_RANGE: FROM <= name < TO; empty: to the owner's end */
	unsigned limit;	  /* KV_RANGE: at most so many records; 0: all */
	int reverse;	  /* KV_RANGE: from the end */
	/* Filled by the read, in its arena. */
	struct kv_record *records;
	unsigned n_records; /* KV_GET: 0 or 1 */
	int more;	    /* KV_RANGE: the limit cut it */
};

/* What is wanted of one owner. The caller fills it in; it belongs to the store until DONE. All
 * records are of one moment: the owner's state after commit VERSION. */
struct kv_read {
	struct job job;	       /* the store's */
	struct kv *kv;	       /* the store's */
	enum kv_status status; /* the store's, what DONE is given */
	struct strv owner;
	struct kv_item *items;
	unsigned n_items;
	struct arena *arena; /* results live here; nobody else uses it meanwhile */
	/* STATUS is KV_DONE, KV_BUSY (too much waits, or more is found than the arena or
	 * KV_READ_BYTES_MAX allow) or KV_FAILED (what is stored there is damaged, or the store has
	 * failed). */
	void (*done)(struct kv_read *read, enum kv_status status);
	/* Out: the commit that last touched the owner. 0: never, or it was emptied and the journal
	 * no longer knows. */
	uint64_t version;
};
void kv_read(struct kv *kv, struct kv_read *read);
enum kv_status kv_read_sync(struct kv *kv, struct kv_read *read); /* DONE is not called */

/* Owners that have records, behind AFTER (empty: from the start), in order, at most MAX, in ARENA.
 * Not one moment. */
int kv_owners_sync(struct kv *kv, struct strv after, unsigned max, struct arena *arena,
		   struct strv **owners_out, unsigned *n_out, struct err *err);

/* ---- journal ---- */

enum kv_op_kind { KV_OP_PUT, KV_OP_DEL, KV_OP_DEL_RANGE };

struct kv_op {
	enum kv_op_kind kind;
	struct strv name; /* KV_OP_DEL_RANGE: from */
	struct strv to;	  /* KV_OP_DEL_RANGE: to; empty: to the owner's end */
};

struct kv_change {
	uint64_t seq;
	int64_t time_us; /* Unix time of the commit; never decreases with seq */
	struct strv owner;
	const struct kv_op *ops; /* without values: read them at their version */
	unsigned n_ops;
};

/* Changes with sequence numbers from FROM on, in order, at most MAX, in ARENA. Returns 0; -1 with
 * ERR_ABSENT when the journal no longer goes back to FROM (read the state instead). */
int kv_journal_sync(struct kv *kv, uint64_t from, unsigned max, struct arena *arena,
		    struct kv_change **changes_out, unsigned *n_out, struct err *err);

/* The last commit on disk (0: none yet) and the first that the journal still has. */
uint64_t kv_seq(const struct kv *kv);
uint64_t kv_journal_first(const struct kv *kv);

/* FN is told every change, in order, on the committer's thread, after it is durable and before its
 * committer is told: where caches and compiled values are renewed. It must not block, and the
 * change is valid during the call only. Subscribe before the first commit; at most 8. */
int kv_subscribe(struct kv *kv, void (*fn)(void *arg, const struct kv_change *change), void *arg,
		 struct err *err);

/* ---- tending ---- */

/* DONE of TOTAL (octets or records). Returning other than 0 cancels. May be NULL. */
typedef int kv_progress_fn(void *arg, uint64_t done, uint64_t total);

/* A hot backup into the new folder DIR, then recovered and verified there. */
int kv_backup_sync(struct kv *kv, const char *dir, kv_progress_fn *progress, void *arg,
		   struct err *err);

/* Verify the backup in BACKUP and make a store of it in DIR, which must not hold one, with a new
 * epoch. Nothing is left in DIR when it fails. */
int kv_restore(const char *backup, const char *dir, kv_progress_fn *progress, void *arg,
	       struct err *err);

struct kv_verify_report {
	uint64_t owners, records, journal; /* seen */
	uint64_t faults;		   /* what is not as it was written */
	char first_fault[ERR_TEXT_BYTES];
};
/* Read everything of the open store and check each record, owner version and journal entry.
 * Returns 0 when that could be done, whatever was found; -1 when not. */
int kv_verify_sync(struct kv *kv, kv_progress_fn *progress, void *arg,
		   struct kv_verify_report *report_out, struct err *err);
/* The same for a store that is not open, or a backup; its pages too. Changes nothing: a store is
 * copied beside DIR and recovered there, which takes as much room once more. ERR_BUSY when it is
 * open. */
int kv_verify_dir(const char *dir, kv_progress_fn *progress, void *arg,
		  struct kv_verify_report *report_out, struct err *err);

/* Every record of OWNER at one moment, in order, to FN (returning other than 0 stops with -1). It
 * is gathered in a nameless file in the store's folder first. */
int kv_export_sync(struct kv *kv, struct strv owner,
		   int (*fn)(void *arg, const struct kv_record *record), void *arg,
		   uint64_t *version_out, struct err *err);

/* Every record of OWNER away, as one commit of one range delete. OWNER's name stays in the journal
 * and in its version until retention takes the entry. */
struct kv_commit_result kv_erase_sync(struct kv *kv, struct strv owner);

struct kv_stats {
	uint64_t commits, conflicts, no_space, groups, reads, retries, checkpoints;
	uint64_t queued;     /* batches that wait now */
	uint64_t disk_bytes; /* of the store's folder */
	uint64_t free_bytes; /* of its file system */
	int low_space;	     /* puts are being refused */
	unsigned format;     /* the schema number */
};
void kv_stats(struct kv *kv, struct kv_stats *stats_out);

#endif
