/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/conf_apply.c - a file's tree against the table
 *
 * Walks maps along the dotted names of the table, tells what is unknown, double, missing or of the
 * wrong shape, and hands scalars to conf_value.c.
 */
#include "base/conf_priv.h"

/* One map and the part of a table that may stand in it. */
struct level {
	struct conf_load *load;
	const struct conf_item *table;
	const char *prefix; /* of the names here: "" or "http." */
	const char *shown;  /* what stands before them in messages: "http.listen." in an entry */
	char *values;
	unsigned char *set; /* by table entry */
	int depth_of_entry; /* above 0: within a list's entry */
};

static void apply_map(const struct level *level, const struct conf_node *map);

unsigned conf_table_count(const struct conf_item *table)
{
	unsigned n = 0;

	while (table[n].name)
		n++;
	return n;
}

/* ---- names ---- */

/* What follows PREFIX in the item's name; NULL when it begins otherwise. */
static const char *below(const struct conf_item *item, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(item->name, prefix, n) == 0 ? item->name + n : NULL;
}

/* The first component of NAME. */
static struct strv component(const char *name)
{
	return strv_mem(name, strcspn(name, "."));
}

enum match { NO_MATCH, IS_SETTING, IS_SECTION };

/* What KEY is at this level; INDEX_OUT gets the first table entry that says so. */
static enum match match_key(const struct level *level, struct strv key, unsigned *index_out)
{
	for (unsigned i = 0; level->table[i].name; i++) {
		const struct conf_item *item = &level->table[i];
		const char *rest = below(item, level->prefix);

		if (!rest || !strv_eq(component(rest), key) || !key.n)
			continue;
		*index_out = i;
		return rest[key.n] == '.' || item->type == CONF_SECTION ? IS_SECTION : IS_SETTING;
	}
	return NO_MATCH;
}

/* How many letters must be added, dropped, exchanged or swapped to make B of A (Damerau, optimal
 * string alignment); both at most 63 octets, else a large number. */
static unsigned edit_distance(struct strv a, struct strv b)
{
	enum { MAX = 64 };
	unsigned rows[3][MAX + 1], *two = rows[0], *one = rows[1], *now = rows[2];

	if (a.n >= MAX || b.n >= MAX)
		return MAX;
	for (unsigned j = 0; j <= b.n; j++)
		one[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned *spare = two;

		now[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			unsigned best = one[j - 1] + (a.p[i - 1] != b.p[j - 1]);

			if (one[j] + 1 < best)
				best = one[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] &&
			    a.p[i - 2] == b.p[j - 1] && two[j - 2] + 1 < best)
				best = two[j - 2] + 1;
			now[j] = best;
		}
		two = one;
		one = now;
		now = spare;
	}
	return one[b.n];
}

/* The name of this level that KEY was probably meant to be; empty when none is near. */
static struct strv nearest(const struct level *level, struct strv key)
{
	unsigned best = (unsigned)(key.n / 3 + 1); /* one more than is accepted */
	struct strv found = { NULL, 0 };

	for (const struct conf_item *item = level->table; item->name; item++) {
		const char *rest = below(item, level->prefix);
		unsigned distance;

		if (!rest || !*rest)
			continue;
		distance = edit_distance(key, component(rest));
		if (distance < best) {
			best = distance;
			found = component(rest);
		}
	}
	return found;
}

/* A setting of another section whose last component is KEY; NULL when there is none. */
static const struct conf_item *elsewhere(const struct level *level, struct strv key)
{
	for (const struct conf_item *item = level->table; item->name; item++) {
		const char *dot = strrchr(item->name, '.');

		if (item->type != CONF_SECTION && dot && strv_eq(strv_of(dot + 1), key))
			return item;
	}
	return NULL;
}

/* The names that may stand at this level. */
static const char *names_here(const struct level *level)
{
	struct strv last = { NULL, 0 };
	const char *list = "";

	for (const struct conf_item *item = level->table; item->name; item++) {
		const char *rest = below(item, level->prefix);

		if (!rest || !*rest || strv_eq(component(rest), last))
			continue;
		last = component(rest);
		list = conf_printf(level->load, "%s%s%.*s", list, *list ? ", " : "",
				   STRV_ARG(last));
	}
	return list;
}

