/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xdm_notify_watch.c - what the watches of a subscriber tell, kept until it is told on
 *
 * See xdm_notify.h. What is found in a collection and what its watch tells come in any order: each
 * document knows the commit up to which it is known, and older news is none.
 */
#include <stdlib.h>

#include "base/log.h"
#include "xdms/xdm_notify_priv.h"

enum { NOTED_FIRST = 8, FOUND_FIRST = 16 };

/* ---- documents ---- */

static uint32_t hash_of(struct strv owner, struct strv name)
{
	return xcap_hash(xcap_hash(xcap_hash(XCAP_HASH_START, owner), STRV("\n")), name);
}

static struct noted *find_noted(const struct xdm_notify *notify, struct strv owner,
				struct strv name)
{
	uint32_t hash = hash_of(owner, name);

	for (unsigned i = 0; i < notify->n_noted; i++) {
		struct noted *noted = notify->noted[i];

		if (noted->hash == hash && strv_eq(noted->name, name) &&
		    strv_eq(noted->owner, owner))
			return noted;
	}
	return NULL;
}

static struct strv put(char **at, struct strv s)
{
	char *from = *at;

	if (s.n)
		*at = mempcpy(from, s.p, s.n);
	return strv_mem(from, s.n);
}

static struct noted *noted_new(struct xdm_notify *notify, struct strv owner, struct strv name,
			       struct strv sel)
{
	struct noted *noted = calloc(1, sizeof(*noted) + owner.n + name.n + sel.n);
	char *at;

	if (!noted)
		return NULL;
	if (notify->n_noted == notify->cap_noted) {
		unsigned cap = notify->cap_noted ? notify->cap_noted * 2 : NOTED_FIRST;
		struct noted **more = realloc(notify->noted, cap * sizeof(struct noted *));

		if (!more) {
			free(noted);
			return NULL;
		}
		notify->noted = more;
		notify->cap_noted = cap;
	}
	at = (char *)(noted + 1);
	noted->owner = put(&at, owner);
	noted->name = put(&at, name);
	noted->sel = put(&at, sel);
	noted->hash = hash_of(owner, name);
	notify->noted[notify->n_noted++] = noted;
	return noted;
}

struct noted *notify_note(struct xdm_notify *notify, struct strv owner, struct strv name,
			  struct strv sel)
{
	struct noted *noted = find_noted(notify, owner, name);

	return noted ? noted : noted_new(notify, owner, name, sel);
}

/* The first N changes have been told, or do not matter any more. */
void noted_forget_changes(struct noted *noted, unsigned n)
{
	if (n > noted->n)
		n = noted->n;
	for (unsigned i = 0; i < n; i++)
		xdm_change_drop(&noted->change[i]);
	noted->n -= n;
	if (noted->n)
		memmove(noted->change, noted->change + n, noted->n * sizeof(struct xdm_change *));
	noted->n_out = noted->n_out > n ? noted->n_out - n : 0;
}

static void noted_free(struct noted *noted)
{
	noted_forget_changes(noted, noted->n);
	free(noted->change);
	free(noted);
}

void notify_prune(struct xdm_notify *notify)
{
	unsigned n = 0;

	for (unsigned i = 0; i < notify->n_noted; i++) {
		struct noted *noted = notify->noted[i];

		if (!noted->is_named && !noted->now && !noted->told && !noted->n && !noted->is_out)
			noted_free(noted);
		else
			notify->noted[n++] = noted;
	}
	notify->n_noted = n;
}

static void lose(struct noted *noted)
{
	noted_forget_changes(noted, noted->n);
	noted->lost = 1;
}

static int keep_change(struct noted *noted, const struct xdm_change *change)
{
	if (noted->n == noted->cap) {
		unsigned cap = noted->cap ? noted->cap * 2 : 4;
		struct xdm_change **more =
			realloc(noted->change, cap * sizeof(struct xdm_change *));

		if (!more)
			return -1;
		noted->change = more;
		noted->cap = cap;
	}
	noted->change[noted->n++] = xdm_change_hold(change);
	return 0;
}

