/* SPDX-License-Identifier: Apache-2.0 */
/* policy/pol_compare.c - what if (see pol_compare.h) */
#include "policy/pol_compare.h"

static void add_change(struct pol_diff *diff, const struct pol_change *change)
{
	if (diff->n_changes < POL_CHANGES_MAX)
		diff->change[diff->n_changes++] = *change;
	else
		diff->n_more++;
}

int pol_compare(const struct pol_layers *before, const struct pol_layers *after,
		const struct pol_facts *facts, struct pol_diff *diff_out,
		struct pol_verdict *before_out, struct pol_verdict *after_out)
{
	struct pol_verdict own[2], *a = before_out ? before_out : &own[0],
				   *b = after_out ? after_out : &own[1];

	pol_eval(before, facts, a);
	pol_eval(after, facts, b);
	*diff_out = (struct pol_diff){ .before = pol_verdict_answer(a),
				       .after = pol_verdict_answer(b) };
	for (unsigned i = 0; i < POL_PERMS; i++) {
		enum pol_perm perm = (enum pol_perm)i;
		struct pol_change change = { perm, a->value[i], b->value[i],
					     pol_verdict_is_unsure(a, perm),
					     pol_verdict_is_unsure(b, perm) };

		if (change.before != change.after || change.unsure_before != change.unsure_after)
			add_change(diff_out, &change);
	}
	return diff_out->n_changes > 0 || diff_out->before != diff_out->after;
}
