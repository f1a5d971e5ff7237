/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/pol_compile_prefs.c - user preferences: settings beside rules (xdm.md section 7)
 *
 * A setting is a statement without conditions that any rule of the user's may replace for those
 * whom it is about. Each element of settings becomes one rule of the layer "setting", so that a
 * verdict names it. Devices and bearers are in an order, not permitted: they are kept as they are.
 */
#include "policy/pol_compile_priv.h"

/* An attribute, or the text when ATTR is NULL, of element LOCAL inside of PARENT (NULL: of the
 * parent itself). */
struct setting {
	const char *parent, *local, *attr;
	enum pol_perm perm;
};

static const struct setting settings[] = {
	{ "delivery", NULL, "deferred", POL_DEFERRED },
	{ "delivery", "max-push-size", NULL, POL_MAX_PUSH_BYTES },
	{ "storage", "retention-days", NULL, POL_RETENTION_DAYS },
	{ "interworking", NULL, "allow", POL_INTERWORKING },
	{ "reports", "delivered", NULL, POL_REPORT_DELIVERED },
	{ "reports", "displayed", NULL, POL_REPORT_DISPLAYED },
	{ "reports", "composing", NULL, POL_REPORT_COMPOSING },
	{ "auto-accept", NULL, "max-file-size", POL_AUTO_ACCEPT_FILE },
	{ "auto-accept", NULL, "sessions", POL_AUTO_ACCEPT_SESSION },
};

static const char *const parents[] = { "delivery", "storage",	  "interworking",
				       "reports",  "auto-accept", "blocking" };

