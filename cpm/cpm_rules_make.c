/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/cpm_rules_make.c - documents to values
 *
 * See cpm_rules_priv.h. What cannot be compiled leaves what was in force before; what cannot be had
 * now, too. When references lead to documents that are not at hand, what was made is thrown away
 * and made again when they are: compiled rules and trees are kept meanwhile.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "cpm/cpm_rules_priv.h"

#define NS_RESOURCE_LISTS "urn:ietf:params:xml:ns:resource-lists"
#define NS_GROUPS	  "urn:oma:xml:poc:list-service"

/* ---- lists ---- */

/* References of our own making, which no document can hold: characters that XML does not have. */
#define REF_BLOCKED "\1oma_blockedcontacts"
#define REF_POLITE  "\1oma_politeblockedcontacts"
#define REF_MEMBERS "\2"

struct listing {
	struct flight *flight;
	const xmlNode *members; /* what REF_MEMBERS means */
	int is_first;		/* reference of the set */
	const xmlNode *elem;	/* where that leads */
};

static int is_elem(const xmlNode *node, const char *ns, const char *local)
{
	return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, local) == 0 &&
	       node->ns && strcmp((const char *)node->ns->href, ns) == 0;
}

/* The text of attribute NAME, in no namespace, in ARENA; p NULL when there is none. */
static struct strv attr_of(const xmlNode *node, const char *name, struct arena *arena)
{
	xmlChar *text = xmlGetNoNsProp((xmlNode *)(uintptr_t)node, (const xmlChar *)name);
	struct strv copy = { NULL, 0 };

	if (text)
		copy = strv_of(arena_strdup(arena, strv_trim(strv_of((const char *)text))));
	xmlFree(text);
	return copy;
}

/* The list called NAME at the top of the owner's resource-lists document. */
static enum pol_list_outcome own_list(struct flight *f, struct strv name, const xmlNode **elem_out)
{
	struct flight_doc *doc = f->own[OWN_LISTS];
	const xmlDoc *xml;

	if (doc->got == CPM_GOT_ABSENT)
		return POL_LIST_GONE;
	if (doc->got == CPM_GOT_BUSY) {
		f->busy = 1;
		return POL_LIST_MISSING;
	}
	xml = flight_xml(doc);
	if (!xml)
		return POL_LIST_MISSING;
	for (const xmlNode *node = xmlDocGetRootElement(xml)->children; node; node = node->next) {
		struct strv own;

		if (!is_elem(node, NS_RESOURCE_LISTS, "list"))
			continue;
		own = attr_of(node, "name", f->arena);
		if (strv_eq(own, name)) {
			*elem_out = node;
			return POL_LIST_FOUND;
		}
	}
	return POL_LIST_GONE;
}

static enum pol_list_outcome follow(void *arg, struct strv ref, const xmlNode **elem_out)
{
	struct listing *listing = arg;
	enum pol_list_outcome outcome;

	if (ref.p[0] == '\1') {
		outcome = own_list(listing->flight, strv_mem(ref.p + 1, ref.n - 1), elem_out);
	} else if (ref.p[0] == '\2') {
		*elem_out = listing->members;
		outcome = listing->members ? POL_LIST_FOUND : POL_LIST_GONE;
	} else {
		outcome = flight_follow(listing->flight, ref, elem_out);
	}
	if (listing->is_first && outcome == POL_LIST_FOUND)
		listing->elem = *elem_out;
	listing->is_first = 0;
	return outcome;
}

/* The set of a list that was read before: rules and the lists of blocked people often mean the
 * same. */
static struct pol_set *known_list(const struct flight *f, const xmlNode *elem)
{
	for (const struct flight_list *list = f->lists; list; list = list->next)
		if (list->elem == elem)
			return list->set;
	return NULL;
}

static void remember_list(struct flight *f, const xmlNode *elem, struct pol_set *set)
{
	struct flight_list *list;

	/* One that waits for more is not what it will be. */
	if (!elem || f->wants)
		return;
	list = malloc(sizeof(*list));
	if (!list)
		return;
	*list = (struct flight_list){ f->lists, elem, pol_set_hold(set) };
	f->lists = list;
}

/* The set of REF; NULL: no memory (FAILED). */
static struct pol_set *list_of(struct flight *f, struct strv ref)
{
	struct listing listing = { .flight = f, .is_first = 1 };
	const struct pol_list_source source = { .follow = follow,
						.arg = &listing,
						.spell = &f->rules->spell };
	const xmlNode *elem = NULL;
	struct pol_set *set;
	struct err err;

