/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/crash/kvload_gen.c - what the load commits: batches of all kinds, from a seed
 *
 * Puts of many sizes, deletes, range deletes, preconditions that hold and some that do not. The
 * generator's picture of an owner lags behind what is under way, which is fine: the judge works
 * out from the history whether a precondition held.
 */
#include "tests/crash/kvload_gen.h"

#include <stdio.h>
#include <string.h>

uint64_t gen_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static uint64_t below(struct gen *gen, uint64_t n)
{
	return gen_random(&gen->rng) % n;
}

static void slot_name(unsigned slot, char name[PLAN_NAME_BYTES])
{
	snprintf(name, PLAN_NAME_BYTES, "r/%02u", slot);
}

static struct plan_op *op_new(struct plan *plan, int kind)
{
	struct plan_op *op = &plan->ops[plan->n++];

	memset(op, 0, sizeof(*op));
	op->kind = kind;
	return op;
}

/* Mostly small, some that fill pages, a few that need many. */
static uint64_t value_size(struct gen *gen)
{
	uint64_t dice = below(gen, 64);

	if (dice < 48)
		return below(gen, 600);
	if (dice < 62 || gen->value_max <= 4096)
		return below(gen, 3000);
	return 4096 + below(gen, gen->value_max - 4096);
}

static void add_require(struct gen *gen, const struct gen_owner *owner, struct plan *plan)
{
	unsigned slot = (unsigned)below(gen, GEN_SLOTS);
	uint64_t known = owner->versions[slot];
	int wrong = below(gen, 4) == 0;
	int absent = wrong ? known != 0 : known == 0;
	struct plan_op *op = op_new(plan, absent ? PLAN_ABSENT : PLAN_AT);

	slot_name(slot, op->name);
	if (!absent)
		op->arg = wrong ? known + 1 + below(gen, 3) : known;
}

static void add_range(struct gen *gen, struct plan *plan)
{
	struct plan_op *op = op_new(plan, PLAN_RANGE);
	unsigned from = (unsigned)below(gen, GEN_SLOTS);
	uint64_t dice = below(gen, 16);

	if (dice == 0)
		return; /* everything */
	if (dice < 6) { /* the marks of old batches */
		plan_mark(0, op->name);
		plan_mark(plan->counter > 8 ? plan->counter - 8 : 0, op->to);
		return;
	}
	slot_name(from, op->name);
	if (dice < 14)
		slot_name(from + (unsigned)below(gen, 12), op->to);
}

static void add_data(struct gen *gen, struct plan *plan)
{
	uint64_t dice = below(gen, 100);

	if (dice < 8) {
		add_range(gen, plan);
	} else if (dice < 22) {
		slot_name((unsigned)below(gen, GEN_SLOTS), op_new(plan, PLAN_DEL)->name);
	} else {
		struct plan_op *op = op_new(plan, PLAN_PUT);

		slot_name((unsigned)below(gen, GEN_SLOTS), op->name);
		op->arg = value_size(gen);
	}
}

struct gen_owner *gen_next(struct gen *gen, struct plan *plan)
{
	struct gen_owner *owner = &gen->owners[below(gen, gen->n_owners)];
	uint64_t dice = below(gen, 10);
	uint64_t n = dice < 6 ? 1 : dice < 9 ? 2 + below(gen, 5) : 7 + below(gen, 30);
	struct plan_op *mark;

	memcpy(plan->owner, owner->name, sizeof(plan->owner));
	plan->counter = owner->counter++;
	plan->n = 0;
	mark = op_new(plan, PLAN_PUT);
	plan_mark(plan->counter, mark->name);
	mark->arg = 24 + below(gen, 16);
	if (below(gen, 4) == 0)
		add_require(gen, owner, plan);
	while (n-- > 0)
		add_data(gen, plan);
	return owner;
}

void gen_done(struct gen_owner *owner, const struct plan *plan, uint64_t seq)
{
	unsigned slot;

	for (unsigned i = 1; i < plan->n; i++) {
		const struct plan_op *op = &plan->ops[i];

		if (op->kind == PLAN_PUT || op->kind == PLAN_DEL) {
			if (sscanf(op->name, "r/%2u", &slot) == 1 && slot < GEN_SLOTS)
				owner->versions[slot] = op->kind == PLAN_PUT ? seq : 0;
		} else if (op->kind == PLAN_RANGE) {
			for (slot = 0; slot < GEN_SLOTS; slot++) {
				char name[PLAN_NAME_BYTES];

				slot_name(slot, name);
				if (strcmp(name, op->name) >= 0 &&
				    (!*op->to || strcmp(name, op->to) < 0))
					owner->versions[slot] = 0;
			}
		}
	}
}

void gen_init(struct gen *gen, uint64_t seed, unsigned submitter, unsigned n_owners, unsigned run,
	      uint64_t value_max)
{
	memset(gen, 0, sizeof(*gen));
	gen->rng = seed * 1000003 + submitter * 7919 + run;
	gen->n_owners = n_owners < GEN_OWNERS_MAX ? n_owners : GEN_OWNERS_MAX;
	gen->value_max = value_max < PLAN_VALUE_MAX ? value_max : PLAN_VALUE_MAX;
	for (unsigned i = 0; i < gen->n_owners; i++) {
		snprintf(gen->owners[i].name, PLAN_NAME_BYTES, "u%u.%u@x", submitter, i);
		gen->owners[i].counter = (uint64_t)run * 10000000u;
	}
}
