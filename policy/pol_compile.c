/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/pol_compile.c - a document becomes a value (see pol_doc.h)
 *
 * The frame: roots, rules, groups and their members, and the block that stays. Conditions are in
 * pol_compile_cond.c, actions in pol_compile_action.c, settings in pol_compile_prefs.c. Compiling
 * may allocate and take its time; evaluating what comes out does neither.
 */
#include "policy/pol_compile_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/xml.h"

/* Of a compiled document. Texts are counted before they are stored, so this is never the first
 * bound to be met. */
enum { BLOCK_MAX = 64 << 20 };

void pol_compile_note(struct pol_compile *c, const char *fmt, ...)
{
	struct pol_report *report = c->report;
	va_list args;
	int n;

	if (!report || report->n++ >= POL_NOTES_MAX)
		return;
	n = snprintf(report->note[report->n - 1], sizeof(report->note[0]),
		     "rule \"%.60s\": ", c->id.p ? c->id.p : "");
	va_start(args, fmt);
	vsnprintf(report->note[report->n - 1] + n, sizeof(report->note[0]) - (size_t)n, fmt, args);
	va_end(args);
}

int pol_compile_count(struct pol_compile *c, size_t n, struct err *err)
{
	if (n > POL_NAMES_MAX - c->n_names)
		return err_set(err, ERR_LIMIT, "more than %d identities and names", POL_NAMES_MAX);
	c->n_names += (unsigned)n;
	return 0;
}

