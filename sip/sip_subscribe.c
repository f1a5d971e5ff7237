/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_subscribe.c - SUBSCRIBE and its answers (RFC 6665 s4.2.1)
 *
 * 489 for a package that is not there, 406 for bodies that it does not make, 415 for what it cannot
 * read, 423 for less time than it gives, 481 for a dialog that is not (any more), 403 for somebody
 * else's. The 200 has left before the first NOTIFY does.
 */
#include <limits.h>
#include <stdio.h>

#include "sip/sip.h"
#include "sip/sip_sub_priv.h"
#include "sip/sip_tally.h"

enum { BRIEF_S = 3600 }; /* below which a duration may be called too brief (s4.2.1.1) */

static const char supported[] = "eventlist, path, gruu, outbound";

/* ---- what is asked ---- */

struct asked {
	struct sip_subs *subs;
	struct sip_stx *stx;
	struct sip_msg *msg;
	struct strv event_name, event_id; /* id: empty when there is none */
	const struct sip_event *event;
	const char *type;
	unsigned expires_s;
	enum sip_sub_right right;
};

static int refuse(struct asked *asked, unsigned status, const char *name, const char *value)
{
	struct strv lines[1] = { STRV("") };
	const char *text = name ? arena_printf(asked->msg->arena, "%s: %s", name, value) : NULL;

	if (text)
		lines[0] = strv_of(text);
	sip_stx_reply(asked->stx, &(struct sip_reply){ .status = status,
						       .lines = lines,
						       .n_lines = text ? 1 : 0 });
	return -1;
}

static int refuse_event(struct asked *asked)
{
	const struct sip_subs_options *o = &asked->subs->options;
	const char *list = "";

	for (unsigned i = 0; i < o->n_events; i++) {
		list = arena_printf(asked->msg->arena, "%s%s%s", list, i ? ", " : "",
				    o->events[i].ops->name);
		if (!list)
			return refuse(asked, 489, NULL, NULL);
	}
	return refuse(asked, 489, "Allow-Events", list);
}

static int read_event(struct asked *asked)
{
	struct strv value = sip_msg_value(asked->msg, SIP_H_EVENT, 0), id = STRV("");

	if (!value.p)
		return refuse_event(asked);
	strv_cut(&value, ';', &asked->event_name);
	asked->event_name = strv_trim(asked->event_name);
	if (value.n && sip_param(value, "id", &id) == 1 && id.p)
		asked->event_id = id;
	asked->event = sub_event_find(asked->subs, asked->event_name);
	return asked->event ? 0 : refuse_event(asked);
}

/* 1 when RANGE, one media range of Accept without its parameters, takes TYPE. */
static int takes(struct strv range, struct strv type)
{
	struct strv major, rest = type;

	if (strv_eq(range, STRV("*/*")) || strv_caseeq(range, type))
		return 1;
	strv_cut(&rest, '/', &major);
	return range.n == major.n + 2 && strv_caseeq(strv_mem(range.p, major.n), major) &&
	       memcmp(range.p + major.n, "/*", 2) == 0;
}

/* The first of our types that Accept has (RFC 3261 s20.1); without Accept the package's default. */
static int read_accept(struct asked *asked)
{
	const struct sip_event_ops *ops = asked->event->ops;
	struct strv list = sip_msg_list(asked->msg, SIP_H_ACCEPT), one, range;

	asked->type = ops->types[0];
	if (!list.p)
		return 0;
	for (const char *const *type = ops->types; *type; type++)
		for (struct strv rest = list; rest.n;) {
			strv_cut(&rest, ',', &one);
			strv_cut(&one, ';', &range);
			if (takes(strv_trim(range), strv_of(*type))) {
				asked->type = *type;
				return 0;
			}
		}
	return refuse(asked, 406, "Accept", ops->types[0]);
}

/* A body that the package does not read is passed over, as it would be without the package's
 * knowing of bodies (RFC 3261 s21.4.13). */
static int read_body(struct asked *asked)
{
	const char *asks = asked->event->ops->asks;
	struct strv value, type;

	if (!asks || !asked->msg->body.n)
		return 0;
	value = sip_msg_value(asked->msg, SIP_H_CONTENT_TYPE, 0);
	strv_cut(&value, ';', &type);
	if (strv_caseeq(strv_trim(type), strv_of(asks)))
		return 0;
	return refuse(asked, 415, "Accept", asks);
}

