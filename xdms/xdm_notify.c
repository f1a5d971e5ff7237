/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xdm_notify.c - a subscriber's life: its list, who it is, what that lets it see
 *
 * See xdm_notify.h. Who asks is looked up whenever the list is: rights that have changed are in
 * force from the next refresh or start on, permissions of other users' at once.
 */
#include "xdms/xdm_notify.h"

#include <stdlib.h>

#include "base/log.h"
#include "xdms/xdm_notify_priv.h"

/* A search for a user, of the watcher (INDEX = n_uris) or of an entry. */
struct search {
	struct xdm_notify *notify;
	unsigned turn, index;
};

struct xdm_notify *notify_hold(struct xdm_notify *notify)
{
	notify->refs++;
	return notify;
}

void notify_drop(struct xdm_notify *notify)
{
	if (--notify->refs)
		return;
	arena_free(&notify->list);
	free(notify);
}

struct xdm_notify *xdm_notify_new(const struct xdm_notify_options *options, struct worker *worker,
				  struct strv watcher, const struct xdm_notify_ops *ops, void *arg)
{
	struct xdm_notify *notify = calloc(1, sizeof(*notify) + watcher.n);

	if (!notify)
		return NULL;
	if (watcher.n)
		memcpy(notify + 1, watcher.p, watcher.n);
	notify->watcher = strv_mem(notify + 1, watcher.n);
	notify->options = options;
	notify->worker = worker;
	notify->ops = ops;
	notify->arg = arg;
	notify->refs = 1;
	return notify;
}

void xdm_notify_free(struct xdm_notify **at)
{
	struct xdm_notify *notify = *at;

	*at = NULL;
	if (!notify)
		return;
	notify->dead = 1;
	notify_forget(notify);
	notify_drop(notify);
}

void notify_end(struct xdm_notify *notify, const char *reason)
{
	if (!notify->dead)
		notify->ops->ended(notify->arg, reason);
}

/* ---- the list ---- */

static int is_same_list(const struct xdm_notify *notify, const struct strv *uri, unsigned n)
{
	unsigned k;

	if (n != notify->n_uris)
		return 0;
	for (unsigned i = 0; i < n; i++) { /* in any order (RFC 5875 s4.7) */
		for (k = 0; k < n && !strv_eq(uri[i], notify->uri[k].uri);)
			k++;
		if (k == n)
			return 0;
	}
	return 1;
}

/* Copy N entries into a new arena, the list's from now on. */
int notify_take_list(struct xdm_notify *notify, const struct strv *uri, unsigned n)
{
	struct arena *arena = arena_new(0);
	struct asked_uri *copy = arena ? arena_zalloc(arena, n + 1, sizeof(*copy)) : NULL;

	for (unsigned i = 0; copy && i < n; i++) {
		const char *text = arena_strdup(arena, uri[i]);

		if (text)
			copy[i].uri = strv_mem(text, uri[i].n);
		else
			copy = NULL;
	}
	if (!copy) {
		arena_free(&arena);
		return -1;
	}
	notify_forget(notify);
	arena_free(&notify->list);
	notify->list = arena;
	notify->uri = copy;
	notify->n_uris = n;
	notify->identity = NULL;
	notify->n_identities = 0;
	return 0;
}

/* ---- who asks ---- */

static void on_person(void *context, int found, const struct xdm_person *person);

static void look_for(struct xdm_notify *notify, unsigned index, struct strv identity)
{
	struct search *search = malloc(sizeof(*search));

	if (!search) {
		notify_end(notify, "deactivated");
		return;
	}
	*search = (struct search){ notify_hold(notify), notify->turn, index };
	notify->options->find(notify->options->find_arg, identity, on_person, search);
}

/* Find out who asks, then what the list means to them. */
static void resolve(struct xdm_notify *notify)
{
	notify->turn++;
	look_for(notify, notify->n_uris, notify->watcher);
}

static int has_same_rights(const struct xdm_notify *notify, const struct xdm_person *person)
{
	unsigned n = person ? person->n_identities : 1;

	if (!notify->identity || notify->is_operator != (person && person->is_operator) ||
	    n != notify->n_identities)
		return 0;
	for (unsigned i = 0; person && i < n; i++)
		if (!strv_eq(notify->identity[i], person->identity[i]))
			return 0;
	return person || strv_eq(notify->identity[0], notify->watcher);
}

