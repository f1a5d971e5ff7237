/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_tp_priv.h - what the files of the transport share
 *
 * One edge a worker: its sockets, its connections, what waits to be sent. Everything of an edge
 * belongs to its worker, but the generations of its flows, which any thread may look at. Nothing is
 * written at once: what a turn of the loop made to be sent leaves at its end, so that sending never
 * calls back into the sender.
 */
#ifndef SIP_SIP_TP_PRIV_H
#define SIP_SIP_TP_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "base/log.h"
#include "base/metrics.h"
#include "base/tls.h"
#include "sip/sip_frame.h"
#include "sip/sip_tp.h"

enum {
	SIP_LISTENS_MAX = 32,
	SIP_CONNS_MAX = 1 << 24, /* as many as the number of a flow can tell */
	SIP_UDP_BATCH = 64,
	SIP_UDP_RECENT = 256, /* cookies that an ICMP error may belong to */
	SIP_READ_BYTES = 65536,
	SIP_HOMES_MAX = 256, /* addresses of ours that datagrams came to */
	SIP_LOCALS = 64,     /* remembered answers of the routing table */
};

/* Why a connection was not let in, or ended. */
enum sip_tp_cause {
	SIP_END_NORMAL, /* by the peer, or because we wanted to */
	SIP_END_CONNECTIONS,
	SIP_END_SOURCE,
	SIP_END_DESCRIPTORS,
	SIP_END_MEMORY,
	SIP_END_IDLE,
	SIP_END_SLOW,
	SIP_END_BACKLOG,
	SIP_END_FRAMING,
	SIP_END_TLS,
	SIP_END_WEBSOCKET,
	SIP_END_CONNECT,
	SIP_ENDS
};

struct sip_tls; /* sip_tls.c, of one connection */
struct sip_ws;	/* sip_ws.c, of one connection */

struct sip_listener {
	unsigned index;
	enum sip_proto proto;
	struct sip_addr addr, advertised; /* the latter AF_UNSPEC: none */
	int is_any;			  /* every address of the machine */
	unsigned short home;		  /* of UDP, unless is_any */
	struct tls_cert *cert;		  /* TLS and WSS */
};

/* A socket of a listener on one worker: UDP, or one that accepts. */
struct sip_door {
	struct sip_tp_edge *edge;
	struct sip_listener *listener;
	int fd;
	int has_poll;
	uv_poll_t poll;
};

/* What is to be sent on a stream. Allocated where it is asked for; goes by post to the worker of
 * its flow, and back when it fails. */
struct sip_tp_out {
	struct post post; /* first */
	struct sip_tp_out *next;
	struct sip_tp *tp; /* held while it is posted */
	struct sip_buf *buf;
	uint64_t flow, cookie;
	unsigned char head[10]; /* of a WebSocket frame */
	unsigned char head_n;
	unsigned char from; /* index of the worker that asked */
};

enum sip_conn_phase {
	SIP_CONN_CONNECT,
	SIP_CONN_HANDSHAKE, /* TLS */
	SIP_CONN_UPGRADE,   /* WebSocket */
	SIP_CONN_OPEN,
	SIP_CONN_LINGER, /* all is said; what still comes is thrown away, so that no reset
			  * overtakes our last words */
	SIP_CONN_DEAD,	 /* freed by the loop's next turn */
};

struct sip_conn {
	struct sip_conn *next, **link; /* of the edge */
	struct sip_conn *dirty_next;
	struct sip_conn *hash_next;
	struct sip_tp_edge *edge;
	struct sip_listener *listener; /* NULL: we opened it */
	struct sip_tls *tls;
	struct sip_ws *ws;
	char *name; /* expected of the server, or verified of the client; NULL: none */
	uv_poll_t poll;
	struct wheel_timer timer;
	uint64_t flow;
	uint64_t since_ms; /* the phase, or the message, or the wait to write began */
	uint64_t active_ms;
	uint64_t wrote_ms;
	unsigned keep_ms; /* 0: as the options say */
	int fd;
	struct sip_addr remote, local;
	struct sip_addr reach; /* the destination it serves, when hashed */
	unsigned char proto, phase;
	unsigned dirty : 1;    /* in the edge's list */
	unsigned hashed : 1;   /* found by its destination */
	unsigned counted : 1;  /* by the limit of its source */
	unsigned blocked : 1;  /* the socket takes no more */
	unsigned closing : 1;  /* linger once all is written */
	unsigned overflow : 1; /* more waits than may */
	unsigned begun : 1;    /* a message is under way */
	unsigned got : 1;      /* one was whole since the last look */
	unsigned closed : 1;   /* the loop has let go of it, the edge's list not yet */
	unsigned char events;  /* that the loop watches */
	unsigned char end;     /* enum sip_tp_cause of closing */
	char *in;	       /* the beginning of a message; NULL when there is none */
	size_t in_n, in_room;
	struct sip_frame frame;
	struct sip_tp_out *out, *out_last;
	size_t out_bytes, out_sent; /* all that waits; sent of the first */
};

