/* SPDX-License-Identifier: Apache-2.0 */
/* tests/base/test_metrics.c - the exposition, octet for octet; kinds; counting by many threads */
#include "base/metrics.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static double seven_and_a_half(void *arg)
{
	++*(unsigned *)arg;
	return 7.5;
}

/* Runs first, while the process has no other metrics. */
static void test_exposition_is_exact(void **state)
{
	static const char expected[] = "# HELP t_alpha_bytes Depth of something.\n"
				       "# TYPE t_alpha_bytes gauge\n"
				       "t_alpha_bytes -3\n"
				       "# HELP t_asked Asked for when read.\n"
				       "# TYPE t_asked gauge\n"
				       "t_asked{of=\"x\"} 7.5\n"
				       "# HELP t_requests_total Requests.\n"
				       "# TYPE t_requests_total counter\n"
				       "t_requests_total{code=\"200\"} 9007199254740991\n"
				       "t_requests_total{code=\"404\"} 1\n"
				       "# HELP t_wait_seconds Waiting.\n"
				       "# TYPE t_wait_seconds histogram\n"
				       "t_wait_seconds_bucket{op=\"get\",le=\"0.0001\"} 2\n"
				       "t_wait_seconds_bucket{op=\"get\",le=\"0.0003\"} 3\n"
				       "t_wait_seconds_bucket{op=\"get\",le=\"0.001\"} 3\n"
				       "t_wait_seconds_bucket{op=\"get\",le=\"0.003\"} 3\n"
				       "t_wait_seconds_bucket{op=\"get\",le=\"0.01\"} 4\n"
				       "t_wait_seconds_bucket{op=\"get\",le=\"0.03\"} 4\n"
				       "t_wait_seconds_bucket{op=\"get\",le=\"0.1\"} 4\n"
				       "t_wait_seconds_bucket{op=\"get\",le=\"0.3\"} 4\n"
				       "t_wait_seconds_bucket{op=\"get\",le=\"1\"} 4\n"
				       "t_wait_seconds_bucket{op=\"get\",le=\"3\"} 4\n"
				       "t_wait_seconds_bucket{op=\"get\",le=\"10\"} 4\n"
				       "t_wait_seconds_bucket{op=\"get\",le=\"30\"} 4\n"
				       "t_wait_seconds_bucket{op=\"get\",le=\"100\"} 5\n"
				       "t_wait_seconds_bucket{op=\"get\",le=\"+Inf\"} 6\n"
				       "t_wait_seconds_sum{op=\"get\"} 200.010202\n"
				       "t_wait_seconds_count{op=\"get\"} 6\n";
	static unsigned asked;
	struct metric *m, *fn;
	size_t bytes = 0;
	char *text;

	(void)state;
	/* Made out of order on purpose. */
	m = metric_histogram("t_wait_seconds", "Waiting.", "op=\"get\"");
	metric_observe(m, 0);
	metric_observe(m, 100);
	metric_observe(m, 101);
	metric_observe(m, 10000);
	metric_observe(m, 100000000);
	metric_observe(m, 100000001);
	metric_add(metric_counter("t_requests_total", "Requests.", "code=\"404\""), 1);
	metric_add(metric_counter("t_requests_total", "Requests.", "code=\"200\""),
		   (UINT64_C(1) << 53) - 1);
	m = metric_gauge("t_alpha_bytes", "Depth of something.", "");
	metric_set(m, 5);
	metric_move(m, -8);
	fn = metric_gauge_fn("t_asked", "Asked for when read.", "of=\"x\"", seven_and_a_half,
			     &asked);
	text = metrics_print(&bytes);
	assert_non_null(text);
	assert_string_equal(text, expected);
	assert_int_equal(bytes, strlen(expected));
	assert_int_equal(asked, 1);
	free(text);

	/* A counter that is asked for says that it is a counter. */
	m = metric_counter_fn("t_asked_total", "Asked for.", "", seven_and_a_half, &asked);
	text = metrics_print(&bytes);
	assert_non_null(strstr(text, "# TYPE t_asked_total counter\nt_asked_total 7.5\n"));
	free(text);
	metric_fn_clear(m);
	asked = 1;

	/* Once cleared, ARG is not touched any more. */
	metric_fn_clear(fn);
	metric_fn_clear(NULL);
	text = metrics_print(&bytes);
	assert_non_null(strstr(text, "\nt_asked{of=\"x\"} 0\n"));
	assert_int_equal(asked, 1);
	free(text);
}

