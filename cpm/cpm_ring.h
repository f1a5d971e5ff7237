/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/cpm_ring.h - recent decisions: who, what, verdict, rules; no content
 *
 * For support ("why was it refused?") and for what-if, which asks a draft of a policy about the
 * same facts. Kept in memory, bounded, one ring a worker; the oldest go first, and none is shown
 * that is older than the retention time. Nothing of it survives a restart.
 */
#ifndef CPM_CPM_RING_H
#define CPM_CPM_RING_H

#include "base/err.h"
#include "base/trace.h"
#include "cpm/participating/pf.h"

struct cpm_ring;

enum {
	CPM_RING_BYTES = 400, /* of memory for one decision, more or less */
	CPM_RING_WHY_MAX = 6, /* rules that are kept of a verdict */
};

struct cpm_ring_options {
	unsigned workers;
	unsigned decisions;	 /* of all workers; 0: nothing is recorded */
	int64_t age_s;		 /* 0: no bound */
	int64_t (*now_us)(void); /* Unix time; NULL: the clock */
};

/* 0, or -1 with ERR_NOMEM. */
int cpm_ring_new(const struct cpm_ring_options *options, struct cpm_ring **ring_out,
		 struct err *err);
void cpm_ring_free(struct cpm_ring **ring); /* accepts NULL */

/* A pf_record_fn: RING is a struct cpm_ring. Any thread; the facts' texts may be up to
 * POL_FACTS_TEXT long, what does not fit into a record (2 kB) is not recorded. */
void cpm_ring_put(void *ring, const struct pf_record *record);

/* A rule that made the verdict. */
struct cpm_ring_why {
	enum pol_layer layer;
	int sure;
	struct strv doc, rule; /* the document's name, empty for lists of blocked people */
};

struct cpm_decision {
	int64_t time_us; /* Unix time */
	struct strv sender, recipient, message_id;
	unsigned status;
	int evaluated; /* 0: nothing of the below but the trace is known */
	enum pol_answer answer;
	enum pol_layer layer; /* that decided about delivery */
	int with_group;	      /* the rules of facts.group were asked */
	struct pol_facts facts;
	unsigned n_why;
	struct cpm_ring_why why[CPM_RING_WHY_MAX];
	struct trace_id trace;
};

struct cpm_ring_ask {
	struct strv user; /* sender or recipient; empty: all */
	int64_t since_us; /* Unix time; 0: all */
	unsigned max;	  /* 0: all */
};

/* The newest first, to FN, which returns 0 to go on; DECISION is valid during the call. This copies
 * the rings: not on a worker. Returns how many there were, or -1 with ERR_NOMEM. */
int cpm_ring_each(struct cpm_ring *ring, const struct cpm_ring_ask *ask,
		  int (*fn)(void *arg, const struct cpm_decision *decision), void *arg,
		  struct err *err);

#endif
