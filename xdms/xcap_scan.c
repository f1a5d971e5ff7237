/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_scan.c - see xcap_scan.h
 *
 * One pass, no recursion: the open elements are linked by their parent index, the declarations in
 * scope stand on a stack.
 */
#include "xdms/xcap_scan.h"

#include <stdlib.h>

const struct xcap_limits xcap_limits_default = { 4U << 20, 200000, XCAP_DEPTH_MAX, XCAP_ATTRS_MAX,
						 64 * 1024 };

struct scope {
	struct xcap_binding b;
	uint32_t node;
};

struct scan {
	const char *base, *p, *end;
	const struct xcap_ns *ns;
	const struct xcap_limits *limits;
	struct xcap_index *ix;
	uint32_t cap_nodes, cap_attrs, cap_names;
	uint32_t *slot; /* hash table of names: index + 1 */
	uint32_t n_slots;
	struct scope *scope;
	uint32_t n_scope, cap_scope;
	uint32_t open; /* the innermost open element */
	unsigned depth;
	struct err *err;
};

static uint32_t at(const struct scan *s)
{
	return (uint32_t)(s->p - s->base);
}

static struct strv rest(const struct scan *s)
{
	return strv_mem(s->p, (size_t)(s->end - s->p));
}

static int bad(struct scan *s, const char *what)
{
	unsigned line = 1;

	for (const char *p = s->base; p < s->p; p++)
		line += *p == '\n';
	return err_set(s->err, ERR_SYNTAX, "line %u: %s", line, what);
}

static int over(struct scan *s, const char *what)
{
	return err_set(s->err, ERR_LIMIT, "%s", what);
}

static int nomem(struct scan *s)
{
	return err_set(s->err, ERR_NOMEM, "no memory for the index of a document");
}

/* Make room for one more of N items of SIZE octets. */
static int grow(struct scan *s, void *items, uint32_t n, uint32_t *cap, size_t size)
{
	void **p = items;
	uint32_t more = *cap ? *cap * 2 : 16;
	void *grown;

	if (n < *cap)
		return 0;
	grown = realloc(*p, more * size);
	if (!grown)
		return nomem(s);
	*p = grown;
	*cap = more;
	return 0;
}

static int looking_at(const struct scan *s, struct strv token)
{
	return strv_starts(rest(s), token);
}

static int take(struct scan *s, struct strv token)
{
	if (!looking_at(s, token))
		return 0;
	s->p += token.n;
	return 1;
}

static int skip_space(struct scan *s)
{
	const char *from = s->p;

	while (s->p < s->end && xcap_is_space(*s->p))
		s->p++;
	return s->p > from;
}

/* ---- characters ---- */

/* Octets that mean nothing special in text, attribute values, comments and PIs. */
static const unsigned char plain[256] = {
	[' ' ... '%'] = 1, ['\'' ... ','] = 1, ['.' ... ';'] = 1, ['='] = 1,  ['@' ... '\\'] = 1,
	['^' ... '~'] = 1, [0x7f] = 1,	       ['\t'] = 1,	  ['\n'] = 1, ['\r'] = 1,
};

static void skip_plain(struct scan *s)
{
	while (s->p < s->end && plain[(unsigned char)*s->p])
		s->p++;
}

static int one_char(struct scan *s)
{
	unsigned n = xcap_char(rest(s), NULL);

	if (!n)
		return bad(s, "a character XML does not allow");
	s->p += n;
	return 0;
}

static int text(struct scan *s)
{
	uint32_t c;

	for (;;) {
		skip_plain(s);
		if (s->p == s->end || *s->p == '<')
			return 0;
		if (*s->p == '&') {
			size_t n = xcap_reference(rest(s), &c);

			if (!n)
				return bad(s, "\"&\" begins no reference");
			s->p += n;
		} else if (looking_at(s, STRV("]]>"))) {
			return bad(s, "\"]]>\" in text");
		} else if (one_char(s) < 0) {
			return -1;
		}
	}
}

/* Up to and over END. */
static int until(struct scan *s, struct strv end, const char *what)
{
	for (;;) {
		skip_plain(s);
		if (take(s, end))
			return 0;
		if (s->p == s->end)
			return bad(s, what);
		if (one_char(s) < 0)
			return -1;
	}
}

