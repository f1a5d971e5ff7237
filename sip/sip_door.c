/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_door.c - a worker's sockets: bound, watched, accepted from
 *
 * Each worker has its own SO_REUSEPORT socket of each listener. Limits that count over all workers
 * are asked before any memory is spent on a connection; when descriptors run out, accepting pauses
 * instead of spinning.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "sip/sip_tp_priv.h"

enum { BACKLOG = 1024, ACCEPTS_A_TURN = 64, PAUSE_MS = 250, PAUSE_LOG_MS = 10000 };

/* ---- opening ---- */

/* A bound socket, or -1 with errno. */
static int bound_socket(const struct sip_addr *addr, int is_udp, int share)
{
	static const int on = 1;
	int fd = socket(addr->any.sa_family,
			(is_udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int failed;

	if (fd < 0)
		return -1;
	/* Two UDP sockets with it would share a port in silence. */
	if (!is_udp)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (share)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (addr->any.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, &addr->any, sip_addr_len(addr)) == 0)
		return fd;
	failed = errno;
	close(fd);
	errno = failed;
	return -1;
}

/* With SO_REUSEPORT a second server of the same user would share the port in silence. */
static int check_free(const struct sip_addr *addr, int is_udp)
{
	int fd = bound_socket(addr, is_udp, 0);

	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int is_wildcard(const struct sip_addr *addr)
{
	return addr->any.sa_family == AF_INET ? addr->v4.sin_addr.s_addr == INADDR_ANY
					      : IN6_IS_ADDR_UNSPECIFIED(&addr->v6.sin6_addr);
}

static int open_one(struct sip_tp_edge *edge, struct sip_listener *listener)
{
	static const int on = 1;
	int is_udp = listener->proto == SIP_UDP;
	int fd = bound_socket(&listener->addr, is_udp, 1);
	struct sip_door *door;
	socklen_t bytes = sizeof(listener->addr);

	if (fd < 0)
		return -1;
	door = &edge->doors[edge->n_doors++];
	door->edge = edge;
	door->listener = listener;
	door->fd = fd;
	if (is_udp)
		sip_udp_tune(fd, listener->addr.any.sa_family, listener->is_any);
	else if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 || /* inherited */
		 listen(fd, BACKLOG) < 0)
		return -1;
	/* With port 0 the first one chooses for all. */
	if (!sip_addr_port(&listener->addr))
		getsockname(fd, &listener->addr.any, &bytes);
	return 0;
}

int sip_listener_open(struct sip_tp *tp, struct sip_listener *listener,
		      const struct sip_listen *spec, struct err *err)
{
	const char *address = spec->address ? spec->address : "";

	listener->proto = spec->proto;
	if (sip_addr_parse(strv_of(address), spec->port, &listener->addr) < 0)
		return err_set(err, ERR_SYNTAX, "\"%s\" is not a numeric IPv4 or IPv6 address",
			       address);
	if (spec->advertised &&
	    sip_addr_parse(strv_of(spec->advertised), 0, &listener->advertised) < 0)
		return err_set(err, ERR_SYNTAX, "\"%s\" is not a numeric IPv4 or IPv6 address",
			       spec->advertised);
	listener->is_any = is_wildcard(&listener->addr);
	if (sip_proto_is_secure(spec->proto)) {
		if (!spec->cert_file || !spec->key_file)
			return err_set(err, ERR_RANGE,
				       "a %s listener needs a certificate and its key",
				       sip_proto_name(spec->proto));
		if (tls_cert_new(&(struct tls_files){ .cert = spec->cert_file,
						      .key = spec->key_file,
						      .ca = spec->client_ca_file,
						      .log = LOG_SIP },
				 &listener->cert, err) < 0)
			return -1;
	}
	if (spec->port && check_free(&listener->addr, spec->proto == SIP_UDP) < 0)
		return err_sys(err, ERR_IO, errno, "cannot listen on %s port %u", address,
			       spec->port);
	for (unsigned i = 0; i < tp->n_edges; i++)
		if (open_one(&tp->edges[i], listener) < 0)
			return err_sys(err, ERR_IO, errno, "cannot listen on %s port %u", address,
				       spec->port);
	if (spec->proto == SIP_UDP && !listener->is_any)
		listener->home = sip_udp_home(tp, listener, &listener->addr);
	if (listener->advertised.any.sa_family != AF_UNSPEC)
		sip_addr_set_port(&listener->advertised, sip_addr_port(&listener->addr));
	return 0;
}

int sip_door_watch(struct sip_door *door, struct err *err)
{
	if (uv_poll_init(worker_loop(door->edge->worker), &door->poll, door->fd) < 0)
		return err_set(err, ERR_IO, "a listening socket cannot be watched");
	door->edge->open_handles++;
	door->has_poll = 1;
	door->poll.data = door;
	return 0;
}

/* ---- accepting ---- */

/* May a connection from PEER come in? When it may, it is counted. */
static int admit(struct sip_tp_edge *edge, const struct sip_addr *peer)
{
	struct sip_tp *tp = edge->tp;

	if (!edge->free_slot) {
		metric_add(tp->ended[SIP_END_CONNECTIONS], 1);
		return 0;
	}
	if (tp->limits && !limit_conn_open(tp->limits, sip_sockaddr(peer))) {
		metric_add(tp->ended[SIP_END_SOURCE], 1);
		return 0;
	}
	return 1;
}

static void on_pause_over(struct wheel_timer *timer)
{
	struct sip_tp_edge *edge =
		(struct sip_tp_edge *)((char *)timer - offsetof(struct sip_tp_edge, pause_timer));

	edge->paused = 0;
	if (!edge->draining)
		sip_doors_open(edge);
}

/* Connections wait in the kernel's queue until one of ours ends or the time is over. */
static void pause_doors(struct sip_tp_edge *edge, int failed)
{
	uint64_t now_ms = worker_now_ms(edge->worker);

	if (!edge->pause_logged_ms || now_ms - edge->pause_logged_ms > PAUSE_LOG_MS) {
		edge->pause_logged_ms = now_ms;
		log_warn(LOG_SIP, "accept-paused", L_STR("error", strerror(failed)),
			 L_INT("connections", edge->n_conns));
	}
	metric_add(edge->tp->ended[SIP_END_DESCRIPTORS], 1);
	edge->paused = 1;
	for (unsigned i = 0; i < edge->n_doors; i++)
		if (edge->doors[i].listener->proto != SIP_UDP)
			uv_poll_stop(&edge->doors[i].poll);
	worker_timer_set(edge->worker, &edge->pause_timer, PAUSE_MS, on_pause_over);
}

void sip_doors_conn_gone(struct sip_tp_edge *edge)
{
	if (!edge->paused || edge->draining)
		return;
	worker_timer_clear(edge->worker, &edge->pause_timer);
	edge->paused = 0;
	sip_doors_open(edge);
}

static void accept_some(struct sip_door *door)
{
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct sip_addr peer;
		socklen_t bytes = sizeof(peer);
		int fd;

		memset(&peer, 0, sizeof(peer));
		fd = accept4(door->fd, &peer.any, &bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO)
				continue;
			if (errno != EAGAIN && errno != EWOULDBLOCK)
				pause_doors(door->edge, errno);
			return;
		}
		if (!admit(door->edge, &peer)) {
			close(fd);
			continue;
		}
		sip_conn_accepted(door->edge, door->listener, fd, &peer);
	}
}

