/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/base/test_conf_memory.c - memory that runs out at every single allocation of a load
 *
 * A configuration is then the same as ever or none: never half of one. This program replaces
 * malloc, libyaml's and the C library's too, so no sanitizer can look on.
 */
#include "base/conf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static long until_failure = -1; /* allocations; -1: no failure */

static int fails(void)
{
	if (until_failure < 0 || until_failure-- > 0)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return fails() ? NULL : __libc_realloc(p, size);
}

struct door {
	const char *address;
	int64_t port;
};

struct values {
	const char *path, *secret;
	struct conf_list doors;
};

static const struct conf_item doors_table[] = {
	{ "address", CONF_ADDR, offsetof(struct door, address), NULL, 0, 0, NULL, 0, "Where.", NULL,
	  0 },
	{ "port", CONF_INT, offsetof(struct door, port), "80", 0, 0, NULL, 0, "Port.", NULL, 0 },
	{ 0 },
};

static const struct conf_item table[] = {
	{ "a.path", CONF_PATH, offsetof(struct values, path), "", 0, 0, NULL, 0, "A file.", NULL,
	  0 },
	{ "a.secret", CONF_SECRET, offsetof(struct values, secret), "", 0, 0, NULL, 0, "Hush.",
	  NULL, 0 },
	{ "a.doors", CONF_LIST, offsetof(struct values, doors), "[{address: 10.0.0.1}]", 0, 0, NULL,
	  0, "Doors.", doors_table, sizeof(struct door) },
	{ 0 },
};

static const struct conf_schema schema = { table, sizeof(struct values), NULL };

static char folder[] = "/tmp/cpm-conf-XXXXXX";
/* Relative, so that the load must find out where it is. */
static const char file[] = "c.yaml", drop_ins[] = "c.yaml.d", drop_in[] = "c.yaml.d/x.yaml";
static unsigned faults;

static void count_fault(void *arg, const struct conf_fault *fault)
{
	(void)arg;
	faults += !fault->is_warning;
}

static void ignore_difference(void *arg, const char *name, const char *before, const char *after,
			      int reloadable)
{
	(void)arg;
	(void)name;
	(void)before;
	(void)after;
	(void)reloadable;
}

static void put(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fchmod(fileno(out), 0600), 0);
	assert_int_equal(fclose(out), 0);
}

static int load_failing(long at, struct conf **conf_out)
{
	int ret;

	faults = 0;
	until_failure = at;
	ret = conf_load(file, &schema, count_fault, NULL, conf_out);
	if (until_failure >= 0)
		at = -1; /* not reached: the last round */
	until_failure = -1;
	return at < 0 ? 2 : ret;
}

static void a_load_short_of_memory_is_whole_or_none(void **state)
{
	struct conf *whole, *conf;
	unsigned refused = 0;
	int ret;

	(void)state;
	assert_int_equal(conf_load(file, &schema, count_fault, NULL, &whole), 0);
	for (long at = 0; (ret = load_failing(at, &conf)) != 2; at++) {
		if (ret == -1) {
			assert_null(conf);
			assert_true(faults > 0);
			refused++;
		} else {
			assert_int_equal(conf_diff(whole, conf, ignore_difference, NULL), 0);
		}
		conf_free(&conf);
	}
	assert_non_null(conf);
	conf_free(&conf);
	conf_free(&whole);
	assert_true(refused > 20);
}

static void texts_short_of_memory_are_none(void **state)
{
	char *whole = conf_print_sample(table), *text;
	unsigned refused = 0;

	(void)state;
	assert_non_null(whole);
	for (long at = 0;; at++) {
		int reached;

		until_failure = at;
		text = conf_print_sample(table);
		reached = until_failure < 0;
		until_failure = -1;
		if (text)
			assert_string_equal(text, whole);
		else
			refused++;
		free(text);
		if (!reached)
			break;
	}
	assert_true(refused > 5);
	free(whole);
}

static int make_files(void **state)
{
	(void)state;
	if (!mkdtemp(folder) || chdir(folder) < 0)
		return -1;
	if (mkdir(drop_ins, 0700) < 0)
		return -1;
	put(file, "a:\n  path: here\n  secret: {file: c.yaml.d/x.yaml}\n");
	put(drop_in, "a: {doors: [{address: 10.0.0.2}, {address: '::1', port: 5}]}\n");
	return 0;
}

static int remove_files(void **state)
{
	(void)state;
	return unlink(drop_in) || rmdir(drop_ins) || unlink(file) || rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_load_short_of_memory_is_whole_or_none),
		cmocka_unit_test(texts_short_of_memory_are_none),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
