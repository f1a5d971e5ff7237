/* SPDX-License-Identifier: Apache-2.0 */
/* policy/pol_explain.c - why (see pol_explain.h) */
#include "policy/pol_explain.h"

#include <stdio.h>
#include <stdlib.h>

#include "policy/pol_priv.h"

static const char *const kind_names[POL_KINDS] = {
	[POL_PRES_RULES] = "pres-rules",
	[POL_OMA_PRES_RULES] = "oma-pres-rules",
	[POL_ACCESS_RULES] = "access-rules",
	[POL_USER_PREFS] = "user-prefs",
	[POL_GROUP] = "group",
	[POL_OPERATOR] = "operator-policy",
	[POL_ACCESS] = "access-permissions",
};

static const char *const cond_names[POL_CONDS] = {
	[POL_COND_IDENTITY] = "identity",
	[POL_COND_LIST] = "external-list",
	[POL_COND_MEMBER] = "is-list-member",
	[POL_COND_OTHER] = "other-identity",
	[POL_COND_ANONYMOUS] = "anonymous-request",
	[POL_COND_DIRECTION] = "direction",
	[POL_COND_ROAMING] = "roaming",
	[POL_COND_MEDIA] = "media-list",
	[POL_COND_SIZE] = "message-size",
	[POL_COND_TIME] = "time-of-day",
	[POL_COND_SERVICE] = "service",
	[POL_COND_CLASS] = "subscriber-class",
	[POL_COND_PEER] = "peer-domain",
	[POL_COND_GROUP] = "group",
	[POL_COND_SPHERE] = "sphere",
	[POL_COND_SERVICES] = "service-list",
	[POL_COND_VALIDITY] = "validity",
	[POL_COND_UNKNOWN] = "unknown",
};

const char *pol_cond_name(enum pol_cond_kind kind)
{
	return (unsigned)kind < POL_CONDS ? cond_names[kind] : "unknown";
}

static const char *answer(int match)
{
	return match == YES ? "yes" : match == MAYBE ? "cannot tell" : "no";
}

/* ---- making: a failure anywhere shows as FAILED, once ---- */

struct maker {
	const struct pol_layers *layers;
	struct pol_view view;
	int failed;
};

static json_t *keep(struct maker *m, json_t *value)
{
	m->failed |= !value;
	return value;
}

static void put(struct maker *m, json_t *object, const char *name, json_t *value)
{
	m->failed |= !value || json_object_set_new(object, name, value) < 0;
}

static void push(struct maker *m, json_t *array, json_t *value)
{
	m->failed |= !value || json_array_append_new(array, value) < 0;
}

/* Texts come out of XML or a canonical identity, so they are UTF-8. */
static json_t *text(struct strv s)
{
	return s.p ? json_stringn(s.p, s.n) : json_null();
}

/* ---- facts ---- */

static json_t *media(struct maker *m, unsigned mask)
{
	static const char *const names[] = { "audio",
					     "video",
					     "message-session",
					     "file-transfer",
					     "pager-mode-message",
					     "poc-speech",
					     "group-advertisement",
					     "other" };
	json_t *list = keep(m, json_array());

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (mask >> i & 1)
			push(m, list, json_string(names[i]));
	return list;
}

static json_t *facts_object(struct maker *m)
{
	static const char *const directions[] = { "unknown", "originating", "terminating" };
	const struct pol_facts *facts = m->view.facts;
	json_t *object = keep(m, json_object()), *ids = keep(m, json_array());

	for (unsigned i = 0; i < facts->n_ids && i < POL_FACTS_IDS; i++)
		push(m, ids, text(facts->id[i]));
	put(m, object, "identities", ids);
	put(m, object, "anonymous", json_boolean(facts->anonymous));
	put(m, object, "now", json_integer(facts->now_s));
	put(m, object, "sphere", text(facts->sphere));
	put(m, object, "service", text(facts->service));
	put(m, object, "enabler", text(facts->enabler));
	put(m, object, "media", media(m, facts->media));
	put(m, object, "size",
	    facts->size_bytes < 0 ? json_null() : json_integer(facts->size_bytes));
	put(m, object, "direction", json_string(directions[facts->direction % 3u]));
	put(m, object, "subscriber-class", text(facts->subscriber_class));
	put(m, object, "peer-domain", text(facts->peer_domain));
	put(m, object, "group", text(facts->group));
	put(m, object, "roaming", facts->roaming < 0 ? json_null() : json_boolean(facts->roaming));
	return object;
}

