/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_publish.c - see sip_publish.h
 *
 * Shards by resource, each with its lock, its table by resource and a ring of seconds in which
 * publications end; a worker sweeps some of the shards once a second.
 */
#include "sip/sip_publish.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/trace.h"
#include "sip/sip_table.h"

enum { SHARDS = 16, RING = 8192, ETAG_BYTES = 20, BRIEF_S = 3600 };
_Static_assert(RING > SIP_PUB_MAX_S + 2, "a publication ends within one turn of the ring");

struct pub {
	struct pub *next, **link;	    /* of its resource, newest first */
	struct pub *ring_next, **ring_link; /* of its second */
	struct pub_resource *of;
	const struct sip_publish_ops *ops;
	uint64_t ends_s;
	char etag[ETAG_BYTES], token[ETAG_BYTES];
	char *kept;
	size_t n;
};

struct pub_resource {
	struct sip_node node;
	struct pub *first;
	unsigned n_pubs;
	size_t n;
	char name[];
};

struct shard {
	pthread_mutex_t lock;
	struct sip_table resources;
	struct pub *ring[RING];
	uint64_t swept_s;
};

struct sweeper {
	struct wheel_timer timer;
	struct post post;
	struct sip_pubs *pubs;
	struct worker *worker;
	unsigned index;
};

struct sip_pubs {
	struct sip_pubs_options options;
	struct sip_events *events;
	struct sip_key secret;
	_Atomic uint64_t count;
	unsigned n_sweepers;
	struct sweeper *sweepers;
	struct shard shard[SHARDS];
};

void sip_pubs_options_init(struct sip_pubs_options *options)
{
	*options = (struct sip_pubs_options){ .max_pubs = 1000000, .max_of_resource = 32 };
}

/* ---- places ---- */

static struct sip_key key_of(const struct sip_pubs *pubs, const char *event, struct strv resource)
{
	struct sip_hash hash;

	sip_hash_init(&hash, &pubs->secret);
	sip_hash_add(&hash, strv_of(event));
	sip_hash_add(&hash, resource);
	return sip_hash_key(&hash);
}

static struct shard *shard_of(struct sip_pubs *pubs, const struct sip_key *key)
{
	return &pubs->shard[key->b % SHARDS];
}

static void ring_leave(struct pub *pub)
{
	if (!pub->ring_link)
		return;
	*pub->ring_link = pub->ring_next;
	if (pub->ring_next)
		pub->ring_next->ring_link = pub->ring_link;
	pub->ring_link = NULL;
}

static void ring_enter(struct shard *shard, struct pub *pub, uint64_t ends_s)
{
	struct pub **at = &shard->ring[ends_s % RING];

	ring_leave(pub);
	pub->ends_s = ends_s;
	pub->ring_next = *at;
	pub->ring_link = at;
	if (pub->ring_next)
		pub->ring_next->ring_link = &pub->ring_next;
	*at = pub;
}

static struct pub_resource *resource_get(struct shard *shard, const struct sip_key *key,
					 struct strv name)
{
	struct pub_resource *of = (struct pub_resource *)sip_table_find(&shard->resources, key);

	if (of)
		return of;
	of = malloc(sizeof(*of) + name.n);
	if (!of)
		return NULL;
	memset(of, 0, sizeof(*of));
	of->node.key = *key;
	of->n = name.n;
	if (name.n)
		memcpy(of->name, name.p, name.n);
	sip_table_add(&shard->resources, &of->node);
	return of;
}

static void resource_drop(struct shard *shard, struct pub_resource *of)
{
	if (of->first)
		return;
	sip_table_remove(&shard->resources, &of->node);
	free(of);
}

static void pub_free(struct sip_pubs *pubs, struct shard *shard, struct pub *pub)
{
	ring_leave(pub);
	*pub->link = pub->next;
	if (pub->next)
		pub->next->link = pub->link;
	pub->of->n_pubs--;
	resource_drop(shard, pub->of);
	free(pub->kept);
	free(pub);
	atomic_fetch_sub(&pubs->count, 1);
}

/* ---- PUBLISH (s6) ---- */

struct publish {
	struct sip_pubs *pubs;
	struct sip_stx *stx;
	struct sip_msg *msg;
	const struct sip_publish_ops *ops;
	struct strv resource, match;
	unsigned expires_s;
	uint64_t now_s;
	char etag[ETAG_BYTES], token[ETAG_BYTES];
	char *kept; /* the body; NULL: none, or a publication has it now */
	size_t n;
	int changed;
};

