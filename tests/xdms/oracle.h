/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/xdms/oracle.h - XCAP edits once more, slow and simple
 *
 * Over libxml2 trees: every question is a walk over all children, every edit marks a place, writes
 * the whole document out and parses it again. Only the parsed selector is shared with the engine.
 */
#ifndef TESTS_XDMS_ORACLE_H
#define TESTS_XDMS_ORACLE_H

#include <libxml/tree.h>

#include "xdms/xcap_edit.h"

struct oracle_verdict {
	int verdict; /* enum xcap_verdict */
	enum xcap_fault_kind fault;
	int created;
	int skip; /* the engine and libxml2 may differ here: a namespace name that is no URI */
};

/* Replace *DOC by the document after the request, when it is XCAP_EDITED. */
struct oracle_verdict oracle_put(xmlDoc **doc, const struct xcap_sel *sel, struct strv body);
struct oracle_verdict oracle_delete(xmlDoc **doc, const struct xcap_sel *sel);

/* The only element SEL's steps select, or NULL. */
const xmlNode *oracle_find(const xmlDoc *doc, const struct xcap_sel *sel);

/* BYTES parsed; NULL when they are refused. */
xmlDoc *oracle_parse(struct strv bytes);

/* A form of the whole document (NODE NULL) or of one element in which equal documents are equal:
 * expanded names, attributes in order, text, comments and PIs. On the heap, terminated. */
char *oracle_canon(const xmlDoc *doc, const xmlNode *node);

/* Apply the operations of an xcap-diff document (as xcap_diff_print makes them) to DOC, as RFC 5261
 * says. Aborts when one of them is not legal there. */
void oracle_apply(xmlDoc *doc, struct strv diff);

#endif
