/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_conn.c - one connection: opened or accepted, read, written, timed, closed
 *
 *	CONNECT -> HANDSHAKE (TLS) -> UPGRADE (WebSocket) -> OPEN -> LINGER -> DEAD
 *
 * An idle connection has no buffer: octets are read into the worker's one, and only the beginning
 * of a message that is not whole yet is kept. Writing happens at the end of the loop's turn, many
 * messages by one call. Every phase has a deadline; one timer serves them all and looks again when
 * it fires, since most deadlines only move away.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "sip/sip_fence.h"
#include "sip/sip_tp_priv.h"

enum {
	READS_A_TURN = 8,
	PIECES = 32,	    /* of one sendmsg */
	TLS_RECORD = 16384, /* of one TLS write */
	KEEP_MIN = 1024,    /* of a message's beginning */
	LINGER_MS = 2000,
};

/* ---- time ---- */

static uint64_t due_ms(const struct sip_conn *conn)
{
	const struct sip_tp *tp = conn->edge->tp;
	uint64_t due, other;

	switch (conn->phase) {
	case SIP_CONN_CONNECT:
		return conn->since_ms + tp->connect_ms;
	case SIP_CONN_HANDSHAKE:
	case SIP_CONN_UPGRADE:
		return conn->since_ms + tp->message_ms;
	case SIP_CONN_LINGER:
		return conn->since_ms + LINGER_MS;
	default:
		break;
	}
	due = conn->active_ms + (conn->keep_ms > tp->idle_ms ? conn->keep_ms : tp->idle_ms);
	other = conn->since_ms + tp->message_ms;
	if (conn->begun && other < due)
		due = other;
	other = conn->wrote_ms + tp->message_ms;
	if (conn->out && other < due)
		due = other;
	return due;
}

static void on_time(struct wheel_timer *timer)
{
	struct sip_conn *conn =
		(struct sip_conn *)((char *)timer - offsetof(struct sip_conn, timer));
	enum sip_tp_cause cause = SIP_END_SLOW;

	if (worker_now_ms(conn->edge->worker) < due_ms(conn)) {
		sip_conn_arm(conn);
		return;
	}
	if (conn->phase == SIP_CONN_CONNECT)
		cause = SIP_END_CONNECT;
	else if (conn->phase == SIP_CONN_LINGER)
		cause = SIP_END_NORMAL;
	else if (conn->phase == SIP_CONN_OPEN && !conn->begun && !conn->out)
		cause = SIP_END_IDLE;
	sip_conn_close(conn, cause);
}

void sip_conn_arm(struct sip_conn *conn)
{
	uint64_t now = worker_now_ms(conn->edge->worker), due = due_ms(conn);

	if (wheel_timer_is_set(&conn->timer) && conn->timer.due_ms <= due)
		return;
	worker_timer_set(conn->edge->worker, &conn->timer, due > now ? due - now : 1, on_time);
}

/* ---- what the loop watches ---- */

static void on_event(uv_poll_t *poll, int status, int events);

static void watch(struct sip_conn *conn)
{
	int events = UV_READABLE;

	if (conn->phase == SIP_CONN_CONNECT ||
	    (conn->phase == SIP_CONN_HANDSHAKE && sip_tls_wants_write(conn->tls)))
		events = UV_WRITABLE;
	else if (conn->blocked)
		events |= UV_WRITABLE;
	if (events == conn->events)
		return;
	conn->events = (unsigned char)events;
	uv_poll_start(&conn->poll, events, on_event);
}

static void mark_dirty(struct sip_conn *conn)
{
	if (conn->dirty)
		return;
	conn->dirty = 1;
	conn->dirty_next = conn->edge->dirty;
	conn->edge->dirty = conn;
}

/* ---- beginning ---- */

static struct sip_conn *conn_new(struct sip_tp_edge *edge, enum sip_proto proto, int fd,
				 const struct sip_addr *remote)
{
	struct sip_conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->edge = edge;
	conn->proto = (unsigned char)proto;
	conn->fd = fd;
	conn->remote = conn->reach = *remote;
	conn->since_ms = conn->active_ms = worker_now_ms(edge->worker);
	if (sip_flow_take(conn) < 0) {
		free(conn);
		return NULL;
	}
	if (uv_poll_init(worker_loop(edge->worker), &conn->poll, fd) < 0) {
		sip_flow_give_back(conn);
		free(conn);
		return NULL;
	}
	edge->open_handles++;
	conn->poll.data = conn;
	conn->next = edge->conns;
	conn->link = &edge->conns;
	if (conn->next)
		conn->next->link = &conn->next;
	edge->conns = conn;
	edge->n_conns++;
	metric_move(edge->tp->conns[proto], 1);
	return conn;
}

