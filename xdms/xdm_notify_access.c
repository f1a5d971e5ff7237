/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xdm_notify_access.c - what a subscriber may hear of other users' documents
 *
 * The owner is asked as for a GET (xdm_access.h), on a job thread. The owner's permissions are
 * watched from before that on: when they change, the whole list is looked at again, so that what
 * was taken back is not told any more.
 */
#include <stdlib.h>
#include <time.h>

#include "xdms/xdm_access.h"
#include "xdms/xdm_notify_priv.h"

/* A watch of somebody's permissions for one usage. */
struct guard {
	struct guard *next;
	struct xdm_watch *watch;
	struct strv owner, name; /* behind the struct */
};

/* One question. */
struct inquiry {
	struct job job;
	struct xdm_notify *notify; /* held */
	unsigned turn, index;
	struct arena *arena;
	struct xcap_sel sel;
	struct xdm_access_ask ask;
	struct xdm_access access;
	int failed;
};

void notify_free_guards(struct xdm_notify *notify)
{
	struct guard *next;

	for (struct guard *guard = notify->guards; guard; guard = next) {
		next = guard->next;
		xdm_watch_free(&guard->watch);
		free(guard);
	}
	notify->guards = NULL;
}

static void on_guard(void *arg, struct xdm_watch *watch, const struct xdm_watch_event *event)
{
	struct xdm_notify *notify = arg;

	(void)watch;
	if (event->kind == XDM_WATCH_BEGINS)
		return;
	notify->is_resolved = 0; /* nothing of what was decided holds */
	notify->whole = notify->must = 1;
	notify_post(notify);
}

static int has_guard(const struct xdm_notify *notify, struct strv owner, struct strv name)
{
	for (const struct guard *guard = notify->guards; guard; guard = guard->next)
		if (strv_eq(guard->owner, owner) && strv_eq(guard->name, name))
			return 1;
	return 0;
}

static int add_guard(struct xdm_notify *notify, struct strv owner, struct strv name)
{
	struct xdm_watch_spec spec = { .kind = XDM_WATCH_DOCUMENT, .owner = owner, .name = name };
	struct guard *guard;
	struct err err;

	if (has_guard(notify, owner, name))
		return 0;
	guard = malloc(sizeof(*guard) + owner.n + name.n);
	if (!guard)
		return -1;
	memcpy(guard + 1, owner.p, owner.n);
	memcpy((char *)(guard + 1) + owner.n, name.p, name.n);
	guard->owner = strv_mem((char *)(guard + 1), owner.n);
	guard->name = strv_mem((char *)(guard + 1) + owner.n, name.n);
	guard->watch = xdm_watch_new(notify->options->watches, &spec, on_guard, notify, &err);
	if (!guard->watch) {
		free(guard);
		return -1;
	}
	guard->next = notify->guards;
	notify->guards = guard;
	return 0;
}

/* ---- asking ---- */

static void inquiry_free(struct inquiry *inquiry)
{
	arena_free(&inquiry->arena);
	notify_drop(inquiry->notify);
	free(inquiry);
}

static void run_inquiry(struct job *job)
{
	struct inquiry *inquiry = (struct inquiry *)(void *)job;
	const struct xdm_notify_options *options = inquiry->notify->options;
	struct err err;

	inquiry->failed = xdm_access_sync(options->rules, options->store, &inquiry->ask,
					  &inquiry->access, &err) < 0;
}

static void done_inquiry(struct job *job)
{
	struct inquiry *inquiry = (struct inquiry *)(void *)job;
	struct xdm_notify *notify = inquiry->notify;

	if (notify->dead || inquiry->turn != notify->turn)
		;
	else if (inquiry->failed)
		notify_end(notify, "deactivated");
	else
		notify_answered(notify, inquiry->index, inquiry->access.allowed);
	inquiry_free(inquiry);
}

static struct strv keep(struct arena *arena, struct strv s)
{
	const char *text = arena_strdup(arena, s);

	return strv_mem(text, text ? s.n : 0);
}

/* SOURCE's document as a question. 0; 1: it is of no usage; -1 without memory. */
static int fill(struct inquiry *inquiry, const struct xdm_notify *notify,
		const struct source *source)
{
	struct strv document = source->interest.name, auid;
	struct xdm_access_ask *ask = &inquiry->ask;
	struct arena *arena = inquiry->arena;
	struct err err;

	strv_cut(&document, '/', &auid); /* "x" */
	strv_cut(&document, '/', &auid);
	*ask = (struct xdm_access_ask){ .usage = auid_find(notify->options->rules->table, auid),
					.owner = keep(arena, source->interest.owner),
					.document = keep(arena, document),
					.op = XDM_OP_RETRIEVE,
					.id = { keep(arena, notify->identity[0]),
						keep(arena, notify->watcher) },
					.now_s = (int64_t)time(NULL),
					.arena = arena };
	if (!ask->usage)
		return 1;
	if (!ask->owner.n || !ask->document.n || !ask->id[0].n)
		return -1;
	if (source->interest.kind != XCAP_INTEREST_NODE)
		return 0;
	if (xcap_sel_parse(keep(arena, source->interest.node), keep(arena, source->interest.query),
			   strv_of(ask->usage->ns), arena, &inquiry->sel, &err) < 0)
		return err.code == ERR_NOMEM ? -1 : 1;
	ask->sel = &inquiry->sel;
	return 0;
}

static int guard_of(struct xdm_notify *notify, const struct inquiry *inquiry)
{
	const struct xdm_access_ask *ask = &inquiry->ask;
	struct strv path =
		ask->usage == &auid_access_permissions ? ask->document : strv_of(ask->usage->name);
	struct strv name =
		xdm_name(strv_of(auid_access_permissions.name), &path, 1, inquiry->arena);

	return name.n ? add_guard(notify, ask->owner, name) : -1;
}

int notify_ask_owner(struct xdm_notify *notify, unsigned index, const struct source *source)
{
	struct inquiry *inquiry = calloc(1, sizeof(*inquiry));
	int ret;

	if (!inquiry)
		return -1;
	inquiry->notify = notify_hold(notify);
	inquiry->turn = notify->turn;
	inquiry->index = index;
	inquiry->arena = arena_new(0);
	inquiry->job.run = run_inquiry;
	inquiry->job.done = done_inquiry;
	ret = inquiry->arena ? fill(inquiry, notify, source) : -1;
	if (ret == 0)
		ret = guard_of(notify, inquiry);
	if (ret == 0)
		ret = jobs_submit(xdm_store_jobs(notify->options->store), &inquiry->job);
	if (ret)
		inquiry_free(inquiry);
	return ret;
}
