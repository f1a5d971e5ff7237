/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_bdb_io.c - Berkeley DB's system calls: syncs that fail are final, files that are made last
 *
 * After a failed fsync the kernel calls the pages clean and the next fsync succeeds, and Berkeley
 * DB itself tries again up to a hundred times. So the sync goes through here: the first that fails
 * for a file of a store latches the store, every later one fails without asking the disk, and the
 * engine ends the process. A log file that is made or removed is synced into its folder, which
 * Berkeley DB leaves to the file system. Pages of the tables go through kv_bdb_pages.c.
 */
#include "kv/kv_bdb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "kv/kv_hook.h"

int (*kv_hook_sync)(int fd);
ssize_t (*kv_hook_pwrite)(int fd, const void *p, size_t n, off_t at);
ssize_t (*kv_hook_write)(int fd, const void *p, size_t n);
int (*kv_hook_free)(const char *dir, uint64_t *free_out);

enum { WATCHED_MAX = 16 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct bdb *watched[WATCHED_MAX];
static _Atomic int any_latched;

/* The store whose folder the file behind FD lies in; NULL when it cannot be told. Under the lock.
 */
static struct bdb *owner_of(int fd)
{
	char link[64], path[BDB_PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0)
		return NULL;
	path[n] = '\0';
	for (unsigned i = 0; i < WATCHED_MAX; i++) {
		size_t dir_bytes = watched[i] ? strlen(watched[i]->dir) : 0;

		if (dir_bytes && strncmp(path, watched[i]->dir, dir_bytes) == 0 &&
		    path[dir_bytes] == '/' && !strchr(path + dir_bytes + 1, '/'))
			return watched[i];
	}
	return NULL;
}

/* Syncing FD failed with ERRNUM. */
static void sync_failed(int fd, int errnum)
{
	struct bdb *bdb;

	pthread_mutex_lock(&lock);
	bdb = owner_of(fd);
	pthread_mutex_unlock(&lock);
	if (bdb)
		bdb_latch(bdb, "syncing a file failed: %s", strerror(errnum));
}

static int is_latched(int fd)
{
	struct bdb *bdb;

	pthread_mutex_lock(&lock);
	bdb = owner_of(fd);
	pthread_mutex_unlock(&lock);
	return bdb && bdb->latched;
}

int bdb_io_sync(int fd)
{
	int ret, errnum;

	if (any_latched && is_latched(fd)) {
		/* Not EIO, which Berkeley DB tries again. */
		errno = EROFS;
		return -1;
	}
	do
		ret = kv_hook_sync ? kv_hook_sync(fd) : fdatasync(fd);
	while (ret < 0 && errno == EINTR);
	if (ret == 0)
		return 0;
	errnum = errno;
	sync_failed(fd, errnum);
	errno = EROFS;
	return -1;
}

/* Once the call is replaced, Berkeley DB takes a short or interrupted write for a failed one: so
 * all of it or a failure. */
static ssize_t write_log(int fd, const char *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t put = kv_hook_write ? kv_hook_write(fd, p + done, n - done)
					    : write(fd, p + done, n - done);

		if (put > 0)
			done += (size_t)put;
		else if (put == 0)
			errno = ENOSPC;
		if (put == 0 || (put < 0 && errno != EINTR))
			return -1;
	}
	return (ssize_t)n;
}

/* ---- files ---- */

/* A descriptor of one of a store's tables. */
struct table_fd {
	int fd;
	unsigned table;
	struct bdb_pages *pages;
};
enum { TABLE_FDS_MAX = 64 };
static struct table_fd table_fds[TABLE_FDS_MAX]; /* under LOCK; pages NULL: free */
static _Atomic unsigned table_fds_used;		 /* all that were ever used lie below */

/* 1 and the entry of FD, or 0: a log file, or nobody's. */
static int find_table_fd(int fd, struct table_fd *out)
{
	int found = 0;

	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < table_fds_used && !found; i++) {
		found = table_fds[i].pages && table_fds[i].fd == fd;
		if (found)
			*out = table_fds[i];
	}
	pthread_mutex_unlock(&lock);
	return found;
}

static void forget_table_fd(int fd)
{
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < table_fds_used; i++)
		if (table_fds[i].pages && table_fds[i].fd == fd)
			table_fds[i].pages = NULL;
	pthread_mutex_unlock(&lock);
}

/* The name behind DIR in PATH; NULL when it lies elsewhere. */
static const char *name_in(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (strncmp(path, dir, n) != 0 || path[n] != '/')
		return NULL;
	return strchr(path + n + 1, '/') ? NULL : path + n + 1;
}

/* The pages and folder of the watched store that PATH is in. Under the lock. */
static struct bdb *store_of(const char *path, const char **name_out)
{
	for (unsigned i = 0; i < WATCHED_MAX; i++) {
		*name_out = watched[i] ? name_in(path, watched[i]->dir) : NULL;
		if (*name_out)
			return watched[i];
	}
	return NULL;
}

/* Remember FD when it is a table of a watched store. Returns 0; -1 when there is no room. */
static int note_table_fd(int fd, const char *path)
{
	const char *name;
	struct bdb *bdb;
	unsigned i = 0;
	int table = -1;

	pthread_mutex_lock(&lock);
	bdb = store_of(path, &name);
	if (bdb && bdb->pages)
		table = strcmp(name, "records.db") == 0	  ? KV_RECORDS
			: strcmp(name, "journal.db") == 0 ? KV_JOURNAL
							  : -1;
	if (table >= 0) {
		while (i < TABLE_FDS_MAX && table_fds[i].pages)
			i++;
		if (i < TABLE_FDS_MAX)
			table_fds[i] = (struct table_fd){ fd, (unsigned)table, bdb->pages };
		if (i >= table_fds_used && i < TABLE_FDS_MAX)
			table_fds_used = i + 1;
	}
	pthread_mutex_unlock(&lock);
	return i < TABLE_FDS_MAX ? 0 : -1;
}

