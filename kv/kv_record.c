/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_record.c - encoding and strict decoding of what the local engines store
 *
 * See kv_record.h for the forms. Where the bytes lie is the engines' business; what a damaged one
 * means is decided by whoever reads it.
 */
#include "kv/kv_record.h"

#include "kv/kv_crc.h"

enum { RECORD_KIND = 'R', OWNER_KIND = 'O', ENTRY_KIND = 'J', META_KIND = 'S' };
enum { ENTRY_HEAD_BYTES = KV_HEAD_BYTES + 8 + 8 + 1, ENTRY_COUNT_BYTES = 2, NAME_LEN_BYTES = 2 };

const struct strv kv_meta_key = { "\0store", 6 };

void kv_be_put(void *p, uint64_t value, unsigned n)
{
	uint8_t *octet = p;

	while (n--) {
		octet[n] = (uint8_t)value;
		value >>= 8;
	}
}

uint64_t kv_be_get(const void *p, unsigned n)
{
	const uint8_t *octet = p;
	uint64_t value = 0;

	while (n--)
		value = value << 8 | *octet++;
	return value;
}

/* The checksum covers the kind, the key and all that stands behind the checksum itself. */
static uint32_t sum(struct strv key, const uint8_t *data, size_t bytes)
{
	uint32_t crc = kv_crc(0, data, 1);

	crc = kv_crc(crc, key.p, key.n);
	return kv_crc(crc, data + KV_HEAD_BYTES, bytes - KV_HEAD_BYTES);
}

static void seal(uint8_t *data, size_t bytes, uint8_t kind, struct strv key)
{
	data[0] = kind;
	kv_be_put(data + 1, sum(key, data, bytes), 4);
}

/* Returns 0; -1 when DATA is not sealed as KIND for KEY or has under LEAST octets. */
static int unseal(struct strv data, uint8_t kind, struct strv key, size_t least)
{
	const uint8_t *octet = (const uint8_t *)data.p;

	if (data.n < least || octet[0] != kind)
		return -1;
	return kv_be_get(octet + 1, 4) == sum(key, octet, data.n) ? 0 : -1;
}

void kv_record_seal(void *data, size_t data_bytes, struct strv key, uint64_t version)
{
	kv_be_put((uint8_t *)data + KV_HEAD_BYTES, version, 8);
	seal(data, data_bytes, RECORD_KIND, key);
}

int kv_record_open(struct strv key, struct strv data, struct strv *value_out, uint64_t *version_out)
{
	if (unseal(data, RECORD_KIND, key, KV_RECORD_HEAD_BYTES) < 0 ||
	    data.n > KV_RECORD_HEAD_BYTES + (size_t)KV_VALUE_MAX)
		return -1;
	*version_out = kv_be_get(data.p + KV_HEAD_BYTES, 8);
	*value_out = strv_mem(data.p + KV_RECORD_HEAD_BYTES, data.n - KV_RECORD_HEAD_BYTES);
	return 0;
}

void kv_owner_encode(uint8_t data[KV_OWNER_BYTES], struct strv owner, uint64_t version)
{
	kv_be_put(data + KV_HEAD_BYTES, version, 8);
	seal(data, KV_OWNER_BYTES, OWNER_KIND, owner);
}

int kv_owner_decode(struct strv owner, struct strv data, uint64_t *version_out)
{
	if (data.n != KV_OWNER_BYTES || unseal(data, OWNER_KIND, owner, KV_OWNER_BYTES) < 0)
		return -1;
	*version_out = kv_be_get(data.p + KV_HEAD_BYTES, 8);
	return 0;
}

int kv_key_split(struct strv key, struct strv *owner_out, struct strv *name_out)
{
	const char *nul = key.n ? memchr(key.p, '\0', key.n) : NULL;
	size_t owner_bytes = nul ? (size_t)(nul - key.p) : key.n;

	if (!owner_bytes || owner_bytes > KV_OWNER_MAX || key.n > owner_bytes + 1 + KV_NAME_MAX)
		return -1;
	*owner_out = strv_mem(key.p, owner_bytes);
	*name_out = nul ? strv_mem(nul + 1, key.n - owner_bytes - 1) : strv_mem(NULL, 0);
	return nul ? 1 : 0;
}

/* ---- journal entries ---- */

size_t kv_entry_bytes(const struct kv_change *change)
{
	size_t bytes = ENTRY_HEAD_BYTES + change->owner.n + ENTRY_COUNT_BYTES;

	for (unsigned i = 0; i < change->n_ops; i++) {
		const struct kv_op *op = &change->ops[i];

		bytes += 1 + NAME_LEN_BYTES + op->name.n;
		if (op->kind == KV_OP_DEL_RANGE)
			bytes += NAME_LEN_BYTES + op->to.n;
	}
	return bytes;
}

static uint8_t *put_name(uint8_t *p, struct strv name)
{
	kv_be_put(p, name.n, NAME_LEN_BYTES);
	if (name.n)
		memcpy(p + NAME_LEN_BYTES, name.p, name.n);
	return p + NAME_LEN_BYTES + name.n;
}

