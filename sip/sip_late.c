/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_late.c - an answer whose connection is gone (RFC 3261 s18.2.2, RFC 3263 s5)
 *
 * First to where the request came from, at the port of its Via; for a peer of the trust domain then
 * to what its sent-by resolves to. Of others a name is not followed: it would let anybody have our
 * answers sent to somebody else. Nobody can call a browser back.
 */
#include <stdlib.h>

#include "base/log.h"
#include "sip/sip_txn_priv.h"

enum { HOST_MAX = SIP_NAME_MAX };

struct late {
	struct sip_txns *txns;
	struct wheel_timer timer; /* by then nobody waits for it any more */
	uint64_t id, resolving;
	struct sip_buf *buf;
	struct sip_via via; /* host is in HOST */
	int is_peer, was_resolved;
	struct sip_targets targets; /* n 0: none are left */
	unsigned next;
	struct trace_id trace;
	char host[HOST_MAX + 1];
};

void late_free(void *thing)
{
	struct late *late = thing;

	if (late->resolving)
		late->txns->below.resolve_cancel(&late->txns->below, late->resolving);
	txn_timer_clear(late->txns, &late->timer);
	sip_slots_remove(&late->txns->lates, late->id);
	sip_buf_drop(&late->buf);
	free(late);
}

static void on_timer(struct wheel_timer *timer)
{
	late_free((char *)timer - offsetof(struct late, timer));
}

static void try_next(struct late *late)
{
	const struct sip_dest *dest;

	if (late->next == late->targets.n) {
		log_debug(LOG_SIP, "an answer finds no way back", L_STR("host", late->host),
			  L_ID(&late->trace));
		late_free(late);
		return;
	}
	dest = &late->targets.dest[late->next++];
	late->txns->below.send(&late->txns->below, dest, late->buf, late->id | TXN_COOKIE_LATE);
}

static void on_resolved(void *arg, unsigned status, const struct sip_targets *targets)
{
	struct late *late = arg;

	late->resolving = 0;
	late->next = late->targets.n = 0;
	if (!status)
		late->targets = *targets;
	try_next(late);
}

static void resolve(struct late *late)
{
	const struct sip_below *below = &late->txns->below;
	uint64_t cookie = late->id, id;

	late->was_resolved = 1;
	id = below->resolve_via(below, &late->via, on_resolved, late);
	/* It may be over, and LATE gone, by now. */
	if (id && sip_slots_find(&late->txns->lates, cookie))
		late->resolving = id;
}

void late_failed(struct sip_txns *txns, uint64_t cookie)
{
	struct late *late = sip_slots_find(&txns->lates, cookie & ~TXN_COOKIE_LATE);

	if (!late)
		return;
	if (late->next == late->targets.n && late->is_peer && !late->was_resolved &&
	    txns->below.resolve_via)
		resolve(late);
	else
		try_next(late);
}

/* Where the request came from, at the port that its Via says. */
static void set_source(struct late *late, const struct sip_msg *request)
{
	struct sip_dest *dest = &late->targets.dest[0];
	unsigned port = request->via.port ? request->via.port : sip_proto_port(request->proto);

	memset(dest, 0, sizeof(*dest));
	dest->proto = request->proto;
	dest->addr = request->source;
	sip_addr_set_port(&dest->addr, port);
	if (sip_proto_is_secure(dest->proto))
		memcpy(dest->name, late->host, request->via.host.n + 1);
	late->targets.n = 1;
}

int late_answer(struct sip_txns *txns, const struct sip_msg *request, const struct trace_id *trace,
		struct sip_buf *buf)
{
	struct late *late;

	if ((request->proto != SIP_TCP && request->proto != SIP_TLS) ||
	    request->via.host.n > HOST_MAX)
		return -1;
	late = calloc(1, sizeof(*late));
	if (!late)
		return -1;
	late->txns = txns;
	late->id = sip_slots_add(&txns->lates, late);
	if (!late->id) {
		free(late);
		return -1;
	}
	memcpy(late->host, request->via.host.p, request->via.host.n);
	late->via = request->via;
	late->via.host = strv_mem(late->host, request->via.host.n);
	late->is_peer = request->is_peer;
	late->buf = sip_buf_hold(buf);
	late->trace = *trace;
	set_source(late, request);
	txn_timer_set(txns, &late->timer, 64 * txns->timers.t1_ms, on_timer);
	log_debug(LOG_SIP, "an answer's connection is gone", L_STR("host", late->host),
		  L_ID(trace));
	try_next(late);
	return 0;
}
