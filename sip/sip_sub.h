/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_sub.h - subscriptions, as their notifier (RFC 6665); event packages as rows of a table
 *
 * A package is one file and one row: a struct sip_event_ops that says who may, what the state of a
 * resource is, and how often it may be told. Everything else is here: SUBSCRIBE and its refusals,
 * the dialog, expiry, NOTIFY with the whole state at each (re)subscription and each change, not
 * faster than the package allows, not before the last one has been answered, the end.
 *
 * A subscription belongs to one worker, whose number its To tag and Contact carry. It is written
 * down when it begins, is refreshed and ends, and goes on after a restart.
 */
#ifndef SIP_SIP_SUB_H
#define SIP_SIP_SUB_H

#include "base/arena.h"
#include "sip/sip_dialog.h"
#include "sip/sip_txn.h"

struct sip_sub;
struct sip_subs; /* of one worker */
struct sip_tally;

/* What a watcher may hear, by rules of whoever is watched (RFC 5025 s3.2.1). */
enum sip_sub_right {
	SIP_SUB_REFUSED, /* 403; a subscription that is there ends */
	SIP_SUB_PENDING, /* until somebody decides */
	SIP_SUB_POLITE,	 /* as if allowed, but what is told says nothing (sip_event_ops.neutral) */
	SIP_SUB_ALLOWED,
	SIP_SUB_UNKNOWN, /* cannot be told now: 503; a subscription stays as it is */
};
typedef void sip_sub_right_fn(void *context, enum sip_sub_right right);

/* Who knows them. FIND calls DONE once, on the calling worker, maybe before it returns; RESOURCE
 * and WATCHER are canonical, different, and need not outlive the call. NULL: all are refused. */
struct sip_sub_rights {
	void (*find)(void *arg, struct strv event, struct strv resource, struct strv watcher,
		     sip_sub_right_fn *done, void *context);
	void *arg;
};

struct sip_event_body {
	struct strv type, body; /* empty: the NOTIFY has none */
};

struct sip_event_ops {
	const char *name;		  /* as in Event */
	const char *const *types;	  /* bodies it makes, best first; NULL behind the last */
	unsigned default_s, min_s, max_s; /* duration of a subscription */
	unsigned throttle_ms;		  /* between two NOTIFYs of one subscription */
	const char *asks; /* type of the body that SUBSCRIBE may have (else 415); NULL: not read */
	int is_own;	  /* about whoever asks: the Request-URI names nobody */
	/* What is known of the resource comes a moment after SUBSCRIBE: a fetch waits for it. */
	int comes_later;

	/* May it be? 200: active; 202: pending until sip_sub_decide; else what SUBSCRIBE is
	 * answered (403, 404, ...). NULL: whoever calls sip_subs_subscribe has decided. */
	unsigned (*allow)(void *arg, struct sip_sub *sub, struct sip_msg *request);
	/* The state of the resource for this subscription, whole or, after the first time, as the
	 * package's own counting (sip_sub_version) wants it; in ARENA or longer-lived. 0; -1:
	 * cannot be told now: nothing is sent, until the next change. Not asked while pending. */
	int (*state)(void *arg, struct sip_sub *sub, struct arena *arena,
		     struct sip_event_body *body_out);
	/* What a watcher hears who is blocked politely. NULL: nobody is, they are refused. */
	int (*neutral)(void *arg, struct sip_sub *sub, struct arena *arena,
		       struct sip_event_body *body_out);
	void (*began)(void *arg, struct sip_sub *sub); /* also when read back; may be NULL */
	/* May be NULL. Also when it did not begin after all, if allow has given it a user. */
	void (*ended)(void *arg, struct sip_sub *sub);

	/* For packages that keep something of each subscription (sip_sub_user); may be NULL. */
	/* A refresh has come. 200; else what it is answered, and everything is as before. */
	unsigned (*refreshed)(void *arg, struct sip_sub *sub, struct sip_msg *request);
	/* The last NOTIFY has been accepted. 1 there is more to be told at once, else 0. */
	int (*told)(void *arg, struct sip_sub *sub);
	/* What is written down with the subscription, in ARENA; empty: nothing. */
	struct strv (*keep)(void *arg, struct sip_sub *sub, struct arena *arena);
	/* Back, before began, before the workers run. 0; -1: it is none of ours. */
	int (*restored)(void *arg, struct sip_sub *sub, struct strv kept);
};

struct sip_event {
	const struct sip_event_ops *ops;
	void *arg;
};

