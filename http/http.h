/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/http.h - the HTTP edge: listeners, TLS, fence, limits, routes
 *
 * A handler gets a whole request that has passed the fence, on the worker that owns the
 * connection, and answers it exactly once: before it returns, or later on the same worker (other
 * threads post to http_req_worker). Only http/ knows libmicrohttpd.
 *
 * Every answer carries the request's trace id as X-Request-Id; the id is the one of the client's
 * traceparent field when that is well-formed. A request is one log line, written when its answer is
 * out, and counts in opencpm_http_requests_total by code and listener. What is refused by the
 * fence or a limit counts in opencpm_http_refused_total by cause. After a chunked body the
 * connection is closed: its framing is not ours to judge.
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/limit.h"
#include "base/strv.h"
#include "base/trace.h"
#include "base/worker.h"

struct http;
struct http_req;

/* ---- routes ---- */

enum {
	HTTP_LOCAL = 1, /* only over a Unix socket */
	HTTP_QUIET = 2, /* the request line is logged at debug, not at info (probes, metrics) */
};

struct http_route {
	const char
		*prefix; /* "/metrics": that path and what is below it by "/"; the longest wins */
	unsigned flags;
	size_t max_body; /* octets; more is 413 before anything is read */
	void (*handle)(struct http_req *req, void *arg);
	void *arg;
};

/* ---- a request; everything is valid until it is answered ---- */

struct strv http_req_method(const struct http_req *req);
/* The request target as received, nothing decoded, nothing normalised. */
struct strv http_req_target(const struct http_req *req);
/* The target's part before "?", and behind it (p NULL when there is no "?"). */
struct strv http_req_path(const struct http_req *req);
struct strv http_req_query(const struct http_req *req);
/* The first header field NAME (any case), trimmed; p NULL when there is none. */
struct strv http_req_header(const struct http_req *req, const char *name);
/* Every header field NAME in order: returns 1 and the next value, 0 at the end. *ITER starts 0. */
int http_req_header_next(const struct http_req *req, const char *name, unsigned *iter,
			 struct strv *value_out);
struct strv http_req_body(const struct http_req *req);
const struct sockaddr *http_req_peer(const struct http_req *req);
int http_req_is_tls(const struct http_req *req);
int http_req_is_local(const struct http_req *req); /* over a Unix socket */
/* The user of this host at the other end of the Unix socket, as the kernel says. 0; -1: it is none,
 * or the client has gone. */
int http_req_peer_uid(const struct http_req *req, unsigned *uid_out);
const struct trace_id *http_req_trace(const struct http_req *req);
struct arena *http_req_arena(struct http_req *req);
struct worker *http_req_worker(const struct http_req *req);
/* A word about the outcome for the request's log line (key=value), cut at 64 octets. */
void http_req_note(struct http_req *req, const char *key, struct strv value);

/* ---- an answer ---- */

struct http_header {
	const char *name;
	struct strv value;
};

/* A piece of a body that somebody else owns until RELEASE is called (on any thread). */
struct http_piece {
	struct strv bytes;
};

struct http_answer {
	unsigned status;
	const struct http_header *headers; /* Content-Length and Date are added */
	unsigned n_headers;
	struct strv body;		 /* copied, unless pieces are given */
	const struct http_piece *pieces; /* sent as a vector, not copied */
	unsigned n_pieces;
	void (*release)(void *arg); /* when the pieces are no longer needed; may be NULL */
	void *release_arg;
	int close; /* end the connection after this answer */
};

/* Answer, exactly once. HEAD gets the header of the answer and no body. Header fields that hold
 * line ends or NUL, and Content-Length, Transfer-Encoding, Connection and Date, are dropped with an
 * error in the log. An answer to a request whose client has
 * gone, or whose deadline has passed, is dropped quietly; RELEASE is called all the same. */
void http_answer(struct http_req *req, const struct http_answer *answer);

/* Shorthands. TEXT is one sentence for people; a plain-text body with LF is made of it. */
void http_answer_text(struct http_req *req, unsigned status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void http_answer_body(struct http_req *req, unsigned status, const char *content_type,
		      struct strv body);
/* The status and text that belong to an error of ours (ERR_ABSENT 404, ERR_CONFLICT 409, ...). */
void http_answer_err(struct http_req *req, const struct err *err);

/* ---- the edge ---- */

struct http_listen {
	const char *address;   /* numeric IPv4 or IPv6; NULL with a path */
	uint16_t port;	       /* 0: one is chosen; http_port tells */
	const char *path;      /* a Unix socket, mode 0660; an old socket there is removed */
	const char *cert_file; /* PEM chain: TLS when set */
	const char *key_file;
};

struct http_options {
	const struct http_listen *listens;
	unsigned n_listens;
	const struct http_route *routes;
	unsigned n_routes;
	struct limits *limits;	/* borrowed */
	unsigned max_conns;	/* of the whole edge, counted over all workers */
	unsigned header_bytes;	/* request line and header section together; 16 kB */
	unsigned header_fields; /* 100 */
	unsigned target_bytes;	/* request target; 8 kB */
	unsigned idle_s;	/* between requests, for a whole request to arrive, and for a
				 * client to take any octet of its answer */
	unsigned deadline_ms;	/* a handler that has not answered by then: 503 */
};
void http_options_init(struct http_options *options);

/* Open the listeners on every worker; workers are not running yet. Strings are copied, routes
 * borrowed. Fails when an address is taken, also by another process of ours. */
int http_new(const struct http_options *options, struct workers *workers, struct http **http_out,
	     struct err *err);

/* The port of listener I (0 for a Unix socket). */
uint16_t http_port(const struct http *http, unsigned i);

/* Read certificates and keys again; new connections get them at once, old ones are not disturbed.
 * When a file is bad all old ones stay in force and -1 is returned. Any thread. */
int http_reload_tls(struct http *http, struct err *err);

/* Other values for what can change while running: limits and times, not listeners. A header
 * section larger than at the start may still be refused: memory is laid out then. Any thread. */
void http_reload(struct http *http, const struct http_options *options);

/* Stop accepting, when what waits in the queues has been taken; close idle connections at once
 * and busy ones after their answer. DRAINED is called once, on some worker, when none is left and
 * nothing of the edge is left in the loops; after TIMEOUT_MS connections are cut. A second call is
 * ignored. Any thread. */
void http_drain(struct http *http, unsigned timeout_ms, void (*drained)(void *arg), void *arg);

/* After the workers have ended and before workers_free; without a drain it cuts what is open.
 * Requests that their handlers still hold are gone with it. Takes the address, accepts NULL. */
void http_free(struct http **http);

#endif
