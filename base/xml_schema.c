/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/xml_schema.c - schemas of the server's own folder, and validation (see xml.h)
 *
 * libxml2 compiles a schema and what it imports into one set. The set is only read afterwards:
 * a validation has a context of its own, so threads share the set without a lock (tests hold that
 * against a write-protected set). Beside it we keep the names of all global elements, because
 * libxml2's lax wildcards accept an unknown name of a known namespace and RFC 4825 s8.2.5 does not.
 */
#include "base/xml.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include <libxml/hash.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlschemas.h>

#include "base/xml_priv.h"

#ifndef OPENCPM_PKGDATADIR
#error "OPENCPM_PKGDATADIR names the folder above schema/"
#endif

#define XSD_NS "http://www.w3.org/2001/XMLSchema"

enum { SCHEMA_FILE_BYTES = 1024 * 1024 };

struct xml_schema {
	xmlSchema *set;
	xmlHashTable *elements;	  /* key: name, namespace */
	xmlHashTable *namespaces; /* key: namespace */
};

static char *schema_dir;

/* The folder with a slash behind it while this thread loads, else NULL. */
static __thread const char *loading_from;

/* Entries of the tables above hold no value of their own. */
static char present;

/* ---- the folder ---- */

int xml_schema_set_dir(const char *dir, struct err *err)
{
	char *copy;

	if (!dir)
		dir = getenv("OPENCPM_SCHEMA_DIR");
	copy = strdup(dir && *dir ? dir : OPENCPM_PKGDATADIR "/schema");
	if (!copy)
		return err_set(err, ERR_NOMEM, "out of memory");
	free(schema_dir);
	schema_dir = copy;
	return 0;
}

void xml_schema_forget_dir(void)
{
	free(schema_dir);
	schema_dir = NULL;
}

struct _xmlParserInput *xml_schema_open_file(const char *url, const char *id,
					     struct _xmlParserCtxt *ctxt)
{
	size_t n = loading_from ? strlen(loading_from) : 0;

	(void)id;
	if (!url || n == 0 || strncmp(url, loading_from, n) != 0 || strchr(url + n, '/'))
		return NULL;
	return xmlNewInputFromFile(ctxt, url);
}

static int is_plain_name(const char *file)
{
	return *file && *file != '.' && !strchr(file, '/');
}

/* "DIR/FILE", on the heap; PREFIX_OUT (may be NULL) gets "DIR/". DIR is made absolute, so that
 * libxml2's own joining of locations finds the same spelling. */
static char *path_of(const char *file, char **prefix_out, struct err *err)
{
	char dir[PATH_MAX], *path = NULL;

	if (!schema_dir || !realpath(schema_dir, dir)) {
		err_sys(err, ERR_IO, schema_dir ? errno : ENOENT,
			"the schema folder %s cannot be found (OPENCPM_SCHEMA_DIR names another)",
			schema_dir ? schema_dir : "(none)");
		return NULL;
	}
	if (prefix_out && asprintf(prefix_out, "%s/", dir) < 0)
		*prefix_out = NULL;
	if ((prefix_out && !*prefix_out) || asprintf(&path, "%s/%s", dir, file) < 0) {
		err_set(err, ERR_NOMEM, "out of memory");
		return NULL;
	}
	return path;
}

static int read_file(const char *path, char **text_out, size_t *n_out, struct err *err)
{
	FILE *file = fopen(path, "re");
	char *text = file ? malloc(SCHEMA_FILE_BYTES) : NULL;
	int broken;

	if (!text) {
		err_sys(err, ERR_IO, errno, "schema %s cannot be read", path);
		if (file)
			fclose(file);
		return -1;
	}
	*n_out = fread(text, 1, SCHEMA_FILE_BYTES, file);
	broken = ferror(file);
	fclose(file);
	if (broken) {
		free(text);
		return err_set(err, ERR_IO, "schema %s cannot be read", path);
	}
	*text_out = text;
	return 0;
}

/* ---- the names ---- */