	if (follow(&listing, ref, &elem) == POL_LIST_FOUND) {
		set = known_list(f, elem);
		if (set)
			return pol_set_hold(set);
	}
	listing.is_first = 1;
	if (pol_list_set(&source, &ref, 1, &set, NULL, &err) < 0) {
		f->failed = 1;
		return NULL;
	}
	remember_list(f, listing.elem, set);
	return set;
}

static struct pol_set *lookup(void *arg, struct strv ref)
{
	return list_of(arg, ref);
}

/* ---- rules ---- */

/* The compiled rules of DOC, which has bytes, not bound: borrowed. NULL: they cannot be. */
static struct pol_doc *compiled(struct flight *f, struct flight_doc *doc, enum pol_kind kind,
				struct err *err)
{
	const struct pol_source source = { .kind = kind,
					   .name = strv_mem(doc->name.p + 2, doc->name.n - 2),
					   .service = kind == POL_GROUP ? flight_id(f)
									: strv_mem(NULL, 0),
					   .spell = &f->rules->spell };
	const xmlDoc *xml;

	if (doc->code)
		return doc->code;
	if (doc->is_broken) {
		err_set(err, ERR_SYNTAX, "it is not XML");
		return NULL;
	}
	xml = flight_xml(doc);
	if (!xml)
		err_set(err, f->failed ? ERR_NOMEM : ERR_SYNTAX, "it is not XML");
	else if (pol_doc_compile(&source, xml, NULL, &doc->code, err) < 0 && err->code == ERR_NOMEM)
		f->failed = 1;
	return doc->code;
}

/* DOC with its references answered, a reference of the caller's; NULL: DOC is, or no memory. */
static struct pol_doc *bind(struct flight *f, const struct pol_doc *doc)
{
	struct pol_doc *bound;
	struct err err;

	if (!doc)
		return NULL;
	if (pol_doc_bind(doc, lookup, f, &bound, &err) < 0) {
		f->failed = 1;
		return NULL;
	}
	return bound;
}

/* What is said about DOC, which cannot be compiled for WHY; GOOD is in force. */
static void complain(struct flight *f, const struct flight_doc *doc, struct pol_doc *good,
		     const char *why)
{
	int is_new;

	pthread_mutex_lock(&f->rules->lock);
	is_new = bad_note(f->rules, doc->owner, doc->name, good, why);
	pthread_mutex_unlock(&f->rules->lock);
	if (is_new)
		log_error(LOG_CPM, "a document of rules cannot be put in force",
			  L_SV("owner", doc->owner), L_SV("name", doc->name), L_STR("why", why),
			  L_STR("in-force", good ? "its last good version" : "nothing"));
}

static void is_good(struct flight *f, const struct flight_doc *doc)
{
	struct pol_doc *kept;

	pthread_mutex_lock(&f->rules->lock);
	kept = bad_clear(f->rules, doc->owner, doc->name);
	pthread_mutex_unlock(&f->rules->lock);
	pol_doc_drop(&kept);
}

/* The last good rules of DOC, held: those kept beside a bad document, else those of the last value.
 */
static struct pol_doc *last_good(struct flight *f, const struct flight_doc *doc,
				 const struct pol_doc *old)
{
	struct pol_doc *good;

	pthread_mutex_lock(&f->rules->lock);
	good = bad_good(f->rules, doc->owner, doc->name);
	pthread_mutex_unlock(&f->rules->lock);
	return good ? good : pol_doc_hold((struct pol_doc *)(uintptr_t)old);
}

/* The rules of DOC, bound, a reference of the caller's; NULL: there are none, or LOST_OUT is 1.
 * OLD are those of the last value. */
static struct pol_doc *rules_of(struct flight *f, struct flight_doc *doc, enum pol_kind kind,
				const struct pol_doc *old, int *lost_out)
{
	struct pol_doc *good, *bound;
	struct err err = { .code = ERR_SYNTAX };

	if (doc->got == CPM_GOT_ABSENT) {
		is_good(f, doc);
		return NULL;
	}
	if (doc->got == CPM_GOT_BUSY) {
		f->busy = 1;
		f->failed |= !f->old && f->kind != VALUE_OPERATOR;
		return bind(f, old);
	}
	if (compiled(f, doc, kind, &err)) {
		is_good(f, doc);
		return bind(f, doc->code);
	}
	if (f->failed)
		return NULL;
	good = last_good(f, doc, old);
	complain(f, doc, good, err.text);
	*lost_out |= !good;
	bound = bind(f, good);
	pol_doc_drop(&good);
	return bound;
}

