/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_udp.c - datagrams, in batches
 *
 * A readable socket gives up to 64 datagrams by one recvmmsg; what they cause to be sent, and what
 * else the turn of the loop makes, leaves by one sendmmsg a socket at the turn's end. A datagram
 * that the kernel has no room for is lost, as on any other hop.
 *
 * A socket for every address of the machine is told where each datagram was sent to, so that the
 * answer leaves from there (RFC 3581 s4). ICMP errors fail the recent requests to their target (RFC
 * 3261 s18.4).
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "sip/sip_stun.h"
#include "sip/sip_tp_priv.h"

enum {
	DATAGRAM = 65536,	  /* a datagram's room; */
	STRIDE = DATAGRAM + 1344, /* not a power of two, or all of them would share cache lines */
	SOCKET_BYTES = 4 << 20,
	ERRORS_A_TURN = 64,
};

union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct sip_udp_mem {
	struct mmsghdr msgs[SIP_UDP_BATCH];
	struct iovec iovs[SIP_UDP_BATCH];
	struct sip_addr addrs[SIP_UDP_BATCH];
	union control controls[SIP_UDP_BATCH];
	char *room; /* touched only as far as datagrams are long */
};

int sip_udp_open(struct sip_tp_edge *edge, struct err *err)
{
	edge->udp = calloc(1, sizeof(*edge->udp));
	if (edge->udp)
		edge->udp->room = malloc((size_t)SIP_UDP_BATCH * STRIDE);
	if (!edge->udp || !edge->udp->room)
		return err_set(err, ERR_NOMEM, "no memory for datagrams");
	return 0;
}

void sip_udp_close(struct sip_tp_edge *edge)
{
	for (unsigned i = 0; i < edge->n_udp_out; i++)
		sip_buf_drop(&edge->udp_out[i].buf);
	edge->n_udp_out = 0;
	if (edge->udp)
		free(edge->udp->room);
	free(edge->udp);
	edge->udp = NULL;
}

void sip_udp_tune(int fd, int family, int is_any)
{
	static const int on = 1, bytes = SOCKET_BYTES;

	/* Bursts wait here while a worker is busy. The first asks for more than the system's limit,
	 * which takes a privilege; failing is fine. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	if (family == AF_INET6) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
		if (is_any)
			setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	} else {
		setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
		if (is_any)
			setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	}
}

/* ---- receiving ---- */

unsigned short sip_udp_home(struct sip_tp *tp, struct sip_listener *listener,
			    const struct sip_addr *addr)
{
	unsigned n = atomic_load(&tp->n_homes), i;

	for (i = 0; i < n; i++)
		if (tp->homes[i].listener == listener && sip_addr_eq(&tp->homes[i].addr, addr))
			return (unsigned short)(i + 1);
	pthread_mutex_lock(&tp->homes_lock);
	for (n = atomic_load(&tp->n_homes); i < n; i++) /* what another worker added meanwhile */
		if (tp->homes[i].listener == listener && sip_addr_eq(&tp->homes[i].addr, addr))
			break;
	if (i == n && n < SIP_HOMES_MAX) {
		tp->homes[n] = (struct sip_home){ listener, *addr };
		atomic_store(&tp->n_homes, n + 1);
	}
	pthread_mutex_unlock(&tp->homes_lock);
	return i < SIP_HOMES_MAX ? (unsigned short)(i + 1) : 0;
}

/* The address that a datagram was sent to. */
static void find_local(struct sip_tp *tp, struct msghdr *msg, struct sip_listener *listener,
		       struct sip_rx *rx)
{
	rx->local = listener->addr;
	if (!listener->is_any) {
		rx->home = listener->home;
		return;
	}
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			rx->local.v4.sin_addr = info.ipi_addr;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			rx->local.v6.sin6_addr = info.ipi6_addr;
		}
	}
	rx->home = sip_udp_home(tp, listener, &rx->local);
}