static int take_person(struct xdm_notify *notify, const struct xdm_person *person)
{
	const struct strv *from = person ? person->identity : &notify->watcher;
	unsigned n = person ? person->n_identities : 1;

	notify->identity = arena_zalloc(notify->list, n, sizeof(*notify->identity));
	if (!notify->identity)
		return -1;
	for (unsigned i = 0; i < n; i++) {
		const char *text = arena_strdup(notify->list, from[i]);

		if (!text)
			return -1;
		notify->identity[i] = strv_mem(text, from[i].n);
	}
	notify->n_identities = n;
	notify->is_operator = person && person->is_operator;
	return 0;
}

/* ---- what the list means ---- */

static int add_source(struct xdm_notify *notify, const struct xcap_interest *interest, unsigned uri)
{
	struct source *source = &notify->source[notify->n_sources];

	*source = (struct source){ .notify = notify, .interest = *interest, .uri = uri };
	notify->n_sources++;
	if (interest->with_global) {
		source->interest.with_global = 0;
		source[1] = *source;
		source[1].interest.owner = STRV(XDM_GLOBAL_OWNER);
		source[1].half = 1;
		notify->n_sources++;
	}
	return 0;
}

/* Is what A sees part of what the collection B does? */
static int is_covered(const struct source *a, const struct source *b)
{
	return b->interest.kind == XCAP_INTEREST_COLLECTION &&
	       strv_eq(a->interest.owner, b->interest.owner) &&
	       strv_starts(a->interest.name, b->interest.name);
}

static int is_same(const struct source *a, const struct source *b)
{
	return a->interest.kind == b->interest.kind && a->interest.kind != XCAP_INTEREST_NODE &&
	       strv_eq(a->interest.owner, b->interest.owner) &&
	       strv_eq(a->interest.name, b->interest.name);
}

/* A document is told once, whatever the list says (s4.7), and by the entry that names it (s4.6). */
static int drop_doubles(struct xdm_notify *notify)
{
	struct source *s = notify->source;
	unsigned n = 0;

	for (unsigned i = 0; i < notify->n_sources; i++) {
		int is_more = 0;

		for (unsigned k = 0; k < notify->n_sources && !is_more; k++)
			is_more = k != i && s[i].interest.kind != XCAP_INTEREST_NODE &&
				  (is_same(&s[i], &s[k]) ? k < i : is_covered(&s[i], &s[k]));
		if (is_more && s[i].interest.kind == XCAP_INTEREST_DOCUMENT) {
			struct noted *noted =
				notify_note(notify, s[i].interest.owner, s[i].interest.name,
					    notify->uri[s[i].uri].uri);

			if (!noted)
				return -1;
			noted->is_named = 1;
		}
		if (is_more)
			s[i].interest.kind = XCAP_INTEREST_NONE;
	}
	for (unsigned i = 0; i < notify->n_sources; i++)
		if (s[i].interest.kind != XCAP_INTEREST_NONE)
			s[n++] = s[i];
	notify->n_sources = n;
	return 0;
}

static void resolved(struct xdm_notify *notify)
{
	notify->is_resolved = 1;
	if (drop_doubles(notify) < 0 || notify_watch(notify) < 0) {
		notify_end(notify, "deactivated");
		return;
	}
	if (!notify->n_waiting) {
		if (notify->whole)
			notify_mark_whole(notify);
		if (notify_has_news(notify))
			notify->ops->ready(notify->arg);
	}
}

/* The entries from INDEX on; stops at one whose owner has to be looked for. */
static void resolve_from(struct xdm_notify *notify, unsigned index)
{
	const struct xdm_notify_options *o = notify->options;
	struct xcap_interest interest;

	for (; index < notify->n_uris; index++) {
		interest.kind = XCAP_INTEREST_NONE;
		/* One's own by whatever name one has. */
		for (unsigned i = 0; i < notify->n_identities; i++) {
			struct xcap_who who = { notify->identity[0], notify->identity[i],
						notify->is_operator };

			if (xcap_interest_read(o->rules, notify->uri[index].uri, &who, notify->list,
					       &interest) < 0) {
				notify_end(notify, "deactivated");
				return;
			}
			if (interest.kind != XCAP_INTEREST_NONE && !interest.is_foreign)
				break;
		}
		if (interest.kind == XCAP_INTEREST_NONE)
			continue;
		add_source(notify, &interest, index);
		if (interest.is_foreign) {
			look_for(notify, index, interest.owner);
			return;
		}
	}
	resolved(notify);
}

