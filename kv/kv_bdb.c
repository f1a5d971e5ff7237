/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_bdb.c - the engine on Berkeley DB: the store's folder, opening and closing
 *
 * The folder, which belongs to one process at a time:
 *
 *     lock              held by flock(2); the holder's process number, as text
 *     store             the mark of a store that was born: its form and epoch, as text
 *     birth             in its place while a store is being made; what lies beside it is nothing
 *     records.db        records and owners' versions (kv_record.h), pages with checksums
 *     journal.db        one entry a commit
 *     log.NNNNNNNNNN    Berkeley DB's log: what was committed since the last checkpoint
 *     pages             pages that may be torn in their place (kv_bdb_pages.h)
 *     acknowledged      how far the store had come (kv_bdb_acked.h)
 *     reserve           room that is given up for deletes when the disk is full
 *
 * Nothing of the folder is shared memory or needs a tool: Berkeley DB's environment is private to
 * the process and recovered at every open.
 */
#include "kv/kv_bdb.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

/* ---- the lock ---- */

static int lock_busy(int fd, const char *dir, struct err *err)
{
	char pid[32] = "";
	ssize_t n = read(fd, pid, sizeof(pid) - 1);

	pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
	return err_set(err, ERR_BUSY,
		       "the store %s is open in another process (%s): stop that one first", dir,
		       *pid ? pid : "unknown");
}

int bdb_lock(const char *dir, struct err *err)
{
	char path[BDB_PATH_MAX], pid[32];
	int fd, n;

	fd = bdb_path(path, dir, "lock") ? bdb_open_fd(path, O_RDWR | O_CREAT) : -1;
	if (fd < 0)
		return err_sys(err, ERR_IO, errno, "cannot open %s/lock", dir);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			lock_busy(fd, dir, err);
		else
			err_sys(err, ERR_IO, errno, "cannot lock %s", path);
		close(fd);
		return -1;
	}
	n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)n, 0) != n)
		log_warn(LOG_KV, "the process number could not be noted", L_STR("file", path));
	return fd;
}

/* ---- birth ---- */

int bdb_write_mark(const char *dir, const char *name, uint64_t epoch, struct err *err)
{
	char text[128];

	snprintf(text, sizeof(text), "opencpm store 1\nepoch %" PRIu64 "\n", epoch);
	return bdb_write_text(dir, name, text, err);
}

/* The epoch in the mark; 0 when it has none. */
static uint64_t mark_epoch(const char *dir)
{
	char text[128];
	uint64_t epoch = 0;

	if (bdb_read_text(dir, "store", text, sizeof(text)) < 0 ||
	    sscanf(text, "opencpm store 1 epoch %" SCNu64, &epoch) != 1)
		return 0;
	return epoch;
}

/* The folder's own name, too, has to be on disk before what is in it can be relied on. */
static int sync_birthplace(const char *dir)
{
	char parent[BDB_PATH_MAX];
	const char *slash = strrchr(dir, '/');
	int n = slash && slash > dir ? (int)(slash - dir) : 1;

	if (bdb_sync_dir(dir) < 0 || snprintf(parent, sizeof(parent), "%.*s", n, dir) != n)
		return -1;
	return bdb_sync_dir(parent);
}

/* Look at what the folder holds. Returns 1 a store, 0 nothing (ready to be made), -1 with ERR. */
static int look(const char *dir, struct err *err)
{
	int n;

	if (bdb_exists(dir, "store"))
		return 1;
	if (bdb_exists(dir, "backup"))
		return err_set(err, ERR_EXISTS,
			       "%s is a backup, not a store: make a store of it with cpmctl "
			       "restore %s",
			       dir, dir);
	if (bdb_exists(dir, "birth"))
		bdb_remove_data(dir);
	n = bdb_count_data(dir, NULL);
	if (n < 0)
		return err_sys(err, ERR_IO, errno, "cannot read the store's folder %s", dir);
	if (n > 0)
		return err_set(err, ERR_CORRUPT,
			       "%s holds parts of a store but not its file \"store\": restore a "
			       "backup into an empty folder with cpmctl restore BACKUP",
			       dir);
	if (bdb_write_text(dir, "birth", "", err) < 0)
		return -1;
	return sync_birthplace(dir) < 0 ? err_sys(err, ERR_IO, errno, "cannot sync %s", dir) : 0;
}

