/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/deferred/dq.c - entries and devices of one queue; see dq.h
 *
 * Entries are an array of slots in order of arrival: messages come at its end and usually leave at
 * its beginning. Searches by key are linear over slots of 48 octets, which the quota bounds.
 */
#include "cpm/deferred/dq.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 8 };

void dq_init(struct dq *q, uint64_t seed)
{
	*q = (struct dq){ .seed = seed };
}

static void free_devices(struct dq *q)
{
	while (q->devices) {
		struct dq_device *device = q->devices;

		q->devices = device->next;
		free(device);
	}
}

void dq_fini(struct dq *q)
{
	for (unsigned i = q->first; i < q->end; i++)
		dq_entry_free(&q->slot[i].entry);
	free(q->slot);
	free_devices(q);
	free(q->gone);
	for (unsigned i = 0; i < q->n_lost; i++)
		free((char *)(uintptr_t)q->lost[i].p);
	free(q->lost);
	*q = (struct dq){ .seed = q->seed };
}

/* ---- keys ---- */

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

static uint64_t mix_text(uint64_t h, struct strv text)
{
	uint64_t word;
	size_t i = 0;

	for (; i + 8 <= text.n; i += 8) {
		memcpy(&word, text.p + i, 8);
		h = mix(h, word);
	}
	word = 0;
	if (i < text.n)
		memcpy(&word, text.p + i, text.n - i);
	return mix(mix(h, word), text.n);
}

struct dq_key dq_key_of(uint64_t seed, const struct strv *part, unsigned n_parts)
{
	struct dq_key key = { mix(seed, 1), mix(~seed, UINT64_C(0x6a09e667f3bcc908)) };

	for (unsigned i = 0; i < n_parts; i++) {
		key.a = mix_text(key.a, part[i]);
		key.b = mix_text(key.b, part[i]);
	}
	return key;
}

static int key_eq(struct dq_key x, struct dq_key y)
{
	return x.a == y.a && x.b == y.b;
}

/* Without a message-id (a plain client's message), the transaction that it came by. */
void dq_message_keys(const struct dq *q, const struct cpm_message_draft *message,
		     struct dq_key *key_out, struct dq_key *id_out)
{
	char cseq[4] = { (char)(message->cseq >> 24), (char)(message->cseq >> 16),
			 (char)(message->cseq >> 8), (char)message->cseq };
	struct strv part[4] = { message->n_sender ? message->sender[0] : STRV(""),
				message->message_id };
	unsigned n = 2;

	if (!message->message_id.n) {
		part[n++] = message->call_id;
		part[n++] = strv_mem(cseq, sizeof(cseq));
	}
	*key_out = dq_key_of(q->seed, part, n);
	*id_out = dq_key_of(q->seed, part + 1, n - 1);
}

/* ---- entries ---- */

uint64_t dq_arrival(struct dq *q, int64_t now_us)
{
	uint64_t at = now_us > 0 ? (uint64_t)now_us : 1;

	if (at <= q->last_us)
		at = q->last_us + 1;
	return q->last_us = at;
}

struct dq_entry *dq_entry_new(const struct dq *q, const struct strv *taken, unsigned n_taken,
			      int64_t expires_us, uint32_t salt, size_t record_bytes)
{
	unsigned n = n_taken < DQ_TAKEN_MAX ? n_taken : DQ_TAKEN_MAX;
	struct dq_entry *entry = malloc(sizeof(*entry) + n * sizeof(entry->taken[0]));

	if (!entry)
		return NULL;
	*entry = (struct dq_entry){ .expires_us = expires_us,
				    .salt = salt,
				    .bytes = (uint32_t)record_bytes,
				    .was_taken = n > 0,
				    .n_taken = (uint8_t)n };
	for (unsigned i = 0; i < n; i++)
		entry->taken[i] = dq_key_of(q->seed, &taken[i], 1);
	return entry;
}

void dq_entry_free(struct dq_entry **entry_at)
{
	struct dq_entry *entry = *entry_at;

	*entry_at = NULL;
	if (!entry)
		return;
	cpm_message_drop(&entry->message);
	free(entry);
}

static int grow(void **array, unsigned *cap, unsigned wanted, size_t size)
{
	unsigned n = *cap ? *cap : FIRST_CAP;
	void *larger;

	if (wanted <= *cap)
		return 0;
	while (n < wanted)
		n *= 2;
	larger = realloc(*array, n * size);
	if (!larger)
		return -1;
	*array = larger;
	*cap = n;
	return 0;
}