static void tell_unknown(const struct level *level, const struct conf_node *key)
{
	const struct conf_item *other = elsewhere(level, key->text);
	struct strv near = nearest(level, key->text);
	const char *quoted = conf_quote(level->load, key->text);

	if (level->load->n_faults >= CONF_FAULTS_MAX)
		conf_fault_at(level->load, key->line, key->column, "unknown setting");
	else if (strv_eq(key->text, STRV("<<")))
		conf_fault_at(level->load, key->line, key->column,
			      "a merge (\"<<\"); write the settings out");
	else if (near.n)
		conf_fault_at(level->load, key->line, key->column,
			      "unknown setting %s; did you mean \"%s%s%.*s\"?", quoted,
			      level->shown, level->prefix, STRV_ARG(near));
	else if (other)
		conf_fault_at(level->load, key->line, key->column,
			      "unknown setting %s; did you mean \"%s%s\"? write it below \"%.*s:\"",
			      quoted, level->shown, other->name,
			      (int)(strrchr(other->name, '.') - other->name), other->name);
	else if (key->text.n && memchr(key->text.p, '.', key->text.n))
		conf_fault_at(level->load, key->line, key->column,
			      "unknown setting %s; write each part of a name on a line of its own, "
			      "indented below the one before",
			      quoted);
	else
		conf_fault_at(level->load, key->line, key->column,
			      "unknown setting %s; here may stand: %s", quoted, names_here(level));
}

/* ---- shapes ---- */

/* No value at all: "name:" with nothing behind it, "~" or "null". */
static int is_null(const struct conf_node *node)
{
	return node->kind == CONF_NODE_SCALAR && node->is_plain &&
	       (node->text.n == 0 || strv_eq(node->text, STRV("~")) ||
		strv_eq(node->text, STRV("null")));
}

static const char *kind_phrase(const struct conf_node *node)
{
	return node->kind == CONF_NODE_MAP   ? "a map"
	       : node->kind == CONF_NODE_SEQ ? "a list"
					     : "a single value";
}

/* "listen" of "http.listen". */
static const char *last_component(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : name;
}

static void tell_no_scalar(const struct level *level, const struct conf_item *item,
			   const struct conf_node *node, const char *shown)
{
	conf_fault_at(level->load, node->line, node->column,
		      "%s is %s, but must be %s; write \"%s: VALUE\" in one line", shown,
		      kind_phrase(node), conf_type_phrase(item->type), last_component(item->name));
}

static void tell_null(const struct level *level, const struct conf_item *item,
		      const struct conf_node *node, const char *shown)
{
	const char *empty = item->type == CONF_LIST ? ", or \"[]\" for none"
			    : item->type == CONF_STR || item->type == CONF_PATH
				    ? ", or \"\" for the empty text"
				    : "";

	conf_fault_at(level->load, node->line, node->column,
		      "%s has no value; give it one%s, or leave the line out for the default",
		      shown, empty);
}

/* ---- lists ---- */

/* Note where ITEM, or the entry INDEX of it, is written. NULL: nothing is noted of presets, of
 * settings within entries, or without memory. */
static struct conf_place *remember(const struct level *level, const struct conf_item *item,
				   int index, const struct conf_node *node)
{
	struct conf_load *load = level->load;
	struct conf_place *place;

	if (load->is_preset || level->depth_of_entry > 0)
		return NULL;
	place = arena_alloc(load->arena, sizeof(*place));
	if (!place) {
		load->no_memory = 1;
		return NULL;
	}
	*place = (struct conf_place){ .older = load->conf->places,
				      .name = item->name,
				      .index = index,
				      .file = load->file,
				      .file_no = load->file_no,
				      .line = node->line,
				      .column = node->column };
	load->conf->places = place;
	return place;
}

