/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_bdb_checkpoint.c - the checkpoint thread: bounds what recovery has to do, removes old logs
 *
 * A checkpoint by amount of log or by age, whichever comes first. One that fails for want of room
 * is tried again; a failed sync has latched the engine by itself. Log files go when no recovery
 * needs them and no backup is copying.
 */
#include "kv/kv_bdb.h"

#include <stdlib.h>
#include <time.h>

#include "base/log.h"

enum { LOOK_MS = 200 };

int bdb_checkpoint(struct bdb *bdb, int force)
{
	DB_ENV *env = bdb->map.env;
	int ret, keep_logs;

	if (bdb->latched)
		return DB_RUNRECOVERY;
	ret = env->txn_checkpoint(env, 0, 0, force ? DB_FORCE : 0);
	if (ret != 0 || bdb->latched)
		return ret ? ret : DB_RUNRECOVERY;
	bdb->local.engine.checkpoints++;
	pthread_mutex_lock(&bdb->lock);
	keep_logs = bdb->backups > 0;
	if (!keep_logs)
		ret = env->log_archive(env, NULL, DB_ARCH_REMOVE);
	pthread_mutex_unlock(&bdb->lock);
	return ret;
}

/* Octets of log written since the last checkpoint. */
static uint64_t log_since(struct bdb *bdb)
{
	DB_ENV *env = bdb->map.env;
	DB_LOG_STAT *stat = NULL;
	uint64_t bytes = 0;

	if (env->log_stat(env, &stat, 0) == 0) {
		bytes = (uint64_t)stat->st_wc_mbytes << 20 | stat->st_wc_bytes;
		free(stat);
	}
	return bytes;
}

static void tell(struct bdb *bdb, int ret)
{
	if (ret != 0 && !bdb->latched) {
		/* Once a row of failures: it is tried again every look. */
		if (bdb->checkpoint_fails++ == 0)
			log_error(LOG_KV, "checkpoint failed, it is tried again",
				  L_STR("dir", bdb->dir), L_STR("error", db_strerror(ret)));
		if (ret == DB_RUNRECOVERY)
			bdb_latch(bdb, "a checkpoint failed: %s", db_strerror(ret));
	} else if (ret == 0 && bdb->checkpoint_fails) {
		log_info(LOG_KV, "checkpoint succeeded again", L_STR("dir", bdb->dir),
			 L_INT("failures", (int64_t)bdb->checkpoint_fails));
		bdb->checkpoint_fails = 0;
	}
}

/* Wait for the next look. Returns 0 when the thread shall end. */
static int wait_for_look(struct bdb *bdb)
{
	struct timespec at;
	int stopping;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_nsec += LOOK_MS * 1000000L;
	at.tv_sec += at.tv_nsec / 1000000000;
	at.tv_nsec %= 1000000000;
	pthread_mutex_lock(&bdb->lock);
	if (!bdb->stopping)
		pthread_cond_timedwait(&bdb->wake, &bdb->lock, &at);
	stopping = bdb->stopping;
	pthread_mutex_unlock(&bdb->lock);
	return !stopping;
}

static void *checkpoint_main(void *arg)
{
	struct bdb *bdb = arg;
	const struct kv_options *options = bdb->local.engine.options;
	uint64_t last_us = kv_monotonic_us();

	pthread_setname_np(pthread_self(), "kv-checkpoint");
	while (wait_for_look(bdb) && !bdb->latched) {
		uint64_t now_us = kv_monotonic_us(), bytes = log_since(bdb);
		int ret;

		if (!bytes || (bytes < options->checkpoint_bytes &&
			       now_us - last_us < options->checkpoint_s * UINT64_C(1000000) &&
			       !bdb->local.engine.low_space))
			continue;
		ret = bdb_checkpoint(bdb, 0);
		last_us = kv_monotonic_us();
		tell(bdb, ret);
		log_debug(LOG_KV, "checkpoint", L_INT("ms", (int64_t)(last_us - now_us) / 1000),
			  L_INT("log_bytes", (int64_t)bytes), L_INT("ret", ret));
	}
	return NULL;
}

int bdb_checkpoint_start(struct bdb *bdb, struct err *err)
{
	int failed = pthread_create(&bdb->checkpointer, NULL, checkpoint_main, bdb);

	if (failed)
		return err_sys(err, ERR_IO, failed, "cannot start the checkpoint thread");
	bdb->checkpointing = 1;
	return 0;
}

void bdb_checkpoint_stop(struct bdb *bdb)
{
	if (!bdb->checkpointing)
		return;
	pthread_mutex_lock(&bdb->lock);
	bdb->stopping = 1;
	pthread_cond_signal(&bdb->wake);
	pthread_mutex_unlock(&bdb->lock);
	pthread_join(bdb->checkpointer, NULL);
	bdb->checkpointing = 0;
}
