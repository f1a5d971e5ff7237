/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/pol_match.c - one matcher per condition: yes, no or cannot tell
 *
 * RFC 4745 s7 and OMA's conditions (xdm.md 9.2, 9.3). Nothing here allocates.
 */
#include "policy/pol_priv.h"

static void add_word(struct pol_view *view, enum pol_cond_kind kind, struct strv word)
{
	if (!word.n)
		return;
	view->word_hash[kind] = pol_hash(word);
	view->tags[kind] = pol_tag(view->word_hash[kind]);
}

void pol_view_init(struct pol_view *view, const struct pol_facts *facts)
{
	memset(view, 0, sizeof(*view));
	view->facts = facts;
	for (unsigned i = 0; i < facts->n_ids && i < POL_FACTS_IDS; i++) {
		view->id_hash[i] = pol_hash(facts->id[i]);
		view->tags[POL_COND_IDENTITY] |= pol_tag(view->id_hash[i]);
		view->domain[i] = pol_domain_of(facts->id[i]);
		if (view->domain[i].n)
			view->domain_hash[i] = pol_hash(view->domain[i]);
	}
	add_word(view, POL_COND_SERVICE, facts->service);
	add_word(view, POL_COND_CLASS, facts->subscriber_class);
	add_word(view, POL_COND_PEER, facts->peer_domain);
	add_word(view, POL_COND_GROUP, facts->group);
	add_word(view, POL_COND_SERVICES, facts->enabler);
}

static unsigned ids(const struct pol_view *view)
{
	return view->facts->n_ids < POL_FACTS_IDS ? view->facts->n_ids : POL_FACTS_IDS;
}

/* OMA's conditions do not see through anonymity; the IETF's compare what was asserted all the same
 * (RFC 5025 s3.1.1). */
static int is_nobody(const struct pol_view *view, const struct pol_doc *doc)
{
	return !ids(view) || (!doc->code->strict && view->facts->anonymous);
}

/* ---- who ---- */

static int is_excepted(const struct pol_view *view, const struct pol_code *code,
		       const struct pol_many *many)
{
	for (unsigned i = 0; i < ids(view); i++)
		if (pol_names_has(code, &many->except_ids, view->facts->id[i], view->id_hash[i]) ||
		    (view->domain[i].n && pol_names_has(code, &many->except_domains,
							view->domain[i], view->domain_hash[i])))
			return 1;
	return 0;
}

static int match_many(const struct pol_view *view, const struct pol_code *code,
		      const struct pol_many *many)
{
	int in = !many->domain.n;

	for (unsigned i = 0; i < ids(view) && !in; i++)
		in = view->domain_hash[i] == many->domain.hash &&
		     strv_eq(view->domain[i], pol_name_text(code, &many->domain));
	return in && !is_excepted(view, code, many);
}

static int match_identity(const struct pol_view *view, const struct pol_code *code,
			  const struct pol_identity *identity)
{
	const struct pol_many *many = POL_AT(code, struct pol_many, identity->many);

	for (unsigned i = 0; i < ids(view); i++)
		if (pol_names_has(code, &identity->ones, view->facts->id[i], view->id_hash[i]))
			return YES;
	for (unsigned i = 0; i < identity->n_many; i++)
		if (match_many(view, code, &many[i]))
			return YES;
	return NO;
}

int pol_match_set(struct pol_view *view, const struct pol_set *set)
{
	int ret = NO;

	for (unsigned i = 0; i < ids(view); i++) {
		int has = pol_set_has_hashed(set, view->facts->id[i], view->id_hash[i],
					     view->domain[i], view->domain_hash[i]);

		if (has == 1)
			return YES;
		if (has < 0)
			ret = MAYBE;
	}
	return ret;
}

static int match_lists(struct pol_view *view, const struct pol_doc *doc,
		       const struct pol_cond *cond)
{
	const uint16_t *ref = POL_AT(doc->code, uint16_t, cond->off);
	int ret = NO;

	for (unsigned i = 0; i < cond->n; i++) {
		int in = pol_match_set(view, doc->set[ref[i]]);

		if (in == YES)
			return YES;
		if (in == MAYBE)
			ret = MAYBE;
	}
	return ret;
}

static int match_member(struct pol_view *view, const struct pol_doc *doc,
			const struct pol_cond *cond)
{
	for (unsigned i = 0; i < ids(view); i++)
		if (pol_names_has(doc->code, &doc->code->members, view->facts->id[i],
				  view->id_hash[i]))
			return YES;
	return match_lists(view, doc, cond);
}

/* ---- words ---- */

static int match_word(const struct pol_view *view, const struct pol_code *code,
		      const struct pol_cond *cond, struct strv word)
{
	const struct pol_name *name = POL_AT(code, struct pol_name, cond->off);

	for (unsigned i = 0; i < cond->n && word.n; i++)
		if (name[i].hash == view->word_hash[cond->kind] &&
		    strv_eq(pol_name_text(code, &name[i]), word))
			return YES;
	return NO;
}

/* RFC 4745 s7.3: any of the tokens, whatever the case of its letters. */
static int match_sphere(const struct pol_code *code, const struct pol_cond *cond,
			struct strv sphere)
{
	const struct pol_name *name = POL_AT(code, struct pol_name, cond->off);

	for (unsigned i = 0; i < cond->n && sphere.n; i++)
		if (strv_caseeq(pol_name_text(code, &name[i]), sphere))
			return YES;
	return NO;
}

/* ---- media and services ---- */

/* Every medium that is offered is one of MASK, or with EXCEPT none is. */
static int covers(unsigned offered, unsigned mask, int except)
{
	return offered && !(offered & (except ? mask : ~mask));
}

