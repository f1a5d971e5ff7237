/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/http_accept.c - listening sockets and who may come in
 *
 * The edge accepts by itself and hands the descriptor to libmicrohttpd, which costs nothing more a
 * connection than its own accept and leaves here what must be ours: limits that count over all
 * workers before any memory is spent, a pause instead of a spinning loop when descriptors run out,
 * and a drain that takes what waits in the queue and frees the port at once. Each worker has its
 * own SO_REUSEPORT socket; a Unix socket is the first worker's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "http/http_priv.h"

enum { BACKLOG = 1024, ACCEPTS_A_TURN = 64, PAUSE_MS = 250, PAUSE_LOG_MS = 10000 };

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

/* ---- opening ---- */

static int parse_address(const struct http_listen *listen, union address *addr_out,
			 socklen_t *bytes_out, struct err *err)
{
	memset(addr_out, 0, sizeof(*addr_out));
	if (listen->address && inet_pton(AF_INET, listen->address, &addr_out->in.sin_addr) == 1) {
		addr_out->in.sin_family = AF_INET;
		addr_out->in.sin_port = htons(listen->port);
		*bytes_out = sizeof(addr_out->in);
		return 0;
	}
	if (listen->address &&
	    inet_pton(AF_INET6, listen->address, &addr_out->in6.sin6_addr) == 1) {
		addr_out->in6.sin6_family = AF_INET6;
		addr_out->in6.sin6_port = htons(listen->port);
		*bytes_out = sizeof(addr_out->in6);
		return 0;
	}
	return err_set(err, ERR_SYNTAX, "\"%s\" is not a numeric IPv4 or IPv6 address",
		       listen->address ? listen->address : "");
}

/* A bound socket, or -1 with errno. */
static int bound_socket(const union address *addr, socklen_t bytes, int share)
{
	static const int on = 1;
	int fd = socket(addr->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int failed;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (share)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (addr->sa.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, &addr->sa, bytes) == 0)
		return fd;
	failed = errno;
	close(fd);
	errno = failed;
	return -1;
}

/* With SO_REUSEPORT a second server of the same user would share the port in silence. A socket
 * without it cannot be bound beside one that listens. */
