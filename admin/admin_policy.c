/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/admin_policy.c - why, what if, what was decided: see admin_policy.h
 *
 * Facts are made as the participating function makes them of a request. What if asks the same
 * facts twice, under the rules in force and under these with the draft in its place.
 */
#include "admin/admin_policy.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin/admin_priv.h"
#include "cpm/cpm_message.h"
#include "cpm/cpm_ring.h"
#include "cpm/cpm_rules.h"
#include "policy/pol_compare.h"
#include "policy/pol_explain.h"
#include "xdms/xdm_store.h"

static void set_text(json_t *json, const char *name, struct strv s)
{
	json_set_octets(json, name, s);
}

static void set_int(json_t *json, const char *name, int64_t n)
{
	json_object_set_new(json, name, json_integer(n));
}

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for the answer");
}

/* ---- whose rules ---- */

/* The rules that are asked; held until judge_fini. */
struct judge {
	const struct pol_doc *policy;
	int policy_lost;
	const struct cpm_user_rules *user;
	const struct cpm_group_rules *group;
	struct pol_layers layers;
};

static void judge_fini(struct judge *judge)
{
	cpm_rules_operator_drop(&judge->policy);
	cpm_user_rules_drop(&judge->user);
	cpm_group_rules_drop(&judge->group);
}

/* OWNER empty: no user's rules are asked; GROUP likewise. */
static int judge_init(struct admin *admin, struct strv owner, struct strv group,
		      struct judge *judge, struct err *err)
{
	enum cpm_got got;

	memset(judge, 0, sizeof(*judge));
	if (owner.n) {
		judge->user = cpm_rules_user_sync(admin->rules, owner);
		if (!judge->user)
			return err_set(err, ERR_BUSY, "the rules of %.*s cannot be had now",
				       STRV_ARG(owner));
	}
	if (group.n) {
		got = cpm_rules_group_sync(admin->rules, group, &judge->group);
		if (got != CPM_GOT_DOC) {
			judge_fini(judge);
			return got == CPM_GOT_ABSENT
				       ? err_set(err, ERR_ABSENT, "there is no group %.*s",
						 STRV_ARG(group))
				       : err_set(err, ERR_BUSY,
						 "the rules of %.*s cannot be had now",
						 STRV_ARG(group));
		}
	}
	judge->policy = cpm_rules_operator(admin->rules, &judge->policy_lost);
	cpm_rules_layers(judge->policy, judge->policy_lost, judge->user, judge->group,
			 &judge->layers);
	return 0;
}

/* ---- who ---- */

struct party {
	struct strv id[POL_FACTS_IDS]; /* canonical; the first is the home of a user of ours */
	unsigned n;
	int is_ours;
};

/* WHO, as people write it, in ARENA. */
static int find_party(struct admin *admin, struct strv who, struct arena *arena,
		      struct party *party, struct err *err)
{
	const struct pol_spell *spell = cpm_rules_spell(admin->rules);
	struct auth_user *user = arena_alloc(arena, sizeof(*user));
	char *buf = arena_alloc(arena, POL_SPELL_BYTES);
	size_t n;

	memset(party, 0, sizeof(*party));
	if (!user || !buf)
		return no_memory(err);
	if (spell->identity(spell->arg, who, buf, POL_SPELL_BYTES, &n) < 0)
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is no identity", STRV_ARG(who));
	party->id[0] = strv_mem(buf, n);
	party->n = 1;
	if (users_get_sync(admin->users, party->id[0], arena, user, err) < 0) {
		if (err->code != ERR_ABSENT)
			return -1;
		err->code = ERR_NONE;
		return 0;
	}
	party->is_ours = 1;
	party->n = user->n_identities < POL_FACTS_IDS ? user->n_identities : POL_FACTS_IDS;
	memcpy(party->id, user->identity, party->n * sizeof(party->id[0]));
	return 0;
}

