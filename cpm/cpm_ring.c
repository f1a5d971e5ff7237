/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/cpm_ring.c - rings of octets, one a worker
 *
 * See cpm_ring.h. A record is its length, then fields in a fixed order; a new one is written behind
 * the last, over the oldest. A record does not wrap: what does not fit at the end begins at the
 * start. Each ring has a lock, which its worker shares with nobody but an operator who looks.
 */
#include "cpm/cpm_ring.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/worker.h"

enum { RECORD_MAX = 2048, HEAD_BYTES = 4, TEXT_MAX = 255 };

struct shard {
	pthread_mutex_t lock;
	unsigned char *p;
	size_t size;
	size_t head, tail; /* of the oldest record; behind the newest */
	size_t end;	   /* where the oldest part ends, when the newest stands before it */
	unsigned n, max;
};

struct cpm_ring {
	struct cpm_ring_options options;
	unsigned n;
	struct shard shard[];
};

static int64_t clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int cpm_ring_new(const struct cpm_ring_options *options, struct cpm_ring **ring_out,
		 struct err *err)
{
	unsigned n = options->workers ? options->workers : 1;
	unsigned each = options->decisions / n + (options->decisions % n != 0);
	struct cpm_ring *ring = calloc(1, sizeof(*ring) + n * sizeof(ring->shard[0]));

	*ring_out = NULL;
	if (!ring)
		return err_set(err, ERR_NOMEM, "no memory for decisions on record");
	ring->options = *options;
	if (!ring->options.now_us)
		ring->options.now_us = clock_us;
	for (; ring->n < n; ring->n++) {
		struct shard *shard = &ring->shard[ring->n];

		pthread_mutex_init(&shard->lock, NULL);
		shard->max = each;
		shard->size = (size_t)each * CPM_RING_BYTES + RECORD_MAX;
		if (each)
			shard->p = malloc(shard->size);
		if (each && !shard->p) {
			ring->n++;
			cpm_ring_free(&ring);
			return err_set(err, ERR_NOMEM, "no memory for decisions on record");
		}
	}
	*ring_out = ring;
	return 0;
}

void cpm_ring_free(struct cpm_ring **ring_at)
{
	struct cpm_ring *ring = *ring_at;

	*ring_at = NULL;
	if (!ring)
		return;
	for (unsigned i = 0; i < ring->n; i++) {
		pthread_mutex_destroy(&ring->shard[i].lock);
		free(ring->shard[i].p);
	}
	free(ring);
}

/* ---- one record ---- */

struct writer {
	unsigned char *p;
	size_t n;
	int full;
};

static void put_mem(struct writer *w, const void *p, size_t n)
{
	if (w->n + n > RECORD_MAX) {
		w->full = 1;
		return;
	}
	if (n)
		memcpy(w->p + w->n, p, n);
	w->n += n;
}

static void put_byte(struct writer *w, unsigned value)
{
	unsigned char octet = (unsigned char)value;

	put_mem(w, &octet, 1);
}

/* One octet of length: names are cut there. */
static void put_text(struct writer *w, struct strv s)
{
	size_t n = s.n < TEXT_MAX ? s.n : TEXT_MAX;

	put_byte(w, (unsigned)n);
	put_mem(w, s.p, n);
}

static void put_why(struct writer *w, const struct pol_verdict *verdict)
{
	unsigned n = verdict->n_why < CPM_RING_WHY_MAX ? verdict->n_why : CPM_RING_WHY_MAX;

	put_byte(w, n);
	for (unsigned i = 0; i < n; i++) {
		const struct pol_why *why = &verdict->why[i];

		put_byte(w, why->layer);
		put_byte(w, why->sure);
		put_text(w, why->doc ? pol_doc_name(why->doc) : strv_mem(NULL, 0));
		put_text(w, pol_why_rule(why));
	}
}

static void put_facts(struct writer *w, const struct pol_facts *facts)
{
	size_t n = w->n + 2 < RECORD_MAX
			   ? pol_facts_encode(facts, w->p + w->n + 2, RECORD_MAX - w->n - 2)
			   : 0;

	if (!n) {
		w->full = 1;
		return;
	}
	put_byte(w, (unsigned)(n >> 8));
	put_byte(w, (unsigned)n);
	w->n += n;
}