/* ---- of a user ---- */

static void user_destroy(struct cache_value *value)
{
	struct user_value *user = (struct user_value *)(void *)value;

	for (unsigned i = 0; i < 3; i++)
		pol_doc_drop(&user->doc[i]);
	for (unsigned i = 0; i < 2; i++)
		pol_set_drop(&user->set[i]);
	deps_drop(&user->home->deps, &user->deps);
	atomic_fetch_sub(&user->home->users, 1);
	free(user);
}

static size_t doc_bytes(const struct pol_doc *doc)
{
	return doc ? pol_doc_bytes(doc) : 0;
}

/* Sets are counted where they are made: once a flight, though several documents may share one. */
static size_t list_bytes(const struct flight *f)
{
	size_t bytes = 0;

	for (const struct flight_list *list = f->lists; list; list = list->next)
		bytes += pol_set_bytes(list->set);
	for (const struct dep *dep = f->deps; dep; dep = dep->next_of_value)
		bytes += sizeof(*dep) + dep->n;
	return bytes;
}

/* A list without anybody is none. */
static void drop_empty(struct pol_set **set)
{
	if (*set && !pol_set_count(*set) && pol_set_is_complete(*set))
		pol_set_drop(set);
}

static void make_user(struct flight *f)
{
	const struct cpm_user_rules *old = (const struct cpm_user_rules *)(const void *)f->old;
	struct user_value *user = calloc(1, sizeof(*user));
	int lost = 0, presence_lost = 0;
	unsigned at;

	if (!user) {
		f->failed = 1;
		return;
	}
	user->home = f->rules;
	atomic_fetch_add(&f->rules->users, 1);
	user->doc[0] =
		rules_of(f, f->own[OWN_ACCESS], POL_ACCESS_RULES, old ? old->access : NULL, &lost);
	user->doc[1] =
		rules_of(f, f->own[OWN_PREFS], POL_USER_PREFS, old ? old->prefs : NULL, &lost);
	/* OMA's presence rules, where there are any, are what its clients write. */
	at = f->own[OWN_OMA_PRESENCE]->got == CPM_GOT_ABSENT ? OWN_PRESENCE : OWN_OMA_PRESENCE;
	user->doc[2] =
		rules_of(f, f->own[at], at == OWN_PRESENCE ? POL_PRES_RULES : POL_OMA_PRES_RULES,
			 old ? old->presence : NULL, &presence_lost);
	if (old && f->own[OWN_LISTS]->got == CPM_GOT_BUSY) {
		f->busy = 1;
		user->set[0] = pol_set_hold((struct pol_set *)(uintptr_t)old->blocked);
		user->set[1] = pol_set_hold((struct pol_set *)(uintptr_t)old->polite_blocked);
	} else {
		user->set[0] = list_of(f, STRV(REF_BLOCKED));
		user->set[1] = list_of(f, STRV(REF_POLITE));
	}
	for (unsigned i = 0; i < 2; i++)
		drop_empty(&user->set[i]);
	user->rules.access = user->doc[0];
	user->rules.prefs = user->doc[1];
	user->rules.presence = user->doc[2];
	user->rules.blocked = user->set[0];
	user->rules.polite_blocked = user->set[1];
	user->rules.lost = lost != 0;
	user->rules.presence_lost = presence_lost != 0;
	cache_value_init(&user->rules.value, f->started,
			 sizeof(*user) + doc_bytes(user->doc[0]) + doc_bytes(user->doc[1]) +
				 doc_bytes(user->doc[2]) + list_bytes(f),
			 user_destroy);
	f->value = &user->rules.value;
}

/* ---- of a group ---- */

static void group_destroy(struct cache_value *value)
{
	struct group_value *group = (struct group_value *)(void *)value;

	pol_doc_drop(&group->doc);
	arena_free(&group->arena);
	deps_drop(&group->home->deps, &group->deps);
	atomic_fetch_sub(&group->home->groups, 1);
	free(group);
}

static struct strv copy_to(struct arena *arena, struct strv s, struct flight *f)
{
	char *copy = arena_strdup(arena, s);

	f->failed |= !copy;
	return strv_mem(copy, copy ? s.n : 0);
}

