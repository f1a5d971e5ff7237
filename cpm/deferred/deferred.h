/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/deferred/deferred.h - the deferred messaging function: one queue a user, one cursor a device
 *
 * A message is stored once, under its recipient, before it is acknowledged. Each device has a
 * cursor, that of the last message it took; a message also names the devices that had it already
 * when it was stored. When a device comes (back), its queue is pushed to it, oldest first, one
 * after another; cursors are written behind the answers, so that a crash means at most a message
 * that comes again with its imdn.Message-ID. A message goes when every device of the user has it,
 * when one has shown it (a displayed report), when it expires (with a failure report if asked for)
 * or when its sender revokes it.
 *
 * A user's queue lives on one worker, that of the user's name. Records of owner = recipient:
 * "dm/" arrival in 16 hexadecimal digits "-" eight random ones: the message; "dc/" device: its
 * cursor and when it was seen last.
 */
#ifndef CPM_DEFERRED_DEFERRED_H
#define CPM_DEFERRED_DEFERRED_H

#include "base/worker.h"
#include "cpm/cpm_message.h"
#include "kv/kv.h"

struct deferred;

/* A device to push to. Texts are valid during the call. */
struct deferred_device {
	struct strv id;	     /* instance URN, else its contact: what the cursor is kept under */
	const void *binding; /* of whoever calls, handed back to push during the same call only */
};

enum deferred_taken {
	DEFERRED_TAKEN,	  /* 2xx: the device, or a relay behind us, has it */
	DEFERRED_GONE,	  /* not reached: wait for its next sign of life */
	DEFERRED_REFUSED, /* this message, for good (4xx about its content): pass over it */
};

struct deferred_options {
	struct workers *workers;
	struct kv *kv;	       /* borrowed */
	unsigned max_messages; /* of one user */
	uint64_t max_bytes;
	int64_t default_s, max_s; /* how long a message waits: not said; at most */
	unsigned cache_users;	  /* queues kept in memory without need */
	/* Send MESSAGE to DEVICE of USER, on the worker of the queue; DONE once, maybe before this
	 * returns. Filled in by the adapter. */
	void (*push)(void *arg, struct strv user, struct strv device, struct cpm_message *message,
		     void (*done)(void *done_arg, enum deferred_taken taken), void *done_arg);
	/* MESSAGE has expired undelivered: report it if it asked for that. */
	void (*expired)(void *arg, struct cpm_message *message);
	/* The devices of USER that can be reached now, to FOUND one by one, then with id.n 0; maybe
	 * before this returns. On the queue's worker. */
	void (*devices)(void *arg, struct strv user,
			void (*found)(void *found_arg, const struct deferred_device *device),
			void *found_arg);
	/* How the messages of USER leave: push, notify or hold (enum pol_deferred). */
	int (*mode)(void *arg, struct strv user);
	/* The number of USER's waiting messages has changed: message-summary, notices. */
	void (*changed)(void *arg, struct strv user, unsigned waiting, unsigned fresh);
	int64_t (*now_us)(void); /* Unix time; NULL: the clock */
	void *arg;
};

/* 0 or -1. */
int deferred_new(const struct deferred_options *options, struct deferred **deferred_out,
		 struct err *err);
/* Begin the expiry scan: with the workers. */
int deferred_start(struct deferred *deferred, struct err *err);
void deferred_stop(struct deferred *deferred);	/* nothing is pushed any more; workers still run */
void deferred_free(struct deferred **deferred); /* after the workers; accepts NULL */

enum deferred_stored {
	DEFERRED_STORED, /* on disk */
	DEFERRED_FULL,	 /* the user's quota, or the disk */
	DEFERRED_BUSY,	 /* try later */
};
typedef void deferred_stored_fn(void *arg, enum deferred_stored stored);

/* Store MESSAGE (held as long as needed) for USER, the home identity, whose devices TAKEN have it
 * already. DONE on the calling worker. A message with the imdn.Message-ID and sender of one that
 * waits is that one: stored, once. */
void deferred_store(struct deferred *deferred, struct strv user, struct cpm_message *message,
		    const struct strv *taken, unsigned n_taken, deferred_stored_fn *done,
		    void *arg);

/* USER's DEVICE has come, or shown that it is there: push what it lacks. Any worker. */
void deferred_available(struct deferred *deferred, struct strv user, struct strv device);

/* Message ID was shown on a device of USER: it waits for no other one. Any worker. */
void deferred_displayed(struct deferred *deferred, struct strv user, struct strv message_id);

enum deferred_revoked { DEFERRED_REVOKED, DEFERRED_TOO_LATE, DEFERRED_REVOKE_BUSY };
/* SENDER takes message ID to USER back. DONE on the calling worker. */
void deferred_revoke(struct deferred *deferred, struct strv user, struct strv sender,
		     struct strv message_id, void (*done)(void *arg, enum deferred_revoked revoked),
		     void *arg);

/* ---- sight ---- */

/* What waits for USER, oldest first, at most MAX behind record name AFTER (empty: all), to FN, not
 * on a worker. 0 or -1. */
struct deferred_entry {
	struct strv name; /* of its record */
	const struct cpm_message_draft *message;
	int64_t expires_us;
};
int deferred_list_sync(struct deferred *deferred, struct strv user, struct strv after, unsigned max,
		       int (*fn)(void *arg, const struct deferred_entry *entry), void *arg,
		       struct err *err);
/* Away with one (its NAME) or (NAME empty) all. */
int deferred_delete_sync(struct deferred *deferred, struct strv user, struct strv name,
			 struct err *err);

struct deferred_stats {
	uint64_t stored, pushed, expired, refused_full, displayed, revoked;
	uint64_t waiting; /* in the queues that are in memory */
};
void deferred_stats(struct deferred *deferred, struct deferred_stats *stats_out);

#endif
