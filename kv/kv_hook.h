/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_hook.h - where tests stand between the engines and the disk
 *
 * Process-wide, set while no store is open. NULL, as always outside tests: the system's own call.
 */
#ifndef KV_KV_HOOK_H
#define KV_KV_HOOK_H

#include <stdint.h>
#include <sys/types.h>

/* In place of fdatasync(2). FD is -1 with the engine in memory. */
extern int (*kv_hook_sync)(int fd);
/* In place of pwrite(2) on data pages and write(2) on the log. */
extern ssize_t (*kv_hook_pwrite)(int fd, const void *p, size_t n, off_t at);
extern ssize_t (*kv_hook_write)(int fd, const void *p, size_t n);
/* In place of statvfs(3)'s free octets at DIR. */
extern int (*kv_hook_free)(const char *dir, uint64_t *free_out);

#endif
