/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_watch.h - subscriptions of our own, at somebody else's notifier (RFC 6665 s4.1)
 *
 * A watch is kept up until it is freed: refreshed in time, begun anew when its dialog is lost or
 * the notifier ends it and says that it may be (s4.1.3), slower each time that it fails. What the
 * notifier tells is the package's to read. A watch belongs to one worker, whose number the From tag
 * and the Contact carry; nothing is kept over a restart, after which the notifier hears 481.
 */
#ifndef SIP_SIP_WATCH_H
#define SIP_SIP_WATCH_H

#include "sip/sip_dialog.h"

struct sip_watch;
struct sip_watches; /* of one worker */

struct sip_watch_ops {
	const char *event, *accept; /* Event, and the one type of body that is read */
	/* A new subscription begins: what is told from now on does not go on from what was. */
	void (*began)(void *user);
	/* NOTIFY with a body of that type. 0: read, or not worth reading; 1: something was missed,
	 * and the notifier shall tell everything once more. WATCH must not be freed here. */
	int (*told)(void *user, struct sip_msg *notify);
	/* The notifier will not have us (STATUS of its answer; 0: by NOTIFY), now or at all: the
	 * watch does nothing more. It may be freed here. */
	void (*lost)(void *user, unsigned status);
};

struct sip_watch_new {
	struct strv uri;	  /* of what is watched: Request-URI and To */
	struct strv hop;	  /* URI with lr by which it is reached; empty: URI itself */
	struct strv from;	  /* who watches: a URI */
	struct strv here;	  /* host, port and parameters of our Contact: "192.0.2.1:5060" */
	const struct strv *lines; /* further header fields, "Name: value" */
	unsigned n_lines;	  /* at most SIP_WATCH_LINES_MAX */
	/* Of each SUBSCRIBE that begins one: what it is about, where the package says so. */
	struct strv content_type, body;
	unsigned expires_s;		 /* asked for */
	const struct sip_watch_ops *ops; /* borrowed */
	void *user;
};
enum { SIP_WATCH_LINES_MAX = 4 };

/* DIALOGS is borrowed. MAX: watches at a time. */
int sip_watches_new(struct sip_dialogs *dialogs, unsigned max, struct sip_watches **watches_out,
		    struct err *err);
/* Nothing is sent; nobody is told. Before DIALOGS end. */
void sip_watches_free(struct sip_watches **watches);
unsigned sip_watches_count(const struct sip_watches *watches);

/* Begin. Everything is copied. NULL: no memory, too many, or more than a message holds. Nothing of
 * OPS is called before this returns but BEGAN. */
struct sip_watch *sip_watch_new(struct sip_watches *watches, const struct sip_watch_new *draft);
/* End it; POLITE: the notifier is told. Nobody is called any more. */
void sip_watch_free(struct sip_watch **watch, int polite);
/* Have everything told once more: by a refresh, or a new subscription if it has none. */
void sip_watch_refresh(struct sip_watch *watch);

/* 1 when MSG, a NOTIFY, is for one of WATCHES: it is answered here. */
int sip_watches_notify(struct sip_watches *watches, struct sip_stx *stx, struct sip_msg *msg);

#endif
