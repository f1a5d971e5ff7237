/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_batch.c - building a batch: bounds, copies, and what of it the journal says
 *
 * Keys are made whole and values get the room for their head here, on the caller's thread, so that
 * the committer, which there is only one of, copies as little as it can.
 */
#include "kv/kv_priv.h"

#include <stdlib.h>

#include "kv/kv_record.h"

enum { FIRST_STEPS = 8 };

struct kv_batch *kv_batch_new(struct strv owner)
{
	struct kv_batch *batch;
	struct arena *arena;
	char *copy;

	if (!owner.n || owner.n > KV_OWNER_MAX || memchr(owner.p, '\0', owner.n))
		return NULL;
	arena = arena_new(0);
	if (!arena)
		return NULL;
	batch = arena_zalloc(arena, 1, sizeof(*batch));
	copy = arena_strdup(arena, owner);
	if (!batch || !copy) {
		arena_free(&arena);
		return NULL;
	}
	batch->arena = arena;
	batch->owner = strv_mem(copy, owner.n);
	return batch;
}

void kv_batch_free(struct kv_batch **batch_at)
{
	struct kv_batch *batch = *batch_at;
	struct arena *arena;

	*batch_at = NULL;
	if (!batch)
		return;
	arena = batch->arena;
	arena_free(&arena);
}

static int spoil(struct kv_batch *batch)
{
	batch->bad = 1;
	return -1;
}

/* A free step, cleared; NULL when the batch is full or memory is short. */
static struct kv_step *add_step(struct kv_batch *batch)
{
	unsigned cap = batch->cap_steps ? batch->cap_steps * 2 : FIRST_STEPS;
	struct kv_step *steps;

	if (batch->n_steps == KV_BATCH_OPS_MAX)
		return NULL;
	if (batch->n_steps == batch->cap_steps) {
		steps = arena_zalloc(batch->arena, cap, sizeof(*steps));
		if (!steps)
			return NULL;
		if (batch->n_steps)
			memcpy(steps, batch->steps, batch->n_steps * sizeof(*steps));
		batch->steps = steps;
		batch->cap_steps = cap;
	}
	return &batch->steps[batch->n_steps];
}

/* Count BYTES more. Returns 0, or -1 when the batch would grow too large. */
static int add_bytes(struct kv_batch *batch, size_t bytes)
{
	if (bytes > KV_BATCH_BYTES_MAX - batch->bytes)
		return -1;
	batch->bytes += bytes;
	return 0;
}

static int make_key(struct kv_batch *batch, struct strv name, struct strv *key_out)
{
	size_t n = batch->owner.n + 1 + name.n;
	char *key;

	if (name.n > KV_NAME_MAX || add_bytes(batch, n) < 0)
		return -1;
	key = arena_alloc(batch->arena, n);
	if (!key)
		return -1;
	memcpy(key, batch->owner.p, batch->owner.n);
	key[batch->owner.n] = '\0';
	if (name.n)
		memcpy(key + batch->owner.n + 1, name.p, name.n);
	*key_out = strv_mem(key, n);
	return 0;
}

/* The key behind all of the owner's: no record and no other owner lies between. */
static int make_end(struct kv_batch *batch, struct strv *key_out)
{
	char *key = arena_alloc(batch->arena, batch->owner.n + 1);

	if (!key)
		return -1;
	memcpy(key, batch->owner.p, batch->owner.n);
	key[batch->owner.n] = '\1';
	*key_out = strv_mem(key, batch->owner.n + 1);
	return 0;
}

int kv_batch_put(struct kv_batch *batch, struct strv name, struct strv value)
{
	struct kv_step *step = add_step(batch);
	char *data;

	if (!step || value.n > KV_VALUE_MAX || make_key(batch, name, &step->key) < 0 ||
	    add_bytes(batch, value.n) < 0)
		return spoil(batch);
	data = arena_alloc(batch->arena, KV_RECORD_HEAD_BYTES + value.n);
	if (!data)
		return spoil(batch);
	if (value.n)
		memcpy(data + KV_RECORD_HEAD_BYTES, value.p, value.n);
	step->kind = KV_PUT;
	step->data = strv_mem(data, KV_RECORD_HEAD_BYTES + value.n);
	batch->n_steps++;
	batch->n_ops++;
	batch->puts++;
	return 0;
}

