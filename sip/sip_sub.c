/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_sub.c - the life of a subscription (RFC 6665 s4.1.2 figure 1, s4.2)
 *
 *	state	timers				left by
 *	pending	expiry				decision; expiry, unsubscription: ending
 *	active	expiry, throttle or retry	expiry, unsubscription, end: ending
 *	ending	wait for the state of a fetch	the last NOTIFY's answer
 *
 * A NOTIFY that is not answered, or answered 481 or another failure without Retry-After, ends the
 * subscription at once (s4.2.2, RFC 5057). SUBSCRIBE itself is read in sip_subscribe.c.
 */
#include "sip/sip_sub.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/trace.h"
#include "sip/sip_out.h"
#include "sip/sip_sub_priv.h"

enum { RETRY_MAX_S = 300, RESTORED_MS = 500, RESTORED_A_MS = 5, STATE_WAIT_MS = 5000 };

typedef void sub_state_fn(struct sip_sub *sub, const struct sub_step *step);
static sub_state_fn pending, active, ending;

static const struct {
	const char *name;
	sub_state_fn *fn;
} states[SUB_STATES] = {
	[SUB_PENDING] = { "pending", pending },
	[SUB_ACTIVE] = { "active", active },
	[SUB_ENDING] = { "ending", ending },
};

static const struct sip_below *below_of(const struct sip_sub *sub)
{
	return sip_txns_below(sip_dialogs_txns(sub->subs->dialogs));
}

static uint64_t now_of(const struct sip_sub *sub)
{
	const struct sip_below *below = below_of(sub);

	return below->now_ms(below);
}

void sub_run(struct sip_sub *sub, const struct sub_step *step)
{
	states[sub->state].fn(sub, step);
}

static void enter(struct sip_sub *sub, enum sub_state state)
{
	log_debug(LOG_SIP, "subscription", L_STR("event", sub->event->ops->name),
		  L_STR("from", states[sub->state].name), L_STR("to", states[state].name),
		  L_STR("reason", sub->reason ? sub->reason : "-"), L_ID(&sub->trace));
	sub->state = state;
}

/* ---- timers ---- */

static void on_expiry(struct wheel_timer *timer)
{
	sub_run((struct sip_sub *)(void *)((char *)timer - offsetof(struct sip_sub, expiry)),
		&(struct sub_step){ .what = SUB_EXPIRED });
}

static void on_later(struct wheel_timer *timer)
{
	sub_run((struct sip_sub *)(void *)((char *)timer - offsetof(struct sip_sub, later)),
		&(struct sub_step){ .what = SUB_LATER });
}

static void clear(struct sip_sub *sub, struct wheel_timer *timer)
{
	const struct sip_below *below = below_of(sub);

	if (wheel_timer_is_set(timer))
		below->timer_clear(below, timer);
}

void sub_set_expiry(struct sip_sub *sub, unsigned expires_s)
{
	const struct sip_below *below = below_of(sub);

	sub->expires_ms = now_of(sub) + (uint64_t)expires_s * 1000;
	sub->expires_us = below->unix_us(below) + (int64_t)expires_s * 1000000;
	below->timer_set(below, &sub->expiry, (uint64_t)expires_s * 1000, on_expiry);
}

static void tell_later(struct sip_sub *sub, uint64_t delay_ms)
{
	const struct sip_below *below = below_of(sub);

	if (!wheel_timer_is_set(&sub->later))
		below->timer_set(below, &sub->later, delay_ms, on_later);
}

unsigned sip_sub_expires_s(const struct sip_sub *sub)
{
	uint64_t now_ms = now_of(sub);

	return sub->expires_ms > now_ms ? (unsigned)((sub->expires_ms - now_ms + 999) / 1000) : 0;
}

/* ---- NOTIFY ---- */

static void accepted(struct sip_sub *sub)
{
	const struct sip_event_ops *ops = sub->event->ops;

	if (ops->told && sub->was_active && ops->told(sub->event->arg, sub) == 1 &&
	    sub->state != SUB_ENDING)
		sub->is_dirty = sub->is_urgent = 1;
	sub_run(sub, &(struct sub_step){ .what = SUB_NOTIFIED });
}

