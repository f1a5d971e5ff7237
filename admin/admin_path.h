/* SPDX-License-Identifier: Apache-2.0 */
/* admin/admin_path.h - paths and queries of the operator's requests (RFC 3986) */
#ifndef ADMIN_ADMIN_PATH_H
#define ADMIN_ADMIN_PATH_H

#include "base/arena.h"
#include "base/err.h"
#include "base/strv.h"

/* 1 when PATH is PATTERN, in which one segment may be "*": any segment but an empty one, given in
 * PART_OUT as it stands (untouched when there is none). Nothing is decoded: "%6A" is no "j". */
int admin_path_fits(struct strv path, const char *pattern, struct strv *part_out);

/* Decode %XX of S, once. 0; -1 with ERR_SYNTAX (not two hexadecimal digits, or a NUL) or ERR_NOMEM.
 */
int admin_percent_decode(struct strv s, struct arena *arena, struct strv *out, struct err *err);

/* The next name=value of QUERY, decoded; QUERY moves on. 1; 0 at the end; -1 as above. */
int admin_query_next(struct strv *query, struct arena *arena, struct strv *name_out,
		     struct strv *value_out, struct err *err);

#endif
