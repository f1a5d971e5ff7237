/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cab/cab_buf.h - text that grows: what is printed of cards, tables and documents
 *
 * A buffer remembers that it failed (no memory, or more than MAX octets), so that a writer asks
 * once, at the end.
 */
#ifndef CAB_CAB_BUF_H
#define CAB_CAB_BUF_H

#include <stddef.h>

#include "base/err.h"
#include "base/strv.h"

struct cab_buf {
	char *p; /* on the heap */
	size_t n, room;
	size_t max; /* octets; 0: no limit but memory */
	int failed; /* of enum err_code: ERR_NOMEM or ERR_LIMIT; ERR_NONE: all is there */
};

void cab_buf_fini(struct cab_buf *buf);

void cab_buf_put(struct cab_buf *buf, struct strv s);
void cab_buf_char(struct cab_buf *buf, char c);
void cab_buf_printf(struct cab_buf *buf, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* S as the text of an element or the value of an attribute in double quotes. Characters that XML
 * 1.0 s2.2 does not have are left out; S is UTF-8. */
void cab_buf_xml(struct cab_buf *buf, struct strv s);

static inline struct strv cab_buf_text(const struct cab_buf *buf)
{
	return strv_mem(buf->p, buf->n);
}

/* 0; -1 with ERR when the buffer has failed. */
int cab_buf_check(const struct cab_buf *buf, struct err *err);

#endif
