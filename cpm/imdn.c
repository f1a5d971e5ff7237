/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/imdn.c - message/imdn+xml and Disposition-Notification (RFC 5438 s7, s11)
 *
 * Two generations of clients write interworking differently, the wrapper in CPM's namespace or only
 * the status in it: names are looked for in both. All else has to be in RFC 5438's.
 */
#include "cpm/imdn.h"

#include <string.h>

#include "auth/auth_text.h"
#include "base/xml.h"
#include "cpm/cpim.h"

static const struct xml_limits imdn_limits = {
	.bytes = 32 << 10,
	.value_bytes = 4 << 10,
	.depth = 16,
	.attributes = 16,
	.namespaces = 32,
	.nodes = 256,
};

static const char *const kinds[IMDN_KINDS] = {
	[IMDN_NONE] = "",
	[IMDN_DELIVERY] = "delivery-notification",
	[IMDN_DISPLAY] = "display-notification",
	[IMDN_PROCESSING] = "processing-notification",
	[IMDN_INTERWORKING] = "interworking-notification",
};

enum {
	OF_DELIVERY = 1 << IMDN_DELIVERY,
	OF_DISPLAY = 1 << IMDN_DISPLAY,
	OF_PROCESSING = 1 << IMDN_PROCESSING,
	OF_INTERWORKING = 1 << IMDN_INTERWORKING,
};

static const struct {
	const char *name;
	unsigned of; /* the kinds it may stand in */
} statuses[IMDN_STATUSES] = {
	[IMDN_UNKNOWN] = { "", 0 },
	[IMDN_DELIVERED] = { "delivered", OF_DELIVERY },
	[IMDN_FAILED] = { "failed", OF_DELIVERY },
	[IMDN_DISPLAYED] = { "displayed", OF_DISPLAY },
	[IMDN_PROCESSED] = { "processed", OF_PROCESSING },
	[IMDN_STORED] = { "stored", OF_PROCESSING },
	[IMDN_LEGACY_SMS] = { "legacy-sms", OF_INTERWORKING },
	[IMDN_LEGACY_MMS] = { "legacy-mms", OF_INTERWORKING },
	[IMDN_FORBIDDEN] = { "forbidden", OF_DELIVERY | OF_DISPLAY | OF_PROCESSING },
	[IMDN_ERROR] = { "error", OF_DELIVERY | OF_DISPLAY | OF_PROCESSING | OF_INTERWORKING },
};

const char *imdn_kind_name(enum imdn_kind kind)
{
	return kind < IMDN_KINDS ? kinds[kind] : "";
}

const char *imdn_status_name(enum imdn_status status)
{
	return status < IMDN_STATUSES ? statuses[status].name : "";
}

/* ---- read ---- */

static int is_in(const xmlNode *node, const char *ns)
{
	return node->ns && strcmp((const char *)node->ns->href, ns) == 0;
}

static int is_ours(const xmlNode *node)
{
	return node->type == XML_ELEMENT_NODE &&
	       (is_in(node, IMDN_NS_XML) || is_in(node, IMDN_NS_INTERWORKING));
}

static int is_named(const xmlNode *node, const char *name)
{
	return strcmp((const char *)node->name, name) == 0;
}

