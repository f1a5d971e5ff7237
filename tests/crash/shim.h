/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/crash/shim.h - what stands between the process under test and the system
 *
 * shim.so is preloaded. Within one folder (CRASH_DIR) it sees every call that changes files, writes
 * them down in order (CRASH_TRACE) and lets them fail as the control file (CRASH_CONTROL) says: an
 * array of 64-bit numbers that the driver maps, sets and reads while the process runs. The driver
 * reads the two lists below out of this file.
 */
#ifndef CRASH_SHIM_H
#define CRASH_SHIM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Windows are [FROM, TO) over the counter of the same kind, which begins with 1; TO 0: none. */
enum shim_control {
	SHIM_MARK_FD,	   /* writes to this descriptor go into the trace, 0: none */
	SHIM_NO_SYNC,	   /* syncs say done and do nothing */
	SHIM_KILL_AT,	   /* SIGKILL at this call */
	SHIM_KILL_HALF,	   /* when that is a write: after its first half */
	SHIM_CALLS,	   /* counts all calls that we see */
	SHIM_GROWS,	   /* counts calls that take room on disk, and questions about free space */
	SHIM_SYNCS,	   /* counts syncs */
	SHIM_MALLOCS,	   /* counts allocations */
	SHIM_NOSPACE_FROM, /* ENOSPC in this window of GROWS; no free space meanwhile */
	SHIM_NOSPACE_TO,
	SHIM_EIO_FROM, /* EIO in this window of SYNCS */
	SHIM_EIO_TO,
	SHIM_EINTR_FROM, /* EINTR in this window of CALLS */
	SHIM_EINTR_TO,
	SHIM_SHORT_FROM, /* half of what was asked for in this window of CALLS */
	SHIM_SHORT_TO,
	SHIM_EVERY,	  /* within EINTR and SHORT: only every so many calls; 0: each */
	SHIM_MALLOC_FROM, /* no memory in this window of MALLOCS */
	SHIM_MALLOC_TO,
	SHIM_CLOCK_US, /* added to the clock of the day, signed */
	SHIM_FIRED,    /* counts faults */
	SHIM_CONTROLS
};

/* Kinds of trace records. */
enum shim_kind {
	TRACE_OPEN = 1, /* ID stands for PATH, which existed */
	TRACE_CREATE,	/* ID stands for PATH, which is new */
	TRACE_MKDIR,	/* PATH is a new folder */
	TRACE_WRITE,	/* DATA into ID at OFFSET */
	TRACE_SIZE,	/* ID has OFFSET octets now */
	TRACE_GROW,	/* ID has at least OFFSET octets now */
	TRACE_SYNC,	/* what was written to ID is on disk; of a folder: its names */
	TRACE_RENAME,	/* PATH, NUL, PATH */
	TRACE_UNLINK,	/* PATH, a file or an empty folder */
	TRACE_MARK,	/* what the process wrote to its log */
	TRACE_FAULT,	/* a sync of ID that was made to fail */
	TRACE_BLIND,	/* a call that the shim cannot follow: the trace is worthless */
};

/* A record: this, then LENGTH octets. Little-endian, as the machine. */
struct shim_record {
	uint32_t magic;
	uint32_t kind;
	uint32_t id;
	uint32_t length;
	uint64_t offset;
};
#define SHIM_MAGIC 0x48535243u

/* ---- between the files of the shim ---- */

enum { SHIM_PATH_BYTES = 4096 };

uint64_t shim_get(enum shim_control which);
uint64_t shim_count(enum shim_control which);
/* 1 when N is in the window that begins at FROM. */
int shim_window(enum shim_control from, uint64_t n);
/* Count a fault and set errno; -1. */
int shim_fail(int errnum);

/* The part of PATH behind CRASH_DIR, "" for the folder itself, into REST; 0 when it is elsewhere.
 */
int shim_path(int dirfd, const char *path, char rest[SHIM_PATH_BYTES]);
/* Descriptors of files in the folder: 0 when FD is none, else its number in the trace. */
uint32_t shim_id(int fd);
void shim_fd_open(int fd, const char *rest, int created);
void shim_fd_close(int fd);
/* PATH is new: its inode had another file before. */
void shim_forget(int dirfd, const char *path);

/* Around a call and its record, so that the trace has the order in which things happened. */
void shim_lock(void);
void shim_unlock(void);
void shim_trace(enum shim_kind kind, uint32_t id, uint64_t offset, const void *data, size_t n);
void shim_trace_path(enum shim_kind kind, const char *rest);

#endif
