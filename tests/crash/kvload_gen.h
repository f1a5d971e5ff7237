/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/crash/kvload_gen.h - a source of batches, one for each submitter
 */
#ifndef CRASH_KVLOAD_GEN_H
#define CRASH_KVLOAD_GEN_H

#include "tests/crash/kvload.h"

enum { GEN_SLOTS = 64, GEN_OWNERS_MAX = 64 };

struct gen_owner {
	char name[PLAN_NAME_BYTES];
	uint64_t counter;	      /* of the next batch */
	uint64_t versions[GEN_SLOTS]; /* of records r/00 .. r/63, as far as known; 0: absent */
};

struct gen {
	uint64_t rng;
	uint64_t value_max;
	unsigned n_owners;
	struct gen_owner owners[GEN_OWNERS_MAX];
};

/* The same seed, submitter and run give the same batches, but for versions. */
void gen_init(struct gen *gen, uint64_t seed, unsigned submitter, unsigned n_owners, unsigned run,
	      uint64_t value_max);
/* The next batch, and its owner, valid as long as GEN. */
struct gen_owner *gen_next(struct gen *gen, struct plan *plan_out);
/* The batch was committed as SEQ. */
void gen_done(struct gen_owner *owner, const struct plan *plan, uint64_t seq);
uint64_t gen_random(uint64_t *state);

#endif
