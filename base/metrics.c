/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/metrics.c - the process's metrics and their Prometheus text form
 *
 * See metrics.h. Metrics stand in one list ordered by name and labels, so that a family's samples
 * follow each other; it grows at start and is never cut. A counting thread has a shard of its own
 * as long as there are no more than SHARDS threads.
 */
#include "base/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHARDS = 16, BUCKETS = 13, LINE = 64 };

enum kind { COUNTER, GAUGE, HISTOGRAM };

static const char *const kind_names[] = { "counter", "gauge", "histogram" };

static const uint64_t bucket_us[BUCKETS] = { 100,      300,	 1000,	   3000,    10000,
					     30000,    100000,	 300000,   1000000, 3000000,
					     10000000, 30000000, 100000000 };

struct shard {
	_Alignas(LINE) _Atomic uint64_t sum;  /* a counter's value; a histogram's microseconds */
	_Atomic uint64_t bucket[BUCKETS + 1]; /* histogram: the last one is +Inf */
};

struct metric {
	struct metric *next;
	char *name, *help, *labels;
	enum kind kind;
	_Atomic int64_t gauge;
	pthread_mutex_t lock; /* of fn and arg */
	double (*fn)(void *arg);
	void *arg;
	struct shard *shard; /* SHARDS of them; NULL for a gauge */
};

static struct metric *all;
static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic unsigned next_shard;
static __thread unsigned my_shard; /* plus 1; 0: none yet */

static struct shard *shard_of(struct metric *m)
{
	if (!my_shard)
		my_shard = atomic_fetch_add(&next_shard, 1) % SHARDS + 1;
	return &m->shard[my_shard - 1];
}

static void metric_free(struct metric *m)
{
	if (!m)
		return;
	free(m->name);
	free(m->help);
	free(m->labels);
	free(m->shard);
	free(m);
}

static struct metric *metric_new(enum kind kind, const char *name, const char *help,
				 const char *labels)
{
	struct metric *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->kind = kind;
	m->name = strdup(name);
	m->help = strdup(help);
	m->labels = strdup(labels);
	if (kind != GAUGE)
		m->shard = aligned_alloc(LINE, SHARDS * sizeof(struct shard));
	if (!m->name || !m->help || !m->labels || (kind != GAUGE && !m->shard)) {
		metric_free(m);
		return NULL;
	}
	if (m->shard)
		memset(m->shard, 0, SHARDS * sizeof(struct shard));
	pthread_mutex_init(&m->lock, NULL);
	return m;
}

/* Find or make, in order. */
static struct metric *obtain(enum kind kind, const char *name, const char *help, const char *labels)
{
	struct metric **at, *m = NULL;
	int c = 1;

	pthread_mutex_lock(&all_lock);
	for (at = &all; *at; at = &(*at)->next) {
		c = strcmp((*at)->name, name);
		if (c == 0 && (*at)->kind != kind)
			goto out;
		if (c == 0)
			c = strcmp((*at)->labels, labels);
		if (c >= 0)
			break;
	}
	if (*at && c == 0) {
		m = *at;
	} else {
		m = metric_new(kind, name, help, labels);
		if (m) {
			m->next = *at;
			*at = m;
		}
	}
out:
	pthread_mutex_unlock(&all_lock);
	return m;
}

struct metric *metric_counter(const char *name, const char *help, const char *labels)
{
	return obtain(COUNTER, name, help, labels);
}

struct metric *metric_gauge(const char *name, const char *help, const char *labels)
{
	return obtain(GAUGE, name, help, labels);
}

struct metric *metric_histogram(const char *name, const char *help, const char *labels)
{
	return obtain(HISTOGRAM, name, help, labels);
}

static struct metric *ask(struct metric *m, double (*fn)(void *arg), void *arg)
{
	if (!m)
		return NULL;
	pthread_mutex_lock(&m->lock);
	m->fn = fn;
	m->arg = arg;
	pthread_mutex_unlock(&m->lock);
	return m;
}

struct metric *metric_gauge_fn(const char *name, const char *help, const char *labels,
			       double (*fn)(void *arg), void *arg)
{
	return ask(obtain(GAUGE, name, help, labels), fn, arg);
}

struct metric *metric_counter_fn(const char *name, const char *help, const char *labels,
				 double (*fn)(void *arg), void *arg)
{
	return ask(obtain(COUNTER, name, help, labels), fn, arg);
}

void metric_fn_clear(struct metric *m)
{
	if (!m)
		return;
	pthread_mutex_lock(&m->lock);
	m->fn = NULL;
	pthread_mutex_unlock(&m->lock);
}

