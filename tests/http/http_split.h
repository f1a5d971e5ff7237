/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/http/http_split.h - split a request head as libmicrohttpd 0.9.75 does
 *
 * In place and as tolerant as the library: so the fence can be tested and fuzzed without a server.
 * The flow tests show that the library really behaves so.
 */
#ifndef TESTS_HTTP_HTTP_SPLIT_H
#define TESTS_HTTP_HTTP_SPLIT_H

#include "http/http_fence.h"

/* Split the N octets at P. Returns 1 and the head; 0 when the library would wait for more, or
 * refuse it by itself. FIELDS has room for MAX, what is more is left out of the head. */
int http_split(char *p, size_t n, struct http_field *fields, unsigned max,
	       struct http_head *head_out);

#endif
