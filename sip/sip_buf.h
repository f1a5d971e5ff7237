/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_buf.h - octets to be sent, shared by reference
 *
 * A message that is sent stays the same for its retransmissions, for several destinations and while
 * it waits in a queue, also another worker's: it is counted, never changed after its making.
 */
#ifndef SIP_SIP_BUF_H
#define SIP_SIP_BUF_H

#include <stddef.h>

#include "base/strv.h"
#include "base/trace.h"

struct sip_buf;

/* N octets to be filled in by the caller before anybody else sees them; NULL: no memory. */
struct sip_buf *sip_buf_new(size_t n);
struct sip_buf *sip_buf_copy(struct strv bytes);
struct sip_buf *sip_buf_hold(struct sip_buf *buf); /* returns BUF; any thread */
void sip_buf_drop(struct sip_buf **buf);	   /* takes the address, accepts NULL; any thread */
char *sip_buf_data(struct sip_buf *buf);
size_t sip_buf_size(const struct sip_buf *buf);
static inline struct strv sip_buf_bytes(struct sip_buf *buf)
{
	return strv_mem(sip_buf_data(buf), sip_buf_size(buf));
}
/* Of the request that it is or answers: set once, before it is shared; a second time, or with NULL,
 * has no effect. */
void sip_buf_set_trace(struct sip_buf *buf, const struct trace_id *trace);
int sip_buf_trace(const struct sip_buf *buf, struct trace_id *trace_out); /* 1; 0: none was set */
/* Before it is shared only. */
void sip_buf_shorten(struct sip_buf *buf, size_t n);

#endif
