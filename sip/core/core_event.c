/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/core_event.c - SUBSCRIBE and PUBLISH to users of ours: who asks, and about whom
 *
 * Identities are settled here; what a package allows and tells is its own affair (sip_sub.h).
 * State is published by its owner alone.
 */
#include <stdlib.h>

#include "sip/core/core_priv.h"

/* A search for the user who is asked about, and then for what may be heard of them. */
struct ticket {
	struct core *core;
	struct sip_worker *w;
	uint64_t stx_id;
	struct auth_identity resource, watcher;
};

static void on_right(void *context, enum sip_sub_right right)
{
	struct ticket *ticket = context;
	struct sip_stx *stx = sip_stx_find(ticket->w->txns, ticket->stx_id);

	if (stx)
		sip_subs_subscribe_as(sip_events_subs(ticket->core->events, ticket->w), stx,
				      auth_identity_text(&ticket->resource),
				      auth_identity_text(&ticket->watcher), right);
	free(ticket);
}

/* Rules of users are another room's; without them nobody is shown to anybody else. */
static void find_right(struct core *core, struct sip_worker *w, struct sip_stx *stx,
		       struct strv event, struct strv resource, struct strv watcher)
{
	const struct sip_sub_rights *rights = sip_events_rights(core->events);
	struct ticket *ticket = rights->find ? malloc(sizeof(*ticket)) : NULL;

	if (!ticket) {
		sip_stx_reply_status(stx, rights->find ? 500 : 403, NULL);
		return;
	}
	*ticket = (struct ticket){ .core = core, .w = w, .stx_id = sip_stx_id(stx) };
	if (auth_identity_parse(resource, NULL, &ticket->resource, NULL) < 0 ||
	    auth_identity_parse(watcher, NULL, &ticket->watcher, NULL) < 0) {
		sip_stx_reply_status(stx, 403, NULL);
		free(ticket);
		return;
	}
	rights->find(rights->arg, event, auth_identity_text(&ticket->resource),
		     auth_identity_text(&ticket->watcher), on_right, ticket);
}

static void watch(struct core *core, struct sip_worker *w, struct sip_stx *stx,
		  struct strv resource, struct strv watcher)
{
	struct sip_msg *msg = sip_stx_request(stx);
	struct strv rest = sip_msg_value(msg, SIP_H_EVENT, 0), event;

	strv_cut(&rest, ';', &event);
	event = strv_trim(event);
	if (strv_eq(resource, watcher) || (msg->is_peer && !strv_eq(event, STRV("presence"))))
		sip_subs_subscribe(sip_events_subs(core->events, w), stx, resource, watcher);
	else
		find_right(core, w, stx, event, resource, watcher);
}

static void act(struct core *core, struct sip_worker *w, struct sip_stx *stx, struct strv resource,
		struct strv watcher)
{
	struct sip_msg *msg = sip_stx_request(stx);

	if (msg->method == SIP_SUBSCRIBE)
		watch(core, w, stx, resource, watcher);
	else if (!core->pubs)
		sip_stx_reply_status(stx, 489, NULL);
	else if (!strv_eq(resource, watcher))
		sip_stx_reply_status(stx, 403, NULL);
	else
		sip_pubs_publish(core->pubs, stx, resource);
}

static void on_found(void *context, enum auth_found found, const struct auth_user *user)
{
	struct ticket *ticket = context;
	struct sip_stx *stx = sip_stx_find(ticket->w->txns, ticket->stx_id);

	if (!stx)
		;
	else if (found == AUTH_BUSY)
		sip_stx_reply_status(stx, 503, NULL);
	else if (!user || user->disabled)
		sip_stx_reply_status(stx, 404, NULL);
	else
		act(ticket->core, ticket->w, stx, user->identity[0],
		    auth_identity_text(&ticket->watcher));
	free(ticket);
}

static int is_self(const struct core_who *who, const struct auth_identity *identity)
{
	for (unsigned i = 0; i < who->n_identities; i++)
		if (strv_eq(auth_identity_text(&who->identity[i]), auth_identity_text(identity)))
			return 1;
	return 0;
}

static void on_who(void *arg, struct sip_worker *w, struct sip_stx *stx, struct sip_msg *msg,
		   const struct core_who *who)
{
	struct core *core = arg;
	struct auth_identity identity;
	struct ticket *ticket;

	if (who->means == AUTH_BY_NOTHING) {
		sip_stx_reply_status(stx, 403, NULL);
		return;
	}
	if (sip_refuse_merged(w, stx))
		return;
	if (auth_identity_parse(msg->uri.text, &core->policy.domains, &identity, NULL) < 0) {
		sip_stx_reply_status(stx, 404, NULL);
		return;
	}
	if (who->known && is_self(who, &identity)) {
		act(core, w, stx, auth_identity_text(&who->home), auth_identity_text(&who->home));
		return;
	}
	ticket = malloc(sizeof(*ticket));
	if (!ticket) {
		sip_stx_reply_status(stx, 500, NULL);
		return;
	}
	*ticket = (struct ticket){
		.core = core, .w = w, .stx_id = sip_stx_id(stx), .watcher = who->home
	};
	core->options.users.find(core->options.users.arg, auth_identity_text(&identity), on_found,
				 ticket);
}

/* About whoever asks, whoever is asked: what is told, the body says. */
static void on_who_own(void *arg, struct sip_worker *w, struct sip_stx *stx, struct sip_msg *msg,
		       const struct core_who *who)
{
	struct core *core = arg;
	struct strv home = auth_identity_text(&who->home);

	(void)msg;
	if (who->means == AUTH_BY_NOTHING)
		sip_stx_reply_status(stx, 403, NULL);
	else
		sip_subs_subscribe(sip_events_subs(core->events, w), stx, home, home);
}

static int is_own(const struct core *core, struct sip_msg *msg)
{
	struct strv event = sip_msg_value(msg, SIP_H_EVENT, 0), name;

	strv_cut(&event, ';', &name);
	return msg->method == SIP_SUBSCRIBE && sip_events_is_own(core->events, strv_trim(name));
}

int core_event_own(struct core *core, struct sip_worker *w, struct sip_stx *stx,
		   struct sip_msg *msg)
{
	if (!core->events || msg->method != SIP_SUBSCRIBE || msg->to_tag.p ||
	    !(core_is_ours(core, msg->uri.host) || sip_is_us(w->sip, &msg->uri)) ||
	    !is_own(core, msg))
		return 0;
	core_authenticate(core, w, stx, CORE_ENDS_HERE, on_who_own, NULL, core);
	return 1;
}

int core_event_request(struct core *core, struct sip_worker *w, struct sip_stx *stx,
		       struct sip_msg *msg)
{
	if (!core->events || (msg->method != SIP_SUBSCRIBE && msg->method != SIP_PUBLISH) ||
	    msg->to_tag.p || !core_is_ours(core, msg->uri.host))
		return 0;
	core_authenticate(core, w, stx, CORE_ENDS_HERE, on_who, NULL, core);
	return 1;
}

void core_set_events(struct core *core, struct sip_events *events, struct sip_pubs *pubs)
{
	core->events = events;
	core->pubs = pubs;
	loc_watch(core->options.loc, core_reg_changed, core);
}