struct sip_slot {
	_Atomic uint32_t turn; /* odd: in use */
	uint32_t next_free;    /* index plus 1 */
	struct sip_conn *conn;
};

/* An address of ours that datagrams come to: a UDP listener's own, or, where it listens on all, one
 * that was seen. Its index plus 1 is its number, for all workers. */
struct sip_home {
	struct sip_listener *listener;
	struct sip_addr addr;
};

/* A datagram that waits for the end of the turn. */
struct sip_udp_out {
	struct sip_door *door;
	struct sip_buf *buf;
	struct sip_addr to, from; /* FROM AF_UNSPEC: as the routing table says */
	uint64_t cookie;
};

struct sip_local {
	struct sip_addr to, local; /* port 0 */
	uint64_t until_ms;
};

struct sip_udp_mem; /* sip_udp.c: buffers of a batch */

struct sip_tp_edge {
	struct sip_tp *tp;
	struct worker *worker;
	struct sip_door *doors;
	unsigned n_doors;
	int paused; /* accepting, since descriptors or memory ran out */
	uint64_t pause_logged_ms;
	struct wheel_timer pause_timer;

	struct sip_udp_mem *udp;
	struct sip_udp_out udp_out[SIP_UDP_BATCH];
	unsigned n_udp_out;
	struct {
		struct sip_addr to;
		uint64_t cookie;
	} recent[SIP_UDP_RECENT];
	unsigned n_recent;

	struct sip_conn *conns, *dirty;
	unsigned n_conns;
	struct sip_slot *slots;
	uint32_t free_slot; /* index plus 1 */
	struct sip_conn **by_dest;
	unsigned dest_mask;
	char *read; /* SIP_READ_BYTES, for whoever reads now */

	int route_fd[2]; /* asks the routing table, IPv4 and IPv6 */
	struct sip_local locals[SIP_LOCALS];

	uv_prepare_t turn_end;
	int has_turn_end;
	struct post drain_post;
	struct wheel_timer drain_timer;
	int draining, closed;
	unsigned open_handles;
};

struct sip_tp {
	struct workers *workers;
	struct limits *limits;
	struct sip_tp_ops ops;
	struct tls_cert *client_cert; /* trust for connections that we open */
	unsigned max_conns, idle_ms, message_ms, connect_ms;
	size_t write_max;
	struct sip_listener *listeners;
	unsigned n_listeners;
	struct sip_home homes[SIP_HOMES_MAX]; /* only added to */
	_Atomic unsigned n_homes;
	pthread_mutex_t homes_lock; /* of adding */
	struct sip_tp_edge *edges;
	unsigned n_edges;
	int started;
	_Atomic unsigned refs; /* its owner's, and one a post under way */
	_Atomic int over;      /* its owner has freed it */
	_Atomic int draining;
	_Atomic unsigned edges_left;
	unsigned drain_ms;
	void (*drained)(void *arg);
	void *drained_arg;
	uint64_t seed;
	struct metric *conns[SIP_PROTOS], *received[SIP_PROTOS], *sent[SIP_PROTOS],
		*received_bytes[SIP_PROTOS], *sent_bytes[SIP_PROTOS], *ended[SIP_ENDS], *udp_lost,
		*udp_reads;
};

static inline const struct sockaddr *sip_sockaddr(const struct sip_addr *addr)
{
	return &addr->any;
}

/* sip_tp.c */
void sip_tp_close_handle(struct sip_tp_edge *edge, uv_handle_t *handle);
void sip_tp_handle_gone(struct sip_tp_edge *edge);
void sip_tp_check_drained(struct sip_tp_edge *edge);
/* The listener that reaches ADDR by PROTO; NULL: none. */
struct sip_listener *sip_tp_pick(struct sip_tp *tp, enum sip_proto proto,
				 const struct sip_addr *addr);
/* Tell who asked, on its worker, that COOKIE failed; OUT is given away. */
void sip_tp_out_fail(struct sip_tp_out *out);
void sip_tp_out_post(struct sip_tp_out *out, unsigned worker, void (*run)(struct post *post));
void sip_tp_drop(struct sip_tp *tp);
void sip_tp_out_free(struct sip_tp_out *out);
struct sip_tp_out *sip_tp_out_new(struct sip_tp_edge *from, struct sip_buf *buf, uint64_t cookie);

/* sip_door.c */
int sip_listener_open(struct sip_tp *tp, struct sip_listener *listener,
		      const struct sip_listen *spec, struct err *err);
