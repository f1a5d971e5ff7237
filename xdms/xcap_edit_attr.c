/* SPDX-License-Identifier: Apache-2.0 */
/* xdms/xcap_edit_attr.c - PUT, DELETE and GET bodies of attributes; see xcap_edit.h */
#include "xdms/xcap_edit_priv.h"

/* The attribute as it will be written. */
struct written {
	struct strv raw;   /* between the quotes */
	struct strv value; /* what that stands for */
	char quote;
	struct strv qname;
	struct strv declare; /* a prefix to be declared; empty: none */
};

/* "AttValue" with its quotes, as RFC 4825 says, or the bare text between them. */
static int take_body(const struct xcap_change *c, struct strv body, struct written *w)
{
	struct strv s = body;

	if (!xcap_utf8_valid(body))
		return xcap_refuse(c, XCAP_NOT_UTF8, "the attribute value is not UTF-8");
	while (s.n && xcap_is_space(*s.p))
		s.p++, s.n--;
	while (s.n && xcap_is_space(s.p[s.n - 1]))
		s.n--;
	w->raw = body;
	w->quote = 0;
	if (s.n >= 2 && (*s.p == '"' || *s.p == '\'') && s.p[s.n - 1] == *s.p) {
		w->quote = *s.p;
		w->raw = strv_mem(s.p + 1, s.n - 2);
	}
	if (!xcap_attvalue_valid(w->raw, w->quote))
		return xcap_refuse(c, XCAP_NOT_XML_ATT_VALUE, "the body is no AttValue");
	if (w->raw.n > c->limits->attr_octets)
		return xcap_refuse(c, XCAP_LOCAL_LIMIT, "the attribute value is too long");
	return xcap_attvalue_decode(w->raw, c->arena, &w->value) < 0 ? xcap_no_memory(c) : 0;
}

/* Quotes for a bare value: those that it does not contain, else references. */
static int choose_quote(const struct xcap_change *c, struct written *w)
{
	struct xcap_print print = { .arena = c->arena };

	if (w->quote)
		return 0;
	w->quote = '"';
	if (!w->raw.n || !memchr(w->raw.p, '"', w->raw.n))
		return 0;
	w->quote = '\'';
	if (!memchr(w->raw.p, '\'', w->raw.n))
		return 0;
	for (size_t i = 0; i < w->raw.n; i++)
		if (w->raw.p[i] == '\'')
			xcap_print_str(&print, "&apos;");
		else
			xcap_print(&print, strv_mem(w->raw.p + i, 1));
	w->raw = strv_mem(print.p, print.n);
	return print.failed ? xcap_no_memory(c) : 0;
}

/* A prefix for namespace URI at an element with the bindings NS: the client's when it has that
 * meaning there, else one that has, else a new one, to be declared. */
static struct strv choose_prefix(const struct xcap_change *c, const struct xcap_ns *ns,
				 struct strv uri, struct strv wish, struct strv *declare_out)
{
	struct strv bound;

	*declare_out = strv_mem(NULL, 0);
	if (xcap_ns_find(ns, wish, &bound) && strv_eq(bound, uri))
		return wish;
	for (unsigned i = 0; i < xcap_ns_count(ns); i++)
		if (xcap_ns_at(ns, i)->prefix.n && strv_eq(xcap_ns_at(ns, i)->uri, uri))
			return xcap_ns_at(ns, i)->prefix;
	for (unsigned i = 1; xcap_ns_find(ns, wish, &bound); i++) {
		wish = strv_of(arena_printf(c->arena, "ns%u", i));
		if (!wish.n)
			break;
	}
	*declare_out = wish;
	return wish;
}

/* The name as it will stand in the tag of SPOT. */
static int choose_name(const struct xcap_change *c, const struct xcap_spot *spot, struct written *w)
{
	const struct xcap_name *name = &c->sel->attr;
	const struct xcap_ns *ns;
	struct strv prefix;
	char *qname;

	w->declare = strv_mem(NULL, 0);
	w->qname = name->local;
	if (!name->ns.n)
		return 0;
	if (xcap_spot_ns(spot, &ns) < 0)
		return xcap_no_memory(c);
	prefix = choose_prefix(c, ns, name->ns, c->sel->attr_prefix, &w->declare);
	qname = prefix.n ? arena_printf(c->arena, "%.*s:%.*s", STRV_ARG(prefix),
					STRV_ARG(name->local))
			 : NULL;
	xcap_ns_drop(&ns);
	w->qname = strv_of(qname);
	return qname ? 0 : xcap_no_memory(c);
}

