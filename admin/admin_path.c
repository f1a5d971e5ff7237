/* SPDX-License-Identifier: Apache-2.0 */
/* admin/admin_path.c - see admin_path.h */
#include "admin/admin_path.h"

int admin_path_fits(struct strv path, const char *pattern, struct strv *part_out)
{
	struct strv rest = strv_of(pattern), want, have, part = { NULL, 0 };
	int more_want, more_have;

	do {
		more_want = strv_cut(&rest, '/', &want);
		more_have = strv_cut(&path, '/', &have);
		if (more_want != more_have)
			return 0;
		if (strv_eq(want, STRV("*")) && have.n)
			part = have;
		else if (!strv_eq(want, have))
			return 0;
	} while (more_want);
	if (part.p)
		*part_out = part;
	return 1;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int admin_percent_decode(struct strv s, struct arena *arena, struct strv *out, struct err *err)
{
	char *p = arena_alloc(arena, s.n + 1), *to = p;

	if (!p)
		return err_set(err, ERR_NOMEM, "no memory for the request");
	for (size_t i = 0; i < s.n; i++) {
		int high, low;

		if (s.p[i] != '%') {
			*to++ = s.p[i];
			continue;
		}
		high = s.n - i > 2 ? hex(s.p[i + 1]) : -1;
		low = s.n - i > 2 ? hex(s.p[i + 2]) : -1;
		if (high < 0 || low < 0)
			return err_set(err, ERR_SYNTAX,
				       "%% must be followed by two hexadecimal digits");
		if (high == 0 && low == 0)
			return err_set(err, ERR_SYNTAX, "%%00 is not allowed");
		*to++ = (char)(high << 4 | low);
		i += 2;
	}
	*out = strv_mem(p, (size_t)(to - p));
	return 0;
}

int admin_query_next(struct strv *query, struct arena *arena, struct strv *name_out,
		     struct strv *value_out, struct err *err)
{
	struct strv pair, name;

	do {
		if (!query->n)
			return 0;
		strv_cut(query, '&', &pair);
	} while (!pair.n);
	strv_cut(&pair, '=', &name);
	if (admin_percent_decode(name, arena, name_out, err) < 0 ||
	    admin_percent_decode(pair, arena, value_out, err) < 0)
		return -1;
	return 1;
}
