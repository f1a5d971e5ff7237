/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_bdb_acked.h - how far the store had come, beside its log
 *
 * Recovery ends at the first record of the log that is not sound, and cannot tell a tail that was
 * being written from damage in what was synced long ago. The file "acknowledged" can: after each
 * group it is told the group's last commit, without a sync. It may be behind what is durable, never
 * before it. A store that ends before it has lost what had been acknowledged.
 */
#ifndef KV_KV_BDB_ACKED_H
#define KV_KV_BDB_ACKED_H

#include <stdint.h>

#include "base/err.h"

/* Does the store of EPOCH, which ends at SEQ, have all that DIR's file tells of? 0: yes, or the
 * file is absent, damaged itself, or of another epoch; -1 with ERR_CORRUPT. */
int bdb_acked_check(const char *dir, uint64_t epoch, uint64_t seq, struct err *err);

/* Open or make the file. A descriptor; -1 when that cannot be: the store works without. */
int bdb_acked_open(const char *dir);

/* SEQ of EPOCH is durable. A failure is no harm: the file stays behind. */
void bdb_acked_note(int fd, uint64_t epoch, uint64_t seq);

#endif