static void learn_local(struct sip_conn *conn)
{
	socklen_t bytes = sizeof(conn->local);

	getsockname(conn->fd, &conn->local.any, &bytes);
}

/* The connection is made and its TLS, if any, is well: what comes next? */
static void go_on(struct sip_conn *conn)
{
	conn->since_ms = conn->active_ms = worker_now_ms(conn->edge->worker);
	conn->phase = SIP_CONN_OPEN;
	if (conn->proto == SIP_WS || conn->proto == SIP_WSS) {
		conn->phase = SIP_CONN_UPGRADE;
		conn->ws = sip_ws_new(conn);
		if (!conn->ws) {
			sip_conn_close(conn, SIP_END_MEMORY);
			return;
		}
	}
	if (conn->out)
		mark_dirty(conn);
	watch(conn);
	sip_conn_arm(conn);
}

void sip_conn_opened(struct sip_conn *conn)
{
	conn->phase = SIP_CONN_OPEN;
}

static void shake_hands(struct sip_conn *conn)
{
	const char *why = "";
	char peer[SIP_ADDR_TEXT];
	int result = sip_tls_handshake(conn->tls, &why);

	if (result == SIP_IO_FAILED) {
		log_info(LOG_SIP, "tls-refused", L_STR("peer", sip_addr_print(&conn->remote, peer)),
			 L_STR("why", why));
		sip_conn_close(conn, SIP_END_TLS);
		return;
	}
	if (result == SIP_IO_AGAIN) {
		watch(conn);
		return;
	}
	if (conn->listener)
		conn->name = sip_tls_take_names(conn->tls);
	go_on(conn);
}

/* Connected, from either side. */
static void begin(struct sip_conn *conn)
{
	struct tls_cert *cert = conn->listener ? conn->listener->cert : conn->edge->tp->client_cert;

	learn_local(conn);
	if (!sip_proto_is_secure(conn->proto)) {
		go_on(conn);
		return;
	}
	conn->phase = SIP_CONN_HANDSHAKE;
	conn->since_ms = worker_now_ms(conn->edge->worker);
	conn->tls = sip_tls_new(cert, conn->fd, conn->listener != NULL,
				conn->listener ? NULL : conn->name);
	if (!conn->tls) {
		sip_conn_close(conn, SIP_END_MEMORY);
		return;
	}
	sip_conn_arm(conn);
	/* Our hello leaves at once; a client's has often come by now. */
	shake_hands(conn);
}

void sip_conn_accepted(struct sip_tp_edge *edge, struct sip_listener *listener, int fd,
		       const struct sip_addr *peer)
{
	struct sip_conn *conn = conn_new(edge, listener->proto, fd, peer);

	if (!conn) {
		metric_add(edge->tp->ended[SIP_END_MEMORY], 1);
		if (edge->tp->limits)
			limit_conn_close(edge->tp->limits, sip_sockaddr(peer));
		close(fd);
		return;
	}
	conn->counted = edge->tp->limits != NULL;
	conn->listener = listener;
	begin(conn);
}

/* Peers that know us by address expect the one that we listen on. */
static void bind_source(struct sip_tp *tp, int fd, const struct sip_dest *dest)
{
	static const int on = 1;
	struct sip_listener *listener = sip_tp_pick(tp, dest->proto, &dest->addr);
	struct sip_addr from;

	if (!listener || listener->is_any)
		return;
	from = listener->addr;
	sip_addr_set_port(&from, 0);
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	/* Where it cannot be had, the routing table chooses. */
	if (bind(fd, &from.any, sip_addr_len(&from)) < 0)
		log_debug(LOG_SIP, "source-not-bound", L_STR("error", strerror(errno)));
}

struct sip_conn *sip_conn_connect(struct sip_tp_edge *edge, const struct sip_dest *dest)
{
	static const int on = 1;
	struct sip_conn *conn;
	int fd, failed;