/* PATH was made or removed in a watched folder: that has to last as well. 0 or -1 with errno. */
static int sync_folder_of(const char *path)
{
	char dir[BDB_PATH_MAX] = "";
	const char *name;
	struct bdb *bdb;

	pthread_mutex_lock(&lock);
	bdb = store_of(path, &name);
	if (bdb)
		snprintf(dir, sizeof(dir), "%s", bdb->dir);
	pthread_mutex_unlock(&lock);
	return dir[0] ? bdb_sync_dir(dir) : 0;
}

static int io_open(const char *path, int flags, ...)
{
	struct table_fd entry;
	va_list ap;
	mode_t mode;
	int fd, made;

	va_start(ap, flags);
	mode = (mode_t)va_arg(ap, int);
	va_end(ap);
	made = (flags & O_CREAT) && access(path, F_OK) < 0;
	fd = TEMP_FAILURE_RETRY(open(path, flags, mode));
	if (fd < 0)
		return -1;
	if ((made && sync_folder_of(path) < 0) || note_table_fd(fd, path) < 0) {
		close(fd);
		errno = EIO;
		return -1;
	}
	/* Whoever opens a table may ask how long it is. */
	if (find_table_fd(fd, &entry) && bdb_pages_flush(entry.pages) < 0) {
		forget_table_fd(fd);
		close(fd);
		errno = EIO;
		return -1;
	}
	return fd;
}

/* Berkeley DB takes what the next four return for the error itself. */

static int io_close(int fd)
{
	struct table_fd entry;
	int flushed = 0;

	if (find_table_fd(fd, &entry)) {
		flushed = bdb_pages_flush(entry.pages);
		forget_table_fd(fd);
	}
	return close(fd) < 0 || flushed < 0 ? errno : 0;
}

static int io_unlink(const char *path)
{
	return unlink(path) < 0 || sync_folder_of(path) < 0 ? errno : 0;
}

static int io_sync(int fd)
{
	struct table_fd entry;
	int ret = find_table_fd(fd, &entry) ? bdb_pages_sync(entry.pages, entry.table, fd)
					    : bdb_io_sync(fd);

	return ret < 0 ? errno : 0;
}

/* Recovery takes back pages that a transaction without an end has added. */
static int io_ftruncate(int fd, off_t length)
{
	struct table_fd entry;

	if (find_table_fd(fd, &entry) && bdb_pages_forget(entry.pages) < 0)
		return errno;
	return ftruncate(fd, length) < 0 ? errno : 0;
}

static ssize_t io_pread(int fd, void *p, size_t n, off_t at)
{
	struct table_fd entry;

	return find_table_fd(fd, &entry) ? bdb_pages_read(entry.pages, entry.table, fd, p, n, at)
					 : pread(fd, p, n, at);
}

/* Berkeley DB seeks and writes when this is replaced, and it has to be: where pwrite gives up it
 * would go on with the system's write behind our back. */
static ssize_t io_write(int fd, const void *p, size_t n)
{
	struct table_fd entry;
	off_t at;

	if (!find_table_fd(fd, &entry))
		return write_log(fd, p, n);
	at = lseek(fd, 0, SEEK_CUR);
	return at < 0 ? -1 : bdb_pages_write(entry.pages, entry.table, fd, p, n, at);
}

static void io_install(void)
{
	bdb_mem_init();
	db_env_set_func_open(io_open);
	db_env_set_func_close(io_close);
	db_env_set_func_unlink(io_unlink);
	db_env_set_func_fsync(io_sync);
	db_env_set_func_ftruncate(io_ftruncate);
	db_env_set_func_pread(io_pread);
	db_env_set_func_write(io_write);
}

void bdb_io_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, io_install);
}

void bdb_io_watch(struct bdb *bdb)
{
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < WATCHED_MAX; i++)
		if (!watched[i]) {
			watched[i] = bdb;
			break;
		}
	pthread_mutex_unlock(&lock);
}

void bdb_io_unwatch(struct bdb *bdb)
{
	int left = 0;

	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < WATCHED_MAX; i++) {
		if (watched[i] == bdb)
			watched[i] = NULL;
		left |= watched[i] && watched[i]->latched;
	}
	for (unsigned i = 0; i < table_fds_used; i++)
		if (bdb->pages && table_fds[i].pages == bdb->pages)
			table_fds[i].pages = NULL;
	any_latched = left;
	pthread_mutex_unlock(&lock);
}

void bdb_latch(struct bdb *bdb, const char *fmt, ...)
{
	struct kv_engine *engine = &bdb->local.engine;
	va_list ap;

	pthread_mutex_lock(&lock);
	if (bdb->latched) {
		pthread_mutex_unlock(&lock);
		return;
	}
	va_start(ap, fmt);
	vsnprintf(bdb->why, sizeof(bdb->why), fmt, ap);
	va_end(ap);
	bdb->latched = 1;
	any_latched = 1;
	pthread_mutex_unlock(&lock);
	if (engine->failed)
		engine->failed(engine->failed_arg, bdb->why);
}
