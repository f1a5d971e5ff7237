/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xdm_access.c - see xdm_access.h
 *
 * The owner's rulesets are compiled and evaluated by the policy engine; lists that they name are
 * the owner's own and read from the store.
 */
#include "xdms/xdm_access.h"

#include "base/log.h"
#include "base/xml.h"
#include "policy/pol_eval.h"
#include "policy/pol_list.h"
#include "xdms/auid_priv.h"

const char *xdm_op_name(enum xdm_op op)
{
	static const char *const names[XDM_OPS] = { "retrieve", "create", "modify", "delete",
						    "restore" };

	return names[op];
}

const char *xdm_role_name(enum xdm_role role)
{
	static const char *const names[] = { "owner", "operator", "other" };

	return names[role];
}

/* One answer in the making. */
struct look {
	const struct xcap_rules *rules;
	struct xdm_store *store;
	const struct xdm_access_ask *ask;
	struct xdm_access *out;
	struct arena *arena;
	struct err *err;
	struct tree *trees; /* of lists that are being read */
	int spoken;	    /* a rule was about the document */
	int unsure;
};

struct tree {
	struct tree *next;
	xmlDoc *doc;
};

static void answer(struct xdm_access *out, int allowed, enum xdm_role role, const char *why)
{
	*out = (struct xdm_access){ .allowed = allowed, .role = role, .why = why };
}

static void tell(const struct xdm_access_ask *ask, const struct xdm_access *access)
{
	log_debug(LOG_HTTP, "access", L_STR("role", xdm_role_name(access->role)),
		  L_STR("op", xdm_op_name(ask->op)), L_STR("auid", ask->usage->name),
		  L_SV("owner", ask->owner), L_SV("document", ask->document),
		  L_SV("who", ask->id[0]), L_STR("allowed", access->allowed ? "yes" : "no"),
		  L_STR("why", access->why), L_SV("rule", access->rule));
}

/* ---- without documents ---- */

static int owner_may(const struct auid_ops *usage, enum xdm_op op)
{
	if (usage->computed & AUID_USERS)
		return op == XDM_OP_RETRIEVE;
	switch (usage->users_access) {
	case AUID_ACCESS_OWNER:
	case AUID_ACCESS_PROFILE:
		return 1;
	case AUID_ACCESS_READER:
		return op == XDM_OP_RETRIEVE;
	case AUID_ACCESS_CLEARER:
		return op == XDM_OP_RETRIEVE || op == XDM_OP_DELETE || op == XDM_OP_MODIFY;
	default:
		return 0;
	}
}

/* No permission of the owner's opens these to others. */
static int is_closed(const struct auid_ops *usage)
{
	return (usage->computed & AUID_USERS) || (usage->users_access != AUID_ACCESS_OWNER &&
						  usage->users_access != AUID_ACCESS_PROFILE);
}

static int is_owner(const struct xdm_access_ask *ask)
{
	return ask->id[0].n && strv_eq(ask->id[0], ask->owner);
}

int xdm_access_quick(const struct xdm_access_ask *ask, struct xdm_access *access_out)
{
	if (ask->is_operator)
		answer(access_out, 1, XDM_ROLE_OPERATOR, "role");
	else if (is_owner(ask))
		answer(access_out, owner_may(ask->usage, ask->op), XDM_ROLE_OWNER, "role");
	else if (is_closed(ask->usage) || !ask->id[0].n)
		answer(access_out, 0, XDM_ROLE_OTHER, "usage");
	else
		return 0;
	tell(ask, access_out);
	return 1;
}

/* ---- which rules speak of it ---- */

static int same_step(const struct xcap_step *a, const struct xcap_step *b)
{
	return a->any == b->any && strv_eq(a->name.ns, b->name.ns) &&
	       strv_eq(a->name.local, b->name.local) && a->pos == b->pos &&
	       a->has_attr == b->has_attr &&
	       (!a->has_attr ||
		(strv_eq(a->attr.ns, b->attr.ns) && strv_eq(a->attr.local, b->attr.local) &&
		 strv_eq(a->value, b->value)));
}

/* 1 when SEL selects what RULE selects, or something in it, by the same steps. */
static int is_below(const struct xcap_sel *sel, const struct xcap_sel *rule)
{
	if (!sel || sel->n_steps < rule->n_steps)
		return 0;
	for (unsigned i = 0; i < rule->n_steps; i++)
		if (!same_step(&sel->step[i], &rule->step[i]))
			return 0;
	if (rule->kind == XCAP_SEL_ELEMENT)
		return 1;
	return sel->kind == rule->kind && sel->n_steps == rule->n_steps &&
	       strv_eq(sel->attr.ns, rule->attr.ns) && strv_eq(sel->attr.local, rule->attr.local);
}

