/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xdm_notify_priv.h - what the files of a subscriber share: xdm_notify.c (life, who asks),
 * xdm_notify_watch.c (what its watches tell), xdm_notify_print.c (bodies, what is kept)
 */
#ifndef XDMS_XDM_NOTIFY_PRIV_H
#define XDMS_XDM_NOTIFY_PRIV_H

#include "xdms/xdm_notify.h"

enum { NOTIFY_CHANGES_MAX = 256, NOTIFY_PATCH_BYTES = 16 * 1024, NOTIFY_NODE_BYTES = 16 * 1024 };

/* One document. */
struct noted {
	uint32_t hash;
	struct strv owner, name;    /* of the record; behind the struct */
	struct strv sel;	    /* as it is told; behind the struct */
	int is_named;		    /* by an entry of the list: it stays */
	uint64_t told;		    /* the version that the subscriber knows of; 0: none */
	uint64_t now, seq;	    /* the version, and the commit up to which that is known */
	struct xdm_change **change; /* from TOLD to NOW */
	unsigned n, cap;
	/* Some of the changes are missing: tags only. WHOLE: told as if it were the first time. */
	int lost, whole;
	/* In the body that is under way. */
	int is_out, out_whole;
	uint64_t out;
	unsigned n_out;
};

/* One watch: of a document, a node or a collection. */
struct source {
	struct xdm_notify *notify;
	struct xcap_interest interest;
	unsigned uri;  /* whose it is */
	unsigned half; /* 1: the global tree's half of a collection over both */
	struct xdm_watch *watch;
	int waits; /* has not begun */
	struct noted *noted;
	/* A collection: up to which commit it is known, under way, told. */
	uint64_t seen, out_seen, told_seen;
	/* A node. */
	struct arena *content; /* of ENTRY */
	struct xcap_diff_entry entry;
	uint64_t hash, out_hash, told_hash; /* 0: it is not there */
	int tell, is_out;
};

/* An entry of the list, and what was kept of it. */
struct asked_uri {
	struct strv uri;
	int has_kept;
	uint64_t kept[2]; /* a document's version, a node's hash, a collection's commits */
};

struct xdm_notify {
	const struct xdm_notify_options *options;
	const struct xdm_notify_ops *ops;
	void *arg;
	struct worker *worker;
	struct post post; /* to begin with the list */
	int is_posted;
	unsigned refs;
	int dead;
	unsigned turn;	     /* what was begun for an earlier list is not for this one */
	struct strv watcher; /* behind the struct */

	enum xdm_diff_mode mode;
	struct arena *list; /* the list, who asks, the sources */
	struct asked_uri *uri;
	unsigned n_uris;
	struct strv *identity;
	unsigned n_identities;
	int is_operator;

	struct guard *guards; /* of permissions that something here depends on */
	int is_resolved;      /* the sources are what the list means */
	unsigned n_waiting;   /* sources that have not begun */
	struct source *source;
	unsigned n_sources, max_sources;
	struct noted **noted;
	unsigned n_noted, cap_noted;

	int whole;	    /* the whole state is owed, once everything has begun */
	int must, out_must; /* a body is owed, even an empty one; it is under way */
	int resumes;	    /* goes on from what was kept */
	int more;	    /* did not fit into the body under way */
};

struct xdm_notify *notify_hold(struct xdm_notify *notify);
void notify_drop(struct xdm_notify *notify);
/* The list is looked at soon. */
void notify_post(struct xdm_notify *notify);
int notify_take_list(struct xdm_notify *notify, const struct strv *uri, unsigned n);
/* It cannot go on. */
void notify_end(struct xdm_notify *notify, const char *reason);
/* The owner of entry INDEX has been asked: go on with the next. */
void notify_answered(struct xdm_notify *notify, unsigned index, int allowed);

/* ---- xdm_notify_access.c ---- */

/* May it hear of SOURCE, of entry INDEX and somebody else's? 0: notify_answered or notify_end comes
 * later; 1: no; -1 without memory, or too much waits. */
int notify_ask_owner(struct xdm_notify *notify, unsigned index, const struct source *source);
void notify_free_guards(struct xdm_notify *notify);

/* ---- xdm_notify_watch.c ---- */

/* Begin to watch what the sources say. 0, -1 without memory. */
int notify_watch(struct xdm_notify *notify);
/* Forget sources and documents. */
void notify_forget(struct xdm_notify *notify);
/* The whole state is to be told, everything has begun. */
void notify_mark_whole(struct xdm_notify *notify);
/* 1 when there is something to tell. */
int notify_has_news(const struct xdm_notify *notify);
struct noted *notify_note(struct xdm_notify *notify, struct strv owner, struct strv name,
			  struct strv sel);
void noted_forget_changes(struct noted *noted, unsigned n);
/* Documents that are gone, which has been told. */
void notify_prune(struct xdm_notify *notify);

#endif
