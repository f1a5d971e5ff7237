/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xdm_notify.h - one subscriber to changes (RFC 5875): what it watches, has been told, and is
 * to be told next
 *
 * Between the watches (xdm_watch.h) and an edge, of which it knows nothing: the edge says what is
 * subscribed to and takes bodies, each of which holds what has changed since the last one that was
 * accepted. Of every document the version last told is kept, so that the tags of a document make
 * one chain whatever is lost, refused or merged on the way.
 *
 *	new, ask	the list; who asks is looked up, watches begin
 *	ready		there is something to tell
 *	print, told	the next body; it has been accepted
 *	ask		again: everything is told once more (s4.7)
 *
 * Belongs to one worker: everything but new and restore is called there, as are its functions,
 * which are not called within ask.
 */
#ifndef XDMS_XDM_NOTIFY_H
#define XDMS_XDM_NOTIFY_H

#include "xdms/xcap_diff_list.h"
#include "xdms/xdm_diff.h"

struct xdm_notify;

/* What is known of a user; valid during the call. */
struct xdm_person {
	const struct strv *identity; /* canonical, the home identity first */
	unsigned n_identities;	     /* at least 1 */
	int is_operator, is_disabled;
};
/* FOUND 1; 0: there is no such user, PERSON is NULL; -1: cannot tell now. */
typedef void xdm_person_fn(void *context, int found, const struct xdm_person *person);

/* What is the same for all. */
struct xdm_notify_options {
	const struct xcap_rules *rules;
	struct xdm_store *store;
	struct xdm_watches *watches;
	/* Find the user with IDENTITY (canonical) and call DONE once, on the calling worker, maybe
	 * before this returns. */
	void (*find)(void *arg, struct strv identity, xdm_person_fn *done, void *context);
	void *find_arg;
	unsigned max_documents; /* that one subscriber's collections have; more: it ends */
};

struct xdm_notify_ops {
	/* There is something to tell. It may be freed meanwhile. */
	void (*ready)(void *arg);
	/* It cannot go on: REASON as in Subscription-State, a literal. It may be freed meanwhile.
	 */
	void (*ended)(void *arg, const char *reason);
};

/* For WATCHER (canonical, copied), on WORKER. OPTIONS and OPS are borrowed. NULL: no memory. */
struct xdm_notify *xdm_notify_new(const struct xdm_notify_options *options, struct worker *worker,
				  struct strv watcher, const struct xdm_notify_ops *ops, void *arg);
/* Nothing is called any more when this returns. On its worker, or when the workers have ended.
 * Takes the address, accepts NULL. */
void xdm_notify_free(struct xdm_notify **notify);

/* What it subscribes to from now on (copied); the whole state is told next. 0; -1 without memory:
 * everything is as before. */
int xdm_notify_ask(struct xdm_notify *notify, const struct strv *uri, unsigned n_uris,
		   enum xdm_diff_mode mode);
/* The same list once more. */
void xdm_notify_ask_again(struct xdm_notify *notify, enum xdm_diff_mode mode);

/* The next body, of about MAX_BYTES at most, in ARENA: 1; 0 there is nothing to tell now; -1 no
 * memory. Printed again, and with what has come since, until it is accepted. */
int xdm_notify_print(struct xdm_notify *notify, size_t max_bytes, struct arena *arena,
		     struct strv *body_out);
/* The body last printed has been accepted. 1: there was more than fitted, print again; else 0. */
int xdm_notify_told(struct xdm_notify *notify);

/* What has been told, as text in ARENA; empty without memory. */
struct strv xdm_notify_keep(struct xdm_notify *notify, struct arena *arena);
/* What was kept, into a new one: it goes on from there. Before the workers run. 0; -1: it is not of
 * the form, or no memory. */
int xdm_notify_restore(struct xdm_notify *notify, struct strv kept);

#endif
