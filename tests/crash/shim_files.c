/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/crash/shim_files.c - the calls on files that the shim replaces
 *
 * Each counts, fails when its turn has come, and is traced behind its success. What stores do with
 * files in other ways (shared mappings, stdio, copies within the kernel) is not followed but said
 * in the trace, so that a driver cannot take a blind trace for a quiet one.
 */
#include "tests/crash/shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* A call that the shim sees: its number, or -1 with errno when it is to be interrupted. */
static int64_t call_begin(void)
{
	uint64_t n = shim_count(SHIM_CALLS);
	uint64_t every = shim_get(SHIM_EVERY);

	if (shim_window(SHIM_EINTR_FROM, n) && (every == 0 || n % every == 0))
		return shim_fail(EINTR);
	return (int64_t)n;
}

static int is_last(int64_t call)
{
	return call > 0 && (uint64_t)call == shim_get(SHIM_KILL_AT);
}

static void kill_at(int64_t call)
{
	if (is_last(call))
		syscall(SYS_kill, getpid(), SIGKILL);
}

/* How much of N octets this call may move. */
static size_t call_cut(int64_t call, size_t n)
{
	uint64_t every = shim_get(SHIM_EVERY);

	if (n > 1 && shim_window(SHIM_SHORT_FROM, (uint64_t)call) &&
	    (every == 0 || (uint64_t)call % every == 0)) {
		shim_count(SHIM_FIRED);
		return n / 2;
	}
	return n;
}

static int no_room(void)
{
	return shim_window(SHIM_NOSPACE_FROM, shim_count(SHIM_GROWS));
}

static off_t size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : st.st_size;
}

/* ---- opening ---- */

static int file_open(int dirfd, const char *path, int flags, mode_t mode)
{
	char rest[SHIM_PATH_BYTES];
	int made = 0;
	int fd;
	int64_t call;

	if (!shim_path(dirfd, path, rest))
		return (int)syscall(SYS_openat, dirfd, path, flags, mode);
	call = call_begin();
	if (call < 0)
		return -1;
	kill_at(call);
	shim_lock();
	if (flags & O_CREAT)
		made = syscall(SYS_faccessat, dirfd, path, F_OK) < 0;
	if (made && no_room()) {
		shim_unlock();
		return shim_fail(ENOSPC);
	}
	fd = (int)syscall(SYS_openat, dirfd, path, flags, mode);
	if (fd >= 0) {
		shim_fd_open(fd, rest, made);
		if ((flags & O_TRUNC) && !made)
			shim_trace(TRACE_SIZE, shim_id(fd), 0, NULL, 0);
	}
	shim_unlock();
	return fd;
}

#define OPEN_MODE(last, flags)                         \
	({                                             \
		mode_t mode_ = 0;                      \
		if ((flags) & (O_CREAT | O_TMPFILE)) { \
			va_list args_;                 \
			va_start(args_, last);         \
			mode_ = va_arg(args_, mode_t); \
			va_end(args_);                 \
		}                                      \
		mode_;                                 \
	})

int open(const char *path, int flags, ...)
{
	return file_open(AT_FDCWD, path, flags, OPEN_MODE(flags, flags));
}

int openat(int dirfd, const char *path, int flags, ...)
{
	return file_open(dirfd, path, flags, OPEN_MODE(flags, flags));
}

