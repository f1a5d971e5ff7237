/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/http_sock.h - does the peer take what is sent?
 *
 * Apart, because the kernel's own header for TCP and the C library's, which libuv includes, exclude
 * each other, and only the kernel's knows the count of acknowledged octets.
 */
#ifndef HTTP_HTTP_SOCK_H
#define HTTP_HTTP_SOCK_H

#include <stdint.h>

/* A number that changes as long as the peer of socket FD takes octets, and is not 0. */
uint64_t http_sock_progress(int fd, int is_unix);

#endif