static void take_change(struct noted *noted, const struct xdm_change *change)
{
	if (change->seq <= noted->seq)
		return;
	noted->seq = change->seq;
	noted->now = change->version;
	if (!noted->lost && (noted->n == NOTIFY_CHANGES_MAX || keep_change(noted, change) < 0))
		lose(noted);
}

/* The document was found in VERSION (0: it is not there), as of commit SEQ. */
static void take_state(struct noted *noted, uint64_t version, uint64_t seq)
{
	if (seq <= noted->seq)
		return;
	noted->seq = seq;
	if (version == noted->now)
		return;
	noted->now = version;
	lose(noted);
}

/* ---- news ---- */

static int has_news(const struct noted *noted)
{
	if (noted->whole)
		return noted->now != 0;
	return noted->lost ? noted->now != noted->told : noted->n > 0;
}

int notify_has_news(const struct xdm_notify *notify)
{
	if (notify->must)
		return 1;
	for (unsigned i = 0; i < notify->n_noted; i++)
		if (has_news(notify->noted[i]))
			return 1;
	for (unsigned i = 0; i < notify->n_sources; i++)
		if (notify->source[i].tell)
			return 1;
	return 0;
}

void notify_mark_whole(struct xdm_notify *notify)
{
	notify->whole = 0;
	notify->must = 1;
	notify->out_must = 0; /* what is under way is not it */
	for (unsigned i = 0; i < notify->n_noted; i++) {
		notify->noted[i]->whole = 1;
		notify->noted[i]->out_whole = 0;
	}
	for (unsigned i = 0; i < notify->n_sources; i++) {
		struct source *source = &notify->source[i];

		source->is_out = 0;
		if (source->interest.kind == XCAP_INTEREST_NODE)
			source->tell = source->hash != 0;
	}
}

/* Something has come. */
static void news(struct xdm_notify *notify)
{
	if (!notify->is_resolved || (notify->whole && notify->n_waiting))
		return;
	if (notify->whole)
		notify_mark_whole(notify);
	if (notify_has_news(notify))
		notify->ops->ready(notify->arg);
}

static void has_begun(struct source *source)
{
	if (source->waits)
		source->notify->n_waiting--;
	source->waits = 0;
}

/* ---- a document's watch ---- */

static void on_document(void *arg, struct xdm_watch *watch, const struct xdm_watch_event *event)
{
	struct source *source = arg;
	struct xdm_notify *notify = notify_hold(source->notify);
	struct noted *noted = source->noted;

	(void)watch;
	switch (event->kind) {
	case XDM_WATCH_BEGINS:
		noted->now = noted->seq = event->version;
		has_begun(source);
		break;
	case XDM_WATCH_STARTS_OVER:
		noted->now = event->version;
		if (event->version > noted->seq)
			noted->seq = event->version;
		lose(noted);
		has_begun(source);
		break;
	case XDM_WATCH_CHANGES:
		for (unsigned i = 0; i < event->n; i++)
			take_change(noted, event->change[i]);
		break;
	case XDM_WATCH_NODE_STATE:
		break;
	}
	news(notify);
	notify_drop(notify);
}

/* ---- a node's ---- */

/* FNV-1a in 64 bits, never 0. */
static uint64_t hash_entry(const struct xcap_diff_entry *entry)
{
	uint64_t hash = 14695981039346656037ULL;

	for (size_t i = 0; i < entry->content.n; i++)
		hash = (hash ^ (unsigned char)entry->content.p[i]) * 1099511628211ULL;
	return hash ? hash : 1;
}

static void forget_content(struct source *source)
{
	xcap_ns_drop(&source->entry.ns);
	memset(&source->entry, 0, sizeof(source->entry));
	arena_free(&source->content);
}

