/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/auid_ref.c - references inside documents, judged by their form (RFC 4825 s5.3)
 *
 * Whether a reference leads anywhere is never looked at: servers do not check referential
 * integrity, and a list may be deleted while others still name it.
 */
#include "xdms/auid_priv.h"

#include <ctype.h>

static int is_hex(char c)
{
	return isxdigit((unsigned char)c) != 0;
}

/* 1 when all of TEXT may stand in the path or query of a URI (RFC 3986 s3.3, s3.4). */
static int is_encoded(struct strv text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == '%') {
			if (text.n - i < 3 || !is_hex(text.p[i + 1]) || !is_hex(text.p[i + 2]))
				return 0;
			i += 2;
		} else if (!isalnum((unsigned char)c) &&
			   (c == 0 || !strchr("-._~:/?@!$&'()*+,;=", c))) {
			return 0;
		}
	}
	return 1;
}

/* What a reference is made of. PATH has its leading slash. */
struct parts {
	struct strv authority;
	struct strv path;
};

static int split_absolute(struct strv text, struct parts *parts_out)
{
	struct strv scheme, rest = text;
	const char *slash;

	if (!strv_cut(&rest, ':', &scheme) ||
	    (!strv_caseeq(scheme, STRV("http")) && !strv_caseeq(scheme, STRV("https"))) ||
	    !strv_starts(rest, STRV("//")))
		return -1;
	rest = strv_mem(rest.p + 2, rest.n - 2);
	slash = memchr(rest.p, '/', rest.n);
	parts_out->authority = strv_mem(rest.p, slash ? (size_t)(slash - rest.p) : rest.n);
	parts_out->path =
		strv_mem(slash ? slash : rest.p + rest.n, rest.n - parts_out->authority.n);
	return parts_out->authority.n > 0 ? 0 : -1;
}

/* The host without a port that its scheme implies: all spellings of our one root are the same. */
static struct strv plain_authority(struct strv authority)
{
	static const char *const implied[] = { ":80", ":443", ":" };

	for (size_t i = 0; i < sizeof(implied) / sizeof(implied[0]); i++) {
		size_t n = strlen(implied[i]);

		if (authority.n > n && memcmp(authority.p + authority.n - n, implied[i], n) == 0)
			return strv_mem(authority.p, authority.n - n);
	}
	return authority;
}

/* An IPv6 literal may stand in the authority, in brackets; nothing else has brackets. */
static int is_authority(struct strv authority)
{
	for (size_t i = 0; i < authority.n; i++)
		if (!isalnum((unsigned char)authority.p[i]) &&
		    (authority.p[i] == 0 || !strchr("-._~:@%!$&'()*+,;=[]", authority.p[i])))
			return 0;
	return 1;
}

static int parse_absolute(struct strv text, struct parts *parts_out, struct err *err)
{
	if (split_absolute(text, parts_out) < 0)
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is not an absolute http or https URI",
			       STRV_ARG(text));
	if (!is_authority(parts_out->authority) || !is_encoded(parts_out->path))
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is not percent-encoded", STRV_ARG(text));
	return 0;
}

int auid_ref_absolute(struct strv text, struct err *err)
{
	struct parts parts;

	return parse_absolute(text, &parts, err);
}

int auid_ref_relative(struct strv text, struct err *err)
{
	struct strv first, rest = text;

	strv_cut(&rest, '/', &first);
	if (text.n == 0 || first.n == 0 || memchr(first.p, ':', first.n))
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is not a path relative to the XCAP root",
			       STRV_ARG(text));
	if (!is_encoded(text))
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is not percent-encoded", STRV_ARG(text));
	return 0;
}

static int same_user(const struct auid_context *context, struct strv a, struct strv b)
{
	return context->same_user ? context->same_user(context->arg, a, b) : strv_eq(a, b);
}

int auid_is_owner(const struct auid_context *context, struct strv identity)
{
	return same_user(context, identity, context->xui) ||
	       (context->home.n && same_user(context, identity, context->home));
}

int auid_ref_is_uri(struct strv text)
{
	struct strv scheme;

	if (!strv_cut(&text, ':', &scheme) || text.n == 0 || scheme.n == 0 ||
	    !isalpha((unsigned char)scheme.p[0]))
		return 0;
	for (size_t i = 0; i < scheme.n; i++)
		if (!isalnum((unsigned char)scheme.p[i]) &&
		    (scheme.p[i] == 0 || !strchr("+-.", scheme.p[i])))
			return 0;
	return 1;
}

/* PARTS->path without the XCAP root, or -1 when it is another root. */
static int below_root(const struct parts *parts, const struct auid_context *context,
		      struct strv *rest_out)
{
	struct parts root;
	const char *found;

	if (context->xcap_root.n == 0) {
		found = memmem(parts->path.p, parts->path.n, "/resource-lists/", 16);
		if (!found)
			return -1;
		*rest_out =
			strv_mem(found + 1, (size_t)(parts->path.p + parts->path.n - found - 1));
		return 0;
	}
	if (split_absolute(context->xcap_root, &root) < 0 ||
	    !strv_caseeq(plain_authority(parts->authority), plain_authority(root.authority)))
		return -1;
	while (root.path.n > 0 && root.path.p[root.path.n - 1] == '/')
		root.path.n--;
	if (!strv_starts(parts->path, root.path) || parts->path.n == root.path.n ||
	    parts->path.p[root.path.n] != '/')
		return -1;
	*rest_out = strv_mem(parts->path.p + root.path.n + 1, parts->path.n - root.path.n - 1);
	return 0;
}

/* 1 when the path segment SEGMENT, decoded, is the user of CONTEXT; 0 no; -1 memory. */
static int names_owner(struct strv segment, const struct auid_context *context)
{
	struct arena *arena;
	struct strv xui;
	int same;

	if (segment.n == 0)
		return 0;
	if (context->xui.n == 0)
		return 1;
	arena = arena_new(0);
	if (!arena)
		return -1;
	same = xcap_percent_decode(segment, arena, &xui);
	same = same == 0 ? auid_is_owner(context, xui) : same == -2 ? -1 : 0;
	arena_free(&arena);
	return same;
}

int auid_ref_own_list(struct strv text, const struct auid_context *context, struct err *err)
{
	struct strv rest, auid, tree, xui;
	struct parts parts;
	int same;

	if (parse_absolute(text, &parts, err) < 0)
		return -1;
	if (below_root(&parts, context, &rest) < 0)
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is not below the XCAP root %.*s",
			       STRV_ARG(text), STRV_ARG(context->xcap_root));
	strv_cut(&rest, '/', &auid);
	strv_cut(&rest, '/', &tree);
	strv_cut(&rest, '/', &xui);
	if (!strv_eq(auid, STRV("resource-lists")))
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is not a resource-lists document",
			       STRV_ARG(text));
	same = strv_eq(tree, STRV("users")) ? names_owner(xui, context) : 0;
	if (same < 0)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (!same || rest.n == 0)
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is not a list of %.*s", STRV_ARG(text),
			       STRV_ARG(context->xui));
	return 0;
}