static size_t encode(const struct pf_record *record, int64_t now_us, unsigned char *buf)
{
	struct writer w = { .p = buf, .n = HEAD_BYTES };
	int evaluated = record->layers && record->verdict && record->facts;
	uint16_t status = (uint16_t)record->status;
	uint32_t size;

	put_mem(&w, &now_us, sizeof(now_us));
	put_mem(&w, &status, sizeof(status));
	put_mem(&w, record->trace.hex, TRACE_HEX);
	put_text(&w, record->sender);
	put_text(&w, record->recipient);
	put_text(&w, record->message_id);
	put_byte(&w, evaluated ? 1 : 0);
	if (evaluated) {
		put_byte(&w, pol_verdict_answer(record->verdict));
		put_byte(&w, record->verdict->layer[POL_DELIVER]);
		put_byte(&w, record->layers->group || record->layers->group_lost);
		put_why(&w, record->verdict);
		put_facts(&w, record->facts);
	}
	size = (uint32_t)w.n;
	memcpy(buf, &size, sizeof(size));
	return w.full ? 0 : w.n;
}

/* ---- the ring ---- */

static size_t size_at(const struct shard *shard, size_t at)
{
	uint32_t size;

	memcpy(&size, shard->p + at, sizeof(size));
	return size;
}

static void drop_oldest(struct shard *shard)
{
	shard->head += size_at(shard, shard->head);
	shard->n--;
	if (shard->end && shard->head == shard->end)
		shard->head = shard->end = 0;
	if (!shard->n)
		shard->head = shard->tail = shard->end = 0;
}

/* Room for SIZE octets behind the newest; returns where. */
static size_t make_room(struct shard *shard, size_t size)
{
	while (shard->n && shard->n >= shard->max)
		drop_oldest(shard);
	for (;;) {
		if (!shard->n)
			return 0;
		if (!shard->end) { /* the records stand in one piece */
			if (shard->tail + size <= shard->size)
				return shard->tail;
			shard->end = shard->tail;
			shard->tail = 0;
		}
		if (shard->tail + size <= shard->head)
			return shard->tail;
		drop_oldest(shard);
	}
}

void cpm_ring_put(void *arg, const struct pf_record *record)
{
	struct cpm_ring *ring = arg;
	struct worker *self = worker_self();
	struct shard *shard = &ring->shard[self ? worker_index(self) % ring->n : 0];
	unsigned char buf[RECORD_MAX];
	size_t size, at;

	if (!shard->max)
		return;
	size = encode(record, ring->options.now_us(), buf);
	if (!size)
		return;
	pthread_mutex_lock(&shard->lock);
	at = make_room(shard, size);
	memcpy(shard->p + at, buf, size);
	shard->tail = at + size;
	shard->n++;
	pthread_mutex_unlock(&shard->lock);
}

/* ---- reading ---- */

struct reader {
	const unsigned char *p;
};

static void get_mem(struct reader *r, void *out, size_t n)
{
	memcpy(out, r->p, n);
	r->p += n;
}

static unsigned get_byte(struct reader *r)
{
	return *r->p++;
}

static struct strv get_text(struct reader *r)
{
	unsigned n = get_byte(r);
	struct strv s = strv_mem(r->p, n);

	r->p += n;
	return s;
}

static void decode(const unsigned char *p, struct cpm_decision *out)
{
	struct reader r = { p + HEAD_BYTES };
	uint16_t status;
	size_t n;

	memset(out, 0, sizeof(*out));
	get_mem(&r, &out->time_us, sizeof(out->time_us));
	get_mem(&r, &status, sizeof(status));
	out->status = status;
	get_mem(&r, out->trace.hex, TRACE_HEX);
	out->sender = get_text(&r);
	out->recipient = get_text(&r);
	out->message_id = get_text(&r);
	out->evaluated = (int)get_byte(&r);
	if (!out->evaluated)
		return;
	out->answer = (enum pol_answer)get_byte(&r);
	out->layer = (enum pol_layer)get_byte(&r);
	out->with_group = (int)get_byte(&r);
	out->n_why = get_byte(&r);
	for (unsigned i = 0; i < out->n_why; i++) {
		out->why[i].layer = (enum pol_layer)get_byte(&r);
		out->why[i].sure = (int)get_byte(&r);
		out->why[i].doc = get_text(&r);
		out->why[i].rule = get_text(&r);
	}
	n = get_byte(&r) << 8;
	n |= get_byte(&r);
	if (pol_facts_decode(strv_mem(r.p, n), &out->facts, NULL) < 0)
		out->evaluated = 0;
}

