/* SPDX-License-Identifier: Apache-2.0 */
/* xdms/xcap_sel.c - see xcap_sel.h */
#include "xdms/xcap_sel.h"

/* Names stay unexpanded (prefix in ns) until the whole grammar has been seen: a step that is not
 * understood is 404 also when a prefix before it is not bound. */
static int take_qname(struct strv *s, struct xcap_name *name_out)
{
	size_t n = xcap_qname(*s, &name_out->ns, &name_out->local);

	s->p += n;
	s->n -= n;
	return n > 0;
}

static int take(struct strv *s, struct strv token)
{
	if (!strv_starts(*s, token))
		return 0;
	s->p += token.n;
	s->n -= token.n;
	return 1;
}

static int take_position(struct strv *s, uint32_t *pos_out)
{
	uint64_t pos = 0;
	size_t n = 0;

	while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9') {
		if (pos < XCAP_POS_NONE) /* no document has that many: stays beyond the last */
			pos = pos * 10 + (unsigned)(s->p[n] - '0');
		n++;
	}
	if (!n)
		return 0;
	s->p += n;
	s->n -= n;
	*pos_out = pos < XCAP_POS_NONE ? (uint32_t)pos : XCAP_POS_NONE - 1;
	return take(s, STRV("]"));
}

/* QName "=" AttValue "]", behind "[@". Returns 1, 0: not of that form, -1 no memory. */
static int take_attr_test(struct strv *s, struct arena *arena, struct xcap_step *step)
{
	struct strv raw;
	const char *end;
	char quote;

	if (!take_qname(s, &step->attr) || !take(s, STRV("=")) || !s->n)
		return 0;
	quote = *s->p;
	if (quote != '"' && quote != '\'')
		return 0;
	end = memchr(s->p + 1, quote, s->n - 1);
	if (!end)
		return 0;
	raw = strv_mem(s->p + 1, (size_t)(end - s->p) - 1);
	s->n -= raw.n + 2;
	s->p += raw.n + 2;
	if (!xcap_attvalue_valid(raw, quote))
		return 0;
	if (xcap_attvalue_decode(raw, arena, &step->value) < 0)
		return -1;
	step->has_attr = 1;
	return take(s, STRV("]"));
}

/* Returns 1, 0: an extension-selector, -1 no memory. */
static int parse_step(struct strv s, struct arena *arena, struct xcap_step *step)
{
	int got;

	step->text = s;
	step->pos = XCAP_POS_NONE;
	step->any = take(&s, STRV("*"));
	if (!step->any && !take_qname(&s, &step->name))
		return 0;
	if (!s.n)
		return 1;
	if (!take(&s, STRV("[")))
		return 0;
	if (!take(&s, STRV("@"))) {
		if (!take_position(&s, &step->pos))
			return 0;
		if (!s.n)
			return 1;
		if (!take(&s, STRV("[@")))
			return 0;
	}
	got = take_attr_test(&s, arena, step);
	return got <= 0 ? got : s.n == 0;
}

/* The next step of S: up to a slash that is not inside quotes within brackets. */
static struct strv step_next(struct strv *s)
{
	struct strv step = *s;
	char quote = 0;
	int bracket = 0;

	for (size_t i = 0; i < s->n; i++) {
		char c = s->p[i];

		if (quote) {
			quote = c == quote ? 0 : quote;
		} else if (c == '/') {
			step.n = i;
			break;
		} else if (c == '[') {
			bracket = 1;
		} else if (c == ']') {
			bracket = 0;
		} else if (bracket && (c == '"' || c == '\'')) {
			quote = c;
		}
	}
	s->p += step.n;
	s->n -= step.n;
	return step;
}

static int not_understood(struct strv step, struct err *err)
{
	return err_set(err, ERR_ABSENT, "the selector step \"%.*s\" is not understood",
		       (int)(step.n < 80 ? step.n : 80), step.n ? step.p : "");
}

/* Returns 1 when S is a terminal selector and not a step, else 0. */
static int parse_terminal(struct strv s, struct xcap_sel *sel)
{
	struct xcap_name attr;

	sel->terminal = s;
	if (strv_eq(s, STRV("namespace::*"))) {
		sel->kind = XCAP_SEL_NAMESPACE;
		return 1;
	}
	if (!take(&s, STRV("@")) || !take_qname(&s, &attr) || s.n)
		return 0;
	sel->kind = XCAP_SEL_ATTR;
	sel->attr = attr;
	sel->attr_prefix = attr.ns;
	return 1;
}

