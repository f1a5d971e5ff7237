/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/json.c - see json.h
 *
 * Jansson recurses as deep as the text is nested (2,048 levels), so the depth is counted over the
 * octets first. Everything else about the grammar is Jansson's work.
 */
#include "base/json.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* 1 when no place of TEXT is nested deeper than MAX; what is not JSON may count wrong, and is
 * refused afterwards. */
static int depth_is_within(struct strv text, unsigned max)
{
	unsigned depth = 0;
	int in_string = 0;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = 0;
		} else if (c == '"') {
			in_string = 1;
		} else if (c == '[' || c == '{') {
			if (++depth > max)
				return 0;
		} else if ((c == ']' || c == '}') && depth) {
			depth--;
		}
	}
	return 1;
}

/* Jansson calls some of its own failures to get memory a fault of the text. */
static __thread int starved;

static void *noting_malloc(size_t n)
{
	void *p = malloc(n);

	starved |= !p;
	return p;
}

static void note_starving(void)
{
	json_set_alloc_funcs(noting_malloc, free);
}

json_t *json_parse(struct strv text, unsigned max_depth, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	json_error_t fault;
	json_t *value;

	if (!depth_is_within(text, max_depth)) {
		err_set(err, ERR_LIMIT, "JSON is nested deeper than %u levels", max_depth);
		return NULL;
	}
	if (text.n == 0) {
		err_set(err, ERR_SYNTAX, "JSON expected, nothing found");
		return NULL;
	}
	pthread_once(&once, note_starving);
	starved = 0;
	value = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &fault);
	if (!value && starved)
		err_set(err, ERR_NOMEM, "no memory for a JSON value");
	else if (!value)
		err_set(err, ERR_SYNTAX, "JSON, line %d, column %d: %s", fault.line, fault.column,
			fault.text);
	return value;
}

static const struct json_member *member_find(const struct json_member *members, size_t n,
					     const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(members[i].name, name) == 0)
			return &members[i];
	return NULL;
}

static int refuse_unknown(const struct json_member *members, size_t n, const char *name,
			  struct err *err)
{
	char known[160];
	size_t at = 0;

	known[0] = '\0';
	for (size_t i = 0; i < n && at < sizeof(known); i++)
		at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%s", i ? ", " : "",
				       members[i].name);
	return err_set(err, ERR_SYNTAX, "unknown member \"%.40s\"; known: %s", name,
		       n ? known : "none");
}

static int read_str(const struct json_member *m, const json_t *value, struct err *err)
{
	struct strv s = strv_mem(json_string_value(value), json_string_length(value));

	if (!json_is_string(value))
		return err_set(err, ERR_SYNTAX, "member \"%s\" must be a string", m->name);
	if (s.n < (uint64_t)m->min || s.n > (uint64_t)m->max)
		return err_set(err, ERR_RANGE, "member \"%s\" must have %lld to %lld octets",
			       m->name, (long long)m->min, (long long)m->max);
	*(struct strv *)m->out = s;
	return 0;
}

static int read_int(const struct json_member *m, const json_t *value, struct err *err)
{
	int64_t n = json_integer_value(value);

	if (!json_is_integer(value))
		return err_set(err, ERR_SYNTAX, "member \"%s\" must be a whole number", m->name);
	if (n < m->min || n > m->max)
		return err_set(err, ERR_RANGE, "member \"%s\" must be from %lld to %lld", m->name,
			       (long long)m->min, (long long)m->max);
	*(int64_t *)m->out = n;
	return 0;
}

static int read_bool(const struct json_member *m, const json_t *value, struct err *err)
{
	if (!json_is_boolean(value))
		return err_set(err, ERR_SYNTAX, "member \"%s\" must be true or false", m->name);
	*(int *)m->out = json_is_true(value);
	return 0;
}

static int read_strs(const struct json_member *m, const json_t *value, struct err *err)
{
	size_t n = json_array_size(value);

	if (!json_is_array(value))
		return err_set(err, ERR_SYNTAX, "member \"%s\" must be an array of strings",
			       m->name);
	if (n < (uint64_t)m->min || n > (uint64_t)m->max)
		return err_set(err, ERR_RANGE, "member \"%s\" must have %lld to %lld strings",
			       m->name, (long long)m->min, (long long)m->max);
	for (size_t i = 0; i < n; i++)
		if (!json_is_string(json_array_get(value, i)))
			return err_set(err, ERR_SYNTAX, "member \"%s\" must be an array of strings",
				       m->name);
	*(const json_t **)m->out = value;
	return 0;
}

static int read_member(const struct json_member *m, const json_t *value, struct err *err)
{
	switch (m->kind) {
	case JSON_KIND_STR:
		return read_str(m, value, err);
	case JSON_KIND_INT:
		return read_int(m, value, err);
	case JSON_KIND_STRS:
		return read_strs(m, value, err);
	case JSON_KIND_BOOL:
		break;
	}
	return read_bool(m, value, err);
}

int json_members(const json_t *object, const struct json_member *members, size_t n, struct err *err)
{
	const char *name;
	json_t *value;

	if (!json_is_object(object))
		return err_set(err, ERR_SYNTAX, "a JSON object is expected");
	/* Jansson iterates over a const object without changing it, but does not say so. */
	json_object_foreach((json_t *)(uintptr_t)object, name, value)
	{
		const struct json_member *m = member_find(members, n, name);

		if (!m)
			return refuse_unknown(members, n, name, err);
		if (read_member(m, value, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < n; i++)
		if (members[i].required && !json_object_get(object, members[i].name))
			return err_set(err, ERR_SYNTAX, "member \"%s\" is missing",
				       members[i].name);
	return 0;
}

size_t json_base64(struct strv s, char *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = (const unsigned char *)s.p;
	char *at = out;

	for (size_t i = 0; i < s.n; i += 3) {
		size_t left = s.n - i;
		uint32_t three = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
				 (left > 2 ? p[i + 2] : 0);

		*at++ = digits[three >> 18];
		*at++ = digits[three >> 12 & 63];
		*at++ = left > 1 ? digits[three >> 6 & 63] : '=';
		*at++ = left > 2 ? digits[three & 63] : '=';
	}
	return (size_t)(at - out);
}

int json_set_octets(json_t *object, const char *name, struct strv s)
{
	json_t *text = memchr(s.n ? s.p : "", '\0', s.n) ? NULL : json_stringn(s.n ? s.p : "", s.n);
	char name64[64], *out;
	int failed;

	if (text)
		return json_object_set_new(object, name, text);
	out = malloc(JSON_BASE64_BYTES(s.n) + 1);
	if (!out)
		return -1;
	snprintf(name64, sizeof(name64), "%s64", name);
	failed = json_object_set_new(object, name64, json_stringn(out, json_base64(s, out)));
	free(out);
	return failed;
}

char *json_print(const json_t *value, size_t *bytes_out)
{
	char *text, *longer;
	size_t n;

	text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	if (!text)
		return NULL;
	n = strlen(text);
	longer = realloc(text, n + 2);
	if (!longer) {
		free(text);
		return NULL;
	}
	memcpy(longer + n, "\n", 2);
	*bytes_out = n + 1;
	return longer;
}
