/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_local.h - what the local engines share: the contract over an ordered map
 *
 * A local engine's struct begins with a kv_local; it opens its map, calls kv_local_start and uses
 * the functions below as its operations, putting its own care (space, failure) around them.
 */
#ifndef KV_KV_LOCAL_H
#define KV_KV_LOCAL_H

#include "kv/kv_engine.h"
#include "kv/kv_map.h"
#include "kv/kv_record.h"

struct kv_local {
	struct kv_engine engine;
	struct kv_map *map;
	int puts_barred; /* batches that put are refused: set by the engine before a commit */
	/* The disk turned out full: give up what is reserved. May be NULL. */
	void (*give_room)(struct kv_local *local);
	/* Octets of the tables, for progress. May be NULL. */
	uint64_t (*bytes)(struct kv_local *local);

	/* The committer's. */
	uint64_t group;	 /* number of the last one */
	int64_t time_us; /* of the last commit */
	int64_t head_us; /* time of the oldest journal entry that was kept by its age */
	struct kv_buf buf, entry;
	struct arena *arena; /* reset for every journal entry that is looked at */
};

/* Read where the store stands. Returns 0; -1 with ERR. Undone by kv_local_fini, in any case. */
int kv_local_start(struct kv_local *local, struct kv_map *map, struct err *err);
void kv_local_fini(struct kv_local *local);

/* The store's own record. META borrows from BUF. 1 there, 0 none yet, -1 with ERR. */
int kv_local_meta(struct kv_map *map, struct kv_buf *buf, struct kv_meta *meta_out,
		  struct err *err);

/* Put it, in a transaction of its own. Returns 0 or -1 with ERR. */
int kv_local_put_meta(struct kv_map *map, const struct kv_meta *meta, struct err *err);

/* Bring the store to the format of OPTIONS: a fresh one is given EPOCH and the newest format (with
 * EPOCH 0 a fresh one is damage), an older one goes through the migrations. Before kv_local_start.
 */
int kv_local_migrate(struct kv_map *map, const struct kv_options *options, uint64_t epoch,
		     struct kv_meta *meta_out, struct err *err);

/* The operations of kv_engine.h. */
int kv_local_commit(struct kv_engine *engine, struct kv_group *group, struct err *err);
int kv_local_wants_idle(struct kv_engine *engine);
int kv_local_read(struct kv_engine *engine, struct kv_read *read, int exclusive);
int kv_local_owners(struct kv_engine *engine, struct strv after, unsigned max, struct arena *arena,
		    struct strv **owners_out, unsigned *n_out, struct err *err);
int kv_local_journal(struct kv_engine *engine, uint64_t from, unsigned max, struct arena *arena,
		     struct kv_change **changes_out, unsigned *n_out, struct err *err);
int kv_local_verify(struct kv_engine *engine, kv_progress_fn *progress, void *arg,
		    struct kv_verify_report *report_out, struct err *err);
int kv_local_export(struct kv_engine *engine, struct strv owner, int exclusive,
		    int (*fn)(void *arg, const struct kv_record *record), void *arg,
		    uint64_t *version_out, struct err *err);

/* ---- inside ---- */

/* Fill ERR in for a fault of the map while doing WHAT. Returns -1. */
int kv_local_fault(int fault, const char *what, struct err *err);

/* A walk over a range in chunks, each with a scan of its own; a chunk that a deadlock ended goes
 * on behind the last entry seen. */
struct kv_walk {
	struct kv_map *map;
	enum kv_table table;
	struct kv_buf from, to; /* what is left */
	int reverse;
	kv_map_fn *fn; /* 1: no more */
	void *arg;
	_Atomic uint64_t *retries; /* counted, may be NULL */
	int stopped;		   /* the walk's */
};
/* FROM and TO as in kv_map_ops.scan, at most MAX entries (0: all). Returns 0 at the end, 1 when FN
 * stopped it or MAX was reached, or a fault. */
int kv_walk_run(struct kv_walk *walk, struct strv from, struct strv to, uint64_t max);

/* Append OWNER, NUL, NAME to the empty BUF; the key behind all of OWNER's with NAME NULL. */
int kv_key_make(struct kv_buf *buf, struct strv owner, const struct strv *name);

/* Within the writer's transaction, LAST being the last commit: take at most BUDGET entries that
 * retention no longer keeps off the journal's head and move *FIRST. Returns 1 when any went, 0, or
 * a fault. */
int kv_local_trim(struct kv_local *local, uint64_t last, int64_t now_us, unsigned budget,
		  uint64_t *first);

/* The version of OWNER (0: never written). Returns 0 or a fault. */
int kv_owner_version(struct kv_local *local, struct strv owner, struct kv_buf *buf,
		     uint64_t *version_out);

#endif