static void on_notified(void *arg, unsigned status, struct sip_msg *response)
{
	struct sip_sub *sub = arg;
	uint32_t retry_s = 0;

	if (status < 200)
		return;
	sub->out = 0;
	sub->is_out = 0;
	if (status < 300) {
		accepted(sub);
		return;
	}
	if (response && sip_msg_number(response, SIP_H_RETRY_AFTER, &retry_s) != 1)
		retry_s = 0;
	log_info(LOG_SIP, "notify refused", L_STR("event", sub->event->ops->name),
		 L_INT("status", status), L_INT("retry_s", retry_s), L_ID(&sub->trace));
	sub_run(sub, &(struct sub_step){
			     .what = SUB_NOTIFY_FAILED, .status = status, .retry_s = retry_s });
}

static const char *state_line(struct sip_sub *sub, struct arena *arena)
{
	if (sub->state == SUB_ENDING)
		return arena_printf(arena, "Subscription-State: terminated;reason=%s", sub->reason);
	return arena_printf(arena, "Subscription-State: %s;expires=%u", states[sub->state].name,
			    sip_sub_expires_s(sub));
}

static const char *event_line(struct sip_sub *sub, struct arena *arena)
{
	return arena_printf(arena, "Event: %s%s%.*s", sub->event->ops->name,
			    sub->event_id.n ? ";id=" : "", STRV_ARG(sub->event_id));
}

static int state_of(struct sip_sub *sub, struct arena *arena, struct sip_event_body *body)
{
	const struct sip_event_ops *ops = sub->event->ops;

	return (sub->is_polite ? ops->neutral : ops->state)(sub->event->arg, sub, arena, body);
}

/* Make and send one NOTIFY. 1 it is under way (or has been answered already, SUB may be gone), 0
 * there is nothing to be told now, -1 no memory. */
static int send_notify(struct sip_sub *sub, struct arena *arena)
{
	struct sip_event_body body = { STRV(""), STRV("") };
	const char *text[2] = { event_line(sub, arena), state_line(sub, arena) };
	struct strv lines[2] = { strv_of(text[0]), strv_of(text[1]) };
	struct sip_dialog_request request = {
		.method = SIP_NOTIFY,
		.lines = lines,
		.n_lines = 2,
		.trace = &sub->trace,
		.answered = on_notified,
		.arg = sub,
	};
	struct sip_subs *subs = sub->subs;
	uint64_t id = sub->id, out;

	if (!text[0] || !text[1])
		return -1;
	if (sub->was_active && state_of(sub, arena, &body) < 0 &&
	    (sub->state != SUB_ENDING || sub->waits))
		return 0;
	request.content_type = body.body.n ? body.type : STRV("");
	request.body = body.body;
	sub->version++;
	sub->is_out = 1;
	sub->is_dirty = sub->is_urgent = sub->waits = 0;
	sub->told_ms = now_of(sub);
	if (sip_dialog_send(sub->dialog, &request, &out) < 0) {
		sub->is_out = 0;
		return -1;
	}
	/* It may have failed, and the subscription ended, before this. */
	if (sip_slots_find(&subs->slots, id) && sub->is_out)
		sub->out = out;
	return 1;
}

/* Tell the watcher, unless something is under way or was told too recently. */
static void tell(struct sip_sub *sub)
{
	struct sip_txns *txns = sip_dialogs_txns(sub->subs->dialogs);
	unsigned throttle_ms = sub->event->ops->throttle_ms;
	uint64_t since_ms = now_of(sub) - sub->told_ms;
	struct arena *arena;
	int sent;

	sub->is_dirty = 1;
	if (sub->is_out)
		return;
	if (sub->version && sub->state == SUB_ACTIVE && !sub->is_urgent && since_ms < throttle_ms) {
		tell_later(sub, throttle_ms - since_ms);
		return;
	}
	if (!sub->waits)
		clear(sub, &sub->later);
	arena = sip_txns_arena(txns);
	sent = arena ? send_notify(sub, arena) : -1;
	sip_txns_arena_done(txns, &arena);
	if (sent < 0 && sub->state == SUB_ENDING)
		sub_free(&sub);
	else if (sent < 0)
		tell_later(sub, 1000);
}

/* The whole state, at once: what a SUBSCRIBE asks for (s4.2.1.2). */
static void tell_now(struct sip_sub *sub)
{
	sub->is_urgent = 1;
	tell(sub);
}

