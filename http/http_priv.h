/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/http_priv.h - what the files of http/ share
 *
 * One edge a worker; each edge has one libmicrohttpd daemon for plain connections and one for
 * TLS, made when a listener asks for it. A connection and its requests belong to their edge's
 * worker; only the atomic fields of struct http and the certificates are seen by other threads.
 */
#ifndef HTTP_HTTP_PRIV_H
#define HTTP_HTTP_PRIV_H

#include <microhttpd.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <uv.h>

#include "base/log.h"
#include "base/metrics.h"
#include "base/tls.h"
#include "http/http.h"
#include "http/http_fence.h"

enum { NOTES_MAX = 3, NOTE_BYTES = 64, STATUS_MAX = 600, LISTENS_MAX = 16 };
enum { PEER_TEXT = INET6_ADDRSTRLEN + 16 };

struct http_listener {
	unsigned index;
	char *address, *path;
	uint16_t port;
	struct tls_cert *tls; /* NULL: plain */
	char label[80];	      /* listener="..." */
	_Atomic(struct metric *) by_status[STATUS_MAX];
};

/* A listening socket on one worker. */
struct http_door {
	struct http_edge *edge;
	struct http_listener *listener;
	int fd;
	int has_poll;
	uv_poll_t poll;
};

/* One libmicrohttpd daemon and what drives it. */
struct http_engine {
	struct http_edge *edge;
	struct MHD_Daemon *mhd;
	uv_poll_t poll;
	int has_poll;
	int again;	    /* run it again from the idle handle */
	unsigned idle_runs; /* runs in vain since its last callback */
	struct wheel_timer later_timer;
	struct http_conn *resume; /* suspended ones whose answer is there, by resume_next */
	struct http_conn *newest; /* whose request line came last */
};

enum http_phase {
	PHASE_IDLE,   /* nothing of a request has come */
	PHASE_ARRIVE, /* its request line has; the rest may be missing */
	PHASE_HANDLE, /* the handler has it, the connection is suspended */
	PHASE_SEND,   /* the answer is on its way */
};

struct http_conn {
	struct http_conn *next, **link; /* of the edge */
	struct http_engine *engine;
	struct http_listener *listener;
	struct MHD_Connection *mhd;
	struct tls_creds *cert; /* held; NULL without TLS */
	int fd;
	enum http_phase phase;
	uint64_t due_ms; /* when the phase has lasted too long */
	uint64_t progress;
	struct wheel_timer timer;
	uint64_t timer_ms;	/* when it fires; it may be re-armed then */
	struct http_req *req;	/* NULL once the deadline has taken it away */
	unsigned head_seen : 1; /* the handler's first call has been */
	unsigned suspended : 1;
	unsigned in_handler : 1;       /* libmicrohttpd waits for the handler to return */
	unsigned cut : 1;	       /* end it at the next call */
	unsigned resuming : 1;	       /* in the engine's list */
	unsigned refused : 1;	       /* told to go away, perhaps while it still sends */
	struct MHD_Response *response; /* what to send; owned */
	unsigned status;
	struct http_conn *resume_next;
	struct sockaddr_storage peer;
	socklen_t peer_bytes;
	char peer_text[PEER_TEXT]; /* for the log; empty until it is needed */
};

struct http_note {
	const char *key;
	unsigned char n;
	char value[NOTE_BYTES];
};

struct http_req {
	struct http_req *next, **link; /* of the edge's live or spare ones */
	struct http_edge *edge;
	struct http_conn *conn; /* NULL once the client is gone or the deadline has passed */
	struct http_listener *listener;
	const struct http_route *route;
	struct arena *arena;
	const char *target_from; /* where the library had it; only to compare */
	struct strv method, target, path, query;
	const struct http_field *fields;
	unsigned n_fields;
	unsigned handed_over : 1; /* a handler has it, or had */
	unsigned answered : 1;
	unsigned chunked : 1;
	unsigned too_large : 1;
	unsigned body_on_heap : 1;
	struct sockaddr_storage peer;
	struct trace_id trace;
	uint64_t begun_ns;
	/* the body */
	uint64_t length; /* Content-Length; 0 when there is none */
	char *body;
	size_t body_bytes, body_room, excess;
	/* the outcome */
	unsigned status; /* 0: none yet */
	unsigned late_status;
	const char *late_text;
	uint64_t sent_bytes;
	enum http_fence_cause cause;
	unsigned n_notes;
	struct http_note notes[NOTES_MAX];
};

