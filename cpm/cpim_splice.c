/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/cpim_splice.c - lines put into a CPIM message (RFC 3862 s3.4, RFC 5438 s6)
 *
 * The received octets are copied as they are; only whole header lines are put between them. A new
 * message is a splice into one that has no headers yet.
 */
#include "cpm/cpim.h"

#include <stdio.h>
#include <string.h>

enum { PREFIX_BYTES = 24 };

/* What a namespace is called when nobody has declared it yet. */
static const struct {
	struct strv ns;
	const char *prefix;
} usual[] = {
	{ { CPIM_NS_IMDN, sizeof(CPIM_NS_IMDN) - 1 }, "imdn" },
	{ { CPIM_NS_CORE, sizeof(CPIM_NS_CORE) - 1 }, "cpim" },
};

struct binding {
	struct strv ns;
	char prefix[PREFIX_BYTES];
};

struct out {
	char *p;
	size_t n;
};

static void put(struct out *out, struct strv s)
{
	if (s.n)
		memcpy(out->p + out->n, s.p, s.n);
	out->n += s.n;
}

static int is_ns(struct strv ns)
{
	return ns.n && cpim_is_line(ns) && !memchr(ns.p, ' ', ns.n) && !memchr(ns.p, '<', ns.n) &&
	       !memchr(ns.p, '>', ns.n);
}

/* ADDS can be written; in BYTES_OUT how many octets they can take at most. */
static int measure(const struct cpim_add *adds, size_t n, size_t *bytes_out, struct err *err)
{
	*bytes_out = 0;
	for (size_t i = 0; i < n; i++) {
		if (!is_ns(adds[i].ns) || !cpim_is_name(adds[i].name) ||
		    !cpim_is_line(adds[i].value))
			return err_set(err, ERR_RANGE, "CPIM header %zu cannot stand on one line",
				       i);
		*bytes_out +=
			adds[i].ns.n + adds[i].name.n + adds[i].value.n + 2 * PREFIX_BYTES + 16;
	}
	return 0;
}

/* Is what PREFIX stands for behind the last header the namespace NS? */
static int stands_for(const struct cpim *cpim, struct strv prefix, struct strv ns)
{
	struct strv declared, uri;

	for (unsigned i = cpim->n_headers; i-- > 0;)
		if (cpim_ns(&cpim->headers[i], &declared, &uri) && strv_eq(declared, prefix))
			return strv_eq(uri, ns);
	return !prefix.n && strv_eq(ns, STRV(CPIM_NS_CORE));
}

static int is_taken(const struct cpim *cpim, const struct binding *bound, size_t n_bound,
		    struct strv prefix)
{
	struct strv declared, uri;

	for (unsigned i = 0; i < cpim->n_headers; i++)
		if (strv_eq(cpim->headers[i].prefix, prefix) ||
		    (cpim_ns(&cpim->headers[i], &declared, &uri) && strv_eq(declared, prefix)))
			return 1;
	for (size_t i = 0; i < n_bound; i++)
		if (strv_eq(strv_of(bound[i].prefix), prefix))
			return 1;
	return 0;
}

/* The prefix for NS behind the last header; 1 when PREFIX_OUT holds it (empty: the default). */
static int find_prefix(const struct cpim *cpim, struct strv ns, struct strv *prefix_out)
{
	struct strv prefix, uri;

	if (stands_for(cpim, STRV(""), ns)) {
		*prefix_out = STRV("");
		return 1;
	}
	for (unsigned i = cpim->n_headers; i-- > 0;)
		if (cpim_ns(&cpim->headers[i], &prefix, &uri) && strv_eq(uri, ns) &&
		    stands_for(cpim, prefix, ns)) {
			*prefix_out = prefix;
			return 1;
		}
	return 0;
}

/* A prefix for NS that nobody uses, and the line that declares it. */
static void declare(const struct cpim *cpim, struct strv ns, struct binding *bound, size_t *n_bound,
		    struct out *out)
{
	struct binding *new = &bound[*n_bound];
	const char *base = "x";

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (strv_eq(usual[i].ns, ns))
			base = usual[i].prefix;
	snprintf(new->prefix, sizeof(new->prefix), "%s", base);
	for (unsigned k = 1; is_taken(cpim, bound, *n_bound, strv_of(new->prefix)); k++)
		snprintf(new->prefix, sizeof(new->prefix), "%s%u", base, k);
	new->ns = ns;
	++*n_bound;
	/* Where the default is not the core's, "NS" alone is still what readers look for. */
	put(out, STRV("NS: "));
	put(out, strv_of(new->prefix));
	put(out, STRV(" <"));
	put(out, ns);
	put(out, STRV(">"));
	put(out, cpim->eol);
}