/* The group's element in its document; NULL: it is not there. */
static const xmlNode *find_service(struct flight *f, const xmlDoc *xml)
{
	const xmlNode *root = xmlDocGetRootElement(xml);
	char buf[POL_SPELL_BYTES];

	for (const xmlNode *node = root->children; node; node = node->next)
		if (is_elem(node, NS_GROUPS, "list-service") &&
		    strv_eq(pol_spell_identity(&f->rules->spell, attr_of(node, "uri", f->arena),
					       buf),
			    flight_id(f)))
			return node;
	return NULL;
}

static const xmlNode *child_of(const xmlNode *node, const char *local)
{
	for (const xmlNode *child = node->children; child; child = child->next)
		if (is_elem(child, NS_GROUPS, local))
			return child;
	return NULL;
}

/* The text of child LOCAL of NODE, in ARENA; empty when there is none. */
static struct strv text_of(const xmlNode *node, const char *local, struct arena *arena)
{
	const xmlNode *child = child_of(node, local);
	xmlChar *text = child ? xmlNodeGetContent(child) : NULL;
	struct strv copy = { NULL, 0 };

	if (text)
		copy = strv_of(arena_strdup(arena, strv_trim(strv_of((const char *)text))));
	xmlFree(text);
	return copy;
}

/* Members as they are met. */
struct members {
	struct listing listing; /* first: what FOLLOW gets */
	struct group_value *group;
	struct strv *member;
	unsigned n, cap;
};

static void add_member(void *arg, struct strv identity)
{
	struct members *members = arg;
	struct flight *f = members->listing.flight;

	if (members->n == members->cap) {
		unsigned cap = members->cap ? 2 * members->cap : 64;
		struct strv *more = realloc(members->member, cap * sizeof(*more));

		if (!more) {
			f->failed = 1;
			return;
		}
		members->member = more;
		members->cap = cap;
	}
	members->member[members->n++] = copy_to(members->group->arena, identity, f);
}

static int by_text(const void *a, const void *b)
{
	const struct strv *const *x = a, *const *y = b;
	int order = strv_cmp(**x, **y);

	return order ? order : (*x > *y) - (*x < *y);
}