static int is_xsd(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && node->ns &&
	       strcmp((const char *)node->ns->href, XSD_NS) == 0 &&
	       strcmp((const char *)node->name, name) == 0;
}

static int remember(xmlHashTable *table, const xmlChar *name, const xmlChar *ns)
{
	if (xmlHashLookup2(table, name, ns))
		return 0;
	return xmlHashAddEntry2(table, name, ns, &present);
}

static int collect_file(struct xml_schema *schema, xmlHashTable *seen, const char *file,
			struct err *err);

static int collect_import(struct xml_schema *schema, xmlHashTable *seen, const xmlNode *node,
			  struct err *err)
{
	xmlChar *where = xmlGetNoNsProp(node, BAD_CAST "schemaLocation");
	int ret = 0;

	if (where)
		ret = collect_file(schema, seen, (const char *)where, err);
	xmlFree(where);
	return ret;
}

static int collect_element(struct xml_schema *schema, const xmlNode *node, const xmlChar *ns,
			   struct err *err)
{
	xmlChar *name = xmlGetNoNsProp(node, BAD_CAST "name");
	int ret = 0;

	if (name && remember(schema->elements, name, ns) < 0)
		ret = err_set(err, ERR_NOMEM, "out of memory");
	xmlFree(name);
	return ret;
}

static int collect_names(struct xml_schema *schema, xmlHashTable *seen, xmlDoc *doc,
			 struct err *err)
{
	xmlNode *root = xmlDocGetRootElement(doc);
	xmlChar *ns = xmlGetNoNsProp(root, BAD_CAST "targetNamespace");
	int ret = 0;

	if (ns && remember(schema->namespaces, ns, NULL) < 0)
		ret = err_set(err, ERR_NOMEM, "out of memory");
	for (xmlNode *node = root->children; node && ret == 0; node = node->next)
		if (is_xsd(node, "import") || is_xsd(node, "include"))
			ret = collect_import(schema, seen, node, err);
		else if (is_xsd(node, "element"))
			ret = collect_element(schema, node, ns, err);
	xmlFree(ns);
	return ret;
}

/* Put the names of FILE and of all that it imports into SCHEMA's tables, each file once. */
static int collect_file(struct xml_schema *schema, xmlHashTable *seen, const char *file,
			struct err *err)
{
	char *path = NULL, *text = NULL;
	xmlDoc *doc = NULL;
	size_t n = 0;
	int ret = -1;

	if (!is_plain_name(file))
		return err_set(err, ERR_SYNTAX, "schema location \"%s\" is not a plain file name",
			       file);
	if (xmlHashLookup(seen, BAD_CAST file))
		return 0;
	if (remember(seen, BAD_CAST file, NULL) < 0)
		return err_set(err, ERR_NOMEM, "out of memory");
	if ((path = path_of(file, NULL, err)) != NULL && read_file(path, &text, &n, err) == 0) {
		ret = xml_parse(strv_mem(text, n), NULL, &doc, NULL, err);
		if (ret < 0)
			err_prefix(err, "schema %s", path);
	}
	if (ret == 0)
		ret = collect_names(schema, seen, doc, err);
	xmlFreeDoc(doc);
	free(text);
	free(path);
	return ret;
}

static int collect(struct xml_schema *schema, const char *file, struct err *err)
{
	xmlHashTable *seen = xmlHashCreate(16);
	int ret;

	schema->elements = xmlHashCreate(256);
	schema->namespaces = xmlHashCreate(32);
	if (!seen || !schema->elements || !schema->namespaces)
		ret = err_set(err, ERR_NOMEM, "out of memory");
	else
		ret = collect_file(schema, seen, file, err);
	xmlHashFree(seen, NULL);
	return ret;
}

/* ---- compiling ---- */

/* What libxml2 complained of first. */
struct complaint {
	int line;
	char file[64];
	char reason[192];
};

