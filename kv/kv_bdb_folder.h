/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_bdb_folder.h - files of a store's folder: texts, copies, what is ours
 */
#ifndef KV_KV_BDB_FOLDER_H
#define KV_KV_BDB_FOLDER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "kv/kv.h"

enum { BDB_PATH_MAX = 4096 };

/* DIR/NAME into BUF. Returns BUF, or NULL when it does not fit. */
char *bdb_path(char buf[BDB_PATH_MAX], const char *dir, const char *name);

/* 1 when there is a file DIR/NAME. */
int bdb_exists(const char *dir, const char *name);

/* Open PATH, whatever interrupts it; a new file is the owner's alone. A descriptor or -1 with
 * errno. */
int bdb_open_fd(const char *path, int flags);

/* fsync a folder. 0 or -1 with errno. */
int bdb_sync_dir(const char *dir);

/* The folder that PATH stands in, synced: after a rename or mkdir there. */
int bdb_sync_parent(const char *path);

/* Write TEXT to DIR/NAME, through to the disk. */
int bdb_write_text(const char *dir, const char *name, const char *text, struct err *err);

/* Up to SIZE - 1 octets of DIR/NAME, terminated. 0 or -1 (there is none). */
int bdb_read_text(const char *dir, const char *name, char *text_out, size_t size);

/* How many files of tables and log DIR holds, and their octets (BYTES_OUT may be NULL). -1 with
 * errno. */
int bdb_count_data(const char *dir, uint64_t *bytes_out);

/* Copy the files of tables and log, each synced, telling PROGRESS. */
int bdb_copy_data(const char *from, const char *to, kv_progress_fn *progress, void *arg,
		  struct err *err);

/* Remove tables, log, and our texts from DIR, then DIR itself when nothing else is there. */
void bdb_remove_data(const char *dir);
void bdb_remove_folder(const char *dir);

#endif