/* Nothing but line ends or a few octets that hold a NAT's binding open. */
static int is_keep_alive(struct strv bytes)
{
	if (bytes.n <= 4)
		return 1;
	while (bytes.n && (bytes.p[0] == '\r' || bytes.p[0] == '\n')) {
		bytes.p++;
		bytes.n--;
	}
	return bytes.n == 0;
}

static void answer_stun(struct sip_door *door, const struct sip_rx *rx)
{
	unsigned char answer[SIP_STUN_ANSWER_MAX];
	const struct sip_dest dest = { .proto = SIP_UDP, .addr = rx->source, .home = rx->home };
	size_t n = sip_stun_answer(rx->bytes, &rx->source, answer);
	struct sip_buf *buf = n ? sip_buf_copy(strv_mem(answer, n)) : NULL;

	if (buf)
		sip_udp_send(door->edge, &dest, buf, 0);
	sip_buf_drop(&buf);
}

static void take(struct sip_door *door, struct mmsghdr *got)
{
	struct sip_tp *tp = door->edge->tp;
	struct sip_rx rx = {
		.bytes = strv_mem(got->msg_hdr.msg_iov->iov_base, got->msg_len),
		.proto = SIP_UDP,
		.source = *(const struct sip_addr *)got->msg_hdr.msg_name,
	};

	/* Nobody can be answered at port 0. */
	if ((got->msg_hdr.msg_flags & MSG_TRUNC) || is_keep_alive(rx.bytes) ||
	    !sip_addr_port(&rx.source))
		return;
	find_local(tp, &got->msg_hdr, door->listener, &rx);
	if (sip_stun_may_be(rx.bytes)) {
		answer_stun(door, &rx);
		return;
	}
	tp->ops.received(tp->ops.arg, &rx);
}

static void prepare(struct sip_udp_mem *mem, int want_control)
{
	for (unsigned i = 0; i < SIP_UDP_BATCH; i++) {
		mem->iovs[i] = (struct iovec){ mem->room + (size_t)i * STRIDE, DATAGRAM };
		mem->msgs[i].msg_hdr = (struct msghdr){
			.msg_name = &mem->addrs[i],
			.msg_namelen = sizeof(mem->addrs[i]),
			.msg_iov = &mem->iovs[i],
			.msg_iovlen = 1,
			.msg_control = want_control ? &mem->controls[i] : NULL,
			.msg_controllen = want_control ? sizeof(mem->controls[i]) : 0,
		};
	}
}

/* Requests that this worker sent to TO lately will not be answered. Returns how many. */
static unsigned fail_recent(struct sip_tp_edge *edge, const struct sip_addr *to)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SIP_UDP_RECENT; i++) {
		struct sip_tp_out *out;

		if (!edge->recent[i].cookie || !sip_addr_eq(&edge->recent[i].to, to))
			continue;
		n++;
		out = sip_tp_out_new(edge, NULL, edge->recent[i].cookie);
		edge->recent[i].cookie = 0;
		if (out)
			sip_tp_out_fail(out);
	}
	return n;
}

struct unreachable {
	struct post post; /* first */
	struct sip_tp *tp;
	unsigned worker;
	struct sip_addr to;
};

static void on_unreachable(struct post *post)
{
	struct unreachable *told = (struct unreachable *)post;

	if (!atomic_load(&told->tp->over))
		fail_recent(&told->tp->edges[told->worker], &told->to);
	sip_tp_drop(told->tp);
	free(told);
}

/* The kernel gives an error to any one socket of the port: its request may be another worker's. */
static void tell_others(struct sip_tp_edge *edge, const struct sip_addr *to)
{
	struct sip_tp *tp = edge->tp;

	for (unsigned i = 0; i < tp->n_edges; i++) {
		struct unreachable *told;

		if (&tp->edges[i] == edge)
			continue;
		told = calloc(1, sizeof(*told));
		if (!told)
			return;
		*told = (struct unreachable){
			.post.run = on_unreachable, .tp = tp, .worker = i, .to = *to
		};
		atomic_fetch_add(&tp->refs, 1);
		worker_post(tp->edges[i].worker, &told->post);
	}
}

