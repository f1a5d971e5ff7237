/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/conf.h - configuration: YAML files checked against a table, into a const struct
 *
 * One table says everything about a setting: name, type with unit, default, bounds, whether a
 * reload may change it, help. The struct, the messages with line, column and remedy, the man page
 * and the sample file all come from it.
 */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strv.h"

enum conf_type {
	CONF_BOOL,   /* int: yes/no, true/false, on/off */
	CONF_INT,    /* int64_t */
	CONF_BYTES,  /* uint64_t: "64 MB", "16kB", "512" (powers of 1024) */
	CONF_TIME,   /* uint64_t milliseconds: "500 ms", "30 s", "5 min", "2 h", "1 d" */
	CONF_STR,    /* const char * */
	CONF_ENUM,   /* int: index into CHOICES */
	CONF_ADDR,   /* const char *: numeric IPv4 or IPv6 address */
	CONF_PATH,   /* const char *: absolute, or relative to the main file's folder */
	CONF_SECRET, /* const char *: never printed; "file: PATH" reads it from a file 0600/0400 */
	CONF_LIST,   /* struct conf_list: a sequence of maps, each by the table ITEMS */
};

struct conf_list {
	void *items; /* N structs of item_bytes each */
	unsigned n;
};

struct conf_item {
	const char *name; /* dotted: "http.idle-time"; within a list relative to its entry */
	enum conf_type type;
	size_t offset;	    /* in the struct */
	const char *preset; /* the default, as it would be written; NULL: must be given */
	int64_t min, max;   /* of numbers, octets, milliseconds, string length, list length */
	const char *const *choices; /* CONF_ENUM, ended by NULL */
	int reloadable;
	const char *help;	       /* sentences; the man page's and the sample's text */
	const struct conf_item *items; /* CONF_LIST, ended by a NULL name */
	size_t item_bytes;
};

/* A fault names where and what to do: "FILE:LINE:COLUMN: MESSAGE; REMEDY". */
struct conf_fault {
	const char *file;
	unsigned line, column; /* from 1; 0: the file as a whole */
	char text[512];
};

struct conf;

/* Read FILE and the *.yaml files of its drop-in folder FILE.d (in order of name, later ones win by
 * setting; NULL FILE: all defaults) into a new configuration for TABLE (ended by a NULL name).
 * Returns 0, or -1 with every fault found told to FAULT_FN, in order of file and line. Allocates
 * STRUCT_BYTES for the struct. */
int conf_load(const char *file, const struct conf_item *table, size_t struct_bytes,
	      void (*fault_fn)(void *arg, const struct conf_fault *fault), void *arg,
	      struct conf **conf_out);
void conf_free(struct conf **conf);

/* The filled struct; valid until conf_free. */
const void *conf_values(const struct conf *conf);

/* What differs between two configurations of one table: FN gets each setting's name, its old and
 * new value as text (secrets as "***") and whether a reload may change it. Returns how many differ.
 */
unsigned conf_diff(const struct conf *before, const struct conf *after,
		   void (*fn)(void *arg, const char *name, const char *old_text,
			      const char *new_text, int reloadable),
		   void *arg);

/* Generated texts, for the caller to free; NULL when memory is short: a commented sample file, the
 * SETTINGS section of the man page (mdoc or man macros). */
char *conf_print_sample(const struct conf_item *table);
char *conf_print_man(const struct conf_item *table);

#endif