static int parse_steps(struct strv node, struct arena *arena, struct xcap_sel *sel, struct err *err)
{
	sel->step = arena_zalloc(arena, XCAP_STEPS_MAX, sizeof(*sel->step));
	if (!sel->step)
		return err_set(err, ERR_NOMEM, "no memory for the node selector");
	for (;;) {
		struct strv text = step_next(&node);
		int last = node.n == 0, got;

		if (last && sel->n_steps && parse_terminal(text, sel))
			return 0;
		if (sel->n_steps == XCAP_STEPS_MAX)
			return err_set(err, ERR_ABSENT, "the selector has more than %d steps",
				       XCAP_STEPS_MAX);
		got = parse_step(text, arena, &sel->step[sel->n_steps++]);
		if (got < 0)
			return err_set(err, ERR_NOMEM, "no memory for the node selector");
		if (!got)
			return not_understood(text, err);
		if (last)
			return 0;
		node.p++; /* the slash */
		node.n--;
	}
}

/* ---- the query: xmlns() parts of an XPointer ---- */

static void skip_space(struct strv *s)
{
	while (s->n && xcap_is_space(*s->p))
		s->p++, s->n--;
}

/* The data of a part, behind its "(": up to the balancing ")". ^( ^) ^^ are plain characters.
 * Returns 1, 0 when the parentheses do not balance or a ^ escapes something else, -1 no memory. */
static int take_part_data(struct strv *s, struct arena *arena, struct strv *data_out)
{
	char *to = arena_alloc(arena, s->n + 1);
	size_t n = 0;
	unsigned depth = 1;

	if (!to)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		char c = s->p[i];

		if (c == '^') {
			if (i + 1 >= s->n || !strchr("()^", s->p[i + 1]))
				return 0;
			c = s->p[++i];
		} else if (c == '(') {
			depth++;
		} else if (c == ')' && --depth == 0) {
			*data_out = strv_mem(to, n);
			s->p += i + 1;
			s->n -= i + 1;
			return 1;
		}
		to[n++] = c;
	}
	return 0;
}

static int bind(struct strv data, struct xcap_sel *sel, struct err *err)
{
	struct strv prefix, uri;
	unsigned i;

	skip_space(&data);
	prefix = strv_mem(data.p, xcap_ncname(data));
	data.p += prefix.n;
	data.n -= prefix.n;
	skip_space(&data);
	if (!prefix.n || !take(&data, STRV("=")))
		return err_set(err, ERR_SYNTAX, "an xmlns() part of the query binds no prefix");
	skip_space(&data);
	for (uri = data; uri.n && xcap_is_space(uri.p[uri.n - 1]);)
		uri.n--;
	if (strv_eq(prefix, STRV("xmlns")) || !uri.n || strv_eq(uri, XCAP_NS_XMLNS) ||
	    strv_eq(prefix, STRV("xml")) != strv_eq(uri, XCAP_NS_XML))
		return err_set(err, ERR_SYNTAX,
			       "the query binds the prefix \"%.*s\" to what it cannot be",
			       (int)(prefix.n < 40 ? prefix.n : 40), prefix.p);
	for (i = 0; i < sel->n_bindings; i++)
		if (strv_eq(sel->binding[i].prefix, prefix))
			break; /* a later part overrides an earlier one */
	if (i == XCAP_BINDINGS_MAX)
		return err_set(err, ERR_SYNTAX, "the query binds more than %d prefixes",
			       XCAP_BINDINGS_MAX);
	sel->binding[i] = (struct xcap_binding){ prefix, uri };
	sel->n_bindings += i == sel->n_bindings;
	return 0;
}

static int parse_part(struct strv *s, struct arena *arena, struct xcap_sel *sel, struct err *err)
{
	struct strv prefix, scheme, data;
	size_t n = xcap_qname(*s, &prefix, &scheme);
	int got;

	s->p += n;
	s->n -= n;
	if (!n || !take(s, STRV("(")))
		return err_set(err, ERR_SYNTAX, "the query is no series of xmlns() parts");
	got = take_part_data(s, arena, &data);
	if (got < 0)
		return err_set(err, ERR_NOMEM, "no memory for the query");
	if (!got)
		return err_set(err, ERR_SYNTAX, "the parentheses in the query do not balance");
	skip_space(s);
	if (prefix.n || !strv_eq(scheme, STRV("xmlns")))
		return 0; /* other schemes must be ignored, RFC 4825 s6.4 */
	return bind(data, sel, err);
}

