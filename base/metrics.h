/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/metrics.h - counters, gauges and histograms for /metrics
 *
 * A metric is made once, at start or on first use, and lives as long as the process; the pointer is
 * kept by whoever counts. Counting is a relaxed add to a cache line of the counting thread. Names
 * follow Prometheus: opencpm_<room>_<what>[_total|_seconds|_bytes]; they are an interface.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stddef.h>
#include <stdint.h>

struct metric;

/* Make or find the metric NAME with LABELS, which is written as in the exposition without the
 * braces (code="200",method="GET"; "" for none) by our own code: label values never come from
 * peers. The same name must always come with the same kind and help. NULL only when memory is
 * short or the name is taken by another kind; all functions below accept NULL. */
struct metric *metric_counter(const char *name, const char *help, const char *labels);
struct metric *metric_gauge(const char *name, const char *help, const char *labels);
/* Buckets from 100 us to about 100 s, by factors of about 3. */
struct metric *metric_histogram(const char *name, const char *help, const char *labels);

/* A gauge or counter whose value is asked for when /metrics is read: FN is called on any thread. A
 * counter's must never go down. */
struct metric *metric_gauge_fn(const char *name, const char *help, const char *labels,
			       double (*fn)(void *arg), void *arg);
struct metric *metric_counter_fn(const char *name, const char *help, const char *labels,
				 double (*fn)(void *arg), void *arg);
/* Stop asking: call before ARG goes away. */
void metric_fn_clear(struct metric *m);

void metric_add(struct metric *m, uint64_t n);	    /* counter */
void metric_set(struct metric *m, int64_t value);   /* gauge */
void metric_move(struct metric *m, int64_t by);	    /* gauge */
void metric_observe(struct metric *m, uint64_t us); /* histogram; microseconds */

/* A counter's or gauge's sum, a histogram's count. */
int64_t metric_value(const struct metric *m);

/* All metrics in Prometheus text format 0.0.4, for the caller to free; NULL when memory is short.
 */
char *metrics_print(size_t *bytes_out);

/* Call FN for every sample, in the order of metrics_print. */
void metrics_each(void (*fn)(void *arg, const char *name, const char *labels, double value),
		  void *arg);

#endif