int creat(const char *path, mode_t mode)
{
	return file_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

int close(int fd)
{
	shim_fd_close(fd);
	return (int)syscall(SYS_close, fd);
}

/* ---- reading ---- */

static ssize_t file_read(int fd, void *buf, size_t n, off_t at)
{
	int64_t call = 1;

	if (shim_id(fd)) {
		call = call_begin();
		if (call < 0)
			return -1;
		kill_at(call);
		n = call_cut(call, n);
	}
	return at < 0 ? syscall(SYS_read, fd, buf, n) : syscall(SYS_pread64, fd, buf, n, at);
}

ssize_t read(int fd, void *buf, size_t n)
{
	return file_read(fd, buf, n, -1);
}

ssize_t pread(int fd, void *buf, size_t n, off_t at)
{
	return file_read(fd, buf, n, at);
}

/* ---- writing ---- */

static void trace_iov(int fd, off_t at, const struct iovec *iov, ssize_t left)
{
	for (; left > 0; iov++) {
		size_t n = iov->iov_len < (size_t)left ? iov->iov_len : (size_t)left;

		if (n > 0)
			shim_trace(TRACE_WRITE, shim_id(fd), (uint64_t)at, iov->iov_base, n);
		at += (off_t)n;
		left -= (ssize_t)n;
	}
}

/* Where a write without an offset goes. */
static off_t place_of(int fd)
{
	int flags = (int)syscall(SYS_fcntl, fd, F_GETFL);

	return flags & O_APPEND ? size_of(fd) : syscall(SYS_lseek, fd, 0, SEEK_CUR);
}

static ssize_t raw_write(int fd, const struct iovec *iov, int n, off_t at)
{
	return at < 0 ? syscall(SYS_writev, fd, iov, n) : syscall(SYS_pwritev, fd, iov, n, at, 0);
}

static ssize_t file_write(int fd, const struct iovec *iov, int n_iov, off_t at, int64_t call)
{
	off_t place = at < 0 ? place_of(fd) : at;
	size_t n = 0;
	size_t allowed;
	ssize_t ret;

	for (int i = 0; i < n_iov; i++)
		n += iov[i].iov_len;
	if (place + (off_t)n > size_of(fd) && no_room())
		return shim_fail(ENOSPC);
	allowed = call_cut(call, n);
	if (is_last(call) && shim_get(SHIM_KILL_HALF))
		allowed = n / 2;
	if (allowed < n) {
		/* One piece is enough: a short write is one. */
		struct iovec one = { iov[0].iov_base,
				     iov[0].iov_len < allowed ? iov[0].iov_len : allowed };

		ret = raw_write(fd, &one, 1, at);
	} else {
		kill_at(call);
		ret = raw_write(fd, iov, n_iov, at);
	}
	trace_iov(fd, place, iov, ret);
	if (ret > 0 && (syscall(SYS_fcntl, fd, F_GETFL) & O_DSYNC))
		shim_trace(TRACE_SYNC, shim_id(fd), 0, NULL, 0);
	kill_at(call);
	return ret;
}

static ssize_t any_write(int fd, const struct iovec *iov, int n, off_t at)
{
	ssize_t ret;
	int64_t call;

	if (!shim_id(fd))
		return raw_write(fd, iov, n, at);
	call = call_begin();
	if (call < 0)
		return -1;
	shim_lock();
	ret = file_write(fd, iov, n, at, call);
	shim_unlock();
	return ret;
}

ssize_t write(int fd, const void *buf, size_t n)
{
	struct iovec iov = { (void *)(uintptr_t)buf, n };

	if (fd > 0 && (uint64_t)fd == shim_get(SHIM_MARK_FD)) {
		shim_lock();
		shim_trace(TRACE_MARK, 0, 0, buf, n);
		shim_unlock();
	}
	return any_write(fd, &iov, 1, -1);
}

ssize_t pwrite(int fd, const void *buf, size_t n, off_t at)
{
	struct iovec iov = { (void *)(uintptr_t)buf, n };

	return any_write(fd, &iov, 1, at);
}

ssize_t writev(int fd, const struct iovec *iov, int n)
{
	return any_write(fd, iov, n, -1);
}

ssize_t pwritev(int fd, const struct iovec *iov, int n, off_t at)
{
	return any_write(fd, iov, n, at);
}

/* ---- sizes ---- */

static int file_size(int fd, off_t size, int grow, int64_t call)
{
	int ret;

	if (size > size_of(fd) && no_room())
		return shim_fail(ENOSPC);
	kill_at(call);
	ret = (int)(grow ? syscall(SYS_fallocate, fd, 0, 0L, size)
			 : syscall(SYS_ftruncate, fd, size));
	if (ret == 0)
		shim_trace(grow ? TRACE_GROW : TRACE_SIZE, shim_id(fd), (uint64_t)size, NULL, 0);
	return ret;
}

static int any_size(int fd, off_t size, int grow)
{
	int ret;
	int64_t call;

	if (!shim_id(fd))
		return (int)(grow ? syscall(SYS_fallocate, fd, 0, 0L, size)
				  : syscall(SYS_ftruncate, fd, size));
	call = call_begin();
	if (call < 0)
		return -1;
	shim_lock();
	ret = file_size(fd, size, grow, call);
	shim_unlock();
	return ret;
}

int ftruncate(int fd, off_t size)
{
	return any_size(fd, size, 0);
}

int fallocate(int fd, int mode, off_t at, off_t n)
{
	if (mode != 0 && shim_id(fd))
		shim_trace(TRACE_BLIND, shim_id(fd), 0, "fallocate", 9);
	return mode != 0 ? (int)syscall(SYS_fallocate, fd, mode, at, n) : any_size(fd, at + n, 1);
}

int posix_fallocate(int fd, off_t at, off_t n)
{
	return any_size(fd, at + n, 1) < 0 ? errno : 0;
}

int truncate(const char *path, off_t size)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = fd < 0 ? -1 : ftruncate(fd, size);

	if (fd >= 0)
		close(fd);
	return ret;
}

