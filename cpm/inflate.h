/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/inflate.h - bodies that came packed (Content-Encoding, RFC 3261 s20.12)
 *
 * The one door to zlib. A few octets can stand for gigabytes: the bound is the caller's, and what
 * goes beyond it is refused before it is unpacked.
 */
#ifndef CPM_INFLATE_H
#define CPM_INFLATE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/strv.h"

/* Unpack BODY, of coding ENCODING ("gzip", "x-gzip", "deflate" with or without its zlib head; any
 * case). 1 and its octets, in ARENA; 0: another coding, or "identity": BODY_OUT is BODY; -1 with
 * ERR_SYNTAX (it is no such stream, or goes on behind its end), ERR_LIMIT (more than MAX octets) or
 * ERR_NOMEM. */
int inflate_body(struct strv encoding, struct strv body, size_t max, struct arena *arena,
		 struct strv *body_out, struct err *err);

#endif
