/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_bdb_pages.c - see kv_bdb_pages.h
 *
 * The file "pages" holds batches, one behind the other: a head of one page (generation, index,
 * number of pages, their places, checksum over head and pages), then the pages. When all that is in
 * it is known to be on disk in its place, the next batch begins at the front again under a new
 * generation. So at any time its first generation, read until the first batch that does not fit,
 * holds every page that may be torn in its place, the newest form last; putting them all there
 * again changes nothing but what is torn.
 */
#include "kv/kv_bdb_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "kv/kv_bdb_folder.h"
#include "kv/kv_crc.h"
#include "kv/kv_hook.h"
#include "kv/kv_priv.h"
#include "kv/kv_record.h"

enum { BATCH_PAGES = 128, TABLES = 2, FILE_MAX_BYTES = 32 << 20 };

static const char *const table_files[TABLES] = { "records.db", "journal.db" };
static const char magic[8] = { 'c', 'p', 'm', 'p', 'a', 'g', 'e', '1' };

/* In the head, big-endian: magic, checksum of all that follows, page size, generation, index,
 * count; then a table (1 octet) and an offset (8) a page. */
enum {
	AT_SUM = 8,
	AT_PAGE_BYTES = 12,
	AT_GENERATION = 16,
	AT_INDEX = 24,
	AT_COUNT = 28,
	AT_PLACES = 32,
	PLACE_BYTES = 9,
	HEAD_BYTES = AT_PLACES + BATCH_PAGES * PLACE_BYTES
};

struct set {
	unsigned n;
	struct {
		unsigned table;
		int fd;
		off_t at;
	} page[BATCH_PAGES];
	char *octets; /* head, then pages */
};

struct bdb_pages {
	char *dir;
	size_t page_bytes;
	bdb_sync_fn *sync;
	int fd;

	pthread_mutex_t lock; /* of the sets: held for a copy only */
	struct set *filling;
	struct set *flushing; /* empty, or on its way to the files */

	pthread_mutex_t flush; /* one flush at a time; of what follows; taken before LOCK */
	uint64_t generation;
	uint32_t index;
	off_t at;
	uint64_t written[TABLES]; /* batches that went to the table's place */
	uint64_t synced[TABLES];  /* and how many of them are known to be on disk */
	_Atomic int direct;
};

/* ---- writing whole ---- */

static ssize_t one_write(int fd, const char *p, size_t n, off_t at)
{
	return kv_hook_pwrite ? kv_hook_pwrite(fd, p, n, at) : pwrite(fd, p, n, at);
}

/* 0 or -1 with errno. */
static int write_whole(int fd, const char *p, size_t n, off_t at)
{
	while (n) {
		ssize_t put = one_write(fd, p, n, at);

		if (put < 0 && errno == EINTR)
			continue;
		if (put == 0)
			errno = ENOSPC;
		if (put <= 0)
			return -1;
		p += put;
		at += put;
		n -= (size_t)put;
	}
	return 0;
}

/* As pread, but less only where the file ends. */
static ssize_t read_whole(int fd, char *p, size_t n, off_t at)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = TEMP_FAILURE_RETRY(pread(fd, p + done, n - done, at + (off_t)done));

		if (got < 0)
			return -1;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

/* ---- sets ---- */

static struct set *set_new(size_t page_bytes)
{
	struct set *set = calloc(1, sizeof(*set));

	if (set)
		set->octets = calloc(BATCH_PAGES + 1, page_bytes);
	if (set && !set->octets) {
		free(set);
		set = NULL;
	}
	return set;
}

static void set_free(struct set *set)
{
	if (set)
		free(set->octets);
	free(set);
}

static char *set_page(const struct bdb_pages *pages, const struct set *set, unsigned i)
{
	return set->octets + (i + 1) * pages->page_bytes;
}

/* The page of TABLE at AT in SET; NULL when it is not there. */
static char *set_find(const struct bdb_pages *pages, const struct set *set, unsigned table,
		      off_t at)
{
	for (unsigned i = 0; i < set->n; i++)
		if (set->page[i].at == at && set->page[i].table == table)
			return set_page(pages, set, i);
	return NULL;
}

/* ---- flushing ---- */

