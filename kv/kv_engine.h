/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_engine.h - the backend author's view of the store
 *
 * kv.c and kv_committer.c give an engine groups of batches, one group at a time, and reads from any
 * number of threads; queues, callbacks, subscribers and bounds are theirs. An engine answers for
 * preconditions, sequence numbers, the journal and durability. One over a network runs a group as
 * one transaction of its database and takes the sequence numbers from there; the local ones share
 * kv_local.c, which does it over an ordered map (kv_map.h).
 */
#ifndef KV_KV_ENGINE_H
#define KV_KV_ENGINE_H

#include "kv/kv.h"
#include "kv/kv_priv.h"

struct kv_engine_ops;

/* What an engine calls, from any thread, once, when it can no longer be trusted (a sync failed). */
typedef void kv_failed_fn(void *arg, const char *why);

/* The beginning of every engine's struct. What is atomic is set by the engine, read by all. */
struct kv_engine {
	const struct kv_engine_ops *ops;
	const struct kv_options *options; /* the store's copy */
	uint64_t epoch;
	_Atomic unsigned format;
	_Atomic uint64_t seq;		/* the last commit that is on disk */
	_Atomic uint64_t journal_first; /* seq + 1 when the journal is empty */
	_Atomic uint64_t retries;	/* deadlocks and reads that had to be repeated */
	_Atomic uint64_t checkpoints;
	_Atomic int low_space;
	kv_failed_fn *failed;
	void *failed_arg;
};

/* Batches in order, linked by next; their keys, data and ops are ready (kv_batch_seal). MORE, for
 * an engine that has written all of them and not committed yet: appends what was queued meanwhile
 * and returns how many batches that was. */
struct kv_group {
	struct kv_batch *first, *last;
	unsigned n;
	size_t bytes, steps;
	unsigned (*more)(struct kv_group *group);
	struct kv *kv;
};

/* What a read may give besides a kv_status. */
enum { KV_MOVED = 100 /* the owner was written to again and again: ask with EXCLUSIVE */ };

struct kv_engine_ops {
	const char *name;

	/* Open the store of OPTIONS, which stay as they are until close. FAILED may be called
	 * before it returns. */
	int (*open)(const struct kv_options *options, kv_failed_fn *failed, void *failed_arg,
		    struct kv_engine **engine_out, struct err *err);
	/* Flush and end; after a failure: let go without writing. */
	void (*close)(struct kv_engine *engine);

	/* Commit GROUP on the committer's thread, also an empty one (a chance to trim the journal).
	 * Returns 0 when every batch has its result and time, what is KV_DONE being durable and
	 * visible to reads; -1 with ERR when that is unknown: every batch has failed, and the
	 * engine is not used any more but for close. */
	int (*commit)(struct kv_engine *engine, struct kv_group *group, struct err *err);
	/* Work for an idle moment: commit with an empty group is worth it. */
	int (*wants_idle)(struct kv_engine *engine);

	/* Fill READ's items and version from any thread. EXCLUSIVE: on the committer's thread, so
	 * that nothing is being committed. Returns a kv_status or KV_MOVED. */
	int (*read)(struct kv_engine *engine, struct kv_read *read, int exclusive);
	/* As kv.h's, from any thread. */
	int (*owners)(struct kv_engine *engine, struct strv after, unsigned max,
		      struct arena *arena, struct strv **owners_out, unsigned *n_out,
		      struct err *err);
	int (*journal)(struct kv_engine *engine, uint64_t from, unsigned max, struct arena *arena,
		       struct kv_change **changes_out, unsigned *n_out, struct err *err);
	int (*verify)(struct kv_engine *engine, kv_progress_fn *progress, void *arg,
		      struct kv_verify_report *report_out, struct err *err);
	/* Hand OWNER's records and their version to FN, as kv_export_sync. Returns 0, -1 or
	 * KV_MOVED (before anything was handed out). */
	int (*export)(struct kv_engine *engine, struct strv owner, int exclusive,
		      int (*fn)(void *arg, const struct kv_record *record), void *arg,
		      uint64_t *version_out, struct err *err);
	/* NULL: not to be had with this engine. */
	int (*backup)(struct kv_engine *engine, const char *dir, kv_progress_fn *progress,
		      void *arg, struct err *err);
	/* Octets used and free; may be NULL. */
	void (*space)(struct kv_engine *engine, uint64_t *disk_out, uint64_t *free_out);
};

extern const struct kv_engine_ops kv_bdb_ops, kv_mem_ops;

#endif
