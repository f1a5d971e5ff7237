/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/http_engine.c - libmicrohttpd driven by a worker's loop
 *
 * The loop watches the library's epoll descriptor. After each run the library is asked whether it
 * has more to do: if so it is run again from an idle handle, so that other sockets get their
 * turn. A connection whose buffer is full and which yet waits for octets (a chunk extension without
 * end) makes it say so for ever: after some runs in vain the next one waits a little, until the
 * time of that connection is over. Suspended connections are resumed from the same idle handle, all
 * of a turn with one run: a resume does not wake an external loop, and must not happen within the
 * library's own callbacks. The library sets no timers of its own (http_conn.c has them) and accepts
 * nothing.
 */
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "http/http_priv.h"

/* The library counts connections too, with a low limit unless told. */
enum { NO_LIMIT = 1 << 30, IDLE_RUNS_MAX = 8, LATER_MS = 5 };

static struct http_conn *conn_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* ---- the library's callbacks ---- */

static void use_cert(struct http_conn *conn)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(conn->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);

	conn->cert = tls_cert_hold(conn->listener->tls);
	if (!info || tls_creds_use(conn->cert, info->tls_session) < 0)
		http_conn_cut(conn);
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **context,
			  enum MHD_ConnectionNotificationCode what)
{
	struct http_engine *engine = cls;
	struct http_conn *conn;

	engine->idle_runs = 0;
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		conn = engine->edge->adding;
		engine->edge->adding = NULL;
		*context = conn;
		conn->mhd = mhd;
		http_conn_begin(conn);
		if (conn->listener->tls)
			use_cert(conn);
	} else {
		http_conn_end(*context);
		*context = NULL;
	}
}

/* The library would now take the query apart, which nobody needs, and wedges the connection when
 * there are more parameters than it has memory for. It does not look behind a NUL; http_req_head
 * puts the octet back. */
static void hide_query(const char *target)
{
	char *mark = strchr((char *)(uintptr_t)target, '?');

	if (mark && mark[1])
		mark[1] = '\0';
}

/* The request line as received: the last moment at which the target is whole. */
static void *on_request_line(void *cls, const char *target, struct MHD_Connection *mhd)
{
	struct http_conn *conn = conn_of(mhd);

	(void)cls;
	if (!conn || !target)
		return NULL;
	conn->engine->newest = conn;
	conn->engine->idle_runs = 0;
	conn->req = http_req_new(conn, target);
	hide_query(target);
	http_conn_phase(conn, PHASE_ARRIVE);
	return conn;
}

static enum MHD_Result send_answer(struct http_conn *conn)
{
	enum MHD_Result ret = MHD_queue_response(conn->mhd, conn->status, conn->response);

	MHD_destroy_response(conn->response);
	conn->response = NULL;
	http_conn_phase(conn, PHASE_SEND);
	return ret;
}

/* The whole request is here. */
static enum MHD_Result hand_over(struct http_conn *conn)
{
	http_req_handle(conn->req);
	if (conn->cut)
		return MHD_NO;
	if (conn->response)
		return send_answer(conn);
	MHD_suspend_connection(conn->mhd);
	conn->suspended = 1;
	http_conn_phase(conn, PHASE_HANDLE);
	return MHD_YES;
}

static enum MHD_Result step(struct http_conn *conn, const char *method, const char *version,
			    const char *data, size_t *bytes)
{
	if (conn->cut)
		return MHD_NO;
	if (conn->response)
		return send_answer(conn);
	if (!conn->req)
		return MHD_NO;
	if (!conn->head_seen) {
		conn->head_seen = 1;
		if (http_req_head(conn->req, method, version) == 0)
			return MHD_YES;
		return conn->response ? send_answer(conn) : MHD_NO;
	}
	if (*bytes) {
		int failed = http_req_body_add(conn->req, data, *bytes);

		*bytes = 0;
		return failed ? MHD_NO : MHD_YES;
	}
	return hand_over(conn);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *bytes, void **context)
{
	struct http_conn *conn = *context;
	enum MHD_Result ret;

	(void)cls;
	(void)mhd;
	(void)url;
	if (!conn)
		return MHD_NO;
	conn->engine->idle_runs = 0;
	conn->in_handler = 1;
	ret = step(conn, method, version, data, bytes);
	conn->in_handler = 0;
	return ret;
}

/* What the library answered by itself: 400 for what it cannot split, 414, 431. */
static unsigned own_status(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_HTTP_STATUS);

	return info ? info->http_status : 0;
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **context,
			 enum MHD_RequestTerminationCode how)
{
	struct http_conn *conn = *context;
	struct http_req *req = conn ? conn->req : NULL;

	(void)cls;
	*context = NULL;
	if (!conn)
		return;
	conn->engine->idle_runs = 0;
	if (req) {
		conn->req = NULL;
		if (!req->status)
			req->status = own_status(mhd);
		http_req_done(req, how == MHD_REQUEST_TERMINATED_COMPLETED_OK || conn->refused);
		http_req_leave(req);
	}
	conn->head_seen = 0;
	conn->suspended = 0;
	http_conn_phase(conn, PHASE_IDLE);
}

static void on_log(void *cls, const char *fmt, va_list ap)
{
	(void)ap;
	if (strstr(fmt, "Content-Length") || strstr(fmt, "memory"))
		http_early_refuse(cls);
}

/* ---- running ---- */

static void on_later(struct wheel_timer *timer)
{
	http_engine_run(
		(struct http_engine *)((char *)timer - offsetof(struct http_engine, later_timer)));
}