	/* A WebSocket is opened by its client only (RFC 7118 s5). */
	if ((dest->proto != SIP_TCP && dest->proto != SIP_TLS) || edge->draining ||
	    !sip_addr_port(&dest->addr))
		return NULL;
	fd = socket(dest->addr.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return NULL;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	bind_source(edge->tp, fd, dest);
	failed =
		connect(fd, &dest->addr.any, sip_addr_len(&dest->addr)) < 0 && errno != EINPROGRESS;
	conn = failed ? NULL : conn_new(edge, dest->proto, fd, &dest->addr);
	if (!conn) {
		metric_add(edge->tp->ended[SIP_END_CONNECT], 1);
		close(fd);
		return NULL;
	}
	conn->phase = SIP_CONN_CONNECT;
	if (dest->name[0]) {
		conn->name = strdup(dest->name);
		if (!conn->name) {
			sip_conn_close(conn, SIP_END_MEMORY);
			return NULL;
		}
	}
	sip_flow_hash(conn);
	watch(conn);
	sip_conn_arm(conn);
	return conn;
}

static void finish_connect(struct sip_conn *conn)
{
	int failed = 0;
	socklen_t bytes = sizeof(failed);

	if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &failed, &bytes) < 0 || failed) {
		sip_conn_close(conn, SIP_END_CONNECT);
		return;
	}
	begin(conn);
}

/* ---- reading ---- */

static ssize_t conn_recv(struct sip_conn *conn, char *p, size_t n)
{
	ssize_t got;

	if (conn->tls)
		return sip_tls_recv(conn->tls, p, n);
	do
		got = recv(conn->fd, p, n, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got >= 0)
		return got;
	return errno == EAGAIN || errno == EWOULDBLOCK ? SIP_IO_AGAIN : SIP_IO_FAILED;
}

void sip_conn_deliver(struct sip_conn *conn, struct strv bytes, unsigned broken, const char *why)
{
	struct sip_tp *tp = conn->edge->tp;
	const struct sip_rx rx = {
		.bytes = bytes,
		.proto = (enum sip_proto)conn->proto,
		.source = conn->remote,
		.local = conn->local,
		.flow = conn->flow,
		.tls_name = conn->listener || conn->tls ? conn->name : NULL,
		.broken = broken,
		.broken_why = why,
	};

	conn->got = 1;
	metric_add(tp->received[conn->proto], 1);
	tp->ops.received(tp->ops.arg, &rx);
}

/* Cut messages out of IN; returns how many octets are done with. */
static size_t take_messages(struct sip_conn *conn, struct strv in)
{
	size_t used = 0;

	while (used < in.n) {
		struct sip_framed framed;
		enum sip_frame_result result =
			sip_frame_next(&conn->frame, strv_mem(in.p + used, in.n - used), &framed);

		used += framed.used;
		if (result == SIP_FRAME_MORE)
			return used;
		if (result == SIP_FRAME_MESSAGE) {
			sip_conn_deliver(conn, framed.bytes, 0, NULL);
		} else if (result == SIP_FRAME_PING) {
			if (sip_conn_say(conn, STRV("\r\n")) < 0)
				sip_conn_close_soon(conn, SIP_END_MEMORY);
		} else {
			if (framed.bytes.n)
				sip_conn_deliver(conn, framed.bytes, framed.status, framed.why);
			sip_conn_close_soon(conn, SIP_END_FRAMING);
		}
		/* What stands behind a last message is nobody's. */
		if (conn->phase != SIP_CONN_OPEN || conn->closing)
			return in.n;
	}
	return used;
}

/* Keep what IN holds behind USED until more of it comes. */
static int keep_rest(struct sip_conn *conn, struct strv in, size_t used)
{
	size_t left = in.n - used, room = conn->frame.total;
	int is_kept = conn->in != NULL;
	char *kept;

	if (!left) {
		free(conn->in);
		conn->in = NULL;
		conn->in_n = conn->in_room = 0;
		return 0;
	}
	if (!room) {
		room = 2 * left > KEEP_MIN ? 2 * left : KEEP_MIN;
		if (room > SIP_HEAD_MAX)
			room = SIP_HEAD_MAX;
	}
	if (is_kept && used)
		memmove(conn->in, conn->in + used, left);
	if (room > conn->in_room) {
		kept = realloc(conn->in, room);
		if (!kept)
			return -1;
		conn->in = kept;
		conn->in_room = room;
	}
	if (!is_kept)
		memcpy(conn->in, in.p + used, left);
	conn->in_n = left;
	return left < conn->in_room ? 0 : -1;
}

