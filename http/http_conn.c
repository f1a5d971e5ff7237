/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/http_conn.c - a connection's life and how long each part of it may take
 *
 * One timer a connection. It is not moved with every request: a phase only writes down when it is
 * due, and the timer, when it fires too early, is set again for the rest. On the way it looks
 * whether the peer has gone: the library watches edges and stops reading at a short read, so that
 * an end which comes with the last octets goes unnoticed. What is overdue is ended
 * by shutting the socket down, which the library notices; what is suspended is resumed to its end.
 */
#include <stdlib.h>
#include <sys/socket.h>

#include "http/http_priv.h"
#include "http/http_sock.h"

enum { LOOK_MS = 3000 };

static void on_timer(struct wheel_timer *timer);

static void arm(struct http_conn *conn, uint64_t now_ms)
{
	uint64_t wait_ms = conn->due_ms > now_ms ? conn->due_ms - now_ms : 1;

	if (wait_ms > LOOK_MS)
		wait_ms = LOOK_MS;
	conn->timer_ms = now_ms + wait_ms;
	worker_timer_set(conn->engine->edge->worker, &conn->timer, wait_ms, on_timer);
}

void http_conn_phase(struct http_conn *conn, enum http_phase phase)
{
	struct http *http = conn->engine->edge->http;
	uint64_t now_ms = worker_now_ms(conn->engine->edge->worker);

	conn->phase = phase;
	conn->progress = 0;
	conn->due_ms = now_ms + atomic_load_explicit(phase == PHASE_HANDLE ? &http->deadline_ms
									   : &http->idle_ms,
						     memory_order_relaxed);
	if (!wheel_timer_is_set(&conn->timer) || conn->due_ms < conn->timer_ms)
		arm(conn, now_ms);
}

/* The handler keeps the request, and what it answers later is dropped. */
static void overdue(struct http_conn *conn)
{
	struct http_req *req = conn->req;

	if (conn->response || conn->cut)
		return;
	metric_add(conn->engine->edge->http->refused_deadline, 1);
	http_answer_refuse(conn, 503, "The request took too long to handle.");
	if (req) {
		conn->req = NULL;
		http_req_done(req, 1);
		http_req_leave(req);
	}
	http_engine_resume(conn);
}

static int is_gone(const struct http_conn *conn)
{
	char octet;

	return (conn->phase == PHASE_IDLE || conn->phase == PHASE_ARRIVE) &&
	       recv(conn->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void end_slow(struct http_conn *conn)
{
	if (conn->phase != PHASE_IDLE)
		metric_add(conn->engine->edge->http->refused_idle, 1);
	shutdown(conn->fd, SHUT_RDWR);
}

static void on_timer(struct wheel_timer *timer)
{
	struct http_conn *conn =
		(struct http_conn *)((char *)timer - offsetof(struct http_conn, timer));
	uint64_t now_ms = worker_now_ms(conn->engine->edge->worker), progress;

	if (now_ms < conn->due_ms) {
		if (is_gone(conn))
			shutdown(conn->fd, SHUT_RDWR);
		arm(conn, now_ms);
		return;
	}
	progress = conn->phase == PHASE_SEND
			   ? http_sock_progress(conn->fd, conn->peer.ss_family == AF_UNIX)
			   : conn->progress;
	if (conn->phase == PHASE_HANDLE) {
		overdue(conn);
	} else if (progress != conn->progress) {
		http_conn_phase(conn, PHASE_SEND);
		conn->progress = progress;
		return;
	} else {
		end_slow(conn);
	}
	/* It ends soon; should it not, this comes again. */
	http_conn_phase(conn, conn->phase);
}

void http_conn_begin(struct http_conn *conn)
{
	struct http_edge *edge = conn->engine->edge;

	conn->next = edge->conns;
	conn->link = &edge->conns;
	if (conn->next)
		conn->next->link = &conn->next;
	edge->conns = conn;
	edge->n_conns++;
	metric_move(edge->http->conns_gauge, 1);
	http_conn_phase(conn, PHASE_IDLE);
}

void http_conn_end(struct http_conn *conn)
{
	struct http_edge *edge = conn->engine->edge;

	worker_timer_clear(edge->worker, &conn->timer);
	if (conn->engine->newest == conn)
		conn->engine->newest = NULL;
	if (conn->link) {
		*conn->link = conn->next;
		if (conn->next)
			conn->next->link = conn->link;
		edge->n_conns--;
		metric_move(edge->http->conns_gauge, -1);
	}
	atomic_fetch_sub(&edge->http->n_conns, 1);
	limit_conn_close(edge->http->limits, (const struct sockaddr *)&conn->peer);
	if (conn->response)
		MHD_destroy_response(conn->response);
	if (conn->mhd && !conn->cut)
		http_linger_begin(edge, conn->fd, conn->refused);
	tls_creds_drop(&conn->cert);
	free(conn);
	http_doors_conn_gone(edge);
}

/* Reading ends, but what has arrived already is still read and answered. */
void http_conn_close_when_idle(struct http_conn *conn)
{
	if (conn->phase == PHASE_IDLE)
		shutdown(conn->fd, SHUT_RD);
}

void http_conn_cut(struct http_conn *conn)
{
	conn->cut = 1;
	shutdown(conn->fd, SHUT_RDWR);
	if (conn->suspended)
		http_engine_resume(conn);
}
