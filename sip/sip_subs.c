/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_subs.c - a worker's subscriptions: by resource, by number, as they are kept
 *
 * A kept subscription is one line of numbers and lengths, its texts, what its package keeps of it,
 * and its dialog as printed. Form 1 is without the package's.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "sip/sip_out.h"
#include "sip/sip_sub_priv.h"
#include "sip/sip_tally.h"

const char sub_kind = 0;

void sip_subs_options_init(struct sip_subs_options *options)
{
	*options = (struct sip_subs_options){ .max_subs = 200000, .max_of_watcher = 200 };
}

int sip_subs_new(const struct sip_subs_options *options, struct sip_dialogs *dialogs,
		 struct sip_subs **subs_out, struct err *err)
{
	struct sip_subs *subs = calloc(1, sizeof(*subs));

	if (!subs || sip_table_init(&subs->resources) < 0) {
		free(subs);
		return err_set(err, ERR_NOMEM, "no memory for SIP subscriptions");
	}
	subs->options = *options;
	subs->dialogs = dialogs;
	*subs_out = subs;
	return 0;
}

void sip_subs_free(struct sip_subs **at)
{
	struct sip_subs *subs = *at;
	struct sip_sub *sub;

	*at = NULL;
	if (!subs)
		return;
	for (uint32_t i = 0; i < subs->slots.n_used; i++)
		if ((sub = sip_slots_at(&subs->slots, i)))
			sub_free(&sub);
	sip_slots_fini(&subs->slots);
	sip_table_fini(&subs->resources);
	free(subs);
}

uint64_t sip_subs_count(const struct sip_subs *subs)
{
	return subs->count;
}

void sip_subs_each(struct sip_subs *subs, void (*fn)(void *arg, const struct sip_sub *sub),
		   void *arg)
{
	const struct sip_sub *sub;

	for (uint32_t i = 0; i < subs->slots.n_used; i++)
		if ((sub = sip_slots_at(&subs->slots, i)))
			fn(arg, sub);
}

/* ---- packages ---- */

const struct sip_event *sub_event_find(const struct sip_subs *subs, struct strv name)
{
	for (unsigned i = 0; i < subs->options.n_events; i++)
		if (strv_eq(strv_of(subs->options.events[i].ops->name), name))
			return &subs->options.events[i];
	return NULL;
}

const char *sub_type_find(const struct sip_event_ops *ops, struct strv type)
{
	for (const char *const *at = ops->types; *at; at++)
		if (strv_caseeq(strv_of(*at), type))
			return *at;
	return NULL;
}

/* ---- resources ---- */

static struct sip_key key_of(const struct sip_subs *subs, const char *event, struct strv resource)
{
	struct sip_hash hash;

	sip_hash_init(&hash, &subs->resources.secret);
	sip_hash_add(&hash, strv_of(event));
	sip_hash_add(&hash, resource);
	return sip_hash_key(&hash);
}

struct sub_resource *sub_resource_find(struct sip_subs *subs, const char *event,
				       struct strv resource)
{
	struct sip_key key = key_of(subs, event, resource);

	return (struct sub_resource *)sip_table_find(&subs->resources, &key);
}

static struct sub_resource *resource_get(struct sip_subs *subs, const char *event,
					 struct strv resource)
{
	struct sub_resource *of = sub_resource_find(subs, event, resource);

	if (of)
		return of;
	of = calloc(1, sizeof(*of));
	if (!of)
		return NULL;
	of->node.key = key_of(subs, event, resource);
	sip_table_add(&subs->resources, &of->node);
	return of;
}

static void resource_leave(struct sip_sub *sub)
{
	struct sub_resource *of = sub->of;

	*sub->link = sub->next;
	if (sub->next)
		sub->next->link = sub->link;
	if (of->first)
		return;
	sip_table_remove(&sub->subs->resources, &of->node);
	free(of);
}

/* ---- one ---- */

static struct strv keep(char **at, struct strv s)
{
	struct strv kept = { *at, s.n };

