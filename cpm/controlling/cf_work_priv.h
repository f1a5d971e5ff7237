/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/controlling/cf_work_priv.h - messages in work, each on one worker for its life
 *
 * A message is known by the id that its reports name, and lives on the worker of that id: other
 * workers post calls there. In the store, under one owner of all messages to groups:
 *
 *	m/NAME	the head: who sent it, its ids, its members
 *	b/NAME	the body, once for all; away when every copy has been handed over
 *	s/NAME	what has become of each member's copy, written behind, many at a time
 *
 * so that a crash means that some members get a copy once more, with the same imdn.Message-ID.
 */
#ifndef CPM_CONTROLLING_CF_WORK_PRIV_H
#define CPM_CONTROLLING_CF_WORK_PRIV_H

#include <stdatomic.h>

#include "base/metrics.h"
#include "base/wheel.h"
#include "cpm/controlling/cf_priv.h"

#define CF_OWNER STRV("org.opencpm.group-messages")

enum {
	CF_BUCKETS = 4096,
	CF_RECENT = 4096,    /* ended messages of a worker that are still known */
	CF_IN_FLIGHT = 64,   /* copies of a worker that have no answer yet */
	CF_A_TURN = 32,	     /* copies that a worker begins before others get their turn */
	CF_SAVE_EVERY = 64,  /* outcomes that a crash may forget */
	CF_REPORTS_MAX = 64, /* gathered into one message, at most */
	CF_NAME_BYTES = 26,
	CF_CALL_IMDNS = 8, /* in one report of a member */
};

struct cf_shard;
struct cf_job;

/* Something another worker wants of a shard, and its answer on the way back. */
struct cf_call {
	struct post post; /* first: posts are cast */
	struct cf_call *next;
	struct cf *cf;
	struct cf_shard *shard;
	struct worker *home;
	void (*run)(struct cf_call *call); /* on the shard's worker */
	struct cf_job *job;		   /* a new one, or NULL */
	struct cpm_message *message;	   /* a report, held, or NULL */
	unsigned n_imdns;
	struct {
		uint8_t kind, status;
	} imdn[CF_CALL_IMDNS];
	struct strv id; /* that they are about; in TEXT */
	pf_done_fn *done;
	void *arg;
	unsigned status;
	const char *why;
	char text[];
};

enum cf_phase {
	CF_STORING,   /* not on disk yet */
	CF_SENDING,   /* copies are handed over */
	CF_GATHERING, /* reports are waited for */
	CF_ENDING,    /* its records go */
};

struct cf_job {
	struct post post; /* first: how a message read back comes to its worker */
	struct cf_shard *shard;
	struct cf_job *chain;		      /* of the bucket */
	struct cf_job *ring_next, *ring_prev; /* of those with copies to hand over */
	struct cf_job *older, *newer;	      /* all of the shard */
	struct arena *arena;		      /* HEAD's texts and the job's tables */
	struct cf_head head;
	char name[CF_NAME_BYTES];
	enum cf_phase phase;
	struct cpm_message *copy; /* NULL: all copies have been handed over */
	struct cf_member_state *state;
	unsigned cursor;    /* the next member to be looked at in this pass */
	unsigned waiting;   /* members whose copy has not come to an end */
	unsigned open;	    /* members of whom something is to be reported still */
	unsigned in_flight; /* copies */
	unsigned pass, unsaved;
	unsigned urgent : 1; /* what is not saved is waited for */
	unsigned writing : 1;
	unsigned deletes_all : 1, deletes_body : 1; /* what is being written */
	unsigned body_gone : 1, expired : 1, busy : 1;
	unsigned due : 1, telling : 1, has_told : 1;
	unsigned to_tell; /* reports that the sender does not have */
	unsigned n_told;  /* that are on their way, */
	struct {
		unsigned member;
		uint8_t kind;
	} told[CF_REPORTS_MAX];		  /* and these */
	struct cf_call *waiters, *saving; /* answered when what they brought is on disk */
	struct cf_call *begun;		  /* who brought the message */
	struct wheel_timer retry, window, expiry, again;
	size_t bytes;
};