/* Each once, at the place of the first, into the group's arena. */
static void keep_members(struct flight *f, const struct members *members)
{
	struct group_value *group = members->group;
	unsigned n = members->n;
	const struct strv **sorted = calloc(n + 1, sizeof(const struct strv *));
	struct strv *kept = arena_zalloc(group->arena, n + 1, sizeof(*kept));

	if (!sorted || !kept) {
		f->failed = 1;
		free(sorted);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		sorted[i] = &members->member[i];
	qsort(sorted, n, sizeof(const struct strv *), by_text);
	for (unsigned i = 1, first = 0; i < n; i++)
		if (strv_eq(*sorted[i], *sorted[first]))
			members->member[sorted[i] - members->member].n = 0;
		else
			first = i;
	group->rules.member = kept;
	for (unsigned i = 0; i < n; i++)
		if (members->member[i].n)
			kept[group->rules.n_members++] = members->member[i];
	free(sorted);
}

static void take_members(struct flight *f, struct group_value *group, const xmlNode *service)
{
	struct members members = { .listing = { .flight = f }, .group = group };
	const struct pol_list_source source = {
		.follow = follow, .member = add_member, .arg = &members, .spell = &f->rules->spell
	};
	struct strv ref = STRV(REF_MEMBERS);
	struct pol_set *set;
	struct err err;

	members.listing.members = child_of(service, "list");
	if (pol_list_set(&source, &ref, 1, &set, NULL, &err) < 0) {
		f->failed = 1;
	} else {
		group->rules.is_complete = pol_set_is_complete(set);
		pol_set_drop(&set);
		if (!f->wants)
			keep_members(f, &members);
	}
	free(members.member);
}

static void take_service(struct flight *f, struct group_value *group, const xmlNode *service)
{
	struct strv invite = text_of(service, "invite-members", f->arena);
	struct strv most = text_of(service, "max-participant-count", f->arena);
	uint64_t number;

	group->rules.display_name = text_of(service, "display-name", group->arena);
	group->rules.invite_members = strv_eq(invite, STRV("true")) || strv_eq(invite, STRV("1"));
	if (strv_u64(most, UINT32_MAX, &number) == 0)
		group->rules.max_participants = (unsigned)number;
	take_members(f, group, service);
}

/* As it was: the document is bad now, or cannot be had. */
static void take_old(struct flight *f, struct group_value *group)
{
	const struct cpm_group_rules *old = (const struct cpm_group_rules *)(const void *)f->old;
	struct strv *member;

	if (!old)
		return;
	member = arena_zalloc(group->arena, old->n_members + 1, sizeof(*member));
	if (!member) {
		f->failed = 1;
		return;
	}
	for (unsigned i = 0; i < old->n_members; i++)
		member[i] = copy_to(group->arena, old->member[i], f);
	group->rules.member = member;
	group->rules.n_members = old->n_members;
	group->rules.is_complete = old->is_complete;
	group->rules.max_participants = old->max_participants;
	group->rules.invite_members = old->invite_members;
	group->rules.display_name = copy_to(group->arena, old->display_name, f);
}

/* The element of the group in its document, when that can be compiled; NULL otherwise. GONE_OUT: it
 * has no such group. */
static const xmlNode *usable_service(struct flight *f, int *gone_out)
{
	struct flight_doc *doc = f->own[0];
	const xmlNode *service;
	struct err err;

	if (doc->got != CPM_GOT_DOC || !flight_xml(doc))
		return NULL;
	service = find_service(f, doc->xml);
	if (!service)
		*gone_out = 1;
	return service && compiled(f, doc, POL_GROUP, &err) ? service : NULL;
}

static struct group_value *group_new(struct flight *f)
{
	struct group_value *group = calloc(1, sizeof(*group));

	if (group)
		group->arena = arena_new(0);
	if (!group || !group->arena) {
		free(group);
		f->failed = 1;
		return NULL;
	}
	group->home = f->rules;
	atomic_fetch_add(&f->rules->groups, 1);
	return group;
}

static void make_group(struct flight *f)
{
	const struct cpm_group_rules *old = (const struct cpm_group_rules *)(const void *)f->old;
	struct group_value *group;
	const xmlNode *service;
	int gone = f->own[0]->got == CPM_GOT_ABSENT, lost = 0;

	service = usable_service(f, &gone);
	if (gone) {
		is_good(f, f->own[0]);
		f->got = CPM_GOT_ABSENT;
		return;
	}
	group = f->failed ? NULL : group_new(f);
	if (!group)
		return;
	group->rules.uri = copy_to(group->arena, flight_id(f), f);
	group->rules.owner = copy_to(group->arena, f->owner, f);
	if (service)
		take_service(f, group, service);
	else
		take_old(f, group);
	group->doc = rules_of(f, f->own[0], POL_GROUP, old ? old->doc : NULL, &lost);
	group->rules.doc = group->doc;
	group->rules.lost = lost != 0;
	cache_value_init(&group->rules.value, f->started,
			 sizeof(*group) + arena_used(group->arena) + doc_bytes(group->doc) +
				 list_bytes(f),
			 group_destroy);
	f->value = &group->rules.value;
}

/* ---- the operator's ---- */

static void make_operator(struct flight *f)
{
	struct pol_doc *old;

	pthread_mutex_lock(&f->rules->lock);
	old = pol_doc_hold(f->rules->operator_doc);
	f->operator_lost = f->rules->operator_lost;
	pthread_mutex_unlock(&f->rules->lock);
	if (f->own[0]->got != CPM_GOT_BUSY)
		f->operator_lost = 0;
	f->operator_doc = rules_of(f, f->own[0], POL_OPERATOR, old, &f->operator_lost);
	pol_doc_drop(&old);
}

/* ---- drafts ---- */

static void make_draft(struct flight *f)
{
	struct draft *draft = f->draft;
	const struct pol_source source = { .kind = draft->kind,
					   .name = STRV("draft"),
					   .spell = &f->rules->spell };
	struct flight_doc *doc = f->own[0];
	struct err err;

	if (!doc->code &&
	    pol_doc_parse(&source, draft->bytes, draft->report, &doc->code, draft->err) < 0) {
		draft->ret = -1;
		return;
	}
	pol_doc_drop(&draft->doc);
	if (pol_doc_bind(doc->code, lookup, f, &draft->doc, &err) < 0)
		f->failed = 1;
}

void flight_make(struct flight *f)
{
	f->got = CPM_GOT_DOC;
	if (f->kind == VALUE_DRAFT)
		make_draft(f);
	else if (f->kind == VALUE_USER)
		make_user(f);
	else if (f->kind == VALUE_GROUP)
		make_group(f);
	else
		make_operator(f);
	if (f->wants || f->failed) {
		cache_value_drop(&f->value);
		pol_doc_drop(&f->operator_doc);
	}
}
