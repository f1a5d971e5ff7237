/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/peers.h - who is in the trust domain and beyond: cores, gateways, other operators (IP-1)
 *
 * A peer is known by the network its messages come from, over TLS by the name that its certificate
 * proves, and is chosen for what goes out by domain. It has a rate of its own and rules on header
 * fields at the boundary (RFC 3325 s2.4 "Spec(T)"). The set is immutable; a reload makes another.
 */
#ifndef SIP_CORE_PEERS_H
#define SIP_CORE_PEERS_H

#include <stdint.h>

#include "base/err.h"
#include "base/metrics.h"
#include "base/strv.h"
#include "sip/sip_addr.h"

enum { PEERS_MAX = 256, PEER_WORDS_MAX = 64 };

/* As configured; lists are words between blanks or commas. */
struct peer_options {
	const char *name;      /* letters, digits, "-": for logs, metrics and cpmctl; compulsory */
	const char *networks;  /* "192.0.2.0/24 2001:db8::/32"; "": known by TLS name alone */
	const char *tls_names; /* "": a certificate is not asked for */
	const char *domains;   /* what is sent to it; "": nothing */
	const char *uri;       /* where that goes: "sip:192.0.2.1;transport=tcp"; "": as DNS says */
	int trusted;	       /* identities it asserts are believed, ours are told to it */
	int is_core;	       /* an S-CSCF: third-party REGISTER and ISC legs come from it */
	unsigned requests_per_s; /* 0: no limit */
	unsigned burst;
	const char *strip_in;  /* header fields taken out of what comes from it */
	const char *strip_out; /* and out of what goes to it */
};

struct peer {
	unsigned index; /* in the order configured */
	const char *name;
	const char *uri; /* NULL: none */
	int trusted, is_core, needs_tls;
	const struct strv *strip_in, *strip_out;
	unsigned n_strip_in, n_strip_out;
	struct metric *requests, *refused;
};

struct peers;

/* 0; -1: ERR says which peer and what. Texts are copied. */
int peers_new(const struct peer_options *options, unsigned n, struct peers **peers_out,
	      struct err *err);
void peers_free(struct peers **peers);

unsigned peers_count(const struct peers *peers);
const struct peer *peers_at(const struct peers *peers, unsigned index);

/* Who sends from SOURCE: the peer of the longest network that holds it; one with TLS names only
 * when TLS_NAME (NULL: none was proved) is one of them. A peer without networks is found by
 * TLS_NAME alone. NULL: nobody; it is outside the trust domain. */
const struct peer *peers_find(const struct peers *peers, const struct sip_addr *source,
			      const char *tls_name);
/* To whom DOMAIN (any case) goes; NULL: to nobody of the table. */
const struct peer *peers_for_domain(const struct peers *peers, struct strv domain);

/* May one more request of PEER pass at NOW_MS (monotonic)? 1, and it is counted; 0: 503. Any
 * thread. */
int peer_admit(const struct peers *peers, const struct peer *peer, uint64_t now_ms);

#endif
