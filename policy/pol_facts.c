/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/pol_facts.c - facts as a record that can be kept (see pol_facts.h)
 *
 * A version, then the members in their order: numbers in groups of seven bits, texts behind their
 * length plus one, 0 for one that is not known. There is one record for each facts and no other
 * octets are taken, so that what was recorded is what is replayed.
 */
#include "policy/pol_facts.h"

#include <string.h>

enum { VERSION = 1, VARINT_MAX = 10 };

/* ---- writing ---- */

struct writer {
	unsigned char *p;
	size_t n, size;
	int failed;
};

static void put_number(struct writer *w, uint64_t value)
{
	do {
		unsigned char low = value & 0x7f;

		value >>= 7;
		if (w->n == w->size) {
			w->failed = 1;
			return;
		}
		w->p[w->n++] = (unsigned char)(low | (value ? 0x80 : 0));
	} while (value);
}

static void put_text(struct writer *w, struct strv text)
{
	if (!text.p) {
		put_number(w, 0);
		return;
	}
	put_number(w, text.n + 1);
	if (w->failed || text.n > POL_FACTS_TEXT || text.n > w->size - w->n) {
		w->failed = 1;
		return;
	}
	if (text.n)
		memcpy(w->p + w->n, text.p, text.n);
	w->n += text.n;
}

static uint64_t zigzag(int64_t value)
{
	return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}

size_t pol_facts_encode(const struct pol_facts *facts, unsigned char *buf, size_t size)
{
	struct writer w = { .p = buf, .size = size };
	unsigned n_ids = facts->n_ids < POL_FACTS_IDS ? facts->n_ids : POL_FACTS_IDS;

	put_number(&w, VERSION);
	put_number(&w, n_ids);
	for (unsigned i = 0; i < n_ids; i++)
		put_text(&w, facts->id[i].p ? facts->id[i] : (struct strv){ "", 0 });
	put_number(&w, facts->anonymous != 0);
	put_number(&w, zigzag(facts->now_s));
	put_text(&w, facts->sphere);
	put_text(&w, facts->service);
	put_text(&w, facts->enabler);
	put_number(&w, facts->media & POL_MEDIA_ALL);
	put_number(&w, facts->size_bytes < 0 ? 0 : (uint64_t)facts->size_bytes + 1);
	put_number(&w, (uint64_t)facts->direction);
	put_text(&w, facts->subscriber_class);
	put_text(&w, facts->peer_domain);
	put_text(&w, facts->group);
	put_number(&w, facts->roaming < 0 ? 0 : facts->roaming ? 2 : 1);
	return w.failed ? 0 : w.n;
}

/* ---- reading ---- */

struct reader {
	struct strv rest;
	int failed;
};

/* At most MAX, and in as few octets as it needs. */
static uint64_t take_number(struct reader *r, uint64_t max)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < VARINT_MAX && i < r->rest.n; i++) {
		unsigned char c = (unsigned char)r->rest.p[i];

		if (i == VARINT_MAX - 1 && c > 1)
			break;
		value |= (uint64_t)(c & 0x7f) << (7 * i);
		if (c & 0x80)
			continue;
		if (value > max || (i && !c))
			break;
		r->rest.p += i + 1;
		r->rest.n -= i + 1;
		return value;
	}
	r->failed = 1;
	return 0;
}

static struct strv take_text(struct reader *r)
{
	uint64_t n = take_number(r, POL_FACTS_TEXT + 1);
	struct strv text;

	if (!n || r->failed)
		return (struct strv){ NULL, 0 };
	if (n - 1 > r->rest.n) {
		r->failed = 1;
		return (struct strv){ NULL, 0 };
	}
	text = strv_mem(r->rest.p, n - 1);
	r->rest.p += n - 1;
	r->rest.n -= n - 1;
	return text;
}

static int64_t unzigzag(uint64_t value)
{
	return (int64_t)(value >> 1 ^ (value & 1 ? UINT64_MAX : 0));
}

int pol_facts_decode(struct strv record, struct pol_facts *facts_out, struct err *err)
{
	struct reader r = { .rest = record };
	struct pol_facts *f = facts_out;

	*f = (struct pol_facts){ .n_ids = 0 };
	if (take_number(&r, UINT64_MAX) != VERSION)
		r.failed = 1;
	f->n_ids = (unsigned)take_number(&r, POL_FACTS_IDS);
	for (unsigned i = 0; i < f->n_ids; i++) {
		f->id[i] = take_text(&r);
		r.failed |= !f->id[i].p;
	}
	f->anonymous = (int)take_number(&r, 1);
	f->now_s = unzigzag(take_number(&r, UINT64_MAX));
	f->sphere = take_text(&r);
	f->service = take_text(&r);
	f->enabler = take_text(&r);
	f->media = (unsigned)take_number(&r, POL_MEDIA_ALL);
	f->size_bytes = (int64_t)(take_number(&r, (uint64_t)INT64_MAX + 1) - 1);
	f->direction = (enum pol_direction)take_number(&r, POL_TERMINATING);
	f->subscriber_class = take_text(&r);
	f->peer_domain = take_text(&r);
	f->group = take_text(&r);
	f->roaming = (int)take_number(&r, 2) - 1;
	if (r.failed || r.rest.n) {
		*f = (struct pol_facts){ .n_ids = 0 };
		return err_set(err, ERR_CORRUPT, "the record holds no facts");
	}
	return 0;
}
