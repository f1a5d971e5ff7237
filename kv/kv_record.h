/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_record.h - how records, owner versions, journal entries and the store's own record look
 *
 * Local engines keep two ordered tables. In RECORDS stand, for each owner, its version under the
 * key OWNER and then its records under OWNER NUL NAME (an owner has no NUL, so an owner's keys are
 * neighbours, in the order of the names); the store's own record has the key NUL "store". In
 * JOURNAL stands one entry a commit under its sequence number, eight octets, big-endian.
 *
 * Every value starts with a letter for its kind and a CRC-32C over key and value, so that a value
 * that was changed, cut, or that stands under another key is known as damaged. Numbers are
 * big-endian. The decoders take any octets.
 */
#ifndef KV_KV_RECORD_H
#define KV_KV_RECORD_H

#include <stdint.h>

#include "base/arena.h"
#include "base/strv.h"
#include "kv/kv.h"

enum {
	KV_KEY_MAX = KV_OWNER_MAX + 1 + KV_NAME_MAX,
	KV_HEAD_BYTES = 1 + 4,			  /* kind, checksum */
	KV_RECORD_HEAD_BYTES = KV_HEAD_BYTES + 8, /* and the version, before the value */
	KV_OWNER_BYTES = KV_HEAD_BYTES + 8,
	KV_SEQ_BYTES = 8,
};

/* Put N octets, big-endian, and read them again. */
void kv_be_put(void *p, uint64_t value, unsigned n);
uint64_t kv_be_get(const void *p, unsigned n);

/* Fill in the head of a record that has KV_RECORD_HEAD_BYTES free octets before its value: DATA
 * points at the head and holds head and value. */
void kv_record_seal(void *data, size_t data_bytes, struct strv key, uint64_t version);

/* Returns 0; -1 when DATA is not what kv_record_seal wrote for KEY. VALUE_OUT points into DATA. */
int kv_record_open(struct strv key, struct strv data, struct strv *value_out,
		   uint64_t *version_out);

void kv_owner_encode(uint8_t data[KV_OWNER_BYTES], struct strv owner, uint64_t version);
int kv_owner_decode(struct strv owner, struct strv data, uint64_t *version_out);

/* A key of RECORDS taken apart. Returns 1 and a record's owner and name, 0 and an owner whose
 * version it is, -1 when it is neither. */
int kv_key_split(struct strv key, struct strv *owner_out, struct strv *name_out);

/* Octets of the entry for CHANGE, and the entry itself. GROUP is the number of the group commit:
 * a group is written only after the one before it was on disk. */
size_t kv_entry_bytes(const struct kv_change *change);
void kv_entry_encode(uint8_t *data, const struct kv_change *change, uint64_t group);

/* Returns 0 and CHANGE_OUT, whose owner and names point into DATA and whose ops are in ARENA; -1
 * when DATA is damaged, -2 when ARENA is exhausted. */
int kv_entry_decode(struct strv key, struct strv data, struct arena *arena,
		    struct kv_change *change_out, uint64_t *group_out);

/* The store's own record. */
struct kv_meta {
	uint64_t epoch;
	uint32_t format;      /* the schema number */
	struct strv migrated; /* the last key that the step from FORMAT has done; empty: none */
};
enum { KV_META_MAX = KV_HEAD_BYTES + 8 + 4 + 2 + KV_KEY_MAX };
extern const struct strv kv_meta_key;
size_t kv_meta_encode(uint8_t data[KV_META_MAX], const struct kv_meta *meta);
int kv_meta_decode(struct strv data, struct kv_meta *meta_out); /* borrows from DATA */

#endif
