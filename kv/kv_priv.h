/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_priv.h - what the files of this room share: batches, the open store, scratch buffers
 */
#ifndef KV_KV_PRIV_H
#define KV_KV_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/metrics.h"
#include "kv/kv.h"

/* ---- batches ---- */

enum kv_step_kind { KV_PUT, KV_DEL, KV_DEL_RANGE, KV_ABSENT, KV_VERSION };

/* One operation or precondition. Keys are whole: owner, NUL, name. */
struct kv_step {
	enum kv_step_kind kind;
	struct strv key;
	struct strv key_to; /* KV_DEL_RANGE: behind the last one, within the owner or at its end */
	struct strv data;   /* KV_PUT: KV_RECORD_HEAD_BYTES free octets, then the value */
	uint64_t version;   /* KV_VERSION */
};

/* A batch lives in its own arena, the struct too. While it waits for the commit it is also the
 * request: no memory is needed from kv_commit on. */
struct kv_batch {
	struct arena *arena;
	struct strv owner;
	struct kv_step *steps;
	unsigned n_steps, cap_steps;
	size_t bytes;	   /* keys and values */
	int bad;	   /* an error while filling it */
	int puts;	   /* of them */
	struct kv_op *ops; /* what changes, for the journal and the subscribers */
	unsigned n_ops;

	struct post post;
	struct kv_batch *next;
	struct worker *home;
	kv_commit_fn *done;
	void *arg;
	uint64_t asked_us; /* monotonic */
	struct kv_commit_result result;
	int64_t time_us; /* of the commit */
};

/* Fill OPS in. Returns 0; -1 when the batch is bad or memory is short. */
int kv_batch_seal(struct kv_batch *batch);
void kv_batch_change(const struct kv_batch *batch, struct kv_change *change_out);

/* ---- growing buffers ---- */

struct kv_buf {
	char *p;
	size_t n, cap;
};

/* Room for N octets behind what is there. Returns 0 or -1. */
int kv_buf_reserve(struct kv_buf *buf, size_t n);
int kv_buf_append(struct kv_buf *buf, const void *p, size_t n);
void kv_buf_fini(struct kv_buf *buf);

/* ---- clocks ---- */

uint64_t kv_monotonic_us(void);
int64_t kv_unix_us(void);

#endif
