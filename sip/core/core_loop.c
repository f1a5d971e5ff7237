/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/core_loop.c - has this request been here before? (RFC 5393 s4.2)
 *
 * Our branches end in a mark made of everything that decided where the request went. When the same
 * mark comes in, it would go there again: a loop. A spiral comes back with another Request-URI and
 * has another mark. The key is this process's own.
 */
#include <string.h>

#include "sip/core/core_relay_priv.h"

static uint64_t mix(uint64_t h, struct strv text)
{
	for (size_t i = 0; i < text.n; i++)
		h = (h ^ (unsigned char)text.p[i]) * UINT64_C(0x100000001b3);
	/* One text ends where the next begins. */
	return (h ^ 0x100 ^ text.n) * UINT64_C(0x9e3779b97f4a7c15);
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The mark at the end of a branch of ours; 0: none. */
static uint64_t mark_of(struct strv branch)
{
	uint64_t mark = 0;

	if (branch.n < CORE_LOOP_HEX + 1 || branch.p[branch.n - CORE_LOOP_HEX - 1] != '-')
		return 0;
	for (size_t i = branch.n - CORE_LOOP_HEX; i < branch.n; i++) {
		if (hex(branch.p[i]) < 0)
			return 0;
		mark = mark << 4 | (uint64_t)hex(branch.p[i]);
	}
	return mark;
}

int core_loop_find(const struct core *core, struct sip_msg *msg, uint64_t *mark_out)
{
	const struct sip_line *line = sip_msg_line(msg, SIP_H_VIA);
	struct strv rest;
	struct sip_via via;
	uint64_t mark;

	memcpy(&mark, core->loop_key, sizeof(mark));
	mark = mix(mark, msg->uri.text);
	mark = mix(mark, msg->from_tag);
	mark = mix(mark, msg->to_tag);
	mark = mix(mark, msg->call_id);
	mark = mix(mark, msg->method_name);
	mark = mix(mark, sip_msg_raw(msg, SIP_H_ROUTE));
	mark = (mark ^ msg->cseq) * UINT64_C(0x9e3779b97f4a7c15);
	*mark_out = mark = (mark ^ mark >> 32) | 1;
	/* The usual case: it has been nowhere. */
	if (!sip_msg_line_next(msg, line) && !memchr(line->value.p, ',', line->value.n))
		return mark_of(msg->via.branch) == mark;
	rest = sip_msg_list(msg, SIP_H_VIA);
	while (rest.n && sip_via_next(&rest, &via) > 0)
		if (mark_of(via.branch) == mark)
			return 1;
	return 0;
}