void sip_doors_open(struct sip_tp_edge *edge); /* begin to receive and accept */
void sip_doors_close(struct sip_tp_edge *edge, int streams_only);
void sip_doors_conn_gone(struct sip_tp_edge *edge);
int sip_door_watch(struct sip_door *door, struct err *err);

/* sip_udp.c */
int sip_udp_open(struct sip_tp_edge *edge, struct err *err);
void sip_udp_close(struct sip_tp_edge *edge);
void sip_udp_tune(int fd, int family, int is_any);
/* The number of ADDR, which datagrams to LISTENER come to; 0: too many are known. */
unsigned short sip_udp_home(struct sip_tp *tp, struct sip_listener *listener,
			    const struct sip_addr *addr);
void sip_udp_readable(struct sip_door *door);
void sip_udp_error(struct sip_door *door); /* take what the kernel has to say */
void sip_udp_send(struct sip_tp_edge *edge, const struct sip_dest *dest, struct sip_buf *buf,
		  uint64_t cookie);
void sip_udp_flush(struct sip_tp_edge *edge);

/* sip_flow.c */
int sip_flows_open(struct sip_tp_edge *edge, struct err *err);
void sip_flows_close(struct sip_tp_edge *edge);
/* Give CONN a flow. 0, or -1: all are in use. */
int sip_flow_take(struct sip_conn *conn);
void sip_flow_give_back(struct sip_conn *conn);
struct sip_conn *sip_flow_find(struct sip_tp_edge *edge, uint64_t flow); /* NULL: gone */
void sip_flow_hash(struct sip_conn *conn); /* let it be found by its destination */
void sip_flow_unhash(struct sip_conn *conn);
struct sip_conn *sip_flow_by_dest(struct sip_tp_edge *edge, const struct sip_dest *dest);

/* sip_conn.c */
/* FD, just accepted, is the connection's from here on, also when it fails. */
void sip_conn_accepted(struct sip_tp_edge *edge, struct sip_listener *listener, int fd,
		       const struct sip_addr *peer);
struct sip_conn *sip_conn_connect(struct sip_tp_edge *edge, const struct sip_dest *dest);
/* OUT is given away. */
void sip_conn_send(struct sip_conn *conn, struct sip_tp_out *out);
/* Octets of the transport's own (a pong, a close frame), as they are. -1: no memory. */
int sip_conn_say(struct sip_conn *conn, struct strv bytes);
void sip_conn_close_soon(struct sip_conn *conn, enum sip_tp_cause cause);
void sip_conn_close(struct sip_conn *conn, enum sip_tp_cause cause);
const char *sip_end_name(enum sip_tp_cause cause);
void sip_conns_flush(struct sip_tp_edge *edge);
void sip_conn_arm(struct sip_conn *conn);    /* its deadline may have come nearer */
void sip_conn_opened(struct sip_conn *conn); /* the WebSocket's upgrade is done */
/* Hand one message up. */
void sip_conn_deliver(struct sip_conn *conn, struct strv bytes, unsigned broken, const char *why);

/* Results of reading and writing: octets, 0 at the end of the stream, or */
enum { SIP_IO_AGAIN = -1, SIP_IO_FAILED = -2 };

/* sip_tls.c */
/* A session over FD; NAME, borrowed, is expected of the server, NULL or "": any. NULL: no memory.
 */
struct sip_tls *sip_tls_new(struct tls_cert *cert, int fd, int is_server, const char *name);
void sip_tls_free(struct sip_tls **tls);
/* 1 done, SIP_IO_AGAIN, SIP_IO_FAILED with WHY_OUT. */
int sip_tls_handshake(struct sip_tls *tls, const char **why_out);
int sip_tls_wants_write(struct sip_tls *tls);
ssize_t sip_tls_recv(struct sip_tls *tls, char *p, size_t n);
ssize_t sip_tls_send(struct sip_tls *tls, const char *p, size_t n);
int sip_tls_has_pending(struct sip_tls *tls);
void sip_tls_bye(struct sip_tls *tls);
/* The verified names of the other side, for the caller to free; NULL: none. */
char *sip_tls_take_names(struct sip_tls *tls);

/* sip_ws.c */
struct sip_ws *sip_ws_new(struct sip_conn *conn);
void sip_ws_free(struct sip_ws **ws);
/* Octets came; returns how many are done with. */
size_t sip_ws_input(struct sip_ws *ws, struct strv in);
int sip_ws_in_message(const struct sip_ws *ws); /* a frame or message has begun */
/* Put the frame's head in front of OUT. */
void sip_ws_wrap(struct sip_tp_out *out);
/* Say that it ends, once; CODE 0: without a reason (RFC 6455 s7.4). */
void sip_ws_bye(struct sip_ws *ws, unsigned code);

#endif