/* The state outlives the event. */
static int copy_entry(struct source *source, const struct xdm_watch_event *event, struct strv sel)
{
	struct strv content;
	const char *copy;

	if (xdm_diff_node(event, sel, NOTIFY_NODE_BYTES, source->content, &source->entry) < 0)
		return -1;
	content = source->entry.content;
	if (!content.n || arena_owns(source->content, content.p))
		return 0;
	copy = arena_strdup(source->content, content);
	source->entry.content = strv_mem(copy, copy ? content.n : 0);
	return copy ? 0 : -1;
}

static void on_node(void *arg, struct xdm_watch *watch, const struct xdm_watch_event *event)
{
	struct source *source = arg;
	struct xdm_notify *notify = notify_hold(source->notify);
	struct strv sel = notify->uri[source->uri].uri;

	(void)watch;
	forget_content(source);
	source->content = arena_new(0);
	if (source->content && copy_entry(source, event, sel) == 0) {
		/* A large one is told of by being there: its version stands for it. */
		source->hash = !event->exists		 ? 0
			       : source->entry.content.n ? hash_entry(&source->entry)
							 : event->version | 1;
		source->tell = source->hash != source->told_hash || (notify->whole && source->hash);
	} else {
		log_warn(LOG_KV, "no memory to tell of a node", L_SV("owner", notify->watcher));
	}
	has_begun(source);
	news(notify);
	notify_drop(notify);
}

/* ---- a collection's ---- */

/* The documents of a collection, looked for on a job thread. */
struct listing {
	struct job job;
	struct xdm_notify *notify;
	unsigned turn, index;
	struct xdm_store *store;
	struct arena *arena;
	struct strv owner, prefix;
	struct {
		struct strv name;
		uint64_t version;
	} * found;
	unsigned n, cap, max;
	int failed, too_many;
};

static int add_found(struct listing *listing, struct strv name, uint64_t version)
{
	if (listing->n == listing->cap) {
		unsigned cap = listing->cap ? listing->cap * 2 : FOUND_FIRST;
		void *more = arena_zalloc(listing->arena, cap, sizeof(*listing->found));

		if (!more)
			return -1;
		if (listing->n)
			memcpy(more, listing->found, listing->n * sizeof(*listing->found));
		listing->found = more;
		listing->cap = cap;
	}
	listing->found[listing->n].name = name;
	listing->found[listing->n++].version = version;
	return 0;
}

static void listing_run(struct job *job)
{
	struct listing *listing = (struct listing *)(void *)job;
	struct strv after = listing->prefix;
	uint64_t version;

	for (;;) {
		struct strv name;

		if (xdm_next_sync(listing->store, listing->owner, after, listing->arena, &name,
				  &version) != KV_DONE) {
			listing->failed = 1;
			return;
		}
		if (!name.n || !strv_starts(name, listing->prefix))
			return;
		if (listing->n == listing->max) {
			listing->too_many = 1;
			return;
		}
		if (add_found(listing, name, version) < 0) {
			listing->failed = 1;
			return;
		}
		after = name;
	}
}

static int may_read(const struct xdm_notify *notify, struct strv owner, struct strv name)
{
	const struct xcap_who who = { notify->identity[0], notify->identity[0],
				      notify->is_operator };
	struct arena *arena = arena_new(0);
	int may = arena && xcap_interest_may_read(notify->options->rules, owner, name, &who, arena);

	arena_free(&arena);
	return may;
}

/* The document of a collection, as it is told; NULL: it is none for this watcher, or there is no
 * memory or no room for it (FAILED_OUT then). */