	if (s.n)
		*at = mempcpy(*at, s.p, s.n);
	return kept;
}

struct sip_sub *sub_new(struct sip_subs *subs, const struct sip_event *event, struct strv resource,
			struct strv watcher, struct strv event_id, const char *type)
{
	size_t n = resource.n + watcher.n + event_id.n;
	struct sip_sub *sub = calloc(1, sizeof(*sub) + n);
	char *at;

	if (!sub)
		return NULL;
	sub->subs = subs;
	sub->event = event;
	sub->type = type;
	at = sub->text;
	sub->resource = keep(&at, resource);
	sub->watcher = keep(&at, watcher);
	sub->event_id = keep(&at, event_id);
	sub->of = resource_get(subs, event->ops->name, resource);
	sub->id = sub->of ? sip_slots_add(&subs->slots, sub) : 0;
	if (!sub->id) {
		if (sub->of && !sub->of->first) {
			sip_table_remove(&subs->resources, &sub->of->node);
			free(sub->of);
		}
		free(sub);
		return NULL;
	}
	sub->link = &sub->of->first;
	sub->next = sub->of->first;
	if (sub->next)
		sub->next->link = &sub->next;
	sub->of->first = sub;
	subs->count++;
	sip_count_live(sip_txns_count(sip_dialogs_txns(subs->dialogs)), SIP_LIVE_SUBS, 1);
	return sub;
}

void sub_began(struct sip_sub *sub)
{
	sub->has_begun = 1;
	if (sub->event->ops->began)
		sub->event->ops->began(sub->event->arg, sub);
}

void sub_free(struct sip_sub **at)
{
	struct sip_sub *sub = *at;
	struct sip_subs *subs = sub->subs;
	const struct sip_below *below = sip_txns_below(sip_dialogs_txns(subs->dialogs));

	*at = NULL;
	if ((sub->has_begun || sub->user) && sub->event->ops->ended)
		sub->event->ops->ended(sub->event->arg, sub);
	sip_out_forget(sip_dialogs_txns(subs->dialogs), sub->out);
	if (wheel_timer_is_set(&sub->expiry))
		below->timer_clear(below, &sub->expiry);
	if (wheel_timer_is_set(&sub->later))
		below->timer_clear(below, &sub->later);
	resource_leave(sub);
	if (sub->is_counted)
		sip_tally_give(subs->options.tally, sub->watcher);
	sip_slots_remove(&subs->slots, sub->id);
	sip_dialog_free(&sub->dialog);
	subs->count--;
	sip_count_live(sip_txns_count(sip_dialogs_txns(subs->dialogs)), SIP_LIVE_SUBS, -1);
	free(sub);
}

/* ---- kept ---- */

void sub_store_put(struct sip_sub *sub)
{
	const struct sip_subs_options *o = &sub->subs->options;
	struct sip_txns *txns = sip_dialogs_txns(sub->subs->dialogs);
	struct arena *arena = o->store_put ? sip_txns_arena(txns) : NULL;
	const struct sip_event_ops *ops = sub->event->ops;
	struct strv dialog, own = STRV(""), name = strv_of(ops->name), type = strv_of(sub->type);
	const char *head;
	size_t h, n;
	char *p, *at;

	if (!arena)
		return;
	dialog = sip_dialog_print(sub->dialog, arena);
	if (ops->keep)
		own = ops->keep(sub->event->arg, sub, arena);
	head = arena_printf(arena, "2 %lld %u %u %zu %zu %zu %zu %zu %zu\n",
			    (long long)sub->expires_us, sub->version,
			    sub->was_active + 2u * sub->is_polite, name.n, type.n, sub->event_id.n,
			    sub->resource.n, sub->watcher.n, own.n);
	h = head ? strlen(head) : 0;
	n = h + name.n + type.n + sub->event_id.n + sub->resource.n + sub->watcher.n + own.n +
	    dialog.n;
	p = head && dialog.p ? arena_alloc(arena, n) : NULL;
	if (p) {
		at = p;
		keep(&at, strv_mem(head, h));
		keep(&at, name);
		keep(&at, type);
		keep(&at, sub->event_id);
		keep(&at, sub->resource);
		keep(&at, sub->watcher);
		keep(&at, own);
		keep(&at, dialog);
		o->store_put(o->store_arg, sip_sub_tag(sub), strv_mem(p, n));
	}
	sip_txns_arena_done(txns, &arena);
}

