/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_out.c - see sip_out.h. One allocation holds what is to be sent until somebody has
 * answered.
 */
#include "sip/sip_out.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "sip/sip_txn_priv.h"

struct out {
	struct sip_txns *txns;
	uint64_t id, ctx, resolving;
	enum sip_method method;
	struct strv uri, head, body; /* in TEXT */
	struct sip_dest dest[SIP_OUT_TARGETS_MAX];
	unsigned n_dests, next;
	int cancelled; /* before anything was sent */
	int tcp_first; /* the target at NEXT is tried over TCP, then as it is */
	sip_answered_fn *answered;
	void *arg;
	struct trace_id trace;
	char text[];
};

int sip_out_numeric(const struct sip_uri *uri, struct sip_dest *dest_out)
{
	int is_sips = strv_caseeq(uri->scheme, STRV("sips"));
	struct strv name;

	memset(dest_out, 0, sizeof(*dest_out));
	dest_out->proto = is_sips ? SIP_TLS : SIP_UDP;
	if (sip_param(uri->params, "transport", &name) == 1 &&
	    sip_proto_find(name, &dest_out->proto) < 0)
		return -1;
	if (is_sips && dest_out->proto == SIP_TCP)
		dest_out->proto = SIP_TLS;
	return sip_addr_parse(uri->host, uri->port ? uri->port : sip_proto_port(dest_out->proto),
			      &dest_out->addr);
}

static void out_free(struct out *out)
{
	if (out->resolving)
		out->txns->below.resolve_cancel(&out->txns->below, out->resolving);
	sip_slots_remove(&out->txns->outs, out->id);
	free(out);
}

/* At the end of the transactions. */
static void out_end(void *thing)
{
	out_free(thing);
}

/* OUT is gone before anybody is told. */
static void conclude(struct out *out, unsigned status, struct sip_msg *response)
{
	sip_answered_fn *answered = out->answered;
	void *arg = out->arg;

	out_free(out);
	if (answered)
		answered(arg, status, response);
}

/* ---- one try ---- */

static void try_next(struct out *out);

static int goes_on(const struct out *out, unsigned status, const struct sip_msg *response)
{
	/* RFC 3263 s4.3: no answer, a transport that failed, or 503. */
	return (status == 503 || (status == 408 && !response)) && out->next < out->n_dests;
}

static void on_answered(void *arg, unsigned status, struct sip_msg *response)
{
	struct out *out = arg;

	if (status < 200) {
		if (out->answered)
			out->answered(out->arg, status, response);
		return;
	}
	if (goes_on(out, status, response)) {
		try_next(out);
		return;
	}
	conclude(out, status, response);
}

/* 2xx to INVITE may come more than once: from the first on they are the caller's directly. */
static void on_invite_answered(void *arg, unsigned status, struct sip_msg *response)
{
	struct out *out = arg;
	struct sip_ctx *ctx = sip_ctx_find(out->txns, out->ctx);

	if (ctx && status >= 200 && status < 300)
		ctx_set_answered(ctx, out->answered, out->arg);
	on_answered(arg, status, response);
}

static struct sip_buf *compose(struct out *out, const struct sip_dest *dest,
			       char branch[SIP_BRANCH_BYTES])
{
	char host[SIP_ADDR_TEXT], front[256];
	struct sip_addr local;
	struct sip_buf *buf;
	const char *method = sip_method_name(out->method);
	size_t n, m = strlen(method);
	char *p;

	if (out->txns->below.local(&out->txns->below, dest, &local) < 0)
		return NULL;
	sip_branch_make(out->txns, branch);
	n = (size_t)snprintf(front, sizeof(front),
			     " SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=%s;rport\r\n"
			     "Max-Forwards: 70\r\n",
			     sip_proto_name(dest->proto), sip_addr_print(&local, host), branch);
	buf = sip_buf_new(m + 1 + out->uri.n + n + out->head.n + out->body.n);
	if (!buf)
		return NULL;
	p = sip_buf_data(buf);
	p = mempcpy(p, method, m);
	*p++ = ' ';
	p = mempcpy(p, out->uri.p, out->uri.n);
	p = mempcpy(p, front, n);
	p = mempcpy(p, out->head.p, out->head.n);
	if (out->body.n)
		memcpy(p, out->body.p, out->body.n);
	return buf;
}

static int try_dest(struct out *out, const struct sip_dest *dest)
{
	struct sip_send send = {
		.method = out->method,
		.dest = *dest,
		.trace = &out->trace,
		.answered = out->method == SIP_INVITE ? on_invite_answered : on_answered,
		.arg = out,
	};
	struct sip_ctx *ctx;

	send.buf = compose(out, dest, send.branch);
	ctx = send.buf ? sip_ctx_send(out->txns, &send) : NULL;
	sip_buf_drop(&send.buf);
	if (!ctx)
		return -1;
	out->ctx = sip_ctx_id(ctx);
	return 0;
}