static int match_services(struct pol_view *view, const struct pol_code *code,
			  const struct pol_cond *cond)
{
	const struct pol_service *service = POL_AT(code, struct pol_service, cond->off);
	const struct pol_facts *facts = view->facts;
	int found = 0;

	if (!facts->enabler.n)
		return NO;
	for (unsigned i = 0; i < cond->n && !found; i++)
		found = (!service[i].enabler.n ||
			 (service[i].enabler.hash == view->word_hash[POL_COND_SERVICES] &&
			  strv_eq(pol_name_text(code, &service[i].enabler), facts->enabler))) &&
			(service[i].any_media ||
			 covers(facts->media, service[i].media, service[i].media_except));
	return found != cond->flag ? YES : NO;
}

/* ---- time ---- */

static int match_validity(const struct pol_code *code, const struct pol_cond *cond, int64_t now_s)
{
	const int64_t *pair = POL_AT(code, int64_t, cond->off);

	for (unsigned i = 0; i < cond->n; i++, pair += 2)
		if (pair[0] <= now_s && now_s < pair[1])
			return YES;
	return NO;
}

static int match_daytime(const struct pol_daytime *time, int64_t now_s)
{
	int64_t day = (now_s + time->offset_s) % 86400;

	day += day < 0 ? 86400 : 0;
	if (time->from_s <= time->until_s)
		return time->from_s <= day && day < time->until_s ? YES : NO;
	return day >= time->from_s || day < time->until_s ? YES : NO;
}

/* ---- all ---- */

static int match_rest(struct pol_view *view, const struct pol_code *code,
		      const struct pol_cond *cond)
{
	const struct pol_facts *facts = view->facts;

	switch (cond->kind) {
	case POL_COND_DIRECTION:
		if (facts->direction == POL_DIRECTION_UNKNOWN)
			return MAYBE;
		return (unsigned)facts->direction == cond->off ? YES : NO;
	case POL_COND_ROAMING:
		return facts->roaming < 0 ? MAYBE : (facts->roaming != 0) == (int)cond->off;
	case POL_COND_MEDIA:
		return covers(facts->media, cond->off, cond->flag) ? YES : NO;
	case POL_COND_SIZE:
		if (facts->size_bytes < 0)
			return MAYBE;
		return facts->size_bytes <= *POL_AT(code, int64_t, cond->off) ? YES : NO;
	case POL_COND_TIME:
		return match_daytime(POL_AT(code, struct pol_daytime, cond->off), facts->now_s);
	case POL_COND_SERVICE:
		return match_word(view, code, cond, facts->service);
	case POL_COND_CLASS:
		if (!facts->subscriber_class.p)
			return MAYBE;
		return match_word(view, code, cond, facts->subscriber_class);
	case POL_COND_PEER:
		return match_word(view, code, cond, facts->peer_domain);
	case POL_COND_GROUP:
		return match_word(view, code, cond, facts->group);
	case POL_COND_SPHERE:
		return match_sphere(code, cond, facts->sphere);
	case POL_COND_SERVICES:
		return match_services(view, code, cond);
	case POL_COND_VALIDITY:
		return match_validity(code, cond, facts->now_s);
	default:
		return cond->flag ? MAYBE : NO; /* RFC 4745 s7: unknown ones are false */
	}
}

int pol_match_cond(struct pol_view *view, const struct pol_doc *doc, const struct pol_cond *cond,
		   int other)
{
	switch (cond->kind) {
	case POL_COND_IDENTITY:
		return is_nobody(view, doc)
			       ? NO
			       : match_identity(view, doc->code,
						POL_AT(doc->code, struct pol_identity, cond->off));
	case POL_COND_LIST:
		return is_nobody(view, doc) ? NO : match_lists(view, doc, cond);
	case POL_COND_MEMBER:
		return is_nobody(view, doc) ? NO : match_member(view, doc, cond);
	case POL_COND_OTHER:
		return view->facts->anonymous || !ids(view) ? NO : other;
	case POL_COND_ANONYMOUS:
		return view->facts->anonymous || !ids(view) ? YES : NO;
	default:
		return match_rest(view, doc->code, cond);
	}
}

static int match_all(struct pol_view *view, const struct pol_doc *doc, const struct pol_cond *cond,
		     unsigned n, int other)
{
	int ret = YES;

	for (unsigned i = 0; i < n; i++) {
		int match;

		if (pol_tags_miss(view, cond[i].kind, cond[i].tags))
			return NO;
		match = pol_match_cond(view, doc, &cond[i], other);
		if (match == NO)
			return NO;
		if (match == MAYBE)
			ret = MAYBE;
	}
	return ret;
}

int pol_match_who(struct pol_view *view, const struct pol_doc *doc, const struct pol_rule *rule)
{
	return match_all(view, doc, POL_AT(doc->code, struct pol_cond, rule->conds), rule->n_who,
			 YES);
}

/* Only who is asked, not the rest of a rule: "other" is everybody whom no rule refers to. */
int pol_match_other(struct pol_view *view, const struct pol_doc *doc)
{
	int ret = YES;

	for (unsigned i = 0; i < doc->code->n_rules; i++) {
		const struct pol_rule *rule = pol_rule_at(doc, i);
		int who;

		if (rule->class > POL_CLASS_LIST)
			continue;
		who = pol_match_who(view, doc, rule);
		if (who == YES)
			return NO;
		if (who == MAYBE)
			ret = MAYBE;
	}
	return ret;
}

int pol_match_rule(struct pol_view *view, const struct pol_doc *doc, const struct pol_rule *rule,
		   int other)
{
	return match_all(view, doc, POL_AT(doc->code, struct pol_cond, rule->conds), rule->n_conds,
			 other);
}