/* A copy on its way. */
struct cf_kick {
	struct cf_kick *next; /* free */
	struct cf_job *job;
	unsigned member;
};

struct cf_shard {
	struct cf *cf;
	struct worker *worker;
	struct cf_job *bucket[CF_BUCKETS];
	struct cf_job *ring; /* round: next has its turn */
	struct cf_job *oldest, *newest;
	struct cf_kick kicks[CF_IN_FLIGHT], *idle;
	struct post turn; /* go on in the next turn */
	int turn_is_posted, pumping;
	size_t bytes;
	uint64_t recent[CF_RECENT];
	unsigned recent_at;
};

struct cf {
	struct cf_options options;
	struct strv factory;
	struct strv *domain; /* options.domains' */
	struct cf_shard *shard;
	unsigned n_shards;
	uint64_t salt;
	_Atomic int stopping;
	struct metric *accepted, *refused, *repeated, *copies, *failed, *retries, *reports, *late,
		*gathered, *waiting;
};

/* ---- cf.c ---- */

int64_t cf_now_us(const struct cf *cf);
uint64_t cf_hash(const struct cf *cf, struct strv s, uint64_t seed);
struct cf_shard *cf_shard_of(struct cf *cf, struct strv id);
/* A call for the shard of ID with TEXT_BYTES of room; NULL: no memory. */
struct cf_call *cf_call_new(struct cf *cf, struct strv id, size_t text_bytes,
			    void (*run)(struct cf_call *call), pf_done_fn *done, void *arg);
void cf_call_go(struct cf_call *call); /* run, at once or posted */
/* Answer, on the caller's worker, and free. */
void cf_call_done(struct cf_call *call, unsigned status, const char *why);
/* STATUS to DONE, with nothing begun. */
void cf_refuse(pf_done_fn *done, void *arg, unsigned status, const char *why,
	       struct strv unsupported);

/* ---- cf_job.c ---- */

/* A new message to HEAD's members (texts are copied): on disk, then DONE with 202 (also when it is
 * known already) or 503. COPY goes over in every case. */
void cf_job_begin(struct cf *cf, const struct cf_head *head, struct cpm_message *copy,
		  pf_done_fn *done, void *arg);
struct cf_job *cf_job_find(struct cf_shard *shard, struct strv focus, struct strv id,
			   const struct cf_job *after);
/* What is to be done now? The last thing that an event does: JOB may be gone then. */
void cf_job_settle(struct cf_job *job);
/* Its time is over: what is not done is given up, what is known is told. */
void cf_job_expire(struct cf_job *job);
/* Read back what a stop or a crash left. */
int cf_job_load(struct cf *cf, struct err *err);
void cf_job_free(struct cf_job **job);
void cf_calls_free(struct cf_call **first);

/* ---- cf_fanout.c ---- */

void cf_fanout_begin(struct cf_job *job);  /* from the first member that waits */
void cf_fanout_leave(struct cf_job *job);  /* the ring */
void cf_fanout_settle(struct cf_job *job); /* another pass, or giving up */
void cf_fanout_turn(struct post *post);
void cf_member_ended(struct cf_job *job, unsigned member, enum cf_outcome outcome);

/* ---- cf_reports.c ---- */

/* Is anything of MEMBER to be reported still? */
int cf_report_is_open(const struct cf_job *job, unsigned member);
/* MEMBER has reported, or we about them. 1: that is new. */
int cf_report_note(struct cf_job *job, unsigned member, enum imdn_kind kind,
		   enum imdn_status status);
void cf_report_tell(struct cf_job *job); /* what is due, as far as nothing is on its way */
/* An IMDN to its recipient, the focus: DONE on the calling worker. */
void cf_report_take(struct cf *cf, struct cpm_message *message, pf_done_fn *done, void *arg);

#endif
