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

#include "base/jobs.h"
#include "base/worker.h"
#include "cpm/cpm_message.h"
#include "kv/kv.h"

struct deferred;

/* A device to push to. Texts are valid during the call. */
struct deferred_device {
	struct strv id;	     /* instance URN, else its contact: what the cursor is kept under */
	const void *binding; /* the finder's own */
};

enum {
	/* Octets of a device's id; devices whose id is longer are not served. */
	DEFERRED_DEVICE_ID_MAX = 768,
};

enum deferred_taken {
	DEFERRED_TAKEN,	  /* 2xx: the device, or a relay behind us, has it */
	DEFERRED_GONE,	  /* not reached: wait for its next sign of life */
	DEFERRED_LATER,	  /* there, but not now (486, 500): again after a while, each time longer */
	DEFERRED_REFUSED, /* this message, for good (4xx about its content): pass over it */
};
typedef void deferred_pushed_fn(void *arg, enum deferred_taken taken);
typedef void deferred_mode_fn(void *arg, int mode);

struct deferred_options {
	struct workers *workers;
	struct kv *kv;	       /* borrowed; subscribed to: an erased user's queue ends */
	struct jobs *jobs;     /* borrowed: what waits is found by it after a start */
	unsigned max_messages; /* of one user */
	uint64_t max_bytes;
	int64_t default_s, max_s; /* how long a message waits: not said; at most */
	unsigned cache_users;	  /* queues that each worker keeps in memory without need */
	unsigned in_flight;	  /* pushes that each worker has under way at most */
	unsigned write_ms;	  /* cursors are written behind at the latest after so long */
	unsigned scan_ms;	  /* between two looks for what has expired */
	unsigned later_ms;	  /* the first wait after DEFERRED_LATER */
	/* Send MESSAGE to DEVICE of USER, on the worker of the queue; PUSHED once, maybe before
	 * this returns. MESSAGE is valid during the call unless held. Filled in by the adapter. */
	void (*push)(void *arg, struct strv user, struct strv device, struct cpm_message *message,
		     deferred_pushed_fn *pushed, void *pushed_arg);
	/* DEVICE of USER has come, whose messages are to be fetched and not pushed (notify): tell
	 * it that WAITING are there. NULL: it is not told. ARG is TOLD_ARG. */
	void (*notice)(void *arg, struct strv user, struct strv device, unsigned waiting);
	/* MESSAGE has ended undelivered: report it if it asked for that. */
	void (*expired)(void *arg, struct cpm_message *message);
	/* The devices of USER that can be reached now, to FOUND one by one, then with id.n 0; maybe
	 * before this returns. On the queue's worker. */
	void (*devices)(void *arg, struct strv user,
			void (*found)(void *found_arg, const struct deferred_device *device),
			void *found_arg);
	/* How the messages of USER leave, to GOT: enum pol_deferred; below 0: cannot tell now. On
	 * the queue's worker, maybe before this returns. NULL: they are pushed. */
	void (*mode)(void *arg, struct strv user, deferred_mode_fn *got, void *got_arg);
	/* USER has WAITING messages now, FRESH of which no device has had: message-summary. On the
	 * queue's worker, each time that it is other than before. NULL: nobody wants to know. ARG
	 * is TOLD_ARG. */
	void (*changed)(void *arg, struct strv user, unsigned waiting, unsigned fresh);
	int64_t (*now_us)(void); /* Unix time; NULL: the clock */
	void *arg, *told_arg;
};

/* All of the numbers; no functions, no rooms. */
void deferred_options_init(struct deferred_options *options);

/* 0 or -1. */
int deferred_new(const struct deferred_options *options, struct deferred **deferred_out,
		 struct err *err);
/* Find what a former process left, push it to devices that are there, begin to look for what has
 * expired: before or after workers_start. */
int deferred_start(struct deferred *deferred, struct err *err);
/* Nothing is pushed any more, and what is to be kept is written. Not on a worker; while workers run
 * and the store is open. */
void deferred_stop_sync(struct deferred *deferred);
void deferred_free(struct deferred **deferred); /* after the workers; accepts NULL */

enum deferred_stored {
	DEFERRED_STORED,   /* on disk */
	DEFERRED_FULL,	   /* the user's quota, or the disk */
	DEFERRED_BUSY,	   /* try later */
	DEFERRED_UNWANTED, /* Expires: 0, or typing: never stored */
};
typedef void deferred_stored_fn(void *arg, enum deferred_stored stored);

/* Store MESSAGE (held as long as needed) for USER, the home identity, whose devices TAKEN have it
 * already. DONE once, on the calling worker, maybe before this returns. A message with the
 * imdn.Message-ID and sender of one that waits is that one: stored, once. */
void deferred_store(struct deferred *deferred, struct strv user, struct cpm_message *message,
		    const struct strv *taken, unsigned n_taken, deferred_stored_fn *done,
		    void *arg);

/* 1 when messages may wait for USER or are being stored: what comes now is stored behind them (and
 * deferred_available called for the devices that are there), so that order is kept. 0: none. Any
 * thread, never waits; 1 for everybody until what a former process left has been found. */
int deferred_waits(const struct deferred *deferred, struct strv user);

/* USER's DEVICE (its instance URN, else its contact) has come, or shown that it is there: push what
 * it lacks. Any thread. Costs next to nothing when nothing waits and the device is known. */
void deferred_available(struct deferred *deferred, struct strv user, struct strv device);

/* USER's DEVICE has taken MESSAGE while, or after, it was stored for it: it is not pushed to that
 * one. Any thread. */
void deferred_had(struct deferred *deferred, struct strv user, struct strv device,
		  struct cpm_message *message);

/* Message ID was shown on a device of USER: it waits for no other one. Any thread. */
void deferred_displayed(struct deferred *deferred, struct strv user, struct strv message_id);

enum deferred_revoked { DEFERRED_REVOKED, DEFERRED_TOO_LATE, DEFERRED_REVOKE_BUSY };
/* SENDER takes message ID to USER back, unless a device has had it. DONE on the calling worker,
 * maybe before this returns. */
void deferred_revoke(struct deferred *deferred, struct strv user, struct strv sender,
		     struct strv message_id, void (*done)(void *arg, enum deferred_revoked revoked),
		     void *arg);

/* ---- sight ---- */

/* How many wait for USER, and how many of them no device has had. Any thread. 0; -1: it is not
 * known yet what a former process left. */
int deferred_counts(struct deferred *deferred, struct strv user, unsigned *waiting_out,
		    unsigned *fresh_out);

/* What waits for USER, oldest first, at most MAX behind record name AFTER (empty: all), to FN, not
 * on a worker. FN returns 0, 1 (enough), -1 with ERR of its caller. 0 or -1. */
struct deferred_entry {
	struct strv name; /* of its record */
	const struct cpm_message_draft *message;
	int64_t expires_us;
	unsigned taken; /* devices that had it when it was stored */
};
int deferred_list_sync(struct deferred *deferred, struct strv user, struct strv after, unsigned max,
		       int (*fn)(void *arg, const struct deferred_entry *entry), void *arg,
		       struct err *err);
/* Away with one (its NAME) or (NAME empty) all: gone from the disk when this returns. Not on a
 * worker, while workers run. 0; -1 with ERR_ABSENT: there is none of that name. */
int deferred_delete_sync(struct deferred *deferred, struct strv user, struct strv name,
			 struct err *err);

struct deferred_stats {
	uint64_t stored, pushed, expired, refused_full, displayed, revoked;
	uint64_t waiting; /* in the queues that are in memory */
};
void deferred_stats(struct deferred *deferred, struct deferred_stats *stats_out);

#endif