/* The store is complete: the mark, then it exists. */
static int give_birth(struct bdb *bdb, struct err *err)
{
	char from[BDB_PATH_MAX], to[BDB_PATH_MAX];
	int ret = bdb_checkpoint(bdb, 1);

	if (ret != 0)
		return bdb_err(err, ret, bdb->dir, "the first checkpoint");
	if (bdb_write_mark(bdb->dir, "birth", bdb->local.engine.epoch, err) < 0)
		return -1;
	if (!bdb_path(from, bdb->dir, "birth") || !bdb_path(to, bdb->dir, "store") ||
	    rename(from, to) < 0 || bdb_sync_dir(bdb->dir) < 0)
		return err_sys(err, ERR_IO, errno, "cannot make %s", bdb->dir);
	return 0;
}

/* ---- open ---- */

static int make_dir(struct bdb *bdb, const char *dir, struct err *err)
{
	int made = mkdir(dir, 0700) == 0;

	if (!made && errno != EEXIST)
		return err_sys(err, ERR_IO, errno, "cannot make the store's folder %s", dir);
	if (made && bdb_sync_parent(dir) < 0)
		return err_sys(err, ERR_IO, errno, "cannot sync the folder above %s", dir);
	bdb->dir = realpath(dir, NULL);
	if (!bdb->dir)
		return err_sys(err, ERR_IO, errno, "the store's folder %s", dir);
	return 0;
}

/* The mark and the tables tell of the same store. */
static int check_mark(const struct bdb *bdb, struct err *err)
{
	if (mark_epoch(bdb->dir) == bdb->local.engine.epoch)
		return 0;
	return err_set(err, ERR_CORRUPT,
		       "%s: the file \"store\" and the tables are of different stores: restore a "
		       "backup with cpmctl restore BACKUP",
		       bdb->dir);
}

static int open_tables(struct bdb *bdb, const struct kv_options *options, struct err *err)
{
	struct bdb_env_options env_options = { options->cache_bytes, BDB_RECOVER };
	struct kv_engine *engine = &bdb->local.engine;
	int born = look(bdb->dir, err);
	struct kv_meta meta;

	if (born < 0 || bdb_pages_restore(bdb->dir, err) < 0 ||
	    bdb_pages_new(bdb->dir, BDB_PAGE_BYTES, bdb_io_sync, &bdb->pages, err) < 0)
		return -1;
	bdb_io_watch(bdb);
	if (bdb_env_open(&bdb->map, bdb->dir, &env_options, !born, err) < 0)
		return -1;
	bdb->map.bdb = bdb;
	if (kv_local_migrate(&bdb->map.map, options, born ? 0 : (uint64_t)kv_unix_us(), &meta,
			     err) < 0 ||
	    kv_local_start(&bdb->local, &bdb->map.map, err) < 0)
		return -1;
	engine->epoch = meta.epoch;
	engine->format = meta.format;
	if ((born ? check_mark(bdb, err) : give_birth(bdb, err)) < 0 ||
	    bdb_acked_check(bdb->dir, engine->epoch, engine->seq, err) < 0)
		return -1;
	bdb->acked_fd = bdb_acked_open(bdb->dir);
	return 0;
}

static void bdb_free(struct bdb *bdb)
{
	bdb_io_unwatch(bdb);
	bdb_pages_free(&bdb->pages);
	kv_local_fini(&bdb->local);
	if (bdb->acked_fd >= 0)
		close(bdb->acked_fd);
	if (bdb->lock_fd >= 0)
		close(bdb->lock_fd);
	pthread_mutex_destroy(&bdb->lock);
	pthread_cond_destroy(&bdb->wake);
	free(bdb->dir);
	free(bdb);
}

static uint64_t table_bytes(struct kv_local *local)
{
	uint64_t bytes = 0;

	bdb_count_data(((struct bdb *)local)->dir, &bytes);
	return bytes;
}