static void end(struct sip_sub *sub, const char *reason)
{
	sub->reason = reason;
	enter(sub, SUB_ENDING);
	clear(sub, &sub->expiry);
	clear(sub, &sub->later);
	sub_store_del(sub);
	if (!sub->version && sub->was_active && sub->event->ops->comes_later) {
		sub->waits = 1;
		tell_later(sub, STATE_WAIT_MS);
	}
	tell_now(sub);
}

/* ---- states ---- */

static void failed(struct sip_sub *sub, const struct sub_step *step)
{
	if (step->retry_s) {
		sub->is_dirty = 1;
		tell_later(sub,
			   1000ull * (step->retry_s < RETRY_MAX_S ? step->retry_s : RETRY_MAX_S));
		return;
	}
	sub_store_del(sub);
	sub_free(&sub);
}

static void notified(struct sip_sub *sub)
{
	if (sub->is_dirty)
		tell(sub);
}

static void pending(struct sip_sub *sub, const struct sub_step *step)
{
	switch (step->what) {
	case SUB_SUBSCRIBED:
		tell_now(sub);
		break;
	case SUB_ALLOWED:
		sub->was_active = 1;
		enter(sub, SUB_ACTIVE);
		sub_store_put(sub);
		tell_now(sub);
		break;
	case SUB_END:
		end(sub, step->reason);
		break;
	case SUB_EXPIRED:
		end(sub, "timeout");
		break;
	case SUB_NOTIFIED:
	case SUB_LATER:
		notified(sub);
		break;
	case SUB_NOTIFY_FAILED:
		failed(sub, step);
		break;
	case SUB_CHANGED: /* not theirs to know */
	case SUB_RIGHT:
		break;
	}
}

static void active(struct sip_sub *sub, const struct sub_step *step)
{
	switch (step->what) {
	case SUB_SUBSCRIBED:
		tell_now(sub);
		break;
	case SUB_CHANGED:
		if (!sub->is_polite)
			tell(sub);
		break;
	case SUB_RIGHT:
		sub_store_put(sub);
		tell_now(sub);
		break;
	case SUB_END:
		end(sub, step->reason);
		break;
	case SUB_EXPIRED:
		end(sub, "timeout");
		break;
	case SUB_NOTIFIED:
	case SUB_LATER:
		notified(sub);
		break;
	case SUB_NOTIFY_FAILED:
		failed(sub, step);
		break;
	case SUB_ALLOWED:
		break;
	}
}

static void ending(struct sip_sub *sub, const struct sub_step *step)
{
	switch (step->what) {
	case SUB_NOTIFIED:
		if (sub->is_dirty) /* the one before was under way when it ended */
			tell(sub);
		else
			sub_free(&sub);
		break;
	case SUB_NOTIFY_FAILED:
		sub_free(&sub);
		break;
	case SUB_CHANGED:
		if (sub->waits)
			tell(sub);
		break;
	case SUB_LATER: /* waited long enough */
		if (sub->waits) {
			sub->waits = 0;
			tell(sub);
		}
		break;
	case SUB_SUBSCRIBED:
	case SUB_ALLOWED:
	case SUB_RIGHT:
	case SUB_END:
	case SUB_EXPIRED:
		break;
	}
}

/* ---- asked and told from outside ---- */

struct strv sip_sub_resource(const struct sip_sub *sub)
{
	return sub->resource;
}

struct strv sip_sub_watcher(const struct sip_sub *sub)
{
	return sub->watcher;
}

const char *sip_sub_type(const struct sip_sub *sub)
{
	return sub->type;
}

struct strv sip_sub_tag(const struct sip_sub *sub)
{
	return sub->dialog->local_tag;
}

uint32_t sip_sub_version(const struct sip_sub *sub)
{
	return sub->version;
}

void sip_sub_set_user(struct sip_sub *sub, void *user)
{
	sub->user = user;
}

void *sip_sub_user(const struct sip_sub *sub)
{
	return sub->user;
}

const char *sip_sub_event(const struct sip_sub *sub)
{
	return sub->event->ops->name;
}

const char *sip_sub_state(const struct sip_sub *sub)
{
	return states[sub->state].name;
}

