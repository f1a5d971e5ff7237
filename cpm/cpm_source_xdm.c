/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/cpm_source_xdm.c - documents from the store of xdms/, and the index of groups
 *
 * See cpm_source_xdm.h. An entry of the index says who first claimed a group's URI: the oldest
 * claim counts. It is renewed when a document is published, not yet when it has changed, so that a
 * group is found throughout a change of it; whether the group is in the document still, the reader
 * of the document sees.
 */
#include "cpm/cpm_source_xdm.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/trace.h"

enum { CHAINS_FIRST = 256, OWNERS_PAGE = 500 };

#define NS_GROUPS "urn:oma:xml:poc:list-service"
#define GROUPS	  STRV("x/org.openmobilealliance.groups")

/* One claim: URI is in document NAME of OWNER since commit SINCE. */
struct claim {
	struct claim *next;
	uint64_t hash, since, version; /* VERSION: of the document that was read last */
	size_t n_uri, n_owner, n_name;
	char text[]; /* uri, owner, name */
};

struct cpm_source_xdm {
	struct kv *kv;
	struct xdm_store *store;
	struct auth_domains domains;
	void (*changed)(void *changed_arg, struct strv owner, struct strv name, uint64_t version);
	void *changed_arg;

	pthread_mutex_t lock;
	uint64_t seed;
	struct claim **chain;
	size_t n_chains, n;
};

/* ---- documents ---- */

struct get {
	struct xdm_find find;
	cpm_got_fn *got;
	void *got_arg;
	char text[]; /* owner, name */
};

static void give(struct xdm_doc *doc, enum kv_status status, cpm_got_fn *got, void *got_arg)
{
	struct arena *arena = doc && doc->doc ? arena_new(0) : NULL;
	struct strv bytes = { NULL, 0 };
	struct xcap_spot spot;

	if (arena) {
		xcap_doc_spot(doc->doc, &spot);
		bytes = xcap_spot_slice(&spot, arena);
	}
	if (status == KV_DONE && doc && !doc->doc)
		got(got_arg, CPM_GOT_ABSENT, bytes, doc->value.version);
	else if (bytes.n)
		got(got_arg, CPM_GOT_DOC, bytes, doc->value.version);
	else
		got(got_arg, CPM_GOT_BUSY, bytes, 0);
	arena_free(&arena);
	if (doc)
		xdm_doc_drop(&doc);
}

static void on_found(struct xdm_find *find, struct xdm_doc *doc, enum kv_status status)
{
	struct get *get = (struct get *)(void *)find;

	give(doc, status, get->got, get->got_arg);
	free(get);
}

static void get(void *arg, struct strv owner, struct strv name, cpm_got_fn *got, void *got_arg)
{
	struct cpm_source_xdm *xdm = arg;
	struct get *get;

	if (!worker_self()) {
		struct xdm_doc *doc = NULL;
		enum kv_status status = xdm_find_sync(xdm->store, owner, name, &doc);

		give(doc, status, got, got_arg);
		return;
	}
	get = calloc(1, sizeof(*get) + owner.n + name.n);
	if (!get) {
		got(got_arg, CPM_GOT_BUSY, strv_mem(NULL, 0), 0);
		return;
	}
	memcpy(get->text, owner.p, owner.n);
	memcpy(get->text + owner.n, name.p, name.n);
	get->find.owner = strv_mem(get->text, owner.n);
	get->find.name = strv_mem(get->text + owner.n, name.n);
	get->find.done = on_found;
	get->got = got;
	get->got_arg = got_arg;
	xdm_find(xdm->store, &get->find);
}

static int watch(void *arg,
		 void (*changed)(void *changed_arg, struct strv owner, struct strv name,
				 uint64_t version),
		 void *changed_arg)
{
	struct cpm_source_xdm *xdm = arg;

	if (xdm->changed)
		return -1;
	xdm->changed_arg = changed_arg;
	xdm->changed = changed;
	return 0;
}

/* ---- the index ---- */

static uint64_t hash_of(const struct cpm_source_xdm *xdm, struct strv uri)
{
	uint64_t h = xdm->seed;

	for (size_t i = 0; i < uri.n; i++)
		h = (h ^ (unsigned char)uri.p[i]) * UINT64_C(0x100000001b3);
	return h ^ h >> 29;
}

static struct strv uri_of(const struct claim *claim)
{
	return strv_mem(claim->text, claim->n_uri);
}

static struct strv owner_of(const struct claim *claim)
{
	return strv_mem(claim->text + claim->n_uri, claim->n_owner);
}

static struct strv name_of(const struct claim *claim)
{
	return strv_mem(claim->text + claim->n_uri + claim->n_owner, claim->n_name);
}

static int is_by(const struct claim *claim, struct strv owner, struct strv name)
{
	return strv_eq(owner_of(claim), owner) && (!name.n || strv_eq(name_of(claim), name));
}

