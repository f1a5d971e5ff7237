/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/auid_model.c - where a child may stand (see auid.h)
 *
 * The content models of our schemas as data: a parent has slots in a fixed order, each a run of
 * siblings of certain names. When the children were in order before, the neighbours of a changed
 * one tell whether they still are: a slot that holds at most one element is full exactly when a
 * neighbour stands in it. A test holds every row against the schema.
 *
 * The rows stand with their usages; since all schemas are one set, they serve every usage.
 */
#include "xdms/auid.h"

#include "xdms/auid_priv.h"

enum { NOWHERE = -1 };

const struct auid_model *const auid_model_tables[] = {
	auid_models_resource_lists,
	auid_models_rls_services,
	auid_models_common_policy,
	auid_models_pres_rules,
	auid_models_oma_policy,
	auid_models_pidf,
	auid_models_groups,
	auid_models_user_prefs,
	auid_models_cab_pcc,
	auid_models_cab_address_book,
	auid_models_cab_user_prefs,
	auid_models_cab_feature_handler,
	auid_models_user_profile,
	auid_models_pres_content,
	auid_models_oma_usage,
	auid_models_access_permissions,
	NULL,
};

static int is_named(const struct xcap_name *name)
{
	return name->local.n > 0;
}

static int name_is(const struct xcap_name *name, const struct auid_name *constant)
{
	return strv_eq(name->local, strv_of(constant->local)) &&
	       strv_eq(name->ns, strv_of(constant->ns));
}

static const struct auid_model *model_find(const struct xcap_name *parent)
{
	for (size_t i = 0; auid_model_tables[i]; i++)
		for (const struct auid_model *m = auid_model_tables[i]; m->parent.local; m++)
			if (name_is(parent, &m->parent))
				return m;
	return NULL;
}

static int slot_takes(const struct auid_model *model, const struct auid_slot *slot,
		      const struct xcap_name *name)
{
	struct strv names = strv_of(slot->names), one;

	if (!strv_eq(name->ns, strv_of(model->child_ns)))
		return slot->others && name->ns.n > 0;
	while (names.n > 0) {
		strv_cut(&names, ' ', &one);
		if (strv_eq(one, name->local))
			return 1;
	}
	return 0;
}

/* The slot's index, NOWHERE when the parent takes no such child. */
static int slot_of(const struct auid_model *model, const struct xcap_name *name)
{
	for (unsigned i = 0; i < model->n_slots; i++)
		if (slot_takes(model, &model->slot[i], name))
			return (int)i;
	return NOWHERE;
}

/* What a slot's run is after a change: the neighbours' slots, NOWHERE without a neighbour. */
struct spot {
	int before, after;
};

static int alternatives_clash(const struct auid_model *model, int a, int b)
{
	return b != NOWHERE && model->slot[a].alternative && model->slot[b].alternative &&
	       model->slot[a].alternative != model->slot[b].alternative;
}

static int may_come(const struct auid_model *model, const struct spot *spot, int slot)
{
	if (slot == NOWHERE)
		return 0;
	if (spot->before > slot || (spot->after != NOWHERE && spot->after < slot))
		return 0;
	if (model->slot[slot].single && (spot->before == slot || spot->after == slot))
		return 0;
	return !alternatives_clash(model, slot, spot->before) &&
	       !alternatives_clash(model, slot, spot->after);
}

static int may_go(const struct auid_model *model, const struct spot *spot, int slot)
{
	return !model->slot[slot].required || spot->before == slot || spot->after == slot;
}

static int check_in_model(const struct auid_model *model, const struct auid_place *place)
{
	struct spot spot = { NOWHERE, NOWHERE };
	int old = NOWHERE, put = NOWHERE;

	if (is_named(&place->before) && (spot.before = slot_of(model, &place->before)) == NOWHERE)
		return -1;
	if (is_named(&place->after) && (spot.after = slot_of(model, &place->after)) == NOWHERE)
		return -1;
	if (is_named(&place->old) && (old = slot_of(model, &place->old)) == NOWHERE)
		return -1;
	if (is_named(&place->put)) {
		put = slot_of(model, &place->put);
		if (!may_come(model, &spot, put))
			return 0;
	}
	return old == NOWHERE || old == put || may_go(model, &spot, old);
}

int auid_check_place(const struct auid_table *table, const struct auid_ops *usage,
		     const struct auid_place *place)
{
	const struct auid_model *model;
	char ns[256];

	if (!is_named(&place->parent)) {
		if (!is_named(&place->put))
			return 0; /* a document has a root element */
		return !usage->root.local || name_is(&place->put, &usage->root);
	}
	if (!usage->schema)
		return 1;
	model = model_find(&place->parent);
	if (model)
		return check_in_model(model, place);
	/* Inside elements that no schema of ours describes, everything may stand everywhere. */
	if (place->parent.ns.n >= sizeof(ns))
		return 1;
	memcpy(ns, place->parent.ns.p ? place->parent.ns.p : "", place->parent.ns.n);
	ns[place->parent.ns.n] = '\0';
	return xml_schema_covers(table->schema, ns) ? -1 : 1;
}

int auid_may_be_empty(struct xcap_name parent)
{
	const struct auid_model *model = model_find(&parent);

	if (!model)
		return -1;
	for (unsigned i = 0; i < model->n_slots; i++)
		if (model->slot[i].required)
			return 0;
	return 1;
}

size_t auid_unit(const struct auid_ops *usage, const struct auid_step *path, size_t n)
{
	for (size_t i = 0; usage->unit.local && i + 1 < n; i++)
		if (name_is(&path[i].name, &usage->unit))
			return i;
	return n - 1;
}