/* N octets came, at P: in the worker's buffer or behind what is kept. */
static void take_input(struct sip_conn *conn, char *p, size_t n)
{
	struct strv in = strv_mem(p, n);
	size_t used;
	int was_begun = conn->begun;

	if (conn->in) {
		conn->in_n += n;
		in = strv_mem(conn->in, conn->in_n);
	}
	conn->got = 0;
	used = conn->ws ? sip_ws_input(conn->ws, in) : take_messages(conn, in);
	if (conn->phase == SIP_CONN_DEAD)
		return;
	if (keep_rest(conn, in, used) < 0) {
		sip_conn_close(conn, SIP_END_MEMORY);
		return;
	}
	conn->begun = conn->in || (conn->ws && sip_ws_in_message(conn->ws));
	if (conn->phase == SIP_CONN_OPEN && conn->begun && (!was_begun || conn->got)) {
		conn->since_ms = conn->active_ms;
		sip_conn_arm(conn);
	}
}

static void read_some(struct sip_conn *conn)
{
	struct sip_tp_edge *edge = conn->edge;

	conn->active_ms = worker_now_ms(edge->worker);
	for (int i = 0; i < READS_A_TURN || (conn->tls && sip_tls_has_pending(conn->tls)); i++) {
		char *p = conn->in ? conn->in + conn->in_n : edge->read;
		size_t n = conn->in ? conn->in_room - conn->in_n : SIP_READ_BYTES;
		ssize_t got = conn_recv(conn, p, n);

		if (got == SIP_IO_AGAIN)
			return;
		if (got <= 0) {
			sip_conn_close(conn, SIP_END_NORMAL);
			return;
		}
		metric_add(edge->tp->received_bytes[conn->proto], (uint64_t)got);
		if (conn->phase == SIP_CONN_LINGER || conn->closing)
			continue; /* thrown away */
		take_input(conn, p, (size_t)got);
		if (conn->phase == SIP_CONN_DEAD)
			return;
		if ((size_t)got < n && !conn->tls)
			return;
	}
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	struct sip_conn *conn = poll->data;

	if (conn->phase == SIP_CONN_DEAD)
		return;
	if (status < 0)
		conn->events = 0; /* libuv does not watch it any more */
	if (conn->phase == SIP_CONN_CONNECT) {
		finish_connect(conn);
		return;
	}
	if (conn->phase == SIP_CONN_HANDSHAKE) {
		shake_hands(conn);
		return;
	}
	if (events & UV_WRITABLE) {
		conn->blocked = 0;
		mark_dirty(conn);
		watch(conn);
	}
	if ((events & UV_READABLE) || status < 0)
		read_some(conn);
	if (status < 0)
		sip_conn_close(conn, SIP_END_NORMAL);
}

/* ---- writing ---- */

static size_t out_size(const struct sip_tp_out *out)
{
	return out->head_n + sip_buf_size(out->buf);
}

static void append(struct sip_conn *conn, struct sip_tp_out *out)
{
	out->next = NULL;
	if (conn->out) {
		conn->out_last->next = out;
	} else {
		conn->out = out;
		conn->wrote_ms = worker_now_ms(conn->edge->worker);
	}
	conn->out_last = out;
	conn->out_bytes += out_size(out);
	if (conn->phase == SIP_CONN_OPEN || conn->phase == SIP_CONN_UPGRADE)
		mark_dirty(conn);
}

static int is_room(struct sip_conn *conn, size_t n)
{
	if (conn->out_bytes + n <= conn->edge->tp->write_max)
		return 1;
	/* Whoever does not read is let go, at the end of the turn. */
	conn->overflow = 1;
	mark_dirty(conn);
	return 0;
}

