/* SPDX-License-Identifier: Apache-2.0 */
/* sip/sip_event.c - see sip_event.h */
#include "sip/sip_event.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/log.h"
#include "sip/sip_tally.h"

enum { LOAD_AT_ONCE = 256 };

struct events_worker {
	struct sip_dialogs *dialogs;
	struct sip_subs *subs;
};

struct sip_events {
	struct sip_events_options options;
	struct sip *sip;
	struct workers *workers;
	struct sip_tally *tally; /* of each watcher's subscriptions */
	_Atomic int stopping;	 /* the store is about to close */
	unsigned n;
	struct events_worker at[];
};

/* ---- kept ---- */

static void on_commit(void *arg, const struct kv_commit_result *result)
{
	(void)arg;
	if (result->status != KV_DONE)
		log_warn(LOG_SIP, "a subscription is not kept",
			 L_STR("status", kv_status_name(result->status)));
}

static void commit(struct sip_events *events, struct kv_batch *batch, int failed)
{
	if (batch && (failed || atomic_load(&events->stopping)))
		kv_batch_free(&batch);
	if (atomic_load(&events->stopping))
		return;
	if (batch)
		kv_commit(events->options.kv, batch, on_commit, NULL);
	else
		log_warn(LOG_SIP, "a subscription is not kept", L_STR("status", "no memory"));
}

static void store_put(void *arg, struct strv tag, struct strv value)
{
	struct kv_batch *batch = kv_batch_new(STRV(SIP_EVENTS_OWNER));

	commit(arg, batch, batch && kv_batch_put(batch, tag, value) < 0);
}

static void store_del(void *arg, struct strv tag)
{
	struct kv_batch *batch = kv_batch_new(STRV(SIP_EVENTS_OWNER));

	commit(arg, batch, batch && kv_batch_del(batch, tag) < 0);
}

/* To the worker whose number the tag carries: SUBSCRIBE will come there. */
static int restore(struct sip_events *events, const struct kv_record *record)
{
	int index = sip_tag_worker(record->name);

	if (index < 0)
		return -1;
	return sip_subs_restore(events->at[(unsigned)index % events->n].subs, record->value);
}

/* One piece behind AFTER (in ARENA). 1 there may be more, 0 that was all, -1 failed. */
static int load_piece(struct sip_events *events, struct arena *arena, struct strv *after,
		      unsigned *n_lost, struct err *err)
{
	struct kv_item item = { .kind = KV_RANGE, .from = *after, .limit = LOAD_AT_ONCE };
	struct kv_read read = {
		.owner = STRV(SIP_EVENTS_OWNER), .items = &item, .n_items = 1, .arena = arena
	};
	struct kv_batch *lost = kv_batch_new(read.owner);
	unsigned n = 0;
	char *next;

	if (kv_read_sync(events->options.kv, &read) != KV_DONE || !lost) {
		kv_batch_free(&lost);
		return err_set(err, ERR_IO, "kept SIP subscriptions cannot be read");
	}
	for (unsigned i = 0; i < item.n_records; i++)
		if (restore(events, &item.records[i]) < 0 &&
		    kv_batch_del(lost, item.records[i].name) == 0)
			n++;
	*n_lost += n;
	if (n)
		kv_commit_sync(events->options.kv, lost);
	else
		kv_batch_free(&lost);
	if (!item.more)
		return 0;
	/* The least name behind the last one. */
	next = arena_alloc(arena, item.records[item.n_records - 1].name.n + 1);
	if (!next)
		return err_set(err, ERR_NOMEM, "no memory for kept SIP subscriptions");
	memcpy(next, item.records[item.n_records - 1].name.p,
	       item.records[item.n_records - 1].name.n);
	next[item.records[item.n_records - 1].name.n] = '\0';
	*after = strv_mem(next, item.records[item.n_records - 1].name.n + 1);
	return 1;
}

static int load(struct sip_events *events, struct err *err)
{
	struct strv after = STRV("");
	char name[KV_NAME_MAX];
	unsigned n_lost = 0;
	uint64_t n = 0;
	int more = 1;

	while (more == 1) {
		struct arena *arena = arena_new(0);

		if (!arena)
			return err_set(err, ERR_NOMEM, "no memory for kept SIP subscriptions");
		more = load_piece(events, arena, &after, &n_lost, err);
		if (more == 1) {
			memcpy(name, after.p, after.n < sizeof(name) ? after.n : sizeof(name));
			after.p = name;
		}
		arena_free(&arena);
	}
	for (unsigned i = 0; i < events->n; i++)
		n += sip_subs_count(events->at[i].subs);
	if (n + n_lost)
		log_info(LOG_SIP, "subscriptions read back", L_INT("live", (int64_t)n),
			 L_INT("ended", n_lost));
	return more;
}

/* ---- open and close ---- */