/* Of another network; empty: it is ours. */
static struct strv domain_of(const struct admin *admin, const struct party *party)
{
	struct strv domain = pol_domain_of(party->id[0]);

	return party->is_ours || auth_domain_is_ours(cpm_rules_domains(admin->rules), domain)
		       ? STRV("")
		       : domain;
}

/* ---- why ---- */

static const struct {
	const char *name;
	struct strv service;
	unsigned media;
	const char *enabler;
} services[] = {
	{ "message",
	  { "pager", 5 },
	  POL_MEDIA_PAGER_MESSAGE,
	  "urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg" },
	{ "session",
	  { "session", 7 },
	  POL_MEDIA_MESSAGE_SESSION,
	  "urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session" },
	{ "file",
	  { "file", 4 },
	  POL_MEDIA_FILE_TRANSFER,
	  "urn:urn-7:3gpp-service.ims.icsi.oma.cpm.filetransfer" },
};

static int set_service(struct strv name, struct pol_facts *facts, struct err *err)
{
	if (!name.n)
		name = STRV("message");
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (strv_eq(name, strv_of(services[i].name))) {
			facts->service = services[i].service;
			facts->media = services[i].media;
			facts->enabler = strv_of(services[i].enabler);
			return 0;
		}
	return err_set(err, ERR_RANGE, "no service \"%.*s\"; there are message, session, file",
		       STRV_ARG(name));
}

static int set_facts(const struct admin *admin, const struct admin_explain *ask, const struct party *user,
		     const struct party *peer, struct pol_facts *facts, struct err *err)
{
	const struct party *sender = ask->originating ? user : peer;

	*facts = (struct pol_facts){ .anonymous = ask->anonymous,
				     .now_s = ask->time_s ? ask->time_s : (int64_t)time(NULL),
				     .size_bytes = ask->size_bytes,
				     .direction =
					     ask->originating ? POL_ORIGINATING : POL_TERMINATING,
				     .peer_domain = domain_of(admin, peer),
				     .group = ask->group,
				     .roaming = -1 };
	memcpy(facts->id, sender->id, sizeof(facts->id));
	facts->n_ids = sender->n;
	return set_service(ask->service, facts, err);
}

static json_t *explanation(const struct judge *judge, const struct pol_facts *facts,
			   const struct party *user, const struct party *peer, struct err *err)
{
	json_t *why = pol_explain(&judge->layers, facts), *json = json_object();
	char *text = why ? pol_explain_text(why) : NULL;

	if (!text || !json) {
		no_memory(err);
		json_decref(why);
		json_decref(json);
		free(text);
		return NULL;
	}
	set_text(json, "user", user->id[0]);
	set_text(json, "peer", peer->id[0]);
	json_object_set_new(json, "explanation", why);
	set_text(json, "text", strv_of(text));
	free(text);
	return json;
}

json_t *admin_policy_explain(struct admin *admin, const struct admin_explain *ask, struct err *err)
{
	struct admin_explain own = *ask;
	struct party user, peer, group = { .n = 0 };
	struct arena *arena = arena_new(0);
	struct pol_facts facts;
	struct judge judge;
	json_t *json = NULL;

	if (!arena) {
		no_memory(err);
		return NULL;
	}
	if (find_party(admin, ask->user, arena, &user, err) < 0 ||
	    find_party(admin, ask->peer, arena, &peer, err) < 0 ||
	    (ask->group.n && find_party(admin, ask->group, arena, &group, err) < 0))
		goto out;
	own.group = group.id[0];
	if (!user.is_ours) {
		err_set(err, ERR_ABSENT, "there is no user %.*s", STRV_ARG(user.id[0]));
		goto out;
	}
	/* Of the sender's side the operator alone is asked. */
	if (set_facts(admin, &own, &user, &peer, &facts, err) < 0 ||
	    judge_init(admin, ask->originating ? strv_mem(NULL, 0) : user.id[0], own.group, &judge,
		       err) < 0)
		goto out;
	json = explanation(&judge, &facts, &user, &peer, err);
	judge_fini(&judge);
out:
	arena_free(&arena);
	return json;
}