/* ---- found ---- */

static void on_watcher(struct xdm_notify *notify, const struct xdm_person *person)
{
	/* Others' permissions may depend on lists, which are not watched. */
	if (notify->is_resolved && !notify->guards && has_same_rights(notify, person)) {
		/* A refresh: only what is told is to be told again. */
		if (!notify->n_waiting) {
			notify_mark_whole(notify);
			notify->ops->ready(notify->arg);
		}
		return;
	}
	notify_forget(notify);
	notify->max_sources = notify->n_uris * 2 + 1; /* each may be two */
	notify->source = arena_zalloc(notify->list, notify->max_sources, sizeof(*notify->source));
	if (!notify->source || take_person(notify, person) < 0)
		notify_end(notify, "deactivated");
	else
		resolve_from(notify, 0);
}

void notify_answered(struct xdm_notify *notify, unsigned index, int allowed)
{
	if (!allowed)
		notify->n_sources--; /* it is the last one, and has not begun */
	resolve_from(notify, index + 1);
}

/* The last source is about somebody else, PERSON (NULL: nobody of ours, who may still have left
 * documents under that name, for operators). */
static void on_owner(struct xdm_notify *notify, unsigned index, const struct xdm_person *person)
{
	struct source *source = &notify->source[notify->n_sources - 1];
	int ret;

	if (person) {
		const char *home = arena_strdup(notify->list, person->identity[0]);

		if (!home) {
			notify_end(notify, "deactivated");
			return;
		}
		source->interest.owner = strv_mem(home, person->identity[0].n);
	}
	if (notify->is_operator || strv_eq(source->interest.owner, notify->identity[0])) {
		notify_answered(notify, index, 1);
		return;
	}
	ret = person ? notify_ask_owner(notify, index, source) : 1;
	if (ret < 0)
		notify_end(notify, "deactivated");
	else if (ret > 0)
		notify_answered(notify, index, 0);
}

static void on_person(void *context, int found, const struct xdm_person *person)
{
	struct search *search = context;
	struct xdm_notify *notify = search->notify;

	if (notify->dead || search->turn != notify->turn)
		;
	else if (found < 0)
		notify_end(notify, "deactivated");
	else if (search->index < notify->n_uris)
		on_owner(notify, search->index, person);
	else if (person && person->is_disabled)
		notify_end(notify, "rejected");
	else
		on_watcher(notify, person);
	notify_drop(notify);
	free(search);
}

/* ---- asked ---- */

static void on_post(struct post *post)
{
	struct xdm_notify *notify =
		(struct xdm_notify *)(void *)((char *)post - offsetof(struct xdm_notify, post));

	notify->is_posted = 0;
	if (!notify->dead)
		resolve(notify);
	notify_drop(notify);
}

/* In a turn of its own: whoever asks has answers to give first. */
void notify_post(struct xdm_notify *notify)
{
	if (notify->is_posted)
		return;
	notify_hold(notify);
	notify->is_posted = 1;
	notify->post.run = on_post;
	worker_post(notify->worker, &notify->post);
}

int xdm_notify_ask(struct xdm_notify *notify, const struct strv *uri, unsigned n_uris,
		   enum xdm_diff_mode mode)
{
	if (!(notify->list && is_same_list(notify, uri, n_uris)) &&
	    notify_take_list(notify, uri, n_uris) < 0)
		return -1;
	xdm_notify_ask_again(notify, mode);
	return 0;
}

void xdm_notify_ask_again(struct xdm_notify *notify, enum xdm_diff_mode mode)
{
	notify->mode = mode;
	notify->whole = notify->must = 1;
	notify->resumes = 0;
	notify_post(notify);
}