int dq_reserve(struct dq *q, unsigned n)
{
	if (q->first && q->end + n > q->cap) {
		memmove(q->slot, q->slot + q->first, dq_count(q) * sizeof(*q->slot));
		q->end -= q->first;
		q->first = 0;
	}
	if (grow((void **)&q->slot, &q->cap, q->end + n, sizeof(*q->slot)) < 0)
		return -1;
	/* Leaving must not need memory. */
	return grow((void **)&q->gone, &q->gone_cap, q->n_gone + dq_count(q) + n, sizeof(*q->gone));
}

/* The first slot at or behind AT_US. */
static unsigned lower(const struct dq *q, uint64_t at_us)
{
	unsigned from = q->first, to = q->end;

	while (from < to) {
		unsigned mid = from + (to - from) / 2;

		if (q->slot[mid].at_us < at_us)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

int dq_add(struct dq *q, const struct dq_slot *slot)
{
	unsigned i;

	if (dq_reserve(q, 1) < 0)
		return -1;
	i = lower(q, slot->at_us);
	memmove(q->slot + i + 1, q->slot + i, (q->end - i) * sizeof(*q->slot));
	q->slot[i] = *slot;
	q->end++;
	q->bytes += slot->entry->bytes;
	if (slot->at_us > q->last_us)
		q->last_us = slot->at_us;
	return 0;
}

int dq_find_at(const struct dq *q, uint64_t at_us)
{
	unsigned i = lower(q, at_us);

	return i < q->end && q->slot[i].at_us == at_us ? (int)i : -1;
}

int dq_find_key(const struct dq *q, struct dq_key key)
{
	for (unsigned i = q->first; i < q->end; i++)
		if (key_eq(q->slot[i].key, key))
			return (int)i;
	return -1;
}

int dq_find_id(const struct dq *q, struct dq_key id)
{
	for (unsigned i = q->first; i < q->end; i++)
		if (key_eq(q->slot[i].id, id))
			return (int)i;
	return -1;
}

int dq_find_expired(const struct dq *q, int64_t now_us, int64_t *next_out)
{
	int found = -1;

	*next_out = INT64_MAX;
	for (unsigned i = q->first; i < q->end; i++) {
		int64_t expires_us = q->slot[i].entry->expires_us;

		if (expires_us < *next_out)
			*next_out = expires_us;
		if (found < 0 && expires_us <= now_us)
			found = (int)i;
	}
	return found;
}

static void take_out(struct dq *q, int i)
{
	dq_detach(q, i);
	q->bytes -= q->slot[i].entry->bytes;
	dq_entry_free(&q->slot[i].entry);
	if ((unsigned)i == q->first) {
		q->first++;
	} else {
		memmove(q->slot + i, q->slot + i + 1,
			(q->end - (unsigned)i - 1) * sizeof(*q->slot));
		q->end--;
	}
	if (q->first == q->end)
		q->first = q->end = 0;
}

void dq_remove(struct dq *q, int i)
{
	q->gone[q->n_gone++] = (struct dq_name){ q->slot[i].at_us, q->slot[i].entry->salt };
	take_out(q, i);
}

void dq_forget(struct dq *q, int i)
{
	take_out(q, i);
}

void dq_attach(struct dq *q, int i, struct cpm_message *message)
{
	struct dq_entry *entry = q->slot[i].entry;

	if (entry->message)
		return;
	entry->message = cpm_message_hold(message);
	q->held_bytes += cpm_message_bytes(message);
}

void dq_detach(struct dq *q, int i)
{
	struct dq_entry *entry = q->slot[i].entry;

	if (!entry->message)
		return;
	q->held_bytes -= cpm_message_bytes(entry->message);
	cpm_message_drop(&entry->message);
}

/* ---- devices ---- */

struct dq_device *dq_device_find(const struct dq *q, struct strv id)
{
	struct dq_device *device = q->devices;

	while (device && !strv_eq(strv_mem(device->id, device->id_n), id))
		device = device->next;
	return device;
}

/* Its record goes, too. Without memory for that it stays there, and ends at a later load. */
static void forget_device(struct dq *q, struct dq_device **at)
{
	struct dq_device *device = *at;
	struct strv *larger;
	char *name;

	*at = device->next;
	q->n_devices--;
	if (device->has_record) {
		name = malloc(3U + device->id_n);
		larger = realloc(q->lost, (q->n_lost + 1) * sizeof(*larger));
		if (larger)
			q->lost = larger;
		if (larger && name) {
			memcpy(name, "dc/", 3);
			memcpy(name + 3, device->id, device->id_n);
			q->lost[q->n_lost++] = strv_mem(name, 3U + device->id_n);
		} else {
			free(name);
		}
	}
	free(device);
}

static void make_room(struct dq *q)
{
	struct dq_device **oldest = NULL;

	for (struct dq_device **at = &q->devices; *at; at = &(*at)->next)
		if ((*at)->run == DQ_IDLE && !(*at)->is_writing &&
		    (!oldest || (*at)->seen_us < (*oldest)->seen_us))
			oldest = at;
	if (oldest)
		forget_device(q, oldest);
}

static struct dq_device *device_add(struct dq *q, struct strv id)
{
	struct dq_device *device;

	if (!id.n || id.n > DQ_DEVICE_ID_MAX)
		return NULL;
	if (q->n_devices >= DQ_DEVICES_MAX)
		make_room(q);
	if (q->n_devices >= DQ_DEVICES_MAX)
		return NULL;
	device = calloc(1, sizeof(*device) + id.n);
	if (!device)
		return NULL;
	memcpy(device->id, id.p, id.n);
	device->id_n = (uint16_t)id.n;
	device->key = dq_key_of(q->seed, &id, 1);
	device->next = q->devices;
	q->devices = device;
	q->n_devices++;
	return device;
}

struct dq_device *dq_device_seen(struct dq *q, struct strv id, int lasting, int64_t now_us)
{
	enum { DAY_S = 86400 };
	struct dq_device *device = dq_device_find(q, id);

	if (!device) {
		device = device_add(q, id);
		if (!device)
			return NULL;
		device->is_lasting = lasting != 0;
		/* What will not come back under this name is written when it has had something. */
		device->is_dirty = device->is_lasting;
		device->seen_us = now_us;
	} else if (now_us > device->seen_us + DAY_S * INT64_C(1000000)) {
		device->is_dirty |= device->has_record;
		device->seen_us = now_us;
	}
	return device;
}

static int has_had(const struct dq_device *device, const struct dq_slot *slot)
{
	if (device->cursor_us >= slot->at_us)
		return 1;
	for (unsigned i = 0; i < slot->entry->n_taken; i++)
		if (key_eq(slot->entry->taken[i], device->key))
			return 1;
	return 0;
}

static int all_have_had(const struct dq *q, const struct dq_slot *slot)
{
	for (const struct dq_device *device = q->devices; device; device = device->next)
		if (!has_had(device, slot))
			return 0;
	return q->devices != NULL;
}

void dq_prune(struct dq *q, int64_t now_us, int64_t keep_us, int64_t brief_us)
{
	struct dq_device **at = &q->devices;
	int some = 0;

	while (*at) {
		int64_t keep = (*at)->is_lasting ? keep_us : brief_us;

		if ((*at)->run == DQ_IDLE && !(*at)->is_writing && (*at)->seen_us + keep < now_us) {
			forget_device(q, at);
			some = 1;
		} else {
			at = &(*at)->next;
		}
	}
	if (!some)
		return;
	for (int i = (int)q->end - 1; i >= (int)q->first; i--)
		if (q->slot[i].entry->was_taken && all_have_had(q, &q->slot[i]))
			dq_remove(q, i);
}

int dq_next(const struct dq *q, const struct dq_device *device, int64_t now_us)
{
	for (unsigned i = lower(q, device->cursor_us + 1); i < q->end; i++)
		if (q->slot[i].entry->expires_us > now_us && !has_had(device, &q->slot[i]))
			return (int)i;
	return -1;
}

void dq_had(struct dq *q, const struct dq_device *device, int i)
{
	struct dq_slot *slot = &q->slot[i];
	unsigned n = slot->entry->n_taken;
	struct dq_entry *larger;

	slot->entry->was_taken = 1;
	if (!has_had(device, slot) && n < DQ_TAKEN_MAX) {
		larger = realloc(slot->entry, sizeof(*larger) + (n + 1) * sizeof(larger->taken[0]));
		if (!larger)
			return;
		larger->taken[n] = device->key;
		larger->n_taken++;
		slot->entry = larger;
	}
	if (all_have_had(q, slot))
		dq_remove(q, i);
}

int dq_passed(struct dq *q, struct dq_device *device, int i, int taken,
	      struct cpm_message **message_out)
{
	struct dq_slot *slot = &q->slot[i];
	int failed;

	*message_out = NULL;
	slot->entry->was_taken |= taken != 0;
	if (slot->at_us > device->cursor_us) {
		device->cursor_us = slot->at_us;
		device->is_dirty = 1;
	}
	if (!all_have_had(q, slot))
		return 0;
	failed = !slot->entry->was_taken;
	if (failed && slot->entry->message)
		*message_out = cpm_message_hold(slot->entry->message);
	dq_remove(q, i);
	return failed;
}
