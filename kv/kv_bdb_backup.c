/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_bdb_backup.c - hot backup, restore, and verification of folders
 *
 * A backup is a folder with the tables and log as Berkeley DB copies them under load, recovered and
 * verified where it lies, and a text file "backup" that says what it is; in place of a store's
 * mark, so that nobody opens it as a store by mistake. A restore copies it beside its place, begins
 * a new epoch and is renamed into place when it is complete and on disk.
 */
#include "kv/kv_bdb.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"

enum { VERIFY_CACHE_BYTES = 16 << 20 };

/* What the text file of a backup says. */
struct manifest {
	uint64_t epoch, seq;
	unsigned format;
	int64_t time_us;
};

static int manifest_write(const char *dir, const struct manifest *manifest, struct err *err)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "opencpm backup 1\nepoch %" PRIu64 "\nformat %u\nseq %" PRIu64 "\ntime_us %" PRId64
		 "\n",
		 manifest->epoch, manifest->format, manifest->seq, manifest->time_us);
	return bdb_write_text(dir, "backup", text, err);
}

static int manifest_read(const char *dir, struct manifest *manifest_out, struct err *err)
{
	char text[256];

	if (bdb_read_text(dir, "backup", text, sizeof(text)) < 0)
		return err_set(err, ERR_ABSENT,
			       "%s is no backup: it has no file \"backup\", which is written when "
			       "a backup is complete",
			       dir);
	if (sscanf(text,
		   "opencpm backup 1 epoch %" SCNu64 " format %u seq %" SCNu64 " time_us %" SCNd64,
		   &manifest_out->epoch, &manifest_out->format, &manifest_out->seq,
		   &manifest_out->time_us) != 4)
		return err_set(err, ERR_CORRUPT,
			       "%s/backup is not as it was written: take another backup", dir);
	return 0;
}

/* ---- verifying a folder in which nothing is to be recovered ---- */

static void note(struct kv_verify_report *report, const char *what, const char *file)
{
	if (report->faults++ == 0)
		snprintf(report->first_fault, sizeof(report->first_fault), "%s: %s", file, what);
}

/* The pages of one table. */
static int verify_pages(const char *dir, const char *file, struct kv_verify_report *report,
			struct err *err)
{
	char path[BDB_PATH_MAX];
	DB *db;
	int ret;

	if (!bdb_path(path, dir, file))
		return err_sys(err, ERR_RANGE, errno, "the folder %s", dir);
	ret = db_create(&db, NULL, 0);
	if (ret != 0)
		return bdb_err(err, ret, dir, "verification");
	db->set_errcall(db, bdb_on_error);
	ret = db->verify(db, path, NULL, NULL, 0);
	if (ret == ENOMEM || ret == ENOSPC)
		return bdb_err(err, ret, dir, "verification");
	if (ret != 0)
		note(report, "pages are damaged", file);
	return 0;
}

/* The records, through an environment that only caches: nothing is written. */
static int verify_records(const char *dir, kv_progress_fn *progress, void *arg,
			  struct kv_verify_report *report, struct manifest *found_out,
			  struct err *err)
{
	struct bdb_env_options options = { VERIFY_CACHE_BYTES, BDB_READ };
	struct kv_options kv_options = { .dir = dir };
	struct bdb_map map = { .bdb = NULL };
	struct kv_local local = { .engine = { .options = &kv_options } };
	struct kv_buf buf = { NULL, 0, 0 };
	struct kv_meta meta;
	int ret;

	if (bdb_env_open(&map, dir, &options, 0, err) < 0)
		return -1;
	ret = kv_local_meta(&map.map, &buf, &meta, err);
	if (ret == 0)
		ret = err_set(err, ERR_CORRUPT, "the store's own record is missing");
	if (ret == 1)
		ret = kv_local_start(&local, &map.map, err);
	if (ret == 0) {
		*found_out = (struct manifest){ meta.epoch, local.engine.seq, meta.format,
						local.time_us };
		ret = kv_local_verify(&local.engine, progress, arg, report, err);
	}
	kv_local_fini(&local);
	kv_buf_fini(&buf);
	bdb_env_close(&map, NULL);
	return ret;
}

/* Records, then pages. Returns 0 with REPORT, damage being a fault of it; -1 when cancelled or
 * short of something. Berkeley DB's own look at the pages comes last and only at tables that could
 * be read: it takes in what no record leads to, and a page that it cannot read at all holds it for
 * long. */
static int verify_folder(const char *dir, kv_progress_fn *progress, void *arg,
			 struct kv_verify_report *report, struct manifest *found_out,
			 struct err *err)
{
	struct err why = { ERR_NONE, "" };

