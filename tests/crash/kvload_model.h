/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/crash/kvload_model.h - what one owner must hold after a history
 */
#ifndef CRASH_KVLOAD_MODEL_H
#define CRASH_KVLOAD_MODEL_H

#include "tests/crash/kvload_log.h"

struct model_record {
	const char *name;		/* of the operation */
	const struct past_batch *batch; /* that wrote it */
	unsigned op;			/* which of its operations */
};

/* Records in the order of their names. */
struct model {
	unsigned n, room;
	struct model_record *records;
};

const struct model_record *model_find(const struct model *model, const char *name);
void model_apply(struct model *model, const struct past_batch *batch);
void model_fini(struct model *model);

#endif
