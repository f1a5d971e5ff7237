/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/pol_eval.c - rules that apply are put together (see pol_eval.h)
 *
 * Three steps: which rules of each document apply, surely or perhaps; what each layer says about
 * each permission; one value of all layers. Each layer keeps two values per permission, of the
 * rules that apply and of those that may.
 */
#include "policy/pol_eval.h"

#include "policy/pol_priv.h"

enum { WORDS = (POL_PERMS + 63) / 64, DOCS = 2 + POL_USER_DOCS_MAX };

/* What one layer says. */
struct part {
	uint64_t named[WORDS], maybe[WORDS];
	int64_t value[POL_PERMS], least[POL_PERMS]; /* where named; where maybe */
	int lowers;	/* of rules that apply the less permissive counts */
	int or_nothing; /* perhaps none of its values holds */
};

struct doc_state {
	const struct pol_doc *doc;
	unsigned n_hits;
	struct pol_hit hit[POL_RULES_MAX];
};

struct eval {
	struct pol_view view;
	const struct pol_layers *layers;
	struct pol_verdict *verdict;
	struct part part[POL_BUILTIN];
	struct doc_state state[DOCS];
	unsigned n_docs;
	int blocked, polite; /* as matched */
};

static inline int is_set(const uint64_t *mask, unsigned perm)
{
	return (int)(mask[perm / 64] >> (perm % 64) & 1);
}

static inline void set(uint64_t *mask, unsigned perm)
{
	mask[perm / 64] |= (uint64_t)1 << (perm % 64);
}

/* ---- layers ---- */