static void tell_missing(const struct level *level, const struct conf_node *entry)
{
	for (unsigned i = 0; level->table[i].name; i++) {
		const struct conf_item *item = &level->table[i];

		if (item->preset || item->type == CONF_SECTION || level->set[i])
			continue;
		conf_fault_at(level->load, entry->line, entry->column,
			      "%s%s must be given; add \"%s: VALUE\" (%s)", level->shown,
			      item->name, last_component(item->name), conf_type_phrase(item->type));
	}
}

static void apply_entry(const struct level *level, const struct conf_item *item, const char *shown,
			const struct conf_node *node, char *values)
{
	struct conf_load *load = level->load;
	struct level entry = {
		load, item->items, "", shown, values, NULL, level->depth_of_entry + 1
	};

	conf_apply_presets(load, item->items, values);
	if (node->kind == CONF_NODE_BAD)
		return;
	if (node->kind != CONF_NODE_MAP) {
		conf_fault_at(
			load, node->line, node->column,
			"an entry of %.*s is %s, but must be a map; write \"- %s: VALUE\" and "
			"its other settings below",
			(int)strlen(shown) - 1, shown, kind_phrase(node), item->items[0].name);
		return;
	}
	entry.set = arena_zalloc(load->arena, conf_table_count(item->items), 1);
	if (!entry.set) {
		load->no_memory = 1;
		return;
	}
	apply_map(&entry, node);
	if (!load->is_cut)
		tell_missing(&entry, node);
}

static int list_fits(const struct level *level, const struct conf_item *item,
		     const struct conf_node *node, const char *shown)
{
	if ((item->min == 0 && item->max == 0) ||
	    ((int64_t)node->n >= item->min && (int64_t)node->n <= item->max))
		return 1;
	conf_fault_at(level->load, node->line, node->column, "%s has %u entries; give %lld to %lld",
		      shown, node->n, (long long)item->min, (long long)item->max);
	return 0;
}

static void apply_list(const struct level *level, const struct conf_item *item,
		       const struct conf_node *node, const char *shown)
{
	struct conf_load *load = level->load;
	struct conf_list list = { NULL, node->n };
	const char *before = conf_printf(load, "%s.", shown);
	int index = 0;

	if (node->kind != CONF_NODE_SEQ) {
		conf_fault_at(load, node->line, node->column,
			      "%s is %s, but must be a list; begin each entry with \"- \"", shown,
			      kind_phrase(node));
		return;
	}
	if (!list_fits(level, item, node, shown))
		return;
	list.items = arena_zalloc(load->arena, node->n, item->item_bytes);
	if (!list.items) {
		load->no_memory = 1;
		return;
	}
	for (const struct conf_node *entry = node->first; entry; entry = entry->next, index++) {
		struct conf_place *place = remember(level, item, index, entry);
		unsigned found = load->n_found;

		apply_entry(level, item, before, entry,
			    (char *)list.items + (size_t)index * item->item_bytes);
		if (place)
			place->is_bad = load->n_found != found;
	}
	memcpy(level->values + item->offset, &list, sizeof(list));
}

/* ---- settings ---- */

/* A secret as a map: "file: PATH" and nothing else. */
static void apply_secret_map(const struct level *level, const struct conf_item *item,
			     const struct conf_node *node, const char *shown)
{
	const struct conf_node *path = node->first;

	if (node->n == 1 && strv_eq(path->key->text, STRV("file")) &&
	    path->kind == CONF_NODE_SCALAR && path->text.n)
		conf_secret_from_file(level->load, item, path, shown, level->values);
	else
		conf_fault_at(
			level->load, node->line, node->column,
			"%s is a map, but must be a secret; write \"file: PATH\" below it, and "
			"nothing else",
			shown);
}