static int comment(struct scan *s)
{
	if (until(s, STRV("--"), "a comment does not end") < 0)
		return -1;
	if (!take(s, STRV(">")))
		return bad(s, "\"--\" in a comment");
	return 0;
}

static int pi(struct scan *s)
{
	size_t n = xcap_ncname(rest(s));
	struct strv target = strv_mem(s->p, n);

	s->p += n;
	if (!n || strv_caseeq(target, STRV("xml")))
		return bad(s, "a processing instruction without a proper target");
	if (n > XCAP_NAME_BYTES_MAX)
		return over(s, "a name is too long");
	if (take(s, STRV("?>")))
		return 0;
	if (!skip_space(s))
		return bad(s, "a processing instruction without a proper target");
	return until(s, STRV("?>"), "a processing instruction does not end");
}

/* ---- names ---- */

static int rehash(struct scan *s)
{
	uint32_t n = s->n_slots ? s->n_slots * 2 : 64;
	uint32_t *slot = calloc(n, sizeof(*slot));

	if (!slot)
		return nomem(s);
	for (uint32_t i = 0; i < s->ix->n_names; i++) {
		uint32_t h = s->ix->names[i].hash & (n - 1);

		while (slot[h])
			h = (h + 1) & (n - 1);
		slot[h] = i + 1;
	}
	free(s->slot);
	s->slot = slot;
	s->n_slots = n;
	return 0;
}

static int intern(struct scan *s, const struct xcap_name *name, uint32_t *id_out)
{
	uint32_t hash = xcap_name_hash(name), h;

	if (s->ix->n_names * 2 >= s->n_slots && rehash(s) < 0)
		return -1;
	for (h = hash & (s->n_slots - 1); s->slot[h]; h = (h + 1) & (s->n_slots - 1)) {
		const struct xcap_index_name *have = &s->ix->names[s->slot[h] - 1];

		if (have->hash == hash && xcap_name_eq(&have->name, name)) {
			*id_out = s->slot[h] - 1;
			return 0;
		}
	}
	if (grow(s, &s->ix->names, s->ix->n_names, &s->cap_names, sizeof(*s->ix->names)) < 0)
		return -1;
	*id_out = s->ix->n_names++;
	s->ix->names[*id_out] = (struct xcap_index_name){ *name, hash };
	s->slot[h] = *id_out + 1;
	return 0;
}

static int resolve(struct scan *s, struct strv prefix, struct strv *uri_out)
{
	for (uint32_t i = s->n_scope; i-- > 0;)
		if (strv_eq(s->scope[i].b.prefix, prefix)) {
			*uri_out = s->scope[i].b.uri;
			return 0;
		}
	return xcap_ns_find(s->ns, prefix, uri_out) ? 0 : bad(s, "a prefix is not bound");
}

static int qname(struct scan *s, struct strv *prefix_out, struct strv *local_out)
{
	size_t n = xcap_qname(rest(s), prefix_out, local_out);

	if (!n)
		return bad(s, "a name is missing");
	if (n > XCAP_NAME_BYTES_MAX)
		return over(s, "a name is too long");
	s->p += n;
	if (s->p < s->end && *s->p == ':')
		return bad(s, "a name with too many colons");
	return 0;
}

/* ---- start tags ---- */

static int attribute(struct scan *s, struct xcap_node *node)
{
	struct strv prefix, local, value;
	struct xcap_attr *a;
	char quote;

	if (node->n_attrs == s->limits->attrs)
		return over(s, "an element has too many attributes");
	if (grow(s, &s->ix->attr, s->ix->n_attrs, &s->cap_attrs, sizeof(*a)) < 0)
		return -1;
	a = &s->ix->attr[s->ix->n_attrs];
	a->at = at(s);
	if (qname(s, &prefix, &local) < 0)
		return -1;
	a->name_n = (uint16_t)(at(s) - a->at);
	skip_space(s);
	if (!take(s, STRV("=")))
		return bad(s, "an attribute without a value");
	skip_space(s);
	if (s->p == s->end || (*s->p != '"' && *s->p != '\''))
		return bad(s, "an attribute value without quotes");
	quote = *s->p++;
	value.p = memchr(s->p, quote, (size_t)(s->end - s->p));
	if (!value.p)
		return bad(s, "an attribute value does not end");
	value = strv_mem(s->p, (size_t)(value.p - s->p));
	if (value.n > s->limits->attr_octets)
		return over(s, "an attribute value is too long");
	if (!xcap_attvalue_valid(value, quote))
		return bad(s, "an attribute value with what must be a reference");
	a->value_at = at(s);
	a->value_n = (uint32_t)value.n;
	a->name = 0;
	s->p += value.n + 1;
	if (strv_eq(prefix, STRV("xmlns")) || (!prefix.n && strv_eq(local, STRV("xmlns"))))
		a->name = XCAP_NONE;
	s->ix->n_attrs++;
	node->n_attrs++;
	return 0;
}

