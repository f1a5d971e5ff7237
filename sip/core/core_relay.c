/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/core_relay.c - a stateful proxy: branches, their answers, the best of them (RFC 3261
 * s16)
 *
 * A relay belongs to its server transaction and ends with it. It is answered in one place,
 * settle(), which every event calls last: an answer may end the relay at once.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "sip/core/core_relay_priv.h"
#include "sip/sip_out.h"

struct core_branch {
	struct core_relay *relay;
	const struct core_target *target;
	uint64_t ctx_id, resolve_id; /* 0: none */
	struct sip_targets *dests;   /* what it was resolved to; NULL: TARGET's own */
	unsigned n_tried;
	const struct sip_dest *udp; /* TCP is tried for it now; NULL: it is not */
	unsigned status;	    /* 0: none yet */
	unsigned breadth;
	int is_live;
};

static void settle(struct core_relay *relay);
static void try_next(struct core_branch *branch);
static int send_over(struct core_branch *branch, const struct sip_dest *dest, size_t most);

static struct sip_stx *stx_of(const struct core_relay *relay)
{
	return sip_stx_find(relay->w->txns, relay->stx_id);
}

/* ---- end ---- */

static void branch_stop(struct core_branch *branch)
{
	struct core_relay *relay = branch->relay;
	struct sip_ctx *ctx = branch->ctx_id ? sip_ctx_find(relay->w->txns, branch->ctx_id) : NULL;

	if (ctx)
		sip_ctx_forget(ctx);
	sip_resolve_cancel(relay->w->resolver, branch->resolve_id);
	branch->ctx_id = branch->resolve_id = 0;
	free(branch->dests);
	branch->dests = NULL;
}

/* The transaction has ended, its message is gone. */
static void on_drop(void *user)
{
	struct core_relay *relay = user;

	core_target_forget(relay);
	for (unsigned i = 0; i < relay->begun; i++)
		branch_stop(&relay->branch[i]);
	sip_buf_drop(&relay->best);
	free(relay->branch);
	free(relay);
}

/* 1: whoever had a say in it answers, and RELAY may be gone. */
static int is_taken(struct core_relay *relay, unsigned status)
{
	const struct core_relay_edit *edit = relay->edit;

	return edit && edit->failed && !relay->is_cancelled && edit->failed(edit->arg, status);
}

void core_relay_refuse(struct core_relay *relay, unsigned status, const char *why)
{
	static const struct strv later[] = { { "Retry-After: 5", 14 } };
	struct sip_stx *stx = stx_of(relay);
	struct sip_reply reply = { .status = status, .reason = why };

	if (!stx || relay->is_answered)
		return;
	relay->is_answered = 1;
	if (is_taken(relay, status))
		return;
	if (status == 503) {
		reply.lines = later;
		reply.n_lines = 1;
	}
	if (sip_stx_reply(stx, &reply) < 0)
		sip_stx_drop(stx);
}

/* ---- answers ---- */

/* RFC 3261 s16.7 step 6: a 6xx before all; else the lowest class, and in it what can be mended by
 * the caller. Smaller is better. */
static unsigned rank(unsigned status)
{
	if (status >= 600)
		return 0;
	if (status == 401 || status == 407 || status == 415 || status == 420 || status == 484)
		return 400;
	if (status == 408 || status == 430 || status == 480)
		return 499; /* nobody was there: what one of them said counts more */
	return status / 100 * 100 + 50;
}

/* A response as it goes back: without our Via. */
static struct sip_buf *returned(const struct core_relay *relay, const struct core_branch *branch,
				struct sip_msg *response)
{
	struct sip_edit *edit = sip_edit_new(response);

	if (!edit)
		return NULL;
	sip_edit_pop(edit, SIP_H_VIA);
	core_trust_edit_response(response, branch->target->next == CORE_TO_TRUSTED,
				 relay->is_from_trusted, edit);
	return sip_edit_buf(edit);
}

static void keep_best(struct core_relay *relay, const struct core_branch *branch, unsigned status,
		      struct sip_msg *response)
{
	if (relay->best_status && rank(relay->best_status) <= rank(status))
		return;
	sip_buf_drop(&relay->best);
	relay->best_status = status;
	if (response)
		relay->best = returned(relay, branch, response);
}

/* 1: it has been answered, and RELAY may be gone. */
static int pass_on(struct core_relay *relay, const struct core_branch *branch, unsigned status,
		   struct sip_msg *response)
{
	struct sip_stx *stx = stx_of(relay);
	struct sip_buf *buf = stx ? returned(relay, branch, response) : NULL;

	if (buf)
		sip_stx_reply_buf(stx, status, buf);
	else if (stx && status >= 200)
		sip_stx_reply_status(stx, 500, NULL);
	sip_buf_drop(&buf);
	return 1;
}

/* What only says that we could not reach them is ours to say: 503 would have the caller leave us
 * alone (s16.7 step 6), 430 is between us and the device (RFC 5626 s11.5). 0: BEST says it. */