/* ---- decisions ---- */

static void add_by(json_t *list, enum pol_layer layer, struct strv doc, struct strv rule)
{
	json_t *one = json_object();

	json_object_set_new(one, "layer", json_string(pol_layer_name(layer)));
	if (doc.n)
		set_text(one, "document", doc);
	set_text(one, "rule", rule);
	json_array_append_new(list, one);
}

static json_t *decision_json(const struct cpm_decision *decision)
{
	json_t *json = json_object();

	set_int(json, "time_ms", decision->time_us / 1000);
	set_text(json, "sender", decision->sender);
	set_text(json, "recipient", decision->recipient);
	if (decision->message_id.n)
		set_text(json, "message_id", decision->message_id);
	set_text(json, "id", strv_mem(decision->trace.hex, TRACE_HEX));
	return json;
}

static int take_decision(void *arg, const struct cpm_decision *decision)
{
	json_t *json = decision_json(decision), *by = json_array();

	set_int(json, "status", decision->status);
	if (decision->evaluated) {
		json_object_set_new(json, "direction",
				    json_string(decision->facts.direction == POL_ORIGINATING
							? "originating"
							: "terminating"));
		json_object_set_new(json, "answer", json_string(pol_answer_name(decision->answer)));
		json_object_set_new(json, "layer", json_string(pol_layer_name(decision->layer)));
	}
	for (unsigned i = 0; i < decision->n_why; i++)
		add_by(by, decision->why[i].layer, decision->why[i].doc, decision->why[i].rule);
	json_object_set_new(json, "by", by);
	json_array_append_new(arg, json);
	return 0;
}

json_t *admin_policy_decisions(struct admin *admin, struct strv user, int64_t since_us,
			       unsigned max, struct err *err)
{
	struct cpm_ring_ask ask = { .since_us = since_us, .max = max };
	struct arena *arena = arena_new(0);
	json_t *list = json_array();
	struct party party;
	int ret = 0;

	if (!arena || !list)
		ret = no_memory(err);
	else if (user.n)
		ret = find_party(admin, user, arena, &party, err);
	if (ret == 0) {
		ask.user = user.n ? party.id[0] : strv_mem(NULL, 0);
		ret = cpm_ring_each(admin->ring, &ask, take_decision, list, err);
	}
	arena_free(&arena);
	if (ret < 0) {
		json_decref(list);
		return NULL;
	}
	return json_pack("{s:o}", "decisions", list);
}

/* ---- what if ---- */

struct what_if {
	struct admin *admin;
	const struct admin_what_if *ask;
	struct strv owner; /* whose draft; empty: the operator's */
	struct pol_doc *draft;
	enum pol_kind kind;
	json_t *outcomes, *values; /* changes of the outcome, and of values alone */
	int64_t asked, changed, answers;
	struct arena *arena; /* of one decision */
	struct err err;
};

/* The layers with the draft in its document's place. */
static void put_draft(const struct what_if *w, const struct judge *judge, struct pol_layers *after)
{
	const struct pol_doc *in_force;

	*after = judge->layers;
	if (w->kind == POL_OPERATOR) {
		after->operator_policy = w->draft;
		after->operator_lost = 0;
		return;
	}
	in_force = w->kind == POL_ACCESS_RULES ? judge->user->access : judge->user->prefs;
	for (unsigned i = 0; i < after->n_user; i++)
		if (after->user[i] == in_force) {
			after->user[i] = w->draft;
			return;
		}
	after->user[after->n_user++] = w->draft;
}

