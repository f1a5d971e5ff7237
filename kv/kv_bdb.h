/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_bdb.h - what the files of the Berkeley DB engine share; only they include <db.h>
 */
#ifndef KV_KV_BDB_H
#define KV_KV_BDB_H

#include <db.h>

#include "kv/kv_bdb_acked.h"
#include "kv/kv_bdb_folder.h"
#include "kv/kv_bdb_pages.h"
#include "kv/kv_local.h"

struct bdb;

/* The ordered map: one B-tree a table in one transactional environment. */
struct bdb_map {
	struct kv_map map;
	struct bdb *bdb;
	DB_ENV *env;
	DB *db[KV_TABLES];
	DB_TXN *txn; /* the writer's */
};

struct bdb {
	struct kv_local local;
	struct bdb_map map;
	char *dir;
	int lock_fd;
	int acked_fd; /* kv_bdb_acked.h; -1: there is none */
	struct bdb_pages *pages;
	_Atomic int latched; /* a sync failed: nothing is written any more */
	char why[160];	     /* and which */

	pthread_t checkpointer;
	int checkpointing; /* the thread runs */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	int stopping;
	unsigned backups; /* that run: log files stay */
	uint64_t checkpoint_fails;

	/* Free space, the committer's. */
	int has_reserve;
	uint64_t reserve_given_us; /* when, monotonic */
};

/* ---- the environment ---- */

enum bdb_mode {
	BDB_RECOVER, /* transactions, after recovery */
	BDB_READ,    /* a cache only: nothing is written */
};

/* How an environment is opened. */
struct bdb_env_options {
	uint64_t cache_bytes;
	enum bdb_mode mode;
};

/* Environment and tables of DIR, into MAP. CREATE makes the tables. Returns 0, or -1 with ERR and
 * nothing open. */
int bdb_env_open(struct bdb_map *map, const char *dir, const struct bdb_env_options *options,
		 int create, struct err *err);
/* Flush and close. Returns 0, or -1 with ERR when something could not be written. */
int bdb_env_close(struct bdb_map *map, struct err *err);

/* Octets of a page. */
enum { BDB_PAGE_BYTES = 4096 };

/* The fault that a return value of Berkeley DB's stands for: 0, or one of kv_map_fault. */
int bdb_fault(struct bdb *bdb, int ret);
/* Fill ERR in for RET while doing WHAT with the store in DIR. Returns -1. */
int bdb_err(struct err *err, int ret, const char *dir, const char *what);

/* Berkeley DB's error sentences, into the log, so many a minute. */
void bdb_on_error(const DB_ENV *env, const char *prefix, const char *text);

extern const struct kv_map_ops bdb_map_ops;

/* ---- disk ---- */

/* Replace Berkeley DB's system calls by ours, once a process. */
void bdb_io_init(void);
/* Syncs FD; the first that fails latches the store whose file it is. */
int bdb_io_sync(int fd);
/* Look after the files in BDB's folder from now on. */
void bdb_io_watch(struct bdb *bdb);
void bdb_io_unwatch(struct bdb *bdb);
/* The engine can no longer be trusted. Any thread. */
void bdb_latch(struct bdb *bdb, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- memory ---- */

/* Replace Berkeley DB's allocations by ours, once a process; what ENV hands out stays the
 * system's. Returns a value of Berkeley DB's. */
void bdb_mem_init(void);
int bdb_mem_env(DB_ENV *env);

/* ---- space ---- */

/* Look before a group: refuse puts or take them again, hold the reserve or give it up. */
void bdb_space_check(struct bdb *bdb);
void bdb_space_give(struct kv_local *local);
/* 1 when the disk has so little room that a failed write is a lack of it. */
int bdb_space_short(struct bdb *bdb);
void bdb_space(struct kv_engine *engine, uint64_t *disk_out, uint64_t *free_out);

/* ---- checkpoints ---- */

int bdb_checkpoint_start(struct bdb *bdb, struct err *err);
void bdb_checkpoint_stop(struct bdb *bdb);
/* One now, and log files that nobody needs away. Returns a value of Berkeley DB's. */
int bdb_checkpoint(struct bdb *bdb, int force);

/* ---- folder ---- */

/* Take the lock of the store in DIR. Returns a descriptor that holds it until it is closed; -1 with
 * ERR (ERR_BUSY naming the holder). */
int bdb_lock(const char *dir, struct err *err);

/* Write DIR/NAME, the mark of a store. */
int bdb_write_mark(const char *dir, const char *name, uint64_t epoch, struct err *err);

/* ---- backup ---- */

int bdb_backup(struct kv_engine *engine, const char *dir, kv_progress_fn *progress, void *arg,
	       struct err *err);

#endif