/* NODE's text, on one line, without white space around it. */
static int read_text(xmlNode *node, struct arena *arena, struct strv *text_out, struct err *err)
{
	xmlChar *content = xmlNodeGetContent(node);
	char *copy = content ? arena_strdup(arena, strv_of((char *)content)) : NULL;

	xmlFree(content);
	if (!copy)
		return err_set(err, ERR_NOMEM, "no memory for an IMDN");
	for (char *p = copy; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	*text_out = strv_trim(strv_of(copy));
	return 0;
}

static enum imdn_kind kind_of(const xmlNode *node)
{
	for (int i = IMDN_NONE + 1; i < IMDN_KINDS; i++)
		if (is_named(node, kinds[i]) &&
		    (i == IMDN_INTERWORKING || is_in(node, IMDN_NS_XML)))
			return (enum imdn_kind)i;
	return IMDN_NONE;
}

static int read_status(const xmlNode *status, struct imdn *imdn, struct err *err)
{
	for (const xmlNode *node = status->children; node; node = node->next) {
		if (!is_ours(node))
			continue;
		for (int i = IMDN_UNKNOWN + 1; i < IMDN_STATUSES; i++) {
			if (!is_named(node, statuses[i].name))
				continue;
			if (!(statuses[i].of & 1u << imdn->kind))
				return err_set(err, ERR_SYNTAX, "status \"%s\" in a %s",
					       statuses[i].name, kinds[imdn->kind]);
			if (imdn->status)
				return err_set(err, ERR_SYNTAX, "an IMDN with two statuses");
			imdn->status = (enum imdn_status)i;
		}
	}
	return 0;
}

static int read_notification(const xmlNode *wrapper, enum imdn_kind kind, struct imdn *imdn,
			     struct err *err)
{
	if (imdn->kind)
		return err_set(err, ERR_SYNTAX, "an IMDN with two notifications");
	imdn->kind = kind;
	for (const xmlNode *node = wrapper->children; node; node = node->next)
		if (is_ours(node) && is_named(node, "status") && read_status(node, imdn, err) < 0)
			return -1;
	return 0;
}

static int read_child(xmlNode *node, struct arena *arena, struct imdn *imdn, struct err *err)
{
	const struct {
		const char *name;
		struct strv *text;
	} texts[] = {
		{ "message-id", &imdn->message_id },
		{ "datetime", &imdn->datetime },
		{ "recipient-uri", &imdn->recipient_uri },
		{ "original-recipient-uri", &imdn->original_recipient_uri },
		{ "subject", &imdn->subject },
	};
	enum imdn_kind kind = kind_of(node);

	if (kind)
		return read_notification(node, kind, imdn, err);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!is_named(node, texts[i].name) || !is_in(node, IMDN_NS_XML))
			continue;
		/* Set by the first one, if only to an empty view of its text. */
		if (texts[i].text->p)
			return err_set(err, ERR_SYNTAX, "an IMDN with two \"%s\"", texts[i].name);
		return read_text(node, arena, texts[i].text, err);
	}
	return 0;
}

static int read_root(xmlNode *root, struct arena *arena, struct imdn *imdn, struct err *err)
{
	if (!is_in(root, IMDN_NS_XML) || !is_named(root, "imdn"))
		return err_set(err, ERR_SYNTAX,
			       "the root of an IMDN is not \"imdn\" of its namespace");
	for (xmlNode *node = root->children; node; node = node->next)
		if (is_ours(node) && read_child(node, arena, imdn, err) < 0)
			return -1;
	if (!imdn->message_id.n || !imdn->datetime.n)
		return err_set(err, ERR_SYNTAX, "an IMDN without message-id or datetime");
	return 0;
}

int imdn_parse(struct strv bytes, struct arena *arena, struct imdn *imdn_out, struct err *err)
{
	enum xml_fault fault;
	xmlDoc *doc;
	int ret;

	*imdn_out = (struct imdn){ .kind = IMDN_NONE };
	if (xml_parse(bytes, &imdn_limits, &doc, &fault, err) < 0) {
		if (err)
			err->code = fault == XML_FAULT_NO_MEMORY   ? ERR_NOMEM
				    : fault >= XML_FAULT_TOO_LARGE ? ERR_LIMIT
								   : ERR_SYNTAX;
		return -1;
	}
	ret = read_root(xmlDocGetRootElement(doc), arena, imdn_out, err);
	xmlFreeDoc(doc);
	return ret;
}

/* ---- write ---- */

struct out {
	char *p;
	size_t n;
};

static void put(struct out *out, const char *s)
{
	size_t n = strlen(s);

	memcpy(out->p + out->n, s, n);
	out->n += n;
}

static void put_text(struct out *out, struct strv s)
{
	for (size_t i = 0; i < s.n; i++)
		switch (s.p[i]) {
		case '&':
			put(out, "&amp;");
			break;
		case '<':
			put(out, "&lt;");
			break;
		case '>':
			put(out, "&gt;");
			break;
		default:
			out->p[out->n++] = s.p[i];
		}
}

static void put_element(struct out *out, const char *name, struct strv text)
{
	put(out, "<");
	put(out, name);
	put(out, ">");
	put_text(out, text);
	put(out, "</");
	put(out, name);
	put(out, ">\r\n");
}

