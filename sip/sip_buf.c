/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_buf.c - see sip_buf.h
 *
 * Count and octets are one allocation: a finished transaction keeps its answer here for 32 s, some
 * hundred thousand of them at a time.
 */
#include "sip/sip_buf.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

struct sip_buf {
	atomic_uint holders;
	uint32_t n;
	uint64_t trace[2]; /* both 0: none */
	char data[];
};

struct sip_buf *sip_buf_new(size_t n)
{
	struct sip_buf *buf = n <= UINT32_MAX ? malloc(sizeof(*buf) + n) : NULL;

	if (!buf)
		return NULL;
	atomic_init(&buf->holders, 1);
	buf->n = (uint32_t)n;
	buf->trace[0] = buf->trace[1] = 0;
	return buf;
}

struct sip_buf *sip_buf_copy(struct strv bytes)
{
	struct sip_buf *buf = sip_buf_new(bytes.n);

	if (buf && bytes.n)
		memcpy(buf->data, bytes.p, bytes.n);
	return buf;
}

struct sip_buf *sip_buf_hold(struct sip_buf *buf)
{
	atomic_fetch_add_explicit(&buf->holders, 1, memory_order_relaxed);
	return buf;
}

void sip_buf_drop(struct sip_buf **buf_at)
{
	struct sip_buf *buf = *buf_at;

	*buf_at = NULL;
	/* Release, so that whoever frees has seen all that the other holders did with it. */
	if (buf && atomic_fetch_sub_explicit(&buf->holders, 1, memory_order_acq_rel) == 1)
		free(buf);
}

char *sip_buf_data(struct sip_buf *buf)
{
	return buf->data;
}

size_t sip_buf_size(const struct sip_buf *buf)
{
	return buf->n;
}

void sip_buf_shorten(struct sip_buf *buf, size_t n)
{
	assert(n <= buf->n);
	buf->n = (uint32_t)n;
}

void sip_buf_set_trace(struct sip_buf *buf, const struct trace_id *trace)
{
	if (trace && !buf->trace[0] && !buf->trace[1])
		trace_pack(trace, buf->trace);
}

int sip_buf_trace(const struct sip_buf *buf, struct trace_id *trace_out)
{
	if (!buf->trace[0] && !buf->trace[1])
		return 0;
	trace_unpack(buf->trace, trace_out);
	return 1;
}
