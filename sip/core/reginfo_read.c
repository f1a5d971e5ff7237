/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/reginfo_read.c - application/reginfo+xml of others, see reginfo.h
 *
 * It comes from a server that is trusted with identities, and still goes through what a REGISTER
 * goes through: what is kept of it is written into header fields one day.
 */
#include <string.h>

#include "base/xml.h"
#include "sip/core/reginfo.h"
#include "sip/sip_uri.h"

#define NS_REGINFO "urn:ietf:params:xml:ns:reginfo"

static const struct xml_limits limits = {
	.bytes = 256 << 10,
	.value_bytes = 8 << 10,
	.depth = 16,
	.attributes = 32,
	.namespaces = 32,
	.nodes = 20000,
};

/* ---- pieces ---- */

static int is_ours(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && node->ns &&
	       strcmp((const char *)node->ns->href, NS_REGINFO) == 0 &&
	       strcmp((const char *)node->name, name) == 0;
}

static int is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* In ARENA, without white space around it; p NULL: no memory. */
static struct strv taken(xmlChar *text, struct arena *arena)
{
	char *copy = text ? arena_strdup(arena, strv_of((char *)text)) : NULL;
	struct strv s = strv_of(copy ? copy : "");

	xmlFree(text);
	while (s.n && is_space(s.p[0]))
		s = strv_mem(s.p + 1, s.n - 1);
	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	return copy ? s : strv_mem(NULL, 0);
}

/* The attribute's value; empty when it is not there, p NULL: no memory. */
static struct strv attr(const xmlNode *node, const char *name, struct arena *arena)
{
	return xmlHasProp((xmlNode *)(uintptr_t)node, (const xmlChar *)name)
		       ? taken(xmlGetNoNsProp((xmlNode *)(uintptr_t)node, (const xmlChar *)name),
			       arena)
		       : STRV("");
}

/* 1 it is there, 0 not (or no number), -1 no memory. */
static int attr_u32(const xmlNode *node, const char *name, struct arena *arena, uint32_t *out)
{
	struct strv text = attr(node, name, arena);
	uint64_t n;

	if (!text.p)
		return -1;
	if (!text.n || strv_u64(text, UINT32_MAX, &n) < 0)
		return 0;
	*out = (uint32_t)n;
	return 1;
}

static int is_token_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("-.!%*_+`'~", c));
}

static int is_token(struct strv s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_token_char(s.p[i]))
			return 0;
	return s.n > 0;
}

/* RFC 3261 s25.1: gen-value, that is a token, a host or a quoted string. */
static int is_value(struct strv s)
{
	if (s.n < 2 || s.p[0] != '"') {
		for (size_t i = 0; i < s.n; i++)
			if (!is_token_char(s.p[i]) && !strchr(":[]", s.p[i]))
				return 0;
		return 1;
	}
	for (size_t i = 1; i + 1 < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c < ' ' || c == 0x7f)
			return 0;
		if (c == '\\' && (++i + 1 >= s.n || (unsigned char)s.p[i] < ' '))
			return 0;
	}
	return s.p[s.n - 1] == '"';
}

static int is_uri(struct strv s)
{
	struct sip_uri uri;

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || strchr("<>\"", s.p[i]))
			return 0;
	return s.n <= LOC_TEXT_MAX && sip_uri_parse(s, &uri) == 0 && sip_uri_is_sip(&uri);
}

/* What stands between "<" and ">" in quotes (RFC 5626 s4.1); empty: another form. */
static struct strv instance_of(struct strv value)
{
	if (value.n < 5 || !strv_starts(value, STRV("\"<")) || value.p[value.n - 2] != '>')
		return STRV("");
	value = strv_mem(value.p + 2, value.n - 4);
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] <= ' ' || value.p[i] >= 0x7f || strchr("<>\"\\", value.p[i]))
			return STRV("");
	return value;
}

/* Thousandths; 1000 when it is not of the form. */
static unsigned q_of(struct strv text)
{
	unsigned q = 0, weight = 100;

	if (!text.n || text.p[0] != '0' || (text.n > 1 && text.p[1] != '.') || text.n > 5)
		return 1000;
	for (size_t i = 2; i < text.n; i++, weight /= 10) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return 1000;
		q += (unsigned)(text.p[i] - '0') * weight;
	}
	return q;
}

/* ---- contacts ---- */

/* Those are not kept among the parameters, or only we say them. */
static int is_apart(struct strv name)
{
	static const char *const names[] = { "expires", "q", "pub-gruu", "temp-gruu" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strv_caseeq(name, strv_of(names[i])))
			return 1;
	return 0;
}

static int add_param(struct reginfo_contact *c, struct strv name, struct strv value,
		     struct arena *arena)
{
	char *params;
	uint64_t n;

	if (!is_token(name) || !is_value(value) || is_apart(name) ||
	    c->params.n + name.n + value.n + 2 > LOC_TEXT_MAX)
		return 0;
	if (strv_caseeq(name, STRV("+sip.instance")))
		c->instance = instance_of(value);
	else if (strv_caseeq(name, STRV("reg-id")) && strv_u64(value, INT32_MAX, &n) == 0)
		c->reg_id = (uint32_t)n;
	params = arena_printf(arena, "%.*s;%.*s%s%.*s", STRV_ARG(c->params), STRV_ARG(name),
			      value.n ? "=" : "", STRV_ARG(value));
	if (!params)
		return -1;
	c->params = strv_of(params);
	return 0;
}

