/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cab/cab_charset.h - text of other programs as UTF-8
 */
#ifndef CAB_CAB_CHARSET_H
#define CAB_CAB_CHARSET_H

#include "base/arena.h"
#include "base/err.h"
#include "base/strv.h"

/* S, written in CHARSET (as iconv names it; empty or not known: windows-1252), as UTF-8 in ARENA.
 * Octets that mean nothing there become U+FFFD. 0; -1 with ERR_NOMEM. */
int cab_charset_convert(struct strv s, struct strv charset, struct arena *arena, struct strv *out,
			struct err *err);

/* A file's octets: without its byte order mark; UTF-16 (by its mark, or by the NUL octets that
 * ASCII has there) as UTF-8 in ARENA. What has no mark may still be of any other set. 0; -1 with
 * ERR_NOMEM. */
int cab_charset_file(struct strv bytes, struct arena *arena, struct strv *text_out,
		     struct err *err);

#endif
