/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/http_early.c - refusals that libmicrohttpd 0.9.75 would send twice
 *
 * When a Content-Length is no number, or cookies do not fit, the library prepares its error answer
 * and then, its state having been overwritten, prepares it once more: the peer gets two headers and
 * one body. Nothing of ours is called in between but the library's log. There the connection in
 * question is found (its head is complete, and its handler has not been called), told one clean
 * answer directly, and closed for writing, so that the library's own can only fail.
 */
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "http/http_priv.h"

static int is_stuck(const struct http_conn *conn)
{
	return conn && conn->req && !conn->head_seen &&
	       MHD_get_connection_info(conn->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
}

static struct http_conn *find_stuck(struct http_engine *engine)
{
	/* Nearly always the whole head came at once. */
	if (is_stuck(engine->newest))
		return engine->newest;
	for (struct http_conn *conn = engine->edge->conns; conn; conn = conn->next)
		if (conn->engine == engine && conn->phase == PHASE_ARRIVE && is_stuck(conn))
			return conn;
	return NULL;
}

static int is_number(const char *value)
{
	return value[0] && value[strspn(value, "0123456789")] == '\0';
}

static unsigned judge(const struct http_conn *conn, enum http_fence_cause *cause_out)
{
	const char *length =
		MHD_lookup_connection_value(conn->mhd, MHD_HEADER_KIND, "Content-Length");
	uint64_t value;

	if (!length || strv_u64(strv_of(length), INT64_MAX, &value) == 0) {
		*cause_out = HTTP_FENCE_HEAD_LONG;
		return 431;
	}
	*cause_out = is_number(length) ? HTTP_FENCE_LENGTH_LARGE : HTTP_FENCE_LENGTH;
	return is_number(length) ? 413 : 400;
}

/* Nothing of an earlier answer is under way: the library reads no request before it is sent. */
static void tell(const struct http_conn *conn, const char *text, size_t n)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(conn->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	ssize_t sent;

	if (info && info->tls_session) {
		sent = gnutls_record_send(info->tls_session, text, n);
		gnutls_bye(info->tls_session, GNUTLS_SHUT_WR);
	} else {
		sent = send(conn->fd, text, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	(void)sent;
	shutdown(conn->fd, SHUT_WR);
}

void http_early_refuse(struct http_engine *engine)
{
	struct http_conn *conn = find_stuck(engine);
	enum http_fence_cause cause;
	char text[160];
	unsigned status;
	int n;

	if (!conn || conn->refused)
		return;
	status = judge(conn, &cause);
	n = snprintf(text, sizeof(text),
		     "HTTP/1.1 %u %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status,
		     MHD_get_reason_phrase_for(status));
	tell(conn, text, (size_t)n);
	conn->refused = 1;
	conn->req->status = status;
	conn->req->cause = cause;
	metric_add(engine->edge->http->by_fence[cause], 1);
}
