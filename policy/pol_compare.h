/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/pol_compare.h - what if: the same facts under two sets of rules
 *
 * Facts that were recorded (pol_facts_encode) are judged by the rules in force and by a draft. What
 * comes out differs or not, and how, before the draft is pushed. As pure as pol_eval; the caller
 * walks through the records.
 */
#ifndef POLICY_POL_COMPARE_H
#define POLICY_POL_COMPARE_H

#include "policy/pol_eval.h"

enum { POL_CHANGES_MAX = 16 };

struct pol_change {
	enum pol_perm perm;
	int64_t before, after;
	int unsure_before, unsure_after;
};

struct pol_diff {
	enum pol_answer before, after;
	unsigned n_changes; /* in change; */
	unsigned n_more;    /* more for which there was no room */
	struct pol_change change[POL_CHANGES_MAX];
};

/* 1: a value, its sureness or the answer differs; 0: the verdicts say the same, though other rules
 * may have made them. The verdicts themselves in BEFORE_OUT and AFTER_OUT (may be NULL). */
int pol_compare(const struct pol_layers *before, const struct pol_layers *after,
		const struct pol_facts *facts, struct pol_diff *diff_out,
		struct pol_verdict *before_out, struct pol_verdict *after_out);

#endif
