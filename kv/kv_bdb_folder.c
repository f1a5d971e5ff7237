/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_bdb_folder.c - see kv_bdb_folder.h
 */
#include "kv/kv_bdb_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *bdb_path(char buf[BDB_PATH_MAX], const char *dir, const char *name)
{
	int n = snprintf(buf, BDB_PATH_MAX, "%s/%s", dir, name);

	if (n >= 0 && n < BDB_PATH_MAX)
		return buf;
	errno = ENAMETOOLONG;
	return NULL;
}

int bdb_exists(const char *dir, const char *name)
{
	char path[BDB_PATH_MAX];
	struct stat st;

	return bdb_path(path, dir, name) && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

int bdb_open_fd(const char *path, int flags)
{
	return TEMP_FAILURE_RETRY(open(path, flags | O_CLOEXEC, 0600));
}

int bdb_sync_dir(const char *dir)
{
	int fd = bdb_open_fd(dir, O_RDONLY | O_DIRECTORY);
	int ret, errnum;

	if (fd < 0)
		return -1;
	ret = TEMP_FAILURE_RETRY(fsync(fd));
	errnum = errno;
	close(fd);
	errno = errnum;
	return ret;
}

int bdb_sync_parent(const char *path)
{
	char parent[BDB_PATH_MAX];
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	while (n && path[n - 1] != '/')
		n--;
	if (n >= sizeof(parent)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(parent, path, n);
	parent[n] = '\0';
	return bdb_sync_dir(n ? parent : ".");
}

/* All of N octets. 0 or -1 with errno. */
static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t put = write(fd, p, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		p += put;
		n -= (size_t)put;
	}
	return 0;
}

/* Sync and close FD after a write that gave RET. 0 or -1 with errno. */
static int finish(int fd, int ret)
{
	int errnum;

	if (ret == 0)
		ret = TEMP_FAILURE_RETRY(fsync(fd));
	errnum = errno;
	if (close(fd) < 0 && ret == 0)
		return -1;
	errno = errnum;
	return ret;
}

int bdb_write_text(const char *dir, const char *name, const char *text, struct err *err)
{
	char path[BDB_PATH_MAX];
	int fd;

	if (!bdb_path(path, dir, name))
		return err_sys(err, ERR_RANGE, errno, "the folder %s", dir);
	fd = bdb_open_fd(path, O_WRONLY | O_CREAT | O_TRUNC);
	if (fd < 0 || finish(fd, write_all(fd, text, strlen(text))) < 0)
		return err_sys(err, ERR_IO, errno, "cannot write %s", path);
	return 0;
}

int bdb_read_text(const char *dir, const char *name, char *text_out, size_t size)
{
	char path[BDB_PATH_MAX];
	FILE *file = bdb_path(path, dir, name) ? fopen(path, "re") : NULL;

	text_out[0] = '\0';
	if (!file)
		return -1;
	text_out[fread(text_out, 1, size - 1, file)] = '\0';
	fclose(file);
	return 0;
}

/* A file of tables, pages or log. */
static int is_data(const char *name)
{
	return strcmp(name, "records.db") == 0 || strcmp(name, "journal.db") == 0 ||
	       strcmp(name, "pages") == 0 || strncmp(name, "log.", 4) == 0;
}

/* What else a folder of ours may hold. */
static int is_text(const char *name)
{
	static const char *const texts[] = { "store",	"birth", "backup",	"lock",
					     "reserve", "pages", "acknowledged" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(name, texts[i]) == 0)
			return 1;
	return strncmp(name, "__db", 4) == 0;
}

int bdb_count_data(const char *dir, uint64_t *bytes_out)
{
	DIR *handle = opendir(dir);
	struct dirent *entry;
	uint64_t bytes = 0;
	int n = 0;

	if (!handle)
		return -1;
	while ((entry = readdir(handle))) {
		struct stat st;

		if (!is_data(entry->d_name))
			continue;
		n++;
		if (fstatat(dirfd(handle), entry->d_name, &st, 0) == 0)
			bytes += (uint64_t)st.st_size;
	}
	closedir(handle);
	if (bytes_out)
		*bytes_out = bytes;
	return n;
}

/* ---- copies ---- */

struct copying {
	uint64_t done, total;
	kv_progress_fn *progress;
	void *arg;
};

/* Octets from one descriptor to the other. 0, 1 cancelled, or -1 with errno. */
static int pump(int from, int to, struct copying *copying)
{
	enum { PIECE = 1 << 20 };
	char *buf = malloc(PIECE);
	ssize_t n = 1;
	int ret = buf ? 0 : -1;

	while (ret == 0 && n != 0) {
		n = read(from, buf, PIECE);
		if (n < 0 && errno == EINTR)
			continue;
		ret = n < 0 ? -1 : write_all(to, buf, (size_t)n);
		copying->done += n > 0 ? (uint64_t)n : 0;
		if (ret == 0 && n > 0 && copying->progress)
			ret = copying->progress(copying->arg, copying->done, copying->total) != 0;
	}
	free(buf);
	return ret;
}

static int copy_file(const char *from_dir, const char *to_dir, const char *name,
		     struct copying *copying, struct err *err)
{
	char from[BDB_PATH_MAX], to[BDB_PATH_MAX];
	int in, out, ret;

	if (!bdb_path(from, from_dir, name) || !bdb_path(to, to_dir, name))
		return err_sys(err, ERR_RANGE, errno, "the folder %s", to_dir);
	in = bdb_open_fd(from, O_RDONLY);
	if (in < 0)
		return err_sys(err, ERR_IO, errno, "cannot read %s", from);
	out = bdb_open_fd(to, O_WRONLY | O_CREAT | O_EXCL);
	if (out < 0) {
		ret = err_sys(err, ERR_IO, errno, "cannot write %s", to);
		close(in);
		return ret;
	}
	ret = pump(in, out, copying);
	close(in);
	if (finish(out, ret) < 0)
		return err_sys(err, ERR_IO, errno, "cannot copy %s to %s", from, to);
	return ret ? err_set(err, ERR_STOPPING, "cancelled") : 0;
}

int bdb_copy_data(const char *from, const char *to, kv_progress_fn *progress, void *arg,
		  struct err *err)
{
	struct copying copying = { 0, 0, progress, arg };
	DIR *handle;
	struct dirent *entry;
	int ret = 0;

	bdb_count_data(from, &copying.total);
	handle = opendir(from);
	if (!handle)
		return err_sys(err, ERR_IO, errno, "cannot read the folder %s", from);
	while (ret == 0 && (entry = readdir(handle)))
		if (is_data(entry->d_name))
			ret = copy_file(from, to, entry->d_name, &copying, err);
	closedir(handle);
	return ret;
}

/* ---- removing ---- */

static void remove_files(const char *dir, int texts)
{
	DIR *handle = opendir(dir);
	struct dirent *entry;

	if (!handle)
		return;
	while ((entry = readdir(handle)))
		if (is_data(entry->d_name) || (texts && is_text(entry->d_name)))
			unlinkat(dirfd(handle), entry->d_name, 0);
	closedir(handle);
}

void bdb_remove_data(const char *dir)
{
	remove_files(dir, 0);
}

void bdb_remove_folder(const char *dir)
{
	remove_files(dir, 1);
	rmdir(dir);
}