static struct noted *note_of(struct xdm_notify *notify, struct strv owner, struct strv name,
			     int *failed_out)
{
	struct noted *noted = find_noted(notify, owner, name);
	struct arena *arena;
	struct strv sel;

	if (noted || !may_read(notify, owner, name))
		return noted;
	arena = arena_new(0);
	sel = arena ? xdm_diff_sel(owner, name, arena) : STRV("");
	if (sel.n && notify->n_noted < notify->options->max_documents)
		noted = noted_new(notify, owner, name, sel);
	*failed_out |= !noted;
	arena_free(&arena);
	return noted;
}

/* What was found, and what was not. */
static int take_listing(struct xdm_notify *notify, const struct source *source,
			const struct listing *listing)
{
	int failed = 0;

	for (unsigned i = 0; i < listing->n; i++) {
		uint64_t version = listing->found[i].version;
		struct noted *noted =
			note_of(notify, listing->owner, listing->found[i].name, &failed);

		if (noted)
			take_state(noted, version, version);
	}
	for (unsigned i = 0; i < notify->n_noted; i++) {
		struct noted *noted = notify->noted[i];
		int is_found = 0;

		if (!strv_eq(noted->owner, listing->owner) ||
		    !strv_starts(noted->name, listing->prefix))
			continue;
		for (unsigned k = 0; k < listing->n && !is_found; k++)
			is_found = strv_eq(noted->name, listing->found[k].name);
		/* As of where the watch begins; what came later, it tells. */
		if (!is_found && noted->seq <= source->seen && noted->now) {
			noted->now = 0;
			lose(noted);
		}
	}
	return failed ? -1 : 0;
}

static void end_for(struct xdm_notify *notify, const char *reason, const char *why)
{
	log_info(LOG_SIP, "a subscription to documents ends", L_SV("watcher", notify->watcher),
		 L_STR("why", why));
	notify->ops->ended(notify->arg, reason);
}

static void listing_done(struct job *job)
{
	struct listing *listing = (struct listing *)(void *)job;
	struct xdm_notify *notify = listing->notify;

	if (!notify->dead && listing->turn == notify->turn) {
		struct source *source = &notify->source[listing->index];

		if (listing->too_many) {
			end_for(notify, "rejected", "too many documents");
		} else if (listing->failed || take_listing(notify, source, listing) < 0) {
			end_for(notify, "deactivated", "a collection cannot be read");
		} else {
			has_begun(source);
			news(notify);
		}
	}
	notify_drop(notify);
	arena_free(&listing->arena);
	free(listing);
}

static void list(struct source *source)
{
	struct xdm_notify *notify = source->notify;
	struct listing *listing = calloc(1, sizeof(*listing));
	struct arena *arena = arena_new(0);
	const char *owner = arena ? arena_strdup(arena, source->interest.owner) : NULL;
	const char *name = owner ? arena_strdup(arena, source->interest.name) : NULL;

	if (listing && name) {
		*listing = (struct listing){ .job = { .run = listing_run, .done = listing_done },
					     .notify = notify_hold(notify),
					     .turn = notify->turn,
					     .index = (unsigned)(source - notify->source),
					     .store = notify->options->store,
					     .arena = arena,
					     .owner = { owner, source->interest.owner.n },
					     .prefix = { name, source->interest.name.n },
					     .max = notify->options->max_documents };
		if (jobs_submit(xdm_store_jobs(listing->store), &listing->job) == 0)
			return;
		notify_drop(notify);
	}
	free(listing);
	arena_free(&arena);
	end_for(notify, "deactivated", "busy");
}

static void take_changes(struct source *source, const struct xdm_watch_event *event, int *failed)
{
	struct xdm_notify *notify = source->notify;

	for (unsigned i = 0; i < event->n; i++) {
		const struct xdm_change *change = event->change[i];
		struct noted *noted;

		if (change->seq > source->seen)
			source->seen = change->seq;
		if (!change->name.n) { /* all at once */
			for (unsigned k = 0; k < notify->n_noted; k++)
				if (strv_eq(notify->noted[k]->owner, change->owner) &&
				    strv_starts(notify->noted[k]->name, source->interest.name))
					take_change(notify->noted[k], change);
			continue;
		}
		noted = note_of(notify, change->owner, change->name, failed);
		/* Not seen yet since the start: what it was, this change says. */
		if (noted && notify->resumes && !noted->seq)
			noted->told = noted->now = noted->seq = change->old_version;
		if (noted)
			take_change(noted, change);
	}
}

