/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/conf_priv.h - what the files of the configuration share
 *
 *     conf.c         files and drop-ins, presets, places, faults in order
 *     conf_yaml.c    octets to a tree of nodes with lines and columns; the only user of libyaml
 *     conf_apply.c   the tree against the table
 *     conf_value.c   one scalar to a typed value
 *     conf_text.c    a typed value back to text, differences
 *     conf_print.c   sample file and man page
 */
#ifndef BASE_CONF_PRIV_H
#define BASE_CONF_PRIV_H

#include <stdio.h>

#include "base/arena.h"
#include "base/conf.h"

enum conf_kind {
	CONF_NODE_SCALAR,
	CONF_NODE_MAP,
	CONF_NODE_SEQ,
	CONF_NODE_BAD, /* a fault has been told: says nothing */
};

struct conf_node {
	enum conf_kind kind;
	unsigned line, column;
	int is_plain;	       /* a scalar without quotes */
	struct strv text;      /* of a scalar, terminated */
	struct conf_node *key; /* of a member of a map */
	struct conf_node *first, *last, *next;
	unsigned n; /* members */
};

struct conf_place {
	struct conf_place *older;
	const char *name;
	int index; /* of a list's entry; -1: the setting */
	const char *file;
	unsigned file_no, line, column;
	int is_bad; /* a fault was found in it */
};

struct conf {
	struct arena *arena; /* everything below, strings and lists of the values too */
	const struct conf_item *table;
	const char *file; /* the main one */
	void *values;
	struct conf_place *places; /* the newest first */
};

struct conf_fault_entry {
	struct conf_fault fault;
	unsigned file_no, seq; /* order of files, order of finding */
};

/* What a schema's check gets is the run itself. */
struct conf_check {
	struct conf_load *load;
};

/* One run of conf_load. */
struct conf_load {
	struct conf *conf;
	struct arena *arena; /* conf's */
	const char *folder;  /* relative paths begin here; NULL: as they are */
	const char *file;    /* being read */
	unsigned file_no;
	unsigned file_mode; /* permission bits; 0: not known */
	int is_cut;	    /* a fault of syntax ended some file early: absence proves nothing */
	int is_preset;	    /* the table's own texts are being read */
	int no_memory;
	unsigned n_found; /* faults, also those too many to tell; no warnings */
	struct conf_fault_entry *faults;
	unsigned n_faults;
};

/* ---- conf.c ---- */

void conf_fault_at(struct conf_load *load, unsigned line, unsigned column, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void conf_warn_at(struct conf_load *load, unsigned line, unsigned column, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* S in quotation marks for a message: cut, and without control characters. Never NULL. */
const char *conf_quote(struct conf_load *load, struct strv s);
/* As arena_printf; on failure "" and the run fails for want of memory. */
const char *conf_printf(struct conf_load *load, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Read a regular file of at most MAX octets. Returns 0, or -1 after a fault at LINE, COLUMN of the
 * file being read. MODE_OUT gets its permission bits. */
int conf_read_file(struct conf_load *load, const char *path, size_t max, unsigned line,
		   unsigned column, struct strv *bytes_out, unsigned *mode_out);

/* ---- conf_yaml.c ---- */

/* The tree of BYTES, as far as it could be read (faults are told); NULL when there is none. */
struct conf_node *conf_yaml_parse(struct conf_load *load, struct strv bytes);

/* ---- conf_apply.c ---- */

/* Put the defaults of TABLE into VALUES. */
void conf_apply_presets(struct conf_load *load, const struct conf_item *table, char *values);
/* Put a file's tree into the configuration's struct; SET[i] becomes 1 for table entry I. */
void conf_apply_file(struct conf_load *load, const struct conf_node *root, unsigned char *set);
/* A list's PRESET as a tree. */
struct conf_node *conf_preset_tree(struct conf_load *load, const struct conf_item *item);
unsigned conf_table_count(const struct conf_item *table);

/* ---- conf_value.c ---- */

/* NODE, a scalar, into VALUES as ITEM says; NAME is for the message. */
void conf_value_set(struct conf_load *load, const struct conf_item *item,
		    const struct conf_node *node, const char *name, char *values);
/* The secret of the file at PATH, a scalar. */
void conf_secret_from_file(struct conf_load *load, const struct conf_item *item,
			   const struct conf_node *path, const char *name, char *values);
/* "a time such as 30 s": for messages and help; valid until the load's arena is. */
const char *conf_type_phrase(enum conf_type type);

/* ---- conf_text.c ---- */

/* The character that TEXT, of N octets and at least 1, begins with: its length, C_OUT filled; 0
 * when it is not UTF-8. */
size_t conf_char_at(const char *text, size_t n, unsigned *c_out);
/* 1 for what breaks a line or cannot be seen: C0, C1, DEL, line separators, byte order mark. */
int conf_is_control(unsigned c);

/* The value of ITEM in VALUES as it would be written; secrets only with REVEAL. */
void conf_text_print(FILE *out, const struct conf_item *item, const char *values, int reveal);
/* A number of type CONF_INT, CONF_BYTES or CONF_TIME in its largest whole unit. */
void conf_text_number(char buf[32], enum conf_type type, int64_t value);
/* A scalar in the style that needs the least: bare, or in double quotes. */
void conf_text_scalar(FILE *out, const char *text);

#endif
