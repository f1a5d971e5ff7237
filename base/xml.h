/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/xml.h - the one door through which bytes become XML
 *
 * Bytes from a peer or a disk are parsed by xml_parse or xml_parse_fragment and by nothing else.
 * What comes out is well-formed, namespace-well-formed XML 1.0 in UTF-8 without a document type
 * declaration and within bounds that were checked before their cost was paid. libxml2 opens no
 * file and no connection for a document, and writes nothing to stderr.
 *
 * Schemas come from the server's own folder. A compiled schema is read-only and may be used by any
 * number of threads at once; a tree belongs to one thread. What a fault means for the peer (which
 * xcap-error, which status) is left to the caller.
 */
#ifndef BASE_XML_H
#define BASE_XML_H

#include <stddef.h>

#include <libxml/tree.h>

#include "base/err.h"
#include "base/strv.h"

/* Why bytes were refused. */
enum xml_fault {
	XML_FAULT_NONE = 0,
	XML_FAULT_NOT_WELL_FORMED,     /* also an undeclared prefix, and any version but 1.0 */
	XML_FAULT_NOT_UTF8,	       /* another encoding, declared or seen; ill-formed UTF-8 */
	XML_FAULT_DOCTYPE,	       /* a document type declaration, whatever it holds */
	XML_FAULT_NOT_ELEMENT,	       /* fragments: not exactly one element */
	XML_FAULT_TOO_LARGE,	       /* the whole, or one attribute value */
	XML_FAULT_TOO_DEEP,	       /* elements inside elements */
	XML_FAULT_TOO_MANY_ATTRIBUTES, /* on one element, namespace declarations included */
	XML_FAULT_TOO_MANY_NAMESPACES, /* declarations on one element and those around it */
	XML_FAULT_TOO_MANY_NODES,      /* elements, attributes, comments, CDATA sections, PIs */
	XML_FAULT_NO_MEMORY,
	XML_FAULTS /* how many there are */
};

enum {
	XML_DEPTH_MAX = 200, /* no limit may be larger: libxml2 has its own cap a little above */
};

/* Bounds of one parse. Each is the largest value that is still accepted. */
struct xml_limits {
	size_t bytes;
	size_t value_bytes;  /* one attribute's value */
	unsigned depth;	     /* the root element stands at depth 1; at most XML_DEPTH_MAX */
	unsigned attributes; /* per element */
	unsigned namespaces; /* declarations in scope at one element */
	unsigned nodes;
};

/* 2 MB, 64 KiB a value, depth 64, 64 attributes, 128 namespaces, 200,000 nodes. */
extern const struct xml_limits xml_limits_default;

/* One binding of a namespace context. An empty prefix is the default namespace; an empty uri with
 * an empty prefix means that there is none. The prefix xml is always bound and need not be told. */
struct xml_ns {
	struct strv prefix;
	struct strv uri;
};

/* Prepare libxml2. Once, in main, before the first thread starts; a further call changes the
 * schema folder only. SCHEMA_DIR is where xml_schema_load finds its files; NULL: the environment's
 * OPENCPM_SCHEMA_DIR, else the installed folder. Returns 0, or -1 when libxml2 is older than what
 * this was compiled with or memory is short. */
int xml_init(const char *schema_dir, struct err *err);

/* Give back what xml_init took, once no tree and no schema is left. */
void xml_fini(void);

/* BYTES as a document. A leading UTF-8 byte order mark is passed over. LIMITS NULL: the defaults.
 * Returns 0 and the tree in DOC_OUT (the caller's, xmlFreeDoc); or -1, DOC_OUT NULL, the reason in
 * FAULT_OUT (may be NULL) and, with the line where there is one, in ERR. */
int xml_parse(struct strv bytes, const struct xml_limits *limits, xmlDoc **doc_out,
	      enum xml_fault *fault_out, struct err *err);

/* BYTES as exactly one element, read where the N_CONTEXT bindings are in scope. White space around
 * the element is passed over; a comment, a PI, an XML declaration or text is not. LIMITS hold for
 * the element alone. Returns 0, the tree in DOC_OUT and the element in ELEM_OUT (it belongs to the
 * tree and has a parent, made up here, that declares the context); or -1 as xml_parse. What is not
 * one well-formed element is NOT_WELL_FORMED or NOT_ELEMENT. */
int xml_parse_fragment(struct strv bytes, const struct xml_ns *context, size_t n_context,
		       const struct xml_limits *limits, xmlDoc **doc_out, xmlNode **elem_out,
		       enum xml_fault *fault_out, struct err *err);

/* BYTES without a leading UTF-8 byte order mark. */
struct strv xml_skip_bom(struct strv bytes);

/* The fault's name as in logs ("too-deep"); never NULL. */
const char *xml_fault_name(enum xml_fault fault);

/* A compiled set of schemas: one file and all that it imports. Read-only once loaded. */
struct xml_schema;

/* Compile FILE of the schema folder; what it imports must lie there too. Only files of the server
 * itself are loaded this way, never what a document names. Returns 0, or -1 with the file and the
 * compiler's first complaint in ERR. */
int xml_schema_load(const char *file, struct xml_schema **schema_out, struct err *err);

void xml_schema_free(struct xml_schema **schema);

/* Is DOC valid as a whole? Any global element may be the root: which one it must be is for the
 * caller to ask. 1 yes; 0 no, with line and reason in ERR; -1 could not be found out (memory).
 * The tree is not changed but for libxml2's table of IDs: because of it a tree is validated once,
 * a second time would miss IDs that occur twice. */
int xml_schema_valid(const struct xml_schema *schema, xmlDoc *doc, struct err *err);

/* Is ELEM, with what stands in it, valid as its global declaration says? Prefixes in values are
 * resolved by the elements around it; IDs are compared inside ELEM's tree only. As above; an
 * element without a global declaration is invalid. */
int xml_schema_valid_element(const struct xml_schema *schema, xmlNode *elem, struct err *err);

/* 1 when the set declares NAME in namespace NS as a global element, else 0. */
int xml_schema_declares(const struct xml_schema *schema, const char *ns, const char *name);

/* 1 when the set has a schema for namespace NS, else 0. */
int xml_schema_covers(const struct xml_schema *schema, const char *ns);

#endif
