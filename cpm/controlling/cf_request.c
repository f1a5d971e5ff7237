/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/controlling/cf_request.c - parse: a message to a group or with a list (RFC 5365 s7)
 *
 * Nothing is decided here: what cannot be understood is refused, the rest is laid out.
 */
#include <string.h>

#include "cpm/controlling/cf_priv.h"

enum { URI_MAX = 1024 };

#define LIST_TYPE "application/resource-lists+xml"
#define LIST_TAG  "recipient-list-message"

int cf_line_next(struct strv *lines, struct strv *name_out, struct strv *value_out,
		 struct strv *line_out)
{
	struct strv line, rest;
	size_t n = 0;

	if (!lines->n)
		return 0;
	do {
		const char *end = memchr(lines->p + n, '\n', lines->n - n);

		n = end ? (size_t)(end - lines->p) + 1 : lines->n;
	} while (n < lines->n && (lines->p[n] == ' ' || lines->p[n] == '\t'));
	line = *line_out = strv_mem(lines->p, n);
	*lines = strv_mem(lines->p + n, lines->n - n);
	while (line.n && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
		line.n--;
	rest = line;
	strv_cut(&rest, ':', name_out);
	*name_out = strv_trim(*name_out);
	*value_out = strv_trim(rest);
	return 1;
}

/* S without white space around it, that of folded lines too. */
static struct strv trim_all(struct strv s)
{
	while (s.n && strchr(" \t\r\n", s.p[0]))
		s.p++, s.n--;
	while (s.n && strchr(" \t\r\n", s.p[s.n - 1]))
		s.n--;
	return s;
}

/* The option tags of Require that we do not know, joined, in ARENA: 0 none, 1, -1 no memory. */
static int find_unsupported(struct strv lines, struct arena *arena, struct strv *out)
{
	struct strv name, value, line, tag;
	char *text = NULL;

	while (cf_line_next(&lines, &name, &value, &line)) {
		if (!strv_caseeq(name, STRV("Require")))
			continue;
		for (int more = 1; more;) {
			more = strv_cut(&value, ',', &tag);
			tag = trim_all(tag);
			if (!tag.n || strv_caseeq(tag, STRV(LIST_TAG)))
				continue;
			text = arena_printf(arena, "%s%s%.*s", text ? text : "", text ? ", " : "",
					    STRV_ARG(tag));
			if (!text)
				return -1;
		}
	}
	*out = strv_of(text);
	return text != NULL;
}

static int has_line(struct strv lines, const char *wanted)
{
	struct strv name, value, line;

	while (cf_line_next(&lines, &name, &value, &line))
		if (strv_caseeq(name, strv_of(wanted)))
			return 1;
	return 0;
}

/* ---- the list ---- */

static int begins_caseless(struct strv s, const char *with)
{
	size_t n = strlen(with);

	return s.n >= n && strv_caseeq(strv_mem(s.p, n), strv_of(with));
}

/* Header fields in a URI are the list's business, but for one that would be another message (RFC
 * 5365 s7.3). */
static int asks_for_body(struct strv headers)
{
	struct strv one;

	for (int more = 1; more;) {
		more = strv_cut(&headers, '&', &one);
		if (begins_caseless(one, "body=") || strv_caseeq(one, STRV("body")))
			return 1;
	}
	return 0;
}

/* URI without its method, which is MESSAGE whatever it says, and without header fields. */
static int plain_uri(struct strv uri, char *buf, struct strv *plain_out, int *has_body_out)
{
	struct strv rest = uri, part;
	size_t n = 0;

	strv_cut(&rest, '?', &uri);
	*has_body_out = asks_for_body(rest);
	if (uri.n >= URI_MAX)
		return -1;
	for (int more = 1; more;) {
		more = strv_cut(&uri, ';', &part);
		if (n && begins_caseless(part, "method="))
			continue;
		if (n)
			buf[n++] = ';';
		if (part.n)
			memcpy(buf + n, part.p, part.n);
		n += part.n;
	}
	*plain_out = strv_mem(buf, n);
	return 0;
}

static unsigned read_recipients(struct cf_request *request, const struct auth_domains *domains,
				struct arena *arena, const char **why)
{
	struct strv *to = arena_zalloc(arena, request->list.n + 1, sizeof(*to));