/* A step that has a key only. */
static int add_keyed(struct kv_batch *batch, enum kv_step_kind kind, struct strv name,
		     uint64_t version)
{
	struct kv_step *step = add_step(batch);

	if (!step || make_key(batch, name, &step->key) < 0)
		return spoil(batch);
	step->kind = kind;
	step->version = version;
	batch->n_steps++;
	return 0;
}

int kv_batch_del(struct kv_batch *batch, struct strv name)
{
	if (add_keyed(batch, KV_DEL, name, 0) < 0)
		return -1;
	batch->n_ops++;
	return 0;
}

int kv_batch_del_range(struct kv_batch *batch, struct strv from, struct strv to)
{
	struct kv_step *step = add_step(batch);
	int made;

	if (!step || make_key(batch, from, &step->key) < 0)
		return spoil(batch);
	made = to.n ? make_key(batch, to, &step->key_to) : make_end(batch, &step->key_to);
	if (made < 0)
		return spoil(batch);
	step->kind = KV_DEL_RANGE;
	batch->n_steps++;
	batch->n_ops++;
	return 0;
}

int kv_batch_require_absent(struct kv_batch *batch, struct strv name)
{
	return add_keyed(batch, KV_ABSENT, name, 0);
}

int kv_batch_require_version(struct kv_batch *batch, struct strv name, uint64_t version)
{
	return add_keyed(batch, KV_VERSION, name, version);
}

/* The name part of a step's key (KEY or KEY_TO); empty for an owner's end. */
static struct strv step_name(const struct kv_batch *batch, struct strv key)
{
	size_t head = batch->owner.n + 1;

	if (key.n <= head)
		return strv_mem(NULL, 0);
	return strv_mem(key.p + head, key.n - head);
}

int kv_batch_seal(struct kv_batch *batch)
{
	struct kv_op *op;

	if (batch->bad)
		return -1;
	op = arena_zalloc(batch->arena, batch->n_ops + 1, sizeof(*op));
	if (!op)
		return -1;
	batch->ops = op;
	for (unsigned i = 0; i < batch->n_steps; i++) {
		const struct kv_step *step = &batch->steps[i];

		if (step->kind > KV_DEL_RANGE)
			continue;
		op->kind = step->kind == KV_PUT	  ? KV_OP_PUT
			   : step->kind == KV_DEL ? KV_OP_DEL
						  : KV_OP_DEL_RANGE;
		op->name = step_name(batch, step->key);
		if (step->kind == KV_DEL_RANGE)
			op->to = step_name(batch, step->key_to);
		op++;
	}
	return 0;
}

void kv_batch_change(const struct kv_batch *batch, struct kv_change *change_out)
{
	change_out->seq = batch->result.seq;
	change_out->time_us = batch->time_us;
	change_out->owner = batch->owner;
	change_out->ops = batch->ops;
	change_out->n_ops = batch->n_ops;
}

/* ---- growing buffers ---- */

int kv_buf_reserve(struct kv_buf *buf, size_t n)
{
	size_t cap = buf->cap ? buf->cap : 4096;
	char *p;

	if (n > SIZE_MAX / 4 - buf->n)
		return -1;
	while (cap < buf->n + n)
		cap *= 2;
	if (cap == buf->cap)
		return 0;
	p = realloc(buf->p, cap);
	if (!p)
		return -1;
	buf->p = p;
	buf->cap = cap;
	return 0;
}

int kv_buf_append(struct kv_buf *buf, const void *p, size_t n)
{
	if (kv_buf_reserve(buf, n) < 0)
		return -1;
	if (n)
		memcpy(buf->p + buf->n, p, n);
	buf->n += n;
	return 0;
}

void kv_buf_fini(struct kv_buf *buf)
{
	free(buf->p);
	*buf = (struct kv_buf){ NULL, 0, 0 };
}
