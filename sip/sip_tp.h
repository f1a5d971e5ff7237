/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_tp.h - transport: UDP, TCP, TLS, WebSocket; framed octets in, octets out (RFC 3261 s18)
 *
 * One struct for the process, one set of sockets a worker (SO_REUSEPORT). What is received is one
 * framed message that nobody has looked into; what is sent is told by a destination. The trust
 * domain, the meaning of messages and retransmission are others' work.
 *
 * UDP: recvmmsg up to 64, all handled, one sendmmsg at the end of the loop's turn. STUN Binding
 * requests are answered (RFC 5626 s4.4.2). Streams: framed
 * the same however they are cut; CRLF CRLF is answered by CRLF (RFC 5626 s4.4.1); idle and slow
 * ones are closed; connections to the same place are used again.
 */
#ifndef SIP_SIP_TP_H
#define SIP_SIP_TP_H

#include <stdint.h>

#include "base/err.h"
#include "base/limit.h"
#include "base/worker.h"
#include "sip/sip_addr.h"
#include "sip/sip_buf.h"

struct sip_tp;

struct sip_listen {
	enum sip_proto proto;
	const char *address; /* numeric */
	uint16_t port;	     /* 0: one is chosen, the same for all workers; sip_tp_port tells */
	const char *cert_file, *key_file; /* PEM; TLS and WSS */
	const char *client_ca_file;	  /* NULL: clients are not asked for a certificate */
	const char *advertised;		  /* numeric address by which we are reached from outside
					   * (behind a NAT); NULL: the socket's own */
};

struct sip_rx {
	struct strv bytes; /* valid during the call */
	enum sip_proto proto;
	struct sip_addr source, local;
	uint64_t flow; /* 0 over UDP */
	unsigned short
		home; /* of LOCAL, for sip_dest; never 0 over UDP but when too many are known */
	const char *tls_name; /* a verified certificate's names: see sip_tls_name_matches; NULL:
			       * none */
	/* Not 0: a stream's framing is lost, and the connection ends when what is sent now is out.
	 * BYTES is what is legible (perhaps nothing), to be answered with this status: 400, 413 or
	 * 513; it is no message whatever the fence says. */
	unsigned broken;
	const char *broken_why; /* a few words for it */
};

/* What transport tells. Called on the worker that owns the socket. */
struct sip_tp_ops {
	void (*received)(void *arg, const struct sip_rx *rx);
	/* What COOKIE was given with could not be sent or its connection ended first; on the worker
	 * that called sip_tp_send. Not for UDP, but for an ICMP error that the kernel reports. */
	void (*failed)(void *arg, uint64_t cookie);
	/* A connection is gone: bindings to its flow are dead (RFC 5626 s4.4). May be NULL. */
	void (*flow_closed)(void *arg, uint64_t flow);
	/* One datagram or message that goes out, for capture (HEPv3) and the trace; may be NULL. */
	void (*sent)(void *arg, enum sip_proto proto, const struct sip_addr *local,
		     const struct sip_addr *remote, struct sip_buf *buf);
	void *arg;
};

struct sip_tp_options {
	const struct sip_listen *listens;
	unsigned n_listens;
	struct limits *limits; /* shared with HTTP */
	struct sip_tp_ops ops;
	const char *ca_file; /* to verify servers by; NULL: the system's */
	unsigned max_conns;  /* a worker */
	unsigned idle_ms;    /* a stream that says nothing for so long is closed; sip_tp_keep */
	unsigned message_ms; /* a message once begun, a handshake, must be whole within; what is to
			      * be sent must get on within it too */
	unsigned connect_ms;
	size_t write_max; /* octets that may wait for one connection; more: it is closed */
};
/* 10000 connections, 180 s, 10 s, 5 s, 1 MB. */
void sip_tp_options_init(struct sip_tp_options *options);

/* Bind every socket (as root, before workers run). */
int sip_tp_new(const struct sip_tp_options *options, struct workers *workers,
	       struct sip_tp **tp_out, struct err *err);
unsigned sip_tp_port(const struct sip_tp *tp, unsigned listen);
/* Begin to receive: before workers_start. */
int sip_tp_start(struct sip_tp *tp, struct err *err);
int sip_tp_reload_tls(struct sip_tp *tp, struct err *err);
/* Accept no more, close what is idle; DRAINED from a worker at the latest after TIMEOUT_MS. */
void sip_tp_drain(struct sip_tp *tp, unsigned timeout_ms, void (*drained)(void *arg), void *arg);
void sip_tp_free(struct sip_tp **tp); /* workers have stopped */

/* Send BUF to DEST, from the worker that runs. BUF is held as long as needed. COOKIE: 0, or what
 * ops.failed is called with. Never fails at once: ops.failed comes later. A flow of another worker
 * is sent to there. */
void sip_tp_send(struct sip_tp *tp, const struct sip_dest *dest, struct sip_buf *buf,
		 uint64_t cookie);

/* 1 when a request of SIZE octets must not leave over UDP, unless its destination takes nothing
 * else (RFC 3261 s18.1.1). Asked by who writes the Via. */
static inline int sip_tp_prefers_stream(size_t size)
{
	return size > 1300;
}

/* What we write into Via and Contact for DEST: the listener that sends to it, and its host and port
 * as we are reached. 0, or -1: no listener of that transport and family. */
int sip_tp_local(struct sip_tp *tp, const struct sip_dest *dest, struct sip_addr *local_out);
/* 1 when ADDR and PROTO are a listener of ours (a Route that names us). */
int sip_tp_is_local(struct sip_tp *tp, enum sip_proto proto, const struct sip_addr *addr);

/* ---- flows; any worker may call ---- */

int sip_tp_flow_alive(struct sip_tp *tp, uint64_t flow); /* a hint */
unsigned sip_flow_worker(uint64_t flow);
/* A registration or the like lives on FLOW: it may be silent for IDLE_MS (never for less than
 * others may; 0: as others again). */
void sip_tp_keep(struct sip_tp *tp, uint64_t flow, unsigned idle_ms);
/* End FLOW when what waits has been written. ops.flow_closed comes later. */
void sip_tp_close(struct sip_tp *tp, uint64_t flow);
/* FLOW, a TLS connection that a peer with a verified certificate opened, is to be used for requests
 * to PORT at its address and one of its names too (RFC 5923 s5; the top Via has alias). On the
 * flow's worker only. 0; -1: it is no such flow. */
int sip_tp_alias(struct sip_tp *tp, uint64_t flow, unsigned port);

/* Is DOMAIN (any case) one of a certificate's NAMES, as sip_rx.tls_name lists them? Names are
 * compared whole: no wildcards (RFC 5922 s7.2). 1 yes, 0 no. */
int sip_tls_name_matches(const char *names, struct strv domain);

#endif