/* A request that is too large for a datagram goes over TCP; when the peer has none, as it is. */
static void try_next(struct out *out)
{
	while (out->next < out->n_dests && !out->cancelled) {
		struct sip_dest dest = out->dest[out->next];

		if (dest.proto == SIP_UDP && out->tcp_first) {
			out->tcp_first = 0;
			dest.proto = SIP_TCP;
			if (try_dest(out, &dest) == 0)
				return;
			dest.proto = SIP_UDP;
		}
		out->next++;
		out->tcp_first = out->uri.n + out->head.n + out->body.n > SIP_UDP_REQUEST_MAX - 200;
		if (try_dest(out, &dest) == 0)
			return;
	}
	conclude(out, out->cancelled ? 487 : 503, NULL);
}

static void on_resolved(void *arg, unsigned status, const struct sip_targets *targets)
{
	struct out *out = arg;

	out->resolving = 0;
	if (status) {
		conclude(out, status, NULL);
		return;
	}
	while (out->n_dests < targets->n && out->n_dests < SIP_OUT_TARGETS_MAX) {
		out->dest[out->n_dests] = targets->dest[out->n_dests];
		out->n_dests++;
	}
	try_next(out);
}

/* ---- from outside ---- */

static size_t head_bytes(const struct sip_out *from)
{
	size_t n = from->content_type.n + 64;

	for (unsigned i = 0; i < from->n_lines; i++)
		n += from->lines[i].n + 2;
	return n;
}

static struct strv keep(char **at, struct strv s)
{
	struct strv kept = { *at, s.n };

	if (s.n)
		*at = mempcpy(*at, s.p, s.n);
	return kept;
}

static struct out *out_new(struct sip_txns *txns, const struct sip_out *from)
{
	size_t n = from->uri.n + head_bytes(from) + from->body.n;
	struct out *out = malloc(sizeof(*out) + n);
	char *at, length[32];

	if (!out)
		return NULL;
	memset(out, 0, offsetof(struct out, dest));
	out->n_dests = out->next = 0;
	out->cancelled = 0;
	out->txns = txns;
	out->method = from->method;
	out->answered = from->answered;
	out->arg = from->arg;
	out->trace = from->trace ? *from->trace : (struct trace_id){ "" };
	at = out->text;
	out->uri = keep(&at, from->uri);
	out->head.p = at;
	for (unsigned i = 0; i < from->n_lines; i++) {
		keep(&at, from->lines[i]);
		keep(&at, STRV("\r\n"));
	}
	if (from->content_type.n) {
		keep(&at, STRV("Content-Type: "));
		keep(&at, from->content_type);
		keep(&at, STRV("\r\n"));
	}
	snprintf(length, sizeof(length), "Content-Length: %zu\r\n\r\n", from->body.n);
	keep(&at, strv_of(length));
	out->head.n = (size_t)(at - out->head.p);
	out->body = keep(&at, from->body);
	out->tcp_first = out->uri.n + out->head.n + out->body.n > SIP_UDP_REQUEST_MAX - 200;
	txns->out_end = out_end;
	out->id = sip_slots_add(&txns->outs, out);
	if (!out->id) {
		free(out);
		return NULL;
	}
	return out;
}

int sip_out_send(struct sip_txns *txns, const struct sip_out *from, uint64_t *id_out)
{
	struct strv hop = from->hop.p ? from->hop : from->uri;
	struct out *out = out_new(txns, from);
	struct sip_uri uri;
	uint64_t id, resolving;

	*id_out = 0;
	if (!out)
		return -1;
	id = out->id;
	if (from->dest) {
		out->dest[0] = *from->dest;
		out->n_dests = 1;
		try_next(out);
	} else if (sip_uri_parse(hop, &uri) < 0) {
		conclude(out, 400, NULL);
	} else {
		resolving = txns->below.resolve(&txns->below, &uri, on_resolved, out);
		if (sip_slots_find(&txns->outs, id) && resolving)
			out->resolving = resolving;
	}
	if (sip_slots_find(&txns->outs, id))
		*id_out = id;
	return 0;
}

void sip_out_forget(struct sip_txns *txns, uint64_t id)
{
	struct out *out = sip_slots_find(&txns->outs, id);

	if (out)
		out->answered = NULL;
}

void sip_out_cancel(struct sip_txns *txns, uint64_t id, struct strv reason)
{
	struct out *out = sip_slots_find(&txns->outs, id);
	struct sip_ctx *ctx = out ? sip_ctx_find(txns, out->ctx) : NULL;

	if (ctx)
		sip_ctx_cancel(ctx, reason);
	else if (out)
		out->cancelled = 1;
}