void sub_store_del(struct sip_sub *sub)
{
	const struct sip_subs_options *o = &sub->subs->options;

	if (o->store_del)
		o->store_del(o->store_arg, sip_sub_tag(sub));
}

enum { PARTS_1 = 5, PARTS = 6, PART_OWN = 5 };

struct kept {
	uint64_t expires_us, version, state; /* 1: active, 3: and blocked politely */
	struct strv part[PARTS]; /* name, type, event id, resource, watcher, the package's */
	struct strv dialog;
};

static int number(struct strv *head, uint64_t max, uint64_t *value_out)
{
	struct strv word;

	strv_cut(head, ' ', &word);
	return strv_u64(word, max, value_out);
}

static int read_kept(struct strv value, struct kept *kept)
{
	uint64_t form, length;
	struct strv head;

	kept->part[PART_OWN] = STRV("");
	if (!strv_cut(&value, '\n', &head) || number(&head, 2, &form) < 0 || form < 1 ||
	    number(&head, INT64_MAX, &kept->expires_us) < 0 ||
	    number(&head, UINT32_MAX, &kept->version) < 0 || number(&head, 3, &kept->state) < 0)
		return -1;
	for (unsigned i = 0; i < (form == 1 ? PARTS_1 : PARTS); i++) {
		if (number(&head, value.n, &length) < 0)
			return -1;
		kept->part[i] = strv_mem(value.p, (size_t)length);
		value.p += length;
		value.n -= (size_t)length;
	}
	kept->dialog = value;
	return head.n ? -1 : 0;
}

/* At most ten NOTIFYs a second have been sent since it was written down, for at most its duration:
 * numbers go on above all of them (RFC 3261 s12.2.1.1, RFC 3680 s5). */
static uint32_t gap_of(const struct sip_event_ops *ops)
{
	return 10 * ops->max_s + 10;
}

int sip_subs_restore(struct sip_subs *subs, struct strv value)
{
	const struct sip_below *below = sip_txns_below(sip_dialogs_txns(subs->dialogs));
	int64_t now_us = below->unix_us(below);
	const struct sip_event *event;
	struct sip_sub *sub;
	struct kept kept;
	const char *type;

	if (read_kept(value, &kept) < 0 || (int64_t)kept.expires_us <= now_us ||
	    !(event = sub_event_find(subs, kept.part[0])) ||
	    !(type = sub_type_find(event->ops, kept.part[1])))
		return -1;
	sub = sub_new(subs, event, kept.part[3], kept.part[4], kept.part[2], type);
	if (!sub)
		return -1;
	sub->dialog =
		sip_dialog_parse(subs->dialogs, kept.dialog, gap_of(event->ops), &sub_kind, sub);
	if (!sub->dialog) {
		sub_free(&sub);
		return -1;
	}
	sub->is_counted = sip_tally_take(subs->options.tally, sub->watcher, UINT_MAX) == 1;
	trace_new(&sub->trace);
	sub->state = kept.state & 1 ? SUB_ACTIVE : SUB_PENDING;
	sub->was_active = kept.state & 1;
	sub->is_polite = kept.state == 3 && event->ops->neutral;
	sub->version = (uint32_t)kept.version + gap_of(event->ops);
	sub_set_expiry(sub, (unsigned)(((int64_t)kept.expires_us - now_us + 999999) / 1000000));
	if (event->ops->restored &&
	    event->ops->restored(event->arg, sub, kept.part[PART_OWN]) < 0) {
		sub_free(&sub);
		return -1;
	}
	sub_began(sub);
	sub_restored(sub);
	return 0;
}