static int check_free(const union address *addr, socklen_t bytes)
{
	int fd = bound_socket(addr, bytes, 0);

	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static void learn_port(int fd, union address *addr, struct http_listener *listener)
{
	socklen_t bytes = sizeof(*addr);

	if (getsockname(fd, &addr->sa, &bytes) < 0)
		return;
	listener->port =
		ntohs(addr->sa.sa_family == AF_INET ? addr->in.sin_port : addr->in6.sin6_port);
}

static struct http_door *add_door(struct http_edge *edge, struct http_listener *listener, int fd)
{
	struct http_door *door = &edge->doors[edge->n_doors++];

	door->edge = edge;
	door->listener = listener;
	door->fd = fd;
	return door;
}

static int open_inet(struct http_listener *listener, const struct http_listen *spec,
		     struct http_edge *edges, unsigned n_edges, struct err *err)
{
	union address addr;
	socklen_t bytes = 0;

	if (parse_address(spec, &addr, &bytes, err) < 0)
		return -1;
	if (spec->port && check_free(&addr, bytes) < 0)
		return err_sys(err, ERR_IO, errno, "cannot listen on %s port %u", spec->address,
			       spec->port);
	for (unsigned i = 0; i < n_edges; i++) {
		int fd = bound_socket(&addr, bytes, 1);

		if (fd < 0)
			return err_sys(err, ERR_IO, errno, "cannot listen on %s port %u",
				       spec->address, spec->port);
		add_door(&edges[i], listener, fd);
		if (listen(fd, BACKLOG) < 0)
			return err_sys(err, ERR_IO, errno, "cannot listen on %s port %u",
				       spec->address, spec->port);
		if (i == 0)
			learn_port(fd, &addr, listener);
	}
	snprintf(listener->label, sizeof(listener->label),
		 addr.sa.sa_family == AF_INET6 ? "[%s]:%u" : "%s:%u", spec->address,
		 listener->port);
	return 0;
}

/* Make way for a socket at PATH. Only a socket that nobody answers at is removed. */
static int clear_path(const struct sockaddr_un *un, struct err *err)
{
	struct stat st;
	int fd, answered;

	if (lstat(un->sun_path, &st) < 0)
		return errno == ENOENT
			       ? 0
			       : err_sys(err, ERR_IO, errno, "cannot look at %s", un->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, ERR_EXISTS, "%s exists and is not a socket: move it away",
			       un->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(err, ERR_IO, errno, "no socket for %s", un->sun_path);
	answered = connect(fd, (const struct sockaddr *)un, sizeof(*un)) == 0 || errno == EAGAIN;
	close(fd);
	if (answered)
		return err_set(err, ERR_BUSY, "another process listens on %s", un->sun_path);
	if (unlink(un->sun_path) < 0 && errno != ENOENT)
		return err_sys(err, ERR_IO, errno, "cannot remove the old socket %s", un->sun_path);
	return 0;
}

static int open_unix(struct http_listener *listener, const struct http_listen *spec,
		     struct http_edge *edge, struct err *err)
{
	union address addr = { .un = { .sun_family = AF_UNIX } };
	int fd;

	if (strlen(spec->path) >= sizeof(addr.un.sun_path))
		return err_set(err, ERR_RANGE, "the socket path %s is longer than %zu octets",
			       spec->path, sizeof(addr.un.sun_path) - 1);
	strcpy(addr.un.sun_path, spec->path);
	if (clear_path(&addr.un, err) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(err, ERR_IO, errno, "no socket for %s", spec->path);
	/* The mode that bind gives the file is that of the socket: at no time is it wider. */
	if (fchmod(fd, 0660) < 0 || bind(fd, &addr.sa, sizeof(addr.un)) < 0 ||
	    chmod(spec->path, 0660) < 0 || listen(fd, BACKLOG) < 0) {
		err_sys(err, ERR_IO, errno, "cannot listen on %s", spec->path);
		close(fd);
		return -1;
	}
	add_door(edge, listener, fd);
	snprintf(listener->label, sizeof(listener->label), "unix");
	return 0;
}

int http_listener_open(struct http_listener *listener, const struct http_listen *spec,
		       struct http_edge *edges, unsigned n_edges, struct err *err)
{
	if (spec->path)
		return open_unix(listener, spec, &edges[0], err);
	return open_inet(listener, spec, edges, n_edges, err);
}

/* ---- accepting ---- */

/* One last word to a connection that is not let in; with TLS it would have to shake hands first.
 * What does not fit into the socket's buffer is lost, as it should be. */
static void turn_away(const struct http_door *door, int fd, unsigned status)
{
	static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
				   "Content-Length: 0\r\nConnection: close\r\n\r\n";
	static const char many[] = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\n"
				   "Content-Length: 0\r\nConnection: close\r\n\r\n";
	const char *text = status == 429 ? many : busy;

	if (!door->listener->tls) {
		ssize_t sent = send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);

		(void)sent;
		http_linger_begin(door->edge, fd, 1);
	}
	close(fd);
}

static int admit(struct http_edge *edge, const struct http_conn *conn, unsigned *status_out)
{
	struct http *http = edge->http;

	if (atomic_fetch_add(&http->n_conns, 1) >= atomic_load(&http->max_conns)) {
		atomic_fetch_sub(&http->n_conns, 1);
		metric_add(http->refused_conns, 1);
		*status_out = 503;
		return 0;
	}
	if (!limit_conn_open(http->limits, (const struct sockaddr *)&conn->peer)) {
		atomic_fetch_sub(&http->n_conns, 1);
		metric_add(http->refused_source, 1);
		*status_out = 429;
		return 0;
	}
	return 1;
}

static void welcome(struct http_door *door, int fd, const struct http_conn *peer)
{
	struct http_edge *edge = door->edge;
	struct http_conn *conn;
	unsigned status = 503;

	if (!admit(edge, peer, &status)) {
		turn_away(door, fd, status);
		return;
	}
	conn = calloc(1, sizeof(*conn));
	if (!conn) {
		limit_conn_close(edge->http->limits, (const struct sockaddr *)&peer->peer);
		atomic_fetch_sub(&edge->http->n_conns, 1);
		turn_away(door, fd, 503);
		return;
	}
	conn->peer = peer->peer;
	conn->peer_bytes = peer->peer_bytes;
	conn->fd = fd;
	conn->listener = door->listener;
	http_engine_add(door->listener->tls ? &edge->tls : &edge->plain, conn);
}

static void on_pause_over(struct wheel_timer *timer)
{
	struct http_edge *edge =
		(struct http_edge *)((char *)timer - offsetof(struct http_edge, pause_timer));

	edge->paused = 0;
	if (!edge->draining)
		http_doors_open(edge);
}

/* Connections wait in the kernel's queue until one of ours ends or the time is over. */
static void pause_doors(struct http_edge *edge, int failed)
{
	uint64_t now_ms = worker_now_ms(edge->worker);

	if (!edge->pause_logged_ms || now_ms - edge->pause_logged_ms > PAUSE_LOG_MS) {
		edge->pause_logged_ms = now_ms;
		log_warn(LOG_HTTP, "accept-paused", L_STR("error", strerror(failed)),
			 L_INT("connections", edge->n_conns));
	}
	metric_add(edge->http->refused_fds, 1);
	edge->paused = 1;
	for (unsigned i = 0; i < edge->n_doors; i++)
		uv_poll_stop(&edge->doors[i].poll);
	worker_timer_set(edge->worker, &edge->pause_timer, PAUSE_MS, on_pause_over);
}

void http_doors_conn_gone(struct http_edge *edge)
{
	if (!edge->paused || edge->draining)
		return;
	worker_timer_clear(edge->worker, &edge->pause_timer);
	edge->paused = 0;
	http_doors_open(edge);
}

/* Take up to MAX. Returns 1 when there may be more. */
static int take(struct http_door *door, int max)
{
	while (max-- > 0) {
		struct http_conn peer = { .peer_bytes = sizeof(peer.peer) };
		int fd = accept4(door->fd, (struct sockaddr *)&peer.peer, &peer.peer_bytes,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			welcome(door, fd, &peer);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			pause_doors(door->edge, errno);
		return 0;
	}
	return 1;
}

static void on_door(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	take(poll->data, ACCEPTS_A_TURN);
}

void http_doors_open(struct http_edge *edge)
{
	for (unsigned i = 0; i < edge->n_doors; i++)
		uv_poll_start(&edge->doors[i].poll, UV_READABLE, on_door);
}

void http_doors_close(struct http_edge *edge)
{
	for (unsigned i = 0; i < edge->n_doors; i++) {
		struct http_door *door = &edge->doors[i];

		for (int turns = 0; turns <= BACKLOG / ACCEPTS_A_TURN && !edge->paused; turns++)
			if (!take(door, ACCEPTS_A_TURN))
				break;
		if (door->has_poll) {
			uv_poll_stop(&door->poll);
			http_edge_close_handle(edge, (uv_handle_t *)&door->poll);
		}
		if (door->listener->path)
			unlink(door->listener->path);
		close(door->fd);
		door->fd = -1;
	}
	worker_timer_clear(edge->worker, &edge->pause_timer);
}