/* Seal the set's head; returns the octets of head and pages. */
static size_t seal(const struct bdb_pages *pages, struct set *set)
{
	size_t n = (set->n + 1) * pages->page_bytes;
	char *head = set->octets;

	memset(head, 0, pages->page_bytes);
	memcpy(head, magic, sizeof(magic));
	kv_be_put(head + AT_PAGE_BYTES, pages->page_bytes, 4);
	kv_be_put(head + AT_GENERATION, pages->generation, 8);
	kv_be_put(head + AT_INDEX, pages->index, 4);
	kv_be_put(head + AT_COUNT, set->n, 4);
	for (unsigned i = 0; i < set->n; i++) {
		head[AT_PLACES + i * PLACE_BYTES] = (char)set->page[i].table;
		kv_be_put(head + AT_PLACES + i * PLACE_BYTES + 1, (uint64_t)set->page[i].at, 8);
	}
	kv_be_put(head + AT_SUM, kv_crc(0, head + AT_PAGE_BYTES, n - AT_PAGE_BYTES), 4);
	return n;
}

/* Every page of the flushing set to its place, once it is safe. Those that fail stay in the set. */
static int put_in_place(struct bdb_pages *pages)
{
	struct set *set = pages->flushing;
	int failed = 0;

	for (unsigned i = 0; i < set->n && !failed; i++)
		if (write_whole(set->page[i].fd, set_page(pages, set, i), pages->page_bytes,
				set->page[i].at) < 0)
			failed = errno;
	for (unsigned i = 0; i < set->n; i++)
		pages->written[set->page[i].table]++;
	if (!failed) {
		pthread_mutex_lock(&pages->lock);
		set->n = 0;
		pthread_mutex_unlock(&pages->lock);
	}
	errno = failed;
	return failed ? -1 : 0;
}

/* The flushing set to the file of batches, synced, then into place. Under FLUSH. */
static int flush_set(struct bdb_pages *pages)
{
	size_t n;

	if (!pages->flushing->n)
		return 0;
	n = seal(pages, pages->flushing);
	if (write_whole(pages->fd, pages->flushing->octets, n, pages->at) < 0 ||
	    pages->sync(pages->fd) < 0)
		return -1;
	pages->at += (off_t)n;
	pages->index++;
	return put_in_place(pages);
}

/* Begin at the front again when nothing of the file is needed any more. Under FLUSH. */
static void recycle(struct bdb_pages *pages)
{
	for (unsigned i = 0; i < TABLES; i++)
		if (pages->synced[i] != pages->written[i])
			return;
	if (!pages->at)
		return;
	pages->at = 0;
	pages->index = 0;
	pages->generation++;
}

/* Sync the tables, so that the file of batches may begin again. Under FLUSH. */
static int settle(struct bdb_pages *pages)
{
	for (unsigned i = 0; i < TABLES; i++) {
		char path[BDB_PATH_MAX];
		int fd, ret;

		if (pages->synced[i] == pages->written[i])
			continue;
		fd = bdb_path(path, pages->dir, table_files[i]) ? bdb_open_fd(path, O_RDWR) : -1;
		if (fd < 0)
			return -1;
		ret = pages->sync(fd);
		close(fd);
		if (ret < 0)
			return -1;
		pages->synced[i] = pages->written[i];
	}
	recycle(pages);
	return 0;
}

/* All that is gathered, into the files. Under FLUSH. */
static int flush_all(struct bdb_pages *pages)
{
	struct set *set;

	/* What an earlier flush could not write goes first. */
	if (flush_set(pages) < 0)
		return -1;
	pthread_mutex_lock(&pages->lock);
	set = pages->filling;
	pages->filling = pages->flushing;
	pages->flushing = set;
	pthread_mutex_unlock(&pages->lock);
	return flush_set(pages) < 0 || (pages->at > FILE_MAX_BYTES && settle(pages) < 0) ? -1 : 0;
}

int bdb_pages_flush(struct bdb_pages *pages)
{
	int ret;

	pthread_mutex_lock(&pages->flush);
	ret = flush_all(pages);
	pthread_mutex_unlock(&pages->flush);
	return ret;
}

/* ---- pages ---- */

/* Gather one page. Returns 0 when there is no room. */
static int gather(struct bdb_pages *pages, unsigned table, int fd, const void *p, off_t at)
{
	struct set *set;
	char *page;
	int taken;

	pthread_mutex_lock(&pages->lock);
	set = pages->filling;
	page = set_find(pages, set, table, at);
	if (!page && set->n < BATCH_PAGES) {
		page = set_page(pages, set, set->n);
		set->page[set->n].table = table;
		set->page[set->n].fd = fd;
		set->page[set->n].at = at;
		set->n++;
	}
	taken = page != NULL;
	if (taken)
		memcpy(page, p, pages->page_bytes);
	pthread_mutex_unlock(&pages->lock);
	return taken;
}