static const struct xcap_attr *find_attr(const struct xcap_spot *spot, const struct xcap_name *name)
{
	const struct xcap_index *ix = &spot->chunk->ix;
	const struct xcap_node *node = &ix->node[spot->node];

	for (unsigned i = 0; i < node->n_attrs; i++) {
		const struct xcap_attr *attr = &ix->attr[node->attr + i];

		if (attr->name != XCAP_NONE && xcap_name_eq(&ix->names[attr->name].name, name))
			return attr;
	}
	return NULL;
}

/* Behind the last attribute, or the element's name. */
static uint32_t tag_tail(const struct xcap_spot *spot)
{
	const struct xcap_node *node = &spot->chunk->ix.node[spot->node];
	const struct xcap_attr *last;

	if (!node->n_attrs)
		return node->start + 1 + node->name_n;
	last = &spot->chunk->ix.attr[node->attr + node->n_attrs - 1];
	return last->value_at + last->value_n + 1;
}

static void print_attribute(struct xcap_print *print, const struct written *w)
{
	struct strv quote = strv_mem(&w->quote, 1);

	xcap_print(print, quote);
	xcap_print(print, w->raw);
	xcap_print(print, quote);
}

/* ---- patches ---- */

/* A prefixed name in a patch needs its binding there. */
static int bind_name(const struct xcap_change *c, struct strv qname)
{
	struct xcap_binding *b;
	struct strv prefix, local;

	if (!c->sel->attr.ns.n || strv_eq(c->sel->attr.ns, XCAP_NS_XML))
		return 0;
	b = arena_zalloc(c->arena, 1, sizeof(*b));
	if (!b)
		return xcap_no_memory(c);
	xcap_qname(qname, &prefix, &local);
	b->prefix = prefix;
	b->uri = c->sel->attr.ns;
	c->edit->patch.binding = b;
	c->edit->patch.n_bindings = 1;
	return 0;
}

static int patch_attr(const struct xcap_change *c, enum xcap_op_kind kind,
		      const struct xcap_spot *spot, const char *type, struct strv qname,
		      struct strv value)
{
	struct xcap_op *op = &c->edit->patch.op[c->edit->patch.n++];

	op->kind = kind;
	op->content = value;
	op->sel = xcap_patch_sel(c, spot, type ? strv_mem(NULL, 0) : qname);
	if (type)
		op->type = strv_of(arena_printf(c->arena, "%s%.*s", type, STRV_ARG(qname)));
	return op->sel.n && (!type || op->type.n) ? 0 : xcap_no_memory(c);
}

/* ---- PUT ---- */

/* The attribute's name as it stands in the tag, copied. */
static struct strv qname_of(const struct xcap_change *c, const struct xcap_spot *spot,
			    const struct xcap_attr *attr)
{
	struct strv view = strv_mem(spot->chunk->text.p + attr->at, attr->name_n);

	return strv_of(arena_strdup(c->arena, view));
}

static int replace_value(const struct xcap_change *c, const struct xcap_spot *spot,
			 const struct xcap_attr *attr, const struct written *w)
{
	struct strv qname = qname_of(c, spot, attr);
	struct xcap_print print = { .arena = c->arena };

	print_attribute(&print, w);
	if (print.failed || !qname.n)
		return xcap_no_memory(c);
	if (bind_name(c, qname) < 0 ||
	    patch_attr(c, XCAP_OP_REPLACE, spot, NULL, qname, w->value) < 0)
		return -1;
	return xcap_splice_text(spot, attr->value_at - 1, attr->value_at + attr->value_n + 1,
				strv_mem(print.p, print.n), XCAP_NONE, c->limits, &c->edit->doc,
				c->err);
}

static int add_attribute(const struct xcap_change *c, const struct xcap_spot *spot,
			 struct written *w)
{
	struct xcap_print print = { .arena = c->arena };
	uint32_t at = tag_tail(spot);

	if (choose_name(c, spot, w) < 0 || bind_name(c, w->qname) < 0)
		return -1;
	if (w->declare.n) {
		xcap_print_str(&print, " xmlns:");
		xcap_print(&print, w->declare);
		xcap_print_str(&print, "=\"");
		xcap_print_xml(&print, c->sel->attr.ns);
		xcap_print_str(&print, "\"");
		if (patch_attr(c, XCAP_OP_ADD, spot, "namespace::", w->declare, c->sel->attr.ns) <
		    0)
			return -1;
	}
	xcap_print_str(&print, " ");
	xcap_print(&print, w->qname);
	xcap_print_str(&print, "=");
	print_attribute(&print, w);
	if (print.failed)
		return xcap_no_memory(c);
	if (patch_attr(c, XCAP_OP_ADD, spot, "@", w->qname, w->value) < 0)
		return -1;
	c->edit->created = 1;
	return xcap_splice_text(spot, at, at, strv_mem(print.p, print.n), XCAP_NONE, c->limits,
				&c->edit->doc, c->err);
}