static void on_collection(void *arg, struct xdm_watch *watch, const struct xdm_watch_event *event)
{
	struct source *source = arg;
	struct xdm_notify *notify = notify_hold(source->notify);
	int failed = 0;

	(void)watch;
	switch (event->kind) {
	case XDM_WATCH_BEGINS:
		source->seen = event->version;
		if (!notify->resumes)
			list(source);
		else
			has_begun(source);
		break;
	case XDM_WATCH_STARTS_OVER:
		source->seen = event->version;
		/* What was told before the start is known by its changes only. */
		if (notify->resumes)
			end_for(notify, "deactivated", "the journal does not go back so far");
		else
			list(source);
		break;
	case XDM_WATCH_CHANGES:
		take_changes(source, event, &failed);
		break;
	case XDM_WATCH_NODE_STATE:
		break;
	}
	if (failed && !notify->dead)
		end_for(notify, "rejected", "too many documents");
	else if (!notify->dead)
		news(notify);
	notify_drop(notify);
}

/* ---- begin, end ---- */

static int watch_one(struct xdm_notify *notify, struct source *source)
{
	const struct xcap_interest *in = &source->interest;
	const struct asked_uri *asked = &notify->uri[source->uri];
	struct xdm_watch_spec spec = { .owner = in->owner, .name = in->name };
	xdm_watch_fn *fn = on_collection;
	struct err err;

	if (in->kind == XCAP_INTEREST_DOCUMENT) {
		spec.kind = XDM_WATCH_DOCUMENT;
		fn = on_document;
		source->noted = notify_note(notify, in->owner, in->name, asked->uri);
		if (!source->noted)
			return -1;
		source->noted->is_named = 1;
		if (notify->resumes && asked->has_kept)
			source->noted->told = source->noted->now = asked->kept[source->half];
	} else if (in->kind == XCAP_INTEREST_NODE) {
		spec.kind = XDM_WATCH_NODE;
		spec.node = in->node;
		spec.query = in->query;
		spec.default_ns = in->default_ns;
		fn = on_node;
		source->told_hash =
			notify->resumes && asked->has_kept ? asked->kept[source->half] : 0;
	} else {
		spec.kind = XDM_WATCH_COLLECTION;
		source->told_seen = asked->kept[source->half];
	}
	spec.has_since = notify->resumes && asked->has_kept && in->kind != XCAP_INTEREST_NODE;
	spec.since = asked->kept[source->half];
	source->watch = xdm_watch_new(notify->options->watches, &spec, fn, source, &err);
	if (!source->watch)
		return err.code == ERR_NOMEM ? -1 : 0; /* else it never comes to be */
	source->waits = 1;
	notify->n_waiting++;
	return 0;
}

int notify_watch(struct xdm_notify *notify)
{
	notify->n_waiting = 0;
	for (unsigned i = 0; i < notify->n_sources; i++)
		if (watch_one(notify, &notify->source[i]) < 0)
			return -1;
	return 0;
}

void notify_forget(struct xdm_notify *notify)
{
	for (unsigned i = 0; i < notify->n_sources; i++) {
		xdm_watch_free(&notify->source[i].watch);
		forget_content(&notify->source[i]);
	}
	for (unsigned i = 0; i < notify->n_noted; i++)
		noted_free(notify->noted[i]);
	free(notify->noted);
	notify->noted = NULL;
	notify->n_noted = notify->cap_noted = 0;
	notify->source = NULL;
	notify->n_sources = notify->n_waiting = 0;
	notify->is_resolved = 0;
	notify_free_guards(notify);
}
