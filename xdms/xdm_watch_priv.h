/* SPDX-License-Identifier: Apache-2.0 */
/* xdms/xdm_watch_priv.h - what the files of the watches share */
#ifndef XDMS_XDM_WATCH_PRIV_H
#define XDMS_XDM_WATCH_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "xdms/xdm_watch.h"

/* A change as the commit tells it: which document, and the number of its log entry (0: none). */
struct xdm_raw {
	struct xdm_raw *next;
	uint64_t seq, number;
	int gone;
	struct strv owner, name; /* behind the struct */
};

/* What one watch is told in one go; a post to its worker. */
struct xdm_told {
	struct post post;
	struct xdm_watch *watch;
	enum xdm_watch_kind_of_event kind;
	uint64_t version;
	struct xdm_change **change;
	unsigned n, cap;
};

struct xdm_watch {
	struct xdm_watches *watches;
	struct worker *home;
	xdm_watch_fn *fn;
	void *arg;
	enum xdm_watch_kind kind;
	int has_since;
	uint64_t since;
	struct strv owner, name; /* in ARENA */
	struct arena *arena;
	struct xdm_node_watch *node; /* in ARENA; NULL: it is no node's */
	_Atomic unsigned refs;
	int dead; /* its worker's */

	/* Under the watches' lock. */
	uint32_t hash;
	struct xdm_watch *next;	      /* in its bucket */
	struct xdm_watch *next_start; /* of those that begin */
	int removed;

	/* The watches' thread's. */
	int begun;
	int starts_over; /* what it begins with is that */
	unsigned tries;	 /* to begin */
	uint64_t seen;	 /* commits up to this have been told */
	int listed;	 /* it is told something in this turn */
	struct xdm_watch *next_listed;
	struct xdm_told *open; /* the changes */
	int forgot;	       /* one of them could not be remembered */
	struct xdm_told spare; /* for when there is no memory */
	_Atomic int spare_used;
};

/* Posts to one worker, in order. */
struct xdm_out {
	struct post *first, *last;
	struct worker *to;
};
enum { XDM_WORKERS_MAX = 64 };

struct xdm_watches {
	struct kv *kv;
	struct xdm_store *store;
	pthread_t thread;
	int has_thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t wake;
	struct xdm_watch **bucket;
	unsigned n_buckets, n;
	struct xdm_raw *first, *last;
	struct xdm_watch *starts, *last_start;
	int lost; /* a change could not be queued */
	int stopping;

	/* The thread's. */
	struct xdm_watch *listed; /* that are told of changes in this turn */
	struct xdm_out out[XDM_WORKERS_MAX];
};

void xdm_watch_drop(struct xdm_watch *watch);

/* ---- reading (xdm_watch_read.c): on the thread of the watches ---- */

/* RAW with its log entry. Without the entry when it cannot be read. NULL without memory. */
struct xdm_change *xdm_change_read(struct xdm_watches *watches, const struct xdm_raw *raw);

/* FN for each change of a document in CHANGE, a commit; the raw change is valid during the call. */
void xdm_raw_each(const struct kv_change *change, void (*fn)(void *arg, const struct xdm_raw *raw),
		  void *arg);

/* What WATCH, which begins, has missed goes to FN (which takes the change over; NULL: it could not
 * be had), and SEEN_OUT is up to where that was; VERSION_OUT is what its event tells. 0; 1: it has
 * to start over; -1: nothing could be read, try again. */
int xdm_watch_catch_up(struct xdm_watch *watch,
		       void (*fn)(struct xdm_watch *watch, struct xdm_change *change),
		       uint64_t *seen_out, uint64_t *version_out);

/* 1 when the document OWNER, NAME is one of WATCH's. NAME empty: one of OWNER's might be. */
int xdm_watch_wants(const struct xdm_watch *watch, struct strv owner, struct strv name);

/* ---- nodes (xdm_watch_node.c) ---- */

int xdm_node_watch_new(struct xdm_watch *watch, const struct xdm_watch_spec *spec, struct err *err);
/* The document has changed, or may have: look at the node. On WATCH's worker. */
void xdm_node_watch_look(struct xdm_watch *watch);
void xdm_node_watch_end(struct xdm_watch *watch);

#endif
