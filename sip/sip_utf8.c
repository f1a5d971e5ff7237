/* SPDX-License-Identifier: Apache-2.0 */
/* sip/sip_utf8.c - see sip_utf8.h. Eight octets of ASCII are passed at a time. */
#include "sip/sip_utf8.h"

/* Length of the sequence at P, with at least N octets, or 0. */
static size_t sequence(const unsigned char *p, size_t n)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t want;

	if (p[0] < 0xc2)
		return 0;
	want = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
	if (!want || want > n)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < want; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return want;
}

int sip_utf8_is(struct strv bytes)
{
	const unsigned char *p = (const unsigned char *)bytes.p;
	size_t n = bytes.n, step;
	uint64_t eight;

	while (n) {
		if (n >= 8) {
			memcpy(&eight, p, 8);
			if (!(eight & UINT64_C(0x8080808080808080))) {
				p += 8;
				n -= 8;
				continue;
			}
		}
		step = p[0] < 0x80 ? 1 : sequence(p, n);
		if (!step)
			return 0;
		p += step;
		n -= step;
	}
	return 1;
}