static void refuse(struct publish *publish, unsigned status, const char *name, const char *value)
{
	const char *text = name ? arena_printf(publish->msg->arena, "%s: %s", name, value) : NULL;
	struct strv lines[1] = { strv_of(text) };

	sip_stx_reply(publish->stx, &(struct sip_reply){ .status = status,
							 .lines = lines,
							 .n_lines = text ? 1 : 0 });
}

static void refuse_event(struct publish *publish)
{
	const char *list = "";

	for (unsigned i = 0; list && i < publish->pubs->options.n_ops; i++)
		list = arena_printf(publish->msg->arena, "%s%s%s", list, i ? ", " : "",
				    publish->pubs->options.ops[i]->event);
	refuse(publish, 489, list ? "Allow-Events" : NULL, list);
}

/* Steps 2 and 4, and what the body must be. 0; -1: answered. */
static int read_publish(struct publish *publish)
{
	struct strv value = sip_msg_value(publish->msg, SIP_H_EVENT, 0), name, type;
	const struct sip_pubs_options *o = &publish->pubs->options;
	uint32_t expires_s;
	char text[16];
	int found;

	strv_cut(&value, ';', &name);
	for (unsigned i = 0; i < o->n_ops; i++)
		if (strv_eq(strv_trim(name), strv_of(o->ops[i]->event)))
			publish->ops = o->ops[i];
	if (!publish->ops) {
		refuse_event(publish);
		return -1;
	}
	expires_s = publish->ops->default_s;
	found = sip_msg_number(publish->msg, SIP_H_EXPIRES, &expires_s);
	if (found < 0) {
		refuse(publish, 400, NULL, NULL);
		return -1;
	}
	if (expires_s && expires_s < publish->ops->min_s && expires_s < BRIEF_S) {
		snprintf(text, sizeof(text), "%u", publish->ops->min_s);
		refuse(publish, 423, "Min-Expires", text);
		return -1;
	}
	publish->expires_s = expires_s > publish->ops->max_s ? publish->ops->max_s : expires_s;
	if (!publish->msg->body.n)
		return 0;
	value = sip_msg_value(publish->msg, SIP_H_CONTENT_TYPE, 0);
	strv_cut(&value, ';', &type);
	if (!strv_caseeq(strv_trim(type), strv_of(publish->ops->type))) {
		refuse(publish, 415, "Accept", publish->ops->type);
		return -1;
	}
	if (publish->msg->body.n > publish->ops->body_max) {
		refuse(publish, 413, NULL, NULL);
		return -1;
	}
	return 0;
}

static void make_tag(char tag[ETAG_BYTES])
{
	snprintf(tag, ETAG_BYTES, "p%016llx", (unsigned long long)trace_random());
}

static struct pub *find(struct shard *shard, const struct sip_key *key, struct strv etag)
{
	struct pub_resource *of = (struct pub_resource *)sip_table_find(&shard->resources, key);

	for (struct pub *pub = of ? of->first : NULL; pub; pub = pub->next)
		if (strv_eq(strv_of(pub->etag), etag))
			return pub;
	return NULL;
}

static struct pub *pub_new(struct publish *publish, struct shard *shard, const struct sip_key *key)
{
	struct sip_pubs *pubs = publish->pubs;
	struct pub_resource *of = resource_get(shard, key, publish->resource);
	struct pub *pub;

	if (!of)
		return NULL;
	pub = of->n_pubs < pubs->options.max_of_resource &&
			      atomic_load(&pubs->count) < pubs->options.max_pubs
		      ? calloc(1, sizeof(*pub))
		      : NULL;
	if (!pub) {
		resource_drop(shard, of);
		return NULL;
	}
	pub->of = of;
	pub->ops = publish->ops;
	memcpy(pub->token, publish->token, sizeof(pub->token));
	pub->next = of->first;
	pub->link = &of->first;
	if (pub->next)
		pub->next->link = &pub->next;
	of->first = pub;
	of->n_pubs++;
	atomic_fetch_add(&pubs->count, 1);
	return pub;
}

/* The body as it is kept, made before the lock is held for long: under the token of the publication
 * that it is for. 0, or what is to be answered. */
