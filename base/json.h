/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/json.h - the door to Jansson: strict parsing of what comes from outside, members by table
 *
 * Whoever handles JSON includes this header and uses Jansson's own types and functions with it.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strv.h"

/* Parse TEXT, which must be one JSON value (RFC 8259), nested at most MAX_DEPTH deep. Refused with
 * ERR_SYNTAX, line and column: what is not JSON, names that come twice in one object, \u0000,
 * numbers out of range; with ERR_LIMIT: deeper nesting, found before anything is built; with
 * ERR_NOMEM. NULL on errors; the caller's reference otherwise. */
json_t *json_parse(struct strv text, unsigned max_depth, struct err *err);

enum json_kind { JSON_KIND_STR, JSON_KIND_INT, JSON_KIND_BOOL, JSON_KIND_STRS };

/* One member that an object may have. OUT is written only when the member is there. */
struct json_member {
	const char *name;
	enum json_kind kind;
	int required;
	/* struct strv, int64_t, int; const json_t *: an array of strings. What is no
	 * number is borrowed from the object. */
	void *out;
	int64_t min, max; /* of a number; of a string's octets; of an array's strings */
};

/* Read OBJECT by the table of N members. -1 with ERR_SYNTAX naming what is wrong: no object, an
 * unknown member (with the known ones), a missing one, a wrong type; ERR_RANGE: out of bounds. */
int json_members(const json_t *object, const struct json_member *members, size_t n,
		 struct err *err);

/* Set NAME to the octets S: as a string when they are UTF-8 without NUL, else as NAME followed by
 * "64" in base64. 0, or -1 when memory is short. */
int json_set_octets(json_t *object, const char *name, struct strv s);

/* VALUE in one line ended by LF, for the caller to free; NULL when memory is short. */
char *json_print(const json_t *value, size_t *bytes_out);

/* Base64 (RFC 4648 s4, padded) of S into OUT, which has room for JSON_BASE64_BYTES(S.n) octets.
 * Returns how many were written; no NUL is added. */
size_t json_base64(struct strv s, char *out);
#define JSON_BASE64_BYTES(n) (((n) + 2) / 3 * 4)

#endif
