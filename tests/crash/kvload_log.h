/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/crash/kvload_log.h - what was asked of a store and what it answered
 */
#ifndef CRASH_KVLOAD_LOG_H
#define CRASH_KVLOAD_LOG_H

#include "tests/crash/kvload.h"

enum { HISTORY_OWNERS_MAX = 4096 };

struct past_batch {
	uint64_t counter;
	uint64_t told_seq; /* PAST_DONE */
	uint64_t seq;	   /* as the journal has it; 0: it did not happen */
	unsigned run;
	unsigned n_ops;
	enum { PAST_UNKNOWN, PAST_DONE, PAST_CONFLICT, PAST_REFUSED } outcome;
	struct plan_op *ops;
};

struct past_owner {
	char name[PLAN_NAME_BYTES]; /* empty: no owner here */
	uint64_t read_version;	    /* the newest that a reader saw */
	struct past_batch *batches; /* in the order of their counters */
	size_t n_batches;
	size_t room;
};

struct history {
	int upto_backup;
	int over; /* what was told from here on does not count */
	unsigned runs;
	uint64_t done, conflicts, refused;
	uint64_t published; /* the last commit that a subscriber was told of */
	unsigned complaints;
	char complaint[512]; /* the first */
	struct past_owner owners[HISTORY_OWNERS_MAX];
};

/* Read the log at PATH. Outcomes behind the beginning of backup UPTO_BACKUP are left out (-1:
 * none). Returns 0; -1 when it cannot be read or is no log, with a line on stderr. */
int history_read(const char *path, int upto_backup, struct history *history_out);
void history_fini(struct history *history);
/* NULL when there is none, and with MAKE when it cannot be made. */
struct past_owner *history_owner(struct history *history, struct strv name, int make);
struct past_batch *past_batch_find(struct past_owner *owner, uint64_t counter);

#endif
