/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/admin_groups_http.c - what is in force of a group: see admin_call.h
 *
 * Asked of the rules that messages are decided by (cpm/cpm_rules.h), not of the document: members
 * with those of the lists it refers to, and whether one of them could not be had.
 */
#include "admin/admin_call.h"
#include "admin/admin_err.h"
#include "cpm/cpm_rules.h"
#include "http/http.h"

static json_t *members_of(const struct cpm_group_rules *group)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < group->n_members; i++)
		json_array_append_new(list, json_stringn(group->member[i].p, group->member[i].n));
	return list;
}

static json_t *rules_of(const struct pol_doc *doc)
{
	json_t *list = json_array();

	for (unsigned i = 0; doc && i < pol_doc_rules(doc); i++) {
		struct strv id = pol_doc_rule_id(doc, i);

		json_array_append_new(list, json_stringn(id.p, id.n));
	}
	return list;
}

static json_t *lists_of(const struct pol_doc *doc)
{
	json_t *list = json_array();

	for (unsigned i = 0; doc && i < pol_doc_refs(doc); i++) {
		struct strv ref = pol_doc_ref(doc, i);

		json_array_append_new(list, json_stringn(ref.p, ref.n));
	}
	return list;
}

static json_t *show(const struct cpm_group_rules *group)
{
	json_t *json = json_pack("{s:b, s:b, s:b, s:o, s:o, s:o}", "complete", group->is_complete,
				 "lost", group->lost, "invite_members", group->invite_members,
				 "members", members_of(group), "rules", rules_of(group->doc),
				 "lists", lists_of(group->doc));

	if (!json)
		return NULL;
	json_set_octets(json, "uri", group->uri);
	json_set_octets(json, "owner", group->owner);
	json_set_octets(json, "name", group->display_name);
	if (group->max_participants)
		json_object_set_new(json, "max_participants",
				    json_integer(group->max_participants));
	return json;
}

static void on_group(void *arg, enum cpm_got got, const struct cpm_group_rules *group)
{
	struct admin_call *call = arg;

	if (got == CPM_GOT_DOC && group)
		call->json = show(group);
	else if (got == CPM_GOT_ABSENT)
		err_set(&call->err, ERR_ABSENT, "there is no group %.*s", STRV_ARG(call->part));
	else
		err_set(&call->err, ERR_BUSY, "what is in force of %.*s cannot be told now",
			STRV_ARG(call->part));
	cpm_group_rules_drop(&group);
	admin_call_answer(&call->job);
}

void admin_group_verb(struct admin_call *call)
{
	struct cpm_rules *rules = call->admin->rules;
	char buf[POL_SPELL_BYTES];

	if (rules) {
		cpm_rules_group(rules, pol_spell_identity(cpm_rules_spell(rules), call->part, buf),
				on_group, call);
		return;
	}
	err_set(&call->err, ERR_ABSENT, "this server has no CPM functions");
	admin_answer_err(call->req, &call->err);
}
