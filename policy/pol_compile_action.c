/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/pol_compile_action.c - actions and transformations of a rule become numbers
 *
 * The table of pol_perm.c says which element is which permission. Elements that it does not know
 * are passed over (RFC 5025 s8), except those of our own namespaces in the operator's policy, where
 * a misspelt cap would otherwise be none.
 */
#include "policy/pol_compile_priv.h"

int pol_compile_grant(struct pol_compile *c, struct pol_grants *grants, enum pol_perm perm,
		      int64_t value, struct err *err)
{
	(void)c;
	if (grants->n == POL_GRANTS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d actions", POL_GRANTS_MAX);
	grants->item[grants->n++] = (struct pol_grant){ .value = value, .perm = (uint16_t)perm };
	return 0;
}

/* ---- sets (RFC 5025 s3.3) ---- */

enum { MEMBERS_MAX = 256 };

static int add_members(struct pol_compile *c, const xmlNode *node, struct pol_grant *grant,
		       struct err *err)
{
	struct pol_member member[MEMBERS_MAX];
	unsigned n = 0;

	for (const xmlNode *child = pol_xml_element(node->children); child;
	     child = pol_xml_element(child->next)) {
		struct strv local = strv_of((const char *)child->name), value;

		if (strv_starts(local, STRV("all-")) && pol_xml_is(child, NS_PRES_RULES, local.p)) {
			grant->value = 1;
			continue;
		}
		if (n == MEMBERS_MAX || pol_compile_count(c, 1, NULL) < 0)
			return err_set(err, ERR_LIMIT, "more than %d members", MEMBERS_MAX);
		if (pol_xml_text(child, c->arena, &value, err) < 0)
			return -1;
		member[n++] = (struct pol_member){ pol_block_name(&c->block, local),
						   pol_block_name(&c->block, value), 1 };
	}
	grant->n_members = (uint16_t)n;
	grant->members = pol_block_put(&c->block, member, n * sizeof(member[0]),
				       _Alignof(struct pol_member));
	return 0;
}

/* provide-unknown-attribute: its name and namespace, and whether. */
static int add_unknown(struct pol_compile *c, const xmlNode *node, struct pol_grant *grant,
		       struct err *err)
{
	struct strv name, ns, text;
	struct pol_member member;
	int on;

	if (pol_xml_attr(node, "name", c->arena, &name, err) < 0 ||
	    pol_xml_attr(node, "ns", c->arena, &ns, err) < 0 ||
	    pol_xml_text(node, c->arena, &text, err) < 0)
		return -1;
	if (pol_text_bool(text, &on) < 0)
		return err_set(err, ERR_SYNTAX, "provide-unknown-attribute is true or false");
	if (pol_compile_count(c, 2, err) < 0)
		return -1;
	member = (struct pol_member){ pol_block_name(&c->block, name),
				      pol_block_name(&c->block, ns), (uint32_t)on };
	grant->n_members = 1;
	grant->members =
		pol_block_put(&c->block, &member, sizeof(member), _Alignof(struct pol_member));
	return 0;
}

/* ---- single values ---- */

/* allow-offline-storage has its value in an attribute, and in its text in older documents. */
static int value_text(struct pol_compile *c, const xmlNode *node, enum pol_perm perm,
		      struct strv *text_out, struct err *err)
{
	int ret = 0;

	if (perm == POL_OFFLINE_STORAGE)
		ret = pol_xml_attr(node, "allow", c->arena, text_out, err);
	return ret ? ret : pol_xml_text(node, c->arena, text_out, err);
}

static int parse_word(const struct pol_perm_row *row, struct strv text, int64_t *value_out)
{
	for (const struct pol_word *word = row->words; word->text; word++)
		if (strv_eq(strv_of(word->text), text)) {
			*value_out = word->value;
			return 0;
		}
	return -1;
}

int pol_compile_value(enum pol_perm perm, struct strv text, int64_t *value_out)
{
	const struct pol_perm_row *row = pol_perm_row(perm);
	uint64_t number;
	int on;

	switch (row->type) {
	case POL_TYPE_BOOL:
		if (pol_text_bool(text, &on) < 0)
			return -1;
		*value_out = on;
		return 0;
	case POL_TYPE_NUMBER:
		if (strv_starts(text, STRV("+")))
			text.p++, text.n--; /* XML Schema lets it stand */
		if (strv_u64(text, POL_UNLIMITED - 1, &number) < 0)
			return -1;
		if (perm == POL_REJECT_CODE && (number < 400 || number > 699))
			return -1;
		*value_out = (int64_t)number;
		return 0;
	case POL_TYPE_WORD:
		/* Its schema lets other elements stand there: whose media, we cannot tell. */
		if (parse_word(row, text, value_out) < 0) {
			*value_out = 0;
			return perm == POL_REMOVE_MEDIA ? 0 : -1;
		}
		return 0;
	default:
		*value_out = 1;
		return 0;
	}
}

static int add_value(struct pol_compile *c, const xmlNode *node, enum pol_perm perm,
		     struct pol_grants *grants, struct err *err)
{
	struct pol_grant *grant;
	struct strv text;
	int64_t value = 0;

	if (value_text(c, node, perm, &text, err) < 0)
		return -1;
	if (pol_perm_row(perm)->type != POL_TYPE_SET && pol_compile_value(perm, text, &value) < 0)
		return err_set(err, ERR_SYNTAX, "%s has no value \"%.*s\"",
			       pol_perm_row(perm)->name, STRV_ARG(text));
	if (pol_compile_grant(c, grants, perm, value, err) < 0)
		return -1;
	grant = &grants->item[grants->n - 1];
	if (perm == POL_PROVIDE_UNKNOWN)
		return add_unknown(c, node, grant, err);
	if (pol_perm_row(perm)->type == POL_TYPE_SET)
		return add_members(c, node, grant, err);
	return 0;
}

/* ---- which of them ---- */

static int set_layer(struct pol_compile *c, const xmlNode *node, uint8_t *layer, struct err *err)
{
	struct strv text;

	if (pol_xml_text(node, c->arena, &text, err) < 0)
		return -1;
	for (unsigned i = 0; i < POL_BUILTIN; i++)
		if ((i == POL_FORCED || i == POL_CAP || i == POL_DEFAULT) &&
		    strv_eq(text, strv_of(pol_layer_name((enum pol_layer)i)))) {
			*layer = (uint8_t)i;
			return 0;
		}
	return err_set(err, ERR_SYNTAX, "a layer is forced, cap or default, not \"%.*s\"",
		       STRV_ARG(text));
}

static int may_speak(const struct pol_compile *c, enum pol_perm perm)
{
	unsigned speakers = pol_perm_row(perm)->speakers;

	if (c->source->kind == POL_OPERATOR)
		return 1;
	return (speakers & (c->source->kind == POL_GROUP ? POL_BY_GROUP : POL_BY_USER)) != 0;
}

static int is_ours(const xmlNode *node)
{
	return node->ns && (strcmp((const char *)node->ns->href, NS_OPERATOR) == 0 ||
			    strcmp((const char *)node->ns->href, NS_USER_PREFS) == 0);
}

int pol_compile_actions(struct pol_compile *c, const xmlNode *actions, struct pol_grants *grants,
			uint8_t *layer, struct err *err)
{
	for (const xmlNode *node = pol_xml_element(actions ? actions->children : NULL); node;
	     node = pol_xml_element(node->next)) {
		enum pol_perm perm = pol_perm_of(node->ns ? (const char *)node->ns->href : "",
						 (const char *)node->name);

		if (c->source->kind == POL_OPERATOR && pol_xml_is(node, NS_OPERATOR, "layer")) {
			if (set_layer(c, node, layer, err) < 0)
				return -1;
		} else if (perm < POL_PERMS) {
			if (may_speak(c, perm) && add_value(c, node, perm, grants, err) < 0)
				return -1;
		} else if (c->source->kind == POL_OPERATOR && is_ours(node) &&
			   !pol_xml_is(node, NS_OPERATOR, "rev")) {
			return err_set(err, ERR_SYNTAX, "there is no action \"%.80s\"",
				       (const char *)node->name);
		}
	}
	return 0;
}