struct sip_subs_options {
	const struct sip_event *events; /* borrowed */
	unsigned n_events;
	unsigned max_subs; /* of a worker; more: 503 */
	/* Of one watcher, over all that count together by TALLY (borrowed; NULL: nobody counts);
	 * more: 503. Servers of the trust domain are not limited. */
	unsigned max_of_watcher;
	struct sip_tally *tally;
	/* Where subscriptions are kept, each by its tag; NULL: nowhere. They do not wait. */
	void (*store_put)(void *arg, struct strv tag, struct strv value);
	void (*store_del)(void *arg, struct strv tag);
	void *store_arg;
};
void sip_subs_options_init(struct sip_subs_options *options);

int sip_subs_new(const struct sip_subs_options *options, struct sip_dialogs *dialogs,
		 struct sip_subs **subs_out, struct err *err);
/* Nothing is sent, and what is kept stays so: they go on after the restart. */
void sip_subs_free(struct sip_subs **subs);

/* SUBSCRIBE, initial or within a dialog: it is answered here in every case. RESOURCE is what the
 * package knows the state by, WATCHER who asks, both canonical identities that the caller has
 * settled; a refresh by another watcher gets 403 (WATCHER.p NULL: not looked at). */
void sip_subs_subscribe(struct sip_subs *subs, struct sip_stx *stx, struct strv resource,
			struct strv watcher);
/* The same outside of a dialog for a watcher with that right. */
void sip_subs_subscribe_as(struct sip_subs *subs, struct sip_stx *stx, struct strv resource,
			   struct strv watcher, enum sip_sub_right right);
/* Ask RIGHTS again for the subscriptions of others to RESOURCE (p NULL: to anything of EVENT): the
 * rules have changed. */
void sip_subs_reconsider(struct sip_subs *subs, const char *event, struct strv resource,
			 const struct sip_sub_rights *rights);
/* 1 when the request is in the dialog of a subscription of ours. */
int sip_subs_owns(struct sip_subs *subs, const struct sip_msg *msg);

/* The state of RESOURCE has changed: its subscriptions on this worker are told. */
void sip_subs_changed(struct sip_subs *subs, const char *event, struct strv resource);
/* It is gone for good: they end (RFC 6665 s4.1.3: noresource). */
void sip_subs_gone(struct sip_subs *subs, const char *event, struct strv resource);

/* Read back what store_put was given; its state is told soon, at a random moment. 0; -1 it is not
 * of the form, has ended, or its package is not there: it is to be deleted. */
int sip_subs_restore(struct sip_subs *subs, struct strv value);

/* ---- one subscription; views live as long as it ---- */

struct strv sip_sub_resource(const struct sip_sub *sub);
struct strv sip_sub_watcher(const struct sip_sub *sub);
const char *sip_sub_type(const struct sip_sub *sub); /* the body type that was agreed on */
struct strv sip_sub_tag(const struct sip_sub *sub);  /* our tag: names it for good */
/* 0 for the first NOTIFY, one more for each (RFC 3680 s5: the document's version). */
uint32_t sip_sub_version(const struct sip_sub *sub);
unsigned sip_sub_expires_s(const struct sip_sub *sub);
void sip_sub_set_user(struct sip_sub *sub, void *user); /* the package's, freed in ended */
void *sip_sub_user(const struct sip_sub *sub);
/* A pending one becomes active (ALLOWED 1) or ends, rejected. */
void sip_sub_decide(struct sip_sub *sub, int allowed);
/* The watcher's right is now RIGHT: pending ones become active or end, active ones end (to be asked
 * for again: "deactivated", when somebody has to decide now), or are told what they hear now. */
void sip_sub_set_right(struct sip_sub *sub, enum sip_sub_right right);
/* What this one is told has changed; it may be gone when this returns. */
void sip_sub_changed(struct sip_sub *sub);
/* What is kept of it has changed: it is written down again, unless it is about to end. */
void sip_sub_keep(struct sip_sub *sub);
/* End it: REASON as in Subscription-State ("deactivated", "rejected", ...), a literal. */
void sip_sub_end(struct sip_sub *sub, const char *reason);

/* For operators. */
uint64_t sip_subs_count(const struct sip_subs *subs);
void sip_subs_each(struct sip_subs *subs, void (*fn)(void *arg, const struct sip_sub *sub),
		   void *arg);
const char *sip_sub_event(const struct sip_sub *sub);
const char *sip_sub_state(const struct sip_sub *sub); /* "pending", "active", "ending" */

#endif
