/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_bdb_space.c - room on the disk: when puts are refused, and what is kept for deletes
 *
 * Before each group the free octets of the file system are asked for. Below the low-water mark puts
 * are refused; below half of it, or when a write finds the disk full all the same, the reserve file
 * is given up, so that deletes still find room for their log. Both come back when there is the
 * mark, the reserve and a tenth more.
 */
#include "kv/kv_bdb.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"
#include "kv/kv_hook.h"

static int free_bytes(const char *dir, uint64_t *free_out)
{
	struct statvfs fs;

	if (kv_hook_free)
		return kv_hook_free(dir, free_out);
	if (statvfs(dir, &fs) < 0)
		return -1;
	*free_out = (uint64_t)fs.f_bavail * fs.f_frsize;
	return 0;
}

/* A disk that found no room says soon after that there is some: the reserve stays out for so long.
 */
enum { RESERVE_PAUSE_US = 10000000 };

static void take_reserve(struct bdb *bdb)
{
	uint64_t want = bdb->local.engine.options->reserve_bytes;
	char path[BDB_PATH_MAX];
	int fd, made;

	if (bdb->reserve_given_us && kv_monotonic_us() - bdb->reserve_given_us < RESERVE_PAUSE_US)
		return;
	if (!want || !bdb_path(path, bdb->dir, "reserve"))
		return;
	fd = bdb_open_fd(path, O_RDWR | O_CREAT);
	if (fd < 0)
		return;
	made = posix_fallocate(fd, 0, (off_t)want) == 0;
	close(fd);
	if (!made)
		unlink(path);
	bdb->has_reserve = made;
}

static void give_reserve(struct bdb *bdb)
{
	char path[BDB_PATH_MAX];

	if (!bdb->has_reserve || !bdb_path(path, bdb->dir, "reserve"))
		return;
	bdb->has_reserve = 0;
	bdb->reserve_given_us = kv_monotonic_us();
	unlink(path);
	log_warn(LOG_KV, "reserve given up", L_STR("dir", bdb->dir));
}

/* Say it once a change. */
static void set_low(struct bdb *bdb, int low, uint64_t free)
{
	if (bdb->local.engine.low_space == low)
		return;
	bdb->local.engine.low_space = low;
	bdb->local.puts_barred = low;
	if (low)
		log_error(LOG_KV, "low space: writes are refused, deletes pass",
			  L_STR("dir", bdb->dir), L_INT("free_bytes", (int64_t)free),
			  L_INT("min_free_bytes",
				(int64_t)bdb->local.engine.options->min_free_bytes));
	else
		log_info(LOG_KV, "space again: writes are taken", L_STR("dir", bdb->dir),
			 L_INT("free_bytes", (int64_t)free));
}

void bdb_space_check(struct bdb *bdb)
{
	const struct kv_options *options = bdb->local.engine.options;
	uint64_t min = options->min_free_bytes, again, free;

	if (free_bytes(bdb->dir, &free) < 0)
		return;
	again = min + min / 10 + (bdb->has_reserve ? 0 : options->reserve_bytes);
	if (free < min) {
		set_low(bdb, 1, free);
		if (free < min / 2)
			give_reserve(bdb);
	} else if (free >= again) {
		if (!bdb->has_reserve)
			take_reserve(bdb);
		set_low(bdb, 0, free);
	}
}

/* A write found no room, whatever the file system says is free: a quota, a limit of the disk's. */
void bdb_space_give(struct kv_local *local)
{
	give_reserve((struct bdb *)local);
}

int bdb_space_short(struct bdb *bdb)
{
	uint64_t free;

	return free_bytes(bdb->dir, &free) == 0 && free < (1 << 20);
}

void bdb_space(struct kv_engine *engine, uint64_t *disk_out, uint64_t *free_out)
{
	struct bdb *bdb = (struct bdb *)engine;
	DIR *dir = opendir(bdb->dir);
	struct dirent *entry;

	*disk_out = 0;
	*free_out = 0;
	free_bytes(bdb->dir, free_out);
	while (dir && (entry = readdir(dir))) {
		struct stat st;

		if (fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 && S_ISREG(st.st_mode))
			*disk_out += (uint64_t)st.st_blocks * 512;
	}
	if (dir)
		closedir(dir);
}