static unsigned take_body(struct publish *publish, struct shard *shard, const struct sip_key *key)
{
	struct pub *pub = NULL;
	unsigned status;

	make_tag(publish->token);
	if (publish->match.p) {
		pthread_mutex_lock(&shard->lock);
		pub = find(shard, key, publish->match);
		if (pub)
			memcpy(publish->token, pub->token, sizeof(publish->token));
		pthread_mutex_unlock(&shard->lock);
		if (!pub)
			return 412;
	}
	if (!publish->msg->body.n || !publish->expires_s)
		return 0;
	status = publish->ops->take(publish->resource, publish->token, publish->msg->body,
				    &publish->kept, &publish->n);
	return status == 200 ? 0 : status;
}

static void set_body(struct publish *publish, struct pub *pub)
{
	if (!publish->kept)
		return;
	publish->changed =
		!pub->kept || pub->n != publish->n || memcmp(pub->kept, publish->kept, pub->n) != 0;
	free(pub->kept);
	pub->kept = publish->kept;
	pub->n = publish->n;
	publish->kept = NULL;
}

/* Steps 3, 5 and 6, under the shard's lock: 200, or what is to be answered. */
static unsigned apply(struct publish *publish, struct shard *shard, const struct sip_key *key)
{
	int is_first = !publish->match.p;
	struct pub *pub = is_first ? NULL : find(shard, key, publish->match);

	if (is_first && (!publish->kept || !publish->expires_s))
		return 400;
	if (!is_first && !pub)
		return 412;
	if (!publish->expires_s) {
		pub_free(publish->pubs, shard, pub);
		publish->changed = 1;
		return 200;
	}
	if (is_first && !(pub = pub_new(publish, shard, key)))
		return 503;
	set_body(publish, pub);
	make_tag(pub->etag);
	memcpy(publish->etag, pub->etag, sizeof(publish->etag));
	ring_enter(shard, pub, publish->now_s + publish->expires_s);
	return 200;
}

static void answer(struct publish *publish)
{
	struct arena *arena = publish->msg->arena;
	const char *text[2] = {
		arena_printf(arena, "Expires: %u", publish->expires_s),
		publish->etag[0] ? arena_printf(arena, "SIP-ETag: %s", publish->etag) : NULL,
	};
	struct strv lines[2] = { strv_of(text[0]), strv_of(text[1]) };

	sip_stx_reply(publish->stx, &(struct sip_reply){ .status = 200,
							 .lines = lines,
							 .n_lines = text[1]   ? 2
								    : text[0] ? 1
									      : 0 });
}

void sip_pubs_publish(struct sip_pubs *pubs, struct sip_stx *stx, struct strv resource)
{
	const struct sip_below *below = sip_txns_below(sip_stx_txns(stx));
	struct publish publish = { .pubs = pubs,
				   .stx = stx,
				   .msg = sip_stx_request(stx),
				   .resource = resource,
				   .now_s = below->now_ms(below) / 1000 };
	struct sip_key key;
	struct shard *shard;
	unsigned status;

	if (sip_refuse_required(stx, "") || read_publish(&publish) < 0)
		return;
	publish.match = sip_msg_value(publish.msg, SIP_H_SIP_IF_MATCH, 0);
	key = key_of(pubs, publish.ops->event, resource);
	shard = shard_of(pubs, &key);
	status = take_body(&publish, shard, &key);
	if (!status) {
		pthread_mutex_lock(&shard->lock);
		status = apply(&publish, shard, &key);
		pthread_mutex_unlock(&shard->lock);
	}
	free(publish.kept);
	if (status == 503)
		refuse(&publish, 503, "Retry-After", "60");
	else if (status != 200)
		refuse(&publish, status, NULL, NULL);
	else
		answer(&publish);
	if (publish.changed && pubs->events)
		sip_events_changed(pubs->events, publish.ops->event, resource, 0);
}

/* ---- read ---- */

unsigned sip_pubs_each(struct sip_pubs *pubs, const char *event, struct strv resource,
		       void (*fn)(void *arg, struct strv kept), void *arg)
{
	struct sip_key key = key_of(pubs, event, resource);
	struct shard *shard = shard_of(pubs, &key);
	struct pub_resource *of;
	struct pub *pub;
	unsigned n = 0;

	pthread_mutex_lock(&shard->lock);
	of = (struct pub_resource *)sip_table_find(&shard->resources, &key);
	pub = of ? of->first : NULL;
	while (pub && pub->next)
		pub = pub->next;
	/* From the oldest: LINK is the address of NEXT of the one before, or of FIRST. */
	while (pub) {
		fn(arg, strv_mem(pub->kept, pub->n));
		n++;
		pub = pub->link == &of->first ? NULL
					      : (struct pub *)(void *)((char *)pub->link -
								       offsetof(struct pub, next));
	}
	pthread_mutex_unlock(&shard->lock);
	return n;
}

