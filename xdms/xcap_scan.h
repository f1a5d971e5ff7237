/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_scan.h - where the elements and attributes of XML text stand
 *
 * The parser of the house is libxml2, behind base/xml.h: it decides about what comes from outside.
 * It has no offsets for attributes, so that this scanner finds them: UTF-8, XML 1.0 (fifth edition)
 * with namespaces, no DOCTYPE, hence nothing but tags, attributes, comments, CDATA, PIs and text.
 * It is strict and accepts what libxml2 accepts; a test and a fuzz target compare the two.
 */
#ifndef XDMS_XCAP_SCAN_H
#define XDMS_XCAP_SCAN_H

#include "base/err.h"
#include "xdms/xcap_ns.h"

struct xcap_limits {
	size_t octets;	    /* of a document */
	unsigned nodes;	    /* elements of a document */
	unsigned depth;	    /* at most XCAP_DEPTH_MAX */
	unsigned attrs;	    /* of one element, declarations included; at most XCAP_ATTRS_MAX */
	size_t attr_octets; /* of one value as written */
};

enum { XCAP_DEPTH_MAX = 64, XCAP_ATTRS_MAX = 64, XCAP_NAME_BYTES_MAX = 1024 };
#define XCAP_NONE UINT32_MAX

/* 4 MB, 200,000 elements, depth 64, 64 attributes, 64 kB a value. */
extern const struct xcap_limits xcap_limits_default;

/* One element. Offsets are octets from the beginning of the scanned text. */
struct xcap_node {
	uint32_t start;	  /* its "<" */
	uint32_t tag_end; /* behind the ">" of its start tag */
	uint32_t close;	  /* the "<" of its end tag; equals end for an empty-element tag */
	uint32_t end;	  /* behind its last ">" */
	uint32_t parent;  /* index, XCAP_NONE at the top */
	uint32_t next;	  /* index of the first node behind its descendants */
	uint32_t name;	  /* index into names */
	uint32_t attr;	  /* index of its first attribute */
	uint16_t n_attrs; /* with declarations */
	uint16_t name_n;  /* octets of the name in the tag */
};

/* One attribute or namespace declaration. */
struct xcap_attr {
	uint32_t at;	   /* its name */
	uint32_t value_at; /* behind the opening quote */
	uint32_t value_n;  /* as written */
	uint32_t name;	   /* index into names; XCAP_NONE: a namespace declaration */
	uint16_t name_n;
};

struct xcap_index_name {
	struct xcap_name name;
	uint32_t hash; /* xcap_name_hash */
};

/* Nodes in document order. Views point into the text and the context, which outlive the index. */
struct xcap_index {
	struct xcap_node *node;
	struct xcap_attr *attr;
	struct xcap_index_name *names;
	uint32_t n_nodes, n_attrs, n_names;
	struct arena *strings; /* of namespace names written with references; usually NULL */
};

enum xcap_scan_mode {
	XCAP_SCAN_DOCUMENT, /* declaration, one root element, comments and PIs */
	XCAP_SCAN_CONTENT,  /* what may stand inside an element */
	XCAP_SCAN_FRAGMENT, /* one element; white space around it is tolerated */
	XCAP_SCAN_MISC	    /* comments, PIs and white space beside the root element */
};

/* Scan TEXT, which stands in an element of depth DEPTH (0: none) with the bindings NS. Returns 0
 * and the index; -1 with ERR_SYNTAX (not well-formed, or a DOCTYPE), ERR_RANGE (not UTF-8, or
 * another encoding declared), ERR_LIMIT, ERR_NOMEM; then INDEX_OUT is empty. */
int xcap_scan(struct strv text, enum xcap_scan_mode mode, const struct xcap_ns *ns, unsigned depth,
	      const struct xcap_limits *limits, struct xcap_index *index_out, struct err *err);
void xcap_index_fini(struct xcap_index *index);

/* The prefix and the namespace that declaration ATTR of TEXT binds. 0, -1 without memory (the
 * arena is used when the value has references). */
int xcap_scan_declaration(struct strv text, const struct xcap_attr *attr, struct arena *arena,
			  struct xcap_binding *binding_out);

static inline struct strv xcap_attr_raw(struct strv text, const struct xcap_attr *attr)
{
	return strv_mem(text.p + attr->value_at, attr->value_n);
}

#endif
