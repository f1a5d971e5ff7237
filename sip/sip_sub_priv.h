/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_sub_priv.h - what the files of subscriptions share: sip_sub.c (states, NOTIFY),
 * sip_subscribe.c (SUBSCRIBE), sip_subs.c (the table, kept subscriptions)
 */
#ifndef SIP_SIP_SUB_PRIV_H
#define SIP_SIP_SUB_PRIV_H

#include "base/trace.h"
#include "sip/sip_slots.h"
#include "sip/sip_sub.h"
#include "sip/sip_table.h"

enum sub_state { SUB_PENDING, SUB_ACTIVE, SUB_ENDING, SUB_STATES };

enum sub_what {
	SUB_SUBSCRIBED, /* begun or refreshed */
	SUB_CHANGED,	/* the resource */
	SUB_ALLOWED,
	SUB_RIGHT, /* active still, but hears something else */
	SUB_END,   /* with a reason */
	SUB_EXPIRED,
	SUB_LATER, /* throttle or retry is over */
	SUB_NOTIFIED,
	SUB_NOTIFY_FAILED,
};

struct sub_step {
	enum sub_what what;
	const char *reason;	  /* SUB_END */
	unsigned status, retry_s; /* SUB_NOTIFY_FAILED */
};

/* Whoever watches the same thing. */
struct sub_resource {
	struct sip_node node;
	struct sip_sub *first;
};

struct sip_sub {
	struct sip_sub *next, **link; /* of the same resource */
	struct sub_resource *of;
	struct sip_subs *subs;
	const struct sip_event *event;
	struct sip_dialog *dialog;
	uint64_t id;
	enum sub_state state;
	unsigned char was_active, is_dirty, is_out, is_urgent, has_begun;
	unsigned char waits;	  /* it ends when its first state is there */
	unsigned char is_counted; /* among the watcher's */
	unsigned char is_polite;  /* hears nothing that is so */
	const char *reason, *type;
	uint64_t out; /* the NOTIFY under way */
	uint64_t told_ms, expires_ms;
	int64_t expires_us; /* Unix time */
	uint32_t version;
	struct wheel_timer expiry, later;
	void *user;
	struct strv resource, watcher, event_id;
	struct trace_id trace;
	char text[];
};

struct sip_subs {
	struct sip_subs_options options;
	struct sip_dialogs *dialogs;
	struct sip_slots slots;
	struct sip_table resources;
	uint64_t count;
};

/* sip_sub.c */
void sub_run(struct sip_sub *sub, const struct sub_step *step);
void sub_set_expiry(struct sip_sub *sub, unsigned expires_s);
void sub_restored(struct sip_sub *sub);

/* sip_subs.c. Without a dialog yet; NULL: no memory. */
struct sip_sub *sub_new(struct sip_subs *subs, const struct sip_event *event, struct strv resource,
			struct strv watcher, struct strv event_id, const char *type);
void sub_began(struct sip_sub *sub);
void sub_free(struct sip_sub **sub);
struct sub_resource *sub_resource_find(struct sip_subs *subs, const char *event,
				       struct strv resource);
const struct sip_event *sub_event_find(const struct sip_subs *subs, struct strv name);
const char *sub_type_find(const struct sip_event_ops *ops, struct strv type);
void sub_store_put(struct sip_sub *sub);
void sub_store_del(struct sip_sub *sub);
extern const char sub_kind; /* of their dialogs */

#endif