static const struct {
	const char *name;
	enum pol_perm perm;
} kinds[] = {
	{ "pager", POL_STORE_PAGER },	  { "large", POL_STORE_LARGE },
	{ "session", POL_STORE_SESSION }, { "file", POL_STORE_FILE },
	{ "geoloc", POL_STORE_GEOLOC },	  { "event", POL_STORE_EVENT },
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static int bad_value(const char *what, struct strv text, struct err *err)
{
	return err_set(err, ERR_SYNTAX, "%s has no value \"%.*s\"", what, STRV_ARG(text));
}

/* 1, 0 when it is not there. */
static int setting_text(struct pol_compile *c, const xmlNode *parent, const struct setting *s,
			struct strv *text_out, struct err *err)
{
	const xmlNode *node = s->local ? pol_xml_child(parent, NS_USER_PREFS, s->local) : parent;

	if (!node)
		return 0;
	return s->attr ? pol_xml_attr(node, s->attr, c->arena, text_out, err)
		       : pol_xml_text(node, c->arena, text_out, err);
}

static int add_settings(struct pol_compile *c, const xmlNode *parent, struct pol_grants *grants,
			struct err *err)
{
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		const struct setting *s = &settings[i];
		struct strv text;
		int64_t value;
		int ret;

		if (strcmp(s->parent, (const char *)parent->name) != 0)
			continue;
		ret = setting_text(c, parent, s, &text, err);
		if (ret < 0)
			return -1;
		if (!ret)
			continue;
		if (pol_compile_value(s->perm, text, &value) < 0)
			return bad_value(pol_perm_row(s->perm)->name, text, err);
		if (pol_compile_grant(c, grants, s->perm, value, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- what is kept, by kind ---- */

static int attr_bool(struct pol_compile *c, const xmlNode *node, const char *attr, int absent,
		     int *value_out, struct err *err)
{
	struct strv text;
	int ret = pol_xml_attr(node, attr, c->arena, &text, err);

	*value_out = absent;
	if (ret > 0 && pol_text_bool(text, value_out) < 0)
		return bad_value(attr, text, err);
	return ret < 0 ? -1 : 0;
}

static int type_set(struct pol_compile *c, const xmlNode *type, int keep[KINDS], struct err *err)
{
	struct strv name;
	int store;

	if (pol_xml_attr(type, "name", c->arena, &name, err) < 0 ||
	    attr_bool(c, type, "store", 1, &store, err) < 0)
		return -1;
	for (unsigned i = 0; i < KINDS; i++)
		if (strv_eq(strv_of(kinds[i].name), name)) {
			keep[i] = store;
			return 0;
		}
	return bad_value("a type of storage", name, err);
}

/* enabled="true": everything but what is excluded; "false": nothing. */
static int add_storage(struct pol_compile *c, const xmlNode *storage, struct pol_grants *grants,
		       struct err *err)
{
	int keep[KINDS] = { 1, 1, 1, 1, 1, 1 }, enabled;

	if (attr_bool(c, storage, "enabled", 0, &enabled, err) < 0)
		return -1;
	for (const xmlNode *type = storage->children; type; type = type->next)
		if (pol_xml_is(type, NS_USER_PREFS, "type") && type_set(c, type, keep, err) < 0)
			return -1;
	for (unsigned i = 0; i < KINDS; i++)
		if (pol_compile_grant(c, grants, kinds[i].perm, enabled && keep[i], err) < 0)
			return -1;
	return 0;
}

static int add_blocking(struct pol_compile *c, const xmlNode *blocking, struct pol_grants *grants,
			struct err *err)
{
	struct strv text;

	if (pol_xml_attr(blocking, "answer", c->arena, &text, err) < 0)
		return -1;
	if (!strv_eq(text, STRV("open")) && !strv_eq(text, STRV("polite")))
		return bad_value("the answer of blocking", text, err);
	return pol_compile_grant(c, grants, POL_REVEAL_BLOCK, strv_eq(text, STRV("open")), err);
}

/* ---- orders ---- */

static int add_device(struct pol_compile *c, const xmlNode *node, struct err *err)
{
	struct pol_device_rec device = { .enabled = 1 };
	struct strv id, text;
	uint64_t priority = 0;
	unsigned at = c->n_devices;
	int enabled, told;

	if (c->n_devices == POL_DEVICES_MAX)
		return err_set(err, ERR_LIMIT, "more than %d devices", POL_DEVICES_MAX);
	told = pol_xml_attr(node, "priority", c->arena, &text, err);
	if (told < 0 || pol_xml_attr(node, "id", c->arena, &id, err) < 0 ||
	    attr_bool(c, node, "enabled", 1, &enabled, err) < 0)
		return -1;
	if (told && strv_u64(text, 1000, &priority) < 0)
		return bad_value("priority", text, err);
	device.id = pol_block_name(&c->block, id);
	device.enabled = (uint32_t)enabled;
	device.priority = (uint32_t)priority;
	for (; at && c->device[at - 1].priority < device.priority; at--)
		c->device[at] = c->device[at - 1];
	c->device[at] = device;
	c->n_devices++;
	return 0;
}

static int add_bearer(struct pol_compile *c, const xmlNode *node, struct err *err)
{
	static const struct pol_word bearers[] = {
		{ "sms", POL_BEARER_SMS },
		{ "mms", POL_BEARER_MMS },
		{ "email", POL_BEARER_EMAIL },
		{ "im", POL_BEARER_IM },
		{ NULL, 0 },
	};
	struct strv text;

	if (pol_xml_text(node, c->arena, &text, err) < 0)
		return -1;
	for (const struct pol_word *word = bearers; word->text; word++) {
		if (!strv_eq(strv_of(word->text), text))
			continue;
		if (memchr(c->prefer, (int)word->value, c->n_prefer))
			return err_set(err, ERR_SYNTAX, "%s is preferred twice", word->text);
		c->prefer[c->n_prefer++] = (uint8_t)word->value;
		return 0;
	}
	return bad_value("prefer", text, err);
}

static int add_orders(struct pol_compile *c, const xmlNode *parent, struct err *err)
{
	for (const xmlNode *node = parent->children; node; node = node->next) {
		if (pol_xml_is(node, NS_USER_PREFS, "device") && add_device(c, node, err) < 0)
			return -1;
		if (pol_xml_is(node, NS_USER_PREFS, "prefer") && add_bearer(c, node, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- the document ---- */

static int add_parent(struct pol_compile *c, const xmlNode *parent, struct err *err)
{
	const char *name = (const char *)parent->name;
	struct pol_grants grants = { .n = 0 };
	struct pol_conds none = { .n = 0 };

	if (add_settings(c, parent, &grants, err) < 0 || add_orders(c, parent, err) < 0)
		return -1;
	if (strcmp(name, "storage") == 0 && add_storage(c, parent, &grants, err) < 0)
		return -1;
	if (strcmp(name, "blocking") == 0 && add_blocking(c, parent, &grants, err) < 0)
		return -1;
	return pol_compile_rule(c, strv_of(name), POL_SETTING, &none, &grants, err);
}

int pol_compile_prefs(struct pol_compile *c, const xmlNode *root, struct err *err)
{
	for (size_t i = 0; i < sizeof(parents) / sizeof(parents[0]); i++) {
		const xmlNode *parent = pol_xml_child(root, NS_USER_PREFS, parents[i]);

		if (parent && add_parent(c, parent, err) < 0) {
			err_prefix(err, "%s", parents[i]);
			return -1;
		}
	}
	return pol_compile_ruleset(c, pol_xml_child(root, NS_COMMON_POLICY, "ruleset"), err);
}