/* Twice the chains when they have become long; when memory is short they stay long. */
static void grow(struct cpm_source_xdm *xdm)
{
	size_t n = 2 * xdm->n_chains;
	struct claim **chain = calloc(n, sizeof(struct claim *));

	if (!chain)
		return;
	for (size_t i = 0; i < xdm->n_chains; i++)
		while (xdm->chain[i]) {
			struct claim *claim = xdm->chain[i];

			xdm->chain[i] = claim->next;
			claim->next = chain[claim->hash % n];
			chain[claim->hash % n] = claim;
		}
	free(xdm->chain);
	xdm->chain = chain;
	xdm->n_chains = n;
}

static void put_claim(struct cpm_source_xdm *xdm, struct strv uri, struct strv owner,
		      struct strv name, uint64_t version)
{
	uint64_t hash = hash_of(xdm, uri);
	struct claim *claim = xdm->chain[hash % xdm->n_chains];

	while (claim &&
	       !(claim->hash == hash && strv_eq(uri_of(claim), uri) && is_by(claim, owner, name)))
		claim = claim->next;
	if (claim) {
		if (claim->version < version)
			claim->version = version;
		return;
	}
	claim = calloc(1, sizeof(*claim) + uri.n + owner.n + name.n);
	if (!claim) {
		log_error(LOG_CPM, "no memory for the index of groups", L_SV("group", uri));
		return;
	}
	claim->hash = hash;
	claim->since = claim->version = version;
	claim->n_uri = uri.n;
	claim->n_owner = owner.n;
	claim->n_name = name.n;
	memcpy(claim->text, uri.p, uri.n);
	memcpy(claim->text + uri.n, owner.p, owner.n);
	memcpy(claim->text + uri.n + owner.n, name.p, name.n);
	if (xdm->n >= xdm->n_chains)
		grow(xdm);
	claim->next = xdm->chain[hash % xdm->n_chains];
	xdm->chain[hash % xdm->n_chains] = claim;
	xdm->n++;
}

/* Take away what the document no longer has: claims of before VERSION. */
static void drop_claims(struct cpm_source_xdm *xdm, struct strv owner, struct strv name,
			uint64_t version)
{
	for (size_t i = 0; i < xdm->n_chains; i++)
		for (struct claim **at = &xdm->chain[i], *claim; (claim = *at);) {
			if (claim->version < version && is_by(claim, owner, name)) {
				*at = claim->next;
				free(claim);
				xdm->n--;
			} else {
				at = &claim->next;
			}
		}
}

/* The group URIs of DOC, to the index. */
static void read_claims(struct cpm_source_xdm *xdm, struct strv owner, struct strv name,
			const struct xdm_doc *doc, struct arena *arena)
{
	const struct xcap_name group = { STRV(NS_GROUPS), STRV("group") };
	const struct xcap_name service = { STRV(NS_GROUPS), STRV("list-service") };
	const struct xcap_name attr = { { NULL, 0 }, STRV("uri") };
	struct xcap_spot top, root, spot;

	xcap_doc_spot(doc->doc, &top);
	if (!xcap_child_nth(&top, &group, 1, &root))
		return;
	for (unsigned i = 1; xcap_child_nth(&root, &service, i, &spot); i++) {
		struct auth_identity identity;
		struct strv raw, uri;

		if (!xcap_spot_attr(&spot, &attr, &raw) ||
		    xcap_attvalue_decode(raw, arena, &uri) < 0 ||
		    auth_identity_parse(strv_trim(uri), &xdm->domains, &identity, NULL) < 0)
			continue;
		put_claim(xdm, auth_identity_text(&identity), owner, name, doc->value.version);
	}
}

static int is_group(struct strv name)
{
	return strv_starts(name, GROUPS) && name.n > GROUPS.n && name.p[GROUPS.n] == '/';
}

static void renew(struct cpm_source_xdm *xdm, struct strv owner, struct strv name,
		  const struct xdm_doc *doc)
{
	struct arena *arena = arena_new(0);

	if (!arena) {
		log_error(LOG_CPM, "no memory for the index of groups", L_SV("owner", owner));
		return;
	}
	pthread_mutex_lock(&xdm->lock);
	if (doc->doc)
		read_claims(xdm, owner, name, doc, arena);
	drop_claims(xdm, owner, name, doc->value.version);
	pthread_mutex_unlock(&xdm->lock);
	arena_free(&arena);
}

