/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/controlling/cf_decide.c - decide: who gets a message to a group, or why nobody does
 *
 * Pure. Of several reasons the first counts, in the order of cpm.md 2.2: whether there is anybody
 * to send it to, whether the operator and the group let the sender, whether they may be hidden, how
 * many there are.
 */
#include <string.h>

#include "cpm/controlling/cf_priv.h"

#define ANONYMOUS_HOST "@anonymous.invalid"

static unsigned refuse(struct cf_plan *plan, unsigned status, const char *why)
{
	plan->why = why;
	return plan->status = status;
}

/* ---- who they are ---- */

/* A set of names in a table twice as large as they are many. */
struct seen {
	const struct strv **slot;
	size_t mask;
};

static int seen_init(struct seen *seen, struct arena *arena, unsigned n)
{
	size_t size = 16;

	while (size < 2 * (size_t)n)
		size *= 2;
	seen->slot = arena_zalloc(arena, size, sizeof(const struct strv *));
	seen->mask = size - 1;
	return seen->slot ? 0 : -1;
}

/* 1: it was there already. */
static int seen_add(struct seen *seen, const struct strv *name)
{
	uint64_t hash = 14695981039346656037ULL;
	size_t at;

	for (size_t i = 0; i < name->n; i++)
		hash = (hash ^ (unsigned char)name->p[i]) * 1099511628211ULL;
	for (at = (size_t)(hash ^ hash >> 32) & seen->mask; seen->slot[at];
	     at = (at + 1) & seen->mask)
		if (strv_eq(*seen->slot[at], *name))
			return 1;
	seen->slot[at] = name;
	return 0;
}

static int is_sender(const struct cpm_message_draft *m, struct strv who)
{
	for (unsigned i = 0; i < m->n_sender; i++)
		if (strv_eq(m->sender[i], who))
			return 1;
	return 0;
}

/* FROM into the plan: each once, without the focus itself, which would send it to itself, and
 * without the sender when MINUS_SENDER. */
static int take_members(const struct cf_facts *facts, const struct strv *from, unsigned n,
			int minus_sender, struct arena *arena, struct cf_plan *plan)
{
	struct strv *member = arena_zalloc(arena, (size_t)n + 1, sizeof(*member));
	struct seen seen;

	if (!member || seen_init(&seen, arena, n) < 0)
		return -1;
	for (unsigned i = 0; i < n; i++)
		if (!strv_eq(from[i], facts->focus) &&
		    !(minus_sender && is_sender(facts->request->m, from[i])) &&
		    !seen_add(&seen, &from[i]))
			member[plan->n++] = from[i];
	plan->member = member;
	return 0;
}

/* Every recipient of the list is a member: a part of the group, not others in its name. */
static int are_members(const struct cf_facts *facts, struct arena *arena)
{
	const struct cpm_group_rules *group = facts->group;
	struct seen seen;

	if (seen_init(&seen, arena, group->n_members + facts->request->n_to) < 0)
		return -1;
	for (unsigned i = 0; i < group->n_members; i++)
		seen_add(&seen, &group->member[i]);
	for (unsigned i = 0; i < facts->request->n_to; i++)
		if (!seen_add(&seen, &facts->request->to[i]))
			return 0;
	return 1;
}

/* ---- may they ---- */

int cf_is_anonymous(struct strv uri)
{
	size_t n = sizeof(ANONYMOUS_HOST) - 1;

	return !uri.n || strv_eq(uri, STRV(CPIM_ANONYMOUS)) ||
	       (uri.n > n && strv_caseeq(strv_mem(uri.p + uri.n - n, n), STRV(ANONYMOUS_HOST)));
}

/* CPIM From says who wrote it. Anonymous is nobody; clients put that into 1-1 messages whoever they
 * are, and the identity that counts is SIP's. */
static int is_true_from(const struct cf_request *request, const struct auth_domains *domains)
{
	struct auth_identity identity;

	return cf_is_anonymous(request->cpim_from) ||
	       (auth_identity_parse(request->cpim_from, domains, &identity, NULL) == 0 &&
		is_sender(request->m, auth_identity_text(&identity)));
}

/* The operator's word about all messages, groups or not. 0, or a refusal, or 202 with drop. */
static unsigned ask_operator(const struct pol_verdict *v, struct cf_plan *plan)
{
	int64_t code = v->value[POL_REJECT_CODE];

	switch (pol_verdict_answer(v)) {
	case POL_ANSWER_REJECT:
		return refuse(plan, code >= 400 && code < 700 ? (unsigned)code : 403,
			      "the operator does not let it pass");
	case POL_ANSWER_LATER:
		return refuse(plan, 503, "the rules cannot be told now");
	case POL_ANSWER_DROP:
		plan->drop = 1;
		return refuse(plan, 202, NULL);
	default:
		return 0;
	}
}

