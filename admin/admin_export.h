/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/admin_export.h - one owner's records as lines of JSON, complete enough to be read back
 *
 *     {"format":"opencpm-export","format_version":1,"owner":"sip:a@x","epoch":..,"store_format":..,
 *      "time_ms":..}
 *     {"name":"..","version":12,"value64":".."}       one a record, in the order of names
 *     {"end":true,"records":1,"version":12}
 *
 * Octets that are no UTF-8 stand as "owner64" or "name64" in base64, values always do. The version
 * in the last line is the commit whose state this is; without a last line the file is cut.
 */
#ifndef ADMIN_ADMIN_EXPORT_H
#define ADMIN_ADMIN_EXPORT_H

#include <stdint.h>
#include <stdio.h>

#include "kv/kv.h"

struct admin_export {
	uint64_t records, version; /* out */
};

/* Write OWNER's records to OUT; PROGRESS is told octets written (of 0: nobody knows before), and
 * ends the export by other than 0. Blocks. 0; -1 with ERR_ABSENT (OWNER has no records), ERR_LIMIT
 * (more than MAX_BYTES, when that is not 0), ERR_STOPPING (ended by PROGRESS) or the store's. */
int admin_export_write(struct kv *kv, struct strv owner, FILE *out, uint64_t max_bytes,
		       kv_progress_fn *progress, void *arg, struct admin_export *export_out,
		       struct err *err);

#endif