/* ---- syncing ---- */

static int file_sync(int fd, long how)
{
	int ret = -1;
	int64_t call;

	if (!shim_id(fd))
		return (int)syscall(how, fd);
	call = call_begin();
	if (call < 0)
		return -1;
	kill_at(call);
	shim_lock();
	if (shim_window(SHIM_EIO_FROM, shim_count(SHIM_SYNCS))) {
		shim_trace(TRACE_FAULT, shim_id(fd), 0, NULL, 0);
		shim_fail(EIO);
	} else if (shim_get(SHIM_NO_SYNC)) {
		shim_count(SHIM_FIRED);
		ret = 0;
	} else {
		ret = (int)syscall(how, fd);
		if (ret == 0)
			shim_trace(TRACE_SYNC, shim_id(fd), 0, NULL, 0);
	}
	shim_unlock();
	return ret;
}

int fsync(int fd)
{
	return file_sync(fd, SYS_fsync);
}

int fdatasync(int fd)
{
	return file_sync(fd, SYS_fdatasync);
}

/* ---- names ---- */

/* A call on names, traced when it succeeded. */
static int name_call(enum shim_kind kind, const char *rest, int taking, long ret_of(void *),
		     void *arg)
{
	/* POSIX has no EINTR for calls on names. */
	int64_t call = (int64_t)shim_count(SHIM_CALLS);
	int ret;

	kill_at(call);
	shim_lock();
	if (taking && no_room()) {
		ret = shim_fail(ENOSPC);
	} else {
		ret = (int)ret_of(arg);
		if (ret == 0 && kind == TRACE_RENAME)
			shim_trace(kind, 0, 0, rest,
				   strlen(rest) + strlen(strchr(rest, 0) + 1) + 1);
		else if (ret == 0)
			shim_trace_path(kind, rest);
	}
	shim_unlock();
	return ret;
}

struct name_args {
	int dirfd, to_dirfd;
	const char *path, *to;
	int flags;
	mode_t mode;
};

static long raw_unlink(void *arg)
{
	const struct name_args *a = arg;

	return syscall(SYS_unlinkat, a->dirfd, a->path, a->flags);
}

static long raw_mkdir(void *arg)
{
	const struct name_args *a = arg;

	int ret = (int)syscall(SYS_mkdirat, a->dirfd, a->path, a->mode);

	if (ret == 0)
		shim_forget(a->dirfd, a->path);
	return ret;
}

static long raw_rename(void *arg)
{
	const struct name_args *a = arg;

	return syscall(SYS_renameat2, a->dirfd, a->path, a->to_dirfd, a->to, a->flags);
}