ssize_t bdb_pages_write(struct bdb_pages *pages, unsigned table, int fd, const void *p, size_t n,
			off_t at)
{
	if (n != pages->page_bytes) {
		/* No page: what comes when a table is made, and nothing can be torn that was. */
		if (bdb_pages_flush(pages) < 0)
			return -1;
		return one_write(fd, p, n, at);
	}
	while (!gather(pages, table, fd, p, at))
		if (bdb_pages_flush(pages) < 0)
			return -1;
	if (pages->direct && bdb_pages_flush(pages) < 0)
		return -1;
	return (ssize_t)n;
}

ssize_t bdb_pages_read(struct bdb_pages *pages, unsigned table, int fd, void *p, size_t n, off_t at)
{
	const char *page = NULL;

	if (n != pages->page_bytes)
		return bdb_pages_flush(pages) < 0 ? -1 : read_whole(fd, p, n, at);
	pthread_mutex_lock(&pages->lock);
	page = set_find(pages, pages->filling, table, at);
	if (!page)
		page = set_find(pages, pages->flushing, table, at);
	if (page)
		memcpy(p, page, n);
	pthread_mutex_unlock(&pages->lock);
	return page ? (ssize_t)n : read_whole(fd, p, n, at);
}

int bdb_pages_sync(struct bdb_pages *pages, unsigned table, int fd)
{
	uint64_t written;
	int ret;

	pthread_mutex_lock(&pages->flush);
	ret = flush_all(pages);
	written = pages->written[table];
	pthread_mutex_unlock(&pages->flush);
	/* Others may flush meanwhile: what they write is counted behind WRITTEN. */
	if (ret < 0 || pages->sync(fd) < 0)
		return -1;
	pthread_mutex_lock(&pages->flush);
	if (pages->synced[table] < written)
		pages->synced[table] = written;
	recycle(pages);
	pthread_mutex_unlock(&pages->flush);
	return 0;
}

void bdb_pages_direct(struct bdb_pages *pages, int on)
{
	pages->direct = on;
	if (on)
		bdb_pages_flush(pages);
}

/* ---- after a crash ---- */

/* One batch that was read. Returns 1 when it is whole and belongs behind the ones before. */
static int batch_fits(const char *head, size_t n, uint64_t generation, uint32_t index)
{
	return kv_be_get(head + AT_INDEX, 4) == index &&
	       (index == 0 || kv_be_get(head + AT_GENERATION, 8) == generation) &&
	       kv_be_get(head + AT_SUM, 4) == kv_crc(0, head + AT_PAGE_BYTES, n - AT_PAGE_BYTES);
}

/* How many octets the batch that begins with HEAD should have; 0 when it is no head. */
static size_t batch_bytes(const char *head)
{
	uint64_t page_bytes = kv_be_get(head + AT_PAGE_BYTES, 4);
	uint64_t count = kv_be_get(head + AT_COUNT, 4);

	if (memcmp(head, magic, sizeof(magic)) != 0 || page_bytes < HEAD_BYTES ||
	    page_bytes > 65536 || !count || count > BATCH_PAGES)
		return 0;
	return (count + 1) * page_bytes;
}

static int apply(const char *batch, const int fds[TABLES])
{
	size_t page_bytes = kv_be_get(batch + AT_PAGE_BYTES, 4);
	unsigned count = (unsigned)kv_be_get(batch + AT_COUNT, 4);

	for (unsigned i = 0; i < count; i++) {
		const char *place = batch + AT_PLACES + i * PLACE_BYTES;
		unsigned table = (uint8_t)place[0];

		if (table >= TABLES || fds[table] < 0)
			continue;
		if (write_whole(fds[table], batch + (i + 1) * page_bytes, page_bytes,
				(off_t)kv_be_get(place + 1, 8)) < 0)
			return -1;
	}
	return (int)count;
}

