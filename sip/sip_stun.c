/* SPDX-License-Identifier: Apache-2.0 */
/* sip/sip_stun.c - see sip_stun.h */
#include "sip/sip_stun.h"

#include <arpa/inet.h>

enum { HEADER = 20, BINDING = 0x0001, SUCCESS = 0x0101, XOR_MAPPED_ADDRESS = 0x0020 };

static const unsigned char cookie[4] = { 0x21, 0x12, 0xa4, 0x42 };

static unsigned read_u16(const unsigned char *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void put_u16(unsigned char *p, unsigned value)
{
	p[0] = (unsigned char)(value >> 8);
	p[1] = (unsigned char)value;
}

/* Attributes that fill the rest exactly, and none that must be understood (RFC 8489 s6.3.1). */
static int has_known_attributes(const unsigned char *p, size_t n)
{
	while (n >= 4) {
		size_t size = 4 + ((read_u16(p + 2) + 3u) & ~3u);

		if (size > n || read_u16(p) < 0x8000)
			return 0;
		p += size;
		n -= size;
	}
	return n == 0;
}

size_t sip_stun_answer(struct strv bytes, const struct sip_addr *source,
		       unsigned char answer[SIP_STUN_ANSWER_MAX])
{
	const unsigned char *p = (const unsigned char *)bytes.p;
	int is_v6 = source->any.sa_family == AF_INET6;
	unsigned n_addr = is_v6 ? 16 : 4, port = sip_addr_port(source);
	unsigned char *out = answer + HEADER;

	if (bytes.n < HEADER || read_u16(p) != BINDING || read_u16(p + 2) != bytes.n - HEADER ||
	    memcmp(p + 4, cookie, sizeof(cookie)) != 0 ||
	    !has_known_attributes(p + HEADER, bytes.n - HEADER))
		return 0;
	put_u16(answer, SUCCESS);
	put_u16(answer + 2, 8 + n_addr);
	memcpy(answer + 4, p + 4, HEADER - 4); /* cookie and transaction id */
	put_u16(out, XOR_MAPPED_ADDRESS);
	put_u16(out + 2, 4 + n_addr);
	put_u16(out + 4, is_v6 ? 2 : 1);
	put_u16(out + 6, port ^ read_u16(cookie));
	if (is_v6)
		memcpy(out + 8, &source->v6.sin6_addr, n_addr);
	else
		memcpy(out + 8, &source->v4.sin_addr, n_addr);
	/* Disguised by cookie and transaction id, so that no NAT rewrites it (RFC 8489 s14.2). */
	for (unsigned i = 0; i < n_addr; i++)
		out[8 + i] ^= answer[4 + i];
	return HEADER + 8 + n_addr;
}
