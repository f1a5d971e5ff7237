/* SPDX-License-Identifier: Apache-2.0 */
/* cpm/composing.c - application/im-iscomposing+xml, read (RFC 3994 s3, s6.1) */
#include "cpm/composing.h"

#include <string.h>

#include "base/xml.h"
#include "cpm/mime.h"

#define NS_COMPOSING "urn:ietf:params:xml:ns:im-iscomposing"

enum { REFRESH_S = 120 };

static int is_named(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && node->ns &&
	       strcmp((const char *)node->ns->href, NS_COMPOSING) == 0 &&
	       strcmp((const char *)node->name, name) == 0;
}

int composing_is(struct strv content_type)
{
	return mime_is(content_type, COMPOSING_TYPE);
}

/* NODE's text with white space for strv_trim only; the caller's, xmlFree. */
static xmlChar *read_text(xmlNode *node, struct strv *text_out)
{
	xmlChar *text = xmlNodeGetContent(node);

	for (char *p = (char *)text; p && *p; p++)
		if (*p == '\n' || *p == '\r')
			*p = ' ';
	*text_out = strv_trim(strv_of((char *)text));
	return text;
}

static int read_child(xmlNode *node, struct composing *composing, int *has_state, struct err *err)
{
	struct strv text;
	xmlChar *owned;
	uint64_t seconds;
	int ret = 0;

	if (!is_named(node, "state") && !is_named(node, "refresh"))
		return 0;
	owned = read_text(node, &text);
	if (!owned)
		return err_set(err, ERR_NOMEM, "no memory for an is-composing body");
	if (is_named(node, "state")) {
		*has_state = 1;
		composing->is_active = strv_eq(text, STRV("active"));
	} else if (strv_u64(text, UINT32_MAX, &seconds) == 0) {
		composing->refresh_s = (unsigned)seconds;
	} else {
		ret = err_set(err, ERR_SYNTAX, "the refresh of an is-composing body is no number");
	}
	xmlFree(owned);
	return ret;
}

static int read_root(xmlNode *root, struct composing *composing, struct err *err)
{
	int has_state = 0;

	if (!is_named(root, "isComposing"))
		return err_set(err, ERR_SYNTAX, "the root of an is-composing body is another");
	for (xmlNode *node = root->children; node; node = node->next)
		if (read_child(node, composing, &has_state, err) < 0)
			return -1;
	return has_state ? 0 : err_set(err, ERR_SYNTAX, "an is-composing body without a state");
}

int composing_parse(struct strv bytes, struct composing *composing_out, struct err *err)
{
	static const struct xml_limits limits = { 8 << 10, 1 << 10, 8, 16, 32, 64 };
	enum xml_fault fault;
	xmlDoc *doc;
	int ret;

	*composing_out = (struct composing){ .refresh_s = REFRESH_S };
	if (xml_parse(bytes, &limits, &doc, &fault, err) < 0) {
		if (err)
			err->code = fault == XML_FAULT_NO_MEMORY   ? ERR_NOMEM
				    : fault >= XML_FAULT_TOO_LARGE ? ERR_LIMIT
								   : ERR_SYNTAX;
		return -1;
	}
	ret = read_root(xmlDocGetRootElement(doc), composing_out, err);
	xmlFreeDoc(doc);
	return ret;
}