static int may(const struct pol_verdict *v, enum pol_perm perm)
{
	return v && pol_verdict_allows(v, perm);
}

static int is_unsure(const struct pol_verdict *v, enum pol_perm perm)
{
	return v && pol_verdict_is_unsure(v, perm);
}

/* May the sender send to the group? A rule that names its members does not see who is anonymous
 * (xdm.md 9.3); we do, and the group learns what the rules for those we know let it. */
static unsigned ask_group(const struct cf_facts *facts, struct cf_plan *plan)
{
	const struct pol_verdict *known = facts->known, *hidden = facts->hidden;

	if (facts->group->lost || !facts->group->is_complete)
		return refuse(plan, 503, "a list that the group refers to cannot be had now");
	if (!may(known, POL_JOIN) && !may(hidden, POL_JOIN)) {
		if (is_unsure(known, POL_JOIN) || is_unsure(hidden, POL_JOIN))
			return refuse(plan, 503, "the group's rules cannot be told now");
		return refuse(plan, 403, "no rule of the group lets you send to it");
	}
	if (!plan->anonymous)
		return 0;
	if ((may(known, POL_JOIN) && may(known, POL_ANONYMITY)) ||
	    (may(hidden, POL_JOIN) && may(hidden, POL_ANONYMITY)))
		return 0;
	return refuse(plan, 433, "the group does not take anonymous messages");
}

static unsigned bound(int64_t of_rules, unsigned ours)
{
	return of_rules >= 0 && of_rules < ours ? (unsigned)of_rules : ours;
}

static int decide_group(const struct cf_facts *facts, struct arena *arena, struct cf_plan *plan)
{
	const struct cpm_group_rules *group = facts->group;
	unsigned most = group->max_participants ? group->max_participants : facts->max_members;
	int ret;

	if (ask_group(facts, plan))
		return 0;
	plan->hide = !may(facts->known, POL_CONFERENCE_STATE);
	most = bound(facts->known->value[POL_MAX_GROUP_MEMBERS], most);
	if (group->n_members > most) {
		refuse(plan, 413, "the group has more members than it may");
		return 0;
	}
	if (!facts->request->has_list)
		return take_members(facts, group->member, group->n_members, 1, arena, plan);
	if (!may(facts->known, POL_PRIVATE_MESSAGE)) {
		refuse(plan, 403, "no rule of the group lets you send to a part of it");
		return 0;
	}
	ret = are_members(facts, arena);
	if (ret == 0)
		refuse(plan, 403, "the list names who is not in the group");
	if (ret <= 0)
		return ret;
	return take_members(facts, facts->request->to, facts->request->n_to, 0, arena, plan);
}

static int decide_list(const struct cf_facts *facts, struct arena *arena, struct cf_plan *plan)
{
	unsigned most = bound(facts->known->value[POL_MAX_RECIPIENTS], facts->max_list);

	if (!facts->request->has_list) {
		refuse(plan, 400, "no list of recipients");
		return 0;
	}
	if (take_members(facts, facts->request->to, facts->request->n_to, 0, arena, plan) < 0)
		return -1;
	if (plan->n > most)
		refuse(plan, 413, "the list is too long");
	return 0;
}

int cf_decide(const struct cf_facts *facts, const struct auth_domains *domains, struct arena *arena,
	      struct cf_plan *plan)
{
	const struct cpm_message_draft *m = facts->request->m;
	int ret;

	memset(plan, 0, sizeof(*plan));
	plan->anonymous = m->anonymous;
	/* A list is not served by a list: two that hold each other would never end. */
	if (m->group.n)
		return refuse(plan, 403, "a group's message does not go to another group"), 0;
	if (!is_true_from(facts->request, domains))
		return refuse(plan, 403, "From of the CPIM message is not the sender's"), 0;
	if (plan->anonymous && facts->request->cpim_is_fixed &&
	    !cf_is_anonymous(facts->request->cpim_from))
		return refuse(plan, 433, "a signed message cannot be made anonymous"), 0;
	if (ask_operator(facts->known, plan))
		return 0;
	ret = facts->group ? decide_group(facts, arena, plan) : decide_list(facts, arena, plan);
	if (ret < 0 || plan->status)
		return ret;
	if (!plan->n)
		refuse(plan, 404, "there is nobody to send it to");
	else
		plan->status = 202;
	return 0;
}
