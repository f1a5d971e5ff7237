/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_multipart.c - any octets as a body of several parts
 *
 * The first line is the Content-Type, the rest the body. The outer parts that are taken are written
 * with another boundary, and are the same when they are read again.
 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "cpm/multipart.h"

enum { PARTS = 64 };

/* The outer parts of FROM; how many there are. */
static size_t outer(const struct multipart *from, struct multipart_new *parts)
{
	size_t n = 0;

	for (unsigned i = 0; i < from->n; i++)
		if (from->parts[i].depth == 1)
			parts[n++] = (struct multipart_new){ from->parts[i].head.fields,
							     from->parts[i].head.n,
							     from->parts[i].content };
	return n;
}

static void compare(const struct multipart_new *a, const struct multipart_new *b)
{
	int same = a->n_fields == b->n_fields && strv_eq(a->content, b->content);

	for (size_t i = 0; same && i < a->n_fields; i++)
		same = strv_eq(a->fields[i].name, b->fields[i].name) &&
		       strv_eq(a->fields[i].value, b->fields[i].value);
	if (!same) {
		fprintf(stderr, "\"%.*s\"\n\"%.*s\"\n", STRV_ARG(a->content), STRV_ARG(b->content));
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct multipart_limits wide = { 64 << 20, 1 << 20, 64, PARTS, 8 };
	struct multipart_new parts[PARTS], again[PARTS];
	struct strv body = strv_mem(data, size), type, bytes;
	struct arena *arena = arena_new(0);
	struct multipart multipart;
	struct err err;
	size_t n;

	if (!arena)
		abort();
	strv_cut(&body, '\n', &type);
	if (multipart_parse(body, type, NULL, arena, &multipart, &err) == 0) {
		n = outer(&multipart, parts);
		if (multipart_print(parts, n, STRV("=_0z"), arena, &bytes, &err) == 0) {
			if (multipart_parse(bytes, STRV("multipart/mixed;boundary=\"=_0z\""), &wide,
					    arena, &multipart, &err) < 0) {
				fprintf(stderr, "%s\n", err.text);
				abort();
			}
			if (outer(&multipart, again) != n)
				abort();
			for (size_t i = 0; i < n; i++)
				compare(&parts[i], &again[i]);
		}
	}
	arena_free(&arena);
	return 0;
}