/* Is the request within PATH (of a document-rule)? 1, 0, -1 without memory. */
static int path_covers(struct look *look, struct strv path)
{
	struct strv document = path, node = { NULL, 0 }, query = { NULL, 0 }, text;
	const char *mark = memmem(path.p, path.n, "/~~/", 4);
	struct xcap_sel sel;
	struct err err;
	int ret;

	if (mark) {
		document = strv_mem(path.p, (size_t)(mark - path.p));
		query = strv_mem(mark + 4, (size_t)(path.p + path.n - mark - 4));
		if (!strv_cut(&query, '?', &node))
			query = strv_mem(NULL, 0);
	}
	ret = xcap_percent_decode(document, look->arena, &text);
	if (ret < 0)
		return ret == -2 ? -1 : 0;
	if (!strv_eq(text, look->ask->document))
		return 0;
	if (!mark)
		return 1;
	if (!look->ask->sel)
		return 0;
	ret = xcap_percent_decode(node, look->arena, &text);
	if (ret == 0 &&
	    xcap_sel_parse(text, query, strv_of(look->ask->usage->ns), look->arena, &sel, &err) < 0)
		return err.code == ERR_NOMEM ? -1 : 0;
	return ret < 0 ? (ret == -2 ? -1 : 0) : is_below(look->ask->sel, &sel);
}

static const struct auid_name document_rule = { NS_ACCESS, "document-rule" };
static const struct auid_name directory_rule = { NS_ACCESS, "directory-rule" };
static const struct auid_name permission_rule = { NS_ACCESS, "access-permissions-document-rule" };
static const struct auid_name ruleset_name = { NS_COMMON_POLICY, "ruleset" };

/* 1, 0, -1 without memory. */
static int speaks(struct look *look, const xmlNode *rule)
{
	xmlChar *buffer;
	struct strv path;
	int ret;

	if (look->ask->usage == &auid_access_permissions)
		return auid_node_is(rule, &permission_rule);
	if (auid_node_is(rule, &directory_rule))
		return look->ask->op == XDM_OP_CREATE;
	if (!auid_node_is(rule, &document_rule))
		return 0;
	path = auid_attr(rule, "path", &buffer);
	ret = path.p ? path_covers(look, path) : 0;
	xmlFree(buffer);
	return ret;
}

/* ---- lists ---- */

static int keep_tree(struct look *look, xmlDoc *doc)
{
	struct tree *tree = arena_zalloc(look->arena, 1, sizeof(*tree));

	if (!tree) {
		xmlFreeDoc(doc);
		return -1;
	}
	tree->doc = doc;
	tree->next = look->trees;
	look->trees = tree;
	return 0;
}

static void drop_trees(struct look *look)
{
	for (; look->trees; look->trees = look->trees->next)
		xmlFreeDoc(look->trees->doc);
}

/* The element that URI means, of DOC. */
static enum pol_list_outcome find_list(struct look *look, const struct xcap_uri *uri,
				       const struct xcap_doc *doc, const xmlNode **elem_out)
{
	struct xcap_spot spot, whole;
	struct xcap_sel sel;
	struct err err;
	xmlNode *elem;
	xmlDoc *tree;

	xcap_doc_spot(doc, &whole);
	if (!uri->has_node) {
		if (!xcap_child_nth(&whole, NULL, 1, &spot))
			return POL_LIST_MISSING;
	} else if (xcap_sel_parse(uri->node, uri->query, STRV(NS_RESOURCE_LISTS), look->arena, &sel,
				  &err) < 0 ||
		   sel.kind != XCAP_SEL_ELEMENT) {
		return POL_LIST_MISSING;
	} else if (!xcap_doc_find(doc, &sel, &spot)) {
		return POL_LIST_GONE;
	}
	if (xcap_valid_tree(&spot, look->arena, &tree, &elem) < 0 || keep_tree(look, tree) < 0)
		return POL_LIST_MISSING;
	*elem_out = elem;
	return POL_LIST_FOUND;
}

/* Lists are the owner's own: what else could be read here is not the owner's to show. */
static enum pol_list_outcome follow(void *arg, struct strv ref, const xmlNode **elem_out)
{
	struct look *look = arg;
	enum pol_list_outcome outcome = POL_LIST_MISSING;
	struct strv xui, name;
	struct xcap_uri uri;
	struct xdm_doc *doc;
	struct err err;

