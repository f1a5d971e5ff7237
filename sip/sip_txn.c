/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_txn.c - the table of a worker's transactions, and those that are finished
 *
 * See sip_txn.h. Matching is RFC 3261 s17.1.3 and s17.2.3. What is finished waits in a queue a
 * timer (J, D, I or K, each of one length), so a hundred thousand of them cost one wheel timer.
 */
#include "sip/sip_txn.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "sip/sip_txn_priv.h"

enum { ARENA_BYTES = 1 << 20 };

void sip_timers_init(struct sip_timers *timers)
{
	*timers = (struct sip_timers){
		.t1_ms = 500,
		.t2_ms = 4000,
		.t4_ms = 5000,
		.d_ms = 32000,
		.c_ms = 181000,
		.max_live = 100000,
		.max_finished = 1000000,
	};
}

/* ---- where to ---- */

void txn_hop_set(struct txn_hop *hop, const struct sip_dest *dest)
{
	hop->proto = (unsigned char)dest->proto;
	hop->flow_only = (unsigned char)(dest->flow_only != 0);
	hop->addr = dest->addr;
	hop->flow = dest->flow;
	hop->home = dest->home;
}

void txn_hop_send(struct sip_txns *txns, const struct txn_hop *hop, const char *name,
		  struct sip_buf *buf, uint64_t cookie)
{
	struct sip_dest dest; /* not cleared: the name's room is large and mostly unused */

	dest.proto = (enum sip_proto)hop->proto;
	dest.addr = hop->addr;
	dest.flow = hop->flow;
	dest.flow_only = hop->flow_only;
	dest.home = hop->home;
	dest.name[0] = '\0';
	if (name && *name)
		snprintf(dest.name, sizeof(dest.name), "%s", name);
	txns->below.send(&txns->below, &dest, buf, cookie);
}

/* ---- finished ones ---- */

static uint64_t now_of(const struct sip_txns *txns)
{
	return txns->below.now_ms(&txns->below);
}

static void done_free(struct sip_txns *txns, struct txn_done *done)
{
	sip_table_remove(&txns->table, &done->head.node);
	sip_buf_drop(&done->buf);
	free(done);
	txns->stats.finished--;
	sip_count_live(txns->count, SIP_LIVE_FINISHED, -1);
}

static void queue_pop(struct txn_queue *queue)
{
	struct txn_done *done = queue->first;

	queue->first = done->later;
	if (!queue->first)
		queue->end = &queue->first;
	done_free(queue->txns, done);
}

static void on_queue(struct wheel_timer *timer)
{
	struct txn_queue *queue = (struct txn_queue *)timer;
	uint64_t now_ms = now_of(queue->txns);

	while (queue->first && queue->first->due_ms <= now_ms)
		queue_pop(queue);
	if (queue->first)
		txn_timer_set(queue->txns, &queue->timer, queue->first->due_ms - now_ms, on_queue);
}

static void make_room(struct sip_txns *txns)
{
	for (unsigned i = 0; i < WAITS && txns->stats.finished >= txns->timers.max_finished; i++)
		if (txns->queue[i].first)
			queue_pop(&txns->queue[i]);
}

void txn_finish(struct sip_txns *txns, struct txn_head *head, enum txn_wait wait,
		const struct txn_hop *hop, struct sip_buf *buf)
{
	struct txn_queue *queue = &txns->queue[wait];
	struct txn_done *done;

	if (txns->stats.finished >= txns->timers.max_finished)
		make_room(txns);
	done = malloc(sizeof(*done));
	if (!done) {
		txn_forget(txns, head);
		return;
	}
	done->head.kind = buf ? TXN_DONE : TXN_DONE_SILENT;
	done->hop = *hop;
	done->buf = buf ? sip_buf_hold(buf) : NULL;
	done->due_ms = now_of(txns) + queue->keep_ms;
	done->later = NULL;
	sip_table_replace(&txns->table, &head->node, &done->head.node);
	if (!queue->first)
		txn_timer_set(txns, &queue->timer, queue->keep_ms, on_queue);
	*queue->end = done;
	queue->end = &done->later;
	txns->stats.finished++;
	sip_count_live(txns->count, SIP_LIVE_FINISHED, 1);
}

