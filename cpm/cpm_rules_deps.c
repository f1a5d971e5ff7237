/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/cpm_rules_deps.c - which values were made of which document, and documents that are bad
 *
 * See cpm_rules_priv.h. A value owns its entries in the index and takes them along when it goes, so
 * that the index is as large as what is cached. A user's own documents are not in it: their names
 * are known.
 */
#include "cpm/cpm_rules_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/trace.h"

/* Who names documents cannot make a chain long. Set before there are threads. */
static uint64_t seed;

struct dep_doc {
	struct dep_doc *next;
	uint64_t hash;
	struct dep *first;
	size_t n_owner, n_name;
	char text[]; /* owner, name */
};

static uint64_t hash_more(uint64_t h, struct strv s)
{
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
	return h;
}

static uint64_t hash_of(struct strv owner, struct strv name)
{
	uint64_t h = hash_more(hash_more(seed, owner) * 31, name);

	return h ^ h >> 31;
}

static int is_doc(const char *text, size_t n_owner, size_t n_name, struct strv owner,
		  struct strv name)
{
	return strv_eq(strv_mem(text, n_owner), owner) &&
	       strv_eq(strv_mem(text + n_owner, n_name), name);
}

int deps_init(struct deps *deps)
{
	seed = trace_random() | 1;
	return pthread_mutex_init(&deps->lock, NULL) == 0 ? 0 : -1;
}

void deps_fini(struct deps *deps)
{
	pthread_mutex_destroy(&deps->lock);
}

static struct dep_doc *find_doc(struct deps *deps, uint64_t hash, struct strv owner,
				struct strv name)
{
	struct dep_doc *doc = deps->chain[hash % DEP_CHAINS];

	while (doc &&
	       (doc->hash != hash || !is_doc(doc->text, doc->n_owner, doc->n_name, owner, name)))
		doc = doc->next;
	return doc;
}

static struct dep_doc *add_doc(struct deps *deps, uint64_t hash, struct strv owner,
			       struct strv name)
{
	struct dep_doc *doc = calloc(1, sizeof(*doc) + owner.n + name.n);

	if (!doc)
		return NULL;
	doc->hash = hash;
	doc->n_owner = owner.n;
	doc->n_name = name.n;
	memcpy(doc->text, owner.p, owner.n);
	memcpy(doc->text + owner.n, name.p, name.n);
	doc->next = deps->chain[hash % DEP_CHAINS];
	deps->chain[hash % DEP_CHAINS] = doc;
	return doc;
}

struct dep *deps_add(struct deps *deps, struct strv owner, struct strv name, struct strv key)
{
	struct dep *dep = calloc(1, sizeof(*dep) + key.n);
	uint64_t hash = hash_of(owner, name);

	if (!dep)
		return NULL;
	dep->n = key.n;
	memcpy(dep->key, key.p, key.n);
	pthread_mutex_lock(&deps->lock);
	dep->doc = find_doc(deps, hash, owner, name);
	if (!dep->doc)
		dep->doc = add_doc(deps, hash, owner, name);
	if (dep->doc) {
		dep->next = dep->doc->first;
		if (dep->next)
			dep->next->prev = dep;
		dep->doc->first = dep;
	}
	pthread_mutex_unlock(&deps->lock);
	if (!dep->doc) {
		free(dep);
		return NULL;
	}
	return dep;
}

static void drop_one(struct deps *deps, struct dep *dep)
{
	struct dep_doc *doc = dep->doc, **at;

	if (dep->prev)
		dep->prev->next = dep->next;
	else
		doc->first = dep->next;
	if (dep->next)
		dep->next->prev = dep->prev;
	free(dep);
	if (doc->first)
		return;
	for (at = &deps->chain[doc->hash % DEP_CHAINS]; *at != doc; at = &(*at)->next)
		;
	*at = doc->next;
	free(doc);
}

void deps_drop(struct deps *deps, struct dep **list)
{
	struct dep *dep = *list;

	*list = NULL;
	if (!dep)
		return;
	pthread_mutex_lock(&deps->lock);
	while (dep) {
		struct dep *next = dep->next_of_value;

		drop_one(deps, dep);
		dep = next;
	}
	pthread_mutex_unlock(&deps->lock);
}

