/* SPDX-License-Identifier: Apache-2.0 */
/* xdms/xcap_uri.c - see xcap_uri.h */
#include "xdms/xcap_uri.h"

#include "xdms/xcap_text.h"

int xcap_uri_status(enum err_code code)
{
	switch (code) {
	case ERR_SYNTAX:
		return 400;
	case ERR_ABSENT:
		return 404;
	case ERR_LIMIT:
		return 414;
	default:
		return 500;
	}
}

/* Pass over "scheme://authority" when S begins with it. */
static struct strv path_of(struct strv s)
{
	const char *slashes = s.n ? memmem(s.p, s.n, "://", 3) : NULL;
	const char *path;

	if (!slashes || memchr(s.p, '/', (size_t)(slashes - s.p)) ||
	    memchr(s.p, '?', (size_t)(slashes - s.p)))
		return s;
	slashes += 3;
	path = memchr(slashes, '/', s.n - (size_t)(slashes - s.p));
	if (!path)
		return strv_mem(s.p + s.n, 0);
	return strv_mem(path, s.n - (size_t)(path - s.p));
}

static int decode(struct strv raw, struct arena *arena, struct strv *out, struct err *err)
{
	switch (xcap_percent_decode(raw, arena, out)) {
	case 0:
		break;
	case -1:
		return err_set(err, ERR_SYNTAX, "broken percent-encoding in the request URI");
	default:
		return err_set(err, ERR_NOMEM, "no memory for the request URI");
	}
	if (!xcap_utf8_valid(*out))
		return err_set(err, ERR_SYNTAX, "the request URI is not UTF-8");
	return 0;
}

/* The next path segment of PATH, which begins with "/". */
static struct strv segment_next(struct strv *path)
{
	struct strv segment;

	path->p++;
	path->n--;
	if (strv_cut(path, '/', &segment)) { /* put the slash back: the path goes on */
		path->p--;
		path->n++;
	}
	return segment;
}

/* Cut the root's path off the front of PATH, segment by segment. */
static int below_root(struct strv *path, struct strv root, struct arena *arena, struct err *err)
{
	struct strv want, have;

	root = path_of(root);
	if (root.n && root.p[root.n - 1] == '/')
		root.n--;
	while (root.n) {
		if (!path->n || *path->p != '/')
			return err_set(err, ERR_ABSENT, "the path is not below the XCAP root");
		if (decode(segment_next(&root), arena, &want, err) < 0 ||
		    decode(segment_next(path), arena, &have, err) < 0)
			return -1;
		if (!strv_eq(want, have))
			return err_set(err, ERR_ABSENT, "the path is not below the XCAP root");
	}
	return 0;
}

/* A segment of two tildes in any spelling is the node selector separator. */
static int is_separator(struct strv segment)
{
	unsigned tildes = 0;

	while (segment.n) {
		size_t n = 1;

		if (segment.n >= 3 && segment.p[0] == '%' && segment.p[1] == '7' &&
		    (segment.p[2] | 0x20) == 'e')
			n = 3;
		else if (*segment.p != '~')
			return 0;
		tildes++;
		segment.p += n;
		segment.n -= n;
	}
	return tildes == 2;
}

/* Cut PATH before the first separator; NODE_OUT is the rest behind "/~~/", raw. */
static int cut_node(struct strv *path, struct strv *node_out, struct err *err)
{
	struct strv rest = *path;

	*node_out = strv_mem(NULL, 0);
	while (rest.n) {
		const char *at = rest.p;

		if (!is_separator(segment_next(&rest)))
			continue;
		path->n = (size_t)(at - path->p);
		if (rest.n < 2)
			return err_set(err, ERR_ABSENT, "no node selector behind the separator");
		*node_out = strv_mem(rest.p + 1, rest.n - 1);
		return 1;
	}
	return 0;
}

static int has_control(struct strv s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return 1;
	return 0;
}