void sip_conn_send(struct sip_conn *conn, struct sip_tp_out *out)
{
	struct sip_tp *tp = conn->edge->tp;

	if (conn->phase >= SIP_CONN_LINGER || conn->closing || !is_room(conn, out_size(out))) {
		sip_tp_out_fail(out);
		return;
	}
	metric_add(tp->sent[conn->proto], 1);
	if (tp->ops.sent)
		tp->ops.sent(tp->ops.arg, (enum sip_proto)conn->proto, &conn->local, &conn->remote,
			     out->buf);
	if (conn->ws)
		sip_ws_wrap(out);
	append(conn, out);
}

int sip_conn_say(struct sip_conn *conn, struct strv bytes)
{
	struct sip_buf *buf;
	struct sip_tp_out *out;

	if (conn->phase >= SIP_CONN_LINGER || !is_room(conn, bytes.n))
		return 0;
	buf = sip_buf_copy(bytes);
	out = buf ? sip_tp_out_new(conn->edge, buf, 0) : NULL;
	sip_buf_drop(&buf);
	if (!out)
		return -1;
	append(conn, out);
	return 0;
}

/* The pieces that wait, at most PIECES and MAX octets. Returns how many pieces. */
static int gather(const struct sip_conn *conn, struct iovec iovs[PIECES], size_t max)
{
	size_t skip = conn->out_sent;
	int n = 0;

	for (struct sip_tp_out *out = conn->out; out && n + 2 <= PIECES && max; out = out->next) {
		const struct strv part[2] = { strv_mem(out->head, out->head_n),
					      sip_buf_bytes(out->buf) };

		for (int i = 0; i < 2; i++) {
			size_t size = part[i].n > skip ? part[i].n - skip : 0;

			if (size > max)
				size = max;
			if (size)
				iovs[n++] = (struct iovec){ (char *)part[i].p + skip, size };
			skip = size ? 0 : skip - part[i].n;
			max -= size;
		}
	}
	return n;
}

