/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/base/test_conf.c - configuration: values, faults with place and remedy, drop-ins,
 * differences, generated texts
 */
#include "base/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- a table of every type ---- */

struct door {
	const char *address;
	int64_t port;
	const char *token;
};

struct values {
	int on;
	int64_t count, wide;
	uint64_t size, time, free_size;
	const char *name, *address, *path, *secret;
	int colour;
	struct conf_list doors;
};

static const char *const colours[] = { "red", "green", "blue", NULL };

static const struct conf_item doors_table[] = {
	{ "address", CONF_ADDR, offsetof(struct door, address), NULL, 0, 0, NULL, 0, "Where.", NULL,
	  0 },
	{ "port", CONF_INT, offsetof(struct door, port), "80", 1, 65535, NULL, 0, "Port.", NULL,
	  0 },
	{ "tls.token", CONF_SECRET, offsetof(struct door, token), "", 0, 0, NULL, 0, "Token.", NULL,
	  0 },
	{ 0 },
};

#define AT(member) offsetof(struct values, member)
static const struct conf_item table[] = {
	{ "a", CONF_SECTION, 0, NULL, 0, 0, NULL, 0, "Everything - or \\nearly so.", NULL, 0 },
	{ "a.on", CONF_BOOL, AT(on), "yes", 0, 0, NULL, 1, "A switch.", NULL, 0 },
	{ "a.count", CONF_INT, AT(count), "7", -5, 100, NULL, 1, "A number.", NULL, 0 },
	{ "a.wide", CONF_INT, AT(wide), "0", 0, 0, NULL, 0, "Any number.", NULL, 0 },
	{ "a.size", CONF_BYTES, AT(size), "64 MB", 1024, 1 << 30, NULL, 1, "A size.", NULL, 0 },
	{ "a.free-size", CONF_BYTES, AT(free_size), "0", 0, 0, NULL, 0, "Any size.", NULL, 0 },
	{ "a.time", CONF_TIME, AT(time), "30 s", 1000, 3600000, NULL, 0, "A time.", NULL, 0 },
	{ "a.b", CONF_SECTION, 0, NULL, 0, 0, NULL, 0, "Deeper.", NULL, 0 },
	{ "a.b.name", CONF_STR, AT(name), "x", 0, 10, NULL, 0, "A name.", NULL, 0 },
	{ "a.b.colour", CONF_ENUM, AT(colour), "green", 0, 0, colours, 0, "A colour.", NULL, 0 },
	{ "net", CONF_SECTION, 0, NULL, 0, 0, NULL, 0, "Net.", NULL, 0 },
	{ "net.address", CONF_ADDR, AT(address), "127.0.0.1", 0, 0, NULL, 0, "Where.", NULL, 0 },
	{ "net.path", CONF_PATH, AT(path), "", 0, 0, NULL, 0, "A file.", NULL, 0 },
	{ "net.secret", CONF_SECRET, AT(secret), "", 0, 64, NULL, 1, "Hush.", NULL, 0 },
	{ "net.doors", CONF_LIST, AT(doors), "[{address: 10.0.0.1, port: 1}, {address: \"::1\"}]",
	  0, 3, NULL, 0, "Doors.", doors_table, sizeof(struct door) },
	{ 0 },
};

static const struct conf_schema schema = { table, sizeof(struct values), NULL };

/* ---- what a run says ---- */

struct told {
	char text[16384];
	unsigned n;
};

static void tell(void *arg, const struct conf_fault *fault)
{
	struct told *told = arg;
	size_t at = strlen(told->text);

	snprintf(told->text + at, sizeof(told->text) - at, "%s:%u:%u: %s%s\n", fault->file,
		 fault->line, fault->column, fault->is_warning ? "warning: " : "", fault->text);
	told->n++;
}

static int load_n(const char *text, size_t n, struct told *told, struct conf **conf_out)
{
	memset(told, 0, sizeof(*told));
	return conf_load_text("f", strv_mem(text, n), &schema, tell, told, conf_out);
}

static int load(const char *text, struct told *told, struct conf **conf_out)
{
	return load_n(text, strlen(text), told, conf_out);
}

/* ---- values ---- */

static void defaults_are_the_presets(void **state)
{
	const struct values *v;
	const struct door *doors;
	struct told told = { 0 };
	struct conf *conf;

	(void)state;
	assert_int_equal(conf_load(NULL, &schema, tell, &told, &conf), 0);
	assert_string_equal(told.text, "");
	v = conf_values(conf);
	assert_int_equal(v->on, 1);
	assert_int_equal(v->count, 7);
	assert_int_equal(v->size, 64 << 20);
	assert_int_equal(v->time, 30000);
	assert_int_equal(v->colour, 1);
	assert_string_equal(v->name, "x");
	assert_string_equal(v->address, "127.0.0.1");
	assert_string_equal(v->path, "");
	assert_string_equal(v->secret, "");
	assert_int_equal(v->doors.n, 2);
	doors = v->doors.items;
	assert_string_equal(doors[0].address, "10.0.0.1");
	assert_int_equal(doors[0].port, 1);
	assert_string_equal(doors[1].address, "::1");
	assert_int_equal(doors[1].port, 80);
	assert_string_equal(doors[1].token, "");
	conf_free(&conf);
	assert_null(conf);
	conf_free(&conf);
}

