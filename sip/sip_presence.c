/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_presence.c - see sip_presence.h
 *
 * A publication is read once, when it comes: the elements below its root are kept as text that
 * declares its own namespaces, their ids under the publication's token, so that a NOTIFY is a
 * matter of copying.
 */
#include "sip/sip_presence.h"

#include <stdlib.h>

#include "base/xml.h"

#define PIDF "urn:ietf:params:xml:ns:pidf"

static const struct xml_limits limits = { 65536, 16384, 16, 32, 32, 4000 };

/* ---- published ---- */

static int is_pidf(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && node->ns &&
	       strcmp((const char *)node->ns->href, PIDF) == 0 &&
	       strcmp((const char *)node->name, name) == 0;
}

/* RFC 3863 s4.1: the root, and an id at each tuple. */
static int is_presence(xmlDoc *doc)
{
	xmlNode *root = xmlDocGetRootElement(doc);

	if (!root || !is_pidf(root, "presence"))
		return 0;
	for (xmlNode *node = root->children; node; node = node->next)
		if (is_pidf(node, "tuple") && !xmlHasProp(node, (const xmlChar *)"id"))
			return 0;
	return 1;
}

/* "t1" of one device and "t1" of another may stand in one document. 0, or -1: no memory. */
static int set_id(xmlNode *node, const char *token)
{
	xmlChar *id = xmlGetNoNsProp(node, (const xmlChar *)"id"), *own;
	int ret;

	if (!id)
		return 0;
	own = xmlStrncatNew((const xmlChar *)token, (const xmlChar *)"-", 1);
	own = own ? xmlStrcat(own, id) : NULL;
	ret = own && xmlSetProp(node, (const xmlChar *)"id", own) ? 0 : -1;
	xmlFree(own);
	xmlFree(id);
	return ret;
}

/* One element below the root, with the namespaces it uses, behind what BUFFER holds. */
static int keep_element(xmlBuffer *buffer, xmlNode *node, const char *token)
{
	xmlDoc *doc = xmlNewDoc((const xmlChar *)"1.0");
	xmlNode *copy = doc ? xmlDocCopyNode(node, doc, 1) : NULL;
	int ret = -1;

	if (copy) {
		xmlDocSetRootElement(doc, copy);
		if (set_id(copy, token) == 0 && xmlNodeDump(buffer, doc, copy, 0, 0) >= 0)
			ret = 0;
	}
	xmlFreeDoc(doc);
	return ret;
}

static unsigned take(struct strv resource, const char *token, struct strv body, char **kept_out,
		     size_t *n_out)
{
	enum xml_fault fault;
	xmlBuffer *buffer;
	unsigned status = 200;
	struct err err;
	xmlDoc *doc;

	(void)resource;
	if (xml_parse(body, &limits, &doc, &fault, &err) < 0)
		return fault == XML_FAULT_NO_MEMORY ? 500 : 400;
	buffer = xmlBufferCreate();
	if (!buffer)
		status = 500;
	else if (!is_presence(doc))
		status = 400;
	for (xmlNode *node = status == 200 ? xmlDocGetRootElement(doc)->children : NULL; node;
	     node = node->next)
		if (node->type == XML_ELEMENT_NODE && keep_element(buffer, node, token) < 0)
			status = 500;
	if (status == 200) {
		*n_out = (size_t)xmlBufferLength(buffer);
		*kept_out = strv_dup(strv_mem(xmlBufferContent(buffer), *n_out));
		if (!*kept_out)
			status = 500;
	}
	xmlBufferFree(buffer);
	xmlFreeDoc(doc);
	return status;
}

const struct sip_publish_ops sip_presence_publish = {
	.event = "presence",
	.type = "application/pidf+xml",
	.default_s = 3600,
	.min_s = 60,
	.max_s = SIP_PUB_MAX_S,
	.body_max = 65536,
	.take = take,
};

/* ---- told ---- */

struct text {
	char *p;
	size_t n, max;
};

static void add(struct text *text, struct strv s)
{
	if (text->p && s.n && s.n <= text->max - text->n)
		memcpy(text->p + text->n, s.p, s.n);
	text->n += s.n;
}

static void add_kept(void *arg, struct strv kept)
{
	add(arg, kept);
}

static void add_escaped(struct text *text, struct strv s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		add(text, c == '&'   ? STRV("&amp;")
			  : c == '<' ? STRV("&lt;")
			  : c == '"' ? STRV("&quot;")
				     : strv_mem(&c, 1));
	}
}

static void open_root(struct text *text, struct strv resource)
{
	add(text, STRV("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<presence xmlns=\"" PIDF
		       "\" entity=\""));
	add_escaped(text, resource);
	add(text, STRV("\">"));
}

static void compose(struct text *text, struct sip_pubs *pubs, struct strv resource)
{
	open_root(text, resource);
	sip_pubs_each(pubs, "presence", resource, add_kept, text);
	add(text, STRV("</presence>\n"));
}

enum { STATE_MAX = 60000 }; /* what still fits into a message */

static int state(void *arg, struct sip_sub *sub, struct arena *arena,
		 struct sip_event_body *body_out)
{
	struct text text = { NULL, 0, 0 };
	size_t max;

	compose(&text, arg, sip_sub_resource(sub));
	/* Another worker may publish in between: some room, and again only when that was not
	 * enough. */
	for (max = text.n + 1024; max <= STATE_MAX + 1024; max = text.n + 1024) {
		text = (struct text){ arena_alloc(arena, max), 0, max };
		if (!text.p)
			return -1;
		compose(&text, arg, sip_sub_resource(sub));
		if (text.n <= max) {
			body_out->type = STRV("application/pidf+xml");
			body_out->body = strv_mem(text.p, text.n);
			return 0;
		}
	}
	return -1;
}

/* "A single status of closed": what somebody hears who is not to know (RFC 5025 s3.2.1). */
static int neutral(void *arg, struct sip_sub *sub, struct arena *arena,
		   struct sip_event_body *body_out)
{
	static const struct strv tuple =
		STRV("<tuple id=\"none\"><status><basic>closed</basic></status></tuple>"
		     "</presence>\n");
	struct text text = { NULL, 0, 0 };

	(void)arg;
	text.max = sip_sub_resource(sub).n * 6 + 512;
	text.p = arena_alloc(arena, text.max);
	if (!text.p)
		return -1;
	open_root(&text, sip_sub_resource(sub));
	add(&text, tuple);
	body_out->type = STRV("application/pidf+xml");
	body_out->body = strv_mem(text.p, text.n);
	return 0;
}

static const char *const types[] = { "application/pidf+xml", NULL };

/* RFC 3856 s6.4: 3600 s; s6.10: at most one NOTIFY in five seconds. */
const struct sip_event_ops sip_presence_event = {
	.name = "presence",
	.types = types,
	.default_s = 3600,
	.min_s = 60,
	.max_s = 86400,
	.throttle_ms = 5000,
	.state = state,
	.neutral = neutral,
};
