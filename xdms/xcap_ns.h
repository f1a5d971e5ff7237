/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_ns.h - the namespace bindings in scope at a place of a document
 *
 * Immutable, reference-counted, owner of its strings; shared by threads. NULL is the context of a
 * document's root element: nothing but the prefix xml is bound.
 */
#ifndef XDMS_XCAP_NS_H
#define XDMS_XCAP_NS_H

#include "xdms/xcap_text.h"

struct xcap_ns;

/* OUTER with the N declarations of one element on top, which may be the same context with one more
 * reference when N is 0. An empty uri undeclares the default namespace. Returns 0 with NS_OUT (may
 * be NULL), -1 without memory. */
int xcap_ns_extend(const struct xcap_ns *outer, const struct xcap_binding *decl, unsigned n,
		   const struct xcap_ns **ns_out);
const struct xcap_ns *xcap_ns_hold(const struct xcap_ns *ns);
void xcap_ns_drop(const struct xcap_ns **ns);

/* 1 and the namespace (empty: none) PREFIX stands for; 0 when the prefix is not bound. The empty
 * prefix is always bound. The view lives as long as NS. */
int xcap_ns_find(const struct xcap_ns *ns, struct strv prefix, struct strv *uri_out);

/* All bindings, without xml and without an undeclared default. */
unsigned xcap_ns_count(const struct xcap_ns *ns);
const struct xcap_binding *xcap_ns_at(const struct xcap_ns *ns, unsigned index);

#endif
