/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/pol_list.h - lists become sets, wherever they lead
 *
 * A list of a resource-lists document (RFC 4826) has entries, lists inside of it, and references:
 * "external" to lists elsewhere, "entry-ref" to entries. Who follows a reference is the caller, who
 * hands in the element that is meant, or says that there is none or that it could not be had. What
 * others have written may lead in circles, nowhere, or to far too many people: circles do no harm,
 * otherwise the set is incomplete and the report says why.
 */
#ifndef POLICY_POL_LIST_H
#define POLICY_POL_LIST_H

#include <libxml/tree.h>

#include "base/err.h"
#include "policy/pol_set.h"

enum pol_list_outcome {
	POL_LIST_GONE = 0, /* there is no such thing: nobody is on it */
	POL_LIST_FOUND = 1,
	POL_LIST_MISSING = -1 /* could not be had, for now: cannot tell */
};

/* Bounds of one set. */
struct pol_list_limits {
	size_t entries;
	unsigned depth; /* references behind references; those handed in stand at depth 1 */
	unsigned refs;	/* different ones, at most POL_LIST_REFS_MAX */
};

enum { POL_LIST_REFS_MAX = 256 };

/* 10,000 entries, depth 4, 256 references. */
extern const struct pol_list_limits pol_list_limits_default;

struct pol_list_source {
	/* Where REF leads. FOUND: ELEM_OUT is a resource-lists, list or entry element, or a group's
	 * list, and stays until pol_list_set returns. */
	enum pol_list_outcome (*follow)(void *arg, struct strv ref, const xmlNode **elem_out);
	/* Told of each reference once, whatever came of it: whoever keeps the set current watches
	 * all of them. May be NULL. REF is valid during the call. */
	void (*watch)(void *arg, struct strv ref, enum pol_list_outcome outcome);
	/* Told of each entry as it is met, spelled as in the set, of one that is met twice twice:
	 * for who needs them in order. May be NULL. IDENTITY is valid during the call. */
	void (*member)(void *arg, struct strv identity);
	void *arg;
	const struct pol_spell *spell;	      /* NULL: identities as they stand */
	const struct pol_list_limits *limits; /* NULL: the default */
};

/* What was met on the way. */
struct pol_list_report {
	unsigned followed; /* references that led somewhere */
	unsigned circles;  /* to what was followed before */
	unsigned gone, missing;
	unsigned too_deep; /* not followed: the set is incomplete */
	int too_many;	   /* entries or references: the same */
};

/* The set of all who are on the N lists to which REF lead. Returns 0 and a set, a reference of the
 * caller's; it is incomplete when something was missing, too deep or too many. -1 with ERR_NOMEM,
 * SET_OUT NULL. REPORT_OUT may be NULL. */
int pol_list_set(const struct pol_list_source *source, const struct strv *ref, size_t n,
		 struct pol_set **set_out, struct pol_list_report *report_out, struct err *err);

#endif