/* ---- rules ---- */

/* What a condition is about, where that is a list of words or references. */
static json_t *wants(struct maker *m, const struct pol_doc *doc, const struct pol_cond *cond)
{
	const struct pol_name *name = POL_AT(doc->code, struct pol_name, cond->off);
	const uint16_t *ref = POL_AT(doc->code, uint16_t, cond->off);
	json_t *list = keep(m, json_array());

	for (unsigned i = 0; i < cond->n; i++)
		push(m, list,
		     cond->kind == POL_COND_LIST ? text(pol_doc_ref(doc, ref[i]))
						 : text(pol_name_text(doc->code, &name[i])));
	return list;
}

static int has_words(const struct pol_cond *cond)
{
	return cond->kind == POL_COND_LIST || cond->kind == POL_COND_UNKNOWN ||
	       (cond->kind >= POL_COND_SERVICE && cond->kind <= POL_COND_SPHERE);
}

static json_t *conditions(struct maker *m, const struct pol_doc *doc, const struct pol_rule *rule,
			  int other)
{
	const struct pol_cond *cond = POL_AT(doc->code, struct pol_cond, rule->conds);
	json_t *list = keep(m, json_array());

	for (unsigned i = 0; i < rule->n_conds; i++) {
		json_t *object = keep(m, json_object());

		put(m, object, "condition",
		    json_string(pol_cond_name((enum pol_cond_kind)cond[i].kind)));
		put(m, object, "met",
		    json_string(answer(pol_match_cond(&m->view, doc, &cond[i], other))));
		if (has_words(&cond[i]))
			put(m, object, "wants", wants(m, doc, &cond[i]));
		push(m, list, object);
	}
	return list;
}

static json_t *says(struct maker *m, const struct pol_doc *doc, const struct pol_rule *rule)
{
	const struct pol_grant *grant = POL_AT(doc->code, struct pol_grant, rule->grants);
	json_t *object = keep(m, json_object());

	for (unsigned i = 0; i < rule->n_grants; i++) {
		enum pol_perm perm = (enum pol_perm)grant[i].perm;
		char value[64];

		put(m, object, pol_perm_row(perm)->name,
		    json_string(pol_perm_print(perm, grant[i].value, value, sizeof(value))));
	}
	return object;
}

static json_t *rules(struct maker *m, const struct pol_doc *doc)
{
	struct pol_hit *hit = calloc(POL_RULES_MAX, sizeof(*hit));
	int or_nothing, other = pol_match_other(&m->view, doc);
	json_t *list = keep(m, json_array());
	unsigned n = 0, at = 0;

	m->failed |= !hit;
	if (hit)
		n = pol_select(&m->view, doc, hit, &or_nothing);
	for (unsigned i = 0; hit && i < doc->code->n_rules; i++) {
		const struct pol_rule *rule = pol_rule_at(doc, i);
		int applies = pol_match_rule(&m->view, doc, rule, other);
		json_t *object = keep(m, json_object());
		int counts = at < n && hit[at].rule == i;

		at += counts ? 1 : 0;
		put(m, object, "id", text(pol_doc_rule_id(doc, i)));
		put(m, object, "layer", json_string(pol_layer_name((enum pol_layer)rule->layer)));
		put(m, object, "applies",
		    json_string(applies != NO && !counts ? "set aside" : answer(applies)));
		put(m, object, "conditions", conditions(m, doc, rule, other));
		put(m, object, "says", says(m, doc, rule));
		push(m, list, object);
	}
	free(hit);
	return list;
}

