/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/limit.h - how much one source address may take, counted over all workers and edges
 *
 * A source is an IPv4 address or an IPv6 /64 (whoever has one IPv6 address has the /64); IPv4
 * mapped into IPv6 counts as IPv4. Unix-domain peers are not limited. Memory is bounded: when the
 * table is full, idle sources are forgotten first, and a new source without a place is refused.
 */
#ifndef BASE_LIMIT_H
#define BASE_LIMIT_H

#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

struct limits;

struct limit_options {
	unsigned max_sources;	 /* sources remembered at a time */
	unsigned conns;		 /* open connections a source; 0: no limit */
	unsigned requests_per_s; /* sustained; 0: no limit */
	unsigned requests_burst; /* at once; at least 1 */
};

struct limits *limits_new(const struct limit_options *options); /* NULL: no memory */
void limits_free(struct limits **limits);

/* New values from now on; open connections stay counted. max_sources does not change. */
void limits_set(struct limits *limits, const struct limit_options *options);

/* May ADDR open one more connection? 1 yes, and it is counted until limit_conn_close; 0 no. */
int limit_conn_open(struct limits *limits, const struct sockaddr *addr);
void limit_conn_close(struct limits *limits, const struct sockaddr *addr);

/* May ADDR make one request more at NOW_MS (monotonic)? 1 yes, and a token is taken; 0 no. */
int limit_request(struct limits *limits, const struct sockaddr *addr, uint64_t now_ms);

/* Sources remembered now. */
unsigned limits_sources(struct limits *limits);

#endif