struct http_edge {
	struct http *http;
	struct worker *worker;
	struct http_engine plain, tls;
	int has_idle;
	uv_idle_t idle;
	struct http_door *doors;
	unsigned n_doors;
	int paused; /* accepting, since descriptors or memory ran out */
	uint64_t pause_logged_ms;
	struct wheel_timer pause_timer;
	struct http_conn *conns, *adding;
	unsigned n_conns;
	struct http_req *live, *spare;
	unsigned n_spare;
	struct http_linger *lingers;
	unsigned n_lingers;
	struct post drain_post;
	struct wheel_timer drain_timer;
	int draining;
	int closed; /* handles are closed, or about to be */
	unsigned open_handles;
};

struct http {
	struct workers *workers;
	struct limits *limits;
	const struct http_route *routes;
	unsigned n_routes;
	struct http_listener *listeners;
	unsigned n_listeners;
	struct http_edge *edges;
	unsigned n_edges;
	size_t pool_bytes; /* libmicrohttpd's memory of one connection */
	_Atomic unsigned max_conns, header_bytes, header_fields, target_bytes, idle_ms, deadline_ms;
	_Atomic unsigned n_conns;
	_Atomic int draining;
	_Atomic unsigned edges_left;
	unsigned drain_ms;
	void (*drained)(void *arg);
	void *drained_arg;
	struct metric *conns_gauge, *latency, *by_fence[HTTP_FENCE_CAUSES];
	struct metric *refused_conns, *refused_source, *refused_rate, *refused_body, *refused_idle,
		*refused_deadline, *refused_fds;
};

/* http_edge.c */
/* Outside the library's callbacks: when the edge drains and the last connection has gone, close. */
void http_edge_check_drained(struct http_edge *edge);
void http_edge_close_handle(struct http_edge *edge, uv_handle_t *handle);
void http_edge_handle_gone(struct http_edge *edge); /* a handle of ours is closed */

/* http_accept.c */
int http_listener_open(struct http_listener *listener, const struct http_listen *listen,
		       struct http_edge *edges, unsigned n_edges, struct err *err);
void http_doors_open(struct http_edge *edge);	   /* begin to accept */
void http_doors_close(struct http_edge *edge);	   /* take what waits, then end */
void http_doors_conn_gone(struct http_edge *edge); /* a descriptor became free */

/* http_engine.c */
int http_engine_open(struct http_engine *engine, struct http_edge *edge, int tls, struct err *err);
void http_engine_close(struct http_engine *engine);
void http_engine_run(struct http_engine *engine);
void http_engine_on_idle(uv_idle_t *idle);
/* Give a connection to libmicrohttpd; CONN and its descriptor are the engine's from here on, also
 * when it fails (-1). */
int http_engine_add(struct http_engine *engine, struct http_conn *conn);
/* Have a suspended connection called again at the end of the turn. */
void http_engine_resume(struct http_conn *conn);

/* http_conn.c */
void http_conn_begin(struct http_conn *conn);
void http_conn_end(struct http_conn *conn);
void http_conn_phase(struct http_conn *conn, enum http_phase phase);
void http_conn_close_when_idle(struct http_conn *conn);
void http_conn_cut(struct http_conn *conn);

/* http_req.c */
struct http_req *http_req_new(struct http_conn *conn, const char *target);
/* The connection has no more use for it: it goes back, or waits for its handler's answer. */
void http_req_leave(struct http_req *req);
void http_req_give_back(struct http_req *req);
void http_req_free_all(struct http_edge *edge);
uint64_t http_now_ns(void);
/* Copy the head out of libmicrohttpd's memory, judge it, find its route. 0: go on; else the
 * refusal is in the connection's response. */
int http_req_head(struct http_req *req, const char *method, const char *version);
int http_req_body_add(struct http_req *req, const char *p, size_t n);
/* All of it is here: call its handler, or answer what needs none. */
void http_req_handle(struct http_req *req);
/* Write its line, count it. SENT: the answer went out whole. */
void http_req_done(struct http_req *req, int sent);

/* http_answer.c */
/* Put a refusal of the edge's own into the connection; it closes after it. */
void http_answer_refuse(struct http_conn *conn, unsigned status, const char *text);
/* Give the answer that http_req_head put off. */
void http_answer_late(struct http_req *req);

/* http_early.c */
/* The library logs something: see whether it is about to answer twice. */
void http_early_refuse(struct http_engine *engine);

/* http_linger.c */
/* Before FD, whose last octet is written, is closed: see to it that the peer can read it. */
void http_linger_begin(struct http_edge *edge, int fd, int refused);
void http_linger_end_all(struct http_edge *edge);

#endif