static unsigned own_status(const struct core_relay *relay)
{
	unsigned status = relay->best_status;

	if (relay->best && status != 503 && status != 430)
		return 0;
	if (relay->is_cancelled)
		return 487;
	if (relay->n_targets && relay->target[0].next != CORE_TO_CLIENT)
		return relay->best || status == 408 ? 504 : 500;
	return 480;
}

static void answer_best(struct core_relay *relay)
{
	struct sip_stx *stx = stx_of(relay);
	unsigned own = own_status(relay), status = own ? own : relay->best_status;
	struct sip_buf *buf = relay->best;

	relay->best = NULL;
	relay->is_answered = 1;
	if (!stx || is_taken(relay, status))
		;
	else if (!own)
		sip_stx_reply_buf(stx, status, buf);
	else
		sip_stx_reply_status(stx, status, NULL);
	sip_buf_drop(&buf);
}

/* ---- branches ---- */

static void branch_end(struct core_branch *branch, unsigned status, struct sip_msg *response)
{
	branch->is_live = 0;
	branch->ctx_id = 0;
	branch->status = status;
	keep_best(branch->relay, branch, status, response);
}

static void on_final(struct core_branch *branch, unsigned status, struct sip_msg *response)
{
	struct core_relay *relay = branch->relay;

	branch->ctx_id = 0;
	if (!response && status == 503 && branch->udp) {
		const struct sip_dest *udp = branch->udp;

		branch->udp = NULL;
		if (send_over(branch, udp, SIZE_MAX) == 0)
			return;
	}
	if (!response && branch->dests) {
		sip_resolve_mark_dead(relay->w->resolver,
				      &branch->dests->dest[branch->n_tried - 1]);
		try_next(branch); /* RFC 3263 s4.3 */
		return;
	}
	if (status < 300 && response) {
		relay->is_answered = 1;
		branch->is_live = 0;
		branch->status = status;
		pass_on(relay, branch, status, response);
		return;
	}
	branch_end(branch, status, response);
}

static void on_answered(void *arg, unsigned status, struct sip_msg *response)
{
	struct core_branch *branch = arg;
	struct core_relay *relay = branch->relay;

	if (status < 200)
		return; /* of no interest but to INVITE */
	relay->busy++;
	on_final(branch, status, response);
	if (status < 300 && response)
		return; /* RELAY is gone */
	relay->busy--;
	settle(relay);
}

/* 0; 1: it has more than MOST octets and was not sent; -1: it cannot go there. */
static int send_over(struct core_branch *branch, const struct sip_dest *dest, size_t most)
{
	struct core_relay *relay = branch->relay;
	struct sip_send send = { .method = relay->method,
				 .method_name = relay->msg->method_name,
				 .dest = *dest,
				 .trace = &relay->msg->trace,
				 .answered = on_answered,
				 .arg = branch };
	struct sip_ctx *ctx;
	size_t n;

	sip_branch_make(relay->w->txns, send.branch);
	n = strlen(send.branch);
	snprintf(send.branch + n, sizeof(send.branch) - n, "-%016llx",
		 (unsigned long long)relay->loop);
	send.buf = core_forward(relay, branch->target, dest, send.branch, branch->breadth);
	if (!send.buf)
		return -1;
	if (sip_buf_size(send.buf) > most) {
		sip_buf_drop(&send.buf);
		return 1;
	}
	ctx = sip_ctx_send(relay->w->txns, &send);
	sip_buf_drop(&send.buf);
	if (!ctx)
		return -1;
	branch->ctx_id = sip_ctx_id(ctx);
	metric_add(relay->core->relayed, 1);
	return 0;
}

/* 0; -1: it cannot go there. A request that is too large for a datagram goes over TCP, unless UDP
 * is asked for or all that is known of a client; over UDP after all when nobody takes the
 * connection (RFC 3261 s18.1.1). */
static int branch_send(struct core_branch *branch, const struct sip_dest *dest)
{
	const struct core_target *target = branch->target;
	struct sip_dest stream;
	struct strv said;
	size_t most = SIZE_MAX;
	int ret;

	branch->udp = NULL;
	if (dest->proto == SIP_UDP && !target->udp_only &&
	    !sip_param(target->hop.params, "transport", &said))
		most = SIP_UDP_REQUEST_MAX;
	ret = send_over(branch, dest, most);
	if (ret <= 0)
		return ret;
	stream = *dest;
	stream.proto = SIP_TCP;
	if (send_over(branch, &stream, SIZE_MAX) < 0)
		return send_over(branch, dest, SIZE_MAX);
	branch->udp = dest;
	return 0;
}

/* The next of what it was resolved to. */
static void try_next(struct core_branch *branch)
{
	while (branch->dests && branch->n_tried < branch->dests->n)
		if (branch_send(branch, &branch->dests->dest[branch->n_tried++]) == 0)
			return;
	branch_end(branch, 503, NULL);
}