/* Every batch of the first generation in FD. Returns pages put into place, or -1 with errno. */
static int apply_all(int fd, const int fds[TABLES])
{
	char head[HEAD_BYTES], *batch = NULL;
	uint64_t generation = 0;
	off_t at = 0;
	int total = 0, n = 0;
	ssize_t got = 0;
	size_t bytes;

	for (uint32_t index = 0; n >= 0; index++) {
		got = read_whole(fd, head, sizeof(head), at);
		if (got != (ssize_t)sizeof(head))
			break;
		bytes = batch_bytes(head);
		if (!bytes)
			break;
		free(batch);
		batch = malloc(bytes);
		if (!batch) {
			n = -1;
			errno = ENOMEM;
			break;
		}
		got = read_whole(fd, batch, bytes, at);
		if (got != (ssize_t)bytes || !batch_fits(batch, bytes, generation, index))
			break;
		generation = kv_be_get(batch + AT_GENERATION, 8);
		n = apply(batch, fds);
		total += n > 0 ? n : 0;
		at += (off_t)bytes;
	}
	free(batch);
	return n < 0 || got < 0 ? -1 : total;
}

int bdb_pages_restore(const char *dir, struct err *err)
{
	char path[BDB_PATH_MAX];
	int fds[TABLES], fd, n, failed = 0;

	fd = bdb_path(path, dir, "pages") ? bdb_open_fd(path, O_RDWR) : -1;
	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(err, ERR_IO, errno, "cannot open %s", path);
	for (unsigned i = 0; i < TABLES; i++)
		fds[i] = bdb_path(path, dir, table_files[i]) ? bdb_open_fd(path, O_RDWR) : -1;
	n = apply_all(fd, fds);
	if (n < 0)
		failed = errno;
	for (unsigned i = 0; i < TABLES; i++) {
		if (fds[i] >= 0 && !failed && TEMP_FAILURE_RETRY(fsync(fds[i])) < 0)
			failed = errno;
		if (fds[i] >= 0)
			close(fds[i]);
	}
	if (!failed &&
	    (TEMP_FAILURE_RETRY(ftruncate(fd, 0)) < 0 || TEMP_FAILURE_RETRY(fsync(fd)) < 0))
		failed = errno;
	close(fd);
	if (failed)
		return err_sys(err, ERR_IO, failed, "%s: pages cannot be put into place", dir);
	log_debug(LOG_KV, "pages put into place", L_STR("dir", dir), L_INT("pages", n));
	return 0;
}

/* ---- life ---- */

void bdb_pages_free(struct bdb_pages **pages_at)
{
	struct bdb_pages *pages = *pages_at;

	*pages_at = NULL;
	if (!pages)
		return;
	set_free(pages->filling);
	set_free(pages->flushing);
	if (pages->fd >= 0)
		close(pages->fd);
	pthread_mutex_destroy(&pages->lock);
	pthread_mutex_destroy(&pages->flush);
	free(pages->dir);
	free(pages);
}

int bdb_pages_new(const char *dir, size_t page_bytes, bdb_sync_fn *sync,
		  struct bdb_pages **pages_out, struct err *err)
{
	struct bdb_pages *pages = calloc(1, sizeof(*pages));
	char path[BDB_PATH_MAX];

	if (!pages)
		return err_set(err, ERR_NOMEM, "no memory for a store");
	pages->page_bytes = page_bytes;
	pages->sync = sync;
	/* Never the generation of what lies in the file. */
	pages->generation = (uint64_t)kv_unix_us();
	pages->dir = strdup(dir);
	pages->filling = set_new(page_bytes);
	pages->flushing = set_new(page_bytes);
	pages->fd = bdb_path(path, dir, "pages") ? bdb_open_fd(path, O_RDWR | O_CREAT) : -1;
	pthread_mutex_init(&pages->lock, NULL);
	pthread_mutex_init(&pages->flush, NULL);
	if (pages->fd >= 0 && pages->dir && pages->filling && pages->flushing &&
	    bdb_sync_dir(dir) == 0) {
		*pages_out = pages;
		return 0;
	}
	err_sys(err, ERR_IO, errno, "cannot open %s/pages", dir);
	bdb_pages_free(&pages);
	return -1;
}

int bdb_pages_forget(struct bdb_pages *pages)
{
	int ret;

	pthread_mutex_lock(&pages->flush);
	ret = flush_all(pages);
	if (ret == 0)
		ret = settle(pages);
	if (ret == 0)
		ret = TEMP_FAILURE_RETRY(ftruncate(pages->fd, 0));
	if (ret == 0)
		ret = pages->sync(pages->fd);
	pthread_mutex_unlock(&pages->flush);
	return ret;
}

void bdb_pages_finish(struct bdb_pages *pages)
{
	/* What stays is put into place again at the next open, to no harm. */
	if (bdb_pages_forget(pages) < 0)
		log_warn(LOG_KV, "the file of pages could not be cut", L_STR("dir", pages->dir));
}