static const struct good_row {
	const char *why, *text;
	size_t offset;
	enum { AS_INT, AS_64, AS_TEXT } as;
	int64_t number;
	const char *words;
} good_rows[] = {
	{ "an empty file", "", AT(count), AS_64, 7, NULL },
	{ "comments only", "# nothing\n", AT(count), AS_64, 7, NULL },
	{ "a document mark alone", "---\n", AT(count), AS_64, 7, NULL },
	{ "a byte order mark",
	  "\xef\xbb\xbf"
	  "a:\n  count: 1\n",
	  AT(count), AS_64, 1, NULL },
	{ "CR LF line ends", "a:\r\n  count: 2\r\n", AT(count), AS_64, 2, NULL },
	{ "an empty section", "a:\nnet:\n", AT(count), AS_64, 7, NULL },
	{ "flow style", "{a: {count: 3}}", AT(count), AS_64, 3, NULL },
	{ "a quoted number", "a:\n  count: '4'\n", AT(count), AS_64, 4, NULL },
	{ "the least number", "a:\n  count: -5\n", AT(count), AS_64, -5, NULL },
	{ "the greatest number", "a:\n  count: 100\n", AT(count), AS_64, 100, NULL },
	{ "the widest number", "a: {wide: 9223372036854775807}", AT(wide), AS_64, INT64_MAX, NULL },
	{ "the widest negative one", "a: {wide: -9223372036854775807}", AT(wide), AS_64, -INT64_MAX,
	  NULL },
	{ "yes in capitals", "a: {on: OFF}", AT(on), AS_INT, 0, NULL },
	{ "true", "a: {on: true}", AT(on), AS_INT, 1, NULL },
	{ "a size without blank", "a: {size: 16kB}", AT(size), AS_64, 16384, NULL },
	{ "a size in octets", "a: {size: 2048}", AT(size), AS_64, 2048, NULL },
	{ "a size in B", "a: {size: 2048 B}", AT(size), AS_64, 2048, NULL },
	{ "a size in KiB", "a: {size: 2 KiB}", AT(size), AS_64, 2048, NULL },
	{ "a size in GB, at its bound", "a: {size: 1 GB}", AT(size), AS_64, 1 << 30, NULL },
	{ "the greatest size", "a: {free-size: 8388607 TB}", AT(free_size), AS_64,
	  INT64_C(8388607) << 40, NULL },
	{ "a time in ms", "a: {time: 1500 ms}", AT(time), AS_64, 1500, NULL },
	{ "a time in min", "a: {time: 5 min}", AT(time), AS_64, 300000, NULL },
	{ "a time in h, at its bound", "a: {time: 1h}", AT(time), AS_64, 3600000, NULL },
	{ "a word of a choice", "a: {b: {colour: blue}}", AT(colour), AS_INT, 2, NULL },
	{ "an empty text", "a: {b: {name: ''}}", AT(name), AS_TEXT, 0, "" },
	{ "text that looks like a number", "a: {b: {name: 007}}", AT(name), AS_TEXT, 0, "007" },
	{ "text with a colon in quotes", "a: {b: {name: \"a: b\"}}", AT(name), AS_TEXT, 0, "a: b" },
	{ "UTF-8", "a: {b: {name: Zo\xc3\xab}}", AT(name), AS_TEXT, 0, "Zo\xc3\xab" },
	{ "null in quotes is a word", "a: {b: {name: 'null'}}", AT(name), AS_TEXT, 0, "null" },
	{ "an IPv6 address", "net:\n  address: ::1\n", AT(address), AS_TEXT, 0, "::1" },
	{ "a secret in a text of memory", "net: {secret: s3}", AT(secret), AS_TEXT, 0, "s3" },
};

static void good_values_are_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good_rows) / sizeof(good_rows[0]); i++) {
		const struct good_row *row = &good_rows[i];
		struct told told;
		struct conf *conf;
		const char *at;

		if (load(row->text, &told, &conf) < 0 || told.n)
			fail_msg("%s: %s", row->why, told.text);
		at = (const char *)conf_values(conf) + row->offset;
		if (row->as == AS_INT && *(const int *)(const void *)at != (int)row->number)
			fail_msg("%s: %d", row->why, *(const int *)(const void *)at);
		if (row->as == AS_64 && *(const int64_t *)(const void *)at != row->number)
			fail_msg("%s: %lld", row->why,
				 (long long)*(const int64_t *)(const void *)at);
		if (row->as == AS_TEXT &&
		    strcmp(*(const char *const *)(const void *)at, row->words) != 0)
			fail_msg("%s: %s", row->why, *(const char *const *)(const void *)at);
		conf_free(&conf);
	}
}

/* ---- faults ---- */

static const struct bad_row {
	const char *why, *text, *told; /* the whole of what is said */
} bad_rows[] = {
#include "tests/base/test_conf_rows.inc"
};

static void faults_name_place_and_remedy(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++) {
		const struct bad_row *row = &bad_rows[i];
		struct told told;
		struct conf *conf;
		int ret = load(row->text, &told, &conf);

		if (ret == -1 && !conf && strcmp(told.text, row->told) == 0)
			continue;
		print_error("%s\n  got  %s  want %s", row->why, told.text, row->told);
		wrong++;
		conf_free(&conf);
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_the_presets),
		cmocka_unit_test(good_values_are_taken),
		cmocka_unit_test(faults_name_place_and_remedy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