static void apply_value(const struct level *level, const struct conf_item *item,
			const struct conf_node *node)
{
	const char *shown = conf_printf(level->load, "%s%s", level->shown, item->name);

	if (is_null(node))
		tell_null(level, item, node, shown);
	else if (item->type == CONF_LIST)
		apply_list(level, item, node, shown);
	else if (node->kind == CONF_NODE_SCALAR)
		conf_value_set(level->load, item, node, shown, level->values);
	else if (item->type == CONF_SECRET && node->kind == CONF_NODE_MAP)
		apply_secret_map(level, item, node, shown);
	else
		tell_no_scalar(level, item, node, shown);
}

static void apply_setting(const struct level *level, unsigned index, const struct conf_node *node)
{
	const struct conf_item *item = &level->table[index];
	struct conf_place *place = remember(level, item, -1, node);
	unsigned found = level->load->n_found;

	level->set[index] = 1;
	if (node->kind != CONF_NODE_BAD)
		apply_value(level, item, node);
	if (place)
		place->is_bad = node->kind == CONF_NODE_BAD || level->load->n_found != found;
}

static void apply_section(const struct level *level, const struct conf_node *node)
{
	struct level inner = *level;

	if (node->kind == CONF_NODE_BAD || is_null(node))
		return;
	inner.prefix =
		conf_printf(level->load, "%s%.*s.", level->prefix, STRV_ARG(node->key->text));
	if (node->kind == CONF_NODE_MAP)
		apply_map(&inner, node);
	else
		conf_fault_at(level->load, node->line, node->column,
			      "%s%s%.*s is a section, not %s; write its settings below it as "
			      "\"name: value\", indented, without \"- \"",
			      level->shown, level->prefix, STRV_ARG(node->key->text),
			      kind_phrase(node));
}

static void apply_map(const struct level *level, const struct conf_node *map)
{
	unsigned n = conf_table_count(level->table), index = 0;
	unsigned *lines = arena_zalloc(level->load->arena, n, sizeof(*lines));

	if (!lines) {
		level->load->no_memory = 1;
		return;
	}
	for (const struct conf_node *node = map->first; node; node = node->next) {
		const struct conf_node *key = node->key;
		enum match match = match_key(level, key->text, &index);

		if (match == NO_MATCH) {
			tell_unknown(level, key);
			continue;
		}
		if (lines[index])
			conf_fault_at(level->load, key->line, key->column,
				      "%s%s%.*s stands here and in line %u; keep one of them",
				      level->shown, level->prefix, STRV_ARG(key->text),
				      lines[index]);
		lines[index] = key->line;
		if (match == IS_SECTION)
			apply_section(level, node);
		else
			apply_setting(level, index, node);
	}
}

void conf_apply_file(struct conf_load *load, const struct conf_node *root, unsigned char *set)
{
	struct level top = { load, load->conf->table, "", "", load->conf->values, set, 0 };

	if (!root || root->kind == CONF_NODE_BAD || is_null(root))
		return;
	if (root->kind == CONF_NODE_MAP)
		apply_map(&top, root);
	else
		conf_fault_at(
			load, root->line, root->column,
			"the file is %s, but must be a map; write settings as \"name: value\", "
			"one a line",
			kind_phrase(root));
}

/* ---- defaults ---- */

struct conf_node *conf_preset_tree(struct conf_load *load, const struct conf_item *item)
{
	return conf_yaml_parse(load, strv_of(item->preset));
}

static void apply_preset(struct conf_load *load, const struct conf_item *item, char *values)
{
	struct conf_node scalar = { .kind = CONF_NODE_SCALAR, .text = strv_of(item->preset) };
	struct level level = { load, item, "", "", values, NULL, 0 };
	struct conf_node *tree;

	if (item->type != CONF_LIST) {
		conf_value_set(load, item, &scalar, item->name, values);
		return;
	}
	tree = conf_preset_tree(load, item);
	if (tree)
		apply_list(&level, item, tree, item->name);
}

void conf_apply_presets(struct conf_load *load, const struct conf_item *table, char *values)
{
	int before = load->is_preset;

	load->is_preset = 1;
	for (; table->name; table++)
		if (table->preset && table->type != CONF_SECTION)
			apply_preset(load, table, values);
	load->is_preset = before;
}