uint64_t sip_pubs_count(struct sip_pubs *pubs)
{
	return atomic_load(&pubs->count);
}

/* ---- ends ---- */

/* The first that has ended in the second AT_S; NULL: none. */
static struct pub *ended_in(struct shard *shard, uint64_t at_s, uint64_t now_s)
{
	struct pub *pub = shard->ring[at_s % RING];

	while (pub && pub->ends_s > now_s)
		pub = pub->ring_next;
	return pub;
}

static void sweep_second(struct sip_pubs *pubs, struct shard *shard, uint64_t at_s, uint64_t now_s)
{
	struct pub *pub;

	while ((pub = ended_in(shard, at_s, now_s))) {
		if (pubs->events)
			sip_events_changed(pubs->events, pub->ops->event,
					   strv_mem(pub->of->name, pub->of->n), 0);
		pub_free(pubs, shard, pub);
	}
}

void sip_pubs_sweep(struct sip_pubs *pubs, unsigned index, uint64_t now_s)
{
	struct shard *shard = &pubs->shard[index];

	pthread_mutex_lock(&shard->lock);
	if (now_s > shard->swept_s + RING)
		shard->swept_s = now_s - RING;
	while (shard->swept_s < now_s)
		sweep_second(pubs, shard, ++shard->swept_s, now_s);
	pthread_mutex_unlock(&shard->lock);
}

static void on_second(struct wheel_timer *timer)
{
	struct sweeper *sweeper = (struct sweeper *)timer;

	for (unsigned i = sweeper->index; i < SHARDS; i += sweeper->pubs->n_sweepers)
		sip_pubs_sweep(sweeper->pubs, i, worker_now_ms(sweeper->worker) / 1000);
	worker_timer_set(sweeper->worker, &sweeper->timer, 1000, on_second);
}

static void begin_sweeping(struct post *post)
{
	struct sweeper *sweeper =
		(struct sweeper *)(void *)((char *)post - offsetof(struct sweeper, post));

	on_second(&sweeper->timer);
}

int sip_pubs_start(struct sip_pubs *pubs, struct sip_events *events, struct workers *workers,
		   struct err *err)
{
	unsigned n = workers_count(workers);

	pubs->events = events;
	pubs->sweepers = calloc(n, sizeof(*pubs->sweepers));
	if (!pubs->sweepers)
		return err_set(err, ERR_NOMEM, "no memory for publications");
	pubs->n_sweepers = n;
	for (unsigned i = 0; i < n; i++) {
		struct sweeper *sweeper = &pubs->sweepers[i];

		sweeper->post.run = begin_sweeping;
		sweeper->pubs = pubs;
		sweeper->worker = workers_at(workers, i);
		sweeper->index = i;
		worker_post(sweeper->worker, &sweeper->post);
	}
	return 0;
}

void sip_pubs_stop(struct sip_pubs *pubs)
{
	for (unsigned i = 0; i < pubs->n_sweepers; i++)
		worker_timer_clear(pubs->sweepers[i].worker, &pubs->sweepers[i].timer);
}

/* ---- open and close ---- */

int sip_pubs_new(const struct sip_pubs_options *options, struct sip_pubs **pubs_out,
		 struct err *err)
{
	struct sip_pubs *pubs = calloc(1, sizeof(*pubs));
	unsigned n = 0;

	while (pubs && n < SHARDS && sip_table_init(&pubs->shard[n].resources) == 0)
		pthread_mutex_init(&pubs->shard[n++].lock, NULL);
	if (n < SHARDS) {
		while (n--)
			sip_table_fini(&pubs->shard[n].resources);
		free(pubs);
		return err_set(err, ERR_NOMEM, "no memory for publications");
	}
	pubs->options = *options;
	pubs->secret = pubs->shard[0].resources.secret;
	*pubs_out = pubs;
	return 0;
}

static void empty(struct sip_pubs *pubs, struct shard *shard)
{
	for (unsigned i = 0; i < RING; i++)
		while (shard->ring[i])
			pub_free(pubs, shard, shard->ring[i]);
	sip_table_fini(&shard->resources);
	pthread_mutex_destroy(&shard->lock);
}

void sip_pubs_free(struct sip_pubs **at)
{
	struct sip_pubs *pubs = *at;

	*at = NULL;
	if (!pubs)
		return;
	for (unsigned i = 0; i < SHARDS; i++)
		empty(pubs, &pubs->shard[i]);
	free(pubs->sweepers);
	free(pubs);
}