/* All records, copied. */
struct copy {
	unsigned char *p;
	size_t n, cap;
	const unsigned char **record;
	size_t n_records;
};

/* The records of SHARD from octet FROM to TO. */
static int copy_part(struct copy *copy, const struct shard *shard, size_t from, size_t to)
{
	if (copy->n + (to - from) > copy->cap) {
		size_t cap = copy->n + (to - from) + shard->size;
		unsigned char *more = realloc(copy->p, cap);

		if (!more)
			return -1;
		copy->p = more;
		copy->cap = cap;
	}
	memcpy(copy->p + copy->n, shard->p + from, to - from);
	copy->n += to - from;
	return 0;
}

static int copy_shard(struct copy *copy, struct shard *shard)
{
	int ret = 0;

	pthread_mutex_lock(&shard->lock);
	if (shard->n && shard->end)
		ret = copy_part(copy, shard, shard->head, shard->end) < 0
			      ? -1
			      : copy_part(copy, shard, 0, shard->tail);
	else if (shard->n)
		ret = copy_part(copy, shard, shard->head, shard->tail);
	copy->n_records += shard->n;
	pthread_mutex_unlock(&shard->lock);
	return ret;
}

static int64_t time_of(const unsigned char *record)
{
	int64_t time_us;

	memcpy(&time_us, record + HEAD_BYTES, sizeof(time_us));
	return time_us;
}

static int by_time(const void *a, const void *b)
{
	const unsigned char *const *x = a, *const *y = b;
	int64_t s = time_of(*x), t = time_of(*y);

	if (s != t)
		return s < t ? 1 : -1;
	return *x < *y ? 1 : -1; /* of one ring: as they were put */
}

static int copy_all(struct cpm_ring *ring, struct copy *copy)
{
	size_t i = 0;

	for (unsigned k = 0; k < ring->n; k++)
		if (copy_shard(copy, &ring->shard[k]) < 0)
			return -1;
	copy->record = calloc(copy->n_records + 1, sizeof(copy->record[0]));
	if (!copy->record)
		return -1;
	for (size_t at = 0; at < copy->n; i++) {
		uint32_t size;

		memcpy(&size, copy->p + at, sizeof(size));
		copy->record[i] = copy->p + at;
		at += size;
	}
	qsort(copy->record, copy->n_records, sizeof(copy->record[0]), by_time);
	return 0;
}

int cpm_ring_each(struct cpm_ring *ring, const struct cpm_ring_ask *ask,
		  int (*fn)(void *arg, const struct cpm_decision *decision), void *arg,
		  struct err *err)
{
	int64_t since_us = ask->since_us;
	struct copy copy = { .n = 0 };
	unsigned told = 0;

	if (ring->options.age_s &&
	    since_us < ring->options.now_us() - ring->options.age_s * 1000000)
		since_us = ring->options.now_us() - ring->options.age_s * 1000000;
	if (copy_all(ring, &copy) < 0) {
		free(copy.record);
		free(copy.p);
		return err_set(err, ERR_NOMEM, "no memory for the decisions on record");
	}
	for (size_t i = 0; i < copy.n_records && (!ask->max || told < ask->max); i++) {
		struct cpm_decision decision;

		if (time_of(copy.record[i]) < since_us)
			break;
		decode(copy.record[i], &decision);
		if (ask->user.n && !strv_eq(ask->user, decision.sender) &&
		    !strv_eq(ask->user, decision.recipient))
			continue;
		told++;
		if (fn(arg, &decision))
			break;
	}
	free(copy.record);
	free(copy.p);
	return (int)told;
}