int unlinkat(int dirfd, const char *path, int flags)
{
	struct name_args args = { .dirfd = dirfd, .path = path, .flags = flags };
	char rest[SHIM_PATH_BYTES];

	if (!shim_path(dirfd, path, rest))
		return (int)raw_unlink(&args);
	return name_call(TRACE_UNLINK, rest, 0, raw_unlink, &args);
}

int unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
	return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int mkdirat(int dirfd, const char *path, mode_t mode)
{
	struct name_args args = { .dirfd = dirfd, .path = path, .mode = mode };
	char rest[SHIM_PATH_BYTES];

	if (!shim_path(dirfd, path, rest))
		return (int)raw_mkdir(&args);
	return name_call(TRACE_MKDIR, rest, 1, raw_mkdir, &args);
}

int mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

int renameat2(int dirfd, const char *path, int to_dirfd, const char *to, unsigned flags)
{
	struct name_args args = { dirfd, to_dirfd, path, to, (int)flags, 0 };
	char rest[2 * SHIM_PATH_BYTES];
	char there[SHIM_PATH_BYTES];
	int from_here = shim_path(dirfd, path, rest);
	int to_here = shim_path(to_dirfd, to, there);

	if (!from_here && !to_here)
		return (int)raw_rename(&args);
	if (!from_here || !to_here || flags != 0) {
		shim_trace(TRACE_BLIND, 0, 0, "rename", 6);
		return (int)raw_rename(&args);
	}
	strcpy(strchr(rest, 0) + 1, there);
	return name_call(TRACE_RENAME, rest, 0, raw_rename, &args);
}

int renameat(int dirfd, const char *path, int to_dirfd, const char *to)
{
	return renameat2(dirfd, path, to_dirfd, to, 0);
}

int rename(const char *path, const char *to)
{
	return renameat2(AT_FDCWD, path, AT_FDCWD, to, 0);
}

/* ---- free space ---- */

int statvfs(const char *path, struct statvfs *out)
{
	int (*real)(const char *, struct statvfs *) =
		(int (*)(const char *, struct statvfs *))dlsym(RTLD_NEXT, "statvfs");
	char rest[SHIM_PATH_BYTES];
	int ret = real(path, out);

	if (ret == 0 && shim_path(AT_FDCWD, path, rest) && no_room())
		out->f_bavail = out->f_bfree = 0;
	return ret;
}

int fstatvfs(int fd, struct statvfs *out)
{
	int (*real)(int, struct statvfs *) =
		(int (*)(int, struct statvfs *))dlsym(RTLD_NEXT, "fstatvfs");
	int ret = real(fd, out);

	if (ret == 0 && shim_id(fd) && no_room())
		out->f_bavail = out->f_bfree = 0;
	return ret;
}

/* ---- what cannot be followed ---- */

static void blind_fd(int fd, const char *what)
{
	if (shim_id(fd)) {
		shim_lock();
		shim_trace(TRACE_BLIND, shim_id(fd), 0, what, strlen(what));
		shim_unlock();
	}
}

void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t from)
{
	if ((flags & MAP_SHARED) && (prot & PROT_WRITE) && fd >= 0)
		blind_fd(fd, "mmap");
	return (void *)syscall(SYS_mmap, at, n, prot, flags, fd, from);
}

ssize_t copy_file_range(int in, off64_t *in_at, int out, off64_t *out_at, size_t n, unsigned flags)
{
	blind_fd(out, "copy_file_range");
	return syscall(SYS_copy_file_range, in, in_at, out, out_at, n, flags);
}

ssize_t sendfile(int out, int in, off_t *at, size_t n);
ssize_t sendfile(int out, int in, off_t *at, size_t n)
{
	blind_fd(out, "sendfile");
	return syscall(SYS_sendfile, out, in, at, n);
}

ssize_t pwritev2(int fd, const struct iovec *iov, int n, off_t at, int flags)
{
	blind_fd(fd, "pwritev2");
	return syscall(SYS_pwritev2, fd, iov, n, at, 0, flags);
}

