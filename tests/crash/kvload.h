/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/crash/kvload.h - the process under test of the crash suite, and its judge
 *
 * "kvload run" loads a store and writes what it asked for and what it was told into a log that
 * outlives it; "kvload check" opens what is left of the store and compares it with that log;
 * "kvload restore" makes a store of a backup. All build on kv/kv.h alone, so that they judge any
 * engine.
 *
 * The log, one write(2) a line (it is in the kernel's hands when the call returns, so that no kill
 * loses it):
 *
 *	S RUN MS		a store was opened, by run RUN, within MS milliseconds
 *	I OWNER COUNTER OPS	this batch is about to be committed (see struct plan)
 *	O OWNER COUNTER STATUS SEQ	what the committer was told about it
 *	P SEQ			a subscriber was told of commit SEQ
 *	R OWNER VERSION		a reader saw OWNER as it was after commit VERSION
 *	B NUMBER begin|done	a backup
 *	V TEXT			the run itself saw a promise broken
 *	E RUN CHECKPOINTS	the store was closed in order
 */
#ifndef CRASH_KVLOAD_H
#define CRASH_KVLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "kv/kv.h"

enum {
	PLAN_OPS_MAX = 48,
	PLAN_NAME_BYTES = 24, /* of owners and names, with their NUL */
	PLAN_LINE_BYTES = 8192,
	PLAN_VALUE_MAX = 1 << 20,
};

/* Exit codes besides 0 and KV_EXIT_FATAL. */
enum {
	LOAD_EXIT_WRONG = 1,   /* check: a promise is broken */
	LOAD_EXIT_USAGE = 2,   /* the call or the log is wrong */
	LOAD_EXIT_REFUSED = 3, /* the store could not be opened; the reason is printed */
	LOAD_EXIT_MEMORY = 4,  /* the load itself has no memory */
};

/* One operation or precondition; the kind is its letter in the log. */
struct plan_op {
	enum {
		PLAN_PUT = '+',
		PLAN_DEL = '-',
		PLAN_RANGE = '~',
		PLAN_ABSENT = '?',
		PLAN_AT = '='
	} kind;
	char name[PLAN_NAME_BYTES]; /* PLAN_RANGE: from */
	char to[PLAN_NAME_BYTES];   /* PLAN_RANGE only; empty: to the end */
	uint64_t arg;		    /* PLAN_PUT: octets; PLAN_AT: version */
};

/* A batch as the log has it. Its first operation puts a record that bears COUNTER in its name,
 * so that the journal's entry names the batch. */
struct plan {
	char owner[PLAN_NAME_BYTES];
	uint64_t counter; /* grows with every batch of the owner, over all runs */
	unsigned n;
	struct plan_op ops[PLAN_OPS_MAX];
};

/* Print the batch as an "I" line with its LF. Returns the length; 0 when it does not fit. */
size_t plan_print(const struct plan *plan, char line[PLAN_LINE_BYTES]);
/* Read such a line of N octets, without LF. Returns 0, or -1 when it is not one. */
int plan_parse(const char *line, size_t n, struct plan *plan_out);
/* The name of the record that batch COUNTER puts first. */
void plan_mark(uint64_t counter, char name[PLAN_NAME_BYTES]);
/* The octets that operation I of the batch puts: they tell owner, counter and operation, and
 * differ between any two. */
void plan_value(const struct plan *plan, unsigned i, unsigned char *value_out);
/* The batch for the store; NULL when memory is short. SCRATCH has PLAN_VALUE_MAX octets. */
struct kv_batch *plan_batch(const struct plan *plan, unsigned char *scratch);

/* Options of both modes. */
struct load_options {
	struct kv_options kv;
	const char *log; /* path; check reads it, run appends to it */
	uint64_t seed;
	unsigned run;	    /* the number of this run over the same store */
	unsigned threads;   /* submitters that are threads of their own */
	unsigned workers;   /* submitters that are workers */
	unsigned readers;   /* threads that read all the time */
	unsigned owners;    /* of one submitter */
	unsigned window;    /* batches of one submitter that may be under way */
	uint64_t batches;   /* of one submitter; 0: until SIGTERM */
	unsigned pause_us;  /* of a thread behind each batch */
	uint64_t value_max; /* octets of the largest values */
	const char *backup; /* run: back up into BACKUP.0, .1, ... meanwhile */
	unsigned backups;   /* how many */
	const char *broken; /* run: break a promise on purpose, to see the judge find it */
	int mark_fd;	    /* run: the log's descriptor, 0: any */
	int upto_backup;    /* check: what was told after backup N began may be missing; -1: off */
	int verify_closed;  /* check: also as a folder, pages too, once it is closed */
	int refusals_ok;    /* check: a batch may have been refused without a reason */
	uint64_t min_journal; /* check: the journal has at least so many of the commits */
};

int load_run(const struct load_options *options);
int load_check(const struct load_options *options);

#endif