void kv_entry_encode(uint8_t *data, const struct kv_change *change, uint64_t group)
{
	uint8_t key[KV_SEQ_BYTES], *p = data + KV_HEAD_BYTES;

	kv_be_put(p, group, 8);
	kv_be_put(p + 8, (uint64_t)change->time_us, 8);
	p[16] = (uint8_t)change->owner.n;
	memcpy(p + 17, change->owner.p, change->owner.n);
	p += 17 + change->owner.n;
	kv_be_put(p, change->n_ops, ENTRY_COUNT_BYTES);
	p += ENTRY_COUNT_BYTES;
	for (unsigned i = 0; i < change->n_ops; i++) {
		const struct kv_op *op = &change->ops[i];

		*p++ = (uint8_t)op->kind;
		p = put_name(p, op->name);
		if (op->kind == KV_OP_DEL_RANGE)
			p = put_name(p, op->to);
	}
	kv_be_put(key, change->seq, sizeof(key));
	seal(data, (size_t)(p - data), ENTRY_KIND, strv_mem(key, sizeof(key)));
}

/* Cut N octets off the front of REST. Returns 0, or -1 when it has fewer. */
static int cut(struct strv *rest, size_t n, struct strv *out)
{
	if (rest->n < n)
		return -1;
	*out = strv_mem(rest->p, n);
	*rest = strv_mem(rest->p + n, rest->n - n);
	return 0;
}

static int cut_name(struct strv *rest, struct strv *name_out)
{
	struct strv len;
	uint64_t n;

	if (cut(rest, NAME_LEN_BYTES, &len) < 0)
		return -1;
	n = kv_be_get(len.p, NAME_LEN_BYTES);
	return n > KV_NAME_MAX ? -1 : cut(rest, n, name_out);
}

static int cut_op(struct strv *rest, struct kv_op *op)
{
	struct strv kind;

	if (cut(rest, 1, &kind) < 0 || (uint8_t)kind.p[0] > KV_OP_DEL_RANGE)
		return -1;
	op->kind = (enum kv_op_kind)kind.p[0];
	op->to = strv_mem(NULL, 0);
	if (cut_name(rest, &op->name) < 0)
		return -1;
	return op->kind == KV_OP_DEL_RANGE ? cut_name(rest, &op->to) : 0;
}

int kv_entry_decode(struct strv key, struct strv data, struct arena *arena,
		    struct kv_change *change_out, uint64_t *group_out)
{
	struct strv rest, count;
	struct kv_op *ops;
	unsigned n;

	if (key.n != KV_SEQ_BYTES || unseal(data, ENTRY_KIND, key, ENTRY_HEAD_BYTES) < 0)
		return -1;
	change_out->seq = kv_be_get(key.p, KV_SEQ_BYTES);
	*group_out = kv_be_get(data.p + KV_HEAD_BYTES, 8);
	change_out->time_us = (int64_t)kv_be_get(data.p + KV_HEAD_BYTES + 8, 8);
	rest = strv_mem(data.p + ENTRY_HEAD_BYTES, data.n - ENTRY_HEAD_BYTES);
	if (cut(&rest, (uint8_t)data.p[ENTRY_HEAD_BYTES - 1], &change_out->owner) < 0 ||
	    !change_out->owner.n || cut(&rest, ENTRY_COUNT_BYTES, &count) < 0)
		return -1;
	n = (unsigned)kv_be_get(count.p, ENTRY_COUNT_BYTES);
	if (n > KV_BATCH_OPS_MAX)
		return -1;
	ops = arena_zalloc(arena, n ? n : 1, sizeof(*ops));
	if (!ops)
		return -2;
	for (unsigned i = 0; i < n; i++)
		if (cut_op(&rest, &ops[i]) < 0)
			return -1;
	change_out->ops = ops;
	change_out->n_ops = n;
	return rest.n ? -1 : 0;
}

/* ---- the store's own record ---- */

size_t kv_meta_encode(uint8_t data[KV_META_MAX], const struct kv_meta *meta)
{
	uint8_t *p = data + KV_HEAD_BYTES;

	kv_be_put(p, meta->epoch, 8);
	kv_be_put(p + 8, meta->format, 4);
	p += 12;
	kv_be_put(p, meta->migrated.n, 2);
	if (meta->migrated.n)
		memcpy(p + 2, meta->migrated.p, meta->migrated.n);
	p += 2 + meta->migrated.n;
	seal(data, (size_t)(p - data), META_KIND, kv_meta_key);
	return (size_t)(p - data);
}

int kv_meta_decode(struct strv data, struct kv_meta *meta_out)
{
	size_t fixed = KV_HEAD_BYTES + 14, n;

	if (unseal(data, META_KIND, kv_meta_key, fixed) < 0)
		return -1;
	meta_out->epoch = kv_be_get(data.p + KV_HEAD_BYTES, 8);
	meta_out->format = (uint32_t)kv_be_get(data.p + KV_HEAD_BYTES + 8, 4);
	n = kv_be_get(data.p + KV_HEAD_BYTES + 12, 2);
	if (n > KV_KEY_MAX || data.n != fixed + n)
		return -1;
	meta_out->migrated = strv_mem(data.p + fixed, n);
	return 0;
}