int xcap_scan_declaration(struct strv text, const struct xcap_attr *attr, struct arena *arena,
			  struct xcap_binding *binding_out)
{
	struct strv raw = xcap_attr_raw(text, attr);

	binding_out->prefix = strv_mem(NULL, 0);
	if (attr->name_n > 6) /* "xmlns:" */
		binding_out->prefix = strv_mem(text.p + attr->at + 6, attr->name_n - 6U);
	return xcap_attvalue_decode(raw, arena, &binding_out->uri);
}

/* What Namespaces in XML s3 bars. */
static int check_declaration(struct scan *s, const struct xcap_binding *b)
{
	if (strv_eq(b->prefix, STRV("xmlns")) || strv_eq(b->uri, XCAP_NS_XMLNS) ||
	    strv_eq(b->prefix, STRV("xml")) != strv_eq(b->uri, XCAP_NS_XML))
		return bad(s, "a declaration of a reserved prefix or namespace");
	if (b->prefix.n && !b->uri.n)
		return bad(s, "a prefix bound to nothing");
	return 0;
}

static int declare(struct scan *s, const struct xcap_attr *attr, uint32_t node)
{
	struct strv all = strv_mem(s->base, (size_t)(s->end - s->base));
	struct xcap_binding b;

	if (grow(s, &s->scope, s->n_scope, &s->cap_scope, sizeof(*s->scope)) < 0)
		return -1;
	if (!s->ix->strings && !xcap_attvalue_plain(xcap_attr_raw(all, attr))) {
		s->ix->strings = arena_new(0);
		if (!s->ix->strings)
			return nomem(s);
	}
	if (xcap_scan_declaration(all, attr, s->ix->strings, &b) < 0)
		return nomem(s);
	if (check_declaration(s, &b) < 0)
		return -1;
	for (uint32_t i = s->n_scope; i-- > 0 && s->scope[i].node == node;)
		if (strv_eq(s->scope[i].b.prefix, b.prefix))
			return bad(s, "a prefix is declared twice in one tag");
	s->scope[s->n_scope++] = (struct scope){ b, node };
	return 0;
}

/* Expand the names of the tag, now that its declarations are known. */
static int expand(struct scan *s, uint32_t id, struct strv prefix, struct strv local)
{
	struct xcap_node *node = &s->ix->node[id];
	struct xcap_attr *attr = node->n_attrs ? &s->ix->attr[node->attr] : NULL;
	struct xcap_name name = { .local = local };

	for (unsigned i = 0; i < node->n_attrs; i++)
		if (attr[i].name == XCAP_NONE && declare(s, &attr[i], id) < 0)
			return -1;
	if (strv_eq(prefix, STRV("xmlns")))
		return bad(s, "an element with the prefix xmlns");
	if (resolve(s, prefix, &name.ns) < 0 || intern(s, &name, &node->name) < 0)
		return -1;
	for (unsigned i = 0; i < node->n_attrs; i++) {
		if (attr[i].name == XCAP_NONE)
			continue;
		name.ns = strv_mem(NULL, 0);
		xcap_qname(strv_mem(s->base + attr[i].at, attr[i].name_n), &prefix, &name.local);
		if (prefix.n && resolve(s, prefix, &name.ns) < 0)
			return -1;
		if (intern(s, &name, &attr[i].name) < 0)
			return -1;
		for (unsigned j = 0; j < i; j++)
			if (attr[j].name == attr[i].name)
				return bad(s, "an attribute stands twice in one tag");
	}
	return 0;
}

