/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/cpm/cpim_check.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "cpm/cpim.h"

/* Room for what the checks put in. */
static const struct cpim_limits wide = { 64 << 20, 1 << 20, 256, 64 };

static const struct cpim_add adds[] = {
	{ { CPIM_NS_IMDN, 20 }, { "Message-ID", 10 }, { "m1", 2 }, CPIM_LAST },
	{ { CPIM_NS_CORE, 29 }, { "DateTime", 8 }, { "2024-05-21T13:02:11Z", 20 }, CPIM_LAST },
	{ { CPIM_NS_IMDN, 20 }, { "IMDN-Record-Route", 17 }, { "<sip:cf@x>", 10 }, CPIM_TOP },
	{ { "urn:x-ours", 10 }, { "Extra", 5 }, { "", 0 }, CPIM_LAST },
};
enum { N_ADDS = sizeof(adds) / sizeof(adds[0]) };

static void fail(const char *what, struct strv bytes)
{
	fprintf(stderr, "cpim_check: %s:\n%.*s\n", what, STRV_ARG(bytes));
	abort();
}

static void check_spliced(const struct cpim *old, const struct cpim *new)
{
	unsigned k = 0, declared = 0;
	struct strv prefix, uri;

	for (unsigned i = 0; i < new->n_headers; i++) {
		const struct cpim_header *header = &new->headers[i];

		if (k < old->n_headers && strv_eq(header->line, old->headers[k].line)) {
			if (!strv_eq(header->ns, old->headers[k].ns))
				fail("a header's namespace changed", new->bytes);
			k++;
		} else if (cpim_ns(header, &prefix, &uri)) {
			declared++;
		}
	}
	if (k != old->n_headers || new->n_headers != k + declared + N_ADDS)
		fail("a header was lost", new->bytes);
	if (!strv_eq(strv_mem(old->bytes.p + old->blank_at, old->bytes.n - old->blank_at),
		     strv_mem(new->bytes.p + new->blank_at, new->bytes.n - new->blank_at)))
		fail("octets behind the headers changed", new->bytes);
	for (size_t i = 0; i < N_ADDS; i++) {
		const struct cpim_header *found = NULL;
		char name[32], ns[64];

		snprintf(name, sizeof(name), "%.*s", STRV_ARG(adds[i].name));
		snprintf(ns, sizeof(ns), "%.*s", STRV_ARG(adds[i].ns));
		while ((found = cpim_find(new, ns, name, found)))
			if (strv_eq(found->value, adds[i].value))
				break;
		if (!found)
			fail("what was put in is not found", new->bytes);
	}
}

/* The known headers of CPIM and its content as a new message. */
static struct strv print_again(const struct cpim *cpim, struct arena *arena)
{
	struct cpim_add *again = arena_zalloc(arena, cpim->n_headers + 1, sizeof(*again));
	struct strv prefix, uri, bytes;
	struct err err;
	size_t n = 0;

	if (!again)
		abort();
	for (unsigned i = 0; i < cpim->n_headers; i++)
		if (cpim->headers[i].ns.n && !cpim_ns(&cpim->headers[i], &prefix, &uri))
			again[n++] = (struct cpim_add){ .ns = cpim->headers[i].ns,
							.name = cpim->headers[i].name,
							.value = cpim->headers[i].value };
	if (cpim_print(again, n, cpim->mime.fields, cpim->mime.n, cpim->content, arena, &bytes,
		       &err) < 0)
		fail(err.text, cpim->bytes);
	return bytes;
}

int cpim_check(struct strv bytes)
{
	struct arena *arena = arena_new(0);
	struct cpim *cpim, *again;
	struct strv spliced, first, second;
	struct err err;
	int taken;

	if (!arena)
		abort();
	taken = cpim_parse(bytes, NULL, arena, &cpim, &err) == 0;
	if (taken) {
		if (cpim_splice(cpim, NULL, 0, arena, &spliced, &err) < 0 ||
		    !strv_eq(spliced, bytes))
			fail("a splice of nothing changes octets", bytes);
		if (cpim_splice(cpim, adds, N_ADDS, arena, &spliced, &err) < 0 ||
		    cpim_parse(spliced, &wide, arena, &again, &err) < 0)
			fail(err.text, bytes);
		check_spliced(cpim, again);
		first = print_again(cpim, arena);
		if (cpim_parse(first, &wide, arena, &again, &err) < 0)
			fail(err.text, first);
		second = print_again(again, arena);
		if (!strv_eq(first, second))
			fail("written twice, different", first);
		for (unsigned i = 0; i < cpim->n_headers; i++)
			if (cpim_unescape(cpim->headers[i].value, arena, &first, &err) < 0)
				fail(err.text, bytes);
	}
	arena_free(&arena);
	return taken;
}