int linkat(int dirfd, const char *path, int to_dirfd, const char *to, int flags)
{
	char rest[SHIM_PATH_BYTES];

	if (shim_path(to_dirfd, to, rest)) {
		shim_lock();
		shim_trace(TRACE_BLIND, 0, 0, "link", 4);
		shim_unlock();
	}
	return (int)syscall(SYS_linkat, dirfd, path, to_dirfd, to, flags);
}

int link(const char *path, const char *to)
{
	return linkat(AT_FDCWD, path, AT_FDCWD, to, 0);
}

FILE *fdopen(int fd, const char *mode)
{
	FILE *(*real)(int, const char *) =
		(FILE * (*)(int, const char *)) dlsym(RTLD_NEXT, "fdopen");

	if (strpbrk(mode, "wa+"))
		blind_fd(fd, "fdopen");
	return real(fd, mode);
}

FILE *fopen(const char *path, const char *mode)
{
	FILE *(*real)(const char *, const char *) =
		(FILE * (*)(const char *, const char *)) dlsym(RTLD_NEXT, "fopen");
	char rest[SHIM_PATH_BYTES];

	if (strpbrk(mode, "wa+") && shim_path(AT_FDCWD, path, rest)) {
		shim_lock();
		shim_trace(TRACE_BLIND, 0, 0, "fopen", 5);
		shim_unlock();
	}
	return real(path, mode);
}

/* ---- the other names of the same calls ---- */

#define ALIAS(of) __attribute__((alias(#of)))

int open64(const char *path, int flags, ...) ALIAS(open);
int openat64(int dirfd, const char *path, int flags, ...) ALIAS(openat);
int creat64(const char *path, mode_t mode) ALIAS(creat);
ssize_t pread64(int fd, void *buf, size_t n, off64_t at) ALIAS(pread);
ssize_t pwrite64(int fd, const void *buf, size_t n, off64_t at) ALIAS(pwrite);
ssize_t pwritev64v2(int fd, const struct iovec *iov, int n, off64_t at, int flags) ALIAS(pwritev2);
ssize_t pwritev64(int fd, const struct iovec *iov, int n, off64_t at) ALIAS(pwritev);
int ftruncate64(int fd, off64_t size) ALIAS(ftruncate);
int truncate64(const char *path, off64_t size) ALIAS(truncate);
int fallocate64(int fd, int mode, off64_t at, off64_t n) ALIAS(fallocate);
int posix_fallocate64(int fd, off64_t at, off64_t n) ALIAS(posix_fallocate);
int statvfs64(const char *path, struct statvfs64 *out) ALIAS(statvfs);
int fstatvfs64(int fd, struct statvfs64 *out) ALIAS(fstatvfs);
void *mmap64(void *at, size_t n, int prot, int flags, int fd, off64_t from) ALIAS(mmap);
ssize_t sendfile64(int out, int in, off64_t *at, size_t n) ALIAS(sendfile);
FILE *fopen64(const char *path, const char *mode) ALIAS(fopen);

/* As the headers call them when they know the size of the buffer. */
ssize_t __read_chk(int fd, void *buf, size_t n, size_t room);
ssize_t __pread_chk(int fd, void *buf, size_t n, off_t at, size_t room);
ssize_t __pread64_chk(int fd, void *buf, size_t n, off_t at, size_t room);
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);

ssize_t __read_chk(int fd, void *buf, size_t n, size_t room)
{
	return file_read(fd, buf, n < room ? n : room, -1);
}

ssize_t __pread_chk(int fd, void *buf, size_t n, off_t at, size_t room)
{
	return file_read(fd, buf, n < room ? n : room, at);
}

ssize_t __pread64_chk(int fd, void *buf, size_t n, off_t at, size_t room)
{
	return __pread_chk(fd, buf, n, at, room);
}

int __open_2(const char *path, int flags)
{
	return file_open(AT_FDCWD, path, flags, 0);
}

int __open64_2(const char *path, int flags)
{
	return file_open(AT_FDCWD, path, flags, 0);
}
