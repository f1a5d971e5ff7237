/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/urilist.h - lists of recipients in requests (RFC 5363, 5364, 5365, 5366)
 *
 * application/resource-lists+xml with disposition recipient-list, read to a flat list without
 * duplicates, and the list that recipients are shown (recipient-list-history). Pure: no I/O.
 */
#ifndef CPM_URILIST_H
#define CPM_URILIST_H

#include "auth/auth_identity.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/strv.h"

/* The higher of two wins (RFC 5364 s4). */
enum urilist_copy {
	URILIST_NONE = 0, /* not said: blind copy by RFC 5364 s4, "to" in a group's INVITE */
	URILIST_BCC,
	URILIST_CC,
	URILIST_TO,
};

struct urilist_entry {
	struct strv uri; /* as written */
	struct strv key; /* canonical identity; else, and with a method or headers, the URI */
	enum urilist_copy copy;
	int anonymize; /* any of the merged entries asked for it */
};

struct urilist {
	const struct urilist_entry *entries; /* in the received order */
	unsigned n;
};

/* Read BYTES. Lists inside of lists are taken apart; entries of one key are merged. DOMAINS as
 * auth_identity_parse. Returns 0 and the list, in ARENA; -1 with ERR_SYNTAX (no XML that base/xml.h
 * takes, another root, an entry without a URI, an unknown copyControl), ERR_RANGE (a reference to a
 * list elsewhere: better refused than delivered to a part), ERR_LIMIT (more than MAX_ENTRIES, 1
 * MiB, 16 levels) or ERR_NOMEM. An empty list is one. Each entry is compared
 * with all before it: a MAX_ENTRIES of a thousand is meant, not of ten thousands. */
int urilist_parse(struct strv bytes, unsigned max_entries, const struct auth_domains *domains,
		  struct arena *arena, struct urilist *list_out, struct err *err);

/* What all recipients may see of LIST (RFC 5364 s4, s6): to and cc, headers in URIs left out, the
 * anonymous counted. NONE_IS: what entries that say nothing are taken as. Returns 1 and the body in
 * ARENA; 0 when nobody is to be seen; -1 with ERR_NOMEM. */
int urilist_history(const struct urilist *list, enum urilist_copy none_is, struct arena *arena,
		    struct strv *bytes_out, struct err *err);

#endif
