/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/figures.h - what is made of runs: their median, and the line of JSON that tells it
 *
 * For benches of servers, whose figures stand beside a peer's. The keys of the line are an
 * interface: figure, ours, peer, theirs, unit, ratio, runs.
 */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include <stdio.h>
#include <stdlib.h>

static inline int figures_by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of N VALUES, at least one, which are sorted by it. */
static inline double figures_median(double *values, unsigned n)
{
	qsort(values, n, sizeof(*values), figures_by_value);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static inline void figures_report(const char *figure, double ours, const char *peer, double theirs,
				  const char *unit, unsigned runs)
{
	printf("{\"figure\":\"%s\",\"ours\":%.2f,\"peer\":\"%s\",\"theirs\":%.2f,"
	       "\"unit\":\"%s\",\"ratio\":%.5g,\"runs\":%u}\n",
	       figure, ours, peer, theirs, unit, ours / theirs, runs);
	fflush(stdout);
}

#endif
