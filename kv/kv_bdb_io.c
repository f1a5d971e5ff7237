/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_bdb_io.c - Berkeley DB's system calls: syncs that fail are final
 *
 * After a failed fsync the kernel calls the pages clean and the next fsync succeeds, and Berkeley
 * DB itself tries again up to a hundred times. So the sync goes through here: the first that fails
 * for a file of a store latches the store, every later one fails without asking the disk, and the
 * engine ends the process.
 */
#include "kv/kv_bdb.h"

#include <errno.h>
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

static int io_sync(int fd)
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

static ssize_t pwrite_once(int fd, const void *p, size_t n, off_t at)
{
	return kv_hook_pwrite ? kv_hook_pwrite(fd, p, n, at) : pwrite(fd, p, n, at);
}

static ssize_t write_once(int fd, const void *p, size_t n)
{
	return kv_hook_write ? kv_hook_write(fd, p, n) : write(fd, p, n);
}

/* Once the calls are replaced, Berkeley DB takes a short or interrupted write for a failed one, so
 * these two write all of it or fail. AT below 0: where the file stands. */
static ssize_t write_all(int fd, const char *p, size_t n, off_t at)
{
	size_t done = 0;

	while (done < n) {
		ssize_t ret = at < 0 ? write_once(fd, p + done, n - done)
				     : pwrite_once(fd, p + done, n - done, at + (off_t)done);

		if (ret > 0)
			done += (size_t)ret;
		else if (ret == 0)
			errno = ENOSPC;
		if (ret == 0 || (ret < 0 && errno != EINTR))
			return -1;
	}
	return (ssize_t)n;
}

static ssize_t io_pwrite(int fd, const void *p, size_t n, off_t at)
{
	return write_all(fd, p, n, at);
}

static ssize_t io_write(int fd, const void *p, size_t n)
{
	return write_all(fd, p, n, -1);
}

static void io_install(void)
{
	bdb_mem_init();
	db_env_set_func_fsync(io_sync);
	db_env_set_func_pwrite(io_pwrite);
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
