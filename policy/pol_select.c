/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/pol_select.c - which rules of a document count
 *
 * Strictly all that match (RFC 4745 s10.2). By classes, of those that match the ones that say most
 * exactly who is meant (xdm.md 9.3): with plain combination somebody who is blocked by name and
 * stands in a list of friends would be let in.
 */
#include "policy/pol_priv.h"

static unsigned match_all(struct pol_view *view, const struct pol_doc *doc, struct pol_hit *hit)
{
	int other = NO, known = 0;
	unsigned n = 0;

	for (unsigned i = 0; i < doc->code->n_rules; i++) {
		const struct pol_rule *rule = pol_rule_at(doc, i);
		int applies;

		if (pol_tags_miss(view, rule->tag_kind, rule->tags))
			continue;
		if (rule->class == POL_CLASS_OTHER && !known++)
			other = pol_match_other(view, doc);
		applies = pol_match_rule(view, doc, rule, other);
		if (applies != NO)
			hit[n++] = (struct pol_hit){ (uint16_t)i, (uint8_t)applies };
	}
	return n;
}

/* Rules about anybody are in each class. When a rule of a class may apply and none does for sure,
 * the class may be the one that counts or be passed over: OR_NOTHING. */
unsigned pol_select(struct pol_view *view, const struct pol_doc *doc, struct pol_hit *hit,
		    int *or_nothing_out)
{
	unsigned n_all = match_all(view, doc, hit), n = 0, last;
	unsigned found[POL_CLASSES] = { 0 }; /* bits: 1 << YES, 1 << MAYBE */

	*or_nothing_out = 0;
	if (doc->code->strict)
		return n_all;
	for (unsigned i = 0; i < n_all; i++)
		found[pol_rule_at(doc, hit[i].rule)->class] |= 1u << hit[i].applies;
	for (last = POL_CLASS_IDENTITY; last < POL_CLASS_OTHER; last++) {
		if (found[last] & 1u << YES)
			break;
		if (found[last] & 1u << MAYBE)
			*or_nothing_out = 1;
	}
	for (unsigned i = 0; i < n_all; i++) {
		unsigned class = pol_rule_at(doc, hit[i].rule)->class;

		if (class <= last || class == POL_CLASS_ANYBODY)
			hit[n++] = hit[i];
	}
	return n;
}
