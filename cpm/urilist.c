/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/urilist.c - lists of recipients, read and shown (RFC 5364, RFC 5365 s7)
 *
 * Shipped clients spell the copy-control namespace with a capital C: read in both spellings.
 */
#include "cpm/urilist.h"

#include <stdio.h>
#include <string.h>

#include "base/xml.h"
#include "cpm/cpim.h"

#define NS_LISTS	"urn:ietf:params:xml:ns:resource-lists"
#define NS_COPY		"urn:ietf:params:xml:ns:copycontrol"
#define NS_COPY_SHIPPED "urn:ietf:params:xml:ns:copyControl"

static const char *const copies[] = {
	[URILIST_NONE] = "",
	[URILIST_BCC] = "bcc",
	[URILIST_CC] = "cc",
	[URILIST_TO] = "to",
};

struct reader {
	struct urilist_entry *entries;
	unsigned n, max;
	const struct auth_domains *domains;
	struct arena *arena;
};

static int is_ours(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && node->ns &&
	       strcmp((const char *)node->ns->href, NS_LISTS) == 0 &&
	       (!name || strcmp((const char *)node->name, name) == 0);
}

/* Attribute NAME of NODE, in namespace NS (NULL: none), in the arena. 1, 0 absent, -1. */
static int read_attr(const xmlNode *node, const char *name, const char *ns, struct arena *arena,
		     struct strv *value_out, struct err *err)
{
	xmlAttr *attr = xmlHasNsProp(node, (const xmlChar *)name, (const xmlChar *)ns);
	xmlChar *text = attr ? xmlNodeGetContent((xmlNode *)attr) : NULL;
	char *copy = text ? arena_strdup(arena, strv_of((char *)text)) : NULL;

	xmlFree(text);
	if (!attr)
		return 0;
	if (!copy)
		return err_set(err, ERR_NOMEM, "no memory for a list of recipients");
	*value_out = strv_trim(strv_of(copy));
	return 1;
}

static int read_copy_attr(const xmlNode *node, const char *name, struct arena *arena,
			  struct strv *value_out, struct err *err)
{
	int ret = read_attr(node, name, NS_COPY, arena, value_out, err);

	return ret ? ret : read_attr(node, name, NS_COPY_SHIPPED, arena, value_out, err);
}

static int has(struct strv s, const char *what)
{
	return s.n && memmem(s.p, s.n, what, strlen(what)) != NULL;
}

static int read_key(struct reader *reader, struct urilist_entry *entry, struct err *err)
{
	struct auth_identity identity;
	char *copy;

	entry->key = entry->uri;
	/* A method makes it another request to the same person (RFC 5368 s7). */
	if (has(entry->uri, ";method=") || has(entry->uri, "?") ||
	    auth_identity_parse(entry->uri, reader->domains, &identity, NULL) < 0)
		return 0;
	copy = arena_strdup(reader->arena, auth_identity_text(&identity));
	if (!copy)
		return err_set(err, ERR_NOMEM, "no memory for a list of recipients");
	entry->key = strv_of(copy);
	return 0;
}

static int read_copy(const xmlNode *node, struct arena *arena, struct urilist_entry *entry,
		     struct err *err)
{
	struct strv value;
	int ret = read_copy_attr(node, "copyControl", arena, &value, err);

	if (ret < 0)
		return -1;
	for (int i = URILIST_BCC; ret && i <= URILIST_TO; i++)
		if (strv_eq(value, strv_of(copies[i])))
			entry->copy = (enum urilist_copy)i;
	if (ret && entry->copy == URILIST_NONE)
		return err_set(err, ERR_SYNTAX, "a recipient's copyControl is not to, cc or bcc");
	ret = read_copy_attr(node, "anonymize", arena, &value, err);
	if (ret > 0)
		entry->anonymize = strv_eq(value, STRV("true")) || strv_eq(value, STRV("1"));
	return ret < 0 ? -1 : 0;
}

static int read_entry(struct reader *reader, const xmlNode *node, struct err *err)
{
	struct urilist_entry entry = { .copy = URILIST_NONE };
	int ret = read_attr(node, "uri", NULL, reader->arena, &entry.uri, err);

	if (ret < 0)
		return -1;
	if (!ret || !entry.uri.n || !cpim_is_line(entry.uri) || has(entry.uri, " ") ||
	    has(entry.uri, "<") || has(entry.uri, ">") || !has(entry.uri, ":"))
		return err_set(err, ERR_SYNTAX, "a recipient without a URI");
	if (read_copy(node, reader->arena, &entry, err) < 0 || read_key(reader, &entry, err) < 0)
		return -1;
	for (unsigned i = 0; i < reader->n; i++) {
		struct urilist_entry *known = &reader->entries[i];

		if (!strv_eq(known->key, entry.key))
			continue;
		known->copy = entry.copy > known->copy ? entry.copy : known->copy;
		known->anonymize |= entry.anonymize;
		return 0;
	}
	if (reader->n == reader->max)
		return err_set(err, ERR_LIMIT, "more than %u recipients", reader->max);
	reader->entries[reader->n++] = entry;
	return 0;
}