static void run_again(struct http_engine *engine)
{
	if (engine->idle_runs >= IDLE_RUNS_MAX) {
		worker_timer_set(engine->edge->worker, &engine->later_timer, LATER_MS, on_later);
		return;
	}
	engine->idle_runs++;
	engine->again = 1;
	uv_idle_start(&engine->edge->idle, http_engine_on_idle);
}

void http_engine_run(struct http_engine *engine)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;

	if (!engine->mhd)
		return;
	engine->again = 0;
	MHD_run(engine->mhd);
	/* No connection has a timeout of the library's, so it is "now" or "no hurry". */
	if (MHD_get_timeout(engine->mhd, &wait_ms) == MHD_YES)
		run_again(engine);
	http_edge_check_drained(engine->edge);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	http_engine_run(poll->data);
}

static void resume_all(struct http_engine *engine)
{
	struct http_conn *conn = engine->resume, *next;

	engine->resume = NULL;
	for (; conn; conn = next) {
		next = conn->resume_next;
		conn->resuming = 0;
		conn->suspended = 0;
		MHD_resume_connection(conn->mhd);
		engine->again = 1;
	}
}

void http_engine_on_idle(uv_idle_t *idle)
{
	struct http_edge *edge = idle->data;

	uv_idle_stop(idle);
	resume_all(&edge->plain);
	resume_all(&edge->tls);
	if (edge->plain.again)
		http_engine_run(&edge->plain);
	if (edge->tls.again)
		http_engine_run(&edge->tls);
	http_edge_check_drained(edge);
}

void http_engine_resume(struct http_conn *conn)
{
	if (conn->resuming)
		return;
	conn->resuming = 1;
	conn->resume_next = conn->engine->resume;
	conn->engine->resume = conn;
	uv_idle_start(&conn->engine->edge->idle, http_engine_on_idle);
}

int http_engine_add(struct http_engine *engine, struct http_conn *conn)
{
	struct http_edge *edge = engine->edge;
	int ret;

	conn->engine = engine;
	edge->adding = conn;
	ret = MHD_add_connection(engine->mhd, conn->fd, (const struct sockaddr *)&conn->peer,
				 conn->peer_bytes) == MHD_YES
		      ? 0
		      : -1;
	if (edge->adding) {
		/* It never began. */
		edge->adding = NULL;
		http_conn_end(conn);
	}
	return ret;
}

/* ---- opening and closing ---- */

/* Only there to tell the library that certificates come from elsewhere: each session is given its
 * own before its handshake. */
static int no_cert(gnutls_session_t session, const gnutls_datum_t *names, int n_names,
		   const gnutls_pk_algorithm_t *algorithms, int n_algorithms,
		   gnutls_pcert_st **cert, unsigned *n_certs, gnutls_privkey_t *key)
{
	(void)session;
	(void)names;
	(void)n_names;
	(void)algorithms;
	(void)n_algorithms;
	(void)cert;
	(void)n_certs;
	(void)key;
	return -1;
}

static struct MHD_Daemon *start(struct http_engine *engine, int tls)
{
	unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
			 MHD_USE_ERROR_LOG;
	const struct MHD_OptionItem tls_options[] = {
		{ MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(uintptr_t)no_cert },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)tls_priorities },
		{ MHD_OPTION_END, 0, NULL },
	};

	return MHD_start_daemon(tls ? flags | MHD_USE_TLS : flags, 0, NULL, NULL, on_request,
				engine, MHD_OPTION_EXTERNAL_LOGGER, on_log, engine,
				MHD_OPTION_NOTIFY_CONNECTION, on_connection, engine,
				MHD_OPTION_NOTIFY_COMPLETED, on_completed, engine,
				MHD_OPTION_URI_LOG_CALLBACK, on_request_line, engine,
				MHD_OPTION_CONNECTION_MEMORY_LIMIT, engine->edge->http->pool_bytes,
				MHD_OPTION_CONNECTION_LIMIT, (unsigned)NO_LIMIT, MHD_OPTION_ARRAY,
				tls ? tls_options : &tls_options[2], MHD_OPTION_END);
}

int http_engine_open(struct http_engine *engine, struct http_edge *edge, int tls, struct err *err)
{
	const union MHD_DaemonInfo *info;

	engine->edge = edge;
	engine->mhd = start(engine, tls);
	if (!engine->mhd)
		return err_set(err, ERR_IO, "libmicrohttpd does not start%s",
			       tls ? " with TLS" : "");
	info = MHD_get_daemon_info(engine->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info || info->epoll_fd < 0 ||
	    uv_poll_init(worker_loop(edge->worker), &engine->poll, info->epoll_fd) < 0)
		return err_set(err, ERR_IO, "libmicrohttpd's epoll descriptor cannot be watched");
	edge->open_handles++;
	engine->poll.data = engine;
	engine->has_poll = 1;
	uv_poll_start(&engine->poll, UV_READABLE, on_readable);
	return 0;
}

void http_engine_close(struct http_engine *engine)
{
	if (engine->has_poll) {
		uv_poll_stop(&engine->poll);
		http_edge_close_handle(engine->edge, (uv_handle_t *)&engine->poll);
		engine->has_poll = 0;
	}
	worker_timer_clear(engine->edge->worker, &engine->later_timer);
	if (engine->mhd)
		MHD_stop_daemon(engine->mhd);
	engine->mhd = NULL;
}