void txn_forget(struct sip_txns *txns, struct txn_head *head)
{
	sip_table_remove(&txns->table, &head->node);
}

/* What is finished hears what it has answered once more. */
static void done_again(struct sip_txns *txns, struct txn_done *done, struct sip_msg *msg)
{
	if (!msg->is_request || msg->method != SIP_ACK) {
		txns->stats.retransmitted++;
		sip_count_retransmission(txns->count, SIP_IN);
		if (done->buf) {
			sip_count_retransmission(txns->count, SIP_OUT);
			txn_hop_send(txns, &done->hop, NULL, done->buf, 0);
		}
	}
	txn_msg_done(txns, &msg);
}

/* ---- matching ---- */

static int has_cookie(struct strv branch)
{
	return branch.n > SIP_COOKIE_N && strv_starts(branch, STRV("z9hG4bK"));
}

/* RFC 3261 s17.2.3. Of a request without the cookie the To tag does not count for INVITE, ACK and
 * CANCEL: ACK carries the answer's. */
static struct sip_key server_key(struct sip_txns *txns, const struct sip_msg *msg,
				 struct strv method)
{
	struct sip_hash hash;
	uint32_t port = msg->via.port;

	sip_hash_init(&hash, &txns->table.secret);
	if (has_cookie(msg->via.branch)) {
		sip_hash_add(&hash, STRV("s"));
		sip_hash_add(&hash, msg->via.branch);
		sip_hash_add(&hash, msg->via.host);
		sip_hash_add(&hash, strv_mem(&port, sizeof(port)));
	} else {
		sip_hash_add(&hash, STRV("o"));
		sip_hash_add(&hash, msg->via.text);
		sip_hash_add(&hash, msg->call_id);
		sip_hash_add(&hash, msg->uri.text);
		sip_hash_add(&hash, msg->from_tag);
		sip_hash_add(&hash, strv_mem(&msg->cseq, sizeof(msg->cseq)));
		if (!strv_eq(method, STRV("INVITE")) && !strv_eq(method, STRV("CANCEL")))
			sip_hash_add(&hash, msg->to_tag);
	}
	sip_hash_add(&hash, method);
	return sip_hash_key(&hash);
}

struct txn_head *txn_find_server(struct sip_txns *txns, const struct sip_msg *msg,
				 struct strv method, struct sip_key *key_out)
{
	*key_out = server_key(txns, msg, method);
	return (struct txn_head *)sip_table_find(&txns->table, key_out);
}

struct sip_key txn_client_key(struct sip_txns *txns, struct strv branch, struct strv method)
{
	struct sip_hash hash;

	sip_hash_init(&hash, &txns->table.secret);
	sip_hash_add(&hash, STRV("c"));
	sip_hash_add(&hash, branch);
	sip_hash_add(&hash, method);
	return sip_hash_key(&hash);
}

/* ---- input ---- */

/* HEAD NULL: it is MSG that begins a transaction. */
static void tell_seen(struct sip_txns *txns, const struct txn_head *head, const struct sip_msg *msg)
{
	const struct txn_done *done = (const struct txn_done *)head;
	const struct trace_id *trace = NULL;
	struct trace_id kept;

	if (!txns->tu.seen)
		return;
	if (!head)
		trace = msg->is_request ? &msg->trace : NULL;
	else if (head->kind == TXN_SERVER)
		trace = stx_trace((const struct sip_stx *)head);
	else if (head->kind == TXN_CLIENT)
		trace = ctx_trace((const struct sip_ctx *)head);
	else if (done->buf && sip_buf_trace(done->buf, &kept))
		trace = &kept;
	txns->tu.seen(txns->tu.arg, msg, trace);
}

