/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/crash/shim.c - the shim's control file, its trace, and which files it follows
 *
 * The calls themselves are in shim_files.c, memory and clocks in shim_libc.c. Nothing here calls
 * what the shim replaces: the system is asked directly.
 */
#include "tests/crash/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FDS_MAX = 4096, INODES_MAX = 16384 };

static _Atomic uint64_t *control;
static char folder[SHIM_PATH_BYTES];
static size_t folder_bytes;
static int trace_fd = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic uint32_t fd_ids[FDS_MAX];

/* Which number a file has in the trace: by device and inode while its name is the newest. */
static struct inode {
	dev_t dev;
	ino_t ino;
	uint32_t id;
} inodes[INODES_MAX];
static unsigned n_inodes;
static uint32_t last_id;

static void __attribute__((noreturn)) give_up(const char *why)
{
	dprintf(2, "shim: %s\n", why);
	_exit(99);
}

static void __attribute__((constructor)) shim_start(void)
{
	const char *dir = getenv("CRASH_DIR");
	const char *path = getenv("CRASH_CONTROL");
	const char *trace = getenv("CRASH_TRACE");
	int fd;
	void *map;

	if (!dir || !path)
		return;
	folder_bytes = strlen(dir);
	if (folder_bytes == 0 || folder_bytes >= sizeof(folder))
		give_up("CRASH_DIR");
	memcpy(folder, dir, folder_bytes + 1);
	if (trace) {
		trace_fd = (int)syscall(SYS_openat, AT_FDCWD, trace,
					O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
		if (trace_fd < 0)
			give_up("CRASH_TRACE");
	}
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
	map = (void *)syscall(SYS_mmap, NULL, SHIM_CONTROLS * sizeof(uint64_t),
			      PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0L);
	if (fd < 0 || map == MAP_FAILED)
		give_up("CRASH_CONTROL");
	syscall(SYS_close, fd);
	control = map;
}

uint64_t shim_get(enum shim_control which)
{
	return control ? atomic_load(&control[which]) : 0;
}

uint64_t shim_count(enum shim_control which)
{
	return control ? atomic_fetch_add(&control[which], 1) + 1 : 0;
}

int shim_window(enum shim_control from, uint64_t n)
{
	return control && n >= shim_get(from) && n < shim_get(from + 1);
}

int shim_fail(int errnum)
{
	shim_count(SHIM_FIRED);
	errno = errnum;
	return -1;
}

/* ---- which files ---- */

/* Take doubled slashes and "/./" out, in place. */
static void path_tidy(char *path)
{
	char *to = path;

	for (const char *p = path; *p; p++) {
		if (p[0] == '/' && (p[1] == '/' || (p[1] == '.' && (p[2] == '/' || !p[2])))) {
			p += p[1] == '.';
			if (!p[1])
				break;
			continue;
		}
		*to++ = *p;
	}
	*to = '\0';
}

int shim_path(int dirfd, const char *path, char rest[SHIM_PATH_BYTES])
{
	char full[SHIM_PATH_BYTES] = "";
	char link[64];
	ssize_t n = 0;

	if (!control || !path)
		return 0;
	if (path[0] != '/') {
		if (dirfd == AT_FDCWD)
			snprintf(link, sizeof(link), "/proc/self/cwd");
		else
			snprintf(link, sizeof(link), "/proc/self/fd/%d", dirfd);
		n = syscall(SYS_readlinkat, AT_FDCWD, link, full, sizeof(full) - 1);
		if (n < 0)
			return 0;
		full[n++] = '/';
	}
	if ((size_t)n + strlen(path) >= sizeof(full))
		return 0;
	memcpy(full + n, path, strlen(path) + 1);
	path_tidy(full);
	if (strncmp(full, folder, folder_bytes) != 0 ||
	    (full[folder_bytes] != '/' && full[folder_bytes] != '\0'))
		return 0;
	strcpy(rest, full + folder_bytes + (full[folder_bytes] == '/'));
	return 1;
}

/* Under the lock. */
static struct inode *inode_find(const struct stat *st)
{
	for (unsigned i = n_inodes; i-- > 0;)
		if (inodes[i].ino == st->st_ino && inodes[i].dev == st->st_dev)
			return &inodes[i];
	return NULL;
}

/* Under the lock: the number of the file behind FD, as of its birth when CREATED. */
static uint32_t inode_id(int fd, int created, int *fresh)
{
	struct inode *inode;
	struct stat st;

	if (fstat(fd, &st) < 0)
		give_up("fstat");
	inode = inode_find(&st);
	*fresh = !inode || created;
	if (!inode) {
		if (n_inodes == INODES_MAX)
			give_up("too many files");
		inode = &inodes[n_inodes++];
		*inode = (struct inode){ st.st_dev, st.st_ino, 0 };
	}
	/* An inode's number is used again once its file is gone. */
	if (*fresh)
		inode->id = ++last_id;
	return inode->id;
}

void shim_forget(int dirfd, const char *path)
{
	struct inode *inode;
	struct stat st;

	if (fstatat(dirfd, path, &st, 0) < 0)
		give_up("fstatat");
	inode = inode_find(&st);
	if (inode)
		*inode = inodes[--n_inodes];
}

uint32_t shim_id(int fd)
{
	return control && fd >= 0 && fd < FDS_MAX ? atomic_load(&fd_ids[fd]) : 0;
}

void shim_fd_open(int fd, const char *rest, int created)
{
	int fresh;
	uint32_t id;

	if (fd >= FDS_MAX)
		give_up("too many descriptors");
	id = inode_id(fd, created, &fresh);
	if (fresh)
		shim_trace(created ? TRACE_CREATE : TRACE_OPEN, id, 0, rest, strlen(rest));
	atomic_store(&fd_ids[fd], id);
}

void shim_fd_close(int fd)
{
	if (fd >= 0 && fd < FDS_MAX)
		atomic_store(&fd_ids[fd], 0);
}

/* ---- the trace ---- */

void shim_lock(void)
{
	if (trace_fd >= 0)
		pthread_mutex_lock(&lock);
}

void shim_unlock(void)
{
	if (trace_fd >= 0)
		pthread_mutex_unlock(&lock);
}

void shim_trace(enum shim_kind kind, uint32_t id, uint64_t offset, const void *data, size_t n)
{
	struct shim_record record = { SHIM_MAGIC, kind, id, (uint32_t)n, offset };
	struct iovec iov[2] = { { &record, sizeof(record) }, { (void *)(uintptr_t)data, n } };
	int errnum = errno;

	if (trace_fd < 0)
		return;
	if (syscall(SYS_writev, trace_fd, iov, 2) != (long)(sizeof(record) + n))
		give_up("the trace cannot be written");
	errno = errnum;
}

void shim_trace_path(enum shim_kind kind, const char *rest)
{
	shim_trace(kind, 0, 0, rest, strlen(rest));
}