	memset(report, 0, sizeof(*report));
	memset(found_out, 0, sizeof(*found_out));
	if (verify_records(dir, progress, arg, report, found_out, &why) < 0) {
		if (why.code == ERR_NOMEM || why.code == ERR_STOPPING)
			return err_set(err, why.code, "%s", why.text);
		if (!report->faults)
			note(report, why.text, dir);
	}
	if (report->faults)
		return 0;
	if (verify_pages(dir, "records.db", report, err) < 0)
		return -1;
	return verify_pages(dir, "journal.db", report, err);
}

/* Recovery in DIR, then a clean end. */
static int recover(const char *dir, struct err *err)
{
	struct bdb_env_options options = { VERIFY_CACHE_BYTES, BDB_RECOVER };
	struct bdb_map map = { .bdb = NULL };
	int ret;

	if (bdb_env_open(&map, dir, &options, 0, err) < 0)
		return -1;
	ret = map.env->txn_checkpoint(map.env, 0, 0, DB_FORCE);
	if (ret == 0)
		ret = map.env->log_archive(map.env, NULL, DB_ARCH_REMOVE);
	if (ret != 0) {
		bdb_env_close(&map, NULL);
		return bdb_err(err, ret, dir, "recovery");
	}
	return bdb_env_close(&map, err);
}

/* ---- backup ---- */

enum { BACKUP_TRIES = 3 };

/* Berkeley DB's copying, with our progress: it finds this in the environment. */
struct copy {
	kv_progress_fn *progress;
	void *arg;
	uint64_t done, total;
	int cancelled;
};

static int copy_open(DB_ENV *env, const char *file, const char *dir, void **handle)
{
	char path[BDB_PATH_MAX];
	int fd;

	(void)env;
	if (!bdb_path(path, dir, file))
		return errno;
	fd = bdb_open_fd(path, O_WRONLY | O_CREAT | O_EXCL);
	*handle = (void *)(intptr_t)fd;
	return fd < 0 ? errno : 0;
}

static int copy_write(DB_ENV *env, u_int32_t at_gigabytes, u_int32_t at_bytes, u_int32_t size,
		      u_int8_t *data, void *handle)
{
	struct copy *copy = env->app_private;
	off_t at = ((off_t)at_gigabytes << 30) + at_bytes;

	while (size) {
		ssize_t n = pwrite((int)(intptr_t)handle, data, size, at);

		if (n < 0 && errno != EINTR)
			return errno;
		n = n < 0 ? 0 : n;
		data += n;
		at += n;
		size -= (u_int32_t)n;
		copy->done += (uint64_t)n;
	}
	if (copy->progress)
		copy->cancelled =
			copy->progress(copy->arg, copy->done,
				       copy->total > copy->done ? copy->total : copy->done);
	return copy->cancelled ? ECANCELED : 0;
}

static int copy_close(DB_ENV *env, const char *file, void *handle)
{
	int fd = (int)(intptr_t)handle, ret = 0;

	(void)env;
	(void)file;
	if (TEMP_FAILURE_RETRY(fsync(fd)) < 0)
		ret = errno;
	if (close(fd) < 0 && ret == 0)
		ret = errno;
	return ret;
}

/* Copy the open store to DIR. */
static int copy_store(struct bdb *bdb, const char *dir, struct copy *copy, struct err *err)
{
	DB_ENV *env = bdb->map.env;
	int ret;

	bdb_count_data(bdb->dir, &copy->total);
	env->app_private = copy;
	ret = env->set_backup_callbacks(env, copy_open, copy_write, copy_close);
	if (ret == 0)
		ret = env->backup(env, dir, DB_EXCL);
	env->app_private = NULL;
	if (copy->cancelled)
		return err_set(err, ERR_STOPPING, "backup cancelled");
	if (ret > 0)
		return err_sys(err, ERR_IO, ret, "copying to %s", dir);
	return ret == 0 ? 0 : bdb_err(err, ret, dir, "copying");
}

/* The copy in DIR becomes a backup. */
static int finish_backup(const char *dir, uint64_t epoch, struct copy *copy, struct err *err)
{
	struct kv_verify_report report;
	struct manifest found;

	if (recover(dir, err) < 0 ||
	    verify_folder(dir, copy->progress, copy->arg, &report, &found, err) < 0)
		return -1;
	if (report.faults || found.epoch != epoch)
		return err_set(err, ERR_CORRUPT,
			       "the backup is damaged (%.150s): run \"cpmctl verify\" on the store",
			       report.faults ? report.first_fault : "another epoch");
	if (manifest_write(dir, &found, err) < 0)
		return -1;
	if (bdb_sync_dir(dir) < 0 || bdb_sync_parent(dir) < 0)
		return err_sys(err, ERR_IO, errno, "cannot sync %s", dir);
	log_info(LOG_KV, "backup done", L_STR("dir", dir), L_INT("seq", (int64_t)found.seq),
		 L_INT("records", (int64_t)report.records));
	return 0;
}