static void tell(const struct dep_doc *doc, void (*fn)(void *arg, struct strv key), void *arg)
{
	for (const struct dep *dep = doc->first; dep; dep = dep->next)
		fn(arg, strv_mem(dep->key, dep->n));
}

void deps_each(struct deps *deps, struct strv owner, struct strv name,
	       void (*fn)(void *arg, struct strv key), void *arg)
{
	const struct dep_doc *doc;

	pthread_mutex_lock(&deps->lock);
	if (name.n) {
		doc = find_doc(deps, hash_of(owner, name), owner, name);
		if (doc)
			tell(doc, fn, arg);
	} else { /* somebody is erased: rare */
		for (unsigned i = 0; i < DEP_CHAINS; i++)
			for (doc = deps->chain[i]; doc; doc = doc->next)
				if (strv_eq(strv_mem(doc->text, doc->n_owner), owner))
					tell(doc, fn, arg);
	}
	pthread_mutex_unlock(&deps->lock);
}

/* ---- documents that are bad ---- */

static struct bad_doc **bad_find(struct cpm_rules *rules, struct strv owner, struct strv name)
{
	uint64_t hash = hash_of(owner, name);
	struct bad_doc **at = &rules->bad[hash % BAD_CHAINS];

	while (*at && ((*at)->hash != hash ||
		       !is_doc((*at)->text, (*at)->n_owner, (*at)->n_name, owner, name)))
		at = &(*at)->next;
	return at;
}

struct pol_doc *bad_good(struct cpm_rules *rules, struct strv owner, struct strv name)
{
	const struct bad_doc *bad = *bad_find(rules, owner, name);

	return bad ? pol_doc_hold(bad->good) : NULL;
}

int bad_note(struct cpm_rules *rules, struct strv owner, struct strv name, struct pol_doc *good,
	     const char *why)
{
	struct bad_doc **at = bad_find(rules, owner, name), *bad = *at;
	int is_new = !bad || bad->pending || strcmp(bad->why, why) != 0;

	if (!bad) {
		/* Who fills the table with bad documents loses the last good ones, no more. */
		if (rules->n_bad == BAD_MAX)
			return 0;
		bad = calloc(1, sizeof(*bad) + owner.n + name.n);
		if (!bad)
			return 0;
		bad->hash = hash_of(owner, name);
		bad->n_owner = owner.n;
		bad->n_name = name.n;
		memcpy(bad->text, owner.p, owner.n);
		memcpy(bad->text + owner.n, name.p, name.n);
		bad->next = *at;
		*at = bad;
		rules->n_bad++;
	}
	if (good && !bad->good)
		bad->good = pol_doc_hold(good);
	bad->pending = 0;
	snprintf(bad->why, sizeof(bad->why), "%s", why);
	return is_new;
}

struct pol_doc *bad_clear(struct cpm_rules *rules, struct strv owner, struct strv name)
{
	struct bad_doc **at = bad_find(rules, owner, name), *bad = *at;
	struct pol_doc *good;

	if (!bad)
		return NULL;
	*at = bad->next;
	rules->n_bad--;
	good = bad->good;
	free(bad);
	return good;
}

void bad_pending(struct cpm_rules *rules, struct strv owner, struct strv name)
{
	struct bad_doc *bad;

	if (!rules->n_bad)
		return;
	if (name.n) {
		bad = *bad_find(rules, owner, name);
		if (bad)
			bad->pending = 1;
		return;
	}
	for (unsigned i = 0; i < BAD_CHAINS; i++)
		for (bad = rules->bad[i]; bad; bad = bad->next)
			if (strv_eq(strv_mem(bad->text, bad->n_owner), owner))
				bad->pending = 1;
}

void bad_fini(struct cpm_rules *rules)
{
	for (unsigned i = 0; i < BAD_CHAINS; i++)
		while (rules->bad[i]) {
			struct bad_doc *bad = rules->bad[i];

			rules->bad[i] = bad->next;
			pol_doc_drop(&bad->good);
			free(bad);
		}
}
