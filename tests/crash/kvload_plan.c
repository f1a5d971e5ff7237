/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/crash/kvload_plan.c - a batch as a line of the log and as a batch of the store
 *
 * The log says which values were written by their sizes only: a value follows from its place in
 * the history, so that the judge makes it again and compares octet by octet.
 */
#include "tests/crash/kvload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void plan_mark(uint64_t counter, char name[PLAN_NAME_BYTES])
{
	snprintf(name, PLAN_NAME_BYTES, "n/%010" PRIu64, counter);
}

static int op_print(const struct plan_op *op, char *at, size_t room)
{
	switch (op->kind) {
	case PLAN_PUT:
	case PLAN_AT:
		return snprintf(at, room, " %c%s:%" PRIu64, op->kind, op->name, op->arg);
	case PLAN_RANGE:
		return snprintf(at, room, " ~%s:%s", op->name, op->to);
	case PLAN_DEL:
	case PLAN_ABSENT:
		break;
	}
	return snprintf(at, room, " %c%s", op->kind, op->name);
}

size_t plan_print(const struct plan *plan, char line[PLAN_LINE_BYTES])
{
	int n = snprintf(line, PLAN_LINE_BYTES, "I %s %" PRIu64, plan->owner, plan->counter);
	size_t used = (size_t)n;

	for (unsigned i = 0; i < plan->n; i++) {
		n = op_print(&plan->ops[i], line + used, PLAN_LINE_BYTES - used);
		if (n < 0 || (size_t)n >= PLAN_LINE_BYTES - used - 1)
			return 0;
		used += (size_t)n;
	}
	line[used++] = '\n';
	return used;
}

static int name_copy(struct strv s, char out[PLAN_NAME_BYTES])
{
	if (s.n >= PLAN_NAME_BYTES)
		return -1;
	if (s.n > 0)
		memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return 0;
}

static int op_parse(struct strv word, struct plan_op *op)
{
	struct strv name;

	if (word.n == 0 || !strchr("+-~?=", word.p[0]))
		return -1;
	memset(op, 0, sizeof(*op));
	op->kind = word.p[0];
	word = strv_mem(word.p + 1, word.n - 1);
	if (op->kind == PLAN_DEL || op->kind == PLAN_ABSENT)
		return name_copy(word, op->name);
	if (!strv_cut(&word, ':', &name) || name_copy(name, op->name) < 0)
		return -1;
	if (op->kind == PLAN_RANGE)
		return name_copy(word, op->to);
	return strv_u64(word, UINT64_MAX, &op->arg);
}

int plan_parse(const char *line, size_t n, struct plan *plan)
{
	struct strv rest = strv_mem(line, n);
	struct strv word;

	plan->n = 0;
	strv_cut(&rest, ' ', &word);
	if (!strv_eq(word, STRV("I")) || !strv_cut(&rest, ' ', &word) ||
	    name_copy(word, plan->owner) < 0)
		return -1;
	strv_cut(&rest, ' ', &word);
	if (strv_u64(word, UINT64_MAX, &plan->counter) < 0)
		return -1;
	while (rest.n > 0) {
		strv_cut(&rest, ' ', &word);
		if (plan->n == PLAN_OPS_MAX || op_parse(word, &plan->ops[plan->n++]) < 0)
			return -1;
	}
	return plan->n > 0 ? 0 : -1;
}

void plan_value(const struct plan *plan, unsigned i, unsigned char *value)
{
	uint64_t size = plan->ops[i].arg;
	uint64_t x = plan->counter * 0x9e3779b97f4a7c15u + i + 1;
	char head[64];
	int n = snprintf(head, sizeof(head), "%s %" PRIu64 " %u ", plan->owner, plan->counter, i);

	for (const char *p = plan->owner; *p; p++)
		x = (x ^ (unsigned char)*p) * 0x100000001b3u;
	for (uint64_t at = 0; at < size; at++) {
		if (at < (uint64_t)n) {
			value[at] = (unsigned char)head[at];
			continue;
		}
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		value[at] = (unsigned char)(x >> 32);
	}
}

static int op_add(struct kv_batch *batch, const struct plan *plan, unsigned i,
		  unsigned char *scratch)
{
	const struct plan_op *op = &plan->ops[i];
	struct strv name = strv_of(op->name);

	switch (op->kind) {
	case PLAN_PUT:
		plan_value(plan, i, scratch);
		return kv_batch_put(batch, name, strv_mem(scratch, op->arg));
	case PLAN_DEL:
		return kv_batch_del(batch, name);
	case PLAN_RANGE:
		return kv_batch_del_range(batch, name, strv_of(op->to));
	case PLAN_ABSENT:
		return kv_batch_require_absent(batch, name);
	case PLAN_AT:
		return kv_batch_require_version(batch, name, op->arg);
	}
	return -1;
}

struct kv_batch *plan_batch(const struct plan *plan, unsigned char *scratch)
{
	struct kv_batch *batch = kv_batch_new(strv_of(plan->owner));

	/* A batch that could not be filled stays poisoned: the store has to refuse it, so it is
	 * committed all the same. */
	for (unsigned i = 0; batch && i < plan->n; i++)
		if (op_add(batch, plan, i, scratch) < 0)
			break;
	return batch;
}
