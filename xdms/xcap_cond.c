/* SPDX-License-Identifier: Apache-2.0 */
/* xdms/xcap_cond.c - see xcap_cond.h */
#include "xdms/xcap_cond.h"

#include <inttypes.h>
#include <stdio.h>

size_t xcap_etag_print(uint64_t epoch, uint64_t version, char etag_out[XCAP_ETAG_BYTES])
{
	return (size_t)snprintf(etag_out, XCAP_ETAG_BYTES, "\"%" PRIx64 "-%" PRIx64 "\"", epoch,
				version);
}

/* The opaque part of the entity tag at the beginning of *LIST, which is moved behind it. 1; -1:
 * there is none. */
static int next_tag(struct strv *list, struct strv *tag_out, int *weak_out)
{
	const char *end;

	*weak_out = strv_starts(*list, STRV("W/"));
	if (*weak_out)
		*list = strv_mem(list->p + 2, list->n - 2);
	if (list->n && list->p[0] == '"') {
		end = memchr(list->p + 1, '"', list->n - 1);
		if (!end)
			return -1;
		*tag_out = strv_mem(list->p + 1, (size_t)(end - list->p) - 1);
		end++;
	} else {
		for (end = list->p; end < list->p + list->n && *end != ',' && *end != ' ' &&
				    *end != '\t' && *end != '"';)
			end++;
		*tag_out = strv_mem(list->p, (size_t)(end - list->p));
		if (!tag_out->n)
			return -1;
	}
	*list = strv_trim(strv_mem(end, list->n - (size_t)(end - list->p)));
	return 1;
}

int xcap_etag_listed(struct strv field, struct strv etag, int strong)
{
	struct strv opaque = etag.n >= 2 ? strv_mem(etag.p + 1, etag.n - 2) : etag, tag;
	int listed = 0, weak;

	field = strv_trim(field);
	if (strv_eq(field, STRV("*")))
		return etag.n > 0;
	do {
		while (field.n && field.p[0] == ',')
			field = strv_trim(strv_mem(field.p + 1, field.n - 1));
		if (!field.n)
			return listed;
		if (next_tag(&field, &tag, &weak) < 0)
			return -1;
		if (etag.n && strv_eq(tag, opaque) && !(weak && strong))
			listed = 1;
	} while (field.n && field.p[0] == ',');
	return field.n ? -1 : listed;
}

enum xcap_cond xcap_cond_check(struct strv if_match, struct strv if_none_match, struct strv etag,
			       int is_get)
{
	int listed;

	if (if_match.p) {
		listed = xcap_etag_listed(if_match, etag, 1);
		if (listed <= 0)
			return listed < 0 ? XCAP_COND_SYNTAX : XCAP_COND_FAILED;
	}
	if (if_none_match.p) {
		listed = xcap_etag_listed(if_none_match, etag, 0);
		if (listed < 0)
			return XCAP_COND_SYNTAX;
		if (listed)
			return is_get ? XCAP_COND_NOT_MODIFIED : XCAP_COND_FAILED;
	}
	return XCAP_COND_HOLDS;
}