static void leave(struct scan *s)
{
	struct xcap_node *node = &s->ix->node[s->open];

	node->end = at(s);
	node->next = s->ix->n_nodes;
	while (s->n_scope && s->scope[s->n_scope - 1].node == s->open)
		s->n_scope--;
	s->open = node->parent;
	s->depth--;
}

static int start_tag(struct scan *s)
{
	struct strv prefix, local;
	struct xcap_node *node;
	uint32_t id = s->ix->n_nodes;

	if (id == s->limits->nodes)
		return over(s, "too many elements");
	if (s->depth == s->limits->depth)
		return over(s, "elements are nested too deep");
	if (grow(s, &s->ix->node, id, &s->cap_nodes, sizeof(*node)) < 0)
		return -1;
	node = &s->ix->node[id];
	memset(node, 0, sizeof(*node));
	node->start = at(s) - 1;
	node->parent = s->open;
	node->attr = s->ix->n_attrs;
	if (qname(s, &prefix, &local) < 0)
		return -1;
	node->name_n = (uint16_t)(at(s) - node->start - 1);
	while (skip_space(s) && s->p < s->end && *s->p != '>' && *s->p != '/')
		if (attribute(s, node) < 0)
			return -1;
	s->ix->n_nodes++;
	s->open = id;
	s->depth++;
	if (expand(s, id, prefix, local) < 0)
		return -1;
	if (take(s, STRV("/>"))) {
		node->tag_end = node->close = at(s);
		leave(s);
		return 0;
	}
	if (!take(s, STRV(">")))
		return bad(s, "a start tag does not end");
	node->tag_end = at(s);
	return 0;
}

static int end_tag(struct scan *s)
{
	struct xcap_node *node;
	struct strv name;

	if (s->open == XCAP_NONE)
		return bad(s, "an end tag without a start tag");
	node = &s->ix->node[s->open];
	node->close = at(s) - 2;
	name = strv_mem(s->base + node->start + 1, node->name_n);
	if (!take(s, name))
		return bad(s, "an end tag with another name than its start tag");
	skip_space(s);
	if (!take(s, STRV(">")))
		return bad(s, "an end tag with another name than its start tag");
	leave(s);
	return 0;
}

/* ---- the three kinds of text ---- */

static int markup(struct scan *s)
{
	s->p++; /* the "<" */
	if (s->p == s->end)
		return bad(s, "a tag does not end");
	switch (*s->p) {
	case '/':
		s->p++;
		return end_tag(s);
	case '?':
		s->p++;
		return pi(s);
	case '!':
		if (take(s, STRV("!--")))
			return comment(s);
		if (s->open != XCAP_NONE && take(s, STRV("![CDATA[")))
			return until(s, STRV("]]>"), "a CDATA section does not end");
		return bad(s, "a DOCTYPE, or a CDATA section outside elements");
	default:
		return start_tag(s);
	}
}

static int content(struct scan *s)
{
	while (s->p < s->end) {
		if (*s->p != '<') {
			if (text(s) < 0)
				return -1;
		} else if (s->open == XCAP_NONE && looking_at(s, STRV("<![CDATA["))) {
			s->p += 9;
			if (until(s, STRV("]]>"), "a CDATA section does not end") < 0)
				return -1;
		} else if (markup(s) < 0) {
			return -1;
		}
	}
	return s->open == XCAP_NONE ? 0 : bad(s, "an element does not end");
}

/* The rest of the element that is open, without going on behind it. */
static int element_rest(struct scan *s)
{
	while (s->open != XCAP_NONE) {
		if (s->p == s->end)
			return bad(s, "an element does not end");
		if ((*s->p == '<' ? markup(s) : text(s)) < 0)
			return -1;
	}
	return 0;
}

/* Comments, PIs and white space up to a start tag or the end. */
static int misc(struct scan *s)
{
	for (;;) {
		skip_space(s);
		if (take(s, STRV("<!--"))) {
			if (comment(s) < 0)
				return -1;
		} else if (take(s, STRV("<?"))) {
			if (pi(s) < 0)
				return -1;
		} else {
			return 0;
		}
	}
}

static int one_element(struct scan *s)
{
	if (!looking_at(s, STRV("<")) || looking_at(s, STRV("<!")) || looking_at(s, STRV("</")))
		return bad(s, "an element is missing, or a DOCTYPE");
	return markup(s) < 0 || element_rest(s) < 0 ? -1 : 0;
}