static int worker_init(struct sip_events *events, unsigned i, struct err *err)
{
	struct sip_worker *w = sip_worker_at(events->sip, i);
	struct sip_subs_options options;

	sip_subs_options_init(&options);
	options.events = events->options.events;
	options.n_events = events->options.n_events;
	if (events->options.max_subs)
		options.max_subs = events->options.max_subs;
	if (events->options.max_of_watcher)
		options.max_of_watcher = events->options.max_of_watcher;
	options.tally = events->tally;
	if (events->options.kv) {
		options.store_put = store_put;
		options.store_del = store_del;
		options.store_arg = events;
	}
	if (sip_dialogs_new(w->txns, &events->at[i].dialogs, err) < 0)
		return -1;
	return sip_subs_new(&options, events->at[i].dialogs, &events->at[i].subs, err);
}

int sip_events_new(const struct sip_events_options *options, struct sip *sip,
		   struct workers *workers, struct sip_events **events_out, struct err *err)
{
	unsigned n = workers_count(workers);
	struct sip_events *events = calloc(1, sizeof(*events) + n * sizeof(events->at[0]));
	int failed = 0;

	if (!events)
		return err_set(err, ERR_NOMEM, "no memory for SIP's event packages");
	events->options = *options;
	events->sip = sip;
	events->workers = workers;
	events->n = n;
	events->tally = sip_tally_new();
	if (!events->tally)
		failed = err_set(err, ERR_NOMEM, "no memory for SIP's event packages");
	for (unsigned i = 0; i < n && !failed; i++)
		failed = worker_init(events, i, err) < 0;
	if (failed || (options->kv && load(events, err) < 0)) {
		sip_events_free(&events);
		return -1;
	}
	*events_out = events;
	return 0;
}

void sip_events_stop(struct sip_events *events)
{
	atomic_store(&events->stopping, 1);
}

void sip_events_free(struct sip_events **at)
{
	struct sip_events *events = *at;

	*at = NULL;
	if (!events)
		return;
	for (unsigned i = 0; i < events->n; i++) {
		sip_subs_free(&events->at[i].subs);
		sip_dialogs_free(&events->at[i].dialogs);
	}
	sip_tally_free(&events->tally);
	free(events);
}

struct sip_subs *sip_events_subs(struct sip_events *events, const struct sip_worker *w)
{
	return events->at[worker_index(w->worker)].subs;
}

struct sip_dialogs *sip_events_dialogs(struct sip_events *events, const struct sip_worker *w)
{
	return events->at[worker_index(w->worker)].dialogs;
}

int sip_events_request(void *arg, struct sip_worker *w, struct sip_stx *stx, struct sip_msg *msg)
{
	struct sip_subs *subs = sip_events_subs(arg, w);

	if (!stx || msg->method != SIP_SUBSCRIBE || !msg->to_tag.p || !sip_subs_owns(subs, msg))
		return 0;
	sip_subs_subscribe(subs, stx, strv_mem(NULL, 0), strv_mem(NULL, 0));
	return 1;
}

int sip_events_is_own(const struct sip_events *events, struct strv event)
{
	for (unsigned i = 0; i < events->options.n_events; i++)
		if (strv_eq(strv_of(events->options.events[i].ops->name), event))
			return events->options.events[i].ops->is_own;
	return 0;
}

/* ---- changes ---- */

struct change {
	struct post post;
	struct sip_subs *subs;
	const char *event;
	enum { CHANGED, GONE, RECONSIDER } kind;
	const struct sip_sub_rights *rights;
	int is_any;
	size_t n;
	char resource[];
};

static void on_change(struct post *post)
{
	struct change *change = (struct change *)post;
	struct strv resource = strv_mem(change->resource, change->n);

	switch (change->kind) {
	case CHANGED:
		sip_subs_changed(change->subs, change->event, resource);
		break;
	case GONE:
		sip_subs_gone(change->subs, change->event, resource);
		break;
	case RECONSIDER:
		sip_subs_reconsider(change->subs, change->event,
				    change->is_any ? strv_mem(NULL, 0) : resource, change->rights);
		break;
	}
	free(change);
}

/* To every worker, what MODEL says. */
static void post_all(struct sip_events *events, const struct change *model, struct strv resource)
{
	for (unsigned i = 0; i < events->n; i++) {
		struct change *change = malloc(sizeof(*change) + resource.n);

		if (!change) {
			log_warn(LOG_SIP, "a change is not told", L_STR("event", model->event));
			continue;
		}
		*change = *model;
		change->post.run = on_change;
		change->subs = events->at[i].subs;
		change->is_any = !resource.p;
		change->n = resource.n;
		if (resource.n)
			memcpy(change->resource, resource.p, resource.n);
		worker_post(workers_at(events->workers, i), &change->post);
	}
}

void sip_events_changed(struct sip_events *events, const char *event, struct strv resource,
			int gone)
{
	const struct change model = { .event = event, .kind = gone ? GONE : CHANGED };

	post_all(events, &model, resource);
}

void sip_events_reconsider(struct sip_events *events, const char *event, struct strv resource)
{
	const struct change model = { .event = event,
				      .kind = RECONSIDER,
				      .rights = &events->options.rights };

	if (model.rights->find)
		post_all(events, &model, resource);
}

const struct sip_sub_rights *sip_events_rights(const struct sip_events *events)
{
	return &events->options.rights;
}
