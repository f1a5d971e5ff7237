/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_cond.h - entity tags and the conditions on them (RFC 9110 s13, RFC 4825 s7.11)
 *
 * A document and all nodes in it share one strong entity tag, made of the store's epoch and the
 * version; what is about to be created in a document has the document's tag too.
 */
#ifndef XDMS_XCAP_COND_H
#define XDMS_XCAP_COND_H

#include <stdint.h>

#include "base/strv.h"

enum { XCAP_ETAG_BYTES = 40 }; /* with quotes and the terminator */

/* The entity tag in its quotes, terminated. Returns its length. */
size_t xcap_etag_print(uint64_t epoch, uint64_t version, char etag_out[XCAP_ETAG_BYTES]);

/* Does FIELD, the value of an If-Match or If-None-Match, name ETAG? "*" names any. A tag without
 * quotes is read as if it had them; with STRONG a weak tag (W/"...") names nothing. 1 or 0; -1 when
 * FIELD is no list of entity tags. */
int xcap_etag_listed(struct strv field, struct strv etag, int strong);

enum xcap_cond { XCAP_COND_HOLDS, XCAP_COND_FAILED, XCAP_COND_NOT_MODIFIED, XCAP_COND_SYNTAX };

/* Judge the conditions of a request (p NULL: not there) on a document with ETAG (empty: it does not
 * exist). IS_GET: If-None-Match is answered by 304, not by 412. */
enum xcap_cond xcap_cond_check(struct strv if_match, struct strv if_none_match, struct strv etag,
			       int is_get);

#endif
