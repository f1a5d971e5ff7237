/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/trace.h - one id per request, the same across HTTP, SIP, MSRP and the store
 *
 * The form is W3C Trace Context's trace-id: 16 octets in lower-case hexadecimal, not all zero.
 */
#ifndef BASE_TRACE_H
#define BASE_TRACE_H

#include "base/strv.h"

enum { TRACE_HEX = 32 };

struct trace_id {
	char hex[TRACE_HEX + 1];
};

/* A new random id. */
void trace_new(struct trace_id *id_out);

/* The trace-id of a "traceparent" header field. Returns 0; -1, ID_OUT untouched, when VALUE is not
 * of its form, so that the caller makes a new one. */
int trace_parse(struct strv value, struct trace_id *id_out);

/* An id as two numbers and back: half the room, where many are kept. An id that is empty or not of
 * the form is 0 and 0. */
void trace_pack(const struct trace_id *id, uint64_t half_out[2]);
void trace_unpack(const uint64_t half[2], struct trace_id *id_out);

/* 64 random bits, fast and not for secrets; thread-safe. */
uint64_t trace_random(void);

#endif
