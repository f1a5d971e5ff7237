/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_edit.h - PUT and DELETE of elements and attributes (RFC 4825 s7.4-7.8, s8.2, s8.4)
 *
 * A pure function from a document and a request to a new document and the patch that leads to it,
 * or the fault to answer. Where a new element goes follows s8.2.3 to the letter; the result is kept
 * only when the request's own selector then selects exactly what was put, or nothing after a
 * DELETE. Validation by schema, uniqueness and constraints (s8.2.5) comes after, in the usages.
 */
#ifndef XDMS_XCAP_EDIT_H
#define XDMS_XCAP_EDIT_H

#include "xdms/xcap_doc.h"
#include "xdms/xcap_fault.h"

/* RFC 5261 operations. Selectors are positions only ("*" "/" "*[3]"), against the state just before
 * the operation. */
enum xcap_op_kind { XCAP_OP_ADD, XCAP_OP_REPLACE, XCAP_OP_REMOVE };
enum xcap_op_pos { XCAP_POS_LAST, XCAP_POS_BEFORE, XCAP_POS_AFTER };

struct xcap_op {
	enum xcap_op_kind kind;
	enum xcap_op_pos pos; /* ADD of an element */
	struct strv sel;
	struct strv type;    /* ADD of "@name" or "namespace::prefix"; else empty */
	struct strv content; /* an element's octets, or a plain value */
	int is_xml;	     /* content is an element */
};

struct xcap_patch {
	unsigned n;
	struct xcap_op op[2]; /* two when an attribute needs a new declaration */
	/* What the prefixes in the element or the attribute's name stand for: all bindings in scope
	 * where it was put. */
	unsigned n_bindings;
	const struct xcap_binding *binding;
};

enum xcap_verdict {
	XCAP_EDITED = 0,
	XCAP_REFUSED = 1,    /* 409, the fault says why */
	XCAP_NOT_FOUND = 2,  /* 404: DELETE of what is not there, or not alone */
	XCAP_NOT_ALLOWED = 3 /* 405: namespace bindings can only be read */
};

/* Views live in the arena; DOC is the caller's to drop. */
struct xcap_edit {
	struct xcap_doc *doc;
	int created;	       /* 201, not 200 */
	struct xcap_spot spot; /* in the new document: what was put, the element of an attribute,
				  or the parent of what was deleted (maybe the document) */
	int has_old;
	struct xcap_spot old; /* in the document before: the element replaced, deleted, or whose
				 attribute changed. Its siblings stay. */
	struct xcap_patch patch;
};

/* PUT BODY where SEL says. Returns a verdict, or -1 without memory. BODY is an element (white space
 * around it is dropped) or an AttValue with or without its quotes. LIMITS NULL: the defaults. */
int xcap_edit_put(const struct xcap_doc *doc, const struct xcap_sel *sel, struct strv body,
		  const struct xcap_limits *limits, struct arena *arena, struct xcap_edit *edit_out,
		  struct xcap_fault *fault_out, struct err *err);

/* DELETE what SEL selects, likewise. White space around an element stays. */
int xcap_edit_delete(const struct xcap_doc *doc, const struct xcap_sel *sel,
		     const struct xcap_limits *limits, struct arena *arena,
		     struct xcap_edit *edit_out, struct xcap_fault *fault_out, struct err *err);

/* The body of a GET of the attribute that SEL selects (RFC 4825 s7.9): in double quotes, or with
 * BARE the value alone. Returns 1, 0 when there is none, -1 without memory. */
int xcap_attr_body(const struct xcap_doc *doc, const struct xcap_sel *sel, int bare,
		   struct arena *arena, struct strv *body_out);

#endif