static void input_new_request(struct sip_txns *txns, const struct sip_key *key, struct sip_msg *msg)
{
	sip_count_request(txns->count, SIP_IN, msg->method, msg->proto);
	if (msg->method != SIP_ACK) {
		stx_input(txns, key, msg);
		return;
	}
	txns->tu.request(txns->tu.arg, NULL, msg);
	txn_msg_done(txns, &msg);
}

static void input_request(struct sip_txns *txns, struct sip_msg *msg)
{
	int is_ack = msg->method == SIP_ACK;
	struct sip_key key;
	struct txn_head *head =
		txn_find_server(txns, msg, is_ack ? STRV("INVITE") : msg->method_name, &key);

	tell_seen(txns, head, msg);
	if (!head)
		input_new_request(txns, &key, msg);
	else if (head->kind == TXN_SERVER)
		stx_again((struct sip_stx *)head, msg);
	else
		done_again(txns, (struct txn_done *)head, msg);
}

static void input_response(struct sip_txns *txns, struct sip_msg *msg)
{
	struct sip_key key = txn_client_key(txns, msg->via.branch, msg->method_name);
	struct txn_head *head = (struct txn_head *)sip_table_find(&txns->table, &key);

	tell_seen(txns, head, msg);
	if (head && head->kind == TXN_CLIENT) {
		ctx_input((struct sip_ctx *)head, msg);
		return;
	}
	if (head) {
		done_again(txns, (struct txn_done *)head, msg);
		return;
	}
	sip_count_drop(txns->count, SIP_DROP_STRAY);
	if (txns->tu.stray)
		txns->tu.stray(txns->tu.arg, msg);
	txn_msg_done(txns, &msg);
}

void sip_txns_input(struct sip_txns *txns, struct sip_msg *msg)
{
	if (msg->is_request)
		input_request(txns, msg);
	else
		input_response(txns, msg);
}

void sip_txns_failed(struct sip_txns *txns, uint64_t cookie)
{
	struct sip_ctx *ctx;

	if (cookie & TXN_COOKIE_LATE) {
		late_failed(txns, cookie);
		return;
	}
	ctx = sip_ctx_find(txns, cookie);
	if (ctx)
		ctx_failed(ctx);
}

/* ---- arenas ---- */

struct arena *sip_txns_arena(struct sip_txns *txns)
{
	if (txns->n_arenas)
		return txns->arenas[--txns->n_arenas];
	return arena_new(ARENA_BYTES);
}

void sip_txns_arena_done(struct sip_txns *txns, struct arena **arena)
{
	if (!*arena)
		return;
	if (txns->n_arenas == sizeof(txns->arenas) / sizeof(txns->arenas[0])) {
		arena_free(arena);
		return;
	}
	arena_reset(*arena);
	txns->arenas[txns->n_arenas++] = *arena;
	*arena = NULL;
}

void txn_msg_done(struct sip_txns *txns, struct sip_msg **msg)
{
	struct arena *arena = *msg ? (*msg)->arena : NULL;

	*msg = NULL;
	sip_txns_arena_done(txns, &arena);
}

/* ---- branches and tags ---- */

static char *put_hex(char *p, uint64_t value, unsigned digits)
{
	static const char hex[] = "0123456789abcdef";

	while (digits--)
		*p++ = hex[value >> 4 * digits & 15];
	return p;
}

/* A counter, so that none is given twice while its like lives, and what nobody can guess. */
void sip_branch_make(struct sip_txns *txns, char branch[SIP_BRANCH_BYTES])
{
	char *p = branch;

	memcpy(p, "z9hG4bKw", 8);
	p = put_hex(p + 8, txns->below.index, 2);
	p = put_hex(p, ++txns->branches, 7);
	p = put_hex(p, trace_random(), 10);
	*p = '\0';
}

