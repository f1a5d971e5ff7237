/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_conf.c - any octets as a configuration
 *
 * Beyond surviving: a load that fails tells why and a load that succeeds tells no fault; messages
 * are one line of text; a value printed as text and loaded again is the same value.
 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"

struct door {
	const char *address, *name;
	int64_t port;
};

struct values {
	int on, colour;
	int64_t count, wide;
	uint64_t size, wide_size, time, wide_time;
	const char *name, *address, *path;
	struct conf_list doors;
};

static const char *const colours[] = { "red", "green", "blue", NULL };

#define DOOR(member) offsetof(struct door, member)
static const struct conf_item doors_table[] = {
	{ "address", CONF_ADDR, DOOR(address), NULL, 0, 0, NULL, 0, "Where.", NULL, 0 },
	{ "name", CONF_STR, DOOR(name), "", 0, 0, NULL, 0, "Name.", NULL, 0 },
	{ "port", CONF_INT, DOOR(port), "80", 1, 65535, NULL, 0, "Port.", NULL, 0 },
	{ 0 },
};

#define AT(member) offsetof(struct values, member)
static const struct conf_item table[] = {
	{ "a.on", CONF_BOOL, AT(on), "yes", 0, 0, NULL, 1, "A switch.", NULL, 0 },
	{ "a.count", CONF_INT, AT(count), "7", -5, 100, NULL, 1, "A number.", NULL, 0 },
	{ "a.wide", CONF_INT, AT(wide), "0", 0, 0, NULL, 0, "Any number.", NULL, 0 },
	{ "a.size", CONF_BYTES, AT(size), "64 MB", 1024, 1 << 30, NULL, 1, "A size.", NULL, 0 },
	{ "a.wide-size", CONF_BYTES, AT(wide_size), "0", 0, 0, NULL, 0, "Any size.", NULL, 0 },
	{ "a.time", CONF_TIME, AT(time), "30 s", 1000, 3600000, NULL, 0, "A time.", NULL, 0 },
	{ "a.wide-time", CONF_TIME, AT(wide_time), "0 s", 0, 0, NULL, 0, "Any time.", NULL, 0 },
	{ "a.b.name", CONF_STR, AT(name), "x", 0, 20, NULL, 0, "A name.", NULL, 0 },
	{ "a.b.colour", CONF_ENUM, AT(colour), "green", 0, 0, colours, 0, "A colour.", NULL, 0 },
	{ "net.address", CONF_ADDR, AT(address), "127.0.0.1", 0, 0, NULL, 0, "Where.", NULL, 0 },
	{ "net.path", CONF_PATH, AT(path), "", 0, 0, NULL, 0, "A file.", NULL, 0 },
	{ "net.doors", CONF_LIST, AT(doors), "[]", 0, 9, NULL, 0, "Doors.", doors_table,
	  sizeof(struct door) },
	{ 0 },
};

static const struct conf_schema schema = { table, sizeof(struct values), NULL };

#define REQUIRE(condition)                                                      \
	do {                                                                    \
		if (!(condition)) {                                             \
			fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
			abort();                                                \
		}                                                               \
	} while (0)

static void check_fault(void *arg, const struct conf_fault *fault)
{
	unsigned *faults = arg;

	*faults += !fault->is_warning;
	REQUIRE(fault->text[0] && strlen(fault->text) < sizeof(fault->text) - 1);
	for (const char *p = fault->text; *p; p++)
		REQUIRE((unsigned char)*p >= ' ' && *p != 0x7f);
	REQUIRE(!fault->line == !fault->column);
}

static int load(const char *text, size_t n, struct conf **conf_out)
{
	unsigned faults = 0;
	int ret = conf_load_text("f", strv_mem(text, n), &schema, check_fault, &faults, conf_out);

	REQUIRE(ret == (faults ? -1 : 0));
	REQUIRE(!*conf_out == (ret < 0));
	return ret;
}

static void note_name(void *arg, const char *name, const char *before, const char *after,
		      int reloadable)
{
	const char *own = arg;

	(void)before;
	(void)after;
	(void)reloadable;
	REQUIRE(strcmp(name, own) != 0);
}

/* NAME: TEXT, in sections. */
static void write_setting(FILE *out, const char *name, const char *text)
{
	unsigned depth = 0;

	for (; *name; name++)
		if (*name == '.') {
			fputs(": {", out);
			depth++;
		} else {
			fputc(*name, out);
		}
	fprintf(out, ": %s", text);
	for (; depth; depth--)
		fputc('}', out);
}

/* What a configuration says of itself, loaded again, is the same. */
static void load_again(void *arg, const char *name, const char *before, const char *after,
		       int reloadable)
{
	const struct conf *conf = arg;
	struct conf *again;
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	(void)before;
	(void)reloadable;
	REQUIRE(out);
	write_setting(out, name, after);
	REQUIRE(fclose(out) == 0);
	REQUIRE(load(text, bytes, &again) == 0);
	conf_diff(conf, again, note_name, (void *)(uintptr_t)name);
	conf_free(&again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct conf *defaults; /* reachable to the end: no leak */
	struct conf *conf;

	if (!defaults)
		REQUIRE(load("", 0, &defaults) == 0);
	if (load((const char *)data, size, &conf) == 0)
		conf_diff(defaults, conf, load_again, conf);
	conf_free(&conf);
	return 0;
}