/* XML 1.0 s2.2: U+FFFE and U+FFFF are not characters. */
static int fits_xml(struct strv s)
{
	uint32_t code;

	if (!cpim_is_line(s))
		return 0;
	for (size_t n; s.n; s = strv_mem(s.p + n, s.n - n)) {
		n = auth_utf8_next(s, &code);
		if (code == 0xfffe || code == 0xffff)
			return 0;
	}
	return 1;
}

static int check_print(const struct imdn *imdn, struct err *err)
{
	const struct strv texts[] = { imdn->message_id, imdn->datetime, imdn->recipient_uri,
				      imdn->original_recipient_uri, imdn->subject };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!fits_xml(texts[i]))
			return err_set(err, ERR_RANGE, "an IMDN's value cannot stand in XML");
	if (!imdn->message_id.n || !imdn->datetime.n)
		return err_set(err, ERR_RANGE, "an IMDN without message-id or datetime");
	if (imdn->kind >= IMDN_KINDS || imdn->status >= IMDN_STATUSES ||
	    (imdn->status && !(statuses[imdn->status].of & 1u << imdn->kind)))
		return err_set(err, ERR_RANGE, "an IMDN's status is not one of its kind");
	return 0;
}

static void put_notification(struct out *out, const struct imdn *imdn)
{
	if (!imdn->kind)
		return;
	put(out, "<");
	put(out, kinds[imdn->kind]);
	/* The schema admits unknown elements outside of its own namespace only (s11.1.9). */
	if (imdn->kind == IMDN_INTERWORKING)
		put(out, " xmlns=\"" IMDN_NS_INTERWORKING "\"");
	put(out, "><status>");
	if (imdn->status) {
		put(out, "<");
		put(out, statuses[imdn->status].name);
		put(out, "/>");
	}
	put(out, "</status></");
	put(out, kinds[imdn->kind]);
	put(out, ">\r\n");
}

int imdn_print(const struct imdn *imdn, struct arena *arena, struct strv *bytes_out,
	       struct err *err)
{
	struct strv to = imdn->recipient_uri.n ? imdn->recipient_uri : imdn->original_recipient_uri;
	struct strv original = imdn->original_recipient_uri.n ? imdn->original_recipient_uri : to;
	struct out out = { NULL, 0 };

	if (check_print(imdn, err) < 0)
		return -1;
	/* Each octet may become "&amp;"; what stands around them is less than 1 KiB. */
	out.p = arena_alloc(arena, 1024 + 5 * (imdn->message_id.n + imdn->datetime.n + to.n +
					       original.n + imdn->subject.n));
	if (!out.p)
		return err_set(err, ERR_NOMEM, "no memory for an IMDN");
	put(&out,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<imdn xmlns=\"" IMDN_NS_XML "\">\r\n");
	put_element(&out, "message-id", imdn->message_id);
	put_element(&out, "datetime", imdn->datetime);
	if (to.n) {
		put_element(&out, "recipient-uri", to);
		put_element(&out, "original-recipient-uri", original);
		if (imdn->subject.n)
			put_element(&out, "subject", imdn->subject);
	}
	put_notification(&out, imdn);
	put(&out, "</imdn>\r\n");
	*bytes_out = strv_mem(out.p, out.n);
	return 0;
}

/* ---- Disposition-Notification ---- */

unsigned imdn_asked(struct strv value)
{
	static const struct {
		const char *name;
		enum imdn_ask bit;
	} asks[] = {
		{ "positive-delivery", IMDN_ASK_POSITIVE_DELIVERY },
		{ "negative-delivery", IMDN_ASK_NEGATIVE_DELIVERY },
		{ "processing", IMDN_ASK_PROCESSING },
		{ "display", IMDN_ASK_DISPLAY },
		{ "interworking", IMDN_ASK_INTERWORKING },
	};
	struct strv one, name;
	unsigned bits = 0;

	while (value.n) {
		strv_cut(&value, ',', &one);
		strv_cut(&one, ';', &name);
		name = strv_trim(name);
		for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++)
			if (strv_eq(name, strv_of(asks[i].name)))
				bits |= asks[i].bit;
	}
	return bits;
}