/* The selector must now select that attribute of the element that begins at octet AT. */
static int check_put(const struct xcap_change *c, size_t at, const struct written *w)
{
	struct xcap_spot *spot = &c->edit->spot;
	struct strv raw;

	if (xcap_doc_find(c->edit->doc, c->sel, spot) && xcap_spot_offset(spot) == at &&
	    xcap_spot_attr(spot, &c->sel->attr, &raw) && xcap_attvalue_eq(raw, w->value))
		return XCAP_EDITED;
	xcap_doc_drop(&c->edit->doc);
	return xcap_refuse(c, XCAP_CANNOT_INSERT,
			   "the request URI would not select the attribute that was put");
}

int xcap_put_attr(struct xcap_change *c, struct strv body)
{
	const struct xcap_attr *attr;
	struct xcap_spot spot;
	struct written w;
	unsigned n;
	int matches, rc;

	n = xcap_doc_follow(c->doc, c->sel, c->sel->n_steps, &spot, &matches);
	if (n < c->sel->n_steps)
		return xcap_refuse_no_parent(c, n);
	rc = take_body(c, body, &w);
	if (rc)
		return rc;
	/* That would be a declaration, and no GET would find it. */
	if (!c->sel->attr.ns.n && strv_eq(c->sel->attr.local, STRV("xmlns")))
		return xcap_refuse(c, XCAP_CANNOT_INSERT,
				   "a namespace declaration is no attribute");
	if (choose_quote(c, &w) < 0)
		return -1;
	c->edit->old = spot;
	c->edit->has_old = 1;
	attr = find_attr(&spot, &c->sel->attr);
	rc = attr ? replace_value(c, &spot, attr, &w) : add_attribute(c, &spot, &w);
	if (rc < 0)
		return xcap_refuse_err(c, XCAP_NOT_XML_ATT_VALUE);
	return check_put(c, xcap_spot_offset(&spot), &w);
}

/* ---- DELETE and GET ---- */

int xcap_delete_attr(struct xcap_change *c)
{
	const struct xcap_attr *attr;
	struct xcap_spot spot;
	struct strv raw, qname;
	size_t offset;
	uint32_t from;

	if (!xcap_doc_find(c->doc, c->sel, &spot) || !(attr = find_attr(&spot, &c->sel->attr)))
		return XCAP_NOT_FOUND;
	c->edit->old = spot;
	c->edit->has_old = 1;
	qname = qname_of(c, &spot, attr);
	if (!qname.n)
		return xcap_no_memory(c);
	if (bind_name(c, qname) < 0 ||
	    patch_attr(c, XCAP_OP_REMOVE, &spot, NULL, qname, strv_mem(NULL, 0)) < 0)
		return -1;
	for (from = attr->at; xcap_is_space(spot.chunk->text.p[from - 1]);)
		from--;
	offset = xcap_spot_offset(&spot);
	if (xcap_splice_text(&spot, from, attr->value_at + attr->value_n + 1, strv_mem(NULL, 0),
			     XCAP_NONE, c->limits, &c->edit->doc, c->err) < 0)
		return xcap_refuse_err(c, XCAP_NOT_XML_ATT_VALUE);
	if (xcap_doc_find(c->edit->doc, c->sel, &c->edit->spot) &&
	    xcap_spot_attr(&c->edit->spot, &c->sel->attr, &raw)) {
		xcap_doc_drop(&c->edit->doc);
		return xcap_refuse(c, XCAP_CANNOT_DELETE,
				   "the request URI would select another attribute");
	}
	xcap_doc_spot_at(c->edit->doc, offset, &c->edit->spot);
	return XCAP_EDITED;
}

int xcap_attr_body(const struct xcap_doc *doc, const struct xcap_sel *sel, int bare,
		   struct arena *arena, struct strv *body_out)
{
	struct xcap_print print = { .arena = arena };
	struct xcap_spot spot;
	struct strv raw, value;

	if (sel->kind != XCAP_SEL_ATTR || !xcap_doc_find(doc, sel, &spot) ||
	    !xcap_spot_attr(&spot, &sel->attr, &raw))
		return 0;
	if (xcap_attvalue_decode(raw, arena, &value) < 0)
		return -1;
	xcap_print_str(&print, bare ? "" : "\"");
	xcap_print_xml(&print, value);
	xcap_print_str(&print, bare ? "" : "\"");
	*body_out = xcap_print_end(&print);
	return print.failed ? -1 : 1;
}
