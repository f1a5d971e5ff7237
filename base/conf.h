/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/conf.h - configuration: YAML files checked against a table, into a const struct
 *
 * One table says everything about a setting: name, type with unit, default, bounds, whether a
 * reload may change it, help. The struct, the messages with line, column and remedy, the man page
 * and the sample file all come from it. Of YAML there are maps, lists and scalars; anchors,
 * aliases, tags and further documents are refused, so a file means what a reader sees.
 */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strv.h"

enum {
	CONF_FILE_MAX = 1 << 20, /* octets of one file */
	CONF_FILES_MAX = 256,	 /* files of one drop-in folder */
	CONF_SECRET_MAX = 4096,	 /* octets of a secret's file */
	CONF_DEPTH_MAX = 16,	 /* maps and lists within each other */
	CONF_FAULTS_MAX = 200,	 /* told in one run; one more says that there are others */
};

enum conf_type {
	CONF_SECTION, /* no value: introduces the section of that name with its help */
	CONF_BOOL,    /* int: yes/no, true/false, on/off */
	CONF_INT,     /* int64_t */
	CONF_BYTES,   /* uint64_t: "64 MB", "16kB", "512" (powers of 1024) */
	CONF_TIME,    /* uint64_t milliseconds: "500 ms", "30 s", "5 min", "2 h", "1 d" */
	CONF_STR,     /* const char *: UTF-8 without control characters; "" when so given */
	CONF_ENUM,    /* int: index into CHOICES */
	CONF_ADDR,    /* const char *: numeric IPv4 or IPv6 address; may be "" when PRESET is */
	CONF_PATH,    /* const char *: absolute, or relative to the main file's folder; or "" */
	CONF_SECRET,  /* const char *: never printed. A map "file: PATH" reads it from that file
		       * (without its last line break); the file that holds it is 0600 or 0400 */
	CONF_LIST,    /* struct conf_list: a sequence of maps, each by the table ITEMS */
};

struct conf_list {
	void *items; /* N structs of item_bytes each */
	unsigned n;
};

struct conf_item {
	const char *name; /* dotted: "http.idle-time"; within a list relative to its entry */
	enum conf_type type;
	size_t offset;	    /* in the struct */
	const char *preset; /* the default, as it would be written; NULL: must be given. Of a list
			     * in flow style: "[{address: 127.0.0.1}]" */
	int64_t min, max;   /* of numbers, octets, milliseconds, octets of text, entries of a list;
			     * both 0: no bounds */
	const char *const *choices; /* CONF_ENUM, ended by NULL */
	int reloadable;
	const char *help;	       /* sentences; the man page's and the sample's text */
	const struct conf_item *items; /* CONF_LIST, ended by a NULL name */
	size_t item_bytes;
};

/* A fault names where and what to do: "FILE:LINE:COLUMN: MESSAGE; REMEDY". */
struct conf_fault {
	const char *file;      /* valid during the call that tells it */
	unsigned line, column; /* from 1, in characters; 0: the file as a whole */
	int is_warning;	       /* the configuration can be used all the same */
	char text[512];	       /* "MESSAGE; REMEDY" */
};
typedef void conf_fault_fn(void *arg, const struct conf_fault *fault);

struct conf;
struct conf_check;

/* What a configuration is: the table (ended by a NULL name), the struct that it fills, and what no
 * row of a table can say. All of it is borrowed for the life of the configuration. */
struct conf_schema {
	const struct conf_item *table;
	size_t struct_bytes;
	/* Called once all files are read, also when there were faults (a setting with a fault has
	 * an earlier file's value or the default then). May be NULL. */
	void (*check)(struct conf_check *check, const void *values);
};

/* Read FILE and the *.yaml files of its drop-in folder FILE.d (in order of name, later ones win by
 * setting, a list is replaced whole; NULL FILE: all defaults) into a new configuration. Returns 0,
 * or -1 when there were faults. Every fault and warning found is told to FAULT_FN, in order of file
 * and line. */
int conf_load(const char *file, const struct conf_schema *schema, conf_fault_fn *fault_fn,
	      void *arg, struct conf **conf_out);

/* As conf_load, of one TEXT that FAULT_FN hears of as NAME; relative paths stay as they are. */
int conf_load_text(const char *name, struct strv text, const struct conf_schema *schema,
		   conf_fault_fn *fault_fn, void *arg, struct conf **conf_out);

/* For a schema's check; INDEX is that of an entry of the list NAME, -1 for the setting itself.
 *
 * Is the value as somebody wrote it, or the default, and not what a fault left in its place? */
int conf_check_is_good(const struct conf_check *check, const char *name, int index);
/* Did somebody write it? */
int conf_check_is_given(const struct conf_check *check, const char *name, int index);
/* A fault or warning where the value was written: "MESSAGE; REMEDY". */
void conf_check_fault(struct conf_check *check, const char *name, int index, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void conf_check_warning(struct conf_check *check, const char *name, int index, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Takes the address, accepts NULL, leaves NULL. */
void conf_free(struct conf **conf);

/* The filled struct; valid until conf_free. */
const void *conf_values(const struct conf *conf);

/* Where the setting NAME got its value (INDEX -1), or entry INDEX of the list NAME: fills file,
 * line and column of FAULT_OUT, valid until conf_free. Returns 1; 0 when the default is in force
 * (file is then the main file's name, line 0). */
int conf_where(const struct conf *conf, const char *name, int index, struct conf_fault *fault_out);

/* What differs between two configurations of one table: FN gets each setting's name, its old and
 * new value as text (secrets as "***") and whether a reload may change it. Returns how many differ.
 */
unsigned conf_diff(const struct conf *before, const struct conf *after,
		   void (*fn)(void *arg, const char *name, const char *old_text,
			      const char *new_text, int reloadable),
		   void *arg);

/* Generated texts, for the caller to free; NULL when memory is short: a commented sample file, the
 * SETTINGS section of the man page (man macros). A line of the sample whose first character is "#"
 * followed by another than a blank is a setting with its default, commented out. */
char *conf_print_sample(const struct conf_item *table);
char *conf_print_man(const struct conf_item *table);

#endif
