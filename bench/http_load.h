/* SPDX-License-Identifier: Apache-2.0 */
/* bench/http_load.h - HTTP requests over keep-alive connections, many at a time */
#ifndef BENCH_HTTP_LOAD_H
#define BENCH_HTTP_LOAD_H

#include <stddef.h>
#include <stdint.h>

enum { LOAD_REQUEST_BYTES = 2048 };

/* Keep-alive connections, each with one request under way. */
struct load {
	unsigned conns;
	/* Print request N of the run, of connection CONN, into OUT; its length. */
	size_t (*print)(void *arg, unsigned conn, uint64_t n, char out[LOAD_REQUEST_BYTES]);
	void *arg;
	size_t answer_bytes; /* of each answer's body; 0: any */
};

struct load_result {
	double seconds;
	uint64_t done;	  /* answered with 200 or 201 */
	uint64_t refused; /* answered otherwise */
};

/* N requests; connections are open before the time begins. */
void load_run(const struct load *load, uint16_t port, uint64_t n, struct load_result *result_out);

/* One request on a connection of its own, TEXT with its BODY. Returns the status; the answer's
 * header and body are in ANSWER, terminated, as far as there is room. */
unsigned load_once(uint16_t port, const char *text, size_t n, char *answer, size_t room);

#endif