static int read_children(const xmlNode *node, struct reginfo_contact *c, struct arena *arena)
{
	for (xmlNode *child = node->children; child; child = child->next) {
		int is_param = is_ours(child, "unknown-param");
		struct strv text, name;

		if (!is_param && !is_ours(child, "uri"))
			continue;
		text = taken(xmlNodeGetContent(child), arena);
		name = is_param ? attr(child, "name", arena) : STRV("");
		if (!text.p || !name.p)
			return -1;
		if (!is_param)
			c->uri = text;
		else if (add_param(c, name, text, arena) < 0)
			return -1;
	}
	return 0;
}

/* 1 when it is to be kept, 0 when not, -1 no memory. */
static int read_contact(const xmlNode *node, struct reginfo_contact *c, struct arena *arena)
{
	struct strv state = attr(node, "state", arena), q = attr(node, "q", arena);

	*c = (struct reginfo_contact){ .params = STRV(""), .instance = STRV("") };
	c->call_id = attr(node, "callid", arena);
	if (!state.p || !q.p || !c->call_id.p || read_children(node, c, arena) < 0)
		return -1;
	c->is_active = strv_eq(state, STRV("active"));
	c->q = q_of(q);
	for (size_t i = 0; i < c->call_id.n; i++)
		if (c->call_id.p[i] <= ' ' || c->call_id.p[i] >= 0x7f)
			c->call_id.n = 0;
	if (c->call_id.n > LOC_TEXT_MAX)
		c->call_id.n = 0;
	if (!c->instance.n)
		c->reg_id = 0;
	c->has_expires = attr_u32(node, "expires", arena, &c->expires_s);
	if (c->has_expires < 0 || attr_u32(node, "cseq", arena, &c->cseq) < 0 ||
	    attr_u32(node, "duration-registered", arena, &c->since_s) < 0)
		return -1;
	return is_uri(c->uri);
}

/* ---- registrations ---- */

static unsigned count(const xmlNode *node, const char *name)
{
	unsigned n = 0;

	for (const xmlNode *child = node->children; child; child = child->next)
		n += (unsigned)is_ours(child, name);
	return n;
}

static int read_reg(const xmlNode *node, struct reginfo_reg *reg, struct arena *arena,
		    struct err *err)
{
	unsigned n = count(node, "contact");
	struct strv state = attr(node, "state", arena);

	memset(reg, 0, sizeof(*reg));
	reg->aor = attr(node, "aor", arena);
	if (n > LOC_BINDINGS_MAX)
		return err_set(err, ERR_LIMIT, "a registration with %u contacts", n);
	reg->contact = arena_zalloc(arena, n + 1, sizeof(*reg->contact));
	if (!state.p || !reg->aor.p || !reg->contact)
		return err_set(err, ERR_NOMEM, "no memory for a reginfo document");
	if (!reg->aor.n)
		return err_set(err, ERR_SYNTAX, "a registration without aor");
	reg->is_active = strv_eq(state, STRV("active"));
	for (const xmlNode *child = node->children; child; child = child->next) {
		int kept = is_ours(child, "contact")
				   ? read_contact(child, &reg->contact[reg->n_contacts], arena)
				   : 0;

		if (kept < 0)
			return err_set(err, ERR_NOMEM, "no memory for a reginfo document");
		reg->n_contacts += (unsigned)kept;
	}
	return 0;
}

static int read_root(const xmlNode *root, struct reginfo *info, struct arena *arena,
		     struct err *err)
{
	unsigned n = count(root, "registration");
	struct strv state = attr(root, "state", arena);

	if (!is_ours(root, "reginfo"))
		return err_set(err, ERR_SYNTAX, "the root is not \"reginfo\" of its namespace");
	if (n > REGINFO_REGS_MAX)
		return err_set(err, ERR_LIMIT, "a reginfo document with %u registrations", n);
	if (!state.p || !(info->reg = arena_zalloc(arena, n + 1, sizeof(*info->reg))))
		return err_set(err, ERR_NOMEM, "no memory for a reginfo document");
	info->is_full = strv_eq(state, STRV("full"));
	if (!info->is_full && !strv_eq(state, STRV("partial")))
		return err_set(err, ERR_SYNTAX, "a reginfo document neither full nor partial");
	if (attr_u32(root, "version", arena, &info->version) < 1)
		return err_set(err, ERR_SYNTAX, "a reginfo document without version");
	for (const xmlNode *child = root->children; child; child = child->next)
		if (is_ours(child, "registration") &&
		    read_reg(child, &info->reg[info->n_regs++], arena, err) < 0)
			return -1;
	return 0;
}

int reginfo_parse(struct strv bytes, struct arena *arena, struct reginfo **info_out,
		  struct err *err)
{
	struct reginfo *info = arena_zalloc(arena, 1, sizeof(*info));
	enum xml_fault fault;
	xmlDoc *doc;
	int ret;

	*info_out = NULL;
	if (!info)
		return err_set(err, ERR_NOMEM, "no memory for a reginfo document");
	if (xml_parse(bytes, &limits, &doc, &fault, err) < 0) {
		if (err)
			err->code = fault == XML_FAULT_NO_MEMORY   ? ERR_NOMEM
				    : fault >= XML_FAULT_TOO_LARGE ? ERR_LIMIT
								   : ERR_SYNTAX;
		return -1;
	}
	ret = read_root(xmlDocGetRootElement(doc), info, arena, err);
	xmlFreeDoc(doc);
	if (ret == 0)
		*info_out = info;
	return ret;
}
