/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/kv/kvtest.h - what the store's tests share: stores in temporary folders, short spellings
 */
#ifndef TESTS_KV_KVTEST_H
#define TESTS_KV_KVTEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kv/kv.h"

/* A store of one engine in a folder of its own. */
struct kvtest {
	const char *engine;
	char root[64]; /* made by kvtest_begin, with all in it removed by kvtest_end */
	char dir[200]; /* the store's, in it */
	struct kv_options options;
	struct kv *kv;
};

/* Fill T in, without opening anything. */
void kvtest_begin(struct kvtest *t, const char *engine);
void kvtest_open(struct kvtest *t, struct jobs *jobs);
void kvtest_close(struct kvtest *t);
void kvtest_end(struct kvtest *t);

/* A name in T's folder; valid until the call after next. */
const char *kvtest_path(struct kvtest *t, const char *name);
/* Remove PATH with all below it; absent is fine. */
void kvtest_remove(const char *path);

struct kv_batch *kvtest_batch(const char *owner);
void kvtest_put(struct kv_batch *batch, const char *name, const char *value);
/* Commit one put, which must succeed; its number. */
uint64_t kvtest_put1(struct kv *kv, const char *owner, const char *name, const char *value);
enum kv_status kvtest_commit(struct kv *kv, struct kv_batch *batch, uint64_t *seq_out);

/* One record as text in a buffer of the call's own (valid until the call after next), NULL when
 * there is none. */
const char *kvtest_get(struct kv *kv, const char *owner, const char *name, uint64_t *version_out);
/* A whole owner as "name=value@version name=value@version". */
const char *kvtest_list(struct kv *kv, const char *owner);

/* Wait until FLAG is at least VALUE; fails the test after a generous time. */
void kvtest_wait(const _Atomic int *flag, int value);

/* Fails the test unless VERIFY finds no fault. */
void kvtest_verify(struct kv *kv);

#endif