static int read_expires(struct asked *asked)
{
	const struct sip_event_ops *ops = asked->event->ops;
	uint32_t expires_s = ops->default_s;
	char text[16];
	int found = sip_msg_number(asked->msg, SIP_H_EXPIRES, &expires_s);

	if (found < 0)
		return refuse(asked, 400, NULL, NULL);
	if (expires_s && expires_s < ops->min_s && expires_s < BRIEF_S) {
		snprintf(text, sizeof(text), "%u", ops->min_s);
		return refuse(asked, 423, "Min-Expires", text);
	}
	asked->expires_s = expires_s > ops->max_s ? ops->max_s : expires_s;
	return 0;
}

/* ---- answers ---- */

static int accept_subscribe(struct asked *asked, struct sip_sub *sub)
{
	struct arena *arena = asked->msg->arena;
	const char *text[2] = {
		arena_printf(arena, "Expires: %u", asked->expires_s),
		arena_printf(arena, "Contact: %.*s", STRV_ARG(sub->dialog->contact)),
	};
	struct strv lines[2] = { strv_of(text[0]), strv_of(text[1]) };

	if (!text[0] || !text[1])
		return -1;
	return sip_stx_reply(asked->stx, &(struct sip_reply){ .status = 200,
							      .to_tag = sub->dialog->local_tag,
							      .lines = lines,
							      .n_lines = 2,
							      .record_route = 1 });
}

/* Our end of the dialog, as it is reached the way the request came. */
static struct strv contact_for(struct asked *asked, struct strv tag)
{
	const struct sip_below *below = sip_txns_below(sip_dialogs_txns(asked->subs->dialogs));
	int is_sips = strv_caseeq(asked->msg->uri.scheme, STRV("sips"));
	static const char *const transport[SIP_PROTOS] = { "", ";transport=tcp", ";transport=tls",
							   ";transport=ws", ";transport=wss" };
	char host[SIP_ADDR_TEXT];
	struct sip_addr local;
	struct sip_dest dest;

	sip_reply_dest(asked->msg, &dest);
	if (below->local(below, &dest, &local) < 0)
		return strv_mem(NULL, 0);
	return strv_of(arena_printf(asked->msg->arena, "<%s:%.*s@%s%s>", is_sips ? "sips" : "sip",
				    STRV_ARG(tag), sip_addr_print(&local, host),
				    is_sips && dest.proto == SIP_TLS ? "" : transport[dest.proto]));
}

static struct sip_sub *make(struct asked *asked, struct strv resource, struct strv watcher)
{
	struct sip_subs *subs = asked->subs;
	char tag[SIP_TAG_BYTES];
	struct sip_sub *sub;
	struct strv contact;

	sip_tag_make(sip_dialogs_txns(subs->dialogs), tag);
	contact = contact_for(asked, strv_of(tag));
	sub = contact.p
		      ? sub_new(subs, asked->event, resource, watcher, asked->event_id, asked->type)
		      : NULL;
	if (!sub)
		return NULL;
	sub->trace = asked->msg->trace;
	sub->dialog = sip_dialog_new_uas(subs->dialogs, asked->msg, strv_of(tag), contact,
					 &sub_kind, sub);
	if (!sub->dialog)
		sub_free(&sub);
	return sub;
}

/* Told once it stands in the table: the package may end or change it there and then. */
static void begin(struct asked *asked, struct sip_sub *sub, unsigned allowed)
{
	sub->state = allowed == 202 ? SUB_PENDING : SUB_ACTIVE;
	sub->was_active = sub->state == SUB_ACTIVE;
	if (asked->expires_s)
		sub_set_expiry(sub, asked->expires_s);
	if (accept_subscribe(asked, sub) < 0) {
		sub_free(&sub);
		return;
	}
	sub_began(sub);
	if (!asked->expires_s) { /* a fetch (s4.4.3) */
		sip_sub_end(sub, "timeout");
		return;
	}
	sub_store_put(sub);
	sub_run(sub, &(struct sub_step){ .what = SUB_SUBSCRIBED });
}

/* By the right that the caller found, then by the package. */
static unsigned allow(struct asked *asked, struct sip_sub *sub)
{
	const struct sip_event_ops *ops = asked->event->ops;

	sub->is_polite = asked->right == SIP_SUB_POLITE;
	if (asked->right == SIP_SUB_UNKNOWN)
		return 503;
	if (asked->right == SIP_SUB_REFUSED || (sub->is_polite && !ops->neutral))
		return 403;
	if (asked->right == SIP_SUB_PENDING)
		return 202;
	return ops->allow ? ops->allow(asked->event->arg, sub, asked->msg) : 200;
}

