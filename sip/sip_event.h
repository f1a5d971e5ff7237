/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_event.h - event packages of the process: each worker's subscriptions, changes told to all
 *
 * The table of packages is given once. A change of a resource may come from any thread; each worker
 * tells the subscriptions that it owns. With a store, subscriptions are read back at the start.
 */
#ifndef SIP_SIP_EVENT_H
#define SIP_SIP_EVENT_H

#include "kv/kv.h"
#include "sip/sip.h"
#include "sip/sip_sub.h"

struct sip_events;

/* The owner of kept subscriptions in the store: they are of two users, and end by themselves. */
#define SIP_EVENTS_OWNER ".sip-subscriptions"

struct sip_events_options {
	const struct sip_event *events; /* borrowed until sip_events_free */
	unsigned n_events;
	unsigned max_subs;	 /* of a worker; 0: as in sip_subs_options_init */
	unsigned max_of_watcher; /* of the process; 0: the same */
	struct kv *kv;		 /* NULL: nothing is kept */
	/* What watchers may hear by rules of users, asked again when those change; copied. */
	struct sip_sub_rights rights;
};

/* Before the workers run. Reads back what was kept; what cannot be read is logged and deleted. */
int sip_events_new(const struct sip_events_options *options, struct sip *sip,
		   struct workers *workers, struct sip_events **events_out, struct err *err);
/* Nothing is written any more, what is kept stays so: before kv_close, while workers run. */
void sip_events_stop(struct sip_events *events);
/* After the workers have stopped, before sip_free. */
void sip_events_free(struct sip_events **events);

/* Of worker W. */
struct sip_subs *sip_events_subs(struct sip_events *events, const struct sip_worker *w);
struct sip_dialogs *sip_events_dialogs(struct sip_events *events, const struct sip_worker *w);

/* A row for the services: takes every SUBSCRIBE within a dialog of a subscription here, without
 * asking who sends it: the dialog's tags and Call-ID are known to its two ends only. A service that
 * authenticates these as well stands before it and calls sip_subs_subscribe. ARG: the events. */
int sip_events_request(void *arg, struct sip_worker *w, struct sip_stx *stx, struct sip_msg *msg);

/* 1 when package EVENT is about whoever asks (sip_event_ops.is_own), else 0. */
int sip_events_is_own(const struct sip_events *events, struct strv event);

/* The rules of RESOURCE about package EVENT have changed (p NULL: those of anybody may have): every
 * worker asks for the rights of its subscriptions again. As sip_events_changed. */
void sip_events_reconsider(struct sip_events *events, const char *event, struct strv resource);
/* What they are asked of; find NULL: nobody. */
const struct sip_sub_rights *sip_events_rights(const struct sip_events *events);

/* RESOURCE of package EVENT has changed, or (GONE) is no more: every worker tells its
 * subscriptions. Any thread; returns at once. EVENT is a literal. */
void sip_events_changed(struct sip_events *events, const char *event, struct strv resource,
			int gone);

#endif
