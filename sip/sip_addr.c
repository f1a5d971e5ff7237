/* SPDX-License-Identifier: Apache-2.0 */
/* sip/sip_addr.c - see sip_addr.h */
#include "sip/sip_addr.h"

#include <arpa/inet.h>
#include <stdio.h>

static const struct {
	const char *name;
	unsigned port;
} protos[SIP_PROTOS] = {
	[SIP_UDP] = { "UDP", 5060 }, [SIP_TCP] = { "TCP", 5060 }, [SIP_TLS] = { "TLS", 5061 },
	[SIP_WS] = { "WS", 80 },     [SIP_WSS] = { "WSS", 443 },
};

const char *sip_proto_name(enum sip_proto proto)
{
	return protos[proto].name;
}

int sip_proto_find(struct strv name, enum sip_proto *proto_out)
{
	for (unsigned i = 0; i < SIP_PROTOS; i++)
		if (strv_caseeq(name, strv_of(protos[i].name))) {
			*proto_out = (enum sip_proto)i;
			return 0;
		}
	return -1;
}

unsigned sip_proto_port(enum sip_proto proto)
{
	return protos[proto].port;
}

/* IPv6 as inet_pton takes it. An old ABNF wrote three colons before an IPv4 part; that address is
 * the one with two (RFC 5118 s4.10). */
static int parse_v6(const char *text, struct in6_addr *addr_out)
{
	char mended[INET6_ADDRSTRLEN + 1];
	const char *three;

	if (inet_pton(AF_INET6, text, addr_out) == 1)
		return 0;
	three = strstr(text, ":::");
	if (!three || !strchr(three, '.'))
		return -1;
	snprintf(mended, sizeof(mended), "%.*s%s", (int)(three - text), text, three + 1);
	return inet_pton(AF_INET6, mended, addr_out) == 1 ? 0 : -1;
}

int sip_addr_parse(struct strv host, unsigned port, struct sip_addr *addr_out)
{
	char text[INET6_ADDRSTRLEN + 1];
	int is_reference = host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';

	memset(addr_out, 0, sizeof(*addr_out));
	if (is_reference)
		host = strv_mem(host.p + 1, host.n - 2);
	if (!host.n || host.n >= sizeof(text) || memchr(host.p, '\0', host.n))
		return -1;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	if (!is_reference && inet_pton(AF_INET, text, &addr_out->v4.sin_addr) == 1) {
		addr_out->v4.sin_family = AF_INET;
		addr_out->v4.sin_port = htons((uint16_t)port);
		return 0;
	}
	if (parse_v6(text, &addr_out->v6.sin6_addr) < 0)
		return -1;
	addr_out->v6.sin6_family = AF_INET6;
	addr_out->v6.sin6_port = htons((uint16_t)port);
	return 0;
}

const char *sip_addr_print_host(const struct sip_addr *addr, int brackets, char text[SIP_ADDR_TEXT])
{
	char host[INET6_ADDRSTRLEN] = "";

	if (addr->any.sa_family == AF_INET)
		inet_ntop(AF_INET, &addr->v4.sin_addr, host, sizeof(host));
	else if (addr->any.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &addr->v6.sin6_addr, host, sizeof(host));
	brackets = brackets && addr->any.sa_family == AF_INET6;
	snprintf(text, SIP_ADDR_TEXT, "%s%s%s", brackets ? "[" : "", host, brackets ? "]" : "");
	return text;
}

const char *sip_addr_print(const struct sip_addr *addr, char text[SIP_ADDR_TEXT])
{
	size_t n;

	sip_addr_print_host(addr, 1, text);
	n = strlen(text);
	snprintf(text + n, SIP_ADDR_TEXT - n, ":%u", sip_addr_port(addr));
	return text;
}

void sip_addr_copy(struct sip_addr *to, const struct sockaddr *from)
{
	memset(to, 0, sizeof(*to));
	if (from->sa_family == AF_INET)
		memcpy(&to->v4, from, sizeof(to->v4));
	else if (from->sa_family == AF_INET6)
		memcpy(&to->v6, from, sizeof(to->v6));
}

int sip_addr_host_eq(const struct sip_addr *a, const struct sip_addr *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return 0;
	if (a->any.sa_family == AF_INET)
		return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
	return a->any.sa_family != AF_INET6 ||
	       (memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof(a->v6.sin6_addr)) == 0 &&
		a->v6.sin6_scope_id == b->v6.sin6_scope_id);
}

int sip_addr_eq(const struct sip_addr *a, const struct sip_addr *b)
{
	return sip_addr_host_eq(a, b) && sip_addr_port(a) == sip_addr_port(b);
}

socklen_t sip_addr_len(const struct sip_addr *addr)
{
	return addr->any.sa_family == AF_INET	 ? sizeof(addr->v4)
	       : addr->any.sa_family == AF_INET6 ? sizeof(addr->v6)
						 : 0;
}

unsigned sip_addr_port(const struct sip_addr *addr)
{
	return addr->any.sa_family == AF_INET	 ? ntohs(addr->v4.sin_port)
	       : addr->any.sa_family == AF_INET6 ? ntohs(addr->v6.sin6_port)
						 : 0;
}

void sip_addr_set_port(struct sip_addr *addr, unsigned port)
{
	if (addr->any.sa_family == AF_INET)
		addr->v4.sin_port = htons((uint16_t)port);
	else if (addr->any.sa_family == AF_INET6)
		addr->v6.sin6_port = htons((uint16_t)port);
}

/* A strong mix of 64 bits (the finaliser of a well-known family of hashes). */
static uint64_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= UINT64_C(0xff51afd7ed558ccd);
	x ^= x >> 33;
	x *= UINT64_C(0xc4ceb9fe1a85ec53);
	return x ^ (x >> 33);
}

uint64_t sip_addr_hash(const struct sip_addr *addr, uint64_t seed)
{
	uint64_t part[2] = { 0, 0 };

	if (addr->any.sa_family == AF_INET)
		part[0] = addr->v4.sin_addr.s_addr;
	else if (addr->any.sa_family == AF_INET6)
		memcpy(part, &addr->v6.sin6_addr, sizeof(part));
	return mix(mix(mix(seed ^ part[0]) + part[1]) + sip_addr_port(addr));
}
