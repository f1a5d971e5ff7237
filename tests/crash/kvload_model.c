/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/crash/kvload_model.c - a sorted array that batches are applied to, operation by operation
 */
#include "tests/crash/kvload_model.h"

#include <stdlib.h>
#include <string.h>

/* The place of the first record whose name is not less. */
static unsigned place_of(const struct model *model, const char *name)
{
	unsigned low = 0;
	unsigned high = model->n;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (strcmp(model->records[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct model_record *model_find(const struct model *model, const char *name)
{
	unsigned at = place_of(model, name);

	if (at == model->n || strcmp(model->records[at].name, name) != 0)
		return NULL;
	return &model->records[at];
}

static void cut(struct model *model, unsigned from, unsigned to)
{
	memmove(&model->records[from], &model->records[to],
		(model->n - to) * sizeof(*model->records));
	model->n -= to - from;
}

static void put(struct model *model, const struct past_batch *batch, unsigned op)
{
	const char *name = batch->ops[op].name;
	unsigned at = place_of(model, name);

	if (at == model->n || strcmp(model->records[at].name, name) != 0) {
		if (model->n == model->room) {
			model->room = model->room ? model->room * 2 : 128;
			model->records =
				realloc(model->records, model->room * sizeof(*model->records));
			if (!model->records)
				abort();
		}
		memmove(&model->records[at + 1], &model->records[at],
			(model->n - at) * sizeof(*model->records));
		model->n++;
	}
	model->records[at] = (struct model_record){ name, batch, op };
}

void model_apply(struct model *model, const struct past_batch *batch)
{
	for (unsigned i = 0; i < batch->n_ops; i++) {
		const struct plan_op *op = &batch->ops[i];
		unsigned at;

		if (op->kind == PLAN_PUT) {
			put(model, batch, i);
		} else if (op->kind == PLAN_DEL) {
			at = place_of(model, op->name);
			if (model_find(model, op->name))
				cut(model, at, at + 1);
		} else if (op->kind == PLAN_RANGE) {
			at = place_of(model, op->name);
			unsigned end = *op->to ? place_of(model, op->to) : model->n;

			if (end > at)
				cut(model, at, end);
		}
	}
}

void model_fini(struct model *model)
{
	free(model->records);
	*model = (struct model){ .n = 0 };
}