static json_t *change_json(const struct cpm_decision *decision, const struct pol_diff *diff,
			   const struct pol_verdict *after)
{
	json_t *json = decision_json(decision), *values = json_array(), *by = json_array();
	char before_text[64], after_text[64];

	json_object_set_new(json, "before", json_string(pol_answer_name(diff->before)));
	json_object_set_new(json, "after", json_string(pol_answer_name(diff->after)));
	for (unsigned i = 0; i < diff->n_changes; i++) {
		const struct pol_change *change = &diff->change[i];

		json_array_append_new(values,
				      json_pack("{s:s, s:s, s:s}", "name",
						pol_perm_row(change->perm)->name, "before",
						pol_perm_print(change->perm, change->before,
							       before_text, sizeof(before_text)),
						"after",
						pol_perm_print(change->perm, change->after,
							       after_text, sizeof(after_text))));
	}
	for (unsigned i = 0; i < after->n_why; i++)
		add_by(by, (enum pol_layer)after->why[i].layer,
		       after->why[i].doc ? pol_doc_name(after->why[i].doc) : strv_mem(NULL, 0),
		       pol_why_rule(&after->why[i]));
	json_object_set_new(json, "values", values);
	json_object_set_new(json, "by", by);
	return json;
}

static void compare(struct what_if *w, const struct cpm_decision *decision,
		    const struct judge *judge)
{
	struct pol_verdict after_verdict;
	struct pol_layers after;
	struct pol_diff diff;
	json_t *list;
	int differs;

	put_draft(w, judge, &after);
	differs =
		pol_compare(&judge->layers, &after, &decision->facts, &diff, NULL, &after_verdict);
	w->asked++;
	if (!differs)
		return;
	w->changed++;
	w->answers += diff.before != diff.after;
	list = diff.before != diff.after ? w->outcomes : w->values;
	if (json_array_size(list) < ADMIN_CHANGES_MAX)
		json_array_append_new(list, change_json(decision, &diff, &after_verdict));
}

/* The home of the recipient, in the arena; empty when it is nobody of ours. 0 or -1. */
static int recipient_home(struct what_if *w, const struct cpm_decision *decision,
			  struct strv *home_out)
{
	struct auth_user *user = arena_alloc(w->arena, sizeof(*user));

	*home_out = strv_mem(NULL, 0);
	if (!user)
		return no_memory(&w->err);
	if (users_get_sync(w->admin->users, decision->recipient, w->arena, user, &w->err) == 0)
		*home_out = user->identity[0];
	else if (w->err.code != ERR_ABSENT)
		return -1;
	w->err.code = ERR_NONE;
	return 0;
}

/* Of the sender's side the operator alone was asked. */
static int ask_again(void *arg, const struct cpm_decision *decision)
{
	struct what_if *w = arg;
	struct strv home = { NULL, 0 };
	struct judge judge;

	if (!decision->evaluated)
		return 0;
	arena_reset(w->arena);
	if (decision->facts.direction != POL_ORIGINATING && recipient_home(w, decision, &home) < 0)
		return 1;
	if (w->owner.n && !strv_eq(w->owner, home))
		return 0;
	if (judge_init(w->admin, home,
		       decision->with_group ? decision->facts.group : strv_mem(NULL, 0), &judge,
		       &w->err) < 0) {
		/* A group that has gone since says nothing any more. */
		if (w->err.code != ERR_ABSENT)
			return 1;
		w->err.code = ERR_NONE;
		return 0;
	}
	compare(w, decision, &judge);
	judge_fini(&judge);
	return 0;
}

static json_t *notes_json(const struct pol_report *report)
{
	json_t *notes = json_array();

	for (unsigned i = 0; i < report->n && i < POL_NOTES_MAX; i++)
		json_array_append_new(notes, json_string(report->note[i]));
	return notes;
}

static int make_draft(struct what_if *w, struct pol_report *report, struct err *err)
{
	static const char prefs[] = "cpm-user-prefs";
	struct strv draft = w->ask->draft;

	w->kind = !w->owner.n						      ? POL_OPERATOR
		  : draft.n && memmem(draft.p, draft.n, prefs, strlen(prefs)) ? POL_USER_PREFS
									      : POL_ACCESS_RULES;
	return cpm_rules_draft_sync(w->admin->rules, w->kind,
				    w->owner.n ? w->owner : STRV(XDM_GLOBAL_OWNER), draft, report,
				    &w->draft, err);
}