static void read_errors(struct sip_door *door)
{
	for (int i = 0; i < ERRORS_A_TURN; i++) {
		struct sip_addr to;
		char octet;
		union {
			struct cmsghdr align;
			char room[512];
		} control;
		struct iovec iov = { &octet, 1 };
		struct msghdr msg = { .msg_name = &to,
				      .msg_namelen = sizeof(to),
				      .msg_iov = &iov,
				      .msg_iovlen = 1,
				      .msg_control = &control,
				      .msg_controllen = sizeof(control) };

		memset(&to, 0, sizeof(to));
		if (recvmsg(door->fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			return;
		if (msg.msg_namelen && !fail_recent(door->edge, &to))
			tell_others(door->edge, &to);
	}
}

void sip_udp_error(struct sip_door *door)
{
	int failed;
	socklen_t bytes = sizeof(failed);

	read_errors(door);
	getsockopt(door->fd, SOL_SOCKET, SO_ERROR, &failed, &bytes);
}

void sip_udp_readable(struct sip_door *door)
{
	struct sip_tp_edge *edge = door->edge;
	struct sip_udp_mem *mem = edge->udp;
	uint64_t bytes = 0;
	int n;

	prepare(mem, door->listener->is_any);
	n = recvmmsg(door->fd, mem->msgs, SIP_UDP_BATCH, MSG_DONTWAIT, NULL);
	if (n < 0) {
		/* An ICMP error shows once as the socket's own, and in its queue. */
		if (errno != EAGAIN && errno != EINTR)
			read_errors(door);
		return;
	}
	for (int i = 0; i < n; i++) {
		bytes += mem->msgs[i].msg_len;
		take(door, &mem->msgs[i]);
		if (edge->closed)
			break;
	}
	metric_add(edge->tp->received[SIP_UDP], (uint64_t)n);
	metric_add(edge->tp->received_bytes[SIP_UDP], bytes);
	metric_add(edge->tp->udp_reads, 1);
}

/* ---- sending ---- */

static struct sip_door *door_of(struct sip_tp_edge *edge, const struct sip_listener *listener)
{
	for (unsigned i = 0; i < edge->n_doors; i++)
		if (edge->doors[i].listener == listener)
			return edge->doors[i].fd >= 0 ? &edge->doors[i] : NULL;
	return NULL;
}

/* The address of ours that DEST wants to be sent from; NULL: it does not say. */
static const struct sip_home *home_of(struct sip_tp *tp, const struct sip_dest *dest)
{
	const struct sip_home *home;

	if (!dest->home || dest->home > atomic_load(&tp->n_homes))
		return NULL;
	home = &tp->homes[dest->home - 1];
	return home->addr.any.sa_family == dest->addr.any.sa_family ? home : NULL;
}

void sip_udp_send(struct sip_tp_edge *edge, const struct sip_dest *dest, struct sip_buf *buf,
		  uint64_t cookie)
{
	const struct sip_home *home = home_of(edge->tp, dest);
	struct sip_door *door =
		door_of(edge, home ? home->listener : sip_tp_pick(edge->tp, SIP_UDP, &dest->addr));
	struct sip_udp_out *item;

	if (!door) {
		struct sip_tp_out *out = cookie ? sip_tp_out_new(edge, NULL, cookie) : NULL;

		if (out)
			sip_tp_out_fail(out);
		return;
	}
	if (edge->n_udp_out == SIP_UDP_BATCH)
		sip_udp_flush(edge);
	item = &edge->udp_out[edge->n_udp_out++];
	item->door = door;
	item->buf = sip_buf_hold(buf);
	item->to = dest->addr;
	item->from = door->listener->addr;
	if (home)
		item->from = home->addr;
	else if (door->listener->is_any)
		item->from.any.sa_family = AF_UNSPEC;
	item->cookie = cookie;
}

/* Let the datagram leave from the address that its question came to. */
static void set_source(struct msghdr *msg, union control *control, const struct sip_addr *from)
{
	struct cmsghdr *c;

	if (from->any.sa_family == AF_UNSPEC)
		return;
	memset(control, 0, sizeof(*control));
	msg->msg_control = control;
	if (from->any.sa_family == AF_INET) {
		struct in_pktinfo info = { .ipi_spec_dst = from->v4.sin_addr };

		msg->msg_controllen = CMSG_SPACE(sizeof(info));
		c = CMSG_FIRSTHDR(msg);
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	} else {
		struct in6_pktinfo info = { .ipi6_addr = from->v6.sin6_addr };

		msg->msg_controllen = CMSG_SPACE(sizeof(info));
		c = CMSG_FIRSTHDR(msg);
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	}
}

static void remember(struct sip_tp_edge *edge, const struct sip_udp_out *item)
{
	unsigned at = edge->n_recent++ % SIP_UDP_RECENT;

	edge->recent[at].to = item->to;
	edge->recent[at].cookie = item->cookie;
}

/* Item I could not be sent; the reason is errno. */
static void lose(struct sip_tp_edge *edge, struct sip_udp_out *item)
{
	struct sip_tp_out *out = NULL;

	metric_add(edge->tp->udp_lost, 1);
	/* No room now is like a loss on the way: a retransmission mends it. */
	if (errno != EAGAIN && errno != ENOBUFS && item->cookie)
		out = sip_tp_out_new(edge, NULL, item->cookie);
	if (out)
		sip_tp_out_fail(out);
}

/* Send N of one socket. */
static void send_group(struct sip_tp_edge *edge, struct sip_udp_out *items, unsigned n)
{
	struct mmsghdr msgs[SIP_UDP_BATCH];
	struct iovec iovs[SIP_UDP_BATCH];
	union control controls[SIP_UDP_BATCH];
	struct sip_door *door = items[0].door;
	unsigned done = 0, retried = 0;

	for (unsigned i = 0; i < n; i++) {
		iovs[i] = (struct iovec){ sip_buf_data(items[i].buf), sip_buf_size(items[i].buf) };
		msgs[i].msg_hdr = (struct msghdr){ .msg_name = &items[i].to,
						   .msg_namelen = sip_addr_len(&items[i].to),
						   .msg_iov = &iovs[i],
						   .msg_iovlen = 1 };
		if (door->listener->is_any)
			set_source(&msgs[i].msg_hdr, &controls[i], &items[i].from);
		if (items[i].cookie)
			remember(edge, &items[i]);
	}
	while (done < n) {
		int sent = sendmmsg(door->fd, msgs + done, n - done, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent > 0) {
			done += (unsigned)sent;
			retried = 0;
		} else if (errno == EINTR) {
			continue;
		} else if (errno != EAGAIN && !retried) {
			/* It may be the ICMP error of an earlier one, reported here. */
			retried = 1;
			read_errors(door);
		} else {
			lose(edge, &items[done++]);
			retried = 0;
		}
	}
}

static void account(struct sip_tp_edge *edge)
{
	struct sip_tp *tp = edge->tp;
	uint64_t bytes = 0;

	for (unsigned i = 0; i < edge->n_udp_out; i++) {
		struct sip_udp_out *item = &edge->udp_out[i];

		bytes += sip_buf_size(item->buf);
		if (tp->ops.sent)
			tp->ops.sent(tp->ops.arg, SIP_UDP,
				     item->from.any.sa_family != AF_UNSPEC
					     ? &item->from
					     : &item->door->listener->addr,
				     &item->to, item->buf);
	}
	metric_add(tp->sent[SIP_UDP], edge->n_udp_out);
	metric_add(tp->sent_bytes[SIP_UDP], bytes);
}

void sip_udp_flush(struct sip_tp_edge *edge)
{
	unsigned n = edge->n_udp_out, first = 0;

	if (!n)
		return;
	account(edge);
	for (unsigned i = 1; i <= n; i++)
		if (i == n || edge->udp_out[i].door != edge->udp_out[first].door) {
			if (edge->udp_out[first].door->fd >= 0)
				send_group(edge, &edge->udp_out[first], i - first);
			first = i;
		}
	for (unsigned i = 0; i < n; i++)
		sip_buf_drop(&edge->udp_out[i].buf);
	edge->n_udp_out = 0;
}
