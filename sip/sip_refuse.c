/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_refuse.c - what is answered to requests that nobody serves, or not so (RFC 3261 s8.2,
 * s11, s16.3)
 */
#include <stdio.h>

#include "sip/sip_edge_priv.h"

/* "Name: value" in the request's arena; an empty view when memory is short. */
static struct strv line(struct sip_msg *msg, const char *name, struct strv value)
{
	char *text = arena_printf(msg->arena, "%s: %.*s", name, STRV_ARG(value));

	return text ? strv_of(text) : strv_mem(NULL, 0);
}

static int is_in(struct strv list, struct strv tag)
{
	struct strv one;

	while (list.n) {
		strv_cut(&list, ',', &one);
		if (strv_caseeq(strv_trim(one), tag))
			return 1;
	}
	return 0;
}

/* The option tags of WANTED that SUPPORTED lacks, as a list in OUT. */
static size_t lacking(struct strv wanted, struct strv supported, char *out, size_t max)
{
	struct strv one;
	size_t n = 0;

	while (wanted.n) {
		strv_cut(&wanted, ',', &one);
		one = strv_trim(one);
		if (!one.n || is_in(supported, one) || one.n + 3 > max - n)
			continue;
		n += (size_t)snprintf(out + n, max - n, "%s%.*s", n ? ", " : "", STRV_ARG(one));
	}
	return n;
}

static int refuse_tags(struct sip_stx *stx, enum sip_h h, const char *supported)
{
	struct sip_msg *msg = sip_stx_request(stx);
	struct strv wanted = sip_msg_list(msg, h), lines[1];
	char text[512];
	size_t n = wanted.n ? lacking(wanted, strv_of(supported), text, sizeof(text)) : 0;

	if (!n)
		return 0;
	lines[0] = line(msg, "Unsupported", strv_mem(text, n));
	sip_stx_reply(stx, &(struct sip_reply){
				   .status = 420, .lines = lines, .n_lines = lines[0].n ? 1 : 0 });
	return 1;
}

int sip_refuse_required(struct sip_stx *stx, const char *supported)
{
	return refuse_tags(stx, SIP_H_REQUIRE, supported);
}

int sip_refuse_merged(struct sip_worker *w, struct sip_stx *stx)
{
	const struct sip_msg *msg = sip_stx_request(stx);
	uint64_t keep_ms = (uint64_t)64 * sip_txns_timers(w->txns)->t1_ms;

	if (msg->to_tag.p ||
	    !sip_merged_note(w->sip->merged, msg, worker_now_ms(w->worker), keep_ms))
		return 0;
	sip_stx_reply_status(stx, 482, NULL);
	return 1;
}

static int is_routable(const struct sip_uri *uri)
{
	return sip_uri_is_sip(uri) || strv_caseeq(uri->scheme, STRV("tel"));
}

int sip_refuse_forward(struct sip_stx *stx, const char *supported)
{
	struct sip_msg *msg = sip_stx_request(stx);

	if (!is_routable(&msg->uri)) {
		sip_stx_reply_status(stx, 416, NULL);
		return 1;
	}
	if (msg->max_forwards == 0) {
		sip_stx_reply_status(stx, 483, NULL);
		return 1;
	}
	return refuse_tags(stx, SIP_H_PROXY_REQUIRE, supported);
}