static json_t *what_if_json(struct what_if *w, const struct pol_report *report)
{
	size_t i;
	json_t *one;

	json_array_foreach(w->values, i, one)
	{
		if (json_array_size(w->outcomes) < ADMIN_CHANGES_MAX)
			json_array_append(w->outcomes, one);
	}
	return json_pack("{s:I, s:I, s:I, s:O, s:o}", "asked", (json_int_t)w->asked, "changed",
			 (json_int_t)w->changed, "answers", (json_int_t)w->answers, "changes",
			 w->outcomes, "notes", notes_json(report));
}

static int replay(struct what_if *w, struct err *err)
{
	const struct cpm_ring_ask ask = { .since_us = w->ask->since_us };

	if (cpm_ring_each(w->admin->ring, &ask, ask_again, w, err) < 0)
		return -1;
	if (w->err.code)
		return err_set(err, w->err.code, "%s", w->err.text);
	return 0;
}

json_t *admin_policy_what_if(struct admin *admin, const struct admin_what_if *ask, struct err *err)
{
	struct what_if w = { .admin = admin, .ask = ask };
	struct arena *arena = arena_new(0);
	struct pol_report report = { .n = 0 };
	struct party user;
	json_t *json = NULL;

	w.arena = arena_new(0);
	w.outcomes = json_array();
	w.values = json_array();
	if (!arena || !w.arena || !w.outcomes || !w.values) {
		no_memory(err);
		goto out;
	}
	if (ask->user.n) {
		if (find_party(admin, ask->user, arena, &user, err) < 0)
			goto out;
		if (!user.is_ours) {
			err_set(err, ERR_ABSENT, "there is no user %.*s", STRV_ARG(user.id[0]));
			goto out;
		}
		w.owner = user.id[0];
	}
	if (make_draft(&w, &report, err) == 0 && replay(&w, err) == 0) {
		json = what_if_json(&w, &report);
		if (!json)
			no_memory(err);
	}
out:
	pol_doc_drop(&w.draft);
	json_decref(w.outcomes);
	json_decref(w.values);
	arena_free(&w.arena);
	arena_free(&arena);
	return json;
}

/* ---- what is in force ---- */

static void add_bad(void *arg, struct strv owner, struct strv name, const char *why, int is_old)
{
	json_t *one = json_object();

	set_text(one, "owner", owner);
	set_text(one, "name", strv_mem(name.p + 2, name.n - 2)); /* without "x/" */
	set_text(one, "why", strv_of(why));
	json_object_set_new(one, "in_force", json_string(is_old ? "last good version" : "nothing"));
	json_array_append_new(arg, one);
}

json_t *admin_policy_show(struct admin *admin)
{
	struct cpm_rules_stats stats;
	json_t *json = json_object(), *bad = json_array(), *of_operator = json_object();
	const struct pol_doc *policy;
	int lost;

	policy = cpm_rules_operator(admin->rules, &lost);
	cpm_rules_stats(admin->rules, &stats);
	cpm_rules_bad(admin->rules, add_bad, bad);
	json_object_set_new(of_operator, "in_force",
			    json_string(policy ? "yes"
					: lost ? "lost"
					       : "none"));
	set_int(of_operator, "rules", policy ? pol_doc_rules(policy) : 0);
	cpm_rules_operator_drop(&policy);
	json_object_set_new(json, "operator", of_operator);
	set_int(json, "users", (int64_t)stats.users);
	set_int(json, "groups", (int64_t)stats.groups);
	set_int(json, "bytes", (int64_t)stats.bytes);
	json_object_set_new(json, "bad", bad);
	return json;
}