void metric_add(struct metric *m, uint64_t n)
{
	if (m && m->kind == COUNTER)
		atomic_fetch_add_explicit(&shard_of(m)->sum, n, memory_order_relaxed);
}

void metric_set(struct metric *m, int64_t value)
{
	if (m)
		atomic_store_explicit(&m->gauge, value, memory_order_relaxed);
}

void metric_move(struct metric *m, int64_t by)
{
	if (m)
		atomic_fetch_add_explicit(&m->gauge, by, memory_order_relaxed);
}

void metric_observe(struct metric *m, uint64_t us)
{
	struct shard *shard;
	unsigned bucket = 0;

	if (!m || m->kind != HISTOGRAM)
		return;
	while (bucket < BUCKETS && us > bucket_us[bucket])
		bucket++;
	shard = shard_of(m);
	atomic_fetch_add_explicit(&shard->bucket[bucket], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&shard->sum, us, memory_order_relaxed);
}

static uint64_t sum_of(const struct metric *m)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < SHARDS; i++)
		sum += atomic_load_explicit(&m->shard[i].sum, memory_order_relaxed);
	return sum;
}

static uint64_t bucket_of(const struct metric *m, unsigned bucket)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < SHARDS; i++)
		n += atomic_load_explicit(&m->shard[i].bucket[bucket], memory_order_relaxed);
	return n;
}

int64_t metric_value(const struct metric *m)
{
	uint64_t n = 0;

	if (!m)
		return 0;
	if (m->kind == GAUGE)
		return atomic_load_explicit(&m->gauge, memory_order_relaxed);
	if (m->kind == COUNTER)
		return (int64_t)sum_of(m);
	for (unsigned b = 0; b <= BUCKETS; b++)
		n += bucket_of(m, b);
	return (int64_t)n;
}

static double single_value(struct metric *m)
{
	double value;

	pthread_mutex_lock(&m->lock);
	value = m->fn ? m->fn(m->arg) : (double)metric_value(m);
	pthread_mutex_unlock(&m->lock);
	return value;
}

typedef void sample_fn(void *arg, const char *name, const char *labels, double value);

static void each_bucket(const struct metric *m, sample_fn *fn, void *arg)
{
	char name[160], labels[256];
	const char *comma = m->labels[0] ? "," : "";
	uint64_t n = 0;

	snprintf(name, sizeof(name), "%s_bucket", m->name);
	for (unsigned b = 0; b < BUCKETS; b++) {
		n += bucket_of(m, b);
		snprintf(labels, sizeof(labels), "%s%sle=\"%g\"", m->labels, comma,
			 (double)bucket_us[b] / 1e6);
		fn(arg, name, labels, (double)n);
	}
	n += bucket_of(m, BUCKETS);
	snprintf(labels, sizeof(labels), "%s%sle=\"+Inf\"", m->labels, comma);
	fn(arg, name, labels, (double)n);
	snprintf(name, sizeof(name), "%s_sum", m->name);
	fn(arg, name, m->labels, (double)sum_of(m) / 1e6);
	snprintf(name, sizeof(name), "%s_count", m->name);
	fn(arg, name, m->labels, (double)n);
}

static void each_sample(struct metric *m, sample_fn *fn, void *arg)
{
	if (m->kind == HISTOGRAM)
		each_bucket(m, fn, arg);
	else
		fn(arg, m->name, m->labels, single_value(m));
}

void metrics_each(sample_fn *fn, void *arg)
{
	pthread_mutex_lock(&all_lock);
	for (struct metric *m = all; m; m = m->next)
		each_sample(m, fn, arg);
	pthread_mutex_unlock(&all_lock);
}

/* Whole numbers stand with all their digits: a counter of octets passes 10^15. */
static void print_sample(void *arg, const char *name, const char *labels, double value)
{
	int whole = value > -1e18 && value < 1e18 && value == (double)(int64_t)value;

	fprintf(arg, "%s%s%s%s %.*g\n", name, labels[0] ? "{" : "", labels, labels[0] ? "}" : "",
		whole ? 19 : 15, value);
}

char *metrics_print(size_t *bytes_out)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, bytes_out);
	const char *family = "";
	int failed;

	if (!out)
		return NULL;
	pthread_mutex_lock(&all_lock);
	for (struct metric *m = all; m; m = m->next) {
		if (strcmp(family, m->name) != 0)
			fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name,
				kind_names[m->kind]);
		family = m->name;
		each_sample(m, print_sample, out);
	}
	pthread_mutex_unlock(&all_lock);
	failed = ferror(out);
	if (fclose(out) != 0 || failed) {
		free(text);
		return NULL;
	}
	return text;
}
