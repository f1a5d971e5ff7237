/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/controlling/cf.h - the controlling function, for standalone messages to groups
 *
 * Predefined groups, from the documents of org.openmobilealliance.groups, and lists that come with
 * the message (RFC 5365). One message in, one copy a member out, each through the member's
 * participating function; one body for all. Reports of the members come back to the group's URI and
 * are gathered for the sender (RFC 5438 s8).
 *
 *	cf_request.c	parse: the list and what is to be sent on
 *	cf_gather.c	the group's rules and the operator's; puts the five steps together
 *	cf_decide.c	pure: who gets it, or why nobody does
 *	cf_copy.c	the one body and the header lines of the copies
 *	cf_job.c	a message in work: on disk before its 202, found again by its id
 *	cf_fanout.c	hands the copies over, some at a time
 *	cf_reports.c	gathers reports
 *	cf_report_print.c and cf_record.c	how reports and records are written
 *
 * Who may send: whom the group's rules grant join-handling (a message is a session of one message);
 * is-list-member is the usual condition, so that a group without rules takes messages from nobody.
 * Who has no allow-conference-state is not told whose report it is. A list that comes with a
 * message to a predefined group needs allow-private-message and names members only.
 */
#ifndef CPM_CONTROLLING_CF_H
#define CPM_CONTROLLING_CF_H

#include "base/worker.h"
#include "cpm/cpm_message.h"
#include "cpm/cpm_rules.h"
#include "cpm/participating/pf.h"
#include "kv/kv.h"

struct cf;

struct cf_options {
	struct workers *workers;
	struct cpm_rules *rules; /* borrowed */
	/* Copies and reports leave by it: pf_send. */
	void (*send)(void *arg, struct cpm_message *message, pf_done_fn *done, void *done_arg);
	void *send_arg;
	pf_record_fn *record; /* of decisions; may be NULL */
	void *record_arg;
	struct kv *kv; /* borrowed: a message accepted for a group is on disk before its 202 */
	const char *factory; /* the URI that lists are sent to (RFC 5365), canonical; "": none */
	struct auth_domains domains; /* copied */
	unsigned max_list;	     /* recipients of a list */
	unsigned max_members;	     /* of a group, when the document does not say */
	size_t max_body; /* of a copy with its list; one that is longer goes without the list */
	/* Reports are gathered so long after the first, then each again_ms, and for report_s. */
	unsigned window_ms, again_ms;
	unsigned report_s;
	size_t max_bytes;	 /* of memory of one worker for what waits for reports */
	int64_t (*now_us)(void); /* Unix time; NULL: the clock */
};
/* Bounds as the settings' defaults have them; the rest empty. */
void cf_options_init(struct cf_options *options);

/* 0 or -1. */
int cf_new(const struct cf_options *options, struct cf **cf_out, struct err *err);
/* Go on with what a stop or a crash left: not on a worker, before they run. 0 or -1. */
int cf_start(struct cf *cf, struct err *err);
/* Nothing is begun, sent or stored any more once this returns: before kv_close, while the workers
 * run (RUNNING; 0: they never did), not on one of them. Messages in work stay in the store. */
void cf_stop(struct cf *cf, int running);
void cf_free(struct cf **cf); /* when no worker runs; accepts NULL */

/* What the participating function calls: see pf.h. MESSAGE, authenticated and through the sender's
 * originating side, to the group or list that it names. DONE: 202 when it is accepted and on disk;
 * 400, 403, 404, 413, 415, 420, 433, 483, 503. An IMDN to a group is taken in for its sender: 200,
 * when it is on disk; 404 when nobody waits for it (any more). */
void cf_focus(struct cf *cf, struct pf_focus *focus_out);

struct cf_stats {
	uint64_t accepted, refused, repeated; /* messages; repeated: were there already */
	uint64_t copies, failed, retries;     /* handed over; given up; tried again */
	uint64_t reports, late, gathered;     /* taken in; of nothing known; sent to senders */
	uint64_t waiting;		      /* messages in work */
};
void cf_stats(struct cf *cf, struct cf_stats *stats_out); /* any thread */

#endif