static void on_door(uv_poll_t *poll, int status, int events)
{
	struct sip_door *door = poll->data;

	(void)events;
	/* libuv stops to watch a socket that has an error, which for UDP is an ordinary event. */
	if (status < 0) {
		if (door->listener->proto == SIP_UDP)
			sip_udp_error(door);
		uv_poll_start(poll, UV_READABLE, on_door);
	}
	if (door->listener->proto == SIP_UDP)
		sip_udp_readable(door);
	else
		accept_some(door);
}

void sip_doors_open(struct sip_tp_edge *edge)
{
	for (unsigned i = 0; i < edge->n_doors; i++)
		if (edge->doors[i].has_poll && !uv_is_active((uv_handle_t *)&edge->doors[i].poll))
			uv_poll_start(&edge->doors[i].poll, UV_READABLE, on_door);
}

static void close_door(struct sip_door *door)
{
	if (door->has_poll)
		sip_tp_close_handle(door->edge, (uv_handle_t *)&door->poll);
	door->has_poll = 0;
	if (door->fd >= 0)
		close(door->fd);
	door->fd = -1;
}

void sip_doors_close(struct sip_tp_edge *edge, int streams_only)
{
	for (unsigned i = 0; i < edge->n_doors; i++)
		if (!streams_only || edge->doors[i].listener->proto != SIP_UDP)
			close_door(&edge->doors[i]);
	worker_timer_clear(edge->worker, &edge->pause_timer);
}