	if (!to)
		return 503;
	for (unsigned i = 0; i < request->list.n; i++) {
		struct auth_identity identity;
		char buf[URI_MAX];
		struct strv plain;
		int has_body;

		if (plain_uri(request->list.entries[i].uri, buf, &plain, &has_body) < 0 ||
		    auth_identity_parse(plain, domains, &identity, NULL) < 0) {
			*why = "a recipient of the list is no SIP or telephone identity";
			return 400;
		}
		if (has_body) {
			*why = "a recipient of the list brings a body of its own";
			return 400;
		}
		to[i] = strv_of(arena_strdup(arena, auth_identity_text(&identity)));
		if (!to[i].p)
			return 503;
	}
	request->to = to;
	request->n_to = request->list.n;
	return 0;
}

static unsigned read_list(struct cf_request *request, struct strv bytes, unsigned max_list,
			  const struct auth_domains *domains, struct arena *arena, const char **why)
{
	struct err err;

	request->has_list = 1;
	if (urilist_parse(bytes, max_list, domains, arena, &request->list, &err) == 0)
		return read_recipients(request, domains, arena, why);
	switch (err.code) {
	case ERR_NOMEM:
		return 503;
	case ERR_LIMIT:
		*why = "the list is too long";
		return 413;
	case ERR_RANGE:
		*why = "the list refers to another";
		return 400;
	default:
		*why = "the list cannot be read";
		return 400;
	}
}

/* ---- the body ---- */

static int is_list(const struct multipart_part *part)
{
	struct strv disposition = mime_find(&part->head, "Content-Disposition");

	return part->depth == 1 && !part->is_signed &&
	       mime_is(mime_find(&part->head, "Content-Type"), LIST_TYPE) &&
	       mime_is(disposition, "recipient-list");
}

/* Octets of PART's content are those of what it holds. */
static int is_bare(const struct multipart_part *part)
{
	struct strv encoding = mime_find(&part->head, "Content-Transfer-Encoding");

	return !mime_find(&part->head, "Content-Encoding").p &&
	       (!encoding.n || strv_caseeq(encoding, STRV("7bit")) ||
		strv_caseeq(encoding, STRV("8bit")) || strv_caseeq(encoding, STRV("binary")));
}

static unsigned read_cpim(struct cf_request *request, struct strv bytes, int is_fixed,
			  struct arena *arena, const char **why)
{
	struct strv value, name;
	struct cpim *cpim;
	struct err err;

	if (cpim_parse(bytes, NULL, arena, &cpim, &err) < 0) {
		*why = "the CPIM message cannot be read";
		return err.code == ERR_NOMEM ? 503 : 400;
	}
	value = cpim_value(cpim, CPIM_NS_CORE, "From");
	if (value.p && cpim_address(value, &name, &request->cpim_from, NULL) < 0) {
		*why = "From of the CPIM message is no address";
		return 400;
	}
	request->cpim_is_fixed = is_fixed;
	if (!is_fixed)
		request->cpim = cpim;
	return 0;
}

static unsigned read_parts(struct cf_request *request, unsigned max_list,
			   const struct auth_domains *domains, struct arena *arena,
			   const char **why)
{
	const struct cpm_message_draft *m = request->m;
	const struct multipart_part *list = NULL;
	struct multipart parts;
	struct err err;
	unsigned status;

	if (multipart_parse(m->body, m->content_type, &multipart_limits_default, arena, &parts,
			    &err) < 0) {
		*why = "the body of several parts cannot be read";
		return err.code == ERR_NOMEM ? 503 : err.code == ERR_LIMIT ? 413 : 400;
	}
	request->rest = arena_zalloc(arena, parts.n, sizeof(const struct multipart_part *));
	if (!request->rest)
		return 503;
	for (unsigned i = 0; i < parts.n; i++) {
		const struct multipart_part *part = &parts.parts[i];

		if (is_list(part) && list) {
			*why = "two lists of recipients";
			return 400;
		}
		if (is_list(part))
			list = part;
		else if (part->depth == 1)
			request->rest[request->n_rest++] = part;
		if (!part->is_signed || request->cpim_is_fixed ||
		    !mime_is(mime_find(&part->head, "Content-Type"), "message/cpim"))
			continue;
		status = read_cpim(request, part->content, 1, arena, why);
		if (status)
			return status;
	}
	if (!list) {
		request->n_rest = 0; /* it goes as it came */
		return 0;
	}
	if (!request->n_rest) {
		*why = "a list without a message";
		return 400;
	}
	if (request->n_rest == 1 && is_bare(request->rest[0]) &&
	    mime_is(mime_find(&request->rest[0]->head, "Content-Type"), "message/cpim") &&
	    (status = read_cpim(request, request->rest[0]->content, 0, arena, why)))
		return status;
	return read_list(request, list->content, max_list, domains, arena, why);
}

unsigned cf_request_read(const struct cpm_message_draft *m, unsigned max_list,
			 const struct auth_domains *domains, struct arena *arena,
			 struct cf_request *request_out, const char **why_out,
			 struct strv *unsupported_out)
{
	static const char multipart[] = "multipart/";
	int is_encoded = has_line(m->lines, "Content-Encoding"), ret;

	memset(request_out, 0, sizeof(*request_out));
	request_out->m = m;
	*why_out = NULL;
	ret = find_unsupported(m->lines, arena, unsupported_out);
	if (ret)
		return ret < 0 ? 503 : 420;
	if (m->hops == 1)
		return 483;
	if (m->is_composing) {
		*why_out = "groups are not told who is typing";
		return 415; /* it is not sent again then (RFC 3994 s4) */
	}
	if (is_encoded)
		return 0; /* passed as it is: nothing in it is ours to change */
	if (begins_caseless(m->content_type, multipart))
		return read_parts(request_out, max_list, domains, arena, why_out);
	if (mime_is(m->content_type, "message/cpim"))
		return read_cpim(request_out, m->body, 0, arena, why_out);
	return 0;
}
