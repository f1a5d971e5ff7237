/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/deferred/dq_record.c - a queue's records: names, messages, devices; see dq.h
 *
 * "dm/" arrival in 16 hexadecimal digits "-" 8 random ones: form (1 octet), expiry (8, microseconds
 * of Unix time), how many devices had it (1), each as length (2) and text, then the message as
 * cpm_message_encode makes it. "dc/" device: form (1), cursor (8), seen (8). Numbers are
 * big-endian.
 */
#include "cpm/deferred/dq.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FORM_MESSAGE = 1, FORM_DEVICE = 2, FORM_BRIEF_DEVICE = 3, HEAD_BYTES = 10 };

static void put_u64(char *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		p[i] = (char)v;
}

static uint64_t get_u64(const char *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | (unsigned char)p[i];
	return v;
}

/* ---- names ---- */

void dq_name_print(struct dq_name name, char text[DQ_NAME_BYTES + 1])
{
	static const char digit[] = "0123456789abcdef";

	memcpy(text, "dm/", 3);
	for (int i = 0; i < 16; i++)
		text[3 + i] = digit[name.at_us >> (60 - 4 * i) & 15];
	text[19] = '-';
	for (int i = 0; i < 8; i++)
		text[20 + i] = digit[name.salt >> (28 - 4 * i) & 15];
	text[DQ_NAME_BYTES] = '\0';
}

static int parse_hex(struct strv text, uint64_t *value_out)
{
	uint64_t v = 0;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint64_t)(c - 'a' + 10);
		else
			return -1;
	}
	*value_out = v;
	return 0;
}

int dq_name_parse(struct strv text, struct dq_name *name_out)
{
	uint64_t salt;

	if (text.n != DQ_NAME_BYTES || !strv_starts(text, DQ_MESSAGES) || text.p[19] != '-' ||
	    parse_hex(strv_mem(text.p + 3, 16), &name_out->at_us) < 0 ||
	    parse_hex(strv_mem(text.p + 20, 8), &salt) < 0)
		return -1;
	name_out->salt = (uint32_t)salt;
	return 0;
}

/* ---- messages ---- */

struct strv dq_record_encode(const struct cpm_message *message, int64_t expires_us,
			     const struct strv *taken, unsigned n_taken, struct arena *arena)
{
	struct strv body = cpm_message_encode(message, arena), none = { NULL, 0 };
	unsigned n = n_taken < DQ_TAKEN_MAX ? n_taken : DQ_TAKEN_MAX;
	size_t bytes = HEAD_BYTES + body.n;
	char *record, *p;

	if (!body.p)
		return none;
	for (unsigned i = 0; i < n; i++)
		bytes += 2 + (taken[i].n <= DQ_DEVICE_ID_MAX ? taken[i].n : 0);
	record = p = arena_alloc(arena, bytes);
	if (!record)
		return none;
	*p++ = FORM_MESSAGE;
	put_u64(p, (uint64_t)expires_us);
	p += 8;
	*p++ = (char)n;
	for (unsigned i = 0; i < n; i++) {
		size_t id_n = taken[i].n <= DQ_DEVICE_ID_MAX ? taken[i].n : 0;

		*p++ = (char)(id_n >> 8);
		*p++ = (char)id_n;
		memcpy(p, taken[i].p, id_n);
		p += id_n;
	}
	memcpy(p, body.p, body.n);
	return strv_mem(record, bytes);
}

int dq_record_decode(struct strv record, struct cpm_message **message_out, int64_t *expires_out,
		     struct strv *taken_out, unsigned *n_taken_out, struct err *err)
{
	const char *p = record.p, *end = record.p + record.n;

	*message_out = NULL;
	if (record.n < HEAD_BYTES || p[0] != FORM_MESSAGE || (unsigned char)p[9] > DQ_TAKEN_MAX)
		return err_set(err, ERR_CORRUPT, "a deferred message's record has no known form");
	*expires_out = (int64_t)get_u64(p + 1);
	*n_taken_out = (unsigned char)p[9];
	p += HEAD_BYTES;
	for (unsigned i = 0; i < *n_taken_out; i++) {
		size_t n;

		if (end - p < 2)
			return err_set(err, ERR_CORRUPT, "a deferred message's record is cut off");
		n = (size_t)(unsigned char)p[0] << 8 | (unsigned char)p[1];
		p += 2;
		if ((size_t)(end - p) < n)
			return err_set(err, ERR_CORRUPT, "a deferred message's record is cut off");
		taken_out[i] = strv_mem(p, n);
		p += n;
	}
	return cpm_message_decode(strv_mem(p, (size_t)(end - p)), message_out, err);
}

int dq_load_entry(struct dq *q, struct strv name, struct strv record,
		  struct cpm_message **message_out, struct err *err)
{
	struct strv taken[DQ_TAKEN_MAX];
	struct cpm_message *message;
	struct dq_name parsed;
	struct dq_slot slot;
	int64_t expires_us;
	unsigned n_taken;

	if (dq_name_parse(name, &parsed) < 0)
		return err_set(err, ERR_CORRUPT, "a deferred message's name has no known form");
	if (dq_record_decode(record, &message, &expires_us, taken, &n_taken, err) < 0)
		return -1;
	slot.at_us = parsed.at_us;
	dq_message_keys(q, cpm_message_of(message), &slot.key, &slot.id);
	slot.entry = dq_entry_new(q, taken, n_taken, expires_us, parsed.salt, record.n);
	if (!slot.entry || dq_add(q, &slot) < 0) {
		dq_entry_free(&slot.entry);
		cpm_message_drop(&message);
		return err_set(err, ERR_NOMEM, "no memory for a deferred message");
	}
	/* Whoever has passed it may have taken it: its end is not reported as a failure. */
	for (const struct dq_device *device = q->devices; device; device = device->next)
		slot.entry->was_taken |= device->cursor_us >= slot.at_us;
	if (message_out)
		*message_out = message;
	else
		cpm_message_drop(&message);
	return 0;
}

/* ---- devices ---- */

void dq_device_record(const struct dq_device *device, char record[DQ_DEVICE_RECORD_BYTES])
{
	record[0] = device->is_lasting ? FORM_DEVICE : FORM_BRIEF_DEVICE;
	put_u64(record + 1, device->cursor_us);
	put_u64(record + 9, (uint64_t)device->seen_us);
}

int dq_load_device(struct dq *q, struct strv name, struct strv record, struct err *err)
{
	struct strv id;
	struct dq_device *device;
	int64_t seen_us;

	if (!strv_starts(name, DQ_DEVICES) || name.n <= 3 || name.n - 3 > DQ_DEVICE_ID_MAX ||
	    record.n != DQ_DEVICE_RECORD_BYTES ||
	    (record.p[0] != FORM_DEVICE && record.p[0] != FORM_BRIEF_DEVICE))
		return err_set(err, ERR_CORRUPT, "a device's record has no known form");
	id = strv_mem(name.p + 3, name.n - 3);
	seen_us = (int64_t)get_u64(record.p + 9);
	device = dq_device_seen(q, id, record.p[0] == FORM_DEVICE, seen_us);
	if (!device)
		return err_set(err, ERR_NOMEM, "no memory for a device");
	device->cursor_us = get_u64(record.p + 1);
	device->seen_us = seen_us;
	device->has_record = 1;
	device->is_dirty = 0;
	if (device->cursor_us > q->last_us)
		q->last_us = device->cursor_us;
	return 0;
}
