/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_metrics.c - what /metrics says of the store
 */
#include "kv/kv_store.h"

enum { QUEUED, DISK, FREE, LOW, RETRIES, CHECKPOINTS };

static double value_of(struct kv *kv, int what)
{
	struct kv_stats stats;

	kv_stats(kv, &stats);
	switch (what) {
	case QUEUED:
		return (double)stats.queued;
	case DISK:
		return (double)stats.disk_bytes;
	case FREE:
		return (double)stats.free_bytes;
	case LOW:
		return stats.low_space;
	case RETRIES:
		return (double)stats.retries;
	default:
		return (double)stats.checkpoints;
	}
}

static double get_queued(void *kv)
{
	return value_of(kv, QUEUED);
}

static double get_disk(void *kv)
{
	return value_of(kv, DISK);
}

static double get_free(void *kv)
{
	return value_of(kv, FREE);
}

static double get_low(void *kv)
{
	return value_of(kv, LOW);
}

static double get_retries(void *kv)
{
	return value_of(kv, RETRIES);
}

static double get_checkpoints(void *kv)
{
	return value_of(kv, CHECKPOINTS);
}

static struct metric *result_counter(const char *labels)
{
	return metric_counter("opencpm_kv_commits_total", "Batches by how they ended.", labels);
}

void kv_metrics_start(struct kv *kv)
{
	kv->metrics.commits = result_counter("result=\"done\"");
	kv->metrics.conflicts = result_counter("result=\"conflict\"");
	kv->metrics.no_space = result_counter("result=\"no-space\"");
	kv->metrics.busy = result_counter("result=\"busy\"");
	kv->metrics.failed = result_counter("result=\"failed\"");
	kv->metrics.groups = metric_counter("opencpm_kv_groups_total", "Synced transactions.", "");
	kv->metrics.group_batches =
		metric_counter("opencpm_kv_group_batches_total",
			       "Batches that were in them: over groups, the size of a group.", "");
	kv->metrics.reads = metric_counter("opencpm_kv_reads_total", "Reads of one owner.", "");
	kv->metrics.commit_latency =
		metric_histogram("opencpm_kv_commit_seconds",
				 "From the call until the batch is on disk.", "");
	kv->metrics.read_latency =
		metric_histogram("opencpm_kv_read_seconds",
				 "Time in the engine of a read of one owner.", "");
	kv->metrics.queued = metric_gauge_fn("opencpm_kv_queued_batches", "Batches that wait.", "",
					     get_queued, kv);
	kv->metrics.disk = metric_gauge_fn("opencpm_kv_disk_bytes", "Octets of the store's folder.",
					   "", get_disk, kv);
	kv->metrics.free = metric_gauge_fn("opencpm_kv_free_bytes",
					   "Free octets of its file system.", "", get_free, kv);
	kv->metrics.low = metric_gauge_fn("opencpm_kv_low_space", "1 while writes are refused.", "",
					  get_low, kv);
	kv->metrics.retries = metric_counter_fn(
		"opencpm_kv_retries_total",
		"Deadlocks and reads that were repeated because the owner changed.", "",
		get_retries, kv);
	kv->metrics.checkpoints = metric_counter_fn("opencpm_kv_checkpoints_total",
						    "Checkpoints made.", "", get_checkpoints, kv);
}

void kv_metrics_stop(struct kv *kv)
{
	struct metric *asked[] = {
		kv->metrics.queued, kv->metrics.disk,	 kv->metrics.free,
		kv->metrics.low,    kv->metrics.retries, kv->metrics.checkpoints
	};

	for (unsigned i = 0; i < sizeof(asked) / sizeof(asked[0]); i++)
		metric_fn_clear(asked[i]);
}