static void on_resolved(void *arg, unsigned status, const struct sip_targets *targets)
{
	struct core_branch *branch = arg;
	struct core_relay *relay = branch->relay;

	branch->resolve_id = 0;
	relay->busy++;
	if (!status && targets->n && (branch->dests = malloc(sizeof(*targets)))) {
		*branch->dests = *targets;
		try_next(branch);
	} else {
		branch_end(branch, status ? status : 503, NULL);
	}
	relay->busy--;
	settle(relay);
}

static void branch_begin(struct core_branch *branch)
{
	struct core_relay *relay = branch->relay;

	branch->is_live = 1;
	if (!branch->target->has_dest)
		branch->resolve_id =
			sip_resolve(relay->w->resolver, &branch->target->hop, on_resolved, branch);
	else if (branch_send(branch, &branch->target->dest) < 0)
		branch_end(branch, 503, NULL);
}

/* ---- groups ---- */

/* Another flow of a device that has spoken is of no use (RFC 5626 s7). */
static int has_spoken(const struct core_relay *relay, const struct core_target *target)
{
	for (unsigned i = 0; target->device.n && i < relay->begun; i++)
		if (strv_eq(relay->target[i].device, target->device) && relay->branch[i].status &&
		    relay->branch[i].status != 408 && relay->branch[i].status != 430 &&
		    relay->branch[i].status != 503)
			return 1;
	return 0;
}

/* Begin the branches of the next q, as many as the breadth allows. */
static void begin_group(struct core_relay *relay)
{
	unsigned first = relay->begun, end = first;
	unsigned most = relay->disposition.sequential ? 1 : relay->breadth;

	while (end < relay->n_targets && relay->target[end].q == relay->target[first].q &&
	       end - first < most)
		end++;
	for (; relay->begun < end; relay->begun++) {
		struct core_branch *branch = &relay->branch[relay->begun];

		branch->relay = relay;
		branch->target = &relay->target[relay->begun];
		branch->breadth = relay->breadth / (end - first);
		if (has_spoken(relay, branch->target))
			continue;
		branch_begin(branch);
	}
}

static int is_waiting(const struct core_relay *relay)
{
	for (unsigned i = 0; i < relay->begun; i++)
		if (relay->branch[i].is_live)
			return 1;
	return 0;
}

/* What is to be done now? The last thing that an event does. */
static void settle(struct core_relay *relay)
{
	if (relay->busy || relay->is_answered)
		return;
	relay->busy++;
	while (!is_waiting(relay) && relay->begun < relay->n_targets && relay->best_status < 600 &&
	       !relay->is_cancelled)
		begin_group(relay);
	relay->busy--;
	if (!relay->is_answered && !is_waiting(relay))
		answer_best(relay);
}

void core_relay_go(struct core_relay *relay)
{
	relay->branch = calloc(relay->n_targets, sizeof(*relay->branch));
	if (!relay->branch)
		core_relay_refuse(relay, 500, NULL);
	else
		settle(relay);
}

/* ---- begin ---- */

/* RFC 5393: 0, or what the request is refused with. */
static unsigned check_bounds(struct core_relay *relay)
{
	uint32_t breadth = relay->core->options.breadth_max;

	relay->has_breadth = sip_msg_number(relay->msg, SIP_H_MAX_BREADTH, &breadth);
	if (relay->has_breadth < 0)
		return 400;
	if (breadth > relay->core->options.breadth_max)
		breadth = relay->core->options.breadth_max;
	relay->breadth = breadth;
	if (core_loop_find(relay->core, relay->msg, &relay->loop)) {
		metric_add(relay->core->loops, 1);
		return 482;
	}
	return breadth ? 0 : 440;
}

static int takes_method(enum sip_method method)
{
	return method != SIP_INVITE && method != SIP_ACK && method != SIP_CANCEL;
}

static void begin(struct core_relay *relay)
{
	const char *why = NULL;
	unsigned status;

	if (!takes_method(relay->method)) {
		core_relay_refuse(relay, 405, NULL);
		return;
	}
	status = check_bounds(relay);
	if (!status)
		status = core_trust_privacy(relay->msg, &why);
	if (status)
		core_relay_refuse(relay, status, status == 440 ? "Max-Breadth Exceeded" : why);
	else
		core_target_find(relay);
}

void core_relay(const struct core_req *req)
{
	core_relay_edited(req, NULL);
}

void core_relay_edited(const struct core_req *req, const struct core_relay_edit *edit)
{
	struct core_relay *relay = calloc(1, sizeof(*relay));
	struct core_who *who = arena_alloc(req->msg->arena, sizeof(*who));

	if (!relay || !who) {
		free(relay);
		sip_stx_reply_status(req->stx, 500, NULL);
		return;
	}
	memcpy(who, req->who,
	       offsetof(struct core_who, identity) +
		       req->who->n_identities * sizeof(who->identity[0]));
	relay->core = req->core;
	relay->w = req->w;
	relay->stx_id = sip_stx_id(req->stx);
	relay->msg = req->msg;
	relay->who = who;
	relay->method = req->msg->method;
	relay->edit = edit;
	relay->is_from_trusted = who->peer && who->peer->trusted;
	sip_stx_set_user(req->stx, relay, on_drop);
	begin(relay);
}