static int parse_query(struct strv query, struct arena *arena, struct xcap_sel *sel,
		       struct err *err)
{
	struct strv s;

	if (!query.n)
		return 0;
	switch (xcap_percent_decode(query, arena, &s)) {
	case 0:
		break;
	case -1:
		return err_set(err, ERR_SYNTAX, "broken percent-encoding in the query");
	default:
		return err_set(err, ERR_NOMEM, "no memory for the query");
	}
	if (!xcap_utf8_valid(s))
		return err_set(err, ERR_SYNTAX, "the query is not UTF-8");
	sel->binding = arena_zalloc(arena, XCAP_BINDINGS_MAX, sizeof(*sel->binding));
	if (!sel->binding)
		return err_set(err, ERR_NOMEM, "no memory for the query");
	skip_space(&s);
	while (s.n)
		if (parse_part(&s, arena, sel, err) < 0)
			return -1;
	return 0;
}

/* ---- expansion ---- */

static int expand(const struct xcap_sel *sel, struct strv without, struct xcap_name *name,
		  struct err *err)
{
	struct strv prefix = name->ns;

	name->ns = without;
	if (!prefix.n)
		return 0;
	for (unsigned i = 0; i < sel->n_bindings; i++)
		if (strv_eq(sel->binding[i].prefix, prefix)) {
			name->ns = sel->binding[i].uri;
			return 0;
		}
	if (strv_eq(prefix, STRV("xml"))) {
		name->ns = XCAP_NS_XML;
		return 0;
	}
	return err_set(err, ERR_SYNTAX, "the query binds no prefix \"%.*s\"",
		       (int)(prefix.n < 40 ? prefix.n : 40), prefix.p);
}

static int expand_all(struct xcap_sel *sel, struct strv default_ns, struct err *err)
{
	struct strv none = { NULL, 0 };

	for (unsigned i = 0; i < sel->n_steps; i++) {
		struct xcap_step *step = &sel->step[i];

		if (!step->any && expand(sel, default_ns, &step->name, err) < 0)
			return -1;
		if (step->has_attr && expand(sel, none, &step->attr, err) < 0)
			return -1;
	}
	return sel->kind == XCAP_SEL_ATTR ? expand(sel, none, &sel->attr, err) : 0;
}

int xcap_sel_parse(struct strv node, struct strv query, struct strv default_ns, struct arena *arena,
		   struct xcap_sel *sel_out, struct err *err)
{
	memset(sel_out, 0, sizeof(*sel_out));
	if (parse_steps(node, arena, sel_out, err) < 0 ||
	    parse_query(query, arena, sel_out, err) < 0)
		return -1;
	return expand_all(sel_out, default_ns, err);
}

/* ---- printing ---- */

/* 1 when TEXT, a step as written, uses PREFIX for its element or its attribute. */
static int uses_prefix(struct strv text, struct strv prefix)
{
	struct strv p, local;
	const char *at;

	if (xcap_qname(text, &p, &local) && p.n && strv_eq(p, prefix))
		return 1;
	at = text.n ? memchr(text.p, '@', text.n) : NULL;
	if (!at)
		return 0;
	text.n -= (size_t)(at + 1 - text.p);
	text.p = at + 1;
	return xcap_qname(text, &p, &local) && p.n && strv_eq(p, prefix);
}

struct strv xcap_sel_print(const struct xcap_sel *sel, unsigned n_steps, int with_terminal,
			   struct arena *arena)
{
	struct xcap_print print = { .arena = arena };
	int terminal = with_terminal && n_steps == sel->n_steps && sel->kind != XCAP_SEL_ELEMENT;
	const char *lead = "?";

	for (unsigned i = 0; i < n_steps; i++) {
		xcap_print_str(&print, i ? "/" : "");
		xcap_print_percent(&print, sel->step[i].text);
	}
	if (terminal) {
		xcap_print_str(&print, "/");
		xcap_print_percent(&print, sel->terminal);
	}
	for (unsigned b = 0; b < sel->n_bindings; b++) {
		int used = terminal && uses_prefix(sel->terminal, sel->binding[b].prefix);

		for (unsigned i = 0; i < n_steps && !used; i++)
			used = uses_prefix(sel->step[i].text, sel->binding[b].prefix);
		if (!used)
			continue;
		xcap_print_str(&print, lead);
		xcap_print_xmlns(&print, &sel->binding[b]);
		lead = "";
	}
	return xcap_print_end(&print);
}
