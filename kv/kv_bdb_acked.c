/* SPDX-License-Identifier: Apache-2.0 */
/* kv/kv_bdb_acked.c - see kv_bdb_acked.h */
#include "kv/kv_bdb_acked.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "kv/kv_bdb_folder.h"
#include "kv/kv_crc.h"

/* As it stands in the file; within one sector, which is written whole or not at all. */
struct note {
	uint64_t epoch, seq;
	uint32_t crc; /* of the two */
	uint32_t zero;
};

static uint32_t crc_of(const struct note *note)
{
	return kv_crc(0, note, offsetof(struct note, crc));
}

int bdb_acked_check(const char *dir, uint64_t epoch, uint64_t seq, struct err *err)
{
	char path[BDB_PATH_MAX];
	struct note note;
	ssize_t n;
	int fd;

	fd = bdb_path(path, dir, "acknowledged") ? bdb_open_fd(path, O_RDONLY) : -1;
	if (fd < 0)
		return 0;
	do
		n = pread(fd, &note, sizeof(note), 0);
	while (n < 0 && errno == EINTR);
	close(fd);
	if (n != (ssize_t)sizeof(note) || note.crc != crc_of(&note) || note.epoch != epoch ||
	    note.seq <= seq)
		return 0;
	return err_set(
		err, ERR_CORRUPT,
		"%s ends at commit %" PRIu64 ", but %" PRIu64
		" was acknowledged: its log is damaged; restore a backup with cpmctl restore "
		"BACKUP, or remove the file \"acknowledged\" to go on without the rest",
		dir, seq, note.seq);
}

int bdb_acked_open(const char *dir)
{
	char path[BDB_PATH_MAX];
	int fd = bdb_path(path, dir, "acknowledged") ? bdb_open_fd(path, O_RDWR | O_CREAT) : -1;

	if (fd < 0)
		log_warn(LOG_KV, "a damaged log could go unnoticed: the file cannot be opened",
			 L_STR("dir", dir), L_STR("file", "acknowledged"));
	return fd;
}

void bdb_acked_note(int fd, uint64_t epoch, uint64_t seq)
{
	struct note note = { .epoch = epoch, .seq = seq };

	if (fd < 0)
		return;
	note.crc = crc_of(&note);
	while (pwrite(fd, &note, sizeof(note), 0) < 0 && errno == EINTR)
		;
}
