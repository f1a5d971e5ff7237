/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth/auth_source.h - what counts as one source of requests
 *
 * As in base/limit.h: an IPv4 address, also when mapped into IPv6, or an IPv6 /64.
 */
#ifndef AUTH_AUTH_SOURCE_H
#define AUTH_AUTH_SOURCE_H

#include <stdint.h>
#include <sys/socket.h>

struct auth_source {
	uint64_t half[2];
};

/* The source that ADDR belongs to. Returns 1; 0, SOURCE_OUT all zero, when ADDR is NULL or of
 * another family (a Unix socket). */
int auth_source_of(const struct sockaddr *addr, struct auth_source *source_out);

#endif