static void push_doc(struct maker *m, json_t *list, const struct pol_doc *doc)
{
	json_t *object;

	if (!doc)
		return;
	object = keep(m, json_object());
	put(m, object, "name", text(pol_doc_name(doc)));
	put(m, object, "kind", json_string(kind_names[doc->code->kind]));
	put(m, object, "rules", rules(m, doc));
	push(m, list, object);
}

static json_t *documents(struct maker *m)
{
	json_t *list = keep(m, json_array());

	push_doc(m, list, m->layers->operator_policy);
	push_doc(m, list, m->layers->group);
	for (unsigned i = 0; i < m->layers->n_user && i < POL_USER_DOCS_MAX; i++)
		push_doc(m, list, m->layers->user[i]);
	return list;
}

/* ---- the verdict ---- */

static json_t *values(struct maker *m, const struct pol_verdict *verdict)
{
	json_t *object = keep(m, json_object());

	for (unsigned i = 0; i < POL_PERMS; i++) {
		enum pol_perm perm = (enum pol_perm)i;
		json_t *value;
		char buf[64];

		if (verdict->layer[i] == POL_BUILTIN && !pol_verdict_is_unsure(verdict, perm))
			continue;
		value = keep(m, json_object());
		put(m, value, "value",
		    json_string(pol_perm_print(perm, verdict->value[i], buf, sizeof(buf))));
		put(m, value, "layer",
		    json_string(pol_layer_name((enum pol_layer)verdict->layer[i])));
		put(m, value, "unsure", json_boolean(pol_verdict_is_unsure(verdict, perm)));
		put(m, object, pol_perm_row(perm)->name, value);
	}
	return object;
}

static json_t *made_by(struct maker *m, const struct pol_verdict *verdict)
{
	json_t *list = keep(m, json_array());

	for (unsigned i = 0; i < verdict->n_why; i++) {
		const struct pol_why *why = &verdict->why[i];
		json_t *object = keep(m, json_object());

		put(m, object, "layer", json_string(pol_layer_name((enum pol_layer)why->layer)));
		put(m, object, "document", why->doc ? text(pol_doc_name(why->doc)) : json_null());
		put(m, object, "rule", text(pol_why_rule(why)));
		put(m, object, "sure", json_boolean(why->sure));
		push(m, list, object);
	}
	return list;
}

static json_t *verdict_object(struct maker *m)
{
	json_t *object = keep(m, json_object()), *twice = keep(m, json_array());
	struct pol_verdict verdict;

	pol_eval(m->layers, m->view.facts, &verdict);
	put(m, object, "answer", json_string(pol_answer_name(pol_verdict_answer(&verdict))));
	put(m, object, "values", values(m, &verdict));
	put(m, object, "made-by", made_by(m, &verdict));
	for (unsigned i = 0; i < POL_PERMS; i++)
		if (verdict.contradicts[i / 64] >> (i % 64) & 1)
			push(m, twice, json_string(pol_perm_row((enum pol_perm)i)->name));
	put(m, object, "contradictions", twice);
	if (verdict.n_more)
		put(m, object, "made-by-more", json_integer(verdict.n_more));
	return object;
}

static const char *blocked(struct maker *m)
{
	const struct pol_layers *layers = m->layers;
	int open = layers->blocked ? pol_match_set(&m->view, layers->blocked) : NO;
	int polite = layers->polite_blocked ? pol_match_set(&m->view, layers->polite_blocked) : NO;

	if (layers->blocked_lost && open != YES)
		open = MAYBE;
	return polite == YES ? "politely" : answer(open != NO ? open : polite);
}

json_t *pol_explain(const struct pol_layers *layers, const struct pol_facts *facts)
{
	struct maker m = { .layers = layers };
	json_t *object = keep(&m, json_object());

	pol_view_init(&m.view, facts);
	put(&m, object, "facts", facts_object(&m));
	put(&m, object, "documents", documents(&m));
	put(&m, object, "blocked", json_string(blocked(&m)));
	put(&m, object, "verdict", verdict_object(&m));
	if (m.failed) {
		json_decref(object);
		return NULL;
	}
	return object;
}