void sip_tag_make(struct sip_txns *txns, char tag[SIP_TAG_BYTES])
{
	char *p = tag;

	*p++ = 'w';
	p = put_hex(p, txns->below.index, 2);
	p = put_hex(p, trace_random(), 16);
	*p = '\0';
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int sip_tag_worker(struct strv tag)
{
	if (tag.n != 19 || tag.p[0] != 'w')
		return -1;
	for (size_t i = 1; i < tag.n; i++)
		if (hex_digit(tag.p[i]) < 0)
			return -1;
	return hex_digit(tag.p[1]) << 4 | hex_digit(tag.p[2]);
}

int sip_branch_worker(struct strv branch)
{
	int high, low;

	if (branch.n < 27 || !strv_starts(branch, STRV("z9hG4bKw")))
		return -1;
	high = hex_digit(branch.p[8]);
	low = hex_digit(branch.p[9]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* ---- open and close ---- */

const struct sip_below *sip_txns_below(const struct sip_txns *txns)
{
	return &txns->below;
}

const struct sip_timers *sip_txns_timers(const struct sip_txns *txns)
{
	return &txns->timers;
}

struct sip_count *sip_txns_count(const struct sip_txns *txns)
{
	return txns->count;
}

void sip_txns_stats(const struct sip_txns *txns, struct sip_txn_stats *stats_out)
{
	*stats_out = txns->stats;
}

int sip_txns_new(const struct sip_below *below, const struct sip_timers *timers,
		 const struct sip_tu *tu, struct sip_count *count, struct sip_txns **txns_out,
		 struct err *err)
{
	struct sip_txns *txns = calloc(1, sizeof(*txns));
	unsigned keep_ms[WAITS] = { 64 * timers->t1_ms, timers->t4_ms, timers->d_ms };

	if (!txns || sip_table_init(&txns->table) < 0) {
		free(txns);
		return err_set(err, ERR_NOMEM, "no memory for SIP transactions");
	}
	txns->below = *below;
	txns->timers = *timers;
	txns->tu = *tu;
	txns->count = count;
	for (unsigned i = 0; i < WAITS; i++) {
		txns->queue[i].txns = txns;
		txns->queue[i].end = &txns->queue[i].first;
		txns->queue[i].keep_ms = keep_ms[i];
	}
	*txns_out = txns;
	return 0;
}

static void free_live(struct sip_txns *txns)
{
	struct sip_stx *stx;
	struct sip_ctx *ctx;

	for (uint32_t i = 0; i < txns->stxs.n_used; i++)
		if ((stx = sip_slots_at(&txns->stxs, i)))
			stx_free(&stx);
	for (uint32_t i = 0; i < txns->ctxs.n_used; i++)
		if ((ctx = sip_slots_at(&txns->ctxs, i)))
			ctx_free(&ctx);
	for (uint32_t i = 0; i < txns->outs.n_used; i++)
		if (sip_slots_at(&txns->outs, i))
			txns->out_end(sip_slots_at(&txns->outs, i));
	for (uint32_t i = 0; i < txns->lates.n_used; i++)
		if (sip_slots_at(&txns->lates, i))
			late_free(sip_slots_at(&txns->lates, i));
}

void sip_txns_free(struct sip_txns **at)
{
	struct sip_txns *txns = *at;

	*at = NULL;
	if (!txns)
		return;
	for (unsigned i = 0; i < WAITS; i++) {
		while (txns->queue[i].first)
			queue_pop(&txns->queue[i]);
		txn_timer_clear(txns, &txns->queue[i].timer);
	}
	free_live(txns);
	sip_table_fini(&txns->table);
	sip_slots_fini(&txns->stxs);
	sip_slots_fini(&txns->ctxs);
	sip_slots_fini(&txns->outs);
	sip_slots_fini(&txns->lates);
	while (txns->n_arenas)
		arena_free(&txns->arenas[--txns->n_arenas]);
	free(txns);
}
