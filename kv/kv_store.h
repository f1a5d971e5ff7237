/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_store.h - the open store, between kv.c (its face) and kv_committer.c (its one writer)
 */
#ifndef KV_KV_STORE_H
#define KV_KV_STORE_H

#include "kv/kv_engine.h"

enum { KV_SUBSCRIBERS_MAX = 8 };

/* Something to be done on the committer's thread between two groups. */
struct kv_task {
	struct kv_task *next;
	void (*run)(struct kv_task *task);
	int done;
};

struct kv {
	struct kv_options options;
	char *dir;
	struct jobs *jobs;
	struct kv_engine *engine;

	struct {
		void (*fn)(void *arg, const struct kv_change *change);
		void *arg;
	} subscribers[KV_SUBSCRIBERS_MAX];
	unsigned n_subscribers;

	pthread_t committer;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t wake;  /* the committer */
	pthread_cond_t idle;  /* task done, reads over */
	struct kv_batch *first, *last;
	struct kv_task *tasks, *last_task;
	unsigned queued;
	unsigned reading; /* reads that have not come back */
	int closing;
	int failed;
	char why[160];

	_Atomic uint64_t commits, conflicts, no_space, groups, reads;
	struct {
		struct metric *commits, *conflicts, *no_space, *busy, *failed;
		struct metric *groups, *group_batches, *reads, *retries;
		struct metric *commit_latency, *read_latency;
		struct metric *checkpoints, *queued, *disk, *free, *low;
	} metrics;
};

int kv_committer_start(struct kv *kv, struct err *err);
/* Commit what waits, then end the thread. */
void kv_committer_stop(struct kv *kv);

/* Queue BATCH, or complete it here when it cannot be queued. */
void kv_committer_add(struct kv *kv, struct kv_batch *batch);

/* Run TASK on the committer's thread and wait for it. Returns 0; -1 when the store has failed. */
int kv_committer_run(struct kv *kv, struct kv_task *task);

/* The engine's failed callback. */
void kv_committer_failed(void *kv, const char *why);

void kv_metrics_start(struct kv *kv);
void kv_metrics_stop(struct kv *kv);

#endif