static struct bdb *bdb_new(const struct kv_options *options)
{
	struct bdb *bdb = calloc(1, sizeof(*bdb));
	pthread_condattr_t attr;

	if (!bdb)
		return NULL;
	pthread_mutex_init(&bdb->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&bdb->wake, &attr);
	pthread_condattr_destroy(&attr);
	bdb->lock_fd = bdb->acked_fd = -1;
	bdb->local.engine.ops = &kv_bdb_ops;
	bdb->local.engine.options = options;
	bdb->local.give_room = bdb_space_give;
	bdb->local.bytes = table_bytes;
	return bdb;
}

static int bdb_open(const struct kv_options *options, kv_failed_fn *failed, void *failed_arg,
		    struct kv_engine **engine_out, struct err *err)
{
	uint64_t begin_us = kv_monotonic_us();
	struct bdb *bdb = bdb_new(options);

	if (!bdb)
		return err_set(err, ERR_NOMEM, "no memory for a store");
	bdb->local.engine.failed = failed;
	bdb->local.engine.failed_arg = failed_arg;
	if (make_dir(bdb, options->dir, err) == 0)
		bdb->lock_fd = bdb_lock(bdb->dir, err);
	if (bdb->lock_fd < 0) {
		bdb_free(bdb);
		return -1;
	}
	if (open_tables(bdb, options, err) < 0 || bdb_checkpoint_start(bdb, err) < 0) {
		bdb_env_close(&bdb->map, NULL);
		bdb_free(bdb);
		return -1;
	}
	bdb_space_check(bdb);
	log_info(LOG_KV, "store open", L_STR("dir", bdb->dir),
		 L_INT("ms", (int64_t)(kv_monotonic_us() - begin_us) / 1000),
		 L_INT("seq", (int64_t)bdb->local.engine.seq),
		 L_INT("epoch", (int64_t)bdb->local.engine.epoch),
		 L_INT("format", bdb->local.engine.format));
	*engine_out = &bdb->local.engine;
	return 0;
}

static void bdb_close(struct kv_engine *engine)
{
	struct bdb *bdb = (struct bdb *)engine;
	struct err err = { ERR_NONE, "" };

	bdb_checkpoint_stop(bdb);
	/* A store whose disk failed is left as it is: recovery decides at the next open. The
	 * memory goes with the process. */
	if (!bdb->latched) {
		if (bdb_checkpoint(bdb, 0) != 0 || bdb_env_close(&bdb->map, &err) < 0)
			log_error(LOG_KV, "the store was not closed cleanly", L_ERR(&err));
		else
			bdb_pages_finish(bdb->pages);
	}
	bdb_free(bdb);
}

/* ---- the operations that need care ---- */

static int bdb_commit(struct kv_engine *engine, struct kv_group *group, struct err *err)
{
	struct bdb *bdb = (struct bdb *)engine;
	uint64_t before = engine->seq;

	bdb_space_check(bdb);
	if (bdb->latched || kv_local_commit(engine, group, err) < 0 || bdb->latched)
		return err_set(err, ERR_IO, "%s: %s", bdb->dir,
			       bdb->latched ? bdb->why : "commit failed");
	if (engine->seq != before)
		bdb_acked_note(bdb->acked_fd, engine->epoch, engine->seq);
	return 0;
}

/* What was read while a failing commit was being undone is not to be trusted. */
static int bdb_read(struct kv_engine *engine, struct kv_read *read, int exclusive)
{
	struct bdb *bdb = (struct bdb *)engine;
	int status = bdb->latched ? KV_FAILED : kv_local_read(engine, read, exclusive);

	return bdb->latched ? KV_FAILED : status;
}

const struct kv_engine_ops kv_bdb_ops = {
	.name = "bdb",
	.open = bdb_open,
	.close = bdb_close,
	.commit = bdb_commit,
	.wants_idle = kv_local_wants_idle,
	.read = bdb_read,
	.owners = kv_local_owners,
	.journal = kv_local_journal,
	.verify = kv_local_verify,
	.export = kv_local_export,
	.backup = bdb_backup,
	.space = bdb_space,
};