/* One copy, finished or gone. */
static int backup_once(struct bdb *bdb, const char *dir, struct copy *copy, struct err *err)
{
	int ret;

	if (mkdir(dir, 0700) < 0)
		return errno == EEXIST
			       ? err_set(err, ERR_EXISTS, "%s is there already: name a new folder",
					 dir)
			       : err_sys(err, ERR_IO, errno, "cannot make the folder %s", dir);
	/* Less log to copy, less to recover. */
	bdb_checkpoint(bdb, 0);
	bdb_pages_direct(bdb->pages, 1);
	ret = copy_store(bdb, dir, copy, err);
	bdb_pages_direct(bdb->pages, 0);
	if (ret == 0)
		ret = finish_backup(dir, bdb->local.engine.epoch, copy, err);
	if (ret < 0)
		bdb_remove_folder(dir);
	return ret;
}

int bdb_backup(struct kv_engine *engine, const char *dir, kv_progress_fn *progress, void *arg,
	       struct err *err)
{
	struct bdb *bdb = (struct bdb *)engine;
	struct err why = { ERR_NONE, "" };
	unsigned others;
	int ret = -1;

	pthread_mutex_lock(&bdb->lock);
	others = bdb->backups;
	if (!others)
		bdb->backups = 1;
	pthread_mutex_unlock(&bdb->lock);
	if (others)
		return err_set(err, ERR_BUSY, "another backup is being made: try when it is done");
	/* A page that is written while it is read for the copy can be torn in the copy. Its
	 * checksum tells, and the copy is made again; damage of the store itself is there each
	 * time. */
	for (unsigned tries = 0; ret < 0 && tries < BACKUP_TRIES; tries++) {
		struct copy copy = { progress, arg, 0, 0, 0 };

		if (tries)
			log_warn(LOG_KV, "the backup is copied again", L_STR("dir", dir),
				 L_ERR(&why));
		ret = backup_once(bdb, dir, &copy, &why);
		if (why.code != ERR_CORRUPT)
			break;
	}
	pthread_mutex_lock(&bdb->lock);
	bdb->backups = 0;
	pthread_mutex_unlock(&bdb->lock);
	return ret < 0 ? err_set(err, why.code, "%s", why.text) : 0;
}

/* ---- restore ---- */

/* A folder beside DIR to work in. */
static int make_beside(const char *dir, const char *what, char path_out[BDB_PATH_MAX],
		       struct err *err)
{
	size_t n = strlen(dir);

	while (n > 1 && dir[n - 1] == '/')
		n--;
	if (n + strlen(what) + 10 >= BDB_PATH_MAX)
		return err_set(err, ERR_RANGE, "the path of the folder is too long");
	snprintf(path_out, BDB_PATH_MAX, "%.*s.%s-XXXXXX", (int)n, dir, what);
	if (!mkdtemp(path_out))
		return err_sys(err, ERR_IO, errno, "cannot make a folder beside %s", dir);
	return 0;
}

/* A new life for the store in DIR: EPOCH in its record and its mark. */
static int begin_epoch(const char *dir, uint64_t epoch, struct err *err)
{
	struct bdb_env_options options = { VERIFY_CACHE_BYTES, BDB_RECOVER };
	struct bdb_map map = { .bdb = NULL };
	struct kv_buf buf = { NULL, 0, 0 };
	struct kv_meta meta;
	int ret;

	if (bdb_env_open(&map, dir, &options, 0, err) < 0)
		return -1;
	ret = kv_local_meta(&map.map, &buf, &meta, err) == 1 ? 0 : -1;
	if (ret == 0) {
		meta.epoch = epoch;
		ret = kv_local_put_meta(&map.map, &meta, err);
	}
	if (ret == 0 && map.env->txn_checkpoint(map.env, 0, 0, DB_FORCE) != 0)
		ret = err_set(err, ERR_IO, "%s: the checkpoint failed", dir);
	kv_buf_fini(&buf);
	if (ret < 0) {
		bdb_env_close(&map, NULL);
		return -1;
	}
	if (bdb_env_close(&map, err) < 0)
		return -1;
	return bdb_write_mark(dir, "store", epoch, err);
}