static void test_found_again(void **state)
{
	struct metric *m = metric_counter("t_found_total", "Found.", "a=\"1\"");

	(void)state;
	assert_non_null(m);
	assert_ptr_equal(metric_counter("t_found_total", "Found.", "a=\"1\""), m);
	assert_ptr_not_equal(metric_counter("t_found_total", "Found.", "a=\"2\""), m);
	assert_ptr_not_equal(metric_counter("t_found_total", "Found.", ""), m);
}

static void test_taken_by_another_kind(void **state)
{
	(void)state;
	assert_non_null(metric_counter("t_kind_total", "Kind.", ""));
	assert_null(metric_gauge("t_kind_total", "Kind.", ""));
	assert_null(metric_gauge("t_kind_total", "Kind.", "a=\"1\""));
	assert_null(metric_histogram("t_kind_total", "Kind.", "a=\"1\""));
	assert_null(metric_gauge_fn("t_kind_total", "Kind.", "", seven_and_a_half, NULL));
}

static void test_no_metric_is_harmless(void **state)
{
	(void)state;
	metric_add(NULL, 1);
	metric_set(NULL, 1);
	metric_move(NULL, 1);
	metric_observe(NULL, 1);
	assert_int_equal(metric_value(NULL), 0);
}

static void test_wrong_kind_of_counting(void **state)
{
	struct metric *counter = metric_counter("t_wrong_total", "Wrong.", "");
	struct metric *gauge = metric_gauge("t_wrong", "Wrong.", "");

	(void)state;
	metric_observe(counter, 5);
	metric_set(counter, 99);
	metric_add(gauge, 5);
	metric_observe(gauge, 5);
	assert_int_equal(metric_value(counter), 0);
	assert_int_equal(metric_value(gauge), 0);
}

static void test_values(void **state)
{
	struct metric *counter = metric_counter("t_value_total", "Value.", "");
	struct metric *gauge = metric_gauge("t_value", "Value.", "");
	struct metric *histogram = metric_histogram("t_value_seconds", "Value.", "");

	(void)state;
	metric_add(counter, 40);
	metric_add(counter, 2);
	metric_set(gauge, -1000);
	metric_move(gauge, 1);
	metric_observe(histogram, 1);
	metric_observe(histogram, UINT64_C(1) << 40);
	assert_int_equal(metric_value(counter), 42);
	assert_int_equal(metric_value(gauge), -999);
	assert_int_equal(metric_value(histogram), 2);
}

static void print_line(void *arg, const char *name, const char *labels, double value)
{
	int precision = value == (double)(int64_t)value ? 19 : 15;

	if (labels[0])
		fprintf(arg, "%s{%s} %.*g\n", name, labels, precision, value);
	else
		fprintf(arg, "%s %.*g\n", name, precision, value);
}

/* metrics_each gives what metrics_print prints, without the comments. */
static void test_each_agrees_with_print(void **state)
{
	size_t bytes, walked;
	char *each, *printed = metrics_print(&bytes), *line, *rest, *kept;
	FILE *out = open_memstream(&each, &walked);

	(void)state;
	metrics_each(print_line, out);
	fclose(out);
	kept = calloc(1, bytes + 1);
	for (line = strtok_r(printed, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (line[0] != '#')
			strcat(strcat(kept, line), "\n");
	assert_string_equal(each, kept);
	free(each);
	free(kept);
	free(printed);
}

enum { THREADS = 24, EACH = 20000 }; /* more threads than shards */

static void *count(void *arg)
{
	struct metric *counter = metric_counter("t_many_total", "Many.", "");
	struct metric *gauge = metric_gauge("t_many", "Many.", "");
	struct metric *histogram = metric_histogram("t_many_seconds", "Many.", "");

	(void)arg;
	for (unsigned i = 0; i < EACH; i++) {
		metric_add(counter, 3);
		metric_move(gauge, i % 2 ? 1 : -1);
		metric_observe(histogram, i);
	}
	return NULL;
}

static void test_many_threads(void **state)
{
	pthread_t thread[THREADS];
	size_t bytes;

	(void)state;
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, count, NULL), 0);
	for (unsigned i = 0; i < 50; i++)
		free(metrics_print(&bytes)); /* readers do not disturb */
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(metric_value(metric_counter("t_many_total", "Many.", "")),
			 3 * THREADS * EACH);
	assert_int_equal(metric_value(metric_gauge("t_many", "Many.", "")), 0);
	assert_int_equal(metric_value(metric_histogram("t_many_seconds", "Many.", "")),
			 THREADS * EACH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exposition_is_exact),
		cmocka_unit_test(test_found_again),
		cmocka_unit_test(test_taken_by_another_kind),
		cmocka_unit_test(test_no_metric_is_harmless),
		cmocka_unit_test(test_wrong_kind_of_counting),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_each_agrees_with_print),
		cmocka_unit_test(test_many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