static int next_decoded(struct strv *path, const char *what, struct arena *arena, struct strv *out,
			struct err *err)
{
	if (!path->n)
		return err_set(err, ERR_ABSENT, "the path has no %s", what);
	if (decode(segment_next(path), arena, out, err) < 0)
		return -1;
	if (!out->n)
		return err_set(err, ERR_ABSENT, "the %s in the path is empty", what);
	if (has_control(*out))
		return err_set(err, ERR_SYNTAX, "control character in the %s", what);
	return 0;
}

static int parse_tree(struct strv *path, struct arena *arena, struct xcap_uri *uri, struct err *err)
{
	struct strv tree;

	if (next_decoded(path, "AUID", arena, &uri->auid, err) < 0 ||
	    next_decoded(path, "tree", arena, &tree, err) < 0)
		return -1;
	if (strv_eq(tree, STRV("global"))) {
		uri->tree = XCAP_GLOBAL;
		return 0;
	}
	if (!strv_eq(tree, STRV("users")))
		return err_set(err, ERR_ABSENT, "the path names neither users nor global");
	uri->tree = XCAP_USERS;
	if (next_decoded(path, "XUI", arena, &uri->xui, err) < 0)
		return -1;
	if (strv_eq(uri->xui, STRV(".")) || strv_eq(uri->xui, STRV("..")))
		return err_set(err, ERR_ABSENT, "no user can have the XUI in the path");
	if (uri->xui.n > XCAP_XUI_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "the XUI is longer than %d octets",
			       XCAP_XUI_BYTES_MAX);
	return 0;
}

static int parse_segments(struct strv *path, struct arena *arena, struct xcap_uri *uri,
			  struct err *err)
{
	struct strv *segment = arena_zalloc(arena, XCAP_SEGMENTS_MAX, sizeof(*segment));

	if (!segment)
		return err_set(err, ERR_NOMEM, "no memory for the request URI");
	uri->segment = segment;
	do {
		struct strv s;

		if (uri->n_segments == XCAP_SEGMENTS_MAX)
			return err_set(err, ERR_LIMIT, "more than %d segments in the path",
				       XCAP_SEGMENTS_MAX);
		if (next_decoded(path, "document", arena, &s, err) < 0)
			return -1;
		/* Never resolved, so that no spelling leads out of the home directory. */
		if (strv_eq(s, STRV(".")) || strv_eq(s, STRV("..")) || memchr(s.p, '/', s.n))
			return err_set(err, ERR_ABSENT,
				       "no document can have the name in the path");
		if (s.n > XCAP_SEGMENT_BYTES_MAX)
			return err_set(err, ERR_LIMIT, "a path segment is longer than %d octets",
				       XCAP_SEGMENT_BYTES_MAX);
		segment[uri->n_segments++] = s;
	} while (path->n);
	return 0;
}

int xcap_uri_parse(struct strv target, struct strv root, struct arena *arena,
		   struct xcap_uri *uri_out, struct err *err)
{
	struct strv path, node;
	int cut;

	memset(uri_out, 0, sizeof(*uri_out));
	if (target.n > XCAP_TARGET_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "the request URI is longer than %d octets",
			       XCAP_TARGET_BYTES_MAX);
	if (has_control(target) || (target.n && memchr(target.p, '#', target.n)))
		return err_set(err, ERR_SYNTAX, "the request URI has a character no URI can have");
	uri_out->query = path_of(target);
	strv_cut(&uri_out->query, '?', &path);
	if (below_root(&path, root, arena, err) < 0)
		return -1;
	cut = cut_node(&path, &node, err);
	if (cut < 0)
		return -1;
	uri_out->document = path.n ? strv_mem(path.p + 1, path.n - 1) : path;
	if (parse_tree(&path, arena, uri_out, err) < 0 ||
	    parse_segments(&path, arena, uri_out, err) < 0)
		return -1;
	uri_out->has_node = cut;
	return cut ? decode(node, arena, &uri_out->node, err) : 0;
}