static void initial(struct asked *asked, struct strv resource, struct strv watcher)
{
	const struct sip_subs_options *o = &asked->subs->options;
	unsigned allowed;
	struct sip_sub *sub;
	int counted;

	if (read_event(asked) < 0 || sip_refuse_required(asked->stx, supported) ||
	    read_accept(asked) < 0 || read_body(asked) < 0 || read_expires(asked) < 0)
		return;
	if (!sip_msg_raw(asked->msg, SIP_H_CONTACT).p) {
		refuse(asked, 400, NULL, NULL);
		return;
	}
	if (asked->subs->count >= o->max_subs) {
		refuse(asked, 503, "Retry-After", "60");
		return;
	}
	counted = sip_tally_take(o->tally, watcher,
				 asked->msg->is_peer ? UINT_MAX : o->max_of_watcher);
	sub = counted == 1 ? make(asked, resource, watcher) : NULL;
	if (!sub) {
		if (counted == 1)
			sip_tally_give(o->tally, watcher);
		if (counted == 0)
			refuse(asked, 503, "Retry-After", "60");
		else
			refuse(asked, 500, NULL, NULL);
		return;
	}
	sub->is_counted = 1;
	allowed = allow(asked, sub);
	if (allowed != 200 && allowed != 202) {
		sub_free(&sub);
		refuse(asked, allowed, NULL, NULL);
		return;
	}
	begin(asked, sub, allowed);
}

/* ---- within a dialog ---- */

static struct sip_sub *find(struct sip_subs *subs, const struct sip_msg *msg)
{
	struct sip_dialog *dialog = sip_dialog_find(subs->dialogs, msg);

	return dialog && dialog->kind == &sub_kind ? dialog->user : NULL;
}

int sip_subs_owns(struct sip_subs *subs, const struct sip_msg *msg)
{
	return find(subs, msg) != NULL;
}

static void refresh(struct asked *asked, struct sip_sub *sub, struct strv watcher)
{
	unsigned status;

	if (!sub || sub->state == SUB_ENDING) {
		refuse(asked, 481, NULL, NULL);
		return;
	}
	if (watcher.p && !strv_eq(watcher, sub->watcher)) {
		refuse(asked, 403, NULL, NULL);
		return;
	}
	if (read_event(asked) < 0)
		return;
	if (asked->event != sub->event || !strv_eq(asked->event_id, sub->event_id)) {
		refuse(asked, 481, NULL, NULL);
		return;
	}
	if (sip_refuse_required(asked->stx, supported) || read_body(asked) < 0 ||
	    read_expires(asked) < 0)
		return;
	status = sip_dialog_accept(sub->dialog, asked->msg);
	if (!status && asked->expires_s && sub->event->ops->refreshed) {
		status = sub->event->ops->refreshed(sub->event->arg, sub, asked->msg);
		status = status == 200 ? 0 : status;
	}
	if (status) {
		refuse(asked, status, NULL, NULL);
		return;
	}
	if (asked->expires_s)
		sub_set_expiry(sub, asked->expires_s);
	if (accept_subscribe(asked, sub) < 0)
		return;
	if (!asked->expires_s) {
		sip_sub_end(sub, "timeout");
		return;
	}
	sub_store_put(sub);
	sub_run(sub, &(struct sub_step){ .what = SUB_SUBSCRIBED });
}

void sip_subs_subscribe_as(struct sip_subs *subs, struct sip_stx *stx, struct strv resource,
			   struct strv watcher, enum sip_sub_right right)
{
	struct asked asked = {
		.subs = subs, .stx = stx, .msg = sip_stx_request(stx), .right = right
	};

	asked.event_id = STRV("");
	if (asked.msg->to_tag.p)
		refresh(&asked, find(subs, asked.msg), watcher);
	else
		initial(&asked, resource, watcher.p ? watcher : STRV(""));
}

void sip_subs_subscribe(struct sip_subs *subs, struct sip_stx *stx, struct strv resource,
			struct strv watcher)
{
	sip_subs_subscribe_as(subs, stx, resource, watcher, SIP_SUB_ALLOWED);
}