static ssize_t conn_write(struct sip_conn *conn)
{
	struct iovec iovs[PIECES];
	struct msghdr msg = { .msg_iov = iovs };
	char *record = conn->edge->read;
	size_t n = 0;
	ssize_t sent;

	msg.msg_iovlen = (size_t)gather(conn, iovs, conn->tls ? TLS_RECORD : SIZE_MAX);
	if (conn->tls) {
		for (size_t i = 0; i < msg.msg_iovlen; i++) {
			memcpy(record + n, iovs[i].iov_base, iovs[i].iov_len);
			n += iovs[i].iov_len;
		}
		return sip_tls_send(conn->tls, record, n);
	}
	do
		sent = sendmsg(conn->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return sent;
	return errno == EAGAIN || errno == EWOULDBLOCK ? SIP_IO_AGAIN : SIP_IO_FAILED;
}

static void was_sent(struct sip_conn *conn, size_t n)
{
	conn->out_bytes -= n;
	n += conn->out_sent;
	while (conn->out && n >= out_size(conn->out)) {
		struct sip_tp_out *out = conn->out;

		n -= out_size(out);
		conn->out = out->next;
		sip_tp_out_free(out);
	}
	conn->out_sent = n;
	conn->wrote_ms = worker_now_ms(conn->edge->worker);
}

/* All is written: tell the other side that nothing more comes, and wait for it to end too. */
static void linger(struct sip_conn *conn)
{
	if (conn->tls)
		sip_tls_bye(conn->tls);
	/* A drain does not wait for who would rather stay. */
	if (conn->edge->draining || conn->phase == SIP_CONN_HANDSHAKE ||
	    conn->phase == SIP_CONN_CONNECT || shutdown(conn->fd, SHUT_WR) < 0) {
		sip_conn_close(conn, SIP_END_NORMAL);
		return;
	}
	conn->phase = SIP_CONN_LINGER;
	conn->since_ms = worker_now_ms(conn->edge->worker);
	watch(conn);
	sip_conn_arm(conn);
}

static void flush_conn(struct sip_conn *conn)
{
	if (conn->overflow) {
		sip_conn_close(conn, SIP_END_BACKLOG);
		return;
	}
	if (conn->closing && conn->phase < SIP_CONN_UPGRADE) {
		sip_conn_close(conn, SIP_END_NORMAL);
		return;
	}
	if (conn->phase != SIP_CONN_OPEN && conn->phase != SIP_CONN_UPGRADE)
		return;
	while (conn->out && !conn->blocked) {
		ssize_t sent = conn_write(conn);

		if (sent > 0) {
			metric_add(conn->edge->tp->sent_bytes[conn->proto], (uint64_t)sent);
			was_sent(conn, (size_t)sent);
		} else if (sent == SIP_IO_AGAIN) {
			conn->blocked = 1;
			watch(conn);
			sip_conn_arm(conn);
		} else {
			sip_conn_close(conn, SIP_END_NORMAL);
			return;
		}
	}
	if (!conn->out && conn->closing)
		linger(conn);
}

static void conn_free(struct sip_conn *conn)
{
	sip_ws_free(&conn->ws);
	sip_tls_free(&conn->tls);
	free(conn->name);
	free(conn->in);
	free(conn);
}

void sip_conns_flush(struct sip_tp_edge *edge)
{
	while (edge->dirty) {
		struct sip_conn *conn = edge->dirty;

		edge->dirty = conn->dirty_next;
		conn->dirty = 0;
		if (conn->closed)
			conn_free(conn);
		else if (conn->phase != SIP_CONN_DEAD)
			flush_conn(conn);
	}
}

/* ---- ending ---- */

static const char *const cause_names[SIP_ENDS] = {
	"normal",      "connections", "source-connections",
	"descriptors", "memory",      "idle",
	"slow",	       "backlog",     "framing",
	"tls",	       "websocket",   "connect",
};

const char *sip_end_name(enum sip_tp_cause cause)
{
	return cause_names[cause];
}

/* The handle is out of the loop; nobody up the stack uses the connection any more. */
static void on_closed(uv_handle_t *handle)
{
	struct sip_conn *conn =
		(struct sip_conn *)((char *)handle - offsetof(struct sip_conn, poll));
	struct sip_tp_edge *edge = conn->edge;

	if (conn->dirty)
		conn->closed = 1;
	else
		conn_free(conn);
	sip_tp_handle_gone(edge);
}

static void log_end(const struct sip_conn *conn, enum sip_tp_cause cause)
{
	char peer[SIP_ADDR_TEXT];

	log_debug(LOG_SIP, "connection-closed",
		  L_STR("transport", sip_proto_name((enum sip_proto)conn->proto)),
		  L_STR("peer", sip_addr_print(&conn->remote, peer)),
		  L_STR("cause", sip_end_name(conn->closing ? conn->end : cause)));
}

void sip_conn_close_soon(struct sip_conn *conn, enum sip_tp_cause cause)
{
	if (conn->closing || conn->phase >= SIP_CONN_LINGER)
		return;
	conn->closing = 1; /* first: what is said now may fail and come here again */
	if (conn->ws && conn->phase == SIP_CONN_OPEN)
		sip_ws_bye(conn->ws, 1001);
	conn->end = (unsigned char)cause;
	if (cause != SIP_END_NORMAL)
		metric_add(conn->edge->tp->ended[cause], 1);
	mark_dirty(conn);
}

void sip_conn_close(struct sip_conn *conn, enum sip_tp_cause cause)
{
	struct sip_tp_edge *edge = conn->edge;
	struct sip_tp *tp = edge->tp;

	if (conn->phase == SIP_CONN_DEAD)
		return;
	log_end(conn, cause);
	metric_move(tp->conns[conn->proto], -1);
	if (cause != SIP_END_NORMAL)
		metric_add(tp->ended[cause], 1);
	conn->phase = SIP_CONN_DEAD;
	*conn->link = conn->next;
	if (conn->next)
		conn->next->link = conn->link;
	edge->n_conns--;
	sip_flow_unhash(conn);
	sip_flow_give_back(conn);
	worker_timer_clear(edge->worker, &conn->timer);
	while (conn->out) {
		struct sip_tp_out *out = conn->out;

		conn->out = out->next;
		sip_tp_out_fail(out);
	}
	/* The loop's epoll set is told here, so the descriptor must still be ours. */
	uv_close((uv_handle_t *)&conn->poll, on_closed);
	close(conn->fd);
	if (conn->counted)
		limit_conn_close(tp->limits, sip_sockaddr(&conn->remote));
	if (tp->ops.flow_closed && !atomic_load(&tp->over))
		tp->ops.flow_closed(tp->ops.arg, conn->flow);
	sip_doors_conn_gone(edge);
	sip_tp_check_drained(edge);
}