static int restore_into(const char *backup, const char *work, const char *dir,
			const struct manifest *manifest, kv_progress_fn *progress, void *arg,
			struct err *err)
{
	uint64_t epoch = (uint64_t)kv_unix_us();

	if (epoch <= manifest->epoch)
		epoch = manifest->epoch + 1;
	if (bdb_copy_data(backup, work, progress, arg, err) < 0 ||
	    begin_epoch(work, epoch, err) < 0)
		return -1;
	if (bdb_sync_dir(work) < 0 || rename(work, dir) < 0)
		return err_sys(err, ERR_IO, errno, "cannot put the store in place at %s", dir);
	if (bdb_sync_parent(dir) < 0)
		return err_sys(err, ERR_IO, errno, "cannot sync the folder above %s", dir);
	log_info(LOG_KV, "store restored", L_STR("dir", dir), L_STR("backup", backup),
		 L_INT("seq", (int64_t)manifest->seq), L_INT("epoch", (int64_t)epoch));
	return 0;
}

int kv_restore(const char *backup, const char *dir, kv_progress_fn *progress, void *arg,
	       struct err *err)
{
	struct kv_verify_report report;
	struct manifest manifest, found;
	char work[BDB_PATH_MAX];

	if (manifest_read(backup, &manifest, err) < 0 ||
	    verify_folder(backup, progress, arg, &report, &found, err) < 0)
		return -1;
	if (report.faults)
		return err_set(err, ERR_CORRUPT,
			       "the backup %s is damaged (%.120s): take another one", backup,
			       report.first_fault);
	if (found.epoch != manifest.epoch || found.seq != manifest.seq)
		return err_set(err, ERR_CORRUPT,
			       "%s: the file \"backup\" and the tables are of different backups",
			       backup);
	/* A folder that is there but empty is fine; rename replaces it. */
	if (rmdir(dir) < 0 && errno != ENOENT)
		return err_set(err, ERR_EXISTS,
			       "%s holds something already: move it away, or name another folder",
			       dir);
	if (make_beside(dir, "restore", work, err) < 0)
		return -1;
	if (restore_into(backup, work, dir, &manifest, progress, arg, err) < 0) {
		bdb_remove_folder(work);
		return -1;
	}
	return 0;
}

/* ---- verify ---- */

/* A store may have to be recovered before it can be read: that is done to a copy. */
static int verify_store(const char *dir, kv_progress_fn *progress, void *arg,
			struct kv_verify_report *report_out, struct err *err)
{
	struct manifest found;
	char work[BDB_PATH_MAX], mark[128];
	struct err why = { ERR_NONE, "" };
	uint64_t epoch = 0;
	int ret;

	if (make_beside(dir, "verify", work, err) < 0)
		return -1;
	ret = bdb_copy_data(dir, work, progress, arg, err);
	if (ret == 0)
		ret = bdb_pages_restore(work, err);
	if (ret == 0 && recover(work, &why) < 0) {
		if (why.code == ERR_CORRUPT || why.code == ERR_IO)
			note(report_out, why.text, dir);
		else
			ret = err_set(err, why.code, "%s", why.text);
	} else if (ret == 0) {
		ret = verify_folder(work, progress, arg, report_out, &found, err);
		if (ret == 0 && bdb_read_text(dir, "store", mark, sizeof(mark)) == 0 &&
		    sscanf(mark, "opencpm store 1 epoch %" SCNu64, &epoch) == 1 &&
		    epoch != found.epoch)
			note(report_out, "is of another store than the tables", "store");
		if (ret == 0 && bdb_acked_check(dir, found.epoch, found.seq, &why) < 0)
			note(report_out, why.text, dir);
	}
	bdb_remove_folder(work);
	return ret;
}

int kv_verify_dir(const char *dir, kv_progress_fn *progress, void *arg,
		  struct kv_verify_report *report_out, struct err *err)
{
	struct manifest manifest, found;
	int lock, ret;

	memset(report_out, 0, sizeof(*report_out));
	if (bdb_exists(dir, "backup")) {
		if (manifest_read(dir, &manifest, err) < 0 ||
		    verify_folder(dir, progress, arg, report_out, &found, err) < 0)
			return -1;
		if (!report_out->faults &&
		    (found.epoch != manifest.epoch || found.seq != manifest.seq))
			note(report_out, "is of another backup than the tables", "backup");
		return 0;
	}
	if (!bdb_exists(dir, "store"))
		return err_set(err, ERR_ABSENT, "%s holds neither a store nor a backup", dir);
	lock = bdb_lock(dir, err);
	if (lock < 0)
		return -1;
	ret = verify_store(dir, progress, arg, report_out, err);
	close(lock);
	return ret;
}