static void put_header(struct out *out, struct strv prefix, const struct cpim_add *add,
		       struct strv eol)
{
	put(out, prefix);
	if (prefix.n)
		put(out, STRV("."));
	put(out, add->name);
	put(out, STRV(": "));
	put(out, add->value);
	put(out, eol);
}

/* The header in front of which ADD goes; NULL: the blank line. */
static const struct cpim_header *place_of(const struct cpim *cpim, const struct cpim_add *add)
{
	for (unsigned i = 0; add->place == CPIM_TOP && i < cpim->n_headers; i++)
		if (strv_eq(cpim->headers[i].name, add->name) &&
		    strv_eq(cpim->headers[i].ns, add->ns))
			return &cpim->headers[i];
	return NULL;
}

static void put_last(struct out *out, const struct cpim *cpim, const struct cpim_add *add,
		     struct binding *bound, size_t *n_bound)
{
	struct strv prefix;

	if (!find_prefix(cpim, add->ns, &prefix)) {
		size_t i;

		for (i = 0; i < *n_bound && !strv_eq(bound[i].ns, add->ns);)
			i++;
		if (i == *n_bound)
			declare(cpim, add->ns, bound, n_bound, out);
		prefix = strv_of(bound[i].prefix);
	}
	put_header(out, prefix, add, cpim->eol);
}

int cpim_splice(const struct cpim *cpim, const struct cpim_add *adds, size_t n_adds,
		struct arena *arena, struct strv *bytes_out, struct err *err)
{
	struct binding *bound;
	struct out out = { NULL, 0 };
	size_t room, n_bound = 0;

	if (measure(adds, n_adds, &room, err) < 0)
		return -1;
	bound = arena_zalloc(arena, n_adds + 1, sizeof(*bound));
	out.p = arena_alloc(arena, cpim->bytes.n + room + 1);
	if (!bound || !out.p)
		return err_set(err, ERR_NOMEM, "no memory for a CPIM message");
	for (unsigned i = 0; i < cpim->n_headers; i++) {
		/* In front of a header of its own name its spelling holds, declared or not yet. */
		for (size_t k = 0; k < n_adds; k++)
			if (place_of(cpim, &adds[k]) == &cpim->headers[i])
				put_header(&out, cpim->headers[i].prefix, &adds[k], cpim->eol);
		put(&out, cpim->headers[i].line);
	}
	for (size_t k = 0; k < n_adds; k++)
		if (!place_of(cpim, &adds[k]))
			put_last(&out, cpim, &adds[k], bound, &n_bound);
	put(&out, strv_mem(cpim->bytes.p + cpim->blank_at, cpim->bytes.n - cpim->blank_at));
	*bytes_out = strv_mem(out.p, out.n);
	return 0;
}

int cpim_print(const struct cpim_add *adds, size_t n_adds, const struct mime_field *fields,
	       size_t n_fields, struct strv content, struct arena *arena, struct strv *bytes_out,
	       struct err *err)
{
	struct cpim empty = { .eol = STRV("\r\n") };
	struct out out = { NULL, 0 };
	size_t room = 8 + content.n;

	for (size_t i = 0; i < n_fields; i++) {
		if (!mime_field_fits(&fields[i]))
			return err_set(err, ERR_RANGE, "MIME field %zu cannot stand on one line",
				       i);
		room += fields[i].name.n + fields[i].value.n + 4;
	}
	out.p = arena_alloc(arena, room);
	if (!out.p)
		return err_set(err, ERR_NOMEM, "no memory for a CPIM message");
	put(&out, empty.eol);
	for (size_t i = 0; i < n_fields; i++) {
		put(&out, fields[i].name);
		put(&out, STRV(": "));
		put(&out, fields[i].value);
		put(&out, empty.eol);
	}
	put(&out, empty.eol);
	put(&out, content);
	empty.bytes = strv_mem(out.p, out.n);
	return cpim_splice(&empty, adds, n_adds, arena, bytes_out, err);
}