/* Lists in lists: base/xml.h bounds how deep. */
static int read_list(struct reader *reader, const xmlNode *list, struct err *err)
{
	for (const xmlNode *node = list->children; node; node = node->next) {
		if (is_ours(node, "entry")) {
			if (read_entry(reader, node, err) < 0)
				return -1;
		} else if (is_ours(node, "list")) {
			if (read_list(reader, node, err) < 0)
				return -1;
		} else if (is_ours(node, "external") || is_ours(node, "entry-ref")) {
			return err_set(err, ERR_RANGE, "a list of recipients refers to another");
		}
	}
	return 0;
}

int urilist_parse(struct strv bytes, unsigned max_entries, const struct auth_domains *domains,
		  struct arena *arena, struct urilist *list_out, struct err *err)
{
	static const struct xml_limits limits = { 1 << 20, 4 << 10, 16, 16, 32, 65536 };
	struct reader reader = { .max = max_entries, .domains = domains, .arena = arena };
	enum xml_fault fault;
	xmlDoc *doc;
	int ret;

	reader.entries = arena_zalloc(arena, (size_t)max_entries + 1, sizeof(*reader.entries));
	if (!reader.entries)
		return err_set(err, ERR_NOMEM, "no memory for a list of recipients");
	if (xml_parse(bytes, &limits, &doc, &fault, err) < 0) {
		if (err)
			err->code = fault == XML_FAULT_NO_MEMORY   ? ERR_NOMEM
				    : fault >= XML_FAULT_TOO_LARGE ? ERR_LIMIT
								   : ERR_SYNTAX;
		return -1;
	}
	if (is_ours(xmlDocGetRootElement(doc), "resource-lists"))
		ret = read_list(&reader, xmlDocGetRootElement(doc), err);
	else
		ret = err_set(err, ERR_SYNTAX, "a list of recipients is no resource-lists");
	xmlFreeDoc(doc);
	list_out->entries = reader.entries;
	list_out->n = reader.n;
	return ret;
}

/* ---- what recipients see ---- */

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

static void put_entry(struct out *out, struct strv uri, enum urilist_copy copy, unsigned count)
{
	char text[24];

	put(out, "<entry uri=\"");
	/* Headers of a URI are for us: which session is replaced is nobody else's to know. */
	for (size_t i = 0; i < uri.n && uri.p[i] != '?'; i++)
		if (uri.p[i] == '&')
			put(out, "&amp;");
		else if (uri.p[i] == '"')
			put(out, "&quot;");
		else
			out->p[out->n++] = uri.p[i];
	put(out, "\" cp:copyControl=\"");
	put(out, copies[copy]);
	if (count) {
		snprintf(text, sizeof(text), "\" cp:count=\"%u", count);
		put(out, text);
	}
	put(out, "\"/>\r\n");
}

int urilist_history(const struct urilist *list, enum urilist_copy none_is, struct arena *arena,
		    struct strv *bytes_out, struct err *err)
{
	unsigned hidden[URILIST_TO + 1] = { 0 }, seen = 0;
	struct out out = { NULL, 0 };
	size_t room = 512;

	for (unsigned i = 0; i < list->n; i++)
		room += 6 * list->entries[i].uri.n + 64;
	out.p = arena_alloc(arena, room);
	if (!out.p)
		return err_set(err, ERR_NOMEM, "no memory for a list of recipients");
	put(&out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<resource-lists xmlns=\"" NS_LISTS
		  "\" xmlns:cp=\"" NS_COPY "\">\r\n<list>\r\n");
	for (unsigned i = 0; i < list->n; i++) {
		const struct urilist_entry *entry = &list->entries[i];
		enum urilist_copy copy = entry->copy ? entry->copy : none_is;

		if (copy < URILIST_CC)
			continue;
		seen++;
		if (entry->anonymize)
			hidden[copy]++;
		else
			put_entry(&out, entry->uri, copy, 0);
	}
	for (int i = URILIST_TO; i >= URILIST_CC; i--)
		if (hidden[i])
			put_entry(&out, STRV(CPIM_ANONYMOUS), (enum urilist_copy)i, hidden[i]);
	put(&out, "</list>\r\n</resource-lists>\r\n");
	*bytes_out = strv_mem(out.p, out.n);
	return seen > 0;
}