/* name S? "=" S? quoted; 1 and the value when it stands here, 0 not, -1 broken. */
static int pseudo_attr(struct scan *s, struct strv name, struct strv *value_out)
{
	const char *from = s->p, *end;
	char quote;

	/* libxml2 does not ask for white space before standalone. */
	if ((!skip_space(s) && !strv_eq(name, STRV("standalone"))) || !take(s, name)) {
		s->p = from;
		return 0;
	}
	skip_space(s);
	if (!take(s, STRV("=")))
		return -1;
	skip_space(s);
	if (s->p == s->end || (*s->p != '"' && *s->p != '\''))
		return -1;
	quote = *s->p++;
	end = memchr(s->p, quote, (size_t)(s->end - s->p));
	if (!end)
		return -1;
	*value_out = strv_mem(s->p, (size_t)(end - s->p));
	s->p = end + 1;
	return 1;
}

static int encoding_name(struct strv v)
{
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];

		if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') &&
		    !(i && ((c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-')))
			return 0;
	}
	return v.n > 0;
}

static int declaration(struct scan *s)
{
	struct strv v;
	int got;

	if (!looking_at(s, STRV("<?xml")) || s->end - s->p < 6 || !xcap_is_space(s->p[5]))
		return 0;
	s->p += 5;
	if (pseudo_attr(s, STRV("version"), &v) != 1 || !strv_eq(v, STRV("1.0")))
		return bad(s, "an XML declaration without version 1.0");
	got = pseudo_attr(s, STRV("encoding"), &v);
	if (got < 0 || (got && !encoding_name(v)))
		return bad(s, "the encoding in the XML declaration");
	if (got && !strv_caseeq(v, STRV("utf-8")) && !strv_caseeq(v, STRV("us-ascii")))
		return err_set(s->err, ERR_RANGE, "a document in %.*s, not UTF-8",
			       (int)(v.n < 40 ? v.n : 40), v.p);
	got = pseudo_attr(s, STRV("standalone"), &v);
	if (got < 0 || (got && !strv_eq(v, STRV("yes")) && !strv_eq(v, STRV("no"))))
		return bad(s, "standalone in the XML declaration");
	skip_space(s);
	return take(s, STRV("?>")) ? 0 : bad(s, "an XML declaration does not end");
}

static int scan_mode(struct scan *s, enum xcap_scan_mode mode)
{
	switch (mode) {
	case XCAP_SCAN_CONTENT:
		return content(s);
	case XCAP_SCAN_FRAGMENT:
		skip_space(s);
		if (looking_at(s, STRV("<?")))
			return bad(s, "a processing instruction outside the element");
		if (one_element(s) < 0)
			return -1;
		skip_space(s);
		break;
	case XCAP_SCAN_MISC:
		if (declaration(s) < 0 || misc(s) < 0)
			return -1;
		break;
	default:
		if (declaration(s) < 0 || misc(s) < 0 || one_element(s) < 0 || misc(s) < 0)
			return -1;
	}
	return s->p == s->end ? 0 : bad(s, "something behind the root element");
}

int xcap_scan(struct strv text, enum xcap_scan_mode mode, const struct xcap_ns *ns, unsigned depth,
	      const struct xcap_limits *limits, struct xcap_index *index_out, struct err *err)
{
	struct scan s = { .base = text.p,
			  .p = text.p,
			  .end = text.p + text.n,
			  .ns = ns,
			  .limits = limits,
			  .ix = index_out,
			  .open = XCAP_NONE,
			  .depth = depth,
			  .err = err };
	int rc;

	memset(index_out, 0, sizeof(*index_out));
	if (text.n > limits->octets || text.n >= XCAP_NONE)
		return over(&s, "the document is too large");
	if (!xcap_utf8_valid(text))
		return err_set(err, ERR_RANGE, "the text is not UTF-8");
	rc = scan_mode(&s, mode);
	free(s.slot);
	free(s.scope);
	if (rc < 0)
		xcap_index_fini(index_out);
	return rc;
}

void xcap_index_fini(struct xcap_index *index)
{
	free(index->node);
	free(index->attr);
	free(index->names);
	arena_free(&index->strings);
	memset(index, 0, sizeof(*index));
}