static int64_t more(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void say(struct eval *e, enum pol_layer layer, unsigned perm, int64_t value, int applies)
{
	const struct pol_perm_row *row = pol_perm_row((enum pol_perm)perm);
	struct part *part = &e->part[layer];

	if (applies == MAYBE) {
		part->least[perm] = is_set(part->maybe, perm)
					    ? pol_perm_less(row, part->least[perm], value)
					    : value;
		set(part->maybe, perm);
		return;
	}
	if (layer == POL_FORCED && is_set(part->named, perm) && part->value[perm] != value)
		set(e->verdict->contradicts, perm);
	if (!is_set(part->named, perm))
		part->value[perm] = value;
	else if (part->lowers)
		part->value[perm] = pol_perm_less(row, part->value[perm], value);
	else
		part->value[perm] = more(part->value[perm], value);
	set(part->named, perm);
}

static void apply(struct eval *e, const struct pol_doc *doc, const struct pol_rule *rule,
		  int applies)
{
	const struct pol_grant *grant = POL_AT(doc->code, struct pol_grant, rule->grants);

	for (unsigned i = 0; i < rule->n_grants; i++)
		say(e, (enum pol_layer)rule->layer, grant[i].perm, grant[i].value, applies);
}

/* ---- gathering ---- */

static void gather(struct eval *e, const struct pol_doc *doc)
{
	struct doc_state *state = &e->state[e->n_docs];
	int or_nothing;

	if (!doc)
		return;
	e->n_docs++;
	state->doc = doc;
	state->n_hits = pol_select(&e->view, doc, state->hit, &or_nothing);
	if (or_nothing)
		e->part[doc->code->kind == POL_GROUP ? POL_OF_GROUP : POL_OF_USER].or_nothing = 1;
	for (unsigned i = 0; i < state->n_hits; i++)
		apply(e, doc, pol_rule_at(doc, state->hit[i].rule), state->hit[i].applies);
}

static void say_blocked(struct eval *e, int applies, int politely)
{
	say(e, POL_BLOCKED, POL_DELIVER, politely ? POL_DELIVER_DROP : POL_DELIVER_REJECT, applies);
	say(e, POL_BLOCKED, POL_REJECT_INVITE, 1, applies);
	say(e, POL_BLOCKED, POL_AUTO_ANSWER, 0, applies);
	say(e, POL_BLOCKED, POL_SUB_HANDLING, politely ? POL_SUB_POLITE_BLOCK : POL_SUB_BLOCK,
	    applies);
}

static void gather_blocked(struct eval *e)
{
	if (e->layers->blocked)
		e->blocked = pol_match_set(&e->view, e->layers->blocked);
	if (e->layers->blocked_lost && e->blocked != YES)
		e->blocked = MAYBE;
	if (e->layers->polite_blocked)
		e->polite = pol_match_set(&e->view, e->layers->polite_blocked);
	if (e->blocked != NO)
		say_blocked(e, e->blocked, 0);
	if (e->polite != NO)
		say_blocked(e, e->polite, 1);
}

/* ---- one value of all layers ---- */

struct result {
	int64_t value;
	enum pol_layer layer;
	int unsure;
};

/* No more than VALUE of LAYER. */
static void bound(struct result *r, const struct pol_perm_row *row, enum pol_layer layer,
		  int64_t value)
{
	if (pol_perm_less(row, r->value, value) == r->value)
		return;
	r->value = value;
	r->layer = layer;
}

/* PART may say something other than it does. */
static void doubt(struct result *r, const struct pol_perm_row *row, enum pol_layer layer,
		  const struct part *part, unsigned perm)
{
	if (!is_set(part->maybe, perm) || part->least[perm] == r->value)
		return;
	r->unsure = 1;
	bound(r, row, layer, part->least[perm]);
}

static int64_t nothing(const struct pol_perm_row *row)
{
	return row->ban && row->type == POL_TYPE_BOOL;
}

/* When nobody who is asked first speaks. */
static struct result fallback(const struct eval *e, unsigned perm, const struct pol_perm_row *row)
{
	const struct part *setting = &e->part[POL_SETTING], *def = &e->part[POL_DEFAULT];
	struct result r = { row->builtin, POL_BUILTIN, 0 };

	if (is_set(setting->named, perm))
		return (struct result){ setting->value[perm], POL_SETTING, 0 };
	if (is_set(def->named, perm))
		r = (struct result){ def->value[perm], POL_DEFAULT, 0 };
	doubt(&r, row, POL_DEFAULT, def, perm);
	return r;
}

static struct result of_people(const struct eval *e, unsigned perm, const struct pol_perm_row *row)
{
	int grouped = (row->speakers & POL_BY_GROUP) && (e->layers->group || e->layers->group_lost);
	enum pol_layer layer = grouped ? POL_OF_GROUP : POL_OF_USER;
	const struct part *part = &e->part[layer];
	struct result r, other;

	/* In a group, what is not granted is not permitted. */
	other = grouped ? (struct result){ 0, POL_OF_GROUP, 0 } : fallback(e, perm, row);
	if (grouped && e->layers->group_lost)
		return (struct result){ nothing(row), POL_OF_GROUP, 1 };
	r = is_set(part->named, perm) ? (struct result){ part->value[perm], layer, 0 } : other;
	if (part->or_nothing && is_set(part->named, perm) && other.value != r.value) {
		r.unsure = 1;
		bound(&r, row, other.layer, other.value);
	}
	doubt(&r, row, layer, part, perm);
	return r;
}

static struct result decide(const struct eval *e, unsigned perm)
{
	const struct pol_perm_row *row = pol_perm_row((enum pol_perm)perm);
	const struct part *forced = &e->part[POL_FORCED];
	struct result r;

	if (e->layers->operator_lost)
		return (struct result){ nothing(row), POL_CAP, 1 };
	r = of_people(e, perm, row);
	for (int layer = POL_BLOCKED; layer >= POL_CAP; layer--) {
		const struct part *part = &e->part[layer];

		if (is_set(part->named, perm))
			bound(&r, row, (enum pol_layer)layer, part->value[perm]);
		doubt(&r, row, (enum pol_layer)layer, part, perm);
	}
	if (is_set(forced->named, perm))
		r = (struct result){ forced->value[perm], POL_FORCED, 0 };
	doubt(&r, row, POL_FORCED, forced, perm);
	return r;
}

/* What nobody spoke about is builtin; of groups, nothing. */
static void decide_all(struct eval *e)
{
	struct pol_verdict *verdict = e->verdict;
	int all = e->layers->operator_lost || e->layers->group_lost;
	uint64_t asked[WORDS];

	for (unsigned w = 0; w < WORDS; w++) {
		asked[w] = all ? UINT64_MAX : 0;
		for (unsigned i = 0; i < POL_BUILTIN; i++)
			asked[w] |= e->part[i].named[w] | e->part[i].maybe[w];
	}
	memcpy(verdict->value, pol_perm_builtins(), sizeof(verdict->value));
	memset(verdict->layer, POL_BUILTIN, sizeof(verdict->layer));
	for (unsigned w = 0; w < WORDS; w++)
		for (uint64_t left = asked[w]; left; left &= left - 1) {
			unsigned perm = w * 64 + (unsigned)__builtin_ctzll(left);
			struct result r;

			if (perm >= POL_PERMS)
				break;
			r = decide(e, perm);
			verdict->value[perm] = r.value;
			verdict->layer[perm] = (uint8_t)r.layer;
			if (r.unsure)
				set(verdict->unsure, perm);
		}
}

/* ---- why ---- */

static void add_why(struct pol_verdict *verdict, const struct pol_doc *doc, unsigned rule,
		    unsigned layer, int applies)
{
	if (verdict->n_why == POL_WHY_MAX) {
		verdict->n_more++;
		return;
	}
	verdict->why[verdict->n_why++] =
		(struct pol_why){ doc, (uint16_t)rule, (uint8_t)layer, applies == YES };
}

/* Did the rule bring a value that is in the verdict, or a doubt? */
static int made_it(const struct pol_verdict *verdict, const struct pol_doc *doc,
		   const struct pol_rule *rule, int applies)
{
	const struct pol_grant *grant = POL_AT(doc->code, struct pol_grant, rule->grants);

	for (unsigned i = 0; i < rule->n_grants; i++) {
		unsigned perm = grant[i].perm;

		if (applies == MAYBE && is_set(verdict->unsure, perm))
			return 1;
		if (verdict->layer[perm] == rule->layer &&
		    (verdict->value[perm] == grant[i].value || grant[i].n_members))
			return 1;
	}
	return 0;
}

static void tell_why(struct eval *e)
{
	struct pol_verdict *verdict = e->verdict;

	if (e->blocked != NO)
		add_why(verdict, NULL, 0, POL_BLOCKED, e->blocked);
	if (e->polite != NO)
		add_why(verdict, NULL, 1, POL_BLOCKED, e->polite);
	for (unsigned d = 0; d < e->n_docs; d++) {
		const struct pol_doc *doc = e->state[d].doc;

		for (unsigned i = 0; i < e->state[d].n_hits; i++) {
			const struct pol_hit *hit = &e->state[d].hit[i];
			const struct pol_rule *rule = pol_rule_at(doc, hit->rule);

			if (made_it(verdict, doc, rule, hit->applies))
				add_why(verdict, doc, hit->rule, rule->layer, hit->applies);
		}
	}
}

/* ---- the whole ---- */

static int any(const uint64_t mask[WORDS])
{
	for (unsigned w = 0; w < WORDS; w++)
		if (mask[w])
			return 1;
	return 0;
}

/* Only what is read is cleared: most of struct eval never is. */
static void begin(struct eval *e, const struct pol_layers *layers, const struct pol_facts *facts,
		  struct pol_verdict *verdict)
{
	pol_view_init(&e->view, facts);
	e->layers = layers;
	e->verdict = verdict;
	e->n_docs = 0;
	e->blocked = e->polite = NO;
	for (unsigned i = 0; i < POL_BUILTIN; i++) {
		memset(e->part[i].named, 0, sizeof(e->part[i].named));
		memset(e->part[i].maybe, 0, sizeof(e->part[i].maybe));
		e->part[i].lowers = i == POL_FORCED || i == POL_CAP || i == POL_BLOCKED;
		e->part[i].or_nothing = 0;
	}
	memset(verdict->unsure, 0, sizeof(verdict->unsure));
	memset(verdict->contradicts, 0, sizeof(verdict->contradicts));
	verdict->n_why = verdict->n_more = 0;
}

int pol_eval(const struct pol_layers *layers, const struct pol_facts *facts,
	     struct pol_verdict *verdict_out)
{
	struct eval e;
	int applied = 0;

	begin(&e, layers, facts, verdict_out);
	gather(&e, layers->operator_policy);
	gather(&e, layers->group);
	for (unsigned i = 0; i < layers->n_user && i < POL_USER_DOCS_MAX; i++)
		gather(&e, layers->user[i]);
	gather_blocked(&e);
	decide_all(&e);
	tell_why(&e);
	for (unsigned i = 0; i < POL_BUILTIN; i++)
		applied |= any(e.part[i].named);
	return any(verdict_out->unsure) ? -1 : applied;
}

/* ---- reading a verdict ---- */

int pol_verdict_allows(const struct pol_verdict *verdict, enum pol_perm perm)
{
	if (pol_verdict_is_unsure(verdict, perm))
		return (int)pol_perm_row(perm)->ban;
	return verdict->value[perm] > 0;
}

/* Blocked by the user: whether the sender is told is the user's choice. */
static enum pol_answer blocked(const struct pol_verdict *verdict)
{
	return pol_verdict_allows(verdict, POL_REVEAL_BLOCK) ? POL_ANSWER_REJECT : POL_ANSWER_DROP;
}

enum pol_answer pol_verdict_answer(const struct pol_verdict *verdict)
{
	int64_t deliver = verdict->value[POL_DELIVER];

	if (pol_verdict_is_unsure(verdict, POL_DELIVER) ||
	    pol_verdict_is_unsure(verdict, POL_REJECT_INVITE))
		return POL_ANSWER_LATER;
	if (deliver == POL_DELIVER_DROP)
		return POL_ANSWER_DROP;
	if (deliver <= POL_DELIVER_REJECT)
		return verdict->layer[POL_DELIVER] == POL_BLOCKED ? blocked(verdict)
								  : POL_ANSWER_REJECT;
	if (verdict->value[POL_REJECT_INVITE]) {
		unsigned layer = verdict->layer[POL_REJECT_INVITE];

		return layer == POL_OF_USER || layer == POL_BLOCKED ? blocked(verdict)
								    : POL_ANSWER_REJECT;
	}
	return deliver < POL_DELIVER_ALLOW ? POL_ANSWER_SILENT : POL_ANSWER_ALLOW;
}

const char *pol_answer_name(enum pol_answer answer)
{
	static const char *const names[POL_ANSWERS] = { "allow", "silent", "drop", "reject",
							"later" };

	return (unsigned)answer < POL_ANSWERS ? names[answer] : "unknown";
}

static int grant_has(const struct pol_doc *doc, const struct pol_grant *grant, struct strv kind,
		     struct strv value)
{
	const struct pol_member *member = POL_AT(doc->code, struct pol_member, grant->members);

	for (unsigned i = 0; i < grant->n_members; i++)
		if (member[i].on && strv_eq(pol_name_text(doc->code, &member[i].kind), kind) &&
		    strv_eq(pol_name_text(doc->code, &member[i].value), value))
			return 1;
	return 0;
}

int pol_verdict_provides(const struct pol_verdict *verdict, enum pol_perm perm, struct strv kind,
			 struct strv value)
{
	if (pol_verdict_is_unsure(verdict, perm))
		return 0;
	if (perm != POL_PROVIDE_UNKNOWN && verdict->value[perm])
		return 1;
	for (unsigned i = 0; i < verdict->n_why; i++) {
		const struct pol_doc *doc = verdict->why[i].doc;
		const struct pol_rule *rule;
		const struct pol_grant *grant;

		if (!doc || !verdict->why[i].sure)
			continue;
		rule = pol_rule_at(doc, verdict->why[i].rule);
		grant = POL_AT(doc->code, struct pol_grant, rule->grants);
		for (unsigned k = 0; k < rule->n_grants; k++)
			if (grant[k].perm == perm && rule->layer == verdict->layer[perm] &&
			    grant_has(doc, &grant[k], kind, value))
				return 1;
	}
	return 0;
}

struct strv pol_why_rule(const struct pol_why *why)
{
	if (why->doc)
		return pol_doc_rule_id(why->doc, why->rule);
	return why->rule ? STRV("(blocked politely)") : STRV("(blocked)");
}
