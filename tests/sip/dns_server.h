/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/dns_server.h - a name server on loopback that says what a test wants, also nonsense
 */
#ifndef TESTS_SIP_DNS_SERVER_H
#define TESTS_SIP_DNS_SERVER_H

#include <stdint.h>

/* One record of the zone; names without the dot at the end. */
struct dns_row {
	const char *name;
	int type; /* 1 A, 28 AAAA, 33 SRV, 35 NAPTR, 5 CNAME */
	unsigned ttl;
	unsigned a, b, c; /* SRV: priority, weight, port; NAPTR: order, preference */
	const char *text; /* A, AAAA: address; SRV, NAPTR, CNAME: name */
	const char *flags, *service, *regexp;
};

enum dns_manner {
	DNS_HONEST,
	DNS_SILENT,    /* answers nothing */
	DNS_WILD,      /* answers with octets that are no answer */
	DNS_CUT,       /* answers end in the middle */
	DNS_OTHER,     /* answers another question */
	DNS_REFUSED,   /* REFUSED */
	DNS_TRUNCATED, /* TC over UDP, the whole over TCP */
};

struct dns_server;

/* ROWS ends with a NULL name; borrowed. */
struct dns_server *dns_server_start(const struct dns_row *rows, enum dns_manner manner);
unsigned dns_server_port(const struct dns_server *server);
unsigned dns_server_asked(struct dns_server *server); /* questions so far */
void dns_server_stop(struct dns_server *server);

#endif
