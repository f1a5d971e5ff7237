/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_bdb_pages.h - pages are written twice, so that a torn one can be made whole
 *
 * Berkeley DB writes a changed page over its old form and takes it that the disk does so at once or
 * not at all. A power cut can leave a page half old and half new, which no log can mend. So pages
 * gather here; a batch of them is written and synced to a file of its own before any goes to its
 * place, and after a crash they are put into place again.
 */
#ifndef KV_KV_BDB_PAGES_H
#define KV_KV_BDB_PAGES_H

#include <sys/types.h>

#include "base/err.h"

struct bdb_pages;

/* Syncs a descriptor: 0, or -1 with errno. */
typedef int bdb_sync_fn(int fd);

/* Put into place what a crash left in DIR. Before anybody reads the tables. */
int bdb_pages_restore(const char *dir, struct err *err);

/* For the tables in DIR, whose pages have PAGE_BYTES octets. Returns 0 or -1 with ERR. */
int bdb_pages_new(const char *dir, size_t page_bytes, bdb_sync_fn *sync,
		  struct bdb_pages **pages_out, struct err *err);
/* The tables are closed and whole: nothing is left to be put into place at the next open. */
void bdb_pages_finish(struct bdb_pages *pages);
/* After all descriptors were closed. Takes the address, accepts NULL. */
void bdb_pages_free(struct bdb_pages **pages);

/* In place of pwrite(2) and pread(2) on FD, the table TABLE. What was written is read again at
 * once; it may reach the file later. */
ssize_t bdb_pages_write(struct bdb_pages *pages, unsigned table, int fd, const void *p, size_t n,
			off_t at);
ssize_t bdb_pages_read(struct bdb_pages *pages, unsigned table, int fd, void *p, size_t n,
		       off_t at);
/* Everything that was written to TABLE is on disk. 0, or -1 with errno. */
int bdb_pages_sync(struct bdb_pages *pages, unsigned table, int fd);
/* Everything is in the files, if not on disk: before a descriptor is closed or opened. */
int bdb_pages_flush(struct bdb_pages *pages);

/* A table is about to be cut: nothing that was written before it may come back. 0, or -1 with
 * errno. */
int bdb_pages_forget(struct bdb_pages *pages);

/* While ON, a page is in its file when bdb_pages_write returns: somebody copies the files. */
void bdb_pages_direct(struct bdb_pages *pages, int on);

#endif