static void group(void *arg, struct strv uri,
		  void (*found)(void *found_arg, enum cpm_got got, struct strv owner,
				struct strv name),
		  void *found_arg)
{
	struct cpm_source_xdm *xdm = arg;
	struct strv none = { NULL, 0 }, owner = none, name = none;
	uint64_t hash = hash_of(xdm, uri);
	const struct claim *oldest = NULL;
	char text[KV_OWNER_MAX + KV_NAME_MAX];

	pthread_mutex_lock(&xdm->lock);
	for (const struct claim *claim = xdm->chain[hash % xdm->n_chains]; claim;
	     claim = claim->next)
		if (claim->hash == hash && strv_eq(uri_of(claim), uri) &&
		    (!oldest || claim->since < oldest->since))
			oldest = claim;
	if (oldest) {
		memcpy(text, oldest->text + oldest->n_uri, oldest->n_owner + oldest->n_name);
		owner = strv_mem(text, oldest->n_owner);
		name = strv_mem(text + oldest->n_owner, oldest->n_name);
	}
	pthread_mutex_unlock(&xdm->lock);
	found(found_arg, owner.n ? CPM_GOT_DOC : CPM_GOT_ABSENT, owner, name);
}

/* ---- changes ---- */

static void on_changed(void *arg, struct strv owner, struct strv name, uint64_t seq)
{
	struct cpm_source_xdm *xdm = arg;

	if (!name.n) {
		pthread_mutex_lock(&xdm->lock);
		drop_claims(xdm, owner, name, seq);
		pthread_mutex_unlock(&xdm->lock);
	}
	if (xdm->changed)
		xdm->changed(xdm->changed_arg, owner, name, seq);
}

static void on_published(void *arg, struct strv owner, struct strv name, const struct xdm_doc *doc)
{
	if (is_group(name))
		renew(arg, owner, name, doc);
}

/* ---- open and close ---- */

static int read_owner(struct cpm_source_xdm *xdm, struct strv owner, struct arena *arena)
{
	struct strv name = GROUPS;
	enum kv_status status;
	uint64_t version;

	for (;;) {
		struct xdm_doc *doc;

		status = xdm_next_sync(xdm->store, owner, name, arena, &name, &version);
		if (status != KV_DONE || !name.n || !is_group(name))
			return status == KV_DONE ? 0 : -1;
		if (xdm_find_sync(xdm->store, owner, name, &doc) != KV_DONE)
			continue; /* it is damaged, and has been said to be */
		renew(xdm, owner, name, doc);
		xdm_doc_drop(&doc);
	}
}

static int read_all(struct cpm_source_xdm *xdm, struct err *err)
{
	struct strv after = { NULL, 0 }, *owner;
	char last[KV_OWNER_MAX];
	unsigned n;

	do {
		struct arena *arena = arena_new(0);
		int ret =
			arena ? kv_owners_sync(xdm->kv, after, OWNERS_PAGE, arena, &owner, &n, err)
			      : err_set(err, ERR_NOMEM, "no memory for the index of groups");

		for (unsigned i = 0; ret == 0 && i < n; i++)
			if (read_owner(xdm, owner[i], arena) < 0)
				ret = err_set(err, ERR_IO, "the groups of %.*s cannot be read",
					      STRV_ARG(owner[i]));
		if (ret == 0 && n) {
			after = strv_mem(last, owner[n - 1].n);
			memcpy(last, owner[n - 1].p, after.n);
		}
		arena_free(&arena);
		if (ret < 0)
			return -1;
	} while (n == OWNERS_PAGE);
	return 0;
}

int cpm_source_xdm_new(struct kv *kv, struct xdm_store *store, const struct auth_domains *domains,
		       struct cpm_source_xdm **xdm_out, struct err *err)
{
	struct cpm_source_xdm *xdm = calloc(1, sizeof(*xdm));
	struct xdm_hook hook = { .changed = on_changed, .published = on_published, .arg = xdm };

	*xdm_out = NULL;
	if (xdm) {
		pthread_mutex_init(&xdm->lock, NULL);
		xdm->chain = calloc(CHAINS_FIRST, sizeof(struct claim *));
	}
	if (!xdm || !xdm->chain) {
		cpm_source_xdm_free(&xdm);
		return err_set(err, ERR_NOMEM, "no memory for the index of groups");
	}
	xdm->kv = kv;
	xdm->store = store;
	xdm->domains = *domains;
	xdm->n_chains = CHAINS_FIRST;
	xdm->seed = trace_random() | 1;
	if (read_all(xdm, err) < 0 || xdm_store_hook(store, &hook, err) < 0) {
		cpm_source_xdm_free(&xdm);
		return -1;
	}
	*xdm_out = xdm;
	return 0;
}

void cpm_source_xdm_free(struct cpm_source_xdm **xdm_at)
{
	struct cpm_source_xdm *xdm = *xdm_at;

	*xdm_at = NULL;
	if (!xdm)
		return;
	for (size_t i = 0; i < xdm->n_chains; i++)
		while (xdm->chain[i]) {
			struct claim *claim = xdm->chain[i];

			xdm->chain[i] = claim->next;
			free(claim);
		}
	free(xdm->chain);
	pthread_mutex_destroy(&xdm->lock);
	free(xdm);
}

void cpm_source_xdm_fill(struct cpm_source_xdm *xdm, struct cpm_source *source_out)
{
	*source_out = (struct cpm_source){ .get = get, .watch = watch, .group = group, .arg = xdm };
}
