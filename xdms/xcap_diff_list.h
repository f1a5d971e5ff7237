/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_diff_list.h - what a subscriber wants to hear of: the body of SUBSCRIBE (RFC 5875 s4.4)
 *
 * A flat resource list (RFC 4826) of XCAP URIs, and what one of them means to whoever asks: a
 * document, a node, or a collection. Pure: no I/O.
 */
#ifndef XDMS_XCAP_DIFF_LIST_H
#define XDMS_XCAP_DIFF_LIST_H

#include "xdms/xcap_req.h"

#define XCAP_DIFF_LIST_TYPE "application/resource-lists+xml"

enum { XCAP_DIFF_URI_MAX = 4096 }; /* octets of one URI */

/* The URIs of BODY in their order, each once, as written but for XML's escapes, in ARENA. Lists in
 * lists are taken apart; what is not understood is passed over (s4.4). Returns 0; -1 with
 * ERR_SYNTAX (no XML that base/xml.h takes, another root), ERR_LIMIT (more than MAX of them, or too
 * long) or ERR_NOMEM. A list of none is one. */
int xcap_diff_list_parse(struct strv body, unsigned max, struct arena *arena, struct strv **uri_out,
			 unsigned *n_out, struct err *err);

enum xcap_interest_kind {
	XCAP_INTEREST_NONE, /* nothing that WHO may read, or nothing at all: never an error (s4.7)
			     */
	XCAP_INTEREST_DOCUMENT,
	XCAP_INTEREST_NODE,
	XCAP_INTEREST_COLLECTION,
};

/* All in the arena. */
struct xcap_interest {
	enum xcap_interest_kind kind;
	/* As in struct xdm_watch_spec. The owner is as the URI says for who asks about another
	 * user: of a home identity or not, which the caller finds out; and, unless WHO is an
	 * operator, whether that user permits it (xdm_access.h). */
	struct strv owner, name;
	struct strv node, query, default_ns;
	int is_foreign; /* the owner is neither WHO nor the global tree */
	/* A collection over both trees: that of the owner, and the global one. */
	int with_global;
};

/* What URI (absolute, or relative to the XCAP root) is to WHO, by the rules that hold for GET. 0;
 * -1 without memory. */
int xcap_interest_read(const struct xcap_rules *rules, struct strv uri, const struct xcap_who *who,
		       struct arena *arena, struct xcap_interest *interest_out);

/* 1 when WHO may read the document of the record, else 0 (also without memory in ARENA). */
int xcap_interest_may_read(const struct xcap_rules *rules, struct strv owner, struct strv name,
			   const struct xcap_who *who, struct arena *arena);

#endif