	if (xcap_uri_parse(ref, look->rules->root, look->arena, &uri, &err) < 0 ||
	    uri.tree != XCAP_USERS || !strv_eq(uri.auid, STRV("resource-lists")) ||
	    look->rules->canonical(look->rules->arg, uri.xui, look->arena, &xui) < 0 ||
	    !strv_eq(xui, look->ask->owner))
		return POL_LIST_MISSING;
	name = xdm_name(uri.auid, uri.segment, uri.n_segments, look->arena);
	if (!name.n || xdm_find_sync(look->store, look->ask->owner, name, &doc) != KV_DONE)
		return POL_LIST_MISSING;
	outcome = doc->doc ? find_list(look, &uri, doc->doc, elem_out) : POL_LIST_GONE;
	xdm_doc_drop(&doc);
	return outcome;
}

static int spell(void *arg, struct strv text, char *buf, size_t size, size_t *n_out)
{
	const struct xcap_rules *rules = arg;
	struct arena *arena = arena_new(0);
	struct strv canonical;
	int ret = -1;

	if (arena && rules->canonical(rules->arg, text, arena, &canonical) == 0 &&
	    canonical.n <= size) {
		memcpy(buf, canonical.p, canonical.n);
		*n_out = canonical.n;
		ret = 0;
	}
	arena_free(&arena);
	return ret;
}

static struct pol_set *look_up(void *arg, struct strv ref)
{
	struct look *look = arg;
	struct pol_spell spelling = { .identity = spell, .arg = (void *)(uintptr_t)look->rules };
	struct pol_list_source source = { .follow = follow, .arg = look, .spell = &spelling };
	struct pol_set *set;
	struct err err;

	return pol_list_set(&source, &ref, 1, &set, NULL, &err) == 0 ? set : NULL;
}

/* ---- rules ---- */

/* 1 when a step of the request's node selects by an identity of the requester's. */
static int is_own_data(struct look *look)
{
	const struct xcap_sel *sel = look->ask->sel;
	struct strv value;

	for (unsigned i = 0; sel && i < sel->n_steps; i++) {
		const struct xcap_step *step = &sel->step[i];

		if (!step->has_attr || step->attr.ns.n ||
		    (!strv_eq(step->attr.local, STRV("uri")) &&
		     !strv_eq(step->attr.local, STRV("id"))) ||
		    look->rules->canonical(look->rules->arg, step->value, look->arena, &value) < 0)
			continue;
		for (unsigned k = 0; k < XDM_ACCESS_IDS; k++)
			if (look->ask->id[k].n && strv_eq(look->ask->id[k], value))
				return 1;
	}
	return 0;
}

static const enum pol_perm perm_of[XDM_OPS] = {
	[XDM_OP_RETRIEVE] = POL_ACCESS_RETRIEVE, [XDM_OP_CREATE] = POL_ACCESS_CREATE,
	[XDM_OP_MODIFY] = POL_ACCESS_MODIFY,	 [XDM_OP_DELETE] = POL_ACCESS_DELETE,
	[XDM_OP_RESTORE] = POL_ACCESS_RESTORE,
};

static int grants(struct look *look, const struct pol_verdict *verdict)
{
	if (pol_verdict_allows(verdict, perm_of[look->ask->op]) ||
	    pol_verdict_allows(verdict, POL_ACCESS_ANY))
		return 1;
	if (!is_own_data(look))
		return 0;
	return pol_verdict_allows(verdict, POL_ACCESS_ANY_OWN) ||
	       (look->ask->op == XDM_OP_RETRIEVE &&
		pol_verdict_allows(verdict, POL_ACCESS_RETRIEVE_OWN));
}

static void evaluate(struct look *look, const struct pol_doc *doc)
{
	const struct xdm_access_ask *ask = look->ask;
	struct pol_layers layers = { .user = { doc }, .n_user = 1 };
	struct pol_facts facts = { .now_s = ask->now_s, .size_bytes = -1, .roaming = -1 };
	struct pol_verdict verdict;

	for (unsigned i = 0; i < XDM_ACCESS_IDS; i++)
		if (ask->id[i].n && (i == 0 || !strv_eq(ask->id[i], ask->id[0])))
			facts.id[facts.n_ids++] = ask->id[i];
	look->unsure |= pol_eval(&layers, &facts, &verdict) < 0;
	if (!grants(look, &verdict))
		return;
	answer(look->out, 1, XDM_ROLE_OTHER, "rule");
	if (verdict.n_why) {
		struct strv id = pol_why_rule(&verdict.why[0]);
		char *text = arena_strdup(look->arena, id);

		look->out->rule = strv_of(text);
	}
}

