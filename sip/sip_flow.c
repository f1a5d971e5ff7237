/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_flow.c - connections by number and by destination
 *
 * A flow's number is worker (8 bits), place (24) and turn of the place (32). Turns begin at random,
 * so that a number kept over a restart (a binding in the store) finds nothing, and are odd while
 * the place is taken: another thread sees by one load whether a flow lives. Places never move.
 */
#include <stdlib.h>

#include "base/trace.h"
#include "sip/sip_tp_priv.h"

int sip_flows_open(struct sip_tp_edge *edge, struct err *err)
{
	unsigned n = edge->tp->max_conns, buckets = 64;

	while (buckets < n / 4)
		buckets *= 2;
	edge->slots = calloc(n, sizeof(*edge->slots));
	edge->by_dest = calloc(buckets, sizeof(struct sip_conn *));
	if (!edge->slots || !edge->by_dest)
		return err_set(err, ERR_NOMEM, "no memory for %u SIP connections", n);
	edge->dest_mask = buckets - 1;
	for (unsigned i = n; i-- > 0;) {
		edge->slots[i].turn = (uint32_t)trace_random() & ~1u;
		edge->slots[i].next_free = edge->free_slot;
		edge->free_slot = i + 1;
	}
	return 0;
}

void sip_flows_close(struct sip_tp_edge *edge)
{
	free(edge->slots);
	free(edge->by_dest);
	edge->slots = NULL;
	edge->by_dest = NULL;
}

static uint32_t place_of(uint64_t flow)
{
	return (uint32_t)(flow >> 32) & 0xffffff;
}

unsigned sip_flow_worker(uint64_t flow)
{
	return (unsigned)(flow >> 56);
}

int sip_flow_take(struct sip_conn *conn)
{
	struct sip_tp_edge *edge = conn->edge;
	uint32_t place = edge->free_slot;
	struct sip_slot *slot;

	if (!place)
		return -1;
	slot = &edge->slots[--place];
	edge->free_slot = slot->next_free;
	slot->conn = conn;
	conn->flow = (uint64_t)worker_index(edge->worker) << 56 | (uint64_t)place << 32 |
		     (atomic_fetch_add(&slot->turn, 1) + 1);
	return 0;
}

void sip_flow_give_back(struct sip_conn *conn)
{
	uint32_t place = place_of(conn->flow);
	struct sip_slot *slot = &conn->edge->slots[place];

	slot->conn = NULL;
	atomic_fetch_add(&slot->turn, 1);
	slot->next_free = conn->edge->free_slot;
	conn->edge->free_slot = place + 1;
}

static struct sip_slot *slot_of(struct sip_tp_edge *edge, uint64_t flow)
{
	uint32_t place = place_of(flow), turn = (uint32_t)flow;
	struct sip_slot *slot;

	if (place >= edge->tp->max_conns || !(turn & 1))
		return NULL;
	slot = &edge->slots[place];
	return atomic_load(&slot->turn) == turn ? slot : NULL;
}

struct sip_conn *sip_flow_find(struct sip_tp_edge *edge, uint64_t flow)
{
	struct sip_slot *slot = slot_of(edge, flow);

	return slot ? slot->conn : NULL;
}

int sip_tp_flow_alive(struct sip_tp *tp, uint64_t flow)
{
	unsigned worker = sip_flow_worker(flow);

	return flow && worker < tp->n_edges && slot_of(&tp->edges[worker], flow) != NULL;
}

/* ---- by destination ---- */

static unsigned bucket_of(struct sip_tp_edge *edge, unsigned proto, const struct sip_addr *addr)
{
	return (unsigned)sip_addr_hash(addr, edge->tp->seed + proto) & edge->dest_mask;
}

void sip_flow_hash(struct sip_conn *conn)
{
	struct sip_conn **chain =
		&conn->edge->by_dest[bucket_of(conn->edge, conn->proto, &conn->reach)];

	if (conn->hashed)
		return;
	conn->hash_next = *chain;
	*chain = conn;
	conn->hashed = 1;
}

void sip_flow_unhash(struct sip_conn *conn)
{
	struct sip_conn **at =
		&conn->edge->by_dest[bucket_of(conn->edge, conn->proto, &conn->reach)];

	if (!conn->hashed)
		return;
	while (*at != conn)
		at = &(*at)->hash_next;
	*at = conn->hash_next;
	conn->hashed = 0;
}

struct sip_conn *sip_flow_by_dest(struct sip_tp_edge *edge, const struct sip_dest *dest)
{
	struct sip_conn *conn = edge->by_dest[bucket_of(edge, dest->proto, &dest->addr)];

	for (; conn; conn = conn->hash_next) {
		if (conn->proto != dest->proto || conn->closing || conn->overflow ||
		    !sip_addr_eq(&conn->reach, &dest->addr))
			continue;
		/* A connection whose other side was checked for another name is not this place
		 * (RFC 5923 s5); one that was checked serves who expects no name as well. */
		if (!dest->name[0] || !sip_proto_is_secure(dest->proto) ||
		    sip_tls_name_matches(conn->name, strv_of(dest->name)))
			return conn;
	}
	return NULL;
}
