/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_sel.h - node selectors (RFC 4825 s6.3, s6.4): text to steps and back
 *
 * A grammar of our own, strict and without XPath. A step that is none of by-name, by-pos, by-attr
 * and by-pos-attr is an extension-selector, and this server has no extensions: absent (404). A
 * prefix that the query does not bind is a syntax error (400).
 */
#ifndef XDMS_XCAP_SEL_H
#define XDMS_XCAP_SEL_H

#include "base/arena.h"
#include "base/err.h"
#include "xdms/xcap_text.h"

enum {
	XCAP_STEPS_MAX = 64,	/* no document is deeper */
	XCAP_BINDINGS_MAX = 32, /* xmlns() parts of a query */
	XCAP_POS_NONE = 0xffffffff
};

/* name, name[pos], name[@attr="value"], name[pos][@attr="value"] */
struct xcap_step {
	int any; /* "*": name is empty then */
	struct xcap_name name;
	uint32_t pos; /* from 1; 0 selects nothing; XCAP_POS_NONE: no position */
	int has_attr;
	struct xcap_name attr;
	struct strv value; /* references resolved, normalised */
	struct strv text;  /* the step as written, decoded */
};

enum xcap_sel_kind { XCAP_SEL_ELEMENT, XCAP_SEL_ATTR, XCAP_SEL_NAMESPACE };

/* All views into the node selector, the query or the arena. */
struct xcap_sel {
	enum xcap_sel_kind kind; /* what the terminal selector asks for */
	unsigned n_steps;	 /* at least 1 */
	struct xcap_step *step;
	struct xcap_name attr;	 /* XCAP_SEL_ATTR */
	struct strv attr_prefix; /* as written there; empty without */
	struct strv terminal;	 /* the terminal selector as written */
	unsigned n_bindings;
	struct xcap_binding *binding; /* of the query */
};

/* NODE is decoded once (xcap_uri), QUERY as spelled in the URI. Unprefixed element names belong to
 * DEFAULT_NS (empty: no namespace). Returns 0, or -1 with ERR_ABSENT for what is no selector or no
 * selector of ours, ERR_SYNTAX for an unbound prefix or a broken query, ERR_NOMEM. */
int xcap_sel_parse(struct strv node, struct strv query, struct strv default_ns, struct arena *arena,
		   struct xcap_sel *sel_out, struct err *err);

/* The first N_STEPS steps (with WITH_TERMINAL and all steps, the terminal selector too), percent-
 * encoded for a URI, with the xmlns() query when one of their names has a prefix. Terminated;
 * empty when memory is short. */
struct strv xcap_sel_print(const struct xcap_sel *sel, unsigned n_steps, int with_terminal,
			   struct arena *arena);

#endif