void sip_sub_decide(struct sip_sub *sub, int allowed)
{
	if (allowed)
		sub_run(sub, &(struct sub_step){ .what = SUB_ALLOWED });
	else
		sip_sub_end(sub, "rejected");
}

void sip_sub_set_right(struct sip_sub *sub, enum sip_sub_right right)
{
	int was_polite = sub->is_polite;

	if (right == SIP_SUB_POLITE && !sub->event->ops->neutral)
		right = SIP_SUB_REFUSED;
	if (right == SIP_SUB_UNKNOWN || (right == SIP_SUB_PENDING && sub->state == SUB_PENDING))
		return;
	if (right == SIP_SUB_REFUSED || right == SIP_SUB_PENDING) {
		sub->was_active = 0; /* the last NOTIFY says nothing any more */
		sip_sub_end(sub, right == SIP_SUB_PENDING ? "deactivated" : "rejected");
		return;
	}
	sub->is_polite = right == SIP_SUB_POLITE;
	if (sub->state == SUB_PENDING)
		sub_run(sub, &(struct sub_step){ .what = SUB_ALLOWED });
	else if (was_polite != sub->is_polite)
		sub_run(sub, &(struct sub_step){ .what = SUB_RIGHT });
}

void sip_sub_changed(struct sip_sub *sub)
{
	sub_run(sub, &(struct sub_step){ .what = SUB_CHANGED });
}

void sip_sub_keep(struct sip_sub *sub)
{
	if (sub->state != SUB_ENDING)
		sub_store_put(sub);
}

void sip_sub_end(struct sip_sub *sub, const char *reason)
{
	sub_run(sub, &(struct sub_step){ .what = SUB_END, .reason = reason });
}

/* Every subscription to RESOURCE; STEP may end it. */
static void each_of(struct sip_subs *subs, const char *event, struct strv resource,
		    const struct sub_step *step)
{
	struct sub_resource *of = sub_resource_find(subs, event, resource);
	struct sip_sub *sub, *next;

	/* The last one to go takes its resource along: that is why next is read before. */
	for (sub = of ? of->first : NULL; sub; sub = next) {
		next = sub->next;
		sub_run(sub, step);
	}
}

void sip_subs_changed(struct sip_subs *subs, const char *event, struct strv resource)
{
	each_of(subs, event, resource, &(struct sub_step){ .what = SUB_CHANGED });
}

void sip_subs_gone(struct sip_subs *subs, const char *event, struct strv resource)
{
	each_of(subs, event, resource,
		&(struct sub_step){ .what = SUB_END, .reason = "noresource" });
}

/* ---- rights ---- */

struct question {
	struct sip_subs *subs;
	uint64_t id;
};

static void on_right(void *context, enum sip_sub_right right)
{
	struct question *question = context;
	struct sip_sub *sub = sip_slots_find(&question->subs->slots, question->id);

	if (sub)
		sip_sub_set_right(sub, right);
	free(question);
}

static void reconsider(struct sip_sub *sub, const struct sip_sub_rights *rights)
{
	struct question *question;

	if (strv_eq(sub->resource, sub->watcher) || sub->state == SUB_ENDING)
		return;
	question = malloc(sizeof(*question));
	if (!question) {
		sip_sub_end(sub, "deactivated");
		return;
	}
	*question = (struct question){ sub->subs, sub->id };
	rights->find(rights->arg, strv_of(sub->event->ops->name), sub->resource, sub->watcher,
		     on_right, question);
}

void sip_subs_reconsider(struct sip_subs *subs, const char *event, struct strv resource,
			 const struct sip_sub_rights *rights)
{
	struct sub_resource *of = resource.p ? sub_resource_find(subs, event, resource) : NULL;
	struct sip_sub *sub, *next;

	for (sub = of ? of->first : NULL; sub; sub = next) {
		next = sub->next;
		reconsider(sub, rights);
	}
	for (uint32_t i = 0; !resource.p && i < subs->slots.n_used; i++) {
		sub = sip_slots_at(&subs->slots, i);
		if (sub && strcmp(sub->event->ops->name, event) == 0)
			reconsider(sub, rights);
	}
}

/* Not all of them at once: five a millisecond. */
void sub_restored(struct sip_sub *sub)
{
	sub->is_dirty = 1;
	tell_later(sub, 1 + trace_random() % (RESTORED_MS + sub->subs->count / RESTORED_A_MS));
}
