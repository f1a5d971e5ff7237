/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_addr.h - where a message came from and where it goes: transport, address, flow
 *
 * A destination is what RFC 3263 ends in. A flow (RFC 5626 s3) names one live connection of one
 * worker; its id is never used twice in the life of the process, so a stale one finds nothing.
 */
#ifndef SIP_SIP_ADDR_H
#define SIP_SIP_ADDR_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/strv.h"

enum sip_proto { SIP_UDP, SIP_TCP, SIP_TLS, SIP_WS, SIP_WSS, SIP_PROTOS };

/* As in Via: "UDP", "TCP", "TLS", "WS", "WSS". */
const char *sip_proto_name(enum sip_proto proto);
/* The transport of a Via or a transport parameter, any case. 0, or -1: not one of ours. */
int sip_proto_find(struct strv name, enum sip_proto *proto_out);
/* 5060, 5061 for TLS, 80 and 443 for WebSocket (RFC 3261 s19.1.2, RFC 7118 s5.2.1). */
unsigned sip_proto_port(enum sip_proto proto);
/* 1 when each hop keeps order and delivers, so that nothing is retransmitted. */
static inline int sip_proto_is_reliable(enum sip_proto proto)
{
	return proto != SIP_UDP;
}
static inline int sip_proto_is_secure(enum sip_proto proto)
{
	return proto == SIP_TLS || proto == SIP_WSS;
}

/* An IPv4 or IPv6 address and port; family AF_UNSPEC: none. */
struct sip_addr {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
};

enum { SIP_ADDR_TEXT = 64 }; /* "[...]:65535" and its terminator */

/* A numeric host, IPv6 with or without brackets. 0; -1 when HOST is a name or nothing. */
int sip_addr_parse(struct strv host, unsigned port, struct sip_addr *addr_out);
/* "192.0.2.1:5060" or "[2001:db8::1]:5060"; returns TEXT. */
const char *sip_addr_print(const struct sip_addr *addr, char text[SIP_ADDR_TEXT]);
/* The host alone; IPv6 in brackets when BRACKETS. */
const char *sip_addr_print_host(const struct sip_addr *addr, int brackets,
				char text[SIP_ADDR_TEXT]);
void sip_addr_copy(struct sip_addr *to, const struct sockaddr *from);
int sip_addr_eq(const struct sip_addr *a, const struct sip_addr *b);	  /* address and port */
int sip_addr_host_eq(const struct sip_addr *a, const struct sip_addr *b); /* address alone */
socklen_t sip_addr_len(const struct sip_addr *addr);
unsigned sip_addr_port(const struct sip_addr *addr);
void sip_addr_set_port(struct sip_addr *addr, unsigned port);
uint64_t sip_addr_hash(const struct sip_addr *addr, uint64_t seed); /* address and port */

enum { SIP_NAME_MAX = 253 };

struct sip_dest {
	enum sip_proto proto;
	struct sip_addr addr;
	uint64_t flow;		     /* 0: any connection to ADDR, opened when there is none */
	int flow_only;		     /* this flow or nothing (RFC 5626 s5.3): never open another */
	unsigned short home;	     /* UDP: where a request came to (sip_rx), from where its answer
				      * leaves (RFC 3581 s4); 0: from what fits ADDR */
	char name[SIP_NAME_MAX + 1]; /* expected in a TLS peer's certificate (RFC 5922); "": none */
};

#endif