static void on_complaint(void *data, xmlErrorPtr error)
{
	struct complaint *first = data;
	const char *slash = error->file ? strrchr(error->file, '/') : NULL;

	if (first->reason[0] || error->level < XML_ERR_ERROR)
		return;
	first->line = error->line;
	xml_reason(first->file, sizeof(first->file), slash ? slash + 1 : error->file);
	xml_reason(first->reason, sizeof(first->reason), error->message);
}

static int compile(struct xml_schema *schema, const char *file, struct err *err)
{
	struct complaint first = { 0 };
	xmlSchemaParserCtxt *ctxt = NULL;
	char *prefix = NULL, *path = path_of(file, &prefix, err);

	if (!path) {
		free(prefix);
		return -1;
	}
	ctxt = xmlSchemaNewParserCtxt(path);
	if (ctxt) {
		xmlSchemaSetParserStructuredErrors(ctxt, on_complaint, &first);
		loading_from = prefix;
		schema->set = xmlSchemaParse(ctxt);
		loading_from = NULL;
		xmlSchemaFreeParserCtxt(ctxt);
	}
	free(path);
	free(prefix);
	if (schema->set)
		return 0;
	return err_set(err, ERR_SYNTAX, "schema %s does not compile: %s line %d: %s", file,
		       first.file, first.line, first.reason);
}

int xml_schema_load(const char *file, struct xml_schema **schema_out, struct err *err)
{
	struct xml_schema *schema = calloc(1, sizeof(*schema));

	*schema_out = NULL;
	if (!schema)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (collect(schema, file, err) < 0 || compile(schema, file, err) < 0) {
		xml_schema_free(&schema);
		return -1;
	}
	*schema_out = schema;
	return 0;
}

void xml_schema_free(struct xml_schema **schema_at)
{
	struct xml_schema *schema = *schema_at;

	*schema_at = NULL;
	if (!schema)
		return;
	xmlSchemaFree(schema->set);
	xmlHashFree(schema->elements, NULL);
	xmlHashFree(schema->namespaces, NULL);
	free(schema);
}

/* ---- validation ---- */

static int verdict(int code, const struct complaint *first, struct err *err)
{
	if (code < 0 || xml_memory_short())
		return err_set(err, ERR_NOMEM, "the document could not be validated");
	if (code == 0)
		return 1;
	err_set(err, ERR_SYNTAX, "line %d: %s", first->line,
		first->reason[0] ? first->reason : "not valid");
	return 0;
}

static xmlSchemaValidCtxt *validation_new(const struct xml_schema *schema, struct complaint *first)
{
	xmlSchemaValidCtxt *ctxt;

	xml_memory_watch();
	ctxt = xmlSchemaNewValidCtxt(schema->set);
	if (ctxt)
		xmlSchemaSetValidStructuredErrors(ctxt, on_complaint, first);
	return ctxt;
}

int xml_schema_valid(const struct xml_schema *schema, xmlDoc *doc, struct err *err)
{
	struct complaint first = { 0 };
	xmlSchemaValidCtxt *ctxt = validation_new(schema, &first);
	int code = ctxt ? xmlSchemaValidateDoc(ctxt, doc) : -1;

	xmlSchemaFreeValidCtxt(ctxt);
	return verdict(code, &first, err);
}

int xml_schema_valid_element(const struct xml_schema *schema, xmlNode *elem, struct err *err)
{
	struct complaint first = { 0 };
	xmlSchemaValidCtxt *ctxt = validation_new(schema, &first);
	int code = ctxt ? xmlSchemaValidateOneElement(ctxt, elem) : -1;

	xmlSchemaFreeValidCtxt(ctxt);
	return verdict(code, &first, err);
}

int xml_schema_declares(const struct xml_schema *schema, const char *ns, const char *name)
{
	return xmlHashLookup2(schema->elements, BAD_CAST name, BAD_CAST ns) != NULL;
}

int xml_schema_covers(const struct xml_schema *schema, const char *ns)
{
	return xmlHashLookup2(schema->namespaces, BAD_CAST ns, NULL) != NULL;
}
