/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_resolve.h - from a URI to where it is served: RFC 3263 with c-ares
 *
 * NAPTR, SRV, A and AAAA, in the order and with the weights of RFC 2782, cached by their time to
 * live, failures too. One resolver a worker over one shared cache of immutable answers. A static
 * table (settings) goes before DNS, per domain: a domain in it is never asked of DNS.
 */
#ifndef SIP_SIP_RESOLVE_H
#define SIP_SIP_RESOLVE_H

#include "base/err.h"
#include "base/worker.h"
#include "sip/sip_addr.h"
#include "sip/sip_dns.h"
#include "sip/sip_msg.h"

/* One way to a domain: as a URI names it ("sip:10.0.0.1:5060;transport=tcp",
 * "sip:proxy.example.net"). Several of one domain are tried in their order. */
struct sip_static_target {
	const char *domain; /* lower case */
	const char *uri;
};

struct sip_resolver_options {
	const struct sip_static_target *targets; /* borrowed until sip_resolver_free */
	unsigned n_targets;
	unsigned protos;   /* that we can send by: 1 << SIP_UDP | 1 << SIP_TCP ... */
	int ipv4, ipv6;	   /* that we can send by */
	unsigned dead_ms;  /* how long a target that did not answer is tried last */
	unsigned max_live; /* resolutions at a time; more get 503 */
};
/* UDP, TCP and TLS over IPv4; 30 s; 10,000. */
void sip_resolver_options_init(struct sip_resolver_options *options);

struct sip_resolver; /* of one worker */

/* DNS_WORKER is borrowed. */
int sip_resolver_new(const struct sip_resolver_options *options, struct sip_dns_worker *dns_worker,
		     struct worker *worker, struct sip_resolver **resolver_out, struct err *err);
/* Who still waits is not called. */
void sip_resolver_free(struct sip_resolver **resolver);

enum { SIP_TARGETS_MAX = 8 };

struct sip_targets {
	struct sip_dest dest[SIP_TARGETS_MAX]; /* in the order to be tried */
	unsigned n;
};

/* STATUS 0 and at least one target; else what a request gets: 404 (there is no such place), 503
 * (DNS gave no answer, or no memory), 416 (neither sip: nor sips:), 400 (nothing to be resolved).
 * TARGETS is valid during the call. */
typedef void sip_resolved_fn(void *arg, unsigned status, const struct sip_targets *targets);

/* URI: of a Route or a Request-URI, sip: or sips: (RFC 3263 s4). DONE may be called before this
 * returns; exactly once unless cancelled. Returns an id for sip_resolve_cancel; 0 when DONE has
 * been called. */
uint64_t sip_resolve(struct sip_resolver *resolver, const struct sip_uri *uri,
		     sip_resolved_fn *done, void *arg);
void sip_resolve_cancel(struct sip_resolver *resolver, uint64_t id); /* 0 is harmless */

/* The same for where a response goes when its connection is gone (RFC 3263 s5). */
uint64_t sip_resolve_via(struct sip_resolver *resolver, const struct sip_via *via,
			 sip_resolved_fn *done, void *arg);

/* A target did not answer: it is tried last for a while (RFC 3263 s4.3). */
void sip_resolve_mark_dead(struct sip_resolver *resolver, const struct sip_dest *dest);

#endif