int pol_compile_ref(struct pol_compile *c, struct strv anchor, struct err *err)
{
	for (unsigned i = 0; i < c->n_refs; i++)
		if (strv_eq(c->ref[i], anchor))
			return (int)i;
	if (c->n_refs == POL_REFS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d lists", POL_REFS_MAX);
	c->ref[c->n_refs] = anchor;
	return (int)c->n_refs++;
}

/* ---- rules ---- */

/* The most exact way in which a rule says who (xdm.md 9.3). */
static uint8_t class_of(const struct pol_conds *conds)
{
	uint8_t class = POL_CLASS_ANYBODY;

	for (unsigned i = 0; i < conds->n; i++) {
		uint8_t own = POL_CLASS_ANYBODY;

		switch (conds->item[i].kind) {
		case POL_COND_IDENTITY:
			own = POL_CLASS_IDENTITY;
			break;
		case POL_COND_LIST:
		case POL_COND_MEMBER:
			own = POL_CLASS_LIST;
			break;
		case POL_COND_OTHER:
		case POL_COND_ANONYMOUS:
			own = POL_CLASS_OTHER;
			break;
		default:
			break;
		}
		if (own < class)
			class = own;
	}
	return class;
}

int pol_compile_rule(struct pol_compile *c, struct strv id, uint8_t layer,
		     const struct pol_conds *conds, const struct pol_grants *grants,
		     struct err *err)
{
	struct pol_rule *rule = &c->rule[c->n_rules];
	struct pol_cond cond[POL_CONDS_MAX];

	if (c->n_rules == POL_RULES_MAX)
		return err_set(err, ERR_LIMIT, "more than %d rules", POL_RULES_MAX);
	c->n_rules++;
	*rule = (struct pol_rule){ .n_conds = (uint16_t)conds->n,
				   .n_grants = (uint16_t)grants->n,
				   .layer = layer,
				   .class = class_of(conds) };
	for (unsigned i = 0; i < conds->n; i++) {
		cond[i] = conds->item[i];
		rule->n_who += cond[i].kind < POL_COND_WHO_END;
		/* What the operator forbids holds although we do not know in which case. */
		if (cond[i].kind == POL_COND_UNKNOWN)
			cond[i].flag = layer == POL_FORCED || layer == POL_CAP;
	}
	for (unsigned i = 0; i < conds->n && !rule->tags; i++) {
		rule->tag_kind = cond[i].kind;
		rule->tags = cond[i].tags;
	}
	rule->id = pol_block_put(&c->block, id.p, id.n, 1);
	rule->id_bytes = (uint32_t)id.n;
	rule->conds = pol_block_put(&c->block, cond, conds->n * sizeof(cond[0]),
				    _Alignof(struct pol_cond));
	rule->grants = pol_block_put(&c->block, grants->item, grants->n * sizeof(grants->item[0]),
				     _Alignof(struct pol_grant));
	return 0;
}

static int compile_rule(struct pol_compile *c, const xmlNode *node, struct err *err)
{
	struct pol_grants grants = { .n = 0 };
	struct pol_conds conds = { .n = 0 };
	uint8_t layer = c->source->kind == POL_GROUP	  ? POL_OF_GROUP
			: c->source->kind == POL_OPERATOR ? POL_LAYERS
							  : POL_OF_USER;

	if (pol_xml_attr(node, "id", c->arena, &c->id, err) < 0)
		return -1;
	if (pol_compile_conditions(c, pol_xml_child(node, NS_COMMON_POLICY, "conditions"), &conds,
				   err) < 0 ||
	    pol_compile_actions(c, pol_xml_child(node, NS_COMMON_POLICY, "actions"), &grants,
				&layer, err) < 0 ||
	    pol_compile_actions(c, pol_xml_child(node, NS_COMMON_POLICY, "transformations"),
				&grants, &layer, err) < 0)
		return -1;
	if (layer == POL_LAYERS)
		return err_set(err, ERR_SYNTAX, "it has no layer: forced, cap or default");
	return pol_compile_rule(c, c->id, layer, &conds, &grants, err);
}

int pol_compile_ruleset(struct pol_compile *c, const xmlNode *ruleset, struct err *err)
{
	for (const xmlNode *node = ruleset ? ruleset->children : NULL; node; node = node->next) {
		if (!pol_xml_is(node, NS_COMMON_POLICY, "rule"))
			continue;
		if (compile_rule(c, node, err) < 0) {
			err_prefix(err, "rule \"%.80s\"", c->id.p ? c->id.p : "");
			return -1;
		}
	}
	c->id = (struct strv){ NULL, 0 };
	return 0;
}

/* ---- groups (xdm.md 4.1, 4.2) ---- */

static int compile_members(struct pol_compile *c, struct err *err)
{
	const xmlNode *list = pol_xml_child(c->service, NS_GROUPS, "list");
	struct strv *text = NULL;
	char buf[POL_SPELL_BYTES];
	int n = list ? pol_compile_texts(c, list, NS_GROUPS, "entry", "uri", &text, err) : 0;

	if (n < 0 || pol_compile_count(c, (size_t)n, err) < 0)
		return -1;
	for (int i = 0; i < n; i++) {
		struct strv spelled = pol_spell_identity(c->source->spell, text[i], buf);

		if (spelled.p != buf)
			continue;
		text[i] = strv_mem(arena_strdup(c->arena, spelled), spelled.n);
		if (!text[i].p)
			return err_set(err, ERR_NOMEM, "out of memory");
	}
	c->members = pol_block_names(&c->block, text, (size_t)n);
	return 0;
}

static int find_service(struct pol_compile *c, const xmlNode *root, struct strv *uri_out,
			struct err *err)
{
	char wanted_buf[POL_SPELL_BYTES], buf[POL_SPELL_BYTES];
	struct strv wanted = pol_spell_identity(c->source->spell, c->source->service, wanted_buf);

	for (const xmlNode *node = root->children; node; node = node->next) {
		if (!pol_xml_is(node, NS_GROUPS, "list-service"))
			continue;
		if (pol_xml_attr(node, "uri", c->arena, uri_out, err) < 0)
			return -1;
		if (wanted.n &&
		    !strv_eq(pol_spell_identity(c->source->spell, *uri_out, buf), wanted))
			continue;
		c->service = node;
		return 0;
	}
	return err_set(err, ERR_ABSENT, "there is no service \"%.*s\"",
		       STRV_ARG(c->source->service));
}

int pol_compile_group(struct pol_compile *c, const xmlNode *root, struct err *err)
{
	struct strv uri = { NULL, 0 };

	if (find_service(c, root, &uri, err) < 0 || compile_members(c, err) < 0)
		return -1;
	return pol_compile_ruleset(c, pol_xml_child(c->service, NS_COMMON_POLICY, "ruleset"), err);
}

/* ---- documents ---- */

static int compile_root(struct pol_compile *c, const xmlNode *root, struct err *err)
{
	if (!root)
		return err_set(err, ERR_SYNTAX, "there is no root element");
	if (c->in_part && pol_xml_is(root, NS_COMMON_POLICY, "ruleset"))
		return pol_compile_ruleset(c, root, err);
	switch (c->source->kind) {
	case POL_USER_PREFS:
		if (pol_xml_is(root, NS_USER_PREFS, "cpm-user-prefs"))
			return pol_compile_prefs(c, root, err);
		break;
	case POL_GROUP:
		if (pol_xml_is(root, NS_GROUPS, "group"))
			return pol_compile_group(c, root, err);
		break;
	default:
		if (pol_xml_is(root, NS_COMMON_POLICY, "ruleset"))
			return pol_compile_ruleset(c, root, err);
		break;
	}
	return err_set(err, ERR_SYNTAX, "\"%.80s\" is not the root element of such a document",
		       (const char *)root->name);
}

/* Everything that is left of the compilation goes into the block. */
static struct pol_code *finish(struct pol_compile *c, struct pol_code *head)
{
	struct pol_name ref[POL_REFS_MAX];
	struct pol_code *code;

	head->name = pol_block_name(&c->block, c->source->name);
	if (c->service) {
		struct strv uri = { NULL, 0 };

		if (pol_xml_attr(c->service, "uri", c->arena, &uri, NULL) < 0)
			return NULL;
		head->service = pol_block_name(&c->block, uri);
	}
	for (unsigned i = 0; i < c->n_refs; i++)
		ref[i] = pol_block_name(&c->block, c->ref[i]);
	head->ref_names = pol_block_put(&c->block, ref, c->n_refs * sizeof(ref[0]),
					_Alignof(struct pol_name));
	head->rules = pol_block_put(&c->block, c->rule, c->n_rules * sizeof(c->rule[0]),
				    _Alignof(struct pol_rule));
	head->devices = pol_block_put(&c->block, c->device, c->n_devices * sizeof(c->device[0]),
				      _Alignof(struct pol_device_rec));
	if (c->block.failed)
		return NULL;
	code = realloc(c->block.p, c->block.n); /* to its weight */
	if (!code)
		code = (struct pol_code *)(void *)c->block.p;
	c->block.p = NULL;
	head->kind = (uint8_t)c->source->kind;
	head->strict = c->source->kind == POL_PRES_RULES || c->source->kind == POL_OPERATOR;
	head->n_rules = (uint16_t)c->n_rules;
	head->n_refs = (uint16_t)c->n_refs;
	head->n_devices = (uint16_t)c->n_devices;
	head->n_prefer = (uint16_t)c->n_prefer;
	memcpy(head->prefer, c->prefer, sizeof(head->prefer));
	head->members = c->members;
	head->bytes = (uint32_t)c->block.n;
	memcpy(code, head, sizeof(*head));
	atomic_init(&code->refs, 1);
	return code;
}

static struct pol_code *compile(struct pol_compile *c, const xmlNode *root, struct err *err)
{
	struct pol_code head = { .kind = 0 }, *code = NULL;

	pol_block_put(&c->block, NULL, sizeof(head), _Alignof(struct pol_code));
	if (compile_root(c, root, err) < 0) {
		/* The block fails quietly, and what is compiled after that is nonsense. */
		if (!c->block.failed)
			return NULL;
	} else {
		code = finish(c, &head);
	}
	if (!code)
		err_set(err, ERR_NOMEM, "out of memory");
	return code;
}

static struct pol_doc *doc_new(struct pol_code *code)
{
	struct pol_doc *doc = calloc(1, sizeof(*doc) + code->n_refs * sizeof(doc->set[0]));

	if (!doc)
		return NULL;
	atomic_init(&doc->refs, 1);
	doc->code = code;
	return doc;
}

static void code_drop(struct pol_code *code)
{
	if (atomic_fetch_sub_explicit(&code->refs, 1, memory_order_acq_rel) == 1)
		free(code);
}

static int compile_node(const struct pol_source *source, const xmlNode *root, int in_part,
			struct pol_report *report, struct pol_doc **doc_out, struct err *err)
{
	struct pol_compile *c = calloc(1, sizeof(*c)); /* too large for a worker's stack */
	struct pol_code *code = NULL;

	*doc_out = NULL;
	if (report)
		report->n = 0;
	if (c) {
		c->source = source;
		c->report = report;
		c->in_part = in_part;
		c->block.max = BLOCK_MAX;
		c->arena = arena_new(0);
	}
	if (c && c->arena)
		code = compile(c, root, err);
	else
		err_set(err, ERR_NOMEM, "out of memory");
	if (code && !(*doc_out = doc_new(code))) {
		code_drop(code);
		err_set(err, ERR_NOMEM, "out of memory");
	}
	if (c) {
		free(c->block.p);
		arena_free(&c->arena);
		free(c);
	}
	return *doc_out ? 0 : -1;
}

int pol_doc_compile(const struct pol_source *source, const xmlDoc *xml, struct pol_report *report,
		    struct pol_doc **doc_out, struct err *err)
{
	return compile_node(source, xmlDocGetRootElement((xmlDoc *)xml), 0, report, doc_out, err);
}

int pol_doc_compile_ruleset(const struct pol_source *source, const xmlNode *ruleset,
			    struct pol_report *report, struct pol_doc **doc_out, struct err *err)
{
	return compile_node(source, ruleset, 1, report, doc_out, err);
}

int pol_doc_check(enum pol_kind kind, const struct pol_spell *spell, const xmlNode *root,
		  struct err *err)
{
	struct pol_source source = { .kind = kind, .spell = spell };
	struct pol_doc *doc;
	int ret = compile_node(&source, root, 1, NULL, &doc, err);

	pol_doc_drop(&doc);
	return ret;
}

int pol_doc_parse(const struct pol_source *source, struct strv bytes, struct pol_report *report,
		  struct pol_doc **doc_out, struct err *err)
{
	xmlDoc *xml;
	int ret;

	*doc_out = NULL;
	if (xml_parse(bytes, NULL, &xml, NULL, err) < 0)
		return -1;
	ret = pol_doc_compile(source, xml, report, doc_out, err);
	xmlFreeDoc(xml);
	return ret;
}

/* ---- values ---- */

struct pol_doc *pol_doc_hold(struct pol_doc *doc)
{
	if (doc)
		atomic_fetch_add_explicit(&doc->refs, 1, memory_order_relaxed);
	return doc;
}

void pol_doc_drop(struct pol_doc **doc_at)
{
	struct pol_doc *doc = *doc_at;

	*doc_at = NULL;
	if (!doc || atomic_fetch_sub_explicit(&doc->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (unsigned i = 0; i < doc->code->n_refs; i++)
		pol_set_drop(&doc->set[i]);
	code_drop(doc->code);
	free(doc);
}

int pol_doc_bind(const struct pol_doc *doc, struct pol_set *(*lookup)(void *arg, struct strv ref),
		 void *arg, struct pol_doc **doc_out, struct err *err)
{
	struct pol_doc *bound = doc_new(doc->code);

	*doc_out = bound;
	if (!bound)
		return err_set(err, ERR_NOMEM, "out of memory");
	atomic_fetch_add_explicit(&doc->code->refs, 1, memory_order_relaxed);
	for (unsigned i = 0; i < doc->code->n_refs; i++)
		bound->set[i] = lookup(arg, pol_doc_ref(doc, i));
	return 0;
}

unsigned pol_doc_refs(const struct pol_doc *doc)
{
	return doc->code->n_refs;
}

struct strv pol_doc_ref(const struct pol_doc *doc, unsigned i)
{
	return pol_name_text(doc->code,
			     POL_AT(doc->code, struct pol_name, doc->code->ref_names) + i);
}

enum pol_kind pol_doc_kind(const struct pol_doc *doc)
{
	return (enum pol_kind)doc->code->kind;
}

struct strv pol_doc_name(const struct pol_doc *doc)
{
	return pol_name_text(doc->code, &doc->code->name);
}

struct strv pol_doc_service(const struct pol_doc *doc)
{
	return pol_name_text(doc->code, &doc->code->service);
}

unsigned pol_doc_rules(const struct pol_doc *doc)
{
	return doc->code->n_rules;
}

struct strv pol_doc_rule_id(const struct pol_doc *doc, unsigned rule)
{
	const struct pol_rule *r = pol_rule_at(doc, rule);

	return strv_mem(POL_AT(doc->code, char, r->id), r->id_bytes);
}

size_t pol_doc_bytes(const struct pol_doc *doc)
{
	return sizeof(*doc) + doc->code->n_refs * sizeof(doc->set[0]) + doc->code->bytes;
}

int pol_doc_device(const struct pol_doc *doc, unsigned i, struct pol_device *device_out)
{
	const struct pol_device_rec *rec;

	if (i >= doc->code->n_devices)
		return 0;
	rec = POL_AT(doc->code, struct pol_device_rec, doc->code->devices) + i;
	*device_out = (struct pol_device){ pol_name_text(doc->code, &rec->id), (int)rec->enabled,
					   rec->priority };
	return 1;
}

enum pol_bearer pol_doc_prefer(const struct pol_doc *doc, unsigned i)
{
	return i < doc->code->n_prefer ? (enum pol_bearer)doc->code->prefer[i] : POL_BEARER_NONE;
}

const char *pol_layer_name(enum pol_layer layer)
{
	static const char *const names[POL_LAYERS] = {
		[POL_FORCED] = "forced",   [POL_CAP] = "cap",	      [POL_BLOCKED] = "blocked",
		[POL_OF_GROUP] = "group",  [POL_OF_USER] = "user",    [POL_SETTING] = "setting",
		[POL_DEFAULT] = "default", [POL_BUILTIN] = "builtin",
	};

	return (unsigned)layer < POL_LAYERS ? names[layer] : "unknown";
}
