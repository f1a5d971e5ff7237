/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/anomaly.h - thousands of requests, each wrong in one element
 *
 * After the plan of the PROTOS test suite for SIP: a valid request is cut into its elements; one of
 * them at a time is replaced by one anomaly. Deterministic: number N is always the same message.
 * tests/sip/anomaly_print.c hands them to the flow tests.
 */
#ifndef TESTS_SIP_ANOMALY_H
#define TESTS_SIP_ANOMALY_H

#include <stddef.h>

enum { ANOMALY_MAX_BYTES = 160 * 1024 };

struct anomaly_ids {
	const char *host; /* what stands in the Request-URI, To and Route */
	unsigned port;
	const char *via;       /* sent-by: where answers go */
	const char *transport; /* "UDP" */
};

size_t anomaly_count(void); /* for each method */
/* Message N of METHOD ("INVITE", "MESSAGE") into TEXT of ANOMALY_MAX_BYTES. Returns its octets. N
 * == anomaly_count(): the valid request that the others are made of. */
size_t anomaly_make(const char *method, size_t n, const struct anomaly_ids *ids, char *text);
/* "element / anomaly", for a failure's message; static until the next call. */
const char *anomaly_name(size_t n);

#endif
