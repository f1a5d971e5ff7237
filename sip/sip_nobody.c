/* SPDX-License-Identifier: Apache-2.0 */
/* sip/sip_nobody.c - what is answered to requests that no service takes (RFC 3261 s8.2, s11) */
#include "sip/sip_edge_priv.h"

/* "Name: value" in the request's arena; an empty view when memory is short. */
static struct strv line(struct sip_msg *msg, const char *name, struct strv value)
{
	char *text = arena_printf(msg->arena, "%s: %.*s", name, STRV_ARG(value));

	return text ? strv_of(text) : strv_mem(NULL, 0);
}

int sip_is_us(struct sip *sip, const struct sip_uri *uri)
{
	const struct sip_hooks *hooks = &sip->options.hooks;
	struct sip_addr addr;

	if (!sip_uri_is_sip(uri) || uri->user.n)
		return 0;
	if (hooks->is_us && hooks->is_us(hooks->arg, uri) == 1)
		return 1;
	if (sip_addr_parse(uri->host, uri->port ? uri->port : sip_proto_port(SIP_UDP), &addr) < 0)
		return 0;
	for (unsigned proto = 0; proto < SIP_PROTOS; proto++)
		if (sip_tp_is_local(sip->tp, (enum sip_proto)proto, &addr))
			return 1;
	return 0;
}

void sip_refuse_draining(struct sip_stx *stx)
{
	static const struct strv lines[] = { { "Retry-After: 5", 14 } };

	sip_stx_set_taker(stx, NULL, "draining");
	sip_stx_reply(stx, &(struct sip_reply){ .status = 503, .lines = lines, .n_lines = 1 });
}

static int is_routable(const struct sip_uri *uri)
{
	return sip_uri_is_sip(uri) || strv_caseeq(uri->scheme, STRV("tel"));
}

static void answer_options(struct sip *sip, struct sip_stx *stx, unsigned status)
{
	struct sip_msg *msg = sip_stx_request(stx);
	const struct sip_options *o = &sip->options;
	struct strv lines[] = {
		line(msg, "Allow", strv_of(o->allow)),
		line(msg, "Server", strv_of(o->server)),
		line(msg, "Accept", strv_of(o->accept)),
		line(msg, "Supported", strv_of(o->supported)),
	};
	unsigned n = status == 200 ? 4 : 2;

	for (unsigned i = 0; i < n; i++)
		if (!lines[i].n)
			n = i;
	sip_stx_reply(stx, &(struct sip_reply){ .status = status, .lines = lines, .n_lines = n });
}

/* The order is RFC 3261 s8.2.1 to s8.2.3, but that a dialog we do not have comes before what its
 * requests ask for. */
void sip_refuse_unclaimed(struct sip *sip, struct sip_stx *stx)
{
	struct sip_msg *msg = sip_stx_request(stx);

	if (msg->method == SIP_OTHER_METHOD) {
		answer_options(sip, stx, 501);
	} else if (!is_routable(&msg->uri)) {
		sip_stx_reply_status(stx, 416, NULL);
	} else if (msg->to_tag.p) {
		sip_stx_reply_status(stx, 481, NULL);
	} else if (!sip_is_us(sip, &msg->uri)) {
		sip_stx_reply_status(stx, msg->max_forwards == 0 ? 483 : 404, NULL);
	} else if (sip_refuse_required(stx, sip->options.supported)) {
		return;
	} else {
		answer_options(sip, stx, msg->method == SIP_OPTIONS ? 200 : 405);
	}
}