/* 0, or -1 with the error. */
static int ask_ruleset(struct look *look, const xmlNode *ruleset)
{
	struct pol_spell spelling = { .identity = spell, .arg = (void *)(uintptr_t)look->rules };
	struct pol_source source = { .kind = POL_ACCESS,
				     .name = STRV("access-permissions"),
				     .spell = &spelling };
	struct pol_doc *loose, *doc;
	int ret = 0;

	if (pol_doc_compile_ruleset(&source, ruleset, NULL, &loose, look->err) < 0) {
		/* It was compiled when it was stored: another version of us did that. */
		look->unsure = 1;
		return look->err->code == ERR_NOMEM ? -1 : 0;
	}
	ret = pol_doc_bind(loose, look_up, look, &doc, look->err);
	drop_trees(look);
	if (ret == 0)
		evaluate(look, doc);
	pol_doc_drop(&loose);
	if (ret == 0)
		pol_doc_drop(&doc);
	return ret;
}

static int ask_rules(struct look *look, const xmlNode *root)
{
	for (const xmlNode *rule = root->children; rule && !look->out->allowed; rule = rule->next) {
		int about = speaks(look, rule);

		if (about < 0)
			return err_set(look->err, ERR_NOMEM, "no memory for access permissions");
		if (!about)
			continue;
		look->spoken = 1;
		for (const xmlNode *node = rule->children; node; node = node->next)
			if (auid_node_is(node, &ruleset_name) && ask_ruleset(look, node) < 0)
				return -1;
	}
	return 0;
}

static int ask_document(struct look *look, const struct xcap_doc *doc)
{
	struct xcap_spot whole, root;
	xmlNode *elem;
	xmlDoc *tree;
	int ret;

	xcap_doc_spot(doc, &whole);
	if (!xcap_child_nth(&whole, NULL, 1, &root) ||
	    xcap_valid_tree(&root, look->arena, &tree, &elem) < 0)
		return err_set(look->err, ERR_NOMEM, "access permissions cannot be read");
	ret = ask_rules(look, elem);
	xmlFreeDoc(tree);
	return ret;
}

/* ---- the answer ---- */

/* The record of the owner's permissions for the usage; of the permissions themselves, the document
 * that is asked for. */
static struct strv permissions_name(const struct xdm_access_ask *ask)
{
	struct strv path =
		ask->usage == &auid_access_permissions ? ask->document : strv_of(ask->usage->name);

	return xdm_name(strv_of(auid_access_permissions.name), &path, 1, ask->arena);
}

static int store_failed(enum kv_status status, struct err *err)
{
	return status == KV_BUSY ? err_set(err, ERR_BUSY, "documents cannot be read now")
				 : err_set(err, ERR_IO, "access permissions are damaged");
}

int xdm_access_sync(const struct xcap_rules *rules, struct xdm_store *store,
		    const struct xdm_access_ask *ask, struct xdm_access *access_out,
		    struct err *err)
{
	struct look look = { .rules = rules,
			     .store = store,
			     .ask = ask,
			     .out = access_out,
			     .arena = ask->arena,
			     .err = err };
	enum kv_status status;
	struct xdm_doc *doc;
	struct strv name;
	int ret = 0;

	if (xdm_access_quick(ask, access_out))
		return 0;
	answer(access_out, 0, XDM_ROLE_OTHER, "no-rule");
	name = permissions_name(ask);
	if (!name.n)
		return err_set(err, ERR_NOMEM, "no memory for access permissions");
	status = xdm_find_sync(store, ask->owner, name, &doc);
	if (status != KV_DONE)
		return store_failed(status, err);
	if (doc->doc)
		ret = ask_document(&look, doc->doc);
	xdm_doc_drop(&doc);
	if (ret < 0) {
		answer(access_out, 0, XDM_ROLE_OTHER, "unsure");
		return -1;
	}
	if (!access_out->allowed && look.unsure)
		access_out->why = "unsure";
	else if (!look.spoken && ask->usage->users_access == AUID_ACCESS_PROFILE &&
		 ask->op == XDM_OP_RETRIEVE)
		answer(access_out, 1, XDM_ROLE_OTHER, "usage");
	tell(ask, access_out);
	return 0;
}
